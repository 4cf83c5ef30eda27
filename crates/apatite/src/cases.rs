/*!
Case files from disk.
*/

use std::io;
use std::path::{Path, PathBuf};

use anstream::eprintln;
use anstyle::AnsiColor;
use apatite_case::{Case, Format, Policy, Problem, Severity};
use apatite_knowledge::Knowledge;
use apatite_reason::ProvenCase;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// A case as it came from its file.
pub(crate) struct LoadedCase {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) case: Case,
    pub(crate) problems: Vec<Problem>,
    pub(crate) refused: bool,
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
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "toml" || extension == "json") {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads one case file.
pub(crate) fn load(path: &Path, knowledge: &Knowledge, policy: Policy) -> Result<LoadedCase, InputError> {
    let failed = |source| InputError { path: path.display().to_string(), source };
    let bytes = std::fs::read(path).map_err(failed)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text")))?;
    let reading = apatite_case::read(&text, Format::of(path), knowledge, policy);
    let refused = reading.is_refused();
    Ok(LoadedCase { path: path.to_owned(), text, case: reading.case, problems: reading.problems, refused })
}

/// Tells the problems of a case on standard error, as compilers do; notes only where something else is told too.
pub(crate) fn report(path: &Path, problems: &[Problem]) {
    for problem in problems {
        let (word, style) = match problem.severity {
            Severity::Error => ("error", AnsiColor::Red.on_default().bold()),
            Severity::Warning => ("warning", AnsiColor::Yellow.on_default().bold()),
            Severity::Note => ("note", AnsiColor::Cyan.on_default()),
        };
        let place = format!("{}:{}:{}", path.display(), problem.place.line, problem.place.column);
        let name = problem.kind.name();
        eprintln!("{place}: {}{word}[{name}]:{} {}", style.render(), style.render_reset(), problem.message);
        if let Some(help) = &problem.help {
            eprintln!("    help: {help}");
        }
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
            proven(name, text, reading.case)
        })
        .collect()
}
