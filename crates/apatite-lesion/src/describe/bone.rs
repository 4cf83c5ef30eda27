//! Bones and joints beside lesions, and how a lesion meets them.

use crate::candidate::Scene;
use crate::grid::{Connectivity, Grid, Run, components, distance2};
use crate::linear::median;
use crate::patch::Patch;
use crate::skeleton::{BLURRED_MM, Tissue};

/// Bones and joints around all lesions of a study, on the coarse grid.
pub(crate) struct Bones {
    low: [usize; 3],
    grid: Grid,
    /// The bone nearest to each cell within a few cells; 0 elsewhere.
    label: Vec<u16>,
    /// Joints: where two bones come near each other, with the calibre of the larger.
    joints: Vec<([usize; 3], f64)>,
}

/// Bones that come nearer than this have a joint there, mm.
const JOINT_MM: f64 = 8.0;
/// What looks like bone within this of metal may be its bloom, mm.
pub(super) const BLOOM_MM: f32 = 3.5;
/// A smaller piece is not taken for a bone of its own, mm³.
const BONE_MM3: f64 = 150.0;

impl Bones {
    /// The bones within 45 mm of the runs; none where there are no runs or no bones.
    pub(super) fn around<'r>(scene: &Scene, runs: impl Iterator<Item = &'r [Run]>) -> Option<Self> {
        const MARGIN_MM: f64 = 45.0;
        let coarse = scene.coarse;
        let (mut low, mut high) = ([usize::MAX; 3], [0; 3]);
        for runs in runs.filter(|runs| !runs.is_empty()) {
            let (first, last) = crate::patch::bounds(runs);
            let first = coarse.grid.position(coarse.cell(first));
            let last = coarse.grid.position(coarse.cell(last.map(|at| at - 1)));
            for axis in 0..3 {
                let margin = (MARGIN_MM / coarse.grid.spacing_mm[axis]).ceil() as usize;
                low[axis] = low[axis].min(first[axis].saturating_sub(margin));
                high[axis] = high[axis].max((last[axis] + margin + 1).min(coarse.grid.size[axis]));
            }
        }
        if low[0] == usize::MAX {
            return None;
        }
        let size = std::array::from_fn(|axis| high[axis] - low[axis]);
        let grid = Grid { size, spacing_mm: coarse.grid.spacing_mm };
        let outer = |cell: usize| {
            let at = grid.position(cell);
            coarse.grid.index(std::array::from_fn(|axis| low[axis] + at[axis]))
        };
        let bone: Vec<bool> =
            (0..grid.len()).map(|cell| scene.skeleton.tissue[outer(cell)] == Tissue::Bone).collect();
        // the bloom of a prosthesis looks like bone and would join the bones that it parts
        let clear = |cell: usize| scene.skeleton.metal_mm.get(outer(cell)).is_none_or(|&mm| mm > BLOOM_MM);
        // a cell away from the surface, so that joints part
        let inner: Vec<bool> = (0..grid.len())
            .map(|cell| {
                let mut all = bone[cell] && clear(cell);
                if all {
                    grid.neighbours6(cell, |other| all &= bone[other]);
                }
                all
            })
            .collect();
        let (pieces, counts) = components(&grid, Connectivity::Face, |cell| inner[cell]);
        let least = (BONE_MM3 / grid.cell_mm3()).max(4.0) as usize;
        let mut number = vec![0_u16; counts.len()];
        let mut bones = 0_u16;
        for (piece, &count) in counts.iter().enumerate().skip(1) {
            if count >= least && bones < u16::MAX {
                bones += 1;
                number[piece] = bones;
            }
        }
        if bones == 0 {
            return None;
        }
        let mut label: Vec<u16> = pieces.iter().map(|&piece| number[piece as usize]).collect();
        let depth2 = distance2(&grid, |cell| !bone[cell]);
        let mut radius_mm = vec![0.0; usize::from(bones) + 1];
        for (cell, &label) in label.iter().enumerate().filter(|&(_, &label)| label > 0) {
            let depth = f64::from(depth2[cell]).sqrt();
            if depth.is_finite() && depth > radius_mm[usize::from(label)] {
                radius_mm[usize::from(label)] = depth;
            }
        }
        let joints = spread(&grid, &mut label, &radius_mm);
        Some(Self { low, grid, label, joints })
    }

    fn local(&self, scene: &Scene, voxel: [usize; 3]) -> Option<usize> {
        let at = scene.coarse.grid.position(scene.coarse.cell(voxel));
        let local: [usize; 3] = std::array::from_fn(|axis| at[axis].wrapping_sub(self.low[axis]));
        (0..3).all(|axis| local[axis] < self.grid.size[axis]).then(|| self.grid.index(local))
    }

    /// The bone that a voxel is of or lies nearest to; none away from all.
    pub(super) fn bone_at(&self, scene: &Scene, voxel: [usize; 3]) -> Option<u16> {
        self.local(scene, voxel).map(|cell| self.label[cell]).filter(|&bone| bone > 0)
    }

    /// The nearest joint: its distance and the calibre (radius) of its larger bone, mm. Of several the one that is
    /// nearest against its calibre.
    pub(super) fn joint(&self, scene: &Scene, runs: &[Run]) -> Option<(f64, f64)> {
        let spacing = self.grid.spacing_mm;
        let mut best: Option<(f64, f64)> = None;
        let samples = runs.len().div_ceil(60).max(1);
        for run in runs.iter().step_by(samples) {
            let voxel = [(run.start + run.end) as usize / 2, run.row as usize, run.slice as usize];
            let Some(own) = self.local(scene, voxel) else { continue };
            let own = self.grid.position(own);
            for &(joint, calibre) in &self.joints {
                let square: f64 =
                    (0..3).map(|k| ((own[k] as f64 - joint[k] as f64) * spacing[k]).powi(2)).sum();
                let distance = square.sqrt();
                if best.is_none_or(|(known, of)| distance / calibre < known / of) {
                    best = Some((distance, calibre));
                }
            }
        }
        best
    }
}

/// Lets every bone grow until it meets another, up to half the width of a joint, and returns where they meet.
fn spread(grid: &Grid, label: &mut [u16], radius_mm: &[f64]) -> Vec<([usize; 3], f64)> {
    let edge = grid.spacing_mm.into_iter().fold(0.0, f64::max);
    // each front has lost a cell of its bone
    let rounds = ((JOINT_MM / 2.0) / edge).ceil() as usize + 1;
    let mut front: Vec<usize> = (0..label.len()).filter(|&cell| label[cell] > 0).collect();
    let mut joints = Vec::new();
    for _ in 0..rounds {
        let mut next: Vec<(usize, u16)> = Vec::new();
        for &cell in &front {
            grid.neighbours6(cell, |other| {
                if label[other] == 0 {
                    next.push((other, label[cell]));
                } else if label[other] != label[cell] {
                    let calibre =
                        radius_mm[usize::from(label[cell])].max(radius_mm[usize::from(label[other])]);
                    joints.push((grid.position(cell), calibre));
                }
            });
        }
        front.clear();
        next.sort_unstable();
        for (cell, of) in next {
            if label[cell] == 0 {
                label[cell] = of;
                front.push(cell);
            }
        }
    }
    joints.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    joints.dedup_by(|a, b| a.0 == b.0);
    // a joint is a face of bone, not a few cells where two pieces of one bone were cut
    if (joints.len() as f64) * edge * edge < 12.0 { Vec::new() } else { joints }
}

/// How a lesion meets bone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touch {
    /// Area over which lesion and bone meet with nothing darker between, mm².
    pub(crate) contact_mm2: f64,
    /// Area over which they face each other within 3 mm with something darker between, mm².
    pub(crate) cleft_mm2: f64,
    /// Area of contact below which no cortex lies, mm²; none where so little meets that it cannot be told.
    pub(crate) bare_mm2: Option<f64>,
    /// Thickness of the cortex below it and of that about it, mm; none where the voxels do not tell.
    pub(crate) cortex_mm: Option<[f64; 2]>,
    /// Bones it meets with the area of contact, largest first, mm².
    pub(crate) by_bone_mm2: Vec<(u16, f64)>,
}

/// Bone is looked for this far from the surface of a lesion, and its cortex this far below its own surface, mm.
const REACH_MM: f64 = 3.0;
/// Whether cortex lies below is asked where more than this is in contact, mm².
const MET_MM2: f64 = 10.0;
/// Bone that is nowhere denser than this share of what cortex about it is has lost it.
const BARE: f64 = 0.4;
/// How thick cortex is can be told where it is so many voxels thick.
const CORTEX_VOXELS: f64 = 2.0;

/// Follows the axes of the grid from each surface voxel of a lesion to bone.
pub(super) fn touch(scene: &Scene, patch: &Patch, bones: Option<&Bones>) -> Touch {
    /// Between lesion and bone in contact nothing is darker than this share of the fainter of the two.
    const VALLEY: f64 = 0.8;
    let (grid, mask) = (&patch.grid, &patch.mask);
    let mut by_bone: std::collections::BTreeMap<u16, f64> = std::collections::BTreeMap::new();
    let mut result = Touch::default();
    // area of each contact with the densest of the bone below it, and where that bone begins
    let mut met: Vec<(f64, f64)> = Vec::new();
    let mut below: Vec<usize> = Vec::new();
    for cell in (0..grid.len()).filter(|&cell| mask[cell]) {
        for ray in Ray::all(grid, cell) {
            let face = ray.face_mm2();
            if ray.at(1).is_none_or(|next| mask[next]) {
                continue;
            }
            let mut least = f64::INFINITY;
            for count in 1..=ray.voxels(REACH_MM) {
                let Some(other) = ray.at(count) else { break };
                if mask[other] {
                    break;
                }
                least = least.min(f64::from(patch.hu[other]));
                if !is_bone(scene, patch, other) {
                    continue;
                }
                // the densest within two voxels on either side
                let own = ray.back().peak(patch, 0, 3);
                let bone = ray.peak(patch, count, 3);
                let low = least.min(f64::from(patch.hu[cell]));
                if low >= VALLEY * own.min(bone) {
                    result.contact_mm2 += face;
                    met.push((face, ray.peak(patch, count, ray.voxels(REACH_MM) + 1)));
                    below.push(other);
                    if let Some(local) = bones.and_then(|bones| bones.local(scene, patch.voxel(other)))
                        && let Some(label) = bones.map(|bones| bones.label[local])
                    {
                        *by_bone.entry(label).or_default() += face;
                    }
                } else {
                    result.cleft_mm2 += face;
                }
                break;
            }
        }
    }
    if result.contact_mm2 > MET_MM2
        && scene.coarse.edge_mm() <= BLURRED_MM
        && let Some(cortex) = Cortex::about(scene, patch)
    {
        let bare = met.iter().filter(|&&(_, densest)| densest < BARE * cortex.hu);
        result.bare_mm2 = Some(bare.map(|&(face, _)| face).sum());
        let thickness_mm = |cells: &[usize]| {
            median(cells.iter().map(|&cell| cortex.thickness_mm(scene, patch, cell)).collect())
        };
        let about = thickness_mm(&cortex.surface);
        if about >= CORTEX_VOXELS * grid.spacing_mm.into_iter().fold(0.0, f64::max) {
            result.cortex_mm = Some([thickness_mm(&below), about]);
        }
    }
    // what met a piece too small to be a bone of its own belongs to none
    by_bone.remove(&0);
    result.by_bone_mm2 = by_bone.into_iter().collect();
    result.by_bone_mm2.sort_by(|a, b| b.1.total_cmp(&a.1));
    result
}

/// Cortex where it faces soft tissue and not the lesion.
struct Cortex {
    /// The median of the densest below each face of it.
    hu: f64,
    /// The voxels of its surface.
    surface: Vec<usize>,
}

impl Cortex {
    /// The cortex in a patch; none where no bone faces soft tissue.
    fn about(scene: &Scene, patch: &Patch) -> Option<Self> {
        let (grid, mask) = (&patch.grid, &patch.mask);
        let (mut densest, mut surface) = (Vec::new(), Vec::new());
        for cell in (0..grid.len()).filter(|&cell| !mask[cell] && patch.hu[cell] < scene.threshold) {
            for ray in Ray::all(grid, cell) {
                let depth = ray.voxels(REACH_MM) + 1;
                if let Some(first) = ray.at(1)
                    && is_bone(scene, patch, first)
                    && (1..=depth).all(|count| ray.at(count).is_some_and(|other| !mask[other]))
                {
                    densest.push(ray.peak(patch, 1, depth));
                    surface.push(first);
                }
            }
        }
        (!densest.is_empty()).then(|| Self { hu: median(densest), surface })
    }

    /// The shortest way through cortex along an axis of the grid from a voxel at its surface on, mm: up to 1.7 times its
    /// thickness where it lies askew.
    fn thickness_mm(&self, scene: &Scene, patch: &Patch, cell: usize) -> f64 {
        let dense = |cell: usize| {
            !patch.mask[cell] && f64::from(patch.hu[cell]) >= 0.5 * self.hu && is_bone(scene, patch, cell)
        };
        // the voxel itself may be faint by blur
        let mut voxels = [1; 3];
        for ray in Ray::all(&patch.grid, cell) {
            voxels[ray.axis] += (1..).take_while(|&steps| ray.at(steps).is_some_and(dense)).count();
        }
        (0..3).map(|axis| voxels[axis] as f64 * patch.grid.spacing_mm[axis]).fold(f64::INFINITY, f64::min)
    }
}

/// Whether a voxel of a patch is dense and of the skeleton.
fn is_bone(scene: &Scene, patch: &Patch, cell: usize) -> bool {
    patch.hu[cell] >= scene.threshold
        && scene.skeleton.tissue[scene.coarse.cell(patch.voxel(cell))] == Tissue::Bone
}

/// The voxels along an axis of a grid, from a cell on.
#[derive(Clone, Copy)]
struct Ray<'g> {
    grid: &'g Grid,
    from: [usize; 3],
    axis: usize,
    forward: bool,
}

impl<'g> Ray<'g> {
    /// The six of a cell.
    fn all(grid: &'g Grid, cell: usize) -> impl Iterator<Item = Self> {
        let from = grid.position(cell);
        (0..3).flat_map(move |axis| [false, true].map(|forward| Self { grid, from, axis, forward }))
    }

    /// The same the other way.
    fn back(self) -> Self {
        Self { forward: !self.forward, ..self }
    }

    /// The cell so many steps on; none outside the grid.
    fn at(self, steps: usize) -> Option<usize> {
        let at = self.from[self.axis];
        let moved = if self.forward { Some(at + steps) } else { at.checked_sub(steps) };
        moved.filter(|&moved| moved < self.grid.size[self.axis]).map(|moved| {
            let mut position = self.from;
            position[self.axis] = moved;
            self.grid.index(position)
        })
    }

    /// Steps that reach this far.
    fn voxels(self, reach_mm: f64) -> usize {
        (reach_mm / self.grid.spacing_mm[self.axis]).ceil() as usize
    }

    fn face_mm2(self) -> f64 {
        self.grid.cell_mm3() / self.grid.spacing_mm[self.axis]
    }

    /// The densest of `count` voxels from `first` steps on, HU; 0 at least.
    fn peak(self, patch: &Patch, first: usize, count: usize) -> f64 {
        (first..first + count)
            .filter_map(|steps| self.at(steps))
            .map(|cell| f64::from(patch.hu[cell]))
            .fold(0.0, f64::max)
    }
}
