use crate::{RenderError, View, Window};

/// Values of a picture, NaN where there is none (outside of the volume).
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    /// Where the picture lies.
    pub view: View,
    /// Row by row from the top left; HU for CT.
    pub values: Vec<f32>,
}

/// A grey picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grey {
    /// Columns, rows.
    pub size: [usize; 2],
    /// Row by row from the top left.
    pub pixels: Vec<u8>,
}

/// A picture in colours (sRGB).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns, rows.
    pub size: [usize; 2],
    /// Red, green, blue; row by row from the top left.
    pub pixels: Vec<[u8; 3]>,
}

impl Raster {
    /// Grey through a window; black where there is no value.
    #[must_use]
    pub fn grey(&self, window: Window) -> Grey {
        Grey { size: self.view.size, pixels: self.values.iter().map(|&value| window.grey(value)).collect() }
    }

    /// The window from the lowest to the highest value of this picture.
    #[must_use]
    pub fn full_window(&self) -> Window {
        let values = self.values.iter().filter(|value| !value.is_nan());
        let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
        if low <= high { Window::between(f64::from(low), f64::from(high)) } else { Window::BONE }
    }
}

impl Grey {
    /// As a PNG file, 8 bit grey.
    ///
    /// # Errors
    /// Where the encoder refuses: a picture without pixels.
    pub fn png(&self) -> Result<Vec<u8>, RenderError> {
        encode(self.size, png::ColorType::Grayscale, &[&self.pixels], 0)
    }
}

impl From<&Grey> for Picture {
    fn from(grey: &Grey) -> Self {
        Self { size: grey.size, pixels: grey.pixels.iter().map(|&value| [value; 3]).collect() }
    }
}

impl Picture {
    /// As a PNG file, 8 bit RGB.
    ///
    /// # Errors
    /// Where the encoder refuses: a picture without pixels.
    pub fn png(&self) -> Result<Vec<u8>, RenderError> {
        encode(self.size, png::ColorType::Rgb, &[self.pixels.as_flattened()], 0)
    }

    /// Mixes a colour into a pixel; nothing happens outside of the picture.
    pub(crate) fn mix(&mut self, column: i64, row: i64, colour: [u8; 3], share: f32) {
        let inside = (0..self.size[0] as i64).contains(&column) && (0..self.size[1] as i64).contains(&row);
        if inside {
            let pixel = &mut self.pixels[row as usize * self.size[0] + column as usize];
            for (value, colour) in pixel.iter_mut().zip(colour) {
                let from = f32::from(*value);
                *value = (from + (f32::from(colour) - from) * share).round() as u8;
            }
        }
    }
}

/// Pictures one after another as an animated PNG that runs for ever, `frame_ms` each; programs that know no animation
/// show the first.
///
/// # Errors
/// Where there is no frame or sizes differ.
pub fn apng(frames: &[Picture], frame_ms: u16) -> Result<Vec<u8>, RenderError> {
    let Some(first) = frames.first() else { return Err(RenderError::Frames("none".to_owned())) };
    if let Some(other) = frames.iter().find(|frame| frame.size != first.size) {
        return Err(RenderError::Frames(format!("{:?} and {:?}", first.size, other.size)));
    }
    let data: Vec<&[u8]> = frames.iter().map(|frame| frame.pixels.as_flattened()).collect();
    encode(first.size, png::ColorType::Rgb, &data, frame_ms)
}

fn encode(
    size: [usize; 2],
    colour: png::ColorType,
    frames: &[&[u8]],
    frame_ms: u16,
) -> Result<Vec<u8>, RenderError> {
    let failed = |error: png::EncodingError| RenderError::Encode(error.to_string());
    let side = |at: usize| u32::try_from(size[at]).map_err(|error| RenderError::Encode(error.to_string()));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(0)?, side(1)?);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    if frames.len() > 1 {
        let count = u32::try_from(frames.len()).map_err(|error| RenderError::Encode(error.to_string()))?;
        encoder.set_animated(count, 0).map_err(failed)?;
        encoder.set_frame_delay(frame_ms, 1000).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    for frame in frames {
        writer.write_image_data(frame).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
