/*! One hip with its half of the pelvis. The origin is the middle of the femoral head. */

use super::{Body, belly, marrow};
use crate::draw::Draw;
use crate::scene::{
    BOWEL, CARTILAGE, COBALT_CHROME, CORTEX, FAT, FATTY_MARROW, FLUID, GAS, Layer, Material, NERVE,
    POLYETHYLENE, Scene, THIN_CORTEX, TITANIUM, Tag,
};
use crate::shape::{Bellies, Path, Shape};
use crate::space::{Point, Turn, along, unit};

pub(crate) struct Pelvis {
    pub(crate) body: Body,
    /// Tip of the greater trochanter.
    pub(crate) trochanter: Point,
    /// A point of the ilium above the acetabulum.
    pub(crate) ilium: Point,
}

pub(crate) fn pelvis(draw: &mut Draw, prosthesis: bool) -> Pelvis {
    let size = draw.within(0.94, 1.06);
    let p = |x: f64, y: f64, z: f64| [x * size, y * size, z * size];
    let r = |radius: f64| radius * size;
    let fat = draw.within(14.0, 26.0);
    let outline = |grow: f64| {
        let trunk = Shape::new({
            let (cx, cy, a, b) = (-88.0 * size, 12.0 * size, r(152.0) + grow, r(88.0) + grow);
            move |point: Point| {
                let (x, y) = (point[0] - cx, point[1] - cy);
                let once = ((x / a).powi(2) + (y / b).powi(2)).sqrt();
                let twice = ((x / a / a).powi(2) + (y / b / b).powi(2)).sqrt();
                let side = if once < 0.2 { (once - 1.0) * b } else { once * (once - 1.0) / twice };
                side.max(-70.0 - point[2])
            }
        });
        let buttock = Shape::ellipsoid(
            p(-20.0, 55.0, -5.0),
            [r(72.0) + grow, r(52.0) + grow, r(72.0) + grow],
            Turn::NONE,
        );
        let thigh =
            |x: f64| Shape::tube(&[p(x, 2.0, -30.0), p(x, 0.0, -230.0)], &[r(74.0) + grow, r(66.0) + grow]);
        Shape::blend(vec![trunk, buttock, thigh(6.0), thigh(-182.0)], 18.0)
    };
    let fascia =
        outline(0.0).rough(draw.bits(), 2.0, 50.0).sampled([-8.0, 12.0, -18.0], [122.0, 122.0, 112.0], 4.0);
    let skin =
        outline(fat).rough(draw.bits(), 2.0, 60.0).sampled([-8.0, 12.0, -18.0], [122.0, 122.0, 112.0], 4.0);
    let bellies = vec![
        belly(&[p(-45.0, 82.0, 55.0), p(0.0, 76.0, 0.0), p(44.0, 42.0, -50.0)], r(20.0), draw), // gluteus maximus
        belly(&[p(38.0, 26.0, 110.0), p(58.0, 10.0, 0.0)], r(17.0), draw), // gluteus medius
        belly(&[p(30.0, -2.0, 80.0), p(46.0, -10.0, 0.0)], r(11.0), draw), // gluteus minimus
        belly(&[p(-18.0, -32.0, 110.0), p(-2.0, -38.0, 0.0), p(18.0, -12.0, -60.0)], r(15.0), draw), // iliopsoas
        belly(&[p(24.0, -48.0, 30.0), p(24.0, -52.0, -200.0)], r(13.0), draw), // rectus femoris
        belly(&[p(58.0, -32.0, 90.0), p(64.0, -24.0, -90.0)], r(10.0), draw),  // tensor fasciae latae
        belly(&[p(40.0, -58.0, 80.0), p(-12.0, -62.0, -180.0)], r(7.0), draw), // sartorius
        belly(&[p(-34.0, 24.0, 10.0), p(-24.0, 44.0, -8.0)], r(9.0), draw),    // obturator internus
        belly(&[p(-60.0, 48.0, 35.0), p(34.0, 26.0, 6.0)], r(8.0), draw),      // piriformis
        belly(&[p(-52.0, -26.0, -48.0), p(-8.0, -18.0, -180.0)], r(15.0), draw), // adductor longus, pectineus
        belly(&[p(-36.0, 18.0, -66.0), p(-14.0, 18.0, -200.0)], r(20.0), draw), // adductor magnus
        belly(&[p(-70.0, 0.0, -70.0), p(-58.0, 6.0, -200.0)], r(8.0), draw),   // gracilis
        belly(&[p(60.0, -14.0, -50.0), p(52.0, -18.0, -200.0)], r(19.0), draw), // vastus lateralis
        belly(&[p(14.0, -28.0, -70.0), p(8.0, -32.0, -200.0)], r(15.0), draw), // vastus medialis
        belly(&[p(0.0, 54.0, -80.0), p(4.0, 48.0, -200.0)], r(17.0), draw),    // hamstrings
        belly(&[p(2.0, 32.0, -52.0), p(34.0, 26.0, -46.0)], r(9.0), draw),     // quadratus femoris
        belly(&[p(-92.0, -66.0, 110.0), p(-88.0, -60.0, -20.0)], r(9.0), draw), // rectus abdominis
        belly(&[p(0.0, -56.0, 130.0), p(-10.0, -52.0, 40.0)], r(9.0), draw),   // abdominal wall
    ];
    let mut body = Body {
        scene: Scene::default(),
        skin,
        fascia,
        bellies: Bellies::new(bellies, draw.bits()),
        swell: 17.0,
        centre: p(-8.0, 12.0, -18.0),
        spacing_mm: [0.85, 0.85, 1.2],
        turn: Turn::NONE,
        tilt_degrees: [4.0, 5.0],
    };
    body.soft_tissue(2.0, draw.within(1.2, 2.6));
    let cavity = Shape::ellipsoid(p(-92.0, 2.0, 40.0), [r(60.0), r(56.0), r(80.0)], Turn::NONE);
    body.scene.tissue(Layer::Tendon, cavity.clone(), FAT);
    let bladder = Shape::ellipsoid(p(-92.0, -28.0, 0.0), [r(34.0), r(22.0), r(26.0)], Turn::NONE);
    body.scene.tissue(Layer::Tendon, bladder.grown(3.0).and(&cavity), crate::scene::MUSCLE);
    body.scene.tissue(Layer::Tendon, bladder.and(&cavity), FLUID);
    let rectum =
        Path::new(&[p(-92.0, 36.0, -40.0), p(-94.0, 40.0, 40.0), p(-84.0, 14.0, 100.0)], &[13.0, 15.0, 14.0]);
    let wall = rectum.clone();
    body.scene.tissue(Layer::Tendon, Shape::new(move |point| wall.outside(point)), crate::scene::MUSCLE);
    let stool = rectum.clone();
    body.scene.tissue(Layer::Tendon, Shape::new(move |point| stool.outside(point) + 3.0), BOWEL);
    let gas = Shape::sphere(along(rectum.points[1], 4.0, draw.direction()), draw.within(5.0, 9.0));
    body.scene.tissue(Layer::Vessel, gas, GAS);

    let spongy = marrow(draw);
    let head_radius = r(24.0);
    let shaft = |from: Point| {
        Shape::tube(
            &[from, p(43.0, 6.0, -48.0), p(38.0, 2.0, -110.0), p(32.0, -2.0, -230.0)],
            &[r(14.0), r(17.0), r(14.5), r(13.5)],
        )
    };
    let upper = Shape::blend(
        vec![
            shaft(p(38.0, 6.0, -30.0)),
            Shape::ellipsoid(p(50.0, 10.0, -16.0), [r(12.0), r(17.0), r(19.0)], Turn::NONE),
            Shape::sphere(p(24.0, 19.0, -58.0), r(8.5)),
        ],
        8.0,
    );
    let neck = Shape::blend(
        vec![
            upper.clone(),
            Shape::tube(
                &[p(8.0, 1.0, -6.0), p(24.0, 4.0, -18.0), p(40.0, 6.0, -32.0)],
                &[r(17.0), r(15.0), r(17.0)],
            ),
        ],
        6.0,
    );
    let head = Shape::sphere([0.0; 3], head_radius);
    let hollow = Shape::sphere([0.0; 3], head_radius + r(3.2));
    let opening = unit([0.80, -0.22, -0.55]);
    let cup = Shape::sphere([0.0; 3], head_radius + r(10.0)).and(&Shape::behind(p(6.0, 0.0, -4.0), opening));
    let wing_axis = Turn::about([0.0, 1.0, 0.0], -16.0).then(&Turn::about([0.0, 0.0, 1.0], 24.0));
    let hip_bone = Shape::blend(
        vec![
            cup,
            Shape::ellipsoid(p(4.0, 12.0, 92.0), [r(7.0), r(52.0), r(66.0)], wing_axis),
            Shape::tube(&[p(-6.0, 8.0, 22.0), p(2.0, 8.0, 50.0)], &[r(20.0), r(12.0)]),
            Shape::tube(
                &[p(-14.0, 20.0, -10.0), p(-12.0, 36.0, -34.0), p(-8.0, 40.0, -58.0)],
                &[r(15.0), r(12.0), r(13.0)],
            ),
            Shape::tube(
                &[p(-20.0, -12.0, -4.0), p(-46.0, -28.0, -22.0), p(-76.0, -34.0, -34.0)],
                &[r(13.0), r(8.0), r(12.0)],
            ),
            Shape::tube(
                &[p(-74.0, -30.0, -46.0), p(-44.0, 6.0, -66.0), p(-10.0, 36.0, -64.0)],
                &[r(8.0), r(6.0), r(9.0)],
            ),
        ],
        7.0,
    )
    .without(&hollow);
    let sacrum = Shape::blend(
        vec![
            Shape::ellipsoid(
                p(-92.0, 52.0, 82.0),
                [r(48.0), r(15.0), r(34.0)],
                Turn::about([1.0, 0.0, 0.0], 20.0),
            ),
            Shape::tube(
                &[p(-92.0, 60.0, 60.0), p(-92.0, 62.0, 20.0), p(-92.0, 48.0, -10.0)],
                &[r(16.0), r(11.0), r(5.0)],
            ),
        ],
        8.0,
    )
    .without(&hip_bone.grown(2.5));
    body.scene.tissue(Layer::Cartilage, hollow.and(&Shape::behind(p(6.0, 0.0, -4.0), opening)), CARTILAGE);
    if prosthesis {
        prosthetic_hip(&mut body, draw, &Hip { size, upper, hip_bone, opening, hollow, spongy });
    } else {
        let femur = Shape::blend(vec![neck, head], 4.0);
        let number = body.scene.bone(&femur, r(1.8), CORTEX, spongy);
        shaft_wall(&mut body, number, &femur, size);
        body.scene.bone(&hip_bone, r(1.7), CORTEX, spongy);
    }
    body.scene.bone(&sacrum, 1.3, THIN_CORTEX, spongy);
    let artery = Path::smoothed(
        &[
            p(-48.0, -18.0, 130.0),
            p(-36.0, -34.0, 60.0),
            p(-18.0, -58.0, 0.0),
            p(-16.0, -48.0, -80.0),
            p(-22.0, -32.0, -200.0),
        ],
        &[5.0, 4.8, 4.6, 4.2, 4.0],
        8,
    );
    body.vessel(&artery, 5.0);
    let vein: Vec<Point> =
        artery.points.iter().map(|point| [point[0] - 9.5, point[1] + 4.5, point[2]]).collect();
    body.vessel(&Path::new(&vein, &vec![5.4; vein.len()]), 4.0);
    let nerve =
        Path::new(&[p(-20.0, 56.0, 20.0), p(8.0, 46.0, -40.0), p(8.0, 34.0, -200.0)], &[5.5, 5.5, 5.0]);
    body.scene.tissue(Layer::Vessel, Shape::new(move |point| nerve.outside(point)), NERVE);
    Pelvis { body, trochanter: p(54.0, 12.0, 0.0), ilium: p(18.0, 6.0, 44.0) }
}

/// The cortex of the femoral shaft is thick and its marrow fat.
fn shaft_wall(body: &mut Body, number: u16, femur: &Shape, size: f64) {
    let (wall, cavity) = (femur.clone(), femur.clone());
    let start = -62.0 * size;
    body.scene.inside_bone(
        number,
        Shape::new(move |point: Point| {
            let thick = 1.5 + ((start - point[2]) / 14.0).clamp(0.0, 4.5);
            let field = wall.at(point);
            field.max(-field - thick).max(point[2] - start)
        }),
        CORTEX,
    );
    body.scene.inside_bone(
        number,
        Shape::new(move |point: Point| (cavity.at(point) + 6.0).max(point[2] - start + 14.0)),
        FATTY_MARROW,
    );
}

struct Hip {
    size: f64,
    upper: Shape,
    hip_bone: Shape,
    opening: Point,
    hollow: Shape,
    spongy: Material,
}

/// Cup, liner, head and stem; the femoral head and neck are gone.
fn prosthetic_hip(body: &mut Body, draw: &mut Draw, hip: &Hip) {
    let size = hip.size;
    let p = |x: f64, y: f64, z: f64| [x * size, y * size, z * size];
    let cut = Shape::behind(p(26.0, 4.0, -22.0), unit([-0.75, 0.0, 0.66]));
    let femur = hip.upper.and(&cut);
    let number = body.scene.bone(&femur, 1.8 * size, CORTEX, hip.spongy);
    shaft_wall(body, number, &femur, size);
    body.scene.bone(&hip.hip_bone, 1.7 * size, CORTEX, hip.spongy);
    let side = Shape::behind(p(4.0, 0.0, -2.0), hip.opening);
    let ball_radius = draw.within(14.0, 18.0);
    let cup = hip.hollow.and(&side);
    body.scene.add(Layer::Metal, cup.clone(), TITANIUM, Tag::Metal);
    body.scene.add(
        Layer::Metal,
        Shape::sphere([0.0; 3], ball_radius + 6.0).and(&side),
        POLYETHYLENE,
        Tag::Tissue,
    );
    body.scene.add(Layer::Metal, Shape::sphere([0.0; 3], ball_radius), COBALT_CHROME, Tag::Metal);
    let stem = Shape::tube(
        &[
            p(4.0, 0.5, -4.0),
            p(26.0, 4.0, -22.0),
            p(40.0, 5.0, -45.0),
            p(38.0, 2.0, -110.0),
            p(36.5, 1.0, -140.0),
        ],
        &[6.0, 6.5, 8.0, 6.5, 5.0],
    );
    body.scene.add(Layer::Metal, stem, TITANIUM, Tag::Metal);
}
