use std::collections::HashMap;

use serde::Deserialize;

/// The ids of the case format.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Groups of findings.
    pub groups: Vec<Group>,
    /// Quantities of an imaging block.
    pub quantities: Vec<String>,
    /// Regions of the body.
    pub sites: Vec<String>,
    /// Laboratory quantities.
    pub analytes: Vec<String>,
    /// Diagnoses with their mechanism.
    pub diagnoses: Vec<(String, String)>,
    /// Mechanisms in order.
    pub mechanisms: Vec<String>,
    group_of: HashMap<String, usize>,
}

/// A group of findings.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Id of the group.
    pub id: String,
    /// One lesion has at most one of them, as one modality sees it.
    pub exclusive: bool,
    /// Modalities that can show the group; empty for all.
    pub modalities: Vec<String>,
    /// The findings in it.
    pub findings: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct VocabularyFile {
    groups: toml::map::Map<String, toml::Value>,
    quantities: toml::map::Map<String, toml::Value>,
    sites: Ids,
    analytes: Ids,
    diagnoses: toml::map::Map<String, toml::Value>,
}

#[derive(Deserialize)]
struct Ids {
    ids: Vec<String>,
}

impl Vocabulary {
    pub(crate) fn from_file(file: VocabularyFile) -> Self {
        let groups = file
            .groups
            .into_iter()
            .map(|(id, value)| Group {
                id,
                exclusive: value.get("exclusive").and_then(toml::Value::as_bool).unwrap_or(false),
                modalities: strings(value.get("modalities")),
                findings: strings(value.get("findings")),
            })
            .collect::<Vec<_>>();
        let mut group_of = HashMap::new();
        for (index, group) in groups.iter().enumerate() {
            for finding in &group.findings {
                group_of.insert(finding.clone(), index);
            }
        }
        let mechanisms = file.diagnoses.keys().cloned().collect();
        let diagnoses = file
            .diagnoses
            .iter()
            .flat_map(|(mechanism, value)| {
                strings(value.get("ids")).into_iter().map(move |id| (id, mechanism.clone()))
            })
            .collect();
        Self {
            groups,
            quantities: file.quantities.keys().cloned().collect(),
            sites: file.sites.ids,
            analytes: file.analytes.ids,
            diagnoses,
            mechanisms,
            group_of,
        }
    }

    /// The group a finding is in; none for an unknown finding.
    #[must_use]
    pub fn group_of(&self, finding: &str) -> Option<&Group> {
        self.group_of.get(finding).map(|index| &self.groups[*index])
    }

    /// A group by its id.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// All findings in the order of the vocabulary.
    pub fn findings(&self) -> impl Iterator<Item = &str> + Clone {
        self.groups.iter().flat_map(|group| group.findings.iter().map(String::as_str))
    }

    /// Whether the id is that of a diagnosis.
    #[must_use]
    pub fn has_diagnosis(&self, id: &str) -> bool {
        self.diagnoses.iter().any(|(known, _)| known == id)
    }
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    value
        .and_then(toml::Value::as_array)
        .map(|array| array.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
        .unwrap_or_default()
}
