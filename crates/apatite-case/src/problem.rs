use std::ops::Range;

use serde::Serialize;

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
    /// An analyte given twice.
    GivenTwice,
    /// Facts that exclude each other.
    Contradiction,
    /// A value was corrected by another.
    Corrected,
    /// The laboratory's own interval would be better.
    IntervalWanted,
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
            Self::Contradiction => "contradiction",
            Self::Corrected => "corrected",
            Self::IntervalWanted => "interval-wanted",
        }
    }

    fn severity(self, policy: Policy) -> Severity {
        match self {
            Self::Unreadable => Severity::Error,
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

/// Collects problems while a case is read.
pub(crate) struct Problems<'t> {
    text: &'t str,
    policy: Policy,
    line_starts: Vec<usize>,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(text: &'t str, policy: Policy) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(offset, _)| offset + 1)).collect();
        Self { text, policy, line_starts, found: Vec::new() }
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
        let place = self.place(span);
        self.found.push(Problem { severity: kind.severity(self.policy), kind, place, message, help });
    }

    pub(crate) fn add_at(&mut self, kind: Kind, place: Place, message: String) {
        self.found.push(Problem { severity: kind.severity(self.policy), kind, place, message, help: None });
    }

    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let offset = span.start.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let before = self.text.get(self.line_starts[line - 1]..offset).unwrap_or_default();
        Place { line, column: before.chars().count() + 1 }
    }

    pub(crate) fn finish(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.place);
        self.found
    }
}
