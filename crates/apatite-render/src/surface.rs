use std::borrow::Borrow;

use apatite_volume::{Labels, Volume, index_of, voxel_at};
use rayon::prelude::*;

use crate::blocks::{Blocks, EDGE};
use crate::picture::Picture;
use crate::project::{Ray, Rays, ceil};
use crate::regions::{Regions, colour_of};
use crate::sample::Sampler;
use crate::vector::{Vector, along, dot, unit};
use crate::view::corners;
use crate::{RenderError, Scene, View};

/// How a surface looks. The thresholds are where a surface is drawn; they measure nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceLook {
    /// Value at which the surface of bone is drawn.
    pub bone_from: f64,
    /// Value at which the surface of a lesion is drawn, within its mask.
    pub lesion_from: f64,
    /// How much of a lesion behind it bone hides, 0 to 1.
    pub bone_opacity: f64,
    /// Colour of bone.
    pub bone: [u8; 3],
    /// Colour behind everything.
    pub background: [u8; 3],
}

impl Default for SurfaceLook {
    fn default() -> Self {
        Self {
            bone_from: 180.0,
            lesion_from: 130.0,
            bone_opacity: 0.5,
            bone: [236, 224, 200],
            background: [16, 18, 24],
        }
    }
}

/// Surfaces of bone and lesions, ready to be looked at from anywhere.
///
/// Rays leap over blocks in which no surface can lie, as far as the next that may hold one, find the first surface of a lesion and the first of bone, and mix
/// the two where bone is in front. Light comes from the viewer's upper left; what is farther away is darker.
#[derive(Debug)]
pub struct Surface<'a> {
    volume: &'a Volume,
    blocks: &'a Blocks,
    bones: Option<&'a Labels>,
    lesions: Option<&'a Regions<'a>>,
    look: SurfaceLook,
    bone: Marked,
    lesion: Marked,
}

/// Edge of the cells within a block in which no surface may lie, voxels.
const CELL: usize = 4;

/// Where a surface may lie: in blocks, and in the cells of marked blocks.
#[derive(Debug)]
struct Marked {
    /// How many blocks, along any axis or diagonal, lie between each block and the next marked one, and one more; 0
    /// for the marked ones.
    apart: Vec<u8>,
    /// Cells along each axis.
    size: [usize; 3],
    cells: Vec<bool>,
}

impl Marked {
    /// `may` tells of a line of voxels (index of its first, and length) whether a surface may lie in it.
    fn new(volume: &Volume, of: &Blocks, blocks: &[bool], may: impl Fn(usize, usize) -> bool + Sync) -> Self {
        let size = volume.size.map(|count| count.div_ceil(CELL).max(1));
        if blocks.is_empty() {
            return Self { apart: Vec::new(), size, cells: Vec::new() };
        }
        const INNER: usize = EDGE / CELL;
        let cells = (0..size[1] * size[2])
            .into_par_iter()
            .flat_map_iter(|line| {
                let [row, slice] = [line % size[1], line / size[1]];
                let range =
                    |cell: usize, axis: usize| cell * CELL..(cell * CELL + CELL + 1).min(volume.size[axis]);
                let may = &may;
                (0..size[0]).map(move |column| {
                    blocks[of.index([column / INNER, row / INNER, slice / INNER])]
                        && range(slice, 2).any(|z| {
                            range(row, 1).any(|y| {
                                let x = range(column, 0);
                                may(volume.index([x.start, y, z]), x.len())
                            })
                        })
                })
            })
            .collect();
        Self { apart: apart(blocks, of.size), size, cells }
    }
}

/// Chessboard distance of every block to the next marked one, by a sweep there and one back (Rosenfeld and Pfaltz 1966).
fn apart(marked: &[bool], size: [usize; 3]) -> Vec<u8> {
    let mut apart: Vec<u8> = marked.iter().map(|&marked| if marked { 0 } else { u8::MAX }).collect();
    let back: Vec<[isize; 3]> = (0..13).map(|at| [at % 3 - 1, at / 3 % 3 - 1, at / 9 - 1]).collect();
    let mut sweep = |at: usize, sign: isize| {
        let place = voxel_at(size, at);
        for step in &back {
            let mut other = [0; 3];
            let inside = (0..3).all(|axis| {
                other[axis] = place[axis].wrapping_add_signed(sign * step[axis]);
                other[axis] < size[axis]
            });
            if inside {
                apart[at] = apart[at].min(apart[index_of(size, other)].saturating_add(1));
            }
        }
    };
    (0..marked.len()).for_each(|at| sweep(at, 1));
    (0..marked.len()).rev().for_each(|at| sweep(at, -1));
    apart
}

impl<'a> Surface<'a> {
    /// Surfaces of the bones within a mask (of everything above [`SurfaceLook::bone_from`] where none is given) and of
    /// labelled lesions.
    ///
    /// # Errors
    /// Where the volume is not filled, or a mask lies on another grid.
    pub fn new<V: Borrow<Volume>>(
        scene: &'a Scene<V>,
        bones: Option<&'a Labels>,
        lesions: Option<&'a Regions<'a>>,
        look: SurfaceLook,
    ) -> Result<Self, RenderError> {
        let volume = scene.volume();
        let expected = volume.size.iter().product();
        if volume.is_empty() || volume.len() != expected {
            return Err(RenderError::Volume { size: volume.size, found: volume.len(), expected });
        }
        for labels in bones.into_iter().chain(lesions.map(|lesions| lesions.labels)) {
            if labels.size != volume.size || labels.values.len() != expected {
                return Err(RenderError::Grid { found: labels.size, expected: volume.size });
            }
        }
        let blocks = scene.blocks();
        let within = bones.map(|bones| labelled_blocks(bones, blocks));
        let bone_blocks: Vec<bool> = (0..blocks.high.len())
            .map(|at| {
                f64::from(blocks.high[at]) >= look.bone_from
                    && within.as_ref().is_none_or(|within| within[at])
            })
            .collect();
        let lesion_blocks = lesions.map_or_else(Vec::new, |lesions| region_blocks(lesions, blocks));
        let dense = |start: usize, length: usize, from: f64| {
            volume.values[start..start + length].iter().any(|&value| f64::from(value) >= from)
        };
        let bone =
            Marked::new(volume, blocks, &bone_blocks, |start, length| dense(start, length, look.bone_from));
        let lesion = Marked::new(volume, blocks, &lesion_blocks, |start, length| {
            dense(start, length, look.lesion_from)
        });
        Ok(Self { volume, blocks, bones, lesions, look, bone, lesion })
    }

    /// The surfaces seen along the direction of view; the place of the plane along it does not matter.
    #[must_use]
    pub fn picture(&self, view: &View) -> Picture {
        let [columns, rows] = view.size;
        let mut pixels = vec![self.look.background; columns * rows];
        let Some(sampler) = Sampler::new(self.volume) else { return Picture { size: view.size, pixels } };
        let rays = Rays::new(self.volume, &sampler, view, None);
        let eye = Eye::new(self.volume, view);
        let step_mm =
            0.7 * self.volume.geometry.spacing_mm().into_iter().fold(f64::INFINITY, f64::min) as f32;
        pixels.par_chunks_mut(columns).enumerate().for_each(|(row, line)| {
            for (column, pixel) in line.iter_mut().enumerate() {
                let Some(ray) = rays.ray(column, row) else { continue };
                let looked = Looked { surface: self, sampler: &sampler, ray: &ray, step_mm };
                let lesion = looked.lesion();
                let bone = looked.bone(lesion.map_or(f32::INFINITY, |(depth, _)| depth));
                let lesion = lesion.map(|(depth, label)| eye.shade(&looked, depth, colour_of(label)));
                let bone = bone.map(|depth| eye.shade(&looked, depth, self.look.bone));
                *pixel = match (bone, lesion) {
                    (None, None) => continue,
                    (Some(colour), None) | (None, Some(colour)) => colour,
                    (Some(bone), Some(lesion)) => std::array::from_fn(|at| {
                        let (bone, lesion) = (f64::from(bone[at]), f64::from(lesion[at]));
                        (lesion + (bone - lesion) * self.look.bone_opacity).round() as u8
                    }),
                };
            }
        });
        Picture { size: view.size, pixels }
    }

    fn voxel_label(&self, labels: &Labels, voxel: [f32; 3]) -> u16 {
        let at: [usize; 3] = std::array::from_fn(|axis| {
            ((voxel[axis] + 0.5).max(0.0) as usize).min(self.volume.size[axis] - 1)
        });
        labels.values[self.volume.index(at)]
    }
}

/// One ray on its way.
struct Looked<'a> {
    surface: &'a Surface<'a>,
    sampler: &'a Sampler<'a>,
    ray: &'a Ray,
    step_mm: f32,
}

impl Looked<'_> {
    /// Depth and label of the first lesion.
    fn lesion(&self) -> Option<(f32, u16)> {
        let lesions = self.surface.lesions?;
        let label_at = |voxel: [f32; 3]| {
            // the voxel of the largest weight that belongs to a lesion
            self.sampler
                .neighbours(voxel)
                .into_iter()
                .map(|(at, weight)| (weight, lesions.labels.values[at]))
                .filter(|&(weight, label)| label != 0 && weight > 0.0)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, label)| label)
        };
        let from = self.surface.look.lesion_from as f32;
        let inside = |voxel: [f32; 3]| self.sampler.at(voxel) >= from && label_at(voxel).is_some();
        let depth = self.first(&self.surface.lesion, f32::INFINITY, inside)?;
        Some((depth, label_at(self.ray.at(depth)).unwrap_or(1)))
    }

    /// Depth of the first bone, if nearer than `before`.
    fn bone(&self, before: f32) -> Option<f32> {
        let surface = self.surface;
        let from = surface.look.bone_from as f32;
        let inside = |voxel: [f32; 3]| {
            self.sampler.at(voxel) >= from
                && surface.bones.is_none_or(|bones| surface.voxel_label(bones, voxel) != 0)
                && surface.lesions.is_none_or(|lesions| surface.voxel_label(lesions.labels, voxel) == 0)
        };
        self.first(&surface.bone, before, inside)
    }

    /// Depth at which the ray first comes inside, halved in to a thirtieth of a step.
    #[inline]
    fn first(&self, marked: &Marked, before: f32, inside: impl Fn([f32; 3]) -> bool) -> Option<f32> {
        if marked.apart.is_empty() {
            return None;
        }
        let blocks = self.surface.blocks;
        let (ray, step_mm) = (self.ray, self.step_mm);
        let mut sample = (ray.range[0] / step_mm).ceil();
        let last = (ray.range[1].min(before) / step_mm).floor();
        while sample <= last {
            let ([x, y, z], _) = ray.block(sample * step_mm, blocks.size);
            let apart = usize::from(marked.apart[blocks.index([x, y, z])]);
            if apart > 0 {
                let (_, exit) = ray.cell::<EDGE>(sample * step_mm, blocks.size, apart - 1);
                sample = ceil(exit / step_mm).max(sample + 1.0).min(last + 1.0);
                continue;
            }
            let (cell, exit) = ray.cell::<CELL>(sample * step_mm, marked.size, 0);
            let beyond = ceil(exit / step_mm).max(sample + 1.0).min(last + 1.0);
            if !marked.cells[index_of(marked.size, cell)] {
                sample = beyond;
                continue;
            }
            while sample < beyond {
                if inside(ray.at(sample * step_mm)) {
                    let (mut out, mut found) = ((sample - 1.0) * step_mm, sample * step_mm);
                    out = out.max(ray.range[0]);
                    for _ in 0..5 {
                        let middle = (out + found) / 2.0;
                        if inside(ray.at(middle)) { found = middle } else { out = middle }
                    }
                    return Some(found);
                }
                sample += 1.0;
            }
        }
        None
    }
}

/// From where and in what light surfaces are seen.
struct Eye {
    light: Vector,
    halfway: Vector,
    into: Vector,
    /// Rows that turn a slope per voxel into one in patient space.
    slopes: [Vector; 3],
    depths_mm: [f64; 2],
}

impl Eye {
    fn new(volume: &Volume, view: &View) -> Self {
        let into = view.plane.into_picture();
        let towards = along(along(into.map(|value| -value), view.plane.down, -0.5), view.plane.right, -0.4);
        let light = unit(towards).unwrap_or(into);
        let halfway = unit(along(light, into, -1.0)).unwrap_or(light);
        let slopes = volume.geometry.steps_mm.map(|step| {
            let length2 = dot(step, step);
            step.map(|value| value / length2)
        });
        let depths = corners(volume).map(|corner| view.pixel(corner).1);
        let depths_mm = [
            depths.iter().copied().fold(f64::INFINITY, f64::min),
            depths.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ];
        Self { light, halfway, into, slopes, depths_mm }
    }

    fn shade(&self, looked: &Looked, depth: f32, colour: [u8; 3]) -> [u8; 3] {
        let gradient = looked.sampler.gradient(looked.ray.at(depth));
        let slope: Vector = std::array::from_fn(|axis| {
            (0..3).map(|step| f64::from(gradient[step]) * self.slopes[step][axis]).sum()
        });
        // values fall outwards; where they do not fall (a cut face), the surface faces the viewer
        let mut outward = unit(slope.map(|value| -value)).unwrap_or(self.into);
        if dot(outward, self.into) > 0.0 {
            outward = outward.map(|value| -value);
        }
        let lit = dot(outward, self.light).max(0.0);
        let gloss = dot(outward, self.halfway).max(0.0).powi(24);
        let [near, far] = self.depths_mm;
        let away = ((f64::from(depth) - near) / (far - near).max(1e-9)).clamp(0.0, 1.0);
        let brightness = (0.28 + 0.78 * lit) * (1.0 - 0.45 * away);
        colour.map(|value| {
            (f64::from(value) * brightness + 45.0 * gloss * (1.0 - away)).round().min(255.0) as u8
        })
    }
}

/// Blocks that hold a label, or whose next voxel does.
fn labelled_blocks(labels: &Labels, blocks: &Blocks) -> Vec<bool> {
    let [columns, rows, slices] = labels.size;
    (0..blocks.size[1] * blocks.size[2])
        .into_par_iter()
        .flat_map_iter(|line| {
            let (block_row, block_slice) = (line % blocks.size[1], line / blocks.size[1]);
            let mut found = vec![false; blocks.size[0]];
            let around = |block: usize, end: usize| {
                (block * EDGE).saturating_sub(1)..(block * EDGE + EDGE + 1).min(end)
            };
            for slice in around(block_slice, slices) {
                for row in around(block_row, rows) {
                    let start = (slice * rows + row) * columns;
                    let line = &labels.values[start..start + columns];
                    for (block, found) in found.iter_mut().enumerate() {
                        *found = *found || line[around(block, columns)].iter().any(|&label| label != 0);
                    }
                }
            }
            found
        })
        .collect()
}

fn region_blocks(regions: &Regions, blocks: &Blocks) -> Vec<bool> {
    let mut found = vec![false; blocks.high.len()];
    for (start, length) in regions.list().iter().flat_map(|region| &region.runs) {
        let range = |axis: usize| {
            let end = if axis == 0 { start[0] + length } else { start[axis] + 1 };
            start[axis].saturating_sub(1) / EDGE..=(end / EDGE).min(blocks.size[axis] - 1)
        };
        for slice in range(2) {
            for row in range(1) {
                for column in range(0) {
                    found[blocks.index([column, row, slice])] = true;
                }
            }
        }
    }
    found
}
