/*!
Whether what the knowledge warns of holds in a case.
*/

use apatite_case::{Assertion, Case, LabResult};
use apatite_knowledge::{Circumstance, Knowledge};

/// Name of the quantity that tells when it began.
const WEEKS: &str = "weeks_since_onset";

/// Whether all of a circumstance holds. `posterior` is in the order of the knowledge's diagnoses.
pub(crate) fn holds(
    circumstance: &Circumstance,
    case: &Case,
    knowledge: &Knowledge,
    posterior: &[f64],
) -> bool {
    let Circumstance {
        present,
        none_of,
        nothing_but,
        age_from,
        age_below,
        sex,
        analyte,
        above,
        below,
        levels,
        diagnoses,
        nature,
        probability,
        weeks_below,
        weeks_unknown,
    } = circumstance;
    let is_present = |finding: &String| {
        case.observations.iter().any(|told| told.finding == *finding && told.assertion == Assertion::Present)
    };
    let shows_nothing_but = || {
        let mut shown = case.observations.iter().filter(|told| {
            told.modality != apatite_case::HISTORY
                && match told.assertion {
                    Assertion::Present | Assertion::Suggested => true,
                    Assertion::Measured { permille, .. } => permille > 500,
                    Assertion::Absent => false,
                }
        });
        let mut any = false;
        shown.all(|told| {
            any = true;
            nothing_but.contains(&told.finding)
        }) && any
    };
    let result = |analyte: &String| {
        case.labs.iter().filter(|lab| lab.analyte == *analyte).any(|lab| {
            let number = lab
                .measured
                .as_ref()
                .map(|measured| measured.corrected.unwrap_or(measured.value).max(measured.value));
            let low_number = lab.measured.as_ref().map(|measured| measured.value);
            above.is_none_or(|limit| number.is_some_and(|value| value >= limit))
                && below.is_none_or(|limit| low_number.is_some_and(|value| value < limit))
                && (levels.is_empty()
                    || matches!(&lab.result, LabResult::Levels(told)
                        if told.iter().all(|level| levels.iter().any(|wanted| wanted == level.id()))))
        })
    };
    let share = || -> f64 {
        knowledge
            .diagnoses
            .iter()
            .zip(posterior)
            .filter(|(known, _)| {
                diagnoses.contains(&known.id) || nature.is_some_and(|nature| known.nature == nature)
            })
            .map(|(_, p)| p)
            .sum()
    };
    let weeks = case.examinations.iter().rev().find_map(|examination| examination.quantities.get(WEEKS));
    present.iter().all(is_present)
        && !none_of.iter().any(is_present)
        && (nothing_but.is_empty() || shows_nothing_but())
        && age_from.is_none_or(|from| case.age_years.is_some_and(|age| age >= from))
        && age_below.is_none_or(|to| case.age_years.is_some_and(|age| age < to))
        && sex.as_ref().is_none_or(|sex| case.sex.is_some_and(|told| told.word() == sex))
        && analyte.as_ref().is_none_or(result)
        && probability.is_none_or(|least| share() >= least)
        && weeks_below.is_none_or(|to| weeks.is_some_and(|weeks| *weeks < to))
        && (!weeks_unknown || weeks.is_none())
}
