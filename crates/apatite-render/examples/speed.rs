//! How long pictures of a volume of 512 × 512 × 400 take: least and median of several runs, and the processor time of
//! one (which other work on the machine does not change), ms, as JSON.
//!
//! `cargo run --release -p apatite-render --example speed -- VOLUME.raw RUNS`; the volume is the one that
//! `tests/oracle/render_speed.py` writes (i16, little endian), so that all programs are given the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::time::Instant;

use apatite_render::{Axis, Picture, Plane, Projection, Scene, Surface, SurfaceLook, View, Window};
use apatite_volume::{Acquisition, Geometry, Volume};

const SIZE: [usize; 3] = [512, 512, 400];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let bytes = std::fs::read(arguments.next().expect("a volume")).expect("readable");
    let runs: usize = arguments.next().expect("a number of runs").parse().expect("a number");
    let values: Vec<i16> = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    drop(bytes);
    let steps_mm = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.8]];
    let geometry = Geometry { origin_mm: [0.0; 3], steps_mm };
    let volume = Volume { size: SIZE, values, geometry, padding: None, acquisition: Acquisition::default() };
    let middle = geometry.patient_from_voxel([255.5, 255.5, 199.5]);
    let mip = Projection::Maximum { slab_mm: None };
    let view = |plane| View::new(plane, [512, 512], 0.7).expect("a view");
    let prepared = Scene::new(&volume);
    let measure = |name: &str, work: &dyn Fn()| {
        let before = cpu_ms();
        let mut times: Vec<f64> = (0..runs)
            .map(|_| {
                let start = Instant::now();
                work();
                start.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        let cpu = (cpu_ms() - before) / runs as f64;
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[runs / 2]);
        println!(
            "{{\"what\": \"{name}\", \"least_ms\": {least:.1}, \"median_ms\": {median:.1}, \"cpu_ms\": {cpu:.1}}}"
        );
    };
    let planes = [
        ("MIP axial", Plane::orthogonal(Axis::Axial, middle)),
        ("MIP coronal", Plane::orthogonal(Axis::Coronal, middle)),
        ("MIP sagittal", Plane::orthogonal(Axis::Sagittal, middle)),
        ("MIP oblique", Plane::turned(30.0, 20.0, middle)),
    ];
    measure("blocks", &|| {
        let scene = Scene::new(&volume);
        let tiny = View::new(Plane::turned(30.0, 20.0, middle), [1, 1], 0.7).expect("a view");
        std::hint::black_box(scene.projection(&tiny, mip));
    });
    for (name, plane) in planes {
        measure(name, &|| {
            std::hint::black_box(prepared.projection(&view(plane), mip).grey(Window::BONE));
        });
    }
    measure("mean coronal", &|| {
        let plane = Plane::orthogonal(Axis::Coronal, middle);
        std::hint::black_box(
            prepared.projection(&view(plane), Projection::Mean { slab_mm: None }).grey(Window::BONE),
        );
    });
    measure("oblique slice", &|| {
        std::hint::black_box(prepared.slice(&view(Plane::turned(30.0, 20.0, middle))).grey(Window::BONE));
    });
    let surface = Surface::new(&prepared, None, None, SurfaceLook::default()).expect("a surface");
    measure("surface", &|| {
        std::hint::black_box(surface.picture(&view(Plane::turned(30.0, 20.0, middle))));
    });
    measure("surface with all that precedes it", &|| {
        let scene = Scene::new(&volume);
        let surface = Surface::new(&scene, None, None, SurfaceLook::default()).expect("a surface");
        std::hint::black_box(surface.picture(&view(Plane::turned(30.0, 20.0, middle))));
    });
    let grey = prepared.projection(&view(planes[0].1), mip).grey(Window::BONE);
    measure("PNG", &|| {
        std::hint::black_box(Picture::from(&grey).png().expect("a file"));
    });
}

/// Processor time of this program so far, of all threads; Linux only, in steps of 10 ms.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // utime and stime, counted from behind the name, in hundredths of a second
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields.iter().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() * 10.0
}
