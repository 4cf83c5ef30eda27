/*!
What is to be expected of learning a set of variables: how much it tells, and what it changes.
*/

use apatite_knowledge::{Knowledge, Nature};
use apatite_network::{Evidence, VariableId, Workspace};
use apatite_reason::{Model, ModelError};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde::Serialize;

use crate::forest::{Branch, Forest, Scratch};

/// Up to so many joint outcomes are enumerated.
const ENUMERATED: usize = 4096;
/// Beyond, so many are drawn.
pub(crate) const DRAWN: usize = 512;
/// The same random numbers for every question, so that their differences are less uncertain than they are.
const SEED: u64 = 1;

/// The state of a finding that nobody remarks on.
const UNREMARKABLE: &str = "absent";

/// What is to be expected of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Gain {
    /// Expected gain of information about the diagnosis, bits.
    pub bits: f64,
    /// Standard error of `bits` where outcomes were drawn; none where all were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// Expected change, up or down, of the probability that it is malignant.
    pub malignancy_change: f64,
    /// Chance that another diagnosis leads afterwards.
    pub leader_change: f64,
}

/// One answer that a question can have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The state it would show.
    pub state: String,
    /// Its probability, given what is known.
    pub probability: f64,
    /// The diagnosis that would lead.
    pub leader: String,
    /// Its probability.
    pub leader_probability: f64,
    /// Probability that it would be malignant.
    pub malignant: f64,
}

/// A case as it stands, ready for questions.
pub struct Standing<'m> {
    forest: Forest<'m>,
    diagnoses: &'m [String],
    malignant: Vec<bool>,
    /// `P(diagnosis, presentation | evidence)`, one a column.
    columns: Vec<f64>,
    /// `P(diagnosis | evidence)`, in the order of the model.
    pub posterior: Vec<f64>,
    /// Position of the leading diagnosis.
    pub leader: usize,
}

impl<'m> Standing<'m> {
    /// What the evidence makes of the diagnoses.
    ///
    /// # Errors
    /// Evidence that the network refuses, which a case that was read does not give.
    pub fn new(model: &'m Model, knowledge: &Knowledge, evidence: &'m Evidence) -> Result<Self, ModelError> {
        let mut workspace = Workspace::default();
        let answer = model.engine().posterior(evidence, &mut workspace)?;
        let leader = leader_of(&answer.root);
        Ok(Self {
            forest: Forest::new(model, evidence),
            diagnoses: &model.diagnoses,
            malignant: knowledge.diagnoses.iter().map(|known| known.nature == Nature::Malignant).collect(),
            columns: answer.columns.clone(),
            posterior: answer.root.clone(),
            leader,
        })
    }

    /// Probability that it is malignant.
    #[must_use]
    pub fn malignant(&self) -> f64 {
        self.malignant_share(&self.posterior)
    }

    /// Uncertainty about the diagnosis, bits.
    #[must_use]
    pub fn entropy_bits(&self) -> f64 {
        self.posterior.iter().filter(|p| **p > 0.0).map(|p| -p * p.log2()).sum()
    }

    /// What is to be expected of learning all of `variables` at once.
    #[must_use]
    pub fn gain(&self, variables: &[VariableId]) -> Gain {
        self.gain_by(variables, DRAWN)
    }

    /// The same, with so many draws where outcomes are too many to be counted.
    pub(crate) fn gain_by(&self, variables: &[VariableId], draws: usize) -> Gain {
        if variables.is_empty() {
            return Gain::default();
        }
        let branches = self.forest.branches(variables);
        let outcomes = branches.iter().try_fold(1usize, |product, branch| match branch {
            Branch::Table { outcomes, .. } => {
                product.checked_mul(*outcomes).filter(|product| *product <= ENUMERATED)
            }
            Branch::Deep(_) => None,
        });
        match outcomes {
            Some(_) => self.counted(&branches),
            None => self.drawn(&branches, draws),
        }
    }

    /// The answers that one variable can have, in the order of its states, and what each would mean.
    #[must_use]
    pub fn outcomes(&self, variable: VariableId) -> Vec<Outcome> {
        let states = self.forest.states(variable);
        let Some(Branch::Table { factors, .. }) = self.forest.branches(&[variable]).pop() else {
            return Vec::new();
        };
        let runs = factors.chunks_exact(self.columns.len());
        states
            .iter()
            .zip(runs)
            .map(|(state, run)| {
                let mut joint = run.to_vec();
                let (probability, posterior) = self.after(&mut joint);
                let leader = leader_of(&posterior);
                Outcome {
                    state: state.clone(),
                    probability,
                    leader: self.diagnoses[leader].clone(),
                    leader_probability: posterior[leader],
                    malignant: self.malignant_share(&posterior),
                }
            })
            .collect()
    }

    /// What one variable is expected to tell where only what is told can be asked for: reports tell what they see more
    /// often than what they do not, so that each state beside `absent` counts `odds` times. States of which none is `absent` (of an analyte, of an
    /// exclusive group) are told alike.
    #[must_use]
    pub fn gain_where_told(&self, variable: VariableId, odds: f64) -> Gain {
        let states = self.forest.states(variable);
        let Some(Branch::Table { factors, .. }) = self.forest.branches(&[variable]).pop() else {
            return Gain::default();
        };
        let (mut gain, mut total) = (Gain::default(), 0.0);
        for (state, run) in states.iter().zip(factors.chunks_exact(self.columns.len())) {
            let (probability, posterior) = self.after(&mut run.to_vec());
            let weight = probability * if state == UNREMARKABLE { 1.0 } else { odds };
            if weight > 0.0 {
                let Gain { bits, malignancy_change, leader_change, .. } = self.change(&posterior);
                gain.bits += weight * bits;
                gain.malignancy_change += weight * malignancy_change;
                gain.leader_change += weight * leader_change;
                total += weight;
            }
        }
        Gain {
            bits: gain.bits / total,
            standard_error: None,
            malignancy_change: gain.malignancy_change / total,
            leader_change: gain.leader_change / total,
        }
    }

    /// All joint outcomes.
    fn counted(&self, branches: &[Branch]) -> Gain {
        let mut gain = Gain::default();
        let mut products = vec![vec![1.0; self.columns.len()]; branches.len() + 1];
        self.count_from(branches, &mut products, &mut gain);
        gain.bits = gain.bits.max(0.0);
        gain
    }

    fn count_from(&self, branches: &[Branch], products: &mut [Vec<f64>], gain: &mut Gain) {
        let Some((branch, rest)) = branches.split_first() else {
            let mut joint = products[0].clone();
            let (probability, posterior) = self.after(&mut joint);
            if probability > 0.0 {
                let Gain { bits, malignancy_change, leader_change, .. } = self.change(&posterior);
                gain.bits += probability * bits;
                gain.malignancy_change += probability * malignancy_change;
                gain.leader_change += probability * leader_change;
            }
            return;
        };
        let Branch::Table { factors, .. } = branch else { return };
        for run in factors.chunks_exact(self.columns.len()) {
            let (done, next) = products.split_at_mut(1);
            for ((next, done), factor) in next[0].iter_mut().zip(&done[0]).zip(run) {
                *next = done * factor;
            }
            self.count_from(rest, next, gain);
        }
    }

    /// Joint outcomes as they would come, each diagnosis as often as it is probable.
    fn drawn(&self, branches: &[Branch], draws: usize) -> Gain {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut scratch = Scratch::default();
        let mut joint = Vec::new();
        let mut gain = Gain::default();
        let mut squares = 0.0;
        let shift: f64 = random.random();
        let (mut column, mut passed) = (0, self.columns[0]);
        let count = draws as f64;
        for draw in 0..draws {
            let target = (draw as f64 + shift) / count;
            while passed < target && column + 1 < self.columns.len() {
                column += 1;
                passed += self.columns[column];
            }
            joint.clear();
            joint.resize(self.columns.len(), 1.0);
            for branch in branches {
                branch.draw(column, &mut random, &mut scratch, &mut joint);
            }
            let (_, posterior) = self.after(&mut joint);
            let Gain { bits, malignancy_change, leader_change, .. } = self.change(&posterior);
            gain.bits += bits / count;
            squares += bits * bits / count;
            gain.malignancy_change += malignancy_change / count;
            gain.leader_change += leader_change / count;
        }
        let variance = (squares - gain.bits * gain.bits).max(0.0);
        gain.standard_error = Some((variance / (count - 1.0)).sqrt());
        gain
    }

    /// From `P(outcome | column)` to the probability of the outcome and the diagnoses after it.
    fn after(&self, joint: &mut [f64]) -> (f64, Vec<f64>) {
        for (joint, column) in joint.iter_mut().zip(&self.columns) {
            *joint *= column;
        }
        let total: f64 = joint.iter().sum();
        let roots = self.posterior.len();
        let mut posterior = vec![0.0; roots];
        if total > 0.0 {
            for block in joint.chunks_exact(roots) {
                for (sum, value) in posterior.iter_mut().zip(block) {
                    *sum += value / total;
                }
            }
        }
        (total, posterior)
    }

    fn change(&self, posterior: &[f64]) -> Gain {
        let bits = posterior
            .iter()
            .zip(&self.posterior)
            .filter(|(after, _)| **after > 0.0)
            .map(|(after, before)| after * (after / before).log2())
            .sum();
        Gain {
            bits,
            standard_error: None,
            malignancy_change: (self.malignant_share(posterior) - self.malignant()).abs(),
            leader_change: f64::from(leader_of(posterior) != self.leader),
        }
    }

    fn malignant_share(&self, posterior: &[f64]) -> f64 {
        posterior.iter().zip(&self.malignant).filter(|(_, malignant)| **malignant).map(|(p, _)| p).sum()
    }
}

/// Position of the largest, the first of equal ones.
fn leader_of(posterior: &[f64]) -> usize {
    let mut leader = 0;
    for (index, p) in posterior.iter().enumerate() {
        if *p > posterior[leader] {
            leader = index;
        }
    }
    leader
}
