/*!
Weights of evidence that add up.

The facts of a case are not independent: two sightings of one property, or two signs of one disease, say less together
than each alone. What each contributes is found on the way up the tree. Where facts meet at one variable their
messages multiply, so that their logarithms add. Where the states of a variable are summed out, the logarithm of the
sum is a mean of the logarithms,

> ln (sum of p(s) m(s)) = sum of w(s) ln m(s),

if state *s* is counted by the logarithmic mean of its probability before, *p*, and after, *q*:
w(s) is proportional to (q - p) / (ln q - ln p). These are the weights of the index of Sato and Vartia (both 1976), of
which the identity above is the purpose: it holds exactly, without any remainder. So the parts of all facts in
`ln P(evidence | root)` are such means of their logarithms, over the states between them and the root; and a fact's
weight for one root state against all others is such a mean over the others of its weight against each.

The weights do not depend on any order, a fact that separates nothing gets nothing, a fact alone gets its likelihood
ratio, and they sum to the whole change of the log odds.
*/

use std::cmp::Reverse;

use crate::engine::{Engine, Evidence, LANES, Place, Stem, Workspace, dot, log_sum_exp};
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
    /// natural units: a mean of its weights against each of them. Over the facts it sums to posterior minus prior log odds.
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

/// Buffers of an explanation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    log_likelihood: Vec<f64>,
    /// Variables to which facts are attached, or through which their messages go; children before their parents.
    sites: Vec<Site>,
    /// Facts, in the order of the evidence.
    facts: Vec<Fact>,
    /// The messages of facts at sites, one logarithm a state; of facts on the stem, one a column.
    fact_logs: Vec<f64>,
    /// The facts at sites, sorted by the site on the stem above them: that site and the fact.
    order: Vec<(usize, usize)>,
    /// How the states of sites count for each state of the site above.
    shares: Vec<f64>,
    /// How the modes count for each root state, one a column.
    mode_shares: Vec<f64>,
    /// For the facts below one site on the stem, what the states of the site make of each.
    levers: Vec<f64>,
    /// The same on the way there.
    lower: Vec<f64>,
    /// By column, for one site on the stem.
    factor: Vec<f64>,
    log_factor: Vec<f64>,
    total: Vec<f64>,
    by_column: Vec<f64>,
    /// How one state of that site counts, for each root state.
    by_root: Vec<f64>,
    rivals: Rivals,
}

/// How much the others count in what a fact weighs for one root state against all others.
#[derive(Clone, Debug, Default)]
struct Rivals {
    /// Root states, made up to a whole number of lanes.
    padded: usize,
    /// `shares[rival * padded + root]`, not normalised.
    shares: Vec<f64>,
    totals: Vec<f64>,
    /// `P(evidence | rival)` and `P(evidence | not root)`, the leader's taken as one.
    likelihood: Vec<f64>,
    rest: Vec<f64>,
    log_rest: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Site {
    variable: usize,
    states: usize,
    above: Above,
}

#[derive(Clone, Copy, Debug)]
enum Above {
    /// The site is on the stem.
    Stem(Stem),
    /// The site has another above it, whose states make rows of its shares.
    Site { site: usize, shares: usize },
}

/// Where a fact speaks, and where its message begins.
#[derive(Clone, Copy, Debug)]
enum Fact {
    /// At a site.
    Site { logs: usize, site: usize },
    /// To the columns themselves: `width` of them, for every mode the same where they are fewer.
    Columns { logs: usize, width: usize },
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
        let roots = self.roots;
        let posterior = self.posterior(evidence, workspace)?.root.clone();
        let mut scratch = std::mem::take(&mut workspace.explanation);
        self.read_log_likelihoods(workspace, &mut scratch.log_likelihood);
        let attached = self.attach(evidence, &mut scratch);
        if let Err(error) = attached {
            workspace.explanation = scratch;
            return Err(error);
        }
        let mut support = vec![0.0; evidence.items().len() * roots];
        self.share_sites(&mut scratch, workspace);
        self.share_modes(&mut scratch, workspace);
        self.support(&mut scratch, workspace, &mut support);

        let prior = &self.network().variable(self.root).table;
        let prior_log_odds = prior.iter().map(|p| p.ln() - (-p).ln_1p()).collect::<Vec<f64>>();
        scratch.rivals.count(prior, &scratch.log_likelihood);
        let posterior_log_odds = scratch.rivals.log_odds(&prior_log_odds, &scratch.log_likelihood);
        let weights = scratch.rivals.weights(&support, roots);
        workspace.explanation = scratch;
        Ok(Explanation {
            facts: evidence.items().iter().map(|item| item.0).collect(),
            posterior,
            prior_log_odds,
            posterior_log_odds,
            weights,
            support,
        })
    }

    /// Sorts the facts to the sites they speak to.
    fn attach(&self, evidence: &Evidence, scratch: &mut Scratch) -> Result<(), NetworkError> {
        let Scratch { sites, facts, order, fact_logs, .. } = scratch;
        self.lay_sites(evidence, sites);
        facts.clear();
        order.clear();
        fact_logs.clear();
        for (variable, likelihood) in evidence.items() {
            if find_site(sites, variable.index()).is_ok() {
                return Err(NetworkError::FactAboveFact(self.network().variable(*variable).name.clone()));
            }
            let node = &self.nodes[variable.index()];
            let logs = fact_logs.len();
            let fact = match node.place {
                Place::Branch { table, parent } => {
                    let site = find_site(sites, parent).unwrap_or_default();
                    let rows = &self.tables[table..table + sites[site].states * node.states];
                    fact_logs.extend(rows.chunks_exact(node.states).map(|row| dot(row, likelihood)));
                    let mut top = site;
                    while let Above::Site { site, .. } = sites[top].above {
                        top = site;
                    }
                    order.push((top, facts.len()));
                    Fact::Site { logs, site }
                }
                Place::Stem(stem) => {
                    fact_logs.resize(logs + stem.width, 0.0);
                    self.stem_factor(stem, likelihood, &mut fact_logs[logs..]);
                    Fact::Columns { logs, width: stem.width }
                }
                Place::Root => {
                    fact_logs.extend_from_slice(likelihood);
                    Fact::Columns { logs, width: self.roots }
                }
                Place::Mode => {
                    let width = self.roots * self.modes;
                    fact_logs.extend((0..width).map(|column| likelihood[column / self.roots]));
                    Fact::Columns { logs, width }
                }
            };
            facts.push(fact);
        }
        // what is impossible stays within the numbers
        for value in fact_logs.iter_mut() {
            *value = value.max(f64::MIN_POSITIVE).ln();
        }
        order.sort_unstable();
        Ok(())
    }

    fn lay_sites(&self, evidence: &Evidence, sites: &mut Vec<Site>) {
        sites.clear();
        for (variable, _) in evidence.items() {
            let mut at = variable.index();
            while let Place::Branch { parent, .. } = self.nodes[at].place {
                at = parent;
                let above = Above::Site { site: 0, shares: 0 };
                sites.push(Site { variable: at, states: self.nodes[at].states, above });
            }
        }
        sites.sort_unstable_by_key(|site| Reverse(site.variable));
        sites.dedup_by_key(|site| site.variable);
        let mut shares = 0;
        for index in 0..sites.len() {
            match self.nodes[sites[index].variable].place {
                Place::Branch { parent, .. } => {
                    let site = find_site(sites, parent).unwrap_or_default();
                    sites[index].above = Above::Site { site, shares };
                    shares += sites[index].states * sites[site].states;
                }
                Place::Stem(stem) => sites[index].above = Above::Stem(stem),
                // nothing but the stem hangs on root and mode
                Place::Root | Place::Mode => {}
            }
        }
    }

    /// How the states of each site count for each state of the site above.
    fn share_sites(&self, scratch: &mut Scratch, workspace: &Workspace) {
        let Scratch { sites, shares, .. } = scratch;
        shares.clear();
        for site in sites.iter() {
            let Place::Branch { table, parent } = self.nodes[site.variable].place else { continue };
            let message = self.message(workspace, site.variable);
            let rows = &self.tables[table..table + self.nodes[parent].states * site.states];
            for row in rows.chunks_exact(site.states) {
                let sum = dot(row, message);
                let start = shares.len();
                shares.extend(row.iter().zip(message).map(|(p, value)| {
                    let ratio = value / sum;
                    p * log_mean(ratio, ratio.ln())
                }));
                let total: f64 = shares[start..].iter().sum();
                shares[start..].iter_mut().for_each(|share| *share /= total);
            }
        }
    }

    /// How the modes count for each root state.
    fn share_modes(&self, scratch: &mut Scratch, workspace: &Workspace) {
        let Scratch { log_likelihood, mode_shares, total, .. } = scratch;
        let columns = workspace.log_columns();
        mode_shares.clear();
        total.clear();
        total.resize(self.roots, 0.0);
        for (mode, prior) in self.mode_prior.iter().enumerate() {
            for (root, total) in total.iter_mut().enumerate() {
                let log = columns(mode * self.roots + root) - log_likelihood[root];
                // a mode that is out of the question under a root state that is, too
                let log = if log.is_finite() { log } else { 0.0 };
                let share = prior * log_mean(log.exp(), log);
                *total += share;
                mode_shares.push(share);
            }
        }
        for block in mode_shares.chunks_exact_mut(self.roots) {
            block.iter_mut().zip(total.iter()).for_each(|(share, total)| *share /= total);
        }
    }

    /// Each fact's part of the log likelihood of each root state.
    fn support(&self, scratch: &mut Scratch, workspace: &Workspace, support: &mut [f64]) {
        let roots = self.roots;
        let Scratch {
            sites,
            facts,
            fact_logs,
            order,
            shares,
            mode_shares,
            levers,
            lower,
            factor,
            log_factor,
            total,
            by_column,
            by_root,
            ..
        } = scratch;
        by_root.resize(roots, 0.0);
        for (row, fact) in support.chunks_exact_mut(roots).zip(facts.iter()) {
            if let Fact::Columns { logs, width } = *fact {
                mean_over_modes(&fact_logs[logs..logs + width], mode_shares, row);
            }
        }
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let top = &sites[group[0].0];
            let Above::Stem(stem) = top.above else { continue };
            levers.clear();
            for (_, fact) in group {
                let Fact::Site { logs, mut site } = facts[*fact] else { continue };
                lower.clear();
                lower.extend_from_slice(&fact_logs[logs..logs + sites[site].states]);
                while let Above::Site { site: above, shares: start } = sites[site].above {
                    let states = sites[site].states;
                    let rows = shares[start..start + states * sites[above].states].chunks_exact(states);
                    for row in rows {
                        lower.push(dot(row, &lower[..states]));
                    }
                    lower.drain(..states);
                    site = above;
                }
                levers.extend_from_slice(lower);
            }

            let message = self.message(workspace, top.variable);
            let table = &self.tables[stem.table..stem.table + top.states * stem.width];
            factor.resize(stem.width, 0.0);
            self.stem_factor(stem, message, factor);
            log_factor.clear();
            log_factor.extend(factor.iter().map(|factor| factor.ln()));
            factor.iter_mut().for_each(|factor| *factor = 1.0 / *factor);
            by_column.resize(table.len().max(by_column.len()), 0.0);
            let by_column = &mut by_column[..table.len()];
            total.clear();
            total.resize(stem.width, 0.0);
            let runs = by_column.chunks_exact_mut(stem.width).zip(table.chunks_exact(stem.width));
            for ((own, run), value) in runs.zip(message) {
                count_state(own, total, run, *value, factor, log_factor);
            }
            for own in by_column.chunks_exact_mut(stem.width) {
                own.iter_mut().zip(total.iter()).for_each(|(share, total)| *share /= total);
            }
            for (state, own) in by_column.chunks_exact(stem.width).enumerate() {
                mean_over_modes(own, mode_shares, by_root);
                for (levers, (_, fact)) in levers.chunks_exact(top.states).zip(group) {
                    let row = &mut support[fact * roots..(fact + 1) * roots];
                    row.iter_mut().zip(by_root.iter()).for_each(|(sum, share)| *sum += levers[state] * share);
                }
            }
        }
    }
}

impl Rivals {
    /// How much each root state counts among the rivals of each other.
    fn count(&mut self, prior: &[f64], log_likelihood: &[f64]) {
        let roots = prior.len();
        self.padded = roots.next_multiple_of(LANES);
        let leader = (0..roots).max_by(|a, b| log_likelihood[*a].total_cmp(&log_likelihood[*b])).unwrap_or(0);
        let best = log_likelihood[leader];
        self.likelihood.clear();
        self.likelihood.extend(log_likelihood.iter().map(|log| (log - best).exp()));
        // what is before and what is behind each: a difference from the whole would have no digits left
        let (mut joint, mut mass) = (0.0, 0.0);
        self.rest.clear();
        self.log_rest.clear();
        for (prior, likelihood) in prior.iter().zip(&self.likelihood) {
            self.rest.push(joint);
            self.log_rest.push(mass);
            joint += prior * likelihood;
            mass += prior;
        }
        (joint, mass) = (0.0, 0.0);
        for root in (0..roots).rev() {
            let rest = (self.rest[root] + joint) / (self.log_rest[root] + mass);
            self.rest[root] = rest;
            self.log_rest[root] = rest.ln() + best;
            joint += prior[root] * self.likelihood[root];
            mass += prior[root];
        }
        // beside the leader the others may be nothing: they are measured among themselves
        let others = (0..roots).filter(|other| *other != leader);
        let masses = others.clone().map(|other| prior[other]).sum::<f64>();
        self.log_rest[leader] =
            log_sum_exp(others.map(|other| prior[other].ln() + log_likelihood[other])) - masses.ln();

        self.rest.resize(self.padded, 1.0);
        self.rest.iter_mut().for_each(|rest| *rest = 1.0 / *rest);
        self.log_rest.resize(self.padded, 0.0);
        self.totals.clear();
        self.totals.resize(self.padded, 0.0);
        self.shares.resize(roots * self.padded, 0.0);
        for (rival, shares) in self.shares.chunks_exact_mut(self.padded).enumerate() {
            let (prior, log, likelihood) = (prior[rival], log_likelihood[rival], self.likelihood[rival]);
            for ((share, rest), log_rest) in shares.iter_mut().zip(&self.rest).zip(&self.log_rest) {
                *share = prior * log_mean(likelihood * rest, log - log_rest);
            }
            let beside_leader = log - self.log_rest[leader];
            shares[leader] = prior * log_mean(beside_leader.exp(), beside_leader);
            shares[rival] = 0.0;
            self.totals.iter_mut().zip(shares.iter()).for_each(|(total, share)| *total += share);
        }
    }

    fn log_odds(&self, prior_log_odds: &[f64], log_likelihood: &[f64]) -> Vec<f64> {
        let ratios = log_likelihood.iter().zip(&self.log_rest).map(|(log, rest)| log - rest);
        prior_log_odds.iter().zip(ratios).map(|(prior, ratio)| prior + ratio).collect()
    }

    /// Each fact's weight for each root state against its rivals.
    fn weights(&self, support: &[f64], roots: usize) -> Vec<f64> {
        let mut weights = Vec::with_capacity(support.len());
        for own in support.chunks_exact(roots) {
            let start = weights.len();
            weights.extend_from_slice(own);
            let weights = &mut weights[start..];
            let blocks = weights.chunks_mut(LANES).zip(self.totals.chunks_exact(LANES)).enumerate();
            for (block, (weights, totals)) in blocks {
                let mut sums = [0.0; LANES];
                for (value, shares) in own.iter().zip(self.shares.chunks_exact(self.padded)) {
                    let shares = &shares[block * LANES..(block + 1) * LANES];
                    sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += value * share);
                }
                for ((weight, sum), total) in weights.iter_mut().zip(sums).zip(totals) {
                    *weight -= sum / total;
                }
            }
        }
        weights
    }
}

/// The logarithmic mean of 1 and `ratio`, whose logarithm is `log`.
#[inline]
fn log_mean(ratio: f64, log: f64) -> f64 {
    // the quotient has no digits left near one
    const NEAR: f64 = 1e-3;
    let series = 1.0 + log * (1.0 / 2.0 + log * (1.0 / 6.0 + log * (1.0 / 24.0 + log * (1.0 / 120.0))));
    let quotient = (ratio - 1.0) / log;
    if log.abs() < NEAR { series } else { quotient }
}

/// How a state of a site on the stem counts in each column, given what the reciprocals of the site's factors and their
/// logarithms are; added to the total of all states.
fn count_state(
    shares: &mut [f64],
    total: &mut [f64],
    run: &[f64],
    message: f64,
    reciprocal: &[f64],
    log_factor: &[f64],
) {
    let log_message = message.ln();
    let columns = run.iter().zip(reciprocal).zip(log_factor);
    for ((share, total), ((p, reciprocal), log)) in shares.iter_mut().zip(total).zip(columns) {
        *share = p * log_mean(message * reciprocal, log_message - log);
        *total += *share;
    }
}

/// The mean over the modes of something that the columns have; where all modes have the same, that.
fn mean_over_modes(by_column: &[f64], mode_shares: &[f64], by_root: &mut [f64]) {
    let roots = by_root.len();
    if by_column.len() == roots {
        by_root.copy_from_slice(by_column);
        return;
    }
    by_root.fill(0.0);
    for (block, shares) in by_column.chunks_exact(roots).zip(mode_shares.chunks_exact(roots)) {
        for ((sum, value), share) in by_root.iter_mut().zip(block).zip(shares) {
            *sum += value * share;
        }
    }
}

/// Sites stand from the last variable to the first.
fn find_site(sites: &[Site], variable: usize) -> Result<usize, usize> {
    sites.binary_search_by(|site| variable.cmp(&site.variable))
}
