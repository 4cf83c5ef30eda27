use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

/// `learned.toml`: counts of proven cases, by diagnosis and number, written by `apatite knowledge fit`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Learned {
    /// For each diagnosis the numbers that cases moved: a finding, a group, a condition, `site`, `age`, `sex`, a
    /// quantity, or `prior`.
    pub diagnoses: BTreeMap<String, BTreeMap<String, LearnedCount>>,
}

/// What the cases say of one number.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedCount {
    /// Expected number of cases in each state, in the order of the variable's states (absent, present).
    pub counts: Vec<f64>,
    /// The cases that told of it; the others moved it by their silence.
    pub cases: Vec<String>,
}

impl Learned {
    /// As a data file that can be reviewed: a line for each number.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::from(
            "# Counts of proven cases, written by `apatite knowledge fit`; not edited by hand.\n\
             # counts: expected number of cases in each state of the number (absent, present); cases: those that told of it,\n\
             # the others moved it by their silence.\n",
        );
        for (diagnosis, numbers) in &self.diagnoses {
            let _ = writeln!(out, "\n[{diagnosis}]");
            for (number, count) in numbers {
                let counts =
                    count.counts.iter().map(|count| format!("{count:?}")).collect::<Vec<_>>().join(", ");
                let cases = count.cases.iter().map(|case| format!("{case:?}")).collect::<Vec<_>>().join(", ");
                let _ = writeln!(out, "{number} = {{ counts = [{counts}], cases = [{cases}] }}");
            }
        }
        out
    }

    /// The cases that moved anything.
    pub fn cases(&self) -> impl Iterator<Item = &str> {
        self.counts().flat_map(|(_, _, count)| count.cases.iter().map(String::as_str))
    }

    /// Diagnosis, number and count, in order.
    pub fn counts(&self) -> impl Iterator<Item = (&str, &str, &LearnedCount)> {
        self.diagnoses.iter().flat_map(|(diagnosis, numbers)| {
            numbers.iter().map(move |(number, count)| (diagnosis.as_str(), number.as_str(), count))
        })
    }
}
