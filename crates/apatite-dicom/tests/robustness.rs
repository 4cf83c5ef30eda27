//! Hostile and damaged files: a named problem, never a panic; the rest is read. Archives and directories.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "these are tests"
)]

mod common;

use std::io::Write;

use apatite_dicom::{ReadError, Reason, Source, Warning, read_pictures};
use common::{Folder, Slice, own, shared};
use proptest::prelude::*;

const SEEDS: [&str; 14] = [
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPGExtended.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "image_dfl.dcm",
    "badVR.dcm",
    "liver_rle.dcm",
    "tiny.nii",
];

/// Opens and loads whatever is there; the values do not matter, coming back does.
fn exercise(folder: &Folder) {
    if let Ok(study) = Source::open(&folder.paths()) {
        for series in &study.series {
            let _ = series.load(&|_, _| {});
            let _ = series.picture(0);
        }
    }
    let file = folder.0.path().join("file");
    let _ = read_pictures(&file);
    let grid = apatite_volume::Geometry {
        origin_mm: [0.0; 3],
        steps_mm: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    };
    let _ = apatite_dicom::read_mask(&file, &grid, [4, 4, 4]);
}

fn seed(name: &str) -> Vec<u8> {
    if name == "tiny.nii" {
        let geometry = apatite_volume::Geometry {
            origin_mm: [0.0; 3],
            steps_mm: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        };
        let labels = apatite_volume::Labels { size: [3, 3, 3], values: vec![1; 27], geometry };
        let folder = Folder::new();
        let path = folder.0.path().join("tiny.nii");
        apatite_dicom::write_labels(&path, &labels).unwrap();
        return std::fs::read(path).unwrap();
    }
    std::fs::read(own(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(
        which in 0..SEEDS.len(),
        changes in prop::collection::vec((0.0f64..1.0, any::<u8>(), any::<bool>()), 1..12),
        cut in prop::option::of(0.0f64..1.0),
    ) {
        let mut bytes = seed(SEEDS[which]);
        for (place, value, early) in changes {
            // headers are short: half of all changes fall on the first kilobyte and a half
            let length = if early { bytes.len().min(1500) } else { bytes.len() };
            let at = (place * length as f64) as usize;
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate((cut * bytes.len() as f64) as usize);
        }
        let folder = Folder::new();
        folder.write("file", &bytes);
        exercise(&folder);
    }

    #[test]
    fn noise_behind_a_preamble_never_panics(noise in prop::collection::vec(any::<u8>(), 0..600), explicit in any::<bool>()) {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        bytes.extend(if explicit { &b"\x08\x00\x60\x00CS\x02\x00CT"[..] } else { &b"\x08\x00\x60\x00\x02\x00\x00\x00CT"[..] });
        bytes.extend(noise);
        let folder = Folder::new();
        folder.write("file", &bytes);
        exercise(&folder);
    }
}

fn slices() -> Vec<Slice> {
    (0..6)
        .map(|index| {
            let mut slice =
                Slice::new([0.0, 0.0, index as f64], [5, 4], |x, y| (100 * index + 10 * y + x) as f64);
            slice.instance = index + 1;
            slice
        })
        .collect()
}

#[test]
fn nonsense_beside_a_study_is_named_and_the_study_is_read() {
    let folder = Folder::of(&slices());
    folder.write("notes.txt", b"nothing to see");
    folder.write("empty", b"");
    folder.write("cut.dcm", &slices()[0].bytes()[..300]);
    let study = Source::open(&folder.paths()).unwrap();
    assert_eq!(study.series.len(), 1);
    assert_eq!(study.series[0].slices, 6);
    let reason = |name: &str| {
        study.left_out.iter().find(|left| left.file.ends_with(name)).map(|left| left.reason.clone()).unwrap()
    };
    assert_eq!(reason("notes.txt"), Reason::NotAnImage);
    assert_eq!(reason("empty"), Reason::NotAnImage);
    assert!(matches!(reason("cut.dcm"), Reason::Damaged(problem) if problem.contains("ends inside")));
}

#[test]
fn objects_without_images_are_named() {
    for (file, modality) in [("rtstruct.dcm", "RTSTRUCT"), ("test-SR.dcm", "SR"), ("badVR.dcm", "RTDOSE")] {
        let error = Source::open(&[own(file)]).unwrap_err();
        assert!(
            matches!(&error, ReadError::NoSeries { left_out: 1, example } if example.contains(modality)),
            "{error}"
        );
    }
    let error = Source::open(&[own("MR_truncated.dcm")]).unwrap_err().to_string();
    assert!(error.contains("8130 of 8192 bytes"), "{error}");
}

#[test]
fn a_short_last_frame_leaves_the_others() {
    let path = own("emri_small_jpeg_2k_lossless_too_short.dcm");
    let study = Source::open(&[path]).unwrap();
    let series = &study.series[0];
    assert!(series.warnings.contains(&Warning::NoPosition) && !series.is_volume);
    assert!((0..9).all(|frame| series.picture(frame).is_ok()));
    assert!(series.picture(9).unwrap_err().to_string().contains("frame 10"));
}

#[test]
fn a_zip_a_gzip_and_a_folder_give_the_same_volume() {
    let slices = slices();
    let folder = Folder::of(&slices);
    let other = Folder::new();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(other.0.path().join("study.zip")).unwrap());
    for (index, slice) in slices.iter().enumerate() {
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        archive.start_file(format!("a/{index}"), stored).unwrap();
        archive.write_all(&slice.bytes()).unwrap();
    }
    archive.finish().unwrap();
    let packed = Folder::new();
    for (index, slice) in slices.iter().enumerate() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&slice.bytes()).unwrap();
        packed.write(&format!("{index}.gz"), &packer.finish().unwrap());
    }
    let load = |folder: &Folder| {
        let study = Source::open(&folder.paths()).unwrap();
        study.choose(None).unwrap().load(&|_, _| {}).unwrap()
    };
    let reference = load(&folder);
    assert_eq!(reference.0.size, [5, 4, 6]);
    assert_eq!(load(&other), reference);
    assert_eq!(load(&packed), reference);
}

#[test]
fn a_dicomdir_leads_to_its_files() {
    let Some(folder) = shared("dicom-transfer-syntaxes/pydicom-test-files/dicomdirtests") else { return };
    let study = Source::open(&[folder.join("DICOMDIR")]).unwrap();
    let count = |modality: &str| -> usize {
        study.series.iter().filter(|series| series.modality == modality).map(|series| series.slices).sum()
    };
    assert_eq!((count("CR"), count("CT"), count("MR")), (3, 9, 17));
    assert_eq!(study.left_out.iter().filter(|left| left.reason == Reason::Localizer).count(), 2);
    let study = Source::open(&[folder.join("TINY_ALPHA/DICOMDIR")]).unwrap_err();
    assert!(study.to_string().contains("50 file(s)"), "{study}");
}

#[test]
fn every_shared_file_is_read_or_named() {
    let Some(folder) = shared("dicom-transfer-syntaxes") else { return };
    let study = Source::open(&[folder]).unwrap();
    assert!(study.series.len() > 20 && study.left_out.len() > 60);
    for series in &study.series {
        if series.is_volume {
            match series.load(&|_, _| {}) {
                Ok((volume, _)) => assert_eq!(volume.values.len(), volume.size.iter().product::<usize>()),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}
