/*! Points, directions and rotations in millimetres. */

/// A point or a direction, mm.
pub(crate) type Point = [f64; 3];

#[inline]
pub(crate) fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

#[inline]
pub(crate) fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[inline]
pub(crate) fn scale(a: Point, factor: f64) -> Point {
    a.map(|value| value * factor)
}

/// `a + factor * b`.
#[inline]
pub(crate) fn along(a: Point, factor: f64, b: Point) -> Point {
    add(a, scale(b, factor))
}

#[inline]
pub(crate) fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[inline]
pub(crate) fn length(a: Point) -> f64 {
    dot(a, a).sqrt()
}

#[inline]
pub(crate) fn distance(a: Point, b: Point) -> f64 {
    length(sub(a, b))
}

/// The direction of `a`; the zero vector stays.
pub(crate) fn unit(a: Point) -> Point {
    let size = length(a);
    if size > 0.0 { scale(a, 1.0 / size) } else { a }
}

pub(crate) fn middle(a: Point, b: Point, share: f64) -> Point {
    add(scale(a, 1.0 - share), scale(b, share))
}

/// An orthogonal matrix (a rotation, or a rotation with a mirror): `rows[i]` dotted with a vector is its component `i`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Turn {
    rows: [Point; 3],
}

impl Turn {
    pub(crate) const NONE: Self = Self { rows: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };

    /// Left becomes right.
    pub(crate) const MIRROR: Self = Self { rows: [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };

    /// Right-handed rotation about an axis (Rodrigues).
    pub(crate) fn about(axis: Point, degrees: f64) -> Self {
        let [x, y, z] = unit(axis);
        let (sin, cos) = degrees.to_radians().sin_cos();
        let rest = 1.0 - cos;
        Self {
            rows: [
                [cos + x * x * rest, x * y * rest - z * sin, x * z * rest + y * sin],
                [y * x * rest + z * sin, cos + y * y * rest, y * z * rest - x * sin],
                [z * x * rest - y * sin, z * y * rest + x * sin, cos + z * z * rest],
            ],
        }
    }

    /// The turn that takes a vector into the frame whose third axis is `axis`.
    pub(crate) fn onto_z(axis: Point) -> Self {
        let third = unit(axis);
        let helper = if third[0].abs() < 0.8 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
        let first = unit(cross(helper, third));
        Self { rows: [first, cross(third, first), third] }
    }

    #[inline]
    pub(crate) fn apply(&self, a: Point) -> Point {
        [dot(self.rows[0], a), dot(self.rows[1], a), dot(self.rows[2], a)]
    }

    pub(crate) fn inverse(&self) -> Self {
        let rows = self.rows;
        Self { rows: [0, 1, 2].map(|axis: usize| [rows[0][axis], rows[1][axis], rows[2][axis]]) }
    }

    /// First `self`, then `next`.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let columns = self.inverse().rows;
        Self { rows: next.rows.map(|row| columns.map(|column| dot(row, column))) }
    }
}
