//! Warnings and problems, which the program keeps in English with what they are about, in other languages.

use std::sync::LazyLock;

use apatite_knowledge::Language;
use apatite_study::Disagreement;

use crate::words::Words;

/// A remark as its English text says it, with gaps (`{}`), and the same in another language. Gaps are filled with what
/// stands in the English text, which is said in the other language too where it is a remark itself. `{!}` must be one.
struct Phrase {
    english: Vec<String>,
    other: String,
}

/// Most of the text first, so that a general remark does not take what a particular one says.
static ITALIAN: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let table = serde_json::from_str::<std::collections::BTreeMap<String, String>>(include_str!(
        "../locales/it/remarks.json"
    ));
    let mut phrases = table
        .unwrap_or_default()
        .into_iter()
        .map(|(english, other)| Phrase { english: english.split("{}").map(str::to_owned).collect(), other })
        .collect::<Vec<_>>();
    phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.english.iter().map(String::len).sum::<usize>()));
    phrases
});

impl Words<'_> {
    /// A warning of reading or measuring, or a problem of a case, perhaps with its place before it. None where the
    /// language does not have it.
    #[must_use]
    pub fn remark(&self, english: &str) -> Option<String> {
        match self.language {
            Language::En => Some(english.to_owned()),
            Language::It => italian(english, MOST_NESTED),
        }
    }

    /// That the reader says otherwise than the images.
    #[must_use]
    pub fn disagreement(&self, disagreement: &Disagreement) -> String {
        let said = if disagreement.reader_says_present { "remark-present" } else { "remark-absent" };
        self.text(
            "remark-disagreement",
            &[
                ("finding", self.finding(&disagreement.finding)),
                ("said", &self.text(said, &[])),
                ("probability", &self.percent(disagreement.probability)),
                ("because", &self.measured(&disagreement.measured_from)),
            ],
        )
    }
}

/// A file of a study, its problem, and what decoding says of it.
const MOST_NESTED: usize = 3;

fn italian(english: &str, nested: usize) -> Option<String> {
    ITALIAN.iter().find_map(|phrase| {
        let gaps = gaps(english, &phrase.english)?;
        let mut gaps = gaps.into_iter();
        let mut said = String::new();
        let mut rest = phrase.other.as_str();
        while let Some(at) = rest.find('{') {
            said.push_str(&rest[..at]);
            let gap = gaps.next()?;
            let translated = if nested > 0 { italian(gap, nested - 1) } else { None };
            let is_wanted = rest[at..].starts_with("{!}");
            said.push_str(&match translated {
                Some(translated) => translated,
                None if is_wanted => return None,
                None if gap.parse::<f64>().is_ok() => gap.replace('.', ","),
                None => gap.to_owned(),
            });
            rest = &rest[at + if is_wanted { 3 } else { 2 }..];
        }
        said.push_str(rest);
        Some(said)
    })
}

/// What stands in the gaps of a phrase.
fn gaps<'t>(text: &'t str, phrase: &[String]) -> Option<Vec<&'t str>> {
    let (first, others) = phrase.split_first()?;
    let mut rest = text.strip_prefix(first.as_str())?;
    let Some((last, middle)) = others.split_last() else { return rest.is_empty().then(Vec::new) };
    let mut gaps = Vec::new();
    for part in middle {
        let at = rest.find(part.as_str())?;
        gaps.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    gaps.push(rest.strip_suffix(last.as_str())?);
    gaps.iter().all(|gap| !gap.is_empty()).then_some(gaps)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use apatite_case::{Format, Policy};
    use apatite_knowledge::Knowledge;

    use super::*;
    use crate::sources::{below, beside};

    #[test]
    fn remarks_are_said_in_italian() {
        for (english, expected) in [
            (
                "gantry tilt of 12.5 degrees: slices resampled onto an orthogonal grid",
                "inclinazione del gantry di 12,5 gradi: strati ricampionati su una griglia ortogonale",
            ),
            ("scan/1.dcm: no preamble", "scan/1.dcm: nessun preambolo"),
            (
                "study `ct`: scan/a b.dcm left out: damaged: pixel data has 10 of 20 bytes",
                "studio `ct`: scan/a b.dcm escluso: danneggiato: i dati dei pixel hanno 10 di 20 byte",
            ),
            ("`sex` is a list, not a text", "`sex` è una lista, non un testo"),
            ("3:7: a case has no key `x`; it is not used", "3:7: un caso non ha una chiave `x`; non è usata"),
        ] {
            assert_eq!(italian(english, MOST_NESTED).as_deref(), Some(expected));
        }
        assert_eq!(italian("something else: nobody knows what", MOST_NESTED), None);
    }

    /// Whatever the reader of cases said of the cases that test it.
    #[test]
    fn every_problem_of_a_case_has_its_italian() {
        let knowledge = Knowledge::read(&apatite_knowledge::Folder::embedded()).unwrap();
        let mut told = 0;
        for entry in std::fs::read_dir(beside("apatite-case/tests/cases")).unwrap() {
            let path = entry.unwrap().path();
            let (Ok(text), false) =
                (std::fs::read_to_string(&path), path.extension().is_some_and(|end| end == "expected"))
            else {
                continue;
            };
            for problem in apatite_case::read(&text, Format::of(&path), &knowledge, Policy::Default).problems
            {
                told += 1;
                for english in [Some(problem.message), problem.help].into_iter().flatten() {
                    assert!(italian(&english, MOST_NESTED).is_some(), "`{english}`");
                }
            }
        }
        assert!(told > 200, "{told}");
    }

    /// Every text with which the sources make a warning or a reason, its gaps emptied, is in the table.
    #[test]
    fn every_warning_has_its_italian() {
        let mut found = BTreeSet::new();
        for path in ["apatite-dicom/src/error.rs", "apatite-lesion/src/lib.rs"] {
            let source = std::fs::read_to_string(beside(path)).unwrap();
            for said in source.split("#[error(").skip(1) {
                found.insert(emptied(literals(said)[0]));
            }
        }
        found.insert("{} left out: {}".to_owned());
        let folders = ["dicom", "lesion", "study", "fhir", "serve"].map(|name| format!("apatite-{name}/src"));
        for (_, source) in folders.iter().flat_map(|folder| below(folder)) {
            for call in [
                "warnings.push(",
                ".miss(",
                "deviations.push(",
                "Reason::Damaged(",
                "Reason::Unsupported(",
                "told = format!(",
            ] {
                for said in source.split(call).skip(1) {
                    let statement = said.split(";\n").next().unwrap();
                    let texts = literals(statement).into_iter().filter(|text| text.contains(' '));
                    found.extend(texts.map(emptied));
                }
            }
        }
        assert!(found.len() > 90, "{found:#?}");
        let keys = serde_json::from_str::<std::collections::BTreeMap<String, String>>(include_str!(
            "../locales/it/remarks.json"
        ))
        .unwrap();
        let missing = found.iter().filter(|text| !keys.contains_key(*text)).collect::<Vec<_>>();
        assert!(missing.is_empty(), "{missing:#?}");
        for (english, italian) in keys {
            let italian = italian.replace("{!}", "{}");
            assert_eq!(english.matches("{}").count(), italian.matches("{}").count(), "{english}");
        }
    }

    /// The texts in quotes at the head of some source, up to where they are no arguments any more.
    fn literals(source: &str) -> Vec<&str> {
        let mut texts = Vec::new();
        let mut rest = source;
        while let Some(at) = rest.find('"') {
            let end = at + 1 + rest[at + 1..].find('"').unwrap();
            texts.push(&rest[at + 1..end]);
            rest = &rest[end + 1..];
        }
        texts
    }

    /// With nothing in its gaps.
    fn emptied(text: &str) -> String {
        let mut parts = text.split('{');
        let mut emptied = parts.next().unwrap().to_owned();
        for part in parts {
            emptied += "{}";
            emptied += part.split_once('}').unwrap().1;
        }
        emptied
    }
}
