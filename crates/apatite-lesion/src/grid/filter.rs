//! Means and maxima over boxes of a grid.

use rayon::prelude::*;

use super::{Grid, across_slices};

/// Mean over a box of `radius` cells each way, clipped at the faces.
pub(crate) fn box_mean(grid: &Grid, values: &[f32], radius: [usize; 3]) -> Vec<f32> {
    filter(grid, values, radius, mean_of_line, mean_of_rows)
}

/// Maximum over a box of `radius` cells each way.
pub(crate) fn box_max(grid: &Grid, values: &[f32], radius: [usize; 3]) -> Vec<f32> {
    filter(grid, values, radius, max_of_line, max_of_rows)
}

/// Applies a one-dimensional filter along columns, rows and slices: `line` to a line of cells, `rows` across the rows
/// (of the given width) of a block, all columns at once.
fn filter(
    grid: &Grid,
    values: &[f32],
    radius: [usize; 3],
    line: impl Fn(&mut [f32], usize) + Sync,
    rows: impl Fn(&mut [f32], usize, usize) + Sync,
) -> Vec<f32> {
    let [nx, ny, nz] = grid.size;
    let mut field = values.to_vec();
    field.par_chunks_mut(nx * ny).for_each(|slice| {
        if radius[0] > 0 {
            slice.chunks_mut(nx).for_each(|row| line(row, radius[0]));
        }
        if radius[1] > 0 {
            rows(slice, nx, radius[1]);
        }
    });
    if nz > 1 && radius[2] > 0 {
        across_slices(&mut field, grid.size, |plane| rows(plane, nx, radius[2]));
    }
    field
}

fn mean_of_line(line: &mut [f32], radius: usize) {
    let mut sums = Vec::with_capacity(line.len() + 1);
    sums.push(0.0_f64);
    let mut sum = 0.0_f64;
    for &value in line.iter() {
        sum += f64::from(value);
        sums.push(sum);
    }
    let count = line.len();
    for (at, value) in line.iter_mut().enumerate() {
        let (low, high) = window(at, radius, count);
        *value = ((sums[high] - sums[low]) / (high - low) as f64) as f32;
    }
}

fn mean_of_rows(block: &mut [f32], width: usize, radius: usize) {
    let source = block.to_vec();
    let row = |at: usize| &source[at * width..(at + 1) * width];
    let count = source.len() / width;
    let mut sums = vec![0.0_f64; width];
    let (mut low, mut high) = (0, 0);
    for (at, out) in block.chunks_mut(width).enumerate() {
        let (first, end) = window(at, radius, count);
        for next in high..end {
            sums.iter_mut().zip(row(next)).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        for past in low..first {
            sums.iter_mut().zip(row(past)).for_each(|(sum, &value)| *sum -= f64::from(value));
        }
        (low, high) = (first, end);
        let share = 1.0 / (high - low) as f64;
        out.iter_mut().zip(&sums).for_each(|(value, sum)| *value = (sum * share) as f32);
    }
}

/// Maxima of runs of `width` cells are made by doubling; three or four of them cover a window.
fn max_of_line(line: &mut [f32], radius: usize) {
    let count = line.len();
    let mut runs = line.to_vec();
    let length = doubled(radius, count, |step| {
        for at in 0..count - step {
            runs[at] = runs[at].max(runs[at + step]);
        }
    });
    for (at, value) in line.iter_mut().enumerate() {
        let (low, high) = window(at, radius, count);
        *value = cover(low, high, length).map(|start| runs[start]).fold(f32::NEG_INFINITY, f32::max);
    }
}

fn max_of_rows(block: &mut [f32], width: usize, radius: usize) {
    let count = block.len() / width;
    let mut runs = block.to_vec();
    let length = doubled(radius, count, |step| {
        for at in 0..count - step {
            let (before, behind) = runs.split_at_mut((at + step) * width);
            let row = &mut before[at * width..(at + 1) * width];
            row.iter_mut().zip(&behind[..width]).for_each(|(value, &other)| *value = larger(*value, other));
        }
    });
    for (at, out) in block.chunks_mut(width).enumerate() {
        let (low, high) = window(at, radius, count);
        for start in cover(low, high, length) {
            let run = &runs[start * width..(start + 1) * width];
            out.iter_mut().zip(run).for_each(|(value, &other)| *value = larger(*value, other));
        }
    }
}

/// First and one past the last cell of a window about `at`.
fn window(at: usize, radius: usize, count: usize) -> (usize, usize) {
    (at.saturating_sub(radius), (at + radius + 1).min(count))
}

/// Doubles the runs while they fit into every window, those clipped at the ends among them; returns their length.
fn doubled(radius: usize, count: usize, mut join: impl FnMut(usize)) -> usize {
    let mut length = 1;
    while 2 * length <= (radius + 1).min(count) {
        join(length);
        length *= 2;
    }
    length
}

/// Starts of runs that cover a window together.
fn cover(low: usize, high: usize, length: usize) -> impl Iterator<Item = usize> {
    (low..high + 1 - length).step_by(length).chain(std::iter::once(high - length))
}

/// The larger of two numbers, in a form that runs on vectors.
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::super::tests::scatter;
    use super::*;

    #[test]
    fn box_filters_are_those_of_brute_force() {
        let grid = Grid { size: [7, 6, 5], spacing_mm: [1.0; 3] };
        let values: Vec<f32> = scatter(3, grid.len(), 0.5)
            .iter()
            .enumerate()
            .map(|(i, &on)| if on { i as f32 } else { -1.0 })
            .collect();
        let radius = [2, 1, 1];
        let (max, mean) = (box_max(&grid, &values, radius), box_mean(&grid, &values, [2, 0, 0]));
        for index in 0..grid.len() {
            let p = grid.position(index);
            let near = |radius: [usize; 3]| -> Vec<f32> {
                (0..grid.len())
                    .filter(|&other| {
                        let q = grid.position(other);
                        (0..3).all(|axis| p[axis].abs_diff(q[axis]) <= radius[axis])
                    })
                    .map(|other| values[other])
                    .collect()
            };
            assert_eq!(max[index], near(radius).into_iter().fold(f32::NEG_INFINITY, f32::max));
            let row = near([2, 0, 0]);
            assert!((mean[index] - row.iter().sum::<f32>() / row.len() as f32).abs() < 1e-3);
        }
    }
}
