use std::fmt::Write as _;

use apatite_grade::{Between, Graded, Grading, Gradings, Reproducibility};

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
    line(out, 5, &format!("{}: {}", grading.names.get(words.language), words.grade(grading, graded)));
    let besides = words.grades_besides(grading, graded);
    for told in besides.iter().chain(&words.grade_measured(graded)).chain(&words.grade_deciding(graded)) {
        line(out, 7, told);
    }
    let mut faint = vec![grading.note.get(words.language).to_owned()];
    faint.extend(graded.reproducibility.iter().map(|told| words.agreement(told)));
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

impl Words<'_> {
    /// The grade that holds, or those that are possible.
    #[must_use]
    pub fn grade(&self, grading: &Grading, graded: &Graded) -> String {
        if grading.grades.is_empty() {
            self.text("grading-by-reader", &[])
        } else if !graded.grades.is_empty() {
            self.grades(grading, &graded.grades)
        } else if graded.possible.is_empty() {
            self.text("grading-none-fits", &[])
        } else if graded.possible.len() == grading.grades.len() {
            self.text("grading-open", &[])
        } else {
            self.text("grading-possible", &[("grades", &self.grades(grading, &graded.possible))])
        }
    }

    /// Patterns that may be there besides those that are.
    #[must_use]
    pub fn grades_besides(&self, grading: &Grading, graded: &Graded) -> Option<String> {
        let may_be = grading.together && !graded.grades.is_empty() && !graded.possible.is_empty();
        may_be.then(|| self.text("grading-besides", &[("grades", &self.grades(grading, &graded.possible))]))
    }

    /// The quantities of the rules that were measured on the images, with how far they may be off.
    #[must_use]
    pub fn grade_measured(&self, graded: &Graded) -> Option<String> {
        let facts = graded.measured.iter().filter_map(|told| {
            let quantity = self.knowledge.findings.quantities.get(&told.quantity)?;
            let name = uncapitalised(quantity.names.get(self.language));
            let (value, off) = (self.number(told.value), self.number(told.uncertainty));
            Some(format!("{name} {value} ± {off} {}", quantity.unit))
        });
        let facts = facts.collect::<Vec<_>>();
        (!facts.is_empty()).then(|| self.text("grading-measured", &[("facts", &facts.join(", "))]))
    }

    /// What is not known and would decide, where no grade holds.
    #[must_use]
    pub fn grade_deciding(&self, graded: &Graded) -> Option<String> {
        if !graded.grades.is_empty() || graded.deciding.is_empty() {
            return None;
        }
        let facts = graded.deciding.iter().map(|id| match self.knowledge.findings.quantities.get(id) {
            Some(quantity) => uncapitalised(quantity.names.get(self.language)),
            None => self.finding_within(id),
        });
        Some(self.text("grading-deciding", &[("facts", &facts.collect::<Vec<_>>().join(", "))]))
    }

    /// How well observers agree, with the source.
    #[must_use]
    pub fn agreement(&self, told: &Reproducibility) -> String {
        let key = match told.between {
            Between::Observers => "grading-between-observers",
            Between::Readings => "grading-between-readings",
        };
        let value = match (told.low, told.high) {
            (Some(low), Some(high)) => {
                format!("{} ({} - {})", self.number(told.value), self.number(low), self.number(high))
            }
            _ => self.number(told.value),
        };
        let sources = told.sources.iter().map(|id| source(self, id)).collect::<Vec<_>>().join("; ");
        let arguments = [
            ("statistic", told.statistic.name()),
            ("value", value.as_str()),
            ("modality", self.modality(&told.modality)),
            ("sources", sources.as_str()),
        ];
        self.text(key, &arguments)
    }

    fn grades(&self, grading: &Grading, ids: &[String]) -> String {
        let told = ids.iter().filter_map(|id| {
            let grade = grading.grades.iter().find(|grade| grade.id == *id)?;
            let meaning = grade.names.get(self.language);
            // a grade with a number is told by it, a pattern by its meaning
            let is_number = id.chars().all(|c| c.is_ascii_uppercase());
            Some(if is_number { format!("{id} ({meaning})") } else { meaning.to_owned() })
        });
        told.collect::<Vec<_>>().join(&self.text("grading-or", &[]))
    }
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
