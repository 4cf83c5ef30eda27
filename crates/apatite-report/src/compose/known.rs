//! What is known of the patient, in the order in which it is dictated.

use apatite_case::{Assertion, Case, HISTORY, Observation};
use apatite_lesion::{Kind, Lesion};
use apatite_reason::FactKind;

use super::{Composer, Study};
use crate::report::{Block, Text, safe};

/// A measured finding is told from this probability on, in thousandths.
const TOLD_FROM_PERMILLE: u16 = 500;
/// So many lesions are described one by one in running text.
const DESCRIBED: usize = 12;

impl Composer<'_, '_, '_> {
    /// History, laboratory, technique, findings, and where they disagree.
    pub(super) fn known(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for (key, lines) in [
            ("report-clinical", self.clinical()),
            ("report-technique", self.technique()),
            ("report-findings", self.findings()),
        ] {
            blocks.push(Block::Heading(Text::plain(&self.word(key))));
            let items = lines.iter().map(|line| Text::plain(line)).collect();
            blocks.push(Block::List { numbered: false, items });
        }
        for (key, lines) in [("disagree", self.disagreements()), ("implied", self.implied())] {
            if !lines.is_empty() {
                blocks.push(Block::Heading(Text::plain(&self.word(key))));
                let items = lines.iter().map(|line| Text::plain(line)).collect();
                blocks.push(Block::List { numbered: false, items });
            }
        }
        blocks
    }

    /// Patient, history and laboratory.
    pub(super) fn clinical(&self) -> Vec<String> {
        let mut lines = vec![self.words.text("report-patient-line", &[("patient", &self.patient())])];
        let case = self.input.case;
        let history = case.observations.iter().filter(|heard| heard.modality == HISTORY);
        lines.extend(self.told(history));
        for report in &self.input.answer.facts {
            if matches!(report.fact.kind, FactKind::Laboratory { .. }) {
                lines.push(format!("{}.", self.words.fact(&report.fact)));
            }
        }
        if lines.len() == 1 {
            lines.push(self.word("report-no-history"));
        }
        lines
    }

    /// What was done.
    pub(super) fn technique(&self) -> Vec<String> {
        let words = self.words;
        let mut lines = self
            .input
            .case
            .examinations
            .iter()
            .map(|examination| {
                let name = words.modality(&examination.modality);
                if examination.sites.is_empty() {
                    format!("{name}.")
                } else {
                    format!("{name}: {}.", self.sites(&examination.sites))
                }
            })
            .collect::<Vec<_>>();
        lines.extend(self.input.studies.iter().map(|study| self.measured(study)));
        if lines.is_empty() {
            lines.push(self.word("report-no-imaging"));
        }
        lines
    }

    /// What each examination showed.
    pub(super) fn findings(&self) -> Vec<String> {
        let (words, case) = (self.words, self.input.case);
        let mut lines = Vec::new();
        for (index, examination) in case.examinations.iter().enumerate() {
            let own = case.observations.iter().filter(|seen| seen.examination == Some(index));
            let mut told = self.told(own);
            told.extend(self.quantities(case, index));
            if told.is_empty() {
                told.push(self.word("report-nothing-told"));
            }
            let name = words.modality(&examination.modality);
            lines.push(format!("{name}: {}", told.join(" ")));
        }
        for study in self.input.studies {
            lines.extend(self.lesion_lines(study));
        }
        if lines.is_empty() {
            lines.push(self.word("report-no-imaging"));
        }
        lines
    }

    /// Findings as sentences: what is there, what is likely, what was measured, what is not there.
    fn told<'o>(&self, observations: impl Iterator<Item = &'o Observation> + Clone) -> Vec<String> {
        let words = self.words;
        let mut sentences = Vec::new();
        let sentence = |key: &str, names: Vec<String>| {
            (!names.is_empty()).then(|| words.text(key, &[("findings", &names.join(", "))]))
        };
        for (key, wanted) in [
            ("report-present", Assertion::Present),
            ("report-suggested", Assertion::Suggested),
            ("report-absent", Assertion::Absent),
        ] {
            let names = observations
                .clone()
                .filter(|seen| seen.assertion == wanted)
                .map(|seen| words.finding_within(&seen.finding))
                .collect();
            sentences.extend(sentence(key, names));
        }
        let measured = observations
            .filter_map(|seen| match seen.assertion {
                Assertion::Measured { permille } if permille >= TOLD_FROM_PERMILLE => {
                    let probability = words.percent(f64::from(permille) / 1000.0);
                    Some(format!("{} ({probability})", words.finding_within(&seen.finding)))
                }
                _ => None,
            })
            .collect();
        sentences.extend(sentence("report-measured", measured));
        sentences.iter().map(|sentence| capitalised(&safe(sentence))).collect()
    }

    /// The numbers of one examination.
    fn quantities(&self, case: &Case, examination: usize) -> Vec<String> {
        let words = self.words;
        case.examinations[examination]
            .quantities
            .iter()
            .map(|(id, value)| {
                let known = words.knowledge.findings.quantities.get(id);
                let name = known.map_or(id.as_str(), |known| known.names.get(words.language));
                let unit = known.map_or("", |known| apatite_text::printed_unit(&known.unit));
                let value = words.number(rounded(*value));
                let text =
                    words.text("fact-quantity", &[("quantity", name), ("value", &value), ("unit", unit)]);
                format!("{}.", safe(text.trim_end()))
            })
            .collect()
    }

    fn disagreements(&self) -> Vec<String> {
        let words = self.words;
        let names = |modalities: &[String]| {
            modalities.iter().map(|modality| words.modality(modality)).collect::<Vec<_>>().join(", ")
        };
        self.input
            .answer
            .contradictions
            .iter()
            .map(|contradiction| {
                let (present, absent) = (names(&contradiction.present), names(&contradiction.absent));
                let finding = words.finding(&contradiction.finding);
                let arguments = [("finding", finding), ("present", present.as_str()), ("absent", &absent)];
                words.text("disagree-line", &arguments)
            })
            .collect()
    }

    /// What adds nothing, because something else says the same and more.
    fn implied(&self) -> Vec<String> {
        let words = self.words;
        let mut lines = Vec::new();
        for implied in &self.input.answer.implied {
            let by = words.finding_within(&implied.by);
            let arguments = [
                ("finding", words.finding(&implied.finding)),
                ("modalities", words.modality(&implied.modality)),
                ("by", &by),
            ];
            lines.push(words.text("implied-line", &arguments));
        }
        lines
    }

    /// How a study was made and measured.
    fn measured(&self, study: &Study<'_>) -> String {
        let words = self.words;
        let name = words.modality(&study.modality);
        let Some(measurement) = study.measurement else {
            return words.text("report-study-shown", &[("modality", name), ("name", &safe(&study.name))]);
        };
        let series = &measurement.series;
        let arguments = [
            ("modality", name.to_owned()),
            ("name", safe(&study.name)),
            ("size", series.size.map(|length| length.to_string()).join(" x ")),
            ("spacing", series.spacing_mm.map(|length| words.decimals(length, 2)).join(" x ")),
            ("noise", words.decimals(series.noise_hu, 0)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        words.text("report-study-measured", &arguments)
    }

    /// The lesions of a study in sentences.
    fn lesion_lines(&self, study: &Study<'_>) -> Vec<String> {
        let Some(measurement) = study.measurement else { return Vec::new() };
        let words = self.words;
        let lesions = &measurement.analysis.lesions;
        let calcifications = || lesions.iter().filter(|lesion| lesion.kind == Kind::Calcification);
        if lesions.is_empty() {
            return vec![self.word("measure-none")];
        }
        let volume: f64 = calcifications().map(|lesion| lesion.volume_partial_mm3).sum();
        let mut lines = vec![words.text(
            "report-lesions-line",
            &[
                ("count", &words.counted("report-count-calcifications", calcifications().count())),
                ("volume", &words.decimals(volume, 0)),
                ("others", &words.counted("report-count-others", lesions.len() - calcifications().count())),
            ],
        )];
        lines.extend(calcifications().take(DESCRIBED).map(|lesion| self.lesion_line(lesion)));
        let left = calcifications().count().saturating_sub(DESCRIBED);
        if left > 0 {
            lines.push(words.counted("report-more-lesions", left));
        }
        lines
    }

    fn lesion_line(&self, lesion: &Lesion) -> String {
        let words = self.words;
        let findings = lesion
            .findings
            .iter()
            .filter(|finding| finding.probability * 1000.0 >= f64::from(TOLD_FROM_PERMILLE))
            .map(|finding| words.finding_within(&finding.id))
            .collect::<Vec<_>>()
            .join(", ");
        let arguments = [
            ("id", lesion.id.to_string()),
            ("diameter", words.decimals(lesion.diameter_mm, 0)),
            ("volume", words.decimals(lesion.volume_partial_mm3, 0)),
            ("mean", words.decimals(lesion.mean_hu, 0)),
            ("max", words.decimals(lesion.max_hu, 0)),
            ("findings", findings),
        ];
        let key = if arguments[5].1.is_empty() { "report-lesion-bare" } else { "report-lesion" };
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        words.text(key, &arguments)
    }

    fn sites(&self, sites: &[String]) -> String {
        sites.iter().map(|site| self.words.site(site).to_lowercase()).collect::<Vec<_>>().join(", ")
    }
}

/// Measured numbers are not known to more than about three digits.
fn rounded(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { (value * 10.0).round() / 10.0 }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
