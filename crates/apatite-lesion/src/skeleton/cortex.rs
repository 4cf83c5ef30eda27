//! How thick the cortex is, by place.

use crate::grid::Grid;

/// Cortex that the blur of the picture leaves below 800 HU is thinner than this, mm.
const THIN_MM: f32 = 2.4;
/// Cortex where none was measured, HU.
const DENSE_HU: f32 = 1400.0;
/// The cortex of a shaft is at least this dense, HU.
const LEAST_DENSE_HU: f32 = 1000.0;

/// Thickness of the cortex by place: how far the surface of bones lies from their marrow.
pub(super) struct Cortex {
    block: usize,
    size: [usize; 3],
    /// Two percentiles (40 and 65) per block of its neighbourhood, mm.
    quartiles: Vec<(f32, f32)>,
    /// Density of the wall of marrow per block of its neighbourhood, HU; that of dense bone where none is near.
    wall_hu: Vec<f32>,
    edge_mm: f32,
}

impl Cortex {
    const BINS: usize = 64;
    const BIN_MM: f32 = 0.5;

    /// `surface` gives the distance from marrow of the cells at the surface of bones, `wall` the density of the cells
    /// next to marrow.
    pub(super) fn measure(
        grid: &Grid,
        surface: impl Fn(usize) -> Option<f32>,
        wall: impl Fn(usize) -> Option<f32>,
    ) -> Self {
        let edge = grid.spacing_mm.into_iter().fold(0.0, f64::max);
        let block = (12.0 / edge).round().max(1.0) as usize;
        let size: [usize; 3] = grid.size.map(|count| count.div_ceil(block));
        let of = |p: [usize; 3]| (p[2] * size[1] + p[1]) * size[0] + p[0];
        let mut counts = vec![[0_u32; Self::BINS]; size.iter().product()];
        let mut dense = vec![[0_u32; 20]; counts.len()];
        for cell in 0..grid.len() {
            if let Some(distance) = surface(cell) {
                let bin = ((distance / Self::BIN_MM) as usize).min(Self::BINS - 1);
                counts[of(grid.position(cell).map(|at| at / block))][bin] += 1;
            }
            if let Some(hu) = wall(cell) {
                dense[of(grid.position(cell).map(|at| at / block))]
                    [((hu.max(0.0) / 100.0) as usize).min(19)] += 1;
            }
        }
        let percentile = |walls: &[u32; 20], share: f64| {
            let wanted = (f64::from(walls.iter().sum::<u32>()) * share) as u32;
            let mut seen = 0;
            let bin = walls.iter().position(|&count| {
                seen += count;
                seen > wanted
            });
            bin.map(|bin| bin as f32 * 100.0 + 50.0)
        };
        let mut all = [0_u32; 20];
        for walls in &dense {
            for (sum, count) in all.iter_mut().zip(walls) {
                *sum += count;
            }
        }
        // bones of a child or of a frail patient are less dense: what is as dense as the densest is not blurred
        let full = percentile(&all, 0.98).unwrap_or(DENSE_HU).clamp(LEAST_DENSE_HU, DENSE_HU);
        let mut quartiles = vec![(3.0, 4.0); counts.len()];
        let mut wall_hu = vec![DENSE_HU; counts.len()];
        for z in 0..size[2] {
            for y in 0..size[1] {
                for x in 0..size[0] {
                    let mut sum = [0_u32; Self::BINS];
                    let mut walls = [0_u32; 20];
                    for k in z.saturating_sub(1)..=(z + 1).min(size[2] - 1) {
                        for j in y.saturating_sub(1)..=(y + 1).min(size[1] - 1) {
                            for i in x.saturating_sub(1)..=(x + 1).min(size[0] - 1) {
                                for (sum, count) in sum.iter_mut().zip(&counts[of([i, j, k])]) {
                                    *sum += count;
                                }
                                for (sum, count) in walls.iter_mut().zip(&dense[of([i, j, k])]) {
                                    *sum += count;
                                }
                            }
                        }
                    }
                    let total: u32 = sum.iter().sum();
                    if total < 20 {
                        continue;
                    }
                    let rank = |share: f64| {
                        let wanted = (f64::from(total) * share) as u32;
                        let mut seen = 0;
                        let bin = sum.iter().position(|&count| {
                            seen += count;
                            seen > wanted
                        });
                        (bin.unwrap_or(Self::BINS - 1) as f32 + 0.5) * Self::BIN_MM
                    };
                    // a large deposit may cover most of the surface here: no cortex is thicker than 7 mm, and one that
                    // blurring makes faint is thin
                    let hu = percentile(&walls, 0.85).unwrap_or(DENSE_HU);
                    wall_hu[of([x, y, z])] = hu;
                    let most =
                        (THIN_MM + (hu - 800.0) / (full - 800.0) * (7.0 - THIN_MM)).clamp(THIN_MM, 7.0);
                    quartiles[of([x, y, z])] = (rank(0.4).min(most), rank(0.65).min(most + 1.0));
                }
            }
        }
        Self { block, size, quartiles, wall_hu, edge_mm: edge as f32 }
    }

    pub(super) fn at(&self, position: [usize; 3]) -> (f32, f32) {
        self.quartiles[self.place(position)]
    }

    /// Density of the cortex about a cell, HU.
    pub(super) fn wall_hu(&self, position: [usize; 3]) -> f32 {
        self.wall_hu[self.place(position)]
    }

    /// The block that a cell lies in.
    fn place(&self, position: [usize; 3]) -> usize {
        let [x, y, z] = position.map(|at| at / self.block);
        (z * self.size[1] + y) * self.size[0] + x
    }

    /// Distance from marrow beyond which a cell is not cortex, mm.
    pub(super) fn limit(&self, position: [usize; 3]) -> f32 {
        let (median, upper) = self.at(position);
        (1.3 * median + 0.3 + 0.6 * self.edge_mm).max(upper + 0.2 + 0.4 * self.edge_mm)
    }
}
