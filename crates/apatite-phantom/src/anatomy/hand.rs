/*! Hand and forefoot: rays of tubular bones on a block of small ones. */

use super::{Body, belly, marrow};
use crate::draw::Draw;
use crate::scene::{CARTILAGE, CORTEX, Layer, MUSCLE, PULP, SKIN, Scene, TENDON, THIN_CORTEX};
use crate::shape::{Bellies, Path, Shape};
use crate::space::{Point, Turn, along, cross, middle, unit};

/// A finger or toe with its metacarpal or metatarsal.
#[derive(Clone)]
pub(crate) struct Ray {
    /// Base of the metacarpal, then each joint, then the end of the last phalanx.
    pub(crate) joints: Vec<Point>,
    /// Half thickness of the soft tissue at each joint and at the tip.
    pub(crate) flesh: Vec<f64>,
    /// Palmar or plantar direction at the last phalanx.
    pub(crate) palmar: Point,
    /// Radius of the first bone's shaft.
    pub(crate) bone_radius: f64,
}

/// A hand with its rays, thumb first.
pub(crate) fn hand(draw: &mut Draw) -> (Body, Vec<Ray>) {
    let size = draw.within(0.92, 1.06);
    let p = |x: f64, y: f64, z: f64| [x * size, y * size, z * size];
    let bend = draw.within(2.0, 14.0);
    let spread = draw.within(0.6, 1.3);
    let mut rays = vec![ray(
        p(-24.0, 7.0, 0.0),
        unit([-0.62, 0.42, 0.66]),
        [0.55, 0.75, 0.0],
        &[43.0 * size, 30.0 * size, 22.0 * size],
        bend,
        5.2 * size,
        [13.0, 11.0, 10.0, 8.5].map(|flesh: f64| flesh * size),
    )];
    let shapes: [(f64, f64, f64, [f64; 4]); 4] = [
        (-15.0, -0.16, 4.7, [63.0, 40.0, 23.0, 17.0]),
        (-5.0, -0.04, 4.8, [62.0, 44.0, 27.0, 18.0]),
        (6.0, 0.08, 4.3, [56.0, 41.0, 26.0, 18.0]),
        (15.0, 0.20, 4.0, [52.0, 32.0, 19.0, 16.0]),
    ];
    for (x, slope, radius, lengths) in shapes {
        let lengths = lengths.map(|length| length * size * draw.within(0.97, 1.03));
        rays.push(ray(
            p(x, 0.0, 4.0),
            unit([slope * spread + 0.04, 0.03, 1.0]),
            [0.0, 1.0, 0.0],
            &lengths,
            bend,
            radius * size,
            [13.0, 11.5, 9.5, 8.6, 7.4].map(|flesh: f64| flesh * size),
        ));
    }
    let carpals = [
        p(-20.0, 3.0, -5.0),
        p(-9.0, 1.0, -6.0),
        p(2.0, 0.0, -7.0),
        p(13.0, 1.0, -6.0),
        p(-15.0, 4.0, -20.0),
        p(-3.0, 1.0, -20.0),
        p(9.0, 2.0, -19.0),
        p(10.5, 11.0, -18.0),
    ];
    let trunk = Shape::blend(
        vec![
            Shape::tube(&[p(-8.0, 1.0, -110.0), p(-8.0, 1.0, -20.0)], &[19.0 * size, 18.0 * size]),
            Shape::tube(&[p(9.0, 1.0, -110.0), p(8.0, 1.0, -20.0)], &[18.0 * size, 17.0 * size]),
            Shape::block(p(2.0, 2.0, 30.0), p(39.0, 15.0, 42.0), 13.0 * size, Turn::NONE),
            Shape::ellipsoid(p(-24.0, 13.0, 20.0), p(15.0, 13.0, 26.0), Turn::NONE),
            Shape::ellipsoid(p(24.0, 11.0, 22.0), p(12.0, 11.0, 26.0), Turn::NONE),
        ],
        9.0,
    );
    let forearm = vec![
        (
            Shape::tube(
                &[p(-9.0, 1.0, -33.0), p(-9.0, 1.0, -52.0), p(-10.0, 0.0, -120.0)],
                &[12.0, 8.0, 6.5],
            ),
            1.6,
        ),
        (
            Shape::tube(
                &[p(13.0, -2.0, -34.0), p(13.0, -2.0, -50.0), p(12.0, -2.0, -120.0)],
                &[8.0, 6.0, 5.8],
            ),
            1.6,
        ),
    ];
    let muscles = vec![
        belly(&[p(-14.0, 10.0, 2.0), p(-34.0, 16.0, 32.0)], 9.0, draw), // thenar
        belly(&[p(20.0, 12.0, 0.0), p(28.0, 9.0, 46.0)], 8.0, draw),    // hypothenar
        belly(&[p(-12.0, 2.0, 12.0), p(-16.0, 3.0, 56.0)], 4.5, draw),  // interossei
        belly(&[p(0.0, 2.0, 10.0), p(0.0, 3.0, 58.0)], 4.0, draw),
        belly(&[p(10.0, 2.0, 10.0), p(13.0, 3.0, 52.0)], 4.0, draw),
        belly(&[p(-6.0, 12.0, -50.0), p(-8.0, 12.0, -120.0)], 8.0, draw), // flexors of the forearm
        belly(&[p(10.0, 11.0, -50.0), p(10.0, 11.0, -120.0)], 8.0, draw),
        belly(&[p(0.0, -11.0, -50.0), p(0.0, -11.0, -120.0)], 7.0, draw), // extensors
    ];
    let fingers_down = draw.chance(0.6);
    let body = assemble(
        draw,
        Plan {
            rays: &rays,
            trunk,
            carpals: carpals.map(|centre| (centre, [6.0 * size, 7.0 * size, 6.6 * size])).to_vec(),
            long_bones: forearm,
            muscles,
            centre: p(-11.0, 5.0, 55.0),
            spacing_mm: [0.58, 0.58, 1.25],
            turn: if fingers_down { Turn::about([1.0, 0.0, 0.0], 180.0) } else { Turn::NONE },
            tilt_degrees: [9.0, 80.0],
            sesamoids: [2.2 * size, 2.5 * size],
        },
    );
    (body, rays)
}

/// A forefoot with its rays, the hallux first.
pub(crate) fn foot(draw: &mut Draw) -> (Body, Vec<Ray>) {
    let size = draw.within(0.93, 1.07);
    let p = |x: f64, y: f64, z: f64| [x * size, y * size, z * size];
    let bend = draw.within(0.0, 9.0);
    let valgus = draw.within(0.02, 0.22);
    let mut rays = Vec::new();
    let shapes: [(f64, f64, f64, &[f64]); 5] = [
        (-17.0, -0.14, 7.2, &[60.0, 30.0, 22.0]),
        (-4.0, -0.05, 4.1, &[68.0, 25.0, 11.0, 10.0]),
        (7.0, 0.02, 3.9, &[64.0, 23.0, 9.0, 9.5]),
        (17.0, 0.09, 3.9, &[61.0, 21.0, 8.0, 9.0]),
        (26.0, 0.17, 4.0, &[58.0, 19.0, 7.0, 8.5]),
    ];
    for (place, (x, slope, radius, lengths)) in shapes.into_iter().enumerate() {
        let lengths: Vec<f64> = lengths.iter().map(|length| length * size).collect();
        let flesh: Vec<f64> = if place == 0 {
            [15.0, 17.0, 12.5, 11.0].map(|flesh: f64| flesh * size).to_vec()
        } else {
            [13.0, 12.0, 8.5, 8.0, 7.5].map(|flesh: f64| flesh * size).to_vec()
        };
        let mut ray = ray_of(
            p(x, -4.0, 0.0),
            unit([slope, 0.14, 1.0]),
            [0.0, 1.0, 0.0],
            &lengths,
            bend,
            radius * size,
            flesh,
        );
        if place == 0 {
            // hallux valgus: the toe leans to the other toes
            let pivot = ray.joints[1];
            for joint in ray.joints.iter_mut().skip(2) {
                joint[0] += valgus * (joint[2] - pivot[2]);
            }
        }
        rays.push(ray);
    }
    let trunk = Shape::blend(
        vec![
            Shape::block(p(4.0, 1.0, -25.0), p(38.0, 24.0, 55.0), 20.0 * size, Turn::NONE),
            Shape::block(p(5.0, 6.0, 50.0), p(46.0, 15.0, 24.0), 13.0 * size, Turn::NONE),
        ],
        10.0,
    );
    let tarsals = [
        (p(-18.0, -5.0, -15.0), p(8.5, 11.0, 12.5)),
        (p(-2.0, -6.0, -13.0), p(6.5, 9.5, 10.5)),
        (p(12.0, -5.0, -14.0), p(6.5, 9.5, 11.5)),
        (p(-6.0, -4.0, -38.0), p(20.0, 12.0, 8.5)),
        (p(26.5, 0.0, -20.0), p(6.8, 10.5, 18.0)),
    ];
    let muscles = vec![
        belly(&[p(-24.0, 13.0, -60.0), p(-26.0, 12.0, 30.0)], 9.0, draw),
        belly(&[p(2.0, 15.0, -60.0), p(4.0, 13.0, 30.0)], 9.0, draw),
        belly(&[p(26.0, 13.0, -60.0), p(33.0, 11.0, 30.0)], 8.0, draw),
        belly(&[p(-8.0, 2.0, 5.0), p(-12.0, 5.0, 45.0)], 5.0, draw),
        belly(&[p(12.0, 2.0, 5.0), p(14.0, 5.0, 45.0)], 5.0, draw),
    ];
    let body = assemble(
        draw,
        Plan {
            rays: &rays,
            trunk,
            carpals: tarsals.to_vec(),
            long_bones: Vec::new(),
            muscles,
            centre: p(2.0, 3.0, 38.0),
            spacing_mm: [0.62, 0.62, 0.8],
            // the toes point forward, the sole to the feet
            turn: Turn::about([1.0, 0.0, 0.0], -90.0).then(&Turn::about([0.0, 0.0, 1.0], 180.0)),
            tilt_degrees: [15.0, 15.0],
            sesamoids: [4.6 * size, 5.0 * size],
        },
    );
    (body, rays)
}

fn ray(
    base: Point,
    direction: Point,
    palmar: Point,
    lengths: &[f64],
    bend: f64,
    radius: f64,
    flesh: impl Into<Vec<f64>>,
) -> Ray {
    ray_of(base, direction, palmar, lengths, bend, radius, flesh.into())
}

/// Each joint bends the ray a little more towards the palm.
fn ray_of(
    base: Point,
    direction: Point,
    palmar: Point,
    lengths: &[f64],
    bend_degrees: f64,
    radius: f64,
    flesh: Vec<f64>,
) -> Ray {
    let axis = unit(cross(direction, palmar));
    let palmar = unit(cross(axis, direction));
    let mut joints = vec![base];
    let (mut direction, mut palmar) = (direction, palmar);
    let mut at = base;
    for (bone, length) in lengths.iter().enumerate() {
        if bone > 0 {
            let turn = Turn::about(axis, bend_degrees);
            (direction, palmar) = (turn.apply(direction), turn.apply(palmar));
        }
        at = along(at, *length, direction);
        joints.push(at);
    }
    Ray { joints, flesh, palmar, bone_radius: radius }
}

struct Plan<'a> {
    rays: &'a [Ray],
    trunk: Shape,
    carpals: Vec<(Point, Point)>,
    long_bones: Vec<(Shape, f64)>,
    muscles: Vec<Path>,
    centre: Point,
    spacing_mm: [f64; 3],
    turn: Turn,
    tilt_degrees: [f64; 2],
    /// Radii of the two sesamoids of the first ray.
    sesamoids: [f64; 2],
}

fn assemble(draw: &mut Draw, plan: Plan<'_>) -> Body {
    let mut fingers = Vec::new();
    for ray in plan.rays {
        // from the knuckle on: the palm holds the rest
        let mut points = ray.joints.clone();
        let last = points.len() - 1;
        points[0] = middle(points[0], points[1], 0.55);
        points[last] = along(points[last], 3.0, unit(crate::space::sub(points[last], points[last - 1])));
        // bones lie nearer the back of the finger than the palm
        for point in &mut points {
            *point = along(*point, 1.6, ray.palmar);
        }
        fingers.push(Shape::tube(&points, &ray.flesh));
    }
    let mut flesh = vec![plan.trunk];
    // a finger melts into the palm, not into its neighbour
    flesh.push(Shape::union(fingers));
    let skin =
        Shape::blend(flesh, 7.0).rough(draw.bits(), 0.5, 9.0).sampled(plan.centre, [74.0, 50.0, 112.0], 2.5);
    let fascia = skin.grown(-3.0);
    let mut body = Body {
        scene: Scene::default(),
        fascia,
        bellies: Bellies::new(plan.muscles, draw.bits()),
        swell: 2.0,
        centre: plan.centre,
        spacing_mm: plan.spacing_mm,
        turn: plan.turn,
        tilt_degrees: plan.tilt_degrees,
        skin,
    };
    body.scene.tissue(Layer::Skin, body.skin.clone(), SKIN);
    body.scene.tissue(Layer::Fat, body.skin.grown(-1.5), PULP);
    let muscle = body.bellies.muscle(&body.fascia, body.swell, 0.8);
    body.scene.tissue(Layer::Muscle, muscle, MUSCLE);

    let spongy = marrow(draw);
    let mut cartilage = Vec::new();
    for (place, ray) in plan.rays.iter().enumerate() {
        let bones = ray.joints.len() - 1;
        for (bone, ends) in ray.joints.windows(2).enumerate() {
            let axis = unit(crate::space::sub(ends[1], ends[0]));
            let tip = bone + 1 == bones;
            let waist =
                ray.bone_radius * [1.0, 0.86, 0.72, 0.56][bone.min(3) + usize::from(bones == 3 && bone > 1)];
            let (base, head) = (waist * 1.45, if tip { waist * 1.15 } else { waist * 1.35 });
            // half of the joint gap at each end
            let from = along(ends[0], base + 0.9, axis);
            let to = along(ends[1], -(head + if tip { 0.0 } else { 0.9 }), axis);
            let shape = Shape::tube(
                &[from, middle(from, to, 0.3), middle(from, to, 0.7), to],
                &[base, waist * 1.02, waist, head],
            );
            body.scene.bone(
                &shape,
                (waist * 0.32).max(0.9),
                if bone < 2 { CORTEX } else { THIN_CORTEX },
                spongy,
            );
            cartilage.push(Shape::sphere(ends[0], base * 1.1));
        }
        // flexor and extensor tendons
        let side = |offset: f64| -> Vec<Point> {
            ray.joints
                .iter()
                .enumerate()
                .map(|(joint, point)| {
                    let thin = if joint + 1 == ray.joints.len() { 0.6 } else { 1.0 };
                    along(*point, offset * thin, ray.palmar)
                })
                .collect()
        };
        let count = ray.joints.len();
        let reach = ray.bone_radius * 1.3 + 2.6;
        body.scene.tissue(Layer::Tendon, Shape::tube(&side(reach), &vec![2.1; count]), TENDON);
        body.scene.tissue(Layer::Tendon, Shape::tube(&side(-reach + 0.8), &vec![0.9; count]), TENDON);
        if place == 0 {
            let joint = ray.joints[1];
            let axis = unit(crate::space::sub(ray.joints[1], ray.joints[0]));
            let across = unit(cross(axis, ray.palmar));
            for (sign, radius) in [-1.0, 1.0].into_iter().zip(plan.sesamoids) {
                let below = along(joint, ray.bone_radius * 1.4 + radius + 0.8, ray.palmar);
                let centre = along(along(below, sign * radius * 1.5, across), -4.0, axis);
                body.scene.bone(&Shape::sphere(centre, radius), 0.9, THIN_CORTEX, spongy);
            }
        }
    }
    body.scene.tissue(Layer::Cartilage, Shape::union(cartilage), CARTILAGE);
    for (centre, half) in plan.carpals {
        let shrink = draw.within(0.88, 0.96);
        let turn = Turn::about(draw.direction(), draw.within(-8.0, 8.0));
        let half = half.map(|value| value * shrink);
        let round = half.iter().copied().fold(f64::INFINITY, f64::min) * 0.7;
        body.scene.bone(&Shape::block(centre, half, round, turn), 0.9, THIN_CORTEX, spongy);
    }
    for (shape, cortex_mm) in plan.long_bones {
        body.scene.bone(&shape, cortex_mm, CORTEX, spongy);
    }
    body
}
