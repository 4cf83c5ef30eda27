//! Connected components of dense voxels that are not bone and rise above the noise.

use apatite_volume::Volume;
use rayon::prelude::*;

use crate::describe::rise;
use crate::grid::{Connectivity, Grid, Run, components, distance2, distance2_within, label_runs};
use crate::linear::Moments;
use crate::patch::{Patch, bounds};
use crate::scan::{Body, Coarse};
use crate::skeleton::{Skeleton, Tissue, is_clipped};

/// Volume of an ellipsoid over the product of four standard deviations along its axes.
const ELLIPSOID: f64 = 0.7317;
/// A shape is resolved from about so many voxels on.
const RESOLVED_VOXELS: f64 = 14.0;
/// A length is resolved from about so many voxels on.
const RESOLVED_LENGTH: f64 = 3.5;

/// All that the steps after the skeleton look at.
pub(crate) struct Scene<'a> {
    pub(crate) volume: &'a Volume,
    pub(crate) body: &'a Body,
    pub(crate) coarse: &'a Coarse,
    pub(crate) skeleton: &'a Skeleton,
    pub(crate) noise_hu: f64,
    pub(crate) threshold: i16,
    pub(crate) peak_hu: i16,
    pub(crate) metal_hu: i16,
    /// The site of the vocabulary, where BodyPartExamined names one.
    pub(crate) site: Option<&'static str>,
}

/// A component of dense voxels with what its kind is decided from.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) runs: Vec<Run>,
    pub(crate) low: [usize; 3],
    pub(crate) high: [usize; 3],
    pub(crate) centre_mm: [f64; 3],
    pub(crate) volume_mm3: f64,
    pub(crate) mean_hu: f64,
    pub(crate) max_hu: f64,
    /// Median and noise of the soft tissue around it, HU.
    pub(crate) ground_hu: f64,
    pub(crate) noise_hu: f64,
    /// Rise above the ground in units of the noise of its mean.
    pub(crate) signal: f64,
    pub(crate) bone_mm: f64,
    pub(crate) skin_mm: f64,
    pub(crate) metal_mm: f64,
    /// It was cut off a bone.
    pub(crate) attached: bool,
    /// Mean log odds of what was cut off that it is a deposit and not bone.
    pub(crate) deposit: Option<f64>,
    /// It lies at the edge of the volume.
    pub(crate) on_edge: bool,
    /// It lies at a side of the field (first or last column or row).
    pub(crate) on_side: bool,
    /// It does so in a small section only: most of it is within.
    pub(crate) clipped: bool,
    /// Shares of what lies 1 to 5 mm around it.
    pub(crate) around: Around,
    /// Mean of the outer 2 mm over the mean deeper inside; none where nothing is that deep.
    pub(crate) rim: Option<Rim>,
    /// Lengths of its principal axes (four standard deviations), longest first, mm.
    pub(crate) axes_mm: [f64; 3],
    /// With what it encloses.
    pub(crate) closed: Closed,
    spacing_mm: [f64; 3],
}

impl Candidate {
    /// Probability that its voxels tell its shape: what is made of a dozen of them, or of two or three along its length, has
    /// that of the grid and of the noise.
    pub(crate) fn resolved(&self) -> f64 {
        let voxels = self.volume_mm3 / self.spacing_mm.iter().product::<f64>();
        let length = (0..3)
            .map(|axis| ((self.high[axis] - self.low[axis]) as f64, self.spacing_mm[axis]))
            .max_by(|a, b| (a.0 * a.1).total_cmp(&(b.0 * b.1)))
            .map_or(0.0, |(count, _)| count);
        rise(voxels, RESOLVED_VOXELS, 2.5) * rise(length, RESOLVED_LENGTH, 0.4)
    }

    /// Volume of the ellipsoid with its principal axes, mm³: a compact body fills it.
    pub(crate) fn ellipsoid_mm3(&self) -> f64 {
        ELLIPSOID * self.axes_mm.iter().product::<f64>()
    }

    /// Spacing of the volume it lies in, mm.
    pub(crate) fn spacing_mm(&self) -> [f64; 3] {
        self.spacing_mm
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around {
    pub(crate) air: f64,
    pub(crate) fat: f64,
    pub(crate) soft: f64,
    pub(crate) enhanced: f64,
}

/// Densities by depth below the surface of the filled component.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rim {
    pub(crate) shell_hu: f64,
    pub(crate) core_hu: f64,
    /// Volume deeper than the shell, mm³.
    pub(crate) core_mm3: f64,
    /// Volume of the filled component, mm³.
    pub(crate) filled_mm3: f64,
}

/// A component with what it encloses: a small bone is a shell around marrow, and its hollow does not make it less
/// compact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    /// Its volume over that of the ellipsoid with its principal axes.
    pub(crate) compact: f64,
    /// By which share of the density of its outer half (HU above fat) its middle is fainter.
    pub(crate) hollow: f64,
}

/// Finds the candidates, in order of their first voxel.
pub(crate) fn candidates(scene: &Scene, runs: &[Run]) -> Vec<Candidate> {
    let members: Vec<Vec<Run>> =
        outside_bone(scene, runs).iter().flat_map(|runs| components_of(scene, runs)).collect();
    members.into_par_iter().filter_map(|runs| candidate(scene, runs)).collect()
}

/// Connected components that are large and dense enough to be looked at, in order of their first voxel.
fn components_of(scene: &Scene, runs: &[Run]) -> Vec<Vec<Run>> {
    let (labels, count) = label_runs(runs, Connectivity::Corner);
    let mut sizes = vec![0_usize; count];
    let mut peaks = vec![i16::MIN; count];
    for (run, &label) in runs.iter().zip(&labels) {
        sizes[label as usize] += run.len();
        let start = scene.volume.index([run.start as usize, run.row as usize, run.slice as usize]);
        let top = scene.volume.values[start..start + run.len()].iter().copied().max().unwrap_or(i16::MIN);
        peaks[label as usize] = peaks[label as usize].max(top);
    }
    let voxel_mm3 = scene.volume.geometry.voxel_mm3();
    let least_peak = f64::from(scene.peak_hu).max(60.0 + 4.5 * scene.noise_hu).min(260.0);
    let mut slots = vec![usize::MAX; count];
    let mut members: Vec<Vec<Run>> = Vec::new();
    for label in 0..count {
        let volume = sizes[label] as f64 * voxel_mm3;
        let small = volume < 3.0 || sizes[label] < 2;
        let faint = f64::from(peaks[label]) < least_peak && volume < 40.0;
        if !small && !faint {
            slots[label] = members.len();
            members.push(Vec::new());
        }
    }
    for (run, &label) in runs.iter().zip(&labels) {
        if let Some(member) = members.get_mut(slots[label as usize]) {
            member.push(*run);
        }
    }
    members
}

/// Runs without what belongs to bone, the runs of bodies like bone that stand alone, and those of metal, which new bone
/// may touch. A component that touches bone or metal keeps only what lies in cells that are attached or separate; one
/// that touches neither keeps all.
fn outside_bone(scene: &Scene, runs: &[Run]) -> [Vec<Run>; 3] {
    let (labels, count) = label_runs(runs, Connectivity::Corner);
    let mut skeletal = vec![false; count];
    let tissue = |column: u32, run: &Run| {
        scene.skeleton.tissue[scene.coarse.cell([column as usize, run.row as usize, run.slice as usize])]
    };
    for (run, &label) in runs.iter().zip(&labels) {
        skeletal[label as usize] = skeletal[label as usize]
            || (run.start..run.end)
                .any(|column| matches!(tissue(column, run), Tissue::Bone | Tissue::Lone | Tissue::Metal));
    }
    #[derive(PartialEq)]
    enum Part {
        Bone,
        Lone,
        Metal,
        Own,
    }
    let part = |column: u32, run: &Run| match tissue(column, run) {
        Tissue::Attached | Tissue::Separate => Part::Own,
        Tissue::Lone => Part::Lone,
        Tissue::Metal => Part::Metal,
        Tissue::Soft | Tissue::Bone => Part::Bone,
    };
    let (mut kept, mut lone, mut metal) = (Vec::new(), Vec::new(), Vec::new());
    for (run, &label) in runs.iter().zip(&labels) {
        if !skeletal[label as usize] {
            kept.push(*run);
            continue;
        }
        let mut at = run.start;
        while at < run.end {
            let own = part(at, run);
            let start = at;
            while at < run.end && part(at, run) == own {
                at += 1;
            }
            let piece = Run { start, end: at, ..*run };
            match own {
                Part::Own => kept.push(piece),
                Part::Lone => lone.push(piece),
                Part::Metal => metal.push(piece),
                Part::Bone => {}
            }
        }
    }
    [kept, lone, metal]
}

/// A component that rises above the noise.
fn candidate(scene: &Scene, runs: Vec<Run>) -> Option<Candidate> {
    let candidate = of_runs(scene, runs);
    let Candidate { ground_hu, noise_hu, signal, max_hu, volume_mm3, .. } = candidate;
    let strong = signal >= 6.0 && max_hu >= f64::from(scene.peak_hu).max(ground_hu + 4.5 * noise_hu);
    let broad = volume_mm3 >= 40.0 && signal >= 18.0;
    (strong || broad).then_some(candidate)
}

/// Describes runs, at least one, whatever they hold.
pub(crate) fn of_runs(scene: &Scene, runs: Vec<Run>) -> Candidate {
    let volume = scene.volume;
    let geometry = &volume.geometry;
    let (low, high) = bounds(&runs);
    let patch = Patch::around(volume, &runs, f64::from(AROUND_MM));
    let outside2 = distance2_within(&patch.grid, AROUND_MM, |cell| patch.mask[cell]);
    let ground = ground(scene, &patch, &outside2);
    let (mut sum, mut max, mut count) = (0.0, f64::MIN, 0.0);
    let mut points = Moments::default();
    let (mut bone_mm, mut skin_mm, mut metal_mm) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    let (mut attached, mut metal) = (0_usize, 0_usize);
    let (mut odds, mut told) = (0.0, 0.0);
    for run in &runs {
        for column in run.start..run.end {
            let voxel = [column as usize, run.row as usize, run.slice as usize];
            let value = f64::from(volume.values[volume.index(voxel)]);
            sum += value;
            max = max.max(value);
            count += 1.0;
            let spacing = geometry.spacing_mm();
            let p: [f64; 3] = std::array::from_fn(|axis| voxel[axis] as f64 * spacing[axis]);
            points.add(p);
            let cell = scene.coarse.cell(voxel);
            bone_mm = bone_mm.min(f64::from(scene.skeleton.bone_mm[cell]));
            if let Some(&distance) = scene.skeleton.metal_mm.get(cell) {
                metal_mm = metal_mm.min(f64::from(distance));
            }
            attached += usize::from(scene.skeleton.tissue[cell] == Tissue::Attached);
            metal += usize::from(scene.skeleton.tissue[cell] == Tissue::Metal);
            if scene.skeleton.tissue[cell] == Tissue::Attached
                && let Some(&deposit) = scene.skeleton.deposit.get(&(cell as u32))
            {
                odds += f64::from(deposit);
                told += 1.0;
            }
            skin_mm = skin_mm.min(f64::from(scene.body.skin_mm[scene.body.cell(voxel)]));
        }
    }
    if metal as f64 > 0.5 * count {
        metal_mm = 0.0;
    }
    let spacing = geometry.spacing_mm();
    let voxel_mm3 = geometry.voxel_mm3();
    let mean = sum / count;
    // neighbouring voxels share noise: about four make one independent sample
    let signal = (mean - ground.median) / ground.noise * (count / 4.0).sqrt();
    let volume_mm3 = count * voxel_mm3;
    let axes_mm = axes_mm(&points, count, spacing);
    let middle = points.centre(count);
    let centre = std::array::from_fn(|axis| middle[axis] / spacing[axis]);
    let on_edge =
        (0..3).any(|axis| volume.size[axis] > 2 && (low[axis] == 0 || high[axis] == volume.size[axis]));
    let on_side = (0..2).any(|axis| low[axis] == 0 || high[axis] == volume.size[axis]);
    let filled = fill(&patch);
    let depth2 = distance2(&patch.grid, |cell| !filled[cell]);
    let rim = rim(&patch, &filled, &depth2);
    let closed = closed(&patch, &filled, &depth2);
    let on_bone = attached as f64 > 0.3 * count;
    Candidate {
        low,
        high,
        centre_mm: geometry.patient_from_voxel(centre),
        volume_mm3,
        mean_hu: mean,
        max_hu: max,
        ground_hu: ground.median,
        noise_hu: ground.noise,
        signal,
        bone_mm,
        skin_mm,
        metal_mm,
        attached: on_bone,
        // what a piece was given back of its base has no odds of its own: a piece of few cells is all base
        deposit: (told > 0.0 && (on_bone || told > 0.15 * count)).then(|| odds / told),
        on_edge,
        on_side,
        clipped: on_edge && is_clipped(edge_mm2(volume.size, spacing, &runs), volume_mm3),
        around: ground.around,
        rim,
        axes_mm,
        closed,
        spacing_mm: spacing,
        runs,
    }
}

struct Ground {
    median: f64,
    noise: f64,
    around: Around,
}

/// Area over which runs lie at the edge of a volume of `size` voxels, mm².
fn edge_mm2(size: [usize; 3], spacing: [f64; 3], runs: &[Run]) -> f64 {
    let ends = |axis: usize, at: u32| size[axis] > 2 && (at == 0 || at as usize + 1 == size[axis]);
    let face = |axis: usize| spacing[(axis + 1) % 3] * spacing[(axis + 2) % 3];
    runs.iter()
        .map(|run| {
            let across = [(1, run.row), (2, run.slice)]
                .into_iter()
                .filter(|&(axis, at)| ends(axis, at))
                .map(|(axis, _)| run.len() as f64 * face(axis));
            let along = [run.start, run.end - 1].into_iter().filter(|&at| ends(0, at)).map(|_| face(0));
            across.chain(along).sum::<f64>()
        })
        .sum()
}

/// What lies this far from a component is around it, mm.
const AROUND_MM: f32 = 6.0;

/// The soft tissue from 1.5 mm on around a component: median, noise, and what it is made of.
fn ground(scene: &Scene, patch: &Patch, outside2: &[f32]) -> Ground {
    let mut values: Vec<i16> = Vec::new();
    let mut differences: Vec<u16> = Vec::new();
    let mut around = Around::default();
    let mut seen = 0.0;
    let width = patch.grid.size[0];
    for (cell, &value) in patch.hu.iter().enumerate() {
        let distance2 = outside2[cell];
        if !(2.2..=AROUND_MM * AROUND_MM).contains(&distance2) {
            continue;
        }
        match value {
            ..=-250 => around.air += 1.0,
            -249..=-25 => around.fat += 1.0,
            -24..=110 => around.soft += 1.0,
            111..=260 => around.enhanced += 1.0,
            _ => {}
        }
        seen += 1.0;
        if (-60..scene.threshold).contains(&value) {
            values.push(value);
        }
        if cell % width + 3 < width {
            let other = patch.hu[cell + 3];
            if (-60..=160).contains(&value) && (-60..=160).contains(&other) && outside2[cell + 3] > 2.2 {
                differences.push(value.abs_diff(other));
            }
        }
    }
    for share in [&mut around.air, &mut around.fat, &mut around.soft, &mut around.enhanced] {
        *share /= f64::max(seen, 1.0);
    }
    let noise = if differences.len() >= 40 {
        let middle = differences.len() / 2;
        let median = f64::from(*differences.select_nth_unstable(middle).1);
        crate::scan::noise_of(median).max(0.6 * scene.noise_hu)
    } else {
        scene.noise_hu
    };
    let median = if values.len() >= 8 {
        let middle = values.len() / 2;
        f64::from(*values.select_nth_unstable(middle).1)
    } else {
        30.0
    };
    Ground { median, noise: noise.max(3.0), around }
}

/// Density of the outer 2.2 mm against the inside, after filling what each axial slice encloses.
fn rim(patch: &Patch, filled: &[bool], depth2: &[f32]) -> Option<Rim> {
    let shell_mm = 2.2_f32.max(1.6 * patch.grid.spacing_mm[0] as f32);
    let core_mm = shell_mm + 0.8;
    let mut shell: Vec<i16> = Vec::new();
    let (mut core, mut core_count, mut count) = (0.0, 0.0, 0.0);
    for (cell, &value) in patch.hu.iter().enumerate().filter(|&(cell, _)| filled[cell]) {
        count += 1.0;
        if depth2[cell] <= shell_mm * shell_mm {
            shell.push(value);
        } else if depth2[cell] > core_mm * core_mm {
            core += f64::from(value);
            core_count += 1.0;
        }
    }
    if core_count < 4.0 || shell.len() < 8 {
        return None;
    }
    let shell_hu = denser_half_hu(&mut shell);
    let voxel_mm3 = patch.grid.cell_mm3();
    Some(Rim {
        shell_hu,
        core_hu: core / core_count,
        core_mm3: core_count * voxel_mm3,
        filled_mm3: count * voxel_mm3,
    })
}

/// Lengths of the principal axes of `count` voxels (four standard deviations), longest first, mm.
fn axes_mm(points: &Moments, count: f64, spacing_mm: [f64; 3]) -> [f64; 3] {
    points
        .variances(count, spacing_mm.map(|step| step * step / 12.0))
        .map(|value| 4.0 * value.max(0.0).sqrt())
}

/// Mean of the denser half: the outermost voxels of a shell are blurred with what lies outside.
fn denser_half_hu(shell: &mut [i16]) -> f64 {
    shell.sort_unstable();
    mean_hu(&shell[shell.len() / 2..])
}

fn mean_hu(values: &[i16]) -> f64 {
    values.iter().map(|&hu| f64::from(hu)).sum::<f64>() / values.len() as f64
}

/// Cells deeper than this share of the greatest depth are the middle of a component.
const MIDDLE: f32 = 0.6;
/// Densities are compared from that of fat on, HU.
const FAT_HU: f64 = -100.0;

/// How compact and how hollow a component is when what its slices enclose is part of it.
fn closed(patch: &Patch, filled: &[bool], depth2: &[f32]) -> Closed {
    let grid = &patch.grid;
    let most = depth2.iter().copied().fold(0.0, f32::max);
    let (mut count, mut points) = (0.0, Moments::default());
    let (mut shell, mut core) = (Vec::new(), Vec::new());
    for cell in (0..grid.len()).filter(|&cell| filled[cell]) {
        let position = grid.position(cell);
        points.add(std::array::from_fn(|axis| position[axis] as f64 * grid.spacing_mm[axis]));
        count += 1.0;
        let middle = depth2[cell] > MIDDLE * MIDDLE * most;
        if middle { &mut core } else { &mut shell }.push(patch.hu[cell]);
    }
    let axes: f64 = axes_mm(&points, count, grid.spacing_mm).into_iter().product();
    let hollow = if shell.len() < 8 || core.is_empty() {
        0.0
    } else {
        1.0 - (mean_hu(&core) - FAT_HU) / (denser_half_hu(&mut shell) - FAT_HU).max(1.0)
    };
    Closed { compact: count * grid.cell_mm3() / (ELLIPSOID * axes), hollow }
}

/// The mask with what its slices enclose.
pub(crate) fn fill(patch: &Patch) -> Vec<bool> {
    let plane = Grid { size: [patch.grid.size[0], patch.grid.size[1], 1], spacing_mm: patch.grid.spacing_mm };
    let mut filled = patch.mask.clone();
    for (z, slice) in filled.chunks_mut(plane.len()).enumerate() {
        let start = z * plane.len();
        if !slice.contains(&true) {
            continue;
        }
        let (labels, counts) = components(&plane, Connectivity::Face, |cell| !patch.mask[start + cell]);
        let mut open = vec![false; counts.len()];
        for (cell, &label) in labels.iter().enumerate() {
            open[label as usize] |= plane.on_face(plane.position(cell));
        }
        for (cell, &label) in labels.iter().enumerate() {
            if label > 0 && !open[label as usize] {
                slice[cell] = true;
            }
        }
    }
    filled
}
