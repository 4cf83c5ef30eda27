/*!
Pictures of CT and MR volumes, with what was found drawn in.

A [`Scene`] holds a volume. A [`View`] says where a picture lies in the patient: a [`Plane`], a size in pixels, a pixel
size. [`Scene::slice`], [`Scene::projection`] and [`Scene::curved`] give a [`Raster`] of values, which a [`Window`] makes
grey; [`Scene::surface`] gives a shaded [`Picture`]. [`annotate`] draws scale bar, orientation letters, outlines and
levels; [`key_images`] chooses the pictures of a report. [`Picture::png`] and [`apng`] write them.

```
# use apatite_volume::{Acquisition, Geometry, Volume};
use apatite_render::{Axis, Picture, Scene, View, Window};

# let geometry = Geometry { origin_mm: [0.0; 3], steps_mm: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]] };
# let volume = Volume { size: [8, 8, 4], values: vec![40; 256], geometry, padding: None, acquisition: Acquisition::default() };
let scene = Scene::new(&volume);
let view = View::orthogonal(&volume, Axis::Axial, None, 256)?;
let png: Vec<u8> = Picture::from(&scene.slice(&view).grey(Window::BONE)).png()?;
# Ok::<(), apatite_render::RenderError>(())
```

Coordinates are DICOM's (LPS, mm). Planes may lie at any angle and voxels may have any shape: sampling is trilinear in
patient space. Equal input gives equal output on any number of threads. This crate reads no file and measures nothing.
*/

mod annotate;
mod blocks;
mod error;
mod key;
mod path;
mod picture;
mod project;
mod regions;
mod sample;
mod scene;
mod surface;
mod vector;
mod view;
mod window;

pub use annotate::{Annotations, annotate};
pub use error::RenderError;
pub use key::{KeyImage, KeyKind, key_images};
pub use path::{centreline, smoothed};
pub use picture::{Grey, Picture, Raster, apng};
pub use project::Projection;
pub use regions::{Region, Regions, colour_of};
pub use scene::Scene;
pub use surface::{Surface, SurfaceLook};
pub use view::{Axis, Plane, View};
pub use window::Window;
