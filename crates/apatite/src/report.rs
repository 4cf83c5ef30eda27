/*!
`apatite report`: a case and its studies as documents.
*/

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::stdout;
use apatite_advise::next;
use apatite_follow::{Followed, Limits, follow};
use apatite_grade::{Gradings, grade_leading};
use apatite_knowledge::Knowledge;
use apatite_lesion::Kind;
use apatite_reason::{Model, counts_of, diagnose, robustness};
use apatite_report::{
    Input, Provenance, Report, Study, compose, html, is_in_view, pdf, pictures_of_measured,
    pictures_of_shown, text,
};
use apatite_text::{Words, printable};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use crate::arguments::{Lang, Reading};
use crate::cases::{self, Trouble};
use crate::commands::{language, policy, setting};
use crate::export::{ExportFormat, Exported, TableOf};
use crate::follow::{days_between, limits};
use crate::imaging::{LoadedStudy, with_progress};
use crate::output::tell;

/// Arguments of `apatite report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Case file
    pub(crate) case: PathBuf,
    /// Folder to write to; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// What to write [default: all that the case has something for]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORMAT,…")]
    pub(crate) formats: Vec<ReportFormat>,
    /// Language of the report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Day that the report speaks of, YYYY-MM-DD [default: that of the latest study]
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<Date>,
    /// So many diagnoses with their reasons
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) explain: u16,
    /// Draw all the numbers from their intervals so many times, for the intervals of the answer; 0 for none
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) draws: u16,
    /// Seed of the draws
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum ReportFormat {
    /// report.html: one file for screen and print
    Html,
    /// report.pdf: the same as tagged PDF/A-2a
    Pdf,
    /// report.txt: for dictation
    Text,
    /// report.fhir.json: FHIR R4 bundle
    Fhir,
    /// report.phenopacket.json: GA4GH phenopacket 2.0, the case
    Phenopacket,
    /// report.sr.dcm: DICOM SR by TID 1500; with a CT study
    Sr,
    /// lesions.seg.dcm: DICOM SEG; with a CT study
    Seg,
    /// lesions.rtstruct.dcm: DICOM RTSTRUCT; with a CT study
    Rtstruct,
    /// lesions.nii.gz: NIfTI label mask; with a CT study
    Nifti,
    /// differential.csv, and lesions.csv with a CT study
    Csv,
    /// The same as JSON, one object a line
    Jsonl,
    /// The same as Apache Parquet
    Parquet,
}

pub(crate) fn run_report(
    arguments: &ReportArguments,
    knowledge: &Knowledge,
) -> Result<ExitCode, Box<dyn Error>> {
    let words = Words { knowledge, language: language(arguments.lang) };
    let setting = setting(knowledge, arguments.reading.setting.as_deref())?;
    let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
    let loaded = cases::load_with_studies(&arguments.case, knowledge, policy(&arguments.reading));
    cases::report(&arguments.case, &loaded.problems);
    if loaded.refused {
        loaded.tell_refused("no report", arguments.reading.lenient);
        return Ok(ExitCode::from(1));
    }
    let mut answer = diagnose(&model, knowledge, &loaded.case, usize::from(arguments.explain))?;
    if arguments.draws > 0 {
        let draws = usize::from(arguments.draws);
        answer.add_robustness(&model, robustness(&model, knowledge, &loaded.case, draws, arguments.seed)?);
    }
    let advice = next(&model, knowledge, &loaded.case, &knowledge.examinations.weights)?;
    let provenance = Provenance {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        case_sha256: Sha256::digest(loaded.text.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    };
    let gradings = Gradings::of(knowledge)?;
    let graded = grade_leading(&gradings, knowledge, &loaded.case, answer.ranked());
    let change = change(&loaded.studies, knowledge)?;
    let studies = with_progress(|progress| studies(&words, &loaded.studies, progress))?;
    let latest = studies.iter().filter_map(|study| study.date).max();
    // what a measurement warns of stands with its study
    let told = |trouble: &&Trouble| {
        let remark = trouble.to_string();
        let mut measured = loaded.studies.iter().filter_map(|study| study.measurement.as_ref());
        measured.any(|measured| measured.warnings.iter().any(|warning| remark.ends_with(warning.as_str())))
    };
    let remarks = loaded.problems.iter().filter(|trouble| !told(trouble));
    let remarks = remarks.map(|trouble| trouble.remark(&words)).collect::<Vec<_>>();
    let report = compose(
        &words,
        &Input {
            case: &loaded.case,
            answer: &answer,
            advice: Some(&advice),
            gradings: Some((&gradings, &graded)),
            change: change.as_ref().map(|(followed, limits)| (followed, limits)),
            studies: &studies,
            date: arguments.date.or(latest),
            remarks: &remarks,
            provenance: &provenance,
        },
    );
    write(arguments, &report, &Exported { words: &words, loaded: &loaded, answer: &answer })
}

/// What the earliest and the latest measured study differ in; none where there are not two of different days.
fn change(
    studies: &[LoadedStudy],
    knowledge: &Knowledge,
) -> Result<Option<(Followed, Limits)>, Box<dyn Error>> {
    let mut dated = studies
        .iter()
        .filter_map(|study| Some((study.date.parse::<Date>().ok()?, study, study.measurement.as_ref()?)))
        .collect::<Vec<_>>();
    dated.sort_by_key(|(date, ..)| *date);
    let (Some(first), Some(last)) = (dated.first(), dated.last()) else { return Ok(None) };
    if first.0 == last.0 {
        return Ok(None);
    }
    let limits = limits(knowledge)?;
    let days = days_between(first.0, last.0);
    let [earlier, later] = [first, last].map(|(_, study, measurement)| apatite_follow::Study {
        volume: &study.volume,
        analysis: &measurement.analysis,
    });
    let followed = with_progress(|progress| {
        follow(&earlier, &later, days, &limits, &|share| progress("comparing", share))
    });
    match followed {
        Ok(followed) => Ok(Some((followed, limits))),
        Err(error) => {
            tell(&format!("note: the studies of {} and {} are not compared: {error}", first.0, last.0));
            Ok(None)
        }
    }
}

/// The studies with their key images.
fn studies<'l>(
    words: &Words<'_>,
    loaded: &'l [LoadedStudy],
    progress: &dyn Fn(&str, f64),
) -> Result<Vec<Study<'l>>, Box<dyn Error>> {
    let mut studies = Vec::new();
    for (index, study) in loaded.iter().enumerate() {
        progress("pictures", index as f64 / loaded.len() as f64);
        let pictures = match &study.measurement {
            Some(measurement) => pictures_of_measured(words, &study.volume, measurement)?,
            None => pictures_of_shown(words, &study.volume, lesion_in(study, loaded))?,
        };
        studies.push(Study {
            name: Path::new(&study.name)
                .file_name()
                .map_or(study.name.clone(), |name| name.to_string_lossy().into()),
            modality: study.modality.clone(),
            date: study.date.parse().ok(),
            measurement: study.measurement.as_ref(),
            pictures,
        });
    }
    Ok(studies)
}

/// Centre of the first calcification that another study measured in the space of this one; the surest stand first.
fn lesion_in(study: &LoadedStudy, all: &[LoadedStudy]) -> Option<[f64; 3]> {
    all.iter()
        .filter(|other| {
            !study.frame_of_reference.is_empty() && other.frame_of_reference == study.frame_of_reference
        })
        .filter_map(|other| other.measurement.as_ref())
        .flat_map(|measurement| &measurement.analysis.lesions)
        .find(|lesion| lesion.kind == Kind::Calcification && is_in_view(&study.volume, lesion.centre_mm))
        .map(|lesion| lesion.centre_mm)
}

fn write(
    arguments: &ReportArguments,
    report: &Report,
    exported: &Exported<'_>,
) -> Result<ExitCode, Box<dyn Error>> {
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let measured = exported.loaded.studies.iter().find_map(|study| study.measurement.as_ref());
    let has_origin = measured.is_some_and(|measurement| measurement.origin.is_some());
    let has_lesions = measured.is_some_and(|measurement| !measurement.analysis.lesions.is_empty());
    let all = arguments.formats.is_empty();
    let mut formats = if all { ReportFormat::value_variants().to_vec() } else { arguments.formats.clone() };
    // of all formats, those that the case has something for
    formats.retain(|format| {
        !all || match format {
            ReportFormat::Sr => has_origin,
            // neither can be empty; the report says that there is no lesion
            ReportFormat::Seg | ReportFormat::Rtstruct => has_origin && has_lesions,
            ReportFormat::Nifti => measured.is_some(),
            _ => true,
        }
    });
    formats.sort();
    formats.dedup();
    let mut out = stdout().lock();
    for format in formats {
        let mut put = |name: &str, bytes: &[u8]| -> Result<(), Box<dyn Error>> {
            let path = folder.join(name);
            write_file(&path, bytes)?;
            Ok(writeln!(out, "{}", printable(&path.display().to_string()))?)
        };
        let (export, files) = match format {
            ReportFormat::Html => {
                put("report.html", html(report).as_bytes())?;
                continue;
            }
            ReportFormat::Pdf => {
                put("report.pdf", &pdf(report)?)?;
                continue;
            }
            ReportFormat::Text => {
                put("report.txt", text(report).as_bytes())?;
                continue;
            }
            ReportFormat::Fhir => (ExportFormat::Fhir, ["report.fhir.json", ""]),
            ReportFormat::Phenopacket => (ExportFormat::Phenopacket, ["report.phenopacket.json", ""]),
            ReportFormat::Sr => (ExportFormat::Sr, ["report.sr.dcm", ""]),
            ReportFormat::Seg => (ExportFormat::Seg, ["lesions.seg.dcm", ""]),
            ReportFormat::Rtstruct => (ExportFormat::Rtstruct, ["lesions.rtstruct.dcm", ""]),
            ReportFormat::Nifti => (ExportFormat::Nifti, ["lesions.nii.gz", ""]),
            ReportFormat::Csv => (ExportFormat::Csv, ["differential.csv", "lesions.csv"]),
            ReportFormat::Jsonl => (ExportFormat::Jsonl, ["differential.jsonl", "lesions.jsonl"]),
            ReportFormat::Parquet => (ExportFormat::Parquet, ["differential.parquet", "lesions.parquet"]),
        };
        for (name, table) in files.into_iter().zip([TableOf::Differential, TableOf::Lesions]) {
            if name.is_empty() || (table == TableOf::Lesions && measured.is_none()) {
                continue;
            }
            let path = folder.join(name);
            exported.write(export, table, &path)?;
            writeln!(out, "{}", printable(&path.display().to_string()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
