/*!
Case files from disk.
*/

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anstyle::AnsiColor;
use apatite_case::{Case, Format, Kind, MAX_BYTES, Place, Policy, Problem, Reading, Severity};
use apatite_grade::{CourseRules, add_course};
use apatite_knowledge::Knowledge;
use apatite_reason::ProvenCase;
use apatite_report::Text;
use apatite_study::Disagreement;
use apatite_text::{Words, printable};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::imaging::{LoadedStudy, measure_studies};
use crate::output::tell;

/// A case as it came from its file.
pub(crate) struct LoadedCase {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) case: Case,
    pub(crate) problems: Vec<Trouble>,
    pub(crate) refused: bool,
    /// The studies that were asked to be kept.
    pub(crate) studies: Vec<LoadedStudy>,
}

/// Something wrong with a case, or something in it that this program does not use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Trouble {
    severity: Severity,
    kind: &'static str,
    #[serde(flatten)]
    place: Option<Place>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// What the message says, where other languages say it otherwise.
    #[serde(skip)]
    disagreement: Option<Box<Disagreement>>,
}

impl LoadedCase {
    /// Whether something that stops the case would not stop it under the lenient policy.
    fn is_forgivable(&self) -> bool {
        let never = [Kind::Unreadable.name(), Kind::TooMany.name()];
        let errors = || self.problems.iter().filter(|problem| problem.severity == Severity::Error);
        errors().all(|problem| !never.contains(&problem.kind))
    }

    /// Says that a refused case has no `outcome`, and whether leniency would help.
    pub(crate) fn tell_refused(&self, outcome: &str, lenient: bool) {
        let advice = if self.is_forgivable() && !lenient { ", or try --lenient" } else { "" };
        tell(&format!("{}: {outcome}; see above{advice}", printable(&self.path.display().to_string())));
    }
}

impl Trouble {
    /// Something that stands at no place of the file.
    pub(crate) fn about(kind: &'static str, severity: Severity, message: String) -> Self {
        Self { severity, kind, place: None, message, help: None, disagreement: None }
    }

    /// That the reader says otherwise than the images.
    pub(crate) fn disagreement(disagreement: Disagreement) -> Self {
        let said = if disagreement.reader_says_present { "present" } else { "absent" };
        let message = format!(
            "the reader says `{}` is {said}, and the images give it {:.0} % ({}); the reader's word stands",
            disagreement.finding,
            disagreement.probability * 100.0,
            disagreement.because
        );
        let kind = "reader-and-images-disagree";
        Self { disagreement: Some(Box::new(disagreement)), ..Self::about(kind, Severity::Warning, message) }
    }

    /// In a report.
    pub(crate) fn remark(&self, words: &Words<'_>) -> Text {
        match &self.disagreement {
            Some(disagreement) => Text::plain(&words.disagreement(disagreement)),
            None => Text::remark(words, &self.to_string()),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{}:{}: ", place.line, place.column)?;
        }
        f.write_str(&self.message)
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let Problem { severity, kind, place, message, help, .. } = problem;
        Self { severity, kind: kind.name(), place: Some(place), message, help, disagreement: None }
    }
}

#[derive(Debug, Error)]
#[error("cannot read {path}: {source}")]
pub(crate) struct InputError {
    path: String,
    source: io::Error,
}

/// The case files that the arguments name: files as they stand, folders with all `.toml` and `.json` files below them,
/// sorted by path.
pub(crate) fn files(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, InputError> {
    let mut found = Vec::new();
    for path in arguments {
        if path.is_dir() {
            let before = found.len();
            below(path, &mut found)?;
            found[before..].sort();
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let failed = |source| InputError { path: dir.display().to_string(), source };
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let extension = path.extension();
        // a link to a folder is not followed: it may lead back up
        if entry.file_type().map_err(failed)?.is_dir() {
            below(&path, found)?;
        } else if extension.is_some_and(|extension| {
            extension.eq_ignore_ascii_case("toml") || extension.eq_ignore_ascii_case("json")
        }) {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads one case file and measures the studies it names. A file that cannot be read is a refused case, so that the
/// others beside it are answered.
pub(crate) fn load(path: &Path, knowledge: &Knowledge, policy: Policy) -> LoadedCase {
    load_with(path, knowledge, policy, None)
}

/// The same, with the studies that the case names.
pub(crate) fn load_with_studies(path: &Path, knowledge: &Knowledge, policy: Policy) -> LoadedCase {
    let mut studies = Vec::new();
    let mut loaded = load_with(path, knowledge, policy, Some(&mut studies));
    loaded.studies = studies;
    loaded
}

fn load_with(
    path: &Path,
    knowledge: &Knowledge,
    policy: Policy,
    kept: Option<&mut Vec<LoadedStudy>>,
) -> LoadedCase {
    let mut loaded = written(path, knowledge, policy);
    if !loaded.refused {
        loaded.problems.extend(measure_studies(&mut loaded.case, path, knowledge, kept));
        add_time_course(&mut loaded.case, knowledge);
    }
    loaded
}

/// A case as it is written, without what its studies show.
pub(crate) fn written(path: &Path, knowledge: &Knowledge, policy: Policy) -> LoadedCase {
    let text = match text(path) {
        Ok(text) => text,
        Err(trouble) => {
            let (text, case) = (String::new(), Case::default());
            return LoadedCase {
                path: path.to_owned(),
                text,
                case,
                problems: vec![trouble],
                refused: true,
                studies: Vec::new(),
            };
        }
    };
    let (reading, problems) = understood(path, &text, knowledge, policy);
    let refused = reading.is_refused();
    LoadedCase { path: path.to_owned(), text, case: reading.case, problems, refused, studies: Vec::new() }
}

/// Reads a case of the program's own format, or a bundle or phenopacket that is turned into one.
fn understood(path: &Path, text: &str, knowledge: &Knowledge, policy: Policy) -> (Reading, Vec<Trouble>) {
    let format = Format::of(path);
    if format == Format::Json
        && apatite_fhir::is_foreign(text)
        && let Ok(imported) = apatite_fhir::import(text, knowledge)
    {
        let mut problems = imported
            .not_mapped
            .into_iter()
            .map(|miss| Trouble::about("not-mapped", Severity::Warning, miss))
            .collect::<Vec<_>>();
        let reading = apatite_case::read(&imported.toml, Format::Toml, knowledge, policy);
        // a line of the case that was made of it is no line of the file
        let of_case =
            reading.problems.iter().cloned().map(|problem| Trouble { place: None, ..problem.into() });
        problems.extend(of_case);
        return (reading, problems);
    }
    let reading = apatite_case::read(text, format, knowledge, policy);
    let problems = reading.problems.iter().cloned().map(Trouble::from).collect();
    (reading, problems)
}

fn text(path: &Path) -> Result<String, Trouble> {
    let trouble = |place, message| Trouble {
        severity: Severity::Error,
        kind: Kind::Unreadable.name(),
        place,
        message,
        help: None,
        disagreement: None,
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| trouble(None, format!("cannot read it: {error}")))?;
    if bytes.len() > MAX_BYTES {
        return Err(trouble(None, format!("the file has more than {MAX_BYTES} bytes, which no case has")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        trouble(Some(Place { line, column }), "the file is not UTF-8 text from here on".to_owned())
    })
}

/// Tells the problems of a case on standard error, as compilers do.
pub(crate) fn report(path: &Path, problems: &[Trouble]) {
    for problem in problems {
        let (word, style) = match problem.severity {
            Severity::Error => ("error", AnsiColor::Red.on_default().bold()),
            Severity::Warning => ("warning", AnsiColor::Yellow.on_default().bold()),
            Severity::Note => ("note", AnsiColor::Cyan.on_default()),
        };
        let place = problem.place.map_or(String::new(), |place| format!(":{}:{}", place.line, place.column));
        let path = printable(&path.display().to_string());
        // the message repeats what is written in the case, which may be anybody's
        let message = printable(&problem.message);
        let (on, off) = (style.render(), style.render_reset());
        tell(&format!("{path}{place}: {on}{word}[{}]:{off} {message}", problem.kind));
        if let Some(help) = &problem.help {
            tell(&format!("    help: {}", printable(help)));
        }
    }
}

/// Adds what the examinations of a case say of the time course. The program has refused rules that cannot be used.
fn add_time_course(case: &mut Case, knowledge: &Knowledge) {
    if let Ok(rules) = CourseRules::of(knowledge) {
        add_course(&rules, knowledge, case);
    }
}

/// A case for counting and judging.
pub(crate) fn proven(id: &str, text: &str, case: Case) -> ProvenCase {
    let digest = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    ProvenCase { id: id.to_owned(), digest, case }
}

/// The proven cases that came with the knowledge.
pub(crate) fn shipped(knowledge: &Knowledge) -> Vec<ProvenCase> {
    knowledge
        .cases
        .iter()
        .map(|(path, text)| {
            let reading = apatite_case::read(text, Format::Toml, knowledge, Policy::Default);
            let name = path.rsplit('/').next().unwrap_or(path);
            let mut case = reading.case;
            add_time_course(&mut case, knowledge);
            proven(name, text, case)
        })
        .collect()
}
