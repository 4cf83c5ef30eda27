/*!
What a reader does to a case, as a log that is only ever appended to.

The state of a case is its document as it came, with every edit that was not undone applied in order. An undo is an
edit too, and can be undone.
*/

use std::collections::BTreeSet;

use apatite_knowledge::Knowledge;
use apatite_lesion::Kind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::problem::{Answer, Problem};
use crate::store::LoggedEdit;

/// One thing a reader does.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// Says a finding is present, suggested, absent or unknown, as a modality shows it.
    Fact {
        /// Modality, or `HX` for history and examination.
        modality: String,
        /// Id of the finding.
        finding: String,
        /// What is said of it.
        state: Saying,
    },
    /// Gives a laboratory value: a quantity with its unit or a level; none takes it away.
    Lab {
        /// Id of the analyte.
        analyte: String,
        /// As the laboratory wrote it.
        value: Option<String>,
    },
    /// Says who the patient is; what is not given becomes unknown.
    Patient {
        /// Years.
        age: Option<f64>,
        /// `female` or `male`.
        sex: Option<String>,
    },
    /// Says whether an examination shows a region.
    Site {
        /// Modality.
        modality: String,
        /// Id of the region.
        site: String,
        /// Whether it does.
        shown: bool,
    },
    /// Gives a number of an examination; none takes it away.
    Quantity {
        /// Modality.
        modality: String,
        /// Id of the quantity.
        quantity: String,
        /// In the unit of the vocabulary.
        value: Option<f64>,
    },
    /// Names the case.
    Title {
        /// The name.
        title: String,
    },
    /// Says where the patient is seen.
    Setting {
        /// Id of the setting.
        setting: String,
    },
    /// Takes another study of the patient into the case, or out of it.
    Study {
        /// StudyInstanceUID.
        study: String,
        /// Whether it belongs to the case.
        belongs: bool,
    },
    /// Judges a lesion that the analysis found.
    Lesion {
        /// StudyInstanceUID.
        study: String,
        /// Id of the lesion.
        lesion: u16,
        /// The judgement.
        verdict: Verdict,
    },
    /// Says what a lesion is.
    LesionKind {
        /// StudyInstanceUID.
        study: String,
        /// Id of the lesion.
        lesion: u16,
        /// What it is.
        #[schema(value_type = String)]
        is: Kind,
    },
    /// Draws lesions: adds, merges, splits, paints or erases one.
    LesionDrawing {
        /// StudyInstanceUID.
        study: String,
        /// What is drawn.
        drawing: Drawing,
        /// First and last id of the lesions that came of it; the server fills it in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(read_only)]
        ids: Option<[u16; 2]>,
        /// Grid that its voxels are counted on; the server fills it in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(read_only)]
        on: Option<Ground>,
    },
    /// Takes an earlier edit back.
    Undo {
        /// Its number.
        edit: i64,
    },
}

/// What a reader draws.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Drawing {
    /// Adds a lesion: what is dense around a point, grown in three dimensions.
    Add {
        /// LPS, mm.
        at_mm: [f64; 3],
    },
    /// Makes several lesions one, that of the first.
    Merge {
        /// Ids, at least two.
        lesions: Vec<u16>,
    },
    /// Splits a lesion into its connected parts, or by a plane.
    Split {
        /// Id.
        lesion: u16,
        /// Where to cut; none for the connected parts.
        #[serde(default)]
        plane: Option<Plane>,
    },
    /// Gives voxels to a lesion, or to a new one where none is named.
    Paint {
        /// Id.
        #[serde(default)]
        lesion: Option<u16>,
        /// Runs along columns on the grid of the labels: slice, row, first column, column behind the last.
        voxels: Vec<[u32; 4]>,
    },
    /// Takes voxels away from every lesion.
    Erase {
        /// Runs as in `paint`.
        voxels: Vec<[u32; 4]>,
    },
}

/// A grid of voxels in the patient.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// FrameOfReferenceUID.
    pub frame_of_reference: String,
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// Centre of the first voxel, LPS, mm.
    pub origin_mm: [f64; 3],
    /// Steps along columns, rows and slices, LPS, mm.
    pub steps_mm: [[f64; 3]; 3],
}

/// A plane of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Plane {
    /// A point on it, LPS, mm.
    pub point_mm: [f64; 3],
    /// Its normal.
    pub normal: [f64; 3],
}

/// What is said of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Saying {
    /// It is there.
    Present,
    /// It is likely there.
    Suggested,
    /// It was looked for and is not there.
    Absent,
    /// Nothing is said.
    Unknown,
}

/// What is said of a lesion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is one.
    Accepted,
    /// It is none.
    Rejected,
    /// Nothing.
    Open,
}

/// A drawing that holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drew {
    /// StudyInstanceUID.
    pub(crate) study: String,
    pub(crate) drawing: Drawing,
    /// First and last id of the lesions that came of it.
    pub(crate) ids: Option<[u16; 2]>,
    /// Grid of its voxels; none where it was that of the labels as they are.
    pub(crate) on: Option<Ground>,
}

/// The reader's part of a case after all edits.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Read {
    /// In the case format, JSON.
    pub(crate) document: Value,
    /// Setting, where one was chosen.
    pub(crate) setting: Option<String>,
    /// Studies that were taken in or out, in order.
    pub(crate) studies: Vec<(String, bool)>,
    /// Judged lesions, the last word of each: study, lesion, verdict, kind.
    pub(crate) lesions: Vec<(String, u16, Verdict, Option<Kind>)>,
    /// What was drawn, in order.
    pub(crate) drawings: Vec<Drew>,
    /// Numbers of the edits that hold.
    pub(crate) holding: BTreeSet<i64>,
}

impl Edit {
    /// Whether the edit names things that exist; `is_logged` tells which numbers the log of the case has.
    pub(crate) fn check(
        &self,
        knowledge: &Knowledge,
        is_logged: impl FnOnce(i64) -> Answer<bool>,
    ) -> Answer<()> {
        let known = |what: &str, id: &str, is_known: bool| {
            let id = apatite_text::printable(&id.chars().take(80).collect::<String>());
            if is_known {
                Ok(())
            } else {
                Err(Problem::bad(format!("there is no {what} `{id}`; GET /api/v1/vocabulary lists them")))
            }
        };
        let imaging = |id: &str| knowledge.modalities.contains_key(id) && id != apatite_case::HISTORY;
        match self {
            Self::Fact { modality, finding, .. } => {
                known("modality", modality, knowledge.modalities.contains_key(modality))?;
                known("finding", finding, knowledge.findings.findings.contains_key(finding))?;
                if knowledge.view(modality, finding).is_none() {
                    return Err(Problem::bad(format!("{modality} cannot show `{finding}`")));
                }
                Ok(())
            }
            Self::Lab { analyte, value } => {
                known("analyte", analyte, knowledge.analytes.analytes.contains_key(analyte))?;
                short("value", value.as_deref().unwrap_or_default())
            }
            Self::Patient { age, sex } => {
                if age.is_some_and(|age| !(0.0..=130.0).contains(&age)) {
                    return Err(Problem::bad("`age` is in years, from 0 to 130"));
                }
                if sex.as_deref().is_some_and(|sex| !matches!(sex, "female" | "male")) {
                    return Err(Problem::bad("`sex` is `female`, `male` or null"));
                }
                Ok(())
            }
            Self::Site { modality, site, .. } => {
                known("modality", modality, imaging(modality))?;
                known("site", site, knowledge.findings.sites.contains_key(site))
            }
            Self::Quantity { modality, quantity, value } => {
                known("modality", modality, imaging(modality))?;
                known("quantity", quantity, knowledge.findings.quantities.contains_key(quantity))?;
                if value.is_some_and(|value| !value.is_finite()) {
                    return Err(Problem::bad("`value` is no number"));
                }
                Ok(())
            }
            Self::Title { title } => short("title", title),
            Self::Setting { setting } => known("setting", setting, knowledge.setting(setting).is_some()),
            Self::Study { study, .. } | Self::Lesion { study, .. } | Self::LesionKind { study, .. } => {
                short("study", study)
            }
            Self::LesionDrawing { study, drawing, .. } => {
                short("study", study)?;
                drawing.check()
            }
            Self::Undo { edit } => {
                if is_logged(*edit)? {
                    Ok(())
                } else {
                    Err(Problem::not_found(format!("the case has no edit {edit}")))
                }
            }
        }
    }

    /// A stroke without its voxels; none where the edit is none.
    pub(crate) fn without_voxels(&self) -> Option<Self> {
        let Self::LesionDrawing { study, drawing, ids, on } = self else { return None };
        let voxels = Vec::new();
        let drawing = match *drawing {
            Drawing::Paint { lesion, .. } => Drawing::Paint { lesion, voxels },
            Drawing::Erase { .. } => Drawing::Erase { voxels },
            Drawing::Add { .. } | Drawing::Merge { .. } | Drawing::Split { .. } => return None,
        };
        Some(Self::LesionDrawing { study: study.clone(), drawing, ids: *ids, on: on.clone() })
    }
}

impl Drawing {
    /// Whether new lesions may come of it.
    pub(crate) fn makes(&self) -> bool {
        matches!(self, Self::Add { .. } | Self::Split { .. } | Self::Paint { lesion: None, .. })
    }

    fn check(&self) -> Answer<()> {
        let finite = |point: &[f64; 3]| point.iter().all(|value| value.is_finite());
        match self {
            Self::Add { at_mm } if !finite(at_mm) => Err(Problem::bad("`at_mm` is no point")),
            Self::Merge { lesions } if lesions.len() < 2 || lesions.contains(&0) => {
                Err(Problem::bad("`lesions` names at least two lesions, by ids from 1"))
            }
            Self::Split { plane: Some(plane), .. }
                if !finite(&plane.point_mm)
                    || !finite(&plane.normal)
                    || plane.normal.iter().all(|value| *value == 0.0) =>
            {
                Err(Problem::bad("`plane` is no plane"))
            }
            Self::Paint { voxels, .. } | Self::Erase { voxels } if voxels.is_empty() => {
                Err(Problem::bad("`voxels` is empty"))
            }
            _ => Ok(()),
        }
    }
}

fn short(name: &str, text: &str) -> Answer<()> {
    if text.len() > 200 || text.chars().any(apatite_text::is_obeyed) {
        return Err(Problem::bad(format!("`{name}` has more than 200 bytes or control characters")));
    }
    Ok(())
}

impl Read {
    /// A document with all edits of a log that hold.
    pub(crate) fn of(knowledge: &Knowledge, document: &Value, log: &[LoggedEdit]) -> Self {
        let mut read = Self { document: document.clone(), ..Self::default() };
        if !read.document.is_object() {
            read.document = json!({});
        }
        let mut undone: BTreeSet<i64> = BTreeSet::new();
        // the last word holds: an undone undo undoes nothing
        for LoggedEdit { number, body, .. } in log.iter().rev() {
            if let (Edit::Undo { edit }, false) = (body, undone.contains(number)) {
                undone.insert(*edit);
            }
        }
        for logged in log.iter().filter(|logged| !undone.contains(&logged.number)) {
            read.hold(knowledge, logged);
        }
        read
    }

    /// One more edit of the log, which holds.
    pub(crate) fn hold(&mut self, knowledge: &Knowledge, logged: &LoggedEdit) {
        self.holding.insert(logged.number);
        self.apply(knowledge, &logged.body);
    }

    /// One more edit.
    pub(crate) fn apply(&mut self, knowledge: &Knowledge, edit: &Edit) {
        match edit {
            Edit::Fact { modality, finding, state } => {
                // one lesion has one of an exclusive group: the new word takes the place of the old
                let group = knowledge.vocabulary.group_of(finding).filter(|group| group.exclusive);
                if let (Some(group), Saying::Present | Saying::Suggested) = (group, state) {
                    group.findings.iter().for_each(|other| self.retract(modality, other));
                }
                self.say(modality, finding, *state);
            }
            Edit::Lab { analyte, value } => {
                let labs = object(&mut self.document, "labs");
                match value.as_deref().map(str::trim).filter(|value| !value.is_empty()) {
                    Some(value) => drop(labs.insert(analyte.clone(), json!(value))),
                    None => drop(labs.shift_remove(analyte)),
                }
            }
            Edit::Patient { age, sex } => {
                let patient = object(&mut self.document, "patient");
                patient.clear();
                patient.extend(age.map(|age| ("age".to_owned(), json!(age))));
                patient.extend(sex.as_ref().map(|sex| ("sex".to_owned(), json!(sex))));
            }
            Edit::Site { modality, site, shown } => {
                // a region stands once per modality, in its first block; it goes from all
                for block in self.blocks(modality) {
                    without(block, "sites", site);
                }
                if *shown {
                    list(self.block(modality), "sites").push(json!(site));
                }
            }
            Edit::Quantity { modality, quantity, value } => {
                for block in self.blocks(modality) {
                    block.shift_remove(quantity);
                }
                if let Some(value) = value {
                    self.block(modality).insert(quantity.clone(), json!(value));
                }
            }
            Edit::Title { title } => {
                if let Some(document) = self.document.as_object_mut() {
                    document.insert("title".to_owned(), json!(title));
                }
            }
            Edit::Setting { setting } => self.setting = Some(setting.clone()),
            Edit::Study { study, belongs } => self.studies.push((study.clone(), *belongs)),
            Edit::Lesion { study, lesion, verdict } => {
                let kind = self.judged(study, *lesion).3;
                *self.judged(study, *lesion) = (study.clone(), *lesion, *verdict, kind);
            }
            Edit::LesionKind { study, lesion, is } => {
                *self.judged(study, *lesion) = (study.clone(), *lesion, Verdict::Accepted, Some(*is));
            }
            Edit::LesionDrawing { study, drawing, ids, on } => self.drawings.push(Drew {
                study: study.clone(),
                drawing: drawing.clone(),
                ids: *ids,
                on: on.clone(),
            }),
            Edit::Undo { .. } => {}
        }
    }

    fn judged(&mut self, study: &str, lesion: u16) -> &mut (String, u16, Verdict, Option<Kind>) {
        let at = self.lesions.iter().position(|judged| judged.0 == study && judged.1 == lesion);
        let at = at.unwrap_or_else(|| {
            self.lesions.push((study.to_owned(), lesion, Verdict::Open, None));
            self.lesions.len() - 1
        });
        &mut self.lesions[at]
    }

    fn say(&mut self, modality: &str, finding: &str, state: Saying) {
        let likely = format!("{finding}?");
        let (key, word) = match state {
            Saying::Present => ("present", finding),
            Saying::Suggested => ("present", likely.as_str()),
            Saying::Absent => ("absent", finding),
            Saying::Unknown => ("", ""),
        };
        if modality == apatite_case::HISTORY {
            let history = object(&mut self.document, "history");
            for (list, word) in [("present", finding), ("present", &likely), ("absent", finding)] {
                without(history, list, word);
            }
            if !key.is_empty() {
                list(history, key).push(json!(word));
            }
            return;
        }
        for block in self.blocks(modality) {
            for (list, word) in [("present", finding), ("present", &likely), ("absent", finding)] {
                without(block, list, word);
            }
        }
        if !key.is_empty() {
            list(self.block(modality), key).push(json!(word));
        }
    }

    /// Takes back that a finding is there, not that it is absent.
    fn retract(&mut self, modality: &str, finding: &str) {
        let likely = format!("{finding}?");
        let history = (modality == apatite_case::HISTORY).then(|| object(&mut self.document, "history"));
        if let Some(history) = history {
            [finding, &likely].into_iter().for_each(|word| without(history, "present", word));
            return;
        }
        for block in self.blocks(modality) {
            [finding, &likely].into_iter().for_each(|word| without(block, "present", word));
        }
    }

    /// All imaging blocks of a modality.
    fn blocks(&mut self, modality: &str) -> impl Iterator<Item = &mut Map<String, Value>> {
        let blocks = self.document.get_mut("imaging").and_then(Value::as_array_mut).into_iter().flatten();
        blocks
            .filter_map(Value::as_object_mut)
            .filter(move |block| block.get("modality").and_then(Value::as_str) == Some(modality))
    }

    /// The first imaging block of a modality, made where there is none.
    fn block(&mut self, modality: &str) -> &mut Map<String, Value> {
        let blocks = {
            let document = as_object(&mut self.document);
            let imaging = document.entry("imaging").or_insert_with(|| json!([]));
            as_array(imaging)
        };
        let is = |block: &Value| block.get("modality").and_then(Value::as_str) == Some(modality);
        let at = blocks.iter().position(is).unwrap_or_else(|| {
            blocks.push(json!({ "modality": modality }));
            blocks.len() - 1
        });
        as_object(&mut blocks[at])
    }
}

fn object<'a>(value: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    as_object(as_object(value).entry(key).or_insert_with(|| json!({})))
}

fn list<'a>(block: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    as_array(block.entry(key).or_insert_with(|| json!([])))
}

/// What is of another type in a hostile document is replaced.
fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was made an object"),
    }
}

fn as_array(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = json!([]);
    }
    match value {
        Value::Array(items) => items,
        _ => unreachable!("it was made a list"),
    }
}

fn without(block: &mut Map<String, Value>, key: &str, word: &str) {
    if let Some(items) = block.get_mut(key).and_then(Value::as_array_mut) {
        items.retain(|item| item.as_str() != Some(word));
    }
}
