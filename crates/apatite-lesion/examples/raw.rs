//! scratch
use apatite_volume::{Acquisition, Geometry, Volume};
fn main() {
    for name in std::env::args().skip(1) {
        let meta: serde_json::Value =
            serde_json::from_slice(&std::fs::read(format!("{name}.json")).unwrap()).unwrap();
        let raw = std::fs::read(format!("{name}.raw")).unwrap();
        let values: Vec<i16> = raw.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        let f = |v: &serde_json::Value| -> [f64; 3] { std::array::from_fn(|i| v[i].as_f64().unwrap()) };
        let volume = Volume {
            size: std::array::from_fn(|i| meta["size"][i].as_u64().unwrap() as usize),
            values,
            geometry: Geometry {
                origin_mm: f(&meta["origin"]),
                steps_mm: std::array::from_fn(|i| f(&meta["steps"][i])),
            },
            padding: meta["pad"].as_str().and_then(|p| p.parse().ok()),
            acquisition: Acquisition {
                modality: "CT".into(),
                patient_position: meta["position"].as_str().unwrap().into(),
                ..Acquisition::default()
            },
        };
        let start = std::time::Instant::now();
        let a = apatite_lesion::analyse(
            &volume,
            &apatite_lesion::Options { masks: std::env::var_os("MASKS").is_some(), ..Default::default() },
            &|_, _| {},
        )
        .unwrap();
        println!(
            "== {name} noise {:.0} total {:.0} ms {:?}",
            a.noise_hu,
            start.elapsed().as_secs_f64() * 1e3,
            a.timings_ms.iter().map(|(k, v)| format!("{k} {v:.0}")).collect::<Vec<_>>()
        );
        for l in &a.lesions {
            println!(
                "{:3} {:?} {:.2} c {:.0?} v {:.0} pv {:.0} ±{:.0} n {} d {:.1} hu {:.0}/{:.0} bone {:.1?} ct {:.0} skin {:.0?} {:.2?} | {}",
                l.id,
                l.kind,
                l.probability,
                l.centre_mm,
                l.volume_mm3,
                l.volume_partial_mm3,
                l.volume_uncertainty_mm3,
                l.components,
                l.diameter_mm,
                l.mean_hu,
                l.max_hu,
                l.bone_distance_mm,
                l.bone_contact_mm2,
                l.skin_distance_mm,
                [
                    l.shape.elongation,
                    l.shape.flatness,
                    l.shape.sphericity,
                    l.shape.solidity,
                    l.shape.lobulation
                ],
                l.decided_by
            );
            if let Some(v) = &l.level {
                println!("      level {v:.2?}");
            }
            if std::env::var_os("FINDINGS").is_some() {
                println!(
                    "      {}",
                    l.findings
                        .iter()
                        .filter(|f| f.probability > 0.15)
                        .map(|f| format!("{} {:.2}", f.id, f.probability))
                        .collect::<Vec<_>>()
                        .join(", ")
                );
            }
        }
        println!(
            "   study: {}",
            a.findings
                .iter()
                .map(|f| format!("{} {:.2}", f.id, f.probability))
                .collect::<Vec<_>>()
                .join(", ")
        );
        if let Some(b) = &a.bones {
            let bytes: Vec<u8> = b
                .values
                .iter()
                .zip(&a.labels.values)
                .map(|(&b, &l)| if l > 0 { 10 + (l.min(200) as u8) } else { b as u8 })
                .collect();
            std::fs::write(format!("{name}.mask"), bytes).unwrap();
        }
    }
}
