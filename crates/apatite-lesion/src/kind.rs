//! What each candidate is, and which candidates are one lesion.

use std::collections::BTreeMap;

use crate::Kind;
use crate::candidate::{Candidate, ELLIPSOID, Scene};
use crate::grid::Run;
use crate::linear::{norm, sub};
use crate::reason::{Reason, digits, say, whole};
use crate::skeleton::{BLURRED_MM, TRUNK_MM2, Tissue, WITHOUT_WHOLE};
use crate::tip::Tip;
use crate::tube::{Tube, tube};

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
    let chains = chains(&candidates);
    let walls = walls(scene, &candidates, &chains);
    let decided: Vec<(Kind, f64, Reason)> = candidates
        .iter()
        .enumerate()
        .map(|(at, candidate)| {
            scores(scene, &study, candidate, chains[at].as_ref(), walls[at], &candidates).decide()
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
/// Log odds of a vessel against a plain calcification where a wall about a lumen is certain.
const WALL: f64 = 7.0;
/// Log odds against a vessel where all foci of a chain are solid bodies and no lumen is seen.
const SOLID: f64 = 5.0;
/// Broad streaks of metal reach this far, mm.
const STREAKS_MM: f64 = 80.0;
/// Broad streaks of metal stay below this mean, HU.
const PALE_HU: f64 = 240.0;
/// Streaks stay within so many slices, and below this mean and peak, HU.
const SLIVER_SLICES: f64 = 2.0;
const SLIVER_HU: f64 = 300.0;
const SLIVER_PEAK_HU: f64 = 450.0;
/// The bone about an implant and the cortex of a bone fill less than this share of the ellipsoid with its principal axes.
const SHELL_COMPACT: f64 = 0.3;
/// The circle of reconstruction touches the sides of the field: what it cuts lies beyond this share of its radius.
const CIRCLE: f64 = 0.75;
/// Sharpening the edge between air and skin yields less than this, HU.
const OVERSHOOT_HU: f64 = 320.0;
/// Ossification after an operation lies within this of the implant, mm.
const IMPLANT_MM: f64 = 60.0;

/// The mean of a small bone that shows no marrow is above this, HU.
const SOLID_CORTEX_HU: f64 = 700.0;
/// A terminal phalanx is larger than this, mm³.
const PHALANX_MM3: f64 = 150.0;
/// The sesamoids of the fingers are at least this large, mm³.
const SESAMOID_MM3: f64 = 18.0;
/// The middle of a small bone is fainter than its shell by more than this share, and surely by this range more; that of a
/// solid body is denser.
const HOLLOW: f64 = 0.25;
const HOLLOW_RANGE: f64 = 0.25;
/// Of a small shell about marrow that lies alone the middle is fainter by this share, and it fills this share of the
/// ellipsoid with its principal axes.
const OSSICLE_HOLLOW: f64 = 0.25;
const OSSICLE_HOLLOW_RANGE: f64 = 0.12;
const OSSICLE_COMPACT: f64 = 0.92;
/// So many bodies free of bone are those of a disease that puts calcium everywhere, and not small bones.
const MANY: usize = 6;
/// Log odds of bone for what hangs alone on a large bone where the field cuts it, a corner of a process that is smaller
/// than this, mm³: of a tumour on bone more is seen.
const CUT_ON_BONE: f64 = 2.5;
const CORNER_MM3: f64 = 1500.0;
/// Log odds of bone for a bit so near bone (mm) that the edge of the volume cuts.
const CUT_BESIDE_BONE: f64 = 4.0;
const BIT_MM: f64 = 12.0;
/// Noise is dust: it fills less than this share of the ellipsoid with its principal axes.
const DUST: f64 = 0.3;
/// The shafts of fingers and toes lie within this of the next bone, mm; of smaller rods (mm³) many are deposits.
const ROD_MM: f64 = 6.5;
const ROD_MM3: f64 = 180.0;
/// Log odds of bone for a long round rod in hand or foot.
const ROD: f64 = 4.5;
/// Skin is thinner than this (four standard deviations), mm.
const SKIN_MM: f64 = 2.5;
/// A film of brightened skin is so many times as long as thick, and its mean stays below this, HU: a deposit in skin is
/// rounder or denser.
const FILM_LENGTH: f64 = 4.0;
const RIM_HU: f64 = 240.0;
/// A film bent about a bone is thinner than this (four standard deviations, mm) and fills less than this share of the
/// ellipsoid with its principal axes; its log odds of bone.
const BENT_MM: f64 = 4.5;
const BENT_COMPACT: f64 = 0.52;
const BENT: f64 = 1.6;
/// So many faint films at the skin are of its brightened rim.
const FILMS: usize = 6;
/// Of what lies about a cast or clothing, air is more than this share.
const IN_AIR: f64 = 0.7;
/// They are longer than this (four standard deviations), mm.
const WORN_MM: f64 = 30.0;
/// The shell that metal blooms into is thinner than this (four standard deviations), mm.
const BLOOM_MM: f64 = 5.0;
/// The ridges of a shaft are lower than this (four standard deviations), mm.
const RIDGE_MM: f64 = 8.0;
/// A vertebra of the coccyx is smaller than this, mm³.
const COCCYX_MM3: f64 = 2000.0;
/// Smaller crumbs so near bone that its blur may hide what they hang on are bone, mm³.
const CRUMB_MM3: f64 = 15.0;
/// In slices that blur it with bone, what has fewer voxels.
const CRUMB_VOXELS: f64 = 30.0;
/// A larger layer on bone is judged by its form alone, mm³.
const FILM_MM3: f64 = 300.0;

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
    /// No bone of the region is small and whole but those of the coccyx.
    without_whole: bool,
    /// The region may hold a patella or sesamoids.
    sesamoids: bool,
    /// A sharp kernel brightens the skin: there are films of it.
    films: bool,
    /// At most two bodies of a size that can be told lie free of bone, apart from what is as large as a patella.
    lone: bool,
    /// Many such bodies do.
    many: bool,
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
        let small = scene.skeleton.small_bones;
        const WITHOUT: [&str; 6] = ["hip", "pelvis", "buttock", "thigh", "upper_arm", "shoulder"];
        const LIMB: [&str; 10] =
            ["upper_arm", "elbow", "forearm", "wrist", "hand", "thigh", "knee", "leg", "ankle", "foot"];
        let of = |sites: &[&str]| scene.site.is_some_and(|site| sites.contains(&site));
        Self {
            small,
            hand_or_foot: scene.skeleton.hand_or_foot,
            trunk,
            without_whole: of(&WITHOUT_WHOLE),
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
            shells: candidates.iter().filter(|candidate| is_compact(candidate)).count(),
            contrast: scene.volume.acquisition.contrast_agent == Some(true) || (trunk && pools),
        }
    }
}

fn scores(
    scene: &Scene,
    study: &Study,
    candidate: &Candidate,
    chain: Option<&Chain>,
    wall: Option<Tube>,
    all: &[Candidate],
) -> Scores {
    let mut scores = Scores::new();
    let [long, middle, short] = candidate.axes_mm;
    let volume = candidate.volume_mm3;
    let ellipsoid = ELLIPSOID * long * middle * short;
    let blurred = scene.coarse.edge_mm() > BLURRED_MM;
    let voxel_mm3 = candidate.spacing_mm().into_iter().product::<f64>();
    // metal
    if candidate.metal_mm <= 0.0 || candidate.max_hu >= f64::from(scene.metal_hu) {
        scores.add(Kind::Metal, 10.0, say("up to {} HU", [whole(candidate.max_hu)]));
    } else if candidate.metal_mm < 3.0 {
        // blooming is as thin as the blur
        let thick = (short - BLOOM_MM).clamp(0.0, 3.0);
        scores.add(Kind::Artefact, 3.5 - 2.0 * thick, say("blooming of metal", []));
    } else if candidate.metal_mm < STREAKS_MM {
        let streak = ((candidate.noise_hu / scene.noise_hu.max(1.0)).ln() * 2.5).clamp(0.0, 3.5);
        let weak = ((60.0 - volume) / 25.0).clamp(-3.0, 2.0);
        let near = if candidate.metal_mm < 40.0 { streak + weak } else { 0.0 };
        // a broad streak is as smooth within as the tissue it brightens, and large; new bone is denser
        let pale = ((PALE_HU - candidate.mean_hu) / 7.0).clamp(0.0, 10.0);
        // whatever its density, what lies within a slice or two and is drawn out there has the form of a streak
        let slices = (candidate.high[2] - candidate.low[2]) as f64;
        let flat = slices <= SLIVER_SLICES && long > (slices + 1.0) * slices * candidate.spacing_mm()[2];
        let faint = candidate.mean_hu < SLIVER_HU && candidate.max_hu < SLIVER_PEAK_HU;
        let sliver = if flat && faint { 8.0 } else { 0.0 };
        scores.add(Kind::Artefact, near.max(pale).max(sliver), say("in the streaks of metal", []));
    }
    // where air meets skin, a sharp kernel brightens the skin; under a cast or blanket, it is no border of the body;
    // where there are many films, what is as faint is another
    let film = is_film(candidate) || study.films;
    let sheet = short < SKIN_MM && candidate.around.fat > 0.3;
    let (air, most_hu) = if film { (0.14, RIM_HU) } else { (0.35, 200.0) };
    if candidate.around.air > air
        && (candidate.skin_mm < 4.0 || sheet)
        && candidate.mean_hu < most_hu
        && candidate.max_hu < OVERSHOOT_HU + if film { 2.0 * candidate.noise_hu } else { 0.0 }
    {
        scores.add(Kind::Artefact, 8.0, say("a faint rim of the skin", []));
    }
    // skin has the body on its other side; of a short deposit in thin skin little more is seen than air
    if candidate.around.air > IN_AIR && long > WORN_MM {
        scores.add(Kind::Artefact, 8.0, say("in the air around the body, as a cast is", []));
    }
    // noise
    let faint = (9.0 - candidate.signal).clamp(-3.0, 3.0);
    scores.add(Kind::Artefact, faint, say("rises {} times its noise only", [whole(candidate.signal)]));
    // the highest of many voxels of noise rises by four or five times its standard deviation
    let peak = (candidate.max_hu - candidate.ground_hu) / candidate.noise_hu;
    if peak < 7.0 {
        scores.add(
            Kind::Artefact,
            (7.0 - peak) * 2.0,
            say("its peak is {} times the noise above the tissue around it", [digits(peak, 1)]),
        );
        if volume < DUST * ellipsoid {
            scores.add(Kind::Artefact, 4.0, say("scattered voxels, as noise is", []));
        }
    }
    // in the end of a digit lies its terminal phalanx, which is larger, and no sesamoid
    let tip = if study.hand_or_foot && volume < PHALANX_MM3 && candidate.deposit.is_none() {
        Tip::of(scene, &candidate.runs).probability()
    } else {
        0.0
    };
    // bone: shell and marrow, cut by the edge, smooth, beside bone
    // a bone of hand or foot is one compact body, a mass of many nodules is not
    let lobed = volume > 1500.0 && volume < 0.75 * ellipsoid;
    let shaft = beside_shaft(scene, candidate);
    if let Some(rim) = candidate.rim {
        let ratio = (rim.shell_hu + 100.0) / (rim.core_hu + 100.0).max(20.0);
        if rim.core_mm3 > 0.08 * rim.filled_mm3 {
            let marrow = (rim.core_hu > 95.0 || rim.core_hu < -10.0) as u8 as f64;
            // shell and marrow beside bone are bone, unless an implant or the distance makes ossification likelier
            let unlikely = shaft || !scene.skeleton.metal_mm.is_empty() || candidate.bone_mm > 12.0;
            // where no bone is whole, a whole one is new
            let new = study.without_whole && !candidate.on_edge && volume > COCCYX_MM3;
            let scale = match (candidate.deposit.is_some(), study.small) {
                // new bone, about an implant or on a shaft, has shell and marrow like any other
                (true, _) if shaft || candidate.metal_mm < IMPLANT_MM => 0.0,
                (true, _) => 0.4,
                (false, _) if new => 0.0,
                (false, true) => 1.0,
                (false, false) => {
                    if unlikely {
                        0.4
                    } else {
                        1.2
                    }
                }
            };
            let weight = ((ratio - 1.3) * 3.0).clamp(-1.5, 2.0) * (0.6 + 0.6 * marrow) * scale;
            let cortex = ((rim.shell_hu - 450.0) / 120.0).clamp(-2.0, 2.0);
            scores.add(
                Kind::BoneOrVariant,
                weight + cortex * 0.7 * scale,
                say("shell of {} HU around {} HU", [rim.shell_hu, rim.core_hu].map(whole)),
            );
        }
    }
    if let Some(deposit) = candidate.deposit {
        // this evidence replaces the prior; about an implant new bone is common
        let favour = if blurred {
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
    } else if study.hand_or_foot
        && candidate.max_hu > 850.0
        && volume > 40.0
        && candidate.mean_hu > 420.0
        && !lobed
    {
        // deposits of a hand are chalk or crumbs, and seldom as dense as cortex throughout
        let throughout = ((candidate.mean_hu - SOLID_CORTEX_HU) / 150.0).clamp(0.0, 1.5);
        scores.add(
            Kind::BoneOrVariant,
            (3.2 + throughout) * (1.0 - tip),
            say("as dense as the cortex of a small bone of hand or foot", []),
        );
    }
    if candidate.bone_mm > 12.0 && !candidate.on_edge {
        // bones articulate
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
    // bones articulate: one that is mostly within lies beside another
    let clipped = candidate.clipped && candidate.bone_mm > BIT_MM;
    if candidate.on_side && candidate.deposit.is_none() && !clipped {
        scores.add(Kind::BoneOrVariant, 5.0, say("cut by the side of the field", []));
    }
    // a smooth compact body of the density of cortex beside a joint: patella, sesamoid
    if study.sesamoids
        && !candidate.attached
        && volume > 1500.0
        && candidate.bone_mm < 10.0
        && candidate.max_hu > 900.0
        && volume > 0.85 * ellipsoid
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
    // a small bone that stands alone, on another or beside it: fabella, os trigonum, end of the coccyx
    if !study.small
        && study.lone
        && study.shells <= 2
        && !shaft
        && candidate.metal_mm > IMPLANT_MM
        && candidate.bone_mm < 8.0
        && candidate.max_hu > 500.0
        && is_compact(candidate)
    {
        let hollow = ((candidate.closed.hollow - OSSICLE_HOLLOW) / OSSICLE_HOLLOW_RANGE).clamp(0.0, 1.0);
        // how it hangs on bone says nothing then
        let hanging = candidate.deposit.map_or(0.0, |deposit| (deposit + FAVOUR).max(0.0));
        scores.add(
            Kind::BoneOrVariant,
            (4.5 + hanging) * hollow,
            say("a lone small shell about marrow beside bone, as an accessory bone is", []),
        );
    }
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
    // a deposit of a hand is seldom a long round rod, and the shaft of a small bone always is
    if study.hand_or_foot && !shaft && volume > ROD_MM3 && candidate.bone_mm < ROD_MM && short > 0.7 * middle
    {
        let rod = ((long / middle - 1.5) / 0.7).clamp(0.0, 1.0);
        let compact = ((candidate.closed.compact - 0.7) / 0.08).clamp(0.0, 1.0);
        scores.add(
            Kind::BoneOrVariant,
            ROD * rod * compact,
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
    if candidate.on_edge && candidate.max_hu > 350.0 {
        // where many deposits are, one that is cut is likelier another
        let weight = match candidate.deposit {
            _ if study.many || clipped => 0.0,
            // the rest of a process lies beyond
            Some(_) if study.lone && !study.small && volume < CORNER_MM3 => CUT_ON_BONE,
            None if volume > 300.0 => 3.0 + ((volume / 1500.0).ln()).clamp(-1.0, 1.5),
            // the first slices of a process: of vertebrae and shoulder blade several are cut at once
            None if !study.small && candidate.bone_mm < BIT_MM => CUT_BESIDE_BONE,
            _ => 0.0,
        };
        scores.add(Kind::BoneOrVariant, weight, say("cut by the edge of the volume", []));
    }
    if candidate.deposit.is_some() {
        // where cortex is a little thicker than about it, its surface is left over as a film
        if volume < FILM_MM3 {
            let odds = film_odds(long, short, candidate.closed.compact);
            scores.add(Kind::BoneOrVariant, odds, say("a film on the surface of bone", []));
        }
        // judged with the bone it hangs on, of which a crumb of it tells little
        if volume < 20.0 {
            scores.add(Kind::BoneOrVariant, 2.0, say("a fragment on the surface of bone", []));
        }
    } else if (candidate.bone_mm < 2.0 && volume < 40.0)
        || (candidate.bone_mm < 3.0 && volume < CRUMB_MM3)
        || (candidate.bone_mm < scene.coarse.edge_mm() && blurred && volume < CRUMB_VOXELS * voxel_mm3)
    {
        scores.add(Kind::BoneOrVariant, 5.0, say("a fragment on the surface of bone", []));
    } else if candidate.bone_mm < 3.0 && volume < 60.0 && !candidate.attached {
        scores.add(Kind::BoneOrVariant, 2.0, say("a fragment on the surface of bone", []));
    }
    // viscera
    if study.trunk {
        let deep = candidate.skin_mm > 35.0 && candidate.skin_mm.is_finite();
        let away = candidate.bone_mm > 7.0;
        if deep && away && central(scene, candidate) {
            // bone forms about an implant
            let weight = if candidate.metal_mm < IMPLANT_MM { 3.0 } else { 8.5 };
            scores.add(
                Kind::BoneOrVariant,
                weight,
                say("deep in the trunk, in the position of an organ", []),
            );
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
        && candidate.skin_mm.is_finite()
        && candidate.skin_mm > 56.0
        && candidate.bone_mm > 22.0
        && volume < 2000.0
    {
        // the depth of a limb is where its bone is
        scores.add(
            Kind::BoneOrVariant,
            6.0,
            say("deeper than a limb and far from bone, in the position of an organ", []),
        );
    }
    if study.ring && !candidate.on_side && enclosed_by_bone(scene, candidate) {
        scores.add(
            Kind::BoneOrVariant,
            5.0,
            say("within the ring of the pelvis or chest, in the position of an organ", []),
        );
    }
    if study.contrast {
        let soft = candidate.mean_hu < 300.0 && candidate.max_hu < 600.0;
        scores.add(
            Kind::Contrast,
            if soft { 6.0 } else { 0.5 },
            say("of the density of contrast in a study with contrast", []),
        );
        if candidate.around.enhanced > 0.15 {
            scores.add(Kind::Contrast, 2.0, say("surrounded by enhanced tissue", []));
        }
    }
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
    if let Some(Company { round, share }) = company {
        let weight = 2.2 + 0.4 * (round as f64 - 3.0).min(5.0) + 2.5 * (share - LEAST_ROUND);
        scores.add(
            Kind::Vascular,
            weight,
            say("one of {} round bodies in soft tissue, as phleboliths are", [round.to_string()]),
        );
    }
    if shaft && (candidate.deposit.is_none() || short > RIDGE_MM) {
        // sesamoids, patella and processes lie at joints; ridges run along shafts, and are low
        scores.add(Kind::BoneOrVariant, -3.0, Reason::default());
    }
    // beside larger deposits a small one is likelier one of them
    let few = all.iter().filter(|other| other.volume_mm3 > 10.0).count() <= 5;
    if few && volume < 150.0 && candidate.skin_mm > 25.0 && candidate.bone_mm > 10.0 && !candidate.attached {
        scores.add(Kind::Vascular, 2.4, say("one of few small foci where vessels run", []));
    }
    // one small round or linear focus deep between muscles
    if volume < 250.0 && short < 6.0 && candidate.skin_mm > 12.0 && candidate.bone_mm > 5.0 {
        scores.add(Kind::Vascular, 0.8, say("small focus in the depth", []));
        if long > 2.5 * middle && long > 8.0 {
            scores.add(Kind::Vascular, 0.8, say("linear", []));
        }
    }
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

/// In soft tissue, away from bone.
fn off_bone(candidate: &Candidate) -> bool {
    candidate.bone_mm > 3.0 && !candidate.attached
}

/// Round, smooth and small, deep to the skin and off the bone.
fn is_round(candidate: &Candidate) -> bool {
    let [long, middle, short] = candidate.axes_mm;
    short > 0.6 * long
        && (10.0..350.0).contains(&candidate.volume_mm3)
        && candidate.volume_mm3 > 0.75 * ELLIPSOID * long * middle * short
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
}

/// Share of the foci of a place that are round where it is one of round bodies.
const LEAST_ROUND: f64 = 0.6;

/// The round bodies within 80 mm of a round one, itself counted, where there are at least three and most of the foci
/// there are round.
fn round_company(candidate: &Candidate, all: &[Candidate]) -> Option<Company> {
    if !is_round(candidate) {
        return None;
    }
    let near = |other: &&Candidate| norm(sub(other.centre_mm, candidate.centre_mm)) < 80.0;
    let foci = all.iter().filter(near).filter(|other| other.volume_mm3 > 10.0).count();
    let round = all.iter().filter(near).filter(|other| is_round(other)).count();
    let share = round as f64 / foci as f64;
    (round >= 3 && share >= LEAST_ROUND).then_some(Company { round, share })
}

/// Whether some of the runs lie as far from the middle of their slices, of `size` voxels, as the circle of reconstruction.
fn beyond_circle(size: [usize; 3], runs: &[Run]) -> bool {
    let out = |axis: usize, at: u32| (2.0 * (f64::from(at) + 0.5) / size[axis] as f64 - 1.0).abs();
    runs.iter().any(|run| out(0, run.start).max(out(0, run.end - 1)).hypot(out(1, run.row)) > CIRCLE)
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
    let bent = ((BENT_COMPACT - compact) / 0.1).clamp(0.0, 1.0) * BENT;
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

/// A row of foci along a smooth line.
struct Chain {
    weight: f64,
    reason: Reason,
    /// The foci, by their place among the candidates.
    members: Vec<usize>,
    /// Share of them that are solid bodies.
    solid: f64,
}

/// A body as thick as it is wide and not long, that the voxels resolve: a plaque of a wall is a plate bent about the
/// lumen, thin against its width, and a small vessel that is calcified throughout is a long rod.
fn is_solid(candidate: &Candidate) -> bool {
    let [long, middle, short] = candidate.axes_mm;
    let voxel_mm = candidate.spacing_mm().into_iter().fold(0.0, f64::max);
    candidate.volume_mm3 > 0.75 * ELLIPSOID * long * middle * short
        && short > 0.7 * middle
        && short > 2.5_f64.max(2.0 * voxel_mm)
        && long < 4.0 * middle
}

/// The wall about a lumen that each candidate in soft tissue is part of, alone or with its chain; the likelier of the
/// two.
fn walls(scene: &Scene, candidates: &[Candidate], chains: &[Option<Chain>]) -> Vec<Option<Tube>> {
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
fn chains(candidates: &[Candidate]) -> Vec<Option<Chain>> {
    let small: Vec<usize> = (0..candidates.len())
        .filter(|&at| {
            let c = &candidates[at];
            let [long, middle, short] = c.axes_mm;
            // a plate of the wall fills little of its ellipsoid; a solid nodule is no plate
            let solid = c.volume_mm3 > 0.55 * ELLIPSOID * long * middle * short && long < 2.5 * middle;
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
            let size = |c: &Candidate| c.volume_mm3.cbrt() * 1.24;
            let reach = (0.45 * size(a).max(size(b))).clamp(2.5, 10.0);
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
