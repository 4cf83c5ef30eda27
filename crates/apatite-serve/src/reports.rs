/*!
Reports of a case in every form, and what to do next, in words.
*/

use apatite_advise::{Advice, next};
use apatite_case::Case;
use apatite_grade::grade_leading;
use apatite_knowledge::{Language, Localised};
use apatite_reason::{diagnose, robustness};
use apatite_report::{Input, Provenance, Study, Text, compose, html, pdf, text};
use dicom_dictionary_std::tags;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::Server;
use crate::dicom::first_text;
use crate::problem::{Answer, Problem};
use crate::reading::{Lang, Standing};
use crate::store::hex;

/// Form of a report for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReportFormat {
    /// For screen and print.
    #[default]
    Html,
    /// The same as tagged PDF/A.
    Pdf,
    /// For dictation.
    Text,
    /// For programs: the case as it stands, its log and its differential.
    Json,
}

impl ReportFormat {
    fn has_pictures(self) -> bool {
        matches!(self, Self::Html | Self::Pdf)
    }

    /// Media type and ending of file names.
    pub(crate) fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Html => ("text/html; charset=utf-8", "html"),
            Self::Pdf => ("application/pdf", "pdf"),
            Self::Text => ("text/plain; charset=utf-8", "txt"),
            Self::Json => ("application/json", "json"),
        }
    }
}

/// Diagnoses with their reasons in a report.
const EXPLAINED: usize = 3;
/// Draws for the intervals of a report, and their seed.
pub(crate) const DRAWS: usize = 200;
pub(crate) const SEED: u64 = 1;

impl Server {
    /// A report for people.
    pub(crate) fn report(
        &self,
        standing: &Standing,
        case: &Case,
        problems: &[Value],
        format: ReportFormat,
        lang: Lang,
    ) -> Answer<Vec<u8>> {
        let model = self.model(standing.read.setting.as_deref())?;
        let mut answer = diagnose(model, &self.knowledge, case, EXPLAINED)?;
        answer.add_robustness(model, robustness(model, &self.knowledge, case, DRAWS, SEED)?);
        let advice = next(model, &self.knowledge, case, &self.knowledge.examinations.weights)?;
        let graded = grade_leading(&self.gradings, &self.knowledge, case, answer.ranked());
        let words = self.words(lang);
        let mut measurements =
            standing.analysed.iter().map(crate::reading::Analysed::measurement).collect::<Vec<_>>();
        let mut remarked = Vec::new();
        let mut pictures = std::collections::BTreeMap::new();
        for uid in standing.stored.studies.iter().filter(|_| format.has_pictures()) {
            let at = standing.analysed.iter().position(|analysed| analysed.study == *uid);
            let measured = at.and_then(|at| Some((standing.analysed.get(at)?, measurements.get_mut(at)?)));
            match self.pictures(&words, standing, uid, measured) {
                Ok(made) => drop(pictures.insert(uid, made)),
                // a report without a picture is worth more than none
                Err(problem) => remarked.push(format!("a study is not shown: {}", problem.detail)),
            }
        }
        let change = self.course_of(standing).unwrap_or_else(|problem| {
            remarked.push(problem.detail);
            None
        });
        let mut studies = Vec::new();
        for uid in &standing.stored.studies {
            let Some(study) = self.store.study(uid)? else { continue };
            let at = standing.analysed.iter().position(|analysed| analysed.study == *uid);
            studies.push(Study {
                name: first_text(&study.attributes, tags::STUDY_DESCRIPTION),
                modality: study.modalities.join(", "),
                date: first_text(&study.attributes, tags::STUDY_DATE).parse().ok(),
                measurement: at.and_then(|at| measurements.get(at)),
                pictures: pictures.remove(uid).unwrap_or_default(),
            });
        }
        let remarks = problems.iter().filter_map(|problem| match problem["message"].as_str() {
            Some(message) => Some(Text::remark(&words, message)),
            None => {
                let disagreement = serde_json::from_value(problem.clone()).ok()?;
                Some(Text::plain(&words.disagreement(&disagreement)))
            }
        });
        let remarked = remarked.iter().map(|remark| Text::remark(&words, remark));
        let remarks = remarks.chain(remarked).collect::<Vec<_>>();
        let report = compose(
            &words,
            &Input {
                case,
                answer: &answer,
                advice: Some(&advice),
                gradings: Some((&self.gradings, &graded)),
                change: change.as_ref().map(|followed| (followed, &self.change_limits)),
                date: studies.iter().filter_map(|study| study.date).max(),
                studies: &studies,
                remarks: &remarks,
                provenance: &Provenance {
                    program_version: env!("CARGO_PKG_VERSION").to_owned(),
                    case_sha256: hex(&Sha256::digest(standing.read.document.to_string())),
                },
            },
        );
        match format {
            ReportFormat::Pdf => pdf(&report).map_err(|error| Problem::internal(&error)),
            ReportFormat::Text => Ok(text(&report).into_bytes()),
            ReportFormat::Html | ReportFormat::Json => Ok(html(&report).into_bytes()),
        }
    }

    /// Alarms, what to examine next with what each result would mean, and whether enough is known.
    pub(crate) fn advice(&self, standing: &Standing, case: &Case, lang: Lang) -> Answer<Value> {
        let model = self.model(standing.read.setting.as_deref())?;
        let weights = &self.knowledge.examinations.weights;
        Ok(self.advice_in_words(&next(model, &self.knowledge, case, weights)?, lang))
    }

    fn advice_in_words(&self, advice: &Advice, lang: Lang) -> Value {
        let (words, language): (_, Language) = (self.words(lang), lang.into());
        let of = |english: &str, italian: &str| {
            Localised { en: english.to_owned(), it: italian.to_owned() }.get(language).to_owned()
        };
        let mut value = json!(advice);
        for (told, alarm) in items(&mut value["alarms"]).zip(&advice.alarms) {
            if let Some(known) = self.knowledge.alarms.alarms.get(&alarm.alarm) {
                told["name"] = json!(known.names.get(language));
                told["text"] = json!(of(&known.en, &known.it));
            }
        }
        for (told, advised) in items(&mut value["examinations"]).zip(&advice.examinations) {
            let known = self.knowledge.examinations.examinations.get(&advised.examination);
            told["name"] =
                json!(known.map_or(advised.examination.as_str(), |known| known.names.get(language)));
            for (warning, caveat) in items(&mut told["warnings"]).zip(&advised.warnings) {
                let known = self.knowledge.examinations.warnings.get(&caveat.warning);
                warning["text"] = json!(known.map(|known| of(&known.en, &known.it)));
            }
            for (question, asked) in items(&mut told["questions"]).zip(&advised.questions) {
                for (outcome, expected) in items(&mut question["outcomes"]).zip(&asked.outcomes) {
                    outcome["name"] = json!(words.state(&asked.id, &expected.state));
                    outcome["leader_name"] = json!(words.diagnosis(&expected.leader));
                }
            }
        }
        value
    }
}

fn items(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_array_mut().into_iter().flatten()
}
