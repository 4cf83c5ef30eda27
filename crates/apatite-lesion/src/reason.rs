//! Why something was told: clauses with their numbers, so that other crates can say them in other languages.

use serde::{Deserialize, Serialize};

/// A clause with gaps (`{}`) and what stands in them. Its text is English, and the key of its translations.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Clause {
    /// Text with gaps.
    pub text: String,
    /// Numbers for the gaps, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl Clause {
    /// A text of as many gaps, in whatever language, with the values of this one.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let mut values = self.values.iter();
        let mut parts = text.split("{}");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            filled.push_str(values.next().map_or("", String::as_str));
            filled.push_str(part);
        }
        filled
    }
}

/// Clauses in one sentence. `say` gives the words of each; a clause that ends in a colon is about what follows.
#[must_use]
pub fn sentence(clauses: &[Clause], say: impl Fn(&Clause) -> String) -> String {
    let mut sentence = String::new();
    for clause in clauses {
        if !sentence.is_empty() {
            sentence.push_str(if sentence.ends_with(':') { " " } else { ", " });
        }
        sentence.push_str(&say(clause));
    }
    sentence
}

/// Clauses that are being gathered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reason(pub(crate) Vec<Clause>);

/// A clause with its numbers. Its text stands in the table of every language (a test of `apatite-text` looks).
pub(crate) fn say<const N: usize>(text: &'static str, values: [String; N]) -> Reason {
    Reason(vec![Clause { text: text.to_owned(), values: values.into() }])
}

/// A number with so many digits after the point.
pub(crate) fn digits(value: impl Into<f64>, digits: usize) -> String {
    format!("{:.digits$}", value.into())
}

/// A number without digits after the point.
pub(crate) fn whole(value: impl Into<f64>) -> String {
    digits(value, 0)
}

impl Reason {
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In English.
    pub(crate) fn english(&self) -> String {
        sentence(&self.0, |clause| clause.fill(&clause.text))
    }
}
