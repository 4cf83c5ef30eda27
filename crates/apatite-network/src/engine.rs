use std::borrow::Cow;

use pulp::{Arch, Simd, WithSimd};

use crate::explain::Scratch;
use crate::lanes::{dot, sum};
use crate::network::{Network, NetworkError, VariableId};

/// A network compiled for queries about its root.
///
/// Root and mode together make the *columns*: column `m * roots + r` is root state `r` under mode `m`.
/// All tables of variables that hang on root and mode are stored by state with the columns contiguous, so that a
/// fact multiplies into all diagnoses at once. Where a variable hangs on the root alone one block of columns is stored
/// for all modes.
#[derive(Clone, Debug)]
pub struct Engine {
    network: Network,
    pub(crate) root: VariableId,
    pub(crate) roots: usize,
    pub(crate) modes: usize,
    /// `P(root, mode)`, one a column.
    pub(crate) prior: Vec<f64>,
    /// `P(mode)`.
    pub(crate) mode_prior: Vec<f64>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) tables: Vec<f64>,
    /// Length of all messages laid end to end.
    pub(crate) message_len: usize,
    /// What the processor can do: loops over columns are compiled for each kind. None of them changes the order of
    /// additions or fuses them with multiplications, so the answers are the same to the last bit.
    pub(crate) arch: Arch,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) states: usize,
    /// Where this variable's message begins.
    pub(crate) message: usize,
    pub(crate) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Root,
    Mode,
    /// Hangs on root and mode; the table has a run for each state.
    Stem(Stem),
    /// Has one other parent; the table has a run of own states for each parent state.
    Branch {
        table: usize,
        parent: usize,
    },
}

/// The table of a variable that hangs on root and mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stem {
    pub(crate) table: usize,
    /// Length of the run of each state: all columns, or one for each root state where the mode does not matter.
    pub(crate) width: usize,
    /// Natural logarithm of the smallest entry: no message scaled to one makes a smaller factor.
    pub(crate) floor: f64,
}

/// What is known: for some variables a likelihood, `P(what was seen | state)` up to a factor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    items: Vec<(VariableId, Vec<f64>)>,
}

impl Evidence {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a likelihood vector, one number a state. Evidence on a variable that has some already multiplies with it.
    pub fn add(&mut self, variable: VariableId, likelihood: Vec<f64>) {
        match self.items.binary_search_by_key(&variable, |item| item.0) {
            Ok(position) => {
                for (old, new) in self.items[position].1.iter_mut().zip(likelihood) {
                    *old *= new;
                }
            }
            Err(position) => self.items.insert(position, (variable, likelihood)),
        }
    }

    /// The state of `variable` is known.
    pub fn add_state(&mut self, variable: VariableId, state: usize, states: usize) {
        let likelihood = (0..states).map(|index| if index == state { 1.0 } else { 0.0 }).collect();
        self.add(variable, likelihood);
    }

    /// Takes back what is known of a variable; what was known of the others is as it was.
    pub fn remove(&mut self, variable: VariableId) -> Option<Vec<f64>> {
        let position = self.items.binary_search_by_key(&variable, |item| item.0).ok()?;
        Some(self.items.remove(position).1)
    }

    /// The variables with their likelihoods, in the order of the network.
    #[must_use]
    pub fn items(&self) -> &[(VariableId, Vec<f64>)] {
        &self.items
    }
}

/// Answer to one query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Posterior {
    /// `P(root | evidence)`.
    pub root: Vec<f64>,
    /// `P(root, mode | evidence)`, one a column: column `mode * roots + root`.
    pub columns: Vec<f64>,
}

/// What a variable would be in each column.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction<'e> {
    /// A run for each state.
    pub runs: Cow<'e, [f64]>,
    /// Length of a run: all columns, or one for each root state where the mode does not matter.
    pub width: usize,
}

/// Buffers of a query, to be used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    messages: Vec<f64>,
    touched: Vec<u64>,
    upward: Vec<f64>,
    factor: Vec<f64>,
    columns: Columns,
    /// Logarithm of the factors common to all columns that were taken out of the messages.
    log_scale: f64,
    posterior: Posterior,
    pub(crate) explanation: Scratch,
}

/// A product of factors for each column, part of it as a logarithm where it could underflow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    pub(crate) products: Vec<f64>,
    /// Holds something only when `in_logs`.
    pub(crate) logs: Vec<f64>,
    pub(crate) in_logs: bool,
    /// No product is below the exponential of this.
    floor: f64,
}

/// Products stay above the exponential of this, which is well within the range of a double.
const LOWEST: f64 = -600.0;
/// Below this the common factor moves into the logarithm, long before it could underflow.
const SMALL_SCALE: f64 = 1e-150;

impl Engine {
    /// Compiles `network` for queries about `root`.
    ///
    /// # Errors
    /// [`NetworkError::NotATree`] when a variable has other parents than the crate's documentation allows.
    pub fn new(network: Network, root: VariableId, mode: Option<VariableId>) -> Result<Self, NetworkError> {
        let not_a_tree = |id: VariableId| NetworkError::NotATree(network.variable(id).name.clone());
        for stem in [Some(root), mode].into_iter().flatten() {
            if !network.variable(stem).parents.is_empty() {
                return Err(not_a_tree(stem));
            }
        }
        let roots = network.variable(root).states.len();
        let modes = mode.map_or(1, |mode| network.variable(mode).states.len());
        let columns = roots * modes;
        let mode_prior: Vec<f64> =
            mode.map_or_else(|| vec![1.0], |mode| network.variable(mode).table.clone());
        let root_prior = &network.variable(root).table;
        let prior =
            mode_prior.iter().flat_map(|m| root_prior.iter().map(move |r| m * r)).collect::<Vec<f64>>();

        let mut nodes = Vec::with_capacity(network.variables().len());
        let mut tables = Vec::new();
        let mut message_len = 0;
        for (index, variable) in network.variables().iter().enumerate() {
            let id = VariableId(u32::try_from(index).unwrap_or(u32::MAX));
            let states = variable.states.len();
            let is_stem = |parent: &VariableId| *parent == root || Some(*parent) == mode;
            let place = if id == root {
                Place::Root
            } else if Some(id) == mode {
                Place::Mode
            } else if variable.parents.iter().all(is_stem) {
                let table = tables.len();
                let moded = variable.parents.iter().any(|parent| Some(*parent) == mode);
                let width = if moded { columns } else { roots };
                for state in 0..states {
                    for column in 0..width {
                        let row = variable.parents.iter().fold(0, |row, parent| {
                            if *parent == root {
                                row * roots + column % roots
                            } else {
                                row * modes + column / roots
                            }
                        });
                        tables.push(variable.table[row * states + state]);
                    }
                }
                let floor = variable.table.iter().copied().fold(1.0, f64::min).ln();
                Place::Stem(Stem { table, width, floor })
            } else if let [parent] = variable.parents.as_slice() {
                let table = tables.len();
                tables.extend_from_slice(&variable.table);
                Place::Branch { table, parent: parent.index() }
            } else {
                return Err(not_a_tree(id));
            };
            nodes.push(Node { states, message: message_len, place });
            message_len += states;
        }
        Ok(Self {
            network,
            root,
            roots,
            modes,
            prior,
            mode_prior,
            nodes,
            tables,
            message_len,
            arch: Arch::new(),
        })
    }

    /// The network that was compiled.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The root variable.
    #[must_use]
    pub fn root(&self) -> VariableId {
        self.root
    }

    /// Number of states of the root.
    #[must_use]
    pub fn roots(&self) -> usize {
        self.roots
    }

    /// Number of states of the mode, 1 where there is none.
    #[must_use]
    pub fn modes(&self) -> usize {
        self.modes
    }

    /// The posterior of root and mode under `evidence`.
    ///
    /// # Errors
    /// [`NetworkError::BadEvidence`] when a likelihood does not fit its variable.
    pub fn posterior<'w>(
        &self,
        evidence: &Evidence,
        workspace: &'w mut Workspace,
    ) -> Result<&'w Posterior, NetworkError> {
        self.gather(evidence, workspace)?;
        self.arch.dispatch(Answer { engine: self, workspace: &mut *workspace });
        Ok(&workspace.posterior)
    }

    /// `ln P(evidence | root)`.
    ///
    /// # Errors
    /// As [`Engine::posterior`].
    pub fn log_likelihoods(
        &self,
        evidence: &Evidence,
        workspace: &mut Workspace,
    ) -> Result<Vec<f64>, NetworkError> {
        self.posterior(evidence, workspace)?;
        let mut logs = Vec::with_capacity(self.roots);
        self.read_log_likelihoods(workspace, &mut logs);
        Ok(logs)
    }

    /// `ln P(evidence | root)` of the query that the workspace has just answered.
    pub(crate) fn read_log_likelihoods(&self, workspace: &Workspace, likelihoods: &mut Vec<f64>) {
        let Columns { products, logs, in_logs, .. } = &workspace.columns;
        likelihoods.clear();
        likelihoods.extend((0..self.roots).map(|root| {
            let by_mode = self.mode_prior.iter().zip((root..).step_by(self.roots));
            let log = if *in_logs {
                log_sum_exp(by_mode.map(|(prior, column)| prior.ln() + products[column].ln() + logs[column]))
            } else {
                by_mode.map(|(prior, column)| prior * products[column]).sum::<f64>().ln()
            };
            log + workspace.log_scale
        }));
    }

    /// What the evidence says to each variable that hangs on root and mode: `P(evidence below | state)`, the largest
    /// taken as one. Variables of which nothing is known are left out.
    ///
    /// # Errors
    /// As [`Engine::posterior`].
    pub fn stem_messages(
        &self,
        evidence: &Evidence,
        workspace: &mut Workspace,
    ) -> Result<Vec<(VariableId, Vec<f64>)>, NetworkError> {
        self.posterior(evidence, workspace)?;
        let mut stems =
            evidence.items().iter().map(|item| self.branch_of(item.0.index())).collect::<Vec<_>>();
        stems.sort_unstable();
        stems.dedup();
        Ok(stems
            .into_iter()
            .map(|index| {
                let node = &self.nodes[index];
                let message = workspace.messages[node.message..node.message + node.states].to_vec();
                (VariableId(u32::try_from(index).unwrap_or(u32::MAX)), message)
            })
            .collect())
    }

    /// `P(state of variable | column, evidence)`.
    ///
    /// # Errors
    /// As [`Engine::posterior`].
    pub fn predict(
        &self,
        variable: VariableId,
        evidence: &Evidence,
        workspace: &mut Workspace,
    ) -> Result<Prediction<'_>, NetworkError> {
        let node = &self.nodes[variable.index()];
        let branch = self.branch_of(variable.index());
        let mut own = Evidence::new();
        for (other, likelihood) in evidence.items() {
            if self.branch_of(other.index()) == branch {
                own.add(*other, likelihood.clone());
            }
        }
        if let (true, Place::Stem(Stem { table, width, .. })) = (own.items().is_empty(), node.place) {
            let runs = Cow::Borrowed(&self.tables[table..table + node.states * width]);
            return Ok(Prediction { runs, width });
        }
        let width = match self.nodes[branch].place {
            Place::Stem(stem) => stem.width,
            Place::Root | Place::Mode | Place::Branch { .. } => self.roots * self.modes,
        };
        let mut runs = Vec::with_capacity(node.states * width);
        for state in 0..node.states {
            let mut with = own.clone();
            with.add_state(variable, state, node.states);
            if with.items().iter().any(|item| item.1.iter().all(|value| *value == 0.0)) {
                runs.extend(std::iter::repeat_n(0.0, width));
                continue;
            }
            self.gather(&with, workspace)?;
            self.arch.dispatch(Collect { engine: self, workspace: &mut *workspace });
            let Columns { products, logs, in_logs, .. } = &workspace.columns;
            if *in_logs {
                let by_column = products.iter().zip(logs).take(width);
                runs.extend(by_column.map(|(product, log)| product * (log + workspace.log_scale).exp()));
            } else {
                let scale = workspace.log_scale.exp();
                runs.extend(products[..width].iter().map(|product| product * scale));
            }
        }
        let mut sums = vec![0.0; width];
        for run in runs.chunks_exact(width) {
            sums.iter_mut().zip(run).for_each(|(sum, p)| *sum += p);
        }
        for run in runs.chunks_exact_mut(width) {
            run.iter_mut().zip(&sums).for_each(|(p, sum)| *p /= sum);
        }
        Ok(Prediction { runs: Cow::Owned(runs), width })
    }

    /// `P(state | root, evidence)`, a run of roots for each state, from what was predicted and `P(mode | root,
    /// evidence)`, one a column.
    #[must_use]
    pub fn by_root<'e>(&self, Prediction { runs, width }: Prediction<'e>, shares: &[f64]) -> Cow<'e, [f64]> {
        if width == self.roots {
            return runs;
        }
        let mut mixed = vec![0.0; runs.len() / width * self.roots];
        self.arch.dispatch(Mix { runs: &runs, shares, roots: self.roots, mixed: &mut mixed });
        Cow::Owned(mixed)
    }

    /// The variable next to the stem through which `variable` reaches it.
    fn branch_of(&self, mut variable: usize) -> usize {
        while let Place::Branch { parent, .. } = self.nodes[variable].place {
            variable = parent;
        }
        variable
    }

    /// Lays the evidence where the messages begin.
    fn gather(&self, evidence: &Evidence, workspace: &mut Workspace) -> Result<(), NetworkError> {
        self.check(evidence)?;
        self.reset(workspace);
        for (variable, likelihood) in evidence.items() {
            self.seed(workspace, variable.index(), likelihood);
        }
        Ok(())
    }

    pub(crate) fn check(&self, evidence: &Evidence) -> Result<(), NetworkError> {
        for (variable, likelihood) in evidence.items() {
            let node = &self.nodes[variable.index()];
            let fits = likelihood.len() == node.states
                && likelihood.iter().all(|value| value.is_finite() && *value >= 0.0)
                && likelihood.iter().any(|value| *value > 0.0);
            if !fits {
                return Err(NetworkError::BadEvidence(self.network.variable(*variable).name.clone()));
            }
        }
        Ok(())
    }

    fn reset(&self, workspace: &mut Workspace) {
        workspace.messages.resize(self.message_len, 1.0);
        workspace.touched.clear();
        workspace.touched.resize(self.nodes.len().div_ceil(64), 0);
        workspace.columns.reset(self.roots * self.modes);
        workspace.log_scale = 0.0;
    }

    /// Multiplies `likelihood` into the message of a variable; the first to come sets it.
    #[inline(always)]
    fn seed(&self, workspace: &mut Workspace, index: usize, likelihood: &[f64]) {
        let node = &self.nodes[index];
        let message = &mut workspace.messages[node.message..node.message + node.states];
        let bit = 1 << (index % 64);
        let word = &mut workspace.touched[index / 64];
        if *word & bit == 0 {
            *word |= bit;
            message.copy_from_slice(likelihood);
        } else {
            for (old, new) in message.iter_mut().zip(likelihood) {
                *old *= new;
            }
            // a variable with very many children
            if message.iter().all(|value| *value < SMALL_SCALE) {
                workspace.log_scale += scale_to_one(message).ln();
            }
        }
    }

    /// Sends all messages from the leaves to the columns. Children stand behind their parents, so the touched
    /// variables are taken from the last to the first.
    #[inline(always)]
    fn collect(&self, workspace: &mut Workspace) {
        let mut scale = 1.0;
        for word in (0..workspace.touched.len()).rev() {
            while workspace.touched[word] != 0 {
                let bit = 63 - workspace.touched[word].leading_zeros() as usize;
                workspace.touched[word] &= !(1 << bit);
                let node = self.nodes[word * 64 + bit];
                let message = &mut workspace.messages[node.message..node.message + node.states];
                scale *= scale_to_one(message);
                if scale < SMALL_SCALE {
                    workspace.log_scale += f64::ln(scale);
                    scale = 1.0;
                }
                match node.place {
                    Place::Branch { table, parent } => {
                        let rows = &self.tables[table..table + self.nodes[parent].states * node.states];
                        let mut upward = std::mem::take(&mut workspace.upward);
                        upward.resize(self.nodes[parent].states, 0.0);
                        for (up, row) in upward.iter_mut().zip(rows.chunks_exact(node.states)) {
                            *up = dot(row, message);
                        }
                        self.seed(workspace, parent, &upward);
                        workspace.upward = upward;
                    }
                    Place::Stem(stem) => {
                        workspace.factor.resize(stem.width, 0.0);
                        self.stem_factor(stem, message, &mut workspace.factor);
                        workspace.columns.multiply(&workspace.factor, stem.floor);
                    }
                    Place::Root => {
                        workspace.columns.multiply_any((0..self.modes).flat_map(|_| message.iter()));
                    }
                    Place::Mode => {
                        let roots = self.roots;
                        let by_column = message.iter().flat_map(|value| std::iter::repeat_n(value, roots));
                        workspace.columns.multiply_any(by_column);
                    }
                }
            }
        }
        workspace.log_scale += f64::ln(scale);
        workspace.log_scale += workspace.columns.settle();
    }

    /// `P(message | column)`: the sum over the states.
    #[inline(always)]
    pub(crate) fn stem_factor(&self, stem: Stem, message: &[f64], factor: &mut [f64]) {
        let Stem { table, width, .. } = stem;
        let table = &self.tables[table..table + message.len() * width];
        if let [first, second] = message {
            // the states of a binary variable sum to one, so one run of the table is enough
            let slope = second - first;
            for (sum, p) in factor.iter_mut().zip(&table[width..]) {
                *sum = first + slope * p;
            }
            return;
        }
        factor.fill(0.0);
        for (value, run) in message.iter().zip(table.chunks_exact(width)) {
            // a hard fact leaves few states of many
            if *value != 0.0 {
                for (sum, p) in factor.iter_mut().zip(run) {
                    *sum += value * p;
                }
            }
        }
    }

    /// The message of a variable that the last query has sent up, scaled to one.
    pub(crate) fn message<'w>(&self, workspace: &'w Workspace, variable: usize) -> &'w [f64] {
        let node = &self.nodes[variable];
        &workspace.messages[node.message..node.message + node.states]
    }

    #[inline(always)]
    fn normalise(&self, workspace: &mut Workspace) {
        let Workspace { columns: Columns { products, logs, in_logs, .. }, posterior, .. } = workspace;
        posterior.columns.resize(products.len(), 0.0);
        for ((column, prior), product) in posterior.columns.iter_mut().zip(&self.prior).zip(products) {
            *column = prior * *product;
        }
        if *in_logs {
            for (column, log) in posterior.columns.iter_mut().zip(logs) {
                *column *= log.exp();
            }
        }
        let total = sum(&posterior.columns);
        for column in &mut posterior.columns {
            *column /= total;
        }
        posterior.root.clear();
        posterior.root.extend_from_slice(&posterior.columns[..self.roots]);
        for block in posterior.columns[self.roots..].chunks_exact(self.roots) {
            for (root, column) in posterior.root.iter_mut().zip(block) {
                *root += column;
            }
        }
    }
}

/// Evidence in place that is to reach the columns, and no further.
struct Collect<'q> {
    engine: &'q Engine,
    workspace: &'q mut Workspace,
}

impl WithSimd for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.engine.collect(self.workspace);
    }
}

/// Predictions for each column that are to become those for each root.
struct Mix<'q> {
    runs: &'q [f64],
    shares: &'q [f64],
    roots: usize,
    mixed: &'q mut [f64],
}

impl WithSimd for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let runs = self.runs.chunks_exact(self.shares.len());
        for (sums, run) in self.mixed.chunks_exact_mut(self.roots).zip(runs) {
            for (by_mode, shares) in run.chunks_exact(self.roots).zip(self.shares.chunks_exact(self.roots)) {
                for ((sum, p), share) in sums.iter_mut().zip(by_mode).zip(shares) {
                    *sum += share * p;
                }
            }
        }
    }
}

/// A query whose evidence is in place. (A closure would not do: that it is inlined cannot be demanded.)
struct Answer<'q> {
    engine: &'q Engine,
    workspace: &'q mut Workspace,
}

impl WithSimd for Answer<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.engine.collect(self.workspace);
        self.engine.normalise(self.workspace);
    }
}

impl Workspace {
    /// `ln P(evidence | column)` of the query that was answered last.
    pub(crate) fn log_columns(&self) -> impl Fn(usize) -> f64 {
        let Columns { products, logs, in_logs, .. } = &self.columns;
        move |column| {
            let log = if *in_logs { logs[column] } else { 0.0 };
            products[column].ln() + log + self.log_scale
        }
    }
}

impl Columns {
    pub(crate) fn reset(&mut self, columns: usize) {
        self.products.clear();
        self.products.resize(columns, 1.0);
        self.in_logs = false;
        self.floor = 0.0;
    }

    /// Multiplies a factor into each column; where the factor is shorter it is repeated for every mode. No entry of
    /// it is below the exponential of `floor`.
    #[inline(always)]
    pub(crate) fn multiply(&mut self, factor: &[f64], floor: f64) {
        if self.floor + floor < LOWEST {
            self.flush();
        }
        self.floor += floor;
        for block in self.products.chunks_exact_mut(factor.len()) {
            for (product, value) in block.iter_mut().zip(factor) {
                *product *= value;
            }
        }
    }

    /// The same for factors that may be anything down to nought.
    fn multiply_any<'v>(&mut self, factor: impl Iterator<Item = &'v f64>) {
        self.flush();
        for (log, value) in self.logs.iter_mut().zip(factor) {
            *log += value.ln();
        }
    }

    /// Moves the products to the logarithms.
    fn flush(&mut self) {
        if !self.in_logs {
            self.in_logs = true;
            self.logs.clear();
            self.logs.resize(self.products.len(), 0.0);
        }
        for (log, product) in self.logs.iter_mut().zip(&mut self.products) {
            *log += product.ln();
            *product = 1.0;
        }
        self.floor = 0.0;
    }

    /// Ends the product: where logarithms were needed everything is in them, the largest taken as 0 and returned.
    pub(crate) fn settle(&mut self) -> f64 {
        if !self.in_logs {
            return 0.0;
        }
        self.flush();
        let largest = self.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for log in &mut self.logs {
            *log -= largest;
        }
        largest
    }
}

/// Takes the largest value out of a message and returns it: as a factor common to all columns it cancels in the
/// posterior.
#[inline(always)]
fn scale_to_one(message: &mut [f64]) -> f64 {
    let largest = message.iter().copied().fold(0.0, |a, b| if b > a { b } else { a });
    if largest != 1.0 {
        let reciprocal = 1.0 / largest;
        message.iter_mut().for_each(|value| *value *= reciprocal);
    }
    largest
}

pub(crate) fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        largest
    } else {
        largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
    }
}
