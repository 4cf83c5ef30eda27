/*!
How good the advice is, on proven cases.
*/

use apatite_case::Case;
use apatite_knowledge::{BurdenWeights, Knowledge};
use apatite_network::{Evidence, VariableId, Workspace};
use apatite_reason::{Folds, Model, ModelError, ProvenCase, judge_by_fold, ranking};
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde::Serialize;

use crate::gain::Standing;
use crate::next::order;

/// How soon asking for what tells most leads to the diagnosis that all facts lead to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// Number of cases.
    pub cases: usize,
    /// Seed of what is hidden and of the random orders.
    pub seed: u64,
    /// So many times the facts of each case were halved.
    pub halvings: usize,
    /// Number of random orders over which each half is averaged.
    pub random_orders: usize,
    /// Mean number of facts hidden.
    pub hidden: f64,
    /// Mean number of answers until the final diagnosis leads: asked for, and in random order.
    pub reached: [f64; 2],
    /// Mean number of answers until it leads for good: asked for, and in random order.
    pub settled: [f64; 2],
    /// Share of the answers saved until it leads.
    pub saved_reached: f64,
    /// Share of the answers saved until it leads for good.
    pub saved_settled: f64,
    /// Each case.
    pub per_case: Vec<AskedCase>,
}

/// One case of [`Asked`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AskedCase {
    /// Name of the case.
    pub file: String,
    /// Number of facts hidden.
    pub hidden: usize,
    /// Answers until the final diagnosis leads: asked for, and the mean in random order.
    pub reached: [f64; 2],
    /// Answers until it leads for good: asked for, and the mean in random order.
    pub settled: [f64; 2],
}

/// How often the first advice after a radiograph is what the authors of a case did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FirstAdvice {
    /// Cases with a radiograph and a further examination.
    pub cases: usize,
    /// Share in which the advised examination stands in the case with its results.
    pub told: f64,
    /// Share in which it stands there, or the diagnosis was proven by it.
    pub done: f64,
    /// The same of any of the first three.
    pub done_of_three: f64,
    /// Each case.
    pub per_case: Vec<FirstAdviceCase>,
}

/// One case of [`FirstAdvice`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FirstAdviceCase {
    /// Name of the case.
    pub file: String,
    /// The examination advised first.
    pub advice: Option<String>,
    /// Whether the case tells its results.
    pub told: bool,
    /// Whether the case tells its results or was proven by it.
    pub done: bool,
    /// The same of any of the first three.
    pub done_of_three: bool,
    /// All examinations that the authors did, by their results or the proof.
    pub did: Vec<String>,
}

/// So many times the facts of each case are halved.
const HALVINGS: usize = 5;
/// Number of random orders of each half.
const RANDOM_ORDERS: usize = 16;
/// The modality that is kept for the first advice.
const RADIOGRAPH: &str = "XR";

/// Hides at random half the facts of each case and asks for them, what is expected to tell most first; beside it in
/// random order.
///
/// # Errors
/// Numbers that make no network, or an answer that the model does not know.
pub fn ask(
    cases: &[ProvenCase],
    knowledge: &Knowledge,
    setting: &str,
    folds: &Folds,
    seed: u64,
) -> Result<Asked, ModelError> {
    let streams = cases.iter().enumerate().map(|(index, proven)| (proven.id.as_str(), index as u64));
    let streams = streams.collect::<std::collections::BTreeMap<_, _>>();
    let per_case = judge_by_fold(cases, knowledge, setting, folds, |model, proven| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(streams[proven.id.as_str()]);
        ask_one(model, knowledge, proven, &mut random)
    })?;
    let count = per_case.len().max(1) as f64;
    let mean = |of: &dyn Fn(&AskedCase) -> f64| per_case.iter().map(of).sum::<f64>() / count;
    let both = |of: &dyn Fn(&AskedCase) -> [f64; 2]| [mean(&|case| of(case)[0]), mean(&|case| of(case)[1])];
    let (reached, settled) = (both(&|case| case.reached), both(&|case| case.settled));
    let saved = |[asked, random]: [f64; 2]| if random > 0.0 { 1.0 - asked / random } else { 0.0 };
    Ok(Asked {
        cases: per_case.len(),
        seed,
        halvings: HALVINGS,
        random_orders: RANDOM_ORDERS,
        hidden: mean(&|case| case.hidden as f64),
        saved_reached: saved(reached),
        saved_settled: saved(settled),
        reached,
        settled,
        per_case,
    })
}

fn ask_one(
    model: &Model,
    knowledge: &Knowledge,
    proven: &ProvenCase,
    random: &mut ChaCha8Rng,
) -> Result<AskedCase, ModelError> {
    let all = model.evidence(&proven.case, knowledge).evidence;
    let last = leader(model, &all)?;
    let mut mean = AskedCase { file: proven.id.clone(), hidden: 0, reached: [0.0; 2], settled: [0.0; 2] };
    for _ in 0..HALVINGS {
        let (hidden, halved) = ask_half(model, knowledge, &all, last, random)?;
        mean.hidden = hidden;
        for (mean, own) in mean.reached.iter_mut().chain(&mut mean.settled).zip(halved) {
            *mean += own / HALVINGS as f64;
        }
    }
    Ok(mean)
}

/// Number of facts hidden; answers until the last leader leads, asked for and in random order, then until it leads for
/// good.
fn ask_half(
    model: &Model,
    knowledge: &Knowledge,
    all: &Evidence,
    last: usize,
    random: &mut ChaCha8Rng,
) -> Result<(usize, [f64; 4]), ModelError> {
    let mut order = all.items().to_vec();
    order.shuffle(random);
    let hidden = order.split_off(order.len().div_ceil(2));
    let mut known = Evidence::new();
    for (variable, likelihood) in order {
        known.add(variable, likelihood);
    }

    let mut asked = vec![leader(model, &known)?];
    let mut left = hidden.clone();
    let mut evidence = known.clone();
    while !left.is_empty() {
        let best = most_telling(model, knowledge, &evidence, &left)?;
        let (variable, likelihood) = left.remove(best);
        evidence.add(variable, likelihood);
        asked.push(leader(model, &evidence)?);
    }
    let (reached, settled) = arrival(&asked, last);

    let mut at_random = [0.0; 2];
    for _ in 0..RANDOM_ORDERS {
        let mut order = hidden.clone();
        order.shuffle(random);
        let mut evidence = known.clone();
        let mut leaders = vec![asked[0]];
        for (variable, likelihood) in order {
            evidence.add(variable, likelihood);
            leaders.push(leader(model, &evidence)?);
        }
        let (reached, settled) = arrival(&leaders, last);
        at_random[0] += reached / RANDOM_ORDERS as f64;
        at_random[1] += settled / RANDOM_ORDERS as f64;
    }
    Ok((hidden.len(), [reached, at_random[0], settled, at_random[1]]))
}

/// A certain change of the leader counts as much as so many bits: what only makes the leader surer can wait.
const LEADER_BITS: f64 = 0.3;

/// Position of the variable that is expected to tell most and to change the leader; of equal ones the first.
fn most_telling(
    model: &Model,
    knowledge: &Knowledge,
    evidence: &Evidence,
    left: &[(VariableId, Vec<f64>)],
) -> Result<usize, ModelError> {
    let standing = Standing::new(model, knowledge, evidence)?;
    let odds = knowledge.examinations.reporting.remarkable_odds.best;
    let gains = left.iter().map(|(variable, _)| {
        let gain = standing.gain_where_told(*variable, odds);
        gain.bits + LEADER_BITS * gain.leader_change
    });
    let gains = gains.collect::<Vec<_>>();
    let mut best = 0;
    for (index, gain) in gains.iter().enumerate() {
        if *gain > gains[best] {
            best = index;
        }
    }
    Ok(best)
}

fn leader(model: &Model, evidence: &Evidence) -> Result<usize, ModelError> {
    let mut workspace = Workspace::default();
    let posterior = &model.engine().posterior(evidence, &mut workspace)?.root;
    Ok(ranking(posterior, &model.diagnoses)[0])
}

/// After how many answers the last leader leads, and from how many on it always does.
fn arrival(leaders: &[usize], last: usize) -> (f64, f64) {
    let reached = leaders.iter().position(|leader| *leader == last).unwrap_or(leaders.len() - 1);
    let settled = leaders.iter().rposition(|leader| *leader != last).map_or(0, |position| position + 1);
    (reached as f64, settled as f64)
}

/// Keeps of each case age, sex, site and what the radiograph shows, and compares the first advice with what the authors
/// did further. Cases without a radiograph, or with nothing further, are passed over.
///
/// # Errors
/// Numbers that make no network, or an answer that the model does not know.
pub fn advise_first(
    cases: &[ProvenCase],
    knowledge: &Knowledge,
    setting: &str,
    folds: &Folds,
    weights: &BurdenWeights,
) -> Result<FirstAdvice, ModelError> {
    let judged = judge_by_fold(cases, knowledge, setting, folds, |model, proven| {
        let told = further(&proven.case, knowledge, false);
        let did = further(&proven.case, knowledge, true);
        let has_radiograph = proven.case.examinations.iter().any(|made| made.modality == RADIOGRAPH);
        if !has_radiograph || did.is_empty() {
            return Ok(None);
        }
        let order = order(model, knowledge, &radiograph_only(&proven.case), weights)?;
        let is_among =
            |did: &[String], first: usize| order.iter().take(first).any(|advice| did.contains(advice));
        Ok(Some(FirstAdviceCase {
            file: proven.id.clone(),
            told: is_among(&told, 1),
            done: is_among(&did, 1),
            done_of_three: is_among(&did, 3),
            did,
            advice: order.into_iter().next(),
        }))
    })?;
    let per_case = judged.into_iter().flatten().collect::<Vec<_>>();
    let share = |of: fn(&FirstAdviceCase) -> bool| {
        per_case.iter().filter(|case| of(case)).count() as f64 / per_case.len().max(1) as f64
    };
    Ok(FirstAdvice {
        cases: per_case.len(),
        told: share(|case| case.told),
        done: share(|case| case.done),
        done_of_three: share(|case| case.done_of_three),
        per_case,
    })
}

/// The examinations beyond the radiograph that stand in a case, with those that proved its diagnosis where asked.
fn further(case: &Case, knowledge: &Knowledge, with_proof: bool) -> Vec<String> {
    let proof = case.expected.as_ref().and_then(|expected| expected.proof.as_deref());
    let is_further = |id: &str| {
        let Some(examination) = knowledge.examinations.examinations.get(id) else { return false };
        let seen = examination.modality.as_deref().is_some_and(|modality| {
            modality != RADIOGRAPH && case.examinations.iter().any(|made| made.modality == modality)
        });
        let measured = case.labs.iter().any(|lab| examination.analytes.contains(&lab.analyte));
        let proven =
            with_proof && proof.is_some_and(|proof| examination.proves.iter().any(|own| own == proof));
        seen || measured || proven
    };
    knowledge.examinations.examinations.keys().filter(|id| is_further(id)).cloned().collect()
}

fn radiograph_only(case: &Case) -> Case {
    let mut case = case.clone();
    // observations name their examination by position
    let kept = case.examinations.iter().map(|made| made.modality == RADIOGRAPH).collect::<Vec<_>>();
    case.observations.retain(|told| told.examination.is_some_and(|index| kept.get(index) == Some(&true)));
    case.examinations.retain(|made| made.modality == RADIOGRAPH);
    case.observations.iter_mut().for_each(|told| told.examination = None);
    case.labs.clear();
    case
}
