//! What `reasoning.md` demands of the inference, point by point, on the knowledge as it is shipped.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use apatite_case::{Case, Format, Policy, Severity, read};
use apatite_knowledge::{Folder, Knowledge, check};
use apatite_network::Workspace;
use apatite_reason::{Counts, Model, counts_of, diagnose, robustness};
use proptest::prelude::*;

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::read(&Folder::embedded()).unwrap());
static MODEL: LazyLock<Model> = LazyLock::new(|| model("consultation"));

fn model(setting: &str) -> Model {
    Model::new(&KNOWLEDGE, setting, &counts_of(&KNOWLEDGE.learned)).unwrap()
}

fn case(toml: &str) -> Case {
    // an empty file is an error, a case that says nothing is not
    let toml = if toml.is_empty() { "title = \"nothing is said\"" } else { toml };
    let reading = read(toml, Format::Toml, &KNOWLEDGE, Policy::Default);
    let errors = reading.problems.iter().filter(|problem| problem.severity == Severity::Error);
    assert_eq!(errors.count(), 0, "{:?}", reading.problems);
    reading.case
}

fn posterior(model: &Model, case: &Case) -> BTreeMap<String, f64> {
    let evidence = model.evidence(case, &KNOWLEDGE).evidence;
    let root = model.engine().posterior(&evidence, &mut Workspace::default()).unwrap().root.clone();
    model.diagnoses.iter().cloned().zip(root).collect()
}

fn leader(model: &Model, case: &Case) -> String {
    diagnose(model, &KNOWLEDGE, case, 0).unwrap().differential[0].diagnosis.clone()
}

fn log_odds(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

fn imaging(modality: &str, present: &[&str], absent: &[&str]) -> String {
    format!("[[imaging]]\nmodality = \"{modality}\"\npresent = {present:?}\nabsent = {absent:?}\n")
}

/// Point 1: one property seen four times is one property.
#[test]
fn the_fourth_sighting_moves_less_than_the_first() {
    let modalities = ["XR", "CT", "MR", "US"];
    let mut tried = 0;
    for finding in KNOWLEDGE.vocabulary.findings() {
        let seen_by = modalities
            .iter()
            .filter(|modality| KNOWLEDGE.view(modality, finding).is_some())
            .collect::<Vec<_>>();
        if seen_by.len() < 4 {
            continue;
        }
        tried += 1;
        let sightings = (0..=seen_by.len())
            .map(|count| {
                let text = seen_by[..count]
                    .iter()
                    .map(|modality| imaging(modality, &[finding], &[]))
                    .collect::<String>();
                posterior(&MODEL, &case(&text))
            })
            .collect::<Vec<_>>();
        for diagnosis in &MODEL.diagnoses {
            let odds = sightings.iter().map(|seen| log_odds(seen[diagnosis])).collect::<Vec<_>>();
            let (first, fourth) = ((odds[1] - odds[0]).abs(), (odds[4] - odds[3]).abs());
            assert!(fourth <= first + 1e-9, "{finding} for {diagnosis}: first {first}, fourth {fourth}");
        }
    }
    assert!(tried > 40, "only {tried} findings are seen by four modalities");
}

/// Point 1: five features of CREST are one scleroderma.
#[test]
fn features_of_one_condition_are_not_independent_blows() {
    let features = ["raynaud", "sclerodactyly", "telangiectasia", "esophageal_dysmotility", "digital_ulcers"];
    let evidence_for = |features: &[&str]| {
        let case = case(&format!("[history]\npresent = {features:?}\n"));
        log_odds(posterior(&MODEL, &case)["calcinosis_of_systemic_sclerosis"])
    };
    let nothing = evidence_for(&[]);
    let together = evidence_for(&features) - nothing;
    let one_by_one: f64 = features.iter().map(|feature| evidence_for(&[feature]) - nothing).sum();
    assert!(together > 0.0);
    assert!(together < 0.6 * one_by_one, "together {together}, one by one {one_by_one}");
    // whatever the features, they say no more than that the patient has the disease
    let known = evidence_for(&["systemic_sclerosis_known", "raynaud", "sclerodactyly"]) - nothing;
    let all =
        evidence_for(&[&features[..], &["systemic_sclerosis_known", "nailfold_changes"]].concat()) - nothing;
    assert!(all - known < 0.35 * known, "known {known}, with everything else {all}");
}

/// Point 2: a comorbidity is not a cause.
#[test]
fn scleroderma_does_not_make_a_tendinitis_a_calcinosis() {
    let case = case(
        "[patient]\nage = 52\nsex = \"female\"\n[history]\npresent = [\"systemic_sclerosis_known\"]\n\
         [[imaging]]\nmodality = \"XR\"\nsites = [\"shoulder\"]\n\
         present = [\"intratendinous\", \"homogeneous_dense\", \"well_defined_margin\", \"solitary\"]\n",
    );
    for setting in &KNOWLEDGE.settings {
        if setting.id == "dialysis" || setting.id == "sarcoma_referral" {
            continue;
        }
        assert_eq!(leader(&model(&setting.id), &case), "calcific_tendinitis", "in {}", setting.id);
    }
}

/// Point 3: unknown is not absent, and what a modality could not have seen moves nothing.
#[test]
fn what_was_not_looked_for_moves_nothing() {
    let base =
        "[patient]\nage = 40\n[[imaging]]\nmodality = \"XR\"\nsites = [\"hip\"]\npresent = [\"nodular\"]\n";
    let before = posterior(&MODEL, &case(base));
    // an examination that says nothing
    let silent = format!("{base}[[imaging]]\nmodality = \"MR\"\nsites = [\"hip\"]\n");
    assert_eq!(posterior(&MODEL, &case(&silent)), before);
    // a radiograph cannot show marrow oedema
    let blind = base.replace("\"nodular\"]", "\"nodular\"]\nabsent = [\"marrow_oedema\"]");
    let reading = read(&blind, Format::Toml, &KNOWLEDGE, Policy::Default);
    assert!(reading.problems.iter().any(|problem| problem.kind.name() == "modality-cannot-show"));
    assert_eq!(posterior(&MODEL, &reading.case), before);
    // no case moves an unmentioned finding
    let heard = MODEL.evidence(&case(base), &KNOWLEDGE);
    assert_eq!(heard.facts.len(), 3);
}

/// Point 4: modalities may disagree, and the one that sees better weighs more.
#[test]
fn disagreement_weighs_by_how_well_each_sees() {
    let metabolic = |text: &str| posterior(&MODEL, &case(text))["primary_tumoral_calcinosis"];
    let none = metabolic("");
    let level = ["sedimentation_sign"];
    let ct_sees = metabolic(&(imaging("XR", &[], &level) + &imaging("CT", &level, &[])));
    let xr_sees = metabolic(&(imaging("XR", &level, &[]) + &imaging("CT", &[], &level)));
    assert!(ct_sees > 3.0 * none, "{none} {ct_sees}");
    assert!(xr_sees < ct_sees);
    let answer =
        diagnose(&MODEL, &KNOWLEDGE, &case(&(imaging("XR", &[], &level) + &imaging("CT", &level, &[]))), 1)
            .unwrap();
    assert_eq!(answer.contradictions.len(), 1);
    assert_eq!(answer.contradictions[0].finding, "sedimentation_sign");
}

/// Point 5: a strange case is not forced into the list.
#[test]
fn none_of_these_is_a_hypothesis() {
    let other = "other_or_unknown";
    let prior = posterior(&MODEL, &case(""))[other];
    let strange = case(
        "[patient]\nage = 3\n[history]\npresent = [\"venous_insufficiency\", \"great_toe_malformation\", \
         \"flexural_papules_or_angioid_streaks\", \"radiotherapy_at_site\"]\n\
         [[imaging]]\nmodality = \"CT\"\nsites = [\"orbit\"]\n\
         present = [\"fat_in_mass\", \"denser_than_muscle_not_calcified\", \"lymph_node_chain\", \"solid_enhancement\"]\n",
    );
    let after = posterior(&MODEL, &strange)[other];
    assert!(after > 2.0 * prior && after > 0.3, "{prior} {after}");
    let broad = KNOWLEDGE.diagnosis(other).unwrap();
    assert!(broad.catch_all);
    assert!(broad.findings.values().all(|frequency| (0.02..=0.9).contains(&frequency.best)));
}

/// Point 8: every number has a source and an interval, and nothing is a bare 0 or 1.
#[test]
fn the_knowledge_is_sound() {
    let (problems, mentions) = check(&KNOWLEDGE, &Folder::embedded());
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(mentions.len() > 300);
    for setting in &KNOWLEDGE.settings {
        let model = model(&setting.id);
        for variable in model.engine().network().variables() {
            assert!(variable.table.iter().all(|p| *p > 0.0 && *p < 1.0), "{}", variable.name);
        }
    }
}

/// Point 9: uncertain numbers give an uncertain answer, the same on any number of threads.
#[test]
fn intervals_hold_the_answer_and_do_not_depend_on_threads() {
    let clear =
        case("[history]\npresent = [\"dialysis\", \"painful_necrotic_skin\", \"purpura_or_livedo\"]\n");
    let vague = case("[patient]\nage = 45\n[history]\npresent = [\"palpable_mass\"]\n");
    let run = |threads: usize, case: &Case| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| robustness(&MODEL, &KNOWLEDGE, case, 100, 7).unwrap())
    };
    assert_eq!(run(1, &clear), run(2, &clear));
    for case in [&clear, &vague] {
        let answer = run(2, case);
        let point = posterior(&MODEL, case);
        let shares: f64 = answer.leads.iter().sum();
        assert!((shares - 1.0).abs() < 1e-9);
        for ([low, high], diagnosis) in answer.intervals.iter().zip(&MODEL.diagnoses) {
            assert!(low <= high);
            // the answer of the best values lies about where the answers of the drawn ones do
            let p = point[diagnosis];
            assert!(p >= low / 3.0 - 0.01 && p <= high * 3.0 + 0.01, "{diagnosis} {p} [{low}, {high}]");
        }
    }
    assert!(!run(2, &clear).fragile);
    assert!(run(2, &vague).fragile);
}

/// Point 10: a report that only suggests is weaker than a plain one.
#[test]
fn a_suggestion_lies_between_silence_and_a_plain_word() {
    for (finding, modality) in
        [("sedimentation_sign", "CT"), ("peripheral_rim", "XR"), ("solitary", "XR"), ("raynaud", "HX")]
    {
        let say = |word: &str| {
            let text = match (word, modality) {
                ("", _) => String::new(),
                (word, "HX") => format!("[history]\npresent = [\"{word}\"]\n"),
                (word, modality) => imaging(modality, &[word], &[]),
            };
            posterior(&MODEL, &case(&text))
        };
        let (silence, suggested, plain) = (say(""), say(&format!("{finding}?")), say(finding));
        for diagnosis in &MODEL.diagnoses {
            let (a, b, c) = (silence[diagnosis], suggested[diagnosis], plain[diagnosis]);
            assert!(
                (b - a).abs() <= (c - a).abs() + 1e-12 && (b - a) * (c - a) >= -1e-12,
                "{finding} {diagnosis}"
            );
        }
    }
}

/// The weights of the facts add up to the whole change of the odds, for every diagnosis of every case.
#[test]
fn weights_add_up_on_real_cases() {
    for text in KNOWLEDGE.cases.values() {
        let answer = diagnose(&MODEL, &KNOWLEDGE, &case(text), 60).unwrap();
        let total: f64 = answer.differential.iter().map(|ranked| ranked.probability).sum();
        assert!((total - 1.0).abs() < 1e-12);
        for ranked in &answer.differential {
            let sum: f64 = ranked.weights.iter().map(|weight| weight.decibans).sum();
            let change = ranked.posterior_decibans - ranked.prior_decibans;
            assert!((sum - change).abs() < 1e-6, "{}: {sum} {change}", ranked.diagnosis);
        }
    }
}

/// Counts of cases are Dirichlet updating: they move a number towards what the cases say, and nothing else.
#[test]
fn counts_move_only_what_they_tell_of() {
    let bare = Model::new(&KNOWLEDGE, "consultation", &Counts::none()).unwrap();
    let (a, b) = (bare.engine().network(), MODEL.engine().network());
    let mut moved = 0;
    for (before, after) in a.variables().iter().zip(b.variables()) {
        assert_eq!(before.name, after.name);
        if before.table != after.table {
            moved += 1;
            assert!(!before.name.contains('@'), "a view was moved: {}", before.name);
        }
    }
    assert!(moved > 100);
}

fn any_case() -> impl Strategy<Value = (Vec<String>, Vec<(usize, bool)>)> {
    let findings = KNOWLEDGE.vocabulary.findings().map(str::to_owned).collect::<Vec<_>>();
    let count = findings.len();
    (Just(findings), prop::collection::vec((0..count, any::<bool>()), 1..25))
}

fn text_of(findings: &[String], picked: &[(usize, bool)]) -> String {
    let of = |modality: &str, present: bool| {
        picked
            .iter()
            .filter(|(index, is_present)| {
                let home = ["HX", "CT", "MR", "US", "NM", "XR"]
                    .into_iter()
                    .find(|modality| KNOWLEDGE.view(modality, &findings[*index]).is_some());
                *is_present == present && home == Some(modality)
            })
            .map(|(index, _)| findings[*index].as_str())
            .collect::<Vec<_>>()
    };
    let mut text = format!("[history]\npresent = {:?}\nabsent = {:?}\n", of("HX", true), of("HX", false));
    for modality in ["CT", "MR", "US", "NM", "XR"] {
        text += &imaging(modality, &of(modality, true), &of(modality, false));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Point 6: order does not matter.
    #[test]
    fn order_does_not_matter((findings, picked) in any_case()) {
        let forwards = read(&text_of(&findings, &picked), Format::Toml, &KNOWLEDGE, Policy::Lenient).case;
        let backwards = picked.iter().rev().copied().collect::<Vec<_>>();
        let backwards = read(&text_of(&findings, &backwards), Format::Toml, &KNOWLEDGE, Policy::Lenient).case;
        prop_assert_eq!(posterior(&MODEL, &forwards), posterior(&MODEL, &backwards));
    }

    /// Point 6: removing a fact restores exactly what was there before it.
    #[test]
    fn removing_a_fact_restores_what_was_there((findings, picked) in any_case()) {
        let case = read(&text_of(&findings, &picked), Format::Toml, &KNOWLEDGE, Policy::Lenient).case;
        let mut evidence = MODEL.evidence(&case, &KNOWLEDGE).evidence;
        let mut workspace = Workspace::default();
        let variables = evidence.items().iter().map(|item| item.0).collect::<Vec<_>>();
        let Some(last) = variables.last() else { return Ok(()) };
        let likelihood = evidence.remove(*last).unwrap();
        let before = MODEL.engine().posterior(&evidence, &mut workspace).unwrap().clone();
        evidence.add(*last, likelihood);
        MODEL.engine().posterior(&evidence, &mut workspace).unwrap();
        evidence.remove(*last);
        prop_assert_eq!(MODEL.engine().posterior(&evidence, &mut workspace).unwrap(), &before);
    }

    /// Any set of findings, however contradictory, gets a proper distribution.
    #[test]
    fn any_set_of_findings_is_answered((findings, picked) in any_case()) {
        let case = read(&text_of(&findings, &picked), Format::Toml, &KNOWLEDGE, Policy::Lenient).case;
        let answer = diagnose(&MODEL, &KNOWLEDGE, &case, 3).unwrap();
        let total: f64 = answer.differential.iter().map(|ranked| ranked.probability).sum();
        prop_assert!((total - 1.0).abs() < 1e-9);
        prop_assert!(answer.differential.iter().all(|ranked| ranked.probability.is_finite()));
    }
}
