"""Compares Apatite's posteriors with those of pyAgrum's exact inference.

    posteriors.py NETWORK.xmlbif|NETWORK.bif QUERIES.jsonl

Each line of QUERIES is one query: {"root": name, "evidence": [[name, [likelihood of each state]]], "posterior": [...]}.
In a BIF file names are words, so what is no letter, digit or underscore in a name is an underscore there.
Exits with 1 when any probability differs by more than the tolerance, or when there is nothing to compare.
"""

import json
import os
import re
import sys
import tempfile

import pyagrum

TOLERANCE = 1e-9
# Rounding of a probability to single precision.
SINGLE = 6e-8


def read_network(path: str) -> pyagrum.BayesNet:
    """pyAgrum knows a format by the ending of the file's name, and XMLBIF by `.bifxml`."""
    if path.endswith(".bif"):
        network = pyagrum.loadBN(path)
        with open(path, encoding="utf-8") as source:
            sharpen(network, source.read())
        return network
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "network.bifxml")
        with open(path, encoding="utf-8") as source, open(copy, "w", encoding="utf-8") as target:
            target.write(source.read())
        return pyagrum.loadBN(copy)


def sharpen(network: pyagrum.BayesNet, text: str) -> None:
    """pyAgrum reads the numbers of BIF in single precision (those of XMLBIF in double): fill them in from the text.

    Each must be what pyAgrum has read at that place, as far as single precision tells.
    """
    filled = 0
    for name, parents, body in re.findall(r"^probability \( (\w+)(?: \| ([\w, ]+?))? \) \{\n(.*?)^\}", text, re.M | re.S):
        cpt = network.cpt(name)
        # the array has the variable itself last, and the parents in the reverse of the order of names
        names = list(cpt.names)
        table = cpt.toarray().reshape([network.variable(n).domainSize() for n in reversed(names)])
        states = {n: {s: i for i, s in enumerate(network.variable(n).labels())} for n in names}
        given = parents.split(", ") if parents else []
        for condition, numbers in re.findall(r"^  (?:\((.*?)\)|table) (.*);$", body, re.M):
            where = dict(zip(given, condition.split(", ")))
            index = tuple(slice(None) if n == name else states[n][where[n]] for n in reversed(names))
            row = [float(number) for number in numbers.split(", ")]
            if not max(abs(a - b) for a, b in zip(table[index], row, strict=True)) <= SINGLE:
                sys.exit(f"{name}: pyAgrum has read {table[index]} where the file says {row}")
            table[index] = row
            filled += len(row)
        cpt.fillWith(table.flatten().tolist())
    expected = sum(network.cpt(node).domainSize() for node in network.nodes())
    if filled != expected:
        sys.exit(f"{filled} numbers found in the text, the network has {expected}")


def check(network: pyagrum.BayesNet, queries: list[dict], rename) -> tuple[float, list[str]]:
    """The largest difference, and the queries that differ."""
    inference = pyagrum.LazyPropagation(network)
    largest, failures = 0.0, []
    for number, query in enumerate(queries):
        root = rename(query["root"])
        inference.eraseAllEvidence()
        inference.eraseAllTargets()
        inference.addTarget(root)
        for name, likelihood in query["evidence"]:
            inference.addEvidence(rename(name), likelihood)
        inference.makeInference()
        theirs = inference.posterior(root).toarray()
        ours = query["posterior"]
        if len(ours) != len(theirs):
            failures.append(f"query {number}: {len(ours)} probabilities, pyAgrum has {len(theirs)}")
            continue
        difference = max(abs(a - b) for a, b in zip(ours, theirs))
        # a difference that is no number must not pass
        if not difference <= TOLERANCE:
            failures.append(f"query {number} ({len(query['evidence'])} facts): differs by {difference:.3g}")
        else:
            largest = max(largest, difference)
    return largest, failures


def main(network_path: str, queries_path: str) -> int:
    with open(queries_path, encoding="utf-8") as lines:
        queries = [json.loads(line) for line in lines if line.strip()]
    if network_path.endswith(".bif"):
        rename = lambda name: re.sub(r"[^A-Za-z0-9_]", "_", name)
    else:
        rename = lambda name: name
    largest, failures = check(read_network(network_path), queries, rename)
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(queries) - len(failures)} of {len(queries)} queries agree; largest difference {largest:.3g}")
    return 1 if failures or not queries else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
