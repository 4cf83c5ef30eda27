//! How far the disease has come: gradings, and what has changed since an earlier study.

use apatite_follow::{Change, Outcome, Pair};
use apatite_grade::{Graded, Grading};

use super::Composer;
use crate::report::{Block, Cell, Row, Span, Table, Text};

impl Composer<'_, '_, '_> {
    /// The gradings of the leading diagnoses.
    pub(super) fn gradings(&mut self) -> Vec<Block> {
        let Some((gradings, graded)) = self.input.gradings else { return Vec::new() };
        let mut rows = Vec::new();
        for graded in graded {
            let Some(grading) = gradings.get(&graded.grading) else { continue };
            rows.push(self.grading_row(grading, graded));
        }
        if rows.is_empty() {
            return Vec::new();
        }
        vec![Block::Table(Table {
            caption: self.word("report-gradings-caption"),
            columns: vec![
                self.column("report-grading", 0.24),
                self.column("report-diagnosis", 0.2),
                self.column("report-grade", 0.26),
                self.column("report-agreement", 0.3),
            ],
            rows,
        })]
    }

    fn grading_row(&mut self, grading: &Grading, graded: &Graded) -> Row {
        let words = self.words;
        let name = Text::plain(grading.names.get(words.language)).and(self.sources.cite(&graded.sources));
        let mut grade = Text::plain(&words.grade(grading, graded));
        let besides = words.grades_besides(grading, graded);
        for told in besides.iter().chain(&words.grade_measured(graded)).chain(&words.grade_deciding(graded)) {
            grade = grade.and(Span::faint(&format!(" ({told})")));
        }
        let mut note = Text::plain(grading.note.get(words.language));
        for told in &graded.reproducibility {
            let key = match told.between {
                apatite_grade::Between::Observers => "report-between-observers",
                apatite_grade::Between::Readings => "report-between-readings",
            };
            let value = words.number(told.value);
            let modality = words.modality(&told.modality);
            let arguments =
                [("statistic", told.statistic.name()), ("value", value.as_str()), ("modality", modality)];
            note = note.and(Span::faint(&format!(" {}", words.text(key, &arguments))));
            note = note.and(self.sources.cite(&told.sources));
        }
        let diagnosis = Text::plain(words.diagnosis(&graded.diagnosis));
        let cells = [name, diagnosis, grade, note].map(|text| Cell { text, bar: None });
        Row { cells: cells.into() }
    }

    /// What has changed since the earlier study.
    pub(super) fn comparison(&mut self) -> Vec<Block> {
        let Some((followed, limits)) = self.input.change else { return Vec::new() };
        let words = self.words;
        let mut blocks = vec![Block::Paragraph(Text::plain(&words.registration(followed)))];
        if followed.lesions.is_empty() {
            blocks.push(Block::Paragraph(Text::plain(&self.word("follow-none"))));
        } else {
            let mut rows = followed.lesions.iter().map(|pair| self.pair_row(pair)).collect::<Vec<_>>();
            if followed.lesions.len() > 1 {
                rows.push(self.change_row(&self.word("follow-burden"), "", &followed.burden_mm3));
            }
            blocks.push(Block::Table(Table {
                caption: self.word("report-comparison-caption"),
                columns: vec![
                    self.column("report-lesion-number", 0.18),
                    self.column("report-outcome", 0.2),
                    self.number_column("report-earlier", 0.12),
                    self.number_column("report-later", 0.12),
                    self.number_column("report-difference", 0.2),
                    self.column("report-verdict", 0.18),
                ],
                rows,
            }));
        }
        let root = words.decimals(limits.volume.per_root_mm3, 2);
        let fixed = words.decimals(limits.volume_mm3(0.0), 2);
        let share = words.number(limits.volume.per_mm3);
        let arguments = [("share", share.as_str()), ("root", &root), ("fixed", &fixed)];
        let limit = Text(vec![Span::faint(&words.text("report-limit", &arguments))]);
        blocks.push(Block::Paragraph(limit.and(self.sources.cite(&limits.volume.sources))));
        for warning in &followed.warnings {
            blocks.push(Block::Paragraph(Text::plain(&words.follow_warning(*warning))));
        }
        blocks
    }

    /// What has changed since the earlier study, a line for each lesion.
    pub(super) fn comparison_lines(&self) -> Vec<String> {
        let Some((followed, _)) = self.input.change else { return Vec::new() };
        let words = self.words;
        let mut lines = vec![words.registration(followed)];
        if followed.lesions.is_empty() {
            lines.push(self.word("follow-none"));
        }
        for pair in &followed.lesions {
            let outcome = words.outcome(pair.outcome);
            // volume alone: mass and density stand in the other forms
            let volume = words.changes_of(pair).into_iter().next().unwrap_or_default();
            lines.push(format!("{}. {}, {outcome}: {volume}.", pair.id, words.kind(pair.kind)));
        }
        lines.extend(followed.warnings.iter().map(|warning| words.follow_warning(*warning)));
        lines
    }

    fn pair_row(&self, pair: &Pair) -> Row {
        let words = self.words;
        let outcome = words.outcome(pair.outcome);
        let mut row = self.change_row(&pair.id.to_string(), &outcome, &pair.volume_mm3);
        if matches!(pair.outcome, Outcome::OutOfView | Outcome::Unsettled) {
            // the figures stand there, but nothing follows from them
            row.cells.truncate(4);
            row.cells.extend([Cell::default(), Cell::text(&self.word("report-not-compared"))]);
        } else if let (Some([growth, ..]), Some(last)) = (pair.growth_mm3_per_month, row.cells.last_mut()) {
            let growth = words.text("report-growth", &[("growth", &words.decimals(growth, 0))]);
            last.text = Text::plain(&format!("{}, {growth}", last.text.bare()));
        }
        row
    }

    fn change_row(&self, name: &str, outcome: &str, change: &Change) -> Row {
        let words = self.words;
        let [low, high] = change.interval.map(|value| words.decimals(value, 0));
        let difference = format!("{} ({low} - {high})", words.decimals(change.difference, 0));
        let verdict = words.verdict(change.verdict);
        let cells = [
            name,
            outcome,
            &words.decimals(change.earlier.value, 0),
            &words.decimals(change.later.value, 0),
            &difference,
            &verdict,
        ]
        .map(Cell::text);
        Row { cells: cells.into() }
    }
}
