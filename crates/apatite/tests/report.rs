//! `apatite report` from the case to the files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_apatite");

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn report(case: &Path, out: &Path, threads: &str, more: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(["report", case.to_str().unwrap(), "--out", out.to_str().unwrap(), "--draws", "8"])
        .args(more)
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// A phantom of the hand with its CT: every form, the same bytes on one thread and on two.
#[test]
fn a_study_gives_every_form_and_the_same_bytes() {
    let phantom = folder("report-phantom");
    let made = Command::new(PROGRAM)
        .args(["phantom", "urate_tophus", "--seed", "4", "--out", phantom.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(made.status.success());
    let outs = ["report-1", "report-2"].map(folder);
    for (out, threads) in outs.iter().zip(["1", "2"]) {
        let told = report(&phantom.join("case.toml"), out, threads, &[]);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    }
    let [one, two] = outs.map(|out| files(&out));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(*bytes == two[name], "{name} differs between one thread and two");
    }
    let names = one.keys().map(String::as_str).collect::<Vec<_>>();
    for name in
        ["report.html", "report.pdf", "report.txt", "report.fhir.json", "report.sr.dcm", "lesions.seg.dcm"]
    {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let page = String::from_utf8(one["report.html"].clone()).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("2020-01-01"));
}

#[test]
fn a_case_without_a_study_gives_what_it_can() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/article/figure-2-3.toml");
    let out = folder("report-article");
    let told = report(&case, &out, "2", &["--lang", "it", "--date", "2011-09-01"]);
    assert!(told.status.success());
    let made = files(&out);
    assert!(made.contains_key("report.pdf") && !made.contains_key("lesions.seg.dcm"));
    assert!(String::from_utf8_lossy(&made["report.txt"]).contains("Data: 2011-09-01"));
    // asked for by name, what cannot be made is an error
    let told = report(&case, &out, "2", &["--formats", "seg"]);
    assert_eq!(told.status.code(), Some(1));
    let told = report(Path::new("nowhere.toml"), &out, "2", &[]);
    assert_eq!(told.status.code(), Some(1));
    let told = report(&case, &out, "2", &["--date", "2011-02-30"]);
    assert_eq!(told.status.code(), Some(2));
}

/// A normal thigh: the report says that there is nothing, and only what needs a lesion is left out.
#[test]
fn a_study_without_lesions_gives_the_rest() {
    let phantom = folder("report-normal");
    let made = Command::new(PROGRAM)
        .args(["phantom", "normal_thigh", "--seed", "3", "--out", phantom.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(made.status.success());
    let out = folder("report-normal-out");
    let told = report(&phantom.join("case.toml"), &out, "2", &[]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let made = files(&out);
    for name in ["report.html", "report.pdf", "report.sr.dcm", "lesions.csv", "differential.parquet"] {
        assert!(made.contains_key(name), "{name} is not among {:?}", made.keys());
    }
    assert!(!made.contains_key("lesions.seg.dcm") && !made.contains_key("lesions.rtstruct.dcm"));
}
