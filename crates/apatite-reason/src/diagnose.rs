/*!
The differential of one case, with its reasons.
*/

use std::borrow::Cow;
use std::cell::OnceCell;

use apatite_case::{Assertion, Case};
use apatite_knowledge::{Knowledge, Nature};
use apatite_network::{
    Engine, Evidence, Explanation, VariableId, Workspace, dot, ln, natural_to_decibans, sum,
};
use serde::Serialize;

use crate::draws::Robustness;
use crate::evaluate::ranking;
use crate::model::{Fact, Heard, Implied, Model, ModelError};

/// The ranked differential diagnosis of a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differential {
    /// Setting for which the prior holds.
    pub setting: String,
    /// All diagnoses, best first.
    pub differential: Vec<RankedDiagnosis>,
    /// Probability summed by mechanism, best first.
    pub mechanisms: Vec<MechanismProbability>,
    /// The facts as the model counts them; reasons refer to them by position.
    pub facts: Vec<FactReport>,
    /// What was said and adds nothing, because something else says the same and more.
    pub implied: Vec<Implied>,
    /// Findings that modalities do not agree on.
    pub contradictions: Vec<Contradiction>,
    /// Facts that none of the likely diagnoses explains.
    pub unexplained: Vec<Surprise>,
    /// What is not known and would tell most, best first.
    pub lacking: Vec<Missing>,
    /// How the answer stands when the numbers are drawn from their intervals, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robustness: Option<Robustness>,
}

impl Differential {
    /// The diagnoses with their probabilities, best first.
    pub fn ranked(&self) -> impl Iterator<Item = (&str, f64)> {
        self.differential.iter().map(|ranked| (ranked.diagnosis.as_str(), ranked.probability))
    }

    /// Adds what drawing the numbers from their intervals says.
    pub fn add_robustness(&mut self, model: &Model, robustness: Robustness) {
        for ranked in &mut self.differential {
            if let Ok(root) = model.index_of(&ranked.diagnosis) {
                ranked.interval = Some(robustness.intervals[root]);
                ranked.leads = Some(robustness.leads[root]);
            }
        }
        self.robustness = Some(robustness);
    }
}

/// One diagnosis in the differential.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankedDiagnosis {
    /// Id of the diagnosis.
    pub diagnosis: String,
    /// Id of its mechanism.
    pub mechanism: String,
    /// Benign, intermediate or malignant.
    pub nature: Nature,
    /// Posterior probability.
    pub probability: f64,
    /// 5th and 95th percentile of the probability over draws of the numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Share of the draws in which it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leads: Option<f64>,
    /// Prior probability in this setting.
    pub prior: f64,
    /// Prior log odds in decibans.
    pub prior_decibans: f64,
    /// Posterior log odds in decibans: the prior's and all the facts' weights together.
    pub posterior_decibans: f64,
    /// Weight of every fact, for (positive) or against (negative) this diagnosis, strongest first. Only of those that
    /// were asked to be explained.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeighedFact>,
    /// What one would expect in it and does not know. Only of those that were asked to be explained.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Missing>,
}

/// What one fact weighs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeighedFact {
    /// Position in [`Differential::facts`].
    pub fact: usize,
    /// Weight of evidence against all other diagnoses, decibans.
    pub decibans: f64,
}

/// One fact and what it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactReport {
    /// The fact.
    #[serde(flatten)]
    pub fact: Fact,
}

/// Summed probability of a mechanism.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MechanismProbability {
    /// Id of the mechanism.
    pub mechanism: String,
    /// Summed posterior probability.
    pub probability: f64,
}

/// A finding that one modality shows and another does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// Id of the finding.
    pub finding: String,
    /// Modalities in which it was seen.
    pub present: Vec<String>,
    /// Modalities in which it was looked for and not seen.
    pub absent: Vec<String>,
}

/// A fact that is improbable under every likely diagnosis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Surprise {
    /// Position in [`Differential::facts`].
    pub fact: usize,
    /// Its probability under the likely diagnosis that explains it best.
    pub probability: f64,
}

/// Something that is not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missing {
    /// Id of a finding, an analyte or an exclusive group.
    pub id: String,
    /// The state that is meant: `present`, `positive`, a level, a finding of the group.
    pub state: String,
    /// Its probability: of the state in the diagnosis at hand, or in the case.
    pub probability: f64,
    /// Weight for the diagnosis at hand, or for the leader, if it were so, decibans.
    pub decibans: f64,
    /// Expected gain of information about the diagnosis if it were known for certain, bits.
    pub information_bits: f64,
}

/// Likely diagnoses together have this much of the probability.
const LIKELY_SHARE: f64 = 0.95;
/// A fact is a surprise where no likely diagnosis gives it this probability, ...
const SURPRISING_BELOW: f64 = 0.05;
/// ... and all make it less probable than the average over the prior by this factor.
const SURPRISING_RATIO: f64 = 0.5;
/// A finding is expected in a diagnosis from this frequency on.
const EXPECTED_FROM: f64 = 0.5;
/// So many missing facts are listed.
const LISTED: usize = 5;

/// Answers a case. The first `explained` diagnoses come with their reasons.
///
/// # Errors
/// Evidence that the network refuses, which a case that was read does not give.
pub fn diagnose(
    model: &Model,
    knowledge: &Knowledge,
    case: &Case,
    explained: usize,
) -> Result<Differential, ModelError> {
    let mut workspace = Workspace::default();
    let Heard { evidence, facts, implied } = model.evidence(case, knowledge);
    let explanation = model.engine.explain(&evidence, &mut workspace)?;
    let order = ranking(&explanation.posterior, &model.diagnoses);
    let unknowns = Unknown::all(model, knowledge, &evidence, &mut workspace)?;
    let gains = Gains::new(&unknowns, &explanation.posterior);
    let prior = &model.engine.network().variable(model.engine.root()).table;

    let differential = order
        .iter()
        .enumerate()
        .map(|(place, root)| {
            let diagnosis = &knowledge.diagnoses[*root];
            let (weights, expected) = if place < explained {
                (weights(&explanation, *root), expected(&gains, *root))
            } else {
                (Vec::new(), Vec::new())
            };
            RankedDiagnosis {
                diagnosis: diagnosis.id.clone(),
                mechanism: diagnosis.mechanism.clone(),
                nature: diagnosis.nature,
                probability: explanation.posterior[*root],
                interval: None,
                leads: None,
                prior: prior[*root],
                prior_decibans: natural_to_decibans(explanation.prior_log_odds[*root]),
                posterior_decibans: natural_to_decibans(explanation.posterior_log_odds[*root]),
                weights,
                expected,
            }
        })
        .collect::<Vec<_>>();
    let unexplained = unexplained(&model.engine, &evidence, &explanation.posterior, &order, &mut workspace)?;
    Ok(Differential {
        setting: model.setting.clone(),
        mechanisms: mechanisms(&differential, knowledge),
        differential,
        facts: facts.into_iter().map(|fact| FactReport { fact }).collect(),
        implied,
        contradictions: contradictions(case, knowledge),
        unexplained,
        lacking: lacking(&gains, order[0]),
        robustness: None,
    })
}

fn weights(explanation: &Explanation, root: usize) -> Vec<WeighedFact> {
    let mut weights = (0..explanation.facts.len())
        .map(|fact| WeighedFact { fact, decibans: natural_to_decibans(explanation.weight(fact, root)) })
        .collect::<Vec<_>>();
    weights.sort_by(|a, b| b.decibans.abs().total_cmp(&a.decibans.abs()).then(a.fact.cmp(&b.fact)));
    weights
}

fn mechanisms(differential: &[RankedDiagnosis], knowledge: &Knowledge) -> Vec<MechanismProbability> {
    let mut mechanisms = knowledge
        .vocabulary
        .mechanisms
        .iter()
        .map(|mechanism| MechanismProbability {
            mechanism: mechanism.clone(),
            probability: differential
                .iter()
                .filter(|ranked| ranked.mechanism == *mechanism)
                .map(|ranked| ranked.probability)
                .sum(),
        })
        .collect::<Vec<_>>();
    mechanisms
        .sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.mechanism.cmp(&b.mechanism)));
    mechanisms
}

fn contradictions(case: &Case, knowledge: &Knowledge) -> Vec<Contradiction> {
    knowledge
        .vocabulary
        .findings()
        .filter_map(|finding| {
            let seen_as = |assertion: Assertion| {
                let mut modalities = case
                    .observations
                    .iter()
                    .filter(|observation| {
                        observation.finding == finding && observation.assertion == assertion
                    })
                    .map(|observation| observation.modality.clone())
                    .collect::<Vec<_>>();
                modalities.sort();
                modalities.dedup();
                modalities
            };
            let (present, absent) = (seen_as(Assertion::Present), seen_as(Assertion::Absent));
            (!present.is_empty() && !absent.is_empty()).then(|| Contradiction {
                finding: finding.to_owned(),
                present,
                absent,
            })
        })
        .collect()
}

fn unexplained(
    engine: &Engine,
    evidence: &Evidence,
    posterior: &[f64],
    order: &[usize],
    workspace: &mut Workspace,
) -> Result<Vec<Surprise>, ModelError> {
    let mut likely = Vec::new();
    let mut share = 0.0;
    for root in order {
        likely.push(*root);
        share += posterior[*root];
        if share >= LIKELY_SHARE {
            break;
        }
    }
    let prior = engine.network().variable(engine.root()).table.clone();
    let mut surprises = Vec::new();
    for (fact, (variable, likelihood)) in evidence.items().iter().enumerate() {
        let mut alone = Evidence::new();
        alone.add(*variable, likelihood.clone());
        let logs = engine.log_likelihoods(&alone, workspace)?;
        let best = likely.iter().map(|root| logs[*root].exp()).fold(0.0, f64::max);
        let average: f64 = prior.iter().zip(&logs).map(|(p, log)| p * log.exp()).sum();
        if best < SURPRISING_BELOW && best < SURPRISING_RATIO * average {
            surprises.push(Surprise { fact, probability: best });
        }
    }
    Ok(surprises)
}

/// A variable that nothing is known of, with its distribution in each diagnosis given the case.
pub(crate) struct Unknown<'m> {
    pub(crate) id: &'m str,
    pub(crate) states: &'m [String],
    /// `P(state | diagnosis, case)`, a run of diagnoses for each state.
    by_root: Cow<'m, [f64]>,
}

impl<'m> Unknown<'m> {
    /// Everything a clinician could still find out: findings, groups and analytes without any evidence.
    pub(crate) fn all(
        model: &'m Model,
        knowledge: &'m Knowledge,
        evidence: &Evidence,
        workspace: &mut Workspace,
    ) -> Result<Vec<Self>, ModelError> {
        let engine = &model.engine;
        let columns = engine.posterior(evidence, workspace)?.columns.clone();
        let (roots, modes) = (engine.roots(), engine.modes());
        // P(mode | diagnosis, case)
        let shares = (0..roots * modes)
            .map(|column| {
                let total: f64 = columns.iter().skip(column % roots).step_by(roots).sum();
                if total > 0.0 { columns[column] / total } else { 1.0 / modes as f64 }
            })
            .collect::<Vec<_>>();
        let groups = knowledge.vocabulary.groups.iter();
        let findings =
            groups.flat_map(
                |group| if group.exclusive { std::slice::from_ref(&group.id) } else { &group.findings },
            );
        let mut unknowns = Vec::new();
        for id in findings.chain(&knowledge.vocabulary.analytes) {
            let Some(variable) = model.variable(id) else { continue };
            if is_known(engine, evidence, variable) {
                continue;
            }
            let by_root = engine.by_root(engine.predict(variable, evidence, workspace)?, &shares);
            let states = engine.network().variable(variable).states.as_slice();
            unknowns.push(Self { id, states, by_root });
        }
        Ok(unknowns)
    }

    pub(crate) fn probability(&self, state: usize, root: usize) -> f64 {
        self.of(state)[root]
    }

    /// `P(state | diagnosis, case)`, one a diagnosis.
    fn of(&self, state: usize) -> &[f64] {
        let roots = self.by_root.len() / self.states.len();
        &self.by_root[state * roots..(state + 1) * roots]
    }

    /// Weight of a state for a diagnosis against the others, decibans.
    fn decibans(&self, state: usize, root: usize, others: &Others) -> f64 {
        let by_root = self.of(state);
        let elsewhere =
            if others.together > 0.0 { dot(&others.each, by_root) / others.together } else { by_root[root] };
        natural_to_decibans((by_root[root] / elsewhere).ln())
    }

    /// Expected gain of information about the diagnosis, bits.
    fn information_bits(&self, posterior: &[f64]) -> f64 {
        let mut information = 0.0;
        for by_root in self.by_root.chunks_exact(posterior.len()) {
            let total = dot(posterior, by_root);
            if total > 0.0 {
                let terms = posterior.iter().zip(by_root).map(|(p, q)| {
                    // nought times the logarithm of nought is nought
                    p * q * ln((q / total).clamp(f64::MIN_POSITIVE, f64::MAX))
                });
                information += terms.sum::<f64>() * std::f64::consts::LOG2_E;
            }
        }
        information.max(0.0)
    }

    /// What the expected gain of information cannot exceed, from `ln x <= x - 1`: no logarithm is taken.
    fn most_information_bits(&self, posterior: &[f64]) -> f64 {
        let mut sum = 0.0;
        for by_root in self.by_root.chunks_exact(posterior.len()) {
            let (mut total, mut square) = (0.0, 0.0);
            for (p, q) in posterior.iter().zip(by_root) {
                total += p * q;
                square += p * q * q;
            }
            if total > 0.0 {
                sum += square / total - total;
            }
        }
        sum * std::f64::consts::LOG2_E
    }
}

/// The probabilities of all diagnoses but one, which has none here.
struct Others {
    each: Vec<f64>,
    together: f64,
}

impl Others {
    fn than(root: usize, posterior: &[f64]) -> Self {
        let mut each = posterior.to_vec();
        each[root] = 0.0;
        Self { together: sum(&each), each }
    }
}

/// The unknowns of a case and what each would tell, computed once.
struct Gains<'u> {
    unknowns: &'u [Unknown<'u>],
    posterior: &'u [f64],
    bits: Vec<OnceCell<f64>>,
}

impl<'u> Gains<'u> {
    fn new(unknowns: &'u [Unknown<'u>], posterior: &'u [f64]) -> Self {
        Self { unknowns, posterior, bits: vec![OnceCell::new(); unknowns.len()] }
    }

    /// Expected gain of information about the diagnosis, bits.
    fn bits(&self, at: usize) -> f64 {
        *self.bits[at].get_or_init(|| self.unknowns[at].information_bits(self.posterior))
    }
}

/// Whether the evidence has something on the variable or on a view of it.
fn is_known(engine: &Engine, evidence: &Evidence, variable: VariableId) -> bool {
    evidence
        .items()
        .iter()
        .any(|(known, _)| *known == variable || engine.network().variable(*known).parents.contains(&variable))
}

fn expected(gains: &Gains<'_>, root: usize) -> Vec<Missing> {
    let others = Others::than(root, gains.posterior);
    let mut expected = Vec::new();
    for (at, unknown) in gains.unknowns.iter().enumerate() {
        for state in 0..unknown.states.len() {
            let probability = unknown.probability(state, root);
            // the healthy state of a binary variable is not something one looks for
            if (unknown.states.len() <= 2 && state == 0) || probability < EXPECTED_FROM {
                continue;
            }
            let decibans = unknown.decibans(state, root, &others);
            if decibans > 1.0 {
                expected.push((at, state, probability, decibans));
            }
        }
    }
    let id = |at: usize| gains.unknowns[at].id;
    expected.sort_by(|a, b| (b.2 * b.3).total_cmp(&(a.2 * a.3)).then_with(|| id(a.0).cmp(id(b.0))));
    expected.truncate(LISTED);
    let missing = expected.into_iter().map(|(at, state, probability, decibans)| Missing {
        id: id(at).to_owned(),
        state: gains.unknowns[at].states[state].clone(),
        probability,
        decibans,
        information_bits: gains.bits(at),
    });
    missing.collect()
}

fn lacking(gains: &Gains<'_>, leader: usize) -> Vec<Missing> {
    let Gains { unknowns, posterior, .. } = gains;
    let others = Others::than(leader, posterior);
    let id = |at: usize| unknowns[at].id;
    let bounds = unknowns.iter().map(|unknown| unknown.most_information_bits(posterior));
    let mut bounded = bounds.zip(0..).collect::<Vec<(f64, usize)>>();
    bounded.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| id(a.1).cmp(id(b.1))));
    let mut most: Vec<(f64, usize)> = Vec::new();
    for (bound, at) in bounded {
        // the margin is for what rounding does to the bound
        if most.get(LISTED - 1).is_some_and(|last| bound < last.0 * 0.999) {
            break;
        }
        most.push((gains.bits(at), at));
        most.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| id(a.1).cmp(id(b.1))));
        most.truncate(LISTED);
    }
    most.into_iter()
        .filter_map(|(information_bits, at)| {
            let unknown = &unknowns[at];
            // named by the state that would speak most for the leader
            let (state, decibans) = (0..unknown.states.len())
                .filter(|state| unknown.states.len() > 2 || *state > 0)
                .map(|state| (state, unknown.decibans(state, leader, &others)))
                .max_by(|a, b| a.1.total_cmp(&b.1))?;
            let by_root = posterior.iter().enumerate();
            Some(Missing {
                id: unknown.id.to_owned(),
                state: unknown.states[state].clone(),
                probability: by_root.map(|(root, p)| p * unknown.probability(state, root)).sum(),
                decibans,
                information_bits,
            })
        })
        .collect()
}
