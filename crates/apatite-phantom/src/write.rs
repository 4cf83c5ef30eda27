/*! The folder of a phantom: the study, the truth beside it, and a case file. */

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use serde_json::{Value, json};

use crate::{Phantom, PhantomError, dicom, nifti};

impl Phantom {
    /// Writes `ct/` (the DICOM series), `truth.json`, `truth.nii.gz`, `bones.nii.gz` and `case.toml` into a folder,
    /// which is made where it is missing.
    ///
    /// # Errors
    /// A file that cannot be written, by name.
    pub fn write(&self, folder: &Path) -> Result<(), PhantomError> {
        let study = folder.join("ct");
        let write = |path: &Path, result: io::Result<()>| {
            result.map_err(|source| PhantomError::Write { path: path.to_owned(), source })
        };
        write(&study, fs::create_dir_all(&study))?;
        self.write_dicom(&study)?;
        for (name, labels) in [("truth.nii.gz", &self.truth), ("bones.nii.gz", &self.bones)] {
            let path = folder.join(name);
            let written =
                File::create(&path).and_then(|file| nifti::write_labels(labels, BufWriter::new(file)));
            write(&path, written)?;
        }
        let path = folder.join("truth.json");
        write(&path, fs::write(&path, format!("{:#}\n", self.truth_json())))?;
        let path = folder.join("case.toml");
        write(&path, fs::write(&path, self.case.to_toml("ct/")))
    }

    /// Writes the DICOM series alone, one file a slice, into an existing folder.
    ///
    /// # Errors
    /// A file that cannot be written, by name.
    pub fn write_dicom(&self, folder: &Path) -> Result<(), PhantomError> {
        dicom::write_series(self, folder)
    }

    /// The truth: pattern, seed, position, expected diagnosis, the gap that
    /// ossification leaves (mm), lesions with volume (mm³), centre (LPS, mm) and findings.
    #[must_use]
    pub fn truth_json(&self) -> Value {
        let lesions: Vec<Value> = self
            .lesions
            .iter()
            .map(|lesion| {
                json!({
                    "id": lesion.id,
                    "kind": lesion.kind.word(),
                    "volume_mm3": round(lesion.volume_mm3, 1e3),
                    "extent_mm3": round(lesion.extent_mm3, 1e3),
                    "centre_mm": lesion.centre_mm.map(|value| round(value, 1e3)),
                    "findings": lesion.findings,
                })
            })
            .collect();
        json!({
            "pattern": self.pattern.id,
            "seed": self.seed,
            "visit": self.visit.map_or(1, |visit| visit.number),
            "weeks": self.visit.map_or(0, |visit| visit.weeks),
            "growth": self.visit.map_or(0.0, |visit| visit.growth),
            "region": self.pattern.region,
            "expected": self.pattern.expected,
            "also_right": self.case.also_right,
            "patient_position": self.position.term(),
            "gravity": self.position.gravity(),
            "noise_hu": self.noise_hu,
            "size": self.volume.size,
            "spacing_mm": self.volume.geometry.spacing_mm().map(|value| round(value, 1e6)),
            "findings": self.findings,
            "opposing_gap_mm": self.opposing_gap_mm.map(|value| round(value, 1e3)),
            "lesions": lesions,
        })
    }
}

fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
