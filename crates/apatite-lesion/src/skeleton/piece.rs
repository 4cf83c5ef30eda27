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
/// to pieces of phantoms of several makes, each study and each class with the same weight.
type Weights<const N: usize> = ([f64; N], f64);

/// Of [`Bones::features_of_large`]: those that tell the pieces of a make best from the pieces of the others. With all of
/// [`Bones::features_of_small`] too, the fit is better on the makes it saw and worse on the one it did not. That the field
/// cuts a piece was added for the ribs and shoulder blades at the ends of real studies of the trunk, which phantoms do not
/// have.
const PIECE_OF_LARGE: Weights<7> = ([-0.8, -3.04, -3.58, 7.23, -3.55, -6.59, 4.54], 6.51);
/// Of [`Bones::features_of_small`].
const PIECE_OF_SMALL: Weights<16> = (
    [
        0.96, 1.61, -1.13, -0.57, -1.39, -1.47, -1.91, 1.3, -1.68, -143.95, -0.54, -2.33, 0.03, -0.06, -0.16,
        -13.54,
    ],
    9.28,
);
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
/// The thin blade of a scapula, of which no marrow is seen, is fainter, HU.
const BLADE_HU: f64 = 350.0;
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
    near_mm: f32,
    on_edge: bool,
    sum: f64,
    squares: f64,
    cortex_mm: f64,
    share: f64,
    walled: usize,
    own_mm: f32,
    peak: f32,
    parent_mm: f64,
    /// Cells of it that are marrow of mature ossification.
    ossified: usize,
    /// Cells at its free surface.
    surface: usize,
    /// Sum of the densities of the cortex about it, and of what it touches.
    wall: f64,
    seam: f64,
    /// Sum of the directions of what it touches.
    towards: [f64; 3],
}

impl Piece {
    fn mean_hu(&self) -> f64 {
        self.sum / self.cells as f64
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
        let mut found = vec![Piece { near_mm: f32::INFINITY, ..Piece::default() }; count];
        for (cell, &label) in pieces.iter().enumerate().filter(|&(_, &label)| label > 0) {
            let piece = &mut found[label as usize];
            piece.cells += 1;
            piece.thick_mm = piece.thick_mm.max(self.depth[cell]);
            piece.reach_mm = piece.reach_mm.max(self.from_marrow[cell]);
            piece.near_mm = piece.near_mm.min(self.from_marrow[cell]);
            piece.ossified += usize::from((self.ossified)(cell));
            piece.on_edge |= at_volume_edge(self.coarse, self.size, cell);
            piece.sum += f64::from(self.coarse.mean[cell]);
            piece.peak = piece.peak.max(self.coarse.mean[cell]);
            piece.squares += f64::from(self.coarse.mean[cell]).powi(2);
            piece.cortex_mm += f64::from(self.cortex.at(grid.position(cell)).0);
            piece.share += f64::from(self.share[cell]);
            piece.walled += usize::from(self.share[cell] >= ENCLOSED);
            piece.own_mm = piece.own_mm.max(own[cell].sqrt());
            piece.wall += f64::from(self.cortex.wall_hu(grid.position(cell)));
            let mut free = false;
            grid.neighbours6(cell, |other| {
                if !(self.is_solid)(other) {
                    piece.free += 1;
                    free = true;
                } else if pieces[other] != label {
                    piece.contact += 1;
                    piece.parent_mm += f64::from(parent[other]);
                    piece.seam += f64::from(self.coarse.mean[other]);
                    let (from, to) = (grid.position(cell), grid.position(other));
                    for axis in 0..3 {
                        piece.towards[axis] += to[axis] as f64 - from[axis] as f64;
                    }
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
            return -6.0;
        }
        // a faint film is the blur between two surfaces
        if piece.peak < FILM_HU && f64::from(piece.own_mm) < 1.5 * self.coarse.edge_mm() {
            return -6.0;
        }
        // nothing so large is a bone of hand or foot whose marrow was not seen
        let volume = self.volume_mm3(piece);
        if !self.large_bones && volume <= SMALL_PIECE_MM3 {
            weighed(&PIECE_OF_SMALL, self.features_of_small(piece))
        } else if volume < LEAST_PIECE_MM3 {
            -6.0
        } else {
            let score = weighed(&PIECE_OF_LARGE, self.features_of_large(piece));
            let far = self.shafts
                && self.coarse.edge_mm() <= BLURRED_MM
                && piece.reach_mm > RIDGE_OF_SHAFT_MM
                && (piece.mean_hu() > BLADE_HU || self.slender);
            if far {
                score.max(FAR_FROM_SHAFT)
            } else if piece.ossified as f64 >= OSSIFIED_SHARE * piece.cells as f64 {
                score.max(OSSIFIED)
            } else {
                score
            }
        }
    }

    fn volume_mm3(&self, piece: &Piece) -> f64 {
        piece.cells as f64 * self.coarse.grid.cell_mm3()
    }

    /// Volume over the inscribed radius cubed (ln): plates and ridges are high.
    fn plate(&self, piece: &Piece) -> f64 {
        (self.volume_mm3(piece) / f64::from(piece.own_mm).max(0.5).powi(3)).ln()
    }

    /// How much a piece is a plate on a broad base.
    fn plate_on_base(&self, piece: &Piece) -> f64 {
        piece.contact_share() * (self.plate(piece) - 3.0).max(0.0)
    }

    /// Whether the field cuts it; how enclosed it is ([`enclosure`](super::marrow::enclosure)); how much it is a plate on a
    /// broad base; over the density of the cortex about it, by how much it is denser than what it touches, and its peak;
    /// share of its cells that lie at its surface; how much what it touches lies to one side.
    fn features_of_large(&self, piece: &Piece) -> [f64; 7] {
        let count = piece.cells as f64;
        let contacts = piece.contact.max(1) as f64;
        let wall = piece.wall / count;
        [
            f64::from(u8::from(piece.on_edge)),
            piece.share / count,
            self.plate_on_base(piece),
            (piece.mean_hu() - piece.seam / contacts) / wall,
            f64::from(piece.peak) / wall,
            piece.surface as f64 / count,
            crate::linear::norm(piece.towards) / contacts,
        ]
    }

    /// Volume (ln mm³); how much it is a plate; share of its surface that borders bone; inscribed radius (mm); depth within
    /// the solid over the thickness of the cortex; whether the field cuts it; mean (100 HU); how much a tenth of it exceeds
    /// 700 HU (100 HU); how enclosed it is, and the share of it that is enclosed like marrow; reach over inscribed radius;
    /// distance from marrow over the thickness of the cortex; reach (mm); inscribed radius and reach over the half width of
    /// the bone there; how much it is a plate on a broad base.
    fn features_of_small(&self, piece: &Piece) -> [f64; 16] {
        let count = piece.cells as f64;
        let mean = piece.mean_hu();
        let cortex_mm = (piece.cortex_mm / count).max(1.0);
        let own = f64::from(piece.own_mm);
        let parent_mm = (piece.parent_mm / piece.contact.max(1) as f64).max(1.0);
        let reach = f64::from(piece.reach_mm - piece.near_mm);
        // nine tenths of its cells are below this
        let top = mean + 1.28 * (piece.squares / count - mean * mean).max(0.0).sqrt();
        [
            self.volume_mm3(piece).ln(),
            self.plate(piece),
            piece.contact_share(),
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
            self.plate_on_base(piece),
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
    fn what_reaches_far_from_shafts_or_holds_the_marrow_of_ossification_is_told_though_it_looks_like_a_ridge()
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
        let score = |shafts: bool, reach_mm: f32, ossified: usize| {
            let bones = Bones {
                coarse: &coarse,
                size: [4; 3],
                depth: &[],
                is_solid: &|_| true,
                from_marrow: &[],
                cortex: &cortex,
                share: &[],
                large_bones: true,
                shafts,
                slender: false,
                ossified: &|_| false,
            };
            bones.score(&piece(reach_mm, ossified))
        };
        assert!(score(true, 8.0, 0) < PIECE_TOLD && score(false, 30.0, 0) < PIECE_TOLD);
        assert!(score(true, 30.0, 0) > 0.0);
        assert!(score(false, 8.0, 400) < PIECE_TOLD && score(false, 8.0, 2000) > 0.0);
    }
}
