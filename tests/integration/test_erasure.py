"""An erasure that erases: no byte stays, whatever cuts it short, and no backup brings anybody back."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.persons import OF_PERSON, Persons
from solidgate.adapters.sql.tables import metadata
from solidgate.errors import PersonNotFound, StoreUnavailable
from solidgate.flow import erase as erasing
from solidgate.flow import rights
from solidgate.flow.record import ConsentView
from solidgate.identity.jose import parse, signing_key, verify_with_keys
from solidgate.identity.login import Session
from solidgate.testing.space import CONSUMER, SPACE
from tests.integration.installation import Installation, open_installation

ANNA, BEN = "canary-anna", "canary-ben"


@pytest.fixture
async def scene(data_folder: Path) -> AsyncIterator[Installation]:
    async with open_installation(data_folder) as standing:
        yield standing


def spellings(canary: bytes) -> list[bytes]:
    text = canary.decode("latin-1")
    return [
        canary,
        canary.hex().encode(),
        canary.hex().upper().encode(),
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
    ]


def found_in(scene: Installation, canaries: dict[str, bytes]) -> list[tuple[str, str]]:
    """Which of them stand in which file, in whatever was written since the installation stood."""
    written = {path: scene.written_since(path) for path in scene.folder.rglob("*") if path.is_file()}
    return sorted(
        {
            (name, str(path.relative_to(scene.folder)))
            for name, canary in canaries.items()
            for spelling in spellings(canary)
            for path, content in written.items()
            if spelling in content
        }
    )


async def canaries(scene: Installation, session: Session, view: ConsentView) -> dict[str, bytes]:
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


async def test_no_byte_of_an_erased_person_stays(scene: Installation) -> None:
    """Every file of the data folder, free pages, statistics and write-ahead log included."""
    session, view = await scene.joined(ANNA)
    other, _ = await scene.joined(BEN)
    await scene.run()
    with psycopg.connect(scene.url, autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")
    marks = await canaries(scene, session, view)
    before = found_in(scene, marks)
    in_clear = {name for name, _ in before} & {"webid", "name", "pod", "key in clear"}
    assert in_clear == set(), "sealed values are never in clear"
    assert {"person", "consent", "people.key_sealed.0"} <= {name for name, _ in before}, "the scan can find"
    kept, rows = await rights.held(scene.world, other), await scene.rows()
    report = await rights.erase(scene.world, session)
    assert report.left == ()
    assert found_in(scene, marks) == []
    assert (await rights.held(scene.world, other)).rows == kept.rows
    assert 0 < await scene.rows() < rows
    with pytest.raises(PersonNotFound):
        await rights.held(scene.world, session)


async def test_the_report_says_what_cannot_be_recalled_and_is_signed(scene: Installation) -> None:
    session, view = await scene.joined(ANNA)
    await scene.joined(BEN)
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


async def test_a_closed_door_is_no_condition(scene: Installation) -> None:
    """The pod refuses to close its door: the erasure is done all the same, and says so."""
    session, _ = await scene.joined(ANNA)
    scene.gate.pods.refuses |= {"close_door", "create", "ensure_container"}
    report = await rights.erase(scene.world, session)
    assert report.reach.doors == (scene.world.agent(SPACE),)


STEPS = ("_end_all", "_remove", "sweep")


@pytest.mark.parametrize("step", STEPS)
async def test_an_erasure_cut_short_is_finished_at_the_next_start(
    scene: Installation, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, view = await scene.joined(ANNA)
    await scene.joined(BEN)
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
    assert found_in(scene, marks) == []
    assert (await scene.counts())["consents"] == 1
    assert await rights.finish_erasures(scene.world) == 0


async def test_a_transaction_cut_in_its_middle_removes_nothing(
    scene: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = await scene.joined(ANNA)
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


async def test_a_restored_backup_brings_nobody_back(scene: Installation) -> None:
    """The rows come back as a backup would bring them; the next start removes them, and nobody else."""
    session, _ = await scene.joined(ANNA)
    await scene.joined(BEN)
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
async def test_an_erasure_that_is_killed_is_finished_at_the_next_start(
    scene: Installation, step: str
) -> None:
    """SIGKILL before the withdrawals, inside the transaction, and before the files are written anew."""
    session, view = await scene.joined(ANNA)
    marks = await canaries(scene, session, view)
    arguments = [scene.url, str(scene.folder), session.person_id, step]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, *arguments)
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    assert (scene.folder / "tombstones").exists()
    await rights.finish_erasures(scene.world)
    assert (await scene.counts())["people"] == 0
    assert found_in(scene, marks) == []
