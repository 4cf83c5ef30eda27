/*! What can go wrong. */

use std::path::PathBuf;

/// Why a phantom was not made or not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhantomError {
    /// The name of the pattern is not known.
    #[error("there is no phantom pattern {name:?}; known are: {known}")]
    UnknownPattern {
        /// What was asked for.
        name: String,
        /// All patterns, separated by commas.
        known: String,
    },
    /// The word is no patient position of DICOM.
    #[error("{0:?} is no patient position; use HFS, HFP, HFDR, HFDL, FFS, FFP, FFDR or FFDL")]
    UnknownPosition(String),
    /// The size, spacing or noise is out of bounds.
    #[error("{option} of the phantom is {value}; it must be {allowed}")]
    Option {
        /// Which option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        allowed: &'static str,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A DICOM file could not be encoded or written.
    #[error("cannot write the DICOM file {}: {reason}", path.display())]
    Dicom {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
