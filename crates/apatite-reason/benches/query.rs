//! One query of the real network, what it is made of, and all published cases together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::hint::black_box;

use apatite_network::Workspace;
use apatite_reason::{Folds, Model, diagnose, evaluate};
use common::{Bench, SETTING, bench};
use criterion::{Criterion, criterion_group, criterion_main};

fn query(criterion: &mut Criterion) {
    let Bench { knowledge, counts, model, cases, chosen, evidence } = bench();
    let engine = model.engine();
    let mut workspace = Workspace::default();
    criterion.bench_function("posterior", |bencher| {
        bencher.iter(|| engine.posterior(black_box(&evidence), &mut workspace).unwrap().root[0]);
    });
    criterion.bench_function("posterior with explanation of all facts", |bencher| {
        bencher.iter(|| engine.explain(black_box(&evidence), &mut workspace).unwrap());
    });
    let case = &cases[chosen].case;
    criterion.bench_function("evidence of a case", |bencher| {
        bencher.iter(|| model.evidence(black_box(case), &knowledge));
    });
    criterion.bench_function("differential with five reasoned", |bencher| {
        bencher.iter(|| diagnose(&model, &knowledge, black_box(case), 5).unwrap());
    });
    let mut slow = criterion.benchmark_group("whole");
    slow.sample_size(10);
    slow.bench_function("model", |bencher| {
        bencher.iter(|| Model::new(&knowledge, SETTING, &counts).unwrap());
    });
    slow.bench_function("evaluate published cases, 5 folds", |bencher| {
        let folds = Folds::K { folds: 5, shipped: Vec::new() };
        bencher.iter(|| evaluate(&cases, &knowledge, SETTING, &[], &folds).unwrap());
    });
    slow.finish();
}

criterion_group!(benches, query);
criterion_main!(benches);
