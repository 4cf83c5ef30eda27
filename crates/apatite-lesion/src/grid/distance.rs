//! Distances on a grid.

use rayon::prelude::*;

use super::{Grid, across_slices};

/// Squared Euclidean distance, mm², of every cell centre to the nearest cell of `mask`; infinite without one. Exact, for
/// any spacing: along columns by a walk to and fro; along rows and slices by windows where the walk has shown that no
/// cell is far (a depth below a surface, which is most of what is asked for), else by the lower envelope of parabolas
/// (Felzenszwalb and Huttenlocher, Theory of Computing 2012, doi 10.4086/toc.2012.v008a019).
pub(crate) fn distance2(grid: &Grid, mask: impl Fn(usize) -> bool + Sync) -> Vec<f32> {
    let [nx, ny, nz] = grid.size;
    let [sx, sy, sz] = grid.spacing_mm.map(|value| value as f32);
    let mut field = vec![f32::INFINITY; grid.len()];
    field.par_chunks_mut(nx * ny).enumerate().for_each_init(Rows::default, |rows, (z, slice)| {
        for (y, row) in slice.chunks_mut(nx).enumerate() {
            let start = (z * ny + y) * nx;
            line_distance(row, sx, |x| mask(start + x));
        }
        rows.nearest(slice, nx, sy);
    });
    if nz > 1 {
        across_slices(&mut field, grid.size, |plane| Rows::default().nearest(plane, nx, sz));
    }
    field
}

/// As [`distance2`] up to `limit_mm`, and infinite beyond it: a window along each axis, whole rows at once.
pub(crate) fn distance2_within(grid: &Grid, limit_mm: f32, mask: impl Fn(usize) -> bool + Sync) -> Vec<f32> {
    let [nx, ny, _] = grid.size;
    let [sx, sy, sz] = grid.spacing_mm.map(|value| value as f32);
    let limit2 = limit_mm * limit_mm;
    let area = nx * ny;
    let mut planes = vec![f32::INFINITY; grid.len()];
    planes.par_chunks_mut(area).enumerate().for_each(|(z, slice)| {
        let mut rows = vec![f32::INFINITY; area];
        for (y, row) in rows.chunks_mut(nx).enumerate() {
            let start = (z * ny + y) * nx;
            line_distance(row, sx, |x| mask(start + x));
        }
        let reach = (limit_mm / sy) as usize;
        for (y, row) in slice.chunks_mut(nx).enumerate() {
            for other in y.saturating_sub(reach)..(y + reach + 1).min(ny) {
                lower(row, &rows[other * nx..(other + 1) * nx], (y.abs_diff(other) as f32 * sy).powi(2));
            }
        }
    });
    let mut field = vec![f32::INFINITY; grid.len()];
    let reach = (limit_mm / sz) as usize;
    field.par_chunks_mut(area).enumerate().for_each(|(z, slice)| {
        for other in z.saturating_sub(reach)..(z + reach + 1).min(grid.size[2]) {
            lower(slice, &planes[other * area..(other + 1) * area], (z.abs_diff(other) as f32 * sz).powi(2));
        }
        for value in slice.iter_mut() {
            *value = if *value <= limit2 { *value } else { f32::INFINITY };
        }
    });
    field
}

/// Lowers squared distances to those through a row `offset` (mm²) away.
fn lower(row: &mut [f32], other: &[f32], offset: f32) {
    for (value, other) in row.iter_mut().zip(other) {
        let through = other + offset;
        *value = if through < *value { through } else { *value };
    }
}

/// Room to carry squared distances from row to row of a block.
#[derive(Default)]
struct Rows {
    source: Vec<f32>,
    line: Vec<f32>,
    envelope: Envelope,
}

impl Rows {
    /// A window wider than this, in rows each way, costs more than the envelope.
    const WIDEST: f32 = 24.0;

    /// Lowers every squared distance of a block of rows of `width` cells, `step` mm apart, to the least through any row.
    fn nearest(&mut self, block: &mut [f32], width: usize, step: f32) {
        let highest =
            block.iter().fold(0.0, |highest: f32, &value| if value > highest { value } else { highest });
        if highest == 0.0 {
            return;
        }
        if highest <= (Self::WIDEST * step).powi(2) {
            self.through_windows(block, width, step);
        } else {
            self.through_envelopes(block, width, step);
        }
    }

    fn through_windows(&mut self, block: &mut [f32], width: usize, step: f32) {
        self.source.clear();
        self.source.extend_from_slice(block);
        let count = block.len() / width;
        for (at, row) in block.chunks_mut(width).enumerate() {
            for away in 1..count {
                let offset = (away as f32 * step).powi(2);
                // nothing further away comes nearer than what is known
                if row.iter().all(|&value| value <= offset) {
                    break;
                }
                let beside = [at.checked_sub(away), Some(at + away).filter(|&other| other < count)];
                for other in beside.into_iter().flatten() {
                    lower(row, &self.source[other * width..(other + 1) * width], offset);
                }
            }
        }
    }

    fn through_envelopes(&mut self, block: &mut [f32], width: usize, step: f32) {
        for x in 0..width {
            self.line.clear();
            self.line.extend(block.iter().skip(x).step_by(width));
            self.envelope.transform(&mut self.line, step);
            for (value, &nearest) in block.iter_mut().skip(x).step_by(width).zip(&self.line) {
                *value = nearest;
            }
        }
    }
}

/// The cells of a mask, those of the greatest depth (not negative) first and in order where it is the same.
pub(crate) fn deepest_first(mask: &[bool], depth: &[f32]) -> Vec<u32> {
    // as numbers that sort at once: floats that are not negative are in the order of their bits
    let key = |(cell, _): (usize, &bool)| u64::from(!depth[cell].to_bits()) << 32 | cell as u64;
    let mut keys: Vec<u64> = mask.iter().enumerate().filter(|(_, on)| **on).map(key).collect();
    keys.par_sort_unstable();
    keys.into_iter().map(|key| key as u32).collect()
}

/// Distance along one line of cells, squared.
fn line_distance(row: &mut [f32], step: f32, mask: impl Fn(usize) -> bool) {
    let mut since = f32::INFINITY;
    for (x, value) in row.iter_mut().enumerate() {
        since = if mask(x) { 0.0 } else { since + step };
        *value = since;
    }
    let mut since = f32::INFINITY;
    for value in row.iter_mut().rev() {
        since = if *value == 0.0 { 0.0 } else { since + step };
        let nearest = value.min(since);
        *value = nearest * nearest;
    }
}

/// The lower envelope of parabolas, kept to avoid allocating per line.
#[derive(Default)]
struct Envelope {
    at: Vec<usize>,
    from: Vec<f32>,
    source: Vec<f32>,
}

impl Envelope {
    fn transform(&mut self, line: &mut [f32], step: f32) {
        self.at.clear();
        self.from.clear();
        self.source.clear();
        if line.iter().all(|&height| height == 0.0) {
            return;
        }
        self.source.extend_from_slice(line);
        let last = line.len().saturating_sub(1);
        for q in 0..line.len() {
            let height = self.source[q];
            // within a run of zeros only its ends are nearest to anything but themselves
            let inner = height == 0.0
                && (q == 0 || self.source[q - 1] == 0.0)
                && (q == last || self.source[q + 1] == 0.0);
            if inner || !height.is_finite() {
                continue;
            }
            let position = q as f32 * step;
            loop {
                let Some(&top) = self.at.last() else {
                    self.at.push(q);
                    self.from.push(f32::NEG_INFINITY);
                    break;
                };
                let other = top as f32 * step;
                let cross = ((height + position * position) - (self.source[top] + other * other))
                    / (2.0 * (position - other));
                if self.from.last().is_some_and(|&start| cross <= start) {
                    self.at.pop();
                    self.from.pop();
                } else {
                    self.at.push(q);
                    self.from.push(cross);
                    break;
                }
            }
        }
        if self.at.is_empty() {
            return;
        }
        let mut current = 0;
        for (q, value) in line.iter_mut().enumerate().filter(|(_, value)| **value != 0.0) {
            let position = q as f32 * step;
            while current + 1 < self.at.len() && self.from[current + 1] < position {
                current += 1;
            }
            let offset = q.abs_diff(self.at[current]) as f32 * step;
            *value = offset * offset + self.source[self.at[current]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::scatter;
    use super::*;

    #[test]
    fn distances_are_those_of_brute_force() {
        let grid = Grid { size: [13, 11, 9], spacing_mm: [0.7, 0.9, 2.5] };
        // far from each other, so that the envelope finds them, and near, for windows
        for share in [0.02, 0.4] {
            let mask = scatter(7, grid.len(), share);
            let found = distance2(&grid, |index| mask[index]);
            for (index, &value) in found.iter().enumerate() {
                let p = grid.position(index);
                let expected = (0..grid.len())
                    .filter(|&other| mask[other])
                    .map(|other| {
                        let q = grid.position(other);
                        (0..3)
                            .map(|axis| ((p[axis] as f64 - q[axis] as f64) * grid.spacing_mm[axis]).powi(2))
                            .sum()
                    })
                    .fold(f64::INFINITY, |a: f64, b| a.min(b));
                assert!((f64::from(value) - expected).abs() < 1e-3, "{index}: {value} against {expected}");
            }
            for limit_mm in [0.5, 2.0, 5.3] {
                for (near, far) in
                    distance2_within(&grid, limit_mm, |index| mask[index]).into_iter().zip(&found)
                {
                    let expected = if *far <= limit_mm * limit_mm { *far } else { f32::INFINITY };
                    assert!(near == expected || (near - expected).abs() < 1e-4, "{near} against {expected}");
                }
            }
        }
    }
}
