/*! A phenopacket as a case. */

use apatite_knowledge::{AnalyteKind, Knowledge};
use serde_json::Value;

use crate::imported::{Gathered, Imported, Lab, Sign};
use crate::phenopacket::{MODALITY, SUGGESTED, UCUM, years};
use crate::terms::{System, Term, Terms};

pub(crate) fn phenopacket(json: &Value, knowledge: &Knowledge) -> Imported {
    let mut reader = Reader { knowledge, terms: Terms::new(knowledge), gathered: Gathered::default() };
    let Some(fields) = json.as_object() else { return reader.gathered.finish() };
    for (key, value) in fields {
        let items = value.as_array().map_or(&[][..], Vec::as_slice).iter().enumerate();
        match key.as_str() {
            "subject" => reader.subject(value),
            "phenotypicFeatures" => {
                items.for_each(|(at, item)| reader.feature(&format!("{key} {}", at + 1), item));
            }
            "measurements" => {
                items.for_each(|(at, item)| reader.measurement(&format!("{key} {}", at + 1), item));
            }
            "diseases" => items.for_each(|(at, item)| reader.disease(&format!("{key} {}", at + 1), item)),
            "medicalActions" => {
                items.for_each(|(at, item)| reader.action(&format!("{key} {}", at + 1), item));
            }
            "metaData" => reader.notes(value),
            "id" => {}
            _ => reader.gathered.miss(key, "this part of phenopackets is not read"),
        }
    }
    reader.gathered.finish()
}

struct Reader<'k> {
    knowledge: &'k Knowledge,
    terms: Terms,
    gathered: Gathered,
}

impl Reader<'_> {
    fn subject(&mut self, subject: &Value) {
        match subject["sex"].as_str() {
            Some("FEMALE") => self.gathered.sex = Some("female"),
            Some("MALE") => self.gathered.sex = Some("male"),
            None | Some("UNKNOWN_SEX") => {}
            Some(other) => {
                self.gathered.miss("subject", format!("sex `{other}` is not one that the model knows"));
            }
        }
        let time = &subject["timeAtLastEncounter"];
        let age = &time["age"]["iso8601duration"];
        match age.as_str().map(years) {
            Some(Some(years)) => self.gathered.age_years = Some(years),
            Some(None) => self.gathered.miss("subject", "its age is not an ISO 8601 duration"),
            None if time.is_object() => {
                self.gathered.miss("subject", "timeAtLastEncounter is read where it is an age");
            }
            None => {}
        }
        if subject.get("dateOfBirth").is_some() && age.is_null() {
            self.gathered.miss("subject", "dateOfBirth: give timeAtLastEncounter as an age");
        }
    }

    /// Title and source of the case, where the document was made from one.
    fn notes(&mut self, meta: &Value) {
        let references = meta["externalReferences"].as_array().map_or(&[][..], Vec::as_slice);
        let mut texts = references.iter().filter_map(|reference| {
            reference["description"].as_str().or(reference["id"].as_str()).or(reference["reference"].as_str())
        });
        self.gathered.title = texts.next().map(str::to_owned);
        self.gathered.source = texts.next().map(str::to_owned);
    }

    fn feature(&mut self, place: &str, feature: &Value) {
        let mut sign = if feature["excluded"].as_bool() == Some(true) { Sign::Absent } else { Sign::Present };
        let mut modality = None;
        for modifier in feature["modifiers"].as_array().map_or(&[][..], Vec::as_slice) {
            match own_code(modifier) {
                Some(SUGGESTED) if sign == Sign::Present => sign = Sign::Suggested,
                Some(code)
                    if code
                        .strip_prefix(MODALITY)
                        .is_some_and(|id| self.knowledge.modalities.contains_key(id)) =>
                {
                    modality = code.strip_prefix(MODALITY);
                }
                _ => {
                    let id = modifier["id"].as_str().unwrap_or("without an id");
                    self.gathered.miss(place, format!("modifier {id} is not read"));
                }
            }
        }
        for key in ["severity", "onset", "resolution"] {
            if feature.get(key).is_some_and(|value| !value.is_null()) {
                self.gathered.miss(place, format!("{key} is not read"));
            }
        }
        let key = modality.map(|modality| (format!("modality {modality}"), modality));
        let examination = key.as_ref().map(|(key, modality)| (key.as_str(), *modality));
        match self.term(place, &feature["type"]) {
            Some(Term::Finding(id)) => self.gathered.finding(place, &id, sign, examination, self.knowledge),
            Some(Term::Site(id)) => match examination {
                Some((key, modality)) if sign == Sign::Present => {
                    let sites = &mut self.gathered.examination(key, modality).sites;
                    if !sites.contains(&id) {
                        sites.push(id);
                    }
                }
                _ => self.gathered.miss(place, format!("the site `{id}` without a modality that showed it")),
            },
            Some(term) => self.gathered.miss(place, format!("`{}` is not a feature", term.id())),
            None => {}
        }
    }

    fn measurement(&mut self, place: &str, measurement: &Value) {
        let Some(term) = self.term(place, &measurement["assay"]) else { return };
        let value = &measurement["value"];
        let number = value["quantity"]["value"].as_f64();
        let unit_id = value["quantity"]["unit"]["id"].as_str().unwrap_or_default();
        let unit = unit_id.strip_prefix(UCUM).and_then(|rest| rest.strip_prefix(':'));
        let unit = unit.or(value["quantity"]["unit"]["label"].as_str()).unwrap_or(unit_id);
        match term {
            Term::Quantity(id) => {
                let modality = own_code(&measurement["procedure"]["code"])
                    .and_then(|code| code.strip_prefix(MODALITY))
                    .filter(|modality| self.knowledge.modalities.contains_key(*modality));
                let known =
                    self.knowledge.findings.quantities.get(&id).map(|quantity| quantity.unit.as_str());
                match (modality, number) {
                    (Some(modality), Some(number)) if known == Some(unit) => {
                        let key = format!("modality {modality}");
                        self.gathered.examination(&key, modality).quantities.insert(id, number);
                    }
                    _ => self.gathered.miss(
                        place,
                        format!("`{id}` needs its modality and a number in {}", known.unwrap_or("1")),
                    ),
                }
            }
            Term::Analyte(id) => {
                let range = &value["quantity"]["referenceRange"];
                let interval = match (range["low"].as_f64(), range["high"].as_f64()) {
                    (low, Some(high)) => Some(format!("{} - {high} {unit}", low.unwrap_or(0.0))),
                    _ => None,
                };
                let said = match number {
                    Some(number) => Some(format!("{number} {unit}").trim_end().to_owned()),
                    None => self.word(&id, &value["ontologyClass"]).map(str::to_owned),
                };
                let taken = measurement["timeObserved"]["timestamp"].as_str().unwrap_or_default().to_owned();
                match said {
                    Some(value) => self.gathered.lab(place, &id, Lab { value, interval, taken }),
                    None => {
                        self.gathered.miss(place, format!("`{id}`: neither a number nor a level is told"));
                    }
                }
            }
            term => self.gathered.miss(place, format!("`{}` is not measured", term.id())),
        }
    }

    /// A result without a number, in the words of the case format.
    fn word(&self, id: &str, class: &Value) -> Option<&'static str> {
        let binary = self.knowledge.analytes.analytes.get(id)?.kind == AnalyteKind::Binary;
        let (system, code) = curie(class["id"].as_str()?)?;
        Some(match (system, code, binary) {
            (System::Snomed, "62482003", false) => "low",
            (System::Snomed, "17621005", false) => "normal",
            (System::Snomed, "75540009", false) => "high",
            (System::Own, "level.very_low", false) => "very_low",
            (System::Own, "level.very_high", false) => "very_high",
            (System::Snomed, "10828004" | "52101004", true) => "positive",
            (System::Snomed, "260385009" | "272519000" | "2667000", true) => "negative",
            _ => return None,
        })
    }

    fn disease(&mut self, place: &str, disease: &Value) {
        let excluded = disease["excluded"].as_bool() == Some(true);
        match self.term(place, &disease["term"]) {
            Some(Term::Diagnosis(id)) if !excluded && self.gathered.diagnosis.is_none() => {
                self.gathered.diagnosis = Some(id);
            }
            Some(Term::Diagnosis(id)) => {
                let told = format!("`{id}`: a case has one proven diagnosis and none that is excluded");
                self.gathered.miss(place, told);
            }
            Some(Term::Finding(id)) => {
                let sign = if excluded { Sign::Absent } else { Sign::Present };
                self.gathered.finding(place, &id, sign, None, self.knowledge);
            }
            Some(term) => self.gathered.miss(place, format!("`{}` is not a disease", term.id())),
            None => {}
        }
    }

    fn action(&mut self, place: &str, action: &Value) {
        let code = &action["procedure"]["code"];
        if code.is_null() {
            return self.gathered.miss(place, "medical actions are read where they are procedures");
        }
        match self.term(place, code) {
            Some(Term::Finding(id)) => self.gathered.finding(place, &id, Sign::Present, None, self.knowledge),
            Some(term) => self.gathered.miss(place, format!("`{}` is not a procedure", term.id())),
            None => {}
        }
    }

    /// The one term that a class means; says so where there is none.
    fn term(&mut self, place: &str, class: &Value) -> Option<Term> {
        let Some(id) = class["id"].as_str() else {
            self.gathered.miss(place, "it has no ontology class");
            return None;
        };
        let terms = curie(id).map_or(&[][..], |(system, code)| self.terms.of(system, code));
        let exact = curie(id).is_some_and(|(system, _)| system.is_exact());
        match terms {
            [term] if exact => Some(term.clone()),
            [] => {
                self.gathered.miss(place, format!("{id} is not known"));
                None
            }
            several => {
                let ids = several.iter().map(Term::id).collect::<Vec<_>>().join(", ");
                self.gathered.miss(place, format!("{id} covers {ids}: it is not told which"));
                None
            }
        }
    }
}

/// System and code of a CURIE. The codes of some ontologies hold the prefix.
fn curie(id: &str) -> Option<(System, &str)> {
    let (prefix, code) = id.split_once(':')?;
    let system = System::of(prefix)?;
    Some((system, if matches!(system, System::Hpo | System::Mondo) { id } else { code }))
}

fn own_code(class: &Value) -> Option<&str> {
    match curie(class["id"].as_str()?)? {
        (System::Own, code) => Some(code),
        _ => None,
    }
}
