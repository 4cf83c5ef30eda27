"""QIDO-RS, WADO-RS and STOW-RS of a running server, asked by dicomweb-client: python dicomweb.py URL

The server's store must hold at least one CT study. Exits with 1 where an answer is not what the client expects.
"""

import sys

import numpy as np
import pydicom
from dicomweb_client.api import DICOMwebClient

client = DICOMwebClient(url=sys.argv[1].rstrip("/") + "/dicomweb")


def first(dataset, tag):
    return dataset[tag]["Value"][0]


studies = client.search_for_studies(search_filters={"ModalitiesInStudy": "CT"})
assert studies, "no CT study"
study = first(studies[0], "0020000D")
patient = first(studies[0], "00100020")
assert study in [first(found, "0020000D") for found in client.search_for_studies(search_filters={"PatientID": patient})]
assert client.search_for_studies(search_filters={"PatientID": "nobody-of-this-id"}) == []

series = first(client.search_for_series(study)[0], "0020000E")
assert len(client.search_for_instances(study, series, limit=2)) == 2
metadata = client.retrieve_series_metadata(study, series)
whole = client.retrieve_series(study, series)
assert len(whole) == len(metadata) == len(client.search_for_instances(study, series))

instance = first(metadata[0], "00080018")
file = client.retrieve_instance(study, series, instance)
assert file.SOPInstanceUID == instance
(frame,) = client.retrieve_instance_frames(study, series, instance, [1])
pixels = np.frombuffer(frame, file.pixel_array.dtype).reshape(file.Rows, file.Columns)
assert (pixels == file.pixel_array).all()
png = client.retrieve_instance_rendered(study, series, instance, media_types=("image/png",))
assert png.startswith(b"\x89PNG")
jpeg = client.retrieve_instance_rendered(study, series, instance, media_types=("image/jpeg",))
assert jpeg.startswith(b"\xff\xd8")

file.PatientID = "STORED-BY-CLIENT"
file.StudyInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["study", study])
file.SeriesInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["series", series])
file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[instance])
answer = client.store_instances([file])
assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == [file.SOPInstanceUID]
back = client.retrieve_instance(file.StudyInstanceUID, file.SeriesInstanceUID, file.SOPInstanceUID)
assert back == file, "what was stored comes back changed"
print(f"{len(studies)} studies, {len(metadata)} instances: QIDO, WADO and STOW answer as the client expects")
