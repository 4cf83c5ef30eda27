use textwrap::{Options, WordSplitter, fill};

use crate::report::Report;

/// Longest line.
const WIDTH: usize = 80;

/// The report as plain text in the order in which a radiologist dictates: clinical information, technique, findings,
/// impression. Lines of at most 80 characters, letters and punctuation that every dictation system knows.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    paragraph(&mut out, &report.kind.to_uppercase(), 0);
    paragraph(&mut out, &report.title, 0);
    for (label, value) in &report.head {
        paragraph(&mut out, &format!("{label}: {value}"), 2);
    }
    for passage in &report.dictation {
        out.push('\n');
        paragraph(&mut out, &passage.title.to_uppercase(), 0);
        for text in &passage.paragraphs {
            paragraph(&mut out, text, 2);
        }
    }
    out.push('\n');
    paragraph(&mut out, &report.intended_use, 0);
    paragraph(&mut out, &report.program, 0);
    out
}

/// A paragraph with its later lines moved to the right.
fn paragraph(out: &mut String, text: &str, hanging: usize) {
    let indent = " ".repeat(hanging);
    let options = Options::new(WIDTH).subsequent_indent(&indent).word_splitter(WordSplitter::NoHyphenation);
    out.push_str(&fill(&simple(text), options));
    out.push('\n');
}

/// Letters stay; typographic signs become what a typewriter has.
fn simple(text: &str) -> String {
    let mut simple = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => simple.push(c),
            '\u{a0}' | '\u{2009}' | '\u{202f}' => simple.push(' '),
            '–' | '—' | '−' | '‐' | '‑' => simple.push('-'),
            '‘' | '’' => simple.push('\''),
            '“' | '”' | '«' | '»' => simple.push('"'),
            '±' => simple.push_str("+/-"),
            '×' => simple.push('x'),
            '²' => simple.push('2'),
            '³' => simple.push('3'),
            '°' => simple.push(c),
            '≥' => simple.push_str(">="),
            '≤' => simple.push_str("<="),
            '…' => simple.push_str("..."),
            '→' => simple.push_str("->"),
            'µ' | 'μ' => simple.push('u'),
            'α' => simple.push_str("alpha"),
            'β' => simple.push_str("beta"),
            'γ' => simple.push_str("gamma"),
            c if c.is_alphanumeric() => simple.push(c),
            _ => simple.push('?'),
        }
    }
    simple
}
