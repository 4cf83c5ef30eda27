/*!
The lesions of a study as a reader draws them: the labels of the analysis with every drawing that holds, and the figures
of what they change.

A revision is computed from the log alone.
*/

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use apatite_dicom::{ReadError, Series, Source};
use apatite_lesion::{Desk, Drawn, Kind, Lesion, Options, parts};
use apatite_study::Measurement;
use apatite_volume::{Geometry, Labels, Volume, index_of, voxel_at};
use dicom_dictionary_std::tags;
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};

use crate::Server;
use crate::dicom::first_text;
use crate::edit::{Drawing, Drew, Edit, Ground, Plane, Read};
use crate::jobs::{packed_labels, without_paths};
use crate::problem::{Answer, Problem};
use crate::reading::Analysed;
use crate::store::{LoggedEdit, StoredResult};

/// What drawings made of the lesions of a study.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Revision {
    /// Lesions that are new or changed.
    pub(crate) drawn: Vec<Lesion>,
    /// Ids of lesions that are no more.
    pub(crate) gone: BTreeSet<u16>,
    /// SHA-256 of the labels.
    pub(crate) labels: String,
    /// Drawings that cannot be done, by place, and why: what they were drawn on was taken back.
    pub(crate) left_out: Vec<(usize, String)>,
}

/// The last study that was drawn on, ready for the next stroke.
#[derive(Debug, Default)]
pub(crate) struct Desks {
    last: Mutex<Option<(String, Arc<Desk>)>>,
}

/// What is read of a stored result.
#[derive(Deserialize)]
struct Found {
    series: Measured,
    lesions: Vec<Lesion>,
    labels: Grid,
}

#[derive(Deserialize)]
struct Measured {
    uid: String,
}

#[derive(Deserialize)]
struct Grid {
    size: [usize; 3],
    origin_mm: [f64; 3],
    steps_mm: [[f64; 3]; 3],
}

impl Server {
    /// What the drawings of a case make of a study; none where nothing is drawn on it.
    pub(crate) fn revised(
        &self,
        study: &str,
        result: &StoredResult,
        read: &Read,
    ) -> Answer<Option<Revision>> {
        let drawings = read.drawings.iter().filter(|drew| drew.study == study).collect::<Vec<_>>();
        if drawings.is_empty() {
            return Ok(None);
        }
        let drawn = drawings.iter().map(|drew| (&drew.drawing, drew.first(), &drew.on)).collect::<Vec<_>>();
        let from = (study, &result.labels, drawn);
        self.store.computed("revision", &from, || self.revise(study, result, &drawings)).map(Some)
    }

    /// A drawing with the ids of the lesions that come of it, refused where it cannot be done; other edits as they are.
    pub(crate) fn with_ids(&self, case: &str, mut edit: Edit) -> Answer<Edit> {
        let Edit::LesionDrawing { study, drawing, ids, on } = &mut edit else { return Ok(edit) };
        let study = study.clone();
        let standing = self.standing(case, &[])?;
        if !standing.stored.studies.contains(&study) {
            return Err(Problem::not_found("the case has no study of this UID"));
        }
        let result = self.store.result(&study)?;
        let result = result.ok_or_else(|| Problem::bad("the study is not analysed yet"))?;
        let Found { series, lesions, labels } = serde_json::from_value(result.body.clone())?;
        *on = match drawing {
            Drawing::Paint { .. } | Drawing::Erase { .. } => {
                Some(labels.in_frame(&self.frame_of_reference(&study, &series.uid)?))
            }
            Drawing::Add { .. } | Drawing::Merge { .. } | Drawing::Split { .. } => None,
        };
        // an id that was ever given is not given again, so that an undo mixes up nothing
        let last = lesions.iter().map(|lesion| lesion.id).max().unwrap_or(0);
        let last = last.max(last_drawn(&standing.log, &study));
        let first = last.checked_add(1).ok_or_else(|| Problem::bad("the study has too many lesions"))?;
        *ids = drawing.makes().then_some([first, first]);
        let standing = self.standing(case, std::slice::from_ref(&edit))?;
        let Some(revision) = self.revised(&study, &result, &standing.read)? else { return Ok(edit) };
        let at = standing.read.drawings.iter().filter(|drew| drew.study == study).count() - 1;
        if let Some((_, why)) = revision.left_out.into_iter().find(|(left, _)| *left == at) {
            return Err(Problem::bad(why));
        }
        let end = revision.drawn.iter().map(|lesion| lesion.id).max().unwrap_or(first);
        if let Edit::LesionDrawing { ids: Some([_, last]), .. } = &mut edit {
            *last = end.max(first);
        }
        Ok(edit)
    }

    fn revise(&self, study: &str, result: &StoredResult, drawings: &[&Drew]) -> Answer<Revision> {
        let Found { series, lesions, labels: grid } = serde_json::from_value(result.body.clone())?;
        let desk = self.desk(study, &series.uid, &result.labels)?;
        let ground = grid.in_frame(&self.frame_of_reference(study, &series.uid)?);
        let mut sheet = Sheet {
            labels: unpacked(&self.store.labels(&result.labels)?, &grid)?,
            ground,
            kinds: lesions.iter().map(|lesion| (lesion.id, lesion.kind)).collect(),
            changed: BTreeSet::new(),
        };
        let mut left_out = Vec::new();
        for (at, drew) in drawings.iter().enumerate() {
            if let Err(problem) = sheet.draw(&desk, drew) {
                left_out.push((at, problem.detail));
            }
        }
        let drawn =
            sheet.changed.iter().filter_map(|id| Some(Drawn { id: *id, kind: *sheet.kinds.get(id)? }));
        let drawn = desk.measure(&sheet.labels, &drawn.collect::<Vec<_>>());
        let gone = sheet.changed.iter().copied().filter(|id| drawn.iter().all(|lesion| lesion.id != *id));
        let gone = gone.collect();
        let labels = self.store.keep_labels(&packed_labels(&sheet.labels.values)?)?;
        Ok(Revision { drawn, gone, labels, left_out })
    }

    /// Gives the lesions of a new measurement of a study the ids of those that lay there before; what is new gets ids
    /// that nothing in any case means.
    pub(crate) fn keep_ids(&self, study: &str, measurement: &mut Measurement) -> Answer<()> {
        let Some(before) = self.store.result(study)? else { return Ok(()) };
        let Found { series, lesions, labels: grid } = serde_json::from_value(before.body.clone())?;
        let frame = self.frame_of_reference(study, &series.uid)?;
        let is_same = frame == self.frame_of_reference(study, &measurement.series.uid)?;
        let mut last = lesions.iter().map(|lesion| lesion.id).max().unwrap_or(0);
        for case in self.store.cases_of_study(study)? {
            last = last.max(last_drawn(&self.store.edits(&case, 0)?, study));
        }
        let mut labels = unpacked(&self.store.labels(&before.labels)?, &grid)?;
        if !is_same {
            // nothing lies where something lay
            labels.values.fill(0);
        }
        let kept = last.checked_add(1).is_some_and(|free| measurement.analysis.keep_ids(&labels, free));
        if !kept {
            measurement.warnings.push(
                "the lesions have other numbers than in the analysis before: check what was judged and drawn"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn frame_of_reference(&self, study: &str, series: &str) -> Answer<String> {
        let known = self.store.series(Some(study))?.into_iter().find(|known| known.uid == series);
        Ok(known
            .map_or_else(String::new, |known| first_text(&known.attributes, tags::FRAME_OF_REFERENCE_UID)))
    }

    /// The volume of a series as it was analysed with these labels, prepared; the last one is kept.
    fn desk(&self, study: &str, series: &str, labels: &str) -> Answer<Arc<Desk>> {
        let key = format!("{series} {labels}");
        let mut last = self.desks.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, desk)) = last.as_ref().filter(|(known, _)| *known == key) {
            return Ok(desk.clone());
        }
        // two volumes at once would be too much
        *last = None;
        let (volume, _) = self.volume(study, Some(series))?;
        let desk = Desk::new(volume, &Options::default())
            .map_err(|error| Problem::bad(format!("the images cannot be measured: {error}")))?;
        let desk = Arc::new(desk);
        *last = Some((key, desk.clone()));
        Ok(desk)
    }

    /// The volume of a series of a study, of the best one where none is named, and its FrameOfReferenceUID.
    pub(crate) fn volume(&self, study: &str, series: Option<&str>) -> Answer<(Volume, String)> {
        self.read_series(study, series, |series| {
            let (volume, _) = series.load(&|_, _| {})?;
            Ok((volume, series.frame_of_reference.clone()))
        })
    }

    /// Reads something of a series of a study, of the best one where none is named.
    pub(crate) fn read_series<T>(
        &self,
        study: &str,
        series: Option<&str>,
        read: impl FnOnce(&Series) -> Result<T, ReadError>,
    ) -> Answer<T> {
        let paths = self.store.paths_of_study(study)?;
        let found = Source::open(&paths).and_then(|source| read(source.choose(series)?));
        found.map_err(|error| {
            Problem::bad(without_paths(&self.store, &format!("the images cannot be read: {error}")))
        })
    }

    /// The labels of these lesions of a study as they stand in a case.
    pub(crate) fn counted_labels(&self, analysed: &Analysed, counted: &[Lesion]) -> Answer<Labels> {
        let grid = serde_json::from_value(analysed.body["labels"].clone())?;
        let mut labels = unpacked(&self.store.labels(&analysed.labels)?, &grid)?;
        let counted = counted.iter().map(|lesion| lesion.id).collect::<BTreeSet<_>>();
        labels.values.iter_mut().filter(|id| !counted.contains(id)).for_each(|id| *id = 0);
        Ok(labels)
    }
}

/// The last id that drawings on a study gave; 0 where they gave none.
fn last_drawn(log: &[LoggedEdit], study: &str) -> u16 {
    let given = log.iter().filter_map(|logged| match &logged.body {
        Edit::LesionDrawing { study: of, ids: Some([_, last]), .. } if of == study => Some(*last),
        _ => None,
    });
    given.max().unwrap_or(0)
}

/// Labels under the pen.
struct Sheet {
    labels: Labels,
    /// Their grid in the patient.
    ground: Ground,
    /// Of every id there is.
    kinds: std::collections::BTreeMap<u16, Kind>,
    /// Ids whose voxels changed.
    changed: BTreeSet<u16>,
}

impl Sheet {
    fn draw(&mut self, desk: &Desk, drew: &Drew) -> Answer<()> {
        // without a number in the log nothing new came of the drawing
        let first = drew.first().unwrap_or(u16::MAX);
        match &drew.drawing {
            Drawing::Add { at_mm } => {
                let grown = desk.grow(*at_mm, &self.labels).ok_or_else(|| {
                    Problem::bad("nothing dense enough lies there that is not part of a lesion already")
                })?;
                self.kinds.insert(first, Kind::Calcification);
                self.give(grown, first);
            }
            Drawing::Merge { lesions } => {
                lesions.iter().try_for_each(|id| self.known(*id))?;
                let others =
                    lesions[1..].iter().copied().filter(|id| *id != lesions[0]).collect::<BTreeSet<_>>();
                let of_others = |value: &u16| others.contains(value);
                let voxels = positions(&self.labels.values, of_others);
                self.give(voxels, lesions[0]);
            }
            Drawing::Split { lesion, plane } => {
                self.known(*lesion)?;
                let pieces = match plane {
                    None => parts(&self.labels, *lesion),
                    Some(plane) => self.cut(*lesion, plane),
                };
                if pieces.len() < 2 {
                    return Err(Problem::bad(match plane {
                        None => "the lesion is of one piece: cut it by a plane",
                        Some(_) => "the plane does not meet the lesion",
                    }));
                }
                let kind = self.kinds.get(lesion).copied().unwrap_or(Kind::Calcification);
                for (at, piece) in pieces.into_iter().skip(1).enumerate() {
                    let id = u16::try_from(at).ok().and_then(|at| first.checked_add(at));
                    let id = id.ok_or_else(|| Problem::bad("the lesion falls into too many pieces"))?;
                    self.kinds.insert(id, kind);
                    self.give(piece, id);
                }
            }
            Drawing::Paint { lesion, voxels } => {
                let id = match lesion {
                    Some(id) => {
                        self.known(*id)?;
                        *id
                    }
                    None => {
                        self.kinds.insert(first, Kind::Calcification);
                        first
                    }
                };
                let voxels = self.voxels(voxels, drew.on.as_ref())?;
                self.give(voxels, id);
            }
            Drawing::Erase { voxels } => {
                let voxels = self.voxels(voxels, drew.on.as_ref())?;
                self.give(voxels, 0);
            }
        }
        Ok(())
    }

    fn known(&self, id: u16) -> Answer<()> {
        if self.kinds.contains_key(&id) {
            Ok(())
        } else {
            Err(Problem::bad(format!("there is no lesion {id}")))
        }
    }

    fn give(&mut self, voxels: Vec<usize>, id: u16) {
        for voxel in voxels {
            let before = std::mem::replace(&mut self.labels.values[voxel], id);
            if before != id {
                self.changed.extend([before, id].into_iter().filter(|id| *id != 0));
            }
        }
    }

    /// The voxels of a lesion on either side of a plane, the larger side first; one side where the plane misses it.
    fn cut(&self, lesion: u16, plane: &Plane) -> Vec<Vec<usize>> {
        let (above, below): (Vec<usize>, Vec<usize>) =
            positions(&self.labels.values, |value| *value == lesion).into_iter().partition(|voxel| {
                let point = self.labels.geometry.patient_from_voxel(self.ground.position(*voxel));
                (0..3).map(|k| (point[k] - plane.point_mm[k]) * plane.normal[k]).sum::<f64>() > 0.0
            });
        let mut sides = vec![above, below];
        sides.retain(|side| !side.is_empty());
        sides.sort_by(|a, b| b.len().cmp(&a.len()).then(a[0].cmp(&b[0])));
        sides
    }

    /// The voxels that runs name on the grid they were drawn on.
    fn voxels(&self, runs: &[[u32; 4]], on: Option<&Ground>) -> Answer<Vec<usize>> {
        let on = on.unwrap_or(&self.ground);
        let voxels = on.voxels(runs)?;
        if *on == self.ground {
            return Ok(voxels);
        }
        if on.frame_of_reference != self.ground.frame_of_reference {
            return Err(Problem::bad("it was drawn on images of another frame of reference"));
        }
        Ok(self.ground.under(on, &voxels))
    }
}

impl Drew {
    fn first(&self) -> Option<u16> {
        self.ids.map(|[first, _]| first)
    }
}

impl Grid {
    fn in_frame(&self, frame_of_reference: &str) -> Ground {
        let Self { size, origin_mm, steps_mm } = *self;
        Ground { frame_of_reference: frame_of_reference.to_owned(), size, origin_mm, steps_mm }
    }
}

impl Ground {
    fn geometry(&self) -> Geometry {
        Geometry { origin_mm: self.origin_mm, steps_mm: self.steps_mm }
    }

    /// Voxels of this grid whose centres lie in these of another.
    fn under(&self, other: &Self, voxels: &[usize]) -> Vec<usize> {
        let (mine, theirs) = (self.geometry(), other.geometry());
        let drawn = voxels.iter().copied().collect::<BTreeSet<_>>();
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for &voxel in voxels {
            let at = other.position(voxel);
            for corner in 0..8 {
                let corner = std::array::from_fn(|axis| at[axis] + f64::from(corner >> axis & 1) - 0.5);
                let here = mine.voxel_from_patient(theirs.patient_from_voxel(corner));
                low = std::array::from_fn(|axis| low[axis].min(here[axis]));
                high = std::array::from_fn(|axis| high[axis].max(here[axis]));
            }
        }
        let span = |axis: usize| {
            let last = self.size[axis] as f64 - 1.0;
            (low[axis].ceil().max(0.0) as usize)..(high[axis].floor().min(last) + 1.0).max(0.0) as usize
        };
        let mut under = Vec::new();
        for slice in span(2) {
            for row in span(1) {
                for column in span(0) {
                    let at = [column, row, slice].map(|at| at as f64);
                    let there = theirs.voxel_from_patient(mine.patient_from_voxel(at)).map(f64::round);
                    let inside = (0..3).all(|axis| (0.0..other.size[axis] as f64).contains(&there[axis]));
                    if inside && drawn.contains(&index_of(other.size, there.map(|at| at as usize))) {
                        under.push(index_of(self.size, [column, row, slice]));
                    }
                }
            }
        }
        under
    }

    fn position(&self, voxel: usize) -> [f64; 3] {
        voxel_at(self.size, voxel).map(|at| at as f64)
    }

    fn voxels(&self, runs: &[[u32; 4]]) -> Answer<Vec<usize>> {
        let [columns, rows, slices] = self.size;
        let mut voxels = Vec::new();
        for run in runs {
            let [slice, row, start, end] = run.map(|at| at as usize);
            if slice >= slices || row >= rows || start >= end || end > columns {
                return Err(Problem::bad(format!("the run {run:?} is not on the grid of the labels")));
            }
            let at = (slice * rows + row) * columns;
            voxels.extend(at + start..at + end);
            if voxels.len() > columns * rows * slices {
                return Err(Problem::bad("`voxels` names voxels more than once"));
            }
        }
        Ok(voxels)
    }
}

fn positions(values: &[u16], wanted: impl Fn(&u16) -> bool) -> Vec<usize> {
    values.iter().enumerate().filter(|(_, value)| wanted(value)).map(|(at, _)| at).collect()
}

fn unpacked(packed: &[u8], grid: &Grid) -> Answer<Labels> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut bytes)?;
    let values = bytes.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect::<Vec<_>>();
    if values.len() != grid.size.iter().product::<usize>() {
        return Err(Problem::internal(&"the labels do not fill their grid"));
    }
    let geometry = Geometry { origin_mm: grid.origin_mm, steps_mm: grid.steps_mm };
    Ok(Labels { size: grid.size, values, geometry })
}
