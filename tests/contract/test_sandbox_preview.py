"""The sandbox's preview of one document: exact, bounded, and nothing else comes out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.assets import asset
from solidgate.errors import PodUnreadable, SandboxLimit, SolidgateError
from solidgate.pod.resource import Document
from solidgate.sandbox.limits import IsolationLevel, Limits
from solidgate.sandbox.table import Asked, Bounds, Kind, MalformedTable, Table, unpacked

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = Limits(cpu_seconds=5, wall_seconds=10)
BOUNDS = Bounds(rows=50, characters=2000)
URL = "https://pod.example/a.ttl"
INPUT = asset("examples", "home-energy", "algorithm", "shapes", "input.ttl").read_bytes()
SOSA = "http://www.w3.org/ns/sosa/"
TURTLE = b"""@prefix sosa: <http://www.w3.org/ns/sosa/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<#home> <urn:ex:rooms> 4 ; <urn:ex:owner> "Anna"@en .
<#r1> a sosa:Observation ; sosa:hasSimpleResult 06.50 ; sosa:resultTime "2025-05-01T23:59:59Z"^^xsd:dateTime ;
  sosa:observedProperty <https://saref.etsi.org/core/Energy> ; sosa:madeBySensor [ <urn:ex:serial> "S-1" ] .
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[BwrapSandbox]:
    one = BwrapSandbox(zygotes=1, minimum_level=IsolationLevel.L1)
    yield one
    await one.aclose()


async def preview(
    sandbox: BwrapSandbox,
    content: bytes,
    asked: Asked = Asked(),  # noqa: B008 - frozen
    bounds: Bounds = BOUNDS,
    media_type: str = "text/turtle",
    limits: Limits = LIMITS,
) -> Table:
    return await sandbox.preview(Document(URL, media_type, content), asked, bounds, limits)


async def test_values_are_shown_as_they_are_written(sandbox: BwrapSandbox) -> None:
    found = await preview(sandbox, TURTLE)
    assert (found.total, found.others) == (8, 0)
    by_property = {row.property: row for row in found.rows}
    result = by_property[SOSA + "hasSimpleResult"]
    assert (result.value, result.kind) == ("06.50", Kind.LITERAL)  # the lexical form, not the number
    assert result.type == "http://www.w3.org/2001/XMLSchema#decimal"
    assert by_property["urn:ex:owner"].type == "@en"
    assert by_property[SOSA + "observedProperty"].kind == Kind.IRI
    assert by_property[SOSA + "madeBySensor"].kind == Kind.NODE


async def test_the_program_s_shapes_select_what_is_asked(sandbox: BwrapSandbox) -> None:
    found = await preview(sandbox, TURTLE, Asked(shapes=(INPUT,)))
    assert [row.property.removeprefix(SOSA) for row in found.rows] == [
        "hasSimpleResult", "resultTime", "observedProperty",
    ]  # fmt: skip
    assert (found.total, found.others) == (3, 5)


async def test_a_class_selects_everything_about_its_members(sandbox: BwrapSandbox) -> None:
    found = await preview(sandbox, TURTLE, Asked(classes=(SOSA + "Observation",)))
    assert (found.total, found.others) == (5, 3)
    assert "urn:ex:owner" not in {row.property for row in found.rows}


async def test_shapes_name_what_is_shown_and_nothing_else(sandbox: BwrapSandbox) -> None:
    shapes = b"""
        @prefix sh: <http://www.w3.org/ns/shacl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        [] sh:path <urn:ex:v> ; sh:name "valeur"@fr , "waarde"@nl-BE .
        [] sh:path <urn:ex:not-there> ; sh:name "elsewhere"@en .
        [] sh:path [ sh:inversePath <urn:ex:v> ] ; sh:name "of somebody"@en .
        <urn:ex:v> rdfs:label "fr of the label"@fr , "untagged" .
        <urn:ex:thing> rdfs:label "a thing"@en .
        <urn:ex:w> rdfs:label <urn:ex:no-text> .
    """
    content = b'<#a> <urn:ex:v> <urn:ex:thing>; <urn:ex:w> "urn:ex:thing" .'
    asked = Asked(naming=(b"<a> <b", shapes, shapes.replace(b"valeur", b"later")))
    found = await preview(sandbox, content, asked)
    assert (found.total, found.others) == (2, 0), "naming selects nothing"
    assert [(one.term, one.language, one.text) for one in found.names] == [
        ("urn:ex:thing", "en", "a thing"),
        ("urn:ex:v", "", "untagged"),
        ("urn:ex:v", "fr", "valeur"),
        ("urn:ex:v", "nl-be", "waarde"),
    ]
    assert (await preview(sandbox, content)).names == ()


async def test_names_are_bounded(sandbox: BwrapSandbox) -> None:
    many = ", ".join(f'"n"@x-{number}' for number in range(100))
    shapes = f"[] <http://www.w3.org/ns/shacl#path> <urn:ex:v> ; <http://www.w3.org/ns/shacl#name> {many} ."
    found = await preview(sandbox, b"<#a> <urn:ex:v> 1 .", Asked(naming=(shapes.encode(),)), Bounds(1, 500))
    assert len(found.names) == 32


async def test_a_declaration_that_cannot_be_read_hides_nothing(sandbox: BwrapSandbox) -> None:
    found = await preview(sandbox, TURTLE, Asked(shapes=(b"<a> <b",)))
    assert (found.total, found.others) == (8, 0)


async def test_the_table_is_bounded_and_counts_the_rest(sandbox: BwrapSandbox) -> None:
    many = "".join(f'<#a> <urn:ex:v> "{number}" .\n' for number in range(30_000)).encode()
    found = await preview(sandbox, many, bounds=Bounds(20, 500))
    assert (len(found.rows), found.total) == (20, 30_000)
    assert [row.value for row in found.rows[:2]] == ["0", "1"]


async def test_a_huge_value_is_cut_and_says_so(sandbox: BwrapSandbox) -> None:
    long = b'<#a> <urn:ex:v> "' + b"x" * 3_000_000 + b'" ; <urn:ex:w> "short" .'
    first, second = (await preview(sandbox, long)).rows
    assert (len(first.value), first.cut) == (2000, True)
    assert (second.value, second.cut) == ("short", False)


async def test_an_empty_document_has_no_rows(sandbox: BwrapSandbox) -> None:
    for content in (b"", b" \n# only a remark\n"):
        assert await preview(sandbox, content) == Table((), 0, 0)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"<a> <b", "text/turtle"),
        (b"\xff\xfe\x00", "text/turtle"),
        (b"<a> <b> " + b"[ <b> " * 10_000 + b"1" + b"]" * 10_000 + b" .", "text/turtle"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "application/ld+json"),
        (b'{"@context": "https://context.example/", "a": 1}', "application/ld+json"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "application/rdf+xml"),
        (b"<html>log in</html>", "text/html"),
    ],
)
async def test_what_is_malformed_nested_or_foreign_is_unreadable(
    sandbox: BwrapSandbox, content: bytes, media_type: str
) -> None:
    with pytest.raises(PodUnreadable) as refused:
        await preview(sandbox, content, media_type=media_type)
    assert refused.value.detail == ""


async def test_a_bomb_ends_its_own_fork_and_the_next_document_is_read(sandbox: BwrapSandbox) -> None:
    bomb = b"".join(b"<#a> <urn:ex:v> [ <urn:ex:w> %d ] .\n" % number for number in range(150_000))
    with pytest.raises(SolidgateError) as refused:
        await preview(sandbox, bomb, limits=Limits(1, 2, 192 * 1024 * 1024))
    assert isinstance(refused.value, SandboxLimit | PodUnreadable)
    assert (await preview(sandbox, b"<#a> <urn:ex:v> 1 .")).total == 1


@pytest.mark.parametrize(
    "told",
    [
        {"rows": [["p", "v", "literal", "t", False]] * 3, "total": 3, "others": 0, "names": []},
        {"rows": [["p", "v" * 11, "literal", "t", False]], "total": 1, "others": 0, "names": []},
        {"rows": [["p", "v", "other", "t", False]], "total": 1, "others": 0, "names": []},
        {"rows": [["p", 1, "literal", "t", False]], "total": 1, "others": 0, "names": []},
        {"rows": [["p", "v", "literal", "t"]], "total": 1, "others": 0, "names": []},
        {"rows": [["p", "v", "literal", "t", False]], "total": 0, "others": 0, "names": []},
        {"rows": [], "total": -1, "others": 0, "names": []},
        {"rows": [], "total": True, "others": 0, "names": []},
        {"total": 0, "others": 0, "names": []},
        {"rows": [], "total": 0, "others": 0},
        {"rows": [], "total": 0, "others": 0, "names": [["p", "en", "n"]] * 65},
        {"rows": [], "total": 0, "others": 0, "names": [["p", "en", "n" * 11]]},
        {"rows": [], "total": 0, "others": 0, "names": [["p", "en", 1]]},
        {"rows": [], "total": 0, "others": 0, "names": [["p", "en"]]},
        [],
        "x",
    ],
)
async def test_a_fork_that_was_taken_over_cannot_widen_the_table(told: object) -> None:
    with pytest.raises(MalformedTable):
        unpacked(json.dumps(told).encode(), Bounds(2, 10))


async def test_not_even_deep_json_from_a_fork_harms_the_host() -> None:
    with pytest.raises(MalformedTable):
        unpacked(b"[" * 500_000, BOUNDS)


async def test_no_words_of_a_document_are_in_a_repr(sandbox: BwrapSandbox) -> None:
    found = await preview(sandbox, TURTLE)
    assert "Anna" not in repr(found)
