/*!
Loops over numbers that lie side by side, written so that the compiler can do several at once.

Everything is inlined into the caller, which says for what processor it is compiled.
*/

/// So many partial sums are held at once, whatever the processor can add at once: the order of additions, and with it
/// the last bit, is the same everywhere.
pub(crate) const LANES: usize = 8;

/// Sum of the products of two lists, in the order of the lanes.
#[inline(always)]
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let rest = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f64>();
    if a_lanes.is_empty() {
        return rest;
    }
    let mut sums = [0.0; LANES];
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Sum of a list, in the order of the lanes.
#[inline(always)]
#[must_use]
pub fn sum(values: &[f64]) -> f64 {
    let (lanes, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for values in lanes {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

/// The natural logarithm of normal positive numbers, to the last bit or the one before.
///
/// That of the C library takes one number at a time. This is the method of FreeBSD's `e_log.c`: the number is
/// 2^k (1 + f) with 1 + f around one, and with s = f / (2 + f) the rest is a short series in s squared.
#[inline(always)]
#[must_use]
pub fn ln(value: f64) -> f64 {
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    const HALF_ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
    const MANTISSA: u64 = 0x000f_ffff_ffff_ffff;
    // a small whole number in the last bits of this one is a double without a conversion
    const TWO_52: u64 = 0x4330_0000_0000_0000;
    const TWO_52_AND_BIAS: f64 = 4_503_599_627_370_496.0 + 1023.0;
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const SERIES: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    let bits = value.to_bits().wrapping_add(ONE - HALF_ROOT);
    let k = f64::from_bits((bits >> 52) | TWO_52) - TWO_52_AND_BIAS;
    let f = f64::from_bits((bits & MANTISSA) + HALF_ROOT) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut series = SERIES[6];
    series = series * z + SERIES[5];
    series = series * z + SERIES[4];
    series = series * z + SERIES[3];
    series = series * z + SERIES[2];
    series = series * z + SERIES[1];
    series = (series * z + SERIES[0]) * z;
    let half = 0.5 * f * f;
    k * LN_2_HIGH - ((half - (s * (half + series) + k * LN_2_LOW)) - f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{dot, ln, sum};

    #[test]
    fn logarithms_of_marks_on_the_scale() {
        let root = f64::to_bits(0.5f64.sqrt());
        let marks =
            [f64::MIN_POSITIVE, 1e-300, 0.5, f64::from_bits(root - 1), f64::from_bits(root), 1.0 - 1e-16];
        for mark in marks.into_iter().chain([1.0, 1.0 + 1e-15, 2.0, 1e300, f64::MAX]) {
            let error = (ln(mark) - mark.ln()).abs();
            assert!(error <= 2.0 * f64::EPSILON * mark.ln().abs(), "{mark}: off by {error}");
        }
    }

    proptest! {
        #[test]
        fn logarithms_are_those_of_the_library(exponent in -700.0f64..700.0, near in 0.5f64..2.0) {
            for value in [exponent.exp(), near] {
                let error = (ln(value) - value.ln()).abs();
                prop_assert!(error <= 2.0 * f64::EPSILON * value.ln().abs(), "{value}: off by {error}");
            }
        }

        #[test]
        fn sums_are_complete(values in prop::collection::vec(-8i32..8, 0..40)) {
            let floats = values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
            prop_assert_eq!(sum(&floats), f64::from(values.iter().sum::<i32>()));
            prop_assert_eq!(dot(&floats, &floats), f64::from(values.iter().map(|value| value * value).sum::<i32>()));
        }
    }
}
