/*!
What can go wrong, what was repaired, and what was left out.
*/

use std::path::PathBuf;

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A path cannot be opened.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The path asked for.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// An archive cannot be opened.
    #[error("{path} is no readable zip archive: {problem}")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No series of images among the paths.
    #[error(
        "no image series found; {left_out} file(s) were left out{example}: give a folder, files, a DICOMDIR, a zip or a NIfTI volume"
    )]
    NoSeries {
        /// How many files were looked at and left out.
        left_out: usize,
        /// The first of them and its reason, or empty.
        example: String,
    },
    /// No series can become a volume.
    #[error("no series can be read as a volume; found: {known}")]
    NoVolume {
        /// The series there are.
        known: String,
    },
    /// The series asked for is not there.
    #[error("no series matches '{wanted}'; there are: {known}")]
    NoSuchSeries {
        /// What was asked for.
        wanted: String,
        /// The series there are.
        known: String,
    },
    /// Several series match.
    #[error("'{wanted}' matches several series: {known}; name one by its UID or its place in the list")]
    AmbiguousSeries {
        /// What was asked for.
        wanted: String,
        /// The series that match.
        known: String,
    },
    /// The slices do not make a volume.
    #[error("series {series} cannot become a volume: {problem}")]
    Geometry {
        /// The series, by number or UID.
        series: String,
        /// What is wrong with its geometry.
        problem: String,
    },
    /// Pixels cannot be decoded.
    #[error("{file}, frame {frame}: {problem}")]
    Pixels {
        /// The file.
        file: String,
        /// The frame, from 1.
        frame: usize,
        /// What is wrong.
        problem: String,
    },
    /// A strict limit is passed.
    #[error("{what} is over the limit of {limit}")]
    Limit {
        /// What was counted.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A file is not what it should be.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// What was repaired or assumed while a series was read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The gantry was tilted; slices were shifted in their plane onto an orthogonal grid.
    #[error("gantry tilt of {degrees:.1} degrees: slices resampled onto an orthogonal grid")]
    Tilt {
        /// Angle between the slice normal and the line through the slice origins.
        degrees: f64,
    },
    /// Slices are not evenly spaced; resampled linearly.
    #[error("slice spacing varies from {smallest_mm:.2} to {largest_mm:.2} mm: resampled to {used_mm:.2} mm")]
    MixedSpacing {
        /// Smallest distance between neighbours, mm.
        smallest_mm: f64,
        /// Largest distance between neighbours, mm.
        largest_mm: f64,
        /// Spacing of the volume, mm.
        used_mm: f64,
    },
    /// Slices are missing and were interpolated.
    #[error(
        "{count} slice(s) missing, the first at {at_mm:.1} mm from the first slice: interpolated from their neighbours"
    )]
    MissingSlices {
        /// How many.
        count: usize,
        /// Distance of the first gap along the normal, mm.
        at_mm: f64,
    },
    /// Slices could not be decoded.
    #[error("{count} slice(s) could not be decoded and count as missing; the first: {first}")]
    DamagedSlices {
        /// How many.
        count: usize,
        /// File and problem of the first.
        first: String,
    },
    /// Slices are thicker than their distance.
    #[error(
        "slices of {thickness_mm:.2} mm overlap at {spacing_mm:.2} mm spacing: the resolution is that of the thickness"
    )]
    OverlappingSlices {
        /// SliceThickness, mm.
        thickness_mm: f64,
        /// Distance of neighbours, mm.
        spacing_mm: f64,
    },
    /// Slices are thinner than their distance.
    #[error(
        "slices of {thickness_mm:.2} mm lie {spacing_mm:.2} mm apart: what lies between them was not imaged"
    )]
    GapsBetweenSlices {
        /// SliceThickness, mm.
        thickness_mm: f64,
        /// Distance of neighbours, mm.
        spacing_mm: f64,
    },
    /// Values beyond 16 bit were cut off.
    #[error("{voxels} voxel(s) beyond -32768..32767 were clamped")]
    Clamped {
        /// How many.
        voxels: u64,
    },
    /// The padding value lies among real values; it was replaced by one below them.
    #[error("padding value {from} lies among real values: replaced by {to}")]
    PaddingMoved {
        /// Padding as rescaled.
        from: i32,
        /// Value written instead.
        to: i16,
    },
    /// The slope of a rescale is below one half and values were rounded.
    #[error("rescale slope {slope} is fractional: values rounded to whole units")]
    Rounded {
        /// The slope.
        slope: f64,
    },
    /// Lossy compression changed the values.
    #[error("lossy compression ({method}): values may differ from those acquired, by tens of units at edges")]
    Lossy {
        /// The method.
        method: String,
    },
    /// Images of a slice modality that say not where they lie: listed, but no volume.
    #[error("no usable ImagePositionPatient, ImageOrientationPatient or PixelSpacing: images, but no volume")]
    NoPosition,
    /// Some rescale or format differs between slices.
    #[error("rescale slope or intercept differs between slices: applied slice by slice")]
    VaryingRescale,
    /// Values are those stored: no rescale is given.
    #[error("CT without rescale slope and intercept: stored values taken as HU")]
    NoRescale,
    /// A series holds several volumes.
    #[error("series holds {count} volumes ({by}): listed one by one")]
    SeveralVolumes {
        /// How many.
        count: usize,
        /// What they differ in.
        by: String,
    },
    /// A file departs from the standard and was read nevertheless.
    #[error("{file}: {problem}")]
    Deviation {
        /// The file.
        file: String,
        /// What departs.
        problem: String,
    },
    /// A file named by a directory is not there.
    #[error("{count} file(s) named by the DICOMDIR are missing, the first: {first}")]
    MissingFiles {
        /// How many.
        count: usize,
        /// The first.
        first: String,
    },
    /// The NIfTI header gives no position; voxel spacing alone was used.
    #[error("NIfTI header without sform and qform: the place and sides of the patient are unknown")]
    NoOrientation,
    /// Segments of a mask overlap.
    #[error("{voxels} voxel(s) belong to several segments: the one numbered highest was kept")]
    OverlappingSegments {
        /// How many.
        voxels: u64,
    },
    /// A mask was resampled.
    #[error("mask resampled by nearest neighbour onto the grid of the series")]
    MaskResampled,
    /// A mask does not cover the series.
    #[error("mask covers {percent:.0} % of the series: the rest counts as background")]
    MaskPartial {
        /// Share of voxels of the series inside the field of the mask.
        percent: f64,
    },
}

/// A file that is in no series.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// The file, and `archive!entry` inside an archive.
    pub file: String,
    /// Why.
    pub reason: Reason,
}

/// Why a file is in no series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Scout, surview or topogram.
    #[error("localizer")]
    Localizer,
    /// A colour page that a scanner stores beside the images.
    #[error("dose page or other colour page")]
    DosePage,
    /// Secondary Capture.
    #[error("secondary capture")]
    SecondaryCapture,
    /// The same image again.
    #[error("duplicate")]
    Duplicate,
    /// Cannot be read; what is wrong.
    #[error("damaged: {0}")]
    Damaged(String),
    /// No image of CT, MR, radiography or ultrasound: structure sets, segmentations, reports, plans, directories.
    #[error("object of modality {0}")]
    OtherObject(String),
    /// Pixels of a kind that no volume is made of.
    #[error("pixels not supported: {0}")]
    Unsupported(String),
    /// No imaging file.
    #[error("no imaging file")]
    NotAnImage,
}
