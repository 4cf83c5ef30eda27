//! Whether a candidate is metal, or an artefact: of metal, of the skin, of noise.

use super::{Asked, RIM_HU, SKIN_MM, Scores, is_film};
use crate::Kind;
use crate::reason::{digits, say, whole};

/// Broad streaks of metal reach this far, mm.
const STREAKS_MM: f64 = 80.0;
/// Broad streaks of metal stay below this mean, and surely by this range more, HU.
const PALE_HU: (f64, f64) = (240.0, 70.0);
/// Those that spread from metal fill less than this share of the ellipsoid with their principal axes; the same for them.
const SPREAD: f64 = 0.35;
const SPREAD_HU: (f64, f64) = (280.0, 40.0);
/// Further away, those that stay below this mean, and surely by this range more, HU; their log odds.
const FAR_HU: (f64, f64) = (180.0, 20.0);
const FAR: f64 = 8.0;
/// Streaks stay within so many slices, and below this mean and peak, HU.
const SLIVER_SLICES: f64 = 2.0;
const SLIVER_HU: f64 = 300.0;
const SLIVER_PEAK_HU: f64 = 450.0;
/// Sharpening the edge between air and skin yields less than this, HU.
const OVERSHOOT_HU: f64 = 320.0;
/// Noise is dust: it fills less than this share of the ellipsoid with its principal axes.
const DUST: f64 = 0.3;
/// Of what lies about a cast or clothing, air is more than this share.
const IN_AIR: f64 = 0.7;
/// They are longer than this (four standard deviations), mm.
const WORN_MM: f64 = 30.0;
/// The shell that metal blooms into is thinner than this (four standard deviations), mm.
const BLOOM_MM: f64 = 5.0;

/// Weighs all that speaks for or against metal and artefacts.
pub(super) fn weigh(scores: &mut Scores, asked: &Asked) {
    metal(scores, asked);
    skin(scores, asked);
    noise(scores, asked);
}

/// Metal, what blooms around it, and its streaks.
fn metal(scores: &mut Scores, asked: &Asked) {
    let &Asked { scene, candidate, .. } = asked;
    let [long, _, short] = candidate.axes_mm;
    let volume = candidate.volume_mm3;
    // a broad streak is as smooth within as the tissue it brightens, and large; new bone is denser, and of one piece
    let pale_of =
        |(limit_hu, range_hu): (f64, f64)| ((limit_hu - candidate.mean_hu) / range_hu).clamp(0.0, 1.0);
    let pale = 10.0 * pale_of(if candidate.closed.compact < SPREAD { SPREAD_HU } else { PALE_HU });
    if candidate.metal_mm <= 0.0 || candidate.max_hu >= f64::from(scene.metal_hu) {
        scores.add(Kind::Metal, 10.0, say("up to {} HU", [whole(candidate.max_hu)]));
    } else if candidate.metal_mm < 3.0 {
        // blooming is as thin as the blur
        let thick = (short - BLOOM_MM).clamp(0.0, 3.0);
        scores.add(Kind::Artefact, (3.5 - 2.0 * thick).max(pale), say("blooming of metal", []));
    } else if candidate.metal_mm < STREAKS_MM {
        let streak = ((candidate.noise_hu / scene.noise_hu.max(1.0)).ln() * 2.5).clamp(0.0, 3.5);
        let weak = ((60.0 - volume) / 25.0).clamp(-3.0, 2.0);
        let near = if candidate.metal_mm < 40.0 { streak + weak } else { 0.0 };
        // whatever its density, what lies within a slice or two and is drawn out there has the form of a streak
        let slices = (candidate.high[2] - candidate.low[2]) as f64;
        let flat = slices <= SLIVER_SLICES && long > (slices + 1.0) * slices * candidate.spacing_mm()[2];
        let faint = candidate.mean_hu < SLIVER_HU && candidate.max_hu < SLIVER_PEAK_HU;
        let sliver = if flat && faint { 8.0 } else { 0.0 };
        scores.add(Kind::Artefact, near.max(pale).max(sliver), say("in the streaks of metal", []));
    } else if candidate.metal_mm > STREAKS_MM && candidate.metal_mm.is_finite() {
        // far from metal only the palest are streaks, and only in its slices
        let layers = [candidate.low, candidate.high.map(|at| at - 1)]
            .map(|voxel| scene.coarse.grid.position(scene.coarse.cell(voxel))[2]);
        if scene.skeleton.streaked[layers[0]..=layers[1]].contains(&true) {
            scores.add(Kind::Artefact, FAR * pale_of(FAR_HU), say("in the streaks of metal", []));
        }
    }
}

/// The border of the body, and what lies about it.
fn skin(scores: &mut Scores, asked: &Asked) {
    let &Asked { study, candidate, .. } = asked;
    let [long, _, short] = candidate.axes_mm;
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
}

/// Noise, by how far it rises above what is around it.
fn noise(scores: &mut Scores, asked: &Asked) {
    let &Asked { candidate, .. } = asked;
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
        if candidate.volume_mm3 < DUST * candidate.ellipsoid_mm3() {
            scores.add(Kind::Artefact, 4.0, say("scattered voxels, as noise is", []));
        }
    }
}
