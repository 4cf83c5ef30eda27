/*! Which lesions truly replace bone: being drawn over bone says only that one may. */

use apatite_volume::voxel_at;

use crate::patterns::Plan;
use crate::scanner::{Picture, Scanner};

/// What holds only of a lesion that took the place of bone (ids of the vocabulary).
const EROSIONS: [&str; 2] = ["cortical_erosion", "overhanging_edge_erosion"];
/// Bone that must be gone for an erosion, mm³: less than a notch of 2 mm is lost in the blur of the cortex.
const ERODED_MM3: f64 = 5.0;

/// Takes erosions from the lesions that replace less bone than a reader could see.
pub(crate) fn keep_true(plan: &mut Plan, picture: &Picture, scanner: &Scanner) {
    let voxel_mm3: f64 = scanner.spacing_mm.iter().product();
    let mut eroded_mm3 = vec![0.0; plan.lesions.len()];
    for (index, &label) in picture.lesions.iter().enumerate().filter(|(_, label)| **label > 0) {
        let voxel = voxel_at(scanner.size, index);
        let middle = scanner.scene_from_voxel(voxel.map(|at| at as f64));
        if plan.body.scene.bones().iter().any(|bone| bone.holds(middle)) {
            eroded_mm3[usize::from(label) - 1] += voxel_mm3;
        }
    }
    for (lesion, mm3) in plan.lesions.iter_mut().zip(eroded_mm3) {
        if mm3 < ERODED_MM3 {
            lesion.findings.retain(|finding| !EROSIONS.contains(finding));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ERODED_MM3, EROSIONS};
    use crate::draw::Draw;
    use crate::pose::Pose;
    use crate::scanner::Scanner;
    use crate::scene::Tag;
    use crate::{Options, make, patterns};

    /// Against the same body without its lesions: an erosion is told where mineral stands in voxels that bone filled.
    #[test]
    fn erosions_are_told_where_bone_is_gone() {
        let mut told = Vec::new();
        for pattern in ["urate_tophus", "calcified_tophus"] {
            for seed in 0..8 {
                let options =
                    Options { seed, size: Some([128, 128, 80]), noise_hu: Some(0.0), ..Options::default() };
                let phantom = make(pattern, &options).unwrap();
                let known = patterns::find(pattern).unwrap();
                let seed = Draw::new(seed, known.id).bits();
                let plan = patterns::plan(known, seed, &options);
                let mut parts = plan.body.scene.painted();
                parts.retain(|part| !matches!(part.tag, Tag::Mineral(_) | Tag::Matrix(_)));
                let pose = Pose::new(seed, &options, &plan.body);
                let geometry = phantom.volume.geometry;
                let scanner = Scanner {
                    size: phantom.volume.size,
                    spacing_mm: geometry.spacing_mm(),
                    origin: pose.local_point(plan.body.centre, geometry.origin_mm),
                    steps: geometry.steps_mm.map(|step| pose.local_from_patient.apply(step)),
                    blur_mm: 0.0,
                    noise_hu: 0.0,
                    noise_grain: 0.5,
                    seed,
                    noise_seed: seed,
                };
                let whole = scanner.scan(&parts, 0).bones;
                for lesion in &phantom.lesions {
                    let gone = (phantom.truth.values.iter().zip(&whole))
                        .filter(|&(&label, &bone)| label == lesion.id && bone > 0)
                        .count();
                    let gone_mm3 = gone as f64 * geometry.voxel_mm3();
                    // bone is sampled more coarsely where there is no lesion, so the two differ by part of a layer
                    let certain = !(0.5 * ERODED_MM3..2.0 * ERODED_MM3).contains(&gone_mm3);
                    for finding in EROSIONS.iter().filter(|_| certain) {
                        let said = lesion.findings.contains(finding);
                        let truly = gone_mm3 > ERODED_MM3;
                        assert_eq!(said, truly, "{pattern}: {finding} with {gone_mm3:.1} mm3 of bone gone");
                        told.push(said);
                    }
                }
            }
        }
        let eroded = told.iter().filter(|said| **said).count();
        assert!(eroded >= 4 && told.len() - eroded >= 4, "{eroded} of {} erode", told.len());
    }
}
