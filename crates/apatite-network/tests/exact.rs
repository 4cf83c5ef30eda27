//! The engine against enumeration of every joint state, on random networks of the shape it accepts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apatite_network::{Engine, Evidence, Network, Prediction, VariableId, Workspace};
use proptest::prelude::*;

/// A random network: root, mode, variables on the stem, variables below them; and evidence on some leaves.
#[derive(Clone, Debug)]
struct Problem {
    network: Network,
    root: VariableId,
    mode: VariableId,
    evidence: Evidence,
}

fn states(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("s{index}")).collect()
}

fn problem() -> impl Strategy<Value = Problem> {
    let node = (2usize..4, any::<u16>(), any::<bool>(), 0u8..4);
    (2usize..5, prop::collection::vec(node, 1..7), any::<u64>()).prop_map(|(roots, nodes, seed)| {
        let mut random = Random(seed);
        let mut network = Network::default();
        let root = network.add("root", states(roots), vec![], random.table(1, roots)).unwrap();
        let mode = network.add("mode", states(2), vec![], random.table(1, 2)).unwrap();
        let mut inner: Vec<(VariableId, usize)> = vec![];
        let mut has_children = vec![];
        for (index, (count, pick, with_mode, kind)) in nodes.iter().enumerate() {
            let (parents, rows) = match kind {
                0 if !inner.is_empty() => {
                    let chosen = usize::from(*pick) % inner.len();
                    has_children.push(inner[chosen].0);
                    (vec![inner[chosen].0], inner[chosen].1)
                }
                3 if !inner.is_empty() => {
                    let (parent, parent_states) = *inner.last().unwrap();
                    has_children.push(parent);
                    (vec![parent], parent_states)
                }
                _ if *with_mode => (vec![root, mode], roots * 2),
                _ => (vec![root], roots),
            };
            let table = random.table(rows, *count);
            let id = network.add(format!("v{index}"), states(*count), parents, table).unwrap();
            inner.push((id, *count));
        }
        let mut evidence = Evidence::new();
        for (id, count) in inner.iter().filter(|(id, _)| !has_children.contains(id)) {
            match random.next() % 3 {
                0 => {}
                1 => evidence.add_state(*id, (random.next() % *count as u64) as usize, *count),
                _ => evidence.add(*id, (0..*count).map(|_| random.unit()).collect()),
            }
        }
        Problem { network, root, mode, evidence }
    })
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) ^ (self.0 >> 17)
    }

    fn unit(&mut self) -> f64 {
        (self.next() % 1000 + 1) as f64 / 1001.0
    }

    fn table(&mut self, rows: usize, states: usize) -> Vec<f64> {
        let mut table = Vec::new();
        for _ in 0..rows {
            let row = (0..states).map(|_| self.unit()).collect::<Vec<_>>();
            let sum: f64 = row.iter().sum();
            table.extend(row.iter().map(|p| p / sum));
        }
        table
    }
}

/// `P(root, evidence)` by the sum over every joint state.
fn enumerate(problem: &Problem) -> Vec<f64> {
    let variables = problem.network.variables();
    let mut joint = vec![0.0; variables[problem.root.index()].states.len()];
    let mut assignment = vec![0usize; variables.len()];
    loop {
        let mut p = 1.0;
        for (index, variable) in variables.iter().enumerate() {
            let row = variable.parents.iter().fold(0, |row, parent| {
                row * variables[parent.index()].states.len() + assignment[parent.index()]
            });
            p *= variable.table[row * variable.states.len() + assignment[index]];
        }
        for (variable, likelihood) in problem.evidence.items() {
            p *= likelihood[assignment[variable.index()]];
        }
        joint[assignment[problem.root.index()]] += p;
        let mut position = 0;
        loop {
            if position == variables.len() {
                return joint;
            }
            assignment[position] += 1;
            if assignment[position] < variables[position].states.len() {
                break;
            }
            assignment[position] = 0;
            position += 1;
        }
    }
}

fn engine(problem: &Problem) -> Engine {
    Engine::new(problem.network.clone(), problem.root, Some(problem.mode)).unwrap()
}

proptest! {
    #[test]
    fn posterior_is_that_of_enumeration(problem in problem()) {
        let joint = enumerate(&problem);
        let total: f64 = joint.iter().sum();
        let engine = engine(&problem);
        let mut workspace = Workspace::default();
        let logs = engine.log_likelihoods(&problem.evidence, &mut workspace).unwrap();
        let posterior = engine.posterior(&problem.evidence, &mut workspace).unwrap();
        for (root, joint) in joint.iter().enumerate() {
            prop_assert!((posterior.root[root] - joint / total).abs() < 1e-12);
            let prior = problem.network.variable(problem.root).table[root];
            prop_assert!((logs[root] - (joint / prior).ln()).abs() < 1e-10);
        }
    }

    #[test]
    fn weights_add_up_and_leave_nothing(problem in problem()) {
        let engine = engine(&problem);
        let mut workspace = Workspace::default();
        let explanation = engine.explain(&problem.evidence, &mut workspace).unwrap();
        let posterior = engine.posterior(&problem.evidence, &mut workspace).unwrap();
        for root in 0..engine.roots() {
            let p = posterior.root[root];
            prop_assert!((explanation.posterior[root] - p).abs() < 1e-12);
            let whole = (p / (1.0 - p)).ln() - explanation.prior_log_odds[root];
            let sum: f64 = (0..explanation.facts.len()).map(|fact| explanation.weight(fact, root)).sum();
            if !explanation.facts.is_empty() {
                prop_assert!((sum - whole).abs() < 1e-9, "{sum} {whole}");
            }
        }
    }

    #[test]
    fn support_is_the_whole_likelihood_and_weights_lie_between_the_rivals(problem in problem()) {
        let engine = engine(&problem);
        let mut workspace = Workspace::default();
        let explanation = engine.explain(&problem.evidence, &mut workspace).unwrap();
        let logs = engine.log_likelihoods(&problem.evidence, &mut workspace).unwrap();
        let facts = 0..explanation.facts.len();
        for (root, log) in logs.iter().enumerate() {
            let sum: f64 = facts.clone().map(|fact| explanation.support[fact * engine.roots() + root]).sum();
            prop_assert!((sum - log).abs() < 1e-9, "{sum} {log}");
            for fact in facts.clone() {
                let against = (0..engine.roots())
                    .filter(|rival| *rival != root)
                    .map(|rival| explanation.weight_between(fact, root, rival))
                    .collect::<Vec<_>>();
                let least = against.iter().copied().fold(f64::INFINITY, f64::min);
                let most = against.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weight = explanation.weight(fact, root);
                prop_assert!(weight > least - 1e-9 && weight < most + 1e-9, "{least} {weight} {most}");
            }
        }
    }

    #[test]
    fn a_fact_that_separates_nothing_weighs_nothing(problem in problem(), p in 0.01f64..0.99) {
        let mut problem = problem;
        let roots = problem.network.variable(problem.root).states.len();
        let table = [1.0 - p, p].repeat(roots);
        let hidden = problem.network.add("hidden", states(2), vec![problem.root], table).unwrap();
        let seen = problem.network.add("seen", states(2), vec![hidden], vec![0.9, 0.1, 0.2, 0.8]).unwrap();
        problem.evidence.add_state(seen, 1, 2);
        let explanation = engine(&problem).explain(&problem.evidence, &mut Workspace::default()).unwrap();
        let fact = explanation.facts.iter().position(|fact| *fact == seen).unwrap();
        for root in 0..roots {
            prop_assert!(explanation.weight(fact, root).abs() < 1e-12);
        }
    }

    #[test]
    fn one_fact_alone_weighs_its_likelihood_ratio(problem in problem()) {
        let engine = engine(&problem);
        let mut workspace = Workspace::default();
        for (variable, likelihood) in problem.evidence.items() {
            let mut alone = Evidence::new();
            alone.add(*variable, likelihood.clone());
            let explanation = engine.explain(&alone, &mut workspace).unwrap();
            let logs = engine.log_likelihoods(&alone, &mut workspace).unwrap();
            let between = explanation.weight_between(0, 0, 1);
            prop_assert!((between - (logs[0] - logs[1])).abs() < 1e-9);
        }
    }

    #[test]
    fn order_and_removal_do_not_matter(problem in problem()) {
        let engine = engine(&problem);
        let mut workspace = Workspace::default();
        let whole = engine.posterior(&problem.evidence, &mut workspace).unwrap().clone();
        let mut backwards = Evidence::new();
        for (variable, likelihood) in problem.evidence.items().iter().rev() {
            backwards.add(*variable, likelihood.clone());
        }
        prop_assert_eq!(engine.posterior(&backwards, &mut workspace).unwrap(), &whole);
        for (variable, likelihood) in problem.evidence.items() {
            let mut changed = problem.evidence.clone();
            changed.remove(*variable);
            engine.posterior(&changed, &mut workspace).unwrap();
            changed.add(*variable, likelihood.clone());
            prop_assert_eq!(engine.posterior(&changed, &mut workspace).unwrap(), &whole);
        }
    }

    #[test]
    fn prediction_is_a_distribution_that_agrees_with_bayes(problem in problem()) {
        let engine = engine(&problem);
        let mut workspace = Workspace::default();
        let columns = engine.roots() * engine.modes();
        for (index, variable) in problem.network.variables().iter().enumerate() {
            let id = problem.network.find(&variable.name).unwrap();
            let known = problem.evidence.items().iter().any(|item| item.0 == id);
            if id == problem.root || id == problem.mode || known {
                continue;
            }
            let Prediction { runs, width } = engine.predict(id, &problem.evidence, &mut workspace).unwrap();
            for column in 0..width {
                let sum: f64 = runs.iter().skip(column).step_by(width).sum();
                prop_assert!((sum - 1.0).abs() < 1e-12, "variable {index}");
            }
            let posterior = engine.posterior(&problem.evidence, &mut workspace).unwrap().clone();
            let mut with = problem.clone();
            with.evidence.add_state(id, 0, variable.states.len());
            let ratio = enumerate(&with).iter().sum::<f64>() / enumerate(&problem).iter().sum::<f64>();
            let expected: f64 = (0..columns).map(|column| posterior.columns[column] * runs[column % width]).sum();
            prop_assert!((ratio - expected).abs() < 1e-12, "variable {index}");
        }
    }
}

#[test]
fn long_products_do_not_underflow() {
    let mut network = Network::default();
    let root = network.add("root", states(2), vec![], vec![0.5, 0.5]).unwrap();
    let mut evidence = Evidence::new();
    for index in 0..2000 {
        let table = vec![1.0 - 1e-6, 1e-6, 1.0 - 2e-6, 2e-6];
        let id = network.add(format!("v{index}"), states(2), vec![root], table).unwrap();
        evidence.add_state(id, usize::from(index % 2 == 0), 2);
    }
    let engine = Engine::new(network, root, None).unwrap();
    let logs = engine.log_likelihoods(&evidence, &mut Workspace::default()).unwrap();
    let expected = 1000.0 * (2f64.ln() + ((1.0 - 2e-6) / (1.0 - 1e-6f64)).ln());
    assert!((logs[1] - logs[0] - expected).abs() < 1e-8);
}

#[test]
fn a_parent_outside_the_tree_is_refused() {
    let mut network = Network::default();
    let root = network.add("root", states(2), vec![], vec![0.5, 0.5]).unwrap();
    let a = network.add("a", states(2), vec![root], vec![0.5, 0.5, 0.5, 0.5]).unwrap();
    let b = network.add("b", states(2), vec![root], vec![0.5, 0.5, 0.5, 0.5]).unwrap();
    network.add("c", states(2), vec![a, b], vec![0.5; 8]).unwrap();
    assert!(Engine::new(network, root, None).is_err());
}
