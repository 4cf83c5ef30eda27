//! The gap that ossification leaves between bones, measured on phantoms, against the truth.
//!
//! `cargo run --release -p apatite-study --example gaps -- --seeds 40`

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use apatite_lesion::{Options, analyse};
use apatite_phantom::make;
use clap::Parser;

#[derive(Parser)]
#[command(about = "Measure the gap between bones on phantoms of ossification about a hip")]
struct Arguments {
    /// Seeds
    #[arg(long, default_value_t = 40)]
    seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Columns and rows, and slices in proportion; 256 is usual
    #[arg(long, default_value_t = 256)]
    columns: usize,
}

fn main() {
    let Arguments { seeds, first, columns } = Arguments::parse();
    let size = Some([columns, columns, columns * 5 / 8]);
    for seed in first..first + seeds {
        let options = apatite_phantom::Options { seed, size, ..Default::default() };
        let phantom = make("hip_ossification_prosthesis", &options).unwrap();
        let analysis = analyse(&phantom.volume, &Options::default(), &|_, _| {}).unwrap();
        let told = |mm: Option<f64>| mm.map_or("none".to_owned(), |mm| format!("{mm:.2}"));
        let measured = analysis.gap.as_ref();
        println!(
            "seed {seed}: {} spurs, true {} mm, measured {} mm ± {}{}",
            phantom.lesions.len(),
            told(phantom.opposing_gap_mm),
            told(measured.map(|gap| gap.mm)),
            told(measured.map(|gap| gap.uncertainty_mm)),
            if measured.is_some_and(|gap| gap.in_streaks) { ", in streaks" } else { "" }
        );
    }
}
