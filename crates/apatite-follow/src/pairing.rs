/*!
Which lesions of two studies are the same.

The voxels of the later study are brought to the earlier one. Two lesions belong together where a good part of either
lies on or within a millimetre or two of the other, or where each is the other's nearest and no other is near: soft
tissue moves a little against the skeleton.
*/

use std::collections::{BTreeMap, HashMap};

use apatite_lesion::Kind;
use apatite_volume::{Volume, voxel_at};

use crate::Study;
use crate::rigid::Rigid;

/// Edge of the cells that voxels are sorted into, mm.
const CELL_MM: f64 = 1.5;
/// Lesions without a partner look this many cells about them.
const FAR_CELLS: i64 = 4;
/// This share of the voxels of one must lie on the other.
const SHARE: f64 = 0.25;
/// This share of a lesion must be in the view of the other study.
const IN_VIEW: f64 = 0.95;
/// A place is mineral in a study where it is as dense as this, HU: the threshold of calcium scoring (Agatston 1990).
const MINERAL_HU: i16 = 130;
/// A lesion is there, if unlabelled, where this share of its voxels is mineral.
const THERE: f64 = 0.3;

/// Lesions of both studies that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) earlier: Vec<u16>,
    pub(crate) later: Vec<u16>,
    /// All of them are in the view of both studies.
    pub(crate) in_view: bool,
    /// Where one study has no lesion, it has mineral in that place nonetheless.
    pub(crate) mineral_without_label: bool,
}

/// Voxels of one lesion.
struct Cloud {
    points_mm: Vec<[f64; 3]>,
    /// Share in the view of the other study.
    in_view: f64,
    /// Share on mineral of the other study.
    on_mineral: f64,
    /// In the view of its own study, away from the border.
    whole: bool,
}

/// Groups the lesions of both studies, ordered by their ids.
pub(crate) fn groups(earlier: &Study, later: &Study, earlier_from_later: &Rigid) -> Vec<Group> {
    let later_from_earlier = earlier_from_later.inverse();
    let before = clouds(earlier, &Rigid::NONE, &later_from_earlier, later.volume);
    let after = clouds(later, earlier_from_later, &Rigid::NONE, earlier.volume);
    let (cells_before, cells_after) = (sorted(&before), sorted(&after));
    let votes_after = votes(&after, &cells_before, 1);
    let votes_before = votes(&before, &cells_after, 1);

    let mut links: Vec<(u16, u16)> = Vec::new();
    for (votes, clouds, turned) in [(&votes_after, &after, true), (&votes_before, &before, false)] {
        for (&id, told) in votes {
            for (&other, &count) in told {
                if count as f64 >= SHARE * clouds[&id].points_mm.len() as f64 {
                    links.push(if turned { (other, id) } else { (id, other) });
                }
            }
        }
    }
    let lone = |clouds: &BTreeMap<u16, Cloud>, linked: &dyn Fn(u16) -> bool| -> BTreeMap<u16, Cloud> {
        clouds
            .iter()
            .filter(|(id, _)| !linked(**id))
            .map(|(id, cloud)| (*id, Cloud { points_mm: cloud.points_mm.clone(), ..*cloud }))
            .collect()
    };
    let lone_before = lone(&before, &|id| links.iter().any(|link| link.0 == id));
    let lone_after = lone(&after, &|id| links.iter().any(|link| link.1 == id));
    let far_before = votes(&lone_before, &sorted(&lone_after), FAR_CELLS);
    let far_after = votes(&lone_after, &sorted(&lone_before), FAR_CELLS);
    let first = |told: &BTreeMap<u16, usize>| {
        told.iter().max_by_key(|(id, count)| (**count, std::cmp::Reverse(**id))).map(|(id, _)| *id)
    };
    for (&id, told) in &far_before {
        if let Some(other) = first(told)
            && far_after.get(&other).and_then(first) == Some(id)
        {
            links.push((id, other));
        }
    }
    joined(&before, &after, &links)
}

/// The voxels of every lesion that is or may be mineral outside the skeleton, moved by `motion`.
fn clouds(study: &Study, motion: &Rigid, to_other: &Rigid, other: &Volume) -> BTreeMap<u16, Cloud> {
    let labels = &study.analysis.labels;
    let taken: Vec<bool> = {
        let most = study.analysis.lesions.iter().map(|lesion| usize::from(lesion.id)).max().unwrap_or(0);
        let mut taken = vec![false; most + 1];
        for lesion in &study.analysis.lesions {
            taken[usize::from(lesion.id)] =
                matches!(lesion.kind, Kind::Calcification | Kind::Vascular | Kind::BoneOrVariant);
        }
        taken
    };
    let mut counts: BTreeMap<u16, ([usize; 2], bool)> = BTreeMap::new();
    let mut points: BTreeMap<u16, Vec<[f64; 3]>> = BTreeMap::new();
    for (index, &label) in labels.values.iter().enumerate() {
        if label == 0 || !taken.get(usize::from(label)).copied().unwrap_or(false) {
            continue;
        }
        let voxel = voxel_at(labels.size, index);
        let own = motion.apply(labels.geometry.patient_from_voxel(voxel.map(|axis| axis as f64)));
        // both motions together: one of the two is always none
        let there = other.geometry.voxel_from_patient(to_other.apply(own)).map(f64::round);
        let inside = (0..3).all(|axis| there[axis] >= 0.0 && there[axis] < other.size[axis] as f64);
        let (shares, whole) = counts.entry(label).or_insert(([0, 0], true));
        if inside {
            shares[0] += 1;
            let value = other.values[other.index(there.map(|axis| axis as usize))];
            shares[1] += usize::from(value >= MINERAL_HU);
        }
        *whole &= (0..3).all(|axis| voxel[axis] > 0 && voxel[axis] + 1 < labels.size[axis]);
        points.entry(label).or_default().push(own);
    }
    points
        .into_iter()
        .map(|(label, points_mm)| {
            let (shares, whole) = counts[&label];
            let count = points_mm.len() as f64;
            let [in_view, on_mineral] = shares.map(|part| part as f64 / count);
            (label, Cloud { points_mm, in_view, on_mineral, whole })
        })
        .collect()
}

type Cells = HashMap<[i64; 3], Vec<u16>>;

fn cell(point_mm: [f64; 3]) -> [i64; 3] {
    point_mm.map(|value| (value / CELL_MM).floor() as i64)
}

/// The lesions of each cell.
fn sorted(clouds: &BTreeMap<u16, Cloud>) -> Cells {
    let mut cells = Cells::new();
    for (&id, cloud) in clouds {
        for point in &cloud.points_mm {
            let ids = cells.entry(cell(*point)).or_default();
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
    }
    cells
}

/// For each lesion, how many of its voxels have each other lesion as their nearest within so many cells.
fn votes(clouds: &BTreeMap<u16, Cloud>, cells: &Cells, reach: i64) -> BTreeMap<u16, BTreeMap<u16, usize>> {
    let mut votes: BTreeMap<u16, BTreeMap<u16, usize>> = BTreeMap::new();
    if cells.is_empty() {
        return votes;
    }
    for (&id, cloud) in clouds {
        let told = votes.entry(id).or_default();
        for point in &cloud.points_mm {
            let middle = cell(*point);
            for ring in 0..=reach {
                let mut near: Vec<u16> = Vec::new();
                for x in -ring..=ring {
                    for y in -ring..=ring {
                        for z in -ring..=ring {
                            if x.abs().max(y.abs()).max(z.abs()) == ring
                                && let Some(ids) = cells.get(&[middle[0] + x, middle[1] + y, middle[2] + z])
                            {
                                near.extend(ids);
                            }
                        }
                    }
                }
                if !near.is_empty() {
                    near.sort_unstable();
                    near.dedup();
                    for other in near {
                        *told.entry(other).or_default() += 1;
                    }
                    break;
                }
            }
        }
    }
    votes
}

/// Lesions that hang together by links.
fn joined(before: &BTreeMap<u16, Cloud>, after: &BTreeMap<u16, Cloud>, links: &[(u16, u16)]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let (mut done_before, mut done_after) = (Vec::new(), Vec::new());
    let starts = before.keys().map(|&id| (Some(id), None)).chain(after.keys().map(|&id| (None, Some(id))));
    for start in starts {
        let mut group = Group::default();
        let mut open = vec![start];
        while let Some(next) = open.pop() {
            match next {
                (Some(id), _) if !done_before.contains(&id) => {
                    done_before.push(id);
                    group.earlier.push(id);
                    open.extend(links.iter().filter(|link| link.0 == id).map(|link| (None, Some(link.1))));
                }
                (_, Some(id)) if !done_after.contains(&id) => {
                    done_after.push(id);
                    group.later.push(id);
                    open.extend(links.iter().filter(|link| link.1 == id).map(|link| (Some(link.0), None)));
                }
                _ => {}
            }
        }
        if group.earlier.is_empty() && group.later.is_empty() {
            continue;
        }
        group.earlier.sort_unstable();
        group.later.sort_unstable();
        let members =
            || group.earlier.iter().map(|id| &before[id]).chain(group.later.iter().map(|id| &after[id]));
        group.in_view = members().all(|cloud| cloud.in_view >= IN_VIEW && cloud.whole);
        group.mineral_without_label = (group.earlier.is_empty() || group.later.is_empty())
            && members().any(|cloud| cloud.on_mineral >= THERE);
        groups.push(group);
    }
    groups
}
