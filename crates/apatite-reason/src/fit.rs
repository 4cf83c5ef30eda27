/*!
Proven cases counted into the numbers.

A published frequency is worth the patients that its interval says; a proven case is one patient more (Beta and
Dirichlet updating). What a report tells is seen through the report: its words are the views of the network. What it
does not tell is weak evidence of absence: a present finding goes untold with a probability that is estimated, finding
by finding, from all the cases together.
*/

use std::collections::{BTreeMap, BTreeSet};

use apatite_case::{Case, HISTORY};
use apatite_knowledge::{Knowledge, Learned, LearnedCount};
use apatite_network::{VariableId, Workspace};

use crate::model::{DIAGNOSIS, Model, ModelError};

/// A case with its proven answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvenCase {
    /// Name, as counts and evaluations refer to it.
    pub id: String,
    /// What identifies the text of the case, to know it again under another name.
    pub digest: String,
    /// The case; one without `expected` moves nothing.
    pub case: Case,
}

impl ProvenCase {
    /// The name without folder and ending, as counts refer to it.
    #[must_use]
    pub fn name(&self) -> &str {
        let file = self.id.rsplit('/').next().unwrap_or(&self.id);
        file.rsplit_once('.').map_or(file, |(name, _)| name)
    }
}

/// Counts of proven cases, by diagnosis and number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    by_number: BTreeMap<String, BTreeMap<String, Count>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Count {
    states: Vec<f64>,
    cases: BTreeSet<String>,
}

impl Counts {
    /// No cases.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Expected number of cases in each state of a number of a diagnosis.
    #[must_use]
    pub fn of(&self, diagnosis: &str, number: &str) -> Option<&[f64]> {
        Some(self.by_number.get(diagnosis)?.get(number)?.states.as_slice())
    }

    /// As a data file.
    #[must_use]
    pub fn to_learned(&self) -> Learned {
        let mut learned = Learned::default();
        for (diagnosis, numbers) in &self.by_number {
            let own = learned.diagnoses.entry(diagnosis.clone()).or_default();
            for (number, count) in numbers {
                // a thousandth of a case is more than anyone can argue about
                let counts = count.states.iter().map(|state| (state * 1000.0).round() / 1000.0).collect();
                let cases = count.cases.iter().cloned().collect();
                own.insert(number.clone(), LearnedCount { counts, cases });
            }
        }
        learned
    }

    fn add(&mut self, diagnosis: &str, number: &str, states: impl Iterator<Item = f64>, case: Option<&str>) {
        let count =
            self.by_number.entry(diagnosis.to_owned()).or_default().entry(number.to_owned()).or_default();
        for (index, state) in states.enumerate() {
            if count.states.len() <= index {
                count.states.push(0.0);
            }
            count.states[index] += state;
        }
        count.cases.extend(case.map(str::to_owned));
    }
}

/// The counts that came with the knowledge.
#[must_use]
pub fn counts_of(learned: &Learned) -> Counts {
    let mut counts = Counts::none();
    for (diagnosis, number, count) in learned.counts() {
        let entry =
            counts.by_number.entry(diagnosis.to_owned()).or_default().entry(number.to_owned()).or_default();
        entry.states.clone_from(&count.counts);
        entry.cases.extend(count.cases.iter().cloned());
    }
    counts
}

/// What one case has to say to each variable next to the diagnosis.
#[derive(Clone, Debug)]
pub(crate) struct Testimony {
    pub(crate) id: String,
    pub(crate) digest: String,
    diagnosis: String,
    row: usize,
    messages: BTreeMap<VariableId, Vec<f64>>,
    modalities: BTreeSet<String>,
}

impl Testimony {
    /// Hears a case; `model` is one without counts. None for a case without an answer.
    pub(crate) fn of(
        proven: &ProvenCase,
        knowledge: &Knowledge,
        model: &Model,
    ) -> Result<Option<Self>, ModelError> {
        let Some(expected) = &proven.case.expected else { return Ok(None) };
        let evidence = model.evidence(&proven.case, knowledge).evidence;
        let messages =
            model.engine.stem_messages(&evidence, &mut Workspace::default())?.into_iter().collect();
        Ok(Some(Self {
            id: proven.name().to_owned(),
            digest: proven.digest.clone(),
            diagnosis: expected.diagnosis.clone(),
            row: model.index_of(&expected.diagnosis)?,
            messages,
            modalities: modalities(&proven.case),
        }))
    }
}

fn modalities(case: &Case) -> BTreeSet<String> {
    let imaging = case.examinations.iter().map(|examination| examination.modality.clone());
    imaging.chain(std::iter::once(HISTORY.to_owned())).collect()
}

/// Counts proven cases; `model` is one without counts.
///
/// # Errors
/// A case whose answer the model does not know.
pub fn fit(cases: &[ProvenCase], knowledge: &Knowledge, model: &Model) -> Result<Counts, ModelError> {
    let mut testimonies = Vec::new();
    for case in cases {
        testimonies.extend(Testimony::of(case, knowledge, model)?);
    }
    Ok(count(&testimonies.iter().collect::<Vec<_>>(), knowledge, model))
}

/// A finding that no case tells of is told with this probability where it is present, one that all tell of with the
/// other: the estimate stays away from both ends.
const TOLD_RANGE: (f64, f64) = (0.02, 0.95);
/// A number this rare is not lowered further by silence.
const SILENCE_TELLS_ABOVE: f64 = 0.1;

pub(crate) fn count(testimonies: &[&Testimony], knowledge: &Knowledge, model: &Model) -> Counts {
    let mut counts = Counts::none();
    let network = model.engine.network();
    for testimony in testimonies {
        counts.add(&testimony.diagnosis, "prior", std::iter::once(1.0), Some(&testimony.id));
        for (variable, message) in &testimony.messages {
            let name = &network.variable(*variable).name;
            let share = posterior(model, *variable, testimony.row, message);
            counts.add(&testimony.diagnosis, name, share.into_iter(), Some(&testimony.id));
        }
    }
    for finding in knowledge.vocabulary.findings() {
        let Some(variable) = model.variable(finding) else { continue };
        let of_diagnosis = network
            .variable(variable)
            .parents
            .first()
            .is_some_and(|parent| network.variable(*parent).name == DIAGNOSIS);
        if !of_diagnosis || network.variable(variable).states.len() != 2 {
            continue;
        }
        let seen_by = knowledge
            .modalities
            .keys()
            .filter(|modality| knowledge.view(modality, finding).is_some())
            .collect::<Vec<_>>();
        let eligible = testimonies
            .iter()
            .filter(|testimony| seen_by.iter().any(|modality| testimony.modalities.contains(*modality)))
            .collect::<Vec<_>>();
        let present = |row: usize| row_of(model, variable, row)[1];
        let (mut told, mut expected) = (0.0, 0.0);
        for testimony in &eligible {
            expected += present(testimony.row);
            if let Some(message) = testimony.messages.get(&variable) {
                told += posterior(model, variable, testimony.row, message)[1];
            }
        }
        let told_if_present = ((told + 0.5) / (expected + 1.0)).clamp(TOLD_RANGE.0, TOLD_RANGE.1);
        for testimony in eligible.iter().filter(|testimony| !testimony.messages.contains_key(&variable)) {
            let p = present(testimony.row);
            if p < SILENCE_TELLS_ABOVE {
                continue;
            }
            let untold = p * (1.0 - told_if_present);
            let still_present = untold / (untold + 1.0 - p);
            counts.add(&testimony.diagnosis, finding, [1.0 - still_present, still_present].into_iter(), None);
        }
    }
    counts
}

/// The variable's distribution in one diagnosis, in its typical presentation.
fn row_of(model: &Model, variable: VariableId, row: usize) -> &[f64] {
    let variable = model.engine.network().variable(variable);
    let states = variable.states.len();
    // the presentation, where it is a parent, varies fastest and is typical first
    let rows_each = variable.table.len() / states / model.engine.roots();
    let start = row * rows_each * states;
    &variable.table[start..start + states]
}

fn posterior(model: &Model, variable: VariableId, row: usize, message: &[f64]) -> Vec<f64> {
    let joint = row_of(model, variable, row).iter().zip(message).map(|(p, m)| p * m).collect::<Vec<_>>();
    let total: f64 = joint.iter().sum();
    joint.into_iter().map(|value| value / total).collect()
}
