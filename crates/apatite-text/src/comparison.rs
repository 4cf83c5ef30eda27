use std::fmt::Write as _;

use apatite_reason::Comparison;

use crate::differential::{footer, subject, weights};
use crate::words::{FAINT, HEADING, Words, styled};

/// What separates two diagnoses in a case.
#[must_use]
pub fn comparison(words: &Words<'_>, comparison: &Comparison) -> String {
    let (a, b) = (words.diagnosis(&comparison.a), words.diagnosis(&comparison.b));
    let [pa, pb] = comparison.probabilities.map(|probability| words.percent(probability));
    let mut out = String::new();
    let names = [("a", format!("{a} ({pa})")), ("b", format!("{b} ({pb})"))];
    let names = names.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _ = writeln!(out, "{}", styled(HEADING, &words.text("compare-title", &names)));
    let arguments = [
        ("prior", words.decibans(comparison.prior_decibans)),
        ("facts", words.decibans(comparison.posterior_decibans - comparison.prior_decibans)),
        ("posterior", words.decibans(comparison.posterior_decibans)),
    ];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _ = writeln!(out, "   {}", styled(FAINT, &words.text("compare-odds", &arguments)));
    weights(
        &mut out,
        words,
        &comparison.weights,
        &comparison.facts,
        &words.text("compare-for", &[("name", a)]),
        &words.text("compare-for", &[("name", b)]),
    );
    let _ = writeln!(out, "\n{}", styled(HEADING, &words.text("would-separate", &[])));
    for separation in &comparison.would_separate {
        // the state that would speak most for either
        let strongest = separation
            .states
            .iter()
            .enumerate()
            .filter(|(index, _)| separation.states.len() > 2 || *index > 0)
            .max_by(|(_, x), (_, y)| (x.1.max(x.2) * x.3.abs()).total_cmp(&(y.1.max(y.2) * y.3.abs())));
        let Some((_, (state, p, q, decibans))) = strongest else { continue };
        let name = if state.starts_with("band") {
            subject(words, &separation.id)
        } else {
            words.state(&separation.id, state)
        };
        let arguments = [
            ("name", name),
            ("a", words.percent(*p)),
            ("b", words.percent(*q)),
            ("decibans", words.decibans(*decibans)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        let _ = writeln!(out, "     {}", words.text("would-separate-line", &arguments));
    }
    let _ = write!(out, "\n{}", footer(words));
    out
}
