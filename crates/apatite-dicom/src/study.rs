/*!
From files to series: what is an image is grouped, named and ordered; what is not is left out by name.
*/

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::entry::{Entry, MAX_ENTRIES, unzip, walk};
use crate::header::{Found, FrameInfo, ImageFile, SLICED, TIME_NAMES, inspect};
use crate::series::{Content, Series, SliceRef};
use crate::stack::{SAME_PLACE_MM, axes, height, part};
use crate::{LeftOut, ReadError, Reason, Warning, choose, nifti};

/// Where a study comes from.
#[derive(Clone, Copy, Debug)]
pub struct Source;

/// What was found under some paths.
#[derive(Clone, Debug)]
pub struct Study {
    /// The series, in the order of their numbers and UIDs.
    pub series: Vec<Series>,
    /// Files that are in no series, in the order they were met.
    pub left_out: Vec<LeftOut>,
    /// What was assumed while files were sorted.
    pub warnings: Vec<Warning>,
}

impl Source {
    /// Reads the headers of everything under `paths`: folders with all inside them, files, a DICOMDIR and what it names,
    /// zip archives, NIfTI volumes. Pixels are not read.
    ///
    /// # Errors
    ///
    /// Where a path cannot be read, an archive cannot be opened, or no series is found. A file that cannot be read is no
    /// error: it is in [`Study::left_out`].
    pub fn open(paths: &[PathBuf]) -> Result<Study, ReadError> {
        let mut study = Study { series: Vec::new(), left_out: Vec::new(), warnings: Vec::new() };
        let mut files = Vec::new();
        let mut volumes = Vec::new();
        let named: BTreeSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
        sort_out(walk(paths)?, &named, &mut study, &mut files, &mut volumes, 0)?;
        study.group(files);
        for entry in volumes {
            study.add_nifti(&entry);
        }
        study.series.sort_by_key(Series::rank);
        study.warnings.dedup();
        if study.series.is_empty() {
            let example = study
                .left_out
                .first()
                .map_or(String::new(), |left| format!(" (first: {}: {})", left.file, left.reason));
            return Err(ReadError::NoSeries { left_out: study.left_out.len(), example });
        }
        Ok(study)
    }
}

impl Study {
    /// The series to measure: the one wanted (by its place in the list from 1 as `#2`, SeriesInstanceUID, SeriesNumber, or
    /// SeriesDescription or a part of it), else the one that shows calcifications best: CT before MR, unenhanced, soft or
    /// bone kernel, thin.
    ///
    /// # Errors
    ///
    /// Where nothing matches, several match, or there is no volume.
    pub fn choose(&self, wanted: Option<&str>) -> Result<&Series, ReadError> {
        choose::choose(&self.series, wanted)
    }

    /// In words, what was left out and what was warned of.
    pub fn notes(&self) -> impl Iterator<Item = String> + '_ {
        let left_out = self.left_out.iter().map(|left| format!("{} left out: {}", left.file, left.reason));
        left_out.chain(self.warnings.iter().map(ToString::to_string))
    }

    fn group(&mut self, files: Vec<ImageFile>) {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut groups: Vec<(Key, Vec<Arc<ImageFile>>)> = Vec::new();
        for file in files {
            let info = &file.info;
            if !info.sop_uid.is_empty() && !seen.insert(identity(&file)) {
                self.left_out.push(LeftOut { file: file.entry.name(), reason: Reason::Duplicate });
                continue;
            }
            for problem in &file.deviations {
                let file = file.entry.name();
                self.warnings.push(Warning::Deviation { file, problem: problem.clone() });
            }
            let key = Key::of(&file);
            match groups.iter_mut().rev().find(|(other, _)| *other == key) {
                Some((_, members)) => members.push(Arc::new(file)),
                None => groups.push((key, vec![Arc::new(file)])),
            }
        }
        for (_, members) in groups {
            if !SLICED.contains(&members[0].info.modality.as_str()) {
                self.add_pictures(members, Vec::new());
                continue;
            }
            let placed = |file: &Arc<ImageFile>| file.frames.iter().all(|frame| frame.plane.is_some());
            let (placed, lost): (Vec<_>, Vec<_>) = members.into_iter().partition(placed);
            if !placed.is_empty() {
                self.add_stacks(placed);
            }
            if !lost.is_empty() {
                self.add_pictures(lost, vec![Warning::NoPosition]);
            }
        }
    }

    /// Images that stand alone: radiographs, ultrasound, slices that do not say where they lie.
    fn add_pictures(&mut self, mut members: Vec<Arc<ImageFile>>, warnings: Vec<Warning>) {
        members.sort_by_key(|file| file.info.instance_number);
        let slices = members
            .iter()
            .flat_map(|file| {
                (0..file.frames.len()).map(|frame| SliceRef { file: file.clone(), frame, plane: None })
            })
            .collect();
        self.series.push(Series::of(Content::Pictures(slices), None, warnings));
    }

    /// Slices of one series: parted by plane, by time and by gaps.
    fn add_stacks(&mut self, members: Vec<Arc<ImageFile>>) {
        let mut stacks: Vec<Vec<SliceRef>> = Vec::new();
        for file in members {
            for (frame, info) in file.frames.iter().enumerate() {
                let Some(plane) = info.plane else { continue };
                let slice = SliceRef { file: file.clone(), frame, plane: Some(plane) };
                match stacks.iter_mut().find(|stack| parallel(&stack[0], &slice)) {
                    Some(stack) => stack.push(slice),
                    None => stacks.push(vec![slice]),
                }
            }
        }
        let mut volumes = Vec::new();
        let mut reasons = BTreeSet::new();
        if stacks.len() > 1 {
            reasons.insert("orientation or size");
        }
        for mut stack in stacks {
            let Some(first) = stack[0].plane else { continue };
            let axes = axes(&first);
            let place = |slice: &SliceRef| slice.plane.map_or(0.0, |plane| height(&axes, &plane));
            stack.sort_by(|one, two| {
                place(one).total_cmp(&place(two)).then_with(|| one.order().cmp(&two.order()))
            });
            self.drop_copies(&mut stack, &place);
            let (times, by) = apart_in_time(stack, &place);
            if times.len() > 1 {
                reasons.insert(by);
            }
            for stack in times {
                let heights: Vec<f64> = stack.iter().map(&place).collect();
                let parts = part(&heights);
                if parts.len() > 1 {
                    reasons.insert("gaps");
                }
                volumes.extend(parts.into_iter().map(|range| stack[range].to_vec()));
            }
        }
        let count = volumes.len();
        for (index, volume) in volumes.into_iter().enumerate() {
            let mut warnings = Vec::new();
            if count > 1 {
                let by = reasons.iter().copied().collect::<Vec<_>>().join(", ");
                warnings.push(Warning::SeveralVolumes { count, by });
            }
            let part = (count > 1).then_some((index + 1, count));
            self.series.push(Series::of(Content::Stack(volume), part, warnings));
        }
    }

    /// Leaves out single-frame files at one place whose pixels are the same, byte by byte.
    fn drop_copies(&mut self, stack: &mut Vec<SliceRef>, place: &dyn Fn(&SliceRef) -> f64) {
        let mut kept: Vec<SliceRef> = Vec::with_capacity(stack.len());
        for slice in stack.drain(..) {
            let copy = slice.file.frames.len() == 1
                && kept
                    .iter()
                    .rev()
                    .take_while(|other| (place(other) - place(&slice)).abs() < SAME_PLACE_MM)
                    .any(|other| other.file.frames.len() == 1 && same_pixels(&other.file, &slice.file));
            if copy {
                self.left_out.push(LeftOut { file: slice.file.entry.name(), reason: Reason::Duplicate });
            } else {
                kept.push(slice);
            }
        }
        *stack = kept;
    }

    fn add_nifti(&mut self, entry: &Entry) {
        let damaged = |problem: String| LeftOut { file: entry.name(), reason: Reason::Damaged(problem) };
        let head = match entry.head(1024) {
            Ok((head, _)) => head,
            Err(error) => return self.left_out.push(damaged(error.to_string())),
        };
        match nifti::Header::parse(&head) {
            Err(problem) => self.left_out.push(damaged(problem)),
            Ok(header) if !header.square().1 => {
                self.left_out.push(damaged("columns and rows are not square on one another".into()));
            }
            Ok(header) => {
                let header = Arc::new(header);
                let count = header.volumes;
                for volume in 0..count {
                    let mut warnings = nifti::warnings(&header);
                    if count > 1 {
                        warnings.push(Warning::SeveralVolumes { count, by: "time".into() });
                    }
                    let content = Content::Nifti { entry: entry.clone(), header: header.clone(), volume };
                    self.series.push(Series::of(
                        content,
                        (count > 1).then_some((volume + 1, count)),
                        warnings,
                    ));
                }
            }
        }
    }
}

/// What keeps files of one series together. Files without a series UID are taken by folder.
#[derive(PartialEq)]
struct Key {
    study: String,
    series: String,
    modality: String,
    folder: Option<PathBuf>,
    number: Option<i64>,
}

impl Key {
    fn of(file: &ImageFile) -> Self {
        let info = &file.info;
        let nameless = info.series_uid.is_empty();
        Self {
            study: info.study_uid.clone(),
            series: info.series_uid.clone(),
            modality: info.modality.clone(),
            folder: nameless.then(|| file.entry.path().parent().map(Path::to_path_buf)).flatten(),
            number: nameless.then_some(info.series_number).flatten(),
        }
    }
}

/// Same object and same place: an anonymiser may have given every slice one SOPInstanceUID.
fn identity(file: &ImageFile) -> String {
    let plane = file.frames.first().and_then(|frame| frame.plane).map(|plane| plane.position_mm);
    format!("{} {} {plane:?} {}", file.info.sop_uid, file.info.series_uid, file.frames.len())
}

/// Takes entries for what they are: images, volumes, archives, directories, the rest.
fn sort_out(
    entries: Vec<Entry>,
    named: &BTreeSet<&Path>,
    study: &mut Study,
    files: &mut Vec<ImageFile>,
    volumes: &mut Vec<Entry>,
    depth: usize,
) -> Result<(), ReadError> {
    let found: Vec<Found> = entries.par_iter().map(inspect).collect();
    for (entry, found) in entries.into_iter().zip(found) {
        match found {
            Found::Image(file) => files.push(*file),
            Found::Nifti(entry) => volumes.push(entry),
            Found::Left(reason) => study.left_out.push(LeftOut { file: entry.name(), reason }),
            Found::Zip if depth == 0 && entry.is_plain() => {
                let wanted = named.contains(entry.path());
                match unzip(&entry) {
                    Ok(inside) => sort_out(inside, named, study, files, volumes, depth + 1)?,
                    Err(error) if wanted => return Err(error),
                    Err(error) => study
                        .left_out
                        .push(LeftOut { file: entry.name(), reason: Reason::Damaged(error.to_string()) }),
                }
            }
            Found::Zip => study.left_out.push(LeftOut {
                file: entry.name(),
                reason: Reason::Unsupported("an archive inside an archive".into()),
            }),
            // a folder is walked whole: its directory adds nothing
            Found::Directory(listed) if depth == 0 && named.contains(entry.path()) => {
                let (inside, missing) = follow(entry.path(), listed);
                if let Some(first) = missing.first() {
                    study.warnings.push(Warning::MissingFiles { count: missing.len(), first: first.clone() });
                }
                sort_out(inside, named, study, files, volumes, depth + 1)?;
            }
            Found::Directory(_) => study
                .left_out
                .push(LeftOut { file: entry.name(), reason: Reason::OtherObject("DICOMDIR".into()) }),
        }
    }
    Ok(())
}

/// Files that a DICOMDIR names, and the names of those that are missing.
fn follow(directory: &Path, listed: Vec<Vec<String>>) -> (Vec<Entry>, Vec<String>) {
    let folder = directory.parent().unwrap_or(Path::new(""));
    let mut entries = Vec::new();
    let mut missing = Vec::new();
    for parts in listed.into_iter().take(MAX_ENTRIES) {
        // a hostile directory must not lead out of its folder
        let safe =
            parts.iter().all(|part| !part.is_empty() && part != ".." && !part.contains(['/', '\\', '\0']));
        let path = if safe { resolve(folder, &parts) } else { None };
        match path {
            Some(path) => entries.push(Entry::file(&path)),
            None => missing.push(parts.join("/")),
        }
    }
    entries.dedup();
    (entries, missing)
}

/// Media say names in capitals; copies of them often do not.
fn resolve(folder: &Path, parts: &[String]) -> Option<PathBuf> {
    let straight = parts.iter().fold(folder.to_path_buf(), |path, part| path.join(part));
    if straight.is_file() {
        return Some(straight);
    }
    let small = parts.iter().fold(folder.to_path_buf(), |path, part| path.join(part.to_lowercase()));
    small.is_file().then_some(small)
}

/// Whether slices may belong to one volume.
fn parallel(one: &SliceRef, two: &SliceRef) -> bool {
    let (Some(a), Some(b)) = (one.plane, two.plane) else { return false };
    let close =
        |one: &[f64], two: &[f64], limit: f64| one.iter().zip(two).all(|(a, b)| (a - b).abs() < limit);
    close(&a.row_direction, &b.row_direction, 2e-3)
        && close(&a.column_direction, &b.column_direction, 2e-3)
        && close(&a.spacing_mm, &b.spacing_mm, 1e-3)
        && (one.file.format.rows, one.file.format.columns) == (two.file.format.rows, two.file.format.columns)
        && one.file.info.frame_of_reference == two.file.info.frame_of_reference
}

fn same_pixels(one: &ImageFile, two: &ImageFile) -> bool {
    if one.syntax != two.syntax || one.format != two.format || one.frames[0].rescale != two.frames[0].rescale
    {
        return false;
    }
    let pixels = |file: &ImageFile| -> Option<Vec<u8>> {
        let open = crate::header::open(&file.entry).ok()?;
        let dataset =
            crate::dataset::Dataset::parse(&open.bytes, open.start, open.bytes.len(), open.encoding);
        Some(open.bytes.get(dataset.pixels?.start..)?.to_vec())
    };
    matches!((pixels(one), pixels(two)), (Some(one), Some(two)) if one == two)
}

/// Parts slices (ordered by place) of which several lie at one place.
fn apart_in_time(
    stack: Vec<SliceRef>,
    place: &dyn Fn(&SliceRef) -> f64,
) -> (Vec<Vec<SliceRef>>, &'static str) {
    let doubled = |stack: &[SliceRef]| {
        stack.windows(2).any(|pair| (place(&pair[1]) - place(&pair[0])).abs() < SAME_PLACE_MM)
    };
    if !doubled(&stack) {
        return (vec![stack], "");
    }
    let info = |slice: &SliceRef| -> FrameInfo { slice.file.frames[slice.frame].clone() };
    for (kind, name) in TIME_NAMES.iter().enumerate() {
        let keys: BTreeSet<String> = stack.iter().map(|slice| info(slice).times[kind].clone()).collect();
        if keys.len() < 2 || keys.len() * 2 > stack.len().max(2) {
            continue;
        }
        let parts: Vec<Vec<SliceRef>> = keys
            .iter()
            .map(|key| stack.iter().filter(|slice| info(slice).times[kind] == *key).cloned().collect())
            .collect();
        if parts.iter().all(|part| !doubled(part)) {
            return (parts, name);
        }
    }
    // nothing in the headers tells them apart: the order of their numbers at each place does
    let mut parts: Vec<Vec<SliceRef>> = Vec::new();
    let mut depth = 0;
    let mut last: Option<f64> = None;
    for slice in stack {
        let at = place(&slice);
        depth = if last.is_some_and(|last| (at - last).abs() < SAME_PLACE_MM) { depth + 1 } else { 0 };
        last = Some(at);
        if parts.len() <= depth {
            parts.push(Vec::new());
        }
        parts[depth].push(slice);
    }
    (parts, "several images at one place")
}
