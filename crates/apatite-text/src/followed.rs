use std::fmt::Write as _;

use apatite_follow::{Change, Followed, Limits, Outcome, Pair, Verdict, Warning};

use crate::words::{BAD, FAINT, GOOD, HEADING, Words, styled};

/// What has changed between two studies.
#[must_use]
pub fn followed(words: &Words<'_>, followed: &Followed, limits: &Limits) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", styled(FAINT, &words.registration(followed)));
    if followed.lesions.is_empty() {
        let _ = writeln!(out, "{}\n", words.text("follow-none", &[]));
    }
    for pair in &followed.lesions {
        let title = format!("{}. {}: {}", pair.id, words.kind(pair.kind), words.outcome(pair.outcome));
        let _ = writeln!(out, "{}", styled(HEADING, &title));
        for line in lines(words, pair) {
            let _ = writeln!(out, "   {}", line.styled(words));
        }
        out.push('\n');
    }
    if followed.lesions.len() > 1 {
        let _ = writeln!(out, "{}", styled(HEADING, &words.text("follow-burden", &[])));
        let _ = writeln!(out, "   {}\n", volume(words, &followed.burden_mm3).styled(words));
    }
    for warning in &followed.warnings {
        let _ = writeln!(out, "{}", words.follow_warning(*warning));
    }
    let _ = writeln!(out, "{}", styled(FAINT, &words.limit_of_change(limits)));
    let _ = writeln!(out, "\n{}", words.text("intended-use", &[]));
    out
}

impl Words<'_> {
    /// How two studies lie to each other.
    #[must_use]
    pub fn registration(&self, followed: &Followed) -> String {
        let registration = &followed.registration;
        let days = followed.days.map_or_else(
            || self.text("follow-days-unknown", &[]),
            |days| self.counted("follow-days", days.round() as usize),
        );
        let arguments = [
            ("days", days),
            ("residual", self.decimals(registration.residual_mm, 1)),
            ("overlap", self.percent(registration.bone_overlap)),
            ("angle", self.decimals(registration.earlier_from_later.angle_degrees(), 0)),
            ("view", self.percent(registration.common_view)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.text("follow-registration", &arguments)
    }

    /// What was measured of a lesion in both studies, a line for each thing.
    #[must_use]
    pub fn changes_of(&self, pair: &Pair) -> Vec<String> {
        lines(self, pair).iter().map(|line| line.plain(self)).collect()
    }

    /// What became of a lesion.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> String {
        self.text(&format!("follow-outcome-{}", outcome.word()), &[])
    }

    /// Whether a difference is a change.
    #[must_use]
    pub fn verdict(&self, verdict: Verdict) -> String {
        self.text(&format!("follow-verdict-{}", verdict.word()), &[])
    }

    /// What limits a comparison.
    #[must_use]
    pub fn follow_warning(&self, warning: Warning) -> String {
        self.text(&format!("follow-warning-{}", warning.word()), &[])
    }

    /// From what difference of volume on one is called a change, and by whom.
    #[must_use]
    pub fn limit_of_change(&self, limits: &Limits) -> String {
        let limit = &limits.volume;
        let sources = limit.sources.iter().map(|id| crate::gradings::source(self, id));
        let arguments = [
            ("share", self.number(limit.per_mm3)),
            ("root", self.decimals(limit.per_root_mm3, 2)),
            ("fixed", self.decimals(limits.volume_mm3(0.0), 2)),
            ("sources", sources.collect::<Vec<_>>().join("; ")),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.text("follow-limit", &arguments)
    }
}

/// Something that was measured in both studies.
struct Line {
    text: String,
    verdict: Option<Verdict>,
}

impl Line {
    fn plain(&self, words: &Words<'_>) -> String {
        self.with(|verdict| words.verdict(verdict))
    }

    fn styled(&self, words: &Words<'_>) -> String {
        self.with(|verdict| {
            let style = match verdict {
                Verdict::Increased => BAD,
                Verdict::Decreased => GOOD,
                Verdict::NoChange => FAINT,
            };
            styled(style, &words.verdict(verdict))
        })
    }

    fn with(&self, told: impl FnOnce(Verdict) -> String) -> String {
        match self.verdict {
            Some(verdict) => format!("{}: {}", self.text, told(verdict)),
            None => self.text.clone(),
        }
    }
}

fn lines(words: &Words<'_>, pair: &Pair) -> Vec<Line> {
    let plain = |text| Line { text, verdict: None };
    if matches!(pair.outcome, Outcome::OutOfView | Outcome::Unsettled) {
        let arguments = [
            ("earlier", words.decimals(pair.volume_mm3.earlier.value, 0)),
            ("later", words.decimals(pair.volume_mm3.later.value, 0)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        return vec![plain(words.text("follow-not-compared", &arguments))];
    }
    let mut lines =
        vec![volume(words, &pair.volume_mm3), change(words, "follow-mass", &pair.mass_hu_mm3, 1e-3, 1)];
    lines.extend(pair.density_hu.as_ref().map(|density| change(words, "follow-density", density, 1.0, 0)));
    for finding in &pair.findings {
        let key = if finding.later > finding.earlier { "follow-finding-came" } else { "follow-finding-went" };
        let arguments = [
            ("finding", words.finding(&finding.id).to_owned()),
            ("earlier", words.percent(finding.earlier)),
            ("later", words.percent(finding.later)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        lines.push(plain(words.text(key, &arguments)));
    }
    if let Some(growth) = pair.growth_mm3_per_month {
        let [growth, low, high] = growth.map(|value| words.decimals(value, 0));
        let arguments = [("growth", growth.as_str()), ("low", low.as_str()), ("high", high.as_str())];
        lines.push(plain(words.text("follow-growth", &arguments)));
    }
    lines
}

fn volume(words: &Words<'_>, told: &Change) -> Line {
    change(words, "follow-volume", told, 1.0, 0)
}

/// Both values, the difference with its interval, the limit and the verdict.
fn change(words: &Words<'_>, key: &str, told: &Change, scale: f64, decimals: usize) -> Line {
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
    Line { text: words.text(key, &arguments), verdict: Some(told.verdict) }
}
