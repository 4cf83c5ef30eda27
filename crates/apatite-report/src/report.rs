use apatite_knowledge::Language;
use apatite_text::{Words, printable};
use jiff::civil::Date;

/// Longest text of others that is taken into a report as it stands, characters.
const LONGEST: usize = 4000;

/// A report in the words of one language.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The language of all texts.
    pub language: Language,
    /// What kind of document it is.
    pub kind: String,
    /// Title of the case.
    pub title: String,
    /// The day it speaks of; none where nobody said it.
    pub date: Option<Date>,
    /// The day in the metadata of a file: that of the report, else the month of the knowledge. Never the clock.
    pub stamp: Date,
    /// Who, when and where: label and value.
    pub head: Vec<(String, String)>,
    /// What it is for.
    pub intended_use: String,
    /// The document, in reading order.
    pub sections: Vec<Section>,
    /// The same in the order of dictation: technique, findings, impression.
    pub dictation: Vec<Passage>,
    /// Version of the program that made it.
    pub program: String,
    /// Word for a list of the sections.
    pub contents: String,
    /// Word for a page.
    pub page: String,
}

/// A section with a heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Anchor: small letters and hyphens.
    pub id: &'static str,
    /// Heading.
    pub title: String,
    /// Content.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A heading below that of the section.
    Heading(Text),
    /// A heading below such a heading.
    Subheading(Text),
    /// A paragraph.
    Paragraph(Text),
    /// Something one must see.
    Notice(Notice),
    /// Points, in order or not.
    List {
        /// Whether the order matters.
        numbered: bool,
        /// The points.
        items: Vec<Text>,
    },
    /// A table.
    Table(Table),
    /// Pictures beside each other.
    Pictures(Vec<Picture>),
    /// The sources, numbered.
    Sources(Vec<Source>),
}

/// Something one must see.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// How grave it is.
    pub tone: Tone,
    /// What it is about.
    pub title: String,
    /// What there is to say.
    pub text: Text,
}

/// Text that carries citations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text(pub Vec<Span>);

/// A run of text. What others wrote never holds what a reader's machine would obey.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    /// As it stands.
    Plain(String),
    /// What stands out.
    Strong(String),
    /// What may be passed over.
    Faint(String),
    /// A technical note that exists in English only.
    English(String),
    /// Numbers of sources, and whether some of it is judgement.
    Cite {
        /// Numbers in the list of sources, from 1.
        numbers: Vec<usize>,
        /// The word for a judgement, where there is one.
        judgement: Option<String>,
    },
}

/// A table; the first cell of a row is its heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Heading.
    pub title: String,
    /// Whether it holds numbers, which stand on the right.
    pub is_number: bool,
    /// Share of the width on paper.
    pub weight: f32,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The cells.
    pub cells: Vec<Cell>,
}

/// A cell: text, and a bar that says the same as a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What it says.
    pub text: Text,
    /// The picture of it.
    pub bar: Option<Bar>,
}

/// A bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// A share from 0 to 1.
    Share {
        /// The share.
        value: f64,
        /// Its interval.
        interval: Option<[f64; 2]>,
        /// Colour.
        tone: Tone,
    },
    /// A weight to the right (for) or left (against) of an axis in the middle.
    Weight {
        /// From -1 to 1.
        value: f64,
    },
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad.
    Plain,
    /// To be looked at.
    Warning,
    /// Grave.
    Danger,
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// PNG.
    pub png: Vec<u8>,
    /// Columns and rows, pixels.
    pub size: [u32; 2],
    /// What stands below it.
    pub caption: String,
    /// What it shows, for those who do not see it.
    pub alternative: String,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Number by which the text cites it.
    pub number: usize,
    /// Authors, title, place.
    pub citation: String,
    /// Where it is found.
    pub link: Option<String>,
}

/// A passage of the dictation.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// Heading.
    pub title: String,
    /// Sentences that belong together.
    pub paragraphs: Vec<String>,
}

impl Text {
    /// Text without citations.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self(vec![Span::Plain(safe(text))])
    }

    /// Text that stands out.
    #[must_use]
    pub fn strong(text: &str) -> Self {
        Self(vec![Span::Strong(safe(text))])
    }

    /// A warning or problem that the program keeps in English: in the language of the report, or marked as English where
    /// the language does not have it.
    #[must_use]
    pub fn remark(words: &Words<'_>, english: &str) -> Self {
        words
            .remark(english)
            .map_or_else(|| Self(vec![Span::English(safe(english))]), |said| Self::plain(&said))
    }

    /// The same with something more after it.
    #[must_use]
    pub fn and(mut self, span: Span) -> Self {
        self.0.push(span);
        self
    }

    /// Without marks and citations.
    #[must_use]
    pub fn bare(&self) -> String {
        self.0
            .iter()
            .map(|span| match span {
                Span::Plain(text) | Span::Strong(text) | Span::Faint(text) | Span::English(text) => {
                    text.as_str()
                }
                Span::Cite { .. } => "",
            })
            .collect()
    }
}

impl Span {
    /// What may be passed over.
    #[must_use]
    pub fn faint(text: &str) -> Self {
        Self::Faint(safe(text))
    }

    /// As it stands.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self::Plain(safe(text))
    }
}

impl Cell {
    /// A cell of text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { text: Text::plain(text), bar: None }
    }
}

/// The citation as it is printed: `[1, 4; judgement]`.
pub(crate) fn cited(numbers: &[usize], judgement: Option<&str>) -> String {
    let numbers = numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    match (numbers.is_empty(), judgement) {
        (true, None) => String::new(),
        (true, Some(judgement)) => format!("[{judgement}]"),
        (false, None) => format!("[{numbers}]"),
        (false, Some(judgement)) => format!("[{numbers}; {judgement}]"),
    }
}

/// Text without what a reader's machine would obey, of a length that a page can hold; numbers stay with their units.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = printable(text);
    if let Some((end, _)) = safe.char_indices().nth(LONGEST) {
        safe.truncate(end);
        safe.push('…');
    }
    for unit in ["%", "dB", "mm", "HU"] {
        safe = safe.replace(&format!(" {unit}"), &format!("\u{a0}{unit}"));
    }
    safe
}
