use apatite_volume::Labels;
use rayon::prelude::*;

use crate::vector::{Vector, along, eigenvectors, sub};
use crate::{Plane, RenderError};

/// The labelled parts of a volume, found once and used for outlines, planes and surfaces.
#[derive(Clone, Debug)]
pub struct Regions<'a> {
    pub(crate) labels: &'a Labels,
    list: Vec<Region>,
}

/// The voxels of one label.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The label.
    pub label: u16,
    /// Number of voxels.
    pub voxels: usize,
    /// Lowest and highest column, row and slice.
    pub voxel_box: [[usize; 3]; 2],
    /// First column, row, slice, and number of voxels along columns.
    pub(crate) runs: Vec<([usize; 3], usize)>,
}

/// Colours that the colour-blind can tell apart (Okabe and Ito), without the black.
const COLOURS: [[u8; 3]; 7] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [213, 94, 0],
    [204, 121, 167],
    [0, 114, 178],
];

/// The colour in which a lesion is drawn everywhere, from its id (1, 2, …).
#[must_use]
pub fn colour_of(label: u16) -> [u8; 3] {
    COLOURS[usize::from(label).wrapping_sub(1) % COLOURS.len()]
}

impl<'a> Regions<'a> {
    /// Finds the parts.
    #[must_use]
    pub fn new(labels: &'a Labels) -> Self {
        let columns = labels.size[0].max(1);
        let runs: Vec<(u16, [usize; 3], usize)> = labels
            .values
            .par_chunks(columns)
            .enumerate()
            .filter(|(_, line)| line.iter().any(|&label| label != 0))
            .flat_map_iter(|(number, line)| {
                let place = [0, number % labels.size[1].max(1), number / labels.size[1].max(1)];
                runs_of(line).map(move |(label, start, length)| (label, [start, place[1], place[2]], length))
            })
            .collect();
        let mut list: Vec<Region> = Vec::new();
        for (label, start, length) in runs {
            let at = match list.binary_search_by_key(&label, |region| region.label) {
                Ok(at) => at,
                Err(at) => {
                    list.insert(at, Region { label, voxels: 0, voxel_box: [start, start], runs: Vec::new() });
                    at
                }
            };
            let region = &mut list[at];
            region.voxels += length;
            for (axis, &from) in start.iter().enumerate() {
                let to = if axis == 0 { from + length - 1 } else { from };
                region.voxel_box[0][axis] = region.voxel_box[0][axis].min(from);
                region.voxel_box[1][axis] = region.voxel_box[1][axis].max(to);
            }
            region.runs.push((start, length));
        }
        Self { labels, list }
    }

    /// The parts by rising label.
    #[must_use]
    pub fn list(&self) -> &[Region] {
        &self.list
    }

    /// The part with a label.
    ///
    /// # Errors
    /// Where there is none.
    pub fn get(&self, label: u16) -> Result<&Region, RenderError> {
        self.list.iter().find(|region| region.label == label).ok_or_else(|| {
            let known: Vec<String> = self.list.iter().map(|region| region.label.to_string()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            RenderError::NoLesion { id: label, known }
        })
    }

    /// The plane through the middle of a part that holds its two longest axes, turned upright.
    ///
    /// # Errors
    /// Where there is no such part.
    pub fn largest_plane(&self, label: u16) -> Result<Plane, RenderError> {
        let region = self.get(label)?;
        let (centre_mm, [_, _, thinnest]) = self.axes(region);
        Plane::facing(thinnest, centre_mm)
    }

    /// The plane of the body through the slice, row or column in which a part is largest. `axis` is that of the volume.
    #[must_use]
    pub fn largest_layer(&self, region: &Region, axis: usize) -> usize {
        let [low, high] = [region.voxel_box[0][axis], region.voxel_box[1][axis]];
        let mut counts = vec![0_usize; high - low + 1];
        for &(start, length) in &region.runs {
            if axis == 0 {
                for count in &mut counts[start[0] - low..start[0] - low + length] {
                    *count += 1;
                }
            } else {
                counts[start[axis] - low] += length;
            }
        }
        // of equals the one nearest to the middle
        let middle = counts.len() / 2;
        let best = (0..counts.len()).max_by_key(|&at| (counts[at], std::cmp::Reverse(at.abs_diff(middle))));
        low + best.unwrap_or(0)
    }

    /// Middle of a part (LPS mm) and its axes, longest first.
    #[must_use]
    pub fn axes(&self, region: &Region) -> ([f64; 3], [[f64; 3]; 3]) {
        let geometry = &self.labels.geometry;
        let mut sum = [0.0; 3];
        for point in region.points(geometry) {
            sum = along(sum, point, 1.0);
        }
        let centre: Vector = sum.map(|value| value / region.voxels.max(1) as f64);
        let mut spread = [[0.0; 3]; 3];
        for point in region.points(geometry) {
            let offset = sub(point, centre);
            for (row, &a) in spread.iter_mut().zip(&offset) {
                for (value, &b) in row.iter_mut().zip(&offset) {
                    *value += a * b;
                }
            }
        }
        // voxels are boxes: a flat part of one layer still has its thickness
        for step in geometry.steps_mm {
            for (row, &a) in spread.iter_mut().zip(&step) {
                for (value, &b) in row.iter_mut().zip(&step) {
                    *value += a * b * region.voxels as f64 / 12.0;
                }
            }
        }
        (centre, eigenvectors(spread))
    }
}

impl Region {
    /// Centres of its voxels, LPS mm.
    pub(crate) fn points<'a>(
        &'a self,
        geometry: &'a apatite_volume::Geometry,
    ) -> impl Iterator<Item = Vector> + 'a {
        self.runs.iter().flat_map(move |&([column, row, slice], length)| {
            (column..column + length)
                .map(move |column| geometry.patient_from_voxel([column, row, slice].map(|at| at as f64)))
        })
    }
}

fn runs_of(line: &[u16]) -> impl Iterator<Item = (u16, usize, usize)> + '_ {
    let mut at = 0;
    line.chunk_by(|a, b| a == b).filter_map(move |run| {
        let start = at;
        at += run.len();
        (run[0] != 0).then_some((run[0], start, run.len()))
    })
}
