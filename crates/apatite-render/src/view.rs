use apatite_volume::Volume;

use crate::RenderError;
use crate::vector::{Vector, across, along, cross, dot, norm, sub, unit};

/// The planes of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Seen from the feet, the patient's right on the left.
    Axial,
    /// Seen from the front, the patient's right on the left.
    Coronal,
    /// Seen from the patient's left, the front on the left.
    Sagittal,
}

/// A plane of the patient and how it is looked at. The viewer looks along `right × down`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// The point in the middle of the picture, LPS mm.
    pub centre_mm: [f64; 3],
    /// Unit vector to the right of the picture, LPS.
    pub right: [f64; 3],
    /// Unit vector down the picture, LPS, at right angles to `right`.
    pub down: [f64; 3],
}

/// Where a picture lies: a plane, pixels across and down, and the edge of a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The plane; its centre is the middle of the picture.
    pub plane: Plane,
    /// Columns, rows.
    pub size: [usize; 2],
    /// Edge of the square pixels, mm.
    pub pixel_mm: f64,
}

/// Largest side of a picture.
const MAX_SIDE: usize = 8192;

impl Plane {
    /// A plane of the body through a point.
    #[must_use]
    pub fn orthogonal(axis: Axis, centre_mm: [f64; 3]) -> Self {
        let (right, down) = match axis {
            Axis::Axial => ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
            Axis::Coronal => ([1.0, 0.0, 0.0], [0.0, 0.0, -1.0]),
            Axis::Sagittal => ([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]),
        };
        Self { centre_mm, right, down }
    }

    /// Looked at from the front (`turn_deg` 0), the patient's left (90), the back (180), and from above by `tilt_deg`
    /// (90: from the head).
    #[must_use]
    pub fn turned(turn_deg: f64, tilt_deg: f64, centre_mm: [f64; 3]) -> Self {
        let (turn_sin, turn_cos) = exact_sin_cos(turn_deg);
        let (tilt_sin, tilt_cos) = exact_sin_cos(tilt_deg);
        let right = [turn_cos, turn_sin, 0.0];
        let into = [-turn_sin * tilt_cos, turn_cos * tilt_cos, -tilt_sin];
        Self { centre_mm, right, down: cross(into, right) }
    }

    /// The plane through a point at right angles to a direction, turned upright: head up, or front up where head is
    /// towards the viewer; seen from the feet, the front or the patient's left.
    ///
    /// # Errors
    /// Where the direction has no length.
    pub fn facing(normal: [f64; 3], centre_mm: [f64; 3]) -> Result<Self, RenderError> {
        let mut into = unit(normal).ok_or(RenderError::NoPlane { what: "the directions" })?;
        let strongest =
            (0..3).max_by(|&a, &b| into[a].abs().total_cmp(&into[b].abs()).then(b.cmp(&a))).unwrap_or(2);
        // the ways the planes of the body are looked at
        let wanted = [-1.0, 1.0, 1.0][strongest];
        if into[strongest] * wanted < 0.0 {
            into = into.map(|value| -value);
        }
        let to_feet = [0.0, 0.0, -1.0];
        let to_back = [0.0, 1.0, 0.0];
        let down = across(if strongest == 2 { to_back } else { to_feet }, into)
            .ok_or(RenderError::NoPlane { what: "the directions" })?;
        Ok(Self { centre_mm, right: cross(down, into), down })
    }

    /// The plane through three points, turned upright as in [`Plane::facing`], about their middle.
    ///
    /// # Errors
    /// Where the points lie on one line.
    pub fn through(points_mm: [[f64; 3]; 3]) -> Result<Self, RenderError> {
        let none = RenderError::NoPlane { what: "the three points" };
        let [a, b, c] = points_mm;
        let normal = cross(sub(b, a), sub(c, a));
        let longest = norm(sub(b, a)).max(norm(sub(c, a))).max(norm(sub(c, b)));
        if !longest.is_finite() || norm(normal) <= 1e-6 * longest * longest || longest <= 0.0 {
            return Err(none);
        }
        Self::facing(normal, std::array::from_fn(|axis| (a[axis] + b[axis] + c[axis]) / 3.0))
            .map_err(|_| none)
    }

    /// Unit vector into the picture, away from the viewer.
    #[must_use]
    pub fn into_picture(&self) -> [f64; 3] {
        cross(self.right, self.down)
    }
}

impl View {
    /// A view of so many pixels.
    ///
    /// # Errors
    /// Where a side is 0 or above 8192 pixels, or a number is not finite.
    pub fn new(plane: Plane, size: [usize; 2], pixel_mm: f64) -> Result<Self, RenderError> {
        let numbers = plane.centre_mm.iter().chain(&plane.right).chain(&plane.down);
        let fits = size.iter().all(|side| (1..=MAX_SIDE).contains(side));
        if !fits || pixel_mm <= 0.0 || !pixel_mm.is_finite() || !numbers.into_iter().all(|n| n.is_finite()) {
            return Err(RenderError::Size { size, pixel_mm, limit: MAX_SIDE });
        }
        Ok(Self { plane, size, pixel_mm })
    }

    /// The plane with the whole volume in view, its longer side `longest` pixels. The centre of the plane moves within
    /// the plane to the middle of the volume.
    ///
    /// # Errors
    /// As [`View::new`].
    pub fn fitting(volume: &Volume, plane: Plane, longest: usize) -> Result<Self, RenderError> {
        let [mut low, mut high] = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
        for corner in corners(volume) {
            let offset = sub(corner, plane.centre_mm);
            for (side, direction) in [plane.right, plane.down].into_iter().enumerate() {
                low[side] = low[side].min(dot(offset, direction));
                high[side] = high[side].max(dot(offset, direction));
            }
        }
        let extent = [high[0] - low[0], high[1] - low[1]];
        let pixel_mm = extent[0].max(extent[1]) / longest.max(1) as f64;
        let side = |at: usize| ((extent[at] / pixel_mm).round() as usize).max(1);
        let middle = along(plane.centre_mm, plane.right, (low[0] + high[0]) / 2.0);
        let centre_mm = along(middle, plane.down, (low[1] + high[1]) / 2.0);
        Self::new(Plane { centre_mm, ..plane }, [side(0), side(1)], pixel_mm)
    }

    /// A plane of the body through a point (the middle of the volume where none is given), with the whole volume in
    /// view, its longer side `longest` pixels.
    ///
    /// # Errors
    /// As [`View::new`].
    pub fn orthogonal(
        volume: &Volume,
        axis: Axis,
        at_mm: Option<[f64; 3]>,
        longest: usize,
    ) -> Result<Self, RenderError> {
        let at_mm = at_mm.unwrap_or_else(|| middle(volume));
        Self::fitting(volume, Plane::orthogonal(axis, at_mm), longest)
    }

    /// Patient coordinates of a pixel coordinate; the centre of the first pixel is `[0.0, 0.0]`.
    #[must_use]
    pub fn point_mm(&self, pixel: [f64; 2]) -> [f64; 3] {
        let [x, y] =
            std::array::from_fn(|side| (pixel[side] - (self.size[side] as f64 - 1.0) / 2.0) * self.pixel_mm);
        along(along(self.plane.centre_mm, self.plane.right, x), self.plane.down, y)
    }

    /// Pixel coordinate of a point of the patient, and its distance behind the plane, mm.
    #[must_use]
    pub fn pixel(&self, point_mm: [f64; 3]) -> ([f64; 2], f64) {
        let offset = sub(point_mm, self.plane.centre_mm);
        let at = |side: usize, direction: Vector| {
            dot(offset, direction) / self.pixel_mm + (self.size[side] as f64 - 1.0) / 2.0
        };
        ([at(0, self.plane.right), at(1, self.plane.down)], dot(offset, self.plane.into_picture()))
    }
}

/// Middle of a volume, LPS mm.
pub(crate) fn middle(volume: &Volume) -> Vector {
    volume.geometry.patient_from_voxel(volume.size.map(|count| (count as f64 - 1.0) / 2.0))
}

/// Outer corners of a volume, LPS mm.
pub(crate) fn corners(volume: &Volume) -> [Vector; 8] {
    std::array::from_fn(|corner| {
        volume.geometry.patient_from_voxel(std::array::from_fn(|axis| {
            if corner >> axis & 1 == 0 { -0.5 } else { volume.size[axis] as f64 - 0.5 }
        }))
    })
}

/// Sine and cosine, exact at quarter turns: their pictures are those of the planes of the body, bit by bit.
fn exact_sin_cos(degrees: f64) -> (f64, f64) {
    let quarter = degrees.rem_euclid(360.0) / 90.0;
    if quarter.fract() == 0.0 {
        [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)][quarter as usize % 4]
    } else {
        degrees.to_radians().sin_cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planes_of_the_body_are_looked_at_as_usual() {
        let centre = [1.0, 2.0, 3.0];
        for (axis, turn, tilt, into) in [
            (Axis::Axial, 0.0, -90.0, [0.0, 0.0, 1.0]),
            (Axis::Coronal, 0.0, 0.0, [0.0, 1.0, 0.0]),
            (Axis::Sagittal, 90.0, 0.0, [-1.0, 0.0, 0.0]),
        ] {
            let plane = Plane::orthogonal(axis, centre);
            assert_eq!(plane.into_picture(), into);
            let close = |other: Plane| {
                norm(sub(plane.right, other.right)) < 1e-12 && norm(sub(plane.down, other.down)) < 1e-12
            };
            assert!(close(Plane::turned(turn, tilt, centre)), "{axis:?}");
            assert!(close(Plane::facing(into, centre).unwrap()), "{axis:?}");
            assert!(close(Plane::facing(into.map(|v| -v), centre).unwrap()), "{axis:?}");
        }
    }

    #[test]
    fn points_on_a_line_span_no_plane() {
        let line = [[0.0; 3], [1.0, 1.0, 1.0], [5.0, 5.0, 5.0]];
        assert!(matches!(Plane::through(line), Err(RenderError::NoPlane { .. })));
        assert!(matches!(Plane::through([[0.0; 3]; 3]), Err(RenderError::NoPlane { .. })));
        assert!(View::new(Plane::orthogonal(Axis::Axial, [0.0; 3]), [0, 5], 1.0).is_err());
        assert!(View::new(Plane::orthogonal(Axis::Axial, [f64::NAN; 3]), [5, 5], 1.0).is_err());
    }
}
