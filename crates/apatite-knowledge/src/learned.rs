use serde::{Deserialize, Serialize};

/// `learned.toml`: counts of proven cases, written by `apatite knowledge fit`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    /// The counts, ordered by diagnosis and number.
    #[serde(default)]
    pub count: Vec<LearnedCount>,
}

/// What the cases say of one number.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedCount {
    /// Diagnosis whose number it is.
    pub diagnosis: String,
    /// Variable of the network: a finding, a group, a condition, `site`, `age`, `sex`, a quantity, `prior`.
    pub number: String,
    /// Expected number of cases in each state, in the order of the variable's states.
    pub counts: Vec<f64>,
    /// The cases that moved it.
    pub cases: Vec<String>,
}
