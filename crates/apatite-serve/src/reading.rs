/*!
A case as it stands: the reader's words and what the images propose, told apart.
*/

use std::collections::BTreeSet;
use std::sync::Arc;

use apatite_case::{Case, Format, Policy};
use apatite_grade::add_course;
use apatite_knowledge::Language;
use apatite_lesion::{Analysis, FindingEvidence, Gap, Kind, Lesion, study_findings};
use apatite_study::{MeasuredSeries, Measurement};
use apatite_text::Words;
use apatite_volume::{Geometry, Labels};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::Server;
use crate::edit::{Edit, Read, Verdict};
use crate::history::History;
use crate::problem::{Answer, Problem};
use crate::revision::Revision;
use crate::store::{LoggedEdit, StoredCase, StoredResult};

/// A finding that stays as it was first found when lesions are corrected: it is no lesion's.
const OF_THE_SCENE: [&str; 2] = ["prosthesis_present", "visceral_calcification"];

/// A case as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// With the studies that the reader took in, and without those taken out.
    pub(crate) stored: StoredCase,
    pub(crate) log: Arc<Vec<LoggedEdit>>,
    pub(crate) read: Arc<Read>,
    /// By study, where it has been analysed.
    pub(crate) analysed: Vec<Analysed>,
}

/// What was found in a study, after the reader's corrections.
#[derive(Clone, Debug)]
pub(crate) struct Analysed {
    pub(crate) study: String,
    pub(crate) body: Value,
    /// SHA-256 of the labels.
    pub(crate) labels: String,
    /// Lesions with the judgement of each; the rejected ones among them.
    pub(crate) lesions: Vec<(Lesion, Verdict)>,
    pub(crate) findings: Vec<FindingEvidence>,
    pub(crate) gap: Option<Gap>,
    pub(crate) region: Option<FindingEvidence>,
    pub(crate) series: MeasuredSeries,
    pub(crate) warnings: Vec<String>,
}

/// How a differential is wanted.
#[derive(Clone, Debug, Deserialize, ToSchema, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Language of the words: `en` or `it`.
    pub lang: Lang,
    /// So many diagnoses with their reasons, at most 60.
    #[schema(maximum = 60)]
    #[param(maximum = 60)]
    pub explain: u16,
    /// So many draws of all the numbers for the intervals, at most 1000; 0 for none.
    #[schema(maximum = 1000)]
    #[param(maximum = 1000)]
    pub draws: u16,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { lang: Lang::En, explain: 5, draws: 0 }
    }
}

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Italian.
    It,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::It => Self::It,
        }
    }
}

/// The stored body of a result.
#[derive(Deserialize)]
struct Body {
    lesions: Vec<Lesion>,
    findings: Vec<FindingEvidence>,
    // results kept before it was measured have none
    #[serde(default)]
    gap: Option<Gap>,
    region: Option<FindingEvidence>,
    series: BodySeries,
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct BodySeries {
    uid: String,
    #[serde(default)]
    date: String,
    size: [usize; 3],
    spacing_mm: [f64; 3],
    kernel: String,
    patient_position: String,
    noise_hu: f64,
}

impl Server {
    /// A case as it stands, with `more` edits that are not stored.
    pub(crate) fn standing(&self, id: &str, more: &[Edit]) -> Answer<Standing> {
        let stored = self.store.case(id)?.ok_or_else(|| Problem::not_found("there is no case of this id"))?;
        self.standing_of(stored, more)
    }

    pub(crate) fn standing_of(&self, mut stored: StoredCase, more: &[Edit]) -> Answer<Standing> {
        let History { log, mut read } = self.histories.of(&self.store, &self.knowledge, &stored)?;
        for edit in more {
            Arc::make_mut(&mut read).apply(&self.knowledge, edit);
        }
        for (study, belongs) in &read.studies {
            stored.studies.retain(|other| other != study);
            if *belongs {
                stored.studies.push(study.clone());
            }
        }
        let mut analysed = Vec::new();
        for study in &stored.studies {
            if let Some(result) = self.store.result(study)? {
                let revised = self.revised(study, &result, &read)?;
                analysed.push(corrected(study, result, revised, &read)?);
            }
        }
        Ok(Standing { stored, log, read, analysed })
    }

    /// The case in the terms of the model, and what was wrong with it or disagrees.
    pub(crate) fn case_of(&self, standing: &Standing) -> (Case, Vec<Value>) {
        let mut document = standing.read.document.clone();
        if !standing.analysed.is_empty() {
            let has_ct = document["imaging"].as_array().is_some_and(|blocks| {
                blocks.iter().any(|block| block.get("modality").and_then(Value::as_str) == Some("CT"))
            });
            if !has_ct {
                match document["imaging"].as_array_mut() {
                    Some(blocks) => blocks.push(json!({ "modality": "CT" })),
                    None => document["imaging"] = json!([{ "modality": "CT" }]),
                }
            }
        }
        let (mut case, mut problems) = self.case_from(&document);
        for analysed in &standing.analysed {
            let Some(at) = case.examinations.iter().position(|examination| examination.modality == "CT")
            else {
                continue;
            };
            for disagreement in apatite_study::join(&mut case, at, &analysed.analysis(), &self.knowledge) {
                let mut told = json!(disagreement);
                told["kind"] = json!("reader-and-images-disagree");
                told["severity"] = json!("warning");
                problems.push(told);
            }
        }
        add_course(&self.course, &self.knowledge, &mut case);
        (case, problems)
    }

    /// Reads a document in the case format.
    pub(crate) fn case_from(&self, document: &Value) -> (Case, Vec<Value>) {
        let text = document.to_string();
        let reading = apatite_case::read(&text, Format::Json, &self.knowledge, Policy::Lenient);
        let problems = reading.problems.iter().map(|problem| {
            // line and column would be those of the server's own writing
            json!({ "severity": problem.severity, "kind": problem.kind, "message": problem.message, "help": problem.help })
        });
        (reading.case, problems.collect())
    }

    pub(crate) fn words(&self, lang: Lang) -> Words<'_> {
        Words { knowledge: &self.knowledge, language: lang.into() }
    }
}

impl Standing {
    /// Whether the case came of images without a case file, and nobody did anything in it.
    pub(crate) fn is_of_images_alone(&self) -> bool {
        !self.stored.has_file && self.log.is_empty() && !self.stored.studies.is_empty()
    }
}

impl Analysed {
    /// As it would have been measured; its labels are empty.
    pub(crate) fn measurement(&self) -> Measurement {
        Measurement {
            // whose images they are is for the writers of DICOM objects
            origin: None,
            series: self.series.clone(),
            analysis: self.analysis(),
            warnings: self.warnings.clone(),
        }
    }

    /// The lesions that were not rejected.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Lesion> {
        let counted = self.lesions.iter().filter(|(_, verdict)| *verdict != Verdict::Rejected);
        counted.map(|(lesion, _)| lesion)
    }

    fn analysis(&self) -> Analysis {
        let geometry = Geometry { origin_mm: [0.0; 3], steps_mm: [[0.0; 3]; 3] };
        Analysis {
            lesions: self.counted().map(rounded).collect(),
            findings: self.findings.clone(),
            // the reasoning needs no voxels
            labels: Labels { size: [0; 3], values: Vec::new(), geometry },
            bones: None,
            body: None,
            gap: self.gap.clone(),
            region: self.region.clone(),
            noise_hu: 0.0,
            warnings: Vec::new(),
            timings_ms: std::collections::BTreeMap::new(),
        }
    }
}

/// The result of a study with the reader's judgement of its lesions; the findings follow.
fn corrected(
    study: &str,
    StoredResult { mut body, mut labels }: StoredResult,
    revised: Option<Revision>,
    read: &Read,
) -> Answer<Analysed> {
    let Body { mut lesions, mut findings, gap, region, series, mut warnings } =
        serde_json::from_value(body.clone())?;
    let is_revised = revised.is_some();
    let mut warn = |told: String| {
        body["warnings"].as_array_mut().into_iter().for_each(|warnings| warnings.push(json!(told)));
        warnings.push(told);
    };
    let mut gone = BTreeSet::new();
    if let Some(revised) = revised {
        lesions.retain(|lesion| !revised.gone.contains(&lesion.id));
        lesions.retain(|lesion| revised.drawn.iter().all(|drawn| drawn.id != lesion.id));
        lesions.extend(revised.drawn);
        labels = revised.labels;
        for (_, why) in revised.left_out {
            warn(format!("a drawing of the reader is left out: {why}"));
        }
        gone = revised.gone;
    }
    for (_, id, verdict, kind) in read.lesions.iter().filter(|judged| judged.0 == study) {
        let is_judged = *verdict != Verdict::Open || kind.is_some();
        if is_judged && !gone.contains(id) && lesions.iter().all(|lesion| lesion.id != *id) {
            warn(format!("lesion {id}, which the reader judged, is no longer found"));
        }
    }
    let BodySeries { uid, date, size, spacing_mm, kernel, patient_position, noise_hu } = series;
    let series = MeasuredSeries { uid, date, size, spacing_mm, kernel, patient_position, noise_hu };
    let judged = |id: u16| read.lesions.iter().find(|judged| judged.0 == study && judged.1 == id);
    let lesions = lesions
        .into_iter()
        .map(|mut lesion| {
            let Some((_, _, verdict, kind)) = judged(lesion.id) else { return (lesion, Verdict::Open) };
            lesion.kind = kind.unwrap_or(lesion.kind);
            if *verdict == Verdict::Accepted {
                lesion.probability = 1.0;
            }
            (lesion, *verdict)
        })
        .collect::<Vec<_>>();
    if is_revised || read.lesions.iter().any(|judged| judged.0 == study) {
        let counted = lesions.iter().filter(|(_, verdict)| *verdict != Verdict::Rejected);
        let counted = counted.map(|(lesion, _)| lesion.clone()).collect::<Vec<_>>();
        let of_scene = findings.into_iter().filter(|finding| OF_THE_SCENE.contains(&finding.id.as_str()));
        let of_scene = of_scene.collect::<Vec<_>>();
        findings = study_findings(0.0, &counted);
        findings.retain(|finding| of_scene.iter().all(|other| other.id != finding.id));
        findings.extend(of_scene);
    }
    // it was measured between the lesions that the program found
    let gap = gap.filter(|gap| {
        let stands = |id: u16| {
            lesions.iter().any(|(lesion, verdict)| {
                lesion.id == id && lesion.kind == Kind::Calcification && *verdict != Verdict::Rejected
            })
        };
        !is_revised && gap.lesions.iter().flatten().all(|&id| stands(id))
    });
    Ok(Analysed { study: study.to_owned(), body, labels, lesions, findings, gap, region, series, warnings })
}

/// A lesion with the numbers that become facts as one would say them: whole HU, tenths of a millimetre.
fn rounded(lesion: &Lesion) -> Lesion {
    let mut lesion = lesion.clone();
    lesion.mean_hu = lesion.mean_hu.round();
    lesion.max_hu = lesion.max_hu.round();
    lesion.diameter_mm = (lesion.diameter_mm * 10.0).round() / 10.0;
    lesion
}

/// Number of lesions that count as calcifications.
pub(crate) fn calcifications(analysed: &Analysed) -> usize {
    analysed.counted().filter(|lesion| lesion.kind == Kind::Calcification).count()
}
