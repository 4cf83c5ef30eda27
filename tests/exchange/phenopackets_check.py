"""Parses phenopackets with GA4GH's own classes, refusing unknown fields. Usage: phenopackets_check.py FILE..."""

import sys

import phenopackets
from google.protobuf import json_format

for path in sys.argv[1:]:
    packet = json_format.Parse(open(path).read(), phenopackets.Phenopacket(), ignore_unknown_fields=False)
    prefixes = {resource.namespace_prefix for resource in packet.meta_data.resources}
    classes = [feature.type for feature in packet.phenotypic_features]
    classes += [modifier for feature in packet.phenotypic_features for modifier in feature.modifiers]
    classes += [measurement.assay for measurement in packet.measurements]
    classes += [disease.term for disease in packet.diseases]
    for one in classes:
        assert one.id.split(":")[0] in prefixes, f"{path}: {one.id} is of no resource"
        assert one.label, f"{path}: {one.id} has no label"
    assert packet.id and packet.meta_data.phenopacket_schema_version == "2.0"
    print(f"{path}: {len(packet.phenotypic_features)} features, {len(packet.measurements)} measurements: valid")
