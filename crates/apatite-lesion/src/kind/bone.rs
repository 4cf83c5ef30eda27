//! Whether a candidate is bone outside the recognised skeleton, or a piece of it.

use super::{
    Asked, BONE_PRIOR, COARSE_MM, IMPLANT_MM, MIDLINE_MM, NEAR_MM3, Scores, is_compact, middle_mm, mirrors,
};
use crate::Kind;
use crate::candidate::{Candidate, Scene};
use crate::grid::{Connectivity, Run, components};
use crate::linear::{norm, sub};
use crate::patch::Patch;
use crate::reason::{Reason, say, whole};
use crate::skeleton::Tissue;
use crate::tip::Tip;

/// What hangs on bone is called a deposit rather than overlooked, by this many log odds.
const FAVOUR: f64 = 0.6;
/// About an implant, where new bone is common, by this many.
const FAVOUR_AT_IMPLANT: f64 = 1.2;
/// In slices that blur it with its bone, it is called bone in doubt.
const FAVOUR_BLURRED: f64 = -1.2;
/// Log odds of bone for what is smaller than the bone it hangs on can tell: all of it from [`SLIGHT_RANGE_MM3`] below
/// [`SLIGHT_MM3`] on.
const SLIGHT: f64 = 1.5;
const SLIGHT_MM3: f64 = 120.0;
const SLIGHT_RANGE_MM3: f64 = 80.0;
/// The bone about an implant and the cortex of a bone fill less than this share of the ellipsoid with its principal axes.
const SHELL_COMPACT: f64 = 0.3;
/// The circle of reconstruction touches the sides of the field: what it cuts lies beyond this share of its radius.
const CIRCLE: f64 = 0.75;
/// The mean of a small bone that shows no marrow is above this, HU.
const SOLID_CORTEX_HU: f64 = 700.0;
/// A terminal phalanx is larger than this, mm³.
const PHALANX_MM3: f64 = 150.0;
/// The sesamoids of the fingers are at least this large, mm³.
const SESAMOID_MM3: f64 = 18.0;
/// The sesamoids of thumb and great toe: both of this size, mm³, of volumes that differ by less than this factor, their
/// centres this far apart and further than this from all else, mm, at least one filling this share of the ellipsoid with
/// its principal axes; their log odds of bone.
const SESAMOIDS_MM3: std::ops::Range<f64> = 50.0..800.0;
const ALIKE: f64 = 3.0;
const PAIR_MM: std::ops::Range<f64> = 5.5..13.0;
const PAIR_APART_MM: f64 = 20.0;
const PAIR_COMPACT: f64 = 0.75;
const PAIR: f64 = 4.0;
/// What hangs on bone and fills no more than this share of it is no other body.
const BODY_COMPACT: f64 = 0.5;
/// Where blur joins them, what is denser than this share of the densest is two bodies of at least this size, mm³, whose volumes
/// differ by less than this factor.
const LOBE: f64 = 0.6;
const LOBE_MM3: f64 = 8.0;
const LOBES_ALIKE: f64 = 2.0;
/// More shells than this are loose bodies of a joint.
const SMALL_BONES: usize = 3;
/// Shells about marrow of at least this size (mm³) are bones where two lie alike on either side of the trunk; their log odds,
/// which outweigh [`BONE_PRIOR`] and the distance from other bone.
const MIRRORED_MM3: f64 = 100.0;
const MIRRORED: f64 = 8.0;
/// What has no other candidate within this stands alone, mm.
const LONE_MM: f64 = 22.0;
/// The middle of a small bone is fainter than its shell by more than this share, and surely by this range more; that of a
/// solid body is denser.
const HOLLOW: f64 = 0.25;
const HOLLOW_RANGE: f64 = 0.25;
/// Of a small shell about marrow that lies alone the middle is fainter by this share, and it fills this share of the
/// ellipsoid with its principal axes.
const OSSICLE_HOLLOW: f64 = 0.25;
const OSSICLE_HOLLOW_RANGE: f64 = 0.12;
/// Log odds of bone for what hangs alone on a large bone where the field cuts it, a corner of a process that is smaller
/// than this, mm³: of a tumour on bone more is seen.
const CUT_ON_BONE: f64 = 2.5;
const CORNER_MM3: f64 = 1500.0;
/// Log odds of bone for a bit beside bone that the edge of the volume cuts.
const CUT_BESIDE_BONE: f64 = 4.0;
/// Bones articulate: none that the field shows lies further from the next, mm.
const APART_MM: f64 = 12.0;
/// The shafts of fingers and toes lie within this of the next bone, mm; of smaller rods (mm³) many are deposits.
const ROD_MM: f64 = 6.5;
const ROD_MM3: f64 = 180.0;
/// Larger (mm³) and longer ones (four standard deviations, mm) may lie a phalanx away from the next bone that is known as one,
/// mm.
const PHALANX_ROD_MM3: f64 = 300.0;
const PHALANX_LONG_MM: f64 = 17.0;
const PHALANX_MM: f64 = 20.0;
/// They fill this share of the ellipsoid with their principal axes, phalanges with their waist less.
const ROD_COMPACT: f64 = 0.7;
const PHALANX_COMPACT: f64 = 0.62;
/// They are denser than this in the mean, HU, and surely by this range more.
const ROD_HU: f64 = 260.0;
const ROD_RANGE_HU: f64 = 100.0;
/// Log odds of bone for a long round rod in hand or foot.
const ROD: f64 = 4.5;
/// A film bent about a bone is thinner than this (four standard deviations, mm) and fills less than this share of the
/// ellipsoid with its principal axes; its log odds of bone.
const BENT_MM: f64 = 4.5;
const BENT_COMPACT: f64 = 0.52;
const BENT: f64 = 1.6;
/// The same for one that goes round a good part of the bone; its log odds besides.
const RING_COMPACT: f64 = 0.35;
const RING: f64 = 2.5;
/// Log odds of bone for what hangs on it within one slice, where slices are so many times as thick as voxels are wide.
const ONE_SLICE: f64 = 3.0;
const THICK_SLICE: f64 = 1.5;
/// The ridges of a shaft are lower than this (four standard deviations), mm.
const RIDGE_MM: f64 = 8.0;
/// A vertebra of the coccyx is smaller than this, mm³.
const COCCYX_MM3: f64 = 2000.0;
/// The whole coccyx is smaller than this, mm³, and lies within this of the sacrum and of the midline of a trunk, mm; its log
/// odds of bone.
const WHOLE_COCCYX_MM3: f64 = 6000.0;
const BELOW_SACRUM_MM: f64 = 8.0;
const COCCYX: f64 = 5.0;
/// The centres of its vertebrae lie nearer to each other, mm.
const COCCYX_APART_MM: f64 = 18.0;
/// Smaller crumbs so near bone that its blur may hide what they hang on are bone, mm³.
const CRUMB_MM3: f64 = 15.0;
/// Of what hangs on bone smaller ones (mm³) are, too; their log odds.
const CRUMB_ON_BONE_MM3: f64 = 12.0;
const CRUMB_ON_BONE: f64 = 6.0;
/// The walls of the sinuses are so thin that they are seen in part: what is smaller than this, mm³, and this near to bone, mm.
const FACE_MM3: f64 = 60.0;
const FACE_MM: f64 = 6.0;
/// In slices that blur it with bone, what has fewer voxels.
const CRUMB_VOXELS: f64 = 30.0;
/// A larger layer on bone is judged by its form alone, mm³.
const FILM_MM3: f64 = 300.0;

/// Weighs all that speaks for or against bone, but for the organs.
pub(super) fn weigh(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, shaft, .. } = asked;
    // in the end of a digit lies its terminal phalanx, which is larger, and no sesamoid
    let tip = if study.hand_or_foot && candidate.volume_mm3 < PHALANX_MM3 && candidate.deposit.is_none() {
        Tip::of(scene, &candidate.runs).probability()
    } else {
        0.0
    };
    shell(scores, asked);
    hanging(scores, asked);
    dense(scores, asked, tip);
    place(scores, asked);
    alone(scores, asked);
    mirrored(scores, asked);
    plate(scores, asked);
    small_bone(scores, asked, tip);
    at_edge(scores, asked);
    crumbs(scores, asked);
    if shaft && (candidate.deposit.is_none() || candidate.axes_mm[2] > RIDGE_MM) {
        // sesamoids, patella and processes lie at joints; ridges run along shafts, and are low
        scores.add(Kind::BoneOrVariant, -3.0, Reason::default());
    }
}

/// A shell about marrow.
fn shell(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, shaft, .. } = asked;
    let Some(rim) = candidate.rim.filter(|rim| rim.core_mm3 > 0.08 * rim.filled_mm3) else { return };
    let ratio = (rim.shell_hu + 100.0) / (rim.core_hu + 100.0).max(20.0);
    let marrow = (rim.core_hu > 95.0 || rim.core_hu < -10.0) as u8 as f64;
    // shell and marrow beside bone are bone, unless an implant, the distance or their number makes ossification likelier
    let unlikely = shaft
        || !scene.skeleton.metal_mm.is_empty()
        || candidate.bone_mm > APART_MM
        || study.shells > SMALL_BONES;
    // where no bone is whole, a whole one is new
    let new = study.without_whole && !candidate.on_edge && candidate.volume_mm3 > COCCYX_MM3;
    let scale = match (candidate.deposit.is_some(), study.small) {
        // new bone, about an implant or on a shaft, has shell and marrow like any other
        (true, _) if shaft || candidate.metal_mm < IMPLANT_MM => 0.0,
        (true, _) => 0.4,
        (false, _) if new => 0.0,
        (false, true) => 1.0,
        (false, false) if unlikely => 0.4,
        (false, false) => 1.2,
    };
    let weight = ((ratio - 1.3) * 3.0).clamp(-1.5, 2.0) * (0.6 + 0.6 * marrow) * scale;
    let cortex = ((rim.shell_hu - 450.0) / 120.0).clamp(-2.0, 2.0);
    scores.add(
        Kind::BoneOrVariant,
        weight + cortex * 0.7 * scale,
        say("shell of {} HU around {} HU", [rim.shell_hu, rim.core_hu].map(whole)),
    );
}

/// What hangs on bone, by its form.
fn hanging(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, shaft, .. } = asked;
    let volume = candidate.volume_mm3;
    let Some(deposit) = candidate.deposit else { return };
    // this evidence replaces the prior; about an implant new bone is common
    let favour = if study.blurred && !study.widespread {
        FAVOUR_BLURRED
    } else if candidate.metal_mm < IMPLANT_MM {
        FAVOUR_AT_IMPLANT
    } else {
        FAVOUR
    };
    // of the many small ridges about large bones and shafts some look like deposits; where deposits lie free of
    // bone, one on it is likelier, too
    let slight = if (study.small && !shaft) || !study.lone {
        0.0
    } else {
        SLIGHT * ((SLIGHT_MM3 - volume) / SLIGHT_RANGE_MM3).clamp(0.0, 1.0)
    };
    scores.add(
        Kind::BoneOrVariant,
        -BONE_PRIOR - favour - deposit + slight,
        say("hangs on bone, of the form of a ridge or process of it", []),
    );
    if let Some(reason) = cortex(core(scene, candidate), candidate.closed.compact, volume) {
        scores.add(Kind::BoneOrVariant, 5.0, reason);
    }
}

/// As dense as the small bones of hand and foot; `tip` is the probability that it lies in the end of a digit.
fn dense(scores: &mut Scores, asked: &Asked, tip: f64) {
    let &Asked { study, candidate, .. } = asked;
    let volume = candidate.volume_mm3;
    // deposits of a hand are chalk or crumbs, and seldom as dense as cortex throughout
    if candidate.deposit.is_none()
        && study.hand_or_foot
        && candidate.max_hu > 850.0
        && volume > 40.0
        && candidate.mean_hu > 420.0
        && !lobed(candidate)
    {
        let throughout = ((candidate.mean_hu - SOLID_CORTEX_HU) / 150.0).clamp(0.0, 1.5);
        scores.add(
            Kind::BoneOrVariant,
            (3.2 + throughout) * (1.0 - tip),
            say("as dense as the cortex of a small bone of hand or foot", []),
        );
    }
}

/// How far from other bone, and at the sides of the field.
fn place(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, .. } = asked;
    let volume = candidate.volume_mm3;
    if candidate.bone_mm > APART_MM && !candidate.on_edge {
        scores.add(Kind::BoneOrVariant, -3.0, Reason::default());
    }
    // what has the form of a deposit on bone may bulge into thin skin
    let cut = !study.many
        && candidate.deposit.is_none_or(|deposit| deposit < 0.0)
        && beyond_circle(scene.volume.size, &candidate.runs);
    if !study.small && cut && candidate.around.air > 0.1 && candidate.max_hu > 1000.0 && volume > 100.0 {
        scores.add(
            Kind::BoneOrVariant,
            4.5,
            say("as dense as cortex and cut by the circle of reconstruction", []),
        );
    }
    let coarse_mm = candidate.spacing_mm()[0].max(candidate.spacing_mm()[1]);
    if coarse_mm > COARSE_MM && candidate.bone_mm < 2.5 * coarse_mm {
        scores.add(Kind::BoneOrVariant, 5.0, say("too close to bone for the size of the voxels", []));
    }
    // of what hangs on bone, the edge has been counted with its form
    if candidate.on_side && candidate.deposit.is_none() && !clipped(candidate) {
        scores.add(Kind::BoneOrVariant, 5.0, say("cut by the side of the field", []));
    }
}

/// Small bones that stand alone: patella, fabella, accessory bones.
fn alone(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, shaft, near, .. } = asked;
    let volume = candidate.volume_mm3;
    // a smooth compact body of the density of cortex beside a joint: patella, sesamoid
    if study.sesamoids
        && !candidate.attached
        && volume > 1500.0
        && candidate.bone_mm < 10.0
        && candidate.max_hu > 900.0
        && volume > 0.85 * candidate.ellipsoid_mm3()
    {
        scores.add(Kind::BoneOrVariant, 3.5, say("a smooth compact body as dense as cortex beside bone", []));
    }
    if study.sesamoids
        && !study.small
        && !candidate.attached
        && (60.0..1500.0).contains(&volume)
        && (0.8..5.0).contains(&candidate.bone_mm)
        && candidate.max_hu > 600.0
        && candidate.closed.compact > 0.8
        && study.lone
    {
        scores.add(
            Kind::BoneOrVariant,
            4.5,
            say("a lone smooth compact body beside a large joint, as the fabella is", []),
        );
    }
    if study.trunk
        && study.without_whole
        && (NEAR_MM3..WHOLE_COCCYX_MM3).contains(&volume)
        && (candidate.bone_mm < BELOW_SACRUM_MM
            || near.is_some_and(|near| is_vertebra(scene, near.candidate, near.mm)))
        && candidate.max_hu > 500.0
        && in_midline_behind(scene, candidate)
    {
        scores.add(
            Kind::BoneOrVariant,
            COCCYX + as_deposit(candidate),
            say("beside bone in the midline of the back, as the coccyx is", []),
        );
    }
    // a small bone that stands alone, on another or beside it: fabella, os trigonum, end of the coccyx; loose bodies of a
    // joint lie together
    let apart = near.is_none_or(|near| near.mm > LONE_MM);
    if !study.hand_or_foot
        && ((study.lone && study.shells <= 2) || (apart && study.shells <= SMALL_BONES))
        && !shaft
        && candidate.metal_mm > IMPLANT_MM
        && candidate.bone_mm < APART_MM
        && candidate.max_hu > 500.0
        && is_compact(candidate)
    {
        let hollow = ((candidate.closed.hollow - OSSICLE_HOLLOW) / OSSICLE_HOLLOW_RANGE).clamp(0.0, 1.0);
        scores.add(
            Kind::BoneOrVariant,
            (4.5 + as_deposit(candidate)) * hollow,
            say("a lone small shell about marrow beside bone, as an accessory bone is", []),
        );
    }
}

/// The bones of the trunk that lie apart from the rest, and what is cut off them, have their like on the other side: ribs, ends
/// of processes, spines of the pelvis. A disease seldom comes to the same place twice.
fn mirrored(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, all, .. } = asked;
    if !study.trunk || study.widespread || candidate.volume_mm3 < MIRRORED_MM3 || !is_hollow(candidate) {
        return;
    }
    if all.iter().any(|other| is_hollow(other) && mirrors(scene, candidate, other)) {
        scores.add(
            Kind::BoneOrVariant,
            MIRRORED + as_deposit(candidate),
            say("a shell about marrow with its like on the other side of the trunk", []),
        );
    }
}

/// Blades and ribs.
fn plate(scores: &mut Scores, asked: &Asked) {
    let &Asked { study, candidate, shaft, .. } = asked;
    let [long, middle, short] = candidate.axes_mm;
    // thick slices and a stout border add to a plate
    let thin = short < 9.0 || (short < 12.0 && middle > 4.0 * short);
    if !study.small && !shaft && candidate.bone_mm < 1.5 && long > 40.0 && thin {
        // the broader for its thickness, the less like a deposit on bone
        let broad = (middle / short.max(1.0) - 3.0).clamp(0.0, 6.0) * 0.7;
        scores.add(
            Kind::BoneOrVariant,
            3.0 + broad,
            say("a long thin plate that runs out from bone, as the blade of the scapula and ribs do", []),
        );
    }
}

/// The small bones of hand and foot, by their form; `tip` as in [`dense`].
fn small_bone(scores: &mut Scores, asked: &Asked, tip: f64) {
    let &Asked { study, candidate, shaft, .. } = asked;
    let [long, middle, short] = candidate.axes_mm;
    let volume = candidate.volume_mm3;
    // a deposit of a hand is seldom a long round rod, and the shaft of a small bone always is
    let phalanx = volume > PHALANX_ROD_MM3 && long > PHALANX_LONG_MM && candidate.bone_mm < PHALANX_MM;
    let near = phalanx || candidate.bone_mm < ROD_MM;
    if study.hand_or_foot && !shaft && volume > ROD_MM3 && near && short > 0.7 * middle {
        let rod = ((long / middle - 1.5) / 0.7).clamp(0.0, 1.0);
        let least = if phalanx { PHALANX_COMPACT } else { ROD_COMPACT };
        let compact = ((candidate.closed.compact - least) / 0.08).clamp(0.0, 1.0);
        // urate with some calcium in it is fainter than the most blurred bone
        let dense = ((candidate.mean_hu - ROD_HU) / ROD_RANGE_HU).clamp(0.0, 1.0);
        scores.add(
            Kind::BoneOrVariant,
            ROD * rod * compact * dense,
            say("a round rod, as the small bones of hand and foot are", []),
        );
    }
    // sesamoids and terminal phalanges lie at joints; the small ones are told from deposits by being alone
    let least = if study.lone { SESAMOID_MM3 } else { 80.0 };
    if study.hand_or_foot
        && candidate.deposit.is_none()
        && (least..1200.0).contains(&volume)
        && (0.8..4.0).contains(&candidate.bone_mm)
        && (candidate.mean_hu > 420.0 || (candidate.max_hu > 600.0 && study.lone))
        && candidate.closed.compact > 0.8
    {
        scores.add(
            Kind::BoneOrVariant,
            4.0 * (1.0 - tip),
            say("a smooth compact body beside a small bone, as sesamoids and terminal phalanges are", []),
        );
    }
    if study.hand_or_foot && study.sesamoids && (is_pair(asked) || is_joined_pair(asked)) {
        scores.add(
            Kind::BoneOrVariant,
            PAIR + as_deposit(candidate),
            say("one of two alike beside a small bone, as the sesamoids of thumb and great toe are", []),
        );
    }
    // deposits of a hand are chalk throughout, its loose bones shells around marrow
    if study.hand_or_foot
        && candidate.deposit.is_none()
        && (40.0..1500.0).contains(&volume)
        && candidate.bone_mm < 5.0
        && candidate.max_hu > 600.0
        && candidate.closed.compact > 0.7
    {
        let hollow = ((candidate.closed.hollow - HOLLOW) / HOLLOW_RANGE).clamp(0.0, 1.0);
        scores.add(
            Kind::BoneOrVariant,
            3.0 * hollow,
            say("a shell about marrow beside a small bone, as sesamoids and phalanges are", []),
        );
    }
}

/// Log odds by which its form on bone makes a deposit of what is a small bone of its own: it says nothing then, and is taken
/// back.
pub(super) fn as_deposit(candidate: &Candidate) -> f64 {
    candidate.deposit.map_or(0.0, |deposit| (deposit + FAVOUR).max(0.0))
}

/// Two bodies that are alike and blur into one apart from all others, as the sesamoids of the thumb do.
fn is_joined_pair(asked: &Asked) -> bool {
    let &Asked { scene, candidate, all, .. } = asked;
    let other = |one: &&Candidate| one.volume_mm3 > NEAR_MM3 && !std::ptr::eq(*one, candidate);
    let near = |one: &Candidate| norm(sub(candidate.centre_mm, one.centre_mm)) < PAIR_APART_MM;
    SESAMOIDS_MM3.contains(&(candidate.volume_mm3 / 2.0))
        && candidate.bone_mm < ROD_MM
        && !all.iter().filter(other).any(near)
        && matches!(lobes(scene, candidate)[..], [(first, a), (second, b)]
            if a.max(b) < LOBES_ALIKE * a.min(b) && PAIR_MM.contains(&norm(sub(first, second))))
        && Tip::of(scene, &candidate.runs).probability() < 0.5
}

/// The bodies that the densest of a candidate falls into: their centres in patient coordinates and volumes, mm³.
fn lobes(scene: &Scene, candidate: &Candidate) -> Vec<([f64; 3], f64)> {
    let patch = Patch::around(scene.volume, &candidate.runs, 0.0);
    let dense = |cell: usize| patch.mask[cell] && f64::from(patch.hu[cell]) >= LOBE * candidate.max_hu;
    let (labels, counts) = components(&patch.grid, Connectivity::Face, dense);
    let mut sums = vec![[0.0; 3]; counts.len()];
    for (cell, &label) in labels.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let voxel = patch.voxel(cell);
        let sum = &mut sums[label as usize];
        *sum = std::array::from_fn(|axis| sum[axis] + voxel[axis] as f64);
    }
    let geometry = &scene.volume.geometry;
    sums.into_iter()
        .zip(counts)
        .skip(1)
        .map(|(sum, voxels)| {
            let voxels = voxels as f64;
            (geometry.patient_from_voxel(sum.map(|sum| sum / voxels)), voxels * geometry.voxel_mm3())
        })
        .filter(|&(_, volume_mm3)| volume_mm3 >= LOBE_MM3)
        .collect()
}

/// One of two bodies that are alike and lie apart from all others, as the sesamoids of thumb and great toe do.
fn is_pair(asked: &Asked) -> bool {
    let &Asked { scene, candidate, near: Some(other), all, .. } = asked else { return false };
    let pair = [candidate, other.candidate];
    // rims of the joint's cortex are no bodies
    let third = |one: &&Candidate| {
        one.volume_mm3 > NEAR_MM3
            && (!one.attached || one.closed.compact > BODY_COMPACT)
            && !pair.iter().any(|of| std::ptr::eq(*of, *one))
    };
    let near = |one: &Candidate| pair.iter().any(|of| norm(sub(of.centre_mm, one.centre_mm)) < PAIR_APART_MM);
    let (own, its) = (candidate.volume_mm3, other.candidate.volume_mm3);
    pair.iter().all(|one| SESAMOIDS_MM3.contains(&one.volume_mm3))
        && own.max(its) < ALIKE * own.min(its)
        && PAIR_MM.contains(&other.mm)
        && pair.iter().all(|one| one.bone_mm < ROD_MM)
        && pair.iter().any(|one| one.closed.compact > PAIR_COMPACT)
        && !all.iter().filter(third).any(near)
        // in the end of a digit two deposits may lie so
        && pair.iter().any(|one| Tip::of(scene, &one.runs).probability() < 0.5)
}

/// What the edge of the volume cuts.
fn at_edge(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, .. } = asked;
    let volume = candidate.volume_mm3;
    if candidate.on_edge && candidate.max_hu > 350.0 {
        // where many deposits are, one that is cut is likelier another
        let weight = match candidate.deposit {
            _ if study.many || clipped(candidate) => 0.0,
            // the rest of a process lies beyond
            Some(_) if study.lone && (!study.small || candidate.on_side) && volume < CORNER_MM3 => {
                CUT_ON_BONE
            }
            None if volume > 300.0 => 3.0 + ((volume / 1500.0).ln()).clamp(-1.0, 1.5),
            // the first slices of a process: of vertebrae and shoulder blade several are cut at once
            None if !study.small && candidate.bone_mm < APART_MM => CUT_BESIDE_BONE,
            None if study.trunk && in_midline_behind(scene, candidate) => CUT_BESIDE_BONE,
            _ => 0.0,
        };
        scores.add(Kind::BoneOrVariant, weight, say("cut by the edge of the volume", []));
    }
}

/// Films and crumbs of cortex.
fn crumbs(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, study, candidate, .. } = asked;
    let [long, _, short] = candidate.axes_mm;
    let volume = candidate.volume_mm3;
    let voxel_mm3 = candidate.spacing_mm().into_iter().product::<f64>();
    if candidate.deposit.is_some() {
        // where cortex is a little thicker than about it, its surface is left over as a film
        if volume < FILM_MM3 {
            // where slices are thick, the surface of a joint that they cut along is one
            let [across, _, thick] = candidate.spacing_mm();
            let slice = candidate.high[2] - candidate.low[2] == 1 && thick > THICK_SLICE * across;
            let odds = film_odds(long, short, candidate.closed.compact) + if slice { ONE_SLICE } else { 0.0 };
            scores.add(Kind::BoneOrVariant, odds, say("a film on the surface of bone", []));
        }
        // judged with the bone it hangs on, of which a crumb of it tells little
        if volume < 20.0 {
            let crumb = if volume < CRUMB_ON_BONE_MM3 { CRUMB_ON_BONE } else { 2.0 };
            scores.add(Kind::BoneOrVariant, crumb, say("a fragment on the surface of bone", []));
        }
    } else if (candidate.bone_mm < 2.0 && volume < 40.0)
        || (candidate.bone_mm < 3.0 && volume < CRUMB_MM3)
        || (study.face && candidate.bone_mm < FACE_MM && volume < FACE_MM3)
        || (candidate.bone_mm < scene.coarse.edge_mm() && study.blurred && volume < CRUMB_VOXELS * voxel_mm3)
    {
        scores.add(Kind::BoneOrVariant, 5.0, say("a fragment on the surface of bone", []));
    } else if candidate.bone_mm < 3.0 && volume < 60.0 && !candidate.attached {
        scores.add(Kind::BoneOrVariant, 2.0, say("a fragment on the surface of bone", []));
    }
}

/// A mass of many nodules: a bone of hand or foot is one compact body.
fn lobed(candidate: &Candidate) -> bool {
    candidate.volume_mm3 > 1500.0 && candidate.volume_mm3 < 0.75 * candidate.ellipsoid_mm3()
}

/// Too far from bone to be a bone of which most is within the field.
fn clipped(candidate: &Candidate) -> bool {
    candidate.clipped && candidate.bone_mm > APART_MM
}

/// Whether some of the runs lie as far from the middle of their slices, of `size` voxels, as the circle of reconstruction.
fn beyond_circle(size: [usize; 3], runs: &[Run]) -> bool {
    let out = |axis: usize, at: u32| (2.0 * (f64::from(at) + 0.5) / size[axis] as f64 - 1.0).abs();
    runs.iter().any(|run| out(0, run.start).max(out(0, run.end - 1)).hypot(out(1, run.row)) > CIRCLE)
}

/// Whether a candidate is so cut by the field that what it is part of lies beyond: at a side of it, or of a vertebra at its end.
pub(super) fn is_mostly_beyond(asked: &Asked) -> bool {
    let &Asked { scene, study, candidate, .. } = asked;
    (candidate.on_side && !candidate.clipped)
        || (candidate.on_edge && study.trunk && in_midline_behind(scene, candidate))
}

/// Whether a candidate so far from another is a vertebra of the coccyx beside it.
fn is_vertebra(scene: &Scene, candidate: &Candidate, mm: f64) -> bool {
    mm < COCCYX_APART_MM && is_hollow(candidate) && in_midline_behind(scene, candidate)
}

/// Whether a candidate is a shell about what may be marrow.
fn is_hollow(candidate: &Candidate) -> bool {
    candidate.closed.hollow > OSSICLE_HOLLOW
}

/// Whether a candidate lies in the midline of the body, in its back half.
fn in_midline_behind(scene: &Scene, candidate: &Candidate) -> bool {
    let [left, posterior, _] = sub(candidate.centre_mm, middle_mm(scene));
    left.abs() < MIDLINE_MM && posterior > 0.0
}

/// What lies at the centre of a candidate, and thus within it where it is a shell.
fn core(scene: &Scene, candidate: &Candidate) -> Tissue {
    let centre = scene.volume.geometry.voxel_from_patient(candidate.centre_mm);
    scene.skeleton.tissue[scene.coarse.cell(centre.map(|at| at.max(0.0) as usize))]
}

/// Log odds that what hangs on bone is a film of its cortex: long against its thickness, or thin and bent about the bone, so
/// that it fills little of the ellipsoid with its axes.
fn film_odds(long_mm: f64, short_mm: f64, compact: f64) -> f64 {
    let flat = ((long_mm / short_mm.max(1.0) - 3.0) * 0.7).clamp(0.0, 2.0);
    let bent = ((BENT_COMPACT - compact) / 0.1).clamp(0.0, 1.0) * BENT
        + ((RING_COMPACT - compact) / 0.1).clamp(0.0, 1.0) * RING;
    flat + if short_mm < BENT_MM { bent } else { 0.0 }
}

/// Why what hangs on bone is cortex, from what lies at its centre: a thin shell about a bone or an implant is, one in soft
/// tissue is none, and a large one may be new bone.
fn cortex(core: Tissue, compact: f64, volume_mm3: f64) -> Option<Reason> {
    match core {
        _ if compact >= SHELL_COMPACT => None,
        Tissue::Metal => Some(say("a shell about an implant, as the bone that holds it is", [])),
        Tissue::Bone if volume_mm3 < FILM_MM3 => Some(say("a thin shell about a bone, as its cortex is", [])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thin_shell_about_a_bone_or_an_implant_is_cortex() {
        assert!(cortex(Tissue::Bone, 0.2, 80.0).is_some() && cortex(Tissue::Metal, 0.1, 9000.0).is_some());
        for (core, compact, volume) in
            [(Tissue::Bone, 0.8, 80.0), (Tissue::Bone, 0.2, 5000.0), (Tissue::Soft, 0.2, 80.0)]
        {
            assert!(cortex(core, compact, volume).is_none(), "{core:?}, {compact}, {volume}");
        }
    }

    #[test]
    fn a_film_of_cortex_is_flat_or_bent_about_the_bone() {
        assert!(film_odds(12.0, 4.0, 0.9) < 0.1 && film_odds(12.0, 2.0, 0.9) > 1.9);
        assert!(film_odds(12.0, 4.0, 0.4) > 1.5 && film_odds(12.0, 8.0, 0.4) < 0.1);
        // round half of a joint, and as thick as a deposit
        assert!(film_odds(12.0, 4.0, 0.2) > 4.0 && film_odds(12.0, 8.0, 0.2) < 0.1);
    }

    #[test]
    fn the_circle_of_reconstruction_is_at_the_sides_and_not_in_the_middle() {
        let run = |start: u32, row: u32| [Run { slice: 0, row, start, end: start + 10 }];
        for (start, row, beyond) in
            [(60, 50, false), (86, 50, true), (2, 50, true), (15, 15, true), (30, 30, false)]
        {
            assert_eq!(beyond_circle([100, 100, 1], &run(start, row)), beyond, "{start}, {row}");
        }
    }
}
