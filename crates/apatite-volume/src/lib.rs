/*!
A volume of voxels in patient space, and labels on its grid.

Coordinates of patients are DICOM's: LPS, millimetres. Voxel coordinates are `[column, row, slice]`, the centre of the
first voxel at `[0, 0, 0]`. Memory runs columns fastest, then rows, then slices. This crate knows no file format and
no anatomy.
*/

pub mod cube;

/// A computed tomography or other scalar volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// Values (HU for CT), columns fastest.
    pub values: Vec<i16>,
    /// Where the voxels lie.
    pub geometry: Geometry,
    /// Voxels outside the reconstructed field carry this or less; none where all are inside.
    pub padding: Option<i16>,
    /// How the patient lay and what was acquired, as far as the files say it.
    pub acquisition: Acquisition,
}

/// Affine map from voxels to the patient; columns are the steps along column, row and slice index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    /// Patient coordinates (LPS, mm) of the centre of voxel `[0, 0, 0]`.
    pub origin_mm: [f64; 3],
    /// Step to the next column (increasing column index), LPS mm; likewise rows and slices. Orthogonal.
    pub steps_mm: [[f64; 3]; 3],
}

/// What the files say of the acquisition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acquisition {
    /// Modality, `CT` or `MR`.
    pub modality: String,
    /// PatientPosition: HFS, HFP, FFS, FFP, HFDR, HFDL, FFDR, FFDL; empty where unknown.
    pub patient_position: String,
    /// BodyPartExamined.
    pub body_part: String,
    /// SeriesDescription, which may name the region where BodyPartExamined is empty.
    pub description: String,
    /// ConvolutionKernel.
    pub kernel: String,
    /// KVP.
    pub tube_voltage_kv: Option<f64>,
    /// SliceThickness, mm.
    pub slice_thickness_mm: Option<f64>,
    /// Whether a contrast agent is named.
    pub contrast_agent: Option<bool>,
}

impl Volume {
    /// Number of voxels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no voxel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Position of a voxel in [`Volume::values`].
    #[must_use]
    pub fn index(&self, voxel: [usize; 3]) -> usize {
        index_of(self.size, voxel)
    }

    /// Direction in which gravity pulls, a unit vector in patient coordinates; none where the position is unknown.
    #[must_use]
    pub fn gravity(&self) -> Option<[f64; 3]> {
        // posterior is +y, the patient's left +x
        match self.acquisition.patient_position.as_str() {
            "HFS" | "FFS" => Some([0.0, 1.0, 0.0]),
            "HFP" | "FFP" => Some([0.0, -1.0, 0.0]),
            "HFDR" | "FFDR" => Some([-1.0, 0.0, 0.0]),
            "HFDL" | "FFDL" => Some([1.0, 0.0, 0.0]),
            _ => None,
        }
    }
}

/// Position of a voxel (column, row, slice) among the values of a grid of this size, columns fastest.
#[must_use]
#[inline]
pub fn index_of(size: [usize; 3], [column, row, slice]: [usize; 3]) -> usize {
    (slice * size[1] + row) * size[0] + column
}

/// The voxel (column, row, slice) at a position among the values of a grid of this size.
#[must_use]
#[inline]
pub fn voxel_at([columns, rows, _]: [usize; 3], index: usize) -> [usize; 3] {
    [index % columns, index / columns % rows, index / columns / rows]
}

impl Geometry {
    /// Patient coordinates of a voxel coordinate (which may lie between voxels).
    #[must_use]
    pub fn patient_from_voxel(&self, voxel: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| {
            self.origin_mm[axis] + (0..3).map(|step| self.steps_mm[step][axis] * voxel[step]).sum::<f64>()
        })
    }

    /// Voxel coordinate of a point of the patient; the steps are orthogonal.
    #[must_use]
    pub fn voxel_from_patient(&self, point_mm: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|step| {
            let direction = self.steps_mm[step];
            let length2: f64 = direction.iter().map(|value| value * value).sum();
            (0..3).map(|axis| (point_mm[axis] - self.origin_mm[axis]) * direction[axis]).sum::<f64>()
                / length2
        })
    }

    /// Distances between voxel centres along column, row and slice index, mm.
    #[must_use]
    pub fn spacing_mm(&self) -> [f64; 3] {
        self.steps_mm.map(|step| step.iter().map(|value| value * value).sum::<f64>().sqrt())
    }

    /// Volume of one voxel, mm³.
    #[must_use]
    pub fn voxel_mm3(&self) -> f64 {
        self.spacing_mm().iter().product()
    }
}

/// Labels on the grid of a volume: 0 is background, columns fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// One label a voxel.
    pub values: Vec<u16>,
    /// Where the voxels lie.
    pub geometry: Geometry,
}
