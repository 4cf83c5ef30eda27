/*!
The numbers of the knowledge that a fragile lead hangs on.

Each number that bears on the leader or on its closest rival is moved, alone, to the ends of its interval. What moves
the odds between the two most is named, with its sources.
*/

use apatite_knowledge::{AnalyteLevels, Frequency, Knowledge};
use serde::Serialize;

use crate::draws::{DrawSpace, Part, PartVariable, Place};
use crate::evaluate::ranking;
use crate::model::{DIAGNOSIS, Model, PRESENTATION, Trust};

/// A number of the knowledge, and what it does to the lead.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hinge {
    /// Id of what it is a frequency of: a finding, group, analyte, condition, quantity; `finding@MODALITY` for what a
    /// modality shows; `site`, `age`, `sex`; `diagnosis` for the case mix.
    pub subject: String,
    /// The state that it is the share of.
    pub state: String,
    /// In what: a diagnosis, or the state of what it follows from; none for the case mix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
    /// The number.
    pub value: f64,
    /// The ends of its 90 % interval.
    pub interval: [f64; 2],
    /// Odds of the leader against the runner-up with the number at either end, decibans.
    pub lead_decibans: [f64; 2],
    /// Whether the lead is lost at one of them.
    pub overturns: bool,
    /// Ids of its sources.
    pub sources: Vec<String>,
}

/// So many are named.
const NAMED: usize = 3;
/// Standard deviations from the middle to the end of a 90 % interval.
const TO_THE_END: f64 = 1.645;
/// What moves the lead less is not named, decibans.
const LEAST_SWING: f64 = 0.5;

/// The numbers that the lead hangs on, the one that moves it most first.
pub(crate) fn hinges(model: &Model, knowledge: &Knowledge, part: &Part, leader: usize) -> Vec<Hinge> {
    let mut space = DrawSpace::default();
    let mut tables = part.variables.iter().map(|variable| variable.table.clone()).collect::<Vec<_>>();
    let posterior = part.posterior(&tables, &mut space);
    let Some(rival) = ranking(&posterior, &model.diagnoses).into_iter().find(|root| *root != leader) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, variable) in part.variables.iter().enumerate() {
        let trust = &model.trust[variable.id.index()];
        for row in rows(variable, leader, rival) {
            let start = row * variable.states;
            let shares = variable.table[start..start + variable.states].to_vec();
            // the first share of a binary distribution says no more than the second
            let from = usize::from(variable.states == 2);
            for state in from..variable.states {
                let interval = interval(shares[state], &trust[row], state);
                let lead_decibans = interval.map(|end| {
                    set(&mut tables[index], variable, row, &moved(&shares, state, end));
                    let after = part.posterior(&tables, &mut space);
                    10.0 * (after[leader] / after[rival]).log10()
                });
                tables[index].clone_from(&variable.table);
                found.push((index, row, state, interval, lead_decibans));
            }
        }
    }
    let swing = |lead: &[f64; 2]| (lead[1] - lead[0]).abs();
    found.sort_by(|a, b| {
        swing(&b.4).total_cmp(&swing(&a.4)).then_with(|| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)))
    });
    found
        .into_iter()
        .filter(|found| swing(&found.4) >= LEAST_SWING)
        .take(NAMED)
        .map(|(index, row, state, interval, lead_decibans)| {
            let variable = &part.variables[index];
            let named = model.engine.network().variable(variable.id);
            let given = given(model, variable, row);
            let sources =
                sources(knowledge, &model.setting, &named.name, given.as_deref(), &named.states[state]);
            Hinge {
                subject: named.name.clone(),
                state: named.states[state].clone(),
                given,
                value: variable.table[row * variable.states + state],
                interval,
                lead_decibans,
                overturns: lead_decibans.iter().any(|lead| *lead < 0.0),
                sources,
            }
        })
        .collect()
}

/// The rows that bear on either of the two diagnoses, each number once.
fn rows(variable: &PartVariable, leader: usize, rival: usize) -> Vec<usize> {
    let mut rows = match &variable.place {
        Place::Root | Place::Mode => vec![0],
        // the columns of the typical presentation come first
        Place::Stem(row_of) => vec![variable.first_of(row_of[leader]), variable.first_of(row_of[rival])],
        Place::Branch(_) => {
            (0..variable.table.len() / variable.states).map(|row| variable.first_of(row)).collect()
        }
    };
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The ends of the interval that so many patients give a share, within its hundredth and that of the rest.
fn interval(share: f64, trust: &Trust, state: usize) -> [f64; 2] {
    let patients = trust.by_state.get(state).copied().unwrap_or(1.0);
    let deviation = (share * (1.0 - share) / (patients + 1.0)).sqrt();
    let (least, most) = (share / 100.0, 1.0 - (1.0 - share) / 100.0);
    [-TO_THE_END, TO_THE_END].map(|step| (share + step * deviation).clamp(least, most))
}

/// The shares with one of them set and the others in their proportions.
fn moved(shares: &[f64], state: usize, value: f64) -> Vec<f64> {
    let others = 1.0 - shares[state];
    let scale =
        |(index, share): (usize, &f64)| if index == state { value } else { share * (1.0 - value) / others };
    shares.iter().enumerate().map(scale).collect()
}

/// Sets a row, and all rows that are the same number.
fn set(table: &mut [f64], variable: &PartVariable, row: usize, shares: &[f64]) {
    for other in 0..table.len() / variable.states {
        if variable.first_of(other) == row {
            table[other * variable.states..(other + 1) * variable.states].copy_from_slice(shares);
        }
    }
}

/// In what the numbers of a row hold.
fn given(model: &Model, variable: &PartVariable, row: usize) -> Option<String> {
    let network = model.engine.network();
    match &variable.place {
        Place::Root | Place::Mode => None,
        Place::Stem(row_of) => {
            let column = row_of.iter().position(|other| *other == row)?;
            model.diagnoses.get(column % model.diagnoses.len()).cloned()
        }
        Place::Branch(_) => {
            let parent = network.variable(variable.id).parents.first()?;
            network.variable(*parent).states.get(row).cloned()
        }
    }
}

/// Where the knowledge has a number from; empty where nobody told it.
fn sources(
    knowledge: &Knowledge,
    setting: &str,
    name: &str,
    given: Option<&str>,
    state: &str,
) -> Vec<String> {
    let diagnosis = given.and_then(|given| knowledge.diagnosis(given));
    let of = |frequency: Option<&Frequency>| frequency.map(|frequency| frequency.sources.clone());
    let of_levels = |levels: &AnalyteLevels| match levels {
        AnalyteLevels::Binary { positive } => positive.sources.clone(),
        AnalyteLevels::Graded { sources, .. } => sources.clone(),
    };
    let found = if name == DIAGNOSIS {
        of(knowledge.diagnosis(state).and_then(|known| known.prior.get(setting)))
    } else if name == PRESENTATION {
        of(Some(&knowledge.constants.atypical_presentation))
    } else if name == "age" {
        diagnosis.map(|known| known.age.sources.clone())
    } else if name == "sex" {
        of(diagnosis.map(|known| &known.sex.female))
    } else if name == "site" {
        let elsewhere = || knowledge.findings.sites.get(state).map(|site| &site.elsewhere);
        of(diagnosis.and_then(|known| known.sites.get(state)).or_else(elsewhere))
    } else if let Some((subject, modality)) = name.split_once('@') {
        let finding =
            if knowledge.vocabulary.group(subject).is_some() { given.unwrap_or(state) } else { subject };
        let view = knowledge.view(modality, finding);
        let sensitivity = given != Some("absent");
        of(view.map(|view| if sensitivity { &view.sensitivity } else { &view.specificity }))
    } else if let Some(condition) = knowledge.conditions.iter().find(|condition| condition.id == name) {
        let own = diagnosis.and_then(|known| known.conditions.get(name)?.get(state));
        let below = given.and_then(|given| condition.given.get(given)?.get(state));
        of(own.or(below).or_else(|| condition.background.get(state)))
    } else if let Some(known) = knowledge.analytes.analytes.get(name) {
        let by_state =
            knowledge.condition_of_analyte(name).and_then(|condition| condition.analytes[name].get(given?));
        let own = diagnosis.and_then(|known| known.analytes.get(name));
        by_state.or(own).or(known.elsewhere.as_ref()).map(of_levels)
    } else if let Some(group) =
        knowledge.findings.groups.get(name).filter(|group| !group.elsewhere.is_empty())
    {
        of(diagnosis
            .and_then(|known| known.groups.get(name)?.get(state))
            .or_else(|| group.elsewhere.get(state)))
    } else if let Some(quantity) = knowledge.findings.quantities.get(name) {
        let own = diagnosis.and_then(|known| known.quantities.get(name));
        let below = given.and_then(|given| quantity.given.get(given));
        Some(own.or(below).unwrap_or(&quantity.elsewhere).sources.clone())
    } else {
        let known = knowledge.findings.findings.get(name);
        let by_state =
            knowledge.condition_of_finding(name).and_then(|condition| condition.findings[name].get(given?));
        let below = known.and_then(|known| known.given.get(given?));
        let own = diagnosis.and_then(|known| known.findings.get(name));
        of(by_state.or(below).or(own).or_else(|| known?.elsewhere.as_ref()))
    };
    found.unwrap_or_default()
}
