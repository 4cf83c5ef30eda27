use std::fmt::Write as _;

use apatite_follow::{Change, Followed, Limits, Outcome, Pair, Verdict};

use crate::words::{BAD, FAINT, GOOD, HEADING, Words, styled};

/// What has changed between two studies.
#[must_use]
pub fn followed(words: &Words<'_>, followed: &Followed, limits: &Limits) -> String {
    let mut out = String::new();
    let registration = &followed.registration;
    let days = followed.days.map_or_else(
        || words.text("follow-days-unknown", &[]),
        |days| words.counted("follow-days", days.round() as usize),
    );
    let arguments = [
        ("days", days),
        ("residual", words.decimals(registration.residual_mm, 1)),
        ("overlap", words.percent(registration.bone_overlap)),
        ("angle", words.decimals(registration.earlier_from_later.angle_degrees(), 0)),
        ("view", words.percent(registration.common_view)),
    ];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _ = writeln!(out, "{}\n", styled(FAINT, &words.text("follow-registration", &arguments)));
    if followed.lesions.is_empty() {
        let _ = writeln!(out, "{}\n", words.text("follow-none", &[]));
    }
    for pair in &followed.lesions {
        lines(&mut out, words, pair);
    }
    if followed.lesions.len() > 1 {
        let _ = writeln!(out, "{}", styled(HEADING, &words.text("follow-burden", &[])));
        let _ = writeln!(out, "   {}\n", volume(words, &followed.burden_mm3));
    }
    for warning in &followed.warnings {
        let _ = writeln!(out, "{}", words.text(&format!("follow-warning-{}", warning.word()), &[]));
    }
    let limit = &limits.volume;
    let arguments = [
        ("share", words.number(limit.per_mm3)),
        ("root", words.decimals(limit.per_root_mm3, 2)),
        ("fixed", words.decimals(limits.volume_mm3(0.0), 2)),
        (
            "sources",
            limit.sources.iter().map(|id| crate::gradings::source(words, id)).collect::<Vec<_>>().join("; "),
        ),
    ];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _ = writeln!(out, "{}", styled(FAINT, &words.text("follow-limit", &arguments)));
    let _ = writeln!(out, "\n{}", words.text("intended-use", &[]));
    out
}

fn lines(out: &mut String, words: &Words<'_>, pair: &Pair) {
    let outcome = words.text(&format!("follow-outcome-{}", pair.outcome.word()), &[]);
    let kind = words.text(&format!("kind-{}", crate::measurement::kind_id(pair.kind)), &[]);
    let title = format!("{}. {kind}: {outcome}", pair.id);
    let _ = writeln!(out, "{}", styled(HEADING, &title));
    if matches!(pair.outcome, Outcome::OutOfView | Outcome::Unsettled) {
        let arguments = [
            ("earlier", words.decimals(pair.volume_mm3.earlier.value, 0)),
            ("later", words.decimals(pair.volume_mm3.later.value, 0)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        let _ = writeln!(out, "   {}\n", words.text("follow-not-compared", &arguments));
        return;
    }
    let _ = writeln!(out, "   {}", volume(words, &pair.volume_mm3));
    let mass = change(words, "follow-mass", &pair.mass_hu_mm3, 1e-3, 1);
    let _ = writeln!(out, "   {mass}");
    if let Some(density) = &pair.density_hu {
        let _ = writeln!(out, "   {}", change(words, "follow-density", density, 1.0, 0));
    }
    for finding in &pair.findings {
        let key = if finding.later > finding.earlier { "follow-finding-came" } else { "follow-finding-went" };
        let arguments = [
            ("finding", words.finding(&finding.id).to_owned()),
            ("earlier", words.percent(finding.earlier)),
            ("later", words.percent(finding.later)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        let _ = writeln!(out, "   {}", words.text(key, &arguments));
    }
    if let Some([growth, low, high]) = pair.growth_mm3_per_month {
        let arguments = [growth, low, high].map(|value| words.decimals(value, 0));
        let arguments = [
            ("growth", arguments[0].as_str()),
            ("low", arguments[1].as_str()),
            ("high", arguments[2].as_str()),
        ];
        let _ = writeln!(out, "   {}", words.text("follow-growth", &arguments));
    }
    out.push('\n');
}

fn volume(words: &Words<'_>, told: &Change) -> String {
    change(words, "follow-volume", told, 1.0, 0)
}

/// Both values, the difference with its interval, the limit and the verdict.
fn change(words: &Words<'_>, key: &str, told: &Change, scale: f64, decimals: usize) -> String {
    let number = |value: f64| words.decimals(value * scale, decimals);
    let share = if told.earlier.value > 0.0 {
        let percent = 100.0 * told.difference / told.earlier.value;
        format!("{}{} %", if percent >= 0.0 { "+" } else { "" }, words.decimals(percent, 0))
    } else {
        "-".to_owned()
    };
    let arguments = [
        ("earlier", number(told.earlier.value)),
        ("later", number(told.later.value)),
        ("share", share),
        ("low", number(told.interval[0])),
        ("high", number(told.interval[1])),
        ("limit", number(told.limit)),
    ];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
    let line = words.text(key, &arguments);
    let verdict = words.text(&format!("follow-verdict-{}", told.verdict.word()), &[]);
    let style = match told.verdict {
        Verdict::Increased => BAD,
        Verdict::Decreased => GOOD,
        Verdict::NoChange => FAINT,
    };
    format!("{line}: {}", styled(style, &verdict))
}
