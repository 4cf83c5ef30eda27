/*!
Masks made elsewhere, brought onto the grid of a series: NIfTI labels and DICOM SEG (binary, fractional, label map;
PS3.3 A.51).
*/

use std::path::Path;

use apatite_volume::{Geometry, Labels, index_of};
use dicom_dictionary_std::tags;
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::entry::Entry;
use crate::header::{self, Plane, dot};
use crate::pixel::{Frames, PixelFormat};
use crate::stack::{SAME_PLACE_MM, axes, height};
use crate::{ReadError, Warning, nifti};

/// A mask on the grid of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// The labels: those of the NIfTI file, or SegmentNumber.
    pub labels: Labels,
    /// SegmentLabel by SegmentNumber, ascending; empty for NIfTI.
    pub names: Vec<(u16, String)>,
}

/// Reads a mask and brings it onto a grid by nearest neighbour.
///
/// The mask must lie in the patient coordinates of the series; planes that a DICOM SEG leaves out are background.
///
/// # Errors
///
/// Where the file is neither NIfTI nor DICOM SEG, is damaged, or does not touch the grid.
pub fn read_mask(path: &Path, grid: &Geometry, size: [usize; 3]) -> Result<(Mask, Vec<Warning>), ReadError> {
    let name = path.display().to_string();
    let entry = Entry::file(path);
    let io = |source| ReadError::Io { path: path.to_path_buf(), source };
    let (head, _) = entry.head(1024).map_err(io)?;
    let entry = if head.starts_with(&[0x1f, 0x8b]) { entry.gunzipped() } else { entry };
    let (head, _) = entry.head(1024).map_err(io)?;
    let problem = |problem: String| ReadError::File { file: name.clone(), problem };
    if nifti::is_nifti(&head) {
        let header = nifti::Header::parse(&head).map_err(problem)?;
        let labels = nifti::read_labels(&entry, &header)?;
        return onto(&labels, grid, size, nifti::warnings(&header)).ok_or_else(|| problem(OUTSIDE.into()));
    }
    let segmentation = Segmentation::read(&entry).map_err(problem)?;
    segmentation.onto(grid, size).map_err(problem)
}

const OUTSIDE: &str =
    "the mask lies wholly outside the series: it belongs to another study or another frame of reference";

/// Part of a voxel within which two grids count as the same.
const SAME_VOXEL: f64 = 0.05;

/// Coordinates of a source as an affine function of target voxels.
struct Affine {
    base: [f64; 3],
    steps: [[f64; 3]; 3],
}

impl Affine {
    fn row(&self, row: usize, slice: usize) -> [f64; 3] {
        std::array::from_fn(|axis| {
            self.base[axis] + self.steps[1][axis] * row as f64 + self.steps[2][axis] * slice as f64
        })
    }

    fn at(&self, start: [f64; 3], column: usize) -> [f64; 3] {
        std::array::from_fn(|axis| start[axis] + self.steps[0][axis] * column as f64)
    }

    /// Whether voxels fall on voxels.
    fn whole(&self) -> bool {
        let near = |value: f64| (value - value.round()).abs() < SAME_VOXEL;
        let thin = |value: f64| (value - value.round()).abs() < 1e-4;
        self.base.iter().all(|&value| near(value)) && self.steps.iter().flatten().all(|&value| thin(value))
    }
}

/// Rows of the inverse of the matrix whose columns are `steps`.
fn inverse(steps: &[[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let cofactors = [
        header::cross(steps[1], steps[2]),
        header::cross(steps[2], steps[0]),
        header::cross(steps[0], steps[1]),
    ];
    let determinant = dot(steps[0], cofactors[0]);
    (determinant.abs() > 1e-12).then(|| cofactors.map(|row| row.map(|value| value / determinant)))
}

/// Labels on another grid.
fn onto(
    labels: &Labels,
    grid: &Geometry,
    size: [usize; 3],
    mut warnings: Vec<Warning>,
) -> Option<(Mask, Vec<Warning>)> {
    let rows = inverse(&labels.geometry.steps_mm)?;
    let offset = std::array::from_fn(|axis| grid.origin_mm[axis] - labels.geometry.origin_mm[axis]);
    let affine = Affine {
        base: rows.map(|row| dot(row, offset)),
        steps: grid.steps_mm.map(|step| rows.map(|row| dot(row, step))),
    };
    if !affine.whole() {
        warnings.push(Warning::MaskResampled);
    }
    let mut values = vec![0u16; size.iter().product()];
    let inside: u64 = values
        .par_chunks_mut((size[0] * size[1]).max(1))
        .enumerate()
        .map(|(slice, out)| {
            let mut inside = 0;
            for (row, line) in out.chunks_exact_mut(size[0]).enumerate() {
                let start = affine.row(row, slice);
                for (column, value) in line.iter_mut().enumerate() {
                    let [x, y, z] = affine.at(start, column).map(f64::round);
                    let within = |place: f64, length: usize| place >= 0.0 && place < length as f64;
                    if within(x, labels.size[0]) && within(y, labels.size[1]) && within(z, labels.size[2]) {
                        *value = labels.values[index_of(labels.size, [x, y, z].map(|at| at as usize))];
                        inside += 1;
                    }
                }
            }
            inside
        })
        .sum();
    if inside == 0 {
        return None;
    }
    let percent = 100.0 * inside as f64 / values.len() as f64;
    if percent < 99.0 {
        warnings.push(Warning::MaskPartial { percent });
    }
    Some((Mask { labels: Labels { size, values, geometry: *grid }, names: Vec::new() }, warnings))
}

/// A DICOM SEG in memory: its planes in ascending height.
struct Segmentation {
    columns: usize,
    rows: usize,
    planes: Vec<(Plane, Vec<u16>)>,
    /// Half the thickness of a plane, mm.
    reach_mm: f64,
    names: Vec<(u16, String)>,
    overlapping: u64,
}

impl Segmentation {
    fn read(entry: &Entry) -> Result<Self, String> {
        let open = header::open(entry).map_err(|reason| format!("neither NIfTI nor DICOM SEG: {reason}"))?;
        let dataset = Dataset::parse(&open.bytes, open.start, open.bytes.len(), open.encoding);
        if dataset.text(tags::MODALITY) != "SEG" {
            return Err(format!("a mask is NIfTI or DICOM SEG, this is {}", dataset.text(tags::MODALITY)));
        }
        let format = PixelFormat::of(&dataset)?;
        let kind = dataset.text(tags::SEGMENTATION_TYPE);
        // of a fractional mask, half counts as inside
        let half = match kind.as_str() {
            "BINARY" | "LABELMAP" => 1,
            "FRACTIONAL" => dataset.short(tags::MAXIMUM_FRACTIONAL_VALUE).unwrap_or(255).div_ceil(2).max(1),
            other => return Err(format!("SegmentationType '{other}' is not supported")),
        };
        let names = dataset
            .items(tags::SEGMENT_SEQUENCE)
            .iter()
            .filter_map(|item| Some((item.short(tags::SEGMENT_NUMBER)?, item.text(tags::SEGMENT_LABEL))))
            .collect();
        let planned = header::segment_frames(&dataset, format.frames);
        let frames = Frames::of(&open, &format)?;
        let mut placed: Vec<(Plane, u16, usize)> = Vec::new();
        for (number, (plane, segment)) in planned.iter().enumerate() {
            let plane = plane.ok_or_else(|| format!("frame {} has no position", number + 1))?;
            if kind != "LABELMAP" && segment.is_none() {
                return Err(format!("frame {} names no segment", number + 1));
            }
            placed.push((plane, segment.unwrap_or(0), number));
        }
        let first = placed.first().ok_or("no frames")?.0;
        let across = axes(&first);
        if placed.iter().any(|(plane, ..)| dot(axes(plane)[2], across[2]) < 0.999) {
            return Err("frames are not parallel".into());
        }
        // segments ascend within a plane, so that the highest number wins
        placed.sort_by(|one, two| {
            height(&across, &one.0)
                .total_cmp(&height(&across, &two.0))
                .then((one.1, one.2).cmp(&(two.1, two.2)))
        });
        let mut planes: Vec<(Plane, Vec<u16>)> = Vec::new();
        let mut overlapping = 0;
        for (plane, segment, number) in placed {
            let samples = frames
                .decode(&open.syntax, &format, number)
                .map_err(|problem| format!("frame {}: {problem}", number + 1))?;
            let same = planes.last().is_some_and(|(last, _)| {
                (height(&across, last) - height(&across, &plane)).abs() < SAME_PLACE_MM
            });
            if !same {
                planes.push((plane, vec![0; format.pixels()]));
            }
            if let Some((_, labels)) = planes.last_mut() {
                for (label, &sample) in labels.iter_mut().zip(&samples) {
                    let value = if kind == "LABELMAP" {
                        sample
                    } else if sample >= half {
                        segment
                    } else {
                        0
                    };
                    if value != 0 {
                        overlapping += u64::from(*label != 0);
                        *label = value;
                    }
                }
            }
        }
        let gap = planes
            .windows(2)
            .map(|pair| height(&across, &pair[1].0) - height(&across, &pair[0].0))
            .reduce(f64::min);
        let stated = header::plane_distance(&dataset);
        let reach_mm = stated.or(gap).unwrap_or(1.0) / 2.0;
        Ok(Self { columns: format.columns, rows: format.rows, planes, reach_mm, names, overlapping })
    }

    fn onto(&self, grid: &Geometry, size: [usize; 3]) -> Result<(Mask, Vec<Warning>), String> {
        let mut warnings = Vec::new();
        if self.overlapping > 0 {
            warnings.push(Warning::OverlappingSegments { voxels: self.overlapping });
        }
        let first = self.planes.first().ok_or("no frames")?.0;
        let across = axes(&first);
        let scaled = [
            across[0].map(|value| value / first.spacing_mm[0]),
            across[1].map(|value| value / first.spacing_mm[1]),
            across[2],
        ];
        let offset = std::array::from_fn(|axis| grid.origin_mm[axis] - first.position_mm[axis]);
        // columns, rows, and height in mm above the first plane
        let affine = Affine {
            base: scaled.map(|row| dot(row, offset)),
            steps: grid.steps_mm.map(|step| scaled.map(|row| dot(row, step))),
        };
        let flat = Affine {
            base: [affine.base[0], affine.base[1], 0.0],
            steps: affine.steps.map(|step| [step[0], step[1], 0.0]),
        };
        let heights: Vec<f64> =
            self.planes.iter().map(|(plane, _)| height(&across, plane) - height(&across, &first)).collect();
        let shifts: Vec<[f64; 2]> = self
            .planes
            .iter()
            .map(|(plane, _)| {
                let aside = std::array::from_fn(|axis| plane.position_mm[axis] - first.position_mm[axis]);
                [dot(scaled[0], aside), dot(scaled[1], aside)]
            })
            .collect();
        let nearest = |height: f64| {
            let above = heights.partition_point(|&other| other < height);
            let closer = |index: usize| heights.get(index).map(|other| ((other - height).abs(), index));
            let candidates = [above.checked_sub(1).and_then(closer), closer(above)];
            let found = candidates.into_iter().flatten().min_by(|one, two| one.0.total_cmp(&two.0));
            found.filter(|(distance, _)| *distance <= self.reach_mm + 1e-3).map(|(_, index)| index)
        };
        let mut values = vec![0u16; size.iter().product()];
        let inside: u64 = values
            .par_chunks_mut((size[0] * size[1]).max(1))
            .enumerate()
            .map(|(slice, out)| {
                let mut inside = 0;
                for (row, line) in out.chunks_exact_mut(size[0]).enumerate() {
                    let start = affine.row(row, slice);
                    // along a row of a parallel grid the plane stays the same
                    let level = affine.steps[0][2].abs() * size[0] as f64 <= 1e-3 * self.reach_mm;
                    let of_row = nearest(start[2]);
                    if level && of_row.is_none() {
                        continue;
                    }
                    for (column, value) in line.iter_mut().enumerate() {
                        let [x, y, h] = affine.at(start, column);
                        let Some(plane) = (if level { of_row } else { nearest(h) }) else { continue };
                        let (x, y) = ((x - shifts[plane][0]).round(), (y - shifts[plane][1]).round());
                        if x >= 0.0 && y >= 0.0 && x < self.columns as f64 && y < self.rows as f64 {
                            *value = self.planes[plane].1[y as usize * self.columns + x as usize];
                            inside += 1;
                        }
                    }
                }
                inside
            })
            .sum();
        if inside == 0 {
            return Err(OUTSIDE.into());
        }
        if !flat.whole() {
            warnings.push(Warning::MaskResampled);
        }
        let labels = Labels { size, values, geometry: *grid };
        Ok((Mask { labels, names: self.names.clone() }, warnings))
    }
}
