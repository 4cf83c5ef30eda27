/*!
Second stage: what was said becomes facts in the terms of the vocabulary.
*/

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use apatite_knowledge::Knowledge;

use crate::problem::{Kind, Problems};
use crate::said::{Said, SaidExpected, SaidImaging, Spoken};
use crate::{Assertion, Case, Examination, Expected, HISTORY, Observation, Sex, labs};

/// Oldest age that is believed.
const OLDEST_YEARS: f64 = 120.0;
/// The Hounsfield unit in UCUM, the only one that may be negative.
const HOUNSFIELD: &str = "[hnsf'U]";

pub(crate) fn case(said: &Said, knowledge: &Knowledge, problems: &mut Problems<'_>) -> Case {
    let age_years = said.age.as_ref().and_then(|age| {
        if (0.0..=OLDEST_YEARS).contains(&age.value) {
            return Some(age.value);
        }
        let message = format!("an age of {} years cannot be", age.value);
        let help = "give it in years, a decimal for a child".to_owned();
        problems.add_with_help(Kind::OutOfRange, &age.span, message, Some(help));
        None
    });
    let sex = said.sex.as_ref().and_then(|sex| match sex.value.as_str() {
        "female" => Some(Sex::Female),
        "male" => Some(Sex::Male),
        other => {
            let message = format!("`{other}` is not a sex that the model knows: female or male");
            problems.add(Kind::UnknownId, &sex.span, message);
            None
        }
    });
    let mut reader = Reader { knowledge, problems, observations: Vec::new(), disputed: BTreeSet::new() };
    reader.block(HISTORY, None, &said.history_present, &said.history_absent);
    let mut examinations = Vec::new();
    for imaging in &said.imaging {
        if let Some(examination) = reader.examination(imaging) {
            let index = examinations.len();
            reader.block(&examination.modality, Some(index), &imaging.present, &imaging.absent);
            examinations.push(examination);
        }
    }
    let observations = reader.observations;
    contradictions(&observations, knowledge, problems);
    let labs = labs::labs(said, age_years, sex, knowledge, problems);
    let expected = said.expected.as_ref().and_then(|said| expected(said, knowledge, problems));
    Case {
        title: said.title.clone(),
        source: said.source.clone(),
        age_years,
        sex,
        observations,
        examinations,
        labs,
        expected,
    }
}

struct Reader<'r, 't> {
    knowledge: &'r Knowledge,
    problems: &'r mut Problems<'t>,
    observations: Vec<Observation>,
    /// Findings of the history that one part of the file calls present and another absent.
    disputed: BTreeSet<String>,
}

/// A finding of one block, with the place where it was said.
struct Word<'s> {
    finding: &'s str,
    suggested: bool,
    span: &'s Range<usize>,
}

impl Reader<'_, '_> {
    fn examination(&mut self, said: &SaidImaging) -> Option<Examination> {
        let imaging = || self.knowledge.modalities.keys().filter(|id| *id != HISTORY).map(String::as_str);
        let Some(modality) = &said.modality else {
            if said.has_modality {
                return None;
            }
            let message = "an examination has no modality; it is left out".to_owned();
            let help = format!("write modality = \"...\": {}", imaging().collect::<Vec<_>>().join(", "));
            self.problems.add_with_help(Kind::WrongType, &said.span, message, Some(help));
            return None;
        };
        if !imaging().any(|known| known == modality.value) {
            let help = Some(format!("there is {}", imaging().collect::<Vec<_>>().join(", ")));
            let message = format!("unknown modality `{}`; its examination is left out", modality.value);
            self.problems.add_with_help(Kind::UnknownId, &modality.span, message, help);
            return None;
        }
        let mut sites: Vec<String> = Vec::new();
        for site in &said.sites {
            if !self.knowledge.vocabulary.sites.contains(&site.value) {
                let known = self.knowledge.vocabulary.sites.iter().map(String::as_str);
                self.unknown("site", &site.value, &site.span, known);
            } else if !sites.contains(&site.value) {
                sites.push(site.value.clone());
            }
        }
        let mut quantities = BTreeMap::new();
        for (quantity, number) in &said.quantities {
            let unit = self
                .knowledge
                .findings
                .quantities
                .get(&quantity.value)
                .map(|quantity| quantity.unit.as_str());
            if !number.value.is_finite() || (number.value < 0.0 && unit != Some(HOUNSFIELD)) {
                let message = format!("`{}` of {} cannot be", quantity.value, number.value);
                self.problems.add(Kind::OutOfRange, &number.span, message);
                continue;
            }
            quantities.insert(quantity.value.clone(), number.value);
        }
        let study = said.study.as_ref().map(PathBuf::from);
        let date = said.date.as_ref().and_then(|date| {
            let read = date.value.parse().ok();
            if read.is_none() {
                let message = format!("`{}` is no date: write it as \"2024-05-31\"", date.value);
                self.problems.add(Kind::OutOfRange, &date.span, message);
            }
            read
        });
        let uncertainties = BTreeMap::new();
        Some(Examination { modality: modality.value.clone(), sites, quantities, uncertainties, study, date })
    }

    /// The findings of the history or of one examination.
    fn block(
        &mut self,
        modality: &str,
        examination: Option<usize>,
        present: &[Spoken<String>],
        absent: &[Spoken<String>],
    ) {
        let mut kept = once(self.known_words(present, true));
        let mut absent = once(self.known_words(absent, false));
        kept.retain(|word| {
            let before = absent.len();
            absent.retain(|other| other.finding != word.finding);
            if absent.len() < before {
                self.problems.add(
                    Kind::PresentAndAbsent,
                    word.span,
                    format!("`{}` is both present and absent here; it counts as unknown", word.finding),
                );
            }
            absent.len() == before
        });
        for (index, word) in kept.iter().enumerate() {
            let Some(group) = self.knowledge.vocabulary.group_of(word.finding) else { continue };
            let rival = kept[..index]
                .iter()
                .find(|other| group.findings.iter().any(|member| member == other.finding));
            if let (true, Some(rival)) = (group.exclusive, rival) {
                self.problems.add(
                    Kind::ExclusiveGroup,
                    word.span,
                    format!(
                        "`{}` and `{}` exclude each other in one examination; either is taken as possible",
                        rival.finding, word.finding
                    ),
                );
            }
        }
        for word in kept {
            let assertion = if word.suggested { Assertion::Suggested } else { Assertion::Present };
            self.observe(&word, assertion, modality, examination);
        }
        for word in absent {
            self.observe(&word, Assertion::Absent, modality, examination);
        }
    }

    fn observe(&mut self, word: &Word<'_>, assertion: Assertion, modality: &str, examination: Option<usize>) {
        let (modality, examination) = if self.knowledge.view(modality, word.finding).is_some() {
            (modality, examination)
        } else if modality != HISTORY && self.knowledge.view(HISTORY, word.finding).is_some() {
            let message = format!(
                "`{}` is not seen on {modality}; it is taken as history and examination",
                word.finding
            );
            self.problems.add(Kind::Misplaced, word.span, message);
            if !self.is_new_to_the_history(word, assertion) {
                return;
            }
            (HISTORY, None)
        } else {
            let seen_by = self
                .knowledge
                .modalities
                .keys()
                .filter(|other| self.knowledge.view(other, word.finding).is_some())
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            self.problems.add_with_help(
                Kind::ModalityCannotShow,
                word.span,
                format!("{modality} cannot show `{}`; it moves nothing", word.finding),
                Some(format!("it is shown by {seen_by}")),
            );
            return;
        };
        let place = self.problems.place(word.span);
        self.observations.push(Observation {
            finding: word.finding.to_owned(),
            modality: modality.to_owned(),
            examination,
            assertion,
            place,
        });
    }

    /// Whether a finding told with an examination adds to what the history says of it.
    fn is_new_to_the_history(&mut self, word: &Word<'_>, assertion: Assertion) -> bool {
        if self.disputed.contains(word.finding) {
            return false;
        }
        let known = self
            .observations
            .iter()
            .position(|other| other.finding == word.finding && other.modality == HISTORY);
        let Some(known) = known else { return true };
        let is_absent = |assertion: Assertion| assertion == Assertion::Absent;
        if is_absent(self.observations[known].assertion) != is_absent(assertion) {
            self.observations.remove(known);
            self.disputed.insert(word.finding.to_owned());
            self.problems.add(
                Kind::PresentAndAbsent,
                word.span,
                format!("`{}` is both present and absent in the history; it counts as unknown", word.finding),
            );
        } else if assertion == Assertion::Present {
            self.observations[known].assertion = assertion;
        }
        false
    }

    fn known_words<'s>(&mut self, words: &'s [Spoken<String>], may_suggest: bool) -> Vec<Word<'s>> {
        let mut known = Vec::new();
        for word in words {
            let (finding, suggested) = match word.value.strip_suffix('?') {
                Some(finding) => (finding, true),
                None => (word.value.as_str(), false),
            };
            if self.knowledge.vocabulary.group_of(finding).is_none() {
                self.unknown("finding", finding, &word.span, self.knowledge.vocabulary.findings());
            } else if suggested && !may_suggest {
                let message = format!(
                    "`{finding}?` under `absent` says nothing; a suggested finding stands under `present`"
                );
                self.problems.add(Kind::Misplaced, &word.span, message);
            } else {
                known.push(Word { finding, suggested, span: &word.span });
            }
        }
        known
    }

    fn unknown<'a>(
        &mut self,
        what: &str,
        id: &str,
        span: &Range<usize>,
        known: impl Iterator<Item = &'a str>,
    ) {
        let near = self.problems.near(id, known);
        let help = (!near.is_empty()).then(|| format!("near it: {}", near.join(", ")));
        self.problems.add_with_help(Kind::UnknownId, span, format!("unknown {what} `{id}`"), help);
    }
}

/// Each finding once; a plain word goes before a suggestion.
fn once(words: Vec<Word<'_>>) -> Vec<Word<'_>> {
    let mut kept: Vec<Word<'_>> = Vec::new();
    for word in words {
        match kept.iter_mut().find(|other| other.finding == word.finding) {
            Some(known) => known.suggested &= word.suggested,
            None => kept.push(word),
        }
    }
    kept
}

/// Names facts that exclude each other; both are kept, for the reader of the answer to judge.
fn contradictions(observations: &[Observation], knowledge: &Knowledge, problems: &mut Problems<'_>) {
    let present = |finding: &str, modality: &str| {
        observations.iter().find(|observation| {
            observation.finding == finding
                && observation.modality == modality
                && observation.assertion == Assertion::Present
        })
    };
    for [a, b] in &knowledge.contradictions {
        for modality in knowledge.modalities.keys() {
            if let (Some(_), Some(second)) = (present(a, modality), present(b, modality)) {
                let message = format!("`{a}` and `{b}` contradict each other; both are used");
                problems.add_at(Kind::Contradiction, second.place, message);
            }
        }
    }
}

fn expected(said: &SaidExpected, knowledge: &Knowledge, problems: &mut Problems<'_>) -> Option<Expected> {
    let mut known = |word: &Spoken<String>| {
        if knowledge.vocabulary.has_diagnosis(&word.value) {
            return Some(word.value.clone());
        }
        let near =
            problems.near(&word.value, knowledge.vocabulary.diagnoses.iter().map(|(id, _)| id.as_str()));
        let help = (!near.is_empty()).then(|| format!("near it: {}", near.join(", ")));
        problems.add_with_help(
            Kind::UnknownId,
            &word.span,
            format!("unknown diagnosis `{}`", word.value),
            help,
        );
        None
    };
    let also_right = said.also_right.iter().filter_map(&mut known).collect();
    let diagnosis = said.diagnosis.as_ref().map(&mut known);
    if !said.has_diagnosis {
        let message = "`expected` has no `diagnosis`; it is not used".to_owned();
        problems.add(Kind::WrongType, &said.span, message);
    }
    let diagnosis = diagnosis??;
    Some(Expected { diagnosis, also_right, proof: said.proof.clone() })
}
