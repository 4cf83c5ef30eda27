//! Slices of known geometry become volumes whose voxels lie, and say, what they should.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "these are tests"
)]

mod common;

use apatite_dicom::{Reason, Source, Warning};
use apatite_volume::Volume;
use common::{Folder, Slice};
use proptest::prelude::*;

/// A linear field: what a linear resampling must reproduce exactly but for rounding.
fn field([x, y, z]: [f64; 3]) -> f64 {
    100.0 + 3.0 * x - 2.0 * y + 5.0 * z
}

fn dot(one: [f64; 3], two: [f64; 3]) -> f64 {
    one.iter().zip(two).map(|(a, b)| a * b).sum()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// A slice of the field at a position.
fn sampled(position: [f64; 3], row: [f64; 3], column: [f64; 3], spacing: [f64; 2], size: [u16; 2]) -> Slice {
    let mut slice = Slice::new(position, size, |x, y| {
        field(std::array::from_fn(|axis| {
            position[axis] + row[axis] * spacing[0] * x as f64 + column[axis] * spacing[1] * y as f64
        }))
    });
    slice.orientation = [row[0], row[1], row[2], column[0], column[1], column[2]];
    slice.spacing = spacing;
    slice
}

fn load(slices: &[Slice]) -> (Volume, Vec<Warning>) {
    let folder = Folder::of(slices);
    let study = Source::open(&folder.paths()).unwrap();
    study.choose(None).unwrap().load(&|_, _| {}).unwrap()
}

/// Every voxel that is no padding shows the field at its place; returns how many.
fn check_field(volume: &Volume, tolerance: f64) -> usize {
    let mut checked = 0;
    for slice in 0..volume.size[2] {
        for row in 0..volume.size[1] {
            for column in 0..volume.size[0] {
                let value = volume.values[volume.index([column, row, slice])];
                if volume.padding.is_some_and(|padding| value <= padding) {
                    continue;
                }
                let place = volume.geometry.patient_from_voxel([column as f64, row as f64, slice as f64]);
                let difference = (f64::from(value) - field(place)).abs();
                assert!(difference <= tolerance, "{value} instead of {} at {place:?}", field(place));
                checked += 1;
            }
        }
    }
    checked
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_orientation_and_order(
        angles in prop::array::uniform3(-3.1f64..3.1),
        origin in prop::array::uniform3(-200.0f64..200.0),
        spacing in (0.3f64..1.5, 0.3f64..1.5, 0.4f64..6.0),
        count in 2usize..9,
        order in any::<u64>(),
    ) {
        let (row, column) = rotated(angles);
        let normal = cross(row, column);
        let mut slices: Vec<Slice> = (0..count).map(|index| {
            let position = std::array::from_fn(|axis| origin[axis] + normal[axis] * spacing.2 * index as f64);
            let mut slice = sampled(position, row, column, [spacing.0, spacing.1], [7, 5]);
            // numbers that lie about the order
            slice.instance = (index * 7 + order as usize % 13) % 101 + 1;
            slice
        }).collect();
        let turn = order as usize % count;
        slices.rotate_left(turn);
        if order % 2 == 0 {
            slices.reverse();
        }
        let (volume, _) = load(&slices);
        prop_assert_eq!(volume.size, [7, 5, count]);
        prop_assert!(dot(volume.geometry.steps_mm[0], volume.geometry.steps_mm[2]).abs() < 1e-6);
        prop_assert!((volume.geometry.spacing_mm()[2] - spacing.2).abs() < 1e-6);
        prop_assert_eq!(check_field(&volume, 0.51), 35 * count);
    }

    #[test]
    fn tilted_gantry(degrees in 3.0f64..30.0, spacing in 1.0f64..5.0, count in 4usize..12) {
        // the table moves along z while slices lean about x
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let column = [0.0, cosine, sine];
        let slices: Vec<Slice> = (0..count)
            .map(|index| sampled([-8.0, -8.0, spacing * index as f64], [1.0, 0.0, 0.0], column, [0.8, 0.8], [16, 20]))
            .collect();
        let (volume, warnings) = load(&slices);
        let told = warnings.iter().find_map(|warning| match warning {
            Warning::Tilt { degrees } => Some(*degrees),
            _ => None,
        });
        prop_assert!((told.unwrap() - degrees).abs() < 1e-6);
        prop_assert!(volume.padding.is_some());
        prop_assert!(dot(volume.geometry.steps_mm[1], volume.geometry.steps_mm[2]).abs() < 1e-9);
        prop_assert!(check_field(&volume, 1.01) >= 16 * 18 * count);
    }

    #[test]
    fn missing_slices_are_interpolated_and_named(missing in 1usize..8, count in 9usize..20) {
        let slices: Vec<Slice> = (0..count).filter(|&index| index != missing)
            .map(|index| sampled([0.0, 0.0, 2.0 * index as f64], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0], [6, 6]))
            .collect();
        let (volume, warnings) = load(&slices);
        prop_assert_eq!(volume.size[2], count);
        let named = warnings.iter().any(|warning| {
            matches!(warning, Warning::MissingSlices { count: 1, at_mm } if (at_mm - 2.0 * missing as f64).abs() < 1e-9)
        });
        prop_assert!(named);
        prop_assert_eq!(check_field(&volume, 0.51), 36 * count);
    }

    #[test]
    fn mixed_spacing_becomes_the_finer_one(fine in 1.0f64..2.0, factor in 1.3f64..1.8) {
        let mut heights: Vec<f64> = (0..8).map(|index| fine * index as f64).collect();
        let last = heights[7];
        heights.extend((1..8).map(|index| last + fine * factor * index as f64));
        let slices: Vec<Slice> = heights.iter()
            .map(|&z| sampled([0.0, 0.0, z], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0], [6, 6]))
            .collect();
        let (volume, warnings) = load(&slices);
        let named = warnings.iter().any(|warning| matches!(warning, Warning::MixedSpacing { .. }));
        prop_assert!(named);
        prop_assert!((volume.geometry.spacing_mm()[2] / fine - 1.0).abs() < 0.06);
        prop_assert_eq!(check_field(&volume, 1.01), volume.len());
    }
}

fn rotated([a, b, c]: [f64; 3]) -> ([f64; 3], [f64; 3]) {
    let turn = |[x, y, z]: [f64; 3]| {
        let (y, z) = (y * a.cos() - z * a.sin(), y * a.sin() + z * a.cos());
        let (x, z) = (x * b.cos() + z * b.sin(), z * b.cos() - x * b.sin());
        [x * c.cos() - y * c.sin(), x * c.sin() + y * c.cos(), z]
    };
    (turn([1.0, 0.0, 0.0]), turn([0.0, 1.0, 0.0]))
}

fn stack(count: usize, change: impl Fn(usize, &mut Slice)) -> Vec<Slice> {
    (0..count)
        .map(|index| {
            let mut slice =
                Slice::new([0.0, 0.0, index as f64], [4, 4], |x, y| (100 * index + 10 * y + x) as f64);
            slice.instance = index + 1;
            change(index, &mut slice);
            slice
        })
        .collect()
}

#[test]
fn time_points_are_volumes_of_their_own() {
    let mut slices = stack(5, |_, _| {});
    slices.extend(stack(5, |_, slice| {
        slice.acquisition = 2;
        slice.stored.iter_mut().for_each(|value| *value += 7);
    }));
    let folder = Folder::of(&slices);
    let study = Source::open(&folder.paths()).unwrap();
    assert_eq!(study.series.len(), 2);
    assert_eq!(study.series[1].part, Some((2, 2)));
    let (first, _) = study.series[0].load(&|_, _| {}).unwrap();
    let (second, _) = study.series[1].load(&|_, _| {}).unwrap();
    assert_eq!((first.values[0], second.values[0], first.size), (0, 7, [4, 4, 5]));
}

#[test]
fn copies_and_localizers_are_left_out_by_name() {
    let mut slices = stack(4, |_, _| {});
    slices.push(slices[2].clone());
    let mut copy = slices[1].clone();
    copy.instance = 99;
    slices.push(copy);
    let mut scout = Slice::new([0.0, 0.0, 50.0], [8, 8], |_, _| 0.0);
    scout.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER".into();
    scout.instance = 50;
    slices.push(scout);
    let folder = Folder::of(&slices);
    let study = Source::open(&folder.paths()).unwrap();
    assert_eq!(study.series[0].slices, 4);
    let mut reasons: Vec<(String, Reason)> = study
        .left_out
        .iter()
        .map(|left| (left.file.rsplit('/').next().unwrap_or_default().to_owned(), left.reason.clone()))
        .collect();
    reasons.sort_by(|one, two| one.0.cmp(&two.0));
    assert_eq!(
        reasons,
        [
            ("4.dcm".to_owned(), Reason::Duplicate),
            ("5.dcm".to_owned(), Reason::Duplicate),
            ("6.dcm".to_owned(), Reason::Localizer)
        ]
    );
}

#[test]
fn a_truncated_slice_is_named_and_bridged() {
    let folder = Folder::new();
    for (index, slice) in stack(10, |_, _| {}).iter().enumerate() {
        let mut bytes = slice.bytes();
        if index == 4 {
            bytes.truncate(bytes.len() - 5);
        }
        folder.write(&format!("{index}"), &bytes);
    }
    let study = Source::open(&folder.paths()).unwrap();
    assert!(matches!(&study.left_out[0].reason, Reason::Damaged(problem) if problem.contains("of 32 bytes")));
    let (volume, warnings) = study.choose(None).unwrap().load(&|_, _| {}).unwrap();
    assert!(warnings.iter().any(|warning| matches!(warning, Warning::MissingSlices { count: 1, .. })));
    assert_eq!(volume.values[4 * 16], 400);
}

#[test]
fn padding_rescale_and_clamping() {
    let slices = stack(3, |_, slice| {
        slice.slope = 2.0;
        slice.intercept = -1000.0;
        slice.padding = Some(-2000);
        slice.stored[0] = -2000i16 as u16;
        slice.stored[1] = 20_000;
        slice.stored[2] = 17;
    });
    let (volume, warnings) = load(&slices);
    assert_eq!(volume.values[..3], [-5000, 32_767, -966]);
    assert_eq!(volume.padding, Some(-5000));
    assert!(warnings.contains(&Warning::Clamped { voxels: 3 }));
    // padding of zero without intercept lies among soft tissue
    let slices = stack(3, |_, slice| {
        slice.padding = Some(0);
        slice.stored[5] = 0;
    });
    let (volume, warnings) = load(&slices);
    assert_eq!((volume.values[5], volume.padding), (-3024, Some(-3024)));
    assert!(warnings.contains(&Warning::PaddingMoved { from: 0, to: -3024 }));
}

#[test]
fn twelve_bits_with_a_sign_are_extended() {
    let slices = stack(2, |_, slice| {
        slice.bits_stored = 12;
        slice.stored[0] = 0x0fff;
        slice.stored[1] = 0xf7ff;
    });
    assert_eq!(load(&slices).0.values[..2], [-1, 0x7ff]);
}

#[test]
fn the_series_that_shows_calcium_best_is_chosen() {
    let kind = |series: &str, count: usize, kernel: &str, thickness: f64, contrast: &str| {
        let (series, kernel, contrast) = (series.to_owned(), kernel.to_owned(), contrast.to_owned());
        stack(count, move |index, slice| {
            slice.position[2] *= thickness;
            slice.thickness = thickness;
            slice.series.clone_from(&series);
            slice.kernel.clone_from(&kernel);
            slice.contrast.clone_from(&contrast);
            slice.instance = index + 1 + 100 * series.len() + 1000 * count;
            slice.description = format!("{kernel} {thickness}");
        })
    };
    let mut slices = kind("1.1", 10, "STANDARD", 5.0, "");
    slices.extend(kind("1.2", 30, "STANDARD", 1.25, "IODINE"));
    slices.extend(kind("1.33", 31, "LUNG", 1.25, ""));
    slices.extend(kind("1.444", 32, "STANDARD", 1.25, ""));
    let folder = Folder::of(&slices);
    let study = Source::open(&folder.paths()).unwrap();
    assert_eq!(study.choose(None).unwrap().uid, "1.444");
    assert_eq!(study.choose(Some("2")).unwrap().uid, "1.2");
    assert_eq!(study.choose(Some("1.33")).unwrap().uid, "1.33");
    assert_eq!(study.choose(Some("lung")).unwrap().uid, "1.33");
    assert_eq!(study.choose(Some("#1")).unwrap().uid, "1.1");
    let ambiguous = study.choose(Some("standard")).unwrap_err().to_string();
    assert!(ambiguous.contains("several"), "{ambiguous}");
    assert!(study.choose(Some("coronal")).unwrap_err().to_string().contains("no series matches"));
}
