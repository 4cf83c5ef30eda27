/*!
What Apatite knows, as data.

This crate reads the `knowledge/` folder (the one embedded in the binary, or another), says what is wrong with it,
and hands it out as typed records. It holds no medical number and no logic of diagnosis; it knows nothing of cases,
networks or images. The format is described in `docs/knowledge-format.md`.
*/

mod advice;
mod check;
mod folder;
mod learned;
mod names;
mod records;
mod vocabulary;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

pub use advice::{
    Alarm, AlarmsFile, Amount, BurdenWeights, Circumstance, Contrast, Dose, Examination, ExaminationsFile,
    Insufficient, Severity, Strange, Urgency, Warning,
};
pub use check::{Mentions, check};
pub use folder::{Folder, FolderError};
pub use learned::{Learned, LearnedCount};
pub use names::nearest;
pub use records::{
    Analyte, AnalyteKind, AnalyteLevels, AnalytesFile, Bands, Codes, Condition, Constants, Diagnosis,
    Finding, FindingsFile, Frequency, GroupInfo, Language, Localised, Modality, ModalityView, Nature,
    Percentiles, Quantity, Reference, ReferenceInterval, Setting, Site, Statement, Very,
};
pub use vocabulary::{Group, Vocabulary};

/// Everything in the knowledge folder, read and typed. Fields that are maps are ordered by id; lists keep the order
/// of the vocabulary.
#[derive(Clone, Debug)]
pub struct Knowledge {
    /// Version of the knowledge, as `knowledge.toml` gives it.
    pub version: String,
    /// SHA-256 over all files that bear on an answer, as 64 hexadecimal digits.
    pub hash: String,
    /// The settings in which a patient is seen; the first is the default.
    pub settings: Vec<Setting>,
    /// The few constants of the model.
    pub constants: Constants,
    /// Pairs of findings that exclude each other.
    pub contradictions: Vec<[String; 2]>,
    /// The ids of the case format.
    pub vocabulary: Vocabulary,
    /// Findings, groups, sites and quantities.
    pub findings: FindingsFile,
    /// What each modality shows; `HX` is history and examination.
    pub modalities: BTreeMap<String, Modality>,
    /// Background conditions, a parent before its child.
    pub conditions: Vec<Condition>,
    /// Laboratory quantities.
    pub analytes: AnalytesFile,
    /// Diagnoses in the order of the vocabulary.
    pub diagnoses: Vec<Diagnosis>,
    /// What can be examined next.
    pub examinations: ExaminationsFile,
    /// What must be said at once.
    pub alarms: AlarmsFile,
    /// Sources by id.
    pub bibliography: BTreeMap<String, Reference>,
    /// Counts of proven cases.
    pub learned: Learned,
    /// Proven cases that came with the knowledge: file name and text.
    pub cases: BTreeMap<String, String>,
}

/// Something wrong in a knowledge file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnowledgeProblem {
    /// File, relative to the folder.
    pub file: String,
    /// Line counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl std::fmt::Display for KnowledgeProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl Knowledge {
    /// Reads a folder.
    ///
    /// # Errors
    /// All files that cannot be read into their records, together. That a record makes sense is for [`check`].
    pub fn read(folder: &Folder) -> Result<Self, Vec<KnowledgeProblem>> {
        let mut reader = Reader { folder, problems: Vec::new() };
        let head: Option<records::Head> = reader.toml("knowledge.toml");
        let vocabulary: Option<vocabulary::VocabularyFile> = reader.toml("vocabulary.toml");
        let findings: Option<FindingsFile> = reader.toml("findings.toml");
        let modalities: Option<BTreeMap<String, Modality>> = reader.toml("modalities.toml");
        let analytes: Option<AnalytesFile> = reader.toml("analytes.toml");
        let examinations: Option<ExaminationsFile> = reader.toml("examinations.toml");
        let alarms: Option<AlarmsFile> = reader.toml("alarms.toml");
        let mut conditions: Vec<Condition> = reader.all("conditions/");
        let mut diagnoses: Vec<Diagnosis> = reader.all("diagnoses/");
        let bibliography = reader.bibliography();
        let learned = if folder.text("learned.toml").is_some() {
            reader.toml("learned.toml").unwrap_or_default()
        } else {
            Learned::default()
        };
        let (Some(head), Some(vocabulary), Some(findings), Some(modalities), Some(analytes)) =
            (head, vocabulary, findings, modalities, analytes)
        else {
            return Err(reader.problems);
        };
        let (Some(examinations), Some(alarms)) = (examinations, alarms) else {
            return Err(reader.problems);
        };
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        let vocabulary = Vocabulary::from_file(vocabulary);
        diagnoses.sort_by_key(|diagnosis| {
            vocabulary.diagnoses.iter().position(|(id, _)| *id == diagnosis.id).unwrap_or(usize::MAX)
        });
        // stable: parents first, otherwise by file name
        conditions.sort_by_key(|condition| condition.parent.is_some());
        let cases = folder
            .files()
            .filter_map(|(path, text)| Some((path.strip_prefix("cases/")?.to_owned(), text.to_owned())))
            .filter(|(path, _)| path.ends_with(".toml"))
            .collect();
        Ok(Self {
            version: head.version,
            hash: hash(folder),
            settings: head.settings,
            constants: head.constants,
            contradictions: head.contradictions,
            vocabulary,
            findings,
            modalities,
            conditions,
            analytes,
            diagnoses,
            examinations,
            alarms,
            bibliography,
            learned,
            cases,
        })
    }

    /// The diagnosis of an id.
    #[must_use]
    pub fn diagnosis(&self, id: &str) -> Option<&Diagnosis> {
        self.diagnoses.iter().find(|diagnosis| diagnosis.id == id)
    }

    /// The setting of an id.
    #[must_use]
    pub fn setting(&self, id: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.id == id)
    }

    /// The condition that a finding follows from; none where it is a child of the diagnosis.
    #[must_use]
    pub fn condition_of_finding(&self, finding: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.findings.contains_key(finding))
    }

    /// The condition that an analyte follows from; none where it is a child of the diagnosis.
    #[must_use]
    pub fn condition_of_analyte(&self, analyte: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.analytes.contains_key(analyte))
    }

    /// What a modality shows of a finding; none where it cannot show it.
    #[must_use]
    pub fn view(&self, modality: &str, finding: &str) -> Option<&ModalityView> {
        let modality = self.modalities.get(modality)?;
        let group = self.vocabulary.group_of(finding)?;
        if modality.blind.findings.iter().any(|blind| blind == finding) {
            return None;
        }
        modality.findings.get(finding).or_else(|| modality.groups.get(&group.id))
    }
}

/// Files that bear on an answer go into the hash; the cases do through `learned.toml`.
fn hash(folder: &Folder) -> String {
    let mut hasher = Sha256::new();
    for (path, text) in folder.files().filter(|(path, _)| !path.starts_with("cases/")) {
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(path);
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

struct Reader<'f> {
    folder: &'f Folder,
    problems: Vec<KnowledgeProblem>,
}

impl Reader<'_> {
    fn toml<T: DeserializeOwned>(&mut self, path: &str) -> Option<T> {
        let Some(text) = self.folder.text(path) else {
            self.problems.push(KnowledgeProblem {
                file: path.to_owned(),
                line: None,
                message: "is missing from the knowledge folder".to_owned(),
            });
            return None;
        };
        match toml::from_str(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(KnowledgeProblem {
                    file: path.to_owned(),
                    line: error.span().map(|span| line_of(text, span.start)),
                    message: error.message().to_owned(),
                });
                None
            }
        }
    }

    fn all<T: DeserializeOwned>(&mut self, under: &str) -> Vec<T> {
        let paths = self
            .folder
            .files()
            .map(|(path, _)| path.to_owned())
            .filter(|path| path.starts_with(under) && path.ends_with(".toml"))
            .collect::<Vec<_>>();
        paths.iter().filter_map(|path| self.toml(path)).collect()
    }

    fn bibliography(&mut self) -> BTreeMap<String, Reference> {
        let file = "bibliography.json";
        let text = self.folder.text(file).unwrap_or("[]");
        match serde_json::from_str::<Vec<Reference>>(text) {
            Ok(references) => {
                let mut by_id = BTreeMap::new();
                for reference in references {
                    if let Some(twice) = by_id.insert(reference.id.clone(), reference) {
                        self.problems.push(KnowledgeProblem {
                            file: file.to_owned(),
                            line: None,
                            message: format!("`{}` stands in it twice", twice.id),
                        });
                    }
                }
                by_id
            }
            Err(error) => {
                self.problems.push(KnowledgeProblem {
                    file: file.to_owned(),
                    line: Some(error.line()),
                    message: error.to_string(),
                });
                BTreeMap::new()
            }
        }
    }
}

/// Line of a byte offset, counted from 1.
#[must_use]
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}
