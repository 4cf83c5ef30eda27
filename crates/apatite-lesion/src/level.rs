//! Fluid-sediment levels: flat borders, perpendicular to gravity, between sediment below and fluid above.
//!
//! The top of any rounded deposit is horizontal somewhere, so a level must also be flat as far as it reaches: the
//! curvature of the border, not its tilt alone, tells it from the top of a nodule.

use apatite_volume::Volume;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::grid::Run;
use crate::linear::{dot, median, norm, solve3};
use crate::patch::Patch;

/// A fluid-sediment level (sedimentation sign).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Level {
    /// Angle between the normal of the border and gravity, degrees.
    pub angle_deg: f64,
    /// Root mean square distance of the border from its plane, mm.
    pub flatness_mm: f64,
    /// Sagitta of the border over its radius: 0 flat, 0.27 the top of a ball.
    pub curvature: f64,
    /// Median attenuation of the fluid above, HU.
    pub upper_hu: f64,
    /// Median attenuation of the sediment below, HU.
    pub lower_hu: f64,
    /// Area of the border, mm².
    pub area_mm2: f64,
    /// Levels in the lesion.
    pub count: usize,
    /// Probability that it is a level.
    pub probability: f64,
    /// A point of the plane, LPS mm.
    pub point_mm: [f64; 3],
    /// Upward unit normal of the plane, LPS.
    pub normal: [f64; 3],
}

/// Sediment is denser than the fluid above it by at least this, HU.
const STEP_HU: f64 = 90.0;
/// Least area of a border, mm².
const AREA_MM2: f64 = 14.0;
/// A border lies within this of the mask of the lesion, mm.
const NEAR_MM: f32 = 2.0;

/// Sediment is this much deeper in its middle than about it, at least; what is thin against the radius of its border, as a
/// sheet is, has to be by more.
const BOWL: f64 = 1.13;
const BOWL_OF_THIN: f64 = 1.35;
/// Of what is that thin, the depth is a smaller share of the radius than this, and surely by this range less.
const THIN: f64 = 0.48;
const THIN_RANGE: f64 = 0.1;

/// A point of a border between light and dense along gravity.
#[derive(Clone, Copy)]
struct Point {
    /// Position along gravity, mm, downwards.
    height: f64,
    upper: f64,
    lower: f64,
    /// How deep the sediment is below it, mm.
    depth: f64,
}

/// The best level of a lesion (its probability may be low); none without gravity or without any border that could be
/// one.
pub(crate) fn find(volume: &Volume, runs: &[Run], threshold: i16, noise_hu: f64) -> Option<Level> {
    let gravity = volume.gravity()?;
    let patch = Patch::around(volume, runs, 8.0);
    let steps = volume.geometry.steps_mm;
    let spacing = patch.grid.spacing_mm;
    let along = |axis: usize| dot(steps[axis], gravity) / spacing[axis];
    let axis = (0..3).max_by(|&a, &b| along(a).abs().total_cmp(&along(b).abs()).then(b.cmp(&a)))?;
    let down = along(axis) > 0.0;
    let (u_axis, v_axis) = ((axis + 1) % 3, (axis + 2) % 3);
    let lines = Lines { patch: &patch, axis, u_axis, v_axis, down };
    let near = crate::grid::distance2_within(&patch.grid, NEAR_MM, |cell| patch.mask[cell]);
    let points = lines.points(threshold, noise_hu, &near);
    let (width, height) = (patch.grid.size[u_axis], patch.grid.size[v_axis]);
    let mut levels: Vec<(Level, usize)> = Vec::new();
    for members in connected(&points, width, height, 0.55 * spacing[axis] + 0.1) {
        let area = members.len() as f64 * spacing[u_axis] * spacing[v_axis];
        if area >= AREA_MM2 && members.len() >= 10 {
            levels.extend(
                lines.fit(volume, gravity, &points, &members, area).map(|level| (level, members.len())),
            );
        }
    }
    let count = levels.iter().filter(|(level, _)| level.probability > 0.5).count();
    let (mut best, _) =
        levels.into_iter().max_by(|a, b| a.0.probability.total_cmp(&b.0.probability).then(a.1.cmp(&b.1)))?;
    best.count = count.max(1);
    // several nodules with levels of the same direction are not chance
    if count >= 2 {
        best.probability = 1.0 - (1.0 - best.probability) / (count as f64).powi(2);
    }
    Some(best)
}

/// The lines of a patch along gravity.
struct Lines<'a> {
    patch: &'a Patch,
    axis: usize,
    u_axis: usize,
    v_axis: usize,
    /// Whether the index grows downwards.
    down: bool,
}

impl Lines<'_> {
    fn cell(&self, u: usize, v: usize, k: usize) -> usize {
        let count = self.patch.grid.size[self.axis];
        let mut position = [0; 3];
        position[self.axis] = if self.down { k } else { count - 1 - k };
        position[self.u_axis] = u;
        position[self.v_axis] = v;
        self.patch.grid.index(position)
    }

    /// Borders of all lines: for each line (`v * width + u`) its points from above.
    fn points(&self, threshold: i16, noise_hu: f64, near2: &[f32]) -> Vec<Vec<Point>> {
        let grid = &self.patch.grid;
        let step = grid.spacing_mm[self.axis];
        let (width, height, count) = (grid.size[self.u_axis], grid.size[self.v_axis], grid.size[self.axis]);
        // averaging across a horizontal border costs it nothing
        let radius = |axis: usize| usize::from(grid.spacing_mm[axis] <= 1.3);
        let mut window = [0; 3];
        window[self.u_axis] = radius(self.u_axis);
        window[self.v_axis] = radius(self.v_axis);
        let values: Vec<f32> = self.patch.hu.iter().map(|&value| f32::from(value)).collect();
        let smooth = crate::grid::box_mean(grid, &values, window);
        let far = (3.0 / step).round().max(2.0) as usize;
        let skip = (0.9 / step).round().max(1.0) as usize;
        let least = STEP_HU.max(3.0 * noise_hu);
        let mut result = vec![Vec::new(); width * height];
        result.par_chunks_mut(width).enumerate().for_each(|(v, row)| {
            let mut line = vec![0.0; count];
            for (u, points) in row.iter_mut().enumerate() {
                let near = |k: usize| near2[self.cell(u, v, k)] <= NEAR_MM * NEAR_MM;
                if !(far + 1..count.saturating_sub(far + 1)).any(near) {
                    continue;
                }
                for (k, value) in line.iter_mut().enumerate() {
                    *value = f64::from(smooth[self.cell(u, v, k)]);
                }
                let mean = |from: usize, to: usize| line[from..to].iter().sum::<f64>() / (to - from) as f64;
                for k in far + 1..count.saturating_sub(far + 1) {
                    if !near(k) {
                        continue;
                    }
                    let upper = mean(k - far, k + 1 - skip);
                    let lower = mean(k + 1 + skip, k + 2 + far);
                    let middle = (upper + lower) / 2.0;
                    if lower - upper < least || line[k] >= middle || line[k + 1] < middle {
                        continue;
                    }
                    let fluid = (-25.0..=240.0).contains(&upper) && upper < 0.6 * lower;
                    if !fluid || lower < f64::from(threshold) + 20.0 {
                        continue;
                    }
                    let share = (middle - line[k]) / (line[k + 1] - line[k]).max(1e-6);
                    let floor = (k + 1..count).find(|&at| line[at] < middle).unwrap_or(count);
                    let depth = (floor as f64 - (k as f64 + share)) * step;
                    points.push(Point { height: (k as f64 + share) * step, upper, lower, depth });
                }
            }
        });
        result
    }

    /// Fits plane and paraboloid to the border through `members` (line, point).
    fn fit(
        &self,
        volume: &Volume,
        gravity: [f64; 3],
        points: &[Vec<Point>],
        members: &[(usize, usize)],
        area: f64,
    ) -> Option<Level> {
        let grid = &self.patch.grid;
        let width = grid.size[self.u_axis];
        let (du, dv) = (grid.spacing_mm[self.u_axis], grid.spacing_mm[self.v_axis]);
        let at: Vec<[f64; 3]> = members
            .iter()
            .map(|&(line, which)| {
                [(line % width) as f64 * du, (line / width) as f64 * dv, points[line][which].height]
            })
            .collect();
        let count = at.len() as f64;
        let centre: [f64; 3] = std::array::from_fn(|k| at.iter().map(|p| p[k]).sum::<f64>() / count);
        let (mut m, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
        let radius2 =
            at.iter().map(|p| (p[0] - centre[0]).powi(2) + (p[1] - centre[1]).powi(2)).sum::<f64>() / count;
        for p in &at {
            let (u, v, h) = (p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]);
            let row = [u, v, u * u + v * v - radius2];
            for i in 0..3 {
                for j in 0..3 {
                    m[i][j] += row[i] * row[j];
                }
                b[i] += row[i] * h;
            }
        }
        let [slope_u, slope_v, bend] = solve3(m, b)?;
        let residual2 = at
            .iter()
            .map(|p| {
                let (u, v, h) = (p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]);
                (h - slope_u * u - slope_v * v).powi(2)
            })
            .sum::<f64>()
            / count;
        let mut by_radius: Vec<(f64, f64)> = at
            .iter()
            .zip(members)
            .map(|(p, &(line, which))| {
                ((p[0] - centre[0]).powi(2) + (p[1] - centre[1]).powi(2), points[line][which].depth)
            })
            .collect();
        by_radius.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (inner, outer) = by_radius.split_at(by_radius.len() / 2);
        let mean = |half: &[(f64, f64)]| half.iter().map(|p| p.1).sum::<f64>() / half.len() as f64;
        // a sediment fills the round bottom of its cyst, a sheet that happens to lie level is as deep everywhere
        let bowl = mean(inner) / mean(outer).max(0.1);
        let radius = (area / std::f64::consts::PI).sqrt();
        let thin = ((THIN - mean(&by_radius) / radius) / THIN_RANGE).clamp(0.0, 1.0);
        let least_bowl = BOWL + thin * (BOWL_OF_THIN - BOWL);
        let curvature = bend.abs() * radius;
        let flatness_mm = residual2.sqrt();
        // upward normal in the frame (u, v, up), then in the patient
        let steps = volume.geometry.steps_mm;
        let spacing = grid.spacing_mm;
        let unit = |axis: usize| steps[axis].map(|value| value / spacing[axis]);
        let up_sign = if self.down { -1.0 } else { 1.0 };
        let (eu, ev, ea) = (unit(self.u_axis), unit(self.v_axis), unit(self.axis));
        let mut normal: [f64; 3] =
            std::array::from_fn(|k| slope_u * eu[k] + slope_v * ev[k] + up_sign * ea[k]);
        let length = norm(normal);
        normal = normal.map(|value| value / length);
        let angle_deg = dot(normal, gravity.map(|value| -value)).clamp(-1.0, 1.0).acos().to_degrees();
        // the median: some lines cross the wall
        let middle = |value: fn(&Point) -> f64| {
            median(members.iter().map(|&(line, which)| value(&points[line][which])).collect())
        };
        let (upper_hu, lower_hu) = (middle(|p| p.upper), middle(|p| p.lower));
        let mut voxel = [0.0; 3];
        let last = grid.size[self.axis] as f64 - 1.0;
        let k = centre[2] / spacing[self.axis];
        voxel[self.axis] = self.patch.low[self.axis] as f64 + if self.down { k } else { last - k };
        voxel[self.u_axis] = self.patch.low[self.u_axis] as f64 + centre[0] / du;
        voxel[self.v_axis] = self.patch.low[self.v_axis] as f64 + centre[1] / dv;
        // weights set on made studies with and without levels in all positions
        let score = 2.2
            - 0.9 * (angle_deg - 2.0).max(0.0)
            - 24.0 * (curvature - 0.05).max(0.0)
            - 14.0 * (flatness_mm - 0.2).max(0.0)
            + ((area - 100.0) / 25.0).clamp(-4.0, 2.0)
            - 22.0 * (least_bowl - bowl).max(0.0);
        Some(Level {
            angle_deg,
            flatness_mm,
            curvature,
            upper_hu,
            lower_hu,
            area_mm2: area,
            count: 1,
            probability: 1.0 / (1.0 + (-score).exp()),
            point_mm: volume.geometry.patient_from_voxel(voxel),
            normal,
        })
    }
}

/// Groups of border points on neighbouring lines whose heights differ by at most `reach_mm`.
fn connected(points: &[Vec<Point>], width: usize, height: usize, reach_mm: f64) -> Vec<Vec<(usize, usize)>> {
    let mut seen: Vec<Vec<bool>> = points.iter().map(|line| vec![false; line.len()]).collect();
    let mut groups = Vec::new();
    for start in 0..points.len() {
        for which in 0..points[start].len() {
            if seen[start][which] {
                continue;
            }
            seen[start][which] = true;
            let mut stack = vec![(start, which)];
            let mut members = Vec::new();
            while let Some((line, at)) = stack.pop() {
                members.push((line, at));
                let (u, v) = (line % width, line / width);
                let mut visit = |other: usize| {
                    for (k, point) in points[other].iter().enumerate() {
                        if !seen[other][k] && (point.height - points[line][at].height).abs() <= reach_mm {
                            seen[other][k] = true;
                            stack.push((other, k));
                        }
                    }
                };
                if u > 0 {
                    visit(line - 1);
                }
                if u + 1 < width {
                    visit(line + 1);
                }
                if v > 0 {
                    visit(line - width);
                }
                if v + 1 < height {
                    visit(line + width);
                }
            }
            groups.push(members);
        }
    }
    groups
}
