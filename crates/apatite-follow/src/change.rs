//! When a difference between two measurements is a change.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Limits of repeatability, from `knowledge/change.toml`: 95 % of differences between two scans of what has not changed
/// stay below them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of a volume, mm³.
    pub volume: VolumeLimit,
    /// Of a mass, as a multiple of the limit that its volume has for its size.
    pub mass: ShareLimit,
    /// Of a mean attenuation.
    pub density: DensityLimit,
    /// Of the probability of a finding.
    pub finding: FindingLimit,
}

/// `per_mm3 · V + per_root_mm3 · √V + per_body_mass_index · BMI + constant_mm3`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeLimit {
    /// mm³ per mm³ of the earlier volume.
    pub per_mm3: f64,
    /// mm³ per root of a mm³.
    pub per_root_mm3: f64,
    /// mm³ per kg/m².
    pub per_body_mass_index: f64,
    /// mm³.
    pub constant_mm3: f64,
    /// kg/m², where the patient's is not known.
    pub body_mass_index: f64,
    /// Ids of the bibliography.
    pub sources: Vec<String>,
}

/// A limit as a factor of another.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareLimit {
    /// Factor.
    pub factor: f64,
    /// Ids of the bibliography.
    pub sources: Vec<String>,
}

/// The larger of two limits.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DensityLimit {
    /// HU.
    pub hu: f64,
    /// Share of the earlier attenuation.
    pub share: f64,
    /// Ids of the bibliography.
    pub sources: Vec<String>,
}

/// A finding has come where its probability rises from `absent_below` or less to `present_from` or more, and has gone
/// where it falls likewise.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingLimit {
    /// Probability.
    pub absent_below: f64,
    /// Probability.
    pub present_from: f64,
    /// Ids of the bibliography.
    pub sources: Vec<String>,
}

/// Limits that cannot be read or do not make sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("change.toml: {0}")]
pub struct LimitsError(String);

impl Limits {
    /// Reads the text of `knowledge/change.toml`.
    ///
    /// # Errors
    /// Text that is no TOML or lacks a field; a number that is no limit.
    pub fn read(text: &str) -> Result<Self, LimitsError> {
        let limits: Self = toml::from_str(text).map_err(|error| LimitsError(error.to_string()))?;
        let numbers = [
            limits.volume.per_mm3,
            limits.volume.per_root_mm3,
            limits.volume.per_body_mass_index,
            limits.volume.body_mass_index,
            limits.mass.factor,
            limits.density.hu,
            limits.density.share,
            limits.finding.absent_below,
            limits.finding.present_from,
        ];
        if !numbers.iter().all(|number| number.is_finite() && *number >= 0.0) {
            return Err(LimitsError("every limit must be a number of at least 0".to_owned()));
        }
        if limits.finding.absent_below >= limits.finding.present_from || limits.finding.present_from > 1.0 {
            return Err(LimitsError(
                "finding: absent_below must be less than present_from, at most 1".to_owned(),
            ));
        }
        if limits.sources().next().is_none() {
            return Err(LimitsError("no limit names a source".to_owned()));
        }
        Ok(limits)
    }

    /// Ids of all sources, in the order of the file.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        [&self.volume.sources, &self.mass.sources, &self.density.sources, &self.finding.sources]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// Of a volume, mm³, by the larger of the two volumes.
    #[must_use]
    pub fn volume_mm3(&self, volume_mm3: f64) -> f64 {
        let limit = &self.volume;
        let fixed = limit.per_body_mass_index * limit.body_mass_index + limit.constant_mm3;
        limit.per_mm3 * volume_mm3 + limit.per_root_mm3 * volume_mm3.max(0.0).sqrt() + fixed.max(0.0)
    }
}

/// A value with its uncertainty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// One standard deviation.
    pub sd: f64,
}

/// The difference between two measurements.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Change {
    /// In the earlier study.
    pub earlier: Measured,
    /// In the later study.
    pub later: Measured,
    /// Later less earlier.
    pub difference: f64,
    /// 95 % interval of the difference, from the uncertainty of both measurements.
    pub interval: [f64; 2],
    /// 95 % limit of repeatability: a smaller difference is no change.
    pub limit: f64,
    /// The verdict.
    pub verdict: Verdict,
}

/// Whether a difference is a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Larger, beyond the limit and with an interval above 0.
    Increased,
    /// Smaller, beyond the limit and with an interval below 0.
    Decreased,
    /// Within the limit or the interval.
    NoChange,
}

impl Verdict {
    /// Its word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Increased => "increased",
            Self::Decreased => "decreased",
            Self::NoChange => "no_change",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// Standard deviations to either side of a 95 % interval.
const DEVIATIONS: f64 = 1.96;

impl Change {
    /// Compares two measurements.
    #[must_use]
    pub fn between(earlier: Measured, later: Measured, limit: f64) -> Self {
        let difference = later.value - earlier.value;
        let reach = DEVIATIONS * earlier.sd.hypot(later.sd);
        let interval = [difference - reach, difference + reach];
        let verdict = if difference > limit && interval[0] > 0.0 {
            Verdict::Increased
        } else if -difference > limit && interval[1] < 0.0 {
            Verdict::Decreased
        } else {
            Verdict::NoChange
        };
        Self { earlier, later, difference, interval, limit, verdict }
    }
}
