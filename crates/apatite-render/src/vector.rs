//! Vectors of three.

pub(crate) type Vector = [f64; 3];

pub(crate) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn sub(a: Vector, b: Vector) -> Vector {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

/// `a + by · direction`.
pub(crate) fn along(a: Vector, direction: Vector, by: f64) -> Vector {
    std::array::from_fn(|axis| a[axis] + direction[axis] * by)
}

pub(crate) fn norm(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

/// The unit vector; none for a vector without length.
pub(crate) fn unit(a: Vector) -> Option<Vector> {
    let length = norm(a);
    (length.is_finite() && length > 1e-9).then(|| a.map(|value| value / length))
}

/// The part of `a` at right angles to the unit vector `to`, as a unit vector; none where they are parallel.
pub(crate) fn across(a: Vector, to: Vector) -> Option<Vector> {
    let rest = along(a, to, -dot(a, to));
    (norm(rest) > 1e-6 * norm(a).max(1e-300)).then(|| unit(rest)).flatten()
}

/// Eigenvectors of a symmetric matrix, by falling eigenvalue (Jacobi rotations).
pub(crate) fn eigenvectors(mut matrix: [[f64; 3]; 3]) -> [Vector; 3] {
    let mut vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..50 {
        let (p, q) = [(0, 1), (0, 2), (1, 2)]
            .into_iter()
            .max_by(|a, b| matrix[a.0][a.1].abs().total_cmp(&matrix[b.0][b.1].abs()))
            .unwrap_or((0, 1));
        if matrix[p][q].abs() < 1e-12 * (matrix[0][0] + matrix[1][1] + matrix[2][2]).abs().max(1e-300) {
            break;
        }
        let angle = 0.5 * (2.0 * matrix[p][q]).atan2(matrix[q][q] - matrix[p][p]);
        let (s, c) = angle.sin_cos();
        for row in &mut matrix {
            (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
        }
        let (a, b) = (matrix[p], matrix[q]);
        matrix[p] = std::array::from_fn(|column| c * a[column] - s * b[column]);
        matrix[q] = std::array::from_fn(|column| s * a[column] + c * b[column]);
        for vector in &mut vectors {
            (vector[p], vector[q]) = (c * vector[p] - s * vector[q], s * vector[p] + c * vector[q]);
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| matrix[b][b].total_cmp(&matrix[a][a]));
    order.map(|at| [vectors[0][at], vectors[1][at], vectors[2][at]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_are_the_axes_of_an_ellipsoid() {
        let axes = [[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]];
        let matrix = std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                [2.0, 5.0, 1.0].iter().zip(axes).map(|(value, axis)| value * axis[row] * axis[column]).sum()
            })
        });
        let found = eigenvectors(matrix);
        for (found, expected) in found.iter().zip([axes[1], axes[0], axes[2]]) {
            assert!((dot(*found, expected).abs() - 1.0).abs() < 1e-9, "{found:?} {expected:?}");
        }
    }
}
