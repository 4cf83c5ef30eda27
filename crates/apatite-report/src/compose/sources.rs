use apatite_knowledge::{AnalyteLevels, Diagnosis, Frequency, Reference};
use apatite_reason::{Fact, FactKind};
use apatite_text::{Words, citation};

use crate::report::{Source, Span};

/// What a number or a statement without a published source is marked by in the knowledge.
const JUDGEMENT: &str = "judgement";

/// The sources in the order in which they are cited.
pub(super) struct Sources<'w, 'k> {
    words: &'w Words<'k>,
    cited: Vec<String>,
}

impl<'w, 'k> Sources<'w, 'k> {
    pub(super) fn new(words: &'w Words<'k>) -> Self {
        Self { words, cited: Vec::new() }
    }

    /// The citation of some sources by their ids.
    pub(super) fn cite<S: AsRef<str>>(&mut self, ids: &[S]) -> Span {
        let mut numbers = Vec::new();
        let mut judgement = None;
        for id in ids.iter().map(AsRef::as_ref) {
            if id == JUDGEMENT {
                judgement = Some(self.words.text("card-judgement", &[]));
            } else if self.words.knowledge.bibliography.contains_key(id) {
                let position = self.cited.iter().position(|cited| cited == id).unwrap_or_else(|| {
                    self.cited.push(id.to_owned());
                    self.cited.len() - 1
                });
                if !numbers.contains(&(position + 1)) {
                    numbers.push(position + 1);
                }
            }
        }
        numbers.sort_unstable();
        Span::Cite { numbers, judgement }
    }

    /// What was cited so far.
    pub(super) fn list(&self) -> Vec<Source> {
        self.cited
            .iter()
            .enumerate()
            .filter_map(|(position, id)| {
                let reference = self.words.knowledge.bibliography.get(id)?;
                Some(Source { number: position + 1, citation: citation(reference), link: link(reference) })
            })
            .collect()
    }
}

/// Where a source is found: by its DOI, else in PubMed, else where it says.
fn link(reference: &Reference) -> Option<String> {
    let text = |key: &str| reference.fields.get(key)?.as_str().filter(|text| !text.is_empty());
    if let Some(doi) = text("DOI") {
        return Some(format!("https://doi.org/{doi}"));
    }
    if let Some(pmid) = text("PMID") {
        return Some(format!("https://pubmed.ncbi.nlm.nih.gov/{pmid}/"));
    }
    text("URL").filter(|url| url.starts_with("https://") || url.starts_with("http://")).map(str::to_owned)
}

/// Sources of the numbers by which a fact weighs on a diagnosis.
pub(super) fn sources_of(words: &Words<'_>, diagnosis: &Diagnosis, fact: &Fact) -> Vec<String> {
    let mut sources = Vec::new();
    match &fact.kind {
        FactKind::Age { .. } => sources.extend(diagnosis.age.sources.iter().cloned()),
        FactKind::Sex { .. } => sources.extend(diagnosis.sex.female.sources.iter().cloned()),
        FactKind::Sites { sites } => {
            sources.extend(sites.iter().filter_map(|site| diagnosis.sites.get(site)).flat_map(of));
        }
        FactKind::Quantity { quantity, .. } => {
            sources
                .extend(diagnosis.quantities.get(quantity).into_iter().flat_map(|own| own.sources.clone()));
        }
        FactKind::Findings { said, .. } => {
            for said in said {
                sources.extend(of_finding(words, diagnosis, &said.finding));
            }
        }
        FactKind::Laboratory { analyte, .. } => {
            if let Some(levels) = diagnosis.analytes.get(analyte) {
                sources.extend(of_levels(levels));
            } else if let Some(condition) = words.knowledge.condition_of_analyte(analyte) {
                sources.extend(condition.analytes[analyte].values().flat_map(of_levels));
            }
        }
    }
    sources.sort();
    sources.dedup();
    sources
}

fn of_finding(words: &Words<'_>, diagnosis: &Diagnosis, finding: &str) -> Vec<String> {
    if let Some(frequency) = diagnosis.findings.get(finding) {
        return of(frequency);
    }
    if let Some(frequency) = diagnosis.groups.values().find_map(|group| group.get(finding)) {
        return of(frequency);
    }
    let Some(condition) = words.knowledge.condition_of_finding(finding) else { return Vec::new() };
    let states = diagnosis.conditions.get(&condition.id).into_iter().flat_map(|states| states.values());
    states.chain(condition.findings[finding].values()).flat_map(of).collect()
}

fn of(frequency: &Frequency) -> Vec<String> {
    frequency.sources.clone()
}

fn of_levels(levels: &AnalyteLevels) -> Vec<String> {
    match levels {
        AnalyteLevels::Binary { positive } => of(positive),
        AnalyteLevels::Graded { sources, .. } => sources.clone(),
    }
}
