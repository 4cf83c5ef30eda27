use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anstream::stdout;
use apatite_advise::{advise_first, ask};
use apatite_case::Policy;
use apatite_grade::{CourseRules, Gradings, grade_leading};
use apatite_knowledge::{Folder, Knowledge, KnowledgeProblem, Language, check};
use apatite_network::{to_bif, to_xmlbif};
use apatite_reason::{
    Comparison, Counts, Differential, Fact, FactKind, Folds, Model, ProvenCase, Withhold, case_weights,
    compare, counts_of, diagnose, evaluate, fit, robustness,
};
use apatite_text::{Words, printable};
use serde_json::{Value, json};

use crate::advise::{beside, run_next, run_what_if, weights};
use crate::arguments::{
    Arguments, Command, Compare, Diagnose, Evaluate, Format, KnowledgeCommand, Lang, NetworkFormat, Part,
    Reading,
};
use crate::cases::{self, LoadedCase};
use crate::export::{run_export, run_import};
use crate::imaging::{run_measure, run_phantom};
use crate::output::{tell, write_json};
use crate::report::run_report;
use crate::schema::schema;

pub(crate) type Outcome = Result<ExitCode, Box<dyn Error>>;

/// Folds by which the weight of a case is judged.
const FIT_FOLDS: usize = 5;

/// Exit code where the input, not the program or its use, is at fault.
const REFUSED: u8 = 1;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if let Command::Schema { of } = &arguments.command {
        write!(stdout(), "{}", schema(*of))?;
        return Ok(ExitCode::SUCCESS);
    }
    let own = arguments.knowledge.as_deref();
    let folder = match own {
        Some(path) => Folder::from_dir(path)?,
        None => Folder::embedded(),
    };
    let knowledge = match Knowledge::read(&folder) {
        Ok(knowledge) => knowledge,
        Err(problems) => {
            for problem in &problems {
                tell(&place_of(own, problem));
            }
            return Err("the knowledge cannot be read".into());
        }
    };
    if let (Some(_), false) = (own, matches!(arguments.command, Command::Knowledge(KnowledgeCommand::Check)))
    {
        // nobody has tested this folder: no answer from numbers that do not hold together
        let (problems, _) = check(&knowledge, &folder);
        if !problems.is_empty() {
            for problem in &problems {
                tell(&place_of(own, problem));
            }
            return Err("the knowledge has problems".into());
        }
    }
    if knowledge.settings.is_empty() {
        return Err("the knowledge has no setting".into());
    }
    if !matches!(arguments.command, Command::Knowledge(KnowledgeCommand::Check)) {
        CourseRules::of(&knowledge)?;
    }
    if let Command::Serve(arguments) = &arguments.command {
        return crate::serve::run_serve(arguments, knowledge);
    }
    match &arguments.command {
        Command::Diagnose(arguments) => run_diagnose(arguments, &knowledge),
        Command::Compare(arguments) => run_compare(arguments, &knowledge),
        Command::Next(arguments) => run_next(arguments, &knowledge),
        Command::WhatIf(arguments) => run_what_if(arguments, &knowledge),
        Command::Evaluate(arguments) => run_evaluate(arguments, &knowledge),
        Command::Measure(arguments) => {
            run_measure(arguments, &Words { knowledge: &knowledge, language: language(arguments.lang) })
        }
        Command::Follow(arguments) => {
            let words = Words { knowledge: &knowledge, language: language(arguments.lang) };
            crate::follow::run(arguments, &words)
        }
        Command::Render(arguments) => crate::render::run_render(
            arguments,
            &Words { knowledge: &knowledge, language: language(arguments.of.lang) },
        ),
        Command::Mesh(arguments) => crate::render::run_mesh(
            arguments,
            &Words { knowledge: &knowledge, language: language(arguments.of.lang) },
        ),
        Command::Phantom(arguments) => {
            run_phantom(arguments, &Words { knowledge: &knowledge, language: language(arguments.lang) })
        }
        Command::Report(arguments) => run_report(arguments, &knowledge),
        Command::Export(arguments) => run_export(arguments, &knowledge),
        Command::Import(arguments) => run_import(arguments, &knowledge),
        Command::Knowledge(command) => run_knowledge(command, &knowledge, &folder, own),
        Command::Schema { .. } | Command::Serve(_) => Ok(ExitCode::SUCCESS),
    }
}

fn run_diagnose(arguments: &Diagnose, knowledge: &Knowledge) -> Outcome {
    let words = Words { knowledge, language: language(arguments.lang) };
    let setting = setting(knowledge, arguments.reading.setting.as_deref())?;
    let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
    let files = cases::files(&arguments.cases)?;
    let many = files.len() > 1 || arguments.cases.iter().any(|path| path.is_dir());
    if files.is_empty() {
        return Err("there is no case file (.toml or .json) in what was named".into());
    }
    let gradings = Gradings::of(knowledge)?;
    let explained = if many { 0 } else { usize::from(arguments.explain) };
    let mut out = stdout().lock();
    let mut refused = false;
    for path in files {
        let loaded = cases::load(&path, knowledge, policy(&arguments.reading));
        refused |= loaded.refused;
        if arguments.format == Format::Text {
            cases::report(&path, &loaded.problems);
        }
        let mut answer =
            if loaded.refused { None } else { Some(diagnose(&model, knowledge, &loaded.case, explained)?) };
        if let (Some(answer), true) = (&mut answer, arguments.draws > 0 && !many) {
            let draws = usize::from(arguments.draws);
            let robustness = robustness(&model, knowledge, &loaded.case, draws, arguments.seed)?;
            answer.add_robustness(&model, robustness);
        }
        match (arguments.format, answer) {
            (Format::Json, answer) => {
                let value = match answer {
                    Some(answer) => {
                        let graded = grade_leading(&gradings, knowledge, &loaded.case, answer.ranked());
                        let mut value = diagnosis_json(&words, &loaded, &answer);
                        value["gradings"] = serde_json::to_value(graded)?;
                        let (_, more) = beside(&words, &model, &loaded.case, &answer)?;
                        for key in ["alarms", "clashes", "sufficiency"] {
                            value[key] = more[key].clone();
                        }
                        value
                    }
                    None => refusal_json(&words, &loaded),
                };
                write_json(&mut out, &value, many)?;
            }
            (Format::Text, Some(answer)) if many => {
                writeln!(out, "{}", apatite_text::one_line(&words, &path.display().to_string(), &answer))?;
            }
            (Format::Text, Some(answer)) => {
                let top = usize::from(arguments.top);
                write!(out, "{}", beside(&words, &model, &loaded.case, &answer)?.0)?;
                write!(out, "{}", apatite_text::differential(&words, &loaded.case, &answer, top))?;
                let graded = grade_leading(&gradings, knowledge, &loaded.case, answer.ranked());
                write!(out, "{}", apatite_text::gradings(&words, &gradings, &graded))?;
            }
            (Format::Text, None) => {
                loaded.tell_refused("not answered", arguments.reading.lenient);
            }
        }
    }
    Ok(if refused { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

fn run_compare(arguments: &Compare, knowledge: &Knowledge) -> Outcome {
    let words = Words { knowledge, language: language(arguments.lang) };
    let setting = setting(knowledge, arguments.reading.setting.as_deref())?;
    let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
    for id in [&arguments.a, &arguments.b] {
        if knowledge.diagnosis(id).is_none() {
            return Err(apatite_text::unknown_diagnosis(&words, id).into());
        }
    }
    if arguments.a == arguments.b {
        return Err(format!("`{}` is one diagnosis; name two to compare", arguments.a).into());
    }
    let mut out = stdout().lock();
    let loaded = cases::load(&arguments.case, knowledge, policy(&arguments.reading));
    if arguments.format == Format::Text {
        cases::report(&arguments.case, &loaded.problems);
    }
    if loaded.refused {
        if arguments.format == Format::Json {
            write_json(&mut out, &refusal_json(&words, &loaded), false)?;
        }
        return Ok(ExitCode::from(REFUSED));
    }
    let comparison = compare(&model, knowledge, &loaded.case, &arguments.a, &arguments.b)?;
    match arguments.format {
        Format::Text => write!(out, "{}", apatite_text::comparison(&words, &comparison))?,
        Format::Json => write_json(&mut out, &comparison_json(&words, &loaded, &comparison, setting), false)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn run_evaluate(arguments: &Evaluate, knowledge: &Knowledge) -> Outcome {
    let words = Words { knowledge, language: language(arguments.lang) };
    let setting = setting(knowledge, arguments.reading.setting.as_deref())?;
    let (proven, left_out) = proven_cases(&arguments.dir, knowledge, policy(&arguments.reading))?;
    let withheld = arguments
        .without
        .iter()
        .map(|part| match part {
            Part::Imaging => Withhold::Imaging,
            Part::Labs => Withhold::Labs,
            Part::History => Withhold::History,
        })
        .collect::<Vec<_>>();
    let folds = match arguments.folds {
        Some(folds) => Folds::K { folds: usize::from(folds), shipped: cases::shipped(knowledge) },
        None => Folds::None(counts_of(&knowledge.learned)),
    };
    if arguments.interactive_oracle || arguments.first_advice {
        let weights = weights(&[], knowledge)?;
        let (text, mut value) = if arguments.first_advice {
            let judged = advise_first(&proven, knowledge, setting, &folds, &weights)?;
            (apatite_text::first_advice(&words, &judged), json!({ "first_advice": judged }))
        } else {
            let asked = ask(&proven, knowledge, setting, &folds, arguments.seed)?;
            (apatite_text::asked(&words, &asked), json!({ "interactive_oracle": asked }))
        };
        let mut out = stdout().lock();
        if arguments.format == Format::Text {
            write!(out, "{text}")?;
        } else {
            value["setting"] = json!(setting);
            value["folds"] = json!(arguments.folds);
            value["left_out"] = left_out.iter().map(refused_json).collect();
            finish(&mut value, &words);
            write_json(&mut out, &value, false)?;
        }
        return Ok(if left_out.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) });
    }
    let evaluation = evaluate(&proven, knowledge, setting, &withheld, &folds)?;
    if evaluation.cases == 0 {
        return Err(format!("no case in {} has a proven diagnosis", arguments.dir.display()).into());
    }
    let mut out = stdout().lock();
    match arguments.format {
        Format::Text => write!(out, "{}", apatite_text::evaluation(&words, &evaluation))?,
        Format::Json => {
            let mut value = serde_json::to_value(&evaluation)?;
            value["setting"] = json!(setting);
            value["without"] = arguments.without.iter().map(|part| json!(part.word())).collect();
            value["folds"] = json!(arguments.folds);
            value["left_out"] = left_out.iter().map(refused_json).collect();
            finish(&mut value, &words);
            write_json(&mut out, &value, false)?;
        }
    }
    Ok(if !left_out.is_empty() { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

fn run_knowledge(
    command: &KnowledgeCommand,
    knowledge: &Knowledge,
    folder: &Folder,
    own: Option<&Path>,
) -> Outcome {
    let mut out = stdout().lock();
    match command {
        KnowledgeCommand::Check => {
            let (problems, mentions) = check(knowledge, folder);
            for problem in &problems {
                writeln!(out, "{}", place_of(own, problem))?;
            }
            if problems.is_empty() {
                // the numbers must make a network in every setting
                for setting in &knowledge.settings {
                    Model::new(knowledge, &setting.id, &counts_of(&knowledge.learned))?;
                }
            }
            let citations: usize = mentions.values().map(Vec::len).sum();
            writeln!(
                out,
                "knowledge {} ({}): {} diagnoses, {} findings, {} analytes, {} conditions, {} sources cited {citations} times; {} problems",
                knowledge.version,
                &knowledge.hash[..16],
                knowledge.diagnoses.len(),
                knowledge.findings.findings.len(),
                knowledge.analytes.analytes.len(),
                knowledge.conditions.len(),
                knowledge.bibliography.len(),
                problems.len()
            )?;
            return Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) });
        }
        KnowledgeCommand::Show { id, lang } => {
            let words = Words { knowledge, language: language(*lang) };
            match apatite_text::card(&words, id) {
                Some(card) => write!(out, "{card}")?,
                None => return Err(apatite_text::unknown_id(&words, id).into()),
            }
        }
        KnowledgeCommand::Export { format, case, setting } => {
            let setting = self::setting(knowledge, setting.as_deref())?;
            let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
            let mut properties = vec![
                ("knowledge".to_owned(), format!("{} sha256:{}", knowledge.version, knowledge.hash)),
                ("setting".to_owned(), setting.to_owned()),
                ("query".to_owned(), "diagnosis".to_owned()),
            ];
            if let Some(path) = case {
                let loaded = cases::load(path, knowledge, Policy::Default);
                cases::report(path, &loaded.problems);
                if loaded.refused {
                    return Ok(ExitCode::from(REFUSED));
                }
                let evidence = model.evidence(&loaded.case, knowledge).evidence;
                let network = model.engine().network();
                for (variable, likelihood) in evidence.items() {
                    let values = likelihood.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
                    properties.push((format!("evidence {}", network.variable(*variable).name), values));
                }
            }
            let name = format!("apatite {setting}");
            let text = match format {
                NetworkFormat::Xmlbif => to_xmlbif(model.engine().network(), &name, &properties),
                NetworkFormat::Bif => to_bif(model.engine().network(), &name, &properties),
            };
            write!(out, "{text}")?;
        }
        KnowledgeCommand::Fit { dir, out: file } => {
            let (mut proven, left_out) = proven_cases(dir, knowledge, Policy::Default)?;
            proven.retain(|proven| proven.case.expected.is_some());
            if proven.is_empty() {
                return Err(format!("no case in {} has a proven diagnosis", dir.display()).into());
            }
            let bare = Model::new(knowledge, &knowledge.settings[0].id, &Counts::none())?;
            let learned = fit(&proven, knowledge, &bare)?.to_learned();
            let text = learned.to_toml();
            match file {
                Some(path) => write_file(path, &text)?,
                None => write!(out, "{text}")?,
            }
            let cases =
                if proven.len() == 1 { "1 case".to_owned() } else { format!("{} cases", proven.len()) };
            tell(&format!("{cases} moved {} numbers", learned.counts().count()));
            if proven.len() >= 2 * FIT_FOLDS {
                tell(&format!(
                    "weight of a case against a patient of a series, log loss by {FIT_FOLDS}-fold cross-validation:"
                ));
                for (weight, log_loss) in
                    case_weights(&proven, knowledge, &knowledge.settings[0].id, FIT_FOLDS)?
                {
                    tell(&format!("  {weight:>5.2}  {log_loss:.3}"));
                }
                tell(&format!("knowledge.toml has case_weight = {}", knowledge.constants.case_weight));
            }
            return Ok(if !left_out.is_empty() { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS });
        }
        KnowledgeCommand::Manual { out: dir } => {
            for language in Language::ALL {
                for (path, text) in apatite_text::manual(&Words { knowledge, language }) {
                    let path = dir.join(path);
                    if let Some(parent) = path.parent() {
                        std::fs::create_dir_all(parent)
                            .map_err(|error| format!("cannot make {}: {error}", parent.display()))?;
                    }
                    write_file(&path, &text)?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All cases of a folder, and those of it that were refused.
fn proven_cases(
    dir: &Path,
    knowledge: &Knowledge,
    policy: Policy,
) -> Result<(Vec<ProvenCase>, Vec<LoadedCase>), Box<dyn Error>> {
    let mut proven = Vec::new();
    let mut left_out = Vec::new();
    for path in cases::files(&[dir.to_owned()])? {
        let loaded = cases::load(&path, knowledge, policy);
        if loaded.refused {
            cases::report(&path, &loaded.problems);
            tell(&format!("{}: left out", printable(&path.display().to_string())));
            left_out.push(loaded);
            continue;
        }
        let name = path.strip_prefix(dir).ok().filter(|name| !name.as_os_str().is_empty());
        let name = name.or_else(|| path.file_name().map(Path::new)).unwrap_or(&path);
        let name = name.to_string_lossy().replace('\\', "/");
        proven.push(cases::proven(&name, &loaded.text, loaded.case));
    }
    Ok((proven, left_out))
}

/// The setting that was asked for, or the first.
pub(crate) fn setting<'a>(knowledge: &'a Knowledge, asked: Option<&str>) -> Result<&'a str, String> {
    let known = || knowledge.settings.iter().map(|setting| setting.id.as_str());
    match asked {
        None => known().next().ok_or_else(|| "the knowledge has no setting".to_owned()),
        Some(asked) => known().find(|id| *id == asked).ok_or_else(|| {
            format!("there is no setting `{asked}`; there is {}", known().collect::<Vec<_>>().join(", "))
        }),
    }
}

/// A problem of the knowledge with the path of its file, as one can open it.
fn place_of(folder: Option<&Path>, problem: &KnowledgeProblem) -> String {
    let told = printable(&problem.to_string());
    folder.map_or(told.clone(), |folder| printable(&folder.join(told).display().to_string()))
}

fn write_file(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

pub(crate) fn policy(reading: &Reading) -> Policy {
    match (reading.strict, reading.lenient) {
        (true, _) => Policy::Strict,
        (_, true) => Policy::Lenient,
        _ => Policy::Default,
    }
}

pub(crate) fn language(lang: Lang) -> Language {
    match lang {
        Lang::En => Language::En,
        Lang::It => Language::It,
    }
}

pub(crate) fn diagnosis_json(words: &Words<'_>, loaded: &LoadedCase, answer: &Differential) -> Value {
    let mut value = json!(answer);
    value["facts"] = facts_json(words, answer.facts.iter().map(|report| &report.fact));
    if let Some(ranking) = value["differential"].as_array_mut() {
        for ranked in ranking {
            let name = ranked["diagnosis"].as_str().map(|id| words.diagnosis(id).to_owned());
            ranked["name"] = json!(name);
        }
    }
    add_case(&mut value, loaded);
    finish(&mut value, words);
    value
}

fn comparison_json(words: &Words<'_>, loaded: &LoadedCase, comparison: &Comparison, setting: &str) -> Value {
    let mut value = json!(comparison);
    value["names"] = json!([words.diagnosis(&comparison.a), words.diagnosis(&comparison.b)]);
    value["facts"] = facts_json(words, comparison.facts.iter().map(|report| &report.fact));
    value["would_separate"] = comparison
        .would_separate
        .iter()
        .map(|separation| {
            let states = separation.states.iter().map(|(state, a, b, decibans)| {
                json!({ "state": state, "probabilities": [a, b], "decibans": decibans })
            });
            json!({
                "id": separation.id,
                "expected_decibans": separation.expected_decibans,
                "states": states.collect::<Vec<_>>(),
            })
        })
        .collect();
    value["setting"] = json!(setting);
    add_case(&mut value, loaded);
    finish(&mut value, words);
    value
}

/// A case that was not answered.
pub(crate) fn refusal_json(words: &Words<'_>, loaded: &LoadedCase) -> Value {
    let mut value = refused_json(loaded);
    finish(&mut value, words);
    value
}

fn refused_json(loaded: &LoadedCase) -> Value {
    let mut value = json!({ "refused": true });
    add_case(&mut value, loaded);
    value
}

pub(crate) fn add_case(value: &mut Value, loaded: &LoadedCase) {
    value["file"] = json!(loaded.path.display().to_string());
    value["title"] = json!(loaded.case.title);
    value["warnings"] = json!(loaded.problems);
}

fn facts_json<'f>(words: &Words<'_>, facts: impl Iterator<Item = &'f Fact>) -> Value {
    facts
        .map(|fact| {
            let mut value = json!(fact);
            if let FactKind::Quantity { quantity, .. } = &fact.kind {
                let unit = words.knowledge.findings.quantities.get(quantity).map(|quantity| &quantity.unit);
                value["unit"] = json!(unit);
            }
            value["text"] = json!(words.fact(fact));
            value
        })
        .collect()
}

/// A sum of probabilities may exceed one in its last digit, which a reader need not expect.
fn cap_probabilities(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(cap_probabilities),
        Value::Object(entries) => {
            for (key, value) in entries {
                let is_share = matches!(key.as_str(), "probability" | "leader_probability" | "leads");
                if is_share && value.as_f64().is_some_and(|share| share > 1.0) {
                    *value = json!(1.0);
                }
                cap_probabilities(value);
            }
        }
        _ => {}
    }
}

/// What every answer carries: where it comes from and what it is for.
pub(crate) fn finish(value: &mut Value, words: &Words<'_>) {
    cap_probabilities(value);
    let knowledge = words.knowledge;
    value["knowledge"] = json!({ "version": knowledge.version, "hash": knowledge.hash });
    value["program"] = json!({ "name": "apatite", "version": env!("CARGO_PKG_VERSION") });
    value["intended_use"] = json!(words.text("intended-use", &[]));
}
