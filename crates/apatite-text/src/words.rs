use std::borrow::Cow;
use std::collections::HashMap;

use anstyle::{AnsiColor, Style};
use apatite_knowledge::{Frequency, Knowledge, Language};
use apatite_reason::{Fact, FactKind, Said};
use fluent_templates::Loader as _;
use fluent_templates::fluent_bundle::FluentValue;
use unic_langid::{LanguageIdentifier, langid};

fluent_templates::static_loader! {
    static LOCALES = {
        locales: "./locales",
        fallback_language: "en",
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

const ENGLISH: LanguageIdentifier = langid!("en");
const ITALIAN: LanguageIdentifier = langid!("it");

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// What speaks for something.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What speaks against it, and what is malignant.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What may be passed over.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Words of a case file for a laboratory result without a number.
const LEVELS: [&str; 7] = ["very_low", "low", "normal", "high", "very_high", "positive", "negative"];

/// The words of one language for one knowledge.
#[derive(Clone, Copy, Debug)]
pub struct Words<'k> {
    /// The knowledge that names come from.
    pub knowledge: &'k Knowledge,
    /// The language.
    pub language: Language,
}

impl<'k> Words<'k> {
    /// A text of the Fluent files.
    #[must_use]
    pub fn text(&self, key: &str, arguments: &[(&'static str, &str)]) -> String {
        let arguments = arguments.iter().map(|(name, value)| (*name, FluentValue::from((*value).to_owned())));
        self.lookup(key, arguments)
    }

    /// A text of the Fluent files with a `$count`, after which the words are singular or plural.
    #[must_use]
    pub fn counted(&self, key: &str, count: usize) -> String {
        self.lookup(key, std::iter::once(("count", FluentValue::from(count))))
    }

    fn lookup(
        &self,
        key: &str,
        arguments: impl Iterator<Item = (&'static str, FluentValue<'static>)>,
    ) -> String {
        let language = match self.language {
            Language::En => &ENGLISH,
            Language::It => &ITALIAN,
        };
        let arguments =
            arguments.map(|(name, value)| (Cow::Borrowed(name), value)).collect::<HashMap<_, _>>();
        LOCALES.lookup_with_args(language, key, &arguments)
    }

    /// Name of a diagnosis.
    #[must_use]
    pub fn diagnosis<'a>(&self, id: &'a str) -> &'a str
    where
        'k: 'a,
    {
        self.knowledge.diagnosis(id).map_or(id, |diagnosis| diagnosis.names.get(self.language))
    }

    /// Name of a finding.
    #[must_use]
    pub fn finding<'a>(&self, id: &'a str) -> &'a str
    where
        'k: 'a,
    {
        self.knowledge.findings.findings.get(id).map_or(id, |finding| finding.names.get(self.language))
    }

    /// Name of a finding within a sentence.
    #[must_use]
    pub fn finding_within(&self, id: &str) -> String {
        uncapitalised(self.finding(id))
    }

    /// Name of a modality.
    #[must_use]
    pub fn modality<'a>(&self, id: &'a str) -> &'a str
    where
        'k: 'a,
    {
        self.knowledge.modalities.get(id).map_or(id, |modality| modality.names.get(self.language))
    }

    /// Name of an analyte.
    #[must_use]
    pub fn analyte<'a>(&self, id: &'a str) -> &'a str
    where
        'k: 'a,
    {
        self.knowledge.analytes.analytes.get(id).map_or(id, |analyte| analyte.names.get(self.language))
    }

    /// Name of a site.
    #[must_use]
    pub fn site<'a>(&self, id: &'a str) -> &'a str
    where
        'k: 'a,
    {
        self.knowledge.findings.sites.get(id).map_or(id, |site| site.names.get(self.language))
    }

    /// Name of a mechanism.
    #[must_use]
    pub fn mechanism(&self, id: &str) -> String {
        self.text(&format!("mechanism-{id}"), &[])
    }

    /// Name of a finding, exclusive group or analyte with the state that is meant.
    #[must_use]
    pub fn state(&self, id: &str, state: &str) -> String {
        let knowledge = self.knowledge;
        if let Some(group) = knowledge.findings.groups.get(id) {
            let state = self.finding_within(state);
            return self.text("state-of", &[("name", group.names.get(self.language)), ("state", &state)]);
        }
        if knowledge.findings.findings.contains_key(id) {
            return self.text("state-present", &[("name", self.finding(id))]);
        }
        let name = self.analyte(id);
        if state == "positive" {
            return self.text("state-positive", &[("name", name)]);
        }
        let level = self.text(&format!("level-{state}"), &[]);
        self.text("state-of", &[("name", name), ("state", &level)])
    }

    /// A fact as one would say it.
    #[must_use]
    pub fn fact(&self, fact: &Fact) -> String {
        match &fact.kind {
            FactKind::Age { years } if *years == 1.0 => self.text("fact-age-one", &[]),
            FactKind::Age { years } => self.text("fact-age", &[("years", &self.number(*years))]),
            FactKind::Sex { sex } => self.text(&format!("fact-sex-{sex}"), &[]),
            FactKind::Sites { sites } => {
                let sites =
                    sites.iter().map(|site| uncapitalised(self.site(site))).collect::<Vec<_>>().join(", ");
                self.text("fact-sites", &[("sites", &sites)])
            }
            FactKind::Findings { modality, said } => {
                let said = said.iter().map(|said| self.said(said)).collect::<Vec<_>>().join(", ");
                if modality == apatite_case::HISTORY {
                    self.text("fact-history", &[("said", &said)])
                } else {
                    self.text("fact-view", &[("modality", self.modality(modality)), ("said", &said)])
                }
            }
            FactKind::Quantity { quantity, value } => {
                let known = self.knowledge.findings.quantities.get(quantity);
                let name = known.map_or(quantity.as_str(), |known| known.names.get(self.language));
                let unit = known.map_or("", |known| printed_unit(&known.unit));
                let value = self.number(*value);
                self.text("fact-quantity", &[("quantity", name), ("value", &value), ("unit", unit)])
                    .trim_end()
                    .to_owned()
            }
            FactKind::Laboratory { analyte, said, result } => {
                let name = self.analyte(analyte);
                let level = result
                    .iter()
                    .map(|level| self.text(&format!("level-{level}"), &[]))
                    .collect::<Vec<_>>()
                    .join(", ");
                if said.chars().any(|c| c.is_ascii_digit()) {
                    let said = printable(said);
                    self.text("fact-lab-level", &[("analyte", name), ("said", &said), ("level", &level)])
                } else {
                    // a bare "low" may come to two levels, which would be said as one and the other
                    let word = said.trim().to_lowercase().replace([' ', '-'], "_");
                    let said = if LEVELS.contains(&word.as_str()) {
                        self.text(&format!("level-{word}"), &[])
                    } else {
                        level
                    };
                    self.text("fact-lab", &[("analyte", name), ("said", &said)])
                }
            }
        }
    }

    fn said(&self, said: &Said) -> String {
        let finding = self.finding_within(&said.finding);
        let probability = said.probability.map_or(String::new(), |probability| self.percent(probability));
        let arguments = [("finding", finding.as_str()), ("probability", probability.as_str())];
        self.text(&format!("fact-{}", said.assertion), &arguments)
    }

    /// A number as the language writes it.
    #[must_use]
    pub fn number(&self, value: f64) -> String {
        self.localised(&format!("{value}"))
    }

    /// A number with a fixed number of decimals.
    #[must_use]
    pub fn decimals(&self, value: f64, decimals: usize) -> String {
        self.localised(&format!("{value:.decimals$}"))
    }

    /// A weight of evidence with its sign.
    #[must_use]
    pub fn decibans(&self, value: f64) -> String {
        // never "-0.0"
        let value = if value.abs() < 0.05 { 0.0 } else { value };
        self.localised(&format!("{value:+.1}"))
    }

    /// A probability in per cent: whole from 10 to 90 %, with a decimal nearer the ends.
    #[must_use]
    pub fn percent(&self, probability: f64) -> String {
        let percent = probability * 100.0;
        let text = if probability > 0.0 && percent < 0.1 {
            "<0.1".to_owned()
        } else if probability < 1.0 && percent > 99.9 {
            ">99.9".to_owned()
        } else if (10.0..90.0).contains(&percent) {
            format!("{percent:.0}")
        } else {
            format!("{percent:.1}")
        };
        format!("{} %", self.localised(&text))
    }

    /// A frequency with its interval.
    #[must_use]
    pub fn frequency(&self, frequency: &Frequency) -> String {
        format!(
            "{} ({} - {})",
            self.percent(frequency.best),
            self.percent(frequency.low),
            self.percent(frequency.high)
        )
    }

    fn localised(&self, number: &str) -> String {
        match self.language {
            Language::En => number.to_owned(),
            Language::It => number.replace('.', ","),
        }
    }
}

/// Text of others in one line, without what a terminal would obey: a control character or a change of the direction of
/// writing is spelt out (`\u{1b}`), white space becomes a blank.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => printable.push(' '),
            c if is_obeyed(c) => printable.extend(c.escape_unicode()),
            c => printable.push(c),
        }
    }
    printable
}

/// Whether a terminal would obey the character instead of showing it.
#[must_use]
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The unit as radiologists write it; UCUM writes Hounsfield units and counts in its own way.
#[must_use]
pub fn printed_unit(ucum: &str) -> &str {
    match ucum {
        "[hnsf'U]" => "HU",
        // what is counted is told by the name of the quantity
        "{lesions}" | "wk" => "",
        "{SUVbw}g/mL" => "g/mL",
        other => other,
    }
}

/// A name within a sentence begins with a small letter, but not an abbreviation or a unit.
pub(crate) fn uncapitalised(name: &str) -> String {
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(name.chars().skip(1)).collect()
        }
        _ => name.to_owned(),
    }
}

/// A bar for a share, of a fixed width.
pub(crate) fn bar(share: f64, width: usize) -> String {
    let filled = (share * width as f64).round() as usize;
    format!("{}{}", "█".repeat(filled.min(width)), "░".repeat(width.saturating_sub(filled)))
}

/// Pads to a width counted in characters.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let length = text.chars().count();
    format!("{text}{}", " ".repeat(width.saturating_sub(length)))
}

/// Text in a style.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{}{text}{}", style.render(), style.render_reset())
}
