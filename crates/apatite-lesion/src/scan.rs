//! The passes over the whole volume: where the body is, how noisy the study is, the coarse grid, and the sparse set
//! of dense voxels as runs along columns. Everything later works on these.

use apatite_volume::Volume;
use rayon::prelude::*;

use crate::grid::{Connectivity, Grid, Run, box_mean, components, distance2, distance2_within};

/// HU at or above which a cell may belong to a body; between air and fat.
const BODY_HU: f32 = -400.0;
/// Edge of the cells on which the body is found, mm.
const BODY_CELL_MM: f64 = 4.0;
/// Cells of the working grid at most; its cells grow to keep to it.
const WORKING_CELLS: f64 = 2.5e6;
/// A body whose widest section is smaller than this (mm²: hand, foot, forearm) gets more cells.
const SLENDER_MM2: f64 = 13_000.0;
const SLENDER_CELLS: f64 = 7.5e6;
/// Smallest edge of a working cell, mm, when the study is large.
const WORKING_CELL_MM: f64 = 1.9;

/// The body on its own grid of cells of about 4 mm.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) grid: Grid,
    /// Voxels per cell along each axis.
    pub(crate) block: [usize; 3],
    /// Whether the cell belongs to the body.
    pub(crate) inside: Vec<bool>,
    /// Distance to the air around the body, mm; infinite where the air is not in view.
    pub(crate) skin_mm: Vec<f32>,
    /// First and one past the last voxel of the body along each axis.
    pub(crate) low: [usize; 3],
    pub(crate) high: [usize; 3],
}

impl Body {
    pub(crate) fn cell(&self, voxel: [usize; 3]) -> usize {
        self.grid
            .index(std::array::from_fn(|axis| (voxel[axis] / self.block[axis]).min(self.grid.size[axis] - 1)))
    }

    /// Area of the widest axial section, mm².
    pub(crate) fn section_mm2(&self) -> f64 {
        let area = self.grid.spacing_mm[0] * self.grid.spacing_mm[1];
        self.inside
            .chunks(self.grid.size[0] * self.grid.size[1])
            .map(|slice| slice.iter().filter(|&&inside| inside).count() as f64 * area)
            .fold(0.0, f64::max)
    }
}

/// Separates the body from air, table and clothing: what is thick enough to stay dense after averaging over about
/// 12 mm, each piece of a useful size; thin shells (table top, sheets, clothing) vanish in the average.
pub(crate) fn body(volume: &Volume) -> Option<Body> {
    let spacing = volume.geometry.spacing_mm();
    let block: [usize; 3] =
        std::array::from_fn(|axis| (BODY_CELL_MM / spacing[axis]).round().max(1.0) as usize);
    let size: [usize; 3] = std::array::from_fn(|axis| volume.size[axis].div_ceil(block[axis]));
    let grid = Grid { size, spacing_mm: std::array::from_fn(|axis| spacing[axis] * block[axis] as f64) };
    let floor = volume.padding.unwrap_or(i16::MIN);
    let mut mean = vec![0.0_f32; grid.len()];
    mean.par_chunks_mut(size[0] * size[1]).enumerate().for_each(|(z, plane)| {
        // the middle slice and every second voxel speak for the cell
        let slice = (z * block[2] + block[2] / 2).min(volume.size[2] - 1);
        for y in 0..size[1] {
            let rows = y * block[1]..((y + 1) * block[1]).min(volume.size[1]);
            for x in 0..size[0] {
                let columns = x * block[0]..((x + 1) * block[0]).min(volume.size[0]);
                let (mut sum, mut count) = (0_i32, 0);
                for row in rows.clone().step_by(2) {
                    let start = volume.index([0, row, slice]);
                    for column in columns.clone().step_by(2) {
                        let value = volume.values[start + column];
                        sum += if value <= floor { -1000 } else { i32::from(value).clamp(-1000, 1000) };
                        count += 1;
                    }
                }
                plane[y * size[0] + x] = sum as f32 / count.max(1) as f32;
            }
        }
    });
    let radius = grid.spacing_mm.map(|edge| (4.5 / edge).round() as usize);
    let smooth = box_mean(&grid, &mean, radius);
    let (labels, counts) = components(&grid, Connectivity::Face, |cell| smooth[cell] > BODY_HU);
    let largest = counts.iter().skip(1).copied().max()?;
    let kept: Vec<bool> = counts
        .iter()
        .enumerate()
        .map(|(label, &count)| {
            label > 0 && (count * 50 >= largest || count as f64 * grid.cell_mm3() > 20_000.0) && count > 0
        })
        .collect();
    let reach = 1.8 * grid.spacing_mm[0].max(grid.spacing_mm[1]) as f32;
    let core2 = distance2_within(&grid, reach, |cell| kept[labels[cell] as usize]);
    let mut inside: Vec<bool> =
        (0..grid.len()).map(|cell| core2[cell] <= reach * reach && mean[cell] > BODY_HU).collect();
    // lungs and bowel gas are enclosed: what cannot be reached from the sides of the field is inside
    let (air, air_counts) = components(&grid, Connectivity::Face, |cell| !inside[cell]);
    let mut outside = vec![false; air_counts.len()];
    for (cell, &label) in air.iter().enumerate() {
        let [x, y, _] = grid.position(cell);
        if label > 0 && (x == 0 || y == 0 || x + 1 == size[0] || y + 1 == size[1]) && mean[cell] < BODY_HU {
            outside[label as usize] = true;
        }
    }
    for (cell, inside) in inside.iter_mut().enumerate() {
        if !*inside && !outside[air[cell] as usize] {
            *inside = true;
        }
    }
    let skin_mm: Vec<f32> = distance2(&grid, |cell| !inside[cell] && outside[air[cell] as usize])
        .into_iter()
        .map(|square| (square.sqrt() - 0.5 * grid.spacing_mm[0] as f32).max(0.0))
        .collect();
    let (mut low, mut high) = (volume.size, [0; 3]);
    for (cell, _) in inside.iter().enumerate().filter(|&(_, &inside)| inside) {
        let position = grid.position(cell);
        for axis in 0..3 {
            low[axis] = low[axis].min(position[axis] * block[axis]);
            high[axis] = high[axis].max(((position[axis] + 1) * block[axis]).min(volume.size[axis]));
        }
    }
    // the skin itself may lie half a cell further out
    for axis in 0..3 {
        low[axis] = low[axis].saturating_sub(block[axis]);
        high[axis] = (high[axis] + block[axis]).min(volume.size[axis]);
    }
    (low[0] < high[0]).then_some(Body { grid, block, inside, skin_mm, low, high })
}

/// Standard deviation of the noise in soft tissue, HU: the median absolute difference of voxels three columns apart.
pub(crate) fn noise(volume: &Volume, body: &Body) -> f64 {
    let step = ((body.high[2] - body.low[2]) / 24).max(1);
    let slices: Vec<usize> = (body.low[2]..body.high[2]).step_by(step).collect();
    let counts: Vec<Vec<u32>> = slices
        .par_iter()
        .map(|&slice| {
            let mut counts = vec![0_u32; 256];
            for row in (body.low[1]..body.high[1]).step_by(3) {
                let start = volume.index([0, row, slice]);
                for column in (body.low[0]..body.high[0].saturating_sub(3)).step_by(2) {
                    if !body.inside[body.cell([column, row, slice])] {
                        continue;
                    }
                    let (a, b) = (volume.values[start + column], volume.values[start + column + 3]);
                    if (-60..=160).contains(&a) && (-60..=160).contains(&b) {
                        counts[(a.abs_diff(b) as usize).min(255)] += 1;
                    }
                }
            }
            counts
        })
        .collect();
    let total: Vec<u64> = (0..256).map(|bin| counts.iter().map(|c| u64::from(c[bin])).sum()).collect();
    let half = total.iter().sum::<u64>() / 2;
    if half == 0 {
        return 15.0;
    }
    let mut seen = 0;
    let median = total.iter().position(|&count| {
        seen += count;
        seen > half
    });
    noise_of(median.unwrap_or(0) as f64).max(1.0)
}

/// Standard deviation of the noise, HU, from the median of the absolute differences of voxels.
pub(crate) fn noise_of(median_difference: f64) -> f64 {
    // a difference of two has the noise of each times the root of two; the median is 0.6745 standard deviations
    median_difference / (0.6745 * std::f64::consts::SQRT_2)
}

/// Coarse grid over the body: mean and peak of every cell.
#[derive(Debug)]
pub(crate) struct Coarse {
    pub(crate) grid: Grid,
    /// Voxels per cell along each axis.
    pub(crate) block: [usize; 3],
    /// Voxel at which the first cell begins.
    pub(crate) low: [usize; 3],
    pub(crate) mean: Vec<f32>,
    pub(crate) peak: Vec<i16>,
}

impl Coarse {
    /// The cell of a voxel, which must lie in the bounding box of the body.
    pub(crate) fn cell(&self, voxel: [usize; 3]) -> usize {
        self.grid.index(std::array::from_fn(|axis| {
            (voxel[axis].saturating_sub(self.low[axis]) / self.block[axis]).min(self.grid.size[axis] - 1)
        }))
    }

    /// Longest edge of a cell, mm.
    pub(crate) fn edge_mm(&self) -> f64 {
        self.grid.spacing_mm.into_iter().fold(0.0, f64::max)
    }
}

/// One pass over the body: the coarse grid and all runs of voxels of at least `threshold` HU, in order of slice, row
/// and column.
pub(crate) fn coarse(volume: &Volume, body: &Body, threshold: i16) -> (Coarse, Vec<Run>) {
    let spacing = volume.geometry.spacing_mm();
    let extent: [usize; 3] = std::array::from_fn(|axis| body.high[axis] - body.low[axis]);
    let volume_mm3: f64 = (0..3).map(|axis| extent[axis] as f64 * spacing[axis]).product();
    // small bones want small cells, and most of the box about them is air
    let cells = if body.section_mm2() < SLENDER_MM2 { SLENDER_CELLS } else { WORKING_CELLS };
    let edge = (volume_mm3 / cells).cbrt().min(WORKING_CELL_MM.max((volume_mm3 / 8e6).cbrt()));
    let block: [usize; 3] = std::array::from_fn(|axis| (edge / spacing[axis]).round().max(1.0) as usize);
    let size: [usize; 3] = std::array::from_fn(|axis| extent[axis].div_ceil(block[axis]));
    let grid = Grid { size, spacing_mm: std::array::from_fn(|axis| spacing[axis] * block[axis] as f64) };
    let layers: Vec<(Vec<f32>, Vec<i16>, Vec<Run>)> = (0..size[2])
        .into_par_iter()
        .map(|layer| {
            let mut sums = vec![0_i32; size[0] * size[1]];
            let mut peak = vec![i16::MIN; size[0] * size[1]];
            let mut runs = Vec::new();
            let slices =
                body.low[2] + layer * block[2]..(body.low[2] + (layer + 1) * block[2]).min(body.high[2]);
            let depth = slices.len();
            for slice in slices {
                for row in body.low[1]..body.high[1] {
                    let start = volume.index([body.low[0], row, slice]);
                    let values = &volume.values[start..start + extent[0]];
                    let line = (row - body.low[1]) / block[1] * size[0];
                    let mut highest = i16::MIN;
                    for ((chunk, sum), peak) in
                        values.chunks(block[0]).zip(&mut sums[line..]).zip(&mut peak[line..])
                    {
                        let (mut total, mut top) = (0_i32, i16::MIN);
                        for &value in chunk {
                            total += i32::from(value.max(-1024));
                            top = top.max(value);
                        }
                        *sum += total;
                        *peak = (*peak).max(top);
                        highest = highest.max(top);
                    }
                    if highest >= threshold {
                        collect_runs(values, threshold, slice, row, body, &mut runs);
                    }
                }
            }
            let mean = sums
                .iter()
                .enumerate()
                .map(|(at, &sum)| {
                    let (x, y) = (at % size[0], at / size[0]);
                    let width = block[0].min(extent[0] - x * block[0]);
                    let height = block[1].min(extent[1] - y * block[1]);
                    sum as f32 / (width * height * depth) as f32
                })
                .collect();
            (mean, peak, runs)
        })
        .collect();
    let mut coarse = Coarse {
        grid,
        block,
        low: body.low,
        mean: Vec::with_capacity(grid.len()),
        peak: Vec::with_capacity(grid.len()),
    };
    let mut runs = Vec::with_capacity(layers.iter().map(|layer| layer.2.len()).sum());
    for (mean, peak, layer_runs) in layers {
        coarse.mean.extend(mean);
        coarse.peak.extend(peak);
        runs.extend(layer_runs);
    }
    (coarse, runs)
}

/// Appends the runs of one row that lie in the body or one cell beyond it.
fn collect_runs(values: &[i16], threshold: i16, slice: usize, row: usize, body: &Body, runs: &mut Vec<Run>) {
    let near = |column: usize| {
        let cell = body.cell([column, row, slice]);
        let mut near = body.inside[cell];
        if !near {
            body.grid.neighbours6(cell, |other| near |= body.inside[other]);
        }
        near
    };
    let mut at = 0;
    while at < values.len() {
        if values[at] < threshold {
            at += 1;
            continue;
        }
        let start = at;
        while at < values.len() && values[at] >= threshold {
            at += 1;
        }
        let first = body.low[0] + start;
        if near(first + (at - start) / 2) {
            runs.push(Run {
                slice: slice as u32,
                row: row as u32,
                start: first as u32,
                end: (body.low[0] + at) as u32,
            });
        }
    }
}
