/*!
The JSON Schemas of the outputs; the files stand in `docs/schemas/`.
*/

use crate::arguments::SchemaOf;

const DIAGNOSE: &str = include_str!("../../../docs/schemas/diagnose.schema.json");
const EVALUATE: &str = include_str!("../../../docs/schemas/evaluate.schema.json");
const FOLLOW: &str = include_str!("../../../docs/schemas/follow.schema.json");
const NEXT: &str = include_str!("../../../docs/schemas/next.schema.json");
const WHAT_IF: &str = include_str!("../../../docs/schemas/what-if.schema.json");
const COMPARE: &str = include_str!("../../../docs/schemas/compare.schema.json");
const MEASURE: &str = include_str!("../../../docs/schemas/measure.schema.json");
const MESH: &str = include_str!("../../../docs/schemas/mesh.schema.json");

pub(crate) fn schema(of: SchemaOf) -> &'static str {
    match of {
        SchemaOf::Diagnose => DIAGNOSE,
        SchemaOf::Evaluate => EVALUATE,
        SchemaOf::Compare => COMPARE,
        SchemaOf::Follow => FOLLOW,
        SchemaOf::Next => NEXT,
        SchemaOf::WhatIf => WHAT_IF,
        SchemaOf::Measure => MEASURE,
        SchemaOf::Mesh => MESH,
    }
}
