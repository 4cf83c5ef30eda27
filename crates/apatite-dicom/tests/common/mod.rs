//! A small writer of DICOM slices, for tests that need geometry no shared file has.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A CT slice to write; its pixels are a function of column and row.
#[derive(Clone)]
pub struct Slice {
    pub position: [f64; 3],
    pub orientation: [f64; 6],
    pub spacing: [f64; 2],
    pub size: [u16; 2],
    pub instance: usize,
    pub acquisition: usize,
    pub series: String,
    pub description: String,
    pub kernel: String,
    pub contrast: String,
    pub thickness: f64,
    pub image_type: String,
    pub slope: f64,
    pub intercept: f64,
    pub padding: Option<i16>,
    pub bits_stored: u16,
    pub signed: bool,
    pub stored: Vec<u16>,
}

impl Slice {
    pub fn new(position: [f64; 3], size: [u16; 2], value: impl Fn(usize, usize) -> f64) -> Self {
        let [columns, rows] = size.map(usize::from);
        let pixel = |index: usize| value(index % columns, index / columns).round() as i16 as u16;
        Self {
            position,
            orientation: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            spacing: [1.0, 1.0],
            size,
            instance: 1,
            acquisition: 1,
            series: "1.2.3".into(),
            description: "test".into(),
            kernel: "STANDARD".into(),
            contrast: String::new(),
            thickness: 1.0,
            image_type: "ORIGINAL\\PRIMARY\\AXIAL".into(),
            slope: 1.0,
            intercept: 0.0,
            padding: None,
            bits_stored: 16,
            signed: true,
            stored: (0..columns * rows).map(pixel).collect(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0; 128];
        out.extend(b"DICM");
        let join =
            |values: &[f64]| values.iter().map(|value| format!("{value}")).collect::<Vec<_>>().join("\\");
        put(&mut out, 0x0002, 0x0010, "UI", "1.2.840.10008.1.2.1");
        put(&mut out, 0x0008, 0x0008, "CS", &self.image_type);
        put(&mut out, 0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.2");
        put(&mut out, 0x0008, 0x0018, "UI", &format!("1.2.3.{}.{}", self.acquisition, self.instance));
        put(&mut out, 0x0008, 0x0060, "CS", "CT");
        put(&mut out, 0x0008, 0x103e, "LO", &self.description);
        put(&mut out, 0x0018, 0x0010, "LO", &self.contrast);
        put(&mut out, 0x0018, 0x0050, "DS", &self.thickness.to_string());
        put(&mut out, 0x0018, 0x1210, "SH", &self.kernel);
        put(&mut out, 0x0018, 0x5100, "CS", "HFS");
        put(&mut out, 0x0020, 0x000d, "UI", "1.2");
        put(&mut out, 0x0020, 0x000e, "UI", &self.series);
        put(&mut out, 0x0020, 0x0011, "IS", self.series.rsplit('.').next().unwrap_or("1"));
        put(&mut out, 0x0020, 0x0012, "IS", &self.acquisition.to_string());
        put(&mut out, 0x0020, 0x0013, "IS", &self.instance.to_string());
        put(&mut out, 0x0020, 0x0032, "DS", &join(&self.position));
        put(&mut out, 0x0020, 0x0037, "DS", &join(&self.orientation));
        short(&mut out, 0x0002, 1);
        put(&mut out, 0x0028, 0x0004, "CS", "MONOCHROME2");
        short(&mut out, 0x0010, self.size[1]);
        short(&mut out, 0x0011, self.size[0]);
        put(&mut out, 0x0028, 0x0030, "DS", &join(&[self.spacing[1], self.spacing[0]]));
        short(&mut out, 0x0100, 16);
        short(&mut out, 0x0101, self.bits_stored);
        short(&mut out, 0x0102, self.bits_stored - 1);
        short(&mut out, 0x0103, self.signed.into());
        if let Some(padding) = self.padding {
            short(&mut out, 0x0120, padding as u16);
        }
        put(&mut out, 0x0028, 0x1052, "DS", &self.intercept.to_string());
        put(&mut out, 0x0028, 0x1053, "DS", &self.slope.to_string());
        out.extend([0xe0, 0x7f, 0x10, 0x00, b'O', b'W', 0, 0]);
        out.extend((2 * self.stored.len() as u32).to_le_bytes());
        out.extend(self.stored.iter().flat_map(|value| value.to_le_bytes()));
        out
    }
}

fn put(out: &mut Vec<u8>, group: u16, element: u16, vr: &str, value: &str) {
    let mut bytes = value.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(if vr == "UI" { 0 } else { b' ' });
    }
    out.extend(group.to_le_bytes());
    out.extend(element.to_le_bytes());
    out.extend(vr.as_bytes());
    out.extend((bytes.len() as u16).to_le_bytes());
    out.extend(bytes);
}

fn short(out: &mut Vec<u8>, element: u16, value: u16) {
    out.extend([0x28, 0]);
    out.extend(element.to_le_bytes());
    out.extend(b"US");
    out.extend([2, 0]);
    out.extend(value.to_le_bytes());
}

/// A folder that goes away with its owner.
pub struct Folder(pub TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Writes slices as `0.dcm`, `1.dcm` and so on.
    pub fn of(slices: &[Slice]) -> Self {
        let folder = Self::new();
        for (index, slice) in slices.iter().enumerate() {
            folder.write(&format!("{index}.dcm"), &slice.bytes());
        }
        folder
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.path().join(name), bytes).expect("a temporary file");
    }

    pub fn paths(&self) -> Vec<PathBuf> {
        vec![self.0.path().to_owned()]
    }
}

pub fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The shared data, where this machine has it.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
    }
    path.exists().then_some(path)
}
