/*!
`apatite render` and `apatite mesh`: pictures and surface meshes of a study.
*/

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anstream::stdout;
use apatite_dicom::{Source, read_mask};
use apatite_lesion::{Analysis, Kind, Masks, Options, analyse};
use apatite_mesh::{Format as MeshFormat, Mesh, Part, solid_bones};
use apatite_render::{
    Annotations, Axis, Picture, Plane, Projection, Raster, Regions, Scene, Surface, SurfaceLook, View,
    Window, annotate, apng, centreline, colour_of, smoothed,
};
use apatite_text::{Words, printable};
use apatite_volume::Volume;
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde_json::json;

use crate::arguments::{Format, Lang};
use crate::imaging::with_progress;
use crate::output::{tell, write_json};

/// What a command says of the study it looks at.
#[derive(Debug, Args)]
pub(crate) struct StudyArguments {
    /// Folders, files, DICOMDIR, zip archives or NIfTI of one study
    #[arg(required = true, value_name = "STUDY")]
    study: Vec<PathBuf>,
    /// Series: #2, a number, a UID or a part of its description [default: the best CT]
    #[arg(long, value_name = "SERIES")]
    series: Option<String>,
    /// Bone mask made elsewhere, NIfTI or DICOM SEG
    #[arg(long, value_name = "FILE")]
    bones: Option<PathBuf>,
    /// Language of what is told
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Lang,
}

#[derive(Debug, Args)]
pub(crate) struct Render {
    #[command(flatten)]
    pub(crate) of: StudyArguments,
    /// What to show
    #[arg(long, value_enum)]
    view: ViewKind,
    /// PNG file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Window: bone, soft-tissue, lung, full, or CENTRE,WIDTH [default: bone for CT, by the values for others]
    #[arg(long, value_name = "WINDOW", allow_hyphen_values = true)]
    window: Option<WindowChoice>,
    /// Point to look at, LPS mm [default: the middle of the volume]
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true, conflicts_with = "lesion")]
    at: Option<Point>,
    /// Lesion to look at, by its number in `apatite measure`
    #[arg(long, value_name = "ID")]
    lesion: Option<u16>,
    /// Point of an oblique plane (three) or a curve (two or more), LPS mm
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true)]
    point: Vec<Point>,
    /// Curve: along the bone nearest to --at or --lesion
    #[arg(long, conflicts_with = "point")]
    along_bone: bool,
    /// Curve: so far along the bone to each side, mm
    #[arg(long, value_name = "MM", default_value_t = 150.0)]
    reach: f64,
    /// Curve: width of the picture, mm
    #[arg(long, value_name = "MM", default_value_t = 120.0)]
    width: f64,
    /// Projection: thickness of the slab [default: the whole volume]; curve: maximum of so much
    #[arg(long, value_name = "MM")]
    slab: Option<f64>,
    /// Projection, surface: from where; 0 front, 90 the patient's left, 180 back
    #[arg(long, value_name = "DEGREES", default_value_t = 0.0, allow_hyphen_values = true)]
    turn: f64,
    /// Projection, surface: from above; 90 from the head, -90 from the feet
    #[arg(long, value_name = "DEGREES", default_value_t = 0.0, allow_hyphen_values = true)]
    tilt: f64,
    /// Projection, surface: a full turn in so many frames, as an animated PNG
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=360))]
    frames: Option<u16>,
    /// Pixels of the longer side
    #[arg(long, value_name = "PIXELS", default_value_t = 768, value_parser = clap::value_parser!(u16).range(16..=8192))]
    size: u16,
    /// Draw nothing in: no scale, letters, outlines, numbers, levels
    #[arg(long)]
    plain: bool,
}

pub(crate) const RENDER_HELP: &str = "\
Points are DICOM patient coordinates in mm: x to the patient's left, y to the back, z to the head, as
`apatite measure --format json` gives them. A CT is measured first, so that lesions can be drawn in;
--plain draws and measures nothing unless a lesion or a surface asks for it. MR can be shown in every
view but the surface.

Examples:
  apatite render ct/ --view axial --lesion 1 --window soft-tissue --out lesion.png
  apatite render ct/ --view coronal --at 12,-40,870 --window 300,1500 --out coronal.png
  apatite render ct/ --view oblique --lesion 1 --out axes.png         the plane of its two longest axes
  apatite render ct/ --view oblique --point 0,0,0 --point 9,0,40 --point 0,30,10 --out plane.png
  apatite render ct/ --view curved --along-bone --lesion 1 --out bone.png
  apatite render ct/ --view mip --turn 30 --slab 40 --lesion 1 --out slab.png
  apatite render ct/ --view surface --turn 20 --tilt 10 --out surface.png
  apatite render ct/ --view mip --frames 36 --size 400 --out turning.png
  apatite render mr/ --view sagittal --out mr.png

Exit code: 0 written; 1 something could not be read, made or written; 2 wrong usage.";

pub(crate) const MESH_HELP: &str = "\
Meshes are closed and smoothed, and hold the volume of their mask: the difference is told. Coordinates
are LPS mm; glTF is in metres, head up. Bone is what reaches 180 HU within the recognised skeleton, and
what that encloses.

Examples:
  apatite mesh ct/ --what bone --out bone.stl
  apatite mesh ct/ --what lesions --out lesions.glb
  apatite mesh ct/ --what lesion=1 --out lesion.ply
  apatite mesh ct/ --what all --out all.glb

Exit code: 0 written; 1 something could not be read, made or written; 2 wrong usage.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ViewKind {
    /// Plane across the body
    Axial,
    /// Plane from side to side
    Coronal,
    /// Plane from front to back
    Sagittal,
    /// Plane through three points or the two longest axes of a lesion
    Oblique,
    /// A curve or a bone pulled straight
    Curved,
    /// Maximum intensity projection
    Mip,
    /// Minimum intensity projection
    Minip,
    /// Mean of what lies behind one another, like a radiograph
    Average,
    /// Shaded surfaces of bone, half transparent, and lesions
    Surface,
}

#[derive(Debug, Args)]
pub(crate) struct MeshArguments {
    #[command(flatten)]
    pub(crate) of: StudyArguments,
    /// What to mesh: bone, lesions, lesion=ID, all
    #[arg(long, value_name = "WHAT")]
    what: What,
    /// File to write; its ending says the format: stl, ply, obj, glb
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Rounds of smoothing; 0 leaves the steps of the voxels
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=200))]
    smooth: u16,
    /// Form of what is told
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug)]
struct Point([f64; 3]);

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let values = numbers(text);
        match values.as_deref() {
            Some(&[x, y, z]) => Ok(Self([x, y, z])),
            _ => Err("three numbers in mm are needed, such as 12,-40,870.5".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum WindowChoice {
    Fixed(Window),
    Full,
}

impl FromStr for WindowChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, numbers(text).as_deref()) {
            ("bone", _) => Ok(Self::Fixed(Window::BONE)),
            ("soft-tissue", _) => Ok(Self::Fixed(Window::SOFT_TISSUE)),
            ("lung", _) => Ok(Self::Fixed(Window::LUNG)),
            ("full", _) => Ok(Self::Full),
            (_, Some(&[centre, width])) if width >= 1.0 => Ok(Self::Fixed(Window { centre, width })),
            _ => Err("bone, soft-tissue, lung, full, or centre and width such as 300,1500".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum What {
    Bone,
    Lesions,
    Lesion(u16),
    All,
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("lesion=").and_then(|id| id.parse().ok())) {
            ("bone", _) => Ok(Self::Bone),
            ("lesions", _) => Ok(Self::Lesions),
            ("all", _) => Ok(Self::All),
            (_, Some(id)) => Ok(Self::Lesion(id)),
            _ => Err("bone, lesions, lesion=ID or all".to_owned()),
        }
    }
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|part| part.trim().parse().ok().filter(|value: &f64| value.is_finite())).collect()
}

pub(crate) fn run_render(arguments: &Render, words: &Words<'_>) -> Result<ExitCode, Box<dyn Error>> {
    let wants = !arguments.plain
        || arguments.lesion.is_some()
        || arguments.along_bone
        || arguments.view == ViewKind::Surface;
    let (volume, analysis) = with_progress(|progress| load(&arguments.of, wants, progress))?;
    if let (Some(_), None) = (arguments.lesion, &analysis) {
        return Err(words.text("render-no-lesions", &[("modality", &volume.acquisition.modality)]).into());
    }
    let drawing = Drawing { arguments, words, scene: Scene::new(&volume), analysis: analysis.as_ref() };
    let regions = analysis.as_ref().map(|analysis| Regions::new(&analysis.labels));
    let frames = with_progress(|progress| drawing.frames(regions.as_ref(), progress))?;
    let bytes = match frames.as_slice() {
        [(picture, _)] => picture.png()?,
        _ => apng(&frames.iter().map(|(picture, _)| picture.clone()).collect::<Vec<_>>(), FRAME_MS)?,
    };
    std::fs::write(&arguments.out, &bytes).map_err(|error| cannot_write(words, &arguments.out, &error))?;
    let Some((picture, view)) = frames.first() else { return Ok(ExitCode::SUCCESS) };
    let file = printable(&arguments.out.display().to_string());
    let columns = picture.size[0].to_string();
    let rows = picture.size[1].to_string();
    let pixel = format!("{:.2}", view.pixel_mm);
    let count = frames.len().to_string();
    let known = [
        ("file", file.as_str()),
        ("columns", &columns),
        ("rows", &rows),
        ("pixel", &pixel),
        ("frames", &count),
    ];
    let key = if frames.len() > 1 { "render-written-frames" } else { "render-written" };
    writeln!(stdout(), "{}", words.text(key, &known))?;
    Ok(ExitCode::SUCCESS)
}

/// Time of a frame of a turning picture.
const FRAME_MS: u16 = 80;

/// A picture that is asked for.
struct Drawing<'a> {
    arguments: &'a Render,
    words: &'a Words<'a>,
    scene: Scene<&'a Volume>,
    analysis: Option<&'a Analysis>,
}

impl Drawing<'_> {
    fn frames(
        &self,
        regions: Option<&Regions>,
        progress: &dyn Fn(&str, f64),
    ) -> Result<Vec<(Picture, View)>, Box<dyn Error>> {
        let arguments = self.arguments;
        let Some(count) = arguments.frames else {
            return Ok(vec![self.frame(regions, arguments.turn)?]);
        };
        if !matches!(arguments.view, ViewKind::Mip | ViewKind::Minip | ViewKind::Average | ViewKind::Surface)
        {
            return Err(self.words.text("render-no-turn", &[]).into());
        }
        // frames of one size, whatever the angle shows of the volume
        let mut frames = Vec::new();
        for frame in 0..count {
            progress("frames", f64::from(frame) / f64::from(count));
            let turn = arguments.turn + 360.0 * f64::from(frame) / f64::from(count);
            frames.push(self.frame(regions, turn)?);
        }
        Ok(frames)
    }

    fn frame(&self, regions: Option<&Regions>, turn: f64) -> Result<(Picture, View), Box<dyn Error>> {
        let arguments = self.arguments;
        let volume = self.scene.volume();
        let side = usize::from(arguments.size);
        let at = self.at(regions)?;
        let raster = |raster: Raster| (Picture::from(&raster.grey(self.window(&raster))), raster.view);
        let slab_mm = arguments.slab;
        let turned = || -> Result<View, Box<dyn Error>> {
            let plane = Plane::turned(turn, arguments.tilt, at);
            match arguments.frames {
                None => Ok(View::fitting(volume, plane, side)?),
                Some(_) => Ok(turning_view(volume, plane, side)?),
            }
        };
        let (mut picture, view) = match arguments.view {
            ViewKind::Axial | ViewKind::Coronal | ViewKind::Sagittal => {
                let axis = match arguments.view {
                    ViewKind::Axial => Axis::Axial,
                    ViewKind::Coronal => Axis::Coronal,
                    _ => Axis::Sagittal,
                };
                raster(self.scene.slice(&View::orthogonal(volume, axis, Some(at), side)?))
            }
            ViewKind::Oblique => {
                let plane = match (arguments.point.as_slice(), arguments.lesion, regions) {
                    (&[a, b, c], ..) => Plane::through([a.0, b.0, c.0])?,
                    ([], Some(id), Some(regions)) => regions.largest_plane(id)?,
                    _ => return Err(self.words.text("render-which-plane", &[]).into()),
                };
                raster(self.scene.slice(&View::fitting(volume, plane, side)?))
            }
            ViewKind::Curved => raster(self.curved(at, side)?),
            ViewKind::Mip => raster(self.scene.projection(&turned()?, Projection::Maximum { slab_mm })),
            ViewKind::Minip => raster(self.scene.projection(&turned()?, Projection::Minimum { slab_mm })),
            ViewKind::Average => raster(self.scene.projection(&turned()?, Projection::Mean { slab_mm })),
            ViewKind::Surface => {
                let Some(analysis) = self.analysis else {
                    let modality = &volume.acquisition.modality;
                    return Err(self.words.text("render-no-surface", &[("modality", modality)]).into());
                };
                let view = turned()?;
                let look = SurfaceLook::default();
                let surface = Surface::new(&self.scene, analysis.bones.as_ref(), regions, look)?;
                (surface.picture(&view), view)
            }
        };
        if !arguments.plain {
            let deep = !matches!(
                arguments.view,
                ViewKind::Axial | ViewKind::Coronal | ViewKind::Sagittal | ViewKind::Oblique
            );
            // the plane of a curved picture holds at its beginning only
            let curved = arguments.view == ViewKind::Curved;
            annotate(
                &mut picture,
                &view,
                &Annotations {
                    scale_bar: true,
                    orientation: !curved,
                    lesions: if curved { None } else { regions },
                    projected: deep,
                    slab_mm: if arguments.view == ViewKind::Surface { None } else { arguments.slab },
                    outlines: arguments.view != ViewKind::Surface,
                    numbers: true,
                    levels: if deep { Vec::new() } else { self.levels() },
                    text: None,
                },
            );
        }
        Ok((picture, view))
    }

    fn at(&self, regions: Option<&Regions>) -> Result<[f64; 3], Box<dyn Error>> {
        let volume = self.scene.volume();
        Ok(match (self.arguments.lesion, regions, self.arguments.at) {
            (Some(id), Some(regions), _) => {
                // a slice of the volume, not one between two: what is seen is what was measured
                let mut centre = regions.axes(regions.get(id)?).0;
                if let Some(level) = self.levels().iter().find(|level| level.0 == id) {
                    centre[2] = level.1[2];
                }
                centre
            }
            (_, _, Some(at)) => at.0,
            _ => volume.geometry.patient_from_voxel(volume.size.map(|count| (count as f64 - 1.0) / 2.0)),
        })
    }

    fn levels(&self) -> Vec<(u16, [f64; 3], [f64; 3])> {
        let lesions = self.analysis.into_iter().flat_map(|analysis| &analysis.lesions);
        lesions
            .filter_map(|lesion| lesion.level.map(|level| (lesion.id, level)))
            .filter(|(_, level)| level.probability >= 0.5)
            .map(|(id, level)| (id, level.point_mm, level.normal))
            .collect()
    }

    fn curved(&self, at: [f64; 3], side: usize) -> Result<Raster, Box<dyn Error>> {
        let arguments = self.arguments;
        let points: Vec<[f64; 3]> = if arguments.along_bone {
            let bones = self.analysis.and_then(|analysis| analysis.bones.as_ref());
            let Some(bones) = bones else {
                let modality = &self.scene.volume().acquisition.modality;
                return Err(self.words.text("render-no-bones", &[("modality", modality)]).into());
            };
            centreline(bones, at, arguments.reach)?
        } else {
            arguments.point.iter().map(|point| point.0).collect()
        };
        let curve = smoothed(&points);
        let distance = |pair: &[[f64; 3]]| {
            (0..3).map(|axis| (pair[1][axis] - pair[0][axis]).powi(2)).sum::<f64>().sqrt()
        };
        let length = curve.windows(2).map(distance).sum::<f64>();
        let pixel_mm = length.max(arguments.width) / side as f64;
        let across = Plane::turned(arguments.turn, 0.0, at).right;
        Ok(self.scene.curved(&curve, across, arguments.width, pixel_mm, arguments.slab.unwrap_or(0.0))?)
    }

    fn window(&self, raster: &Raster) -> Window {
        match (self.arguments.window, self.arguments.view) {
            (Some(WindowChoice::Fixed(window)), _) => window,
            (Some(WindowChoice::Full), _) => Window::full(self.scene.volume()),
            // means of long ways are near to one another, whatever the tissue
            (None, ViewKind::Average | ViewKind::Minip) => raster.full_window(),
            (None, _) => Window::automatic(self.scene.volume()),
        }
    }
}

/// A square view of one size from all sides.
fn turning_view(volume: &Volume, plane: Plane, side: usize) -> Result<View, apatite_render::RenderError> {
    let middle = volume.geometry.patient_from_voxel(volume.size.map(|count| (count as f64 - 1.0) / 2.0));
    let spacing = volume.geometry.spacing_mm();
    let extent = |axis: usize| volume.size[axis] as f64 * spacing[axis];
    let across = (0..3).map(|axis| {
        let step = volume.geometry.steps_mm[axis];
        (extent(axis), (step[2] / spacing[axis]).abs())
    });
    // what turns, and what stays
    let (mut turning, mut high) = (0.0_f64, 0.0_f64);
    for (length, upright) in across {
        high += length * upright;
        turning = turning.hypot(length * (1.0 - upright * upright).max(0.0).sqrt());
    }
    let longest = turning.max(high);
    let pixels = |mm: f64| ((mm / longest * side as f64).round() as usize).max(1);
    // in a slab the depth of the plane counts: only its place within the plane is moved
    let into = plane.into_picture();
    let depth: f64 = (0..3).map(|axis| (plane.centre_mm[axis] - middle[axis]) * into[axis]).sum();
    let centre_mm = std::array::from_fn(|axis| middle[axis] + depth * into[axis]);
    View::new(Plane { centre_mm, ..plane }, [pixels(turning), pixels(high)], longest / side as f64)
}

pub(crate) fn run_mesh(arguments: &MeshArguments, words: &Words<'_>) -> Result<ExitCode, Box<dyn Error>> {
    let ending = arguments.out.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let Some(format) = MeshFormat::of_ending(ending) else {
        return Err(words.text("mesh-format", &[("ending", &printable(ending))]).into());
    };
    let (volume, analysis) = with_progress(|progress| load(&arguments.of, true, progress))?;
    let Some(analysis) = analysis else {
        return Err(words.text("render-no-lesions", &[("modality", &volume.acquisition.modality)]).into());
    };
    let made = with_progress(|progress| {
        progress("mesh", 0.0);
        parts(arguments, words, &volume, &analysis)
    })?;
    let written = File::create(&arguments.out).map(BufWriter::new).and_then(|mut out| {
        let parts: Vec<Part> = made.iter().map(|(part, _)| part.clone()).collect();
        apatite_mesh::write(&mut out, format, &parts)?;
        out.flush()
    });
    written.map_err(|error| cannot_write(words, &arguments.out, &error))?;
    let mut out = stdout().lock();
    if arguments.format == Format::Json {
        let parts: Vec<_> = made
            .iter()
            .map(|(Part { name, mesh, .. }, mask_mm3)| {
                json!({
                    "name": name,
                    "triangles": mesh.triangles.len(),
                    "vertices": mesh.vertices_mm.len(),
                    "mask_mm3": mask_mm3,
                    "mesh_mm3": mesh.volume_mm3(),
                    "area_mm2": mesh.area_mm2(),
                    "closed": mesh.is_closed(),
                })
            })
            .collect();
        let mut value = json!({ "parts": parts });
        crate::commands::finish(&mut value, words);
        write_json(&mut out, &value, false)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (Part { name, mesh, .. }, mask_mm3) in &made {
        let triangles = mesh.triangles.len().to_string();
        let volume_mm3 = mesh.volume_mm3();
        let (mesh_ml, mask_ml) = (format!("{:.3}", volume_mm3 / 1000.0), format!("{:.3}", mask_mm3 / 1000.0));
        // a difference that rounds to nothing has no sign
        let difference = ((volume_mm3 / mask_mm3 - 1.0) * 1e4).round() / 100.0 + 0.0;
        let difference = format!("{difference:+.2}");
        let area = format!("{:.1}", mesh.area_mm2() / 100.0);
        let known = [
            ("name", name.as_str()),
            ("triangles", &triangles),
            ("mesh", &mesh_ml),
            ("mask", &mask_ml),
            ("difference", &difference),
            ("area", &area),
        ];
        let key = if mesh.is_closed() { "mesh-part" } else { "mesh-part-open" };
        writeln!(out, "{}", words.text(key, &known))?;
    }
    writeln!(out, "{}", printable(&arguments.out.display().to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// Parts of bone smaller than this are left out, mm³: they are noise.
const LEAST_BONE_MM3: f64 = 100.0;
/// Bone in glTF lets lesions shine through.
const BONE_OPACITY: f64 = 0.5;

/// The meshes asked for, each with the volume of its mask, mm³. What is seen through comes last.
fn parts(
    arguments: &MeshArguments,
    words: &Words<'_>,
    volume: &Volume,
    analysis: &Analysis,
) -> Result<Vec<(Part, f64)>, Box<dyn Error>> {
    let regions = Regions::new(&analysis.labels);
    let ids: Vec<u16> = match arguments.what {
        What::Bone => Vec::new(),
        What::Lesion(id) => vec![regions.get(id)?.label],
        What::Lesions | What::All => {
            let lesions = analysis.lesions.iter().filter(|lesion| lesion.kind == Kind::Calcification);
            lesions.map(|lesion| lesion.id).collect()
        }
    };
    let smooth = |labels: &apatite_volume::Labels, label: u16, voxels: usize| {
        let mask_mm3 = voxels as f64 * labels.geometry.voxel_mm3();
        let mut mesh = Mesh::of(labels, label);
        if arguments.smooth > 0 {
            mesh.smooth(usize::from(arguments.smooth), mask_mm3);
        }
        (mesh, mask_mm3)
    };
    let mut parts: Vec<(Part, f64)> = ids
        .par_iter()
        .map(|&id| {
            let voxels = regions.get(id).map_or(0, |region| region.voxels);
            let (mesh, mask_mm3) = smooth(&analysis.labels, id, voxels);
            (Part { name: format!("lesion-{id}"), colour: colour_of(id), opacity: 1.0, mesh }, mask_mm3)
        })
        .collect();
    if let (What::Bone | What::All, Some(bones)) = (arguments.what, &analysis.bones) {
        let look = SurfaceLook::default();
        let solid = solid_bones(volume, bones, look.bone_from as i16, LEAST_BONE_MM3);
        let voxels = solid.values.iter().filter(|&&value| value != 0).count();
        if voxels > 0 {
            let (mesh, mask_mm3) = smooth(&solid, 1, voxels);
            let opacity = if matches!(arguments.what, What::All) { BONE_OPACITY } else { 1.0 };
            parts.push((Part { name: "bone".to_owned(), colour: look.bone, opacity, mesh }, mask_mm3));
        }
    }
    if parts.is_empty() {
        return Err(words.text("mesh-nothing", &[]).into());
    }
    Ok(parts)
}

/// Reads the volume and, where lesions are wanted and it is a CT, measures it with masks of bone.
fn load(
    of: &StudyArguments,
    wants_lesions: bool,
    progress: &dyn Fn(&str, f64),
) -> Result<(Volume, Option<Analysis>), Box<dyn Error>> {
    progress("headers", 0.0);
    let study = Source::open(&of.study)?;
    let series = study.choose(of.series.as_deref())?;
    let (volume, warnings) =
        series.load(&|done, all| progress("slices", 0.4 * done as f64 / all.max(1) as f64))?;
    let told = study.warnings.iter().chain(&warnings).map(ToString::to_string);
    let left = study.left_out.iter().map(|left| format!("{}: {}", left.file, left.reason));
    for note in told.chain(left) {
        tell(&format!("note: {}", printable(&note)));
    }
    if !wants_lesions || volume.acquisition.modality == "MR" {
        return Ok((volume, None));
    }
    let bones = match &of.bones {
        Some(path) => Some(read_mask(path, &volume.geometry, volume.size)?.0.labels),
        None => None,
    };
    let options = Options { bones: bones.as_ref(), masks: Masks::All, ..Options::default() };
    let analysis = analyse(&volume, &options, &|step, share| progress(step, 0.4 + 0.6 * share))?;
    for note in &analysis.warnings {
        tell(&format!("note: {}", printable(note)));
    }
    Ok((volume, Some(analysis)))
}

fn cannot_write(words: &Words<'_>, path: &Path, error: &std::io::Error) -> String {
    let file = printable(&path.display().to_string());
    words.text("render-not-written", &[("file", &file), ("why", &error.to_string())])
}
