//! The finding on a few phantoms of each region, so that a change that loses or invents lesions shows. The whole trial is
//! `examples/phantoms.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use apatite_lesion::{Kind, Options, analyse};
use apatite_phantom::make;

/// Lesions below this many mm³ are not counted as missed.
const COUNTED_MM3: f64 = 20.0;

/// Of the lesions of the phantom at least `least` are found, and at most `most_false` lesions are false.
fn check(pattern: &str, seed: u64, least: usize, most_false: usize) {
    let options = apatite_phantom::Options { seed, size: Some([176, 176, 110]), ..Default::default() };
    let phantom = make(pattern, &options).unwrap();
    let analysis = analyse(&phantom.volume, &Options::default(), &|_, _| {}).unwrap();
    let is_calcification = |label: u16| {
        analysis
            .lesions
            .iter()
            .any(|lesion| lesion.id == label && matches!(lesion.kind, Kind::Calcification | Kind::Vascular))
    };
    let pairs: BTreeSet<(u16, u16)> = phantom
        .truth
        .values
        .iter()
        .copied()
        .zip(analysis.labels.values.iter().copied())
        .filter(|&(truth, label)| truth > 0 && label > 0)
        .collect();
    let counted = phantom.lesions.iter().filter(|lesion| lesion.volume_mm3 >= COUNTED_MM3);
    let found = counted
        .clone()
        .filter(|lesion| pairs.iter().any(|&(truth, label)| truth == lesion.id && is_calcification(label)))
        .count();
    let invented = analysis
        .lesions
        .iter()
        .filter(|lesion| is_calcification(lesion.id) && !pairs.iter().any(|pair| pair.1 == lesion.id))
        .count();
    let of = counted.count();
    assert!(
        found >= least && invented <= most_false,
        "{pattern} {seed}: {found} of {of} found, {invented} false; expected are {least} and at most {most_false}"
    );
}

#[test]
fn thigh() {
    check("cysticercosis", 1, 20, 1);
    check("vascular_calcification", 1, 1, 1);
}

#[test]
fn hip() {
    check("tumoral_calcinosis_levels", 1, 1, 1);
}

#[test]
fn knee() {
    check("normal_knee", 1, 0, 0);
}

#[test]
fn shoulder() {
    check("normal_shoulder", 1, 0, 0);
}

/// The gap of a hip ossification is that of the shapes the phantom is made of, over seeds with a spur, two spurs that
/// nearly meet, a bridge, and an island that leaves none.
#[test]
fn gap_of_hip_ossification() {
    let mut worst: f64 = 0.0;
    for seed in [2, 4, 7, 25, 31, 46] {
        let options = apatite_phantom::Options { seed, ..Default::default() };
        let phantom = make("hip_ossification_prosthesis", &options).unwrap();
        let analysis = analyse(&phantom.volume, &Options::default(), &|_, _| {}).unwrap();
        match (phantom.opposing_gap_mm, &analysis.gap) {
            (None, None) => {}
            (Some(truth), Some(gap)) => {
                let off = (gap.mm - truth).abs();
                worst = worst.max(off);
                assert!(off <= gap.uncertainty_mm, "seed {seed}: {gap:?} where {truth:.2} mm is true");
                // the ends are where its length says
                let between = (0..3).map(|k| (gap.ends_mm[1][k] - gap.ends_mm[0][k]).powi(2)).sum::<f64>();
                assert!((between.sqrt() - gap.mm).abs() < 1e-6, "seed {seed}: {gap:?}");
            }
            (truth, gap) => panic!("seed {seed}: {gap:?} where {truth:?} mm is true"),
        }
    }
    assert!(worst < 0.6, "off by up to {worst:.2} mm");
}

/// The gap of a spur against the distance of the masks of the truth, voxel by voxel, which know no threshold, blur or
/// half contrast: their surfaces lie up to a voxel beyond the middles of their outermost voxels.
#[test]
fn gap_against_the_masks_of_the_truth() {
    for seed in [4, 32] {
        let options = apatite_phantom::Options { seed, ..Default::default() };
        let phantom = make("hip_ossification_prosthesis", &options).unwrap();
        let gap = analyse(&phantom.volume, &Options::default(), &|_, _| {}).unwrap().gap.unwrap();
        let spacing = phantom.volume.geometry.spacing_mm();
        let [columns, rows, slices] = phantom.volume.size;
        let surface = |labels: &[u16], wanted: u16| -> Vec<[f64; 3]> {
            let mut points = Vec::new();
            for index in (0..labels.len()).filter(|&index| labels[index] == wanted) {
                let at = [index % columns, index / columns % rows, index / columns / rows];
                let steps = [1, columns, columns * rows];
                let inside = (0..3).all(|axis| {
                    at[axis] > 0
                        && at[axis] + 1 < [columns, rows, slices][axis]
                        && labels[index - steps[axis]] == wanted
                        && labels[index + steps[axis]] == wanted
                });
                if !inside {
                    points.push(std::array::from_fn(|axis| at[axis] as f64 * spacing[axis]));
                }
            }
            points
        };
        let [spur] = phantom.lesions.as_slice() else { panic!("seed {seed}: one spur was meant") };
        let spur = surface(&phantom.truth.values, spur.id);
        // the bone it is not on
        let masks = [1, 2].map(|bone| {
            let bone = surface(&phantom.bones.values, bone);
            let mut least = f64::INFINITY;
            for p in spur.iter().step_by(2) {
                for q in &bone {
                    let square: f64 = (0..3).map(|k| (p[k] - q[k]) * (p[k] - q[k])).sum();
                    least = if square < least { square } else { least };
                }
            }
            least.sqrt()
        });
        let masks = masks[0].max(masks[1]);
        let edge = spacing.into_iter().fold(0.0, f64::max);
        assert!(
            gap.mm < masks + 0.2 * edge && gap.mm > masks - 2.0 * edge,
            "seed {seed}: {:.2} mm, between the masks {masks:.2} mm",
            gap.mm
        );
    }
}
