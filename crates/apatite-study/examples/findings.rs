/*!
How well findings are told from made studies, and how far they lead the differential.

    cargo run --release -p apatite-study --example findings -- --seeds 10 --cache /tmp/phantoms

prints, for every finding that is true or told anywhere, how often it is told where it is true, how often it is not
told where it is not, and how far its probabilities are from the truth (Brier score), per lesion and per study; then
the rank of the expected diagnosis from age, sex, site and CT alone. `--list FINDING` names the lesions that are
judged wrong; `--pattern`, `--first` narrow the studies.
*/
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use apatite_case::{Case, Examination, Sex};
use apatite_knowledge::{Folder, Knowledge};
use apatite_lesion::{Analysis, FindingEvidence, Kind, Options, analyse};
use apatite_phantom::{SuggestedCase, make, patterns};
use apatite_reason::{Model, counts_of, diagnose};
use apatite_study::join;
use apatite_volume::{Acquisition, Geometry, Volume};
use serde_json::{Value, json};

struct Arguments {
    seeds: u64,
    first: u64,
    pattern: Option<String>,
    cache: Option<PathBuf>,
    list: Vec<String>,
    explain: bool,
}

fn arguments() -> Arguments {
    let mut arguments =
        Arguments { seeds: 2, first: 1, pattern: None, cache: None, list: Vec::new(), explain: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value");
        match word.as_str() {
            "--seeds" => arguments.seeds = value().parse().expect("a number"),
            "--first" => arguments.first = value().parse().expect("a number"),
            "--pattern" => arguments.pattern = Some(value()),
            "--cache" => arguments.cache = Some(value().into()),
            "--list" => arguments.list.push(value()),
            "--explain" => arguments.explain = true,
            other => panic!("{other} is no option"),
        }
    }
    arguments
}

/// A made study, as far as it is judged.
struct Study {
    volume: Volume,
    truth: Vec<u8>,
    lesions: Vec<(u16, BTreeSet<String>)>,
    findings: BTreeSet<String>,
    case: SuggestedCase,
}

fn study(pattern: &str, seed: u64, cache: Option<&PathBuf>) -> Study {
    let base = cache.map(|folder| folder.join(format!("{pattern}-{seed}")));
    let strings = |value: &Value| -> BTreeSet<String> {
        value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    if let Some(base) = base.as_ref().filter(|base| base.with_extension("json").exists()) {
        let told: Value = serde_json::from_slice(&fs::read(base.with_extension("json")).unwrap()).unwrap();
        let point = |value: &Value| -> [f64; 3] { std::array::from_fn(|axis| value[axis].as_f64().unwrap()) };
        // the history does not depend on the picture, so a tiny one will do
        let tiny =
            apatite_phantom::Options { seed, size: Some([16; 3]), noise_hu: Some(0.0), ..Default::default() };
        return Study {
            volume: Volume {
                size: std::array::from_fn(|axis| told["size"][axis].as_u64().unwrap() as usize),
                values: fs::read(base.with_extension("raw"))
                    .unwrap()
                    .chunks_exact(2)
                    .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                    .collect(),
                geometry: Geometry {
                    origin_mm: point(&told["origin"]),
                    steps_mm: std::array::from_fn(|step| point(&told["steps"][step])),
                },
                padding: None,
                acquisition: Acquisition {
                    modality: "CT".to_owned(),
                    patient_position: told["position"].as_str().unwrap().to_owned(),
                    body_part: told["body_part"].as_str().unwrap().to_owned(),
                    ..Acquisition::default()
                },
            },
            truth: fs::read(base.with_extension("truth")).unwrap(),
            lesions: told["lesions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|lesion| (lesion["id"].as_u64().unwrap() as u16, strings(&lesion["findings"])))
                .collect(),
            findings: strings(&told["findings"]),
            case: make(pattern, &tiny).unwrap().case,
        };
    }
    let made = make(pattern, &apatite_phantom::Options { seed, ..Default::default() }).unwrap();
    let truth: Vec<u8> = made.truth.values.iter().map(|&label| label as u8).collect();
    if let Some(base) = base {
        let bytes: Vec<u8> = made.volume.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        fs::write(base.with_extension("raw"), bytes).unwrap();
        fs::write(base.with_extension("truth"), &truth).unwrap();
        let told = json!({
            "size": made.volume.size,
            "origin": made.volume.geometry.origin_mm,
            "steps": made.volume.geometry.steps_mm,
            "position": made.volume.acquisition.patient_position,
            "body_part": made.volume.acquisition.body_part,
            "lesions": made.lesions.iter()
                .map(|lesion| json!({"id": lesion.id, "findings": lesion.findings}))
                .collect::<Vec<_>>(),
            "findings": made.findings,
        });
        fs::write(base.with_extension("json"), told.to_string()).unwrap();
    }
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<BTreeSet<_>>();
    Study {
        volume: made.volume,
        truth,
        lesions: made.lesions.iter().map(|lesion| (lesion.id, owned(&lesion.findings))).collect(),
        findings: owned(&made.findings),
        case: made.case,
    }
}

/// How one finding was told.
#[derive(Default)]
struct Score {
    /// Probabilities where it is true, and where it is not.
    told: [Vec<f64>; 2],
}

impl Score {
    fn add(&mut self, truth: bool, probability: f64) {
        self.told[usize::from(!truth)].push(probability);
    }

    /// The score of every id that is true or told in any of `seen`.
    fn of(seen: &[Seen]) -> BTreeMap<&str, Self> {
        let ids: BTreeSet<&str> = seen
            .iter()
            .flat_map(|(truth, told)| truth.iter().chain(told.keys()).map(String::as_str))
            .collect();
        ids.into_iter()
            .map(|id| {
                let mut score = Self::default();
                for (truth, told) in seen {
                    score.add(truth.contains(id), told.get(id).copied().unwrap_or(0.0));
                }
                (id, score)
            })
            .collect()
    }

    fn line(&self) -> String {
        let [there, not] = &self.told;
        let share = |of: &[f64], hit: &dyn Fn(f64) -> bool| {
            if of.is_empty() {
                "    -".to_owned()
            } else {
                let hits = of.iter().filter(|&&p| hit(p)).count();
                format!("{:5.1}", 100.0 * hits as f64 / of.len() as f64)
            }
        };
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len().max(1) as f64;
        let squares =
            there.iter().map(|p| (1.0 - p).powi(2)).sum::<f64>() + not.iter().map(|p| p.powi(2)).sum::<f64>();
        format!(
            "{:4} {} {:.2}   {:4} {} {:.2}   {:.3}",
            there.len(),
            share(there, &|p| p >= 0.5),
            mean(there),
            not.len(),
            share(not, &|p| p < 0.5),
            mean(not),
            squares / (there.len() + not.len()).max(1) as f64
        )
    }
}

/// What is true of a lesion or study, and what is told of it.
type Seen = (BTreeSet<String>, BTreeMap<String, f64>);

fn seen(arguments: &Arguments, name: &str, truth: BTreeSet<String>, findings: &[FindingEvidence]) -> Seen {
    let told: BTreeMap<String, f64> =
        findings.iter().map(|finding| (finding.id.clone(), finding.probability)).collect();
    for id in &arguments.list {
        let p = told.get(id).copied().unwrap_or(0.0);
        if truth.contains(id) != (p >= 0.5) {
            let because = findings.iter().find(|finding| finding.id == *id);
            let because = because.map_or("", |finding| &finding.because);
            println!("{name} {id}: truth {}, told {p:.2}: {because}", truth.contains(id));
        }
    }
    (truth, told)
}

/// The lesion that overlaps each true lesion most.
fn matches(study: &Study, analysis: &Analysis) -> BTreeMap<u16, u16> {
    let mut overlap: BTreeMap<(u16, u16), usize> = BTreeMap::new();
    for (&truth, &label) in study.truth.iter().zip(&analysis.labels.values) {
        if truth > 0 && label > 0 {
            *overlap.entry((u16::from(truth), label)).or_default() += 1;
        }
    }
    let mut best: BTreeMap<u16, (usize, u16)> = BTreeMap::new();
    for (&(truth, label), &count) in &overlap {
        let entry = best.entry(truth).or_default();
        if count > entry.0 {
            *entry = (count, label);
        }
    }
    best.into_iter().map(|(truth, (_, label))| (truth, label)).collect()
}

/// Rank of the expected diagnosis (and of any that is also right) from age, sex, site and CT.
fn rank(
    study: &Study,
    analysis: &Analysis,
    model: &Model,
    knowledge: &Knowledge,
) -> (usize, usize, Vec<String>) {
    let told = &study.case;
    let mut case = Case {
        age_years: Some(told.age_years),
        sex: Some(if told.sex == "female" { Sex::Female } else { Sex::Male }),
        examinations: vec![Examination {
            modality: "CT".to_owned(),
            sites: vec![told.site.to_owned()],
            ..Examination::default()
        }],
        ..Case::default()
    };
    join(&mut case, 0, analysis, knowledge);
    let answer = diagnose(model, knowledge, &case, 1).unwrap();
    let place = |right: &dyn Fn(&str) -> bool| {
        answer.differential.iter().position(|ranked| right(&ranked.diagnosis)).unwrap() + 1
    };
    let expected = told.expected.unwrap();
    let mut lines: Vec<String> = answer
        .differential
        .iter()
        .take(4)
        .map(|ranked| format!("{:5.1} % {}", 100.0 * ranked.probability, ranked.diagnosis))
        .collect();
    lines.extend(case.observations.iter().map(|seen| format!("      {} {:?}", seen.finding, seen.assertion)));
    lines.push(format!("      {:?}", case.examinations[0].quantities));
    (place(&|id| id == expected), place(&|id| id == expected || told.also_right.contains(&id)), lines)
}

fn main() {
    let arguments = arguments();
    let knowledge = Knowledge::read(&Folder::embedded()).unwrap();
    let setting = &knowledge.settings[0].id;
    let model = Model::new(&knowledge, setting, &counts_of(&knowledge.learned)).unwrap();
    if let Some(folder) = &arguments.cache {
        fs::create_dir_all(folder).unwrap();
    }
    let (mut of_lesions, mut of_studies): (Vec<Seen>, Vec<Seen>) = (Vec::new(), Vec::new());
    let mut ranks: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    let all = patterns()
        .iter()
        .filter(|pattern| arguments.pattern.as_deref().is_none_or(|wanted| pattern.id.contains(wanted)));
    for pattern in all {
        for seed in arguments.first..arguments.first + arguments.seeds {
            let study = study(pattern.id, seed, arguments.cache.as_ref());
            let analysis = analyse(&study.volume, &Options::default(), &|_, _| {}).unwrap();
            let found = matches(&study, &analysis);
            let name = format!("{} {seed}", pattern.id);
            let mut truths = study.findings.clone();
            for (truth, findings) in &study.lesions {
                truths.extend(findings.iter().cloned());
                let Some(label) = found.get(truth) else { continue };
                let lesion = analysis.lesions.iter().find(|lesion| lesion.id == *label).unwrap();
                if matches!(lesion.kind, Kind::Calcification | Kind::Vascular) {
                    let name = format!("{name} lesion {} ({:.0} mm³)", lesion.id, lesion.volume_mm3);
                    of_lesions.push(seen(&arguments, &name, findings.clone(), &lesion.findings));
                }
            }
            if pattern.expected.is_none() {
                truths.insert("no_calcification".to_owned());
            }
            of_studies.push(seen(&arguments, &name, truths, &analysis.findings));
            if pattern.expected.is_some() {
                let (exact, accepted, lines) = rank(&study, &analysis, &model, &knowledge);
                ranks.entry(pattern.id).or_default().push((exact, accepted));
                if arguments.explain {
                    println!("{name}: rank {exact}, accepted {accepted}\n  {}", lines.join("\n  "));
                }
            }
        }
    }
    let head = "true  told%  mean   not not told% mean  Brier";
    for (what, scores) in [("lesions", &of_lesions), ("studies", &of_studies)] {
        println!("{:34} {head}", format!("finding ({what})"));
        for (id, score) in Score::of(scores) {
            println!("{id:34} {}", score.line());
        }
        println!();
    }
    println!("{:34}  n  first three  also right  ranks", "diagnosis from CT, age, sex, site");
    let mut total = (0, 0, 0);
    for (pattern, ranks) in &ranks {
        let three = ranks.iter().filter(|rank| rank.0 <= 3).count();
        let accepted = ranks.iter().filter(|rank| rank.1 <= 3).count();
        total = (total.0 + ranks.len(), total.1 + three, total.2 + accepted);
        let list: Vec<String> = ranks.iter().map(|rank| rank.0.to_string()).collect();
        println!("{pattern:34} {:3} {three:3} {accepted:3}  {}", ranks.len(), list.join(" "));
    }
    let share = |count: usize| 100.0 * count as f64 / total.0.max(1) as f64;
    println!("{:34} {:3} {:.1} % {:.1} %", "all", total.0, share(total.1), share(total.2));
}
