//! Whatever is in the file, reading ends, says the same each time, and says it under every policy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::sync::LazyLock;

use apatite_case::{Format, LabResult, Policy, Severity};
use apatite_knowledge::{Folder, Knowledge};
use proptest::prelude::*;

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::read(&Folder::embedded()).unwrap());

/// Real cases and the cases of the tests.
static CASES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/cases", "../../knowledge/cases/published", "../../examples/article"];
    let mut paths = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(here.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "toml" || it == "json"))
        .collect::<Vec<_>>();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
});

/// Words that mean something to the reader.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let vocabulary = &KNOWLEDGE.vocabulary;
    let mut words = vocabulary.findings().map(str::to_owned).collect::<Vec<_>>();
    words.extend(vocabulary.analytes.iter().cloned());
    words.extend(vocabulary.sites.iter().cloned());
    words.extend(KNOWLEDGE.analytes.spellings.keys().cloned());
    let others = [
        "title",
        "patient",
        "age",
        "sex",
        "history",
        "labs",
        "imaging",
        "expected",
        "present",
        "absent",
        "modality",
        "XR",
        "MR",
        "value",
        "interval",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "\"",
        "'",
        "\"\"\"",
        ",",
        ":",
        "=",
        "?",
        "\n",
        ".",
        "<",
        ">",
        "-",
        "1e308",
        "nan",
        "-1",
        "\\u0000",
        "\u{feff}",
        "(",
        ")",
        "µ",
        "1:640",
        "very_high",
        "positive",
        "{titer}",
        "10*",
        "true",
        "null",
        "1979-05-27",
        "#",
        "//",
        "\r\n",
    ];
    words.extend(others.map(str::to_owned));
    words
});

fn check(text: &str) {
    for format in [Format::Toml, Format::Json] {
        let [strict, default, lenient] = [Policy::Strict, Policy::Default, Policy::Lenient]
            .map(|policy| apatite_case::read(text, format, &KNOWLEDGE, policy));
        assert_eq!(strict, apatite_case::read(text, format, &KNOWLEDGE, Policy::Strict));
        assert_eq!(strict.case, default.case);
        assert_eq!(strict.case, lenient.case);
        let lines = text.matches('\n').count() + 1;
        for ((strict, default), lenient) in
            strict.problems.iter().zip(&default.problems).zip(&lenient.problems)
        {
            assert!(strict.severity <= default.severity && default.severity <= lenient.severity);
            assert!((1..=lines).contains(&strict.place.line) && strict.place.column >= 1);
            assert!(!strict.message.contains(char::is_control));
        }
        let notes = strict.problems.iter().filter(|problem| problem.severity == Severity::Note).count();
        assert_eq!(strict.is_refused(), strict.problems.len() > notes);
        for lab in &strict.case.labs {
            assert!(lab.result != LabResult::Levels(Vec::new()), "{} has no level", lab.analyte);
        }
    }
}

/// One change to a text.
#[derive(Clone, Debug)]
enum Edit {
    Delete { at: prop::sample::Index, length: usize },
    Insert { at: prop::sample::Index, what: String },
    Repeat { at: prop::sample::Index, length: usize, times: usize },
}

impl Edit {
    fn apply(&self, text: &mut Vec<char>) {
        let range = |at: &prop::sample::Index, length: usize, text: &Vec<char>| {
            let start = at.index(text.len() + 1);
            start..(start + length).min(text.len())
        };
        match self {
            Self::Delete { at, length } => {
                let range = range(at, *length, text);
                text.drain(range);
            }
            Self::Insert { at, what } => {
                let at = at.index(text.len() + 1);
                text.splice(at..at, what.chars());
            }
            Self::Repeat { at, length, times } => {
                let range = range(at, *length, text);
                let piece = text[range.clone()].repeat(*times);
                text.splice(range.end..range.end, piece);
            }
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let word = any::<prop::sample::Index>().prop_map(|index| index.get(&WORDS).clone());
    prop_oneof![
        (any::<prop::sample::Index>(), 1..20usize).prop_map(|(at, length)| Edit::Delete { at, length }),
        (any::<prop::sample::Index>(), word).prop_map(|(at, what)| Edit::Insert { at, what }),
        (any::<prop::sample::Index>(), ".{0,4}").prop_map(|(at, what)| Edit::Insert { at, what }),
        (any::<prop::sample::Index>(), 1..40usize, 1..60usize).prop_map(|(at, length, times)| Edit::Repeat {
            at,
            length,
            times
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn texts(text in "(?s).{0,200}") {
        check(&text);
    }

    #[test]
    fn words_in_any_order(words in prop::collection::vec(any::<prop::sample::Index>(), 0..60)) {
        let words = words.iter().map(|index| index.get(&WORDS).as_str()).collect::<Vec<_>>();
        check(&words.join(""));
        check(&words.join(" "));
    }

    #[test]
    fn mutated_cases(
        case in any::<prop::sample::Index>(),
        edits in prop::collection::vec(edit(), 1..8),
        as_json: bool,
    ) {
        let mut text = case.get(&CASES).clone();
        if as_json && let Ok(value) = toml::from_str::<serde_json::Value>(&text) {
            text = value.to_string();
        }
        let mut text = text.chars().collect::<Vec<_>>();
        edits.iter().for_each(|edit| edit.apply(&mut text));
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn laboratory_values(
        analyte in any::<prop::sample::Index>(),
        value in "[<>=~≤≥ ]{0,2}[0-9.,:/eE+-]{0,8} ?",
        unit in "[a-zA-Z0-9./*^{}()\\[\\]' %µ+-]{0,70}",
        words in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let analytes = &KNOWLEDGE.vocabulary.analytes;
        let words = words.iter().map(|index| index.get(&WORDS).as_str()).collect::<String>();
        let labs = serde_json::json!({ "labs": {
            analyte.get(analytes).as_str(): format!("{value}{unit}{words}"),
            "calcium": { "value": format!("9.8 mg/dL ({value}{unit})"), "interval": format!("{value}{words}") },
        }});
        check(&labs.to_string());
    }
}
