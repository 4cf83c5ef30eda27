/*! A phantom as a series of CT images (PS3.3, A.3), one file a slice, Explicit VR Little Endian. */

use std::path::Path;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use rayon::prelude::*;

use crate::draw::Draw;
use crate::visit::study_date;
use crate::{Phantom, PhantomError};

/// Stored value of 0 HU: the usual offset, so that the range of 12 bits is -1024 to 3071 HU.
const INTERCEPT: i32 = -1024;

/// Writes `0001.dcm` and so on into an existing folder, numbered in the order of the scan.
pub(crate) fn write_series(phantom: &Phantom, folder: &Path) -> Result<(), PhantomError> {
    let slices = phantom.volume.size[2];
    (0..slices).into_par_iter().try_for_each(|slice| {
        // feet first, the feet are scanned first
        let number = if phantom.position.head_first() { slices - slice } else { slice + 1 };
        let path = folder.join(format!("{number:04}.dcm"));
        let failed = |reason: String| PhantomError::Dicom { path: path.clone(), reason };
        let object = image(phantom, slice, number);
        let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let file = object.with_meta(meta).map_err(|error| failed(error.to_string()))?;
        file.write_to_file(&path).map_err(|error| failed(error.to_string()))
    })
}

/// UIDs of study, series, frame of reference and images: the 2.25 root of PS3.5 B.2 with bits of the seed.
fn uid(phantom: &Phantom, part: &str) -> String {
    let [columns, rows, slices] = phantom.volume.size;
    let spacing = phantom.volume.geometry.spacing_mm();
    let purpose = format!(
        "{part} {} {} {columns}x{rows}x{slices} {spacing:?} {}",
        phantom.pattern.id, phantom.position, phantom.noise_hu
    );
    let visit = phantom.visit.map_or(String::new(), |visit| format!(" {visit:?}"));
    let mut draw = Draw::new(phantom.seed, &(purpose + &visit));
    let bits = (u128::from(draw.bits()) << 64) | u128::from(draw.bits());
    // version 4 and variant of a UUID
    let uuid =
        (bits & !(0xF000_u128 << 64) & !(0xC000_u128 << 48)) | (0x4000_u128 << 64) | (0x8000_u128 << 48);
    format!("2.25.{uuid}")
}

fn image(phantom: &Phantom, slice: usize, number: usize) -> InMemDicomObject {
    let volume = &phantom.volume;
    let [columns, rows, _] = volume.size;
    let spacing = volume.geometry.spacing_mm();
    let mut object = InMemDicomObject::new_empty();
    let mut text = |tag, vr, value: &str| {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    };
    text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100");
    text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL");
    text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
    text(tags::SOP_INSTANCE_UID, VR::UI, &uid(phantom, &format!("image {slice}")));
    text(tags::STUDY_INSTANCE_UID, VR::UI, &uid(phantom, "study"));
    text(tags::SERIES_INSTANCE_UID, VR::UI, &uid(phantom, "series"));
    text(tags::FRAME_OF_REFERENCE_UID, VR::UI, &uid(phantom, "frame of reference"));
    let date = study_date(phantom.visit.map_or(0, |visit| visit.weeks));
    text(tags::STUDY_DATE, VR::DA, &date);
    text(tags::SERIES_DATE, VR::DA, &date);
    text(tags::STUDY_TIME, VR::TM, "120000");
    text(tags::SERIES_TIME, VR::TM, "120000");
    text(tags::ACCESSION_NUMBER, VR::SH, "");
    text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "");
    text(tags::MODALITY, VR::CS, "CT");
    text(tags::MANUFACTURER, VR::LO, "Apatite");
    text(tags::MANUFACTURER_MODEL_NAME, VR::LO, "phantom");
    text(tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION"));
    text(tags::STUDY_DESCRIPTION, VR::LO, "CT phantom");
    text(tags::SERIES_DESCRIPTION, VR::LO, &format!("{} {:.1} mm", volume.acquisition.kernel, spacing[2]));
    text(
        tags::PATIENT_NAME,
        VR::PN,
        &format!("PHANTOM^{}", phantom.pattern.id.to_uppercase().replace('_', "-")),
    );
    text(tags::PATIENT_ID, VR::LO, &format!("PHANTOM-{}", phantom.seed));
    text(tags::PATIENT_BIRTH_DATE, VR::DA, "");
    text(tags::PATIENT_SEX, VR::CS, if phantom.case.sex == "female" { "F" } else { "M" });
    text(tags::PATIENT_AGE, VR::AS, &format!("{:03.0}Y", phantom.case.age_years));
    text(tags::BODY_PART_EXAMINED, VR::CS, &volume.acquisition.body_part);
    text(tags::PATIENT_POSITION, VR::CS, phantom.position.term());
    text(tags::SLICE_THICKNESS, VR::DS, &decimal(spacing[2]));
    text(tags::SPACING_BETWEEN_SLICES, VR::DS, &decimal(spacing[2]));
    text(tags::KVP, VR::DS, "120");
    text(tags::CONVOLUTION_KERNEL, VR::SH, &volume.acquisition.kernel);
    text(tags::GANTRY_DETECTOR_TILT, VR::DS, "0");
    text(tags::STUDY_ID, VR::SH, "1");
    text(tags::SERIES_NUMBER, VR::IS, "2");
    text(tags::ACQUISITION_NUMBER, VR::IS, "1");
    text(tags::INSTANCE_NUMBER, VR::IS, &number.to_string());
    text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "");
    let position = volume.geometry.patient_from_voxel([0.0, 0.0, slice as f64]);
    text(tags::IMAGE_POSITION_PATIENT, VR::DS, &position.map(decimal).join("\\"));
    let orientation: Vec<String> = [0, 1]
        .into_iter()
        .flat_map(|axis: usize| volume.geometry.steps_mm[axis].map(|value| decimal(value / spacing[axis])))
        .collect();
    text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &orientation.join("\\"));
    text(tags::SLICE_LOCATION, VR::DS, &decimal(position[2]));
    // rows first: distance between rows, then between columns
    text(tags::PIXEL_SPACING, VR::DS, &format!("{}\\{}", decimal(spacing[1]), decimal(spacing[0])));
    text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    text(tags::RESCALE_INTERCEPT, VR::DS, &INTERCEPT.to_string());
    text(tags::RESCALE_SLOPE, VR::DS, "1");
    text(tags::RESCALE_TYPE, VR::LO, "HU");
    text(tags::WINDOW_CENTER, VR::DS, "300");
    text(tags::WINDOW_WIDTH, VR::DS, "1500");
    let mut short = |tag, value: u16| {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    };
    short(tags::SAMPLES_PER_PIXEL, 1);
    short(tags::ROWS, rows as u16);
    short(tags::COLUMNS, columns as u16);
    short(tags::BITS_ALLOCATED, 16);
    short(tags::BITS_STORED, 12);
    short(tags::HIGH_BIT, 11);
    short(tags::PIXEL_REPRESENTATION, 0);
    let plane = columns * rows;
    let stored: Vec<u16> = volume.values[slice * plane..(slice + 1) * plane]
        .iter()
        .map(|&hu| (i32::from(hu) - INTERCEPT).clamp(0, 4095) as u16)
        .collect();
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(stored.into())));
    object
}

/// A decimal string of at most 16 characters, to a ten-thousandth of a millimetre.
fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
