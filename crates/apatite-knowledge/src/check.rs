mod advice;

use std::collections::{BTreeMap, BTreeSet};

use crate::records::{AnalyteKind, AnalyteLevels, Frequency, Localised, Percentiles, Statement};
use crate::{Folder, Knowledge, KnowledgeProblem, line_of, nearest};

/// Which entries of the knowledge cite a source: file and path in it.
pub type Mentions = BTreeMap<String, Vec<(String, String)>>;

/// Largest deviation from 1 of weights that are shares of one whole.
const SUM_TOLERANCE: f64 = 0.02;
/// The source of a number that is nobody's but ours.
const JUDGEMENT: &str = "judgement";
/// A judgement's interval spans at least this ratio of the odds.
const JUDGEMENT_SPAN: f64 = 1.8;
/// A diagnosis without so many findings that separate it from others cannot be told from them.
const LEAST_DISCRIMINATING: usize = 2;
/// A finding separates where it is at least so many times as frequent, or as rare, as elsewhere.
const DISCRIMINATING_RATIO: f64 = 2.0;

/// Says what is wrong with the knowledge: sums, intervals, sources, ids, translations, coverage.
/// Also returns where each source is cited.
#[must_use]
pub fn check(knowledge: &Knowledge, folder: &Folder) -> (Vec<KnowledgeProblem>, Mentions) {
    let mut checker = Checker { knowledge, folder, problems: Vec::new(), mentions: Mentions::new() };
    checker.head();
    checker.findings();
    checker.modalities();
    checker.conditions();
    checker.analytes();
    checker.diagnoses();
    checker.examinations();
    checker.alarms();
    checker.bibliography();
    checker.problems.sort();
    checker.problems.dedup();
    (checker.problems, checker.mentions)
}

struct Checker<'k> {
    knowledge: &'k Knowledge,
    folder: &'k Folder,
    problems: Vec<KnowledgeProblem>,
    mentions: Mentions,
}

impl Checker<'_> {
    fn head(&mut self) {
        let file = "knowledge.toml";
        let knowledge = self.knowledge;
        self.frequency(file, "constants.atypical_presentation", &knowledge.constants.atypical_presentation);
        for setting in &knowledge.settings {
            self.localised(file, &format!("settings.{}", setting.id), &setting.names);
            self.localised(file, &format!("settings.{}.description", setting.id), &setting.description);
        }
        for finding in knowledge.contradictions.iter().flatten() {
            self.known(file, "contradictions", finding, knowledge.vocabulary.findings());
        }
        if knowledge.settings.is_empty() {
            self.problem(file, "settings", "there is no setting");
        }
    }

    fn findings(&mut self) {
        let file = "findings.toml";
        let knowledge = self.knowledge;
        let vocabulary = &knowledge.vocabulary;
        let known = vocabulary.findings().collect::<Vec<_>>();
        self.cover(file, "findings", known.iter().copied(), knowledge.findings.findings.keys());
        self.cover(
            file,
            "groups",
            vocabulary.groups.iter().map(|group| group.id.as_str()),
            knowledge.findings.groups.keys(),
        );
        self.cover(
            file,
            "sites",
            vocabulary.sites.iter().map(String::as_str),
            knowledge.findings.sites.keys(),
        );
        self.cover(
            file,
            "quantities",
            vocabulary.quantities.iter().map(String::as_str),
            knowledge.findings.quantities.keys(),
        );
        for (id, finding) in &knowledge.findings.findings {
            let path = format!("findings.{id}");
            self.localised(file, &path, &finding.names);
            self.localised(file, &format!("{path}.definition"), &finding.definition);
            self.sources(file, &path, &finding.sources);
            let exclusive = vocabulary.group_of(id).is_some_and(|group| group.exclusive);
            let owned = knowledge.condition_of_finding(id).is_some() || finding.follows.is_some();
            for other in &finding.implied_by {
                self.known(file, &path, other, known.iter().copied());
            }
            if let Some(parent) = &finding.follows {
                let states = match vocabulary.group(parent) {
                    Some(group) => group.findings.clone(),
                    None => vec!["absent".to_owned(), "present".to_owned()],
                };
                if vocabulary.group(parent).is_none() {
                    self.known(file, &path, parent, known.iter().copied());
                }
                self.cover(
                    file,
                    &format!("{path}.given"),
                    states.iter().map(String::as_str),
                    finding.given.keys(),
                );
                for (state, frequency) in &finding.given {
                    self.frequency(file, &format!("{path}.given.{state}"), frequency);
                }
            }
            match (&finding.elsewhere, exclusive || owned) {
                (Some(elsewhere), false) => self.frequency(file, &path, elsewhere),
                (None, false) => self.problem(file, &path, "has no frequency `elsewhere`"),
                (Some(_), true) => self.problem(
                    file,
                    &path,
                    "has a frequency `elsewhere`, which its group or its background condition gives already",
                ),
                (None, true) => {}
            }
        }
        for (id, group) in &knowledge.findings.groups {
            let path = format!("groups.{id}");
            self.localised(file, &path, &group.names);
            let Some(known) = vocabulary.group(id) else { continue };
            if known.exclusive {
                let path = format!("{path}.elsewhere");
                self.cover(file, &path, known.findings.iter().map(String::as_str), group.elsewhere.keys());
                self.distribution(file, &path, &group.elsewhere);
            }
        }
        for (id, site) in &knowledge.findings.sites {
            self.localised(file, &format!("sites.{id}"), &site.names);
            self.frequency(file, &format!("sites.{id}"), &site.elsewhere);
        }
        for (id, quantity) in &knowledge.findings.quantities {
            let path = format!("quantities.{id}");
            self.localised(file, &path, &quantity.names);
            self.percentiles(file, &path, &quantity.elsewhere);
            if let Some(group) = &quantity.group {
                let known = vocabulary.group(group).map(|group| group.findings.clone()).unwrap_or_default();
                self.cover(
                    file,
                    &format!("{path}.given"),
                    known.iter().map(String::as_str),
                    quantity.given.keys(),
                );
                for (state, percentiles) in &quantity.given {
                    self.percentiles(file, &format!("{path}.given.{state}"), percentiles);
                }
            }
            if let Some(other) = &quantity.yields_to {
                self.known(file, &path, other, vocabulary.quantities.iter().map(String::as_str));
            }
            if !quantity.bands.is_sorted_by(|a, b| a < b) || quantity.bands.is_empty() {
                self.problem(file, &path, "the edges of the bands do not ascend");
            }
        }
    }

    fn modalities(&mut self) {
        let file = "modalities.toml";
        let knowledge = self.knowledge;
        for (id, modality) in &knowledge.modalities {
            self.localised(file, id, &modality.names);
            let groups =
                knowledge.vocabulary.groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>();
            for (group, view) in &modality.groups {
                let path = format!("{id}.groups.{group}");
                self.known(file, &path, group, groups.iter().copied());
                self.frequency(file, &path, &view.sensitivity);
                self.frequency(file, &path, &view.specificity);
            }
            for (finding, view) in &modality.findings {
                let path = format!("{id}.findings.{finding}");
                self.known(file, &path, finding, knowledge.vocabulary.findings());
                self.frequency(file, &path, &view.sensitivity);
                self.frequency(file, &path, &view.specificity);
            }
            for finding in &modality.blind.findings {
                self.known(file, &format!("{id}.blind"), finding, knowledge.vocabulary.findings());
            }
        }
        for finding in knowledge.vocabulary.findings() {
            if !knowledge.modalities.keys().any(|modality| knowledge.view(modality, finding).is_some()) {
                self.problem(file, "", &format!("no modality can show `{finding}`"));
            }
        }
    }

    fn conditions(&mut self) {
        let knowledge = self.knowledge;
        let mut owner: BTreeMap<&str, &str> = BTreeMap::new();
        for condition in &knowledge.conditions {
            let file = &format!("conditions/{}.toml", condition.id);
            let states = condition.states.iter().map(String::as_str).collect::<Vec<_>>();
            self.localised(file, "names", &condition.names);
            self.cover(file, "state_names", states.iter().copied(), condition.state_names.keys());
            for (state, names) in &condition.state_names {
                self.localised(file, &format!("state_names.{state}"), names);
            }
            match &condition.parent {
                None => {
                    self.cover(file, "background", states.iter().copied(), condition.background.keys());
                    self.distribution(file, "background", &condition.background);
                }
                Some(parent) => match knowledge.conditions.iter().find(|other| other.id == *parent) {
                    None => self.problem(file, "parent", &format!("there is no condition `{parent}`")),
                    Some(parent) => {
                        let parent_states = parent.states.iter().map(String::as_str);
                        self.cover(file, "given", parent_states, condition.given.keys());
                    }
                },
            }
            for (setting, background) in &condition.background_by_setting {
                let path = format!("background_by_setting.{setting}");
                self.known(
                    file,
                    &path,
                    setting,
                    knowledge.settings.iter().map(|setting| setting.id.as_str()),
                );
                self.cover(file, &path, states.iter().copied(), background.keys());
                self.distribution(file, &path, background);
            }
            for (state, distribution) in &condition.given {
                let path = format!("given.{state}");
                self.known_all(file, &path, distribution.keys(), &states);
                self.distribution(file, &path, distribution);
            }
            for (finding, by_state) in &condition.findings {
                let path = format!("findings.{finding}");
                self.known(file, &path, finding, knowledge.vocabulary.findings());
                self.cover(file, &path, states.iter().copied(), by_state.keys());
                for (state, frequency) in by_state {
                    self.frequency(file, &format!("{path}.{state}"), frequency);
                }
                self.own(&mut owner, file, &path, finding, &condition.id);
            }
            for (analyte, by_state) in &condition.analytes {
                let path = format!("analytes.{analyte}");
                self.known(file, &path, analyte, knowledge.vocabulary.analytes.iter().map(String::as_str));
                self.cover(file, &path, states.iter().copied(), by_state.keys());
                for (state, levels) in by_state {
                    self.levels(file, &format!("{path}.{state}"), analyte, levels);
                }
                self.own(&mut owner, file, &path, analyte, &condition.id);
            }
        }
    }

    fn own<'c>(
        &mut self,
        owner: &mut BTreeMap<&'c str, &'c str>,
        file: &str,
        path: &str,
        item: &'c str,
        condition: &'c str,
    ) {
        if let Some(other) = owner.insert(item, condition) {
            self.problem(
                file,
                path,
                &format!("`{item}` belongs to `{other}` already: a variable has one parent"),
            );
        }
    }

    fn analytes(&mut self) {
        let file = "analytes.toml";
        let knowledge = self.knowledge;
        let analytes = &knowledge.analytes.analytes;
        self.cover(
            file,
            "analytes",
            knowledge.vocabulary.analytes.iter().map(String::as_str),
            analytes.keys(),
        );
        self.sources(
            file,
            "corrections.albumin_corrected_calcium",
            &knowledge.analytes.corrections.albumin_corrected_calcium.sources,
        );
        for (id, analyte) in analytes {
            let path = format!("analytes.{id}");
            self.localised(file, &path, &analyte.names);
            self.sources(file, &path, &analyte.sources);
            match (&analyte.elsewhere, knowledge.condition_of_analyte(id)) {
                (Some(elsewhere), None) => self.levels(file, &path, id, elsewhere),
                (None, None) => {
                    self.problem(file, &path, "belongs to no condition and has no levels `elsewhere`");
                }
                (Some(_), Some(condition)) => {
                    self.problem(
                        file,
                        &path,
                        &format!("has levels `elsewhere` but belongs to `{}`", condition.id),
                    );
                }
                (None, Some(_)) => {}
            }
            if analyte.kind == AnalyteKind::Graded && analyte.reference.is_empty() {
                self.problem(file, &path, "a graded analyte needs a reference interval");
            }
            if analyte.unit.is_some() && analyte.accepted.first() != analyte.unit.as_ref() {
                self.problem(file, &path, "the canonical unit must be the first of the accepted ones");
            }
            if !analyte.reference.is_empty() && analyte.unit.is_none() {
                self.problem(file, &path, "has a reference interval but no unit");
            }
            for reference in &analyte.reference {
                self.sources(file, &path, &reference.sources);
                if reference.low >= reference.high || reference.from >= reference.to {
                    self.problem(file, &path, "a reference interval is empty");
                }
            }
            for (age, sex) in [0.1, 1.5, 6.0, 14.0, 30.0, 60.0, 90.0]
                .iter()
                .flat_map(|age| ["female", "male"].map(|sex| (*age, sex)))
            {
                let found = analyte.reference.iter().any(|reference| {
                    (reference.from..reference.to).contains(&age)
                        && reference.sex.as_deref().is_none_or(|s| s == sex)
                });
                if analyte.kind == AnalyteKind::Graded && !found {
                    self.problem(
                        file,
                        &path,
                        &format!("no reference interval fits a {sex} patient of {age} years"),
                    );
                }
            }
            let used = knowledge.condition_of_analyte(id).is_some()
                || knowledge.diagnoses.iter().any(|diagnosis| diagnosis.analytes.contains_key(id));
            if !used {
                self.problem(file, &path, "is used by no condition and no diagnosis");
            }
        }
    }

    fn diagnoses(&mut self) {
        let knowledge = self.knowledge;
        let vocabulary = &knowledge.vocabulary;
        for (id, _) in &vocabulary.diagnoses {
            if knowledge.diagnosis(id).is_none() {
                self.problem(&format!("diagnoses/{id}.toml"), "", "is missing");
            }
        }
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for diagnosis in &knowledge.diagnoses {
            let file = &format!("diagnoses/{}.toml", diagnosis.id);
            if self.folder.text(file).is_none() {
                self.problem(file, "id", "the file must be named for the id");
            }
            match vocabulary.diagnoses.iter().find(|(id, _)| *id == diagnosis.id) {
                None => self.problem(file, "id", &format!("`{}` is not in the vocabulary", diagnosis.id)),
                Some((_, mechanism)) if *mechanism != diagnosis.mechanism => {
                    self.problem(file, "mechanism", &format!("the vocabulary has it under `{mechanism}`"));
                }
                Some(_) => {}
            }
            self.localised(file, "names", &diagnosis.names);
            self.statement(file, "summary", &diagnosis.summary);
            for (path, statements) in [
                ("typical", &diagnosis.typical),
                ("against", &diagnosis.against),
                ("confirmation", &diagnosis.confirmation),
                ("must_not_miss", &diagnosis.must_not_miss),
            ] {
                if statements.is_empty() {
                    self.problem(file, path, "has no statement");
                }
                for statement in statements {
                    self.statement(file, path, statement);
                }
            }
            self.cover(
                file,
                "prior",
                knowledge.settings.iter().map(|setting| setting.id.as_str()),
                diagnosis.prior.keys(),
            );
            for (setting, prior) in &diagnosis.prior {
                self.frequency(file, &format!("prior.{setting}"), prior);
            }
            self.percentiles(file, "age", &diagnosis.age);
            self.frequency(file, "sex.female", &diagnosis.sex.female);
            self.known_all(
                file,
                "sites",
                diagnosis.sites.keys(),
                &vocabulary.sites.iter().map(String::as_str).collect::<Vec<_>>(),
            );
            self.distribution(file, "sites", &diagnosis.sites);
            for (group, distribution) in &diagnosis.groups {
                let path = format!("groups.{group}");
                match vocabulary.group(group) {
                    Some(known) if known.exclusive => {
                        self.cover(
                            file,
                            &path,
                            known.findings.iter().map(String::as_str),
                            distribution.keys(),
                        );
                        self.distribution(file, &path, distribution);
                        used.extend(known.findings.iter().map(String::as_str));
                    }
                    _ => self.problem(file, &path, "is not an exclusive group of the vocabulary"),
                }
            }
            let mut discriminating = 0;
            for (finding, frequency) in &diagnosis.findings {
                let path = format!("findings.{finding}");
                self.known(file, &path, finding, vocabulary.findings());
                self.frequency(file, &path, frequency);
                if let Some(condition) = knowledge.condition_of_finding(finding) {
                    let id = &condition.id;
                    self.problem(
                        file,
                        &path,
                        &format!("belongs to the condition `{id}`: state the condition instead"),
                    );
                }
                if let Some(parent) =
                    knowledge.findings.findings.get(finding).and_then(|finding| finding.follows.as_ref())
                {
                    self.problem(file, &path, &format!("follows from `{parent}`: state that instead"));
                }
                if vocabulary.group_of(finding).is_some_and(|group| group.exclusive) {
                    self.problem(file, &path, "belongs to an exclusive group: state it under `groups`");
                }
                used.insert(finding);
                if let Some(elsewhere) =
                    knowledge.findings.findings.get(finding).and_then(|finding| finding.elsewhere.as_ref())
                {
                    let ratio = frequency.best / elsewhere.best;
                    discriminating +=
                        usize::from(!(1.0 / DISCRIMINATING_RATIO..DISCRIMINATING_RATIO).contains(&ratio));
                }
            }
            for (condition, distribution) in &diagnosis.conditions {
                let path = format!("conditions.{condition}");
                match knowledge.conditions.iter().find(|known| known.id == *condition) {
                    Some(known) if known.parent.is_none() => {
                        let states = known.states.iter().map(String::as_str).collect::<Vec<_>>();
                        self.known_all(file, &path, distribution.keys(), &states);
                        for (state, frequency) in distribution {
                            self.frequency(file, &format!("{path}.{state}"), frequency);
                        }
                        let sum: f64 = distribution.values().map(|frequency| frequency.best).sum();
                        if sum > 1.0 + SUM_TOLERANCE {
                            self.problem(file, &path, &format!("the states sum to {sum:.3}, more than 1"));
                        }
                    }
                    _ => self.problem(file, &path, "is not a condition that a diagnosis can have"),
                }
            }
            for (analyte, levels) in &diagnosis.analytes {
                let path = format!("analytes.{analyte}");
                self.known(file, &path, analyte, vocabulary.analytes.iter().map(String::as_str));
                if let Some(condition) = knowledge.condition_of_analyte(analyte) {
                    self.problem(file, &path, &format!("belongs to the condition `{}`", condition.id));
                }
                self.levels(file, &path, analyte, levels);
            }
            for (quantity, percentiles) in &diagnosis.quantities {
                let path = format!("quantities.{quantity}");
                self.known(file, &path, quantity, vocabulary.quantities.iter().map(String::as_str));
                self.percentiles(file, &path, percentiles);
            }
            if discriminating < LEAST_DISCRIMINATING && !diagnosis.catch_all {
                self.problem(
                    file,
                    "findings",
                    &format!("only {discriminating} findings separate it from others; {LEAST_DISCRIMINATING} are needed"),
                );
            }
        }
        for condition in &knowledge.conditions {
            used.extend(condition.findings.keys().map(String::as_str));
        }
        used.extend(
            knowledge
                .findings
                .findings
                .iter()
                .filter(|(_, finding)| finding.follows.is_some())
                .map(|(id, _)| id.as_str()),
        );
        for finding in vocabulary.findings() {
            if !used.contains(finding) {
                self.problem(
                    "findings.toml",
                    &format!("findings.{finding}"),
                    "is used by no diagnosis and no condition",
                );
            }
        }
    }

    fn bibliography(&mut self) {
        let file = "bibliography.json";
        let knowledge = self.knowledge;
        for (id, reference) in &knowledge.bibliography {
            if !self.mentions.contains_key(id) {
                self.problem(file, "", &format!("`{id}` is cited nowhere"));
            }
            if !["DOI", "PMID", "PMCID", "ISBN", "URL"].iter().any(|key| reference.fields.contains_key(*key))
            {
                self.problem(
                    file,
                    "",
                    &format!("`{id}` has no DOI, PMID, PMCID, ISBN or URL: it does not resolve"),
                );
            }
        }
    }

    fn frequency(&mut self, file: &str, path: &str, frequency: &Frequency) {
        let Frequency { best, low, high, sources } = frequency;
        if !(0.0 < *low && low <= best && best <= high && *high < 1.0) {
            self.problem(file, path, &format!("[{best}, {low}, {high}] is not 0 < low <= best <= high < 1"));
        } else if sources.iter().all(|source| source == JUDGEMENT) {
            let span = (high / (1.0 - high)) / (low / (1.0 - low));
            if span < JUDGEMENT_SPAN {
                self.problem(file, path, &format!("[{best}, {low}, {high}] is too narrow for a judgement"));
            }
        }
        self.sources_needed(file, path, sources);
    }

    fn percentiles(&mut self, file: &str, path: &str, percentiles: &Percentiles) {
        let Percentiles { p05, p50, p95, sources } = percentiles;
        if !(p05 < p50 && p50 < p95) {
            self.problem(file, path, &format!("the percentiles {p05}, {p50}, {p95} do not ascend"));
        }
        self.sources_needed(file, path, sources);
    }

    fn distribution(&mut self, file: &str, path: &str, distribution: &BTreeMap<String, Frequency>) {
        for (state, frequency) in distribution {
            self.frequency(file, &format!("{path}.{state}"), frequency);
        }
        let sum: f64 = distribution.values().map(|frequency| frequency.best).sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            self.problem(file, path, &format!("sums to {sum:.3}, not to 1"));
        }
    }

    fn levels(&mut self, file: &str, path: &str, analyte: &str, levels: &AnalyteLevels) {
        let kind = self.knowledge.analytes.analytes.get(analyte).map(|analyte| analyte.kind);
        match levels {
            AnalyteLevels::Binary { positive } => {
                self.frequency(file, path, positive);
                if kind != Some(AnalyteKind::Binary) {
                    self.problem(file, path, "a graded analyte has five levels");
                }
            }
            AnalyteLevels::Graded { levels, effective_n, sources } => {
                if kind != Some(AnalyteKind::Graded) {
                    self.problem(file, path, "a binary analyte is positive or negative");
                }
                let sum: f64 = levels.iter().sum();
                if (sum - 1.0).abs() > SUM_TOLERANCE
                    || levels.iter().any(|level| !(*level > 0.0 && *level < 1.0))
                {
                    self.problem(file, path, "the five levels must lie between 0 and 1 and sum to 1");
                }
                if *effective_n < 1.0 || effective_n.is_nan() {
                    self.problem(file, path, "effective_n must be at least 1");
                }
                self.sources_needed(file, path, sources);
            }
        }
    }

    fn statement(&mut self, file: &str, path: &str, statement: &Statement) {
        self.localised(file, path, &Localised { en: statement.en.clone(), it: statement.it.clone() });
        self.sources_needed(file, path, &statement.sources);
    }

    fn localised(&mut self, file: &str, path: &str, text: &Localised) {
        if text.en.trim().is_empty() {
            self.problem(file, path, "the English text is missing");
        }
        if text.it.trim().is_empty() {
            self.problem(file, path, "the Italian text is missing");
        }
    }

    fn sources_needed(&mut self, file: &str, path: &str, sources: &[String]) {
        if sources.is_empty() {
            self.problem(file, path, "has no source");
        }
        self.sources(file, path, sources);
    }

    fn sources(&mut self, file: &str, path: &str, sources: &[String]) {
        for source in sources.iter().filter(|source| *source != JUDGEMENT) {
            self.mentions.entry(source.clone()).or_default().push((file.to_owned(), path.to_owned()));
            if !self.knowledge.bibliography.contains_key(source) {
                self.problem(file, path, &format!("the source `{source}` is not in the bibliography"));
            }
        }
    }

    /// Exactly the wanted keys must be there.
    fn cover<'a>(
        &mut self,
        file: &str,
        path: &str,
        wanted: impl Iterator<Item = &'a str>,
        found: impl Iterator<Item = &'a String>,
    ) {
        let wanted = wanted.collect::<BTreeSet<_>>();
        let found = found.map(String::as_str).collect::<BTreeSet<_>>();
        for missing in wanted.difference(&found) {
            self.problem(file, path, &format!("`{missing}` is missing"));
        }
        for extra in found.difference(&wanted) {
            self.problem(file, &format!("{path}.{extra}"), "is not in the vocabulary");
        }
    }

    fn known_all<'a>(
        &mut self,
        file: &str,
        path: &str,
        ids: impl Iterator<Item = &'a String>,
        known: &[&str],
    ) {
        for id in ids {
            self.known(file, path, id, known.iter().copied());
        }
    }

    fn known<'a>(
        &mut self,
        file: &str,
        path: &str,
        id: &str,
        mut known: impl Iterator<Item = &'a str> + Clone,
    ) {
        if !known.clone().any(|candidate| candidate == id) {
            let near = nearest(id, known.by_ref());
            let hint =
                if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
            self.problem(file, path, &format!("`{id}` is not known{hint}"));
        }
    }

    fn problem(&mut self, file: &str, path: &str, message: &str) {
        let line = self.folder.text(file).and_then(|text| find_line(text, path));
        let message = if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") };
        self.problems.push(KnowledgeProblem { file: file.to_owned(), line, message });
    }
}

/// Line of a dotted path in a TOML file: of the longest part of it that is there.
fn find_line(text: &str, path: &str) -> Option<usize> {
    let table = toml::de::DeTable::parse(text).ok()?;
    let mut at = table.get_ref();
    let mut line = None;
    for part in path.split('.') {
        let Some((key, value)) = at.iter().find(|(key, _)| key.get_ref() == part) else { break };
        line = Some(line_of(text, key.span().start));
        match value.get_ref() {
            toml::de::DeValue::Table(inner) => at = inner,
            _ => break,
        }
    }
    line
}
