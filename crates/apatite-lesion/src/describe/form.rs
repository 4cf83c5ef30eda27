//! The shape of a lesion and of its parts.

use super::detail::Detail;
use super::{Findings, fall, rise};
use crate::candidate::Candidate;
use crate::kind::Group;
use crate::reason::{Reason, digits, say, whole};
use crate::{Kind, Lesion};

/// A net of sheets fills less than this share of its convex hull, and masses of nodules more.
pub(super) const SPARSE: f64 = 0.14;

pub(super) fn describe(lesion: &Lesion, group: &Group, detail: &Detail, findings: &mut Findings) {
    let shape = &lesion.shape;
    let long = lesion.diameter_mm;
    let thick = detail.thickness_mm.max(0.3);
    let members = &group.members;
    let size = say(
        "{} mm long, {} mm thick, {} mm³, {} components",
        [whole(long), digits(thick, 1), whole(lesion.volume_mm3), lesion.components.to_string()],
    );

    let tube = tubular(lesion, detail, findings);
    // a plate: thin everywhere however long, and wide
    let thin = fall(detail.ball_mm, 3.6, 0.45);
    let area = lesion.volume_mm3 / thick;
    let wide = rise(shape.elongation, 0.2, 0.04) * rise(area / (long * long).max(1.0), 0.12, 0.03);
    let net = net(lesion, detail);
    let lobes = shape.lobulation + 0.3 * (lesion.components as f64 - 1.0);
    let big = rise(detail.closed_mm3.ln(), 2200_f64.ln(), 0.35) * rise(detail.ball_mm, 5.0, 0.6);
    let lobed = rise(lobes, 3.6, 0.7) * (1.0 - net);
    let bodies = uniform_bodies(lesion, detail) * (1.0 - tube) * (1.0 - lobed * big) * (1.0 - net);
    // a sheet is one piece, or pieces that are sheets themselves: not a crowd of bodies
    let piece = members.iter().map(|c| c.axes_mm[0]).fold(0.0, f64::max);
    let sheet = thin.max(net)
        * rise(long, 14.0, 2.5)
        * rise((long / thick).ln(), 5.0_f64.ln(), 0.2)
        * wide
        * rise(piece, 12.0, 1.5)
        * rise(piece / long, 0.45, 0.07)
        * outlined(lesion, detail)
        * (1.0 - tube)
        * (1.0 - bodies);
    findings.add("sheet_like", sheet, size.clone());
    let seen = members.iter().map(Candidate::resolved).fold(0.0, f64::max);
    let slim = fall(shape.elongation, 0.33, 0.05) * rise(long / thick, 3.6, 0.4) * rise(long, 7.5, 1.0);
    let linear = seen * slim * thin * (1.0 - 0.6 * tube);

    findings.add(
        "multilobulated_mass",
        lobed * big,
        say("{} lobes", [whole(shape.lobulation)]).and(size.clone()),
    );
    let compact = rise(detail.closed_mm3 / ball_mm3(long), 0.2, 0.04);
    let round = rise(shape.elongation, 0.42, 0.06) * rise(shape.flatness, 0.28, 0.05);
    let nodule = compact * round * rise(lesion.volume_mm3, 30.0, 10.0) * rise(long, 4.5, 0.6);
    findings.add(
        "nodular",
        (nodule * (1.0 - sheet)).max(0.8 * lobed * big),
        say("{} % of the ball around it", [whole(100.0 * detail.closed_mm3 / ball_mm3(long).max(1.0))])
            .and(size.clone()),
    );
    let punctate = fall(long, 4.2, 0.5);
    findings.add("punctate", punctate, size.clone());
    let cluster = rise(lesion.components as f64 + 0.5 * (shape.lobulation - 1.0), 3.4, 0.6)
        * fall(detail.dense_ball_mm, 4.5, 0.6)
        * fall(long, 30.0, 5.0);
    findings.add("coalescent_aggregate", cluster * (1.0 - sheet) * (1.0 - tube), size.clone());

    let grain = |c: &&Candidate| {
        (3.5..14.0).contains(&c.axes_mm[0])
            && c.axes_mm[1] < 5.0
            && c.axes_mm[0] > 1.55 * c.axes_mm[1].max(0.5)
    };
    let grains = members.iter().filter(grain).count() as f64;
    let told = members.iter().filter(grain).map(Candidate::resolved).sum::<f64>() / grains.max(1.0);
    let rice =
        told * rise(grains / members.len() as f64, 0.6, 0.12) * rise(long, 4.0, 0.5) * fall(long, 14.0, 1.5);
    findings.add(
        "rice_grain",
        rice * (1.0 - tube),
        say("{} of {} components are slender grains", [whole(grains), members.len().to_string()])
            .and(size.clone()),
    );
    findings.add("linear_lamellar", (linear * (1.0 - 0.85 * rice)).max(0.85 * sheet), size.clone());
    let ringed = members.iter().filter(|c| is_ring(c)).count() as f64;
    let rings = rise(ringed / members.len() as f64, 0.5, 0.12) * fall(long, 45.0, 6.0) * (1.0 - tube);
    findings.add(
        "ring_and_arc",
        0.7 * rings,
        say("{} of {} components are rings", [whole(ringed), members.len().to_string()]),
    );
    findings.add(
        "multiple_uniform_bodies",
        bodies * (1.0 - sheet),
        say("{} bodies of like size", [whole(shape.lobulation.max(lesion.components as f64))])
            .and(size.clone()),
    );
    let sphere = rise(shape.sphericity, 0.66, 0.04) * rise(shape.elongation, 0.66, 0.05);
    let stone = seen * sphere * fall(long, 10.0, 1.2) * rise(long, 2.5, 0.4);
    let vascular = if lesion.kind == Kind::Vascular { lesion.probability } else { 0.0 };
    findings.add("phlebolith_like", stone * (0.45 + 0.4 * vascular), say("round", []).and(size.clone()));

    let smooth = rise(shape.sphericity, 0.5, 0.05) * rise(lesion.mean_hu, 280.0, 40.0);
    findings.add("well_defined_margin", smooth, say("sphericity {}", [digits(shape.sphericity, 2)]));
    // what has none of the forms above
    let formed = [
        sheet * 0.8,
        rice,
        tube,
        0.9 * rings,
        bodies,
        findings.get("mature_bone"),
        findings.get("peripheral_rim"),
        findings.get("sedimentation_sign"),
        0.7 * lobed * big,
        0.7 * stone,
        findings.get("denser_than_muscle_not_calcified"),
        0.6 * punctate,
    ];
    let unformed: f64 = formed.iter().map(|p| 1.0 - p).product();
    findings.add(
        "amorphous",
        0.75 * unformed * rise(lesion.volume_mm3, 20.0, 6.0),
        say("no particular form:", []).and(size),
    );
}

/// Probability that it is a net of sheets: thin against its reach, and filling next to nothing of its hull, however thick it is
/// where they meet.
pub(super) fn net(lesion: &Lesion, detail: &Detail) -> f64 {
    fall(lesion.shape.solidity, SPARSE, 0.015) * fall(detail.thickness_mm / lesion.diameter_mm, 0.034, 0.003)
}

/// Probability that the outline is that of the lesion: of mineral that hardly rises above the threshold the noise decides
/// which voxels are in, and the ragged rest is thin everywhere.
fn outlined(lesion: &Lesion, detail: &Detail) -> f64 {
    rise((lesion.mean_hu - detail.threshold_hu) / detail.noise_hu, 3.0, 0.5)
}

fn ball_mm3(diameter: f64) -> f64 {
    std::f64::consts::PI / 6.0 * diameter.powi(3)
}

/// A wall around a soft lumen of the calibre of a vessel, longer than wide.
fn tubular(lesion: &Lesion, detail: &Detail, findings: &mut Findings) -> f64 {
    let vascular = if lesion.kind == Kind::Vascular { lesion.probability } else { 0.0 };
    let mut probability = 0.0;
    let mut because = Reason(lesion.decided_from.clone());
    if let Some(tube) = detail.tube {
        probability = tube.vessel();
        because = tube.reason();
    }
    findings.add(
        "tram_track",
        (0.9 * probability).max(0.5 * vascular * rise(lesion.diameter_mm, 12.0, 2.0)),
        because.clone(),
    );
    let vessel = probability.max(vascular);
    findings.add("intravascular", 0.95 * vessel, because.clone());
    findings.add("vessel_calcification", 0.95 * vessel * rise(lesion.diameter_mm, 8.0, 1.5), because);
    probability
}

fn is_ring(c: &Candidate) -> bool {
    c.volume_mm3 < 1500.0
        && c.axes_mm[2] > 0.45 * c.axes_mm[0]
        && c.rim.is_some_and(|rim| rim.core_hu + 100.0 < 0.7 * (rim.shell_hu + 100.0))
}

/// Several bodies of one size, touching or not: the largest ball in it is no larger than bodies of equal share would
/// have.
fn uniform_bodies(lesion: &Lesion, detail: &Detail) -> f64 {
    let count = lesion.shape.lobulation.max(lesion.components as f64);
    let share = 0.5 * (6.0 * detail.closed_mm3 / (std::f64::consts::PI * count.max(1.0))).cbrt();
    let alike = detail.ball_mm / share.max(0.1);
    rise(count, 3.4, 0.5)
        * rise(alike, 0.6, 0.07)
        * fall(alike, 1.35, 0.1)
        * rise(share, 1.5, 0.2)
        * fall(share, 7.0, 0.8)
        * fall(lesion.shape.solidity, 0.7, 0.06)
}
