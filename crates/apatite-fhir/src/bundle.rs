/*! A case and its answer as a bundle of FHIR R4 resources. */

use std::collections::BTreeSet;

use apatite_case::{Assertion, Bound, HISTORY, Lab, Level, Observation as Seen, Sex};
use apatite_lesion::Lesion;
use apatite_reason::Differential;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::resources::{
    Annotation, Bundle, CATEGORY, Coding, Component, Concept, DCM, Device, DeviceName, DiagnosticReport,
    Entry, IBSI, INTERPRETATION, Identifier, ImagingStudy, Measure, Observation, Patient, Prediction,
    Quantity, Range, Reference, Resource, RiskAssessment, Series, Version,
};
use crate::results::{Sign, result};
use crate::terms::{DCM_QUANTITIES, System, Term, codes_of};
use crate::{Document, Input, Study};

/// Writes a case as a bundle of type `collection`: Patient, Device, one ImagingStudy an examination, Observations,
/// and, where the case was answered, RiskAssessment and DiagnosticReport, both preliminary. References are `urn:uuid:` of the
/// same bundle and made from the content: the same case gives the same bundle.
#[must_use]
pub fn bundle(input: &Input<'_>) -> Document {
    let digest = Sha256::digest(format!("{:?} {}", input.case, input.version).as_bytes());
    let key = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut maker = Maker { input, key, entries: Vec::new(), uncoded: BTreeSet::new() };
    maker.all();
    let bundle = Bundle {
        resource_type: "Bundle",
        identifier: Identifier { system: "urn:ietf:rfc:3986", value: maker.url("bundle") },
        r#type: "collection",
        entry: maker.entries,
    };
    let mut left_out = Vec::new();
    if input.case.title.is_some() || input.case.source.is_some() {
        left_out.push("title and source of the case".to_owned());
    }
    if input.case.expected.is_some() {
        left_out.push("the proven diagnosis of the case".to_owned());
    }
    Document { json: json!(bundle), uncoded: maker.uncoded.into_iter().collect(), left_out }
}

struct Maker<'i> {
    input: &'i Input<'i>,
    key: String,
    entries: Vec<Entry>,
    uncoded: BTreeSet<String>,
}

const ABSENT: (&str, &str) = ("272519000", "Absent");
const PRESENT: (&str, &str) = ("52101004", "Present");

impl Maker<'_> {
    fn all(&mut self) {
        let case = self.input.case;
        let gender = case.sex.map(Sex::word);
        let patient = self.add("patient", Resource::Patient(Patient { gender }));
        let device = self.add("device", Resource::Device(self.device()));
        let studies = (0..case.examinations.len())
            .map(|at| {
                let study = self.imaging_study(at, &patient);
                self.add(&format!("study {at}"), Resource::ImagingStudy(study))
            })
            .collect::<Vec<_>>();
        let mut facts = Vec::new();
        if let Some(age) = case.age_years {
            let mut observation =
                self.observation("exam", Concept::one("http://loinc.org", "30525-0", "Age"), &patient);
            observation.value = Some(Measure::Quantity(Quantity::new(age, "a")));
            facts.push(self.add("age", Resource::Observation(Box::new(observation))));
        }
        for (at, lab) in case.labs.iter().enumerate() {
            let observation = self.laboratory(lab, &patient);
            facts.push(self.add(&format!("laboratory {at}"), Resource::Observation(Box::new(observation))));
        }
        for (at, seen) in case.observations.iter().enumerate() {
            let observation = self.finding(seen, &patient, &device, &studies);
            facts.push(self.add(&format!("finding {at}"), Resource::Observation(Box::new(observation))));
        }
        for (at, examination) in case.examinations.iter().enumerate() {
            for site in &examination.sites {
                let name = Concept::one(System::Snomed.uri(), "363698007", "Finding site");
                let mut observation = self.observation("imaging", name, &patient);
                observation.value = Some(Measure::Concept(self.concept(&Term::Site(site.clone()))));
                self.seen_by(&mut observation, at, &studies);
                facts.push(
                    self.add(&format!("site {at} {site}"), Resource::Observation(Box::new(observation))),
                );
            }
            for (quantity, value) in &examination.quantities {
                let mut observation = self.quantity(quantity, *value, &patient);
                self.seen_by(&mut observation, at, &studies);
                facts.push(
                    self.add(
                        &format!("quantity {at} {quantity}"),
                        Resource::Observation(Box::new(observation)),
                    ),
                );
            }
        }
        let mut results = facts.clone();
        for study in self.input.studies {
            for lesion in &study.analysis.lesions {
                let mut observation = self.lesion(lesion, &patient);
                observation.device = Some(device.clone());
                self.seen_by(&mut observation, study.examination, &studies);
                let role = format!("lesion {} {}", study.examination, lesion.id);
                results.push(self.add(&role, Resource::Observation(Box::new(observation))));
            }
        }
        if let Some(differential) = self.input.differential {
            let risk = self.risk(differential, &patient, &device, facts);
            self.add("risk", Resource::RiskAssessment(risk));
            let report = self.report(differential, &patient, results, studies);
            self.add("report", Resource::DiagnosticReport(report));
        }
    }

    fn url(&self, role: &str) -> String {
        let digest = Sha256::digest(format!("{} {role}", self.key).as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        // version 8, made by a rule of one's own, and variant (RFC 9562)
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    fn add(&mut self, role: &str, resource: Resource) -> Reference {
        let full_url = self.url(role);
        self.entries.push(Entry { full_url: full_url.clone(), resource });
        Reference { reference: full_url }
    }

    fn device(&self) -> Device {
        let version = |kind: &str, value: String| Version { r#type: Concept::text(kind), value };
        let knowledge = self.input.words.knowledge;
        Device {
            manufacturer: "Apatite",
            device_name: vec![DeviceName { name: "Apatite", r#type: "model-name" }],
            version: vec![
                version("program", self.input.version.to_owned()),
                version("knowledge", format!("{} sha256:{}", knowledge.version, knowledge.hash)),
            ],
            note: vec![Annotation { text: self.input.words.text("intended-use", &[]) }],
        }
    }

    fn imaging_study(&self, at: usize, patient: &Reference) -> ImagingStudy {
        let modality = &self.input.case.examinations[at].modality;
        let coding = || Coding { system: DCM, code: modality.clone(), display: None };
        let measured = self.input.studies.iter().find(|study| study.examination == at);
        let origin = measured.and_then(|study: &Study<'_>| study.origin);
        let identifier = origin.filter(|origin| !origin.study_uid.is_empty()).map(|origin| Identifier {
            system: "urn:dicom:uid",
            value: format!("urn:oid:{}", origin.study_uid),
        });
        let series = origin.filter(|origin| !origin.series_uid.is_empty()).map(|origin| Series {
            uid: origin.series_uid.clone(),
            modality: coding(),
            number_of_instances: origin
                .images
                .iter()
                .map(|image| &image.instance_uid)
                .collect::<BTreeSet<_>>()
                .len(),
        });
        ImagingStudy {
            identifier: identifier.into_iter().collect(),
            status: "available",
            modality: vec![coding()],
            subject: patient.clone(),
            number_of_series: series.as_ref().map(|_| 1),
            series: series.into_iter().collect(),
        }
    }

    fn observation(&self, category: &str, code: Concept, patient: &Reference) -> Observation {
        Observation {
            status: "preliminary",
            category: vec![Concept::one(CATEGORY, category, "")],
            code,
            subject: patient.clone(),
            value: None,
            interpretation: Vec::new(),
            note: Vec::new(),
            method: None,
            device: None,
            reference_range: Vec::new(),
            derived_from: Vec::new(),
            component: Vec::new(),
        }
    }

    /// Ties an observation to its examination.
    fn seen_by(&self, observation: &mut Observation, at: usize, studies: &[Reference]) {
        let modality = self.input.case.examinations.get(at).map(|examination| examination.modality.as_str());
        observation.method =
            modality.map(|modality| Concept::one(DCM, modality, self.input.words.modality(modality)));
        observation.derived_from.extend(studies.get(at).cloned());
    }

    fn finding(
        &mut self,
        seen: &Seen,
        patient: &Reference,
        device: &Reference,
        studies: &[Reference],
    ) -> Observation {
        let category = if seen.modality == HISTORY { "exam" } else { "imaging" };
        let code = self.concept(&Term::Finding(seen.finding.clone()));
        let mut observation = self.observation(category, code, patient);
        let told = |(code, display): (&str, &str)| Concept::one(System::Snomed.uri(), code, display);
        let value = match seen.assertion {
            Assertion::Present => told(PRESENT),
            Assertion::Absent => told(ABSENT),
            Assertion::Suggested => Concept::one(System::Own.uri(), "assertion.suggested", "suggested"),
            Assertion::Measured { permille } => {
                let code = Concept::one(DCM, "122157", "Probability");
                let value = Measure::Quantity(Quantity::new(f64::from(permille) / 1000.0, "1"));
                observation.component.push(Component { code, value });
                observation.device = Some(device.clone());
                Concept::one(System::Own.uri(), "assertion.measured", "measured")
            }
        };
        observation.value = Some(Measure::Concept(value));
        if let Some(at) = seen.examination {
            self.seen_by(&mut observation, at, studies);
        }
        observation
    }

    fn quantity(&mut self, id: &str, value: f64, patient: &Reference) -> Observation {
        let quantities = &self.input.words.knowledge.findings.quantities;
        let unit = quantities.get(id).map_or("1", |quantity| quantity.unit.as_str());
        let mut code = self.concept(&Term::Quantity(id.to_owned()));
        if let Some((_, value, display)) = DCM_QUANTITIES.iter().find(|row| row.0 == id) {
            code.coding.splice(0..0, Concept::one(DCM, value, display).coding);
            self.uncoded.remove(&Term::Quantity(id.to_owned()).own());
        }
        let mut observation = self.observation("imaging", code, patient);
        observation.value = Some(Measure::Quantity(Quantity::new(value, unit)));
        observation
    }

    fn laboratory(&mut self, lab: &Lab, patient: &Reference) -> Observation {
        let knowledge = self.input.words.knowledge;
        let result = result(lab, knowledge);
        let term = Term::Analyte(lab.analyte.clone());
        let mut code = self.concept(&term);
        if let Some(loinc) = &result.loinc {
            code.coding.insert(0, Coding { system: System::Loinc.uri(), code: loinc.clone(), display: None });
            self.uncoded.remove(&term.own());
        }
        let mut observation = self.observation("laboratory", code, patient);
        if let Some(number) = &result.number {
            let mut quantity = Quantity::new(number.value, &number.unit);
            quantity.comparator = match number.bound {
                Bound::Exact => None,
                Bound::Below => Some("<"),
                Bound::Above => Some(">"),
            };
            observation.value = Some(Measure::Quantity(quantity));
            if let Some([low, high]) = number.own_interval {
                let low = (low > 0.0).then(|| Quantity::new(low, &number.unit));
                observation
                    .reference_range
                    .push(Range { low, high: Some(Quantity::new(high, &number.unit)) });
            }
        } else {
            observation.value = Some(Measure::Concept(Concept::text(lab.said.clone())));
        }
        if let Some(sign) = result.sign {
            let (code, display) = match sign {
                Sign::Level(Level::VeryLow) => ("LL", "Critical low"),
                Sign::Level(Level::Low) => ("L", "Low"),
                Sign::Level(Level::Normal) => ("N", "Normal"),
                Sign::Level(Level::High) => ("H", "High"),
                Sign::Level(Level::VeryHigh) => ("HH", "Critical high"),
                Sign::Positive(true) => ("POS", "Positive"),
                Sign::Positive(false) => ("NEG", "Negative"),
            };
            observation.interpretation.push(Concept::one(INTERPRETATION, code, display));
            if result.number.is_none() {
                observation.value = Some(Measure::Concept(Concept {
                    text: Some(sign.word().to_owned()),
                    ..Concept::one(INTERPRETATION, code, display)
                }));
            }
        }
        observation
    }

    fn lesion(&self, lesion: &Lesion, patient: &Reference) -> Observation {
        let word = self.input.words.kind(lesion.kind);
        let mut code = Concept::one(System::Own.uri(), &format!("kind.{}", lesion.kind.id()), &word);
        let snomed = match lesion.kind {
            apatite_lesion::Kind::Calcification => Some(("18115005", "Pathologic calcification")),
            apatite_lesion::Kind::Vascular => Some(("237897009", "Vascular calcification")),
            _ => None,
        };
        if let Some((value, display)) = snomed {
            code.coding.splice(0..0, Concept::one(System::Snomed.uri(), value, display).coding);
        }
        let id = lesion.id.to_string();
        code.text = Some(self.input.words.text("exchange-lesion", &[("id", &id), ("kind", &word)]));
        let mut observation = self.observation("imaging", code, patient);
        observation.note.push(Annotation { text: self.input.words.measured(&lesion.decided_from) });
        let hu = "[hnsf'U]";
        let own = System::Own.uri();
        let mut component = |system, code: &str, display: &str, value: f64, unit: &str| {
            let code = Concept::one(system, code, display);
            let value = Measure::Quantity(Quantity::new(value, unit));
            observation.component.push(Component { code, value });
        };
        component(DCM, "122157", "Probability", lesion.probability, "1");
        component(IBSI, "YEKZ", "Volume from voxel summation", lesion.volume_mm3, "mm3");
        component(
            own,
            "lesion.volume_partial",
            "Volume corrected for partial volume",
            lesion.volume_partial_mm3,
            "mm3",
        );
        component(
            own,
            "lesion.volume_sd",
            "Standard deviation of the volume",
            lesion.volume_uncertainty_mm3,
            "mm3",
        );
        component(IBSI, "L0JK", "Maximum 3D diameter", lesion.diameter_mm, "mm");
        component(DCM, "112181", "Mean Attenuation Coefficient", lesion.mean_hu, hu);
        component(DCM, "112180", "Maximum Attenuation Coefficient", lesion.max_hu, hu);
        component(DCM, "112183", "Standard Deviation of Attenuation Coefficient", lesion.sd_hu, hu);
        for (axis, value) in ["x", "y", "z"].into_iter().zip(lesion.centre_mm) {
            component(own, &format!("lesion.centre_{axis}"), &format!("Centroid, {axis}, LPS"), value, "mm");
        }
        for finding in &lesion.findings {
            let mut code = self.codes(&Term::Finding(finding.id.clone()));
            code.text = Some(self.input.words.finding(&finding.id).to_owned());
            let value = Measure::Quantity(Quantity::new(finding.probability, "1"));
            observation.component.push(Component { code, value });
        }
        observation
    }

    fn risk(
        &mut self,
        differential: &Differential,
        patient: &Reference,
        device: &Reference,
        basis: Vec<Reference>,
    ) -> RiskAssessment {
        let words = self.input.words;
        let prediction = differential.differential.iter().map(|ranked| Prediction {
            outcome: self.concept(&Term::Diagnosis(ranked.diagnosis.clone())),
            probability_decimal: ranked.probability.clamp(0.0, 1.0),
            rationale: ranked.interval.map(|[low, high]| {
                words.text(
                    "exchange-interval",
                    &[("low", &words.percent(low)), ("high", &words.percent(high))],
                )
            }),
        });
        RiskAssessment {
            status: "preliminary",
            prediction: prediction.collect(),
            method: Concept::text(words.text("exchange-method", &[("setting", &differential.setting)])),
            subject: patient.clone(),
            performer: device.clone(),
            basis,
            note: vec![Annotation { text: words.text("intended-use", &[]) }],
        }
    }

    fn report(
        &self,
        differential: &Differential,
        patient: &Reference,
        result: Vec<Reference>,
        imaging_study: Vec<Reference>,
    ) -> DiagnosticReport {
        let words = self.input.words;
        let leader = differential.differential.first();
        let conclusion = leader.map(|leader| {
            let name = words.diagnosis(&leader.diagnosis);
            let conclusion = format!("{name}: {}", words.percent(leader.probability));
            format!("{conclusion}. {}", words.text("intended-use", &[]))
        });
        let mut code = Concept::one(System::Loinc.uri(), "18748-4", "Diagnostic imaging study");
        code.text = Some(words.text("exchange-report", &[]));
        DiagnosticReport {
            status: "preliminary",
            category: vec![Concept::one("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology")],
            code,
            subject: patient.clone(),
            result,
            imaging_study,
            conclusion,
            conclusion_code: leader
                .map(|leader| self.codes(&Term::Diagnosis(leader.diagnosis.clone())))
                .into_iter()
                .collect(),
        }
    }

    /// A term with all its codes; one that has none but its own is remembered.
    fn concept(&mut self, term: &Term) -> Concept {
        let concept = self.codes(term);
        if concept.coding.len() == 1 {
            self.uncoded.insert(term.own());
        }
        concept
    }

    fn codes(&self, term: &Term) -> Concept {
        let words = self.input.words;
        let text = match term {
            Term::Finding(id) => words.finding(id),
            Term::Analyte(id) => words.analyte(id),
            Term::Site(id) => words.site(id),
            Term::Diagnosis(id) => words.diagnosis(id),
            Term::Quantity(id) => {
                let quantity = words.knowledge.findings.quantities.get(id);
                quantity.map_or(id.as_str(), |quantity| quantity.names.get(words.language))
            }
        };
        let codes = codes_of(term, words.knowledge);
        let coding = codes
            .into_iter()
            .map(|(system, code)| Coding { system: system.uri(), code, display: None })
            .collect();
        Concept { coding, text: Some(text.to_owned()) }
    }
}
