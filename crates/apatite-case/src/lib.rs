/*!
Case files: what was said of a patient, and what it means.

Reading has two stages. [`said`] turns the text (TOML or JSON) into what was said, with the place of every word, and
judges nothing but the shape. [`meaning`] turns that into a [`Case`] in the terms of the vocabulary: findings as each
modality saw them, laboratory values graded against the reference interval of the patient's age and sex. Whatever
is wrong becomes a named [`Problem`] with its line; a [`Policy`] decides which problems stop the case.

This crate knows the vocabulary and the analytes, but no diagnosis frequency: it does not reason.
*/

mod labs;
mod meaning;
mod node;
mod problem;
mod said;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use labs::{Bound, Level, Measured, OwnInterval, ParsedQuantity, describe_interval, parse_quantity};
pub use problem::{Kind, Place, Policy, Problem, Severity};

use apatite_knowledge::Knowledge;

/// The modality under which history and examination are heard.
pub const HISTORY: &str = "HX";

/// What is known of one patient at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// Title.
    pub title: Option<String>,
    /// Where the case comes from.
    pub source: Option<String>,
    /// Age in years.
    pub age_years: Option<f64>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Findings, as each modality showed them, in the order of the file.
    pub observations: Vec<Observation>,
    /// Imaging examinations in the order made.
    pub examinations: Vec<Examination>,
    /// Laboratory results in the order of the file.
    pub labs: Vec<Lab>,
    /// The proven answer.
    pub expected: Option<Expected>,
}

/// Sex as the case gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

impl Sex {
    /// Word of the case format.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

/// One finding as one modality saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Id of the finding.
    pub finding: String,
    /// Modality, or [`HISTORY`].
    pub modality: String,
    /// Which examination, none for the history.
    pub examination: Option<usize>,
    /// What was said of it.
    pub assertion: Assertion,
    /// Where it was said.
    pub place: Place,
}

/// What a report says of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assertion {
    /// It is there.
    Present,
    /// It is likely there: `"finding?"`.
    Suggested,
    /// It was looked for and is not there.
    Absent,
    /// It was measured on the images.
    Measured {
        /// Probability that it is there, in thousandths.
        permille: u16,
    },
}

/// One imaging examination.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examination {
    /// Modality.
    pub modality: String,
    /// Regions shown.
    pub sites: Vec<String>,
    /// Numbers by quantity.
    pub quantities: BTreeMap<String, f64>,
    /// How far those that were measured on the images may be off, in their units.
    pub uncertainties: BTreeMap<String, f64>,
    /// Folder of DICOM files, relative to the case file.
    pub study: Option<PathBuf>,
    /// When it was made.
    pub date: Option<jiff::civil::Date>,
}

/// One laboratory result.
#[derive(Clone, Debug, PartialEq)]
pub struct Lab {
    /// Id of the analyte.
    pub analyte: String,
    /// What it comes to.
    pub result: LabResult,
    /// The number behind it, where there was one.
    pub measured: Option<Measured>,
    /// As it stands in the case.
    pub said: String,
    /// Where it was said.
    pub place: Place,
}

/// A graded or a yes-or-no result.
#[derive(Clone, Debug, PartialEq)]
pub enum LabResult {
    /// One of these levels; several where the case says "low", "high" or "< 30 ng/mL".
    Levels(Vec<Level>),
    /// A binary analyte.
    Positive(bool),
}

/// The proven answer of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Id of the diagnosis.
    pub diagnosis: String,
    /// Ids that a specialist would accept as the same answer.
    pub also_right: Vec<String>,
    /// How it was proven.
    pub proof: Option<String>,
}

impl Expected {
    /// Whether `diagnosis` is an accepted answer.
    #[must_use]
    pub fn accepts(&self, diagnosis: &str) -> bool {
        self.diagnosis == diagnosis || self.also_right.iter().any(|right| right == diagnosis)
    }
}

/// Format of a case file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON of the same structure.
    Json,
}

impl Format {
    /// The format of a file by its name; TOML unless it ends in `.json`.
    #[must_use]
    pub fn of(path: &std::path::Path) -> Self {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            Self::Json
        } else {
            Self::Toml
        }
    }
}

/// The outcome of reading a case: what could be understood, and everything that was wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The case; what had a problem is left out of it.
    pub case: Case,
    /// Problems in the order of the file.
    pub problems: Vec<Problem>,
}

impl Reading {
    /// Whether a problem stops the case.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// Longest case file that is read.
pub const MAX_BYTES: usize = 1 << 20;

/// Reads a case. Never fails as a whole: see [`Reading::is_refused`].
#[must_use]
pub fn read(text: &str, format: Format, knowledge: &Knowledge, policy: Policy) -> Reading {
    // some editors put a mark before the text
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut problems = problem::Problems::new(text, policy);
    let case = match node::parse(text, format, &mut problems) {
        Some(node) => {
            let said = said::Said::read(&node, knowledge, &mut problems);
            meaning::case(&said, knowledge, &mut problems)
        }
        None => Case::default(),
    };
    Reading { case, problems: problems.finish() }
}
