"""Times one query of the real network in Apatite, pyAgrum, pgmpy and numpy, in one run.

    benchmark.py

Needs the packages of requirements-benchmark.txt. Apatite's part is
`cargo bench -p apatite-reason --bench oracle`, which writes the network and the query for the others.
Every engine must give the same posterior to 1e-9, else there is nothing to compare. Exits with 1 when it does not.
"""

import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
import xml.etree.ElementTree as ElementTree

import numpy as np

# one core for everyone
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import pgmpy
import pyagrum
from pgmpy.factors.discrete import TabularCPD
from pgmpy.inference import VariableElimination
from pgmpy.models import DiscreteBayesianNetwork
from posteriors import TOLERANCE, read_network

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS_EACH = 3.0


class Network:
    """The XMLBIF file as arrays: for each variable its states, parents and P(state | parents), own state last."""

    def __init__(self, path: str):
        network = ElementTree.parse(path).getroot().find("NETWORK")
        self.states = {
            v.find("NAME").text: [o.text for o in v.findall("OUTCOME")] for v in network.findall("VARIABLE")
        }
        self.parents, self.tables = {}, {}
        for definition in network.findall("DEFINITION"):
            name = definition.find("FOR").text
            parents = [given.text for given in definition.findall("GIVEN")]
            shape = [len(self.states[n]) for n in [*parents, name]]
            self.parents[name] = parents
            self.tables[name] = np.array(definition.find("TABLE").text.split(), dtype=float).reshape(shape)


def with_pyagrum(path: str, query: dict):
    inference = pyagrum.LazyPropagation(read_network(path))
    inference.setTargets({query["root"]})
    for name, likelihood in query["evidence"]:
        inference.addEvidence(name, likelihood)

    def ask():
        # changing evidence keeps the join tree; taking it all back first would cost twice the time
        for name, likelihood in query["evidence"]:
            inference.chgEvidence(name, likelihood)
        inference.makeInference()
        return inference.posterior(query["root"]).toarray()

    return ask


def with_pgmpy(network: Network, query: dict):
    model = DiscreteBayesianNetwork()
    model.add_nodes_from(network.states)
    for name, parents in network.parents.items():
        model.add_edges_from((parent, name) for parent in parents)
    for name, parents in network.parents.items():
        states = len(network.states[name])
        values = network.tables[name].reshape(-1, states).T
        model.add_cpds(TabularCPD(name, states, values, parents, [len(network.states[p]) for p in parents]))
    inference = VariableElimination(model)
    hard = {n: int(np.argmax(l)) for n, l in query["evidence"] if sorted(l)[-2] == 0}
    soft = [TabularCPD(n, len(l), [[p] for p in np.array(l) / sum(l)]) for n, l in query["evidence"] if n not in hard]

    def ask():
        answer = inference.query([query["root"]], evidence=hard, virtual_evidence=soft or None, show_progress=False)
        return answer.values

    return ask


def with_numpy(network: Network, query: dict):
    """By hand, for this shape of network: everything that does not depend on the evidence is made beforehand.

    Root and presentation make the columns. Messages go up the chains as products of a matrix and a vector; all binary
    variables next to the columns are then multiplied in as one array, the others one by one.
    """
    root = query["root"]
    (mode,) = [n for n, parents in network.parents.items() if not parents and n != root]
    prior = np.outer(network.tables[root], network.tables[mode])
    columns = prior.size
    stems, branches = {}, {}
    for name, parents in network.parents.items():
        table = network.tables[name]
        if name in (root, mode):
            continue
        if set(parents) <= {root, mode}:
            if parents == [root]:
                table = np.repeat(table[:, None, :], prior.shape[1], axis=1)
            stems[name] = np.ascontiguousarray(table.reshape(columns, -1).T)
        else:
            branches[name] = (parents[0], table)
    binary = {name: row for row, name in enumerate(n for n, t in stems.items() if len(t) == 2)}
    positive = np.stack([stems[name][1] for name in binary])
    depth = {}
    for name in network.parents:
        depth[name] = depth[branches[name][0]] + 1 if name in branches else 0
    evidence = [(name, np.array(likelihood)) for name, likelihood in query["evidence"]]

    def ask():
        levels = [{}, {}, {}, {}]
        for name, likelihood in evidence:
            levels[depth[name]][name] = likelihood
        for level in (3, 2, 1):
            above = levels[level - 1]
            for name, message in levels[level].items():
                parent, table = branches[name]
                message = table @ message
                above[parent] = above[parent] * message if parent in above else message
        rows, first, second = [], [], []
        product = prior.reshape(-1).copy()
        for name, message in levels[0].items():
            row = binary.get(name)
            if row is None:
                product *= message @ stems[name]
            else:
                rows.append(row)
                first.append(message[0])
                second.append(message[1])
        first, second = np.array(first)[:, None], np.array(second)[:, None]
        product *= (first + (second - first) * positive[rows]).prod(axis=0)
        joint = product.reshape(prior.shape).sum(axis=1)
        return joint / joint.sum()

    return ask


def microseconds(ask) -> list[float]:
    """Median and tenth percentile of many queries."""
    ask()
    times, end = [], time.perf_counter() + SECONDS_EACH
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        ask()
        times.append((time.perf_counter() - start) * 1e6)
    times.sort()
    return [statistics.median(times), times[len(times) // 10]]


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = ["cargo", "bench", "--quiet", "-p", "apatite-reason", "--bench", "oracle", "--", "--to", folder]
        subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.DEVNULL)
        path = os.path.join(folder, "network.xmlbif")
        with open(os.path.join(folder, "query.json"), encoding="utf-8") as file:
            query = json.load(file)
        network = Network(path)
        others = {
            f"numpy {np.__version__}, by hand": with_numpy(network, query),
            f"pyAgrum {pyagrum.__version__}, LazyPropagation": with_pyagrum(path, query),
            f"pgmpy {pgmpy.__version__}, VariableElimination": with_pgmpy(network, query),
        }
    print(f"{query['variables']} variables, {query['states']} diagnoses, {query['facts']} facts; {processor()}, one core")
    ours = query["posterior_us"]
    rows = [("Apatite, posterior", [ours["median"], ours["fast"]])]
    rows.append(("Apatite, with explanation", [query["explanation_us"][k] for k in ("median", "fast")]))
    agree = True
    for name, ask in others.items():
        difference = float(np.max(np.abs(np.array(ask()) - query["posterior"])))
        if not difference <= TOLERANCE:
            agree = False
            print(f"{name}: differs by {difference:.3g}", file=sys.stderr)
        rows.append((name, microseconds(ask)))
    print(f"\n| engine | median, us | tenth percentile, us | times Apatite's posterior |\n| --- | ---: | ---: | ---: |")
    for name, (median, fast) in rows:
        print(f"| {name} | {median:.2f} | {fast:.2f} | {median / ours['median']:.1f} |")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
