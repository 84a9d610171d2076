"""What the port Sandbox promises of shapes and queries, held against the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.errors import (
    QueryFormatUnsupported,
    QueryInvalid,
    QueryLimit,
    QueryRefused,
    ValidationFailed,
)
from solidgate.query.results import ResultFormat
from solidgate.sandbox.limits import IsolationLevel, Limits

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = Limits(cpu_seconds=5, wall_seconds=10)
SUBJECT = "https://space.example/results/1"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[BwrapSandbox]:
    one = BwrapSandbox(zygotes=2, minimum_level=IsolationLevel.L1, recheck_every=2)
    yield one
    await one.aclose()


# --- validate -----------------------------------------------------------------------------------------

PREFIXES = (
    "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> . "
    "@prefix ex: <urn:ex:> .\n"
)
SHAPES = (
    PREFIXES
    + """
ex:Shape a sh:NodeShape ; sh:targetClass ex:Result ; sh:closed true ;
    sh:ignoredProperties ( <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> ) ;
    sh:property [ sh:path ex:n ; sh:datatype xsd:integer ; sh:minCount 1 ; sh:maxCount 1 ] ;
    sh:property [ sh:path ex:part ; sh:node ex:Part ] .
ex:Part a sh:NodeShape ; sh:closed true ; sh:property [ sh:path ex:n ; sh:datatype xsd:integer ] .
"""
).encode()
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
INTEGER = "^^<http://www.w3.org/2001/XMLSchema#integer>"
GOOD = f'<urn:r> {TYPE} <urn:ex:Result> .\n<urn:r> <urn:ex:n> "1"{INTEGER} .\n'


async def test_sandbox_validates(sandbox: BwrapSandbox) -> None:
    for _ in range(4):  # with and without the second opinion
        verdict = await sandbox.validate(SHAPES, GOOD.encode(), LIMITS)
        assert verdict.conforms
        assert verdict.covered
        assert verdict.report == ()
    assert sandbox.disagreements == 0


async def test_sandbox_report_names_shape_path_and_component_only(sandbox: BwrapSandbox) -> None:
    bad = GOOD.replace('"1"', '"SECRET"') + '<urn:r> <urn:leak:SECRET> "SECRET" .\n'
    verdict = await sandbox.validate(SHAPES, bad.encode(), LIMITS)
    assert not verdict.conforms
    assert verdict.engine == "pyshacl"
    assert verdict.report == (
        "urn:ex:Shape - ClosedConstraintComponent",
        "urn:ex:Shape urn:ex:n DatatypeConstraintComponent",
    )


async def test_sandbox_sees_what_no_shape_looks_at(sandbox: BwrapSandbox) -> None:
    part = f'<urn:r> <urn:ex:part> <urn:r#p> .\n<urn:r#p> <urn:ex:n> "2"{INTEGER} .\n'
    assert (await sandbox.validate(SHAPES, (GOOD + part).encode(), LIMITS)).covered
    loose = f'{GOOD}<urn:other> <urn:ex:n> "2"{INTEGER} .\n'
    verdict = await sandbox.validate(SHAPES, loose.encode(), LIMITS)
    assert verdict.conforms
    assert not verdict.covered


CHAIN = "\n".join(f"<urn:n:{n}> <urn:ex:next> <urn:n:{n + 1}> ." for n in range(3000))
HOSTILE = {
    "shapes that are no turtle": (b"<a> <b", GOOD),
    "data that is no n-triples": (SHAPES, "<urn:a> <urn:b> ."),
    "a path from every node to every other": (
        (
            PREFIXES
            + "ex:S a sh:NodeShape ; sh:targetSubjectsOf ex:next ;"
            + " sh:property [ sh:path [ sh:zeroOrMorePath ex:next ] ; sh:nodeKind sh:IRI ] ."
        ).encode(),
        CHAIN,
    ),
    "a regular expression that never ends": (
        (
            PREFIXES
            + "ex:S a sh:NodeShape ; sh:targetSubjectsOf ex:t ;"
            + ' sh:property [ sh:path ex:t ; sh:pattern "^(a+)+$" ] .'
        ).encode(),
        '<urn:r> <urn:ex:t> "' + "a" * 40 + '!" .',
    ),
    "shapes nested five thousand deep": (
        (
            PREFIXES
            + "ex:S0 sh:targetSubjectsOf ex:n .\n"
            + "\n".join(f"ex:S{n} a sh:NodeShape ; sh:node ex:S{n + 1} ." for n in range(5000))
        ).encode(),
        GOOD,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_sandbox_reaches_no_verdict_on_hostile_shapes(sandbox: BwrapSandbox, name: str) -> None:
    shapes, content = HOSTILE[name]
    with pytest.raises(ValidationFailed):
        await sandbox.validate(shapes, content.encode(), Limits(cpu_seconds=2, wall_seconds=2.5))
    assert (await sandbox.validate(SHAPES, GOOD.encode(), LIMITS)).conforms


# --- query --------------------------------------------------------------------------------------------

DATASET = "".join(f'<urn:s:{n}> <urn:ex:n> "{n}"{INTEGER} <urn:g:{n % 3}> .\n' for n in range(30)).encode()
ALL = "SELECT ?s ?n WHERE { ?s <urn:ex:n> ?n }"


@pytest.mark.parametrize("form", [ResultFormat.JSON, ResultFormat.XML, ResultFormat.CSV, ResultFormat.TSV])
async def test_sandbox_answers_tables(sandbox: BwrapSandbox, form: ResultFormat) -> None:
    answer = await sandbox.query(DATASET, ALL, form, LIMITS)
    assert (answer.rows, answer.media_type) == (30, form)
    assert b"urn:s:29" in answer.content


@pytest.mark.parametrize("form", [ResultFormat.TURTLE, ResultFormat.NTRIPLES])
async def test_sandbox_answers_graphs(sandbox: BwrapSandbox, form: ResultFormat) -> None:
    construct = "CONSTRUCT { <urn:x> <urn:y> ?o } WHERE { GRAPH ?g { ?s ?p ?n } BIND(?n > 3 AS ?o) }"
    answer = await sandbox.query(DATASET, construct, form, LIMITS)
    assert (answer.rows, answer.media_type) == (2, form)


async def test_sandbox_takes_the_first_format_that_fits_the_form(sandbox: BwrapSandbox) -> None:
    both = [ResultFormat.TURTLE, ResultFormat.CSV, ResultFormat.XML]
    assert (await sandbox.query(DATASET, ALL, both, LIMITS)).media_type == ResultFormat.CSV
    assert (await sandbox.query(DATASET, "ASK {}", both, LIMITS)).media_type == ResultFormat.XML
    assert (
        await sandbox.query(DATASET, "DESCRIBE <urn:s:1>", both, LIMITS)
    ).media_type == ResultFormat.TURTLE
    with pytest.raises(QueryFormatUnsupported):
        await sandbox.query(DATASET, ALL, ResultFormat.TURTLE, LIMITS)


async def test_sandbox_default_graph_is_the_union_and_graphs_are_named(sandbox: BwrapSandbox) -> None:
    counted = "SELECT (COUNT(DISTINCT ?g) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }"
    answer = await sandbox.query(DATASET, counted, ResultFormat.CSV, LIMITS)
    assert answer.content == b"n\r\n3\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        "SELECT * FROM <file:///etc/passwd> { ?s ?p ?o }",
        "SELECT * FROM NAMED <urn:g:1> { GRAPH ?g { ?s ?p ?o } }",
        "LOAD <http://127.0.0.1/>",
        "INSERT DATA { <urn:a> <urn:b> 1 } ; SELECT * {}",
    ],
)
async def test_sandbox_refuses_what_is_no_query_of_the_default_dataset(
    sandbox: BwrapSandbox, text: str
) -> None:
    with pytest.raises(QueryRefused):
        await sandbox.query(DATASET, text, ResultFormat.JSON, LIMITS)


async def test_sandbox_names_the_place_of_a_mistake(sandbox: BwrapSandbox) -> None:
    with pytest.raises(QueryInvalid, match=r"at 1:\d+"):
        await sandbox.query(DATASET, "SELECT * { ?s ?p }", ResultFormat.JSON, LIMITS)


TOO_MUCH = {
    "rows": ("SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", LIMITS),
    "bytes": (ALL, Limits(output_bytes=100)),
    "a cross product that counts": (
        "SELECT (COUNT(*) AS ?n) { " + " ".join(f"?a{n} ?b{n} ?c{n} ." for n in range(12)) + " }",
        Limits(cpu_seconds=1, wall_seconds=2),
    ),
    "depth": ("SELECT * " + "{" * 5000 + "}" * 5000, LIMITS),
    "length": ("SELECT * { } #" + "x" * 40_000, LIMITS),
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_sandbox_gives_no_part_of_an_answer_that_is_too_much(sandbox: BwrapSandbox, name: str) -> None:
    text, limits = TOO_MUCH[name]
    with pytest.raises(QueryLimit):
        await sandbox.query(DATASET, text, ResultFormat.CSV, limits)
    assert (await sandbox.query(DATASET, "ASK {}", ResultFormat.JSON, LIMITS)).rows == 1


async def test_sandbox_row_limit_is_exact(sandbox: BwrapSandbox) -> None:
    exact = BwrapSandbox(minimum_level=IsolationLevel.L1, max_rows=30)
    assert (await exact.query(DATASET, ALL, ResultFormat.JSON, LIMITS)).rows == 30
    more = DATASET + b'<urn:s:x> <urn:ex:n> "x" <urn:g:1> .\n'
    for form in (ResultFormat.JSON, ResultFormat.XML, ResultFormat.CSV, ResultFormat.TSV):
        with pytest.raises(QueryLimit, match="max_rows"):
            await exact.query(more, ALL, form, LIMITS)
    await exact.aclose()


async def test_sandbox_keeps_a_view_for_more_queries(sandbox: BwrapSandbox) -> None:
    first = await sandbox.query(DATASET, ALL, ResultFormat.CSV, LIMITS, view="space-1@7")
    again = await sandbox.query(DATASET, ALL, ResultFormat.CSV, LIMITS, view="space-1@7")
    assert (first.rows, again.rows) == (30, 30)
    other = await sandbox.query(b"", ALL, ResultFormat.CSV, LIMITS, view="space-1@8")
    assert other.rows == 0
