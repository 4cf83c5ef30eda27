/*!
One series and how it is loaded.
*/

use std::path::Path;
use std::sync::{Arc, OnceLock};

use apatite_volume::{Acquisition, Geometry, Volume};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::entry::Entry;
use crate::header::{self, ImageFile, Plane};
use crate::nifti::{self, MAX_VOXELS};
use crate::pixel::{Frames, PixelFormat, Scale, decode};
use crate::stack::Plan;
use crate::syntax::Codec;
use crate::{ReadError, Warning};

/// A series of images, or one volume of a series that holds several.
#[derive(Clone, Debug)]
pub struct Series {
    /// SeriesInstanceUID; empty for NIfTI and where a file has none.
    pub uid: String,
    /// StudyInstanceUID.
    pub study_uid: String,
    /// FrameOfReferenceUID: volumes that share it lie in the same space.
    pub frame_of_reference: String,
    /// SeriesNumber.
    pub number: Option<i64>,
    /// Which volume of the series, and how many it holds; from 1.
    pub part: Option<(usize, usize)>,
    /// SeriesDescription; of NIfTI the file's name.
    pub description: String,
    /// Modality, `CT` for one; empty for NIfTI, whose header does not say.
    pub modality: String,
    /// ImageType, as written.
    pub image_type: String,
    /// StudyDate, YYYYMMDD.
    pub study_date: String,
    /// BodyPartExamined, or the anatomic region of enhanced objects.
    pub body_part: String,
    /// ConvolutionKernel.
    pub kernel: String,
    /// PatientPosition.
    pub patient_position: String,
    /// KVP.
    pub tube_voltage_kv: Option<f64>,
    /// SliceThickness, mm.
    pub slice_thickness_mm: Option<f64>,
    /// Whether contrast was given, as far as the header tells.
    pub contrast: Option<bool>,
    /// Number of images or frames.
    pub slices: usize,
    /// Columns and rows.
    pub size: [usize; 2],
    /// Distances between columns, rows and slices of the volume it makes, mm.
    pub spacing_mm: Option<[f64; 3]>,
    /// Whether [`Series::load`] makes a volume of it.
    pub is_volume: bool,
    /// Whether its values are likely labels (NIfTI of bytes).
    pub is_mask: bool,
    /// What was seen while it was put together.
    pub warnings: Vec<Warning>,
    content: Content,
}

/// One picture with its samples as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Number of columns.
    pub columns: usize,
    /// Number of rows.
    pub rows: usize,
    /// 1 for grey, 3 for colour.
    pub samples_per_pixel: usize,
    /// BitsStored.
    pub bits_stored: u32,
    /// Whether samples are two's complement.
    pub signed: bool,
    /// PhotometricInterpretation: MONOCHROME1 shows low values bright.
    pub photometric: String,
    /// Samples, interleaved by pixel, the bits as stored.
    pub samples: Vec<u16>,
}

impl Picture {
    fn of(format: &PixelFormat, samples: Vec<u16>) -> Self {
        Self {
            columns: format.columns,
            rows: format.rows,
            samples_per_pixel: format.samples_per_pixel,
            bits_stored: format.bits_stored,
            signed: format.signed,
            photometric: format.photometric.clone(),
            samples,
        }
    }
}

/// Decodes the frames of one DICOM file of whatever kind, in their order, with their samples as stored.
///
/// Of lossy files it gives what the codec gives; colours are not converted.
///
/// # Errors
///
/// Where the file holds no pixels of 1, 8 or 16 bit a sample, or one of its frames cannot be decoded.
pub fn read_pictures(path: &Path) -> Result<Vec<Picture>, ReadError> {
    let file = path.display().to_string();
    let problem = |problem: String| ReadError::File { file: file.clone(), problem };
    let open = header::open(&Entry::file(path)).map_err(|reason| problem(reason.to_string()))?;
    let format = {
        let dataset = Dataset::parse(&open.bytes, open.start, open.bytes.len(), open.encoding);
        PixelFormat::of(&dataset).map_err(problem)?
    };
    let frames = Frames::of(&open, &format).map_err(problem)?;
    (0..format.frames)
        .into_par_iter()
        .map(|frame| {
            let samples = frames.decode(&open.syntax, &format, frame);
            samples.map(|samples| Picture::of(&format, samples)).map_err(|problem| ReadError::Pixels {
                file: file.clone(),
                frame: frame + 1,
                problem,
            })
        })
        .collect()
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Slices in ascending height.
    Stack(Vec<SliceRef>),
    Pictures(Vec<SliceRef>),
    Nifti {
        entry: Entry,
        header: Arc<nifti::Header>,
        volume: usize,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct SliceRef {
    pub(crate) file: Arc<ImageFile>,
    pub(crate) frame: usize,
    pub(crate) plane: Option<Plane>,
}

impl SliceRef {
    /// Order of slices at the same place.
    pub(crate) fn order(&self) -> (i64, String, usize) {
        (self.file.info.instance_number, self.file.entry.name(), self.frame)
    }
}

/// Slices decoded between two reports of progress, for each thread.
const BATCH: usize = 16;

/// Value that fills what lies outside a NIfTI volume or has no number.
const NOTHING: i16 = -3024;

impl Series {
    /// Reads the pixels: HU for CT, as rescaled for others, in 16 bit with rounding and clamping.
    ///
    /// `progress` is called with slices done and slices in all. Slices that cannot be decoded count as missing; the
    /// warnings name them. Columns and rows are those of the images; slices ascend along the cross product of row and
    /// column direction, so the axes are right-handed.
    ///
    /// # Errors
    ///
    /// Where the series is no volume, its slices make no regular grid, or too few of them can be decoded.
    pub fn load(&self, progress: &dyn Fn(usize, usize)) -> Result<(Volume, Vec<Warning>), ReadError> {
        match &self.content {
            Content::Stack(slices) => self.load_stack(slices, progress),
            Content::Nifti { entry, header, volume } => self.load_nifti(entry, header, *volume, progress),
            Content::Pictures(_) => Err(ReadError::NoVolume { known: self.name() }),
        }
    }

    /// Decodes one image (from 0) with its samples as stored, neither rescaled nor converted to RGB.
    ///
    /// # Errors
    ///
    /// Where there is no such image or it cannot be decoded.
    pub fn picture(&self, index: usize) -> Result<Picture, ReadError> {
        let (Content::Stack(slices) | Content::Pictures(slices)) = &self.content else {
            return Err(self.geometry("NIfTI has no single pictures: load the volume".into()));
        };
        let slice = slices.get(index).ok_or_else(|| self.geometry(format!("no image {}", index + 1)))?;
        let problem = |problem: String| ReadError::Pixels {
            file: slice.file.entry.name(),
            frame: slice.frame + 1,
            problem,
        };
        let samples = Frames::read(&slice.file)
            .and_then(|frames| frames.decode(&slice.file.syntax, &slice.file.format, slice.frame))
            .map_err(problem)?;
        Ok(Picture::of(&slice.file.format, samples))
    }

    /// A line that names the series.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = match (self.number, self.uid.as_str()) {
            (Some(number), _) => format!("{number}"),
            (None, "") => "-".to_owned(),
            (None, uid) => uid.to_owned(),
        };
        if let Some((part, parts)) = self.part {
            name += &format!(" part {part}/{parts}");
        }
        let modality = if self.modality.is_empty() { "volume" } else { &self.modality };
        name += &format!(
            " {modality} '{}' {} image(s) of {}x{}",
            self.description, self.slices, self.size[0], self.size[1]
        );
        if let Some([_, _, mm]) = self.spacing_mm {
            name += &format!(", {mm:.2} mm");
        }
        if !self.kernel.is_empty() {
            name += &format!(", {}", self.kernel);
        }
        name
    }

    /// Whether ImageType says that the images were computed from others: reformats, projections.
    #[must_use]
    pub fn is_derived(&self) -> bool {
        let mut kinds = self.image_type.split('\\').map(str::trim);
        kinds.any(|kind| {
            matches!(
                kind,
                "DERIVED"
                    | "MPR"
                    | "REFORMATTED"
                    | "PROJECTION IMAGE"
                    | "MIP"
                    | "MAX_IP"
                    | "AVERAGE"
                    | "CSA MPR"
            )
        })
    }

    pub(crate) fn of(content: Content, part: Option<(usize, usize)>, warnings: Vec<Warning>) -> Self {
        let mut series = Self {
            uid: String::new(),
            study_uid: String::new(),
            frame_of_reference: String::new(),
            number: None,
            part,
            description: String::new(),
            modality: String::new(),
            image_type: String::new(),
            study_date: String::new(),
            body_part: String::new(),
            kernel: String::new(),
            patient_position: String::new(),
            tube_voltage_kv: None,
            slice_thickness_mm: None,
            contrast: None,
            slices: 0,
            size: [0; 2],
            spacing_mm: None,
            is_volume: false,
            is_mask: false,
            warnings,
            content,
        };
        match &series.content {
            Content::Stack(slices) | Content::Pictures(slices) => {
                let slices = slices.clone();
                series.describe(&slices);
            }
            Content::Nifti { entry, header, .. } => {
                let name = entry.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
                series.description = name.trim_end_matches(".gz").trim_end_matches(".nii").to_owned();
                series.slices = header.size[2];
                series.size = [header.size[0], header.size[1]];
                series.spacing_mm = Some(header.geometry().spacing_mm());
                series.is_volume = true;
                series.is_mask = header.is_mask();
            }
        }
        series
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// Order in a study.
    pub(crate) fn rank(&self) -> (i64, String, String, Option<(usize, usize)>) {
        (self.number.unwrap_or(i64::MAX), self.uid.clone(), self.description.clone(), self.part)
    }

    fn describe(&mut self, slices: &[SliceRef]) {
        let Some(first) = slices.first() else { return };
        let info = &first.file.info;
        self.uid.clone_from(&info.series_uid);
        self.study_uid.clone_from(&info.study_uid);
        self.frame_of_reference.clone_from(&info.frame_of_reference);
        self.number = info.series_number;
        self.description.clone_from(&info.description);
        self.modality.clone_from(&info.modality);
        self.image_type.clone_from(&info.image_type);
        self.study_date.clone_from(&info.study_date);
        self.body_part.clone_from(&info.body_part);
        self.kernel.clone_from(&info.kernel);
        self.patient_position.clone_from(&info.patient_position);
        self.tube_voltage_kv = info.tube_voltage_kv;
        self.contrast =
            slices.iter().find_map(|slice| slice.file.info.contrast.filter(|&given| given)).or(info.contrast);
        self.slices = slices.len();
        self.size = [first.file.format.columns, first.file.format.rows];
        // the thickest slice sets the resolution
        self.slice_thickness_mm = slices
            .iter()
            .filter_map(|slice| slice.file.frames[slice.frame].slice_thickness_mm)
            .reduce(f64::max);
        if let Content::Stack(_) = self.content {
            let planes: Vec<Plane> = slices.iter().filter_map(|slice| slice.plane).collect();
            self.is_volume = matches!(first.file.format.bits_allocated, 8 | 16);
            if let Ok(plan) = Plan::new(&planes, self.size, self.slice_thickness_mm) {
                self.spacing_mm = Some(plan.geometry.spacing_mm());
            } else {
                self.is_volume = false;
            }
        }
    }

    fn geometry(&self, problem: String) -> ReadError {
        ReadError::Geometry { series: self.name(), problem }
    }

    fn acquisition(&self, modality: String) -> Acquisition {
        Acquisition {
            modality,
            patient_position: self.patient_position.clone(),
            body_part: self.body_part.clone(),
            description: self.description.clone(),
            kernel: self.kernel.clone(),
            tube_voltage_kv: self.tube_voltage_kv,
            slice_thickness_mm: self.slice_thickness_mm,
            contrast_agent: self.contrast,
        }
    }

    fn load_stack(
        &self,
        slices: &[SliceRef],
        progress: &dyn Fn(usize, usize),
    ) -> Result<(Volume, Vec<Warning>), ReadError> {
        let slice_length = self.size[0] * self.size[1];
        if slice_length as u64 * slices.len() as u64 > MAX_VOXELS {
            return Err(ReadError::Limit { what: "voxels of a series".into(), limit: MAX_VOXELS });
        }
        let mut warnings = self.warnings.clone();
        let rescales: Vec<Option<(f64, f64)>> =
            slices.iter().map(|slice| slice.file.frames[slice.frame].rescale).collect();
        if rescales.windows(2).any(|pair| pair[0] != pair[1]) {
            warnings.push(Warning::VaryingRescale);
        }
        if self.modality == "CT" && rescales.iter().any(Option::is_none) {
            warnings.push(Warning::NoRescale);
        }
        if let Some(method) = slices.iter().find_map(|slice| slice.file.syntax.lossy) {
            warnings.push(Warning::Lossy { method: method.into() });
        }
        let scales: Vec<Scale> = slices
            .iter()
            .zip(&rescales)
            .map(|(slice, rescale)| Scale::of(&slice.file.format, rescale.unwrap_or((1.0, 0.0))))
            .collect();
        if let Some(slope) = scales.iter().find_map(Scale::rounds) {
            warnings.push(Warning::Rounded { slope });
        }
        if let Some((from, to)) = scales.iter().find_map(|scale| scale.moved_padding().zip(scale.padding())) {
            warnings.push(Warning::PaddingMoved { from, to });
        }
        let mut values = vec![0i16; slice_length * slices.len()];
        let files = shared_files(slices);
        let mut results: Vec<Result<u64, String>> = Vec::with_capacity(slices.len());
        let batch = BATCH * rayon::current_num_threads();
        for (number, chunk) in values.chunks_mut(batch * slice_length).enumerate() {
            let start = number * batch;
            results.par_extend(chunk.par_chunks_mut(slice_length).enumerate().map_init(
                Vec::new,
                |buffer, (index, out)| {
                    let slice = start + index;
                    read_slice(&slices[slice], files[slice].as_deref(), &scales[slice], buffer, out)
                },
            ));
            progress(results.len(), slices.len());
        }
        let clamped = results.iter().filter_map(|result| result.as_ref().ok()).sum();
        if clamped > 0 {
            warnings.push(Warning::Clamped { voxels: clamped });
        }
        let planes = self.drop_damaged(slices, &results, &mut values, &mut warnings)?;
        let plan = Plan::new(&planes, self.size, self.slice_thickness_mm)
            .map_err(|problem| self.geometry(problem))?;
        if plan.size.iter().map(|&length| length as u64).product::<u64>() > MAX_VOXELS {
            return Err(ReadError::Limit {
                what: "voxels of the resampled series".into(),
                limit: MAX_VOXELS,
            });
        }
        warnings.extend(plan.warnings.iter().cloned());
        let mut padding = scales.iter().filter_map(Scale::padding).max();
        if plan.has_outside(self.size) {
            padding = padding.or(Some(NOTHING));
        }
        if !plan.is_direct() {
            values = plan.resample(values, self.size, padding);
        }
        let volume = Volume {
            size: plan.size,
            values,
            geometry: plan.geometry,
            padding,
            acquisition: self.acquisition(self.modality.clone()),
        };
        Ok((volume, warnings))
    }

    /// Takes slices that could not be decoded out of the values; returns the planes of the others.
    fn drop_damaged(
        &self,
        slices: &[SliceRef],
        results: &[Result<u64, String>],
        values: &mut Vec<i16>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Plane>, ReadError> {
        let slice_length = self.size[0] * self.size[1];
        let bad: Vec<usize> = (0..slices.len()).filter(|&index| results[index].is_err()).collect();
        if let Some((&first, Err(problem))) = bad.first().map(|first| (first, &results[*first])) {
            let slice = &slices[first];
            let (file, frame) = (slice.file.entry.name(), slice.frame + 1);
            if bad.len() == slices.len() || bad.len() > (slices.len() / 5).max(1) {
                return Err(ReadError::Pixels { file, frame, problem: problem.clone() });
            }
            warnings.push(Warning::DamagedSlices {
                count: bad.len(),
                first: format!("{file}, frame {frame}: {problem}"),
            });
            let mut kept = 0;
            for index in (0..slices.len()).filter(|&index| results[index].is_ok()) {
                values.copy_within(index * slice_length..(index + 1) * slice_length, kept * slice_length);
                kept += 1;
            }
            values.truncate(kept * slice_length);
        }
        Ok(slices
            .iter()
            .zip(results)
            .filter(|(_, result)| result.is_ok())
            .filter_map(|(slice, _)| slice.plane)
            .collect())
    }

    fn load_nifti(
        &self,
        entry: &Entry,
        header: &nifti::Header,
        volume: usize,
        progress: &dyn Fn(usize, usize),
    ) -> Result<(Volume, Vec<Warning>), ReadError> {
        let slice_length = header.size[0] * header.size[1];
        let mut warnings = self.warnings.clone();
        let mut values = vec![0i16; slice_length * header.size[2]];
        let (mut clamped, mut missing) = (0u64, false);
        header
            .read(entry, volume, |slice, from| {
                for (to, value) in values[slice * slice_length..][..slice_length].iter_mut().zip(from) {
                    let kept = value.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX));
                    clamped += u64::from((value.round() - kept).abs() > 0.0);
                    missing |= value.is_nan();
                    *to = if value.is_nan() { NOTHING } else { kept as i16 };
                }
                progress(slice + 1, header.size[2]);
            })
            .map_err(|source| ReadError::Io { path: entry.path().to_path_buf(), source })?;
        if clamped > 0 {
            warnings.push(Warning::Clamped { voxels: clamped });
        }
        // NIfTI does not say what it holds: negative values as of fat and air are HU
        let modality = if values.iter().any(|&value| value < -50) { "CT" } else { "" };
        let mut padding = missing.then_some(NOTHING);
        let (mut size, mut geometry) = (header.size, header.geometry());
        if !header.square().0 {
            let planes = sheared_planes(&geometry, header.size[2])
                .ok_or_else(|| self.geometry("its axes are degenerate".into()))?;
            let plan = Plan::new(&planes, self.size, None).map_err(|problem| self.geometry(problem))?;
            warnings.extend(plan.warnings.iter().cloned());
            padding = padding.or(Some(NOTHING));
            (size, geometry) = (plan.size, plan.geometry);
            values = plan.resample(values, self.size, padding);
        }
        let acquisition = self.acquisition(modality.to_owned());
        Ok((Volume { size, values, geometry, padding, acquisition }, warnings))
    }
}

/// Planes of a volume whose slices are shifted against one another, in ascending height.
fn sheared_planes(geometry: &Geometry, slices: usize) -> Option<Vec<Plane>> {
    let spacing = geometry.spacing_mm();
    let unit = |step: usize| geometry.steps_mm[step].map(|value| value / spacing[step]);
    let normal = header::cross(unit(0), unit(1));
    // a volume whose slices descend along the normal would have to be turned about
    if header::dot(normal, geometry.steps_mm[2]) <= 0.0 {
        return None;
    }
    Some(
        (0..slices)
            .map(|slice| Plane {
                position_mm: geometry.patient_from_voxel([0.0, 0.0, slice as f64]),
                row_direction: unit(0),
                column_direction: unit(1),
                spacing_mm: [spacing[0], spacing[1]],
            })
            .collect(),
    )
}

type Shared = OnceLock<Result<Frames, String>>;

/// For every slice of a file with several frames that must be read whole, the place where that file is kept.
fn shared_files(slices: &[SliceRef]) -> Vec<Option<Arc<Shared>>> {
    let mut known: Vec<(*const ImageFile, Arc<Shared>)> = Vec::new();
    slices
        .iter()
        .map(|slice| {
            let ranged = matches!(slice.file.syntax.codec, Codec::Native { .. })
                && !slice.file.syntax.deflated
                && slice.file.entry.is_plain();
            if slice.file.frames.len() == 1 || ranged {
                return None;
            }
            let file = Arc::as_ptr(&slice.file);
            if let Some((_, shared)) = known.iter().find(|(other, _)| *other == file) {
                return Some(shared.clone());
            }
            let shared = Arc::new(OnceLock::new());
            known.push((file, shared.clone()));
            Some(shared)
        })
        .collect()
}

fn read_slice(
    slice: &SliceRef,
    shared: Option<&Shared>,
    scale: &Scale,
    buffer: &mut Vec<u8>,
    out: &mut [i16],
) -> Result<u64, String> {
    let file = &*slice.file;
    let format = &file.format;
    if format.samples_per_pixel != 1 {
        return Err("colour pixels in a volume".into());
    }
    if let Some(shared) = shared {
        let frames = shared.get_or_init(|| Frames::read(file)).as_ref().map_err(Clone::clone)?;
        return Ok(scale.apply(frames.decode(&file.syntax, format, slice.frame)?.iter().copied(), out));
    }
    if let Codec::Native { big_endian } = file.syntax.codec
        && file.entry.is_plain()
        && !file.syntax.deflated
    {
        let range = format.native_frame(slice.frame);
        buffer.resize(range.len(), 0);
        file.entry
            .range((file.place.start + range.start) as u64, buffer)
            .map_err(|error| error.to_string())?;
        return Ok(match (format.bits_allocated, big_endian) {
            (16, false) => {
                scale.apply(buffer.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])), out)
            }
            _ => scale.apply(decode(&file.syntax, format, buffer)?.iter().copied(), out),
        });
    }
    let frames = Frames::read(file)?;
    Ok(scale.apply(frames.decode(&file.syntax, format, slice.frame)?.iter().copied(), out))
}
