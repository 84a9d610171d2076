"""A row that does not open holds up nobody else: the others of its batch are worked on, and it is counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from solidgate.adapters.sql.tables import channels, consents, looks, watches
from solidgate.errors import SealBroken
from solidgate.flow import erase, look, subscribe, watching, withdraw
from solidgate.flow.listen import Listener
from solidgate.testing.called import Called, open_called
from solidgate.worker.house import keep_house

BROKEN = b"\x00" * 64


@pytest.fixture
async def called(database_url: str, tmp_path: Path) -> AsyncIterator[Called]:
    async with open_called(database_url, tmp_path, channel="websocket") as ground:
        yield ground


async def change(called: Called, statement: sa.Update) -> None:
    async with called.world.store.transaction() as tx:
        await tx.connection.execute(statement)


async def column(called: Called, wanted: sa.Column[str]) -> set[str]:
    async with called.world.store.transaction() as tx:
        return set((await tx.connection.execute(sa.select(wanted))).scalars())


def failed(event: str) -> float:
    return REGISTRY.get_sample_value("solidgate_work_failed_total", {"event": event}) or 0.0


def unreadable(kind: str) -> float:
    return REGISTRY.get_sample_value("solidgate_rows_unreadable_total", {"kind": kind}) or 0.0


async def test_the_sweep_goes_past_it_and_does_not_meet_it_first_again(called: Called) -> None:
    _, hers, _ = await called.say_yes("anna")
    _, his, _ = await called.say_yes("ben")
    await called.work()
    await change(called, consents.update().where(consents.c.consent_id == hers).values(record_sealed=BROKEN))
    past = called.world.clock.now() - timedelta(minutes=1)
    await change(called, watches.update().values(next_look=past))
    before = failed("sweep.failed")
    with capture_logs() as logged:
        assert await look.sweep(called.world) == 1
    assert await column(called, looks.c.consent_id) == {his}
    assert failed("sweep.failed") == before + 1
    async with called.world.store.transaction() as tx:
        assert await tx.watches.to_look_at(called.world.clock.now(), 9) == ()
    (told,) = [one for one in logged if one["event"] == "sweep.failed"]
    assert told == {"event": "sweep.failed", "log_level": "warning", "task": hers, "code": SealBroken.code}


async def test_subscriptions_of_the_others_are_seen_to(called: Called) -> None:
    _, hers, _ = await called.say_yes("anna")
    _, his, _ = await called.say_yes("ben")
    async with called.world.store.transaction() as tx:
        for one in (hers, his):
            await tx.watches.end(one)
    await change(called, consents.update().where(consents.c.consent_id == hers).values(record_sealed=BROKEN))
    await keep_house(called.enclave)
    with pytest.raises(SealBroken):
        await subscribe.watch(called.enclave, hers)
    await subscribe.watch(called.enclave, his)
    assert await column(called, channels.c.consent_id) == {his}


async def test_the_listener_opens_the_other_sockets(called: Called) -> None:
    await called.say_yes("anna")
    await called.work()
    one = min(await column(called, channels.c.channel_id))
    broken = channels.update().where(channels.c.channel_id == one).values(channel_sealed=BROKEN)
    await change(called, broken)
    before = unreadable("channel")
    listener = Listener(called.enclave)
    try:
        assert await listener.turn() == 1
    finally:
        await listener.aclose()
    assert unreadable("channel") == before + 1


async def test_a_channel_that_does_not_open_holds_up_no_end(called: Called) -> None:
    session, hers, _ = await called.say_yes("anna")
    other, _, _ = await called.say_yes("ben")
    await called.work()
    await change(called, channels.update().values(channel_sealed=BROKEN))
    assert (await withdraw.withdraw(called.world, session, hers)).quiescent
    await called.work()
    assert hers not in await column(called, channels.c.consent_id)
    await watching.forget(called.world, other.person_id)
    await erase.erase(called.world, other)
    assert await column(called, channels.c.consent_id) == set()
