use std::fmt::Write as _;

use apatite_advise::{Advice, Advised, Alarm, Asked, Clash, FirstAdvice, Question, Sufficiency, WhatIf};
use apatite_case::Case;
use apatite_knowledge::{Condition, Language, Severity, Urgency};
use apatite_reason::Hinge;

use crate::differential::{footer, indented, subject};
use crate::words::{BAD, FAINT, GOOD, HEADING, Words, padded, printable, styled};

/// Answers of a question that are told in the text.
const OUTCOMES_TOLD: usize = 3;
/// Questions of an examination that are told in the text.
const QUESTIONS_TOLD: usize = 4;

/// What cannot wait, facts that contradict each other, and whether enough is known; empty where there is nothing to say.
#[must_use]
pub fn alarms(words: &Words<'_>, alarms: &[Alarm], clashes: &[Clash], sufficiency: Sufficiency) -> String {
    let mut out = String::new();
    for alarm in alarms {
        let Some(known) = words.knowledge.alarms.alarms.get(&alarm.alarm) else { continue };
        let key = if alarm.urgency == Urgency::Emergency { "alarm-emergency" } else { "alarm-urgent" };
        let title = words.text(key, &[("name", known.names.get(words.language))]);
        let _ = writeln!(out, "{}", styled(BAD.bold(), &title));
        let text = in_language(words, &known.en, &known.it);
        let _ = writeln!(out, "{}", indented(&format!("{text} [{}]", alarm.sources.join(", ")), 4));
    }
    for clash in clashes {
        let [a, b] = clash.findings.each_ref().map(|finding| words.finding(finding));
        let _ = writeln!(out, "{}", styled(BAD.bold(), &words.text("clash-line", &[("a", a), ("b", b)])));
    }
    if sufficiency.strange {
        let bits = words.decimals(sufficiency.conflict_bits, 1);
        let _ = writeln!(out, "{}", styled(BAD, &words.text("strange-line", &[("bits", &bits)])));
    }
    let key = if sufficiency.insufficient { "insufficient-line" } else { "sufficient-line" };
    let line = words.text(key, &[("chance", &words.percent(sufficiency.leader_change))]);
    let _ = writeln!(
        out,
        "{}\n",
        styled(if sufficiency.insufficient { BAD } else { FAINT }, &indented(&line, 0))
    );
    out
}

/// What to do next: a ranking of `top` examinations, the first `explained` with what each answer would mean.
#[must_use]
pub fn advice(words: &Words<'_>, case: &Case, advice: &Advice, top: usize, explained: usize) -> String {
    let mut out = String::new();
    if let Some(title) = &case.title {
        let _ = writeln!(out, "{}", styled(HEADING, &printable(title)));
    }
    let setting =
        words.knowledge.setting(&advice.setting).map_or("", |setting| setting.names.get(words.language));
    let _ = writeln!(out, "{}\n", styled(FAINT, &words.text("setting-line", &[("setting", setting)])));
    out.push_str(&alarms(words, &advice.alarms, &advice.clashes, advice.sufficiency));
    let now = [
        ("leader", words.diagnosis(&advice.leader).to_owned()),
        ("probability", words.percent(advice.leader_probability)),
        ("malignant", words.percent(advice.malignant)),
        ("bits", words.decimals(advice.entropy_bits, 2)),
    ];
    let now = now.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _ = writeln!(out, "{}\n", words.text("next-now", &now));
    let _ = writeln!(out, "{}", styled(HEADING, &words.text("next-title", &[])));
    if advice.examinations.is_empty() {
        let _ = writeln!(out, "     {}", words.text("next-nothing", &[]));
    }
    let shown = advice.examinations.iter().take(top).collect::<Vec<_>>();
    let names = shown.iter().map(|advised| examination(words, &advised.examination)).collect::<Vec<_>>();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let _ = writeln!(
        out,
        "{}",
        styled(FAINT, &format!("     {}  {}", padded("", width), words.text("next-columns", &[])))
    );
    for (place, (advised, name)) in shown.iter().zip(&names).enumerate() {
        let error = advised.gain.standard_error;
        let error = error.map_or(String::new(), |error| format!(" ±{}", words.decimals(error, 2)));
        let _ = writeln!(
            out,
            "{:>3}. {}  {:>5}{:<6}  {:>7}  {:>7}  {:>6}  {}",
            place + 1,
            padded(name, width),
            words.decimals(advised.gain.bits, 2),
            error,
            words.percent(advised.gain.leader_change),
            words.percent(advised.gain.malignancy_change),
            words.decimals(advised.score, 2),
            styled(FAINT, &burden(words, advised)),
        );
        warnings(&mut out, words, advised);
    }
    // a contraindication is said even where the ranking is cut before it
    for advised in advice.examinations.iter().skip(top).filter(|advised| advised.is_contraindicated()) {
        let _ = writeln!(out, "     {}", examination(words, &advised.examination));
        warnings(&mut out, words, advised);
    }
    for (place, advised) in shown.iter().take(explained).enumerate() {
        let title = format!("{}. {}", place + 1, examination(words, &advised.examination));
        let _ = writeln!(out, "\n{}", styled(HEADING, &title));
        for question in advised.questions.iter().take(QUESTIONS_TOLD) {
            answers(&mut out, words, question);
        }
    }
    if !advice.done.is_empty() {
        let done = advice.done.iter().map(|id| examination(words, id)).collect::<Vec<_>>().join("; ");
        let _ =
            writeln!(out, "\n{}", styled(FAINT, &indented(&words.text("next-done", &[("done", &done)]), 0)));
    }
    let _ = write!(out, "\n{}", footer(words));
    out
}

/// The differential before and after.
#[must_use]
pub fn what_if(words: &Words<'_>, answer: &WhatIf, top: usize) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", styled(HEADING, &words.text("what-if-title", &[])));
    for fact in &answer.supposed {
        let _ = writeln!(out, "     {}", words.fact(fact));
    }
    if answer.supposed.is_empty() {
        let _ = writeln!(out, "     {}", words.text("what-if-nothing", &[]));
    }
    let _ = writeln!(out);
    let shown = answer.differential.iter().take(top).collect::<Vec<_>>();
    let width =
        shown.iter().map(|shift| words.diagnosis(&shift.diagnosis).chars().count()).max().unwrap_or_default();
    let _ = writeln!(
        out,
        "{}",
        styled(FAINT, &format!("     {}  {}", padded("", width), words.text("what-if-columns", &[])))
    );
    for (place, shift) in shown.iter().enumerate() {
        let style = if shift.decibans >= 0.0 { GOOD } else { BAD };
        let _ = writeln!(
            out,
            "{:>3}. {}  {:>7}  {:>7}  {}  {}",
            place + 1,
            padded(words.diagnosis(&shift.diagnosis), width),
            words.percent(shift.before),
            words.percent(shift.after),
            styled(style, &format!("{:>7} dB", words.decibans(shift.decibans))),
            styled(FAINT, &words.text("what-if-rank", &[("rank", &shift.rank_before.to_string())])),
        );
    }
    let [before, after] = answer.malignant.map(|share| words.percent(share));
    let _ = writeln!(
        out,
        "\n     {}",
        words.text("what-if-malignant", &[("before", &before), ("after", &after)])
    );
    if answer.leader_changes {
        let _ = writeln!(out, "     {}", styled(HEADING, &words.text("what-if-leader", &[])));
    }
    for alarm in &answer.new_alarms {
        if let Some(known) = words.knowledge.alarms.alarms.get(&alarm.alarm) {
            let name = known.names.get(words.language);
            let _ =
                writeln!(out, "     {}", styled(BAD.bold(), &words.text("what-if-alarm", &[("name", name)])));
        }
    }
    let _ = write!(out, "\n{}", footer(words));
    out
}

/// How soon asking leads to the diagnosis.
#[must_use]
pub fn asked(words: &Words<'_>, asked: &Asked) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", styled(HEADING, &words.counted("evaluation-title", asked.cases)));
    let hidden = words.decimals(asked.hidden, 1);
    let counts = [asked.halvings, asked.random_orders].map(|count| count.to_string());
    let arguments = [("hidden", hidden.as_str()), ("halvings", &counts[0]), ("orders", &counts[1])];
    let _ = writeln!(out, "{}", indented(&words.text("asked-line", &arguments), 2));
    for (key, [own, random], saved) in [
        ("asked-reached", asked.reached, asked.saved_reached),
        ("asked-settled", asked.settled, asked.saved_settled),
    ] {
        let values = [words.decimals(own, 2), words.decimals(random, 2), words.percent(saved)];
        let arguments = [("asked", values[0].as_str()), ("random", &values[1]), ("saved", &values[2])];
        let _ = writeln!(out, "  {}", words.text(key, &arguments));
    }
    let _ = write!(out, "\n{}", footer(words));
    out
}

/// How often the first advice is what the authors did.
#[must_use]
pub fn first_advice(words: &Words<'_>, judged: &FirstAdvice) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", styled(HEADING, &words.counted("first-advice-title", judged.cases)));
    for (key, share) in [
        ("first-advice-told", judged.told),
        ("first-advice-done", judged.done),
        ("first-advice-three", judged.done_of_three),
    ] {
        let _ = writeln!(out, "  {}", words.text(key, &[("share", &words.percent(share))]));
    }
    let mut tally = std::collections::BTreeMap::<&str, [usize; 2]>::new();
    for case in &judged.per_case {
        let own = tally.entry(case.advice.as_deref().unwrap_or_default()).or_default();
        own[0] += 1;
        own[1] += usize::from(case.done);
    }
    let mut tally = tally.into_iter().collect::<Vec<_>>();
    tally.sort_by(|a, b| b.1[0].cmp(&a.1[0]).then(a.0.cmp(b.0)));
    let _ = writeln!(out, "\n{}", styled(HEADING, &words.text("first-advice-tally", &[])));
    for (id, [advised, done]) in tally {
        let _ = writeln!(out, "  {done:>3} / {advised:<3}  {}", examination(words, id));
    }
    let _ = write!(out, "\n{}", footer(words));
    out
}

fn warnings(out: &mut String, words: &Words<'_>, advised: &Advised) {
    for caveat in &advised.warnings {
        let Some(known) = words.knowledge.examinations.warnings.get(&caveat.warning) else { continue };
        let text = in_language(words, &known.en, &known.it);
        let key = if caveat.severity == Severity::Contraindicated { "caveat-never" } else { "caveat-care" };
        let style = if caveat.severity == Severity::Contraindicated { BAD.bold() } else { BAD };
        let _ = writeln!(out, "{}", styled(style, &indented(&words.text(key, &[("text", text)]), 7)));
    }
}

fn answers(out: &mut String, words: &Words<'_>, question: &Question) {
    let bits = words.decimals(question.bits, 2);
    let name = name_of(words, &question.id);
    let _ = writeln!(out, "   {}", words.text("next-question", &[("name", &name), ("bits", &bits)]));
    let mut likely = question.outcomes.iter().enumerate().collect::<Vec<_>>();
    likely.sort_by(|a, b| b.1.probability.total_cmp(&a.1.probability).then(a.0.cmp(&b.0)));
    let mut told = likely.into_iter().take(OUTCOMES_TOLD).collect::<Vec<_>>();
    told.sort_by_key(|(place, _)| *place);
    for (_, outcome) in told {
        let arguments = [
            ("state", state_of(words, &question.id, &outcome.state)),
            ("probability", words.percent(outcome.probability)),
            ("leader", words.diagnosis(&outcome.leader).to_owned()),
            ("leads", words.percent(outcome.leader_probability)),
            ("malignant", words.percent(outcome.malignant)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        let _ = writeln!(out, "{}", indented(&words.text("next-outcome", &arguments), 7));
    }
}

/// What one question is about.
fn name_of(words: &Words<'_>, id: &str) -> String {
    if words.knowledge.findings.findings.contains_key(id) {
        return words.finding(id).to_owned();
    }
    match words.knowledge.findings.quantities.get(id) {
        Some(quantity) => quantity.names.get(words.language).to_owned(),
        None => subject(words, id),
    }
}

fn state_of(words: &Words<'_>, id: &str, state: &str) -> String {
    let knowledge = words.knowledge;
    if knowledge.findings.groups.contains_key(id) {
        return words.finding_within(state);
    }
    if let Some(quantity) = knowledge.findings.quantities.get(id) {
        let band = state.trim_start_matches("band").parse::<usize>().unwrap_or_default();
        let edge = |index: usize| quantity.bands.get(index).map(|edge| words.number(*edge));
        return match (band.checked_sub(1).and_then(edge), edge(band)) {
            (None, Some(high)) => format!("< {high}"),
            (Some(low), Some(high)) => format!("{low} - {high}"),
            (Some(low), None) => format!(">= {low}"),
            (None, None) => state.to_owned(),
        };
    }
    if state == "present" || state == "absent" {
        return words.text(&format!("state-word-{state}"), &[]);
    }
    words.text(&format!("level-{state}"), &[])
}

fn burden(words: &Words<'_>, advised: &Advised) -> String {
    let burden = &advised.burden;
    let mut parts = Vec::new();
    if let Some(dose) = burden.dose_msv {
        parts.push(format!("{} mSv", words.number(dose)));
    }
    if let Some(contrast) = burden.contrast {
        let key = match contrast {
            apatite_knowledge::Contrast::Iodinated => "contrast-iodinated",
            apatite_knowledge::Contrast::Gadolinium => "contrast-gadolinium",
        };
        parts.push(words.text(key, &[]));
    }
    let key = match burden.invasiveness {
        steps if steps <= 0.0 => None,
        steps if steps < 1.0 => Some("invasive-sample"),
        steps if steps < 2.0 => Some("invasive-needle"),
        _ => Some("invasive-operation"),
    };
    parts.extend(key.map(|key| words.text(key, &[])));
    let days = words.number(burden.delay_days);
    parts.push(words.text("burden-days", &[("days", &days)]));
    parts.push(words.text("burden-cost", &[("class", &burden.cost_class.to_string())]));
    parts.join(", ")
}

fn examination<'a>(words: &Words<'a>, id: &'a str) -> &'a str {
    words.knowledge.examinations.examinations.get(id).map_or(id, |known| known.names.get(words.language))
}

fn in_language<'a>(words: &Words<'_>, en: &'a str, it: &'a str) -> &'a str {
    match words.language {
        Language::En => en,
        Language::It => it,
    }
}

/// The numbers that a fragile lead hangs on.
pub(crate) fn hinges(words: &Words<'_>, hinges: &[Hinge]) -> String {
    let mut out = String::new();
    if !hinges.is_empty() {
        let _ = writeln!(out, "     {}", words.text("hinges-title", &[]));
    }
    for hinge in hinges {
        let (subject, modality) =
            hinge.subject.split_once('@').map_or((hinge.subject.as_str(), None), |(a, b)| (a, Some(b)));
        let knowledge = words.knowledge;
        let mut what = match subject {
            "site" => words.site(&hinge.state).to_owned(),
            "age" | "sex" | "presentation" => words.text(&format!("hinge-{subject}"), &[]),
            "diagnosis" => words.diagnosis(&hinge.state).to_owned(),
            _ => match knowledge.conditions.iter().find(|condition| condition.id == subject) {
                Some(condition) => state_name(words, condition, &hinge.state),
                None => format!("{}, {}", name_of(words, subject), state_of(words, subject, &hinge.state)),
            },
        };
        if let Some(modality) = modality {
            what = format!("{}: {what}", words.modality(modality));
        }
        let given = hinge.given.as_deref().map(|given| {
            if knowledge.diagnosis(given).is_some() {
                return words.diagnosis(given).to_owned();
            }
            if given == "present" || given == "absent" {
                return words.text(&format!("state-word-{given}"), &[]);
            }
            let own = knowledge
                .conditions
                .iter()
                .find(|condition| condition.states.iter().any(|state| state == given));
            own.map_or_else(|| words.finding_within(given), |condition| state_name(words, condition, given))
        });
        let given = given.unwrap_or_else(|| words.text("hinge-case-mix", &[]));
        let [low, high] = hinge.interval.map(|end| words.percent(end));
        let [from, to] = hinge.lead_decibans.map(|lead| words.decibans(lead));
        let arguments = [
            ("what", what),
            ("given", given),
            ("value", words.percent(hinge.value)),
            ("low", low),
            ("high", high),
            ("from", from),
            ("to", to),
            ("sources", hinge.sources.join(", ")),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        let _ = writeln!(out, "{}", indented(&words.text("hinge-line", &arguments), 7));
    }
    out
}

fn state_name(words: &Words<'_>, condition: &Condition, state: &str) -> String {
    condition.state_names.get(state).map_or(state, |names| names.get(words.language)).to_owned()
}
