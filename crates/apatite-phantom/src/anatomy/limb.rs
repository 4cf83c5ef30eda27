/*! Thigh and knee. */

use super::{Body, belly, marrow};
use crate::draw::{Draw, smooth_noise};
use crate::scene::{
    CARTILAGE, CORTEX, FATTY_MARROW, FLUID, Layer, Material, NERVE, Scene, TENDON, THIN_CORTEX,
};
use crate::shape::{Bellies, Path, Shape};
use crate::space::{Point, Turn};

/// Half sides of the box in which outlines are sampled, mm.
const VIEW: Point = [110.0, 110.0, 110.0];

/// A thigh about its middle.
pub(crate) struct Thigh {
    pub(crate) body: Body,
    pub(crate) femur: Path,
    pub(crate) artery: Path,
    /// Middle of the deep fascia's cross-section and its half axes.
    pub(crate) section: (Point, [f64; 2]),
}

/// The bellies of [`thigh`] in which a lesion of muscle is usual: the vasti, rectus femoris and the adductors.
pub(crate) const QUADRICEPS: [usize; 4] = [0, 1, 2, 3];

pub(crate) fn thigh(draw: &mut Draw) -> Thigh {
    let wide = draw.within(58.0, 68.0);
    let deep = draw.within(62.0, 70.0);
    let fat = draw.within(7.0, 17.0);
    let cylinder = |grow: f64, shift: Point| {
        // an elliptical cylinder that widens towards the hip
        Shape::new(move |point: Point| {
            let taper = 1.0 + 0.0011 * point[2];
            let (a, b) = ((wide + grow) * taper, (deep + grow) * taper);
            let (x, y) = (point[0] - shift[0], point[1] - shift[1]);
            let once = ((x / a).powi(2) + (y / b).powi(2)).sqrt();
            let twice = ((x / a / a).powi(2) + (y / b / b).powi(2)).sqrt();
            if once < 0.2 { (once - 1.0) * a.min(b) } else { once * (once - 1.0) / twice }
        })
    };
    let shift = [draw.within(-3.0, 3.0), draw.within(0.0, 4.0), 0.0];
    let fascia = cylinder(0.0, [0.0; 3]).rough(draw.bits(), 1.5, 45.0).sampled([0.0; 3], VIEW, 4.0);
    let skin = cylinder(fat, shift).rough(draw.bits(), 1.5, 60.0).sampled([0.0; 3], VIEW, 4.0);
    let at = |x: f64, y: f64| [[x * wide, y * deep, -130.0], [x * wide, y * deep, 130.0]];
    let bellies = vec![
        belly(&at(0.02, -0.70), 15.0, draw),  // rectus femoris
        belly(&at(0.62, -0.28), 25.0, draw),  // vastus lateralis
        belly(&at(0.26, -0.36), 19.0, draw),  // vastus intermedius
        belly(&at(-0.36, -0.46), 20.0, draw), // vastus medialis
        belly(&at(-0.72, -0.34), 8.5, draw),  // sartorius
        belly(&at(-0.55, 0.02), 14.0, draw),  // adductor longus
        belly(&at(-0.22, 0.34), 23.0, draw),  // adductor magnus
        belly(&at(-0.80, 0.30), 8.5, draw),   // gracilis
        belly(&at(-0.42, 0.68), 16.0, draw),  // semimembranosus
        belly(&at(-0.05, 0.76), 14.0, draw),  // semitendinosus
        belly(&at(0.40, 0.62), 19.0, draw),   // biceps femoris
    ];
    let bellies = Bellies::new(bellies, draw.bits());
    let mut body = Body {
        scene: Scene::default(),
        skin,
        fascia,
        bellies,
        swell: 11.0,
        centre: [0.0; 3],
        spacing_mm: [0.80, 0.80, 1.2],
        turn: Turn::NONE,
        tilt_degrees: [5.0, 25.0],
    };
    body.soft_tissue(1.8, draw.within(1.0, 2.0));
    let bow = draw.within(2.0, 6.0);
    let (x, y) = (0.12 * wide, draw.within(-3.0, 3.0));
    let femur = Path::smoothed(
        &[[x + 8.0, y + bow, 140.0], [x, y - bow, 0.0], [x - 6.0, y + bow, -140.0]],
        &[15.0, draw.within(13.0, 14.5), 15.5],
        6,
    );
    let shaft = femur.clone();
    let ridge: Vec<Point> = femur.points.iter().map(|point| [point[0], point[1] + 12.0, point[2]]).collect();
    let bone = Shape::blend(
        vec![
            Shape::new(move |point| shaft.outside(point)),
            Shape::tube(&ridge, &vec![4.0; ridge.len()]), // linea aspera
        ],
        3.0,
    );
    body.scene.bone(&bone, draw.within(4.5, 6.5), CORTEX, FATTY_MARROW);
    let artery = Path::smoothed(
        &[
            [-0.36 * wide, -0.30 * deep, 140.0],
            [-0.40 * wide, -0.12 * deep, 40.0],
            [-0.34 * wide, 0.02 * deep, -40.0],
            [-0.18 * wide, 0.20 * deep, -140.0],
        ],
        &[4.2, 4.0, 3.6, 3.4],
        8,
    );
    body.vessel(&artery, 4.0);
    let beside = |path: &Path, offset: Point, radius: f64| {
        let points: Vec<Point> =
            path.points.iter().map(|point| [0, 1, 2].map(|axis: usize| point[axis] + offset[axis])).collect();
        Path::new(&points, &vec![radius; points.len()])
    };
    body.vessel(&beside(&artery, [5.5, 6.5, 0.0], 4.6), 3.0);
    body.vessel(&beside(&artery, [14.0, 20.0, 0.0], 2.0), 2.5); // deep artery of the thigh
    let saphenous = beside(&artery, [-0.62 * wide, 0.0, 0.0], 1.7);
    body.vessel(&saphenous, 0.0);
    let nerve = Path::new(&[[2.0, 0.46 * deep, 140.0], [8.0, 0.44 * deep, -140.0]], &[5.0, 4.5]);
    let around = nerve.clone();
    body.scene.tissue(Layer::Tendon, Shape::new(move |point| around.outside(point) - 2.5), crate::scene::FAT);
    body.scene.tissue(Layer::Vessel, Shape::new(move |point| nerve.outside(point)), NERVE);
    Thigh { body, femur, artery, section: ([0.0; 3], [wide, deep]) }
}

/// A knee; the joint line is at z = -3.
pub(crate) struct Knee {
    pub(crate) body: Body,
    /// Places in the joint cavity where loose bodies gather, with the radius of each.
    pub(crate) recesses: Vec<(Point, f64)>,
    /// The femur's shape: condyles, metaphysis and the end of the shaft.
    pub(crate) femur: Shape,
    pub(crate) artery: Path,
}

pub(crate) fn knee(draw: &mut Draw) -> Knee {
    let size = draw.within(0.93, 1.07);
    let p = |x: f64, y: f64, z: f64| [x * size, y * size, z * size];
    let r = |radius: f64| radius * size;
    let limb = |grow: f64, taper: f64| {
        Shape::blend(
            vec![Shape::tube(
                &[
                    p(0.0, 0.0, 150.0),
                    p(0.0, -2.0, 60.0),
                    p(0.0, -2.0, 0.0),
                    p(0.0, 8.0, -60.0),
                    p(0.0, 10.0, -150.0),
                ],
                &[r(64.0) + grow, r(55.0) + grow, r(50.0) + grow, r(50.0) + grow, r(46.0) + grow - taper],
            )],
            2.0,
        )
    };
    let fat = draw.within(5.0, 11.0);
    let fascia = limb(0.0, 0.0).rough(draw.bits(), 2.0, 40.0).sampled([0.0; 3], VIEW, 4.0);
    let skin = limb(fat, 0.0).rough(draw.bits(), 2.0, 50.0).sampled([0.0; 3], VIEW, 4.0);
    let bellies = vec![
        belly(&[p(-30.0, -28.0, 150.0), p(-34.0, -22.0, 40.0)], r(19.0), draw), // vastus medialis
        belly(&[p(36.0, -22.0, 150.0), p(34.0, -22.0, 55.0)], r(19.0), draw),   // vastus lateralis
        belly(&[p(2.0, -42.0, 160.0), p(2.0, -40.0, 75.0)], r(11.0), draw),     // rectus femoris
        belly(&[p(0.0, -24.0, 150.0), p(0.0, -24.0, 80.0)], r(12.0), draw),     // vastus intermedius
        belly(&[p(36.0, 34.0, 150.0), p(38.0, 24.0, 0.0)], r(13.0), draw),      // biceps femoris
        belly(&[p(-28.0, 38.0, 150.0), p(-32.0, 34.0, 0.0)], r(14.0), draw),    // semimembranosus
        belly(&[p(-10.0, 50.0, 150.0), p(-30.0, 46.0, 0.0)], r(7.0), draw),     // semitendinosus
        belly(&[p(-44.0, 12.0, 150.0), p(-42.0, 18.0, -10.0)], r(7.0), draw),   // sartorius, gracilis
        belly(&[p(-20.0, 40.0, 15.0), p(-24.0, 44.0, -150.0)], r(18.0), draw),  // gastrocnemius, medial head
        belly(&[p(20.0, 40.0, 15.0), p(20.0, 46.0, -150.0)], r(16.0), draw),    // gastrocnemius, lateral head
        belly(&[p(0.0, 28.0, -30.0), p(0.0, 26.0, -150.0)], r(14.0), draw),     // soleus, popliteus
        belly(&[p(26.0, -12.0, -40.0), p(24.0, -14.0, -150.0)], r(10.0), draw), // tibialis anterior
        belly(&[p(40.0, 4.0, -40.0), p(40.0, 6.0, -150.0)], r(8.0), draw),      // peronei
    ];
    let mut body = Body {
        scene: Scene::default(),
        skin,
        fascia,
        bellies: Bellies::new(bellies, draw.bits()),
        swell: 10.0,
        centre: p(0.0, 0.0, 12.0),
        spacing_mm: [0.62, 0.62, 1.0],
        turn: Turn::NONE,
        tilt_degrees: [6.0, 25.0],
    };
    body.soft_tissue(1.8, draw.within(1.0, 1.8));

    let condyle = |x: f64| Shape::ellipsoid(p(x, 6.0, 18.0), [r(19.0), r(29.0), r(21.0)], Turn::NONE);
    let shaft = |radius: [f64; 3]| {
        Shape::tube(&[p(0.0, -4.0, 30.0), p(0.0, -5.0, 62.0), p(0.0, -8.0, 160.0)], &radius.map(r))
    };
    let femur = Shape::blend(vec![condyle(-22.0), condyle(22.0), shaft([29.0, 19.0, 14.0])], 8.0)
        .without(&Shape::rod(p(0.0, 20.0, 8.0), p(0.0, 40.0, 14.0), r(10.0), r(12.0)))
        // groove of the patella
        .without(&Shape::rod(p(0.0, -37.0, 0.0), p(0.0, -33.0, 50.0), r(12.0), r(12.0)));
    let plateau = Shape::block(p(0.0, 2.0, -16.0), [r(37.0), r(24.0), r(10.0)], r(8.0), Turn::NONE);
    let tibia = Shape::blend(
        vec![
            plateau,
            Shape::tube(
                &[p(0.0, 0.0, -28.0), p(0.0, -4.0, -55.0), p(-2.0, -6.0, -150.0)],
                &[r(26.0), r(16.5), r(12.5)],
            ),
        ],
        8.0,
    );
    let fibula = Shape::tube(
        &[p(35.0, 20.0, -24.0), p(34.0, 19.0, -42.0), p(31.0, 15.0, -150.0)],
        &[r(9.0), r(6.5), r(6.0)],
    );
    let patella = Shape::ellipsoid(p(2.0, -40.0, 24.0), [r(21.0), r(10.0), r(21.0)], Turn::NONE)
        .without(&Shape::ellipsoid(p(0.0, 0.0, 20.0), [r(40.0), r(33.0), r(60.0)], Turn::NONE));

    let joint = Shape::ellipsoid(p(0.0, 2.0, 8.0), [r(44.0), r(36.0), r(32.0)], Turn::NONE);
    let covered = Shape::union(vec![femur.grown(2.2), tibia.grown(2.2), patella.grown(2.0)]);
    body.scene.tissue(Layer::Cartilage, covered.and(&joint), CARTILAGE);
    let recesses = vec![
        (p(0.0, -31.0, 58.0), r(11.0)),
        (p(-40.0, -4.0, 16.0), r(7.0)),
        (p(40.0, -4.0, 16.0), r(7.0)),
        (p(-17.0, 40.0, 14.0), r(8.0)),
        (p(16.0, 41.0, 14.0), r(8.0)),
    ];
    let pouch = Shape::ellipsoid(p(0.0, -31.0, 56.0), [r(20.0), r(4.0), r(16.0)], Turn::NONE);
    body.scene.tissue(Layer::Tendon, pouch, FLUID);
    body.scene.tissue(
        Layer::Tendon,
        Shape::tube(&[p(2.0, -44.0, 110.0), p(2.0, -44.0, 40.0)], &[r(5.0), r(5.0)]),
        TENDON,
    );
    body.scene.tissue(
        Layer::Tendon,
        Shape::tube(&[p(2.0, -44.0, 12.0), p(0.0, -30.0, -38.0)], &[r(4.5), r(4.5)]),
        TENDON,
    );
    let spongy = marrow(draw);
    let femur_number = body.scene.bone(&femur, draw.within(1.3, 2.0), CORTEX, spongy);
    let tibia_number = body.scene.bone(&tibia, draw.within(1.3, 2.0), CORTEX, spongy);
    // the cortex thickens and the marrow turns to fat away from the joint
    let wall = |bone: &Shape, sign: f64| {
        let bone = bone.clone();
        Shape::new(move |point: Point| {
            let away = (sign * point[2] - 45.0).max(0.0);
            bone.at(point).max(-bone.at(point) - 1.0 - away / 16.0).max(45.0 - sign * point[2])
        })
    };
    let cavity = |bone: &Shape, sign: f64| {
        let bone = bone.clone();
        Shape::new(move |point: Point| {
            // the trabeculae thin out over about a centimetre
            let edge = 62.0 + 7.0 * smooth_noise(3, 6.0, point);
            (bone.at(point) + 5.5).max((edge - sign * point[2]) * 0.35)
        })
    };
    body.scene.inside_bone(femur_number, wall(&femur, 1.0), CORTEX);
    body.scene.inside_bone(femur_number, cavity(&femur, 1.0), FATTY_MARROW);
    body.scene.inside_bone(tibia_number, wall(&tibia, -1.0), CORTEX);
    body.scene.inside_bone(tibia_number, cavity(&tibia, -1.0), FATTY_MARROW);
    body.scene.bone(&fibula, 1.8, THIN_CORTEX, spongy);
    body.scene.bone(&patella, 1.3, THIN_CORTEX, Material::new(spongy.hu + 80.0, 90.0, 2.2));
    if draw.chance(0.35) {
        let fabella = Shape::sphere(p(23.0, 37.5, 20.0), draw.within(2.8, 4.8));
        body.scene.bone(&fabella, 1.0, THIN_CORTEX, spongy);
    }
    let artery = Path::smoothed(
        &[
            p(-14.0, 20.0, 150.0),
            p(0.0, 30.0, 80.0),
            p(2.0, 40.0, 20.0),
            p(2.0, 36.0, -50.0),
            p(4.0, 32.0, -150.0),
        ],
        &[3.6, 3.4, 3.2, 3.0, 2.4],
        8,
    );
    body.vessel(&artery, 5.0);
    let vein: Vec<Point> =
        artery.points.iter().map(|point| [point[0] + 3.0, point[1] + 8.0, point[2]]).collect();
    body.vessel(&Path::new(&vein, &vec![3.8; vein.len()]), 3.0);
    Knee { body, recesses, femur, artery }
}
