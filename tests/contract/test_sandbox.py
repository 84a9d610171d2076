"""What the port Sandbox promises of programs and of ending them, held against the real one."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping

import psutil
import pytest
import pytest_asyncio

from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.algorithm.digest import digest
from solidgate.algorithm.manifest import Manifest, Program
from solidgate.errors import (
    AlgorithmChanged,
    PodUnreadable,
    SandboxFailed,
    SandboxLimit,
    SandboxUnavailable,
)
from solidgate.pod.resource import Document
from solidgate.query.results import ResultFormat
from solidgate.sandbox.limits import IsolationLevel, Limits, RunContext

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = Limits(cpu_seconds=5, wall_seconds=10)
SUBJECT = "https://space.example/results/1"

SOURCE = b"""
import importlib.resources
import pkgutil
import time

import pyoxigraph
import rdflib


def derive(person):
    how = person.parameters.get("how", "rdflib")
    if how == "sleep":
        time.sleep(person.parameters["seconds"])
    if how == "fault":
        person.parameters["there is no such thing: secret"]
    if how == "oxigraph":
        node, count = pyoxigraph.NamedNode, pyoxigraph.Literal(len(list(person.quads)))
        return [pyoxigraph.Triple(node(person.subject), node("urn:ex:n"), count)]
    if how == "text":
        return f"<{person.subject}> <urn:ex:text> \\"{person.now} {person!r}\\" ."
    if how == "files":
        beside = importlib.resources.files("example").joinpath("tables", "factors.txt").read_text()
        again = pkgutil.get_data("example", "tables/factors.txt").decode()
        return f"<{person.subject}> <urn:ex:text> \\"{beside}{again}\\" ."
    if how == "datasets":
        names = ",".join(f"{name}={len(content)}" for name, content in sorted(person.datasets.items()))
        return f"<{person.subject}> <urn:ex:text> \\"{names}\\" ."
    if how == "lexical":
        return [quad for quad in person.graph] and person.graph
    if how == "graphs":
        rows = person.select("SELECT DISTINCT ?g WHERE { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g")
        return f"<{person.subject}> <urn:ex:text> \\"{' '.join(row['g'].value for row in rows)}\\" ."
    graph = rdflib.Graph()
    (row,) = person.select("SELECT (SUM(?v) AS ?sum) WHERE { ?s <urn:ex:v> ?v }")
    total = rdflib.Literal(int(row["sum"].value))
    graph.add((rdflib.URIRef(person.subject), rdflib.URIRef("urn:ex:sum"), total))
    return graph


def aggregate(results):
    each = [int(quad.object.value) for result in results for quad in result.quads]
    (row,) = results.select("SELECT (COUNT(*) AS ?n) WHERE { ?s <urn:ex:sum> ?v }")
    return f"<{results.subject}> <urn:ex:sum> {sum(each)} ; <urn:ex:n> {row['n'].value} ."
"""
FILES = {"example/__init__.py": b"", "example/main.py": SOURCE, "example/tables/factors.txt": b"7"}
MANIFEST = Manifest("example", "1", "example.main:derive", "shapes/o.ttl", aggregate="example.main:aggregate")


def program(files: Mapping[str, bytes]) -> Program:
    return Program(digest(MANIFEST, files), MANIFEST, files)


FILES.update({"shapes/o.ttl": b"", "requirements.lock": b"", "algorithm.toml": b""})
PROGRAM = program(FILES)
TURTLE = Document("https://pod.example/a", "text/turtle; charset=utf-8", b"<> <urn:ex:v> 1, 2 .")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[BwrapSandbox]:
    one = BwrapSandbox(zygotes=2, minimum_level=IsolationLevel.L1, recheck_every=2)
    yield one
    await one.aclose()


async def derive(
    sandbox: BwrapSandbox, *documents: Document, limits: Limits = LIMITS, **parameters: object
) -> str:
    context = RunContext("2026-11-22T00:00:00Z", SUBJECT, parameters)
    return (await sandbox.derive(PROGRAM, documents, context, limits)).decode()


def turtle(content: bytes, media_type: str = "text/turtle", url: str = "https://pod.example/x") -> Document:
    return Document(url, media_type, content)


# --- derive and aggregate -----------------------------------------------------------------------------


async def test_sandbox_gives_a_program_its_documents_and_returns_n_triples(sandbox: BwrapSandbox) -> None:
    found = await derive(sandbox, TURTLE)
    assert found.split() == [
        f"<{SUBJECT}>", "<urn:ex:sum>", '"3"^^<http://www.w3.org/2001/XMLSchema#integer>', ".",
    ]  # fmt: skip


async def test_sandbox_takes_pyoxigraph_triples_and_text_as_results(sandbox: BwrapSandbox) -> None:
    assert '"2"' in await derive(sandbox, TURTLE, how="oxigraph")
    assert "2026-11-22T00:00:00Z Inputs(1 documents, 2 statements)" in await derive(
        sandbox, TURTLE, how="text"
    )


async def test_sandbox_imports_a_program_with_its_files_from_memory(sandbox: BwrapSandbox) -> None:
    assert '"77"' in await derive(sandbox, how="files")


async def test_sandbox_lets_a_program_import_what_it_does_not_name(sandbox: BwrapSandbox) -> None:
    source = b"""
def derive(person):
    library, whole = __import__("rdf" + "lib"), getattr(person, "gra" + "ph")
    __import__("log" + "ging").getLogger().debug("nobody hears it")
    assert isinstance(whole, library.__dict__["Gra" + "ph"])
    return whole
"""
    quiet = {**FILES, "example/__init__.py": b"", "example/main.py": source}
    context = RunContext("2026-11-22T00:00:00Z", SUBJECT, {})
    found = await sandbox.derive(program(quiet), [TURTLE], context, LIMITS)
    assert found.count(b"<urn:ex:v>") == 2


async def test_sandbox_hands_over_datasets(sandbox: BwrapSandbox) -> None:
    context = RunContext("2026-11-22T00:00:00Z", SUBJECT, {"how": "datasets"})
    found = await sandbox.derive(PROGRAM, [TURTLE], context, LIMITS, datasets={"table": b"12345"})
    assert b'"table=5"' in found


async def test_sandbox_puts_each_document_into_its_own_graph(sandbox: BwrapSandbox) -> None:
    other = turtle(b"_:b0 <urn:ex:v> 1 .", url="https://pod.example/b")
    assert '"https://pod.example/a https://pod.example/b"' in await derive(
        sandbox, TURTLE, other, how="graphs"
    )


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/n-triples", b'<urn:s> <urn:ex:v> "3"^^<http://www.w3.org/2001/XMLSchema#integer> .'),
        (
            "application/n-quads",
            b'<urn:s> <urn:ex:v> "3"^^<http://www.w3.org/2001/XMLSchema#integer> <urn:g> .',
        ),
        ("application/trig", b"<urn:g> { <urn:s> <urn:ex:v> 3 }"),
        ("application/ld+json", b'{"@context": {"v": "urn:ex:v"}, "@id": "urn:s", "v": 3}'),
    ],
)
async def test_sandbox_reads_each_rdf_format(sandbox: BwrapSandbox, media_type: str, content: bytes) -> None:
    assert '"3"' in await derive(sandbox, turtle(content, media_type))


async def test_sandbox_keeps_the_lexical_form_of_what_a_person_stored(sandbox: BwrapSandbox) -> None:
    xsd = b"http://www.w3.org/2001/XMLSchema#"
    odd = b'<urn:s> <urn:p> "none"^^<%bboolean>, "007"^^<%binteger> .' % (xsd, xsd)
    found = await derive(sandbox, turtle(odd), how="lexical")
    assert '"none"^^' in found
    assert '"007"^^' in found


UNREADABLE = {
    "not turtle": turtle(b"<a> <b"),
    "not utf-8": turtle(b"<urn:a> <urn:b> '\xff' ."),
    "json-ld with a remote context": turtle(
        b'{"@context": "https://w3id.org/solid/v1", "@id": "urn:a"}', "application/ld+json"
    ),
    "json-ld too deep": turtle(b'{"urn:p": ' * 5000 + b"1" + b"}" * 5000, "application/ld+json"),
    "json-ld arrays too deep": turtle(b"[" * 100_000 + b"]" * 100_000, "application/ld+json"),
    "turtle too deep": turtle(b"<urn:s> <urn:p> " + b"(" * 20_000 + b")" * 20_000 + b" ."),
    "rdf/xml": turtle(
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', "application/rdf+xml"
    ),
    "html": turtle(b"<html></html>", "text/html"),
    "no media type": turtle(b"<urn:a> <urn:b> 1 .", ""),
    "nul": turtle(b"\0" * 64),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_sandbox_names_a_document_it_cannot_read(sandbox: BwrapSandbox, name: str) -> None:
    with pytest.raises(PodUnreadable) as problem:
        await derive(sandbox, TURTLE, UNREADABLE[name])
    assert not problem.value.detail


async def test_sandbox_counts_no_bracket_inside_a_string_or_an_iri(sandbox: BwrapSandbox) -> None:
    quoted = b'<urn:s> <urn:ex:v> 1 ; <urn:ex:t> "' + b"[(" * 500 + b'", """' + b'"(' * 500 + b'"""' + b" ."
    assert '"1"' in await derive(sandbox, turtle(quoted))


async def test_sandbox_aggregates_results(sandbox: BwrapSandbox) -> None:
    one = f'<{SUBJECT}> <urn:ex:sum> "3"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'.encode()
    context = RunContext("2026-11-22T00:00:00Z", "urn:group")
    found = await sandbox.aggregate(PROGRAM, [one, one.replace(b'"3"', b'"4"')], context, LIMITS)
    assert sorted(line.split()[1:3] for line in found.splitlines()) == [
        [b"<urn:ex:n>", b'"2"^^<http://www.w3.org/2001/XMLSchema#integer>'],
        [b"<urn:ex:sum>", b'"7"^^<http://www.w3.org/2001/XMLSchema#integer>'],
    ]


async def test_sandbox_tells_a_fault_without_a_word_of_it(sandbox: BwrapSandbox) -> None:
    with pytest.raises(SandboxFailed) as problem:
        await derive(sandbox, how="fault")
    assert problem.value.detail == ""


async def test_sandbox_tells_class_and_line_only_for_samples(sandbox: BwrapSandbox) -> None:
    context = RunContext("2026-11-22T00:00:00Z", SUBJECT, {"how": "fault"})
    with pytest.raises(SandboxFailed) as problem:
        await sandbox.derive(PROGRAM, [], context, LIMITS, samples=True)
    assert problem.value.detail == "KeyError at example/main.py:15"


async def test_sandbox_loads_only_what_its_digest_says(sandbox: BwrapSandbox) -> None:
    files = {**FILES, "example/main.py": SOURCE.replace(b"SUM", b"MAX")}
    forged = Program("sha256:" + "0" * 64, PROGRAM.manifest, files)
    with pytest.raises(AlgorithmChanged):
        await sandbox.derive(forged, [], RunContext("", SUBJECT), LIMITS)


BOMBS = {
    "brackets": b"x = " + b"(" * 200_000,
    "signs": b"x = " + b"-" * 500_000 + b"1",
    "a long sum": b"x = 1" + b"+1" * 300_000,
    "noise": bytes(range(256)) * 1000,
}


@pytest.mark.parametrize("name", BOMBS)
async def test_sandbox_outlives_a_source_that_no_compiler_takes(sandbox: BwrapSandbox, name: str) -> None:
    """It is compiled in a fork: the zygote comes up, and only whoever imports the bomb meets it."""
    limits = Limits(cpu_seconds=3, wall_seconds=6)
    aside = program({**FILES, "example/aside.py": BOMBS[name]})
    context = RunContext("", SUBJECT)
    assert await sandbox.derive(aside, [TURTLE], context, limits)
    bomb = program({**FILES, "example/main.py": BOMBS[name]})
    with pytest.raises((SandboxFailed, SandboxLimit)):
        await sandbox.derive(bomb, [TURTLE], context, limits)


async def test_sandbox_names_the_limit_that_was_reached(sandbox: BwrapSandbox) -> None:
    with pytest.raises(SandboxLimit, match=r"wall_seconds=0\.2"):
        await derive(sandbox, how="sleep", seconds=60, limits=Limits(wall_seconds=0.2))
    with pytest.raises(SandboxLimit, match="output_bytes=10"):
        await derive(sandbox, TURTLE, limits=Limits(output_bytes=10))


async def test_sandbox_output_of_exactly_the_limit_passes(sandbox: BwrapSandbox) -> None:
    size = len(await derive(sandbox, TURTLE))
    assert await derive(sandbox, TURTLE, limits=Limits(output_bytes=size))
    with pytest.raises(SandboxLimit):
        await derive(sandbox, TURTLE, limits=Limits(output_bytes=size - 1))


# --- ending -------------------------------------------------------------------------------------------


def alive() -> set[int]:
    """Living processes below this one: zygotes, what starts them, and their forks."""
    below = psutil.Process().children(recursive=True)
    return {each.pid for each in below if each.is_running() and each.status() != psutil.STATUS_ZOMBIE}


async def sleeping(sandbox: BwrapSandbox) -> tuple[asyncio.Task[str], set[int]]:
    """A run that sleeps, and the process that sleeps."""
    await derive(sandbox, TURTLE)
    before = alive()
    task = asyncio.ensure_future(derive(sandbox, how="sleep", seconds=60))
    for _ in range(200):
        await asyncio.sleep(0.01)
        if alive() - before:
            return task, alive() - before
    raise AssertionError("no fork came up")


async def test_sandbox_cancelling_kills_the_fork_and_returns_when_it_is_dead(sandbox: BwrapSandbox) -> None:
    task, pids = await sleeping(sandbox)
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive() & pids
    assert time.monotonic() - begun < 1
    assert await derive(sandbox, TURTLE)


async def test_sandbox_cancelling_twice_still_waits_for_the_death(sandbox: BwrapSandbox) -> None:
    task, pids = await sleeping(sandbox)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive() & pids


async def test_sandbox_outlives_a_killed_zygote() -> None:
    sandbox = BwrapSandbox(zygotes=2, minimum_level=IsolationLevel.L1)
    victim, pids = await sleeping(sandbox)
    other = asyncio.ensure_future(derive(sandbox, TURTLE, how="sleep", seconds=1))
    (fork,) = pids
    os.kill(psutil.Process(fork).ppid(), signal.SIGKILL)
    with pytest.raises(SandboxFailed):
        await victim
    assert await other
    assert await derive(sandbox, TURTLE)
    assert not alive() & pids
    await sandbox.aclose()


async def test_sandbox_runs_two_people_at_once(sandbox: BwrapSandbox) -> None:
    await asyncio.gather(*[derive(sandbox, TURTLE) for _ in range(2)])
    begun = time.monotonic()
    sleeps = [derive(sandbox, TURTLE, how="sleep", seconds=0.5) for _ in range(2)]
    assert all(await asyncio.gather(*sleeps))
    assert time.monotonic() - begun < 0.95


async def test_sandbox_many_people_wait_for_their_turn(sandbox: BwrapSandbox) -> None:
    found = await asyncio.gather(*[derive(sandbox, TURTLE) for _ in range(20)])
    assert len(set(found)) == 1


async def test_sandbox_ends_idle_zygotes() -> None:
    before = alive()
    sandbox = BwrapSandbox(minimum_level=IsolationLevel.L1, idle_seconds=0.1)
    await derive(sandbox, TURTLE)
    await asyncio.sleep(0.6)
    assert alive() <= before
    assert await derive(sandbox, TURTLE)
    await sandbox.aclose()
    assert alive() <= before
    with pytest.raises(SandboxUnavailable):
        await derive(sandbox, TURTLE)


async def test_sandbox_total_bounds_all_zygotes() -> None:
    sandbox = BwrapSandbox(minimum_level=IsolationLevel.L1, total=1)
    assert await derive(sandbox, TURTLE)
    assert (await sandbox.query(b"", "ASK {}", ResultFormat.JSON, LIMITS)).rows == 1
    assert await derive(sandbox, TURTLE)
    await sandbox.aclose()


async def test_sandbox_refuses_to_run_below_its_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solidgate.adapters.sandbox_command.bubblewrap", lambda: None)
    sandbox = BwrapSandbox(minimum_level=IsolationLevel.L2)
    with pytest.raises(SandboxUnavailable, match="reached level L1, needed L2: bubblewrap"):
        await derive(sandbox, TURTLE)


async def test_sandbox_without_namespaces_says_so_and_still_confines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solidgate.adapters.sandbox_command.bubblewrap", lambda: None)
    sandbox = BwrapSandbox(minimum_level=IsolationLevel.L1)
    assert await sandbox.start() == sandbox.level == IsolationLevel.L1
    assert '"3"' in await derive(sandbox, TURTLE)
    source = b"def derive(person):\n    open('/etc/passwd').read()\n"
    spy = program({**FILES, "example/main.py": source})
    with pytest.raises(SandboxFailed, match="PermissionError"):
        await sandbox.derive(spy, [], RunContext("", SUBJECT), LIMITS, samples=True)
    await sandbox.aclose()
