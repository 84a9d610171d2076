"""What the W3C's own tests say about how documents are read, results validated and queries refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyoxigraph
import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Store

from solidgate.errors import QueryInvalid, QueryRefused
from solidgate.query.guard import guard
from solidgate.sandbox.documents import Unreadable, read
from solidgate.sandbox.querying import Syntax, answer
from solidgate.sandbox.validation import Judged, judge

PREFIXES = """
PREFIX mf: <http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#>
PREFIX sht: <http://www.w3.org/ns/shacl-test#>
PREFIX sh: <http://www.w3.org/ns/shacl#>
PREFIX ut: <http://www.w3.org/2009/sparql/tests/test-update#>
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
"""


def loaded(path: Path) -> Store:
    store = Store()
    store.load(path.read_bytes(), RdfFormat.TURTLE, base_iri=path.as_uri())
    return store


def local(term: object) -> Path:
    assert isinstance(term, NamedNode)
    return Path(term.value.removeprefix("file://"))


# --- documents ----------------------------------------------------------------------------------------

MEDIA_TYPES = {
    "turtle": ("text/turtle", 82, 209),
    "trig": ("application/trig", 103, 232),
    "ntriples": ("application/n-triples", 27, 41),
    "nquads": ("application/n-quads", 32, 53),
}


def syntax_tests(manifest: Path) -> Iterator[tuple[Path, bool]]:
    """Each test's input and whether it is well formed."""
    rows = loaded(manifest).query(PREFIXES + "SELECT ?kind ?action { ?test a ?kind ; mf:action ?action }")
    for row in rows:  # type: ignore[union-attr]
        kind = row["kind"].value
        if "Eval" in kind or "Syntax" in kind:
            yield local(row["action"]), "Negative" not in kind


@pytest.mark.parametrize("suite", MEDIA_TYPES)
def test_w3c_documents_are_read_exactly_when_they_are_well_formed(suite: str, rdf_suite: Path) -> None:
    media_type, negative, positive = MEDIA_TYPES[suite]
    wrong, seen = [], {True: 0, False: 0}
    for path, good in syntax_tests(rdf_suite / suite / "manifest.ttl"):
        seen[good] += 1
        try:
            read(f"http://www.w3.org/2013/tests/{path.name}", media_type, path.read_bytes())
            accepted = True
        except Unreadable:
            accepted = False
        if accepted != good:
            wrong.append(path.name)
    assert wrong == []
    assert seen[False] >= negative
    assert seen[True] >= positive


# --- shapes -------------------------------------------------------------------------------------------

# pyshacl misses sh:uniqueLang "1"^^xsd:boolean, the fast engine does not; where they differ nothing conforms.
DISAGREE = {"uniqueLang-002.ttl"}


def n_triples(path: Path) -> bytes:
    quads = pyoxigraph.parse(path.read_bytes(), RdfFormat.TURTLE, base_iri=path.as_uri())
    content = pyoxigraph.serialize((quad.triple for quad in quads), format=RdfFormat.N_TRIPLES)
    assert content is not None
    return content


def shape_tests(suite: Path) -> Iterator[tuple[str, Path, Path, bool]]:
    """Name, shapes, data and whether they conform."""
    asked = """SELECT ?data ?shapes ?conforms {
        ?test mf:action [ sht:dataGraph ?data ; sht:shapesGraph ?shapes ] ;
            mf:result [ sh:conforms ?conforms ] }"""
    for path in sorted((suite / "core").rglob("*.ttl")):
        for row in loaded(path).query(PREFIXES + asked):  # type: ignore[union-attr]
            verdict = row["conforms"]
            assert isinstance(verdict, Literal)
            yield path.name, local(row["shapes"]), local(row["data"]), verdict.value in ("true", "1")


def test_w3c_shapes_core_verdicts(shacl_suite: Path) -> None:
    wrong, seen, differed = [], 0, set()
    for name, shapes, content, expected in shape_tests(shacl_suite):
        seen += 1
        verdict: Judged = judge(n_triples(shapes), n_triples(content), recheck=True)
        if verdict.engine == "disagreement":
            differed.add(name)
        if verdict.conforms != (expected and name not in DISAGREE):
            wrong.append(name)
    assert wrong == []
    assert differed <= DISAGREE
    assert seen >= 95


# --- queries ------------------------------------------------------------------------------------------

# An escaped colon in a local name is not read, a relative IRI has no base, and a function that is not there
# ends the query.
DEVIATIONS = {"qname-escape-01.rq", "syntax-oneof-03.rq", "syntax-select-expr-04.rq"}
UPDATES = [
    "add", "basic-update", "clear", "copy", "delete", "delete-data", "delete-insert", "delete-where", "drop",
    "move", "update-silent",
]  # fmt: skip


def requests(manifest: Path) -> Iterator[Path]:
    asked = "SELECT ?r { ?t mf:action [ ut:request ?r ] }"
    for row in loaded(manifest).query(PREFIXES + asked):  # type: ignore[union-attr]
        yield local(row["r"])


@pytest.mark.parametrize("suite", UPDATES)
def test_w3c_updates_are_refused(suite: str, rdf_suite: Path) -> None:
    seen = 0
    for path in requests(rdf_suite / "sparql11" / suite / "manifest.ttl"):
        seen += 1
        with pytest.raises(QueryRefused):
            guard(path.read_text())
    assert seen


def test_w3c_federation_is_refused(rdf_suite: Path) -> None:
    folder = rdf_suite / "sparql11"
    queries = [*(folder / "service").glob("*.rq"), *(folder / "syntax-fed").glob("*.rq")]
    assert len(queries) >= 8
    for path in queries:
        with pytest.raises(QueryRefused):
            guard(path.read_text())


def test_w3c_query_syntax(rdf_suite: Path) -> None:
    asked = "SELECT ?kind ?action { ?test a ?kind ; mf:action ?action }"
    wrong, seen = [], 0
    for row in loaded(rdf_suite / "sparql11" / "syntax-query" / "manifest.ttl").query(PREFIXES + asked):  # type: ignore[union-attr]
        if not isinstance(row["action"], NamedNode):
            continue
        seen += 1
        text = local(row["action"]).read_text()
        good = "Positive" in row["kind"].value
        try:
            guard(text)
            answer(
                Store(), text, ["text/csv", "text/turtle", "application/sparql-results+json"], 1 << 20, 100
            )
            accepted = True
        except QueryRefused:
            continue  # well formed or not, it asks for what is not given here
        except (Syntax, QueryInvalid):
            accepted = False
        if accepted != good:
            wrong.append(local(row["action"]).name)
    assert set(wrong) == DEVIATIONS
    assert seen >= 80
