/*!
`apatite follow`: two CT studies of one patient.
*/

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::stdout;
use apatite_dicom::{Source, write_labels};
use apatite_follow::{Followed, Limits, Study, follow, parts_patients};
use apatite_knowledge::Knowledge;
use apatite_lesion::{Analysis, Masks, Options, analyse};
use apatite_text::{Words, printable};
use apatite_volume::Volume;
use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::arguments::{Format, Lang};
use crate::imaging::with_progress;
use crate::output::{tell, write_json};

#[derive(Debug, Args)]
pub(crate) struct Follow {
    /// Earlier study: a folder, DICOMDIR, zip archive or NIfTI
    pub(crate) earlier: PathBuf,
    /// Later study of the same patient and region
    pub(crate) later: PathBuf,
    /// Language of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// The studies are of one patient though their PatientBirthDate or PatientSex differ
    #[arg(long)]
    pub(crate) same_patient: bool,
    /// Days between the studies [default: from StudyDate]
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u32>,
    /// Series of the earlier study: #2, a number, a UID or a part of its description [default: the best CT]
    #[arg(long, value_name = "SERIES")]
    pub(crate) earlier_series: Option<String>,
    /// Series of the later study
    #[arg(long, value_name = "SERIES")]
    pub(crate) later_series: Option<String>,
    /// Write the lesions under their common numbers, earlier.nii.gz and later.nii.gz, each on the grid of its series
    #[arg(long, value_name = "DIR")]
    pub(crate) masks: Option<PathBuf>,
}

/// A study as read.
struct Read {
    volume: Volume,
    analysis: Analysis,
    /// StudyDate, where it is a date.
    date: Option<Date>,
    series_uid: String,
    /// PatientID, PatientBirthDate and PatientSex; empty where the study does not tell.
    patient: [String; 3],
    warnings: Vec<String>,
}

pub(crate) fn run(arguments: &Follow, words: &Words<'_>) -> Result<ExitCode, Box<dyn Error>> {
    let limits = limits(words.knowledge)?;
    let (earlier, later, followed) = with_progress(|progress| -> Result<_, Box<dyn Error>> {
        let half = |from: f64| move |step: &str, share: f64| progress(step, from + 0.4 * share);
        let earlier = read(&arguments.earlier, arguments.earlier_series.as_deref(), &half(0.0))?;
        let later = read(&arguments.later, arguments.later_series.as_deref(), &half(0.4))?;
        same_patient(&earlier, &later, arguments.same_patient)?;
        let days = match arguments.days {
            Some(days) => Some(f64::from(days)),
            None => earlier.date.zip(later.date).and_then(|(from, to)| days_between(from, to)),
        };
        let studies =
            [&earlier, &later].map(|study| Study { volume: &study.volume, analysis: &study.analysis });
        let followed = follow(&studies[0], &studies[1], days, &limits, &|share| {
            progress("comparing", 0.8 + 0.2 * share);
        })?;
        Ok((earlier, later, followed))
    })?;
    if let Some(folder) = &arguments.masks {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        write_labels(&folder.join("earlier.nii.gz"), &followed.labels(&earlier.analysis, false))?;
        write_labels(&folder.join("later.nii.gz"), &followed.labels(&later.analysis, true))?;
    }
    let mut out = stdout().lock();
    match arguments.format {
        Format::Json => {
            write_json(&mut out, &followed_json(&followed, &earlier, &later, &limits, words)?, false)?;
        }
        Format::Text => {
            for (study, name) in [(&earlier, "earlier"), (&later, "later")] {
                for warning in &study.warnings {
                    tell(&format!("note: {name} study: {}", printable(warning)));
                }
            }
            write!(out, "{}", apatite_text::followed(words, &followed, &limits))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the studies say that they are of one patient; other numbers of the patient are only told.
fn same_patient(earlier: &Read, later: &Read, taken_for_granted: bool) -> Result<(), String> {
    if let Some(attribute) = parts_patients(&earlier.patient, &later.patient)
        && !taken_for_granted
    {
        return Err(format!(
            "the studies have different {attribute}: they are of two patients, or one was entered wrongly; \
             --same-patient compares them all the same"
        ));
    }
    let numbers = [&earlier.patient[0], &later.patient[0]];
    if numbers.iter().all(|number| !number.is_empty()) && numbers[0] != numbers[1] {
        tell("note: the studies have different PatientID: make sure that they are of one patient");
    }
    Ok(())
}

/// Reads and analyses a study. Of what was shown before, only what the steps are called and their share is told.
fn read(path: &Path, series: Option<&str>, progress: &dyn Fn(&str, f64)) -> Result<Read, Box<dyn Error>> {
    let name = printable(&path.display().to_string());
    let named = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    let study = Source::open(&[path.to_owned()]).map_err(|error| named(&error))?;
    let series = study.choose(series).map_err(|error| named(&error))?;
    let mut warnings: Vec<String> = study.warnings.iter().map(ToString::to_string).collect();
    let (volume, more) = series
        .load(&|done, of| progress("slices", 0.4 * done as f64 / of.max(1) as f64))
        .map_err(|error| named(&error))?;
    warnings.extend(more.iter().map(ToString::to_string));
    let options = Options { masks: Masks::All, ..Options::default() };
    let analysis = analyse(&volume, &options, &|step, share| progress(step, 0.4 + 0.6 * share))
        .map_err(|error| named(&error))?;
    warnings.extend(analysis.warnings.iter().cloned());
    let date = Date::strptime("%Y%m%d", &series.study_date).ok();
    let origin = series.origin().map_err(|error| named(&error))?;
    let patient = origin.map(|origin| origin.patient()).unwrap_or_default();
    Ok(Read { volume, analysis, date, series_uid: series.uid.clone(), patient, warnings })
}

/// The limits of repeatability of the knowledge.
pub(crate) fn limits(knowledge: &Knowledge) -> Result<Limits, Box<dyn Error>> {
    let text = knowledge.rules.get("change.toml").ok_or("the knowledge has no change.toml")?;
    Ok(Limits::read(text)?)
}

/// Days from one date to another; none where the second is not later.
pub(crate) fn days_between(from: Date, to: Date) -> Option<f64> {
    let days = from.until(to).ok()?.get_days();
    (days > 0).then(|| f64::from(days))
}

fn followed_json(
    followed: &Followed,
    earlier: &Read,
    later: &Read,
    limits: &Limits,
    words: &Words<'_>,
) -> Result<Value, Box<dyn Error>> {
    let study = |study: &Read| {
        json!({
            "series": study.series_uid,
            "size": study.volume.size,
            "spacing_mm": study.volume.geometry.spacing_mm(),
            "patient_position": study.volume.acquisition.patient_position,
            "noise_hu": study.analysis.noise_hu,
            "warnings": study.warnings,
        })
    };
    let mut value = json!({ "earlier": study(earlier), "later": study(later) });
    let told = serde_json::to_value(followed)?;
    if let (Some(value), Value::Object(told)) = (value.as_object_mut(), told) {
        value.extend(told);
    }
    let mut sources: Vec<&str> = limits.sources().collect();
    sources.sort_unstable();
    sources.dedup();
    value["limit_sources"] = json!(sources);
    crate::commands::finish(&mut value, words);
    Ok(value)
}
