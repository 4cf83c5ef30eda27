//! Whether something lies at the end of a digit: of the tissue within reach little is there, and it lies to one side.

use crate::candidate::Scene;
use crate::describe::{fall, rise};
use crate::grid::Run;
use crate::linear::norm;
use crate::reason::{Reason, say, whole};

/// As far as from the end of a finger to its middle joint, mm.
const REACH_MM: f64 = 25.0;
/// HU between air and fat.
const AIR_HU: i16 = -350;

/// What fills a ball of 25 mm radius.
pub(crate) struct Tip {
    /// Share of the ball that is body.
    tissue: f64,
    /// Share of it outside the field.
    unseen: f64,
    /// Distance of the centre of the tissue from that of the ball, against the radius.
    aside: f64,
}

impl Tip {
    /// About the centre of `runs`.
    pub(crate) fn of(scene: &Scene, runs: &[Run]) -> Self {
        /// Distance of the points that are asked, mm: a finger is eight of them thick.
        const STEP_MM: f64 = 2.0;
        let volume = scene.volume;
        let spacing_mm = volume.geometry.spacing_mm();
        let centre = centroid(runs);
        let reach = (REACH_MM / STEP_MM).floor() as i32;
        let (mut asked, mut tissue, mut unseen) = (0.0, 0.0, 0.0);
        let mut sum = [0.0; 3];
        for z in -reach..=reach {
            for y in -reach..=reach {
                for x in -reach..=reach {
                    let way = [x, y, z].map(|step| f64::from(step) * STEP_MM);
                    if norm(way) > REACH_MM {
                        continue;
                    }
                    asked += 1.0;
                    let at: [f64; 3] =
                        std::array::from_fn(|axis| (centre[axis] + way[axis] / spacing_mm[axis]).round());
                    if (0..3).any(|axis| at[axis] < 0.0 || at[axis] >= volume.size[axis] as f64) {
                        unseen += 1.0;
                        continue;
                    }
                    let voxel = at.map(|at| at as usize);
                    let hu = volume.values[volume.index(voxel)];
                    if hu > AIR_HU && scene.body.inside[scene.body.cell(voxel)] {
                        tissue += 1.0;
                        sum = std::array::from_fn(|axis| sum[axis] + way[axis]);
                    }
                }
            }
        }
        Self {
            tissue: tissue / asked,
            unseen: unseen / asked,
            aside: norm(sum) / f64::max(tissue, 1.0) / REACH_MM,
        }
    }

    /// That this is the end of a digit.
    pub(crate) fn probability(&self) -> f64 {
        // a finger fills a tenth of such a ball, the side of a palm a third and more
        let slender = fall(self.tissue, 0.22, 0.02);
        // midway along a finger it lies on both sides
        slender * rise(self.aside, 0.31, 0.025) * fall(self.unseen, 0.25, 0.04)
    }

    pub(crate) fn reason(&self) -> Reason {
        say(
            "tissue fills {} % of the ball of {} mm radius around it, its centre {} mm to one side",
            [100.0 * self.tissue, REACH_MM, self.aside * REACH_MM].map(whole),
        )
    }
}

/// Mean place of the voxels of runs, in voxels.
fn centroid(runs: &[Run]) -> [f64; 3] {
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for run in runs {
        let length = f64::from(run.end - run.start);
        let middle = f64::from(run.start + run.end - 1) / 2.0;
        for (sum, at) in sum.iter_mut().zip([middle, f64::from(run.row), f64::from(run.slice)]) {
            *sum += length * at;
        }
        count += length;
    }
    sum.map(|sum| sum / f64::max(count, 1.0))
}
