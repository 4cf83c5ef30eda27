/*!
NIfTI-1 and NIfTI-2: single files, plain or compressed by gzip. Read into volumes and masks; masks are written.

Patient coordinates of NIfTI are RAS, those of this program LPS: the first two axes change their sign.
*/

use std::io::{self, Read, Write};
use std::path::Path;

use apatite_volume::{Geometry, Labels};

use crate::entry::Entry;
use crate::header::{cross, dot};
use crate::{ReadError, Warning};

/// Voxels that a volume may have.
pub(crate) const MAX_VOXELS: u64 = 1 << 31;

/// Whether the first bytes are those of a NIfTI header.
pub(crate) fn is_nifti(head: &[u8]) -> bool {
    let one = head.get(344..348) == Some(b"n+1\0");
    let two = head.get(4..8) == Some(b"n+2\0");
    one || two
}

/// What a header says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) size: [usize; 3],
    pub(crate) volumes: usize,
    kind: Kind,
    big_endian: bool,
    offset: u64,
    slope: f64,
    intercept: f64,
    /// LPS; steps may be oblique to one another.
    pub(crate) origin_mm: [f64; 3],
    pub(crate) steps_mm: [[f64; 3]; 3],
    pub(crate) oriented: bool,
    pub(crate) description: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Kind {
    fn of(code: i64) -> Option<Self> {
        Some(match code {
            2 => Self::U8,
            4 => Self::I16,
            8 => Self::I32,
            16 => Self::F32,
            64 => Self::F64,
            256 => Self::I8,
            512 => Self::U16,
            768 => Self::U32,
            1024 => Self::I64,
            1280 => Self::U64,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    fn value(self, bytes: [u8; 8]) -> f64 {
        let [a, b, c, d, ..] = bytes;
        match self {
            Self::U8 => a.into(),
            Self::I8 => a.cast_signed().into(),
            Self::U16 => u16::from_le_bytes([a, b]).into(),
            Self::I16 => i16::from_le_bytes([a, b]).into(),
            Self::U32 => u32::from_le_bytes([a, b, c, d]).into(),
            Self::I32 => i32::from_le_bytes([a, b, c, d]).into(),
            Self::F32 => f32::from_le_bytes([a, b, c, d]).into(),
            Self::U64 => u64::from_le_bytes(bytes) as f64,
            Self::I64 => i64::from_le_bytes(bytes) as f64,
            Self::F64 => f64::from_le_bytes(bytes),
        }
    }
}

impl Header {
    /// Parses the first bytes of a file.
    ///
    /// # Errors
    ///
    /// In words, where this is no volume that can be read.
    pub(crate) fn parse(head: &[u8]) -> Result<Self, String> {
        let two = head.get(4..8) == Some(b"n+2\0");
        let wanted = if two { 540 } else { 348 };
        let raw = head.get(..wanted).ok_or("NIfTI header is short")?;
        let stated = u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]) as usize;
        let big_endian = stated != wanted;
        if big_endian && u32::from_be_bytes([raw[0], raw[1], raw[2], raw[3]]) as usize != wanted {
            return Err(format!("NIfTI header says it has {stated} bytes"));
        }
        let bytes = |at: usize, count: usize| {
            let mut eight = [0u8; 8];
            for index in 0..count {
                eight[if big_endian { count - 1 - index } else { index }] = raw[at + index];
            }
            eight
        };
        let number = |at: usize, kind: Kind| kind.value(bytes(at, kind.bytes()));
        let (dims, kind_at, spacing_at, place) =
            if two { (16, 12, 104, Kind::F64) } else { (40, 70, 76, Kind::F32) };
        let width = place.bytes();
        let dim = |index: usize| {
            number(dims + index * if two { 8 } else { 2 }, if two { Kind::I64 } else { Kind::I16 })
        };
        let axes = dim(0);
        if !(1.0..=7.0).contains(&axes) {
            return Err(format!("NIfTI of {axes} dimensions"));
        }
        let length = |index: usize| if (index as f64) <= axes { dim(index).max(1.0) } else { 1.0 };
        let size = [length(1), length(2), length(3)];
        let volumes: f64 = (4..8).map(length).product();
        if size.iter().product::<f64>() > MAX_VOXELS as f64 || volumes > 100_000.0 {
            return Err("NIfTI of more voxels than are read".into());
        }
        let code = number(kind_at, Kind::I16) as i64;
        let kind = Kind::of(code)
            .ok_or_else(|| format!("NIfTI datatype {code} (colour or complex) is not supported"))?;
        let spacing = |index: usize| number(spacing_at + index * width, place);
        let (offset, slope_at, qcode_at, scode_at, quatern_at, srow_at, text_at) = if two {
            (number(168, Kind::I64), 176, 344, 348, 352, 400, 240)
        } else {
            (number(108, Kind::F32), 112, 252, 254, 256, 280, 148)
        };
        let code_kind = if two { Kind::I32 } else { Kind::I16 };
        let slope = number(slope_at, place);
        let intercept = number(slope_at + width, place);
        let scaled = slope.is_finite() && intercept.is_finite() && slope != 0.0;
        let srow = |row: usize, column: usize| number(srow_at + (4 * row + column) * width, place);
        // RAS, rows by columns
        let (affine, oriented) = if number(scode_at, code_kind) > 0.0 {
            (std::array::from_fn(|row| std::array::from_fn(|column| srow(row, column))), true)
        } else if number(qcode_at, code_kind) > 0.0 {
            let [b, c, d, x, y, z] = std::array::from_fn(|index| number(quatern_at + index * width, place));
            let handed = if spacing(0) < 0.0 { -1.0 } else { 1.0 };
            (from_quaternion([b, c, d], [x, y, z], [spacing(1), spacing(2), spacing(3) * handed]), true)
        } else {
            let [x, y, z] = [1, 2, 3].map(|index| spacing(index).abs());
            ([[x, 0.0, 0.0, 0.0], [0.0, y, 0.0, 0.0], [0.0, 0.0, z, 0.0]], false)
        };
        let lps = |column: usize| [-affine[0][column], -affine[1][column], affine[2][column]];
        let steps_mm = [lps(0), lps(1), lps(2)];
        if steps_mm.iter().any(|&step: &[f64; 3]| {
            let length = dot(step, step).sqrt();
            !(1e-4..1e3).contains(&length)
        }) {
            return Err("NIfTI header gives no voxel size".into());
        }
        let description = raw.get(text_at..text_at + 80).map(|text| {
            text.iter()
                .take_while(|&&byte| byte != 0)
                .filter(|byte| byte.is_ascii_graphic() || **byte == b' ')
                .map(|&byte| char::from(byte))
                .collect()
        });
        Ok(Self {
            size: size.map(|length| length as usize),
            volumes: volumes as usize,
            kind,
            big_endian,
            offset: if offset.is_finite() && offset >= wanted as f64 {
                offset as u64
            } else {
                wanted as u64 + 4
            },
            slope: if scaled { slope } else { 1.0 },
            intercept: if scaled { intercept } else { 0.0 },
            origin_mm: lps(3),
            steps_mm,
            oriented,
            description: description.unwrap_or_default(),
        })
    }

    /// Whether the file looks like a mask: bytes cannot hold HU.
    pub(crate) fn is_mask(&self) -> bool {
        matches!(self.kind, Kind::U8 | Kind::I8) && self.slope == 1.0
    }

    /// Whether columns, rows and slices stand square on one another; then the first two do in the second value.
    pub(crate) fn square(&self) -> (bool, bool) {
        let unit = self.steps_mm.map(|step| {
            let length = dot(step, step).sqrt();
            step.map(|value| value / length)
        });
        let inside = dot(unit[0], unit[1]).abs() < 1e-3;
        (inside && dot(unit[0], unit[2]).abs() < 1e-3 && dot(unit[1], unit[2]).abs() < 1e-3, inside)
    }

    pub(crate) fn geometry(&self) -> Geometry {
        Geometry { origin_mm: self.origin_mm, steps_mm: self.steps_mm }
    }

    /// Reads the values of one volume (from 0), piece by piece.
    pub(crate) fn read(
        &self,
        entry: &Entry,
        volume: usize,
        mut take: impl FnMut(usize, &mut dyn Iterator<Item = f64>),
    ) -> io::Result<()> {
        let slice = self.size[0] * self.size[1];
        let width = self.kind.bytes();
        let skip = self.offset + (volume as u64) * (slice as u64) * (self.size[2] as u64) * width as u64;
        entry.with(|reader| {
            io::copy(&mut reader.take(skip), &mut io::sink())?;
            let mut buffer = vec![0u8; slice * width];
            for number in 0..self.size[2] {
                reader.read_exact(&mut buffer)?;
                let values = buffer.chunks_exact(width).map(|bytes| {
                    let mut eight = [0u8; 8];
                    eight[..width].copy_from_slice(bytes);
                    if self.big_endian {
                        eight[..width].reverse();
                    }
                    self.kind.value(eight)
                });
                if self.slope == 1.0 && self.intercept == 0.0 {
                    take(number, &mut { values });
                } else {
                    take(number, &mut values.map(|value| value * self.slope + self.intercept));
                }
            }
            Ok(())
        })
    }
}

/// Rotation of NIfTI's method 2.
fn from_quaternion([b, c, d]: [f64; 3], offset: [f64; 3], spacing: [f64; 3]) -> [[f64; 4]; 3] {
    let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
    let rotation = [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ];
    std::array::from_fn(|row| {
        std::array::from_fn(
            |column| if column < 3 { rotation[row][column] * spacing[column] } else { offset[row] },
        )
    })
}

/// A volume as a mask: labels 0 to 65535, others and fractions are background.
pub(crate) fn read_labels(entry: &Entry, header: &Header) -> Result<Labels, ReadError> {
    let slice = header.size[0] * header.size[1];
    let mut values = vec![0u16; slice * header.size[2]];
    header
        .read(entry, 0, |number, from| {
            for (to, value) in values[number * slice..][..slice].iter_mut().zip(from) {
                *to = if (1.0..=65535.0).contains(&value) { value.round() as u16 } else { 0 };
            }
        })
        .map_err(|source| ReadError::Io { path: entry.path().to_path_buf(), source })?;
    Ok(Labels { size: header.size, values, geometry: header.geometry() })
}

/// Writes labels as NIfTI-1, compressed where the name ends in `.gz`; bytes where all labels fit, else 16 bit.
///
/// The header holds the affine in RAS as sform and qform. Equal labels make equal files.
///
/// # Errors
///
/// Where the file cannot be written, or the grid is larger than NIfTI-1 can say.
pub fn write_labels(path: &Path, labels: &Labels) -> Result<(), ReadError> {
    let wide = labels.values.iter().any(|&label| label > 255);
    let (code, bits) = if wide { (512, 16) } else { (2, 8) };
    write(path, labels.size, &labels.geometry, code, bits, |writer| {
        for chunk in labels.values.chunks(1 << 16) {
            let bytes: Vec<u8> = if wide {
                chunk.iter().flat_map(|label| label.to_le_bytes()).collect()
            } else {
                chunk.iter().map(|&label| label as u8).collect()
            };
            writer.write_all(&bytes)?;
        }
        Ok(())
    })
}

/// Writes a volume as NIfTI-1 of 16 bit, compressed where the name ends in `.gz`.
///
/// # Errors
///
/// As [`write_labels`].
pub fn write_volume(path: &Path, volume: &apatite_volume::Volume) -> Result<(), ReadError> {
    write(path, volume.size, &volume.geometry, 4, 16, |writer| {
        for chunk in volume.values.chunks(1 << 16) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
            writer.write_all(&bytes)?;
        }
        Ok(())
    })
}

fn write(
    path: &Path,
    size: [usize; 3],
    geometry: &Geometry,
    code: i16,
    bits: i16,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ReadError> {
    let name = || path.display().to_string();
    if size.iter().any(|&length| length > 32_767) {
        return Err(ReadError::File {
            file: name(),
            problem: "NIfTI-1 holds 32767 voxels along an axis".into(),
        });
    }
    let header = header_bytes(size, geometry, code, bits);
    let save = || -> io::Result<()> {
        let mut file = io::BufWriter::with_capacity(1 << 18, std::fs::File::create(path)?);
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
            let mut packed = flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast());
            packed.write_all(&header)?;
            body(&mut packed)?;
            packed.finish()?;
        } else {
            file.write_all(&header)?;
            body(&mut file)?;
        }
        file.flush()
    };
    save().map_err(|source| ReadError::Io { path: path.to_path_buf(), source })
}

fn header_bytes(size: [usize; 3], geometry: &Geometry, code: i16, bits: i16) -> [u8; 352] {
    let mut header = [0u8; 352];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    let spacing = geometry.spacing_mm();
    // RAS
    let column = |step: [f64; 3]| [-step[0], -step[1], step[2]];
    let steps = geometry.steps_mm.map(column);
    let origin = column(geometry.origin_mm);
    put(0, &348i32.to_le_bytes());
    for (index, length) in [3, size[0], size[1], size[2], 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * index, &(length as i16).to_le_bytes());
    }
    put(70, &code.to_le_bytes());
    put(72, &bits.to_le_bytes());
    let unit: [[f64; 3]; 3] = std::array::from_fn(|step| steps[step].map(|value| value / spacing[step]));
    let handed = if dot(cross(unit[0], unit[1]), unit[2]) < 0.0 { -1.0 } else { 1.0 };
    for (index, value) in [handed, spacing[0], spacing[1], spacing[2]].into_iter().enumerate() {
        put(76 + 4 * index, &(value as f32).to_le_bytes());
    }
    put(108, &352f32.to_le_bytes());
    put(112, &1f32.to_le_bytes());
    // millimetres
    put(123, &[2]);
    put(148, b"Apatite");
    put(252, &1i16.to_le_bytes());
    put(254, &1i16.to_le_bytes());
    let rotation = [unit[0], unit[1], unit[2].map(|value| value * handed)];
    for (index, value) in quaternion(rotation).into_iter().chain(origin).enumerate() {
        put(256 + 4 * index, &(value as f32).to_le_bytes());
    }
    for row in 0..3 {
        for (index, value) in
            [steps[0][row], steps[1][row], steps[2][row], origin[row]].into_iter().enumerate()
        {
            put(280 + 16 * row + 4 * index, &(value as f32).to_le_bytes());
        }
    }
    put(344, b"n+1\0");
    header
}

/// Quaternion (b, c, d; a not negative) of a proper rotation given by its columns.
fn quaternion(columns: [[f64; 3]; 3]) -> [f64; 3] {
    let r = |row: usize, column: usize| columns[column][row];
    let squares = [
        1.0 + r(0, 0) + r(1, 1) + r(2, 2),
        1.0 + r(0, 0) - r(1, 1) - r(2, 2),
        1.0 - r(0, 0) + r(1, 1) - r(2, 2),
        1.0 - r(0, 0) - r(1, 1) + r(2, 2),
    ];
    // the largest component is found first, the others by division through it
    let largest = (0..4).max_by(|&one, &two| squares[one].total_cmp(&squares[two])).unwrap_or(0);
    let half = squares[largest].max(0.0).sqrt() / 2.0;
    let part = |sum: f64| sum / (4.0 * half);
    let [a, b, c, d] = match largest {
        0 => [half, part(r(2, 1) - r(1, 2)), part(r(0, 2) - r(2, 0)), part(r(1, 0) - r(0, 1))],
        1 => [part(r(2, 1) - r(1, 2)), half, part(r(0, 1) + r(1, 0)), part(r(0, 2) + r(2, 0))],
        2 => [part(r(0, 2) - r(2, 0)), part(r(0, 1) + r(1, 0)), half, part(r(1, 2) + r(2, 1))],
        _ => [part(r(1, 0) - r(0, 1)), part(r(0, 2) + r(2, 0)), part(r(1, 2) + r(2, 1)), half],
    };
    let sign = if a < 0.0 { -1.0 } else { 1.0 };
    [b * sign, c * sign, d * sign]
}

/// Warnings that a header gives rise to.
pub(crate) fn warnings(header: &Header) -> Vec<Warning> {
    if header.oriented { Vec::new() } else { vec![Warning::NoOrientation] }
}
