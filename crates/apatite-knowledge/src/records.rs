use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Languages that all texts exist in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Italian.
    It,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::En, Self::It];

    /// ISO 639-1 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::It => "it",
        }
    }
}

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Localised {
    /// English.
    pub en: String,
    /// Italian.
    pub it: String,
}

impl Localised {
    /// The text in one language.
    #[must_use]
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::It => &self.it,
        }
    }
}

/// Words for searching, in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Synonyms {
    /// English.
    pub en: Vec<String>,
    /// Italian.
    pub it: Vec<String>,
}

impl Synonyms {
    /// The words of one language.
    #[must_use]
    pub fn get(&self, language: Language) -> &[String] {
        match language {
            Language::En => &self.en,
            Language::It => &self.it,
        }
    }
}

/// A probability: best value, 90 % interval, sources. Written `[best, low, high, "source", ...]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Frequency {
    /// Best value.
    pub best: f64,
    /// Lower end of the 90 % interval.
    pub low: f64,
    /// Upper end of the 90 % interval.
    pub high: f64,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}

impl<'de> Deserialize<'de> for Frequency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Item {
            Number(f64),
            Source(String),
        }
        let items = Vec::<Item>::deserialize(deserializer)?;
        let [Item::Number(best), Item::Number(low), Item::Number(high), sources @ ..] = items.as_slice()
        else {
            return Err(D::Error::custom("a frequency is written [best, low, high, \"source\", ...]"));
        };
        let sources = sources
            .iter()
            .map(|item| match item {
                Item::Source(source) => Ok(source.clone()),
                Item::Number(_) => {
                    Err(D::Error::custom("after the three numbers of a frequency come its sources"))
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { best: *best, low: *low, high: *high, sources })
    }
}

/// The head of `knowledge.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) version: String,
    pub(crate) settings: Vec<Setting>,
    pub(crate) constants: Constants,
    #[serde(default)]
    pub(crate) contradictions: Vec<[String; 2]>,
}

/// A place where patients are seen, with a case mix of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Id, as `--setting` takes it.
    pub id: String,
    /// Names.
    pub names: Localised,
    /// What it stands for.
    pub description: Localised,
}

/// The constants of the model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// Share of patients in whom the lesion does not look like its diagnosis, but like anything.
    pub atypical_presentation: Frequency,
    /// How often an examination that shows a finding is worded "likely", against one that does not show it: the odds
    /// by which a suggested finding speaks for one seen.
    pub suggestion_odds: f64,
    /// Share of every distribution over sites, states and bands that is as elsewhere: nothing is impossible.
    pub elsewhere_share: f64,
    /// The same for ages and sites, which reports choose for being unusual.
    pub age_elsewhere_share: f64,
    /// See [`Constants::age_elsewhere_share`].
    pub site_elsewhere_share: f64,
    /// Edges of the age bands, years.
    pub age_bands: Vec<f64>,
    /// Number of patients that the age distribution of a diagnosis is worth against proven cases.
    pub age_strength: f64,
    /// Weight of one proven case against one patient of a published series.
    pub case_weight: f64,
    /// The same for the case mix of the default setting.
    pub case_mix_weight: f64,
    /// Number of patients that the interval of a frequency may at most be worth against proven cases.
    pub largest_prior_strength: f64,
}

/// Codes of other systems; one or several each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Codes(pub BTreeMap<String, OneOrMany>);

/// A string or a list of strings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One code.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(code) => std::slice::from_ref(code),
            Self::Many(codes) => codes,
        }
    }
}

/// `findings.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingsFile {
    /// Findings by id.
    pub findings: BTreeMap<String, Finding>,
    /// Groups by id.
    pub groups: BTreeMap<String, GroupInfo>,
    /// Sites by id.
    pub sites: BTreeMap<String, Site>,
    /// Quantities by id.
    pub quantities: BTreeMap<String, Quantity>,
}

/// One finding of the vocabulary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Names.
    pub names: Localised,
    /// One sentence.
    pub definition: Localised,
    /// Other words for it.
    #[serde(default)]
    pub synonyms: Synonyms,
    /// Codes.
    #[serde(default)]
    pub codes: Codes,
    /// How often it is there in a diagnosis that says nothing of it.
    pub elsewhere: Option<Frequency>,
    /// The finding or exclusive group that it follows from, where it is a sign of that and not of the diagnosis.
    #[serde(default)]
    pub follows: Option<String>,
    /// Where it follows from another: how often it is there, by state of the other (`absent`, `present`, or the
    /// findings of the group).
    #[serde(default)]
    pub given: BTreeMap<String, Frequency>,
    /// Findings that say the same and more: where one of them is present, this one adds nothing.
    #[serde(default)]
    pub implied_by: Vec<String>,
    /// Sources of the definition.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// One group of findings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupInfo {
    /// Names.
    pub names: Localised,
    /// Of an exclusive group: its distribution in a diagnosis that says nothing of it.
    #[serde(default)]
    pub elsewhere: BTreeMap<String, Frequency>,
}

/// A region of the body.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Names.
    pub names: Localised,
    /// Codes.
    #[serde(default)]
    pub codes: Codes,
    /// Relative weight in a diagnosis that says nothing of sites.
    pub elsewhere: Frequency,
}

/// A number of an imaging block.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// Names.
    pub names: Localised,
    /// UCUM unit.
    pub unit: String,
    /// Edges of the bands, ascending.
    pub bands: Bands,
    /// Percentiles in a diagnosis that says nothing of it.
    pub elsewhere: Percentiles,
    /// The exclusive group it follows from; none where it is a child of the diagnosis.
    #[serde(default)]
    pub group: Option<String>,
    /// Where it follows from a group: percentiles by finding of the group.
    #[serde(default)]
    pub given: BTreeMap<String, Percentiles>,
    /// The quantity that says the same better: where that is known, this one adds nothing.
    #[serde(default)]
    pub yields_to: Option<String>,
    /// What it is.
    #[serde(default)]
    pub definition: Option<Localised>,
}

/// Edges between the bands of a quantity: n edges make n + 1 bands.
pub type Bands = Vec<f64>;

/// A continuous distribution by three percentiles.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Percentiles {
    /// 5th percentile.
    pub p05: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}

/// What one modality can see.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modality {
    /// Names.
    pub names: Localised,
    /// By group.
    #[serde(default)]
    pub groups: BTreeMap<String, ModalityView>,
    /// By finding, before the group.
    #[serde(default)]
    pub findings: BTreeMap<String, ModalityView>,
    /// Members of a visible group that it cannot show.
    #[serde(default)]
    pub blind: Blind,
}

/// Findings that a modality cannot show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blind {
    /// Their ids.
    pub findings: Vec<String>,
}

/// How well a modality shows a finding.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModalityView {
    /// P(shown | there).
    pub sensitivity: Frequency,
    /// P(not shown | not there).
    pub specificity: Frequency,
}

/// A background condition, or the second layer of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Id.
    pub id: String,
    /// Names.
    pub names: Localised,
    /// States; the first is the one of a healthy person.
    pub states: Vec<String>,
    /// Names of the states.
    pub state_names: BTreeMap<String, Localised>,
    /// The condition that this one follows from.
    pub parent: Option<String>,
    /// Where there is a parent: for each of its states the distribution of the own states.
    #[serde(default)]
    pub given: BTreeMap<String, BTreeMap<String, Frequency>>,
    /// Where there is none: the distribution in a patient whose diagnosis says nothing of it.
    #[serde(default)]
    pub background: BTreeMap<String, Frequency>,
    /// The same where the setting selects.
    #[serde(default)]
    pub background_by_setting: BTreeMap<String, BTreeMap<String, Frequency>>,
    /// Findings that follow from it: frequency by state.
    #[serde(default)]
    pub findings: BTreeMap<String, BTreeMap<String, Frequency>>,
    /// Analytes that follow from it: levels by state.
    #[serde(default)]
    pub analytes: BTreeMap<String, BTreeMap<String, AnalyteLevels>>,
}

/// The distribution of an analyte in one state.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum AnalyteLevels {
    /// Of an antibody or a genetic test: the frequency of a positive result.
    Binary {
        /// P(positive).
        positive: Frequency,
    },
    /// Of a graded analyte.
    Graded {
        /// Shares of very low, low, normal, high, very high.
        levels: [f64; 5],
        /// Number of patients that the distribution is worth.
        effective_n: f64,
        /// Ids in the bibliography, or `judgement`.
        sources: Vec<String>,
    },
}

/// `analytes.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalytesFile {
    /// Analytes by id.
    pub analytes: BTreeMap<String, Analyte>,
    /// Formulas that correct one analyte by another.
    pub corrections: Corrections,
    /// Spellings of units that laboratories use, with the UCUM code meant.
    pub spellings: BTreeMap<String, String>,
}

/// Formulas that correct one analyte by another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrections {
    /// Calcium corrected for albumin.
    pub albumin_corrected_calcium: AlbuminCorrection,
}

/// `corrected = measured + slope * (reference - albumin)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlbuminCorrection {
    /// mg/dL of calcium for each g/dL of albumin.
    pub calcium_mg_per_dl_per_albumin_g_per_dl: f64,
    /// g/dL of albumin at which nothing is corrected.
    pub albumin_reference_g_per_dl: f64,
    /// Ids in the bibliography.
    pub sources: Vec<String>,
}

/// Kind of result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnalyteKind {
    /// A quantity with a reference interval.
    Graded,
    /// Positive or negative.
    Binary,
}

/// One laboratory quantity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analyte {
    /// Names.
    pub names: Localised,
    /// Other words for it.
    #[serde(default)]
    pub synonyms: Synonyms,
    /// What it is measured in.
    #[serde(default)]
    pub specimen: String,
    /// Kind of result.
    pub kind: AnalyteKind,
    /// Canonical UCUM unit; none where there is no number.
    #[serde(default)]
    pub unit: Option<String>,
    /// Molar mass, where mass and molar units are both in use.
    #[serde(default)]
    pub molar_mass_g_per_mol: Option<f64>,
    /// Equivalents per mole, where equivalents are in use.
    #[serde(default)]
    pub valence: Option<f64>,
    /// International units per microgram, where they are defined.
    #[serde(default)]
    pub international_units_per_ug: Option<f64>,
    /// UCUM units that laboratories use, canonical first.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// LOINC codes by unit.
    #[serde(default)]
    pub loinc: BTreeMap<String, String>,
    /// Values in the canonical unit outside of which it is another unit that was meant.
    #[serde(default)]
    pub plausible: Option<[f64; 2]>,
    /// Factors on the limits from which a value is very low or very high.
    #[serde(default)]
    pub very: Very,
    /// The laboratory's own interval is to be preferred.
    #[serde(default)]
    pub assay_dependent: bool,
    /// Of a binary analyte with a number: positive above this, canonical unit.
    #[serde(default)]
    pub positive_above: Option<f64>,
    /// Of an analyte that follows from the diagnosis itself: its levels in a diagnosis that says nothing of it.
    #[serde(default)]
    pub elsewhere: Option<AnalyteLevels>,
    /// Codes.
    #[serde(default)]
    pub codes: Codes,
    /// Ids in the bibliography.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Reference intervals; the first that fits holds.
    #[serde(default)]
    pub reference: Vec<ReferenceInterval>,
}

/// Factors on the limits of the reference interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Very {
    /// Below this multiple of the lower limit a value is very low.
    pub low: Option<f64>,
    /// Above this multiple of the upper limit a value is very high.
    pub high: Option<f64>,
}

/// Reference interval of an age group.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceInterval {
    /// Age in years from, inclusive.
    pub from: f64,
    /// Age in years to, exclusive.
    pub to: f64,
    /// Only for this sex.
    #[serde(default)]
    pub sex: Option<String>,
    /// Lower limit, canonical unit.
    pub low: f64,
    /// Upper limit, canonical unit.
    pub high: f64,
    /// Ids in the bibliography.
    pub sources: Vec<String>,
}

/// Benign, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    /// Benign.
    Benign,
    /// Locally aggressive, or rarely metastasising.
    Intermediate,
    /// Malignant.
    Malignant,
}

/// A statement with its sources.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// English.
    pub en: String,
    /// Italian.
    pub it: String,
    /// Ids in the bibliography, or `judgement`.
    pub sources: Vec<String>,
}

impl Statement {
    /// The text in one language.
    #[must_use]
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::It => &self.it,
        }
    }
}

/// One diagnosis.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// Id.
    pub id: String,
    /// Mechanism, a group of the vocabulary.
    pub mechanism: String,
    /// Benign or malignant.
    pub nature: Nature,
    /// The hypothesis that it is none of the others.
    #[serde(default)]
    pub catch_all: bool,
    /// Names.
    pub names: Localised,
    /// Other names.
    #[serde(default)]
    pub synonyms: Synonyms,
    /// Codes.
    #[serde(default)]
    pub codes: Codes,
    /// What it is.
    pub summary: Statement,
    /// What is typical.
    pub typical: Vec<Statement>,
    /// What argues against it.
    pub against: Vec<Statement>,
    /// How it is confirmed.
    pub confirmation: Vec<Statement>,
    /// What must not be missed.
    pub must_not_miss: Vec<Statement>,
    /// Share of the patients of each setting; relative weights.
    #[serde(default)]
    pub prior: BTreeMap<String, Frequency>,
    /// Age in years at presentation.
    pub age: Percentiles,
    /// Sex.
    pub sex: Sex,
    /// Relative weights of the sites.
    pub sites: BTreeMap<String, Frequency>,
    /// Distributions of exclusive groups.
    #[serde(default)]
    pub groups: BTreeMap<String, BTreeMap<String, Frequency>>,
    /// Frequencies of findings.
    pub findings: BTreeMap<String, Frequency>,
    /// States of background conditions.
    #[serde(default)]
    pub conditions: BTreeMap<String, BTreeMap<String, Frequency>>,
    /// Analytes that are children of the diagnosis.
    #[serde(default)]
    pub analytes: BTreeMap<String, AnalyteLevels>,
    /// Numbers of the lesion.
    #[serde(default)]
    pub quantities: BTreeMap<String, Percentiles>,
}

/// Sex of the patients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sex {
    /// Share of women.
    pub female: Frequency,
}

/// A source, a record of CSL-JSON.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Reference {
    /// Id by which numbers and statements cite it.
    pub id: String,
    /// CSL type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Title.
    pub title: String,
    /// All other fields of CSL-JSON, as they stand.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}
