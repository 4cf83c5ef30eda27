//! Whether a candidate is a concretion of an organ, or contrast.

use super::{Asked, IMPLANT_MM, MIDLINE_MM, Scores, middle_mm, mirrors};
use crate::Kind;
use crate::candidate::{Candidate, Scene};
use crate::linear::sub;
use crate::reason::{Reason, say};
use crate::skeleton::Tissue;

/// Contrast is fainter than this in the mean with its surface, HU.
const BLOOD_HU: f64 = 300.0;
/// Enhanced vessels of a limb are fainter than this within, HU; they are longer than this (four standard deviations), mm, and so
/// many times as long as wide; so much of them lies deeper than 2 mm below their surface; their log odds.
const ENHANCED_HU: f64 = 450.0;
const VESSEL_LONG_MM: f64 = 100.0;
const VESSEL_SLENDER: f64 = 8.0;
const VESSEL_CORE: f64 = 0.005;
/// It is within at least this share as dense as on average: artery and vein that meet are of two densities, and a wall about a
/// lumen is much denser than that.
const VESSEL_WITHIN: f64 = 0.85;
/// Where there is one, so are slender tubes of its density from this length on (four standard deviations), mm.
const BRANCH_LONG_MM: f64 = 60.0;
const VESSEL: f64 = 7.0;
/// Kidneys and bladder full of contrast are larger than this, mm³; so much of them lies within, and is as dense as their shell
/// but for this factor; their log odds.
const POOL_MM3: f64 = 15_000.0;
const POOL_CORE: f64 = 0.2;
const POOL_EVEN: f64 = 0.8;
const POOL: f64 = 9.0;
/// Loops fill less than this share of the ellipsoid with their principal axes; more than this of them lies within, and is
/// denser than this share of their shell.
const SPRAWLING: f64 = 0.3;
const SPRAWLING_CORE: f64 = 0.05;
const SPRAWLING_EVEN: f64 = 0.75;
/// Foci of the vessels of the pelvis are of this size, mm³.
const FOCUS_MM3: std::ops::Range<f64> = 15.0..900.0;

/// Weighs all that speaks for organs and contrast.
pub(super) fn weigh(scores: &mut Scores, asked: &Asked) {
    viscera(scores, asked);
    contrast(scores, asked);
}

/// The position of an organ, and gas of the bowel.
fn viscera(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, .. } = asked;
    if study.trunk {
        let deep = is_deep(candidate);
        let away = candidate.bone_mm > 7.0;
        if deep && away && central(scene, candidate) {
            // bone forms about an implant
            let weight = if candidate.metal_mm < IMPLANT_MM { 3.0 } else { 8.5 };
            of_organ(scores, asked, weight, say("deep in the trunk, in the position of an organ", []));
        }
        if study.contrast && candidate.around.air > 0.02 && candidate.max_hu < 800.0 {
            scores.add(Kind::Contrast, 6.0, say("beside gas in a study with contrast", []));
        }
        if deep && candidate.around.air > 0.02 {
            scores.add(Kind::Contrast, 4.5, say("beside bowel gas", []));
        }
    }
    // what a side of the field cuts is part of what lies beyond it
    if !candidate.on_side
        && !study.widespread
        && candidate.skin_mm.is_finite()
        && candidate.skin_mm > 56.0
        && candidate.bone_mm > 22.0
        && candidate.volume_mm3 < 2000.0
    {
        // the depth of a limb is where its bone is
        scores.add(
            Kind::BoneOrVariant,
            6.0,
            say("deeper than a limb and far from bone, in the position of an organ", []),
        );
    }
    if study.ring && !study.widespread && !candidate.on_side && enclosed_by_bone(scene, candidate) {
        of_organ(
            scores,
            asked,
            5.0,
            say("within the ring of the pelvis or chest, in the position of an organ", []),
        );
    }
}

/// Weighs the position of an organ: where deposits lie all over the subcutis it says less, and several small foci in the depth
/// of a pelvis lie in its vessels.
fn of_organ(scores: &mut Scores, asked: &Asked, weight: f64, reason: Reason) {
    let &Asked { scene, study, candidate, .. } = asked;
    if study.pelvic && is_pelvic_focus(scene, candidate) {
        let because =
            say("one of several small foci in the depth of the pelvis, as those of its vessels are", []);
        scores.add(Kind::Vascular, weight, because);
    } else {
        scores.add(Kind::BoneOrVariant, weight * (1.0 - study.spread), reason);
    }
}

/// Whether a candidate is small and deep, off bone, and lies beside the midline, in which are the coccyx and the prostate.
pub(super) fn is_pelvic_focus(scene: &Scene, candidate: &Candidate) -> bool {
    let [left, _, _] = sub(candidate.centre_mm, middle_mm(scene));
    FOCUS_MM3.contains(&candidate.volume_mm3)
        && !candidate.attached
        && candidate.bone_mm > 5.0
        && is_deep(candidate)
        && left.abs() > MIDLINE_MM
}

/// Whether a candidate lies as deep as the organs of a trunk.
fn is_deep(candidate: &Candidate) -> bool {
    candidate.skin_mm > 35.0 && candidate.skin_mm.is_finite()
}

/// The density of contrast in a study with contrast.
fn contrast(scores: &mut Scores, asked: &Asked) {
    let &Asked { study, candidate, .. } = asked;
    if is_enhanced_vessel(candidate) || (study.enhanced && is_tube_of_blood(candidate)) {
        scores.add(Kind::Contrast, VESSEL, say("a long tube as dense as enhanced blood", []));
    }
    if study.contrast && study.trunk && is_pool(candidate) && is_organ_of_pools(asked) {
        scores.add(
            Kind::Contrast,
            POOL + super::bone::as_deposit(candidate),
            say("as dense throughout as a pool of contrast, where kidneys and bladder lie", []),
        );
    }
    if study.contrast {
        let soft = (candidate.mean_hu < BLOOD_HU && candidate.max_hu < 600.0)
            || (study.trunk && is_sprawling_pool(candidate));
        scores.add(
            Kind::Contrast,
            if soft { 6.0 } else { 0.5 },
            say("of the density of contrast in a study with contrast", []),
        );
        if candidate.around.enhanced > 0.15 {
            scores.add(Kind::Contrast, 2.0, say("surrounded by enhanced tissue", []));
        }
    }
}

/// Whether a candidate is large and as dense in its core as in its shell.
fn is_pool(candidate: &Candidate) -> bool {
    candidate.volume_mm3 > POOL_MM3
        && candidate.rim.is_some_and(|rim| {
            rim.core_mm3 > POOL_CORE * rim.filled_mm3
                && (POOL_EVEN..1.0 / POOL_EVEN).contains(&(rim.core_hu / rim.shell_hu))
        })
}

/// Whether a candidate is large and dense like contrast throughout, and reaches far for its volume, as loops of bowel and vessels
/// do with the bone that they touch.
fn is_sprawling_pool(candidate: &Candidate) -> bool {
    candidate.volume_mm3 > POOL_MM3
        && candidate.closed.compact < SPRAWLING
        && candidate.rim.is_some_and(|rim| {
            rim.core_mm3 > SPRAWLING_CORE * rim.filled_mm3
                && rim.core_hu < ENHANCED_HU
                && rim.core_hu > SPRAWLING_EVEN * rim.shell_hu
        })
}

/// Whether a pool lies in the midline, or has its like on the other side.
fn is_organ_of_pools(asked: &Asked) -> bool {
    let &Asked { scene, candidate, all, .. } = asked;
    let [left, _, _] = sub(candidate.centre_mm, middle_mm(scene));
    left.abs() < MIDLINE_MM || all.iter().any(|other| is_pool(other) && mirrors(scene, candidate, other))
}

/// Whether a candidate runs on beyond the field, as thick and as dense within as a vessel with contrast in it: the walls of
/// a calcified one are denser, and sheets are thinner.
pub(super) fn is_enhanced_vessel(candidate: &Candidate) -> bool {
    candidate.on_edge
        && candidate.axes_mm[0] > VESSEL_LONG_MM
        && is_tube_of_blood(candidate)
        && candidate.rim.is_some_and(|rim| {
            rim.core_mm3 > VESSEL_CORE * rim.filled_mm3
                && (VESSEL_WITHIN * candidate.mean_hu..ENHANCED_HU).contains(&rim.core_hu)
        })
}

/// Whether a candidate is long and slender, and no denser than enhanced blood.
pub(super) fn is_tube_of_blood(candidate: &Candidate) -> bool {
    let [long, middle, _] = candidate.axes_mm;
    candidate.mean_hu < BLOOD_HU && long > BRANCH_LONG_MM && long > VESSEL_SLENDER * middle
}

/// Whether a candidate lies in the middle of the trunk, where the cavities are: within 60 % of the half-width and 75 %
/// of the half-depth of its section.
fn central(scene: &Scene, candidate: &Candidate) -> bool {
    let body = scene.body;
    let voxel = scene.volume.geometry.voxel_from_patient(candidate.centre_mm).map(|at| at.max(0.0) as usize);
    let cell = body.grid.position(body.cell(voxel));
    let (mut low, mut high) = ([usize::MAX; 2], [0; 2]);
    for y in 0..body.grid.size[1] {
        for x in 0..body.grid.size[0] {
            if body.inside[body.grid.index([x, y, cell[2]])] {
                for (axis, at) in [x, y].into_iter().enumerate() {
                    low[axis] = low[axis].min(at);
                    high[axis] = high[axis].max(at);
                }
            }
        }
    }
    [0.6, 0.75].into_iter().enumerate().all(|(axis, share)| {
        let (low, high) = (low[axis] as f64, high[axis] as f64);
        (cell[axis] as f64 - (low + high) / 2.0).abs() <= share * (high - low) / 2.0
    })
}

/// Whether bone stands around a point in its axial section: of 16 rays up to 120 mm, those that leave the field say
/// nothing; of at least six others seven tenths meet bone, some on each side, in slices 25 mm about.
fn enclosed_by_bone(scene: &Scene, candidate: &Candidate) -> bool {
    let grid = &scene.coarse.grid;
    let voxel = scene.volume.geometry.voxel_from_patient(candidate.centre_mm);
    let centre: [f64; 3] = std::array::from_fn(|axis| {
        (voxel[axis] - scene.coarse.low[axis] as f64) / scene.coarse.block[axis] as f64
    });
    let layers = (25.0 / grid.spacing_mm[2]) as isize;
    let (mut met, mut missed, mut far) = (0, 0, 0);
    for ray in 0..16 {
        let angle = std::f64::consts::TAU * f64::from(ray) / 16.0;
        let (dx, dy) = (angle.cos(), angle.sin());
        let mut outcome = Some(false);
        'ray: for step in 1..60 {
            let reach = f64::from(step) * 2.0;
            let (x, y) =
                (centre[0] + dx * reach / grid.spacing_mm[0], centre[1] + dy * reach / grid.spacing_mm[1]);
            if x < 0.0 || y < 0.0 || x >= grid.size[0] as f64 || y >= grid.size[1] as f64 {
                // the body ends here, or only the field does
                let body = scene.body.skin_mm[scene.body.cell(voxel.map(|at| at.max(0.0) as usize))];
                outcome = (f64::from(body) <= reach).then_some(false);
                break;
            }
            for dz in -layers..=layers {
                let z = centre[2] as isize + dz;
                if z < 0 || z >= grid.size[2] as isize {
                    continue;
                }
                if scene.skeleton.tissue[grid.index([x as usize, y as usize, z as usize])] == Tissue::Bone {
                    outcome = Some(true);
                    far += usize::from(reach > 15.0);
                    break 'ray;
                }
            }
        }
        met += usize::from(outcome == Some(true));
        missed += usize::from(outcome == Some(false));
    }
    met >= 6 && far >= 6 && met * 10 >= (met + missed) * 7
}
