/*!
First stage: what was said, word for word, with its place.

Only the shape is judged here: whether a key exists and a value has the right type. Whether a word is a finding is
for the second stage.
*/

use std::collections::BTreeSet;
use std::ops::Range;

use apatite_knowledge::Knowledge;

use crate::node::{Entry, Node, Value};
use crate::problem::{Kind, Problems, is_obeyed};

/// A word or number and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Spoken<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

type Words = Vec<Spoken<String>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) title: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) age: Option<Spoken<f64>>,
    pub(crate) sex: Option<Spoken<String>>,
    pub(crate) history_present: Words,
    pub(crate) history_absent: Words,
    pub(crate) labs: Vec<SaidLab>,
    pub(crate) imaging: Vec<SaidImaging>,
    pub(crate) expected: Option<SaidExpected>,
}

#[derive(Clone, Debug)]
pub(crate) struct SaidLab {
    pub(crate) analyte: Spoken<String>,
    pub(crate) value: Spoken<String>,
    /// The laboratory's own interval: "15 - 65 pg/mL".
    pub(crate) interval: Option<Spoken<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct SaidImaging {
    pub(crate) modality: Option<Spoken<String>>,
    /// The key is there, though its value may be of the wrong type.
    pub(crate) has_modality: bool,
    pub(crate) span: Range<usize>,
    pub(crate) sites: Words,
    pub(crate) present: Words,
    pub(crate) absent: Words,
    pub(crate) quantities: Vec<(Spoken<String>, Spoken<f64>)>,
    pub(crate) study: Option<String>,
    pub(crate) date: Option<Spoken<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct SaidExpected {
    pub(crate) diagnosis: Option<Spoken<String>>,
    /// The key is there, though its value may be of the wrong type.
    pub(crate) has_diagnosis: bool,
    pub(crate) span: Range<usize>,
    pub(crate) also_right: Words,
    pub(crate) proof: Option<String>,
}

impl Said {
    pub(crate) fn read(node: &Node, knowledge: &Knowledge, problems: &mut Problems<'_>) -> Self {
        let mut said = Self::default();
        for entry in table("a case", node, problems) {
            match entry.key.as_str() {
                "title" => said.title = prose(entry, problems),
                "source" => said.source = prose(entry, problems),
                "patient" => said.patient(&entry.node, problems),
                "history" => {
                    for entry in table("history", &entry.node, problems) {
                        match entry.key.as_str() {
                            "present" => said.history_present = words(entry, problems),
                            "absent" => said.history_absent = words(entry, problems),
                            _ => unknown_key(entry, "history", &["present", "absent"], problems),
                        }
                    }
                }
                "labs" => said.labs = labs(&entry.node, problems),
                "imaging" => said.imaging = imaging(entry, knowledge, problems),
                "expected" => said.expected = expected(&entry.node, problems),
                _ => unknown_key(
                    entry,
                    "a case",
                    &["title", "source", "patient", "history", "labs", "imaging", "expected"],
                    problems,
                ),
            }
        }
        said
    }

    fn patient(&mut self, node: &Node, problems: &mut Problems<'_>) {
        for entry in table("patient", node, problems) {
            match entry.key.as_str() {
                "age" => self.age = number(entry, problems),
                "sex" => self.sex = text(entry, problems),
                _ => unknown_key(entry, "patient", &["age", "sex"], problems),
            }
        }
    }
}

fn labs(node: &Node, problems: &mut Problems<'_>) -> Vec<SaidLab> {
    let mut labs = Vec::new();
    for entry in table("labs", node, problems) {
        let analyte = Spoken { value: entry.key.clone(), span: entry.key_span.clone() };
        match &entry.node.value {
            Value::Text(value) => {
                let value = Spoken { value: value.clone(), span: entry.node.span.clone() };
                labs.push(SaidLab { analyte, value, interval: None });
            }
            Value::Number(number) => {
                let value = Spoken { value: number.to_string(), span: entry.node.span.clone() };
                labs.push(SaidLab { analyte, value, interval: None });
            }
            Value::Table(_) => {
                let (mut value, mut interval, mut has_value) = (None, None, false);
                for entry in table("a laboratory result", &entry.node, problems) {
                    match entry.key.as_str() {
                        "value" => {
                            has_value = true;
                            value = match entry.node.value {
                                Value::Number(number) => {
                                    Some(Spoken { value: number.to_string(), span: entry.node.span.clone() })
                                }
                                _ => text(entry, problems),
                            };
                        }
                        "interval" => interval = text(entry, problems),
                        _ => unknown_key(entry, "a laboratory result", &["value", "interval"], problems),
                    }
                }
                match value {
                    Some(value) => labs.push(SaidLab { analyte, value, interval }),
                    None if has_value => {}
                    None => problems.add(
                        Kind::WrongType,
                        &entry.node.span,
                        format!("the result of `{}` has no `value`", entry.key),
                    ),
                }
            }
            other => problems.add_with_help(
                Kind::WrongType,
                &entry.node.span,
                format!("`{}` is {}, not a laboratory result", entry.key, other.type_name()),
                Some("write a value with its unit, \"7.9 mg/dL\", or a level, \"high\"".to_owned()),
            ),
        }
    }
    labs
}

/// Most examinations of one case.
const MAX_EXAMINATIONS: usize = 100;

fn imaging(entry: &Entry, knowledge: &Knowledge, problems: &mut Problems<'_>) -> Vec<SaidImaging> {
    let Value::List(blocks) = &entry.node.value else {
        problems.add_with_help(
            Kind::WrongType,
            &entry.key_span,
            format!("`imaging` is {}, not a list of examinations", entry.node.value.type_name()),
            Some("write one [[imaging]] block per examination".to_owned()),
        );
        return Vec::new();
    };
    let mut examinations = Vec::new();
    if blocks.len() > MAX_EXAMINATIONS {
        let message = format!("there are more than {MAX_EXAMINATIONS} examinations; the others are not used");
        problems.add(Kind::OutOfRange, &blocks[MAX_EXAMINATIONS].span, message);
    }
    for block in blocks.iter().take(MAX_EXAMINATIONS) {
        let entries = table("an examination", block, problems);
        if entries.is_empty() && !matches!(block.value, Value::Table(_)) {
            continue;
        }
        let mut said = SaidImaging {
            modality: None,
            has_modality: false,
            span: block.span.clone(),
            sites: Vec::new(),
            present: Vec::new(),
            absent: Vec::new(),
            quantities: Vec::new(),
            study: None,
            date: None,
        };
        for entry in entries {
            match entry.key.as_str() {
                "modality" => {
                    said.has_modality = true;
                    said.modality = text(entry, problems);
                }
                "sites" => said.sites = words(entry, problems),
                "present" => said.present = words(entry, problems),
                "absent" => said.absent = words(entry, problems),
                "study" => said.study = prose(entry, problems),
                "date" => said.date = text(entry, problems),
                key if knowledge.vocabulary.quantities.iter().any(|quantity| quantity == key) => {
                    if let Some(value) = number(entry, problems) {
                        let quantity = Spoken { value: key.to_owned(), span: entry.key_span.clone() };
                        said.quantities.push((quantity, value));
                    }
                }
                _ => {
                    let known = ["modality", "sites", "present", "absent", "study", "date"]
                        .into_iter()
                        .chain(knowledge.vocabulary.quantities.iter().map(String::as_str))
                        .collect::<Vec<_>>();
                    unknown_key(entry, "an examination", &known, problems);
                }
            }
        }
        examinations.push(said);
    }
    examinations
}

fn expected(node: &Node, problems: &mut Problems<'_>) -> Option<SaidExpected> {
    let mut said = SaidExpected {
        diagnosis: None,
        has_diagnosis: false,
        span: node.span.clone(),
        also_right: Vec::new(),
        proof: None,
    };
    for entry in table("expected", node, problems) {
        match entry.key.as_str() {
            "diagnosis" => {
                said.has_diagnosis = true;
                said.diagnosis = text(entry, problems);
            }
            "also_right" => said.also_right = words(entry, problems),
            "proof" => said.proof = prose(entry, problems),
            _ => unknown_key(entry, "expected", &["diagnosis", "also_right", "proof"], problems),
        }
    }
    matches!(node.value, Value::Table(_)).then_some(said)
}

/// The entries of a table; of two with one name, which JSON lets stand, the first.
fn table<'n>(what: &str, node: &'n Node, problems: &mut Problems<'_>) -> Vec<&'n Entry> {
    let Value::Table(entries) = &node.value else {
        let message = format!("{what} is {}, not a table", node.value.type_name());
        problems.add(Kind::WrongType, &node.span, message);
        return Vec::new();
    };
    let mut names = BTreeSet::new();
    let mut first = Vec::new();
    for entry in entries {
        if names.insert(entry.key.as_str()) {
            first.push(entry);
        } else {
            let message = format!("`{}` is given twice; the first is used", entry.key);
            problems.add(Kind::GivenTwice, &entry.key_span, message);
        }
    }
    first
}

fn text(entry: &Entry, problems: &mut Problems<'_>) -> Option<Spoken<String>> {
    if let Value::Text(value) = &entry.node.value {
        return Some(Spoken { value: value.clone(), span: entry.node.span.clone() });
    }
    let message = format!("`{}` is {}, not a text", entry.key, entry.node.value.type_name());
    problems.add(Kind::WrongType, &entry.node.span, message);
    None
}

/// A text that is handed on as it is, and so must not steer what shows it.
fn prose(entry: &Entry, problems: &mut Problems<'_>) -> Option<String> {
    let said = text(entry, problems)?;
    let obeyed = |c: char| is_obeyed(c) && !matches!(c, '\n' | '\r' | '\t');
    if said.value.contains(obeyed) {
        let message = format!("`{}` has control characters; they are left out", entry.key);
        problems.add(Kind::ControlCharacters, &said.span, message);
    }
    Some(said.value.replace(obeyed, ""))
}

fn number(entry: &Entry, problems: &mut Problems<'_>) -> Option<Spoken<f64>> {
    if let Value::Number(value) = entry.node.value {
        return Some(Spoken { value, span: entry.node.span.clone() });
    }
    let message = format!("`{}` is {}, not a number", entry.key, entry.node.value.type_name());
    problems.add(Kind::WrongType, &entry.node.span, message);
    None
}

fn words(entry: &Entry, problems: &mut Problems<'_>) -> Words {
    let Value::List(items) = &entry.node.value else {
        let message = format!("`{}` is {}, not a list", entry.key, entry.node.value.type_name());
        problems.add(Kind::WrongType, &entry.node.span, message);
        return Vec::new();
    };
    let mut words = Vec::new();
    for item in items {
        if let Value::Text(value) = &item.value {
            words.push(Spoken { value: value.clone(), span: item.span.clone() });
        } else {
            let message = format!("an item of `{}` is {}, not a text", entry.key, item.value.type_name());
            problems.add(Kind::WrongType, &item.span, message);
        }
    }
    words
}

fn unknown_key(entry: &Entry, whose: &str, known: &[&str], problems: &mut Problems<'_>) {
    let near = problems.near(&entry.key, known.iter().copied());
    let near = if near.is_empty() { known.to_vec() } else { near };
    problems.add_with_help(
        Kind::UnknownKey,
        &entry.key_span,
        format!("{whose} has no key `{}`; it is not used", entry.key),
        Some(format!("there is {}", near.join(", "))),
    );
}
