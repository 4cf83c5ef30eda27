/*!
A tolerant, allocation-free walk over the elements of a DICOM data set (PS3.5 section 7).

Why not a general reader: a study is read for some forty attributes and the place of its pixels, from files that may be
cut short or hostile. Every element is a range of the bytes given; no length in a file decides an allocation, and a
damaged element ends the walk with a named problem while what came before stays readable.
*/

use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// Sequences nested deeper than this end the walk: no image object needs more, and the walk recurses.
const MAX_DEPTH: usize = 32;

const UNDEFINED: u32 = 0xffff_ffff;
const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) explicit: bool,
    pub(crate) big_endian: bool,
}

pub(crate) const IMPLICIT_LITTLE: Encoding = Encoding { explicit: false, big_endian: false };
pub(crate) const EXPLICIT_LITTLE: Encoding = Encoding { explicit: true, big_endian: false };
pub(crate) const EXPLICIT_BIG: Encoding = Encoding { explicit: true, big_endian: true };

/// One element: where its value lies in the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    pub(crate) tag: Tag,
    /// As written; none in implicit encoding.
    pub(crate) vr: Option<[u8; 2]>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Where the pixels begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PixelPlace {
    pub(crate) tag: Tag,
    /// First byte of the value.
    pub(crate) start: usize,
    /// Length as declared; none for encapsulated pixels.
    pub(crate) length: Option<u32>,
    /// Representation as written.
    pub(crate) vr: Option<[u8; 2]>,
}

/// Why a walk ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes end inside this element.
    Short(Tag),
    /// The bytes at this element are no data set.
    Broken(Tag),
}

/// The elements of one data set or item.
#[derive(Clone, Debug)]
pub(crate) struct Dataset<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    elements: Vec<Element>,
    pub(crate) pixels: Option<PixelPlace>,
    pub(crate) stop: Option<Stop>,
    /// A value representation that the standard does not know was met.
    pub(crate) odd_vr: bool,
}

impl<'a> Dataset<'a> {
    /// Walks `bytes[start..end]` up to the pixels.
    pub(crate) fn parse(bytes: &'a [u8], start: usize, end: usize, encoding: Encoding) -> Self {
        let mut walk = Walk { bytes, encoding, odd_vr: false };
        let mut dataset =
            Self { bytes, encoding, elements: Vec::new(), pixels: None, stop: None, odd_vr: false };
        let end = end.min(bytes.len());
        let mut at = start;
        while at < end {
            match walk.element(at, end, 0) {
                Ok(Step::Element(element)) => {
                    at = element.end;
                    // an undefined length ends behind its delimiter
                    if let Some(after) = walk.delimiter_after(element.end, end) {
                        at = after;
                    }
                    dataset.elements.push(element);
                }
                Ok(Step::Pixels(place)) => {
                    dataset.pixels = Some(place);
                    break;
                }
                Ok(Step::End(_)) => break,
                Err(stop) => {
                    dataset.stop = Some(stop);
                    break;
                }
            }
        }
        dataset.odd_vr = walk.odd_vr;
        dataset
    }

    pub(crate) fn is_big_endian(&self) -> bool {
        self.encoding.big_endian
    }

    pub(crate) fn has(&self, tag: Tag) -> bool {
        self.elements.iter().any(|element| element.tag == tag)
    }

    pub(crate) fn elements(&self) -> &[Element] {
        &self.elements
    }

    pub(crate) fn bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        self.element(tag).map(|element| &self.bytes[element.start..element.end])
    }

    /// Text without padding; UTF-8 where it is valid, else Latin-1. Empty where absent.
    pub(crate) fn text(&self, tag: Tag) -> String {
        let Some(bytes) = self.bytes(tag) else { return String::new() };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
        };
        text.trim_matches(|character: char| character == '\0' || character.is_whitespace()).to_owned()
    }

    /// The values of a numeric element: text (DS, IS) or binary by the representation written, or else by `usual`.
    pub(crate) fn numbers(&self, tag: Tag, usual: [u8; 2]) -> Vec<f64> {
        let Some(element) = self.element(tag) else { return Vec::new() };
        let bytes = &self.bytes[element.start..element.end];
        let big = self.encoding.big_endian;
        let vr = element.vr.filter(|vr| NUMERIC.contains(&vr)).unwrap_or(usual);
        match &vr {
            b"US" => bytes.chunks_exact(2).map(|pair| f64::from(u16_of(pair, big))).collect(),
            b"SS" => bytes.chunks_exact(2).map(|pair| f64::from(u16_of(pair, big).cast_signed())).collect(),
            b"UL" => bytes.chunks_exact(4).map(|four| f64::from(u32_of(four, big))).collect(),
            b"SL" => bytes.chunks_exact(4).map(|four| f64::from(u32_of(four, big).cast_signed())).collect(),
            b"FL" => bytes.chunks_exact(4).map(|four| f64::from(f32::from_bits(u32_of(four, big)))).collect(),
            b"FD" => bytes
                .chunks_exact(8)
                .map(|eight| {
                    let (first, second) = eight.split_at(4);
                    let (high, low) = if big { (first, second) } else { (second, first) };
                    f64::from_bits(u64::from(u32_of(high, big)) << 32 | u64::from(u32_of(low, big)))
                })
                .collect(),
            _ => self.text(tag).split('\\').filter_map(|part| part.trim().parse().ok()).collect(),
        }
    }

    /// First value of a numeric element, if finite.
    pub(crate) fn number(&self, tag: Tag, usual: [u8; 2]) -> Option<f64> {
        self.numbers(tag, usual).first().copied().filter(|value| value.is_finite())
    }

    /// First value of an unsigned short, `None` where absent or negative.
    pub(crate) fn short(&self, tag: Tag) -> Option<u16> {
        let value = self.number(tag, *b"US")?;
        ((0.0..=65535.0).contains(&value) && value.fract() == 0.0).then_some(value as u16)
    }

    /// The raw two bytes of an element that is US or SS by context.
    pub(crate) fn raw_short(&self, tag: Tag) -> Option<u16> {
        let bytes = self.bytes(tag)?;
        (bytes.len() >= 2).then(|| u16_of(bytes, self.encoding.big_endian))
    }

    /// The items of a sequence; empty where absent or no sequence.
    pub(crate) fn items(&self, tag: Tag) -> Vec<Dataset<'a>> {
        let Some(element) = self.element(tag) else { return Vec::new() };
        // PS3.5 6.2.2: a sequence of unknown representation is implicit little endian
        let encoding = if element.vr == Some(*b"UN") { IMPLICIT_LITTLE } else { self.encoding };
        let mut walk = Walk { bytes: self.bytes, encoding, odd_vr: false };
        let mut items = Vec::new();
        let mut at = element.start;
        while let Some((tag, length)) = walk.item_header(at, element.end) {
            if tag != ITEM {
                break;
            }
            let start = at + 8;
            let (end, after) = if length == UNDEFINED {
                match walk.item_end(start, element.end, 0) {
                    Ok(end) => (end, end + 8),
                    Err(_) => (element.end, element.end),
                }
            } else {
                let end = start.saturating_add(length as usize).min(element.end);
                (end, end)
            };
            items.push(Dataset::parse(self.bytes, start, end, encoding));
            at = after;
        }
        items
    }

    /// First item of a sequence.
    pub(crate) fn item(&self, tag: Tag) -> Option<Dataset<'a>> {
        self.items(tag).into_iter().next()
    }

    fn element(&self, tag: Tag) -> Option<&Element> {
        self.elements.iter().find(|element| element.tag == tag)
    }
}

/// Encoding of a data set that begins here, told from its first element; none where these are no such bytes.
pub(crate) fn sniff(bytes: &[u8]) -> Option<Encoding> {
    let head = bytes.get(..8)?;
    let plausible =
        |group: u16| matches!(group, 0x0002 | 0x0008 | 0x0004 | 0x0010 | 0x0018 | 0x0020 | 0x0028);
    let big_endian = if plausible(u16_of(head, false)) {
        false
    } else if plausible(u16_of(head, true)) {
        true
    } else {
        return None;
    };
    let explicit = head[4].is_ascii_uppercase() && head[5].is_ascii_uppercase();
    if big_endian && !explicit {
        return None;
    }
    if !explicit && u32_of(&head[4..], false) as usize > (1 << 20) && u32_of(&head[4..], false) != UNDEFINED {
        return None;
    }
    Some(Encoding { explicit, big_endian })
}

pub(crate) fn u16_of(bytes: &[u8], big_endian: bool) -> u16 {
    let pair = [bytes[0], bytes[1]];
    if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
}

pub(crate) fn u32_of(bytes: &[u8], big_endian: bool) -> u32 {
    let four = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
}

/// The fragments of encapsulated pixels that begin at `start` (PS3.5 A.4): the offset table first.
///
/// The second value tells whether the bytes end inside a fragment.
pub(crate) fn fragments(bytes: &[u8], start: usize) -> (Vec<std::ops::Range<usize>>, bool) {
    let walk = Walk { bytes, encoding: EXPLICIT_LITTLE, odd_vr: false };
    let mut found = Vec::new();
    let mut at = start;
    while let Some((tag, length)) = walk.item_header(at, bytes.len()) {
        if tag != ITEM || length == UNDEFINED {
            return (found, tag != SEQUENCE_END);
        }
        let from = at + 8;
        let to = from.saturating_add(length as usize);
        if to > bytes.len() {
            found.push(from..bytes.len());
            return (found, true);
        }
        found.push(from..to);
        at = to;
    }
    (found, true)
}

const NUMERIC: [&[u8; 2]; 8] = [b"US", b"SS", b"UL", b"SL", b"FL", b"FD", b"DS", b"IS"];

/// Representations whose length has four bytes (PS3.5 7.1.2).
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL",
    b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
];

enum Step {
    Element(Element),
    Pixels(PixelPlace),
    /// A delimiter, and where it begins.
    End(usize),
}

struct Walk<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    odd_vr: bool,
}

impl Walk<'_> {
    fn element(&mut self, at: usize, end: usize, depth: usize) -> Result<Step, Stop> {
        let Some(head) = self.bytes.get(at..end).filter(|rest| rest.len() >= 8) else {
            return Err(Stop::Short(Tag(0xffff, 0xffff)));
        };
        let big = self.encoding.big_endian;
        let tag = Tag(u16_of(head, big), u16_of(&head[2..], big));
        if tag == ITEM_END || tag == SEQUENCE_END {
            return Ok(Step::End(at));
        }
        if tag.0 == 0xfffe || depth > MAX_DEPTH {
            return Err(Stop::Broken(tag));
        }
        let (vr, length, start) = self.header(head, at, end).ok_or(Stop::Short(tag))?;
        if matches!(tag, tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA)
            && depth == 0
        {
            return Ok(Step::Pixels(PixelPlace {
                tag,
                start,
                length: (length != UNDEFINED).then_some(length),
                vr,
            }));
        }
        let value_end = if length == UNDEFINED {
            self.sequence_end(start, end, vr, depth)?
        } else {
            start.checked_add(length as usize).filter(|&to| to <= end).ok_or(Stop::Short(tag))?
        };
        Ok(Step::Element(Element { tag, vr, start, end: value_end }))
    }

    /// Representation, length and first byte of the value.
    fn header(&mut self, head: &[u8], at: usize, end: usize) -> Option<(Option<[u8; 2]>, u32, usize)> {
        let big = self.encoding.big_endian;
        let implicit = (None, u32_of(&head[4..], big), at + 8);
        if !self.encoding.explicit {
            return Some(implicit);
        }
        let vr = [head[4], head[5]];
        if LONG.contains(&&vr) {
            return (head.len() >= 12).then(|| (Some(vr), u32_of(&head[8..], big), at + 12));
        }
        let short = (Some(vr), u32::from(u16_of(&head[6..], big)), at + 8);
        if SHORT.contains(&&vr) {
            return Some(short);
        }
        self.odd_vr = true;
        if !vr.iter().all(u8::is_ascii_uppercase) {
            // some writers leave the representation out inside an explicit data set
            return Some(implicit);
        }
        // an unknown representation: short unless that leaves the data set
        if short.2 + short.1 as usize <= end || head.len() < 12 {
            Some(short)
        } else {
            Some((Some(vr), u32_of(&head[8..], big), at + 12))
        }
    }

    /// End of the value of a sequence of undefined length: where its delimiter begins.
    fn sequence_end(
        &mut self,
        start: usize,
        end: usize,
        vr: Option<[u8; 2]>,
        depth: usize,
    ) -> Result<usize, Stop> {
        let outer = self.encoding;
        if vr == Some(*b"UN") {
            self.encoding = IMPLICIT_LITTLE;
        }
        let mut at = start;
        let result = loop {
            match self.item_header(at, end) {
                None => break Err(Stop::Short(ITEM)),
                Some((SEQUENCE_END, _)) => break Ok(at),
                Some((ITEM, UNDEFINED)) => match self.item_end(at + 8, end, depth + 1) {
                    Ok(item_end) => at = item_end + 8,
                    Err(stop) => break Err(stop),
                },
                Some((ITEM, length)) => match (at + 8).checked_add(length as usize).filter(|&to| to <= end) {
                    Some(to) => at = to,
                    None => break Err(Stop::Short(ITEM)),
                },
                Some((tag, _)) => break Err(Stop::Broken(tag)),
            }
        };
        self.encoding = outer;
        result
    }

    /// Where the delimiter of an item of undefined length begins.
    fn item_end(&mut self, start: usize, end: usize, depth: usize) -> Result<usize, Stop> {
        let mut at = start;
        loop {
            match self.element(at, end, depth.max(1))? {
                Step::End(delimiter) => return Ok(delimiter),
                Step::Element(element) => {
                    at = self.delimiter_after(element.end, end).unwrap_or(element.end);
                }
                Step::Pixels(place) => return Err(Stop::Broken(place.tag)),
            }
        }
    }

    /// Behind a sequence delimiter that stands at `at`.
    fn delimiter_after(&self, at: usize, end: usize) -> Option<usize> {
        matches!(self.item_header(at, end), Some((SEQUENCE_END, _))).then_some(at + 8)
    }

    fn item_header(&self, at: usize, end: usize) -> Option<(Tag, u32)> {
        let head = self.bytes.get(at..end)?.get(..8)?;
        let big = self.encoding.big_endian;
        Some((Tag(u16_of(head, big), u16_of(&head[2..], big)), u32_of(&head[4..], big)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undefined_sequence_ends_at_its_delimiter_and_its_items_are_found() {
        let mut bytes = Vec::new();
        // (0008,1140) SQ undefined, one item of undefined length with (0008,0060) CS "CT"
        bytes.extend([0x08, 0, 0x40, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend([0x08, 0, 0x60, 0, b'C', b'S', 2, 0, b'C', b'T']);
        bytes.extend([0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0]);
        bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        bytes.extend([0x20, 0, 0x13, 0, b'I', b'S', 2, 0, b'7', b' ']);
        let dataset = Dataset::parse(&bytes, 0, bytes.len(), EXPLICIT_LITTLE);
        assert_eq!(dataset.stop, None);
        assert_eq!(dataset.number(tags::INSTANCE_NUMBER, *b"IS"), Some(7.0));
        let items = dataset.items(tags::REFERENCED_IMAGE_SEQUENCE);
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].text(tags::MODALITY), "CT");
    }

    #[test]
    fn a_cut_element_is_named_and_what_came_before_is_kept() {
        let mut bytes = vec![0x08, 0, 0x60, 0, b'C', b'S', 2, 0, b'C', b'T'];
        bytes.extend([0x20, 0, 0x0e, 0, b'U', b'I', 64, 0, b'1', b'.']);
        let dataset = Dataset::parse(&bytes, 0, bytes.len(), EXPLICIT_LITTLE);
        assert_eq!(dataset.text(tags::MODALITY), "CT");
        assert_eq!(dataset.stop, Some(Stop::Short(tags::SERIES_INSTANCE_UID)));
    }
}
