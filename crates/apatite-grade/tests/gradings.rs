//! The gradings and the time course on cases, with the knowledge that ships.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apatite_case::{Assertion, Format, Observation, Place, Policy, read};
use apatite_grade::{CourseRules, Facts, Gradings, Truth, add_course, grade};
use apatite_knowledge::{Folder, Knowledge};

fn knowledge() -> Knowledge {
    Knowledge::read(&Folder::embedded()).unwrap()
}

/// Grades that hold, or in brackets those that are possible with what would decide.
fn check(
    knowledge: &Knowledge,
    gradings: &Gradings,
    case: &str,
    diagnosis: &str,
    grading: &str,
    expected: &str,
) {
    let reading = read(case, Format::Toml, knowledge, Policy::Default);
    assert!(!reading.is_refused(), "{:?}", reading.problems);
    let graded = grade(gradings, knowledge, &reading.case, &[diagnosis]);
    let told = graded.iter().find(|graded| graded.grading == grading).map_or("none".to_owned(), |graded| {
        if graded.grades.is_empty() {
            format!("[{}] {}", graded.possible.join(" "), graded.deciding.join(" "))
        } else {
            graded.grades.join(" ")
        }
    });
    assert_eq!(told, expected, "{grading} of {case}");
}

#[test]
fn grades_follow_from_the_facts() {
    let knowledge = knowledge();
    let gradings = Gradings::read(&knowledge.rules["gradings.toml"], &knowledge).unwrap();
    let ct =
        |sites: &str, rest: &str| format!("[[imaging]]\nmodality = \"CT\"\nsites = [\"{sites}\"]\n{rest}\n");
    let ho = "heterotopic_ossification_of_arthroplasty";
    let table = [
        (ct("hip", "present = [\"bridges_bones\"]"), ho, "brooker", "IV"),
        (ct("hip", "present = [\"broad_bone_attachment\"]\nopposing_gap_mm = 9.9"), ho, "brooker", "III"),
        (ct("hip", "present = [\"stalk_to_bone\"]\nopposing_gap_mm = 10"), ho, "brooker", "II"),
        (ct("hip", "present = [\"separate_from_bone\"]"), ho, "brooker", "I"),
        (ct("hip", "present = [\"abuts_bone\"]"), ho, "brooker", "[III II] opposing_gap_mm"),
        (ct("knee", "present = [\"bridges_bones\"]"), ho, "brooker", "none"),
        (ct("hip", "present = [\"separate_from_bone\"]\nsize_mm = 8"), ho, "della_valle", "A"),
        (ct("hip", "present = [\"separate_from_bone\"]\nsize_mm = 12"), ho, "della_valle", "B"),
        (ct("hip", "present = [\"abuts_bone\"]\nopposing_gap_mm = 4"), ho, "della_valle", "C"),
        (
            ct("shoulder", "present = [\"homogeneous_dense\", \"well_defined_margin\"]"),
            "calcific_tendinitis",
            "gartner_simons",
            "I",
        ),
        (
            ct("shoulder", "present = [\"homogeneous_dense\"]\nabsent = [\"well_defined_margin\"]"),
            "calcific_tendinitis",
            "gartner_simons",
            "II",
        ),
        (
            ct(
                "shoulder",
                "present = [\"faint_ill_defined\"]\nabsent = [\"homogeneous_dense\", \"well_defined_margin\"]",
            ),
            "calcific_tendinitis",
            "gartner_simons",
            "III",
        ),
        (
            format!(
                "[history]\npresent = [\"pain_acute_severe\"]\n{}",
                ct("shoulder", "present = [\"faint_ill_defined\"]")
            ),
            "calcific_tendinitis",
            "uhthoff_loehr",
            "[postcalcific resorption] no_calcification spontaneous_regression",
        ),
        (
            format!(
                "[history]\npresent = [\"pain_acute_severe\"]\nabsent = [\"spontaneous_regression\"]\n{}",
                ct("shoulder", "present = [\"faint_ill_defined\"]")
            ),
            "calcific_tendinitis",
            "uhthoff_loehr",
            "resorption",
        ),
        (
            ct(
                "thigh",
                "present = [\"subcutaneous\", \"plaque_like\", \"fascial_plane\", \"sheet_like\", \"diffuse\"]",
            ),
            "calcinosis_of_juvenile_dermatomyositis",
            "juvenile_dermatomyositis_pattern",
            "superficial fascial diffuse",
        ),
        (
            ct("thigh", "present = [\"diffuse\"]"),
            "calcinosis_of_juvenile_dermatomyositis",
            "circumscripta_universalis",
            "universalis",
        ),
        (
            ct("hand", "present = [\"multiple_one_region\"]"),
            "calcinosis_of_systemic_sclerosis",
            "circumscripta_universalis",
            "circumscripta",
        ),
        (
            ct("knee", "present = [\"multiple_uniform_bodies\", \"synovial_thickening\"]"),
            "synovial_osteochondromatosis",
            "milgram",
            "II",
        ),
        (
            ct("knee", "present = [\"multiple_uniform_bodies\"]\nabsent = [\"synovial_thickening\"]"),
            "synovial_osteochondromatosis",
            "milgram",
            "III",
        ),
    ];
    for (case, diagnosis, grading, expected) in table {
        check(&knowledge, &gradings, &case, diagnosis, grading, expected);
    }
}

#[test]
fn gradings_that_do_not_fit_the_knowledge_are_refused() {
    let knowledge = knowledge();
    let text = &knowledge.rules["gradings.toml"];
    for (from, to, wrong) in [
        ("\"bridges_bones\"", "\"bridges_bone\"", "`bridges_bone` is no finding"),
        ("\"brooker1973ho\"", "\"brooker1873\"", "`brooker1873` is not in the bibliography"),
        ("[\"calcific_tendinitis\"]", "[\"tendinitis\"]", "`tendinitis` is no diagnosis"),
        ("opposing_gap_mm < 10", "opposing_gap_mm = 10", "is no condition"),
        ("value     = 0.43", "value     = 1.43", "1.43 lies not between"),
    ] {
        let error = Gradings::read(&text.replace(from, to), &knowledge).unwrap_err().to_string();
        assert!(error.contains(wrong), "{error}");
    }
}

#[test]
fn examinations_tell_the_time_course() {
    let knowledge = knowledge();
    let rules = CourseRules::read(&knowledge.rules["course.toml"], &knowledge).unwrap();
    let two = |first: &str, second: &str| {
        format!("[[imaging]]\nmodality = \"XR\"\n{first}\n[[imaging]]\nmodality = \"XR\"\n{second}\n")
    };
    let table = [
        (
            two(
                "date = \"2024-03-04\"\npresent = [\"no_calcification\"]",
                "date = \"2024-03-18\"\npresent = [\"faint_ill_defined\"]\nabsent = [\"no_calcification\"]",
            ),
            "new_within_weeks=Present",
        ),
        (
            two(
                "weeks_since_onset = 2\npresent = [\"faint_ill_defined\"]",
                "weeks_since_onset = 7\npresent = [\"peripheral_rim\"]",
            ),
            "matures_within_weeks=Present",
        ),
        // too far apart, and in the wrong order
        (
            two(
                "date = \"2023-03-04\"\npresent = [\"no_calcification\"]",
                "date = \"2024-03-04\"\npresent = [\"peripheral_rim\"]",
            ),
            "",
        ),
        (
            two(
                "date = \"2024-03-04\"\npresent = [\"faint_ill_defined\"]",
                "date = \"2024-02-04\"\npresent = [\"peripheral_rim\"]",
            ),
            "",
        ),
        (two("date = \"2024-01-01\"\nsize_mm = 20", "date = \"2024-07-01\"\nsize_mm = 30"), "enlarging=Present"),
        (two("date = \"2024-01-01\"\nsize_mm = 30", "date = \"2024-07-01\"\nsize_mm = 15"), "regressing=Present"),
        (two("date = \"2024-01-01\"\nsize_mm = 30", "date = \"2024-07-10\"\nsize_mm = 32"), "stable=Present"),
        // what the report says stands
        (
            two("date = \"2024-01-01\"\nsize_mm = 20", "date = \"2024-07-01\"\nsize_mm = 30\npresent = [\"stable\"]"),
            "stable=Present",
        ),
        (
            "[history]\npresent = [\"trauma_at_site\"]\n[[imaging]]\nmodality = \"CT\"\nweeks_since_onset = 10\npresent = [\"peripheral_rim\"]\n".to_owned(),
            "matures_within_weeks=Suggested",
        ),
        (
            "[[imaging]]\nmodality = \"CT\"\nweeks_since_onset = 10\npresent = [\"peripheral_rim\"]\n".to_owned(),
            "",
        ),
    ];
    let evolution = &knowledge.vocabulary.group("evolution").unwrap().findings;
    for (text, expected) in table {
        let reading = read(&text, Format::Toml, &knowledge, Policy::Default);
        assert!(!reading.is_refused(), "{:?}", reading.problems);
        let mut case = reading.case;
        add_course(&rules, &knowledge, &mut case);
        let told: Vec<String> = case
            .observations
            .iter()
            .filter(|told| evolution.contains(&told.finding) && told.assertion != Assertion::Absent)
            .map(|told| format!("{}={:?}", told.finding, told.assertion))
            .collect();
        assert_eq!(told.join(" "), expected, "{text}");
    }
    let wrong = read(&two("date = \"04.03.2024\"", ""), Format::Toml, &knowledge, Policy::Default);
    assert!(wrong.is_refused() && wrong.problems[0].message.contains("is no date"), "{:?}", wrong.problems);
}

/// A measured gap decides where it lies clear of the bound, and leaves both grades open where it may lie on either side.
#[test]
fn a_gap_near_the_bound_leaves_the_grade_open() {
    let knowledge = knowledge();
    let gradings = Gradings::read(&knowledge.rules["gradings.toml"], &knowledge).unwrap();
    let text = "[[imaging]]\nmodality = \"CT\"\nsites = [\"hip\"]\npresent = [\"abuts_bone\"]\n";
    for (mm, uncertainty_mm, expected) in [
        (8.7, 1.2, "III"),
        (9.0, 1.2, "III or II"),
        (10.0, 1.2, "III or II"),
        (11.3, 1.2, "II"),
        (11.3, 2.4, "III or II"),
    ] {
        let mut case = read(text, Format::Toml, &knowledge, Policy::Default).case;
        case.examinations[0].quantities.insert("opposing_gap_mm".to_owned(), mm);
        case.examinations[0].uncertainties.insert("opposing_gap_mm".to_owned(), uncertainty_mm);
        let graded = grade(&gradings, &knowledge, &case, &["heterotopic_ossification_of_arthroplasty"]);
        let brooker = graded.iter().find(|graded| graded.grading == "brooker").unwrap();
        let told =
            if brooker.grades.is_empty() { brooker.possible.join(" or ") } else { brooker.grades.join(" ") };
        assert_eq!(told, expected, "{mm} mm, right to {uncertainty_mm} mm");
        let [measured] = brooker.measured.as_slice() else { panic!("{:?}", brooker.measured) };
        assert_eq!((measured.value, measured.uncertainty), (mm, uncertainty_mm));
    }
}

/// Members of an exclusive group that were not told have what the measured ones leave.
#[test]
fn what_measured_findings_leave_is_little() {
    let knowledge = knowledge();
    let text = "[[imaging]]\nmodality = \"CT\"\nsites = [\"hip\"]\n";
    for (told, bridges) in [([480, 240], Truth::Unknown), ([560, 240], Truth::No)] {
        let mut case = read(text, Format::Toml, &knowledge, Policy::Default).case;
        for (finding, permille) in ["abuts_bone", "separate_from_bone"].into_iter().zip(told) {
            case.observations.push(Observation {
                finding: finding.to_owned(),
                modality: "CT".to_owned(),
                examination: Some(0),
                assertion: Assertion::Measured { permille },
                place: Place::default(),
            });
        }
        assert_eq!(Facts::of(&case, &knowledge).finding("bridges_bones"), bridges, "{told:?}");
    }
}
