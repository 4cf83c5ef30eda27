//! From measurement to findings of the vocabulary, each with a probability and what it was measured from.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::candidate::{Around, Candidate, Scene, fill};
use crate::grid::{Connectivity, Grid, Run, components, distance2};
use crate::kind::Group;
use crate::linear::norm;
use crate::patch::Patch;
use crate::skeleton::Tissue;
use crate::{FindingEvidence, Kind, Lesion, level};

/// Probability that grows from 0 to 1 as `value` passes `middle`; `width` is the distance to 73 %.
fn rise(value: f64, middle: f64, width: f64) -> f64 {
    1.0 / (1.0 + (-(value - middle) / width).exp())
}

fn fall(value: f64, middle: f64, width: f64) -> f64 {
    1.0 - rise(value, middle, width)
}

/// Adds findings and levels to lesions that may be calcifications or vascular.
pub(crate) fn lesions(scene: &Scene, groups: &[Group], masks: &[Vec<Run>], lesions: &mut [Lesion]) {
    lesions.par_iter_mut().zip(groups.par_iter().zip(masks)).for_each(|(lesion, (group, runs))| {
        if !matches!(lesion.kind, Kind::Calcification | Kind::Vascular) {
            return;
        }
        let detail = Detail::of(scene, group, runs);
        let mut findings = Findings::default();
        levels(scene, group, lesion, &mut findings);
        internal(lesion, &detail, &mut findings);
        shape(lesion, group, &detail, &mut findings);
        place(scene, lesion, group, &detail, &mut findings);
        bone_relation(lesion, &detail, &mut findings);
        lesion.findings = findings.finish();
    });
}

/// Findings of one lesion; the surest evidence for each id is kept.
#[derive(Default)]
struct Findings(BTreeMap<&'static str, (f64, String)>);

impl Findings {
    fn add(&mut self, id: &'static str, probability: f64, because: impl Into<String>) {
        let entry = self.0.entry(id).or_insert((0.0, String::new()));
        if probability > entry.0 {
            *entry = (probability, because.into());
        }
    }

    fn get(&self, id: &str) -> f64 {
        self.0.get(id).map_or(0.0, |entry| entry.0)
    }

    /// Rescales members of an exclusive group so that they do not exceed certainty together.
    fn exclusive(&mut self, ids: &[&'static str]) {
        let total: f64 = ids.iter().map(|id| self.get(id)).sum();
        if total > 1.0 {
            for id in ids {
                if let Some(entry) = self.0.get_mut(id) {
                    entry.0 /= total;
                }
            }
        }
    }

    fn finish(self) -> Vec<FindingEvidence> {
        let mut findings: Vec<FindingEvidence> = self
            .0
            .into_iter()
            .filter(|(_, (probability, _))| *probability >= 0.02)
            .map(|(id, (probability, because))| FindingEvidence::new(id, probability, because))
            .collect();
        findings.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.id.cmp(&b.id)));
        findings
    }
}

/// What several descriptions need.
struct Detail {
    around: Around,
    /// Volume of the mask and what its slices enclose, mm³.
    filled_mm3: f64,
    mask_mm3: f64,
    /// Enclosed spaces of at least 4 mm³, and their mean HU.
    loculi: usize,
    loculi_hu: f64,
    /// Mean thickness (twice the volume over the surface), mm.
    thickness_mm: f64,
    /// Largest depth below the surface of the filled mask, mm.
    depth_mm: f64,
    /// Density of the outer shell and the core of the largest member.
    shell_hu: f64,
    core_hu: f64,
    core_share: f64,
    /// Distinct bones within 25 mm with their distances, nearest first, mm.
    bones_mm: Vec<f64>,
    /// Bones in contact.
    touched: usize,
    /// Radius of the largest ball of soft tissue free of fat near the lesion, mm.
    mass_mm: f64,
}

impl Detail {
    fn of(scene: &Scene, group: &Group, runs: &[Run]) -> Self {
        let mut patch = Patch::around(scene.volume, runs, 3.0);
        let mask_cells = patch.mask.iter().filter(|&&on| on).count() as f64;
        let filled = fill(&patch);
        let cell_mm3 = patch.grid.cell_mm3();
        let filled_cells = filled.iter().filter(|&&on| on).count() as f64;
        let (labels, counts) =
            components(&patch.grid, Connectivity::Face, |cell| filled[cell] && !patch.mask[cell]);
        let large: Vec<bool> = counts.iter().map(|&count| count as f64 * cell_mm3 >= 4.0).collect();
        let (mut sum, mut inside) = (0.0, 0.0);
        for (cell, &label) in labels.iter().enumerate() {
            if label > 0 && large[label as usize] {
                sum += f64::from(patch.hu[cell]);
                inside += 1.0;
            }
        }
        let loculi = large.iter().skip(1).filter(|&&large| large).count();
        let depth2 = distance2(&patch.grid, |cell| !filled[cell]);
        let depth_mm = f64::from(depth2.iter().copied().fold(0.0, f32::max)).sqrt();
        let surface: f64 = crate::mesh::mesh(&patch.grid, &patch.mask).area_mm2;
        patch.mask = filled;
        let total = group.volume_mm3();
        let mut around = Around::default();
        for member in &group.members {
            let weight = member.volume_mm3 / total;
            around.air += weight * member.around.air;
            around.fat += weight * member.around.fat;
            around.soft += weight * member.around.soft;
            around.enhanced += weight * member.around.enhanced;
        }
        let largest = group.members.iter().max_by(|a, b| a.volume_mm3.total_cmp(&b.volume_mm3));
        let rim = largest.and_then(|member| member.rim);
        let (bones_mm, touched) = bones(scene, runs);
        Self {
            around,
            filled_mm3: filled_cells * cell_mm3,
            mask_mm3: mask_cells * cell_mm3,
            loculi,
            loculi_hu: if inside > 0.0 { sum / inside } else { 0.0 },
            thickness_mm: 2.0 * mask_cells * cell_mm3 / surface.max(1e-9),
            depth_mm,
            shell_hu: rim.map_or(0.0, |rim| rim.shell_hu),
            core_hu: rim.map_or(0.0, |rim| rim.core_hu),
            core_share: rim.map_or(0.0, |rim| rim.core_mm3 / rim.filled_mm3),
            bones_mm,
            touched,
            mass_mm: mass(scene, runs),
        }
    }

    fn lucent_share(&self) -> f64 {
        1.0 - self.mask_mm3 / self.filled_mm3.max(1e-9)
    }
}

/// Coarse box around runs, in cells, widened by `margin_mm`.
fn coarse_box(scene: &Scene, runs: &[Run], margin_mm: f64) -> ([usize; 3], [usize; 3]) {
    let coarse = scene.coarse;
    let (low, high) = crate::patch::bounds(runs);
    let first = coarse.grid.position(coarse.cell(low));
    let last = coarse.grid.position(coarse.cell(high.map(|at| at - 1)));
    let margin = coarse.grid.spacing_mm.map(|step| (margin_mm / step).ceil() as usize);
    (
        std::array::from_fn(|axis| first[axis].saturating_sub(margin[axis])),
        std::array::from_fn(|axis| (last[axis] + margin[axis] + 1).min(coarse.grid.size[axis])),
    )
}

/// Distances to the distinct bones within 25 mm, nearest first, and how many are touched. Bones that are one piece in
/// this box count once.
fn bones(scene: &Scene, runs: &[Run]) -> (Vec<f64>, usize) {
    let coarse = scene.coarse;
    let (low, high) = coarse_box(scene, runs, 25.0);
    let grid =
        Grid { size: std::array::from_fn(|axis| high[axis] - low[axis]), spacing_mm: coarse.grid.spacing_mm };
    let outer = |cell: usize| {
        let position = grid.position(cell);
        coarse.grid.index(std::array::from_fn(|axis| low[axis] + position[axis]))
    };
    let mut own = vec![false; grid.len()];
    for run in runs {
        for column in run.start..run.end {
            let cell = coarse.cell([column as usize, run.row as usize, run.slice as usize]);
            let position = coarse.grid.position(cell);
            own[grid.index(std::array::from_fn(|axis| position[axis] - low[axis]))] = true;
        }
    }
    // a cell at the border of lesion and bone belongs to whichever the skeleton gave it; a bone here is a body of
    // bone cells a cell away from its surface, so that joints part
    let bone = |cell: usize| scene.skeleton.tissue[outer(cell)] == Tissue::Bone;
    let inner: Vec<bool> = (0..grid.len())
        .map(|cell| {
            let mut all = bone(cell);
            if all {
                grid.neighbours6(cell, |other| all &= bone(other));
            }
            all
        })
        .collect();
    let (labels, counts) = components(&grid, Connectivity::Face, |cell| inner[cell]);
    let least = (60.0 / grid.cell_mm3()).max(3.0) as usize;
    let away = distance2(&grid, |cell| own[cell]);
    let mut nearest = vec![f64::INFINITY; counts.len()];
    for (cell, &label) in labels.iter().enumerate().filter(|&(_, &label)| label > 0) {
        nearest[label as usize] = nearest[label as usize].min(f64::from(away[cell]).sqrt());
    }
    let edge = coarse.edge_mm();
    let mut distances: Vec<f64> = (1..counts.len())
        .filter(|&label| counts[label] >= least)
        .map(|label| (nearest[label] - 1.5 * edge).max(0.0))
        .filter(|&distance| distance <= 25.0)
        .collect();
    distances.sort_by(f64::total_cmp);
    let touched = distances.iter().filter(|&&distance| distance <= 1.0 * edge).count();
    (distances, touched)
}

/// Radius of the largest ball of tissue between water and enhanced muscle that fits within 15 mm of the lesion, mm.
fn mass(scene: &Scene, runs: &[Run]) -> f64 {
    let coarse = scene.coarse;
    let (low, high) = coarse_box(scene, runs, 45.0);
    let grid =
        Grid { size: std::array::from_fn(|axis| high[axis] - low[axis]), spacing_mm: coarse.grid.spacing_mm };
    let outer = |cell: usize| {
        let position = grid.position(cell);
        coarse.grid.index(std::array::from_fn(|axis| low[axis] + position[axis]))
    };
    let values: Vec<f32> = (0..grid.len()).map(|cell| coarse.mean[outer(cell)]).collect();
    let away =
        distance2(&grid, |cell| values[cell] < -5.0 || scene.skeleton.tissue[outer(cell)] == Tissue::Bone);
    let (inner_low, inner_high) = coarse_box(scene, runs, 15.0);
    let mut largest: f32 = 0.0;
    for z in inner_low[2]..inner_high[2] {
        for y in inner_low[1]..inner_high[1] {
            for x in inner_low[0]..inner_high[0] {
                let square = away[grid.index([x - low[0], y - low[1], z - low[2]])];
                if square.is_finite() {
                    largest = largest.max(square);
                }
            }
        }
    }
    f64::from(largest).sqrt()
}

fn levels(scene: &Scene, group: &Group, lesion: &mut Lesion, findings: &mut Findings) {
    let Some(level) = level::find(scene.volume, &group.runs(), scene.threshold, scene.noise_hu) else {
        return;
    };
    findings.add(
        "sedimentation_sign",
        level.probability,
        format!(
            "border of {:.0} mm² at {:.1}° to gravity, flat to {:.2} mm, {:.0} HU above and {:.0} HU below",
            level.area_mm2, level.angle_deg, level.flatness_mm, level.upper_hu, level.lower_hu
        ),
    );
    if level.probability > 0.5 {
        lesion.level = Some(level);
    }
}

fn internal(lesion: &Lesion, detail: &Detail, findings: &mut Findings) {
    let lucent = detail.lucent_share();
    let fluid = fall((detail.loculi_hu - 40.0).abs(), 70.0, 15.0);
    let loculi = format!(
        "{} enclosed spaces of {:.0} HU, {:.0} % of the lesion",
        detail.loculi,
        detail.loculi_hu,
        100.0 * lucent
    );
    let leveled = lesion.level.map_or(0.0, |level| level.probability);
    let cystic = rise(detail.loculi as f64, 2.5, 0.8) * rise(lucent, 0.08, 0.03) * fluid;
    findings.add("cystic_loculi", cystic.max(0.9 * leveled), loculi.clone());
    findings.add("septa", 0.85 * cystic * rise(detail.loculi as f64, 3.5, 1.0), loculi.clone());
    let contrast = detail.shell_hu - detail.core_hu;
    let rimmed = if detail.core_share > 0.0 {
        rise(contrast / detail.shell_hu.max(100.0), 0.38, 0.08) * rise(detail.core_share, 0.12, 0.04)
    } else {
        0.0
    };
    let because = format!("shell of {:.0} HU, core of {:.0} HU", detail.shell_hu, detail.core_hu);
    let lobed = rise(lesion.shape.lobulation, 4.5, 1.0);
    let one = (1.0 - 0.7 * lobed) * (1.0 - 0.9 * leveled);
    findings.add("peripheral_rim", rimmed * one, because.clone());
    let central =
        if detail.core_share > 0.0 { rise(-contrast / detail.core_hu.max(100.0), 0.12, 0.05) } else { 0.0 };
    findings.add("central_density", central, because.clone());
    // fat or trabecular bone inside a shell
    let marrow = rise(-detail.core_hu, 5.0, 8.0)
        .max(rise(detail.core_hu, 110.0, 12.0) * fall(detail.core_hu, 330.0, 25.0));
    findings.add(
        "mature_bone",
        rimmed * marrow * rise(detail.shell_hu, 380.0, 50.0) * rise(lesion.volume_mm3, 150.0, 60.0),
        because.clone(),
    );
    let liquid = rimmed * fall((detail.core_hu - 15.0).abs(), 25.0, 6.0);
    findings.add("liquefied_centre", 0.6 * liquid, because);
    let spread = lesion.sd_hu / (lesion.mean_hu - 40.0).max(40.0);
    let homogeneous = fall(spread, 0.42, 0.06) * fall(lucent, 0.06, 0.02) * (1.0 - rimmed);
    let texture = format!("mean {:.0} HU, SD {:.0} HU", lesion.mean_hu, lesion.sd_hu);
    findings.add("homogeneous_dense", homogeneous * rise(lesion.mean_hu, 350.0, 40.0), texture.clone());
    let urate = fall(lesion.percentiles_hu[4], 400.0, 30.0)
        * fall(lesion.mean_hu, 270.0, 20.0)
        * rise(lesion.volume_mm3, 60.0, 20.0);
    findings.add(
        "denser_than_muscle_not_calcified",
        urate * homogeneous,
        format!("{texture}, nine tenths below {:.0} HU", lesion.percentiles_hu[4]),
    );
    findings.add("faint_ill_defined", fall(lesion.mean_hu, 230.0, 20.0) * 0.7, texture);
}

fn shape(lesion: &Lesion, group: &Group, detail: &Detail, findings: &mut Findings) {
    let shape = &lesion.shape;
    let long = lesion.diameter_mm;
    let thick = detail.thickness_mm;
    let size = format!(
        "{long:.0} mm long, {thick:.1} mm thick, {:.0} mm³, {} components",
        lesion.volume_mm3, lesion.components
    );
    let members = &group.members;
    let slender = |c: &Candidate| c.axes_mm[0] / c.axes_mm[1].max(0.5);
    let lobed = rise(shape.lobulation + lesion.components as f64 * 0.5, 4.0, 0.8);
    let big = rise(lesion.volume_mm3.ln(), 1500_f64.ln(), 0.4);
    let sheet = rise((long / thick.max(0.3)).ln(), 9_f64.ln(), 0.25)
        * rise(long, 18.0, 4.0)
        * fall(thick, 5.0, 0.8)
        * rise(shape.elongation, 0.16, 0.03)
        * fall(shape.solidity, 0.55, 0.12).max(fall(shape.flatness, 0.2, 0.05));
    findings.add("sheet_like", sheet, size.clone());
    let linear =
        fall(shape.elongation, 0.3, 0.06) * rise(long / thick.max(0.3), 4.0, 0.7) * rise(long, 6.0, 1.5);
    findings.add("linear_lamellar", linear.max(0.5 * sheet), size.clone());
    findings.add(
        "multilobulated_mass",
        lobed * big * (1.0 - sheet) * rise(detail.depth_mm, 3.0, 0.6),
        format!("{:.0} lobes, {size}", shape.lobulation),
    );
    let round = rise(shape.sphericity, 0.62, 0.06) * rise(shape.elongation, 0.45, 0.08);
    let nodule = rise(shape.solidity, 0.72, 0.06) * rise(lesion.volume_mm3, 40.0, 15.0);
    findings.add(
        "nodular",
        nodule * round,
        format!("sphericity {:.2}, solidity {:.2}, {size}", shape.sphericity, shape.solidity),
    );
    let small = fall(long, 4.5, 0.8);
    findings.add("punctate", small, size.clone());
    findings.add(
        "amorphous",
        fall(shape.solidity, 0.62, 0.08)
            * (1.0 - sheet)
            * (1.0 - 0.7 * linear)
            * rise(lesion.volume_mm3, 25.0, 10.0),
        format!("solidity {:.2}, {size}", shape.solidity),
    );
    findings.add(
        "coalescent_aggregate",
        rise(lesion.components as f64 + 0.5 * shape.lobulation, 4.5, 1.0)
            * fall(detail.depth_mm, 6.0, 1.0)
            * (1.0 - sheet),
        size.clone(),
    );
    let grains =
        members.iter().filter(|c| c.axes_mm[0] < 14.0 && c.axes_mm[1] < 5.0 && slender(c) > 1.7).count()
            as f64;
    findings.add(
        "rice_grain",
        rise(grains / members.len() as f64, 0.6, 0.12) * rise(long, 3.5, 0.7) * fall(long, 16.0, 2.0),
        format!("{grains:.0} of {} components are slender grains", members.len()),
    );
    findings.add(
        "well_defined_margin",
        rise(shape.sphericity, 0.5, 0.06) * rise(lesion.mean_hu, 280.0, 40.0),
        format!("sphericity {:.2}", shape.sphericity),
    );
    let ringed = members
        .iter()
        .filter(|c| {
            c.rim.is_some_and(|rim| rim.core_hu + 100.0 < 0.7 * (rim.shell_hu + 100.0))
                && c.volume_mm3 < 1500.0
        })
        .count() as f64;
    findings.add(
        "ring_and_arc",
        0.8 * rise(ringed / members.len() as f64, 0.5, 0.12),
        format!("{ringed:.0} of {} components are rings", members.len()),
    );
    if lesion.kind == Kind::Vascular {
        findings.add("tram_track", 0.75 * rise(long, 12.0, 3.0), format!("vascular, {size}"));
        findings.add(
            "phlebolith_like",
            0.8 * round * fall(long, 9.0, 1.5),
            format!("vascular, round, {size}"),
        );
    } else {
        findings.add("phlebolith_like", 0.25 * round * fall(long, 8.0, 1.0), size.clone());
    }
    if members.len() >= 4 {
        findings.add("multiple_uniform_bodies", uniform(members), size);
    }
}

/// How alike in size and how round components are.
fn uniform(members: &[Candidate]) -> f64 {
    let diameters: Vec<f64> = members.iter().map(|c| c.volume_mm3.cbrt()).collect();
    let mean = diameters.iter().sum::<f64>() / diameters.len() as f64;
    let sd = (diameters.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / diameters.len() as f64).sqrt();
    let round =
        members.iter().filter(|c| c.axes_mm[2] > 0.5 * c.axes_mm[0]).count() as f64 / members.len() as f64;
    fall(sd / mean, 0.38, 0.06) * rise(round, 0.6, 0.1) * rise(members.len() as f64, 4.0, 0.8)
}

fn place(scene: &Scene, lesion: &Lesion, group: &Group, detail: &Detail, findings: &mut Findings) {
    let skin = lesion.skin_distance_mm.unwrap_or(50.0);
    let Around { fat, soft, air, .. } = detail.around;
    let tissue = format!(
        "{:.0} % fat and {:.0} % soft tissue around, {skin:.0} mm below the skin",
        100.0 * fat,
        100.0 * soft
    );
    let sub = rise(fat, 0.45, 0.07) * fall(skin, 22.0, 4.0);
    findings.add("subcutaneous", sub, tissue.clone());
    findings.add("dermal", fall(skin, 2.5, 0.6) * rise(air + fat, 0.25, 0.06) * 0.7, tissue.clone());
    let sheet = findings.get("sheet_like");
    findings.add("fascial_plane", sheet * (1.0 - (fat - 0.45).abs()).clamp(0.0, 1.0) * 0.9, tissue.clone());
    let muscle = rise(soft, 0.72, 0.06) * rise(skin, 6.0, 1.5);
    let joint = detail.bones_mm.len() >= 2;
    let second = detail.bones_mm.get(1).copied().unwrap_or(99.0);
    let first = lesion.bone_distance_mm.unwrap_or(99.0);
    let bones = match detail.bones_mm.as_slice() {
        [] => "no bone within 25 mm".to_owned(),
        distances => format!(
            "bones at {} mm",
            distances.iter().take(3).map(|d| format!("{d:.0}")).collect::<Vec<_>>().join(", ")
        ),
    };
    let peri = if joint { fall(second, 16.0, 3.0) } else { 0.0 };
    findings.add("periarticular", peri, bones.clone());
    let within = if joint { fall(second, 6.0, 1.2) * fall(first, 5.0, 1.0) } else { 0.0 };
    findings.add("intra_articular", 0.8 * within, bones.clone());
    findings.add(
        "intramuscular",
        muscle * (1.0 - 0.5 * peri) * fall(detail.touched as f64, 0.5, 0.2).max(0.3),
        tissue,
    );
    let contact = lesion.bone_contact_mm2;
    let because = format!("{contact:.0} mm² of contact, {first:.1} mm from bone");
    findings.add("juxtacortical", rise(contact, 25.0, 6.0).max(0.5 * fall(first, 2.0, 0.5)), because);
    let tendon = peri
        * rise(first, 0.3, 0.2)
        * fall(first, 12.0, 2.0)
        * fall(lesion.diameter_mm, 28.0, 4.0)
        * (1.0 - within);
    findings.add("intratendinous", 0.6 * tendon, bones);
    if lesion.kind == Kind::Vascular {
        findings.add("intravascular", lesion.probability, lesion.decided_by.clone());
        findings.add("vessel_calcification", lesion.probability, lesion.decided_by.clone());
    }
    // how far soft tissue reaches without fat between: muscles of the limbs are thinner
    let own = group.members.iter().map(|m| m.axes_mm[2]).fold(0.0, f64::max) / 2.0;
    findings.add(
        "soft_tissue_mass",
        0.9 * rise(detail.mass_mm.max(own), 24.0, 3.0),
        format!("a ball of {:.0} mm radius of soft tissue without fat planes beside it", detail.mass_mm),
    );
    let _ = scene;
}

fn bone_relation(lesion: &Lesion, detail: &Detail, findings: &mut Findings) {
    let Some(first) = lesion.bone_distance_mm else { return };
    let contact = lesion.bone_contact_mm2;
    // contact against the largest section of a ball of this volume
    let section = 1.21 * lesion.volume_mm3.powf(2.0 / 3.0);
    let share = contact / section.max(1.0);
    let because =
        format!("{contact:.0} mm² of contact, {first:.1} mm from bone, {} bones touched", detail.touched);
    let touches = if contact > 0.0 { rise(contact, 3.0, 1.0) } else { fall(first, 0.8, 0.25) * 0.6 };
    let bridge = touches * rise(detail.touched as f64, 1.5, 0.15) * rise(contact, 30.0, 8.0);
    let broad = touches * rise(share, 0.45, 0.08) * rise(contact, 60.0, 15.0);
    let stalk = touches
        * (1.0 - rise(share, 0.45, 0.08))
        * rise(contact, 25.0, 6.0)
        * rise(lesion.volume_mm3.ln(), 1500_f64.ln(), 0.5);
    findings.add("separate_from_bone", 1.0 - touches, because.clone());
    findings.add("bridges_bones", bridge, because.clone());
    findings.add("broad_bone_attachment", broad * (1.0 - bridge), because.clone());
    findings.add("stalk_to_bone", stalk * (1.0 - bridge) * 0.7, because.clone());
    findings.add("abuts_bone", touches * (1.0 - broad) * (1.0 - bridge) * (1.0 - 0.5 * stalk), because);
    findings.exclusive(&[
        "separate_from_bone",
        "abuts_bone",
        "broad_bone_attachment",
        "stalk_to_bone",
        "bridges_bones",
    ]);
}

/// The site, where BodyPartExamined names one of the vocabulary.
pub(crate) fn region(scene: &Scene) -> Option<FindingEvidence> {
    let part = scene.volume.acquisition.body_part.to_ascii_uppercase();
    let sites = [
        ("SHOULDER", "shoulder"),
        ("CLAVICLE", "shoulder"),
        ("UPPERARM", "upper_arm"),
        ("UP_ARM", "upper_arm"),
        ("HUMERUS", "upper_arm"),
        ("ARM", "upper_arm"),
        ("ELBOW", "elbow"),
        ("FOREARM", "forearm"),
        ("WRIST", "wrist"),
        ("HAND", "hand"),
        ("FINGER", "hand"),
        ("HIP", "hip"),
        ("PELVIS", "pelvis"),
        ("BUTTOCK", "buttock"),
        ("THIGH", "thigh"),
        ("FEMUR", "thigh"),
        ("KNEE", "knee"),
        ("PATELLA", "knee"),
        ("CALF", "leg"),
        ("TIBIA", "leg"),
        ("LEG", "leg"),
        ("ANKLE", "ankle"),
        ("FOOT", "foot"),
        ("TOE", "foot"),
        ("NECK", "neck"),
        ("CSPINE", "neck"),
        ("SPINE", "spine"),
        ("HEAD", "skull_face"),
        ("SKULL", "skull_face"),
        ("JAW", "jaw"),
        ("ABDOMEN", "abdominal_wall"),
        ("CHEST", "chest_wall"),
    ];
    let (_, site) = sites.iter().find(|(name, _)| part.contains(name))?;
    Some(FindingEvidence::new(site, 0.9, "BodyPartExamined"))
}

/// Findings of the study: extent, and the surest of each finding over its lesions, weighted by how surely the lesion
/// is a calcification. `metal_mm3` is the volume of metal in view.
///
/// Whoever corrects the lesions of an [`Analysis`](crate::Analysis) has its findings follow with this.
#[must_use]
pub fn study(metal_mm3: f64, lesions: &[Lesion]) -> Vec<FindingEvidence> {
    let mut findings = Findings::default();
    let mut of_lesions: BTreeMap<String, (f64, String)> = BTreeMap::new();
    let counted: Vec<&Lesion> =
        lesions.iter().filter(|l| matches!(l.kind, Kind::Calcification | Kind::Vascular)).collect();
    let calcifications: Vec<&&Lesion> = counted.iter().filter(|l| l.kind == Kind::Calcification).collect();
    for lesion in &counted {
        for finding in &lesion.findings {
            let probability = finding.probability * lesion.probability;
            let entry = of_lesions.entry(finding.id.clone()).or_insert((0.0, String::new()));
            if probability > entry.0 {
                *entry = (probability, format!("lesion {}: {}", lesion.id, finding.because));
            }
        }
    }
    if let Some(first) = calcifications.first() {
        let span = calcifications
            .iter()
            .map(|l| norm(crate::linear::sub(l.centre_mm, first.centre_mm)))
            .fold(0.0, f64::max);
        let count: f64 = calcifications.iter().map(|l| l.probability).sum();
        let because = format!("{} calcifications over {span:.0} mm", calcifications.len());
        let several = rise(count, 1.6, 0.3);
        let diffuse = rise(count, 14.0, 3.0) * rise(span, 90.0, 20.0);
        findings.add("solitary", 1.0 - several, because.clone());
        findings.add(
            "multiple_one_region",
            several * (1.0 - diffuse) * fall(span, 260.0, 40.0),
            because.clone(),
        );
        findings.add(
            "multiple_regions",
            several * (1.0 - diffuse) * rise(span, 260.0, 40.0),
            because.clone(),
        );
        findings.add("diffuse", diffuse, because);
    } else {
        findings.add("no_calcification", 0.95, "no lesion was found");
    }
    if calcifications.len() >= 4 {
        let sizes: Vec<f64> = calcifications.iter().map(|l| l.volume_mm3.cbrt()).collect();
        let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
        let sd = (sizes.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / sizes.len() as f64).sqrt();
        let round =
            calcifications.iter().filter(|l| l.shape.elongation > 0.55).count() as f64 / sizes.len() as f64;
        let near = calcifications
            .iter()
            .filter(|l| l.findings.iter().any(|f| f.id == "periarticular" && f.probability > 0.5))
            .count() as f64
            / sizes.len() as f64;
        findings.add(
            "multiple_uniform_bodies",
            fall(sd / mean, 0.4, 0.07) * rise(round, 0.55, 0.1) * rise(near, 0.5, 0.1),
            format!("{} lesions of like size ({:.0} % spread)", sizes.len(), 100.0 * sd / mean),
        );
    }
    if metal_mm3 > 500.0 {
        findings.add("prosthesis_present", 0.97, format!("{:.0} ml of metal", metal_mm3 / 1000.0));
    }
    let visceral = lesions
        .iter()
        .filter(|l| l.kind == Kind::BoneOrVariant && l.decided_by.contains("organ"))
        .map(|l| l.probability)
        .fold(0.0, f64::max);
    if visceral > 0.0 {
        findings.add("visceral_calcification", visceral, "dense focus in the position of an organ");
    }
    let mut result = findings.finish();
    for (id, (probability, because)) in of_lesions {
        match result.iter_mut().find(|finding| finding.id == id) {
            Some(known) if known.probability >= probability => {}
            Some(known) => *known = FindingEvidence::new(&id, probability, because),
            None if probability >= 0.02 => result.push(FindingEvidence::new(&id, probability, because)),
            None => {}
        }
    }
    result.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.id.cmp(&b.id)));
    result
}
