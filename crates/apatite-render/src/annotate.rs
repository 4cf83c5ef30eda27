use apatite_volume::index_of;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::picture::Picture;
use crate::regions::{Region, Regions, colour_of};
use crate::vector::{Vector, dot};
use crate::view::View;

/// What is drawn into a picture.
#[derive(Clone, Debug, Default)]
pub struct Annotations<'a> {
    /// A bar of a round length, bottom right.
    pub scale_bar: bool,
    /// Letters at the four borders: R, L, A, P, H, F, where that side of the picture lies in the patient.
    pub orientation: bool,
    /// Lesions to draw in.
    pub lesions: Option<&'a Regions<'a>>,
    /// Draw lesions as they lie in depth (projections and surfaces), not as the plane cuts them.
    pub projected: bool,
    /// Thickness of the slab that is shown, mm: of a projected lesion only what lies within it is drawn.
    pub slab_mm: Option<f64>,
    /// Outlines of the lesions.
    pub outlines: bool,
    /// Numbers of the lesions.
    pub numbers: bool,
    /// Levels: a lesion, a point of the plane (LPS mm) and its normal. Drawn as a dashed line where the picture cuts them.
    pub levels: Vec<(u16, [f64; 3], [f64; 3])>,
    /// A line of text (ASCII), top left.
    pub text: Option<&'a str>,
}

const WHITE: [u8; 3] = [255, 255, 255];
const LEVEL: [u8; 3] = [0, 255, 255];

/// Draws into a picture that was made with the view.
pub fn annotate(picture: &mut Picture, view: &View, what: &Annotations) {
    let mut taken: Vec<Box2> = Vec::new();
    let font = Font::fitting(picture);
    if let Some(lesions) = what.lesions {
        let mut marks = Vec::new();
        for region in lesions.list() {
            let mask = if what.projected {
                projected(view, lesions, region, what.slab_mm)
            } else {
                cut(view, lesions, region)
            };
            let Some(mask) = mask else { continue };
            if what.outlines {
                mask.outline(picture, colour_of(region.label), if font.height() > 16 { 2 } else { 1 });
            }
            marks.push((region.label, mask));
        }
        for (label, point, normal) in &what.levels {
            if let Some((_, mask)) = marks.iter().find(|(other, _)| other == label) {
                level(picture, view, mask, *point, *normal);
            }
        }
        border(picture, view, what, font, &mut taken);
        if what.numbers {
            for (label, mask) in &marks {
                number(picture, *label, mask, font, &mut taken);
            }
        }
    } else {
        border(picture, view, what, font, &mut taken);
    }
}

/// What stands along the borders.
fn border(picture: &mut Picture, view: &View, what: &Annotations, font: Font, taken: &mut Vec<Box2>) {
    let [columns, rows] = picture.size.map(|side| side as i64);
    let margin = 4;
    if what.orientation {
        let opposite = |direction: Vector| direction.map(|value| -value);
        let (right, down) = (view.plane.right, view.plane.down);
        let (width, height) = (font.width(2), font.height());
        for (direction, column, row) in [
            (opposite(right), margin, (rows - height) / 2),
            (right, columns - margin - width, (rows - height) / 2),
            (opposite(down), (columns - width) / 2, margin),
            (down, (columns - width) / 2, rows - margin - height),
        ] {
            let letters = letters(direction);
            let shift = if column > columns / 2 { width - font.width(letters.len()) } else { 0 };
            taken.push(font.write(picture, column + shift, row, &letters, WHITE));
        }
    }
    if let Some(text) = what.text {
        taken.push(font.write(picture, margin, margin, text, WHITE));
    }
    if what.scale_bar {
        scale_bar(picture, view, font, taken);
    }
}

/// The side of the patient a direction points to: the strongest letter, and the next where it is oblique.
fn letters(direction: Vector) -> String {
    const LETTERS: [[char; 2]; 3] = [['R', 'L'], ['A', 'P'], ['F', 'H']];
    // beyond 22.5 degrees between two axes both are told
    const OBLIQUE: f64 = 0.3827;
    let mut axes = [0, 1, 2];
    axes.sort_by(|&a, &b| direction[b].abs().total_cmp(&direction[a].abs()));
    axes.into_iter()
        .enumerate()
        .filter(|&(rank, axis)| rank == 0 || (rank == 1 && direction[axis].abs() > OBLIQUE))
        .map(|(_, axis)| LETTERS[axis][usize::from(direction[axis] > 0.0)])
        .collect()
}

/// Length and label of a bar of about a quarter of the width: 1, 2 or 5 of a power of ten.
fn round_length(width_mm: f64) -> (f64, String) {
    let power = 10.0_f64.powf((width_mm / 4.0).max(1e-6).log10().floor());
    let length =
        [5.0, 2.0, 1.0].into_iter().map(|factor| factor * power).find(|&length| length <= width_mm / 4.0);
    let length = length.unwrap_or(power);
    let label = if length >= 10.0 { format!("{} cm", length / 10.0) } else { format!("{length} mm") };
    (length, label)
}

fn scale_bar(picture: &mut Picture, view: &View, font: Font, taken: &mut Vec<Box2>) {
    let [columns, rows] = picture.size.map(|side| side as i64);
    let (length_mm, label) = round_length(columns as f64 * view.pixel_mm);
    let length = (length_mm / view.pixel_mm).round() as i64;
    let (right, bottom) = (columns - 10, rows - 8);
    let left = right - length;
    for column in left - 1..=right + 1 {
        for row in bottom - 6..=bottom + 1 {
            let end = column <= left + 1 || column >= right - 1;
            let on = (left..=right).contains(&column)
                && (row > bottom - 2 || end)
                && row <= bottom
                && row >= bottom - 5;
            picture.mix(column, row, if on { WHITE } else { [0; 3] }, if on { 1.0 } else { 0.35 });
        }
    }
    let text_left = (left + right - font.width(label.len())) / 2;
    let text_left = text_left.min(columns - 2 - font.width(label.len()));
    taken.push([left, bottom - 6, right, bottom]);
    taken.push(font.write(picture, text_left, bottom - 7 - font.height(), &label, WHITE));
}

/// Left, top, right, bottom, pixels.
type Box2 = [i64; 4];

/// Which pixels a lesion covers, within a box.
struct Mask {
    left: i64,
    top: i64,
    width: usize,
    covered: Vec<bool>,
}

impl Mask {
    fn at(&self, column: i64, row: i64) -> bool {
        let (x, y) = (column - self.left, row - self.top);
        x >= 0
            && y >= 0
            && (x as usize) < self.width
            && self.covered.get(y as usize * self.width + x as usize).copied().unwrap_or(false)
    }

    fn height(&self) -> usize {
        self.covered.len() / self.width
    }

    /// Pixels beside the covered ones, so that the line hides nothing of the lesion.
    fn outline(&self, picture: &mut Picture, colour: [u8; 3], thick: i64) {
        for row in self.top - thick..self.top + self.height() as i64 + thick {
            for column in self.left - thick..self.left + self.width as i64 + thick {
                let near = (1..=thick).any(|by| {
                    self.at(column - by, row)
                        || self.at(column + by, row)
                        || self.at(column, row - by)
                        || self.at(column, row + by)
                });
                if !self.at(column, row) && near {
                    picture.mix(column, row, colour, 1.0);
                }
            }
        }
    }

    /// Left, top, right, bottom of what is covered.
    fn bounds(&self) -> Option<Box2> {
        let mut bounds: Option<Box2> = None;
        for (at, _) in self.covered.iter().enumerate().filter(|(_, covered)| **covered) {
            let (column, row) = (self.left + (at % self.width) as i64, self.top + (at / self.width) as i64);
            let [left, top, right, bottom] = bounds.unwrap_or([column, row, column, row]);
            bounds = Some([left.min(column), top.min(row), right.max(column), bottom.max(row)]);
        }
        bounds
    }
}

/// The part of the picture that a region can reach; none where it lies beside.
fn reach(view: &View, lesions: &Regions, region: &Region) -> Option<(Mask, [f64; 2])> {
    let geometry = &lesions.labels.geometry;
    let mut bounds = [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]];
    for corner in 0..8_usize {
        let voxel: Vector = std::array::from_fn(|axis| {
            let side = corner >> axis & 1;
            region.voxel_box[side][axis] as f64 + [-1.0, 1.0][side]
        });
        let ([column, row], depth) = view.pixel(geometry.patient_from_voxel(voxel));
        for (axis, value) in [column, row, depth].into_iter().enumerate() {
            bounds[0][axis] = bounds[0][axis].min(value);
            bounds[1][axis] = bounds[1][axis].max(value);
        }
    }
    let range = |side: usize| {
        let low = bounds[0][side].floor().max(0.0);
        let high = bounds[1][side].ceil().min(view.size[side] as f64 - 1.0);
        (low <= high).then_some((low as i64, high as i64))
    };
    let ((left, right), (top, bottom)) = (range(0)?, range(1)?);
    let width = (right - left + 1) as usize;
    let covered = vec![false; width * (bottom - top + 1) as usize];
    Some((Mask { left, top, width, covered }, [bounds[0][2], bounds[1][2]]))
}

/// The region as the plane cuts it: where it has more than half of the weight between voxels.
fn cut(view: &View, lesions: &Regions, region: &Region) -> Option<Mask> {
    let (mut mask, [near, far]) = reach(view, lesions, region)?;
    if near > 0.0 || far < 0.0 {
        return None;
    }
    let labels = lesions.labels;
    let label = |at: [i64; 3]| {
        let inside = (0..3).all(|axis| at[axis] >= 0 && at[axis] < labels.size[axis] as i64);
        inside && labels.values[index_of(labels.size, at.map(|value| value as usize))] == region.label
    };
    for at in 0..mask.covered.len() {
        let pixel = [mask.left as f64 + (at % mask.width) as f64, mask.top as f64 + (at / mask.width) as f64];
        let voxel = labels.geometry.voxel_from_patient(view.point_mm(pixel));
        let floor = voxel.map(f64::floor);
        let weight: f64 = (0..8_usize)
            .map(|corner| {
                let place = std::array::from_fn(|axis| floor[axis] as i64 + (corner >> axis & 1) as i64);
                let weight = (0..3).fold(1.0, |weight, axis| {
                    let part = voxel[axis] - floor[axis];
                    weight * if corner >> axis & 1 == 1 { part } else { 1.0 - part }
                });
                if weight > 0.0 && label(place) { weight } else { 0.0 }
            })
            .sum();
        mask.covered[at] = weight >= 0.5;
    }
    mask.covered.contains(&true).then_some(mask)
}

/// The region as it lies in depth: the shadow of its voxels.
fn projected(view: &View, lesions: &Regions, region: &Region, slab_mm: Option<f64>) -> Option<Mask> {
    let (mut mask, _) = reach(view, lesions, region)?;
    let geometry = &lesions.labels.geometry;
    // half a voxel to each side, seen along the direction of view
    let half = |direction: Vector| {
        geometry.steps_mm.iter().map(|&step| dot(step, direction).abs()).sum::<f64>() / 2.0 / view.pixel_mm
    };
    let half = [half(view.plane.right), half(view.plane.down)];
    for point in region.points(geometry) {
        let (pixel, depth) = view.pixel(point);
        if slab_mm.is_some_and(|slab| depth.abs() > slab.abs() / 2.0) {
            continue;
        }
        let range = |side: usize, start: i64, count: usize| {
            let low = (pixel[side] - half[side]).round() as i64 - start;
            let high = (pixel[side] + half[side]).round() as i64 - start;
            low.max(0)..(high + 1).min(count as i64).max(0)
        };
        for row in range(1, mask.top, mask.height()) {
            for column in range(0, mask.left, mask.width) {
                mask.covered[row as usize * mask.width + column as usize] = true;
            }
        }
    }
    mask.covered.contains(&true).then_some(mask)
}

/// A dashed line where the picture cuts the plane of a level, a little beyond the lesion to both sides.
fn level(picture: &mut Picture, view: &View, mask: &Mask, point: Vector, normal: Vector) {
    let Some([left, top, right, bottom]) = mask.bounds() else { return };
    let height = |pixel: [f64; 2]| {
        let at = view.point_mm(pixel);
        (0..3).map(|axis| (at[axis] - point[axis]) * normal[axis]).sum::<f64>() / view.pixel_mm
    };
    let slope = [dot(view.plane.right, normal), dot(view.plane.down, normal)];
    let steep = slope[0].hypot(slope[1]);
    if steep < 0.2 {
        // the picture lies in the level and not across it
        return;
    }
    let beyond = ((right - left).max(bottom - top) / 8).max(6);
    for row in top - beyond..=bottom + beyond {
        for column in left - beyond..=right + beyond {
            let distance = height([column as f64, row as f64]).abs() / steep;
            // position along the line, for the dashes
            let along = (column as f64 * slope[1] - row as f64 * slope[0]) / steep;
            if distance <= 0.75 && along.rem_euclid(9.0) < 5.0 {
                picture.mix(column, row, LEVEL, 1.0);
            }
        }
    }
}

/// The number of a lesion at the first free corner of it; without a free corner none is written.
fn number(picture: &mut Picture, label: u16, mask: &Mask, font: Font, taken: &mut Vec<Box2>) {
    let Some([left, top, right, bottom]) = mask.bounds() else { return };
    let text = label.to_string();
    let (width, height) = (font.width(text.len()), font.height());
    let places = [
        (right + 3, top - height),
        (left - width - 3, top - height),
        (right + 3, bottom),
        (left - width - 3, bottom),
        (right + 4, (top + bottom - height) / 2),
        (left - width - 4, (top + bottom - height) / 2),
    ];
    let free = places.into_iter().find(|&(x, y)| {
        let inside =
            x >= 0 && y >= 0 && x + width <= picture.size[0] as i64 && y + height <= picture.size[1] as i64;
        inside && !taken.iter().any(|&[l, t, r, b]| x < r && l < x + width && y < b && t < y + height)
    });
    if let Some((x, y)) = free {
        taken.push(font.write(picture, x, y, &text, colour_of(label)));
    }
}

#[derive(Clone, Copy)]
struct Font(RasterHeight);

impl Font {
    fn fitting(picture: &Picture) -> Self {
        Self(if picture.size[0].min(picture.size[1]) >= 640 {
            RasterHeight::Size24
        } else {
            RasterHeight::Size16
        })
    }

    fn height(self) -> i64 {
        self.0.val() as i64
    }

    fn width(self, letters: usize) -> i64 {
        (get_raster_width(FontWeight::Regular, self.0) * letters) as i64
    }

    /// Writes with a dark edge, legible on white and on black; returns the box written to.
    fn write(self, picture: &mut Picture, left: i64, top: i64, text: &str, colour: [u8; 3]) -> Box2 {
        for edge in [true, false] {
            for (number, letter) in text.chars().enumerate() {
                let letter = get_raster(letter, FontWeight::Regular, self.0)
                    .or_else(|| get_raster('?', FontWeight::Regular, self.0));
                let Some(letter) = letter else { continue };
                let start = left + self.width(number);
                for (y, line) in letter.rows().enumerate() {
                    for (x, &ink) in line.iter().enumerate().filter(|(_, ink)| **ink > 0) {
                        let (column, row, share) = (start + x as i64, top + y as i64, f32::from(ink) / 255.0);
                        if edge {
                            for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
                                picture.mix(column + dx, row + dy, [0; 3], share * 0.8);
                            }
                        } else {
                            picture.mix(column, row, colour, share);
                        }
                    }
                }
            }
        }
        [left, top, left + self.width(text.chars().count()), top + self.height()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_are_named_by_the_side_of_the_patient() {
        for (direction, expected) in [
            ([1.0, 0.0, 0.0], "L"),
            ([-1.0, 0.0, 0.0], "R"),
            ([0.0, -1.0, 0.0], "A"),
            ([0.0, 0.0, 1.0], "H"),
            ([0.0, 0.1, -0.99], "F"),
            ([-0.6, 0.8, 0.0], "PR"),
        ] {
            assert_eq!(letters(direction), expected, "{direction:?}");
        }
    }

    #[test]
    fn bars_have_round_lengths() {
        for (width, expected) in [(500.0, "10 cm"), (199.0, "2 cm"), (30.0, "5 mm"), (3.0, "0.5 mm")] {
            assert_eq!(round_length(width).1, expected, "{width}");
        }
    }
}
