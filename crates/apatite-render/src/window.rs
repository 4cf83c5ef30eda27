use apatite_volume::Volume;

/// Which values become black, grey and white: Window Center and Window Width of DICOM (PS3.3 C.11.2.1.2).
///
/// The presets are a convention of viewers, not a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The value that becomes middle grey (HU for CT).
    pub centre: f64,
    /// Black to white, at least 1.
    pub width: f64,
}

impl Window {
    /// Bone and other mineral on CT.
    pub const BONE: Self = Self { centre: 500.0, width: 2000.0 };
    /// Soft tissue on CT.
    pub const SOFT_TISSUE: Self = Self { centre: 50.0, width: 400.0 };
    /// Lung on CT.
    pub const LUNG: Self = Self { centre: -600.0, width: 1500.0 };

    /// From the lowest to the highest value inside the reconstructed field.
    #[must_use]
    pub fn full(volume: &Volume) -> Self {
        Self::percentiles(volume, 0.0, 1.0)
    }

    /// Between two shares of the values, 0 to 1; for MR, whose values have no unit, 0.01 and 0.995 serve.
    #[must_use]
    pub fn percentiles(volume: &Volume, low: f64, high: f64) -> Self {
        let mut counts = vec![0_u64; 1 << 16];
        let padding = volume.padding.unwrap_or(i16::MIN);
        for &value in volume.values.iter().filter(|&&value| value > padding || volume.padding.is_none()) {
            counts[(i32::from(value) - i32::from(i16::MIN)) as usize] += 1;
        }
        let all: u64 = counts.iter().sum();
        let at = |share: f64| {
            let wanted = ((share * all as f64).ceil() as u64).clamp(1, all.max(1));
            let mut sum = 0;
            let place = counts.iter().position(|count| {
                sum += count;
                sum >= wanted
            });
            place.map_or(0.0, |place| place as f64 + f64::from(i16::MIN))
        };
        Self::between(at(low), at(high))
    }

    /// What suits a volume where nothing was asked for: bone on CT, percentiles on anything else.
    #[must_use]
    pub fn automatic(volume: &Volume) -> Self {
        match volume.acquisition.modality.as_str() {
            "CT" => Self::BONE,
            _ => Self::percentiles(volume, 0.01, 0.995),
        }
    }

    /// Black at `low`, white at `high`.
    #[must_use]
    pub fn between(low: f64, high: f64) -> Self {
        let width = (high - low + 1.0).max(1.0);
        Self { centre: low + width / 2.0, width }
    }

    /// Grey of a value, 0 to 255; 0 for what is no number.
    #[must_use]
    pub fn grey(&self, value: f32) -> u8 {
        let width = self.width.max(1.0);
        let share = if width > 1.0 {
            (f64::from(value) - (self.centre - 0.5)) / (width - 1.0) + 0.5
        } else if f64::from(value) <= self.centre - 0.5 {
            0.0
        } else {
            1.0
        };
        // a cast saturates, and makes 0 of NaN
        (share * 255.0).round() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greys_are_those_of_the_standard() {
        let window = Window { centre: 2048.0, width: 4096.0 };
        for (value, grey) in [(-5.0, 0), (0.0, 0), (4095.0, 255), (9000.0, 255), (2047.0, 127), (f32::NAN, 0)]
        {
            assert_eq!(window.grey(value), grey, "{value}");
        }
        let step = Window { centre: 100.0, width: 1.0 };
        assert_eq!((step.grey(99.0), step.grey(100.0)), (0, 255));
        let ends = Window::between(10.0, 20.0);
        assert_eq!((ends.grey(10.0), ends.grey(20.0)), (0, 255));
    }
}
