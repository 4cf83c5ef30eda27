"""Reads mesh files by trimesh and compares volume and closedness with what `apatite mesh --format json` told.

    python tests/oracle/mesh_volume.py target/release/apatite STUDY

Needs trimesh, networkx and numpy. Exits with 1 where a mesh is open or a volume differs by more than 0.01 %.
"""

import json
import subprocess
import sys
import tempfile

import trimesh


def main():
    program, study = sys.argv[1:3]
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for ending, scale in (("stl", 1.0), ("ply", 1.0), ("obj", 1.0), ("glb", 1e9)):
            path = f"{folder}/mesh.{ending}"
            command = [program, "mesh", study, "--what", "all", "--format", "json", "--out", path]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["parts"]
            # STL has no corners in common: trimesh merges those that are equal
            mesh = trimesh.load(path, force="mesh", process=ending == "stl")
            found, expected = mesh.volume * scale, sum(part["mesh_mm3"] for part in told)
            mask = sum(part["mask_mm3"] for part in told)
            difference = abs(found / expected - 1)
            worst = max(worst, difference if mesh.is_watertight else 1.0)
            print(
                f"{ending}: {len(mesh.faces)} triangles, watertight {mesh.is_watertight}, "
                f"{found:.2f} mm3 by trimesh, {expected:.2f} told, {mask:.2f} in the masks"
            )
    sys.exit(int(worst > 1e-4))


main()
