/*! How the patient lies, and from there the grid of the study. */

use std::fmt;
use std::str::FromStr;

use crate::anatomy::Body;
use crate::draw::Draw;
use crate::space::{Point, Turn, add, scale};
use crate::{Options, PhantomError};

/// PatientPosition of DICOM (PS3.3, C.7.3.1.1.2): head or feet first; supine, prone, or on the right or left side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatientPosition {
    /// Head first, supine.
    HeadFirstSupine,
    /// Head first, prone.
    HeadFirstProne,
    /// Head first, on the right side.
    HeadFirstRight,
    /// Head first, on the left side.
    HeadFirstLeft,
    /// Feet first, supine.
    FeetFirstSupine,
    /// Feet first, prone.
    FeetFirstProne,
    /// Feet first, on the right side.
    FeetFirstRight,
    /// Feet first, on the left side.
    FeetFirstLeft,
}

impl PatientPosition {
    /// All positions.
    pub const ALL: [Self; 8] = [
        Self::HeadFirstSupine,
        Self::HeadFirstProne,
        Self::HeadFirstRight,
        Self::HeadFirstLeft,
        Self::FeetFirstSupine,
        Self::FeetFirstProne,
        Self::FeetFirstRight,
        Self::FeetFirstLeft,
    ];

    /// The defined term, `HFS` for example.
    #[must_use]
    pub fn term(self) -> &'static str {
        match self {
            Self::HeadFirstSupine => "HFS",
            Self::HeadFirstProne => "HFP",
            Self::HeadFirstRight => "HFDR",
            Self::HeadFirstLeft => "HFDL",
            Self::FeetFirstSupine => "FFS",
            Self::FeetFirstProne => "FFP",
            Self::FeetFirstRight => "FFDR",
            Self::FeetFirstLeft => "FFDL",
        }
    }

    /// Whether the head enters the scanner first.
    #[must_use]
    pub fn head_first(self) -> bool {
        self.term().starts_with("HF")
    }

    /// Direction in which gravity pulls, a unit vector in patient coordinates (LPS).
    #[must_use]
    pub fn gravity(self) -> [f64; 3] {
        match self {
            Self::HeadFirstSupine | Self::FeetFirstSupine => [0.0, 1.0, 0.0],
            Self::HeadFirstProne | Self::FeetFirstProne => [0.0, -1.0, 0.0],
            Self::HeadFirstRight | Self::FeetFirstRight => [-1.0, 0.0, 0.0],
            Self::HeadFirstLeft | Self::FeetFirstLeft => [1.0, 0.0, 0.0],
        }
    }
}

impl fmt::Display for PatientPosition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.term())
    }
}

impl FromStr for PatientPosition {
    type Err = PhantomError;

    fn from_str(word: &str) -> Result<Self, PhantomError> {
        Self::ALL
            .into_iter()
            .find(|position| position.term().eq_ignore_ascii_case(word))
            .ok_or_else(|| PhantomError::UnknownPosition(word.to_owned()))
    }
}

/// Where the region lies in the patient, and how the images are turned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    pub(crate) position: PatientPosition,
    /// From directions of the patient to directions of the region.
    pub(crate) local_from_patient: Turn,
    /// Patient coordinates of the middle of the region.
    pub(crate) middle: Point,
    /// From there to the middle of the field of view, mm.
    pub(crate) shift: Point,
    /// Unit vectors of column, row and slice index in the patient.
    pub(crate) axes: [Point; 3],
    /// Whether the region is of the left side.
    pub(crate) left: bool,
}

impl Pose {
    pub(crate) fn new(seed: u64, options: &Options, body: &Body) -> Self {
        let mut draw = Draw::new(seed, "pose");
        let drawn = if draw.chance(0.45) {
            PatientPosition::HeadFirstSupine
        } else {
            PatientPosition::ALL[draw.count(0, 7)]
        };
        let position = options.position.unwrap_or(drawn);
        let [nod, roll] = body.tilt_degrees;
        let tilt = Turn::about([1.0, 0.0, 0.0], draw.within(-nod, nod))
            .then(&Turn::about([0.0, 1.0, 0.0], draw.within(-nod, nod)))
            .then(&Turn::about([0.0, 0.0, 1.0], draw.within(-roll, roll)));
        let tilt = options.visit.map_or(tilt, |visit| tilt.then(&visit.turn(seed)));
        let left = draw.chance(0.5);
        let side = if left { Turn::NONE } else { Turn::MIRROR };
        let middle = [
            draw.within(60.0, 120.0) * if left { 1.0 } else { -1.0 },
            draw.within(-60.0, 60.0),
            draw.within(-900.0, 900.0),
        ]
        .map(|value: f64| (value * 10.0).round() / 10.0);
        // As the scanner makes them, the table is below. Some technologists turn the images of a patient who does not
        // lie supine to the usual view.
        let turned = draw.chance(0.3);
        let (columns, rows) = match (position.gravity(), turned) {
            ([_, y, _], true) | ([_, y, _], false) if y > 0.5 => ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
            (_, true) => ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
            ([_, y, _], false) if y < -0.5 => ([-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]),
            ([x, _, _], false) if x < 0.0 => ([0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]),
            _ => ([0.0, -1.0, 0.0], [1.0, 0.0, 0.0]),
        };
        Self {
            position,
            local_from_patient: tilt.then(&side).then(&body.turn),
            middle,
            shift: options.visit.map_or([0.0; 3], |visit| visit.shift(seed)),
            axes: [columns, rows, [0.0, 0.0, 1.0]],
            left,
        }
    }

    /// Direction of gravity in the region's frame.
    pub(crate) fn gravity(&self) -> Point {
        self.local_from_patient.apply(self.position.gravity())
    }

    /// Region coordinates of a point of the patient.
    pub(crate) fn local_point(&self, body_centre: Point, patient: Point) -> Point {
        let offset = [0, 1, 2].map(|axis: usize| patient[axis] - self.middle[axis]);
        add(body_centre, self.local_from_patient.apply(offset))
    }

    /// Patient coordinates of the first voxel, and the steps.
    pub(crate) fn grid(&self, size: [usize; 3], spacing_mm: [f64; 3]) -> (Point, [Point; 3]) {
        let steps = [0, 1, 2].map(|axis: usize| scale(self.axes[axis], spacing_mm[axis]));
        let origin = (0..3).fold(add(self.middle, self.shift), |point, axis| {
            add(point, scale(steps[axis], -((size[axis] - 1) as f64) / 2.0))
        });
        (origin, steps)
    }
}
