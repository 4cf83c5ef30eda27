/*!
Rigid registration of two studies of one patient.

The sum of squared differences of attenuation (robust after Geman and McClure, so that what has changed does not pull),
minimised by Levenberg and Marquardt's method from coarse to fine, from many starts. Attenuation is cut above bone and
below fat: bone against soft tissue makes by far the largest differences, so the skeleton decides, and the soft tissues
settle what a lone shaft leaves open. Lesions are painted over: their growth moves nothing.
*/

use apatite_volume::Geometry;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::image::{Image, Sampler};
use crate::rigid::{Rigid, solve};
use crate::{FollowError, Study};

/// How the later study lies to the earlier one, and how well they fit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Registration {
    /// From patient coordinates of the later study to those of the earlier one.
    pub earlier_from_later: Rigid,
    /// Share of the bone in common view that lies on bone of the other study (Dice's coefficient).
    pub bone_overlap: f64,
    /// Median distance between the edges of bone in the two studies, mm.
    pub residual_mm: f64,
    /// Bone in view in both studies, mm³.
    pub common_bone_mm3: f64,
    /// Share of the earlier study's body that is in view in the later one.
    pub common_view: f64,
    /// The edges of bone lie further apart than those of one patient mostly do.
    #[serde(skip)]
    pub loose: bool,
}

/// Residuals from here on hardly count: 150 HU.
const ROBUST: f64 = 0.15;
/// Turns of the starts, degrees.
const START_DEGREES: f64 = 22.0;
/// Shifts of the starts along the longest side of the view, in shares of it.
const START_SHIFTS: [f64; 5] = [0.0, -0.12, 0.12, -0.25, 0.25];
/// A position that leaves less than this share of the samples in common view is none.
const LEAST_VIEW: f64 = 0.25;
/// Samples on the three levels, and starts that go on to the next.
const SAMPLES: [usize; 3] = [1500, 5000, 24_000];
const KEPT: [usize; 2] = [10, 3];
const STEPS: [usize; 3] = [14, 25, 30];

/// Less bone than this in common view cannot be fitted, mm³: a piece of a finger has as much.
const LEAST_BONE_MM3: f64 = 800.0;
/// A fit of the same skeleton overlaps more, and strays less in edges of the finest cells, than these: see `examples/trial.rs`.
const LEAST_OVERLAP: f64 = 0.75;
const LARGEST_RESIDUAL: f64 = 0.34;
/// Most pairs of one patient stray less than this; of 24 pairs of two patients, in the same trial, one did.
const LOOSE_RESIDUAL: f64 = 0.25;

/// Registers the studies.
pub(crate) fn register(
    earlier: &Study,
    later: &Study,
    progress: &dyn Fn(f64),
) -> Result<Registration, FollowError> {
    let edge_mm = |study: &Study| {
        let extent = extent_mm(&study.volume.geometry, study.volume.size);
        (extent.iter().sum::<f64>() / 3.0 / 24.0).clamp(3.0, 8.0)
    };
    let finest_mm = [earlier, later]
        .iter()
        .flat_map(|study| study.volume.geometry.spacing_mm())
        .fold(1.0_f64, f64::max)
        .min(4.0);
    let coarse_mm = edge_mm(earlier).min(edge_mm(later)).max(finest_mm);
    let levels_mm = [coarse_mm, (coarse_mm / 2.0).max(finest_mm), (coarse_mm / 4.0).max(finest_mm)];
    let mut candidates: Vec<Rigid> = Vec::new();
    let mut quality = None;
    for (level, &edge_mm) in levels_mm.iter().enumerate() {
        progress(level as f64 / 3.0);
        let (fixed, moving) = (
            Image::of(earlier.volume, earlier.analysis, edge_mm),
            Image::of(later.volume, later.analysis, edge_mm),
        );
        let samples = Samples::of(&fixed, SAMPLES[level]);
        if samples.points_mm.len() < 50 {
            return Err(FollowError::NoSkeleton);
        }
        if level == 0 {
            candidates = starts(&fixed, &moving);
        }
        let sampler = Sampler::new(&moving);
        let mut fits: Vec<(f64, Rigid)> =
            candidates.par_iter().map(|start| minimise(&samples, &sampler, *start, STEPS[level])).collect();
        // stable: of equal fits the earlier start wins
        fits.sort_by(|a, b| a.0.total_cmp(&b.0));
        candidates = distinct(&fits, samples.pivot_mm, edge_mm, KEPT.get(level).copied().unwrap_or(1));
        if level == 2 {
            quality = candidates.first().map(|best| judge(&fixed, &moving, &sampler, best));
        }
    }
    let mut registration = quality.ok_or(FollowError::NoSkeleton)?;
    registration.loose = registration.residual_mm > LOOSE_RESIDUAL * finest_mm;
    if registration.common_bone_mm3 < LEAST_BONE_MM3 {
        return Err(FollowError::TooLittleBone { common_cm3: registration.common_bone_mm3 / 1000.0 });
    }
    if registration.bone_overlap < LEAST_OVERLAP || registration.residual_mm > LARGEST_RESIDUAL * finest_mm {
        return Err(FollowError::NoFit {
            overlap_percent: registration.bone_overlap * 100.0,
            residual_mm: registration.residual_mm,
        });
    }
    Ok(registration)
}

/// The best fits, each once: many starts end in the same place.
fn distinct(fits: &[(f64, Rigid)], pivot_mm: [f64; 3], near_mm: f64, most: usize) -> Vec<Rigid> {
    const NEAR_DEGREES: f64 = 4.0;
    let mut kept: Vec<Rigid> = Vec::new();
    for (cost, fit) in fits {
        let known = kept.iter().any(|other| {
            distance(fit.apply(pivot_mm), other.apply(pivot_mm)) < near_mm
                && fit.then(&other.inverse()).angle_degrees() < NEAR_DEGREES
        });
        if cost.is_finite() && !known && kept.len() < most {
            kept.push(*fit);
        }
    }
    kept
}

fn extent_mm(geometry: &Geometry, size: [usize; 3]) -> [f64; 3] {
    let spacing_mm = geometry.spacing_mm();
    std::array::from_fn(|axis| spacing_mm[axis] * size[axis] as f64)
}

/// Cells of the earlier study where something is to be seen.
struct Samples {
    points_mm: Vec<[f64; 3]>,
    values: Vec<f64>,
    /// Centre of gravity, mm: the pivot of turns.
    pivot_mm: [f64; 3],
    /// Mean distance from the pivot, mm.
    reach_mm: f64,
}

impl Samples {
    fn of(image: &Image, most: usize) -> Self {
        const EDGE: f32 = 0.04;
        let [columns, rows, slices] = image.size;
        let mut cells = Vec::new();
        for slice in 1..slices.saturating_sub(1) {
            for row in 1..rows.saturating_sub(1) {
                for column in 1..columns.saturating_sub(1) {
                    let cell = (slice * rows + row) * columns + column;
                    let slope = [1, columns, columns * rows]
                        .map(|step| (image.values[cell + step] - image.values[cell - step]).abs())
                        .into_iter()
                        .fold(0.0, f32::max);
                    if image.bone[cell] > 25 || slope > EDGE {
                        cells.push(cell);
                    }
                }
            }
        }
        let taken = cells.len().min(most);
        let chosen: Vec<usize> = (0..taken).map(|place| cells[place * cells.len() / taken]).collect();
        let points_mm: Vec<[f64; 3]> = chosen.iter().map(|&cell| image.position_mm(cell)).collect();
        let count = points_mm.len().max(1) as f64;
        let pivot_mm: [f64; 3] =
            std::array::from_fn(|axis| points_mm.iter().map(|point| point[axis]).sum::<f64>() / count);
        let reach_mm = points_mm.iter().map(|point| distance(*point, pivot_mm)).sum::<f64>() / count;
        let values = chosen.iter().map(|&cell| f64::from(image.values[cell])).collect();
        Self { points_mm, values, pivot_mm, reach_mm: reach_mm.max(1.0) }
    }
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt()
}

/// Motions from the earlier to the later study to begin with: as the coordinates say, centre on centre of bone and of
/// body, shifted along the longest side of the view, each straight and turned both ways about every axis.
fn starts(earlier: &Image, later: &Image) -> Vec<Rigid> {
    let centre = |image: &Image, of: &dyn Fn(usize) -> f64| {
        let mut sum = [0.0; 3];
        let mut weight = 0.0;
        for cell in 0..image.values.len() {
            let share = of(cell);
            if share > 0.0 {
                let at = image.position_mm(cell);
                (0..3).for_each(|axis| sum[axis] += share * at[axis]);
                weight += share;
            }
        }
        (weight > 0.0).then(|| sum.map(|value| value / weight))
    };
    let bone = |image: &Image| centre(image, &|cell| f64::from(image.bone[cell]));
    let body = |image: &Image| centre(image, &|cell| f64::from(u8::from(image.body[cell])));
    let mut shifts = Vec::new();
    let extent = extent_mm(&earlier.geometry, earlier.size);
    let longest = (0..3).max_by(|&a, &b| extent[a].total_cmp(&extent[b])).unwrap_or(2);
    let along = earlier.geometry.steps_mm[longest];
    let step = along.iter().map(|value| value * value).sum::<f64>().sqrt();
    let mut pivot = [0.0; 3];
    for pair in [bone(earlier).zip(bone(later)), body(earlier).zip(body(later))] {
        let Some((from, to)) = pair else { continue };
        pivot = from;
        for share in START_SHIFTS {
            shifts.push(std::array::from_fn(|axis| {
                to[axis] - from[axis] + along[axis] / step * share * extent[longest]
            }));
        }
    }
    shifts.push([0.0; 3]);
    let angle = START_DEGREES.to_radians();
    let mut turns = vec![[0.0; 3]];
    for axis in 0..3 {
        for sign in [-1.0, 1.0] {
            let mut turn = [0.0; 3];
            turn[axis] = sign * angle;
            turns.push(turn);
        }
    }
    shifts.iter().flat_map(|shift| turns.iter().map(move |turn| Rigid::about(pivot, *turn, *shift))).collect()
}

/// Sums of one pass over the samples.
#[derive(Clone, Copy)]
struct Sums {
    hessian: [[f64; 6]; 6],
    gradient: [f64; 6],
    cost: f64,
    inside: usize,
}

impl Sums {
    const NONE: Self = Self { hessian: [[0.0; 6]; 6], gradient: [0.0; 6], cost: 0.0, inside: 0 };

    fn of(samples: &Samples, sampler: &Sampler, motion: &Rigid) -> Self {
        let pivot = motion.apply(samples.pivot_mm);
        let mut sums = Self::NONE;
        for (point, value) in samples.points_mm.iter().zip(&samples.values) {
            let moved = motion.apply(*point);
            let Some((seen, slope)) = sampler.at(moved) else { continue };
            let residual = seen - value;
            let near = ROBUST * ROBUST / (ROBUST * ROBUST + residual * residual);
            sums.cost += residual * residual * near;
            sums.inside += 1;
            let weight = near * near;
            let arm: [f64; 3] = std::array::from_fn(|axis| (moved[axis] - pivot[axis]) / samples.reach_mm);
            // a turn moves a point by turn × arm
            let row = [
                slope[0],
                slope[1],
                slope[2],
                arm[1] * slope[2] - arm[2] * slope[1],
                arm[2] * slope[0] - arm[0] * slope[2],
                arm[0] * slope[1] - arm[1] * slope[0],
            ];
            for i in 0..6 {
                sums.gradient[i] += weight * row[i] * residual;
                for j in i..6 {
                    sums.hessian[i][j] += weight * row[i] * row[j];
                }
            }
        }
        for i in 0..6 {
            for j in 0..i {
                sums.hessian[i][j] = sums.hessian[j][i];
            }
        }
        sums
    }

    /// Mean cost, dearer where little is in common view, so that sliding out of view never pays.
    fn mean(&self, samples: usize) -> f64 {
        let view = self.inside as f64 / samples as f64;
        if view < LEAST_VIEW { f64::INFINITY } else { self.cost / self.inside as f64 / view.sqrt() }
    }
}

fn minimise(samples: &Samples, sampler: &Sampler, start: Rigid, steps: usize) -> (f64, Rigid) {
    let count = samples.points_mm.len();
    let mut motion = start;
    let mut sums = Sums::of(samples, sampler, &motion);
    let mut cost = sums.mean(count);
    let mut damping = 0.01;
    for _ in 0..steps {
        if !cost.is_finite() {
            break;
        }
        let mut matrix = sums.hessian;
        for (axis, row) in matrix.iter_mut().enumerate() {
            row[axis] = row[axis] * (1.0 + damping) + 1e-9;
        }
        let Some(step) = solve(matrix, sums.gradient.map(|value| -value)) else { break };
        let shift = [step[0], step[1], step[2]];
        let turn = [step[3], step[4], step[5]].map(|value| value / samples.reach_mm);
        let tried = motion.then(&Rigid::about(motion.apply(samples.pivot_mm), turn, shift));
        let new = Sums::of(samples, sampler, &tried);
        let new_cost = new.mean(count);
        if new_cost < cost {
            let gained = (cost - new_cost) / cost.max(1e-12);
            (motion, sums, cost) = (tried, new, new_cost);
            damping = (damping / 4.0).max(1e-6);
            if gained < 1e-5 {
                break;
            }
        } else {
            damping *= 6.0;
            if damping > 1e4 {
                break;
            }
        }
    }
    (cost, motion)
}

/// How well the studies fit under a motion from the earlier to the later.
fn judge(earlier: &Image, later: &Image, sampler: &Sampler, motion: &Rigid) -> Registration {
    const BONE: u8 = 110;
    let back = motion.inverse();
    let (mut bone, mut met, mut body, mut seen_body) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut strays = Vec::new();
    let [columns, rows, _] = earlier.size;
    for cell in 0..earlier.values.len() {
        body += usize::from(earlier.body[cell]);
        if !earlier.body[cell] {
            continue;
        }
        let moved = motion.apply(earlier.position_mm(cell));
        let Some(other) = later.cell(moved) else { continue };
        seen_body += 1;
        if earlier.bone[cell] < BONE {
            continue;
        }
        bone += 1;
        met += usize::from(later.bone[other] >= BONE / 2);
        let edge = [1, columns, columns * rows].iter().any(|&step| {
            cell >= step
                && cell + step < earlier.bone.len()
                && (earlier.bone[cell - step] < 25 || earlier.bone[cell + step] < 25)
        });
        if let (true, Some((value, slope))) = (edge, sampler.at(moved)) {
            let steep = slope.iter().map(|value| value * value).sum::<f64>().sqrt();
            if steep > 0.03 {
                strays.push((value - f64::from(earlier.values[cell])).abs() / steep);
            }
        }
    }
    let (mut other_bone, mut other_met) = (0_usize, 0_usize);
    for cell in (0..later.values.len()).filter(|&cell| later.bone[cell] >= BONE) {
        if let Some(other) = earlier.cell(back.apply(later.position_mm(cell))) {
            other_bone += 1;
            other_met += usize::from(earlier.bone[other] >= BONE / 2);
        }
    }
    strays.sort_by(f64::total_cmp);
    let share = |part: usize, whole: usize| if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
    Registration {
        earlier_from_later: back,
        bone_overlap: share(met + other_met, bone + other_bone),
        residual_mm: strays.get(strays.len() / 2).copied().unwrap_or(f64::INFINITY),
        common_bone_mm3: bone as f64 * earlier.geometry.voxel_mm3(),
        common_view: share(seen_body, body),
        loose: false,
    }
}
