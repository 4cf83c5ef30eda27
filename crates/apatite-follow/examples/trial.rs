//! `cargo run --release -p apatite-follow --example trial -- [SEEDS [COLUMNS]] [PATTERN…]`: phantom pairs with known growth.
//!
//! Each patient is scanned once, then again turned, shifted and often in another position, unchanged and with lesions
//! grown by 5, 20 and 50 %. Says how often the true change lies within the interval, how often a change is called where
//! there is none and where there is one, and how the registration fares; strangers must be refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use apatite_follow::{Limits, Outcome, Pair, Study, Verdict, follow};
use apatite_lesion::{Analysis, analyse};
use apatite_phantom::{Options, PatientPosition, Phantom, Visit, make};

const PATTERNS: [&str; 8] = [
    "tumoral_calcinosis",
    "dermatomyositis_universalis",
    "myositis_ossificans",
    "acral_scleroderma",
    "calcific_tendinitis",
    "synovial_osteochondromatosis",
    "hip_ossification_prosthesis",
    "cysticercosis",
];
const GROWTHS: [f64; 4] = [0.0, 0.05, 0.2, 0.5];

#[derive(Default)]
struct Score {
    pairs: usize,
    covered: usize,
    called: usize,
    wrong_sign: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, usual: u64| words.get(place).map_or(usual, |word| word.parse().unwrap());
    let (seeds, columns) = (number(0, 10), number(1, 192) as usize);
    let wanted: Vec<&str> =
        if words.len() > 2 { words[2..].iter().map(String::as_str).collect() } else { PATTERNS.to_vec() };
    let limits = Limits::read(include_str!("../../../knowledge/change.toml")).unwrap();
    let mut scores: BTreeMap<(usize, &str), Score> = BTreeMap::new();
    let (mut refused, mut strangers, mut strangers_refused, mut studies) = (Vec::new(), 0, 0, 0);
    let (mut worst_mm, mut slowest) = (0.0_f64, 0.0_f64);
    let (mut apart, mut spurious) = (0, 0);
    for &pattern in &wanted {
        let mut before: Option<(Phantom, Analysis)> = None;
        for seed in 1..=seeds {
            let first = scan(pattern, seed, columns, None);
            if let Some((phantom, analysis)) = &before {
                strangers += 1;
                match compare(phantom, analysis, &first.0, &first.1, &limits) {
                    Err(_) => strangers_refused += 1,
                    Ok(followed) => {
                        println!("{pattern} {seed}: a stranger fits: {:?}", followed.registration);
                    }
                }
            }
            for (place, &growth) in GROWTHS.iter().enumerate() {
                let turn = [4.0, 8.0, 12.0, 16.0][(place + seed as usize) % 4];
                let visit = Visit {
                    growth,
                    turned_degrees: turn,
                    shifted_mm: turn,
                    ..Visit::again(2 + place as u32)
                };
                let second = scan(pattern, seed, columns, Some(visit));
                studies += 1;
                let start = Instant::now();
                let followed = match compare(&first.0, &first.1, &second.0, &second.1, &limits) {
                    Ok(followed) => followed,
                    Err(error) => {
                        println!("{pattern} {seed} turned {turn}: {error}");
                        refused.push(error.to_string());
                        continue;
                    }
                };
                slowest = slowest.max(start.elapsed().as_secs_f64());
                println!(
                    "{pattern} {seed} grown {growth} turned {turn}: {:.2} s, overlap {:.2}, residual {:.2} mm, {:.0} degrees",
                    start.elapsed().as_secs_f64(),
                    followed.registration.bone_overlap,
                    followed.registration.residual_mm,
                    followed.registration.earlier_from_later.angle_degrees()
                );
                worst_mm = worst_mm.max(followed.registration.residual_mm);
                for pair in &followed.lesions {
                    if matches!(pair.outcome, Outcome::OutOfView | Outcome::Unsettled) {
                        continue;
                    }
                    let shares = [shares(&first, &pair.earlier), shares(&second, &pair.later)];
                    let most = |shares: &BTreeMap<u16, f64>| -> BTreeSet<u16> {
                        shares.iter().filter(|(_, share)| **share >= 0.3).map(|(id, _)| *id).collect()
                    };
                    let truths = [most(&shares[0]), most(&shares[1])];
                    let called = pair.volume_mm3.verdict != Verdict::NoChange;
                    if truths[0].is_empty() && truths[1].is_empty() {
                        // no lesion at all: a false alarm of the analysis, which counts where it is called a change
                        spurious += 1;
                    } else if truths[0] != truths[1] {
                        apart += 1;
                    }
                    // bodies of one true lesion may have been told apart, and true lesions been told as one
                    let real = |phantom: &Phantom, shares: &BTreeMap<u16, f64>| -> f64 {
                        let lesions = phantom.lesions.iter();
                        lesions.filter_map(|lesion| Some(lesion.volume_mm3 * shares.get(&lesion.id)?)).sum()
                    };
                    let change = real(&second.0, &shares[1]) - real(&first.0, &shares[0]);
                    let score = scores.entry((place, pattern)).or_default();
                    let [low, high] = pair.volume_mm3.interval;
                    let covered = (low..=high).contains(&change);
                    score.pairs += 1;
                    score.covered += usize::from(covered);
                    score.called += usize::from(called);
                    score.wrong_sign += usize::from(called && pair.volume_mm3.difference * change <= 0.0);
                    let mark = if !covered || (called && growth == 0.0) { "MISS " } else { "" };
                    report(mark, (pattern, seed, growth), pair, change);
                }
            }
            before = Some(first);
        }
    }
    println!(
        "\n{:>8} {:<30} {:>6} {:>9} {:>8} {:>12}",
        "growth", "pattern", "pairs", "covered", "called", "wrong sign"
    );
    for (place, &growth) in GROWTHS.iter().enumerate() {
        let mut sum = Score::default();
        for ((_, pattern), score) in scores.iter().filter(|((of, _), _)| *of == place) {
            line(growth, pattern, score);
            sum.pairs += score.pairs;
            sum.covered += score.covered;
            sum.called += score.called;
            sum.wrong_sign += score.wrong_sign;
        }
        line(growth, "all", &sum);
    }
    println!(
        "\n{studies} pairs of studies: {} refused, largest residual {worst_mm:.2} mm, slowest {slowest:.1} s; \
         {strangers_refused} of {strangers} strangers refused; {apart} pairs of other true lesions, {spurious} of none",
        refused.len()
    );
}

fn line(growth: f64, pattern: &str, score: &Score) {
    let percent = |part: usize| 100.0 * part as f64 / score.pairs.max(1) as f64;
    println!(
        "{:>7.0}% {pattern:<30} {:>6} {:>8.1}% {:>7.1}% {:>12}",
        growth * 100.0,
        score.pairs,
        percent(score.covered),
        percent(score.called),
        score.wrong_sign
    );
}

fn report(mark: &str, (pattern, seed, growth): (&str, u64, f64), pair: &Pair, change: f64) {
    println!(
        "  {mark}{pattern} {seed} grown {growth}: {} {:.0}±{:.0} -> {:.0}±{:.0} mm3, true change {change:.0}, interval {:.0?}, {}",
        pair.outcome.word(),
        pair.volume_mm3.earlier.value,
        pair.volume_mm3.earlier.sd,
        pair.volume_mm3.later.value,
        pair.volume_mm3.later.sd,
        pair.volume_mm3.interval,
        pair.volume_mm3.verdict
    );
}

fn scan(pattern: &str, seed: u64, columns: usize, visit: Option<Visit>) -> (Phantom, Analysis) {
    let position = visit.map(|visit| PatientPosition::ALL[(seed as usize + visit.number as usize) % 8]);
    let size = Some([columns, columns, columns * 5 / 8]);
    let phantom = make(pattern, &Options { seed, position, size, visit, ..Options::default() }).unwrap();
    let options =
        apatite_lesion::Options { masks: apatite_lesion::Masks::All, ..apatite_lesion::Options::default() };
    let analysis = analyse(&phantom.volume, &options, &|_, _| {}).unwrap();
    (phantom, analysis)
}

fn compare(
    earlier: &Phantom,
    earlier_analysis: &Analysis,
    later: &Phantom,
    later_analysis: &Analysis,
    limits: &Limits,
) -> Result<apatite_follow::Followed, apatite_follow::FollowError> {
    let earlier = Study { volume: &earlier.volume, analysis: earlier_analysis };
    let later = Study { volume: &later.volume, analysis: later_analysis };
    follow(&earlier, &later, Some(28.0), limits, &|_| {})
}

/// Of each true lesion the share of its labelled voxels that carry one of the labels.
fn shares((phantom, analysis): &(Phantom, Analysis), labels: &[u16]) -> BTreeMap<u16, f64> {
    let mut counts: BTreeMap<u16, [usize; 2]> = BTreeMap::new();
    for (&truth, label) in phantom.truth.values.iter().zip(&analysis.labels.values) {
        if truth != 0 && *label != 0 {
            let count = counts.entry(truth).or_default();
            count[0] += usize::from(labels.contains(label));
            count[1] += 1;
        }
    }
    counts
        .into_iter()
        .filter(|(_, [part, _])| *part > 0)
        .map(|(id, [part, whole])| (id, part as f64 / whole as f64))
        .collect()
}
