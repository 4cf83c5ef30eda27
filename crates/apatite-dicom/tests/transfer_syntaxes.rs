//! Every transfer syntax against its uncompressed reference: lossless ones bit by bit, lossy ones within a bound.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "these are tests"
)]

use std::path::{Path, PathBuf};

use apatite_dicom::{Picture, Source};

/// Largest and mean difference that a lossy file may show.
#[derive(Clone, Copy)]
enum Bound {
    Same,
    Within { largest: i64, mean: f64 },
}

fn pictures(path: &Path) -> Vec<Picture> {
    let study =
        Source::open(&[path.to_path_buf()]).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let series = &study.series[0];
    (0..series.slices)
        .map(|index| series.picture(index).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .collect()
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

fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The shared data, where this machine has it.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
    }
    path.exists().then_some(path)
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
        check(&own(), file, reference, Bound::Same);
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
