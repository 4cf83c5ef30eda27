//! The program on a CT made on the spot: `measure`, and `diagnose` of a case that names its study.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::path::PathBuf;
use std::sync::OnceLock;

use apatite_phantom::{Options, Phantom, make};
use serde_json::Value;

/// A small CT with fluid-sediment levels, as a folder with `ct/`, `case.toml` and the truth.
fn study() -> &'static (PathBuf, Phantom) {
    static MADE: OnceLock<(PathBuf, Phantom)> = OnceLock::new();
    MADE.get_or_init(|| {
        let options = Options { seed: 1, size: Some([128, 128, 80]), ..Options::default() };
        let phantom = make("tumoral_calcinosis_levels", &options).unwrap();
        let folder = common::scratch("measure");
        phantom.write(&folder).unwrap();
        (folder, phantom)
    })
}

fn path(name: &str) -> String {
    study().0.join(name).display().to_string()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&common::stdout(arguments)).unwrap()
}

fn check(value: &Value, schema: &str) {
    let text = std::fs::read_to_string(common::project().join(format!("docs/schemas/{schema}.schema.json")))
        .unwrap();
    let validator = jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap();
    let problems: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_lesion_is_measured_where_it_is_and_its_mask_carries_its_id() {
    let (_, phantom) = study();
    let mask = path("mask.nii.gz");
    let calibrated =
        ["measure", &path("ct"), "--format", "json", "--masks", &mask, "--calibration", "0.8,-3"];
    let value = json(&calibrated);
    check(&value, "measure");
    let lesion = &value["lesions"][0];
    assert_eq!(lesion["kind"], "calcification");
    let truth = &phantom.lesions[0];
    for axis in 0..3 {
        let off = lesion["centre_mm"][axis].as_f64().unwrap() - truth.centre_mm[axis];
        assert!(off.abs() < 8.0, "{off} mm off along axis {axis}");
    }
    let (mean, volume) = (lesion["mean_hu"].as_f64().unwrap(), lesion["volume_mm3"].as_f64().unwrap());
    let mass = lesion["hydroxyapatite_mg"].as_f64().unwrap();
    assert!((mass - (0.8 * mean - 3.0) * volume / 1000.0).abs() < 1e-6 * mass);
    assert_eq!(value["series"]["size"], serde_json::json!(phantom.volume.size));
    let (labels, _) =
        apatite_dicom::read_mask(std::path::Path::new(&mask), &phantom.volume.geometry, phantom.volume.size)
            .unwrap();
    let id = lesion["id"].as_u64().unwrap() as u16;
    let voxels = labels.labels.values.iter().filter(|&&value| value == id).count() as f64;
    let of_mask = voxels * phantom.volume.geometry.voxel_mm3();
    assert!((of_mask - volume).abs() < 0.01 * volume, "{of_mask} mm³ in the mask, {volume} told");
}

#[test]
fn a_case_gets_its_differential_and_the_readers_word_stands() {
    let case = path("reader.toml");
    let text = "[patient]\nage = 50\nsex = \"male\"\n\n[[imaging]]\nmodality = \"CT\"\nsites = [\"hip\"]\n\
                study = \"ct/\"\npresent = [\"rice_grain\"]\n";
    std::fs::write(&case, text).unwrap();
    let measured = json(&["measure", &path("ct"), "--case", &case, "--format", "json"]);
    check(&measured, "measure");
    let diagnosed = json(&["diagnose", &case, "--format", "json"]);
    check(&diagnosed, "diagnose");
    // the same facts by either way
    assert_eq!(measured["differential"][0]["diagnosis"], diagnosed["differential"][0]["diagnosis"]);
    let said = |finding: &str| {
        let facts = diagnosed["facts"].as_array().unwrap();
        facts
            .iter()
            .filter_map(|fact| fact["said"].as_array())
            .flatten()
            .find(|said| said["finding"] == finding)
            .map(|said| said["assertion"].clone())
    };
    assert_eq!(said("rice_grain").unwrap(), "present", "the reader's word");
    let told = diagnosed["facts"].as_array().unwrap().iter().filter_map(|fact| fact["text"].as_str());
    let attenuation: Vec<&str> = told.filter(|text| text.contains(" HU")).collect();
    assert!(attenuation.iter().all(|text| !text.contains('.')), "whole HU: {attenuation:?}");
}

#[test]
fn texts_come_in_both_languages_and_errors_name_the_file() {
    for (lang, word) in [("en", "diameter"), ("it", "diametro")] {
        let text = common::stdout(&["measure", &path("ct"), "--lang", lang]);
        assert!(text.contains(word), "{text}");
    }
    let missing = common::run(&["measure", "no/such/folder"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("no/such/folder"));
    let wrong = common::run(&["measure", &path("ct"), "--calibration", "much"]);
    assert_eq!(wrong.status.code(), Some(2));
}

/// SimpleITK and cc3d find the same figures in the mask that was written; where `APATITE_ORACLE` is set.
#[test]
fn other_libraries_find_the_same_figures_in_the_masks() {
    if std::env::var_os("APATITE_ORACLE").is_none() {
        return;
    }
    let (masks, measured) = (path("oracle.nii.gz"), path("oracle.json"));
    let text = common::stdout(&["measure", &path("ct"), "--format", "json", "--masks", &masks]);
    std::fs::write(&measured, text).unwrap();
    let python = std::env::var_os("APATITE_PYTHON").unwrap_or_else(|| "python3".into());
    let output = std::process::Command::new(python)
        .arg(common::project().join("tests/oracle/ct_agreement.py"))
        .args(["lesions", &measured, &masks, &path("ct")])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The gap that a spur leaves at a hip is measured on the CT that the case names, and the grade follows from it.
#[test]
fn a_hip_is_graded_by_the_gap_on_its_ct() {
    for (seed, brooker, della_valle) in [(4, "II", "B"), (32, "III", "C")] {
        let phantom = make("hip_ossification_prosthesis", &Options { seed, ..Options::default() }).unwrap();
        let folder = common::scratch(&format!("hip-gap-{seed}"));
        phantom.write(&folder).unwrap();
        let (ct, case) =
            (folder.join("ct").display().to_string(), folder.join("case.toml").display().to_string());
        let measured = json(&["measure", &ct, "--format", "json"]);
        check(&measured, "measure");
        let (gap, truth) = (measured["gap"]["mm"].as_f64().unwrap(), phantom.opposing_gap_mm.unwrap());
        assert!((gap - truth).abs() < 0.6, "seed {seed}: {gap:.2} mm where {truth:.2} mm is true");
        let diagnosed = json(&["diagnose", &case, "--format", "json"]);
        check(&diagnosed, "diagnose");
        for (grading, expected) in [("brooker", brooker), ("della_valle", della_valle)] {
            let gradings = diagnosed["gradings"].as_array().unwrap();
            let graded = gradings.iter().find(|graded| graded["grading"] == grading).unwrap();
            assert_eq!(graded["grades"], serde_json::json!([expected]), "seed {seed}: {graded}");
        }
        let english = common::stdout(&["diagnose", &case]);
        assert!(english.contains(&format!("Brooker class: {brooker} (")), "{english}");
        assert!(english.contains("measured: distance left between opposing surfaces of bone"), "{english}");
        let italian = common::stdout(&["diagnose", &case, "--lang", "it"]);
        assert!(italian.contains("misurato: distanza residua fra superfici ossee affrontate"), "{italian}");
    }
}
