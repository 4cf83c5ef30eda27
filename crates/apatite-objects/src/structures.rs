/*! The lesions as a structure set (PS3.3 A.19): one ROI a lesion, closed planar contours. */

use apatite_text::Words;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use crate::contours::outlines;
use crate::head::{
    Purpose, content_moment, frame_of_reference, head, put, put_items, put_values, seal, study_uid,
};
use crate::places::{segments, sources};
use crate::segmentation::{COLOURS, instances, series_item};
use crate::text::decimal;
use crate::{Measured, Object, ObjectError};

const PURPOSE: Purpose = Purpose {
    modality: "RTSTRUCT",
    class_uid: uids::RT_STRUCTURE_SET_STORAGE,
    description: "Apatite: contours of lesions",
    number: 9003,
};

/// Writes the lesions as contours on the slices they were measured on. A hole is a contour of its own inside the outer
/// one, to be read by the rule of even and odd.
///
/// # Errors
/// Where there is no lesion, or the object cannot be written.
pub fn structures(measured: &Measured<'_>, words: &Words<'_>) -> Result<Object, ObjectError> {
    let segments = segments(measured.analysis);
    if segments.is_empty() {
        return Err(ObjectError::NoLesion(PURPOSE.modality));
    }
    let labels = &measured.analysis.labels;
    let [columns, rows, _] = labels.size;
    let sources = sources(measured.origin, labels.size, &labels.geometry);
    let (mut object, warnings) = head(measured, PURPOSE);
    object.remove_element(tags::CONTENT_DATE);
    object.remove_element(tags::CONTENT_TIME);
    put(&mut object, tags::STRUCTURE_SET_LABEL, VR::SH, "Apatite lesions");
    let [date, time] = content_moment(measured.origin);
    put(&mut object, tags::STRUCTURE_SET_DATE, VR::DA, &date);
    put(&mut object, tags::STRUCTURE_SET_TIME, VR::TM, &time);
    put(&mut object, tags::OPERATORS_NAME, VR::PN, "");
    put(&mut object, tags::APPROVAL_STATUS, VR::CS, "UNAPPROVED");
    let frame = frame_of_reference(measured.origin);
    put(&mut object, tags::FRAME_OF_REFERENCE_UID, VR::UI, &frame);
    put(&mut object, tags::POSITION_REFERENCE_INDICATOR, VR::LO, "");
    put_items(&mut object, tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE, vec![reference(measured, &frame)]);

    let (mut rois, mut contours, mut observations) = (Vec::new(), Vec::new(), Vec::new());
    for segment in &segments {
        let lesion = segment.lesion;
        let number = segment.number.to_string();
        let name = words
            .text("exchange-lesion", &[("id", &lesion.id.to_string()), ("kind", &words.kind(lesion.kind))]);
        let mut roi = InMemDicomObject::new_empty();
        put(&mut roi, tags::ROI_NUMBER, VR::IS, &number);
        put(&mut roi, tags::REFERENCED_FRAME_OF_REFERENCE_UID, VR::UI, &frame);
        put(&mut roi, tags::ROI_NAME, VR::LO, &name);
        put(&mut roi, tags::ROI_DESCRIPTION, VR::ST, &words.measured(&lesion.decided_from));
        put(&mut roi, tags::ROI_GENERATION_ALGORITHM, VR::CS, "AUTOMATIC");
        rois.push(roi);

        let mut items = Vec::new();
        for &slice in &segment.slices {
            let start = slice * columns * rows;
            let is_set =
                |column: usize, row: usize| labels.values[start + row * columns + column] == lesion.id;
            for outline in outlines(columns, rows, is_set) {
                let mut contour = InMemDicomObject::new_empty();
                if let Some(source) = sources[slice] {
                    put_items(&mut contour, tags::CONTOUR_IMAGE_SEQUENCE, instances(&[source]));
                }
                put(&mut contour, tags::CONTOUR_GEOMETRIC_TYPE, VR::CS, "CLOSED_PLANAR");
                put(&mut contour, tags::NUMBER_OF_CONTOUR_POINTS, VR::IS, &outline.len().to_string());
                let points = outline
                    .iter()
                    .flat_map(|[column, row]| {
                        labels.geometry.patient_from_voxel([*column, *row, slice as f64]).map(decimal)
                    })
                    .collect::<Vec<_>>();
                put_values(&mut contour, tags::CONTOUR_DATA, VR::DS, &points);
                items.push(contour);
            }
        }
        let mut contour = InMemDicomObject::new_empty();
        let colour = COLOURS[(usize::from(segment.number) - 1) % COLOURS.len()];
        let colour = colour.map(|value| value.to_string());
        contour.put(DataElement::new(
            tags::ROI_DISPLAY_COLOR,
            VR::IS,
            PrimitiveValue::Strs(colour.to_vec().into()),
        ));
        put_items(&mut contour, tags::CONTOUR_SEQUENCE, items);
        put(&mut contour, tags::REFERENCED_ROI_NUMBER, VR::IS, &number);
        contours.push(contour);

        let mut observation = InMemDicomObject::new_empty();
        put(&mut observation, tags::OBSERVATION_NUMBER, VR::IS, &number);
        put(&mut observation, tags::REFERENCED_ROI_NUMBER, VR::IS, &number);
        put(&mut observation, tags::RTROI_INTERPRETED_TYPE, VR::CS, "");
        put(&mut observation, tags::ROI_INTERPRETER, VR::PN, "");
        observations.push(observation);
    }
    put_items(&mut object, tags::STRUCTURE_SET_ROI_SEQUENCE, rois);
    put_items(&mut object, tags::ROI_CONTOUR_SEQUENCE, contours);
    put_items(&mut object, tags::RTROI_OBSERVATIONS_SEQUENCE, observations);
    seal(object, PURPOSE, warnings)
}

/// The frame of reference with the study and the series the contours were drawn on.
fn reference(measured: &Measured<'_>, frame: &str) -> InMemDicomObject {
    let origin = measured.origin;
    let images = origin.images.iter().filter(|image| !image.instance_uid.is_empty()).collect::<Vec<_>>();
    let mut item = InMemDicomObject::new_empty();
    put(&mut item, tags::FRAME_OF_REFERENCE_UID, VR::UI, frame);
    if images.is_empty() {
        return item;
    }
    let mut series = series_item(origin, &images);
    if let Some(instances) = series
        .take_element(tags::REFERENCED_INSTANCE_SEQUENCE)
        .ok()
        .and_then(|element| element.into_value().into_items())
    {
        put_items(&mut series, tags::CONTOUR_IMAGE_SEQUENCE, instances.into_vec());
    }
    let mut study = InMemDicomObject::new_empty();
    // Detached Study Management, retired, and still what the attribute holds
    put(&mut study, tags::REFERENCED_SOP_CLASS_UID, VR::UI, "1.2.840.10008.3.1.2.3.1");
    put(&mut study, tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &study_uid(origin));
    put_items(&mut study, tags::RT_REFERENCED_SERIES_SEQUENCE, vec![series]);
    put_items(&mut item, tags::RT_REFERENCED_STUDY_SEQUENCE, vec![study]);
    item
}
