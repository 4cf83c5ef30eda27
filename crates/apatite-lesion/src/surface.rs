//! Where the surface of a lesion lies: half-way between the density just inside it and that of what lies around it.
//!
//! Just inside is not the densest that is near. Salt in urate, the dense heart of an ossification with a young zone
//! about it, a dense shell with immature bone within: each density has its own border, and half of the densest would
//! cut away all that is less.

use rayon::prelude::*;

use crate::grid::distance2_within;
use crate::patch::Patch;

/// The surface of a lesion lies within this, or a voxel, of that of its mask, mm.
const EDGE_MM: f32 = 2.0;
/// From the middle of a blurred edge the full density is reached within this, mm: two standard deviations of the point
/// spread of a usual kernel. Further in may lie another density.
const INWARDS_MM: f64 = 1.3;
/// A voxel lies further in than another where it is deeper by this share of the way.
const DEEPER: f32 = 0.48;
/// A part whose deepest voxels are no deeper than this is thin, mm: blur reaches its middle from both sides.
const THIN_MM: f32 = 1.5;
/// Contrast below which no share of a voxel can be told, HU.
const LEAST_CONTRAST_HU: f32 = 20.0;

/// Where the surface of a lesion lies.
pub(crate) struct Surface {
    /// Density just inside, HU, of each voxel of the mask and of the soft voxels beside it; none elsewhere.
    inside: Vec<Option<f32>>,
    /// Whether a voxel of the mask lies at its edge: within [`EDGE_MM`] of soft tissue, or beside it where voxels are larger.
    edge: Vec<bool>,
    /// Density of the soft tissue around the lesion, HU.
    ground: f32,
}

/// How a volume answers to its threshold.
#[derive(Clone, Copy)]
pub(crate) struct Moved {
    /// Between the lesion and its ground, HU, at least 50.
    pub(crate) contrast: f64,
    /// By how much the volume changes.
    pub(crate) mm3: f64,
}

impl Surface {
    /// `ground_hu` is the density of the soft tissue around the lesion, `threshold` that from which voxels were found.
    pub(crate) fn of(patch: &Patch, ground_hu: f64, threshold: i16) -> Self {
        // bone and other lesions that it touches blur no soft tissue into it
        let soft = |cell: usize| !patch.mask[cell] && patch.hu[cell] < threshold;
        let limit = EDGE_MM + 2.0 * INWARDS_MM as f32;
        let depth: Vec<f32> = distance2_within(&patch.grid, limit, soft).into_iter().map(f32::sqrt).collect();
        let edge: Vec<bool> = (0..patch.grid.len())
            .into_par_iter()
            .map(|cell| {
                let mut edge = depth[cell] < EDGE_MM;
                if patch.mask[cell] && !edge {
                    patch.grid.neighbours6(cell, |other| edge |= soft(other));
                }
                edge
            })
            .collect();
        let mut inside: Vec<Option<f32>> = (0..patch.grid.len())
            .into_par_iter()
            .map_init(Vec::new, |further, cell| {
                let own = f32::from(patch.hu[cell]);
                patch.mask[cell].then(|| if edge[cell] { inwards(patch, &depth, cell, further) } else { own })
            })
            .collect();
        // a voxel outside shares the density inside those that it touches
        let mut beside = vec![false; patch.grid.len()];
        for cell in (0..patch.grid.len()).filter(|&cell| patch.mask[cell]) {
            patch.grid.neighbours26(cell, |other| beside[other] |= soft(other));
        }
        let shared = |cell: usize| {
            let (mut sum, mut count) = (0.0, 0.0);
            patch.grid.neighbours26(cell, |other| {
                if let Some(inside) = inside[other] {
                    sum += inside;
                    count += 1.0;
                }
            });
            (cell, sum / count)
        };
        let shared: Vec<(usize, f32)> =
            (0..patch.grid.len()).into_par_iter().filter(|&cell| beside[cell]).map(shared).collect();
        for (cell, mean) in shared {
            inside[cell] = Some(mean);
        }
        Self { inside, edge, ground: ground_hu as f32 }
    }

    /// The voxels that are at least half lesion: the mask without those of its edge that are less, and with those
    /// beside it that the threshold left out because the lesion is faint; `shift` raises the border, HU.
    pub(crate) fn mask(&self, patch: &Patch, shift: f64) -> Vec<bool> {
        let mut mask = patch.mask.clone();
        for (cell, inside) in self.inside.iter().enumerate() {
            let Some(inside) = *inside else { continue };
            let half = f64::from(self.ground + inside) / 2.0 + shift;
            let mostly = f64::from(patch.hu[cell]) >= half;
            if patch.mask[cell] {
                mask[cell] = mostly || !self.edge[cell];
            } else if mostly {
                patch.grid.neighbours6(cell, |other| mask[cell] |= patch.mask[other]);
            }
        }
        if mask.contains(&true) { mask } else { patch.mask.clone() }
    }

    /// What moving the border by a tenth of the contrast does.
    pub(crate) fn moved(&self, patch: &Patch) -> Moved {
        let inside = self.inside.iter().zip(&patch.mask).filter(|(_, on)| **on);
        let (count, sum) = inside.fold((0_usize, 0.0), |(count, sum), (value, _)| {
            (count + 1, sum + f64::from(value.unwrap_or(self.ground)))
        });
        let contrast = (sum / count.max(1) as f64 - f64::from(self.ground)).max(50.0);
        let voxels = |shift: f64| self.mask(patch, shift).iter().filter(|&&on| on).count() as f64;
        let (larger, smaller) = rayon::join(|| voxels(-0.1 * contrast), || voxels(0.1 * contrast));
        Moved { contrast, mm3: (larger - smaller).abs() / 2.0 * patch.grid.cell_mm3() }
    }

    /// Volume in voxels with the share of each voxel at the surface of `mask` that is lesion.
    pub(crate) fn partial(&self, patch: &Patch, mask: &[bool]) -> f64 {
        (0..patch.grid.len())
            .map(|cell| {
                if mask[cell] && !self.edge[cell] {
                    return 1.0;
                }
                let Some(mut inside) = self.inside[cell] else { return 0.0 };
                if !mask[cell] {
                    // what is mostly something else is a share of that which it touches
                    inside = f32::NEG_INFINITY;
                    patch.grid.neighbours26(cell, |other| {
                        if let Some(value) = self.inside[other].filter(|_| mask[other]) {
                            inside = inside.max(value);
                        }
                    });
                }
                let contrast = inside - self.ground;
                if contrast <= LEAST_CONTRAST_HU {
                    return 0.0;
                }
                f64::from((f32::from(patch.hu[cell]) - self.ground) / contrast).clamp(0.0, 1.0)
            })
            .sum()
    }
}

/// Density just inside a voxel of the edge of the mask, HU: the median of those further in; of a thin part, which has no inside,
/// the highest near. `further` is room to work in.
fn inwards(patch: &Patch, depth: &[f32], cell: usize, further: &mut Vec<i16>) -> f32 {
    let grid = &patch.grid;
    let steps = grid.spacing_mm.map(|step| ((INWARDS_MM / step) as usize).max(1));
    let way_mm = (0..3).map(|axis| steps[axis] as f64 * grid.spacing_mm[axis]).fold(f64::INFINITY, f64::min);
    let least = depth[cell] + DEEPER * way_mm as f32;
    let at = grid.position(cell);
    let range =
        |axis: usize| at[axis].saturating_sub(steps[axis])..(at[axis] + steps[axis] + 1).min(grid.size[axis]);
    let columns = range(0);
    let (rows, slices) = (range(1), range(2));
    further.resize(columns.len() * rows.len() * slices.len(), 0);
    let (mut deepest, mut highest, mut count) = (0.0_f32, patch.hu[cell], 0);
    for z in slices {
        for y in rows.clone() {
            let row = grid.index([columns.start, y, z])..grid.index([columns.end, y, z]);
            for ((&hu, &on), &depth) in
                patch.hu[row.clone()].iter().zip(&patch.mask[row.clone()]).zip(&depth[row])
            {
                // without branches: about half of the voxels lie further in
                deepest = deepest.max(if on { depth } else { 0.0 });
                highest = highest.max(if on { hu } else { i16::MIN });
                further[count] = hu;
                count += usize::from(on && depth >= least);
            }
        }
    }
    if count == 0 || deepest < THIN_MM {
        return f32::from(highest);
    }
    f32::from(*further[..count].select_nth_unstable(count / 2).1)
}
