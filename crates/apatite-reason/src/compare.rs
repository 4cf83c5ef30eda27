/*!
What separates two diagnoses in a case.
*/

use apatite_case::Case;
use apatite_knowledge::Knowledge;
use apatite_network::{Workspace, natural_to_decibans};
use serde::Serialize;

use crate::diagnose::{FactReport, Unknown, WeighedFact};
use crate::model::{Heard, Model, ModelError};

/// Diagnosis `a` against diagnosis `b`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The first diagnosis.
    pub a: String,
    /// The second diagnosis.
    pub b: String,
    /// Posterior probabilities of both.
    pub probabilities: [f64; 2],
    /// Prior odds of the first against the second, decibans.
    pub prior_decibans: f64,
    /// Posterior odds of the first against the second, decibans: the prior's and all the facts' weights together.
    pub posterior_decibans: f64,
    /// The facts.
    pub facts: Vec<FactReport>,
    /// Weight of every fact for the first (positive) or the second (negative), strongest first.
    pub weights: Vec<WeighedFact>,
    /// What is not known and would separate them, best first.
    pub would_separate: Vec<Separation>,
}

/// An unknown that would separate two diagnoses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Separation {
    /// Id of a finding, an analyte or an exclusive group.
    pub id: String,
    /// For each state: its name, its probability in the first and in the second diagnosis, and the decibans it would
    /// weigh for the first.
    pub states: Vec<(String, f64, f64, f64)>,
    /// Mean of the expected weights for the one that is true, decibans.
    pub expected_decibans: f64,
}

/// So many unknowns are listed.
const LISTED: usize = 8;

/// Compares two diagnoses in the light of a case.
///
/// # Errors
/// A diagnosis that is not known.
pub fn compare(
    model: &Model,
    knowledge: &Knowledge,
    case: &Case,
    a: &str,
    b: &str,
) -> Result<Comparison, ModelError> {
    let (first, second) = (model.index_of(a)?, model.index_of(b)?);
    let mut workspace = Workspace::default();
    let Heard { evidence, facts, .. } = model.evidence(case, knowledge);
    let explanation = model.engine.explain(&evidence, &mut workspace)?;
    let prior = &model.engine.network().variable(model.engine.root()).table;
    let prior_decibans = natural_to_decibans((prior[first] / prior[second]).ln());
    let mut weights = (0..facts.len())
        .map(|fact| WeighedFact {
            fact,
            decibans: natural_to_decibans(explanation.weight_between(fact, first, second)),
        })
        .collect::<Vec<_>>();
    let posterior_decibans = prior_decibans + weights.iter().map(|weight| weight.decibans).sum::<f64>();
    weights.sort_by(|a, b| b.decibans.abs().total_cmp(&a.decibans.abs()).then(a.fact.cmp(&b.fact)));

    let mut would_separate = Unknown::all(model, knowledge, &evidence, &mut workspace)?
        .into_iter()
        .map(|unknown| {
            let states = unknown
                .states
                .iter()
                .enumerate()
                .map(|(state, name)| {
                    let (p, q) = (unknown.probability(state, first), unknown.probability(state, second));
                    (name.clone(), p, q, natural_to_decibans((p / q).ln()))
                })
                .collect::<Vec<_>>();
            let expected_decibans = states.iter().map(|(_, p, q, weight)| (p - q) * weight / 2.0).sum();
            Separation { id: unknown.id.to_owned(), states, expected_decibans }
        })
        .collect::<Vec<_>>();
    would_separate
        .sort_by(|a, b| b.expected_decibans.total_cmp(&a.expected_decibans).then_with(|| a.id.cmp(&b.id)));
    would_separate.truncate(LISTED);
    Ok(Comparison {
        a: a.to_owned(),
        b: b.to_owned(),
        probabilities: [explanation.posterior[first], explanation.posterior[second]],
        prior_decibans,
        posterior_decibans,
        facts: facts.into_iter().map(|fact| FactReport { fact }).collect(),
        weights,
        would_separate,
    })
}
