//! Masks keep their place from file to grid and back.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "these are tests"
)]

mod common;

use apatite_dicom::{Source, Warning, read_mask, write_labels};
use apatite_volume::{Geometry, Labels};
use common::{Folder, shared};
use proptest::prelude::*;

/// Axes in some order and sense, LPS.
fn grid(order: usize, flips: usize, spacing: [f64; 3], origin_mm: [f64; 3]) -> Geometry {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let steps_mm = std::array::from_fn(|step| {
        let mut axis = [0.0; 3];
        axis[orders[order][step]] = if flips >> step & 1 == 1 { -spacing[step] } else { spacing[step] };
        axis
    });
    Geometry { origin_mm, steps_mm }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn labels_come_back_as_they_were_written(
        order in 0usize..6,
        flips in 0usize..8,
        spacing in prop::array::uniform3(0.4f64..4.0),
        origin in prop::array::uniform3(-300.0f64..300.0),
        wide in any::<bool>(),
        packed in any::<bool>(),
        seed in any::<u16>(),
    ) {
        let size = [5, 4, 3];
        let values: Vec<u16> = (0..60u16).map(|index| {
            let label = index.wrapping_mul(seed | 1) % 7;
            if wide { label * 300 } else { label }
        }).collect();
        let labels = Labels { size, values, geometry: grid(order, flips, spacing, origin) };
        let folder = Folder::new();
        let path = folder.0.path().join(if packed { "mask.nii.gz" } else { "mask.nii" });
        write_labels(&path, &labels).unwrap();
        let (mask, warnings) = read_mask(&path, &labels.geometry, size).unwrap();
        prop_assert_eq!(&mask.labels, &labels);
        prop_assert!(warnings.is_empty(), "{:?}", warnings);
        // a grid that counts its slices from the other end shows the same labels at the same places
        let mut turned = labels.geometry;
        turned.origin_mm = labels.geometry.patient_from_voxel([0.0, 0.0, 2.0]);
        turned.steps_mm[2] = turned.steps_mm[2].map(|value| -value);
        let (mask, warnings) = read_mask(&path, &turned, size).unwrap();
        prop_assert!(warnings.is_empty(), "{:?}", warnings);
        for slice in 0..3 {
            prop_assert_eq!(&mask.labels.values[slice * 20..][..20], &labels.values[(2 - slice) * 20..][..20]);
        }
    }
}

#[test]
fn a_mask_elsewhere_is_refused_and_a_coarser_one_resampled() {
    let geometry = grid(0, 0, [2.0; 3], [0.0; 3]);
    let labels =
        Labels { size: [4, 4, 4], values: (0..64).map(|index| u16::from(index % 4 > 1)).collect(), geometry };
    let folder = Folder::new();
    let path = folder.0.path().join("mask.nii.gz");
    write_labels(&path, &labels).unwrap();
    let far = grid(0, 0, [1.0; 3], [500.0; 3]);
    assert!(read_mask(&path, &far, [4, 4, 4]).unwrap_err().to_string().contains("outside"));
    let fine = grid(0, 0, [1.0; 3], [-0.5; 3]);
    let (mask, warnings) = read_mask(&path, &fine, [8, 8, 8]).unwrap();
    assert!(warnings.contains(&Warning::MaskResampled));
    assert_eq!(mask.labels.values[..8], [0, 0, 0, 0, 1, 1, 1, 1]);
}

#[test]
fn a_dicom_segmentation_lies_on_its_images() {
    let Some(folder) = shared("dicom-objects/dcmqi/segmentations") else { return };
    let study = Source::open(&[folder.join("ct-3slice")]).unwrap();
    let (volume, _) = study.choose(None).unwrap().load(&|_, _| {}).unwrap();
    let (mask, warnings) = read_mask(&folder.join("liver.dcm"), &volume.geometry, volume.size).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(mask.names.iter().any(|(_, name)| name.to_lowercase().contains("liver")), "{:?}", mask.names);
    let slice = volume.size[0] * volume.size[1];
    let inside: Vec<usize> = mask
        .labels
        .values
        .chunks(slice)
        .map(|labels| labels.iter().filter(|&&label| label == 1).count())
        .collect();
    // as pydicom counts them in the frames
    assert_eq!(inside, LIVER);
    // liver enhances and is no air
    let mean = volume
        .values
        .iter()
        .zip(&mask.labels.values)
        .filter(|(_, label)| **label == 1)
        .map(|(&value, _)| f64::from(value))
        .sum::<f64>()
        / inside.iter().sum::<usize>() as f64;
    assert!((0.0..250.0).contains(&mean), "{mean} HU");
}

const LIVER: [usize; 3] = [36_233, 35_645, 35_220];

#[test]
fn tumour_masks_lie_on_their_ct() {
    let Some(folder) = shared("ct-volumes/sts-045") else { return };
    let study = Source::open(std::slice::from_ref(&folder)).unwrap();
    let (volume, _) = study.choose(None).unwrap().load(&|_, _| {}).unwrap();
    let (mask, warnings) =
        read_mask(&folder.join("tumour-mask.nii.gz"), &volume.geometry, volume.size).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    // the README of the data names this focus inside the contour
    let [x, y, z] =
        volume.geometry.voxel_from_patient([57.0, 6.0, 867.0]).map(|value| value.round() as usize);
    assert_eq!(mask.labels.values[volume.index([x, y, z])], 1);
}
