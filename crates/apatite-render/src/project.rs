//! Projections: along an axis of the volume line by line, at any other angle by rays.

use apatite_volume::Volume;
use rayon::prelude::*;

use crate::View;
use crate::blocks::{Blocks, EDGE};
use crate::picture::Raster;
use crate::sample::Sampler;
use crate::vector::{Vector, dot, norm, sub};

/// What is shown of the values along the direction of view. `slab_mm` is the thickness about the plane; none is the
/// whole volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Projection {
    /// The highest value (MIP).
    Maximum {
        /// Thickness.
        slab_mm: Option<f64>,
    },
    /// The lowest value (MinIP); what lies outside of the reconstructed field does not count.
    Minimum {
        /// Thickness.
        slab_mm: Option<f64>,
    },
    /// The mean; what lies outside of the reconstructed field does not count.
    Mean {
        /// Thickness.
        slab_mm: Option<f64>,
    },
}

impl Projection {
    /// Thickness of the slab, mm; none for the whole volume.
    #[must_use]
    pub fn slab_mm(&self) -> Option<f64> {
        let (Self::Maximum { slab_mm } | Self::Minimum { slab_mm } | Self::Mean { slab_mm }) = self;
        slab_mm.map(f64::abs)
    }
}

pub(crate) fn project<'a>(
    volume: &Volume,
    blocks: impl FnOnce() -> &'a Blocks,
    view: &View,
    projection: Projection,
) -> Raster {
    let into = view.plane.into_picture();
    let steps = volume.geometry.steps_mm;
    let parallel = (0..3).find(|&axis| dot(into, steps[axis]).abs() > (1.0 - 1e-9) * norm(steps[axis]));
    let Some(sampler) = Sampler::new(volume) else {
        return Raster { view: *view, values: vec![f32::NAN; view.size[0] * view.size[1]] };
    };
    match parallel {
        Some(axis) => along_axis(volume, &sampler, view, projection, axis),
        None => by_rays(volume, &sampler, blocks(), view, projection),
    }
}

/// Projects the voxels onto a flat volume of one layer, and samples that.
fn along_axis(
    volume: &Volume,
    sampler: &Sampler,
    view: &View,
    projection: Projection,
    axis: usize,
) -> Raster {
    let count = volume.size[axis];
    let layers = match projection.slab_mm() {
        None => 0..count,
        Some(slab_mm) => {
            let at = volume.geometry.voxel_from_patient(view.plane.centre_mm)[axis];
            let half = slab_mm / 2.0 / volume.geometry.spacing_mm()[axis];
            // a slab thinner than the voxels still shows the nearest layer
            let low = (at - half).ceil().min((at + 0.5).floor()).max(0.0) as usize;
            let high = (at + half).floor().max((at + 0.5).floor()) + 1.0;
            low.min(count)..(high.max(0.0) as usize).clamp(low.min(count), count)
        }
    };
    let values = if layers.is_empty() { None } else { Some(flatten(volume, projection, axis, layers)) };
    let Some(values) = values else {
        return Raster { view: *view, values: vec![f32::NAN; view.size[0] * view.size[1]] };
    };
    let across: [usize; 2] = [[1, 2], [0, 2], [0, 1]][axis];
    let size = across.map(|axis| volume.size[axis]);
    let (start, right, down) = sampler.pixels(view);
    let [columns, _] = view.size;
    let mut picture = vec![f32::NAN; columns * view.size[1]];
    picture.par_chunks_mut(columns).enumerate().for_each(|(row, line)| {
        for (column, pixel) in line.iter_mut().enumerate() {
            let at = across.map(|axis| start[axis] + right[axis] * column as f64 + down[axis] * row as f64);
            *pixel = bilinear(&values, size, at);
        }
    });
    Raster { view: *view, values: picture }
}

/// Bilinear value of a picture; NaN outside. A neighbour without a value does not count.
fn bilinear(values: &[f32], size: [usize; 2], at: [f64; 2]) -> f32 {
    if (0..2).any(|side| !(at[side] >= -0.5 && at[side] <= size[side] as f64 - 0.5)) {
        return f32::NAN;
    }
    let mut floor = [0; 2];
    let mut part = [0.0_f32; 2];
    for side in 0..2 {
        let inside = at[side].clamp(0.0, size[side] as f64 - 1.0);
        floor[side] = (inside as usize).min(size[side].saturating_sub(2));
        part[side] = (inside - floor[side] as f64) as f32;
    }
    let next = [usize::from(size[0] > 1), usize::from(size[1] > 1) * size[0]];
    let base = floor[1] * size[0] + floor[0];
    let (mut sum, mut weights) = (0.0, 0.0);
    for corner in 0..4 {
        let (right, below) = (corner & 1, corner >> 1);
        let weight = [1.0 - part[0], part[0]][right] * [1.0 - part[1], part[1]][below];
        let value = values[base + right * next[0] + below * next[1]];
        if weight > 0.0 && !value.is_nan() {
            sum += weight * value;
            weights += weight;
        }
    }
    if weights > 0.0 { sum / weights } else { f32::NAN }
}

/// One value for each line of voxels along an axis; the other two axes keep their order.
fn flatten(volume: &Volume, projection: Projection, axis: usize, layers: std::ops::Range<usize>) -> Vec<f32> {
    let padding = volume.padding.unwrap_or(i16::MIN);
    match projection {
        Projection::Maximum { .. } => {
            let flat =
                fold_layers(volume, axis, layers, i16::MIN, |sum, value| *sum = (*sum).max(value), i16::max);
            flat.into_iter().map(f32::from).collect()
        }
        Projection::Minimum { .. } => {
            let least = |sum: &mut i16, value: i16| {
                // padding becomes the highest value, which no minimum takes
                *sum = (*sum).min(if value <= padding { i16::MAX } else { value });
            };
            let flat = fold_layers(volume, axis, layers, i16::MAX, least, i16::min);
            flat.into_iter()
                .map(|value| if value == i16::MAX { f32::NAN } else { f32::from(value) })
                .collect()
        }
        Projection::Mean { .. } => {
            let add = |sum: &mut (i32, i32), value: i16| {
                let counts = i32::from(value > padding || volume.padding.is_none());
                sum.0 += i32::from(value) * counts;
                sum.1 += counts;
            };
            let flat = fold_layers(volume, axis, layers, (0, 0), add, |a, b| (a.0 + b.0, a.1 + b.1));
            flat.into_iter()
                .map(|(sum, count)| if count > 0 { sum as f32 / count as f32 } else { f32::NAN })
                .collect()
        }
    }
}

/// Lines of this many rows are folded by one thread, so that its sums stay in the cache.
const ROWS_AT_ONCE: usize = 16;

fn fold_layers<T: Copy + Send + Sync>(
    volume: &Volume,
    axis: usize,
    layers: std::ops::Range<usize>,
    start: T,
    fold: impl Fn(&mut T, i16) + Sync,
    join: impl Fn(T, T) -> T + Sync,
) -> Vec<T> {
    let [columns, rows, slices] = volume.size;
    let line = |row: usize, slice: usize| {
        let start = volume.index([0, row, slice]);
        &volume.values[start..start + columns]
    };
    let fold_line = |sums: &mut [T], line: &[i16]| {
        for (sum, &value) in sums.iter_mut().zip(line) {
            fold(sum, value);
        }
    };
    match axis {
        // through the slices: a band of rows at a time, all slices of it
        2 => {
            let mut sums = vec![start; columns * rows];
            sums.par_chunks_mut(columns * ROWS_AT_ONCE).enumerate().for_each(|(band, sums)| {
                let first = volume.index([0, band * ROWS_AT_ONCE, 0]);
                for slice in layers.clone() {
                    let at = first + slice * columns * rows;
                    fold_line(sums, &volume.values[at..at + sums.len()]);
                }
            });
            sums
        }
        // through the rows
        1 => {
            let mut sums = vec![start; columns * slices];
            sums.par_chunks_mut(columns).enumerate().for_each(|(slice, sums)| {
                for row in layers.clone() {
                    fold_line(sums, line(row, slice));
                }
            });
            sums
        }
        // through the columns: lanes, so that vectors can be used
        _ => {
            const LANES: usize = 32;
            let mut sums = vec![start; rows * slices];
            sums.par_chunks_mut(rows).enumerate().for_each(|(slice, sums)| {
                for (row, sum) in sums.iter_mut().enumerate() {
                    let line = &line(row, slice)[layers.clone()];
                    let mut lanes = [start; LANES];
                    let chunks = line.chunks_exact(LANES);
                    fold_line(&mut lanes, chunks.remainder());
                    for chunk in chunks {
                        fold_line(&mut lanes, chunk);
                    }
                    *sum = lanes.into_iter().fold(start, &join);
                }
            });
            sums
        }
    }
}

/// A ray through the volume in voxel coordinates.
pub(crate) struct Ray {
    /// Where it enters the plane of the picture.
    pub(crate) start: [f32; 3],
    /// Per mm.
    pub(crate) step: [f32; 3],
    /// mm for each voxel.
    inverse: [f32; 3],
    /// Where it enters and leaves the volume, mm behind the plane.
    pub(crate) range: [f32; 2],
}

/// All rays of a picture are parallel.
pub(crate) struct Rays<'a> {
    volume: &'a Volume,
    start: Vector,
    right: Vector,
    down: Vector,
    into: Vector,
    limits: [f64; 2],
}

impl<'a> Rays<'a> {
    pub(crate) fn new(volume: &'a Volume, sampler: &Sampler, view: &View, slab_mm: Option<f64>) -> Self {
        let (start, right, down) = sampler.pixels(view);
        let from = view.plane.centre_mm;
        let to: Vector = std::array::from_fn(|axis| from[axis] + view.plane.into_picture()[axis]);
        let voxel = |point| volume.geometry.voxel_from_patient(point);
        let half = slab_mm.map_or(f64::INFINITY, |slab| slab / 2.0);
        Self { volume, start, right, down, into: sub(voxel(to), voxel(from)), limits: [-half, half] }
    }

    /// None where the ray passes the volume by.
    pub(crate) fn ray(&self, column: usize, row: usize) -> Option<Ray> {
        let start: Vector = std::array::from_fn(|axis| {
            self.start[axis] + self.right[axis] * column as f64 + self.down[axis] * row as f64
        });
        let [mut near, mut far] = self.limits;
        for ((&start, &into), &count) in start.iter().zip(&self.into).zip(&self.volume.size) {
            let (low, high) = (-0.5, count as f64 - 0.5);
            if into.abs() < 1e-12 {
                if start < low || start > high {
                    return None;
                }
            } else {
                let (a, b) = ((low - start) / into, (high - start) / into);
                near = near.max(a.min(b));
                far = far.min(a.max(b));
            }
        }
        (near <= far).then(|| Ray {
            start: start.map(|value| value as f32),
            step: self.into.map(|value| value as f32),
            inverse: self.into.map(|value| (1.0 / value) as f32),
            range: [near as f32, far as f32],
        })
    }
}

impl Ray {
    #[inline]
    pub(crate) fn at(&self, depth_mm: f32) -> [f32; 3] {
        std::array::from_fn(|axis| self.start[axis] + self.step[axis] * depth_mm)
    }

    /// The block at a depth, and the depth at which the ray leaves it.
    #[inline]
    pub(crate) fn block(&self, depth_mm: f32, blocks: [usize; 3]) -> ([usize; 3], f32) {
        self.cell::<EDGE>(depth_mm, blocks, 0)
    }

    /// The cell of `E` voxels along each edge at a depth, of as many along each axis, and the depth at which the ray
    /// leaves the cube of `around` cells to each side of it.
    #[inline]
    pub(crate) fn cell<const E: usize>(
        &self,
        depth_mm: f32,
        blocks: [usize; 3],
        around: usize,
    ) -> ([usize; 3], f32) {
        let at = self.at(depth_mm);
        let mut block = [0; 3];
        let mut exit = f32::INFINITY;
        for axis in 0..3 {
            block[axis] = ((at[axis].max(0.0) / E as f32) as i32 as usize).min(blocks[axis] - 1);
            let step = self.step[axis];
            // the first and last block reach to infinity: coordinates outside are moved in
            let wall = if step > 1e-12 && block[axis] + around + 1 < blocks[axis] {
                ((block[axis] + around + 1) * E) as f32
            } else if step < -1e-12 && block[axis] > around {
                ((block[axis] - around) * E) as f32
            } else {
                continue;
            };
            exit = exit.min((wall - self.start[axis]) * self.inverse[axis]);
        }
        (block, exit)
    }
}

fn by_rays(
    volume: &Volume,
    sampler: &Sampler,
    blocks: &Blocks,
    view: &View,
    projection: Projection,
) -> Raster {
    let rays = Rays::new(volume, sampler, view, projection.slab_mm());
    let step_mm = volume.geometry.spacing_mm().into_iter().fold(f64::INFINITY, f64::min) as f32;
    let padding = volume.padding.map_or(f32::NEG_INFINITY, f32::from);
    let [columns, rows] = view.size;
    let mut values = vec![f32::NAN; columns * rows];
    values.par_chunks_mut(columns).enumerate().for_each(|(row, line)| {
        for (column, value) in line.iter_mut().enumerate() {
            let Some(ray) = rays.ray(column, row) else { continue };
            *value = match projection {
                Projection::Maximum { .. } => march(
                    &ray,
                    step_mm,
                    blocks,
                    peak(&ray, step_mm, blocks, sampler),
                    |best, block| f32::from(blocks.high[block]) > best,
                    |best, at| best.max(sampler.at(at)),
                ),
                Projection::Minimum { .. } => {
                    let least = march(
                        &ray,
                        step_mm,
                        blocks,
                        f32::INFINITY,
                        |best, block| {
                            let hidden = f32::from(blocks.low[block]) >= best
                                || f32::from(blocks.high[block]) <= padding;
                            !hidden
                        },
                        |best, at| {
                            let value = sampler.at(at);
                            if value <= padding { best } else { best.min(value) }
                        },
                    );
                    if least.is_finite() { least } else { f32::NAN }
                }
                Projection::Mean { .. } => {
                    let mut count = 0_u32;
                    let sum = march(
                        &ray,
                        step_mm,
                        blocks,
                        0.0,
                        |_, _| true,
                        |sum, at| {
                            let value = sampler.at(at);
                            if value <= padding {
                                return sum;
                            }
                            count += 1;
                            sum + value
                        },
                    );
                    if count > 0 { sum / count as f32 } else { f32::NAN }
                }
            };
        }
    });
    Raster { view: *view, values }
}

/// [`f32::ceil`] for what fits 32 bits, without a call: the slowest part of passing over blocks.
#[inline]
pub(crate) fn ceil(value: f32) -> f32 {
    let whole = value as i32 as f32;
    if whole < value { whole + 1.0 } else { whole }
}

/// The highest sample in the most promising block of a ray: with it known, most of the others can be passed over.
fn peak(ray: &Ray, step_mm: f32, blocks: &Blocks, sampler: &Sampler) -> f32 {
    let mut sample = (ray.range[0] / step_mm).ceil();
    let last = (ray.range[1] / step_mm).floor();
    let (mut high, mut range) = (i16::MIN, [sample, sample]);
    while sample <= last {
        let (block, exit) = ray.block(sample * step_mm, blocks.size);
        let beyond = ceil(exit / step_mm).max(sample + 1.0).min(last + 1.0);
        let block = blocks.index(block);
        if blocks.high[block] > high {
            (high, range) = (blocks.high[block], [sample, beyond]);
        }
        sample = beyond;
    }
    let [mut sample, beyond] = range;
    let mut best = f32::NEG_INFINITY;
    while sample < beyond {
        best = best.max(sampler.at(ray.at(sample * step_mm)));
        sample += 1.0;
    }
    best
}

/// Folds the samples of a ray. Samples lie at whole steps from the plane of the picture whatever is passed over, so
/// that passing over changes no value.
#[inline]
fn march(
    ray: &Ray,
    step_mm: f32,
    blocks: &Blocks,
    start: f32,
    look: impl Fn(f32, usize) -> bool,
    mut fold: impl FnMut(f32, [f32; 3]) -> f32,
) -> f32 {
    let mut best = start;
    let mut sample = (ray.range[0] / step_mm).ceil();
    let last = (ray.range[1] / step_mm).floor();
    if sample > last {
        // thinner than a step: one look in the middle
        return fold(best, ray.at((ray.range[0] + ray.range[1]) / 2.0));
    }
    while sample <= last {
        let (block, exit) = ray.block(sample * step_mm, blocks.size);
        let beyond = ceil(exit / step_mm).max(sample + 1.0).min(last + 1.0);
        if look(best, blocks.index(block)) {
            while sample < beyond {
                best = fold(best, ray.at(sample * step_mm));
                sample += 1.0;
            }
        } else {
            sample = beyond;
        }
    }
    best
}
