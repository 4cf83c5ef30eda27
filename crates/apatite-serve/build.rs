//! Where the page lies that is embedded: `web/dist` if it was built, else an empty folder.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

fn main() {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let built = here.join("../../web/dist");
    println!("cargo::rerun-if-changed={}", built.display());
    let page = if built.join("index.html").is_file() {
        built.canonicalize().expect("it exists")
    } else {
        let empty = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("no-page");
        std::fs::create_dir_all(&empty).expect("OUT_DIR can be written");
        empty
    };
    println!("cargo::rustc-env=APATITE_PAGE={}", page.display());
}
