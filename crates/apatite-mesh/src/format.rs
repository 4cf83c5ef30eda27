use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::json;

use crate::{Mesh, cross, norm, sub};

/// A file format for meshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Binary STL, LPS mm; one solid, no names and colours.
    Stl,
    /// Binary PLY, LPS mm; with colours.
    Ply,
    /// OBJ, LPS mm; one object for each part, with vertex colours.
    Obj,
    /// Binary glTF 2.0 in metres, +X left, +Y head, +Z front; one node for each part, with materials.
    Glb,
}

/// A mesh with a name and a colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Name, of letters, digits, `-` and `_`.
    pub name: String,
    /// sRGB.
    pub colour: [u8; 3],
    /// Share of light it stops, 0 to 1; in glTF only.
    pub opacity: f64,
    /// The mesh.
    pub mesh: Mesh,
}

impl Format {
    /// The format that the ending of a file name stands for.
    #[must_use]
    pub fn of_ending(ending: &str) -> Option<Self> {
        match ending.to_ascii_lowercase().as_str() {
            "stl" => Some(Self::Stl),
            "ply" => Some(Self::Ply),
            "obj" => Some(Self::Obj),
            "glb" => Some(Self::Glb),
            _ => None,
        }
    }
}

/// Writes parts as one file.
///
/// # Errors
/// Where writing fails, or a mesh is too large for the format.
pub fn write(out: &mut impl Write, format: Format, parts: &[Part]) -> io::Result<()> {
    match format {
        Format::Stl => stl(out, parts),
        Format::Ply => ply(out, parts),
        Format::Obj => obj(out, parts),
        Format::Glb => glb(out, parts),
    }
}

fn stl(out: &mut impl Write, parts: &[Part]) -> io::Result<()> {
    let mut header = [b' '; 80];
    // how 3D Slicer is told the frame
    let title = b"Apatite SPACE=LPS UNIT=mm";
    header[..title.len()].copy_from_slice(title);
    out.write_all(&header)?;
    let count: usize = parts.iter().map(|part| part.mesh.triangles.len()).sum();
    out.write_all(&fits(count)?.to_le_bytes())?;
    for corners in parts.iter().flat_map(|part| part.mesh.corners()) {
        let normal = cross(sub(corners[1], corners[0]), sub(corners[2], corners[0]));
        let length = norm(normal).max(f64::MIN_POSITIVE);
        for value in normal.map(|part| part / length).iter().chain(corners.as_flattened()) {
            out.write_all(&(*value as f32).to_le_bytes())?;
        }
        out.write_all(&[0, 0])?;
    }
    Ok(())
}

fn ply(out: &mut impl Write, parts: &[Part]) -> io::Result<()> {
    let vertices: usize = parts.iter().map(|part| part.mesh.vertices_mm.len()).sum();
    let triangles: usize = parts.iter().map(|part| part.mesh.triangles.len()).sum();
    fits(vertices)?;
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\ncomment Apatite, LPS, mm\nelement vertex {vertices}\n\
         property float x\nproperty float y\nproperty float z\n\
         property uchar red\nproperty uchar green\nproperty uchar blue\n\
         element face {triangles}\nproperty list uchar uint vertex_indices\nend_header\n"
    )?;
    for part in parts {
        for vertex in &part.mesh.vertices_mm {
            for value in vertex {
                out.write_all(&(*value as f32).to_le_bytes())?;
            }
            out.write_all(&part.colour)?;
        }
    }
    let mut first = 0_u32;
    for part in parts {
        for triangle in &part.mesh.triangles {
            out.write_all(&[3])?;
            for at in triangle {
                out.write_all(&(first + at).to_le_bytes())?;
            }
        }
        first += part.mesh.vertices_mm.len() as u32;
    }
    Ok(())
}

fn obj(out: &mut impl Write, parts: &[Part]) -> io::Result<()> {
    writeln!(out, "# Apatite, LPS, mm")?;
    let mut first = 1_u64;
    for part in parts {
        writeln!(out, "o {}", part.name)?;
        let [r, g, b] = part.colour.map(|value| f64::from(value) / 255.0);
        for [x, y, z] in &part.mesh.vertices_mm {
            writeln!(out, "v {x:.4} {y:.4} {z:.4} {r:.3} {g:.3} {b:.3}")?;
        }
        for triangle in &part.mesh.triangles {
            let [a, b, c] = triangle.map(|at| first + u64::from(at));
            writeln!(out, "f {a} {b} {c}")?;
        }
        first += part.mesh.vertices_mm.len() as u64;
    }
    Ok(())
}

/// Metres, head up, front towards the viewer: the axes of glTF.
fn gltf_from_patient([x, y, z]: [f64; 3]) -> [f32; 3] {
    [x, z, -y].map(|value| (value / 1000.0) as f32)
}

fn glb(out: &mut impl Write, parts: &[Part]) -> io::Result<()> {
    let mut data: Vec<u8> = Vec::new();
    let (mut views, mut accessors, mut meshes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut materials, mut nodes) = (Vec::new(), Vec::new());
    for (number, part) in parts.iter().enumerate() {
        let points: Vec<[f32; 3]> =
            part.mesh.vertices_mm.iter().map(|&point| gltf_from_patient(point)).collect();
        let normals = part.mesh.normals().into_iter().map(|[x, y, z]| [x, z, -y].map(|value| value as f32));
        // glTF asks for unit vectors, which a vertex without area has not
        let normals: Vec<[f32; 3]> =
            normals.map(|normal| if normal == [0.0; 3] { [0.0, 1.0, 0.0] } else { normal }).collect();
        let end = |pick: fn(f32, f32) -> f32, start: f32| -> [f32; 3] {
            std::array::from_fn(|axis| points.iter().map(|point| point[axis]).fold(start, pick))
        };
        let (low, high) = (end(f32::min, f32::INFINITY), end(f32::max, f32::NEG_INFINITY));
        let mut view = |bytes: Vec<u8>, target: u32| {
            views.push(
                json!({"buffer": 0, "byteOffset": data.len(), "byteLength": bytes.len(), "target": target}),
            );
            data.extend(bytes);
            views.len() - 1
        };
        let floats =
            |values: &[[f32; 3]]| values.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        let indices = part.mesh.triangles.iter().flatten().flat_map(|at| at.to_le_bytes()).collect();
        let (points_view, normals_view, indices_view) =
            (view(floats(&points), 34962), view(floats(&normals), 34962), view(indices, 34963));
        let (count, corners) = (points.len(), part.mesh.triangles.len() * 3);
        let first = accessors.len();
        accessors.push(json!({"bufferView": points_view, "componentType": 5126, "count": count, "type": "VEC3", "min": low, "max": high}));
        accessors
            .push(json!({"bufferView": normals_view, "componentType": 5126, "count": count, "type": "VEC3"}));
        accessors.push(
            json!({"bufferView": indices_view, "componentType": 5125, "count": corners, "type": "SCALAR"}),
        );
        let mut colour = part.colour.map(|value| linear(f64::from(value) / 255.0)).to_vec();
        colour.push(part.opacity);
        let blend = if part.opacity < 1.0 { "BLEND" } else { "OPAQUE" };
        materials.push(json!({
            "name": part.name,
            "pbrMetallicRoughness": {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": 0.7},
            "alphaMode": blend,
        }));
        meshes.push(json!({
            "name": part.name,
            "primitives": [{"attributes": {"POSITION": first, "NORMAL": first + 1}, "indices": first + 2, "material": number}],
        }));
        nodes.push(json!({"name": part.name, "mesh": number}));
    }
    let mut root = json!({"asset": {"version": "2.0", "generator": "Apatite"}, "scene": 0, "scenes": [{}]});
    // glTF forbids empty lists
    if !parts.is_empty() {
        root["scenes"][0]["nodes"] = json!((0..nodes.len()).collect::<Vec<_>>());
        root["nodes"] = json!(nodes);
        root["meshes"] = json!(meshes);
        root["materials"] = json!(materials);
        root["accessors"] = json!(accessors);
        root["bufferViews"] = json!(views);
        root["buffers"] = json!([{"byteLength": data.len()}]);
    }
    let mut text = String::new();
    write!(text, "{root}").map_err(io::Error::other)?;
    while !text.len().is_multiple_of(4) {
        text.push(' ');
    }
    let binary = if data.is_empty() { 0 } else { 8 + data.len() };
    out.write_all(b"glTF")?;
    out.write_all(&2_u32.to_le_bytes())?;
    out.write_all(&fits(12 + 8 + text.len() + binary)?.to_le_bytes())?;
    out.write_all(&fits(text.len())?.to_le_bytes())?;
    out.write_all(b"JSON")?;
    out.write_all(text.as_bytes())?;
    if !data.is_empty() {
        out.write_all(&fits(data.len())?.to_le_bytes())?;
        out.write_all(b"BIN\0")?;
        out.write_all(&data)?;
    }
    Ok(())
}

/// Light from a colour of sRGB.
fn linear(value: f64) -> f64 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn fits(count: usize) -> io::Result<u32> {
    u32::try_from(count).map_err(|_| io::Error::other("the mesh is too large for this format"))
}
