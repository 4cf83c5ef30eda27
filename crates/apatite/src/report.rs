/*!
`apatite report`: a case and its studies as documents.
*/

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::stdout;
use apatite_advise::next;
use apatite_knowledge::Knowledge;
use apatite_reason::{Model, counts_of, diagnose, robustness};
use apatite_report::{Input, Provenance, Report, Study, compose, html, pdf, text};
use apatite_text::{Words, printable};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use crate::arguments::{Lang, Reading};
use crate::cases;
use crate::commands::{language, policy, setting};
use crate::imaging::LoadedStudy;
use crate::output::tell;

/// Arguments of `apatite report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Case file
    pub(crate) case: PathBuf,
    /// Folder to write to; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// What to write [default: all]
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
        let advice =
            if loaded.is_forgivable() && !arguments.reading.lenient { ", or try --lenient" } else { "" };
        let path = printable(&arguments.case.display().to_string());
        tell(&format!("{path}: no report; see above{advice}"));
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
    let studies = loaded.studies.iter().map(study).collect::<Vec<_>>();
    let latest = studies.iter().filter_map(|study| study.date).max();
    let remarks = loaded.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let report = compose(
        &words,
        &Input {
            case: &loaded.case,
            answer: &answer,
            advice: Some(&advice),
            studies: &studies,
            date: arguments.date.or(latest),
            remarks: &remarks,
            provenance: &provenance,
        },
    );
    write(arguments, &report)
}

fn study(loaded: &LoadedStudy) -> Study<'_> {
    Study {
        name: loaded.name.clone(),
        modality: loaded.modality.clone(),
        date: loaded.date.parse().ok(),
        measurement: loaded.measurement.as_ref(),
        pictures: Vec::new(),
    }
}

fn write(arguments: &ReportArguments, report: &Report) -> Result<ExitCode, Box<dyn Error>> {
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let mut formats = if arguments.formats.is_empty() {
        ReportFormat::value_variants().to_vec()
    } else {
        arguments.formats.clone()
    };
    formats.sort();
    formats.dedup();
    let mut out = stdout().lock();
    for format in formats {
        let (name, bytes) = match format {
            ReportFormat::Html => ("report.html", html(report).into_bytes()),
            ReportFormat::Pdf => ("report.pdf", pdf(report)?),
            ReportFormat::Text => ("report.txt", text(report).into_bytes()),
        };
        let path = folder.join(name);
        write_file(&path, &bytes)?;
        writeln!(out, "{}", printable(&path.display().to_string()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
