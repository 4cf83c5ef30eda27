//! Lists the series under some paths, loads the one that would be measured (or `--series NAME`) and says how long it took.

#![allow(clippy::print_stdout, reason = "an example speaks on the terminal")]

use std::path::PathBuf;
use std::time::Instant;

use apatite_dicom::{ReadError, Source};

fn main() -> Result<(), ReadError> {
    let mut wanted = None;
    let mut save = None;
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--series" => wanted = arguments.next(),
            "--save" => save = arguments.next().map(PathBuf::from),
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    let start = Instant::now();
    let study = Source::open(&paths)?;
    println!("opened in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    for (place, series) in study.series.iter().enumerate() {
        println!("#{} {}{}", place + 1, series.name(), if series.is_volume { "" } else { " (no volume)" });
    }
    for left in &study.left_out {
        println!("left out {}: {}", left.file, left.reason);
    }
    for warning in &study.warnings {
        println!("warning: {warning}");
    }
    let series = study.choose(wanted.as_deref())?;
    let start = Instant::now();
    let (volume, warnings) = series.load(&|_, _| {})?;
    println!("loaded {} in {:.1} ms", series.name(), start.elapsed().as_secs_f64() * 1e3);
    for warning in &warnings {
        println!("warning: {warning}");
    }
    let sum: i64 = volume.values.iter().map(|&value| i64::from(value)).sum();
    println!(
        "{:?} voxels of {:?} mm from {:?}, values {:?} to {:?}, sum {sum}, padding {:?}",
        volume.size,
        volume.geometry.spacing_mm(),
        volume.geometry.origin_mm,
        volume.values.iter().min(),
        volume.values.iter().max(),
        volume.padding,
    );
    if let Some(path) = save {
        apatite_dicom::write_volume(&path, &volume)?;
    }
    Ok(())
}
