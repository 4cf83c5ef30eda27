//! Findings of the study as a whole: extent, and the surest of each finding over its lesions.

use std::collections::BTreeMap;

use super::form::SPARSE;
use super::{Findings, fall, is_described, rise};
use crate::linear::{norm, sub};
use crate::reason::{Reason, say, whole};
use crate::{FindingEvidence, Kind, Lesion};

/// Smaller foci (mm³) are no calcification of an organ to speak of.
const VISCERAL_MM3: f64 = 10.0;

/// Findings of the study. A finding of lesions has the probability that at least the lesions that matter show it:
/// each counts by how surely it is a calcification and by its size against the largest. `metal_mm3` is the volume of metal
/// in view.
///
/// Whoever corrects the lesions of an [`Analysis`](crate::Analysis) has its findings follow with this.
#[must_use]
pub fn study(metal_mm3: f64, lesions: &[Lesion]) -> Vec<FindingEvidence> {
    let mut findings = Findings::default();
    let counted: Vec<&Lesion> = lesions.iter().filter(|l| is_described(l)).collect();
    let weights = weights(&counted);
    let mut of_lesions: BTreeMap<String, (f64, Reason)> = BTreeMap::new();
    for (lesion, weight) in counted.iter().zip(&weights) {
        for finding in &lesion.findings {
            let probability = finding.probability * lesion.probability * weight;
            let entry = of_lesions.entry(finding.id.clone()).or_default();
            if probability > entry.0 {
                let because = Reason(finding.measured_from.clone());
                *entry = (probability, of_lesion(lesion.id).and(because));
            }
        }
    }
    relation(&counted, &weights, &mut of_lesions);
    if counted.is_empty() {
        nothing(lesions, &mut findings);
    } else {
        extent(&counted, &weights, &mut findings);
        alike(&counted, &weights, &mut findings);
    }
    if metal_mm3 > 500.0 {
        findings.add("prosthesis_present", 0.97, say("{} ml of metal", [whole(metal_mm3 / 1000.0)]));
    }
    // what else makes a bone of it, as the edge of the field that cuts a vertebra, makes no organ of it
    let of_organ = |l: &&Lesion| {
        l.kind == Kind::BoneOrVariant
            && l.volume_mm3 > VISCERAL_MM3
            && !l.decided_from.is_empty()
            && l.decided_from.iter().all(|clause| clause.text.contains("organ"))
    };
    let visceral = lesions.iter().filter(of_organ).map(|l| l.probability).fold(0.0, f64::max);
    if visceral > 0.0 {
        findings.add("visceral_calcification", visceral, say("dense focus in the position of an organ", []));
    }
    let mut result = findings.finish();
    for (id, (probability, because)) in of_lesions {
        match result.iter_mut().find(|finding| finding.id == id) {
            Some(known) if known.probability >= probability => {}
            Some(known) => *known = FindingEvidence::new(&id, probability, because),
            None if probability >= 0.02 => result.push(FindingEvidence::new(&id, probability, because)),
            None => {}
        }
    }
    result.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.id.cmp(&b.id)));
    result
}

/// Has findings that are told of lesions name them by other ids.
pub(crate) fn renumber(findings: &mut [FindingEvidence], of: impl Fn(u16) -> u16) {
    let Reason(named) = of_lesion(0);
    for finding in findings {
        for clause in finding.measured_from.iter_mut().filter(|clause| clause.text == named[0].text) {
            clause.values =
                clause.values.iter().filter_map(|id| Some(of(id.parse().ok()?).to_string())).collect();
        }
        finding.because = Reason(finding.measured_from.clone()).english();
    }
}

/// What begins a reason that is one lesion's.
fn of_lesion(id: u16) -> Reason {
    say("lesion {}:", [id.to_string()])
}

/// How much each lesion matters: a crumb beside a mass does not, a lesion as large as the typical one does.
fn weights(lesions: &[&Lesion]) -> Vec<f64> {
    let largest = lesions.iter().map(|l| l.volume_mm3).fold(0.0, f64::max);
    lesions.iter().map(|l| (l.volume_mm3 / (0.05 * largest).max(4.0)).min(1.0).sqrt()).collect()
}

/// The relation to bone that the study shows is that of its lesions by volume: one value of the group.
fn relation(lesions: &[&Lesion], weights: &[f64], found: &mut BTreeMap<String, (f64, Reason)>) {
    const GROUP: [&str; 5] =
        ["separate_from_bone", "abuts_bone", "broad_bone_attachment", "stalk_to_bone", "bridges_bones"];
    let weight = |at: usize| lesions[at].volume_mm3.cbrt() * weights[at] * lesions[at].probability;
    let total: f64 = (0..lesions.len()).map(weight).sum();
    for id in GROUP {
        let Some(entry) = found.get_mut(id) else { continue };
        entry.0 = (0..lesions.len()).map(|at| weight(at) * probability(lesions[at], id)).sum::<f64>()
            / total.max(1e-9);
    }
}

/// Probability of a finding of a lesion.
fn probability(lesion: &Lesion, id: &str) -> f64 {
    lesion.findings.iter().find(|finding| finding.id == id).map_or(0.0, |finding| finding.probability)
}

/// That there is no calcification is said only where nothing of size is uncertain.
fn nothing(lesions: &[Lesion], findings: &mut Findings) {
    const SIZEABLE_MM3: f64 = 60.0;
    const SURE: f64 = 0.95;
    let doubtful = lesions.iter().any(|lesion| {
        lesion.kind != Kind::Metal && lesion.volume_mm3 >= SIZEABLE_MM3 && lesion.probability < SURE
    });
    if doubtful {
        return;
    }
    let none: f64 = lesions
        .iter()
        .filter(|lesion| lesion.kind != Kind::Metal)
        .map(|lesion| 1.0 - 0.5 * (1.0 - lesion.probability))
        .product();
    findings.add(
        "no_calcification",
        0.93 * none,
        say("no dense structure outside skeleton, vessels and organs", []),
    );
}

fn extent(lesions: &[&Lesion], weights: &[f64], findings: &mut Findings) {
    let span = lesions
        .iter()
        .enumerate()
        .flat_map(|(at, a)| lesions[..at].iter().map(move |b| norm(sub(a.centre_mm, b.centre_mm))))
        .fold(0.0, f64::max);
    let count: f64 = lesions.iter().zip(weights).map(|(lesion, weight)| lesion.probability * weight).sum();
    // what lies within half the size of a larger lesion is a piece of it
    let apart: f64 = (0..lesions.len())
        .filter(|&at| {
            !lesions.iter().any(|other| {
                other.volume_mm3 > lesions[at].volume_mm3
                    && norm(sub(other.centre_mm, lesions[at].centre_mm)) < 0.5 * girth_mm(other) + 4.0
            })
        })
        .map(|at| lesions[at].probability * weights[at])
        .sum();
    let because = say("{} lesions over {} mm", [lesions.len().to_string(), whole(span)]);
    // a net of sheets that reaches through a whole region
    let pervading = lesions
        .iter()
        .map(|l| {
            l.probability
                * fall(l.shape.solidity, SPARSE, 0.015)
                * rise(l.diameter_mm, 130.0, 12.0)
                * rise(l.volume_mm3, 15_000.0, 2_000.0)
        })
        .fold(0.0, f64::max);
    let several = rise(apart, 1.45, 0.14).max(pervading) * (1.0 - of_one_mass(lesions, span));
    // many lesions of several forms in several compartments
    let compartments = ["subcutaneous", "fascial_plane", "intramuscular"]
        .iter()
        .filter(|&&place| {
            let told = |l: &Lesion| l.findings.iter().any(|f| f.id == place && f.probability > 0.5);
            lesions.iter().zip(weights).filter(|(l, weight)| **weight > 0.4 && told(l)).count() >= 2
        })
        .count() as f64;
    let wide = rise(count, 8.0, 1.2) * rise(span, 90.0, 15.0);
    let diffuse = (wide * rise(compartments, 1.6, 0.25)).max(pervading);
    findings.add("solitary", 1.0 - several, because.clone());
    findings.add("multiple_one_region", several * (1.0 - diffuse) * fall(span, 300.0, 40.0), because.clone());
    findings.add("multiple_regions", several * (1.0 - diffuse) * rise(span, 300.0, 40.0), because.clone());
    findings.add("diffuse", diffuse, because);
}

/// Probability that several foci are the mineral of one mass of soft tissue.
fn of_one_mass(lesions: &[&Lesion], span_mm: f64) -> f64 {
    if lesions.len() < 2 {
        return 0.0;
    }
    let of = |lesion: &&Lesion| probability(lesion, "soft_tissue_mass");
    let mean = lesions.iter().map(of).sum::<f64>() / lesions.len() as f64;
    mean * fall(span_mm, 100.0, 10.0)
}

/// The diameter of a lesion, mm; of one that reaches far for its volume, as a net of sheets does, less.
fn girth_mm(lesion: &Lesion) -> f64 {
    lesion.diameter_mm.min(3.0 * lesion.volume_mm3.cbrt())
}

/// Many lesions of one size and roundness: bodies in a joint, stones in veins.
fn alike(lesions: &[&Lesion], weights: &[f64], findings: &mut Findings) {
    let main: Vec<&&Lesion> =
        lesions.iter().zip(weights).filter(|(_, weight)| **weight > 0.4).map(|(lesion, _)| lesion).collect();
    if main.len() < 3 {
        return;
    }
    let count = main.len() as f64;
    let mean_of = |id: &str| main.iter().map(|l| probability(l, id)).sum::<f64>() / count;
    let sizes: Vec<f64> = main.iter().map(|l| l.volume_mm3.cbrt()).collect();
    let mean = sizes.iter().sum::<f64>() / count;
    let spread = (sizes.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count).sqrt() / mean;
    let because = say("{} lesions of like size ({} % spread)", [count, 100.0 * spread].map(whole));
    let round = mean_of("nodular").max(mean_of("phlebolith_like"));
    findings.add(
        "multiple_uniform_bodies",
        fall(spread, 0.4, 0.06) * rise(count, 3.5, 0.5) * rise(round, 0.4, 0.08) * mean_of("intra_articular"),
        because.clone(),
    );
    let stones = mean_of("phlebolith_like");
    let away = 1.0 - mean_of("intra_articular").max(mean_of("rice_grain"));
    findings.add("phlebolith_like", rise(stones, 0.26, 0.04) * rise(count, 3.0, 0.5) * away * 0.9, because);
}
