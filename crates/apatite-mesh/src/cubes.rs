//! Marching cubes at the level of one half.

use std::sync::OnceLock;

use apatite_volume::cube::{EDGES, FACES, loops, middle_of};
use apatite_volume::{Labels, index_of};

use crate::Mesh;

/// No vertex yet.
const NONE: u32 = u32::MAX;

impl Mesh {
    /// The surface of the voxels with a label. What lies outside of the grid is outside of the mask, so that the mesh is
    /// closed.
    #[must_use]
    pub fn of(labels: &Labels, label: u16) -> Self {
        let Some([low, high]) = bounds(labels, label) else { return Self::default() };
        // two layers more than the box: one of air on each side
        let size: [usize; 3] = std::array::from_fn(|axis| high[axis] - low[axis] + 3);
        let inside = |x: usize, y: usize, z: usize| {
            let voxel = [x + low[0], y + low[1], z + low[2]];
            (0..3).all(|axis| voxel[axis] > 0 && voxel[axis] <= labels.size[axis])
                && labels.values[index_of(labels.size, voxel.map(|at| at - 1))] == label
        };
        let mut mesh = Self::default();
        let mut layer = Layer::new(size);
        for z in 0..size[2] - 1 {
            for y in 0..size[1] - 1 {
                let mut cube = 0;
                for x in 0..size[0] {
                    // the right half of the last cube is the left half of this one
                    let mut right = 0;
                    for (bit, (dy, dz)) in [(1, (0, 0)), (3, (1, 0)), (5, (0, 1)), (7, (1, 1))] {
                        right |= usize::from(inside(x, y + dy, z + dz)) << bit;
                    }
                    let full = cube | right;
                    if x > 0 && full != 0 && full != 255 {
                        layer.cut(&mut mesh, full, [x - 1, y, z], |edge, place| {
                            let middle = middle_of(edge);
                            labels.geometry.patient_from_voxel(std::array::from_fn(|axis| {
                                (place[axis] + low[axis]) as f64 - 1.0 + middle[axis]
                            }))
                        });
                    }
                    cube = right >> 1;
                }
            }
            layer.next();
        }
        // in left-handed grids everything is inside out
        if mesh.volume_mm3() < 0.0 {
            for triangle in &mut mesh.triangles {
                triangle.swap(1, 2);
            }
        }
        mesh
    }
}

/// The vertices on the edges of one layer of cubes: each is made once.
struct Layer {
    width: usize,
    /// Along columns and rows, on the lower and the upper plane of the layer.
    planes: [Vec<[u32; 2]>; 2],
    /// Along slices.
    between: Vec<u32>,
}

impl Layer {
    fn new(size: [usize; 3]) -> Self {
        let cells = size[0] * size[1];
        Self {
            width: size[0],
            planes: [vec![[NONE; 2]; cells], vec![[NONE; 2]; cells]],
            between: vec![NONE; cells],
        }
    }

    fn next(&mut self) {
        self.planes.swap(0, 1);
        self.planes[1].fill([NONE; 2]);
        self.between.fill(NONE);
    }

    fn cut(
        &mut self,
        mesh: &mut Mesh,
        cube: usize,
        place: [usize; 3],
        point_mm: impl Fn(usize, [usize; 3]) -> [f64; 3],
    ) {
        for corners in &table()[cube] {
            let mut fan: Vec<u32> = Vec::with_capacity(corners.len());
            for &edge in &corners.edges {
                let (a, b) = EDGES[edge];
                let cell = (place[1] + (a >> 1 & 1)) * self.width + place[0] + (a & 1);
                let slot = match b - a {
                    1 => &mut self.planes[a >> 2 & 1][cell][0],
                    2 => &mut self.planes[a >> 2 & 1][cell][1],
                    _ => &mut self.between[cell],
                };
                if *slot == NONE {
                    *slot = mesh.vertices_mm.len() as u32;
                    mesh.vertices_mm.push(point_mm(edge, place));
                }
                fan.push(*slot);
            }
            match corners.apex {
                Some(apex) => {
                    let at = |k: usize| fan[(apex + k) % fan.len()];
                    mesh.triangles.extend((1..fan.len() - 1).map(|k| [at(0), at(k), at(k + 1)]));
                }
                None => {
                    let middle = mesh.vertices_mm.len() as u32;
                    let sum = fan.iter().fold([0.0; 3], |sum: [f64; 3], &at| {
                        std::array::from_fn(|axis| sum[axis] + mesh.vertices_mm[at as usize][axis])
                    });
                    mesh.vertices_mm.push(sum.map(|value| value / fan.len() as f64));
                    mesh.triangles.extend((0..fan.len()).map(|k| [middle, fan[k], fan[(k + 1) % fan.len()]]));
                }
            }
        }
    }
}

/// A closed line on the faces of a cube, and how it is filled.
struct Loop {
    edges: Vec<usize>,
    /// Where the fan of triangles begins; none where a vertex in the middle is needed.
    apex: Option<usize>,
}

impl Loop {
    fn new(edges: Vec<usize>) -> Self {
        let apex = (0..edges.len()).find(|&apex| is_free(&edges, apex));
        Self { edges, apex }
    }

    fn len(&self) -> usize {
        self.edges.len()
    }
}

/// The loops of all 256 cubes.
fn table() -> &'static [Vec<Loop>] {
    static TABLE: OnceLock<Vec<Vec<Loop>>> = OnceLock::new();
    TABLE.get_or_init(|| (0..256).map(|cube| loops(cube).into_iter().map(Loop::new).collect()).collect())
}

/// Whether no inner line of a fan lies on a face of the cube: the neighbour could have the same line.
fn is_free(edges: &[usize], apex: usize) -> bool {
    let count = edges.len();
    let on_one_face = |a: usize, b: usize| {
        let corners = [EDGES[a].0, EDGES[a].1, EDGES[b].0, EDGES[b].1];
        FACES.iter().any(|face| corners.iter().all(|corner| face.contains(corner)))
    };
    (2..count.saturating_sub(1)).all(|k| !on_one_face(edges[apex], edges[(apex + k) % count]))
}

/// Lowest and highest voxel with a label.
fn bounds(labels: &Labels, label: u16) -> Option<[[usize; 3]; 2]> {
    let [columns, rows, _] = labels.size;
    let mut found: Option<[[usize; 3]; 2]> = None;
    for (number, line) in labels.values.chunks(columns.max(1)).enumerate() {
        let Some(first) = line.iter().position(|&value| value == label) else { continue };
        let last = line.iter().rposition(|&value| value == label).unwrap_or(first);
        let (row, slice) = (number % rows, number / rows);
        let [low, high] = found.unwrap_or([[first, row, slice], [last, row, slice]]);
        found = Some([
            [low[0].min(first), low[1].min(row), low[2].min(slice)],
            [high[0].max(last), high[1].max(row), high[2].max(slice)],
        ]);
    }
    found
}
