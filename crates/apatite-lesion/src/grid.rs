//! Regular grids of cells: distances, connected components, filters. Everything runs columns fastest.

use rayon::prelude::*;

/// A block of cells with its spacing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    /// Cells along column, row, slice.
    pub(crate) size: [usize; 3],
    /// Edge lengths of a cell, mm.
    pub(crate) spacing_mm: [f64; 3],
}

impl Grid {
    pub(crate) fn len(&self) -> usize {
        self.size.iter().product()
    }

    pub(crate) fn cell_mm3(&self) -> f64 {
        self.spacing_mm.iter().product()
    }

    pub(crate) fn index(&self, [x, y, z]: [usize; 3]) -> usize {
        (z * self.size[1] + y) * self.size[0] + x
    }

    pub(crate) fn position(&self, index: usize) -> [usize; 3] {
        let row = index / self.size[0];
        [index % self.size[0], row % self.size[1], row / self.size[1]]
    }

    /// Whether a cell lies on a face of the grid.
    pub(crate) fn on_face(&self, position: [usize; 3]) -> bool {
        (0..3)
            .any(|axis| self.size[axis] > 1 && (position[axis] == 0 || position[axis] + 1 == self.size[axis]))
    }

    /// Calls `visit` with the six face neighbours within the grid.
    pub(crate) fn neighbours6(&self, index: usize, mut visit: impl FnMut(usize)) {
        let [x, y, z] = self.position(index);
        let row = self.size[0];
        let slice = row * self.size[1];
        if x > 0 {
            visit(index - 1);
        }
        if x + 1 < self.size[0] {
            visit(index + 1);
        }
        if y > 0 {
            visit(index - row);
        }
        if y + 1 < self.size[1] {
            visit(index + row);
        }
        if z > 0 {
            visit(index - slice);
        }
        if z + 1 < self.size[2] {
            visit(index + slice);
        }
    }

    /// Calls `visit` with all up to 26 neighbours within the grid.
    pub(crate) fn neighbours26(&self, index: usize, mut visit: impl FnMut(usize)) {
        let p = self.position(index);
        let range = |axis: usize| p[axis].saturating_sub(1)..=(p[axis] + 1).min(self.size[axis] - 1);
        for z in range(2) {
            for y in range(1) {
                for x in range(0) {
                    let other = self.index([x, y, z]);
                    if other != index {
                        visit(other);
                    }
                }
            }
        }
    }
}

/// Which cells count as neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connectivity {
    /// Six: sharing a face.
    Face,
    /// Twenty-six: sharing a corner.
    Corner,
}

/// Connected components of `mask`: a label per cell (0 outside, then 1, 2, … in order of the first cell), and the
/// number of cells of each label (index 0 unused).
pub(crate) fn components(
    grid: &Grid,
    connectivity: Connectivity,
    mask: impl Fn(usize) -> bool,
) -> (Vec<u32>, Vec<usize>) {
    let [width, rows, _] = grid.size;
    let mut runs = Vec::new();
    for (line, start) in (0..grid.len()).step_by(width.max(1)).enumerate() {
        let mut at = 0;
        while at < width {
            if !mask(start + at) {
                at += 1;
                continue;
            }
            let first = at;
            while at < width && mask(start + at) {
                at += 1;
            }
            runs.push(Run {
                slice: (line / rows) as u32,
                row: (line % rows) as u32,
                start: first as u32,
                end: at as u32,
            });
        }
    }
    let (run_labels, count) = label_runs(&runs, connectivity);
    let mut labels = vec![0_u32; grid.len()];
    let mut counts = vec![0_usize; count + 1];
    for (run, label) in runs.iter().zip(run_labels) {
        let start = grid.index([run.start as usize, run.row as usize, run.slice as usize]);
        labels[start..start + run.len()].fill(label + 1);
        counts[label as usize + 1] += run.len();
    }
    (labels, counts)
}

/// A run of cells or voxels along a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) slice: u32,
    pub(crate) row: u32,
    pub(crate) start: u32,
    /// One past the last column.
    pub(crate) end: u32,
}

impl Run {
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// Labels runs (in order of slice, row, column) by connected component: a label for every run, from 0, in order of the first
/// run, and the number of labels.
pub(crate) fn label_runs(runs: &[Run], connectivity: Connectivity) -> (Vec<u32>, usize) {
    // how far apart rows and runs may lie and still touch across a corner
    let slack = u32::from(connectivity == Connectivity::Corner);
    let mut parent: Vec<u32> = (0..runs.len() as u32).collect();
    // the rows present, in order, with their first run
    let mut rows: Vec<(u32, u32, usize)> = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        if rows.last().is_none_or(|&(slice, row, _)| (slice, row) != (run.slice, run.row)) {
            rows.push((run.slice, run.row, at));
        }
    }
    let span = |index: usize| rows[index].2..rows.get(index + 1).map_or(runs.len(), |next| next.2);
    // rows of the slice before, followed by a cursor that only moves forward
    let mut cursor = 0;
    for index in 0..rows.len() {
        let (slice, row, _) = rows[index];
        if index > 0 && rows[index - 1].0 == slice && rows[index - 1].1 + 1 == row {
            join(runs, span(index), span(index - 1), slack, &mut parent);
        }
        if slice == 0 {
            continue;
        }
        let first = (slice - 1, row.saturating_sub(slack));
        while cursor < index && (rows[cursor].0, rows[cursor].1) < first {
            cursor += 1;
        }
        let mut other = cursor;
        while other < index && rows[other].0 == slice - 1 && rows[other].1 <= row + slack {
            join(runs, span(index), span(other), slack, &mut parent);
            other += 1;
        }
    }
    let mut labels = vec![0; runs.len()];
    let mut count = 0;
    for at in 0..runs.len() {
        let root = find(&mut parent, at as u32) as usize;
        // the root is the earliest run of its component
        if root == at {
            labels[at] = count;
            count += 1;
        } else {
            labels[at] = labels[root];
        }
    }
    (labels, count as usize)
}

fn join(runs: &[Run], a: std::ops::Range<usize>, b: std::ops::Range<usize>, slack: u32, parent: &mut [u32]) {
    let (mut i, mut j) = (a.start, b.start);
    while i < a.end && j < b.end {
        let (x, y) = (runs[i], runs[j]);
        if x.start < y.end + slack && y.start < x.end + slack {
            let (p, q) = (find(parent, i as u32), find(parent, j as u32));
            if p != q {
                parent[p.max(q) as usize] = p.min(q);
            }
        }
        if x.end < y.end {
            i += 1;
        } else {
            j += 1;
        }
    }
}

fn find(parent: &mut [u32], mut at: u32) -> u32 {
    while parent[at as usize] != at {
        parent[at as usize] = parent[parent[at as usize] as usize];
        at = parent[at as usize];
    }
    at
}

/// Squared Euclidean distance, mm², of every cell centre to the nearest cell of `mask`; infinite without one. Exact
/// (Felzenszwalb and Huttenlocher, Theory of Computing 2012, doi 10.4086/toc.2012.v008a019), for any spacing.
pub(crate) fn distance2(grid: &Grid, mask: impl Fn(usize) -> bool + Sync) -> Vec<f32> {
    let [nx, ny, nz] = grid.size;
    let [sx, sy, sz] = grid.spacing_mm.map(|value| value as f32);
    let mut field = vec![f32::INFINITY; grid.len()];
    field.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
        let mut work = Envelope::default();
        let mut line = Vec::with_capacity(ny);
        for (y, row) in slice.chunks_mut(nx).enumerate() {
            let start = (z * ny + y) * nx;
            line_distance(row, sx, |x| mask(start + x));
        }
        for x in 0..nx {
            line.clear();
            line.extend((0..ny).map(|y| slice[y * nx + x]));
            work.transform(&mut line, sy);
            for (y, &value) in line.iter().enumerate() {
                slice[y * nx + x] = value;
            }
        }
    });
    if nz > 1 {
        let columns: Vec<Vec<f32>> = (0..ny)
            .into_par_iter()
            .map(|y| {
                let mut work = Envelope::default();
                let mut plane = vec![0.0; nx * nz];
                for x in 0..nx {
                    let line = &mut plane[x * nz..(x + 1) * nz];
                    for (z, value) in line.iter_mut().enumerate() {
                        *value = field[(z * ny + y) * nx + x];
                    }
                    work.transform(line, sz);
                }
                plane
            })
            .collect();
        field.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
            for (y, row) in slice.chunks_mut(nx).enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    *value = columns[y][x * nz + z];
                }
            }
        });
    }
    field
}

/// As [`distance2`] up to `limit_mm`, and infinite beyond it: a window along each axis, whole rows at once.
pub(crate) fn distance2_within(grid: &Grid, limit_mm: f32, mask: impl Fn(usize) -> bool + Sync) -> Vec<f32> {
    let [nx, ny, _] = grid.size;
    let [sx, sy, sz] = grid.spacing_mm.map(|value| value as f32);
    let limit2 = limit_mm * limit_mm;
    let area = nx * ny;
    let least = |row: &mut [f32], other: &[f32], offset: f32| {
        for (value, other) in row.iter_mut().zip(other) {
            let through = other + offset;
            *value = if through < *value { through } else { *value };
        }
    };
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
                least(row, &rows[other * nx..(other + 1) * nx], (y.abs_diff(other) as f32 * sy).powi(2));
            }
        }
    });
    let mut field = vec![f32::INFINITY; grid.len()];
    let reach = (limit_mm / sz) as usize;
    field.par_chunks_mut(area).enumerate().for_each(|(z, slice)| {
        for other in z.saturating_sub(reach)..(z + reach + 1).min(grid.size[2]) {
            least(slice, &planes[other * area..(other + 1) * area], (z.abs_diff(other) as f32 * sz).powi(2));
        }
        for value in slice.iter_mut() {
            *value = if *value <= limit2 { *value } else { f32::INFINITY };
        }
    });
    field
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
            let offset = position - self.at[current] as f32 * step;
            *value = offset * offset + self.source[self.at[current]];
        }
    }
}

/// Mean over a box of `radius` cells each way, clipped at the faces.
pub(crate) fn box_mean(grid: &Grid, values: &[f32], radius: [usize; 3]) -> Vec<f32> {
    filter(grid, values, radius, |line, radius, out| {
        if radius == 0 {
            return out.copy_from_slice(line);
        }
        if let (1, [first, second, ..], [.., last_but_one, last]) = (radius, line, line) {
            let count = line.len();
            out[0] = (first + second) / 2.0;
            for (value, near) in out[1..].iter_mut().zip(line.windows(3)) {
                *value = (near[0] + near[1] + near[2]) / 3.0;
            }
            out[count - 1] = (last_but_one + last) / 2.0;
            return;
        }
        let mut sums = Vec::with_capacity(line.len() + 1);
        sums.push(0.0_f64);
        let mut sum = 0.0_f64;
        for &value in line {
            sum += f64::from(value);
            sums.push(sum);
        }
        for (at, value) in out.iter_mut().enumerate() {
            let low = at.saturating_sub(radius);
            let high = (at + radius + 1).min(line.len());
            *value = ((sums[high] - sums[low]) / (high - low) as f64) as f32;
        }
    })
}

/// Maximum over a box of `radius` cells each way.
pub(crate) fn box_max(grid: &Grid, values: &[f32], radius: [usize; 3]) -> Vec<f32> {
    filter(grid, values, radius, |line, radius, out| {
        // a queue of falling values (van Herk's problem, Lemire's solution)
        let mut queue: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
        let mut next = 0;
        for (at, value) in out.iter_mut().enumerate() {
            while next < line.len() && next <= at + radius {
                while queue.back().is_some_and(|&last| line[last] <= line[next]) {
                    queue.pop_back();
                }
                queue.push_back(next);
                next += 1;
            }
            while queue.front().is_some_and(|&first| first + radius < at) {
                queue.pop_front();
            }
            *value = queue.front().map_or(line[at], |&first| line[first]);
        }
    })
}

/// Applies a one-dimensional filter along columns, rows and slices.
fn filter(
    grid: &Grid,
    values: &[f32],
    radius: [usize; 3],
    along: impl Fn(&[f32], usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let [nx, ny, nz] = grid.size;
    let mut field = values.to_vec();
    field.par_chunks_mut(nx * ny).for_each(|slice| {
        let mut line = Vec::new();
        let mut out = vec![0.0; nx.max(ny)];
        for row in slice.chunks_mut(nx) {
            line.clear();
            line.extend_from_slice(row);
            along(&line, radius[0], row);
        }
        for x in 0..nx {
            line.clear();
            line.extend((0..ny).map(|y| slice[y * nx + x]));
            along(&line, radius[1], &mut out[..ny]);
            for y in 0..ny {
                slice[y * nx + x] = out[y];
            }
        }
    });
    if nz > 1 && radius[2] > 0 {
        let planes: Vec<Vec<f32>> = (0..ny)
            .into_par_iter()
            .map(|y| {
                let mut plane = vec![0.0; nx * nz];
                let mut line = vec![0.0; nz];
                for x in 0..nx {
                    for (z, value) in line.iter_mut().enumerate() {
                        *value = field[(z * ny + y) * nx + x];
                    }
                    along(&line, radius[2], &mut plane[x * nz..(x + 1) * nz]);
                }
                plane
            })
            .collect();
        field.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
            for (y, row) in slice.chunks_mut(nx).enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    *value = planes[y][x * nz + z];
                }
            }
        });
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scatter(seed: u64, count: usize, share: f64) -> Vec<bool> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) as f64) / f64::from(1_u32 << 31) < share
            })
            .collect()
    }

    #[test]
    fn distances_are_those_of_brute_force() {
        let grid = Grid { size: [13, 11, 9], spacing_mm: [0.7, 0.9, 2.5] };
        let mask = scatter(7, grid.len(), 0.02);
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
            for (near, far) in distance2_within(&grid, limit_mm, |index| mask[index]).into_iter().zip(&found)
            {
                let expected = if *far <= limit_mm * limit_mm { *far } else { f32::INFINITY };
                assert!(near == expected || (near - expected).abs() < 1e-4, "{near} against {expected}");
            }
        }
    }

    /// A picture is one slice; diagonal contact joins only under corner connectivity.
    #[test]
    fn components_of_a_picture() {
        let picture = "##..#\n..#..\n....#\n#####\n.....";
        let cells: Vec<bool> = picture.lines().flat_map(|line| line.chars().map(|c| c == '#')).collect();
        let grid = Grid { size: [5, 5, 1], spacing_mm: [1.0; 3] };
        assert_eq!(components(&grid, Connectivity::Face, |i| cells[i]).1, [0, 2, 1, 1, 6]);
        assert_eq!(components(&grid, Connectivity::Corner, |i| cells[i]).1, [0, 3, 1, 6]);
    }

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

    /// Distances and components are those of SimpleITK and cc3d; where `APATITE_ORACLE` is set.
    #[test]
    fn other_libraries_find_the_same_distances_and_components() {
        if std::env::var_os("APATITE_ORACLE").is_none() {
            return;
        }
        let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = std::env::temp_dir().join(format!("apatite-grid-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let grid = Grid { size: [61, 47, 39], spacing_mm: [0.7, 0.9, 2.5] };
        for (seed, share) in [(3, 0.002), (5, 0.08), (11, 0.3)] {
            let mask = scatter(seed, grid.len(), share);
            let labels = |connectivity| {
                let (labels, _) = components(&grid, connectivity, |cell| mask[cell]);
                labels.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
            };
            let distances = distance2(&grid, |cell| mask[cell]);
            let head = serde_json::json!({ "size": grid.size, "spacing_mm": grid.spacing_mm });
            for (name, bytes) in [
                ("grid.json", head.to_string().into_bytes()),
                ("mask.u8", mask.iter().map(|&on| u8::from(on)).collect()),
                ("distance2.f32", distances.into_iter().flat_map(f32::to_le_bytes).collect()),
                ("face.u32", labels(Connectivity::Face)),
                ("corner.u32", labels(Connectivity::Corner)),
            ] {
                std::fs::write(folder.join(name), bytes).unwrap();
            }
            let python = std::env::var_os("APATITE_PYTHON").unwrap_or_else(|| "python3".into());
            let output = std::process::Command::new(python)
                .arg(project.join("tests/oracle/ct_agreement.py"))
                .arg("grid")
                .arg(&folder)
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "share {share}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
