/*!
The vocabulary and the knowledge of one language, for a page that holds no medical word itself.
*/

use apatite_case::Level;
use apatite_knowledge::{AnalyteKind, Language, Reference, Statement};
use apatite_lesion::Kind;
use serde_json::{Value, json};

use crate::Server;
use crate::reading::Lang;

impl Server {
    /// All ids with their names, for both search languages.
    pub(crate) fn vocabulary(&self, lang: Lang) -> Value {
        let knowledge = &self.knowledge;
        let words = self.words(lang);
        let language: Language = lang.into();
        let modalities = knowledge.modalities.iter().map(|(id, modality)| {
            let shown =
                knowledge.vocabulary.findings().filter(|finding| knowledge.view(id, finding).is_some());
            json!({ "id": id, "name": modality.names.get(language), "findings": shown.collect::<Vec<_>>() })
        });
        let groups = knowledge.vocabulary.groups.iter().map(|group| {
            let name = knowledge.findings.groups.get(&group.id).map(|info| info.names.get(language));
            json!({ "id": group.id, "name": name, "exclusive": group.exclusive, "findings": group.findings })
        });
        let findings = knowledge.findings.findings.iter().map(|(id, finding)| {
            let mut search = vec![finding.names.en.clone(), finding.names.it.clone()];
            search.extend(finding.synonyms.en.iter().chain(&finding.synonyms.it).cloned());
            let value = json!({
                "name": finding.names.get(language),
                "definition": finding.definition.get(language),
                "search": search,
            });
            (id.clone(), value)
        });
        let analytes = knowledge.vocabulary.analytes.iter().filter_map(|id| {
            let analyte = knowledge.analytes.analytes.get(id)?;
            let mut search = vec![analyte.names.en.clone(), analyte.names.it.clone(), id.clone()];
            search.extend(analyte.synonyms.en.iter().chain(&analyte.synonyms.it).cloned());
            let reference = analyte.reference.iter().map(|interval| {
                json!({ "from": interval.from, "to": interval.to, "sex": interval.sex, "low": interval.low, "high": interval.high })
            });
            Some(json!({
                "id": id,
                "name": analyte.names.get(language),
                "search": search,
                "specimen": analyte.specimen,
                "binary": analyte.kind == AnalyteKind::Binary,
                "unit": analyte.unit,
                "accepted": analyte.accepted,
                "assay_dependent": analyte.assay_dependent,
                "reference": reference.collect::<Vec<_>>(),
            }))
        });
        let sites = knowledge.vocabulary.sites.iter().map(|id| json!({ "id": id, "name": words.site(id) }));
        let quantities = knowledge.vocabulary.quantities.iter().filter_map(|id| {
            let quantity = knowledge.findings.quantities.get(id)?;
            Some(json!({ "id": id, "name": quantity.names.get(language), "unit": quantity.unit }))
        });
        let settings = knowledge.settings.iter().map(|setting| {
            json!({ "id": setting.id, "name": setting.names.get(language), "description": setting.description.get(language) })
        });
        let diagnoses = knowledge.diagnoses.iter().map(|diagnosis| {
            json!({ "id": diagnosis.id, "name": diagnosis.names.get(language), "mechanism": diagnosis.mechanism, "nature": diagnosis.nature })
        });
        let mechanisms =
            knowledge.vocabulary.mechanisms.iter().map(|id| json!({ "id": id, "name": words.mechanism(id) }));
        let kinds = Kind::ALL.map(|kind| json!({ "id": kind.id(), "name": words.kind(kind) }));
        let levels = Level::ALL.map(
            |level| json!({ "id": level.id(), "name": words.text(&format!("level-{}", level.id()), &[]) }),
        );
        let signs = ["positive", "negative"]
            .map(|id| json!({ "id": id, "name": words.text(&format!("level-{id}"), &[]) }));
        json!({
            "language": language.code(),
            "modalities": modalities.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
            "findings": findings.collect::<serde_json::Map<_, _>>(),
            "analytes": analytes.collect::<Vec<_>>(),
            "sites": sites.collect::<Vec<_>>(),
            "quantities": quantities.collect::<Vec<_>>(),
            "settings": settings.collect::<Vec<_>>(),
            "diagnoses": diagnoses.collect::<Vec<_>>(),
            "mechanisms": mechanisms.collect::<Vec<_>>(),
            "kinds": kinds,
            "levels": levels,
            "signs": signs,
            "intended_use": words.text("intended-use", &[]),
            "version": knowledge.version,
            "hash": knowledge.hash,
        })
    }

    /// What is known of a diagnosis, a finding, an analyte or a condition, with its sources; none for an unknown id.
    pub(crate) fn card(&self, id: &str, lang: Lang) -> Option<Value> {
        let words = self.words(lang);
        let text = without_styles(&apatite_text::card(&words, id)?);
        let language: Language = lang.into();
        let statements = self.knowledge.diagnosis(id).map(|diagnosis| {
            let told = |statements: &[Statement]| {
                statements
                    .iter()
                    .map(|statement| json!({ "text": statement.get(language), "sources": statement.sources }))
                    .collect::<Vec<_>>()
            };
            json!({
                "name": diagnosis.names.get(language),
                "summary": diagnosis.summary.get(language),
                "typical": told(&diagnosis.typical),
                "against": told(&diagnosis.against),
                "confirmation": told(&diagnosis.confirmation),
                "must_not_miss": told(&diagnosis.must_not_miss),
            })
        });
        let sources = self.knowledge.bibliography.values().filter(|reference| cites(&text, &reference.id));
        Some(json!({
            "id": id,
            "text": text,
            "diagnosis": statements,
            "sources": sources.map(source).collect::<Vec<_>>(),
        }))
    }
}

fn source(reference: &Reference) -> Value {
    let field = |name: &str| reference.fields.get(name).and_then(Value::as_str);
    let link = field("DOI")
        .map(|doi| format!("https://doi.org/{doi}"))
        .or_else(|| field("PMID").map(|id| format!("https://pubmed.ncbi.nlm.nih.gov/{id}/")))
        .or_else(|| field("URL").map(str::to_owned));
    let year = reference.fields.get("issued").and_then(|issued| issued["date-parts"][0][0].as_i64());
    json!({ "id": reference.id, "title": reference.title, "journal": field("container-title"), "year": year, "link": link })
}

/// Whether a text names the id as a word.
fn cites(text: &str, id: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(id).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(part)
            && !text[at + id.len()..].chars().next().is_some_and(part)
    })
}

/// Text without the ANSI codes that style it on a terminal.
fn without_styles(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
}
