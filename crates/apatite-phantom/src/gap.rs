/*! The shortest way left between ossification on one bone and another bone, from the shapes themselves. */

use std::collections::BTreeSet;

use apatite_volume::{index_of, voxel_at};

use crate::LesionKind;
use crate::patterns::Plan;
use crate::scanner::{Picture, Scanner};
use crate::scene::Tag;
use crate::shape::Shape;
use crate::space::{Point, along, distance, dot, scale, sub};

/// A bone or an ossification, where it lies in view.
struct Body {
    /// Ossification that grew, not a bone of the skeleton.
    grown: bool,
    shapes: Vec<Shape>,
    /// Middles of the voxels at its surface that it fills at least half.
    surface: Vec<Point>,
}

/// The shortest way, mm, between what belongs to one bone (itself and the ossifications that touch it alone) and what
/// belongs to another, one of the two being ossification. 0 where an ossification touches two bones; none where none in
/// view touches a bone, or there is no other bone in view. `contacts` are the bones that each lesion touches;
/// ossifications that touch each other are one.
pub(crate) fn opposing_mm(
    plan: &Plan,
    picture: &Picture,
    scanner: &Scanner,
    contacts: &[Vec<usize>],
) -> Option<f64> {
    let bones = plan.body.scene.bones();
    let contacts = of_connected(plan, picture, scanner, contacts);
    let attached: Vec<(usize, &BTreeSet<usize>)> =
        contacts.iter().enumerate().filter(|(_, touched)| !touched.is_empty()).collect();
    if attached.iter().any(|(_, touched)| touched.len() > 1) {
        return Some(0.0);
    }
    if attached.is_empty() {
        return None;
    }
    // what belongs to each bone
    let bodies: Vec<Vec<Body>> = (0..bones.len())
        .map(|bone| {
            let own = Body {
                grown: false,
                shapes: vec![bones[bone].clone()],
                surface: surface(&picture.bones, bone as u16 + 1, scanner),
            };
            let grown = attached.iter().filter(|(_, touched)| touched.contains(&bone)).map(|&(at, _)| Body {
                grown: true,
                shapes: minerals(plan, at as u16 + 1),
                surface: surface(&picture.lesions, at as u16 + 1, scanner),
            });
            std::iter::once(own).chain(grown).filter(|body| !body.surface.is_empty()).collect()
        })
        .collect();
    let mut least = f64::INFINITY;
    for (first, one) in bodies.iter().enumerate() {
        for (a, b) in one.iter().flat_map(|a| bodies[first + 1..].iter().flatten().map(move |b| (a, b))) {
            if a.grown || b.grown {
                least = least.min(between(a, b, scanner));
            }
        }
    }
    least.is_finite().then_some(least)
}

/// The bones that each ossification touches, itself or by others that it touches: those with voxels side by side.
fn of_connected(
    plan: &Plan,
    picture: &Picture,
    scanner: &Scanner,
    contacts: &[Vec<usize>],
) -> Vec<BTreeSet<usize>> {
    let grown =
        |label: u16| label > 0 && plan.lesions[usize::from(label) - 1].kind == LesionKind::Ossification;
    let [columns, rows, slices] = scanner.size;
    let mut pairs = BTreeSet::new();
    for (index, &label) in picture.lesions.iter().enumerate().filter(|(_, label)| grown(**label)) {
        let voxel = voxel_at(scanner.size, index);
        // half of the neighbours: the others see this one
        for step in 14..27_usize {
            let other: [usize; 3] =
                std::array::from_fn(|axis| (voxel[axis] + step / [1, 3, 9][axis] % 3).wrapping_sub(1));
            if other[0] < columns && other[1] < rows && other[2] < slices {
                let beside = picture.lesions[index_of(scanner.size, other)];
                if beside != label && grown(beside) {
                    pairs.insert((usize::from(label) - 1, usize::from(beside) - 1));
                }
            }
        }
    }
    let mut touched: Vec<BTreeSet<usize>> = (0..plan.lesions.len())
        .map(|at| if grown(at as u16 + 1) { contacts[at].iter().copied().collect() } else { BTreeSet::new() })
        .collect();
    // a chain of touching ones is no longer than their number
    for _ in 0..touched.len() {
        for &(a, b) in &pairs {
            let both: BTreeSet<usize> = touched[a].union(&touched[b]).copied().collect();
            touched[a].clone_from(&both);
            touched[b] = both;
        }
    }
    touched
}

fn minerals(plan: &Plan, lesion: u16) -> Vec<Shape> {
    let parts = plan.body.scene.painted();
    parts.into_iter().filter(|part| part.tag == Tag::Mineral(lesion)).map(|part| part.shape).collect()
}

fn surface(labels: &[u16], label: u16, scanner: &Scanner) -> Vec<Point> {
    let [columns, rows, slices] = scanner.size;
    let steps = [1, columns, columns * rows];
    let own = |index: usize| labels[index] == label;
    let mut points = Vec::new();
    for index in (0..labels.len()).filter(|&index| own(index)) {
        let voxel = voxel_at(scanner.size, index);
        let inside = (0..3).all(|axis| {
            voxel[axis] > 0
                && voxel[axis] + 1 < [columns, rows, slices][axis]
                && own(index - steps[axis])
                && own(index + steps[axis])
        });
        if !inside {
            points.push(scanner.scene_from_voxel(voxel.map(|at| at as f64)));
        }
    }
    points
}

/// The distance of two solids: the nearest voxels first, then points on the surfaces about those.
fn between(a: &Body, b: &Body, scanner: &Scanner) -> f64 {
    let near = |points: &[Point], to: Point| {
        points.iter().map(|&point| distance(point, to)).fold(f64::INFINITY, f64::min)
    };
    // of `b` only what may be nearest to a point of `a`
    let bound = near(&b.surface, a.surface[0]);
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for point in &a.surface {
        for axis in 0..3 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let about: Vec<Point> = b
        .surface
        .iter()
        .copied()
        .filter(|point| {
            (0..3).all(|axis| point[axis] >= low[axis] - bound && point[axis] <= high[axis] + bound)
        })
        .collect();
    let ways: Vec<f64> = a.surface.iter().map(|&point| near(&about, point)).collect();
    let slack = scanner.spacing_mm.iter().copied().fold(0.0, f64::max);
    let reach = ways.iter().copied().fold(f64::INFINITY, f64::min) + slack;
    let from: Vec<Point> =
        a.surface.iter().zip(&ways).filter(|(_, way)| **way <= reach).map(|(point, _)| *point).collect();
    let to: Vec<Point> = about.into_iter().filter(|&point| near(&from, point) <= reach).collect();
    let (from, to) = (a.skin(&from, scanner), b.skin(&to, scanner));
    from.iter().map(|&point| near(&to, point)).fold(f64::INFINITY, f64::min)
}

impl Body {
    fn field(&self, point: Point) -> f64 {
        self.shapes.iter().map(|shape| shape.at(point)).fold(f64::INFINITY, f64::min)
    }

    /// Points of the true surface about the middles of voxels, a fifth of a millimetre to half a millimetre apart.
    fn skin(&self, middles: &[Point], scanner: &Scanner) -> Vec<Point> {
        /// Samples along each axis, on either side of the middle; they reach the middles of the next voxels.
        const EACH_WAY: i32 = 4;
        /// The field is asked this far about a point for its slope, mm.
        const ABOUT_MM: f64 = 0.05;
        let near = 0.3 * scanner.spacing_mm.iter().copied().fold(0.0, f64::max);
        let mut points = Vec::new();
        for &middle in middles {
            for code in 0..(2 * EACH_WAY + 1).pow(3) {
                let side = 2 * EACH_WAY + 1;
                let at = [code % side, code / side % side, code / side / side]
                    .map(|step| f64::from(step - EACH_WAY) / f64::from(EACH_WAY));
                let mut point =
                    (0..3).fold(middle, |point, axis| along(point, at[axis], scanner.steps[axis]));
                if self.field(point).abs() > near {
                    continue;
                }
                // Newton's way to the surface
                for _ in 0..2 {
                    let slope: Point = std::array::from_fn(|axis| {
                        let mut step = [0.0; 3];
                        step[axis] = ABOUT_MM;
                        let (before, after) = (sub(point, step), along(point, 1.0, step));
                        (self.field(after) - self.field(before)) / (2.0 * ABOUT_MM)
                    });
                    let steep = dot(slope, slope).max(0.25);
                    point = sub(point, scale(slope, self.field(point) / steep));
                }
                if self.field(point).abs() < ABOUT_MM {
                    points.push(point);
                }
            }
        }
        points
    }
}
