//! Walls around a lumen: what the calcification of a vessel is told by.

use std::collections::BTreeMap;

use crate::candidate::Scene;
use crate::describe::{fall, rise};
use crate::grid::Run;
use crate::linear::{dot, median, principal, solve3, sub};
use crate::reason::{Reason, say, whole};

/// A wall around a soft lumen.
#[derive(Clone, Copy)]
pub(crate) struct Tube {
    pub(crate) radius_mm: f64,
    pub(crate) length_mm: f64,
    /// Thickness of the wall, blurred, mm.
    pub(crate) wall_mm: f64,
    /// Share of the lesion's length that is so.
    pub(crate) share: f64,
}

impl Tube {
    /// Probability that it is the wall of a vessel: most of the length, long against its calibre, of the calibre of an
    /// artery or vein of a limb, and thin.
    pub(crate) fn vessel(&self) -> f64 {
        rise(self.share, 0.45, 0.08)
            * rise(self.length_mm, 14.0, 2.0)
            * rise(self.length_mm / self.radius_mm, 3.0, 0.5)
            * fall(self.radius_mm, 9.0, 1.5)
            * fall(self.wall_mm, 4.5, 0.4)
    }

    pub(crate) fn reason(&self) -> Reason {
        say(
            "a wall around a soft lumen of {} mm over {} mm",
            [whole(2.0 * self.radius_mm), whole(self.length_mm)],
        )
    }
}

/// Fits circles to the sections across the longest axis: a wall of calcium has its voxels on a circle of the calibre
/// of a vessel about a soft centre, section after section.
pub(crate) fn tube(scene: &Scene, runs: &[Run]) -> Option<Tube> {
    const SECTION_MM: f64 = 3.0;
    /// The end of a shell lies within this of the last section of it that has a soft middle, mm.
    const CAP_MM: i32 = 12;
    let spacing_mm = scene.volume.geometry.spacing_mm();
    let points: Vec<[f64; 3]> = runs
        .iter()
        .flat_map(|run| (run.start..run.end).map(|column| [column, run.row, run.slice]))
        .map(|voxel| std::array::from_fn(|axis| f64::from(voxel[axis]) * spacing_mm[axis]))
        .collect();
    if points.len() < 30 {
        return None;
    }
    let (centre, variances, axes) = principal(&points);
    if variances[1] > 0.3 * variances[0] {
        return None;
    }
    let project = |p: &[f64; 3], axis: usize| dot(sub(*p, centre), axes[axis]);
    let mut sections: BTreeMap<i64, Vec<[f64; 2]>> = BTreeMap::new();
    for p in &points {
        let along = (project(p, 0) / SECTION_MM).floor() as i64;
        sections.entry(along).or_default().push([project(p, 1), project(p, 2)]);
    }
    let all = sections.len() as f64;
    let dense = |along: f64, middle: [f64; 2]| {
        let voxel: [f64; 3] = std::array::from_fn(|k| {
            let at = centre[k] + along * axes[0][k] + middle[0] * axes[1][k] + middle[1] * axes[2][k];
            (at / spacing_mm[k]).round()
        });
        let inside = (0..3).all(|k| voxel[k] >= 0.0 && voxel[k] < scene.volume.size[k] as f64);
        inside
            .then(|| scene.volume.values[scene.volume.index(voxel.map(|at| at as usize))] >= scene.threshold)
    };
    let mut fitted = Vec::new();
    for (section, members) in &sections {
        let Some((middle, radius)) = circle(members) else { continue };
        let spread = members
            .iter()
            .map(|p| ((p[0] - middle[0]).hypot(p[1] - middle[1]) - radius).powi(2))
            .sum::<f64>()
            / members.len() as f64;
        let along = (*section as f64 + 0.5) * SECTION_MM;
        let soft = dense(along, middle) == Some(false);
        if soft && (1.5..=14.0).contains(&radius) && spread.sqrt() < 0.32 * radius {
            fitted.push((along, middle, radius, spread));
        }
    }
    // the lumen of a vessel goes on where its wall is no longer calcified; a shell about a soft centre is closed
    let closed = |(along, middle, ..): &(f64, [f64; 2], f64, f64), way: f64| {
        (1..=CAP_MM).any(|step| dense(along + way * f64::from(step), *middle) == Some(true))
    };
    if let (Some(first), Some(last)) = (fitted.first(), fitted.last())
        && closed(first, -1.0)
        && closed(last, 1.0)
    {
        return None;
    }
    if fitted.is_empty() {
        return None;
    }
    let radius_mm = median(fitted.iter().map(|fit| fit.2).collect());
    let alike = fitted.iter().filter(|fit| (0.65..=1.5).contains(&(fit.2 / radius_mm))).count() as f64;
    // points spread evenly over a thickness deviate from its middle by its twelfth part of the square
    let wall_mm = (12.0 * median(fitted.iter().map(|fit| fit.3).collect())).sqrt();
    Some(Tube { radius_mm, length_mm: alike * SECTION_MM, wall_mm, share: alike / all })
}

/// Centre and radius of the circle nearest to points of a plane (least algebraic distance).
fn circle(points: &[[f64; 2]]) -> Option<([f64; 2], f64)> {
    if points.len() < 8 {
        return None;
    }
    let (mut m, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
    for p in points {
        let row = [p[0], p[1], 1.0];
        let square = p[0] * p[0] + p[1] * p[1];
        for i in 0..3 {
            for j in 0..3 {
                m[i][j] += row[i] * row[j];
            }
            b[i] += row[i] * square;
        }
    }
    let [u, v, w] = solve3(m, b)?;
    let middle = [u / 2.0, v / 2.0];
    Some((middle, (w + middle[0] * middle[0] + middle[1] * middle[1]).max(0.0).sqrt()))
}
