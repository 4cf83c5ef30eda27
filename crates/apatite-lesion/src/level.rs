//! Fluid-sediment levels: flat borders, perpendicular to gravity, between sediment below and fluid above.

use serde::Serialize;

/// A fluid-sediment level (sedimentation sign).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Level {
    /// Angle between the normal of the border and gravity, degrees.
    pub angle_deg: f64,
    /// Root mean square distance of the border from its plane, mm.
    pub flatness_mm: f64,
    /// Mean attenuation of the fluid above, HU.
    pub upper_hu: f64,
    /// Mean attenuation of the sediment below, HU.
    pub lower_hu: f64,
    /// Area of the border, mm².
    pub area_mm2: f64,
    /// Levels in the lesion.
    pub count: usize,
    /// Probability that it is a level.
    pub probability: f64,
    /// A point of the plane, LPS mm.
    pub point_mm: [f64; 3],
    /// Upward unit normal of the plane, LPS.
    pub normal: [f64; 3],
}
