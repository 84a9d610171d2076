"""The preview shows exactly what a run would read, and keeps none of it: canaries wherever it could."""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import io
import logging
import os
import re
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now
from solidgate.adapters.sql.spaces import Spaces
from solidgate.algorithm.pack import pack
from solidgate.assets import asset
from solidgate.consent.decide import decide
from solidgate.errors import NoExample, RequestNotFound, ResourceNotAsked
from solidgate.flow import ask, example, invite, preview
from solidgate.flow import space as spaces
from solidgate.flow.door import door_of
from solidgate.flow.pull import pull
from solidgate.flow.step import proposal
from solidgate.identity.login import Caller
from solidgate.logs import configure_logs
from solidgate.pod.resource import Document
from solidgate.run.state import RunRow, RunState
from solidgate.sandbox import jail
from solidgate.sdk.folder import read_algorithm
from solidgate.settings import Preview as Limits
from solidgate.space.agreement import Agreement
from solidgate.space.canonical import sha256_digest
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.testing.energy import energy_documents
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.space import answer
from solidgate.testing.terms import CONSUMER, OWNER, sample_agreement

ANNA = "https://anna.example/profile#me"
BEN = "https://ben.example/profile#me"
POD = "https://anna.example/"
SPACE = "home-energy"
CANARY = "kanarie-7f3a9c"
NUMBER = "987654.321"
EXTRAS = ("extra/missing.ttl", "extra/empty.ttl", "extra/broken.ttl", "extra/photo.png", "extra/foreign.ttl")


@dataclasses.dataclass(frozen=True)
class Agent:
    """The space's WebID as the pod in memory knows callers: by name."""

    webid: str

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        return {}


def agreement_of(program, *, optional: tuple[str, ...] = ()) -> Agreement:  # type: ignore[no-untyped-def]
    documents = (*energy_documents(1), *optional)
    needs = tuple(
        ResourceNeed(
            path, {"en": f"Readings {path}"}, ("https://w3id.org/dpv/pd#Household",), path not in optional
        )
        for path in documents
    )
    advice = Purpose("advice", {"en": "A"}, {"en": "B"}, "https://w3id.org/dpv#ServicePersonalisation", needs)
    return dataclasses.replace(
        sample_agreement(SPACE),
        purposes=(advice,),
        languages=("en",),
        algorithm=program.digest,
        output_shape=sha256_digest(program.files[program.manifest.output_shapes]),
        aggregate_shape=sha256_digest(program.files[program.manifest.aggregate_shapes]),
        parameters=dict(program.manifest.parameters),
    )


async def open_space(gate: TestGate, *, approved: bool = True, optional: tuple[str, ...] = ()) -> str:
    """A space under the home-energy program; an invitation's token."""
    program = read_algorithm(asset("examples", "home-energy", "algorithm"))
    await spaces.create(gate.world, agreement_of(program, optional=optional))
    packed = pack(program.files, program.executables)
    digest = await spaces.submit_algorithm(gate.world, Caller(OWNER), SPACE, packed)
    view = await spaces.show(gate.world, SPACE)
    for webid in (OWNER, CONSUMER) if approved else ():
        await spaces.approve(gate.world, Caller(webid), SPACE, view.agreement_digest, digest, "approve")
    return await invite.invite(gate.world, None, SPACE, uses=0, days=1)


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as opened:
        opened.pods.give(ANNA, POD, energy_documents(1))
        yield opened


@pytest.fixture
async def anna(gate: TestGate) -> AsyncIterator[Browser]:
    async with gate.browser(ANNA) as browser:
        yield browser


async def asked(gate: TestGate, person: Browser, **changes: object) -> str:
    """The id of this person's request."""
    token = await open_space(gate, **changes)  # type: ignore[arg-type]
    assert person.session
    return await ask.ask(gate.world, person.session, token)


async def test_the_sent_set_is_the_shown_set(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna, optional=EXTRAS)
    gate.pods.held[POD + EXTRAS[1]] = Document(POD + EXTRAS[1], "text/turtle", b"", "e1")
    gate.pods.held[POD + EXTRAS[4]] = Document(POD + EXTRAS[4], "text/turtle", b"<#a> <#b> 1 .", "e4")
    assert anna.session
    shown = await preview.preview(gate.world, anna.session, request)
    (view,) = await answer(gate.world, anna.session, request)
    record = view.record
    now = gate.clock.now()
    terms = record.agreement_digest, view.agreement.algorithm
    run = RunRow("r", SPACE, *terms, RunState.RUNNING, now, now, None)
    active = decide(record, now, proposal(view.agreement, record, run))
    agent = Agent(gate.world.agent(SPACE))
    pulled = await pull(gate.world, active, agent, record.resources, door_of(gate.world, record, SPACE))
    sent = {one.url: (one.etag, one.media_type, one.content) for one in pulled.documents}
    seen = {
        one.url: (one.etag, one.media_type, (one.raw or "").encode())
        for one in shown.resources
        if one.state in ("read", "empty")
    }
    assert sent == seen
    assert len(seen) == 14
    assert {one.url for one in shown.resources} - set(sent) == {
        POD + path for path in (*EXTRAS[:1], *EXTRAS[2:4])
    }


async def test_every_document_has_its_state(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna, optional=EXTRAS)
    for path, kind, content in (
        (EXTRAS[1], "text/turtle", b"# nothing\n"),
        (EXTRAS[2], "text/turtle", b"<a> <b"),
        (EXTRAS[3], "image/png", b"\x89PNG"),
        (EXTRAS[4], "text/turtle", b"<#a> <#b> 1 ."),
    ):
        gate.pods._put(POD + path, content, kind)
    assert anna.session
    found = await preview.preview(gate.world, anna.session, request)
    by_path = {one.url.removeprefix(POD): one for one in found.resources}
    assert [by_path[path].state for path in EXTRAS] == [
        "missing",
        "empty",
        "unreadable",
        "unreadable",
        "read",
    ]
    assert by_path[EXTRAS[2]].problem == by_path[EXTRAS[3]].problem == "pod.unreadable"
    assert (by_path[EXTRAS[3]].media_type, by_path[EXTRAS[3]].size) == ("image/png", 4)
    assert (by_path[EXTRAS[4]].total, by_path[EXTRAS[4]].others) == (0, 1)
    month = by_path[next(iter(energy_documents(1)))]
    assert (month.state, len(month.rows), month.total) == ("read", 20, 4 * 31)
    assert month.modified is not None


async def test_a_pod_that_is_down_or_slow_has_a_state_and_no_error_page(
    gate: TestGate, anna: Browser
) -> None:
    request = await asked(gate, anna)
    gate.pods.refuses.add("read")
    assert anna.session
    found = await preview.preview(gate.world, anna.session, request)
    assert {(one.state, one.problem) for one in found.resources} == {("unreadable", "pod.forbidden")}
    assert (await anna.get(f"/requests/{request}/preview")).status == 200


async def test_documents_come_in_pages(database_url: str, tmp_path: Path) -> None:
    async with open_gate(database_url, tmp_path, preview=Limits(resources=5)) as gate:
        gate.pods.give(ANNA, POD, energy_documents(1))
        async with gate.browser(ANNA) as anna:
            request = await asked(gate, anna)
            pages = [
                (await anna.get(f"/requests/{request}/preview?from={first}")).text for first in (1, 6, 11)
            ]
    numbers = [re.findall(r'<h2 id="document-(\d+)"', page) for page in pages]
    assert [int(one) for page in numbers for one in page] == list(range(1, 13))
    assert "from=6" in pages[0] and "from=6" in pages[2] and "from=11" in pages[1]


async def test_nobody_sees_another_person_s_preview(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    gate.pods.give(BEN, "https://ben.example/", {})
    async with gate.browser(BEN) as ben:
        assert ben.session
        for path in ("preview", "preview/1", "example"):
            assert (await ben.get(f"/requests/{request}/{path}", "application/json")).status == 404
        with pytest.raises(RequestNotFound):
            await preview.preview(gate.world, ben.session, request)


async def test_the_page_and_the_file_are_exact_and_kept_by_no_cache(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    path = next(iter(energy_documents(1)))
    for lang, title, label in (
        ("en", "What your yes would send", "energy used"),
        ("fr", "Ce que votre oui enverrait", "énergie consommée"),
        ("nl", "Wat uw ja zou versturen", "verbruikte energie"),
    ):
        page = await anna.get(f"/requests/{request}/preview?lang={lang}")
        assert (page.status, page.headers["Cache-Control"]) == (200, "no-store")
        assert title in page.text and label in page.text and POD + path in page.text
        assert page.text.count("<details>") == 12
    (value,) = re.findall(rb"sosa:hasSimpleResult ([0-9.]+)", gate.pods.held[POD + path].content)[:1]
    assert f'<td dir="auto">{value.decode()}</td>' in page.text
    file = await anna.get(f"/requests/{request}/preview/1", "*/*")
    assert file.content == gate.pods.held[POD + path].content
    assert file.headers["Cache-Control"] == "no-store"
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert (await anna.get(f"/requests/{request}/preview/99", "application/json")).status == 404
    assert anna.session
    with pytest.raises(ResourceNotAsked):
        await preview.document(gate.world, anna.session, request, 0)


async def test_the_example_is_what_the_program_makes_of_its_own_sample(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    gate.pods.refuses |= {"read", "state"}  # nothing of the person's is read for it
    assert anna.session
    found = await example.example(gate.world, anna.session, request)
    program = read_algorithm(asset("examples", "home-energy", "algorithm"))
    expected = program.files["samples/always-on/expected.nt"].decode()
    assert found.source == "synthetic"
    assert len(found.rows) == len(expected.strip().splitlines())
    assert all(name in expected and value in expected for name, value in found.rows)
    for lang, name, value in (
        ("en", "energy used in the year, in kWh", "cut what is on standby"),
        ("fr", "énergie consommée dans l’année, en kWh", "réduire les appareils en veille"),
        ("nl", "verbruikte energie in het jaar, in kWh", "minder apparaten in stand-by"),
    ):
        page = await anna.get(f"/requests/{request}/example?lang={lang}")
        for way in (f"/requests/{request}", f"/requests/{request}/preview"):
            assert f'href="/requests/{request}/example"' in (await anna.get(way)).text, way
        assert page.status == 200
        assert f'<span dir="auto">{name}</span>' in page.text
        assert f'<span dir="auto">{value}</span>' in page.text
        assert "Base Load" not in page.text and "base load" not in page.text
    assert all(value in page.text for _, value in found.rows)


async def test_the_program_is_read_once_for_all_who_are_asked(
    gate: TestGate, anna: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can have twelve megabytes, and the page only asks whether it brings an example."""
    request, read = await asked(gate, anna), list[str]()
    package = Spaces.package

    async def noted(self: Spaces, space_id: str, program: str) -> bytes:
        read.append(program)
        return await package(self, space_id, program)

    monkeypatch.setattr(Spaces, "package", noted)
    monkeypatch.setattr(example, "_brings_sample", {})
    for _ in range(3):
        assert f"/requests/{request}/example" in (await anna.get(f"/requests/{request}")).text
    assert len(read) == 1


async def test_there_is_no_example_of_a_program_that_nobody_approved(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna, approved=False)
    assert anna.session
    with pytest.raises(NoExample):
        await example.example(gate.world, anna.session, request)
    assert (await anna.get(f"/requests/{request}/example")).status == 404
    for page in (f"/requests/{request}", f"/requests/{request}/preview"):
        assert f"/requests/{request}/example" not in (await anna.get(page)).text, page


async def test_previews_have_a_pace(database_url: str, tmp_path: Path) -> None:
    async with open_gate(database_url, tmp_path, preview=Limits(views_per_minute=2)) as gate:
        gate.pods.give(ANNA, POD, energy_documents(1))
        async with gate.browser(ANNA) as anna:
            request = await asked(gate, anna)
            replies = [await anna.get(f"/requests/{request}/preview", "application/json") for _ in range(3)]
    assert [one.status for one in replies] == [200, 200, 429]


# --- canaries -----------------------------------------------------------------------------------------


def every_row(url: str) -> bytes:
    """Every table of the database, as text and as bytes, job queue included."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name)"
            " FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > 20
        parts = []
        for (name,) in tables:
            for how in ("", " (FORMAT binary)"):
                with connection.cursor().copy(f"COPY {name} TO STDOUT{how}") as copy:  # type: ignore[call-overload]
                    parts += [bytes(piece) for piece in copy]
        return b"".join(parts)


def canaries() -> list[bytes]:
    """The canaries as they could stand somewhere: as text, UTF-16, hexadecimal and base64 pieces."""
    found = [CANARY.encode(), CANARY.encode("utf-16-le"), CANARY.encode().hex().encode()]
    return [*found, NUMBER.encode(), NUMBER.encode().hex().encode()]


def files_with_canaries(folder: Path) -> list[str]:
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(one in path.read_bytes() for one in canaries())
    ]


@asynccontextmanager
async def own_database(folder: Path) -> AsyncIterator[str]:
    """An installation's own PostgreSQL, whose every file is below ``folder``; it hides nothing in its log."""
    options = {"log_statement": "all", "log_min_duration_statement": "0", "logging_collector": "on"}
    server = EmbeddedPostgres(folder, options=options)
    try:
        url = server.start()
        migrate_now(url)
        yield url
    finally:
        server.stop()


async def test_previewed_values_are_kept_nowhere(data_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In no log, no table, no cache and no core; in no file of the database, write-ahead log included."""
    log = io.StringIO()
    configure_logs("debug", stream=log)
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy", "asyncio", "procrastinate", "aiohttp"):
        caplog.set_level(logging.DEBUG, logger=name)
    here = set(Path.cwd().iterdir())
    async with own_database(data_folder) as url, open_gate(url, data_folder) as gate:
        documents = dict(energy_documents(1))
        first, second, *_ = documents
        documents[first] += (
            f'<#c> <http://www.w3.org/ns/sosa/hasSimpleResult> "{CANARY}", {NUMBER} .\n'.encode()
        )
        documents[second] = f"<#{CANARY}> <{NUMBER}".encode()  # malformed, with canaries
        gate.pods.give(ANNA, POD, documents)
        async with gate.browser(ANNA) as anna:
            request = await asked(gate, anna)
            page = await anna.get(f"/requests/{request}/preview")
            data = await anna.get(f"/requests/{request}/preview.json", "application/json")
            file = await anna.get(f"/requests/{request}/preview/1", "*/*")
            for answer in (page, data, file):
                assert CANARY.encode() in answer.content  # it was there to be kept
                assert answer.headers["Cache-Control"] == "no-store"
                assert not {"ETag", "Expires", "Last-Modified"} & set(answer.headers)
                assert not any(CANARY in value or NUMBER in value for value in answer.headers.values())
            gate.pods.held[POD + first] = dataclasses.replace(gate.pods.held[POD + first], etag=None)
            await anna.get(f"/requests/{request}/preview?from={CANARY}")
        rows = every_row(url)
        assert [one for one in canaries() if one in rows] == []
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")
            connection.execute("CHECKPOINT")
        assert files_with_canaries(data_folder) == []
        kept_by_mistake(url)  # the scan can find: a row that is deleted again, its log and its page
        found = files_with_canaries(data_folder)
        assert any("/pg_wal/" in path for path in found)
        assert any("/base/" in path for path in found)
        assert any(path.endswith(".log") for path in found)
    assert log.getvalue().count('"route":"preview"') >= 3  # the log did see the requests
    said = (log.getvalue() + caplog.text).encode()
    assert [one for one in canaries() if one in said] == []
    assert set(Path.cwd().iterdir()) == here  # no core file, nor any other


def kept_by_mistake(url: str) -> None:
    """What the test looks for, as it would look."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"INSERT INTO workers VALUES ('{CANARY}', 0, now())")  # type: ignore[call-overload]
        connection.execute(f"DELETE FROM workers WHERE worker_id = '{CANARY}'")  # type: ignore[call-overload]
        connection.execute("CHECKPOINT")


async def test_a_confined_fork_leaves_no_core() -> None:
    """What a fork may use is set before it reads anything; a crash then has no file to go to."""
    child = os.fork()
    if child == 0:
        try:
            jail.confine(jail.bars(jail.Policy((), 0, "")), jail.Allowance(5, 1 << 33, 1 << 16))
            dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # a handler in a pipe does not heed the limit
            os._exit(0 if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) and dumpable == 0 else 1)
        except BaseException:  # noqa: BLE001 - a fork never returns
            os._exit(2)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("command", ["gate --host 127.0.0.1 --port 0", "worker"])
def test_a_process_that_sees_documents_leaves_no_core(command: str, tmp_path: Path) -> None:
    """The limit is set before anything else is done, here before a wrong setting ends the command."""
    code = (
        "import resource, sys; from solidgate.cli.main import main\n"
        f"sys.argv = ['solidgate', *{command.split()!r}]\n"
        "try: main()\nexcept SystemExit as end: assert end.code\n"
        "sys.exit(0 if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) else 9)"
    )
    wrong = {**os.environ, "SOLIDGATE_SERVER__NO_SUCH_KEY": "1"}
    ended = subprocess.run([sys.executable, "-c", code], env=wrong, cwd=tmp_path, timeout=60, check=False)
    assert ended.returncode == 0
