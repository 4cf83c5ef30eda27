/*!
The anatomy that lesions are put in: hand, forefoot, thigh, knee, hip and shoulder.

A region has a frame of its own, in mm. For the left side of a patient who stands: +x lateral, +y posterior, +z to the
head. In hand and foot +z runs to the fingertips and +y is palmar (plantar), x = 0 the middle ray, +x ulnar (fibular).
Sizes are those of adults (Gray's Anatomy; White and Folkens, *Human Osteology*), varied by the draws.
*/

mod hand;
mod limb;
mod pelvis;
mod shoulder;

pub(crate) use hand::{Ray, foot, hand};
pub(crate) use limb::{Knee, QUADRICEPS, Thigh, knee, thigh};
pub(crate) use pelvis::{Pelvis, pelvis};
pub(crate) use shoulder::{Shoulder, shoulder};

use crate::draw::Draw;
use crate::scene::{BLOOD, FAT, Layer, MUSCLE, Material, SKIN, Scene};
use crate::shape::{Bellies, Path, Shape};
use crate::space::{Point, Turn};

/// A region with its soft tissues and bones, before any lesion.
pub(crate) struct Body {
    pub(crate) scene: Scene,
    /// Everything under the outer surface of the skin.
    pub(crate) skin: Shape,
    /// Everything under the deep fascia.
    pub(crate) fascia: Shape,
    pub(crate) bellies: Bellies,
    /// How far muscle reaches beyond the spindles of the bellies, mm.
    pub(crate) swell: f64,
    /// Middle of the field of view.
    pub(crate) centre: Point,
    /// Usual voxel, mm, for 256×256×160.
    pub(crate) spacing_mm: [f64; 3],
    /// From the patient to the region's frame, before the tilt of the study.
    pub(crate) turn: Turn,
    /// Largest tilt of the part in the scanner, degrees: about x and y, then about z.
    pub(crate) tilt_degrees: [f64; 2],
}

impl Body {
    /// Skin, subcutaneous fat, deep fascia and muscles.
    fn soft_tissue(&mut self, skin_mm: f64, plane_mm: f64) {
        let scene = &mut self.scene;
        scene.tissue(Layer::Skin, self.skin.clone(), SKIN);
        scene.tissue(Layer::Fat, self.skin.grown(-skin_mm), FAT);
        // the deep fascia is a line of muscle density about half a millimetre thick
        scene.tissue(Layer::Muscle, self.fascia.rind(0.5), MUSCLE);
        scene.tissue(Layer::Muscle, self.bellies.muscle(&self.fascia, self.swell, plane_mm), MUSCLE);
    }

    /// A vessel with the fat about it.
    fn vessel(&mut self, path: &Path, sheath_mm: f64) {
        let (lumen, sheath) = (path.clone(), path.clone());
        if sheath_mm > 0.0 {
            let around = Shape::new(move |point| sheath.outside(point) - sheath_mm);
            self.scene.tissue(Layer::Tendon, around.and(&self.fascia), FAT);
        }
        self.scene.tissue(Layer::Vessel, Shape::new(move |point| lumen.outside(point)), BLOOD);
    }
}

/// A belly through points, thin at its ends.
fn belly(points: &[Point], radius: f64, draw: &mut Draw) -> Path {
    let shift = [draw.within(-2.0, 2.0), draw.within(-2.0, 2.0), draw.within(-4.0, 4.0)];
    let size = radius * draw.within(0.9, 1.12);
    let points: Vec<Point> =
        points.iter().map(|point| [point[0] + shift[0], point[1] + shift[1], point[2] + shift[2]]).collect();
    let last = points.len() - 1;
    if let [from, to] = points[..] {
        let waist = crate::space::middle(from, to, 0.5);
        return Path::new(&[from, waist, to], &[0.55 * size, size, 0.55 * size]);
    }
    let radii: Vec<f64> =
        (0..=last).map(|place| if place == 0 || place == last { 0.55 * size } else { size }).collect();
    Path::new(&points, &radii)
}

/// The marrow of a bone, by age: more fat and fewer trabeculae.
fn marrow(draw: &mut Draw) -> Material {
    Material::new(draw.within(150.0, 300.0) as f32, 95.0, draw.within(1.8, 2.6) as f32)
}
