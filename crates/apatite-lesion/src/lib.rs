/*!
Finds, measures and describes calcifications on CT.

[`analyse`] takes a volume and returns its lesions: where they are, what kind they are and with what probability, how
large, dense and shaped they are, and which findings of the vocabulary they show, each with a probability and what it
was measured from. The crate reads no file, knows no phantom and makes no diagnosis.

Steps, each on as little data as it needs:

1. `scan`: the body on cells of 4 mm; the noise; then one pass over the body that yields a coarse grid (mean and peak
   per cell) and all dense voxels as runs along columns.
2. `skeleton`: bone, metal and dense pieces attached to bone, on the coarse grid.
3. `candidate`: connected components of the dense voxels that are not bone, those that rise above noise.
4. `kind`: what each is, and which belong together.
5. `measure`, `level`, `describe`: figures and findings of each lesion, on a patch around it.

Coordinates are DICOM's (LPS, mm). Equal input gives equal output on any number of threads.
*/

mod candidate;
mod carry;
mod describe;
mod drawn;
mod grid;
mod kind;
mod level;
mod linear;
mod measure;
mod mesh;
mod patch;
pub mod radiomics;
mod reason;
mod scan;
mod skeleton;
mod surface;
mod tip;
mod tube;

use std::collections::BTreeMap;
use std::time::Instant;

use apatite_volume::{Labels, Volume, voxel_at};
use serde::{Deserialize, Serialize};

pub use describe::{Gap, study as study_findings};
pub use drawn::{Desk, Drawn, parts};
pub use level::Level;
pub use measure::Shape;
pub use reason::{Clause, sentence};
use reason::{Reason, say};

/// What the analysis may use and where its thresholds lie.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Bones segmented elsewhere, on the grid of the volume: any label but 0 is bone.
    pub bones: Option<&'a Labels>,
    /// HU at which mineral begins in a study without much noise.
    pub mineral_hu: i16,
    /// HU that the densest voxel of a small lesion must reach.
    pub peak_hu: i16,
    /// HU at which metal begins.
    pub metal_hu: i16,
    /// Calibration of density against hydroxyapatite, for mass.
    pub calibration: Option<Calibration>,
    /// Which masks are filled.
    pub masks: Masks,
}

/// Which masks an analysis fills: each is as large as the volume, and figures and findings need none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Masks {
    /// None.
    None,
    /// Those of the lesions, [`Analysis::labels`].
    #[default]
    Lesions,
    /// Those of the lesions, of bone and of the body, [`Analysis::bones`] and [`Analysis::body`].
    All,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            bones: None,
            mineral_hu: 130,
            peak_hu: 190,
            metal_hu: 2500,
            calibration: None,
            masks: Masks::default(),
        }
    }
}

/// Density of hydroxyapatite as a straight line of HU, from a calibration phantom scanned with the same protocol.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// mg/cm³ per HU.
    pub mg_per_cm3_per_hu: f64,
    /// mg/cm³ at 0 HU.
    pub mg_per_cm3_at_zero: f64,
}

/// What was found in a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Lesions of every kind, the surest calcifications first, then by falling volume; ids from 1 in this order, until
    /// [`Analysis::keep_ids`] gives them those of an earlier analysis.
    pub lesions: Vec<Lesion>,
    /// Findings of the study as a whole.
    pub findings: Vec<FindingEvidence>,
    /// Lesion ids on the grid of the volume; without voxels if not asked for.
    pub labels: Labels,
    /// Bone with its marrow (1) and metal (2), if asked for.
    pub bones: Option<Labels>,
    /// The body (1), if asked for.
    pub body: Option<Labels>,
    /// The shortest way left between mineral on one bone and another bone; none where no mineral is on a bone.
    pub gap: Option<Gap>,
    /// Site of the vocabulary the study shows, where it can be told.
    pub region: Option<FindingEvidence>,
    /// Standard deviation of the noise in soft tissue, HU.
    pub noise_hu: f64,
    /// What the reader should know about the reliability of the analysis.
    pub warnings: Vec<String>,
    /// Time of each step.
    pub timings_ms: BTreeMap<&'static str, f64>,
}

/// One finding of the vocabulary as measured.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct FindingEvidence {
    /// Id of the vocabulary.
    pub id: String,
    /// Probability that it is present.
    pub probability: f64,
    /// What it was measured from, in English.
    pub because: String,
    /// The same in clauses, for other languages.
    #[serde(default)]
    pub measured_from: Vec<Clause>,
}

impl FindingEvidence {
    pub(crate) fn new(id: &str, probability: f64, because: Reason) -> Self {
        Self {
            id: id.to_owned(),
            probability: probability.clamp(0.001, 0.999),
            because: because.english(),
            measured_from: because.0,
        }
    }
}

/// What a dense structure outside the skeleton is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Mineral in soft tissue.
    Calcification,
    /// In the wall or the lumen of a vessel.
    Vascular,
    /// Bone outside the recognised skeleton, sesamoid, or a stone or concretion of an organ.
    BoneOrVariant,
    /// Implants, clips, bullets.
    Metal,
    /// Contrast agent in vessels, bowel or urinary tract, and pills.
    Contrast,
    /// Streaks, noise.
    Artefact,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Calcification,
        Self::Vascular,
        Self::BoneOrVariant,
        Self::Metal,
        Self::Contrast,
        Self::Artefact,
    ];

    /// The name it is written with in JSON and tables.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Calcification => "calcification",
            Self::Vascular => "vascular",
            Self::BoneOrVariant => "bone_or_variant",
            Self::Metal => "metal",
            Self::Contrast => "contrast",
            Self::Artefact => "artefact",
        }
    }
}

/// One lesion: a component, or components that belong together.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Lesion {
    /// Value of its voxels in [`Analysis::labels`].
    pub id: u16,
    /// The likeliest kind.
    pub kind: Kind,
    /// Probability of that kind.
    pub probability: f64,
    /// What decided the kind.
    pub decided_by: String,
    /// The same in clauses, for other languages.
    #[serde(default)]
    pub decided_from: Vec<Clause>,
    /// Centroid of its voxels, LPS mm.
    pub centre_mm: [f64; 3],
    /// Volume of its voxels, mm³.
    pub volume_mm3: f64,
    /// Volume corrected for partial volume at its surface, mm³.
    pub volume_partial_mm3: f64,
    /// One standard deviation of the volume from noise, voxel size and threshold, mm³.
    pub volume_uncertainty_mm3: f64,
    /// Connected components (26 neighbours).
    pub components: usize,
    /// Largest distance between two points of its surface, mm.
    pub diameter_mm: f64,
    /// Corners of its box, lowest and highest LPS coordinates, mm.
    pub box_mm: [[f64; 3]; 2],
    /// Mean HU.
    pub mean_hu: f64,
    /// Highest HU.
    pub max_hu: f64,
    /// HU at the percentiles 10, 25, 50, 75, 90.
    pub percentiles_hu: [f64; 5],
    /// Standard deviation, HU.
    pub sd_hu: f64,
    /// Sum of HU times the voxel volume, HU·mm³.
    pub hu_mm3: f64,
    /// Mass of hydroxyapatite, mg; with a calibration.
    pub hydroxyapatite_mg: Option<f64>,
    /// Shape of all components together.
    pub shape: Shape,
    /// Shortest distance to bone, mm; none without bone in view.
    pub bone_distance_mm: Option<f64>,
    /// Area of contact with bone, mm².
    pub bone_contact_mm2: f64,
    /// Shortest distance to the skin, mm; none where the skin is not in view.
    pub skin_distance_mm: Option<f64>,
    /// Fluid-sediment level.
    pub level: Option<Level>,
    /// Findings of this lesion.
    pub findings: Vec<FindingEvidence>,
}

/// Why a volume cannot be analysed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LesionError {
    /// The values do not fill the grid.
    #[error(
        "the volume holds {found} values where its size {size:?} asks for {expected}: read the series again"
    )]
    Size {
        /// Columns, rows, slices.
        size: [usize; 3],
        /// Values present.
        found: usize,
        /// Values needed.
        expected: usize,
    },
    /// A spacing that is no length.
    #[error(
        "the voxel spacing {spacing_mm:?} mm is not positive and finite: check the geometry of the series"
    )]
    Spacing {
        /// Along column, row, slice.
        spacing_mm: [f64; 3],
    },
    /// Another modality.
    #[error("calcifications are measured on CT in HU, and this series is {modality}: choose a CT series")]
    Modality {
        /// Modality of the volume.
        modality: String,
    },
    /// The bone mask lies on another grid.
    #[error("the bone mask has size {found:?}, the CT {expected:?}: resample the mask to the grid of the CT")]
    BoneGrid {
        /// Of the mask.
        found: [usize; 3],
        /// Of the volume.
        expected: [usize; 3],
    },
    /// Nothing but air.
    #[error(
        "no body was found: all values are air or padding; check the rescale slope and intercept of the series"
    )]
    NoBody,
}

/// Finds, measures and describes the calcifications of a CT volume in HU. `progress` is told the step that begins and
/// the share of the work done before it.
///
/// # Errors
/// Where the volume is no CT, is inconsistent, or shows no body.
pub fn analyse(
    volume: &Volume,
    options: &Options,
    progress: &dyn Fn(&str, f64),
) -> Result<Analysis, LesionError> {
    check(volume, options)?;
    let mut clock = Clock { last: Instant::now(), timings_ms: BTreeMap::new() };
    let mut warnings = Vec::new();

    progress("body", 0.0);
    let body = scan::body(volume).ok_or(LesionError::NoBody)?;
    let noise_hu = scan::noise(volume, &body);
    let threshold = threshold(noise_hu, options);
    if noise_hu > 35.0 {
        warnings.push(format!(
            "the noise in soft tissue is {noise_hu:.0} HU: faint or small calcifications may be missed below {threshold} HU"
        ));
    }
    clock.lap("body");

    progress("dense voxels", 0.15);
    let (coarse, runs) = scan::coarse(volume, &body, threshold);
    clock.lap("dense_voxels");

    progress("skeleton", 0.4);
    let given = options.bones.map(|bones| bone_cells(bones, &coarse));
    let dense_hu = f32::from(threshold.max(150));
    let view = view(volume, &body);
    let skeleton = skeleton::skeleton(&coarse, &view, noise_hu, dense_hu, options.metal_hu, given.as_deref());
    clock.lap("skeleton");

    progress("lesions", 0.7);
    let scene = candidate::Scene {
        volume,
        body: &body,
        coarse: &coarse,
        skeleton: &skeleton,
        noise_hu,
        threshold,
        peak_hu: options.peak_hu,
        metal_hu: options.metal_hu,
        site: view.site,
    };
    let candidates = candidate::candidates(&scene, &runs);
    clock.lap("lesions");
    let groups = kind::groups(&scene, candidates);
    clock.lap("kinds");

    progress("measuring", 0.85);
    let calibration = options.calibration;
    let (mut lesions, masks) = measure::lesions(&scene, &groups, calibration);
    clock.lap("measure");
    let region = view.site.map(|site| FindingEvidence::new(site, 0.9, say("BodyPartExamined", [])));
    let gap = describe::lesions(&scene, &groups, &masks, &mut lesions);
    let findings = describe::study(skeleton.metal_mm3, &lesions);
    clock.lap("describe");

    let labels = match options.masks {
        Masks::None => Labels { size: [0; 3], values: Vec::new(), geometry: volume.geometry },
        Masks::Lesions | Masks::All => lesion_labels(volume, &lesions, &masks),
    };
    let (bones, body_mask) = match options.masks {
        Masks::None | Masks::Lesions => (None, None),
        Masks::All => (Some(bone_labels(&scene)), Some(body_labels(&scene))),
    };
    if skeleton.metal_mm3 > 0.0 {
        warnings.push("metal is in view: streaks may hide or imitate calcifications near it".to_owned());
    }
    if let Some(gap) = gap.as_ref().filter(|gap| gap.in_streaks) {
        warnings.push(format!(
            "the gap of {:.1} mm that mineral on bone leaves lies in streaks of metal: it may be off by {:.1} mm or more",
            gap.mm, gap.uncertainty_mm
        ));
    }
    let spacing_mm = volume.geometry.spacing_mm();
    if spacing_mm[0].max(spacing_mm[1]) > kind::COARSE_MM {
        warnings.push(format!(
            "voxels of {:.1} mm do not separate deposits from bone: what lies on bone is taken for bone",
            spacing_mm[0].max(spacing_mm[1])
        ));
    } else if coarse.edge_mm() > skeleton::FUSED_MM {
        warnings.push(format!(
            "slices of {:.1} mm do not separate deposits from bone: what hangs on bone is taken for bone",
            spacing_mm[2]
        ));
    }
    if volume.gravity().is_none() {
        warnings.push(
            "PatientPosition is missing or unknown: gravity is not known and fluid-sediment levels cannot be told"
                .to_owned(),
        );
    }
    clock.lap("labels");
    progress("done", 1.0);
    Ok(Analysis {
        lesions,
        findings,
        labels,
        bones,
        body: body_mask,
        gap,
        region,
        noise_hu,
        warnings,
        timings_ms: clock.timings_ms,
    })
}

/// HU at which mineral begins: muscle and enhanced tissue must stay below it with their noise.
fn threshold(noise_hu: f64, options: &Options) -> i16 {
    (60.0 + 2.0 * noise_hu).clamp(f64::from(options.mineral_hu), 200.0).round() as i16
}

fn view(volume: &Volume, body: &scan::Body) -> skeleton::View {
    skeleton::View { size: volume.size, section_mm2: body.section_mm2(), site: describe::site(volume) }
}

fn check(volume: &Volume, options: &Options) -> Result<(), LesionError> {
    let expected = volume.size.iter().product();
    if volume.len() != expected || expected == 0 {
        return Err(LesionError::Size { size: volume.size, found: volume.len(), expected });
    }
    let spacing_mm = volume.geometry.spacing_mm();
    if !spacing_mm.iter().all(|step| step.is_finite() && *step > 0.0) {
        return Err(LesionError::Spacing { spacing_mm });
    }
    let modality = &volume.acquisition.modality;
    if !modality.is_empty() && modality != "CT" {
        return Err(LesionError::Modality { modality: modality.clone() });
    }
    match options.bones {
        Some(bones) if bones.size != volume.size || bones.values.len() != expected => {
            Err(LesionError::BoneGrid { found: bones.size, expected: volume.size })
        }
        _ => Ok(()),
    }
}

struct Clock {
    last: Instant,
    timings_ms: BTreeMap<&'static str, f64>,
}

impl Clock {
    fn lap(&mut self, step: &'static str) {
        let now = Instant::now();
        self.timings_ms.insert(step, (now - self.last).as_secs_f64() * 1000.0);
        self.last = now;
    }
}

/// Cells of which at least a third of the voxels are bone in the mask.
fn bone_cells(bones: &Labels, coarse: &scan::Coarse) -> Vec<bool> {
    let mut counts = vec![0_u32; coarse.grid.len()];
    let cell_voxels = coarse.block.iter().product::<usize>() as u32;
    for (index, _) in bones.values.iter().enumerate().filter(|&(_, &label)| label != 0) {
        let voxel = voxel_at(bones.size, index);
        let inside = (0..3).all(|axis| {
            voxel[axis] >= coarse.low[axis]
                && voxel[axis] < coarse.low[axis] + coarse.grid.size[axis] * coarse.block[axis]
        });
        if inside {
            counts[coarse.cell(voxel)] += 1;
        }
    }
    counts.into_iter().map(|count| count * 3 >= cell_voxels).collect()
}

fn lesion_labels(volume: &Volume, lesions: &[Lesion], masks: &[Vec<grid::Run>]) -> Labels {
    let mut labels = Labels { size: volume.size, values: vec![0; volume.len()], geometry: volume.geometry };
    for (lesion, runs) in lesions.iter().zip(masks) {
        for run in runs {
            let start = volume.index([run.start as usize, run.row as usize, run.slice as usize]);
            labels.values[start..start + run.len()].fill(lesion.id);
        }
    }
    labels
}

fn bone_labels(scene: &candidate::Scene) -> Labels {
    each_voxel(scene.volume, |voxel| {
        let (coarse, low) = (scene.coarse, scene.coarse.low);
        if (0..3).any(|axis| {
            voxel[axis] < low[axis] || voxel[axis] >= low[axis] + coarse.grid.size[axis] * coarse.block[axis]
        }) {
            return 0;
        }
        match scene.skeleton.tissue[coarse.cell(voxel)] {
            skeleton::Tissue::Bone => 1,
            skeleton::Tissue::Metal => 2,
            _ => 0,
        }
    })
}

fn body_labels(scene: &candidate::Scene) -> Labels {
    each_voxel(scene.volume, |voxel| u16::from(scene.body.inside[scene.body.cell(voxel)]))
}

fn each_voxel(volume: &Volume, label: impl Fn([usize; 3]) -> u16 + Sync) -> Labels {
    use rayon::prelude::*;
    let mut values = vec![0; volume.len()];
    let [columns, rows, _] = volume.size;
    values.par_chunks_mut(columns).enumerate().for_each(|(line, values)| {
        for (column, value) in values.iter_mut().enumerate() {
            *value = label([column, line % rows, line / rows]);
        }
    });
    Labels { size: volume.size, values, geometry: volume.geometry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::json!(kind), kind.id());
        }
    }
}
