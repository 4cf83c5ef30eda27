//! Which cells of the coarse grid are bone, which are metal, and which dense pieces hang on bone without being bone.
//!
//! A threshold cannot tell bone from a deposit, so anatomy has to: a bone is a shell around marrow. The marrow of every
//! bone is found first (enclosed, or less dense than its shell); cortex is what lies within the local thickness of the
//! cortex of such marrow; what is connected to a bone but lies further from any marrow than the cortex around it is
//! thick is a *piece*: a ridge or process of the bone when thin or broad and low, a deposit when it bulges or hangs on
//! a narrow neck.

mod cortex;
mod marrow;
mod piece;
mod solid;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use self::cortex::Cortex;
use self::marrow::{
    ENCLOSED, Features, IMPLANT_BED_MM, basins, close_marrow, enclosure, majority, marrow_score,
    wall_thickness,
};
use self::piece::Bones;
pub(crate) use self::piece::{BLURRED_MM, FUSED_MM};
use self::solid::{Solid, solid};
use crate::grid::{Connectivity, Grid, box_mean, components, distance2, distance2_within};
use crate::linear::median;
use crate::scan::Coarse;

/// What a cell of the coarse grid is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tissue {
    /// Soft tissue, air, anything not dense.
    Soft,
    /// Dense and connected to no bone.
    Separate,
    /// Connected to a bone, outside its cortex, and not bone.
    Attached,
    /// Cortex or marrow.
    Bone,
    /// Cortex or marrow of a body that articulates with no bone: a bone that stands alone, or mature ossification.
    Lone,
    /// Metal and what blooms around it.
    Metal,
}

/// The skeleton on the coarse grid.
#[derive(Debug)]
pub(crate) struct Skeleton {
    pub(crate) tissue: Vec<Tissue>,
    /// Distance of every cell to the nearest bone, mm; infinite without bone.
    pub(crate) bone_mm: Vec<f32>,
    /// Distance to metal, mm; empty without metal.
    pub(crate) metal_mm: Vec<f32>,
    /// Whether metal makes streaks in each layer of cells; empty without metal.
    pub(crate) streaked: Vec<bool>,
    /// Volume of metal, mm³.
    pub(crate) metal_mm3: f64,
    /// The region is one of many small bones: hand or foot.
    pub(crate) small_bones: bool,
    /// And it is no forearm and no elbow.
    pub(crate) hand_or_foot: bool,
    /// Cells of pieces that hang on bone, with the log odds that the piece is a deposit and not bone.
    pub(crate) deposit: BTreeMap<u32, f32>,
}

/// What the anatomy alone tells.
struct Anatomy {
    tissue: Vec<Tissue>,
    small_bones: bool,
    hand_or_foot: bool,
    deposit: BTreeMap<u32, f32>,
}

/// The section of a trunk is larger than this, mm².
pub(crate) const TRUNK_MM2: f64 = 42_000.0;
/// Narrower than a thigh or knee, mm².
const SMALL_SECTION_MM2: f64 = 6000.0;
/// A foot cut along its length is narrower than this, mm².
const HAND_OR_FOOT_MM2: f64 = 40_000.0;
/// The marrow of the bones of hand and foot is smaller than this, mm³.
const SMALL_BONE_MM3: f64 = 15_000.0;
/// A space of at least this (mm³) in a deposit or a loose body is rare.
const MARROW_OF_SMALL_BONE_MM3: f64 = 250.0;
/// No knee, elbow, hip or shoulder shows so many small bones whole.
const WHOLE_SMALL_BONES: usize = 8;
/// A hand shows at least so many whole; or it shows nothing but fingers, whose bones have less marrow than this, mm³.
const BONES_OF_HAND: usize = 3;
const MARROW_OF_FINGERS_MM3: f64 = 3000.0;
/// Half of the bones of a foot have less marrow than this (mm³): phalanges and most metatarsals.
const TINY_BONE_MM3: f64 = 2500.0;
/// Of shafts, the longest axis of the marrow in view over the middle one is at least this.
const SHAFT_ELONGATION: f64 = 3.5;
/// The section of a leg at the knee is smaller, that of a hip larger, mm².
const KNEE_MM2: f64 = 17_000.0;
/// As many shafts as two legs or two forearms show.
const SHAFTS: usize = 4;
/// Marrow of less than this (mm³) does not say what bones are in view.
const MARROW_OF_BONE_MM3: f64 = 800.0;
/// The marrow of a phalanx that the field does not cut is smaller than this, mm³.
const PHALANX_MM3: f64 = 1500.0;
/// The neck between a process and its bone is wider than this share of the size of its marrow (mm² over mm³ to the power of
/// two thirds); leaks between deposits and bone are a tenth of it.
const WIDE_NECK: f64 = 0.25;
/// Sites where no bone is small and whole; what marrow of such a one holds, mm³, and the share of [`WIDE_NECK`]'s kind below
/// which spaces do not open into each other but leak.
pub(crate) const WITHOUT_WHOLE: [&str; 4] = ["hip", "pelvis", "buttock", "thigh"];
const WHOLE_MM3: std::ops::Range<f64> = 600.0..40_000.0;
const LEAK: f64 = 0.12;
/// Sites that show no hand and no foot.
const OF_LARGE_BONES: [&str; 13] = [
    "skull_face",
    "jaw",
    "neck",
    "spine",
    "chest_wall",
    "abdominal_wall",
    "shoulder",
    "upper_arm",
    "pelvis",
    "hip",
    "buttock",
    "thigh",
    "knee",
];
/// In hand and foot nearly all spaces of at least this size (mm³) are the marrow of one of their many bones: the log odds
/// are higher by this much.
const TOLD_MM3: f64 = 25.0;
const MARROW_IN_SMALL: f64 = 1.2;
/// Bones of one skeleton are closer to each other than twice this, mm.
const ARTICULATION_MM: f32 = 2.5;
/// Walls of marrow are denser than this where the picture is not blurred, HU.
const WALL_HU: f64 = 450.0;
/// Of the walls of the bones of a study, half being denser than the median, all but few are denser than this share of it.
const WALL_SHARE: f64 = 0.75;
/// However blurred, no wall of marrow is fainter than this, HU.
const LEAST_WALL_HU: f64 = 320.0;
/// Fewer bones do not tell how dense the cortex of a study is.
const LEAST_BONES: usize = 5;
/// A body that the field cuts is a bone if it is larger than this, mm³, and somewhere denser than this, HU.
const CUT_MM3: f64 = 800.0;
const CUT_HU: f32 = 350.0;
/// What the field cuts in a section smaller than this share of its size (mm² over mm³ to the power of two thirds) lies mostly
/// within it: what it is has to be seen from its form. Of a trunk, the ribs run along the edge.
const CLIPPED: f64 = 0.4;
/// The share of that below which it is no bone in a trunk, either.
const WALL_OF_VESSEL: f64 = 0.42;
/// Unless so many larger than this (mm³) lie free, and they cannot be ribs.
const MANY_FREE: usize = 5;
const FREE_MM3: f64 = 100.0;
/// Muscle is about this dense, HU; where mineral begins less than so many times the noise of a cell above it, some cells
/// of muscle are as dense.
const MUSCLE_HU: f64 = 60.0;
const SPECKLED: f64 = 3.0;
/// A dense cell that fewer of its 26 neighbours share is a speck of noise.
const LEAST_TOUCHING: usize = 5;
/// So many cells of metal in a slice make streaks in it.
const CELLS_OF_METAL: usize = 20;
/// Fewer neighbours than this share a dense cell that is no part of a body and lies on no surface.
const OF_SURFACE: usize = 9;
/// Spaces whose inscribed ball is smaller than this (mm) are not parted from their neighbours, in large and in small
/// sections of the body.
const NARROW_MM: f32 = 3.0;
const NARROW_SMALL_MM: f32 = 1.8;

/// What of the body is in view.
pub(crate) struct View {
    /// Size of the volume, voxels.
    pub(crate) size: [usize; 3],
    /// The widest axial section of the body, mm².
    pub(crate) section_mm2: f64,
    /// The site of the vocabulary, where one is told.
    pub(crate) site: Option<&'static str>,
}

/// Finds the skeleton. `dense_hu` separates mineral from soft tissue in the mean of a cell; `given` marks cells that
/// a bone mask made elsewhere calls bone. `noise_hu` is the noise of a voxel.
pub(crate) fn skeleton(
    coarse: &Coarse,
    view: &View,
    noise_hu: f64,
    dense_hu: f32,
    metal_hu: i16,
    given: Option<&[bool]>,
) -> Skeleton {
    let grid = &coarse.grid;
    let mut dense: Vec<bool> = coarse.mean.par_iter().map(|&mean| mean >= dense_hu).collect();
    if f64::from(dense_hu)
        < MUSCLE_HU + SPECKLED * noise_hu / (coarse.block.iter().product::<usize>() as f64).sqrt()
    {
        dense = without_specks(grid, &dense);
    }
    let metal = metal_cells(coarse, metal_hu);
    let solid = solid(coarse, &dense);
    let has_metal = metal.iter().any(|&metal| metal);
    let metal_mm: Vec<f32> = if has_metal { roots(distance2(grid, |cell| metal[cell])) } else { Vec::new() };
    let streaked = slices_of_metal(grid, &metal_mm);
    let Anatomy { mut tissue, small_bones, hand_or_foot, deposit } = match given {
        Some(given) => Anatomy {
            tissue: from_mask(grid, &solid, given),
            small_bones: view.section_mm2 <= SMALL_SECTION_MM2,
            hand_or_foot: view.section_mm2 <= SMALL_SECTION_MM2,
            deposit: BTreeMap::new(),
        },
        None => from_anatomy(coarse, view, &solid, &metal_mm, &streaked),
    };
    if has_metal {
        let bloom = bloom_mm(coarse.edge_mm());
        for (cell, tissue) in tissue.iter_mut().enumerate() {
            if metal[cell] || (metal_mm[cell] <= bloom && *tissue != Tissue::Soft && *tissue != Tissue::Bone)
            {
                *tissue = Tissue::Metal;
            }
        }
    }
    let bone_mm = roots(distance2(grid, |cell| tissue[cell] == Tissue::Bone));
    let count = |wanted: Tissue| tissue.iter().filter(|&&tissue| tissue == wanted).count() as f64;
    let metal_mm3 = count(Tissue::Metal) * grid.cell_mm3();
    Skeleton { tissue, bone_mm, metal_mm, streaked, metal_mm3, small_bones, hand_or_foot, deposit }
}

/// How far a dense shell of partial volume and streaks surrounds metal, mm, in cells of the given longest edge, mm.
fn bloom_mm(edge_mm: f64) -> f32 {
    (1.2 * edge_mm).max(2.0) as f32
}

/// Without the cells that too few others touch: specks of noise, which make bridges between bone and what lies beside
/// it. Of the 26 about a cell of a surface or a plate, at least eight belong to it.
fn without_specks(grid: &Grid, dense: &[bool]) -> Vec<bool> {
    (0..grid.len())
        .into_par_iter()
        .map(|cell| dense[cell] && alike(grid, cell, |other| dense[other]) >= LEAST_TOUCHING)
        .collect()
}

/// How many of the 26 about a cell are what is asked for.
fn alike(grid: &Grid, cell: usize, is: impl Fn(usize) -> bool) -> usize {
    let mut count = 0;
    grid.neighbours26(cell, |other| count += usize::from(is(other)));
    count
}

/// Distances of squared ones.
fn roots(mut squares: Vec<f32>) -> Vec<f32> {
    squares.par_iter_mut().for_each(|value| *value = value.sqrt());
    squares
}

fn metal_cells(coarse: &Coarse, metal_hu: i16) -> Vec<bool> {
    let (labels, counts) =
        components(&coarse.grid, Connectivity::Corner, |cell| coarse.peak[cell] >= metal_hu);
    // a lone peak is noise or enamel; metal fills cells
    let mut full = vec![0_usize; counts.len()];
    for (cell, &label) in labels.iter().enumerate() {
        if coarse.mean[cell] >= 0.6 * f32::from(metal_hu) {
            full[label as usize] += 1;
        }
    }
    labels.iter().map(|&label| label > 0 && full[label as usize] > 0).collect()
}

/// With a bone mask from elsewhere: the mask and one ring of dense cells around it are bone; what else is dense is
/// attached or separate.
fn from_mask(grid: &Grid, solid: &[Solid], given: &[bool]) -> Vec<Tissue> {
    let mut bone = given.to_vec();
    for cell in (0..grid.len()).filter(|&cell| given[cell]) {
        grid.neighbours6(cell, |other| bone[other] |= solid[other] != Solid::Outside);
    }
    let (labels, counts) =
        components(grid, Connectivity::Corner, |cell| bone[cell] || solid[cell] != Solid::Outside);
    let mut skeletal = vec![false; counts.len()];
    for (cell, &label) in labels.iter().enumerate() {
        skeletal[label as usize] |= bone[cell];
    }
    (0..grid.len())
        .map(|cell| match (bone[cell], solid[cell]) {
            (true, _) => Tissue::Bone,
            (false, Solid::Outside) => Tissue::Soft,
            (false, _) if skeletal[labels[cell] as usize] => Tissue::Attached,
            (false, _) => Tissue::Separate,
        })
        .collect()
}

fn from_anatomy(
    coarse: &Coarse,
    view: &View,
    solid: &[Solid],
    metal_mm: &[f32],
    streaked: &[bool],
) -> Anatomy {
    let &View { size, section_mm2, site } = view;
    let grid = &coarse.grid;
    let edge = coarse.edge_mm();
    let is_solid = |cell: usize| solid[cell] != Solid::Outside;
    let walls = || {
        let smooth = box_mean(grid, &coarse.mean, grid.spacing_mm.map(|step| (0.8 / step) as usize));
        enclosure(grid, &smooth, &is_solid)
    };
    let ((depth, (bodies, body_counts)), (share, level)) = rayon::join(
        || {
            let depth = || roots(distance2(grid, |cell| !is_solid(cell)));
            rayon::join(depth, || components(grid, Connectivity::Corner, is_solid))
        },
        walls,
    );
    let deep = (0.9 * edge).clamp(0.5, 2.0) as f32;
    let first: Vec<bool> = (0..grid.len())
        .into_par_iter()
        .map(|cell| is_solid(cell) && depth[cell] >= deep && share[cell] >= ENCLOSED)
        .collect();
    let slender = section_mm2 <= SMALL_SECTION_MM2;
    // what an implant fills is deep, too
    let filled = majority(grid, &first, &share, &depth, slender && metal_mm.is_empty());
    let narrow = if slender { NARROW_SMALL_MM } else { NARROW_MM };
    let (mut marrow, split) = basins(grid, &filled, narrow);
    let mut spaces = vec![Features::default(); split.len()];
    for (cell, &label) in marrow.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let position = grid.position(cell);
        let point = std::array::from_fn(|axis| position[axis] as f64 * grid.spacing_mm[axis]);
        let space = &mut spaces[label as usize];
        space.add(point, coarse.mean[cell], level[cell], at_volume_edge(coarse, size, cell));
        space.metal_mm = space.metal_mm.min(metal_mm.get(cell).copied().unwrap_or(f32::INFINITY));
        for (reached, at_end) in space.ends.iter_mut().zip(at_ends(coarse, size, 2, position[2])) {
            *reached |= at_end;
        }
    }
    let walls = wall_thickness(grid, &marrow, spaces.len(), &depth, &is_solid);
    let likely = likely_bones(&spaces, &walls, grid.cell_mm3());
    let bones: Vec<(f64, bool)> =
        likely.iter().map(|space| (space.cells as f64 * grid.cell_mm3(), space.on_edge)).collect();
    let of_large_bones = site.is_some_and(|site| OF_LARGE_BONES.contains(&site));
    let small_bones =
        slender || (section_mm2 < HAND_OR_FOOT_MM2 && !of_large_bones && of_hand_or_foot(&bones));
    let large_section = !small_bones;
    let wall_hu = least_wall(&likely);
    let scores: Vec<f64> = spaces
        .iter()
        .zip(&walls)
        .map(|(space, &wall)| {
            if space.cells > 0 {
                let volume = space.cells as f64 * grid.cell_mm3();
                let likely = if small_bones && volume >= TOLD_MM3 { MARROW_IN_SMALL } else { 0.0 };
                likely + marrow_score(space, wall, wall_hu, large_section, grid.cell_mm3())
            } else {
                f64::MIN
            }
        })
        .collect();
    let mut is_bone: Vec<bool> = scores.iter().map(|&score| score > 0.0).collect();
    let contacts = contacts(grid, &marrow);
    join_processes(&contacts, &spaces, grid.cell_mm3(), &mut is_bone);
    let knee = large_section
        && section_mm2 < KNEE_MM2
        && is_hinge(&joined(&contacts, &spaces, grid.cell_mm3(), LEAK, &is_bone), grid.cell_mm3());
    let shafts = !knee && part_from_shafts(&contacts, &spaces, grid.cell_mm3(), large_section, &mut is_bone);
    let ossified = if !knee && site.is_some_and(|site| WITHOUT_WHOLE.contains(&site)) {
        part_whole(&contacts, &spaces, grid.cell_mm3(), &mut is_bone)
    } else {
        BTreeSet::new()
    };
    let hand_or_foot = small_bones && !of_large_bones && !shafts && shows_hand(&bones);
    close_marrow(coarse, &depth, &is_solid, &mut marrow, &is_bone);
    let from_marrow = roots(distance2(grid, |cell| is_bone[marrow[cell] as usize]));
    let mut skeletal = vec![false; body_counts.len()];
    let mut marrowed = vec![false; body_counts.len()];
    let mut whole = vec![Features::default(); body_counts.len()];
    let mut peak = vec![0.0_f32; body_counts.len()];
    let mut cut_mm2 = vec![0.0_f64; body_counts.len()];
    for (cell, &label) in bodies.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let at = label as usize;
        marrowed[at] |= is_bone[marrow[cell] as usize];
        peak[at] = peak[at].max(coarse.mean[cell]);
        let position = grid.position(cell);
        let point = std::array::from_fn(|axis| position[axis] as f64 * grid.spacing_mm[axis]);
        let section = edge_mm2(coarse, size, cell);
        cut_mm2[at] += section;
        whole[at].add(point, coarse.mean[cell], level[cell], section > 0.0);
    }
    let volume = |at: usize| body_counts[at] as f64 * grid.cell_mm3();
    let free = (1..body_counts.len())
        .filter(|&at| !marrowed[at] && !whole[at].on_edge && volume(at) > FREE_MM3 && peak[at] > CUT_HU)
        .count();
    for at in 1..body_counts.len() {
        // ribs run along the edge of a trunk; of a calcified artery that leaves it only the wall is cut
        let least = if section_mm2 <= TRUNK_MM2 { 1.0 } else { WALL_OF_VESSEL };
        let clipped = is_clipped(cut_mm2[at] / least, volume(at));
        // a bone cut by the edge of the field may show no marrow; so may one of many deposits, or what the field clips
        let cut = (free < MANY_FREE || section_mm2 > TRUNK_MM2)
            && whole[at].on_edge
            && volume(at) > CUT_MM3
            && peak[at] > CUT_HU
            && !clipped;
        skeletal[at] = marrowed[at] || cut;
    }
    part_isolated(grid, &bodies, &whole, &mut skeletal);
    let cortex = Cortex::measure(
        grid,
        |cell| {
            (marrowed[bodies[cell] as usize] && depth[cell] <= 1.2 * edge as f32).then(|| from_marrow[cell])
        },
        |cell| (from_marrow[cell] > 0.0 && from_marrow[cell] <= 4.0).then(|| coarse.mean[cell]),
    );
    let beyond = |cell: usize| {
        let body = bodies[cell] as usize;
        body > 0 && marrowed[body] && from_marrow[cell] > cortex.limit(grid.position(cell))
    };
    // what metal joins is not one piece
    let in_bloom = |cell: usize| metal_mm.get(cell).is_some_and(|&mm| mm <= bloom_mm(edge));
    let (pieces, piece_counts) = components(grid, Connectivity::Corner, |cell| {
        beyond(cell) && !is_bridge(grid, streaked, is_solid, cell) && !in_bloom(cell)
    });
    let bones = Bones {
        coarse,
        size,
        depth: &depth,
        is_solid: &is_solid,
        metal_mm,
        from_marrow: &from_marrow,
        cortex: &cortex,
        share: &share,
        large_bones: large_section || shafts,
        shafts,
        slender,
        ossified: &|cell| ossified.contains(&marrow[cell]),
    };
    let attached = bones.judge(&pieces, piece_counts.len());
    let mut tissue: Vec<Tissue> = (0..grid.len())
        .into_par_iter()
        .map(|cell| {
            let body = bodies[cell] as usize;
            match (body > 0, skeletal[body]) {
                (false, _) => Tissue::Soft,
                (true, _) if attached[pieces[cell] as usize].is_some() => Tissue::Attached,
                (true, true) => Tissue::Bone,
                (true, false) if marrowed[body] => Tissue::Lone,
                (true, false) => Tissue::Separate,
            }
        })
        .collect();
    regrow(grid, &mut tissue, &from_marrow, &cortex, edge);
    let deposit =
        (0..grid.len()).filter_map(|cell| Some((cell as u32, attached[pieces[cell] as usize]?))).collect();
    Anatomy { tissue, small_bones, hand_or_foot, deposit }
}

/// Whether metal makes streaks in each slice; empty without metal.
fn slices_of_metal(grid: &Grid, metal_mm: &[f32]) -> Vec<bool> {
    metal_mm
        .chunks(grid.size[0] * grid.size[1])
        .map(|slice| slice.iter().filter(|&&mm| mm <= 0.0).count() >= CELLS_OF_METAL)
        .collect()
}

/// Whether a cell may be dense by a streak alone: by such bridges all that is about an implant would hang together.
fn is_bridge(grid: &Grid, metal: &[bool], is_solid: impl Fn(usize) -> bool, cell: usize) -> bool {
    metal.get(grid.position(cell)[2]).is_some_and(|&metal| metal) && alike(grid, cell, is_solid) < OF_SURFACE
}

/// Spaces that are marrow before it is known what part of the body is in view and how blurred the picture is.
fn likely_bones<'a>(spaces: &'a [Features], walls: &[f64], cell_mm3: f64) -> Vec<&'a Features> {
    let is_marrow = |space: &Features, wall: f64| {
        space.cells > 0 && marrow_score(space, wall, WALL_HU, false, cell_mm3) > 0.0
    };
    spaces
        .iter()
        .zip(walls)
        .filter(|(space, wall)| is_marrow(space, **wall))
        .map(|(space, _)| space)
        .collect()
}

/// The density from which a wall counts as that of marrow: less in a study whose blur makes all cortex fainter.
fn least_wall(bones: &[&Features]) -> f64 {
    if bones.len() < LEAST_BONES {
        return WALL_HU;
    }
    let of_bones = bones.iter().map(|space| space.shell / space.cells as f64).collect();
    (WALL_SHARE * median(of_bones)).clamp(LEAST_WALL_HU, WALL_HU)
}

/// Whether bones, by the volume of their marrow (mm³) and whether the field cuts them, are those of a hand or a foot,
/// whatever its width: several and none of the size of a long bone's end; or, beside heel and ankle which are as large
/// as that, more small ones than any other part of the body has whole in a field.
fn of_hand_or_foot(bones: &[(f64, bool)]) -> bool {
    let all_small = bones.iter().all(|&(volume, _)| volume < SMALL_BONE_MM3);
    let whole: Vec<f64> = bones
        .iter()
        .filter(|&&(volume, cut)| !cut && (MARROW_OF_SMALL_BONE_MM3..SMALL_BONE_MM3).contains(&volume))
        .map(|&(volume, _)| volume)
        .collect();
    // the ribs of a shoulder are as many, but larger
    let tiny = whole.iter().filter(|&&volume| volume < TINY_BONE_MM3).count();
    let many = whole.len() >= WHOLE_SMALL_BONES && 2 * tiny >= whole.len();
    (all_small && bones.len() >= 5) || many
}

/// The area over which spaces meet, mm², by their numbers, the lower first.
fn contacts(grid: &Grid, marrow: &[u32]) -> BTreeMap<(u32, u32), f64> {
    let mut contacts: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    let row = grid.size[0];
    let steps = [1, row, row * grid.size[1]];
    let faces: [f64; 3] = std::array::from_fn(|axis| grid.cell_mm3() / grid.spacing_mm[axis]);
    for (cell, &label) in marrow.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let position = grid.position(cell);
        for axis in (0..3).filter(|&axis| position[axis] + 1 < grid.size[axis]) {
            let other = marrow[cell + steps[axis]];
            if other > 0 && other != label {
                *contacts.entry((label.min(other), label.max(other))).or_default() += faces[axis];
            }
        }
    }
    contacts
}

/// Whether bones, by the volume of their marrow (mm³) and whether the field cuts them, are not those of a part of a
/// forearm, an elbow or an ankle, which shows no small ones whole.
fn shows_hand(bones: &[(f64, bool)]) -> bool {
    let whole = bones.iter().filter(|&&(volume, cut)| !cut && volume >= MARROW_OF_SMALL_BONE_MM3).count();
    whole >= BONES_OF_HAND || bones.iter().all(|&(volume, _)| volume < MARROW_OF_FINGERS_MM3)
}

/// A space that opens wide into the marrow of a bone is that of a process of it (trochanter, tuberosity): it was parted
/// where the bone narrows, but no cortex lies between. Between a bone and ossification on it there is cortex, with leaks
/// at most.
fn join_processes(
    contacts: &BTreeMap<(u32, u32), f64>,
    spaces: &[Features],
    cell_mm3: f64,
    is_bone: &mut [bool],
) {
    let mut necks: BTreeMap<u32, f64> = BTreeMap::new();
    for (&(a, b), area_mm2) in contacts {
        for (space, bone) in [(a, b), (b, a)] {
            if !is_bone[space as usize] && is_bone[bone as usize] {
                *necks.entry(space).or_default() += area_mm2;
            }
        }
    }
    for (space, neck_mm2) in necks {
        let volume = spaces[space as usize].cells as f64 * cell_mm3;
        is_bone[space as usize] = neck_mm2 >= WIDE_NECK * volume.powf(2.0 / 3.0);
    }
}

/// Whether some bones leave the field by its first slice alone and some by its last alone: between them lies a joint, which
/// has small bones.
fn is_hinge(bones: &BTreeMap<usize, (Features, Vec<usize>)>, cell_mm3: f64) -> bool {
    let leaves = |end: usize| {
        let of_size = |bone: &Features| bone.cells as f64 * cell_mm3 > MARROW_OF_BONE_MM3;
        bones.values().any(|(bone, _)| of_size(bone) && bone.ends[end] && !bone.ends[1 - end])
    };
    leaves(0) && leaves(1)
}

/// Where all bones that the field cuts are shafts (thigh, leg, forearm), there is no other bone: short marrow that the
/// field does not cut is that of mature ossification. Says whether it is so.
fn part_from_shafts(
    contacts: &BTreeMap<(u32, u32), f64>,
    spaces: &[Features],
    cell_mm3: f64,
    large_section: bool,
    is_bone: &mut [bool],
) -> bool {
    let bones = joined(contacts, spaces, cell_mm3, 0.0, is_bone);
    let volume = |bone: &Features| bone.cells as f64 * cell_mm3;
    let of_size = || bones.values().map(|(bone, _)| bone).filter(|bone| volume(bone) > MARROW_OF_BONE_MM3);
    let (cut, whole): (Vec<&Features>, Vec<&Features>) = of_size().partition(|bone| bone.on_edge);
    let long = |bone: &Features| bone.elongation() >= SHAFT_ELONGATION;
    // more are ribs
    let shafts = (1..=SHAFTS).contains(&cut.len()) && cut.iter().all(|bone| long(bone));
    let few = whole.len() <= cut.len() + 1;
    // of a slender body, the forearm and not the fingers
    let of_limb = large_section || (cut.len() <= 2 && whole.iter().all(|bone| volume(bone) > PHALANX_MM3));
    if shafts && of_limb && !whole.iter().any(|bone| long(bone)) && few {
        for (_, members) in bones.values().filter(|(bone, _)| !bone.on_edge && !long(bone)) {
            for &at in members {
                is_bone[at] = false;
            }
        }
    }
    shafts && of_limb && few
}

/// About hip and thigh the field cuts every bone that it does not show with half the pelvis: a smaller one that it shows
/// whole is mature ossification, with leaks into the bone beside it at most. Gives the spaces of what is.
fn part_whole(
    contacts: &BTreeMap<(u32, u32), f64>,
    spaces: &[Features],
    cell_mm3: f64,
    is_bone: &mut [bool],
) -> BTreeSet<u32> {
    let whole = |bone: &Features| {
        !bone.on_edge && WHOLE_MM3.contains(&(bone.cells as f64 * cell_mm3)) && bone.metal_mm > IMPLANT_BED_MM
    };
    let bones = joined(contacts, spaces, cell_mm3, LEAK, is_bone);
    let parted: BTreeSet<u32> = bones
        .values()
        .filter(|(bone, _)| whole(bone))
        .flat_map(|(_, members)| members)
        .map(|&at| at as u32)
        .collect();
    parted.iter().for_each(|&at| is_bone[at as usize] = false);
    parted
}

/// Bones, each with its spaces: those that meet were parted where the bone is narrow. A neck of less than the given share
/// of the size of the smaller space (mm² over mm³ to the power of two thirds) is a leak.
fn joined(
    contacts: &BTreeMap<(u32, u32), f64>,
    spaces: &[Features],
    cell_mm3: f64,
    leak: f64,
    is_bone: &[bool],
) -> BTreeMap<usize, (Features, Vec<usize>)> {
    let mut bone_of: Vec<usize> = (0..spaces.len()).collect();
    for (&(a, b), &neck_mm2) in contacts {
        let (a, b) = (a as usize, b as usize);
        let smaller_mm3 = spaces[a].cells.min(spaces[b].cells) as f64 * cell_mm3;
        if is_bone[a] && is_bone[b] && neck_mm2 >= leak * smaller_mm3.powf(2.0 / 3.0) {
            let (one, other) = (bone_of[a], bone_of[b]);
            bone_of.iter_mut().filter(|bone| **bone == other).for_each(|bone| *bone = one);
        }
    }
    let mut bones: BTreeMap<usize, (Features, Vec<usize>)> = BTreeMap::new();
    for at in (0..spaces.len()).filter(|&at| is_bone[at]) {
        let (bone, members) = bones.entry(bone_of[at]).or_default();
        bone.join(&spaces[at]);
        members.push(at);
    }
    bones
}

/// Bones articulate: a body that the field does not cut and that lies away from the rest of the skeleton is none,
/// however much like bone it is made (mature ossification). The largest body always stays.
fn part_isolated(grid: &Grid, bodies: &[u32], whole: &[Features], skeletal: &mut [bool]) {
    let largest =
        (1..whole.len()).filter(|&at| skeletal[at]).max_by_key(|&at| (whole[at].cells, usize::MAX - at));
    if (1..whole.len()).all(|at| !skeletal[at] || whole[at].on_edge || Some(at) == largest) {
        return;
    }
    let near2 = distance2_within(grid, ARTICULATION_MM, |cell| skeletal[bodies[cell] as usize]);
    let (clusters, counts) =
        components(grid, Connectivity::Corner, |cell| near2[cell] <= ARTICULATION_MM * ARTICULATION_MM);
    let mut anchored = vec![false; counts.len()];
    for (cell, &body) in bodies.iter().enumerate() {
        let at = body as usize;
        if body > 0 && skeletal[at] && (whole[at].on_edge || Some(at) == largest) {
            anchored[clusters[cell] as usize] = true;
        }
    }
    let mut kept = vec![false; skeletal.len()];
    for (cell, &body) in bodies.iter().enumerate() {
        kept[body as usize] |= body > 0 && anchored[clusters[cell] as usize];
    }
    for (skeletal, kept) in skeletal.iter_mut().zip(kept) {
        *skeletal &= kept;
    }
}

/// Gives an attached deposit back the base that the allowance for the cortex took from it.
fn regrow(grid: &Grid, tissue: &mut [Tissue], from_marrow: &[f32], cortex: &Cortex, edge: f64) {
    if !tissue.contains(&Tissue::Attached) {
        return;
    }
    let reach = (5.0_f32).max(2.0 * edge as f32);
    let near2 = distance2_within(grid, reach, |cell| tissue[cell] == Tissue::Attached);
    for cell in 0..grid.len() {
        if matches!(tissue[cell], Tissue::Bone | Tissue::Lone)
            && near2[cell] <= reach * reach
            && from_marrow[cell] > cortex.at(grid.position(cell)).0 + 0.6 * edge as f32
        {
            tissue[cell] = Tissue::Attached;
        }
    }
}

/// Whether what the field cuts over an area lies mostly within it.
pub(crate) fn is_clipped(cut_mm2: f64, volume_mm3: f64) -> bool {
    cut_mm2 < CLIPPED * volume_mm3.powf(2.0 / 3.0)
}

/// Whether a layer of cells across an axis lies at the first and at the last voxels of the volume along it.
fn at_ends(coarse: &Coarse, size: [usize; 3], axis: usize, layer: usize) -> [bool; 2] {
    let first = coarse.low[axis] + layer * coarse.block[axis];
    [first == 0, first + coarse.block[axis] >= size[axis]]
}

/// Whether a cell lies at the edge of the volume (not only of the body).
fn at_volume_edge(coarse: &Coarse, size: [usize; 3], cell: usize) -> bool {
    edge_mm2(coarse, size, cell) > 0.0
}

/// Area over which a cell lies at the edge of the volume, mm².
fn edge_mm2(coarse: &Coarse, size: [usize; 3], cell: usize) -> f64 {
    let position = coarse.grid.position(cell);
    (0..3)
        .filter(|&axis| size[axis] > 2 && at_ends(coarse, size, axis, position[axis]).contains(&true))
        .map(|axis| coarse.grid.cell_mm3() / coarse.grid.spacing_mm[axis])
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_bones_are_a_foot_though_the_heel_is_large() {
        let foot: Vec<(f64, bool)> =
            [(25_000.0, false), (19_000.0, true)].into_iter().chain([(700.0, false); 9]).collect();
        assert!(of_hand_or_foot(&foot));
        // a knee with its patella, and what the field cuts of ribs
        assert!(!of_hand_or_foot(&[(60_000.0, true), (70_000.0, true), (9000.0, false), (4000.0, true)]));
        assert!(!of_hand_or_foot(&[[(60_000.0, true); 1].as_slice(), &[(5000.0, true); 9]].concat()));
        assert!(of_hand_or_foot(&[(3000.0, true); 5]));
        // ribs and the parts of a scapula about a shoulder
        let ribs = [11_800.0, 6400.0, 6300.0, 6200.0, 3500.0, 3200.0, 2200.0, 1400.0];
        let shoulder: Vec<(f64, bool)> = ribs
            .map(|volume| (volume, false))
            .into_iter()
            .chain([(54_000.0, true), (5800.0, true)])
            .collect();
        assert!(!of_hand_or_foot(&shoulder));
    }

    #[test]
    fn an_elbow_is_no_hand_however_slender() {
        assert!(!shows_hand(&[(9000.0, true), (3500.0, true), (2500.0, true)]));
        assert!(shows_hand(&[[(6000.0, true); 1].as_slice(), &[(900.0, false); 12]].concat()));
        // a finger
        assert!(shows_hand(&[(800.0, true), (300.0, false)]));
    }

    #[test]
    fn marrow_that_opens_wide_into_that_of_a_bone_is_of_its_process() {
        let grid = Grid { size: [30, 12, 12], spacing_mm: [1.0; 3] };
        // a bone, on one side of it a process and on the other a deposit into which its marrow leaks
        let marrow: Vec<u32> = (0..grid.len())
            .map(|cell| match grid.position(cell) {
                [10..20, _, _] => 1,
                [2..10, 2..10, 2..10] => 2,
                [21..30, 2..10, 2..10] | [20, 5, 5] => 3,
                _ => 0,
            })
            .collect();
        let mut spaces = vec![Features::default(); 4];
        for &label in &marrow {
            spaces[label as usize].cells += 1;
        }
        let mut is_bone = vec![false, true, false, false];
        join_processes(&contacts(&grid, &marrow), &spaces, grid.cell_mm3(), &mut is_bone);
        assert_eq!(is_bone, [false, true, true, false]);
    }

    /// Marrow of 4 by 4 mm over the given part of the 100 slices.
    fn shaft(slices: std::ops::Range<usize>) -> Features {
        let mut space = Features::default();
        for z in slices {
            for at in 0..16 {
                space.add([at % 4, at / 4, z].map(|at| at as f64), -50.0, 1000.0, z == 0 || z == 99);
            }
        }
        space
    }

    #[test]
    fn a_shaft_parted_where_it_is_narrow_is_one_and_beside_shafts_no_marrow_is_short() {
        // radius and ulna, one of them parted, and a deposit with a hollow
        let spaces = [Features::default(), shaft(0..100), shaft(0..50), shaft(50..100), shaft(40..44)];
        let mut is_bone = vec![false, true, true, true, true];
        let meet = BTreeMap::from([((2, 3), 4.0)]);
        assert!(part_from_shafts(&meet, &spaces, 1.1, false, &mut is_bone));
        assert_eq!(is_bone, [false, true, true, true, false]);
        // three shafts that do not meet are those of fingers
        let mut is_bone = vec![false, true, true, true, true];
        assert!(!part_from_shafts(&BTreeMap::new(), &spaces, 1.1, false, &mut is_bone));
        assert_eq!(is_bone, [false, true, true, true, true]);
    }

    #[test]
    fn what_is_small_and_whole_about_a_hip_is_no_bone_though_it_leaks_into_one() {
        let space = |cells: usize, on_edge: bool, metal_mm: f32| Features {
            cells,
            on_edge,
            metal_mm,
            ..Features::default()
        };
        let far = f32::INFINITY;
        let spaces = [
            space(0, false, far),
            space(90_000, true, far),
            // ossification, parted where it is narrow; what opens wide into the bone; the bed of an implant
            space(5000, false, far),
            space(900, false, far),
            space(9000, false, far),
            space(12_000, false, 2.0),
            // half a pelvis
            space(120_000, false, far),
        ];
        let meet = BTreeMap::from([((1, 2), 15.0), ((2, 3), 60.0), ((1, 4), 200.0)]);
        let mut is_bone = vec![false, true, true, true, true, true, true];
        assert_eq!(part_whole(&meet, &spaces, 1.0, &mut is_bone), BTreeSet::from([2, 3]));
        assert_eq!(is_bone, [false, true, false, false, true, true, true]);
    }

    #[test]
    fn specks_bridge_nothing_and_plates_stay() {
        let grid = Grid { size: [20, 10, 10], spacing_mm: [1.0; 3] };
        let plate = |[x, _, _]: [usize; 3]| x == 3 || x == 12;
        let bridge = |[x, y, z]: [usize; 3]| (4..12).contains(&x) && y == 5 && z == 4 + x % 2;
        let dense: Vec<bool> =
            (0..grid.len()).map(|cell| plate(grid.position(cell)) || bridge(grid.position(cell))).collect();
        let left = without_specks(&grid, &dense);
        let kept = (0..grid.len()).filter(|&cell| left[cell] && plate(grid.position(cell))).count();
        assert_eq!(kept, 2 * (100 - 4), "all but the corners of the plates stay");
        let (_, counts) = components(&grid, Connectivity::Corner, |cell| left[cell]);
        assert_eq!(counts.len(), 3, "{counts:?}");
    }

    #[test]
    fn in_slices_of_metal_bodies_that_a_streak_joins_are_parted() {
        let grid = Grid { size: [24, 8, 8], spacing_mm: [1.0; 3] };
        let solid = |cell: usize| {
            let [x, y, z] = grid.position(cell);
            !(7..17).contains(&x) || (y == 4 && z == 4)
        };
        let bodies = |cells: usize| {
            let metal: Vec<f32> =
                (0..grid.len()).map(|cell| if cell % 192 < cells { 0.0 } else { 9.0 }).collect();
            let metal = slices_of_metal(&grid, &metal);
            let part = |cell: usize| solid(cell) && !is_bridge(&grid, &metal, solid, cell);
            let (_, counts) = components(&grid, Connectivity::Corner, part);
            counts.iter().skip(1).filter(|&&count| count > 20).count()
        };
        assert_eq!((bodies(0), bodies(CELLS_OF_METAL)), (1, 2));
    }

    #[test]
    fn the_wall_of_marrow_is_fainter_in_a_blurred_study() {
        let space = |wall: f32| {
            let mut space = Features::default();
            for at in 0..1000 {
                space.add([at % 10, at / 10 % 10, at / 100].map(f64::from), -50.0, wall, false);
            }
            space
        };
        let least_of = |count: usize, hu: f32| {
            least_wall(&likely_bones(&vec![space(hu); count], &vec![2.0; count], 1.0))
        };
        let least = |hu: f32| least_of(6, hu);
        assert!((least(900.0) - WALL_HU).abs() < 1e-9);
        assert!((300.0..400.0).contains(&least(480.0)), "{}", least(480.0));
        // too few bones to say
        assert!((least_of(3, 480.0) - WALL_HU).abs() < 1e-9);
    }
}
