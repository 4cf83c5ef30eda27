/*! Texts as value representations allow them (PS3.5 section 6.2), and as other character sets wrote them. */

use dicom_core::VR;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec as _};

/// A text that fits a value representation: no control characters, no backslash where that parts values, not too long.
pub(crate) fn fitting(vr: VR, text: &str) -> String {
    let (longest, lines) = match vr {
        VR::AS => (4, false),
        VR::DA => (8, false),
        VR::CS | VR::DS | VR::SH | VR::TM => (16, false),
        VR::LO | VR::UI => (64, false),
        VR::PN => return name(text),
        VR::ST => (1024, true),
        VR::LT => (10_240, true),
        VR::UT => (usize::MAX, true),
        _ => (usize::MAX, false),
    };
    let kept = text
        .chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' if lines => c,
            '\\' if !lines => '/',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect::<String>();
    kept.trim().chars().take(longest).collect::<String>().trim_end().to_owned()
}

/// A person's name: three groups of five components, 64 characters a group.
fn name(text: &str) -> String {
    let clean = text.chars().map(|c| match c {
        '\\' => '/',
        c if c.is_control() => ' ',
        c => c,
    });
    let clean = clean.collect::<String>();
    let groups = clean.split('=').take(3).map(|group| {
        let components = group.split('^').take(5).collect::<Vec<_>>().join("^");
        components.chars().take(64).collect::<String>().trim_end().to_owned()
    });
    groups.collect::<Vec<_>>().join("=").trim_end_matches('=').trim().to_owned()
}

/// Decodes a value by its SpecificCharacterSet; none where the character set is not known.
pub(crate) fn decoded(bytes: &[u8], character_set: &str) -> Option<String> {
    let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |at| at + 1);
    let bytes = &bytes[..end];
    if bytes.iter().all(|byte| byte.is_ascii() && *byte != ESCAPE) {
        return String::from_utf8(bytes.to_vec()).ok();
    }
    let terms = character_set.split('\\').map(str::trim).collect::<Vec<_>>();
    if !bytes.contains(&ESCAPE) {
        let term = terms.first().copied().unwrap_or_default();
        if term.is_empty() || term == "ISO_IR 6" {
            // bytes beyond the default repertoire without a character set: what they most likely are
            return match std::str::from_utf8(bytes) {
                Ok(text) => Some(text.to_owned()),
                Err(_) => SpecificCharacterSet::ISO_IR_100.decode(bytes).ok(),
            };
        }
        return SpecificCharacterSet::from_code(term)?.decode(bytes).ok();
    }
    extended(bytes, terms.first().copied().unwrap_or_default())
}

const ESCAPE: u8 = 0x1b;

/// Escape sequences of PS3.3 C.12.1.1.2 and the character sets that they switch to.
const SWITCHES: [(&[u8], &str); 17] = [
    (b"\x1b(B", "ISO_IR 6"),
    (b"\x1b(J", "ISO_IR 13"),
    (b"\x1b)I", "ISO_IR 13"),
    (b"\x1b-A", "ISO_IR 100"),
    (b"\x1b-B", "ISO_IR 101"),
    (b"\x1b-C", "ISO_IR 109"),
    (b"\x1b-D", "ISO_IR 110"),
    (b"\x1b-F", "ISO_IR 126"),
    (b"\x1b-G", "ISO_IR 127"),
    (b"\x1b-H", "ISO_IR 138"),
    (b"\x1b-L", "ISO_IR 144"),
    (b"\x1b-M", "ISO_IR 148"),
    (b"\x1b-T", "ISO_IR 166"),
    (b"\x1b$B", "ISO_IR 87"),
    (b"\x1b$(D", "ISO_IR 159"),
    (b"\x1b$)C", "ISO_IR 149"),
    (b"\x1b$)A", "ISO 2022 IR 58"),
];

/// Text with code extensions: in pieces, each in the character set its escape sequence names.
fn extended(bytes: &[u8], first: &str) -> Option<String> {
    let mut text = String::new();
    let mut term = if first.is_empty() { "ISO_IR 6" } else { first };
    let mut escape: &[u8] = b"";
    let mut rest = bytes;
    loop {
        let end = rest.iter().position(|byte| *byte == ESCAPE).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        if !piece.is_empty() {
            // the decoder of JIS X 0208 reads the escape sequence itself
            let whole;
            let piece = if term == "ISO_IR 87" {
                whole = [escape, piece].concat();
                &whole
            } else {
                piece
            };
            text += &SpecificCharacterSet::from_code(term)?.decode(piece).ok()?;
        }
        if after.is_empty() {
            return Some(text);
        }
        let (sequence, switched) = SWITCHES.iter().find(|(sequence, _)| after.starts_with(sequence))?;
        (escape, term) = (sequence, switched);
        rest = &after[sequence.len()..];
    }
}

/// A decimal string of at most 16 characters, as near as that allows.
pub(crate) fn decimal(value: f64) -> String {
    let plain = format!("{value}");
    if plain.len() <= 16 && plain.parse() == Ok(value) {
        return plain;
    }
    let mut best = format!("{value:.0}");
    for digits in 0..=15 {
        let fixed = format!("{value:.digits$}");
        if fixed.len() <= 16 {
            best = fixed;
        }
    }
    // of very small and very large values the exponent holds more digits
    for digits in (0..=12).rev() {
        let scientific = format!("{value:.digits$e}");
        if scientific.len() <= 16 {
            let error = |text: &str| text.parse::<f64>().map_or(f64::INFINITY, |near| (near - value).abs());
            if best.len() > 16 || error(&scientific) < error(&best) {
                best = scientific;
            }
            break;
        }
    }
    if best.contains('.') && !best.contains('e') {
        best = best.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    if best == "-0" { "0".to_owned() } else { best }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_representation() {
        let check = |vr, text: &str, expected: &str| assert_eq!(fitting(vr, text), expected, "{text:?}");
        check(VR::LO, "a\\b\u{1b}[31m\n", "a/b [31m");
        check(VR::SH, "0123456789abcdefgh", "0123456789abcdef");
        check(VR::LT, "line\r\nline\\\u{7}", "line\r\nline\\");
        check(VR::LO, "è".repeat(70).as_str(), "è".repeat(64).as_str());
        check(VR::PN, "Rossi^Maria^^^^^more=a=b=c", "Rossi^Maria^^^=a=b");
        check(VR::PN, "<script>^\0x", "<script>^ x");
    }

    #[test]
    fn names_of_other_character_sets_are_read() {
        let check = |bytes: &[u8], set: &str, expected: &str| {
            assert_eq!(decoded(bytes, set).as_deref(), Some(expected), "{set}");
        };
        // the examples of PS3.5 annexes H, I and J
        check(b"Buc^J\xe9r\xf4me", "ISO_IR 100", "Buc^Jérôme");
        check(b"\xbb\xee\xda\xe1^A", "ISO_IR 144", "Люкс^A");
        check(
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "\\ISO 2022 IR 87",
            "Yamada^Tarou=山田^太郎",
        );
        check(
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "\\ISO 2022 IR 149",
            "Hong^Gildong=洪^吉洞",
        );
        check("Wang^小东".as_bytes(), "ISO_IR 192", "Wang^小东");
        check("Wang^小东".as_bytes(), "", "Wang^小东");
        assert_eq!(decoded(b"\x1b%x?", "ISO 2022 IR 6"), None);
    }

    #[test]
    fn decimal_strings_are_short_and_near() {
        for value in [0.0, -0.0, 1.0 / 3.0, -123_456.789_012_345, 1e-9 / 3.0, 6.02e23, 0.976_562_5, -0.1] {
            let text = decimal(value);
            assert!(text.len() <= 16, "{text}");
            let near: f64 = text.parse().unwrap_or(f64::NAN);
            assert!((near - value).abs() <= value.abs() * 1e-9 + 1e-15, "{value} {text}");
        }
    }
}
