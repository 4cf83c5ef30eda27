"""What the program measures of a CT study, against SimpleITK and cc3d on the same masks.

Usage: ct_labels.py bones STUDY BONES.nii.gz             writes a plain bone mask for --bones
       ct_labels.py compare STUDY MASK.nii.gz BONES.nii.gz MEASURED.json
"""

import json
import math
import sys

import cc3d
import numpy as np
import SimpleITK as sitk


def read_series(folder):
    """The volume, ordered by SimpleITK."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return reader.Execute()


def bones(study, out):
    """The largest body of at least 500 HU: which bone it is does not matter, both sides get the same."""
    image = read_series(study)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(image >= 500, True))
    mask = sitk.Cast(parts == 1, sitk.sitkUInt16)
    if not np.any(sitk.GetArrayViewFromImage(mask)):
        sys.exit("the study has no bone")
    sitk.WriteImage(mask, out)


def compare(study, mask_file, bones_file, measured_file):
    image, mask, bone = read_series(study), sitk.ReadImage(mask_file), sitk.ReadImage(bones_file)
    with open(measured_file) as file:
        lesions = json.load(file)["lesions"]
    if image.GetSize() != mask.GetSize():
        sys.exit(f"the mask has size {mask.GetSize()}, the series {image.GetSize()}")
    labels, hu = sitk.GetArrayFromImage(mask).astype(np.uint16), sitk.GetArrayFromImage(image).astype(np.float64)
    found = set(np.unique(labels)) - {0}
    told = {lesion["id"] for lesion in lesions}
    if found != told or not told:
        sys.exit(f"labels {sorted(found)} in the mask, {sorted(told)} told")
    # the mask must lie where the series lies
    for corner in [(0, 0, 0), tuple(n - 1 for n in image.GetSize())]:
        a, b = image.TransformIndexToPhysicalPoint(corner), mask.TransformIndexToPhysicalPoint(corner)
        close("corner of the mask", math.dist(a, b), 0.0, 0.01)
    # NIfTI rounds its geometry to 32 bits, which SimpleITK takes for another space
    mask.CopyInformation(image)
    bone.CopyInformation(image)

    statistics = sitk.LabelStatisticsImageFilter()
    statistics.Execute(image, sitk.Cast(mask, sitk.sitkUInt16))
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.SetComputeFeretDiameter(True)
    shape.Execute(sitk.Cast(mask, sitk.sitkUInt16))
    from_bone = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(sitk.Cast(bone > 0, sitk.sitkUInt8), insideIsPositive=False,
                                     squaredDistance=False, useImageSpacing=True))
    spacing = image.GetSpacing()
    for lesion in lesions:
        label = lesion["id"]
        name = f"lesion {label}: "
        inside = labels == label
        values = np.sort(hu[inside])
        close(name + "volume_mm3", lesion["volume_mm3"], shape.GetPhysicalSize(label), 1e-6)
        close(name + "mean_hu", lesion["mean_hu"], statistics.GetMean(label), 1e-6)
        close(name + "max_hu", lesion["max_hu"], statistics.GetMaximum(label), 0.0)
        close(name + "sd_hu", lesion["sd_hu"], values.std(), 1e-6)
        for share, told_hu in zip([0.1, 0.25, 0.5, 0.75, 0.9], lesion["percentiles_hu"]):
            rank = (len(values) - 1) * share
            if not values[math.floor(rank)] <= told_hu <= values[math.ceil(rank)]:
                sys.exit(f"{name}percentile {share}: {told_hu}, numpy {np.quantile(values, share)}")
        for told_mm, itk_mm in zip(lesion["centre_mm"], shape.GetCentroid(label)):
            close(name + "centre_mm", told_mm, itk_mm, 0.01, absolute=True)
        pieces = cc3d.connected_components(inside, connectivity=26)
        close(name + "components", lesion["components"], int(pieces.max()), 0)
        # Feret's diameter joins centres of voxels, ours the skin, half a voxel further out at either end
        voxel = math.dist(spacing, (0, 0, 0))
        feret = shape.GetFeretDiameter(label)
        if not feret - 0.01 <= lesion["diameter_mm"] <= feret + 1.01 * voxel:
            sys.exit(f"{name}diameter_mm {lesion['diameter_mm']}, Feret {feret}")
        # distances to bone are told on cells of up to 2 mm
        itk_mm = max(float(from_bone[inside].min()), 0.0)
        close(name + "bone_distance_mm", lesion["bone_distance_mm"], itk_mm, 3.0, absolute=True)
    print(f"{len(lesions)} lesions agree with SimpleITK {sitk.Version_VersionString()} and cc3d")


def close(what, ours, theirs, tolerance, absolute=False):
    """Stops where two numbers differ by more than `tolerance`, of the larger unless `absolute`."""
    scale = 1.0 if absolute else max(abs(ours), abs(theirs), 1.0)
    if not abs(ours - theirs) <= tolerance * scale:
        sys.exit(f"{what}: {ours} here, {theirs} there")


if __name__ == "__main__":
    job, arguments = sys.argv[1], sys.argv[2:]
    {"bones": bones, "compare": compare}[job](*arguments)
