//! The time course: what several examinations of one case, or the time since the injury, say of the lesion's evolution.

use apatite_case::{Assertion, Case, Observation, Place};
use apatite_knowledge::Knowledge;
use serde::Deserialize;

use crate::GradingsError;
use crate::facts::{Facts, Truth};
use crate::rules::{self, Condition};

/// Rules of `knowledge/course.toml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CourseRules {
    /// What two examinations show together.
    #[serde(default)]
    pub between: Vec<BetweenRule>,
    /// What one examination shows so long after the injury.
    #[serde(default)]
    pub since_onset: Vec<OnsetRule>,
    /// What the sizes in two examinations show.
    pub size: Option<SizeRule>,
}

/// A finding that follows from an earlier and a later examination of the same site.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BetweenRule {
    /// The finding.
    pub finding: String,
    /// Longest time between the examinations, weeks.
    pub within_weeks: f64,
    /// What the earlier examination must show: alternatives.
    pub earlier: Vec<Vec<Condition>>,
    /// What the later one must show.
    pub later: Vec<Vec<Condition>>,
    /// Ids of the bibliography.
    pub sources: Vec<String>,
}

/// A finding that an examination suggests by itself, with the history.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnsetRule {
    /// The finding.
    pub finding: String,
    /// One of these must have happened.
    pub after: Vec<String>,
    /// What the examination must show: alternatives.
    pub when: Vec<Vec<Condition>>,
    /// Ids of the bibliography.
    pub sources: Vec<String>,
}

/// Growth and shrinking by the largest diameter, in two examinations of one modality.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeRule {
    /// The quantity, mm.
    pub quantity: String,
    /// The finding from this ratio on, and this difference.
    pub larger: String,
    /// Ratio of the later to the earlier.
    pub larger_from: f64,
    /// The finding up to this ratio, and this difference.
    pub smaller: String,
    /// Ratio of the later to the earlier.
    pub smaller_to: f64,
    /// Least difference, mm.
    pub least_mm: f64,
    /// The finding between, from this many weeks on.
    pub same: String,
    /// Weeks.
    pub same_from_weeks: f64,
    /// Ids of the bibliography.
    pub sources: Vec<String>,
}

/// The file of the rules.
const FILE: &str = "course.toml";

impl CourseRules {
    /// The rules of the knowledge; a folder without them has none.
    ///
    /// # Errors
    /// As [`CourseRules::read`].
    pub fn of(knowledge: &Knowledge) -> Result<Self, GradingsError> {
        match knowledge.rules.get(FILE) {
            Some(text) => Self::read(text, knowledge),
            None => Ok(Self::default()),
        }
    }

    /// Reads the text of `knowledge/course.toml`.
    ///
    /// # Errors
    /// Text that is no TOML or lacks a field; an id that the knowledge does not have; a source that is not in the
    /// bibliography.
    pub fn read(text: &str, knowledge: &Knowledge) -> Result<Self, GradingsError> {
        let refuse = |message: String| Err(GradingsError::of(FILE, message));
        let rules: Self = toml::from_str(text).map_err(|error| GradingsError::of(FILE, error.to_string()))?;
        let between = rules.between.iter().map(|rule| (vec![&rule.finding], &rule.sources));
        let onset = rules
            .since_onset
            .iter()
            .map(|rule| (std::iter::once(&rule.finding).chain(&rule.after).collect(), &rule.sources));
        let size =
            rules.size.iter().map(|rule| (vec![&rule.larger, &rule.smaller, &rule.same], &rule.sources));
        for (findings, sources) in between.chain(onset).chain(size) {
            if let Some(id) =
                findings.iter().find(|id| !knowledge.findings.findings.contains_key(id.as_str()))
            {
                return refuse(format!("`{id}` is no finding"));
            }
            if let Some(source) =
                sources.iter().find(|id| *id != "judgement" && !knowledge.bibliography.contains_key(*id))
            {
                return refuse(format!("the source `{source}` is not in the bibliography"));
            }
            if sources.is_empty() {
                return refuse(format!("the rule of `{}` has no source", findings[0]));
            }
        }
        let conditions = rules
            .between
            .iter()
            .flat_map(|rule| rule.earlier.iter().chain(&rule.later))
            .chain(rules.since_onset.iter().flat_map(|rule| &rule.when))
            .flatten();
        for condition in conditions {
            if !condition.is_known(knowledge) {
                return refuse(format!("`{}` is no finding and no quantity", condition.id()));
            }
        }
        Ok(rules)
    }
}

/// Adds to the case what its examinations say of the course. What somebody has spoken of already stands as it is, and so
/// does what would contradict it.
pub fn add_course(rules: &CourseRules, knowledge: &Knowledge, case: &mut Case) {
    let seen: Vec<Facts> =
        (0..case.examinations.len()).map(|index| Facts::of_examination(case, knowledge, index)).collect();
    let mut found: Vec<(usize, &str, Assertion)> = Vec::new();
    for later in 0..seen.len() {
        for earlier in 0..later {
            let Some(weeks) = weeks_between(case, earlier, later) else { continue };
            if !same_site(case, earlier, later) {
                continue;
            }
            for rule in &rules.between {
                let holds =
                    |when: &[Vec<Condition>], index: usize| rules::truth(when, &seen[index]) == Truth::Yes;
                if weeks > 0.0
                    && weeks <= rule.within_weeks
                    && holds(&rule.earlier, earlier)
                    && holds(&rule.later, later)
                {
                    found.push((later, &rule.finding, Assertion::Present));
                }
            }
            let alike = case.examinations[earlier].modality == case.examinations[later].modality;
            if let (Some(rule), true) = (&rules.size, alike && weeks > 0.0) {
                let sizes = seen[earlier].quantity(&rule.quantity).zip(seen[later].quantity(&rule.quantity));
                let course = sizes.and_then(|(before, after)| rule.course(before, after, weeks));
                found.extend(course.map(|finding| (later, finding, Assertion::Present)));
            }
        }
    }
    let happened = |rule: &OnsetRule| {
        case.observations.iter().any(|told| {
            told.examination.is_none()
                && told.assertion == Assertion::Present
                && rule.after.contains(&told.finding)
        })
    };
    for rule in rules.since_onset.iter().filter(|rule| happened(rule)) {
        let shows = seen.iter().position(|facts| rules::truth(&rule.when, facts) == Truth::Yes);
        found.extend(shows.map(|index| (index, rule.finding.as_str(), Assertion::Suggested)));
    }
    for (examination, finding, assertion) in found {
        let spoken = |id: &str| case.observations.iter().any(|told| told.finding == id);
        let contradicted = knowledge
            .contradictions
            .iter()
            .any(|pair| (pair[0] == finding && spoken(&pair[1])) || (pair[1] == finding && spoken(&pair[0])));
        let modality = case.examinations[examination].modality.clone();
        if spoken(finding) || contradicted || knowledge.view(&modality, finding).is_none() {
            continue;
        }
        case.observations.push(Observation {
            finding: finding.to_owned(),
            modality,
            examination: Some(examination),
            assertion,
            place: Place::default(),
        });
    }
}

impl SizeRule {
    fn course(&self, before: f64, after: f64, weeks: f64) -> Option<&str> {
        let large = (after - before).abs() >= self.least_mm;
        if after >= self.larger_from * before && large {
            Some(&self.larger)
        } else if after <= self.smaller_to * before && large {
            Some(&self.smaller)
        } else {
            (weeks >= self.same_from_weeks && !large).then_some(self.same.as_str())
        }
    }
}

/// Weeks from one examination to another, by their dates, else by the time since onset.
fn weeks_between(case: &Case, earlier: usize, later: usize) -> Option<f64> {
    let (a, b) = (&case.examinations[earlier], &case.examinations[later]);
    if let Some((from, to)) = a.date.zip(b.date) {
        return Some(f64::from(from.until(to).ok()?.get_days()) / 7.0);
    }
    let since = |quantities: &std::collections::BTreeMap<String, f64>| quantities.get(SINCE_ONSET).copied();
    since(&a.quantities).zip(since(&b.quantities)).map(|(from, to)| to - from)
}

/// The quantity of the case format that dates an examination.
const SINCE_ONSET: &str = "weeks_since_onset";

fn same_site(case: &Case, earlier: usize, later: usize) -> bool {
    let (a, b) = (&case.examinations[earlier].sites, &case.examinations[later].sites);
    a.is_empty() || b.is_empty() || a.iter().any(|site| b.contains(site))
}
