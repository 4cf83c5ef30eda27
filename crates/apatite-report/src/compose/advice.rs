//! What cannot wait, and what to examine next.

use apatite_advise::{Advice, Advised};
use apatite_knowledge::{Contrast, Language, Severity, Urgency};

use super::Composer;
use crate::report::{Bar, Block, Cell, Notice, Row, Table, Text, Tone};

/// So many examinations are shown.
const SHOWN: usize = 8;
/// The text names so many.
const NAMED: usize = 2;

/// An alarm in words: urgency and name, text, sources, colour.
struct Told {
    title: String,
    text: String,
    sources: Vec<String>,
    tone: Tone,
}

impl Composer<'_, '_, '_> {
    pub(super) fn alarms(&mut self) -> Vec<Block> {
        self.warned()
            .into_iter()
            .map(|told| {
                let text = Text::plain(&told.text).and(self.sources.cite(&told.sources));
                Block::Notice(Notice { tone: told.tone, title: told.title, text })
            })
            .collect()
    }

    /// The alarms in sentences.
    pub(super) fn alarm_lines(&self) -> Vec<String> {
        self.warned().into_iter().map(|told| format!("{}. {}", told.title, told.text)).collect()
    }

    fn warned(&self) -> Vec<Told> {
        let Some(advice) = self.input.advice else { return Vec::new() };
        let (words, knowledge) = (self.words, self.words.knowledge);
        let mut all = Vec::new();
        for alarm in &advice.alarms {
            let Some(known) = knowledge.alarms.alarms.get(&alarm.alarm) else { continue };
            let (key, tone) = match alarm.urgency {
                Urgency::Emergency => ("report-emergency", Tone::Danger),
                Urgency::Urgent => ("report-urgent", Tone::Warning),
                Urgency::Notice => ("report-notice", Tone::Warning),
            };
            let title = format!("{}: {}", self.word(key), known.names.get(words.language));
            let text = self.of(&known.en, &known.it).to_owned();
            all.push(Told { title, text, sources: alarm.sources.clone(), tone });
        }
        for clash in &advice.clashes {
            let [first, second] = clash.findings.each_ref().map(|finding| words.finding(finding));
            let text = words.text("report-clash", &[("first", first), ("second", second)]);
            all.push(Told { title: self.word("disagree"), text, sources: Vec::new(), tone: Tone::Warning });
        }
        all
    }

    /// Examinations by gain for burden, with what forbids them, and whether enough is known.
    pub(super) fn next(&mut self) -> Vec<Block> {
        let Some(advice) = self.input.advice else { return Vec::new() };
        let mut blocks = self.sufficiency(advice);
        if advice.examinations.is_empty() {
            return blocks;
        }
        let shown = advice.examinations.iter().take(SHOWN).collect::<Vec<_>>();
        let most = shown.iter().map(|advised| advised.gain.bits).fold(0.0, f64::max);
        let rows = shown.iter().map(|advised| self.examination_row(advised, most)).collect();
        blocks.push(Block::Table(Table {
            caption: self.word("report-next-caption"),
            columns: vec![
                self.column("report-examination", 0.34),
                self.column("report-gain", 0.24),
                self.number_column("report-leader-change", 0.14),
                self.column("report-burden", 0.28),
            ],
            rows,
        }));
        let left = advice.examinations.len().saturating_sub(SHOWN);
        if left > 0 {
            let text = self.words.counted("report-more-examinations", left);
            blocks.push(Block::Paragraph(Text(vec![crate::report::Span::faint(&text)])));
        }
        for advised in shown {
            for caveat in &advised.warnings {
                let Some(warning) = self.words.knowledge.examinations.warnings.get(&caveat.warning) else {
                    continue;
                };
                let (key, tone) = match caveat.severity {
                    Severity::Contraindicated => ("report-not-to-do", Tone::Danger),
                    Severity::Caution => ("report-with-care", Tone::Warning),
                };
                let name = self.examination(&advised.examination);
                let title = self.words.text(key, &[("examination", &name)]);
                let text = Text::plain(self.of(&warning.en, &warning.it));
                let text = text.and(self.sources.cite(&caveat.sources));
                blocks.push(Block::Notice(Notice { tone, title, text }));
            }
        }
        blocks
    }

    /// The advice in a sentence; none where there is nothing left to do.
    pub(super) fn next_line(&self) -> Option<String> {
        let named = self
            .input
            .advice?
            .examinations
            .iter()
            .filter(|advised| !advised.is_contraindicated())
            .take(NAMED)
            .map(|advised| self.examination(&advised.examination))
            .collect::<Vec<_>>();
        (!named.is_empty())
            .then(|| self.words.text("report-next-line", &[("examinations", &named.join("; "))]))
    }

    fn sufficiency(&self, advice: &Advice) -> Vec<Block> {
        let sufficiency = &advice.sufficiency;
        let share = self.words.percent(sufficiency.leader_change);
        let key = if sufficiency.insufficient { "report-insufficient" } else { "report-enough" };
        let mut blocks = vec![Block::Paragraph(Text::plain(&self.words.text(key, &[("share", &share)])))];
        if sufficiency.strange {
            blocks.push(Block::Paragraph(Text::strong(&self.word("report-strange"))));
        }
        blocks
    }

    fn examination_row(&self, advised: &Advised, most: f64) -> Row {
        let words = self.words;
        let value = if most > 0.0 { advised.gain.bits / most } else { 0.0 };
        let bar = Bar::Share { value, interval: None, tone: Tone::Plain };
        let burden = &advised.burden;
        let mut parts = Vec::new();
        if let Some(dose) = burden.dose_msv {
            parts.push(words.text("report-dose", &[("dose", &words.number(dose))]));
        }
        match burden.contrast {
            Some(Contrast::Iodinated) => parts.push(self.word("report-contrast-iodinated")),
            Some(Contrast::Gadolinium) => parts.push(self.word("report-contrast-gadolinium")),
            None => {}
        }
        parts.push(words.text("report-delay", &[("days", &words.number(burden.delay_days))]));
        parts.push(words.text("report-cost", &[("class", &burden.cost_class.to_string())]));
        let gain = Text::plain(&words.decimals(advised.gain.bits, 2));
        let cells = [
            Cell::text(&self.examination(&advised.examination)),
            Cell { text: gain, bar: Some(bar) },
            Cell::text(&words.percent(advised.gain.leader_change)),
            Cell::text(&parts.join(", ")),
        ];
        Row { cells: cells.into() }
    }

    fn examination(&self, id: &str) -> String {
        let known = self.words.knowledge.examinations.examinations.get(id);
        known.map_or(id, |known| known.names.get(self.words.language)).to_owned()
    }

    fn of<'t>(&self, english: &'t str, italian: &'t str) -> &'t str {
        match self.words.language {
            Language::En => english,
            Language::It => italian,
        }
    }
}
