//! The little linear algebra that shapes need, and the middle of values.

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The middle one of values, at least one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

pub(crate) fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

/// Sums over points for their centre and spread; whoever adds them knows how many they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    first: [f64; 3],
    second: [[f64; 3]; 3],
}

impl Moments {
    pub(crate) fn add(&mut self, point: [f64; 3]) {
        for i in 0..3 {
            self.first[i] += point[i];
            for j in 0..3 {
                self.second[i][j] += point[i] * point[j];
            }
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for i in 0..3 {
            self.first[i] += other.first[i];
            for j in 0..3 {
                self.second[i][j] += other.second[i][j];
            }
        }
    }

    /// The centre of `n` points.
    pub(crate) fn centre(&self, n: f64) -> [f64; 3] {
        self.first.map(|sum| sum / n)
    }

    /// Variances of `n` points along the principal axes, largest first; `own` are those of each point itself along each
    /// axis, where it stands for a cell.
    pub(crate) fn variances(&self, n: f64, own: [f64; 3]) -> [f64; 3] {
        let first = self.first;
        eigenvalues(std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                self.second[i][j] / n - first[i] * first[j] / (n * n) + if i == j { own[i] } else { 0.0 }
            })
        }))
    }
}

/// Eigenvalues of a symmetric matrix, largest first.
pub(crate) fn eigenvalues(matrix: [[f64; 3]; 3]) -> [f64; 3] {
    eigen(matrix).0
}

/// Centre of points, their variances along the principal axes, largest first, and these axes, of length one.
pub(crate) fn principal(points: &[[f64; 3]]) -> ([f64; 3], [f64; 3], [[f64; 3]; 3]) {
    let count = points.len() as f64;
    let centre: [f64; 3] = std::array::from_fn(|k| points.iter().map(|p| p[k]).sum::<f64>() / count);
    let covariance = std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            points.iter().map(|p| (p[i] - centre[i]) * (p[j] - centre[j])).sum::<f64>() / count
        })
    });
    let (variances, axes) = eigen(covariance);
    (centre, variances, axes)
}

/// Eigenvalues, largest first, and unit eigenvectors of a symmetric matrix (cyclic Jacobi).
fn eigen(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..32 {
        let off = a[0][1].powi(2) + a[0][2].powi(2) + a[1][2].powi(2);
        if off < 1e-24 {
            break;
        }
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q].abs() < 1e-30 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let t = if theta == 0.0 { 1.0 } else { t };
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for row in &mut a {
                let (x, y) = (row[p], row[q]);
                row[p] = c * x - s * y;
                row[q] = s * x + c * y;
            }
            let (x, y) = (a[p], a[q]);
            a[p] = std::array::from_fn(|k| c * x[k] - s * y[k]);
            a[q] = std::array::from_fn(|k| s * x[k] + c * y[k]);
            for row in &mut v {
                let (x, y) = (row[p], row[q]);
                row[p] = c * x - s * y;
                row[q] = s * x + c * y;
            }
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]).then(i.cmp(&j)));
    (order.map(|i| a[i][i]), order.map(|i| [v[0][i], v[1][i], v[2][i]]))
}

/// Solves a symmetric or general 3×3 system; none where it is singular.
pub(crate) fn solve3(m: [[f64; 3]; 3], b: [f64; 3]) -> Option<[f64; 3]> {
    let determinant = dot(m[0], cross(m[1], m[2]));
    if determinant.abs() < 1e-12 {
        return None;
    }
    let column = |k: usize| {
        let mut replaced = m;
        for (row, value) in replaced.iter_mut().zip(b) {
            row[k] = value;
        }
        dot(replaced[0], cross(replaced[1], replaced[2])) / determinant
    };
    Some([column(0), column(1), column(2)])
}
