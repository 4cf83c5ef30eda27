use apatite_volume::{Labels, Volume, voxel_at};
use rayon::prelude::*;

/// A voxel-sharp bone mask (1) out of a coarse one: within the coarse mask, what reaches `from` in value, and what such
/// voxels enclose in a slice (marrow). Parts smaller than `least_mm3` are left out.
///
/// Gives no voxel where the grids differ.
#[must_use]
pub fn solid_bones(volume: &Volume, coarse: &Labels, from: i16, least_mm3: f64) -> Labels {
    let [columns, rows, slices] = volume.size;
    let mut values = vec![0_u16; columns * rows * slices];
    if coarse.size == volume.size && volume.len() == values.len() && coarse.values.len() == values.len() {
        let layer = (columns * rows).max(1);
        values.par_chunks_mut(layer).enumerate().for_each(|(slice, solid)| {
            let range = slice * layer..(slice + 1) * layer;
            let (hu, bone) = (&volume.values[range.clone()], &coarse.values[range]);
            if bone.contains(&1) {
                for ((solid, &hu), &bone) in solid.iter_mut().zip(hu).zip(bone) {
                    *solid = u16::from(bone == 1 && hu >= from);
                }
                fill_holes(solid, columns, bone);
            }
        });
        drop_small(&mut values, volume.size, (least_mm3 / volume.geometry.voxel_mm3()).ceil() as usize);
    }
    Labels { size: volume.size, values, geometry: volume.geometry }
}

/// Fills what cannot be reached from the border of a slice, where the coarse mask says bone.
fn fill_holes(solid: &mut [u16], columns: usize, bone: &[u16]) {
    let rows = solid.len() / columns;
    let mut outside = vec![false; solid.len()];
    let border = (0..columns).flat_map(|x| [x, (rows - 1) * columns + x]);
    let border = border.chain((0..rows).flat_map(|y| [y * columns, y * columns + columns - 1]));
    let mut open: Vec<usize> = border.filter(|&at| solid[at] == 0).collect();
    for &at in &open {
        outside[at] = true;
    }
    while let Some(at) = open.pop() {
        let (x, y) = (at % columns, at / columns);
        let next = [
            (x > 0).then(|| at - 1),
            (x + 1 < columns).then(|| at + 1),
            (y > 0).then(|| at - columns),
            (y + 1 < rows).then(|| at + columns),
        ];
        for next in next.into_iter().flatten() {
            if solid[next] == 0 && !outside[next] {
                outside[next] = true;
                open.push(next);
            }
        }
    }
    for ((solid, outside), &bone) in solid.iter_mut().zip(outside).zip(bone) {
        if !outside && bone == 1 {
            *solid = 1;
        }
    }
}

/// Takes out connected parts (sharing faces) of fewer voxels.
fn drop_small(values: &mut [u16], size: [usize; 3], least: usize) {
    let strides = [1, size[0], size[0] * size[1]];
    // 1: not seen yet, 2: kept
    let mut part = Vec::new();
    for start in 0..values.len() {
        if values[start] != 1 {
            continue;
        }
        part.clear();
        part.push(start);
        values[start] = 2;
        let mut at = 0;
        while at < part.len() {
            let cell = part[at];
            at += 1;
            let place = voxel_at(size, cell);
            for axis in 0..3 {
                let before = (place[axis] > 0).then(|| cell - strides[axis]);
                let after = (place[axis] + 1 < size[axis]).then(|| cell + strides[axis]);
                for next in [before, after].into_iter().flatten() {
                    if values[next] == 1 {
                        values[next] = 2;
                        part.push(next);
                    }
                }
            }
        }
        if part.len() < least {
            for &cell in &part {
                values[cell] = 0;
            }
        }
    }
    values.par_iter_mut().for_each(|value| *value = u16::from(*value == 2));
}
