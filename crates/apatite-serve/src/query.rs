/*!
QIDO-RS: matching and shaping of attributes (PS3.18 8.3.4, PS3.4 C.2.2.2).
*/

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_dictionary_std::StandardDataDictionary;
use serde_json::{Map, Value};

use crate::dicom::key;
use crate::problem::{Answer, Problem};

/// A query as its parameters say it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    matching: Vec<(String, String)>,
    include: Vec<String>,
    pub(crate) include_all: bool,
    limit: Option<usize>,
    offset: usize,
    fuzzy: bool,
}

impl Query {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    /// A parameter that is no attribute, or a number that is none.
    pub(crate) fn of(parameters: &[(String, String)]) -> Answer<Self> {
        let mut query = Self::default();
        for (name, value) in parameters {
            let number = || value.parse().map_err(|_| Problem::bad(format!("`{name}` is a number from 0")));
            match name.as_str() {
                "limit" => query.limit = Some(number()?),
                "offset" => query.offset = number()?,
                "fuzzymatching" => query.fuzzy = value == "true",
                "includefield" => {
                    for field in value.split(',') {
                        if field == "all" {
                            query.include_all = true;
                        } else {
                            query.include.push(attribute(field)?);
                        }
                    }
                }
                _ => query.matching.push((attribute(name)?, value.clone())),
            }
        }
        Ok(query)
    }

    /// Of the rows that match, those that are asked for, with the attributes that are asked for. `known` are the
    /// attributes that every answer of the level has.
    pub(crate) fn answer(&self, rows: impl Iterator<Item = Value>, known: &[Tag]) -> Vec<Value> {
        let known = known.iter().map(|tag| key(*tag)).collect::<Vec<_>>();
        let kept = |key: &String| self.include_all || known.contains(key) || self.include.contains(key);
        rows.filter(|row| self.matches(row))
            .skip(self.offset)
            .take(self.limit.unwrap_or(usize::MAX))
            .map(|row| match row {
                Value::Object(row) => {
                    Value::Object(row.into_iter().filter(|(key, _)| kept(key)).collect::<Map<_, _>>())
                }
                other => other,
            })
            .collect()
    }

    fn matches(&self, row: &Value) -> bool {
        self.matching.iter().all(|(key, wanted)| {
            if wanted.is_empty() || wanted == "*" {
                return true;
            }
            let attribute = &row[key];
            let vr = attribute["vr"].as_str().unwrap_or_default();
            let values = attribute["Value"].as_array().map(Vec::as_slice).unwrap_or_default();
            values.iter().any(|value| {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Object(name) => {
                        name.get("Alphabetic").and_then(Value::as_str).unwrap_or_default().to_owned()
                    }
                    other => other.to_string(),
                };
                matches_value(vr, &text, wanted, self.fuzzy)
            })
        })
    }
}

fn matches_value(vr: &str, value: &str, wanted: &str, fuzzy: bool) -> bool {
    match vr {
        "UI" => wanted.split([',', '\\']).any(|wanted| wanted == value),
        "DA" | "TM" | "DT" if wanted.contains('-') => {
            let (from, to) = wanted.split_once('-').unwrap_or((wanted, ""));
            (from.is_empty() || value >= from)
                && (to.is_empty() || value.get(..to.len()).unwrap_or(value) <= to)
        }
        "PN" => {
            let (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
            let words = |text: &str| text.split(['^', ' ', '=']).map(str::to_owned).collect::<Vec<_>>();
            if fuzzy {
                words(&wanted)
                    .iter()
                    .all(|wanted| words(&value).iter().any(|word| word.starts_with(wanted.as_str())))
            } else {
                wildcard(&value, &wanted)
            }
        }
        _ => wildcard(value, wanted),
    }
}

/// `*` stands for any text, `?` for any one character.
fn wildcard(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.chars().collect::<Vec<_>>(), pattern.chars().collect::<Vec<_>>());
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(c) if *c == '?' || *c == text[at] => {
                at += 1;
                of += 1;
            }
            _ => match star {
                Some((pattern_at, text_at)) => {
                    of = pattern_at + 1;
                    at = text_at + 1;
                    star = Some((pattern_at, at));
                }
                None => return false,
            },
        }
    }
    pattern[of..].iter().all(|c| *c == '*')
}

/// DICOM JSON key of an attribute named by keyword or as eight digits; of a path the last.
fn attribute(name: &str) -> Answer<String> {
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.len() == 8 && last.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(last.to_uppercase());
    }
    StandardDataDictionary.by_name(last).map(|entry| key(entry.tag())).ok_or_else(|| {
        let name = apatite_text::printable(&name.chars().take(80).collect::<String>());
        Problem::bad(format!("`{name}` is no attribute of DICOM and no parameter of a query"))
    })
}

#[cfg(test)]
mod tests {
    use super::matches_value;

    #[test]
    fn values_match_as_dicom_says() {
        let check = |vr, value, wanted, expected| {
            assert_eq!(matches_value(vr, value, wanted, false), expected, "{vr} {value} {wanted}");
        };
        check("PN", "Doe^Jane", "doe*", true);
        check("PN", "Doe^Jane", "jane", false);
        check("LO", "CT hand", "CT*", true);
        check("LO", "CT hand", "C? h*d", true);
        check("LO", "CT hand", "CT", false);
        check("UI", "1.2.3", "1.2.4,1.2.3", true);
        check("UI", "1.2.3", "1.2", false);
        check("DA", "20261122", "20261101-20261130", true);
        check("DA", "20261122", "-20261121", false);
        check("DA", "20261122", "20261122-", true);
        check("DA", "20261122", "20261122", true);
        check("TM", "101500.5", "10-11", true);
        check("IS", "3", "3", true);
    }
}
