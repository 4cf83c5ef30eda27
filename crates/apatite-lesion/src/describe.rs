//! From measurement to findings of the vocabulary, each with a probability and what it was measured from.
//!
//! Probabilities are products of soft steps (logistic curves) on lengths, densities and shares; where the steps lie
//! follows from anatomy and physics (blur of the picture, attenuation of fat, fluid, muscle, urate and bone), and the
//! trial on made studies (`apatite-study`, example `phantoms`, `--findings`) says how far they hold.

mod bone;
mod detail;
mod form;
mod gap;
mod place;
mod structure;
mod study;

use std::collections::BTreeMap;

use apatite_volume::Volume;
use rayon::prelude::*;

use crate::candidate::Scene;
use crate::grid::Run;
use crate::kind::Group;
use crate::patch::Patch;
use crate::reason::{Reason, digits, say, whole};
use crate::tip::Tip;
use crate::{FindingEvidence, Kind, Lesion, level};

pub use gap::Gap;
pub(crate) use study::renumber;
pub use study::study;

/// Adds findings and levels to lesions that may be calcifications or vascular, and measures the shortest gap that they
/// leave between bones.
pub(crate) fn lesions(
    scene: &Scene,
    groups: &[Group],
    masks: &[Vec<Run>],
    lesions: &mut [Lesion],
) -> Option<Gap> {
    let bones = bone::Bones::around(
        scene,
        lesions.iter().zip(masks).filter(|(lesion, _)| is_described(lesion)).map(|(_, runs)| runs.as_slice()),
    );
    const JOINTS: [&str; 6] = ["shoulder", "elbow", "wrist", "hip", "knee", "ankle"];
    // where bones of one joint face each other; ribs, vertebrae and the bones of hand and foot do so everywhere
    const FACING: [&str; 7] = ["shoulder", "elbow", "hip", "pelvis", "buttock", "thigh", "knee"];
    let of_joint = scene.site.is_some_and(|site| JOINTS.contains(&site));
    // small bones are those of a hand or a foot
    let hand = match scene.site {
        Some("hand") => 1.0,
        None if scene.skeleton.small_bones => 0.5,
        _ => 0.0,
    };
    let facing = scene.site.map_or(!scene.skeleton.small_bones, |site| FACING.contains(&site));
    let gathered = place::Gathered::of(scene, lesions, masks);
    lesions.par_iter_mut().zip(groups.par_iter().zip(masks)).for_each(|(lesion, (group, runs))| {
        if !is_described(lesion) || runs.is_empty() {
            return;
        }
        let (touch, (detail, (level, radius_mm))) = rayon::join(
            || bone::touch(scene, &Patch::around(scene.volume, runs, 6.0), bones.as_ref()),
            || {
                let level = || level::find(scene.volume, &group.runs(), scene.threshold, scene.noise_hu);
                let others = || rayon::join(level, || place::undivided_mm(scene, runs));
                rayon::join(|| detail::Detail::of(scene, group, runs), others)
            },
        );
        lesion.bone_contact_mm2 = touch.contact_mm2;
        if touch.contact_mm2 > 0.0 {
            lesion.bone_distance_mm = Some(0.0);
        }
        let mut findings = Findings::default();
        if let Some(mut level) = level {
            // where sheets of a net lie level they are no sediment
            level.probability *= fall(form::net(lesion, &detail), 0.8, 0.05);
            levels(level, lesion, &mut findings);
        }
        structure::describe(lesion, &detail, &mut findings);
        form::describe(lesion, group, &detail, &mut findings);
        let joint = bones.as_ref().and_then(|bones| bones.joint(scene, runs));
        let joint = place::Joint { nearest: joint, region: of_joint };
        place::describe(lesion, &detail, &touch, &joint, &mut findings);
        if hand > 0.0 {
            place::fingertip(&Tip::of(scene, runs), hand, &mut findings);
        }
        place::mass(radius_mm, lesion, &detail, &mut findings);
        if let Some(gathered) = gathered.as_ref().filter(|gathered| gathered.holds(lesion)) {
            place::gathered(gathered, &mut findings);
        }
        place::relation(lesion, &detail, &touch, &mut findings);
        place::erosion(&touch, &mut findings);
        place::thickening(&touch, &mut findings);
        lesion.findings = findings.finish();
    });
    gap::gap(scene, bones.as_ref().filter(|_| facing)?, lesions, masks)
}

/// Whether a lesion has findings: what is no calcification and no vessel has none.
fn is_described(lesion: &Lesion) -> bool {
    matches!(lesion.kind, Kind::Calcification | Kind::Vascular)
}

/// Probability that grows from 0 to 1 as `value` passes `middle`; `width` is the distance to 73 %.
pub(crate) fn rise(value: f64, middle: f64, width: f64) -> f64 {
    1.0 / (1.0 + (-(value - middle) / width).exp())
}

pub(crate) fn fall(value: f64, middle: f64, width: f64) -> f64 {
    1.0 - rise(value, middle, width)
}

/// Findings of one lesion; the surest evidence for each id is kept.
#[derive(Default)]
struct Findings(BTreeMap<&'static str, (f64, Reason)>);

impl Findings {
    fn add(&mut self, id: &'static str, probability: f64, because: Reason) {
        let entry = self.0.entry(id).or_default();
        if probability > entry.0 {
            *entry = (probability, because);
        }
    }

    fn scale(&mut self, id: &str, factor: f64) {
        if let Some(entry) = self.0.get_mut(id) {
            entry.0 *= factor;
        }
    }

    fn get(&self, id: &str) -> f64 {
        self.0.get(id).map_or(0.0, |entry| entry.0)
    }

    /// Rescales members of an exclusive group so that they do not exceed certainty together.
    fn exclusive(&mut self, ids: &[&'static str]) {
        let total: f64 = ids.iter().map(|id| self.get(id)).sum();
        if total > 1.0 {
            for id in ids {
                if let Some(entry) = self.0.get_mut(id) {
                    entry.0 /= total;
                }
            }
        }
    }

    fn finish(self) -> Vec<FindingEvidence> {
        let mut findings: Vec<FindingEvidence> = self
            .0
            .into_iter()
            .filter(|(_, (probability, _))| *probability >= 0.02)
            .map(|(id, (probability, because))| FindingEvidence::new(id, probability, because))
            .collect();
        findings.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.id.cmp(&b.id)));
        findings
    }
}

fn levels(level: level::Level, lesion: &mut Lesion, findings: &mut Findings) {
    findings.add(
        "sedimentation_sign",
        level.probability,
        say(
            "border of {} mm² at {}° to gravity, flat to {} mm, {} HU above and {} HU below",
            [
                whole(level.area_mm2),
                digits(level.angle_deg, 1),
                digits(level.flatness_mm, 2),
                whole(level.upper_hu),
                whole(level.lower_hu),
            ],
        ),
    );
    if level.probability > 0.5 {
        lesion.level = Some(level);
    }
}

/// The site, where BodyPartExamined names one of the vocabulary or, where that is empty, the words of SeriesDescription name
/// one alone.
pub(crate) fn site(volume: &Volume) -> Option<&'static str> {
    let part = volume.acquisition.body_part.to_ascii_uppercase();
    let sites = [
        ("SHOULDER", "shoulder"),
        ("CLAVICLE", "shoulder"),
        ("UPPERARM", "upper_arm"),
        ("UP_ARM", "upper_arm"),
        ("HUMERUS", "upper_arm"),
        ("ARM", "upper_arm"),
        ("ELBOW", "elbow"),
        ("FOREARM", "forearm"),
        ("WRIST", "wrist"),
        ("HAND", "hand"),
        ("FINGER", "hand"),
        ("HIP", "hip"),
        ("PELVIS", "pelvis"),
        ("BUTTOCK", "buttock"),
        ("THIGH", "thigh"),
        ("FEMUR", "thigh"),
        ("KNEE", "knee"),
        ("PATELLA", "knee"),
        ("CALF", "leg"),
        ("TIBIA", "leg"),
        ("LEG", "leg"),
        ("ANKLE", "ankle"),
        ("FOOT", "foot"),
        ("TOE", "foot"),
        ("NECK", "neck"),
        ("CSPINE", "neck"),
        ("SPINE", "spine"),
        ("HEAD", "skull_face"),
        ("SKULL", "skull_face"),
        ("JAW", "jaw"),
        ("ABDOMEN", "abdominal_wall"),
        ("CHEST", "chest_wall"),
        ("SPALLA", "shoulder"),
        ("AVAMBRACCIO", "forearm"),
        ("BRACCIO", "upper_arm"),
        ("GOMITO", "elbow"),
        ("POLSO", "wrist"),
        ("MANO", "hand"),
        ("ANCA", "hip"),
        ("BACINO", "pelvis"),
        ("COSCIA", "thigh"),
        ("GINOCCHIO", "knee"),
        ("GAMBA", "leg"),
        ("CAVIGLIA", "ankle"),
        ("PIEDE", "foot"),
        ("COLLO", "neck"),
        ("CRANIO", "skull_face"),
        ("ADDOME", "abdominal_wall"),
        ("TORACE", "chest_wall"),
    ];
    if !part.trim().is_empty() {
        return sites.iter().find(|(name, _)| part.contains(name)).map(|&(_, site)| site);
    }
    let description = volume.acquisition.description.to_ascii_uppercase();
    let mut named = description
        .split(|letter: char| !letter.is_alphabetic())
        .filter_map(|word| sites.iter().find(|(name, _)| *name == word))
        .map(|&(_, site)| site);
    let first = named.next()?;
    named.all(|site| site == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use apatite_volume::{Acquisition, Geometry};

    use super::*;

    #[test]
    fn the_site_is_that_of_the_body_part_or_the_only_one_that_the_description_names() {
        let site = |body_part: &str, description: &str| {
            site(&Volume {
                size: [0; 3],
                values: Vec::new(),
                geometry: Geometry { origin_mm: [0.0; 3], steps_mm: [[0.0; 3]; 3] },
                padding: None,
                acquisition: Acquisition {
                    body_part: body_part.into(),
                    description: description.into(),
                    ..Acquisition::default()
                },
            })
        };
        assert_eq!(site("KNEE", "Hand 1.0"), Some("knee"));
        assert_eq!(site("", "TC polso_sn 0.6 Br60"), Some("wrist"));
        assert_eq!(site("", "Abdomen + Pelvis 3.0"), None);
        assert_eq!(site("", "legacy series"), None);
    }
}
