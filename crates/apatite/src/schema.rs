/*!
The JSON Schemas of the outputs; the files stand in `docs/schemas/`.
*/

use crate::arguments::SchemaOf;

const DIAGNOSE: &str = include_str!("../../../docs/schemas/diagnose.schema.json");
const EVALUATE: &str = include_str!("../../../docs/schemas/evaluate.schema.json");
const COMPARE: &str = include_str!("../../../docs/schemas/compare.schema.json");
const MESH: &str = include_str!("../../../docs/schemas/mesh.schema.json");

pub(crate) fn schema(of: SchemaOf) -> &'static str {
    match of {
        SchemaOf::Diagnose => DIAGNOSE,
        SchemaOf::Evaluate => EVALUATE,
        SchemaOf::Compare => COMPARE,
        SchemaOf::Mesh => MESH,
    }
}
