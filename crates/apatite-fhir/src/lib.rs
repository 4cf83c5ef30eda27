/*!
Cases as other systems speak of them: FHIR R4 bundles and GA4GH phenopackets (version 2), out and in.

Codes come from the knowledge. What it has no code for goes out in a code system of its own (`urn:apatite:…`), and is
listed; what of a bundle or phenopacket means nothing here is listed too, and never dropped in silence. This crate reads
no file, decides nothing medical and writes no patient's name.
*/

mod bundle;
mod import;
mod imported;
mod phenopacket;
mod resources;
mod results;
mod terms;
mod unpack;

use apatite_case::Case;
use apatite_dicom::Origin;
use apatite_lesion::Analysis;
use apatite_reason::Differential;
use apatite_text::Words;
use serde_json::Value;
use thiserror::Error;

pub use bundle::bundle;
pub use imported::Imported;
pub use phenopacket::phenopacket;

/// A case with its answer.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Names and the language of texts.
    pub words: &'a Words<'a>,
    /// The case.
    pub case: &'a Case,
    /// The answer, where the case was answered.
    pub differential: Option<&'a Differential>,
    /// Studies that were measured.
    pub studies: &'a [Study<'a>],
    /// Version of the program.
    pub version: &'a str,
}

/// A study that was measured.
#[derive(Clone, Copy, Debug)]
pub struct Study<'a> {
    /// Its examination in the case.
    pub examination: usize,
    /// Whose images it was; none for NIfTI.
    pub origin: Option<&'a Origin>,
    /// What was found.
    pub analysis: &'a Analysis,
}

/// A document for another system.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The document.
    pub json: Value,
    /// What went out without a code of a common terminology: ids of the vocabulary, in order.
    pub uncoded: Vec<String>,
    /// What the format cannot carry, in words.
    pub left_out: Vec<String>,
}

/// Why a document makes no case.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is no JSON.
    #[error("line {line}, column {column}: not JSON: {problem}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// In the words of the parser.
        problem: String,
    },
    /// It is JSON of another kind.
    #[error(
        "this is neither a FHIR bundle (\"resourceType\": \"Bundle\") nor a phenopacket (with \"subject\" and \"metaData\")"
    )]
    Unknown,
    /// A bundle of several patients.
    #[error("the bundle holds {0} patients; a case is one patient: make one bundle of each")]
    SeveralPatients(usize),
}

/// Whether a JSON text is a bundle or a phenopacket, and not a case of the program's own format.
#[must_use]
pub fn is_foreign(text: &str) -> bool {
    serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).is_ok_and(|json| kind(&json).is_some())
}

/// Turns a bundle or a phenopacket into a case.
///
/// # Errors
/// Where the text is no JSON, is neither of the two, or holds several patients.
pub fn import(text: &str, knowledge: &apatite_knowledge::Knowledge) -> Result<Imported, ImportError> {
    let json: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        ImportError::NotJson { line: error.line(), column: error.column(), problem: error.to_string() }
    })?;
    match kind(&json) {
        Some(Kind::Bundle) => import::bundle(&json, knowledge),
        Some(Kind::Phenopacket) => Ok(unpack::phenopacket(&json, knowledge)),
        None => Err(ImportError::Unknown),
    }
}

enum Kind {
    Bundle,
    Phenopacket,
}

fn kind(json: &Value) -> Option<Kind> {
    if json["resourceType"] == "Bundle" {
        Some(Kind::Bundle)
    } else if json.get("metaData").is_some()
        && (json.get("subject").is_some() || json.get("phenotypicFeatures").is_some())
    {
        Some(Kind::Phenopacket)
    } else {
        None
    }
}
