"""The sandbox's reading of one document as statements: canonical, bounded, and nothing of a stranger here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.derived import form
from solidgate.errors import PodUnreadable, SandboxLimit
from solidgate.pod.resource import Document
from solidgate.sandbox.limits import IsolationLevel, Limits

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "https://pod.example/a.ttl"
LIMITS = Limits(cpu_seconds=5, wall_seconds=10)
WRITTEN = b"""@prefix e: <https://e.example/> .
<https://pod.example/a.ttl> e:b e:d , e:c , "06.50"^^<urn:d> , "a \\"b\\"\\n"@en .
"""
SAME = [
    ("text/turtle", b'<> <https://e.example/b> """a "b"\n"""@en, "06.50"^^<urn:d>, <https://e.example/c>, '
     b"<https://e.example/d>, <https://e.example/d> ."),
    ("application/n-triples", form.statements(WRITTEN)),
    ("application/ld+json", b'{"@id": "", "https://e.example/b": [{"@id": "https://e.example/c"}, '
     b'{"@id": "https://e.example/d"}, {"@value": "06.50", "@type": "urn:d"}, '
     b'{"@value": "a \\"b\\"\\n", "@language": "en"}]}'),
]  # fmt: skip
OTHER = {
    "one less": b"<> <https://e.example/b> <https://e.example/c> .",
    "another spelling": WRITTEN.replace(b"06.50", b"6.50"),
    "one more": WRITTEN + b"<#x> <urn:y> <urn:z> .",
    "no statements": b"",
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[BwrapSandbox]:
    one = BwrapSandbox(zygotes=1, minimum_level=IsolationLevel.L1)
    yield one
    await one.aclose()


@pytest.mark.parametrize(("media_type", "content"), SAME, ids=[one for one, _ in SAME])
async def test_the_same_statements_in_any_form_are_the_same(
    sandbox: BwrapSandbox, media_type: str, content: bytes
) -> None:
    found = await sandbox.statements(Document(URL, media_type, content), LIMITS)
    assert found == form.statements(WRITTEN)


@pytest.mark.parametrize("name", OTHER)
async def test_other_statements_are_others(sandbox: BwrapSandbox, name: str) -> None:
    found = await sandbox.statements(Document(URL, "text/turtle", OTHER[name]), LIMITS)
    assert found != form.statements(WRITTEN)


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("text/turtle", b"<> <urn:p> [] ."),
        ("text/turtle", b"<> <urn:p> "),
        ("text/turtle", b"_:a <urn:p> <urn:o> ."),
        ("application/trig", b"<urn:g> { <> <urn:p> <urn:o> }"),
        ("text/turtle", b"[" * 100_000),
        ("application/rdf+xml", b"<rdf/>"),
    ],
)
async def test_what_no_document_of_ours_has_is_not_read(
    sandbox: BwrapSandbox, media_type: str, content: bytes
) -> None:
    with pytest.raises(PodUnreadable):
        await sandbox.statements(Document(URL, media_type, content), LIMITS)


async def test_more_than_was_asked_for_is_another_document(sandbox: BwrapSandbox) -> None:
    exact = replace(LIMITS, output_bytes=len(form.statements(WRITTEN)))
    document = Document(URL, "text/turtle", WRITTEN)
    assert await sandbox.statements(document, exact) == form.statements(WRITTEN)
    with pytest.raises(PodUnreadable):
        await sandbox.statements(document, replace(exact, output_bytes=exact.output_bytes - 1))


async def test_a_reading_that_takes_too_long_is_told_apart(sandbox: BwrapSandbox) -> None:
    many = "".join(f"<#a> <urn:v> <#{number}> .\n" for number in range(200_000)).encode()
    with pytest.raises(SandboxLimit):
        await sandbox.statements(Document(URL, "text/turtle", many), Limits(cpu_seconds=5, wall_seconds=0.05))
