//! A box cut out of the volume around one lesion: its HU and its mask.

use apatite_volume::Volume;

use crate::grid::Grid;
use crate::grid::Run;

pub(crate) struct Patch {
    /// Voxel of the volume at the first voxel of the patch.
    pub(crate) low: [usize; 3],
    pub(crate) grid: Grid,
    pub(crate) hu: Vec<i16>,
    pub(crate) mask: Vec<bool>,
}

impl Patch {
    /// The box around `runs` widened by `margin_mm` and clipped to the volume.
    pub(crate) fn around(volume: &Volume, runs: &[Run], margin_mm: f64) -> Self {
        let spacing_mm = volume.geometry.spacing_mm();
        let (mut low, mut high) = bounds(runs);
        for axis in 0..3 {
            let margin = (margin_mm / spacing_mm[axis]).ceil() as usize;
            low[axis] = low[axis].saturating_sub(margin);
            high[axis] = (high[axis] + margin).min(volume.size[axis]);
        }
        let size: [usize; 3] = std::array::from_fn(|axis| high[axis] - low[axis]);
        let grid = Grid { size, spacing_mm };
        let mut hu = Vec::with_capacity(grid.len());
        for slice in low[2]..high[2] {
            for row in low[1]..high[1] {
                let start = volume.index([low[0], row, slice]);
                hu.extend_from_slice(&volume.values[start..start + size[0]]);
            }
        }
        let mut mask = vec![false; grid.len()];
        for run in runs {
            let start = grid.index([
                run.start as usize - low[0],
                run.row as usize - low[1],
                run.slice as usize - low[2],
            ]);
            mask[start..start + run.len()].fill(true);
        }
        Self { low, grid, hu, mask }
    }

    /// Voxel of the volume at a position in the patch.
    pub(crate) fn voxel(&self, cell: usize) -> [usize; 3] {
        let position = self.grid.position(cell);
        std::array::from_fn(|axis| self.low[axis] + position[axis])
    }

    /// Runs of a mask on the grid of the patch, in the order of the volume.
    pub(crate) fn runs(&self, mask: &[bool]) -> Vec<Run> {
        let mut runs = Vec::new();
        let width = self.grid.size[0];
        for (line, row) in mask.chunks(width).enumerate() {
            let (y, z) = (line % self.grid.size[1], line / self.grid.size[1]);
            let mut at = 0;
            while at < width {
                if !row[at] {
                    at += 1;
                    continue;
                }
                let start = at;
                while at < width && row[at] {
                    at += 1;
                }
                runs.push(Run {
                    slice: (self.low[2] + z) as u32,
                    row: (self.low[1] + y) as u32,
                    start: (self.low[0] + start) as u32,
                    end: (self.low[0] + at) as u32,
                });
            }
        }
        runs
    }
}

/// First and one past the last voxel of runs along each axis.
pub(crate) fn bounds(runs: &[Run]) -> ([usize; 3], [usize; 3]) {
    let (mut low, mut high) = ([usize::MAX; 3], [0; 3]);
    for run in runs {
        let (first, last) = ([run.start, run.row, run.slice], [run.end, run.row + 1, run.slice + 1]);
        for axis in 0..3 {
            low[axis] = low[axis].min(first[axis] as usize);
            high[axis] = high[axis].max(last[axis] as usize);
        }
    }
    (low, high)
}
