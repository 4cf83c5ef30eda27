use std::borrow::Borrow;
use std::sync::OnceLock;

use apatite_volume::Volume;

use crate::blocks::Blocks;
use crate::path::Straightened;
use crate::picture::Raster;
use crate::project::{Projection, project};
use crate::sample::Sampler;
use crate::{RenderError, View};
use rayon::prelude::*;

/// A volume to make pictures of: `&Volume`, `Volume` or `Arc<Volume>`. What speeds pictures up is made when first
/// needed, once.
#[derive(Debug)]
pub struct Scene<V> {
    volume: V,
    blocks: OnceLock<Blocks>,
}

impl<V: Borrow<Volume>> Scene<V> {
    /// A scene of a volume.
    pub fn new(volume: V) -> Self {
        Self { volume, blocks: OnceLock::new() }
    }

    /// The volume.
    pub fn volume(&self) -> &Volume {
        self.volume.borrow()
    }

    /// The values on a plane, trilinear between voxels; NaN outside of the volume.
    pub fn slice(&self, view: &View) -> Raster {
        let sampler = Sampler::new(self.volume());
        let [columns, rows] = view.size;
        let mut values = vec![f32::NAN; columns * rows];
        if let Some(sampler) = &sampler {
            let (start, step_right, step_down) = sampler.pixels(view);
            values.par_chunks_mut(columns).enumerate().for_each(|(row, line)| {
                for (column, value) in line.iter_mut().enumerate() {
                    *value = sampler.at_or_nan(std::array::from_fn(|axis| {
                        start[axis] + step_right[axis] * column as f64 + step_down[axis] * row as f64
                    }));
                }
            });
        }
        Raster { view: *view, values }
    }

    /// Maximum, minimum or mean of the values along the direction of view, of the whole volume or of a slab about the
    /// plane; NaN beside the volume.
    pub fn projection(&self, view: &View, projection: Projection) -> Raster {
        project(self.volume(), || self.blocks(), view, projection)
    }

    /// A curved reformat: a curve (LPS mm) pulled straight downwards in the middle of the picture, `width_mm` wide.
    /// `across` is the direction to the right at the beginning; it is carried along without twist. With `slab_mm` the
    /// maximum of so much before and behind the surface is shown.
    ///
    /// The view of the raster has the right size and pixels, but its plane holds at the beginning of the curve only.
    ///
    /// # Errors
    /// Where the curve has no length, or the picture would be too large.
    pub fn curved(
        &self,
        curve_mm: &[[f64; 3]],
        across: [f64; 3],
        width_mm: f64,
        pixel_mm: f64,
        slab_mm: f64,
    ) -> Result<Raster, RenderError> {
        let straight = Straightened::new(curve_mm, across, width_mm, pixel_mm)?;
        let view = straight.view()?;
        let [columns, rows] = view.size;
        let mut values = vec![f32::NAN; columns * rows];
        let volume = self.volume();
        if let Some(sampler) = Sampler::new(volume) {
            let step_mm = volume.geometry.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
            let half = (slab_mm.max(0.0) / 2.0 / step_mm).round() as i64;
            values.par_chunks_mut(columns).enumerate().for_each(|(row, line)| {
                for (column, value) in line.iter_mut().enumerate() {
                    *value = (-half..=half)
                        .map(|depth| {
                            let point = straight.point_mm(column, row, depth as f64 * step_mm);
                            sampler.at_or_nan(volume.geometry.voxel_from_patient(point))
                        })
                        .fold(f32::NAN, f32::max);
                }
            });
        }
        Ok(Raster { view, values })
    }

    pub(crate) fn blocks(&self) -> &Blocks {
        self.blocks.get_or_init(|| Blocks::new(self.volume()))
    }
}
