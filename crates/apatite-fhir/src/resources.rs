/*! The resources of FHIR R4 (4.0.1) that a case becomes, as far as it fills them. */

use serde::Serialize;

pub(crate) const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
pub(crate) const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
pub(crate) const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
pub(crate) const UCUM: &str = "http://unitsofmeasure.org";
pub(crate) const IBSI: &str = "urn:apatite:ibsi";

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bundle {
    pub(crate) resource_type: &'static str,
    pub(crate) identifier: Identifier,
    pub(crate) r#type: &'static str,
    pub(crate) entry: Vec<Entry>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) full_url: String,
    pub(crate) resource: Resource,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "resourceType")]
pub(crate) enum Resource {
    Patient(Patient),
    Device(Device),
    ImagingStudy(ImagingStudy),
    Observation(Box<Observation>),
    RiskAssessment(RiskAssessment),
    DiagnosticReport(DiagnosticReport),
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Patient {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gender: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    pub(crate) manufacturer: &'static str,
    pub(crate) device_name: Vec<DeviceName>,
    pub(crate) version: Vec<Version>,
    pub(crate) note: Vec<Annotation>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeviceName {
    pub(crate) name: &'static str,
    pub(crate) r#type: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Version {
    pub(crate) r#type: Concept,
    pub(crate) value: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Annotation {
    pub(crate) text: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImagingStudy {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) identifier: Vec<Identifier>,
    pub(crate) status: &'static str,
    pub(crate) modality: Vec<Coding>,
    pub(crate) subject: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number_of_series: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) series: Vec<Series>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Series {
    pub(crate) uid: String,
    pub(crate) modality: Coding,
    pub(crate) number_of_instances: usize,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Observation {
    pub(crate) status: &'static str,
    pub(crate) category: Vec<Concept>,
    pub(crate) code: Concept,
    pub(crate) subject: Reference,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub(crate) value: Option<Measure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) interpretation: Vec<Concept>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) note: Vec<Annotation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<Concept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reference_range: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) derived_from: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) component: Vec<Component>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Component {
    pub(crate) code: Concept,
    #[serde(flatten)]
    pub(crate) value: Measure,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) enum Measure {
    #[serde(rename = "valueQuantity")]
    Quantity(Quantity),
    #[serde(rename = "valueCodeableConcept")]
    Concept(Concept),
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Range {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) low: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) high: Option<Quantity>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Quantity {
    pub(crate) value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comparator: Option<&'static str>,
    pub(crate) unit: String,
    pub(crate) system: &'static str,
    pub(crate) code: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct RiskAssessment {
    pub(crate) status: &'static str,
    pub(crate) method: Concept,
    pub(crate) subject: Reference,
    pub(crate) performer: Reference,
    pub(crate) basis: Vec<Reference>,
    pub(crate) prediction: Vec<Prediction>,
    pub(crate) note: Vec<Annotation>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Prediction {
    pub(crate) outcome: Concept,
    pub(crate) probability_decimal: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rationale: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiagnosticReport {
    pub(crate) status: &'static str,
    pub(crate) category: Vec<Concept>,
    pub(crate) code: Concept,
    pub(crate) subject: Reference,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) result: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) imaging_study: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conclusion: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conclusion_code: Vec<Concept>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Identifier {
    pub(crate) system: &'static str,
    pub(crate) value: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Concept {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) coding: Vec<Coding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Coding {
    pub(crate) system: &'static str,
    pub(crate) code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reference {
    pub(crate) reference: String,
}

impl Concept {
    pub(crate) fn one(system: &'static str, code: &str, display: &str) -> Self {
        let display = (!display.is_empty()).then(|| display.to_owned());
        Self { coding: vec![Coding { system, code: code.to_owned(), display }], text: None }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { coding: Vec::new(), text: Some(text.into()) }
    }
}

impl Quantity {
    pub(crate) fn new(value: f64, unit: &str) -> Self {
        Self { value, comparator: None, unit: unit.to_owned(), system: UCUM, code: unit.to_owned() }
    }
}
