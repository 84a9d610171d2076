"""A withdrawal that cannot be stored stops each process of the installation, and is stored once it can be."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from solidgate.adapters.brake_lock import BrakeLock
from solidgate.adapters.sql.consents import Consents
from solidgate.consent.status import ConsentStatus
from solidgate.errors import StoreUnavailable
from solidgate.flow import run, withdraw
from solidgate.flow.brake import Brake
from solidgate.flow.journey import Enclave
from solidgate.flow.tenure import tenure
from solidgate.identity.login import Session
from solidgate.settings import Worker
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker.parts import run_batch

# A process that may write no byte to any file: as on a full disk.
HOLDER = """
import resource, sys, time
from pathlib import Path
from solidgate.adapters.brake_lock import BrakeLock
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
BrakeLock(Path(sys.argv[1])).hold()
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


def test_another_process_is_seen_and_its_lock_ends_with_it(tmp_path: Path) -> None:
    mine = BrakeLock(tmp_path)
    assert not mine.is_held()
    with holder(tmp_path) as first, holder(tmp_path) as second:
        assert mine.is_held()
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert mine.is_held(), "the other one still holds it"
        second.send_signal(signal.SIGKILL)
        second.wait()
        assert not mine.is_held()
    mine.close()


def test_my_own_hand_is_no_other(tmp_path: Path) -> None:
    mine, other = BrakeLock(tmp_path), BrakeLock(tmp_path)
    mine.hold()
    mine.hold()
    assert (mine.is_held(), other.is_held()) == (False, True)
    other.hold()
    mine.let_go()
    assert (mine.is_held(), other.is_held()) == (True, False)
    other.let_go()
    assert not mine.is_held()


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    """The gate and the worker each have their own hand on the brake, as two processes have."""
    async with open_ground(database_url, tmp_path, worker=Worker(heartbeat_seconds=15), wait=1) as opened:
        gate, worker = Brake(BrakeLock(tmp_path)), Brake(BrakeLock(tmp_path))
        opened.world = dataclasses.replace(opened.world, brake=gate)
        working = dataclasses.replace(opened.enclave.world, brake=worker)
        opened.enclave = opened.parts.enclave = Enclave(working, opened.enclave.keys)
        yield opened
        await gate.aclose()


async def refused(ground: Ground, session: Session, consent_id: str, patch: pytest.MonkeyPatch) -> None:
    """A withdrawal that the database does not take."""

    async def full(*arguments: object, **names: object) -> None:
        raise StoreUnavailable()

    patch.setattr(Consents, "end", full)
    with pytest.raises(StoreUnavailable):
        await withdraw.withdraw(ground.world, session, consent_id)


async def stored(ground: Ground, consent_id: str) -> None:
    async with asyncio.timeout(20):
        while True:
            async with ground.world.store.transaction() as tx:
                found = await tx.consents.one(consent_id)
            if found.record.latest.status is ConsentStatus.WITHDRAWN and not ground.world.brake.pending:
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("point", ["before read 1", "after read 1", "inside derive 1", "before create 1"])
async def test_the_worker_begins_nothing_more(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    agent, passed, mark = ground.world.agent(SPACE), dict[str, int](), 0
    with monkeypatch.context() as patch:

        async def at(name: str) -> None:
            nonlocal mark
            passed[name] = passed.get(name, 0) + 1
            if f"{name} {passed[name]}" == point:
                await refused(ground, session, consent_id, patch)
                mark = len(ground.pods.log)

        ground.pods.at = ground.sandbox.at = at  # type: ignore[attr-defined]
        run_id = await run.start(ground.world, CONSUMER, SPACE)
        with pytest.raises(StoreUnavailable):
            await run_batch(ground.parts, run_id, [consent_id])
        assert mark
        begun = [one for one in ground.pods.log[mark:] if one.webid == agent]
        assert begun == [], "after the 503 nothing begins"
        async with ground.world.store.transaction() as tx:
            assert (await tx.runs.part(run_id, consent_id)).outcome is None, (
                "and the part stands where it stood"
            )
        with pytest.raises(StoreUnavailable):
            async with tenure(ground.enclave.world, consent_id):
                raise AssertionError("not while the brake is on")
    # Nobody asks for anything: it is stored all the same, and the worker goes on.
    await stored(ground, consent_id)
    await run_batch(ground.parts, run_id, [consent_id])
    assert not [one for one in ground.pods.log[mark:] if one.webid == agent]
    assert (await withdraw.status(ground.world, session, consent_id)).quiescent


async def test_work_under_way_outside_a_run_signs_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    access, now = await ground.enclave.keys.access_for(SPACE), ground.world.clock.now()
    async with tenure(ground.enclave.world, consent_id) as held:
        fenced = held.fenced(access)
        assert fenced.headers("GET", "https://anna.example/x", now)
        with monkeypatch.context() as patch:
            await refused(ground, session, consent_id, patch)
            with pytest.raises(StoreUnavailable):
                fenced.headers("GET", "https://anna.example/x", now)
