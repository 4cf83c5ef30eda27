//! The advice on the shipped knowledge: what holds of any case, and what the article says, out of the numbers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::LazyLock;

use apatite_advise::{Advice, Standing, alarms, clashes, next, what_if};
use apatite_case::{Case, Format, Policy, read};
use apatite_knowledge::{Folder, Knowledge, Severity};
use apatite_network::{Evidence, VariableId, Workspace};
use apatite_reason::{Model, counts_of};
use proptest::prelude::*;

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::read(&Folder::embedded()).unwrap());
static MODEL: LazyLock<Model> =
    LazyLock::new(|| Model::new(&KNOWLEDGE, "consultation", &counts_of(&KNOWLEDGE.learned)).unwrap());

fn case(text: &str) -> Case {
    let reading = read(text, Format::Toml, &KNOWLEDGE, Policy::Default);
    assert!(!reading.is_refused(), "{text}: {:?}", reading.problems);
    reading.case
}

fn advice(text: &str) -> Advice {
    next(&MODEL, &KNOWLEDGE, &case(text), &KNOWLEDGE.examinations.weights).unwrap()
}

fn bits(advice: &Advice, examination: &str) -> f64 {
    let advised = advice.examinations.iter().find(|advised| advised.examination == examination);
    advised.unwrap_or_else(|| panic!("{examination} is not advised")).gain.bits
}

fn place(advice: &Advice, examination: &str) -> usize {
    advice.examinations.iter().position(|advised| advised.examination == examination).unwrap() + 1
}

/// Some variables of which anybody could learn: findings as seen, laboratory results.
fn askable() -> Vec<VariableId> {
    let network = MODEL.engine().network();
    let names = network.variables().iter().map(|variable| variable.name.clone());
    let leaf = |name: &String| name.contains('@') || KNOWLEDGE.analytes.analytes.contains_key(name);
    names.filter(leaf).map(|name| MODEL.variable(&name).unwrap()).collect()
}

/// A state of each of a few variables, for evidence, and a few others to ask for.
fn facts_and_questions() -> impl Strategy<Value = (Vec<(usize, usize)>, Vec<usize>)> {
    let count = askable().len();
    (prop::collection::vec((0..count, 0..5usize), 0..8), prop::collection::vec(0..count, 1..5))
}

fn evidence_of(facts: &[(usize, usize)], all: &[VariableId]) -> Evidence {
    let mut evidence = Evidence::new();
    for (variable, state) in facts {
        let id = all[*variable];
        if evidence.items().iter().all(|item| item.0 != id) {
            let states = MODEL.engine().network().variable(id).states.len();
            evidence.add_state(id, state % states, states);
        }
    }
    evidence
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_is_lost_by_asking_and_the_order_does_not_matter((facts, asked) in facts_and_questions()) {
        let all = askable();
        let evidence = evidence_of(&facts, &all);
        let mut asked = asked.iter().map(|index| all[*index]).collect::<Vec<_>>();
        asked.retain(|id| evidence.items().iter().all(|item| item.0 != *id));
        asked.sort_unstable();
        asked.dedup();
        let standing = Standing::new(&MODEL, &KNOWLEDGE, &evidence).unwrap();
        let gain = standing.gain(&asked);
        let slack = 1e-9 + 3.0 * gain.standard_error.unwrap_or(0.0);
        prop_assert!(gain.bits >= 0.0 && gain.bits <= standing.entropy_bits() + slack, "{gain:?}");
        prop_assert!((0.0..=1.0 + 1e-9).contains(&gain.leader_change));
        let backwards = asked.iter().rev().copied().collect::<Vec<_>>();
        prop_assert_eq!(standing.gain(&backwards), gain);
        // more questions never tell less
        for one in &asked {
            prop_assert!(standing.gain(&[*one]).bits <= gain.bits + slack, "{gain:?}");
        }
    }

    #[test]
    fn the_expected_answer_is_what_is_known_and_each_answer_is_that_of_the_engine((facts, asked) in facts_and_questions()) {
        let all = askable();
        let evidence = evidence_of(&facts, &all);
        let standing = Standing::new(&MODEL, &KNOWLEDGE, &evidence).unwrap();
        for id in asked.iter().map(|index| all[*index]) {
            if evidence.items().iter().any(|item| item.0 == id) {
                continue;
            }
            let outcomes = standing.outcomes(id);
            let total: f64 = outcomes.iter().map(|outcome| outcome.probability).sum();
            prop_assert!((total - 1.0).abs() < 1e-9, "{total}");
            let malignant: f64 = outcomes.iter().map(|outcome| outcome.probability * outcome.malignant).sum();
            prop_assert!((malignant - standing.malignant()).abs() < 1e-9);
            for (state, outcome) in outcomes.iter().enumerate() {
                let mut with = evidence.clone();
                with.add_state(id, state, outcomes.len());
                let mut workspace = Workspace::default();
                let posterior = &MODEL.engine().posterior(&with, &mut workspace).unwrap().root;
                let leader = MODEL.index_of(&outcome.leader).unwrap();
                prop_assert!((posterior[leader] - outcome.leader_probability).abs() < 1e-9);
                prop_assert!(posterior.iter().all(|p| *p <= outcome.leader_probability + 1e-9));
            }
        }
    }
}

#[test]
fn drawing_agrees_with_counting_within_its_error() {
    // ten laboratory results of one panel are drawn, their single gains are counted
    let panel = &KNOWLEDGE.examinations.examinations["mineral_panel"].analytes;
    let variables = panel.iter().filter_map(|analyte| MODEL.variable(analyte)).collect::<Vec<_>>();
    let evidence = Evidence::new();
    let standing = Standing::new(&MODEL, &KNOWLEDGE, &evidence).unwrap();
    let drawn = standing.gain(&variables);
    let error = drawn.standard_error.expect("so many outcomes are drawn");
    let single = variables.iter().map(|id| standing.gain(&[*id]).bits).fold(0.0, f64::max);
    assert!(error < 0.1, "{drawn:?}");
    assert!(drawn.bits >= single - 3.0 * error, "{drawn:?} against {single}");
    assert!(drawn.bits <= standing.entropy_bits());
}

#[test]
fn radiography_is_the_first_step() {
    for patient in ["age = 8", "age = 40\nsex = \"male\"", "age = 70\nsex = \"female\""] {
        let advice = advice(&format!("[patient]\n{patient}\n[history]\npresent = [\"palpable_mass\"]"));
        assert_eq!(advice.examinations[0].examination, "radiograph", "{patient}");
    }
}

#[test]
fn laboratory_is_high_where_a_metabolic_cause_is_open() {
    let advice = advice(
        "[patient]\nage = 45\n[[imaging]]\nmodality = \"XR\"\nsites = [\"hip\", \"shoulder\"]\n\
         present = [\"multilobulated_mass\", \"periarticular\", \"multiple_regions\"]",
    );
    assert_eq!(advice.examinations[0].examination, "laboratory");
    assert_eq!(advice.examinations[1].examination, "mineral_panel");
}

#[test]
fn magnetic_resonance_is_for_marrow_and_muscle_and_computed_tomography_for_the_level_and_the_mineral() {
    let advice = advice(
        "[patient]\nage = 30\n[[imaging]]\nmodality = \"XR\"\nsites = [\"thigh\"]\npresent = [\"intramuscular\"]",
    );
    let questions = |examination: &str| {
        let advised = advice.examinations.iter().find(|advised| advised.examination == examination).unwrap();
        advised.questions.iter().map(|question| question.id.clone()).collect::<Vec<_>>()
    };
    let magnetic = questions("mr");
    for finding in ["muscle_oedema", "soft_tissue_mass"] {
        assert!(magnetic.iter().any(|id| id == finding), "{finding}: {magnetic:?}");
    }
    assert!(!questions("ct").iter().any(|id| id == "muscle_oedema" || id == "marrow_oedema"));
    // what the radiograph told, or showed as well, is asked no more
    assert!(magnetic.iter().all(|id| id != "size_mm"));
    assert!(bits(&advice, "ct") > bits(&advice, "ultrasound"), "deep in a muscle ultrasound tells less");
}

#[test]
fn what_is_shown_already_is_worth_less() {
    let radiograph = "[patient]\nage = 30\n[[imaging]]\nmodality = \"XR\"\nsites = [\"thigh\"]\npresent = [\"intramuscular\"]\n";
    let before = advice(radiograph);
    let after = advice(&format!(
        "{radiograph}[[imaging]]\nmodality = \"CT\"\nsites = [\"thigh\"]\npresent = [\"peripheral_rim\", \"mature_bone\"]"
    ));
    assert!(after.done.iter().any(|id| id == "ct") && after.done.iter().any(|id| id == "ct_low_dose"));
    assert!(bits(&after, "mr") < bits(&before, "mr") / 2.0);
}

#[test]
fn ultrasound_shows_the_level_without_radiation() {
    let advised = advice(
        "[patient]\nage = 6\n[[imaging]]\nmodality = \"XR\"\nsites = [\"hip\"]\npresent = [\"multilobulated_mass\"]",
    );
    let ultrasound = advised.examinations.iter().find(|advised| advised.examination == "ultrasound").unwrap();
    assert_eq!(ultrasound.burden.dose_msv, None);
    assert!(ultrasound.warnings.is_empty());
    assert!(
        ultrasound
            .questions
            .iter()
            .any(|question| question.id == "sedimentation_sign" || question.id == "echogenic_level")
    );
    assert!(place(&advised, "ultrasound") < place(&advised, "ct"));
}

#[test]
fn histology_gains_for_what_expands() {
    let still = "[patient]\nage = 55\n[history]\npresent = [\"slow_growth\"]\n[[imaging]]\nmodality = \"XR\"\n\
                 sites = [\"thigh\"]\npresent = [\"amorphous\"]";
    let grows = still.replace("slow_growth", "rapid_growth\", \"pain_at_night");
    let (still, grows) = (advice(still), advice(&grows));
    let malignancy = |advice: &Advice| {
        let found = advice.examinations.iter().find(|advised| advised.examination == "biopsy").unwrap();
        found.gain.malignancy_change
    };
    assert!(malignancy(&grows) > malignancy(&still));
    assert!(grows.alarms.iter().any(|alarm| alarm.alarm == "malignancy_not_excluded"));
}

#[test]
fn warnings_that_must_not_be_missed() {
    let check = |text: &str, examination: &str, warning: &str, severity: Severity| {
        let advice = advice(text);
        let advised = advice.examinations.iter().find(|advised| advised.examination == examination).unwrap();
        let found = advised.warnings.iter().find(|caveat| caveat.warning == warning);
        assert_eq!(found.map(|caveat| caveat.severity), Some(severity), "{text}: {:?}", advised.warnings);
        if severity == Severity::Contraindicated {
            let behind = &advice.examinations[place(&advice, examination) - 1..];
            assert!(behind.iter().all(apatite_advise::Advised::is_contraindicated));
        }
    };
    let (never, care) = (Severity::Contraindicated, Severity::Caution);
    let dialysis = "[history]\npresent = [\"dialysis\"]";
    check(dialysis, "ct_contrast", "iodinated_contrast_in_renal_failure", care);
    check(dialysis, "mr_contrast", "gadolinium_in_renal_failure", care);
    check(
        "[patient]\nage = 50\n[labs]\negfr = \"22 mL/min/{1.73_m2}\"",
        "ct_contrast",
        "iodinated_contrast_in_renal_failure",
        care,
    );
    check("[patient]\nage = 9", "ct", "radiation_in_childhood", care);
    check("[patient]\nage = 30\nsex = \"female\"", "bone_scan", "pregnancy", care);
    check("[history]\npresent = [\"great_toe_malformation\"]", "biopsy", "biopsy_in_fop", never);
    check(
        "[patient]\nage = 22\n[history]\npresent = [\"trauma_at_site\"]\n[[imaging]]\nmodality = \"XR\"\nsites = [\"thigh\"]\n\
         present = [\"intramuscular\", \"faint_ill_defined\"]\nweeks_since_onset = 3",
        "biopsy",
        "biopsy_in_early_myositis_ossificans",
        never,
    );
}

#[test]
fn alarms_sound_at_their_thresholds_and_not_before() {
    let flat = vec![0.0; KNOWLEDGE.diagnoses.len()];
    let sounding = |text: &str| {
        let found = alarms(&case(text), &KNOWLEDGE, &flat);
        found.into_iter().map(|alarm| alarm.alarm).collect::<Vec<_>>()
    };
    let calcium = |value: &str| format!("[patient]\nage = 50\n[labs]\ncalcium = \"{value}\"");
    assert_eq!(sounding(&calcium("14.2 mg/dL")), ["severe_hypercalcaemia"]);
    assert_eq!(sounding(&calcium("3.6 mmol/L")), ["severe_hypercalcaemia"]);
    assert!(sounding(&calcium("13.5 mg/dL")).is_empty());
    assert_eq!(sounding("[history]\npresent = [\"painful_necrotic_skin\"]"), ["calciphylaxis"]);
    assert!(sounding("[history]\nabsent = [\"painful_necrotic_skin\"]").is_empty());
    assert_eq!(sounding("[history]\npresent = [\"fever\", \"draining_sinus\"]"), ["infection"]);
    assert!(sounding("[history]\npresent = [\"draining_sinus\"]").is_empty());
    // with every malignant diagnosis likely: silent only where nothing is seen and nothing felt
    let even = vec![1.0 / KNOWLEDGE.diagnoses.len() as f64; KNOWLEDGE.diagnoses.len()];
    let sounding = |text: &str| {
        let found = alarms(&case(text), &KNOWLEDGE, &even);
        found.into_iter().map(|alarm| alarm.alarm).collect::<Vec<_>>()
    };
    let nothing = "[[imaging]]\nmodality = \"CT\"\npresent = [\"no_calcification\"]\n";
    assert_eq!(sounding(nothing), ["nothing_to_explain"]);
    let felt = format!("{nothing}[history]\npresent = [\"palpable_mass\"]");
    assert_eq!(sounding(&felt), ["malignancy_not_excluded", "nothing_to_explain"]);
    let seen = format!("{nothing}[[imaging]]\nmodality = \"MR\"\npresent = [\"soft_tissue_mass\"]");
    assert_eq!(sounding(&seen), ["malignancy_not_excluded"]);
}

#[test]
fn facts_that_contradict_each_other_are_named() {
    let reading = read(
        "[history]\npresent = [\"painless\", \"pain_at_night\"]",
        Format::Toml,
        &KNOWLEDGE,
        Policy::Lenient,
    );
    let found = clashes(&reading.case, &KNOWLEDGE);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].findings, ["painless", "pain_at_night"]);
}

#[test]
fn what_if_is_the_differential_of_the_case_with_the_fact() {
    let before = case("[patient]\nage = 58\n[history]\npresent = [\"palpable_mass\"]");
    let after = case("[patient]\nage = 58\n[history]\npresent = [\"palpable_mass\", \"dialysis\"]");
    let answer = what_if(&MODEL, &KNOWLEDGE, &before, &after).unwrap();
    let posterior = |case: &Case| {
        let evidence = MODEL.evidence(case, &KNOWLEDGE).evidence;
        MODEL.engine().posterior(&evidence, &mut Workspace::default()).unwrap().root.clone()
    };
    let (first, second) = (posterior(&before), posterior(&after));
    for shift in &answer.differential {
        let root = MODEL.index_of(&shift.diagnosis).unwrap();
        assert!((shift.before - first[root]).abs() < 1e-15 && (shift.after - second[root]).abs() < 1e-15);
    }
    assert_eq!(answer.supposed.len(), 1);
    let same = what_if(&MODEL, &KNOWLEDGE, &before, &before).unwrap();
    assert!(!same.leader_changes && same.differential.iter().all(|shift| shift.decibans == 0.0));
}

#[test]
fn facts_of_two_patients_together_are_strange_more_often_than_those_of_one() {
    let read_case = |text: &String| read(text, Format::Toml, &KNOWLEDGE, Policy::Default).case;
    let cases = KNOWLEDGE.cases.values().map(read_case).collect::<Vec<_>>();
    let strange = |case: &Case| {
        let sufficiency = apatite_advise::assess(&MODEL, &KNOWLEDGE, case).unwrap();
        usize::from(sufficiency.strange)
    };
    let count = cases.len() / 2;
    let own: usize = cases.iter().take(count).map(strange).sum();
    let mixed: usize = (0..count)
        .map(|index| {
            // age, sex and history of one with the images and the laboratory of a distant other
            let (mut one, other) = (cases[index].clone(), &cases[(index + count) % cases.len()]);
            one.observations.retain(|told| told.examination.is_none());
            one.observations
                .extend(other.observations.iter().filter(|told| told.examination.is_some()).cloned());
            one.examinations.clone_from(&other.examinations);
            one.labs.clone_from(&other.labs);
            strange(&one)
        })
        .sum();
    assert!(mixed >= 4 * own && mixed >= count / 4, "of {count}: {own} of one, {mixed} of two");
}

#[test]
fn the_advice_is_the_same_on_any_number_of_threads() {
    let text =
        "[patient]\nage = 40\n[[imaging]]\nmodality = \"XR\"\nsites = [\"hand\"]\npresent = [\"nodular\"]";
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(one.install(|| advice(text)), three.install(|| advice(text)));
}
