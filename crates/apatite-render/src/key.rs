use std::borrow::Borrow;

use apatite_lesion::{Analysis, Kind, Lesion};
use apatite_volume::Volume;

use crate::picture::Picture;
use crate::project::Projection;
use crate::regions::Regions;
use crate::surface::{Surface, SurfaceLook};
use crate::view::middle;
use crate::{Annotations, Axis, Plane, RenderError, Scene, View, Window, annotate};

/// What a picture of a report shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A lesion where its section is largest.
    Lesion,
    /// A lesion where its fluid-sediment level is seen best.
    Level,
    /// Maximum intensity projection of everything, from the front.
    Projection,
    /// Surfaces of bones and lesions, from the front and the left.
    Surface,
}

/// A picture of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyImage {
    /// What it shows.
    pub kind: KeyKind,
    /// Fluent key of the caption: `image-lesion`, `image-level`, `image-projection`, `image-surface`; the first two take
    /// `$id`.
    pub caption: &'static str,
    /// The lesion it is about.
    pub lesion: Option<u16>,
    /// Where it lies.
    pub view: View,
    /// The picture with everything drawn in.
    pub picture: Picture,
    /// The same as a PNG file.
    pub png: Vec<u8>,
}

/// A level is drawn from this probability on.
const LEVEL_FROM: f64 = 0.5;

/// The pictures of a report, `side` pixels on their longer side: the calcifications of the analysis at their best
/// section with outline, number and level, the first `most` of them; a maximum intensity projection; the surfaces of
/// bones and lesions. Bones need an analysis with masks; without one everything dense is shown as bone.
///
/// # Errors
/// Where volume and analysis do not fit, or a picture cannot be encoded.
pub fn key_images<V: Borrow<Volume>>(
    scene: &Scene<V>,
    analysis: &Analysis,
    side: usize,
    most: usize,
) -> Result<Vec<KeyImage>, RenderError> {
    let volume = scene.volume();
    let regions = Regions::new(&analysis.labels);
    let levels: Vec<_> = analysis.lesions.iter().filter_map(level_of).collect();
    let drawn = Annotations {
        scale_bar: true,
        orientation: true,
        lesions: Some(&regions),
        outlines: true,
        numbers: true,
        ..Annotations::default()
    };
    let mut images = Vec::new();
    for lesion in analysis.lesions.iter().filter(|lesion| lesion.kind == Kind::Calcification).take(most) {
        let view = lesion_view(volume, &regions, lesion, side)?;
        let mut picture = Picture::from(&scene.slice(&view).grey(lesion_window(lesion)));
        annotate(&mut picture, &view, &Annotations { levels: levels.clone(), ..drawn.clone() });
        let (kind, caption) = match level_of(lesion) {
            Some(_) => (KeyKind::Level, "image-level"),
            None => (KeyKind::Lesion, "image-lesion"),
        };
        images.push(key_image(kind, caption, Some(lesion.id), view, picture)?);
    }
    let view = View::fitting(volume, Plane::orthogonal(Axis::Coronal, middle(volume)), side)?;
    let projection = scene.projection(&view, Projection::Maximum { slab_mm: None });
    let mut picture = Picture::from(&projection.grey(Window::BONE));
    annotate(&mut picture, &view, &Annotations { projected: true, ..drawn.clone() });
    images.push(key_image(KeyKind::Projection, "image-projection", None, view, picture)?);

    let view = View::fitting(volume, Plane::turned(30.0, 15.0, middle(volume)), side)?;
    let surface = Surface::new(scene, analysis.bones.as_ref(), Some(&regions), SurfaceLook::default())?;
    let mut picture = surface.picture(&view);
    annotate(&mut picture, &view, &Annotations { projected: true, outlines: false, ..drawn });
    images.push(key_image(KeyKind::Surface, "image-surface", None, view, picture)?);
    Ok(images)
}

fn key_image(
    kind: KeyKind,
    caption: &'static str,
    lesion: Option<u16>,
    view: View,
    picture: Picture,
) -> Result<KeyImage, RenderError> {
    let png = picture.png()?;
    Ok(KeyImage { kind, caption, lesion, view, picture, png })
}

/// What [`Annotations::levels`] wants of a lesion.
fn level_of(lesion: &Lesion) -> Option<(u16, [f64; 3], [f64; 3])> {
    let level = lesion.level.filter(|level| level.probability >= LEVEL_FROM)?;
    Some((lesion.id, level.point_mm, level.normal))
}

/// The axial plane through the lesion where its section is largest, or through its level, with some of what lies about
/// it.
fn lesion_view(
    volume: &Volume,
    regions: &Regions,
    lesion: &Lesion,
    side: usize,
) -> Result<View, RenderError> {
    let region = regions.get(lesion.id)?;
    let (mut centre_mm, _) = regions.axes(region);
    match level_of(lesion) {
        Some((_, point, _)) => centre_mm[2] = point[2],
        None => {
            // the axis of the volume that runs along the patient
            let steps = volume.geometry.steps_mm;
            let axis = (0..3).max_by(|&a, &b| {
                let share = |axis: usize| steps[axis][2].abs() / volume.geometry.spacing_mm()[axis];
                share(a).total_cmp(&share(b))
            });
            let axis = axis.unwrap_or(2);
            let mut voxel = volume.geometry.voxel_from_patient(centre_mm);
            voxel[axis] = regions.largest_layer(region, axis) as f64;
            centre_mm = volume.geometry.patient_from_voxel(voxel);
        }
    }
    let [low, high] = lesion.box_mm;
    let widest = (0..2).map(|axis| high[axis] - low[axis]).fold(0.0, f64::max);
    let field_mm = (widest * 2.2).max(80.0);
    View::new(Plane::orthogonal(Axis::Axial, centre_mm), [side, side], field_mm / side.max(1) as f64)
}

/// From fat to the denser part of the lesion, so that muscle, rim and content differ.
fn lesion_window(lesion: &Lesion) -> Window {
    let [.., dense] = lesion.percentiles_hu;
    Window::between(-150.0, (dense * 1.25).max(350.0))
}
