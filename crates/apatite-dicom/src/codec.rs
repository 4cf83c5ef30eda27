/*!
Decoders of one compressed frame. What they are given comes from files that may be hostile: sizes are compared with
those of the data set before anything is allocated, and a panic of a foreign decoder becomes an error.
*/

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::pixel::PixelFormat;

/// Inflates one deflated frame (PS3.5 A.4.13) of a known length.
pub(crate) fn inflate(payload: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(length);
    flate2::read::DeflateDecoder::new(payload)
        .take(length as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("deflated frame: {error}"))?;
    if bytes.len() < length {
        return Err(format!("deflated frame holds {} of {length} bytes", bytes.len()));
    }
    Ok(bytes)
}

/// RLE (PS3.5 annex G): one segment a byte of a sample, most significant first.
pub(crate) fn rle(payload: &[u8], format: &PixelFormat) -> Result<Vec<u16>, String> {
    let bytes_a_sample = format.bits_allocated as usize / 8;
    let wanted = bytes_a_sample * format.samples_per_pixel;
    let segments = rle_segments(payload, wanted, format.pixels())?;
    let mut samples = vec![0u16; format.samples()];
    for (number, segment) in segments.iter().enumerate() {
        let sample = number / bytes_a_sample;
        let shift = 8 * (bytes_a_sample - 1 - number % bytes_a_sample);
        for (pixel, &byte) in segment.iter().enumerate() {
            samples[pixel * format.samples_per_pixel + sample] |= u16::from(byte) << shift;
        }
    }
    Ok(samples)
}

/// The unpacked segments of an RLE frame, each of `length` bytes.
pub(crate) fn rle_segments(payload: &[u8], wanted: usize, length: usize) -> Result<Vec<Vec<u8>>, String> {
    let head = payload.get(..64).ok_or("RLE frame without its header")?;
    let number = |index: usize| crate::dataset::u32_of(&head[4 * index..], false) as usize;
    if number(0) != wanted {
        return Err(format!("RLE frame of {} segments, expected {wanted}", number(0)));
    }
    (1..=wanted)
        .map(|index| {
            let start = number(index);
            let end = if index < wanted { number(index + 1) } else { payload.len() };
            let packed = payload.get(start..end).ok_or("RLE segment outside its frame")?;
            unpack_bits(packed, length).ok_or_else(|| format!("RLE segment {index} ends early"))
        })
        .collect()
}

fn unpack_bits(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    let mut at = 0;
    while bytes.len() < length {
        let count = packed.get(at)?.cast_signed();
        at += 1;
        if count >= 0 {
            let run = count as usize + 1;
            bytes.extend_from_slice(packed.get(at..at + run)?);
            at += run;
        } else if count != -128 {
            let byte = *packed.get(at)?;
            at += 1;
            bytes.resize(bytes.len() + 1 + usize::from(count.unsigned_abs()), byte);
        }
    }
    bytes.truncate(length);
    Some(bytes)
}

/// JPEG baseline and lossless (ISO 10918-1), by the jpeg-decoder crate; components as they are, no colour transform.
pub(crate) fn jpeg(payload: &[u8], format: &PixelFormat) -> Result<Vec<u16>, String> {
    guarded("JPEG", || {
        let mut decoder = jpeg_decoder::Decoder::new(payload);
        decoder.read_info().map_err(|error| format!("JPEG: {error}"))?;
        let info = decoder.info().ok_or("JPEG without a header")?;
        if (usize::from(info.width), usize::from(info.height)) != (format.columns, format.rows) {
            return Err(format!(
                "JPEG of {}x{} in an image of {}x{}",
                info.width, info.height, format.columns, format.rows
            ));
        }
        decoder.set_max_decoding_buffer_size(format.samples().saturating_mul(8));
        if format.samples_per_pixel == 3 {
            // of this crate's transforms the one from RGB to RGB changes nothing
            decoder.set_color_transform(jpeg_decoder::ColorTransform::RGB);
        }
        let bytes = decoder.decode().map_err(|error| format!("JPEG: {error}"))?;
        Ok(match info.pixel_format {
            jpeg_decoder::PixelFormat::L16 => {
                bytes.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect()
            }
            _ => bytes.into_iter().map(u16::from).collect(),
        })
    })
}

/// JPEG extended (process 2 and 4): 8 bit like baseline, 12 bit by an own decoder.
pub(crate) fn jpeg_extended(payload: &[u8], format: &PixelFormat) -> Result<Vec<u16>, String> {
    if crate::jpeg12::precision(payload) == Some(12) {
        crate::jpeg12::decode(payload, format.columns, format.rows)
    } else {
        jpeg(payload, format)
    }
}

/// JPEG 2000 and HTJ2K (ISO 15444-1 and -15), by openjp2, a Rust port of OpenJPEG.
pub(crate) fn jpeg2000(payload: &[u8], format: &PixelFormat) -> Result<Vec<u16>, String> {
    let (columns, rows, components) =
        code_stream_size(payload).ok_or("JPEG 2000 without a code stream header")?;
    if (columns, rows, components)
        != (format.columns as u64, format.rows as u64, format.samples_per_pixel as u64)
    {
        return Err(format!(
            "JPEG 2000 of {columns}x{rows}x{components} in an image of {}x{}x{}",
            format.columns, format.rows, format.samples_per_pixel
        ));
    }
    guarded("JPEG 2000", || {
        let parameters = jpeg2k::DecodeParameters::new().strict(false);
        let image = jpeg2k::Image::from_bytes_with(payload, parameters)
            .map_err(|error| format!("JPEG 2000: {error}"))?;
        let components = image.components();
        let mut samples = vec![0u16; format.samples()];
        for (number, component) in components.iter().enumerate() {
            let data = component.data();
            if data.len() != format.pixels() || number >= format.samples_per_pixel {
                return Err("JPEG 2000 with subsampled or additional components".into());
            }
            for (pixel, &value) in data.iter().enumerate() {
                // two's complement in the bits allocated, as the data set would hold it
                samples[pixel * format.samples_per_pixel + number] = value as u16;
            }
        }
        Ok(samples)
    })
}

/// Columns, rows and components of the SIZ segment (ISO 15444-1 A.5.1).
fn code_stream_size(payload: &[u8]) -> Option<(u64, u64, u64)> {
    let at = payload.windows(4).position(|four| four == [0xff, 0x4f, 0xff, 0x51])?;
    let siz = payload.get(at + 4..at + 4 + 38)?;
    let long = |offset: usize| u64::from(crate::dataset::u32_of(&siz[offset..], true));
    let components = u64::from(crate::dataset::u16_of(&siz[36..], true));
    Some((long(4).checked_sub(long(12))?, long(8).checked_sub(long(16))?, components))
}

fn guarded<T>(name: &str, decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(format!("{name} decoder gave up on a damaged stream")))
}
