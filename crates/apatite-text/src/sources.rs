//! The sources of the other crates, for tests that every text in them has its translation.

use std::path::{Path, PathBuf};

/// A file or folder beside this crate.
pub(crate) fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// All files below a folder beside this crate, with what they hold.
pub(crate) fn below(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut folders, mut files) = (vec![beside(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = std::fs::read_to_string(&path).unwrap();
                files.push((path, source));
            }
        }
    }
    files
}
