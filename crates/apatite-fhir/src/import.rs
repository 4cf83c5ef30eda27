/*! A bundle of FHIR R4 resources as a case. */

use apatite_knowledge::{AnalyteKind, Knowledge};
use serde_json::Value;

use crate::ImportError;
use crate::imported::{Gathered, Imported, Lab, Sign};
use crate::terms::{DCM_QUANTITIES, System, Term, Terms};

pub(crate) fn bundle(json: &Value, knowledge: &Knowledge) -> Result<Imported, ImportError> {
    let entries = json["entry"].as_array().map_or(&[][..], Vec::as_slice);
    let of = |kind: &str| entries.iter().filter(|entry| entry["resource"]["resourceType"] == kind).count();
    if of("Patient") > 1 {
        return Err(ImportError::SeveralPatients(of("Patient")));
    }
    let mut reader = Reader {
        knowledge,
        terms: Terms::new(knowledge),
        studies: studies(entries),
        latest: latest(entries),
        gathered: Gathered::default(),
    };
    for (at, entry) in entries.iter().enumerate() {
        let resource = &entry["resource"];
        let kind = resource["resourceType"].as_str().unwrap_or("resource without a type");
        let place = format!("entry {} ({kind})", at + 1);
        match kind {
            "Patient" => reader.patient(&place, resource),
            "Observation" => reader.observation(&place, resource),
            "Condition" => reader.condition(&place, resource),
            "Procedure" => reader.procedure(&place, resource),
            "ImagingStudy" => {
                // studies make examinations where an observation names them
                let used = reader.studies.iter().any(|study| study.at == at);
                if !used {
                    reader.gathered.miss(&place, "its modality is not one that cases have");
                }
            }
            "RiskAssessment" | "DiagnosticReport" => {
                reader.gathered.miss(&place, "conclusions of others are not facts of a case");
            }
            // what made the bundle says nothing of the patient
            "Device" => {}
            _ => reader.gathered.miss(&place, "resources of this kind are not read"),
        }
    }
    Ok(reader.gathered.finish())
}

/// An imaging study of the bundle.
struct Study {
    at: usize,
    /// Ways in which references name it.
    names: Vec<String>,
    modality: String,
}

struct Reader<'k> {
    knowledge: &'k Knowledge,
    terms: Terms,
    studies: Vec<Study>,
    /// The latest date that an observation, procedure or study gives, for the age: YYYY-MM-DD.
    latest: Option<String>,
    gathered: Gathered,
}

/// What the codings of a concept come to.
enum Meaning {
    Terms(Vec<Term>),
    /// Codes and text, in words.
    Nothing(String),
}

impl Reader<'_> {
    fn patient(&mut self, place: &str, patient: &Value) {
        match patient["gender"].as_str() {
            Some("female") => self.gathered.sex = Some("female"),
            Some("male") => self.gathered.sex = Some("male"),
            Some(other) => {
                self.gathered.miss(place, format!("gender `{other}` is not a sex that the model knows"));
            }
            None => {}
        }
        let Some(born) = patient["birthDate"].as_str() else { return };
        match self.latest.as_deref().and_then(|day| years_between(born, day)) {
            Some(years) => self.gathered.age_years = self.gathered.age_years.or(Some(years)),
            None if self.gathered.age_years.is_none() => {
                self.gathered
                    .miss(place, "birthDate: the age cannot be told, nothing else in the bundle has a date");
            }
            None => {}
        }
    }

    fn observation(&mut self, place: &str, observation: &Value) {
        if matches!(observation["status"].as_str(), Some("entered-in-error" | "cancelled")) {
            return self.gathered.miss(place, "its status says that it does not hold");
        }
        let code = &observation["code"];
        if codings(code).any(|(system, code)| system == Some(System::Loinc) && code == "30525-0") {
            return match observation["valueQuantity"]["value"].as_f64() {
                Some(age) if matches!(observation["valueQuantity"]["code"].as_str(), Some("a") | None) => {
                    self.gathered.age_years = Some(age);
                }
                _ => self.gathered.miss(place, "an age that is not in years"),
            };
        }
        let examination = self.examination(observation);
        let is_site =
            codings(code).any(|(system, code)| system == Some(System::Snomed) && code == "363698007");
        if is_site {
            return self.site(place, observation, examination);
        }
        if let Some((quantity, ..)) =
            DCM_QUANTITIES.iter().find(|row| dcm_codes(code).any(|code| code == row.1))
        {
            return self.quantity(place, quantity, observation, examination);
        }
        match self.meaning(code) {
            Meaning::Nothing(told) => self.gathered.miss(place, told),
            Meaning::Terms(terms) => match terms.as_slice() {
                [Term::Analyte(id)] => self.laboratory(place, id, observation),
                [Term::Quantity(id)] => self.quantity(place, id, observation, examination),
                [Term::Finding(id)] => match self.sign_of(observation) {
                    Ok(sign) => self.finding(place, id, sign, examination.as_ref()),
                    Err(why) => self.gathered.miss(place, format!("`{id}`: {why}")),
                },
                [term] => {
                    let told = format!("`{}` is not something that is observed", term.id());
                    self.gathered.miss(place, told);
                }
                several => {
                    let ids = several.iter().map(Term::id).collect::<Vec<_>>().join(", ");
                    self.gathered.miss(place, format!("its codes may mean {ids}: it is not told which"));
                }
            },
        }
    }

    fn finding(&mut self, place: &str, id: &str, sign: Sign, examination: Option<&(String, String)>) {
        let examination = examination.map(|(key, modality)| (key.as_str(), modality.as_str()));
        self.gathered.finding(place, id, sign, examination, self.knowledge);
    }

    /// Whether an observation of a finding says that it is there.
    fn sign_of(&self, observation: &Value) -> Result<Sign, &'static str> {
        if let Some(there) = observation["valueBoolean"].as_bool() {
            return Ok(if there { Sign::Present } else { Sign::Absent });
        }
        let value = &observation["valueCodeableConcept"];
        if value.is_null() {
            let has_value = observation
                .as_object()
                .is_some_and(|fields| fields.keys().any(|key| key.starts_with("value")));
            return match (has_value, observation.get("dataAbsentReason")) {
                (false, None) => Ok(Sign::Present),
                (false, Some(_)) => Err("it was not told whether it is there"),
                (true, _) => Err("its value is neither present nor absent"),
            };
        }
        for (system, code) in codings(value) {
            let sign = match (system, code) {
                (Some(System::Snomed), "52101004" | "10828004" | "373066001") | (None, "POS" | "Y") => {
                    Sign::Present
                }
                (Some(System::Snomed), "272519000" | "2667000" | "410516002" | "260385009" | "373067005")
                | (None, "NEG" | "N") => Sign::Absent,
                (Some(System::Snomed), "415684004") | (Some(System::Own), "assertion.suggested") => {
                    Sign::Suggested
                }
                (Some(System::Own), "assertion.measured") => {
                    return Err("measured probabilities come from images: name the study in the case");
                }
                _ => continue,
            };
            return Ok(sign);
        }
        Err("its value is neither present nor absent")
    }

    fn site(&mut self, place: &str, observation: &Value, examination: Option<(String, String)>) {
        let Some((key, modality)) = examination else {
            return self.gathered.miss(place, "a site without the imaging study that showed it");
        };
        match self.meaning(&observation["valueCodeableConcept"]) {
            Meaning::Terms(terms) => match terms.as_slice() {
                [Term::Site(id)] => {
                    let sites = &mut self.gathered.examination(&key, &modality).sites;
                    if !sites.contains(id) {
                        sites.push(id.clone());
                    }
                }
                _ => self.gathered.miss(place, "its value is not one site"),
            },
            Meaning::Nothing(told) => self.gathered.miss(place, told),
        }
    }

    fn quantity(
        &mut self,
        place: &str,
        id: &str,
        observation: &Value,
        examination: Option<(String, String)>,
    ) {
        let Some((key, modality)) = examination else {
            return self.gathered.miss(place, format!("`{id}` without the imaging study it was measured on"));
        };
        let unit = self.knowledge.findings.quantities.get(id).map(|quantity| quantity.unit.as_str());
        let quantity = &observation["valueQuantity"];
        match (quantity["value"].as_f64(), quantity["code"].as_str()) {
            (Some(value), code) if code.is_none() || code == unit => {
                self.gathered.examination(&key, &modality).quantities.insert(id.to_owned(), value);
            }
            (Some(_), Some(code)) => {
                self.gathered.miss(place, format!("`{id}` in {code}, and not in {}", unit.unwrap_or("1")));
            }
            _ => self.gathered.miss(place, format!("`{id}` without a number")),
        }
    }

    fn laboratory(&mut self, place: &str, id: &str, observation: &Value) {
        let taken = observation["effectiveDateTime"].as_str().unwrap_or_default().to_owned();
        let quantity = &observation["valueQuantity"];
        let mut interval = None;
        let value = if let Some(value) = quantity["value"].as_f64() {
            let unit = quantity["code"].as_str().or(quantity["unit"].as_str()).unwrap_or_default();
            let comparator = match quantity["comparator"].as_str() {
                None => "",
                Some(sign @ ("<" | ">" | "<=" | ">=")) => sign,
                Some(other) => {
                    return self
                        .gathered
                        .miss(place, format!("`{id}`: comparator `{other}` is not understood"));
                }
            };
            interval = reference_range(observation, unit);
            let space = if comparator.is_empty() { "" } else { " " };
            format!("{comparator}{space}{value} {unit}").trim_end().to_owned()
        } else if let Some(word) = self.word_of(id, observation) {
            word.to_owned()
        } else {
            return self.gathered.miss(place, format!("`{id}`: neither a number nor a level is told"));
        };
        self.gathered.lab(place, id, Lab { value, interval, taken });
    }

    /// A result without a number, in the words of the case format.
    fn word_of(&self, id: &str, observation: &Value) -> Option<&'static str> {
        let binary = self.knowledge.analytes.analytes.get(id)?.kind == AnalyteKind::Binary;
        let interpretations = observation["interpretation"].as_array().map_or(&[][..], Vec::as_slice);
        let concepts = interpretations.iter().chain(std::iter::once(&observation["valueCodeableConcept"]));
        let codes = concepts.flat_map(codings).collect::<Vec<_>>();
        codes.iter().find_map(|(system, code)| {
            Some(match (system, *code, binary) {
                (None, "LL", false) => "very_low",
                (None, "L", false) | (Some(System::Snomed), "62482003", false) => "low",
                (None, "N", false) | (Some(System::Snomed), "17621005", false) => "normal",
                (None, "H", false) | (Some(System::Snomed), "75540009", false) => "high",
                (None, "HH", false) => "very_high",
                (None, "POS", true) | (Some(System::Snomed), "10828004" | "52101004", true) => "positive",
                (None, "NEG", true) | (Some(System::Snomed), "260385009" | "272519000" | "2667000", true) => {
                    "negative"
                }
                _ => return None,
            })
        })
    }

    fn condition(&mut self, place: &str, condition: &Value) {
        let status = |key: &str| {
            let concept = &condition[key];
            codes(concept).next().map(|(_, code)| code.to_owned())
        };
        let verification = status("verificationStatus");
        let sign = match verification.as_deref() {
            Some("refuted") => Sign::Absent,
            Some("unconfirmed" | "provisional" | "differential") => Sign::Suggested,
            Some("entered-in-error") => {
                return self.gathered.miss(place, "its status says that it does not hold");
            }
            _ => Sign::Present,
        };
        match self.meaning(&condition["code"]) {
            Meaning::Nothing(told) => self.gathered.miss(place, told),
            Meaning::Terms(terms) => match terms.as_slice() {
                [Term::Finding(id)] => {
                    if let Some(status @ ("inactive" | "remission" | "resolved")) =
                        status("clinicalStatus").as_deref()
                    {
                        self.gathered
                            .miss(place, format!("`{id}` is taken as present, though it is {status}"));
                    }
                    self.finding(place, id, sign, None);
                }
                [Term::Diagnosis(id)] if sign == Sign::Present => match &self.gathered.diagnosis {
                    Some(known) if known != id => {
                        let told = format!("`{id}`: the case has its proven diagnosis already");
                        self.gathered.miss(place, told);
                    }
                    _ => self.gathered.diagnosis = Some(id.clone()),
                },
                [term] => {
                    let told = format!("`{}` is not a condition of a case", term.id());
                    self.gathered.miss(place, told);
                }
                several => {
                    let ids = several.iter().map(Term::id).collect::<Vec<_>>().join(", ");
                    self.gathered.miss(place, format!("its codes may mean {ids}: it is not told which"));
                }
            },
        }
    }

    fn procedure(&mut self, place: &str, procedure: &Value) {
        let sign = match procedure["status"].as_str() {
            Some("not-done") => Sign::Absent,
            Some("entered-in-error" | "preparation") => {
                return self.gathered.miss(place, "its status says that it was not done");
            }
            _ => Sign::Present,
        };
        match self.meaning(&procedure["code"]) {
            Meaning::Nothing(told) => self.gathered.miss(place, told),
            Meaning::Terms(terms) => match terms.as_slice() {
                [Term::Finding(id)] => self.finding(place, id, sign, None),
                _ => self.gathered.miss(place, "its code means nothing that a case says of the history"),
            },
        }
    }

    /// The imaging study an observation was made on: by reference, or by its method.
    fn examination(&self, observation: &Value) -> Option<(String, String)> {
        let derived = observation["derivedFrom"].as_array().map_or(&[][..], Vec::as_slice);
        for reference in derived.iter().filter_map(|reference| reference["reference"].as_str()) {
            if let Some(study) =
                self.studies.iter().find(|study| study.names.iter().any(|name| name == reference))
            {
                return Some((format!("study {}", study.at), study.modality.clone()));
            }
        }
        let modality = dcm_codes(&observation["method"]).find_map(modality_of)?;
        Some((format!("modality {modality}"), modality.to_owned()))
    }

    /// The terms that a concept means: what its exact codes agree on.
    fn meaning(&self, concept: &Value) -> Meaning {
        let mut found: Option<Vec<Term>> = None;
        let mut told = Vec::new();
        let mut loose = Vec::new();
        for coding in concept["coding"].as_array().map_or(&[][..], Vec::as_slice) {
            let system = coding["system"].as_str().and_then(System::of);
            let code = coding["code"].as_str().unwrap_or_default();
            told.push(format!("{} {code}", coding["system"].as_str().unwrap_or("no system")));
            let Some(system) = system else { continue };
            let terms = self.terms.of(system, code);
            if terms.is_empty() {
                continue;
            }
            if !system.is_exact() {
                loose.push(format!(
                    "{code} covers {}",
                    terms.iter().map(Term::id).collect::<Vec<_>>().join(", ")
                ));
                continue;
            }
            found = Some(match found {
                None => terms.to_vec(),
                Some(known) => {
                    let both = known.iter().filter(|term| terms.contains(term)).cloned().collect::<Vec<_>>();
                    if both.is_empty() { known } else { both }
                }
            });
        }
        match found {
            Some(terms) => Meaning::Terms(terms),
            None if !loose.is_empty() => {
                Meaning::Nothing(format!("{}: too wide to be one of them", loose.join("; ")))
            }
            None if told.is_empty() => Meaning::Nothing("it has no code".to_owned()),
            None => Meaning::Nothing(format!("no code of it is known ({})", told.join(", "))),
        }
    }
}

/// Codes of a concept with their systems; none for a system that no term is coded in.
fn codings(concept: &Value) -> impl Iterator<Item = (Option<System>, &str)> {
    codes(concept).map(|(system, code)| (system.and_then(System::of), code))
}

fn codes(concept: &Value) -> impl Iterator<Item = (Option<&str>, &str)> {
    let codings = concept["coding"].as_array().map_or(&[][..], Vec::as_slice);
    codings.iter().filter_map(|coding| Some((coding["system"].as_str(), coding["code"].as_str()?)))
}

fn dcm_codes(concept: &Value) -> impl Iterator<Item = &str> {
    let is_dcm = |system: Option<&str>| {
        matches!(
            system,
            Some("http://dicom.nema.org/resources/ontology/DCM" | "urn:oid:1.2.840.10008.2.16.4")
        )
    };
    codes(concept).filter(move |(system, _)| is_dcm(*system)).map(|(_, code)| code)
}

/// The modality of the case format that a modality of DICOM is.
fn modality_of(code: &str) -> Option<&'static str> {
    Some(match code {
        "XR" | "CR" | "DX" | "RG" | "RF" => "XR",
        "CT" => "CT",
        "MR" => "MR",
        "US" => "US",
        "NM" | "PT" => "NM",
        _ => return None,
    })
}

fn studies(entries: &[Value]) -> Vec<Study> {
    let mut studies = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let resource = &entry["resource"];
        if resource["resourceType"] != "ImagingStudy" {
            continue;
        }
        let modalities = resource["modality"].as_array().map_or(&[][..], Vec::as_slice);
        let modality = modalities.iter().filter_map(|coding| coding["code"].as_str()).find_map(modality_of);
        let Some(modality) = modality else { continue };
        let mut names = entry["fullUrl"].as_str().map(str::to_owned).into_iter().collect::<Vec<_>>();
        names.extend(resource["id"].as_str().map(|id| format!("ImagingStudy/{id}")));
        studies.push(Study { at, names, modality: modality.to_owned() });
    }
    studies
}

/// The latest day that anything of the bundle bears.
fn latest(entries: &[Value]) -> Option<String> {
    const KEYS: [&str; 5] = ["effectiveDateTime", "started", "performedDateTime", "recordedDate", "issued"];
    let days = entries.iter().flat_map(|entry| KEYS.iter().filter_map(|key| entry["resource"][key].as_str()));
    days.filter_map(|text| text.get(..10)).filter(|day| parts(day).is_some()).max().map(str::to_owned)
}

fn parts(day: &str) -> Option<[f64; 3]> {
    let mut parts = day.split('-').map(|part| part.parse::<u16>().ok().map(f64::from));
    let date = [parts.next()??, parts.next().unwrap_or(Some(7.0))?, parts.next().unwrap_or(Some(1.0))?];
    ((1.0..=12.0).contains(&date[1]) && (1.0..=31.0).contains(&date[2])).then_some(date)
}

/// Whole years from a birth date to a day; of a child under two in hundredths.
fn years_between(born: &str, day: &str) -> Option<f64> {
    let (born, day) = (parts(born)?, parts(day)?);
    let years = day[0] - born[0] + (day[1] - born[1]) / 12.0 + (day[2] - born[2]) / 365.25;
    let whole = day[0] - born[0] - f64::from(u8::from((day[1], day[2]) < (born[1], born[2])));
    (years >= 0.0).then(|| if years < 2.0 { (years * 100.0).round() / 100.0 } else { whole })
}

/// The laboratory's own interval: "15 - 65 pg/mL".
fn reference_range(observation: &Value, unit: &str) -> Option<String> {
    let range = observation["referenceRange"].as_array()?.iter().find(|range| {
        let kind = &range["type"];
        kind.is_null() || codes(kind).any(|(_, code)| code == "normal")
    })?;
    let limit = |key: &str| {
        let quantity = &range[key];
        let own = quantity["code"].as_str().or(quantity["unit"].as_str()).unwrap_or(unit);
        quantity["value"].as_f64().filter(|_| own == unit)
    };
    match (limit("low"), limit("high")) {
        (Some(low), Some(high)) => Some(format!("{low} - {high} {unit}")),
        (None, Some(high)) if range.get("low").is_none() => Some(format!("0 - {high} {unit}")),
        _ => None,
    }
}
