//! Real CT: the foci that the README of the data lists are found where they are and called what they are. The data is
//! not in the repository; where it is not there (`../shared/data` beside the repository, or `$APATITE_DATA`), a note
//! says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, clippy::print_stderr)]

use std::path::{Path, PathBuf};

use apatite_lesion::Kind::{self, Artefact, BoneOrVariant, Calcification, Contrast, Metal, Vascular};
use apatite_lesion::Lesion;
use apatite_study::{Request, measure};

/// The volumes, and whether they are there.
fn volumes() -> Option<PathBuf> {
    let data = std::env::var_os("APATITE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let volumes = data.join("ct-volumes");
    if volumes.is_dir() {
        return Some(volumes);
    }
    eprintln!("note: {} is not there, so real CT is not tried", volumes.display());
    None
}

/// A place (LPS, mm), how far from it a lesion may be centred, and what that lesion may be called.
type Focus<'a> = ([f64; 3], f64, &'a [Kind]);

/// Every focus has a lesion of one of its kinds; beside those, at most `others` lesions are called calcification.
fn check(study: &str, foci: &[Focus<'_>], others: usize) {
    let Some(volumes) = volumes() else { return };
    let request = Request { paths: vec![volumes.join(study)], ..Request::default() };
    let lesions = measure(&request, &|_, _| {}).unwrap().analysis.lesions;
    let all = lesions.iter().map(describe).collect::<Vec<_>>().join("\n");
    let mut wrong = Vec::new();
    for (place, reach, kinds) in foci {
        let near = lesions.iter().filter(|lesion| gap(lesion, *place) <= *reach).collect::<Vec<_>>();
        if !near.iter().any(|lesion| kinds.contains(&lesion.kind)) {
            let found = near.into_iter().map(describe).collect::<Vec<_>>();
            wrong.push(format!("at {place:?} {kinds:?} is expected, and there is {found:?}"));
        }
    }
    let beside = lesions
        .iter()
        .filter(|lesion| lesion.kind == Calcification)
        .filter(|lesion| !foci.iter().any(|(place, reach, _)| gap(lesion, *place) <= *reach))
        .count();
    if beside > others {
        wrong.push(format!("{beside} other calcifications, at most {others} are expected"));
    }
    assert!(wrong.is_empty(), "{study}:\n{}\nall lesions:\n{all}", wrong.join("\n"));
}

/// Distance of a place from the box of a lesion, mm.
fn gap(lesion: &Lesion, place: [f64; 3]) -> f64 {
    let [low, high] = lesion.box_mm;
    (0..3)
        .map(|axis| (low[axis] - place[axis]).max(place[axis] - high[axis]).max(0.0).powi(2))
        .sum::<f64>()
        .sqrt()
}

fn describe(lesion: &Lesion) -> String {
    format!(
        "{:?} {:.2} at {:.0?}, {:.0} mm3, {:.0} mm, {:.0}/{:.0} HU, bone {:.0?} mm, skin {:.0?} mm: {}",
        lesion.kind,
        lesion.probability,
        lesion.centre_mm,
        lesion.volume_mm3,
        lesion.diameter_mm,
        lesion.mean_hu,
        lesion.max_hu,
        lesion.bone_distance_mm,
        lesion.skin_distance_mm,
        lesion.decided_by
    )
}

/// Mineral of soft tissue, in a vessel or not.
const MINERAL: &[Kind] = &[Calcification, Vascular];
/// Anything but calcinosis.
const OTHER: &[Kind] = &[BoneOrVariant, Vascular, Contrast, Metal, Artefact];

#[test]
fn stones_of_the_prostate_are_no_calcinosis() {
    check("sts-001", &[([14.0, 57.0, -699.0], 4.0, OTHER), ([2.0, 58.0, -696.0], 4.0, OTHER)], 0);
}

#[test]
fn a_mineralised_centre_in_noise() {
    // four faint foci before the coccyx, which the field cuts
    check("sts-003", &[([-46.0, 67.0, -766.0], 5.0, &[Calcification])], 4);
}

#[test]
fn a_mineralised_sarcoma_of_the_thigh() {
    let foci: &[Focus] =
        &[([137.0, -82.0, 890.0], 5.0, &[Calcification]), ([96.0, -78.0, 876.0], 5.0, &[Calcification])];
    // a third part of the mass, and two specks of seven voxels or fewer, of which one is doubtful (45 %)
    check("sts-006", foci, 3);
}

#[test]
fn a_shoulder_without_mineral() {
    check("sts-008", &[], 0);
}

#[test]
fn a_focus_in_the_vessels_of_the_calf() {
    check("sts-035", &[([-59.0, 83.0, 436.0], 4.0, MINERAL)], 0);
}

#[test]
fn the_wall_of_the_femoral_artery() {
    let foci: &[Focus] = &[([69.0, 49.0, 637.0], 4.0, &[Vascular]), ([66.0, 44.0, 664.0], 12.0, MINERAL)];
    check("sts-038", foci, 0);
}

#[test]
fn the_patella_is_no_calcification() {
    check("sts-042", &[], 0);
}

#[test]
fn an_egg_shell_in_a_sarcoma() {
    let foci: &[Focus] =
        &[([57.0, 6.0, 867.0], 6.0, &[Calcification]), ([74.0, 8.0, 883.0], 6.0, &[Calcification])];
    check("sts-045", foci, 0);
}

#[test]
fn arteries_of_the_trunk_and_the_arms() {
    // the walls of aorta and splenic artery are taken for the bone they lie on; parts of the arms that the field cuts,
    // and the arteries in them, are taken for calcifications
    check("thorax-abdomen-j2k", &[], 4);
}

#[test]
fn a_nail_stones_and_pills() {
    // the README gives RAS; LPS is (-x, -y, z)
    let foci: &[Focus] = &[([-29.0, -164.0, 282.0], 8.0, &[BoneOrVariant])];
    // two small foci in the fat of the buttock, and the end of a rib
    check("abdomen-pelvis-hip-implant/ct.nii.gz", foci, 3);
}

#[test]
fn contrast_is_no_calcification() {
    check("abdomen-contrast-mimics", &[], 0);
}
