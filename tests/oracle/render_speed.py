"""Pictures of one volume of 512 x 512 x 400 by apatite-render, VTK (CPU) and numpy in the same run.

    python tests/oracle/render_speed.py target/release/examples/speed [RUNS]

Needs numpy, scipy and vtk. Prints a Markdown table: least and median time of the runs and
the processor time of one, which other work on the machine does not change, ms.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

# a display is not needed: Mesa draws in software
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
import vtk  # noqa: E402
from scipy.ndimage import gaussian_filter, zoom
from vtk.util.numpy_support import numpy_to_vtk

COLUMNS, ROWS, SLICES = 512, 512, 400
SPACING = (0.7, 0.7, 0.8)


def volume():
    """Body, two bones with marrow and some dense nodules, with noise of 20 HU."""
    rng = np.random.default_rng(1)
    z, y, x = np.ogrid[:SLICES, :ROWS, :COLUMNS]
    hu = np.full((SLICES, ROWS, COLUMNS), -1000, np.int16)
    hu[np.broadcast_to(((x - 256) / 220) ** 2 + ((y - 256) / 160) ** 2 < 1, hu.shape)] = 40
    for centre in (170, 340):
        middle = centre + 25 * np.sin(z / 90)
        r2 = (x - middle) ** 2 + (y - 260) ** 2
        hu[np.broadcast_to(r2 < 34**2, hu.shape)] = 1100
        hu[np.broadcast_to(r2 < 22**2, hu.shape)] = 150
    for px, py, pz, r in rng.uniform((120, 150, 40, 4), (390, 360, 360, 14), (12, 4)):
        cz, cy, cx = (slice(int(c - 15), int(c + 16)) for c in (pz, py, px))
        ball = ((z[cz] - pz) ** 2 + (y[:, cy] - py) ** 2 + (x[:, :, cx] - px) ** 2) < r * r
        hu[cz, cy, cx][ball] = 500
    coarse = gaussian_filter(rng.normal(0, 1, (SLICES // 4, ROWS // 4, COLUMNS // 4)), 0.5).astype(np.float32)
    noise = zoom(coarse, 4, order=1)
    hu += (noise / noise.std() * 20).astype(np.int16)
    return hu


def timed(work, runs):
    times, before = [], time.process_time()
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    cpu = (time.process_time() - before) * 1000 / runs
    return min(times), sorted(times)[runs // 2], cpu


def vtk_view(hu, surface):
    """A window without a screen, seen from the front; `turn` asks for the next picture."""
    image = vtk.vtkImageData()
    image.SetDimensions(COLUMNS, ROWS, SLICES)
    image.SetSpacing(SPACING)
    image.GetPointData().SetScalars(numpy_to_vtk(hu.ravel(), deep=False))
    mapper = vtk.vtkFixedPointVolumeRayCastMapper()
    mapper.SetInputData(image)
    mapper.AutoAdjustSampleDistancesOff()
    mapper.SetImageSampleDistance(1.0)
    mapper.SetSampleDistance(0.7)
    opacity, colour = vtk.vtkPiecewiseFunction(), vtk.vtkColorTransferFunction()
    colour.AddRGBPoint(-1000, 0, 0, 0)
    colour.AddRGBPoint(1500, 1, 1, 1)
    prop = vtk.vtkVolumeProperty()
    if surface:
        mapper.SetBlendModeToComposite()
        opacity.AddPoint(179, 0)
        opacity.AddPoint(181, 1)
        prop.ShadeOn()
    else:
        mapper.SetBlendModeToMaximumIntensity()
        opacity.AddPoint(-1000, 0)
        opacity.AddPoint(1500, 1)
    prop.SetColor(colour)
    prop.SetScalarOpacity(opacity)
    prop.SetInterpolationTypeToLinear()
    actor = vtk.vtkVolume()
    actor.SetMapper(mapper)
    actor.SetProperty(prop)
    renderer = vtk.vtkRenderer()
    renderer.AddVolume(actor)
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetSize(512, 512)
    window.AddRenderer(renderer)
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetFocalPoint(*actor.GetCenter())
    camera.SetPosition(actor.GetCenter()[0], actor.GetCenter()[1] - 1000, actor.GetCenter()[2])
    camera.SetViewUp(0, 0, 1)
    camera.Azimuth(30)
    camera.Elevation(20)
    camera.SetParallelScale(512 * 0.7 / 2)
    renderer.ResetCameraClippingRange()
    window.Render()

    def turn():
        camera.Azimuth(0.01)
        window.Render()

    return turn


def reslice(hu):
    """An oblique slice by vtkImageReslice."""
    image = vtk.vtkImageData()
    image.SetDimensions(COLUMNS, ROWS, SLICES)
    image.SetSpacing(SPACING)
    image.GetPointData().SetScalars(numpy_to_vtk(hu.ravel(), deep=False))
    transform = vtk.vtkTransform()
    transform.Translate(179, 179, 160)
    transform.RotateZ(30)
    transform.RotateX(70)
    cutter = vtk.vtkImageReslice()
    cutter.SetInputData(image)
    cutter.SetOutputDimensionality(2)
    cutter.SetResliceAxes(transform.GetMatrix())
    cutter.SetInterpolationModeToLinear()
    cutter.SetOutputSpacing(0.7, 0.7, 1)
    cutter.SetOutputExtent(0, 511, 0, 511, 0, 0)
    cutter.SetOutputOrigin(-179, -179, 0)

    def work():
        cutter.Modified()
        cutter.Update()

    return work


def main():
    program, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9
    hu = volume()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "volume.raw")
        hu.tofile(path)
        told = subprocess.run([program, path, str(runs)], check=True, capture_output=True, text=True).stdout
    for line in told.splitlines():
        found = json.loads(line)
        rows.append(("apatite-render", found["what"], found["least_ms"], found["median_ms"], found["cpu_ms"]))
    for axis, name in ((0, "axial"), (1, "coronal"), (2, "sagittal")):
        rows.append(("numpy", f"MIP {name}", *timed(lambda axis=axis: hu.max(axis=axis), runs)))
    rows.append(("VTK", "oblique slice", *timed(reslice(hu), runs)))
    rows.append(("VTK", "MIP oblique", *timed(vtk_view(hu, False), runs)))
    rows.append(("VTK", "surface", *timed(vtk_view(hu, True), runs)))
    print("| what | by | least, ms | median, ms | processor time, ms |\n| --- | --- | --- | --- | --- |")
    for by, what, least, median, cpu in sorted(rows, key=lambda row: row[1]):
        print(f"| {what} | {by} | {least:.1f} | {median:.1f} | {cpu:.0f} |")


main()
