/*!
What a set of variables would show, given what is known already.

Under each column (a diagnosis in a presentation) the network falls into independent branches. Of each branch that
holds variables asked for, either all joint outcomes are tabulated, or, where they are too many, outcomes are drawn.
*/

use std::collections::{BTreeMap, BTreeSet};

use apatite_network::{Evidence, Network, VariableId};
use apatite_reason::Model;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Branches with more joint outcomes than this are drawn from, not tabulated.
const TABULATED: usize = 64;

/// The network with what is known, by branch.
pub(crate) struct Forest<'m> {
    network: &'m Network,
    root: VariableId,
    mode: Option<VariableId>,
    roots: usize,
    modes: usize,
    evidence: &'m Evidence,
    by_stem: BTreeMap<VariableId, Vec<usize>>,
}

/// One branch with variables asked for.
pub(crate) enum Branch {
    /// `P(outcome | column, evidence)`, a run of columns for each joint outcome; outcomes count in mixed radix, the
    /// first variable asked for fastest.
    Table { outcomes: usize, factors: Vec<f64> },
    /// Too many outcomes for a table.
    Deep(Deep),
}

/// A branch from which outcomes are drawn.
pub(crate) struct Deep {
    nodes: Vec<Node>,
    /// The table of the first node, a run of columns for each of its states.
    stem: Vec<f64>,
    columns: usize,
    /// `P(evidence in the branch | column)`.
    before: Vec<f64>,
}

struct Node {
    states: usize,
    /// Position of the parent among the nodes; the first has none.
    parent: usize,
    table: Vec<f64>,
    likelihood: Vec<f64>,
    /// What the evidence at and below says to its states.
    message: Vec<f64>,
    asked: bool,
}

impl<'m> Forest<'m> {
    pub(crate) fn new(model: &'m Model, evidence: &'m Evidence) -> Self {
        let engine = model.engine();
        let mut forest = Self {
            network: engine.network(),
            root: engine.root(),
            mode: model.presentation(),
            roots: engine.roots(),
            modes: engine.modes(),
            evidence,
            by_stem: BTreeMap::new(),
        };
        for (position, (variable, _)) in evidence.items().iter().enumerate() {
            let stem = forest.stem_of(*variable);
            forest.by_stem.entry(stem).or_default().push(position);
        }
        forest
    }

    pub(crate) fn columns(&self) -> usize {
        self.roots * self.modes
    }

    pub(crate) fn states(&self, variable: VariableId) -> &'m [String] {
        &self.network.variable(variable).states
    }

    /// The branches of the variables, each variable in one of them.
    pub(crate) fn branches(&self, asked: &[VariableId]) -> Vec<Branch> {
        let mut by_stem: BTreeMap<VariableId, Vec<VariableId>> = BTreeMap::new();
        for variable in asked.iter().collect::<BTreeSet<_>>() {
            by_stem.entry(self.stem_of(*variable)).or_default().push(*variable);
        }
        by_stem.iter().map(|(stem, asked)| self.branch(*stem, asked)).collect()
    }

    /// The variable above, next to the diagnosis. One that is not has a single parent.
    fn stem_of(&self, mut variable: VariableId) -> VariableId {
        let is_column = |parent: &VariableId| *parent == self.root || Some(*parent) == self.mode;
        loop {
            let parents = &self.network.variable(variable).parents;
            if parents.iter().all(is_column) {
                return variable;
            }
            variable = parents[0];
        }
    }

    fn branch(&self, stem: VariableId, asked: &[VariableId]) -> Branch {
        let known = self.by_stem.get(&stem).map_or(&[][..], Vec::as_slice);
        let known = known.iter().map(|position| &self.evidence.items()[*position]).collect::<Vec<_>>();
        let mut needed = BTreeSet::from([stem]);
        for mut variable in asked.iter().copied().chain(known.iter().map(|item| item.0)) {
            while needed.insert(variable) {
                variable = self.network.variable(variable).parents[0];
            }
        }
        let order = needed.into_iter().collect::<Vec<_>>();
        let position = |variable: VariableId| order.binary_search(&variable).unwrap_or_default();
        let nodes = order
            .iter()
            .map(|id| {
                let variable = self.network.variable(*id);
                let states = variable.states.len();
                let likelihood = known.iter().find(|item| item.0 == *id).map(|item| item.1.clone());
                let (parent, table) =
                    if *id == stem { (0, Vec::new()) } else { (position(variable.parents[0]), variable.table.clone()) };
                let likelihood = likelihood.unwrap_or_else(|| vec![1.0; states]);
                Node {
                    states,
                    parent,
                    table,
                    message: likelihood.clone(),
                    likelihood,
                    asked: asked.contains(id),
                }
            })
            .collect::<Vec<_>>();
        let mut deep = Deep { nodes, stem: self.by_column(stem), columns: self.columns(), before: Vec::new() };
        let none = vec![None; deep.nodes.len()];
        let mut messages = Vec::new();
        deep.upward(&none, &mut messages);
        for (node, message) in deep.nodes.iter_mut().zip(messages) {
            node.message = message;
        }
        let mut before = vec![0.0; deep.columns];
        deep.factor(&deep.nodes[0].message, &mut before);
        deep.before = before;
        let outcomes = asked.iter().try_fold(1usize, |product, variable| {
            product
                .checked_mul(self.states(*variable).len())
                .filter(|product| *product <= TABULATED)
        });
        match outcomes {
            Some(outcomes) => deep.tabulate(outcomes),
            None => Branch::Deep(deep),
        }
    }

    /// The table of a variable next to the diagnosis, a run of columns for each state.
    fn by_column(&self, stem: VariableId) -> Vec<f64> {
        let variable = self.network.variable(stem);
        let (states, columns) = (variable.states.len(), self.columns());
        let mut runs = vec![0.0; states * columns];
        for column in 0..columns {
            let (root, mode) = (column % self.roots, column / self.roots);
            let row = variable.parents.iter().fold(0, |row, parent| {
                if *parent == self.root { row * self.roots + root } else { row * self.modes + mode }
            });
            for state in 0..states {
                runs[state * columns + column] = variable.table[row * states + state];
            }
        }
        runs
    }
}

impl Deep {
    /// What the evidence, and the states that are fixed, say to the states of each node.
    fn upward(&self, fixed: &[Option<usize>], messages: &mut Vec<Vec<f64>>) {
        messages.resize(self.nodes.len(), Vec::new());
        for (message, node) in messages.iter_mut().zip(&self.nodes) {
            message.clear();
            message.extend_from_slice(&node.likelihood);
        }
        for index in (1..self.nodes.len()).rev() {
            let node = &self.nodes[index];
            let (above, own) = messages.split_at_mut(index);
            let rows = node.table.chunks_exact(node.states);
            for (up, row) in above[node.parent].iter_mut().zip(rows) {
                *up *= match fixed[index] {
                    Some(state) => row[state] * own[0][state],
                    None => row.iter().zip(&own[0]).map(|(p, message)| p * message).sum::<f64>(),
                };
            }
        }
        if let (Some(state), Some(top)) = (fixed[0], messages.first_mut()) {
            for (index, value) in top.iter_mut().enumerate() {
                *value *= f64::from(index == state);
            }
        }
    }

    /// `P(what the message stands for | column)`.
    fn factor(&self, message: &[f64], factor: &mut [f64]) {
        factor.fill(0.0);
        for (value, run) in message.iter().zip(self.stem.chunks_exact(self.columns)) {
            if *value != 0.0 {
                for (sum, p) in factor.iter_mut().zip(run) {
                    *sum += value * p;
                }
            }
        }
    }

    fn tabulate(&self, outcomes: usize) -> Branch {
        let mut factors = vec![0.0; outcomes * self.columns];
        let mut fixed = vec![None; self.nodes.len()];
        let mut messages = Vec::new();
        for (outcome, run) in factors.chunks_exact_mut(self.columns).enumerate() {
            let mut left = outcome;
            for (fixed, node) in fixed.iter_mut().zip(&self.nodes).filter(|(_, node)| node.asked) {
                *fixed = Some(left % node.states);
                left /= node.states;
            }
            self.upward(&fixed, &mut messages);
            self.factor(&messages[0], run);
            for (value, before) in run.iter_mut().zip(&self.before) {
                *value /= before;
            }
        }
        Branch::Table { outcomes, factors }
    }

    /// Draws an outcome in a column and multiplies its probability in every column into `product`.
    fn draw(&self, column: usize, random: &mut ChaCha8Rng, scratch: &mut Scratch, product: &mut [f64]) {
        let Scratch { fixed, messages, factor, states } = scratch;
        states.clear();
        fixed.clear();
        for (index, node) in self.nodes.iter().enumerate() {
            let state = if index == 0 {
                let weight = |state: usize| self.stem[state * self.columns + column] * node.message[state];
                choose(node.states, weight, random)
            } else {
                let row = &node.table[states[node.parent] * node.states..];
                choose(node.states, |state| row[state] * node.message[state], random)
            };
            states.push(state);
            fixed.push(node.asked.then_some(state));
        }
        self.upward(fixed, messages);
        factor.resize(self.columns, 0.0);
        self.factor(&messages[0], factor);
        for ((product, factor), before) in product.iter_mut().zip(factor.iter()).zip(&self.before) {
            *product *= factor / before;
        }
    }
}

/// Buffers for drawing.
#[derive(Default)]
pub(crate) struct Scratch {
    fixed: Vec<Option<usize>>,
    messages: Vec<Vec<f64>>,
    factor: Vec<f64>,
    states: Vec<usize>,
}

impl Branch {
    /// Draws an outcome in a column and multiplies its probability in every column into `product`.
    pub(crate) fn draw(
        &self,
        column: usize,
        random: &mut ChaCha8Rng,
        scratch: &mut Scratch,
        product: &mut [f64],
    ) {
        match self {
            Self::Table { outcomes, factors } => {
                let columns = product.len();
                let outcome = choose(*outcomes, |outcome| factors[outcome * columns + column], random);
                let run = &factors[outcome * columns..(outcome + 1) * columns];
                for (product, factor) in product.iter_mut().zip(run) {
                    *product *= factor;
                }
            }
            Self::Deep(deep) => deep.draw(column, random, scratch, product),
        }
    }
}

/// Draws an index with a probability proportional to its weight.
fn choose(count: usize, weight: impl Fn(usize) -> f64, random: &mut ChaCha8Rng) -> usize {
    let total: f64 = (0..count).map(&weight).sum();
    let mut left = random.random::<f64>() * total;
    for index in 0..count {
        left -= weight(index);
        if left < 0.0 {
            return index;
        }
    }
    count.saturating_sub(1)
}
