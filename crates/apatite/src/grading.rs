/*!
The gradings of the leading diagnoses of a case.
*/

use std::error::Error;

use apatite_case::Case;
use apatite_grade::{Graded, Gradings};
use apatite_knowledge::{Folder, Knowledge};
use apatite_reason::Differential;

/// Diagnoses this likely, as a share of the leader's probability, are graded beside it.
const CLOSE: f64 = 0.25;

/// Reads the gradings of a knowledge folder; a folder without them has none.
pub(crate) fn read(folder: &Folder, knowledge: &Knowledge) -> Result<Gradings, Box<dyn Error>> {
    match folder.text("gradings.toml") {
        Some(text) => Ok(Gradings::read(text, knowledge)?),
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
