//! scratch: evaluate dumps
use apatite_lesion::{Kind, Options, analyse};
use apatite_volume::{Acquisition, Geometry, Volume};
use std::collections::{BTreeMap, BTreeSet};
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let verbose = std::env::var_os("V").is_some();
    let mut per: BTreeMap<String, (usize, usize, usize, usize, Vec<f64>, Vec<f64>, f64)> = BTreeMap::new();
    let (mut lt, mut ltp, mut ln, mut lfp) = (0, 0, 0, 0);
    let mut cal: BTreeMap<String, [f64; 6]> = BTreeMap::new();
    let (mut normals, mut clean) = (0, 0);
    for base in &args {
        let meta: serde_json::Value =
            serde_json::from_slice(&std::fs::read(format!("{base}.json")).unwrap()).unwrap();
        let f = |v: &serde_json::Value| -> [f64; 3] { std::array::from_fn(|i| v[i].as_f64().unwrap()) };
        let volume = Volume {
            size: std::array::from_fn(|i| meta["size"][i].as_u64().unwrap() as usize),
            values: std::fs::read(format!("{base}.raw"))
                .unwrap()
                .chunks_exact(2)
                .map(|b| i16::from_le_bytes([b[0], b[1]]))
                .collect(),
            geometry: Geometry {
                origin_mm: f(&meta["origin"]),
                steps_mm: std::array::from_fn(|i| f(&meta["steps"][i])),
            },
            padding: None,
            acquisition: Acquisition {
                modality: "CT".into(),
                patient_position: meta["position"].as_str().unwrap().into(),
                body_part: meta["body_part"].as_str().unwrap().into(),
                ..Acquisition::default()
            },
        };
        let truth = std::fs::read(format!("{base}.truth")).unwrap();
        let bone = std::fs::read(format!("{base}.bone")).unwrap();
        let pattern = meta["pattern"].as_str().unwrap().to_string();
        let name = base.rsplit('/').next().unwrap();
        if std::env::var_os("LESION_DEBUG").is_some() {
            eprintln!("#### {name}");
        }
        let t = std::time::Instant::now();
        let a = analyse(&volume, &Options { masks: true, ..Options::default() }, &|_, _| {}).unwrap();
        let e = per.entry(pattern.clone()).or_default();
        e.0 += 1;
        e.6 += t.elapsed().as_secs_f64() * 1e3;
        let mut over: BTreeMap<(u16, u16), usize> = BTreeMap::new();
        for (&t, &l) in truth.iter().zip(&a.labels.values) {
            if l > 0 {
                *over.entry((u16::from(t), l)).or_default() += 1;
            }
        }
        let is = |l: &apatite_lesion::Lesion| matches!(l.kind, Kind::Calcification | Kind::Vascular);
        let vox = volume.geometry.voxel_mm3();
        let mut used: BTreeSet<u16> = BTreeSet::new();
        let mut truths: BTreeSet<String> =
            meta["findings"].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_string()).collect();
        let mut t_level = false;
        for t in meta["lesions"].as_array().unwrap() {
            let id = t["id"].as_u64().unwrap() as u16;
            let tv = t["volume"].as_f64().unwrap();
            for s in t["findings"].as_array().unwrap() {
                truths.insert(s.as_str().unwrap().to_string());
                if s == "sedimentation_sign" {
                    t_level = true;
                }
            }
            let found: Vec<_> =
                a.lesions.iter().filter(|l| is(l) && over.contains_key(&(id, l.id))).collect();
            for l in &found {
                used.insert(l.id);
            }
            if tv < 20.0 {
                continue;
            }
            e.1 += 1;
            if !found.is_empty() {
                e.2 += 1;
            }
            let share = |l: &apatite_lesion::Lesion| {
                let tot: usize = over.iter().filter(|(k, _)| k.1 == l.id && k.0 > 0).map(|(_, v)| v).sum();
                over[&(id, l.id)] as f64 / tot as f64
            };
            let v: f64 = found.iter().map(|l| l.volume_mm3 * share(l)).sum();
            let vp: f64 = found.iter().map(|l| l.volume_partial_mm3 * share(l)).sum();
            if tv > 100.0 && !found.is_empty() {
                e.4.push(v / tv - 1.0);
                e.5.push(vp / tv - 1.0);
            }
            if verbose && (found.is_empty() || (v / tv - 1.0).abs() > 0.3) {
                let mut n = [0; 3];
                if let Some(b) = &a.bones {
                    for (&t2, &b) in truth.iter().zip(&b.values) {
                        if u16::from(t2) == id {
                            n[b as usize] += 1;
                        }
                    }
                }
                println!(
                    "   {name} lesion {id} {} true {tv:.0} got {v:.0}/{vp:.0} soft/bone/metal {n:?} {:?}",
                    t["kind"],
                    a.lesions
                        .iter()
                        .filter(|l| over.contains_key(&(id, l.id)))
                        .map(|l| format!("{:?} {:.2} {}", l.kind, l.probability, l.decided_by))
                        .collect::<Vec<_>>()
                );
            }
        }
        let mut nf = 0;
        for l in a.lesions.iter().filter(|l| is(l) && !used.contains(&l.id)) {
            nf += 1;
            if verbose {
                println!(
                    "   {name} FALSE {:?} {:.2} {:.0?} v {:.0} d {:.0} hu {:.0}/{:.0} bone {:.1?} skin {:.0?} | {} | in true bone {:.2}",
                    l.kind,
                    l.probability,
                    l.centre_mm,
                    l.volume_mm3,
                    l.diameter_mm,
                    l.mean_hu,
                    l.max_hu,
                    l.bone_distance_mm,
                    l.skin_distance_mm,
                    l.decided_by,
                    bone.iter().zip(&a.labels.values).filter(|(b, x)| **b > 0 && **x == l.id).count() as f64
                        * vox
                        / l.volume_mm3
                );
            }
        }
        e.3 += nf;
        if pattern.starts_with("normal") {
            normals += 1;
            if nf == 0 {
                clean += 1;
            }
        }
        let a_level = a.lesions.iter().any(|l| l.level.is_some());
        if t_level {
            lt += 1;
            if a_level {
                ltp += 1;
            } else if verbose {
                println!("   {name} LEVEL missed");
            }
        } else {
            ln += 1;
            if a_level {
                lfp += 1;
                if verbose {
                    println!("   {name} LEVEL false {:.2?}", a.lesions.iter().filter_map(|l| l.level).next());
                }
            }
        }
        let mut ids = truths.clone();
        ids.extend(a.findings.iter().map(|f| f.id.clone()));
        if !pattern.starts_with("normal") {
            for id in ids {
                let p = a.findings.iter().find(|f| f.id == id).map_or(0.0, |f| f.probability);
                let c = cal.entry(id.clone()).or_default();
                let o = if truths.contains(&id) { 0 } else { 2 };
                c[o] += 1.0;
                c[o + 1] += p;
                if p > 0.5 {
                    c[4 + o / 2] += 1.0;
                }
            }
        }
    }
    let med = |v: &[f64]| {
        let mut x: Vec<f64> = v.iter().map(|e| e.abs()).collect();
        x.sort_by(f64::total_cmp);
        x.get(x.len() / 2).copied().unwrap_or(0.0) * 100.0
    };
    let sm = |v: &[f64]| {
        let mut x = v.to_vec();
        x.sort_by(f64::total_cmp);
        x.get(x.len() / 2).copied().unwrap_or(0.0) * 100.0
    };
    let (mut n, mut t, mut h, mut fa) = (0, 0, 0, 0);
    let (mut ev, mut ep) = (vec![], vec![]);
    for (name, e) in &per {
        println!(
            "{name:30} recall {}/{} false/study {:.2} vol {:.0}% ({:+.0}) partial {:.0}% ({:+.0}) n {} {:.0} ms",
            e.2,
            e.1,
            e.3 as f64 / e.0 as f64,
            med(&e.4),
            sm(&e.4),
            med(&e.5),
            sm(&e.5),
            e.4.len(),
            e.6 / e.0 as f64
        );
        n += e.0;
        t += e.1;
        h += e.2;
        fa += e.3;
        ev.extend(&e.4);
        ep.extend(&e.5);
    }
    println!(
        "ALL recall {:.1}% ({h}/{t}) false/study {:.2} clean {clean}/{normals} vol {:.1}% partial {:.1}% n {} level {ltp}/{lt} fp {lfp}/{ln}",
        100.0 * h as f64 / t as f64,
        fa as f64 / n as f64,
        med(&ev),
        med(&ep),
        ev.len()
    );
    if std::env::var_os("CAL").is_some() {
        for (id, e) in cal {
            println!(
                "{id:36} true n {:3} p {:.2} >.5 {:3} | false n {:3} p {:.2} >.5 {:3}",
                e[0],
                e[1] / f64::max(e[0], 1.0),
                e[4],
                e[2],
                e[3] / f64::max(e[2], 1.0),
                e[5]
            );
        }
    }
}
