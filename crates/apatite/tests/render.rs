//! `apatite render` and `apatite mesh` on a phantom, from files to files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::path::Path;

use serde_json::Value;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Width and height of a PNG file, and how many frames it has.
fn png(path: &Path) -> ([u32; 2], usize) {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n", "{}", path.display());
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let frames = bytes.windows(4).filter(|name| *name == b"fcTL").count();
    ([word(16), word(20)], frames.max(1))
}

fn refused(arguments: &[&str], code: i32, says: &str) {
    let output = common::run(arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    assert!(told.contains(says), "{arguments:?}: {told}");
}

#[test]
fn pictures_and_meshes_of_a_study() {
    let folder = common::scratch("render");
    let phantom = text(&folder.join("phantom"));
    common::stdout(&["phantom", "tumoral_calcinosis_levels", "--out", &phantom]);
    let study = text(&folder.join("phantom/ct"));
    let out = folder.join("out.png");
    let file = text(&out);
    for (view, more) in [
        ("axial", &["--lesion", "1", "--window", "soft-tissue"][..]),
        ("coronal", &["--plain", "--window", "-100,900"]),
        ("sagittal", &["--plain", "--at", "100,-5,371.5", "--window", "full"]),
        ("oblique", &["--plain", "--point", "0,0,350", "--point", "100,0,380", "--point", "0,40,400"]),
        ("oblique", &["--lesion", "1"]),
        ("curved", &["--lesion", "1", "--along-bone", "--reach", "60"]),
        ("curved", &["--plain", "--point", "100,0,400", "--point", "110,-10,350", "--slab", "5"]),
        ("mip", &["--plain", "--turn", "30", "--tilt", "-20", "--slab", "30"]),
        ("minip", &["--plain"]),
        ("average", &["--plain", "--turn", "90"]),
        ("surface", &["--turn", "-150"]),
    ] {
        let _ = std::fs::remove_file(&out);
        let arguments = [&["render", &study, "--view", view, "--size", "160", "--out", &file], more].concat();
        let told = common::stdout(&arguments);
        let ([columns, rows], frames) = png(&out);
        // a curve ends at a whole pixel
        assert!((159..=161).contains(&columns.max(rows)) && frames == 1, "{arguments:?}: {columns} {rows}");
        assert!(told.contains(&format!("{columns} × {rows} pixels")), "{told}");
    }
    let turning =
        ["render", &study, "--view", "mip", "--plain", "--frames", "4", "--size", "64", "--out", &file];
    common::stdout(&turning);
    assert_eq!(png(&out).1, 4);

    refused(
        &["render", &study, "--view", "axial", "--lesion", "99", "--out", &file],
        1,
        "there is no lesion 99",
    );
    refused(&["render", &study, "--view", "oblique", "--plain", "--out", &file], 1, "--point three times");
    refused(
        &["render", &study, "--view", "oblique", "--plain", "--out", &file, "--lang", "it"],
        1,
        "tre volte",
    );
    let line = ["--point", "0,0,0", "--point", "1,1,1", "--point", "2,2,2"];
    let arguments = [&["render", &study, "--view", "oblique", "--plain", "--out", &file][..], &line].concat();
    refused(&arguments, 1, "do not lie on one line");
    refused(
        &["render", &study, "--view", "curved", "--plain", "--point", "0,0,0", "--out", &file],
        1,
        "two points",
    );
    refused(
        &["render", &study, "--view", "axial", "--plain", "--frames", "9", "--out", &file],
        1,
        "--frames turns",
    );
    refused(&["render", &study, "--view", "axial", "--at", "1,2", "--out", &file], 2, "three numbers");
    refused(&["render", &study, "--view", "axial", "--window", "5,0", "--out", &file], 2, "centre and width");
    let nowhere = text(&folder.join("no/such/out.png"));
    refused(&["render", &study, "--view", "axial", "--plain", "--out", &nowhere], 1, "cannot be written");

    let mesh = text(&folder.join("mesh.glb"));
    let told = common::stdout(&["mesh", &study, "--what", "all", "--format", "json", "--out", &mesh]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let path = common::project().join("docs/schemas/mesh.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(jsonschema::draft202012::new(&schema).unwrap().is_valid(&told), "{told}");
    let names: Vec<&str> =
        told["parts"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert!(names.starts_with(&["lesion-1"]) && names.ends_with(&["bone"]), "{names:?}");
    for part in told["parts"].as_array().unwrap() {
        let (mesh, mask) = (part["mesh_mm3"].as_f64().unwrap(), part["mask_mm3"].as_f64().unwrap());
        assert!(part["closed"] == true && (mesh / mask - 1.0).abs() < 0.01, "{part}");
    }
    assert!(std::fs::read(&mesh).unwrap().starts_with(b"glTF"));
    let wrong = text(&folder.join("mesh.vtk"));
    refused(&["mesh", &study, "--what", "bone", "--out", &wrong], 1, ".stl, .ply, .obj or .glb");
    refused(&["mesh", &study, "--what", "skin", "--out", &mesh], 2, "lesion=ID");
}
