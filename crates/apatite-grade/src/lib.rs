/*!
The gradings that the field uses, computed from the facts of a case as far as they allow.

The rules are data (`knowledge/gradings.toml`); this crate reads them ([`Gradings::read`]) and applies them to what is
known ([`grade`]). A rule whose facts are not known leaves its grade open: then the answer names the grades that remain
possible and the facts that would decide; so does a measured quantity that may lie on either side of a bound.
[`add_course`] turns several examinations into facts of the time course. The crate opens no file, ranks no diagnosis and
holds no medical number.
*/

mod course;
mod facts;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use apatite_case::Case;
use apatite_knowledge::{Knowledge, Localised};
use serde::{Deserialize, Serialize};

pub use course::{BetweenRule, CourseRules, OnsetRule, SizeRule, add_course};
pub use facts::{Facts, Truth};
pub use rules::Condition;

/// All gradings, in the order of the file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gradings {
    /// The gradings.
    pub gradings: Vec<Grading>,
}

/// One grading.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grading {
    /// Its id.
    pub id: String,
    /// Its name.
    pub names: Localised,
    /// The diagnoses it is for.
    pub diagnoses: Vec<String>,
    /// The sites it is for; all where none is named.
    #[serde(default)]
    pub sites: Vec<String>,
    /// One grade at a time, or patterns that may be there together.
    #[serde(default)]
    pub together: bool,
    /// What it takes to grade, and what limits the grading.
    pub note: Localised,
    /// Where it was proposed, and where its rules are told.
    pub sources: Vec<String>,
    /// How well observers agree.
    #[serde(default)]
    pub reproducibility: Vec<Reproducibility>,
    /// The grades; of those that exclude each other the first that fits holds.
    #[serde(default)]
    pub grades: Vec<Grade>,
}

/// One grade and its rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grade {
    /// `I`, `A`, ...
    pub id: String,
    /// What it means.
    pub names: Localised,
    /// Alternatives; in each all conditions hold.
    pub when: Vec<Vec<Condition>>,
}

/// How well observers agree on a grading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reproducibility {
    /// Between observers, or within one.
    pub between: Between,
    /// What is measured.
    pub statistic: Statistic,
    /// Its value.
    pub value: f64,
    /// Lowest value or lower end of the 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Highest value or upper end of the 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Modality it was measured on.
    pub modality: String,
    /// Ids of the bibliography.
    pub sources: Vec<String>,
}

/// Who agrees with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// One observer with another.
    Observers,
    /// One observer with himself.
    Readings,
}

/// What measures agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Cohen's or Siegel and Castellan's kappa.
    Kappa,
    /// Intraclass correlation coefficient.
    Icc,
}

impl Statistic {
    /// Its name, in every language.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kappa => "kappa",
            Self::Icc => "ICC",
        }
    }
}

/// The file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct GradingsError {
    file: &'static str,
    message: String,
}

impl GradingsError {
    pub(crate) fn of(file: &'static str, message: String) -> Self {
        Self { file, message }
    }
}

/// A grading applied to a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Graded {
    /// Id of the grading.
    pub grading: String,
    /// Id of the diagnosis it was applied for.
    pub diagnosis: String,
    /// Grades that hold.
    pub grades: Vec<String>,
    /// Grades that are possible, where none is certain; with patterns, those that may be there besides.
    pub possible: Vec<String>,
    /// Facts that hold and decided.
    pub because: Vec<String>,
    /// Facts that are not known and would decide.
    pub deciding: Vec<String>,
    /// Quantities of its rules that were measured on the images.
    pub measured: Vec<MeasuredQuantity>,
    /// How well observers agree.
    pub reproducibility: Vec<Reproducibility>,
    /// Sources of the grading.
    pub sources: Vec<String>,
}

/// A quantity that was measured on the images, and not written by a reader.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredQuantity {
    /// Id of the vocabulary.
    pub quantity: String,
    /// Its value, in its unit.
    pub value: f64,
    /// How far it may be off, in the same unit.
    pub uncertainty: f64,
}

/// The file of the gradings.
const FILE: &str = "gradings.toml";

impl Gradings {
    /// The gradings of the knowledge; a folder without them has none.
    ///
    /// # Errors
    /// As [`Gradings::read`].
    pub fn of(knowledge: &Knowledge) -> Result<Self, GradingsError> {
        match knowledge.rules.get(FILE) {
            Some(text) => Self::read(text, knowledge),
            None => Ok(Self { gradings: Vec::new() }),
        }
    }

    /// Reads the text of `knowledge/gradings.toml` and checks it against the rest of the knowledge.
    ///
    /// # Errors
    /// Text that is no TOML or lacks a field; an id that the knowledge does not have; a source that is not in the
    /// bibliography.
    pub fn read(text: &str, knowledge: &Knowledge) -> Result<Self, GradingsError> {
        let gradings: Self =
            toml::from_str(text).map_err(|error| GradingsError::of(FILE, error.to_string()))?;
        gradings.check(knowledge)?;
        Ok(gradings)
    }

    /// The grading of an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Grading> {
        self.gradings.iter().find(|grading| grading.id == id)
    }

    fn check(&self, knowledge: &Knowledge) -> Result<(), GradingsError> {
        let refuse = |message: String| Err(GradingsError::of(FILE, message));
        for grading in &self.gradings {
            let id = &grading.id;
            if let Some(diagnosis) = grading.diagnoses.iter().find(|id| knowledge.diagnosis(id).is_none()) {
                return refuse(format!("{id}: `{diagnosis}` is no diagnosis"));
            }
            if let Some(site) =
                grading.sites.iter().find(|site| !knowledge.findings.sites.contains_key(site.as_str()))
            {
                return refuse(format!("{id}: `{site}` is no site"));
            }
            let sources =
                grading.sources.iter().chain(grading.reproducibility.iter().flat_map(|told| &told.sources));
            for source in sources {
                if source != "judgement" && !knowledge.bibliography.contains_key(source) {
                    return refuse(format!("{id}: the source `{source}` is not in the bibliography"));
                }
            }
            if grading.sources.is_empty() {
                return refuse(format!("{id}: has no source"));
            }
            for condition in grading.grades.iter().flat_map(|grade| grade.when.iter().flatten()) {
                if !condition.is_known(knowledge) {
                    return refuse(format!("{id}: `{}` is no finding and no quantity", condition.id()));
                }
            }
            for told in &grading.reproducibility {
                let (low, high) = (told.low.unwrap_or(told.value), told.high.unwrap_or(told.value));
                if !(-1.0 <= low && low <= told.value && told.value <= high && high <= 1.0) {
                    return refuse(format!(
                        "{id}: {} lies not between {low} and {high} within -1 to 1",
                        told.value
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Diagnoses this likely, as a share of the leader's probability, are graded beside it.
const CLOSE: f64 = 0.25;

/// Grades a case for the leading diagnosis and those close to it. `ranked` are diagnoses with their probabilities, best
/// first.
#[must_use]
pub fn grade_leading<'a>(
    gradings: &Gradings,
    knowledge: &Knowledge,
    case: &Case,
    ranked: impl Iterator<Item = (&'a str, f64)>,
) -> Vec<Graded> {
    let mut ranked = ranked.peekable();
    let leader = ranked.peek().map_or(1.0, |(_, probability)| *probability);
    let close = ranked.take_while(|(_, probability)| *probability >= CLOSE * leader);
    grade(gradings, knowledge, case, &close.map(|(id, _)| id).collect::<Vec<_>>())
}

/// Grades a case for some diagnoses: every grading that is for one of them and for a site of the case, once, for the
/// first diagnosis it is for.
#[must_use]
pub fn grade(gradings: &Gradings, knowledge: &Knowledge, case: &Case, diagnoses: &[&str]) -> Vec<Graded> {
    let facts = Facts::of(case, knowledge);
    let sites: Vec<&str> =
        case.examinations.iter().flat_map(|examination| &examination.sites).map(String::as_str).collect();
    let mut places: BTreeMap<(usize, usize), Graded> = BTreeMap::new();
    for (place, grading) in gradings.gradings.iter().enumerate() {
        let here = sites.is_empty()
            || grading.sites.is_empty()
            || grading.sites.iter().any(|site| sites.contains(&site.as_str()));
        let rank = diagnoses.iter().position(|id| grading.diagnoses.iter().any(|own| own == id));
        if let (Some(rank), true) = (rank, here) {
            places.insert((rank, place), grading.applied(&facts, diagnoses[rank]));
        }
    }
    places.into_values().collect()
}

impl Grading {
    fn applied(&self, facts: &Facts, diagnosis: &str) -> Graded {
        let (mut grades, mut possible) = (Vec::new(), Vec::new());
        let (mut because, mut deciding): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for grade in &self.grades {
            let truth = rules::truth(&grade.when, facts);
            match truth {
                Truth::No => continue,
                Truth::Yes if self.together || possible.is_empty() => {
                    grades.push(grade.id.clone());
                    because.extend(rules::grounds(&grade.when, facts));
                }
                // a grade before it may still hold
                Truth::Yes => {
                    possible.push(grade.id.clone());
                    because.extend(rules::grounds(&grade.when, facts));
                }
                Truth::Unknown => {
                    possible.push(grade.id.clone());
                    deciding.extend(rules::missing(&grade.when, facts));
                }
            }
            if truth == Truth::Yes && !self.together {
                break;
            }
        }
        if grades.is_empty() && possible.len() == 1 && !self.together && !because.is_empty() {
            deciding.clear();
        }
        for ids in [&mut because, &mut deciding] {
            let mut seen = Vec::new();
            ids.retain(|id| {
                !seen.contains(id) && {
                    seen.push(id.clone());
                    true
                }
            });
        }
        Graded {
            grading: self.id.clone(),
            diagnosis: diagnosis.to_owned(),
            grades,
            possible,
            because,
            deciding,
            measured: self.measured(facts),
            reproducibility: self.reproducibility.clone(),
            sources: self.sources.clone(),
        }
    }

    /// What was measured of the quantities of its rules, each once.
    fn measured(&self, facts: &Facts) -> Vec<MeasuredQuantity> {
        let asked: BTreeSet<&str> =
            self.grades.iter().flat_map(|grade| grade.when.iter().flatten()).map(Condition::id).collect();
        let told = asked.into_iter().filter_map(|id| {
            let (value, uncertainty) = (facts.quantity(id)?, facts.uncertainty(id));
            (uncertainty > 0.0).then(|| MeasuredQuantity { quantity: id.to_owned(), value, uncertainty })
        });
        told.collect()
    }
}
