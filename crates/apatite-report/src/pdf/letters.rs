//! Fonts: which glyphs a text takes, how wide it is, where its lines break.

use rustybuzz::{Direction, Face, UnicodeBuffer};
use textwrap::WordSeparator;
use textwrap::core::Fragment;
use textwrap::wrap_algorithms::wrap_first_fit;

use crate::report::{Span, Text, cited};

const REGULAR: &[u8] = include_bytes!("../../fonts/NotoSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../fonts/NotoSans-Bold.ttf");

/// What the fonts have no letter for.
const UNKNOWN: char = '\u{fffd}';

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

pub(super) const INK: Colour = [20, 23, 27];
pub(super) const FAINT: Colour = [80, 88, 98];
pub(super) const LINK: Colour = [11, 87, 176];

/// The fonts of the report.
pub(super) struct Letters {
    faces: [Face<'static>; 2],
}

/// How a run of text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) is_bold: bool,
    pub(super) colour: Colour,
    /// Whether it is English in a text of another language.
    pub(super) is_english: bool,
}

impl Style {
    pub(super) const PLAIN: Self = Self { is_bold: false, colour: INK, is_english: false };
    pub(super) const BOLD: Self = Self { is_bold: true, colour: INK, is_english: false };
    pub(super) const FAINT: Self = Self { is_bold: false, colour: FAINT, is_english: false };
    pub(super) const LINK: Self = Self { is_bold: false, colour: LINK, is_english: false };
}

/// Text of one look on one line.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) style: Style,
    /// From the start of the line, pt.
    pub(super) x: f32,
    /// Without the white space at its end, pt.
    pub(super) width: f32,
}

/// Glyph of a shaped text; lengths are in ems.
pub(super) struct Shaped {
    pub(super) glyph: u32,
    pub(super) advance: f32,
    pub(super) offset: [f32; 2],
    /// Bytes of the text that it stands for.
    pub(super) range: std::ops::Range<usize>,
}

impl Letters {
    pub(super) fn new() -> Option<Self> {
        Some(Self { faces: [Face::from_slice(REGULAR, 0)?, Face::from_slice(BOLD, 0)?] })
    }

    /// The file of a font.
    pub(super) fn file(is_bold: bool) -> &'static [u8] {
        if is_bold { BOLD } else { REGULAR }
    }

    /// The glyphs of a text from left to right.
    pub(super) fn shape(&self, text: &str, is_bold: bool) -> Vec<Shaped> {
        let face = &self.faces[usize::from(is_bold)];
        let em = face.units_per_em() as f32;
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(Direction::LeftToRight);
        let output = rustybuzz::shape(face, &[], buffer);
        let (infos, positions) = (output.glyph_infos(), output.glyph_positions());
        let end = |index: usize| {
            let own = infos[index].cluster;
            infos[index..]
                .iter()
                .find(|info| info.cluster != own)
                .map_or(text.len(), |info| info.cluster as usize)
        };
        positions
            .iter()
            .enumerate()
            .map(|(index, position)| Shaped {
                glyph: infos[index].glyph_id,
                advance: position.x_advance as f32 / em,
                offset: [position.x_offset as f32 / em, position.y_offset as f32 / em],
                range: infos[index].cluster as usize..end(index),
            })
            .collect()
    }

    /// Width of a text, pt.
    pub(super) fn width(&self, text: &str, is_bold: bool, size: f32) -> f32 {
        self.shape(text, is_bold).iter().map(|shaped| shaped.advance).sum::<f32>() * size
    }

    /// Text in which every letter can be shown.
    fn shown(&self, text: &str) -> String {
        let has =
            |c: char| self.faces.iter().all(|face| face.glyph_index(c).is_some_and(|glyph| glyph.0 != 0));
        text.chars().map(|c| if has(c) { c } else { UNKNOWN }).collect()
    }

    /// Breaks a text into lines of at most `width` pt.
    pub(super) fn lines(&self, text: &Text, base: Style, size: f32, width: f32) -> Vec<Vec<Run>> {
        let mut pieces = Vec::new();
        for span in &text.0 {
            let (text, style) = styled(span, base);
            if matches!(span, Span::Cite { .. }) && !text.is_empty() {
                // a citation is set off by a blank that belongs to the word before it
                if let Some(last) = pieces.last_mut() {
                    add_blank(last, self.width(" ", base.is_bold, size));
                }
            }
            self.pieces(&text, style, size, width, &mut pieces);
        }
        wrap_first_fit(&pieces, &[f64::from(width)]).iter().map(|line| runs(line)).collect()
    }

    fn pieces(&self, text: &str, style: Style, size: f32, width: f32, pieces: &mut Vec<Piece>) {
        let text = self.shown(text);
        let separator = WordSeparator::UnicodeBreakProperties;
        for word in separator.find_words(&text) {
            let blank = self.width(word.whitespace, style.is_bold, size);
            let own = self.width(word.word, style.is_bold, size);
            if own <= width {
                let text = format!("{}{}", word.word, word.whitespace);
                pieces.push(Piece { text, style, width: own, blank });
                continue;
            }
            // a word wider than the line is broken where it must
            let mut part = String::new();
            let mut length = 0.0;
            for c in word.word.chars() {
                let own = self.width(c.encode_utf8(&mut [0; 4]), style.is_bold, size);
                if length + own > width && !part.is_empty() {
                    let text = std::mem::take(&mut part);
                    pieces.push(Piece { text, style, width: length, blank: 0.0 });
                    length = 0.0;
                }
                part.push(c);
                length += own;
            }
            part.push_str(word.whitespace);
            pieces.push(Piece { text: part, style, width: length, blank });
        }
    }
}

/// A word with the white space after it.
#[derive(Debug)]
struct Piece {
    text: String,
    style: Style,
    width: f32,
    blank: f32,
}

impl Fragment for Piece {
    fn width(&self) -> f64 {
        f64::from(self.width)
    }

    fn whitespace_width(&self) -> f64 {
        f64::from(self.blank)
    }

    fn penalty_width(&self) -> f64 {
        0.0
    }
}

fn add_blank(piece: &mut Piece, width: f32) {
    if piece.blank == 0.0 {
        piece.text.push(' ');
        piece.blank = width;
    }
}

fn styled(span: &Span, base: Style) -> (String, Style) {
    match span {
        Span::Plain(text) => (text.clone(), base),
        Span::Strong(text) => (text.clone(), Style { is_bold: true, ..base }),
        Span::Faint(text) => (text.clone(), Style { colour: FAINT, ..base }),
        Span::English(text) => (text.clone(), Style { is_english: true, ..base }),
        Span::Cite { numbers, judgement } => {
            (cited(numbers, judgement.as_deref()), Style { colour: FAINT, is_bold: false, ..base })
        }
    }
}

/// Words of one look beside each other become one run.
fn runs(line: &[Piece]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut x = 0.0;
    for piece in line {
        match runs.last_mut() {
            Some(run) if run.style == piece.style => {
                run.text.push_str(&piece.text);
                run.width = x + piece.width - run.x;
            }
            _ => runs.push(Run { text: piece.text.clone(), style: piece.style, x, width: piece.width }),
        }
        x += piece.width + piece.blank;
    }
    runs
}
