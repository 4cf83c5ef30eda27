//! Regular grids of cells: distances, connected components, filters. Everything runs columns fastest.

mod distance;
mod filter;

use apatite_volume::{index_of, voxel_at};
use rayon::prelude::*;

pub(crate) use distance::{deepest_first, distance2, distance2_within};
pub(crate) use filter::{box_max, box_mean};

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

    pub(crate) fn index(&self, position: [usize; 3]) -> usize {
        index_of(self.size, position)
    }

    pub(crate) fn position(&self, index: usize) -> [usize; 3] {
        voxel_at(self.size, index)
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

/// Rows taken out of a field at once by [`across_slices`]: their copy stays small beside the field.
const ROWS_AT_ONCE: usize = 32;

/// Applies `change` to every plane of a field that lies across its slices: rows of cells, one of each slice, in order.
fn across_slices(field: &mut [f32], [nx, ny, nz]: [usize; 3], change: impl Fn(&mut [f32]) + Sync) {
    for first in (0..ny).step_by(ROWS_AT_ONCE) {
        let rows = first..(first + ROWS_AT_ONCE).min(ny);
        let planes: Vec<Vec<f32>> = rows
            .into_par_iter()
            .map(|y| {
                let mut plane = Vec::with_capacity(nx * nz);
                for slice in field.chunks(nx * ny) {
                    plane.extend_from_slice(&slice[y * nx..(y + 1) * nx]);
                }
                change(&mut plane);
                plane
            })
            .collect();
        field.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
            for (row, plane) in slice[first * nx..].chunks_mut(nx).zip(&planes) {
                row.copy_from_slice(&plane[z * nx..(z + 1) * nx]);
            }
        });
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
    mask: impl Fn(usize) -> bool + Sync,
) -> (Vec<u32>, Vec<usize>) {
    let [width, rows, slices] = grid.size;
    let of_slice = |slice: usize| {
        let mut runs = Vec::new();
        for row in 0..rows {
            let start = (slice * rows + row) * width;
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
                runs.push(Run { slice: slice as u32, row: row as u32, start: first as u32, end: at as u32 });
            }
        }
        runs
    };
    let runs = (0..slices).into_par_iter().flat_map_iter(of_slice).collect::<Vec<_>>();
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

/// The connected parts of runs (26 neighbours), in order of their first run.
pub(crate) fn parts(runs: &[Run]) -> Vec<Vec<Run>> {
    let (labels, count) = label_runs(runs, Connectivity::Corner);
    let mut parts = vec![Vec::new(); count];
    for (run, label) in runs.iter().zip(labels) {
        parts[label as usize].push(*run);
    }
    parts
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

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn scatter(seed: u64, count: usize, share: f64) -> Vec<bool> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) as f64) / f64::from(1_u32 << 31) < share
            })
            .collect()
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

    /// Distances and components are those of SimpleITK and cc3d; where `APATITE_ORACLE` is set.
    #[test]
    fn other_libraries_find_the_same_distances_and_components() {
        if std::env::var_os("APATITE_ORACLE").is_none() {
            return;
        }
        let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let own = tempfile::tempdir().unwrap();
        let folder = own.path();
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
                .arg(folder)
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "share {share}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}
