use std::cell::Cell;
use std::ops::Range;

use serde::Serialize;

use apatite_knowledge::nearest;

/// Which problems stop a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Every problem stops it.
    Strict,
    /// What cannot be understood stops it; what contradicts itself is named and left out.
    #[default]
    Default,
    /// Only an unreadable file stops it; everything else is named and left out.
    Lenient,
}

/// How bad a problem is under the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The case is not answered.
    Error,
    /// The case is answered without what had the problem.
    Warning,
    /// Nothing was left out.
    Note,
}

/// Names of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// Not TOML or JSON at all.
    Unreadable,
    /// A value of the wrong type.
    WrongType,
    /// A key that the format does not have.
    UnknownKey,
    /// An id that the vocabulary does not have.
    UnknownId,
    /// A finding in a part of the file it does not belong to.
    Misplaced,
    /// An age, a size or a count that cannot be.
    OutOfRange,
    /// A finding both present and absent in one examination.
    PresentAndAbsent,
    /// Two values of an exclusive group in one examination.
    ExclusiveGroup,
    /// A finding that its modality cannot show.
    ModalityCannotShow,
    /// A unit that is not UCUM, or not one of this analyte.
    UnknownUnit,
    /// A laboratory value that is no number, or a level of the wrong kind.
    BadLabValue,
    /// A value that cannot be in its unit.
    ImplausibleValue,
    /// Something given twice.
    GivenTwice,
    /// Characters that a terminal or a browser would obey instead of showing.
    ControlCharacters,
    /// Facts that exclude each other.
    Contradiction,
    /// A value was corrected by another.
    Corrected,
    /// The laboratory's own interval would be better.
    IntervalWanted,
    /// More problems than are told.
    TooMany,
}

impl Kind {
    /// The name as it is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::WrongType => "wrong-type",
            Self::UnknownKey => "unknown-key",
            Self::UnknownId => "unknown-id",
            Self::Misplaced => "misplaced",
            Self::OutOfRange => "out-of-range",
            Self::PresentAndAbsent => "present-and-absent",
            Self::ExclusiveGroup => "exclusive-group",
            Self::ModalityCannotShow => "modality-cannot-show",
            Self::UnknownUnit => "unknown-unit",
            Self::BadLabValue => "bad-lab-value",
            Self::ImplausibleValue => "implausible-value",
            Self::GivenTwice => "given-twice",
            Self::ControlCharacters => "control-characters",
            Self::Contradiction => "contradiction",
            Self::Corrected => "corrected",
            Self::IntervalWanted => "interval-wanted",
            Self::TooMany => "too-many",
        }
    }

    fn severity(self, policy: Policy) -> Severity {
        match self {
            Self::Unreadable | Self::TooMany => Severity::Error,
            Self::Corrected | Self::IntervalWanted => Severity::Note,
            Self::WrongType | Self::UnknownId | Self::OutOfRange | Self::UnknownUnit | Self::BadLabValue => {
                match policy {
                    Policy::Strict | Policy::Default => Severity::Error,
                    Policy::Lenient => Severity::Warning,
                }
            }
            Self::UnknownKey
            | Self::Misplaced
            | Self::PresentAndAbsent
            | Self::ExclusiveGroup
            | Self::ModalityCannotShow
            | Self::ImplausibleValue
            | Self::GivenTwice
            | Self::ControlCharacters
            | Self::Contradiction => match policy {
                Policy::Strict => Severity::Error,
                Policy::Default | Policy::Lenient => Severity::Warning,
            },
        }
    }
}

/// A place in a case file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

/// Something wrong with a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Its name.
    pub kind: Kind,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Most problems that are told of one case: a file with more is not a case, and telling all of them would let
/// a hostile file of the size limit cost minutes.
const MAX_PROBLEMS: usize = 200;
/// Longest message or help, in characters: what was written is repeated in them.
const MAX_MESSAGE: usize = 400;
/// Longest word for which near ones are sought; no id has half of it.
const MAX_WORD: usize = 100;

/// Collects problems while a case is read.
pub(crate) struct Problems<'t> {
    text: &'t str,
    policy: Policy,
    line_starts: Vec<usize>,
    /// An offset that was asked for, and its column.
    last_column: Cell<(usize, usize)>,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(text: &'t str, policy: Policy) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(offset, _)| offset + 1)).collect();
        Self { text, policy, line_starts, last_column: Cell::new((0, 1)), found: Vec::new() }
    }

    pub(crate) fn add(&mut self, kind: Kind, span: &Range<usize>, message: String) {
        self.add_with_help(kind, span, message, None);
    }

    pub(crate) fn add_with_help(
        &mut self,
        kind: Kind,
        span: &Range<usize>,
        message: String,
        help: Option<String>,
    ) {
        // hundreds of thousands of problems cost nothing once they are not told
        if self.found.len() <= MAX_PROBLEMS {
            self.push(kind, self.place(span), message, help);
        }
    }

    pub(crate) fn add_at(&mut self, kind: Kind, place: Place, message: String) {
        self.push(kind, place, message, None);
    }

    fn push(&mut self, kind: Kind, place: Place, message: String, help: Option<String>) {
        let (kind, message, help) = match self.found.len() {
            ..MAX_PROBLEMS => (kind, printable(message), help.map(printable)),
            MAX_PROBLEMS => {
                (Kind::TooMany, format!("more than {MAX_PROBLEMS} problems; the rest is not told"), None)
            }
            _ => return,
        };
        self.found.push(Problem { severity: kind.severity(self.policy), kind, place, message, help });
    }

    /// The ids most like a word that is not one of them.
    pub(crate) fn near<'a>(&self, word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        if word.len() > MAX_WORD || self.found.len() > MAX_PROBLEMS {
            return Vec::new();
        }
        nearest(word, known)
    }

    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let offset = span.start.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let line_start = self.line_starts[line - 1];
        // a file may be one long line: go on from the last place told, which is seldom far
        let (known, column) = match self.last_column.get() {
            (known, column) if (line_start..=offset).contains(&known) => (known, column),
            _ => (line_start, 1),
        };
        let between = self.text.get(known..offset).unwrap_or_default();
        let column = column + between.chars().count();
        if self.text.is_char_boundary(offset) {
            self.last_column.set((offset, column));
        }
        Place { line, column }
    }

    pub(crate) fn finish(mut self) -> Vec<Problem> {
        // that there are more comes last, wherever it was that the limit was met
        self.found.sort_by_key(|problem| (problem.kind == Kind::TooMany, problem.place));
        self.found
    }
}

/// Whether a terminal or a browser would obey the character instead of showing it.
pub(crate) fn is_obeyed(c: char) -> bool {
    // the marks that change the direction of writing can make a text read as another
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A message that can be printed: what the case says is repeated in it, and the case may come from anyone.
fn printable(message: String) -> String {
    if message.len() <= MAX_MESSAGE && !message.contains(is_obeyed) {
        return message;
    }
    let mut printable = String::with_capacity(message.len().min(MAX_MESSAGE));
    let length = message.chars().count();
    let keep = MAX_MESSAGE / 2;
    for (index, c) in message.chars().enumerate() {
        if length > MAX_MESSAGE && (keep..length - keep).contains(&index) {
            if index == keep {
                printable.push('…');
            }
        } else if is_obeyed(c) {
            printable.extend(c.escape_unicode());
        } else {
            printable.push(c);
        }
    }
    printable
}
