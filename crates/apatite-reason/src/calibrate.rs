/*!
Whether probabilities mean what they say, and what it would take that they do.

A recalibration raises all probabilities of a case to one power and normalises them again: above 1 the answers were too
cautious, below too bold. The ranking stays. It is fitted on the other folds, never on the cases it is judged by.
*/

use serde::Serialize;

use crate::evaluate::{CaseOutcome, folds_of};

/// Leaders of about one probability, and how often they are right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// From this probability, inclusive.
    pub from: f64,
    /// To this probability.
    pub to: f64,
    /// Number of cases.
    pub cases: usize,
    /// Mean probability of the leader.
    pub confidence: f64,
    /// Share of leaders that are right.
    pub accuracy: f64,
}

/// What a recalibration brings on cases that did not fit it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recalibration {
    /// The power, fitted on all cases.
    pub power: f64,
    /// The power fitted without each fold.
    pub power_by_fold: Vec<f64>,
    /// Mean negative natural logarithm of the probability of the truth.
    pub log_loss: f64,
    /// Expected calibration error of the leader's probability.
    pub ece: f64,
    /// What `ece` is made of.
    pub reliability: Vec<ReliabilityBin>,
    /// Whether it lowers the log loss on cases that did not fit it.
    pub helps: bool,
}

/// Bins of the reliability table.
const BINS: usize = 10;
/// Powers between which the best is sought, natural logarithms.
const SOUGHT: [f64; 2] = [-2.0, 2.0];
/// Steps of the search; each narrows it by the golden section.
const STEPS: usize = 40;

/// The reliability table of leaders, each with its probability and whether it is right, and its expected error.
pub(crate) fn reliability(leaders: &[(f64, bool)]) -> (Vec<ReliabilityBin>, f64) {
    let mut bins = vec![Vec::new(); BINS];
    for leader in leaders {
        bins[((leader.0 * BINS as f64) as usize).min(BINS - 1)].push(*leader);
    }
    let table = bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| !bin.is_empty())
        .map(|(index, bin)| ReliabilityBin {
            from: index as f64 / BINS as f64,
            to: (index + 1) as f64 / BINS as f64,
            cases: bin.len(),
            confidence: bin.iter().map(|leader| leader.0).sum::<f64>() / bin.len() as f64,
            accuracy: bin.iter().filter(|leader| leader.1).count() as f64 / bin.len() as f64,
        })
        .collect::<Vec<_>>();
    let ece = table
        .iter()
        .map(|bin| bin.cases as f64 / leaders.len().max(1) as f64 * (bin.confidence - bin.accuracy).abs())
        .sum();
    (table, ece)
}

/// Fits the power on all folds but one and judges that one, in turn.
pub(crate) fn recalibrated(outcomes: &[CaseOutcome], folds: usize) -> Recalibration {
    let names = outcomes.iter().map(|outcome| (outcome.expected.as_str(), outcome.file.as_str()));
    let fold_of = folds_of(&names.collect::<Vec<_>>(), folds);
    let all = outcomes.iter().collect::<Vec<_>>();
    let power_by_fold = (0..folds)
        .map(|fold| {
            let others = all.iter().zip(&fold_of).filter(|(_, own)| **own != fold);
            best_power(&others.map(|(outcome, _)| *outcome).collect::<Vec<_>>())
        })
        .collect::<Vec<_>>();
    let losses = outcomes.iter().zip(&fold_of).map(|(outcome, fold)| loss(outcome, power_by_fold[*fold]));
    let log_loss = losses.sum::<f64>() / outcomes.len().max(1) as f64;
    let before = mean_loss(&all, 1.0);
    let leaders = outcomes.iter().zip(&fold_of).map(|(outcome, fold)| {
        let sharpened = raised(&outcome.posterior, power_by_fold[*fold]);
        (sharpened.into_iter().fold(0.0, f64::max), outcome.rank == 1)
    });
    let (reliability, ece) = reliability(&leaders.collect::<Vec<_>>());
    Recalibration {
        power: best_power(&all),
        power_by_fold,
        log_loss,
        ece,
        reliability,
        helps: log_loss < before,
    }
}

/// The power with the least log loss, which has one minimum, by golden sections.
fn best_power(outcomes: &[&CaseOutcome]) -> f64 {
    let section = (5.0f64.sqrt() - 1.0) / 2.0;
    let [mut low, mut high] = SOUGHT;
    for _ in 0..STEPS {
        let (a, b) = (high - section * (high - low), low + section * (high - low));
        if mean_loss(outcomes, a.exp()) <= mean_loss(outcomes, b.exp()) {
            high = b;
        } else {
            low = a;
        }
    }
    f64::midpoint(low, high).exp()
}

fn mean_loss(outcomes: &[&CaseOutcome], power: f64) -> f64 {
    outcomes.iter().map(|outcome| loss(outcome, power)).sum::<f64>() / outcomes.len().max(1) as f64
}

fn loss(outcome: &CaseOutcome, power: f64) -> f64 {
    let posterior = raised(&outcome.posterior, power);
    let accepted = posterior.iter().zip(&outcome.accepted).filter(|(_, accepted)| **accepted);
    -accepted.map(|(p, _)| p).sum::<f64>().max(f64::MIN_POSITIVE).ln()
}

fn raised(posterior: &[f64], power: f64) -> Vec<f64> {
    let raised = posterior.iter().map(|p| p.powf(power)).collect::<Vec<_>>();
    let total: f64 = raised.iter().sum();
    raised.into_iter().map(|p| p / total).collect()
}
