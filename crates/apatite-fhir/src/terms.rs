/*! Terms of the vocabulary and their codes, both ways. */

use std::collections::BTreeMap;

use apatite_knowledge::{Codes, Knowledge};

/// A code system that codes are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum System {
    Snomed,
    Loinc,
    Hpo,
    Icd10,
    Omim,
    Orpha,
    Mondo,
    Oifm,
    /// The vocabulary itself.
    Own,
}

/// URI in FHIR, prefix in phenopackets, key in the knowledge. OIFM has no registered URI.
const SYSTEMS: [(System, &str, &str, &str); 9] = [
    (System::Snomed, "http://snomed.info/sct", "SCTID", "snomed"),
    (System::Loinc, "http://loinc.org", "LOINC", "loinc"),
    (System::Hpo, "http://human-phenotype-ontology.org", "HP", "hpo"),
    (System::Icd10, "http://hl7.org/fhir/sid/icd-10", "ICD10", "icd10"),
    (System::Omim, "http://www.omim.org", "OMIM", "omim"),
    (System::Orpha, "http://www.orpha.net", "ORPHA", "orpha"),
    (System::Mondo, "http://purl.obolibrary.org/obo/mondo.owl", "MONDO", "mondo"),
    (System::Oifm, "urn:apatite:oifm", "OIFM", "oifm"),
    (System::Own, "urn:apatite:vocabulary", "apatite", ""),
];

/// Other names of systems, as bundles and phenopackets have them.
const ALIASES: [(&str, System); 14] = [
    ("urn:oid:2.16.840.1.113883.6.96", System::Snomed),
    ("SCT", System::Snomed),
    ("SNOMED", System::Snomed),
    ("SNOMEDCT", System::Snomed),
    ("urn:oid:2.16.840.1.113883.6.1", System::Loinc),
    ("LNC", System::Loinc),
    ("http://purl.obolibrary.org/obo/hp.owl", System::Hpo),
    ("http://purl.obolibrary.org/obo/hp.fhir", System::Hpo),
    ("http://hl7.org/fhir/sid/icd-10-cm", System::Icd10),
    ("ICD10CM", System::Icd10),
    ("urn:oid:2.16.840.1.113883.6.174", System::Omim),
    ("https://omim.org", System::Omim),
    ("Orphanet", System::Orpha),
    ("http://purl.obolibrary.org/obo/mondo.fhir", System::Mondo),
];

impl System {
    pub(crate) fn uri(self) -> &'static str {
        SYSTEMS.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    pub(crate) fn prefix(self) -> &'static str {
        SYSTEMS.iter().find(|row| row.0 == self).map_or("", |row| row.2)
    }

    /// The system of a URI or a prefix.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = name.trim_end_matches('/');
        let known =
            SYSTEMS.iter().find(|row| row.1 == name || row.2.eq_ignore_ascii_case(name)).map(|row| row.0);
        known.or_else(|| {
            ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map(|(_, system)| *system)
        })
    }

    fn of_key(key: &str) -> Option<Self> {
        SYSTEMS.iter().find(|row| !row.3.is_empty() && row.3 == key).map(|row| row.0)
    }

    /// Whether a code of the system means one thing and no more: a class of a statistical classification covers many.
    pub(crate) fn is_exact(self) -> bool {
        self != Self::Icd10
    }
}

/// A term of the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Term {
    Finding(String),
    Analyte(String),
    Site(String),
    Quantity(String),
    Diagnosis(String),
}

impl Term {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Finding(id)
            | Self::Analyte(id)
            | Self::Site(id)
            | Self::Quantity(id)
            | Self::Diagnosis(id) => id,
        }
    }

    /// The code of the term in the vocabulary's own system: ids of different kinds may be alike.
    pub(crate) fn own(&self) -> String {
        let kind = match self {
            Self::Finding(_) => "finding",
            Self::Analyte(_) => "analyte",
            Self::Site(_) => "site",
            Self::Quantity(_) => "quantity",
            Self::Diagnosis(_) => "diagnosis",
        };
        format!("{kind}.{}", self.id())
    }
}

/// Quantities that DICOM has a code for (PS3.16 annex D).
pub(crate) const DCM_QUANTITIES: [(&str, &str, &str); 2] = [
    ("attenuation_hu", "112181", "Mean Attenuation Coefficient"),
    ("attenuation_max_hu", "112180", "Maximum Attenuation Coefficient"),
];

/// Codes of the knowledge, by code.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    by_code: BTreeMap<(System, String), Vec<Term>>,
}

impl Terms {
    pub(crate) fn new(knowledge: &Knowledge) -> Self {
        let mut terms = Self { by_code: BTreeMap::new() };
        for (id, finding) in &knowledge.findings.findings {
            terms.add(&Term::Finding(id.clone()), Some(&finding.codes));
        }
        for (id, site) in &knowledge.findings.sites {
            terms.add(&Term::Site(id.clone()), Some(&site.codes));
        }
        for id in knowledge.findings.quantities.keys() {
            terms.add(&Term::Quantity(id.clone()), None);
        }
        for (id, analyte) in &knowledge.analytes.analytes {
            let term = Term::Analyte(id.clone());
            terms.add(&term, Some(&analyte.codes));
            for code in analyte.loinc.values() {
                terms.insert(System::Loinc, code, &term);
            }
        }
        for diagnosis in &knowledge.diagnoses {
            terms.add(&Term::Diagnosis(diagnosis.id.clone()), Some(&diagnosis.codes));
        }
        terms
    }

    fn add(&mut self, term: &Term, codes: Option<&Codes>) {
        self.insert(System::Own, &term.own(), term);
        for (key, codes) in codes.iter().flat_map(|codes| &codes.0) {
            if let Some(system) = System::of_key(key) {
                for code in codes.as_slice() {
                    self.insert(system, code, term);
                }
            }
        }
    }

    fn insert(&mut self, system: System, code: &str, term: &Term) {
        let terms = self.by_code.entry((system, code.to_owned())).or_default();
        if !terms.contains(term) {
            terms.push(term.clone());
        }
    }

    /// Everything that a code may mean.
    pub(crate) fn of(&self, system: System, code: &str) -> &[Term] {
        self.by_code.get(&(system, code.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// The codes of a term: those of common terminologies where each system has exactly one, then its own. Two codes of
/// one system are two things, of which it is not said which.
pub(crate) fn codes_of(term: &Term, knowledge: &Knowledge) -> Vec<(System, String)> {
    let codes = match term {
        Term::Finding(id) => knowledge.findings.findings.get(id).map(|finding| &finding.codes),
        Term::Site(id) => knowledge.findings.sites.get(id).map(|site| &site.codes),
        Term::Analyte(id) => knowledge.analytes.analytes.get(id).map(|analyte| &analyte.codes),
        Term::Diagnosis(id) => knowledge.diagnosis(id).map(|diagnosis| &diagnosis.codes),
        Term::Quantity(_) => None,
    };
    let mut found = Vec::new();
    for (key, codes) in codes.iter().flat_map(|codes| &codes.0) {
        if let (Some(system), [code]) = (System::of_key(key), codes.as_slice()) {
            found.push((system, code.clone()));
        }
    }
    found.push((System::Own, term.own()));
    found
}
