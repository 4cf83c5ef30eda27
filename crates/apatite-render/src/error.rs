use thiserror::Error;

/// Why a picture cannot be made.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RenderError {
    /// No voxels, or not as many as the size says.
    #[error(
        "the volume holds {found} values where its size {size:?} asks for {expected}: read the series again"
    )]
    Volume {
        /// Columns, rows, slices.
        size: [usize; 3],
        /// Values present.
        found: usize,
        /// Values needed.
        expected: usize,
    },
    /// Directions that span no plane.
    #[error("{what} span no plane: give three points that do not lie on one line")]
    NoPlane {
        /// What was given.
        what: &'static str,
    },
    /// A picture without pixels or with too many.
    #[error("a picture of {size:?} pixels of {pixel_mm} mm cannot be made: 1 to {limit} pixels a side")]
    Size {
        /// Columns, rows.
        size: [usize; 2],
        /// Edge of a pixel.
        pixel_mm: f64,
        /// Largest side.
        limit: usize,
    },
    /// No such label.
    #[error("there is no lesion {id}: there are {known}")]
    NoLesion {
        /// The label wanted.
        id: u16,
        /// Those present.
        known: String,
    },
    /// A curve without length.
    #[error("a curved reformat needs two points or more that lie apart; {points} given")]
    NoCurve {
        /// Points given.
        points: usize,
    },
    /// No bone where one was looked for.
    #[error(
        "no bone was recognised within {within_mm:.0} mm of that point: give points of the curve instead"
    )]
    NoBone {
        /// Distance searched.
        within_mm: f64,
    },
    /// Labels on another grid.
    #[error(
        "the labels have size {found:?}, the volume {expected:?}: resample them to the grid of the volume"
    )]
    Grid {
        /// Of the labels.
        found: [usize; 3],
        /// Of the volume.
        expected: [usize; 3],
    },
    /// Frames of unequal size, or none.
    #[error("an animation needs frames of one size, and there are {0}")]
    Frames(String),
    /// The encoder refused.
    #[error("the picture cannot be encoded: {0}")]
    Encode(String),
}
