use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use thiserror::Error;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../knowledge");

/// The files of a knowledge folder, in the order of their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    files: BTreeMap<String, String>,
}

/// A folder that cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not text.
    #[error("{path} is not UTF-8 text")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// There is no knowledge in it.
    #[error("{path} is not a knowledge folder: it has no knowledge.toml")]
    NotKnowledge {
        /// The folder.
        path: PathBuf,
    },
}

impl Folder {
    /// The folder that was compiled into the program.
    #[must_use]
    pub fn embedded() -> Self {
        let mut files = BTreeMap::new();
        add_embedded(&EMBEDDED, &mut files);
        Self { files }
    }

    /// A folder on disk.
    ///
    /// # Errors
    /// When a file cannot be read, is not text, or `knowledge.toml` is missing.
    pub fn from_dir(path: &Path) -> Result<Self, FolderError> {
        let mut files = BTreeMap::new();
        add_disk(path, path, &mut files)?;
        if !files.contains_key("knowledge.toml") {
            return Err(FolderError::NotKnowledge { path: path.to_owned() });
        }
        Ok(Self { files })
    }

    /// Text of one file; paths use `/`.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// All files with their texts, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The folder with one file replaced or added.
    #[must_use]
    pub fn with(mut self, path: &str, text: String) -> Self {
        self.files.insert(path.to_owned(), text);
        self
    }
}

fn is_ours(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "toml" || extension == "json")
}

fn add_embedded(dir: &Dir<'_>, files: &mut BTreeMap<String, String>) {
    for file in dir.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        if let (true, Some(text)) = (is_ours(&path), file.contents_utf8()) {
            files.insert(path, text.to_owned());
        }
    }
    for inner in dir.dirs() {
        add_embedded(inner, files);
    }
}

fn add_disk(top: &Path, dir: &Path, files: &mut BTreeMap<String, String>) -> Result<(), FolderError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| FolderError::Io { path, source }
    };
    for entry in std::fs::read_dir(dir).map_err(io(dir))? {
        let path = entry.map_err(io(dir))?.path();
        if path.is_dir() {
            add_disk(top, &path, files)?;
            continue;
        }
        let relative = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if is_ours(&relative) {
            let bytes = std::fs::read(&path).map_err(io(&path))?;
            let text = String::from_utf8(bytes).map_err(|_| FolderError::NotText { path })?;
            files.insert(relative, text);
        }
    }
    Ok(())
}
