/*! Shoulder. The origin is the middle of the humeral head. */

use super::{Body, belly, marrow};
use crate::draw::Draw;
use crate::scene::{CARTILAGE, CORTEX, FATTY_MARROW, LUNG, Layer, MUSCLE, Scene, TENDON, THIN_CORTEX};
use crate::shape::{Bellies, Path, Shape};
use crate::space::{Point, Turn, length, scale, unit};

pub(crate) struct Shoulder {
    pub(crate) body: Body,
    /// Surface of the humeral head: radius.
    pub(crate) head_radius: f64,
}

pub(crate) fn shoulder(draw: &mut Draw) -> Shoulder {
    let size = draw.within(0.94, 1.06);
    let p = |x: f64, y: f64, z: f64| [x * size, y * size, z * size];
    let r = |radius: f64| radius * size;
    let fat = draw.within(6.0, 13.0);
    let outline = |grow: f64| {
        Shape::blend(
            vec![
                Shape::ellipsoid(
                    p(-125.0, 5.0, -110.0),
                    [r(118.0) + grow, r(100.0) + grow, r(190.0) + grow],
                    Turn::NONE,
                ),
                Shape::tube(
                    &[p(6.0, 2.0, 0.0), p(14.0, 2.0, -60.0), p(26.0, 2.0, -200.0)],
                    &[r(48.0) + grow, r(44.0) + grow, r(38.0) + grow],
                ),
                Shape::tube(
                    &[p(-120.0, 24.0, 55.0), p(-40.0, 16.0, 18.0), p(0.0, 2.0, 8.0)],
                    &[r(42.0) + grow, r(44.0) + grow, r(42.0) + grow],
                ),
            ],
            20.0,
        )
    };
    let fascia =
        outline(0.0).rough(draw.bits(), 2.0, 45.0).sampled([-28.0, 6.0, -14.0], [122.0, 122.0, 112.0], 4.0);
    let skin =
        outline(fat).rough(draw.bits(), 2.0, 60.0).sampled([-28.0, 6.0, -14.0], [122.0, 122.0, 112.0], 4.0);
    let bellies = vec![
        belly(&[p(34.0, 2.0, 26.0), p(42.0, 2.0, -40.0), p(30.0, 2.0, -95.0)], r(12.0), draw), // deltoid
        belly(&[p(6.0, -34.0, 30.0), p(26.0, -32.0, -30.0), p(28.0, -14.0, -90.0)], r(12.0), draw),
        belly(&[p(-4.0, 42.0, 26.0), p(24.0, 36.0, -30.0), p(28.0, 18.0, -90.0)], r(12.0), draw),
        belly(&[p(-110.0, 42.0, 22.0), p(-20.0, 16.0, 28.0)], r(13.0), draw), // supraspinatus
        belly(&[p(-100.0, 66.0, -30.0), p(-20.0, 34.0, -8.0)], r(17.0), draw), // infraspinatus
        belly(&[p(-100.0, 42.0, -45.0), p(-14.0, -20.0, -6.0)], r(17.0), draw), // subscapularis
        belly(&[p(-70.0, 62.0, -80.0), p(0.0, 22.0, -60.0)], r(12.0), draw),  // teres
        belly(&[p(-120.0, -80.0, -50.0), p(-40.0, -62.0, -30.0), p(14.0, -24.0, -60.0)], r(15.0), draw), // pectorals
        belly(&[p(-130.0, 42.0, 70.0), p(-30.0, 36.0, 48.0)], r(9.0), draw), // trapezius
        belly(&[p(2.0, -28.0, -40.0), p(18.0, -26.0, -200.0)], r(14.0), draw), // biceps
        belly(&[p(16.0, 26.0, -50.0), p(26.0, 24.0, -200.0)], r(17.0), draw), // triceps
        belly(&[p(-50.0, 40.0, -60.0), p(-60.0, 56.0, -200.0)], r(13.0), draw), // latissimus
        belly(&[p(-38.0, -6.0, -90.0), p(-36.0, 0.0, -200.0)], r(6.0), draw), // serratus
    ];
    let mut body = Body {
        scene: Scene::default(),
        skin,
        fascia,
        bellies: Bellies::new(bellies, draw.bits()),
        swell: 14.0,
        centre: p(-28.0, 6.0, -14.0),
        spacing_mm: [0.78, 0.78, 1.0],
        turn: Turn::NONE,
        tilt_degrees: [4.0, 8.0],
    };
    body.soft_tissue(2.0, draw.within(1.2, 2.2));

    let chest = (p(-140.0, 4.0, -130.0), p(88.0, 76.0, 140.0));
    let lung = Shape::ellipsoid(chest.0, chest.1, Turn::NONE);
    body.scene.tissue(Layer::Tendon, lung.grown(7.0), MUSCLE);
    body.scene.tissue(Layer::Tendon, lung.clone(), LUNG);

    // the cuff: a hood over the upper and outer head
    let head_radius = r(24.0);
    let top = unit([0.55, 0.05, 0.83]);
    let cuff = Shape::new(move |point: Point| {
        let field = length(point) - head_radius;
        (field - 7.0).max(-(field - 1.0)).max((0.15 - crate::space::dot(unit(point), top)) * 20.0)
    });
    body.scene.tissue(Layer::Tendon, cuff, TENDON);
    body.scene.tissue(
        Layer::Cartilage,
        Shape::sphere([0.0; 3], head_radius + r(3.4)).and(&Shape::behind(p(-8.0, 0.0, 0.0), [1.0, 0.0, 0.0])),
        CARTILAGE,
    );

    let spongy = marrow(draw);
    let humerus = Shape::blend(
        vec![
            Shape::sphere([0.0; 3], head_radius),
            Shape::ellipsoid(p(17.0, -3.0, 3.0), [r(10.0), r(14.0), r(14.0)], Turn::NONE),
            Shape::ellipsoid(p(4.0, -19.0, -4.0), [r(8.0), r(7.0), r(11.0)], Turn::NONE),
            Shape::tube(
                &[p(7.0, 0.0, -18.0), p(11.0, 0.0, -45.0), p(16.0, 0.0, -90.0), p(24.0, 0.0, -210.0)],
                &[r(19.0), r(14.5), r(12.0), r(11.0)],
            ),
        ],
        6.0,
    );
    let number = body.scene.bone(&humerus, r(1.4), CORTEX, spongy);
    let (wall, cavity) = (humerus.clone(), humerus);
    let start = -34.0 * size;
    body.scene.inside_bone(
        number,
        Shape::new(move |point: Point| {
            let thick = 1.2 + ((start - point[2]) / 14.0).clamp(0.0, 3.0);
            let field = wall.at(point);
            field.max(-field - thick).max(point[2] - start)
        }),
        CORTEX,
    );
    body.scene.inside_bone(
        number,
        Shape::new(move |point: Point| (cavity.at(point) + 4.4).max(point[2] - start + 10.0)),
        FATTY_MARROW,
    );
    let blade_turn = Turn::about([0.0, 0.0, 1.0], 35.0);
    let scapula = Shape::blend(
        vec![
            Shape::tube(&[p(-37.0, 5.0, 2.0), p(-52.0, 14.0, -6.0)], &[r(14.0), r(8.0)]),
            Shape::ellipsoid(p(-82.0, 36.0, -40.0), [r(48.0), r(4.2), r(66.0)], blade_turn),
            Shape::tube(
                &[p(-118.0, 68.0, 2.0), p(-50.0, 46.0, 24.0), p(-8.0, 36.0, 36.0)],
                &[r(4.5), r(5.5), r(7.5)],
            ),
            Shape::tube(
                &[p(-8.0, 36.0, 36.0), p(10.0, 18.0, 40.0), p(12.0, 0.0, 38.0)],
                &[r(7.5), r(6.5), r(5.5)],
            ),
            Shape::tube(
                &[p(-50.0, 8.0, 8.0), p(-42.0, -14.0, 24.0), p(-24.0, -30.0, 16.0)],
                &[r(8.0), r(6.5), r(6.0)],
            ),
        ],
        6.0,
    )
    .without(&Shape::sphere([0.0; 3], head_radius + r(3.4)));
    body.scene.bone(&scapula, 1.3, THIN_CORTEX, spongy);
    let clavicle = Path::smoothed(
        &[p(1.0, -8.0, 41.0), p(-40.0, -14.0, 46.0), p(-90.0, -42.0, 46.0), p(-150.0, -62.0, 34.0)],
        &[r(6.5), r(6.0), r(6.5), r(8.0)],
        5,
    );
    let clavicle_shape = Shape::new(move |point| clavicle.outside(point)).without(&scapula.grown(3.0));
    body.scene.bone(&clavicle_shape, 1.6, THIN_CORTEX, spongy);
    for rib in 0..6 {
        // ribs run down towards the front over the chest wall
        let level = -8.0 - 27.0 * f64::from(rib);
        let mut points = Vec::new();
        for step in 0..25 {
            let turn = f64::from(step) / 24.0 * 200.0 - 100.0;
            let (sin, cos) = turn.to_radians().sin_cos();
            let z = level + 22.0 * sin;
            let up = (z * size - chest.0[2]) / chest.1[2];
            let ring = (1.0 - up * up).max(0.0).sqrt();
            if ring < 0.15 {
                continue;
            }
            let wall = [chest.1[0] * ring * cos, chest.1[1] * ring * sin, z * size];
            let out = scale(unit([wall[0], wall[1], 0.0]), 4.5);
            points.push([chest.0[0] + wall[0] + out[0], chest.0[1] + wall[1] + out[1], wall[2]]);
        }
        if points.len() > 3 {
            let rib = Shape::tube(&points, &vec![r(4.6); points.len()]);
            body.scene.bone(&rib, 1.0, THIN_CORTEX, spongy);
        }
    }
    let artery = Path::smoothed(
        &[
            p(-110.0, -22.0, 22.0),
            p(-60.0, -34.0, -2.0),
            p(-26.0, -26.0, -50.0),
            p(-6.0, -8.0, -110.0),
            p(0.0, -8.0, -200.0),
        ],
        &[4.0, 3.6, 3.2, 2.6, 2.4],
        8,
    );
    body.vessel(&artery, 6.0);
    let vein: Vec<Point> =
        artery.points.iter().map(|point| [point[0] + 2.0, point[1] - 8.0, point[2] - 4.0]).collect();
    body.vessel(&Path::new(&vein, &vec![4.0; vein.len()]), 4.0);
    Shoulder { body, head_radius }
}
