use std::fmt::Write as _;

use apatite_lesion::{FindingEvidence, Kind, Lesion};
use apatite_study::Measurement;

use crate::words::{FAINT, HEADING, Words, styled};

/// A finding is told from this probability on.
const TOLD_FROM: f64 = 0.5;

/// The lesions of a study, and its findings.
#[must_use]
pub fn measurement(words: &Words<'_>, measurement: &Measurement) -> String {
    let mut out = String::new();
    let series = &measurement.series;
    let size = series.size.map(|length| length.to_string()).join(" x ");
    let spacing = series.spacing_mm.map(|length| words.decimals(length, 2)).join(" x ");
    let noise = words.decimals(series.noise_hu, 0);
    let arguments = [("size", size.as_str()), ("spacing", spacing.as_str()), ("noise", noise.as_str())];
    let _ = writeln!(out, "{}\n", styled(FAINT, &words.text("measure-series", &arguments)));
    if measurement.analysis.lesions.is_empty() {
        let _ = writeln!(out, "{}", words.text("measure-none", &[]));
    }
    for lesion in &measurement.analysis.lesions {
        lesion_lines(&mut out, words, lesion);
    }
    let _ = writeln!(out, "{}", styled(HEADING, &words.text("measure-findings", &[])));
    findings(&mut out, words, &measurement.analysis.findings);
    let _ = writeln!(out, "\n{}", words.text("intended-use", &[]));
    out
}

fn lesion_lines(out: &mut String, words: &Words<'_>, lesion: &Lesion) {
    let kind = words.kind(lesion.kind);
    let title = format!("{}. {kind}, {}", lesion.id, words.percent(lesion.probability));
    let _ = writeln!(out, "{}", styled(HEADING, &title));
    let arguments = [
        ("volume", words.decimals(lesion.volume_mm3, 0)),
        ("uncertainty", words.decimals(lesion.volume_uncertainty_mm3, 0)),
        ("diameter", words.decimals(lesion.diameter_mm, 1)),
        ("components", lesion.components.to_string()),
        ("mean", words.decimals(lesion.mean_hu, 0)),
        ("max", words.decimals(lesion.max_hu, 0)),
        ("centre", lesion.centre_mm.map(|value| words.decimals(value, 0)).join(", ")),
    ];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _ = writeln!(out, "   {}", words.text("measure-lesion", &arguments));
    if let Some(mass) = lesion.hydroxyapatite_mg {
        let mass = words.decimals(mass, 0);
        let _ = writeln!(out, "   {}", words.text("measure-hydroxyapatite", &[("mass", mass.as_str())]));
    }
    if let Some(level) = &lesion.level {
        let (upper, lower) = (words.decimals(level.upper_hu, 0), words.decimals(level.lower_hu, 0));
        let (angle, area) = (words.decimals(level.angle_deg, 1), words.decimals(level.area_mm2, 0));
        let arguments = [("upper", upper.as_str()), ("lower", &lower), ("angle", &angle), ("area", &area)];
        let _ = writeln!(out, "   {}", words.text("measure-level", &arguments));
    }
    let _ = writeln!(out, "   {}", styled(FAINT, &words.measured(&lesion.decided_from)));
    findings(out, words, &lesion.findings);
    out.push('\n');
}

fn findings(out: &mut String, words: &Words<'_>, findings: &[FindingEvidence]) {
    for finding in findings.iter().filter(|finding| finding.probability >= TOLD_FROM) {
        let name = words.finding(&finding.id);
        let probability = words.percent(finding.probability);
        let _ = writeln!(
            out,
            "     {probability:>7}  {name}  {}",
            styled(FAINT, &words.measured(&finding.measured_from))
        );
    }
}

impl Words<'_> {
    /// Name of what a dense structure is.
    #[must_use]
    pub fn kind(&self, kind: Kind) -> String {
        self.text(&format!("kind-{}", kind.id()), &[])
    }
}
