//! What each candidate is, and which candidates are one lesion.

mod artefact;
mod bone;
mod organ;
mod vessel;

use rayon::prelude::*;

use self::vessel::{Chain, Row};
use crate::Kind;
use crate::candidate::{Candidate, Scene};
use crate::grid::Run;
use crate::linear::{norm, sub};
use crate::reason::{Reason, say};
use crate::skeleton::{BLURRED_MM, TRUNK_MM2, Tissue, WITHOUT_WHOLE};
use crate::tube::Tube;

/// Candidates that are one lesion, with its kind.
pub(crate) struct Group {
    pub(crate) members: Vec<Candidate>,
    pub(crate) kind: Kind,
    pub(crate) probability: f64,
    pub(crate) decided_by: Reason,
}

impl Group {
    pub(crate) fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = self.members.iter().flat_map(|member| member.runs.iter().copied()).collect();
        runs.sort_unstable_by_key(|run| (run.slice, run.row, run.start));
        runs
    }

    pub(crate) fn volume_mm3(&self) -> f64 {
        self.members.iter().map(|member| member.volume_mm3).sum()
    }
}

/// Evidence for every kind as log odds against a plain calcification, with the reason that weighs most.
struct Scores {
    values: [(Kind, f64, Reason); 6],
}

impl Scores {
    fn new() -> Self {
        Self {
            values: [
                (Kind::Calcification, 0.0, say("dense, outside bone, vessel and organ", [])),
                (Kind::Vascular, -3.0, Reason::default()),
                (Kind::BoneOrVariant, BONE_PRIOR, Reason::default()),
                (Kind::Metal, -6.0, Reason::default()),
                (Kind::Contrast, -5.0, Reason::default()),
                (Kind::Artefact, -4.0, Reason::default()),
            ],
        }
    }

    fn add(&mut self, kind: Kind, weight: f64, reason: Reason) {
        if let Some(entry) = self.values.iter_mut().find(|entry| entry.0 == kind) {
            entry.1 += weight;
            if weight > 0.3 {
                if entry.2.is_empty() || kind == Kind::Calcification {
                    entry.2 = reason;
                } else {
                    entry.2 = std::mem::take(&mut entry.2).and(reason);
                }
            }
        }
    }

    fn decide(self) -> (Kind, f64, Reason) {
        let total: f64 = self.values.iter().map(|entry| entry.1.exp()).sum();
        let mut best = &self.values[0];
        for entry in &self.values[1..] {
            if entry.1 > best.1 {
                best = entry;
            }
        }
        (best.0, best.1.exp() / total, best.2.clone())
    }
}

/// Decides the kind of every candidate and joins those that belong together. Sorted: calcifications first, each kind
/// by falling volume.
pub(crate) fn groups(scene: &Scene, candidates: Vec<Candidate>) -> Vec<Group> {
    let study = Study::of(scene, &candidates);
    let chains = vessel::chains(&candidates);
    let rows = vessel::rows(scene, &candidates);
    let walls = vessel::walls(scene, &candidates, &chains);
    let decided: Vec<(Kind, f64, Reason)> = candidates
        .par_iter()
        .enumerate()
        .map(|(at, candidate)| {
            let asked = Asked {
                scene,
                study: &study,
                candidate,
                chain: chains[at].as_ref(),
                row: rows[at],
                wall: walls[at],
                shaft: beside_shaft(scene, candidate),
                near: near(&candidates, at),
                all: &candidates,
            };
            scores(&asked).decide()
        })
        .collect();
    let mut groups = join(candidates, decided);
    groups.sort_by(|a, b| {
        a.kind
            .cmp(&b.kind)
            .then(b.volume_mm3().total_cmp(&a.volume_mm3()))
            .then(a.members[0].runs[0].start.cmp(&b.members[0].runs[0].start))
    });
    groups
}

/// Voxels wider than this (mm) do not separate a deposit from bone.
pub(crate) const COARSE_MM: f64 = 2.0;

/// Log odds of bone against a plain calcification before anything else is known.
const BONE_PRIOR: f64 = -3.5;
/// Ossification after an operation lies within this of the implant, mm.
const IMPLANT_MM: f64 = 60.0;
/// Masses of nodules fill at least this share of the ellipsoid with their principal axes; the girth of sheets is not less than
/// this share of what a ball of their volume has.
const FULL: f64 = 0.4;
const THIN: f64 = 0.25;
/// Smaller ones are crumbs, of which another has none as its neighbour, mm³.
const NEAR_MM3: f64 = 15.0;
/// A small bone that stands alone fills this share of the ellipsoid with its principal axes.
const OSSICLE_COMPACT: f64 = 0.92;
/// So many bodies free of bone are those of a disease that puts calcium everywhere, and not small bones.
const MANY: usize = 6;
/// So many bodies that lie no deeper than this (mm) are those of a disease of the subcutis.
const WIDESPREAD: usize = 12;
const SUBCUTIS_MM: f64 = 15.0;
/// So many may lie there in any disease.
const FEW_SUBCUTANEOUS: usize = 3;
/// So many small foci in the depth of a pelvis are those of its vessels: one or two may be of its organs.
const PELVIC_FOCI: usize = 3;
/// Skin is thinner than this (four standard deviations), mm.
const SKIN_MM: f64 = 2.5;
/// A film of brightened skin is so many times as long as thick, and its mean stays below this, HU: a deposit in skin is
/// rounder or denser.
const FILM_LENGTH: f64 = 4.0;
const RIM_HU: f64 = 240.0;
/// So many faint films at the skin are of its brightened rim.
const FILMS: usize = 6;

/// What lies nearer to the middle of a trunk lies in its midline, mm.
const MIDLINE_MM: f64 = 20.0;
/// Two candidates lie alike on either side of a trunk where their volumes differ by less than this factor and their places by less
/// than this, mm: as far as the box about the body is off the middle, and in height and depth.
const MIRRORED_ALIKE: f64 = 1.8;
const OFF_MIDDLE_MM: f64 = 12.0;
const OFF_LEVEL_MM: f64 = 14.0;

/// What holds for the study as a whole.
struct Study {
    /// The body is a hand, forearm or foot.
    small: bool,
    /// It is no forearm and no elbow.
    hand_or_foot: bool,
    /// The body is a trunk: wide, with viscera.
    trunk: bool,
    /// Contrast is in vessels or bowel.
    contrast: bool,
    /// A large vessel is full of contrast.
    enhanced: bool,
    /// No bone of the region is small and whole but those of the coccyx.
    without_whole: bool,
    /// The thin bones of the face are in view.
    face: bool,
    /// The region may hold a patella or sesamoids.
    sesamoids: bool,
    /// A sharp kernel brightens the skin: there are films of it.
    films: bool,
    /// At most two bodies of a size that can be told lie free of bone, apart from what is as large as a patella.
    lone: bool,
    /// Many such bodies do.
    many: bool,
    /// Many lie in the subcutis, where no organ is: those in the depth are of the same disease.
    widespread: bool,
    /// How far they do: 0 where few lie there, 1 where it is so.
    spread: f64,
    /// Several small foci lie in the depth of a pelvis beside its midline.
    pelvic: bool,
    /// There are at most five foci in all, crumbs aside.
    few: bool,
    /// The slices blur a deposit with the bone it hangs on.
    blurred: bool,
    /// How many bodies, free or on bone, have the form of a small bone: many are those of a disease of a joint.
    shells: usize,
    /// Organs may lie within a ring of bone in view: not in a limb.
    ring: bool,
}

impl Study {
    fn of(scene: &Scene, candidates: &[Candidate]) -> Self {
        let trunk = scene.body.section_mm2() > TRUNK_MM2;
        let pools = candidates.iter().any(|candidate| {
            candidate.volume_mm3 > 8000.0
                && candidate.mean_hu < 260.0
                && candidate.rim.is_none_or(|rim| rim.shell_hu < 1.8 * rim.core_hu)
        });
        let free = candidates
            .iter()
            .filter(|candidate| !candidate.attached && (20.0..1500.0).contains(&candidate.volume_mm3))
            .count();
        let subcutaneous = candidates
            .iter()
            .filter(|candidate| {
                !candidate.attached
                    && candidate.volume_mm3 > 20.0
                    && candidate.skin_mm < SUBCUTIS_MM
                    && !is_film(candidate)
            })
            .count();
        let small = scene.skeleton.small_bones;
        const PELVIS: [&str; 3] = ["pelvis", "hip", "buttock"];
        const WITHOUT: [&str; 6] = ["hip", "pelvis", "buttock", "thigh", "upper_arm", "shoulder"];
        const LIMB: [&str; 10] =
            ["upper_arm", "elbow", "forearm", "wrist", "hand", "thigh", "knee", "leg", "ankle", "foot"];
        let of = |sites: &[&str]| scene.site.is_some_and(|site| sites.contains(&site));
        Self {
            small,
            hand_or_foot: scene.skeleton.hand_or_foot,
            trunk,
            without_whole: of(&WITHOUT_WHOLE),
            face: of(&["skull_face", "jaw"]),
            sesamoids: !of(&WITHOUT),
            films: candidates
                .iter()
                .filter(|candidate| {
                    is_film(candidate) && candidate.skin_mm < 4.0 && candidate.mean_hu < RIM_HU
                })
                .count()
                >= FILMS,
            ring: !of(&LIMB),
            lone: free <= 2,
            many: free >= MANY && !trunk,
            widespread: subcutaneous >= WIDESPREAD,
            spread: (subcutaneous.saturating_sub(FEW_SUBCUTANEOUS) as f64
                / (WIDESPREAD - FEW_SUBCUTANEOUS) as f64)
                .min(1.0),
            pelvic: trunk
                && of(&PELVIS)
                && candidates.iter().filter(|candidate| organ::is_pelvic_focus(scene, candidate)).count()
                    >= PELVIC_FOCI,
            few: candidates.iter().filter(|candidate| candidate.volume_mm3 > 10.0).count() <= 5,
            blurred: scene.coarse.edge_mm() > BLURRED_MM,
            shells: candidates.iter().filter(|candidate| is_compact(candidate)).count(),
            enhanced: candidates.iter().any(organ::is_enhanced_vessel),
            contrast: scene.volume.acquisition.contrast_agent == Some(true) || (trunk && pools),
        }
    }
}

/// What is asked about a candidate.
struct Asked<'a> {
    scene: &'a Scene<'a>,
    study: &'a Study,
    candidate: &'a Candidate,
    /// The row of foci it is part of.
    chain: Option<&'a Chain>,
    /// The rods end to end that it is one of.
    row: Option<Row>,
    /// The wall about a lumen it is part of.
    wall: Option<Tube>,
    /// The bone beside it is a shaft.
    shaft: bool,
    /// The nearest other candidate that is no crumb.
    near: Option<Near<'a>>,
    all: &'a [Candidate],
}

/// Another candidate, and how far its centre lies from that of the one in question, mm.
#[derive(Clone, Copy)]
struct Near<'a> {
    candidate: &'a Candidate,
    mm: f64,
}

/// The candidate nearest to another, crumbs aside.
fn near(all: &[Candidate], at: usize) -> Option<Near<'_>> {
    all.iter()
        .enumerate()
        .filter(|&(other, candidate)| other != at && candidate.volume_mm3 > NEAR_MM3)
        .map(|(_, candidate)| Near { candidate, mm: norm(sub(candidate.centre_mm, all[at].centre_mm)) })
        .min_by(|a, b| a.mm.total_cmp(&b.mm))
}

/// The middle of the box about the body, in patient coordinates.
fn middle_mm(scene: &Scene) -> [f64; 3] {
    let middle = std::array::from_fn(|axis| (scene.body.low[axis] + scene.body.high[axis]) as f64 / 2.0);
    scene.volume.geometry.patient_from_voxel(middle)
}

/// Whether two candidates lie alike on either side of the trunk and are of like size.
fn mirrors(scene: &Scene, one: &Candidate, other: &Candidate) -> bool {
    let of = |candidate: &Candidate| sub(candidate.centre_mm, middle_mm(scene));
    let ([own_left, own_back, own_up], [left, back, up]) = (of(one), of(other));
    let (own, its) = (one.volume_mm3, other.volume_mm3);
    own.max(its) < MIRRORED_ALIKE * own.min(its)
        && own_left.abs().min(left.abs()) > MIDLINE_MM
        && (own_left + left).abs() < 2.0 * OFF_MIDDLE_MM
        && (own_back - back).abs().max((own_up - up).abs()) < OFF_LEVEL_MM
}

fn scores(asked: &Asked) -> Scores {
    let mut scores = Scores::new();
    artefact::weigh(&mut scores, asked);
    bone::weigh(&mut scores, asked);
    organ::weigh(&mut scores, asked);
    vessel::weigh(&mut scores, asked);
    scores
}

/// Of the form and size of a small bone that stands alone.
fn is_compact(candidate: &Candidate) -> bool {
    (60.0..1500.0).contains(&candidate.volume_mm3) && candidate.closed.compact > OSSICLE_COMPACT
}

/// As thin as skin, and long.
fn is_film(candidate: &Candidate) -> bool {
    let [long, _, short] = candidate.axes_mm;
    short < SKIN_MM && long > FILM_LENGTH * short
}

/// Whether the bone beside a candidate is a shaft that runs on: its axial section stays alike and slender 25 mm above
/// and below.
fn beside_shaft(scene: &Scene, candidate: &Candidate) -> bool {
    const REACH_MM: f64 = 25.0;
    const RADIUS_MM: f64 = 45.0;
    let grid = &scene.coarse.grid;
    let voxel = scene.volume.geometry.voxel_from_patient(candidate.centre_mm);
    let centre: [f64; 3] = std::array::from_fn(|axis| {
        (voxel[axis] - scene.coarse.low[axis] as f64) / scene.coarse.block[axis] as f64
    });
    let range = |axis: usize, reach_mm: f64| {
        let reach = reach_mm / grid.spacing_mm[axis];
        ((centre[axis] - reach).max(0.0) as usize)
            ..((centre[axis] + reach).max(0.0) as usize).min(grid.size[axis])
    };
    let area_mm2 = grid.spacing_mm[0] * grid.spacing_mm[1];
    let layers = range(2, REACH_MM);
    if (layers.len() as f64) * grid.spacing_mm[2] < 0.8 * REACH_MM {
        return false;
    }
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for z in layers {
        let mut area = 0.0;
        for y in range(1, RADIUS_MM) {
            for x in range(0, RADIUS_MM) {
                if scene.skeleton.tissue[grid.index([x, y, z])] == Tissue::Bone {
                    area += area_mm2;
                }
            }
        }
        (least, most) = (least.min(area), most.max(area));
    }
    least > 60.0 && most < 1500.0 && most < 1.8 * least
}

/// Joins candidates of one kind whose gap is small against their size.
fn join(candidates: Vec<Candidate>, decided: Vec<(Kind, f64, Reason)>) -> Vec<Group> {
    let count = candidates.len();
    let mut parent: Vec<usize> = (0..count).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for i in 0..count {
        for j in i + 1..count {
            if decided[i].0 != decided[j].0 {
                continue;
            }
            let (a, b) = (&candidates[i], &candidates[j]);
            let reach = (0.45 * girth_mm(a).max(girth_mm(b))).clamp(2.5, 10.0);
            if within(a, b, reach) {
                let (p, q) = (root(&mut parent, i), root(&mut parent, j));
                parent[p.max(q)] = p.min(q);
            }
        }
    }
    let mut slots: Vec<Option<usize>> = vec![None; count];
    let mut groups: Vec<Group> = Vec::new();
    for (at, (candidate, (kind, probability, decided_by))) in candidates.into_iter().zip(decided).enumerate()
    {
        let root = root(&mut parent, at);
        match slots[root] {
            Some(slot) => {
                let group = &mut groups[slot];
                if candidate.volume_mm3 > group.members.iter().map(|m| m.volume_mm3).fold(0.0, f64::max) {
                    (group.probability, group.decided_by) = (probability, decided_by);
                }
                group.members.push(candidate);
            }
            None => {
                slots[root] = Some(groups.len());
                groups.push(Group { members: vec![candidate], kind, probability, decided_by });
            }
        }
    }
    groups
}

/// Diameter of the ball of its volume, mm; of what fills little of the ellipsoid with its principal axes, as a sheet does that
/// is bent, less: it is thin, and as large as its extent.
fn girth_mm(candidate: &Candidate) -> f64 {
    let fill = candidate.volume_mm3 / candidate.ellipsoid_mm3();
    candidate.volume_mm3.cbrt() * 1.24 * (fill / FULL).clamp(THIN, 1.0)
}

/// Whether two candidates come as close to each other as `reach`, mm.
fn within(a: &Candidate, b: &Candidate, reach: f64) -> bool {
    let spacing = a.spacing_mm();
    let apart2: f64 = (0..3)
        .map(|axis| {
            let (low, high) = (a.low[axis].max(b.low[axis]) as f64, a.high[axis].min(b.high[axis]) as f64);
            ((low - high + 1.0).max(0.0) * spacing[axis]).powi(2)
        })
        .sum();
    let reach2 = reach * reach;
    if apart2 > reach2 {
        return false;
    }
    let steps = spacing.map(|step| (reach / step) as u32);
    let meet = |p: &Run, q: &Run| {
        let dx = if p.end <= q.start {
            f64::from(q.start - p.end + 1)
        } else if q.end <= p.start {
            f64::from(p.start - q.end + 1)
        } else {
            0.0
        };
        let (dy, dz) = (f64::from(p.row.abs_diff(q.row)), f64::from(p.slice.abs_diff(q.slice)));
        (dx * spacing[0]).powi(2) + (dy * spacing[1]).powi(2) + (dz * spacing[2]).powi(2) <= reach2
    };
    // runs are in order of slice and row: only those of near rows are asked
    a.runs.iter().any(|p| {
        (p.slice.saturating_sub(steps[2])..=p.slice + steps[2]).any(|slice| {
            let first = (slice, p.row.saturating_sub(steps[1]));
            let from = b.runs.partition_point(|q| (q.slice, q.row) < first);
            b.runs[from..]
                .iter()
                .take_while(|q| q.slice == slice && q.row <= p.row + steps[1])
                .any(|q| meet(p, q))
        })
    })
}
