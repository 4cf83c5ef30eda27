/*!
What can be examined next and what must be said at once: the records of `examinations.toml` and `alarms.toml`.
*/

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::records::{Frequency, Localised, Nature};

/// An amount with its 90 % interval and its sources, written as a [`Frequency`] but not bounded by 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    /// Best value.
    pub best: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Frequency { best, low, high, sources } = Frequency::deserialize(deserializer)?;
        Ok(Self { best, low, high, sources })
    }
}

/// The file `examinations.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExaminationsFile {
    /// How much each burden counts against one bit of information.
    pub weights: BurdenWeights,
    /// What reports tell.
    pub reporting: Reporting,
    /// What can be done, by id.
    pub examinations: BTreeMap<String, Examination>,
    /// When an examination must not be done, or only with care, by id.
    pub warnings: BTreeMap<String, Warning>,
}

/// What reports tell.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reporting {
    /// How many times as often what is remarkable is told as what is not: the odds of being told.
    pub remarkable_odds: Amount,
    /// A finding is a new question to another modality where that one is more sensitive by at least this than all that
    /// looked already.
    pub better_by: Amount,
}

/// What the expected gain of an examination is divided by: `base` and the sum of the others, each times its burden.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BurdenWeights {
    /// Of being examined at all.
    pub base: f64,
    /// Of a millisievert.
    pub dose: f64,
    /// Of an injection of contrast medium.
    pub contrast: f64,
    /// Of a step of invasiveness.
    pub invasiveness: f64,
    /// Of a day until the result.
    pub delay: f64,
    /// Of a step of cost class.
    pub cost: f64,
    /// Ids in the bibliography, or `judgement`.
    #[serde(default, skip_serializing)]
    pub sources: Vec<String>,
}

/// Something that can be done next.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examination {
    /// Names.
    pub names: Localised,
    /// Modality that shows its findings.
    #[serde(default)]
    pub modality: Option<String>,
    /// Id of an examination that it comes with: it shows all that one shows, and more.
    #[serde(default)]
    pub includes: Option<String>,
    /// Id of an examination that must be done before.
    #[serde(default)]
    pub after: Option<String>,
    /// Groups of findings it shows.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Findings it shows beside those groups.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Findings of those groups that it does not show.
    #[serde(default)]
    pub except: Vec<String>,
    /// Quantities of the lesion that it measures.
    #[serde(default)]
    pub quantities: Vec<String>,
    /// Laboratory quantities.
    #[serde(default)]
    pub analytes: Vec<String>,
    /// How many of its questions a report of it answers; none where it answers all.
    #[serde(default)]
    pub answers: Option<Amount>,
    /// Words for it under `proof` of a proven case.
    #[serde(default)]
    pub proves: Vec<String>,
    /// Effective dose; none where there is no radiation, or where it is that of the one it includes.
    #[serde(default)]
    pub dose_msv: Option<Dose>,
    /// Kind of contrast medium.
    #[serde(default)]
    pub contrast: Option<Contrast>,
    /// Steps of invasiveness.
    pub invasiveness: f64,
    /// Days until the result.
    pub delay_days: Amount,
    /// Class of cost, 1 to 5.
    pub cost_class: u8,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}

/// Effective dose, mSv, by region of the body.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dose {
    /// Where the region has no number of its own.
    pub elsewhere: Amount,
    /// By site.
    #[serde(default)]
    pub at: BTreeMap<String, Amount>,
}

/// Kind of contrast medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Contrast {
    /// For radiographic examinations.
    Iodinated,
    /// For magnetic resonance.
    Gadolinium,
}

/// How much a warning weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It must not be done as things stand.
    Contraindicated,
    /// Only with care.
    Caution,
}

/// When an examination must not be done, or only with care.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// How much it weighs.
    pub severity: Severity,
    /// Examinations by id that it is about.
    #[serde(default)]
    pub examinations: Vec<String>,
    /// It is about all examinations with such contrast media.
    #[serde(default)]
    pub contrast: Vec<Contrast>,
    /// It is about all examinations with at least this effective dose, mSv.
    #[serde(default)]
    pub dose_from_msv: Option<f64>,
    /// The dose counts so many times in the burden.
    #[serde(default)]
    pub dose_counts: Option<f64>,
    /// It holds in any of these circumstances.
    pub when: Vec<Circumstance>,
    /// English.
    pub en: String,
    /// Italian.
    pub it: String,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}

/// The file `alarms.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmsFile {
    /// Alarms by id.
    pub alarms: BTreeMap<String, Alarm>,
    /// From when on a case is called strange.
    pub strange: Strange,
    /// From when on what is known is called insufficient.
    pub insufficient: Insufficient,
}

/// How urgent an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Act at once.
    Emergency,
    /// Act soon.
    Urgent,
    /// To be read first; nothing presses.
    Notice,
}

/// What must be said before the differential is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// How urgent it is.
    pub urgency: Urgency,
    /// Names.
    pub names: Localised,
    /// It sounds in any of these circumstances.
    pub when: Vec<Circumstance>,
    /// It is silent in any of these.
    #[serde(default)]
    pub unless: Vec<Circumstance>,
    /// English.
    pub en: String,
    /// Italian.
    pub it: String,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}

/// What holds together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Circumstance {
    /// These findings are all told as present.
    pub present: Vec<String>,
    /// None of these findings is told as present.
    pub none_of: Vec<String>,
    /// Imaging shows at least one of these findings, and no other.
    pub nothing_but: Vec<String>,
    /// The age in years is at least this.
    pub age_from: Option<f64>,
    /// The age in years is below this.
    pub age_below: Option<f64>,
    /// The patient is of this sex.
    pub sex: Option<String>,
    /// An analyte has a result, of which the following hold.
    pub analyte: Option<String>,
    /// It is at least this, canonical unit.
    pub above: Option<f64>,
    /// It is below this, canonical unit.
    pub below: Option<f64>,
    /// It is at one of these levels.
    pub levels: Vec<String>,
    /// These diagnoses together have at least `probability`.
    pub diagnoses: Vec<String>,
    /// The diagnoses of this nature together have at least `probability`.
    pub nature: Option<Nature>,
    /// See [`Circumstance::diagnoses`] and [`Circumstance::nature`].
    pub probability: Option<f64>,
    /// The onset was less than so many weeks before the last examination that tells.
    pub weeks_below: Option<f64>,
    /// No examination tells when the onset was.
    pub weeks_unknown: bool,
}

/// From when on a case is called strange.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strange {
    /// Excess of the surprise of the facts under the leading diagnosis over that of the same facts one by one, bits for
    /// each fact.
    pub conflict_bits_per_fact_from: f64,
    /// Fewer facts do not make a case strange.
    pub least_facts: usize,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}

/// From when on what is known is called insufficient.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insufficient {
    /// Chance that what is unknown changes the leader.
    pub from: f64,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}
