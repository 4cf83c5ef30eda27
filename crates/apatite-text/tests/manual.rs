//! The manual in `docs/knowledge` is what the knowledge says. `UPDATE_EXPECT=1` writes it anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use apatite_knowledge::{Folder, Knowledge, Language};
use apatite_text::{Words, manual};

#[test]
fn the_manual_is_not_stale() {
    let knowledge = Knowledge::read(&Folder::embedded()).unwrap();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/knowledge");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut written = BTreeSet::new();
    let mut stale = Vec::new();
    for language in Language::ALL {
        for (path, text) in manual(&Words { knowledge: &knowledge, language }) {
            let file = docs.join(&path);
            if std::fs::read_to_string(&file).ok().as_ref() != Some(&text) {
                if update {
                    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                    std::fs::write(&file, text).unwrap();
                } else {
                    stale.push(path);
                }
            }
            written.insert(file);
        }
    }
    let mut found = Vec::new();
    below(&docs, &mut found);
    let orphans = found.into_iter().filter(|file| !written.contains(file)).collect::<Vec<_>>();
    assert!(
        stale.is_empty() && orphans.is_empty(),
        "run `cargo run -- knowledge manual --out docs/knowledge`; stale: {stale:?}; of nothing: {orphans:?}"
    );
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, found);
        } else {
            found.push(path);
        }
    }
}
