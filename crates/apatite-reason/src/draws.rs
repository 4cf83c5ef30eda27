/*!
How the answer changes when the numbers do.

Every row of every table is drawn from the distribution that its intervals and its cases stand for (Dirichlet, with a
concentration of its own for each state), all at once, and the case is answered anew. A number that several rows share is drawn once. Each draw has a random stream
of its own, so that the result does not depend on the number of threads.
*/

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use apatite_case::Case;
use apatite_knowledge::Knowledge;
use apatite_network::{Evidence, VariableId, Workspace};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Distribution as _, Gamma};
use rayon::prelude::*;
use serde::Serialize;

use crate::evaluate::ranking;
use crate::hinges::{Hinge, hinges};
use crate::model::{Model, ModelError, Trust};

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
    /// The numbers that a fragile lead hangs on, the one that moves it most first.
    pub hinges: Vec<Hinge>,
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
        .map_init(DrawSpace::default, |space, draw| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(draw);
            part.draw(&mut random, space)
        })
        .collect::<Vec<_>>();

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
    let fragile = leads[leader] < FRAGILE_BELOW;
    let hinges = if fragile { hinges(model, knowledge, &part, leader) } else { Vec::new() };
    Ok(Robustness { draws, seed, intervals, fragile, hinges, leads })
}

/// The part of the network that the evidence reaches, with the trust in its rows, ready to be drawn many times.
pub(crate) struct Part {
    pub(crate) variables: Vec<PartVariable>,
    root: usize,
    roots: usize,
    modes: usize,
}

pub(crate) struct PartVariable {
    pub(crate) id: VariableId,
    pub(crate) states: usize,
    pub(crate) place: Place,
    pub(crate) table: Vec<f64>,
    /// `P(what was seen | state)`.
    likelihood: Option<Vec<f64>>,
    rows: Vec<DrawnRow>,
}

/// Where a variable stands in the tree.
pub(crate) enum Place {
    Root,
    Mode,
    /// Next to root and mode: the row of its table for each column.
    Stem(Vec<usize>),
    /// Below another variable of the part.
    Branch(usize),
}

/// How a row is drawn.
pub(crate) enum DrawnRow {
    /// Each share times a factor of mean one; of the same concentration for all, this is the Dirichlet distribution.
    Own(Vec<Option<Gamma<f64>>>),
    /// It is the same number of the knowledge as an earlier row.
    As(usize),
}

/// Buffers of a draw.
#[derive(Default)]
pub(crate) struct DrawSpace {
    tables: Vec<Vec<f64>>,
    messages: Vec<Vec<f64>>,
    columns: Vec<f64>,
    factor: Vec<f64>,
}

impl Part {
    pub(crate) fn of(model: &Model, evidence: &Evidence) -> Self {
        let network = model.engine.network();
        let (root, mode) = (model.engine.root(), model.presentation());
        let (roots, modes) = (model.engine.roots(), model.engine.modes());
        let mut needed = BTreeSet::new();
        let mut open = evidence.items().iter().map(|item| item.0).collect::<Vec<_>>();
        open.push(root);
        open.extend(mode);
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
                let is_stem = |parent: &VariableId| *parent == root || Some(*parent) == mode;
                let place = if *id == root {
                    Place::Root
                } else if Some(*id) == mode {
                    Place::Mode
                } else if variable.parents.iter().all(is_stem) {
                    let row_of = |column: usize| {
                        variable.parents.iter().fold(0, |row, parent| {
                            if *parent == root {
                                row * roots + column % roots
                            } else {
                                row * modes + column / roots
                            }
                        })
                    };
                    Place::Stem((0..roots * modes).map(row_of).collect())
                } else {
                    Place::Branch(position[&variable.parents[0]])
                };
                let states = variable.states.len();
                let told = evidence.items().binary_search_by_key(id, |item| item.0).ok();
                PartVariable {
                    id: *id,
                    states,
                    place,
                    rows: drawn_rows(&variable.table, states, &model.trust[id.index()]),
                    table: variable.table.clone(),
                    likelihood: told.map(|told| evidence.items()[told].1.clone()),
                }
            })
            .collect();
        Self { variables, root: position[&root], roots, modes }
    }

    /// The diagnoses with every number drawn anew.
    fn draw(&self, random: &mut ChaCha8Rng, space: &mut DrawSpace) -> Vec<f64> {
        let mut tables = std::mem::take(&mut space.tables);
        tables.resize(self.variables.len(), Vec::new());
        for (variable, table) in self.variables.iter().zip(&mut tables) {
            variable.draw(random, table);
        }
        let posterior = self.posterior(&tables, space);
        space.tables = tables;
        posterior
    }

    /// The diagnoses with these tables, one for each variable of the part.
    pub(crate) fn posterior(&self, tables: &[Vec<f64>], space: &mut DrawSpace) -> Vec<f64> {
        /// Columns are scaled up again below this.
        const SMALL: f64 = 1e-100;
        let DrawSpace { messages, columns, factor, .. } = space;
        messages.resize(self.variables.len(), Vec::new());
        for (message, variable) in messages.iter_mut().zip(&self.variables) {
            message.clear();
            match &variable.likelihood {
                Some(likelihood) => message.extend_from_slice(likelihood),
                None => message.resize(variable.states, 1.0),
            }
        }
        let count = self.roots * self.modes;
        columns.clear();
        columns.resize(count, 1.0);
        for (index, variable) in self.variables.iter().enumerate().rev() {
            let table = &tables[index];
            let (above, own) = messages.split_at_mut(index);
            let message = &own[0];
            match &variable.place {
                Place::Branch(parent) => {
                    for (up, row) in above[*parent].iter_mut().zip(table.chunks_exact(variable.states)) {
                        *up *= row.iter().zip(message).map(|(p, value)| p * value).sum::<f64>();
                    }
                    continue;
                }
                Place::Stem(rows) => {
                    factor.clear();
                    let by_row = table.chunks_exact(variable.states);
                    factor.extend(
                        by_row.map(|row| row.iter().zip(message).map(|(p, value)| p * value).sum::<f64>()),
                    );
                    columns.iter_mut().zip(rows).for_each(|(column, row)| *column *= factor[*row]);
                }
                Place::Root => {
                    for block in columns.chunks_exact_mut(self.roots) {
                        for ((column, p), value) in block.iter_mut().zip(table).zip(message) {
                            *column *= p * value;
                        }
                    }
                }
                Place::Mode => {
                    for ((block, p), value) in columns.chunks_exact_mut(self.roots).zip(table).zip(message) {
                        block.iter_mut().for_each(|column| *column *= p * value);
                    }
                }
            }
            let largest = columns.iter().copied().fold(0.0, f64::max);
            if largest < SMALL && largest > 0.0 {
                columns.iter_mut().for_each(|column| *column /= largest);
            }
        }
        let total: f64 = columns.iter().sum();
        let mut posterior = vec![0.0; self.variables[self.root].states];
        for block in columns.chunks_exact(self.roots) {
            posterior.iter_mut().zip(block).for_each(|(sum, column)| *sum += column / total);
        }
        posterior
    }
}

fn drawn_rows(table: &[f64], states: usize, trust: &[Trust]) -> Vec<DrawnRow> {
    let mut shared: BTreeMap<(usize, u64), usize> = BTreeMap::new();
    table
        .chunks(states)
        .zip(trust)
        .enumerate()
        .map(|(index, (row, trust))| {
            // counts of cases make a number of the knowledge different in different diagnoses
            match shared.entry((trust.number, row[0].to_bits())) {
                Entry::Occupied(first) => DrawnRow::As(*first.get()),
                Entry::Vacant(place) => {
                    place.insert(index);
                    let gammas = row.iter().zip(&trust.by_state).map(|(share, patients)| {
                        let shape = share * patients;
                        Gamma::new(shape, 1.0 / shape).ok()
                    });
                    DrawnRow::Own(gammas.collect())
                }
            }
        })
        .collect()
}

impl PartVariable {
    /// The row of which a row is the same number.
    pub(crate) fn first_of(&self, row: usize) -> usize {
        match self.rows.get(row) {
            Some(DrawnRow::As(first)) => *first,
            _ => row,
        }
    }

    /// A table with every number of it drawn anew.
    fn draw(&self, random: &mut ChaCha8Rng, table: &mut Vec<f64>) {
        table.clear();
        for (row, drawn) in self.table.chunks(self.states).zip(&self.rows) {
            let gammas = match drawn {
                DrawnRow::As(first) => {
                    table.extend_from_within(first * self.states..(first + 1) * self.states);
                    continue;
                }
                DrawnRow::Own(gammas) => gammas,
            };
            let start = table.len();
            table.extend(row.iter().zip(gammas).map(|(share, gamma)| {
                let factor = gamma.map_or(1.0, |gamma| gamma.sample(random));
                (share * factor).max(SMALLEST_SHARE)
            }));
            for _ in 0..2 {
                let total: f64 = table[start..].iter().sum();
                table[start..].iter_mut().for_each(|value| *value = (*value / total).max(SMALLEST_SHARE));
            }
        }
    }
}
