//! What several descriptions need of one lesion: its form with its gaps closed, what surrounds it, its way to the skin.

use crate::candidate::{Around, Scene, fill};
use crate::grid::{Connectivity, Grid, Run, components, distance2, distance2_within};
use crate::kind::Group;
use crate::linear::norm;
use crate::patch::Patch;
use crate::tube::{Tube, tube};

/// Gaps up to twice this wide are closed, mm: septa between nodules, not the spaces between sheets.
const CLOSING_MM: f32 = 2.0;

pub(super) struct Detail {
    pub(super) around: Around,
    /// Median of the soft tissue around it, HU.
    pub(super) ground_hu: f64,
    /// Noise of the soft tissue around it, HU.
    pub(super) noise_hu: f64,
    /// From where on voxels count as mineral, HU.
    pub(super) threshold_hu: f64,
    pub(super) mask_mm3: f64,
    /// Volume of the mask, what its slices enclose, and its narrow gaps, mm³.
    pub(super) closed_mm3: f64,
    /// Radius of the largest ball in it, mm.
    pub(super) ball_mm: f64,
    /// Thickness it would have as a plate, mm.
    pub(super) thickness_mm: f64,
    /// Radius of the largest ball in the mask alone, mm.
    pub(super) dense_ball_mm: f64,
    /// Enclosed spaces, and their mean HU.
    pub(super) loculi: usize,
    pub(super) loculi_hu: f64,
    /// Mean and standard deviation of the voxels free of partial volume, HU; none where too few lie so deep.
    pub(super) interior_hu: Option<[f64; 2]>,
    /// Mean density of the inner and the outer half (by depth) of what is free of partial volume, HU.
    pub(super) inner_outer_hu: Option<[f64; 2]>,
    /// Density of the outer shell and the core of the largest member, and the share of the core.
    pub(super) shell_hu: f64,
    pub(super) core_hu: f64,
    pub(super) core_share: f64,
    pub(super) tube: Option<Tube>,
    pub(super) cover: Cover,
}

/// What lies between a lesion and the skin, on the shortest way.
#[derive(Clone, Copy)]
pub(super) struct Cover {
    /// Depth below the skin, mm: median over the lesion.
    pub(super) depth_mm: f64,
    /// How much of the median way is muscle or the like, mm.
    pub(super) muscle_mm: f64,
}

impl Detail {
    pub(super) fn of(scene: &Scene, group: &Group, runs: &[Run]) -> Self {
        let patch = Patch::around(scene.volume, runs, 6.0);
        let grid = &patch.grid;
        let cell_mm3 = grid.cell_mm3();
        let filled = fill(&patch);
        let ((loculi, (tube, cover)), ((closed, depth), dense_depth)) = rayon::join(
            || {
                let way = || (tube(scene, runs), cover(scene, runs));
                rayon::join(|| Loculi::of(&patch, &filled), way)
            },
            || rayon::join(|| closed(grid, &filled), || depth_mm(grid, &patch.mask)),
        );
        let closed_cells = closed.iter().filter(|&&on| on).count() as f64;
        // the distance to the centre of the first voxel outside is half a voxel too much
        let half = 0.5 * grid.spacing_mm[0] as f32;
        let deepest = |depth: &[f32]| f64::from((depth.iter().copied().fold(0.0, f32::max) - half).max(0.0));
        let mean_depth = (0..grid.len())
            .filter(|&cell| closed[cell])
            .map(|cell| f64::from((depth[cell] - half).max(0.3 * half)))
            .sum::<f64>()
            / closed_cells.max(1.0);
        let largest = group.members.iter().max_by(|a, b| a.volume_mm3.total_cmp(&b.volume_mm3));
        let rim = largest.and_then(|member| member.rim);
        Self {
            around: around(group),
            ground_hu: weighted(group, |member| member.ground_hu),
            noise_hu: weighted(group, |member| member.noise_hu),
            threshold_hu: f64::from(scene.threshold),
            mask_mm3: patch.mask.iter().filter(|&&on| on).count() as f64 * cell_mm3,
            closed_mm3: closed_cells * cell_mm3,
            ball_mm: deepest(&depth),
            thickness_mm: 4.0 * mean_depth,
            dense_ball_mm: deepest(&dense_depth),
            loculi: loculi.count,
            loculi_hu: loculi.mean_hu,
            interior_hu: interior(&patch, &dense_depth),
            inner_outer_hu: inner_outer(&patch, &depth),
            shell_hu: rim.map_or(0.0, |rim| rim.shell_hu),
            core_hu: rim.map_or(0.0, |rim| rim.core_hu),
            core_share: rim.map_or(0.0, |rim| rim.core_mm3 / rim.filled_mm3),
            tube,
            cover,
        }
    }

    /// Share of the closed form that is not dense.
    pub(super) fn lucent_share(&self) -> f64 {
        (1.0 - self.mask_mm3 / self.closed_mm3.max(1e-9)).max(0.0)
    }
}

fn weighted(group: &Group, value: impl Fn(&crate::candidate::Candidate) -> f64) -> f64 {
    let total = group.volume_mm3();
    group.members.iter().map(|member| value(member) * member.volume_mm3 / total).sum()
}

fn around(group: &Group) -> Around {
    Around {
        air: weighted(group, |member| member.around.air),
        fat: weighted(group, |member| member.around.fat),
        soft: weighted(group, |member| member.around.soft),
        enhanced: weighted(group, |member| member.around.enhanced),
    }
}

/// A mask with its narrow gaps closed, and the depth below the surface of that, mm.
fn closed(grid: &Grid, mask: &[bool]) -> (Vec<bool>, Vec<f32>) {
    let near2 = distance2_within(grid, CLOSING_MM, |cell| mask[cell]);
    let far2 = distance2_within(grid, CLOSING_MM, |cell| near2[cell] > CLOSING_MM * CLOSING_MM);
    let closed: Vec<bool> =
        (0..grid.len()).map(|cell| mask[cell] || far2[cell] > CLOSING_MM * CLOSING_MM).collect();
    let depth = depth_mm(grid, &closed);
    (closed, depth)
}

fn depth_mm(grid: &Grid, mask: &[bool]) -> Vec<f32> {
    distance2(grid, |cell| !mask[cell]).into_iter().map(f32::sqrt).collect()
}

/// An enclosed space is at least this large, mm³, and this share of the largest.
const LOCULUS_MM3: f64 = 4.0;
const LOCULUS_SHARE: f64 = 0.01;

struct Loculi {
    count: usize,
    mean_hu: f64,
}

impl Loculi {
    fn of(patch: &Patch, filled: &[bool]) -> Self {
        let cell_mm3 = patch.grid.cell_mm3();
        let (labels, counts) =
            components(&patch.grid, Connectivity::Face, |cell| filled[cell] && !patch.mask[cell]);
        // pits in the wall of one cavity are no cavities
        let largest = counts.iter().skip(1).copied().max().unwrap_or(0) as f64 * cell_mm3;
        let least = LOCULUS_MM3.max(LOCULUS_SHARE * largest);
        let large: Vec<bool> = counts.iter().map(|&count| count as f64 * cell_mm3 >= least).collect();
        let (mut sum, mut inside) = (0.0, 0.0);
        for (cell, &label) in labels.iter().enumerate() {
            if label > 0 && large[label as usize] {
                sum += f64::from(patch.hu[cell]);
                inside += 1.0;
            }
        }
        Self {
            count: large.iter().skip(1).filter(|&&large| large).count(),
            mean_hu: if inside > 0.0 { sum / inside } else { 0.0 },
        }
    }
}

/// Depth from which a voxel is free of the blur of the surface, mm.
fn clear_of_blur(patch: &Patch) -> f32 {
    (1.6_f32).max(2.0 * patch.grid.spacing_mm[0] as f32)
}

fn interior(patch: &Patch, depth: &[f32]) -> Option<[f64; 2]> {
    let least = clear_of_blur(patch);
    let values: Vec<f64> = patch
        .hu
        .iter()
        .zip(depth)
        .filter(|(_, depth)| **depth >= least)
        .map(|(&value, _)| f64::from(value))
        .collect();
    if values.len() < 20 || values.len() as f64 * patch.grid.cell_mm3() < 12.0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    Some([mean, variance.sqrt()])
}

fn inner_outer(patch: &Patch, depth: &[f32]) -> Option<[f64; 2]> {
    let least = clear_of_blur(patch);
    let mut cells: Vec<usize> = (0..depth.len()).filter(|&cell| depth[cell] >= least).collect();
    if (cells.len() as f64) * patch.grid.cell_mm3() < 100.0 {
        return None;
    }
    cells.sort_unstable_by(|&a, &b| depth[a].total_cmp(&depth[b]).then(a.cmp(&b)));
    let mean = |cells: &[usize]| {
        cells.iter().map(|&cell| f64::from(patch.hu[cell])).sum::<f64>() / cells.len().max(1) as f64
    };
    let third = cells.len() / 3;
    Some([mean(&cells[cells.len() - third..]), mean(&cells[..third])])
}

/// The shortest of 26 straight ways to the air, from some voxels of the lesion.
fn cover(scene: &Scene, runs: &[Run]) -> Cover {
    const SAMPLES: usize = 24;
    const REACH_MM: usize = 90;
    /// Thickness of the skin, which is as dense as muscle.
    const SKIN_MM: f64 = 2.5;
    let volume = scene.volume;
    let coarse = scene.coarse;
    let mut ways: Vec<(f64, f64)> = Vec::new();
    for run in runs.iter().step_by(runs.len().div_ceil(SAMPLES)) {
        let voxel = [f64::from((run.start + run.end) / 2), f64::from(run.row), f64::from(run.slice)];
        let spacing = volume.geometry.spacing_mm();
        let mut best: Option<(f64, f64)> = None;
        for code in (0..27).filter(|&code| code != 13) {
            let way = [f64::from(code % 3 - 1), f64::from(code / 3 % 3 - 1), f64::from(code / 9 - 1)];
            let length = norm(way);
            let (mut muscle, mut air) = (0.0, 0);
            for step in 1..=REACH_MM {
                if best.is_some_and(|(depth, _)| step as f64 > depth + 2.0) {
                    break;
                }
                let at: [f64; 3] =
                    std::array::from_fn(|k| voxel[k] + way[k] / length * step as f64 / spacing[k]);
                if (0..3).any(|k| at[k] < 0.0 || at[k].round() >= volume.size[k] as f64) {
                    break;
                }
                let at = at.map(|at| at.round() as usize);
                let inside = (0..3).all(|k| {
                    at[k] >= coarse.low[k] && at[k] < coarse.low[k] + coarse.grid.size[k] * coarse.block[k]
                });
                let mean = if inside {
                    coarse.mean[coarse.cell(at)]
                } else {
                    f32::from(volume.values[volume.index(at)])
                };
                if mean < -350.0 {
                    air += 1;
                    if air == 2 {
                        let depth = step as f64 - 1.0;
                        if best.is_none_or(|(known, _)| depth < known) {
                            best = Some((depth, muscle));
                        }
                        break;
                    }
                } else {
                    air = 0;
                    muscle += f64::from(u8::from((0.0..130.0).contains(&mean)));
                }
            }
        }
        ways.push(best.unwrap_or((REACH_MM as f64, REACH_MM as f64 / 2.0)));
    }
    ways.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut muscles: Vec<f64> = ways.iter().map(|way| (way.1 - SKIN_MM).max(0.0)).collect();
    muscles.sort_unstable_by(f64::total_cmp);
    match (ways.get(ways.len() / 2), muscles.get(muscles.len() / 2)) {
        (Some(median), Some(&muscle_mm)) => Cover { depth_mm: median.0, muscle_mm },
        _ => Cover { depth_mm: REACH_MM as f64, muscle_mm: REACH_MM as f64 },
    }
}
