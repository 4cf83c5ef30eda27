//! Values between voxels.

use apatite_volume::Volume;

use crate::View;
use crate::vector::{Vector, sub};

/// Trilinear values of a volume. The outermost half voxel carries the value of the outermost voxel.
pub(crate) struct Sampler<'a> {
    values: &'a [i16],
    size: [usize; 3],
    /// Distance to the next voxel along each axis; 0 along an axis of one voxel.
    strides: [usize; 3],
    volume: &'a Volume,
}

impl<'a> Sampler<'a> {
    /// None where the values do not fill the grid.
    pub(crate) fn new(volume: &'a Volume) -> Option<Self> {
        let size = volume.size;
        let filled = !volume.is_empty() && volume.len() == size.iter().product::<usize>();
        let strides = [1, size[0], size[0] * size[1]];
        filled.then(|| Self {
            values: &volume.values,
            size,
            strides: std::array::from_fn(|axis| if size[axis] > 1 { strides[axis] } else { 0 }),
            volume,
        })
    }

    /// Voxel coordinates of the first pixel of a view, and the steps to the next column and row.
    pub(crate) fn pixels(&self, view: &View) -> (Vector, Vector, Vector) {
        let voxel = |pixel| self.volume.geometry.voxel_from_patient(view.point_mm(pixel));
        let start = voxel([0.0, 0.0]);
        (start, sub(voxel([1.0, 0.0]), start), sub(voxel([0.0, 1.0]), start))
    }

    /// The value at a voxel coordinate; NaN outside of the volume.
    pub(crate) fn at_or_nan(&self, voxel: Vector) -> f32 {
        let inside = (0..3).all(|axis| voxel[axis] >= -0.5 && voxel[axis] <= self.size[axis] as f64 - 0.5);
        if inside { self.at(voxel.map(|value| value as f32)) } else { f32::NAN }
    }

    /// The value at a voxel coordinate, moved into the volume where it lies outside.
    #[inline]
    pub(crate) fn at(&self, voxel: [f32; 3]) -> f32 {
        let (base, [x, y, z]) = self.corner(voxel);
        let [dx, dy, dz] = self.strides;
        let line = |at: usize| {
            let (a, b) = (f32::from(self.values[at]), f32::from(self.values[at + dx]));
            a + (b - a) * x
        };
        let plane = |at: usize| {
            let (a, b) = (line(at), line(at + dy));
            a + (b - a) * y
        };
        let (a, b) = (plane(base), plane(base + dz));
        a + (b - a) * z
    }

    /// The eight voxels about a coordinate and their weights.
    pub(crate) fn neighbours(&self, voxel: [f32; 3]) -> [(usize, f32); 8] {
        let (base, part) = self.corner(voxel);
        std::array::from_fn(|corner| {
            (0..3).fold((base, 1.0), |(at, weight), axis| {
                if corner >> axis & 1 == 1 {
                    (at + self.strides[axis], weight * part[axis])
                } else {
                    (at, weight * (1.0 - part[axis]))
                }
            })
        })
    }

    /// The slope of the values per voxel along each axis, over one voxel to each side.
    pub(crate) fn gradient(&self, voxel: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|axis| {
            let moved = |by: f32| {
                let mut at = voxel;
                at[axis] += by;
                self.at(at)
            };
            (moved(1.0) - moved(-1.0)) / 2.0
        })
    }

    #[inline]
    fn corner(&self, voxel: [f32; 3]) -> (usize, [f32; 3]) {
        let mut base = 0;
        let mut part = [0.0; 3];
        for axis in 0..3 {
            let last = self.size[axis] - 1;
            let at = voxel[axis].max(0.0).min(last as f32);
            let floor = (at as i32 as usize).min(last.saturating_sub(1));
            base += floor * self.strides[axis];
            part[axis] = at - floor as f32;
        }
        (base, part)
    }
}
