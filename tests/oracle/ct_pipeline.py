"""How long `apatite measure` takes from files to findings, beside a Python pipeline that does the same steps.

Usage: ct_pipeline.py PROGRAM [FACTOR ...]

A phantom of 256 x 256 x 160 voxels is resampled to FACTOR times as many columns, rows and slices (default: 1 and the
512 x 512 x 400 of 2 2 2.5), written as DICOM, and measured by both, each as a process of its own, in turn, three times;
the best of each is told. The Python side stops at labels and statistics: it names no findings.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

RUNS = 3


def make(program, folder, factors):
    """The series of a phantom, resampled."""
    import copy

    import numpy as np
    import pydicom
    from scipy import ndimage

    source = os.path.join(folder, "source")
    subprocess.run([program, "phantom", "tumoral_calcinosis_levels", "--seed", "1", "--out", source], check=True,
                   capture_output=True)
    ct = os.path.join(source, "ct")
    slices = sorted((pydicom.dcmread(os.path.join(ct, name)) for name in os.listdir(ct)),
                    key=lambda s: np.dot(s.ImagePositionPatient, np.cross(s.ImageOrientationPatient[:3],
                                                                          s.ImageOrientationPatient[3:])))
    volume = np.stack([s.pixel_array for s in slices])
    grown = ndimage.zoom(volume.astype(np.float32), (factors[2], factors[1], factors[0]), order=1)
    noise = np.random.default_rng(7).normal(0, 8, grown.shape)
    grown = np.clip(grown + noise, volume.min(), volume.max()).astype(volume.dtype)
    first, last = (np.array(s.ImagePositionPatient, float) for s in (slices[0], slices[-1]))
    step = (last - first) / (grown.shape[0] - 1)
    out = os.path.join(folder, "study")
    os.makedirs(out)
    for at, plane in enumerate(grown):
        item = copy.deepcopy(slices[min(int(at / factors[2]), len(slices) - 1)])
        item.Rows, item.Columns = plane.shape
        item.PixelSpacing = [float(s) * (n - 1) / (m - 1) for s, n, m in
                             zip(item.PixelSpacing, volume.shape[1:], plane.shape)]
        item.ImagePositionPatient = [float(f"{v:.6f}") for v in first + at * step]
        item.SliceThickness = float(np.linalg.norm(step))
        item.InstanceNumber = at + 1
        item.SOPInstanceUID = item.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        item.PixelData = plane.tobytes()
        item.save_as(os.path.join(out, f"{at:04d}.dcm"))
    print(json.dumps([out, grown.size]))


def pipeline(study):
    """Body, skeleton, calcifications, labels, distances and statistics, as one would write it with these libraries."""
    import cc3d
    import numpy as np
    import pydicom
    import SimpleITK as sitk
    from scipy import ndimage
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist
    from skimage import measure

    times, begin = {}, time.perf_counter()

    def lap(step):
        nonlocal begin
        now = time.perf_counter()
        times[step], begin = now - begin, now

    slices = [pydicom.dcmread(os.path.join(study, name)) for name in os.listdir(study)]
    slices.sort(key=lambda s: np.dot(s.ImagePositionPatient, np.cross(s.ImageOrientationPatient[:3],
                                                                      s.ImageOrientationPatient[3:])))
    hu = np.stack([s.pixel_array * s.RescaleSlope + s.RescaleIntercept for s in slices]).astype(np.int16)
    gap = np.linalg.norm(np.subtract(slices[1].ImagePositionPatient, slices[0].ImagePositionPatient))
    spacing = (float(slices[0].PixelSpacing[1]), float(slices[0].PixelSpacing[0]), float(gap))
    voxel = float(np.prod(spacing))
    lap("reading")

    body = cc3d.largest_k(hu > -400, k=1, connectivity=6) > 0
    body = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    lap("body")

    dense = (hu >= 130) & body
    bodies = cc3d.connected_components(dense, connectivity=26)
    sizes = cc3d.statistics(bodies)["voxel_counts"] * voxel
    large = np.flatnonzero(sizes[1:] > 5000) + 1
    bone = np.isin(bodies, large)
    filled = sitk.BinaryMorphologicalClosing(sitk.GetImageFromArray(bone.astype(np.uint8)), (3, 3, 3))
    bone = np.stack([ndimage.binary_fill_holes(plane) for plane in sitk.GetArrayFromImage(filled) > 0])
    lap("skeleton")

    def distance(mask):
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        image.SetSpacing(spacing)
        return sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(image, False, False, True))

    from_bone, from_skin = distance(bone), distance(~body)
    lap("distances")

    rest = dense & (from_bone > 1.0)
    labels = cc3d.connected_components(rest, connectivity=26)
    boxes = cc3d.statistics(labels)["bounding_boxes"]
    lesions = []
    for label, box in enumerate(boxes[1:], 1):
        inside = labels[box] == label
        count = int(inside.sum())
        if count * voxel < 10:
            continue
        values = hu[box][inside]
        corners, *_ = measure.marching_cubes(np.pad(inside, 1).astype(np.float32), 0.5, spacing=spacing[::-1])
        hull = corners[ConvexHull(corners).vertices]
        lesions.append({
            "volume_mm3": count * voxel,
            "mean_hu": float(values.mean()),
            "max_hu": float(values.max()),
            "sd_hu": float(values.std()),
            "diameter_mm": float(pdist(hull).max()),
            "bone_distance_mm": float(from_bone[box][inside].min()),
            "skin_distance_mm": float(from_skin[box][inside].min()),
        })
    lap("labels and statistics")
    print(json.dumps({"lesions": lesions, "times": times}))


def timed(command):
    """Output, seconds on the wall and of the processor, and peak memory (bytes) of a process."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        if status:
            sys.exit(f"{command[0]} ended with {status}")
        out.seek(0)
        text = out.read()
    return text, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main(program, sizes):
    for factors in sizes:
        with tempfile.TemporaryDirectory() as folder:
            # in a process of its own: what this one has held would count as the peak of those it starts
            made = [sys.executable, os.path.abspath(__file__), "--make", program, folder, *map(str, factors)]
            study, voxels = json.loads(subprocess.run(made, check=True, capture_output=True).stdout)
            ours = [program, "measure", study, "--format", "json"]
            theirs = [sys.executable, os.path.abspath(__file__), "--pipeline", study]
            rows = {"apatite": [], "python": []}
            for _ in range(RUNS):
                rows["apatite"].append(timed(ours))
                rows["python"].append(timed(theirs))
            print(f"\n{voxels / 1e6:.1f} million voxels ({2 * voxels / 2**20:.0f} MiB of 16 bits)")
            best = {}
            for name, runs in rows.items():
                text, wall, processor, memory = min(runs, key=lambda run: run[1])
                best[name] = wall
                told = json.loads(text)
                steps = told.get("timings_ms") or {k: 1000 * v for k, v in told["times"].items()}
                print(f"{name:8} {wall:7.2f} s wall {processor:7.2f} s CPU {memory / 2**20:6.0f} MiB, "
                      f"{memory / (2 * voxels):.1f} x the volume, {len(told['lesions'])} lesions")
                print("         " + ", ".join(f"{step} {ms:.0f}" for step, ms in steps.items()) + " ms")
            print(f"python takes {best['python'] / best['apatite']:.1f} times as long")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.argv[1] == "--pipeline":
        pipeline(sys.argv[2])
    elif sys.argv[1] == "--make":
        make(sys.argv[2], sys.argv[3], [float(value) for value in sys.argv[4:]])
    else:
        given = [float(value) for value in sys.argv[2:]]
        sizes = [given[at:at + 3] for at in range(0, len(given), 3)] or [[1, 1, 1], [2, 2, 2.5]]
        main(os.path.abspath(sys.argv[1]), sizes)
