use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anstream::{eprintln, stdout};
use apatite_case::{Policy, Problem};
use apatite_knowledge::{Folder, Knowledge, Language, check};
use apatite_network::{to_bif, to_xmlbif};
use apatite_reason::{
    Counts, Differential, Fact, Folds, Model, ProvenCase, Withhold, compare, counts_of, diagnose, evaluate,
    fit, robustness,
};
use apatite_text::Words;
use serde::Serialize;
use serde_json::{Value, json};

use crate::arguments::{
    Arguments, Command, Compare, Diagnose, Evaluate, Format, KnowledgeCommand, Lang, NetworkFormat, Part,
    Reading,
};
use crate::cases::{self, LoadedCase};
use crate::schema::schema;

type Outcome = Result<ExitCode, Box<dyn Error>>;

/// Exit code where the input, not the program or its use, is at fault.
const REFUSED: u8 = 1;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if let Command::Schema { of } = &arguments.command {
        write!(stdout(), "{}", schema(*of))?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = match &arguments.knowledge {
        Some(path) => Folder::from_dir(path)?,
        None => Folder::embedded(),
    };
    let knowledge = match Knowledge::read(&folder) {
        Ok(knowledge) => knowledge,
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            return Err("the knowledge cannot be read".into());
        }
    };
    match &arguments.command {
        Command::Diagnose(arguments) => run_diagnose(arguments, &knowledge),
        Command::Compare(arguments) => run_compare(arguments, &knowledge),
        Command::Evaluate(arguments) => run_evaluate(arguments, &knowledge),
        Command::Knowledge(command) => run_knowledge(command, &knowledge, &folder),
        Command::Schema { .. } => Ok(ExitCode::SUCCESS),
    }
}

fn run_diagnose(arguments: &Diagnose, knowledge: &Knowledge) -> Outcome {
    let words = Words { knowledge, language: language(arguments.lang) };
    let model = model(knowledge, &arguments.reading)?;
    let files = cases::files(&arguments.cases)?;
    let many = files.len() > 1 || arguments.cases.iter().any(|path| path.is_dir());
    if files.is_empty() {
        return Err("there is no case file (.toml or .json) in what was named".into());
    }
    let explained = if many { 0 } else { usize::from(arguments.explain) };
    let mut out = stdout().lock();
    let mut refused = false;
    for path in files {
        let loaded = cases::load(&path, knowledge, policy(&arguments.reading))?;
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
                let value = diagnosis_json(&words, &loaded, answer.as_ref());
                let text =
                    if many { serde_json::to_string(&value)? } else { serde_json::to_string_pretty(&value)? };
                writeln!(out, "{text}")?;
            }
            (Format::Text, Some(answer)) if many => {
                writeln!(out, "{}", apatite_text::one_line(&words, &path.display().to_string(), &answer))?;
            }
            (Format::Text, Some(answer)) => {
                let top = usize::from(arguments.top);
                write!(out, "{}", apatite_text::differential(&words, &loaded.case, &answer, top))?;
            }
            (Format::Text, None) => {
                eprintln!("{}: not answered; see above, or try --lenient", path.display());
            }
        }
    }
    Ok(if refused { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

fn run_compare(arguments: &Compare, knowledge: &Knowledge) -> Outcome {
    let words = Words { knowledge, language: language(arguments.lang) };
    let model = model(knowledge, &arguments.reading)?;
    for id in [&arguments.a, &arguments.b] {
        if knowledge.diagnosis(id).is_none() {
            return Err(apatite_text::unknown_id(&words, id).into());
        }
    }
    let loaded = cases::load(&arguments.case, knowledge, policy(&arguments.reading))?;
    cases::report(&arguments.case, &loaded.problems);
    if loaded.refused {
        return Ok(ExitCode::from(REFUSED));
    }
    let comparison = compare(&model, knowledge, &loaded.case, &arguments.a, &arguments.b)?;
    let mut out = stdout().lock();
    match arguments.format {
        Format::Text => write!(out, "{}", apatite_text::comparison(&words, &comparison))?,
        Format::Json => {
            let mut value = serde_json::to_value(&comparison)?;
            let facts = comparison.facts.iter().map(|report| &report.fact);
            value["facts"] = facts_json(&words, facts);
            value["warnings"] = problems_json(&loaded.problems);
            finish(&mut value, &words);
            writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn run_evaluate(arguments: &Evaluate, knowledge: &Knowledge) -> Outcome {
    let words = Words { knowledge, language: language(arguments.lang) };
    let setting = setting(knowledge, &arguments.reading);
    let (proven, refused) = proven_cases(&arguments.dir, knowledge, policy(&arguments.reading))?;
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
            finish(&mut value, &words);
            writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
        }
    }
    Ok(if refused { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

fn run_knowledge(command: &KnowledgeCommand, knowledge: &Knowledge, folder: &Folder) -> Outcome {
    let mut out = stdout().lock();
    match command {
        KnowledgeCommand::Check => {
            let (problems, mentions) = check(knowledge, folder);
            for problem in &problems {
                writeln!(out, "{problem}")?;
            }
            // the numbers must make a network in every setting
            for setting in &knowledge.settings {
                Model::new(knowledge, &setting.id, &counts_of(&knowledge.learned))?;
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
            let setting = setting.as_deref().unwrap_or(&knowledge.settings[0].id);
            let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
            let mut properties = vec![
                ("knowledge".to_owned(), format!("{} sha256:{}", knowledge.version, knowledge.hash)),
                ("setting".to_owned(), setting.to_owned()),
                ("query".to_owned(), "diagnosis".to_owned()),
            ];
            if let Some(path) = case {
                let loaded = cases::load(path, knowledge, Policy::Default)?;
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
            let (proven, refused) = proven_cases(dir, knowledge, Policy::Default)?;
            let bare = Model::new(knowledge, &knowledge.settings[0].id, &Counts::none())?;
            let learned = fit(&proven, knowledge, &bare)?.to_learned();
            let text = learned.to_toml();
            match file {
                Some(path) => std::fs::write(path, text)?,
                None => write!(out, "{text}")?,
            }
            eprintln!("{} cases moved {} numbers", proven.len(), learned.counts().count());
            return Ok(if refused { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS });
        }
        KnowledgeCommand::Manual { out: dir } => {
            for language in Language::ALL {
                for (path, text) in apatite_text::manual(&Words { knowledge, language }) {
                    let path = dir.join(path);
                    if let Some(parent) = path.parent() {
                        std::fs::create_dir_all(parent)?;
                    }
                    std::fs::write(path, text)?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All cases of a folder; whether any of them was refused.
fn proven_cases(
    dir: &Path,
    knowledge: &Knowledge,
    policy: Policy,
) -> Result<(Vec<ProvenCase>, bool), Box<dyn Error>> {
    let mut proven = Vec::new();
    let mut any_refused = false;
    for path in cases::files(&[dir.to_owned()])? {
        let LoadedCase { text, case, problems, refused, .. } = cases::load(&path, knowledge, policy)?;
        if refused {
            cases::report(&path, &problems);
            eprintln!("{}: left out", path.display());
            any_refused = true;
            continue;
        }
        let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        proven.push(cases::proven(&name, &text, case));
    }
    Ok((proven, any_refused))
}

fn model(knowledge: &Knowledge, reading: &Reading) -> Result<Model, Box<dyn Error>> {
    let setting = setting(knowledge, reading);
    if knowledge.setting(setting).is_none() {
        let known =
            knowledge.settings.iter().map(|setting| setting.id.as_str()).collect::<Vec<_>>().join(", ");
        return Err(format!("there is no setting `{setting}`; there is {known}").into());
    }
    Ok(Model::new(knowledge, setting, &counts_of(&knowledge.learned))?)
}

fn setting<'a>(knowledge: &'a Knowledge, reading: &'a Reading) -> &'a str {
    reading.setting.as_deref().unwrap_or_else(|| knowledge.settings.first().map_or("", |setting| &setting.id))
}

fn policy(reading: &Reading) -> Policy {
    match (reading.strict, reading.lenient) {
        (true, _) => Policy::Strict,
        (_, true) => Policy::Lenient,
        _ => Policy::Default,
    }
}

fn language(lang: Lang) -> Language {
    match lang {
        Lang::En => Language::En,
        Lang::It => Language::It,
    }
}

fn diagnosis_json(words: &Words<'_>, loaded: &LoadedCase, answer: Option<&Differential>) -> Value {
    let mut value = match answer {
        Some(answer) => {
            let mut value = json!(answer);
            value["facts"] = facts_json(words, answer.facts.iter().map(|report| &report.fact));
            if let Some(ranking) = value["differential"].as_array_mut() {
                for ranked in ranking {
                    let name = ranked["diagnosis"].as_str().map(|id| words.diagnosis(id).to_owned());
                    ranked["name"] = json!(name);
                }
            }
            value
        }
        None => json!({ "refused": true }),
    };
    value["file"] = json!(loaded.path.display().to_string());
    value["title"] = json!(loaded.case.title);
    value["warnings"] = problems_json(&loaded.problems);
    finish(&mut value, words);
    value
}

fn facts_json<'f>(words: &Words<'_>, facts: impl Iterator<Item = &'f Fact>) -> Value {
    facts
        .map(|fact| {
            let mut value = json!(fact);
            value["text"] = json!(words.fact(fact));
            value
        })
        .collect()
}

fn problems_json(problems: &[Problem]) -> Value {
    #[derive(Serialize)]
    struct Named<'p> {
        #[serde(flatten)]
        problem: &'p Problem,
    }
    json!(problems.iter().map(|problem| Named { problem }).collect::<Vec<_>>())
}

/// What every answer carries: where it comes from and what it is for.
fn finish(value: &mut Value, words: &Words<'_>) {
    let knowledge = words.knowledge;
    value["knowledge"] = json!({ "version": knowledge.version, "hash": knowledge.hash });
    value["program"] = json!({ "name": "apatite", "version": env!("CARGO_PKG_VERSION") });
    value["intended_use"] = json!(words.text("intended-use", &[]));
}
