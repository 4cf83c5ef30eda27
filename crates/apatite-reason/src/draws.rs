/*!
How the answer changes when the numbers do.

Every row of every table is drawn from the distribution that its intervals and its cases stand for (Dirichlet, with a
concentration of its own for each state), all at once, and the case is answered anew. A number that several rows share is drawn once. Each draw has a random stream of
its own, so that the result does not depend on the number of threads.
*/

use std::collections::{BTreeMap, BTreeSet};

use apatite_case::Case;
use apatite_knowledge::Knowledge;
use apatite_network::{Engine, Evidence, Network, VariableId, Workspace};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Distribution as _, Gamma};
use rayon::prelude::*;
use serde::Serialize;

use crate::evaluate::ranking;
use crate::model::{DIAGNOSIS, Model, ModelError, PRESENTATION, Trust};

/// What the draws say of the differential.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Robustness {
    /// Number of draws.
    pub draws: usize,
    /// Seed of the random numbers.
    pub seed: u64,
    /// For each diagnosis, in the order of the model: the 5th and 95th percentile of its probability.
    #[serde(skip)]
    pub intervals: Vec<[f64; 2]>,
    /// For each diagnosis: share of the draws in which it leads.
    #[serde(skip)]
    pub leads: Vec<f64>,
    /// Whether the lead does not survive the intervals.
    pub fragile: bool,
}

/// A leader that leads in a smaller share of the draws has a fragile lead.
const FRAGILE_BELOW: f64 = 0.8;
/// A drawn share stays this far from nought.
const SMALLEST_SHARE: f64 = 1e-9;

/// Answers the case with `draws` drawings of all the numbers.
///
/// # Errors
/// Evidence that the network refuses, which a case that was read does not give.
pub fn robustness(
    model: &Model,
    knowledge: &Knowledge,
    case: &Case,
    draws: usize,
    seed: u64,
) -> Result<Robustness, ModelError> {
    let evidence = model.evidence(case, knowledge).evidence;
    let part = Part::of(model, &evidence);
    let posteriors = (0..draws as u64)
        .into_par_iter()
        .map_init(Workspace::default, |workspace, draw| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(draw);
            part.answer(&mut random, workspace)
        })
        .collect::<Result<Vec<_>, _>>()?;

    let roots = model.diagnoses.len();
    let mut leads = vec![0.0; roots];
    for posterior in &posteriors {
        leads[ranking(posterior, &model.diagnoses)[0]] += 1.0 / draws as f64;
    }
    let intervals = (0..roots)
        .map(|root| {
            let mut values = posteriors.iter().map(|posterior| posterior[root]).collect::<Vec<_>>();
            values.sort_by(f64::total_cmp);
            [0.05, 0.95].map(|share| {
                let position = share * (values.len().saturating_sub(1)) as f64;
                values.get(position.round() as usize).copied().unwrap_or_default()
            })
        })
        .collect();
    let posterior = model.engine.posterior(&evidence, &mut Workspace::default())?.root.clone();
    let leader = ranking(&posterior, &model.diagnoses)[0];
    Ok(Robustness { draws, seed, intervals, fragile: leads[leader] < FRAGILE_BELOW, leads })
}

/// The part of the network that the evidence reaches, with the trust in its rows.
struct Part {
    variables: Vec<PartVariable>,
    evidence: Vec<(usize, Vec<f64>)>,
    root: usize,
    mode: usize,
}

struct PartVariable {
    name: String,
    states: Vec<String>,
    parents: Vec<usize>,
    table: Vec<f64>,
    trust: Vec<Trust>,
}

impl Part {
    fn of(model: &Model, evidence: &Evidence) -> Self {
        let network = model.engine.network();
        let mut needed = BTreeSet::new();
        let mut open = evidence.items().iter().map(|item| item.0).collect::<Vec<_>>();
        open.extend([DIAGNOSIS, PRESENTATION].iter().filter_map(|name| model.variable(name)));
        while let Some(variable) = open.pop() {
            if needed.insert(variable) {
                open.extend(network.variable(variable).parents.iter().copied());
            }
        }
        let position: BTreeMap<VariableId, usize> =
            needed.iter().enumerate().map(|(position, variable)| (*variable, position)).collect();
        let variables = needed
            .iter()
            .map(|id| {
                let variable = network.variable(*id);
                PartVariable {
                    name: variable.name.clone(),
                    states: variable.states.clone(),
                    parents: variable.parents.iter().map(|parent| position[parent]).collect(),
                    table: variable.table.clone(),
                    trust: model.trust[id.index()].clone(),
                }
            })
            .collect();
        let at = |name: &str| model.variable(name).map_or(0, |id| position[&id]);
        Self {
            variables,
            evidence: evidence
                .items()
                .iter()
                .map(|(id, likelihood)| (position[id], likelihood.clone()))
                .collect(),
            root: at(DIAGNOSIS),
            mode: at(PRESENTATION),
        }
    }

    fn answer(&self, random: &mut ChaCha8Rng, workspace: &mut Workspace) -> Result<Vec<f64>, ModelError> {
        let mut network = Network::default();
        let mut ids = Vec::with_capacity(self.variables.len());
        for variable in &self.variables {
            let parents = variable.parents.iter().map(|parent| ids[*parent]).collect();
            let table = drawn(variable, random);
            ids.push(network.add(variable.name.clone(), variable.states.clone(), parents, table)?);
        }
        let mut evidence = Evidence::new();
        for (variable, likelihood) in &self.evidence {
            evidence.add(ids[*variable], likelihood.clone());
        }
        let engine = Engine::new(network, ids[self.root], Some(ids[self.mode]))?;
        Ok(engine.posterior(&evidence, workspace)?.root.clone())
    }
}

/// A table with every number of it drawn anew.
fn drawn(variable: &PartVariable, random: &mut ChaCha8Rng) -> Vec<f64> {
    let states = variable.states.len();
    let mut table = Vec::with_capacity(variable.table.len());
    let mut shared: BTreeMap<(usize, u64), usize> = BTreeMap::new();
    for (index, (row, trust)) in variable.table.chunks(states).zip(&variable.trust).enumerate() {
        // counts of cases make a number of the knowledge different in different diagnoses
        if let Some(first) = shared.get(&(trust.number, row[0].to_bits())) {
            table.extend_from_within(first * states..(first + 1) * states);
            continue;
        }
        shared.insert((trust.number, row[0].to_bits()), index);
        let start = table.len();
        for (share, patients) in row.iter().zip(&trust.by_state) {
            // of mean one; with the same number of patients for all states this is the Dirichlet distribution
            let shape = share * patients;
            let factor = Gamma::new(shape, 1.0 / shape).map_or(1.0, |gamma| gamma.sample(random));
            table.push((share * factor).max(SMALLEST_SHARE));
        }
        let total: f64 = table[start..].iter().sum();
        for value in &mut table[start..] {
            *value = (*value / total).max(SMALLEST_SHARE);
        }
        let total: f64 = table[start..].iter().sum();
        for value in &mut table[start..] {
            *value /= total;
        }
    }
    table
}
