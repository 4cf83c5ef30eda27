//! What all tests of the program share: running it where the project begins.

// each test program uses a part of it
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

/// The folder in which the project begins; paths in the tests are relative to it.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The cases of these tests, as the program is given them.
pub(crate) const CASES: &str = "crates/apatite/tests/cli/cases";

/// The program, ready to run with these arguments, and without what the caller's terminal asks for.
pub(crate) fn apatite<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apatite"));
    for name in ["CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR", "COLUMNS", "RAYON_NUM_THREADS", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(project()).stdin(Stdio::null());
    command
}

pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Output {
    apatite(arguments).output().unwrap()
}

/// Standard output as text; the program must have ended well.
pub(crate) fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An empty folder of this test, outside the project.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The files of a folder with this extension, sorted; not those of folders in it.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect::<Vec<_>>();
    files.sort();
    files
}

/// Applies `work` to all items on all cores; answers in the order of the items.
pub(crate) fn all<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(0..items.len());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done = std::thread::scope(|scope| {
        let workers = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut own = Vec::new();
                    loop {
                        let Some(index) = next.lock().unwrap().next() else { return own };
                        own.push((index, work(&items[index])));
                    }
                })
            })
            .collect::<Vec<_>>();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, answer)| answer).collect()
}
