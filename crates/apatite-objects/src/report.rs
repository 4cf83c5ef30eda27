/*! The measurements and the differential as a structured report by TID 1500 (PS3.16). */

use apatite_dicom::OriginImage;
use apatite_knowledge::{Codes, Language};
use apatite_lesion::{FindingEvidence, Lesion};
use apatite_reason::Differential;
use apatite_text::Words;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use crate::code::{Code, kind_codes};
use crate::head::{PROGRAM, Purpose, head, put, put_items, seal, series_uid, study_uid, uid};
use crate::places::{Segment, segments};
use crate::segmentation::{instances, series_item, tracking_id, tracking_uid};
use crate::tree::{Item, Relation, segment_reference};
use crate::{Measured, Object, ObjectError};

const PURPOSE: Purpose = Purpose {
    modality: "SR",
    class_uid: uids::COMPREHENSIVE_SR_STORAGE,
    description: "Apatite: measurements and differential",
    number: 9002,
};

/// What the report says beside the measurements.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Names and the language of the report.
    pub words: &'a Words<'a>,
    /// The differential diagnosis, where the case was answered.
    pub differential: Option<&'a Differential>,
}

/// A finding is told as present from this probability on, as absent to one minus it.
const SURE_FROM: f64 = 0.5;

/// Writes the measurements, each lesion tied to its segment of `segmentation`, and the differential. Without lesions
/// there is no segmentation, and the report says so.
///
/// # Errors
/// Where the object cannot be written.
pub fn report(
    measured: &Measured<'_>,
    segmentation: Option<&Object>,
    told: &Told<'_>,
) -> Result<Object, ObjectError> {
    let (mut object, warnings) = head(measured, PURPOSE);
    put(&mut object, tags::COMPLETION_FLAG, VR::CS, "COMPLETE");
    put(&mut object, tags::PRELIMINARY_FLAG, VR::CS, "PRELIMINARY");
    put(&mut object, tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED");
    put_items(&mut object, tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new());
    put_items(&mut object, tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new());
    let images =
        measured.origin.images.iter().filter(|image| !image.instance_uid.is_empty()).collect::<Vec<_>>();
    if let Some(evidence) = evidence(measured, segmentation, &images) {
        put_items(&mut object, tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![evidence]);
    }
    let mut root = Item::container(&Code::dcm("126000", "Imaging Measurement Report"), Some("1500"));
    context(&mut root, measured, told.words);
    if !images.is_empty() {
        root.push(library(&images));
    }
    let mut measurements = Item::container(&Code::dcm("126010", "Imaging Measurements"), None);
    for segment in &segments(measured.analysis) {
        measurements.push(lesion_group(measured, segment, segmentation, told.words));
    }
    if !measured.analysis.findings.is_empty() {
        measurements.push(study_group(measured, told.words));
    }
    if let Some(differential) = told.differential {
        measurements.push(differential_group(measured, differential, told.words));
    }
    root.push(measurements);
    root.push(evaluations(measured, told));
    root.root(&mut object);
    seal(object, PURPOSE, warnings)
}

/// Language, observer (TID 1002) and procedure.
fn context(root: &mut Item, measured: &Measured<'_>, words: &Words<'_>) {
    let language = match words.language {
        Language::En => Code::new("en", "RFC5646", "English"),
        Language::It => Code::new("it", "RFC5646", "Italian"),
    };
    let name = Code::dcm("121049", "Language of Content Item and Descendants");
    root.push(Item::code(Relation::Modifier, &name, &language));
    let device = Code::dcm("121007", "Device");
    root.push(Item::code(Relation::Context, &Code::dcm("121005", "Observer Type"), &device));
    let observer = uid(&["device", PROGRAM, measured.version]);
    root.push(Item::uid(Relation::Context, &Code::dcm("121012", "Device Observer UID"), &observer));
    for (code, meaning, text) in [
        ("121013", "Device Observer Name", format!("{PROGRAM} {}", measured.version)),
        ("121014", "Device Observer Manufacturer", PROGRAM.to_owned()),
        ("121015", "Device Observer Model Name", PROGRAM.to_owned()),
        ("121016", "Device Observer Serial Number", measured.version.to_owned()),
    ] {
        root.push(Item::text(Relation::Context, &Code::dcm(code, meaning), &text));
    }
    let procedure = Code::new("25045-6", "LN", "CT unspecified body region");
    root.push(Item::code(Relation::Modifier, &Code::dcm("121058", "Procedure reported"), &procedure));
}

fn library(images: &[&OriginImage]) -> Item {
    let mut group = Item::container(&Code::dcm("126200", "Image Library Group"), None);
    for image in instances(images) {
        group.push(Item::nameless_image(image));
    }
    Item::container(&Code::dcm("111028", "Image Library"), None).with(group)
}

/// TID 1411: one lesion.
fn lesion_group(
    measured: &Measured<'_>,
    segment: &Segment<'_>,
    segmentation: Option<&Object>,
    words: &Words<'_>,
) -> Item {
    let lesion = segment.lesion;
    let mut group = Item::container(&Code::dcm("125007", "Measurement Group"), Some("1411"));
    group.push(Item::text(Relation::Context, &TRACKING_ID.code(), &tracking_id(segment)));
    group.push(Item::uid(Relation::Context, &TRACKING_UID.code(), &tracking_uid(measured, segment)));
    let (_, kind) = kind_codes(lesion.kind);
    group.push(Item::code(Relation::Contains, &FINDING.code(), &kind));
    if let Some(object) = segmentation {
        let name = Code::dcm("121191", "Referenced Segment");
        let reference = segment_reference(&object.class_uid, &object.instance_uid, segment.number);
        group.push(Item::image(Relation::Contains, &name, reference));
    }
    let name = Code::dcm("121232", "Source series for segmentation");
    group.push(Item::uid(Relation::Contains, &name, &series_uid(measured.origin)));
    if let Some(region) = &measured.analysis.region {
        group.push(site(region, words));
    }
    algorithm(&mut group, measured);
    numbers(&mut group, lesion);
    for finding in &lesion.findings {
        probability(&mut group, finding, words);
    }
    for finding in &lesion.findings {
        group.push(evaluation(finding, words));
    }
    let name = Code::own("kind", "Kind of dense structure");
    group.push(Item::text(Relation::Contains, &name, &words.kind(lesion.kind)));
    let name = Code::own("decided_by", "What decided the kind");
    group.push(Item::text(Relation::Contains, &name, &words.measured(&lesion.decided_from)));
    group
}

/// TID 1501: what was found on the study as a whole.
fn study_group(measured: &Measured<'_>, words: &Words<'_>) -> Item {
    let mut group = Item::container(&Code::dcm("125007", "Measurement Group"), Some("1501"));
    group.push(Item::text(Relation::Context, &TRACKING_ID.code(), "Study"));
    let tracking = uid(&["findings of the study", &series_uid(measured.origin)]);
    group.push(Item::uid(Relation::Context, &TRACKING_UID.code(), &tracking));
    let calcification = Code::sct("18115005", "Pathologic calcification");
    group.push(Item::code(Relation::Contains, &FINDING.code(), &calcification));
    algorithm(&mut group, measured);
    for finding in &measured.analysis.findings {
        probability(&mut group, finding, words);
    }
    for finding in &measured.analysis.findings {
        group.push(evaluation(finding, words));
    }
    group
}

/// TID 1501: the probability of every diagnosis with its interval.
fn differential_group(measured: &Measured<'_>, differential: &Differential, words: &Words<'_>) -> Item {
    let mut group = Item::container(&Code::dcm("125007", "Measurement Group"), Some("1501"));
    group.push(Item::text(Relation::Context, &TRACKING_ID.code(), "Differential diagnosis"));
    let tracking = uid(&["differential", &series_uid(measured.origin)]);
    group.push(Item::uid(Relation::Context, &TRACKING_UID.code(), &tracking));
    algorithm(&mut group, measured);
    for ranked in &differential.differential {
        let diagnosis = Code::own(&ranked.diagnosis, words.diagnosis(&ranked.diagnosis));
        let of = |value: f64| {
            Item::number(&PROBABILITY.code(), value.clamp(0.0, 1.0), "1").with(Item::code(
                Relation::Modifier,
                &DIFFERENTIAL.code(),
                &diagnosis,
            ))
        };
        let derived = |value: f64, code: Code| {
            of(value).with(Item::code(Relation::Modifier, &Code::dcm("121401", "Derivation"), &code))
        };
        group.push(of(ranked.probability));
        if let Some([low, high]) = ranked.interval {
            group.push(derived(low, Code::sct("371888009", "5th Percentile Value of population")));
            group.push(derived(high, Code::sct("371889001", "95th Percentile Value of population")));
        }
    }
    group
}

/// The differential as codes, best first, and in words; or that nothing was found.
fn evaluations(measured: &Measured<'_>, told: &Told<'_>) -> Item {
    let words = told.words;
    let mut evaluations = Item::container(&Code::new("C0034375", "UMLS", "Qualitative Evaluations"), None);
    let impression = Code::dcm("121073", "Impression");
    if measured.analysis.lesions.is_empty() {
        evaluations.push(Item::text(Relation::Contains, &impression, &words.text("measure-none", &[])));
    }
    if let Some(differential) = told.differential {
        for ranked in &differential.differential {
            let diagnosis = Code::own(&ranked.diagnosis, words.diagnosis(&ranked.diagnosis));
            evaluations.push(Item::code(Relation::Contains, &DIFFERENTIAL.code(), &diagnosis));
        }
        let text = differential_text(differential, words);
        evaluations.push(Item::text(Relation::Contains, &impression, &text));
    }
    let comment = Code::dcm("121106", "Comment");
    evaluations.push(Item::text(Relation::Contains, &comment, &words.text("intended-use", &[])));
    evaluations
}

/// The likely diagnoses in words, a line each.
fn differential_text(differential: &Differential, words: &Words<'_>) -> String {
    let told = differential
        .differential
        .iter()
        .enumerate()
        .take_while(|(at, ranked)| *at == 0 || ranked.probability >= TOLD_FROM);
    let lines = told.map(|(at, ranked)| {
        let name = words.diagnosis(&ranked.diagnosis);
        let interval = ranked.interval.map_or(String::new(), |[low, high]| {
            format!(" ({} - {})", words.percent(low), words.percent(high))
        });
        format!("{}. {name}: {}{interval}", at + 1, words.percent(ranked.probability))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Diagnoses less probable than this stand among the numbers, not in the words.
const TOLD_FROM: f64 = 0.01;

fn numbers(group: &mut Item, lesion: &Lesion) {
    let method = |item: Item, id: &str, meaning: &str| {
        let name = Code::sct("370129005", "Measurement Method");
        item.with(Item::code(Relation::Modifier, &name, &Code::own(id, meaning)))
    };
    let derived = |item: Item, code: Code| {
        item.with(Item::code(Relation::Modifier, &Code::dcm("121401", "Derivation"), &code))
    };
    let ibsi = |code: &str, meaning: &str| Code::new(code, "IBSI", meaning);
    let own = |id: &str, meaning: &str| Code::own(id, meaning);
    let volume = || Code::sct("118565006", "Volume");
    let attenuation = || Code::dcm("112031", "Attenuation Coefficient");
    let hu = "[hnsf'U]";
    let number = |code: &Code, value: f64, unit: &str| Item::number(code, value, unit);
    group.push(number(&ibsi("YEKZ", "Volume from Voxel Summation"), lesion.volume_mm3, "mm3"));
    let corrected = number(&volume(), lesion.volume_partial_mm3, "mm3");
    group.push(method(corrected, "partial_volume", "Corrected for partial volume at the surface"));
    let deviation = number(&volume(), lesion.volume_uncertainty_mm3, "mm3");
    group.push(derived(deviation, Code::sct("386136009", "Standard Deviation")));
    let diameter = ibsi("L0JK", "Maximum 3D Diameter of a Mesh");
    group.push(number(&diameter, lesion.diameter_mm, "mm"));
    group.push(number(&own("components", "Connected components"), lesion.components as f64, "{components}"));
    group.push(number(&Code::dcm("112181", "Mean Attenuation Coefficient"), lesion.mean_hu, hu));
    group.push(number(&Code::dcm("112180", "Maximum Attenuation Coefficient"), lesion.max_hu, hu));
    let deviation = Code::dcm("112183", "Standard Deviation of Attenuation Coefficient");
    group.push(number(&deviation, lesion.sd_hu, hu));
    let [tenth, _, median, _, ninetieth] = lesion.percentiles_hu;
    group.push(number(&Code::dcm("112182", "Median Attenuation Coefficient"), median, hu));
    for (value, code, meaning) in [
        (tenth, "371890005", "10th Percentile Value of population"),
        (ninetieth, "371887004", "90th Percentile Value of population"),
    ] {
        group.push(derived(number(&attenuation(), value, hu), Code::sct(code, meaning)));
    }
    group.push(number(&own("hu_mm3", "Attenuation summed over the volume"), lesion.hu_mm3, "[hnsf'U].mm3"));
    if let Some(mass) = lesion.hydroxyapatite_mg {
        group.push(number(&own("hydroxyapatite_mass", "Mass of hydroxyapatite"), mass, "mg"));
    }
    let shape = &lesion.shape;
    group.push(number(&ibsi("C0JK", "Surface Area of Mesh"), shape.surface_mm2, "mm2"));
    group.push(number(&ibsi("QCFX", "Sphericity"), shape.sphericity, "1"));
    group.push(number(&ibsi("Q3CK", "Elongation"), shape.elongation, "1"));
    group.push(number(&ibsi("N17B", "Flatness"), shape.flatness, "1"));
    group.push(number(&ibsi("R3ER", "Volume Density in Convex Hull"), shape.solidity, "1"));
    if let Some(distance) = lesion.bone_distance_mm {
        group.push(number(&own("bone_distance", "Distance to bone"), distance, "mm"));
    }
    group.push(number(&own("bone_contact", "Area of contact with bone"), lesion.bone_contact_mm2, "mm2"));
    if let Some(distance) = lesion.skin_distance_mm {
        group.push(number(&Code::dcm("121243", "Distance from skin"), distance, "mm"));
    }
    if let Some(level) = &lesion.level {
        let upper = own("level_upper", "Attenuation above the fluid-sediment level");
        group.push(number(&upper, level.upper_hu, hu));
        let lower = own("level_lower", "Attenuation below the fluid-sediment level");
        group.push(number(&lower, level.lower_hu, hu));
        let angle = own("level_angle", "Angle between the fluid-sediment level and the horizontal");
        group.push(number(&angle, level.angle_deg, "deg"));
    }
    let kind = own("kind_probability", "Probability of the kind");
    group.push(number(&kind, lesion.probability.clamp(0.0, 1.0), "1"));
}

/// The probability of a finding, as a number that names the finding.
fn probability(group: &mut Item, finding: &FindingEvidence, words: &Words<'_>) {
    let item = Item::number(&PROBABILITY.code(), finding.probability.clamp(0.0, 1.0), "1");
    group.push(item.with(Item::code(Relation::Modifier, &FINDING.code(), &finding_code(&finding.id, words))));
}

/// Whether a finding is present, with what it was measured from.
fn evaluation(finding: &FindingEvidence, words: &Words<'_>) -> Item {
    let sign = if finding.probability >= SURE_FROM {
        Code::sct("52101004", "Present")
    } else {
        Code::sct("272519000", "Absent")
    };
    let because = Item::text(
        Relation::Properties,
        &Code::dcm("121106", "Comment"),
        &words.measured(&finding.measured_from),
    );
    Item::code(Relation::Contains, &finding_code(&finding.id, words), &sign).with(because)
}

fn site(region: &FindingEvidence, words: &Words<'_>) -> Item {
    let name = Code::sct("363698007", "Finding Site");
    let code = words.knowledge.findings.sites.get(&region.id).and_then(|site| one(&site.codes));
    let site = match code {
        Some(code) => Code::sct(code, words.site(&region.id)),
        _ => Code::own(&region.id, words.site(&region.id)),
    };
    Item::code(Relation::Modifier, &name, &site)
}

/// The code of SNOMED CT where the knowledge has exactly one, else the own one.
fn finding_code(id: &str, words: &Words<'_>) -> Code {
    let code = words.knowledge.findings.findings.get(id).and_then(|finding| one(&finding.codes));
    match code {
        Some(code) => Code::sct(code, words.finding(id)),
        _ => Code::own(id, words.finding(id)),
    }
}

/// The code of SNOMED CT, where there is exactly one.
fn one(codes: &Codes) -> Option<&str> {
    match codes.0.get("snomed")?.as_slice() {
        [code] => Some(code),
        _ => None,
    }
}

/// TID 4019.
fn algorithm(group: &mut Item, measured: &Measured<'_>) {
    group.push(Item::text(Relation::Context, &Code::dcm("111001", "Algorithm Name"), PROGRAM));
    group.push(Item::text(Relation::Context, &Code::dcm("111003", "Algorithm Version"), measured.version));
}

/// The study with everything the report refers to.
fn evidence(
    measured: &Measured<'_>,
    segmentation: Option<&Object>,
    images: &[&OriginImage],
) -> Option<InMemDicomObject> {
    let mut series = Vec::new();
    if !images.is_empty() {
        series.push(evidence_series(series_item(measured.origin, images)));
    }
    if let Some(object) = segmentation {
        let mut item = InMemDicomObject::new_empty();
        put(&mut item, tags::SERIES_INSTANCE_UID, VR::UI, &object.series_uid);
        let mut instance = InMemDicomObject::new_empty();
        put(&mut instance, tags::REFERENCED_SOP_CLASS_UID, VR::UI, &object.class_uid);
        put(&mut instance, tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &object.instance_uid);
        put_items(&mut item, tags::REFERENCED_SOP_SEQUENCE, vec![instance]);
        series.push(item);
    }
    if series.is_empty() {
        return None;
    }
    let mut study = InMemDicomObject::new_empty();
    put(&mut study, tags::STUDY_INSTANCE_UID, VR::UI, &study_uid(measured.origin));
    put_items(&mut study, tags::REFERENCED_SERIES_SEQUENCE, series);
    Some(study)
}

/// The evidence names its instances by another attribute than other references to a series.
fn evidence_series(mut series: InMemDicomObject) -> InMemDicomObject {
    let instances = series.take_element(tags::REFERENCED_INSTANCE_SEQUENCE).ok();
    if let Some(instances) = instances.and_then(|element| element.into_value().into_items()) {
        put_items(&mut series, tags::REFERENCED_SOP_SEQUENCE, instances.into_vec());
    }
    series
}

/// Code value and meaning of DCM.
struct Dcm(&'static str, &'static str);

impl Dcm {
    fn code(&self) -> Code {
        Code::dcm(self.0, self.1)
    }
}

const FINDING: Dcm = Dcm("121071", "Finding");
const TRACKING_ID: Dcm = Dcm("112039", "Tracking Identifier");
const TRACKING_UID: Dcm = Dcm("112040", "Tracking Unique Identifier");
const PROBABILITY: Dcm = Dcm("122157", "Probability");
const DIFFERENTIAL: Dcm = Dcm("111023", "Differential Diagnosis/Impression");
