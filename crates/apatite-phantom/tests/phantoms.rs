//! The phantoms against what is known of them: analytic volumes, gravity, attenuations, DICOM read back.

#![allow(clippy::unwrap_used, reason = "clippy excuses test functions, not their helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use apatite_phantom::{Options, PatientPosition, Phantom, Visit, make, patterns};
use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, open_file};

/// Small and without noise, for tests of geometry; the field of view stays.
fn small(seed: u64) -> Options {
    Options { seed, size: Some([96, 96, 64]), noise_hu: Some(0.0), ..Options::default() }
}

fn made(pattern: &str, options: &Options) -> Phantom {
    make(pattern, options).unwrap()
}

#[test]
fn the_same_bytes_on_one_thread_and_two() {
    let options = Options { seed: 5, size: Some([80, 72, 40]), ..Options::default() };
    for pattern in ["hip_ossification_prosthesis", "dermatomyositis_sheets"] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| made(pattern, &options))
        };
        let (one, two) = (on(1), on(2));
        assert!(one == two, "{pattern} differs between one and two threads");
        let other = made(pattern, &Options { seed: 6, ..options.clone() });
        assert_ne!(one.volume.values, other.volume.values, "{pattern}: the seed changes nothing");
    }
}

#[test]
fn every_pattern_has_its_lesions_and_findings_of_the_vocabulary() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../knowledge/vocabulary.toml");
    let vocabulary: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    let ids = |table: &toml::Value, key: &str| -> BTreeSet<String> {
        table[key].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let all = |section: &str, key: &str| -> BTreeSet<String> {
        vocabulary[section].as_table().unwrap().values().flat_map(|group| ids(group, key)).collect()
    };
    let (findings, diagnoses) = (all("groups", "findings"), all("diagnoses", "ids"));
    let (sites, analytes) = (ids(&vocabulary["sites"], "ids"), ids(&vocabulary["analytes"], "ids"));
    for pattern in patterns() {
        let phantom = made(pattern.id, &Options { size: Some([64, 64, 40]), ..small(11) });
        let case = &phantom.case;
        assert_eq!(phantom.lesions.is_empty(), pattern.expected.is_none(), "{}", pattern.id);
        assert!(sites.contains(pattern.region), "{}", pattern.region);
        for id in pattern.expected.iter().chain(&case.also_right) {
            assert!(diagnoses.contains(*id), "{}: {id} is no diagnosis", pattern.id);
        }
        let told = case.history_present.iter().chain(&case.history_absent);
        let seen = phantom.lesions.iter().flat_map(|lesion| &lesion.findings).chain(&phantom.findings);
        for id in told.chain(seen) {
            assert!(findings.contains(*id), "{}: {id} is no finding", pattern.id);
        }
        for (analyte, _) in &case.labs {
            assert!(analytes.contains(*analyte), "{}: {analyte} is no analyte", pattern.id);
        }
        for lesion in &phantom.lesions {
            assert!(lesion.volume_mm3 > 0.0 && lesion.extent_mm3 >= lesion.volume_mm3, "{}", pattern.id);
        }
        let case: toml::Table = case.to_toml("ct/").parse().unwrap();
        assert_eq!(case["imaging"][0]["study"].as_str(), Some("ct/"));
    }
}

#[test]
fn labels_and_samples_agree_on_the_volume() {
    // thick deposits at the usual voxel size: the labels are within the error of half-filled voxels
    for pattern in ["tumoral_calcinosis", "myositis_ossificans", "parosteal_osteosarcoma", "urate_tophus"] {
        let phantom = made(pattern, &Options { seed: 3, size: Some([256, 256, 96]), ..Options::default() });
        for lesion in &phantom.lesions {
            let voxels = phantom.truth.values.iter().filter(|&&label| label == lesion.id).count();
            let labelled = voxels as f64 * phantom.volume.geometry.voxel_mm3();
            let error = (labelled / lesion.volume_mm3 - 1.0).abs();
            assert!(
                error < 0.04,
                "{pattern}: labels {labelled:.0} mm3, samples {:.0} mm3",
                lesion.volume_mm3
            );
        }
    }
}

#[test]
fn a_finer_grid_has_the_same_true_volume() {
    let coarse = made("dermatomyositis_sheets", &Options { seed: 3, ..small(3) });
    let fine = made("dermatomyositis_sheets", &Options { size: Some([192, 192, 128]), ..small(3) });
    assert_eq!(coarse.lesions.len(), fine.lesions.len());
    for (coarse, fine) in coarse.lesions.iter().zip(&fine.lesions) {
        let error = (coarse.volume_mm3 / fine.volume_mm3 - 1.0).abs();
        assert!(error < 0.05, "{:.0} mm3 and {:.0} mm3", coarse.volume_mm3, fine.volume_mm3);
    }
}

#[test]
fn sediment_lies_below_fluid_in_every_position() {
    for position in PatientPosition::ALL {
        let options = Options {
            seed: 4,
            position: Some(position),
            size: Some([192, 192, 96]),
            noise_hu: Some(0.0),
            ..Options::default()
        };
        let phantom = made("tumoral_calcinosis_levels", &options);
        let with_levels =
            phantom.lesions.iter().any(|lesion| lesion.findings.contains(&"sedimentation_sign"));
        assert!(with_levels, "{position}");
        let (volume, down) = (&phantom.volume, phantom.volume.gravity().unwrap());
        assert_eq!(down, position.gravity());
        // From the upper side of mineral against gravity: how often fluid comes next. The level is flat, so its voxels
        // have the same depth in runs: count the steps from mineral to fluid along and against gravity.
        let steps = volume.geometry.steps_mm;
        let axis =
            (0..3).find(|&axis| steps[axis].iter().zip(&down).any(|(a, b)| (a * b).abs() > 1e-6)).unwrap();
        let upwards =
            if steps[axis].iter().zip(&down).map(|(a, b)| a * b).sum::<f64>() > 0.0 { -1 } else { 1 };
        let fluid = |value: i16| (0..=100).contains(&value);
        let count = |direction: isize| {
            let mut found = 0;
            for (index, &value) in volume.values.iter().enumerate() {
                let at = [index % volume.size[0], index / volume.size[0] % volume.size[1]];
                // two voxels away, past the partial volume
                let target = at[axis] as isize + 2 * direction;
                if phantom.truth.values[index] == 0
                    || value < 450
                    || !(0..volume.size[axis] as isize).contains(&target)
                {
                    continue;
                }
                let stride = [1, volume.size[0] as isize][axis];
                let steps_to =
                    |steps: isize| volume.values[(index as isize + steps * direction * stride) as usize];
                found += usize::from(fluid(steps_to(2)) && (-20..=250).contains(&steps_to(1)));
            }
            found
        };
        let (above, below) = (count(upwards), count(-upwards));
        assert!(
            above > 30 && above as f64 > 1.2 * below as f64,
            "{position}: fluid above {above}, below {below}"
        );
    }
}

#[test]
fn tissues_have_plausible_attenuations() {
    for pattern in ["normal_thigh", "normal_knee", "normal_pelvis", "normal_shoulder"] {
        let phantom = made(pattern, &Options { seed: 8, size: Some([128, 128, 64]), ..Options::default() });
        let values = &phantom.volume.values;
        assert!(values.iter().all(|value| (-1024..=3071).contains(value)), "{pattern}");
        let peak = |low: i16, high: i16| {
            // the commonest value in steps of 10 HU
            let mut counts = vec![0_usize; (i32::from(high - low) / 10 + 1) as usize];
            for &value in values.iter().filter(|value| (low..=high).contains(value)) {
                counts[usize::from((value - low) as u16) / 10] += 1;
            }
            let most = counts.iter().enumerate().max_by_key(|(_, count)| **count).unwrap().0;
            i32::from(low) + 10 * most as i32 + 5
        };
        assert!((-120..=-80).contains(&peak(-200, -40)), "{pattern}: fat at {}", peak(-200, -40));
        assert!((40..=80).contains(&peak(0, 150)), "{pattern}: muscle at {}", peak(0, 150));
        assert!(peak(-1024, -500) < -900 || pattern == "normal_shoulder", "{pattern}");
        let bone: Vec<i16> = values
            .iter()
            .zip(&phantom.bones.values)
            .filter(|(_, bone)| **bone > 0)
            .map(|(hu, _)| *hu)
            .collect();
        assert!(bone.len() * 100 > values.len(), "{pattern}: hardly any bone");
        let highest = bone.iter().copied().max().unwrap();
        assert!((900..=2000).contains(&highest), "{pattern}: cortex up to {highest}");
    }
}

#[test]
fn noise_has_the_standard_deviation_asked_for() {
    let quiet = made("normal_thigh", &Options { noise_hu: Some(0.0), ..small(2) });
    let noisy = made("normal_thigh", &Options { noise_hu: Some(18.0), ..small(2) });
    let differences: Vec<f64> = quiet
        .volume
        .values
        .iter()
        .zip(&noisy.volume.values)
        // air is cut off at -1024
        .filter(|(quiet, _)| **quiet > -200)
        .map(|(quiet, noisy)| f64::from(*noisy) - f64::from(*quiet))
        .collect();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let variance =
        differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / differences.len() as f64;
    assert!(mean.abs() < 0.3, "{mean}");
    assert!((variance.sqrt() - 18.0).abs() < 0.6, "{}", variance.sqrt());
}

#[test]
fn the_series_reads_back_as_it_was_made() {
    for position in [PatientPosition::HeadFirstSupine, PatientPosition::FeetFirstLeft] {
        let options =
            Options { seed: 9, position: Some(position), size: Some([64, 48, 20]), ..Options::default() };
        let phantom = made("phleboliths", &options);
        let folder = tempfile::tempdir().unwrap();
        phantom.write(folder.path()).unwrap();
        let mut files: Vec<DefaultDicomObject> = fs::read_dir(folder.path().join("ct"))
            .unwrap()
            .map(|entry| open_file(entry.unwrap().path()).unwrap())
            .collect();
        let numbers = |file: &DefaultDicomObject, tag| file.element(tag).unwrap().to_multi_float64().unwrap();
        files.sort_by(|a, b| {
            numbers(a, tags::IMAGE_POSITION_PATIENT)[2]
                .total_cmp(&numbers(b, tags::IMAGE_POSITION_PATIENT)[2])
        });
        assert_eq!(files.len(), 20);
        let mut uids = BTreeSet::new();
        for (slice, file) in files.iter().enumerate() {
            let word = |tag| file.element(tag).unwrap().to_str().unwrap().into_owned();
            assert_eq!(word(tags::PATIENT_POSITION), position.term());
            assert!(word(tags::PATIENT_NAME).starts_with("PHANTOM^"));
            let uid = word(tags::SOP_INSTANCE_UID);
            assert!(uid.len() <= 64 && uid.starts_with("2.25."), "{uid}");
            assert_eq!(uid, file.meta().media_storage_sop_instance_uid().trim_end_matches('\0'));
            assert!(uids.insert(uid));
            let place = numbers(file, tags::IMAGE_POSITION_PATIENT);
            let expected = phantom.volume.geometry.patient_from_voxel([0.0, 0.0, slice as f64]);
            for (place, expected) in place.iter().zip(expected) {
                assert!((place - expected).abs() < 1e-3, "{place} {expected}");
            }
            let orientation = numbers(file, tags::IMAGE_ORIENTATION_PATIENT);
            let spacing = phantom.volume.geometry.spacing_mm();
            for axis in 0..2 {
                for part in 0..3 {
                    let expected = phantom.volume.geometry.steps_mm[axis][part] / spacing[axis];
                    assert!((orientation[3 * axis + part] - expected).abs() < 1e-6);
                }
            }
            let intercept = numbers(file, tags::RESCALE_INTERCEPT)[0] as i32;
            let stored: Vec<u16> = file.element(tags::PIXEL_DATA).unwrap().to_multi_int().unwrap();
            let read: Vec<i16> = stored.iter().map(|&value| (i32::from(value) + intercept) as i16).collect();
            assert_eq!(read, phantom.volume.values[slice * 64 * 48..(slice + 1) * 64 * 48]);
        }
        let truth: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.path().join("truth.json")).unwrap()).unwrap();
        assert_eq!(truth["lesions"].as_array().unwrap().len(), phantom.lesions.len());
        let case: toml::Table = fs::read_to_string(folder.path().join("case.toml")).unwrap().parse().unwrap();
        assert_eq!(case["expected"]["diagnosis"].as_str(), Some("phleboliths_of_venous_malformation"));
        let mut nifti = Vec::new();
        let file = fs::File::open(folder.path().join("truth.nii.gz")).unwrap();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut nifti).unwrap();
        let labels: Vec<u16> =
            nifti[352..].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(labels, phantom.truth.values);
    }
}

#[test]
fn what_cannot_be_made_is_refused_by_name() {
    let unknown = make("gallstones", &Options::default()).unwrap_err().to_string();
    assert!(unknown.contains("gallstones") && unknown.contains("cysticercosis"), "{unknown}");
    let flat = Options { size: Some([256, 256, 1]), ..Options::default() };
    assert!(make("normal_hand", &flat).unwrap_err().to_string().contains("at least 16"));
    let endless = Options { size: Some([usize::MAX, 256, 256]), ..Options::default() };
    assert!(make("normal_hand", &endless).is_err());
    let loud = Options { noise_hu: Some(f64::NAN), ..Options::default() };
    assert!(make("normal_hand", &loud).is_err());
    assert!("HFX".parse::<PatientPosition>().unwrap_err().to_string().contains("HFX"));
}

#[test]
fn a_later_study_shows_the_same_patient_grown_turned_and_shifted() {
    for pattern in ["tumoral_calcinosis", "dermatomyositis_sheets", "calcific_tendinitis"] {
        let first = made(pattern, &small(6));
        let again = made(pattern, &Options { visit: Some(Visit::again(2)), ..small(6) });
        // without noise and with nothing changed, the later study is the first
        assert_eq!(first.volume, again.volume, "{pattern}");
        for (growth, turned_degrees, position) in
            [(0.5, 0.0, None), (0.2, 12.0, Some(PatientPosition::FeetFirstProne))]
        {
            let visit = Visit { growth, turned_degrees, shifted_mm: 6.0, ..Visit::again(2) };
            let later = made(pattern, &Options { visit: Some(visit), position, ..small(6) });
            let sum = |phantom: &Phantom| phantom.lesions.iter().map(|lesion| lesion.volume_mm3).sum::<f64>();
            let grown = sum(&later) / sum(&first) - 1.0;
            assert!(
                (grown - growth).abs() < 0.06,
                "{pattern}: grown by {grown:.3} where {growth} was asked for"
            );
            assert_ne!(first.volume.values, later.volume.values);
        }
    }
}

/// The stated gap against the distances of all voxels of the truth masks: each surface lies within half a voxel of the
/// middle of the nearest voxel that is filled to half, and at most a whole one beyond.
#[test]
fn the_stated_gap_is_that_of_the_masks() {
    let mut told = BTreeSet::new();
    // the last have a second piece that lies on the spur
    for seed in (0..12).chain([31, 46, 51, 60]) {
        let phantom = made("hip_ossification_prosthesis", &small(seed));
        let gap = phantom.opposing_gap_mm;
        let attached: Vec<u16> = phantom
            .lesions
            .iter()
            .filter(|lesion| !lesion.findings.contains(&"separate_from_bone"))
            .map(|lesion| lesion.id)
            .collect();
        if phantom.lesions.iter().any(|lesion| lesion.findings.contains(&"bridges_bones")) {
            assert_eq!(gap, Some(0.0), "seed {seed}");
            told.insert("bridged");
            continue;
        }
        if attached.is_empty() {
            assert_eq!(gap, None, "seed {seed}");
            told.insert("island");
            continue;
        }
        let spacing = phantom.volume.geometry.spacing_mm();
        let points = |labels: &apatite_volume::Labels, label: u16| -> Vec<[f64; 3]> {
            let [columns, rows, _] = labels.size;
            (0..labels.values.len())
                .filter(|&index| labels.values[index] == label)
                .map(|index| {
                    let at = [index % columns, index / columns % rows, index / columns / rows];
                    std::array::from_fn(|axis| at[axis] as f64 * spacing[axis])
                })
                .collect()
        };
        let least = |a: &[[f64; 3]], b: &[[f64; 3]]| {
            a.iter()
                .flat_map(|p| b.iter().map(move |q| (0..3).map(|k| (p[k] - q[k]).powi(2)).sum::<f64>()))
                .fold(f64::INFINITY, f64::min)
                .sqrt()
        };
        let bones: Vec<(u16, Vec<[f64; 3]>)> = (1..=phantom.bones.values.iter().copied().max().unwrap())
            .map(|bone| (bone, points(&phantom.bones, bone)))
            .filter(|(_, points)| !points.is_empty())
            .collect();
        let diagonal = spacing.iter().map(|mm| mm * mm).sum::<f64>().sqrt();
        let nearest = |own: &[[f64; 3]]| {
            bones.iter().min_by(|a, b| least(own, &a.1).total_cmp(&least(own, &b.1))).unwrap().0
        };
        let grown: Vec<(u16, Vec<[f64; 3]>)> = attached
            .iter()
            .map(|&id| {
                let mut own = points(&phantom.truth, id);
                let bone = nearest(&own);
                // what lies voxel by voxel on a spur is part of it
                for other in phantom.lesions.iter().filter(|other| !attached.contains(&other.id)) {
                    let other = points(&phantom.truth, other.id);
                    if least(&own, &other) <= diagonal + 1e-6 {
                        own.extend(other);
                    }
                }
                (bone, own)
            })
            .collect();
        let ways = grown.iter().flat_map(|(bone, own)| {
            let others = bones.iter().chain(&grown).filter(move |other| other.0 != *bone);
            others.map(move |other| least(own, &other.1))
        });
        let middles = ways.fold(f64::INFINITY, f64::min);
        let gap = gap.unwrap();
        assert!(
            gap < middles + 0.2 * diagonal && gap > middles - diagonal,
            "seed {seed}: {gap:.2} mm stated, {middles:.2} mm between voxels of {diagonal:.2} mm"
        );
        told.insert("spur");
    }
    assert_eq!(told.len(), 3, "the seeds show {told:?} only");
}
