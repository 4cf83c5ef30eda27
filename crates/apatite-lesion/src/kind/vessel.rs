//! Whether a candidate lies in a vessel: in a wall about a lumen, in a row, or among phleboliths.

use std::collections::BTreeMap;

use super::organ::is_tube_of_blood;
use super::{Asked, Scores};
use crate::Kind;
use crate::candidate::{Candidate, Scene};
use crate::grid::Run;
use crate::linear::{dot, median, norm, principal, sub};
use crate::reason::{Reason, say, whole};
use crate::tube::{Tube, tube};

/// Log odds of a vessel against a plain calcification where a wall about a lumen is certain.
const WALL: f64 = 7.0;
/// Log odds against a vessel where all foci of a chain are solid bodies and no lumen is seen.
const SOLID: f64 = 5.0;
/// Share of the foci of a place that are round where it is one of round bodies.
const LEAST_ROUND: f64 = 0.6;

/// Half of the round bodies of a joint lie within this of bone, mm, and half of those of veins surely further by this range.
const IN_JOINT_MM: f64 = 5.5;
const IN_JOINT_RANGE_MM: f64 = 1.0;

/// A small artery, calcified throughout or with a lumen that the voxels do not show, is longer than this, thinner than this (four
/// standard deviations), deeper than this and further from bone than this, mm, and so many times as long as wide, surely by this
/// range more; its log odds.
const ROD_LONG_MM: f64 = 18.0;
const ROD_MM: f64 = 7.0;
const ROD_DEPTH_MM: f64 = 10.0;
const ROD_OFF_BONE_MM: f64 = 2.0;
const ROD_SLENDER: f64 = 4.0;
const ROD_SLENDER_RANGE: f64 = 2.5;
const ROD: f64 = 5.0;

/// Rods of a wall are longer than this and so many times as long as wide, and not wider than this, mm; the next one begins
/// within this, mm, and lies beside the line of the first by no more than this, and this share of the gap.
const PLAQUE_LONG_MM: f64 = 10.0;
const PLAQUE_SLENDER: f64 = 2.5;
const PLAQUE_WIDE_MM: f64 = 9.0;
const GAP_MM: f64 = 45.0;
const BESIDE_MM: f64 = 4.0;
const BESIDE: f64 = 0.15;
/// Rods end to end are a vessel from so many on, over this length, mm; log odds of that, and of every further rod up to a
/// number.
const ROW: usize = 3;
const ROW_MM: f64 = 60.0;
const OF_ROW: f64 = 3.5;
const EACH: f64 = 1.5;
const MORE: f64 = 2.0;

/// Weighs all that speaks for or against a vessel.
pub(super) fn weigh(scores: &mut Scores, asked: &Asked) {
    let &Asked { study, candidate, chain, row, wall, all, .. } = asked;
    // of what lies beyond the field a part has another form
    if super::bone::is_mostly_beyond(asked) {
        return;
    }
    let [long, middle, short] = candidate.axes_mm;
    let volume = candidate.volume_mm3;
    let lumen = wall.map_or(0.0, |wall| wall.vessel());
    if let Some(wall) = wall {
        scores.add(Kind::Vascular, WALL * lumen, wall.reason());
    }
    let company = round_company(candidate, all);
    if let Some(chain) = chain {
        // solid bodies in a row about no lumen lie along a muscle or a plane as well as along a vessel; round ones in
        // company lie in lumina
        let solid = if company.is_some() { 0.0 } else { chain.solid * (1.0 - lumen) };
        scores.add(Kind::Vascular, (chain.weight - SOLID * solid).max(-2.5), chain.reason.clone());
    }
    if let Some(row) = row {
        let more = (row.rods - ROW) as f64;
        scores.add(
            Kind::Vascular,
            OF_ROW + EACH * more.min(MORE),
            say(
                "one of {} rods end to end over {} mm, as plaques of an artery are",
                [row.rods.to_string(), whole(row.span_mm)],
            ),
        );
    }
    if let Some(Company { round, share, bone_mm }) = company {
        // loose bodies lie between the bones of their joint
        let apart = ((bone_mm - IN_JOINT_MM) / IN_JOINT_RANGE_MM).clamp(0.0, 1.0);
        let weight = apart * (2.2 + 0.4 * (round as f64 - 3.0).min(5.0) + 2.5 * (share - LEAST_ROUND));
        scores.add(
            Kind::Vascular,
            weight,
            say("one of {} round bodies in soft tissue, as phleboliths are", [round.to_string()]),
        );
    }
    // beside larger deposits a small one is likelier one of them
    if study.few
        && volume < 150.0
        && candidate.skin_mm > 25.0
        && candidate.bone_mm > 10.0
        && !candidate.attached
    {
        scores.add(Kind::Vascular, 2.4, say("one of few small foci where vessels run", []));
    }
    let slender = ((long / middle - ROD_SLENDER) / ROD_SLENDER_RANGE).clamp(0.0, 1.0);
    let deep = candidate.skin_mm > ROD_DEPTH_MM && candidate.bone_mm > ROD_OFF_BONE_MM;
    // one that is no denser than the blood beside it is no wall
    let blood = study.enhanced && is_tube_of_blood(candidate);
    if long > ROD_LONG_MM && middle < ROD_MM && short > 0.6 * middle && deep && !blood {
        scores.add(
            Kind::Vascular,
            ROD * slender,
            say("a long round rod in the depth, as a small artery is that is calcified throughout", []),
        );
    }
    // one small round or linear focus deep between muscles
    if volume < 250.0 && short < 6.0 && candidate.skin_mm > 12.0 && candidate.bone_mm > 5.0 {
        scores.add(Kind::Vascular, 0.8, say("small focus in the depth", []));
        if long > 2.5 * middle && long > 8.0 {
            scores.add(Kind::Vascular, 0.8, say("linear", []));
        }
    }
}

/// A row of foci along a smooth line.
pub(super) struct Chain {
    weight: f64,
    reason: Reason,
    /// The foci, by their place among the candidates.
    members: Vec<usize>,
    /// Share of them that are solid bodies.
    solid: f64,
}

/// Rods that lie end to end.
#[derive(Clone, Copy)]
pub(super) struct Row {
    rods: usize,
    span_mm: f64,
}

/// The row of rods that each candidate is one of, or lies between two of.
pub(super) fn rows(scene: &Scene, candidates: &[Candidate]) -> Vec<Option<Row>> {
    struct Rod {
        at: usize,
        centre_mm: [f64; 3],
        axis: [f64; 3],
        /// Half its length, mm: a rod is as long as twelve of its variances.
        half_mm: f64,
    }
    let rods: Vec<Rod> = (0..candidates.len())
        .filter(|&at| {
            let [long, middle, _] = candidates[at].axes_mm;
            off_bone(&candidates[at])
                && long > PLAQUE_LONG_MM.max(PLAQUE_SLENDER * middle)
                && middle < PLAQUE_WIDE_MM
        })
        .map(|at| Rod {
            at,
            centre_mm: candidates[at].centre_mm,
            axis: axis(scene, &candidates[at]),
            half_mm: candidates[at].axes_mm[0] * 0.433,
        })
        .collect();
    let beside = |rod: &Rod, point: [f64; 3]| {
        let offset = sub(point, rod.centre_mm);
        (dot(offset, offset) - dot(offset, rod.axis).powi(2)).max(0.0).sqrt()
    };
    let linked = |a: &Rod, b: &Rod| {
        let gap_mm = norm(sub(a.centre_mm, b.centre_mm)) - a.half_mm - b.half_mm;
        let most = BESIDE_MM + BESIDE * gap_mm.max(0.0);
        gap_mm > -BESIDE_MM
            && gap_mm < GAP_MM
            && beside(a, b.centre_mm) < most
            && beside(b, a.centre_mm) < most
    };
    let mut result = vec![None; candidates.len()];
    let mut left: Vec<&Rod> = rods.iter().collect();
    while let Some(first) = left.pop() {
        let mut row = vec![first];
        let mut next = 0;
        while next < row.len() {
            let (joined, apart) = left.into_iter().partition::<Vec<_>, _>(|rod| linked(row[next], rod));
            row.extend(joined);
            left = apart;
            next += 1;
        }
        let centres: Vec<[f64; 3]> = row.iter().map(|rod| rod.centre_mm).collect();
        let span_mm = crate::mesh::diameter(&centres);
        if row.len() < ROW || span_mm < ROW_MM {
            continue;
        }
        let of = Some(Row { rods: row.len(), span_mm });
        for rod in &row {
            result[rod.at] = of;
        }
        for (candidate, entry) in candidates.iter().zip(&mut result) {
            let between = |rod: &&&Rod| {
                beside(rod, candidate.centre_mm) < BESIDE_MM
                    && norm(sub(candidate.centre_mm, rod.centre_mm)) < rod.half_mm + GAP_MM
            };
            if off_bone(candidate) && row.iter().filter(between).count() >= 2 {
                *entry = entry.or(of);
            }
        }
    }
    result
}

/// Direction of the longest axis of a candidate, of length one, in patient coordinates.
fn axis(scene: &Scene, candidate: &Candidate) -> [f64; 3] {
    let geometry = &scene.volume.geometry;
    let points: Vec<[f64; 3]> = candidate
        .runs
        .iter()
        .flat_map(|run| [run.start, run.end - 1].map(|column| [column, run.row, run.slice]))
        .map(|voxel| geometry.patient_from_voxel(voxel.map(f64::from)))
        .collect();
    principal(&points).2[0]
}

/// The wall about a lumen that each candidate in soft tissue is part of, alone or with its chain; the likelier of the
/// two.
pub(super) fn walls(scene: &Scene, candidates: &[Candidate], chains: &[Option<Chain>]) -> Vec<Option<Tube>> {
    let mut of_chains: BTreeMap<&[usize], Option<Tube>> = BTreeMap::new();
    candidates
        .iter()
        .zip(chains)
        .map(|(candidate, chain)| {
            if !off_bone(candidate) {
                return None;
            }
            let own = tube(scene, &candidate.runs);
            let pooled = chain.as_ref().and_then(|chain| {
                *of_chains.entry(&chain.members).or_insert_with(|| {
                    let runs: Vec<Run> =
                        chain.members.iter().flat_map(|&at| candidates[at].runs.iter().copied()).collect();
                    tube(scene, &runs)
                })
            });
            own.into_iter().chain(pooled).max_by(|a, b| a.vessel().total_cmp(&b.vessel()))
        })
        .collect()
}

/// Finds chains: at least three small foci (or long slender ones) along one smooth line over at least 20 mm, with no
/// others scattered about it, as in the wall of an artery.
pub(super) fn chains(candidates: &[Candidate]) -> Vec<Option<Chain>> {
    let small: Vec<usize> = (0..candidates.len())
        .filter(|&at| {
            let c = &candidates[at];
            let [long, middle, _] = c.axes_mm;
            // a plate of the wall fills little of its ellipsoid; a solid nodule is no plate
            let solid = c.volume_mm3 > 0.55 * c.ellipsoid_mm3() && long < 2.5 * middle;
            c.volume_mm3 < if solid { 200.0 } else { 1200.0 } && middle < 13.0 && off_bone(c)
        })
        .collect();
    let mut result: Vec<Option<Chain>> = candidates.iter().map(|_| None).collect();
    for &start in &small {
        // grow a line: the foci that lie near an axis through this one, along the axis of best support
        let mut best: Vec<usize> = Vec::new();
        for &second in &small {
            let axis = sub(candidates[second].centre_mm, candidates[start].centre_mm);
            let length = norm(axis);
            if !(8.0..=120.0).contains(&length) {
                continue;
            }
            let axis = axis.map(|value| value / length);
            let members: Vec<usize> = small
                .iter()
                .copied()
                .filter(|&other| {
                    let offset = sub(candidates[other].centre_mm, candidates[start].centre_mm);
                    let along: f64 = (0..3).map(|k| offset[k] * axis[k]).sum();
                    let across = (norm(offset).powi(2) - along * along).max(0.0).sqrt();
                    along.abs() < 150.0 && across < 4.0 + 0.12 * along.abs()
                })
                .collect();
            if members.len() > best.len() {
                best = members;
            }
        }
        if best.len() < 3 {
            continue;
        }
        let centres: Vec<[f64; 3]> = best.iter().map(|&at| candidates[at].centre_mm).collect();
        let span = crate::mesh::diameter(&centres);
        if span < 20.0 {
            continue;
        }
        let near = small
            .iter()
            .filter(|&&other| {
                !best.contains(&other)
                    && centres.iter().any(|&centre| norm(sub(candidates[other].centre_mm, centre)) < 40.0)
            })
            .count();
        // two foci lie on a line whatever they are: only the others say that it is one
        let more = best.len() as f64 - 2.0;
        let share = more / (more + near as f64 + 0.5);
        // lines can be drawn through any scatter: one that leaves many aside says nothing
        let weight = 1.5 + (best.len() as f64 - 3.0).min(3.0) * 0.5 + (share - 0.65) * 9.0;
        let solid = best.iter().filter(|&&at| is_solid(&candidates[at])).count();
        result[start] = Some(Chain {
            weight: weight.clamp(-2.5, 5.0),
            reason: say("one of {} foci along a line of {} mm", [best.len().to_string(), whole(span)]),
            solid: solid as f64 / best.len() as f64,
            members: best,
        });
    }
    result
}

/// A body as thick as it is wide and not long, that the voxels resolve: a plaque of a wall is a plate bent about the
/// lumen, thin against its width, and a small vessel that is calcified throughout is a long rod.
fn is_solid(candidate: &Candidate) -> bool {
    let [long, middle, short] = candidate.axes_mm;
    let voxel_mm = candidate.spacing_mm().into_iter().fold(0.0, f64::max);
    candidate.volume_mm3 > 0.75 * candidate.ellipsoid_mm3()
        && short > 0.7 * middle
        && short > 2.5_f64.max(2.0 * voxel_mm)
        && long < 4.0 * middle
}

/// In soft tissue, away from bone.
fn off_bone(candidate: &Candidate) -> bool {
    candidate.bone_mm > 3.0 && !candidate.attached
}

/// Round, smooth and small, deep to the skin and off the bone.
fn is_round(candidate: &Candidate) -> bool {
    let [long, _, short] = candidate.axes_mm;
    short > 0.6 * long
        && (10.0..350.0).contains(&candidate.volume_mm3)
        && candidate.volume_mm3 > 0.75 * candidate.ellipsoid_mm3()
        && candidate.max_hu > 350.0
        && candidate.bone_mm > 3.0
        && candidate.skin_mm > 8.0
        && !candidate.on_edge
}

/// Round bodies near each other.
struct Company {
    /// How many.
    round: usize,
    /// Their share of the foci there.
    share: f64,
    /// Median of their distance from bone, mm.
    bone_mm: f64,
}

/// The round bodies within 80 mm of a round one, itself counted, where there are at least three and most of the foci
/// there are round.
fn round_company(candidate: &Candidate, all: &[Candidate]) -> Option<Company> {
    if !is_round(candidate) {
        return None;
    }
    let near = |other: &&Candidate| norm(sub(other.centre_mm, candidate.centre_mm)) < 80.0;
    let foci = all.iter().filter(near).filter(|other| other.volume_mm3 > 10.0).count();
    let bone_mm: Vec<f64> =
        all.iter().filter(near).filter(|other| is_round(other)).map(|other| other.bone_mm).collect();
    let round = bone_mm.len();
    let share = round as f64 / foci as f64;
    (round >= 3 && share >= LEAST_ROUND).then(|| Company { round, share, bone_mm: median(bone_mm) })
}
