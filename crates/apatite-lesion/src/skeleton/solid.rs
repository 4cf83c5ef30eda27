//! What is dense and what it encloses.

use rayon::prelude::*;

use crate::grid::{Connectivity, Grid, components};
use crate::scan::Coarse;

/// Marrow at most this large (ml) is enclosed by bone; a larger enclosed space is a body cavity (skull).
const MARROW_ML: f64 = 250.0;
/// A hole in one axial slice at most this large (mm²) is filled.
const HOLE_MM2: f64 = 700.0;

/// Dense cells and what they enclose: `Dense`, `Enclosed` or nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Solid {
    Outside,
    Dense,
    Enclosed,
}

pub(super) fn solid(coarse: &Coarse, dense: &[bool]) -> Vec<Solid> {
    let grid = &coarse.grid;
    let mut grown = dense.to_vec();
    for cell in (0..grid.len()).filter(|&cell| dense[cell]) {
        grid.neighbours6(cell, |other| grown[other] = true);
    }
    let filled = |wall: &[bool]| {
        let mut inner = enclosed(grid, coarse, wall);
        fill_slices(grid, coarse, wall, &mut inner);
        inner
    };
    // trabecular bone about as dense as the limit is speckled: growing leaves nothing of its pockets
    let (inner, pockets) = rayon::join(|| filled(&grown), || filled(dense));
    (0..grid.len())
        .into_par_iter()
        .map(|cell| {
            if dense[cell] {
                return Solid::Dense;
            }
            let mut near = inner[cell] || pockets[cell];
            if !near && grown[cell] {
                // the ring that growing took from the space
                grid.neighbours26(cell, |other| near |= inner[other]);
            }
            if near { Solid::Enclosed } else { Solid::Outside }
        })
        .collect()
}

/// Spaces of at most [`MARROW_ML`] that `wall` encloses.
fn enclosed(grid: &Grid, coarse: &Coarse, wall: &[bool]) -> Vec<bool> {
    let (labels, counts) = components(grid, Connectivity::Face, |cell| !wall[cell]);
    // how much of the surface of each space is wall, and how much is the edge of the field
    let mut walls = vec![0_usize; counts.len()];
    let mut edges = vec![0_usize; counts.len()];
    let mut sums = vec![0.0_f64; counts.len()];
    let most = (MARROW_ML * 1000.0 / grid.cell_mm3()) as usize;
    for (cell, &label) in labels.iter().enumerate() {
        if label == 0 || counts[label as usize] > most {
            continue;
        }
        let mut present = 0;
        grid.neighbours6(cell, |other| {
            present += 1;
            walls[label as usize] += usize::from(wall[other]);
        });
        edges[label as usize] += 6 - present;
        sums[label as usize] += f64::from(coarse.mean[cell]);
    }
    let kept: Vec<bool> = (0..counts.len())
        .map(|label| {
            label > 0
                && counts[label] <= most
                && edges[label] * 4 <= walls[label]
                && sums[label] / counts[label] as f64 > -250.0
        })
        .collect();
    labels.iter().map(|&label| kept[label as usize]).collect()
}

/// Fills small holes of every axial slice: marrow that leaks through a thin or open cortex elsewhere.
fn fill_slices(grid: &Grid, coarse: &Coarse, grown: &[bool], inner: &mut [bool]) {
    let plane = Grid { size: [grid.size[0], grid.size[1], 1], spacing_mm: grid.spacing_mm };
    let area = grid.spacing_mm[0] * grid.spacing_mm[1];
    let most = (HOLE_MM2 / area) as usize;
    inner.par_chunks_mut(plane.len()).enumerate().for_each(|(z, inner)| {
        let start = z * plane.len();
        let (labels, counts) = components(&plane, Connectivity::Face, |cell| !grown[start + cell]);
        let mut open = vec![false; counts.len()];
        let mut sums = vec![0.0_f64; counts.len()];
        for (y, row) in labels.chunks(plane.size[0]).enumerate() {
            let ends = [row[0], row[row.len() - 1]];
            let border = if y == 0 || y + 1 == plane.size[1] { row } else { &ends };
            border.iter().for_each(|&label| open[label as usize] = true);
        }
        for (cell, &label) in labels.iter().enumerate() {
            sums[label as usize] += f64::from(coarse.mean[start + cell]);
        }
        for (cell, &label) in labels.iter().enumerate() {
            let at = label as usize;
            if label > 0 && !open[at] && counts[at] <= most && sums[at] / counts[at] as f64 > -250.0 {
                inner[cell] = true;
            }
        }
    });
}
