/*!
One piece of the knowledge as a readable page, in Markdown.
*/

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use apatite_knowledge::{
    Analyte, AnalyteLevels, Codes, Condition, Diagnosis, Finding, Frequency, Percentiles, Reference,
    Statement, nearest,
};
use serde_json::Value;

use crate::words::{Words, printable};

/// A frequency this many times that of elsewhere, or less than its reciprocal, is listed by name.
const APART: f64 = 2.0;

/// The card of a diagnosis, a finding, an analyte or a condition; none where there is no such id.
#[must_use]
pub fn card(words: &Words<'_>, id: &str) -> Option<String> {
    let knowledge = words.knowledge;
    let mut page = Page { words, out: String::new(), cited: BTreeSet::new() };
    if let Some(diagnosis) = knowledge.diagnosis(id) {
        page.diagnosis(diagnosis);
    } else if let Some(finding) = knowledge.findings.findings.get(id) {
        page.finding(id, finding);
    } else if let Some(analyte) = knowledge.analytes.analytes.get(id) {
        page.analyte(id, analyte);
    } else if let Some(condition) = knowledge.conditions.iter().find(|condition| condition.id == id) {
        page.condition(condition);
    } else {
        return None;
    }
    page.sources();
    Some(page.out)
}

/// What to say of an id that has no card.
#[must_use]
pub fn unknown_id(words: &Words<'_>, id: &str) -> String {
    let knowledge = words.knowledge;
    let ids = knowledge
        .vocabulary
        .findings()
        .chain(knowledge.vocabulary.analytes.iter().map(String::as_str))
        .chain(knowledge.diagnoses.iter().map(|diagnosis| diagnosis.id.as_str()))
        .chain(knowledge.conditions.iter().map(|condition| condition.id.as_str()));
    unknown(words, "unknown-id", id, &nearest(id, ids))
}

/// What to say of an id that is no diagnosis.
#[must_use]
pub fn unknown_diagnosis(words: &Words<'_>, id: &str) -> String {
    let ids = words.knowledge.diagnoses.iter().map(|diagnosis| diagnosis.id.as_str());
    unknown(words, "unknown-diagnosis", id, &nearest(id, ids))
}

fn unknown(words: &Words<'_>, key: &str, id: &str, near: &[&str]) -> String {
    let text = words.text(key, &[("id", &printable(id))]);
    if near.is_empty() {
        text
    } else {
        format!("{text}; {}", words.text("near", &[("ids", &near.join(", "))]))
    }
}

pub(crate) struct Page<'w, 'k> {
    pub(crate) words: &'w Words<'k>,
    pub(crate) out: String,
    pub(crate) cited: BTreeSet<String>,
}

impl Page<'_, '_> {
    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        let words = self.words;
        self.line(&format!("# {}\n", diagnosis.names.get(words.language)));
        self.statement(&diagnosis.summary);
        self.line("");
        self.item("card-mechanism", &words.mechanism(&diagnosis.mechanism));
        let nature = match diagnosis.nature {
            apatite_knowledge::Nature::Benign => "nature-benign",
            apatite_knowledge::Nature::Intermediate => "nature-intermediate",
            apatite_knowledge::Nature::Malignant => "nature-malignant",
        };
        self.item("card-nature", &words.text(nature, &[]));
        self.synonyms(diagnosis.synonyms.get(words.language));
        self.codes(&diagnosis.codes);
        let learned =
            words.knowledge.learned.diagnoses.get(&diagnosis.id).and_then(|numbers| numbers.get("prior"));
        if let Some(count) = learned {
            self.item("card-learned", &count.cases.len().to_string());
        }
        for (key, statements) in [
            ("card-typical", &diagnosis.typical),
            ("card-against", &diagnosis.against),
            ("confirmation", &diagnosis.confirmation),
            ("must-not-miss", &diagnosis.must_not_miss),
        ] {
            self.heading(key);
            for statement in statements {
                self.out.push_str("- ");
                self.statement(statement);
            }
        }
        self.heading("card-prior");
        let settings = words.knowledge.settings.iter();
        let rows = settings
            .filter_map(|setting| {
                Some((setting.names.get(words.language).to_owned(), diagnosis.prior.get(&setting.id)?))
            })
            .collect::<Vec<_>>();
        self.table(&rows);
        let rows = [
            ("p50", words.number(diagnosis.age.p50)),
            ("p05", words.number(diagnosis.age.p05)),
            ("p95", words.number(diagnosis.age.p95)),
        ];
        let arguments = rows.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.out.push('\n');
        let age = words.text("card-age-value", &arguments);
        let sources = self.cite(&diagnosis.age.sources);
        self.item("card-age", &format!("{age} {sources}"));
        let female = format!(
            "{} {}",
            words.frequency(&diagnosis.sex.female),
            self.cite(&diagnosis.sex.female.sources)
        );
        self.item("card-female", &female);
        self.heading("card-sites");
        self.sorted_table(diagnosis.sites.iter().map(|(site, weight)| (words.site(site).to_owned(), weight)));
        self.heading("card-findings");
        self.sorted_table(
            diagnosis
                .findings
                .iter()
                .map(|(finding, frequency)| (words.finding(finding).to_owned(), frequency)),
        );
        for (group, distribution) in &diagnosis.groups {
            let name = words
                .knowledge
                .findings
                .groups
                .get(group)
                .map_or(group.as_str(), |group| group.names.get(words.language));
            self.line(&format!("\n### {name}\n"));
            self.sorted_table(
                distribution.iter().map(|(finding, share)| (words.finding(finding).to_owned(), share)),
            );
        }
        for (condition, distribution) in &diagnosis.conditions {
            let Some(known) = words.knowledge.conditions.iter().find(|known| known.id == *condition) else {
                continue;
            };
            self.line(&format!("\n### {}\n", known.names.get(words.language)));
            self.sorted_table(distribution.iter().map(|(state, share)| {
                let name =
                    known.state_names.get(state).map_or(state.as_str(), |names| names.get(words.language));
                (name.to_owned(), share)
            }));
        }
        if !diagnosis.analytes.is_empty() {
            self.heading("card-analytes");
            for (analyte, levels) in &diagnosis.analytes {
                self.levels(words.analyte(analyte), levels);
            }
        }
        if !diagnosis.quantities.is_empty() {
            self.heading("card-quantities");
            for (quantity, percentiles) in &diagnosis.quantities {
                self.percentiles(quantity, percentiles);
            }
        }
    }

    fn finding(&mut self, id: &str, finding: &Finding) {
        let words = self.words;
        let knowledge = words.knowledge;
        self.line(&format!("# {}\n", finding.names.get(words.language)));
        let sources = self.cite(&finding.sources);
        self.line(&format!("{} {sources}\n", finding.definition.get(words.language)));
        if let Some(group) =
            knowledge.vocabulary.group_of(id).and_then(|group| knowledge.findings.groups.get(&group.id))
        {
            self.item("card-group", group.names.get(words.language));
        }
        self.item("id", &format!("`{id}`"));
        self.synonyms(finding.synonyms.get(words.language));
        self.codes(&finding.codes);
        if let Some(elsewhere) = &finding.elsewhere {
            let text = format!("{} {}", words.frequency(elsewhere), self.cite(&elsewhere.sources));
            self.item("card-elsewhere", &text);
        }
        self.heading("card-modalities");
        for (modality, known) in &knowledge.modalities {
            let Some(view) = knowledge.view(modality, id) else { continue };
            let arguments = [
                ("sensitivity", words.frequency(&view.sensitivity)),
                ("specificity", words.frequency(&view.specificity)),
            ];
            let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
            let both =
                view.sensitivity.sources.iter().chain(&view.specificity.sources).cloned().collect::<Vec<_>>();
            let text = words.text("card-sensitivity", &arguments);
            let sources = self.cite(&both);
            self.line(&format!("- {}: {text} {sources}", known.names.get(words.language)));
        }
        if let Some(condition) = knowledge.condition_of_finding(id) {
            self.heading("card-follows");
            self.by_state(condition, &condition.findings[id]);
            return;
        }
        self.heading("card-frequency-in");
        let group = knowledge.vocabulary.group_of(id).filter(|group| group.exclusive);
        let frequency_in = |diagnosis: &'_ Diagnosis| match group {
            Some(group) => diagnosis.groups.get(&group.id)?.get(id).cloned(),
            None => diagnosis.findings.get(id).cloned(),
        };
        let rows = knowledge
            .diagnoses
            .iter()
            .filter_map(|diagnosis| {
                Some((diagnosis.names.get(words.language).to_owned(), frequency_in(diagnosis)?))
            })
            .collect::<Vec<_>>();
        // where it is about as frequent as elsewhere there is nothing to learn
        let (apart, alike): (Vec<_>, Vec<_>) = rows.iter().partition(|(_, frequency)| {
            finding.elsewhere.as_ref().is_none_or(|elsewhere| {
                let ratio = frequency.best / elsewhere.best;
                !(1.0 / APART..APART).contains(&ratio)
            })
        });
        self.sorted_table(apart.into_iter().map(|(name, frequency)| (name.clone(), frequency)));
        if !alike.is_empty() {
            let count = alike.len().to_string();
            self.line(&format!("- {}", words.text("card-alike", &[("count", &count)])));
        }
    }

    fn analyte(&mut self, id: &str, analyte: &Analyte) {
        let words = self.words;
        self.line(&format!("# {}\n", analyte.names.get(words.language)));
        self.item("id", &format!("`{id}`"));
        self.synonyms(analyte.synonyms.get(words.language));
        if !analyte.accepted.is_empty() {
            self.item("card-units", &analyte.accepted.join(", "));
        }
        if !analyte.loinc.is_empty() {
            let codes =
                analyte.loinc.iter().map(|(unit, code)| format!("{code} ({unit})")).collect::<Vec<_>>();
            self.item("card-loinc", &codes.join(", "));
        }
        self.codes(&analyte.codes);
        let unit = analyte.unit.as_deref().unwrap_or_default();
        if !analyte.reference.is_empty() {
            self.heading("card-reference");
            for reference in &analyte.reference {
                let sex = match reference.sex.as_deref() {
                    Some(sex) => format!(", {}", words.text(&format!("fact-sex-{sex}"), &[])),
                    None => String::new(),
                };
                let arguments = [
                    ("from", words.number(reference.from)),
                    ("to", words.number(reference.to)),
                    ("sex", sex),
                    ("low", words.number(reference.low)),
                    ("high", words.number(reference.high)),
                    ("unit", unit.to_owned()),
                ];
                let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
                let text = words.text("card-reference-line", &arguments);
                let sources = self.cite(&reference.sources);
                self.line(&format!("- {text} {sources}"));
            }
        }
        self.cited.extend(analyte.sources.iter().cloned());
        if let Some(condition) = words.knowledge.condition_of_analyte(id) {
            self.line(&format!(
                "\n## {}: {}\n",
                words.text("card-follows", &[]),
                condition.names.get(words.language)
            ));
            for state in &condition.states {
                if let Some(levels) = condition.analytes[id].get(state) {
                    let name = condition
                        .state_names
                        .get(state)
                        .map_or(state.as_str(), |names| names.get(words.language));
                    self.levels(name, levels);
                }
            }
        } else {
            self.heading("card-frequency-in");
            if let Some(elsewhere) = &analyte.elsewhere {
                self.levels(&words.text("card-elsewhere", &[]), elsewhere);
            }
            for diagnosis in &words.knowledge.diagnoses {
                if let Some(levels) = diagnosis.analytes.get(id) {
                    self.levels(diagnosis.names.get(words.language), levels);
                }
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        let words = self.words;
        self.line(&format!("# {}\n", condition.names.get(words.language)));
        let name_of = |state: &String| {
            condition
                .state_names
                .get(state)
                .map_or(state.clone(), |names| names.get(words.language).to_owned())
        };
        if !condition.background.is_empty() {
            self.heading("card-background");
            self.by_state(condition, &condition.background);
        }
        for (setting, background) in &condition.background_by_setting {
            let name = words
                .knowledge
                .setting(setting)
                .map_or(setting.as_str(), |setting| setting.names.get(words.language));
            self.line(&format!("\n### {name}\n"));
            self.by_state(condition, background);
        }
        if let Some(parent) = &condition.parent
            && let Some(parent) = words.knowledge.conditions.iter().find(|other| other.id == *parent)
        {
            self.line(&format!(
                "\n## {}: {}\n",
                words.text("card-follows", &[]),
                parent.names.get(words.language)
            ));
            for (state, given) in &condition.given {
                let name =
                    parent.state_names.get(state).map_or(state.as_str(), |names| names.get(words.language));
                self.line(&format!("\n### {name}\n"));
                self.by_state(condition, given);
            }
        }
        if !condition.findings.is_empty() {
            self.heading("card-findings");
            for (finding, by_state) in &condition.findings {
                self.line(&format!("\n### {}\n", words.finding(finding)));
                self.by_state(condition, by_state);
            }
        }
        if !condition.analytes.is_empty() {
            self.heading("card-analytes");
            for (analyte, by_state) in &condition.analytes {
                self.line(&format!("\n### {}\n", words.analyte(analyte)));
                for state in &condition.states {
                    if let Some(levels) = by_state.get(state) {
                        self.levels(&name_of(state), levels);
                    }
                }
            }
        }
    }

    fn by_state(&mut self, condition: &Condition, by_state: &BTreeMap<String, Frequency>) {
        let rows = condition
            .states
            .iter()
            .filter_map(|state| {
                let name = condition
                    .state_names
                    .get(state)
                    .map_or(state.as_str(), |names| names.get(self.words.language));
                Some((name.to_owned(), by_state.get(state)?))
            })
            .collect::<Vec<_>>();
        self.table(&rows);
    }

    fn levels(&mut self, name: &str, levels: &AnalyteLevels) {
        let words = self.words;
        let (text, sources) = match levels {
            AnalyteLevels::Binary { positive } => (
                format!("{} {}", words.text("level-positive", &[]), words.frequency(positive)),
                &positive.sources,
            ),
            AnalyteLevels::Graded { levels, sources, .. } => {
                let names = ["very_low", "low", "normal", "high", "very_high"];
                let parts = names
                    .iter()
                    .zip(levels)
                    .map(|(level, share)| {
                        format!("{} {}", words.text(&format!("level-{level}"), &[]), words.percent(*share))
                    })
                    .collect::<Vec<_>>();
                (parts.join(", "), sources)
            }
        };
        let sources = self.cite(sources);
        self.line(&format!("- {name}: {text} {sources}"));
    }

    fn percentiles(&mut self, quantity: &str, percentiles: &Percentiles) {
        let words = self.words;
        let name = words
            .knowledge
            .findings
            .quantities
            .get(quantity)
            .map_or(quantity, |quantity| quantity.names.get(words.language));
        let sources = self.cite(&percentiles.sources);
        let [low, middle, high] =
            [percentiles.p05, percentiles.p50, percentiles.p95].map(|value| words.number(value));
        self.line(&format!("- {name}: {middle} ({low} - {high}) {sources}"));
    }

    fn sorted_table<'f>(&mut self, rows: impl Iterator<Item = (String, &'f Frequency)>) {
        let mut rows = rows.collect::<Vec<_>>();
        rows.sort_by(|a, b| b.1.best.total_cmp(&a.1.best).then_with(|| a.0.cmp(&b.0)));
        self.table(&rows);
    }

    fn table(&mut self, rows: &[(String, &Frequency)]) {
        for (name, frequency) in rows {
            let sources = self.cite(&frequency.sources);
            let text = self.words.frequency(frequency);
            self.line(&format!("- {name}: {text} {sources}"));
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let sources = self.cite(&statement.sources);
        let text = statement.get(self.words.language);
        self.line(&format!("{text} {sources}"));
    }

    fn synonyms(&mut self, synonyms: &[String]) {
        if !synonyms.is_empty() {
            self.item("card-synonyms", &synonyms.join(", "));
        }
    }

    fn codes(&mut self, codes: &Codes) {
        if !codes.0.is_empty() {
            let codes = codes
                .0
                .iter()
                .map(|(system, codes)| format!("{} {}", system.to_uppercase(), codes.as_slice().join(", ")));
            self.item("card-codes", &codes.collect::<Vec<_>>().join("; "));
        }
    }

    fn item(&mut self, key: &str, value: &str) {
        let title = if key == "id" { "Id".to_owned() } else { self.words.text(key, &[]) };
        self.line(&format!("- {title}: {value}"));
    }

    fn heading(&mut self, key: &str) {
        self.line(&format!("\n## {}\n", self.words.text(key, &[])));
    }

    pub(crate) fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}", text.trim_end_matches(' '));
    }

    /// The ids of the sources in brackets; they are listed at the end.
    fn cite(&mut self, sources: &[String]) -> String {
        let mut ids = Vec::new();
        for source in sources {
            let shown = if source == "judgement" {
                self.words.text("card-judgement", &[])
            } else {
                self.cited.insert(source.clone());
                source.clone()
            };
            if !ids.contains(&shown) {
                ids.push(shown);
            }
        }
        if ids.is_empty() { String::new() } else { format!("[{}]", ids.join("; ")) }
    }

    pub(crate) fn sources(&mut self) {
        if self.cited.is_empty() {
            return;
        }
        self.heading("card-sources");
        for id in std::mem::take(&mut self.cited) {
            if let Some(reference) = self.words.knowledge.bibliography.get(&id) {
                self.line(&format!("- {id}: {}", citation(reference)));
            }
        }
    }
}

/// A reference in one line: authors, title, journal, year, volume, pages, identifiers.
#[must_use]
pub fn citation(reference: &Reference) -> String {
    let text = |key: &str| match reference.fields.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let authors = match reference.fields.get("author") {
        Some(Value::Array(authors)) => {
            let names = authors
                .iter()
                .filter_map(|author| author.get("family").or_else(|| author.get("literal"))?.as_str())
                .collect::<Vec<_>>();
            match names.as_slice() {
                [] => String::new(),
                [one] => (*one).to_owned(),
                [one, two] => format!("{one}, {two}"),
                [first, ..] => format!("{first} et al."),
            }
        }
        _ => String::new(),
    };
    let year = reference
        .fields
        .get("issued")
        .and_then(|issued| issued.pointer("/date-parts/0/0"))
        .map(|year| year.to_string().trim_matches('"').to_owned())
        .unwrap_or_default();
    let mut place = [text("container-title"), year]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if !text("volume").is_empty() {
        place = format!("{place}; {}", text("volume"));
        if !text("page").is_empty() {
            place = format!("{place}: {}", text("page"));
        }
    }
    let mut parts = [authors, reference.title.trim_end_matches('.').to_owned(), place]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>();
    for (key, label) in [("DOI", "doi:"), ("PMID", "PMID "), ("PMCID", ""), ("ISBN", "ISBN ")] {
        if !text(key).is_empty() {
            parts.push(format!("{label}{}", text(key)));
        }
    }
    if ["DOI", "PMID", "PMCID"].iter().all(|key| text(key).is_empty()) && !text("URL").is_empty() {
        parts.push(text("URL"));
    }
    parts.join(". ")
}
