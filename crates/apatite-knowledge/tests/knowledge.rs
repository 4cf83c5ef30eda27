//! The shipped knowledge: sound, complete against the article, and reported with file and line where it is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apatite_knowledge::{Folder, Knowledge, check};
use toml::Value;

fn knowledge() -> (Knowledge, Folder) {
    let folder = Folder::embedded();
    (Knowledge::read(&folder).unwrap(), folder)
}

#[test]
fn the_shipped_knowledge_has_no_problem() {
    let (knowledge, folder) = knowledge();
    let (problems, _) = check(&knowledge, &folder);
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Every fact of the article is where `article-facts.toml` says, with the article as its source.
#[test]
fn every_fact_of_the_article_is_in_it() {
    let (_, folder) = knowledge();
    let table: Value = toml::from_str(include_str!("article-facts.toml")).unwrap();
    let facts = table["fact"].as_array().unwrap();
    let mut missing = Vec::new();
    for fact in facts {
        let text = |key: &str| fact.get(key).and_then(Value::as_str);
        let (says, file, path) = (text("says").unwrap(), text("file").unwrap(), text("path").unwrap());
        let source = text("source").unwrap_or("paparo2011");
        let document: Value = match folder.text(file) {
            Some(text) => toml::from_str(text).unwrap(),
            None => {
                missing.push(format!("{says}: there is no file {file}"));
                continue;
            }
        };
        let found = path.split('.').try_fold(&document, |at, part| at.get(part));
        let holds = found.is_some_and(|value| match value {
            // a list of statements: one of them must hold; a frequency is a list too
            Value::Array(items) if items.iter().all(Value::is_table) => {
                items.iter().any(|item| supports(item, source, text("contains")))
            }
            value => supports(value, source, text("contains")),
        });
        if !holds {
            missing.push(format!("{says}: not in {file} at {path}"));
        }
    }
    assert!(facts.len() > 200);
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Whether a value cites the source and its English text contains the words.
fn supports(value: &Value, source: &str, contains: Option<&str>) -> bool {
    let cited = match value {
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(source)),
        value => value
            .get("sources")
            .and_then(Value::as_array)
            .is_some_and(|sources| sources.iter().any(|item| item.as_str() == Some(source))),
    };
    let english = value
        .get("en")
        .or_else(|| value.get("definition")?.get("en"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    cited && contains.is_none_or(|words| english.contains(words))
}

/// A broken file is named with its line, and so is a number that cannot be.
#[test]
fn what_is_wrong_is_named_with_file_and_line() {
    let folder = Folder::embedded();
    let file = "diagnoses/calcific_tendinitis.toml";
    let text = folder.text(file).unwrap().to_owned();
    let check_with = |changed: String| {
        let folder = folder.clone().with(file, changed);
        match Knowledge::read(&folder) {
            Ok(knowledge) => check(&knowledge, &folder).0,
            Err(problems) => problems,
        }
    };
    let line_of = |needle: &str| text.lines().position(|line| line.starts_with(needle)).unwrap() + 1;
    let replaced = |needle: &str, by: &str| {
        text.lines()
            .map(|line| if line.starts_with(needle) { by.to_owned() } else { line.to_owned() })
            .collect::<Vec<_>>()
            .join("\n")
    };
    for (needle, by, message) in [
        (
            "sedimentation_sign",
            "sedimentation_sign = [0.5, 0.6, 0.7, \"judgement\"]",
            "is not 0 < low <= best <= high < 1",
        ),
        (
            "sedimentation_sign",
            "sedimentation_sign = [0.5, 0.45, 0.55, \"judgement\"]",
            "too narrow for a judgement",
        ),
        ("sedimentation_sign", "sedimentation_sign = [0.5, 0.2, 0.8]", "has no source"),
        (
            "sedimentation_sign",
            "sedimentation_sign = [0.5, 0.2, 0.8, \"nobody1900\"]",
            "is not in the bibliography",
        ),
        (
            "sedimentation_sign",
            "sedimentation_sing = [0.5, 0.2, 0.8, \"judgement\"]",
            "near it: sedimentation_sign",
        ),
        ("sedimentation_sign", "raynaud = [0.5, 0.2, 0.8, \"judgement\"]", "belongs to the condition"),
        ("sedimentation_sign", "sedimentation_sign = [0.5, 0.2]", "[best, low, high"),
    ] {
        let problems = check_with(replaced(needle, by));
        let problem = problems.iter().find(|problem| problem.message.contains(message));
        let problem = problem.unwrap_or_else(|| panic!("{message} not in {problems:#?}"));
        assert_eq!((problem.file.as_str(), problem.line), (file, Some(line_of(needle))));
    }
    let without = text.replace(&format!("it = {:?}", "Tendinite calcifica"), "it = \"\"");
    assert_ne!(without, text);
    assert!(check_with(without).iter().any(|problem| problem.message.contains("Italian text is missing")));
}
