//! Lesions as a reader draws them: grown from a point, cut, and measured as they are drawn.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use apatite_volume::{Labels, Volume};

use crate::candidate::{Scene, of_runs};
use crate::grid::{self, Run};
use crate::kind::Group;
use crate::measure::{Outline, lesion};
use crate::reason::say;
use crate::scan::{Body, Coarse};
use crate::skeleton::{Skeleton, Tissue};
use crate::{Kind, Lesion, LesionError, Options, check, describe, scan, skeleton};

/// A volume with what every measurement on it needs, to be asked again and again.
#[derive(Debug)]
pub struct Desk {
    volume: Volume,
    body: Body,
    coarse: Coarse,
    skeleton: Skeleton,
    noise_hu: f64,
    threshold: i16,
    peak_hu: i16,
    metal_hu: i16,
}

/// A lesion that a reader drew or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Value of its voxels.
    pub id: u16,
    /// What it is.
    pub kind: Kind,
}

impl Desk {
    /// Prepares a CT volume in HU, as [`crate::analyse`] does.
    ///
    /// # Errors
    /// As [`crate::analyse`].
    pub fn new(volume: Volume, options: &Options) -> Result<Self, LesionError> {
        check(&volume, options)?;
        let body = scan::body(&volume).ok_or(LesionError::NoBody)?;
        let noise_hu = scan::noise(&volume, &body);
        let threshold = crate::threshold(noise_hu, options);
        let (coarse, _) = scan::coarse(&volume, &body, threshold);
        let dense_hu = f32::from(threshold.max(150));
        let view = crate::view(&volume, &body);
        let skeleton = skeleton::skeleton(&coarse, &view, noise_hu, dense_hu, options.metal_hu, None);
        let Options { peak_hu, metal_hu, .. } = *options;
        Ok(Self { volume, body, coarse, skeleton, noise_hu, threshold, peak_hu, metal_hu })
    }

    /// The voxels (indices, rising) of what is dense around a point, LPS mm, grown in three dimensions over faces.
    ///
    /// It begins at the densest free voxel within 3 mm and reaches to half-way between that and soft tissue, never
    /// below the threshold of mineral. It leaves out what has a label already, and bone unless it begins in bone.
    /// None where nothing dense and free is near.
    #[must_use]
    pub fn grow(&self, at_mm: [f64; 3], labels: &Labels) -> Option<Vec<usize>> {
        const REACH_MM: f64 = 3.0;
        const SOFT_HU: f64 = 40.0;
        let volume = &self.volume;
        if labels.values.len() != volume.values.len() {
            return None;
        }
        let at = volume.geometry.voxel_from_patient(at_mm);
        let spacing = volume.geometry.spacing_mm();
        let mut seed: Option<(i16, usize)> = None;
        let span = |axis: usize| {
            let reach = (REACH_MM / spacing[axis]).max(0.5);
            let low = (at[axis] - reach).ceil().max(0.0);
            let high = (at[axis] + reach).floor().min(volume.size[axis] as f64 - 1.0);
            if low <= high { low as usize..high as usize + 1 } else { 0..0 }
        };
        for z in span(2) {
            for y in span(1) {
                for x in span(0) {
                    let voxel = [x, y, z];
                    let far2 = (0..3).map(|k| ((voxel[k] as f64 - at[k]) * spacing[k]).powi(2)).sum::<f64>();
                    let index = volume.index(voxel);
                    let value = volume.values[index];
                    let near = far2.sqrt() <= REACH_MM.max(spacing.into_iter().fold(0.0, f64::max));
                    if near && labels.values[index] == 0 && seed.is_none_or(|(best, _)| value > best) {
                        seed = Some((value, index));
                    }
                }
            }
        }
        let (peak, start) = seed.filter(|(value, _)| *value >= self.threshold)?;
        let half = (f64::midpoint(SOFT_HU, f64::from(peak)).round() as i16).max(self.threshold);
        let is_bone = |voxel: [usize; 3]| self.skeleton.tissue[self.coarse.cell(voxel)] == Tissue::Bone;
        let position = |index: usize| {
            let row = index / volume.size[0];
            [index % volume.size[0], row % volume.size[1], row / volume.size[1]]
        };
        let in_bone = is_bone(position(start));
        let mut grown = std::collections::BTreeSet::from([start]);
        let mut front = VecDeque::from([start]);
        while let Some(index) = front.pop_front() {
            let voxel = position(index);
            for axis in 0..3 {
                for step in [-1_isize, 1] {
                    let moved = voxel[axis].checked_add_signed(step).filter(|&to| to < volume.size[axis]);
                    let Some(moved) = moved else { continue };
                    let mut other = voxel;
                    other[axis] = moved;
                    let next = volume.index(other);
                    if volume.values[next] >= half
                        && labels.values[next] == 0
                        && (in_bone || !is_bone(other))
                        && grown.insert(next)
                    {
                        front.push_back(next);
                    }
                }
            }
        }
        Some(grown.into_iter().collect())
    }

    /// Measures and describes lesions on labels of the grid of the volume, as they are drawn; those without a voxel
    /// are left out.
    #[must_use]
    pub fn measure(&self, labels: &Labels, drawn: &[Drawn]) -> Vec<Lesion> {
        let scene = self.scene();
        let mut runs = runs_of(labels, drawn);
        let mut groups = Vec::new();
        let mut lesions = Vec::new();
        let mut masks = Vec::new();
        for Drawn { id, kind } in drawn {
            let Some(runs) = runs.remove(id) else { continue };
            let members = grid::parts(&runs).into_iter().map(|runs| of_runs(&scene, runs)).collect();
            let decided_by = say("drawn by the reader", []);
            let group = Group { members, kind: *kind, probability: 1.0, decided_by };
            let (lesion, mask) = lesion(&scene, &group, *id, None, Outline::Drawn);
            groups.push(group);
            lesions.push(lesion);
            masks.push(mask);
        }
        describe::lesions(&scene, &groups, &masks, &mut lesions);
        lesions
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            volume: &self.volume,
            body: &self.body,
            coarse: &self.coarse,
            skeleton: &self.skeleton,
            noise_hu: self.noise_hu,
            threshold: self.threshold,
            peak_hu: self.peak_hu,
            metal_hu: self.metal_hu,
            site: describe::site(&self.volume),
        }
    }
}

/// The connected parts of a label (26 neighbours) as voxel indices, the largest first.
#[must_use]
pub fn parts(labels: &Labels, id: u16) -> Vec<Vec<usize>> {
    let drawn = Drawn { id, kind: Kind::Calcification };
    let Some(runs) = runs_of(labels, &[drawn]).remove(&id) else { return Vec::new() };
    let voxels = |run: Run| {
        let row = (run.slice as usize * labels.size[1] + run.row as usize) * labels.size[0];
        (run.start..run.end).map(move |column| row + column as usize)
    };
    let mut parts: Vec<Vec<usize>> =
        grid::parts(&runs).into_iter().map(|runs| runs.into_iter().flat_map(voxels).collect()).collect();
    parts.sort_by(|a, b| b.len().cmp(&a.len()).then(a[0].cmp(&b[0])));
    parts
}

/// Runs along columns of the labels that are asked for, in order of the voxels.
fn runs_of(labels: &Labels, drawn: &[Drawn]) -> BTreeMap<u16, Vec<Run>> {
    let mut wanted = vec![false; usize::from(u16::MAX) + 1];
    drawn.iter().for_each(|drawn| wanted[usize::from(drawn.id)] = drawn.id != 0);
    let mut runs: BTreeMap<u16, Vec<Run>> = BTreeMap::new();
    for (at, row) in labels.values.chunks(labels.size[0].max(1)).enumerate() {
        let mut start = 0;
        while start < row.len() {
            let id = row[start];
            let end = row[start..].iter().position(|&other| other != id).map_or(row.len(), |len| start + len);
            if wanted[usize::from(id)] {
                let (slice, row) = ((at / labels.size[1]) as u32, (at % labels.size[1]) as u32);
                runs.entry(id).or_default().push(Run { slice, row, start: start as u32, end: end as u32 });
            }
            start = end;
        }
    }
    runs
}
