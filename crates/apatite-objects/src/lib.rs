/*!
DICOM objects of a measured study: SEG (PS3.3 A.51, BINARY), SR by TID 1500 (PS3.16), RTSTRUCT (PS3.3 A.19).

Each goes into the patient and the study of the series it was made from, and refers to its images. UIDs are made from
the content, dates are those of the series: the same study gives the same bytes. This crate measures nothing, reads no
file and writes none: it returns the bytes of a file of PS3.10.
*/

mod code;
mod contours;
mod head;
mod places;
mod report;
mod segmentation;
mod structures;
mod text;
mod tree;

use apatite_dicom::Origin;
use apatite_lesion::Analysis;
use thiserror::Error;

pub use report::{Told, report};
pub use segmentation::segmentation;
pub use structures::structures;

/// What objects are made from.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The series that was measured.
    pub origin: &'a Origin,
    /// What was found in it.
    pub analysis: &'a Analysis,
    /// Version of the program that measured.
    pub version: &'a str,
}

/// A DICOM object, ready to be written or sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// SOPClassUID.
    pub class_uid: String,
    /// SOPInstanceUID.
    pub instance_uid: String,
    /// SeriesInstanceUID.
    pub series_uid: String,
    /// The file, Explicit VR Little Endian, with preamble and meta information.
    pub bytes: Vec<u8>,
    /// What of the series had to be changed or could not be referred to.
    pub warnings: Vec<String>,
}

/// Why an object cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// Nothing to put into it.
    #[error(
        "no lesion was found, and a {0} object cannot be empty: write the report (sr) instead, which says so"
    )]
    NoLesion(&'static str),
    /// The library that writes DICOM refuses.
    #[error("the {kind} object cannot be written: {reason}")]
    Write {
        /// SEG, SR or RTSTRUCT.
        kind: &'static str,
        /// In the words of the library.
        reason: String,
    },
}
