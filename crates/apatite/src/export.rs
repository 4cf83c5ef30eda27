/*!
`apatite export` and `apatite import`: cases, answers and lesions for other systems, and back.
*/

use std::error::Error;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use apatite_case::Policy;
use apatite_dicom::write_labels;
use apatite_fhir::{Document, Input};
use apatite_knowledge::Knowledge;
use apatite_objects::{Measured, Object, Told, report, segmentation, structures};
use apatite_reason::{Differential, Model, counts_of, diagnose, robustness};
use apatite_study::Measurement;
use apatite_tables::{Table, differential, lesions};
use apatite_text::{Words, printable};
use clap::{Args, ValueEnum};

use crate::arguments::{Lang, Reading};
use crate::cases::{self, LoadedCase};
use crate::commands::{language, policy, setting};
use crate::output::{tell, write_json};

/// Arguments of `apatite export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Case file
    pub(crate) case: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormat,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Which table csv, jsonl and parquet hold
    #[arg(long, value_enum, default_value_t)]
    pub(crate) table: TableOf,
    /// Language of names and texts
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Draw all the numbers from their intervals so many times, for the intervals of the answer; 0 for none
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) draws: u16,
    /// Seed of the draws
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Arguments of `apatite import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// FHIR R4 bundle or phenopacket, JSON
    pub(crate) file: PathBuf,
    /// Case file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// FHIR R4 bundle, JSON: case, lesions, differential
    Fhir,
    /// GA4GH phenopacket 2.0, JSON: the case
    Phenopacket,
    /// DICOM SR by TID 1500: measurements and differential
    Sr,
    /// DICOM SEG: one segment a lesion
    Seg,
    /// DICOM RTSTRUCT: contours of the lesions
    Rtstruct,
    /// NIfTI label mask of the lesions (.nii or .nii.gz)
    Nifti,
    /// Comma-separated values
    Csv,
    /// JSON, one object a line
    Jsonl,
    /// Apache Parquet
    Parquet,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableOf {
    /// A row a diagnosis
    #[default]
    Differential,
    /// A row a lesion
    Lesions,
}

/// Largest document that is read: bundles carry much that a case does not need.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

pub(crate) fn run_export(
    arguments: &ExportArguments,
    knowledge: &Knowledge,
) -> Result<ExitCode, Box<dyn Error>> {
    let words = Words { knowledge, language: language(arguments.lang) };
    let loaded = cases::load_with_studies(&arguments.case, knowledge, policy(&arguments.reading));
    cases::report(&arguments.case, &loaded.problems);
    if loaded.refused {
        loaded.tell_refused("not written", arguments.reading.lenient);
        return Ok(ExitCode::from(1));
    }
    let answer = answer(arguments, knowledge, &loaded)?;
    let exported = Exported { words: &words, loaded: &loaded, answer: &answer };
    exported.write(arguments.format, arguments.table, &arguments.out)?;
    let path = printable(&arguments.out.display().to_string());
    tell(&words.text("exchange-written", &[("path", &path)]));
    Ok(ExitCode::SUCCESS)
}

/// A case with its answer, to be written in the forms of other systems.
pub(crate) struct Exported<'a> {
    pub(crate) words: &'a Words<'a>,
    pub(crate) loaded: &'a LoadedCase,
    pub(crate) answer: &'a Differential,
}

impl Exported<'_> {
    /// Writes one file. What the format cannot carry is told.
    pub(crate) fn write(
        &self,
        format: ExportFormat,
        table: TableOf,
        out: &Path,
    ) -> Result<(), Box<dyn Error>> {
        let words = self.words;
        let path = &self.loaded.path;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match format {
            ExportFormat::Fhir => {
                let studies = studies(self.loaded);
                let input = Input {
                    words,
                    case: &self.loaded.case,
                    differential: Some(self.answer),
                    studies: &studies,
                    version: env!("CARGO_PKG_VERSION"),
                };
                write_document(out, words, &apatite_fhir::bundle(&input))?;
            }
            ExportFormat::Phenopacket => {
                let input = Input {
                    words,
                    case: &self.loaded.case,
                    differential: None,
                    studies: &[],
                    version: env!("CARGO_PKG_VERSION"),
                };
                write_document(out, words, &apatite_fhir::phenopacket(&input))?;
            }
            ExportFormat::Sr | ExportFormat::Seg | ExportFormat::Rtstruct => {
                let measurement = measurement(words, self.loaded)?;
                let origin =
                    measurement.origin.as_ref().ok_or_else(|| words.text("exchange-no-dicom", &[]))?;
                let version = env!("CARGO_PKG_VERSION");
                let measured = Measured { origin, analysis: &measurement.analysis, version };
                let object = match format {
                    ExportFormat::Seg => segmentation(&measured, words)?,
                    ExportFormat::Rtstruct => structures(&measured, words)?,
                    _ => {
                        let has_lesions = !measurement.analysis.lesions.is_empty();
                        let segments = has_lesions.then(|| segmentation(&measured, words)).transpose()?;
                        let told = Told { words, differential: Some(self.answer) };
                        report(&measured, segments.as_ref(), &told)?
                    }
                };
                write_object(out, &object)?;
            }
            ExportFormat::Nifti => write_labels(out, &measurement(words, self.loaded)?.analysis.labels)?,
            ExportFormat::Csv | ExportFormat::Jsonl | ExportFormat::Parquet => {
                let table = match table {
                    TableOf::Differential => differential(&name, self.answer, words),
                    TableOf::Lesions => {
                        let measurement = measurement(words, self.loaded)?;
                        lesions(&name, &measurement.series.uid, &measurement.analysis)
                    }
                };
                write_file(out, &encoded(&table, format)?)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn run_import(
    arguments: &ImportArguments,
    knowledge: &Knowledge,
) -> Result<ExitCode, Box<dyn Error>> {
    let shown = printable(&arguments.file.display().to_string());
    let unreadable = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let mut text = String::new();
    let file = std::fs::File::open(&arguments.file).map_err(unreadable)?;
    let read = file.take(MAX_DOCUMENT_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > MAX_DOCUMENT_BYTES {
        return Err(format!("{shown} has more than {MAX_DOCUMENT_BYTES} bytes").into());
    }
    let imported = apatite_fhir::import(&text, knowledge).map_err(|error| format!("{shown}: {error}"))?;
    for miss in &imported.not_mapped {
        tell(&format!("{shown}: not mapped: {}", printable(miss)));
    }
    write_file(&arguments.out, imported.toml.as_bytes())?;
    // what was mapped may still contradict itself: that is said as of any case
    let reading = apatite_case::read(&imported.toml, apatite_case::Format::Toml, knowledge, Policy::Default);
    let problems = reading.problems.into_iter().map(Into::into).collect::<Vec<_>>();
    cases::report(&arguments.out, &problems);
    Ok(ExitCode::SUCCESS)
}

fn answer(
    arguments: &ExportArguments,
    knowledge: &Knowledge,
    loaded: &LoadedCase,
) -> Result<Differential, Box<dyn Error>> {
    let setting = setting(knowledge, arguments.reading.setting.as_deref())?;
    let model = Model::new(knowledge, setting, &counts_of(&knowledge.learned))?;
    let mut answer = diagnose(&model, knowledge, &loaded.case, 0)?;
    if arguments.draws > 0 {
        let draws = usize::from(arguments.draws);
        answer.add_robustness(&model, robustness(&model, knowledge, &loaded.case, draws, arguments.seed)?);
    }
    Ok(answer)
}

/// The first study that was measured.
fn measurement<'l>(words: &Words<'_>, loaded: &'l LoadedCase) -> Result<&'l Measurement, Box<dyn Error>> {
    let mut measured =
        loaded.studies.iter().filter_map(|study| Some((study.name.as_str(), study.measurement.as_ref()?)));
    let Some((name, first)) = measured.next() else {
        return Err(words.text("exchange-no-study", &[]).into());
    };
    let others = measured.count();
    if others > 0 {
        let count = (others + 1).to_string();
        tell(&words.text("exchange-several-studies", &[("count", &count), ("name", name)]));
    }
    Ok(first)
}

/// The measured studies with the examinations they belong to.
fn studies(loaded: &LoadedCase) -> Vec<apatite_fhir::Study<'_>> {
    let examinations = &loaded.case.examinations;
    let named = |name: &str| {
        examinations.iter().position(|examination| {
            let study = examination.study.as_ref();
            study.is_some_and(|study| printable(&study.display().to_string()) == name)
        })
    };
    let studies = loaded.studies.iter().filter_map(|study| {
        let measurement = study.measurement.as_ref()?;
        Some(apatite_fhir::Study {
            examination: named(&study.name)?,
            origin: measurement.origin.as_ref(),
            analysis: &measurement.analysis,
        })
    });
    studies.collect()
}

fn write_document(path: &Path, words: &Words<'_>, document: &Document) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    write_json(&mut bytes, &document.json, false)?;
    write_file(path, &bytes)?;
    if !document.uncoded.is_empty() {
        tell(&words.text("exchange-uncoded", &[("terms", &document.uncoded.join(", "))]));
    }
    for what in &document.left_out {
        tell(&words.text("exchange-left-out", &[("what", what)]));
    }
    Ok(())
}

fn write_object(path: &Path, object: &Object) -> Result<(), String> {
    for warning in &object.warnings {
        tell(&format!("note: {}", printable(warning)));
    }
    write_file(path, &object.bytes)
}

fn encoded(table: &Table, format: ExportFormat) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(match format {
        ExportFormat::Parquet => table.to_parquet()?,
        ExportFormat::Jsonl => table.to_json_lines().into_bytes(),
        _ => table.to_csv()?.into_bytes(),
    })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
