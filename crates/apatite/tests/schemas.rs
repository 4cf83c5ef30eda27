//! Every JSON output is what its published schema says, on all cases of the project and in both languages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use jsonschema::Validator;
use serde_json::Value;

const LANGUAGES: [&str; 2] = ["en", "it"];
const FOLDERS: [&str; 2] = ["knowledge/cases/published", "examples/article"];

fn schema(of: &str) -> Value {
    let path = common::project().join(format!("docs/schemas/{of}.schema.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn validator(of: &str) -> Validator {
    jsonschema::draft202012::new(&schema(of)).unwrap()
}

fn check(validator: &Validator, text: &str, of: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{of}: {error}: {text}"));
    let problems = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
        .collect::<Vec<_>>();
    assert!(problems.is_empty(), "{of}: {}", problems.join("\n"));
    value
}

/// What the program says on standard output, whether or not it answered.
fn told(arguments: &[&str]) -> String {
    let output = common::run(arguments);
    assert!(output.stderr.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_schemas_are_schemas_and_the_program_prints_them() {
    for of in ["diagnose", "evaluate", "compare", "follow", "next", "what-if", "measure", "mesh"] {
        let schema = schema(of);
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{of}: {error}"));
        assert_eq!(schema["$id"], format!("https://apatite.invalid/schemas/{of}.schema.json"));
        let printed: Value = serde_json::from_str(&common::stdout(&["schema", of])).unwrap();
        assert_eq!(printed, schema, "{of}");
    }
}

#[test]
fn all_cases_are_answered_by_the_schema() {
    let validator = validator("diagnose");
    for lang in LANGUAGES {
        for folder in FOLDERS {
            let lines = told(&["diagnose", "--format", "json", "--lang", lang, folder]);
            let cases = common::files(&common::project().join(folder), "toml");
            assert_eq!(lines.lines().count(), cases.len(), "one line for each case of {folder}");
            for line in lines.lines() {
                let answer = check(&validator, line, folder);
                let file = answer["file"].as_str().unwrap();
                assert!(answer.get("refused").is_none(), "{file} is refused");
                let sum: f64 = probabilities(&answer["differential"]).sum();
                assert!((sum - 1.0).abs() < 1e-9, "{file}: the probabilities sum to {sum}");
                let by_mechanism: f64 = probabilities(&answer["mechanisms"]).sum();
                assert!((by_mechanism - 1.0).abs() < 1e-9, "{file}: by mechanism they sum to {by_mechanism}");
            }
        }
    }
}

fn probabilities(of: &Value) -> impl Iterator<Item = f64> {
    of.as_array().unwrap().iter().map(|entry| entry["probability"].as_f64().unwrap())
}

/// With reasons and draws, which a case among many is answered without.
#[test]
fn cases_are_answered_in_full_by_the_schema() {
    let validator = validator("diagnose");
    let mut asked = Vec::new();
    for lang in LANGUAGES {
        for folder in FOLDERS {
            let cases = common::files(&common::project().join(folder), "toml");
            let step = if cases.len() > 20 { 20 } else { 1 };
            asked.extend(cases.into_iter().step_by(step).map(|case| (lang, case)));
        }
        let own = common::project().join(common::CASES);
        asked.extend(common::files(&own, "toml").into_iter().map(|case| (lang, case)));
        asked.extend(common::files(&own, "json").into_iter().map(|case| (lang, case)));
    }
    let (mut refused, mut answered) = (0, 0);
    let answers = common::all(&asked, |(lang, case)| {
        let case = case.to_str().unwrap();
        told(&["diagnose", "--format", "json", "--lang", lang, "--draws", "10", "--explain", "60", case])
    });
    for ((lang, case), text) in asked.iter().zip(answers) {
        let of = format!("{} ({lang})", case.display());
        let answer = check(&validator, &text, &of);
        if answer.get("refused").is_some() {
            refused += 1;
            continue;
        }
        answered += 1;
        assert_eq!(answer["robustness"]["draws"], 10, "{of}");
        let facts = answer["facts"].as_array().unwrap().len();
        for ranked in answer["differential"].as_array().unwrap() {
            let weights = ranked.get("weights").map_or(&[][..], |weights| weights.as_array().unwrap());
            assert_eq!(weights.len(), facts, "{of}: a weight for each fact");
            let sum: f64 = weights.iter().map(|weight| weight["decibans"].as_f64().unwrap()).sum();
            let [prior, posterior] =
                ["prior_decibans", "posterior_decibans"].map(|name| ranked[name].as_f64().unwrap());
            assert!(
                (prior + sum - posterior).abs() < 1e-6,
                "{of}: {} does not add up: {prior} + {sum} is not {posterior}",
                ranked["diagnosis"]
            );
        }
    }
    assert!(refused > 0 && answered > 0, "both forms of an answer are seen");
}

#[test]
fn comparisons_are_as_their_schema_says() {
    let validator = validator("compare");
    let mut asked = Vec::new();
    let own = common::project().join(common::CASES);
    for case in common::files(&common::project().join("examples/article"), "toml")
        .into_iter()
        .chain(common::files(&own, "toml"))
    {
        for lang in LANGUAGES {
            asked.push((case.clone(), lang));
        }
    }
    let answers = common::all(&asked, |(case, lang)| {
        let case = case.to_str().unwrap();
        let diagnoses = ["primary_tumoral_calcinosis", "parosteal_osteosarcoma"];
        told(&["compare", "--format", "json", "--lang", lang, case, diagnoses[0], diagnoses[1]])
    });
    for ((case, lang), text) in asked.iter().zip(answers) {
        check(&validator, &text, &format!("{} ({lang})", case.display()));
    }
}

#[test]
fn advice_and_suppositions_are_as_their_schemas_say() {
    let (next, what_if) = (validator("next"), validator("what-if"));
    let own = common::project().join(common::CASES);
    let mut cases = common::files(&common::project().join("examples/article"), "toml");
    cases.extend(common::files(&own, "toml"));
    let answers = common::all(&cases, |case| {
        let case = case.to_str().unwrap();
        let supposed = ["what-if", "--format", "json", "--present", "fever", "--lab", "phosphate=high", case];
        [told(&["next", "--format", "json", case]), told(&supposed)]
    });
    for (case, [advice, supposed]) in cases.iter().zip(&answers) {
        check(&next, advice, &case.display().to_string());
        check(&what_if, supposed, &case.display().to_string());
    }
}

#[test]
fn evaluations_are_as_their_schema_says() {
    let validator = validator("evaluate");
    for option in ["--interactive-oracle", "--first-advice"] {
        let arguments = ["evaluate", "--format", "json", option, "examples/article"];
        check(&validator, &told(&arguments), option);
    }
    for lang in LANGUAGES {
        for folder in FOLDERS {
            for options in [&["--without", "labs", "--without", "history"][..], &["--folds", "2"]] {
                let mut arguments = vec!["evaluate", "--format", "json", "--lang", lang, folder];
                arguments.extend(options);
                check(&validator, &told(&arguments), &format!("{arguments:?}"));
            }
        }
    }
    let folder = format!("{}/some-refused", common::CASES);
    let output = common::run(&["evaluate", "--format", "json", &folder]);
    let value = check(&validator, &String::from_utf8(output.stdout).unwrap(), &folder);
    assert_eq!(value["left_out"].as_array().unwrap().len(), 1);
}

/// A schema that lets everything pass would pass all the tests above.
#[test]
fn the_schemas_are_strict() {
    let every = format!("{}/every-section.toml", common::CASES);
    let refused = format!("{}/refused.toml", common::CASES);
    let one = format!("{}/two/a.toml", common::CASES);
    for (of, arguments) in [
        ("diagnose", vec!["diagnose", "--format", "json", "--draws", "4", &every]),
        ("diagnose", vec!["diagnose", "--format", "json", &refused]),
        ("compare", vec!["compare", "--format", "json", &every, "calciphylaxis", "calcific_tendinitis"]),
        ("compare", vec!["compare", "--format", "json", &refused, "calciphylaxis", "calcific_tendinitis"]),
        ("evaluate", vec!["evaluate", "--format", "json", &one]),
        ("next", vec!["next", "--format", "json", &every]),
        ("next", vec!["next", "--format", "json", &refused]),
    ] {
        let validator = validator(of);
        let value = check(&validator, &told(&arguments), of);
        let mut objects = Vec::new();
        paths_of_objects(&value, String::new(), &mut objects);
        assert!(objects.len() > 2, "{of}: only {objects:?}");
        for path in objects {
            let mut more = value.clone();
            more.pointer_mut(&path).unwrap()["unheard_of"] = Value::Null;
            assert!(!validator.is_valid(&more), "{of}: a key too many passes at `{path}`");
        }
        for key in value.as_object().unwrap().keys() {
            let mut less = value.clone();
            less.as_object_mut().unwrap().remove(key);
            // the only part that is there on demand
            let is_optional = key == "robustness";
            assert_eq!(validator.is_valid(&less), is_optional, "{of}: without `{key}`");
            let mut other = value.clone();
            other[key] = serde_json::json!({ "of": "another type" });
            assert!(!validator.is_valid(&other), "{of}: `{key}` may be anything");
        }
    }
}

fn paths_of_objects(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                paths_of_objects(value, format!("{path}/{key}"), found);
            }
            found.push(path);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths_of_objects(item, format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A woman and a man are not compared unless that is asked for.
#[test]
fn studies_of_two_patients_are_not_followed() {
    use apatite_phantom::{Options, make};
    let folder = common::scratch("follow-others");
    let size = Some([96, 96, 60]);
    let paths = ["female", "male"].map(|sex| {
        let path = folder.join(sex);
        std::fs::create_dir_all(&path).unwrap();
        let phantoms = (1..40).map(|seed| make("normal_hand", &Options { seed, size, ..Options::default() }));
        let phantom = phantoms.map(Result::unwrap).find(|phantom| phantom.case.sex == sex).unwrap();
        phantom.write_dicom(&path).unwrap();
        path.display().to_string()
    });
    let refused = common::run(&["follow", &paths[0], &paths[1]]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("PatientSex") && told.contains("--same-patient"), "{told}");
    // what follows is for the skeletons to say
    let asked = common::run(&["follow", &paths[0], &paths[1], "--same-patient"]);
    let told = String::from_utf8(asked.stderr).unwrap();
    assert!(told.contains("PatientID") && !told.contains("PatientSex"), "{told}");
}

#[test]
fn two_studies_are_followed_by_the_schema() {
    use apatite_phantom::{Options, Visit, make};
    let folder = common::scratch("follow");
    let size = Some([96, 96, 60]);
    let later = Visit { growth: 0.5, turned_degrees: 6.0, shifted_mm: 4.0, weeks: 8, ..Visit::again(2) };
    let paths = [(None, "january"), (Some(later), "march")].map(|(visit, name)| {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).unwrap();
        let options = Options { seed: 2, size, visit, ..Options::default() };
        make("acral_scleroderma", &options).unwrap().write_dicom(&path).unwrap();
        path.display().to_string()
    });
    let masks = folder.join("masks");
    let arguments = ["follow", &paths[0], &paths[1], "--format", "json", "--masks", masks.to_str().unwrap()];
    let answer = check(&validator("follow"), &told(&arguments), "follow");
    assert_eq!(answer["days"], 56.0);
    assert!(!answer["lesions"].as_array().unwrap().is_empty());
    assert!(masks.join("earlier.nii.gz").exists() && masks.join("later.nii.gz").exists());
    for lang in LANGUAGES {
        let text = common::run(&["follow", &paths[0], &paths[1], "--lang", lang]);
        assert!(text.status.success(), "{}", String::from_utf8_lossy(&text.stderr));
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(text.contains("56 ") && text.contains("mm³") && !text.contains("follow-"), "{text}");
    }
}
