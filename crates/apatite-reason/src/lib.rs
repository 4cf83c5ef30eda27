/*!
From a case to a ranked and explained differential diagnosis.

[`Model`] turns the knowledge into a Bayesian network and a case into evidence on it; [`diagnose`] answers with the
differential and what speaks for and against each diagnosis; [`compare`] says what separates two of them;
[`evaluate`] measures the whole on proven cases; [`fit`] counts proven cases into the numbers.

This crate reads no file, prints nothing, and holds no medical number: those are in the knowledge.
*/

mod compare;
mod diagnose;
mod draws;
mod evaluate;
mod fit;
mod model;
mod shapes;

pub use compare::{Comparison, Separation, compare};
pub use diagnose::{
    Contradiction, Differential, FactReport, MechanismProbability, Missing, RankedDiagnosis, Surprise,
    WeighedFact, diagnose,
};
pub use draws::{Robustness, robustness};
pub use evaluate::{
    CaseOutcome, Confusion, Evaluation, Folds, MechanismScore, ReliabilityBin, Subset, Withhold,
    case_weights, evaluate, judge_by_fold, ranking, without,
};
pub use fit::{Counts, ProvenCase, counts_of, fit};
pub use model::{Fact, FactKind, Heard, Implied, Model, ModelError, Said};
