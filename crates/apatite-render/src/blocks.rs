//! Lowest and highest values of blocks of voxels, to pass over what cannot be seen.

use apatite_volume::{Volume, index_of};
use rayon::prelude::*;

/// Edge of a block, voxels.
pub(crate) const EDGE: usize = 8;

/// The values that interpolation can give anywhere in each block: its own voxels and the next layer.
#[derive(Debug)]
pub(crate) struct Blocks {
    pub(crate) size: [usize; 3],
    pub(crate) low: Vec<i16>,
    pub(crate) high: Vec<i16>,
}

impl Blocks {
    pub(crate) fn new(volume: &Volume) -> Self {
        let size = volume.size.map(|count| count.div_ceil(EDGE).max(1));
        let ends: Vec<(i16, i16)> = (0..size[1] * size[2])
            .into_par_iter()
            .flat_map_iter(|line| row_of_blocks(volume, size[0], [line % size[1], line / size[1]]))
            .collect();
        let (low, high) = ends.into_iter().unzip();
        Self { size, low, high }
    }

    pub(crate) fn index(&self, block: [usize; 3]) -> usize {
        index_of(self.size, block)
    }
}

/// The blocks along columns at one place of rows and slices.
fn row_of_blocks(volume: &Volume, count: usize, [block_row, block_slice]: [usize; 2]) -> Vec<(i16, i16)> {
    let [columns, rows, slices] = volume.size;
    let range = |block: usize, count: usize| block * EDGE..(block * EDGE + EDGE + 1).min(count);
    let mut low = vec![i16::MAX; columns];
    let mut high = vec![i16::MIN; columns];
    for slice in range(block_slice, slices) {
        for row in range(block_row, rows) {
            let start = volume.index([0, row, slice]);
            let line = &volume.values[start..start + columns];
            for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(line) {
                *low = (*low).min(value);
                *high = (*high).max(value);
            }
        }
    }
    (0..count)
        .map(|block| {
            let part = range(block, columns);
            let low = low[part.clone()].iter().copied().min().unwrap_or(i16::MIN);
            (low, high[part].iter().copied().max().unwrap_or(i16::MAX))
        })
        .collect()
}
