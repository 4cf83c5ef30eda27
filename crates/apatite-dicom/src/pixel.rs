/*!
Pixels: found in a file, decoded, turned into HU.

A decoded frame is a `u16` a sample, interleaved by pixel, holding the bits as stored; [`Scale`] makes values of them.
*/

use std::ops::Range;

use dicom_dictionary_std::tags;

use crate::dataset::{Dataset, fragments};
use crate::header::{ImageFile, Open};
use crate::syntax::{Codec, Syntax};
use crate::{codec, header};

/// Rows and columns that one frame may have.
const MAX_SIDE: u16 = 32_767;

/// Frames of one file.
const MAX_FRAMES: usize = 100_000;

/// How pixels are stored (PS3.3 C.7.6.3).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PixelFormat {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) frames: usize,
    pub(crate) samples_per_pixel: usize,
    pub(crate) bits_allocated: u32,
    pub(crate) bits_stored: u32,
    pub(crate) high_bit: u32,
    pub(crate) signed: bool,
    /// Samples of a native frame are stored plane by plane.
    pub(crate) planar: bool,
    pub(crate) photometric: String,
    /// Overlays lie in the unused bits.
    pub(crate) overlay_bits: bool,
    /// Bytes of samples that are no larger stand swapped in big-endian words.
    pub(crate) swapped: bool,
    /// PixelPaddingValue and PixelPaddingRangeLimit, raw bits.
    pub(crate) padding: Option<(u16, u16)>,
}

impl PixelFormat {
    pub(crate) fn of(dataset: &Dataset<'_>) -> Result<Self, String> {
        let short = |tag, name: &str| dataset.short(tag).ok_or_else(|| format!("no {name}"));
        let rows = short(tags::ROWS, "Rows")?;
        let columns = short(tags::COLUMNS, "Columns")?;
        if rows == 0 || columns == 0 || rows > MAX_SIDE || columns > MAX_SIDE {
            return Err(format!("{columns} columns and {rows} rows"));
        }
        let frames = match dataset.number(tags::NUMBER_OF_FRAMES, *b"IS") {
            None => 1,
            Some(number) if number >= 1.0 && number <= MAX_FRAMES as f64 => number as usize,
            Some(number) => return Err(format!("NumberOfFrames is {number}")),
        };
        let samples_per_pixel = usize::from(dataset.short(tags::SAMPLES_PER_PIXEL).unwrap_or(1));
        let bits_allocated = u32::from(short(tags::BITS_ALLOCATED, "BitsAllocated")?);
        let bits_stored = dataset.short(tags::BITS_STORED).map_or(bits_allocated, u32::from);
        let high_bit = dataset.short(tags::HIGH_BIT).map_or(bits_stored.wrapping_sub(1), u32::from);
        if !matches!(samples_per_pixel, 1 | 3 | 4) {
            return Err(format!("SamplesPerPixel is {samples_per_pixel}"));
        }
        if !matches!(bits_allocated, 1 | 8 | 16 | 32 | 64)
            || bits_stored == 0
            || bits_stored > bits_allocated
            || high_bit >= bits_allocated
            || high_bit + 1 < bits_stored
        {
            return Err(format!("{bits_stored} bits stored of {bits_allocated} with high bit {high_bit}"));
        }
        let padding = dataset
            .raw_short(tags::PIXEL_PADDING_VALUE)
            .map(|value| (value, dataset.raw_short(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(value)));
        Ok(Self {
            rows: rows.into(),
            columns: columns.into(),
            frames,
            samples_per_pixel,
            bits_allocated,
            bits_stored,
            high_bit,
            signed: dataset.short(tags::PIXEL_REPRESENTATION) == Some(1),
            planar: dataset.short(tags::PLANAR_CONFIGURATION) == Some(1),
            photometric: dataset.text(tags::PHOTOMETRIC_INTERPRETATION),
            overlay_bits: dataset.elements().iter().any(|element| {
                element.tag.0 & 0xff00 == 0x6000
                    && element.tag.1 == 0x0102
                    && dataset.raw_short(element.tag).is_some_and(|bit| bit != 0)
            }),
            swapped: bits_allocated <= 8
                && dataset.is_big_endian()
                && dataset.pixels.is_some_and(|place| place.vr == Some(*b"OW")),
            padding,
        })
    }

    pub(crate) fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Samples of a decoded frame.
    pub(crate) fn samples(&self) -> usize {
        self.pixels() * self.samples_per_pixel
    }

    /// Bits of a native frame; frames of single bits are packed without padding between them (PS3.5 8.1.1).
    fn native_frame_bits(&self) -> usize {
        let samples = if self.is_422() { self.pixels() * 2 } else { self.samples() };
        samples.saturating_mul(self.bits_allocated as usize)
    }

    /// Bytes of all native frames.
    pub(crate) fn native_bytes(&self) -> usize {
        self.native_frame_bits().saturating_mul(self.frames).div_ceil(8)
    }

    /// Two pixels share their chroma in native YBR_FULL_422.
    fn is_422(&self) -> bool {
        self.samples_per_pixel == 3 && self.photometric == "YBR_FULL_422"
    }

    /// Place of a native frame behind the first byte of the pixels.
    pub(crate) fn native_frame(&self, frame: usize) -> Range<usize> {
        let bits = self.native_frame_bits();
        (frame * bits) / 8..((frame + 1) * bits).div_ceil(8)
    }
}

/// Makes values of stored bits: value = slope × stored + intercept, rounded, clamped to 16 bit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    slope: f64,
    intercept: f64,
    signed: bool,
    /// Bits to shift up and down again; none keeps unsigned values whole.
    shifts: (u32, u32),
    padding: Option<Padding>,
}

#[derive(Clone, Copy, Debug)]
struct Padding {
    /// Stored values, ends included.
    stored: (i32, i32),
    /// Value to write for them.
    value: i16,
}

/// Value written for padding that lies among real values: below all of CT.
const PADDING: i16 = -3024;

/// Padding above this (HU) cannot be told from tissue by comparison.
const PADDING_BELOW: f64 = -900.0;

impl Scale {
    pub(crate) fn of(format: &PixelFormat, (slope, intercept): (f64, f64)) -> Self {
        let shifts = if format.signed || format.overlay_bits || format.high_bit + 1 != format.bits_stored {
            (15u32.saturating_sub(format.high_bit), 16u32.saturating_sub(format.bits_stored))
        } else {
            // values over BitsStored occur as padding and are kept for what they are
            (0, 0)
        };
        let mut scale = Self { slope, intercept, signed: format.signed, shifts, padding: None };
        if let Some((value, limit)) = format.padding {
            // padding is written in all bits, whatever BitsStored says
            let number = |raw: u16| if format.signed { i32::from(raw.cast_signed()) } else { i32::from(raw) };
            let stored = (number(value).min(number(limit)), number(value).max(number(limit)));
            let ends = [scale.value(stored.0), scale.value(stored.1)];
            let highest = ends[0].max(ends[1]);
            let value = if highest < PADDING_BELOW && highest >= f64::from(i16::MIN) {
                highest as i16
            } else {
                PADDING
            };
            scale.padding = Some(Padding { stored, value });
        }
        scale
    }

    fn value(&self, stored: i32) -> f64 {
        f64::from(stored) * self.slope + self.intercept
    }

    /// Value that padding carries afterwards.
    pub(crate) fn padding(&self) -> Option<i16> {
        self.padding.map(|padding| padding.value)
    }

    /// Padding as the file has it, where it had to be moved.
    pub(crate) fn moved_padding(&self) -> Option<i32> {
        let padding = self.padding?;
        let value = self.value(padding.stored.1).max(self.value(padding.stored.0));
        (value.round() != f64::from(padding.value)).then_some(value.round() as i32)
    }

    pub(crate) fn rounds(&self) -> Option<f64> {
        (self.slope.fract() != 0.0 && self.slope.abs() < 0.5).then_some(self.slope)
    }

    /// Writes values; returns how many had to be clamped.
    pub(crate) fn apply(&self, raw: impl Iterator<Item = u16> + Clone, out: &mut [i16]) -> u64 {
        match (self.signed, self.shifts == (0, 0)) {
            (true, true) => self.convert(raw.map(|bits| i32::from(bits.cast_signed())), out),
            (true, false) => {
                let (up, down) = self.shifts;
                self.convert(raw.map(move |bits| i32::from((bits << up).cast_signed() >> down)), out)
            }
            (false, true) => self.convert(raw.map(i32::from), out),
            (false, false) => {
                let (up, down) = self.shifts;
                self.convert(raw.map(move |bits| i32::from((bits << up) >> down)), out)
            }
        }
    }

    fn convert(&self, stored: impl Iterator<Item = i32> + Clone, out: &mut [i16]) -> u64 {
        let whole = |value: f64| value.fract() == 0.0 && value.abs() < 16_384.0;
        let moved = self.padding.filter(|_| self.moved_padding().is_some());
        if let Some(padding) = moved {
            let inside = padding.stored.0..=padding.stored.1;
            let mut clamped = 0;
            for (value, stored) in out.iter_mut().zip(stored) {
                let (scaled, over) = clamp(self.value(stored).round());
                let is_padding = inside.contains(&stored);
                *value = if is_padding { padding.value } else { scaled };
                clamped += u64::from(over && !is_padding);
            }
            clamped
        } else if whole(self.slope) && whole(self.intercept) {
            let (slope, intercept) = (self.slope as i32, self.intercept as i32);
            if slope == 1 {
                // nearly always, and nothing beyond 16 bits: without branches, so that it runs on vectors
                let mut beyond = 0;
                for (value, stored) in out.iter_mut().zip(stored.clone()) {
                    let scaled = stored + intercept;
                    beyond |= (scaled + 0x8000) & !0xffff;
                    *value = scaled as i16;
                }
                if beyond == 0 {
                    return 0;
                }
            }
            let mut clamped = 0u32;
            for (value, stored) in out.iter_mut().zip(stored) {
                let scaled = stored * slope + intercept;
                let kept = scaled.clamp(i16::MIN.into(), i16::MAX.into());
                clamped += u32::from(scaled != kept);
                *value = kept as i16;
            }
            clamped.into()
        } else {
            let mut clamped = 0;
            for (value, stored) in out.iter_mut().zip(stored) {
                let (scaled, over) = clamp(self.value(stored).round());
                *value = scaled;
                clamped += u64::from(over);
            }
            clamped
        }
    }
}

fn clamp(value: f64) -> (i16, bool) {
    let kept = value.clamp(f64::from(i16::MIN), f64::from(i16::MAX));
    (kept as i16, kept != value)
}

/// Where the pieces of one frame lie in a file.
type Pieces = Vec<Range<usize>>;

/// All frames of one file, in memory.
pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// Pieces of each frame.
    pieces: Vec<Pieces>,
    /// The bytes end inside the last piece.
    short: bool,
}

impl Frames {
    /// Reads a file and finds its frames.
    pub(crate) fn read(file: &ImageFile) -> Result<Self, String> {
        let open = header::open(&file.entry).map_err(|reason| reason.to_string())?;
        let (pieces, short) = find(&open, &file.format)?;
        Ok(Self { bytes: open.bytes, pieces, short })
    }

    /// Finds the frames of a file in memory.
    pub(crate) fn of(open: &Open, format: &PixelFormat) -> Result<Self, String> {
        let (pieces, short) = find(open, format)?;
        Ok(Self { bytes: open.bytes.clone(), pieces, short })
    }

    /// Decodes a frame (from 0).
    pub(crate) fn decode(
        &self,
        syntax: &Syntax,
        format: &PixelFormat,
        frame: usize,
    ) -> Result<Vec<u16>, String> {
        let pieces = self.pieces.get(frame).ok_or("the file has fewer frames than it says")?;
        if self.short && frame + 1 == self.pieces.len() {
            return Err("the file ends inside the pixels of this frame".into());
        }
        let joined;
        let payload = match pieces.as_slice() {
            [one] => self.bytes.get(one.clone()).ok_or("the file ends before this frame")?,
            several => {
                let mut all = Vec::new();
                for piece in several {
                    all.extend_from_slice(
                        self.bytes.get(piece.clone()).ok_or("the file ends before this frame")?,
                    );
                }
                joined = all;
                &joined
            }
        };
        if format.bits_allocated == 1 {
            return bits(syntax, format, payload, frame);
        }
        decode(syntax, format, payload)
    }
}

/// The pieces of each frame, and whether the file ends inside the last one.
fn find(open: &Open, format: &PixelFormat) -> Result<(Vec<Pieces>, bool), String> {
    let dataset = Dataset::parse(&open.bytes, open.start, open.bytes.len(), open.encoding);
    let place = dataset.pixels.ok_or("no pixels")?;
    if matches!(open.syntax.codec, Codec::Native { .. }) || place.length.is_some() {
        let pieces = (0..format.frames)
            .map(|frame| {
                let range = format.native_frame(frame);
                std::iter::once(place.start + range.start..place.start + range.end).collect()
            })
            .collect();
        return Ok((pieces, false));
    }
    let (mut found, short) = fragments(&open.bytes, place.start);
    if found.is_empty() {
        return Err("no pixel fragments".into());
    }
    let table = found.remove(0);
    let pieces = assign(&open.bytes, &table, &found, format.frames, extended_table(&dataset))?;
    Ok((pieces, short))
}

/// Decodes a frame of single bits, packed lowest bit first, into 0 and 1.
fn bits(syntax: &Syntax, format: &PixelFormat, payload: &[u8], frame: usize) -> Result<Vec<u16>, String> {
    let length = format.samples().div_ceil(8);
    let owned;
    let (packed, first) = match syntax.codec {
        // native frames follow one another bit by bit
        Codec::Native { .. } => (payload, (frame * format.samples()) % 8),
        Codec::EncapsulatedNative => (payload, 0),
        Codec::DeflatedFrames => {
            owned = codec::inflate(payload, length)?;
            (owned.as_slice(), 0)
        }
        Codec::Rle => {
            owned = codec::rle_segments(payload, 1, length)?.concat();
            (owned.as_slice(), 0)
        }
        Codec::Jpeg2000 => return codec::jpeg2000(payload, format),
        _ => return Err(format!("single bits in transfer syntax {} are not supported", syntax.uid)),
    };
    if packed.len() * 8 < first + format.samples() {
        return Err("the file ends before this frame".into());
    }
    Ok((first..first + format.samples()).map(|bit| u16::from(packed[bit / 8] >> (bit % 8) & 1)).collect())
}

/// Offsets of the Extended Offset Table (PS3.3 C.7.6.3.1.8).
fn extended_table(dataset: &Dataset<'_>) -> Option<Vec<u64>> {
    let bytes = dataset.bytes(tags::EXTENDED_OFFSET_TABLE)?;
    Some(
        bytes
            .chunks_exact(8)
            .map(|eight| u64::from_le_bytes(std::array::from_fn(|index| eight[index])))
            .collect(),
    )
}

/// Which fragments make which frame.
fn assign(
    bytes: &[u8],
    table: &Range<usize>,
    fragments: &[Range<usize>],
    frames: usize,
    extended: Option<Vec<u64>>,
) -> Result<Vec<Pieces>, String> {
    if frames == 1 {
        return Ok(vec![fragments.to_vec()]);
    }
    if fragments.len() == frames {
        return Ok(fragments.iter().map(|fragment| vec![fragment.clone()]).collect());
    }
    // offsets count from the first item behind the table
    let basic = bytes.get(table.clone()).unwrap_or_default();
    let offsets: Vec<u64> = match extended {
        Some(offsets) => offsets,
        None => basic.chunks_exact(4).map(|four| u64::from(crate::dataset::u32_of(four, false))).collect(),
    };
    let origin = fragments.first().map_or(0, |fragment| fragment.start) as u64;
    let starts: Vec<bool> = if offsets.len() == frames {
        fragments.iter().map(|fragment| offsets.contains(&(fragment.start as u64 - origin))).collect()
    } else {
        // no table: a code stream begins with its marker
        fragments
            .iter()
            .map(|fragment| {
                matches!(bytes.get(fragment.clone()), Some([0xff, 0xd8 | 0x4f, ..]))
                    || bytes.get(fragment.clone()).is_some_and(|piece| piece.starts_with(b"\0\0\0\x0cjP"))
            })
            .collect()
    };
    let mut pieces: Vec<Pieces> = Vec::new();
    for (fragment, starts) in fragments.iter().zip(starts) {
        match pieces.last_mut() {
            Some(last) if !starts => last.push(fragment.clone()),
            _ => pieces.push(vec![fragment.clone()]),
        }
    }
    if pieces.len() < frames {
        return Err(format!("{} fragments cannot be told apart into {frames} frames", fragments.len()));
    }
    Ok(pieces)
}

/// Decodes one frame into samples interleaved by pixel.
pub(crate) fn decode(syntax: &Syntax, format: &PixelFormat, payload: &[u8]) -> Result<Vec<u16>, String> {
    if !matches!(format.bits_allocated, 8 | 16) {
        return Err(format!("{} bits allocated a sample are not supported", format.bits_allocated));
    }
    let samples = match syntax.codec {
        Codec::Native { big_endian } => native(format, payload, big_endian)?,
        Codec::EncapsulatedNative => native(format, payload, false)?,
        Codec::DeflatedFrames => {
            native(format, &codec::inflate(payload, format.native_frame(0).len())?, false)?
        }
        Codec::Rle => codec::rle(payload, format)?,
        Codec::JpegExtended => codec::jpeg_extended(payload, format)?,
        Codec::JpegBaseline | Codec::JpegLossless => codec::jpeg(payload, format)?,
        Codec::JpegLs => {
            crate::jpegls::decode(payload, format.columns, format.rows, format.samples_per_pixel)?
        }
        Codec::Jpeg2000 => codec::jpeg2000(payload, format)?,
        Codec::Unsupported => return Err(syntax.refusal()),
    };
    if samples.len() == format.samples() {
        Ok(samples)
    } else {
        Err(format!("decoded to {} of {} samples", samples.len(), format.samples()))
    }
}

fn native(format: &PixelFormat, payload: &[u8], big_endian: bool) -> Result<Vec<u16>, String> {
    let needed = format.native_frame(0).len();
    let whole = payload;
    let payload =
        payload.get(..needed).ok_or_else(|| format!("{} of {needed} bytes of pixels", payload.len()))?;
    let mut samples: Vec<u16> = if format.bits_allocated == 8 {
        let at = |index: usize| if format.swapped { index ^ 1 } else { index };
        (0..needed).map(|index| u16::from(whole.get(at(index)).copied().unwrap_or(0))).collect()
    } else if big_endian {
        payload.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    } else {
        payload.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
    };
    if format.is_422() {
        // PS3.3 C.7.6.3.1.2: Y1 Y2 Cb Cr for each pair of pixels of a row
        samples = samples
            .chunks_exact(4)
            .flat_map(|four| [four[0], four[2], four[3], four[1], four[2], four[3]])
            .collect();
    } else if format.planar && format.samples_per_pixel > 1 {
        samples = interleave(&samples, format.samples_per_pixel);
    }
    Ok(samples)
}

/// Plane after plane to pixel after pixel.
pub(crate) fn interleave(planes: &[u16], samples_per_pixel: usize) -> Vec<u16> {
    let pixels = planes.len() / samples_per_pixel;
    (0..planes.len())
        .map(|index| planes[(index % samples_per_pixel) * pixels + index / samples_per_pixel])
        .collect()
}
