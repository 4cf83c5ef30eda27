/*!
What goes to standard output and standard error.
*/

use std::fmt::Write as _;
use std::io::{self, Write};

use apatite_text::is_obeyed;
use serde_json::Value;

/// Tells a line on standard error. Whoever closed it does not want to hear, which is no reason to fail.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Writes JSON and a line break. What a terminal would obey is escaped in it: JSON itself asks that only of the
/// control characters of ASCII.
pub(crate) fn write_json(out: &mut impl Write, value: &Value, in_one_line: bool) -> io::Result<()> {
    let text = if in_one_line { serde_json::to_string(value)? } else { serde_json::to_string_pretty(value)? };
    // outside of strings JSON has no such character but the line breaks of the pretty form
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) && c != '\n' {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    writeln!(out, "{escaped}")
}
