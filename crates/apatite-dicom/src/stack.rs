/*!
From parallel slices to a regular, orthogonal grid.

Slices are ordered along their normal, never by their numbers. Where they lie evenly and square the voxels are taken as
they are; a tilted gantry, uneven spacing and missing slices are resampled linearly, and that is said.
*/

use apatite_volume::Geometry;
use rayon::prelude::*;

use crate::Warning;
use crate::header::{Plane, cross, dot};

/// Distance within which two slices lie at the same place, mm.
pub(crate) const SAME_PLACE_MM: f64 = 0.01;

/// Spacing may vary by this part of itself, or by [`SAME_PLACE_MM`], and still count as even.
const EVEN: f64 = 0.02;

/// A slice may lie this part of a pixel off in its plane before it is shifted.
const STILL_PIXELS: f64 = 0.25;

/// Gaps of up to this many spacings are bridged by interpolation.
const BRIDGED: f64 = 4.0;

/// A gap of more than this many spacings parts a series.
const PARTED: f64 = 5.0;

/// Orthonormal axes of parallel slices: along columns, along rows, normal.
pub(crate) fn axes(plane: &Plane) -> [[f64; 3]; 3] {
    let normal = cross(plane.row_direction, plane.column_direction);
    let length = dot(normal, normal).sqrt();
    let normal = normal.map(|value| value / length);
    [plane.row_direction, cross(normal, plane.row_direction), normal]
}

/// Distance of a slice along the normal, mm.
pub(crate) fn height(axes: &[[f64; 3]; 3], plane: &Plane) -> f64 {
    dot(axes[2], plane.position_mm)
}

/// How slices become a volume.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Columns, rows, slices.
    pub(crate) size: [usize; 3],
    pub(crate) geometry: Geometry,
    pub(crate) warnings: Vec<Warning>,
    /// None where the slices are the volume already.
    resampling: Option<Resampling>,
}

#[derive(Clone, Debug)]
struct Resampling {
    /// Of each slice of the volume: slice below, slice above, weight of the one above.
    between: Vec<(usize, usize, f32)>,
    /// Of each slice given: shift in the volume's columns and rows.
    shifts: Vec<[f32; 2]>,
}

impl Plan {
    /// Plans a volume of slices of `columns` by `rows` in ascending height.
    ///
    /// # Errors
    ///
    /// In words, where no regular grid can be made of them.
    pub(crate) fn new(
        planes: &[Plane],
        [columns, rows]: [usize; 2],
        thickness_mm: Option<f64>,
    ) -> Result<Self, String> {
        let first = planes.first().ok_or("no slices")?;
        let axes = axes(first);
        let heights: Vec<f64> =
            planes.iter().map(|plane| height(&axes, plane) - height(&axes, first)).collect();
        let mut warnings = Vec::new();
        let (spacing, slices) = spacing(&heights, thickness_mm, &mut warnings)?;
        if let Some(thickness_mm) = thickness_mm {
            if thickness_mm > 1.2 * spacing && planes.len() > 1 {
                warnings.push(Warning::OverlappingSlices { thickness_mm, spacing_mm: spacing });
            } else if thickness_mm < 0.8 * spacing {
                warnings.push(Warning::GapsBetweenSlices { thickness_mm, spacing_mm: spacing });
            }
        }
        let mut shifts: Vec<[f64; 2]> = planes
            .iter()
            .map(|plane| {
                let offset = std::array::from_fn(|axis| plane.position_mm[axis] - first.position_mm[axis]);
                [dot(offset, axes[0]) / first.spacing_mm[0], dot(offset, axes[1]) / first.spacing_mm[1]]
            })
            .collect();
        let mut size = [columns, rows, slices];
        let mut lowest = [0.0; 2];
        let mut sheared = false;
        for axis in 0..2 {
            let of = |fold: fn(f64, f64) -> f64| shifts.iter().map(|shift| shift[axis]).fold(0.0, fold);
            let (low, high) = (of(f64::min), of(f64::max));
            if high - low < STILL_PIXELS {
                shifts.iter_mut().for_each(|shift| shift[axis] = 0.0);
            } else {
                sheared = true;
                lowest[axis] = low.floor();
                let more = (high - lowest[axis]).ceil();
                if more > 3.0 * size[axis] as f64 {
                    return Err(format!(
                        "slices lie up to {:.0} mm beside one another",
                        (high - low) * first.spacing_mm[axis]
                    ));
                }
                size[axis] += more as usize;
                shifts.iter_mut().for_each(|shift| shift[axis] -= lowest[axis]);
            }
        }
        if sheared && let (Some(top), Some(last)) = (heights.last(), planes.last()) {
            let offset: [f64; 3] =
                std::array::from_fn(|axis| last.position_mm[axis] - first.position_mm[axis]);
            let aside = (dot(offset, offset) - top * top).max(0.0).sqrt();
            warnings.push(Warning::Tilt { degrees: aside.atan2(*top).to_degrees() });
        }
        let between = between(&heights, spacing, slices);
        let regular = !sheared
            && slices == planes.len()
            && !warnings.iter().any(|warning| {
                matches!(warning, Warning::MixedSpacing { .. } | Warning::MissingSlices { .. })
            });
        let origin_mm = std::array::from_fn(|axis| {
            first.position_mm[axis]
                + (0..2).map(|step| lowest[step] * first.spacing_mm[step] * axes[step][axis]).sum::<f64>()
        });
        let steps = [first.spacing_mm[0], first.spacing_mm[1], spacing];
        let geometry = Geometry {
            origin_mm,
            steps_mm: std::array::from_fn(|step| axes[step].map(|value| value * steps[step])),
        };
        let resampling = (!regular).then(|| Resampling {
            between,
            shifts: shifts.iter().map(|shift| shift.map(|value| value as f32)).collect(),
        });
        Ok(Self { size, geometry, warnings, resampling })
    }

    /// Whether the slices, one behind another, are the volume.
    pub(crate) fn is_direct(&self) -> bool {
        self.resampling.is_none()
    }

    /// Whether voxels may lie outside all slices.
    pub(crate) fn has_outside(&self, [columns, rows]: [usize; 2]) -> bool {
        self.size[0] != columns || self.size[1] != rows
    }

    /// Resamples slices (one behind another, in the order of the plan) into the volume; `padding` fills the outside and
    /// is never blended.
    pub(crate) fn resample(
        &self,
        slices: Vec<i16>,
        [columns, rows]: [usize; 2],
        padding: Option<i16>,
    ) -> Vec<i16> {
        let Some(resampling) = &self.resampling else { return slices };
        let [out_columns, out_rows, out_slices] = self.size;
        let slice_length = columns * rows;
        let outside = padding.unwrap_or(i16::MIN);
        let mut values = vec![outside; out_columns * out_rows * out_slices];
        values.par_chunks_mut(out_columns * out_rows).zip(&resampling.between).for_each(
            |(out, &(below, above, weight))| {
                let part = |number: usize| Part {
                    values: &slices[number * slice_length..][..slice_length],
                    columns,
                    rows,
                    shift: resampling.shifts[number],
                    padding: outside,
                };
                let (below, above) = (part(below), part(above));
                let (mut one, mut two) = (vec![f32::NAN; out_columns], vec![f32::NAN; out_columns]);
                for (row, line) in out.chunks_exact_mut(out_columns).enumerate() {
                    below.line(row, &mut one);
                    if weight > 0.0 {
                        above.line(row, &mut two);
                        for (one, &two) in one.iter_mut().zip(&two) {
                            let mixed = *one + (two - *one) * weight;
                            // beside padding the nearer slice decides alone
                            let nearer = if weight <= 0.5 { *one } else { two };
                            *one = if mixed.is_nan() { nearer } else { mixed };
                        }
                    }
                    for (value, &one) in line.iter_mut().zip(&one) {
                        // half a unit up and cut: rounds without a call for each voxel
                        *value =
                            if one.is_nan() { outside } else { ((one + 32_768.5) as i32 - 32_768) as i16 };
                    }
                }
            },
        );
        values
    }
}

struct Part<'a> {
    values: &'a [i16],
    columns: usize,
    rows: usize,
    shift: [f32; 2],
    padding: i16,
}

impl Part<'_> {
    /// A line of the volume through this slice; not a number outside the slice or in padding.
    fn line(&self, row: usize, out: &mut [f32]) {
        out.fill(f32::NAN);
        let (up, down) = split(-self.shift[1]);
        let (left, right) = split(-self.shift[0]);
        let place = row as i64 + up;
        let Some(y) = usize::try_from(place).ok().filter(|&y| y + usize::from(down > 0.0) < self.rows) else {
            return;
        };
        // columns of the volume that lie in the slice
        let width = self.columns as i64 - i64::from(right > 0.0);
        let start = (-left).clamp(0, out.len() as i64) as usize;
        let end = (width - left).clamp(start as i64, out.len() as i64) as usize;
        let first = (start as i64 + left) as usize;
        let voxel = |value: i16| if value > self.padding { f32::from(value) } else { f32::NAN };
        let across = |y: usize, index: usize| {
            let line = &self.values[y * self.columns..][..self.columns];
            let one = voxel(line[first + index]);
            if right > 0.0 { one + (voxel(line[first + index + 1]) - one) * right } else { one }
        };
        for (index, value) in out[start..end].iter_mut().enumerate() {
            let one = across(y, index);
            *value = if down > 0.0 { one + (across(y + 1, index) - one) * down } else { one };
        }
    }
}

/// Whole part and the fraction above it.
fn split(place: f32) -> (i64, f32) {
    // rounding of shifts must not make an edge of a slice padding
    if (place - place.round()).abs() < 1e-3 {
        (place.round() as i64, 0.0)
    } else {
        (place.floor() as i64, place - place.floor())
    }
}

/// Parts ascending heights where a gap is too wide to belong to one volume.
pub(crate) fn part(heights: &[f64]) -> Vec<std::ops::Range<usize>> {
    let gaps: Vec<f64> = heights.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let Some(usual) = median(&gaps) else { return std::iter::once(0..heights.len()).collect() };
    let mut parts = Vec::new();
    let mut start = 0;
    for (index, &gap) in gaps.iter().enumerate() {
        if gap > PARTED * usual && gap > 10.0 {
            parts.push(start..index + 1);
            start = index + 1;
        }
    }
    parts.push(start..heights.len());
    parts
}

/// Spacing and number of slices of the volume.
fn spacing(
    heights: &[f64],
    thickness_mm: Option<f64>,
    warnings: &mut Vec<Warning>,
) -> Result<(f64, usize), String> {
    let gaps: Vec<f64> = heights.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (Some(usual), Some(&top)) = (median(&gaps), heights.last()) else {
        return Ok((thickness_mm.unwrap_or(1.0), 1));
    };
    let smallest = gaps.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = gaps.iter().copied().fold(0.0, f64::max);
    if smallest < SAME_PLACE_MM {
        return Err("several slices lie at the same place and nothing tells them apart".into());
    }
    let mean = top / gaps.len() as f64;
    let tolerance = (EVEN * usual).max(SAME_PLACE_MM);
    let drift = heights.iter().enumerate().map(|(index, height)| (height - index as f64 * mean).abs());
    if largest - smallest <= 2.0 * tolerance && drift.fold(0.0, f64::max) <= 0.1 * mean {
        return Ok((mean, heights.len()));
    }
    let steps: Vec<f64> = gaps.iter().map(|gap| (gap / usual).round()).collect();
    let missing = steps.iter().sum::<f64>() as usize - gaps.len().min(steps.iter().sum::<f64>() as usize);
    let whole = gaps.iter().zip(&steps).all(|(gap, &steps)| {
        (1.0..=BRIDGED).contains(&steps) && (gap - steps * usual).abs() <= 2.5 * tolerance
    });
    if whole && missing > 0 && missing <= (heights.len() / 5).max(3) {
        let slices = heights.len() + missing;
        let at = steps.iter().position(|&steps| steps > 1.0).unwrap_or(0);
        warnings.push(Warning::MissingSlices { count: missing, at_mm: heights[at] + usual });
        return Ok((top / (slices - 1) as f64, slices));
    }
    // the finest spacing that several slices have: a single narrow step between two blocks does not set the grid
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    let enough = (gaps.len() / 10).max(2);
    let used = sorted
        .iter()
        .copied()
        .find(|&gap| sorted.iter().filter(|&&other| (other - gap).abs() <= 2.0 * tolerance).count() >= enough)
        .unwrap_or(usual);
    let slices = (top / used).round() as usize + 1;
    if slices > 4 * heights.len().max(4) {
        return Err(format!(
            "slice spacing varies from {smallest:.2} to {largest:.2} mm: too uneven for a regular grid"
        ));
    }
    let used_mm = top / (slices - 1).max(1) as f64;
    warnings.push(Warning::MixedSpacing { smallest_mm: smallest, largest_mm: largest, used_mm });
    Ok((used_mm, slices))
}

/// Of each slice of a grid, the two slices given around it.
fn between(heights: &[f64], spacing: f64, slices: usize) -> Vec<(usize, usize, f32)> {
    (0..slices)
        .map(|slice| {
            let height = slice as f64 * spacing;
            let above = heights.partition_point(|&other| other < height).clamp(1, heights.len().max(2) - 1);
            let below = above - 1;
            let (Some(&low), Some(&high)) = (heights.get(below), heights.get(above)) else {
                return (0, 0, 0.0);
            };
            let weight = ((height - low) / (high - low)).clamp(0.0, 1.0);
            // a slice that lies on the grid is taken as it is
            if weight < 0.01 {
                (below, below, 0.0)
            } else if weight > 0.99 {
                (above, above, 0.0)
            } else {
                (below, above, weight as f32)
            }
        })
        .collect()
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
