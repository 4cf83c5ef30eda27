/*!
Weights of evidence that add up.

The facts of a case are not independent, so what one of them contributes depends on which others are counted before
it. We let all facts come in together, gradually: at time *t* between 0 and 1 every fact's likelihood is raised to
the power *t*, and a fact's weight is the integral over *t* of the rate at which it moves the log odds. This is the
Aumann-Shapley value: it does not depend on any order, a fact that separates nothing gets exactly nothing, and the
weights sum to the whole change of the log odds. The integral is taken by Gauss-Legendre quadrature, and what the
quadrature leaves is shared in proportion to the weights, so that the sum is exact.
*/

use crate::engine::{Engine, Evidence, Place, Workspace, dot, log_sum_exp};
use crate::network::{NetworkError, VariableId};

/// How every fact moves every state of the root. Facts stand in the order of [`Evidence::items`].
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Variables of the facts.
    pub facts: Vec<VariableId>,
    /// `P(root | evidence)`.
    pub posterior: Vec<f64>,
    /// Log odds of each root state before any fact, in natural units.
    pub prior_log_odds: Vec<f64>,
    /// Log odds of each root state after all facts, in natural units.
    pub posterior_log_odds: Vec<f64>,
    /// `weights[fact * roots + root]`: weight of evidence of the fact for that root state against all others, in
    /// natural units; over the facts it sums to posterior minus prior log odds.
    pub weights: Vec<f64>,
    /// `support[fact * roots + root]`: the fact's part of `ln P(evidence | root)`. The difference of two root states
    /// sums over the facts to their log likelihood ratio.
    pub support: Vec<f64>,
}

impl Explanation {
    /// Weight of `fact` for `root` against all others, in natural units.
    #[must_use]
    pub fn weight(&self, fact: usize, root: usize) -> f64 {
        self.weights[fact * self.posterior.len() + root]
    }

    /// Weight of `fact` for root state `a` against root state `b`, in natural units.
    #[must_use]
    pub fn weight_between(&self, fact: usize, a: usize, b: usize) -> f64 {
        let roots = self.posterior.len();
        self.support[fact * roots + a] - self.support[fact * roots + b]
    }
}

/// Turing's unit: ten times the decimal logarithm of the odds.
#[must_use]
pub fn natural_to_decibans(natural: f64) -> f64 {
    natural * 10.0 / std::f64::consts::LN_10
}

/// Nodes and weights of the Gauss-Legendre quadrature on [0, 1].
const QUADRATURE: [(f64, f64); 6] = [
    (0.033_765_242_898_423_99, 0.085_662_246_189_585_17),
    (0.169_395_306_766_867_75, 0.180_380_786_524_069_3),
    (0.380_690_406_958_401_56, 0.233_956_967_286_345_52),
    (0.619_309_593_041_598_5, 0.233_956_967_286_345_52),
    (0.830_604_693_233_132_2, 0.180_380_786_524_069_3),
    (0.966_234_757_101_576, 0.085_662_246_189_585_17),
];

/// A variable to which facts are attached, or through which their messages go.
struct Site {
    states: usize,
    /// Sum of the logarithms of the messages of the facts attached here.
    log_message: Vec<f64>,
    parent: Parent,
    /// Tempered message to the columns' side at the present time, one a state.
    message: Vec<f64>,
    /// For a site on the stem: `P(state | column)` under the tempered evidence, a run of columns for each state.
    by_column: Vec<f64>,
    /// Integrals over time of `P(state | root)`, and of the same less its mean over the rivals.
    integral: Vec<f64>,
    contrast: Vec<f64>,
}

enum Parent {
    Stem { table: usize },
    Site { site: usize, table: usize },
}

/// Where a fact speaks.
enum Attachment {
    /// To a site, with the logarithm of its message.
    Site { site: usize, log_message: Vec<f64> },
    /// To the columns themselves.
    Columns { log_message: Vec<f64>, integral: Vec<f64>, contrast: Vec<f64> },
}

impl Engine {
    /// Decomposes the answer into what each fact contributes.
    ///
    /// # Errors
    /// As [`Engine::posterior`]; and [`NetworkError::FactAboveFact`] where one fact stands on an ancestor of another.
    pub fn explain(
        &self,
        evidence: &Evidence,
        workspace: &mut Workspace,
    ) -> Result<Explanation, NetworkError> {
        let log_likelihood = self.log_likelihoods(evidence, workspace)?;
        let roots = self.roots;
        let prior = &self.network().variable(self.root).table;
        let joint = |states: &mut dyn Iterator<Item = usize>| {
            let terms = states.map(|root| prior[root].ln() + log_likelihood[root]).collect::<Vec<f64>>();
            log_sum_exp(terms.into_iter())
        };
        let total = joint(&mut (0..roots));
        let posterior = (0..roots)
            .map(|root| (prior[root].ln() + log_likelihood[root] - total).exp())
            .collect::<Vec<f64>>();
        let prior_log_odds = prior.iter().map(|p| p.ln() - (-p).ln_1p()).collect::<Vec<f64>>();
        let posterior_log_odds = (0..roots)
            .map(|root| {
                prior[root].ln() + log_likelihood[root]
                    - joint(&mut (0..roots).filter(|other| *other != root))
            })
            .collect::<Vec<f64>>();

        let (mut sites, mut attachments) = self.attach(evidence)?;
        for (time, weight) in QUADRATURE {
            self.advance(&mut sites, &mut attachments, time, weight, workspace);
        }

        let facts = evidence.items().iter().map(|item| item.0).collect::<Vec<_>>();
        let mut weights = Vec::with_capacity(facts.len() * roots);
        let mut support = Vec::with_capacity(facts.len() * roots);
        for attachment in &attachments {
            match attachment {
                Attachment::Columns { integral, contrast, .. } => {
                    support.extend_from_slice(integral);
                    weights.extend_from_slice(contrast);
                }
                Attachment::Site { site, log_message } => {
                    let site = &sites[*site];
                    let start = weights.len();
                    weights.resize(start + roots, 0.0);
                    support.resize(start + roots, 0.0);
                    for (state, log) in log_message.iter().enumerate() {
                        for root in 0..roots {
                            support[start + root] += log * site.integral[state * roots + root];
                            weights[start + root] += log * site.contrast[state * roots + root];
                        }
                    }
                }
            }
        }
        for root in 0..roots {
            share_remainder(&mut weights, roots, root, posterior_log_odds[root] - prior_log_odds[root]);
            share_remainder(&mut support, roots, root, log_likelihood[root]);
        }
        Ok(Explanation { facts, posterior, prior_log_odds, posterior_log_odds, weights, support })
    }

    /// Sorts the facts to the sites they speak to. Sites stand with parents behind their children.
    fn attach(&self, evidence: &Evidence) -> Result<(Vec<Site>, Vec<Attachment>), NetworkError> {
        let mut site_variables = Vec::new();
        for (variable, _) in evidence.items() {
            let mut at = variable.index();
            while let Place::Branch { parent, .. } = self.nodes[at].place {
                site_variables.push(parent);
                at = parent;
            }
        }
        site_variables.sort_unstable_by(|a, b| b.cmp(a));
        site_variables.dedup();
        let position = |variable: usize| {
            site_variables.binary_search_by(|probe| variable.cmp(probe)).unwrap_or_default()
        };
        if let Some((variable, _)) =
            evidence.items().iter().find(|(variable, _)| site_variables.contains(&variable.index()))
        {
            return Err(NetworkError::FactAboveFact(self.network().variable(*variable).name.clone()));
        }

        let columns = self.roots * self.modes;
        let mut sites = site_variables
            .iter()
            .map(|variable| {
                let node = &self.nodes[*variable];
                let parent = match node.place {
                    Place::Branch { table, parent } => Parent::Site { site: position(parent), table },
                    Place::Stem { table } => Parent::Stem { table },
                    Place::Root | Place::Mode => Parent::Stem { table: 0 },
                };
                Site {
                    states: node.states,
                    log_message: vec![0.0; node.states],
                    message: vec![1.0; node.states],
                    by_column: vec![
                        0.0;
                        if matches!(parent, Parent::Stem { .. }) {
                            node.states * columns
                        } else {
                            0
                        }
                    ],
                    integral: vec![0.0; node.states * self.roots],
                    contrast: vec![0.0; node.states * self.roots],
                    parent,
                }
            })
            .collect::<Vec<_>>();
        let attachments = evidence
            .items()
            .iter()
            .map(|(variable, likelihood)| {
                let node = &self.nodes[variable.index()];
                let (site, log_message) = match node.place {
                    Place::Branch { table, parent } => {
                        let rows = self.tables[table..table + self.nodes[parent].states * node.states]
                            .chunks(node.states);
                        (parent, rows.map(|row| dot(row, likelihood).ln()).collect::<Vec<f64>>())
                    }
                    Place::Stem { table } => {
                        let log_message = (0..columns)
                            .map(|column| {
                                let sum: f64 = likelihood
                                    .iter()
                                    .enumerate()
                                    .map(|(state, value)| {
                                        value * self.tables[table + state * columns + column]
                                    })
                                    .sum();
                                sum.ln()
                            })
                            .collect();
                        return Attachment::columns(log_message, self.roots);
                    }
                    Place::Root => {
                        let log_message =
                            (0..columns).map(|column| likelihood[column % self.roots].ln()).collect();
                        return Attachment::columns(log_message, self.roots);
                    }
                    Place::Mode => {
                        let log_message =
                            (0..columns).map(|column| likelihood[column / self.roots].ln()).collect();
                        return Attachment::columns(log_message, self.roots);
                    }
                };
                let site = position(site);
                for (sum, log) in sites[site].log_message.iter_mut().zip(&log_message) {
                    *sum += log;
                }
                Attachment::Site { site, log_message }
            })
            .collect();
        Ok((sites, attachments))
    }

    /// Adds the contribution of one node of the quadrature to the integrals.
    fn advance(
        &self,
        sites: &mut [Site],
        attachments: &mut [Attachment],
        time: f64,
        quadrature_weight: f64,
        workspace: &mut Workspace,
    ) {
        let columns = self.roots * self.modes;
        let logs = &mut workspace.logs;
        logs.clear();
        logs.resize(columns, 0.0);
        for attachment in attachments.iter() {
            if let Attachment::Columns { log_message, .. } = attachment {
                for (log, message) in logs.iter_mut().zip(log_message) {
                    *log += message;
                }
            }
        }
        for log in logs.iter_mut() {
            *log *= time;
        }
        let products = &mut workspace.columns;
        products.clear();
        products.resize(columns, 1.0);

        // upwards: tempered messages
        for site in sites.iter_mut() {
            for (message, log) in site.message.iter_mut().zip(&site.log_message) {
                *message = (time * log).exp();
            }
        }
        let mut factors = 0;
        for index in 0..sites.len() {
            let (before, rest) = sites.split_at_mut(index + 1);
            let site = &mut before[index];
            match site.parent {
                Parent::Site { site: parent, table } => {
                    let rows = self.tables[table..].chunks(site.states);
                    for (up, row) in rest[parent - index - 1].message.iter_mut().zip(rows) {
                        *up *= dot(row, &site.message);
                    }
                }
                Parent::Stem { table } => {
                    let sums = &mut workspace.messages;
                    sums.clear();
                    sums.resize(columns, 0.0);
                    for state in 0..site.states {
                        let run = &self.tables[table + state * columns..table + (state + 1) * columns];
                        let weighted = &mut site.by_column[state * columns..(state + 1) * columns];
                        let value = site.message[state];
                        for ((w, p), sum) in weighted.iter_mut().zip(run).zip(sums.iter_mut()) {
                            *w = value * p;
                            *sum += *w;
                        }
                    }
                    for (product, sum) in products.iter_mut().zip(sums.iter_mut()) {
                        *product *= *sum;
                        *sum = 1.0 / *sum;
                    }
                    for state in 0..site.states {
                        let weighted = &mut site.by_column[state * columns..(state + 1) * columns];
                        for (w, reciprocal) in weighted.iter_mut().zip(sums.iter()) {
                            *w *= reciprocal;
                        }
                    }
                    factors += 1;
                    if factors % FLUSH_EVERY == 0 {
                        for (log, product) in logs.iter_mut().zip(products.iter_mut()) {
                            *log += product.ln();
                            *product = 1.0;
                        }
                    }
                }
            }
        }

        // the columns
        for ((log, product), prior) in logs.iter_mut().zip(products.iter()).zip(&self.prior) {
            *log += (product * prior).ln();
        }
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (product, log) in products.iter_mut().zip(logs.iter()) {
            *product = (log - largest).exp();
        }
        let total: f64 = products.iter().sum();
        let mut root_probability = vec![0.0; self.roots];
        for (column, product) in products.iter_mut().enumerate() {
            *product /= total;
            root_probability[column % self.roots] += *product;
        }
        // P(mode | root), where the root itself is out of reach its prior
        for (column, product) in products.iter_mut().enumerate() {
            let root = root_probability[column % self.roots];
            *product = if root > f64::MIN_POSITIVE {
                *product / root
            } else {
                self.prior[column] / self.network().variable(self.root).table[column % self.roots]
            };
        }
        let mode_given_root = &*products;
        let leader =
            (0..self.roots).max_by(|a, b| root_probability[*a].total_cmp(&root_probability[*b])).unwrap_or(0);

        // downwards: P(state | root), and its contrast with the rivals
        let mut by_root = vec![0.0; self.roots];
        for attachment in attachments.iter_mut() {
            if let Attachment::Columns { log_message, integral, contrast } = attachment {
                mix(&mut by_root, log_message, mode_given_root);
                accumulate(&by_root, &root_probability, leader, quadrature_weight, integral, contrast);
            }
        }
        for index in (0..sites.len()).rev() {
            let (children, parents) = sites.split_at_mut(index + 1);
            let site = &mut children[index];
            if let Parent::Site { site: parent, table } = site.parent {
                let parent = &parents[parent - index - 1];
                site.by_column.clear();
                site.by_column.resize(site.states * columns, 0.0);
                for parent_state in 0..parent.states {
                    let row = &self.tables
                        [table + parent_state * site.states..table + (parent_state + 1) * site.states];
                    let total = dot(row, &site.message);
                    let above = &parent.by_column[parent_state * columns..(parent_state + 1) * columns];
                    for (state, (p, message)) in row.iter().zip(&site.message).enumerate() {
                        let share = p * message / total;
                        let own = &mut site.by_column[state * columns..(state + 1) * columns];
                        for (own, above) in own.iter_mut().zip(above) {
                            *own += share * above;
                        }
                    }
                }
            }
            for state in 0..site.states {
                mix(&mut by_root, &site.by_column[state * columns..(state + 1) * columns], mode_given_root);
                let range = state * self.roots..(state + 1) * self.roots;
                accumulate(
                    &by_root,
                    &root_probability,
                    leader,
                    quadrature_weight,
                    &mut site.integral[range.clone()],
                    &mut site.contrast[range],
                );
            }
        }
    }
}

/// Products of so many tempered factors stay within a double's exponents.
const FLUSH_EVERY: usize = 24;

impl Attachment {
    fn columns(log_message: Vec<f64>, roots: usize) -> Self {
        Self::Columns { log_message, integral: vec![0.0; roots], contrast: vec![0.0; roots] }
    }
}

/// Mean over the modes.
fn mix(by_root: &mut [f64], by_column: &[f64], mode_given_root: &[f64]) {
    let roots = by_root.len();
    by_root.fill(0.0);
    for (values, weights) in by_column.chunks(roots).zip(mode_given_root.chunks(roots)) {
        for ((sum, value), weight) in by_root.iter_mut().zip(values).zip(weights) {
            *sum += value * weight;
        }
    }
}

/// Adds `weight * value` to the integrals and `weight * (value - mean of the rivals' values)` to the contrasts.
fn accumulate(
    values: &[f64],
    probability: &[f64],
    leader: usize,
    weight: f64,
    integral: &mut [f64],
    contrast: &mut [f64],
) {
    let mean = dot(values, probability);
    for (((value, p), integral), contrast) in
        values.iter().zip(probability).zip(integral).zip(contrast.iter_mut())
    {
        *integral += weight * value;
        if *p < 0.5 {
            *contrast += weight * (value - mean) / (1.0 - p);
        }
    }
    // near certainty that quotient loses all digits: sum over the rivals instead
    if probability[leader] >= 0.5 {
        let (mut rivals, mut mass) = (0.0, 0.0);
        for (root, (value, p)) in values.iter().zip(probability).enumerate() {
            if root != leader {
                rivals += value * p;
                mass += p;
            }
        }
        if mass > 0.0 {
            contrast[leader] += weight * (values[leader] - rivals / mass);
        }
    }
}

fn share_remainder(values: &mut [f64], roots: usize, root: usize, whole: f64) {
    let (mut sum, mut size) = (0.0, 0.0);
    for row in values.chunks(roots) {
        sum += row[root];
        size += row[root].abs();
    }
    if size > 0.0 {
        let excess = (whole - sum) / size;
        for row in values.chunks_mut(roots) {
            row[root] += excess * row[root].abs();
        }
    }
}
