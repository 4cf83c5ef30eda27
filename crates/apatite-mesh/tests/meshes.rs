//! Meshes are closed and hold what their masks hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apatite_mesh::{Format, Mesh, Part, solid_bones, write};
use apatite_volume::{Acquisition, Geometry, Labels, Volume};
use proptest::prelude::*;

fn labels(size: [usize; 3], spacing: [f64; 3], flipped: bool, inside: impl Fn([f64; 3]) -> bool) -> Labels {
    let [x, y, z] = spacing;
    let z = if flipped { -z } else { z };
    let geometry = Geometry {
        origin_mm: [-120.0, 45.0, 800.0],
        steps_mm: [[x * 0.6, x * 0.8, 0.0], [-y * 0.8, y * 0.6, 0.0], [0.0, 0.0, z]],
    };
    let values = (0..size.iter().product())
        .map(|at| {
            let voxel = [at % size[0], at / size[0] % size[1], at / size[0] / size[1]];
            u16::from(inside(std::array::from_fn(|axis| voxel[axis] as f64 * spacing[axis])))
        })
        .collect();
    Labels { size, values, geometry }
}

fn mask_mm3(labels: &Labels) -> f64 {
    let voxels = labels.values.iter().filter(|&&value| value == 1).count();
    voxels as f64
        * labels
            .geometry
            .steps_mm
            .iter()
            .map(|s| s.iter().map(|v| v * v).sum::<f64>().sqrt())
            .product::<f64>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_mask_the_mesh_is_closed_and_holds_its_volume(
        bits in proptest::collection::vec(0..100_u8, 125), share in 1..100_u8, flipped: bool,
        spacing in [0.3..2.0_f64, 0.3..2.0, 0.3..4.0],
    ) {
        let mut labels = labels([5, 5, 5], spacing, flipped, |_| false);
        for (value, bit) in labels.values.iter_mut().zip(bits) {
            *value = u16::from(bit < share);
        }
        let mask = mask_mm3(&labels);
        let raw = Mesh::of(&labels, 1);
        prop_assert!(raw.is_closed());
        prop_assert!(raw.volume_mm3() <= mask * 1.2 && raw.volume_mm3() >= mask / 6.1, "{} {mask}", raw.volume_mm3());
        let mut smooth = raw;
        smooth.smooth(10, mask);
        prop_assert!(smooth.is_closed());
        prop_assert!((smooth.volume_mm3() / mask.max(1e-9) - 1.0).abs() < 0.01 || mask == 0.0, "{} {mask}", smooth.volume_mm3());
    }
}

#[test]
fn a_ball_stays_a_ball() {
    let spacing = [0.7, 0.7, 1.5];
    let ball = |radius: f64| {
        labels([50, 50, 24], spacing, false, move |[x, y, z]| {
            (x - 17.0).powi(2) + (y - 17.0).powi(2) + (z - 17.0).powi(2) < radius * radius
        })
    };
    for radius in [3.0, 6.0, 14.0] {
        let labels = ball(radius);
        let mask = mask_mm3(&labels);
        let mut mesh = Mesh::of(&labels, 1);
        let steps = mesh.area_mm2();
        mesh.smooth(10, mask);
        let area = 4.0 * std::f64::consts::PI * radius * radius;
        assert!((mesh.volume_mm3() / mask - 1.0).abs() < 1e-4);
        assert!(mesh.area_mm2() < steps, "smoothing takes steps out");
        assert!((mesh.area_mm2() / area - 1.0).abs() < 0.12, "{radius}: {} {area}", mesh.area_mm2());
        let centre = labels.geometry.patient_from_voxel([17.0 / 0.7, 17.0 / 0.7, 17.0 / 1.5]);
        for vertex in &mesh.vertices_mm {
            let distance = (0..3).map(|axis| (vertex[axis] - centre[axis]).powi(2)).sum::<f64>().sqrt();
            assert!((distance - radius).abs() < 1.1, "{radius}: {distance}");
        }
    }
}

#[test]
fn marrow_is_filled_and_specks_are_dropped() {
    let coarse = labels([30, 30, 10], [1.0; 3], false, |_| true);
    let tube = |[x, y, _]: [f64; 3]| {
        let distance = (x - 15.0).hypot(y - 15.0);
        (7.0..9.0).contains(&distance) || (x < 2.0 && y < 2.0)
    };
    let dense = labels([30, 30, 10], [1.0; 3], false, tube);
    let hu = dense.values.iter().map(|&on| if on != 0 { 750 } else { -50 });
    let volume = Volume {
        size: coarse.size,
        values: hu.collect(),
        geometry: coarse.geometry,
        padding: None,
        acquisition: Acquisition::default(),
    };
    let solid = solid_bones(&volume, &coarse, 200, 100.0);
    let expected = labels([30, 30, 10], [1.0; 3], false, |[x, y, _]| (x - 15.0).hypot(y - 15.0) < 9.0);
    assert_eq!(solid.values, expected.values);
}

#[test]
fn files_hold_what_they_say() {
    let mut labels = labels([6, 6, 6], [1.0; 3], false, |[x, y, z]| x + y + z > 4.0 && x < 4.0);
    labels.values[0] = 2;
    let parts: Vec<Part> = [(1, "bone"), (2, "lesion-2")]
        .into_iter()
        .map(|(label, name)| Part {
            name: name.to_owned(),
            colour: [200, 100, 50],
            opacity: 0.5,
            mesh: Mesh::of(&labels, label),
        })
        .collect();
    let file = |format| {
        let mut bytes = Vec::new();
        write(&mut bytes, format, &parts).unwrap();
        bytes
    };
    let triangles: usize = parts.iter().map(|part| part.mesh.triangles.len()).sum();
    let vertices: usize = parts.iter().map(|part| part.mesh.vertices_mm.len()).sum();
    assert_eq!(file(Format::Stl).len(), 84 + 50 * triangles);
    let ply = file(Format::Ply);
    let header = ply.windows(11).position(|part| part == b"end_header\n").unwrap() + 11;
    assert_eq!(ply.len() - header, 15 * vertices + 13 * triangles);
    let obj = String::from_utf8(file(Format::Obj)).unwrap();
    assert_eq!(obj.lines().filter(|line| line.starts_with("v ")).count(), vertices);
    assert_eq!(obj.lines().filter(|line| line.starts_with("f ")).count(), triangles);
    assert_eq!(
        obj.lines().filter(|line| line.starts_with("o ")).collect::<Vec<_>>(),
        ["o bone", "o lesion-2"]
    );
    let glb = file(Format::Glb);
    let word = |at: usize| u32::from_le_bytes(glb[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&glb[..4], word(4), word(8)), (&b"glTF"[..], 2, glb.len()));
    let root: serde_json::Value = serde_json::from_slice(&glb[20..20 + word(12)]).unwrap();
    assert_eq!(root["accessors"][2]["count"], parts[0].mesh.triangles.len() * 3);
    assert_eq!(root["buffers"][0]["byteLength"], word(20 + word(12)));
    let mut nothing = Vec::new();
    write(&mut nothing, Format::Glb, &[]).unwrap();
    assert_eq!(nothing.len(), u32::from_le_bytes(nothing[8..12].try_into().unwrap()) as usize);
}
