/*!
The commands that advise: what to do next, and what if.
*/

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::stdout;
use apatite_advise::{alarms, assess, clashes, next, what_if};
use apatite_case::{Case, HISTORY, Policy};
use apatite_knowledge::{BurdenWeights, Knowledge, nearest};
use apatite_reason::{Differential, Model, counts_of};
use apatite_text::Words;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::arguments::{Format, Lang, Reading};
use crate::cases::{self, LoadedCase};
use crate::commands::{Outcome, add_case, finish, language, policy, refusal_json, setting};
use crate::output::write_json;

#[derive(Debug, Args)]
pub(crate) struct Next {
    /// Case file
    pub(crate) case: PathBuf,
    /// Language of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// How burdens count against a bit: base, dose (mSv), contrast, invasiveness, delay (days), cost (class)
    #[arg(long, value_name = "NAME=NUMBER,...", value_delimiter = ',')]
    pub(crate) weights: Vec<String>,
    /// So many examinations in the ranking of the text; JSON has all
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) top: u16,
    /// So many examinations with what each answer would mean
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) explain: u16,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Suppose {
    /// Case file
    pub(crate) case: PathBuf,
    /// Finding to suppose present: ID, or ID@MODALITY; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) present: Vec<String>,
    /// Finding to suppose absent
    #[arg(long, value_name = "ID")]
    pub(crate) absent: Vec<String>,
    /// Laboratory result to suppose: a value with its unit, or a level
    #[arg(long, value_name = "ANALYTE=RESULT")]
    pub(crate) lab: Vec<String>,
    /// Language of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// So many diagnoses in the text; JSON has all
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) top: u16,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

pub(crate) fn run_next(arguments: &Next, knowledge: &Knowledge) -> Outcome {
    let words = Words { knowledge, language: language(arguments.lang) };
    let weights = weights(&arguments.weights, knowledge)?;
    let setting = setting(knowledge, arguments.reading.setting.as_deref())?;
    let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
    let Some(loaded) = load(&arguments.case, knowledge, &arguments.reading, arguments.format, &words)? else {
        return Ok(ExitCode::FAILURE);
    };
    let advice = next(&model, knowledge, &loaded.case, &weights)?;
    let mut out = stdout().lock();
    match arguments.format {
        Format::Text => {
            let (top, explained) = (usize::from(arguments.top), usize::from(arguments.explain));
            write!(out, "{}", apatite_text::advice(&words, &loaded.case, &advice, top, explained))?;
        }
        Format::Json => {
            let mut value = json!(advice);
            add_case(&mut value, &loaded);
            finish(&mut value, &words);
            write_json(&mut out, &value, false)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_what_if(arguments: &Suppose, knowledge: &Knowledge) -> Outcome {
    let words = Words { knowledge, language: language(arguments.lang) };
    let setting = setting(knowledge, arguments.reading.setting.as_deref())?;
    let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
    let Some(loaded) = load(&arguments.case, knowledge, &arguments.reading, arguments.format, &words)? else {
        return Ok(ExitCode::FAILURE);
    };
    let after = supposed(arguments, &loaded.case, knowledge)?;
    let answer = what_if(&model, knowledge, &loaded.case, &after)?;
    let mut out = stdout().lock();
    match arguments.format {
        Format::Text => {
            write!(out, "{}", apatite_text::what_if(&words, &answer, usize::from(arguments.top)))?;
        }
        Format::Json => {
            let mut value = json!(answer);
            add_case(&mut value, &loaded);
            finish(&mut value, &words);
            write_json(&mut out, &value, false)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What must be said beside a differential: the text before it, and its part of the JSON.
pub(crate) fn beside(
    words: &Words<'_>,
    model: &Model,
    case: &Case,
    answer: &Differential,
) -> Result<(String, Value), Box<dyn std::error::Error>> {
    let knowledge = words.knowledge;
    let posterior = model.diagnoses.iter().map(|id| {
        answer
            .differential
            .iter()
            .find(|ranked| ranked.diagnosis == *id)
            .map_or(0.0, |ranked| ranked.probability)
    });
    let alarms = alarms(case, knowledge, &posterior.collect::<Vec<_>>());
    let clashes = clashes(case, knowledge);
    let sufficiency = assess(model, knowledge, case)?;
    let text = apatite_text::alarms(words, &alarms, &clashes, sufficiency);
    Ok((text, json!({ "alarms": alarms, "clashes": clashes, "sufficiency": sufficiency })))
}

fn load(
    path: &std::path::Path,
    knowledge: &Knowledge,
    reading: &Reading,
    format: Format,
    words: &Words<'_>,
) -> Result<Option<LoadedCase>, Box<dyn std::error::Error>> {
    let loaded = cases::load(path, knowledge, policy(reading));
    if format == Format::Text {
        cases::report(path, &loaded.problems);
    }
    if !loaded.refused {
        return Ok(Some(loaded));
    }
    if format == Format::Json {
        write_json(&mut stdout().lock(), &refusal_json(words, &loaded), false)?;
    }
    Ok(None)
}

/// The weights of the knowledge, with those that were given in their place.
pub(crate) fn weights(given: &[String], knowledge: &Knowledge) -> Result<BurdenWeights, String> {
    let mut weights = knowledge.examinations.weights.clone();
    for pair in given {
        let fault = || {
            format!(
                "`{pair}` is no weight; write one of base, dose, contrast, invasiveness, delay, cost, then = and a \
                 number from 0 (base above 0)"
            )
        };
        let (name, number) = pair.split_once('=').ok_or_else(fault)?;
        let number = number.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        let number = number.ok_or_else(fault)?;
        match name.trim() {
            "base" if number > 0.0 => weights.base = number,
            "dose" => weights.dose = number,
            "contrast" => weights.contrast = number,
            "invasiveness" => weights.invasiveness = number,
            "delay" => weights.delay = number,
            "cost" => weights.cost = number,
            _ => return Err(fault()),
        }
    }
    Ok(weights)
}

/// The case with what is supposed in the place of what was told of the same things. It is read as a case is, so that
/// ids, units and values are judged alike.
fn supposed(arguments: &Suppose, case: &Case, knowledge: &Knowledge) -> Result<Case, String> {
    let mut blocks: Map<String, Value> = Map::new();
    for (given, key) in [(&arguments.present, "present"), (&arguments.absent, "absent")] {
        for told in given {
            let (finding, modality) = place_of(told, case, knowledge)?;
            let block = blocks.entry(modality).or_insert_with(|| json!({ "present": [], "absent": [] }));
            if let Some(list) = block[key].as_array_mut() {
                list.push(json!(finding));
            }
        }
    }
    let mut labs = Map::new();
    for told in &arguments.lab {
        let (analyte, result) = told.split_once('=').ok_or_else(|| {
            format!("`{told}` is no laboratory result; write it as \"phosphate=7.9 mg/dL\"")
        })?;
        labs.insert(analyte.trim().to_owned(), json!(result.trim()));
    }
    let mut patient = Map::new();
    if let Some(age) = case.age_years {
        patient.insert("age".to_owned(), json!(age));
    }
    if let Some(sex) = case.sex {
        patient.insert("sex".to_owned(), json!(sex.word()));
    }
    let history = blocks.remove(HISTORY).unwrap_or_else(|| json!({}));
    let imaging = blocks
        .into_iter()
        .map(|(modality, mut block)| {
            block["modality"] = json!(modality);
            block
        })
        .collect::<Vec<_>>();
    let text =
        json!({ "patient": patient, "history": history, "labs": labs, "imaging": imaging }).to_string();
    let reading = apatite_case::read(&text, apatite_case::Format::Json, knowledge, Policy::Default);
    if let Some(problem) =
        reading.problems.iter().find(|problem| problem.severity == apatite_case::Severity::Error)
    {
        let help = problem.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
        return Err(format!("what is supposed cannot be: {}{help}", problem.message));
    }
    let more = reading.case;
    let mut after = case.clone();
    after.observations.retain(|told| {
        !more.observations.iter().any(|new| new.finding == told.finding && new.modality == told.modality)
    });
    let shift = after.examinations.len();
    after.observations.extend(more.observations.into_iter().map(|mut told| {
        told.examination = told.examination.map(|index| index + shift);
        told
    }));
    after.examinations.extend(more.examinations);
    after.labs.retain(|told| !more.labs.iter().any(|new| new.analyte == told.analyte));
    after.labs.extend(more.labs);
    Ok(after)
}

/// The finding and the modality that would tell it: the one that is given, the history where it tells such things, an
/// examination that was made and shows it, or the one that shows it best.
fn place_of(told: &str, case: &Case, knowledge: &Knowledge) -> Result<(String, String), String> {
    let (finding, given) = match told.split_once('@') {
        Some((finding, modality)) => (finding, Some(modality)),
        None => (told, None),
    };
    if knowledge.vocabulary.group_of(finding).is_none() {
        let near = nearest(finding, knowledge.vocabulary.findings());
        let hint = if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
        return Err(format!("there is no finding `{finding}`{hint}"));
    }
    let shows = |modality: &str| knowledge.view(modality, finding).is_some();
    if let Some(modality) = given {
        if shows(modality) {
            return Ok((finding.to_owned(), modality.to_owned()));
        }
        let able = knowledge.modalities.keys().filter(|id| shows(id)).cloned().collect::<Vec<_>>();
        return Err(format!("`{modality}` cannot show `{finding}`; {} can", able.join(", ")));
    }
    let made = case.examinations.iter().map(|made| made.modality.as_str()).find(|modality| shows(modality));
    let sensitivity =
        |modality: &str| knowledge.view(modality, finding).map_or(0.0, |view| view.sensitivity.best);
    let best = || {
        let mut modalities = knowledge.modalities.keys().map(String::as_str).collect::<Vec<_>>();
        modalities.sort_by(|a, b| sensitivity(b).total_cmp(&sensitivity(a)).then(a.cmp(b)));
        modalities.first().copied().unwrap_or(HISTORY)
    };
    let modality = if shows(HISTORY) && made.is_none() { HISTORY } else { made.unwrap_or_else(best) };
    Ok((finding.to_owned(), modality.to_owned()))
}
