/*!
What to examine next.
*/

use apatite_case::{Case, HISTORY};
use apatite_knowledge::{
    Amount, BurdenWeights, Contrast, Examination, Knowledge, Severity, Warning,
};
use apatite_network::{Evidence, VariableId};
use apatite_reason::{Model, ModelError};
use rayon::prelude::*;
use serde::Serialize;

use crate::alarms::{Alarm, Clash, alarms, clashes};
use crate::circumstance::holds;
use crate::gain::{Gain, Outcome, Standing};
use crate::sufficiency::{Sufficiency, sufficiency};

/// What to do next in a case, and what must be said at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// Setting for which the prior holds.
    pub setting: String,
    /// The leading diagnosis.
    pub leader: String,
    /// Its probability.
    pub leader_probability: f64,
    /// Probability that it is malignant.
    pub malignant: f64,
    /// Uncertainty about the diagnosis, bits.
    pub entropy_bits: f64,
    /// What must be said at once, most urgent first.
    pub alarms: Vec<Alarm>,
    /// Facts that contradict each other.
    pub clashes: Vec<Clash>,
    /// Whether enough is known.
    pub sufficiency: Sufficiency,
    /// How the burdens count.
    pub weights: BurdenWeights,
    /// What can be done, best first; what is contraindicated behind all else.
    pub examinations: Vec<Advised>,
    /// What is done already.
    pub done: Vec<String>,
}

/// One examination that can be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advised {
    /// Its id.
    pub examination: String,
    /// Gain for burden, by which it is ranked: bits over the weighed burden.
    pub score: f64,
    /// What is to be expected of it.
    #[serde(flatten)]
    pub gain: Gain,
    /// What it costs the patient.
    pub burden: Burden,
    /// Why it must not be done, or only with care.
    pub warnings: Vec<Caveat>,
    /// What it would answer, most telling first.
    pub questions: Vec<Question>,
    /// So many more questions that it would answer.
    pub more_questions: usize,
}

impl Advised {
    /// Whether it must not be done as things stand.
    #[must_use]
    pub fn is_contraindicated(&self) -> bool {
        self.warnings.iter().any(|warning| warning.severity == Severity::Contraindicated)
    }
}

/// What an examination costs the patient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Burden {
    /// Effective dose, mSv; none without radiation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dose_msv: Option<f64>,
    /// Its 90 % interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dose_interval: Option<[f64; 2]>,
    /// Ids of the sources of the dose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dose_sources: Vec<String>,
    /// Contrast medium.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
    /// Steps of invasiveness.
    pub invasiveness: f64,
    /// Days until the result.
    pub delay_days: f64,
    /// Class of cost, 1 to 5.
    pub cost_class: u8,
    /// All of it, weighed.
    pub total: f64,
}

/// Why an examination must not be done, or only with care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Caveat {
    /// Id of the warning in the knowledge.
    pub warning: String,
    /// How much it weighs.
    pub severity: Severity,
    /// Ids of its sources.
    pub sources: Vec<String>,
}

/// One thing that an examination would answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// Id of a finding, an exclusive group, an analyte or a quantity.
    pub id: String,
    /// What this answer alone would tell, bits.
    pub bits: f64,
    /// The answers.
    pub outcomes: Vec<Outcome>,
}

/// So many questions of an examination are told in full.
const QUESTIONS_TOLD: usize = 8;

/// Says what to do next.
///
/// # Errors
/// Evidence that the network refuses, which a case that was read does not give.
pub fn next(
    model: &Model,
    knowledge: &Knowledge,
    case: &Case,
    weights: &BurdenWeights,
) -> Result<Advice, ModelError> {
    let heard = model.evidence(case, knowledge);
    let standing = Standing::new(model, knowledge, &heard.evidence)?;
    let plans = plans(model, knowledge, case, &heard.evidence);
    let done = knowledge
        .examinations
        .examinations
        .keys()
        .filter(|id| !plans.iter().any(|plan| plan.id == id.as_str()))
        .filter(|id| is_done(&knowledge.examinations.examinations[*id], model, knowledge, case, &heard.evidence))
        .cloned()
        .collect();
    let mut examinations = plans
        .par_iter()
        .map(|plan| advised(plan, &standing, knowledge, case, weights))
        .collect::<Vec<_>>();
    examinations.sort_by(|a, b| {
        a.is_contraindicated()
            .cmp(&b.is_contraindicated())
            .then(b.score.total_cmp(&a.score))
            .then_with(|| a.examination.cmp(&b.examination))
    });
    Ok(Advice {
        setting: model.setting.clone(),
        leader: model.diagnoses[standing.leader].clone(),
        leader_probability: standing.posterior[standing.leader],
        malignant: standing.malignant(),
        entropy_bits: standing.entropy_bits(),
        alarms: alarms(case, knowledge, &standing.posterior),
        clashes: clashes(case, knowledge),
        sufficiency: sufficiency(model, knowledge, case, &heard.evidence, &standing)?,
        weights: weights.clone(),
        examinations,
        done,
    })
}

/// The best examination by gain for burden, without what each result would mean: for judging the advice on many cases.
///
/// # Errors
/// As [`next`].
pub fn first_advice(
    model: &Model,
    knowledge: &Knowledge,
    case: &Case,
    weights: &BurdenWeights,
) -> Result<Option<String>, ModelError> {
    let heard = model.evidence(case, knowledge);
    let standing = Standing::new(model, knowledge, &heard.evidence)?;
    let best = plans(model, knowledge, case, &heard.evidence)
        .into_iter()
        .map(|plan| {
            let (burden, caveats) = burden(&plan, knowledge, case, weights, &standing.posterior);
            let refused = caveats.iter().any(|caveat| caveat.severity == Severity::Contraindicated);
            let variables = plan.shows.iter().map(|shown| shown.variable).collect::<Vec<_>>();
            (refused, standing.gain(&variables).bits / burden.total, plan.id)
        })
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then_with(|| a.2.cmp(b.2)));
    Ok(best.map(|(_, _, id)| id.to_owned()))
}

/// An examination that can be done, and what is new in it.
pub(crate) struct Plan<'k> {
    pub(crate) id: &'k str,
    pub(crate) examination: &'k Examination,
    pub(crate) shows: Vec<Shown>,
}

/// A variable that an examination shows.
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) variable: VariableId,
}

/// Everything that can be done and is not done yet.
pub(crate) fn plans<'k>(
    model: &Model,
    knowledge: &'k Knowledge,
    case: &Case,
    evidence: &Evidence,
) -> Vec<Plan<'k>> {
    let known = &knowledge.examinations.examinations;
    let done = |examination: &Examination| is_done(examination, model, knowledge, case, evidence);
    known
        .iter()
        .filter(|(_, examination)| !done(examination))
        .filter(|(_, examination)| {
            examination.after.as_ref().and_then(|before| known.get(before)).is_none_or(done)
        })
        .filter_map(|(id, examination)| {
            let mut shows = shown(examination, model, knowledge);
            if let Some(included) = examination.includes.as_ref().and_then(|id| known.get(id))
                && !done(included)
            {
                shows.extend(shown(included, model, knowledge));
            }
            shows.retain(|shown| !has(evidence, shown.variable));
            (!shows.is_empty()).then_some(Plan { id, examination, shows })
        })
        .collect()
}

fn advised(
    plan: &Plan<'_>,
    standing: &Standing<'_>,
    knowledge: &Knowledge,
    case: &Case,
    weights: &BurdenWeights,
) -> Advised {
    let variables = plan.shows.iter().map(|shown| shown.variable).collect::<Vec<_>>();
    let gain = standing.gain(&variables);
    let (burden, warnings) = burden(plan, knowledge, case, weights, &standing.posterior);
    let mut questions = plan
        .shows
        .iter()
        .map(|shown| (standing.gain(&[shown.variable]).bits, shown))
        .collect::<Vec<_>>();
    questions.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
    let told = questions
        .iter()
        .take(QUESTIONS_TOLD)
        .map(|(bits, shown)| Question {
            id: shown.id.clone(),
            bits: *bits,
            outcomes: standing.outcomes(shown.variable),
        })
        .collect::<Vec<_>>();
    Advised {
        examination: plan.id.to_owned(),
        score: gain.bits / burden.total,
        gain,
        burden,
        warnings,
        more_questions: questions.len() - told.len(),
        questions: told,
    }
}

fn burden(
    plan: &Plan<'_>,
    knowledge: &Knowledge,
    case: &Case,
    weights: &BurdenWeights,
    posterior: &[f64],
) -> (Burden, Vec<Caveat>) {
    let examination = plan.examination;
    let dose = dose(examination, knowledge, case);
    let dose_msv = dose.map_or(0.0, |dose| dose.best);
    let concerns = |warning: &Warning| {
        warning.examinations.iter().any(|id| id == plan.id)
            || examination.contrast.is_some_and(|contrast| warning.contrast.contains(&contrast))
            || warning.dose_from_msv.is_some_and(|least| dose_msv >= least)
    };
    let mut dose_counts = 1.0;
    let mut caveats = Vec::new();
    for (id, warning) in &knowledge.examinations.warnings {
        if concerns(warning) && warning.when.iter().any(|when| holds(when, case, knowledge, posterior)) {
            dose_counts *= warning.dose_counts.unwrap_or(1.0);
            caveats.push(Caveat {
                warning: id.clone(),
                severity: warning.severity,
                sources: warning.sources.clone(),
            });
        }
    }
    caveats.sort_by(|a, b| a.severity.cmp(&b.severity).then_with(|| a.warning.cmp(&b.warning)));
    let total = weights.base
        + weights.dose * dose_counts * dose_msv
        + weights.contrast * f64::from(examination.contrast.is_some())
        + weights.invasiveness * examination.invasiveness
        + weights.delay * examination.delay_days.best
        + weights.cost * f64::from(examination.cost_class.saturating_sub(1));
    let burden = Burden {
        dose_msv: dose.map(|dose| dose.best),
        dose_interval: dose.map(|dose| [dose.low, dose.high]),
        dose_sources: dose.map(|dose| dose.sources.clone()).unwrap_or_default(),
        contrast: examination.contrast,
        invasiveness: examination.invasiveness,
        delay_days: examination.delay_days.best,
        cost_class: examination.cost_class,
        total,
    };
    (burden, caveats)
}

/// The dose at the sites of the case: of several the largest.
fn dose<'k>(examination: &'k Examination, knowledge: &'k Knowledge, case: &Case) -> Option<&'k Amount> {
    let included = examination.includes.as_ref().and_then(|id| knowledge.examinations.examinations.get(id));
    let dose = examination.dose_msv.as_ref().or_else(|| included?.dose_msv.as_ref())?;
    let sites = case.examinations.iter().flat_map(|examination| &examination.sites);
    sites
        .map(|site| dose.at.get(site).unwrap_or(&dose.elsewhere))
        .max_by(|a, b| a.best.total_cmp(&b.best))
        .or(Some(&dose.elsewhere))
}

/// What an examination shows beside what it includes.
fn shown(examination: &Examination, model: &Model, knowledge: &Knowledge) -> Vec<Shown> {
    let view = |subject: &str| {
        let modality = examination.modality.as_deref().unwrap_or(HISTORY);
        format!("{subject}@{modality}")
    };
    let mut names = Vec::new();
    for group in examination.groups.iter().filter_map(|id| knowledge.vocabulary.group(id)) {
        if group.exclusive {
            names.push((group.id.clone(), view(&group.id)));
        } else {
            let findings = group.findings.iter().filter(|finding| !examination.except.contains(finding));
            names.extend(findings.map(|finding| (finding.clone(), view(finding))));
        }
    }
    names.extend(examination.findings.iter().map(|finding| (finding.clone(), view(finding))));
    let plain = examination.quantities.iter().chain(&examination.analytes);
    names.extend(plain.map(|id| (id.clone(), id.clone())));
    names
        .into_iter()
        .filter_map(|(id, name)| Some(Shown { id, variable: model.variable(&name)? }))
        .collect()
}

fn has(evidence: &Evidence, variable: VariableId) -> bool {
    evidence.items().binary_search_by_key(&variable, |item| item.0).is_ok()
}

/// Laboratory panels are done when all of them is known, images when they were made, the rest when anything of what
/// it alone shows is known.
fn is_done(
    examination: &Examination,
    model: &Model,
    knowledge: &Knowledge,
    case: &Case,
    evidence: &Evidence,
) -> bool {
    let own = shown(examination, model, knowledge);
    if !examination.analytes.is_empty() {
        return own.iter().all(|shown| has(evidence, shown.variable));
    }
    let seen = |modality: &str| case.examinations.iter().any(|made| made.modality == modality);
    match examination.modality.as_deref() {
        Some(modality) if modality != HISTORY && examination.includes.is_none() && examination.after.is_none() => {
            seen(modality)
        }
        // tissue may have been told with any examination
        Some(HISTORY) => own.iter().any(|shown| {
            let views = knowledge.modalities.keys().map(|modality| format!("{}@{modality}", shown.id));
            views.filter_map(|name| model.variable(&name)).any(|variable| has(evidence, variable))
        }),
        _ => own.iter().any(|shown| has(evidence, shown.variable)),
    }
}
