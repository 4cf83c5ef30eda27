/*!
From uploaded files to studies and cases.

Names of uploaded files and of entries in archives say which case belongs to which images and nothing else: no path is
made of them.
*/

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use apatite_case::Format;
use apatite_knowledge::Knowledge;
use dicom_dictionary_std::tags;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::Limits;
use crate::dicom::{first_text, inspect};
use crate::problem::{Answer, Problem};
use crate::store::{NewInstance, Store, hex};

/// A file that came in: under which name, and where it lies now.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// What became of an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Taken {
    /// Ids of the cases that were made or got images.
    pub cases: Vec<String>,
    /// StudyInstanceUIDs that came in.
    pub studies: Vec<String>,
    /// Number of instances that came in, those that were there already among them.
    pub instances: usize,
    /// What was not taken.
    pub left_out: Vec<NotTaken>,
}

/// A file that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotTaken {
    /// Its name.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// Most files that are told of one by one.
const MAX_TOLD: usize = 100;
/// Instances that go into the database at once.
const BATCH: usize = 256;

/// Takes files into the store: DICOM, case files, and zip archives of them.
///
/// # Errors
/// A limit is exceeded, or the store fails; a file that cannot be read is no error, it is left out by name.
pub(crate) fn take(
    store: &Store,
    knowledge: &Knowledge,
    limits: &Limits,
    files: &[Incoming],
) -> Answer<Taken> {
    let mut intake = Intake {
        store,
        limits,
        taken: Taken::default(),
        batch: Vec::new(),
        cases: Vec::new(),
        folders: BTreeMap::new(),
        unpacked: 0,
    };
    for file in files {
        let head = head(&file.path)?;
        if head.starts_with(b"PK\x03\x04") {
            intake.archive(file)?;
        } else {
            let bytes = read_limited(&mut std::fs::File::open(&file.path)?, limits.file_bytes)?;
            intake.file(&file.name, &bytes)?;
        }
    }
    intake.flush()?;
    intake.link(knowledge)?;
    let mut taken = intake.taken;
    taken.left_out.sort_by(|a, b| a.file.cmp(&b.file));
    let more = taken.left_out.len().saturating_sub(MAX_TOLD);
    if more > 0 {
        taken.left_out.truncate(MAX_TOLD);
        taken.left_out.push(NotTaken { file: String::new(), reason: format!("and {more} more files") });
    }
    Ok(taken)
}

/// The document of a case that begins with a study: what the images say of the patient.
pub(crate) fn document_of_study(attributes: &Value, modalities: &[String]) -> Value {
    let age = first_text(attributes, tags::PATIENT_AGE);
    let (number, unit) = age.split_at(age.len().saturating_sub(1).min(age.len()));
    let years = number.parse::<f64>().ok().and_then(|number| match unit {
        "Y" => Some(number),
        "M" => Some((number / 12.0 * 10.0).round() / 10.0),
        "W" => Some((number / 52.18 * 100.0).round() / 100.0),
        "D" => Some((number / 365.25 * 100.0).round() / 100.0),
        _ => None,
    });
    let mut patient = serde_json::Map::new();
    if let Some(years) = years {
        patient.insert("age".to_owned(), json!(years));
    }
    match first_text(attributes, tags::PATIENT_SEX).as_str() {
        "F" => drop(patient.insert("sex".to_owned(), json!("female"))),
        "M" => drop(patient.insert("sex".to_owned(), json!("male"))),
        _ => {}
    }
    let imaging = modalities
        .iter()
        .filter_map(|modality| match modality.as_str() {
            "CT" | "MR" | "US" => Some(modality.as_str()),
            "CR" | "DX" | "RF" => Some("XR"),
            "PT" | "NM" => Some("NM"),
            _ => None,
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|modality| json!({ "modality": modality }));
    json!({ "patient": patient, "imaging": imaging.collect::<Vec<_>>() })
}

struct Intake<'a> {
    store: &'a Store,
    limits: &'a Limits,
    taken: Taken,
    batch: Vec<(String, NewInstance)>,
    cases: Vec<CaseFile>,
    /// Studies by the folders that their files came from.
    folders: BTreeMap<String, BTreeSet<String>>,
    unpacked: u64,
}

struct CaseFile {
    name: String,
    digest: String,
    format: &'static str,
    document: Value,
}

impl Intake<'_> {
    fn archive(&mut self, file: &Incoming) -> Answer<()> {
        let opened = std::fs::File::open(&file.path)?;
        let mut archive = match zip::ZipArchive::new(std::io::BufReader::new(opened)) {
            Ok(archive) => archive,
            Err(error) => {
                self.leave(&file.name, &format!("not readable as a zip archive: {error}"));
                return Ok(());
            }
        };
        if archive.len() > self.limits.files {
            return Err(too_large(format!("the archive holds more than {} files", self.limits.files)));
        }
        for number in 0..archive.len() {
            let mut entry = match archive.by_index(number) {
                Ok(entry) => entry,
                Err(error) => {
                    self.leave(&format!("{}!{number}", file.name), &format!("not readable: {error}"));
                    continue;
                }
            };
            if entry.is_dir() {
                continue;
            }
            let name = entry.name().map_or_else(|_| format!("entry {number}"), |name| name.to_string());
            // the size that an archive claims is not believed
            let bytes = read_limited(&mut entry, self.limits.file_bytes)?;
            self.unpacked += bytes.len() as u64;
            if self.unpacked > self.limits.upload_bytes {
                return Err(too_large(format!(
                    "the archive unpacks to more than {} bytes",
                    self.limits.upload_bytes
                )));
            }
            drop(entry);
            if bytes.starts_with(b"PK\x03\x04") {
                self.leave(&name, "an archive inside an archive: unpack it first");
            } else {
                self.file(&name, &bytes)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> Answer<()> {
        let lower = name.to_lowercase();
        if lower.ends_with(".toml") || lower.ends_with(".json") {
            return self.case_file(name, bytes);
        }
        match inspect(bytes, parent(name)) {
            Ok(instance) => {
                self.store.keep_original(bytes)?;
                self.folders.entry(parent(name).to_owned()).or_default().insert(instance.study.clone());
                self.batch.push((name.to_owned(), instance));
                if self.batch.len() >= BATCH {
                    self.flush()?;
                }
            }
            Err(reason) => self.leave(name, &reason),
        }
        Ok(())
    }

    fn case_file(&mut self, name: &str, bytes: &[u8]) -> Answer<()> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            self.leave(name, "not UTF-8 text");
            return Ok(());
        };
        if bytes.len() > apatite_case::MAX_BYTES {
            self.leave(name, &format!("more than {} bytes, which no case has", apatite_case::MAX_BYTES));
            return Ok(());
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (format, document) = match Format::of(Path::new(&name.to_lowercase())) {
            Format::Toml => {
                ("toml", toml::from_str::<Value>(text).map_err(|error| error.message().to_owned()))
            }
            Format::Json => ("json", serde_json::from_str(text).map_err(|error| error.to_string())),
        };
        match document {
            Ok(document)
                if ["patient", "history", "labs", "imaging"]
                    .iter()
                    .any(|key| document.get(key).is_some()) =>
            {
                let digest = self.store.keep_original(bytes)?;
                self.cases.push(CaseFile { name: name.to_owned(), digest, format, document });
            }
            Ok(_) => self.leave(name, "no case: it has no patient, history, labs or imaging"),
            Err(error) => self.leave(name, &format!("not readable as {format}: {error}")),
        }
        Ok(())
    }

    fn flush(&mut self) -> Answer<()> {
        let (names, instances): (Vec<_>, Vec<_>) = std::mem::take(&mut self.batch).into_iter().unzip();
        let other = self.store.add_instances(&instances)?;
        for ((name, instance), other) in names.iter().zip(instances).zip(other) {
            if other {
                self.leave(name, "another object with the same SOPInstanceUID is stored already");
                continue;
            }
            self.taken.instances += 1;
            if !self.taken.studies.contains(&instance.study) {
                self.taken.studies.push(instance.study);
            }
        }
        Ok(())
    }

    /// Gives each case its studies, and each study that has none a case of its own.
    fn link(&mut self, knowledge: &Knowledge) -> Answer<()> {
        let only = self.cases.len() == 1;
        for case in std::mem::take(&mut self.cases) {
            let mut studies: BTreeSet<String> = BTreeSet::new();
            for named in case.document["imaging"].as_array().into_iter().flatten() {
                let Some(path) = named.get("study").and_then(Value::as_str) else { continue };
                let folder = join(parent(&case.name), path);
                let inside = |other: &str| other == folder || other.starts_with(&format!("{folder}/"));
                let found = self.folders.iter().filter(|(other, _)| inside(other));
                studies.extend(found.flat_map(|(_, studies)| studies.iter().cloned()));
            }
            // a case that came alone with images is about them
            if studies.is_empty() && only {
                studies.extend(self.taken.studies.iter().cloned());
            }
            let studies = studies.into_iter().collect::<Vec<_>>();
            let id = case_id(&["file", &case.digest]);
            self.store.add_case(&id, Some(&case.digest), case.format, &case.document, &studies)?;
            self.taken.cases.push(id);
        }
        for uid in self.taken.studies.clone() {
            let mut cases = self.store.cases_of_study(&uid)?;
            if cases.is_empty()
                && let Some(study) = self.store.study(&uid)?
            {
                let id = case_id(&["study", &uid]);
                let modalities = study.modalities.iter().filter(|modality| {
                    let modality =
                        if matches!(modality.as_str(), "CR" | "DX" | "RF") { "XR" } else { modality };
                    knowledge.modalities.contains_key(modality) || modality == "PT"
                });
                let document = document_of_study(&study.attributes, &modalities.cloned().collect::<Vec<_>>());
                self.store.add_case(&id, None, "json", &document, std::slice::from_ref(&uid))?;
                cases.push(id);
            }
            for case in cases {
                if !self.taken.cases.contains(&case) {
                    self.taken.cases.push(case);
                }
            }
        }
        Ok(())
    }

    fn leave(&mut self, name: &str, reason: &str) {
        let file = apatite_text::printable(name);
        self.taken.left_out.push(NotTaken { file, reason: apatite_text::printable(reason) });
    }
}

fn case_id(from: &[&str]) -> String {
    use sha2::{Digest as _, Sha256};
    hex(&Sha256::digest(from.join("\n")))[..20].to_owned()
}

fn parent(name: &str) -> &str {
    name.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder)
}

/// A relative path beside a folder, as names; nothing leads above the root.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split(['/', '\\']).chain(path.split(['/', '\\'])) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(4).read_to_end(&mut head)?;
    Ok(head)
}

fn read_limited(reader: &mut dyn Read, limit: u64) -> Answer<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(|_| {
        Problem::bad("a file of the upload cannot be read to its end: is the archive damaged?")
    })?;
    if bytes.len() as u64 > limit {
        return Err(too_large(format!("a file of the upload has more than {limit} bytes")));
    }
    Ok(bytes)
}

fn too_large(detail: String) -> Problem {
    Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, detail)
}
