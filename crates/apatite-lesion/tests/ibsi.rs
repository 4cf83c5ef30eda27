//! Radiomics features against the consensus values of IBSI's digital phantom.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Read;

use apatite_lesion::radiomics::{Region, cooccurrence, intensity, morphology};

/// Size, spacing and values of a gzipped little-endian NIfTI-1 file.
fn nifti(name: &str) -> ([usize; 3], [f64; 3], Vec<f64>) {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    let short = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let float = |at: usize| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let size: [usize; 3] = std::array::from_fn(|axis| short(42 + 2 * axis) as usize);
    let spacing = std::array::from_fn(|axis| f64::from(float(80 + 4 * axis)));
    let start = float(108) as usize;
    let values = (0..size.iter().product()).map(|at: usize| match short(70) {
        2 => f64::from(bytes[start + at]),
        4 => f64::from(short(start + 2 * at)),
        8 => f64::from(i32::from_le_bytes(bytes[start + 4 * at..start + 4 * at + 4].try_into().unwrap())),
        16 => f64::from(float(start + 4 * at)),
        64 => f64::from_le_bytes(bytes[start + 8 * at..start + 8 * at + 8].try_into().unwrap()),
        other => panic!("data type {other}"),
    });
    (size, spacing, values.collect())
}

#[test]
fn features_agree_with_the_reference_values() {
    let (size, spacing_mm, values) = nifti("ibsi-phantom.nii.gz");
    let (_, _, mask) = nifti("ibsi-mask.nii.gz");
    let region =
        Region { size, spacing_mm, values, mask: mask.into_iter().map(|value| value > 0.5).collect() };
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for feature in
        [morphology(&region), intensity(&region), cooccurrence(&region)].into_iter().flatten().flatten()
    {
        found.insert(feature.name, feature.value);
    }
    let reference = include_str!("data/ibsi-reference-values.csv");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in reference.lines().skip(1) {
        let [value, tolerance, tag] = line.split(';').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (value, tolerance): (f64, f64) = (value.parse().unwrap(), tolerance.parse().unwrap());
        match found.get(tag) {
            // values are printed to three figures, so half of the last is allowed even where the tolerance is zero
            Some(&own) if (own - value).abs() <= tolerance + 0.0051 * value.abs() => checked += 1,
            Some(&own) => wrong.push(format!("{tag}: {own} against {value} ± {tolerance}")),
            None => wrong.push(format!("{tag} is missing")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(checked, found.len(), "every feature has a reference value");
}
