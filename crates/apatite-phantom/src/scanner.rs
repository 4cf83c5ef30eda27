/*!
From a scene to voxels: partial volume, blur, noise, streaks of metal, 12 bits.

A box of voxels that lies wholly in one part is filled at once; only voxels that a surface crosses are sampled, 4×4×4
times near a lesion and 2×2×2 times elsewhere. Everything after that works on one slice at a time, so that memory
stays at the voxels and a slab.
*/

use rayon::prelude::*;

use crate::draw::{mix, nearly_normal, smooth_noise};
use crate::scene::{AIR, Part, Tag};
use crate::shape::SLACK;
use crate::space::{Point, add, length, scale};

/// Slices that are made together.
const SLAB: usize = 8;
/// Samples of a voxel that holds a lesion.
const FINE: usize = 4;
/// Samples of any other voxel.
const COARSE: usize = 2;
/// Weight of a whole voxel in [`Amount`].
const WHOLE: u64 = (FINE * FINE * FINE) as u64;

/// How the scanner takes the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner {
    pub(crate) size: [usize; 3],
    pub(crate) spacing_mm: [f64; 3],
    /// Scene coordinates of the first voxel's centre.
    pub(crate) origin: Point,
    /// Scene steps along column, row and slice index.
    pub(crate) steps: [Point; 3],
    /// Standard deviation of the in-plane point spread, mm.
    pub(crate) blur_mm: f64,
    /// Standard deviation of the noise, HU.
    pub(crate) noise_hu: f64,
    /// How far the noise reaches, in pixels (standard deviation of its kernel).
    pub(crate) noise_grain: f64,
    /// Seed of the textures, which belong to the body.
    pub(crate) seed: u64,
    /// Seed of noise and streaks, which belong to the study.
    pub(crate) noise_seed: u64,
}

/// The picture and its truth.
pub(crate) struct Picture {
    pub(crate) values: Vec<i16>,
    pub(crate) lesions: Vec<u16>,
    pub(crate) bones: Vec<u16>,
    /// For each lesion (number less one): mineral, then mineral and matrix together.
    pub(crate) amounts: Vec<[Amount; 2]>,
}

/// Sums over samples, in whole numbers so that their order does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    samples: u64,
    index_sums: [u64; 3],
}

impl Amount {
    fn count(&mut self, weight: u64, voxel: [usize; 3]) {
        self.samples += weight;
        for (sum, index) in self.index_sums.iter_mut().zip(voxel) {
            *sum += weight * index as u64;
        }
    }

    fn join(&mut self, other: &Self) {
        self.samples += other.samples;
        for axis in 0..3 {
            self.index_sums[axis] += other.index_sums[axis];
        }
    }

    /// Number of voxels, with fractions.
    pub(crate) fn voxels(&self) -> f64 {
        self.samples as f64 / WHOLE as f64
    }

    /// Mean voxel coordinate; none where there is nothing.
    pub(crate) fn centre(&self) -> Option<Point> {
        (self.samples > 0).then(|| self.index_sums.map(|sum| sum as f64 / self.samples as f64))
    }
}

impl Scanner {
    pub(crate) fn scene_from_voxel(&self, at: Point) -> Point {
        (0..3).fold(self.origin, |point, axis| add(point, scale(self.steps[axis], at[axis])))
    }

    /// Takes the picture of painted parts; `lesions` is the highest lesion number.
    pub(crate) fn scan(&self, parts: &[Part], lesions: u16) -> Picture {
        let plane = self.size[0] * self.size[1];
        let total = plane * self.size[2];
        let mut values = vec![0_i16; total];
        let mut lesion_map = vec![0_u16; total];
        let mut bone_map = vec![0_u16; total];
        let streaks = Streaks::new(self);
        let slab_amounts: Vec<Vec<[Amount; 2]>> = values
            .par_chunks_mut(plane * SLAB)
            .zip(lesion_map.par_chunks_mut(plane * SLAB))
            .zip(bone_map.par_chunks_mut(plane * SLAB))
            .enumerate()
            .map(|(slab, ((values, lesion_map), bone_map))| {
                let first_slice = slab * SLAB;
                let slices = values.len() / plane;
                let mut painter = Painter {
                    scanner: self,
                    parts,
                    first_slice,
                    hu: vec![0.0; values.len()],
                    metal: vec![0.0; values.len()],
                    any_metal: vec![false; slices],
                    lesion_map,
                    bone_map,
                    amounts: vec![[Amount::default(); 2]; usize::from(lesions)],
                    candidates: (0..parts.len() as u32).collect(),
                };
                let highest = [self.size[0], self.size[1], first_slice + slices];
                painter.visit([0, 0, first_slice], highest, 0, parts.len(), None);
                let Painter { mut hu, metal, any_metal, amounts, .. } = painter;
                let mut work = vec![0.0_f32; plane];
                for slice in 0..slices {
                    let picture = &mut hu[slice * plane..(slice + 1) * plane];
                    if any_metal[slice] {
                        let key = mix(self.noise_seed ^ (first_slice + slice) as u64);
                        streaks.add(picture, &metal[slice * plane..(slice + 1) * plane], key);
                    }
                    self.blur(picture, &mut work);
                    self.add_noise(picture, &mut work, first_slice + slice);
                    for (value, &hu) in
                        values[slice * plane..(slice + 1) * plane].iter_mut().zip(picture.iter())
                    {
                        // the range of 12 bits with the usual intercept
                        *value = hu.round().clamp(-1024.0, 3071.0) as i16;
                    }
                }
                amounts
            })
            .collect();
        let mut amounts = vec![[Amount::default(); 2]; usize::from(lesions)];
        for slab in &slab_amounts {
            for (sum, part) in amounts.iter_mut().zip(slab) {
                sum[0].join(&part[0]);
                sum[1].join(&part[1]);
            }
        }
        Picture { values, lesions: lesion_map, bones: bone_map, amounts }
    }

    fn blur(&self, picture: &mut [f32], work: &mut [f32]) {
        let kernels = [0, 1].map(|axis: usize| kernel(self.blur_mm / self.spacing_mm[axis]));
        convolve(picture, work, self.size[0], &kernels[0], &kernels[1]);
    }

    fn add_noise(&self, picture: &mut [f32], work: &mut [f32], slice: usize) {
        if self.noise_hu <= 0.0 {
            return;
        }
        let key = mix(self.noise_seed ^ 0x6E6F_6973_6500 ^ ((slice as u64) << 32));
        let mut noise: Vec<f32> =
            (0..picture.len() as u64).map(|pixel| nearly_normal(mix(key.wrapping_add(pixel)))).collect();
        let kernel = kernel(self.noise_grain);
        convolve(&mut noise, work, self.size[0], &kernel, &kernel);
        // what the smoothing takes from the standard deviation is given back
        let square: f32 = full(&kernel).map(|weight| weight * weight).sum();
        let factor = self.noise_hu as f32 / square;
        for (value, noise) in picture.iter_mut().zip(&noise) {
            *value += factor * noise;
        }
    }
}

/// Half of a Gaussian kernel, the centre first, cut at three standard deviations; it sums to 1 when mirrored.
fn kernel(sigma_pixels: f64) -> Vec<f32> {
    if sigma_pixels <= 0.05 {
        return vec![1.0];
    }
    let reach = (3.0 * sigma_pixels).ceil().max(1.0) as usize;
    let weights: Vec<f64> =
        (0..=reach).map(|step| (-0.5 * (step as f64 / sigma_pixels).powi(2)).exp()).collect();
    let sum = 2.0 * weights.iter().sum::<f64>() - weights[0];
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// The mirrored kernel.
fn full(half: &[f32]) -> impl Iterator<Item = f32> + '_ {
    half.iter().skip(1).rev().chain(half).copied()
}

/// Separable convolution of one slice; beyond its edge the edge goes on.
fn convolve(picture: &mut [f32], work: &mut [f32], columns: usize, along_row: &[f32], along_column: &[f32]) {
    let rows = picture.len() / columns;
    for (row, out) in work.chunks_exact_mut(columns).enumerate() {
        let line = &picture[row * columns..(row + 1) * columns];
        let reach = along_row.len() - 1;
        for (column, out) in out.iter_mut().enumerate() {
            let mut sum = along_row[0] * line[column];
            if column >= reach && column + reach < columns {
                for step in 1..=reach {
                    sum += along_row[step] * (line[column - step] + line[column + step]);
                }
            } else {
                for step in 1..=reach {
                    sum += along_row[step]
                        * (line[column.saturating_sub(step)] + line[(column + step).min(columns - 1)]);
                }
            }
            *out = sum;
        }
    }
    for (row, out) in picture.chunks_exact_mut(columns).enumerate() {
        let line = |row: usize| &work[row * columns..(row + 1) * columns];
        for (out, &value) in out.iter_mut().zip(line(row)) {
            *out = along_column[0] * value;
        }
        for (step, &weight) in along_column.iter().enumerate().skip(1) {
            let (above, below) = (line(row.saturating_sub(step)), line((row + step).min(rows - 1)));
            for ((out, &above), &below) in out.iter_mut().zip(above).zip(below) {
                *out += weight * (above + below);
            }
        }
    }
}

/// Fills the voxels of one slab.
struct Painter<'a> {
    scanner: &'a Scanner,
    parts: &'a [Part],
    first_slice: usize,
    hu: Vec<f32>,
    metal: Vec<f32>,
    any_metal: Vec<bool>,
    lesion_map: &'a mut [u16],
    bone_map: &'a mut [u16],
    amounts: Vec<[Amount; 2]>,
    /// A stack of the parts whose surface may cross the boxes being visited.
    candidates: Vec<u32>,
}

impl Painter<'_> {
    /// Fills the box from `low` to `high` (excluded), crossed by candidates `from..to` over the part `base`.
    fn visit(&mut self, low: [usize; 3], high: [usize; 3], from: usize, to: usize, base: Option<u32>) {
        let scanner = self.scanner;
        let centre =
            scanner.scene_from_voxel([0, 1, 2].map(|axis: usize| (low[axis] + high[axis] - 1) as f64 / 2.0));
        let sides = [0, 1, 2].map(|axis: usize| (high[axis] - low[axis]) as f64 * scanner.spacing_mm[axis]);
        let reach = length(sides) / 2.0 * SLACK;
        let mut base = base;
        for place in from..to {
            let part = self.candidates[place];
            let field = self.parts[part as usize].shape.at(centre);
            if field <= -reach {
                base = Some(part);
                self.candidates.truncate(to);
            } else if field < reach {
                self.candidates.push(part);
            }
        }
        let end = self.candidates.len();
        if end == to {
            self.fill(low, high, base);
        } else if (0..3).all(|axis| high[axis] - low[axis] == 1) {
            self.sample(low, to, end, base);
        } else {
            let axis = (0..3)
                .filter(|&axis| high[axis] - low[axis] > 1)
                .fold((0, 0.0), |best, axis| if sides[axis] > best.1 { (axis, sides[axis]) } else { best })
                .0;
            let cut = low[axis] + (high[axis] - low[axis]) / 2;
            let (mut first_high, mut second_low) = (high, low);
            first_high[axis] = cut;
            second_low[axis] = cut;
            self.visit(low, first_high, to, end, base);
            self.visit(second_low, high, to, end, base);
        }
        self.candidates.truncate(to);
    }

    fn index(&self, [column, row, slice]: [usize; 3]) -> usize {
        ((slice - self.first_slice) * self.scanner.size[1] + row) * self.scanner.size[0] + column
    }

    fn fill(&mut self, low: [usize; 3], high: [usize; 3], base: Option<u32>) {
        for slice in low[2]..high[2] {
            for row in low[1]..high[1] {
                for column in low[0]..high[0] {
                    let voxel = [column, row, slice];
                    let index = self.index(voxel);
                    self.hu[index] = self.attenuation(base, voxel);
                    self.put(voxel, &[(base, WHOLE)]);
                }
            }
        }
    }

    fn sample(&mut self, voxel: [usize; 3], from: usize, to: usize, base: Option<u32>) {
        let parts = self.parts;
        let of_lesion = |part: u32| matches!(parts[part as usize].tag, Tag::Mineral(_) | Tag::Matrix(_));
        let fine =
            base.is_some_and(of_lesion) || self.candidates[from..to].iter().any(|&part| of_lesion(part));
        let side = if fine { FINE } else { COARSE };
        let weight = WHOLE / (side * side * side) as u64;
        let corner = self.scanner.scene_from_voxel(voxel.map(|index| index as f64 - 0.5 + 0.5 / side as f64));
        let steps = self.scanner.steps.map(|step| scale(step, 1.0 / side as f64));
        // seldom more than four parts in a voxel
        let mut shares: Vec<(Option<u32>, u64)> = Vec::with_capacity(4);
        for z in 0..side {
            for y in 0..side {
                for x in 0..side {
                    let mut point = corner;
                    for (step, count) in steps.iter().zip([x, y, z]) {
                        point = add(point, scale(*step, count as f64));
                    }
                    let top = self.candidates[from..to]
                        .iter()
                        .rev()
                        .copied()
                        .find(|&part| parts[part as usize].shape.holds(point))
                        .or(base);
                    match shares.iter_mut().find(|share| share.0 == top) {
                        Some(share) => share.1 += weight,
                        None => shares.push((top, weight)),
                    }
                }
            }
        }
        let index = self.index(voxel);
        self.hu[index] = shares
            .iter()
            .map(|&(part, weight)| self.attenuation(part, voxel) * weight as f32 / WHOLE as f32)
            .sum();
        self.put(voxel, &shares);
    }

    fn attenuation(&self, part: Option<u32>, voxel: [usize; 3]) -> f32 {
        let material = part.map_or(AIR, |part| self.parts[part as usize].material);
        if material.texture == 0.0 {
            return material.hu;
        }
        let point = self.scanner.scene_from_voxel(voxel.map(|index| index as f64));
        let noise = smooth_noise(self.scanner.seed ^ 0x7465_7874, f64::from(material.grain_mm), point);
        material.hu + material.texture * noise as f32
    }

    /// Writes truth: the label of a lesion or bone that fills at least half of the voxel, and the amounts.
    fn put(&mut self, voxel: [usize; 3], shares: &[(Option<u32>, u64)]) {
        let index = self.index(voxel);
        let mut bone = 0;
        for (place, &(part, weight)) in shares.iter().enumerate() {
            let Some(part) = part else { continue };
            match self.parts[part as usize].tag {
                Tag::Tissue => {}
                Tag::Bone(number) => {
                    bone += weight;
                    if bone * 2 >= WHOLE {
                        self.bone_map[index] = number;
                    }
                }
                Tag::Metal => {
                    self.metal[index] += weight as f32 / WHOLE as f32;
                    self.any_metal[voxel[2] - self.first_slice] = true;
                }
                Tag::Mineral(number) => {
                    let amounts = &mut self.amounts[usize::from(number) - 1];
                    amounts[0].count(weight, voxel);
                    amounts[1].count(weight, voxel);
                    // several parts of one lesion may share a voxel
                    let all: u64 = shares[..=place]
                        .iter()
                        .filter(|share| {
                            share.0.is_some_and(|part| self.parts[part as usize].tag == Tag::Mineral(number))
                        })
                        .map(|share| share.1)
                        .sum();
                    if all * 2 >= WHOLE {
                        self.lesion_map[index] = number;
                    }
                }
                Tag::Matrix(number) => self.amounts[usize::from(number) - 1][1].count(weight, voxel),
            }
        }
    }
}

/// Dark bands and streaks of metal: the error that beam hardening and photon starvation leave in the projections,
/// filtered and projected back (De Man et al., IEEE Trans Nucl Sci 1999; 46: 691).
struct Streaks {
    columns: usize,
    rows: usize,
    /// Pixels of the coarse grid are this many pixels wide.
    coarse: usize,
    coarse_columns: usize,
    coarse_rows: usize,
    pixel_mm: f64,
    directions: Vec<[f32; 2]>,
    bins: usize,
    /// Filter of Ramachandran and Lakshminarayanan by step: 1/4 in the middle, -1/(pi n)² at odd steps, else 0.
    ramp: Vec<f32>,
}

impl Streaks {
    fn new(scanner: &Scanner) -> Self {
        let [columns, rows, _] = scanner.size;
        let coarse = (columns / 128).max(1);
        let (coarse_columns, coarse_rows) = (columns.div_ceil(coarse), rows.div_ceil(coarse));
        let directions = (0..120)
            .map(|angle| {
                let (sin, cos) = (f64::from(angle) * std::f64::consts::PI / 120.0).sin_cos();
                [cos as f32, sin as f32]
            })
            .collect();
        let bins =
            ((coarse_columns * coarse_columns + coarse_rows * coarse_rows) as f64).sqrt().ceil() as usize + 4;
        let pixel_mm = scanner.spacing_mm[0] * coarse as f64;
        let ramp = (0..bins)
            .map(|step| match step {
                0 => 0.25,
                _ if step % 2 == 0 => 0.0,
                _ => -(std::f32::consts::PI * step as f32).powi(-2),
            })
            .collect();
        Self { columns, rows, coarse, coarse_columns, coarse_rows, pixel_mm, directions, bins, ramp }
    }

    fn add(&self, picture: &mut [f32], metal: &[f32], key: u64) {
        let mut thick = vec![0.0_f32; self.coarse_columns * self.coarse_rows];
        for (index, &share) in metal.iter().enumerate() {
            if share > 0.0 {
                let (column, row) = (index % self.columns / self.coarse, index / self.columns / self.coarse);
                thick[row * self.coarse_columns + column] += share / (self.coarse * self.coarse) as f32;
            }
        }
        let (middle_column, middle_row) =
            (self.coarse_columns as f32 / 2.0 - 0.5, self.coarse_rows as f32 / 2.0 - 0.5);
        let half = self.bins as f32 / 2.0;
        let mut error = vec![0.0_f32; thick.len()];
        let mut projection = vec![0.0_f32; self.bins];
        let mut filtered = vec![0.0_f32; self.bins];
        for (angle, &[cos, sin]) in self.directions.iter().enumerate() {
            projection.fill(0.0);
            for (index, &share) in thick.iter().enumerate() {
                if share > 0.0 {
                    let x = (index % self.coarse_columns) as f32 - middle_column;
                    let y = (index / self.coarse_columns) as f32 - middle_row;
                    let bin = x * cos + y * sin + half;
                    let (low, part) = (bin.floor(), bin.fract());
                    projection[low as usize] += share * (1.0 - part) * self.pixel_mm as f32;
                    projection[low as usize + 1] += share * part * self.pixel_mm as f32;
                }
            }
            for (bin, path_mm) in projection.iter_mut().enumerate() {
                let lack = HARDENING_HU * *path_mm * *path_mm / (*path_mm + 15.0);
                let starved = STARVATION_HU_MM * ((*path_mm / 28.0).exp() - 1.0).min(12.0);
                let draw = nearly_normal(mix(key ^ mix((angle * self.bins + bin) as u64)));
                *path_mm = -lack + starved * draw;
            }
            let first = projection.iter().position(|&value| value != 0.0).unwrap_or(0);
            let last = projection.iter().rposition(|&value| value != 0.0).unwrap_or(0);
            for (bin, out) in filtered.iter_mut().enumerate() {
                let mut sum = self.ramp[0] * projection[bin];
                // only odd steps count
                for other in (first + usize::from((first + bin).is_multiple_of(2))..=last).step_by(2) {
                    sum += self.ramp[bin.abs_diff(other)] * projection[other];
                }
                *out = sum / self.pixel_mm as f32;
            }
            for (row, line) in error.chunks_exact_mut(self.coarse_columns).enumerate() {
                let mut bin = (row as f32 - middle_row) * sin - middle_column * cos + half;
                for value in line {
                    let low = bin as usize;
                    let part = bin - low as f32;
                    *value += filtered[low] * (1.0 - part) + filtered[low + 1] * part;
                    bin += cos;
                }
            }
        }
        let share = std::f32::consts::PI / self.directions.len() as f32;
        for row in 0..self.rows {
            for column in 0..self.columns {
                let at = |index: usize, count: usize| {
                    let place =
                        ((index as f32 + 0.5) / self.coarse as f32 - 0.5).clamp(0.0, count as f32 - 1.0);
                    let low = (place as usize).min(count.saturating_sub(2));
                    (low, (low + 1).min(count - 1), place - low as f32)
                };
                let (left, right, x) = at(column, self.coarse_columns);
                let (top, bottom, y) = at(row, self.coarse_rows);
                let value = |row: usize, column: usize| error[row * self.coarse_columns + column];
                let upper = value(top, left) * (1.0 - x) + value(top, right) * x;
                let lower = value(bottom, left) * (1.0 - x) + value(bottom, right) * x;
                picture[row * self.columns + column] += share * (upper * (1.0 - y) + lower * y);
            }
        }
    }
}

/// HU lost for each mm of metal where much is crossed.
const HARDENING_HU: f32 = 4000.0;
/// HU·mm of noise in the projections behind metal.
const STARVATION_HU_MM: f32 = 700.0;

#[cfg(test)]
mod tests {
    use apatite_volume::voxel_at;

    use super::*;
    use crate::patterns;
    use crate::scene::{MUSCLE, Scene};
    use crate::shape::Shape;
    use crate::space::Turn;

    fn scanner(size: [usize; 3], spacing_mm: [f64; 3]) -> Scanner {
        let steps = [[spacing_mm[0], 0.0, 0.0], [0.0, spacing_mm[1], 0.0], [0.0, 0.0, spacing_mm[2]]];
        let origin = [0, 1, 2].map(|axis: usize| -spacing_mm[axis] * (size[axis] - 1) as f64 / 2.0);
        Scanner {
            size,
            spacing_mm,
            origin,
            steps,
            blur_mm: 0.0,
            noise_hu: 0.0,
            noise_grain: 0.7,
            seed: 1,
            noise_seed: 1,
        }
    }

    #[test]
    fn samples_have_the_volume_of_the_solid() {
        let mut scene = Scene::default();
        let (radius, half) = (6.3, [4.1, 7.7, 2.6]);
        scene.mineral(1, Shape::sphere([-9.1, 1.3, 0.4], radius), MUSCLE);
        let turn = Turn::about([1.0, 2.0, 3.0], 33.0);
        scene.mineral(2, Shape::ellipsoid([9.2, -2.2, 1.7], half, turn), MUSCLE);
        let scanner = scanner([48, 36, 24], [0.83, 0.83, 1.2]);
        let picture = scanner.scan(&scene.painted(), 2);
        let voxel = scanner.spacing_mm.iter().product::<f64>();
        let sphere = 4.0 / 3.0 * std::f64::consts::PI * radius.powi(3);
        let ellipsoid = 4.0 / 3.0 * std::f64::consts::PI * half.iter().product::<f64>();
        for (place, analytic) in [sphere, ellipsoid].into_iter().enumerate() {
            let sampled = picture.amounts[place][0].voxels() * voxel;
            assert!((sampled / analytic - 1.0).abs() < 0.004, "{sampled:.1} mm3 of {analytic:.1} mm3");
        }
        let centre = scanner.scene_from_voxel(picture.amounts[0][0].centre().unwrap());
        assert!(crate::space::distance(centre, [-9.1, 1.3, 0.4]) < 0.02, "{centre:?}");
    }

    /// The picture without culling: every voxel sampled among all parts.
    fn sampled_everywhere(scanner: &Scanner, parts: &[Part], lesions: usize) -> (Vec<f32>, Vec<[Amount; 2]>) {
        let total = scanner.size.iter().product();
        let (mut lesion_map, mut bone_map) = (vec![0; total], vec![0; total]);
        let mut painter = Painter {
            scanner,
            parts,
            first_slice: 0,
            hu: vec![0.0; total],
            metal: vec![0.0; total],
            any_metal: vec![false; scanner.size[2]],
            lesion_map: &mut lesion_map,
            bone_map: &mut bone_map,
            amounts: vec![[Amount::default(); 2]; lesions],
            candidates: (0..parts.len() as u32).collect(),
        };
        for index in 0..total {
            painter.sample(voxel_at(scanner.size, index), 0, parts.len(), None);
        }
        (painter.hu, painter.amounts)
    }

    #[test]
    fn boxes_filled_at_once_are_what_samples_say() {
        // a shape steeper than SLACK, or a wrong early answer, would fill a box that a surface crosses
        for name in [
            "normal_hand",
            "normal_foot",
            "normal_thigh",
            "normal_knee",
            "normal_pelvis",
            "normal_shoulder",
            "tumoral_calcinosis_levels",
            "acral_scleroderma",
            "dermatomyositis_universalis",
            "hip_ossification_prosthesis",
            "phleboliths",
        ] {
            let pattern = patterns::find(name).unwrap();
            let plan = patterns::plan(pattern, 7, &crate::Options::default());
            let parts = plan.body.scene.painted();
            let mut scanner = scanner([18, 18, 14], [9.0, 9.0, 11.0]);
            scanner.origin = add(scanner.origin, plan.body.centre);
            let picture = scanner.scan(&parts, plan.lesions.len() as u16);
            let (hu, amounts) = sampled_everywhere(&scanner, &parts, plan.lesions.len());
            assert_eq!(picture.amounts, amounts, "{name}");
            if plan.lesions.is_empty() {
                let wrong = picture
                    .values
                    .iter()
                    .zip(&hu)
                    .filter(|(got, want)| (f32::from(**got) - **want).abs() > 1.0);
                assert_eq!(wrong.count(), 0, "{name}");
            }
        }
    }
}
