/*!
Frames: as samples for a viewer, and rendered as PNG or JPEG.
*/

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use apatite_dicom::{Picture, read_pictures};
use dicom_dictionary_std::tags;
use serde_json::Value;

use crate::dicom::first_text;
use crate::problem::{Answer, Problem};
use crate::store::Instance;

/// The last files of several frames that were decoded, so that a run through them decodes each once.
#[derive(Debug, Default)]
pub(crate) struct FrameCache {
    files: Mutex<Vec<(String, Arc<Vec<Picture>>)>>,
}

/// So many files are kept decoded.
const KEPT: usize = 2;

impl FrameCache {
    /// One frame, counted from 1.
    ///
    /// # Errors
    /// There is no such frame, or it cannot be decoded.
    pub(crate) fn frame(&self, instance: &Instance, path: &Path, frame: usize) -> Answer<Picture> {
        let missing = || Problem::not_found(format!("the instance has no frame {frame}"));
        let at = frame.checked_sub(1).ok_or_else(missing)?;
        let kept = {
            let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            files.iter().find(|(uid, _)| *uid == instance.uid).map(|(_, pictures)| pictures.clone())
        };
        if let Some(pictures) = kept {
            return pictures.get(at).cloned().ok_or_else(missing);
        }
        let pictures = read_pictures(path).map_err(|error| {
            tracing::warn!("an instance cannot be decoded");
            let reason = error.to_string();
            // the path of the file in the store says nothing to a client
            let reason = reason.rsplit(": ").next().unwrap_or_default().to_owned();
            Problem::new(
                axum::http::StatusCode::NOT_ACCEPTABLE,
                format!(
                    "the pixels of this instance cannot be decoded ({reason}); retrieve it whole instead"
                ),
            )
        })?;
        if pictures.len() == 1 {
            return pictures.into_iter().nth(at).ok_or_else(missing);
        }
        let pictures = Arc::new(pictures);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.truncate(KEPT - 1);
        files.insert(0, (instance.uid.clone(), pictures.clone()));
        drop(files);
        pictures.get(at).cloned().ok_or_else(missing)
    }
}

/// Samples little endian, 8 or 16 bit as BitsAllocated says; colour as RGB by pixel.
pub(crate) fn native(picture: &Picture, bits_allocated: u64) -> Vec<u8> {
    let rgb;
    let samples = if picture.samples_per_pixel == 3 {
        rgb = to_rgb(picture);
        &rgb
    } else {
        &picture.samples
    };
    if bits_allocated <= 8 {
        samples.iter().map(|sample| *sample as u8).collect()
    } else {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }
}

/// Centre and width of the grey window.
pub(crate) type Window = (f64, f64);

/// Grey or RGB in 8 bit: columns, rows, samples per pixel, samples.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) samples_per_pixel: usize,
    pub(crate) samples: Vec<u8>,
}

/// Renders a picture with the window given, the one of the file, or one that shows all values.
pub(crate) fn render(picture: &Picture, metadata: &Value, window: Option<Window>) -> Rendered {
    let (columns, rows) = (picture.columns, picture.rows);
    if picture.samples_per_pixel == 3 {
        let deep = picture.bits_stored.saturating_sub(8);
        let samples = to_rgb(picture).iter().map(|sample| (sample >> deep) as u8).collect();
        return Rendered { columns, rows, samples_per_pixel: 3, samples };
    }
    let number = |tag| first_text(metadata, tag).trim().parse::<f64>().ok();
    let (slope, intercept) =
        (number(tags::RESCALE_SLOPE).unwrap_or(1.0), number(tags::RESCALE_INTERCEPT).unwrap_or(0.0));
    let value = |sample: u16| {
        let stored = if picture.signed { f64::from(sample as i16) } else { f64::from(sample) };
        stored * slope + intercept
    };
    let of_file =
        || Some((number(tags::WINDOW_CENTER)?, number(tags::WINDOW_WIDTH).filter(|width| *width >= 1.0)?));
    let (centre, width) = window.or_else(of_file).unwrap_or_else(|| {
        let range = picture.samples.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), sample| {
            let value = value(*sample);
            (low.min(value), high.max(value))
        });
        (f64::midpoint(range.0, range.1), (range.1 - range.0).max(1.0))
    });
    let inverted = picture.photometric == "MONOCHROME1";
    // PS3.3 C.11.2.1.2.1
    let grey = |sample: u16| {
        let x = value(sample);
        let share = if width <= 1.0 {
            f64::from(u8::from(x > centre - 0.5))
        } else {
            ((x - (centre - 0.5)) / (width - 1.0) + 0.5).clamp(0.0, 1.0)
        };
        (255.0 * if inverted { 1.0 - share } else { share }).round() as u8
    };
    let table = (0..=u16::MAX).map(grey).collect::<Vec<_>>();
    let samples = picture.samples.iter().map(|sample| table[usize::from(*sample)]).collect();
    Rendered { columns, rows, samples_per_pixel: 1, samples }
}

impl Rendered {
    /// Scaled down to fit into columns and rows, by the mean of what falls together.
    pub(crate) fn within(self, columns: usize, rows: usize) -> Self {
        let share = (columns as f64 / self.columns as f64).min(rows as f64 / self.rows as f64);
        if share >= 1.0 || columns == 0 || rows == 0 {
            return self;
        }
        let size = |length: usize| ((length as f64 * share).round() as usize).max(1);
        let (columns, rows, depth) = (size(self.columns), size(self.rows), self.samples_per_pixel);
        let mut samples = Vec::with_capacity(columns * rows * depth);
        for row in 0..rows {
            let (from_row, to_row) = span(row, rows, self.rows);
            for column in 0..columns {
                let (from, to) = span(column, columns, self.columns);
                for sample in 0..depth {
                    let mut total = 0_usize;
                    for y in from_row..to_row {
                        total += (from..to)
                            .map(|x| usize::from(self.samples[(y * self.columns + x) * depth + sample]))
                            .sum::<usize>();
                    }
                    samples.push((total / ((to - from) * (to_row - from_row))) as u8);
                }
            }
        }
        Self { columns, rows, samples_per_pixel: depth, samples }
    }

    pub(crate) fn png(&self) -> Answer<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.columns as u32, self.rows as u32);
        encoder.set_color(if self.samples_per_pixel == 3 {
            png::ColorType::Rgb
        } else {
            png::ColorType::Grayscale
        });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.samples));
        written.map_err(|error| Problem::internal(&error))?;
        Ok(bytes)
    }

    pub(crate) fn jpeg(&self, quality: u8) -> Answer<Vec<u8>> {
        let mut bytes = Vec::new();
        let (Ok(columns), Ok(rows)) = (u16::try_from(self.columns), u16::try_from(self.rows)) else {
            return Err(Problem::bad("too large for JPEG: ask for image/png"));
        };
        let colour = if self.samples_per_pixel == 3 {
            jpeg_encoder::ColorType::Rgb
        } else {
            jpeg_encoder::ColorType::Luma
        };
        jpeg_encoder::Encoder::new(&mut bytes, quality)
            .encode(&self.samples, columns, rows, colour)
            .map_err(|error| Problem::internal(&error))?;
        Ok(bytes)
    }
}

fn span(index: usize, of: usize, length: usize) -> (usize, usize) {
    let from = index * length / of;
    (from, ((index + 1) * length / of).max(from + 1).min(length))
}

/// RGB of what a file calls RGB or YBR (PS3.3 C.7.6.3.1.2).
fn to_rgb(picture: &Picture) -> Vec<u16> {
    if !picture.photometric.starts_with("YBR_FULL") {
        return picture.samples.clone();
    }
    let largest = f64::from((1_u32 << picture.bits_stored.min(16)) - 1);
    let middle = (largest + 1.0) / 2.0;
    let clamp = |value: f64| value.round().clamp(0.0, largest) as u16;
    picture
        .samples
        .chunks_exact(3)
        .flat_map(|pixel| {
            let [y, cb, cr] =
                [f64::from(pixel[0]), f64::from(pixel[1]) - middle, f64::from(pixel[2]) - middle];
            [clamp(y + 1.402 * cr), clamp(y - 0.344_136 * cb - 0.714_136 * cr), clamp(y + 1.772 * cb)]
        })
        .collect()
}
