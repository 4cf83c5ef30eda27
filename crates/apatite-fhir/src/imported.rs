/*! A case as it is gathered from a document of another system. */

use std::collections::BTreeMap;

use apatite_knowledge::Knowledge;
use toml::{Table, Value};

/// A case that was read from a bundle or a phenopacket.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The case file, TOML.
    pub toml: String,
    /// What could not be mapped, each with its place in the document and the reason.
    pub not_mapped: Vec<String>,
}

/// What is gathered; the case format is written from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) title: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) age_years: Option<f64>,
    pub(crate) sex: Option<&'static str>,
    pub(crate) history: Said,
    /// By the examination it belongs to, in the order met.
    pub(crate) examinations: Vec<(String, Examination)>,
    pub(crate) labs: BTreeMap<String, Lab>,
    pub(crate) diagnosis: Option<String>,
    pub(crate) not_mapped: Vec<String>,
}

/// Findings by what is said of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) present: Vec<String>,
    pub(crate) absent: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Examination {
    pub(crate) modality: String,
    pub(crate) sites: Vec<String>,
    pub(crate) said: Said,
    pub(crate) quantities: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lab {
    pub(crate) value: String,
    pub(crate) interval: Option<String>,
    /// When it was taken, as written; empty where unknown.
    pub(crate) taken: String,
}

/// What a document says of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Present,
    Suggested,
    Absent,
}

impl Gathered {
    /// Names something that means nothing here.
    pub(crate) fn miss(&mut self, place: &str, why: impl AsRef<str>) {
        self.not_mapped.push(format!("{place}: {}", why.as_ref()));
    }

    /// Puts a finding where it belongs: into its examination, or the history.
    pub(crate) fn finding(
        &mut self,
        place: &str,
        finding: &str,
        sign: Sign,
        examination: Option<(&str, &str)>,
        knowledge: &Knowledge,
    ) {
        let said = match examination {
            Some((key, modality)) if knowledge.view(modality, finding).is_some() => {
                &mut self.examination(key, modality).said
            }
            Some((_, modality)) => {
                return self.miss(place, format!("`{finding}` is not seen on {modality}"));
            }
            None if knowledge.view(apatite_case::HISTORY, finding).is_some() => &mut self.history,
            None => {
                return self
                    .miss(place, format!("`{finding}` is an imaging finding, and no modality is told"));
            }
        };
        let (list, word) = match sign {
            Sign::Present => (&mut said.present, finding.to_owned()),
            Sign::Suggested => (&mut said.present, format!("{finding}?")),
            Sign::Absent => (&mut said.absent, finding.to_owned()),
        };
        if !list.contains(&word) {
            list.push(word);
        }
    }

    /// The examination of a key, made where it is new.
    pub(crate) fn examination(&mut self, key: &str, modality: &str) -> &mut Examination {
        let at = self.examinations.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            let examination = Examination { modality: modality.to_owned(), ..Examination::default() };
            self.examinations.push((key.to_owned(), examination));
            self.examinations.len() - 1
        });
        &mut self.examinations[at].1
    }

    /// A laboratory result; of several of one analyte the latest holds.
    pub(crate) fn lab(&mut self, place: &str, analyte: &str, lab: Lab) {
        match self.labs.get(analyte) {
            Some(known) if *known == lab => {}
            Some(known) if known.taken >= lab.taken => {
                self.miss(
                    place,
                    format!("another result of `{analyte}` is as late or later, and a case has one"),
                );
            }
            Some(_) => {
                self.miss(place, format!("an earlier result of `{analyte}` is left out for this one"));
                self.labs.insert(analyte.to_owned(), lab);
            }
            None => {
                self.labs.insert(analyte.to_owned(), lab);
            }
        }
    }

    pub(crate) fn finish(self) -> Imported {
        let mut root = Table::new();
        let text = |text: String| Value::String(text);
        let list = |words: Vec<String>| Value::Array(words.into_iter().map(Value::String).collect());
        if let Some(title) = self.title {
            root.insert("title".to_owned(), text(title));
        }
        if let Some(source) = self.source {
            root.insert("source".to_owned(), text(source));
        }
        let mut patient = Table::new();
        if let Some(age) = self.age_years {
            patient.insert("age".to_owned(), Value::Float(age));
        }
        if let Some(sex) = self.sex {
            patient.insert("sex".to_owned(), text(sex.to_owned()));
        }
        if !patient.is_empty() {
            root.insert("patient".to_owned(), Value::Table(patient));
        }
        let mut history = Table::new();
        insert_said(&mut history, self.history, list);
        if !history.is_empty() {
            root.insert("history".to_owned(), Value::Table(history));
        }
        if !self.labs.is_empty() {
            let labs = self.labs.into_iter().map(|(analyte, lab)| {
                let value = match lab.interval {
                    None => text(lab.value),
                    Some(interval) => {
                        let pair = [("value", lab.value), ("interval", interval)];
                        Value::Table(
                            pair.into_iter().map(|(key, word)| (key.to_owned(), text(word))).collect(),
                        )
                    }
                };
                (analyte, value)
            });
            root.insert("labs".to_owned(), Value::Table(labs.collect()));
        }
        let examinations = self.examinations.into_iter().map(|(_, examination)| {
            let mut table = Table::new();
            table.insert("modality".to_owned(), text(examination.modality));
            if !examination.sites.is_empty() {
                table.insert("sites".to_owned(), list(examination.sites));
            }
            insert_said(&mut table, examination.said, list);
            for (quantity, value) in examination.quantities {
                table.insert(quantity, Value::Float(value));
            }
            Value::Table(table)
        });
        let examinations = examinations.collect::<Vec<_>>();
        if !examinations.is_empty() {
            root.insert("imaging".to_owned(), Value::Array(examinations));
        }
        if let Some(diagnosis) = self.diagnosis {
            let expected = std::iter::once(("diagnosis".to_owned(), text(diagnosis))).collect();
            root.insert("expected".to_owned(), Value::Table(expected));
        }
        Imported { toml: root.to_string(), not_mapped: self.not_mapped }
    }
}

fn insert_said(table: &mut Table, said: Said, list: impl Fn(Vec<String>) -> Value) {
    if !said.present.is_empty() {
        table.insert("present".to_owned(), list(said.present));
    }
    if !said.absent.is_empty() {
        table.insert("absent".to_owned(), list(said.absent));
    }
}
