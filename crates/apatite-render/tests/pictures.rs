//! Pictures of a made-up limb against reference pictures in `tests/pictures`.
//!
//! A picture passes where no more than 0.5 % of its samples differ by more than 8 of 255, and samples differ by less
//! than 0.5 on the mean. `UPDATE_EXPECT=1 cargo test -p apatite-render` writes the references anew: look at them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;

use apatite_lesion::{Options, analyse};
use apatite_render::{
    Annotations, Axis, KeyKind, Picture, Plane, Projection, Raster, Regions, Scene, Surface, SurfaceLook,
    View, Window, annotate, apng, centreline, key_images, smoothed,
};
use apatite_volume::{Acquisition, Geometry, Labels, Volume};

/// A limb with a slanted bone, a nodule half full of sediment and a small dense one; slices thicker than pixels.
fn limb() -> (Volume, Labels, Labels) {
    let size = [96, 88, 44];
    let geometry = Geometry {
        origin_mm: [-57.0, -52.0, 500.0],
        steps_mm: [[1.2, 0.0, 0.0], [0.0, 1.2, 0.0], [0.0, 0.0, 3.0]],
    };
    let count = size.iter().product();
    let mut values = vec![-1000_i16; count];
    let (mut bones, mut lesions) = (vec![0_u16; count], vec![0_u16; count]);
    for at in 0..count {
        let voxel = [at % size[0], at / size[0] % size[1], at / size[0] / size[1]];
        let [x, y, z] = geometry.patient_from_voxel(voxel.map(|at| at as f64));
        let along = (z - 500.0) / 129.0;
        let skin = (x / (50.0 - 8.0 * along)).hypot(y / 44.0);
        let bone = (x + 12.0 - 16.0 * along).hypot(y + 4.0);
        let ball = |centre: [f64; 3]| (x - centre[0]).hypot(y - centre[1]).hypot(z - centre[2]);
        let (nodule, small) = (ball([22.0, 14.0, 560.0]), ball([-24.0, 18.0, 590.0]));
        // a slow pattern instead of noise, the same everywhere
        let pattern = 12.0 * ((x * 0.9).sin() + (y * 0.7 + z * 0.2).sin());
        let hu = match () {
            () if nodule < 13.0 => {
                if y > 15.0 {
                    420.0
                } else {
                    170.0
                }
            }
            () if small < 6.0 => 700.0,
            () if bone < 8.0 => 80.0,
            () if bone < 13.0 => 1200.0,
            () if skin < 0.84 => 55.0,
            () if skin < 1.0 => -100.0,
            () => -1000.0,
        };
        values[at] = (hu + if hu > -900.0 { pattern } else { 0.0 }) as i16;
        bones[at] = u16::from(bone < 14.0);
        lesions[at] = if nodule < 13.0 { 1 } else { 2 * u16::from(small < 6.0) };
    }
    let acquisition =
        Acquisition { modality: "CT".into(), patient_position: "HFS".into(), ..Acquisition::default() };
    (
        Volume { size, values, geometry, padding: None, acquisition },
        Labels { size, values: bones, geometry },
        Labels { size, values: lesions, geometry },
    )
}

const MIDDLE: [f64; 3] = [0.0, 0.0, 564.5];

fn check(name: &str, picture: &Picture) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(format!("{name}.png"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, picture.png().unwrap()).unwrap();
        return;
    }
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut expected = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut expected).unwrap();
    assert_eq!([info.width as usize, info.height as usize], picture.size, "{name}");
    let found = picture.pixels.as_flattened();
    let difference = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b));
    let far = found.iter().zip(&expected).filter(|&pair| difference(pair) > 8.0).count();
    let mean = found.iter().zip(&expected).map(difference).sum::<f64>() / found.len() as f64;
    let share = far as f64 / found.len() as f64;
    if share > 0.005 || mean >= 0.5 {
        let wrong = std::env::temp_dir().join(format!("apatite-{name}.png"));
        std::fs::write(&wrong, picture.png().unwrap()).unwrap();
        panic!("{name}: {:.2} % differ, {mean:.2} on the mean; see {}", share * 100.0, wrong.display());
    }
}

#[test]
fn slices_and_projections() {
    let (volume, bones, labels) = limb();
    let scene = Scene::new(&volume);
    let regions = Regions::new(&labels);
    let level = (1, [22.0, 15.0, 560.0], [0.0, -1.0, 0.0]);
    let drawn = Annotations {
        scale_bar: true,
        orientation: true,
        lesions: Some(&regions),
        outlines: true,
        numbers: true,
        levels: vec![level],
        ..Annotations::default()
    };
    let deep = Annotations { projected: true, levels: Vec::new(), ..drawn.clone() };
    let draw = |name: &str, raster: &Raster, window: Window, annotations: &Annotations| {
        let mut picture = Picture::from(&raster.grey(window));
        annotate(&mut picture, &raster.view, annotations);
        check(name, &picture);
    };
    for (name, axis, at, window) in [
        ("axial-bone", Axis::Axial, [0.0, 0.0, 560.0], Window::BONE),
        ("axial-soft-tissue", Axis::Axial, [0.0, 0.0, 560.0], Window::SOFT_TISSUE),
        ("coronal-full", Axis::Coronal, [0.0, 18.0, 560.0], Window::full(&volume)),
        ("sagittal-percentiles", Axis::Sagittal, [22.0, 0.0, 0.0], Window::percentiles(&volume, 0.01, 0.995)),
    ] {
        draw(name, &scene.slice(&View::orthogonal(&volume, axis, Some(at), 220).unwrap()), window, &drawn);
    }
    let plane = Plane::through([[22.0, 14.0, 560.0], [-24.0, 18.0, 590.0], [0.0, -4.0, 560.0]]).unwrap();
    draw(
        "oblique-three-points",
        &scene.slice(&View::fitting(&volume, plane, 220).unwrap()),
        Window::BONE,
        &drawn,
    );
    let plane = regions.largest_plane(2).unwrap();
    draw("oblique-lesion", &scene.slice(&View::fitting(&volume, plane, 220).unwrap()), Window::BONE, &drawn);
    let line = smoothed(&centreline(&bones, MIDDLE, 60.0).unwrap());
    let curved = scene.curved(&line, [1.0, 0.0, 0.0], 80.0, 0.6, 0.0).unwrap();
    draw("curved-bone", &curved, Window::BONE, &Annotations { scale_bar: true, ..Annotations::default() });
    for (name, turn, tilt, projection) in [
        ("mip-front", 0.0, 0.0, Projection::Maximum { slab_mm: None }),
        ("mip-oblique", 35.0, 20.0, Projection::Maximum { slab_mm: None }),
        ("mip-slab", 0.0, -90.0, Projection::Maximum { slab_mm: Some(12.0) }),
        ("minip-slab", 20.0, 0.0, Projection::Minimum { slab_mm: Some(20.0) }),
        ("mean-left", 90.0, 0.0, Projection::Mean { slab_mm: None }),
    ] {
        let view = View::fitting(&volume, Plane::turned(turn, tilt, MIDDLE), 220).unwrap();
        let raster = scene.projection(&view, projection);
        let full = raster.full_window();
        draw(
            name,
            &raster,
            if name.starts_with("mip") { Window::BONE } else { full },
            &Annotations { slab_mm: projection.slab_mm(), ..deep.clone() },
        );
    }
}

#[test]
fn surfaces() {
    let (volume, bones, labels) = limb();
    let scene = Scene::new(&volume);
    let regions = Regions::new(&labels);
    let surface = Surface::new(&scene, Some(&bones), Some(&regions), SurfaceLook::default()).unwrap();
    for (name, turn, tilt) in [("surface-front", 0.0, 0.0), ("surface-behind-bone", 230.0, 15.0)] {
        let view = View::fitting(&volume, Plane::turned(turn, tilt, MIDDLE), 220).unwrap();
        let mut picture = surface.picture(&view);
        let drawn = Annotations {
            scale_bar: true,
            orientation: true,
            numbers: true,
            projected: true,
            lesions: Some(&regions),
            ..Annotations::default()
        };
        annotate(&mut picture, &view, &drawn);
        check(name, &picture);
    }
}

#[test]
fn key_images_show_each_lesion_then_the_whole() {
    let (volume, ..) = limb();
    let analysis =
        analyse(&volume, &Options { masks: apatite_lesion::Masks::All, ..Options::default() }, &|_, _| {})
            .unwrap();
    assert!(!analysis.lesions.is_empty());
    for most in [0, 1, 50] {
        let images = key_images(&Scene::new(&volume), &analysis, 300, most).unwrap();
        let lesions = images.iter().filter(|image| image.lesion.is_some()).count();
        assert!(lesions <= most && images.len() == lesions + 2, "{most}");
        assert_eq!(images[lesions].kind, KeyKind::Projection);
        assert_eq!(images[lesions + 1].kind, KeyKind::Surface);
        for image in &images {
            assert_eq!(image.png[1..4], *b"PNG");
            assert_eq!(image.view.size, image.picture.size);
            assert!(image.picture.size.iter().all(|&side| side <= 300));
        }
    }
}

/// Pictures do not depend on the number of threads.
#[test]
fn same_bytes_on_any_number_of_threads() {
    let (volume, bones, labels) = limb();
    let regions = Regions::new(&labels);
    let make = || {
        let scene = Scene::new(&volume);
        let surface = Surface::new(&scene, Some(&bones), Some(&regions), SurfaceLook::default()).unwrap();
        let frames: Vec<Picture> = [0.0, 40.0, 80.0]
            .map(|turn| {
                let view = View::new(Plane::turned(turn, 10.0, MIDDLE), [120, 130], 1.0).unwrap();
                let projection = scene.projection(&view, Projection::Maximum { slab_mm: None });
                let mut picture = surface.picture(&view);
                let grey = Picture::from(&projection.grey(Window::BONE));
                picture.pixels.extend(grey.pixels);
                picture.size[1] *= 2;
                picture
            })
            .into();
        apng(&frames, 80).unwrap()
    };
    let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(make);
    let one = on(1);
    assert_eq!(one, on(3));
    assert_eq!(one.windows(4).filter(|name| *name == b"fcTL").count(), 3);
    assert!(apng(&[], 80).is_err());
}

#[test]
fn five_hundred_lesions_and_lesions_at_the_border_are_drawn() {
    let (volume, _, mut labels) = limb();
    for (at, value) in labels.values.iter_mut().enumerate() {
        let [x, y, z] = [at % 96, at / 96 % 88, at / 96 / 88];
        *value = if x % 8 < 3 && y % 8 < 3 && z % 4 < 2 {
            ((x / 8 + y / 8 * 12 + z / 4 * 132) % 500 + 1) as u16
        } else {
            0
        };
    }
    let regions = Regions::new(&labels);
    assert_eq!(regions.list().len(), 500);
    let view = View::orthogonal(&volume, Axis::Axial, None, 400).unwrap();
    let mut picture = Picture::from(&Scene::new(&volume).slice(&view).grey(Window::BONE));
    let drawn =
        Annotations { lesions: Some(&regions), outlines: true, numbers: true, ..Annotations::default() };
    let before = picture.clone();
    annotate(&mut picture, &view, &drawn);
    assert_ne!(before, picture);
    assert!(regions.get(501).is_err());
}
