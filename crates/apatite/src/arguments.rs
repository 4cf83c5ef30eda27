use std::path::PathBuf;

use apatite_study::Calibration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::export::{ExportArguments, ImportArguments};
use crate::report::ReportArguments;

/// The multimodal differential diagnosis of soft-tissue calcinosis: there is calcium in this soft tissue; what put it
/// there, and what do we do next?
///
/// Give it a case (what imaging, laboratory and history say) and it answers with the ranked and explained differential.
/// For research and education: it supports a decision and never makes one.
#[derive(Debug, Parser)]
#[command(name = "apatite", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Examples:
  apatite diagnose case.toml                        the differential of a case, with its reasons
  apatite next case.toml                            what to examine next
  apatite compare case.toml calciphylaxis foreign_body
                                                    what separates two diagnoses in it
  apatite knowledge show calciphylaxis              what is known of one, with the sources
  apatite evaluate cases/                           how good the answers are on proven cases

The answer goes to standard output, what is wrong with a case to standard error.
Exit code: 0 answered; 1 something could not be read or answered; 2 wrong usage.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Folder to take the knowledge from, instead of the one in the program
    #[arg(long, global = true, value_name = "DIR", display_order = 900)]
    pub(crate) knowledge: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Rank the differential diagnosis of a case and say why
    ///
    /// A case is a TOML or JSON file; what it does not say is unknown, never absent. One case is answered in full;
    /// several cases, or a folder, with one line each.
    #[command(after_help = "A case:
  [patient]
  age = 58
  sex = \"female\"

  [history]
  present = [\"primary_hyperparathyroidism_known\"]

  [labs]
  calcium = \"11.9 mg/dL\"

  [[imaging]]
  modality = \"CT\"
  sites    = [\"hand\"]
  present  = [\"nodular\", \"sedimentation_sign\"]
  absent   = [\"cortical_erosion\"]

Weights of evidence are in decibans (dB): +10 dB makes a diagnosis ten times as probable against the
others, -10 dB ten times less; the weights of all facts add up.

Settings: consultation, rheumatology, musculoskeletal_radiology, dialysis, sarcoma_referral.

Examples:
  apatite diagnose examples/article/figure-2-3.toml
  apatite diagnose --lang it --setting dialysis case.toml
  apatite diagnose --format json case.toml
  apatite diagnose cases/

Exit code: 0 answered; 1 a case could not be read; 2 wrong usage.")]
    Diagnose(Diagnose),
    /// Say what separates two diagnoses in a case, and which unknown facts would
    #[command(after_help = "Positive weights speak for the first diagnosis, negative ones for the second.

Example:
  apatite compare case.toml calcific_tendinitis calcified_gouty_tophus")]
    Compare(Compare),
    /// Say what to examine next: what it is expected to tell, for what it costs the patient
    #[command(
        after_help = "bits: expected gain of information about the diagnosis, of so many of the most telling questions as
a report of the examination answers; with ± where outcomes were drawn. leader: chance that
another diagnosis leads afterwards. malign.: expected change of the probability that it is
malignant. gain/b: bits for burden, by which it is ranked.

Examples:
  apatite next case.toml
  apatite next case.toml --weights dose=1,delay=0 --format json"
    )]
    Next(crate::advise::Next),
    /// Set the differential before and after something is supposed
    #[command(after_help = "Example:
  apatite what-if case.toml --present marrow_oedema@MR --absent fever --lab \"phosphate=7.9 mg/dL\"")]
    WhatIf(crate::advise::Suppose),
    /// Measure accuracy and calibration on proven cases
    ///
    /// A proven case names its diagnosis under `[expected]`; cases without one are passed over.
    #[command(
        after_help = "top-k: share of cases with the truth among the first k. MRR: mean of 1/rank of the truth.
Brier: mean squared error of all probabilities, 0 to 2. Log loss: mean -ln of the
probability of the truth. ECE: mean distance between the probability of the
leader and how often it is right.

Examples:
  apatite evaluate knowledge/cases/published --folds 5
  apatite evaluate cases/ --without labs --format json"
    )]
    Evaluate(Evaluate),
    /// Find, measure and describe the calcifications of a CT study
    #[command(after_help = "Examples:\n  apatite measure ct/ --masks lesions.nii.gz\n  \
        apatite measure study.zip --format json\n\nA case file with `study = \"ct/\"` in an [[imaging]] block is measured by `apatite diagnose`.")]
    Measure(Measure),
    /// Write the report on a case: HTML, PDF, plain text, and the forms of other systems
    #[command(after_help = "Examples:
  apatite report examples/article/figure-2-3.toml --out report/
  apatite report case.toml --out report/ --lang it --formats html,text

A study that the case names is measured and shown. The files are report.html (one file that needs no
network), report.pdf (PDF/A-2a, tagged), report.txt (in the order of a dictation) and those of
`apatite export`; a DICOM object, a mask or a table of lesions needs a CT study in the case.")]
    Report(ReportArguments),
    /// Compare two CT studies of one patient: which calcifications grew, shrank, came or went
    #[command(
        after_help = "The studies are registered on the skeleton. A difference is called a change only beyond the limit of\n\
        repeatability and the uncertainty of both measurements.\n\nExample:\n  \
        apatite follow january/ may/ --masks matched/"
    )]
    Follow(crate::follow::Follow),
    /// Write a case, its answer and its lesions for other systems
    #[command(after_help = "Examples:
  apatite export case.toml --format fhir --out case.json
  apatite export case.toml --format seg --out lesions.dcm
  apatite export case.toml --format csv --table lesions --out lesions.csv

sr, seg, rtstruct and nifti need a CT study in the case (`study = \"ct/\"` in an [[imaging]] block).
What a format cannot carry, or carries without a code of a common terminology, is told.")]
    Export(ExportArguments),
    /// Turn a FHIR R4 bundle or a GA4GH phenopacket (v2) into a case
    ///
    /// What of it could not be mapped is told. `apatite diagnose` takes both as they are, too.
    #[command(after_help = "Example:\n  apatite import bundle.json --out case.toml")]
    Import(ImportArguments),
    /// Make pictures of a study: slices, reformats, projections, surfaces, with the lesions drawn in
    #[command(after_help = crate::render::RENDER_HELP)]
    Render(crate::render::Render),
    /// Make surface meshes of bones and lesions for planning and 3-D printing
    #[command(after_help = crate::render::MESH_HELP)]
    Mesh(crate::render::MeshArguments),
    /// Make a CT phantom with known truth: a DICOM series, its case file and its truth
    ///
    /// Without a pattern, lists the patterns.
    Phantom(Phantom),
    /// Open the workstation in a browser: a store of cases and studies, a viewer, the differential beside it
    #[command(after_help = "Examples:
  apatite serve examples/article
  apatite serve --give-token ward --role reader
  apatite serve --address 0.0.0.0:8443 --tls-certificate cert.pem --tls-key key.pem")]
    Serve(crate::serve::Serve),
    /// Check, show, export and fit the knowledge
    #[command(subcommand)]
    Knowledge(KnowledgeCommand),
    /// Print the JSON Schema of an output
    Schema {
        /// Which output
        #[arg(value_enum)]
        of: SchemaOf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Reading {
    /// Refuse a case with any problem
    #[arg(long, conflicts_with = "lenient")]
    pub(crate) strict: bool,
    /// Answer a case whatever is wrong with it; what cannot be understood is named and left out
    #[arg(long)]
    pub(crate) lenient: bool,
    /// Where the patient is seen: it sets how common each diagnosis is [default: consultation]
    #[arg(long, value_name = "ID")]
    pub(crate) setting: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    /// Case files, or folders of them
    #[arg(required = true, value_name = "CASE")]
    pub(crate) cases: Vec<PathBuf>,
    /// Language of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Form of the answer; several cases in JSON are one line each
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// So many diagnoses in the ranking of the text; JSON has all
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) top: u16,
    /// So many diagnoses with their reasons, where a single case is answered
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) explain: u16,
    /// Draw all the numbers from their intervals so many times, for the intervals of the answer; 0 for none.
    /// Only where a single case is answered
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub(crate) draws: u16,
    /// Seed of the draws
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Case file
    pub(crate) case: PathBuf,
    /// Id of the first diagnosis
    pub(crate) a: String,
    /// Id of the second diagnosis
    pub(crate) b: String,
    /// Language of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Folder of proven cases
    pub(crate) dir: PathBuf,
    /// Language of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Keep a part of the facts from the model; may be given several times
    #[arg(long, value_enum)]
    pub(crate) without: Vec<Part>,
    /// Hide half the facts of each case and ask for them by expected gain, against a random order
    #[arg(long, conflicts_with_all = ["without", "first_advice"])]
    pub(crate) interactive_oracle: bool,
    /// Seed of what is hidden and of the random orders
    #[arg(long, default_value_t = 1, value_name = "N", requires = "interactive_oracle")]
    pub(crate) seed: u64,
    /// Keep age, sex, site and radiograph and compare the first advice with what the authors did further
    #[arg(long, conflicts_with = "without")]
    pub(crate) first_advice: bool,
    /// Count the cases anew without each fold in turn, so that no case judges itself
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) folds: Option<u16>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Measure {
    /// Folders, files, DICOMDIR, zip archives or NIfTI of one study
    #[arg(required = true, value_name = "STUDY")]
    pub(crate) study: Vec<PathBuf>,
    /// Language of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Series to measure: #2, a number, a UID or a part of its description [default: the best CT]
    #[arg(long, value_name = "SERIES")]
    pub(crate) series: Option<String>,
    /// Write the lesions as a label mask, NIfTI, on the grid of the series
    #[arg(long, value_name = "FILE")]
    pub(crate) masks: Option<PathBuf>,
    /// Bone mask made elsewhere, NIfTI or DICOM SEG
    #[arg(long, value_name = "FILE")]
    pub(crate) bones: Option<PathBuf>,
    /// Case that the study belongs to: the differential with what was measured is added
    #[arg(long, value_name = "CASE")]
    pub(crate) case: Option<PathBuf>,
    /// Calibration for the mass of hydroxyapatite: mg/cm³ per HU, and mg/cm³ at 0 HU
    #[arg(long, value_name = "SLOPE,INTERCEPT", value_parser = calibration, allow_hyphen_values = true)]
    pub(crate) calibration: Option<Calibration>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

fn calibration(text: &str) -> Result<Calibration, String> {
    let numbers = text.split_once(',').and_then(|(slope, intercept)| {
        Some((slope.trim().parse::<f64>().ok()?, intercept.trim().parse::<f64>().ok()?))
    });
    match numbers {
        Some((slope, intercept)) if slope > 0.0 && slope.is_finite() && intercept.is_finite() => {
            Ok(Calibration { mg_per_cm3_per_hu: slope, mg_per_cm3_at_zero: intercept })
        }
        _ => Err("two numbers are wanted, the slope above zero, as in 0.8,-3".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Phantom {
    /// Id of the pattern
    #[arg(requires = "out")]
    pub(crate) pattern: Option<String>,
    /// Seed: another seed is another patient
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// PatientPosition: HFS, HFP, FFS, FFP, HFDR, HFDL, FFDR, FFDL [default: drawn by the seed]
    #[arg(long, value_name = "POSITION")]
    pub(crate) position: Option<String>,
    /// Which study of the patient: 2 or more is a later one, with noise of its own
    #[arg(long, value_name = "N", requires = "pattern", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) visit: Option<u32>,
    /// Weeks from the first study to the later one
    #[arg(long, value_name = "N", requires = "visit", default_value_t = 4)]
    pub(crate) weeks: u32,
    /// Share by which every lesion is larger in the later study: 0.2 is a fifth more
    #[arg(
        long,
        value_name = "SHARE",
        requires = "visit",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub(crate) growth: f64,
    /// Degrees by which the part is turned in the later study
    #[arg(
        long,
        value_name = "DEGREES",
        requires = "visit",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub(crate) turned: f64,
    /// Millimetres by which the view is shifted in the later study
    #[arg(long, value_name = "MM", requires = "visit", default_value_t = 0.0)]
    pub(crate) shifted: f64,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Language of the list
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KnowledgeCommand {
    /// Say what is wrong with the knowledge: sums, intervals, sources, ids, translations
    Check,
    /// Print a diagnosis, a finding, an analyte or a background condition as a card with its sources
    #[command(after_help = "Examples:
  apatite knowledge show primary_tumoral_calcinosis --lang it
  apatite knowledge show sedimentation_sign
  apatite knowledge show phosphate")]
    Show {
        /// Its id
        id: String,
        /// Language of the card
        #[arg(long, value_enum, default_value_t)]
        lang: Lang,
    },
    /// Write the Bayesian network, with all that is needed to reproduce a query in another engine
    ///
    /// With --case the evidence of that case goes along, as one property per fact: `evidence VARIABLE = likelihoods`.
    #[command(after_help = "Example:
  apatite knowledge export --format xmlbif --case case.toml > case.xml")]
    Export {
        /// Format of the network
        #[arg(long, value_enum)]
        format: NetworkFormat,
        /// Case whose evidence goes along
        #[arg(long, value_name = "CASE")]
        case: Option<PathBuf>,
        /// Where the patient is seen [default: consultation]
        #[arg(long, value_name = "ID")]
        setting: Option<String>,
    },
    /// Count proven cases into the numbers and write the counts as a reviewable data file
    #[command(after_help = "Example:
  apatite knowledge fit knowledge/cases/published --out knowledge/learned.toml")]
    Fit {
        /// Folder of proven cases
        dir: PathBuf,
        /// File to write; standard output where it is not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write the manual of the knowledge, English and Italian
    Manual {
        /// Folder to write it to
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// English
    #[default]
    En,
    /// Italian
    It,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading
    #[default]
    Text,
    /// For programs
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// All that images show
    Imaging,
    /// All laboratory results
    Labs,
    /// History and examination
    History,
}

impl Part {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Imaging => "imaging",
            Self::Labs => "labs",
            Self::History => "history",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkFormat {
    /// XMLBIF 0.3
    Xmlbif,
    /// Bayesian Interchange Format
    Bif,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// `diagnose --format json`
    Diagnose,
    /// `evaluate --format json`
    Evaluate,
    /// `compare --format json`
    Compare,
    /// `follow --format json`
    Follow,
    /// `next --format json`
    Next,
    /// `what-if --format json`
    WhatIf,
    /// `measure --format json`
    Measure,
    /// `mesh --format json`
    Mesh,
}
