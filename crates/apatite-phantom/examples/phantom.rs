//! `cargo run --release -p apatite-phantom --example phantom -- PATTERN SEED OUT [POSITION]`: makes one phantom.

#![allow(clippy::print_stdout, reason = "an example talks to the terminal")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use apatite_phantom::{Options, make, patterns};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [pattern, seed, folder, ..] = words.as_slice() else {
        let names: Vec<&str> = patterns().iter().map(|pattern| pattern.id).collect();
        return Err(
            format!("usage: phantom PATTERN SEED OUT [POSITION]; patterns: {}", names.join(", ")).into()
        );
    };
    let position = words.get(3).map(|word| word.parse()).transpose()?;
    let options = Options { seed: seed.parse()?, position, ..Options::default() };
    let start = Instant::now();
    let phantom = make(pattern, &options)?;
    let made = start.elapsed();
    phantom.write(Path::new(folder))?;
    let sum = phantom.lesions.iter().fold(0.0, |sum, lesion| sum + lesion.volume_mm3);
    println!(
        "{pattern} seed {seed} {}: {} lesions, {sum:.0} mm3, {:.2} s to make, {:.2} s in all",
        phantom.position,
        phantom.lesions.len(),
        made.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
