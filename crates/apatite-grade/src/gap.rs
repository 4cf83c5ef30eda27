//! Distances between bones that a lesion narrows, on a mask that tells the bones apart.

use std::collections::BTreeMap;

use apatite_volume::Labels;
use serde::Serialize;

/// How far a lesion has narrowed the way from one bone to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BoneGap {
    /// Label of the lesion.
    pub lesion: u16,
    /// The bone nearest to it (its value in the mask).
    pub bone: u16,
    /// Distance to that bone, mm, surface to surface; 0 where they touch.
    pub to_bone_mm: f64,
    /// The nearest other bone; none where the mask has one bone only.
    pub opposing_bone: Option<u16>,
    /// Distance to the other bone, mm.
    pub to_opposing_mm: Option<f64>,
}

/// Voxels of one surface that are compared at most; the others are skipped evenly.
const MOST_POINTS: usize = 3000;

/// For every label of `lesions` the distances to the two nearest bones of `bones` (each bone a label of its own, on the
/// same grid). Empty where the masks lie on different grids.
///
/// Distances are between the centres of surface voxels less one voxel, so that what touches has distance 0; they are
/// right to about half a voxel.
#[must_use]
pub fn bone_gaps(lesions: &Labels, bones: &Labels) -> Vec<BoneGap> {
    if bones.size != lesions.size || bones.values.len() != lesions.values.len() {
        return Vec::new();
    }
    let voxel_mm = lesions.geometry.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
    let bones = surfaces(bones);
    let mut gaps = Vec::new();
    for (lesion, own) in surfaces(lesions) {
        let mut near: Vec<(f64, u16)> = bones
            .iter()
            .map(|(&bone, surface)| ((nearest(&own, surface) - voxel_mm).max(0.0), bone))
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if let Some(&(to_bone_mm, bone)) = near.first() {
            let other = near.get(1);
            gaps.push(BoneGap {
                lesion,
                bone,
                to_bone_mm,
                opposing_bone: other.map(|other| other.1),
                to_opposing_mm: other.map(|other| other.0),
            });
        }
    }
    gaps
}

/// Patient coordinates of the surface voxels of each label, mm.
fn surfaces(labels: &Labels) -> BTreeMap<u16, Vec<[f64; 3]>> {
    let [columns, rows, slices] = labels.size;
    let steps = [1, columns, columns * rows];
    let mut surfaces: BTreeMap<u16, Vec<[f64; 3]>> = BTreeMap::new();
    for (index, &label) in labels.values.iter().enumerate().filter(|(_, label)| **label != 0) {
        let voxel = [index % columns, index / columns % rows, index / columns / rows];
        let inside = (0..3).all(|axis| {
            voxel[axis] > 0
                && voxel[axis] + 1 < [columns, rows, slices][axis]
                && labels.values[index - steps[axis]] == label
                && labels.values[index + steps[axis]] == label
        });
        if !inside {
            let point = labels.geometry.patient_from_voxel(voxel.map(|axis| axis as f64));
            surfaces.entry(label).or_default().push(point);
        }
    }
    surfaces
}

/// Shortest distance between two sets of points: a coarse pass over some, then all near the best.
fn nearest(a: &[[f64; 3]], b: &[[f64; 3]]) -> f64 {
    let thin = |points: &[[f64; 3]]| -> Vec<[f64; 3]> {
        points.iter().step_by(points.len().div_ceil(MOST_POINTS).max(1)).copied().collect()
    };
    let square = |a: &[f64; 3], b: &[f64; 3]| (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>();
    let closest = |a: &[[f64; 3]], b: &[[f64; 3]]| {
        let mut best = (f64::INFINITY, [0.0; 3], [0.0; 3]);
        for p in a {
            for q in b {
                let distance = square(p, q);
                if distance < best.0 {
                    best = (distance, *p, *q);
                }
            }
        }
        best
    };
    let rough = closest(&thin(a), &thin(b));
    if a.len() <= MOST_POINTS && b.len() <= MOST_POINTS {
        return rough.0.sqrt();
    }
    const ABOUT_MM2: f64 = 225.0;
    let about = |points: &[[f64; 3]], centre: &[f64; 3]| -> Vec<[f64; 3]> {
        points.iter().filter(|point| square(point, centre) < ABOUT_MM2).copied().collect()
    };
    closest(&about(a, &rough.1), &about(b, &rough.2)).0.min(rough.0).sqrt()
}
