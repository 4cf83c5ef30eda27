/*!
The report on a case, for people: HTML, PDF and plain text, English and Italian.

[`compose`] puts a case, its differential and what was measured on its images into a [`Report`]: sections of blocks in
the words of one language, with every source that is cited. The writers [`html`], [`pdf`] and [`text`] turn it into a
document and decide nothing but looks. This crate reads no file, asks no clock and computes no probability: equal
input gives equal bytes.
*/

mod compose;
mod html;
mod pdf;
mod report;
mod text;

pub use compose::{Input, Provenance, Study, compose};
pub use html::html;
pub use pdf::{PdfError, pdf};
pub use report::{
    Bar, Block, Cell, Column, Notice, Passage, Picture, Report, Row, Section, Source, Span, Table, Text, Tone,
};
pub use text::text;
