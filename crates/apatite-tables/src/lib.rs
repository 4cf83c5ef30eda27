/*!
Tables for notebooks: lesions and differentials as CSV, JSON lines and Parquet.

A row a lesion, or a row a diagnosis, with the case it belongs to in the first column, so that tables of many cases can be
put one below another. Units are in the names of the columns. This crate computes nothing and writes no file.
*/

mod write;

use apatite_lesion::Analysis;
use apatite_reason::Differential;
use apatite_text::Words;
use serde_json::json;
use thiserror::Error;

/// Columns of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Name of the table.
    pub name: &'static str,
    /// Columns from left to right.
    pub columns: Vec<Column>,
}

/// A column: one kind of value; none where there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Name, with the unit.
    pub name: String,
    /// The values.
    pub values: Values,
}

/// Values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Texts.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Integer(Vec<Option<i64>>),
    /// Numbers.
    Number(Vec<Option<f64>>),
}

/// Why a table cannot be written.
#[derive(Debug, Error)]
#[error("the table cannot be written as {format}: {reason}")]
pub struct TableError {
    pub(crate) format: &'static str,
    pub(crate) reason: String,
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Number(values) => values.len(),
        }
    }
}

impl Table {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }
}

/// The differential of a case: a row a diagnosis, best first.
#[must_use]
pub fn differential(case: &str, answer: &Differential, words: &Words<'_>) -> Table {
    let ranked = &answer.differential;
    let text =
        |of: &dyn Fn(usize) -> String| Values::Text((0..ranked.len()).map(|at| Some(of(at))).collect());
    let number = |of: &dyn Fn(usize) -> Option<f64>| Values::Number((0..ranked.len()).map(of).collect());
    let columns = vec![
        column("case", text(&|_| case.to_owned())),
        column("setting", text(&|_| answer.setting.clone())),
        column("rank", Values::Integer((1..=ranked.len() as i64).map(Some).collect())),
        column("diagnosis", text(&|at| ranked[at].diagnosis.clone())),
        column("name", text(&|at| words.diagnosis(&ranked[at].diagnosis).to_owned())),
        column("mechanism", text(&|at| ranked[at].mechanism.clone())),
        column("nature", text(&|at| json!(ranked[at].nature).as_str().unwrap_or_default().to_owned())),
        column("probability", number(&|at| Some(ranked[at].probability.min(1.0)))),
        column("probability_p05", number(&|at| ranked[at].interval.map(|interval| interval[0]))),
        column("probability_p95", number(&|at| ranked[at].interval.map(|interval| interval[1]))),
        column("leads", number(&|at| ranked[at].leads)),
        column("prior", number(&|at| Some(ranked[at].prior))),
        column("prior_decibans", number(&|at| Some(ranked[at].prior_decibans))),
        column("posterior_decibans", number(&|at| Some(ranked[at].posterior_decibans))),
    ];
    Table { name: "differential", columns }
}

/// The lesions of a measured study: a row a lesion. `findings_present` holds the ids of findings with a probability of
/// at least a half, with spaces between.
#[must_use]
pub fn lesions(case: &str, series_uid: &str, analysis: &Analysis) -> Table {
    let lesions = &analysis.lesions;
    let text =
        |of: &dyn Fn(usize) -> String| Values::Text((0..lesions.len()).map(|at| Some(of(at))).collect());
    let number = |of: &dyn Fn(usize) -> Option<f64>| Values::Number((0..lesions.len()).map(of).collect());
    let mut columns = vec![
        column("case", text(&|_| case.to_owned())),
        column("series_uid", text(&|_| series_uid.to_owned())),
        column("lesion", Values::Integer(lesions.iter().map(|lesion| Some(i64::from(lesion.id))).collect())),
        column("kind", text(&|at| lesions[at].kind.id().to_owned())),
        column("kind_probability", number(&|at| Some(lesions[at].probability))),
        column("decided_by", text(&|at| lesions[at].decided_by.clone())),
        column(
            "components",
            Values::Integer(lesions.iter().map(|lesion| Some(lesion.components as i64)).collect()),
        ),
        column("volume_mm3", number(&|at| Some(lesions[at].volume_mm3))),
        column("volume_partial_mm3", number(&|at| Some(lesions[at].volume_partial_mm3))),
        column("volume_uncertainty_mm3", number(&|at| Some(lesions[at].volume_uncertainty_mm3))),
        column("diameter_mm", number(&|at| Some(lesions[at].diameter_mm))),
    ];
    for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
        columns.push(column(&format!("centre_{name}_mm"), number(&|at| Some(lesions[at].centre_mm[axis]))));
    }
    columns.push(column("mean_hu", number(&|at| Some(lesions[at].mean_hu))));
    columns.push(column("sd_hu", number(&|at| Some(lesions[at].sd_hu))));
    columns.push(column("max_hu", number(&|at| Some(lesions[at].max_hu))));
    for (index, name) in ["p10", "p25", "p50", "p75", "p90"].into_iter().enumerate() {
        columns.push(column(&format!("{name}_hu"), number(&|at| Some(lesions[at].percentiles_hu[index]))));
    }
    columns.extend([
        column("hu_mm3", number(&|at| Some(lesions[at].hu_mm3))),
        column("hydroxyapatite_mg", number(&|at| lesions[at].hydroxyapatite_mg)),
        column("surface_mm2", number(&|at| Some(lesions[at].shape.surface_mm2))),
        column("sphericity", number(&|at| Some(lesions[at].shape.sphericity))),
        column("elongation", number(&|at| Some(lesions[at].shape.elongation))),
        column("flatness", number(&|at| Some(lesions[at].shape.flatness))),
        column("solidity", number(&|at| Some(lesions[at].shape.solidity))),
        column("bone_distance_mm", number(&|at| lesions[at].bone_distance_mm)),
        column("bone_contact_mm2", number(&|at| Some(lesions[at].bone_contact_mm2))),
        column("skin_distance_mm", number(&|at| lesions[at].skin_distance_mm)),
        column("level_probability", number(&|at| lesions[at].level.map(|level| level.probability))),
        column(
            "findings_present",
            text(&|at| {
                let present =
                    lesions[at].findings.iter().filter(|finding| finding.probability >= PRESENT_FROM);
                present.map(|finding| finding.id.as_str()).collect::<Vec<_>>().join(" ")
            }),
        ),
    ]);
    Table { name: "lesions", columns }
}

/// A finding counts as present from this probability on.
const PRESENT_FROM: f64 = 0.5;

fn column(name: &str, values: Values) -> Column {
    Column { name: name.to_owned(), values }
}
