/*!
What an object made from a series must repeat of it: whose it is, of which study, and which images it was made from.
*/

use apatite_volume::Geometry;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::ReadError;
use crate::dataset::Dataset;
use crate::header::{self, ImageFile};
use crate::series::{Content, Series, SliceRef};

/// Identity of a series of DICOM images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// SpecificCharacterSet of [`Origin::elements`], as written; empty for the default repertoire.
    pub character_set: String,
    /// Attributes of the patient, study and frame of reference that the first file has, in the order of their tags:
    /// the bytes of the value as written, still with its padding.
    pub elements: Vec<(Tag, Vec<u8>)>,
    /// StudyInstanceUID; may be empty.
    pub study_uid: String,
    /// SeriesInstanceUID; may be empty.
    pub series_uid: String,
    /// FrameOfReferenceUID; may be empty.
    pub frame_of_reference: String,
    /// Modality.
    pub modality: String,
    /// The images, slices in ascending height along the normal.
    pub images: Vec<OriginImage>,
}

/// One image of a series, or one frame of it.
#[derive(Clone, Debug, PartialEq)]
pub struct OriginImage {
    /// SOPClassUID.
    pub class_uid: String,
    /// SOPInstanceUID; may be empty.
    pub instance_uid: String,
    /// Number of the frame, from 1; none where the object is a single image.
    pub frame: Option<usize>,
    /// Columns and rows.
    pub size: [usize; 2],
    /// Place of its pixels: steps along columns and rows and the normal (of unit length), LPS mm; none where the file
    /// does not say.
    pub plane: Option<Geometry>,
}

/// Attributes of the patient (PS3.3 C.7.1.1), the study (C.7.2.1, C.7.2.2) and the frame of reference (C.7.4.1) that
/// are one text each.
const REPEATED: [Tag; 26] = [
    tags::STUDY_DATE,
    tags::SERIES_DATE,
    tags::STUDY_TIME,
    tags::SERIES_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::STUDY_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::TYPE_OF_PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_BIRTH_TIME,
    tags::PATIENT_SEX,
    tags::OTHER_PATIENT_NAMES,
    tags::PATIENT_AGE,
    tags::PATIENT_SIZE,
    tags::PATIENT_WEIGHT,
    tags::PATIENT_COMMENTS,
    tags::PATIENT_IDENTITY_REMOVED,
    tags::DEIDENTIFICATION_METHOD,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_ID,
    tags::FRAME_OF_REFERENCE_UID,
    tags::POSITION_REFERENCE_INDICATOR,
];

impl Origin {
    /// PatientID, PatientBirthDate and PatientSex, without padding; empty where they are not given.
    #[must_use]
    pub fn patient(&self) -> [String; 3] {
        [tags::PATIENT_ID, tags::PATIENT_BIRTH_DATE, tags::PATIENT_SEX].map(|wanted| {
            let value = self.elements.iter().find(|(tag, _)| *tag == wanted);
            let text = value.map(|(_, bytes)| String::from_utf8_lossy(bytes)).unwrap_or_default();
            text.trim_matches(['\0', ' ']).to_owned()
        })
    }
}

impl Series {
    /// Reads what an object made from this series must repeat of it. None for NIfTI, which has no patient and no UIDs.
    ///
    /// # Errors
    ///
    /// Where the first file of the series can no longer be read.
    pub fn origin(&self) -> Result<Option<Origin>, ReadError> {
        let (Content::Stack(slices) | Content::Pictures(slices)) = self.content() else { return Ok(None) };
        let Some(first) = slices.first() else { return Ok(None) };
        let file = &first.file;
        let problem = |problem: String| ReadError::File { file: file.entry.name(), problem };
        let open = header::open(&file.entry).map_err(|reason| problem(reason.to_string()))?;
        let dataset = Dataset::parse(&open.bytes, open.start, open.bytes.len(), open.encoding);
        let elements = REPEATED.iter().filter_map(|&tag| Some((tag, dataset.bytes(tag)?.to_vec()))).collect();
        Ok(Some(Origin {
            character_set: dataset.text(tags::SPECIFIC_CHARACTER_SET),
            elements,
            study_uid: self.study_uid.clone(),
            series_uid: self.uid.clone(),
            frame_of_reference: self.frame_of_reference.clone(),
            modality: self.modality.clone(),
            images: slices.iter().map(image).collect(),
        }))
    }
}

fn image(slice: &SliceRef) -> OriginImage {
    let ImageFile { info, format, frames, .. } = &*slice.file;
    let plane = slice.plane.map(|plane| Geometry {
        origin_mm: plane.position_mm,
        steps_mm: [
            plane.row_direction.map(|value| value * plane.spacing_mm[0]),
            plane.column_direction.map(|value| value * plane.spacing_mm[1]),
            header::cross(plane.row_direction, plane.column_direction),
        ],
    });
    OriginImage {
        class_uid: info.sop_class.clone(),
        instance_uid: info.sop_uid.clone(),
        frame: (frames.len() > 1).then_some(slice.frame + 1),
        size: [format.columns, format.rows],
        plane,
    }
}
