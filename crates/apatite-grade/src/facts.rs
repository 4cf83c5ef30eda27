//! What is known of findings and quantities, over all examinations of a case.

use std::collections::BTreeMap;

use apatite_case::{Assertion, Case};
use apatite_knowledge::Knowledge;

/// Yes, no, or not known (Kleene).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// It is not known.
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Truth {
    pub(crate) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

/// Findings and quantities that are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    findings: BTreeMap<String, Truth>,
    /// Value and how far it may be off.
    quantities: BTreeMap<String, (f64, f64)>,
}

/// A measured finding counts as there from this probability on, in thousandths, ...
const THERE_FROM: u16 = 750;
/// ... and as not there up to this.
const NOT_THERE_TO: u16 = 250;

impl Facts {
    /// What the case tells. A finding that one examination shows is there, whatever another does not show; of an
    /// exclusive group that has a finding the others are not there, nor those to which the measured ones leave too little.
    /// Of a quantity the last told counts.
    #[must_use]
    pub fn of(case: &Case, knowledge: &Knowledge) -> Self {
        Self::collected(case, knowledge, |_| true)
    }

    /// The same of one examination alone, without the history.
    #[must_use]
    pub fn of_examination(case: &Case, knowledge: &Knowledge, examination: usize) -> Self {
        Self::collected(case, knowledge, |of| of == Some(examination))
    }

    fn collected(case: &Case, knowledge: &Knowledge, wanted: impl Fn(Option<usize>) -> bool) -> Self {
        let mut facts = Self::default();
        for observation in case.observations.iter().filter(|told| wanted(told.examination)) {
            let truth = match observation.assertion {
                Assertion::Present | Assertion::Suggested => Truth::Yes,
                Assertion::Absent => Truth::No,
                Assertion::Measured { permille } if permille >= THERE_FROM => Truth::Yes,
                Assertion::Measured { permille } if permille <= NOT_THERE_TO => Truth::No,
                Assertion::Measured { .. } => Truth::Unknown,
            };
            let known = facts.findings.entry(observation.finding.clone()).or_insert(truth);
            if truth == Truth::Yes || *known == Truth::Unknown {
                *known = truth;
            }
        }
        for group in knowledge.vocabulary.groups.iter().filter(|group| group.exclusive) {
            if group.findings.iter().any(|id| facts.finding(id) == Truth::Yes) {
                for id in &group.findings {
                    facts.findings.entry(id.clone()).or_insert(Truth::No);
                }
            }
            // what measured members leave of certainty is all that those not told can have
            let mut told: BTreeMap<Option<usize>, u16> = BTreeMap::new();
            for observation in case.observations.iter().filter(|told| wanted(told.examination)) {
                if let Assertion::Measured { permille } = observation.assertion
                    && group.findings.contains(&observation.finding)
                {
                    *told.entry(observation.examination).or_default() += permille;
                }
            }
            if told.values().any(|&sum| sum >= THERE_FROM) {
                for id in &group.findings {
                    facts.findings.entry(id.clone()).or_insert(Truth::No);
                }
            }
        }
        for (_, examination) in case.examinations.iter().enumerate().filter(|(index, _)| wanted(Some(*index)))
        {
            facts.quantities.extend(examination.quantities.iter().map(|(id, value)| {
                (id.clone(), (*value, examination.uncertainties.get(id).copied().unwrap_or(0.0)))
            }));
        }
        facts
    }

    /// Whether a finding is there.
    #[must_use]
    pub fn finding(&self, id: &str) -> Truth {
        self.findings.get(id).copied().unwrap_or(Truth::Unknown)
    }

    /// A quantity, in its unit.
    #[must_use]
    pub fn quantity(&self, id: &str) -> Option<f64> {
        self.quantities.get(id).map(|(value, _)| *value)
    }

    /// How far a quantity may be off, in its unit; 0 where it was written in the case or is not known.
    #[must_use]
    pub fn uncertainty(&self, id: &str) -> f64 {
        self.quantities.get(id).map_or(0.0, |(_, uncertainty)| *uncertainty)
    }
}
