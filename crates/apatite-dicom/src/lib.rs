/*!
Reads imaging files into volumes: DICOM (folders, files, DICOMDIR, zip archives) and NIfTI.

[`Source::open`] reads headers and sorts files into series, [`Study::choose`] picks one, [`Series::load`] makes a volume
of it. What a file does wrong is a value with a name, never a panic: the rest is read.

This crate measures nothing and knows no anatomy. It prints nothing.
*/

mod choose;
mod codec;
mod dataset;
mod entry;
mod error;
mod header;
mod jpeg12;
mod jpegls;
mod mask;
mod nifti;
mod origin;
mod pixel;
mod series;
mod stack;
mod study;
mod syntax;

pub use error::{LeftOut, ReadError, Reason, Warning};
pub use mask::{Mask, read_mask};
pub use nifti::{write_labels, write_volume};
pub use origin::{Origin, OriginImage};
pub use series::{Picture, Series, read_pictures};
pub use study::{Source, Study};
