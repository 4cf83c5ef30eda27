/*! Where the lesions lie: which slices they are on, and which images of the source show those slices. */

use std::collections::BTreeMap;

use apatite_dicom::{Origin, OriginImage};
use apatite_lesion::{Analysis, Lesion};
use apatite_volume::Geometry;

/// A lesion with voxels, and its number among them.
#[derive(Clone, Debug)]
pub(crate) struct Segment<'a> {
    /// SegmentNumber, from 1 without gaps.
    pub(crate) number: u16,
    pub(crate) lesion: &'a Lesion,
    /// Slices it has voxels on, ascending.
    pub(crate) slices: Vec<usize>,
}

/// The lesions that have voxels, in their order.
pub(crate) fn segments(analysis: &Analysis) -> Vec<Segment<'_>> {
    let plane = analysis.labels.size[0] * analysis.labels.size[1];
    let mut on: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (slice, values) in analysis.labels.values.chunks_exact(plane.max(1)).enumerate() {
        for &label in values.iter().filter(|&&label| label != 0) {
            let slices = on.entry(label).or_default();
            if slices.last() != Some(&slice) {
                slices.push(slice);
            }
        }
    }
    let mut segments = Vec::new();
    for lesion in &analysis.lesions {
        if let Some(slices) = on.remove(&lesion.id) {
            segments.push(Segment { number: segments.len() as u16 + 1, lesion, slices });
        }
    }
    segments
}

/// For each slice of the grid the image of the source that has the very same pixels, where there is one: slices of
/// resampled series (tilted gantry, missing slices) have none.
pub(crate) fn sources<'o>(
    origin: &'o Origin,
    size: [usize; 3],
    grid: &Geometry,
) -> Vec<Option<&'o OriginImage>> {
    let spacing = grid.spacing_mm();
    // a hundredth of a pixel: rounding of decimal strings is far below, a resampled slice far above
    let near = |a: [f64; 3], b: [f64; 3]| distance(a, b) < 0.01 * spacing[0].min(spacing[1]);
    (0..size[2])
        .map(|slice| {
            let corner = |column: f64, row: f64| grid.patient_from_voxel([column, row, slice as f64]);
            let [columns, rows] = [size[0] as f64 - 1.0, size[1] as f64 - 1.0];
            origin.images.iter().find(|image| {
                image.size == [size[0], size[1]]
                    && !image.instance_uid.is_empty()
                    && image.plane.is_some_and(|plane| {
                        [[0.0, 0.0], [columns, 0.0], [0.0, rows]].into_iter().all(|[column, row]| {
                            near(corner(column, row), plane.patient_from_voxel([column, row, 0.0]))
                        })
                    })
            })
        })
        .collect()
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}
