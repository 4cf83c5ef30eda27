/*! Label volumes as NIfTI-1 (`.nii.gz`). */

use std::io::{self, Write};

use apatite_volume::Labels;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes before the voxels: header and the four that say there is no extension.
const HEADER: usize = 352;

/// Writes labels as unsigned 16 bit, with the map to RAS in the sform (NIfTI-1.1, `nifti1.h`).
pub(crate) fn write_labels(labels: &Labels, out: impl Write) -> io::Result<()> {
    let mut header = vec![0_u8; HEADER];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    let mut dimensions = [1_i16; 8];
    dimensions[0] = 3;
    for (dimension, &size) in dimensions[1..4].iter_mut().zip(&labels.size) {
        *dimension = i16::try_from(size).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, "NIfTI-1 holds at most 32767 voxels a side")
        })?;
    }
    for (place, dimension) in dimensions.iter().enumerate() {
        put(40 + 2 * place, &dimension.to_le_bytes());
    }
    put(70, &512_i16.to_le_bytes()); // NIFTI_TYPE_UINT16
    put(72, &16_i16.to_le_bytes());
    put(76, &1.0_f32.to_le_bytes());
    for (axis, spacing) in labels.geometry.spacing_mm().into_iter().enumerate() {
        put(80 + 4 * axis, &(spacing as f32).to_le_bytes());
    }
    put(108, &(HEADER as f32).to_le_bytes());
    put(112, &1.0_f32.to_le_bytes());
    put(123, &[2]); // mm
    put(254, &1_i16.to_le_bytes()); // sform: scanner coordinates
    for axis in 0..3 {
        // LPS to RAS: x and y change their sign
        let sign = if axis < 2 { -1.0 } else { 1.0 };
        for step in 0..3 {
            let value = (sign * labels.geometry.steps_mm[step][axis]) as f32;
            put(280 + 16 * axis + 4 * step, &value.to_le_bytes());
        }
        put(280 + 16 * axis + 12, &((sign * labels.geometry.origin_mm[axis]) as f32).to_le_bytes());
    }
    put(344, b"n+1\0");
    let mut encoder = GzEncoder::new(out, Compression::fast());
    encoder.write_all(&header)?;
    let mut bytes = Vec::with_capacity(1 << 17);
    for chunk in labels.values.chunks(1 << 16) {
        bytes.clear();
        bytes.extend(chunk.iter().flat_map(|label| label.to_le_bytes()));
        encoder.write_all(&bytes)?;
    }
    encoder.finish()?.flush()
}
