/*!
The differential of a case and what separates two diagnoses, in words.
*/

use apatite_case::Case;
use apatite_grade::{Graded, grade_leading};
use apatite_reason::{
    Contradiction, Differential, Fact, FactKind, Implied, MechanismProbability, Missing, RankedDiagnosis,
    Robustness, Surprise, compare, diagnose, robustness,
};
use apatite_text::Words;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Server;
use crate::problem::{Answer, Problem};
use crate::reading::{Lang, Wanted};

/// A differential with its words.
#[derive(Serialize)]
pub(crate) struct Told {
    setting: String,
    differential: Vec<ToldDiagnosis>,
    mechanisms: Vec<Named<MechanismProbability>>,
    facts: Vec<ToldFact>,
    implied: Vec<ToldImplied>,
    contradictions: Vec<Named<Contradiction>>,
    unexplained: Vec<Surprise>,
    lacking: Vec<Named<Missing>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    robustness: Option<Robustness>,
    knowledge: ToldKnowledge,
    intended_use: String,
    gradings: Vec<ToldGrading>,
}

/// Something with its name.
#[derive(Serialize)]
struct Named<T> {
    #[serde(flatten)]
    of: T,
    name: String,
}

#[derive(Serialize)]
struct ToldDiagnosis {
    #[serde(flatten)]
    ranked: Named<RankedDiagnosis>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expected: Vec<Named<Missing>>,
}

#[derive(Serialize)]
struct ToldFact {
    #[serde(flatten)]
    fact: Fact,
    text: String,
    /// Whether only the images say so.
    from_images: bool,
}

#[derive(Serialize)]
struct ToldImplied {
    #[serde(flatten)]
    implied: Named<Implied>,
    by_name: String,
}

#[derive(Serialize)]
struct ToldKnowledge {
    version: String,
    hash: String,
}

#[derive(Serialize)]
struct ToldGrading {
    #[serde(flatten)]
    graded: Named<Graded>,
    diagnosis_name: String,
    grade: String,
    besides: Option<String>,
    to_decide: Option<String>,
    note: String,
    agreement: Vec<String>,
}

impl Server {
    /// The differential of a case, in words.
    pub(crate) fn differential(&self, case: &Case, setting: Option<&str>, wanted: &Wanted) -> Answer<Told> {
        let model = self.model(setting)?;
        let explain = usize::from(wanted.explain).min(model.diagnoses.len());
        let mut answer = diagnose(model, &self.knowledge, case, explain)?;
        if wanted.draws > 0 {
            let draws = usize::from(wanted.draws.min(1000));
            answer.add_robustness(model, robustness(model, &self.knowledge, case, draws, 1)?);
        }
        let gradings = self.gradings(case, &answer, wanted.lang);
        Ok(self.told(answer, gradings, wanted.lang))
    }

    /// The gradings of the leading diagnoses, in words.
    fn gradings(&self, case: &Case, answer: &Differential, lang: Lang) -> Vec<ToldGrading> {
        let words = self.words(lang);
        let graded = grade_leading(&self.gradings, &self.knowledge, case, answer.ranked());
        let told = graded.into_iter().filter_map(|graded| {
            let grading = self.gradings.get(&graded.grading)?;
            Some(ToldGrading {
                diagnosis_name: words.diagnosis(&graded.diagnosis).to_owned(),
                grade: words.grade(grading, &graded),
                besides: words.grades_besides(grading, &graded),
                to_decide: words.grade_deciding(&graded),
                note: grading.note.get(words.language).to_owned(),
                agreement: graded.reproducibility.iter().map(|told| words.agreement(told)).collect(),
                graded: Named { name: grading.names.get(words.language).to_owned(), of: graded },
            })
        });
        told.collect()
    }

    /// What separates two diagnoses in a case, in words.
    pub(crate) fn comparison(
        &self,
        case: &Case,
        setting: Option<&str>,
        a: &str,
        b: &str,
        lang: Lang,
    ) -> Answer<Value> {
        if a == b {
            return Err(Problem::bad("name two different diagnoses to compare"));
        }
        let words = self.words(lang);
        let comparison = compare(self.model(setting)?, &self.knowledge, case, a, b)?;
        let mut value = json!(comparison);
        value["names"] = json!([words.diagnosis(a), words.diagnosis(b)]);
        value["facts"] = comparison.facts.iter().map(|report| json!(words.fact(&report.fact))).collect();
        value["would_separate"] = comparison
            .would_separate
            .iter()
            .map(|separation| {
                let states = separation.states.iter().map(|(state, in_a, in_b, decibans)| {
                    let name = words.state(&separation.id, state);
                    json!({ "state": state, "name": name, "probabilities": [in_a, in_b], "decibans": decibans })
                });
                json!({
                    "id": separation.id,
                    "expected_decibans": separation.expected_decibans,
                    "states": states.collect::<Vec<_>>(),
                })
            })
            .collect();
        Ok(value)
    }

    fn told(&self, answer: Differential, gradings: Vec<ToldGrading>, lang: Lang) -> Told {
        let words = self.words(lang);
        Told {
            setting: answer.setting,
            differential: answer.differential.into_iter().map(|ranked| diagnosis(ranked, &words)).collect(),
            mechanisms: named(answer.mechanisms, |of| words.mechanism(&of.mechanism)),
            facts: answer.facts.into_iter().map(|report| fact(report.fact, &words)).collect(),
            implied: named(answer.implied, |of| words.finding(&of.finding).to_owned())
                .into_iter()
                .map(|implied| ToldImplied { by_name: words.finding(&implied.of.by).to_owned(), implied })
                .collect(),
            contradictions: named(answer.contradictions, |of| words.finding(&of.finding).to_owned()),
            unexplained: answer.unexplained,
            lacking: missing(answer.lacking, &words),
            robustness: answer.robustness,
            knowledge: ToldKnowledge {
                version: self.knowledge.version.clone(),
                hash: self.knowledge.hash.clone(),
            },
            intended_use: words.text("intended-use", &[]),
            gradings,
        }
    }
}

fn diagnosis(mut ranked: RankedDiagnosis, words: &Words<'_>) -> ToldDiagnosis {
    let expected = missing(std::mem::take(&mut ranked.expected), words);
    let name = words.diagnosis(&ranked.diagnosis).to_owned();
    ToldDiagnosis { ranked: Named { of: ranked, name }, expected }
}

fn fact(fact: Fact, words: &Words<'_>) -> ToldFact {
    let from_images = matches!(&fact.kind, FactKind::Findings { said, .. }
        if said.iter().all(|said| said.assertion == "measured"));
    ToldFact { text: words.fact(&fact), from_images, fact }
}

fn missing(all: Vec<Missing>, words: &Words<'_>) -> Vec<Named<Missing>> {
    named(all, |of| words.state(&of.id, &of.state))
}

fn named<T>(all: Vec<T>, name: impl Fn(&T) -> String) -> Vec<Named<T>> {
    all.into_iter().map(|of| Named { name: name(&of), of }).collect()
}
