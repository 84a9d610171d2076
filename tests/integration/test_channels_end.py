"""A channel that is being made while its consent ends: whatever comes first, none is left at the pod."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.tables import channels, leases, topics, watches
from solidgate.consent.status import ConsentStatus
from solidgate.errors import FetchUnreachable
from solidgate.flow import erase, look, subscribe, withdraw
from solidgate.flow.withdraw import Withdrawal
from solidgate.identity.login import Session
from solidgate.testing.awkward import Awkward
from solidgate.testing.called import Called, open_called
from solidgate.worker.house import keep_house


@pytest.fixture
async def called(database_url: str, tmp_path: Path) -> AsyncIterator[Called]:
    async with open_called(database_url, tmp_path) as ground:
        yield ground


async def left(called: Called) -> dict[str, int]:
    """The rows that a watch leaves, by table."""
    async with called.world.store.transaction() as tx:
        return {
            table.name: int(
                (await tx.connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
            )
            for table in (channels, topics, watches)
        }


NOTHING = {"channels": 0, "topics": 0, "watches": 0}


def in_the_middle(called: Called, act: Callable[[], Awaitable[None]]) -> list[str]:
    """``act`` once the pod has made the first channel and nobody here knows of it; the topics asked for."""
    assert called.enclave.channels is not None
    really, asked = called.enclave.channels.subscribe, list[str]()

    async def subscribed(access: Any, offer: Any, topic: str, send_to: str) -> Any:
        asked.append(topic)
        made = await really(access, offer, topic, send_to)
        if len(asked) == 1:
            await act()
        return made

    called.enclave.channels.subscribe = subscribed  # type: ignore[method-assign]
    return asked


async def stored(called: Called, consent_id: str) -> bool:
    async with called.world.store.transaction() as tx:
        return (await tx.consents.one(consent_id)).record.latest.status is ConsentStatus.WITHDRAWN


async def leave(called: Called, session: Session, consent_id: str) -> asyncio.Task[Withdrawal]:
    """A withdrawal that is stored, and waits."""
    task = asyncio.create_task(withdraw.withdraw(called.world, session, consent_id))
    while not await stored(called, consent_id):  # noqa: ASYNC110 - the database is what is waited for
        await asyncio.sleep(0.01)
    return task


@pytest.mark.parametrize("lapsed", [False, True], ids=["under its lease", "after its lease"])
async def test_a_channel_made_during_a_withdrawal_is_ended(called: Called, lapsed: bool) -> None:
    session, consent_id, _ = await called.say_yes("anna")
    leaving: list[asyncio.Task[Withdrawal]] = []

    async def act() -> None:
        if lapsed:  # a worker that stood still: somebody else has ended the watch before it goes on
            async with called.world.store.transaction() as tx:
                await tx.connection.execute(leases.delete())
        leaving.append(await leave(called, session, consent_id))
        await subscribe.watch(called.enclave, consent_id)  # what the withdrawal promised comes first
        assert (await left(called))["watches"] == (0 if lapsed else 1)
        assert leaving[0].done() is False or lapsed

    asked = in_the_middle(called, act)
    await subscribe.watch(called.enclave, consent_id)
    assert len(asked) == 1, "no other document is subscribed to after the end"
    assert (await leaving[0]).quiescent
    await called.work()
    assert called.pod.notifications.channels == {}
    assert await left(called) == NOTHING


async def test_a_channel_made_during_an_erasure_is_ended_too(called: Called) -> None:
    session, consent_id, _ = await called.say_yes("anna")

    async def act() -> None:
        async with called.world.store.transaction() as tx:
            await tx.connection.execute(leases.delete())
        await erase.erase(called.world, session)

    in_the_middle(called, act)
    await subscribe.watch(called.enclave, consent_id)
    assert called.pod.notifications.channels == {}
    assert await left(called) == NOTHING


async def test_what_an_ended_watch_left_is_ended_by_housekeeping(called: Called) -> None:
    session, consent_id, _ = await called.say_yes("anna")
    await called.work()
    assert len(called.pod.notifications.channels) == 2
    async with called.world.store.transaction() as tx:
        await tx.connection.execute(watches.delete())
    await withdraw.withdraw(called.world, session, consent_id)
    await called.work()
    assert len(called.pod.notifications.channels) == 2
    await keep_house(called.enclave)
    await called.work()
    assert called.pod.notifications.channels == {}
    assert await left(called) == NOTHING


@pytest.mark.parametrize("status", [0, 500], ids=["it is not reached", "it refuses"])
async def test_an_erasure_names_the_channels_that_were_left(
    called: Called, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    session, _, _ = await called.say_yes("anna")
    other, _, _ = await called.say_yes("ben")
    await called.work()
    fetch = called.world.fetcher.fetch

    async def unreached(method: str, url: str, **rest: Any) -> Any:
        if method != "DELETE":
            return await fetch(method, url, **rest)
        if not status:
            raise FetchUnreachable()
        return await fetch("GET", f"{called.pod.base_url}nothing-{status}", **rest)

    with monkeypatch.context() as patch:
        patch.setattr(called.world.fetcher, "fetch", unreached)
        if status:
            called.pod.misbehave("/nothing-500", Awkward.BROKEN)
        report = await erase.erase(called.world, session)
    assert len(report.reach.channels) == 2
    assert set(report.reach.channels) <= set(called.pod.notifications.channels)
    assert report.reach.channels == tuple(json.loads(claims(report.token))["channels"])
    assert (await erase.erase(called.world, other)).reach.channels == ()


def claims(token: str) -> str:
    """What was signed about what cannot be recalled."""
    part = token.split(".")[1]
    whole = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return json.dumps(whole["credentialSubject"]["notRecalled"])


async def test_a_subscription_without_an_answer_keeps_its_lease(called: Called) -> None:
    """The pod may have made the channel: a withdrawal is not called quiescent before the lease lapsed."""
    _, consent_id, _ = await called.say_yes("anna")
    assert called.enclave.channels is not None
    really = called.enclave.channels.subscribe

    async def unanswered(access: Any, offer: Any, topic: str, send_to: str) -> Any:
        await really(access, offer, topic, send_to)
        raise FetchUnreachable()

    called.enclave.channels.subscribe = unanswered  # type: ignore[method-assign]
    await subscribe.watch(called.enclave, consent_id)
    async with called.world.store.transaction() as tx:
        assert await tx.leases.open([consent_id])
        watched = await tx.watches.one(consent_id)
    assert watched
    assert watched.tries == 1
    await subscribe.watch(called.enclave, consent_id)
    async with called.world.store.transaction() as tx:
        assert await tx.watches.one(consent_id), "while the lease is held nobody else begins, or ends it"


async def test_a_watch_whose_time_ends_at_once_changes_nothing(
    called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, consent_id, _ = await called.say_yes("anna")

    async def late(*rest: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(look, "_watched", late)
    await subscribe.watch(called.enclave, consent_id)
    assert called.pod.notifications.channels == {}
    assert (await left(called))["watches"] == 1
