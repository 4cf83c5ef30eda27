//! What registration looks at: attenuation in and about the body, averaged over cubes, without what may have changed.

use apatite_lesion::Analysis;
use apatite_volume::{Geometry, Labels, Volume, index_of, voxel_at};
use rayon::prelude::*;

/// Attenuation is seen between these values, HU: fat, muscle and bone differ, chalk and metal look like bone.
const LOW_HU: f32 = -200.0;
const HIGH_HU: f32 = 800.0;
/// What stands in for a lesion: soft tissue.
const SOFT_HU: f32 = 40.0;

/// A scalar image on a coarse grid.
pub(crate) struct Image {
    pub(crate) size: [usize; 3],
    pub(crate) geometry: Geometry,
    /// HU over 1000, columns fastest.
    pub(crate) values: Vec<f32>,
    /// Share of bone in each cell, 0 to 255.
    pub(crate) bone: Vec<u8>,
    /// Whether the cell holds body.
    pub(crate) body: Vec<bool>,
}

impl Image {
    /// Averages a study over cubes of about `edge_mm`.
    pub(crate) fn of(volume: &Volume, analysis: &Analysis, edge_mm: f64) -> Self {
        let spacing_mm = volume.geometry.spacing_mm();
        let block: [usize; 3] = std::array::from_fn(|axis| {
            ((edge_mm / spacing_mm[axis]).round() as usize).clamp(1, volume.size[axis])
        });
        let size: [usize; 3] = std::array::from_fn(|axis| volume.size[axis] / block[axis]);
        let geometry = Geometry {
            origin_mm: volume
                .geometry
                .patient_from_voxel(std::array::from_fn(|axis| (block[axis] as f64 - 1.0) / 2.0)),
            steps_mm: std::array::from_fn(|axis| {
                volume.geometry.steps_mm[axis].map(|step| step * block[axis] as f64)
            }),
        };
        let label = |labels: Option<&Labels>, index: usize| labels.map_or(0, |labels| labels.values[index]);
        let cells: Vec<(f32, u8, bool)> = (0..size.iter().product())
            .into_par_iter()
            .map(|cell: usize| {
                let at = voxel_at(size, cell);
                let (mut sum, mut bone, mut body, mut count) = (0.0_f32, 0_usize, 0_usize, 0_usize);
                for slice in at[2] * block[2]..(at[2] + 1) * block[2] {
                    for row in at[1] * block[1]..(at[1] + 1) * block[1] {
                        for column in at[0] * block[0]..(at[0] + 1) * block[0] {
                            let index = volume.index([column, row, slice]);
                            let inside = analysis.body.is_none() || label(analysis.body.as_ref(), index) != 0;
                            let value = f32::from(volume.values[index]).clamp(LOW_HU, HIGH_HU);
                            sum += match (inside, analysis.labels.values[index]) {
                                (false, _) => LOW_HU,
                                (true, 0) => value,
                                (true, _) => SOFT_HU,
                            };
                            body += usize::from(inside);
                            let lesion = analysis.labels.values[index] != 0;
                            bone += usize::from(inside && !lesion && value > BONE_FROM_HU);
                            count += 1;
                        }
                    }
                }
                (sum / count as f32 / 1000.0, (255 * bone / count) as u8, body * 2 > count)
            })
            .collect();
        Self {
            size,
            geometry,
            values: cells.iter().map(|cell| cell.0).collect(),
            bone: cells.iter().map(|cell| cell.1).collect(),
            body: cells.iter().map(|cell| cell.2).collect(),
        }
    }

    /// Patient coordinates of a cell.
    pub(crate) fn position_mm(&self, cell: usize) -> [f64; 3] {
        let at =
            [cell % self.size[0], cell / self.size[0] % self.size[1], cell / self.size[0] / self.size[1]];
        self.geometry.patient_from_voxel(at.map(|index| index as f64))
    }

    /// The cell that holds a point; none outside.
    pub(crate) fn cell(&self, point_mm: [f64; 3]) -> Option<usize> {
        let at = self.geometry.voxel_from_patient(point_mm).map(f64::round);
        let inside = (0..3).all(|axis| at[axis] >= 0.0 && at[axis] < self.size[axis] as f64);
        inside.then(|| index_of(self.size, at.map(|at| at as usize)))
    }
}

/// What is in the body, no lesion, and at least as dense is bone here, HU: finer than the mask of the analysis, whose
/// cells of a few mm differ between studies.
const BONE_FROM_HU: f32 = 180.0;

/// An image ready for asking between its cells.
pub(crate) struct Sampler<'i> {
    image: &'i Image,
    /// From patient to cell coordinates: one row an axis.
    rows: [[f64; 3]; 3],
}

impl<'i> Sampler<'i> {
    pub(crate) fn new(image: &'i Image) -> Self {
        let rows = image.geometry.steps_mm.map(|step| {
            let square: f64 = step.iter().map(|value| value * value).sum();
            step.map(|value| value / square)
        });
        Self { image, rows }
    }

    /// Value and gradient (per mm, patient axes) by trilinear interpolation; none outside.
    pub(crate) fn at(&self, point_mm: [f64; 3]) -> Option<(f64, [f64; 3])> {
        let image = self.image;
        let offset: [f64; 3] = std::array::from_fn(|axis| point_mm[axis] - image.geometry.origin_mm[axis]);
        let mut low = [0_usize; 3];
        let mut part = [0.0; 3];
        for axis in 0..3 {
            let row = self.rows[axis];
            let at = row[0] * offset[0] + row[1] * offset[1] + row[2] * offset[2];
            if !(at >= 0.0 && at < (image.size[axis] - 1) as f64) {
                return None;
            }
            low[axis] = at as usize;
            part[axis] = at - low[axis] as f64;
        }
        let start = index_of(image.size, low);
        let strides = [1, image.size[0], image.size[0] * image.size[1]];
        let corner = |x: usize, y: usize, z: usize| {
            f64::from(image.values[start + x * strides[0] + y * strides[1] + z * strides[2]])
        };
        let c: [[[f64; 2]; 2]; 2] =
            std::array::from_fn(|z| std::array::from_fn(|y| std::array::from_fn(|x| corner(x, y, z))));
        let [u, v, w] = part;
        let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
        let face = |z: usize| mix(mix(c[z][0][0], c[z][0][1], u), mix(c[z][1][0], c[z][1][1], u), v);
        let value = mix(face(0), face(1), w);
        let along_x = |z: usize| mix(c[z][0][1] - c[z][0][0], c[z][1][1] - c[z][1][0], v);
        let along_y = |z: usize| mix(c[z][1][0] - c[z][0][0], c[z][1][1] - c[z][0][1], u);
        let slope = [mix(along_x(0), along_x(1), w), mix(along_y(0), along_y(1), w), face(1) - face(0)];
        let gradient = std::array::from_fn(|axis| (0..3).map(|row| self.rows[row][axis] * slope[row]).sum());
        Some((value, gradient))
    }
}
