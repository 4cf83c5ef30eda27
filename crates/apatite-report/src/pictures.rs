use std::borrow::Borrow;

use apatite_lesion::{Kind, Lesion};
use apatite_render::{Axis, KeyImage, KeyKind, RenderError, Scene, View, Window, annotate, key_images};
use apatite_study::Measurement;
use apatite_text::Words;
use apatite_volume::Volume;

use crate::report::Picture;

/// Longer side of a picture, pixels.
const SIDE: usize = 480;
/// So many lesions have a picture of their own.
const LESIONS: usize = 6;

/// The key images of a study that was measured: each of the first lesions at its best section, a projection, surfaces.
///
/// # Errors
/// Where the measurement is not one of this volume.
pub fn pictures_of_measured<V: Borrow<Volume>>(
    words: &Words<'_>,
    volume: V,
    measurement: &Measurement,
) -> Result<Vec<Picture>, RenderError> {
    let scene = Scene::new(volume);
    let images = key_images(&scene, &measurement.analysis, SIDE, LESIONS)?;
    Ok(images.into_iter().map(|image| captioned(words, image, measurement)).collect())
}

/// Sections of a study that was not measured: axial, coronal and sagittal through `at_mm` (LPS), or through its middle.
///
/// # Errors
/// Where the volume has no extent.
pub fn pictures_of_shown<V: Borrow<Volume>>(
    words: &Words<'_>,
    volume: V,
    at_mm: Option<[f64; 3]>,
) -> Result<Vec<Picture>, RenderError> {
    let scene = Scene::new(volume);
    let window = Window::automatic(scene.volume());
    let planes = [(Axis::Axial, "axial"), (Axis::Coronal, "coronal"), (Axis::Sagittal, "sagittal")];
    let mut pictures = Vec::new();
    for (axis, name) in planes {
        let view = View::orthogonal(scene.volume(), axis, at_mm, SIDE)?;
        let mut picture = apatite_render::Picture::from(&scene.slice(&view).grey(window));
        let drawn = apatite_render::Annotations { scale_bar: true, orientation: true, ..Default::default() };
        annotate(&mut picture, &view, &drawn);
        let plane = words.text(&format!("report-plane-{name}"), &[]);
        let key = if at_mm.is_some() { "report-picture-through" } else { "report-picture-middle" };
        let caption = words.text(key, &[("plane", &plane)]);
        pictures.push(Picture {
            png: picture.png()?,
            size: picture.size.map(|length| length as u32),
            alternative: caption.clone(),
            caption,
        });
    }
    Ok(pictures)
}

/// Whether a point lies in a volume.
#[must_use]
pub fn is_in_view(volume: &Volume, point_mm: [f64; 3]) -> bool {
    let voxel = volume.geometry.voxel_from_patient(point_mm);
    (0..3).all(|axis| voxel[axis] >= 0.0 && voxel[axis] <= volume.size[axis] as f64 - 1.0)
}

fn captioned(words: &Words<'_>, image: KeyImage, measurement: &Measurement) -> Picture {
    let analysis = &measurement.analysis;
    let lesion = image.lesion.and_then(|id| analysis.lesions.iter().find(|lesion| lesion.id == id));
    let key = match image.kind {
        KeyKind::Lesion => "report-picture-lesion",
        KeyKind::Level => "report-picture-level",
        KeyKind::Projection => "report-picture-projection",
        KeyKind::Surface => "report-picture-surface",
    };
    let id = image.lesion.map_or(String::new(), |id| id.to_string());
    let caption = words.text(key, &[("id", &id)]);
    let alternative = match lesion {
        Some(lesion) => format!("{caption} {}", figures(words, lesion)),
        None => {
            let lesions = analysis.lesions.iter().filter(|lesion| lesion.kind == Kind::Calcification).count();
            format!("{caption} {}.", words.counted("report-count-calcifications", lesions))
        }
    };
    Picture { png: image.png, size: image.picture.size.map(|length| length as u32), caption, alternative }
}

fn figures(words: &Words<'_>, lesion: &Lesion) -> String {
    let arguments = [
        ("diameter", words.decimals(lesion.diameter_mm, 0)),
        ("mean", words.decimals(lesion.mean_hu, 0)),
        ("max", words.decimals(lesion.max_hu, 0)),
    ];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
    words.text("report-picture-figures", &arguments)
}
