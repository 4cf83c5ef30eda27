"""Reads the three forms of a table with pyarrow and compares them. Usage: tables.py STEM... for STEM.csv, STEM.jsonl, STEM.parquet."""

import json
import sys

import pyarrow.parquet
import csv

for stem in sys.argv[1:]:
    parquet = pyarrow.parquet.read_table(f"{stem}.parquet").to_pylist()
    lines = [json.loads(line) for line in open(f"{stem}.jsonl")]
    assert parquet == lines, stem
    rows = list(csv.DictReader(open(f"{stem}.csv", newline="")))
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines):
        assert list(row) == list(line)
        for key, value in line.items():
            assert (row[key] == "") if value in (None, "") else (type(value)(row[key]) == value), (stem, key)
    print(f"{stem}: {len(rows)} rows, {len(rows[0]) if rows else 0} columns, alike in CSV, JSON lines and Parquet")
