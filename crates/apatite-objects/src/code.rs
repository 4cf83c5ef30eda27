/*! Coded concepts (PS3.3 section 8). */

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use sha2::{Digest as _, Sha256};

use crate::head::put;

/// Designator of the codes of Apatite's own vocabulary.
pub(crate) const OWN: &str = "99APATITE";

/// A coded concept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) value: String,
    pub(crate) scheme: &'static str,
    pub(crate) meaning: String,
}

impl Code {
    pub(crate) fn new(value: impl Into<String>, scheme: &'static str, meaning: impl Into<String>) -> Self {
        Self { value: value.into(), scheme, meaning: meaning.into() }
    }

    pub(crate) fn dcm(value: &str, meaning: &str) -> Self {
        Self::new(value, "DCM", meaning)
    }

    pub(crate) fn sct(value: &str, meaning: &str) -> Self {
        Self::new(value, "SCT", meaning)
    }

    /// A term of Apatite's own vocabulary.
    pub(crate) fn own(id: &str, meaning: &str) -> Self {
        Self::new(id, OWN, meaning)
    }

    /// A unit of UCUM.
    pub(crate) fn unit(unit: &str) -> Self {
        let meaning = if unit == "1" { "no units" } else { unit };
        Self::new(unit, "UCUM", meaning)
    }

    /// The item of a code sequence.
    pub(crate) fn item(&self) -> InMemDicomObject {
        let mut item = InMemDicomObject::new_empty();
        // a code of more than 16 characters goes where there is room for it
        if self.value.chars().count() <= 16 {
            put(&mut item, tags::CODE_VALUE, VR::SH, &self.value);
        } else {
            put(&mut item, tags::LONG_CODE_VALUE, VR::UC, &self.value);
        }
        put(&mut item, tags::CODING_SCHEME_DESIGNATOR, VR::SH, self.scheme);
        put(&mut item, tags::CODE_MEANING, VR::LO, &self.meaning);
        item
    }
}

/// A code as the name of a content item: highdicom (0.28) reads no names with a LongCodeValue, so that a longer id of the
/// own vocabulary is cut and told from its like by a checksum. The meaning has the whole name.
pub(crate) fn short(code: &Code) -> Code {
    if code.value.chars().count() <= 16 {
        return code.clone();
    }
    let sum = Sha256::digest(code.value.as_bytes());
    let head = code.value.chars().take(9).collect::<String>();
    let value = format!("{head}~{:02x}{:02x}{:02x}", sum[0], sum[1], sum[2]);
    Code { value, ..code.clone() }
}

/// What the kinds of lesions are in SNOMED CT: category and type of a segment (CID 7150, CID 7151).
pub(crate) fn kind_codes(kind: apatite_lesion::Kind) -> (Code, Code) {
    use apatite_lesion::Kind;
    let abnormal = || Code::sct("49755003", "Morphologically Abnormal Structure");
    match kind {
        Kind::Calcification => (abnormal(), Code::sct("18115005", "Pathologic calcification")),
        Kind::Vascular => (abnormal(), Code::sct("237897009", "Vascular Calcification")),
        Kind::BoneOrVariant => {
            (Code::sct("91723000", "Anatomical Structure"), Code::sct("272673000", "Bone"))
        }
        Kind::Metal => (Code::sct("260787004", "Physical object"), Code::sct("40388003", "Implant")),
        Kind::Contrast => {
            (Code::sct("260787004", "Physical object"), Code::sct("385420005", "Contrast media"))
        }
        Kind::Artefact => {
            (Code::sct("260787004", "Physical object"), Code::own("artefact", "Image artefact"))
        }
    }
}
