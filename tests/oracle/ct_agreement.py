"""Compares components, distances and figures of lesions with SimpleITK and cc3d on the same masks.

    python tests/oracle/ct_agreement.py grid FOLDER
    python tests/oracle/ct_agreement.py lesions MEASURED.json MASKS.nii.gz CT_FOLDER

`grid` reads what the test in `crates/apatite-lesion/src/grid.rs` writes: `grid.json` (size, spacing), `mask.u8`,
`distance2.f32`, `face.u32` and `corner.u32`. `lesions` reads what `apatite measure --format json --masks` told.
Prints one line for every kind of figure; ends with 1 where any differs.
"""

import json
import sys
from pathlib import Path

import cc3d
import numpy as np
import SimpleITK as sitk

worst = {}


def compare(what, ours, theirs, tolerance):
    """Keeps the largest difference, as a share of the tolerance."""
    difference = float(np.max(np.abs(np.asarray(ours, float) - np.asarray(theirs, float))))
    share = difference / tolerance if np.isfinite(difference) else np.inf
    _, before, count = worst.get(what, (tolerance, 0.0, 0))
    worst[what] = (tolerance, max(before, share), count + 1)


def grid(folder):
    head = json.loads((folder / "grid.json").read_text())
    shape = tuple(reversed(head["size"]))
    read = lambda name, kind: np.fromfile(folder / name, kind).reshape(shape)
    mask = read("mask.u8", np.uint8)
    image = sitk.GetImageFromArray(mask)
    image.SetSpacing(head["spacing_mm"])
    # of voxels outside the mask, to the centre of its nearest voxel: 0 within it
    field = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    outside = mask == 0
    # ITK measures to the voxels of the border of the mask, which is the mask as seen from outside
    theirs = sitk.GetArrayFromImage(field)[outside]
    distance2 = read("distance2.f32", np.float32)
    compare("distance to the mask, mm", np.sqrt(distance2[outside]), theirs, 1e-3)
    compare("distance within the mask, mm", distance2[~outside], 0.0, 1e-9)
    for name, connectivity, full in (("face", 6, False), ("corner", 26, True)):
        ours = read(f"{name}.u32", np.uint32)
        same_partition(f"{name} components, cc3d", ours, cc3d.connected_components(mask, connectivity=connectivity))
        theirs = sitk.GetArrayFromImage(sitk.ConnectedComponent(image, full))
        same_partition(f"{name} components, SimpleITK", ours, theirs)


def same_partition(what, ours, theirs):
    """The same sets of voxels, whatever their numbers."""
    pairs = np.unique(np.stack([ours.ravel().astype(np.int64), theirs.ravel().astype(np.int64)]), axis=1)
    one_to_one = all(len(np.unique(side)) == pairs.shape[1] for side in pairs)
    background = np.array_equal(ours == 0, theirs == 0)
    compare(what, 0.0 if one_to_one and background else 1.0, 0.0, 0.5)


def lesions(measured, masks, ct):
    told = json.loads(measured.read_text())
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(ct)))
    image = reader.Execute()
    labels = sitk.Cast(sitk.ReadImage(str(masks)), sitk.sitkUInt16)
    compare("size of the mask", labels.GetSize(), image.GetSize(), 0.5)
    compare("origin of the mask, mm", labels.GetOrigin(), image.GetOrigin(), 1e-2)
    compare("spacing of the mask, mm", labels.GetSpacing(), image.GetSpacing(), 1e-4)
    labels.CopyInformation(image)
    figures = sitk.LabelIntensityStatisticsImageFilter()
    figures.Execute(labels, image)
    array = sitk.GetArrayViewFromImage(labels)
    known = {lesion["id"] for lesion in told["lesions"]}
    compare("ids of the lesions", 0.0 if known == set(figures.GetLabels()) else 1.0, 0.0, 0.5)
    for lesion in told["lesions"]:
        label = lesion["id"]
        if not figures.HasLabel(label):
            continue
        count = figures.GetNumberOfPixels(label)
        volume = lesion["volume_mm3"]
        compare("volume, share", volume / figures.GetPhysicalSize(label), 1.0, 1e-4)
        compare("mean, HU", lesion["mean_hu"], figures.GetMean(label), 1e-3)
        compare("maximum, HU", lesion["max_hu"], figures.GetMaximum(label), 1e-9)
        # ITK divides by one less
        deviation = figures.GetStandardDeviation(label) * ((count - 1) / count) ** 0.5 if count > 1 else 0.0
        compare("standard deviation, HU", lesion["sd_hu"], deviation, 1e-3)
        compare("centre, mm", lesion["centre_mm"], figures.GetCentroid(label), 1e-2)
        compare("HU mm3, share", lesion["hu_mm3"] / (figures.GetSum(label) * volume / count), 1.0, 1e-6)
        compare("box, mm", lesion["box_mm"], box(image, figures.GetBoundingBox(label)), 1e-2)
        components = cc3d.connected_components(array == label, connectivity=26).max()
        compare("components, cc3d", lesion["components"], components, 0.5)
    if not told["lesions"]:
        sys.exit("no lesion was told: nothing to compare")


def box(image, bounds):
    """Lowest and highest patient coordinates of whole voxels."""
    low, length = np.array(bounds[:3]), np.array(bounds[3:])
    corners = [
        image.TransformContinuousIndexToPhysicalPoint((low - 0.5 + length * [c & 1, c >> 1 & 1, c >> 2]).tolist())
        for c in range(8)
    ]
    return [np.min(corners, axis=0), np.max(corners, axis=0)]


def main():
    command, *paths = sys.argv[1:]
    {"grid": grid, "lesions": lesions}[command](*map(Path, paths))
    for what, (tolerance, share, count) in worst.items():
        print(f"{what}: {count} compared, largest difference {share * tolerance:.3g}, allowed {tolerance:g}")
    wrong = [what for what, (_, share, _) in worst.items() if not share <= 1.0]
    if wrong:
        sys.exit(f"not the same: {', '.join(wrong)}")


main()
