/*! Laboratory results as other systems write them: a number in a unit of UCUM, or a sign. */

use apatite_case::{Bound, Lab, LabResult, Level, parse_quantity};
use apatite_knowledge::{Analyte, Knowledge};

/// A result taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Result {
    pub(crate) number: Option<Number>,
    /// The level, where the result is one level; positive or negative of a binary analyte.
    pub(crate) sign: Option<Sign>,
    /// LOINC of the analyte as measured in this unit.
    pub(crate) loinc: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) value: f64,
    pub(crate) bound: Bound,
    pub(crate) unit: String,
    /// The laboratory's own interval, in the same unit.
    pub(crate) own_interval: Option<[f64; 2]>,
}

/// A graded or a yes-or-no result without its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Level(Level),
    Positive(bool),
}

impl Sign {
    /// Word of the case format.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Level(level) => level.id(),
            Self::Positive(true) => "positive",
            Self::Positive(false) => "negative",
        }
    }
}

pub(crate) fn result(lab: &Lab, knowledge: &Knowledge) -> Result {
    let analyte = knowledge.analytes.analytes.get(&lab.analyte);
    let number = analyte.and_then(|analyte| number(lab, analyte, knowledge));
    let sign = match &lab.result {
        LabResult::Positive(positive) => Some(Sign::Positive(*positive)),
        LabResult::Levels(levels) => match levels.as_slice() {
            [level] => Some(Sign::Level(*level)),
            // "low" may be low or very low: the case says low
            [Level::VeryLow, Level::Low] => Some(Sign::Level(Level::Low)),
            [Level::High, Level::VeryHigh] => Some(Sign::Level(Level::High)),
            _ => None,
        },
    };
    let loinc = analyte.and_then(|analyte| loinc(analyte, number.as_ref()));
    Result { number, sign, loinc }
}

/// The code of the unit; of a result without a number the only code there is.
fn loinc(analyte: &Analyte, number: Option<&Number>) -> Option<String> {
    match number {
        Some(number) => analyte.loinc.get(&number.unit).cloned(),
        None if analyte.loinc.len() == 1 => analyte.loinc.values().next().cloned(),
        None => None,
    }
}

/// The number as it was said, where its unit is one that laboratories use; else in the canonical unit.
fn number(lab: &Lab, analyte: &Analyte, knowledge: &Knowledge) -> Option<Number> {
    let parsed = parse_quantity(&lab.said).ok().flatten();
    let bound = parsed.as_ref().map_or(Bound::Exact, |parsed| parsed.bound);
    if let Some(parsed) = parsed {
        let spaced = parsed.unit.split_whitespace().collect::<Vec<_>>().join(" ");
        let unit = knowledge.analytes.spellings.get(&spaced).unwrap_or(&spaced);
        if analyte.accepted.contains(unit) {
            let own = parsed.interval.filter(|own| own.unit.is_empty() || own.unit == parsed.unit);
            let own_interval = own.map(|own| own.limits);
            return Some(Number { value: parsed.value, bound, unit: unit.clone(), own_interval });
        }
    }
    let measured = lab.measured.as_ref()?;
    Some(Number { value: measured.value, bound, unit: measured.unit.clone(), own_interval: None })
}
