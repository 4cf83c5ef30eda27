//! How a mask cuts the cubes between eight voxels: the table that marching cubes goes by.

/// Corner `c` of a cube lies at `[c & 1, c >> 1 & 1, c >> 2 & 1]`; an edge runs from its first corner along one axis.
pub const EDGES: [(usize, usize); 12] =
    [(0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (0, 4), (1, 5), (2, 6), (3, 7)];

/// Corners of the faces, anticlockwise seen from outside.
pub const FACES: [[usize; 4]; 6] =
    [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];

/// Middle of an edge of [`EDGES`], in steps from the first corner of its cube.
#[must_use]
pub fn middle_of(edge: usize) -> [f64; 3] {
    let (a, b) = EDGES[edge];
    std::array::from_fn(|axis| ((a >> axis & 1) + (b >> axis & 1)) as f64 / 2.0)
}

/// The closed lines, each as the edges it runs through, along which the surface of a mask crosses the faces of a cube;
/// bit `c` of `cube` says whether corner `c` is inside. They are derived, not typed in: on each face, each run of inside
/// corners is cut off by a segment, and the segments close to loops. The neighbour of a face cuts it in the same way, so
/// nothing stays open.
#[must_use]
pub fn loops(cube: usize) -> Vec<Vec<usize>> {
    let inside = |corner: usize| cube >> corner & 1 == 1;
    let edge_between =
        |a: usize, b: usize| EDGES.iter().position(|&edge| edge == (a.min(b), a.max(b))).unwrap_or(0);
    let mut next = [None; 12];
    for face in FACES {
        for k in 0..4 {
            // a run of inside corners begins after this edge
            if inside(face[k]) || !inside(face[(k + 1) % 4]) {
                continue;
            }
            let mut end = (k + 1) % 4;
            while inside(face[(end + 1) % 4]) {
                end = (end + 1) % 4;
            }
            next[edge_between(face[k], face[(k + 1) % 4])] =
                Some(edge_between(face[end], face[(end + 1) % 4]));
        }
    }
    let mut found = Vec::new();
    for start in 0..12 {
        let mut edges = Vec::new();
        let mut at = start;
        // each edge is left once
        while let Some(after) = next[at].take() {
            edges.push(at);
            at = after;
        }
        if !edges.is_empty() {
            found.push(edges);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_that_the_surface_crosses_lies_on_one_loop() {
        for cube in 0..256 {
            let mut on_loops: Vec<usize> = loops(cube).concat();
            on_loops.sort_unstable();
            let crossed: Vec<usize> = (0..12)
                .filter(|&edge| {
                    let (a, b) = EDGES[edge];
                    (cube >> a & 1) != (cube >> b & 1)
                })
                .collect();
            assert_eq!(on_loops, crossed, "cube {cube:08b}");
        }
    }
}
