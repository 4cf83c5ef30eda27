//! The real network, read by another exact engine, and how exact the explanation is on real cases.
//!
//! The comparison runs where `APATITE_ORACLE` is set, with the interpreter `APATITE_PYTHON` (else `python3`), which
//! needs the packages of `tests/oracle/requirements.txt`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use apatite_case::{Format, Policy, read};
use apatite_knowledge::{Folder, Knowledge};
use apatite_network::{Evidence, Network, VariableId, Workspace, to_bif, to_xmlbif};
use apatite_reason::{Model, counts_of};
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::read(&Folder::embedded()).unwrap());
static MODEL: LazyLock<Model> =
    LazyLock::new(|| Model::new(&KNOWLEDGE, "consultation", &counts_of(&KNOWLEDGE.learned)).unwrap());

const QUERIES: usize = 240;
const MOST_FACTS: usize = 40;
const SEED: u64 = 0x0A9A_717E;

#[test]
fn another_exact_engine_finds_the_same_posteriors() {
    if std::env::var_os("APATITE_ORACLE").is_none() {
        eprintln!("not compared with pyAgrum: APATITE_ORACLE is not set");
        return;
    }
    let network = MODEL.engine().network();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    std::fs::create_dir_all(&folder).unwrap();
    let queries = folder.join("queries.jsonl");
    std::fs::write(&queries, random_queries(network)).unwrap();
    for (file, text) in [
        ("network.xmlbif", to_xmlbif(network, "apatite", &[])),
        ("network.bif", to_bif(network, "apatite", &[])),
    ] {
        let path = folder.join(file);
        std::fs::write(&path, text).unwrap();
        compare(&path, &queries);
    }
}

/// The weights of all facts add up to the change of the log odds on real cases, without anything left to share out.
#[test]
fn weights_of_published_cases_add_up() {
    let mut workspace = Workspace::default();
    let mut facts = 0;
    for (path, text) in &KNOWLEDGE.cases {
        let case = read(text, Format::Toml, &KNOWLEDGE, Policy::Default).case;
        let evidence = MODEL.evidence(&case, &KNOWLEDGE).evidence;
        let explanation = MODEL.engine().explain(&evidence, &mut workspace).unwrap();
        for root in 0..MODEL.engine().roots() {
            let sum: f64 = (0..explanation.facts.len()).map(|fact| explanation.weight(fact, root)).sum();
            let whole = explanation.posterior_log_odds[root] - explanation.prior_log_odds[root];
            assert!((sum - whole).abs() < 1e-9, "{path}, root {root}: {sum} of {whole}");
        }
        facts += explanation.facts.len();
    }
    assert!(facts > 1000, "too few cases to tell");
}

fn compare(network: &Path, queries: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = std::env::var_os("APATITE_PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(python)
        .arg(root.join("tests/oracle/posteriors.py"))
        .args([network, queries])
        .output()
        .expect("the interpreter starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{complaint}", network.display());
    // that many were compared, and none left out
    assert!(said.starts_with(&format!("{QUERIES} of {QUERIES} queries agree")), "{said}");
    eprint!("{}: {said}", network.display());
}

/// Evidence as cases give it, on what can be observed: variables with nothing below them.
fn random_queries(network: &Network) -> String {
    let mut has_children = vec![false; network.variables().len()];
    for variable in network.variables() {
        for parent in &variable.parents {
            has_children[parent.index()] = true;
        }
    }
    let leaves = network
        .variables()
        .iter()
        .enumerate()
        .filter(|(index, _)| !has_children[*index])
        .map(|(_, variable)| network.find(&variable.name).unwrap())
        .collect::<Vec<_>>();
    // what every case tells comes more often than one variable of many would
    let told = ["age", "sex", "site"].map(|name| network.find(name).unwrap());
    assert!(told.iter().all(|id| leaves.contains(id)));

    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut workspace = Workspace::default();
    let mut lines = String::new();
    for _ in 0..QUERIES {
        let wanted = random.random_range(1..=MOST_FACTS);
        let mut chosen = told.iter().copied().filter(|_| random.random_bool(0.5)).collect::<Vec<_>>();
        chosen.extend(leaves.sample(&mut random, wanted));
        chosen.sort();
        chosen.dedup();
        chosen.shuffle(&mut random);
        chosen.truncate(wanted);
        let mut evidence = Evidence::new();
        for id in chosen {
            evidence.add(id, random_likelihood(network, id, &mut random));
        }
        let posterior = MODEL.engine().posterior(&evidence, &mut workspace).unwrap();
        let items = evidence
            .items()
            .iter()
            .map(|(id, likelihood)| (&network.variable(*id).name, likelihood))
            .collect::<Vec<_>>();
        let query = json!({ "root": "diagnosis", "evidence": items, "posterior": posterior.root });
        writeln!(lines, "{query}").unwrap();
    }
    lines
}

/// One state, some of the states, or a likelihood for each.
fn random_likelihood(network: &Network, id: VariableId, random: &mut ChaCha8Rng) -> Vec<f64> {
    let states = network.variable(id).states.len();
    let mut likelihood = vec![0.0; states];
    match random.next_u32() % 4 {
        0 => likelihood.iter_mut().for_each(|value| *value = random.random_range(0.01..1.0)),
        1 => {
            likelihood.iter_mut().for_each(|value| *value = f64::from(u8::from(random.random_bool(0.5))));
            likelihood[random.random_range(0..states)] = 1.0;
        }
        _ => likelihood[random.random_range(0..states)] = 1.0,
    }
    likelihood
}
