//! The real network and a real case to ask it about.

use apatite_case::{Format, Policy, read};
use apatite_knowledge::{Folder, Knowledge};
use apatite_network::Evidence;
use apatite_reason::{Counts, Model, ProvenCase, counts_of};

pub(crate) const SETTING: &str = "consultation";
/// So many observed leaves has the query that is timed.
const OBSERVED: usize = 30;

#[allow(dead_code, reason = "each benchmark uses a part of it")]
pub(crate) struct Bench {
    pub(crate) knowledge: Knowledge,
    pub(crate) counts: Counts,
    pub(crate) model: Model,
    /// The published cases, in the order of their names.
    pub(crate) cases: Vec<ProvenCase>,
    /// Position of the case that tells most.
    pub(crate) chosen: usize,
    /// What it tells; and since no published case tells so much, what other cases of the same diagnosis tell besides.
    pub(crate) evidence: Evidence,
}

pub(crate) fn bench() -> Bench {
    let knowledge = Knowledge::read(&Folder::embedded()).unwrap();
    let counts = counts_of(&knowledge.learned);
    let model = Model::new(&knowledge, SETTING, &counts).unwrap();
    let cases = knowledge
        .cases
        .iter()
        .map(|(path, text)| ProvenCase {
            id: path.rsplit('/').next().unwrap_or(path).to_owned(),
            // any text that tells the cases apart will do
            digest: path.clone(),
            case: read(text, Format::Toml, &knowledge, Policy::Default).case,
        })
        .collect::<Vec<_>>();
    let heard =
        cases.iter().map(|proven| model.evidence(&proven.case, &knowledge).evidence).collect::<Vec<_>>();
    let chosen = (0..cases.len()).max_by_key(|index| heard[*index].items().len()).unwrap();
    let diagnosis = |index: usize| cases[index].case.expected.as_ref().map(|expected| &expected.diagnosis);
    let mut evidence = heard[chosen].clone();
    for other in (0..cases.len()).filter(|other| diagnosis(*other) == diagnosis(chosen)) {
        for (variable, likelihood) in heard[other].items() {
            let known = evidence.items().iter().any(|item| item.0 == *variable);
            if !known && evidence.items().len() < OBSERVED {
                evidence.add(*variable, likelihood.clone());
            }
        }
    }
    assert_eq!(evidence.items().len(), OBSERVED, "other facts are needed to make a full query");
    Bench { knowledge, counts, model, chosen, evidence, cases }
}
