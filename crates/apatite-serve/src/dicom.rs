/*!
A DICOM file as the store sees it: its attributes in DICOM JSON, by level.
*/

use std::collections::BTreeSet;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileDicomObject, InMemDicomObject, OpenFileOptions};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::store::NewInstance;

/// Attributes of the study level that are searched and shown (PS3.18 10.6.3.3).
const STUDY: [Tag; 13] = [
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::STUDY_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_AGE,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_ID,
];

/// Attributes of the series level.
const SERIES: [Tag; 9] = [
    tags::MODALITY,
    tags::SERIES_DESCRIPTION,
    tags::SERIES_INSTANCE_UID,
    tags::SERIES_NUMBER,
    tags::BODY_PART_EXAMINED,
    tags::SERIES_DATE,
    tags::SERIES_TIME,
    tags::LATERALITY,
    tags::FRAME_OF_REFERENCE_UID,
];

/// Attributes of the instance level.
pub(crate) const INSTANCE: [Tag; 7] = [
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::INSTANCE_NUMBER,
    tags::ROWS,
    tags::COLUMNS,
    tags::BITS_ALLOCATED,
    tags::NUMBER_OF_FRAMES,
];

/// Longest binary value that stays in the metadata, bytes; no attribute that a viewer needs is longer.
const MAX_BINARY: usize = 1024;

/// Reads the header of a DICOM file. `folder` tells files without UIDs apart.
///
/// # Errors
/// A message that says why the bytes are no DICOM instance of a patient; it holds no patient data.
pub(crate) fn inspect(bytes: &[u8], folder: &str) -> Result<NewInstance, String> {
    let object = OpenFileOptions::new()
        .read_until(tags::PIXEL_DATA)
        .from_reader(bytes)
        .map_err(|error| format!("not readable as DICOM: {}", first_line(&error)))?;
    let digest = Sha256::digest(bytes);
    let original = crate::store::hex(&digest);
    let syntax = object.meta().transfer_syntax().trim_end_matches('\0').to_owned();
    let text = |tag| text(&object, tag);
    let class = text(tags::SOP_CLASS_UID);
    if class == dicom_dictionary_std::uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Err("a DICOMDIR, whose files are taken by themselves".to_owned());
    }
    if class.is_empty() {
        return Err("no SOPClassUID: it does not say what it is".to_owned());
    }
    let study = or_made(text(tags::STUDY_INSTANCE_UID), &["study", folder, &text(tags::PATIENT_ID)]);
    let series = or_made(
        text(tags::SERIES_INSTANCE_UID),
        &["series", &study, &text(tags::SERIES_NUMBER), &text(tags::MODALITY)],
    );
    let uid = or_made(text(tags::SOP_INSTANCE_UID), &["instance", &original]);
    let mut metadata = metadata(object.into_inner());
    for (tag, made) in [
        (tags::STUDY_INSTANCE_UID, &study),
        (tags::SERIES_INSTANCE_UID, &series),
        (tags::SOP_INSTANCE_UID, &uid),
    ] {
        metadata.insert(key(tag), json!({ "vr": "UI", "Value": [made] }));
    }
    frames_as_given(&mut metadata);
    let number =
        |tag| first(&metadata, tag).and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    Ok(NewInstance {
        modality: first(&metadata, tags::MODALITY).and_then(Value::as_str).unwrap_or("OT").to_owned(),
        original,
        syntax,
        number: number(tags::INSTANCE_NUMBER).unwrap_or(0),
        frames: number(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1),
        study_attributes: level(&metadata, &STUDY),
        series_attributes: level(&metadata, &SERIES),
        metadata: Value::Object(metadata),
        study,
        series,
        uid,
    })
}

/// DICOM JSON key of a tag.
pub(crate) fn key(tag: Tag) -> String {
    format!("{:04X}{:04X}", tag.group(), tag.element())
}

/// First value of an attribute.
pub(crate) fn first(metadata: &Map<String, Value>, tag: Tag) -> Option<&Value> {
    metadata.get(&key(tag))?.get("Value")?.get(0)
}

/// First value as text; of a name its alphabetic part.
pub(crate) fn first_text(attributes: &Value, tag: Tag) -> String {
    let Some(value) = attributes.as_object().and_then(|attributes| first(attributes, tag)) else {
        return String::new();
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Object(name) => name.get("Alphabetic").and_then(Value::as_str).unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}

/// The attributes of one level that are there.
pub(crate) fn level(metadata: &Map<String, Value>, tags: &[Tag]) -> Value {
    let keys: BTreeSet<String> = tags.iter().map(|tag| key(*tag)).collect();
    let found = metadata.iter().filter(|(key, _)| keys.contains(*key));
    Value::Object(found.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// A colour frame is given as RGB by pixel, whatever the file holds: see `pixels`.
fn frames_as_given(metadata: &mut Map<String, Value>) {
    let samples = first(metadata, tags::SAMPLES_PER_PIXEL).and_then(Value::as_i64);
    if samples == Some(3) {
        metadata.insert(key(tags::PHOTOMETRIC_INTERPRETATION), json!({ "vr": "CS", "Value": ["RGB"] }));
        metadata.insert(key(tags::PLANAR_CONFIGURATION), json!({ "vr": "US", "Value": [0] }));
    }
}

/// All attributes but pixels and long binary values, in DICOM JSON.
fn metadata(object: InMemDicomObject) -> Map<String, Value> {
    let binary = [VR::OB, VR::OW, VR::OD, VR::OF, VR::OL, VR::OV, VR::UN];
    let mut metadata = Map::new();
    for element in object {
        let header = element.header();
        let (tag, long) = (header.tag, header.len.get().is_none_or(|length| length as usize > MAX_BINARY));
        if tag == tags::PIXEL_DATA || tag.element() == 0 || (binary.contains(&header.vr()) && long) {
            continue;
        }
        let one = InMemDicomObject::from_element_iter([element]);
        if let Ok(Value::Object(one)) = dicom_json::to_value(&one) {
            metadata.extend(one);
        }
    }
    metadata
}

fn text(object: &FileDicomObject<InMemDicomObject>, tag: Tag) -> String {
    let value = object.get(tag).and_then(|element| element.to_str().ok());
    value.map_or_else(String::new, |value| value.trim_matches([' ', '\0']).to_owned())
}

/// A UID of the arc of UUIDs made from what is known, where a file has none: the same for the same files.
fn or_made(uid: String, from: &[&str]) -> String {
    let valid = !uid.is_empty() && uid.len() <= 64 && uid.chars().all(|c| c.is_ascii_digit() || c == '.');
    if valid {
        return uid;
    }
    let digest = Sha256::digest(from.join("\n"));
    let mut number = [0; 16];
    number.copy_from_slice(&digest[..16]);
    format!("2.25.{}", u128::from_be_bytes(number))
}

fn first_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(200).collect()
}
