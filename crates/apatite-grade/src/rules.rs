//! Rules of grades: conditions on findings and quantities, with what is not known.

use std::fmt;

use apatite_knowledge::Knowledge;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::facts::{Facts, Truth};

/// `finding`, `!finding`, or `quantity < number` with `<`, `<=`, `>`, `>=`.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The finding is there, or, negated, is not.
    Finding {
        /// Id of the vocabulary.
        id: String,
        /// Whether it must be there.
        present: bool,
    },
    /// The quantity compares.
    Quantity {
        /// Id of the vocabulary.
        id: String,
        /// How it must compare.
        order: Order,
        /// With what, in the unit of the quantity.
        bound: f64,
    },
}

/// How a quantity compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no condition: write a finding, `!finding`, or a quantity, one of < <= > >=, and a number"
            ))
        })
    }
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            [id, order, bound] => {
                let order = match order {
                    "<" => Order::Less,
                    "<=" => Order::AtMost,
                    ">" => Order::More,
                    ">=" => Order::AtLeast,
                    _ => return None,
                };
                let bound: f64 = bound.parse().ok()?;
                bound.is_finite().then(|| Self::Quantity { id: id.to_owned(), order, bound })
            }
            [finding] => {
                let id = finding.strip_prefix('!').unwrap_or(finding);
                (!id.is_empty()).then(|| Self::Finding { id: id.to_owned(), present: id == finding })
            }
            _ => None,
        }
    }

    /// Id of the finding or the quantity.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Finding { id, .. } | Self::Quantity { id, .. } => id,
        }
    }

    pub(crate) fn is_known(&self, knowledge: &Knowledge) -> bool {
        match self {
            Self::Finding { id, .. } => knowledge.findings.findings.contains_key(id),
            Self::Quantity { id, .. } => knowledge.findings.quantities.contains_key(id),
        }
    }

    fn truth(&self, facts: &Facts) -> Truth {
        match self {
            Self::Finding { id, present: true } => facts.finding(id),
            Self::Finding { id, present: false } => facts.finding(id).not(),
            Self::Quantity { id, order, bound } => match facts.quantity(id) {
                None => Truth::Unknown,
                // what may lie on either side of the bound
                Some(value) if (value - bound).abs() < facts.uncertainty(id) => Truth::Unknown,
                Some(value) => Truth::from(match order {
                    Order::Less => value < *bound,
                    Order::AtMost => value <= *bound,
                    Order::More => value > *bound,
                    Order::AtLeast => value >= *bound,
                }),
            },
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finding { id, present } => write!(out, "{}{id}", if *present { "" } else { "!" }),
            Self::Quantity { id, order, bound } => {
                let order = match order {
                    Order::Less => "<",
                    Order::AtMost => "<=",
                    Order::More => ">",
                    Order::AtLeast => ">=",
                };
                write!(out, "{id} {order} {bound}")
            }
        }
    }
}

/// Whether one of the alternatives holds (Kleene's logic of three values).
pub(crate) fn truth(when: &[Vec<Condition>], facts: &Facts) -> Truth {
    when.iter().fold(Truth::No, |any, all| any.or(together(all, facts)))
}

fn together(all: &[Condition], facts: &Facts) -> Truth {
    all.iter().fold(Truth::Yes, |sum, condition| sum.and(condition.truth(facts)))
}

/// Conditions of the first alternative that holds.
pub(crate) fn grounds(when: &[Vec<Condition>], facts: &Facts) -> Vec<String> {
    when.iter()
        .find(|all| together(all, facts) == Truth::Yes)
        .map_or_else(Vec::new, |all| all.iter().map(ToString::to_string).collect())
}

/// Ids that are not known in the alternatives that may hold.
pub(crate) fn missing(when: &[Vec<Condition>], facts: &Facts) -> Vec<String> {
    when.iter()
        .filter(|all| together(all, facts) == Truth::Unknown)
        .flatten()
        .filter(|condition| condition.truth(facts) == Truth::Unknown)
        .map(|condition| condition.id().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Condition;

    #[test]
    fn conditions_are_read_and_written() {
        for text in ["bridges_bones", "!faint_ill_defined", "size_mm < 10", "weeks_since_onset >= 2.5"] {
            let read = Condition::parse(text).map(|condition| condition.to_string());
            assert_eq!(read.as_deref(), Some(text));
        }
        for text in ["", "!", "size_mm <", "size_mm = 10", "size_mm < ten", "a b c d", "size_mm < inf"] {
            assert_eq!(Condition::parse(text), None, "{text}");
        }
    }
}
