"""The person's rights on a real PostgreSQL with real runs: the copy, the log, and an erasure that erases."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import io
import json
import re
import signal
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyoxigraph as ox
import pyshacl
import pytest
import rdflib
import sqlalchemy as sa

from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sealing import StoreKeys, key_file
from solidgate.adapters.sql.engine import migrate_now
from solidgate.adapters.sql.persons import OF_NOBODY, OF_PERSON, SEALED, WITHHELD, Persons
from solidgate.adapters.sql.tables import metadata
from solidgate.adapters.tombstones import NAME, Tombstones
from solidgate.algorithm.pack import pack
from solidgate.assets import asset
from solidgate.audit.activity import Kind, Wanted
from solidgate.errors import ContainerNotYours, ExportTooLarge, PersonNotFound, StoreUnavailable
from solidgate.flow import aggregate, ask, consent, invite, query, rights, run
from solidgate.flow import erase as erasing
from solidgate.flow import space as spaces
from solidgate.flow.journey import Enclave
from solidgate.flow.record import ConsentView
from solidgate.identity.jose import parse, signing_key, verify_with_keys
from solidgate.identity.login import Caller, Session
from solidgate.query.results import ResultFormat
from solidgate.sdk.folder import read_algorithm
from solidgate.settings import Consent, Sandbox
from solidgate.space.canonical import sha256_digest
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.testing.energy import energy_documents
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.terms import OWNER, sample_agreement
from solidgate.web.language import Language
from solidgate.web.rights import page_of
from solidgate.worker.parts import Parts, run_batch

CONSUMER = Caller("https://grid.example/profile#org")
SPACE = "home-energy"
ANNA, BEN = "canary-anna", "canary-ben"
ALL = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"


def page(held, files):  # type: ignore[no-untyped-def]
    return page_of(held, files, Language("en"))


@dataclass
class Scene:
    gate: TestGate
    enclave: Enclave
    token: str
    folder: Path
    url: str

    @property
    def world(self):  # type: ignore[no-untyped-def]
        return self.gate.world

    async def person(self, name: str) -> tuple[Session, ConsentView]:
        webid = f"https://{name}.example/profile#me"
        self.gate.pods.give(webid, f"https://{name}.example/", energy_documents(sum(name.encode())))
        session = await self.gate.log_in(webid)
        request = await ask.ask(self.world, session, self.token)
        shown = await consent.review(self.world, session, request, "en")
        digest, answers = shown.notice.digest, {"advice": True}
        (view,) = await consent.answer(
            self.world, session, request, shown=digest, language="en", answers=answers
        )
        return session, view

    async def run(self) -> None:
        run_id = await run.start(self.world, CONSUMER, SPACE)
        async with self.world.store.transaction() as tx:
            people = await tx.consents.holding(SPACE, self.world.clock.now())
        await run_batch(Parts(self.enclave), run_id, [consent_id for consent_id, _ in people])
        await aggregate.aggregate(self.enclave, run_id)
        async with self.world.store.transaction() as tx:
            states, _ = await tx.runs.counts(run_id)
        assert set(states) == {"written"}, states

    async def rows(self) -> int:
        return (await query.query(self.world, CONSUMER, SPACE, ALL, [ResultFormat.JSON])).rows

    async def counts(self) -> dict[str, int]:
        async with self.world.store.transaction() as tx:
            return {
                table.name: (
                    await tx.connection.execute(sa.select(sa.func.count()).select_from(table))
                ).scalar_one()
                for table in metadata.sorted_tables
            }


async def _space(gate: TestGate) -> tuple[Enclave, str]:
    program = read_algorithm(asset("examples", "home-energy", "algorithm"))
    manifest = program.manifest
    needs = tuple(
        ResourceNeed(path, {"en": path}, ("https://w3id.org/dpv/pd#Household",))
        for path in energy_documents(1)
    )
    service = "https://w3id.org/dpv#ServicePersonalisation"
    agreement = dataclasses.replace(
        sample_agreement(SPACE),
        purposes=(Purpose("advice", {"en": "Advice"}, {"en": "to compare"}, service, needs),),
        languages=("en",),
        algorithm=program.digest,
        output_shape=sha256_digest(program.files[manifest.output_shapes]),
        aggregate_shape=sha256_digest(program.files[manifest.aggregate_shapes]),
        parameters=dict(manifest.parameters),
        min_group_size=2,
        parties=(
            Party(OWNER, "Owner", frozenset({Role.OWNER, Role.CODE_PROVIDER, Role.CONTROLLER})),
            Party(CONSUMER.webid, "Consumer", frozenset({Role.DATA_CONSUMER})),
        ),
    )
    await spaces.create(gate.world, agreement)
    owner = Caller(OWNER)
    package = pack(program.files, program.executables)
    digest = await spaces.submit_algorithm(gate.world, owner, SPACE, package)
    terms = (await spaces.show(gate.world, SPACE)).agreement_digest
    for caller in (owner, CONSUMER):
        await spaces.approve(gate.world, caller, SPACE, terms, digest, "approve")
    keys = SealedEnclaveKeys(gate.world.store, b"k" * 32, gate.world.clock, gate.world.public_url)
    return Enclave(gate.world, keys), await invite.invite(gate.world, None, SPACE, uses=0, days=1)


@pytest.fixture
async def scene(data_folder: Path) -> AsyncIterator[Scene]:
    """An installation in its own data folder, with fsync on, as it is delivered."""
    server = EmbeddedPostgres(data_folder)
    url = server.start()
    migrate_now(url)
    changes = {"sandbox": Sandbox(minimum_level=0), "consent": Consent(withdraw_wait_seconds=5)}
    try:
        async with open_gate(url, data_folder, **changes) as gate:
            # The keys of the installation, so that another process of it can open what this one sealed.
            keys = StoreKeys.from_root(key_file(data_folder / "keys" / "store.key"))
            tombstones = Tombstones(data_folder / NAME, keys.tombstone)
            for name, value in (("keys", keys), ("tombstones", tombstones)):
                object.__setattr__(gate.world.store, name, value)
            enclave, token = await _space(gate)
            yield Scene(gate, enclave, token, data_folder, url)
    finally:
        server.stop()


def bytes_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spellings(canary: bytes) -> list[bytes]:
    text = canary.decode("latin-1")
    return [
        canary,
        canary.hex().encode(),
        canary.hex().upper().encode(),
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
    ]


def found_in(folder: Path, canaries: dict[str, bytes]) -> list[tuple[str, str]]:
    files = bytes_of(folder)
    return sorted(
        {
            (name, str(path.relative_to(folder)))
            for name, canary in canaries.items()
            for spelling in spellings(canary)
            for path, content in files.items()
            if spelling in content
        }
    )


async def canaries(scene: Scene, session: Session, view: ConsentView) -> dict[str, bytes]:
    """What must not outlive the person: in clear, and the key and every sealed value as it is stored."""
    found = {
        "webid": session.webid.encode(),
        "name": ANNA.encode(),
        "pod": b"https://canary-anna.example/",
        "person": session.person_id.encode(),
        "consent": view.record.consent_id.encode(),
        "request": view.record.request_id.encode(),
    }
    async with scene.world.store.transaction() as tx:
        found["key in clear"] = await tx.people.key(session.person_id)
        whose = await tx.persons.whose(session.person_id)
        for table, rule in OF_PERSON.items():
            for number, row in enumerate(
                (await tx.connection.execute(sa.select(table).where(rule(whose)))).all()
            ):
                for column in table.columns:
                    value = getattr(row, column.name)
                    if isinstance(value, bytes) and column.name != "leaf":
                        found[f"{table.name}.{column.name}.{number}"] = bytes(value[:24])
    return found


async def test_no_byte_of_an_erased_person_stays(scene: Scene) -> None:
    """Every file of the data folder, free pages, statistics and write-ahead log included."""
    session, view = await scene.person(ANNA)
    other, _ = await scene.person(BEN)
    await scene.run()
    with psycopg.connect(scene.url, autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")
    marks = await canaries(scene, session, view)
    before = found_in(scene.folder, marks)
    in_clear = {name for name, _ in before} & {"webid", "name", "pod", "key in clear"}
    assert in_clear == set(), "sealed values are never in clear"
    assert {"person", "consent", "people.key_sealed.0"} <= {name for name, _ in before}, "the scan can find"
    kept, rows = await rights.held(scene.world, other), await scene.rows()
    report = await rights.erase(scene.world, session)
    assert report.left == ()
    assert found_in(scene.folder, marks) == []
    assert (await rights.held(scene.world, other)).rows == kept.rows
    assert 0 < await scene.rows() < rows
    with pytest.raises(PersonNotFound):
        await rights.held(scene.world, session)


async def test_the_report_says_what_cannot_be_recalled_and_is_signed(scene: Scene) -> None:
    session, view = await scene.person(ANNA)
    await scene.person(BEN)
    await scene.run()
    rehearsed = await rights.rehearse(scene.world, session.person_id)
    assert rehearsed.token == ""
    assert rehearsed.removed["consents"] == 1
    report = await rights.erase(scene.world, session)
    assert {url for url in report.reach.pods if url.startswith(view.record.result_container)}
    assert report.reach.readers == (CONSUMER.webid,)
    assert len(report.reach.aggregates) == 1
    assert report.reach.doors == ()
    assert (session.webid, scene.world.agent(SPACE)) not in scene.gate.pods.doors
    key = signing_key(scene.world.receipt_key).public_jwk
    unverified = parse(report.token, max_bytes=1_000_000)
    claims = verify_with_keys(unverified, [key], ("EdDSA", "Ed25519")).claims
    assert claims["credentialSubject"]["id"] == session.webid
    assert report.leaves_kept >= 4


async def test_a_closed_door_is_no_condition(scene: Scene) -> None:
    """The pod refuses to close its door: the erasure is done all the same, and says so."""
    session, _ = await scene.person(ANNA)
    scene.gate.pods.refuses |= {"close_door", "create", "ensure_container"}
    report = await rights.erase(scene.world, session)
    assert report.reach.doors == (scene.world.agent(SPACE),)


STEPS = ("_end_all", "_remove", "sweep")


@pytest.mark.parametrize("step", STEPS)
async def test_an_erasure_cut_short_is_finished_at_the_next_start(
    scene: Scene, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, view = await scene.person(ANNA)
    await scene.person(BEN)
    await scene.run()
    marks = await canaries(scene, session, view)

    async def broken(*args: Any) -> None:
        raise StoreUnavailable()

    with monkeypatch.context() as patch:
        if step == "sweep":
            patch.setattr(type(scene.world.store), "sweep", broken)
        else:
            patch.setattr(erasing, step, broken)
        with pytest.raises(StoreUnavailable):
            await rights.erase(scene.world, session)
    await rights.finish_erasures(scene.world)
    assert found_in(scene.folder, marks) == []
    assert (await scene.counts())["consents"] == 1
    assert await rights.finish_erasures(scene.world) == 0


async def test_a_transaction_cut_in_its_middle_removes_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = await scene.person(ANNA)
    before = await scene.counts()

    async def broken(*args: Any) -> None:
        raise StoreUnavailable()

    with monkeypatch.context() as patch:
        patch.setattr(Persons, "entomb", broken)
        with pytest.raises(StoreUnavailable):
            await rights.erase(scene.world, session)
    after = await scene.counts()
    assert {name: after[name] for name in ("people", "consents", "requests", "notices")} == {
        name: before[name] for name in ("people", "consents", "requests", "notices")
    }
    async with scene.world.store.transaction() as tx:
        assert await tx.consents.holding(SPACE, scene.world.clock.now()) == ()
    assert await rights.finish_erasures(scene.world) == 1
    assert (await scene.counts())["people"] == 0


async def test_a_restored_backup_brings_nobody_back(scene: Scene) -> None:
    """The rows come back as a backup would bring them; the next start removes them, and nobody else."""
    session, _ = await scene.person(ANNA)
    await scene.person(BEN)
    with psycopg.connect(scene.url) as connection:
        tables = [table.name for table in metadata.sorted_tables]
        kept = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
    await rights.erase(scene.world, session)
    with psycopg.connect(scene.url) as connection:
        connection.execute("SET session_replication_role = replica")
        for name in reversed(tables):
            connection.execute(f"DELETE FROM {name}")
        for name in tables:
            for row in kept[name]:
                places = ", ".join(["%s"] * len(row))
                values = [json.dumps(value) if isinstance(value, dict) else value for value in row]
                connection.execute(
                    f"INSERT INTO {name} OVERRIDING SYSTEM VALUE VALUES ({places})",
                    values,
                )
    assert (await scene.counts())["people"] == 2
    assert await rights.finish_erasures(scene.world) == 1
    assert (await scene.counts())["people"] == 1
    again = await scene.gate.log_in(session.webid)
    assert again.person_id != session.person_id
    assert await rights.finish_erasures(scene.world) == 0, "who comes back is somebody new"


def test_every_table_and_column_has_its_rule() -> None:
    """A new table is a person's or nobody's; a new column is plain, sealed in a known way, or withheld."""
    assert {*OF_PERSON, *OF_NOBODY} == set(metadata.tables.values())
    assert not {*OF_PERSON} & {*OF_NOBODY}
    for table in OF_PERSON:
        for column in table.columns:
            if isinstance(column.type, sa.LargeBinary) and column.name != "leaf":
                assert (column in SEALED) != (column in WITHHELD), f"{column} has no rule"
    for table in OF_NOBODY:
        assert "person_id" not in table.columns, f"{table.name} is about people"


async def test_the_copy_holds_every_row_and_nobody_elses(scene: Scene) -> None:
    session, view = await scene.person(ANNA)
    other, its = await scene.person(BEN)
    await scene.run()
    archive = zipfile.ZipFile(io.BytesIO(await rights.export(scene.world, session, page)))
    tables = json.loads(archive.read("tables.json"))
    async with scene.world.store.transaction() as tx:
        whose = await tx.persons.whose(session.person_id)
        for table, rule in OF_PERSON.items():
            rows = (await tx.connection.execute(sa.select(table).where(rule(whose)))).all()
            assert len(tables[table.name]) == len(rows), table.name
            expected = {c.name.removesuffix("_sealed") for c in table.columns if c not in WITHHELD}
            assert all(set(told) == expected for told in tables[table.name])
            assert len(list(csv.reader(io.StringIO(archive.read(f"tables/{table.name}.csv").decode())))) == (
                len(rows) + 1
            )
    ids = (session.person_id, view.record.consent_id, view.record.request_id)
    with psycopg.connect(scene.url) as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(f"SELECT * FROM {table.name}").fetchall()  # type: ignore[call-overload]
            about = [row for row in rows if any(one in str(row) for one in ids)]
            assert len(about) <= len(tables.get(table.name, ())), f"{table.name} holds more than the copy"
    whole = b"\n".join(archive.read(name) for name in archive.namelist())
    for foreign in (BEN, other.person_id, its.record.consent_id, its.record.request_id):
        assert foreign.encode() not in whole
    assert f"receipts/{view.record.consent_id}-2.jwt" in archive.namelist()
    assert f"results/{view.record.consent_id}.nt" in archive.namelist()
    text = archive.read("index.html").decode()
    links = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert links
    assert set(links) <= set(archive.namelist()), "links stay inside the copy"


async def test_the_records_of_the_copy_conform_to_the_shapes(scene: Scene) -> None:
    session, _ = await scene.person(ANNA)
    archive = zipfile.ZipFile(io.BytesIO(await rights.export(scene.world, session, page)))
    shapes = rdflib.Graph().parse(asset("shapes", "consent-record.ttl"))
    names = [name for name in archive.namelist() if name.startswith("consents/")]
    assert len(names) == 2
    for name in names:
        graph = graph_of(archive.read(name), name)
        conforms, _, told = pyshacl.validate(graph, shacl_graph=shapes, advanced=True, inference="none")
        assert conforms, told
    assert len(graph_of(archive.read("everything.jsonld"), ".jsonld")) > 50


def graph_of(content: bytes, name: str) -> rdflib.Graph:
    syntax = ox.RdfFormat.TURTLE if name.endswith(".ttl") else ox.RdfFormat.JSON_LD
    triples = [quad.triple for quad in ox.parse(content, format=syntax)]
    return rdflib.Graph().parse(data=ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES), format="nt")


async def test_a_copy_larger_than_the_setting_is_refused(scene: Scene) -> None:
    session, _ = await scene.person(ANNA)
    object.__setattr__(scene.world.settings.consent, "export_bytes", 100)
    with pytest.raises(ExportTooLarge):
        await rights.export(scene.world, session, page)


async def test_the_log_tells_what_happened_and_goes_to_the_pod(scene: Scene) -> None:
    session, view = await scene.person(ANNA)
    await scene.person(BEN)
    await scene.run()
    found = await rights.activity(scene.world, session)
    kinds = {one.kind for one in found}
    happened = {
        Kind.READ_POD_DATA, Kind.WRITE_POD_DATA, Kind.WRITE_APP_RESULT, Kind.INIT_POD, Kind.ISSUE_TOKEN,
        Kind.ADD_CONSENT, Kind.DATA_IMPORT, Kind.DATA_PROCESSING, Kind.DATASOURCE_GRANT,
    }  # fmt: skip
    assert kinds == happened
    only = await rights.activity(scene.world, session, Wanted(kind=Kind.READ_POD_DATA))
    assert [one.consent for one in only] == [view.record.consent_id]
    url = await rights.push_activity(scene.world, session, f"https://{ANNA}.example/mine/log/")
    graph = rdflib.Graph().parse(data=scene.gate.pods.held[url].content, format="turtle")
    stream = rdflib.Namespace("https://www.w3.org/ns/activitystreams#")
    assert len(set(graph.subjects(rdflib.RDF.type, stream.Activity))) == len(found)
    for wrong in (
        f"https://{BEN}.example/log/",
        f"https://{ANNA}.example/log",
        f"https://{ANNA}.example/../x/",
    ):
        with pytest.raises(ContainerNotYours):
            await rights.push_activity(scene.world, session, wrong)


async def test_the_log_and_the_events_can_only_be_erased(scene: Scene) -> None:
    """With ``solidgate.erasing`` an entry and its salt may go, and nothing else; without it, nothing."""
    await scene.person(ANNA)
    refused = [
        "UPDATE audit SET entry = 'x'",
        "UPDATE audit SET entry = NULL",
        "UPDATE audit SET entry = NULL, salt = NULL, leaf = '\\x00'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "TRUNCATE consent_events",
        "UPDATE consent_events SET sequence = sequence + 1",
    ]
    bare = ["UPDATE audit SET entry = NULL, salt = NULL", "DELETE FROM consent_events"]
    for setting, statements in (("on", refused), ("off", refused + bare)):
        for statement in statements:
            with psycopg.connect(scene.url) as connection:
                connection.execute(f"SET LOCAL solidgate.erasing = '{setting}'")  # type: ignore[call-overload]
                with pytest.raises(psycopg.errors.RaiseException):
                    connection.execute(statement)  # type: ignore[call-overload]
    with psycopg.connect(scene.url) as connection:
        connection.execute("SET LOCAL solidgate.erasing = 'on'")
        assert connection.execute("UPDATE audit SET entry = NULL, salt = NULL").rowcount
        connection.rollback()


KILLED = """
import asyncio, os, sys
from solidgate.flow import erase as erasing
from solidgate.compose import open_world
from solidgate.settings import Server, Settings

async def main(url, folder, person_id, step):
    async def killed(*args, **values):
        os.kill(os.getpid(), 9)
    settings = Settings(server=Server(data_folder=folder), sandbox={"minimum_level": 0})
    async with open_world(settings, url) as world:
        if step == "sweep":
            type(world.store).sweep = killed
        else:
            setattr(erasing, step, killed)
        await erasing.erase(world, person_id)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("step", ["_end_all", "_reach", "sweep"])
async def test_an_erasure_that_is_killed_is_finished_at_the_next_start(scene: Scene, step: str) -> None:
    """SIGKILL before the withdrawals, inside the transaction, and before the files are written anew."""
    session, view = await scene.person(ANNA)
    marks = await canaries(scene, session, view)
    arguments = [scene.url, str(scene.folder), session.person_id, step]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, *arguments)
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    assert (scene.folder / "tombstones").exists()
    await rights.finish_erasures(scene.world)
    assert (await scene.counts())["people"] == 0
    assert found_in(scene.folder, marks) == []
