//! How well lesions are found, measured and told on phantoms of known truth, and where the right diagnosis comes from
//! age, sex, site and CT alone.
//!
//! `cargo run --release -p apatite-study --example phantoms -- --seeds 10`; see `--help`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use apatite_case::{Case, Format, Policy, read};
use apatite_knowledge::{Folder, Knowledge};
use apatite_lesion::{Analysis, Kind, Lesion, Options, analyse};
use apatite_phantom::{LesionKind, PatientPosition, make, patterns};
use apatite_reason::{Model, counts_of, diagnose};
use apatite_study::join;
use apatite_volume::{Acquisition, Geometry, Volume};
use clap::Parser;
use serde::{Deserialize, Serialize};

/// Lesions below this many mm³ are not counted as missed.
const COUNTED_MM3: f64 = 20.0;
/// The volume error is taken over lesions from this many mm³.
const MEASURED_MM3: f64 = 100.0;
const LEVEL: &str = "sedimentation_sign";

#[derive(Parser)]
#[command(about = "Find, measure and tell the lesions of phantoms, and compare with the truth")]
struct Arguments {
    /// Seeds per pattern
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Only patterns whose name contains this; may be repeated
    #[arg(long)]
    pattern: Vec<String>,
    /// Patient position (HFS, FFP, ...); drawn where not said
    #[arg(long)]
    position: Option<PatientPosition>,
    /// Columns and rows, and slices in proportion; 256 is usual
    #[arg(long)]
    columns: Option<usize>,
    /// Folder that keeps phantoms once made
    #[arg(long, default_value = "/tmp/apatite-phantoms")]
    cache: PathBuf,
    /// Name every missed, false or wrongly told lesion
    #[arg(long, short)]
    verbose: bool,
    /// List for every finding how often it is there, how often it is told, and its mean probability where it is and is
    /// not there
    #[arg(long)]
    findings: bool,
    /// Setting whose case mix is the prior
    #[arg(long, default_value = "consultation")]
    setting: String,
}

/// A phantom as the trial needs it.
struct Study {
    volume: Volume,
    /// Lesion ids of the truth.
    truth: Vec<u8>,
    about: About,
}

#[derive(Serialize, Deserialize)]
struct About {
    pattern: String,
    seed: u64,
    size: [usize; 3],
    origin_mm: [f64; 3],
    steps_mm: [[f64; 3]; 3],
    patient_position: String,
    body_part: String,
    kernel: String,
    slice_thickness_mm: Option<f64>,
    lesions: Vec<Truth>,
    findings: Vec<String>,
    age_years: f64,
    sex: String,
    site: String,
    expected: Option<String>,
    also_right: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Truth {
    id: u8,
    kind: String,
    vascular: bool,
    volume_mm3: f64,
    centre_mm: [f64; 3],
    findings: Vec<String>,
}

/// What one study adds to a row of the table.
#[derive(Clone, Default)]
struct Tally {
    studies: usize,
    lesions: usize,
    found: usize,
    /// Found and not dismissed as bone, metal, contrast or artefact, but of another kind than the truth.
    other_kind: usize,
    false_lesions: usize,
    with_false: usize,
    volume_errors: Vec<f64>,
    partial_errors: Vec<f64>,
    with_level: usize,
    level_seen: usize,
    without_level: usize,
    level_invented: usize,
    expected: usize,
    top1: usize,
    top3: usize,
    /// The first three hold the expected diagnosis or one that a specialist would accept.
    accepted3: usize,
    milliseconds: f64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.studies += other.studies;
        self.lesions += other.lesions;
        self.found += other.found;
        self.other_kind += other.other_kind;
        self.false_lesions += other.false_lesions;
        self.with_false += other.with_false;
        self.volume_errors.extend(&other.volume_errors);
        self.partial_errors.extend(&other.partial_errors);
        self.with_level += other.with_level;
        self.level_seen += other.level_seen;
        self.without_level += other.without_level;
        self.level_invented += other.level_invented;
        self.expected += other.expected;
        self.top1 += other.top1;
        self.top3 += other.top3;
        self.accepted3 += other.accepted3;
        self.milliseconds += other.milliseconds;
    }
}

/// How often a finding is there and told: counts and sums of probability where present and where absent.
#[derive(Clone, Copy, Default)]
struct Told {
    present: [f64; 3],
    absent: [f64; 3],
}

/// The knowledge, and the model made of it.
struct Reasoner {
    knowledge: Knowledge,
    model: Model,
}

fn main() {
    let arguments = Arguments::parse();
    let knowledge = Knowledge::read(&Folder::embedded()).unwrap();
    let model = Model::new(&knowledge, &arguments.setting, &counts_of(&knowledge.learned)).unwrap();
    let reasoner = Reasoner { knowledge, model };
    fs::create_dir_all(&arguments.cache).unwrap();
    let mut rows: Vec<(&str, Tally)> = Vec::new();
    let mut kinds: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for pattern in patterns() {
        let wanted = arguments.pattern.is_empty()
            || arguments.pattern.iter().any(|part| pattern.id.contains(part.as_str()));
        if !wanted {
            continue;
        }
        let mut row = Tally::default();
        for seed in arguments.first..arguments.first + arguments.seeds {
            let study = study(&arguments, pattern.id, seed);
            let start = Instant::now();
            let analysis = analyse(&study.volume, &Options::default(), &|_, _| {}).unwrap();
            let milliseconds = start.elapsed().as_secs_f64() * 1e3;
            let mut tally = score(&study, &analysis, &mut kinds, arguments.verbose);
            tally.milliseconds = milliseconds;
            rank(&study.about, &analysis, &reasoner, &mut tally, arguments.verbose);
            count_findings(&study.about, &analysis, &mut told);
            row.add(&tally);
        }
        print_header(rows.is_empty());
        print_row(pattern.id, &row);
        rows.push((pattern.id, row));
    }
    let mut all = Tally::default();
    let mut normal = Tally::default();
    for (id, row) in &rows {
        all.add(row);
        if id.starts_with("normal_") {
            normal.add(row);
        }
    }
    print_row("all", &all);
    if normal.studies > 0 {
        println!(
            "\nnormal studies without a false lesion: {} of {}",
            normal.studies - normal.with_false,
            normal.studies
        );
    }
    println!("\nkinds, truth and found:");
    for ((truth, found), count) in kinds {
        println!("  {truth:<14} {found:<16} {count}");
    }
    if arguments.findings {
        println!("\n{:<36} present: n  told  mean p | absent: n  told  mean p", "finding");
        for (id, Told { present, absent }) in told {
            println!(
                "{id:<36} {:10} {:5} {:7.2} | {:9} {:5} {:7.2}",
                present[0],
                present[1],
                present[2] / present[0].max(1.0),
                absent[0],
                absent[1],
                absent[2] / absent[0].max(1.0)
            );
        }
    }
}

/// The phantom, from the cache where it is there.
fn study(arguments: &Arguments, pattern: &str, seed: u64) -> Study {
    let position = arguments.position.map_or("", PatientPosition::term);
    let columns = arguments.columns.map_or(String::new(), |columns| columns.to_string());
    let base = arguments.cache.join(format!("{pattern}-{seed}{position}{columns}"));
    if let Some(study) = load(&base) {
        return study;
    }
    let size = arguments.columns.map(|columns| [columns, columns, columns * 160 / 256]);
    let options = apatite_phantom::Options { seed, position: arguments.position, size, ..Default::default() };
    let phantom = make(pattern, &options).unwrap();
    let owned = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let lesions = phantom
        .lesions
        .iter()
        .map(|lesion| Truth {
            id: lesion.id.try_into().unwrap(),
            kind: lesion.kind.word().to_owned(),
            vascular: lesion.kind == LesionKind::Vascular,
            volume_mm3: lesion.volume_mm3,
            centre_mm: lesion.centre_mm,
            findings: owned(&lesion.findings),
        })
        .collect();
    let acquisition = &phantom.volume.acquisition;
    let about = About {
        pattern: pattern.to_owned(),
        seed,
        size: phantom.volume.size,
        origin_mm: phantom.volume.geometry.origin_mm,
        steps_mm: phantom.volume.geometry.steps_mm,
        patient_position: acquisition.patient_position.clone(),
        body_part: acquisition.body_part.clone(),
        kernel: acquisition.kernel.clone(),
        slice_thickness_mm: acquisition.slice_thickness_mm,
        lesions,
        findings: owned(&phantom.findings),
        age_years: phantom.case.age_years,
        sex: phantom.case.sex.to_owned(),
        site: phantom.case.site.to_owned(),
        expected: phantom.case.expected.map(str::to_owned),
        also_right: owned(&phantom.case.also_right),
    };
    let truth = phantom.truth.values.iter().map(|&label| label as u8).collect();
    let study = Study { volume: phantom.volume, truth, about };
    save(&base, &study);
    study
}

fn save(base: &Path, study: &Study) {
    let mut bytes: Vec<u8> = study.volume.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    // the truth as runs: it is nearly empty
    for (label, length) in runs(&study.truth) {
        bytes.push(label);
        bytes.extend(length.to_le_bytes());
    }
    fs::write(base.with_extension("raw"), bytes).unwrap();
    fs::write(base.with_extension("json"), serde_json::to_vec(&study.about).unwrap()).unwrap();
}

fn load(base: &Path) -> Option<Study> {
    let about: About = serde_json::from_slice(&fs::read(base.with_extension("json")).ok()?).ok()?;
    let bytes = fs::read(base.with_extension("raw")).ok()?;
    let (values, runs) = bytes.split_at_checked(about.size.iter().product::<usize>() * 2)?;
    let values = values.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut truth = Vec::new();
    for run in runs.chunks_exact(5) {
        let length = u32::from_le_bytes([run[1], run[2], run[3], run[4]]);
        truth.resize(truth.len() + length as usize, run[0]);
    }
    let geometry = Geometry { origin_mm: about.origin_mm, steps_mm: about.steps_mm };
    let acquisition = Acquisition {
        modality: "CT".to_owned(),
        patient_position: about.patient_position.clone(),
        body_part: about.body_part.clone(),
        description: String::new(),
        kernel: about.kernel.clone(),
        tube_voltage_kv: Some(120.0),
        slice_thickness_mm: about.slice_thickness_mm,
        contrast_agent: Some(false),
    };
    let volume = Volume { size: about.size, values, geometry, padding: None, acquisition };
    Some(Study { volume, truth, about })
}

fn runs(labels: &[u8]) -> Vec<(u8, u32)> {
    let mut runs: Vec<(u8, u32)> = Vec::new();
    for &label in labels {
        match runs.last_mut() {
            Some(last) if last.0 == label => last.1 += 1,
            _ => runs.push((label, 1)),
        }
    }
    runs
}

/// Whether a lesion counts as a calcification of some kind, and not as bone, metal, contrast or artefact.
fn counts(lesion: &Lesion) -> bool {
    matches!(lesion.kind, Kind::Calcification | Kind::Vascular)
}

fn score(
    study: &Study,
    analysis: &Analysis,
    kinds: &mut BTreeMap<(String, String), usize>,
    verbose: bool,
) -> Tally {
    let about = &study.about;
    let name = format!("{} {}", about.pattern, about.seed);
    let mut overlap: BTreeMap<(u8, u16), f64> = BTreeMap::new();
    let mut covered: BTreeMap<u16, f64> = BTreeMap::new();
    for (&truth, &label) in study.truth.iter().zip(&analysis.labels.values) {
        if truth > 0 && label > 0 {
            *overlap.entry((truth, label)).or_default() += 1.0;
            *covered.entry(label).or_default() += 1.0;
        }
    }
    let mut tally = Tally { studies: 1, ..Tally::default() };
    for truth in &about.lesions {
        let touching: Vec<&Lesion> =
            analysis.lesions.iter().filter(|lesion| overlap.contains_key(&(truth.id, lesion.id))).collect();
        if truth.volume_mm3 < COUNTED_MM3 {
            continue;
        }
        tally.lesions += 1;
        let largest =
            touching.iter().max_by(|a, b| overlap[&(truth.id, a.id)].total_cmp(&overlap[&(truth.id, b.id)]));
        let found_kind = largest.map_or("missed".to_owned(), |lesion| word(lesion.kind));
        *kinds.entry((truth.kind.clone(), found_kind)).or_default() += 1;
        let found: Vec<&&Lesion> = touching.iter().filter(|lesion| counts(lesion)).collect();
        // a lesion that joins several of the truth is shared out among them by overlap
        let volume = |of: &dyn Fn(&Lesion) -> f64| {
            found
                .iter()
                .map(|lesion| of(lesion) * overlap[&(truth.id, lesion.id)] / covered[&lesion.id])
                .sum::<f64>()
        };
        let (measured, partial) =
            (volume(&|lesion| lesion.volume_mm3), volume(&|lesion| lesion.volume_partial_mm3));
        if found.is_empty() {
            if verbose {
                let why: Vec<String> = touching.iter().map(|lesion| describe(lesion)).collect();
                println!(
                    "{name}: missed {} {} of {:.0} mm3 at {:.0?}: {why:?}",
                    truth.kind, truth.id, truth.volume_mm3, truth.centre_mm
                );
            }
            continue;
        }
        tally.found += 1;
        if largest.is_some_and(|lesion| (lesion.kind == Kind::Vascular) != truth.vascular) {
            tally.other_kind += 1;
            if verbose {
                let why: Vec<String> = touching.iter().map(|lesion| describe(lesion)).collect();
                println!(
                    "{name}: {} {} of {:.0} mm3 told as {why:?}",
                    truth.kind, truth.id, truth.volume_mm3
                );
            }
        }
        if truth.volume_mm3 >= MEASURED_MM3 {
            tally.volume_errors.push(measured / truth.volume_mm3 - 1.0);
            tally.partial_errors.push(partial / truth.volume_mm3 - 1.0);
            if verbose && (measured / truth.volume_mm3 - 1.0).abs() > 0.25 {
                println!(
                    "{name}: {} {} has {:.0} mm3, {measured:.0} measured ({partial:.0} with partial volume)",
                    truth.kind, truth.id, truth.volume_mm3
                );
            }
        }
    }
    for lesion in analysis.lesions.iter().filter(|lesion| counts(lesion) && !covered.contains_key(&lesion.id))
    {
        tally.false_lesions += 1;
        if verbose {
            println!("{name}: false {}", describe(lesion));
        }
    }
    tally.with_false = usize::from(tally.false_lesions > 0);
    let level = about.lesions.iter().any(|lesion| lesion.findings.iter().any(|id| id == LEVEL));
    let seen = probability(analysis, LEVEL) >= 0.5;
    (tally.with_level, tally.without_level) = (usize::from(level), usize::from(!level));
    (tally.level_seen, tally.level_invented) = (usize::from(level && seen), usize::from(!level && seen));
    if verbose && level != seen {
        println!(
            "{name}: level {} to {:.2}",
            if level { "there" } else { "absent" },
            probability(analysis, LEVEL)
        );
    }
    tally
}

fn probability(analysis: &Analysis, finding: &str) -> f64 {
    analysis.findings.iter().find(|found| found.id == finding).map_or(0.0, |found| found.probability)
}

fn word(kind: Kind) -> String {
    serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned()
}

fn describe(lesion: &Lesion) -> String {
    format!(
        "{} {:.2} at {:.0?}, {:.0} mm3, {:.0} mm, {:.0}/{:.0} HU, bone {:.1} mm, skin {:.0} mm: {}",
        word(lesion.kind),
        lesion.probability,
        lesion.centre_mm,
        lesion.volume_mm3,
        lesion.diameter_mm,
        lesion.mean_hu,
        lesion.max_hu,
        lesion.bone_distance_mm.unwrap_or(f64::NAN),
        lesion.skin_distance_mm.unwrap_or(f64::NAN),
        lesion.decided_by
    )
}

/// Where the expected diagnosis comes when only age, sex, site and CT are known.
fn rank(about: &About, analysis: &Analysis, reasoner: &Reasoner, tally: &mut Tally, verbose: bool) {
    let Some(expected) = &about.expected else { return };
    let Reasoner { knowledge, model } = reasoner;
    let text = format!(
        "[patient]\nage = {}\nsex = \"{}\"\n\n[[imaging]]\nmodality = \"CT\"\nsites = [\"{}\"]\n",
        about.age_years, about.sex, about.site
    );
    let mut case: Case = read(&text, Format::Toml, knowledge, Policy::Default).case;
    join(&mut case, 0, analysis, knowledge);
    let differential = diagnose(model, knowledge, &case, 0).unwrap().differential;
    let place =
        |accept: &dyn Fn(&str) -> bool| differential.iter().position(|entry| accept(&entry.diagnosis));
    let strict = place(&|id| id == expected).unwrap();
    let accepted = place(&|id| id == expected || about.also_right.iter().any(|right| right == id)).unwrap();
    tally.expected += 1;
    tally.top1 += usize::from(strict == 0);
    tally.top3 += usize::from(strict < 3);
    tally.accepted3 += usize::from(accepted < 3);
    if verbose && strict >= 3 {
        let leaders: Vec<String> = differential
            .iter()
            .take(4)
            .map(|entry| format!("{} {:.2}", entry.diagnosis, entry.probability))
            .collect();
        println!(
            "{} {}: {expected} comes at {}: {}",
            about.pattern,
            about.seed,
            strict + 1,
            leaders.join(", ")
        );
    }
}

fn count_findings(about: &About, analysis: &Analysis, told: &mut BTreeMap<String, Told>) {
    let mut there: BTreeSet<&str> = about.findings.iter().map(String::as_str).collect();
    there.extend(about.lesions.iter().flat_map(|lesion| lesion.findings.iter().map(String::as_str)));
    let measured = analysis.findings.iter().map(|finding| finding.id.as_str());
    let ids: BTreeSet<&str> = there.iter().copied().chain(measured).collect();
    for id in ids {
        let probability = probability(analysis, id);
        let told = told.entry(id.to_owned()).or_default();
        let side = if there.contains(id) { &mut told.present } else { &mut told.absent };
        side[0] += 1.0;
        side[1] += f64::from(u8::from(probability >= 0.5));
        side[2] += probability;
    }
}

fn print_header(first: bool) {
    if first {
        println!(
            "{:<30} {:>7} {:>7} {:>7} {:>6} {:>6} {:>7} {:>6} {:>6} {:>8} {:>8} {:>5} {:>5} {:>6} {:>6}",
            "pattern",
            "studies",
            "lesions",
            "recall",
            "other",
            "false",
            "clean",
            "vol%",
            "part%",
            "level+",
            "level-",
            "top1",
            "top3",
            "acc3",
            "ms"
        );
    }
}

fn print_row(name: &str, row: &Tally) {
    let studies = row.studies.max(1) as f64;
    println!(
        "{name:<30} {:>7} {:>7} {:>6.1}% {:>6} {:>6.2} {:>7} {:>6.1} {:>6.1} {:>8} {:>8} {:>5} {:>5} {:>6} {:>6.0}",
        row.studies,
        row.lesions,
        100.0 * row.found as f64 / row.lesions.max(1) as f64,
        row.other_kind,
        row.false_lesions as f64 / studies,
        row.studies - row.with_false,
        median_percent(&row.volume_errors),
        median_percent(&row.partial_errors),
        format!("{}/{}", row.level_seen, row.with_level),
        format!("{}/{}", row.without_level - row.level_invented, row.without_level),
        row.top1,
        row.top3,
        format!("{}/{}", row.accepted3, row.expected),
        row.milliseconds / studies
    );
}

/// Median of the absolute errors, in percent.
fn median_percent(errors: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = errors.iter().map(|error| 100.0 * error.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).copied().unwrap_or(f64::NAN)
}
