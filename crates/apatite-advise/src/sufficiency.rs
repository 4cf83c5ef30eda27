/*!
Whether enough is known for an answer, and whether the case is like anything that the knowledge describes.
*/

use std::collections::BTreeSet;

use apatite_case::{Case, HISTORY};
use apatite_knowledge::Knowledge;
use apatite_network::{Evidence, VariableId, Workspace};
use apatite_reason::{Model, ModelError};
use serde::Serialize;

use crate::gain::Standing;
use crate::next::plans;

/// How far the answer may be trusted to stay, and how well it explains the facts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sufficiency {
    /// Chance that what the history and all examinations short of a needle would still show changes the leader.
    pub leader_change: f64,
    /// Whether that is too much.
    pub insufficient: bool,
    /// Surprise of all facts together under the leading diagnosis, bits.
    pub surprise_bits: f64,
    /// What of it is more than the facts would surprise if they had nothing to do with each other, bits. Where a
    /// diagnosis explains the facts it is far below nought.
    pub conflict_bits: f64,
    /// Whether the case is strange: nothing that the knowledge describes explains its facts together.
    pub strange: bool,
}

/// A needle and more is not asked for here: histology would decide in nearly every case.
const NEEDLE: f64 = 1.0;

/// Whether enough is known in a case, and whether it is strange.
///
/// # Errors
/// Evidence that the network refuses, which a case that was read does not give.
pub fn assess(model: &Model, knowledge: &Knowledge, case: &Case) -> Result<Sufficiency, ModelError> {
    let heard = model.evidence(case, knowledge);
    let standing = Standing::new(model, knowledge, &heard.evidence)?;
    sufficiency(model, knowledge, case, &heard.evidence, &standing)
}

pub(crate) fn sufficiency(
    model: &Model,
    knowledge: &Knowledge,
    case: &Case,
    evidence: &Evidence,
    standing: &Standing<'_>,
) -> Result<Sufficiency, ModelError> {
    let mut open: BTreeSet<VariableId> = plans(model, knowledge, case, evidence)
        .iter()
        .filter(|plan| plan.examination.invasiveness < NEEDLE)
        .flat_map(|plan| plan.shows.iter().map(|shown| shown.variable))
        .collect();
    let tissue = knowledge
        .examinations
        .examinations
        .values()
        .filter(|examination| examination.invasiveness >= NEEDLE)
        .flat_map(|examination| &examination.groups)
        .collect::<BTreeSet<_>>();
    for group in knowledge.vocabulary.groups.iter().filter(|group| !tissue.contains(&group.id)) {
        let history = group.findings.iter().filter_map(|finding| model.variable(&format!("{finding}@{HISTORY}")));
        open.extend(history.filter(|variable| !evidence.items().iter().any(|item| item.0 == *variable)));
    }
    let leader_change = standing.gain(&open.into_iter().collect::<Vec<_>>()).leader_change;
    let (surprise_bits, conflict_bits) = conflict(model, evidence, standing.leader)?;
    let alarms = &knowledge.alarms;
    Ok(Sufficiency {
        leader_change,
        insufficient: leader_change >= alarms.insufficient.from,
        surprise_bits,
        conflict_bits,
        strange: conflict_bits >= alarms.strange.conflict_bits_from,
    })
}

/// The surprise of the facts under a diagnosis, and its excess over that of the same facts one by one: the measure of
/// conflict of Jensen and others (1990), with the best diagnosis in place of the whole model.
fn conflict(model: &Model, evidence: &Evidence, root: usize) -> Result<(f64, f64), ModelError> {
    let engine = model.engine();
    let mut workspace = Workspace::default();
    if evidence.items().is_empty() {
        return Ok((0.0, 0.0));
    }
    let together = engine.log_likelihoods(evidence, &mut workspace)?[root];
    let prior = &engine.network().variable(engine.root()).table;
    let mut alone = 0.0;
    for (variable, likelihood) in evidence.items() {
        let mut one = Evidence::new();
        one.add(*variable, likelihood.clone());
        let logs = engine.log_likelihoods(&one, &mut workspace)?;
        alone += prior.iter().zip(&logs).map(|(p, log)| p * log.exp()).sum::<f64>().ln();
    }
    let bits = |natural: f64| natural / std::f64::consts::LN_2;
    Ok((bits(-together), bits(alone - together)))
}
