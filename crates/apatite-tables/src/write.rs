/*! The three formats. */

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use serde_json::{Map, Value, json};

use crate::{Column, Table, TableError, Values};

impl Table {
    /// Comma-separated values of RFC 4180, with a header; nothing where there is no value. A text that a spreadsheet
    /// would take for a formula is preceded by an apostrophe.
    ///
    /// # Errors
    /// None that a table gives; the writer's, passed on.
    pub fn to_csv(&self) -> Result<String, TableError> {
        let failed = |reason: String| TableError { format: "CSV", reason };
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = self.columns.iter().map(|column| column.name.as_str());
        writer.write_record(header).map_err(|error| failed(error.to_string()))?;
        for row in 0..self.rows() {
            let cells = self.columns.iter().map(|column| match &column.values {
                Values::Text(values) => values[row].as_deref().map_or(String::new(), harmless),
                Values::Integer(values) => values[row].map_or(String::new(), |value| value.to_string()),
                Values::Number(values) => values[row].map_or(String::new(), |value| value.to_string()),
            });
            writer.write_record(cells).map_err(|error| failed(error.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
    }

    /// One JSON object a line; null where there is no value.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut out = String::new();
        for row in 0..self.rows() {
            let fields = self.columns.iter().map(|column| {
                let value = match &column.values {
                    Values::Text(values) => json!(values[row]),
                    Values::Integer(values) => json!(values[row]),
                    Values::Number(values) => json!(values[row]),
                };
                (column.name.clone(), value)
            });
            out += &Value::Object(fields.collect::<Map<_, _>>()).to_string();
            out.push('\n');
        }
        out
    }

    /// Apache Parquet: one row group, optional columns of UTF-8, INT64 and DOUBLE, not compressed.
    ///
    /// # Errors
    /// None that a table gives; the writer's, passed on.
    pub fn to_parquet(&self) -> Result<Vec<u8>, TableError> {
        self.parquet().map_err(|error| TableError { format: "Parquet", reason: error.to_string() })
    }

    fn parquet(&self) -> Result<Vec<u8>, ParquetError> {
        let fields = self.columns.iter().map(|column| field(column).map(Arc::new));
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        let schema = Type::group_type_builder(self.name).with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_created_by("Apatite".to_owned())
            .build();
        let mut bytes = Vec::new();
        let mut file = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        for column in &self.columns {
            write(&mut group, column)?;
        }
        group.close()?;
        file.close()?;
        Ok(bytes)
    }
}

/// Spreadsheets run cells that begin like a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.values {
        Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Values::Integer(_) => (Physical::INT64, None),
        Values::Number(_) => (Physical::DOUBLE, None),
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn write<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: &Column,
) -> Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else { return Ok(()) };
    match &column.values {
        Values::Text(values) => {
            let there =
                values.iter().flatten().map(|text| ByteArray::from(text.as_str())).collect::<Vec<_>>();
            writer.typed::<ByteArrayType>().write_batch(&there, Some(&levels(values)), None)?;
        }
        Values::Integer(values) => {
            let there = values.iter().flatten().copied().collect::<Vec<_>>();
            writer.typed::<Int64Type>().write_batch(&there, Some(&levels(values)), None)?;
        }
        Values::Number(values) => {
            let there = values.iter().flatten().copied().collect::<Vec<_>>();
            writer.typed::<DoubleType>().write_batch(&there, Some(&levels(values)), None)?;
        }
    }
    writer.close()
}

/// 1 where there is a value, 0 where there is none.
fn levels<T>(values: &[Option<T>]) -> Vec<i16> {
    values.iter().map(|value| i16::from(value.is_some())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written_with_its_gaps() {
        let text = |words: &[Option<&str>]| words.iter().map(|word| word.map(str::to_owned)).collect();
        let column = |name: &str, values| Column { name: name.to_owned(), values };
        let table = Table {
            name: "test",
            columns: vec![
                column("text", Values::Text(text(&[Some("a, \"b\""), None, Some("=1+1")]))),
                column("whole", Values::Integer(vec![Some(-3), None, Some(0)])),
                column("number", Values::Number(vec![Some(0.1), Some(1e-7), None])),
            ],
        };
        let csv = table.to_csv().unwrap_or_default();
        assert_eq!(csv, "text,whole,number\n\"a, \"\"b\"\"\",-3,0.1\n,,0.0000001\n'=1+1,0,\n");
        let lines = "{\"text\":\"a, \\\"b\\\"\",\"whole\":-3,\"number\":0.1}\n\
            {\"text\":null,\"whole\":null,\"number\":1e-7}\n{\"text\":\"=1+1\",\"whole\":0,\"number\":null}\n";
        assert_eq!(table.to_json_lines(), lines);
        let parquet = table.to_parquet().unwrap_or_default();
        assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
        assert_eq!(table.to_parquet().unwrap_or_default(), parquet);
    }
}
