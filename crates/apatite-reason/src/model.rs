/*!
The network that the knowledge stands for, and the evidence that a case gives on it.

Layers, from the root: the diagnosis; background conditions and true properties of the lesion; what follows from a
condition; what each modality shows of a property; laboratory results. A second root, the presentation, says whether
the lesion looks like its diagnosis or like anything: so that no single description can carry a case alone.
*/

use std::collections::{BTreeMap, HashMap};

use apatite_case::{Assertion, Case, LabResult, Level, Sex};
use apatite_knowledge::{
    AnalyteKind, AnalyteLevels, Condition, Frequency, Knowledge, ModalityView, Percentiles,
};
use apatite_network::{Engine, Evidence, Network, NetworkError, VariableId};
use serde::Serialize;
use thiserror::Error;

use crate::fit::Counts;
use crate::shapes::{band_of, band_shares};

/// The knowledge compiled for one setting.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) engine: Engine,
    /// Ids of the diagnoses, in the order of the root's states.
    pub diagnoses: Vec<String>,
    /// The setting it was compiled for.
    pub setting: String,
    age_bands: Vec<f64>,
    sites: Vec<String>,
    quantities: HashMap<String, QuantityVariable>,
    suggestion_odds: f64,
    variables: HashMap<String, VariableId>,
    /// Of every variable, in the order of the network: how well each row of its table is known.
    pub(crate) trust: Vec<Vec<Trust>>,
}

/// How well a row of a table is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trust {
    /// Number of patients the row is worth, against proven cases.
    patients: f64,
    /// Number of patients that the interval of each share is worth: a rare state of a distribution has an interval of
    /// its own.
    pub(crate) by_state: Vec<f64>,
    /// Rows of one variable with the same number here are one number of the knowledge.
    pub(crate) number: usize,
}

/// A row of a table with its trust.
struct Row {
    shares: Vec<f64>,
    trust: Trust,
}

/// The number of what holds where a diagnosis says nothing.
const ELSEWHERE: usize = usize::MAX;

#[derive(Clone, Debug)]
struct QuantityVariable {
    id: VariableId,
    bands: Vec<f64>,
    yields_to: Option<String>,
}

/// Why a model could not be made or asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The setting is not one of the knowledge.
    #[error("there is no setting `{0}`")]
    UnknownSetting(String),
    /// A diagnosis is not one of the knowledge.
    #[error("there is no diagnosis `{0}`")]
    UnknownDiagnosis(String),
    /// The numbers do not make a network.
    #[error("the knowledge does not make a network: {0}")]
    Network(#[from] NetworkError),
}

/// What the model hears of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Evidence on the network.
    pub evidence: Evidence,
    /// The facts behind it, in the same order.
    pub facts: Vec<Fact>,
    /// What was said and adds nothing, because something else says the same and more.
    pub implied: Vec<Implied>,
}

/// A finding that is contained in another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Implied {
    /// Id of the finding that adds nothing.
    pub finding: String,
    /// Modality that told it.
    pub modality: String,
    /// Id of the finding that contains it.
    pub by: String,
}

/// One fact of a case, as the model counts it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fact {
    /// What it is about.
    #[serde(flatten)]
    pub kind: FactKind,
    /// The property, condition or quantity it is a sign of: facts of one subject are sightings of one thing.
    pub subject: String,
    #[serde(skip)]
    pub(crate) variable: Option<VariableId>,
}

/// What a fact is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FactKind {
    /// Age in years.
    Age {
        /// Years.
        years: f64,
    },
    /// Sex.
    Sex {
        /// `female` or `male`.
        sex: &'static str,
    },
    /// Where the lesions lie.
    Sites {
        /// Ids of the sites.
        sites: Vec<String>,
    },
    /// What one modality, or the history, says of a finding, or of the findings of an exclusive group.
    Findings {
        /// Modality, `HX` for history and examination.
        modality: String,
        /// What was said.
        said: Vec<Said>,
    },
    /// A number of the lesion.
    Quantity {
        /// Id of the quantity.
        quantity: String,
        /// In its unit.
        value: f64,
    },
    /// A laboratory result.
    Laboratory {
        /// Id of the analyte.
        analyte: String,
        /// As the case says it.
        said: String,
        /// Its level or its sign.
        result: Vec<&'static str>,
    },
}

/// One finding as it was told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// Id of the finding.
    pub finding: String,
    /// `present`, `suggested`, `absent` or `measured`.
    pub assertion: &'static str,
    /// Of a measured finding: its probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

/// States of a binary variable.
const BINARY: [&str; 2] = ["absent", "present"];
/// Name of the root.
pub(crate) const DIAGNOSIS: &str = "diagnosis";
pub(crate) const PRESENTATION: &str = "presentation";

impl Model {
    /// Compiles the knowledge for a setting, with counts of proven cases added to the published numbers.
    ///
    /// # Errors
    /// An unknown setting, or numbers that are no probabilities.
    pub fn new(knowledge: &Knowledge, setting: &str, counts: &Counts) -> Result<Self, ModelError> {
        if knowledge.setting(setting).is_none() {
            return Err(ModelError::UnknownSetting(setting.to_owned()));
        }
        let (network, variables, trust) = (Network::default(), HashMap::new(), Vec::new());
        Builder { knowledge, setting, counts, network, variables, trust }.build()
    }

    /// The compiled network.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Position of a diagnosis among the states of the root.
    ///
    /// # Errors
    /// When it is not known.
    pub fn index_of(&self, diagnosis: &str) -> Result<usize, ModelError> {
        self.diagnoses
            .iter()
            .position(|id| id == diagnosis)
            .ok_or_else(|| ModelError::UnknownDiagnosis(diagnosis.to_owned()))
    }

    /// The variable that says whether a lesion looks like its diagnosis.
    #[must_use]
    pub fn presentation(&self) -> Option<VariableId> {
        self.variable(PRESENTATION)
    }

    /// The variable of a name: a finding, a group, a condition, `finding@MODALITY`, an analyte, a quantity.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<VariableId> {
        self.variables.get(name).copied()
    }

    /// Turns a case into facts and evidence, fact by fact. What the case does not say gives no evidence.
    #[must_use]
    pub fn evidence(&self, case: &Case, knowledge: &Knowledge) -> Heard {
        let mut collector =
            Collector { model: self, evidence: Evidence::new(), facts: Vec::new(), implied: Vec::new() };
        if let Some(years) = case.age_years {
            let band = band_of(years, &self.age_bands);
            collector.state("age", band, FactKind::Age { years }, "age");
        }
        if let Some(sex) = case.sex {
            let state = usize::from(sex == Sex::Male);
            collector.state("sex", state, FactKind::Sex { sex: sex.word() }, "sex");
        }
        collector.sites(case);
        collector.findings(case, knowledge);
        collector.quantities(case, knowledge);
        collector.labs(case);
        let Collector { evidence, mut facts, implied, .. } = collector;
        // the engine orders its facts by variable
        facts.sort_by_key(|fact| fact.variable);
        Heard { evidence, facts, implied }
    }
}

struct Collector<'m> {
    model: &'m Model,
    evidence: Evidence,
    facts: Vec<Fact>,
    implied: Vec<Implied>,
}

impl Collector<'_> {
    fn add(&mut self, variable: VariableId, likelihood: Vec<f64>, kind: FactKind, subject: &str) {
        self.evidence.add(variable, likelihood);
        self.facts.push(Fact { kind, subject: subject.to_owned(), variable: Some(variable) });
    }

    fn state(&mut self, name: &str, state: usize, kind: FactKind, subject: &str) {
        if let Some(variable) = self.model.variable(name) {
            let states = self.model.engine.network().variable(variable).states.len();
            let likelihood = (0..states).map(|index| f64::from(index == state)).collect();
            self.add(variable, likelihood, kind, subject);
        }
    }

    /// All regions in which an examination saw lesions. A tracer study covers more than the lesion, so its regions
    /// count only where there is no other examination.
    fn sites(&mut self, case: &Case) {
        let of = |tracer: bool| {
            let mut sites = case
                .examinations
                .iter()
                .filter(|examination| (examination.modality == "NM") == tracer)
                .flat_map(|examination| examination.sites.iter().cloned())
                .collect::<Vec<_>>();
            sites.sort();
            sites.dedup();
            sites
        };
        let mut sites = of(false);
        if sites.is_empty() {
            sites = of(true);
        }
        if let (Some(variable), false) = (self.model.variable("site"), sites.is_empty()) {
            let likelihood = self.model.sites.iter().map(|site| f64::from(sites.contains(site))).collect();
            self.add(variable, likelihood, FactKind::Sites { sites }, "site");
        }
    }

    /// One fact for each view: a finding (or exclusive group) as one modality shows it. Several examinations with one
    /// modality are one view; where they differ the last plain word counts.
    fn findings(&mut self, case: &Case, knowledge: &Knowledge) {
        let present = |finding: &String| {
            case.observations
                .iter()
                .any(|other| other.finding == *finding && other.assertion == Assertion::Present)
        };
        let mut views: BTreeMap<(&str, &str), Vec<(&str, Assertion)>> = BTreeMap::new();
        for observation in &case.observations {
            let known = knowledge.findings.findings.get(&observation.finding);
            let by = known.and_then(|known| known.implied_by.iter().find(|stronger| present(stronger)));
            if let (Some(by), true) = (by, observation.assertion != Assertion::Absent) {
                self.implied.push(Implied {
                    finding: observation.finding.clone(),
                    modality: observation.modality.clone(),
                    by: by.clone(),
                });
                continue;
            }
            let Some(group) = knowledge.vocabulary.group_of(&observation.finding) else { continue };
            let subject = if group.exclusive { group.id.as_str() } else { observation.finding.as_str() };
            let view = views.entry((subject, &observation.modality)).or_default();
            let before = view.iter_mut().find(|(finding, _)| *finding == observation.finding);
            match before {
                Some(before) => {
                    if observation.assertion != Assertion::Suggested {
                        before.1 = observation.assertion;
                    }
                }
                None => view.push((&observation.finding, observation.assertion)),
            }
        }
        for ((subject, modality), said) in views {
            let Some(variable) = self.model.variable(&view_name(subject, modality)) else { continue };
            let states = &self.model.engine.network().variable(variable).states;
            let odds = self.model.suggestion_odds;
            let binary = states.len() == 2 && states[1] == BINARY[1];
            let likelihood = if binary {
                match said[0].1 {
                    Assertion::Present => vec![0.0, 1.0],
                    Assertion::Suggested => vec![1.0, odds],
                    Assertion::Absent => vec![1.0, 0.0],
                    Assertion::Measured { permille } => {
                        let p = measured(permille);
                        vec![1.0 - p, p]
                    }
                }
            } else {
                group_likelihood(states, &said, odds)
            };
            if likelihood.iter().all(|value| *value == 0.0) {
                continue;
            }
            let said = said
                .into_iter()
                .map(|(finding, assertion)| Said {
                    finding: finding.to_owned(),
                    assertion: match assertion {
                        Assertion::Present => "present",
                        Assertion::Suggested => "suggested",
                        Assertion::Absent => "absent",
                        Assertion::Measured { .. } => "measured",
                    },
                    probability: match assertion {
                        Assertion::Measured { permille } => Some(measured(permille)),
                        _ => None,
                    },
                })
                .collect();
            let kind = FactKind::Findings { modality: modality.to_owned(), said };
            self.add(variable, likelihood, kind, subject);
        }
    }

    /// The largest value over the examinations; for the time since onset the first.
    fn quantities(&mut self, case: &Case, knowledge: &Knowledge) {
        let told = |quantity: &str| {
            let values =
                case.examinations.iter().filter_map(|examination| examination.quantities.get(quantity));
            if knowledge.findings.quantities.get(quantity).is_some_and(|known| known.unit == "wk") {
                values.copied().next()
            } else {
                values.copied().reduce(f64::max)
            }
        };
        for quantity in &knowledge.vocabulary.quantities {
            let Some(variable) = self.model.quantities.get(quantity) else { continue };
            let Some(value) = told(quantity) else { continue };
            if variable.yields_to.as_deref().is_some_and(|other| told(other).is_some()) {
                continue;
            }
            let band = band_of(value, &variable.bands);
            let likelihood = (0..=variable.bands.len()).map(|index| f64::from(index == band)).collect();
            let subject =
                knowledge.findings.quantities.get(quantity).and_then(|known| known.group.as_deref());
            let kind = FactKind::Quantity { quantity: quantity.clone(), value };
            self.add(variable.id, likelihood, kind, subject.unwrap_or(quantity));
        }
    }

    fn labs(&mut self, case: &Case) {
        for lab in &case.labs {
            let Some(variable) = self.model.variable(&lab.analyte) else { continue };
            let (likelihood, result) = match &lab.result {
                LabResult::Levels(levels) => (
                    Level::ALL.iter().map(|level| f64::from(levels.contains(level))).collect(),
                    levels.iter().map(|level| level.id()).collect(),
                ),
                LabResult::Positive(true) => (vec![0.0, 1.0], vec!["positive"]),
                LabResult::Positive(false) => (vec![1.0, 0.0], vec!["negative"]),
            };
            let kind = FactKind::Laboratory { analyte: lab.analyte.clone(), said: lab.said.clone(), result };
            self.add(variable, likelihood, kind, &lab.analyte);
        }
    }
}

/// The probability of a measured finding; nothing that was measured is certain.
fn measured(permille: u16) -> f64 {
    (f64::from(permille) / 1000.0).clamp(0.001, 0.999)
}

/// Where several values of an exclusive group are told, any of them may be meant.
fn group_likelihood(states: &[String], said: &[(&str, Assertion)], odds: f64) -> Vec<f64> {
    let told = |state: &String, assertion: Assertion| {
        said.iter().any(|(finding, told)| finding == state && *told == assertion)
    };
    let any_present = said.iter().any(|(_, assertion)| *assertion == Assertion::Present);
    let any_suggested = said.iter().any(|(_, assertion)| *assertion == Assertion::Suggested);
    let measured_of = |state: &String| {
        said.iter().find_map(|(finding, assertion)| match assertion {
            Assertion::Measured { permille } if finding == state => Some(measured(*permille)),
            _ => None,
        })
    };
    let all_measured: f64 = states.iter().filter_map(measured_of).sum();
    let unmeasured = states.iter().filter(|state| measured_of(state).is_none()).count();
    if all_measured > 0.0 {
        // what the measured values leave is shared by the others
        let rest = (1.0 - all_measured).max(0.001) / unmeasured.max(1) as f64;
        return states.iter().map(|state| measured_of(state).unwrap_or(rest)).collect();
    }
    states
        .iter()
        .map(|state| {
            if any_present {
                f64::from(told(state, Assertion::Present))
            } else if told(state, Assertion::Absent) {
                0.0
            } else if any_suggested && told(state, Assertion::Suggested) {
                odds
            } else {
                1.0
            }
        })
        .collect()
}

fn view_name(subject: &str, modality: &str) -> String {
    format!("{subject}@{modality}")
}

struct Builder<'b> {
    knowledge: &'b Knowledge,
    setting: &'b str,
    counts: &'b Counts,
    network: Network,
    variables: HashMap<String, VariableId>,
    trust: Vec<Vec<Trust>>,
}

impl Builder<'_> {
    fn build(mut self) -> Result<Model, ModelError> {
        let knowledge = self.knowledge;
        let diagnoses = knowledge.diagnoses.iter().map(|diagnosis| diagnosis.id.clone()).collect::<Vec<_>>();
        let prior = self.prior();
        let root = self.add(DIAGNOSIS, diagnoses.clone(), vec![], vec![prior])?;
        let atypical = &knowledge.constants.atypical_presentation;
        let presentation = self.add(
            PRESENTATION,
            words(&["typical", "atypical"]),
            vec![],
            vec![row(0, binary(atypical.best), strength(atypical))],
        )?;

        self.age(root)?;
        self.sex(root)?;
        self.sites(root, presentation)?;
        self.conditions(root)?;
        self.diagnosis_analytes(root)?;
        for group in &knowledge.vocabulary.groups {
            if group.exclusive {
                self.group(&group.id, &group.findings, root, presentation)?;
            } else {
                for finding in &group.findings {
                    self.finding(finding, root, presentation)?;
                }
            }
        }
        // what follows from another finding comes behind it
        for (finding, known) in &knowledge.findings.findings {
            if let Some(parent) = &known.follows {
                self.following_finding(finding, parent)?;
            }
        }
        let quantities = self.quantities(root)?;
        let engine = Engine::new(self.network, root, Some(presentation))?;
        Ok(Model {
            engine,
            diagnoses,
            setting: self.setting.to_owned(),
            age_bands: knowledge.constants.age_bands.clone(),
            sites: knowledge.vocabulary.sites.clone(),
            quantities,
            suggestion_odds: knowledge.constants.suggestion_odds,
            variables: self.variables,
            trust: self.trust,
        })
    }

    fn add(
        &mut self,
        name: &str,
        states: Vec<String>,
        parents: Vec<VariableId>,
        rows: Vec<Row>,
    ) -> Result<VariableId, ModelError> {
        self.trust.push(rows.iter().map(|row| row.trust.clone()).collect());
        let table = rows.into_iter().flat_map(|row| normalised(row.shares)).collect();
        let id = self.network.add(name, states, parents, table)?;
        self.variables.insert(name.to_owned(), id);
        Ok(id)
    }

    /// The case mix of the setting; counts of cases speak only for the default setting, whose patients they are.
    fn prior(&self) -> Row {
        let knowledge = self.knowledge;
        let told = || knowledge.diagnoses.iter().map(|diagnosis| diagnosis.prior.get(self.setting));
        let shares = told().map(|prior| prior.map_or(f64::MIN_POSITIVE, |prior| prior.best)).collect();
        let mut prior = distribution_row(0, normalised(shares), told());
        let weight = knowledge.constants.case_mix_weight;
        if weight > 0.0 && knowledge.settings.first().is_some_and(|setting| setting.id == self.setting) {
            for (share, diagnosis) in prior.shares.iter_mut().zip(&knowledge.diagnoses) {
                let count: f64 =
                    self.counts.of(&diagnosis.id, "prior").map_or(0.0, |counts| counts.iter().sum());
                *share = *share * prior.trust.patients + weight * count;
            }
        }
        prior
    }

    fn age(&mut self, root: VariableId) -> Result<(), ModelError> {
        let edges = &self.knowledge.constants.age_bands;
        let strength = self.knowledge.constants.age_strength;
        let states = (0..=edges.len()).map(|band| format!("band{band}")).collect();
        let everywhere = vec![1.0 / (edges.len() + 1) as f64; edges.len() + 1];
        let rows = self
            .knowledge
            .diagnoses
            .iter()
            .enumerate()
            .map(|(index, diagnosis)| {
                let share = self.knowledge.constants.age_elsewhere_share;
                let own = mixed(band_shares(&diagnosis.age, edges, false), &everywhere, share);
                self.with_counts(row(index, own, strength), &diagnosis.id, "age")
            })
            .collect();
        self.add("age", states, vec![root], rows)?;
        Ok(())
    }

    fn sex(&mut self, root: VariableId) -> Result<(), ModelError> {
        let rows = self
            .knowledge
            .diagnoses
            .iter()
            .enumerate()
            .map(|(index, diagnosis)| {
                let female = &diagnosis.sex.female;
                let own = vec![female.best, 1.0 - female.best];
                self.with_counts(row(index, own, strength(female)), &diagnosis.id, "sex")
            })
            .collect();
        self.add("sex", words(&["female", "male"]), vec![root], rows)?;
        Ok(())
    }

    fn sites(&mut self, root: VariableId, presentation: VariableId) -> Result<(), ModelError> {
        let knowledge = self.knowledge;
        let sites = &knowledge.vocabulary.sites;
        let elsewhere = normalised(
            sites
                .iter()
                .map(|site| knowledge.findings.sites.get(site).map_or(0.0, |site| site.elsewhere.best))
                .collect(),
        );
        let elsewhere_told =
            || sites.iter().map(|site| knowledge.findings.sites.get(site).map(|site| &site.elsewhere));
        let mut rows = Vec::new();
        for (index, diagnosis) in knowledge.diagnoses.iter().enumerate() {
            let own = sites
                .iter()
                .map(|site| diagnosis.sites.get(site).map_or(0.0, |weight| weight.best))
                .collect::<Vec<_>>();
            let own = mixed(normalised(own), &elsewhere, knowledge.constants.site_elsewhere_share);
            let own = distribution_row(index, own, sites.iter().map(|site| diagnosis.sites.get(site)));
            rows.push(self.with_counts(own, &diagnosis.id, "site"));
            rows.push(distribution_row(ELSEWHERE, elsewhere.clone(), elsewhere_told()));
        }
        self.add("site", sites.clone(), vec![root, presentation], rows)?;
        Ok(())
    }

    fn conditions(&mut self, root: VariableId) -> Result<(), ModelError> {
        let knowledge = self.knowledge;
        for condition in &knowledge.conditions {
            let shares = |from: &BTreeMap<String, Frequency>| {
                condition
                    .states
                    .iter()
                    .map(|state| from.get(state).map_or(0.0, |share| share.best))
                    .collect::<Vec<_>>()
            };
            let background =
                condition.background_by_setting.get(self.setting).unwrap_or(&condition.background);
            let background_told = background;
            let background = normalised(shares(background_told));
            let (parents, rows) = match &condition.parent {
                None => {
                    let rows = knowledge
                        .diagnoses
                        .iter()
                        .enumerate()
                        .map(|(index, diagnosis)| {
                            let told = diagnosis.conditions.get(&condition.id);
                            let own = self.mixed(condition_shares(condition, told, &background), &background);
                            let own_told = condition.states.iter().map(|state| {
                                told.and_then(|told| told.get(state)).or(background_told.get(state))
                            });
                            let number = if told.is_some() { index } else { ELSEWHERE };
                            let own = distribution_row(number, own, own_told);
                            self.with_counts(own, &diagnosis.id, &condition.id)
                        })
                        .collect();
                    (vec![root], rows)
                }
                Some(parent) => {
                    let Some(parent_condition) =
                        knowledge.conditions.iter().find(|other| other.id == *parent)
                    else {
                        continue;
                    };
                    let empty = BTreeMap::new();
                    let uniform = vec![1.0 / condition.states.len() as f64; condition.states.len()];
                    let rows = parent_condition
                        .states
                        .iter()
                        .enumerate()
                        .map(|(index, state)| {
                            let given = condition.given.get(state).unwrap_or(&empty);
                            let shares = self.mixed(normalised(shares(given)), &uniform);
                            distribution_row(
                                index,
                                shares,
                                condition.states.iter().map(|state| given.get(state)),
                            )
                        })
                        .collect();
                    (vec![self.variables[parent]], rows)
                }
            };
            let id = self.add(&condition.id, condition.states.clone(), parents, rows)?;
            for (analyte, by_state) in &condition.analytes {
                let rows = condition
                    .states
                    .iter()
                    .enumerate()
                    .map(|(index, state)| level_row(index, by_state.get(state)))
                    .collect();
                self.analyte(analyte, id, rows)?;
            }
        }
        Ok(())
    }

    /// Genetic tests and the like, which follow from the diagnosis itself.
    fn diagnosis_analytes(&mut self, root: VariableId) -> Result<(), ModelError> {
        let knowledge = self.knowledge;
        for analyte in &knowledge.vocabulary.analytes {
            let Some(known) = knowledge.analytes.analytes.get(analyte) else { continue };
            if knowledge.condition_of_analyte(analyte).is_some() {
                continue;
            }
            let Some(elsewhere) = &known.elsewhere else { continue };
            let rows = knowledge
                .diagnoses
                .iter()
                .enumerate()
                .map(|(index, diagnosis)| match diagnosis.analytes.get(analyte) {
                    Some(own) => level_row(index, Some(own)),
                    None => level_row(ELSEWHERE, Some(elsewhere)),
                })
                .collect();
            self.analyte(analyte, root, rows)?;
        }
        Ok(())
    }

    fn analyte(&mut self, analyte: &str, parent: VariableId, rows: Vec<Row>) -> Result<(), ModelError> {
        let kind = self.knowledge.analytes.analytes.get(analyte).map(|analyte| analyte.kind);
        let states = match kind {
            Some(AnalyteKind::Binary) => words(&["negative", "positive"]),
            _ => Level::ALL.iter().map(|level| level.id().to_owned()).collect(),
        };
        self.add(analyte, states, vec![parent], rows)?;
        Ok(())
    }

    /// A finding that is a sign of a background condition or of the diagnosis itself.
    fn finding(
        &mut self,
        finding: &str,
        root: VariableId,
        presentation: VariableId,
    ) -> Result<(), ModelError> {
        let knowledge = self.knowledge;
        if let Some(condition) = knowledge.condition_of_finding(finding) {
            let by_state = &condition.findings[finding];
            let rows = condition
                .states
                .iter()
                .enumerate()
                .map(|(index, state)| binary_row(index, by_state.get(state)))
                .collect();
            return self.property(finding, vec![self.variables[&condition.id]], rows);
        }
        let elsewhere = knowledge.findings.findings.get(finding).and_then(|known| known.elsewhere.as_ref());
        let Some(elsewhere) = elsewhere else { return Ok(()) };
        let mut rows = Vec::new();
        for (index, diagnosis) in knowledge.diagnoses.iter().enumerate() {
            let own = match diagnosis.findings.get(finding) {
                Some(own) => binary_row(index, Some(own)),
                None => binary_row(ELSEWHERE, Some(elsewhere)),
            };
            rows.push(self.with_counts(own, &diagnosis.id, finding));
            rows.push(binary_row(ELSEWHERE, Some(elsewhere)));
        }
        self.property(finding, vec![root, presentation], rows)
    }

    /// A finding that is a sign of another finding, or of the value of an exclusive group.
    fn following_finding(&mut self, finding: &str, parent: &str) -> Result<(), ModelError> {
        let Some(known) = self.knowledge.findings.findings.get(finding) else { return Ok(()) };
        let Some(parent) = self.variables.get(parent).copied() else { return Ok(()) };
        let rows = self
            .network
            .variable(parent)
            .states
            .iter()
            .enumerate()
            .map(|(index, state)| binary_row(index, known.given.get(state)))
            .collect();
        self.property(finding, vec![parent], rows)
    }

    /// A true property of the patient or the lesion, with a view of it for each modality that shows it.
    fn property(
        &mut self,
        finding: &str,
        parents: Vec<VariableId>,
        rows: Vec<Row>,
    ) -> Result<(), ModelError> {
        let knowledge = self.knowledge;
        let property = self.add(finding, words(&BINARY), parents, rows)?;
        for modality in knowledge.modalities.keys() {
            if let Some(view) = knowledge.view(modality, finding) {
                let false_alarm = row(0, binary(1.0 - view.specificity.best), strength(&view.specificity));
                let rows = vec![false_alarm, binary_row(1, Some(&view.sensitivity))];
                self.add(&view_name(finding, modality), words(&BINARY), vec![property], rows)?;
            }
        }
        Ok(())
    }

    fn group(
        &mut self,
        id: &str,
        findings: &[String],
        root: VariableId,
        presentation: VariableId,
    ) -> Result<(), ModelError> {
        let knowledge = self.knowledge;
        let Some(known) = knowledge.findings.groups.get(id) else { return Ok(()) };
        let shares = |from: &BTreeMap<String, Frequency>| {
            normalised(
                findings.iter().map(|finding| from.get(finding).map_or(0.0, |share| share.best)).collect(),
            )
        };
        let elsewhere = shares(&known.elsewhere);
        let mut rows = Vec::new();
        let elsewhere_told = || findings.iter().map(|finding| known.elsewhere.get(finding));
        for (index, diagnosis) in knowledge.diagnoses.iter().enumerate() {
            let (number, told) = match diagnosis.groups.get(id) {
                Some(told) => (index, told),
                None => (ELSEWHERE, &known.elsewhere),
            };
            let own_told = findings.iter().map(|finding| told.get(finding));
            let own = distribution_row(number, self.mixed(shares(told), &elsewhere), own_told);
            rows.push(self.with_counts(own, &diagnosis.id, id));
            rows.push(distribution_row(ELSEWHERE, elsewhere.clone(), elsewhere_told()));
        }
        let property = self.add(id, findings.to_vec(), vec![root, presentation], rows)?;
        for modality in knowledge.modalities.keys() {
            let views = findings.iter().map(|finding| knowledge.view(modality, finding)).collect::<Vec<_>>();
            if views.iter().any(Option::is_some) {
                let rows = (0..findings.len())
                    .map(|state| {
                        let patients = views[state].map_or(1.0, |view| strength(&view.sensitivity));
                        row(state, confusion(state, &views), patients)
                    })
                    .collect();
                self.add(&view_name(id, modality), findings.to_vec(), vec![property], rows)?;
            }
        }
        Ok(())
    }

    fn quantities(&mut self, root: VariableId) -> Result<HashMap<String, QuantityVariable>, ModelError> {
        let knowledge = self.knowledge;
        let mut variables = HashMap::new();
        for (id, quantity) in &knowledge.findings.quantities {
            let edges = &quantity.bands;
            let strength = knowledge.constants.age_strength;
            let shares = |percentiles: &Percentiles| band_shares(percentiles, edges, percentiles.p05 > 0.0);
            let uniform = vec![1.0 / (edges.len() + 1) as f64; edges.len() + 1];
            let elsewhere = self.mixed(shares(&quantity.elsewhere), &uniform);
            let states = (0..=edges.len()).map(|band| format!("band{band}")).collect();
            let (parents, rows) = match quantity
                .group
                .as_ref()
                .and_then(|group| Some((self.variables.get(group)?, knowledge.vocabulary.group(group)?)))
            {
                Some((parent, group)) => {
                    let rows = group
                        .findings
                        .iter()
                        .enumerate()
                        .map(|(index, finding)| {
                            let given = quantity.given.get(finding).unwrap_or(&quantity.elsewhere);
                            row(index, self.mixed(shares(given), &uniform), strength)
                        })
                        .collect();
                    (vec![*parent], rows)
                }
                None => {
                    let rows = knowledge
                        .diagnoses
                        .iter()
                        .enumerate()
                        .map(|(index, diagnosis)| {
                            let own = match diagnosis.quantities.get(id) {
                                Some(own) => row(index, self.mixed(shares(own), &elsewhere), strength),
                                None => row(ELSEWHERE, elsewhere.clone(), strength),
                            };
                            self.with_counts(own, &diagnosis.id, id)
                        })
                        .collect();
                    (vec![root], rows)
                }
            };
            let variable = self.add(id, states, parents, rows)?;
            variables.insert(
                id.clone(),
                QuantityVariable {
                    id: variable,
                    bands: edges.clone(),
                    yields_to: quantity.yields_to.clone(),
                },
            );
        }
        Ok(variables)
    }

    fn mixed(&self, own: Vec<f64>, elsewhere: &[f64]) -> Vec<f64> {
        mixed(own, elsewhere, self.knowledge.constants.elsewhere_share)
    }

    /// Dirichlet updating: the published numbers are worth their patients, each proven case its weight.
    fn with_counts(&self, own: Row, diagnosis: &str, number: &str) -> Row {
        let Some(counts) = self.counts.of(diagnosis, number) else { return own };
        let weight = self.knowledge.constants.case_weight;
        let Row { shares, trust: Trust { patients, by_state, number } } = own;
        let patients = patients.min(self.knowledge.constants.largest_prior_strength);
        let told = weight * counts.iter().sum::<f64>();
        let total = patients + told;
        let shares = shares
            .iter()
            .zip(counts)
            .map(|(share, count)| (share * patients + weight * count) / total)
            .collect();
        let by_state = by_state.iter().map(|patients| patients + told).collect();
        Row { shares, trust: Trust { patients: total, by_state, number } }
    }
}

fn binary_row(number: usize, frequency: Option<&Frequency>) -> Row {
    match frequency {
        Some(frequency) => row(number, binary(frequency.best), strength(frequency)),
        None => row(number, binary(0.5), 1.0),
    }
}

fn level_row(number: usize, levels: Option<&AnalyteLevels>) -> Row {
    match levels {
        Some(AnalyteLevels::Binary { positive }) => binary_row(number, Some(positive)),
        Some(AnalyteLevels::Graded { levels, effective_n, .. }) => row(number, levels.to_vec(), *effective_n),
        None => row(number, vec![0.2; Level::ALL.len()], 1.0),
    }
}

/// Number of patients whose 90 % interval a frequency has.
fn strength(frequency: &Frequency) -> f64 {
    const STANDARD_DEVIATIONS_IN_INTERVAL: f64 = 3.29;
    let deviation = (frequency.high - frequency.low) / STANDARD_DEVIATIONS_IN_INTERVAL;
    let patients = frequency.best * (1.0 - frequency.best) / (deviation * deviation) - 1.0;
    patients.max(1.0)
}

/// The same for a whole distribution: that of its commonest state.
fn strength_of<'f>(frequencies: impl Iterator<Item = &'f Frequency>) -> f64 {
    frequencies.max_by(|a, b| a.best.total_cmp(&b.best)).map_or(1.0, strength)
}

/// States that the diagnosis does not name share what is left, as they do in the background.
fn condition_shares(
    condition: &Condition,
    told: Option<&BTreeMap<String, Frequency>>,
    background: &[f64],
) -> Vec<f64> {
    let Some(told) = told else { return background.to_vec() };
    let named: f64 = told.values().map(|share| share.best).sum();
    let unnamed: f64 = condition
        .states
        .iter()
        .zip(background)
        .filter(|(state, _)| !told.contains_key(*state))
        .map(|(_, p)| p)
        .sum();
    let left = (1.0 - named).max(0.0);
    normalised(
        condition
            .states
            .iter()
            .zip(background)
            .map(|(state, background)| match told.get(state) {
                Some(share) => share.best,
                None => left * background / unnamed,
            })
            .collect(),
    )
}

/// How one modality words the true value of an exclusive group.
fn confusion(state: usize, views: &[Option<&ModalityView>]) -> Vec<f64> {
    const BLIND: f64 = 1e-4;
    let right = views[state].map_or(BLIND, |view| view.sensitivity.best);
    let others =
        views.iter().enumerate().filter(|(index, view)| *index != state && view.is_some()).count().max(1);
    views
        .iter()
        .enumerate()
        .map(|(index, view)| match view {
            _ if index == state => right,
            Some(_) => (1.0 - right) / others as f64,
            None => BLIND,
        })
        .collect()
}

fn row(number: usize, shares: Vec<f64>, patients: f64) -> Row {
    let by_state = vec![patients; shares.len()];
    Row { shares, trust: Trust { patients, by_state, number } }
}

/// A row of which every state has an interval of its own; what is not told has that of the whole.
fn distribution_row<'f>(
    number: usize,
    shares: Vec<f64>,
    told: impl Iterator<Item = Option<&'f Frequency>> + Clone,
) -> Row {
    let patients = strength_of(told.clone().flatten());
    let by_state = told.map(|frequency| frequency.map_or(patients, strength)).collect();
    Row { shares, trust: Trust { patients, by_state, number } }
}

fn binary(present: f64) -> Vec<f64> {
    vec![1.0 - present, present]
}

/// A share of every distribution is as elsewhere.
fn mixed(own: Vec<f64>, elsewhere: &[f64], share: f64) -> Vec<f64> {
    own.into_iter().zip(elsewhere).map(|(own, other)| (1.0 - share) * own + share * other).collect()
}

fn normalised(mut weights: Vec<f64>) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= total;
    }
    weights
}

fn words(of: &[&str]) -> Vec<String> {
    of.iter().map(|word| (*word).to_owned()).collect()
}
