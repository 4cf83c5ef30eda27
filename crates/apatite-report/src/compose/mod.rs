/*!
From a case and its answer to a report in words.
*/

mod advice;
mod course;
mod differential;
mod imaging;
mod known;
mod sources;

use apatite_advise::Advice;
use apatite_case::{Case, Sex};
use apatite_follow::{Followed, Limits};
use apatite_grade::{Graded, Gradings};
use apatite_knowledge::Nature;
use apatite_reason::Differential;
use apatite_study::Measurement;
use apatite_text::Words;
use jiff::civil::Date;

use crate::report::{
    Block, Cell, Column, Notice, Passage, Picture, Report, Row, Section, Table, Text, Tone, safe,
};
use sources::Sources;

/// Everything a report is made of.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// What is known of the patient.
    pub case: &'a Case,
    /// The differential of the case; the diagnoses with weights are explained.
    pub answer: &'a Differential,
    /// What to examine next, and what cannot wait; none where it was not asked for.
    pub advice: Option<&'a Advice>,
    /// The gradings of the leading diagnoses, with their rules.
    pub gradings: Option<(&'a Gradings, &'a [Graded])>,
    /// What has changed since an earlier study, with the limits by which it is judged.
    pub change: Option<(&'a Followed, &'a Limits)>,
    /// The studies that the case names, in its order.
    pub studies: &'a [Study<'a>],
    /// The day that the report speaks of; none where nobody said it.
    pub date: Option<Date>,
    /// What was wrong with the case or its images.
    pub remarks: &'a [Text],
    /// What the answer was made from.
    pub provenance: &'a Provenance,
}

/// A study that the case names.
#[derive(Clone, Debug)]
pub struct Study<'a> {
    /// Its name in the case.
    pub name: String,
    /// Modality.
    pub modality: String,
    /// StudyDate.
    pub date: Option<Date>,
    /// What was measured; none where the study was only looked at.
    pub measurement: Option<&'a Measurement>,
    /// Key images.
    pub pictures: Vec<Picture>,
}

/// What the answer was made from.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// Version of the program.
    pub program_version: String,
    /// SHA-256 of the case file, hexadecimal.
    pub case_sha256: String,
}

/// Puts a report together in the language of `words`.
#[must_use]
pub fn compose(words: &Words<'_>, input: &Input<'_>) -> Report {
    let mut composer = Composer { words, input, sources: Sources::new(words) };
    let mut sections = Vec::new();
    let alarms = composer.alarms();
    sections.push(composer.section("alarms", "report-alarms", alarms));
    let impression = composer.impression();
    sections.push(composer.section("impression", "report-impression", impression));
    let differential = composer.differential();
    sections.push(composer.section("differential", "differential", differential));
    let images = composer.images();
    sections.push(composer.section("images", "report-images", images));
    let lesions = composer.lesions();
    sections.push(composer.section("lesions", "report-lesions", lesions));
    let comparison = composer.comparison();
    sections.push(composer.section("comparison", "report-comparison", comparison));
    let gradings = composer.gradings();
    sections.push(composer.section("gradings", "report-gradings", gradings));
    let reasons = composer.reasons();
    sections.push(composer.section("reasons", "report-reasons", reasons));
    let known = composer.known();
    sections.push(composer.section("known", "report-known", known));
    let next = composer.next();
    sections.push(composer.section("next", "report-next", next));
    let lacking = composer.lacking();
    sections.push(composer.section("lacking", "report-lacking", lacking));
    let items = input.remarks.to_vec();
    let remarks = if items.is_empty() { Vec::new() } else { vec![Block::List { numbered: false, items }] };
    sections.push(composer.section("remarks", "report-remarks", remarks));
    let sources = composer.sources.list();
    let sources = if sources.is_empty() { Vec::new() } else { vec![Block::Sources(sources)] };
    sections.push(composer.section("sources", "card-sources", sources));
    let provenance = composer.provenance();
    sections.push(composer.section("provenance", "report-provenance", provenance));
    sections.retain(|section| !section.blocks.is_empty());
    Report {
        language: words.language,
        kind: words.text("report-kind", &[]),
        title: composer.title(),
        date: input.date,
        stamp: input.date.unwrap_or_else(|| month_of(&words.knowledge.version)),
        head: composer.head(),
        intended_use: words.text("intended-use", &[]),
        sections,
        dictation: composer.dictation(),
        program: format!("apatite {}", input.provenance.program_version),
        contents: words.text("report-contents", &[]),
        page: words.text("report-page", &[]),
    }
}

/// Longest title, characters.
const LONGEST_TITLE: usize = 200;

struct Composer<'w, 'k, 'i> {
    words: &'w Words<'k>,
    input: &'i Input<'i>,
    sources: Sources<'w, 'k>,
}

impl Composer<'_, '_, '_> {
    fn word(&self, key: &str) -> String {
        self.words.text(key, &[])
    }

    fn section(&self, id: &'static str, key: &str, blocks: Vec<Block>) -> Section {
        Section { id, title: self.word(key), blocks }
    }

    fn title(&self) -> String {
        let title = self.input.case.title.as_deref().map(safe).unwrap_or_default();
        if title.trim().is_empty() {
            return self.word("report-untitled");
        }
        match title.char_indices().nth(LONGEST_TITLE) {
            Some((end, _)) => format!("{}…", &title[..end]),
            None => title,
        }
    }

    fn head(&self) -> Vec<(String, String)> {
        let words = self.words;
        let setting = words
            .knowledge
            .setting(&self.input.answer.setting)
            .map_or(self.input.answer.setting.as_str(), |setting| setting.names.get(words.language));
        let mut head = vec![(self.word("report-patient"), self.patient())];
        if let Some(date) = self.input.date {
            head.push((self.word("report-date"), date.to_string()));
        }
        head.push((self.word("report-setting"), setting.to_owned()));
        if let Some(source) = &self.input.case.source {
            head.push((self.word("report-source"), safe(source)));
        }
        head
    }

    /// Sex and age, as far as they are known.
    fn patient(&self) -> String {
        let case = self.input.case;
        let sex = case.sex.map(Sex::word).map(|sex| self.word(&format!("fact-sex-{sex}")));
        let age = case.age_years.map(|years| {
            if years == 1.0 {
                self.word("report-age-one")
            } else {
                self.words.text("report-age", &[("years", &self.words.number(years))])
            }
        });
        let told = [sex, age].into_iter().flatten().collect::<Vec<_>>().join(", ");
        if told.is_empty() { self.word("report-unknown") } else { safe(&told) }
    }

    /// The answer in a few sentences.
    fn impression(&mut self) -> Vec<Block> {
        let mut blocks = Vec::new();
        if self.input.answer.facts.is_empty() {
            let text = Text::plain(&self.word("no-facts"));
            blocks.push(Block::Notice(Notice {
                tone: Tone::Warning,
                title: self.word("report-no-facts"),
                text,
            }));
        }
        let mut items = self.ranking().iter().map(|line| Text::plain(line)).collect::<Vec<_>>();
        if let Some(first) = items.first_mut() {
            *first = Text::strong(&first.bare());
        }
        blocks.push(Block::List { numbered: true, items });
        blocks.extend(self.caveats().iter().map(|text| Block::Paragraph(Text::plain(text))));
        for (name, statement) in self.not_to_be_missed() {
            let cite = self.sources.cite(&statement.sources);
            let text = Text::plain(statement.get(self.words.language)).and(cite);
            let title = self.words.text("report-must-not-miss", &[("name", &name)]);
            blocks.push(Block::Notice(Notice { tone: Tone::Warning, title, text }));
        }
        blocks
    }

    /// Lines of the impression: the diagnoses that matter, likeliest first.
    fn ranking(&self) -> Vec<String> {
        let mut told = 0.0;
        let mut lines = Vec::new();
        for ranked in &self.input.answer.differential {
            if lines.len() >= RANKED || (told >= RANKED_SHARE && !lines.is_empty()) {
                break;
            }
            told += ranked.probability;
            let name = self.words.diagnosis(&ranked.diagnosis);
            let probability = self.words.percent(ranked.probability);
            lines.push(match ranked.interval {
                Some([low, high]) => {
                    let (low, high) = (self.words.percent(low), self.words.percent(high));
                    let arguments =
                        [("name", name), ("probability", &probability), ("low", &low), ("high", &high)];
                    self.words.text("report-ranked-interval", &arguments)
                }
                None => self.words.text("report-ranked", &[("name", name), ("probability", &probability)]),
            });
        }
        lines
    }

    /// What limits the answer, in sentences.
    fn caveats(&self) -> Vec<String> {
        let (words, answer) = (self.words, self.input.answer);
        let mut caveats = Vec::new();
        let leader = answer.differential.first();
        if let (Some(robustness), Some(leads)) = (&answer.robustness, leader.and_then(|leader| leader.leads))
            && robustness.fragile
        {
            let (share, draws) = (words.percent(leads), robustness.draws.to_string());
            caveats.push(words.text("report-fragile", &[("share", &share), ("draws", &draws)]));
        }
        let malignant = || answer.differential.iter().filter(|ranked| ranked.nature == Nature::Malignant);
        if let Some(first) = malignant().next() {
            let together: f64 = malignant().map(|ranked| ranked.probability).sum();
            let arguments = [
                ("probability", words.percent(together)),
                ("name", words.diagnosis(&first.diagnosis).to_owned()),
                ("own", words.percent(first.probability)),
            ];
            let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
            caveats.push(words.text("report-malignant", &arguments));
        }
        for surprise in &answer.unexplained {
            let fact = words.fact(&answer.facts[surprise.fact].fact);
            caveats.push(words.text("report-surprise", &[("fact", &fact)]));
        }
        caveats
    }

    /// What is dangerous in the leading diagnosis.
    fn not_to_be_missed(&self) -> Vec<(String, apatite_knowledge::Statement)> {
        let Some(leader) = self.input.answer.differential.first() else { return Vec::new() };
        let Some(diagnosis) = self.words.knowledge.diagnosis(&leader.diagnosis) else { return Vec::new() };
        let name = diagnosis.names.get(self.words.language);
        diagnosis.must_not_miss.iter().map(|statement| (name.to_owned(), statement.clone())).collect()
    }

    fn dictation(&self) -> Vec<Passage> {
        let mut impression = self.alarm_lines();
        for (place, line) in self.ranking().iter().enumerate() {
            impression.push(format!("{}. {line}", place + 1));
        }
        impression.extend(self.caveats());
        for (name, statement) in self.not_to_be_missed() {
            let title = self.words.text("report-must-not-miss", &[("name", &name)]);
            impression.push(format!("{title}: {}", statement.get(self.words.language)));
        }
        impression.extend(self.next_line());
        let passage = |key: &str, paragraphs: Vec<String>| Passage { title: self.word(key), paragraphs };
        let mut passages = vec![
            passage("report-clinical", self.clinical()),
            passage("report-technique", self.technique()),
            passage("report-findings", self.findings()),
        ];
        let comparison = self.comparison_lines();
        if !comparison.is_empty() {
            passages.push(passage("report-comparison", comparison));
        }
        passages.push(passage("report-impression", impression));
        passages
    }

    fn provenance(&self) -> Vec<Block> {
        let (words, input) = (self.words, self.input);
        let mut rows = vec![
            (self.word("report-program"), format!("apatite {}", input.provenance.program_version)),
            (
                self.word("report-knowledge"),
                format!("{}, sha256 {}", words.knowledge.version, words.knowledge.hash),
            ),
        ];
        if !input.provenance.case_sha256.is_empty() {
            rows.push((self.word("report-case-file"), format!("sha256 {}", input.provenance.case_sha256)));
        }
        if let Some(robustness) = &input.answer.robustness {
            let (draws, seed) = (robustness.draws.to_string(), robustness.seed.to_string());
            let text = words.text("report-draws-value", &[("draws", &draws), ("seed", &seed)]);
            rows.push((self.word("report-draws"), text));
        }
        for study in input.studies {
            if let Some(measurement) = study.measurement
                && !measurement.series.uid.is_empty()
            {
                let label = words.text("report-series-of", &[("name", &study.name)]);
                rows.push((label, measurement.series.uid.clone()));
            }
        }
        vec![
            self.pairs("report-provenance", &rows),
            Block::Paragraph(Text::strong(&self.word("intended-use"))),
        ]
    }

    /// A table of labels and values.
    fn pairs(&self, caption: &str, rows: &[(String, String)]) -> Block {
        Block::Table(Table {
            caption: self.word(caption),
            columns: vec![self.column("report-what", 0.28), self.column("report-value", 0.72)],
            rows: rows
                .iter()
                .map(|(label, value)| Row { cells: vec![Cell::text(label), Cell::text(value)] })
                .collect(),
        })
    }

    fn column(&self, key: &str, weight: f32) -> Column {
        Column { title: self.word(key), is_number: false, weight }
    }

    fn number_column(&self, key: &str, weight: f32) -> Column {
        Column { title: self.word(key), is_number: true, weight }
    }
}

/// The first day of the month that a version such as `2026.11` names; of 1970 where it names none.
fn month_of(version: &str) -> Date {
    let mut numbers = version.split('.');
    let year = numbers.next().and_then(|year| year.parse().ok()).filter(|year| *year >= 1970);
    let month = numbers.next().and_then(|month| month.parse().ok());
    let of = |year, month| Date::new(year, month, 1).ok();
    year.zip(month).and_then(|(year, month)| of(year, month)).unwrap_or(Date::constant(1970, 1, 1))
}

/// The impression names so many diagnoses at most, ...
const RANKED: usize = 5;
/// ... and stops where they have this much of the probability together.
const RANKED_SHARE: f64 = 0.95;
