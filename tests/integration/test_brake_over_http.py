"""A person withdraws by the page while the database is away, silent, slow or full: the brake is on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from solidgate.adapters.brake_lock import BrakeLock
from solidgate.adapters.sql.together import driver_of
from solidgate.consent.status import ConsentStatus
from solidgate.errors import StoreUnavailable
from solidgate.flow import login, rights, withdraw
from solidgate.flow.brake import Brake
from solidgate.settings import Consent
from solidgate.testing.database_line import DatabaseLine, open_line
from solidgate.testing.energy import energy_documents
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.space import SPACE, agreement_of, join, open_space, program_of

ANNA = "https://anna.example/profile#me"
JSON = "application/json"
# Every commit that wrote something fails, as on a full disk.
FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT OR UPDATE OR DELETE ON %I
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk()', name);
  END LOOP;
END $$
"""


@dataclass
class House:
    """The gate behind a line to its database, Anna at it with a consent, and the worker's brake."""

    gate: TestGate
    line: DatabaseLine
    anna: Browser
    consent_id: str
    worker: Brake
    url: str

    def path(self, which: str) -> str:
        return "/me/withdraw" if which == "all" else f"/consents/{self.consent_id}/withdraw"

    @property
    def door(self) -> tuple[str, str]:
        return ANNA, self.gate.world.agent(SPACE)

    def is_on(self) -> bool:
        try:
            self.worker.check()
        except StoreUnavailable:
            return True
        return False

    async def stored(self) -> None:
        async with asyncio.timeout(60):
            while True:
                if not self.is_on():
                    break
                await asyncio.sleep(0.1)
        async with self.gate.world.store.transaction() as tx:
            found = await tx.consents.one(self.consent_id)
        assert found.record.latest.status is ConsentStatus.WITHDRAWN
        await self.gate.world.after.wait([self.consent_id], 30)
        assert self.door not in self.gate.pods.doors, "as for one stored at once"


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    consent = Consent(withdraw_wait_seconds=1, pod_wait_seconds=5, store_seconds=1)
    async with open_line(database_url) as line, open_gate(line.url, tmp_path, consent=consent) as gate:
        gate.world.brake.shared, gate.world.brake.seconds = BrakeLock(tmp_path), consent.store_seconds
        documents = dict(list(energy_documents(1).items())[:2])
        gate.pods.give(ANNA, "https://anna.example/", documents)
        program = program_of()
        token = await open_space(gate.world, agreement_of("advice", documents=2, program=program), program)
        async with gate.browser(ANNA) as anna:
            assert anna.session is not None
            (view,) = await join(gate.world, anna.session, token, None)
            house = House(gate, line, anna, view.record.consent_id, Brake(BrakeLock(tmp_path)), database_url)
            assert house.door in gate.pods.doors
            yield house
        await gate.world.brake.aclose()


Trouble = Callable[[House], Any]


@asynccontextmanager
async def away(house: House) -> AsyncIterator[None]:
    house.line.cut()
    yield
    await house.line.mend()


@asynccontextmanager
async def silent(house: House) -> AsyncIterator[None]:
    house.line.silence()
    yield
    await house.line.mend()


@asynccontextmanager
async def full(house: House) -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(house.url, autocommit=True) as other:
        await other.execute(FULL)
        yield
        await other.execute("DROP FUNCTION full_disk() CASCADE")


@asynccontextmanager
async def slow(house: House) -> AsyncIterator[None]:
    """Somebody has the row and does not go on."""
    async with await psycopg.AsyncConnection.connect(house.url) as other:
        await other.execute("SELECT 1 FROM consents FOR UPDATE")
        yield


@pytest.mark.parametrize("trouble", [away, silent, full, slow])
@pytest.mark.parametrize("which", ["one", "all"])
async def test_what_cannot_be_stored_stops_every_process_and_is_stored_later(
    house: House, trouble: Trouble, which: str
) -> None:
    async with trouble(house):
        assert not house.is_on()
        answer = await house.anna.post(house.path(which), {}, JSON)
        assert (answer.status, house.is_on()) == (503, True)
        assert house.door in house.gate.pods.doors
    await house.stored()


async def cut_off(house: House, work: Awaitable[object]) -> None:
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0.3)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_request_that_is_cut_off_leaves_the_brake_on(house: House) -> None:
    assert house.anna.session is not None
    house.gate.world.brake.seconds = 30
    async with slow(house):
        await cut_off(house, withdraw.withdraw(house.gate.world, house.anna.session, house.consent_id))
        assert house.is_on()
    await house.stored()


@pytest.mark.parametrize("how", ["cut", "silence"])
@pytest.mark.parametrize("accept", [JSON, "text/html"])
async def test_what_is_stored_is_never_told_as_failed(house: House, accept: str, how: str) -> None:
    close = house.gate.pods.close_door

    async def and_then_the_database_goes(*arguments: Any) -> Any:
        getattr(house.line, how)()
        return await close(*arguments)

    house.gate.pods.close_door = and_then_the_database_goes  # type: ignore[method-assign]
    answer = await house.anna.post(house.path("all"), {}, accept)
    assert answer.status == 202
    assert house.consent_id in answer.text
    assert not house.is_on()
    await house.line.mend()
    await house.stored()


async def test_only_a_session_that_was_seen_alive_withdraws_without_the_store(house: House) -> None:
    world, session = house.gate.world, house.anna.session
    assert session is not None
    async with away(house):
        with pytest.raises(StoreUnavailable):
            await login.resume_to_withdraw(world, "made-up")
        with pytest.raises(StoreUnavailable):
            await login.resume(world, session.session_id)
        assert (await login.resume_to_withdraw(world, session.session_id)).person_id == session.person_id
        assert (await house.anna.get("/me")).status == 503
    assert (await house.anna.post("/logout", {})).status == 303
    async with away(house):
        with pytest.raises(StoreUnavailable):
            await login.resume_to_withdraw(world, session.session_id)
        assert (await house.anna.post(house.path("all"), {}, JSON)).status != 200
        assert not house.is_on()


async def test_an_erased_person_is_remembered_by_no_process(house: House) -> None:
    world, session = house.gate.world, house.anna.session
    assert session is not None
    await rights.erase(world, session)
    async with away(house):
        with pytest.raises(StoreUnavailable):
            await login.resume_to_withdraw(world, session.session_id)


async def test_a_session_is_resumed_where_nothing_can_be_written(house: House) -> None:
    async with full(house):
        for _ in range(3):
            house.gate.clock.ahead += house.gate.clock.ahead.resolution * 20_000_000  # twenty seconds
            assert (await house.anna.get("/me")).status == 200


async def test_a_silent_server_is_noticed(house: House) -> None:
    async with house.gate.world.store.transaction() as tx:
        number = driver_of(tx.connection).fileno()
        found = socket.socket(fileno=number)
        try:
            assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        finally:
            found.detach()
