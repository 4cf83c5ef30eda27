/*!
Studies: the CT that a case names, `apatite measure` and `apatite phantom`.
*/

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anstream::stdout;
use apatite_case::{Case, Severity};
use apatite_dicom::{ReadError, Source, write_labels};
use apatite_knowledge::Knowledge;
use apatite_phantom::{Options, make, patterns};
use apatite_study::{Measurement, Request, join, measure, measure_and_keep};
use apatite_text::{Words, printable};
use apatite_volume::Volume;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::arguments::{Format, Measure, Phantom};
use crate::cases::Trouble;
use crate::output::{tell, write_json};

/// A study that a case names, with what pictures are made from.
pub(crate) struct LoadedStudy {
    /// Its name in the case.
    pub(crate) name: String,
    pub(crate) modality: String,
    /// StudyDate, YYYYMMDD; empty where unknown.
    pub(crate) date: String,
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
        let request = Request { paths: vec![folder.join(&study)], ..Request::default() };
        if modality != "CT" {
            if let Some(kept) = &mut kept {
                match with_progress(|progress| show(&request, &name, &modality, progress)) {
                    Ok(study) => kept.push(study),
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
                for warning in &measurement.warnings {
                    let message = format!("study `{name}`: {warning}");
                    troubles.push(Trouble::about("study", Severity::Note, message));
                }
                for disagreement in join(case, index, &measurement.analysis, knowledge) {
                    let said = if disagreement.reader_says_present { "present" } else { "absent" };
                    let message = format!(
                        "the reader says `{}` is {said}, and the images give it {:.0} % ({}); the reader's word stands",
                        disagreement.finding,
                        disagreement.probability * 100.0,
                        disagreement.because
                    );
                    troubles.push(Trouble::about("reader-and-images-disagree", Severity::Warning, message));
                }
                if let (Some(kept), Some(volume)) = (&mut kept, volume) {
                    let date = measurement.series.date.clone();
                    let measurement = Some(measurement);
                    kept.push(LoadedStudy { name, modality, date, volume, measurement });
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

/// Reads a study that is not measured, for pictures of it.
fn show(
    request: &Request,
    name: &str,
    modality: &str,
    progress: &dyn Fn(&str, f64),
) -> Result<LoadedStudy, ReadError> {
    let study = Source::open(&request.paths)?;
    let series = study.choose(None)?;
    let (volume, _) = series.load(&|done, of| progress("slices", done as f64 / of.max(1) as f64))?;
    Ok(LoadedStudy {
        name: name.to_owned(),
        modality: modality.to_owned(),
        date: series.study_date.clone(),
        volume,
        measurement: None,
    })
}

pub(crate) fn run_measure(arguments: &Measure, words: &Words<'_>) -> Result<ExitCode, Box<dyn Error>> {
    let request = Request {
        paths: arguments.study.clone(),
        series: arguments.series.clone(),
        bones: arguments.bones.clone(),
    };
    let measurement = with_progress(|progress| measure(&request, progress))?;
    if let Some(path) = &arguments.masks {
        write_labels(path, &measurement.analysis.labels)?;
    }
    let mut out = stdout().lock();
    match arguments.format {
        Format::Json => write_json(&mut out, &measurement_json(&measurement, words), false)?,
        Format::Text => {
            for warning in &measurement.warnings {
                tell(&format!("note: {}", printable(warning)));
            }
            write!(out, "{}", apatite_text::measurement(words, &measurement))?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
    let phantom = make(pattern, &Options { seed: arguments.seed, position, ..Options::default() })?;
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
