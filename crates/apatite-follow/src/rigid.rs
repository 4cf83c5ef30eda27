//! Rigid motions of the patient between two studies.

use serde::{Deserialize, Serialize};

/// A rotation and a translation in patient coordinates (LPS, mm): `rotation * point + translation_mm`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Rigid {
    /// Rows of a proper rotation.
    pub rotation: [[f64; 3]; 3],
    /// mm.
    pub translation_mm: [f64; 3],
}

impl Rigid {
    /// No motion.
    pub const NONE: Self =
        Self { rotation: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], translation_mm: [0.0; 3] };

    /// The moved point.
    #[must_use]
    pub fn apply(&self, point: [f64; 3]) -> [f64; 3] {
        let turned = self.turn(point);
        std::array::from_fn(|axis| turned[axis] + self.translation_mm[axis])
    }

    /// The motion back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let rotation = std::array::from_fn(|row| std::array::from_fn(|column| self.rotation[column][row]));
        let back = Self { rotation, translation_mm: [0.0; 3] };
        let moved = back.turn(self.translation_mm);
        Self { rotation, translation_mm: moved.map(|value| -value) }
    }

    /// Angle of the rotation, degrees, 0 to 180.
    #[must_use]
    pub fn angle_degrees(&self) -> f64 {
        let trace = self.rotation[0][0] + self.rotation[1][1] + self.rotation[2][2];
        ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos().to_degrees()
    }

    fn turn(&self, point: [f64; 3]) -> [f64; 3] {
        self.rotation.map(|row| row[0] * point[0] + row[1] * point[1] + row[2] * point[2])
    }

    /// Rotation by the vector `turn` (axis times angle in radians) about `pivot_mm`, then `shift_mm`.
    pub(crate) fn about(pivot_mm: [f64; 3], turn: [f64; 3], shift_mm: [f64; 3]) -> Self {
        let rotation = rotation(turn);
        let moved = Self { rotation, translation_mm: [0.0; 3] }.turn(pivot_mm);
        Self {
            rotation,
            translation_mm: std::array::from_fn(|axis| pivot_mm[axis] - moved[axis] + shift_mm[axis]),
        }
    }

    /// First `self`, then `next`.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let rotation = std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                (0..3).map(|k| next.rotation[row][k] * self.rotation[k][column]).sum()
            })
        });
        Self { rotation, translation_mm: next.apply(self.translation_mm) }
    }
}

/// Rodrigues' formula.
fn rotation(turn: [f64; 3]) -> [[f64; 3]; 3] {
    let angle = turn.iter().map(|value| value * value).sum::<f64>().sqrt();
    if angle < 1e-12 {
        return Rigid::NONE.rotation;
    }
    let [x, y, z] = turn.map(|value| value / angle);
    let (sin, cos) = angle.sin_cos();
    let rest = 1.0 - cos;
    [
        [cos + x * x * rest, x * y * rest - z * sin, x * z * rest + y * sin],
        [y * x * rest + z * sin, cos + y * y * rest, y * z * rest - x * sin],
        [z * x * rest - y * sin, z * y * rest + x * sin, cos + z * z * rest],
    ]
}

/// Solves a symmetric positive 6×6 system by Gauss's elimination with pivots; none where it is singular.
pub(crate) fn solve(mut matrix: [[f64; 6]; 6], mut right: [f64; 6]) -> Option<[f64; 6]> {
    for step in 0..6 {
        let pivot = (step..6).max_by(|&a, &b| matrix[a][step].abs().total_cmp(&matrix[b][step].abs()))?;
        if matrix[pivot][step].abs() < 1e-12 {
            return None;
        }
        matrix.swap(step, pivot);
        right.swap(step, pivot);
        let eliminated = matrix[step];
        for row in step + 1..6 {
            let factor = matrix[row][step] / eliminated[step];
            for (entry, from) in matrix[row].iter_mut().zip(eliminated).skip(step) {
                *entry -= factor * from;
            }
            right[row] -= factor * right[step];
        }
    }
    let mut solution = [0.0; 6];
    for row in (0..6).rev() {
        let rest: f64 = (row + 1..6).map(|column| matrix[row][column] * solution[column]).sum();
        solution[row] = (right[row] - rest) / matrix[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::{Rigid, solve};

    #[test]
    fn there_and_back_is_no_motion() {
        let there = Rigid::about([10.0, -20.0, 300.0], [0.3, -0.2, 0.7], [5.0, 6.0, -7.0]);
        let both = there.then(&there.inverse());
        for row in 0..3 {
            assert!(both.translation_mm[row].abs() < 1e-9);
            for column in 0..3 {
                assert!((both.rotation[row][column] - Rigid::NONE.rotation[row][column]).abs() < 1e-12);
            }
        }
        assert!((there.angle_degrees() - 0.62_f64.sqrt().to_degrees()).abs() < 1e-9);
        // the pivot moves by the shift alone
        let moved = there.apply([10.0, -20.0, 300.0]);
        assert!((moved[0] - 15.0).abs() < 1e-9 && (moved[2] - 293.0).abs() < 1e-9);
    }

    #[test]
    fn a_system_is_solved() {
        let matrix = std::array::from_fn(|row: usize| {
            std::array::from_fn(
                |column: usize| if row == column { 4.0 } else { 1.0 / (1 + row + column) as f64 },
            )
        });
        let wanted = [1.0, -2.0, 3.0, 0.5, 0.0, -1.0];
        let right = std::array::from_fn(|row: usize| {
            let line: [f64; 6] = matrix[row];
            line.iter().zip(wanted).map(|(a, b)| a * b).sum()
        });
        let found = solve(matrix, right).unwrap_or_default();
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-9);
        }
        assert!(solve([[0.0; 6]; 6], right).is_none());
    }
}
