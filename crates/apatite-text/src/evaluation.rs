use std::fmt::Write as _;

use apatite_reason::Evaluation;

use crate::differential::footer;
use crate::words::{BAD, HEADING, Words, padded, printable, styled};

/// The figures of an evaluation.
#[must_use]
pub fn evaluation(words: &Words<'_>, evaluation: &Evaluation) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", styled(HEADING, &words.counted("evaluation-title", evaluation.cases)));
    if evaluation.judged_by_themselves > 0 {
        let own = words.counted("evaluation-own", evaluation.judged_by_themselves);
        let _ = writeln!(out, "{}", styled(BAD, &own));
    }
    let percent = |value: f64| format!("{} %", words.decimals(value * 100.0, 1));
    let number = |value: f64| words.decimals(value, 3);
    let _ = writeln!(
        out,
        "  top-1 {}   top-3 {}   top-5 {}   MRR {}",
        percent(evaluation.top1),
        percent(evaluation.top3),
        percent(evaluation.top5),
        number(evaluation.mrr)
    );
    let _ = writeln!(
        out,
        "  Brier {}   log loss {}   ECE {}\n",
        number(evaluation.brier),
        number(evaluation.log_loss),
        number(evaluation.ece)
    );

    let title = |key: &str| styled(HEADING, &words.text(key, &[]));
    let column = |key: &str| words.text(key, &[]);
    let _ = writeln!(out, "{}", title("evaluation-reliability"));
    let _ = writeln!(
        out,
        "  {}  {:>6}  {:>10}  {:>8}",
        padded("", 13),
        column("column-cases"),
        column("column-confidence"),
        column("column-accuracy")
    );
    for bin in &evaluation.reliability {
        let range = format!("{:.0} - {:.0} %", bin.from * 100.0, bin.to * 100.0);
        let _ = writeln!(
            out,
            "  {}  {:>6}  {:>10}  {:>8}",
            padded(&range, 13),
            bin.cases,
            percent(bin.confidence),
            percent(bin.accuracy)
        );
    }

    if let Some(recalibration) = &evaluation.recalibration {
        let power = words.decimals(recalibration.power, 2);
        let (loss, ece) = (number(recalibration.log_loss), number(recalibration.ece));
        let arguments = [("power", power.as_str()), ("loss", &loss), ("ece", &ece)];
        let key = if recalibration.helps { "recalibration-helps" } else { "recalibration-vain" };
        let _ = writeln!(out, "  {}", words.text(key, &arguments));
    }

    let _ = writeln!(out, "\n{}", title("evaluation-mechanisms"));
    let _ = writeln!(
        out,
        "  {}  {:>6}  {:>7}  {:>7}  {:>17}",
        padded("", 24),
        column("column-cases"),
        "top-1",
        "top-3",
        column("column-mechanism-top1")
    );
    for score in &evaluation.mechanisms {
        let _ = writeln!(
            out,
            "  {}  {:>6}  {:>7}  {:>7}  {:>17}",
            padded(&words.mechanism(&score.mechanism), 24),
            score.cases,
            percent(score.top1),
            percent(score.top3),
            percent(score.mechanism_top1)
        );
    }

    let _ = writeln!(out, "\n{}", title("evaluation-subsets"));
    for subset in evaluation.subsets.iter().filter(|subset| subset.cases > 0) {
        let _ = writeln!(
            out,
            "  {}  {:>6}  {:>7}  {:>7}",
            padded(&words.text(&format!("subset-{}", subset.name), &[]), 24),
            subset.cases,
            percent(subset.top1),
            percent(subset.top3)
        );
    }

    if !evaluation.confusions.is_empty() {
        let _ = writeln!(out, "\n{}", title("evaluation-confusions"));
        for confusion in &evaluation.confusions {
            let _ = writeln!(
                out,
                "  {:>3}  {} -> {}",
                confusion.cases,
                words.diagnosis(&confusion.expected),
                words.diagnosis(&confusion.leader)
            );
        }
        let _ = writeln!(out, "\n{}", title("evaluation-misses"));
        for outcome in evaluation.per_case.iter().filter(|outcome| outcome.rank > 1) {
            let _ = writeln!(
                out,
                "  {}  {} {}, {}; {} {} {}",
                printable(&outcome.file),
                column("column-rank"),
                outcome.rank,
                percent(outcome.probability),
                column("column-leader"),
                words.diagnosis(&outcome.leader),
                percent(outcome.leader_probability)
            );
        }
    }
    let _ = write!(out, "\n{}", footer(words));
    out
}
