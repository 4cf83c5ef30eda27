/*!
The lesions themselves.

Shapes, sizes and attenuations follow Paparo et al. (Reumatismo 2011; 63: 175), Olsen and Chew (Radiographics 2006; 26:
871, tumoral calcinosis), Tyler and Saifuddin (Skeletal Radiol 2010; 39: 301, myositis ossificans), Murphey et al.
(Radiographics 2007; 27: 1465, synovial chondromatosis), Gerster et al. (Ann Rheum Dis 2002; 61: 52, tophi at CT) and
Jelinek et al. (Radiology 1996; 201: 837, parosteal osteosarcoma).
*/

use super::{Plan, Relation};
use crate::LesionKind;
use crate::anatomy::{Body, Knee, Pelvis, QUADRICEPS, Ray, Shoulder, Thigh};
use crate::case::Sketch;
use crate::draw::Draw;
use crate::scene::{FAT, FLUID, Layer, Material, SKIN, Tag};
use crate::shape::{Path, Shape};
use crate::space::{Point, Turn, add, along, cross, distance, middle, scale, sub, unit};

/// Calcium salt of a mean attenuation, with the grain of a deposit.
fn chalk(draw: &mut Draw, low: f64, high: f64) -> Material {
    let hu = draw.within(low, high);
    Material::new(hu as f32, (0.16 * hu) as f32, draw.within(1.2, 2.5) as f32)
}

fn fibrous(draw: &mut Draw) -> Material {
    Material::new(draw.within(38.0, 62.0) as f32, 12.0, 3.0)
}

/// A ball in a packing.
#[derive(Clone, Copy)]
struct Ball {
    centre: Point,
    radius: f64,
}

pub(super) fn tumoral_calcinosis(hip: Pelvis, case: Sketch, draw: &mut Draw, levels: Option<Point>) -> Plan {
    let mut plan = Plan::new(hip.body, case);
    let touching = draw.chance(0.3);
    let out = if touching { 12.0 } else { 24.0 };
    let centre =
        add(hip.trochanter, [draw.within(0.0, 8.0), out + draw.within(0.0, 12.0), draw.within(-22.0, 22.0)]);
    let half = [draw.within(14.0, 22.0), draw.within(14.0, 22.0), draw.within(18.0, 34.0)];
    let mut balls: Vec<Ball> = Vec::new();
    for _ in 0..600 {
        let place = draw.in_ball();
        let ball = Ball {
            centre: add(centre, [0, 1, 2].map(|axis: usize| place[axis] * half[axis])),
            radius: draw.within(4.0, 10.5),
        };
        let clear = balls
            .iter()
            .all(|other| distance(ball.centre, other.centre) > 0.82 * (ball.radius + other.radius));
        // the mass stays in the field of view and under the skin
        if clear && plan.body.skin.at(ball.centre) < -ball.radius - 3.0 {
            balls.push(ball);
        }
    }
    let number = plan.lesion(
        LesionKind::Calcification,
        &[
            "multilobulated_mass",
            "nodular",
            "periarticular",
            "septa",
            "well_defined_margin",
            "normal_adjacent_bone",
        ],
        Relation::Measured,
    );
    let distance_to_bone = draw.within(2.5, 5.0);
    let bones = Shape::union(plan.body.scene.bones().to_vec());
    let clear_of_bone =
        |shape: Shape| if touching { shape } else { shape.without(&bones.grown(distance_to_bone)) };
    let hull = Shape::union(balls.iter().map(|ball| Shape::sphere(ball.centre, ball.radius + 1.4)).collect());
    let capsule = fibrous(draw);
    plan.body.scene.matrix(number, clear_of_bone(hull), capsule);
    let septum = draw.within(0.8, 1.5);
    let sediment = chalk(draw, 480.0, 850.0);
    let solid = chalk(draw, 380.0, 800.0);
    let fluid = Material::new(draw.within(18.0, 70.0) as f32, 6.0, 5.0);
    let filling = draw.within(0.35, 0.65);
    let (mut cystic, mut layered) = (false, false);
    for (place, ball) in balls.iter().enumerate() {
        let nodule = clear_of_bone(nodule(&balls, place, septum));
        // most of the larger cavities have a level, and at least the largest
        let largest = balls.iter().all(|other| other.radius <= ball.radius);
        match levels {
            Some(down) if largest || (ball.radius > 5.5 && draw.chance(0.75)) => {
                layered = true;
                cystic = true;
                let share = filling + draw.within(-0.12, 0.12);
                let level = along(ball.centre, ball.radius * (1.0 - 2.0 * share), down);
                plan.body.scene.matrix(number, nodule.clone(), fluid);
                plan.body.scene.mineral(
                    number,
                    nodule.and(&Shape::behind(level, scale(down, -1.0))),
                    sediment,
                );
            }
            _ if ball.radius > 6.0 && draw.chance(0.2) => {
                // a wall of calcium about a cavity
                cystic = true;
                plan.body.scene.matrix(number, nodule.clone(), fluid);
                plan.body.scene.mineral(number, nodule.rind(draw.within(1.5, 2.5)), solid);
            }
            _ => plan.body.scene.mineral(number, nodule, solid),
        }
    }
    if let Some(lesion) = plan.lesions.last_mut() {
        if cystic {
            lesion.findings.push("cystic_loculi");
        }
        if layered {
            lesion.findings.push("sedimentation_sign");
        }
    }
    plan
}

/// A ball of a packing, flat where it meets its neighbours, with half a septum between.
fn nodule(balls: &[Ball], place: usize, septum: f64) -> Shape {
    let own = balls[place];
    let others: Vec<Ball> = balls
        .iter()
        .enumerate()
        .filter(|(other, ball)| {
            *other != place && distance(ball.centre, own.centre) < ball.radius + own.radius + 2.0 * septum
        })
        .map(|(_, ball)| *ball)
        .collect();
    Shape::new(move |point| {
        let field = distance(point, own.centre) - own.radius;
        others.iter().fold(field, |sum, other| {
            sum.max((field - (distance(point, other.centre) - other.radius)) / 2.0 + septum / 2.0)
        })
    })
}

pub(super) fn acral((body, rays): (Body, Vec<Ray>), case: Sketch, draw: &mut Draw) -> Plan {
    let mut plan = Plan::new(body, case);
    let many = draw.count(2, 4);
    let order = draw.shuffled((0..rays.len()).collect());
    let material = chalk(draw, 450.0, 1000.0);
    for finger in order.into_iter().take(many) {
        let ray = &rays[finger];
        let last = ray.joints.len() - 1;
        let (from, tip) = (ray.joints[last - 1], ray.joints[last]);
        let axis = unit(sub(tip, from));
        let across = unit(cross(axis, ray.palmar));
        // under the skin of the pulp; in a third down to the bone
        let depth = if draw.chance(0.33) { 5.2 } else { 3.3 };
        let pulp = along(middle(from, tip, 0.78), ray.flesh[last] + 1.6 - depth, ray.palmar);
        let count = draw.count(4, 10);
        let number = plan.lesion(
            LesionKind::Calcification,
            &["amorphous", "subcutaneous", "fingertip_palmar", "flexor_aspect"],
            Relation::Measured,
        );
        let mut grains = Vec::new();
        for grain in 0..count {
            let reach = if grain == 0 { 0.0 } else { 1.0 };
            let place = draw.in_ball();
            let centre = add(
                pulp,
                add(
                    scale(axis, place[0] * 6.0 * reach),
                    add(scale(across, place[1] * 3.6 * reach), scale(ray.palmar, place[2] * 1.5 * reach)),
                ),
            );
            let radius = if grain == 0 { draw.within(1.7, 2.6) } else { draw.within(0.6, 1.9) };
            grains.push(Shape::sphere(centre, radius));
        }
        let deposit = Shape::blend(grains, 0.8)
            .rough(draw.bits(), 0.35, 1.6)
            .and(&plan.body.skin.grown(-0.8))
            .within_ball(pulp, 14.0);
        plan.body.scene.mineral(number, deposit, material);
        if count > 6
            && let Some(lesion) = plan.lesions.last_mut()
        {
            lesion.findings.push("coalescent_aggregate");
        }
        if draw.chance(0.4) && ray.joints.len() > 3 {
            // a lamella beside the joint
            let joint = ray.joints[last - 1];
            let side = if draw.chance(0.5) { 1.0 } else { -1.0 };
            let at = along(joint, side * ray.flesh[last - 1] * 0.66, across);
            let number = plan.lesion(
                LesionKind::Calcification,
                &["linear_lamellar", "subcutaneous", "periarticular"],
                Relation::Measured,
            );
            let lamella = Shape::rod(along(at, -4.5, axis), along(at, 4.5, axis), 0.9, 1.1)
                .rough(draw.bits(), 0.25, 2.0)
                .and(&plan.body.skin.grown(-0.8));
            plan.body.scene.mineral(number, lamella, material);
        }
    }
    plan
}

/// Patches of calcium in the planes between the muscles.
fn fascial_patches(plan: &mut Plan, thigh: &Frame, draw: &mut Draw, wanted: usize) {
    let mut taken: Vec<(Point, f64)> = Vec::new();
    for _ in 0..4000 {
        if taken.len() >= wanted {
            break;
        }
        let at = [
            draw.within(-0.85, 0.85) * thigh.half[0],
            draw.within(-0.85, 0.85) * thigh.half[1],
            draw.within(-55.0, 55.0),
        ];
        let reach = draw.within(17.0, 28.0);
        let place = plan.body.bellies.place(at);
        let free = taken.iter().all(|(other, radius)| distance(*other, at) > radius + reach + 4.0);
        if !free
            || place.to_plane > 0.4
            || place.outside > plan.body.swell - 3.0
            || plan.body.fascia.at(at) > -4.0
            || thigh.femur.outside(at) < 5.0
            || thigh.artery.outside(at) < 9.0
        {
            continue;
        }
        taken.push((at, reach));
        let number = plan.lesion(
            LesionKind::Calcification,
            &["sheet_like", "fascial_plane", "linear_lamellar"],
            Relation::Measured,
        );
        let patch = Shape::ellipsoid(at, [reach, reach, reach * draw.within(1.0, 1.7)], Turn::NONE);
        let sheet = plan
            .body
            .bellies
            .planes(plan.body.swell, draw.within(1.2, 2.4))
            .and(&plan.body.fascia.grown(-1.5))
            .patchy(draw.bits(), -0.35, 9.0)
            .and(&patch);
        let material = chalk(draw, 480.0, 900.0);
        plan.body.scene.mineral(number, sheet, material);
    }
}

/// What the placing of lesions needs to know of a thigh.
struct Frame {
    half: [f64; 2],
    femur: Path,
    artery: Path,
}

fn open_thigh(thigh: Thigh, case: Sketch) -> (Plan, Frame) {
    let Thigh { body, femur, artery, section } = thigh;
    (Plan::new(body, case), Frame { half: section.1, femur, artery })
}

pub(super) fn sheets(thigh: Thigh, case: Sketch, draw: &mut Draw) -> Plan {
    let (mut plan, frame) = open_thigh(thigh, case);
    let wanted = draw.count(2, 4);
    fascial_patches(&mut plan, &frame, draw, wanted);
    plan
}

pub(super) fn universalis(thigh: Thigh, case: Sketch, draw: &mut Draw) -> Plan {
    let (mut plan, frame) = open_thigh(thigh, case);
    plan.findings.push("diffuse");
    let wanted = draw.count(3, 5);
    fascial_patches(&mut plan, &frame, draw, wanted);
    // plaques in the subcutis
    let mut taken: Vec<(Point, f64)> = Vec::new();
    let plaques = draw.count(3, 6);
    for _ in 0..4000 {
        if taken.len() >= plaques {
            break;
        }
        let turn = draw.within(0.0, std::f64::consts::TAU);
        let z = draw.within(-65.0, 65.0);
        let (sin, cos) = turn.sin_cos();
        // outwards to the middle of the fat
        let mut at = [0.8 * frame.half[0] * cos, 0.8 * frame.half[1] * sin, z];
        for _ in 0..40 {
            let (to_skin, to_fascia) = (plan.body.skin.at(at), plan.body.fascia.at(at));
            let step = (-to_skin - to_fascia) / 2.0;
            at = add(at, [step * cos, step * sin, 0.0]);
        }
        let room = -plan.body.skin.at(at);
        let reach = draw.within(9.0, 20.0);
        if room < 4.0 || taken.iter().any(|(other, radius)| distance(*other, at) < radius + reach + 4.0) {
            continue;
        }
        taken.push((at, reach));
        let number = plan.lesion(
            LesionKind::Calcification,
            &["plaque_like", "subcutaneous", "amorphous"],
            Relation::Measured,
        );
        let depth = plan.body.skin.at(at);
        let thick = draw.within(1.6, 3.0).min(room);
        let plaque = plan
            .body
            .skin
            .grown(depth + thick / 2.0)
            .rind(thick)
            .patchy(draw.bits(), -0.3, 7.0)
            .and(&Shape::sphere(at, reach));
        let material = chalk(draw, 450.0, 850.0);
        plan.body.scene.mineral(number, plaque, material);
    }
    // nodules in the muscles
    let nodules = draw.count(4, 9);
    let muscle = plan.body.bellies.muscle(&plan.body.fascia, plan.body.swell, 1.0);
    let mut placed = 0;
    for _ in 0..4000 {
        if placed >= nodules {
            break;
        }
        let belly = draw.count(0, plan.body.bellies.len() - 1);
        let (on_path, _) = plan.body.bellies.path(belly).at(draw.within(0.2, 0.8));
        let at = along(on_path, draw.within(0.0, 8.0), draw.direction());
        let radius = draw.within(2.2, 5.5);
        let apart = taken.iter().all(|(other, reach)| distance(*other, at) > reach + radius + 4.0);
        if !apart
            || at[2].abs() > 75.0
            || muscle.at(at) > -radius
            || frame.femur.outside(at) < radius + 3.0
            || plan.body.bellies.place(at).to_plane < radius + 3.0
        {
            continue;
        }
        taken.push((at, radius));
        placed += 1;
        let number = plan.lesion(
            LesionKind::Calcification,
            &["nodular", "intramuscular", "amorphous"],
            Relation::Measured,
        );
        let radii = [radius, radius * draw.within(0.7, 1.0), radius * draw.within(1.0, 1.6)];
        let nodule = Shape::ellipsoid(at, radii, Turn::onto_z(draw.direction())).rough(draw.bits(), 0.7, 3.5);
        let material = chalk(draw, 420.0, 800.0);
        plan.body.scene.mineral(number, nodule, material);
    }
    plan
}

pub(super) fn myositis(thigh: Thigh, case: Sketch, draw: &mut Draw) -> Plan {
    let (mut plan, frame) = open_thigh(thigh, case);
    let touching = draw.chance(0.3);
    let belly = if touching { 2 } else { QUADRICEPS[draw.count(0, 3)] };
    let (on_path, fibre) = plan.body.bellies.path(belly).at(draw.within(0.35, 0.65));
    let mut centre = on_path;
    let radii = [draw.within(8.0, 12.0), draw.within(8.0, 12.0), draw.within(15.0, 27.0)];
    // towards the bone or away from it
    let outwards = unit([centre[0] - frame.femur.at(0.5).0[0], centre[1] - frame.femur.at(0.5).0[1], 0.0]);
    let wanted = if touching { 5.0 } else { radii[0].max(radii[1]) + draw.within(3.0, 6.0) };
    for _ in 0..20 {
        let gap = frame.femur.outside(centre);
        if touching || gap < wanted {
            centre = along(centre, wanted - gap, outwards);
        }
    }
    let mass = Shape::ellipsoid(centre, radii, Turn::onto_z(fibre)).rough(draw.bits(), 1.2, 9.0);
    let bones = Shape::union(plan.body.scene.bones().to_vec());
    let mass = if touching { mass } else { mass.without(&bones.grown(2.0)) };
    let number = plan.lesion(
        LesionKind::Ossification,
        &["peripheral_rim", "intramuscular", "well_defined_margin", "mature_bone", "normal_adjacent_bone"],
        Relation::Measured,
    );
    let rim = draw.within(2.0, 3.2);
    let oedema = Material::new(42.0, 8.0, 5.0);
    plan.body.scene.tissue(Layer::SoftTissueLesion, mass.grown(4.0), oedema);
    let centre_of_it = Material::new(draw.within(25.0, 60.0) as f32, 12.0, 4.0);
    plan.body.scene.matrix(number, mass.clone(), centre_of_it);
    let inner = Material::new(draw.within(230.0, 330.0) as f32, 60.0, 2.2);
    let outer = Material::new(draw.within(620.0, 950.0) as f32, 90.0, 3.0);
    plan.body.scene.mineral(number, mass.rind(rim + draw.within(1.2, 2.4)), inner);
    plan.body.scene.mineral(number, mass.rind(rim), outer);
    plan
}

pub(super) fn hip_ossification(hip: Pelvis, case: Sketch, draw: &mut Draw) -> Plan {
    let mut plan = Plan::new(hip.body, case);
    plan.findings.push("prosthesis_present");
    let form = draw.count(0, 3);
    // what goes from bone to bone begins and ends in it
    let (gap, side) = if form == 0 { (-2.0, -4.0) } else { (7.0, 9.0) };
    let start =
        add(hip.trochanter, [draw.within(-4.0, 4.0), draw.within(-8.0, 6.0), gap + draw.within(0.0, 5.0)]);
    let end = add(hip.ilium, [side + draw.within(0.0, 5.0), draw.within(-6.0, 8.0), draw.within(-6.0, 6.0)]);
    let bow = [draw.within(4.0, 12.0), draw.within(-6.0, 10.0), 0.0];
    let way = Path::smoothed(
        &[start, add(middle(start, end, 0.5), bow), end],
        &[draw.within(7.0, 10.0), draw.within(5.5, 9.0), draw.within(6.0, 9.0)],
        6,
    );
    let cuts: &[(f64, f64)] = match form {
        0 => &[(0.0, 1.0)],               // from bone to bone
        1 => &[(0.0, 0.55)],              // a spur of the trochanter
        2 => &[(0.25, 0.75)],             // an island
        _ => &[(0.0, 0.38), (0.66, 1.0)], // one from each side
    };
    let metal_free = Shape::sphere([0.0; 3], 36.0);
    for &(from, to) in cuts {
        let mut points = Vec::new();
        let mut radii = Vec::new();
        for step in 0..=8 {
            let share = from + (to - from) * f64::from(step) / 8.0;
            points.push(way.at(share).0);
            let radius =
                way.radii[((share * (way.radii.len() - 1) as f64).round() as usize).min(way.radii.len() - 1)];
            // blunt ends
            radii.push(if step == 0 || step == 8 { radius * 0.75 } else { radius });
        }
        let mass = Shape::tube(&points, &radii).rough(draw.bits(), 2.2, 10.0).without(&metal_free);
        let number = plan.lesion(
            LesionKind::Ossification,
            &["mature_bone", "periarticular", "well_defined_margin", "prosthesis_present"],
            Relation::Measured,
        );
        let shell = Material::new(draw.within(680.0, 1000.0) as f32, 90.0, 3.0);
        let spongy = Material::new(draw.within(220.0, 330.0) as f32, 80.0, 2.2);
        plan.body.scene.mineral(number, mass.clone(), shell);
        plan.body.scene.mineral(number, mass.grown(-draw.within(1.4, 2.2)), spongy);
    }
    plan
}

pub(super) fn tendinitis(shoulder: Shoulder, case: Sketch, draw: &mut Draw) -> Plan {
    let Shoulder { body, head_radius } = shoulder;
    let mut plan = Plan::new(body, case);
    let touching = draw.chance(0.35);
    let direction = unit([draw.within(0.3, 0.62), draw.within(-0.3, 0.35), draw.within(0.78, 1.0)]);
    let thick = draw.within(1.8, 2.8);
    let height = head_radius + if touching { thick - 0.3 } else { thick + draw.within(1.2, 2.2) };
    let mut blobs = Vec::new();
    let lobes = draw.count(1, 3);
    for lobe in 0..lobes {
        let place = if lobe == 0 { direction } else { unit(along(direction, 0.22, draw.direction())) };
        let radii = [draw.within(3.5, 7.0), draw.within(3.0, 6.0), thick];
        blobs.push(Shape::ellipsoid(scale(place, height), radii, Turn::onto_z(place)));
    }
    let bones = Shape::union(plan.body.scene.bones().to_vec());
    let deposit =
        Shape::blend(blobs, 1.5).rough(draw.bits(), 0.5, 3.5).within_ball(scale(direction, height), 16.0);
    let deposit = if touching { deposit } else { deposit.without(&bones.grown(1.0)) };
    let dense = draw.chance(0.7);
    let findings: &[&'static str] = if dense {
        &[
            "homogeneous_dense",
            "intratendinous",
            "periarticular",
            "well_defined_margin",
            "normal_adjacent_bone",
        ]
    } else {
        &["amorphous", "intratendinous", "periarticular", "faint_ill_defined", "normal_adjacent_bone"]
    };
    let number = plan.lesion(LesionKind::Calcification, findings, Relation::Measured);
    let material = if dense { chalk(draw, 550.0, 950.0) } else { chalk(draw, 300.0, 450.0) };
    plan.body.scene.mineral(number, deposit, material);
    plan
}

pub(super) fn loose_bodies(knee: Knee, case: Sketch, draw: &mut Draw) -> Plan {
    let Knee { body, recesses, .. } = knee;
    let mut plan = Plan::new(body, case);
    plan.findings.push("joint_effusion");
    let bones = Shape::union(plan.body.scene.bones().to_vec());
    let usual = draw.within(2.6, 4.4);
    let rings = draw.chance(0.55);
    let many = draw.count(2, 4);
    let mut first = draw.shuffled((1..recesses.len()).collect());
    first.insert(0, 0); // the pouch above the patella always
    for recess in first.into_iter().take(many) {
        let (centre, reach) = recesses[recess];
        let room = reach * 1.35;
        // the recess bulges with fluid
        let wall = Shape::ellipsoid(centre, [room + 4.0, room * 0.8 + 3.0, room + 5.0], Turn::NONE);
        plan.body.scene.tissue(Layer::Vessel, wall, FLUID);
        let mut balls: Vec<Ball> = Vec::new();
        for _ in 0..300 {
            let place = draw.in_ball();
            let ball = Ball {
                centre: add(centre, [place[0] * room, place[1] * room * 0.8, place[2] * (room + 2.0)]),
                radius: usual * draw.within(0.86, 1.14),
            };
            let free = balls
                .iter()
                .all(|other| distance(other.centre, ball.centre) > other.radius + ball.radius + 0.4);
            if free && balls.len() < 9 && bones.at(ball.centre) > ball.radius * 0.9 {
                balls.push(ball);
            }
        }
        if balls.is_empty() {
            continue;
        }
        let findings: &[&'static str] = if rings {
            &["intra_articular", "multiple_uniform_bodies", "ring_and_arc", "well_defined_margin"]
        } else {
            &["intra_articular", "multiple_uniform_bodies", "well_defined_margin"]
        };
        let number = plan.lesion(LesionKind::Calcification, findings, Relation::Measured);
        let cartilage = Material::new(draw.within(70.0, 105.0) as f32, 12.0, 2.0);
        for ball in &balls {
            let squash = draw.within(0.82, 1.0);
            let body = Shape::ellipsoid(
                ball.centre,
                [ball.radius, ball.radius * squash, ball.radius],
                Turn::onto_z(draw.direction()),
            );
            let material = chalk(draw, 550.0, 900.0);
            if rings {
                plan.body.scene.matrix(number, body.clone(), cartilage);
                plan.body.scene.mineral(number, body.rind(ball.radius * 0.38), material);
            } else {
                plan.body.scene.mineral(number, body, material);
            }
        }
    }
    plan
}

pub(super) fn tophus((body, rays): (Body, Vec<Ray>), case: Sketch, draw: &mut Draw, calcified: bool) -> Plan {
    let mut plan = Plan::new(body, case);
    let hallux = &rays[0];
    let joint = hallux.joints[1];
    let axis = unit(sub(hallux.joints[1], hallux.joints[0]));
    let medial = unit([-1.0, draw.within(-0.5, 0.3), 0.0]);
    let reach = hallux.bone_radius * 1.35;
    let centre = along(along(joint, reach + draw.within(3.0, 6.0), medial), -6.0, axis);
    let mut lobes = Vec::new();
    for lobe in 0..draw.count(3, 6) {
        let spread = if lobe == 0 { 0.0 } else { 7.0 };
        let place = draw.in_ball();
        let at = add(centre, [place[0] * spread * 0.5, place[1] * spread, place[2] * spread * 1.2]);
        lobes.push(Shape::ellipsoid(
            at,
            [draw.within(3.5, 6.5), draw.within(4.0, 7.5), draw.within(4.5, 8.5)],
            Turn::onto_z(draw.direction()),
        ));
    }
    let mass = Shape::blend(lobes, 3.0).rough(draw.bits(), 0.6, 5.0).within_ball(centre, 30.0);
    // the skin bulges over it
    plan.body.scene.tissue(Layer::Skin, mass.grown(4.0), SKIN);
    plan.body.scene.tissue(Layer::Fat, mass.grown(2.6), FAT);
    plan.body.scene.tissue(Layer::Muscle, mass.grown(1.2), fibrous(draw));
    plan.body.skin = Shape::union(vec![plan.body.skin.clone(), mass.grown(4.0)]);
    let erosion = draw.chance(0.6);
    let mut findings = vec!["periarticular", "nodular", "soft_tissue_mass"];
    if erosion {
        findings.extend(["cortical_erosion", "overhanging_edge_erosion"]);
    }
    let kind = if calcified { LesionKind::Calcification } else { LesionKind::Urate };
    if calcified {
        findings.push("amorphous");
    } else {
        findings.push("denser_than_muscle_not_calcified");
    }
    let number = plan.lesion(kind, &findings, Relation::Measured);
    let urate_hu = if calcified { draw.within(165.0, 210.0) } else { draw.within(180.0, 350.0) };
    let urate = Material::new(urate_hu as f32, 0.1 * urate_hu as f32, 2.5);
    let layer = if erosion { Layer::OverBone } else { Layer::SoftTissueLesion };
    if !erosion {
        // without erosion a fat plane parts it from the bone, or it just lies on it
        let gap = if draw.chance(0.5) { 0.0 } else { 1.2 };
        let bones = Shape::union(plan.body.scene.bones().to_vec()).grown(gap);
        plan.body.scene.add(layer, mass.without(&bones), urate, Tag::Mineral(number));
    } else {
        plan.body.scene.add(layer, mass.clone(), urate, Tag::Mineral(number));
    }
    if calcified {
        let chalky = chalk(draw, 420.0, 750.0);
        let seed = draw.bits();
        let flecks = mass.grown(-0.8).patchy(seed, draw.within(0.05, 0.25), 3.5);
        let bones = Shape::union(plan.body.scene.bones().to_vec()).grown(0.6);
        plan.body.scene.add(layer, flecks.without(&bones), chalky, Tag::Mineral(number));
    }
    plan
}

pub(super) fn rice_grains(thigh: Thigh, case: Sketch, draw: &mut Draw) -> Plan {
    let (mut plan, frame) = open_thigh(thigh, case);
    let wanted = draw.count(14, 40);
    let muscle = plan.body.bellies.muscle(&plan.body.fascia, plan.body.swell, 1.0);
    let mut taken: Vec<Point> = Vec::new();
    for _ in 0..20_000 {
        if taken.len() >= wanted {
            break;
        }
        let belly = draw.count(0, plan.body.bellies.len() - 1);
        let path = plan.body.bellies.path(belly);
        let (on_path, fibre) = path.at(draw.within(0.14, 0.86));
        let radius = path.radii.iter().copied().fold(0.0, f64::max);
        let off = scale(draw.in_ball(), radius * 0.9);
        let at = add(on_path, [off[0], off[1], 0.0]);
        let half = draw.within(2.2, 4.6);
        let direction = unit(along(fibre, 0.22, draw.in_ball()));
        let ends = [along(at, half, direction), along(at, -half, direction)];
        let inside = ends.iter().all(|end| muscle.at(*end) < -2.5 && frame.femur.outside(*end) > 4.0);
        if !inside || at[2].abs() > 80.0 || taken.iter().any(|other| distance(*other, at) < 13.0) {
            continue;
        }
        taken.push(at);
        let number = plan.lesion(
            LesionKind::Calcification,
            &["rice_grain", "intramuscular", "well_defined_margin"],
            Relation::Measured,
        );
        let thick = draw.within(1.2, 1.9);
        let grain = Shape::tube(&[ends[0], at, ends[1]], &[thick * 0.7, thick, thick * 0.7]);
        let material = chalk(draw, 600.0, 1150.0);
        plan.body.scene.mineral(number, grain, material);
    }
    plan
}

pub(super) fn parosteal(knee: Knee, case: Sketch, draw: &mut Draw) -> Plan {
    let Knee { body, femur, artery, .. } = knee;
    let mut plan = Plan::new(body, case);
    let z = draw.within(48.0, 60.0);
    // the back of the metaphysis, off the middle so that the vessels pass beside it
    let side = if draw.chance(0.5) { -1.0 } else { 1.0 };
    let direction = unit([side * draw.within(0.35, 0.8), 0.8, 0.0]);
    let mut base = [0.0, -4.0, z];
    while femur.at(base) < 0.0 {
        base = along(base, 0.5, direction);
    }
    let half = [draw.within(15.0, 22.0), draw.within(11.0, 16.0), draw.within(17.0, 26.0)];
    let centre = along(base, half[1] * 0.72, direction);
    let frame = Turn::about([0.0, 0.0, 1.0], -direction[0].atan2(direction[1]).to_degrees() * -1.0);
    let mut lobes = vec![Shape::ellipsoid(centre, half, frame)];
    for _ in 0..draw.count(2, 4) {
        let place = draw.in_ball();
        let at = add(centre, [0, 1, 2].map(|axis: usize| place[axis] * half[axis] * 0.7));
        lobes.push(Shape::sphere(along(at, 3.0, direction), draw.within(7.0, 11.0)));
    }
    let vessel = artery.clone();
    let beside_vessels = Shape::new(move |point| vessel.outside(point) - 3.0);
    let mass = Shape::blend(lobes, 5.0).rough(draw.bits(), 1.6, 8.0).without(&beside_vessels);
    let cleft = draw.chance(0.5);
    let mut findings = vec![
        "juxtacortical",
        "central_density",
        "homogeneous_dense",
        "soft_tissue_mass",
        "cloud_like_osteoid",
    ];
    let mineral = if cleft {
        findings.push("radiolucent_cleft");
        let stalk = Shape::rod(along(base, -14.0, direction), centre, 7.5, 9.0);
        let gap = draw.within(1.6, 2.6);
        mass.without(&femur.grown(gap).without(&stalk))
    } else {
        mass.clone()
    };
    let relation = Relation::Known(if cleft { "stalk_to_bone" } else { "broad_bone_attachment" });
    let number = plan.lesion(LesionKind::Tumour, &findings, relation);
    let soft = fibrous(draw);
    plan.body.scene.matrix(number, mass.grown(draw.within(2.0, 5.0)).without(&beside_vessels), soft);
    let periphery = chalk(draw, 330.0, 480.0);
    let heart = chalk(draw, 750.0, 1050.0);
    plan.body.scene.mineral(number, mineral.clone(), periphery);
    let core = mineral.grown(-3.0).and(&Shape::sphere(along(base, 3.0, direction), half[1] * 1.25));
    plan.body.scene.mineral(number, core, heart);
    plan
}

pub(super) fn artery_wall(thigh: Thigh, case: Sketch, draw: &mut Draw) -> Plan {
    let (mut plan, frame) = open_thigh(thigh, case);
    let number = plan.lesion(
        LesionKind::Vascular,
        &["tram_track", "intravascular", "linear_lamellar", "vessel_calcification"],
        Relation::Measured,
    );
    let pieces = draw.count(2, 4);
    let material = chalk(draw, 550.0, 950.0);
    for piece in 0..pieces {
        let room = 150.0 / pieces as f64;
        let low = -75.0 + piece as f64 * room + draw.within(0.0, 0.2) * room;
        let high = low + room * draw.within(0.45, 0.75);
        let artery = frame.artery.clone();
        let thick = draw.within(0.6, 1.3);
        let wall = Shape::new(move |point: Point| {
            let field = artery.outside(point);
            (field - 0.4).max(-field - thick).max(point[2] - high).max(low - point[2])
        })
        .patchy(draw.bits(), draw.within(-0.1, 0.25), 6.0);
        plan.body.scene.add(Layer::Vessel, wall, material, Tag::Mineral(number));
    }
    plan
}

pub(super) fn phleboliths(thigh: Thigh, case: Sketch, draw: &mut Draw) -> Plan {
    let (mut plan, frame) = open_thigh(thigh, case);
    plan.findings.push("soft_tissue_mass");
    let belly = draw.count(0, 3);
    let (centre, _) = plan.body.bellies.path(belly).at(draw.within(0.4, 0.6));
    let muscle = plan.body.bellies.muscle(&plan.body.fascia, plan.body.swell, 1.0);
    // tangled veins between fat
    let mut veins = Vec::new();
    for _ in 0..draw.count(4, 7) {
        let mut points = Vec::new();
        for step in 0..6 {
            let place = draw.in_ball();
            points.push(add(
                centre,
                [place[0] * 15.0, place[1] * 13.0, -32.0 + 13.0 * f64::from(step) + place[2] * 8.0],
            ));
        }
        let radius = draw.within(2.6, 5.0);
        veins.push(Path::smoothed(&points, &[radius; 6], 4));
    }
    let away = {
        let femur = frame.femur.clone();
        Shape::new(move |point| 4.0 - femur.outside(point))
    };
    let bed =
        Shape::ellipsoid(centre, [22.0, 20.0, 44.0], Turn::NONE).rough(draw.bits(), 2.0, 10.0).and(&away);
    let mixed = Material::new(-25.0, 45.0, 4.0);
    plan.body.scene.tissue(Layer::SoftTissueLesion, bed.and(&muscle), mixed);
    for vein in &veins {
        let lumen = vein.clone();
        let tube = Shape::new(move |point| lumen.outside(point)).and(&away);
        plan.body.scene.tissue(Layer::SoftTissueLesion, tube, crate::scene::BLOOD);
    }
    let wanted = draw.count(4, 10);
    let mut taken: Vec<Ball> = Vec::new();
    for _ in 0..2000 {
        if taken.len() >= wanted {
            break;
        }
        let vein = &veins[draw.count(0, veins.len() - 1)];
        let (at, _) = vein.at(draw.within(0.05, 0.95));
        let radius = draw.within(1.7, 4.0).min(vein.radii[0] * 0.95);
        let free = taken.iter().all(|other| distance(other.centre, at) > other.radius + radius + 3.0);
        if !free || frame.femur.outside(at) < radius + 5.0 || plan.body.fascia.at(at) > -radius - 2.0 {
            continue;
        }
        taken.push(Ball { centre: at, radius });
        let stone = Shape::sphere(at, radius);
        let material = chalk(draw, 600.0, 1000.0);
        let ring = radius > 2.6 && draw.chance(0.6);
        let findings: &[&'static str] = if ring {
            &["phlebolith_like", "intravascular", "peripheral_rim", "well_defined_margin"]
        } else {
            &["phlebolith_like", "intravascular", "well_defined_margin"]
        };
        let number = plan.lesion(LesionKind::Vascular, findings, Relation::Measured);
        if ring {
            plan.body.scene.matrix(number, stone.clone(), Material::new(95.0, 10.0, 2.0));
            plan.body.scene.mineral(number, stone.rind(radius * 0.5), material);
        } else {
            plan.body.scene.mineral(number, stone, material);
        }
    }
    plan
}
