//! Marrow: spaces that a denser wall encloses, and which of them belong to bones.

use rayon::prelude::*;

use crate::grid::{Connectivity, Grid, box_max, box_mean, components, deepest_first, distance2};
use crate::linear::Moments;
use crate::scan::Coarse;

/// The wall of marrow is denser than it by a fifth and at least this, HU.
const WALL_RISE_HU: i32 = 100;
/// Denser walls count as this, HU: 26 of them can be added up.
const WALL_MOST_HU: f32 = 2000.0;
/// Marrow meets its wall in this share of all directions.
pub(super) const ENCLOSED: f32 = 0.75;
/// A cell that meets a wall in fewer directions is no marrow, whatever lies about it.
const HALF_ENCLOSED: f32 = 0.5;
/// The middle of a slender bone is deeper than this share of the depth of what is deepest near it; half of one is thinner than
/// this, mm.
const MIDDLE: f32 = 0.85;
const SLENDER_MM: f32 = 6.0;
/// Two spaces are apart where the neck between them is narrower than this share of the smaller one.
const NECK: f32 = 0.5;
/// Trabecular bone is seldom denser than this, HU.
const ISLAND_HU: f32 = 450.0;
/// The cortex of a small bone rises above its marrow by more than this share of itself, and surely by this range more.
const CORTEX_RISE: f64 = 0.45;
const CORTEX_RISE_RANGE: f64 = 0.2;
/// A canal is so many times longer than wide.
const CANAL_ELONGATION: f64 = 5.0;
/// The marrow of the bones of limbs and trunk is wider than this radius, mm.
const LEAST_BORE_MM: f64 = 1.6;
/// Marrow of a bone with an implant comes closer to it than this, mm.
pub(super) const IMPLANT_BED_MM: f32 = 6.0;

/// How a wall encloses every solid cell: of the rays to its 26 neighbours and on, those that leave the field without
/// meeting a wall say nothing; the share of the others that meet a denser wall before they leave the solid, and the mean
/// density of these walls. Marrow is enclosed on all sides, whether its wall is thick, thin or has a leak; a deposit
/// on bone has the bone on one side only.
pub(super) fn enclosure(
    grid: &Grid,
    values: &[f32],
    is_solid: &(dyn Fn(usize) -> bool + Sync),
) -> (Vec<f32>, Vec<f32>) {
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

/// Marrow fills a bone, while lucent patches are scattered through a deposit: a cell well below the surface is marrow
/// where most of the deep cells within 6 mm are. Where bones are `slender`, thick or blurred cortex leaves marrow to
/// their middle only: there most of the deepest cells have to be.
pub(super) fn majority(
    grid: &Grid,
    first: &[bool],
    share: &[f32],
    depth: &[f32],
    slender: bool,
) -> Vec<bool> {
    let limit = 2.2_f32.max(1.05 * grid.spacing_mm.into_iter().fold(0.0, f64::max) as f32);
    let window = grid.spacing_mm.map(|step| (6.0 / step).round().max(1.0) as usize);
    let deepest = if slender { box_max(grid, depth, window) } else { Vec::new() };
    let deep: Vec<f32> = (0..grid.len())
        .into_par_iter()
        .map(|cell| {
            let middle = deepest.get(cell).map_or(0.0, |&deepest| MIDDLE * deepest.min(SLENDER_MM));
            f32::from(depth[cell] >= limit.max(middle))
        })
        .collect();
    let marrow: Vec<f32> = deep.par_iter().zip(first).map(|(&deep, &on)| deep * f32::from(on)).collect();
    let (all, some) = rayon::join(|| box_mean(grid, &deep, window), || box_mean(grid, &marrow, window));
    (0..grid.len())
        .into_par_iter()
        .map(|cell| {
            let most = some[cell] > 0.5 * all[cell];
            if depth[cell] >= limit { most && share[cell] >= HALF_ENCLOSED } else { first[cell] }
        })
        .collect()
}

/// Parts a mask into basins where it is narrow: floods it from its deepest cells; two basins stay apart where they meet
/// at less than half the depth of the shallower one, if that is at least `least_mm` deep. Marrow that leaks through a
/// thin cortex into a deposit becomes a space of its own. Returns the basin of every cell, from 1 (0 outside the mask),
/// and whether each basin was parted from another.
pub(super) fn basins(grid: &Grid, mask: &[bool], least_mm: f32) -> (Vec<u32>, Vec<bool>) {
    let depth: Vec<f32> = distance2(grid, |cell| !mask[cell]).into_iter().map(f32::sqrt).collect();
    fn root(parent: &mut [u32], mut at: u32) -> u32 {
        while parent[at as usize] != at {
            parent[at as usize] = parent[parent[at as usize] as usize];
            at = parent[at as usize];
        }
        at
    }
    let mut labels = vec![0_u32; grid.len()];
    let (mut parent, mut top, mut parted) = (vec![0_u32], vec![0.0_f32], vec![false]);
    for cell in deepest_first(mask, &depth) {
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

/// What is known of a connected space of marrow, or of a piece.
#[derive(Clone)]
pub(super) struct Features {
    pub(super) cells: usize,
    pub(super) metal_mm: f32,
    pub(super) on_edge: bool,
    /// It reaches the first and the last slice.
    pub(super) ends: [bool; 2],
    pub(super) sum: f64,
    pub(super) shell: f64,
    pub(super) points: Moments,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            cells: 0,
            metal_mm: f32::INFINITY,
            on_edge: false,
            ends: [false; 2],
            sum: 0.0,
            shell: 0.0,
            points: Moments::default(),
        }
    }
}

impl Features {
    pub(super) fn add(&mut self, point_mm: [f64; 3], mean: f32, shell: f32, on_edge: bool) {
        self.cells += 1;
        self.on_edge |= on_edge;
        self.sum += f64::from(mean);
        self.shell += f64::from(shell);
        self.points.add(point_mm);
    }

    /// Takes up another space, so that both are one.
    pub(super) fn join(&mut self, other: &Self) {
        self.cells += other.cells;
        self.metal_mm = self.metal_mm.min(other.metal_mm);
        self.on_edge |= other.on_edge;
        self.ends = std::array::from_fn(|end| self.ends[end] || other.ends[end]);
        self.sum += other.sum;
        self.shell += other.shell;
        self.points.join(&other.points);
    }

    /// Ratio of the longest to the middle principal axis.
    pub(super) fn elongation(&self) -> f64 {
        let values = self.variances();
        (values[0] / values[1].max(1e-9)).sqrt()
    }

    /// The elongation of the spheroid as long and as large as this: that of a bent bone, such as a rib, whose middle axis
    /// is long too.
    fn slenderness(&self, volume_mm3: f64) -> f64 {
        // a sphere has a fifth of its squared radius along each axis
        let half = (5.0 * self.variances()[0]).sqrt();
        (4.0 / 3.0 * std::f64::consts::PI * half.powi(3) / volume_mm3).sqrt()
    }

    /// The radius of the cylinder as large and as elongated as this.
    fn bore_mm(&self, volume_mm3: f64) -> f64 {
        // along the axis of a cylinder its twelfth part of the squared length, across it a quarter of the squared radius
        let length_over_radius = 3.0_f64.sqrt() * self.elongation();
        (volume_mm3 / (std::f64::consts::PI * length_over_radius)).cbrt()
    }

    /// Variances along the principal axes, longest first, mm².
    fn variances(&self) -> [f64; 3] {
        self.points.variances(self.cells as f64, [0.08; 3])
    }
}

/// Evidence that an enclosed or less dense space is the marrow of a bone, as log odds; walls from `wall_hu` on are those
/// of marrow.
pub(super) fn marrow_score(
    space: &Features,
    wall_mm: f64,
    wall_hu: f64,
    large_section: bool,
    cell_mm3: f64,
) -> f64 {
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
    score -= if space.metal_mm.is_finite() && space.metal_mm > IMPLANT_BED_MM && !space.on_edge {
        6.0
    } else {
        0.0
    };
    // small bones within the field are those of hand and foot
    score -= if large_section && !space.on_edge && volume < 6000.0 && space.slenderness(volume) < 3.0 {
        4.0
    } else {
        0.0
    };
    score += ((wall - wall_hu) / if space.on_edge { 120.0 } else { 70.0 }).clamp(-2.5, 2.0);
    score += if long && volume > if large_section { 60.0 } else { 25.0 } { 1.2 } else { 0.0 };
    // a canal narrower than the marrow of any bone of a limb or trunk is the lumen of a vessel
    score -=
        if large_section && space.elongation() >= CANAL_ELONGATION && space.bore_mm(volume) < LEAST_BORE_MM {
            4.0
        } else {
            0.0
        };
    // as dense as its wall, it is no marrow
    score -= if inside > 500.0 && wall - inside < 40.0 { 4.0 } else { 0.0 };
    // the walls of small bones stand out from their marrow, those of lucent patches in a deposit less
    score -= if large_section || space.on_edge {
        0.0
    } else {
        ((0.22 - (wall - inside) / wall.max(1.0)) * 30.0).clamp(0.0, 3.0)
    };
    // fatty marrow and trabecular bone; fluid, pus and muscle lie between, and so does the marrow of small bones whose
    // trabeculae are thin, but then the wall still stands out from it as cortex does
    let cortex = ((1.0 - inside / wall.max(1.0) - CORTEX_RISE) / CORTEX_RISE_RANGE).clamp(0.0, 1.0);
    score += if inside < -10.0 {
        1.5
    } else if inside < 150.0 {
        let doubt = if space.on_edge { -1.5 } else { -3.0 };
        doubt * if large_section { 1.0 } else { 1.0 - cortex }
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
pub(super) fn wall_thickness(
    grid: &Grid,
    spaces: &[u32],
    count: usize,
    depth: &[f32],
    is_solid: &(dyn Fn(usize) -> bool + Sync),
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

/// Gives marrow what it encloses: deep, not dense, and all but surrounded by marrow of bones. Scattered trabeculae or
/// a remnant of the growth plate leave such islands, and what lies over them would look thick.
pub(super) fn close_marrow(
    coarse: &Coarse,
    depth: &[f32],
    is_solid: &(dyn Fn(usize) -> bool + Sync),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Points along an arc of a circle of 60 mm, a millimetre apart, each with four beside it.
    fn arc(degrees: f64) -> Features {
        let mut space = Features::default();
        for step in 0..(degrees.to_radians() * 60.0) as usize {
            let angle = step as f64 / 60.0;
            for beside in [[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]] {
                let radius = 60.0 + beside[0];
                space.add([radius * angle.cos(), radius * angle.sin(), beside[1]], 150.0, 500.0, false);
            }
        }
        space
    }

    #[test]
    fn marrow_as_dense_as_fluid_is_that_of_a_small_bone_where_its_wall_stands_out() {
        let space = |inside: f32, wall: f32| {
            let mut space = Features::default();
            for at in 0..1000 {
                space.add([at % 10, at / 10 % 10, at / 100].map(f64::from), inside, wall, false);
            }
            space
        };
        let score =
            |inside, wall, large_section| marrow_score(&space(inside, wall), 2.0, 450.0, large_section, 1.0);
        assert!(score(90.0, 620.0, false) > 0.0);
        // a pocket of fluid in a deposit, and any in a large section
        assert!(score(90.0, 240.0, false) < 0.0);
        assert!(score(90.0, 620.0, true) < 0.0);
    }

    #[test]
    fn the_marrow_of_a_slender_bone_is_its_middle_however_thick_its_cortex() {
        let grid = Grid { size: [21, 21, 30], spacing_mm: [1.0; 3] };
        let off = |cell: usize| {
            let [x, y, _] = grid.position(cell).map(|at| at as f32 - 10.0);
            x.hypot(y)
        };
        let depth: Vec<f32> = (0..grid.len()).map(|cell| (5.0 - off(cell)).max(0.0)).collect();
        let share: Vec<f32> = (0..grid.len()).map(|cell| if off(cell) < 1.8 { 0.9 } else { 0.0 }).collect();
        let first: Vec<bool> = share.iter().map(|&share| share >= ENCLOSED).collect();
        let filled = |slender: bool| majority(&grid, &first, &share, &depth, slender);
        assert_eq!(filled(true), first);
        assert!(!filled(false).contains(&true));
    }

    #[test]
    fn a_canal_narrower_than_marrow_is_the_lumen_of_a_vessel() {
        let canal = |half: i32| {
            let mut space = Features::default();
            for z in 0..120 {
                for at in 0..(2 * half + 1).pow(2) {
                    let across =
                        [at % (2 * half + 1), at / (2 * half + 1)].map(|at| f64::from(at - half) * 0.5);
                    space.add([across[0], across[1], f64::from(z) * 0.5], 190.0, 600.0, false);
                }
            }
            marrow_score(&space, 2.2, 450.0, true, 0.125)
        };
        assert!(canal(2) < 0.0 && canal(6) > 0.0, "{} {}", canal(2), canal(6));
    }

    #[test]
    fn a_bent_bone_is_slender_though_its_middle_axis_is_long() {
        let rib = arc(150.0);
        assert!(rib.elongation() < 3.0);
        assert!(rib.slenderness(rib.cells as f64) > 3.0);
        let lump = {
            let mut space = Features::default();
            for at in 0..1000 {
                let point = [at % 10, at / 10 % 10, at / 100].map(f64::from);
                space.add(point, 150.0, 500.0, false);
            }
            space
        };
        assert!(lump.slenderness(1000.0) < 1.5);
    }
}
