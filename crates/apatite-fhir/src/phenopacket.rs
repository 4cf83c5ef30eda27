/*! A case as a phenopacket (GA4GH, version 2.0). */

use std::collections::{BTreeMap, BTreeSet};

use apatite_case::{Assertion, Bound, HISTORY, Level, Sex};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::results::{Sign, result};
use crate::terms::{System, Term, codes_of};
use crate::{Document, Input};

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Phenopacket {
    id: String,
    subject: Individual,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phenotypic_features: Vec<Feature>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    measurements: Vec<Measurement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diseases: Vec<Disease>,
    meta_data: MetaData,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Individual {
    id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_at_last_encounter: Option<Time>,
    sex: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Time {
    age: Age,
}

#[derive(Clone, Debug, Serialize)]
struct Age {
    iso8601duration: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Class {
    id: String,
    label: String,
}

#[derive(Clone, Debug, Serialize)]
struct Feature {
    r#type: Class,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    excluded: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    modifiers: Vec<Class>,
}

#[derive(Clone, Debug, Serialize)]
struct Measurement {
    assay: Class,
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    procedure: Option<Procedure>,
}

#[derive(Clone, Debug, Serialize)]
struct Procedure {
    code: Class,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Value {
    Quantity(Quantity),
    OntologyClass(Class),
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Quantity {
    unit: Class,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_range: Option<Range>,
}

#[derive(Clone, Debug, Serialize)]
struct Range {
    unit: Class,
    low: f64,
    high: f64,
}

#[derive(Clone, Debug, Serialize)]
struct Disease {
    term: Class,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MetaData {
    created: &'static str,
    created_by: String,
    resources: Vec<Resource>,
    phenopacket_schema_version: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<ExternalReference>,
}

#[derive(Clone, Debug, Serialize)]
struct ExternalReference {
    description: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    id: &'static str,
    name: &'static str,
    url: &'static str,
    version: String,
    namespace_prefix: &'static str,
    iri_prefix: &'static str,
}

/// Name, page and IRI prefix of each system that classes come from.
const RESOURCES: [(System, &str, &str, &str); 7] = [
    (
        System::Hpo,
        "Human Phenotype Ontology",
        "http://purl.obolibrary.org/obo/hp.owl",
        "http://purl.obolibrary.org/obo/HP_",
    ),
    (System::Loinc, "LOINC", "https://loinc.org", "https://loinc.org/"),
    (System::Snomed, "SNOMED CT", "http://snomed.info/sct", "http://snomed.info/id/"),
    (
        System::Mondo,
        "Mondo Disease Ontology",
        "http://purl.obolibrary.org/obo/mondo.owl",
        "http://purl.obolibrary.org/obo/MONDO_",
    ),
    (System::Omim, "OMIM", "https://omim.org", "https://omim.org/entry/"),
    (System::Orpha, "Orphanet", "https://www.orpha.net", "http://www.orpha.net/ORDO/Orphanet_"),
    (System::Own, "Vocabulary of Apatite", "urn:apatite:vocabulary", "urn:apatite:vocabulary:"),
];

/// When a document of a case without a date was made: the same case gives the same document.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// Modifiers of a feature in the vocabulary's own system: which modality showed it, and that it is only suggested.
pub(crate) const MODALITY: &str = "modality.";
pub(crate) const SUGGESTED: &str = "assertion.suggested";
/// Unit classes of UCUM.
pub(crate) const UCUM: &str = "UCUM";

/// Writes a case as a phenopacket: history and findings as phenotypic features, each with its modality as a modifier;
/// laboratory and quantities as measurements; a proven diagnosis as a disease. The differential has no place in it.
#[must_use]
pub fn phenopacket(input: &Input<'_>) -> Document {
    let mut maker =
        Maker { input, used: BTreeSet::new(), uncoded: BTreeSet::new(), left_out: BTreeMap::new() };
    let phenopacket = maker.make();
    let left_out = maker.left_out.into_iter().map(|(what, count)| match count {
        1 => what,
        count => format!("{what} ({count})"),
    });
    Document {
        json: json!(phenopacket),
        uncoded: maker.uncoded.into_iter().collect(),
        left_out: left_out.collect(),
    }
}

struct Maker<'i> {
    input: &'i Input<'i>,
    used: BTreeSet<System>,
    uncoded: BTreeSet<String>,
    left_out: BTreeMap<String, usize>,
}

impl Maker<'_> {
    fn make(&mut self) -> Phenopacket {
        let case = self.input.case;
        let words = self.input.words;
        let mut features = Vec::new();
        for seen in &case.observations {
            let mut modifiers = Vec::new();
            if seen.modality != HISTORY {
                modifiers.push(self.modality(&seen.modality));
            }
            match seen.assertion {
                Assertion::Present | Assertion::Absent => {}
                Assertion::Suggested => modifiers.push(self.own(SUGGESTED, "suggested")),
                Assertion::Measured { .. } => {
                    self.leave_out("probabilities of measured findings");
                    continue;
                }
            }
            let r#type = self.class(&Term::Finding(seen.finding.clone()), words.finding(&seen.finding));
            features.push(Feature { r#type, excluded: seen.assertion == Assertion::Absent, modifiers });
        }
        let mut measurements = Vec::new();
        let mut modalities = BTreeSet::new();
        for examination in &case.examinations {
            if !modalities.insert(&examination.modality) {
                self.leave_out(&format!("that there were several examinations by {}", examination.modality));
            }
            for site in &examination.sites {
                let modifiers = vec![self.modality(&examination.modality)];
                let r#type = self.class(&Term::Site(site.clone()), words.site(site));
                features.push(Feature { r#type, excluded: false, modifiers });
            }
            for (id, value) in &examination.quantities {
                let quantity = words.knowledge.findings.quantities.get(id);
                let label = quantity.map_or(id.as_str(), |quantity| quantity.names.get(words.language));
                let unit = unit(quantity.map_or("1", |quantity| quantity.unit.as_str()));
                let assay = self.class(&Term::Quantity(id.clone()), label);
                let value = Value::Quantity(Quantity { unit, value: *value, reference_range: None });
                let procedure = Some(Procedure { code: self.modality(&examination.modality) });
                measurements.push(Measurement { assay, value, procedure });
            }
            if examination.study.is_some() {
                self.leave_out("images");
            }
        }
        for lab in &case.labs {
            measurements.extend(self.laboratory(lab));
        }
        let mut diseases = Vec::new();
        if let Some(expected) = &case.expected {
            let label = words.diagnosis(&expected.diagnosis);
            let term = self.class(&Term::Diagnosis(expected.diagnosis.clone()), label);
            diseases.push(Disease { term });
            if expected.proof.is_some() || !expected.also_right.is_empty() {
                self.leave_out("how the diagnosis was proven, and which others are accepted");
            }
        }
        let notes = [&case.title, &case.source].into_iter().flatten();
        let external_references =
            notes.map(|text| ExternalReference { description: text.clone() }).collect::<Vec<_>>();
        if self.input.differential.is_some() {
            self.leave_out("the differential diagnosis");
        }
        let digest = Sha256::digest(format!("{case:?}").as_bytes());
        let id = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
        Phenopacket {
            id: format!("apatite.{id}"),
            subject: Individual {
                id: "patient",
                time_at_last_encounter: case
                    .age_years
                    .map(|years| Time { age: Age { iso8601duration: duration(years) } }),
                sex: match case.sex {
                    None => "UNKNOWN_SEX",
                    Some(Sex::Female) => "FEMALE",
                    Some(Sex::Male) => "MALE",
                },
            },
            phenotypic_features: features,
            measurements,
            diseases,
            meta_data: MetaData {
                created: CREATED,
                created_by: format!("Apatite {}", self.input.version),
                resources: self.resources(),
                phenopacket_schema_version: "2.0",
                external_references,
            },
        }
    }

    fn laboratory(&mut self, lab: &apatite_case::Lab) -> Option<Measurement> {
        let knowledge = self.input.words.knowledge;
        let result = result(lab, knowledge);
        let label = self.input.words.analyte(&lab.analyte).to_owned();
        let assay = match &result.loinc {
            Some(loinc) => {
                self.used.insert(System::Loinc);
                Class { id: format!("LOINC:{loinc}"), label }
            }
            None => self.class(&Term::Analyte(lab.analyte.clone()), &label),
        };
        let exact = result.number.filter(|number| number.bound == Bound::Exact);
        let value = match (exact, result.sign) {
            (Some(number), _) => {
                let range =
                    number.own_interval.map(|[low, high]| Range { unit: unit(&number.unit), low, high });
                let unit = unit(&number.unit);
                Value::Quantity(Quantity { unit, value: number.value, reference_range: range })
            }
            (None, Some(sign)) => {
                if lab.measured.is_some() {
                    self.leave_out("limits of laboratory values (\"< 5\"): their level goes out");
                }
                Value::OntologyClass(self.sign(sign))
            }
            (None, None) => {
                self.leave_out(&format!("the result of `{}`", lab.analyte));
                return None;
            }
        };
        Some(Measurement { assay, value, procedure: None })
    }

    fn sign(&mut self, sign: Sign) -> Class {
        let code = match sign {
            Sign::Level(Level::Low) => Some("62482003"),
            Sign::Level(Level::Normal) => Some("17621005"),
            Sign::Level(Level::High) => Some("75540009"),
            Sign::Positive(true) => Some("10828004"),
            Sign::Positive(false) => Some("260385009"),
            Sign::Level(Level::VeryLow | Level::VeryHigh) => None,
        };
        match code {
            Some(code) => {
                self.used.insert(System::Snomed);
                Class { id: format!("SCTID:{code}"), label: sign.word().to_owned() }
            }
            None => self.own(&format!("level.{}", sign.word()), sign.word()),
        }
    }

    /// The class of a term: by the phenotype ontology, Mondo, OMIM, Orphanet or SNOMED CT, whichever comes first and is
    /// exact; else its own.
    fn class(&mut self, term: &Term, label: &str) -> Class {
        const ORDER: [System; 5] = [System::Hpo, System::Mondo, System::Omim, System::Orpha, System::Snomed];
        let codes = codes_of(term, self.input.words.knowledge);
        let found = ORDER.iter().find_map(|order| codes.iter().find(|(system, _)| system == order));
        let Some((system, code)) = found else {
            self.uncoded.insert(term.own());
            return self.own(&term.own(), label);
        };
        self.used.insert(*system);
        let id = if code.contains(':') { code.clone() } else { format!("{}:{code}", system.prefix()) };
        Class { id, label: label.to_owned() }
    }

    fn modality(&mut self, modality: &str) -> Class {
        let label = self.input.words.modality(modality).to_owned();
        self.own(&format!("{MODALITY}{modality}"), &label)
    }

    fn own(&mut self, code: &str, label: &str) -> Class {
        self.used.insert(System::Own);
        Class { id: format!("{}:{code}", System::Own.prefix()), label: label.to_owned() }
    }

    fn leave_out(&mut self, what: &str) {
        *self.left_out.entry(what.to_owned()).or_default() += 1;
    }

    fn resources(&self) -> Vec<Resource> {
        let used = RESOURCES.iter().filter(|row| self.used.contains(&row.0));
        let mut resources = used
            .map(|&(system, name, url, iri_prefix)| Resource {
                id: system.prefix(),
                name,
                url,
                version: if system == System::Own {
                    self.input.version.to_owned()
                } else {
                    "unknown".to_owned()
                },
                namespace_prefix: system.prefix(),
                iri_prefix,
            })
            .collect::<Vec<_>>();
        resources.push(Resource {
            id: UCUM,
            name: "Unified Code for Units of Measure",
            url: "http://unitsofmeasure.org",
            version: "unknown".to_owned(),
            namespace_prefix: UCUM,
            iri_prefix: "http://unitsofmeasure.org/",
        });
        resources
    }
}

fn unit(unit: &str) -> Class {
    Class { id: format!("{UCUM}:{unit}"), label: unit.to_owned() }
}

/// Years as an ISO 8601 duration, with the rest in months and days.
fn duration(years: f64) -> String {
    let whole = years.floor();
    let months = ((years - whole) * 12.0 + 1e-6).floor();
    let rest = ((years - whole - months / 12.0) * 365.25).round();
    let years = whole;
    let mut text = "P".to_owned();
    for (count, letter) in [(years, 'Y'), (months, 'M'), (rest, 'D')] {
        if count >= 1.0 {
            text += &format!("{count:.0}{letter}");
        }
    }
    if text == "P" { "P0D".to_owned() } else { text }
}

/// Years of an ISO 8601 duration; none where it is none.
pub(crate) fn years(duration: &str) -> Option<f64> {
    let mut rest = duration.strip_prefix('P')?.split('T').next()?;
    let mut years = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let count: f64 = rest[..end].parse().ok()?;
        years += match rest.as_bytes()[end] {
            b'Y' => count,
            b'M' => count / 12.0,
            b'W' => count * 7.0 / 365.25,
            b'D' => count / 365.25,
            _ => return None,
        };
        rest = &rest[end + 1..];
    }
    // days do not divide a year evenly: a thousandth of a year is below half a day
    Some((years * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_survive_the_way_out_and_in() {
        let check = |age: f64, expected: &str| {
            assert_eq!(duration(age), expected);
            assert!(years(expected).is_some_and(|back| (back - age).abs() < 2e-3), "{age}");
        };
        check(58.0, "P58Y");
        check(7.5, "P7Y6M");
        check(0.25, "P3M");
        check(0.0, "P0D");
        check(1.0, "P1Y");
        assert_eq!(years("PT5H"), None);
        assert_eq!(years("58"), None);
        assert_eq!(years("P2W"), Some(0.038));
    }
}
