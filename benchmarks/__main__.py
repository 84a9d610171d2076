"""``python -m benchmarks``: what README.md beside this file says, as a table or with ``--json``."""

from __future__ import annotations

import json
import sys
import timeit
from collections.abc import Callable, Mapping

import pyoxigraph
import rdflib

from benchmarks import consent, pull
from solidgate.assets import asset
from solidgate.sandbox.validation import judge

ROUNDS = 5
ALGORITHM = asset("examples", "home-energy", "algorithm")
COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"


def main() -> int:
    """Measure everything; exit code 1 when something costs more, or reaches less, than was promised."""
    rows = [measure(name, ours, other) for name, (ours, other) in pairs().items()]
    print(json.dumps(rows) if "--json" in sys.argv else table(rows))
    return 0 if "--json" in sys.argv else max(consent.main(), pull.main([]))


def pairs() -> Mapping[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Name to (ours, the plain way), each a call without arguments."""
    documents = sample_documents()
    shapes, result = sample_result()
    return {
        "parse": (lambda: quads(documents), lambda: rdflib_graph(documents)),
        "graph": (
            lambda: list(store(documents).query(COUNT)),
            lambda: list(rdflib_graph(documents).query(COUNT)),
        ),
        "judge": (
            lambda: judge(shapes, result, recheck=False),
            lambda: judge(shapes, result, recheck=True, fast=False),
        ),
    }


def measure(name: str, ours: Callable[[], object], other: Callable[[], object]) -> dict[str, object]:
    """Best seconds of both, and how many times as long the plain way takes."""
    mine, theirs = best(ours), best(other)
    return {"name": name, "ours": mine, "plain": theirs, "ratio": theirs / mine}


def best(call: Callable[[], object]) -> float:
    call()
    return min(timeit.repeat(call, number=1, repeat=ROUNDS))


def sample_documents() -> list[bytes]:
    """The Turtle documents of one sample person."""
    person = min(path.parent for path in (ALGORITHM / "samples").rglob("*.ttl") if path.stem != "expected")
    return [path.read_bytes() for path in sorted(person.glob("*.ttl"))]


def sample_result() -> tuple[bytes, bytes]:
    """The result's shapes (Turtle), and one expected result (N-Triples)."""
    shapes = (ALGORITHM / "shapes" / "output.ttl").read_bytes()
    expected = min((ALGORITHM / "samples").rglob("expected.*"))
    form = pyoxigraph.RdfFormat.from_extension(expected.suffix[1:])
    triples = pyoxigraph.parse(expected.read_bytes(), format=form, base_iri="urn:sample")
    return shapes, pyoxigraph.serialize(
        (quad.triple for quad in triples), format=pyoxigraph.RdfFormat.N_TRIPLES
    )


def quads(documents: list[bytes]) -> list[pyoxigraph.Quad]:
    turtle = pyoxigraph.RdfFormat.TURTLE
    return [quad for text in documents for quad in pyoxigraph.parse(text, format=turtle, base_iri="urn:d")]


def store(documents: list[bytes]) -> pyoxigraph.Store:
    filled = pyoxigraph.Store()
    filled.extend(quads(documents))
    return filled


def rdflib_graph(documents: list[bytes]) -> rdflib.Graph:
    graph = rdflib.Graph()
    for text in documents:
        graph.parse(text, format="turtle", publicID="urn:d")
    return graph


def table(rows: list[dict[str, object]]) -> str:
    lines = [f"{'':8}{'ours':>12}{'plain way':>12}{'ratio':>9}"]
    for row in rows:
        ours, plain, ratio = (float(str(row[key])) for key in ("ours", "plain", "ratio"))
        lines.append(f"{row['name']:8}{ours * 1000:9.2f} ms{plain * 1000:9.2f} ms{ratio:8.1f}x")
    return "\n".join(lines)


if __name__ == "__main__":
    rdflib.NORMALIZE_LITERALS = False
    sys.exit(main())
