//! scratch: tile a dump to 512x512x400 and time; write masks for oracles
use apatite_volume::{Acquisition, Geometry, Volume};
fn main() {
    let base = std::env::args().nth(1).unwrap();
    let meta: serde_json::Value =
        serde_json::from_slice(&std::fs::read(format!("{base}.json")).unwrap()).unwrap();
    let raw: Vec<i16> = std::fs::read(format!("{base}.raw"))
        .unwrap()
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect();
    let s: [usize; 3] = std::array::from_fn(|i| meta["size"][i].as_u64().unwrap() as usize);
    let f = |v: &serde_json::Value| -> [f64; 3] { std::array::from_fn(|i| v[i].as_f64().unwrap()) };
    let mut steps: [[f64; 3]; 3] = std::array::from_fn(|i| f(&meta["steps"][i]));
    let size = [512, 512, 400];
    for (axis, step) in steps.iter_mut().enumerate() {
        for v in step.iter_mut() {
            *v *= s[axis] as f64 / size[axis] as f64;
        }
    }
    let mut values = Vec::with_capacity(size.iter().product());
    for z in 0..size[2] {
        for y in 0..size[1] {
            for x in 0..size[0] {
                let p = [x * s[0] / 512, y * s[1] / 512, z * s[2] / 400];
                values.push(raw[(p[2] * s[1] + p[1]) * s[0] + p[0]]);
            }
        }
    }
    let volume = Volume {
        size,
        values,
        geometry: Geometry { origin_mm: f(&meta["origin"]), steps_mm: steps },
        padding: None,
        acquisition: Acquisition {
            modality: "CT".into(),
            patient_position: "HFS".into(),
            ..Acquisition::default()
        },
    };
    for _ in 0..3 {
        let t = std::time::Instant::now();
        let a = apatite_lesion::analyse(&volume, &apatite_lesion::Options::default(), &|_, _| {}).unwrap();
        println!(
            "{:.0} ms, {} lesions {:?}",
            t.elapsed().as_secs_f64() * 1e3,
            a.lesions.len(),
            a.timings_ms.iter().map(|(k, v)| format!("{k} {v:.0}")).collect::<Vec<_>>()
        );
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!(
        "{} volume {} MB",
        status.lines().find(|l| l.starts_with("VmHWM")).unwrap(),
        volume.values.len() * 2 / 1_000_000
    );
}
