"""One graph against one shapes graph: a fast engine, and pyshacl as the reference it is checked against.

A verdict names shapes, paths and components of the shapes graph and nothing of the data: even the predicate
that a closed shape refuses is the program's own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rdflib
from pyoxigraph import RdfFormat, parse
from rdflib.namespace import RDF, SH

from solidgate.sandbox.coverage import Coverage
from solidgate.sandbox.terms import to_rdflib

try:
    import shacl as fast_engine
except ImportError:  # no wheel for this platform: pyshacl alone, slower and just as strict
    fast_engine = None  # type: ignore[assignment]

MAX_REPORT = 50
FAST, REFERENCE, DISAGREEMENT = "shacl", "pyshacl", "disagreement"


class Undecided(Exception):
    """No engine reached a verdict."""


@dataclass(frozen=True, slots=True)
class Judged:
    """``covered``: every subject of the data is in the reach of a shape, so that nothing passes unseen."""

    conforms: bool
    engine: str
    report: tuple[str, ...]
    covered: bool


def judge(shapes: bytes, content: bytes, *, recheck: bool, fast: bool = True) -> Judged:
    """The verdict on N-Triples ``content`` against Turtle ``shapes``. Raises ``Undecided``.

    A non-conforming verdict of the fast engine is always repeated with pyshacl, a conforming one when
    ``recheck`` is set; engines that disagree mean that the graph does not conform.
    """
    shape_quads = list(parse(shapes, RdfFormat.TURTLE, base_iri="urn:solidgate:shapes"))
    data_quads = list(parse(content, RdfFormat.N_TRIPLES))
    covered = Coverage(shape_quads).covers(data_quads)
    quick = _quick(shapes, content) if fast else None
    if quick is True and not recheck:
        return Judged(True, FAST, (), covered)
    try:
        conforms, report = _reference(to_rdflib(shape_quads), to_rdflib(data_quads))
    except Exception as problem:
        if quick is False:
            return Judged(False, FAST, (), covered)
        raise Undecided from problem
    if quick is not None and quick != conforms:
        return Judged(False, DISAGREEMENT, report, covered)
    return Judged(conforms, REFERENCE, report, covered)


def _quick(shapes: bytes, content: bytes) -> bool | None:
    """The fast engine's verdict; None when it is not there or gave up, and pyshacl has to decide."""
    if fast_engine is None:
        return None
    try:
        compiled = fast_engine.Shapes.from_turtle(shapes.decode(), base="urn:solidgate:shapes")
        return bool(compiled.validate_text(content.decode(), format="ntriples").conforms)
    except Exception:  # noqa: BLE001 (whatever an engine raises, it reached no verdict)
        return None


def _reference(shapes: rdflib.Graph, data: rdflib.Graph) -> tuple[bool, tuple[str, ...]]:
    import pyshacl

    conforms, report, _ = pyshacl.validate(
        data,
        shacl_graph=shapes,
        inference="none",
        advanced=False,
        js=False,
        meta_shacl=False,
        do_owl_imports=False,
        allow_warnings=False,
    )
    if not isinstance(report, rdflib.Graph):
        raise TypeError("pyshacl gave up")
    return bool(conforms), _lines(shapes, report)


def _lines(shapes: rdflib.Graph, report: rdflib.Graph) -> tuple[str, ...]:
    known = set(shapes.all_nodes()) | set(shapes.predicates())
    lines = {
        _line(shapes, report, result, known) for result in report.subjects(RDF.type, SH.ValidationResult)
    }
    return tuple(sorted(lines))[:MAX_REPORT]


def _line(shapes: rdflib.Graph, report: rdflib.Graph, result: Any, known: set[Any]) -> str:
    shape = _named(shapes, report.value(result, SH.sourceShape))
    path = report.value(result, SH.resultPath)
    component = str(report.value(result, SH.sourceConstraintComponent) or "").rpartition("#")[2]
    named_path = str(path) if isinstance(path, rdflib.URIRef) and path in known else "-"
    return f"{shape} {named_path} {component or '-'}"


def _named(shapes: rdflib.Graph, node: Any) -> str:
    """The nearest shape with an IRI, upwards from a blank property shape."""
    for _ in range(16):
        if isinstance(node, rdflib.URIRef) or node is None:
            break
        node = next(shapes.subjects(None, node), None)
    return str(node) if isinstance(node, rdflib.URIRef) else "-"
