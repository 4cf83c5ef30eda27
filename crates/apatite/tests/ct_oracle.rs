//! What `measure` tells of a CT study agrees with SimpleITK and cc3d on the same masks: the program writes the masks,
//! `tests/oracle/ct_labels.py` measures them anew.
//!
//! Runs where `APATITE_ORACLE` is set, with the interpreter `APATITE_PYTHON` (else `python3`), which needs
//! `tests/oracle/requirements.txt`.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, clippy::print_stderr)]

use std::path::Path;
use std::process::Command;

#[test]
fn masks_and_figures_agree_with_simpleitk_and_cc3d() {
    if std::env::var_os("APATITE_ORACLE").is_none() {
        eprintln!("not compared with SimpleITK: APATITE_ORACLE is not set");
        return;
    }
    // several lesions, one in many parts, any position of the patient
    for (pattern, seed) in [("tumoral_calcinosis_levels", "3"), ("phleboliths", "1")] {
        check(pattern, seed);
    }
}

fn check(pattern: &str, seed: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ct_oracle").join(pattern);
    let _ = std::fs::remove_dir_all(&folder);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (study, bones, masks, told) =
        (path("ct"), path("bone.nii.gz"), path("masks.nii.gz"), path("told.json"));
    let program = || Command::new(env!("CARGO_BIN_EXE_apatite"));
    run(program().args(["phantom", pattern, "--seed", seed, "--out", folder.to_str().unwrap()]));
    run(oracle().args(["bones", &study, &bones]));
    let measured =
        run(program().args(["measure", &study, "--bones", &bones, "--masks", &masks, "--format", "json"]));
    std::fs::write(&told, measured).unwrap();
    run(oracle().args(["compare", &study, &masks, &bones, &told]));
}

fn oracle() -> Command {
    let python = std::env::var_os("APATITE_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle/ct_labels.py"));
    command
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
