/*!
The report as PDF/A-2a: tagged, with an outline, its fonts inside.

Two steps: [`flow`] lays the report out on pages as a list of things to draw and a tree of what they mean; [`emit`] draws
the one and writes the other.
*/

mod emit;
mod flow;
mod letters;
mod table;

use thiserror::Error;

use crate::report::Report;

/// Why there is no PDF.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PdfError {
    /// A picture is no PNG.
    #[error("a picture of the report is no PNG that a PDF can hold: {reason}")]
    Picture {
        /// What is wrong with it.
        reason: String,
    },
    /// The result would not be PDF/A.
    #[error("the PDF would not conform to PDF/A-2a ({reason}): please report this")]
    Standard {
        /// What the writer says.
        reason: String,
    },
    /// The fonts of the program cannot be read.
    #[error("the fonts in the program cannot be read: build it again from clean sources")]
    Font,
}

/// The report as PDF/A-2a, A4.
///
/// # Errors
/// A picture that is no PNG, and what the standard forbids.
pub fn pdf(report: &Report) -> Result<Vec<u8>, PdfError> {
    let letters = letters::Letters::new().ok_or(PdfError::Font)?;
    let layout = flow::Flow::new(&letters).report(report);
    emit::emit(report, &letters, &layout)
}
