//! Writes the network and one query in forms that other engines read, and times the query here, so that
//! `tests/oracle/benchmark.py` compares both in one run: `cargo bench -p apatite-reason --bench oracle -- --to FOLDER`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod common;

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use apatite_network::{Workspace, to_xmlbif};
use common::{Bench, bench};
use serde_json::json;

const BATCHES: usize = 1001;
/// A batch is short beside a time slice of the scheduler, so that most are not interrupted.
const BATCH_SECONDS: f64 = 2e-4;

fn main() {
    let Bench { model, cases, chosen, evidence, .. } = bench();
    let engine = model.engine();
    let mut workspace = Workspace::default();
    let root = engine.posterior(&evidence, &mut workspace).unwrap().root.clone();
    let variables = engine.network().variables();
    let posterior = microseconds(|| engine.posterior(black_box(&evidence), &mut workspace).unwrap().root[0]);
    let explanation =
        microseconds(|| engine.explain(black_box(&evidence), &mut workspace).unwrap().weights[0]);
    let items = evidence.items().iter().map(|(id, likelihood)| (&variables[id.index()].name, likelihood));
    let report = json!({
        "case": cases[chosen].id,
        "root": variables[engine.root().index()].name,
        "variables": variables.len(),
        "states": engine.roots(),
        "facts": evidence.items().len(),
        "evidence": items.collect::<Vec<_>>(),
        "posterior": root,
        "posterior_us": { "median": posterior[0], "fast": posterior[1] },
        "explanation_us": { "median": explanation[0], "fast": explanation[1] },
    });
    let mut arguments = std::env::args().skip_while(|argument| argument != "--to").skip(1);
    if let Some(folder) = arguments.next() {
        let folder = Path::new(&folder);
        std::fs::write(folder.join("network.xmlbif"), to_xmlbif(engine.network(), "apatite", &[])).unwrap();
        std::fs::write(folder.join("query.json"), report.to_string()).unwrap();
    }
    println!(
        "{}: {} variables, {} diagnoses, {} facts; posterior {:.2} us, with explanation {:.2} us (medians)",
        cases[chosen].id,
        variables.len(),
        engine.roots(),
        evidence.items().len(),
        posterior[0],
        explanation[0],
    );
}

/// Median and tenth percentile of the time of one call: other work on the machine only ever adds time.
fn microseconds(mut call: impl FnMut() -> f64) -> [f64; 2] {
    let mut batch = |calls: u32| {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        start.elapsed().as_secs_f64() / f64::from(calls)
    };
    let calls = (BATCH_SECONDS / batch(100)).ceil() as u32;
    let mut times = (0..BATCHES).map(|_| batch(calls) * 1e6).collect::<Vec<_>>();
    times.sort_by(f64::total_cmp);
    [times[BATCHES / 2], times[BATCHES / 10]]
}
