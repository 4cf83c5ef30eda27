//! A point painted into a volume appears at the right pixel of any picture.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apatite_render::{
    Axis, Plane, Projection, Raster, Regions, RenderError, Scene, Surface, SurfaceLook, View, centreline,
    smoothed,
};
use apatite_volume::{Acquisition, Geometry, Labels, Volume};
use proptest::prelude::*;

const SIZE: [usize; 3] = [24, 20, 12];

/// A volume at any angle, with voxels of any shape, and one bright voxel.
fn volume(angles: [f64; 3], spacing: [f64; 3], origin_mm: [f64; 3], bright: [usize; 3]) -> Volume {
    let [[sa, ca], [sb, cb], [sc, cc]] = angles.map(|angle| [angle.sin(), angle.cos()]);
    let axes = [
        [ca * cb, sa * cb, -sb],
        [ca * sb * sc - sa * cc, sa * sb * sc + ca * cc, cb * sc],
        [ca * sb * cc + sa * sc, sa * sb * cc - ca * sc, cb * cc],
    ];
    let steps_mm = std::array::from_fn(|axis| axes[axis].map(|part| part * spacing[axis]));
    let geometry = Geometry { origin_mm, steps_mm };
    let mut volume = Volume {
        size: SIZE,
        values: vec![0; SIZE.iter().product()],
        geometry,
        padding: None,
        acquisition: Acquisition::default(),
    };
    let at = volume.index(bright);
    volume.values[at] = 1000;
    volume
}

/// The brightest pixel.
fn brightest(raster: &Raster) -> [f64; 2] {
    let best = (0..raster.values.len())
        .filter(|&at| !raster.values[at].is_nan())
        .max_by(|&a, &b| raster.values[a].total_cmp(&raster.values[b]))
        .unwrap();
    [(best % raster.view.size[0]) as f64, (best / raster.view.size[0]) as f64]
}

fn volumes() -> impl Strategy<Value = (Volume, [f64; 3])> {
    let angle = prop_oneof![Just(0.0), -3.0..3.0_f64];
    let angles = [angle.clone(), angle.clone(), angle];
    let spacing = [0.4..1.5_f64, 0.4..1.5, 0.4..4.0];
    let origin = [-200.0..200.0_f64, -200.0..200.0, -900.0..900.0];
    let inner = [2..SIZE[0] - 2, 2..SIZE[1] - 2, 2..SIZE[2] - 2];
    (angles, spacing, origin, inner).prop_map(|(angles, spacing, origin, bright)| {
        let volume = volume(angles, spacing, origin, bright);
        let point = volume.geometry.patient_from_voxel(bright.map(|at| at as f64));
        (volume, point)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_point_is_seen_where_it_lies(
        (volume, point) in volumes(),
        turn in -360.0..360.0_f64,
        tilt in prop_oneof![Just(0.0), Just(-90.0), -90.0..90.0_f64],
        aside in [-20..20_i32, -20..20],
    ) {
        let plane = Plane::turned(turn, tilt, point);
        let aside = aside.map(f64::from);
        let centre_mm = std::array::from_fn(|axis| {
            point[axis] - 0.25 * (aside[0] * plane.right[axis] + aside[1] * plane.down[axis])
        });
        let view = View::new(Plane { centre_mm, ..plane }, [97, 81], 0.25).unwrap();
        let (expected, depth) = view.pixel(point);
        prop_assert!(depth.abs() < 1e-6);
        prop_assert!((expected[0] - 48.0 - aside[0]).abs() < 1e-6 && (expected[1] - 40.0 - aside[1]).abs() < 1e-6);
        let raster = Scene::new(&volume).slice(&view);
        let found = brightest(&raster);
        prop_assert_eq!(found, expected.map(f64::round));
        prop_assert!(raster.values[found[1] as usize * 97 + found[0] as usize] > 999.0);
        let back = view.point_mm(expected);
        prop_assert!((0..3).all(|axis| (back[axis] - point[axis]).abs() < 1e-6));
    }

    #[test]
    fn a_projection_shows_a_point_from_any_side(
        (volume, point) in volumes(),
        turn in -360.0..360.0_f64,
        tilt in prop_oneof![Just(0.0), Just(-90.0), -90.0..90.0_f64],
        off in -9.0..9.0_f64,
    ) {
        let plane = Plane::turned(turn, tilt, point);
        let into = plane.into_picture();
        let centre_mm = std::array::from_fn(|axis| point[axis] + off * into[axis]);
        let view = View::new(Plane { centre_mm, ..plane }, [61, 61], 0.3).unwrap();
        let scene = Scene::new(&volume);
        let raster = scene.projection(&view, Projection::Maximum { slab_mm: None });
        // samples lie half of the least spacing or less from the point: its tent loses at most this much
        prop_assert!(raster.values[30 * 61 + 30] > 360.0, "{}", raster.values[30 * 61 + 30]);
        // nothing is seen beside the shadow of the voxel and its neighbours
        let reach = |direction: [f64; 3]| -> f64 {
            let along = |step: &[f64; 3]| (0..3).map(|axis| step[axis] * direction[axis]).sum::<f64>().abs();
            volume.geometry.steps_mm.iter().map(along).sum()
        };
        let beside = [reach(view.plane.right), reach(view.plane.down)].map(|mm| mm / view.pixel_mm + 1.0);
        for (at, &value) in raster.values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let offset = [(at % 61) as f64 - 30.0, (at / 61) as f64 - 30.0];
            prop_assert!((0..2).all(|side| offset[side].abs() <= beside[side]), "{value} at {offset:?}");
        }
        // a slab that does not reach the voxel does not show it
        if off.abs() > reach(into) + 0.1 {
            let slab = scene.projection(&view, Projection::Maximum { slab_mm: Some(0.1) });
            prop_assert!(slab.values.iter().all(|value| value.is_nan() || *value < 1.0));
        }
    }

    /// Passing over blocks and reading lines of memory give what a plain walk over a sampled volume gives.
    #[test]
    fn projections_are_those_of_plain_sampling(seed in 0..1000_u64, turn in 0.0..360.0_f64, tilt in -80.0..80.0_f64) {
        let mut volume = volume([0.2, -0.1, 0.3], [0.9, 0.8, 1.1], [5.0, -7.0, 9.0], [3, 3, 3]);
        let mut state = seed | 1;
        for value in &mut volume.values {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *value = (state % 3000) as i16 - 1000;
        }
        let scene = Scene::new(&volume);
        let middle = volume.geometry.patient_from_voxel([12.0, 10.0, 6.0]);
        let view = View::new(Plane::turned(turn, tilt, middle), [21, 17], 0.9).unwrap();
        let step = 0.8;
        let slices: Vec<Raster> = (-40..=40).map(|at| {
            let into = view.plane.into_picture();
            let centre_mm = std::array::from_fn(|axis| middle[axis] + into[axis] * f64::from(at) * step);
            scene.slice(&View { plane: Plane { centre_mm, ..view.plane }, ..view })
        }).collect();
        for (projection, start, fold) in [
            (Projection::Maximum { slab_mm: None }, f32::NAN, f32::max as fn(f32, f32) -> f32),
            (Projection::Minimum { slab_mm: None }, f32::NAN, f32::min),
        ] {
            let found = scene.projection(&view, projection);
            for (pixel, &value) in found.values.iter().enumerate() {
                let expected = slices.iter().map(|slice| slice.values[pixel]).fold(start, fold);
                // a sample on the border may fall to either side
                let edge = slices.iter().filter(|slice| !slice.values[pixel].is_nan()).count() < 6;
                prop_assert!(edge || (value - expected).abs() < 2.0, "{projection:?} {pixel}: {value} {expected}");
            }
        }
    }

    /// A ball shows as a disc of its size, in its place, from anywhere.
    #[test]
    fn a_surface_lies_where_it_is(turn in 0.0..360.0_f64, tilt in -80.0..80.0_f64) {
        let steps_mm = [[1.0, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 1.5]];
        let geometry = Geometry { origin_mm: [10.0, 20.0, 30.0], steps_mm };
        let size = [40, 50, 30];
        let centre = [28.0, 42.0, 51.0];
        let radius = 9.0;
        let inside: Vec<f64> = (0..size.iter().product::<usize>()).map(|at| {
            let voxel = [at % size[0], at / size[0] % size[1], at / size[0] / size[1]];
            let point = geometry.patient_from_voxel(voxel.map(|at| at as f64));
            radius - (0..3).map(|axis| (point[axis] - centre[axis]).powi(2)).sum::<f64>().sqrt()
        }).collect();
        let values = inside.iter().map(|depth| (180.0 + 100.0 * depth).clamp(-500.0, 900.0) as i16).collect();
        let volume = Volume { size, values, geometry, padding: None, acquisition: Acquisition::default() };
        let labels = Labels { size, values: inside.iter().map(|&depth| u16::from(depth > -0.5)).collect(), geometry };
        let view = View::new(Plane::turned(turn, tilt, [28.0, 42.0, 51.0]), [80, 80], 0.4).unwrap();
        let scene = Scene::new(&volume);
        let look = SurfaceLook { lesion_from: 180.0, ..SurfaceLook::default() };
        let regions = Regions::new(&labels);
        for (bones, lesions) in [(Some(&labels), None), (None, None), (None, Some(&regions))] {
            let picture = Surface::new(&scene, bones, lesions, look).unwrap().picture(&view);
            let area = picture.pixels.iter().filter(|&&pixel| pixel != look.background).count() as f64 * 0.16;
            let disc = std::f64::consts::PI * radius * radius;
            prop_assert!((area / disc - 1.0).abs() < 0.06, "{area} {disc}");
            for (at, &pixel) in picture.pixels.iter().enumerate() {
                let [x, y] = [(at % 80) as f64 - 39.5, (at / 80) as f64 - 39.5].map(|at| at * 0.4);
                if x.hypot(y) < radius - 0.7 { prop_assert!(pixel != look.background, "hole at {x} {y}"); }
                if x.hypot(y) > radius + 0.7 { prop_assert_eq!(pixel, look.background); }
            }
        }
    }
}

#[test]
fn a_straight_curve_gives_the_flat_picture() {
    let volume = volume([0.0; 3], [1.0, 1.0, 2.0], [0.0; 3], [9, 7, 5]);
    let scene = Scene::new(&volume);
    let curve = [[12.0, 7.0, 20.0], [12.0, 7.0, 12.0], [12.0, 7.0, 2.0]];
    let curved = scene.curved(&smoothed(&curve), [1.0, 0.0, 0.0], 15.0, 0.5, 0.0).unwrap();
    let flat =
        View::new(Plane::orthogonal(Axis::Coronal, curved.view.plane.centre_mm), curved.view.size, 0.5)
            .unwrap();
    let flat = scene.slice(&flat);
    let difference = curved.values.iter().zip(&flat.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1.0, "{difference}");
    assert_eq!(brightest(&curved), brightest(&flat));
}

#[test]
fn a_bent_tube_is_straight_in_a_curved_reformat() {
    let geometry =
        Geometry { origin_mm: [0.0; 3], steps_mm: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };
    let bend = |z: f64| 30.0 + 12.0 * (z / 14.0).sin();
    let size = [60, 20, 60];
    let values = (0..60 * 20 * 60)
        .map(|at| {
            let [x, y, z] = [at % 60, at / 60 % 20, at / 1200].map(|at| at as f64);
            if (x - bend(z)).hypot(y - 10.0) < 3.0 { 800 } else { 0 }
        })
        .collect();
    let volume = Volume { size, values, geometry, padding: None, acquisition: Acquisition::default() };
    let points: Vec<[f64; 3]> =
        (0..8).rev().map(|at| [bend(at as f64 * 8.0), 10.0, at as f64 * 8.0]).collect();
    let raster = Scene::new(&volume).curved(&smoothed(&points), [1.0, 0.0, 0.0], 21.0, 1.0, 0.0).unwrap();
    let [columns, rows] = raster.view.size;
    for row in 2..rows - 2 {
        let line = &raster.values[row * columns..(row + 1) * columns];
        assert!(line[columns / 2] > 700.0, "row {row}");
        // outside of the volume there is no value
        assert!(
            [line[2], line[columns - 3]].iter().all(|value| value.is_nan() || *value < 100.0),
            "row {row}"
        );
    }
}

#[test]
fn the_middle_line_of_a_bone_runs_along_it() {
    let geometry = Geometry {
        origin_mm: [50.0, -30.0, 700.0],
        steps_mm: [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 2.0]],
    };
    let size = [100, 60, 80];
    // a slanted shaft of 10 mm radius
    let axis = |z: f64| [80.0 + (z - 700.0) * 0.15, -8.0 + (z - 700.0) * 0.05];
    let values = (0..size.iter().product::<usize>())
        .map(|at| {
            let voxel = [at % size[0], at / size[0] % size[1], at / size[0] / size[1]];
            let [x, y, z] = geometry.patient_from_voxel(voxel.map(|at| at as f64));
            u16::from((x - axis(z)[0]).hypot(y - axis(z)[1]) < 10.0)
        })
        .collect();
    let bones = Labels { size, values, geometry };
    let line = centreline(&bones, [110.0, -10.0, 780.0], 60.0).unwrap();
    assert!(line.len() >= 10, "{line:?}");
    for pair in line.windows(2) {
        assert!(pair[1][2] < pair[0][2], "from the head to the feet: {line:?}");
    }
    for point in &line {
        let [x, y] = axis(point[2]);
        assert!((point[0] - x).hypot(point[1] - y) < 1.5, "{point:?}");
    }
    assert!(matches!(centreline(&bones, [900.0, 0.0, 0.0], 60.0), Err(RenderError::NoBone { .. })));
}
