//! Limbs drawn voxel by voxel: what is in them is known exactly.

#![allow(clippy::unwrap_used, clippy::panic)]

use apatite_lesion::{Analysis, Kind, Lesion, LesionError, Options, analyse};
use apatite_volume::{Acquisition, Geometry, Labels, Volume};

const SIZE: [usize; 3] = [110, 110, 70];
const STEP: f64 = 0.8;

/// Numbers about zero, the sum of four even ones within half of `width` each: their standard deviation is 0.58 of it.
fn noise(mut state: u64, width: f64) -> impl FnMut() -> f64 {
    move || {
        let mut sum = 0.0;
        for _ in 0..4 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            sum += (state >> 40) as f64 / f64::from(1 << 24) - 0.5;
        }
        sum * width
    }
}

/// A limb along the slices, 70 mm wide: fat, muscle, a bone with cortex and marrow; `paint` may overrule the HU at a
/// point (mm from the axis of the limb and the middle slice). Noise of about 12 HU.
fn limb(position: &str, paint: impl Fn([f64; 3]) -> Option<f64>) -> Volume {
    let mut noise = noise(0x1234_5678_9abc_def1, 21.0);
    let mut values = Vec::with_capacity(SIZE.iter().product());
    for z in 0..SIZE[2] {
        for y in 0..SIZE[1] {
            for x in 0..SIZE[0] {
                // eight samples a voxel for partial volume
                let mut sum = 0.0;
                for sample in 0..8 {
                    let offset = |axis: usize| if sample >> axis & 1 == 1 { 0.25 } else { -0.25 };
                    let p: [f64; 3] = std::array::from_fn(|axis| {
                        ([x, y, z][axis] as f64 + offset(axis) - (SIZE[axis] as f64 - 1.0) / 2.0) * STEP
                    });
                    let bone = (p[0] + 8.0).hypot(p[1] - 4.0);
                    let skin = p[0].hypot(p[1]);
                    sum += paint(p).unwrap_or(match (skin, bone) {
                        (skin, _) if skin > 37.0 => -1000.0,
                        (skin, _) if skin > 30.0 => -100.0,
                        (_, bone) if bone < 5.5 => -40.0,
                        (_, bone) if bone < 10.0 => 1300.0,
                        _ => 55.0,
                    });
                }
                values.push((sum / 8.0 + noise()).round() as i16);
            }
        }
    }
    Volume {
        size: SIZE,
        values,
        geometry: Geometry {
            origin_mm: [-50.0, -170.0, 400.0],
            steps_mm: [[STEP, 0.0, 0.0], [0.0, STEP, 0.0], [0.0, 0.0, STEP]],
        },
        padding: None,
        acquisition: Acquisition {
            modality: "CT".into(),
            patient_position: position.into(),
            body_part: "FEMUR".into(),
            ..Acquisition::default()
        },
    }
}

fn run(volume: &Volume) -> Analysis {
    analyse(volume, &Options::default(), &|_, _| {}).unwrap()
}

fn calcifications(analysis: &Analysis) -> Vec<&Lesion> {
    analysis
        .lesions
        .iter()
        .filter(|lesion| matches!(lesion.kind, Kind::Calcification | Kind::Vascular))
        .collect()
}

fn ball(p: [f64; 3], centre: [f64; 3], radius: f64) -> bool {
    (0..3).map(|axis| (p[axis] - centre[axis]).powi(2)).sum::<f64>() <= radius * radius
}

/// Patient coordinates of a point of [`limb`].
fn patient(volume: &Volume, p: [f64; 3]) -> [f64; 3] {
    volume
        .geometry
        .patient_from_voxel(std::array::from_fn(|axis| p[axis] / STEP + (SIZE[axis] as f64 - 1.0) / 2.0))
}

fn probability(findings: &[apatite_lesion::FindingEvidence], id: &str) -> f64 {
    findings.iter().find(|finding| finding.id == id).map_or(0.0, |finding| finding.probability)
}

#[test]
fn a_limb_without_lesion_has_none() {
    let analysis = run(&limb("HFS", |_| None));
    assert!(analysis.lesions.is_empty(), "{:?}", analysis.lesions);
    assert!(probability(&analysis.findings, "no_calcification") > 0.9);
    assert!((8.0..18.0).contains(&analysis.noise_hu), "{}", analysis.noise_hu);
}

#[test]
fn a_ball_is_found_where_it_is_and_measured() {
    let centre = [18.0, -8.0, 3.0];
    let volume = limb("HFS", |p| ball(p, centre, 6.0).then_some(520.0));
    let analysis = run(&volume);
    let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
    let truth = 4.0 / 3.0 * std::f64::consts::PI * 216.0;
    assert!((lesion.volume_mm3 / truth - 1.0).abs() < 0.06, "{} of {truth}", lesion.volume_mm3);
    assert!((lesion.volume_partial_mm3 / truth - 1.0).abs() < 0.08, "{}", lesion.volume_partial_mm3);
    assert!((lesion.volume_mm3 - truth).abs() < 3.0 * lesion.volume_uncertainty_mm3);
    for (own, wanted) in lesion.centre_mm.iter().zip(patient(&volume, centre)) {
        assert!((own - wanted).abs() < 0.3, "{:?}", lesion.centre_mm);
    }
    assert!((lesion.diameter_mm - 12.0).abs() < 1.3, "{}", lesion.diameter_mm);
    assert!((lesion.mean_hu - 500.0).abs() < 40.0);
    assert!(lesion.shape.elongation > 0.9 && lesion.shape.solidity > 0.9, "{:?}", lesion.shape);
    assert!((lesion.bone_distance_mm.unwrap() - 12.4).abs() < 3.0, "{:?}", lesion.bone_distance_mm);
    assert_eq!(lesion.components, 1);
    assert!(lesion.level.is_none());
    assert!(probability(&lesion.findings, "separate_from_bone") > 0.9);
    assert!(probability(&analysis.findings, "solitary") > 0.6);
    let marked = analysis.labels.values.iter().filter(|&&label| label == lesion.id).count() as f64;
    assert!((marked * STEP.powi(3) - lesion.volume_mm3).abs() < 1e-6);
    assert_eq!(analysis.region.unwrap().id, "thigh");
}

#[test]
fn a_mass_on_the_cortex_is_split_from_the_bone() {
    // its base lies 1 mm deep in the cortex
    let centre = [14.0, 4.0, 0.0];
    let volume =
        limb("HFS", |p| (ball(p, centre, 13.0) && (p[0] + 8.0).hypot(p[1] - 4.0) > 10.0).then_some(450.0));
    let analysis = run(&volume);
    let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
    assert!((0.7..1.2).contains(&(lesion.volume_mm3 / 9000.0)), "{}", lesion.volume_mm3);
    assert!(lesion.bone_contact_mm2 > 20.0, "{}", lesion.bone_contact_mm2);
    assert!(probability(&lesion.findings, "separate_from_bone") < 0.4, "{:?}", lesion.findings);
}

#[test]
fn a_mass_that_takes_the_place_of_cortex_has_eroded_it_and_one_that_lies_on_it_has_not() {
    let eroded = |into_bone: bool| {
        let volume = limb("HFS", |p| {
            let bone = (p[0] + 8.0).hypot(p[1] - 4.0);
            let mass = ball(p, [6.0, 4.0, 0.0], 11.0) && (bone > 10.0 || (into_bone && bone > 4.0));
            mass.then_some(300.0)
        });
        let analysis = run(&volume);
        let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
        probability(&lesion.findings, "cortical_erosion")
    };
    assert!(eroded(true) > 0.6, "{}", eroded(true));
    assert!(eroded(false) < 0.1, "{}", eroded(false));
}

#[test]
fn cortex_below_a_mass_is_thickened_where_it_is_thicker_than_about_it() {
    // marrow begins 5.5 mm from the axis of the bone, and 1.5 mm from it in the half below the mass
    let thickened = |inward: bool| {
        let volume = limb("HFS", |p| {
            let bone = (p[0] + 8.0).hypot(p[1] - 4.0);
            if ball(p, [11.0, 4.0, 0.0], 13.0) && bone > 10.0 {
                return Some(450.0);
            }
            let thick = inward && p[0] > -8.0 && p[2].abs() < 14.0 && (1.5..10.0).contains(&bone);
            thick.then_some(1300.0)
        });
        let analysis = run(&volume);
        let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
        probability(&lesion.findings, "cortical_thickening")
    };
    assert!(thickened(true) > 0.5, "{}", thickened(true));
    assert!(thickened(false) < 0.05, "{}", thickened(false));
}

/// Sediment in the lower half of a cyst with a calcified wall, and the same cyst with a border that is not level.
#[test]
fn levels_are_seen_in_every_position_and_only_where_they_are() {
    for (position, down) in
        [("HFS", [0.0, 1.0]), ("FFP", [0.0, -1.0]), ("HFDR", [-1.0, 0.0]), ("FFDL", [1.0, 0.0])]
    {
        for tilt_deg in [0.0_f64, 30.0] {
            let centre = [16.0, -6.0, 0.0];
            let (sin, cos) = tilt_deg.to_radians().sin_cos();
            let volume = limb(position, |p| {
                let depth = (p[0] - centre[0]) * down[0] + (p[1] - centre[1]) * down[1];
                let tilted = depth * cos + (p[2] - centre[2]) * sin;
                match (ball(p, centre, 10.0), ball(p, centre, 8.8)) {
                    (true, false) => Some(350.0),
                    (true, true) if tilted > 1.0 => Some(600.0),
                    (true, true) => Some(35.0),
                    (false, _) => None,
                }
            });
            let analysis = run(&volume);
            let [lesion] = calcifications(&analysis)[..] else {
                panic!("{position}: {:?}", analysis.lesions)
            };
            if tilt_deg > 0.0 {
                assert!(lesion.level.is_none(), "{position}: {:?}", lesion.level);
                continue;
            }
            let level = lesion.level.unwrap_or_else(|| panic!("{position}: no level"));
            assert!(level.angle_deg < 3.0 && level.flatness_mm < 0.4, "{position}: {level:?}");
            assert!(
                (level.upper_hu - 35.0).abs() < 40.0 && (level.lower_hu - 600.0).abs() < 60.0,
                "{level:?}"
            );
            assert!(level.normal[0] * down[0] + level.normal[1] * down[1] < -0.99, "{position}: {level:?}");
            let middle = patient(&volume, centre);
            let height: f64 = (0..2).map(|axis| (level.point_mm[axis] - middle[axis]) * down[axis]).sum();
            assert!((height - 1.0).abs() < 0.5, "{position}: {height}");
        }
    }
}

#[test]
fn a_sheet_that_lies_level_has_none() {
    let sheet = |p: [f64; 3]| (p[0] - 14.0).hypot(p[2]) < 13.0 && (p[1] + 16.7).abs() < 1.7;
    let analysis = run(&limb("HFS", |p| sheet(p).then_some(600.0)));
    let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
    assert!(lesion.level.is_none_or(|level| level.probability < 0.5), "{:?}", lesion.level);
}

#[test]
fn several_grains_are_several_lesions() {
    let grains: Vec<[f64; 3]> = (0..6)
        .map(|k| {
            [
                22.0 * (f64::from(k) * 0.5 - 1.2).cos(),
                22.0 * (f64::from(k) * 0.5 - 1.2).sin(),
                f64::from(k % 3) * 14.0 - 14.0,
            ]
        })
        .collect();
    let volume = limb("HFS", |p| {
        let near = |g: &[f64; 3]| ball([p[0], p[1], g[2] + (p[2] - g[2]) / 2.2], *g, 1.9);
        grains.iter().any(near).then_some(600.0)
    });
    let analysis = run(&volume);
    assert_eq!(analysis.lesions.len(), 6, "{:?}", analysis.lesions);
    assert!(probability(&analysis.findings, "multiple_one_region") > 0.7);
    assert!(analysis.lesions.iter().all(|lesion| probability(&lesion.findings, "rice_grain") > 0.5));
}

#[test]
fn a_bone_mask_from_elsewhere_decides() {
    let centre = [14.0, 4.0, 0.0];
    let paint =
        |p: [f64; 3]| (ball(p, centre, 13.0) && (p[0] + 8.0).hypot(p[1] - 4.0) > 10.0).then_some(450.0);
    let volume = limb("HFS", paint);
    let mut bones = Labels { size: volume.size, values: vec![0; volume.len()], geometry: volume.geometry };
    for (index, label) in bones.values.iter_mut().enumerate() {
        let at = |value: usize, axis: usize| (value as f64 - (SIZE[axis] as f64 - 1.0) / 2.0) * STEP;
        let (x, y) = (at(index % SIZE[0], 0), at(index / SIZE[0] % SIZE[1], 1));
        *label = u16::from((x + 8.0).hypot(y - 4.0) < 10.0) * 7;
    }
    let analysis =
        analyse(&volume, &Options { bones: Some(&bones), ..Options::default() }, &|_, _| {}).unwrap();
    let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
    assert!((0.75..1.15).contains(&(lesion.volume_mm3 / 9000.0)), "{}", lesion.volume_mm3);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let volume = limb("HFS", |p| {
        (ball(p, [18.0, -8.0, 3.0], 6.0) || ball(p, [-4.0, -22.0, -9.0], 2.5)).then_some(520.0)
    });
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut analysis = pool.install(|| run(&volume));
        analysis.timings_ms.clear();
        analysis
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_cannot_be_analysed_is_refused() {
    let volume = limb("HFS", |_| None);
    let error = |volume: &Volume, options: &Options| analyse(volume, options, &|_, _| {}).unwrap_err();
    let air = Volume { values: vec![-1000; volume.len()], ..volume.clone() };
    assert_eq!(error(&air, &Options::default()), LesionError::NoBody);
    let short = Volume { values: vec![0; 10], ..volume.clone() };
    assert!(matches!(error(&short, &Options::default()), LesionError::Size { found: 10, .. }));
    let mut mr = volume.clone();
    mr.acquisition.modality = "MR".into();
    assert!(matches!(error(&mr, &Options::default()), LesionError::Modality { .. }));
    let bones = Labels { size: [1, 1, 1], values: vec![0], geometry: volume.geometry };
    assert!(matches!(
        error(&volume, &Options { bones: Some(&bones), ..Options::default() }),
        LesionError::BoneGrid { .. }
    ));
}

#[test]
fn an_unknown_position_is_said() {
    let analysis = run(&limb("", |_| None));
    assert!(
        analysis.warnings.iter().any(|warning| warning.contains("PatientPosition")),
        "{:?}",
        analysis.warnings
    );
}

/// Shells about fluid (young ossification) beside a shaft were once taken for bone and the study for free of
/// calcification: at every distance they are found, or at least the study does not deny them.
#[test]
fn a_shell_beside_a_shaft_is_no_bone() {
    let radius = 10.0;
    for gap in [-0.5, 0.5, 1.5, 3.0, 6.0] {
        for angle in [0.0_f64, 1.2, 2.4] {
            let reach = 10.0 + gap + radius;
            let centre = [-8.0 + reach * angle.cos(), 4.0 - reach * angle.sin(), 0.0];
            let volume = limb("HFS", |p| {
                let skin = p[0].hypot(p[1]);
                let distance = (0..3).map(|k| (p[k] - centre[k]).powi(2)).sum::<f64>().sqrt();
                let bone = (p[0] + 8.0).hypot(p[1] - 4.0) < 10.0;
                (skin < 30.0 && !bone && distance < radius).then_some(if distance > radius - 2.2 {
                    800.0
                } else {
                    60.0
                })
            });
            let analysis = run(&volume);
            let told = calcifications(&analysis);
            assert_eq!(told.len(), 1, "gap {gap} mm, {angle} rad: {:?}", analysis.lesions);
            assert!(told[0].volume_mm3 > 700.0, "gap {gap} mm: {} mm³", told[0].volume_mm3);
            assert!(analysis.findings.iter().all(|finding| finding.id != "no_calcification"));
        }
    }
}

/// A spur on each of two bones: the gap is the way between them, also where they are so near that they are one lesion,
/// and metal beside it is told.
#[test]
fn the_gap_between_spurs_of_two_bones_is_measured() {
    // the second bone lies 13 mm from the first on the line through its middle
    let second = |p: [f64; 3]| (p[0] - 22.0).hypot(p[1] - 4.0);
    let [from, to] = [2.0, 15.0];
    for (gap_mm, lesions, with_metal) in [(3.0, 1, false), (8.0, 2, false), (3.0, 1, true)] {
        let length = (to - from - gap_mm) / 2.0;
        let volume = limb("HFS", |p| {
            let across = (p[1] - 4.0).abs() < 4.0 && p[2].abs() < 9.0;
            let spur = (from - 1.0..from + length).contains(&p[0]) || (to - length..to + 1.0).contains(&p[0]);
            let wire = (p[0] - 8.5).hypot(p[1] + 5.0) < 1.5 && p[2].abs() < 8.0;
            match second(p) {
                _ if with_metal && wire => Some(3071.0),
                bone if bone < 4.0 => Some(-40.0),
                bone if bone < 7.0 => Some(1300.0),
                _ if across && spur && (p[0] + 8.0).hypot(p[1] - 4.0) >= 10.0 => Some(600.0),
                _ => None,
            }
        });
        let mut bones = Labels { size: SIZE, values: vec![0; volume.len()], geometry: volume.geometry };
        for (index, value) in bones.values.iter_mut().enumerate() {
            let at = [index % SIZE[0], index / SIZE[0] % SIZE[1], index / SIZE[0] / SIZE[1]];
            let p: [f64; 3] =
                std::array::from_fn(|axis| (at[axis] as f64 - (SIZE[axis] as f64 - 1.0) / 2.0) * STEP);
            *value = u16::from((p[0] + 8.0).hypot(p[1] - 4.0) < 10.0 || second(p) < 7.0);
        }
        let options = Options { bones: Some(&bones), ..Options::default() };
        let analysis = analyse(&volume, &options, &|_, _| {}).unwrap();
        let found = calcifications(&analysis);
        assert_eq!(found.len(), lesions, "{found:?}");
        let gap = analysis.gap.as_ref().unwrap();
        assert!((gap.mm - gap_mm).abs() < 0.4, "{gap:?} where {gap_mm} mm is true");
        assert!(gap.lesions.iter().all(Option::is_some), "{gap:?}");
        for end in gap.ends_mm {
            let middle = patient(&volume, [8.5, 4.0, 0.0]);
            assert!(((end[0] - middle[0]).abs() - gap_mm / 2.0).abs() < 0.4, "{gap:?}, middle {middle:?}");
        }
        assert_eq!(gap.in_streaks, with_metal, "{gap:?}");
        assert!((gap.uncertainty_mm - if with_metal { 2.0 * STEP } else { STEP }).abs() < 1e-9);
        let warned = analysis.warnings.iter().any(|warning| warning.contains("lies in streaks of metal"));
        assert_eq!(warned, with_metal, "{:?}", analysis.warnings);
    }
    // on one bone alone nothing is left between bones
    let alone = limb("HFS", |p| {
        (ball(p, [6.0, 4.0, 0.0], 6.0) && (p[0] + 8.0).hypot(p[1] - 4.0) >= 10.0).then_some(600.0)
    });
    assert_eq!(run(&alone).gap, None);
}

/// Plaques of an artery, grains in a row where an artery may run, and a spindle with a shell.
#[test]
fn walls_about_a_lumen_are_vascular_and_grains_and_shells_are_not() {
    // off the axis of a line along the limb, and place along it
    let line = |p: [f64; 3]| ((p[0] - 16.0).hypot(p[1] + 6.0), p[2]);
    type On = dyn Fn([f64; 3]) -> bool;
    let plaques = move |p: [f64; 3]| {
        let (off, along) = line(p);
        let side = if along < 0.0 { p[0] > 15.0 } else { p[1] < -5.0 };
        let piece = [(-24.0, -12.0), (-7.0, 6.0), (12.0, 24.0)].iter().any(|&(a, b)| a < along && along < b);
        (3.0..4.5).contains(&off) && side && piece
    };
    let grains = move |p: [f64; 3]| {
        let (off, along) = line(p);
        [-21.0, -7.0, 7.0, 21.0].iter().any(|middle| off < 1.7 && (along - middle).abs() < 3.6)
    };
    let spindle = move |p: [f64; 3]| {
        let (off, along) = line(p);
        let within = |radius: f64, half: f64| (off / radius).powi(2) + (along / half).powi(2) < 1.0;
        within(7.0, 20.0) && !within(5.0, 18.0)
    };
    let cases: [(&str, &On, usize, Kind); 3] = [
        ("plaques", &plaques, 3, Kind::Vascular),
        ("grains", &grains, 4, Kind::Calcification),
        ("spindle", &spindle, 1, Kind::Calcification),
    ];
    for (name, on, count, kind) in cases {
        let analysis = run(&limb("HFS", |p| on(p).then_some(700.0)));
        let kinds: Vec<Kind> = analysis.lesions.iter().map(|lesion| lesion.kind).collect();
        assert_eq!(kinds, vec![kind; count], "{name}: {:?}", analysis.lesions);
    }
}

#[test]
fn plaques_end_to_end_are_an_artery_with_others_beside_it_and_rods_across_are_none() {
    // three arteries of a thigh 9 mm apart, each with short solid plaques that no two lines share
    let vascular = |turned: bool| {
        let plaque = move |p: [f64; 3]| {
            [12.0, 18.0, 24.0].iter().enumerate().any(|(line, x)| {
                [-21.0, -7.0, 7.0, 21.0].iter().any(|middle| {
                    let along = p[2] - middle - line as f64;
                    let (along, across) = if turned { (p[1] + 8.0, along) } else { (along, p[1] + 8.0) };
                    (p[0] - x).hypot(across) < 1.0 && along.abs() < 3.6
                })
            })
        };
        let analysis = run(&enlarged(limb("HFS", |p| plaque(p).then_some(600.0))));
        assert_eq!(analysis.lesions.len(), 12, "{:?}", analysis.lesions);
        analysis.lesions.iter().filter(|lesion| lesion.kind == Kind::Vascular).count()
    };
    assert_eq!(vascular(false), 12);
    assert!(vascular(true) <= 2, "{}", vascular(true));
}

#[test]
fn a_long_round_rod_is_a_small_artery_in_the_depth_and_a_deposit_below_the_skin() {
    let kind = |x: f64, half: f64| {
        let rod = move |p: [f64; 3]| (p[0] - x).hypot(p[1] + 6.0) < 1.9 && p[2].abs() < half;
        let analysis = run(&limb("HFS", |p| rod(p).then_some(600.0)));
        let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
        lesion.kind
    };
    assert_eq!(kind(17.0, 18.0), Kind::Vascular);
    assert_eq!(kind(17.0, 5.0), Kind::Calcification);
    assert_eq!(kind(31.0, 18.0), Kind::Calcification);
}

#[test]
fn a_net_of_sheets_is_several_lesions_and_a_mass_of_nodules_one() {
    // two plates bent about the limb, 6 mm from each other, and two nodules 5 mm from each other
    let plates = run(&limb("HFS", |p| {
        let (off, angle) = (p[0].hypot(p[1]), p[1].atan2(p[0]));
        let plate =
            angle < 0.9 && angle > -2.4 && (p[2].abs() - 10.0).abs() < 7.0 && (22.0..24.0).contains(&off);
        plate.then_some(600.0)
    }));
    assert_eq!(calcifications(&plates).len(), 2, "{:?}", plates.lesions);
    let nodules =
        run(&limb("HFS", |p| [-10.0, 10.0].iter().any(|&z| ball(p, [17.0, -8.0, z], 7.5)).then_some(600.0)));
    assert_eq!(calcifications(&nodules).len(), 1, "{:?}", nodules.lesions);
}

#[test]
fn small_foci_about_one_ball_of_undivided_tissue_are_the_mineral_of_a_mass() {
    // planes of fat 8 mm apart, all through the muscle or but for a ball
    let centre = [12.0, -8.0, 0.0];
    let mass = |without_planes: bool| {
        let foci =
            [[6.0, 0.0, 0.0], [-5.0, 3.0, 4.0], [0.0, -7.0, -4.0], [2.0, 4.0, -9.0], [-3.0, -4.0, 8.0]];
        let analysis = run(&limb("HFS", |p| {
            let plane = p.iter().any(|value| value.rem_euclid(8.0) < 1.6) && p[0].hypot(p[1]) < 30.0;
            let bone = (p[0] + 8.0).hypot(p[1] - 4.0) < 12.0;
            if foci.iter().any(|focus| ball(p, std::array::from_fn(|k| centre[k] + focus[k]), 2.2)) {
                Some(500.0)
            } else if without_planes && ball(p, centre, 14.0) {
                Some(45.0)
            } else {
                (plane && !bone).then_some(-90.0)
            }
        }));
        probability(&analysis.findings, "soft_tissue_mass")
    };
    assert!(mass(true) > 0.5, "{}", mass(true));
    assert!(mass(false) < 0.3, "{}", mass(false));
}

/// A lesion of two densities has the border of the fainter one, and a faint lesion reaches below the threshold.
#[test]
fn the_border_is_that_of_the_density_just_inside() {
    let centre = [16.0, -6.0, 0.0];
    for (name, radius, hu, heart) in [
        ("a dense heart", 8.0_f64, 300.0, Some((4.5, 1100.0))),
        ("a dense side", 8.0, 280.0, Some((0.0, 800.0))),
        ("faint", 7.0, 175.0, None),
    ] {
        let analysis = run(&limb("HFS", |p| {
            let dense = heart.filter(|&(size, _)| ball(p, centre, size) || size == 0.0 && p[2] > 0.0);
            ball(p, centre, radius).then_some(dense.map_or(hu, |(_, hu)| hu))
        }));
        let truth = 4.0 / 3.0 * std::f64::consts::PI * radius.powi(3);
        let volume: f64 = calcifications(&analysis).iter().map(|lesion| lesion.volume_mm3).sum();
        assert!((volume / truth - 1.0).abs() < 0.06, "{name}: {volume:.0} mm3 of {truth:.0}");
    }
}

/// The volume in slices as thick as `slices` of its own.
fn thick(thin: Volume, slices: usize) -> Volume {
    let plane = SIZE[0] * SIZE[1];
    let values: Vec<i16> = (0..SIZE[2] / slices * plane)
        .map(|at| {
            let first = at / plane * slices * plane + at % plane;
            let sum: i32 = (0..slices).map(|k| i32::from(thin.values[first + k * plane])).sum();
            (sum / slices as i32) as i16
        })
        .collect();
    let mut volume = Volume { size: [SIZE[0], SIZE[1], SIZE[2] / slices], values, ..thin };
    volume.geometry.steps_mm[2][2] = STEP * slices as f64;
    volume
}

/// The voxels of the first and the last slice are as much edge as those at the sides.
#[test]
fn the_top_and_bottom_of_a_lesion_are_trimmed_in_thick_slices() {
    for (radius, z) in [(8.0_f64, 0.0), (8.0, 1.0), (8.0, 2.0), (6.0, 1.5)] {
        let volume = thick(limb("HFS", |p| ball(p, [16.0, -6.0, z], radius).then_some(700.0)), 5);
        let truth = 4.0 / 3.0 * std::f64::consts::PI * radius.powi(3);
        let analysis = run(&volume);
        let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
        assert!((lesion.volume_mm3 / truth - 1.0).abs() < 0.07, "{} of {truth}", lesion.volume_mm3);
        let partial_mm3 = lesion.volume_partial_mm3;
        assert!((partial_mm3 / truth - 1.0).abs() < 0.02, "{partial_mm3} of {truth}");
    }
}

#[test]
fn a_mass_on_the_cortex_is_split_from_the_bone_in_slices_of_three_millimetres() {
    let mass = |p: [f64; 3]| ball(p, [14.0, 4.0, 0.0], 13.0) && (p[0] + 8.0).hypot(p[1] - 4.0) > 10.0;
    let analysis = run(&thick(limb("HFS", |p| mass(p).then_some(450.0)), 4));
    let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
    assert!((0.7..1.2).contains(&(lesion.volume_mm3 / 9000.0)), "{}", lesion.volume_mm3);
}

/// Three specks of a few voxels that happen to lie in a row are neither grains nor a vessel.
#[test]
fn the_shape_of_specks_is_not_told_in_thick_slices() {
    let specks = [[18.0, -6.0, -20.0], [15.0, -8.0, -2.0], [17.0, -5.0, 18.0]];
    let speck = |p: [f64; 3], c: &[f64; 3]| ball([p[0], p[1], c[2] + (p[2] - c[2]) / 2.5], *c, 1.1);
    let analysis = run(&thick(limb("HFS", |p| specks.iter().any(|c| speck(p, c)).then_some(700.0)), 4));
    assert_eq!(analysis.lesions.len(), 3, "{:?}", analysis.lesions);
    for lesion in &analysis.lesions {
        assert!(lesion.kind != Kind::Vascular || lesion.probability < 0.6, "{lesion:?}");
        for id in ["rice_grain", "linear_lamellar", "phlebolith_like"] {
            assert!(probability(&lesion.findings, id) < 0.5, "{id}: {lesion:?}");
        }
    }
}

/// A plate with fat along it lies in a fascia, one in the midst of muscle does not, and the ragged mask of faint mineral
/// is none.
#[test]
fn a_fascial_sheet_has_fat_along_it_and_an_outline() {
    let plate =
        |p: [f64; 3], half: f64| (p[0] - 10.0).abs() < half && (p[1] + 6.0).abs() < 12.0 && p[2].abs() < 17.0;
    for (name, hu, fat, sheet, fascial) in [
        ("in a plane of fat", 600.0, true, true, true),
        ("in muscle", 600.0, false, true, false),
        ("faint, in muscle", 150.0, false, false, false),
    ] {
        let analysis = run(&limb("HFS", |p| {
            if plate(p, 1.2) { Some(hu) } else { (fat && plate(p, 3.5)).then_some(-100.0) }
        }));
        for (id, there) in [("sheet_like", sheet), ("fascial_plane", fascial)] {
            let told = probability(&analysis.findings, id);
            assert!(
                if there { told > 0.5 } else { told < 0.3 },
                "{name}: {id} {told}, {:?}",
                analysis.lesions
            );
        }
    }
}

#[test]
fn lesions_keep_their_ids_when_more_slices_come() {
    let whole = limb("HFS", |p| {
        let small = ball(p, [15.0, 0.0, -15.0], 4.0);
        let large = ball(p, [15.0, 0.0, 12.0], 7.0);
        (small || large).then_some(600.0)
    });
    let part = {
        let slices = 36;
        let values = whole.values[..slices * SIZE[0] * SIZE[1]].to_vec();
        Volume { size: [SIZE[0], SIZE[1], slices], values, ..whole.clone() }
    };
    let before = run(&part);
    let [small] = calcifications(&before)[..] else { panic!("{:?}", before.lesions) };
    let first = run(&whole);
    let mut again = first.clone();
    assert!(again.keep_ids(&before.labels, 7));
    let near = |analysis: &Analysis, z: f64| {
        let found = calcifications(analysis)
            .into_iter()
            .find(|lesion| (lesion.centre_mm[2] - patient(&whole, [15.0, 0.0, z])[2]).abs() < 2.0);
        found.unwrap().clone()
    };
    assert_ne!(
        near(&first, -15.0).id,
        small.id,
        "the large one comes first, so that there is something to keep"
    );
    assert_eq!(near(&again, -15.0).id, small.id);
    assert!(near(&again, 12.0).id >= 7);
    for lesion in &again.lesions {
        let voxels = again.labels.values.iter().filter(|id| **id == lesion.id).count();
        let was = first.lesions.iter().find(|other| other.centre_mm == lesion.centre_mm).unwrap();
        assert_eq!(voxels, first.labels.values.iter().filter(|id| **id == was.id).count());
    }
    let named = |analysis: &Analysis, id: u16| {
        analysis
            .findings
            .iter()
            .filter(|finding| finding.because.starts_with(&format!("lesion {id}:")))
            .count()
    };
    let (large, kept) = (near(&again, 12.0).id, near(&first, 12.0).id);
    assert!(named(&first, kept) > 0);
    assert_eq!(named(&again, large), named(&first, kept));
    // nothing is changed where the ids do not suffice
    let mut full = first.clone();
    let none = Labels { values: vec![0; before.labels.values.len()], ..before.labels.clone() };
    assert!(!full.keep_ids(&none, u16::MAX));
    assert_eq!(full, first);
}

#[test]
fn skin_that_a_sharp_kernel_brightens_is_no_calcification() {
    let volume = limb("HFS", |p| (35.5..37.0).contains(&p[0].hypot(p[1])).then_some(190.0));
    let analysis = run(&volume);
    assert!(analysis.lesions.iter().any(|lesion| lesion.kind == Kind::Artefact), "{:?}", analysis.lesions);
    assert!(calcifications(&analysis).is_empty(), "{:?}", analysis.lesions);
    // a sharper one leaves brighter films, in patches
    let volume = limb("HFS", |p| {
        let patch = p[1].atan2(p[0]).rem_euclid(0.5) < 0.35 && p[2].rem_euclid(14.0) < 10.0;
        (patch && (35.7..37.0).contains(&p[0].hypot(p[1]))).then_some(222.0)
    });
    let analysis = run(&volume);
    assert!(analysis.lesions.iter().any(|lesion| lesion.kind == Kind::Artefact), "{:?}", analysis.lesions);
    assert!(calcifications(&analysis).is_empty(), "{:?}", analysis.lesions);
    // beside many of them, one that goes far around is another
    let volume = limb("HFS", |p| {
        let angle = p[1].atan2(p[0]).rem_euclid(std::f64::consts::TAU);
        let patch = angle < 4.0 && angle.rem_euclid(0.5) < 0.35 && p[2].rem_euclid(14.0) < 10.0;
        let around = (4.3..6.0).contains(&angle) && p[2].abs() < 14.0;
        ((patch || around) && (35.7..37.0).contains(&p[0].hypot(p[1]))).then_some(232.0)
    });
    let analysis = run(&volume);
    assert!(calcifications(&analysis).is_empty(), "{:?}", analysis.lesions);
    // mineral just below the skin is one, and bright
    let volume = limb("HFS", |p| ball(p, [33.0, 0.0, 0.0], 2.5).then_some(600.0));
    assert_eq!(calcifications(&run(&volume)).len(), 1);
}

#[test]
fn a_broad_streak_of_metal_is_no_calcification_and_new_bone_is() {
    let (metal, streak, bone) = ([16.0, 14.0, 0.0], [16.0, -16.0, 0.0], [-6.0, -18.0, 6.0]);
    let volume = limb("HFS", |p| {
        let hu = [(metal, 4.0, 3000.0), (streak, 5.0, 165.0), (bone, 4.0, 520.0)];
        hu.into_iter().find_map(|(centre, radius, hu)| ball(p, centre, radius).then_some(hu))
    });
    let analysis = run(&volume);
    let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
    assert!(ball(lesion.centre_mm, patient(&volume, bone), 1.0), "{:?}", lesion.centre_mm);
}

#[test]
fn a_streak_of_metal_within_a_slice_is_no_calcification() {
    let volume = limb("HFS", |p| {
        let streak = (p[0] - 8.0).abs() < 11.0 && (p[1] + 17.0).abs() < 1.8 && (5.6..6.4).contains(&p[2]);
        ball(p, [16.0, 14.0, 0.0], 4.0).then_some(3000.0).or(streak.then_some(280.0))
    });
    let analysis = run(&volume);
    assert!(analysis.lesions.iter().any(|lesion| lesion.kind == Kind::Artefact), "{:?}", analysis.lesions);
    assert!(calcifications(&analysis).is_empty(), "{:?}", analysis.lesions);
}

#[test]
fn a_faint_blob_far_from_metal_is_its_streak_only_in_its_slices() {
    let found = |blob: [f64; 3], hu: f64| {
        let volume = limb("HFS", |p| match () {
            () if ball(p, [-26.0, 8.0, -6.0], 4.0) => Some(3000.0),
            () if ball(p, blob, 3.0) => Some(hu),
            () => None,
        });
        calcifications(&run(&enlarged(enlarged(volume)))).len()
    };
    assert_eq!(found([25.0, -4.0, -6.0], 155.0), 0);
    assert_eq!(found([25.0, -4.0, 14.0], 155.0), 1);
    assert_eq!(found([25.0, -4.0, -6.0], 400.0), 1);
}

#[test]
fn a_long_tube_of_enhanced_blood_is_contrast_and_a_calcified_one_is_none() {
    let kinds = |blood: f64, wall: f64, bore: f64| {
        let analysis = run(&enlarged(enlarged(limb("HFS", |p| match (p[0] - 17.0).hypot(p[1] + 8.0) {
            off if off < bore => Some(blood),
            off if off < bore + 0.6 => Some(wall),
            _ => None,
        }))));
        analysis.lesions.iter().map(|lesion| lesion.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(290.0, 290.0, 2.4), [Kind::Contrast]);
    assert_eq!(kinds(600.0, 600.0, 0.8), [Kind::Calcification]);
}

/// Beside a vessel full of contrast; alone it could be a sheet.
#[test]
fn a_slender_branch_of_the_density_of_an_enhanced_vessel_is_contrast_where_there_is_one() {
    let branch = |p: [f64; 3]| (p[0] - 17.0).hypot(p[1] - 10.0) < 1.1 && p[2].abs() < 22.0;
    let trunk = |p: [f64; 3]| (p[0] - 17.0).hypot(p[1] + 8.0) < 3.0;
    let kinds = |with_trunk: bool| {
        let analysis = run(&enlarged(enlarged(limb("HFS", |p| {
            (branch(p) || (with_trunk && trunk(p))).then_some(290.0)
        }))));
        analysis.lesions.iter().map(|lesion| lesion.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(true), [Kind::Contrast; 2]);
    assert!(!kinds(false).contains(&Kind::Contrast), "{:?}", kinds(false));
}

/// The stem takes the place of the marrow, from which the cortex about it is far.
#[test]
fn the_bone_about_a_stem_is_no_deposit() {
    let volume = limb("HFS", |p| match (p[0] + 8.0).hypot(p[1] - 4.0) {
        off if p[2] > -10.0 && off < 6.5 => Some(3000.0),
        off if off < 10.0 && off > 5.5 => Some(1000.0),
        _ => None,
    });
    let analysis = run(&volume);
    assert!(calcifications(&analysis).is_empty(), "{:?}", analysis.lesions);
}

#[test]
fn new_bone_that_touches_metal_is_parted_from_it() {
    let (metal, bone) = ([14.0, 12.0, -6.0], [14.0, 12.0, 5.5]);
    let volume = limb("HFS", |p| {
        let hu = [(metal, 5.0, 3000.0), (bone, 7.0, 600.0)];
        hu.into_iter().find_map(|(centre, radius, hu)| ball(p, centre, radius).then_some(hu))
    });
    let analysis = run(&volume);
    let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
    assert!(ball(lesion.centre_mm, patient(&volume, bone), 2.5), "{:?}", lesion.centre_mm);
    assert!(analysis.lesions.iter().any(|lesion| lesion.kind == Kind::Metal), "{:?}", analysis.lesions);
}

#[test]
fn a_cast_is_no_calcification() {
    let volume = limb("HFS", |p| (40.5..42.5).contains(&p[0].hypot(p[1])).then_some(260.0));
    let analysis = run(&volume);
    assert!(calcifications(&analysis).is_empty(), "{:?}", analysis.lesions);
    // a grain that lifts the skin is one
    let volume = limb("HFS", |p| ball(p, [38.0, 0.0, 0.0], 2.5).then_some(600.0));
    assert_eq!(calcifications(&run(&volume)).len(), 1);
}

#[test]
fn a_low_ridge_along_a_shaft_is_no_deposit() {
    let ridge = |p: [f64; 3]| {
        let (x, y) = (p[0] + 8.0, p[1] - 4.0);
        (10.0..12.5).contains(&x.hypot(y)) && y.abs() < 3.0 && x > 0.0 && p[2].abs() < 18.0
    };
    let analysis = run(&limb("HFS", |p| ridge(p).then_some(1200.0)));
    assert!(calcifications(&analysis).is_empty(), "{:?}", analysis.lesions);
}

/// A joint: the bone of [`limb`] ends in caps of cortex 3 mm above and below the middle slice; `paint` may overrule that.
fn joint(paint: impl Fn([f64; 3]) -> Option<f64>) -> Volume {
    limb("HFS", |p| {
        paint(p).or_else(|| {
            let bone = (p[0] + 8.0).hypot(p[1] - 4.0);
            match p[2].abs() {
                _ if bone >= 10.0 => None,
                beyond if beyond < 3.0 => Some(55.0),
                beyond if beyond < 5.0 => Some(1300.0),
                _ => None,
            }
        })
    })
}

/// The same in a foot.
fn foot(paint: impl Fn([f64; 3]) -> Option<f64>) -> Volume {
    let mut volume = joint(paint);
    volume.acquisition.body_part = "FOOT".into();
    volume
}

#[test]
fn a_loose_body_in_a_slender_limb_is_bone_where_it_is_as_dense_as_cortex_throughout() {
    // a rod six millimetres off the bone, as a phalanx without marrow lies beside the next
    let rod = |p: [f64; 3]| (p[0] - 12.0).hypot(p[1] - 4.0) < 3.2 && p[2].abs() < 7.0;
    let solid = run(&foot(|p| rod(p).then_some(1300.0)));
    assert!(calcifications(&solid).is_empty(), "{:?}", solid.lesions);
    // chalk with grains as dense as cortex in it is fainter between them
    let grain = |p: [f64; 3]| ball(p, [12.0, 4.0, -3.5], 2.0) || ball(p, [12.0, 4.0, 3.5], 2.0);
    let chalk = run(&foot(|p| rod(p).then_some(if grain(p) { 1300.0 } else { 500.0 })));
    let [lesion] = calcifications(&chalk)[..] else { panic!("{:?}", chalk.lesions) };
    assert!(lesion.max_hu > 850.0 && lesion.mean_hu > 420.0, "{lesion:?}");
}

#[test]
fn a_long_round_rod_beside_a_small_bone_is_the_next_bone() {
    // so blurred that its marrow is not seen
    let rod = |p: [f64; 3], half: f64| (p[0] - 8.0).hypot(p[1] - 4.0) < 3.6 && p[2].abs() < half;
    let long = run(&foot(|p| rod(p, 12.0).then_some(420.0)));
    assert!(calcifications(&long).is_empty(), "{:?}", long.lesions);
    let short = run(&foot(|p| rod(p, 4.0).then_some(420.0)));
    assert_eq!(calcifications(&short).len(), 1, "{:?}", short.lesions);
}

#[test]
fn a_small_compact_body_at_a_joint_is_a_sesamoid_where_it_is_alone() {
    let bead = |p: [f64; 3], x: f64, y: f64, z: f64| ball(p, [x, y, z], 2.1);
    let alone = run(&foot(|p| bead(p, 6.5, 4.0, 4.0).then_some(1000.0)));
    assert!(calcifications(&alone).is_empty(), "{:?}", alone.lesions);
    let beads = |p: [f64; 3]| {
        bead(p, 6.5, 4.0, 4.0)
            || bead(p, 16.0, -8.0, 0.0)
            || bead(p, 14.0, 10.0, -9.0)
            || bead(p, 4.0, -16.0, 9.0)
    };
    let four = run(&foot(|p| beads(p).then_some(1000.0)));
    assert_eq!(calcifications(&four).len(), 4, "{:?}", four.lesions);
}

#[test]
fn a_shell_about_marrow_beside_a_small_bone_is_bone_and_a_solid_body_is_none() {
    // a sesamoid of the great toe, thin walled, beside others
    let pair = [[7.6, 9.0, 4.0], [7.6, -1.0, 4.0], [-8.0, -11.6, 4.0]];
    let inside = |p: [f64; 3], radius: f64| pair.iter().any(|&centre| ball(p, centre, radius));
    let hollow = run(&joint(|p| inside(p, 4.2).then(|| if inside(p, 3.0) { 60.0 } else { 1200.0 })));
    assert!(calcifications(&hollow).is_empty(), "{:?}", hollow.lesions);
    let solid = run(&joint(|p| inside(p, 4.2).then_some(400.0)));
    let bodies: usize = calcifications(&solid).iter().map(|lesion| lesion.components).sum();
    assert_eq!(bodies, 3, "{:?}", solid.lesions);
}

#[test]
fn two_bodies_alike_at_a_joint_are_its_sesamoids_and_one_or_three_may_be_deposits() {
    let bead = |p: [f64; 3], y: f64, z: f64| ball(p, [9.5, y, z], 2.4);
    let found = |beads: &dyn Fn([f64; 3]) -> bool| {
        let analysis = run(&foot(|p| beads(p).then_some(380.0)));
        calcifications(&analysis).iter().map(|lesion| lesion.components).sum::<usize>()
    };
    assert_eq!(found(&|p| bead(p, 9.0, 5.0)), 1);
    assert_eq!(found(&|p| bead(p, 9.0, 5.0) || bead(p, 0.0, 5.0)), 0);
    assert_eq!(found(&|p| bead(p, 9.0, 5.0) || bead(p, 0.0, 5.0) || bead(p, 4.5, 14.0)), 3);
}

#[test]
fn sesamoids_that_blur_into_one_are_bone_and_a_rod_as_long_is_none() {
    let found = |between: f64| {
        let lobes = |p: [f64; 3]| ball(p, [9.5, 7.1, 5.0], 2.4) || ball(p, [9.5, 0.9, 5.0], 2.4);
        let waist = |p: [f64; 3]| (p[0] - 9.5).hypot(p[2] - 5.0) < 1.8 && (p[1] - 4.0).abs() < 3.0;
        let paint = |p: [f64; 3]| lobes(p).then_some(600.0).or_else(|| waist(p).then_some(between));
        calcifications(&run(&foot(paint))).len()
    };
    assert_eq!(found(300.0), 0);
    assert_eq!(found(600.0), 1);
}

/// A knee in a study of the thigh, and a body of mature bone where no joint is.
#[test]
fn the_patella_is_bone_where_the_field_shows_a_joint_and_a_whole_bone_beside_a_shaft_is_new() {
    let patella = |p: [f64; 3]| {
        let within = |shell: f64| {
            let axes = [12.0 - shell, 6.5 - shell, 12.0 - shell];
            let from = [p[0] + 8.0, p[1] + 14.5, p[2]];
            (0..3).map(|k| (from[k] / axes[k]).powi(2)).sum::<f64>() < 1.0
        };
        within(0.0).then(|| if within(1.4) { 200.0 } else { 1300.0 })
    };
    assert_eq!(calcifications(&run(&enlarged(joint(patella)))).len(), 0);
    assert_eq!(calcifications(&run(&enlarged(limb("HFS", patella)))).len(), 1);
}

/// A limb as large as a trunk.
fn trunk(paint: impl Fn([f64; 3]) -> Option<f64>) -> Volume {
    let mut trunk = enlarged(enlarged(enlarged(limb("HFS", paint))));
    trunk.acquisition.body_part = "ABDOMEN".into();
    trunk
}

#[test]
fn shells_about_marrow_alike_on_both_sides_of_a_trunk_are_bones() {
    let shell = |p: [f64; 3], x: f64| {
        let off = ((p[0] - x).powi(2) + (p[1] - 18.0).powi(2) + p[2].powi(2)).sqrt();
        (off < 6.0).then_some(if off < 4.6 { 60.0 } else { 1000.0 })
    };
    let found =
        |other: f64| calcifications(&run(&trunk(|p| shell(p, 20.0).or_else(|| shell(p, other))))).len();
    assert_eq!(found(-20.0), 0);
    assert_eq!(found(20.0), 1);
}

#[test]
fn a_pool_in_the_midline_of_a_trunk_is_contrast_where_contrast_was_given() {
    let kind = |contrast: bool| {
        let mut volume = trunk(|p| ball(p, [0.0, -14.0, 0.0], 7.0).then_some(650.0));
        volume.acquisition.contrast_agent = Some(contrast);
        run(&volume).lesions.iter().map(|lesion| lesion.kind).collect::<Vec<_>>()
    };
    assert_eq!(kind(true), [Kind::Contrast]);
    assert_ne!(kind(false), [Kind::Contrast]);
}

#[test]
fn small_foci_in_the_depth_of_a_pelvis_are_vascular_where_they_are_several() {
    let vascular = |count: usize| {
        let places = [[14.0, -6.0, -8.0], [15.0, -2.0, 2.0], [14.0, 2.0, 9.0]];
        let mut volume = trunk(|p| places[..count].iter().any(|&place| ball(p, place, 1.3)).then_some(700.0));
        volume.acquisition.body_part = "PELVIS".into();
        run(&volume).lesions.iter().filter(|lesion| lesion.kind == Kind::Vascular).count()
    };
    assert_eq!(vascular(3), 3);
    assert_eq!(vascular(2), 0);
}

/// A finger along the slices that ends at `end` mm above the middle slice, with its bone, in the picture of a hand or
/// foot; `chalk` lies in it.
fn finger(end: f64, body_part: &str, chalk: impl Fn([f64; 3]) -> bool) -> Volume {
    let mut finger = limb("HFS", |p| {
        let beyond = (p[2] - (end - 8.0)).max(0.0);
        let skin = (p[0] - 8.0).hypot(p[1] - 4.0).hypot(beyond);
        let bone = (p[0] - 8.0).hypot(p[1] - 4.0).hypot((p[2] - (end - 7.0)).max(0.0));
        Some(match (skin, bone) {
            _ if chalk(p) => 600.0,
            (skin, _) if skin > 9.5 => -1000.0,
            (_, bone) if bone < 1.5 => 200.0,
            (_, bone) if bone < 3.2 => 1100.0,
            _ => 20.0,
        })
    });
    body_part.clone_into(&mut finger.acquisition.body_part);
    finger
}

#[test]
fn the_pulp_of_a_fingertip_is_told_from_the_middle_of_a_finger_and_from_a_toe() {
    let flake = |p: [f64; 3]| {
        let bulge = 0.6 * (p[2] * 1.3).sin() + 0.5 * (p[1] * 1.7).cos();
        (p[0] - 13.8 - bulge).abs() < 0.9 && (p[1] - 4.0).abs() < 3.5 && p[2].abs() < 3.0
    };
    let told = |end: f64, body_part: &str| {
        let analysis = run(&finger(end, body_part, flake));
        let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
        probability(&lesion.findings, "fingertip_palmar")
    };
    let at_the_end = told(6.0, "HAND");
    assert!(at_the_end > 0.6, "{at_the_end}");
    let midway = told(26.0, "HAND");
    assert!(midway < 0.1, "{midway}");
    assert_eq!(told(6.0, "FOOT"), 0.0);
}

#[test]
fn a_sheet_that_touches_bone_along_its_edge_is_not_attached_to_it_broadly() {
    // a plate of two millimetres that runs from the cortex to the subcutis
    let sheet = |p: [f64; 3]| p[0] > 2.0 && p[0] < 26.0 && (p[1] - 4.0).abs() < 1.0 && p[2].abs() < 18.0;
    let analysis = run(&limb("HFS", |p| sheet(p).then_some(700.0)));
    let [lesion] = calcifications(&analysis)[..] else { panic!("{:?}", analysis.lesions) };
    assert!(lesion.bone_contact_mm2 > 30.0, "{lesion:?}");
    let broad = probability(&lesion.findings, "broad_bone_attachment");
    assert!(broad < 0.05, "{broad}");
    assert!(probability(&lesion.findings, "juxtacortical") < 0.05, "{lesion:?}");
    // nor does it wear the cortex away
    assert!(probability(&lesion.findings, "cortical_erosion") < 0.1, "{lesion:?}");
}

#[test]
fn a_round_body_beside_a_phalanx_may_be_a_sesamoid_midway_and_not_in_the_fingertip() {
    let deposit = |end: f64| {
        let analysis = run(&finger(end, "HAND", |p| ball(p, [15.0, 4.0, 0.0], 2.3)));
        let [lesion] = &analysis.lesions[..] else { panic!("{:?}", analysis.lesions) };
        if lesion.kind == Kind::Calcification { lesion.probability } else { 1.0 - lesion.probability }
    };
    assert!(deposit(6.0) > 0.85, "{}", deposit(6.0));
    assert!(deposit(26.0) < 0.6, "{}", deposit(26.0));
}

/// Half as large again: a thigh or knee and no hand.
fn enlarged(mut volume: Volume) -> Volume {
    volume.geometry.steps_mm = volume.geometry.steps_mm.map(|step| step.map(|value| 1.5 * value));
    volume
}

#[test]
fn a_lone_shell_about_trabeculae_beside_bone_is_a_small_bone_and_a_solid_body_is_none() {
    let body = |core: f64| {
        let centre = [9.5, 4.0, 6.0];
        run(&enlarged(joint(|p| match () {
            () if ball(p, centre, 2.6) => Some(core),
            () if ball(p, centre, 4.2) => Some(580.0),
            () => None,
        })))
    };
    let shell = body(280.0);
    assert!(calcifications(&shell).is_empty(), "{:?}", shell.lesions);
    let solid = body(580.0);
    assert_eq!(calcifications(&solid).len(), 1, "{:?}", solid.lesions);
}

#[test]
fn what_the_first_slice_cuts_is_bone_where_it_is_alone_and_a_deposit_among_many() {
    // a plate that the first slice cuts; beads higher up
    let plate = |p: [f64; 3]| p[2] < -14.0 && (p[0] - 18.0).abs() < 2.0 && (p[1] + 4.0).abs() < 9.0;
    let beads = |p: [f64; 3]| {
        (0..8).any(|at: i32| {
            let angle = f64::from(at) * std::f64::consts::FRAC_PI_4;
            ball(p, [-8.0 + 19.0 * angle.cos(), 4.0 + 19.0 * angle.sin(), 12.0], 3.2)
        })
    };
    let found = |with_beads: bool| {
        let volume = limb("HFS", |p| (plate(p) || (with_beads && beads(p))).then_some(600.0));
        let place = patient(&volume, [18.0, -4.0, -20.0]);
        let analysis = run(&volume);
        let near = |lesion: &&Lesion| (0..3).all(|k| (lesion.centre_mm[k] - place[k]).abs() < 6.0);
        calcifications(&analysis).into_iter().any(|lesion| near(&lesion))
    };
    assert!(!found(false));
    assert!(found(true));
}

#[test]
fn what_the_first_slice_clips_is_judged_by_its_form_and_what_it_halves_is_bone() {
    let found = |above: f64| {
        let first = -(SIZE[2] as f64 - 1.0) / 2.0 * STEP;
        let volume = limb("HFS", |p| ball(p, [22.0, -8.0, first + above], 8.0).then_some(600.0));
        calcifications(&run(&volume)).len()
    };
    assert_eq!(found(7.2), 1);
    assert_eq!(found(0.0), 0);
}

#[test]
fn a_bit_beside_bone_that_the_first_slice_cuts_is_bone_and_one_within_is_none() {
    // the end of a bone, 12 mm of it, and the bit
    let found = |above: f64| {
        let first = -(SIZE[2] as f64 - 1.0) / 2.0 * STEP;
        let end = |p: [f64; 3]| {
            let bone = (p[0] + 8.0).hypot(p[1] - 4.0) < 10.0;
            (bone && p[2] > -18.0).then_some(if p[2] > -16.0 { 55.0 } else { 1300.0 })
        };
        let bit = |p: [f64; 3]| ball(p, [12.0, 4.0, first + above], 2.5).then_some(600.0);
        calcifications(&run(&enlarged(limb("HFS", |p| bit(p).or_else(|| end(p)))))).len()
    };
    assert_eq!(found(12.0), 1);
    assert_eq!(found(0.5), 0);
}

#[test]
fn noise_in_a_tendon_is_no_calcification() {
    let mut volume = limb("HFS", |p| {
        let tendon = (p[0] - 14.0).hypot(p[1] + 6.0) < 6.0;
        tendon.then_some(100.0)
    });
    // a sharp kernel: noise of about 40 HU
    let mut noise = noise(0x2545_f491_4f6c_dd1d, 68.0);
    for value in &mut volume.values {
        *value += noise().round() as i16;
    }
    let analysis = run(&volume);
    assert!(calcifications(&analysis).is_empty(), "{:?}", analysis.lesions);
}

#[test]
fn of_what_the_field_cuts_on_bone_a_corner_is_bone_and_a_mass_is_none() {
    // on the cortex of a bone that ends, cut by the first slice
    let found = |x: f64, radius: f64| {
        let mass = |p: [f64; 3]| ball(p, [x, 4.0, -28.0], radius).then_some(900.0);
        let analysis = run(&enlarged(joint(mass)));
        calcifications(&analysis).iter().map(|lesion| lesion.volume_mm3).sum::<f64>()
    };
    assert!(found(1.0, 6.0) < 1.0, "{}", found(1.0, 6.0));
    assert!(found(9.0, 13.0) > 2000.0, "{}", found(9.0, 13.0));
}
