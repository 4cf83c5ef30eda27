/*!
What the differential would be if more were known.
*/

use apatite_case::Case;
use apatite_knowledge::Knowledge;
use apatite_network::{Workspace, natural_to_decibans};
use apatite_reason::{Fact, Model, ModelError, ranking};
use serde::Serialize;

use crate::alarms::{Alarm, alarms};

/// The differential before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhatIf {
    /// Setting for which the prior holds.
    pub setting: String,
    /// Facts that are new or other than before.
    pub supposed: Vec<Fact>,
    /// All diagnoses, in the order afterwards.
    pub differential: Vec<Shift>,
    /// Whether another diagnosis leads.
    pub leader_changes: bool,
    /// Probability that it is malignant, before and after.
    pub malignant: [f64; 2],
    /// Alarms that would sound and do not yet.
    pub new_alarms: Vec<Alarm>,
}

/// A diagnosis before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shift {
    /// Id of the diagnosis.
    pub diagnosis: String,
    /// Its probability before.
    pub before: f64,
    /// Its probability afterwards.
    pub after: f64,
    /// Its rank before, from 1.
    pub rank_before: usize,
    /// What the new facts weigh for it against all others, decibans.
    pub decibans: f64,
}

/// Answers a case before and after something is supposed.
///
/// # Errors
/// Evidence that the network refuses, which a case that was read does not give.
pub fn what_if(model: &Model, knowledge: &Knowledge, before: &Case, after: &Case) -> Result<WhatIf, ModelError> {
    let mut workspace = Workspace::default();
    let heard_before = model.evidence(before, knowledge);
    let heard_after = model.evidence(after, knowledge);
    let engine = model.engine();
    let posterior_before = engine.posterior(&heard_before.evidence, &mut workspace)?.root.clone();
    let posterior_after = engine.posterior(&heard_after.evidence, &mut workspace)?.root.clone();
    let order_before = ranking(&posterior_before, &model.diagnoses);
    let order_after = ranking(&posterior_after, &model.diagnoses);
    let mut ranks = vec![0; order_before.len()];
    for (place, root) in order_before.iter().enumerate() {
        ranks[*root] = place + 1;
    }
    let log_odds = |p: f64| {
        let p = p.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON);
        (p / (1.0 - p)).ln()
    };
    let differential = order_after
        .iter()
        .map(|root| Shift {
            diagnosis: model.diagnoses[*root].clone(),
            before: posterior_before[*root],
            after: posterior_after[*root],
            rank_before: ranks[*root],
            decibans: natural_to_decibans(log_odds(posterior_after[*root]) - log_odds(posterior_before[*root])),
        })
        .collect();
    let malignant = |posterior: &[f64]| {
        let natures = knowledge.diagnoses.iter().map(|known| known.nature);
        let own = natures.zip(posterior).filter(|(nature, _)| *nature == apatite_knowledge::Nature::Malignant);
        own.map(|(_, p)| p).sum()
    };
    let sounding = alarms(before, knowledge, &posterior_before);
    let new_alarms = alarms(after, knowledge, &posterior_after)
        .into_iter()
        .filter(|alarm| !sounding.iter().any(|other| other.alarm == alarm.alarm))
        .collect();
    Ok(WhatIf {
        setting: model.setting.clone(),
        supposed: heard_after.facts.into_iter().filter(|fact| !heard_before.facts.contains(fact)).collect(),
        differential,
        leader_changes: order_before[0] != order_after[0],
        malignant: [malignant(&posterior_before), malignant(&posterior_after)],
        new_alarms,
    })
}
