/*!
Random draws that depend on nothing but the seed: the same on every machine and on any number of threads.

Steele, Lea and Flood, *Fast splittable pseudorandom number generators* (OOPSLA 2014): SplitMix64, as a stream and as
a hash of a counter.
*/

use crate::space::{Point, unit};

/// A stream of draws.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    state: u64,
}

impl Draw {
    /// A stream of its own for each purpose, so that a draw more in one place changes nothing elsewhere.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let mut state = mix(seed ^ 0x9E37_79B9_7F4A_7C15);
        for byte in purpose.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        Self { state }
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// Uniform between the two ends.
    pub(crate) fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * fraction(self.bits())
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn count(&mut self, low: usize, high: usize) -> usize {
        let span = (high.max(low) - low + 1) as u64;
        low + (self.bits() % span) as usize
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        fraction(self.bits()) < probability
    }

    /// A direction, uniform on the sphere.
    pub(crate) fn direction(&mut self) -> Point {
        // rejection keeps it exact; the stream makes it end
        loop {
            let point = [self.within(-1.0, 1.0), self.within(-1.0, 1.0), self.within(-1.0, 1.0)];
            let square: f64 = point.iter().map(|value| value * value).sum();
            if square > 0.01 && square <= 1.0 {
                return unit(point);
            }
        }
    }

    /// A point, uniform in the unit ball.
    pub(crate) fn in_ball(&mut self) -> Point {
        let radius = fraction(self.bits()).cbrt();
        self.direction().map(|value| value * radius)
    }

    /// The items in random order.
    pub(crate) fn shuffled<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        for last in (1..items.len()).rev() {
            let other = self.count(0, last);
            items.swap(last, other);
        }
        items
    }
}

/// The finaliser of SplitMix64: a hash of 64 bits.
pub(crate) fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// 0 to 1 (excluded) from random bits.
pub(crate) fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A draw of about the standard normal distribution (sum of four uniforms, variance 1, bounded by 3.46).
pub(crate) fn nearly_normal(bits: u64) -> f32 {
    let sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
    // four uniforms on 0..65535: mean 2 * 65535, variance 4 * 65536² / 12
    (sum as f32 - 131_070.0) / 37_837.0
}

/// Smooth noise in space, between -1 and 1, with features of about `scale_mm`.
///
/// Trilinear value noise with a cubic fade on a hashed lattice; its slope is at most about `3 / scale_mm`.
pub(crate) fn smooth_noise(seed: u64, scale_mm: f64, point: Point) -> f64 {
    let at = point.map(|value| value / scale_mm);
    // `floor` is a function call on the oldest x86-64
    let cell = at.map(|value| {
        let whole = value as i64 as f64;
        if value < whole { whole - 1.0 } else { whole }
    });
    let fade = [0, 1, 2].map(|axis: usize| {
        let inside = at[axis] - cell[axis];
        inside * inside * (3.0 - 2.0 * inside)
    });
    // one product for each axis, then one cheap hash for each corner
    let low = [0, 1, 2].map(|axis: usize| (cell[axis] as i64 as u64).wrapping_mul(LATTICE[axis]));
    let start = seed.wrapping_add(low[0]).wrapping_add(low[1]).wrapping_add(low[2]);
    let corner = |offset: u64| {
        let mut hash = start.wrapping_add(offset).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash = (hash ^ (hash >> 32)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (hash >> 40) as f64 * (2.0 / 16_777_216.0) - 1.0
    };
    let along = |offset: u64| {
        let (low, high) = (corner(offset), corner(offset.wrapping_add(LATTICE[0])));
        low + (high - low) * fade[0]
    };
    let plane = |offset: u64| {
        let (low, high) = (along(offset), along(offset.wrapping_add(LATTICE[1])));
        low + (high - low) * fade[1]
    };
    let (low, high) = (plane(0), plane(LATTICE[2]));
    low + (high - low) * fade[2]
}

/// Odd numbers without pattern, one for each axis of the lattice.
const LATTICE: [u64; 3] = [0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03, 0x8CB9_2BA7_2F3D_8DD7];
