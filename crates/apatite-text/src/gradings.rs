use std::fmt::Write as _;

use apatite_grade::{Between, Graded, Grading, Gradings, Reproducibility, Statistic};

use crate::words::{FAINT, HEADING, Words, styled, uncapitalised};

/// The gradings of a case: what holds, what would decide, and how well observers agree.
#[must_use]
pub fn gradings(words: &Words<'_>, gradings: &Gradings, graded: &[Graded]) -> String {
    let mut out = String::new();
    let mut diagnosis = "";
    for graded in graded {
        let Some(grading) = gradings.get(&graded.grading) else { continue };
        if diagnosis != graded.diagnosis {
            diagnosis = &graded.diagnosis;
            let name = words.diagnosis(diagnosis);
            let _ = writeln!(out, "\n{}", styled(HEADING, &words.text("gradings", &[("diagnosis", name)])));
        }
        lines(&mut out, words, grading, graded);
    }
    out
}

fn lines(out: &mut String, words: &Words<'_>, grading: &Grading, graded: &Graded) {
    let name = grading.names.get(words.language);
    let said = |ids: &[String]| {
        let told = ids.iter().filter_map(|id| {
            let grade = grading.grades.iter().find(|grade| grade.id == *id)?;
            let meaning = grade.names.get(words.language);
            // a grade with a number is told by it, a pattern by its meaning
            Some(if id.chars().all(|c| c.is_ascii_uppercase()) {
                format!("{id} ({meaning})")
            } else {
                meaning.to_owned()
            })
        });
        told.collect::<Vec<_>>().join(&words.text("grading-or", &[]))
    };
    let all_open = graded.grades.is_empty() && graded.possible.len() == grading.grades.len();
    let answer = if grading.grades.is_empty() {
        words.text("grading-by-reader", &[])
    } else if !graded.grades.is_empty() {
        said(&graded.grades)
    } else if graded.possible.is_empty() {
        words.text("grading-none-fits", &[])
    } else if all_open {
        words.text("grading-open", &[])
    } else {
        words.text("grading-possible", &[("grades", &said(&graded.possible))])
    };
    line(out, 5, &format!("{name}: {answer}"));
    if !graded.grades.is_empty() && !graded.possible.is_empty() && grading.together {
        line(out, 7, &words.text("grading-besides", &[("grades", &said(&graded.possible))]));
    }
    if graded.grades.is_empty() && !graded.deciding.is_empty() {
        let facts =
            graded.deciding.iter().map(|id| uncapitalised(fact(words, id))).collect::<Vec<_>>().join(", ");
        line(out, 7, &words.text("grading-deciding", &[("facts", &facts)]));
    }
    let mut faint = vec![grading.note.get(words.language).to_owned()];
    faint.extend(graded.reproducibility.iter().map(|told| agreement(words, told)));
    faint.push(graded.sources.iter().map(|id| source(words, id)).collect::<Vec<_>>().join("; "));
    line(out, 7, &faint.join(" "));
}

fn line(out: &mut String, indent: usize, text: &str) {
    const WIDTH: usize = 106;
    let blanks = " ".repeat(indent);
    let options = textwrap::Options::new(WIDTH).initial_indent(&blanks);
    let after = " ".repeat(indent + 2);
    let told = textwrap::fill(text, options.subsequent_indent(&after));
    let _ = writeln!(out, "{}", if indent > 5 { styled(FAINT, &told) } else { told });
}

fn fact<'a>(words: &Words<'a>, id: &'a str) -> &'a str {
    match words.knowledge.findings.quantities.get(id) {
        Some(quantity) => quantity.names.get(words.language),
        None => words.finding(id),
    }
}

fn agreement(words: &Words<'_>, told: &Reproducibility) -> String {
    let key = match told.between {
        Between::Observers => "grading-between-observers",
        Between::Readings => "grading-between-readings",
    };
    let statistic = match told.statistic {
        Statistic::Kappa => "kappa",
        Statistic::Icc => "ICC",
    };
    let value = match (told.low, told.high) {
        (Some(low), Some(high)) => {
            format!("{} ({} - {})", words.number(told.value), words.number(low), words.number(high))
        }
        _ => words.number(told.value),
    };
    let sources = told.sources.iter().map(|id| source(words, id)).collect::<Vec<_>>().join("; ");
    let arguments = [
        ("statistic", statistic),
        ("value", value.as_str()),
        ("modality", words.modality(&told.modality)),
        ("sources", sources.as_str()),
    ];
    words.text(key, &arguments)
}

/// A source in a few words: the first author and the year, else its id.
pub(crate) fn source(words: &Words<'_>, id: &str) -> String {
    if id == "judgement" {
        return words.text("card-judgement", &[]);
    }
    let Some(reference) = words.knowledge.bibliography.get(id) else { return id.to_owned() };
    let fields = &reference.fields;
    let author =
        fields.get("author").and_then(|authors| authors.get(0)).and_then(|author| author.get("family"));
    let year = fields.get("issued").and_then(|issued| issued.get("date-parts")?.get(0)?.get(0));
    match (author.and_then(|author| author.as_str()), year) {
        (Some(author), Some(year)) => format!("{author} {year}"),
        (None, Some(year)) => format!("{}, {year}", reference.title),
        _ => reference.title.clone(),
    }
}
