/*!
Implicit shapes: a function that is negative inside, positive outside, zero on the surface.

The value is the distance to the surface in mm or less, up to the factor [`SLACK`]; the renderer culls by it. Combinators
keep that property (Hart, *Sphere tracing*, The Visual Computer 12, 1996).
*/

use std::sync::Arc;

use apatite_volume::{index_of, voxel_at};
use rayon::prelude::*;

use crate::draw::smooth_noise;
use crate::space::{Point, Turn, add, distance, dot, length, middle, sub, unit};

/// How much steeper than a true distance a shape may be.
pub(crate) const SLACK: f64 = 1.4;

/// From here on, mm, a lower bound is as good as the field.
const FAR_MM: f64 = 6.0;

/// A solid.
#[derive(Clone)]
pub(crate) struct Shape(Arc<dyn Fn(Point) -> f64 + Send + Sync>);

impl Shape {
    pub(crate) fn new(field: impl Fn(Point) -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(field))
    }

    /// The field at a point.
    #[inline]
    pub(crate) fn at(&self, point: Point) -> f64 {
        (self.0)(point)
    }

    pub(crate) fn holds(&self, point: Point) -> bool {
        self.at(point) < 0.0
    }

    pub(crate) fn sphere(centre: Point, radius: f64) -> Self {
        Self::new(move |point| distance(point, centre) - radius)
    }

    /// `turn` takes the world into the frame of the radii.
    pub(crate) fn ellipsoid(centre: Point, radii: Point, turn: Turn) -> Self {
        let smallest = radii.iter().copied().fold(f64::INFINITY, f64::min);
        Self::new(move |point| {
            let local = turn.apply(sub(point, centre));
            let once = [local[0] / radii[0], local[1] / radii[1], local[2] / radii[2]];
            let twice = [once[0] / radii[0], once[1] / radii[1], once[2] / radii[2]];
            let (once, twice) = (length(once), length(twice));
            if once < 0.2 { (once - 1.0) * smallest } else { (once * (once - 1.0) / twice).max(-smallest) }
        })
    }

    /// A rod with round ends whose radius changes evenly from one end to the other.
    pub(crate) fn rod(from: Point, to: Point, radius_from: f64, radius_to: f64) -> Self {
        Self::tube(&[from, to], &[radius_from, radius_to])
    }

    /// A tube along a polyline; a radius for each point.
    pub(crate) fn tube(points: &[Point], radii: &[f64]) -> Self {
        let path = Path::new(points, radii);
        Self::new(move |point| path.outside(point))
    }

    /// A box with edges rounded by `round`; `turn` takes the world into its frame.
    pub(crate) fn block(centre: Point, half: Point, round: f64, turn: Turn) -> Self {
        Self::new(move |point| {
            let local = turn.apply(sub(point, centre));
            let beyond = [0, 1, 2].map(|axis: usize| local[axis].abs() - (half[axis] - round));
            let outside = length(beyond.map(|value| value.max(0.0)));
            let inside = beyond[0].max(beyond[1]).max(beyond[2]).min(0.0);
            outside + inside - round
        })
    }

    /// Everything behind the plane: the side the normal does not point to.
    pub(crate) fn behind(point_on_plane: Point, normal: Point) -> Self {
        let normal = unit(normal);
        Self::new(move |point| dot(sub(point, point_on_plane), normal))
    }

    pub(crate) fn union(shapes: Vec<Self>) -> Self {
        Self::new(move |point| shapes.iter().map(|shape| shape.at(point)).fold(f64::INFINITY, f64::min))
    }

    /// Union with a fillet of about `width` where the shapes meet (polynomial smooth minimum).
    pub(crate) fn blend(shapes: Vec<Self>, width: f64) -> Self {
        Self::new(move |point| {
            shapes.iter().map(|shape| shape.at(point)).fold(f64::INFINITY, |a, b| {
                if (a - b).abs() >= width {
                    a.min(b)
                } else {
                    let share = 1.0 - (a - b).abs() / width;
                    a.min(b) - share * share * width / 4.0
                }
            })
        })
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        let (a, b) = (self.clone(), other.clone());
        Self::new(move |point| {
            let field = a.at(point);
            // far outside one is far outside both
            if field > FAR_MM { field } else { field.max(b.at(point)) }
        })
    }

    pub(crate) fn without(&self, other: &Self) -> Self {
        let (a, b) = (self.clone(), other.clone());
        Self::new(move |point| {
            let field = a.at(point);
            if field > FAR_MM { field } else { field.max(-b.at(point)) }
        })
    }

    /// The same solid from samples of its field `step` mm apart in a box about `centre`, trilinear between them: for
    /// large smooth solids that are asked for often. Outside the box the field itself is asked.
    pub(crate) fn sampled(&self, centre: Point, half: Point, step: f64) -> Self {
        let shape = self.clone();
        let counts = half.map(|half| (2.0 * half / step).ceil() as usize + 2);
        let corner = [0, 1, 2].map(|axis: usize| centre[axis] - step * (counts[axis] - 1) as f64 / 2.0);
        let samples: Vec<f32> = (0..counts.iter().product())
            .into_par_iter()
            .with_min_len(4096)
            .map(|index| {
                let at = voxel_at(counts, index);
                shape.at([0, 1, 2].map(|axis: usize| corner[axis] + step * at[axis] as f64)) as f32
            })
            .collect();
        Self::new(move |point| {
            let at = [0, 1, 2].map(|axis: usize| (point[axis] - corner[axis]) / step);
            if (0..3).any(|axis| at[axis] < 0.0 || at[axis] >= (counts[axis] - 1) as f64) {
                return shape.at(point);
            }
            let low = at.map(|value| value as usize);
            let part = [0, 1, 2].map(|axis: usize| at[axis] - low[axis] as f64);
            let first = index_of(counts, low);
            let along = |start: usize| {
                let (a, b) = (f64::from(samples[start]), f64::from(samples[start + 1]));
                a + (b - a) * part[0]
            };
            let plane = |start: usize| {
                let (a, b) = (along(start), along(start + counts[0]));
                a + (b - a) * part[1]
            };
            let (a, b) = (plane(first), plane(first + counts[0] * counts[1]));
            a + (b - a) * part[2]
        })
    }

    /// Larger by `margin` mm on all sides; smaller where it is negative.
    pub(crate) fn grown(&self, margin: f64) -> Self {
        let shape = self.clone();
        Self::new(move |point| shape.at(point) - margin)
    }

    /// Larger about a point by a factor of length.
    pub(crate) fn scaled(&self, centre: Point, factor: f64) -> Self {
        let shape = self.clone();
        Self::new(move |point| {
            let from = sub(point, centre);
            factor * shape.at(add(centre, from.map(|value| value / factor)))
        })
    }

    /// The outermost `thickness` of the solid.
    pub(crate) fn rind(&self, thickness: f64) -> Self {
        let shape = self.clone();
        Self::new(move |point| {
            let field = shape.at(point);
            field.max(-field - thickness)
        })
    }

    /// The surface pushed in and out by smooth noise.
    pub(crate) fn rough(&self, seed: u64, amplitude: f64, scale_mm: f64) -> Self {
        let shape = self.clone();
        // keeps the slope below SLACK: the noise is at most 3 amplitude / scale steep
        let ease = (SLACK / (1.0 + 3.0 * amplitude / scale_mm)).min(1.0);
        Self::new(move |point| {
            let field = shape.at(point);
            if field.abs() > 2.0 * amplitude + 4.0 {
                // too far for the noise to matter: a bound is enough
                (field - amplitude * field.signum()) * ease
            } else {
                (field + amplitude * smooth_noise(seed, scale_mm, point)) * ease
            }
        })
    }

    /// Only where smooth noise is above `level` (-1 to 1): holes and ragged edges.
    pub(crate) fn patchy(&self, seed: u64, level: f64, scale_mm: f64) -> Self {
        let shape = self.clone();
        Self::new(move |point| {
            let field = shape.at(point);
            if field > 6.0 {
                field
            } else {
                field.max((level - smooth_noise(seed, scale_mm, point)) * scale_mm / 3.0)
            }
        })
    }

    /// The same solid, evaluated only near a ball that holds it: for unions of many.
    pub(crate) fn within_ball(&self, centre: Point, radius: f64) -> Self {
        let shape = self.clone();
        Self::new(move |point| {
            let far = distance(point, centre) - radius;
            if far > 4.0 { far } else { shape.at(point) }
        })
    }
}

/// A polyline with a radius at each point.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) points: Vec<Point>,
    pub(crate) radii: Vec<f64>,
    segments: Vec<Segment>,
}

/// What the distance to a piece of a [`Path`] needs.
#[derive(Clone, Copy, Debug)]
struct Segment {
    from: Point,
    axis: Point,
    /// One over the square of the axis; 0 for a point.
    inverse: f64,
    radius: f64,
    widening: f64,
}

impl Path {
    pub(crate) fn new(points: &[Point], radii: &[f64]) -> Self {
        let segment = |from: usize, to: usize| {
            let axis = sub(points[to], points[from]);
            let square = dot(axis, axis);
            Segment {
                from: points[from],
                axis,
                inverse: if square > 0.0 { 1.0 / square } else { 0.0 },
                radius: radii[from],
                widening: radii[to] - radii[from],
            }
        };
        let segments = match points.len() {
            1 => vec![segment(0, 0)],
            count => (1..count).map(|to| segment(to - 1, to)).collect(),
        };
        Self { points: points.to_vec(), radii: radii.to_vec(), segments }
    }

    /// Signed distance to the surface, to the order of the taper.
    #[inline]
    pub(crate) fn outside(&self, point: Point) -> f64 {
        self.segments.iter().fold(f64::INFINITY, |best, segment| {
            let offset = sub(point, segment.from);
            let share = (dot(offset, segment.axis) * segment.inverse).clamp(0.0, 1.0);
            let away = sub(offset, segment.axis.map(|value| value * share));
            best.min(dot(away, away).sqrt() - segment.radius - segment.widening * share)
        })
    }

    /// The point at a share (0 to 1) of the way, and the direction there.
    pub(crate) fn at(&self, share: f64) -> (Point, Point) {
        let pieces = self.points.len().saturating_sub(1).max(1);
        let place = share.clamp(0.0, 1.0) * pieces as f64;
        let piece = (place.floor() as usize).min(pieces - 1);
        let from = self.points[piece];
        let to = self.points[(piece + 1).min(self.points.len() - 1)];
        (middle(from, to, place - piece as f64), unit(sub(to, from)))
    }

    /// A smooth way through the points (Catmull-Rom), cut into short pieces.
    pub(crate) fn smoothed(points: &[Point], radii: &[f64], pieces: usize) -> Self {
        let last = points.len() - 1;
        let (mut way, mut widths) = (Vec::new(), Vec::new());
        for start in 0..last {
            let before = points[start.saturating_sub(1)];
            let (from, to) = (points[start], points[start + 1]);
            let after = points[(start + 2).min(last)];
            for piece in 0..pieces {
                let t = piece as f64 / pieces as f64;
                way.push([0, 1, 2].map(|axis: usize| {
                    let (a, b, c, d) = (before[axis], from[axis], to[axis], after[axis]);
                    let curve =
                        (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t + (3.0 * b - a - 3.0 * c + d) * t * t * t;
                    0.5 * (2.0 * b + (c - a) * t + curve)
                }));
                widths.push(radii[start] + (radii[start + 1] - radii[start]) * t);
            }
        }
        way.push(points[last]);
        widths.push(radii[last]);
        Self::new(&way, &widths)
    }
}

/// Muscle bellies side by side, with planes of fat between them.
///
/// A belly is a spindle along its path. A point belongs to the nearest belly, and to a plane between two of them where
/// it is about as near to the next.
#[derive(Clone)]
pub(crate) struct Bellies {
    paths: Arc<Vec<Path>>,
    seed: u64,
    /// For each cell of a coarse grid about the origin, the bellies (one bit each) that can be nearest or next to it.
    near: Arc<Vec<u32>>,
}

/// Where a point lies among the bellies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AmongBellies {
    /// Distance outside the spindle of the nearest belly (negative inside).
    pub(crate) outside: f64,
    /// Distance to the middle of the plane to the next belly.
    pub(crate) to_plane: f64,
}

/// Cells of the coarse grid of [`Bellies`], a side, and their size in mm.
const CELLS: i64 = 30;
const CELL_MM: f64 = 10.0;
/// How far the planes between bellies wander, mm.
const WAVE_MM: f64 = 2.0;

/// About the sine of a turn, from arithmetic alone: two parabolas, between -1 and 1.
fn swell(turns: f64) -> f64 {
    let whole = turns as i64 as f64;
    let part = turns - if turns < whole { whole - 1.0 } else { whole };
    let side = 2.0 * part - 1.0;
    -4.0 * side * (1.0 - side.abs())
}

impl Bellies {
    /// At most 32 bellies.
    pub(crate) fn new(paths: Vec<Path>, seed: u64) -> Self {
        // half the diagonal of a cell, and the wave in two directions
        let reach = CELL_MM * 3.0_f64.sqrt() / 2.0 + WAVE_MM * 1.5;
        let cells = (0..CELLS * CELLS * CELLS)
            .map(|cell| {
                let index = [cell % CELLS, cell / CELLS % CELLS, cell / CELLS / CELLS];
                let centre = index.map(|index| (index as f64 + 0.5 - CELLS as f64 / 2.0) * CELL_MM);
                let fields: Vec<f64> = paths.iter().map(|path| path.outside(centre)).collect();
                let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
                for &field in &fields {
                    if field < first {
                        (second, first) = (first, field);
                    } else {
                        second = second.min(field);
                    }
                }
                fields
                    .iter()
                    .enumerate()
                    .filter(|(_, field)| **field <= second + 2.0 * SLACK * reach)
                    .fold(0, |bits, (belly, _)| bits | 1 << belly)
            })
            .collect();
        Self { paths: Arc::new(paths), seed, near: Arc::new(cells) }
    }

    pub(crate) fn path(&self, belly: usize) -> &Path {
        &self.paths[belly]
    }

    pub(crate) fn len(&self) -> usize {
        self.paths.len()
    }

    /// Where a point lies, with a gentle waviness of the planes.
    pub(crate) fn place(&self, point: Point) -> AmongBellies {
        let phase = crate::draw::fraction(self.seed);
        let wave = [
            WAVE_MM * swell(0.012 * point[2] + 0.009 * point[1] + phase),
            WAVE_MM * swell(0.010 * point[2] - 0.009 * point[0] + 2.0 * phase),
        ];
        let cell = point.map(|value| (value / CELL_MM).floor() as i64 + CELLS / 2);
        let point = add(point, [wave[0], wave[1], 0.0]);
        let mut bits = if cell.iter().all(|index| (0..CELLS).contains(index)) {
            self.near[((cell[2] * CELLS + cell[1]) * CELLS + cell[0]) as usize]
        } else {
            u32::MAX >> (32 - self.paths.len().clamp(1, 32))
        };
        let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
        while bits != 0 {
            let outside = self.paths[bits.trailing_zeros() as usize].outside(point);
            bits &= bits - 1;
            if outside < first {
                (second, first) = (first, outside);
            } else if outside < second {
                second = outside;
            }
        }
        AmongBellies { outside: first, to_plane: (second - first) / 2.0 }
    }

    /// The muscles within `envelope`: the spindles swollen by `swell`, parted by planes of fat `plane` mm thick.
    pub(crate) fn muscle(&self, envelope: &Shape, swell: f64, plane: f64) -> Shape {
        let (bellies, envelope) = (self.clone(), envelope.clone());
        Shape::new(move |point| {
            let fascia = envelope.at(point) + 1.0;
            if fascia > 8.0 {
                return fascia;
            }
            let place = bellies.place(point);
            (place.outside - swell).max(plane / 2.0 - place.to_plane).max(fascia)
        })
    }

    /// A sheet `thickness` mm thick in the planes between the bellies.
    pub(crate) fn planes(&self, swell: f64, thickness: f64) -> Shape {
        let bellies = self.clone();
        Shape::new(move |point| {
            let place = bellies.place(point);
            (place.to_plane - thickness / 2.0).max(place.outside - swell)
        })
    }
}
