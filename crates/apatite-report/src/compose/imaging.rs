//! What the images show: key images and the tables of lesions.

use apatite_lesion::Lesion;

use super::{Composer, Study};
use crate::report::{Block, Cell, Column, Row, Table, Text, safe};

/// A finding is told from this probability on.
const TOLD_FROM: f64 = 0.5;

impl Composer<'_, '_, '_> {
    /// The key images of every study.
    pub(super) fn images(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for study in self.input.studies.iter().filter(|study| !study.pictures.is_empty()) {
            blocks.push(Block::Heading(Text::plain(&self.name_of(study))));
            blocks.push(Block::Pictures(study.pictures.clone()));
        }
        blocks
    }

    /// The lesions of every study that was measured, and its findings.
    pub(super) fn lesions(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for study in self.input.studies {
            let Some(measurement) = study.measurement else { continue };
            let analysis = &measurement.analysis;
            blocks.push(Block::Heading(Text::plain(&self.name_of(study))));
            if analysis.lesions.is_empty() {
                blocks.push(Block::Paragraph(Text::plain(&self.word("measure-none"))));
            } else {
                let rows = analysis.lesions.iter().map(|lesion| self.lesion_row(lesion)).collect();
                let caption = self.word("report-lesions-caption");
                blocks.push(Block::Table(Table { caption, columns: self.lesion_columns(), rows }));
            }
            let told = || analysis.findings.iter().filter(|finding| finding.probability >= TOLD_FROM);
            if told().next().is_some() {
                let rows = told()
                    .map(|finding| {
                        let cells = [
                            Cell::text(self.words.finding(&finding.id)),
                            Cell::text(&self.words.percent(finding.probability)),
                            Cell::text(&self.words.measured(&finding.measured_from)),
                        ];
                        Row { cells: cells.into() }
                    })
                    .collect();
                blocks.push(Block::Table(Table {
                    caption: self.word("measure-findings"),
                    columns: vec![
                        self.column("report-finding", 0.36),
                        self.number_column("report-probability", 0.16),
                        self.column("report-measured-from", 0.48),
                    ],
                    rows,
                }));
            }
            if !measurement.warnings.is_empty() {
                blocks.push(Block::Subheading(Text::plain(&self.word("report-limits"))));
                let remark = |warning: &String| Text::remark(self.words, warning);
                let items = measurement.warnings.iter().map(remark).collect();
                blocks.push(Block::List { numbered: false, items });
            }
        }
        blocks
    }

    fn name_of(&self, study: &Study<'_>) -> String {
        let name = self.words.modality(&study.modality);
        match study.date {
            Some(date) => format!("{name}, {} ({date})", safe(&study.name)),
            None => format!("{name}, {}", safe(&study.name)),
        }
    }

    fn lesion_columns(&self) -> Vec<Column> {
        vec![
            self.column("report-lesion-number", 0.05),
            self.column("report-kind-of-lesion", 0.16),
            self.number_column("report-volume", 0.13),
            self.number_column("report-diameter", 0.11),
            self.number_column("report-mean-hu", 0.07),
            self.number_column("report-max-hu", 0.07),
            self.number_column("report-to-bone", 0.10),
            self.column("report-findings", 0.31),
        ]
    }

    fn lesion_row(&self, lesion: &Lesion) -> Row {
        let words = self.words;
        let kind = words.kind(lesion.kind);
        let volume = format!(
            "{} ± {}",
            words.decimals(lesion.volume_partial_mm3, 0),
            words.decimals(lesion.volume_uncertainty_mm3, 0)
        );
        let findings = lesion
            .findings
            .iter()
            .filter(|finding| finding.probability >= TOLD_FROM)
            .map(|finding| {
                format!("{} ({})", words.finding_within(&finding.id), words.percent(finding.probability))
            })
            .collect::<Vec<_>>()
            .join(", ");
        let to_bone = lesion.bone_distance_mm.map_or(String::new(), |mm| words.decimals(mm, 0));
        let cells = [
            Cell::text(&lesion.id.to_string()),
            Cell::text(&format!("{kind}, {}", words.percent(lesion.probability))),
            Cell::text(&volume),
            Cell::text(&words.decimals(lesion.diameter_mm, 1)),
            Cell::text(&words.decimals(lesion.mean_hu, 0)),
            Cell::text(&words.decimals(lesion.max_hu, 0)),
            Cell::text(&to_bone),
            Cell::text(&findings),
        ];
        Row { cells: cells.into() }
    }
}
