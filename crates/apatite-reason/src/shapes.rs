/*!
From three percentiles to the bands of a variable.
*/

use apatite_knowledge::Percentiles;

/// Standard normal deviate of the 95th percentile.
const Z95: f64 = 1.644_853_626_951_472_7;

/// Shares of the bands between `edges` under the distribution of the percentiles: two halves of normal distributions
/// that meet at the median, on a logarithmic scale where all is positive and `logarithmic` is set.
pub(crate) fn band_shares(percentiles: &Percentiles, edges: &[f64], logarithmic: bool) -> Vec<f64> {
    let scale = |value: f64| if logarithmic { value.max(f64::MIN_POSITIVE).ln() } else { value };
    let (low, middle, high) = (scale(percentiles.p05), scale(percentiles.p50), scale(percentiles.p95));
    let below = |edge: f64| {
        let edge = scale(edge);
        let spread = if edge < middle { middle - low } else { high - middle } / Z95;
        normal_cdf((edge - middle) / spread)
    };
    let mut shares = Vec::with_capacity(edges.len() + 1);
    let mut before = 0.0;
    for edge in edges {
        let now = below(*edge);
        shares.push(now - before);
        before = now;
    }
    shares.push(1.0 - before);
    shares
}

/// The band a value falls into.
pub(crate) fn band_of(value: f64, edges: &[f64]) -> usize {
    edges.partition_point(|edge| *edge <= value)
}

/// Cumulative standard normal distribution; Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
fn normal_cdf(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let erf = 1.0 - polynomial * (-x * x).exp();
    if z < 0.0 { 0.5 * (1.0 - erf) } else { 0.5 * (1.0 + erf) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentiles(p05: f64, p50: f64, p95: f64) -> Percentiles {
        Percentiles { p05, p50, p95, sources: vec![] }
    }

    #[test]
    fn percentiles_come_back() {
        for (of, logarithmic) in
            [(percentiles(5.0, 20.0, 90.0), true), (percentiles(-50.0, 20.0, 400.0), false)]
        {
            let shares = band_shares(&of, &[of.p05, of.p50, of.p95], logarithmic);
            for (share, expected) in shares.iter().zip([0.05, 0.45, 0.45, 0.05]) {
                assert!((share - expected).abs() < 1e-6, "{shares:?}");
            }
        }
    }

    #[test]
    fn an_edge_belongs_to_the_band_above() {
        assert_eq!([0.5, 1.0, 1.5, 2.0, 9.0].map(|value| band_of(value, &[1.0, 2.0])), [0, 1, 1, 2, 2]);
    }
}
