//! Which cells of the coarse grid are bone, which are metal, and which dense pieces hang on bone without being bone.
//!
//! A threshold cannot tell bone from a deposit, so anatomy has to: a bone is a shell around marrow. The marrow of every
//! bone is found first (enclosed, or less dense than its shell); cortex is what lies within the local thickness of the
//! cortex of such marrow; what is connected to a bone but lies further from any marrow than the cortex around it is
//! thick is a *piece*: a ridge or process of the bone when thin or broad and low, a deposit when it bulges or hangs on
//! a narrow neck.

use std::collections::BTreeMap;

use crate::grid::{Connectivity, Grid, box_max, box_mean, components, distance2};
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
pub(crate) struct Skeleton {
    pub(crate) tissue: Vec<Tissue>,
    /// Distance of every cell to the nearest bone, mm; infinite without bone.
    pub(crate) bone_mm: Vec<f32>,
    /// Distance to metal, mm; empty without metal.
    pub(crate) metal_mm: Vec<f32>,
    /// Volume of metal, mm³.
    pub(crate) metal_mm3: f64,
    /// The region is one of many small bones: hand or foot.
    pub(crate) small_bones: bool,
    /// Cells of pieces that hang on bone, with the log odds that the piece is a deposit and not bone.
    pub(crate) deposit: BTreeMap<u32, f32>,
}

/// What the anatomy alone tells.
struct Anatomy {
    tissue: Vec<Tissue>,
    small_bones: bool,
    deposit: BTreeMap<u32, f32>,
}

/// Marrow at most this large (ml) is enclosed by bone; a larger enclosed space is a body cavity (skull).
const MARROW_ML: f64 = 250.0;
/// Narrower than a thigh or knee, mm².
const SMALL_SECTION_MM2: f64 = 6000.0;
/// A foot cut along its length is narrower than this, mm².
const HAND_OR_FOOT_MM2: f64 = 40_000.0;
/// The marrow of the bones of hand and foot is smaller than this, mm³.
const SMALL_BONE_MM3: f64 = 15_000.0;
/// The wall of marrow is denser than it by a fifth and at least this, HU.
const WALL_RISE_HU: i32 = 100;
/// Denser walls count as this, HU: 26 of them can be added up.
const WALL_MOST_HU: f32 = 2000.0;
/// Marrow meets its wall in this share of all directions.
const ENCLOSED: f32 = 0.75;
/// A cell that meets a wall in fewer directions is no marrow, whatever lies about it.
const HALF_ENCLOSED: f32 = 0.5;
/// Bones of one skeleton are closer to each other than twice this, mm.
const ARTICULATION_MM: f32 = 2.5;
/// Spaces whose inscribed ball is smaller than this (mm) are not parted from their neighbours, in large and in small
/// sections of the body.
const NARROW_MM: f32 = 3.0;
const NARROW_SMALL_MM: f32 = 1.8;
/// Cortex that the blur of the picture leaves below 800 HU is thinner than this, mm.
const THIN_MM: f32 = 2.4;
/// Two spaces are apart where the neck between them is narrower than this share of the smaller one.
const NECK: f32 = 0.5;
/// Trabecular bone is seldom denser than this, HU.
const ISLAND_HU: f32 = 450.0;
/// Of the surface of a piece, bone borders this share where the piece is a space within the bone.
const SURROUNDED: f64 = 0.75;
/// What is nowhere denser than this and thinner than three cells is blur.
const FILM_HU: f32 = 350.0;
/// The bone that a piece hangs on is looked for within this, mm.
const PARENT_MM: f64 = 9.0;
/// Cells wider than this (mm) do not tell a piece from its bone.
const BLURRED_MM: f64 = 2.6;

/// Log odds that a piece is a deposit and not bone, by its features and a constant: volume (ln mm³), volume over its
/// inscribed radius cubed (ln; plates and ridges are high), share of its surface that borders bone, inscribed radius
/// (mm), depth within the solid over the thickness of the cortex, whether the field cuts it, mean (100 HU), how much a
/// tenth of it exceeds 700 HU (100 HU), how enclosed it is ([`enclosure`]), share of it that is enclosed like marrow,
/// reach over inscribed radius, distance from marrow over the thickness of the cortex, reach (mm), inscribed radius and
/// reach over the half width of the bone there. Fitted by logistic
/// regression to pieces of phantoms (a limb, trunk or joint of large bones; hand or foot).
type PieceWeights = ([f64; 15], f64);
const PIECE_OF_LARGE: PieceWeights = (
    [0.17, -0.47, -4.7, 0.62, 0.95, -3.2, 0.24, -0.09, 2.8, 0.0, 0.63, -0.59, 0.21, -4.9, -0.67],
    -1.63,
);
const PIECE_OF_SMALL: PieceWeights = (
    [0.05, 2.73, -0.34, 0.07, 1.72, -3.0, -1.29, 1.24, -11.9, -40.9, -0.28, 0.74, -0.01, 0.21, -0.05],
    -2.1,
);
/// Log odds from which a piece is told apart from its bone; what it is is decided with all other evidence.
const PIECE_TOLD: f64 = -0.8;
/// Marrow of a bone with an implant comes closer to it than this, mm.
const IMPLANT_BED_MM: f32 = 6.0;
/// A hole in one axial slice at most this large (mm²) is filled.
const HOLE_MM2: f64 = 700.0;

/// Finds the skeleton. `dense_hu` separates mineral from soft tissue in the mean of a cell; `given` marks cells that
/// a bone mask made elsewhere calls bone.
///
/// `section_mm2` is the widest axial section of the body.
pub(crate) fn skeleton(
    coarse: &Coarse,
    size: [usize; 3],
    section_mm2: f64,
    dense_hu: f32,
    metal_hu: i16,
    given: Option<&[bool]>,
) -> Skeleton {
    let grid = &coarse.grid;
    let dense: Vec<bool> = coarse.mean.iter().map(|&mean| mean >= dense_hu).collect();
    let metal = metal_cells(coarse, metal_hu);
    let solid = solid(coarse, &dense);
    let has_metal = metal.iter().any(|&metal| metal);
    let metal_mm: Vec<f32> = if has_metal {
        distance2(grid, |cell| metal[cell]).into_iter().map(f32::sqrt).collect()
    } else {
        Vec::new()
    };
    let Anatomy { mut tissue, small_bones, deposit } = match given {
        Some(given) => Anatomy {
            tissue: from_mask(grid, &solid, given),
            small_bones: section_mm2 <= SMALL_SECTION_MM2,
            deposit: BTreeMap::new(),
        },
        None => from_anatomy(coarse, size, section_mm2, &solid, &metal_mm),
    };
    if has_metal {
        // blooming: a dense shell of partial volume and streaks surrounds metal
        let bloom = (1.2 * coarse.edge_mm()).max(2.0) as f32;
        for (cell, tissue) in tissue.iter_mut().enumerate() {
            if metal[cell] || (metal_mm[cell] <= bloom && *tissue != Tissue::Soft && *tissue != Tissue::Bone)
            {
                *tissue = Tissue::Metal;
            }
        }
    }
    let bone_mm = distance2(grid, |cell| tissue[cell] == Tissue::Bone).into_iter().map(f32::sqrt).collect();
    let count = |wanted: Tissue| tissue.iter().filter(|&&tissue| tissue == wanted).count() as f64;
    let metal_mm3 = count(Tissue::Metal) * grid.cell_mm3();
    Skeleton { tissue, bone_mm, metal_mm, metal_mm3, small_bones, deposit }
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

/// Dense cells and what they enclose: `Dense`, `Enclosed` or nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Solid {
    Outside,
    Dense,
    Enclosed,
}

fn solid(coarse: &Coarse, dense: &[bool]) -> Vec<Solid> {
    let grid = &coarse.grid;
    let mut grown = dense.to_vec();
    for cell in (0..grid.len()).filter(|&cell| dense[cell]) {
        grid.neighbours6(cell, |other| grown[other] = true);
    }
    let mut inner = enclosed(grid, coarse, &grown);
    fill_slices(grid, coarse, &grown, &mut inner);
    // trabecular bone about as dense as the limit is speckled: growing leaves nothing of its pockets
    let mut pockets = enclosed(grid, coarse, dense);
    fill_slices(grid, coarse, dense, &mut pockets);
    (0..grid.len())
        .map(|cell| {
            if dense[cell] {
                return Solid::Dense;
            }
            let mut near = inner[cell] || pockets[cell];
            if !near && grown[cell] {
                // the ring that growing took from the space
                grid.neighbours26(cell, |other| near |= inner[other]);
            }
            if near { Solid::Enclosed } else { Solid::Outside }
        })
        .collect()
}

/// Spaces of at most [`MARROW_ML`] that `walls` encloses.
fn enclosed(grid: &Grid, coarse: &Coarse, wall: &[bool]) -> Vec<bool> {
    let (labels, counts) = components(grid, Connectivity::Face, |cell| !wall[cell]);
    // how much of the surface of each space is wall, and how much is the edge of the field
    let mut walls = vec![0_usize; counts.len()];
    let mut edges = vec![0_usize; counts.len()];
    let mut sums = vec![0.0_f64; counts.len()];
    let most = (MARROW_ML * 1000.0 / grid.cell_mm3()) as usize;
    for (cell, &label) in labels.iter().enumerate() {
        if label == 0 || counts[label as usize] > most {
            continue;
        }
        let mut present = 0;
        grid.neighbours6(cell, |other| {
            present += 1;
            walls[label as usize] += usize::from(wall[other]);
        });
        edges[label as usize] += 6 - present;
        sums[label as usize] += f64::from(coarse.mean[cell]);
    }
    let kept: Vec<bool> = (0..counts.len())
        .map(|label| {
            label > 0
                && counts[label] <= most
                && edges[label] * 4 <= walls[label]
                && sums[label] / counts[label] as f64 > -250.0
        })
        .collect();
    labels.iter().map(|&label| kept[label as usize]).collect()
}

/// Fills small holes of every axial slice: marrow that leaks through a thin or open cortex elsewhere.
fn fill_slices(grid: &Grid, coarse: &Coarse, grown: &[bool], inner: &mut [bool]) {
    let plane = Grid { size: [grid.size[0], grid.size[1], 1], spacing_mm: grid.spacing_mm };
    let area = grid.spacing_mm[0] * grid.spacing_mm[1];
    let most = (HOLE_MM2 / area) as usize;
    use rayon::prelude::*;
    inner.par_chunks_mut(plane.len()).enumerate().for_each(|(z, inner)| {
        let start = z * plane.len();
        let (labels, counts) = components(&plane, Connectivity::Face, |cell| !grown[start + cell]);
        let mut open = vec![false; counts.len()];
        let mut sums = vec![0.0_f64; counts.len()];
        for (cell, &label) in labels.iter().enumerate() {
            open[label as usize] |= plane.on_face(plane.position(cell));
            sums[label as usize] += f64::from(coarse.mean[start + cell]);
        }
        for (cell, &label) in labels.iter().enumerate() {
            let at = label as usize;
            if label > 0 && !open[at] && counts[at] <= most && sums[at] / counts[at] as f64 > -250.0 {
                inner[cell] = true;
            }
        }
    });
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

/// Parts a mask into basins where it is narrow: floods it from its deepest cells; two basins stay apart where they meet
/// at less than half the depth of the shallower one, if that is at least `least_mm` deep. Marrow that leaks through a
/// thin cortex into a deposit becomes a space of its own. Returns the basin of every cell, from 1 (0 outside the mask),
/// and whether each basin was parted from another.
fn basins(grid: &Grid, mask: &[bool], least_mm: f32) -> (Vec<u32>, Vec<bool>) {
    let depth: Vec<f32> = distance2(grid, |cell| !mask[cell]).into_iter().map(f32::sqrt).collect();
    let mut order: Vec<u32> = (0..grid.len() as u32).filter(|&cell| mask[cell as usize]).collect();
    order.sort_unstable_by(|&a, &b| depth[b as usize].total_cmp(&depth[a as usize]).then(a.cmp(&b)));
    fn root(parent: &mut [u32], mut at: u32) -> u32 {
        while parent[at as usize] != at {
            parent[at as usize] = parent[parent[at as usize] as usize];
            at = parent[at as usize];
        }
        at
    }
    let mut labels = vec![0_u32; grid.len()];
    let (mut parent, mut top, mut parted) = (vec![0_u32], vec![0.0_f32], vec![false]);
    for &cell in &order {
        let cell = cell as usize;
        let mut near = [0_u32; 6];
        let mut count = 0;
        grid.neighbours6(cell, |other| {
            if labels[other] > 0 {
                near[count] = labels[other];
                count += 1;
            }
        });
        let mut own = 0_u32;
        for &label in &near[..count] {
            let label = root(&mut parent, label);
            if own == 0 || own == label {
                own = label;
                continue;
            }
            let (high, low) =
                if top[own as usize] >= top[label as usize] { (own, label) } else { (label, own) };
            if top[low as usize] >= least_mm && depth[cell] < NECK * top[low as usize] {
                parted[low as usize] = true;
                parted[high as usize] = true;
            } else {
                parent[low as usize] = high;
                parted[high as usize] |= parted[low as usize];
            }
            own = high;
        }
        if own == 0 {
            own = parent.len() as u32;
            parent.push(own);
            top.push(depth[cell]);
            parted.push(false);
        }
        labels[cell] = own;
    }
    let mut number = vec![0_u32; parent.len()];
    let mut split = vec![false];
    for at in 1..parent.len() {
        if parent[at] as usize == at {
            number[at] = split.len() as u32;
            split.push(parted[at]);
        }
    }
    for label in labels.iter_mut().filter(|label| **label > 0) {
        *label = number[root(&mut parent, *label) as usize];
    }
    (labels, split)
}

/// Gives marrow what it encloses: deep, not dense, and all but surrounded by marrow of bones. Scattered trabeculae or
/// a remnant of the growth plate leave such islands, and what lies over them would look thick.
fn close_marrow(
    coarse: &Coarse,
    depth: &[f32],
    is_solid: &dyn Fn(usize) -> bool,
    marrow: &mut [u32],
    is_bone: &[bool],
) {
    let grid = &coarse.grid;
    let surface = 2.2_f32.max(1.3 * coarse.edge_mm() as f32);
    let (islands, counts) = components(grid, Connectivity::Face, |cell| {
        is_solid(cell)
            && depth[cell] > surface
            && coarse.mean[cell] < ISLAND_HU
            && !is_bone[marrow[cell] as usize]
    });
    let mut faces = vec![[0_usize; 2]; counts.len()];
    let mut owner = vec![0_u32; counts.len()];
    for (cell, &island) in islands.iter().enumerate().filter(|&(_, &island)| island > 0) {
        grid.neighbours6(cell, |other| {
            if islands[other] != island {
                let bony = is_bone[marrow[other] as usize];
                faces[island as usize][usize::from(bony)] += 1;
                if bony && owner[island as usize] == 0 {
                    owner[island as usize] = marrow[other];
                }
            }
        });
    }
    for (cell, &island) in islands.iter().enumerate() {
        let [other, bony] = faces[island as usize];
        if island > 0 && bony > other {
            marrow[cell] = owner[island as usize];
        }
    }
}

/// What is known of a connected space of marrow, or of a piece.
#[derive(Clone, Default)]
struct Features {
    cells: usize,
    metal_mm: f32,
    on_edge: bool,
    sum: f64,
    shell: f64,
    first: [f64; 3],
    second: [[f64; 3]; 3],
}

impl Features {
    fn add(&mut self, point_mm: [f64; 3], mean: f32, shell: f32, on_edge: bool) {
        self.cells += 1;
        self.on_edge |= on_edge;
        self.sum += f64::from(mean);
        self.shell += f64::from(shell);
        for i in 0..3 {
            self.first[i] += point_mm[i];
            for j in 0..3 {
                self.second[i][j] += point_mm[i] * point_mm[j];
            }
        }
    }

    /// Ratio of the longest to the middle principal axis.
    fn elongation(&self) -> f64 {
        let n = self.cells as f64;
        let covariance: [[f64; 3]; 3] = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                self.second[i][j] / n - self.first[i] * self.first[j] / (n * n)
                    + if i == j { 0.08 } else { 0.0 }
            })
        });
        let values = crate::linear::eigenvalues(covariance);
        (values[0] / values[1].max(1e-9)).sqrt()
    }
}

/// Whether a cell lies at the edge of the volume (not only of the body).
fn at_volume_edge(coarse: &Coarse, size: [usize; 3], cell: usize) -> bool {
    let position = coarse.grid.position(cell);
    (0..3).any(|axis| {
        let first = coarse.low[axis] + position[axis] * coarse.block[axis];
        size[axis] > 2 && (first == 0 || first + coarse.block[axis] >= size[axis])
    })
}

fn from_anatomy(
    coarse: &Coarse,
    size: [usize; 3],
    section_mm2: f64,
    solid: &[Solid],
    metal_mm: &[f32],
) -> Anatomy {
    let grid = &coarse.grid;
    let edge = coarse.edge_mm();
    let is_solid = |cell: usize| solid[cell] != Solid::Outside;
    let depth: Vec<f32> = distance2(grid, |cell| !is_solid(cell)).into_iter().map(f32::sqrt).collect();
    let smooth = box_mean(grid, &coarse.mean, grid.spacing_mm.map(|step| (0.8 / step) as usize));
    let (share, level) = enclosure(grid, &smooth, &is_solid);
    let deep = (0.9 * edge).clamp(0.5, 2.0) as f32;
    let first: Vec<bool> = (0..grid.len())
        .map(|cell| is_solid(cell) && depth[cell] >= deep && share[cell] >= ENCLOSED)
        .collect();
    let filled = majority(grid, &first, &share, &depth);
    let narrow = if section_mm2 <= SMALL_SECTION_MM2 { NARROW_SMALL_MM } else { NARROW_MM };
    let (mut marrow, split) = basins(grid, &filled, narrow);
    let mut spaces = vec![Features { metal_mm: f32::INFINITY, ..Features::default() }; split.len()];
    for (cell, &label) in marrow.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let position = grid.position(cell);
        let point = std::array::from_fn(|axis| position[axis] as f64 * grid.spacing_mm[axis]);
        let space = &mut spaces[label as usize];
        space.add(point, coarse.mean[cell], level[cell], at_volume_edge(coarse, size, cell));
        space.metal_mm = space.metal_mm.min(metal_mm.get(cell).copied().unwrap_or(f32::INFINITY));
    }
    let walls = wall_thickness(grid, &marrow, spaces.len(), &depth, &is_solid);
    // several bones and none of the size of a long bone's end: a hand or a foot, whatever its width
    let bones: Vec<f64> = spaces
        .iter()
        .zip(&walls)
        .filter(|(space, wall)| space.cells > 0 && marrow_score(space, **wall, false, grid.cell_mm3()) > 0.0)
        .map(|(space, _)| space.cells as f64 * grid.cell_mm3())
        .collect();
    let largest = bones.iter().copied().fold(0.0, f64::max);
    let small_bones = section_mm2 <= SMALL_SECTION_MM2
        || (bones.len() >= 5 && largest < SMALL_BONE_MM3 && section_mm2 < HAND_OR_FOOT_MM2);
    let large_section = !small_bones;
    let scores: Vec<f64> = spaces
        .iter()
        .zip(&walls)
        .map(|(space, &wall)| {
            if space.cells > 0 { marrow_score(space, wall, large_section, grid.cell_mm3()) } else { f64::MIN }
        })
        .collect();
    let is_bone: Vec<bool> = scores.iter().map(|&score| score > 0.0).collect();
    close_marrow(coarse, &depth, &is_solid, &mut marrow, &is_bone);
    let from_marrow: Vec<f32> =
        distance2(grid, |cell| is_bone[marrow[cell] as usize]).into_iter().map(f32::sqrt).collect();
    let (bodies, body_counts) = components(grid, Connectivity::Corner, is_solid);
    let mut skeletal = vec![false; body_counts.len()];
    let mut marrowed = vec![false; body_counts.len()];
    let mut whole = vec![Features::default(); body_counts.len()];
    let mut peak = vec![0.0_f32; body_counts.len()];
    for (cell, &label) in bodies.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let at = label as usize;
        marrowed[at] |= is_bone[marrow[cell] as usize];
        peak[at] = peak[at].max(coarse.mean[cell]);
        let position = grid.position(cell);
        let point = std::array::from_fn(|axis| position[axis] as f64 * grid.spacing_mm[axis]);
        whole[at].add(point, coarse.mean[cell], level[cell], at_volume_edge(coarse, size, cell));
    }
    for at in 1..body_counts.len() {
        let volume = body_counts[at] as f64 * grid.cell_mm3();
        // a bone cut by the edge of the field may show no marrow
        let cut = whole[at].on_edge && volume > 800.0 && peak[at] > 350.0;
        skeletal[at] = marrowed[at] || cut;
    }
    if std::env::var_os("APADBG").is_some() {
        eprintln!("section {section_mm2} small {small_bones} cell {:?}", grid.spacing_mm);
        for (at, space) in spaces.iter().enumerate().filter(|(_, s)| s.cells as f64 * grid.cell_mm3() > 20.0) {
            let c: Vec<f64> = space.first.iter().map(|v| v / space.cells as f64).collect();
            eprintln!("space {at} vol {:.0} in {:.0} wall {:.0} wall_mm {:.1} elong {:.1} edge {} split {} score {:.1} at {c:.0?}", space.cells as f64 * grid.cell_mm3(), space.sum / space.cells as f64, space.shell / space.cells as f64, walls[at], space.elongation(), space.on_edge, split[at], scores[at]);
        }
        for at in 1..body_counts.len() {
            let volume = body_counts[at] as f64 * grid.cell_mm3();
            if volume > 30.0 {
                let c: Vec<f64> = whole[at].first.iter().map(|v| v / whole[at].cells as f64).collect();
                eprintln!("body {at} vol {volume:.0} marrowed {} skeletal {} edge {} peak {:.0} elong {:.1} at {c:.0?}", marrowed[at], skeletal[at], whole[at].on_edge, peak[at], whole[at].elongation());
            }
        }
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
    let (pieces, piece_counts) = components(grid, Connectivity::Corner, beyond);
    let attached = judge_pieces(
        coarse,
        size,
        &pieces,
        piece_counts.len(),
        &depth,
        &is_solid,
        &from_marrow,
        &cortex,
        &marrow,
        large_section,
        &share,
        &level,
    );
    if let Some(path) = std::env::var_os("APASPARSE") {
        use std::io::Write;
        let mut f = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
        for v in [grid.size[0], grid.size[1], grid.size[2], coarse.block[0], coarse.block[1], coarse.block[2], coarse.low[0], coarse.low[1], coarse.low[2]] {
            f.write_all(&(v as u32).to_le_bytes()).unwrap();
        }
        for cell in 0..grid.len() {
            if pieces[cell] > 0 || marrow[cell] > 0 {
                for v in [cell as u32, pieces[cell], marrow[cell]] { f.write_all(&v.to_le_bytes()).unwrap(); }
            }
        }
    }
    if let Some(path) = std::env::var_os("APADBG") {
        use std::io::Write;
        let mut f = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
        for v in [grid.size[0], grid.size[1], grid.size[2], coarse.block[0], coarse.block[1], coarse.block[2], coarse.low[0], coarse.low[1], coarse.low[2]] {
            f.write_all(&(v as u32).to_le_bytes()).unwrap();
        }
        for cell in 0..grid.len() {
            for v in [coarse.mean[cell], marrow[cell] as f32, f32::from(u8::from(is_bone[marrow[cell] as usize])), from_marrow[cell], depth[cell], bodies[cell] as f32, pieces[cell] as f32, f32::from(u8::from(attached[pieces[cell] as usize].is_some())), share[cell], if is_solid(cell) { 1.0 } else { 0.0 }] {
                f.write_all(&v.to_le_bytes()).unwrap();
            }
        }
    }
    let mut tissue: Vec<Tissue> = (0..grid.len())
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
    let deposit = (0..grid.len())
        .filter_map(|cell| Some((cell as u32, attached[pieces[cell] as usize]?)))
        .collect();
    Anatomy { tissue, small_bones, deposit }
}

/// Bones articulate: a body that the field does not cut and that lies away from the rest of the skeleton is none,
/// however much like bone it is made (mature ossification). The largest body always stays.
fn part_isolated(grid: &Grid, bodies: &[u32], whole: &[Features], skeletal: &mut [bool]) {
    let near2 = distance2(grid, |cell| skeletal[bodies[cell] as usize]);
    let (clusters, counts) =
        components(grid, Connectivity::Corner, |cell| near2[cell] <= ARTICULATION_MM * ARTICULATION_MM);
    let mut anchored = vec![false; counts.len()];
    let largest =
        (1..whole.len()).filter(|&at| skeletal[at]).max_by_key(|&at| (whole[at].cells, usize::MAX - at));
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

/// Marrow fills a bone, while lucent patches are scattered through a deposit: a cell well below the surface is marrow
/// where most of the deep cells within 6 mm are.
fn majority(grid: &Grid, first: &[bool], share: &[f32], depth: &[f32]) -> Vec<bool> {
    let limit = 2.2_f32.max(1.05 * grid.spacing_mm.into_iter().fold(0.0, f64::max) as f32);
    let window = grid.spacing_mm.map(|step| (6.0 / step).round().max(1.0) as usize);
    let deep: Vec<f32> = depth.iter().map(|&depth| f32::from(depth >= limit)).collect();
    let marrow: Vec<f32> = deep.iter().zip(first).map(|(&deep, &on)| deep * f32::from(on)).collect();
    let (all, some) = rayon::join(|| box_mean(grid, &deep, window), || box_mean(grid, &marrow, window));
    (0..grid.len())
        .map(|cell| {
            let most = some[cell] > 0.5 * all[cell];
            if depth[cell] >= limit { most && share[cell] >= HALF_ENCLOSED } else { first[cell] }
        })
        .collect()
}

/// How a wall encloses every solid cell: of the rays to its 26 neighbours and on, those that leave the field without
/// meeting a wall say nothing; the share of the others that meet a denser wall before they leave the solid, and the mean
/// density of these walls. Marrow is enclosed on all sides, whether its wall is thick, thin or has a leak; a deposit
/// on bone has the bone on one side only.
fn enclosure(grid: &Grid, values: &[f32], is_solid: &(dyn Fn(usize) -> bool + Sync)) -> (Vec<f32>, Vec<f32>) {
    use rayon::prelude::*;
    const NONE: u32 = u32::MAX;
    let cells: Vec<u32> = (0..grid.len() as u32).filter(|&cell| is_solid(cell as usize)).collect();
    let mut slot = vec![NONE; grid.len()];
    for (at, &cell) in cells.iter().enumerate() {
        slot[cell as usize] = at as u32;
    }
    let own: Vec<i32> = cells.iter().map(|&cell| values[cell as usize].min(WALL_MOST_HU) as i32).collect();
    let directions: Vec<[isize; 3]> = (0..27)
        .map(|at: isize| [at % 3 - 1, at / 3 % 3 - 1, at / 9 - 1])
        .filter(|direction| *direction != [0, 0, 0])
        .collect();
    // whole numbers: their sum does not depend on the order of threads
    let empty = || vec![[0_u16; 3]; cells.len()];
    let seen = directions
        .par_iter()
        .fold(empty, |mut seen, direction| {
            // the densest that a ray meets beyond a cell; and whether it leaves the field
            let mut beyond = vec![(i32::MIN, false); cells.len()];
            let mut visit = |at: usize| {
                let position = grid.position(cells[at] as usize);
                let mut next = [0; 3];
                let inside = (0..3).all(|axis| {
                    next[axis] = position[axis].wrapping_add_signed(direction[axis]);
                    next[axis] < grid.size[axis]
                });
                let (top, leaves) = if inside {
                    match slot[grid.index(next)] {
                        NONE => (i32::MIN, false),
                        other => {
                            let (top, leaves) = beyond[other as usize];
                            (top.max(own[other as usize]), leaves)
                        }
                    }
                } else {
                    (i32::MIN, true)
                };
                beyond[at] = (top, leaves);
                if top >= own[at].max(0) * 6 / 5 && top - own[at] >= WALL_RISE_HU {
                    seen[at][0] += 1;
                    seen[at][2] += top as u16;
                } else if !leaves {
                    seen[at][1] += 1;
                }
            };
            if direction[2] * 9 + direction[1] * 3 + direction[0] > 0 {
                (0..cells.len()).rev().for_each(&mut visit);
            } else {
                (0..cells.len()).for_each(&mut visit);
            }
            seen
        })
        .reduce(empty, |mut a, b| {
            for (a, b) in a.iter_mut().zip(&b) {
                for (a, b) in a.iter_mut().zip(b) {
                    *a += b;
                }
            }
            a
        });
    let mut share = vec![0.0; grid.len()];
    let mut wall = values.to_vec();
    for (&cell, [walled, open, sum]) in cells.iter().zip(seen) {
        let (walled, open) = (f32::from(walled), f32::from(open));
        share[cell as usize] = walled / (walled + open).max(1.0);
        if walled > 0.0 {
            wall[cell as usize] = f32::from(sum) / walled;
        }
    }
    (share, wall)
}

/// Evidence that an enclosed or less dense space is the marrow of a bone, as log odds.
fn marrow_score(space: &Features, wall_mm: f64, large_section: bool, cell_mm3: f64) -> f64 {
    let count = space.cells as f64;
    let volume = count * cell_mm3;
    let (inside, wall) = (space.sum / count, space.shell / count);
    let mut score = -1.5;
    // the shell of a bone is thin; around a lucent patch in a mass there is more of the mass
    let long = space.elongation() >= 2.2;
    score += if space.on_edge {
        3.0
    } else if long {
        0.5
    } else {
        ((5.0 - wall_mm) * 0.6).clamp(-3.0, 0.5)
    };
    // beside an implant, what the field does not cut and the implant does not stand in is new bone
    score -= if space.metal_mm.is_finite() && space.metal_mm > IMPLANT_BED_MM && !space.on_edge { 6.0 } else { 0.0 };
    // small bones within the field are those of hand and foot
    score -= if large_section && !space.on_edge && volume < 6000.0 && space.elongation() < 3.0 {
        4.0
    } else {
        0.0
    };
    score += ((wall - 450.0) / if space.on_edge { 120.0 } else { 70.0 }).clamp(-2.5, 2.0);
    score += if long && volume > if large_section { 60.0 } else { 25.0 } { 1.2 } else { 0.0 };
    // as dense as its wall, it is no marrow
    score -= if inside > 500.0 && wall - inside < 40.0 { 4.0 } else { 0.0 };
    // the walls of small bones stand out from their marrow, those of lucent patches in a deposit less
    score -= if large_section || space.on_edge {
        0.0
    } else {
        ((0.22 - (wall - inside) / wall.max(1.0)) * 30.0).clamp(0.0, 3.0)
    };
    // fatty marrow and trabecular bone; fluid, pus and muscle lie between
    score += if inside < -10.0 {
        1.5
    } else if inside < 150.0 {
        if space.on_edge { -1.5 } else { -3.0 }
    } else {
        1.0
    };
    score += match volume {
        v if v < 25.0 => -3.0,
        v if v < 60.0 => {
            if large_section {
                -3.0
            } else {
                -1.0
            }
        }
        v if v < 200.0 => {
            if large_section {
                -1.0
            } else {
                -0.4
            }
        }
        v if v < 2000.0 => 0.3,
        v if v < 20_000.0 => 1.2,
        _ => 2.0,
    };
    score
}

/// Median distance from each space to the surface of the solid around it, mm, as the solid is shared out among the
/// spaces by nearness within it.
fn wall_thickness(
    grid: &Grid,
    spaces: &[u32],
    count: usize,
    depth: &[f32],
    is_solid: &dyn Fn(usize) -> bool,
) -> Vec<f64> {
    let edge = grid.spacing_mm.into_iter().sum::<f64>() / 3.0;
    let mut owner = spaces.to_vec();
    let mut front: Vec<usize> = (0..grid.len()).filter(|&cell| owner[cell] > 0).collect();
    let mut distances: Vec<Vec<u16>> = vec![Vec::new(); count];
    let surface = 1.05 * grid.spacing_mm.into_iter().fold(0.0, f64::max) as f32;
    let mut step = 0_u16;
    while !front.is_empty() && step < 60 {
        step += 1;
        let mut next = Vec::new();
        for &cell in &front {
            let label = owner[cell];
            grid.neighbours6(cell, |other| {
                if owner[other] == 0 && is_solid(other) {
                    owner[other] = label;
                    next.push(other);
                    if depth[other] <= surface {
                        distances[label as usize].push(step);
                    }
                }
            });
        }
        front = next;
    }
    distances
        .into_iter()
        .map(|mut steps| {
            if steps.is_empty() {
                return 0.0;
            }
            let middle = steps.len() / 2;
            // steps along axes overrate oblique distances by about a quarter
            f64::from(*steps.select_nth_unstable(middle).1) * edge * 0.8
        })
        .collect()
}

/// Thickness of the cortex by place: how far the surface of bones lies from their marrow.
struct Cortex {
    block: usize,
    size: [usize; 3],
    /// Two percentiles (40 and 65) per block of its neighbourhood, mm.
    quartiles: Vec<(f32, f32)>,
    edge_mm: f32,
}

impl Cortex {
    const BINS: usize = 64;
    const BIN_MM: f32 = 0.5;

    /// `surface` gives the distance from marrow of the cells at the surface of bones, `wall` the density of the cells
    /// next to marrow.
    fn measure(
        grid: &Grid,
        surface: impl Fn(usize) -> Option<f32>,
        wall: impl Fn(usize) -> Option<f32>,
    ) -> Self {
        let edge = grid.spacing_mm.into_iter().fold(0.0, f64::max);
        let block = (12.0 / edge).round().max(1.0) as usize;
        let size: [usize; 3] = grid.size.map(|count| count.div_ceil(block));
        let of = |p: [usize; 3]| (p[2] * size[1] + p[1]) * size[0] + p[0];
        let mut counts = vec![[0_u32; Self::BINS]; size.iter().product()];
        let mut dense = vec![[0_u32; 20]; counts.len()];
        for cell in 0..grid.len() {
            if let Some(distance) = surface(cell) {
                let bin = ((distance / Self::BIN_MM) as usize).min(Self::BINS - 1);
                counts[of(grid.position(cell).map(|at| at / block))][bin] += 1;
            }
            if let Some(hu) = wall(cell) {
                dense[of(grid.position(cell).map(|at| at / block))]
                    [((hu.max(0.0) / 100.0) as usize).min(19)] += 1;
            }
        }
        let mut quartiles = vec![(3.0, 4.0); counts.len()];
        for z in 0..size[2] {
            for y in 0..size[1] {
                for x in 0..size[0] {
                    let mut sum = [0_u32; Self::BINS];
                    let mut walls = [0_u32; 20];
                    for k in z.saturating_sub(1)..=(z + 1).min(size[2] - 1) {
                        for j in y.saturating_sub(1)..=(y + 1).min(size[1] - 1) {
                            for i in x.saturating_sub(1)..=(x + 1).min(size[0] - 1) {
                                for (sum, count) in sum.iter_mut().zip(&counts[of([i, j, k])]) {
                                    *sum += count;
                                }
                                for (sum, count) in walls.iter_mut().zip(&dense[of([i, j, k])]) {
                                    *sum += count;
                                }
                            }
                        }
                    }
                    let total: u32 = sum.iter().sum();
                    if total < 20 {
                        continue;
                    }
                    let rank = |share: f64| {
                        let wanted = (f64::from(total) * share) as u32;
                        let mut seen = 0;
                        let bin = sum.iter().position(|&count| {
                            seen += count;
                            seen > wanted
                        });
                        (bin.unwrap_or(Self::BINS - 1) as f32 + 0.5) * Self::BIN_MM
                    };
                    // a large deposit may cover most of the surface here: no cortex is thicker than 7 mm, and one that
                    // blurring makes faint is thin
                    let wanted = walls.iter().sum::<u32>() * 17 / 20;
                    let mut seen = 0;
                    let bin = walls.iter().position(|&count| {
                        seen += count;
                        seen > wanted
                    });
                    let hu = bin.map_or(1400.0, |bin| bin as f32 * 100.0 + 50.0);
                    let most = (THIN_MM + (hu - 800.0) / 600.0 * (7.0 - THIN_MM)).clamp(THIN_MM, 7.0);
                    quartiles[of([x, y, z])] = (rank(0.4).min(most), rank(0.65).min(most + 1.0));
                }
            }
        }
        Self { block, size, quartiles, edge_mm: edge as f32 }
    }

    fn at(&self, position: [usize; 3]) -> (f32, f32) {
        let [x, y, z] = position.map(|at| at / self.block);
        self.quartiles[(z * self.size[1] + y) * self.size[0] + x]
    }

    /// Distance from marrow beyond which a cell is not cortex, mm.
    fn limit(&self, position: [usize; 3]) -> f32 {
        let (median, upper) = self.at(position);
        (1.3 * median + 0.3 + 0.6 * self.edge_mm).max(upper + 0.2 + 0.4 * self.edge_mm)
    }
}

#[allow(clippy::too_many_arguments)]
fn judge_pieces(
    coarse: &Coarse,
    size: [usize; 3],
    pieces: &[u32],
    count: usize,
    depth: &[f32],
    is_solid: &dyn Fn(usize) -> bool,
    from_marrow: &[f32],
    cortex: &Cortex,
    marrow: &[u32],
    large_section: bool,
    share: &[f32],
    level: &[f32],
) -> Vec<Option<f32>> {
    let grid = &coarse.grid;
    #[derive(Clone, Default)]
    struct Piece {
        cells: usize,
        contact: usize,
        free: usize,
        thick_mm: f32,
        reach_mm: f32,
        near_mm: f32,
        on_edge: bool,
        sum: f64,
        squares: f64,
        cortex_mm: f64,
        hollow: usize,
        share: f64,
        walled: usize,
        wall: f64,
        own_mm: f32,
        peak: f32,
        parent_mm: f64,
    }
    // how deep the marrow of the bone beside each cell lies: the half width of the bone there
    let reach = grid.spacing_mm.map(|step| (PARENT_MM / step).round() as usize);
    let inner: Vec<f32> = (0..grid.len())
        .map(|cell| if from_marrow[cell] <= 0.0 && is_solid(cell) { depth[cell] } else { 0.0 })
        .collect();
    let parent = box_max(grid, &inner, reach);
    let own = distance2(grid, |cell| pieces[cell] == 0);
    let mut found = vec![Piece { near_mm: f32::INFINITY, ..Piece::default() }; count];
    for (cell, &label) in pieces.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let piece = &mut found[label as usize];
        piece.cells += 1;
        piece.thick_mm = piece.thick_mm.max(depth[cell]);
        piece.reach_mm = piece.reach_mm.max(from_marrow[cell]);
        piece.near_mm = piece.near_mm.min(from_marrow[cell]);
        piece.on_edge |= at_volume_edge(coarse, size, cell);
        piece.sum += f64::from(coarse.mean[cell]);
        piece.peak = piece.peak.max(coarse.mean[cell]);
        piece.squares += f64::from(coarse.mean[cell]).powi(2);
        // fluid of a cyst is no marrow
        piece.hollow += usize::from(marrow[cell] > 0 && !(-10.0..150.0).contains(&coarse.mean[cell]));
        piece.cortex_mm += f64::from(cortex.at(grid.position(cell)).0);
        piece.share += f64::from(share[cell]);
        piece.walled += usize::from(share[cell] >= ENCLOSED);
        piece.wall += f64::from(level[cell]);
        piece.own_mm = piece.own_mm.max(own[cell].sqrt());
        grid.neighbours6(cell, |other| {
            if !is_solid(other) {
                piece.free += 1;
            } else if pieces[other] != label {
                piece.contact += 1;
                piece.parent_mm += f64::from(parent[other]);
            }
        });
    }
    let scores: Vec<f64> = found
        .iter()
        .map(|piece| {
            if piece.cells == 0 {
                return f64::MIN;
            }
            let count = piece.cells as f64;
            let volume = count * grid.cell_mm3();
            let contact = piece.contact as f64 / (piece.contact + piece.free).max(1) as f64;
            // what bone surrounds, or what is not dense, is a space of bone
            let mean = piece.sum / count;
            if contact >= SURROUNDED || mean < 120.0 || coarse.edge_mm() > BLURRED_MM {
                return -6.0;
            }
            // a faint film is the blur between two surfaces
            if piece.peak < FILM_HU && f64::from(piece.own_mm) < 1.5 * coarse.edge_mm() {
                return -6.0;
            }
            let cortex_mm = (piece.cortex_mm / count).max(1.0);
            let own = f64::from(piece.own_mm);
            let parent_mm = (piece.parent_mm / piece.contact.max(1) as f64).max(1.0);
            let reach = f64::from(piece.reach_mm - piece.near_mm);
            // nine tenths of its cells are below this
            let top = mean + 1.28 * (piece.squares / count - mean * mean).max(0.0).sqrt();
            let features = [
                volume.ln(),
                (volume / own.max(0.5).powi(3)).ln(),
                contact,
                own.min(6.0),
                (f64::from(piece.thick_mm) / cortex_mm).min(4.0),
                f64::from(u8::from(piece.on_edge)),
                mean.min(900.0) / 100.0,
                (top - 700.0).max(0.0) / 100.0,
                piece.share / count,
                (piece.walled as f64 / count).min(0.1),
                (reach / own.max(0.5)).min(8.0),
                (f64::from(piece.near_mm) / cortex_mm).min(4.0),
                reach.min(15.0),
                (own / parent_mm).min(2.0),
                (reach / parent_mm).min(3.0),
            ];
            let (weights, base) = if large_section { PIECE_OF_LARGE } else { PIECE_OF_SMALL };
            let score = base + features.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>();
            score
        })
        .collect();
    if std::env::var_os("APASPARSE").is_some() {
        for (at, piece) in found.iter().enumerate().filter(|(_, p)| p.cells > 0) {
            let n = piece.cells as f64;
            println!("PIECE {{\"i\":{at},\"vol\":{},\"contact\":{},\"free\":{},\"thick\":{},\"reach\":{},\"near\":{},\"edge\":{},\"mean\":{},\"sd\":{},\"cortex\":{},\"hollow\":{},\"cells\":{},\"large\":{},\"edge_mm\":{},\"share\":{},\"walled\":{},\"wall\":{},\"own\":{},\"cell_mm3\":{}, \"parent\":{}}}", n * grid.cell_mm3(), piece.contact, piece.free, piece.thick_mm, piece.reach_mm, piece.near_mm, u8::from(piece.on_edge), piece.sum / n, (piece.squares / n - (piece.sum / n).powi(2)).max(0.0).sqrt(), piece.cortex_mm / n, piece.hollow, piece.cells, u8::from(large_section), coarse.edge_mm(), piece.share / n, piece.walled as f64 / n, piece.wall / n, piece.own_mm, grid.cell_mm3(), piece.parent_mm / piece.contact.max(1) as f64);
        }
    }
    if std::env::var_os("APADBG").is_some() {
        for (at, piece) in found.iter().enumerate().filter(|(_, p)| p.cells as f64 * grid.cell_mm3() > 20.0) {
            eprintln!("piece {at} vol {:.0} contact {} free {} thick {:.1} reach {:.1} near {:.1} edge {} mean {:.0} cortex {:.1} hollow {} score {:.1}", piece.cells as f64 * grid.cell_mm3(), piece.contact, piece.free, piece.thick_mm, piece.reach_mm, piece.near_mm, piece.on_edge, piece.sum / piece.cells as f64, piece.cortex_mm / piece.cells as f64, piece.hollow, scores[at]);
        }
    }
    // what touches a deposit is more likely its continuation than a ridge of bone
    let mut beside = vec![f64::MIN; count];
    for (cell, &label) in pieces.iter().enumerate() {
        let score = scores[label as usize];
        if label > 0 && score < 0.0 && score > -2.5 {
            let position = grid.position(cell);
            let reach = grid.spacing_mm.map(|step| (2.5 / step).ceil() as usize);
            let range = |axis: usize| {
                position[axis].saturating_sub(reach[axis])
                    ..=(position[axis] + reach[axis]).min(grid.size[axis] - 1)
            };
            for z in range(2) {
                for y in range(1) {
                    for x in range(0) {
                        let other = pieces[grid.index([x, y, z])] as usize;
                        if scores[other] > 0.0 {
                            beside[label as usize] = beside[label as usize].max(scores[other]);
                        }
                    }
                }
            }
        }
    }
    scores
        .into_iter()
        .zip(beside)
        .map(|(score, beside)| score.max(beside))
        .map(|score| (score > PIECE_TOLD).then_some(score as f32))
        .collect()
}

/// Gives an attached deposit back the base that the allowance for the cortex took from it.
fn regrow(grid: &Grid, tissue: &mut [Tissue], from_marrow: &[f32], cortex: &Cortex, edge: f64) {
    if !tissue.contains(&Tissue::Attached) {
        return;
    }
    let near = distance2(grid, |cell| tissue[cell] == Tissue::Attached);
    let reach = (5.0_f32).max(2.0 * edge as f32).powi(2);
    for cell in 0..grid.len() {
        if matches!(tissue[cell], Tissue::Bone | Tissue::Lone)
            && near[cell] <= reach
            && from_marrow[cell] > cortex.at(grid.position(cell)).0 + 0.6 * edge as f32
        {
            tissue[cell] = Tissue::Attached;
        }
    }
}
