/*! The lesions as a segmentation (PS3.3 A.51, SegmentationType BINARY): one segment a lesion. */

use std::collections::{BTreeMap, BTreeSet};

use apatite_dicom::{Origin, OriginImage};
use apatite_knowledge::Language;
use apatite_text::Words;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use crate::code::{Code, kind_codes};
use crate::head::{
    PROGRAM, Purpose, frame_of_reference, head, put, put_items, put_short, put_tag, put_values, seal,
    series_uid, uid,
};
use crate::places::{Segment, segments, sources};
use crate::text::decimal;
use crate::{Measured, Object, ObjectError};

const PURPOSE: Purpose = Purpose {
    modality: "SEG",
    class_uid: uids::SEGMENTATION_STORAGE,
    description: "Apatite: lesions",
    number: 9001,
};

/// Writes the lesions as a segmentation on the grid they were measured on. Its labels are English, so that the reports
/// of one study in several languages refer to one and the same object.
///
/// # Errors
/// Where there is no lesion, or the object cannot be written.
pub fn segmentation(measured: &Measured<'_>, words: &Words<'_>) -> Result<Object, ObjectError> {
    let words = &Words { knowledge: words.knowledge, language: Language::En };
    let segments = segments(measured.analysis);
    if segments.is_empty() {
        return Err(ObjectError::NoLesion(PURPOSE.modality));
    }
    let labels = &measured.analysis.labels;
    let grid = &labels.geometry;
    let sources = sources(measured.origin, labels.size, grid);
    let (mut object, mut warnings) = head(measured, PURPOSE);
    let used = segments.iter().flat_map(|segment| segment.slices.iter().copied()).collect::<BTreeSet<_>>();
    let without = used.iter().filter(|&&slice| sources[slice].is_none()).count();
    if without > 0 {
        warnings.push(format!(
            "{without} of {} slices with lesions are resampled or have no SOPInstanceUID: their frames name no source image",
            used.len()
        ));
    }
    image(&mut object, labels.size);
    put(&mut object, tags::FRAME_OF_REFERENCE_UID, VR::UI, &frame_of_reference(measured.origin));
    let indicator = crate::head::repeated(measured.origin, tags::POSITION_REFERENCE_INDICATOR, VR::LO);
    put(&mut object, tags::POSITION_REFERENCE_INDICATOR, VR::LO, &indicator.unwrap_or_default());
    let items = segments.iter().map(|segment| described(segment, measured, words)).collect();
    put_items(&mut object, tags::SEGMENT_SEQUENCE, items);
    let referenced = used.iter().filter_map(|&slice| sources[slice]).collect::<Vec<_>>();
    if !referenced.is_empty() {
        put_items(
            &mut object,
            tags::REFERENCED_SERIES_SEQUENCE,
            vec![series_item(measured.origin, &referenced)],
        );
    }
    dimensions(&mut object, measured);
    put_items(&mut object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared(measured)]);
    let places =
        used.iter().enumerate().map(|(at, &slice)| (slice, at as u32 + 1)).collect::<BTreeMap<_, _>>();
    let mut frames = Vec::new();
    let mut bits = Bits::default();
    let plane = labels.size[0] * labels.size[1];
    for segment in &segments {
        for &slice in &segment.slices {
            let position = grid.patient_from_voxel([0.0, 0.0, slice as f64]);
            frames.push(frame(segment.number, places[&slice], position, sources[slice]));
            for &label in &labels.values[slice * plane..(slice + 1) * plane] {
                bits.push(label == segment.lesion.id);
            }
        }
    }
    put(&mut object, tags::NUMBER_OF_FRAMES, VR::IS, &frames.len().to_string());
    put_items(&mut object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bits.finish().into())));
    seal(object, PURPOSE, warnings)
}

/// Modules of the image: general, pixels, segmentation.
fn image(object: &mut InMemDicomObject, size: [usize; 3]) {
    put_values(object, tags::IMAGE_TYPE, VR::CS, &["DERIVED".to_owned(), "PRIMARY".to_owned()]);
    put(object, tags::CONTENT_LABEL, VR::CS, "LESIONS");
    put(object, tags::CONTENT_DESCRIPTION, VR::LO, "Lesions found by Apatite");
    put(object, tags::CONTENT_CREATOR_NAME, VR::PN, PROGRAM);
    put(object, tags::SEGMENTATION_TYPE, VR::CS, "BINARY");
    put(object, tags::SEGMENTS_OVERLAP, VR::CS, "NO");
    put(object, tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    put(object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    put_short(object, tags::SAMPLES_PER_PIXEL, 1);
    put_short(object, tags::ROWS, size[1] as u16);
    put_short(object, tags::COLUMNS, size[0] as u16);
    put_short(object, tags::BITS_ALLOCATED, 1);
    put_short(object, tags::BITS_STORED, 1);
    put_short(object, tags::HIGH_BIT, 0);
    put_short(object, tags::PIXEL_REPRESENTATION, 0);
}

fn described(segment: &Segment<'_>, measured: &Measured<'_>, words: &Words<'_>) -> InMemDicomObject {
    let lesion = segment.lesion;
    let (category, kind) = kind_codes(lesion.kind);
    let label =
        words.text("exchange-lesion", &[("id", &lesion.id.to_string()), ("kind", &words.kind(lesion.kind))]);
    let mut item = InMemDicomObject::new_empty();
    put_short(&mut item, tags::SEGMENT_NUMBER, segment.number);
    put(&mut item, tags::SEGMENT_LABEL, VR::LO, &label);
    put(&mut item, tags::SEGMENT_DESCRIPTION, VR::ST, &format!("{label}: {}", lesion.decided_by));
    put(&mut item, tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "AUTOMATIC");
    put(&mut item, tags::SEGMENT_ALGORITHM_NAME, VR::LO, PROGRAM);
    put_items(&mut item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, vec![category.item()]);
    put_items(&mut item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, vec![kind.item()]);
    let mut algorithm = InMemDicomObject::new_empty();
    // thresholds and connected components, CID 7162
    let family = Code::dcm("123101", "Neighborhood Analysis");
    put_items(&mut algorithm, tags::ALGORITHM_FAMILY_CODE_SEQUENCE, vec![family.item()]);
    put(&mut algorithm, tags::ALGORITHM_NAME, VR::LO, PROGRAM);
    put(&mut algorithm, tags::ALGORITHM_VERSION, VR::LO, measured.version);
    put_items(&mut item, tags::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE, vec![algorithm]);
    let colour = cielab(COLOURS[(segment.number as usize - 1) % COLOURS.len()]);
    item.put(DataElement::new(
        tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE,
        VR::US,
        PrimitiveValue::U16(colour.to_vec().into()),
    ));
    put(&mut item, tags::TRACKING_ID, VR::UT, &tracking_id(segment));
    put(&mut item, tags::TRACKING_UID, VR::UI, &tracking_uid(measured, segment));
    item
}

/// TrackingID of a lesion.
pub(crate) fn tracking_id(segment: &Segment<'_>) -> String {
    format!("Lesion {}", segment.lesion.id)
}

/// TrackingUID of a lesion: the same in SEG and SR.
pub(crate) fn tracking_uid(measured: &Measured<'_>, segment: &Segment<'_>) -> String {
    let lesion = segment.lesion;
    uid(&["lesion", &series_uid(measured.origin), &format!("{} {:?}", lesion.id, lesion.centre_mm)])
}

/// A series with the images that are referred to.
pub(crate) fn series_item(origin: &Origin, images: &[&OriginImage]) -> InMemDicomObject {
    let mut series = InMemDicomObject::new_empty();
    put(&mut series, tags::SERIES_INSTANCE_UID, VR::UI, &series_uid(origin));
    put_items(&mut series, tags::REFERENCED_INSTANCE_SEQUENCE, instances(images));
    series
}

/// Items that name images, each object once.
pub(crate) fn instances(images: &[&OriginImage]) -> Vec<InMemDicomObject> {
    let mut seen = BTreeSet::new();
    images.iter().filter(|image| seen.insert(&image.instance_uid)).map(|image| instance(image)).collect()
}

fn instance(image: &OriginImage) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    put(&mut item, tags::REFERENCED_SOP_CLASS_UID, VR::UI, &image.class_uid);
    put(&mut item, tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &image.instance_uid);
    item
}

/// Frames are ordered by segment, then by position.
fn dimensions(object: &mut InMemDicomObject, measured: &Measured<'_>) {
    let organisation = uid(&["dimensions", &series_uid(measured.origin)]);
    let mut item = InMemDicomObject::new_empty();
    put(&mut item, tags::DIMENSION_ORGANIZATION_UID, VR::UI, &organisation);
    put_items(object, tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![item]);
    let index = |pointer, group, label: &str| {
        let mut item = InMemDicomObject::new_empty();
        put(&mut item, tags::DIMENSION_ORGANIZATION_UID, VR::UI, &organisation);
        put_tag(&mut item, tags::DIMENSION_INDEX_POINTER, pointer);
        put_tag(&mut item, tags::FUNCTIONAL_GROUP_POINTER, group);
        put(&mut item, tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, label);
        item
    };
    let indices = vec![
        index(tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment"),
        index(tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE, "Position"),
    ];
    put_items(object, tags::DIMENSION_INDEX_SEQUENCE, indices);
}

fn shared(measured: &Measured<'_>) -> InMemDicomObject {
    let grid = &measured.analysis.labels.geometry;
    let spacing = grid.spacing_mm();
    let mut pixels = InMemDicomObject::new_empty();
    put(&mut pixels, tags::SLICE_THICKNESS, VR::DS, &decimal(spacing[2]));
    put(&mut pixels, tags::SPACING_BETWEEN_SLICES, VR::DS, &decimal(spacing[2]));
    // the distance between rows comes first
    let between = [decimal(spacing[1]), decimal(spacing[0])];
    put_values(&mut pixels, tags::PIXEL_SPACING, VR::DS, &between);
    let mut orientation = InMemDicomObject::new_empty();
    let cosines =
        [0, 1].into_iter().flat_map(|step: usize| grid.steps_mm[step].map(|mm| decimal(mm / spacing[step])));
    put_values(&mut orientation, tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &cosines.collect::<Vec<_>>());
    let mut groups = InMemDicomObject::new_empty();
    put_items(&mut groups, tags::PIXEL_MEASURES_SEQUENCE, vec![pixels]);
    put_items(&mut groups, tags::PLANE_ORIENTATION_SEQUENCE, vec![orientation]);
    groups
}

fn frame(segment: u16, place: u32, position_mm: [f64; 3], source: Option<&OriginImage>) -> InMemDicomObject {
    let mut content = InMemDicomObject::new_empty();
    content.put(DataElement::new(
        tags::DIMENSION_INDEX_VALUES,
        VR::UL,
        PrimitiveValue::U32(vec![u32::from(segment), place].into()),
    ));
    let mut position = InMemDicomObject::new_empty();
    put_values(&mut position, tags::IMAGE_POSITION_PATIENT, VR::DS, &position_mm.map(decimal));
    let mut identification = InMemDicomObject::new_empty();
    put_short(&mut identification, tags::REFERENCED_SEGMENT_NUMBER, segment);
    let mut groups = InMemDicomObject::new_empty();
    put_items(&mut groups, tags::FRAME_CONTENT_SEQUENCE, vec![content]);
    put_items(&mut groups, tags::PLANE_POSITION_SEQUENCE, vec![position]);
    put_items(&mut groups, tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![identification]);
    let mut derivation = InMemDicomObject::new_empty();
    let mut images = Vec::new();
    if let Some(source) = source {
        let mut image = instance(source);
        if let Some(frame) = source.frame {
            put(&mut image, tags::REFERENCED_FRAME_NUMBER, VR::IS, &frame.to_string());
        }
        let purpose = Code::dcm("121322", "Source image for image processing operation");
        put_items(&mut image, tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, vec![purpose.item()]);
        put(&mut image, tags::SPATIAL_LOCATIONS_PRESERVED, VR::CS, "YES");
        images.push(image);
    }
    put_items(
        &mut derivation,
        tags::DERIVATION_CODE_SEQUENCE,
        vec![Code::dcm("113076", "Segmentation").item()],
    );
    put_items(&mut derivation, tags::SOURCE_IMAGE_SEQUENCE, images);
    put_items(
        &mut groups,
        tags::DERIVATION_IMAGE_SEQUENCE,
        if source.is_some() { vec![derivation] } else { Vec::new() },
    );
    groups
}

/// Bits of binary frames, one behind another without padding, lowest bit first (PS3.5 8.1.1).
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.count.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let (true, Some(last)) = (bit, self.bytes.last_mut()) {
            *last |= 1 << (self.count % 8);
        }
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        if self.bytes.len() % 2 == 1 {
            self.bytes.push(0);
        }
        self.bytes
    }
}

/// Colours that the colour-blind tell apart, sRGB (Okabe and Ito, without black).
pub(crate) const COLOURS: [[u8; 3]; 7] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
];

/// sRGB as the CIELab of PS3.3 C.10.7.1.1: PCS-values, white D50, 0 to 65535.
fn cielab(rgb: [u8; 3]) -> [u16; 3] {
    let linear = rgb.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    // sRGB to XYZ, adapted to D50 by Bradford (ICC sRGB profile)
    let xyz = [
        0.436_074_7 * linear[0] + 0.385_064_9 * linear[1] + 0.143_080_4 * linear[2],
        0.222_504_5 * linear[0] + 0.716_878_6 * linear[1] + 0.060_616_9 * linear[2],
        0.013_932_2 * linear[0] + 0.097_104_5 * linear[1] + 0.714_173_3 * linear[2],
    ];
    let white = [0.964_22, 1.0, 0.825_21];
    let f = |t: f64| if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 };
    let [x, y, z] = [f(xyz[0] / white[0]), f(xyz[1] / white[1]), f(xyz[2] / white[2])];
    let [l, a, b] = [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)];
    let scaled = |value: f64, low: f64, range: f64| {
        ((value - low) / range * 65_535.0).round().clamp(0.0, 65_535.0) as u16
    };
    [scaled(l, 0.0, 100.0), scaled(a, -128.0, 255.0), scaled(b, -128.0, 255.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_published_tables() {
        // L*, a*, b* under D50 as tables of sRGB give them
        let check = |rgb, expected: [f64; 3]| {
            let [l, a, b] = cielab(rgb).map(f64::from);
            let lab = [l / 655.35, a / 257.0 - 128.0, b / 257.0 - 128.0];
            for (got, expected) in lab.iter().zip(expected) {
                assert!((got - expected).abs() < 0.15, "{rgb:?} {lab:?}");
            }
        };
        check([255, 255, 255], [100.0, 0.0, 0.0]);
        check([0, 0, 0], [0.0, 0.0, 0.0]);
        check([255, 0, 0], [54.29, 80.81, 69.89]);
        check([0, 0, 255], [29.57, 68.30, -112.03]);
    }

    #[test]
    fn bits_run_on_over_frames() {
        let mut bits = Bits::default();
        for bit in [true, false, false, true, false, false, false, false, true, true] {
            bits.push(bit);
        }
        assert_eq!(bits.finish(), [0b0000_1001, 0b11]);
    }
}
