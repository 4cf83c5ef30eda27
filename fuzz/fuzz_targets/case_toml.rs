//! Any text read as a TOML case: reading ends, and what the policy is does not change what is understood.
#![no_main]

use std::sync::LazyLock;

use apatite_case::{Format, Policy};
use apatite_knowledge::{Folder, Knowledge};
use libfuzzer_sys::fuzz_target;

static KNOWLEDGE: LazyLock<Knowledge> =
    LazyLock::new(|| Knowledge::read(&Folder::embedded()).unwrap_or_else(|problems| panic!("{problems:?}")));

fuzz_target!(|text: &str| {
    let [strict, default, lenient] = [Policy::Strict, Policy::Default, Policy::Lenient]
        .map(|policy| apatite_case::read(text, Format::Toml, &KNOWLEDGE, policy));
    assert_eq!(strict.case, default.case);
    assert_eq!(strict.case, lenient.case);
    assert_eq!(strict.problems.len(), lenient.problems.len());
});
