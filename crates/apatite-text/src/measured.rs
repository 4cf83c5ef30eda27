//! What a finding was measured from, in words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use apatite_knowledge::Language;
use apatite_lesion::{Clause, sentence};

use crate::words::Words;

/// Italian clauses by English ones.
static ITALIAN: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../locales/it/measured.json")).unwrap_or_default());

impl Words<'_> {
    /// What a finding was measured from, or what decided a kind.
    #[must_use]
    pub fn measured(&self, clauses: &[Clause]) -> String {
        sentence(clauses, |clause| match self.language {
            Language::En => clause.fill(&clause.text),
            Language::It => {
                let values = clause.values.iter().map(|value| value.replace('.', ",")).collect();
                let localised = Clause { text: String::new(), values };
                localised.fill(ITALIAN.get(&clause.text).unwrap_or(&clause.text))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every clause that stands in the sources of `apatite-lesion` has its Italian, with as many gaps.
    #[test]
    fn every_clause_is_translated() {
        let mut found = BTreeMap::new();
        for (path, source) in crate::sources::below("apatite-lesion/src") {
            for call in source.split(" say(").chain(source.split("(say(")).skip(1) {
                if let Some(text) = call.trim_start().strip_prefix('"') {
                    found.insert(text.split('"').next().unwrap().to_owned(), path.clone());
                }
            }
        }
        assert!(found.len() > 50, "{found:?}");
        let gaps = |text: &str| text.matches("{}").count();
        for (english, path) in &found {
            let italian = ITALIAN.get(english).unwrap_or_else(|| panic!("`{english}` of {}", path.display()));
            assert_eq!(gaps(english), gaps(italian), "{english}");
            assert_eq!(english.ends_with(':'), italian.ends_with(':'), "{english}");
        }
        let unused = ITALIAN.keys().filter(|key| !found.contains_key(*key)).collect::<Vec<_>>();
        assert!(unused.is_empty(), "no longer said: {unused:?}");
    }
}
