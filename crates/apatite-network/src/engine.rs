use crate::network::{Network, NetworkError, VariableId};

/// A network compiled for queries about its root.
///
/// Root and mode together make the *columns*: column `m * roots + r` is root state `r` under mode `m`.
/// All tables of variables that hang on root and mode are stored by state with the columns contiguous, so that a
/// fact multiplies into all diagnoses at once.
#[derive(Clone, Debug)]
pub struct Engine {
    network: Network,
    pub(crate) root: VariableId,
    pub(crate) roots: usize,
    pub(crate) modes: usize,
    /// `P(root, mode)`, one a column.
    pub(crate) prior: Vec<f64>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) tables: Vec<f64>,
    /// Length of all messages laid end to end.
    pub(crate) message_len: usize,
    smallest: f64,
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
    /// Hangs on root and mode; the table has a run of columns for each state.
    Stem {
        table: usize,
    },
    /// Has one other parent; the table has a run of own states for each parent state.
    Branch {
        table: usize,
        parent: usize,
    },
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

/// Buffers of a query, to be used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    pub(crate) messages: Vec<f64>,
    pub(crate) touched: Vec<u64>,
    pub(crate) columns: Vec<f64>,
    pub(crate) logs: Vec<f64>,
    /// Logarithm of the factors common to all columns that were taken out of the messages.
    pub(crate) log_scale: f64,
    posterior: Posterior,
}

/// So many factors, each at least the smallest entry of the tables, cannot underflow a double.
const EXPONENT_RANGE: f64 = 300.0;
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
        let mode_prior = mode.map_or_else(|| vec![1.0], |mode| network.variable(mode).table.clone());
        let root_prior = &network.variable(root).table;
        let prior =
            mode_prior.iter().flat_map(|m| root_prior.iter().map(move |r| m * r)).collect::<Vec<f64>>();

        let mut nodes = Vec::with_capacity(network.variables().len());
        let mut tables = Vec::new();
        let mut message_len = 0;
        let mut smallest: f64 = 1.0;
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
                for state in 0..states {
                    for column in 0..columns {
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
                Place::Stem { table }
            } else if let [parent] = variable.parents.as_slice() {
                let table = tables.len();
                tables.extend_from_slice(&variable.table);
                Place::Branch { table, parent: parent.index() }
            } else {
                return Err(not_a_tree(id));
            };
            smallest = variable.table.iter().copied().fold(smallest, f64::min);
            nodes.push(Node { states, message: message_len, place });
            message_len += states;
        }
        Ok(Self { network, root, roots, modes, prior, nodes, tables, message_len, smallest })
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
        self.check(evidence)?;
        self.reset(workspace);
        for (variable, likelihood) in evidence.items() {
            self.seed(workspace, variable.index(), likelihood);
        }
        self.collect(workspace);
        self.normalise(workspace);
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
        let prior_root = &self.network.variable(self.root).table;
        Ok((0..self.roots)
            .map(|root| {
                let terms = (0..self.modes).map(|mode| {
                    let column = mode * self.roots + root;
                    (self.prior[column] / prior_root[root]).ln()
                        + workspace.columns[column].ln()
                        + workspace.logs[column]
                });
                log_sum_exp(terms) + workspace.log_scale
            })
            .collect())
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

    /// `P(state of variable | column, evidence)`: for each state of `variable` a run of columns.
    ///
    /// # Errors
    /// As [`Engine::posterior`].
    pub fn predict(
        &self,
        variable: VariableId,
        evidence: &Evidence,
        workspace: &mut Workspace,
    ) -> Result<Vec<f64>, NetworkError> {
        let branch = self.branch_of(variable.index());
        let mut own = Evidence::new();
        for (other, likelihood) in evidence.items() {
            if self.branch_of(other.index()) == branch {
                own.add(*other, likelihood.clone());
            }
        }
        let states = self.nodes[variable.index()].states;
        let columns = self.roots * self.modes;
        let mut result = Vec::with_capacity(states * columns);
        for state in 0..states {
            let mut with = own.clone();
            with.add_state(variable, state, states);
            if with.items().iter().any(|item| item.1.iter().all(|value| *value == 0.0)) {
                result.extend(std::iter::repeat_n(0.0, columns));
                continue;
            }
            self.posterior(&with, workspace)?;
            result.extend((0..columns).map(|column| {
                workspace.columns[column] * (workspace.logs[column] + workspace.log_scale).exp()
            }));
        }
        for column in 0..columns {
            let sum: f64 = (0..states).map(|state| result[state * columns + column]).sum();
            for state in 0..states {
                result[state * columns + column] /= sum;
            }
        }
        Ok(result)
    }

    /// The variable next to the stem through which `variable` reaches it.
    fn branch_of(&self, mut variable: usize) -> usize {
        while let Place::Branch { parent, .. } = self.nodes[variable].place {
            variable = parent;
        }
        variable
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

    pub(crate) fn reset(&self, workspace: &mut Workspace) {
        let columns = self.roots * self.modes;
        workspace.messages.resize(self.message_len, 1.0);
        workspace.touched.clear();
        workspace.touched.resize(self.nodes.len().div_ceil(64), 0);
        workspace.columns.clear();
        workspace.columns.resize(columns, 1.0);
        workspace.logs.clear();
        workspace.logs.resize(columns, 0.0);
        workspace.log_scale = 0.0;
    }

    /// Multiplies `likelihood` into the message of a variable; the first to come sets it.
    pub(crate) fn seed(&self, workspace: &mut Workspace, index: usize, likelihood: &[f64]) {
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
        }
    }

    /// Sends all messages from the leaves to the columns. Children stand behind their parents, so the touched
    /// variables are taken from the last to the first.
    fn collect(&self, workspace: &mut Workspace) {
        let flush_every = ((EXPONENT_RANGE / -self.smallest.log10()) as usize).max(1);
        let mut factors = 0;
        let mut scale = 1.0;
        let mut upward = [0.0; MAX_SMALL];
        for word in (0..workspace.touched.len()).rev() {
            while workspace.touched[word] != 0 {
                let bit = 63 - workspace.touched[word].leading_zeros() as usize;
                workspace.touched[word] &= !(1 << bit);
                let index = word * 64 + bit;
                let node = self.nodes[index];
                let range = node.message..node.message + node.states;
                scale *= scale_to_one(&mut workspace.messages[range.clone()]);
                if scale < SMALL_SCALE {
                    workspace.log_scale += f64::ln(scale);
                    scale = 1.0;
                }
                match node.place {
                    Place::Branch { table, parent } => {
                        let parents = self.nodes[parent].states;
                        let message = &workspace.messages[range];
                        let rows = self.tables[table..table + parents * node.states].chunks(node.states);
                        if parents <= MAX_SMALL {
                            for (up, row) in upward.iter_mut().zip(rows) {
                                *up = dot(row, message);
                            }
                            let small = upward;
                            self.seed(workspace, parent, &small[..parents]);
                        } else {
                            let up = rows.map(|row| dot(row, message)).collect::<Vec<f64>>();
                            self.seed(workspace, parent, &up);
                        }
                    }
                    Place::Stem { table } => {
                        if factors == flush_every {
                            flush(workspace);
                            factors = 0;
                        }
                        factors += 1;
                        self.multiply_stem(table, range, workspace);
                    }
                    Place::Root | Place::Mode => {
                        for column in 0..workspace.columns.len() {
                            let state = if node.place == Place::Root {
                                column % self.roots
                            } else {
                                column / self.roots
                            };
                            workspace.columns[column] *= workspace.messages[node.message + state];
                        }
                    }
                }
            }
        }
        workspace.log_scale += f64::ln(scale);
        if workspace.logs.iter().any(|log| *log != 0.0) {
            flush(workspace);
            let largest = workspace.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for log in &mut workspace.logs {
                *log -= largest;
            }
            workspace.log_scale += largest;
        }
    }

    fn multiply_stem(&self, table: usize, message: std::ops::Range<usize>, workspace: &mut Workspace) {
        let columns = workspace.columns.len();
        let Workspace { messages, columns: products, .. } = workspace;
        let products = &mut products[..columns];
        match &messages[message] {
            // the states of a binary variable sum to one, so one run of the table is enough
            [first, second] => {
                let slope = second - first;
                let run = &self.tables[table + columns..table + 2 * columns];
                for (product, p) in products.iter_mut().zip(run) {
                    *product *= first + slope * p;
                }
            }
            many => {
                let mut sums = [0.0; MAX_COLUMNS];
                if columns <= MAX_COLUMNS {
                    let sums = &mut sums[..columns];
                    for (state, likelihood) in many.iter().enumerate() {
                        let run = &self.tables[table + state * columns..table + (state + 1) * columns];
                        for (sum, p) in sums.iter_mut().zip(run) {
                            *sum += likelihood * p;
                        }
                    }
                    for (product, sum) in products.iter_mut().zip(sums) {
                        *product *= *sum;
                    }
                } else {
                    for (column, product) in products.iter_mut().enumerate() {
                        let sum: f64 = many
                            .iter()
                            .enumerate()
                            .map(|(state, likelihood)| {
                                likelihood * self.tables[table + state * columns + column]
                            })
                            .sum();
                        *product *= sum;
                    }
                }
            }
        }
    }

    fn normalise(&self, workspace: &mut Workspace) {
        let Workspace { columns, logs, posterior, .. } = workspace;
        posterior.columns.clear();
        posterior.columns.extend(self.prior.iter().zip(columns.iter().zip(logs.iter())).map(
            |(prior, (column, log))| if *log == 0.0 { prior * column } else { prior * column * log.exp() },
        ));
        let total: f64 = posterior.columns.iter().sum();
        for column in &mut posterior.columns {
            *column /= total;
        }
        posterior.root.clear();
        posterior.root.extend_from_slice(&posterior.columns[..self.roots]);
        for block in posterior.columns[self.roots..].chunks(self.roots) {
            for (root, column) in posterior.root.iter_mut().zip(block) {
                *root += column;
            }
        }
    }
}

/// Messages up to this many states need no heap.
const MAX_SMALL: usize = 16;
/// As many columns as fit on the stack.
const MAX_COLUMNS: usize = 256;

fn flush(workspace: &mut Workspace) {
    for (log, column) in workspace.logs.iter_mut().zip(workspace.columns.iter_mut()) {
        *log += column.ln();
        *column = 1.0;
    }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Takes the largest value out of a message and returns it: as a factor common to all columns it cancels in the
/// posterior.
fn scale_to_one(message: &mut [f64]) -> f64 {
    let largest = message.iter().copied().fold(0.0, f64::max);
    for value in message {
        *value /= largest;
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
