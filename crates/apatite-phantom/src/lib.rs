/*!
CT phantoms of soft-tissue calcinosis with known truth.

[`make`] builds a region of the body from implicit shapes (skin, fat, fasciae, muscles, vessels, bones, joints, table,
clothing), puts the lesions of a [`Pattern`] in it, and takes its picture as a scanner would: partial volume, in-plane
blur, slice profile, correlated noise, streaks of metal, 12 bits. All sizes, places and densities are drawn from the seed.
[`Phantom::write`] writes a genuine DICOM series with the truth and a case file beside it.

The crate serves tests, benchmarks and the example that ships. It knows nothing of the analysis, which must not know it
either: neither may depend on the other. It does no input. The same options give the same bytes on any number of threads.
*/

mod anatomy;
mod case;
mod dicom;
mod draw;
mod erosion;
mod error;
mod gap;
mod nifti;
mod patterns;
mod pose;
mod scanner;
mod scene;
mod shape;
mod space;
mod visit;
mod write;

pub use case::SuggestedCase;
pub use error::PhantomError;
pub use patterns::{Pattern, patterns};
pub use pose::PatientPosition;
pub use visit::Visit;

use apatite_volume::{Acquisition, Geometry, Labels, Volume, voxel_at};

use crate::draw::Draw;
use crate::patterns::{Plan, Relation};
use crate::pose::Pose;
use crate::scanner::{Picture, Scanner};
use crate::scene::{CLOTH, FOAM, Layer, TABLE_SKIN};
use crate::shape::Shape;
use crate::space::{Point, dot, sub};

/// What to draw the phantom from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Everything that is not said here is drawn from it.
    pub seed: u64,
    /// How the patient lies; drawn where none.
    pub position: Option<PatientPosition>,
    /// Columns, rows, slices; 256×256×160 where none.
    pub size: Option<[usize; 3]>,
    /// Distances between voxel centres, mm; where none, such that the usual field of view is covered.
    pub spacing_mm: Option<[f64; 3]>,
    /// Standard deviation of the noise, HU; 10 to 30, drawn, where none. 0 is a picture without noise.
    pub noise_hu: Option<f64>,
    /// A later study of the same patient; the first where none.
    pub visit: Option<Visit>,
}

/// A made study and its truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Phantom {
    /// What it is a phantom of.
    pub pattern: &'static Pattern,
    /// The seed it was drawn from.
    pub seed: u64,
    /// How the patient lies.
    pub position: PatientPosition,
    /// Which study of the patient; the first where none.
    pub visit: Option<Visit>,
    /// Standard deviation of the noise in the picture, HU.
    pub noise_hu: f64,
    /// The picture, HU.
    pub volume: Volume,
    /// Lesion ids where mineral fills at least half of the voxel.
    pub truth: Labels,
    /// Numbers of bones where bone fills at least half of the voxel.
    pub bones: Labels,
    /// The lesions by id, from 1; only those with mineral in the field of view.
    pub lesions: Vec<TrueLesion>,
    /// What holds of the study as a whole (ids of the vocabulary, sorted): extent, prosthesis.
    pub findings: Vec<&'static str>,
    /// Shortest way left between ossification on one bone and another bone or what grew on that, mm; 0 where it goes
    /// from bone to bone, none where no ossification touches a bone.
    pub opposing_gap_mm: Option<f64>,
    /// A history that fits.
    pub case: SuggestedCase,
}

/// One lesion as it truly is.
#[derive(Clone, Debug, PartialEq)]
pub struct TrueLesion {
    /// Its value in [`Phantom::truth`].
    pub id: u16,
    /// What it is made of.
    pub kind: LesionKind,
    /// Volume of the mineral in the field of view, mm³, from samples finer than the voxels.
    pub volume_mm3: f64,
    /// The same with what it encloses: fluid above a level, a lucent centre, septa.
    pub extent_mm3: f64,
    /// Centre of gravity of the mineral, patient coordinates (LPS, mm).
    pub centre_mm: [f64; 3],
    /// Findings of the vocabulary that are truly there, sorted.
    pub findings: Vec<&'static str>,
}

/// What a lesion is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LesionKind {
    /// Calcium salt.
    Calcification,
    /// Bone that grew in soft tissue.
    Ossification,
    /// Calcium in a vessel's wall or in a thrombus.
    Vascular,
    /// Urate.
    Urate,
    /// Mineral of a tumour.
    Tumour,
}

impl LesionKind {
    /// Lower-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Calcification => "calcification",
            Self::Ossification => "ossification",
            Self::Vascular => "vascular",
            Self::Urate => "urate",
            Self::Tumour => "tumour",
        }
    }
}

/// Columns, rows and slices where [`Options::size`] is not given.
const USUAL_SIZE: [usize; 3] = [256, 256, 160];

/// Makes the phantom of a pattern (see [`patterns`]).
///
/// # Errors
/// An unknown pattern; a size below 16 or of more than 2³⁰ voxels; a spacing outside 0.1 to 10 mm; a noise outside 0
/// to 200 HU; a later study outside the bounds of [`Visit`].
pub fn make(pattern: &str, options: &Options) -> Result<Phantom, PhantomError> {
    let known = patterns::find(pattern)?;
    let size = options.size.unwrap_or(USUAL_SIZE);
    check(options, size)?;

    // each pattern draws a body and a position of its own
    let seed = Draw::new(options.seed, known.id).bits();
    let mut plan = patterns::plan(known, seed, options);
    if let Some(visit) = &options.visit {
        visit.grow(&mut plan, seed);
    }
    let body = &mut plan.body;
    let pose = Pose::new(seed, options, body);
    let usual = body.spacing_mm;
    let spacing_mm = options.spacing_mm.unwrap_or_else(|| {
        [0, 1, 2].map(|axis: usize| {
            // a round figure, as scanners have
            let exact = usual[axis] * USUAL_SIZE[axis] as f64 / size[axis] as f64;
            (exact * 1e4).round() / 1e4
        })
    });
    let mut draw = Draw::new(seed, "scanner");
    let (origin_mm, steps_mm) = pose.grid(size, spacing_mm);
    surroundings(&mut plan, &pose, size, spacing_mm, &mut draw);

    let noise_hu = options.noise_hu.unwrap_or_else(|| draw.within(10.0, 26.0).round());
    let sharp = draw.chance(0.35);
    let scanner = Scanner {
        size,
        spacing_mm,
        origin: pose.local_point(plan.body.centre, origin_mm),
        steps: steps_mm.map(|step| pose.local_from_patient.apply(step)),
        blur_mm: if sharp { draw.within(0.28, 0.36) } else { draw.within(0.40, 0.55) },
        noise_hu,
        noise_grain: if sharp { 0.45 } else { 0.75 },
        seed,
        noise_seed: options.visit.map_or(seed, |visit| visit.noise_seed(seed)),
    };
    let parts = plan.body.scene.painted();
    let picture = scanner.scan(&parts, plan.lesions.len() as u16);
    let geometry = Geometry { origin_mm, steps_mm };
    erosion::keep_true(&mut plan, &picture, &scanner);
    let contacts = contacts(&plan, &picture, &scanner);
    let lesions = true_lesions(&plan, &picture, &contacts, &geometry);
    let opposing_gap_mm = gap::opposing_mm(&plan, &picture, &scanner, &contacts);
    let acquisition = Acquisition {
        modality: "CT".to_owned(),
        patient_position: pose.position.term().to_owned(),
        body_part: known.body_part.to_owned(),
        description: String::new(),
        kernel: if sharp { "Bf50" } else { "Br36" }.to_owned(),
        tube_voltage_kv: Some(120.0),
        slice_thickness_mm: Some(spacing_mm[2]),
        contrast_agent: Some(false),
    };
    let findings = study_findings(&plan, &lesions);
    let case = plan.case.clone().of_study(known, options.seed, &lesions, pose.left);
    Ok(Phantom {
        pattern: known,
        seed: options.seed,
        position: pose.position,
        visit: options.visit,
        noise_hu,
        volume: Volume { size, values: picture.values, geometry, padding: None, acquisition },
        truth: Labels { size, values: picture.lesions, geometry },
        bones: Labels { size, values: picture.bones, geometry },
        lesions,
        findings,
        opposing_gap_mm,
        case,
    })
}

fn check(options: &Options, size: [usize; 3]) -> Result<(), PhantomError> {
    let voxels = size.iter().try_fold(1_usize, |product, &count| product.checked_mul(count));
    if size.iter().any(|&count| count < 16) || voxels.is_none_or(|voxels| voxels > 1 << 30) {
        return Err(PhantomError::Option {
            option: "the size",
            value: format!("{size:?}"),
            allowed: "at least 16 in each direction and at most 2^30 voxels",
        });
    }
    if let Some(spacing) =
        options.spacing_mm.filter(|spacing| spacing.iter().any(|mm| !(0.1..=10.0).contains(mm)))
    {
        return Err(PhantomError::Option {
            option: "the spacing",
            value: format!("{spacing:?}"),
            allowed: "0.1 to 10 mm in each direction",
        });
    }
    if let Some(visit) = &options.visit {
        visit.check()?;
    }
    if let Some(noise) = options.noise_hu.filter(|noise| !(0.0..=200.0).contains(noise)) {
        return Err(PhantomError::Option {
            option: "the noise",
            value: noise.to_string(),
            allowed: "0 to 200 HU",
        });
    }
    Ok(())
}

/// Table under the patient, mattress, and often a layer of clothing.
fn surroundings(plan: &mut Plan, pose: &Pose, size: [usize; 3], spacing_mm: [f64; 3], draw: &mut Draw) {
    let body = &mut plan.body;
    let (centre, down) = (body.centre, pose.gravity());
    let half = [0, 1, 2].map(|axis: usize| size[axis] as f64 * spacing_mm[axis] / 2.0);
    // the lowest point of the skin in view, on a grid of about 5 mm
    let mut lowest = f64::NEG_INFINITY;
    let steps = half.map(|half| (half / 5.0).ceil().max(1.0) as i64);
    for z in -steps[2]..=steps[2] {
        for y in -steps[1]..=steps[1] {
            for x in -steps[0]..=steps[0] {
                let patient = (0..3).fold(space::add(pose.middle, pose.shift), |point, axis| {
                    let count = [x, y, z][axis] as f64 / steps[axis] as f64 * half[axis];
                    space::along(point, count, pose.axes[axis])
                });
                let point = pose.local_point(centre, patient);
                let depth = dot(sub(point, centre), down);
                if depth > lowest && body.skin.holds(point) {
                    lowest = depth;
                }
            }
        }
    }
    let under = move |from: f64, to: f64| {
        Shape::new(move |point: Point| {
            let depth = dot(sub(point, centre), down);
            (from - depth).max(depth - to)
        })
    };
    if lowest.is_finite() {
        let mattress = lowest - 1.5;
        let top = mattress + draw.within(8.0, 20.0);
        let bottom = top + draw.within(25.0, 45.0);
        body.scene.tissue(Layer::Surroundings, under(mattress, bottom), FOAM);
        body.scene.tissue(Layer::Surroundings, under(top, top + 1.6), TABLE_SKIN);
        body.scene.tissue(Layer::Surroundings, under(bottom - 1.6, bottom), TABLE_SKIN);
    }
    if draw.chance(0.6) {
        let gap = draw.within(1.5, 4.0);
        let cloth = body.skin.rough(draw.bits(), 1.2, 18.0).grown(gap).rind(draw.within(0.6, 1.4));
        body.scene.tissue(Layer::Surroundings, cloth, CLOTH);
    }
}

fn true_lesions(
    plan: &Plan,
    picture: &Picture,
    contacts: &[Vec<usize>],
    geometry: &Geometry,
) -> Vec<TrueLesion> {
    let mut lesions = Vec::new();
    for (index, planned) in plan.lesions.iter().enumerate() {
        let [mineral, all] = picture.amounts[index];
        let Some(centre) = mineral.centre() else { continue };
        let mut findings = planned.findings.clone();
        match planned.relation {
            Relation::Known(finding) => findings.push(finding),
            Relation::Measured => findings.push(match contacts[index].len() {
                0 => "separate_from_bone",
                1 => "abuts_bone",
                _ => "bridges_bones",
            }),
        }
        findings.sort_unstable();
        findings.dedup();
        lesions.push(TrueLesion {
            id: index as u16 + 1,
            kind: planned.kind,
            volume_mm3: mineral.voxels() * geometry.voxel_mm3(),
            extent_mm3: all.voxels() * geometry.voxel_mm3(),
            centre_mm: geometry.patient_from_voxel(centre),
            findings,
        });
    }
    lesions
}

/// Which bones the mineral of each lesion touches: those whose surface is nearer than a fifth of a millimetre to a
/// sample of it.
fn contacts(plan: &Plan, picture: &Picture, scanner: &Scanner) -> Vec<Vec<usize>> {
    let mut contacts = vec![Vec::new(); plan.lesions.len()];
    let bones = plan.body.scene.bones();
    // mineral fills at least half of a labelled voxel, so it comes up to a quarter of its diagonal to the centre
    let near = space::length(scanner.spacing_mm) / 4.0 + 0.2;
    for (index, &label) in picture.lesions.iter().enumerate() {
        if label == 0 {
            continue;
        }
        let voxel = voxel_at(scanner.size, index);
        let point = (0..3)
            .fold(scanner.origin, |point, axis| space::along(point, voxel[axis] as f64, scanner.steps[axis]));
        let touched = &mut contacts[usize::from(label) - 1];
        for (bone, shape) in bones.iter().enumerate() {
            if !touched.contains(&bone) && shape.at(point) < near {
                touched.push(bone);
            }
        }
    }
    contacts
}

fn study_findings(plan: &Plan, lesions: &[TrueLesion]) -> Vec<&'static str> {
    let mut findings = plan.findings.clone();
    if !plan.findings.contains(&"diffuse") {
        match lesions.len() {
            0 => {}
            1 => findings.push("solitary"),
            _ => findings.push("multiple_one_region"),
        }
    }
    findings.sort_unstable();
    findings
}
