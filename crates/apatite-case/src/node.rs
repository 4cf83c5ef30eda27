/*!
One tree for both formats, with the place of every value.
*/

use std::ops::Range;

use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, ast};
use toml::de::{DeTable, DeValue};

use crate::problem::{Kind, Problems};
use crate::{Format, MAX_BYTES};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Number(f64),
    Bool,
    Date,
    Null,
    List(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

impl Value {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Bool => "true or false",
            Self::Date => "a date",
            Self::Null => "null",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Deepest nesting that is read; a case needs three.
const MAX_DEPTH: usize = 32;

/// Reads the text; none where nothing of it can be read.
pub(crate) fn parse(text: &str, format: Format, problems: &mut Problems<'_>) -> Option<Node> {
    let node = parse_any(text, format, problems)?;
    let message = match &node.value {
        Value::Table(entries) if entries.is_empty() => "the file is empty".to_owned(),
        Value::Table(_) => return Some(node),
        other => format!("the file is {}, not a case", other.type_name()),
    };
    problems.add(Kind::Unreadable, &node.span, message);
    None
}

fn parse_any(text: &str, format: Format, problems: &mut Problems<'_>) -> Option<Node> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; a case file has at most {MAX_BYTES}", text.len());
        problems.add(Kind::Unreadable, &(0..0), message);
        return None;
    }
    match format {
        Format::Toml => {
            let (table, errors) = DeTable::parse_recoverable(text);
            for error in &errors {
                let message = format!("this is not TOML: {}", error.message());
                problems.add(Kind::Unreadable, &error.span().unwrap_or(0..0), message);
            }
            let span = table.span();
            errors.is_empty().then(|| Node { value: from_toml_table(table.get_ref()), span })
        }
        Format::Json => {
            if nesting(text) > MAX_DEPTH {
                let message = format!("the lists and tables are nested more than {MAX_DEPTH} deep");
                problems.add(Kind::Unreadable, &(0..0), message);
                return None;
            }
            let strict = ParseOptions {
                allow_comments: false,
                allow_loose_object_property_names: false,
                allow_trailing_commas: false,
                allow_missing_commas: false,
                allow_single_quoted_strings: false,
                allow_hexadecimal_numbers: false,
                allow_unary_plus_numbers: false,
                allow_bare_decimal_point_numbers: false,
                allow_non_finite_numbers: false,
                allow_extended_string_escapes: false,
            };
            match jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &strict) {
                Ok(result) => {
                    let node = result.value.as_ref().map(from_json);
                    if node.is_none() {
                        problems.add(Kind::Unreadable, &(0..0), "the file is empty".to_owned());
                    }
                    node
                }
                Err(error) => {
                    let range = error.range();
                    let message = format!("this is not JSON: {}", error.kind());
                    problems.add(Kind::Unreadable, &(range.start..range.end), message);
                    None
                }
            }
        }
    }
}

/// Brackets open at once, strings left out.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn from_toml_table(table: &DeTable<'_>) -> Value {
    let mut entries = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            node: Node { value: from_toml(value.get_ref()), span: value.span() },
        })
        .collect::<Vec<_>>();
    entries.sort_by_key(|entry| entry.key_span.start);
    Value::Table(entries)
}

fn from_toml(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let digits = integer.as_str();
            let number = i64::from_str_radix(digits, integer.radix())
                .map_or_else(|_| digits.parse().unwrap_or(f64::NAN), |n| n as f64);
            Value::Number(number)
        }
        DeValue::Float(float) => Value::Number(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(_) => Value::Bool,
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => Value::List(
            items.iter().map(|item| Node { value: from_toml(item.get_ref()), span: item.span() }).collect(),
        ),
        DeValue::Table(table) => from_toml_table(table),
    }
}

fn from_json(value: &ast::Value<'_>) -> Node {
    let range = value.range();
    let inner = match value {
        ast::Value::StringLit(text) => Value::Text(text.value.to_string()),
        ast::Value::NumberLit(number) => Value::Number(number.value.parse().unwrap_or(f64::NAN)),
        ast::Value::BooleanLit(_) => Value::Bool,
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(array) => Value::List(array.elements.iter().map(from_json).collect()),
        ast::Value::Object(object) => Value::Table(
            object
                .properties
                .iter()
                .map(|property| {
                    let name = property.name.range();
                    Entry {
                        key: property.name.as_str().to_owned(),
                        key_span: name.start..name.end,
                        node: from_json(&property.value),
                    }
                })
                .collect(),
        ),
    };
    Node { value: inner, span: range.start..range.end }
}
