//! Pieces: what hangs on a bone beyond its cortex, ridge or process of the bone or a deposit.

use rayon::prelude::*;

use super::at_volume_edge;
use super::cortex::Cortex;
use super::marrow::ENCLOSED;
use crate::grid::{Grid, box_max, distance2};
use crate::scan::Coarse;

/// Of the surface of a piece, bone borders this share where the piece is a space within the bone.
const SURROUNDED: f64 = 0.75;
/// What is nowhere denser than this and thinner than three cells is blur.
const FILM_HU: f32 = 350.0;
/// The bone that a piece hangs on is looked for within this, mm.
const PARENT_MM: f64 = 9.0;
/// Cells wider than this (mm) blur a piece with its bone.
pub(crate) const BLURRED_MM: f64 = 2.6;
/// Cells wider than this (mm) do not tell a piece from its bone.
pub(crate) const FUSED_MM: f64 = 3.5;

/// Log odds that a piece is a deposit and not bone: a weight of each feature and a constant. Fitted by logistic regression
/// (ridge) to pieces of phantoms of five makes and to the bone of real studies, each make and each class with the weight of the
/// root of its number.
type Weights<const N: usize> = ([f64; N], f64);

/// Of [`Bones::features_of_large`] and [`Bones::features_of_small`]: of all that was measured, what was chosen one by one as long
/// as it told the pieces of a make better from the pieces of the others.
const PIECE_OF_LARGE: Weights<9> = ([-5.71, -5.16, -6.72, 3.88, -5.42, -0.94, 1.01, -0.99, -0.98], 12.74);
const PIECE_OF_SMALL: Weights<7> = ([-8.12, -64.31, -2.25, -4.41, 2.81, 2.54, -0.93], 3.2);
/// Cortex is taken to be at least as dense as this, HU.
const LEAST_CORTEX_HU: f64 = 200.0;
/// A piece larger than this is judged like one of a large bone, mm³.
const SMALL_PIECE_MM3: f64 = 3000.0;
/// On large bones, a piece smaller than this is too few cells to tell, mm³.
const LEAST_PIECE_MM3: f64 = 15.0;
/// No ridge of a shaft reaches so far from its marrow, mm; the log odds of what does.
const RIDGE_OF_SHAFT_MM: f32 = 16.0;
const FAR_FROM_SHAFT: f64 = 1.0;
/// What holds this share of the marrow of mature ossification is that, by these log odds.
const OSSIFIED_SHARE: f64 = 0.3;
const OSSIFIED: f64 = 2.0;
/// No cortex is so thick that a ball of this radius (mm, and in cells) fits into it, and what bone encloses by no more than
/// this share is none of its spaces; the log odds of what is so thick.
const THICKER_THAN_CORTEX_MM: f64 = 8.0;
const THICKER_THAN_CORTEX_CELLS: f64 = 4.0;
const FREE_SHARE: f64 = 0.6;
const THICK: f64 = 1.5;
/// What is larger than this (mm³) and enclosed by more than this share is no deposit.
const SPONGY_MM3: f64 = 80_000.0;
const SPONGY_SHARE: f64 = 0.7;
/// What touches metal and lies within this of it on average (mm) is the bone about an implant.
const ABOUT_IMPLANT_MM: f64 = 12.0;
/// The thin blade of a scapula, of which no marrow is seen, is fainter, HU.
const BLADE_HU: f64 = 350.0;
/// A piece that is more than this share of all that is dense, and larger than this, mm³, is a skeleton whose marrow was not
/// seen.
const MOST_OF_SKELETON: f64 = 0.3;
const SKELETON_MM3: f64 = 300_000.0;
/// Log odds of what is surely bone.
const BONE: f64 = -6.0;
/// Log odds from which a piece is told apart from its bone; what it is is decided with all other evidence.
const PIECE_TOLD: f64 = -1.7;

/// The bones that pieces hang on.
pub(super) struct Bones<'a> {
    pub(super) coarse: &'a Coarse,
    /// Size of the volume, voxels.
    pub(super) size: [usize; 3],
    /// Depth of every cell below the surface of the solid, mm.
    pub(super) depth: &'a [f32],
    pub(super) is_solid: &'a (dyn Fn(usize) -> bool + Sync),
    /// Distance of every cell from metal, mm; empty without metal.
    pub(super) metal_mm: &'a [f32],
    /// Distance of every cell from the marrow of bones, mm.
    pub(super) from_marrow: &'a [f32],
    pub(super) cortex: &'a Cortex,
    /// How enclosed every cell is.
    pub(super) share: &'a [f32],
    /// No hand or foot.
    pub(super) large_bones: bool,
    /// All bones in view are shafts.
    pub(super) shafts: bool,
    /// The body is too slender for a shoulder.
    pub(super) slender: bool,
    /// Whether a cell is marrow of mature ossification.
    pub(super) ossified: &'a (dyn Fn(usize) -> bool + Sync),
}

/// What is measured of a piece.
#[derive(Clone, Default)]
struct Piece {
    cells: usize,
    contact: usize,
    free: usize,
    thick_mm: f32,
    reach_mm: f32,
    on_edge: bool,
    sum: f64,
    cortex_mm: f64,
    share: f64,
    walled: usize,
    own_mm: f32,
    peak: f32,
    parent_mm: f64,
    /// Cells of it that are marrow of mature ossification.
    ossified: usize,
    /// Sum of its distances from metal, mm, and the least of them; none without metal.
    metal_mm: Option<(f64, f32)>,
    /// Cells at its free surface.
    surface: usize,
    /// Sum of the densities of the cortex about it, and of what it touches.
    wall: f64,
    seam: f64,
    /// Sum of the lesser of the densities on either side of where it touches.
    valley: f64,
}

impl Piece {
    fn mean_hu(&self) -> f64 {
        self.sum / self.cells as f64
    }

    /// How enclosed its cells are on average ([`enclosure`](super::marrow::enclosure)).
    fn enclosed(&self) -> f64 {
        self.share / self.cells as f64
    }

    /// Faces over which it touches bone, at least one.
    fn contacts(&self) -> f64 {
        self.contact.max(1) as f64
    }

    /// Density of the cortex about it, HU.
    fn cortex_hu(&self) -> f64 {
        (self.wall / self.cells as f64).max(LEAST_CORTEX_HU)
    }

    /// By how much of the density of the cortex it is denser than what it touches.
    fn above_seam(&self) -> f64 {
        (self.mean_hu() - self.seam / self.contacts()) / self.cortex_hu()
    }

    fn peak_of_cortex(&self) -> f64 {
        (f64::from(self.peak) / self.cortex_hu()).min(2.0)
    }

    /// Share of its surface that borders bone.
    fn contact_share(&self) -> f64 {
        self.contact as f64 / (self.contact + self.free).max(1) as f64
    }
}

impl Bones<'_> {
    /// Log odds that each piece (`pieces` numbers them by cell, from 1 to `count` - 1) is a deposit and not bone; none
    /// where it is told as bone.
    pub(super) fn judge(&self, pieces: &[u32], count: usize) -> Vec<Option<f32>> {
        if count <= 1 {
            return vec![None; count];
        }
        let scores: Vec<f64> = self.measure(pieces, count).iter().map(|piece| self.score(piece)).collect();
        let beside = beside(&self.coarse.grid, pieces, &scores);
        scores
            .into_iter()
            .zip(beside)
            .map(|(score, beside)| score.max(beside))
            .map(|score| (score > PIECE_TOLD).then_some(score as f32))
            .collect()
    }

    fn measure(&self, pieces: &[u32], count: usize) -> Vec<Piece> {
        let grid = &self.coarse.grid;
        // how deep the marrow of the bone beside each cell lies: the half width of the bone there
        let reach = grid.spacing_mm.map(|step| (PARENT_MM / step).round() as usize);
        let inner: Vec<f32> =
            (0..grid.len())
                .into_par_iter()
                .map(|cell| {
                    if self.from_marrow[cell] <= 0.0 && (self.is_solid)(cell) {
                        self.depth[cell]
                    } else {
                        0.0
                    }
                })
                .collect();
        let parent = box_max(grid, &inner, reach);
        let own = distance2(grid, |cell| pieces[cell] == 0);
        let mut found = vec![Piece::default(); count];
        for (cell, &label) in pieces.iter().enumerate().filter(|&(_, &label)| label > 0) {
            let piece = &mut found[label as usize];
            piece.cells += 1;
            piece.thick_mm = piece.thick_mm.max(self.depth[cell]);
            piece.reach_mm = piece.reach_mm.max(self.from_marrow[cell]);
            piece.ossified += usize::from((self.ossified)(cell));
            piece.on_edge |= at_volume_edge(self.coarse, self.size, cell);
            piece.sum += f64::from(self.coarse.mean[cell]);
            piece.peak = piece.peak.max(self.coarse.mean[cell]);
            piece.cortex_mm += f64::from(self.cortex.at(grid.position(cell)).0);
            piece.share += f64::from(self.share[cell]);
            piece.walled += usize::from(self.share[cell] >= ENCLOSED);
            piece.own_mm = piece.own_mm.max(own[cell].sqrt());
            piece.wall += f64::from(self.cortex.wall_hu(grid.position(cell)));
            if let Some(&metal_mm) = self.metal_mm.get(cell) {
                let (sum, least) = piece.metal_mm.get_or_insert((0.0, f32::INFINITY));
                (*sum, *least) = (*sum + f64::from(metal_mm), least.min(metal_mm));
            }
            let mut free = false;
            grid.neighbours6(cell, |other| {
                if !(self.is_solid)(other) {
                    piece.free += 1;
                    free = true;
                } else if pieces[other] != label {
                    piece.contact += 1;
                    piece.parent_mm += f64::from(parent[other]);
                    piece.seam += f64::from(self.coarse.mean[other]);
                    piece.valley += f64::from(self.coarse.mean[cell].min(self.coarse.mean[other]));
                }
            });
            piece.surface += usize::from(free);
        }
        found
    }

    fn score(&self, piece: &Piece) -> f64 {
        if piece.cells == 0 {
            return f64::MIN;
        }
        // what bone surrounds, or what is not dense, is a space of bone
        if piece.contact_share() >= SURROUNDED || piece.mean_hu() < 120.0 || self.coarse.edge_mm() > FUSED_MM
        {
            return BONE;
        }
        // a faint film is the blur between two surfaces
        if piece.peak < FILM_HU && f64::from(piece.own_mm) < 1.5 * self.coarse.edge_mm() {
            return BONE;
        }
        let volume = self.volume_mm3(piece);
        // a large space of bone whose wall is too thin to be told: sacrum
        let spongy = volume > SPONGY_MM3 && piece.enclosed() > SPONGY_SHARE;
        if spongy || self.about_implant(piece) || self.is_skeleton(piece) {
            return BONE;
        }
        // nothing so large is a bone of hand or foot whose marrow was not seen
        if !self.large_bones && volume <= SMALL_PIECE_MM3 {
            weighed(&PIECE_OF_SMALL, self.features_of_small(piece))
        } else if volume < LEAST_PIECE_MM3 {
            BONE
        } else {
            let score = weighed(&PIECE_OF_LARGE, self.features_of_large(piece));
            let far = self.shafts
                && self.coarse.edge_mm() <= BLURRED_MM
                && piece.reach_mm > RIDGE_OF_SHAFT_MM
                && (piece.mean_hu() > BLADE_HU || self.slender);
            let cortex_mm = THICKER_THAN_CORTEX_MM.max(THICKER_THAN_CORTEX_CELLS * self.coarse.edge_mm());
            let thick = f64::from(piece.own_mm) > cortex_mm && piece.enclosed() < FREE_SHARE;
            if far {
                score.max(FAR_FROM_SHAFT)
            } else if thick {
                score.max(THICK)
            } else if piece.ossified as f64 >= OSSIFIED_SHARE * piece.cells as f64 {
                score.max(OSSIFIED)
            } else {
                score
            }
        }
    }

    /// Whether a piece is bone that holds an implant: it reaches to its bloom, and most of it lies near.
    fn about_implant(&self, piece: &Piece) -> bool {
        piece.metal_mm.is_some_and(|(sum, least)| {
            f64::from(least) < 2.5 * self.coarse.edge_mm().max(1.7)
                && sum < ABOUT_IMPLANT_MM * piece.cells as f64
        })
    }

    /// Whether a piece is most of a skeleton whose marrow was not seen.
    fn is_skeleton(&self, piece: &Piece) -> bool {
        let solid =
            || (0..self.coarse.grid.len()).into_par_iter().filter(|&cell| (self.is_solid)(cell)).count();
        self.volume_mm3(piece) > SKELETON_MM3 && piece.cells as f64 > MOST_OF_SKELETON * solid() as f64
    }

    fn volume_mm3(&self, piece: &Piece) -> f64 {
        piece.cells as f64 * self.coarse.grid.cell_mm3()
    }

    /// Share of its surface that borders bone; share of its cells that lie at its surface; how enclosed it is
    /// ([`enclosure`](super::marrow::enclosure)); over the density of the cortex about it, by how much it is denser than what it
    /// touches, and its peak; inscribed radius over the half width of the bone there; depth within the solid over the thickness
    /// of the cortex; whether the field cuts it; how large the cells are (mm), which blur a ridge into a mass.
    fn features_of_large(&self, piece: &Piece) -> [f64; 9] {
        let count = piece.cells as f64;
        let cortex_mm = (piece.cortex_mm / count).max(1.0);
        let parent_mm = (piece.parent_mm / piece.contacts()).max(1.0);
        [
            piece.contact_share(),
            piece.surface as f64 / count,
            piece.enclosed(),
            piece.above_seam(),
            piece.peak_of_cortex(),
            (f64::from(piece.own_mm) / parent_mm).min(2.0),
            (f64::from(piece.thick_mm) / cortex_mm).min(4.0),
            f64::from(u8::from(piece.on_edge)),
            self.coarse.edge_mm(),
        ]
    }

    /// How enclosed it is, and the share of it that is enclosed like marrow; its peak over the density of the cortex about it;
    /// share of its surface that borders bone; over its mean, how dense the valley is that parts it from bone; over the density
    /// of the cortex, by how much it is denser than what it touches; whether the field cuts it.
    fn features_of_small(&self, piece: &Piece) -> [f64; 7] {
        let count = piece.cells as f64;
        [
            piece.enclosed(),
            (piece.walled as f64 / count).min(0.1),
            piece.peak_of_cortex(),
            piece.contact_share(),
            piece.valley / piece.contacts() / piece.mean_hu(),
            piece.above_seam(),
            f64::from(u8::from(piece.on_edge)),
        ]
    }
}

fn weighed<const N: usize>((weights, base): &Weights<N>, features: [f64; N]) -> f64 {
    base + features.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>()
}

/// What touches a deposit is more likely its continuation than a ridge of bone: the highest score of the deposits within
/// 2.5 mm of each piece that is doubtful by itself.
fn beside(grid: &Grid, pieces: &[u32], scores: &[f64]) -> Vec<f64> {
    let mut beside = vec![f64::MIN; scores.len()];
    let reach = grid.spacing_mm.map(|step| (2.5 / step).ceil() as usize);
    for (cell, &label) in pieces.iter().enumerate() {
        let score = scores[label as usize];
        if label > 0 && score < 0.0 && score > -2.5 {
            let position = grid.position(cell);
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
    beside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_far_from_shafts_or_is_thicker_than_cortex_or_holds_marrow_is_told_though_it_looks_like_a_ridge()
     {
        let grid = Grid { size: [4, 4, 4], spacing_mm: [1.0; 3] };
        let coarse = Coarse { grid, block: [1; 3], low: [0; 3], mean: vec![0.0; 64], peak: vec![0; 64] };
        let cortex = Cortex::measure(&coarse.grid, |_| None, |_| None);
        // a thin plate on a broad base, as dense as cortex
        let piece = |reach_mm: f32, ossified: usize| Piece {
            ossified,
            cells: 4000,
            contact: 2000,
            free: 3000,
            own_mm: 1.5,
            reach_mm,
            sum: 4000.0 * 900.0,
            peak: 1300.0,
            surface: 3800,
            wall: 4000.0 * 1000.0,
            seam: 2000.0 * 1000.0,
            share: 2000.0,
            ..Piece::default()
        };
        let judged = |shafts: bool, piece: &Piece| {
            let bones = Bones {
                coarse: &coarse,
                size: [4; 3],
                depth: &[],
                is_solid: &|_| true,
                metal_mm: &[],
                from_marrow: &[],
                cortex: &cortex,
                share: &[],
                large_bones: true,
                shafts,
                slender: false,
                ossified: &|_| false,
            };
            bones.score(piece)
        };
        let score = |shafts: bool, reach_mm: f32, ossified: usize| judged(shafts, &piece(reach_mm, ossified));
        assert!(score(true, 8.0, 0) < PIECE_TOLD && score(false, 30.0, 0) < PIECE_TOLD);
        assert!(score(true, 30.0, 0) > 0.0);
        assert!(score(false, 8.0, 400) < PIECE_TOLD && score(false, 8.0, 2000) > 0.0);
        // thicker than cortex is, unless it holds an implant or is a space of bone
        let thick = Piece { own_mm: 8.5, ..piece(8.0, 0) };
        assert!(judged(false, &thick) > 0.0);
        assert!(judged(false, &Piece { share: 2600.0, ..thick.clone() }) < PIECE_TOLD);
        let near = |mean_mm: f64| Piece { metal_mm: Some((4000.0 * mean_mm, 2.0)), ..thick.clone() };
        assert!(judged(false, &near(9.0)) < PIECE_TOLD && judged(false, &near(25.0)) > 0.0);
    }
}
