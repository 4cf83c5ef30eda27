/*!
Radiomics features as the Image Biomarker Standardisation Initiative defines them.

Zwanenburg et al., *The image biomarker standardization initiative* (reference manual, arXiv 1612.07003;
doi 10.1148/radiol.2020191145). Names are the tags of its reference values: `morph_…` (morphology), `stat_…` (intensity
statistics), `cm_…_3D_avg` and `cm_…_3D_comb` (grey-level co-occurrence in space at distance 1, features averaged over
the 13 directions, and of the matrix merged over them). All are tested against the reference values of its digital
phantom. Not computed: oriented minimum bounding box and minimum volume enclosing ellipsoid (without consensus), local
peaks, histogram, and the other texture families.
*/

use std::f64::consts::PI;

use apatite_volume::{Labels, Volume};
use rayon::prelude::*;
use serde::Serialize;

use crate::grid::Grid;
use crate::linear::{eigenvalues, norm, sub};
use crate::mesh::{diameter, extremes, hull, mesh};

/// A region of interest cut out of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// Distances between voxel centres, mm.
    pub spacing_mm: [f64; 3],
    /// One value a voxel, columns fastest.
    pub values: Vec<f64>,
    /// Whether the voxel belongs to the region.
    pub mask: Vec<bool>,
}

/// One feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feature {
    /// IBSI tag.
    pub name: String,
    /// Value; mm, mm², mm³ and the unit of the image.
    pub value: f64,
}

/// Why features cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RadiomicsError {
    /// No voxel is in the mask.
    #[error("the region holds no voxel: choose a label that occurs in the mask")]
    Empty,
    /// Sizes that do not fit.
    #[error("the region has {values} values and {mask} mask entries where its size asks for {expected}")]
    Size {
        /// Values present.
        values: usize,
        /// Mask entries present.
        mask: usize,
        /// Needed.
        expected: usize,
    },
    /// Grey levels that are no small positive whole numbers.
    #[error("grey levels must be whole numbers from 1 to {most}: discretise the region first")]
    Levels {
        /// Most levels.
        most: usize,
    },
}

/// Most grey levels of a co-occurrence matrix.
const LEVELS: usize = 1024;

impl Region {
    /// Cuts the box of one label out of a volume.
    ///
    /// # Errors
    /// Where the label does not occur.
    pub fn of_label(volume: &Volume, labels: &Labels, label: u16) -> Result<Self, RadiomicsError> {
        let expected = volume.len();
        if labels.values.len() != expected {
            return Err(RadiomicsError::Size { values: expected, mask: labels.values.len(), expected });
        }
        let (mut low, mut high) = (volume.size, [0; 3]);
        for index in (0..expected).filter(|&index| labels.values[index] == label) {
            let row = index / volume.size[0];
            let voxel = [index % volume.size[0], row % volume.size[1], row / volume.size[1]];
            for axis in 0..3 {
                low[axis] = low[axis].min(voxel[axis]);
                high[axis] = high[axis].max(voxel[axis] + 1);
            }
        }
        if high[0] == 0 {
            return Err(RadiomicsError::Empty);
        }
        let size: [usize; 3] = std::array::from_fn(|axis| high[axis] - low[axis]);
        let mut region = Self {
            size,
            spacing_mm: volume.geometry.spacing_mm(),
            values: Vec::with_capacity(size.iter().product()),
            mask: Vec::with_capacity(size.iter().product()),
        };
        for slice in low[2]..high[2] {
            for row in low[1]..high[1] {
                let start = volume.index([low[0], row, slice]);
                let voxels = start..start + size[0];
                region.values.extend(volume.values[voxels.clone()].iter().map(|&value| f64::from(value)));
                region.mask.extend(labels.values[voxels].iter().map(|&value| value == label));
            }
        }
        Ok(region)
    }

    /// The region with its values in bins of a fixed width from `lowest`: levels from 1 (IBSI Q3RU, fixed bin size).
    #[must_use]
    pub fn discretised(&self, lowest: f64, width: f64) -> Self {
        let values =
            self.values.iter().map(|value| ((value - lowest) / width).floor().max(0.0) + 1.0).collect();
        Self { values, ..self.clone() }
    }

    fn grid(&self) -> Grid {
        Grid { size: self.size, spacing_mm: self.spacing_mm }
    }

    fn check(&self) -> Result<(), RadiomicsError> {
        let expected = self.size.iter().product();
        if self.values.len() != expected || self.mask.len() != expected {
            return Err(RadiomicsError::Size { values: self.values.len(), mask: self.mask.len(), expected });
        }
        if self.mask.contains(&true) { Ok(()) } else { Err(RadiomicsError::Empty) }
    }

    /// Values of the mask.
    fn inside(&self) -> Vec<f64> {
        self.values.iter().zip(&self.mask).filter(|(_, on)| **on).map(|(&value, _)| value).collect()
    }

    /// Centres (mm) and values of the mask.
    fn points(&self) -> Vec<([f64; 3], f64)> {
        let grid = self.grid();
        (0..grid.len())
            .filter(|&cell| self.mask[cell])
            .map(|cell| {
                let position = grid.position(cell);
                (std::array::from_fn(|axis| position[axis] as f64 * self.spacing_mm[axis]), self.values[cell])
            })
            .collect()
    }
}

/// Morphology: volume, surface, axes, densities, and how intensity is spread over the shape. Moran's I and Geary's C
/// compare all pairs of voxels and are left out above 20 000 voxels.
///
/// # Errors
/// An empty region, or sizes that do not fit.
pub fn morphology(region: &Region) -> Result<Vec<Feature>, RadiomicsError> {
    region.check()?;
    let points = region.points();
    let count = points.len() as f64;
    let skin = mesh(&region.grid(), &region.mask);
    let (volume, area) = (skin.volume_mm3, skin.area_mm2);
    let sphericity = (36.0 * PI * volume * volume).cbrt() / area;
    let centre: [f64; 3] = std::array::from_fn(|axis| points.iter().map(|p| p.0[axis]).sum::<f64>() / count);
    let weight: f64 = points.iter().map(|p| p.1).sum();
    let weighted: [f64; 3] =
        std::array::from_fn(|axis| points.iter().map(|p| p.0[axis] * p.1).sum::<f64>() / weight);
    let covariance: [[f64; 3]; 3] = std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            // the unbiased estimate, which the reference values need
            points.iter().map(|p| (p.0[i] - centre[i]) * (p.0[j] - centre[j])).sum::<f64>()
                / (count - 1.0).max(1.0)
        })
    });
    let axes = eigenvalues(covariance).map(|value| value.max(0.0));
    let [a, b, c] = axes.map(|value| 2.0 * value.sqrt());
    let corners = extremes(&skin.outline_mm, 600);
    let (hull_volume, hull_area) = hull(&corners);
    let extent: [f64; 3] = std::array::from_fn(|axis| {
        let along = || skin.outline_mm.iter().map(|vertex| vertex[axis]);
        along().fold(f64::NEG_INFINITY, f64::max) - along().fold(f64::INFINITY, f64::min)
    });
    let box_area = 2.0 * (extent[0] * extent[1] + extent[1] * extent[2] + extent[0] * extent[2]);
    let mean = weight / count;
    let mut features = vec![
        feature("morph_volume", volume),
        feature("morph_vol_approx", count * region.grid().cell_mm3()),
        feature("morph_area_mesh", area),
        feature("morph_av", area / volume),
        feature("morph_comp_1", volume / (PI.sqrt() * area.powf(1.5))),
        feature("morph_comp_2", 36.0 * PI * volume * volume / area.powi(3)),
        feature("morph_sph_dispr", 1.0 / sphericity),
        feature("morph_sphericity", sphericity),
        feature("morph_asphericity", (area.powi(3) / (36.0 * PI * volume * volume)).cbrt() - 1.0),
        feature("morph_com", norm(sub(centre, weighted))),
        feature("morph_diam", diameter(&corners)),
        feature("morph_pca_maj_axis", 2.0 * a),
        feature("morph_pca_min_axis", 2.0 * b),
        feature("morph_pca_least_axis", 2.0 * c),
        feature("morph_pca_elongation", b / a),
        feature("morph_pca_flatness", c / a),
        feature("morph_vol_dens_aabb", volume / extent.iter().product::<f64>()),
        feature("morph_area_dens_aabb", area / box_area),
        feature("morph_vol_dens_aee", volume / (4.0 / 3.0 * PI * a * b * c)),
        feature("morph_area_dens_aee", area / ellipsoid_area(a, b, c)),
        feature("morph_vol_dens_conv_hull", volume / hull_volume),
        feature("morph_area_dens_conv_hull", area / hull_area),
        feature("morph_integ_int", mean * volume),
    ];
    if points.len() <= 20_000 && points.len() > 1 {
        let (moran, geary) = autocorrelation(&points, mean);
        features.push(feature("morph_moran_i", moran));
        features.push(feature("morph_geary_c", geary));
    }
    Ok(features)
}

/// Statistics of the intensities, without discretisation.
///
/// # Errors
/// An empty region, or sizes that do not fit.
pub fn intensity(region: &Region) -> Result<Vec<Feature>, RadiomicsError> {
    region.check()?;
    let mut values = region.inside();
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let moment = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / count;
    let variance = moment(2);
    let (skew, kurt) = if variance > 0.0 {
        (moment(3) / variance.powf(1.5), moment(4) / variance.powi(2) - 3.0)
    } else {
        (0.0, 0.0)
    };
    // the smallest value that at least this share of all values does not exceed
    let percentile = |share: f64| values[((share * count).ceil() as usize).clamp(1, values.len()) - 1];
    let median = {
        let middle = values.len() / 2;
        if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
    };
    let (low, quarter, three, high) = (percentile(0.1), percentile(0.25), percentile(0.75), percentile(0.9));
    let deviation = |about: f64| values.iter().map(|value| (value - about).abs()).sum::<f64>() / count;
    let robust: Vec<f64> = values.iter().copied().filter(|value| (low..=high).contains(value)).collect();
    let robust_mean = robust.iter().sum::<f64>() / robust.len().max(1) as f64;
    let robust_mad =
        robust.iter().map(|value| (value - robust_mean).abs()).sum::<f64>() / robust.len().max(1) as f64;
    let energy: f64 = values.iter().map(|value| value * value).sum();
    let (least, most) = (values[0], values[values.len() - 1]);
    Ok(vec![
        feature("stat_mean", mean),
        feature("stat_var", variance),
        feature("stat_skew", skew),
        feature("stat_kurt", kurt),
        feature("stat_median", median),
        feature("stat_min", least),
        feature("stat_p10", low),
        feature("stat_p90", high),
        feature("stat_max", most),
        feature("stat_iqr", three - quarter),
        feature("stat_range", most - least),
        feature("stat_mad", deviation(mean)),
        feature("stat_rmad", robust_mad),
        feature("stat_medad", deviation(median)),
        feature("stat_cov", variance.sqrt() / mean),
        feature("stat_qcod", (three - quarter) / (three + quarter)),
        feature("stat_energy", energy),
        feature("stat_rms", (energy / count).sqrt()),
    ])
}

/// Grey-level co-occurrence in space. The values of the region must be grey levels from 1 (see
/// [`Region::discretised`]).
///
/// # Errors
/// An empty region, sizes that do not fit, or values that are no grey levels.
pub fn cooccurrence(region: &Region) -> Result<Vec<Feature>, RadiomicsError> {
    region.check()?;
    let values = region.inside();
    if values.iter().any(|value| value.fract() != 0.0 || !(1.0..=LEVELS as f64).contains(value)) {
        return Err(RadiomicsError::Levels { most: LEVELS });
    }
    let levels = values.iter().copied().fold(1.0, f64::max) as usize;
    let directions: Vec<[isize; 3]> = (0..27)
        .map(|at: isize| [at % 3 - 1, at / 3 % 3 - 1, at / 9 - 1])
        .filter(|&[x, y, z]| (z, y, x) > (0, 0, 0))
        .collect();
    let matrices: Vec<Vec<f64>> =
        directions.par_iter().map(|&direction| cooccurrences(region, levels, direction)).collect();
    let mut merged = vec![0.0; levels * levels];
    for matrix in &matrices {
        for (sum, count) in merged.iter_mut().zip(matrix) {
            *sum += count;
        }
    }
    let each: Vec<Vec<(&'static str, f64)>> =
        matrices.iter().filter_map(|matrix| of_matrix(matrix, levels)).collect();
    let mut features = Vec::new();
    if let Some(first) = each.first() {
        for (at, (name, _)) in first.iter().enumerate() {
            let mean = each.iter().map(|of| of[at].1).sum::<f64>() / each.len() as f64;
            features.push(Feature { name: format!("cm_{name}_3D_avg"), value: mean });
        }
    }
    for (name, value) in of_matrix(&merged, levels).unwrap_or_default() {
        features.push(Feature { name: format!("cm_{name}_3D_comb"), value });
    }
    Ok(features)
}

fn feature(name: &str, value: f64) -> Feature {
    Feature { name: name.to_owned(), value }
}

/// Surface of an ellipsoid with semi-axes a ≥ b ≥ c, by the series of Legendre polynomials that IBSI prescribes.
fn ellipsoid_area(a: f64, b: f64, c: f64) -> f64 {
    let (alpha, beta) = ((1.0 - b * b / (a * a)).max(0.0).sqrt(), (1.0 - c * c / (a * a)).max(0.0).sqrt());
    let product = alpha * beta;
    if product < 1e-9 {
        // two axes are equal, where the argument of the polynomials is without bound: Thomsen's formula
        let p = 1.6075;
        return 4.0 * PI * (((a * b).powf(p) + (a * c).powf(p) + (b * c).powf(p)) / 3.0).powf(1.0 / p);
    }
    let x = (alpha * alpha + beta * beta) / (2.0 * product);
    let (mut before, mut current) = (1.0, x);
    let mut sum = 1.0;
    let mut power = 1.0;
    for order in 1..=20 {
        power *= product;
        let n = f64::from(order);
        sum += power / (1.0 - 4.0 * n * n) * current;
        let next = ((2.0 * n + 1.0) * x * current - n * before) / (n + 1.0);
        (before, current) = (current, next);
    }
    4.0 * PI * a * b * sum
}

/// Moran's I and Geary's C with inverse distances as weights.
fn autocorrelation(points: &[([f64; 3], f64)], mean: f64) -> (f64, f64) {
    let count = points.len() as f64;
    // sums per point, added in order: the result does not depend on the number of threads
    let sums: Vec<(f64, f64, f64)> = points
        .par_iter()
        .enumerate()
        .map(|(i, (p, x))| {
            let (mut weights, mut products, mut squares) = (0.0, 0.0, 0.0);
            for (j, (q, y)) in points.iter().enumerate() {
                if i != j {
                    let weight = 1.0 / norm(sub(*p, *q));
                    weights += weight;
                    products += weight * (x - mean) * (y - mean);
                    squares += weight * (x - y).powi(2);
                }
            }
            (weights, products, squares)
        })
        .collect();
    let total = |of: fn(&(f64, f64, f64)) -> f64| sums.iter().map(of).sum::<f64>();
    let variance: f64 = points.iter().map(|(_, x)| (x - mean).powi(2)).sum();
    let weights = total(|sum| sum.0);
    (
        count / weights * total(|sum| sum.1) / variance,
        (count - 1.0) / (2.0 * weights) * total(|sum| sum.2) / variance,
    )
}

/// Symmetric counts of neighbouring grey levels in one direction.
fn cooccurrences(region: &Region, levels: usize, direction: [isize; 3]) -> Vec<f64> {
    let grid = region.grid();
    let mut counts = vec![0.0; levels * levels];
    for cell in (0..grid.len()).filter(|&cell| region.mask[cell]) {
        let position = grid.position(cell);
        let other: [Option<usize>; 3] = std::array::from_fn(|axis| {
            position[axis].checked_add_signed(direction[axis]).filter(|&at| at < grid.size[axis])
        });
        let [Some(x), Some(y), Some(z)] = other else { continue };
        let other = grid.index([x, y, z]);
        if region.mask[other] {
            let (i, j) = (region.values[cell] as usize - 1, region.values[other] as usize - 1);
            counts[i * levels + j] += 1.0;
            counts[j * levels + i] += 1.0;
        }
    }
    counts
}

fn entropy(probabilities: impl Iterator<Item = f64>) -> f64 {
    probabilities.filter(|&p| p > 0.0).map(|p| -p * p.log2()).sum()
}

/// The 25 features of a co-occurrence matrix; none where it is empty.
fn of_matrix(counts: &[f64], levels: usize) -> Option<Vec<(&'static str, f64)>> {
    let total: f64 = counts.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let p: Vec<f64> = counts.iter().map(|count| count / total).collect();
    let cells = || (0..levels * levels).map(|at| ((at / levels + 1) as f64, (at % levels + 1) as f64, p[at]));
    let sum = |term: &dyn Fn(f64, f64) -> f64| cells().map(|(i, j, p)| p * term(i, j)).sum::<f64>();
    let marginal: Vec<f64> =
        (0..levels).map(|i| p[i * levels..(i + 1) * levels].iter().sum::<f64>()).collect();
    let mut differences = vec![0.0; levels];
    let mut sums = vec![0.0; 2 * levels + 1];
    for (i, j, p) in cells() {
        differences[(i - j).abs() as usize] += p;
        sums[(i + j) as usize] += p;
    }
    let moments = |of: &[f64]| {
        let mean: f64 = of.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
        let variance: f64 = of.iter().enumerate().map(|(k, p)| (k as f64 - mean).powi(2) * p).sum();
        (mean, variance, entropy(of.iter().copied()))
    };
    let (diff_mean, diff_var, diff_entropy) = moments(&differences);
    let (sum_mean, sum_var, sum_entropy) = moments(&sums);
    let mean = sum(&|i, _| i);
    let variance = sum(&|i, _| (i - mean).powi(2));
    let joint = entropy(p.iter().copied());
    let single = entropy(marginal.iter().copied());
    let product = |i: f64, j: f64| marginal[i as usize - 1] * marginal[j as usize - 1];
    let logarithm = |value: f64| if value > 0.0 { value.log2() } else { 0.0 };
    let cross1 = -sum(&|i, j| logarithm(product(i, j)));
    let cross2: f64 = entropy(cells().map(|(i, j, _)| product(i, j)));
    let n = levels as f64;
    Some(vec![
        ("joint_max", p.iter().copied().fold(0.0, f64::max)),
        ("joint_avg", mean),
        ("joint_var", variance),
        ("joint_entr", joint),
        ("diff_avg", diff_mean),
        ("diff_var", diff_var),
        ("diff_entr", diff_entropy),
        ("sum_avg", sum_mean),
        ("sum_var", sum_var),
        ("sum_entr", sum_entropy),
        ("energy", p.iter().map(|p| p * p).sum()),
        ("contrast", sum(&|i, j| (i - j).powi(2))),
        ("dissimilarity", sum(&|i, j| (i - j).abs())),
        ("inv_diff", sum(&|i, j| 1.0 / (1.0 + (i - j).abs()))),
        ("inv_diff_norm", sum(&|i, j| 1.0 / (1.0 + (i - j).abs() / n))),
        ("inv_diff_mom", sum(&|i, j| 1.0 / (1.0 + (i - j).powi(2)))),
        ("inv_diff_mom_norm", sum(&|i, j| 1.0 / (1.0 + (i - j).powi(2) / (n * n)))),
        ("inv_var", sum(&|i, j| if i == j { 0.0 } else { 1.0 / (i - j).powi(2) })),
        ("corr", if variance > 0.0 { (sum(&|i, j| i * j) - mean * mean) / variance } else { 1.0 }),
        ("auto_corr", sum(&|i, j| i * j)),
        ("clust_tend", sum(&|i, j| (i + j - 2.0 * mean).powi(2))),
        ("clust_shade", sum(&|i, j| (i + j - 2.0 * mean).powi(3))),
        ("clust_prom", sum(&|i, j| (i + j - 2.0 * mean).powi(4))),
        ("info_corr1", if single > 0.0 { (joint - cross1) / single } else { 0.0 }),
        ("info_corr2", (1.0 - (-2.0 * (cross2 - joint)).exp()).max(0.0).sqrt()),
    ])
}
