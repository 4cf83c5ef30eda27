/*!
Studies: the CT that a case names, `apatite measure` and `apatite phantom`.
*/

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anstream::stdout;
use apatite_case::{Case, Examination, Severity};
use apatite_dicom::{ReadError, Source, write_labels};
use apatite_knowledge::Knowledge;
use apatite_phantom::{Options, Visit, make, patterns};
use apatite_reason::{Model, counts_of, diagnose};
use apatite_study::{Masks, Measurement, Request, join, measure, measure_and_keep};
use apatite_text::{Words, printable};
use apatite_volume::Volume;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::arguments::{Format, Measure, Phantom};
use crate::cases::{self, LoadedCase, Trouble};
use crate::commands::{diagnosis_json, policy, setting};
use crate::output::{tell, write_json};

/// A study that a case names, with what pictures are made from.
pub(crate) struct LoadedStudy {
    /// Its name in the case.
    pub(crate) name: String,
    pub(crate) modality: String,
    /// StudyDate, YYYYMMDD; empty where unknown.
    pub(crate) date: String,
    /// FrameOfReferenceUID; empty where unknown.
    pub(crate) frame_of_reference: String,
    pub(crate) volume: Volume,
    /// None where it was only read.
    pub(crate) measurement: Option<Measurement>,
}

/// Measures the CT studies that the case names and joins what was measured to what was written. `kept` receives what
/// was read of all studies that are volumes.
pub(crate) fn measure_studies(
    case: &mut Case,
    case_file: &Path,
    knowledge: &Knowledge,
    mut kept: Option<&mut Vec<LoadedStudy>>,
) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let folder = case_file.parent().unwrap_or(Path::new("."));
    for index in 0..case.examinations.len() {
        let Some(study) = case.examinations[index].study.clone() else { continue };
        let modality = case.examinations[index].modality.clone();
        let name = printable(&study.display().to_string());
        let request = Request { paths: vec![folder.join(&study)], masks: Masks::None, ..Request::default() };
        if modality != "CT" {
            if let Some(kept) = &mut kept {
                match with_progress(|progress| show(&request, &name, &modality, progress)) {
                    Ok((study, warnings)) => {
                        troubles.extend(warnings.iter().map(|warning| warned(&name, warning)));
                        kept.push(study);
                    }
                    Err(error) => {
                        let message = format!("the {modality} study `{name}` is not shown: {error}");
                        troubles.push(Trouble::about("study-not-shown", Severity::Warning, message));
                    }
                }
                continue;
            }
            let message = format!("the {modality} study `{name}` is not measured: only CT is");
            troubles.push(Trouble::about("study-not-measured", Severity::Warning, message));
            continue;
        }
        let measured = with_progress(|progress| match kept {
            Some(_) => {
                measure_and_keep(&request, progress).map(|(measurement, volume)| (measurement, Some(volume)))
            }
            None => measure(&request, progress).map(|measurement| (measurement, None)),
        });
        match measured {
            Ok((measurement, volume)) => {
                troubles.extend(measurement.warnings.iter().map(|warning| warned(&name, warning)));
                let disagreements = join(case, index, &measurement.analysis, knowledge);
                troubles.extend(disagreements.into_iter().map(Trouble::disagreement));
                if let (Some(kept), Some(volume)) = (&mut kept, volume) {
                    let date = measurement.series.date.clone();
                    let origin = measurement.origin.as_ref();
                    let frame_of_reference =
                        origin.map_or(String::new(), |origin| origin.frame_of_reference.clone());
                    let measurement = Some(measurement);
                    kept.push(LoadedStudy { name, modality, date, frame_of_reference, volume, measurement });
                }
            }
            Err(error) => {
                let message = format!("the study `{name}` is not measured: {error}");
                troubles.push(Trouble::about("study-not-measured", Severity::Warning, message));
            }
        }
    }
    troubles
}

fn warned(name: &str, warning: &str) -> Trouble {
    Trouble::about("study", Severity::Note, format!("study `{name}`: {warning}"))
}

/// Reads a study that is not measured, for pictures of it; and what was left out or repaired on the way.
fn show(
    request: &Request,
    name: &str,
    modality: &str,
    progress: &dyn Fn(&str, f64),
) -> Result<(LoadedStudy, Vec<String>), ReadError> {
    let study = Source::open(&request.paths)?;
    let series = study.choose(None)?;
    let (volume, read) = series.load(&|done, of| progress("slices", done as f64 / of.max(1) as f64))?;
    let warnings = study.notes().chain(read.iter().map(ToString::to_string)).collect();
    let study = LoadedStudy {
        name: name.to_owned(),
        modality: modality.to_owned(),
        date: series.study_date.clone(),
        frame_of_reference: series.frame_of_reference.clone(),
        volume,
        measurement: None,
    };
    Ok((study, warnings))
}

pub(crate) fn run_measure(arguments: &Measure, words: &Words<'_>) -> Result<ExitCode, Box<dyn Error>> {
    let knowledge = words.knowledge;
    // a case that cannot be answered is told before minutes of work
    let case = match &arguments.case {
        Some(path) => Some(case_of(path, arguments, knowledge)?),
        None => None,
    };
    let request = Request {
        paths: arguments.study.clone(),
        series: arguments.series.clone(),
        bones: arguments.bones.clone(),
        calibration: arguments.calibration,
        masks: if arguments.masks.is_some() { Masks::Lesions } else { Masks::None },
    };
    let measurement = with_progress(|progress| measure(&request, progress))?;
    if let Some(path) = &arguments.masks {
        write_labels(path, &measurement.analysis.labels)?;
    }
    let answer = match case {
        Some(mut loaded) => {
            let examination = examination(&mut loaded.case);
            let disagreements = join(&mut loaded.case, examination, &measurement.analysis, knowledge);
            loaded.problems.extend(disagreements.into_iter().map(Trouble::disagreement));
            let setting = setting(knowledge, arguments.reading.setting.as_deref())?;
            let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
            let answer = diagnose(&model, knowledge, &loaded.case, EXPLAINED)?;
            Some((loaded, answer))
        }
        None => None,
    };
    let mut out = stdout().lock();
    match arguments.format {
        Format::Json => {
            let mut value = measurement_json(&measurement, words);
            if let Some((loaded, answer)) = &answer {
                let told = diagnosis_json(words, loaded, answer);
                for key in ["setting", "differential", "facts"] {
                    value[key] = told[key].clone();
                }
                value["case"] = json!({ "file": told["file"], "warnings": told["warnings"] });
            }
            write_json(&mut out, &value, false)?;
        }
        Format::Text => {
            for warning in &measurement.warnings {
                tell(&format!("note: {}", printable(warning)));
            }
            write!(out, "{}", apatite_text::measurement(words, &measurement))?;
            if let Some((loaded, answer)) = &answer {
                cases::report(&loaded.path, &loaded.problems);
                write!(out, "\n{}", apatite_text::differential(words, &loaded.case, answer, TOLD))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Diagnoses that are explained, and that are told, of a measured case.
const EXPLAINED: usize = 3;
const TOLD: usize = 10;

fn case_of(path: &Path, arguments: &Measure, knowledge: &Knowledge) -> Result<LoadedCase, Box<dyn Error>> {
    let loaded = cases::written(path, knowledge, policy(&arguments.reading));
    if loaded.refused {
        cases::report(path, &loaded.problems);
        return Err(format!("{}: not answered; see above", path.display()).into());
    }
    Ok(loaded)
}

/// The CT of the case that names a study, or else its first CT, or else a new one.
fn examination(case: &mut Case) -> usize {
    let ct = |with_study: bool| {
        case.examinations.iter().position(|examination| {
            examination.modality == "CT" && (examination.study.is_some() || !with_study)
        })
    };
    if let Some(index) = ct(true).or_else(|| ct(false)) {
        return index;
    }
    case.examinations.push(Examination { modality: "CT".to_owned(), ..Examination::default() });
    case.examinations.len() - 1
}

pub(crate) fn run_phantom(arguments: &Phantom, words: &Words<'_>) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = stdout().lock();
    let (Some(pattern), Some(folder)) = (&arguments.pattern, &arguments.out) else {
        for pattern in patterns() {
            let text = match words.language {
                apatite_knowledge::Language::En => pattern.english,
                apatite_knowledge::Language::It => pattern.italian,
            };
            writeln!(out, "{:<34} {text}", pattern.id)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let position = arguments.position.as_deref().map(str::parse).transpose()?;
    let visit = arguments.visit.map(|number| Visit {
        number,
        weeks: arguments.weeks,
        growth: arguments.growth,
        turned_degrees: arguments.turned,
        shifted_mm: arguments.shifted,
    });
    let phantom = make(pattern, &Options { seed: arguments.seed, position, visit, ..Options::default() })?;
    phantom.write(folder)?;
    let path = printable(&folder.display().to_string());
    writeln!(
        out,
        "{path}/ct, {path}/case.toml, {path}/truth.json, {path}/truth.nii.gz, {path}/bones.nii.gz"
    )?;
    Ok(ExitCode::SUCCESS)
}

fn measurement_json(measurement: &Measurement, words: &Words<'_>) -> Value {
    let analysis = &measurement.analysis;
    let timings_ms: BTreeMap<_, _> =
        analysis.timings_ms.iter().map(|(step, ms)| (*step, (ms * 100.0).round() / 100.0)).collect();
    let mut value = json!({
        "series": measurement.series,
        "lesions": analysis.lesions,
        "findings": analysis.findings,
        "gap": analysis.gap,
        "region": analysis.region,
        "warnings": measurement.warnings,
        "timings_ms": timings_ms,
    });
    crate::commands::finish(&mut value, words);
    value
}

/// A bar on a terminal, nothing elsewhere.
pub(crate) fn with_progress<T>(work: impl FnOnce(&dyn Fn(&str, f64)) -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work(&|_, _| {});
    }
    const STEPS: u64 = 1000;
    let bar = ProgressBar::new(STEPS);
    if let Ok(style) = ProgressStyle::with_template("{msg:<10} [{bar:30}] {elapsed}") {
        bar.set_style(style.progress_chars("█░ "));
    }
    let result = work(&|step, share| {
        bar.set_message(step.to_owned());
        bar.set_position((share * STEPS as f64) as u64);
    });
    bar.finish_and_clear();
    result
}
