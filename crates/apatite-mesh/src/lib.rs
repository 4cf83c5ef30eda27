/*!
Closed surface meshes of masks, for planning and 3-D printing.

[`Mesh::of`] runs marching cubes over a mask, [`Mesh::smooth`] takes the steps out without shrinking it and then moves
the surface until it holds the volume of the mask, [`write`] writes STL, PLY, OBJ or binary glTF. Coordinates are
DICOM's (LPS, mm) but for glTF, which asks for metres and its own axes. This crate reads no file and knows no anatomy.
*/

mod bone;
mod cubes;
mod format;
mod smooth;

use std::collections::HashMap;

pub use bone::solid_bones;
pub use format::{Format, Part, write};

/// Triangles in the patient.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Corners, LPS mm.
    pub vertices_mm: Vec<[f64; 3]>,
    /// Indices of corners, anticlockwise seen from outside.
    pub triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// Volume within, mm³; cavities are taken off.
    #[must_use]
    pub fn volume_mm3(&self) -> f64 {
        // about a corner of the mesh, so that a mesh far from the origin loses no digits
        let Some(&origin) = self.vertices_mm.first() else { return 0.0 };
        self.corners()
            .map(|[a, b, c]| dot(sub(a, origin), cross(sub(b, origin), sub(c, origin))))
            .sum::<f64>()
            / 6.0
    }

    /// Area, mm².
    #[must_use]
    pub fn area_mm2(&self) -> f64 {
        self.corners().map(|[a, b, c]| norm(cross(sub(b, a), sub(c, a)))).sum::<f64>() / 2.0
    }

    /// Whether every edge belongs to exactly two triangles, which run it in opposite directions.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let mut edges: HashMap<(u32, u32), u32> = HashMap::with_capacity(self.triangles.len() * 3);
        for &[a, b, c] in &self.triangles {
            for edge in [(a, b), (b, c), (c, a)] {
                *edges.entry(edge).or_default() += 1;
            }
        }
        edges.iter().all(|(&(a, b), &count)| count == 1 && edges.get(&(b, a)) == Some(&1))
    }

    fn corners(&self) -> impl Iterator<Item = [[f64; 3]; 3]> + '_ {
        self.triangles.iter().map(|triangle| triangle.map(|at| self.vertices_mm[at as usize]))
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}
