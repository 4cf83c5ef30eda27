/*!
What a file says of its images: read from its first bytes, without its pixels.
*/

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use crate::Reason;
use crate::dataset::{Dataset, EXPLICIT_LITTLE, Encoding, IMPLICIT_LITTLE, PixelPlace, Stop, sniff};
use crate::entry::{Entry, MAX_UNPACKED};
use crate::pixel::PixelFormat;
use crate::syntax::{Codec, Syntax};

/// First read: most headers fit.
const HEAD: usize = 1 << 16;

/// What a file turned out to be.
pub(crate) enum Found {
    Image(Box<ImageFile>),
    /// Files referenced by a DICOMDIR, as path components.
    Directory(Vec<Vec<String>>),
    Nifti(Entry),
    Zip,
    Left(Reason),
}

/// A file of one or more frames.
#[derive(Clone, Debug)]
pub(crate) struct ImageFile {
    pub(crate) entry: Entry,
    pub(crate) syntax: Syntax,
    pub(crate) format: PixelFormat,
    pub(crate) place: PixelPlace,
    pub(crate) info: Info,
    pub(crate) frames: Vec<FrameInfo>,
    /// Departures from the standard that were read over.
    pub(crate) deviations: Vec<String>,
}

/// What is said once a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Info {
    pub(crate) sop_class: String,
    pub(crate) sop_uid: String,
    pub(crate) study_uid: String,
    pub(crate) series_uid: String,
    pub(crate) frame_of_reference: String,
    pub(crate) series_number: Option<i64>,
    pub(crate) description: String,
    pub(crate) modality: String,
    pub(crate) image_type: String,
    pub(crate) study_date: String,
    pub(crate) body_part: String,
    pub(crate) kernel: String,
    pub(crate) contrast: Option<bool>,
    pub(crate) tube_voltage_kv: Option<f64>,
    pub(crate) patient_position: String,
    pub(crate) instance_number: i64,
}

/// What is said once a frame.
#[derive(Clone, Debug)]
pub(crate) struct FrameInfo {
    /// Position and orientation; none where the file does not place the frame.
    pub(crate) plane: Option<Plane>,
    pub(crate) slice_thickness_mm: Option<f64>,
    pub(crate) rescale: Option<(f64, f64)>,
    /// What may tell time points of one series apart, in the order of preference.
    pub(crate) times: [String; 5],
}

/// Where a frame lies, DICOM's attributes as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plane {
    /// ImagePositionPatient, LPS mm.
    pub(crate) position_mm: [f64; 3],
    /// ImageOrientationPatient: direction of increasing column index.
    pub(crate) row_direction: [f64; 3],
    /// ImageOrientationPatient: direction of increasing row index.
    pub(crate) column_direction: [f64; 3],
    /// PixelSpacing turned about: distance between columns, distance between rows, mm.
    pub(crate) spacing_mm: [f64; 2],
}

/// Names of [`FrameInfo::times`].
pub(crate) const TIME_NAMES: [&str; 5] = [
    "TemporalPositionIdentifier",
    "AcquisitionNumber",
    "EchoNumbers",
    "TriggerTime or cardiac phase",
    "AcquisitionDate and AcquisitionTime",
];

/// Modalities whose frames are slices in space.
pub(crate) const SLICED: [&str; 4] = ["CT", "MR", "PT", "NM"];

const PICTURES: [&str; 12] = ["CR", "DX", "RF", "XA", "MG", "US", "PX", "IO", "RG", "XC", "GM", "OP"];

/// A whole data set in memory: the bytes, where it begins, how it is written.
pub(crate) struct Open {
    pub(crate) bytes: Vec<u8>,
    pub(crate) start: usize,
    pub(crate) encoding: Encoding,
    pub(crate) syntax: Syntax,
    pub(crate) deviations: Vec<String>,
}

/// Finds out what a file is and reads its header.
pub(crate) fn inspect(entry: &Entry) -> Found {
    let (head, all) = match entry.head(HEAD) {
        Ok(read) => read,
        Err(error) => return Found::Left(Reason::Damaged(error.to_string())),
    };
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Found::Zip;
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        let unpacked = entry.gunzipped();
        return if unpacked == *entry { Found::Left(Reason::NotAnImage) } else { inspect(&unpacked) };
    }
    if crate::nifti::is_nifti(&head) {
        return Found::Nifti(entry.clone());
    }
    match image(entry, head, all) {
        Ok(found) => found,
        Err(reason) => Found::Left(reason),
    }
}

/// Reads all bytes of a file and places its data set.
pub(crate) fn open(entry: &Entry) -> Result<Open, Reason> {
    let bytes = entry.all().map_err(|error| Reason::Damaged(error.to_string()))?;
    place(bytes)
}

/// Finds the data set in the bytes of a file: behind the meta group, inflated where it is deflated.
pub(crate) fn place(bytes: Vec<u8>) -> Result<Open, Reason> {
    let mut deviations = Vec::new();
    let magic = bytes.get(128..132) == Some(b"DICM");
    let begin = if magic {
        132
    } else if bytes.starts_with(b"DICM") {
        4
    } else {
        0
    };
    let Some(sniffed) = sniff(bytes.get(begin..).unwrap_or_default()) else {
        return Err(if magic {
            Reason::Damaged("no data set behind the preamble".into())
        } else {
            Reason::NotAnImage
        });
    };
    if !magic {
        deviations.push("no preamble".to_owned());
    }
    let (meta, start) = meta_group(&bytes, begin);
    let uid = meta.text(tags::TRANSFER_SYNTAX_UID);
    let mut syntax = Syntax::of(&uid);
    if syntax.deflated {
        let mut inflated = Vec::new();
        let mut reader = std::io::Read::take(
            flate2::read::DeflateDecoder::new(bytes.get(start..).unwrap_or_default()),
            MAX_UNPACKED,
        );
        if let Err(error) = std::io::Read::read_to_end(&mut reader, &mut inflated) {
            if inflated.is_empty() {
                return Err(Reason::Damaged(format!("deflated data set: {error}")));
            }
            deviations.push(format!("deflated data set ends early: {error}"));
        }
        return Ok(Open { bytes: inflated, start: 0, encoding: EXPLICIT_LITTLE, syntax, deviations });
    }
    let mut encoding = syntax.encoding;
    // what the first element shows counts for more than what the meta group says
    let shown = if start == begin { Some(sniffed) } else { sniff(bytes.get(start..).unwrap_or_default()) };
    if let Some(shown) = shown {
        if uid.is_empty() {
            deviations.push("no TransferSyntaxUID: told from the first element".to_owned());
            encoding = shown;
            syntax = Syntax::of(match shown {
                IMPLICIT_LITTLE => uids::IMPLICIT_VR_LITTLE_ENDIAN,
                EXPLICIT_LITTLE => uids::EXPLICIT_VR_LITTLE_ENDIAN,
                _ => "1.2.840.10008.1.2.2",
            });
        } else if shown != encoding {
            deviations.push("data set is not written as its TransferSyntaxUID says".to_owned());
            if let Codec::Native { big_endian } = &mut syntax.codec {
                *big_endian = shown.big_endian;
            }
            encoding = shown;
        }
    }
    Ok(Open { bytes, start, encoding, syntax, deviations })
}

/// The file meta information (PS3.10 section 7.1), always explicit little endian, and where it ends.
fn meta_group(bytes: &[u8], begin: usize) -> (Dataset<'_>, usize) {
    // it ends with the first element of another group, whatever its group length says
    let mut end = begin;
    while let Some(head) = bytes.get(end..).filter(|rest| rest.len() >= 8 && rest[..2] == [2, 0]) {
        let (length, start) =
            if matches!(&head[4..6], b"OB" | b"UN" | b"OW" | b"UT" | b"SQ") && head.len() >= 12 {
                (crate::dataset::u32_of(&head[8..], false) as usize, 12)
            } else if head[4].is_ascii_uppercase() {
                (usize::from(crate::dataset::u16_of(&head[6..], false)), 8)
            } else {
                (crate::dataset::u32_of(&head[4..], false) as usize, 8)
            };
        let Some(next) = end.checked_add(start + length).filter(|&next| next <= bytes.len()) else { break };
        end = next;
    }
    let encoding = if bytes.get(begin + 4).is_some_and(u8::is_ascii_uppercase) {
        EXPLICIT_LITTLE
    } else {
        IMPLICIT_LITTLE
    };
    (Dataset::parse(bytes, begin, end, encoding), end)
}

fn image(entry: &Entry, head: Vec<u8>, all: bool) -> Result<Found, Reason> {
    let mut whole = all;
    let mut length = head.len();
    let mut bytes = head;
    loop {
        let open = if whole || !needs_all(&bytes) {
            place(bytes)?
        } else {
            whole = true;
            place(entry.all().map_err(|error| Reason::Damaged(error.to_string()))?)?
        };
        let dataset = Dataset::parse(&open.bytes, open.start, open.bytes.len(), open.encoding);
        // the header may simply be longer than what was read
        if !whole && dataset.pixels.is_none() && matches!(dataset.stop, None | Some(Stop::Short(_))) {
            length = length.saturating_mul(16);
            (bytes, whole) = entry.head(length).map_err(|error| Reason::Damaged(error.to_string()))?;
            continue;
        }
        let known = if whole { Some(open.bytes.len() as u64) } else { entry.len() };
        return describe(entry, &dataset, &open, known);
    }
}

/// Deflated data sets do not show their header.
fn needs_all(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
        && meta_group(bytes, 132).0.text(tags::TRANSFER_SYNTAX_UID) == "1.2.840.10008.1.2.1.99"
}

fn describe(entry: &Entry, dataset: &Dataset<'_>, open: &Open, length: Option<u64>) -> Result<Found, Reason> {
    let mut info = Info {
        sop_class: dataset.text(tags::SOP_CLASS_UID),
        sop_uid: dataset.text(tags::SOP_INSTANCE_UID),
        study_uid: dataset.text(tags::STUDY_INSTANCE_UID),
        series_uid: dataset.text(tags::SERIES_INSTANCE_UID),
        frame_of_reference: dataset.text(tags::FRAME_OF_REFERENCE_UID),
        series_number: dataset.number(tags::SERIES_NUMBER, *b"IS").map(|number| number as i64),
        description: dataset.text(tags::SERIES_DESCRIPTION),
        modality: dataset.text(tags::MODALITY).to_ascii_uppercase(),
        image_type: dataset.text(tags::IMAGE_TYPE).to_ascii_uppercase(),
        study_date: dataset.text(tags::STUDY_DATE),
        body_part: dataset.text(tags::BODY_PART_EXAMINED),
        kernel: dataset.text(tags::CONVOLUTION_KERNEL),
        contrast: None,
        tube_voltage_kv: dataset.number(tags::KVP, *b"DS"),
        patient_position: dataset.text(tags::PATIENT_POSITION).to_ascii_uppercase(),
        instance_number: dataset.number(tags::INSTANCE_NUMBER, *b"IS").map_or(0, |number| number as i64),
    };
    if dataset.has(tags::DIRECTORY_RECORD_SEQUENCE) {
        return Ok(Found::Directory(directory(dataset)));
    }
    if info.modality.is_empty() {
        info.modality = modality_of_class(&info.sop_class).to_owned();
    }
    let Some(place) = dataset.pixels else {
        return Err(match &dataset.stop {
            Some(Stop::Short(tag)) if tag.0 == 0xffff => {
                Reason::Damaged("the file ends inside an element".into())
            }
            Some(Stop::Short(tag)) => Reason::Damaged(format!("the file ends inside element {tag}")),
            Some(Stop::Broken(tag)) => Reason::Damaged(format!("no valid element where {tag} was read")),
            None if !info.modality.is_empty() => Reason::OtherObject(info.modality),
            None if info.sop_class.is_empty() => Reason::NotAnImage,
            None => Reason::OtherObject(format!("unknown, SOP class {}", info.sop_class)),
        });
    };
    if !SLICED.contains(&info.modality.as_str()) && !PICTURES.contains(&info.modality.as_str()) {
        return Err(if info.sop_class.starts_with(SECONDARY_CAPTURE) {
            Reason::SecondaryCapture
        } else {
            Reason::OtherObject(if info.modality.is_empty() { "unknown".into() } else { info.modality })
        });
    }
    if place.tag != tags::PIXEL_DATA {
        return Err(Reason::Unsupported("floating-point pixels (parametric map)".into()));
    }
    let format = PixelFormat::of(dataset).map_err(Reason::Damaged)?;
    let sliced = SLICED.contains(&info.modality.as_str());
    if sliced {
        exclude(&info, &format)?;
    }
    if let (Some(declared), Some(length)) = (place.length, length) {
        let there = length.saturating_sub(place.start as u64);
        let needed = format.native_bytes() as u64;
        if matches!(open.syntax.codec, Codec::Native { .. }) && there.min(u64::from(declared)) < needed {
            return Err(Reason::Damaged(format!(
                "pixel data has {} of {needed} bytes",
                there.min(u64::from(declared))
            )));
        }
    }
    if place.length.is_none() && matches!(open.syntax.codec, Codec::Native { .. }) {
        return Err(Reason::Damaged(
            "pixels are encapsulated but the transfer syntax says they are not".into(),
        ));
    }
    if open.syntax.codec == Codec::Unsupported {
        return Err(Reason::Unsupported(open.syntax.refusal()));
    }
    let mut deviations = open.deviations.clone();
    if dataset.odd_vr {
        deviations.push("an element has a value representation that does not exist".into());
    }
    let frames = frames(dataset, &format, &mut info);
    if sliced
        && dataset.has(tags::MODALITY_LUT_SEQUENCE)
        && frames.iter().all(|frame| frame.rescale.is_none())
    {
        return Err(Reason::Unsupported("a Modality LUT instead of rescale slope and intercept".into()));
    }
    Ok(Found::Image(Box::new(ImageFile {
        entry: entry.clone(),
        syntax: open.syntax.clone(),
        format,
        place,
        info,
        frames,
        deviations,
    })))
}

const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

/// Objects of a slice modality that are no slices.
fn exclude(info: &Info, format: &PixelFormat) -> Result<(), Reason> {
    let kinds: Vec<&str> = info.image_type.split('\\').map(str::trim).collect();
    let is = |kind: &str| kinds.contains(&kind);
    if is("LOCALIZER") || is("SCOUT") || is("TOPOGRAM") || is("SURVIEW") {
        Err(Reason::Localizer)
    } else if format.samples_per_pixel != 1 {
        Err(Reason::DosePage)
    } else if info.sop_class.starts_with(SECONDARY_CAPTURE) || is("SCREEN SAVE") {
        Err(Reason::SecondaryCapture)
    } else if format.photometric == "PALETTE COLOR" {
        Err(Reason::DosePage)
    } else {
        Ok(())
    }
}

fn modality_of_class(class: &str) -> &'static str {
    match class {
        "1.2.840.10008.5.1.4.1.1.2" | "1.2.840.10008.5.1.4.1.1.2.1" | "1.2.840.10008.5.1.4.1.1.2.2" => "CT",
        "1.2.840.10008.5.1.4.1.1.4" | "1.2.840.10008.5.1.4.1.1.4.1" | "1.2.840.10008.5.1.4.1.1.4.4" => "MR",
        "1.2.840.10008.5.1.4.1.1.1" => "CR",
        "1.2.840.10008.5.1.4.1.1.1.1" => "DX",
        "1.2.840.10008.5.1.4.1.1.6.1" | "1.2.840.10008.5.1.4.1.1.3.1" => "US",
        "1.2.840.10008.5.1.4.1.1.66.4" => "SEG",
        _ => "",
    }
}

/// Files of a DICOMDIR (PS3.3 F.3): ReferencedFileID is a path in components.
fn directory(dataset: &Dataset<'_>) -> Vec<Vec<String>> {
    dataset
        .items(tags::DIRECTORY_RECORD_SEQUENCE)
        .iter()
        .map(|record| record.text(tags::REFERENCED_FILE_ID))
        .filter(|id| !id.is_empty())
        .map(|id| id.split('\\').map(|part| part.trim().to_owned()).collect())
        .collect()
}

/// The frames of a file; enhanced objects say most in functional groups (PS3.3 C.7.6.16).
fn frames(dataset: &Dataset<'_>, format: &PixelFormat, info: &mut Info) -> Vec<FrameInfo> {
    let shared = dataset.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let own = dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let contrast_agent = dataset.text(tags::CONTRAST_BOLUS_AGENT);
    let told = told_contrast(&info.description);
    info.contrast = if contrast_agent.is_empty() && !dataset.has(tags::CONTRAST_BOLUS_AGENT_SEQUENCE) {
        told
    } else {
        // some consoles write the word that there was none
        Some(!matches!(contrast_agent.to_ascii_lowercase().as_str(), "none" | "no" | "n" | "no contrast"))
    };
    (0..format.frames)
        .map(|frame| {
            let groups = Groups { dataset, shared: shared.as_ref(), own: own.get(frame) };
            if frame == 0 {
                for (tag, value) in [(tags::CONVOLUTION_KERNEL, &mut info.kernel)] {
                    if value.is_empty() {
                        *value = groups.text(tags::CT_RECONSTRUCTION_SEQUENCE, tag);
                    }
                }
                if info.tube_voltage_kv.is_none() {
                    info.tube_voltage_kv =
                        groups.numbers(tags::CTX_RAY_DETAILS_SEQUENCE, tags::KVP, *b"DS").first().copied();
                }
                if info.body_part.is_empty() {
                    info.body_part = groups
                        .group(tags::FRAME_ANATOMY_SEQUENCE)
                        .and_then(|group| group.item(tags::ANATOMIC_REGION_SEQUENCE))
                        .map(|region| region.text(tags::CODE_MEANING))
                        .unwrap_or_default();
                }
            }
            frame_info(&groups)
        })
        .collect()
}

/// Whether a series description says that contrast was given or not.
fn told_contrast(description: &str) -> Option<bool> {
    let text =
        format!(" {} ", description.to_ascii_lowercase().replace(['_', '-', '/', ',', '.', '(', ')'], " "));
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if any(&[
        "unenhanced",
        "without contrast",
        "non contrast",
        "noncontrast",
        " w o ",
        " nativ",
        " plain ",
        " senza ",
        " ohne km",
        " sans iv",
        " nc ",
    ]) {
        Some(false)
    } else if any(&[
        "contrast",
        " portal",
        " arterial",
        " venous",
        " nephro",
        " excretory",
        "angio",
        " ce ",
        " c+ ",
        " mit km",
        " con mdc",
        "enhanced",
    ]) {
        Some(true)
    } else {
        None
    }
}

struct Groups<'d, 'a> {
    dataset: &'d Dataset<'a>,
    shared: Option<&'d Dataset<'a>>,
    own: Option<&'d Dataset<'a>>,
}

impl<'a> Groups<'_, 'a> {
    fn group(&self, sequence: Tag) -> Option<Dataset<'a>> {
        self.own
            .and_then(|own| own.item(sequence))
            .or_else(|| self.shared.and_then(|shared| shared.item(sequence)))
    }

    fn numbers(&self, sequence: Tag, tag: Tag, usual: [u8; 2]) -> Vec<f64> {
        let grouped = self.group(sequence).map(|group| group.numbers(tag, usual)).unwrap_or_default();
        if grouped.is_empty() { self.dataset.numbers(tag, usual) } else { grouped }
    }

    fn text(&self, sequence: Tag, tag: Tag) -> String {
        let grouped = self.group(sequence).map(|group| group.text(tag)).unwrap_or_default();
        if grouped.is_empty() { self.dataset.text(tag) } else { grouped }
    }
}

/// Plane and segment of each frame of a DICOM SEG.
pub(crate) fn segment_frames(dataset: &Dataset<'_>, frames: usize) -> Vec<(Option<Plane>, Option<u16>)> {
    let shared = dataset.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let own = dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    (0..frames)
        .map(|frame| {
            let groups = Groups { dataset, shared: shared.as_ref(), own: own.get(frame) };
            let segment = groups
                .group(tags::SEGMENT_IDENTIFICATION_SEQUENCE)
                .and_then(|group| group.short(tags::REFERENCED_SEGMENT_NUMBER));
            (frame_info(&groups).plane, segment)
        })
        .collect()
}

/// Distance between planes of a DICOM SEG, as stated, mm.
pub(crate) fn plane_distance(dataset: &Dataset<'_>) -> Option<f64> {
    let measures =
        dataset.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)?.item(tags::PIXEL_MEASURES_SEQUENCE)?;
    let stated = |tag| measures.number(tag, *b"DS").filter(|&mm| mm > 0.0);
    stated(tags::SPACING_BETWEEN_SLICES).or_else(|| stated(tags::SLICE_THICKNESS))
}

fn frame_info(groups: &Groups<'_, '_>) -> FrameInfo {
    let position = groups.numbers(tags::PLANE_POSITION_SEQUENCE, tags::IMAGE_POSITION_PATIENT, *b"DS");
    let orientation =
        groups.numbers(tags::PLANE_ORIENTATION_SEQUENCE, tags::IMAGE_ORIENTATION_PATIENT, *b"DS");
    let spacing = groups.numbers(tags::PIXEL_MEASURES_SEQUENCE, tags::PIXEL_SPACING, *b"DS");
    let first = |sequence, tag, usual| {
        let values: Vec<f64> = groups.numbers(sequence, tag, usual);
        values.first().copied().filter(|value| value.is_finite())
    };
    let slope = first(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, tags::RESCALE_SLOPE, *b"DS");
    let intercept = first(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, tags::RESCALE_INTERCEPT, *b"DS");
    FrameInfo {
        plane: plane(&position, &orientation, &spacing),
        slice_thickness_mm: first(tags::PIXEL_MEASURES_SEQUENCE, tags::SLICE_THICKNESS, *b"DS")
            .filter(|&mm| mm > 0.0),
        rescale: (slope.is_some() || intercept.is_some())
            .then(|| (slope.unwrap_or(1.0), intercept.unwrap_or(0.0))),
        times: [
            first(tags::FRAME_CONTENT_SEQUENCE, tags::TEMPORAL_POSITION_INDEX, *b"UL")
                .or_else(|| groups.dataset.number(tags::TEMPORAL_POSITION_IDENTIFIER, *b"IS"))
                .map_or(String::new(), |index| format!("{index:012}")),
            first(tags::FRAME_CONTENT_SEQUENCE, tags::FRAME_ACQUISITION_NUMBER, *b"US")
                .or_else(|| groups.dataset.number(tags::ACQUISITION_NUMBER, *b"IS"))
                .map_or(String::new(), |number| format!("{number:012}")),
            first(tags::MR_ECHO_SEQUENCE, tags::EFFECTIVE_ECHO_TIME, *b"FD")
                .or_else(|| groups.dataset.number(tags::ECHO_TIME, *b"DS"))
                .map_or(String::new(), |time| format!("{time:012.4}")),
            first(tags::CARDIAC_SYNCHRONIZATION_SEQUENCE, tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE, *b"FL")
                .or_else(|| groups.dataset.number(tags::TRIGGER_TIME, *b"DS"))
                .map_or(String::new(), |time| format!("{time:012.4}")),
            {
                let framed = groups.text(tags::FRAME_CONTENT_SEQUENCE, tags::FRAME_ACQUISITION_DATE_TIME);
                if framed.is_empty() {
                    groups.dataset.text(tags::ACQUISITION_DATE) + &groups.dataset.text(tags::ACQUISITION_TIME)
                } else {
                    framed
                }
            },
        ],
    }
}

fn plane(position: &[f64], orientation: &[f64], spacing: &[f64]) -> Option<Plane> {
    let (&[x, y, z], &[a, b, c, d, e, f], &[between_rows, between_columns]) =
        (position, orientation, spacing)
    else {
        return None;
    };
    let finite = [x, y, z].iter().all(|value| value.is_finite() && value.abs() < 1e6);
    if !finite || ![between_rows, between_columns].iter().all(|mm| (1e-4..1e3).contains(mm)) {
        return None;
    }
    let row_direction = unit([a, b, c])?;
    let column_direction = unit([d, e, f])?;
    // PS3.3 C.7.6.2.1.1 asks for orthogonal directions; rounding in the files reaches 1e-4
    if dot(row_direction, column_direction).abs() > 1e-2 {
        return None;
    }
    Some(Plane {
        position_mm: [x, y, z],
        row_direction,
        column_direction,
        spacing_mm: [between_columns, between_rows],
    })
}

pub(crate) fn dot(one: [f64; 3], two: [f64; 3]) -> f64 {
    one[0] * two[0] + one[1] * two[1] + one[2] * two[2]
}

pub(crate) fn cross(one: [f64; 3], two: [f64; 3]) -> [f64; 3] {
    [one[1] * two[2] - one[2] * two[1], one[2] * two[0] - one[0] * two[2], one[0] * two[1] - one[1] * two[0]]
}

pub(crate) fn unit(vector: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(vector, vector).sqrt();
    // stored unit vectors are rounded; anything far off is not one
    (0.9..1.1).contains(&length).then(|| vector.map(|value| value / length))
}
