"""Makes two variants of a phantom: turned to oblique and numbered the other way round; and with hostile and foreign text.

Usage: vary.py PLAIN OBLIQUE HOSTILE (folders; PLAIN has ct/ and case.toml)."""

import pathlib
import shutil
import sys

import numpy
import pydicom
import pydicom.config

pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

plain, oblique, hostile = map(pathlib.Path, sys.argv[1:])
a, b = numpy.radians(23), numpy.radians(-17)
turn = numpy.array([[1, 0, 0], [0, numpy.cos(a), -numpy.sin(a)], [0, numpy.sin(a), numpy.cos(a)]])
turn = turn @ numpy.array([[numpy.cos(b), -numpy.sin(b), 0], [numpy.sin(b), numpy.cos(b), 0], [0, 0, 1]])


def decimals(values):
    return [f"{value:.12f}"[:16] for value in values]


files = sorted((plain / "ct").iterdir())
for folder in (oblique, hostile):
    (folder / "ct").mkdir(parents=True)
    shutil.copy(plain / "case.toml", folder / "case.toml")
for index, path in enumerate(files):
    image = pydicom.dcmread(path)
    axes = numpy.array(image.ImageOrientationPatient, float).reshape(2, 3) @ turn.T
    image.ImageOrientationPatient = decimals(axes.reshape(-1))
    image.ImagePositionPatient = decimals(turn @ numpy.array(image.ImagePositionPatient, float))
    image.InstanceNumber = len(files) - index
    image.save_as(oblique / "ct" / f"{len(files) - index:04}.dcm")

    image = pydicom.dcmread(path)
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientName = "Дмитрий^<script>alert(1)</script>^Ωmega=山田^太郎"
    image.PatientID = 'id"with\u00e8 markup & <b>'
    image.AccessionNumber = "0123456789ABCDEF"
    image.StudyDescription = "\x1b[31m bell \x07" + "x" * 100
    image.PatientAge = "old"
    image.StudyID = "far too long for a short string"
    image.ReferringPhysicianName = "Müller^Jörg"
    image.save_as(hostile / "ct" / path.name)
