"""Reads SEG, SR, RTSTRUCT back with pydicom and highdicom and compares them with the NIfTI mask, the table of lesions and the images.

Usage: objects.py IMAGES_DIR OUT_DIR, where OUT_DIR holds lesions.seg.dcm, report.sr.dcm, contours.rtstruct.dcm, lesions.nii.gz,
lesions.csv, differential.csv as `apatite export` writes them.
"""

import csv
import pathlib
import sys

import highdicom
import nibabel
import numpy
import pydicom
from pydicom.sr.codedict import codes

images_dir, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
images = [pydicom.dcmread(path) for path in sorted(images_dir.rglob("*")) if path.is_file()]
first = images[0]
normal = numpy.cross(first.ImageOrientationPatient[:3], first.ImageOrientationPatient[3:])
images.sort(key=lambda image: float(numpy.dot(normal, image.ImagePositionPatient)))
by_uid = {image.SOPInstanceUID: index for index, image in enumerate(images)}

# NIfTI is RAS and columns first: voxels by way of the patient, so that nothing hangs on the order of slices
mask = nibabel.load(out / "lesions.nii.gz")
labels = numpy.asarray(mask.dataobj)


def label_at(points_lps):
    ras = points_lps * [-1, -1, 1]
    voxels = nibabel.affines.apply_affine(numpy.linalg.inv(mask.affine), ras)
    rounded = numpy.rint(voxels).astype(int)
    assert numpy.abs(voxels - rounded).max() < 1e-2
    return labels[rounded[:, 0], rounded[:, 1], rounded[:, 2]]


rows = {int(row["lesion"]): row for row in csv.DictReader(open(out / "lesions.csv"))}

# SEG
seg = highdicom.seg.segread(out / "lesions.seg.dcm")
for keyword in ["PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "FrameOfReferenceUID"]:
    assert str(seg.get(keyword, "")) == str(first.get(keyword, "")), keyword
assert seg.SegmentationType == "BINARY" and seg.SeriesInstanceUID != first.SeriesInstanceUID
assert seg.number_of_segments == len(rows)
pixels = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
orientation = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
spacing = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
row_axis, column_axis = (numpy.array(orientation[part], float) for part in (slice(0, 3), slice(3, 6)))
total, referenced = 0, 0
grid = numpy.indices((seg.Rows, seg.Columns)).reshape(2, -1).T
for frame, group in enumerate(seg.PerFrameFunctionalGroupsSequence):
    number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    lesion = int(seg.SegmentSequence[number - 1].TrackingID.split()[-1])
    origin = numpy.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
    points = origin + grid[:, 1:] * row_axis * float(spacing[1]) + grid[:, :1] * column_axis * float(spacing[0])
    expected = label_at(points) == lesion
    got = pixels[frame].reshape(-1).astype(bool)
    assert (expected == got).all(), f"frame {frame + 1}: {(expected != got).sum()} voxels differ"
    total += got.sum()
    for derivation in group.get("DerivationImageSequence", []):
        source = images[by_uid[derivation.SourceImageSequence[0].ReferencedSOPInstanceUID]]
        assert numpy.allclose(source.ImagePositionPatient, origin, atol=1e-3)
        referenced += 1
assert total == (labels > 0).sum(), "voxels are missing in SEG"
if referenced == len(pixels):
    # highdicom's own way from the segments to the images
    used = [images[index].SOPInstanceUID for index in range(len(images))]
    own = seg.get_pixels_by_source_instance(
        source_sop_instance_uids=used, combine_segments=True, ignore_spatial_locations=False,
        assert_missing_frames_are_empty=True, rescale_fractional=False,
    )
    lesions = [0] + [int(segment.TrackingID.split()[-1]) for segment in seg.SegmentSequence]
    for index, image in enumerate(images):
        origin = numpy.array(image.ImagePositionPatient, float)
        points = origin + grid[:, 1:] * row_axis * float(spacing[1]) + grid[:, :1] * column_axis * float(spacing[0])
        assert (numpy.array(lesions)[own[index]].reshape(-1) == label_at(points)).all()

# SR
report = highdicom.sr.srread(out / "report.sr.dcm")
assert report.StudyInstanceUID == first.StudyInstanceUID
assert report.VerificationFlag == "UNVERIFIED" and report.PreliminaryFlag == "PRELIMINARY"
groups = report.content.get_volumetric_roi_measurement_groups()
assert len(groups) == len(rows), (len(groups), len(rows))
numbers = 0
COLUMNS = {
    "Volume from Voxel Summation": "volume_mm3",
    "Maximum 3D Diameter of a Mesh": "diameter_mm",
    "Mean Attenuation Coefficient": "mean_hu",
    "Maximum Attenuation Coefficient": "max_hu",
    "Standard Deviation of Attenuation Coefficient": "sd_hu",
    "Median Attenuation Coefficient": "p50_hu",
    "Surface Area of Mesh": "surface_mm2",
    "Sphericity": "sphericity",
    "Elongation": "elongation",
    "Flatness": "flatness",
    "Volume Density in Convex Hull": "solidity",
    "Distance to bone": "bone_distance_mm",
    "Area of contact with bone": "bone_contact_mm2",
    "Distance from skin": "skin_distance_mm",
    "Attenuation summed over the volume": "hu_mm3",
    "Connected components": "components",
    "Probability of the kind": "kind_probability",
}


def exact(item):
    value = item.MeasuredValueSequence[0]
    return float(value.get("FloatingPointValue", value.NumericValue))


for group in groups:
    lesion = int(group.tracking_identifier.split()[-1])
    row = rows[lesion]
    segment = group.referenced_segment
    assert segment.referenced_sop_instance_uid == seg.SOPInstanceUID
    described = seg.SegmentSequence[segment.referenced_segment_numbers[0] - 1]
    assert described.TrackingUID == group.tracking_uid
    seen = set()
    for measurement in group.get_measurements():
        name = measurement.name.meaning
        if name in COLUMNS:
            assert exact(measurement[0]) == float(row[COLUMNS[name]]), (lesion, name)
            seen.add(name)
            numbers += 1
    wanted = {name for name, column in COLUMNS.items() if row[column] != ""}
    assert seen == wanted, wanted - seen
ranked = list(csv.DictReader(open(out / "differential.csv")))
told = {}
plain = pydicom.dcmread(out / "report.sr.dcm")
root = {item.ConceptNameCodeSequence[0].CodeMeaning: item for item in plain.ContentSequence}
for group in root["Imaging Measurements"].ContentSequence:
    for item in group.ContentSequence:
        if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodeValue == "122157":
            modifiers = {m.ConceptNameCodeSequence[0].CodeMeaning: m.ConceptCodeSequence[0] for m in item.ContentSequence}
            if "Differential Diagnosis/Impression" in modifiers and "Derivation" not in modifiers:
                code = modifiers["Differential Diagnosis/Impression"]
                told[code.get("CodeValue", code.get("LongCodeValue"))] = exact(item)
assert told == {row["diagnosis"]: float(row["probability"]) for row in ranked}
order = [
    item.ConceptCodeSequence[0].get("CodeValue", item.ConceptCodeSequence[0].get("LongCodeValue"))
    for item in root["Qualitative Evaluations"].ContentSequence
    if item.ValueType == "CODE"
]
assert order == [row["diagnosis"] for row in ranked]
numbers += len(told)

# RTSTRUCT: filled by even and odd, the contours give the mask back
structures = pydicom.dcmread(out / "contours.rtstruct.dcm")
names = {roi.ROINumber: roi for roi in structures.StructureSetROISequence}
assert len(names) == len(rows)
filled = 0
for roi in structures.ROIContourSequence:
    lesion = int(seg.SegmentSequence[int(roi.ReferencedROINumber) - 1].TrackingID.split()[-1])
    planes = {}
    for contour in roi.ContourSequence:
        assert contour.ContourGeometricType == "CLOSED_PLANAR"
        points = numpy.array(contour.ContourData, float).reshape(-1, 3)
        assert len(points) == contour.NumberOfContourPoints
        ras = nibabel.affines.apply_affine(numpy.linalg.inv(mask.affine), points * [-1, -1, 1])
        planes.setdefault(int(numpy.rint(ras[0, 2])), []).append(ras[:, :2])
    inside = numpy.zeros(labels.shape, bool)
    for plane, polygons in planes.items():
        centres = numpy.stack(numpy.meshgrid(*map(numpy.arange, labels.shape[:2]), indexing="ij"), -1)
        parity = numpy.zeros(labels.shape[:2], bool)
        for polygon in polygons:
            for (x0, y0), (x1, y1) in zip(polygon, numpy.roll(polygon, -1, axis=0)):
                if y0 != y1:
                    crosses = (centres[..., 1] >= min(y0, y1)) & (centres[..., 1] < max(y0, y1))
                    at = x0 + (centres[..., 1] - y0) / (y1 - y0) * (x1 - x0)
                    parity ^= crosses & (at > centres[..., 0])
        inside[..., plane] = parity
    assert (inside == (labels == lesion)).all(), f"lesion {lesion}"
    filled += inside.sum()

print(f"{out}: {len(rows)} lesions, {total} voxels in SEG and {filled} in RTSTRUCT as in NIfTI, {numbers} numbers of SR equal")
