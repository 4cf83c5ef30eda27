//! Case files in, what was understood and every problem out: `tests/cases/NAME.toml` or `.json` beside its
//! `NAME.toml.expected`. `UPDATE_EXPECT=1` writes the expectations anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use apatite_case::{Assertion, Case, Format, Kind, LabResult, Place, Policy, Reading, Severity};
use apatite_knowledge::{Folder, Knowledge};

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::read(&Folder::embedded()).unwrap());

const POLICIES: [Policy; 3] = [Policy::Strict, Policy::Default, Policy::Lenient];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| extensions.iter().any(|known| it == *known)))
        .collect::<Vec<_>>();
    files.sort();
    files
}

fn expected_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap().to_owned();
    name.push(".expected");
    path.with_file_name(name)
}

fn check(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let readings = POLICIES.map(|policy| apatite_case::read(&text, Format::of(path), &KNOWLEDGE, policy));
    for reading in &readings {
        // the policy says what stops a case, not what is understood
        assert_eq!(reading.case, readings[0].case, "{}", path.display());
        assert_eq!(reading.problems.len(), readings[0].problems.len(), "{}", path.display());
        let places = reading.problems.iter().map(|problem| (problem.kind, problem.place));
        assert!(places.eq(readings[0].problems.iter().map(|problem| (problem.kind, problem.place))));
        // every message can be printed as it is
        for text in
            reading.problems.iter().flat_map(|problem| [Some(&problem.message), problem.help.as_ref()])
        {
            assert!(
                !text.is_some_and(|text| text.contains(char::is_control)),
                "{}: {text:?}",
                path.display()
            );
        }
    }
    expect_test::expect_file![expected_of(path)].assert_eq(&describe(&readings));
}

fn describe(readings: &[Reading; 3]) -> String {
    let mut text = String::new();
    let refused = readings.iter().map(|reading| if reading.is_refused() { "refused" } else { "read" });
    let refused = refused.collect::<Vec<_>>();
    writeln!(text, "strict {}, default {}, lenient {}", refused[0], refused[1], refused[2]).unwrap();
    describe_case(&readings[0].case, &mut text);
    for (index, problem) in readings[0].problems.iter().enumerate() {
        let severities = readings.iter().map(|reading| match reading.problems[index].severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        });
        let severities = severities.collect::<Vec<_>>().join("/");
        let Place { line, column } = problem.place;
        writeln!(text, "{line}:{column} {severities} {}: {}", problem.kind.name(), problem.message).unwrap();
        if let Some(help) = &problem.help {
            writeln!(text, "    {help}").unwrap();
        }
    }
    text
}

fn describe_case(case: &Case, text: &mut String) {
    for (name, value) in [("title", &case.title), ("source", &case.source)] {
        if let Some(value) = value {
            writeln!(text, "{name} {value:?}").unwrap();
        }
    }
    if let Some(age) = case.age_years {
        writeln!(text, "age {age}").unwrap();
    }
    if let Some(sex) = case.sex {
        writeln!(text, "sex {}", sex.word()).unwrap();
    }
    for (index, examination) in case.examinations.iter().enumerate() {
        write!(text, "examination {index}: {} of {:?}", examination.modality, examination.sites).unwrap();
        for (quantity, value) in &examination.quantities {
            write!(text, ", {quantity} {value}").unwrap();
        }
        if let Some(study) = &examination.study {
            write!(text, ", study {study:?}").unwrap();
        }
        text.push('\n');
    }
    for observation in &case.observations {
        let word = match observation.assertion {
            Assertion::Present => "present",
            Assertion::Suggested => "suggested",
            Assertion::Absent => "absent",
            Assertion::Measured { .. } => "measured",
        };
        let Place { line, column } = observation.place;
        let examination = observation.examination.map_or(String::new(), |index| format!(" {index}"));
        writeln!(
            text,
            "{line}:{column} {}{examination}: {} {word}",
            observation.modality, observation.finding
        )
        .unwrap();
    }
    for lab in &case.labs {
        let result = match &lab.result {
            LabResult::Levels(levels) => {
                levels.iter().map(|level| level.id()).collect::<Vec<_>>().join(" or ")
            }
            LabResult::Positive(true) => "positive".to_owned(),
            LabResult::Positive(false) => "negative".to_owned(),
        };
        let Place { line, column } = lab.place;
        write!(text, "{line}:{column} {}: {result}", lab.analyte).unwrap();
        if let Some(measured) = &lab.measured {
            write!(text, ", {} {}", rounded(measured.value), measured.unit).unwrap();
            if let Some([low, high]) = measured.interval {
                write!(text, " of {} to {}", rounded(low), rounded(high)).unwrap();
            }
            if let Some(corrected) = measured.corrected {
                write!(text, ", corrected {}", rounded(corrected)).unwrap();
            }
        }
        text.push('\n');
    }
    if let Some(expected) = &case.expected {
        writeln!(
            text,
            "expected {} or {:?}, proof {:?}",
            expected.diagnosis, expected.also_right, expected.proof
        )
        .unwrap();
    }
}

/// Six digits: a conversion may differ in its last bit from one version of the UCUM library to the next.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap()
}

#[test]
fn cases_are_read_as_expected() {
    let files = files(&["toml", "json"]);
    assert!(!files.is_empty());
    files.iter().for_each(|path| check(path));
}

#[test]
fn no_expectation_without_its_case() {
    for path in files(&["expected"]) {
        assert!(path.with_extension("").exists(), "{} has no case", path.display());
    }
}

fn published() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cases = Vec::new();
    for folder in ["knowledge/cases/published", "examples/article"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                cases.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    cases.sort();
    assert!(cases.len() > 100);
    cases
}

fn without_places(mut case: Case) -> Case {
    case.observations.iter_mut().for_each(|observation| observation.place = Place::default());
    case.labs.iter_mut().for_each(|lab| lab.place = Place::default());
    case
}

#[test]
fn published_cases_are_read_without_a_problem_that_stops_them() {
    for (name, text) in published() {
        let reading = apatite_case::read(&text, Format::Toml, &KNOWLEDGE, Policy::Default);
        assert!(!reading.is_refused(), "{name}: {:?}", reading.problems);
        assert!(!reading.case.observations.is_empty(), "{name}");
    }
}

#[test]
fn json_means_what_toml_means() {
    for (name, text) in published() {
        let value: serde_json::Value = toml::from_str(&text).unwrap();
        for json in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
            let from_toml = apatite_case::read(&text, Format::Toml, &KNOWLEDGE, Policy::Strict);
            let from_json = apatite_case::read(&json, Format::Json, &KNOWLEDGE, Policy::Strict);
            assert_eq!(told(&from_toml), told(&from_json), "{name}");
            assert_eq!(without_places(from_toml.case), without_places(from_json.case), "{name}");
        }
    }
}

/// The problems without their places, in an order that does not depend on them.
fn told(reading: &Reading) -> Vec<(Kind, &str, Option<&str>)> {
    let mut told = reading
        .problems
        .iter()
        .map(|problem| (problem.kind, problem.message.as_str(), problem.help.as_deref()))
        .collect::<Vec<_>>();
    told.sort();
    told
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let text = format!("title = \"{}\"\n", "x".repeat(apatite_case::MAX_BYTES));
    for policy in POLICIES {
        let reading = apatite_case::read(&text, Format::Toml, &KNOWLEDGE, policy);
        assert!(reading.is_refused());
        assert_eq!(reading.case, Case::default());
    }
}
