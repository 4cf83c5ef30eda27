/*!
From a folder of images to facts of a case.

[`measure`] opens a study, chooses a CT series and has it analysed; [`join`] adds what was measured to a case as soft
evidence. Where the reader said something of a finding, the reader's word stands and a disagreement is named.

This crate measures nothing itself and makes no diagnosis.
*/

use std::path::PathBuf;

use apatite_case::{Assertion, Case, Observation, Place};
use apatite_dicom::{Origin, ReadError, Source, read_mask};
use apatite_knowledge::Knowledge;
use apatite_lesion::{Analysis, FindingEvidence, Kind, LesionError, Options, analyse};
use apatite_volume::Volume;
use serde::Serialize;
use thiserror::Error;

/// What is to be measured, and with what help.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Folders, files, archives of one study.
    pub paths: Vec<PathBuf>,
    /// The series wanted: `#2`, a UID, a number, a description; the best CT where it is not said.
    pub series: Option<String>,
    /// A bone mask made elsewhere: NIfTI or DICOM SEG.
    pub bones: Option<PathBuf>,
}

/// A measured study.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The series that was measured.
    pub series: MeasuredSeries,
    /// Whose images they are, for objects made from them; none for NIfTI.
    pub origin: Option<Origin>,
    /// What was found.
    pub analysis: Analysis,
    /// What went wrong or was left out on the way, and what limits the figures.
    pub warnings: Vec<String>,
}

/// The series that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredSeries {
    /// SeriesInstanceUID.
    pub uid: String,
    /// StudyDate, YYYYMMDD; empty where unknown.
    pub date: String,
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// Along columns, rows and slices, mm.
    pub spacing_mm: [f64; 3],
    /// ConvolutionKernel.
    pub kernel: String,
    /// PatientPosition.
    pub patient_position: String,
    /// Noise in soft tissue, HU.
    pub noise_hu: f64,
}

/// Why a study could not be measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The images cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The volume cannot be analysed.
    #[error(transparent)]
    Analyse(#[from] LesionError),
}

/// Reads and analyses a study. `progress` is told the step and the share of the whole that is done.
///
/// # Errors
/// No CT series, a series that makes no volume, a mask that cannot be read.
pub fn measure(request: &Request, progress: &dyn Fn(&str, f64)) -> Result<Measurement, StudyError> {
    measure_with(request, false, progress).map(|(measurement, _)| measurement)
}

/// The same, and the volume that was measured, for pictures of it; the analysis has its masks of bone and body.
///
/// # Errors
/// As [`measure`].
pub fn measure_and_keep(
    request: &Request,
    progress: &dyn Fn(&str, f64),
) -> Result<(Measurement, Volume), StudyError> {
    measure_with(request, true, progress)
}

fn measure_with(
    request: &Request,
    masks: bool,
    progress: &dyn Fn(&str, f64),
) -> Result<(Measurement, Volume), StudyError> {
    progress("headers", 0.0);
    let study = Source::open(&request.paths)?;
    let series = study.choose(request.series.as_deref())?;
    let mut warnings = study
        .left_out
        .iter()
        .map(|left| format!("{} left out: {}", left.file, left.reason))
        .collect::<Vec<_>>();
    warnings.extend(study.warnings.iter().map(ToString::to_string));
    let (volume, read_warnings) = series.load(&|done, of| {
        progress("slices", READING_SHARE * done as f64 / of.max(1) as f64);
    })?;
    warnings.extend(read_warnings.iter().map(ToString::to_string));
    let bones = match &request.bones {
        Some(path) => {
            let (mask, mask_warnings) = read_mask(path, &volume.geometry, volume.size)?;
            warnings.extend(mask_warnings.iter().map(ToString::to_string));
            Some(mask.labels)
        }
        None => None,
    };
    let options = Options { bones: bones.as_ref(), masks, ..Options::default() };
    let analysis = analyse(&volume, &options, &|step, share| {
        progress(step, READING_SHARE + (1.0 - READING_SHARE) * share);
    })?;
    warnings.extend(analysis.warnings.iter().cloned());
    let measurement = Measurement {
        series: MeasuredSeries {
            uid: series.uid.clone(),
            date: series.study_date.clone(),
            size: volume.size,
            spacing_mm: volume.geometry.spacing_mm(),
            kernel: volume.acquisition.kernel.clone(),
            patient_position: volume.acquisition.patient_position.clone(),
            noise_hu: analysis.noise_hu,
        },
        origin: series.origin()?,
        analysis,
        warnings,
    };
    Ok((measurement, volume))
}

/// Reading takes about this share of the time.
const READING_SHARE: f64 = 0.4;

/// A measured finding that the reader had spoken of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disagreement {
    /// Id of the finding.
    pub finding: String,
    /// What the images say.
    pub probability: f64,
    /// What it was measured from.
    pub because: String,
    /// Whether the reader said it is present.
    pub reader_says_present: bool,
}

/// A finding this probable, or this improbable, contradicts a reader who says otherwise.
const CONTRADICTS_FROM: f64 = 0.8;

/// Adds the measured findings to the case, as the CT of `examination` saw them; returns where the reader disagrees.
pub fn join(
    case: &mut Case,
    examination: usize,
    measured: &Analysis,
    knowledge: &Knowledge,
) -> Vec<Disagreement> {
    let mut disagreements = Vec::new();
    let readers = case.observations.clone();
    for evidence in &measured.findings {
        let Some(group) = knowledge.vocabulary.group_of(&evidence.id) else { continue };
        if knowledge.view(CT, &evidence.id).is_none() {
            continue;
        }
        let told = readers.iter().filter(|observation| observation.modality == CT);
        let same = told.clone().find(|observation| observation.finding == evidence.id);
        if let Some(observation) = same {
            disagreements.extend(disagreement(evidence, observation));
            continue;
        }
        // in an exclusive group the reader's word on one value is a word on all
        if group.exclusive && told.clone().any(|observation| group.findings.contains(&observation.finding)) {
            continue;
        }
        case.observations.push(Observation {
            finding: evidence.id.clone(),
            modality: CT.to_owned(),
            examination: Some(examination),
            assertion: Assertion::Measured { permille: (evidence.probability * 1000.0).round() as u16 },
            place: Place::default(),
        });
    }
    let lesions = measured.lesions.iter().filter(|lesion| lesion.kind == Kind::Calcification);
    if let Some(examination) = case.examinations.get_mut(examination) {
        let largest = lesions.clone().max_by(|a, b| a.volume_mm3.total_cmp(&b.volume_mm3));
        if let Some(largest) = largest {
            examination.quantities.entry("attenuation_hu".to_owned()).or_insert(largest.mean_hu);
            examination.quantities.entry("attenuation_max_hu".to_owned()).or_insert(largest.max_hu);
            examination.quantities.entry("size_mm".to_owned()).or_insert(largest.diameter_mm);
        }
        if examination.sites.is_empty()
            && let Some(region) = &measured.region
        {
            examination.sites.push(region.id.clone());
        }
    }
    disagreements
}

/// The modality that is measured.
const CT: &str = "CT";

fn disagreement(evidence: &FindingEvidence, observation: &Observation) -> Option<Disagreement> {
    let reader_says_present = match observation.assertion {
        Assertion::Present => true,
        Assertion::Absent => false,
        Assertion::Suggested | Assertion::Measured { .. } => return None,
    };
    let contradicts = if reader_says_present {
        evidence.probability <= 1.0 - CONTRADICTS_FROM
    } else {
        evidence.probability >= CONTRADICTS_FROM
    };
    contradicts.then(|| Disagreement {
        finding: evidence.id.clone(),
        probability: evidence.probability,
        because: evidence.because.clone(),
        reader_says_present,
    })
}
