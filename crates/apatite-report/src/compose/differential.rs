//! The ranking, and what speaks for and against each diagnosis.

use apatite_knowledge::{Nature, Statement};
use apatite_reason::{Missing, RankedDiagnosis, WeighedFact};

use super::Composer;
use super::sources::sources_of;
use crate::report::{Bar, Block, Cell, Row, Span, Table, Text, Tone};

/// So many diagnoses stand in the ranking.
const SHOWN: usize = 10;
/// Weights smaller than this are summed up in one line.
const SMALL_DECIBANS: f64 = 0.5;
/// The longest bar of weights stands for at least so much.
const LONGEST_DECIBANS: f64 = 10.0;

impl Composer<'_, '_, '_> {
    /// The ranking and the mechanisms.
    pub(super) fn differential(&self) -> Vec<Block> {
        let (words, answer) = (self.words, self.input.answer);
        let mut rows = Vec::new();
        for (place, ranked) in answer.differential.iter().take(SHOWN).enumerate() {
            let name = Text::plain(&format!("{}. {}", place + 1, words.diagnosis(&ranked.diagnosis)));
            let nature = match ranked.nature {
                Nature::Benign => String::new(),
                Nature::Intermediate => format!(", {}", self.word("nature-intermediate")),
                Nature::Malignant => format!(", {}", self.word("nature-malignant")),
            };
            let mechanism = format!("{}{nature}", words.mechanism(&ranked.mechanism));
            rows.push(Row {
                cells: vec![Cell { text: name, bar: None }, share(self, ranked), Cell::text(&mechanism)],
            });
        }
        let rest = answer.differential.iter().skip(SHOWN).collect::<Vec<_>>();
        if !rest.is_empty() {
            let sum: f64 = rest.iter().map(|ranked| ranked.probability).sum();
            let bar = Bar::Share { value: sum, interval: None, tone: Tone::Plain };
            rows.push(Row {
                cells: vec![
                    Cell::text(&words.counted("others-together", rest.len())),
                    Cell { text: Text::plain(&words.percent(sum)), bar: Some(bar) },
                    Cell::default(),
                ],
            });
        }
        let table = Table {
            caption: self.word("report-differential-caption"),
            columns: vec![
                self.column("report-diagnosis", 0.4),
                self.column("report-probability", 0.38),
                self.column("report-mechanism", 0.22),
            ],
            rows,
        };
        let mut blocks = vec![Block::Table(table)];
        let leads = answer.differential.first().and_then(|leader| leader.leads);
        if let (Some(robustness), Some(leads)) = (&answer.robustness, leads) {
            let (share, draws) = (words.percent(leads), robustness.draws.to_string());
            let key = if robustness.fragile { "robustness-fragile" } else { "robustness-line" };
            let text = words.text(key, &[("share", &share), ("draws", &draws)]);
            blocks.push(Block::Paragraph(Text(vec![Span::faint(&text)])));
        }
        let rows = answer
            .mechanisms
            .iter()
            .map(|mechanism| {
                let bar = Bar::Share { value: mechanism.probability, interval: None, tone: Tone::Plain };
                let text = Text::plain(&words.percent(mechanism.probability));
                let name = words.mechanism(&mechanism.mechanism);
                Row { cells: vec![Cell::text(&name), Cell { text, bar: Some(bar) }] }
            })
            .collect();
        blocks.push(Block::Table(Table {
            caption: self.word("by-mechanism"),
            columns: vec![self.column("report-mechanism", 0.4), self.column("report-probability", 0.6)],
            rows,
        }));
        blocks
    }

    /// What speaks for and against the diagnoses that were explained.
    pub(super) fn reasons(&mut self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let answer = self.input.answer;
        for (place, ranked) in answer.differential.iter().enumerate() {
            if !ranked.weights.is_empty() {
                self.reasons_of(&mut blocks, place, ranked);
            }
        }
        blocks
    }

    fn reasons_of(&mut self, blocks: &mut Vec<Block>, place: usize, ranked: &RankedDiagnosis) {
        let words = self.words;
        let name = words.diagnosis(&ranked.diagnosis);
        let heading = format!("{}. {name}, {}", place + 1, words.percent(ranked.probability));
        blocks.push(Block::Heading(Text::plain(&heading)));
        let diagnosis = words.knowledge.diagnosis(&ranked.diagnosis);
        if let Some(diagnosis) = diagnosis {
            let summary = self.statement(&diagnosis.summary);
            blocks.push(Block::Paragraph(summary));
        }
        let arguments = [
            ("prior", words.decibans(ranked.prior_decibans)),
            ("facts", words.decibans(ranked.posterior_decibans - ranked.prior_decibans)),
            ("posterior", words.decibans(ranked.posterior_decibans)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        let odds = words.text("odds-line", &arguments);
        blocks.push(Block::Paragraph(Text(vec![Span::faint(&odds)])));
        let weights = self.weights(ranked);
        blocks.push(weights);
        if !ranked.expected.is_empty() {
            blocks.push(Block::Subheading(Text::plain(&self.word("expected"))));
            let items = ranked.expected.iter().map(|missing| Text::plain(&self.expected(missing))).collect();
            blocks.push(Block::List { numbered: false, items });
        }
        if let Some(diagnosis) = diagnosis {
            self.statements(blocks, "confirmation", &diagnosis.confirmation);
            // of the leader they stand in the impression
            if place > 0 {
                self.statements(blocks, "must-not-miss", &diagnosis.must_not_miss);
            }
        }
    }

    /// Every fact with what it weighs, those that speak for the diagnosis first.
    fn weights(&mut self, ranked: &RankedDiagnosis) -> Block {
        let words = self.words;
        let answer = self.input.answer;
        let is_large = |weight: &&WeighedFact| weight.decibans.abs() >= SMALL_DECIBANS;
        let longest =
            ranked.weights.iter().map(|weight| weight.decibans.abs()).fold(LONGEST_DECIBANS, f64::max);
        let (large, small): (Vec<_>, Vec<_>) = ranked.weights.iter().partition(is_large);
        let mut rows = Vec::new();
        for positive in [true, false] {
            for weight in large.iter().filter(|weight| (weight.decibans > 0.0) == positive) {
                let fact = &answer.facts[weight.fact].fact;
                let mut text = Text::plain(&words.fact(fact));
                if let Some(diagnosis) = words.knowledge.diagnosis(&ranked.diagnosis) {
                    text = text.and(self.sources.cite(&sources_of(words, diagnosis, fact)));
                }
                let side = self.word(if positive { "for" } else { "against" });
                rows.push(Row {
                    cells: vec![
                        Cell { text, bar: None },
                        Cell::text(&side),
                        weighed(words, weight.decibans, longest),
                    ],
                });
            }
        }
        if !small.is_empty() {
            let sum: f64 = small.iter().map(|weight| weight.decibans).sum();
            rows.push(Row {
                cells: vec![
                    Cell::text(&words.counted("remaining-facts", small.len())),
                    Cell::default(),
                    weighed(words, sum, longest),
                ],
            });
        }
        let name = words.diagnosis(&ranked.diagnosis);
        Block::Table(Table {
            caption: words.text("report-weights-caption", &[("name", name)]),
            columns: vec![
                self.column("report-fact", 0.5),
                self.column("report-speaks", 0.13),
                self.column("report-weight", 0.37),
            ],
            rows,
        })
    }

    fn expected(&self, missing: &Missing) -> String {
        let arguments = [
            ("name", self.words.state(&missing.id, &missing.state)),
            ("probability", self.words.percent(missing.probability)),
            ("decibans", self.words.decibans(missing.decibans)),
        ];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.words.text("expected-line", &arguments)
    }

    fn statements(&mut self, blocks: &mut Vec<Block>, title: &str, statements: &[Statement]) {
        if statements.is_empty() {
            return;
        }
        blocks.push(Block::Subheading(Text::plain(&self.word(title))));
        let items = statements.iter().map(|statement| self.statement(statement)).collect();
        blocks.push(Block::List { numbered: false, items });
    }

    fn statement(&mut self, statement: &Statement) -> Text {
        let cite = self.sources.cite(&statement.sources);
        Text::plain(statement.get(self.words.language)).and(cite)
    }

    /// What is not known and would tell most.
    pub(super) fn lacking(&self) -> Vec<Block> {
        let words = self.words;
        let answer = self.input.answer;
        let most = answer.lacking.iter().map(|missing| missing.information_bits).fold(0.0, f64::max);
        let rows = answer
            .lacking
            .iter()
            .map(|missing| {
                let name = if missing.state == "present" || missing.state == "positive" {
                    words.state(&missing.id, &missing.state)
                } else {
                    let group = words.knowledge.findings.groups.get(&missing.id);
                    group
                        .map_or(words.analyte(&missing.id), |group| group.names.get(words.language))
                        .to_owned()
                };
                let value = if most > 0.0 { missing.information_bits / most } else { 0.0 };
                let bar = Bar::Share { value, interval: None, tone: Tone::Plain };
                let text = Text::plain(&words.decimals(missing.information_bits, 2));
                Row { cells: vec![Cell::text(&name), Cell { text, bar: Some(bar) }] }
            })
            .collect::<Vec<_>>();
        if rows.is_empty() {
            return Vec::new();
        }
        vec![Block::Table(Table {
            caption: self.word("lacking"),
            columns: vec![self.column("report-unknown-fact", 0.5), self.column("report-bits", 0.5)],
            rows,
        })]
    }
}

/// A probability with its interval.
fn share(composer: &Composer<'_, '_, '_>, ranked: &RankedDiagnosis) -> Cell {
    let words = composer.words;
    let text = match ranked.interval {
        Some([low, high]) => {
            format!(
                "{} ({} - {})",
                words.percent(ranked.probability),
                words.percent(low),
                words.percent(high)
            )
        }
        None => words.percent(ranked.probability),
    };
    let tone = match ranked.nature {
        Nature::Benign => Tone::Plain,
        Nature::Intermediate => Tone::Warning,
        Nature::Malignant => Tone::Danger,
    };
    let bar = Bar::Share { value: ranked.probability, interval: ranked.interval, tone };
    Cell { text: Text::plain(&text), bar: Some(bar) }
}

fn weighed(words: &apatite_text::Words<'_>, decibans: f64, longest: f64) -> Cell {
    let bar = Bar::Weight { value: (decibans / longest).clamp(-1.0, 1.0) };
    Cell { text: Text::plain(&format!("{} dB", words.decibans(decibans))), bar: Some(bar) }
}
