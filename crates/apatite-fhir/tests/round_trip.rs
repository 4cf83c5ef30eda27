//! Every proven case goes out and comes back; foreign documents come in, and what of them means nothing is listed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use apatite_case::{Case, Format, Policy, read};
use apatite_fhir::{Document, Input, bundle, import, is_foreign, phenopacket};
use apatite_knowledge::{Folder, Knowledge, Language};
use apatite_text::Words;
use serde_json::{Value, json};

fn knowledge() -> Knowledge {
    Knowledge::read(&Folder::embedded()).unwrap()
}

/// Everything of a case that both formats carry, in an order that does not depend on examinations.
fn facts(case: &Case) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    facts.extend(case.age_years.map(|age| format!("age {age:.2}")));
    facts.extend(case.sex.map(|sex| sex.word().to_owned()));
    facts.extend(
        case.observations
            .iter()
            .map(|seen| format!("{} {} {:?}", seen.modality, seen.finding, seen.assertion)),
    );
    for examination in &case.examinations {
        let modality = &examination.modality;
        facts.extend(examination.sites.iter().map(|site| format!("{modality} at {site}")));
        facts.extend(
            examination.quantities.iter().map(|(quantity, value)| format!("{modality} {quantity} {value}")),
        );
    }
    facts.extend(case.labs.iter().map(|lab| format!("{} {:?}", lab.analyte, lab.result)));
    facts
}

fn check(to: fn(&Input<'_>) -> Document) {
    let knowledge = knowledge();
    let words = Words { knowledge: &knowledge, language: Language::En };
    assert!(knowledge.cases.len() > 100);
    for (name, text) in &knowledge.cases {
        let case = read(text, Format::Toml, &knowledge, Policy::Default).case;
        let input = Input { words: &words, case: &case, differential: None, studies: &[], version: "test" };
        let out = to(&input);
        assert_eq!(out, to(&input), "{name}: the same case gives the same document");
        let text = out.json.to_string();
        assert!(is_foreign(&text), "{name}");
        let back = import(&text, &knowledge).unwrap();
        let again = read(&back.toml, Format::Toml, &knowledge, Policy::Default);
        assert!(!again.is_refused(), "{name}: {:?}", again.problems);
        let (before, after) = (facts(&case), facts(&again.case));
        let lost = before.difference(&after).collect::<Vec<_>>();
        let gained = after.difference(&before).collect::<Vec<_>>();
        let told = out.left_out.len() + back.not_mapped.len();
        assert!(gained.is_empty(), "{name}: gained {gained:?}");
        assert!(lost.len() <= told, "{name}: lost {lost:?}, told {:?} {:?}", out.left_out, back.not_mapped);
    }
}

#[test]
fn cases_survive_fhir() {
    check(bundle);
}

#[test]
fn cases_survive_phenopackets() {
    check(phenopacket);
}

#[track_caller]
fn imported(document: &Value, toml: &str, not_mapped: &[&str]) {
    let got = import(&document.to_string(), &knowledge()).unwrap();
    assert_eq!(
        (got.toml.trim(), got.not_mapped),
        (toml.trim(), not_mapped.iter().map(ToString::to_string).collect())
    );
}

fn entries(resources: &[Value]) -> Value {
    let entry = resources.iter().map(|resource| json!({ "resource": resource })).collect::<Vec<_>>();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entry })
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";

#[test]
fn bundles_of_others_are_read() {
    imported(
        &entries(&[
            json!({ "resourceType": "Patient", "gender": "female", "birthDate": "1960-05-20" }),
            json!({ "resourceType": "Observation", "status": "final", "code": coded(LOINC, "2777-1"),
                "effectiveDateTime": "2020-03-01T08:00:00Z",
                "valueQuantity": { "value": 7.9, "unit": "mg/dL", "code": "mg/dL" },
                "referenceRange": [{ "low": { "value": 2.5 }, "high": { "value": 4.5 } }] }),
            json!({ "resourceType": "Observation", "status": "final", "code": coded(LOINC, "2777-1"),
                "effectiveDateTime": "2019-03-01", "valueQuantity": { "value": 5.0, "code": "mg/dL" } }),
            json!({ "resourceType": "Observation", "status": "final", "code": coded(LOINC, "5048-4"),
                "valueCodeableConcept": coded(SNOMED, "10828004") }),
            json!({ "resourceType": "Observation", "status": "entered-in-error", "code": coded(LOINC, "1988-5") }),
            json!({ "resourceType": "Observation", "status": "final", "code": coded(LOINC, "8867-4"),
                "valueQuantity": { "value": 70 } }),
            json!({ "resourceType": "Procedure", "status": "completed", "code": coded(SNOMED, "108241001") }),
            json!({ "resourceType": "Condition", "code": coded(SNOMED, "90560007"),
                "verificationStatus": coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted") }),
            json!({ "resourceType": "Condition", "code": coded("http://hl7.org/fhir/sid/icd-10", "M10") }),
            json!({ "resourceType": "MedicationStatement", "status": "active" }),
        ]),
        r#"
[patient]
age = 59.0
sex = "female"

[history]
present = ["dialysis"]
absent = ["gout_known"]

[labs]
ana = "positive"

[labs.phosphate]
value = "7.9 mg/dL"
interval = "2.5 - 4.5 mg/dL"
"#,
        &[
            "entry 3 (Observation): another result of `phosphate` is as late or later, and a case has one",
            "entry 5 (Observation): its status says that it does not hold",
            "entry 6 (Observation): no code of it is known (http://loinc.org 8867-4)",
            "entry 9 (Condition): M10 covers calcified_gouty_tophus, gouty_tophus_uncalcified: too wide to be one of them",
            "entry 10 (MedicationStatement): resources of this kind are not read",
        ],
    );
}

#[test]
fn hostile_documents_are_refused_or_listed() {
    let knowledge = knowledge();
    for text in ["", "{", "[]", "{\"title\": \"a case\"}", "null", "{\"resourceType\": \"Patient\"}"] {
        assert!(!is_foreign(text), "{text}");
        assert!(import(text, &knowledge).is_err(), "{text}");
    }
    let two = json!({ "resourceType": "Patient" });
    let error = import(&entries(&[two.clone(), two]).to_string(), &knowledge).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bundle holds 2 patients; a case is one patient: make one bundle of each"
    );
    imported(&json!({ "resourceType": "Bundle", "entry": 5 }), "", &[]);
    imported(
        &entries(&[json!(5), json!({ "resourceType": "Observation", "code": [], "valueQuantity": "x" })]),
        "",
        &[
            "entry 1 (resource without a type): resources of this kind are not read",
            "entry 2 (Observation): it has no code",
        ],
    );
    imported(
        &json!({ "metaData": {}, "phenotypicFeatures": [{ "type": { "id": "HP:9999999" } }, 7], "genes": [] }),
        "",
        &[
            "phenotypicFeatures 1: HP:9999999 is not known",
            "phenotypicFeatures 2: it has no ontology class",
            "genes: this part of phenopackets is not read",
        ],
    );
}
