//! Every transfer syntax against its uncompressed reference: lossless ones bit by bit, lossy ones within a bound.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "these are tests"
)]

mod common;

use std::path::Path;

use apatite_dicom::{Picture, Source, read_pictures};
use common::{own, shared};

/// Largest and mean difference that a lossy file may show.
#[derive(Clone, Copy)]
enum Bound {
    Same,
    Within { largest: i64, mean: f64 },
}

fn pictures(path: &Path) -> Vec<Picture> {
    read_pictures(path).unwrap_or_else(|error| panic!("{error}"))
}

fn values(picture: &Picture) -> Vec<i64> {
    let mask = (1u32 << picture.bits_stored) - 1;
    let sign = |value: i64| {
        let negative = picture.signed && value >> (picture.bits_stored - 1) == 1;
        if negative { value - (1 << picture.bits_stored) } else { value }
    };
    picture.samples.iter().map(|&sample| sign(i64::from(u32::from(sample) & mask))).collect()
}

fn check(folder: &Path, file: &str, reference: &str, bound: Bound) {
    let (ours, theirs) = (pictures(&folder.join(file)), pictures(&folder.join(reference)));
    assert_eq!(ours.len(), theirs.len(), "{file}: number of frames");
    for (one, two) in ours.iter().zip(&theirs) {
        let size = |picture: &Picture| (picture.columns, picture.rows, picture.samples_per_pixel);
        assert_eq!(size(one), size(two), "{file}");
        let differences: Vec<i64> =
            values(one).iter().zip(values(two)).map(|(one, two)| (one - two).abs()).collect();
        let largest = differences.iter().copied().max().unwrap_or(0);
        let mean = differences.iter().sum::<i64>() as f64 / differences.len() as f64;
        match bound {
            Bound::Same => assert_eq!(largest, 0, "{file}: differs from {reference}, {mean} on average"),
            Bound::Within { largest: limit, mean: usual } => {
                assert!(
                    largest <= limit && mean <= usual,
                    "{file}: differs by up to {largest}, {mean} on average"
                );
            }
        }
    }
}

#[test]
fn small_files_of_every_lossless_syntax() {
    for (file, reference) in [
        ("MR_small_implicit.dcm", "MR_small.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("MR_small_padded.dcm", "MR_small.dcm"),
        ("emri_small_RLE.dcm", "emri_small.dcm"),
        ("emri_small_big_endian.dcm", "emri_small.dcm"),
        ("emri_small_jpeg_2k_lossless.dcm", "emri_small.dcm"),
        ("emri_small_jpeg_ls_lossless.dcm", "emri_small.dcm"),
    ] {
        check(&own(""), file, reference, Bound::Same);
    }
}

#[test]
fn the_slice_in_fifteen_encodings() {
    let Some(folder) = shared("dicom-transfer-syntaxes/ct-slice-15-encodings") else { return };
    let name = |middle: &str| format!("CTImage.dcm_{middle}.dcm");
    let reference = name("LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1");
    for file in [
        "LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2",
        "BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2",
        "DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99",
        "RLELosslessTransferSyntax_1.2.840.10008.1.2.5",
        "JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57",
        "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70",
        "JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80",
        "JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90",
    ] {
        check(&folder, &name(file), &reference, Bound::Same);
    }
    let near = name("JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81");
    check(&folder, &near, &reference, Bound::Within { largest: 1, mean: 1.0 });
    let lossy = name("JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91");
    check(&folder, &lossy, &reference, Bound::Within { largest: 5, mean: 1.0 });
}

#[test]
fn high_throughput_jpeg_2000() {
    let Some(folder) = shared("dicom-transfer-syntaxes/htj2k") else { return };
    for name in ["CT1", "CT2", "MR1", "MR3"] {
        check(&folder, &format!("{name}_JPH.dcm"), &format!("{name}_UNC.dcm"), Bound::Same);
    }
    for name in ["RG3_JPH.dcm", "US1_JPH.dcm"] {
        assert!(pictures(&folder.join(name))[0].samples.iter().any(|&sample| sample > 0), "{name}");
    }
}

#[test]
fn retired_syntaxes_are_refused_by_name() {
    let Some(folder) = shared("dicom-transfer-syntaxes/ct-slice-15-encodings") else { return };
    for file in [
        "JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55",
        "JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53",
    ] {
        let path = folder.join(format!("CTImage.dcm_{file}.dcm"));
        let error = Source::open(&[path]).expect_err("retired").to_string();
        assert!(error.contains("retired") && error.contains("1.2.840.10008.1.2.4.5"), "{error}");
    }
}

#[test]
fn masks_of_single_bits_in_every_syntax() {
    let compressed = [
        ("liver_deflate.dcm", "liver_j2k.dcm"),
        ("liver_rle.dcm", "liver_j2k.dcm"),
        ("liver_nonbyte_aligned_deflate.dcm", "liver_nonbyte_aligned_j2k.dcm"),
        ("liver_nonbyte_aligned_rle.dcm", "liver_nonbyte_aligned_j2k.dcm"),
    ];
    for (file, reference) in compressed {
        check(&own(""), file, reference, Bound::Same);
    }
    let inside: usize = pictures(&own("liver_j2k.dcm"))
        .iter()
        .map(|picture| picture.samples.iter().filter(|&&bit| bit == 1).count())
        .sum();
    assert!(inside > 1000, "{inside} voxels of liver");
    let Some(folder) = shared("dicom-transfer-syntaxes/pydicom-data") else { return };
    for name in ["liver", "liver_nonbyte_aligned"] {
        check(&folder, &format!("{name}_j2k.dcm"), &format!("{name}.dcm"), Bound::Same);
    }
    check(&folder, "liver_expb.dcm", "liver.dcm", Bound::Same);
}

#[test]
fn lossy_jpeg_keeps_the_picture() {
    let Some(folder) = shared("dicom-transfer-syntaxes/ct-slice-15-encodings") else { return };
    let scaled = |file: &str| -> Vec<f64> {
        let picture = &pictures(&folder.join(file))[0];
        let numbers = values(picture);
        let low = numbers.iter().min().copied().unwrap_or(0) as f64;
        let high = numbers.iter().max().copied().unwrap_or(0) as f64;
        numbers.iter().map(|&value| (value as f64 - low) / (high - low)).collect()
    };
    let reference = scaled("CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm");
    for file in [
        "CTImage.dcm_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm",
        "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm",
    ] {
        // these two were rescaled when they were made: correlation is what they keep
        let correlation = correlation(&reference, &scaled(file));
        assert!(correlation > 0.99, "{file}: {correlation}");
    }
}

fn correlation(one: &[f64], two: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(one), mean(two));
    let sum = |f: &dyn Fn(f64, f64) -> f64| one.iter().zip(two).map(|(&x, &y)| f(x - a, y - b)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

#[test]
fn colour_and_near_lossless_files_decode() {
    for (file, components) in [
        ("SC_rgb_jls_lossy_line.dcm", 3),
        ("SC_rgb_jls_lossy_sample.dcm", 3),
        ("JPEGLSNearLossless_08.dcm", 1),
        ("JPEGLSNearLossless_16.dcm", 1),
        ("JPGExtended.dcm", 1),
    ] {
        let picture = &pictures(&own(file))[0];
        assert_eq!(picture.samples_per_pixel, components, "{file}");
        assert!(picture.samples.iter().any(|sample| *sample != picture.samples[0]), "{file} is flat");
    }
    // both interleave modes were made of one image with the same tolerance of 3
    let line = values(&pictures(&own("SC_rgb_jls_lossy_line.dcm"))[0]);
    let sample = values(&pictures(&own("SC_rgb_jls_lossy_sample.dcm"))[0]);
    assert!(line.iter().zip(&sample).all(|(one, two)| (one - two).abs() <= 6));
}
