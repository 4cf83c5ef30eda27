//! Reports of cases, real and hostile, in every form. `UPDATE_EXPECT=1` writes the expected texts anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apatite_advise::next;
use apatite_case::{Case, Format, Policy, read};
use apatite_grade::{Gradings, grade};
use apatite_knowledge::{Folder, Knowledge, Language};
use apatite_lesion::{Analysis, Clause, Kind, Lesion, Shape};
use apatite_reason::{Model, counts_of, diagnose, robustness};
use apatite_report::{Block, Input, Picture, Provenance, Report, Study, Text, compose, html, pdf, text};
use apatite_study::{MeasuredSeries, Measurement};
use apatite_text::Words;
use apatite_volume::{Geometry, Labels};
use expect_test::{ExpectFile, expect_file};
use jiff::civil::date;

fn knowledge() -> Knowledge {
    Knowledge::read(&Folder::embedded()).unwrap()
}

fn case(knowledge: &Knowledge, text: &str) -> Case {
    read(text, Format::Toml, knowledge, Policy::Lenient).case
}

fn report(knowledge: &Knowledge, language: Language, case: &Case, studies: &[Study<'_>]) -> Report {
    let words = Words { knowledge, language };
    let model = Model::new(knowledge, "consultation", &counts_of(&knowledge.learned)).unwrap();
    let mut answer = diagnose(&model, knowledge, case, 2).unwrap();
    answer.add_robustness(&model, robustness(&model, knowledge, case, 20, 1).unwrap());
    let advice = next(&model, knowledge, case, &knowledge.examinations.weights).unwrap();
    let gradings = Gradings::read(include_str!("../../../knowledge/gradings.toml"), knowledge).unwrap();
    let leader = answer.differential[0].diagnosis.clone();
    let graded = grade(&gradings, knowledge, case, &[&leader]);
    let provenance = Provenance { program_version: "0.0.0".to_owned(), case_sha256: "0".repeat(64) };
    // one that the languages have, and one that they have not
    let remarks = ["unknown site `elbo`", "a remark"].map(|remark| Text::remark(&words, remark));
    compose(
        &words,
        &Input {
            case,
            answer: &answer,
            advice: Some(&advice),
            gradings: Some((&gradings, &graded)),
            change: None,
            studies,
            date: Some(date(2011, 9, 1)),
            remarks: &remarks,
            provenance: &provenance,
        },
    )
}

fn lesion(id: u16) -> Lesion {
    Lesion {
        id,
        kind: Kind::Calcification,
        probability: 0.9,
        decided_by: "<b>bold</b>".to_owned(),
        decided_from: vec![Clause { text: "<b>bold</b>".to_owned(), values: Vec::new() }],
        centre_mm: [f64::from(id), 0.0, 0.0],
        volume_mm3: 10.0,
        volume_partial_mm3: 11.0,
        volume_uncertainty_mm3: 1.5,
        components: 1,
        diameter_mm: 4.25,
        box_mm: [[0.0; 3], [1.0; 3]],
        mean_hu: 400.0,
        max_hu: 900.0,
        percentiles_hu: [200.0, 300.0, 400.0, 500.0, 600.0],
        sd_hu: 50.0,
        hu_mm3: 4000.0,
        hydroxyapatite_mg: None,
        shape: Shape::default(),
        bone_distance_mm: None,
        bone_contact_mm2: 0.0,
        skin_distance_mm: None,
        level: None,
        findings: Vec::new(),
    }
}

fn measurement(lesions: u16) -> Measurement {
    let geometry =
        Geometry { origin_mm: [0.0; 3], steps_mm: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };
    let labels = Labels { size: [1, 1, 1], values: vec![0], geometry };
    Measurement {
        series: MeasuredSeries {
            uid: "1.2.3".to_owned(),
            date: "20110901".to_owned(),
            size: [1, 1, 1],
            spacing_mm: [1.0; 3],
            kernel: String::new(),
            patient_position: "HFS".to_owned(),
            noise_hu: 12.0,
        },
        origin: None,
        analysis: Analysis {
            lesions: (1..=lesions).map(lesion).collect(),
            findings: Vec::new(),
            labels,
            bones: None,
            body: None,
            gap: None,
            region: None,
            noise_hu: 12.0,
            warnings: Vec::new(),
            timings_ms: std::collections::BTreeMap::new(),
        },
        warnings: vec!["a <i>warning</i>".to_owned()],
    }
}

fn study<'m>(measurement: &'m Measurement, pictures: Vec<Picture>) -> Study<'m> {
    Study {
        name: "ct/<script>".to_owned(),
        modality: "CT".to_owned(),
        date: Some(date(2011, 9, 1)),
        measurement: Some(measurement),
        pictures,
    }
}

/// The smallest PNG: one black pixel.
const PNG: [u8; 67] = [
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 58,
    126, 155, 85, 0, 0, 0, 10, 73, 68, 65, 84, 120, 156, 99, 96, 0, 0, 0, 2, 0, 1, 72, 175, 164, 113, 0, 0,
    0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

fn picture() -> Picture {
    Picture {
        png: PNG.to_vec(),
        size: [1, 1],
        caption: "a \"caption\" <b>".to_owned(),
        alternative: "\"><script>alert(1)</script>".to_owned(),
    }
}

const ARTICLE: &str = include_str!("../../../examples/article/figure-2-3.toml");

const HOSTILE: &str = r#"
title = "<script>alert(\"x\")</script> \u001b[31m\u202e' & <img src=x onerror=alert(1)> 中文 \u05d0"
source = "</style></title><!-- \u0007"
[patient]
age = 1
[labs]
calcium = "11 mg/dL <svg onload=alert(1)>"
phosphate = "7.9 mg/dL"
[[imaging]]
modality = "CT"
sites = ["hand"]
present = ["nodular", "sedimentation_sign"]
"#;

/// Texts of both languages, and HTML of the article's case.
#[test]
fn the_texts_are_as_expected() {
    let knowledge = knowledge();
    let check = |language, source: &str, expected: ExpectFile| {
        let case = case(&knowledge, source);
        expected.assert_eq(&text(&report(&knowledge, language, &case, &[])));
    };
    check(Language::En, ARTICLE, expect_file!["expected/figure-2-3.en.txt"]);
    check(Language::It, ARTICLE, expect_file!["expected/figure-2-3.it.txt"]);
    check(Language::En, HOSTILE, expect_file!["expected/hostile.en.txt"]);
    check(Language::En, "", expect_file!["expected/empty.en.txt"]);
    let case = case(&knowledge, ARTICLE);
    let measured = measurement(14);
    let studies = [study(&measured, Vec::new())];
    expect_file!["expected/lesions.it.txt"].assert_eq(&text(&report(
        &knowledge,
        Language::It,
        &case,
        &studies,
    )));
    // another number in the knowledge need not change the report
    let page =
        html(&report(&knowledge, Language::En, &case, &[])).replace(&knowledge.hash, "hash-of-the-knowledge");
    expect_file!["expected/figure-2-3.en.html"].assert_eq(&page);
}

#[test]
fn a_dictation_has_lines_of_80_plain_characters() {
    let knowledge = knowledge();
    for (language, source) in [(Language::En, ARTICLE), (Language::It, HOSTILE), (Language::It, "")] {
        let text = text(&report(&knowledge, language, &case(&knowledge, source), &[]));
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
            assert!(
                line.chars().all(|c| c.is_alphanumeric() || c == '°' || (' '..='~').contains(&c)),
                "{line}"
            );
        }
    }
}

#[test]
fn hostile_words_are_shown_and_not_obeyed() {
    let knowledge = knowledge();
    let mut case = case(&knowledge, HOSTILE);
    // a case that did not come from a file
    case.title = Some("<script>alert(1)</script> \u{1b}[31m \u{202e} \u{0} ' & <img src=x> 中文".to_owned());
    let measured = measurement(2);
    let studies = [study(&measured, vec![picture()])];
    let report = report(&knowledge, Language::It, &case, &studies);
    let page = html(&report);
    for obeyed in [
        "<script",
        "<img src=x",
        "<svg onload",
        "</style></title>",
        "<!--",
        "<i>warning",
        "\u{1b}",
        "\u{202e}",
        "\u{0}",
        "\u{7}",
    ] {
        assert!(!page.contains(obeyed), "{obeyed:?}");
    }
    for shown in ["&#60;script&#62;", "\\u{1b}", "\\u{202e}", "&#60;i&#62;warning", "中文"] {
        assert!(page.contains(shown), "{shown:?}");
    }
    // one style, known by its hash; nothing else may be loaded or run
    assert_eq!(page.matches("<style>").count(), 1);
    assert!(page.contains("default-src 'none'; img-src data:; style-src 'sha256-"));
    assert!(!page.contains(" style=") && !page.contains(" onclick"));
    assert_eq!(pdf(&report).unwrap(), pdf(&report).unwrap());
}

/// What is opened is closed, in order; attributes stand in quotes.
#[test]
fn the_html_is_well_formed() {
    let knowledge = knowledge();
    let measured = measurement(3);
    let studies = [study(&measured, vec![picture(), picture(), picture()])];
    for (language, source) in [(Language::En, ARTICLE), (Language::It, HOSTILE)] {
        let page = html(&report(&knowledge, language, &case(&knowledge, source), &studies));
        let body = page.strip_prefix("<!DOCTYPE html>").unwrap();
        // HTML that is also XML but for what has no end
        let mut xml = body.replace("&#34;", "&quot;");
        for name in ["meta", "img"] {
            xml = closed(&xml, name);
        }
        let parsed = roxmltree::Document::parse(&xml).unwrap();
        let ids = parsed.descendants().filter_map(|node| node.attribute("id")).collect::<Vec<_>>();
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{id} stands there twice");
        }
        for link in parsed.descendants().filter_map(|node| node.attribute("href")) {
            if let Some(target) = link.strip_prefix('#') {
                assert!(ids.contains(&target), "#{target} leads nowhere");
            } else {
                assert!(link.starts_with("https://") || link.starts_with("http://"), "{link}");
            }
        }
        for image in parsed.descendants().filter(|node| node.has_tag_name("img")) {
            assert!(image.attribute("alt").is_some_and(|alt| !alt.is_empty()));
        }
        for row in parsed.descendants().filter(|node| node.has_tag_name("tr")) {
            let table = row.ancestors().find(|node| node.has_tag_name("table")).unwrap();
            let columns = table.descendants().filter(|node| node.attribute("scope") == Some("col")).count();
            assert_eq!(row.children().filter(roxmltree::Node::is_element).count(), columns);
        }
    }
}

fn closed(html: &str, name: &str) -> String {
    let start = format!("<{name} ");
    let mut parts = html.split(&start);
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let end = part.find('>').unwrap();
        out.push_str(&format!("<{name} {}/>{}", &part[..end], &part[end + 1..]));
    }
    out
}

#[test]
fn many_lesions_and_none_make_a_report() {
    let knowledge = knowledge();
    let case = case(&knowledge, ARTICLE);
    for lesions in [0, 500] {
        let measured = measurement(lesions);
        let studies = [study(&measured, vec![picture()])];
        let report = report(&knowledge, Language::En, &case, &studies);
        let rows = report
            .sections
            .iter()
            .filter(|section| section.id == "lesions")
            .flat_map(|section| &section.blocks)
            .filter_map(|block| match block {
                Block::Table(table) => Some(table.rows.len()),
                _ => None,
            })
            .sum::<usize>();
        assert_eq!(rows, usize::from(lesions));
        assert!(html(&report).len() > 1000);
        assert!(pdf(&report).unwrap().starts_with(b"%PDF-1.7"));
        assert!(text(&report).contains(if lesions == 0 { "No calcification" } else { "500 calcifications" }));
    }
}

/// A word as long as a page, and a title longer than a line.
#[test]
fn long_words_are_broken() {
    let knowledge = knowledge();
    let long = "x".repeat(20_000);
    let source = format!("title = \"{long}\"\nsource = \"{long}\"\n");
    let report = report(&knowledge, Language::En, &case(&knowledge, &source), &[]);
    assert!(report.title.chars().count() <= 201);
    assert!(text(&report).lines().all(|line| line.chars().count() <= 80));
    pdf(&report).unwrap();
}

/// Every text that the code names stands in both languages with the same variables.
#[test]
fn both_languages_have_the_same_texts() {
    let texts = |file: &str| {
        file.lines()
            .filter(|line| !line.starts_with(' ') && line.contains(" = "))
            .map(|line| line.split(" = ").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let english = texts(include_str!("../../apatite-text/locales/en/report.ftl"));
    assert!(english.len() > 50);
    assert_eq!(english, texts(include_str!("../../apatite-text/locales/it/report.ftl")));
    let knowledge = knowledge();
    let measured = measurement(20);
    for language in Language::ALL {
        let studies = [study(&measured, vec![picture()])];
        let page = html(&report(&knowledge, language, &case(&knowledge, ARTICLE), &studies));
        assert!(!page.contains("Unknown localization"));
    }
}
