//! The program on scenarios: `cli/NAME.cmd` holds the arguments, `cli/NAME.out` what the program says to them.
//!
//! `UPDATE_EXPECT=1 cargo test -p apatite --test cli` writes the `.out` files anew; what changed in them is then to be
//! read. Where the knowledge changes, so do the probabilities in them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::path::{Path, PathBuf};

use expect_test::expect_file;

struct Scenario {
    file: PathBuf,
    arguments: Vec<String>,
    /// Numbers become `#`: for figures that say how much is known, not what, and those of full precision.
    hide_digits: bool,
}

impl Scenario {
    fn read(file: PathBuf) -> Self {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut scenario = Self { file, arguments: Vec::new(), hide_digits: false };
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            match line.split_once(' ') {
                Some(("apatite", arguments)) => {
                    let arguments = arguments.replace("CASES", common::CASES);
                    scenario.arguments = arguments.split_whitespace().map(str::to_owned).collect();
                }
                _ if line == "apatite" => {}
                _ if line == "hide digits" => scenario.hide_digits = true,
                _ => panic!("{}: what is {line:?}?", scenario.file.display()),
            }
        }
        scenario
    }

    fn answer(&self) -> String {
        let output = common::run(&self.arguments);
        let [told, warned] = [output.stdout, output.stderr].map(|bytes| {
            let text = without_hashes(&String::from_utf8(bytes).unwrap());
            // a case is named as it was given, with the separators of the system
            if cfg!(windows) { text.replace('\\', "/") } else { text }
        });
        let code = output.status.code().map_or("a signal".to_owned(), |code| code.to_string());
        let [told, warned] =
            [told, warned].map(|text| if self.hide_digits { without_numbers(&text) } else { text });
        format!("──── exit code {code}\n──── standard error\n{warned}──── standard output\n{told}")
    }
}

fn without_numbers(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    for c in text.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }) {
        if c != '#' || !hidden.ends_with('#') {
            hidden.push(c);
        }
    }
    hidden
}

/// The hash of the knowledge changes with every letter of it.
fn without_hashes(text: &str) -> String {
    let is_hash = |word: &str| {
        matches!(word.len(), 16 | 64)
            && word.chars().all(|c| c.is_ascii_hexdigit())
            && word.contains(char::is_alphabetic)
    };
    text.split_inclusive(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_hash(bare) { word.replace(bare, "HASH") } else { word.to_owned() }
        })
        .collect()
}

fn check(scenario: &Scenario, answer: &str) {
    expect_file![scenario.file.with_extension("out")].assert_eq(answer);
}

#[test]
fn the_program_answers_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let scenarios = common::files(&folder, "cmd").into_iter().map(Scenario::read).collect::<Vec<_>>();
    let answers = common::all(&scenarios, Scenario::answer);
    for (scenario, answer) in scenarios.iter().zip(&answers) {
        check(scenario, answer);
    }
    let told = common::files(&folder, "out").into_iter().map(|file| file.with_extension("cmd"));
    let asked = scenarios.into_iter().map(|scenario| scenario.file);
    assert!(told.eq(asked), "an .out file stands there without its .cmd");
}
