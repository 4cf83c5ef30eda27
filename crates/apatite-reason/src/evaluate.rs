/*!
How good the answers are, on proven cases.
*/

use std::collections::{BTreeMap, BTreeSet};

use apatite_case::{Case, HISTORY};
use apatite_knowledge::Knowledge;
use apatite_network::Workspace;
use rayon::prelude::*;
use serde::Serialize;

use crate::fit::{Counts, ProvenCase, Testimony, count};
use crate::model::{Model, ModelError};

/// What is kept from the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withhold {
    /// All imaging facts.
    Imaging,
    /// All laboratory results.
    Labs,
    /// History and examination.
    History,
}

/// How cases are kept from judging themselves.
#[derive(Clone, Debug)]
pub enum Folds {
    /// They are not: the counts are used as they come.
    None(Counts),
    /// So many folds; the counts are made anew from `shipped` and the other folds. A shipped case with the digest of
    /// one held out is held out with it.
    K {
        /// Number of folds.
        folds: usize,
        /// Cases that came with the knowledge.
        shipped: Vec<ProvenCase>,
    },
}

/// The outcome of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Number of cases judged.
    pub cases: usize,
    /// Share in which the leader is right.
    pub top1: f64,
    /// Share in which the truth is among the first three.
    pub top3: f64,
    /// Among the first five.
    pub top5: f64,
    /// Mean of one over the rank of the truth.
    pub mrr: f64,
    /// Mean Brier score over all diagnoses, 0 to 2.
    pub brier: f64,
    /// Mean negative natural logarithm of the probability of the truth.
    pub log_loss: f64,
    /// Expected calibration error of the leader's probability.
    pub ece: f64,
    /// What `ece` is made of.
    pub reliability: Vec<ReliabilityBin>,
    /// By mechanism of the true diagnosis.
    pub mechanisms: Vec<MechanismScore>,
    /// Diagnoses with many cases here, and with few.
    pub subsets: Vec<Subset>,
    /// Which diagnosis is taken for which, commonest first.
    pub confusions: Vec<Confusion>,
    /// Cases that moved the numbers they are judged by.
    pub judged_by_themselves: usize,
    /// Each case.
    pub per_case: Vec<CaseOutcome>,
}

/// Leaders of about one probability, and how often they are right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// From this probability, inclusive.
    pub from: f64,
    /// To this probability.
    pub to: f64,
    /// Number of cases.
    pub cases: usize,
    /// Mean probability of the leader.
    pub confidence: f64,
    /// Share of leaders that are right.
    pub accuracy: f64,
}

/// Accuracy in one mechanism.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MechanismScore {
    /// Id of the mechanism.
    pub mechanism: String,
    /// Number of cases.
    pub cases: usize,
    /// Share in which the leader is right.
    pub top1: f64,
    /// Share in which the truth is among the first three.
    pub top3: f64,
    /// Share in which the leading mechanism, by summed probability, is right.
    pub mechanism_top1: f64,
}

/// Accuracy in a part of the cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subset {
    /// `common` or `rare`.
    pub name: &'static str,
    /// Number of cases.
    pub cases: usize,
    /// Share in which the leader is right.
    pub top1: f64,
    /// Share in which the truth is among the first three.
    pub top3: f64,
}

/// One diagnosis taken for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// The truth.
    pub expected: String,
    /// What led.
    pub leader: String,
    /// How often.
    pub cases: usize,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseOutcome {
    /// Name of the case.
    pub file: String,
    /// The true diagnosis.
    pub expected: String,
    /// Best rank of an accepted answer, from 1.
    pub rank: usize,
    /// Summed probability of the accepted answers.
    pub probability: f64,
    /// The leading diagnosis.
    pub leader: String,
    /// Its probability.
    pub leader_probability: f64,
    #[serde(skip)]
    leading_mechanism: String,
    #[serde(skip)]
    brier: f64,
}

/// Bins of the reliability table.
const BINS: usize = 10;
/// A diagnosis with at least so many cases in the set counts as common.
const COMMON_FROM: usize = 4;

/// Judges the cases that have an answer.
///
/// # Errors
/// Numbers that make no network, or an answer that the model does not know.
pub fn evaluate(
    cases: &[ProvenCase],
    knowledge: &Knowledge,
    setting: &str,
    withheld: &[Withhold],
    folds: &Folds,
) -> Result<Evaluation, ModelError> {
    let cases = cases.iter().filter(|proven| proven.case.expected.is_some()).collect::<Vec<_>>();
    let judge_one = |model: &Model, proven: &ProvenCase| judge(proven, knowledge, model, withheld);
    let per_case = by_fold(&cases, knowledge, setting, folds, judge_one)?;
    let judged_by_themselves = match folds {
        Folds::None(_) => {
            let moved = knowledge.learned.cases().collect::<BTreeSet<_>>();
            cases.iter().filter(|proven| moved.contains(proven.name())).count()
        }
        Folds::K { .. } => 0,
    };
    Ok(summarise(per_case, judged_by_themselves, knowledge))
}

/// Asks something of every case that has an answer, of a model that has not counted the case where there are folds.
/// The answers stand in the order of the cases.
///
/// # Errors
/// Numbers that make no network, or what the judge returns.
pub fn judge_by_fold<T: Send>(
    cases: &[ProvenCase],
    knowledge: &Knowledge,
    setting: &str,
    folds: &Folds,
    judge: impl Fn(&Model, &ProvenCase) -> Result<T, ModelError> + Sync,
) -> Result<Vec<T>, ModelError> {
    let cases = cases.iter().filter(|proven| proven.case.expected.is_some()).collect::<Vec<_>>();
    by_fold(&cases, knowledge, setting, folds, judge)
}

fn by_fold<T: Send>(
    cases: &[&ProvenCase],
    knowledge: &Knowledge,
    setting: &str,
    folds: &Folds,
    judge: impl Fn(&Model, &ProvenCase) -> Result<T, ModelError> + Sync,
) -> Result<Vec<T>, ModelError> {
    match folds {
        Folds::None(counts) => {
            let model = Model::new(knowledge, setting, counts)?;
            cases.par_iter().map(|proven| judge(&model, proven)).collect()
        }
        Folds::K { folds, shipped } => cross_validate(cases, knowledge, setting, *folds, shipped, judge),
    }
}

/// Log loss by cross-validation for several weights of a proven case against one patient of a published series: by it
/// `case_weight` of the knowledge is chosen.
///
/// # Errors
/// As [`evaluate`].
pub fn case_weights(
    cases: &[ProvenCase],
    knowledge: &Knowledge,
    setting: &str,
    folds: usize,
) -> Result<Vec<(f64, f64)>, ModelError> {
    WEIGHTS_TRIED
        .iter()
        .map(|weight| {
            let mut knowledge = knowledge.clone();
            knowledge.constants.case_weight = *weight;
            let folds = Folds::K { folds, shipped: Vec::new() };
            Ok((*weight, evaluate(cases, &knowledge, setting, &[], &folds)?.log_loss))
        })
        .collect()
}

/// From no use of the cases to one that trusts them more than any series.
const WEIGHTS_TRIED: [f64; 7] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

fn cross_validate<T: Send>(
    cases: &[&ProvenCase],
    knowledge: &Knowledge,
    setting: &str,
    folds: usize,
    shipped: &[ProvenCase],
    judge: impl Fn(&Model, &ProvenCase) -> Result<T, ModelError> + Sync,
) -> Result<Vec<T>, ModelError> {
    let bare = Model::new(knowledge, setting, &Counts::none())?;
    let mut testimonies = Vec::new();
    let mut heard = BTreeSet::new();
    for proven in cases.iter().copied().chain(shipped) {
        if heard.insert(proven.digest.clone()) {
            testimonies.extend(Testimony::of(proven, knowledge, &bare)?);
        }
    }
    // stratified: the cases of one diagnosis go round the folds
    let mut order = (0..cases.len()).collect::<Vec<_>>();
    order.sort_by_key(|index| {
        (cases[*index].case.expected.as_ref().map(|expected| &expected.diagnosis), &cases[*index].id)
    });
    let fold_of =
        order.iter().enumerate().map(|(place, index)| (*index, place % folds)).collect::<BTreeMap<_, _>>();
    let judged = (0..folds)
        .into_par_iter()
        .map(|fold| {
            let held_out = (0..cases.len()).filter(|index| fold_of[index] == fold).collect::<Vec<_>>();
            let digests = held_out.iter().map(|index| cases[*index].digest.as_str()).collect::<BTreeSet<_>>();
            let kept = testimonies
                .iter()
                .filter(|testimony| !digests.contains(testimony.digest.as_str()))
                .collect::<Vec<_>>();
            let model = Model::new(knowledge, setting, &count(&kept, knowledge, &bare))?;
            held_out
                .into_par_iter()
                .map(|index| Ok((index, judge(&model, cases[index])?)))
                .collect::<Result<Vec<_>, ModelError>>()
        })
        .collect::<Result<Vec<_>, ModelError>>()?;
    let mut judged = judged.into_iter().flatten().collect::<Vec<_>>();
    judged.sort_by_key(|(index, _)| *index);
    Ok(judged.into_iter().map(|(_, outcome)| outcome).collect())
}

fn judge(
    proven: &ProvenCase,
    knowledge: &Knowledge,
    model: &Model,
    withheld: &[Withhold],
) -> Result<CaseOutcome, ModelError> {
    let case = without(&proven.case, withheld);
    let evidence = model.evidence(&case, knowledge).evidence;
    let mut workspace = Workspace::default();
    let posterior = &model.engine.posterior(&evidence, &mut workspace)?.root;
    let accepts = |root: usize| {
        proven.case.expected.as_ref().is_some_and(|expected| expected.accepts(&model.diagnoses[root]))
    };
    let ranking = ranking(posterior, &model.diagnoses);
    let rank =
        ranking.iter().position(|root| accepts(*root)).map_or(model.diagnoses.len(), |place| place + 1);
    let probability: f64 =
        (0..posterior.len()).filter(|root| accepts(*root)).map(|root| posterior[root]).sum();
    let brier = (1.0 - probability).powi(2)
        + (0..posterior.len())
            .filter(|root| !accepts(*root))
            .map(|root| posterior[root].powi(2))
            .sum::<f64>();
    let mut by_mechanism: BTreeMap<&str, f64> = BTreeMap::new();
    for (diagnosis, p) in knowledge.diagnoses.iter().zip(posterior) {
        *by_mechanism.entry(&diagnosis.mechanism).or_default() += p;
    }
    let leading_mechanism =
        by_mechanism.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(mechanism, _)| (*mechanism).to_owned());
    Ok(CaseOutcome {
        file: proven.id.clone(),
        expected: proven
            .case
            .expected
            .as_ref()
            .map(|expected| expected.diagnosis.clone())
            .unwrap_or_default(),
        rank,
        probability,
        leader: model.diagnoses[ranking[0]].clone(),
        leader_probability: posterior[ranking[0]],
        leading_mechanism: leading_mechanism.unwrap_or_default(),
        brier,
    })
}

/// States of the root from the likeliest on; ties by id.
#[must_use]
pub fn ranking(posterior: &[f64], diagnoses: &[String]) -> Vec<usize> {
    let mut order = (0..posterior.len()).collect::<Vec<_>>();
    order.sort_by(|a, b| {
        posterior[*b].total_cmp(&posterior[*a]).then_with(|| diagnoses[*a].cmp(&diagnoses[*b]))
    });
    order
}

/// The case with a part of its facts taken away.
#[must_use]
pub fn without(case: &Case, withheld: &[Withhold]) -> Case {
    let mut case = case.clone();
    for part in withheld {
        match part {
            Withhold::Imaging => {
                case.observations.retain(|observation| observation.modality == HISTORY);
                case.examinations.clear();
            }
            Withhold::Labs => case.labs.clear(),
            Withhold::History => case.observations.retain(|observation| observation.modality != HISTORY),
        }
    }
    case
}

fn summarise(per_case: Vec<CaseOutcome>, judged_by_themselves: usize, knowledge: &Knowledge) -> Evaluation {
    let all = per_case.iter().collect::<Vec<_>>();
    let mut bins = vec![Vec::new(); BINS];
    for outcome in &per_case {
        bins[((outcome.leader_probability * BINS as f64) as usize).min(BINS - 1)].push(outcome);
    }
    let reliability = bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| !bin.is_empty())
        .map(|(index, bin)| ReliabilityBin {
            from: index as f64 / BINS as f64,
            to: (index + 1) as f64 / BINS as f64,
            cases: bin.len(),
            confidence: mean(bin, |outcome| outcome.leader_probability),
            accuracy: within(bin, 1),
        })
        .collect::<Vec<_>>();
    let ece = reliability
        .iter()
        .map(|bin| bin.cases as f64 / per_case.len().max(1) as f64 * (bin.confidence - bin.accuracy).abs())
        .sum();

    let mechanism_of =
        |diagnosis: &str| knowledge.diagnosis(diagnosis).map_or("", |known| known.mechanism.as_str());
    let mechanisms = knowledge
        .vocabulary
        .mechanisms
        .iter()
        .filter_map(|mechanism| {
            let own = all
                .iter()
                .copied()
                .filter(|outcome| mechanism_of(&outcome.expected) == mechanism)
                .collect::<Vec<_>>();
            (!own.is_empty()).then(|| MechanismScore {
                mechanism: mechanism.clone(),
                cases: own.len(),
                top1: within(&own, 1),
                top3: within(&own, 3),
                mechanism_top1: mean(&own, |outcome| f64::from(outcome.leading_mechanism == *mechanism)),
            })
        })
        .collect();

    let mut frequency: BTreeMap<&str, usize> = BTreeMap::new();
    let mut confused: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for outcome in &per_case {
        *frequency.entry(&outcome.expected).or_default() += 1;
        if outcome.rank > 1 {
            *confused.entry((&outcome.expected, &outcome.leader)).or_default() += 1;
        }
    }
    let subset = |name: &'static str, common: bool| {
        let own = all
            .iter()
            .copied()
            .filter(|outcome| (frequency[outcome.expected.as_str()] >= COMMON_FROM) == common)
            .collect::<Vec<_>>();
        Subset { name, cases: own.len(), top1: within(&own, 1), top3: within(&own, 3) }
    };
    let mut confusions = confused
        .iter()
        .map(|((expected, leader), cases)| Confusion {
            expected: (*expected).to_owned(),
            leader: (*leader).to_owned(),
            cases: *cases,
        })
        .collect::<Vec<_>>();
    confusions.sort_by(|a, b| b.cases.cmp(&a.cases).then_with(|| a.expected.cmp(&b.expected)));
    Evaluation {
        cases: per_case.len(),
        top1: within(&all, 1),
        top3: within(&all, 3),
        top5: within(&all, 5),
        mrr: mean(&all, |outcome| 1.0 / outcome.rank as f64),
        brier: mean(&all, |outcome| outcome.brier),
        log_loss: mean(&all, |outcome| -outcome.probability.max(f64::MIN_POSITIVE).ln()),
        ece,
        reliability,
        mechanisms,
        subsets: vec![subset("common", true), subset("rare", false)],
        confusions,
        judged_by_themselves,
        per_case,
    }
}

fn mean(outcomes: &[&CaseOutcome], of: impl Fn(&CaseOutcome) -> f64) -> f64 {
    if outcomes.is_empty() {
        return 0.0;
    }
    outcomes.iter().map(|outcome| of(outcome)).sum::<f64>() / outcomes.len() as f64
}

fn within(outcomes: &[&CaseOutcome], ranks: usize) -> f64 {
    mean(outcomes, |outcome| f64::from(outcome.rank <= ranks))
}
