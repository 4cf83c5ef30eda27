/*!
The time course of a case, and the gradings of its leading diagnoses.
*/

use apatite_case::Case;
use apatite_grade::{CourseRules, Graded, Gradings, GradingsError};
use apatite_knowledge::Knowledge;
use apatite_reason::Differential;

/// Diagnoses this likely, as a share of the leader's probability, are graded beside it.
const CLOSE: f64 = 0.25;

/// Reads the gradings of the knowledge; a folder without them has none.
pub(crate) fn read(knowledge: &Knowledge) -> Result<Gradings, GradingsError> {
    match knowledge.rules.get("gradings.toml") {
        Some(text) => Gradings::read(text, knowledge),
        None => Ok(Gradings { gradings: Vec::new() }),
    }
}

/// Grades a case for the leading diagnosis and those close to it.
pub(crate) fn grade(
    gradings: &Gradings,
    knowledge: &Knowledge,
    case: &Case,
    answer: &Differential,
) -> Vec<Graded> {
    let leader = answer.differential.first().map_or(1.0, |ranked| ranked.probability);
    let close: Vec<&str> = answer
        .differential
        .iter()
        .take_while(|ranked| ranked.probability >= CLOSE * leader)
        .map(|ranked| ranked.diagnosis.as_str())
        .collect();
    apatite_grade::grade(gradings, knowledge, case, &close)
}

/// Refuses knowledge whose rules of the time course cannot be used.
pub(crate) fn check_course(knowledge: &Knowledge) -> Result<(), GradingsError> {
    course(knowledge).map(|_| ())
}

/// Adds to a case what its examinations say of the time course. The rules are those that [`check_course`] passed.
pub(crate) fn add_course(case: &mut Case, knowledge: &Knowledge) {
    if let Ok(rules) = course(knowledge) {
        apatite_grade::add_course(&rules, knowledge, case);
    }
}

fn course(knowledge: &Knowledge) -> Result<CourseRules, GradingsError> {
    match knowledge.rules.get("course.toml") {
        Some(text) => CourseRules::read(text, knowledge),
        None => Ok(CourseRules::default()),
    }
}
