//! The shortest way left between what grew on one bone and another bone.
//!
//! Lesions are not what is asked: two spurs that nearly meet are one lesion. So every connected part of a lesion is
//! given to the bone it touches, and the way is sought between a part and what belongs to another bone: that bone and
//! the parts on it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bone::{BLOOM_MM, Bones, touch};
use crate::candidate::Scene;
use crate::grid::{Run, parts};
use crate::linear::{norm, sub};
use crate::patch::{Patch, bounds};
use crate::skeleton::Tissue;
use crate::{Kind, Lesion};

/// The shortest way between mineral on one bone and another bone, or mineral on that.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Gap {
    /// Its length, mm; 0 where a part touches two bones.
    pub mm: f64,
    /// How far that may be off, mm: the longest edge of a voxel, twice that in streaks of metal.
    pub uncertainty_mm: f64,
    /// Lesion at either end; none where the end is a bone.
    pub lesions: [Option<u16>; 2],
    /// Its ends, LPS mm.
    pub ends_mm: [[f64; 3]; 2],
    /// Metal is so near, or the noise so raised, that streaks may have moved its ends.
    pub in_streaks: bool,
}

/// Smaller parts are crumbs, mm³.
const PART_MM3: f64 = 30.0;
/// A part is on a bone from this area of contact on, mm².
const CONTACT_MM2: f64 = 4.0;
/// Longer gaps are not sought, mm: no grading asks for them.
const REACH_MM: f64 = 45.0;
/// Bone and mineral are taken for dense this far in from a surface when the height of its edge is sought, mm.
const DEPTH_MM: f64 = 2.5;
/// Steps of the way along which the density is read, mm.
const STEP_MM: f64 = 0.1;
/// The surface of bone is somewhere about a voxel of it denser than this, HU; streaks of metal are not.
const SURFACE_HU: i16 = 280;
/// Metal nearer than this may have moved the end of a gap, mm.
const METAL_MM: f32 = 6.0;
/// Noise about the gap over that of the study from which streaks are blamed.
const STREAKED: f64 = 1.6;

/// A connected part of a lesion, or a bone: its surface in voxels of the volume.
struct Body {
    lesion: Option<u16>,
    bone: u16,
    surface: Vec<[usize; 3]>,
}

/// The shortest gap of the study; none where no part of a calcification touches a bone or no other bone is near.
pub(super) fn gap(scene: &Scene, bones: &Bones, lesions: &[Lesion], masks: &[Vec<Run>]) -> Option<Gap> {
    let least = PART_MM3 / scene.volume.geometry.voxel_mm3();
    let parts: Vec<(u16, Vec<Run>)> = lesions
        .iter()
        .zip(masks)
        .filter(|(lesion, _)| lesion.kind == Kind::Calcification)
        .flat_map(|(lesion, runs)| parts(runs).into_iter().map(|part| (lesion.id, part)))
        .filter(|(_, runs)| runs.iter().map(Run::len).sum::<usize>() as f64 >= least)
        .collect();
    let attached: Vec<(Body, Vec<u16>)> = parts
        .par_iter()
        .filter_map(|(lesion, runs)| {
            let patch = Patch::around(scene.volume, runs, 6.0);
            let touched = touch(scene, &patch, Some(bones)).by_bone_mm2;
            let touched: Vec<u16> =
                touched.iter().filter(|(_, area)| *area >= CONTACT_MM2).map(|(bone, _)| *bone).collect();
            let bone = *touched.first()?;
            Some((Body { lesion: Some(*lesion), bone, surface: surface(&patch) }, touched))
        })
        .collect();
    if let Some((bridge, _)) = attached.iter().find(|(_, touched)| touched.len() > 1) {
        let at = scene.volume.geometry.patient_from_voxel(bridge.surface.first()?.map(|at| at as f64));
        return Some(told(scene, 0.0, [bridge.lesion; 2], [at; 2]));
    }
    let grown: Vec<Body> = attached.into_iter().map(|(body, _)| body).collect();
    let skeleton = bone_surfaces(scene, bones, &grown);
    let mut best: Option<Way> = None;
    for (at, own) in grown.iter().enumerate() {
        for other in grown[at + 1..].iter().chain(&skeleton).filter(|other| other.bone != own.bone) {
            if let Some(way) = between(scene, own, other)
                && best.as_ref().is_none_or(|best| way.mm < best.mm)
            {
                best = Some(way);
            }
        }
    }
    best.map(|way| told(scene, way.mm, way.lesions, way.ends_mm))
}

/// Voxels of a patch's mask with a face outside it.
fn surface(patch: &Patch) -> Vec<[usize; 3]> {
    let mut surface = Vec::new();
    for cell in (0..patch.grid.len()).filter(|&cell| patch.mask[cell]) {
        let mut inside = true;
        patch.grid.neighbours6(cell, |other| inside &= patch.mask[other]);
        if !inside {
            surface.push(patch.voxel(cell));
        }
    }
    surface
}

/// The surfaces of all bones within reach of what grew.
fn bone_surfaces(scene: &Scene, bones: &Bones, grown: &[Body]) -> Vec<Body> {
    let volume = scene.volume;
    let spacing = volume.geometry.spacing_mm();
    let (mut low, mut high) = (volume.size, [0; 3]);
    for voxel in grown.iter().flat_map(|body| &body.surface) {
        for axis in 0..3 {
            let reach = (REACH_MM / spacing[axis]).ceil() as usize;
            low[axis] = low[axis].min(voxel[axis].saturating_sub(reach));
            high[axis] = high[axis].max((voxel[axis] + reach + 1).min(volume.size[axis]));
        }
    }
    let is_bone = |voxel: [usize; 3]| {
        let cell = scene.coarse.cell(voxel);
        volume.values[volume.index(voxel)] >= scene.threshold && scene.skeleton.tissue[cell] == Tissue::Bone
    };
    let bloom = |voxel: [usize; 3]| {
        scene.skeleton.metal_mm.get(scene.coarse.cell(voxel)).is_some_and(|&mm| mm <= BLOOM_MM)
    };
    let peak_about = |voxel: [usize; 3]| {
        let range = |axis: usize| voxel[axis].saturating_sub(1)..(voxel[axis] + 2).min(volume.size[axis]);
        let rows = range(2).flat_map(|slice| range(1).map(move |row| (row, slice)));
        rows.flat_map(|(row, slice)| {
            let start = volume.index([range(0).start, row, slice]);
            &volume.values[start..start + range(0).len()]
        })
        .copied()
        .max()
        .unwrap_or(i16::MIN)
    };
    let rows: Vec<Vec<(u16, [usize; 3])>> = (low[2]..high[2])
        .into_par_iter()
        .map(|slice| {
            let mut found = Vec::new();
            for row in low[1]..high[1] {
                for column in low[0]..high[0] {
                    let voxel = [column, row, slice];
                    if !is_bone(voxel) || bloom(voxel) {
                        continue;
                    }
                    let open = (0..3).any(|axis| {
                        [-1_isize, 1].into_iter().any(|step| {
                            let mut other = voxel;
                            voxel[axis]
                                .checked_add_signed(step)
                                .filter(|&moved| moved < volume.size[axis])
                                .is_some_and(|moved| {
                                    other[axis] = moved;
                                    !is_bone(other)
                                })
                        })
                    });
                    if open
                        && peak_about(voxel) >= SURFACE_HU
                        && let Some(bone) = bones.bone_at(scene, voxel)
                    {
                        found.push((bone, voxel));
                    }
                }
            }
            found
        })
        .collect();
    let mut by_bone = std::collections::BTreeMap::<u16, Vec<[usize; 3]>>::new();
    for (bone, voxel) in rows.into_iter().flatten() {
        by_bone.entry(bone).or_default().push(voxel);
    }
    by_bone.into_iter().map(|(bone, surface)| Body { lesion: None, bone, surface }).collect()
}

struct Way {
    mm: f64,
    lesions: [Option<u16>; 2],
    ends_mm: [[f64; 3]; 2],
}

/// The shortest way between two bodies within reach: between middles of voxels first, then between the heights of half
/// contrast on the lines of the shortest of them.
fn between(scene: &Scene, own: &Body, other: &Body) -> Option<Way> {
    let spacing = scene.volume.geometry.spacing_mm();
    let edge = spacing.into_iter().fold(0.0, f64::max);
    let place = |voxel: &[usize; 3]| -> [f64; 3] { std::array::from_fn(|k| voxel[k] as f64 * spacing[k]) };
    let from: Vec<[f64; 3]> = own.surface.iter().map(place).collect();
    let low: [f64; 3] = std::array::from_fn(|k| from.iter().map(|p| p[k]).fold(f64::INFINITY, f64::min));
    let high: [f64; 3] = std::array::from_fn(|k| from.iter().map(|p| p[k]).fold(f64::NEG_INFINITY, f64::max));
    // how far a point lies at least from the first body: the search ends where that passes the best
    let mut to: Vec<(f64, [f64; 3])> = other
        .surface
        .iter()
        .map(place)
        .map(|p| {
            let beyond: [f64; 3] = std::array::from_fn(|k| (low[k] - p[k]).max(p[k] - high[k]).max(0.0));
            (norm(beyond), p)
        })
        .filter(|(beyond, _)| *beyond <= REACH_MM)
        .collect();
    to.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut pairs: Vec<(f64, [f64; 3], [f64; 3])> = from
        .par_iter()
        .filter_map(|&p| {
            let mut best: Option<(f64, [f64; 3])> = None;
            for &(beyond, q) in &to {
                if best.is_some_and(|(way, _)| beyond > way) {
                    break;
                }
                let way = norm(sub(q, p));
                if best.is_none_or(|(least, _)| way < least) {
                    best = Some((way, q));
                }
            }
            best.map(|(way, q)| (way, p, q))
        })
        .collect();
    let least = pairs.iter().map(|pair| pair.0).fold(f64::INFINITY, f64::min);
    if least > REACH_MM {
        return None;
    }
    pairs.retain(|pair| pair.0 <= least + edge);
    let mut best: Option<Way> = None;
    for (_, p, q) in pairs {
        let ends = ends(scene, p, q);
        let mm = norm(sub(ends[1], ends[0]));
        if best.as_ref().is_none_or(|best| mm < best.mm) {
            let patient = ends.map(|end| {
                scene.volume.geometry.patient_from_voxel(std::array::from_fn(|k| end[k] / spacing[k]))
            });
            best = Some(Way { mm, lesions: [own.lesion, other.lesion], ends_mm: patient });
        }
    }
    best
}

/// Where the density falls to half on the line between two surface voxels, from either side. Where it does not within a
/// voxel of the middle of the outermost one, the end lies half a voxel beyond that.
fn ends(scene: &Scene, from: [f64; 3], to: [f64; 3]) -> [[f64; 3]; 2] {
    /// What lies between two surfaces is fat or tissue as dense as muscle; higher is blur of the surfaces.
    const GROUND_HU: [f64; 2] = [-120.0, 60.0];
    let length = norm(sub(to, from));
    if length <= 0.0 {
        return [from; 2];
    }
    let way = sub(to, from).map(|value| value / length);
    let at = |mm: f64| -> [f64; 3] { std::array::from_fn(|k| from[k] + way[k] * mm) };
    // the length of a voxel along the way
    let spacing = scene.volume.geometry.spacing_mm();
    let voxel = norm(std::array::from_fn(|k| way[k] * spacing[k]));
    let between = (length / STEP_MM) as usize;
    let ground = (0..=between).map(|step| height(scene, at(step as f64 * STEP_MM)));
    let ground = ground.fold(f64::INFINITY, f64::min).clamp(GROUND_HU[0], GROUND_HU[1]);
    let beyond = |hu: &dyn Fn(f64) -> f64| {
        let inside = (0..=(DEPTH_MM / STEP_MM) as usize).map(|step| hu(-(step as f64) * STEP_MM));
        let half = f64::midpoint(ground, inside.fold(ground, f64::max));
        let steps = (1.25 * voxel / STEP_MM) as usize;
        let inner = -(voxel / STEP_MM).round();
        (0..steps + (voxel / STEP_MM).round() as usize)
            .map(|step| (inner + step as f64) * STEP_MM)
            .find(|&mm| hu(mm) >= half && hu(mm + STEP_MM) < half)
            .map_or(0.5 * voxel, |mm| {
                let (before, after) = (hu(mm), hu(mm + STEP_MM));
                mm + STEP_MM * (before - half) / (before - after)
            })
    };
    let first = beyond(&|mm| height(scene, at(mm)));
    let second = length - beyond(&|mm| height(scene, at(length - mm)));
    if first < second { [at(first), at(second)] } else { [at(length / 2.0); 2] }
}

/// HU at a point (mm along the axes of the grid), linear between voxels.
fn height(scene: &Scene, point_mm: [f64; 3]) -> f64 {
    let volume = scene.volume;
    let spacing = volume.geometry.spacing_mm();
    let at: [f64; 3] =
        std::array::from_fn(|k| (point_mm[k] / spacing[k]).clamp(0.0, volume.size[k] as f64 - 1.0));
    let low = at.map(|value| value as usize);
    let mut sum = 0.0;
    for corner in 0..8_usize {
        let mut weight = 1.0;
        let voxel: [usize; 3] = std::array::from_fn(|k| {
            let up = corner >> k & 1;
            let share = at[k] - low[k] as f64;
            weight *= if up == 1 { share } else { 1.0 - share };
            (low[k] + up).min(volume.size[k] - 1)
        });
        sum += weight * f64::from(volume.values[volume.index(voxel)]);
    }
    sum
}

/// The gap with how sure it is.
fn told(scene: &Scene, mm: f64, lesions: [Option<u16>; 2], ends_mm: [[f64; 3]; 2]) -> Gap {
    let edge = scene.volume.geometry.spacing_mm().into_iter().fold(0.0, f64::max);
    let metal_mm = ends_mm
        .iter()
        .filter_map(|&end| {
            let voxel = scene.volume.geometry.voxel_from_patient(end).map(|at| at.round().max(0.0) as usize);
            scene.skeleton.metal_mm.get(scene.coarse.cell(voxel)).copied()
        })
        .fold(f32::INFINITY, f32::min);
    let raised = noise_about(scene, ends_mm) / scene.noise_hu;
    let in_streaks = metal_mm.is_finite() && (metal_mm < METAL_MM || raised > STREAKED);
    let uncertainty_mm = if in_streaks { 2.0 * edge } else { edge };
    Gap { mm, uncertainty_mm, lesions, ends_mm, in_streaks }
}

/// Standard deviation of the noise of soft tissue within 10 mm of the gap, HU.
fn noise_about(scene: &Scene, ends_mm: [[f64; 3]; 2]) -> f64 {
    const ABOUT_MM: f64 = 10.0;
    let volume = scene.volume;
    let spacing = volume.geometry.spacing_mm();
    let ends = ends_mm.map(|end| volume.geometry.voxel_from_patient(end));
    let runs: Vec<Run> = ends
        .iter()
        .map(|end| {
            let at: [usize; 3] =
                std::array::from_fn(|k| end[k].round().clamp(0.0, volume.size[k] as f64 - 1.0) as usize);
            Run { slice: at[2] as u32, row: at[1] as u32, start: at[0] as u32, end: at[0] as u32 + 1 }
        })
        .collect();
    let (low, high) = bounds(&runs);
    let range = |axis: usize| {
        let reach = (ABOUT_MM / spacing[axis]) as usize;
        low[axis].saturating_sub(reach)..(high[axis] + reach).min(volume.size[axis])
    };
    let mut differences = Vec::new();
    for slice in range(2) {
        for row in range(1) {
            let columns = range(0);
            let start = volume.index([columns.start, row, slice]);
            let values = &volume.values[start..start + columns.len()];
            for (a, b) in values.iter().zip(values.iter().skip(3)) {
                if (-200..=200).contains(a) && (-200..=200).contains(b) {
                    differences.push(a.abs_diff(*b));
                }
            }
        }
    }
    if differences.is_empty() {
        return scene.noise_hu;
    }
    let middle = differences.len() / 2;
    let median = f64::from(*differences.select_nth_unstable(middle).1);
    crate::scan::noise_of(median)
}
