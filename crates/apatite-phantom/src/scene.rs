/*!
What lies where: parts painted over one another, each an implicit shape of one material.

A scene is in the frame of its region (see [`crate::anatomy`]), mm; a later layer hides an earlier one.
*/

use crate::shape::Shape;
use crate::space::Point;

/// A material: its true attenuation, before the scanner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Material {
    /// HU.
    pub(crate) hu: f32,
    /// Largest deviation of its texture, HU.
    pub(crate) texture: f32,
    /// Size of the features of its texture, mm.
    pub(crate) grain_mm: f32,
}

impl Material {
    pub(crate) const fn new(hu: f32, texture: f32, grain_mm: f32) -> Self {
        Self { hu, texture, grain_mm }
    }
}

// Attenuations at 120 kVp: Lamba et al., AJR 2014; 203: W351 (soft tissues); Schreiber et al., J Bone Joint Surg Am
// 2011; 93: 1057 (trabecular bone).
pub(crate) const AIR: Material = Material::new(-1000.0, 0.0, 1.0);
pub(crate) const LUNG: Material = Material::new(-830.0, 70.0, 6.0);
pub(crate) const CLOTH: Material = Material::new(-780.0, 120.0, 5.0);
pub(crate) const FOAM: Material = Material::new(-950.0, 20.0, 8.0);
pub(crate) const TABLE_SKIN: Material = Material::new(-180.0, 30.0, 10.0);
pub(crate) const SKIN: Material = Material::new(45.0, 15.0, 3.0);
pub(crate) const FAT: Material = Material::new(-102.0, 14.0, 7.0);
pub(crate) const PULP: Material = Material::new(-55.0, 35.0, 2.5);
pub(crate) const MUSCLE: Material = Material::new(58.0, 10.0, 5.0);
pub(crate) const TENDON: Material = Material::new(95.0, 10.0, 3.0);
pub(crate) const BLOOD: Material = Material::new(44.0, 4.0, 6.0);
pub(crate) const NERVE: Material = Material::new(28.0, 15.0, 2.0);
pub(crate) const FLUID: Material = Material::new(12.0, 4.0, 6.0);
pub(crate) const CARTILAGE: Material = Material::new(100.0, 10.0, 3.0);
pub(crate) const BOWEL: Material = Material::new(25.0, 40.0, 9.0);
pub(crate) const GAS: Material = Material::new(-960.0, 0.0, 1.0);
pub(crate) const CORTEX: Material = Material::new(1450.0, 130.0, 4.0);
pub(crate) const THIN_CORTEX: Material = Material::new(980.0, 120.0, 3.0);
pub(crate) const FATTY_MARROW: Material = Material::new(-45.0, 35.0, 6.0);
pub(crate) const COBALT_CHROME: Material = Material::new(18_000.0, 0.0, 1.0);
pub(crate) const TITANIUM: Material = Material::new(8_000.0, 0.0, 1.0);
pub(crate) const POLYETHYLENE: Material = Material::new(-80.0, 10.0, 3.0);

/// Order of painting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Surroundings,
    Skin,
    Fat,
    Muscle,
    Tendon,
    Vessel,
    /// Lesions that a vessel or a bone hides.
    SoftTissueLesion,
    Cartilage,
    Bone,
    Marrow,
    /// Lesions that replace bone.
    OverBone,
    Metal,
}

/// What a part counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Tissue,
    /// A bone, numbered from 1.
    Bone(u16),
    /// The mineral of a lesion.
    Mineral(u16),
    /// What belongs to a lesion and is no mineral: fluid, lucent centre, fibrous tissue.
    Matrix(u16),
    Metal,
}

/// One painted solid.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) layer: Layer,
    pub(crate) shape: Shape,
    pub(crate) material: Material,
    pub(crate) tag: Tag,
}

/// All parts, and the bones for questions of contact.
#[derive(Clone, Default)]
pub(crate) struct Scene {
    parts: Vec<Part>,
    bones: Vec<Shape>,
}

impl Scene {
    pub(crate) fn add(&mut self, layer: Layer, shape: Shape, material: Material, tag: Tag) {
        self.parts.push(Part { layer, shape, material, tag });
    }

    pub(crate) fn tissue(&mut self, layer: Layer, shape: Shape, material: Material) {
        self.add(layer, shape, material, Tag::Tissue);
    }

    /// A bone with a cortex and trabecular marrow; its number.
    pub(crate) fn bone(&mut self, shape: &Shape, cortex_mm: f64, cortex: Material, marrow: Material) -> u16 {
        self.bones.push(shape.clone());
        let number = self.bones.len() as u16;
        self.add(Layer::Bone, shape.clone(), cortex, Tag::Bone(number));
        self.add(Layer::Marrow, shape.grown(-cortex_mm), marrow, Tag::Bone(number));
        number
    }

    /// Something else within a bone: the marrow cavity of a shaft, a sclerotic zone.
    pub(crate) fn inside_bone(&mut self, number: u16, shape: Shape, material: Material) {
        self.add(Layer::Marrow, shape, material, Tag::Bone(number));
    }

    /// Mineral in soft tissue, hidden by bone.
    pub(crate) fn mineral(&mut self, lesion: u16, shape: Shape, material: Material) {
        self.add(Layer::SoftTissueLesion, shape, material, Tag::Mineral(lesion));
    }

    /// What belongs to a lesion and is no mineral.
    pub(crate) fn matrix(&mut self, lesion: u16, shape: Shape, material: Material) {
        self.add(Layer::SoftTissueLesion, shape, material, Tag::Matrix(lesion));
    }

    /// Makes parts larger about a point: `by` gives the point and the factor of length for the tag of a part.
    pub(crate) fn swell(&mut self, by: impl Fn(Tag) -> Option<(Point, f64)>) {
        for part in &mut self.parts {
            if let Some((centre, factor)) = by(part.tag) {
                part.shape = part.shape.scaled(centre, factor);
            }
        }
    }

    pub(crate) fn bones(&self) -> &[Shape] {
        &self.bones
    }

    /// The parts in painting order.
    pub(crate) fn painted(&self) -> Vec<Part> {
        let mut parts = self.parts.clone();
        // stable: parts of one layer stay in the order they were added
        parts.sort_by_key(|part| part.layer);
        parts
    }
}
