use std::collections::BTreeSet;
use std::sync::LazyLock;

use apatite_knowledge::{Analyte, Folder, Knowledge};
use proptest::prelude::*;
use serde::Deserialize;

use super::{Bound, Grader, Level, convert, grade, levels, parse_quantity};

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::read(&Folder::embedded()).unwrap());

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Textbook {
    conversions: Vec<Conversion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversion {
    analyte: String,
    from: String,
    /// A text, because its digits are its precision.
    factor: String,
    to: String,
}

fn textbook() -> Vec<Conversion> {
    toml::from_str::<Textbook>(include_str!("../../tests/conversions.toml")).unwrap().conversions
}

/// Every analyte that is told as a number.
fn measured() -> impl Iterator<Item = (&'static str, &'static Analyte, &'static str)> {
    KNOWLEDGE
        .analytes
        .analytes
        .iter()
        .filter_map(|(id, analyte)| Some((id.as_str(), analyte, analyte.unit.as_deref()?)))
}

fn grader() -> Grader<'static> {
    Grader { knowledge: &KNOWLEDGE, age_years: 40.0, sex: None }
}

#[test]
fn conversions_are_those_of_the_textbook() {
    for Conversion { analyte: id, from, factor, to } in textbook() {
        let analyte = &KNOWLEDGE.analytes.analytes[&id];
        let converted = convert(1.0, &from, &to, analyte).unwrap_or_else(|| panic!("{id}: {from} to {to}"));
        let decimals = factor.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let half_a_digit = 0.5 * 10f64.powi(-i32::try_from(decimals).unwrap());
        let printed: f64 = factor.parse().unwrap();
        // one unit in the last digit more: textbooks rest on older atomic masses
        assert!(
            (converted - printed).abs() <= 3.0 * half_a_digit,
            "{id}: 1 {from} is {converted} {to}, not {factor}"
        );
    }
}

#[test]
fn textbook_covers_every_analyte_with_a_molar_mass_or_a_valence() {
    let covered = textbook().into_iter().map(|row| row.analyte).collect::<BTreeSet<_>>();
    for (id, analyte, _) in measured() {
        let needs_more_than_ucum = analyte.molar_mass_g_per_mol.is_some() || analyte.valence.is_some();
        assert!(!needs_more_than_ucum || covered.contains(id), "{id} is not in conversions.toml");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_unit_converts_to_every_other_and_back(value in 1e-3f64..1e5) {
        for (id, analyte, canonical) in measured() {
            prop_assert!(analyte.accepted.iter().any(|unit| unit == canonical), "{} in {}", id, canonical);
            for from in &analyte.accepted {
                for to in &analyte.accepted {
                    let there = convert(value, from, to, analyte);
                    let back = there.and_then(|there| convert(there, to, from, analyte));
                    prop_assert!(
                        back.is_some_and(|back| (back - value).abs() <= 1e-9 * value),
                        "{}: {} {} -> {} {:?} -> {:?}", id, value, from, to, there, back
                    );
                }
            }
        }
    }

    #[test]
    fn more_is_never_a_lower_level(value in 0.0..1e4, more in 0.0..1e4) {
        for (id, analyte, _) in measured() {
            let Some(interval) = grader().interval(analyte) else { continue };
            prop_assert!(
                grade(value, interval, analyte) <= grade(value + more, interval, analyte), "{}", id
            );
        }
    }

    /// What a limit leaves open holds every value beyond it.
    #[test]
    fn a_limit_leaves_open_what_lies_beyond_it(limit in 1e-3..1e4, share in 1e-3..1.0) {
        for (id, analyte, _) in measured() {
            let Some(interval) = grader().interval(analyte) else { continue };
            let below = levels(Bound::Below, limit, interval, analyte);
            prop_assert!(below.contains(&grade(limit * share, interval, analyte)), "{} < {}", id, limit);
            let above = levels(Bound::Above, limit, interval, analyte);
            prop_assert!(above.contains(&grade(limit / share, interval, analyte)), "{} > {}", id, limit);
        }
    }

    #[test]
    fn numbers_are_read_back(value in 1e-6f64..1e9, comma: bool) {
        let mut text = value.to_string();
        if comma {
            text = text.replace('.', ",");
        }
        match parse_quantity(&format!("{text} mg/dL (1 - 2)")) {
            Ok(Some(quantity)) => {
                prop_assert_eq!(quantity.value, value);
                prop_assert_eq!(quantity.unit, "mg/dL");
                prop_assert_eq!(quantity.interval.map(|own| own.limits), Some([1.0, 2.0]));
            }
            // three decimals after a comma may be thousands
            other => prop_assert!(comma && text.split(',').nth(1).is_some_and(|it| it.len() == 3), "{:?}", other),
        }
    }
}

#[test]
fn every_spelling_is_a_ucum_unit_of_some_analyte() {
    let grader = grader();
    for (spelling, unit) in &KNOWLEDGE.analytes.spellings {
        assert!(octofhir_ucum::validate(unit).is_ok(), "{spelling} stands for {unit}, which is not UCUM");
        let is_read = measured()
            .any(|(_, analyte, canonical)| grader.to_canonical(1.0, spelling, analyte, canonical).is_some());
        assert!(is_read, "{spelling} is a unit of no analyte");
    }
}

#[test]
fn accepted_units_are_ucum_and_read_as_written() {
    let grader = grader();
    for (id, analyte, canonical) in measured() {
        for unit in &analyte.accepted {
            assert!(octofhir_ucum::validate(unit).is_ok(), "{id}: {unit} is not UCUM");
            let read = grader.to_canonical(2.0, unit, analyte, canonical);
            assert_eq!(
                read,
                convert(2.0, unit, canonical, analyte),
                "{id}: {unit} is spelled as another unit"
            );
        }
    }
}

#[test]
fn no_unit_of_another_kind_is_taken() {
    let grader = grader();
    for (id, analyte, canonical) in measured() {
        for unit in ["m", "mm[Hg]", "mg/kg", "Cel", "1", "{}", "mol", "g"] {
            let read = grader.to_canonical(1.0, unit, analyte, canonical);
            assert_eq!(read, None, "{id}: {unit} is read as {canonical}");
        }
    }
}

#[test]
fn reference_intervals_lie_inside_the_plausible_values() {
    for (id, analyte, _) in measured() {
        let Some([least, most]) = analyte.plausible else { continue };
        assert!(least < most, "{id}");
        for reference in &analyte.reference {
            assert!(reference.low < reference.high, "{id} from {}", reference.from);
            let inside = (reference.low == 0.0 || reference.low >= least) && reference.high <= most;
            assert!(inside, "{id} from {}: {} to {}", reference.from, reference.low, reference.high);
        }
    }
}

#[test]
fn every_age_and_sex_has_its_interval() {
    use crate::Sex;
    for (id, analyte, _) in measured() {
        if analyte.kind == super::AnalyteKind::Binary {
            continue;
        }
        for tenths_of_years in 0..=1200u16 {
            for sex in [None, Some(Sex::Female), Some(Sex::Male)] {
                let age_years = f64::from(tenths_of_years) / 10.0;
                let grader = Grader { knowledge: &KNOWLEDGE, age_years, sex };
                assert!(grader.interval(analyte).is_some(), "{id} at {age_years} of {sex:?}");
            }
        }
    }
}

#[test]
fn every_level_of_a_graded_analyte_can_be_reached_by_a_plausible_value() {
    for (id, analyte, _) in measured() {
        let (Some([least, most]), Some(interval)) = (analyte.plausible, grader().interval(analyte)) else {
            continue;
        };
        let [low, high] = interval;
        let edges =
            [low * analyte.very.low.unwrap_or(1.0), low, high, high * analyte.very.high.unwrap_or(1.0)];
        let reached = edges
            .iter()
            .flat_map(|edge| [edge * 0.999, *edge, edge * 1.001])
            .filter(|value| (least..=most).contains(value))
            .map(|value| grade(value, interval, analyte))
            .collect::<BTreeSet<_>>();
        let has_low = interval[0] > 0.0;
        for (level, exists) in [
            (Level::VeryLow, has_low && analyte.very.low.is_some()),
            (Level::Low, has_low),
            (Level::Normal, true),
            (Level::High, true),
            (Level::VeryHigh, analyte.very.high.is_some()),
        ] {
            assert!(!exists || reached.contains(&level), "{id}: no plausible value is {}", level.id());
        }
    }
}
