/*!
A case as the page shows it: what was said, what the images propose, what was done to it.
*/

use std::borrow::Cow;

use apatite_case::{Case, Lab, LabResult};
use apatite_lesion::Clause;
use apatite_text::Words;
use dicom_dictionary_std::tags;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Server;
use crate::dicom::first_text;
use crate::edit::Edit;
use crate::problem::Answer;
use crate::reading::{Analysed, Lang, Standing};
use crate::store::LoggedEdit;

/// A case as it stands.
#[derive(Serialize)]
pub(crate) struct View<'a> {
    id: &'a str,
    added: &'a str,
    title: Option<&'a str>,
    document: &'a Value,
    setting: Option<&'a str>,
    labs: Vec<ToldLab<'a>>,
    problems: Vec<Value>,
    studies: Vec<Value>,
    /// How many edits there are in all.
    edit_count: usize,
    /// The last edit that holds and can be taken back.
    undoable: Option<i64>,
    /// The last of them; strokes without their voxels, which a picture shows.
    edits: Vec<ToldEdit<'a>>,
}

/// An entry of the log, and whether it holds.
#[derive(Serialize)]
pub(crate) struct ToldEdit<'a> {
    #[serde(flatten)]
    logged: Cow<'a, LoggedEdit>,
    holds: bool,
}

impl ToldEdit<'_> {
    fn without_voxels(mut self) -> Self {
        let LoggedEdit { number, made, who, body } = &*self.logged;
        if let Some(body) = body.without_voxels() {
            let short = LoggedEdit { number: *number, made: made.clone(), who: who.clone(), body };
            self.logged = Cow::Owned(short);
        }
        self
    }
}

#[derive(Serialize)]
struct ToldLab<'a> {
    analyte: &'a str,
    said: &'a str,
    result: String,
    interval: Option<[f64; 2]>,
    unit: Option<&'a str>,
}

impl Standing {
    /// The last entries of the log, `most` of them.
    pub(crate) fn edits(&self, most: usize) -> Vec<ToldEdit<'_>> {
        let shown = &self.log[self.log.len().saturating_sub(most)..];
        let told = shown.iter().map(|logged| ToldEdit {
            logged: Cow::Borrowed(logged),
            holds: self.read.holding.contains(&logged.number),
        });
        told.collect()
    }
}

impl Server {
    /// A case as it stands, with the last edits, `most` of them.
    pub(crate) fn view<'a>(
        &'a self,
        standing: &'a Standing,
        case: &'a Case,
        mut problems: Vec<Value>,
        lang: Lang,
        most: usize,
    ) -> Answer<View<'a>> {
        let words = self.words(lang);
        problems.iter_mut().for_each(|told| in_words(told, words));
        let first = || self.knowledge.settings.first().map(|setting| setting.id.as_str());
        let holds = |logged: &&LoggedEdit| standing.read.holding.contains(&logged.number);
        let undoes = |logged: &&LoggedEdit| matches!(logged.body, Edit::Undo { .. });
        let undoable = standing.log.iter().rev().find(|logged| holds(logged) && !undoes(logged));
        Ok(View {
            id: &standing.stored.id,
            added: &standing.stored.added,
            title: case.title.as_deref(),
            document: &standing.read.document,
            setting: standing.read.setting.as_deref().or_else(first),
            labs: case.labs.iter().map(|lab| told_lab(lab, words)).collect(),
            problems,
            studies: self.studies_of(standing, words)?,
            edit_count: standing.log.len(),
            undoable: undoable.map(|logged| logged.number),
            edits: standing.edits(most).into_iter().map(ToldEdit::without_voxels).collect(),
        })
    }

    /// The studies of the same PatientID that do not belong to a case, the last first.
    pub(crate) fn other_studies(&self, standing: &Standing) -> Answer<Vec<Value>> {
        let own = &standing.stored.studies;
        let mut patients = self.patients(own)?.into_iter().map(|[id, ..]| id).collect::<Vec<_>>();
        patients.sort();
        patients.dedup();
        let mut others = Vec::new();
        for id in patients.iter().filter(|id| !id.is_empty()) {
            for uid in self.store.studies_of_patient(id)?.into_iter().filter(|uid| !own.contains(uid)) {
                let Some(study) = self.store.study(&uid)? else { continue };
                let text = |tag| first_text(&study.attributes, tag);
                let (date, description) = (text(tags::STUDY_DATE), text(tags::STUDY_DESCRIPTION));
                others.push((date, uid, description, study.modalities));
            }
        }
        others.sort_by(|a, b| b.cmp(a));
        let told = others.into_iter().map(|(date, uid, description, modalities)| {
            json!({ "uid": uid, "date": date, "description": description, "modalities": modalities })
        });
        Ok(told.collect())
    }

    /// PatientID, PatientBirthDate and PatientSex of studies, of those that are there.
    pub(crate) fn patients(&self, studies: &[String]) -> Answer<Vec<[String; 3]>> {
        let mut patients = Vec::new();
        for uid in studies {
            let Some(study) = self.store.study(uid)? else { continue };
            let wanted = [tags::PATIENT_ID, tags::PATIENT_BIRTH_DATE, tags::PATIENT_SEX];
            patients.push(wanted.map(|tag| first_text(&study.attributes, tag)));
        }
        Ok(patients)
    }

    fn studies_of(&self, standing: &Standing, words: Words<'_>) -> Answer<Vec<Value>> {
        let jobs = if standing.stored.studies.is_empty() { Vec::new() } else { self.store.jobs(200)? };
        let mut studies = Vec::new();
        for uid in &standing.stored.studies {
            let Some(study) = self.store.study(uid)? else { continue };
            let text = |tag| first_text(&study.attributes, tag);
            let series = self.store.series(Some(uid))?.into_iter().map(|series| {
                let text = |tag| first_text(&series.attributes, tag);
                json!({
                    "uid": series.uid,
                    "modality": text(tags::MODALITY),
                    "description": text(tags::SERIES_DESCRIPTION),
                    "number": text(tags::SERIES_NUMBER).parse::<i64>().ok(),
                    "instances": series.instances,
                    "frame_of_reference": text(tags::FRAME_OF_REFERENCE_UID),
                })
            });
            let analysed = standing.analysed.iter().find(|analysed| analysed.study == *uid);
            let job = jobs.iter().find(|job| job.study == *uid);
            studies.push(json!({
                "uid": uid,
                "patient": text(tags::PATIENT_NAME),
                "patient_id": text(tags::PATIENT_ID),
                "birth_date": text(tags::PATIENT_BIRTH_DATE),
                "date": text(tags::STUDY_DATE),
                "description": text(tags::STUDY_DESCRIPTION),
                "modalities": study.modalities,
                "series": series.collect::<Vec<_>>(),
                "analysis": analysed.map(|analysed| told_analysis(analysed, words)),
                "job": job,
            }));
        }
        Ok(studies)
    }
}

fn told_analysis(analysed: &Analysed, words: Words<'_>) -> Value {
    let lesions = analysed.lesions.iter().map(|(lesion, verdict)| {
        let mut value = json!(lesion);
        value["verdict"] = json!(verdict);
        value["kind_name"] = json!(words.kind(lesion.kind));
        for finding in value["findings"].as_array_mut().into_iter().flatten() {
            finding["name"] = json!(words.finding(finding["id"].as_str().unwrap_or_default()));
        }
        if !lesion.decided_from.is_empty() {
            value["decided_by"] = json!(words.measured(&lesion.decided_from));
        }
        value["findings"].as_array_mut().into_iter().flatten().for_each(|told| in_words(told, words));
        value
    });
    let mut findings = json!(analysed.findings);
    findings.as_array_mut().into_iter().flatten().for_each(|told| in_words(told, words));
    let warnings = analysed.warnings.iter();
    let warnings = warnings.map(|warning| words.remark(warning).unwrap_or_else(|| warning.clone()));
    let mut labels = analysed.body["labels"].clone();
    labels["sha256"] = json!(analysed.labels);
    json!({
        "series": analysed.body["series"],
        "warnings": warnings.collect::<Vec<_>>(),
        "labels": labels,
        "lesions": lesions.collect::<Vec<_>>(),
        "findings": findings,
        "gap": analysed.gap,
        "region": analysed.region,
    })
}

fn told_lab<'a>(lab: &'a Lab, words: Words<'_>) -> ToldLab<'a> {
    let result = match &lab.result {
        LabResult::Levels(levels) => {
            let levels = levels.iter().map(|level| words.text(&format!("level-{}", level.id()), &[]));
            levels.collect::<Vec<_>>().join(", ")
        }
        LabResult::Positive(true) => words.text("level-positive", &[]),
        LabResult::Positive(false) => words.text("level-negative", &[]),
    };
    ToldLab {
        analyte: &lab.analyte,
        said: &lab.said,
        result,
        interval: lab.measured.as_ref().and_then(|measured| measured.interval),
        unit: lab.measured.as_ref().map(|measured| measured.unit.as_str()),
    }
}

/// What something was measured from, and what is wrong, in the words of a language; what an earlier program measured
/// stays English.
pub(crate) fn in_words(told: &mut Value, words: Words<'_>) {
    for key in ["message", "help"] {
        if let Some(said) = told[key].as_str().and_then(|english| words.remark(english)) {
            told[key] = json!(said);
        }
    }
    if let Some(clauses) = told.get_mut("measured_from")
        && let Ok(clauses) = serde_json::from_value::<Vec<Clause>>(clauses.take())
        && !clauses.is_empty()
    {
        told["because"] = json!(words.measured(&clauses));
    }
}
