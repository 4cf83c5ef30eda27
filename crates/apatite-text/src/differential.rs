use std::fmt::Write as _;

use apatite_case::Case;
use apatite_knowledge::{Nature, Statement};
use apatite_reason::{Differential, FactReport, Implied, RankedDiagnosis, WeighedFact};

use crate::advice::hinges;
use crate::words::{BAD, FAINT, GOOD, HEADING, Words, bar, padded, printable, styled};

/// Weights smaller than this are summed up in one line.
const SMALL_DECIBANS: f64 = 0.5;
const BAR_WIDTH: usize = 20;
/// Text is wrapped at this column.
const LINE_WIDTH: usize = 110;

/// The differential of a case: ranking, mechanisms, reasons, what disagrees, what is lacking.
#[must_use]
pub fn differential(words: &Words<'_>, case: &Case, answer: &Differential, top: usize) -> String {
    let mut out = String::new();
    if let Some(title) = &case.title {
        let _ = writeln!(out, "{}", styled(HEADING, &printable(title)));
    }
    let setting = words
        .knowledge
        .setting(&answer.setting)
        .map_or(answer.setting.as_str(), |setting| setting.names.get(words.language));
    let _ = writeln!(out, "{}\n", styled(FAINT, &words.text("setting-line", &[("setting", setting)])));
    if answer.facts.is_empty() {
        let _ = writeln!(out, "{}\n", words.text("no-facts", &[]));
    }

    let _ = writeln!(out, "{}", heading(words, "differential"));
    let mut robust = String::new();
    let shown = answer.differential.iter().take(top).collect::<Vec<_>>();
    let name_width = shown
        .iter()
        .map(|ranked| words.diagnosis(&ranked.diagnosis).chars().count())
        .max()
        .unwrap_or_default();
    let intervals = shown
        .iter()
        .map(|ranked| {
            ranked.interval.map_or(String::new(), |[low, high]| {
                format!("  ({} - {})", words.percent(low), words.percent(high))
            })
        })
        .collect::<Vec<_>>();
    let interval_width = intervals.iter().map(|interval| interval.chars().count()).max().unwrap_or_default();
    for (place, (ranked, interval)) in shown.iter().zip(&intervals).enumerate() {
        let name = padded(words.diagnosis(&ranked.diagnosis), name_width);
        let name = if ranked.nature == Nature::Malignant { styled(BAD, &name) } else { name };
        let mechanism = styled(FAINT, &words.mechanism(&ranked.mechanism));
        let interval = padded(interval, interval_width);
        let _ = writeln!(
            out,
            "{:>3}. {name}  {}  {:>7}{interval}  {mechanism}",
            place + 1,
            bar(ranked.probability, BAR_WIDTH),
            words.percent(ranked.probability),
        );
    }
    let leader = answer.differential.first();
    if let (Some(robustness), Some(leads)) = (&answer.robustness, leader.and_then(|ranked| ranked.leads)) {
        let arguments = [("share", words.percent(leads)), ("draws", robustness.draws.to_string())];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        let key = if robustness.fragile { "robustness-fragile" } else { "robustness-line" };
        let style = if robustness.fragile { BAD } else { FAINT };
        robust = styled(style, &indented(&words.text(key, &arguments), 5));
    }
    let rest = answer.differential.iter().skip(top).collect::<Vec<_>>();
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|ranked| ranked.probability).sum();
        let name = words.counted("others-together", rest.len());
        let line =
            format!("     {}  {}  {:>7}", padded(&name, name_width), bar(sum, BAR_WIDTH), words.percent(sum));
        let _ = writeln!(out, "{}", styled(FAINT, &line));
    }

    if !robust.is_empty() {
        let _ = writeln!(out, "{robust}");
    }
    if let Some(robustness) = &answer.robustness {
        out.push_str(&hinges(words, &robustness.hinges));
    }

    let _ = writeln!(out, "\n{}", heading(words, "by-mechanism"));
    let mechanism_width = answer
        .mechanisms
        .iter()
        .map(|mechanism| words.mechanism(&mechanism.mechanism).chars().count())
        .max()
        .unwrap_or_default();
    for mechanism in &answer.mechanisms {
        let name = padded(&words.mechanism(&mechanism.mechanism), mechanism_width);
        let percent = words.percent(mechanism.probability);
        let _ = writeln!(out, "     {name}  {}  {percent:>7}", bar(mechanism.probability, BAR_WIDTH));
    }

    for (place, ranked) in
        answer.differential.iter().enumerate().filter(|(_, ranked)| !ranked.weights.is_empty())
    {
        reasons(&mut out, words, place, ranked, &answer.facts);
    }

    if !answer.implied.is_empty() {
        let _ = writeln!(out, "\n{}", heading(words, "implied"));
        for (finding, by, modalities) in implied(&answer.implied) {
            let modalities =
                modalities.iter().map(|modality| words.modality(modality)).collect::<Vec<_>>().join(", ");
            let by = words.finding_within(by);
            let arguments =
                [("finding", words.finding(finding)), ("modalities", &modalities), ("by", by.as_str())];
            let _ = writeln!(out, "     {}", words.text("implied-line", &arguments));
        }
    }
    if !answer.contradictions.is_empty() {
        let _ = writeln!(out, "\n{}", heading(words, "disagree"));
        let names = |modalities: &[String]| {
            modalities.iter().map(|modality| words.modality(modality)).collect::<Vec<_>>().join(", ")
        };
        for contradiction in &answer.contradictions {
            let arguments = [
                ("finding", words.finding(&contradiction.finding)),
                ("present", &names(&contradiction.present)),
                ("absent", &names(&contradiction.absent)),
            ];
            let _ = writeln!(out, "     {}", words.text("disagree-line", &arguments));
        }
    }
    if !answer.unexplained.is_empty() {
        let _ = writeln!(out, "\n{}", heading(words, "unexplained"));
        for surprise in &answer.unexplained {
            let fact = words.fact(&answer.facts[surprise.fact].fact);
            let arguments = [("fact", fact.as_str()), ("probability", &words.percent(surprise.probability))];
            let _ = writeln!(out, "     {}", words.text("unexplained-line", &arguments));
        }
    }
    if !answer.lacking.is_empty() {
        let _ = writeln!(out, "\n{}", heading(words, "lacking"));
        for missing in &answer.lacking {
            let name = if missing.state == "present" || missing.state == "positive" {
                words.state(&missing.id, &missing.state)
            } else {
                subject(words, &missing.id)
            };
            let information = words.decimals(missing.information_bits, 2);
            let arguments = [("name", name.as_str()), ("information", &information)];
            let _ = writeln!(out, "     {}", words.text("lacking-line", &arguments));
        }
    }
    let _ = write!(out, "\n{}", footer(words));
    out
}

/// Where the answer comes from, and what it is for.
pub(crate) fn footer(words: &Words<'_>) -> String {
    let hash = words.knowledge.hash.get(..16).unwrap_or_default();
    let knowledge = words.text("knowledge-line", &[("version", &words.knowledge.version), ("hash", hash)]);
    format!("{}\n{}\n", styled(FAINT, &knowledge), words.text("intended-use", &[]))
}

/// One line for a case among many.
#[must_use]
pub fn one_line(words: &Words<'_>, name: &str, answer: &Differential) -> String {
    let leaders = answer
        .differential
        .iter()
        .take(3)
        .map(|ranked| format!("{} {}", words.diagnosis(&ranked.diagnosis), words.percent(ranked.probability)))
        .collect::<Vec<_>>();
    format!("{}: {}", printable(name), leaders.join("; "))
}

fn reasons(
    out: &mut String,
    words: &Words<'_>,
    place: usize,
    ranked: &RankedDiagnosis,
    facts: &[FactReport],
) {
    let name = words.diagnosis(&ranked.diagnosis);
    let title = format!("{}. {name}, {}", place + 1, words.percent(ranked.probability));
    let _ = writeln!(out, "\n{}", styled(HEADING, &title));
    let arguments = [
        ("prior", words.decibans(ranked.prior_decibans)),
        ("facts", words.decibans(ranked.posterior_decibans - ranked.prior_decibans)),
        ("posterior", words.decibans(ranked.posterior_decibans)),
    ];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _ = writeln!(out, "   {}", styled(FAINT, &words.text("odds-line", &arguments)));
    weights(out, words, &ranked.weights, facts, &words.text("for", &[]), &words.text("against", &[]));
    if !ranked.expected.is_empty() {
        let _ = writeln!(out, "   {}", words.text("expected", &[]));
        for missing in &ranked.expected {
            let arguments = [
                ("name", words.state(&missing.id, &missing.state)),
                ("probability", words.percent(missing.probability)),
                ("decibans", words.decibans(missing.decibans)),
            ];
            let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
            let _ = writeln!(out, "       {}", words.text("expected-line", &arguments));
        }
    }
    if let Some(diagnosis) = words.knowledge.diagnosis(&ranked.diagnosis) {
        statements(out, words, "confirmation", &diagnosis.confirmation);
        statements(out, words, "must-not-miss", &diagnosis.must_not_miss);
    }
}

/// The facts for and against, strongest first; the small ones in one line, so that all add up.
pub(crate) fn weights(
    out: &mut String,
    words: &Words<'_>,
    weights: &[WeighedFact],
    facts: &[FactReport],
    for_title: &str,
    against_title: &str,
) {
    let (large, small): (Vec<_>, Vec<_>) =
        weights.iter().partition(|weight| weight.decibans.abs() >= SMALL_DECIBANS);
    for (title, style, positive) in [(for_title, GOOD, true), (against_title, BAD, false)] {
        let own = large.iter().filter(|weight| (weight.decibans > 0.0) == positive).collect::<Vec<_>>();
        if !own.is_empty() {
            let _ = writeln!(out, "   {title}");
        }
        for weight in own {
            let decibans = styled(style, &format!("{:>6} dB", words.decibans(weight.decibans)));
            let fact = words.fact(&facts[weight.fact].fact);
            let _ = writeln!(out, "    {decibans}  {fact}");
        }
    }
    if !small.is_empty() {
        let sum: f64 = small.iter().map(|weight| weight.decibans).sum();
        let text = words.counted("remaining-facts", small.len());
        let line = format!("    {:>6} dB  {text}", words.decibans(sum));
        let _ = writeln!(out, "{}", styled(FAINT, &line));
    }
}

fn statements(out: &mut String, words: &Words<'_>, title: &str, statements: &[Statement]) {
    if statements.is_empty() {
        return;
    }
    let _ = writeln!(out, "   {}", words.text(title, &[]));
    for statement in statements {
        let _ = writeln!(out, "{}", indented(statement.get(words.language), 7));
    }
}

/// Name of an exclusive group or an analyte without a state.
pub(crate) fn subject(words: &Words<'_>, id: &str) -> String {
    words
        .knowledge
        .findings
        .groups
        .get(id)
        .map_or_else(|| words.analyte(id).to_owned(), |group| group.names.get(words.language).to_owned())
}

fn heading(words: &Words<'_>, key: &str) -> String {
    styled(HEADING, &words.text(key, &[]))
}

/// Text wrapped and moved to the right.
pub(crate) fn indented(text: &str, columns: usize) -> String {
    let indent = " ".repeat(columns);
    let options = textwrap::Options::new(LINE_WIDTH).initial_indent(&indent).subsequent_indent(&indent);
    textwrap::fill(text, options)
}

/// What adds nothing, once for all modalities that told it: finding, what contains it, modalities.
fn implied(all: &[Implied]) -> Vec<(&str, &str, Vec<&str>)> {
    let mut told: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for Implied { finding, by, modality } in all {
        match told.iter_mut().find(|(known, known_by, _)| known == finding && known_by == by) {
            Some((_, _, modalities)) if modalities.contains(&modality.as_str()) => {}
            Some((_, _, modalities)) => modalities.push(modality),
            None => told.push((finding, by, vec![modality])),
        }
    }
    told
}
