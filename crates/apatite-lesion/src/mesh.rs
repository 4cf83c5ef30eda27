//! Surface of a mask by marching cubes at the level of one half, as IBSI asks, and the convex hull of points.

use std::sync::OnceLock;

use apatite_volume::cube::{EDGES, loops, middle_of};
use rayon::prelude::*;

use crate::grid::Grid;
use crate::linear::{cross, dot, norm, sub};

/// What the surface mesh of a mask tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mesh {
    /// Volume within the mesh, mm³.
    pub(crate) volume_mm3: f64,
    /// Area of the mesh, mm².
    pub(crate) area_mm2: f64,
    /// Of the vertices in each plane of slices the corners of their convex hull, mm in the frame of the grid (first
    /// voxel centre at the origin): the corners of the hull of all vertices are among them.
    pub(crate) outline_mm: Vec<[f64; 3]>,
}

/// Triangles (as edges) of every one of the 256 cubes: each loop of its surface is a fan of triangles.
fn table() -> &'static [Vec<[usize; 3]>] {
    static TABLE: OnceLock<Vec<Vec<[usize; 3]>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        (0..256).map(|cube| loops(cube).iter().flat_map(|edges| widest_fan(edges)).collect()).collect()
    })
}

/// Of the fans of triangles that span a loop the one with the largest area: on the digital phantom of IBSI this is what
/// the classic table gives.
fn widest_fan(edges: &[usize]) -> Vec<[usize; 3]> {
    let area = |fan: &[[usize; 3]]| -> f64 {
        let corners = |triangle: &[usize; 3]| triangle.map(middle_of);
        fan.iter().map(corners).map(|[a, b, c]| norm(cross(sub(b, a), sub(c, a)))).sum()
    };
    let count = edges.len();
    let mut best: Vec<[usize; 3]> = Vec::new();
    for start in 0..count {
        let at = |k: usize| edges[(start + k) % count];
        let fan: Vec<[usize; 3]> = (1..count - 1).map(|k| [at(0), at(k), at(k + 1)]).collect();
        if area(&fan) > area(&best) + 1e-9 {
            best = fan;
        }
    }
    best
}

/// Meshes a mask; cells outside the grid are outside the mask.
pub(crate) fn mesh(grid: &Grid, mask: &[bool]) -> Mesh {
    let table = table();
    let [nx, ny, nz] = grid.size;
    let row = |y: usize, z: usize| (y < ny && z < nz).then(|| &mask[(z * ny + y) * nx..][..nx]);
    // slice by slice, and the sums in their order; the first cubes lie before the first voxels
    let slices = (0..=nz).into_par_iter().map(|z| {
        let mut part = Mesh::default();
        // the vertices between the slices and within the second of them
        let mut planes = [Vec::new(), Vec::new()];
        for y in 0..=ny {
            let before = |at: usize| at.wrapping_sub(1);
            let rows =
                [(before(y), before(z)), (y, before(z)), (before(y), z), (y, z)].map(|(y, z)| row(y, z));
            if rows.iter().flatten().all(|row| !row.contains(&true)) {
                continue;
            }
            let mut left = 0;
            for x in 0..=nx {
                let right = rows.iter().enumerate().fold(0, |right, (at, row)| {
                    right | usize::from(row.is_some_and(|row| x < nx && row[x])) << (2 * at)
                });
                let cube = left | right << 1;
                left = right;
                if cube == 0 || cube == 255 {
                    continue;
                }
                let base = [x, y, z].map(|at| at as f64 - 1.0);
                let point = |edge: usize| -> [f64; 3] {
                    let half = middle_of(edge);
                    std::array::from_fn(|axis| (base[axis] + half[axis]) * grid.spacing_mm[axis])
                };
                for triangle in &table[cube] {
                    let [a, b, c] = triangle.map(point);
                    part.area_mm2 += norm(cross(sub(b, a), sub(c, a))) / 2.0;
                    part.volume_mm3 += dot(a, cross(b, c)) / 6.0;
                }
                // each vertex belongs to up to four cubes; the cube below and left of it reports it
                for (axis, edge) in [(0, 3), (1, 7), (2, 11)] {
                    let (a, b) = EDGES[edge];
                    if (cube >> a & 1) != (cube >> b & 1) {
                        planes[usize::from(axis < 2)].push(point(edge));
                    }
                    debug_assert_eq!(b - a, 1 << axis);
                }
            }
        }
        part.outline_mm = planes.into_iter().flat_map(outline).collect();
        part
    });
    let mut mesh = Mesh::default();
    for part in slices.collect::<Vec<_>>() {
        mesh.area_mm2 += part.area_mm2;
        mesh.volume_mm3 += part.volume_mm3;
        mesh.outline_mm.extend(part.outline_mm);
    }
    mesh.volume_mm3 = mesh.volume_mm3.abs();
    mesh
}

/// The corners of the convex hull of points of one plane of slices (Andrew, Inf Process Lett 1979, doi
/// 10.1016/0020-0190(79)90072-3).
fn outline(mut points: Vec<[f64; 3]>) -> Vec<[f64; 3]> {
    points.sort_unstable_by(|a, b| a[1].total_cmp(&b[1]).then(a[0].total_cmp(&b[0])));
    let half = |points: &mut dyn Iterator<Item = [f64; 3]>| {
        let mut chain: Vec<[f64; 3]> = Vec::new();
        for point in points {
            while let [.., before, last] = chain[..] {
                if cross(sub(last, before), sub(point, before))[2] < 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        // the last is the first of the other half
        chain.pop();
        chain
    };
    if points.len() < 3 {
        return points;
    }
    let there = half(&mut points.iter().copied());
    let back = half(&mut points.iter().rev().copied());
    there.into_iter().chain(back).collect()
}

/// Largest distance between two of the points, mm.
pub(crate) fn diameter(points: &[[f64; 3]]) -> f64 {
    let extreme = extremes(points, 400);
    let mut largest = 0.0_f64;
    for (i, &a) in extreme.iter().enumerate() {
        for &b in &extreme[i + 1..] {
            largest = largest.max(dot(sub(a, b), sub(a, b)));
        }
    }
    largest.sqrt()
}

/// The points that lie furthest along many directions (all points when they are few): the corners of the hull that
/// matter for its diameter and volume.
pub(crate) fn extremes(points: &[[f64; 3]], directions: usize) -> Vec<[f64; 3]> {
    if points.len() <= directions {
        return points.to_vec();
    }
    let golden = std::f64::consts::PI * (3.0 - 5.0_f64.sqrt());
    let mut chosen: Vec<usize> = (0..directions)
        .into_par_iter()
        .filter_map(|k| {
            let z = 1.0 - (2.0 * k as f64 + 1.0) / directions as f64;
            let (r, angle) = ((1.0 - z * z).sqrt(), golden * k as f64);
            let direction = [r * angle.cos(), r * angle.sin(), z];
            (0..points.len()).max_by(|&i, &j| {
                dot(points[i], direction).total_cmp(&dot(points[j], direction)).then(j.cmp(&i))
            })
        })
        .collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen.into_iter().map(|at| points[at]).collect()
}

/// Volume and area of the convex hull; zero for fewer than four points or flat ones. Incremental construction on
/// points moved by up to 1 µm, so that no four lie in one plane.
pub(crate) fn hull(points: &[[f64; 3]]) -> (f64, f64) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut jitter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 * 1e-3
    };
    let points: Vec<[f64; 3]> = points.iter().map(|point| point.map(|value| value + jitter())).collect();
    let Some(start) = simplex(&points) else { return (0.0, 0.0) };
    let inner: [f64; 3] =
        std::array::from_fn(|axis| start.iter().map(|&i| points[i][axis]).sum::<f64>() / 4.0);
    let outward = |a: usize, b: usize, c: usize| {
        let normal = cross(sub(points[b], points[a]), sub(points[c], points[a]));
        if dot(normal, sub(inner, points[a])) > 0.0 { [a, c, b] } else { [a, b, c] }
    };
    let [a, b, c, d] = start;
    let mut faces = vec![outward(a, b, c), outward(a, b, d), outward(a, c, d), outward(b, c, d)];
    for (index, &point) in points.iter().enumerate() {
        let sees = |face: &[usize; 3]| {
            let normal = cross(sub(points[face[1]], points[face[0]]), sub(points[face[2]], points[face[0]]));
            dot(normal, sub(point, points[face[0]])) > 0.0
        };
        if start.contains(&index) || !faces.iter().any(sees) {
            continue;
        }
        let (lit, dark): (Vec<[usize; 3]>, Vec<[usize; 3]>) = faces.iter().partition(|face| sees(face));
        let mut edges: Vec<(usize, usize)> =
            lit.iter().flat_map(|f| [(f[0], f[1]), (f[1], f[2]), (f[2], f[0])]).collect();
        edges.sort_unstable();
        faces = dark;
        for &(p, q) in &edges {
            if edges.binary_search(&(q, p)).is_err() {
                faces.push([p, q, index]);
            }
        }
    }
    let (mut volume, mut area) = (0.0, 0.0);
    for [p, q, r] in faces.iter().map(|face| face.map(|at| points[at])) {
        volume += dot(sub(p, inner), cross(sub(q, inner), sub(r, inner))) / 6.0;
        area += norm(cross(sub(q, p), sub(r, p))) / 2.0;
    }
    (volume.abs(), area)
}

/// Four points that span a volume.
fn simplex(points: &[[f64; 3]]) -> Option<[usize; 4]> {
    let furthest = |measure: &dyn Fn(usize) -> f64| {
        (0..points.len())
            .map(|at| (at, measure(at)))
            .max_by(|x, y| x.1.total_cmp(&y.1))
            .filter(|&(_, value)| value > 1e-5)
            .map(|(at, _)| at)
    };
    let a = 0;
    points.first()?;
    let b = furthest(&|i| norm(sub(points[i], points[a])))?;
    let axis = sub(points[b], points[a]);
    let c = furthest(&|i| norm(cross(axis, sub(points[i], points[a]))) / norm(axis))?;
    let normal = cross(axis, sub(points[c], points[a]));
    let d = furthest(&|i| (dot(normal, sub(points[i], points[a])) / norm(normal)).abs())?;
    Some([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every edge of every triangle is shared with exactly one other triangle, run the other way: the mesh is closed.
    #[test]
    fn meshes_are_closed_whatever_the_mask() {
        let grid = Grid { size: [4, 4, 4], spacing_mm: [1.0; 3] };
        for seed in 0..60_u64 {
            let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1;
            let mask: Vec<bool> = (0..64)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state % 100 < 45
                })
                .collect();
            let count = mask.iter().filter(|&&on| on).count() as f64;
            let found = mesh(&grid, &mask);
            // moving the origin of a closed mesh does not change its volume, whose bounds are known
            assert!(found.volume_mm3 <= count && found.volume_mm3 > count * 0.1, "{seed}: {found:?}");
        }
    }

    #[test]
    fn a_ball_has_the_volume_of_a_ball_and_fills_its_hull() {
        let grid = Grid { size: [41, 41, 21], spacing_mm: [0.5, 0.5, 1.0] };
        let mask: Vec<bool> = (0..grid.len())
            .map(|cell| {
                let [x, y, z] = grid.position(cell).map(|at| at as f64);
                ((x - 20.0) * 0.5).powi(2) + ((y - 20.0) * 0.5).powi(2) + (z - 10.0).powi(2) <= 64.0
            })
            .collect();
        let found = mesh(&grid, &mask);
        let ball = 4.0 / 3.0 * std::f64::consts::PI * 512.0;
        assert!((found.volume_mm3 / ball - 1.0).abs() < 0.02, "{}", found.volume_mm3);
        assert!((diameter(&found.outline_mm) - 16.5).abs() < 0.6);
        let (hull_volume, hull_area) = hull(&extremes(&found.outline_mm, 600));
        assert!((found.volume_mm3 / hull_volume - 0.97).abs() < 0.03, "{} {hull_volume}", found.volume_mm3);
        assert!((hull_area / (4.0 * std::f64::consts::PI * 64.0) - 1.0).abs() < 0.06, "{hull_area}");
    }
}
