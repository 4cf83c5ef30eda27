//! Curves: smoothing, the middle line of a bone, and the surface that a curved reformat pulls flat.

use std::collections::VecDeque;

use apatite_volume::{Labels, index_of};

use crate::vector::{Vector, across, along, cross, dot, eigenvectors, norm, sub, unit};
use crate::{Plane, RenderError, View};

/// A smooth curve through points (centripetal Catmull-Rom), sampled about every millimetre. Points that coincide count
/// once.
#[must_use]
pub fn smoothed(points_mm: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let mut points: Vec<Vector> = points_mm.to_vec();
    points.dedup_by(|a, b| norm(sub(*a, *b)) < 1e-6);
    let count = points.len();
    if count < 2 {
        return points;
    }
    let mirrored = |end: Vector, next: Vector| std::array::from_fn(|axis| 2.0 * end[axis] - next[axis]);
    points.insert(0, mirrored(points[0], points[1]));
    points.push(mirrored(points[count], points[count - 1]));
    let mut curve = vec![points[1]];
    for part in points.windows(4) {
        let steps = norm(sub(part[2], part[1])).ceil().clamp(1.0, 1000.0) as usize;
        curve.extend((1..=steps).map(|step| between(part, step as f64 / steps as f64)));
    }
    curve
}

/// The point at a share of the way from the second to the third of four points.
fn between(points: &[Vector], share: f64) -> Vector {
    let mut knots = [0.0; 4];
    for at in 1..4 {
        knots[at] = knots[at - 1] + norm(sub(points[at], points[at - 1])).sqrt();
    }
    let t = knots[1] + (knots[2] - knots[1]) * share;
    let mix = |a: Vector, b: Vector, from: f64, to: f64| along(a, sub(b, a), (t - from) / (to - from));
    let a: [Vector; 3] = std::array::from_fn(|at| mix(points[at], points[at + 1], knots[at], knots[at + 1]));
    let b: [Vector; 2] = std::array::from_fn(|at| mix(a[at], a[at + 1], knots[at], knots[at + 2]));
    mix(b[0], b[1], knots[1], knots[2])
}

/// Distance over which a bone is looked for.
const BONE_WITHIN_MM: f64 = 80.0;
/// What is smaller is no bone to follow, mm³.
const LEAST_BONE_MM3: f64 = 2000.0;
/// Distance between the points of a middle line.
const STATION_MM: f64 = 10.0;

/// The middle line of the bone nearest to a point: the middles of its sections across its longest axis, head end first.
/// Bones that touch count as one; the line reaches up to `reach_mm` to each side of the point.
///
/// # Errors
/// Where no bone (label 1) lies within 80 mm.
pub fn centreline(bones: &Labels, near_mm: [f64; 3], reach_mm: f64) -> Result<Vec<[f64; 3]>, RenderError> {
    let none = RenderError::NoBone { within_mm: BONE_WITHIN_MM };
    let cells = Cells::new(bones, near_mm, reach_mm.max(STATION_MM) + BONE_WITHIN_MM);
    let points: Vec<Vector> = cells
        .nearest(near_mm)
        .ok_or_else(|| none.clone())?
        .into_iter()
        .map(|cell| cells.point(cell))
        .filter(|&point| norm(sub(point, near_mm)) <= reach_mm + BONE_WITHIN_MM)
        .collect();
    let count = points.len() as f64;
    let mean: Vector =
        std::array::from_fn(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count);
    let spread = std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            points.iter().map(|point| (point[row] - mean[row]) * (point[column] - mean[column])).sum()
        })
    });
    let [mut long, ..] = eigenvectors(spread);
    if long[2] > 0.0 || (long[2] == 0.0 && long[0] + long[1] < 0.0) {
        long = long.map(|value| -value);
    }
    let at = |point: Vector| dot(sub(point, near_mm), long);
    let stations = (reach_mm.max(STATION_MM) / STATION_MM).round() as i64;
    let middles: Vec<Vector> = (-stations..=stations)
        .filter_map(|station| {
            let near: Vec<Vector> = points
                .iter()
                .copied()
                .filter(|&point| (at(point) / STATION_MM - station as f64).abs() <= 0.5)
                .collect();
            let count = near.len() as f64;
            (!near.is_empty()).then(|| {
                std::array::from_fn(|axis| near.iter().map(|point| point[axis]).sum::<f64>() / count)
            })
        })
        .collect();
    if middles.len() < 2 {
        return Err(none);
    }
    // voxels shift the middles by a part of one: their neighbours take that out
    let last = middles.len() - 1;
    let smoother = |at: usize| {
        let (before, here, after) = (middles[at - 1], middles[at], middles[at + 1]);
        std::array::from_fn(|axis| (before[axis] + 2.0 * here[axis] + after[axis]) / 4.0)
    };
    Ok((0..=last).map(|at| if at == 0 || at == last { middles[at] } else { smoother(at) }).collect())
}

/// A coarse copy of a bone mask about a point: cells of about 2 mm.
struct Cells<'a> {
    bones: &'a Labels,
    low: [usize; 3],
    block: [usize; 3],
    size: [usize; 3],
    bone: Vec<bool>,
}

impl<'a> Cells<'a> {
    fn new(bones: &'a Labels, near_mm: Vector, radius_mm: f64) -> Self {
        let geometry = &bones.geometry;
        let centre = geometry.voxel_from_patient(near_mm);
        let spacing = geometry.spacing_mm();
        let block = spacing.map(|mm| (2.0 / mm).round().max(1.0) as usize);
        let end = |axis: usize, sign: f64| {
            (centre[axis] + sign * radius_mm / spacing[axis]).clamp(0.0, bones.size[axis] as f64) as usize
        };
        let low: [usize; 3] = std::array::from_fn(|axis| end(axis, -1.0));
        let size: [usize; 3] = std::array::from_fn(|axis| (end(axis, 1.0) - low[axis]).div_ceil(block[axis]));
        let mut cells = Self { bones, low, block, size, bone: Vec::new() };
        cells.bone = (0..size.iter().product())
            .map(|cell| bones.values[index_of(bones.size, cells.voxel(cell))] == 1)
            .collect();
        cells
    }

    fn place(&self, cell: usize) -> [usize; 3] {
        let row = cell / self.size[0];
        [cell % self.size[0], row % self.size[1], row / self.size[1]]
    }

    /// The voxel in the middle of a cell.
    fn voxel(&self, cell: usize) -> [usize; 3] {
        let place = self.place(cell);
        std::array::from_fn(|axis| {
            let middle = self.low[axis] + place[axis] * self.block[axis] + self.block[axis] / 2;
            middle.min(self.bones.size[axis] - 1)
        })
    }

    fn point(&self, cell: usize) -> Vector {
        self.bones.geometry.patient_from_voxel(self.voxel(cell).map(|at| at as f64))
    }

    /// The cells of the nearest part that is large enough for a bone.
    fn nearest(&self, near_mm: Vector) -> Option<Vec<usize>> {
        let mut order: Vec<(f64, usize)> = (0..self.bone.len())
            .filter(|&cell| self.bone[cell])
            .map(|cell| (norm(sub(self.point(cell), near_mm)), cell))
            .filter(|&(distance, _)| distance <= BONE_WITHIN_MM)
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut seen = vec![false; self.bone.len()];
        let cell_mm3 = self.bones.geometry.voxel_mm3() * self.block.iter().product::<usize>() as f64;
        for (_, cell) in order {
            if !seen[cell] {
                let part = self.connected(cell, &mut seen);
                if part.len() as f64 * cell_mm3 >= LEAST_BONE_MM3 {
                    return Some(part);
                }
            }
        }
        None
    }

    fn connected(&self, start: usize, seen: &mut [bool]) -> Vec<usize> {
        seen[start] = true;
        let mut queue = VecDeque::from([start]);
        let mut found = Vec::new();
        while let Some(cell) = queue.pop_front() {
            found.push(cell);
            let place = self.place(cell);
            let strides = [1, self.size[0], self.size[0] * self.size[1]];
            for axis in 0..3 {
                let before = (place[axis] > 0).then(|| cell - strides[axis]);
                let after = (place[axis] + 1 < self.size[axis]).then(|| cell + strides[axis]);
                for next in [before, after].into_iter().flatten() {
                    if self.bone[next] && !seen[next] {
                        seen[next] = true;
                        queue.push_back(next);
                    }
                }
            }
        }
        found
    }
}

/// A curve pulled straight: for each row of the picture a point of the curve, the direction to the right and the
/// direction into the picture.
pub(crate) struct Straightened {
    rows: Vec<[Vector; 3]>,
    columns: usize,
    pixel_mm: f64,
}

impl Straightened {
    pub(crate) fn new(
        curve_mm: &[Vector],
        first_across: Vector,
        width_mm: f64,
        pixel_mm: f64,
    ) -> Result<Self, RenderError> {
        let none = RenderError::NoCurve { points: curve_mm.len() };
        let columns = (width_mm / pixel_mm).round();
        let finite = curve_mm.iter().flatten().all(|value| value.is_finite());
        if !(finite && (1.0..1e5).contains(&columns) && pixel_mm > 0.0) {
            return Err(none);
        }
        let points = evenly(curve_mm, pixel_mm);
        if points.len() < 2 {
            return Err(none);
        }
        let tangent =
            |at: usize| unit(sub(points[(at + 1).min(points.len() - 1)], points[at.saturating_sub(1)]));
        let first = tangent(0).ok_or_else(|| none.clone())?;
        let mut right = across(first_across, first)
            .or_else(|| across([1.0, 0.0, 0.0], first))
            .or_else(|| across([0.0, 1.0, 0.0], first))
            .ok_or_else(|| none.clone())?;
        let mut down = first;
        let rows = points
            .iter()
            .enumerate()
            .map(|(at, &point)| {
                down = tangent(at).unwrap_or(down);
                right = across(right, down).unwrap_or(right);
                [point, right, cross(right, down)]
            })
            .collect();
        Ok(Self { rows, columns: columns as usize, pixel_mm })
    }

    pub(crate) fn view(&self) -> Result<View, RenderError> {
        let [start, right, into] = self.rows[0];
        let down = cross(into, right);
        let centre_mm = along(start, down, (self.rows.len() as f64 - 1.0) / 2.0 * self.pixel_mm);
        View::new(Plane { centre_mm, right, down }, [self.columns, self.rows.len()], self.pixel_mm)
    }

    pub(crate) fn point_mm(&self, column: usize, row: usize, depth_mm: f64) -> Vector {
        let [point, right, into] = self.rows[row];
        let offset = (column as f64 - (self.columns as f64 - 1.0) / 2.0) * self.pixel_mm;
        along(along(point, right, offset), into, depth_mm)
    }
}

/// Points of a curve at equal distances along it.
fn evenly(curve: &[Vector], distance: f64) -> Vec<Vector> {
    let mut points: Vec<Vector> = curve.first().copied().into_iter().collect();
    let mut left = distance;
    for pair in curve.windows(2) {
        let length = norm(sub(pair[1], pair[0]));
        let mut at = left;
        while at <= length && points.len() < 100_000 {
            points.push(along(pair[0], sub(pair[1], pair[0]), at / length));
            at += distance;
        }
        left = at - length;
    }
    points
}
