/*!
From a folder of images to facts of a case.

[`measure`] opens a study, chooses a CT series and has it analysed; [`join`] adds what was measured to a case as soft
evidence. Where the reader said something of a finding, the reader's word stands and a disagreement is named.

This crate measures nothing itself and makes no diagnosis.
*/

use std::path::PathBuf;
use std::time::Instant;

use apatite_case::{Assertion, Case, Observation, Place};
use apatite_dicom::{Origin, ReadError, Source, read_mask};
use apatite_knowledge::Knowledge;
use apatite_lesion::{Analysis, Clause, FindingEvidence, Kind, LesionError, Options, analyse};
pub use apatite_lesion::{Calibration, Masks};
use apatite_volume::Volume;
use serde::{Deserialize, Serialize};
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
    /// Calibration of HU against hydroxyapatite, for its mass.
    pub calibration: Option<Calibration>,
    /// Which masks are wanted.
    pub masks: Masks,
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
    measure_with(request, request.masks, progress).map(|(measurement, _)| measurement)
}

/// The same, and the volume that was measured, for pictures of it; the analysis has all its masks.
///
/// # Errors
/// As [`measure`].
pub fn measure_and_keep(
    request: &Request,
    progress: &dyn Fn(&str, f64),
) -> Result<(Measurement, Volume), StudyError> {
    measure_with(request, Masks::All, progress)
}

fn measure_with(
    request: &Request,
    masks: Masks,
    progress: &dyn Fn(&str, f64),
) -> Result<(Measurement, Volume), StudyError> {
    progress("headers", 0.0);
    let started = Instant::now();
    let study = Source::open(&request.paths)?;
    let series = study.choose(request.series.as_deref())?;
    let mut warnings = study.notes().collect::<Vec<_>>();
    let (volume, read_warnings) = series.load(&|done, of| {
        progress("slices", READING_SHARE * done as f64 / of.max(1) as f64);
    })?;
    warnings.extend(read_warnings.iter().map(ToString::to_string));
    let reading = started.elapsed();
    let bones = match &request.bones {
        Some(path) => {
            let (mask, mask_warnings) = read_mask(path, &volume.geometry, volume.size)?;
            warnings.extend(mask_warnings.iter().map(ToString::to_string));
            Some(mask.labels)
        }
        None => None,
    };
    if volume.acquisition.modality.is_empty() {
        warnings.push("the file does not say its modality: its values are taken for HU of a CT".to_owned());
    }
    let calibration = request.calibration;
    let options = Options { bones: bones.as_ref(), masks, calibration, ..Options::default() };
    let mut analysis = analyse(&volume, &options, &|step, share| {
        progress(step, READING_SHARE + (1.0 - READING_SHARE) * share);
    })?;
    analysis.timings_ms.insert("read", reading.as_secs_f64() * 1000.0);
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
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Disagreement {
    /// Id of the finding.
    pub finding: String,
    /// What the images say.
    pub probability: f64,
    /// What it was measured from, in English.
    pub because: String,
    /// The same in clauses, for other languages.
    pub measured_from: Vec<Clause>,
    /// Whether the reader said it is present.
    pub reader_says_present: bool,
}

/// A finding this probable, or this improbable, contradicts a reader who says otherwise.
const CONTRADICTS_FROM: f64 = 0.8;

/// Adds the measured findings to the case, as the CT of `examination` saw them; returns where the reader disagrees.
///
/// A finding enters where it is more probable than not. Its absence enters only where CT sees the finding surely
/// (sensitivity of the knowledge), and never stronger than that sensitivity allows. A finding contained in another
/// measured one adds nothing; findings measured from the same feature count in part.
pub fn join(
    case: &mut Case,
    examination: usize,
    measured: &Analysis,
    knowledge: &Knowledge,
) -> Vec<Disagreement> {
    let mut disagreements = Vec::new();
    let readers: Vec<Observation> =
        case.observations.iter().filter(|observation| observation.modality == CT).cloned().collect();
    for evidence in &measured.findings {
        let Some(group) = knowledge.vocabulary.group_of(&evidence.id) else { continue };
        if knowledge.view(CT, &evidence.id).is_none() {
            continue;
        }
        let same = readers.iter().find(|observation| observation.finding == evidence.id);
        if let Some(observation) = same {
            disagreements.extend(disagreement(evidence, observation));
            continue;
        }
        // in an exclusive group the reader's word on one value is a word on all
        let spoken = |finding: &String| readers.iter().any(|observation| observation.finding == *finding);
        if group.exclusive && group.findings.iter().any(spoken) {
            continue;
        }
        let Some(permille) = weight(evidence, group.exclusive, measured, knowledge) else { continue };
        case.observations.push(Observation {
            finding: evidence.id.clone(),
            modality: CT.to_owned(),
            examination: Some(examination),
            assertion: Assertion::Measured { permille },
            place: Place::default(),
        });
    }
    if let Some(examination) = case.examinations.get_mut(examination) {
        let lesions = measured.lesions.iter().filter(|lesion| lesion.kind == Kind::Calcification);
        if let Some(largest) = lesions.max_by(|a, b| a.volume_mm3.total_cmp(&b.volume_mm3)) {
            // to the digits that the measurement has
            let diameter = largest.diameter_mm;
            let size = if diameter < 10.0 { (diameter * 10.0).round() / 10.0 } else { diameter.round() };
            let told = [
                ("attenuation_hu", largest.mean_hu.round()),
                ("attenuation_max_hu", largest.max_hu.round()),
                ("size_mm", size),
            ];
            for (quantity, value) in told {
                examination.quantities.entry(quantity.to_owned()).or_insert(value);
            }
        }
        if let Some(gap) = &measured.gap
            && !examination.quantities.contains_key(GAP)
        {
            let tenths = |mm: f64| (mm * 10.0).round() / 10.0;
            examination.quantities.insert(GAP.to_owned(), tenths(gap.mm));
            examination.uncertainties.insert(GAP.to_owned(), tenths(gap.uncertainty_mm));
        }
        if examination.sites.is_empty()
            && let Some(region) = &measured.region
        {
            examination.sites.push(region.id.clone());
        }
    }
    disagreements
}

/// Findings told from the same measurement; of each row only the surest counts in full.
const SAME_FEATURE: [&[&str]; 7] = [
    &["sheet_like", "fascial_plane", "plaque_like", "linear_lamellar"],
    &["juxtacortical", "broad_bone_attachment", "stalk_to_bone", "radiolucent_cleft"],
    &["intra_articular", "joint_effusion"],
    &["multilobulated_mass", "septa", "cystic_loculi", "nodular"],
    &["peripheral_rim", "mature_bone", "liquefied_centre", "ring_and_arc"],
    &["tram_track", "intravascular", "vessel_calcification"],
    &["denser_than_muscle_not_calcified", "soft_tissue_mass", "faint_ill_defined"],
];
/// Share of its log odds that a finding keeps beside a surer one of the same feature.
const KEPT: f64 = 0.5;
/// CT sees a finding surely from this sensitivity on.
const SEEN_SURELY: f64 = 0.85;
/// That nothing is calcified is a strong word: it enters from this probability on.
const NOTHING_FROM: f64 = 0.8;

/// The probability with which a finding enters, thousandths; none where it does not.
fn weight(
    evidence: &FindingEvidence,
    exclusive: bool,
    measured: &Analysis,
    knowledge: &Knowledge,
) -> Option<u16> {
    let told = |id: &str| {
        measured.findings.iter().find(|finding| finding.id == id).map_or(0.0, |finding| finding.probability)
    };
    let mut probability = evidence.probability;
    if !exclusive {
        if probability < 0.5 {
            let view = knowledge.view(CT, &evidence.id)?;
            if view.sensitivity.best < SEEN_SURELY {
                return None;
            }
            probability = probability.max(1.0 - view.sensitivity.best);
        }
        if evidence.id == "no_calcification" && probability < NOTHING_FROM {
            return None;
        }
        let known = knowledge.findings.findings.get(&evidence.id);
        let contained = known.is_some_and(|known| known.implied_by.iter().any(|by| told(by) >= 0.5));
        if contained && probability >= 0.5 {
            return None;
        }
        let surer = SAME_FEATURE.iter().filter(|row| row.contains(&evidence.id.as_str())).any(|row| {
            row.iter().any(|&other| {
                let p = told(other);
                p > probability || (p == probability && other < evidence.id.as_str())
            })
        });
        if surer && probability >= 0.5 {
            let odds = (probability / (1.0 - probability)).powf(KEPT);
            probability = odds / (1.0 + odds);
        }
    }
    Some((probability * 1000.0).round() as u16)
}

/// The quantity of the gap that mineral leaves between bones.
const GAP: &str = "opposing_gap_mm";
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
        measured_from: evidence.measured_from.clone(),
        reader_says_present,
    })
}
