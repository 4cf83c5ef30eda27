/*!
Laboratory values: units, reference intervals, levels.

All numbers come from `analytes.toml`; here is only how they are used.
*/

use apatite_knowledge::{Analyte, AnalyteKind, Knowledge};
use serde::Serialize;

use crate::problem::{Kind, Problems};
use crate::said::{Said, SaidLab};
use crate::{Lab, LabResult, Sex};

/// How far a value lies from its reference interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Far below.
    VeryLow,
    /// Below.
    Low,
    /// Inside.
    Normal,
    /// Above.
    High,
    /// Far above.
    VeryHigh,
}

impl Level {
    /// From the lowest to the highest.
    pub const ALL: [Self; 5] = [Self::VeryLow, Self::Low, Self::Normal, Self::High, Self::VeryHigh];

    /// Id of the level.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::VeryLow => "very_low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::VeryHigh => "very_high",
        }
    }
}

/// The number behind a result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// In the canonical unit of the analyte.
    pub value: f64,
    /// The canonical UCUM unit.
    pub unit: String,
    /// The reference interval that was used, canonical unit.
    pub interval: Option<[f64; 2]>,
    /// Value after a correction (calcium for albumin), canonical unit.
    pub corrected: Option<f64>,
}

/// An interval as it is printed: "8.6 - 10.2 mg/dL", or "up to 5 mg/L" where there is no lower limit.
#[must_use]
pub fn describe_interval(interval: [f64; 2], unit: &str) -> String {
    if interval[0] > 0.0 {
        format!("{} - {} {unit}", interval[0], interval[1])
    } else {
        format!("<= {} {unit}", interval[1])
    }
}

/// A result taken apart: `"> 212 pg/mL (15 - 65)"`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedQuantity {
    /// Whether the number is the value, or a limit of what the assay can tell.
    pub bound: Bound,
    /// The number.
    pub value: f64,
    /// What stands behind the number, trimmed.
    pub unit: String,
    /// The laboratory's own interval, in brackets.
    pub interval: Option<OwnInterval>,
}

/// Whether a number is the value, or a limit of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The value.
    Exact,
    /// The value is less.
    Below,
    /// The value is more.
    Above,
}

/// The reference interval that the laboratory gives with its result.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnInterval {
    /// Lower and upper limit; a lower limit of 0 where only the upper is told.
    pub limits: [f64; 2],
    /// Its unit; empty where it is that of the value.
    pub unit: String,
}

/// Takes a text like `"7.9 mg/dL"` apart; none where it does not begin with a number.
///
/// # Errors
/// A number that can be read in two ways ("1,250"), and numbers in brackets that are no interval.
pub fn parse_quantity(text: &str) -> Result<Option<ParsedQuantity>, String> {
    let comparator = |c: char| matches!(c, '<' | '>' | '=' | '≤' | '≥' | '~' | '≈');
    let text = text.trim();
    let number = text.trim_start_matches(comparator);
    let comparators = &text[..text.len() - number.len()];
    let bound = match (comparators.contains(['<', '≤']), comparators.contains(['>', '≥'])) {
        (false, false) => Bound::Exact,
        (true, false) => Bound::Below,
        (false, true) => Bound::Above,
        (true, true) => return Err(format!("`{comparators}` is both less and more")),
    };
    let Some((value, rest)) = leading_number(number.trim_start())? else { return Ok(None) };
    // 1:640, as titres are told
    if value == 1.0
        && let Some(dilution) = rest.strip_prefix([':', '/'])
        && dilution.starts_with(|c: char| c.is_ascii_digit())
        && let Some((value, rest)) = leading_number(dilution)?
    {
        let (rest, interval) = split_brackets(rest)?;
        let unit = if rest.is_empty() { TITRE } else { rest };
        return Ok(Some(ParsedQuantity { bound, value, unit: unit.to_owned(), interval }));
    }
    let (unit, interval) = split_brackets(rest)?;
    Ok(Some(ParsedQuantity { bound, value, unit: unit.to_owned(), interval }))
}

/// Takes the laboratory's interval in brackets off the end of a unit. Brackets of the unit itself, `mg/(24.h)`, stay,
/// and a remark without a number, `(fasting)`, is left out.
fn split_brackets(text: &str) -> Result<(&str, Option<OwnInterval>), String> {
    let text = text.trim();
    let pair = match text.chars().next_back() {
        Some(')') => ('(', ')'),
        Some(']') => ('[', ']'),
        _ => return Ok((text, None)),
    };
    let mut depth = 0usize;
    let open = text.char_indices().rev().find(|(_, c)| {
        if *c == pair.1 {
            depth += 1;
        } else if *c == pair.0 {
            depth -= 1;
        }
        depth == 0
    });
    let Some((open, _)) = open else { return Ok((text, None)) };
    let (before, inside) = (&text[..open], &text[open + 1..text.len() - 1]);
    let unit = before.trim_end();
    let stands_apart = unit.len() < before.len() || unit.is_empty();
    match parse_interval(inside) {
        Ok(Some(interval)) => Ok((unit, Some(interval))),
        _ if !stands_apart => Ok((text, None)),
        _ if inside.contains(|c: char| c.is_ascii_digit()) => {
            Err(format!("`{inside}` in brackets is not an interval"))
        }
        _ if pair.0 == '[' => Ok((text, None)),
        _ => Ok((unit, None)),
    }
}

/// Words that may stand before an interval.
const INTERVAL_WORDS: [&str; 14] = [
    "da",
    "from",
    "normal",
    "nv",
    "n.v.",
    "range",
    "ref",
    "ref.",
    "reference",
    "rif",
    "rif.",
    "vn",
    "v.n.",
    "vr",
];

/// Two numbers with a dash between them and perhaps a unit behind, `"15 - 65 pg/mL"`, or the upper limit alone, `"< 10"`.
fn parse_interval(text: &str) -> Result<Option<OwnInterval>, String> {
    let mut text = text.trim();
    while let Some(rest) = INTERVAL_WORDS.iter().find_map(|word| {
        let start = text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
        text[start.len()..].strip_prefix([' ', ':'])
    }) {
        text = rest.trim_start();
    }
    let upper = text
        .strip_prefix(['<', '≤'])
        .map(|upper| upper.trim_start_matches('='))
        .or_else(|| ["up to ", "fino a "].iter().find_map(|words| text.strip_prefix(words)));
    if let Some(upper) = upper {
        let Some((high, unit)) = leading_number(upper.trim_start())? else { return Ok(None) };
        let interval = OwnInterval { limits: [0.0, high], unit: unit.trim().to_owned() };
        return Ok((high > 0.0).then_some(interval));
    }
    let Some((low, rest)) = leading_number(text)? else { return Ok(None) };
    let rest = rest.trim_start();
    let Some(rest) = rest
        .strip_prefix(['-', '–', '—'])
        .or_else(|| ["to ", "a "].iter().find_map(|word| rest.strip_prefix(word)))
    else {
        return Ok(None);
    };
    let Some((high, unit)) = leading_number(rest.trim_start())? else { return Ok(None) };
    let interval = OwnInterval { limits: [low, high], unit: unit.trim().to_owned() };
    Ok((0.0 <= low && low < high).then_some(interval))
}

fn leading_number(text: &str) -> Result<Option<(f64, &str)>, String> {
    let end = text
        .char_indices()
        .find(|(index, c)| {
            !(c.is_ascii_digit() || matches!(c, '.' | ',') || (*index == 0 && matches!(c, '-' | '+')))
        })
        .map_or(text.len(), |(index, _)| index);
    let (digits, mut rest) = text.split_at(end);
    if !digits.contains(|c: char| c.is_ascii_digit()) {
        return Ok(None);
    }
    let mut digits = digits.to_owned();
    if let Some((whole, decimals)) = digits.split_once(',') {
        if digits.matches(',').count() > 1 || digits.contains('.') || decimals.len() == 3 && whole != "0" {
            return Err(format!("`{digits}` can be read in two ways: write it without a comma"));
        }
        digits = digits.replace(',', ".");
    }
    // 1e3, but not the `e` of a unit
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let length = exponent
            .char_indices()
            .take_while(|(index, c)| c.is_ascii_digit() || (*index == 0 && matches!(c, '-' | '+')))
            .count();
        if exponent[..length].contains(|c: char| c.is_ascii_digit()) {
            digits.push('e');
            digits.push_str(&exponent[..length]);
            rest = &exponent[length..];
        }
    }
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some((value, rest))),
        _ => Err(format!("`{digits}` is not a number")),
    }
}

/// Longest unit that is looked at; the longest in use has 22 characters. A unit is a formula, and what a hostile one
/// costs grows with its length.
const MAX_UNIT: usize = 64;
/// The unit of a titre told as a dilution.
const TITRE: &str = "{titer}";
/// Arbitrary and international units. UCUM converts none of them into another, since it does not know the assay;
/// of one analyte the difference is how they are written, and a limit is the laboratory's.
const ARBITRARY_UNITS: [&str; 6] = ["[arb'U]", "[IU]", "[iU]", "[GPL'U]", "[MPL'U]", "{RU}"];

/// The age for which an adult's interval is taken where the case does not tell the age.
const ADULT_YEARS: f64 = 40.0;

/// Reads the laboratory part of a case.
pub(crate) fn labs(
    said: &Said,
    age_years: Option<f64>,
    sex: Option<Sex>,
    knowledge: &Knowledge,
    problems: &mut Problems<'_>,
) -> Vec<Lab> {
    let grader = Grader { knowledge, age_years: age_years.unwrap_or(ADULT_YEARS), sex };
    let mut labs: Vec<Lab> = Vec::new();
    for said in &said.labs {
        let id = &said.analyte.value;
        let Some(analyte) = knowledge.analytes.analytes.get(id) else {
            let near = problems.near(id, knowledge.vocabulary.analytes.iter().map(String::as_str));
            let help = (!near.is_empty()).then(|| format!("near it: {}", near.join(", ")));
            problems.add_with_help(
                Kind::UnknownId,
                &said.analyte.span,
                format!("unknown analyte `{id}`"),
                help,
            );
            continue;
        };
        if let Some((result, measured)) = grader.read(id, analyte, said, problems) {
            let place = problems.place(&said.analyte.span);
            labs.push(Lab { analyte: id.clone(), result, measured, said: said.value.value.clone(), place });
        }
    }
    grader.correct_calcium(&mut labs, said, problems);
    labs
}

struct Grader<'k> {
    knowledge: &'k Knowledge,
    age_years: f64,
    sex: Option<Sex>,
}

impl Grader<'_> {
    fn read(
        &self,
        id: &str,
        analyte: &Analyte,
        said: &SaidLab,
        problems: &mut Problems<'_>,
    ) -> Option<(LabResult, Option<Measured>)> {
        let text = said.value.value.trim();
        if let Some(result) = word(text, analyte.kind) {
            return Some((result, None));
        }
        let bad = |message: String, problems: &mut Problems<'_>| {
            let help = match analyte.kind {
                AnalyteKind::Graded => format!(
                    "write a value with its unit ({}), or very_low, low, normal, high, very_high",
                    analyte.accepted.join(", ")
                ),
                AnalyteKind::Binary => "write positive or negative".to_owned(),
            };
            problems.add_with_help(Kind::BadLabValue, &said.value.span, message, Some(help));
        };
        let quantity = match parse_quantity(text) {
            Ok(Some(quantity)) => quantity,
            Ok(None) => {
                bad(format!("`{text}` is not a result of `{id}`"), problems);
                return None;
            }
            Err(message) => {
                bad(message, problems);
                return None;
            }
        };
        let Some(unit) = &analyte.unit else {
            bad(format!("`{id}` has no numbers"), problems);
            return None;
        };
        let value = match self.to_canonical(quantity.value, &quantity.unit, analyte, unit) {
            Some(value) => value,
            None => {
                let message = if quantity.unit.is_empty() {
                    format!("`{text}` has no unit")
                } else if quantity.unit.len() > MAX_UNIT {
                    format!("the unit is longer than {MAX_UNIT} characters")
                } else if quantity.unit == TITRE {
                    format!("`{text}` is a titre, and `{id}` is not told in one")
                } else {
                    format!("`{}` is not a unit of `{id}`", quantity.unit)
                };
                let fitting = self.likely_units(quantity.value, analyte, unit);
                let help = if fitting.is_empty() {
                    format!("`{id}` is told in {}", analyte.accepted.join(", "))
                } else {
                    format!("{} would fit the number", fitting.join(" or "))
                };
                problems.add_with_help(Kind::UnknownUnit, &said.value.span, message, Some(help));
                return None;
            }
        };
        if value < 0.0 {
            let message = format!("`{id}` of {text} cannot be: it is below zero; the value is not used");
            problems.add(Kind::ImplausibleValue, &said.value.span, message);
            return None;
        }
        if let Some([low, high]) = analyte.plausible
            && !(low..=high).contains(&value)
        {
            let fitting = self.likely_units(quantity.value, analyte, unit);
            let message = format!(
                "`{id}` of {text} cannot be: living patients have {low} to {high} {unit}; the value is not used"
            );
            let help = (!fitting.is_empty()).then(|| {
                let meant = fitting
                    .iter()
                    .map(|unit| format!("{} {unit}", quantity.value))
                    .collect::<Vec<_>>()
                    .join(" or ");
                format!("was {meant} meant?")
            });
            problems.add_with_help(Kind::ImplausibleValue, &said.value.span, message, help);
            return None;
        }
        let own = self.own_interval(&quantity, said, analyte, unit, problems);
        match analyte.kind {
            AnalyteKind::Binary => {
                let limit = own.map(|interval| interval[1]).or(analyte.positive_above);
                let Some(limit) = limit else {
                    bad(format!("`{id}` has no limit above which it is positive"), problems);
                    return None;
                };
                let positive = match quantity.bound {
                    Bound::Exact => value > limit,
                    Bound::Below if value <= limit => false,
                    Bound::Above if value >= limit => true,
                    Bound::Below | Bound::Above => {
                        bad(
                            format!("`{text}` can be positive or negative: the limit is {limit} {unit}"),
                            problems,
                        );
                        return None;
                    }
                };
                let measured =
                    Measured { value, unit: unit.clone(), interval: Some([0.0, limit]), corrected: None };
                Some((LabResult::Positive(positive), Some(measured)))
            }
            AnalyteKind::Graded => {
                if analyte.assay_dependent && own.is_none() {
                    problems.add_with_help(
                        Kind::IntervalWanted,
                        &said.value.span,
                        format!("`{id}` depends on the assay; a general reference interval was used"),
                        Some(format!("give the laboratory's own: \"{text} (low - high)\"")),
                    );
                }
                let interval = own.or_else(|| self.interval(analyte))?;
                let measured =
                    Measured { value, unit: unit.clone(), interval: Some(interval), corrected: None };
                Some((LabResult::Levels(levels(quantity.bound, value, interval, analyte)), Some(measured)))
            }
        }
    }

    /// The laboratory's own interval, in the canonical unit.
    fn own_interval(
        &self,
        quantity: &ParsedQuantity,
        said: &SaidLab,
        analyte: &Analyte,
        unit: &str,
        problems: &mut Problems<'_>,
    ) -> Option<[f64; 2]> {
        let (own, span) = match &said.interval {
            Some(spoken) => match parse_interval(&spoken.value) {
                Ok(Some(own)) => (own, &spoken.span),
                _ => {
                    problems.add_with_help(
                        Kind::BadLabValue,
                        &spoken.span,
                        format!("`{}` is not an interval", spoken.value),
                        Some("write \"15 - 65 pg/mL\"".to_owned()),
                    );
                    return None;
                }
            },
            None => (quantity.interval.clone()?, &said.value.span),
        };
        let own_unit = if own.unit.is_empty() { &quantity.unit } else { &own.unit };
        let converted = own.limits.map(|limit| self.to_canonical(limit, own_unit, analyte, unit));
        let [Some(low), Some(high)] = converted else {
            problems.add(Kind::UnknownUnit, span, format!("`{own_unit}` is not a unit of this analyte"));
            return None;
        };
        if let Some([least, most]) = analyte.plausible
            && !(low <= most && high >= least)
        {
            let message = format!(
                "an interval of {} cannot be: living patients have {least} to {most} {unit}; a general one is used",
                describe_interval([low, high], unit)
            );
            problems.add(Kind::ImplausibleValue, span, message);
            return None;
        }
        Some([low, high])
    }

    fn to_canonical(&self, value: f64, written: &str, analyte: &Analyte, canonical: &str) -> Option<f64> {
        if written.len() > MAX_UNIT {
            return None;
        }
        let spellings = &self.knowledge.analytes.spellings;
        let spaced = written.split_whitespace().collect::<Vec<_>>().join(" ");
        let compact = spaced.replace(' ', "");
        let unit = spellings.get(&spaced).or_else(|| spellings.get(&compact)).cloned().unwrap_or(compact);
        // a number before the unit is a misread number, though UCUM has units like `2.mg`; powers of ten are units
        if unit.is_empty() || unit.starts_with(|c: char| c.is_ascii_digit()) && !unit.starts_with("10*") {
            return None;
        }
        // every ratio, mg/kg too, is a number to UCUM; a share or a titre is not
        let is_number = octofhir_ucum::convert(1.0, canonical, "1").is_ok();
        if is_number && !analyte.accepted.contains(&unit) {
            return None;
        }
        convert(value, &unit, canonical, analyte)
    }

    /// The likely units of a number: of those in which it is plausible, the ones in which it is nearest to normal.
    fn likely_units<'a>(&self, value: f64, analyte: &'a Analyte, canonical: &str) -> Vec<&'a str> {
        let Some([least, most]) = analyte.plausible else { return Vec::new() };
        let [low, high] = self.interval(analyte).unwrap_or([least, most]);
        let fitting = analyte
            .accepted
            .iter()
            .filter_map(|unit| {
                let value = self.to_canonical(value, unit, analyte, canonical)?;
                let off = (value / high).max(low / value).max(1.0);
                (least..=most).contains(&value).then_some((off, unit.as_str()))
            })
            .collect::<Vec<_>>();
        let nearest = fitting.iter().map(|(off, _)| *off).fold(f64::INFINITY, f64::min);
        // two names of one unit may differ in the last bit
        let is_nearest = |off: f64| off <= nearest * 1.000_001;
        fitting.iter().filter(|(off, _)| is_nearest(*off)).map(|(_, unit)| *unit).collect()
    }

    /// The reference interval of this age and sex; where the sex is not told, the one that holds for both.
    fn interval(&self, analyte: &Analyte) -> Option<[f64; 2]> {
        let of = |sex: &str| {
            analyte.reference.iter().find(|reference| {
                (reference.from..reference.to).contains(&self.age_years)
                    && reference.sex.as_deref().is_none_or(|only| only == sex)
            })
        };
        match self.sex {
            Some(sex) => of(sex.word()).map(|reference| [reference.low, reference.high]),
            None => {
                let (female, male) = (of(Sex::Female.word())?, of(Sex::Male.word())?);
                Some([female.low.min(male.low), female.high.max(male.high)])
            }
        }
    }

    /// Total calcium is corrected for albumin where both are told as numbers.
    fn correct_calcium(&self, labs: &mut [Lab], said: &Said, problems: &mut Problems<'_>) {
        let value_in = |id: &str, unit: &str| {
            let analyte = self.knowledge.analytes.analytes.get(id)?;
            let measured = labs.iter().find(|lab| lab.analyte == id)?.measured.as_ref()?;
            self.to_canonical(measured.value, &measured.unit, analyte, unit)
        };
        let (Some(calcium_mg_per_dl), Some(albumin_g_per_dl)) =
            (value_in("calcium", "mg/dL"), value_in("albumin", "g/dL"))
        else {
            return;
        };
        let correction = &self.knowledge.analytes.corrections.albumin_corrected_calcium;
        let corrected_mg_per_dl = calcium_mg_per_dl
            + correction.calcium_mg_per_dl_per_albumin_g_per_dl
                * (correction.albumin_reference_g_per_dl - albumin_g_per_dl);
        let Some(analyte) = self.knowledge.analytes.analytes.get("calcium") else { return };
        let Some(lab) = labs.iter_mut().find(|lab| lab.analyte == "calcium") else { return };
        let Some(measured) = &mut lab.measured else { return };
        let Some(corrected) = self.to_canonical(corrected_mg_per_dl, "mg/dL", analyte, &measured.unit) else {
            return;
        };
        let Some(interval) = measured.interval else { return };
        let level = grade(corrected, interval, analyte);
        let before = std::mem::replace(&mut lab.result, LabResult::Levels(vec![level]));
        measured.corrected = Some(corrected);
        if before != lab.result
            && let Some(said) = said.labs.iter().find(|said| said.analyte.value == "calcium")
        {
            problems.add(
                Kind::Corrected,
                &said.value.span,
                format!(
                    "calcium corrected for albumin is {corrected:.2} {}: {}",
                    measured.unit,
                    level.id().replace('_', " ")
                ),
            );
        }
    }
}

/// Converts between any two UCUM units of an analyte: mass, molar, equivalents, international, arbitrary.
fn convert(value: f64, from: &str, to: &str, analyte: &Analyte) -> Option<f64> {
    if from == to {
        return Some(value);
    }
    let (from_scale, from) = plain(from, analyte);
    let (to_scale, to) = plain(to, analyte);
    let ucum = |value: f64, from: &str| octofhir_ucum::convert(value, from, &to).ok();
    let value = value * from_scale;
    ucum(value, &from)
        .or_else(|| ucum(value * analyte.molar_mass_g_per_mol?, &format!("{from}.g/mol")))
        .or_else(|| ucum(value / analyte.molar_mass_g_per_mol?, &format!("{from}.mol/g")))
        .map(|converted| converted / to_scale)
        .filter(|converted| converted.is_finite())
}

/// A unit that UCUM can convert, and what a value is multiplied with to be in it.
fn plain(unit: &str, analyte: &Analyte) -> (f64, String) {
    match (analyte.valence, analyte.international_units_per_ug) {
        (Some(valence), _) if unit.contains("eq") => (1.0 / valence, unit.replace("eq", "mol")),
        (_, Some(per_ug)) if unit.contains("[IU]") || unit.contains("[iU]") => {
            (1.0 / per_ug, unit.replace("[IU]", "ug").replace("[iU]", "ug"))
        }
        _ => (1.0, ARBITRARY_UNITS.iter().fold(unit.to_owned(), |unit, other| unit.replace(other, "U"))),
    }
}

/// The levels that a value can have, of which only a limit may be known.
fn levels(bound: Bound, value: f64, interval: [f64; 2], analyte: &Analyte) -> Vec<Level> {
    if bound == Bound::Exact {
        return vec![grade(value, interval, analyte)];
    }
    let [low, high] = interval;
    let very_low = low * analyte.very.low.unwrap_or(0.0);
    let very_high = high * analyte.very.high.unwrap_or(f64::INFINITY);
    let edges = [0.0, very_low, low, high, very_high, f64::INFINITY];
    let possible = Level::ALL
        .into_iter()
        .zip(edges.windows(2))
        .filter(|(_, edge)| edge[0] < edge[1])
        .filter(|(_, edge)| if bound == Bound::Below { edge[0] < value } else { value < edge[1] })
        .map(|(level, _)| level)
        .collect::<Vec<_>>();
    // less than nothing
    if possible.is_empty() { vec![grade(value, interval, analyte)] } else { possible }
}

fn grade(value: f64, [low, high]: [f64; 2], analyte: &Analyte) -> Level {
    if value < low {
        if analyte.very.low.is_some_and(|factor| value < low * factor) { Level::VeryLow } else { Level::Low }
    } else if value > high {
        if analyte.very.high.is_some_and(|factor| value > high * factor) {
            Level::VeryHigh
        } else {
            Level::High
        }
    } else {
        Level::Normal
    }
}

fn word(text: &str, kind: AnalyteKind) -> Option<LabResult> {
    let text = text.to_lowercase().replace([' ', '-'], "_");
    match (kind, text.as_str()) {
        (AnalyteKind::Binary, "positive" | "high" | "very_high") => Some(LabResult::Positive(true)),
        (AnalyteKind::Binary, "negative" | "normal" | "low") => Some(LabResult::Positive(false)),
        (AnalyteKind::Graded, "very_low") => Some(LabResult::Levels(vec![Level::VeryLow])),
        (AnalyteKind::Graded, "low") => Some(LabResult::Levels(vec![Level::VeryLow, Level::Low])),
        (AnalyteKind::Graded, "normal") => Some(LabResult::Levels(vec![Level::Normal])),
        (AnalyteKind::Graded, "high") => Some(LabResult::Levels(vec![Level::High, Level::VeryHigh])),
        (AnalyteKind::Graded, "very_high") => Some(LabResult::Levels(vec![Level::VeryHigh])),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
