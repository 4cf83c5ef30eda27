//! Ids of lesions over analyses: what was judged or drawn by its id still means the same place.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use apatite_volume::{Labels, index_of, voxel_at};

use crate::{Analysis, describe};

impl Analysis {
    /// Gives every lesion the id of the lesion that lay in its place in an earlier analysis of the same frame of
    /// reference, on whatever grid: of two that share voxels, the two that share most first. The others get ids from
    /// `free` on, in their order.
    ///
    /// Returns false, and changes nothing, where there are not so many ids.
    #[must_use]
    pub fn keep_ids(&mut self, before: &Labels, free: u16) -> bool {
        let mut shared: Vec<_> = shared(before, &self.labels).into_iter().collect();
        shared.sort_by_key(|&((old, new), voxels)| (Reverse(voxels), old, new));
        let mut kept = BTreeMap::new();
        for ((old, new), _) in shared {
            if !kept.contains_key(&new) && kept.values().all(|known| *known != old) {
                kept.insert(new, old);
            }
        }
        let mut next = Some(free);
        for lesion in &self.lesions {
            if kept.contains_key(&lesion.id) {
                continue;
            }
            let Some(id) = next else { return false };
            kept.insert(lesion.id, id);
            next = id.checked_add(1);
        }
        let of = |id: u16| kept.get(&id).copied().unwrap_or(id);
        self.labels.values.iter_mut().filter(|id| **id != 0).for_each(|id| *id = of(*id));
        self.lesions.iter_mut().for_each(|lesion| lesion.id = of(lesion.id));
        if let Some(gap) = &mut self.gap {
            gap.lesions = gap.lesions.map(|id| id.map(of));
        }
        describe::renumber(&mut self.findings, of);
        true
    }
}

/// Voxels of each lesion before that lie in each lesion now.
fn shared(before: &Labels, now: &Labels) -> BTreeMap<(u16, u16), usize> {
    let mut shared = BTreeMap::new();
    for (at, &old) in before.values.iter().enumerate().filter(|(_, old)| **old != 0) {
        let voxel = voxel_at(before.size, at).map(|at| at as f64);
        let there =
            now.geometry.voxel_from_patient(before.geometry.patient_from_voxel(voxel)).map(f64::round);
        if (0..3).any(|axis| there[axis] < 0.0 || there[axis] >= now.size[axis] as f64) {
            continue;
        }
        let new = now.values[index_of(now.size, there.map(|at| at as usize))];
        if new != 0 {
            *shared.entry((old, new)).or_default() += 1;
        }
    }
    shared
}
