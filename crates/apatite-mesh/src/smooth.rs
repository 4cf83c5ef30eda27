//! Smoothing that keeps the volume.

use crate::{Mesh, cross, norm, sub};

/// A step inwards and a longer one outwards let pass what is broad and stop what is narrow (Taubin 1995).
const INWARDS: f64 = 0.5;
const OUTWARDS: f64 = -0.53;

impl Mesh {
    /// Smooths in so many rounds (10 takes out the steps of voxels), then moves the surface along its normals until it
    /// holds `volume_mm3`. A closed mesh stays closed.
    pub fn smooth(&mut self, rounds: usize, volume_mm3: f64) {
        let neighbours = Neighbours::of(self);
        let rough = self.vertices_mm.clone();
        for _ in 0..rounds {
            for share in [INWARDS, OUTWARDS] {
                self.vertices_mm = neighbours.moved(&self.vertices_mm, share);
            }
        }
        self.grow_to(volume_mm3);
        // where crumbs of a voxel or two turn over on the way, the surface is scaled instead, if need be as it was
        let far = |volume: f64| (volume - volume_mm3).abs() > 1e-3 * volume_mm3;
        if far(self.volume_mm3()) {
            if self.volume_mm3() < 0.5 * volume_mm3 {
                self.vertices_mm = rough;
            }
            self.scale_to(volume_mm3);
        }
    }

    /// Scales the surface about the mean of its vertices until it holds a volume; not where it holds none.
    fn scale_to(&mut self, volume_mm3: f64) {
        let volume = self.volume_mm3();
        if volume <= 0.0 || volume_mm3 <= 0.0 {
            return;
        }
        let count = self.vertices_mm.len() as f64;
        let middle: [f64; 3] = std::array::from_fn(|axis| {
            self.vertices_mm.iter().map(|vertex| vertex[axis]).sum::<f64>() / count
        });
        let factor = (volume_mm3 / volume).cbrt();
        for vertex in &mut self.vertices_mm {
            *vertex = std::array::from_fn(|axis| middle[axis] + (vertex[axis] - middle[axis]) * factor);
        }
    }

    /// Moves the surface along its normals until it holds a volume. How much a step changes the volume is the area at
    /// first, and then what the last step showed: where parts of the surface face one another closely the two differ.
    fn grow_to(&mut self, volume_mm3: f64) {
        let mut slope = self.area_mm2();
        for _ in 0..20 {
            let volume = self.volume_mm3();
            let missing = volume_mm3 - volume;
            if slope <= 0.0 || missing.abs() <= 1e-6 * volume_mm3 {
                return;
            }
            let step = missing / slope;
            let normals = self.normals();
            for (vertex, normal) in self.vertices_mm.iter_mut().zip(normals) {
                *vertex = std::array::from_fn(|axis| vertex[axis] + normal[axis] * step);
            }
            let shown = (self.volume_mm3() - volume) / step;
            slope = if shown > 0.1 * slope { shown } else { self.area_mm2() };
        }
    }

    /// Unit normals of the vertices, outwards.
    pub(crate) fn normals(&self) -> Vec<[f64; 3]> {
        let mut normals = vec![[0.0; 3]; self.vertices_mm.len()];
        for (triangle, [a, b, c]) in self.triangles.iter().zip(self.corners()) {
            let normal = cross(sub(b, a), sub(c, a));
            for &at in triangle {
                for (sum, part) in normals[at as usize].iter_mut().zip(normal) {
                    *sum += part;
                }
            }
        }
        for normal in &mut normals {
            let length = norm(*normal);
            *normal = normal.map(|part| if length > 0.0 { part / length } else { 0.0 });
        }
        normals
    }
}

/// Which vertices share an edge.
struct Neighbours {
    starts: Vec<u32>,
    others: Vec<u32>,
}

impl Neighbours {
    fn of(mesh: &Mesh) -> Self {
        // in a closed mesh each edge is run once in each direction: the edges that leave a vertex name all neighbours
        let mut starts = vec![0_u32; mesh.vertices_mm.len() + 1];
        let edges = || mesh.triangles.iter().flat_map(|&[a, b, c]| [(a, b), (b, c), (c, a)]);
        for (from, _) in edges() {
            starts[from as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut places = starts.clone();
        let mut others = vec![0; mesh.triangles.len() * 3];
        for (from, to) in edges() {
            let place = &mut places[from as usize];
            others[*place as usize] = to;
            *place += 1;
        }
        Self { starts, others }
    }

    fn moved(&self, vertices: &[[f64; 3]], share: f64) -> Vec<[f64; 3]> {
        use rayon::prelude::*;
        vertices
            .par_iter()
            .zip(self.starts.par_windows(2))
            .map(|(vertex, ends)| {
                let others = &self.others[ends[0] as usize..ends[1] as usize];
                if others.is_empty() {
                    return *vertex;
                }
                std::array::from_fn(|axis| {
                    let sum: f64 = others.iter().map(|&other| vertices[other as usize][axis]).sum();
                    vertex[axis] + share * (sum / others.len() as f64 - vertex[axis])
                })
            })
            .collect()
    }
}
