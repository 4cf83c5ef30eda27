//! Tables: rows that stay together, headings on every page, bars.

use super::flow::{DANGER, Flow, Item, LEFT, Meaning, WARNING, WIDTH, line_height};
use super::letters::{Colour, INK, Run, Style};
use crate::report::{Bar, Cell, Column, Table, Text, Tone};

const SIZE: f32 = 8.5;
/// Between columns, pt.
const GUTTER: f32 = 8.0;
/// Above and below the text of a cell, pt.
const PADDING: f32 = 2.5;
/// Longest bar, pt.
const BAR: f32 = 84.0;
/// A cell of more lines is cut, so that a row fits a page.
const MOST_LINES: usize = 50;

const TRACK: Colour = [227, 232, 237];
const SHARE: Colour = [47, 111, 179];
const FOR: Colour = [29, 122, 76];
const AGAINST: Colour = [179, 55, 47];

impl Flow<'_> {
    pub(super) fn table(&mut self, table: &Table) {
        let total: f32 = table.columns.iter().map(|column| column.weight).sum();
        let mut left = LEFT;
        let places = table
            .columns
            .iter()
            .map(|column| {
                let width = column.weight / total * WIDTH;
                let place = (left, width - GUTTER);
                left += width;
                place
            })
            .collect::<Vec<_>>();
        self.y += 3.0;
        self.ensure(4.0 * line_height(SIZE));
        let node = self.node(0, Meaning::Table(table.caption.clone()));
        let caption = self.node(node, Meaning::Caption);
        self.text(caption, &Text::plain(&table.caption), Style::FAINT, SIZE, LEFT, WIDTH);
        let head = self.node(node, Meaning::TableHead);
        self.head(Some(head), &table.columns, &places);
        let body = self.node(node, Meaning::TableBody);
        for row in &table.rows {
            let cells = row
                .cells
                .iter()
                .zip(&places)
                .map(|(cell, (_, width))| self.cell_lines(cell, *width))
                .collect::<Vec<_>>();
            let lines = cells.iter().map(Vec::len).max().unwrap_or(1).max(1);
            if self.ensure(lines as f32 * line_height(SIZE) + 2.0 * PADDING) {
                // the headings again, which is no content
                self.head(None, &table.columns, &places);
            }
            let node = self.node(body, Meaning::TableRow);
            let top = self.y + PADDING;
            let mut lowest = top + line_height(SIZE);
            for (index, lines) in cells.into_iter().enumerate() {
                let (left, width) = places[index];
                let column = &table.columns[index];
                let meaning = if index == 0 { Meaning::RowHeading } else { Meaning::Cell };
                let cell = self.node(node, meaning);
                self.y = top;
                let mut left = left;
                if let Some(bar) = &row.cells[index].bar {
                    self.bar(bar, left, top, bar_width(width));
                    left += bar_width(width) + 6.0;
                }
                for line in lines {
                    let length = line.last().map_or(0.0, |run| run.x + run.width);
                    let shift = if column.is_number { (width - length).max(0.0) } else { 0.0 };
                    self.line(Some(cell), line, SIZE, left + shift);
                }
                lowest = lowest.max(self.y);
            }
            self.y = lowest + PADDING;
            self.rule(self.y);
        }
        self.y += 6.0;
    }

    fn head(&mut self, node: Option<usize>, columns: &[Column], places: &[(f32, f32)]) {
        let row = node.map(|node| self.node(node, Meaning::TableRow));
        let cells = columns
            .iter()
            .zip(places)
            .map(|(column, (_, width))| {
                let style = Style { is_bold: true, ..Style::FAINT };
                self.letters.lines(&Text::plain(&column.title), style, SIZE, *width)
            })
            .collect::<Vec<_>>();
        let most = cells.iter().map(Vec::len).max().unwrap_or(1);
        let bottom = self.y + most as f32 * line_height(SIZE);
        for ((lines, column), (left, width)) in cells.into_iter().zip(columns).zip(places) {
            let cell = row.map(|row| self.node(row, Meaning::ColumnHeading));
            // headings stand on the line below them
            self.y = bottom - lines.len() as f32 * line_height(SIZE);
            for line in lines {
                let length = line.last().map_or(0.0, |run| run.x + run.width);
                let shift = if column.is_number { (width - length).max(0.0) } else { 0.0 };
                self.line(cell, line, SIZE, left + shift);
            }
        }
        self.y = bottom + 1.0;
        self.rule(self.y);
    }

    fn cell_lines(&self, cell: &Cell, width: f32) -> Vec<Vec<Run>> {
        let width = if cell.bar.is_some() { width - bar_width(width) - 6.0 } else { width };
        let mut lines = self.letters.lines(&cell.text, Style::PLAIN, SIZE, width);
        if lines.len() > MOST_LINES {
            lines.truncate(MOST_LINES);
            lines.extend(self.letters.lines(&Text::plain("…"), Style::PLAIN, SIZE, width));
        }
        lines
    }

    fn bar(&mut self, bar: &Bar, left: f32, top: f32, width: f32) {
        let (y, height) = (top + 2.2, 7.0);
        let at = |share: f64| left + share.clamp(0.0, 1.0) as f32 * width;
        self.draw(Item::Box { place: [left, y, width, height], colour: TRACK });
        match *bar {
            Bar::Share { value, interval, tone } => {
                let colour = match tone {
                    Tone::Plain => SHARE,
                    Tone::Warning => WARNING,
                    Tone::Danger => DANGER,
                };
                self.draw(Item::Box { place: [left, y, at(value) - left, height], colour });
                if let Some([low, high]) = interval {
                    let place = [at(low), y + height / 2.0 - 0.5, at(high) - at(low), 1.0];
                    self.draw(Item::Box { place, colour: INK });
                }
            }
            Bar::Weight { value } => {
                let half = value.clamp(-1.0, 1.0) / 2.0;
                let (colour, from, to) =
                    if half < 0.0 { (AGAINST, 0.5 + half, 0.5) } else { (FOR, 0.5, 0.5 + half) };
                self.draw(Item::Box { place: [at(from), y, at(to) - at(from), height], colour });
                self.draw(Item::Box { place: [at(0.5) - 0.4, y - 1.0, 0.8, height + 2.0], colour: INK });
            }
        }
    }
}

fn bar_width(width: f32) -> f32 {
    BAR.min(width * 0.5)
}
