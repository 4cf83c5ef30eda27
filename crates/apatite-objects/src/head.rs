/*! What all objects have in common: patient, study, series, equipment, and how their UIDs are made. */

use apatite_dicom::Origin;
use dicom_core::header::Tag;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, VR, dicom_value};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN;
use sha2::{Digest as _, Sha256};

use crate::code::OWN;
use crate::text::{decoded, fitting};
use crate::{Measured, Object, ObjectError};

/// Name of the program, as Manufacturer and as algorithm.
pub(crate) const PROGRAM: &str = "Apatite";

/// Content dates of series without a date.
const NO_DATE: &str = "19000101";
const NO_TIME: &str = "000000";

/// Puts a text that fits its representation.
pub(crate) fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, text: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(fitting(vr, text))));
}

/// Puts several texts as the values of one element.
pub(crate) fn put_values(object: &mut InMemDicomObject, tag: Tag, vr: VR, texts: &[String]) {
    let texts = texts.iter().map(|text| fitting(vr, text)).collect::<Vec<_>>();
    object.put(DataElement::new(tag, vr, PrimitiveValue::Strs(texts.into())));
}

pub(crate) fn put_short(object: &mut InMemDicomObject, tag: Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

pub(crate) fn put_items(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

pub(crate) fn put_tag(object: &mut InMemDicomObject, tag: Tag, value: Tag) {
    object.put(DataElement::new(tag, VR::AT, dicom_value!(Tags, [value])));
}

/// Kind of an object: what differs between the three.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose {
    /// Modality, and the name in messages.
    pub(crate) modality: &'static str,
    /// SOPClassUID.
    pub(crate) class_uid: &'static str,
    /// SeriesDescription.
    pub(crate) description: &'static str,
    /// SeriesNumber.
    pub(crate) number: u16,
}

/// The modules of patient, study, series and equipment, and what had to be changed in them.
pub(crate) fn head(measured: &Measured<'_>, purpose: Purpose) -> (InMemDicomObject, Vec<String>) {
    let origin = measured.origin;
    let mut object = InMemDicomObject::new_empty();
    let mut warnings = Vec::new();
    put(&mut object, tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    put(&mut object, tags::SOP_CLASS_UID, VR::UI, purpose.class_uid);
    // type 2: there even where the source has none
    for (tag, vr) in [
        (tags::STUDY_DATE, VR::DA),
        (tags::STUDY_TIME, VR::TM),
        (tags::ACCESSION_NUMBER, VR::SH),
        (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
        (tags::PATIENT_NAME, VR::PN),
        (tags::PATIENT_ID, VR::LO),
        (tags::PATIENT_BIRTH_DATE, VR::DA),
        (tags::PATIENT_SEX, VR::CS),
        (tags::STUDY_ID, VR::SH),
    ] {
        put(&mut object, tag, vr, "");
    }
    repeat(origin, &mut object, &mut warnings);
    put(&mut object, tags::STUDY_INSTANCE_UID, VR::UI, &study_uid(origin));
    let series_uid = uid(&[purpose.modality, measured.version, &series_uid(origin)]);
    put(&mut object, tags::SERIES_INSTANCE_UID, VR::UI, &series_uid);
    if origin.study_uid.is_empty() || origin.series_uid.is_empty() {
        warnings.push(
            "the images have no StudyInstanceUID or no SeriesInstanceUID: one made from their content stands for it"
                .to_owned(),
        );
    }
    put(&mut object, tags::MODALITY, VR::CS, purpose.modality);
    put(&mut object, tags::SERIES_NUMBER, VR::IS, &purpose.number.to_string());
    put(&mut object, tags::SERIES_DESCRIPTION, VR::LO, purpose.description);
    put(&mut object, tags::INSTANCE_NUMBER, VR::IS, "1");
    put(&mut object, tags::MANUFACTURER, VR::LO, PROGRAM);
    put(&mut object, tags::MANUFACTURER_MODEL_NAME, VR::LO, PROGRAM);
    put(&mut object, tags::DEVICE_SERIAL_NUMBER, VR::LO, measured.version);
    put(&mut object, tags::SOFTWARE_VERSIONS, VR::LO, measured.version);
    let [date, time] = content_moment(origin);
    put(&mut object, tags::CONTENT_DATE, VR::DA, &date);
    put(&mut object, tags::CONTENT_TIME, VR::TM, &time);
    let mut scheme = InMemDicomObject::new_empty();
    put(&mut scheme, tags::CODING_SCHEME_DESIGNATOR, VR::SH, OWN);
    put(&mut scheme, tags::CODING_SCHEME_NAME, VR::ST, "Vocabulary of Apatite");
    put(&mut scheme, tags::CODING_SCHEME_VERSION, VR::SH, measured.version);
    put_items(&mut object, tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, vec![scheme]);
    (object, warnings)
}

/// Date and time at which the content begins: those of the images, so that the same study gives the same object.
pub(crate) fn content_moment(origin: &Origin) -> [String; 2] {
    let first = |choices: [Tag; 2], vr: VR| {
        choices.iter().find_map(|tag| repeated(origin, *tag, vr)).filter(|text| !text.is_empty())
    };
    let date = first([tags::SERIES_DATE, tags::STUDY_DATE], VR::DA);
    let time = first([tags::SERIES_TIME, tags::STUDY_TIME], VR::TM);
    [date.unwrap_or_else(|| NO_DATE.to_owned()), time.unwrap_or_else(|| NO_TIME.to_owned())]
}

/// StudyInstanceUID of the source, or one made from its images.
pub(crate) fn study_uid(origin: &Origin) -> String {
    if origin.study_uid.is_empty() { made_uid("study", origin) } else { origin.study_uid.clone() }
}

/// SeriesInstanceUID of the source, or one made from its images.
pub(crate) fn series_uid(origin: &Origin) -> String {
    if origin.series_uid.is_empty() { made_uid("series", origin) } else { origin.series_uid.clone() }
}

/// FrameOfReferenceUID of the source, or one made from its images.
pub(crate) fn frame_of_reference(origin: &Origin) -> String {
    if origin.frame_of_reference.is_empty() {
        made_uid("frame of reference", origin)
    } else {
        origin.frame_of_reference.clone()
    }
}

fn made_uid(part: &str, origin: &Origin) -> String {
    let mut parts = vec![part.to_owned()];
    parts.extend(origin.images.iter().map(|image| format!("{} {:?}", image.instance_uid, image.plane)));
    uid(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A UID of the root 2.25 (PS3.5 B.2), made from texts.
pub(crate) fn uid(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    uid_of(&hasher.finalize())
}

fn uid_of(digest: &[u8]) -> String {
    let bits = digest.iter().take(16).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    // version 8 (made by a rule of one's own) and variant of a UUID, RFC 9562
    let uuid =
        (bits & !(0xF000_u128 << 64) & !(0xC000_u128 << 48)) | (0x8000_u128 << 64) | (0x8000_u128 << 48);
    format!("2.25.{uuid}")
}

/// Gives the object its SOPInstanceUID, made from all the rest of it, and writes it.
pub(crate) fn seal(
    mut object: InMemDicomObject,
    purpose: Purpose,
    warnings: Vec<String>,
) -> Result<Object, ObjectError> {
    let failed = |reason: String| ObjectError::Write { kind: purpose.modality, reason };
    let text = |object: &InMemDicomObject, tag: Tag| {
        object.get(tag).and_then(|element| element.to_str().ok().map(std::borrow::Cow::into_owned))
    };
    let mut content = Vec::new();
    let syntax = EXPLICIT_VR_LITTLE_ENDIAN.erased();
    object.write_dataset_with_ts(&mut content, &syntax).map_err(|error| failed(error.to_string()))?;
    let instance_uid = uid_of(&Sha256::digest(&content));
    put(&mut object, tags::SOP_INSTANCE_UID, VR::UI, &instance_uid);
    let series_uid = text(&object, tags::SERIES_INSTANCE_UID).unwrap_or_default();
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .implementation_class_uid(uid(&[PROGRAM]))
        .implementation_version_name("APATITE");
    let file = object.with_meta(meta).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::with_capacity(content.len() + 1024);
    file.write_all(&mut bytes).map_err(|error| failed(error.to_string()))?;
    Ok(Object { class_uid: purpose.class_uid.to_owned(), instance_uid, series_uid, bytes, warnings })
}

/// Attributes of patient and study with their representations.
const REPEATED: [(Tag, VR); 21] = [
    (tags::STUDY_DATE, VR::DA),
    (tags::STUDY_TIME, VR::TM),
    (tags::ACCESSION_NUMBER, VR::SH),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
    (tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH),
    (tags::STUDY_DESCRIPTION, VR::LO),
    (tags::PATIENT_NAME, VR::PN),
    (tags::PATIENT_ID, VR::LO),
    (tags::ISSUER_OF_PATIENT_ID, VR::LO),
    (tags::TYPE_OF_PATIENT_ID, VR::CS),
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::PATIENT_BIRTH_TIME, VR::TM),
    (tags::PATIENT_SEX, VR::CS),
    (tags::OTHER_PATIENT_NAMES, VR::PN),
    (tags::PATIENT_AGE, VR::AS),
    (tags::PATIENT_SIZE, VR::DS),
    (tags::PATIENT_WEIGHT, VR::DS),
    (tags::PATIENT_COMMENTS, VR::LT),
    (tags::PATIENT_IDENTITY_REMOVED, VR::CS),
    (tags::DEIDENTIFICATION_METHOD, VR::LO),
    (tags::STUDY_ID, VR::SH),
];

fn repeat(origin: &Origin, object: &mut InMemDicomObject, warnings: &mut Vec<String>) {
    for (tag, vr) in REPEATED {
        let Some((_, bytes)) = origin.elements.iter().find(|(other, _)| *other == tag) else { continue };
        let Some(text) = decoded(bytes, &origin.character_set) else {
            warnings.push(format!("{} is in a character set that cannot be read: left out", keyword(tag)));
            continue;
        };
        let mut fit = if matches!(vr, VR::PN | VR::LO | VR::SH) && multiple(tag) {
            text.split('\\').map(|one| fitting(vr, one)).collect::<Vec<_>>().join("\\")
        } else {
            fitting(vr, &text)
        };
        if !is_valid(tag, vr, &fit) {
            fit = String::new();
        }
        if fit != text.trim() {
            let what = if fit.is_empty() { "left out" } else { "changed to fit" };
            warnings.push(format!("{} of the images is not as DICOM allows: {what}", keyword(tag)));
        }
        if fit.is_empty() && object.get(tag).is_none() {
            continue;
        }
        let values = fit.split('\\').map(str::to_owned).collect::<Vec<_>>();
        let value =
            if multiple(tag) { PrimitiveValue::Strs(values.into()) } else { PrimitiveValue::from(fit) };
        object.put(DataElement::new(tag, vr, value));
    }
    let removed = object.get(tags::PATIENT_IDENTITY_REMOVED).is_some();
    if removed && object.get(tags::DEIDENTIFICATION_METHOD).is_none() {
        put(object, tags::DEIDENTIFICATION_METHOD, VR::LO, "As that of the source images");
    }
}

/// An attribute of patient or study as the source has it.
pub(crate) fn repeated(origin: &Origin, tag: Tag, vr: VR) -> Option<String> {
    let (_, bytes) = origin.elements.iter().find(|(other, _)| *other == tag)?;
    let text = fitting(vr, &decoded(bytes, &origin.character_set)?);
    is_valid(tag, vr, &text).then_some(text)
}

fn multiple(tag: Tag) -> bool {
    matches!(tag, tags::OTHER_PATIENT_NAMES | tags::DEIDENTIFICATION_METHOD)
}

/// Whether a value has the form its representation asks for; an empty one has.
fn is_valid(tag: Tag, vr: VR, text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match vr {
        _ if text.is_empty() => true,
        VR::DA => {
            let part =
                |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok());
            text.len() == 8
                && digits(text)
                && part(4..6).is_some_and(|month| (1..=12).contains(&month))
                && part(6..8).is_some_and(|day| (1..=31).contains(&day))
        }
        VR::TM => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let pairs = whole.as_bytes().chunks(2).zip([24, 60, 61]);
            matches!(whole.len(), 2 | 4 | 6)
                && digits(whole)
                && digits(fraction)
                && (1..=6).contains(&fraction.len())
                && pairs.into_iter().all(|(pair, limit)| {
                    std::str::from_utf8(pair)
                        .ok()
                        .and_then(|pair| pair.parse::<u32>().ok())
                        .is_some_and(|n| n < limit)
                })
        }
        VR::AS => {
            text.len() == 4
                && text.is_ascii()
                && digits(&text[..3])
                && matches!(&text[3..], "D" | "W" | "M" | "Y")
        }
        VR::DS => text.parse::<f64>().is_ok_and(f64::is_finite),
        _ if tag == tags::PATIENT_SEX => matches!(text, "M" | "F" | "O"),
        _ if tag == tags::PATIENT_IDENTITY_REMOVED => matches!(text, "YES" | "NO"),
        VR::CS => text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'_')),
        _ if tag == tags::TIMEZONE_OFFSET_FROM_UTC => {
            text.len() == 5 && text.is_ascii() && matches!(&text[..1], "+" | "-") && digits(&text[1..])
        }
        _ => true,
    }
}

fn keyword(tag: Tag) -> String {
    use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
    let entry = dicom_dictionary_std::StandardDataDictionary.by_tag(tag);
    entry.map_or_else(|| tag.to_string(), |entry| entry.alias().to_owned())
}
