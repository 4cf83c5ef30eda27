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
