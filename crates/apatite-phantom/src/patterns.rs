/*! The patterns: which lesions, in which region, and what a specialist should say. */

mod lesions;

use crate::PhantomError;
use crate::anatomy::{self, Body};
use crate::case::{Sketch, sketch};
use crate::draw::Draw;
use crate::{LesionKind, Options, pose::Pose};

/// A kind of phantom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Its name.
    pub id: &'static str,
    /// One line in English.
    pub english: &'static str,
    /// One line in Italian.
    pub italian: &'static str,
    /// The expected diagnosis (an id of the vocabulary); none where nothing is wrong.
    pub expected: Option<&'static str>,
    /// The site (an id of the vocabulary).
    pub region: &'static str,
    /// BodyPartExamined of the series.
    pub(crate) body_part: &'static str,
}

/// All patterns.
#[must_use]
pub fn patterns() -> &'static [Pattern] {
    PATTERNS
}

const fn row(
    id: &'static str,
    region: &'static str,
    body_part: &'static str,
    expected: Option<&'static str>,
    english: &'static str,
    italian: &'static str,
) -> Pattern {
    Pattern { id, english, italian, expected, region, body_part }
}

#[rustfmt::skip]
const PATTERNS: &[Pattern] = &[
    row("tumoral_calcinosis", "hip", "HIP", Some("primary_tumoral_calcinosis"),
        "Tumoral calcinosis beside the hip, without fluid levels", "Calcinosi tumorale presso l'anca, senza livelli"),
    row("tumoral_calcinosis_levels", "hip", "HIP", Some("tumoral_calcinosis_of_renal_failure"),
        "Tumoral calcinosis beside the hip, with fluid-sediment levels", "Calcinosi tumorale presso l'anca, con livelli fluido-sedimento"),
    row("acral_scleroderma", "hand", "HAND", Some("calcinosis_of_systemic_sclerosis"),
        "Calcinosis of the fingertips in systemic sclerosis", "Calcinosi dei polpastrelli nella sclerosi sistemica"),
    row("dermatomyositis_sheets", "thigh", "THIGH", Some("calcinosis_of_dermatomyositis"),
        "Sheets of calcium along the fasciae of the thigh in dermatomyositis", "Lamine calcifiche lungo le fasce della coscia nella dermatomiosite"),
    row("dermatomyositis_universalis", "thigh", "THIGH", Some("calcinosis_of_juvenile_dermatomyositis"),
        "Calcinosis universalis of juvenile dermatomyositis", "Calcinosi universale della dermatomiosite giovanile"),
    row("myositis_ossificans", "thigh", "THIGH", Some("myositis_ossificans"),
        "Myositis ossificans of the thigh: dense rim, lucent centre", "Miosite ossificante della coscia: orletto denso, centro radiotrasparente"),
    row("hip_ossification_prosthesis", "hip", "HIP", Some("heterotopic_ossification_of_arthroplasty"),
        "Heterotopic ossification about a hip prosthesis", "Ossificazione eterotopica intorno a una protesi d'anca"),
    row("calcific_tendinitis", "shoulder", "SHOULDER", Some("calcific_tendinitis"),
        "Calcific tendinitis of the rotator cuff", "Tendinite calcifica della cuffia dei rotatori"),
    row("synovial_osteochondromatosis", "knee", "KNEE", Some("synovial_osteochondromatosis"),
        "Synovial osteochondromatosis of the knee", "Osteocondromatosi sinoviale del ginocchio"),
    row("urate_tophus", "foot", "FOOT", Some("gouty_tophus_uncalcified"),
        "Urate tophus at the great toe", "Tofo uratico dell'alluce"),
    row("calcified_tophus", "foot", "FOOT", Some("calcified_gouty_tophus"),
        "Calcified tophus at the great toe", "Tofo calcificato dell'alluce"),
    row("cysticercosis", "thigh", "THIGH", Some("cysticercosis"),
        "Cysticercosis: rice grains along the fibres of the muscles", "Cisticercosi: chicchi di riso lungo le fibre muscolari"),
    row("parosteal_osteosarcoma", "knee", "KNEE", Some("parosteal_osteosarcoma"),
        "Parosteal osteosarcoma of the distal femur", "Osteosarcoma parostale del femore distale"),
    row("vascular_calcification", "thigh", "THIGH", Some("vascular_calcification"),
        "Calcified wall of the femoral artery", "Calcificazioni parietali dell'arteria femorale"),
    row("phleboliths", "thigh", "THIGH", Some("phleboliths_of_venous_malformation"),
        "Phleboliths of a venous malformation", "Fleboliti di una malformazione venosa"),
    row("normal_hand", "hand", "HAND", None, "Normal hand", "Mano normale"),
    row("normal_foot", "foot", "FOOT", None, "Normal forefoot", "Avampiede normale"),
    row("normal_thigh", "thigh", "THIGH", None, "Normal thigh", "Coscia normale"),
    row("normal_knee", "knee", "KNEE", None, "Normal knee", "Ginocchio normale"),
    row("normal_pelvis", "hip", "HIP", None, "Normal hip and half of the pelvis", "Anca ed emibacino normali"),
    row("normal_shoulder", "shoulder", "SHOULDER", None, "Normal shoulder", "Spalla normale"),
];

pub(crate) fn find(name: &str) -> Result<&'static Pattern, PhantomError> {
    PATTERNS.iter().find(|pattern| pattern.id == name).ok_or_else(|| PhantomError::UnknownPattern {
        name: name.to_owned(),
        known: PATTERNS.iter().map(|pattern| pattern.id).collect::<Vec<_>>().join(", "),
    })
}

/// A body with its lesions painted.
pub(crate) struct Plan {
    pub(crate) body: Body,
    pub(crate) lesions: Vec<Planned>,
    /// Findings of the whole study.
    pub(crate) findings: Vec<&'static str>,
    pub(crate) case: Sketch,
}

/// A lesion by its number (place in the list and one).
pub(crate) struct Planned {
    pub(crate) kind: LesionKind,
    pub(crate) findings: Vec<&'static str>,
    pub(crate) relation: Relation,
}

/// Relation to bone: known from how the lesion was made, or to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Known(&'static str),
    Measured,
}

impl Plan {
    fn new(body: Body, case: Sketch) -> Self {
        Self { body, lesions: Vec::new(), findings: Vec::new(), case }
    }

    /// Opens a lesion; its number.
    fn lesion(&mut self, kind: LesionKind, findings: &[&'static str], relation: Relation) -> u16 {
        self.lesions.push(Planned { kind, findings: findings.to_vec(), relation });
        self.lesions.len() as u16
    }
}

/// Draws anatomy and lesions.
pub(crate) fn plan(pattern: &Pattern, seed: u64, options: &Options) -> Plan {
    let mut draw = Draw::new(seed, pattern.id);
    let mut form = Draw::new(seed, "anatomy");
    let case = sketch(pattern.id, &mut draw);
    match pattern.id {
        "tumoral_calcinosis" | "tumoral_calcinosis_levels" => {
            let hip = anatomy::pelvis(&mut form, false);
            let gravity = Pose::new(seed, options, &hip.body).gravity();
            let levels = (pattern.id == "tumoral_calcinosis_levels").then_some(gravity);
            lesions::tumoral_calcinosis(hip, case, &mut draw, levels)
        }
        "acral_scleroderma" => lesions::acral(anatomy::hand(&mut form), case, &mut draw),
        "dermatomyositis_sheets" => lesions::sheets(anatomy::thigh(&mut form), case, &mut draw),
        "dermatomyositis_universalis" => lesions::universalis(anatomy::thigh(&mut form), case, &mut draw),
        "myositis_ossificans" => lesions::myositis(anatomy::thigh(&mut form), case, &mut draw),
        "hip_ossification_prosthesis" => {
            lesions::hip_ossification(anatomy::pelvis(&mut form, true), case, &mut draw)
        }
        "calcific_tendinitis" => lesions::tendinitis(anatomy::shoulder(&mut form), case, &mut draw),
        "synovial_osteochondromatosis" => lesions::loose_bodies(anatomy::knee(&mut form), case, &mut draw),
        "urate_tophus" => lesions::tophus(anatomy::foot(&mut form), case, &mut draw, false),
        "calcified_tophus" => lesions::tophus(anatomy::foot(&mut form), case, &mut draw, true),
        "cysticercosis" => lesions::rice_grains(anatomy::thigh(&mut form), case, &mut draw),
        "parosteal_osteosarcoma" => lesions::parosteal(anatomy::knee(&mut form), case, &mut draw),
        "vascular_calcification" => lesions::artery_wall(anatomy::thigh(&mut form), case, &mut draw),
        "phleboliths" => lesions::phleboliths(anatomy::thigh(&mut form), case, &mut draw),
        "normal_hand" => Plan::new(anatomy::hand(&mut form).0, case),
        "normal_foot" => Plan::new(anatomy::foot(&mut form).0, case),
        "normal_knee" => Plan::new(anatomy::knee(&mut form).body, case),
        "normal_pelvis" => Plan::new(anatomy::pelvis(&mut form, false).body, case),
        "normal_shoulder" => Plan::new(anatomy::shoulder(&mut form).body, case),
        // the table has no other: `every_pattern_has_its_lesions` holds it
        _ => Plan::new(anatomy::thigh(&mut form).body, case),
    }
}
