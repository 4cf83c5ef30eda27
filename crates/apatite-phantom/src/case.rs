/*! A history that fits each pattern, in the words of the case format. */

use crate::draw::Draw;
use crate::{Pattern, TrueLesion};

/// Suggested content of a case file; ids are those of the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct SuggestedCase {
    /// Title.
    pub title: String,
    /// Where the case comes from.
    pub source: String,
    /// Age in years.
    pub age_years: f64,
    /// `female` or `male`.
    pub sex: &'static str,
    /// Findings of the history that are present.
    pub history_present: Vec<&'static str>,
    /// Findings of the history that are absent.
    pub history_absent: Vec<&'static str>,
    /// Analytes, each with a quantity or a level.
    pub labs: Vec<(&'static str, String)>,
    /// Site of the imaging block.
    pub site: &'static str,
    /// Expected diagnosis; none for normal anatomy.
    pub expected: Option<&'static str>,
    /// Other diagnoses a specialist would accept from the same study.
    pub also_right: Vec<&'static str>,
}

impl SuggestedCase {
    /// The case file (TOML), with `study` as the folder of the DICOM files.
    #[must_use]
    pub fn to_toml(&self, study: &str) -> String {
        let list = |ids: &[&str]| ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
        let mut text = format!(
            "title  = \"{}\"\nsource = \"{}\"\n\n[patient]\nage = {}\nsex = \"{}\"\n",
            self.title, self.source, self.age_years, self.sex
        );
        text += &format!(
            "\n[history]\npresent = [{}]\nabsent  = [{}]\n",
            list(&self.history_present),
            list(&self.history_absent)
        );
        if !self.labs.is_empty() {
            text += "\n[labs]\n";
            for (analyte, value) in &self.labs {
                text += &format!("{analyte} = \"{value}\"\n");
            }
        }
        text += &format!(
            "\n[[imaging]]\nmodality = \"CT\"\nsites    = [\"{}\"]\nstudy    = \"{study}\"\n",
            self.site
        );
        if let Some(expected) = self.expected {
            text += &format!(
                "\n[expected]\ndiagnosis  = \"{expected}\"\nalso_right = [{}]\nproof      = \"laboratory and imaging\"\n",
                list(&self.also_right)
            );
        }
        text
    }
}

/// The part of a case that is drawn before the lesions are made.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    age_years: f64,
    sex: &'static str,
    history_present: Vec<&'static str>,
    history_absent: Vec<&'static str>,
    labs: Vec<(&'static str, String)>,
    also_right: Vec<&'static str>,
}

impl Sketch {
    pub(crate) fn of_study(
        self,
        pattern: &Pattern,
        seed: u64,
        lesions: &[TrueLesion],
        left: bool,
    ) -> SuggestedCase {
        let side = if left { "left" } else { "right" };
        let mut history_present = self.history_present;
        if lesions.is_empty() {
            history_present.retain(|id| *id != "palpable_mass");
        }
        SuggestedCase {
            title: format!("{} ({side})", pattern.english),
            source: format!("phantom {}, seed {seed}: not a patient", pattern.id),
            age_years: self.age_years,
            sex: self.sex,
            history_present,
            history_absent: self.history_absent,
            labs: self.labs,
            site: pattern.region,
            expected: pattern.expected,
            also_right: self.also_right,
        }
    }
}

/// Age, sex, history and laboratory values of a pattern.
pub(crate) fn sketch(pattern: &str, draw: &mut Draw) -> Sketch {
    let mut years = |low: f64, high: f64| draw.within(low, high).floor();
    type Words = &'static [&'static str];
    let (age_years, women, present, absent, also_right): (f64, f64, Words, Words, Words) = match pattern {
        "tumoral_calcinosis" => (
            years(12.0, 32.0),
            0.5,
            &["painless", "palpable_mass", "slow_growth", "family_history_calcinosis"],
            &["chronic_kidney_disease", "dialysis", "trauma_at_site"],
            &[
                "tumoral_calcinosis_of_renal_failure",
                "calcinosis_of_primary_hyperparathyroidism",
                "hypervitaminosis_d",
                "milk_alkali_syndrome",
                "calcinosis_of_sarcoidosis",
            ],
        ),
        "tumoral_calcinosis_levels" => (
            years(35.0, 70.0),
            0.5,
            &["dialysis", "painless", "palpable_mass"],
            &["trauma_at_site", "family_history_calcinosis"],
            &[
                "primary_tumoral_calcinosis",
                "calcinosis_of_primary_hyperparathyroidism",
                "hypervitaminosis_d",
                "milk_alkali_syndrome",
                "calcinosis_of_sarcoidosis",
            ],
        ),
        "acral_scleroderma" => (
            years(42.0, 70.0),
            0.9,
            &["limited_cutaneous_or_crest_known", "raynaud", "sclerodactyly"],
            &["gout_known", "dialysis"],
            &["calcinosis_of_mixed_connective_tissue_disease", "calcinosis_of_overlap_syndrome"],
        ),
        "dermatomyositis_sheets" => (
            years(35.0, 62.0),
            0.7,
            &["dermatomyositis_known", "proximal_muscle_weakness", "heliotrope_or_gottron"],
            &["dialysis", "trauma_at_site"],
            &[
                "calcinosis_of_juvenile_dermatomyositis",
                "calcinosis_of_polymyositis",
                "calcinosis_of_overlap_syndrome",
            ],
        ),
        "dermatomyositis_universalis" => (
            years(9.0, 18.0),
            0.65,
            &["juvenile_myositis_known", "proximal_muscle_weakness", "contracture"],
            &["dialysis", "trauma_at_site"],
            &[
                "calcinosis_of_dermatomyositis",
                "calcinosis_of_polymyositis",
                "calcinosis_of_overlap_syndrome",
            ],
        ),
        "myositis_ossificans" => (
            years(16.0, 34.0),
            0.3,
            &["trauma_at_site", "palpable_mass", "hard_mass"],
            &["weight_loss", "dialysis"],
            &["heterotopic_ossification_after_burn_fracture_or_illness"],
        ),
        "hip_ossification_prosthesis" => (
            years(55.0, 80.0),
            0.4,
            &["arthroplasty_at_site", "limited_joint_motion"],
            &["dialysis", "weight_loss"],
            &["postsurgical_calcification"],
        ),
        "calcific_tendinitis" => (
            years(34.0, 58.0),
            0.6,
            &["pain_acute_severe"],
            &["trauma_at_site", "dialysis"],
            &["calcific_bursitis"],
        ),
        "synovial_osteochondromatosis" => (
            years(28.0, 55.0),
            0.35,
            &["pain_mechanical", "locking_joint", "limited_joint_motion"],
            &["dialysis", "gout_known"],
            &[],
        ),
        "urate_tophus" => (
            years(48.0, 75.0),
            0.15,
            &["gout_known", "palpable_mass"],
            &["dialysis"],
            &["calcified_gouty_tophus"],
        ),
        "calcified_tophus" => (
            years(50.0, 75.0),
            0.2,
            &["gout_known", "chronic_kidney_disease", "palpable_mass"],
            &[],
            &["gouty_tophus_uncalcified"],
        ),
        "cysticercosis" => (
            years(22.0, 60.0),
            0.5,
            &["endemic_country", "pork_tapeworm_exposure", "seizures"],
            &["trauma_at_site", "dialysis"],
            &["dracunculiasis_or_other_parasite"],
        ),
        "parosteal_osteosarcoma" => (
            years(20.0, 42.0),
            0.6,
            &["hard_mass", "slow_growth", "pain_unspecified"],
            &["trauma_at_site", "dialysis"],
            &["osteosarcoma_with_soft_tissue_extension", "periosteal_osteosarcoma"],
        ),
        "vascular_calcification" => {
            (years(62.0, 84.0), 0.35, &["diabetes"], &["palpable_mass", "trauma_at_site"], &[])
        }
        "phleboliths" => (
            years(10.0, 40.0),
            0.55,
            &["soft_or_fluctuant_mass", "compressible_or_posture_dependent", "bluish_skin"],
            &["trauma_at_site", "dialysis"],
            &[],
        ),
        _ => (years(20.0, 75.0), 0.5, &[], &[], &[]),
    };
    let sex = if draw.chance(women) { "female" } else { "male" };
    let labs = laboratory(pattern, draw);
    Sketch {
        age_years,
        sex,
        history_present: present.to_vec(),
        history_absent: absent.to_vec(),
        labs,
        also_right: also_right.to_vec(),
    }
}

fn laboratory(pattern: &str, draw: &mut Draw) -> Vec<(&'static str, String)> {
    let mut number = |low: f64, high: f64, unit: &str| format!("{:.1} {unit}", draw.within(low, high));
    match pattern {
        "tumoral_calcinosis" => vec![
            ("calcium", number(9.0, 9.9, "mg/dL")),
            ("phosphate", number(5.8, 7.6, "mg/dL")),
            ("pth", number(18.0, 40.0, "pg/mL")),
            ("creatinine", number(0.6, 0.9, "mg/dL")),
            ("vitamin_d_1_25oh2", "high".to_owned()),
            ("urine_phosphate", "low".to_owned()),
        ],
        "tumoral_calcinosis_levels" => vec![
            ("calcium", number(8.8, 10.0, "mg/dL")),
            ("phosphate", number(6.2, 8.8, "mg/dL")),
            ("pth", number(350.0, 1200.0, "pg/mL")),
            ("creatinine", number(6.0, 10.0, "mg/dL")),
        ],
        "acral_scleroderma" => vec![
            ("calcium", number(9.0, 9.9, "mg/dL")),
            ("phosphate", number(2.9, 4.0, "mg/dL")),
            ("anti_centromere", "positive".to_owned()),
            ("ana", "positive".to_owned()),
        ],
        "dermatomyositis_sheets" | "dermatomyositis_universalis" => vec![
            ("calcium", number(9.1, 9.9, "mg/dL")),
            ("phosphate", number(3.4, 4.2, "mg/dL")),
            ("anti_nxp2", "positive".to_owned()),
        ],
        "urate_tophus" => {
            vec![("urate", number(8.2, 11.0, "mg/dL")), ("creatinine", number(0.8, 1.1, "mg/dL"))]
        }
        "calcified_tophus" => {
            vec![("urate", number(8.5, 11.5, "mg/dL")), ("creatinine", number(2.2, 4.5, "mg/dL"))]
        }
        "cysticercosis" => vec![("cysticercosis_serology", "positive".to_owned())],
        "normal_hand" | "normal_foot" | "normal_thigh" | "normal_knee" | "normal_pelvis"
        | "normal_shoulder" => Vec::new(),
        _ => vec![("calcium", number(9.1, 9.9, "mg/dL")), ("phosphate", number(2.9, 4.0, "mg/dL"))],
    }
}
