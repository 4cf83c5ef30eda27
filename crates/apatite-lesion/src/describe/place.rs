//! Where a lesion lies: compartment, joint, relation to bone, soft tissue beside it.

use super::bone::Touch;
use super::detail::Detail;
use super::{Findings, fall, is_described, rise};
use crate::Lesion;
use crate::candidate::Scene;
use crate::grid::{Connectivity, Grid, Run, box_mean, components, distance2};
use crate::linear::{norm, sub};
use crate::reason::{digits, say, whole};
use crate::skeleton::Tissue;
use crate::tip::Tip;

/// Where more bone than this has no cortex below a lesion, mm² and share of the contact, it is eroded; less stands at the
/// rims of joints, in noise, and where something large lies along a bone.
const BARE_MM2: f64 = 34.0;
const BARE_SHARE: f64 = 0.24;
/// Cortex this many times as thick below a lesion as about it is thickened, where they meet over this area, mm².
const THICKENED: f64 = 1.7;
const THICKENED_MM2: f64 = 60.0;

/// The joints near a lesion.
pub(super) struct Joint {
    /// Distance of the nearest and radius of its larger bone, mm.
    pub(super) nearest: Option<(f64, f64)>,
    /// The study shows the region of a large joint.
    pub(super) region: bool,
}

pub(super) fn describe(
    lesion: &Lesion,
    detail: &Detail,
    touch: &Touch,
    joint: &Joint,
    findings: &mut Findings,
) {
    let cover = &detail.cover;
    let around = &detail.around;
    let tissue = say(
        "{} mm below the skin, {} mm of muscle over it; {} % fat, {} % soft tissue around",
        [cover.depth_mm, cover.muscle_mm, 100.0 * around.fat, 100.0 * around.soft].map(whole),
    );
    let first = lesion.bone_distance_mm.unwrap_or(99.0);
    let superficial = fall(cover.muscle_mm, 2.2, 0.5) * fall(cover.depth_mm, 45.0, 6.0);
    let fatty = rise(around.fat + 0.5 * around.air, 0.22, 0.05);
    let sub = superficial * fatty * fall(touch.contact_mm2, 20.0, 6.0).max(0.4);
    findings.add("subcutaneous", sub, tissue.clone());
    findings.add("dermal", 0.6 * fall(cover.depth_mm, 2.2, 0.4), tissue.clone());
    let sheet = findings.get("sheet_like");
    // a plate in the subcutis is a plaque, one below it a sheet along a fascia
    findings.add("plaque_like", 0.9 * sheet * sub, tissue.clone());
    findings.scale("sheet_like", 1.0 - 0.7 * sub);
    // fat lies along a fascia and parts it from the muscles
    let plane = rise(around.fat, 0.04, 0.01);
    // a sheet may meet bone with its edge, what lies on bone faces it
    let share = touch.contact_mm2 / section_mm2(detail);
    let off_bone = fall(touch.contact_mm2, 60.0, 20.0).max(fall(share, 0.2, 0.05));
    findings.add("fascial_plane", 0.95 * sheet * plane * (1.0 - sub) * off_bone, tissue.clone());

    let (distance, calibre) = joint.nearest.unwrap_or((f64::INFINITY, 1.0));
    // within a bone's width of a joint
    let beside = if distance.is_finite() { fall(distance / calibre, 2.1, 0.25) } else { 0.0 };
    // in the region of a large joint what lies near bone lies near the joint
    let region = if joint.region { 0.8 * fall(first, 32.0, 5.0) } else { 0.0 };
    let near = beside.max(region);
    let bones = if region > beside {
        say("{} mm from bone in the region of a large joint", [whole(first)])
    } else {
        say("{} mm from a joint of bones {} mm thick", [distance, 2.0 * calibre].map(whole))
    };
    let large = rise(calibre, 11.0, 1.5).max(f64::from(u8::from(joint.region)));
    // bodies in a joint lie in fluid, which is darker than muscle and no fat
    let wet = rise(detail.ground_hu, -8.0, 6.0) * fall(detail.ground_hu, 34.0, 3.5);
    let within = near * wet * fall(around.fat, 0.45, 0.08) * rise(cover.depth_mm, 4.0, 1.0);
    findings.add("periarticular", near * (1.0 - 0.7 * within), bones.clone());
    let because = bones.clone().and(say("{} HU around", [whole(detail.ground_hu)]));
    findings.add("intra_articular", 0.95 * within, because.clone());
    findings.add("joint_effusion", 0.85 * within, because);
    let muscle = rise(around.soft, 0.52, 0.06) * rise(cover.muscle_mm, 2.2, 0.5);
    findings.add(
        "intramuscular",
        muscle * (1.0 - 0.75 * near) * (1.0 - 0.6 * sheet) * (1.0 - findings.get("intravascular")),
        tissue,
    );
    // tendons of the large joints insert within a few millimetres of bone, under muscle
    let tendon = near
        * large
        * fall(first, 7.0, 1.5)
        * fall(lesion.diameter_mm, 32.0, 4.0)
        * (1.0 - within)
        * rise(cover.muscle_mm, 3.0, 0.8)
        * (1.0 - findings.get("mature_bone"))
        * fall(touch.contact_mm2, 60.0, 20.0);
    findings.add("intratendinous", 0.85 * tendon, bones);
}

/// In the pulp of a fingertip, where `tip` says that it lies at the end of a digit; `hand` is the probability that the
/// study shows a hand.
pub(super) fn fingertip(tip: &Tip, hand: f64, findings: &mut Findings) {
    /// Of deposits in a fingertip those that are not under the nail.
    const PALMAR: f64 = 0.9;
    findings.add("fingertip_palmar", PALMAR * hand * tip.probability(), tip.reason());
}

/// A soft-tissue mass about the mineral: tissue of the density of muscle or more that no plane of fat divides, thicker
/// than the muscles of a limb.
pub(super) fn mass(radius_mm: f64, lesion: &Lesion, detail: &Detail, findings: &mut Findings) {
    let urate = findings.get("denser_than_muscle_not_calcified");
    findings.add(
        "soft_tissue_mass",
        0.9 * urate * rise(detail.ball_mm, 3.5, 0.6),
        say("a mass of {} mm that is not calcified", [whole(lesion.diameter_mm)]),
    );
    findings.add(
        "soft_tissue_mass",
        0.85 * rise(radius_mm, 24.0, 2.5),
        say("a ball of {} mm radius of soft tissue without planes of fat", [whole(radius_mm)]),
    );
}

/// Small foci in one mass are the mineral of that mass; grains along the fibres of a muscle are not, as undivided as it is.
pub(super) fn gathered(gathered: &Gathered, findings: &mut Findings) {
    findings.add(
        "soft_tissue_mass",
        0.85 * rise(gathered.radius_mm, 11.0, 1.0)
            * rise(gathered.share, 0.62, 0.05)
            * (1.0 - findings.get("rice_grain")),
        say(
            "{} % of the foci in and about a ball of {} mm radius of soft tissue without planes of fat",
            [100.0 * gathered.share, gathered.radius_mm].map(whole),
        ),
    );
}

pub(super) fn relation(lesion: &Lesion, detail: &Detail, touch: &Touch, findings: &mut Findings) {
    let Some(first) = lesion.bone_distance_mm else { return };
    let contact = touch.contact_mm2;
    let section = section_mm2(detail);
    let share = contact / section;
    let second = touch.by_bone_mm2.get(1).map_or(0.0, |bone| bone.1);
    let because = say(
        "{} mm² of contact ({} % of its section), {} mm² of cleft, {} mm from bone",
        [whole(contact), whole(100.0 * share), whole(touch.cleft_mm2), digits(first, 1)],
    );
    // where the skeleton ends is itself a judgement: a nodule taken for bone looks like contact
    let told = 0.75 * rise(contact, 4.0, 1.2).max(0.45 * fall(first, 0.8, 0.25));
    // what lies on bone meets it over its section at most: more means that a part of it was taken for bone
    let trust = fall(share, 1.75, 0.12);
    let touches = trust * told + (1.0 - trust) * 0.4;
    // matrix that grows from bone is of one piece, packed nodules are not
    let whole = 1.0 - 0.6 * findings.get("septa");
    let large = rise(detail.closed_mm3.ln(), 1500_f64.ln(), 0.4);
    let bridge = touches * rise(second, 18.0, 5.0);
    let broad = rise(share, 0.5, 0.07) * rise(contact, 80.0, 20.0) * large * whole * trust;
    let parted = touch.cleft_mm2 / (contact + touch.cleft_mm2).max(1.0);
    let stalk =
        rise(share, 0.12, 0.03) * (1.0 - broad) * rise(contact, 40.0, 10.0) * large * rise(parted, 0.3, 0.08);
    let attached = 1.0 - bridge;
    findings.add("separate_from_bone", 1.0 - touches, because.clone());
    findings.add("bridges_bones", bridge, because.clone());
    findings.add("broad_bone_attachment", touches * attached * broad, because.clone());
    findings.add("stalk_to_bone", touches * attached * 0.7 * stalk, because.clone());
    let abuts = touches * attached * (1.0 - broad) * (1.0 - 0.7 * stalk);
    findings.add("abuts_bone", abuts, because.clone());
    // on the cortex over a good part of its section, whether a cleft parts them or not
    let facing = (contact + touch.cleft_mm2) / section;
    findings.add(
        "juxtacortical",
        0.85 * rise(facing, 0.55, 0.08)
            * rise(share, 0.12, 0.03)
            * rise(contact, 30.0, 8.0)
            * large
            * whole
            * trust,
        because.clone(),
    );
    findings.add("radiolucent_cleft", 0.8 * stalk * touches, because);
    findings.exclusive(&[
        "separate_from_bone",
        "abuts_bone",
        "broad_bone_attachment",
        "stalk_to_bone",
        "bridges_bones",
    ]);
}

/// The largest section of a ball of the volume of a lesion, or the face of a plate of its thickness, mm².
fn section_mm2(detail: &Detail) -> f64 {
    let ball = 1.21 * detail.closed_mm3.powf(2.0 / 3.0);
    ball.max(0.75 * detail.closed_mm3 / detail.thickness_mm.max(0.5)).max(1.0)
}

/// Bone that has lost its cortex where the lesion lies on it: a sheet has no bulk that would wear it away.
pub(super) fn erosion(touch: &Touch, findings: &mut Findings) {
    let Some(bare) = touch.bare_mm2 else { return };
    let share = bare / touch.contact_mm2;
    findings.add(
        "cortical_erosion",
        0.8 * rise(bare, BARE_MM2, 5.0) * rise(share, BARE_SHARE, 0.03) * (1.0 - findings.get("sheet_like")),
        say(
            "{} mm² of the bone below its {} mm² of contact have no cortex",
            [bare, touch.contact_mm2].map(whole),
        ),
    );
}

/// Cortex that is thicker where the lesion lies on it than about it.
pub(super) fn thickening(touch: &Touch, findings: &mut Findings) {
    let Some([below, about]) = touch.cortex_mm else { return };
    findings.add(
        "cortical_thickening",
        0.6 * rise(below / about, THICKENED, 0.12) * rise(touch.contact_mm2, THICKENED_MM2, 15.0),
        say("cortex of {} mm below it and of {} mm about it", [below, about].map(|mm| digits(mm, 1))),
    );
}

/// Radius of the largest ball of tissue between water and enhanced muscle that fits within 15 mm of the lesion, mm.
pub(super) fn undivided_mm(scene: &Scene, runs: &[Run]) -> f64 {
    let undivided = Undivided::about(scene, runs, 45.0);
    let (low, high) = coarse_box(scene, runs, 15.0);
    let mut largest: f32 = 0.0;
    for z in low[2]..high[2] {
        for y in low[1]..high[1] {
            for x in low[0]..high[0] {
                largest = largest.max(undivided.radius_mm([x, y, z]));
            }
        }
    }
    f64::from(largest)
}

/// Foci about one ball of undivided tissue.
pub(super) struct Gathered {
    centre_mm: [f64; 3],
    radius_mm: f64,
    /// Share of the foci of the study that lie in it or near its surface.
    share: f64,
}

impl Gathered {
    /// The ball of undivided tissue that most of the small foci of a study lie in or near, by number and radius.
    pub(super) fn of(scene: &Scene, lesions: &[Lesion], masks: &[Vec<Run>]) -> Option<Self> {
        /// Fewer are no group, more are a disease of the whole region, and larger ones (mm³) are masses themselves.
        const FOCI: std::ops::RangeInclusive<usize> = 4..=80;
        const FOCUS_MM3: f64 = 2000.0;
        /// Smaller balls fit between planes anywhere, mm.
        const LEAST_MM: f32 = 9.0;
        const STEP_MM: f64 = 2.0;
        let (foci, masks): (Vec<&Lesion>, Vec<&Vec<Run>>) = lesions
            .iter()
            .zip(masks)
            .filter(|(lesion, runs)| is_described(lesion) && !runs.is_empty())
            .unzip();
        if !FOCI.contains(&foci.len()) || foci.iter().any(|lesion| lesion.volume_mm3 > FOCUS_MM3) {
            return None;
        }
        let runs: Vec<Run> = masks.into_iter().flatten().copied().collect();
        let undivided = Undivided::about(scene, &runs, 30.0);
        let Grid { size, spacing_mm } = undivided.grid;
        let steps = spacing_mm.map(|step| ((STEP_MM / step).round() as usize).max(1));
        let coarse = scene.coarse;
        let mut best: Option<(f64, Self)> = None;
        for z in (0..size[2]).step_by(steps[2]) {
            for y in (0..size[1]).step_by(steps[1]) {
                for x in (0..size[0]).step_by(steps[0]) {
                    let cell = [x, y, z];
                    let outer = std::array::from_fn(|axis| undivided.low[axis] + cell[axis]);
                    let radius = undivided.radius_mm(outer);
                    if radius < LEAST_MM {
                        continue;
                    }
                    let radius_mm = f64::from(radius);
                    let voxel = std::array::from_fn(|axis| {
                        coarse.low[axis] as f64 + (outer[axis] as f64 + 0.5) * coarse.block[axis] as f64 - 0.5
                    });
                    let centre_mm = scene.volume.geometry.patient_from_voxel(voxel);
                    let mut found = Self { centre_mm, radius_mm, share: 0.0 };
                    found.share =
                        foci.iter().filter(|lesion| found.holds(lesion)).count() as f64 / foci.len() as f64;
                    let score = found.share * radius_mm;
                    if best.as_ref().is_none_or(|(most, _)| score > *most) {
                        best = Some((score, found));
                    }
                }
            }
        }
        best.map(|(_, found)| found)
    }

    /// Whether a lesion lies in the ball or near its surface.
    pub(super) fn holds(&self, lesion: &Lesion) -> bool {
        norm(sub(lesion.centre_mm, self.centre_mm)) < 1.3 * self.radius_mm
    }
}

/// How far the tissue of a part of the coarse grid lies from planes of fat and from bone.
struct Undivided {
    grid: Grid,
    /// First cell of the part.
    low: [usize; 3],
    /// Square of the distance, mm².
    away: Vec<f32>,
}

impl Undivided {
    /// The tissue in a box about runs, widened by `margin_mm`.
    fn about(scene: &Scene, runs: &[Run], margin_mm: f64) -> Self {
        // planes of fat are surfaces, single dark cells are noise
        const PLANE_CELLS: usize = 12;
        const PLANE_MM3: f64 = 40.0;
        const SMOOTH_MM: f64 = 2.4;
        let coarse = scene.coarse;
        let (low, high) = coarse_box(scene, runs, margin_mm);
        let grid = Grid {
            size: std::array::from_fn(|axis| high[axis] - low[axis]),
            spacing_mm: coarse.grid.spacing_mm,
        };
        let outer = |cell: usize| {
            let position = grid.position(cell);
            coarse.grid.index(std::array::from_fn(|axis| low[axis] + position[axis]))
        };
        let values: Vec<f32> = (0..grid.len()).map(|cell| coarse.mean[outer(cell)]).collect();
        // small cells are as noisy as the voxels they are made of
        let radius = grid.spacing_mm.map(|step| (0.5 * (SMOOTH_MM / step - 1.0)).round().max(0.0) as usize);
        let values = if radius == [0; 3] { values } else { box_mean(&grid, &values, radius) };
        let dark = |cell: usize| values[cell] < -5.0;
        let (labels, counts) = components(&grid, Connectivity::Face, dark);
        let least = PLANE_CELLS.max((PLANE_MM3 / grid.cell_mm3()) as usize);
        let plane = |cell: usize| labels[cell] > 0 && counts[labels[cell] as usize] >= least;
        let away = distance2(&grid, |cell| plane(cell) || scene.skeleton.tissue[outer(cell)] == Tissue::Bone);
        Self { grid, low, away }
    }

    /// Radius of the ball about a cell of the coarse grid that holds neither fat nor bone, mm; 0 where nothing in the part does.
    fn radius_mm(&self, cell: [usize; 3]) -> f32 {
        let square = self.away[self.grid.index(std::array::from_fn(|axis| cell[axis] - self.low[axis]))];
        if square.is_finite() { square.sqrt() } else { 0.0 }
    }
}

/// Coarse box around runs, in cells, widened by `margin_mm`.
fn coarse_box(scene: &Scene, runs: &[Run], margin_mm: f64) -> ([usize; 3], [usize; 3]) {
    let coarse = scene.coarse;
    let (low, high) = crate::patch::bounds(runs);
    let first = coarse.grid.position(coarse.cell(low));
    let last = coarse.grid.position(coarse.cell(high.map(|at| at - 1)));
    let margin = coarse.grid.spacing_mm.map(|step| (margin_mm / step).ceil() as usize);
    (
        std::array::from_fn(|axis| first[axis].saturating_sub(margin[axis])),
        std::array::from_fn(|axis| (last[axis] + margin[axis] + 1).min(coarse.grid.size[axis])),
    )
}
