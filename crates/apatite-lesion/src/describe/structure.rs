//! The inside of a lesion: rims, loculi, septa, bone, homogeneity.

use super::detail::Detail;
use super::{Findings, fall, rise};
use crate::Lesion;
use crate::reason::{say, whole};

pub(super) fn describe(lesion: &Lesion, detail: &Detail, findings: &mut Findings) {
    // what a net of sheets encloses is the tissue it runs through
    let mass = 1.0 - super::form::net(lesion, detail);
    let lucent = detail.lucent_share();
    let level = lesion.level.map_or(0.0, |level| level.probability);
    let lobed = rise(lesion.shape.lobulation, 4.5, 0.9);
    let large = rise(lesion.volume_mm3.ln(), 1200_f64.ln(), 0.35);

    let fluid = fall((detail.loculi_hu - 40.0).abs(), 80.0, 15.0);
    let because = say("{} % of the closed form is not dense", [whole(100.0 * lucent)]);
    let because = if detail.loculi > 0 {
        let spaces = [detail.loculi.to_string(), whole(detail.loculi_hu)];
        say("{} enclosed spaces of {} HU", spaces).and(because)
    } else {
        because
    };
    let cystic = rise(detail.loculi as f64, 2.5, 0.8) * rise(lucent, 0.1, 0.03) * fluid * large * mass;
    findings.add("cystic_loculi", cystic.max(0.9 * level), because.clone());
    // dense nodules packed together are parted by something: walls that are darker than the nodules
    let septate = lobed * large * mass * rise(lucent, 0.06, 0.015) * rise(detail.ball_mm, 4.5, 0.6);
    findings.add("septa", (0.9 * septate).max(0.6 * cystic), because);

    let because = say("shell of {} HU, core of {} HU", [whole(detail.shell_hu), whole(detail.core_hu)]);
    let contrast = detail.shell_hu - detail.core_hu;
    let rimmed = if detail.core_share > 0.0 {
        rise(contrast / detail.shell_hu.max(100.0), 0.38, 0.07) * rise(detail.core_share, 0.12, 0.04)
    } else {
        0.0
    };
    // one shell around one centre, not walls of many nodules
    let single = (1.0 - 0.8 * lobed * large) * (1.0 - 0.9 * level);
    // the wall of a vessel is a rim too, but narrower than a shell about a centre and longer
    let hollow = detail.tube.map_or(0.0, |tube| {
        rise(tube.share, 0.5, 0.1)
            * fall(tube.radius_mm, 6.0, 0.7)
            * rise(tube.length_mm / tube.radius_mm, 4.0, 0.5)
    });
    // trabeculae or marrow inside make it bone; a rim has a centre of soft tissue
    let soft = fall(detail.core_hu, 230.0, 20.0);
    findings.add("peripheral_rim", rimmed * soft * single * (1.0 - hollow), because.clone());
    // fat or trabeculae inside a cortex
    let marrow = rise(-detail.core_hu, 5.0, 8.0)
        .max(rise(detail.core_hu, 120.0, 15.0) * fall(detail.core_hu, 420.0, 30.0));
    let cortex = rise(detail.shell_hu, 400.0, 40.0);
    let trabecular = if detail.core_share > 0.0 {
        rise(contrast / detail.shell_hu.max(100.0), 0.25, 0.05) * rise(detail.core_share, 0.1, 0.03)
    } else {
        0.0
    };
    findings.add(
        "mature_bone",
        trabecular * marrow * cortex * single * rise(lesion.volume_mm3, 150.0, 50.0),
        because.clone(),
    );
    let liquid = rimmed * single * fall((detail.core_hu - 12.0).abs(), 20.0, 5.0);
    findings.add("liquefied_centre", 0.5 * liquid, because);

    if let Some([inner, outer]) = detail.inner_outer_hu {
        let ratio = inner / outer.max(50.0);
        findings.add(
            "central_density",
            rise(ratio, 1.22, 0.06) * rise(lesion.volume_mm3.ln(), 800_f64.ln(), 0.4) * (1.0 - 0.7 * level),
            say("{} HU in the depth, {} HU near the surface", [whole(inner), whole(outer)]),
        );
    }

    homogeneity(lesion, detail, rimmed, 1.0 - 0.8 * (lobed * large).max(septate).max(cystic), findings);
}

/// What can only be said of lesions thick enough to have voxels free of partial volume.
fn homogeneity(lesion: &Lesion, detail: &Detail, rimmed: f64, undivided: f64, findings: &mut Findings) {
    let texture = say("mean {} HU, SD {} HU", [whole(lesion.mean_hu), whole(lesion.sd_hu)]);
    let pale = rise(detail.ball_mm, 1.5, 0.3) * fall(lesion.percentiles_hu[4], 390.0, 35.0);
    findings.add("faint_ill_defined", pale * fall(lesion.mean_hu, 300.0, 25.0) * 0.6, texture.clone());
    let Some([mean, sd]) = detail.interior_hu else { return };
    let inside = say("{} HU, SD {} HU away from the surface", [whole(mean), whole(sd)]);
    let even = fall(sd / (mean - 40.0).max(40.0), 0.3, 0.04) * (1.0 - rimmed);
    let filled = fall(detail.lucent_share(), 0.25, 0.05);
    let thick = rise(detail.dense_ball_mm, 2.2, 0.3);
    findings.add(
        "homogeneous_dense",
        0.8 * even * filled * thick * undivided * rise(mean, 400.0, 40.0),
        inside.clone(),
    );
    // urate attenuates at most about 400 HU, calcium salts much more; a tophus is a lump, and thin faint mineral is pale
    // because a voxel holds little of it
    let ball_mm3 = std::f64::consts::PI / 6.0 * lesion.diameter_mm.powi(3);
    let lump = rise(detail.closed_mm3 / ball_mm3.max(1.0), 0.17, 0.02);
    let urate = lump
        * fall(lesion.percentiles_hu[4], 400.0, 30.0)
        * fall(lesion.mean_hu, 270.0, 20.0)
        * rise(lesion.volume_mm3, 60.0, 20.0);
    findings.add(
        "denser_than_muscle_not_calcified",
        urate * fall(sd / (mean - 40.0).max(40.0), 0.42, 0.06) * (1.0 - rimmed),
        inside.and(say("nine tenths below {} HU", [whole(lesion.percentiles_hu[4])])),
    );
}
