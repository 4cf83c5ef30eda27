//! Figures of each lesion: volume with its uncertainty, density, extent, shape, distances.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::candidate::Scene;
use crate::grid::Run;
use crate::grid::{Connectivity, Grid, components, deepest_first, distance2};
use crate::kind::Group;
use crate::linear::Moments;
use crate::mesh::{Mesh, diameter, extremes, hull, mesh};
use crate::patch::Patch;
use crate::skeleton::Tissue;
use crate::surface::{Moved, Surface};
use crate::{Calibration, Lesion};

/// Shape of the voxels of a lesion, all components together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Shape {
    /// Root of the ratio of the middle to the largest principal variance (IBSI Q3CK): 1 round, near 0 long.
    pub elongation: f64,
    /// Root of the ratio of the smallest to the largest principal variance (IBSI N17B): near 0 flat.
    pub flatness: f64,
    /// Area of the ball of the same volume over the surface area (IBSI QCFX).
    pub sphericity: f64,
    /// Area of the surface by marching cubes, mm² (IBSI C0JK).
    pub surface_mm2: f64,
    /// Volume over that of the convex hull (IBSI R3ER).
    pub solidity: f64,
    /// Lobes: maxima of the depth below the surface that stand out, per lesion.
    pub lobulation: f64,
}

/// Measures every group: the lesions without findings, and their voxels.
pub(crate) fn lesions(
    scene: &Scene,
    groups: &[Group],
    calibration: Option<Calibration>,
) -> (Vec<Lesion>, Vec<Vec<Run>>) {
    groups
        .par_iter()
        .enumerate()
        .map(|(at, group)| {
            lesion(scene, group, (at + 1).min(usize::from(u16::MAX)) as u16, calibration, Outline::Found)
        })
        .unzip()
}

/// Who drew the outline of a lesion.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outline {
    /// The analysis: its surface is sought where a voxel is half lesion.
    Found,
    /// The reader: it stands as it is.
    Drawn,
}

/// Measures one group.
pub(crate) fn lesion(
    scene: &Scene,
    group: &Group,
    id: u16,
    calibration: Option<Calibration>,
    outline: Outline,
) -> (Lesion, Vec<Run>) {
    let patch = Patch::around(scene.volume, &group.runs(), 6.0);
    let ground = group.members.iter().map(|m| m.ground_hu * m.volume_mm3).sum::<f64>() / group.volume_mm3();
    let noise = group.members.iter().map(|m| m.noise_hu * m.volume_mm3).sum::<f64>() / group.volume_mm3();
    let surface = Surface::of(&patch, ground, scene.threshold);
    let mask = match outline {
        Outline::Found => surface.mask(&patch, 0.0),
        Outline::Drawn => patch.mask.clone(),
    };
    let runs = patch.runs(&mask);
    let volume = scene.volume;
    let grid = &patch.grid;
    let voxel_mm3 = grid.cell_mm3();
    let mut values: Vec<i16> =
        (0..grid.len()).filter(|&cell| mask[cell]).map(|cell| patch.hu[cell]).collect();
    values.sort_unstable();
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    let percentile = |share: f64| f64::from(values[((count - 1.0) * share).round() as usize]);
    let (places, (form, (parts, (partial_mm3, moved)))) = rayon::join(
        || Places::of(scene, &patch, &mask),
        || {
            rayon::join(
                || Form::of(grid, &mask),
                || {
                    rayon::join(
                        || {
                            (
                                components(grid, Connectivity::Corner, |cell| mask[cell]).1.len() - 1,
                                lobes(&patch, &mask),
                            )
                        },
                        || (surface.partial(&patch, &mask) * voxel_mm3, surface.moved(&patch)),
                    )
                },
            )
        },
    );
    let Places { points, bone_mm, skin_mm, contact } = places;
    let Form { skin, corners, hull_mm3 } = form;
    let (component_count, lobes) = parts;
    let middle = points.centre(count);
    let centre: [f64; 3] =
        std::array::from_fn(|axis| middle[axis] / grid.spacing_mm[axis] + patch.low[axis] as f64);
    let axes = points.variances(count, [0.0; 3]).map(|value| value.max(0.0));
    let volume_mm3 = count * voxel_mm3;
    let volume_partial_mm3 = match outline {
        Outline::Found => partial_mm3,
        Outline::Drawn => volume_mm3,
    };
    let volume_uncertainty_mm3 = uncertainty(&patch, moved, volume_mm3, skin.area_mm2, noise);
    // half a cell lies between the centre of the coarse cell and its border
    let half_cell = scene.coarse.edge_mm() / 2.0;
    let lesion = Lesion {
        id,
        kind: group.kind,
        probability: group.probability,
        decided_by: group.decided_by.english(),
        decided_from: group.decided_by.0.clone(),
        centre_mm: volume.geometry.patient_from_voxel(centre),
        volume_mm3,
        volume_partial_mm3,
        volume_uncertainty_mm3,
        components: component_count,
        diameter_mm: diameter(&corners),
        box_mm: box_mm(scene, &runs),
        mean_hu: mean,
        max_hu: percentile(1.0),
        percentiles_hu: [0.1, 0.25, 0.5, 0.75, 0.9].map(percentile),
        sd_hu: variance.sqrt(),
        hu_mm3: mean * volume_mm3,
        hydroxyapatite_mg: calibration
            .map(|line| (line.mg_per_cm3_per_hu * mean + line.mg_per_cm3_at_zero) * volume_mm3 / 1000.0),
        shape: Shape {
            elongation: ratio(axes[1], axes[0]).sqrt(),
            flatness: ratio(axes[2], axes[0]).sqrt(),
            sphericity: (36.0 * std::f64::consts::PI * skin.volume_mm3.powi(2)).cbrt()
                / skin.area_mm2.max(1e-9),
            surface_mm2: skin.area_mm2,
            solidity: ratio(skin.volume_mm3, hull_mm3).min(1.0),
            lobulation: lobes as f64,
        },
        bone_distance_mm: if contact > 0.0 {
            Some(0.0)
        } else {
            bone_mm.is_finite().then_some((bone_mm - half_cell).max(0.0))
        },
        bone_contact_mm2: contact,
        skin_distance_mm: skin_mm.is_finite().then_some(skin_mm),
        level: None,
        findings: Vec::new(),
    };
    (lesion, runs)
}

/// Where the voxels of a lesion lie, and what is near.
struct Places {
    /// In the patch, mm.
    points: Moments,
    bone_mm: f64,
    skin_mm: f64,
    /// Area of the faces that meet bone, mm².
    contact: f64,
}

impl Places {
    fn of(scene: &Scene, patch: &Patch, mask: &[bool]) -> Self {
        let (volume, grid) = (scene.volume, &patch.grid);
        let mut points = Moments::default();
        let (mut bone_mm, mut skin_mm) = (f64::INFINITY, f64::INFINITY);
        let mut contact = 0.0;
        let faces = [
            grid.spacing_mm[1] * grid.spacing_mm[2],
            grid.spacing_mm[0] * grid.spacing_mm[2],
            grid.spacing_mm[0] * grid.spacing_mm[1],
        ];
        for cell in (0..grid.len()).filter(|&cell| mask[cell]) {
            let position = grid.position(cell);
            let p: [f64; 3] = std::array::from_fn(|axis| position[axis] as f64 * grid.spacing_mm[axis]);
            points.add(p);
            let voxel = patch.voxel(cell);
            let coarse = scene.coarse.cell(voxel);
            bone_mm = bone_mm.min(f64::from(scene.skeleton.bone_mm[coarse]));
            skin_mm = skin_mm.min(f64::from(scene.body.skin_mm[scene.body.cell(voxel)]));
            for (axis, face) in faces.iter().enumerate() {
                for step in [-1_isize, 1] {
                    let mut other = voxel;
                    let Some(moved) =
                        voxel[axis].checked_add_signed(step).filter(|&at| at < volume.size[axis])
                    else {
                        continue;
                    };
                    other[axis] = moved;
                    let local: [usize; 3] = std::array::from_fn(|k| other[k].wrapping_sub(patch.low[k]));
                    if (0..3).any(|k| local[k] >= grid.size[k]) || mask[grid.index(local)] {
                        continue;
                    }
                    let dense = volume.values[volume.index(other)] >= scene.threshold;
                    if dense && scene.skeleton.tissue[scene.coarse.cell(other)] == Tissue::Bone {
                        contact += face;
                    }
                }
            }
        }
        Self { points, bone_mm, skin_mm, contact }
    }
}

/// The surface of a lesion and its convex hull.
struct Form {
    skin: Mesh,
    corners: Vec<[f64; 3]>,
    hull_mm3: f64,
}

impl Form {
    fn of(grid: &Grid, mask: &[bool]) -> Self {
        let skin = mesh(grid, mask);
        let corners = extremes(&skin.outline_mm, 300);
        let (hull_mm3, _) = hull(&corners);
        Self { skin, corners, hull_mm3 }
    }
}

fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 1.0 }
}

/// The lowest and highest patient coordinates of the voxels, whole voxels counted.
fn box_mm(scene: &Scene, runs: &[Run]) -> [[f64; 3]; 2] {
    let (low, high) = crate::patch::bounds(runs);
    let mut corners = [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]];
    for corner in 0..8 {
        let voxel = std::array::from_fn(|axis| {
            if corner >> axis & 1 == 0 { low[axis] as f64 - 0.5 } else { high[axis] as f64 - 0.5 }
        });
        let point = scene.volume.geometry.patient_from_voxel(voxel);
        for axis in 0..3 {
            corners[0][axis] = corners[0][axis].min(point[axis]);
            corners[1][axis] = corners[1][axis].max(point[axis]);
        }
    }
    corners
}

/// One standard deviation of the volume: the surface moved by the noise of its position, by a tenth of the contrast
/// of the threshold, and by the rounding to voxels.
fn uncertainty(patch: &Patch, moved: Moved, volume_mm3: f64, area_mm2: f64, noise: f64) -> f64 {
    let voxel_mm3 = patch.grid.cell_mm3();
    let face = voxel_mm3.powf(2.0 / 3.0);
    let faces = (area_mm2 / face).max(1.0);
    // a face is off by a share of the voxel that is uniform, and by the noise over the slope of the edge
    let edge = voxel_mm3.cbrt();
    let position = edge * (1.0 / 12.0 + (noise / moved.contrast).powi(2)).sqrt();
    let sampling = position * face * faces.sqrt();
    (moved.mm3.powi(2) + sampling.powi(2)).sqrt().min(volume_mm3)
}

/// Lobes: local maxima of the depth below the surface, at least 1.5 voxels deep, that are separated by necks of less
/// than three quarters of the depth of the shallower one.
fn lobes(patch: &Patch, mask: &[bool]) -> usize {
    let grid = &patch.grid;
    let depth: Vec<f32> = distance2(grid, |cell| !mask[cell]).into_iter().map(f32::sqrt).collect();
    let least = 1.5 * grid.spacing_mm[0] as f32;
    // flood from the deepest voxel down; where two lobes meet, the shallower counts if the neck is narrow
    let mut parent: Vec<u32> = vec![u32::MAX; grid.len()];
    let mut top: Vec<f32> = Vec::new();
    let mut roots: Vec<u32> = Vec::new();
    let mut lobes = 0;
    fn find(roots: &mut [u32], mut at: u32) -> u32 {
        while roots[at as usize] != at {
            roots[at as usize] = roots[roots[at as usize] as usize];
            at = roots[at as usize];
        }
        at
    }
    for cell in deepest_first(mask, &depth) {
        let cell = cell as usize;
        let mut joined: Option<u32> = None;
        let mut near = [u32::MAX; 26];
        let mut count = 0;
        grid.neighbours26(cell, |other| {
            if parent[other] != u32::MAX {
                near[count] = parent[other];
                count += 1;
            }
        });
        for &label in &near[..count] {
            let label = find(&mut roots, label);
            match joined {
                None => joined = Some(label),
                Some(current) if current != label => {
                    let (high, low) = if top[current as usize] >= top[label as usize] {
                        (current, label)
                    } else {
                        (label, current)
                    };
                    if top[low as usize] >= least && depth[cell] < 0.7 * top[low as usize] {
                        lobes += 1;
                    }
                    roots[low as usize] = high;
                    joined = Some(high);
                }
                Some(_) => {}
            }
        }
        parent[cell] = joined.unwrap_or_else(|| {
            let label = roots.len() as u32;
            roots.push(label);
            top.push(depth[cell]);
            label
        });
    }
    // what never met another: one lobe for every component that is deep enough
    let whole = (0..roots.len()).filter(|&at| roots[at] == at as u32 && top[at] >= least).count();
    (lobes + whole).max(1)
}
