//! Reads arbitrary bytes as a study and as pictures: any result will do, a panic or an endless loop will not.

#![no_main]

use apatite_dicom::{Source, read_pictures};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("apatite-fuzz-{}", std::process::id()));
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    if let Ok(study) = Source::open(&[path.clone()]) {
        for series in &study.series {
            let _ = series.load(&|_, _| {});
        }
    }
    let _ = read_pictures(&path);
});
