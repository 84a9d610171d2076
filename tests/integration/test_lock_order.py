"""Nobody waits for somebody who waits for them: both sides of each pair at once, many times, on PostgreSQL.

The database itself judges, by its own count of deadlocks. A deadlock is no error of anybody's: the store says
that it is unavailable, and the job is tried again; so only the count shows it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from solidgate.adapters.sql import locks
from solidgate.adapters.sql.persons import OF_PERSON
from solidgate.errors import ConsentNotFound
from solidgate.flow import erase, look, notified, signpost, subscribe, unsubscribe, watching, withdraw
from solidgate.flow.world import World
from solidgate.pod.notification import activity
from solidgate.run.sighting import Sighting
from solidgate.run.signpost import Kind
from solidgate.run.watch import LookRow
from solidgate.testing.called import Called, open_called
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.pod_notifications import activity_of
from solidgate.testing.space import SPACE

ROUNDS = 25
OTHER = Sighting(True, digest="other")


@pytest.fixture
async def called(database_url: str, tmp_path: Path) -> AsyncIterator[Called]:
    async with open_called(database_url, tmp_path) as ground:
        yield ground


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path, purposes=("advice", "study")) as opened:
        yield opened


async def deadlocks(world: World) -> int:
    async with world.store.transaction() as tx:
        await tx.connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
    async with world.store.transaction() as tx:
        query = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int((await tx.connection.execute(query)).scalar_one())


async def none_of(world: World, *sides: Callable[[int], Awaitable[object]], rounds: int = ROUNDS) -> None:
    """All sides at once, again and again; whatever they raise, no deadlock was among it."""
    before = await deadlocks(world)
    for number in range(rounds):
        done = await asyncio.gather(*(side(number) for side in sides), return_exceptions=True)
        strange = [one for one in done if isinstance(one, BaseException)]
        assert not strange, [(one, one.__cause__) for one in strange]
    await asyncio.sleep(0.2)
    assert await deadlocks(world) == before


class Slow:
    """After each statement of a transaction others get their turn: what can cross, crosses."""

    def __init__(self, world: World) -> None:
        self._on = False
        event.listen(world.store.engine.sync_engine, "after_cursor_execute", self._wait)

    def __enter__(self) -> None:
        self._on = True

    def __exit__(self, *what: object) -> None:
        self._on = False  # not removed: others may be in the middle of it

    def _wait(self, *arguments: object) -> None:
        if self._on:
            sa.util.await_only(asyncio.sleep(0.002))


async def look_asked(world: World, consents: list[str]) -> None:
    now = world.clock.now()
    for consent_id in sorted(consents):
        async with world.store.transaction() as tx:
            await tx.watches.begin(consent_id, SPACE, now, now - timedelta(seconds=1))
            await tx.watches.look_next(consent_id, now - timedelta(seconds=1))
            await tx.reruns.want(consent_id, SPACE, now)
            await tx.reruns.ask_look(consent_id, (0,), now)


async def test_the_end_of_a_watch_and_the_sweep(called: Called) -> None:
    """The sweep takes the watch and then the look; so does the end."""
    session, consent_id, _ = await called.say_yes("anna")
    world = called.world
    await withdraw.withdraw(world, session, consent_id)

    async def ended(_: int) -> None:
        await unsubscribe.end(called.enclave, consent_id)

    async def swept(_: int) -> None:
        await look.sweep(world)

    async def asked(_: int) -> None:
        await look_asked(world, [consent_id])

    with Slow(world):
        await none_of(world, asked, ended, swept, swept, ended)


async def test_sweeps_of_two_workers_and_what_ends_several_consents(called: Called) -> None:
    """Whoever ends several consents takes them by their ids; the longest waiting are in another order."""
    world = called.world
    given = [(await called.say_yes(name))[1] for name in ("anna", "ben", "cleo")]
    by_id = sorted(given)

    async def backwards(_: int) -> None:
        now = world.clock.now()
        for place, consent_id in enumerate(reversed(by_id)):
            async with world.store.transaction() as tx:
                await tx.watches.look_next(consent_id, now - timedelta(seconds=9 - place))
                await tx.reruns.drop_look(consent_id)

    async def all_held(_: int) -> None:
        async with world.store.transaction() as tx:
            for consent_id in by_id:
                await tx.consents.one(consent_id, lock="update")

    async def swept(_: int) -> None:
        await look.sweep(world)

    with Slow(world):
        for number in range(ROUNDS):
            await backwards(number)
            await none_of(world, all_held, swept, swept, rounds=1)


async def test_signposts_are_planned_by_two_at_once(ground: Ground) -> None:
    """The end of a part, the person's withdrawal, and the turn of housekeeping, all about one place."""
    session = await ground.arrive("anna")
    consents = await ground.say_yes(session)
    world = ground.world
    async with world.store.transaction() as tx:
        advice, study = [await tx.consents.one(consents[one]) for one in ("advice", "study")]
        place = await signpost._plan(world, tx, advice, "run")

    async def after_a_part(number: int) -> None:
        async with world.store.transaction() as tx:
            stored = await tx.consents.one(advice.record.consent_id, lock="share")
            await signpost._plan(world, tx, stored, f"run-{number}")

    async def after_a_withdrawal(_: int) -> None:
        await signpost._replanned(world, study, "")

    async def by_housekeeping(_: int) -> None:
        async with world.store.transaction() as tx:
            await tx.consents.one(advice.record.consent_id, lock="share")
            await tx.signposts.look_next(session.person_id, SPACE, place, world.clock.now())

    async def seen_in_the_pod(_: int) -> None:
        async with world.store.at_once() as steps:
            held = await steps.one(advice.record.consent_id)
            found = [(one, None, world.clock.now()) for one in (await steps.around(held)).kept.values()]
            await steps.led(held, place, found, world.clock.now(), None)

    assert list(Kind) == sorted(Kind), "as the rows are taken"
    with Slow(world):
        sides = (after_a_part, after_a_withdrawal, by_housekeeping, seen_in_the_pod, after_a_withdrawal)
        await none_of(world, *sides, seen_in_the_pod)


@pytest.mark.timeout(240)
async def test_an_erasure_beside_everything_that_watches(called: Called) -> None:
    world = called.world

    async def one(number: int) -> None:
        session, consent_id, documents = await called.say_yes(f"p{number}")
        await subscribe.watch(called.enclave, consent_id)
        await erase._end(world, consent_id)
        async with world.store.transaction() as tx:
            row = (await tx.watches.channels(consent_id))[0]
        later = world.clock.now() + timedelta(days=1)
        numbers = count()

        async def hint() -> None:
            state = json.dumps(activity_of(documents[0], "Update", f'"{next(numbers)}"')).encode()
            async with world.store.transaction() as tx:
                await notified._ask(world, tx, row, "secret", activity(state, 9999))

        async def seen() -> None:
            async with world.store.transaction() as tx:
                await tx.consents.one(consent_id, lock="share")
                await tx.sightings.keep(session.person_id, consent_id, {0: OTHER, 1: OTHER})
                await tx.reruns.want(consent_id, SPACE, later)
                await tx.reruns.looked(LookRow(consent_id, (0,), 1))

        async def watched_again() -> None:
            async with world.store.transaction() as tx:
                await watching.is_due(world, tx, consent_id)
                await watching.soon(world, tx, consent_id, SPACE)

        sides = [hint, hint, seen, watched_again, lambda: look._swept(world, consent_id, later)]
        beside = [asyncio.create_task(until_gone(side)) for side in sides]
        await erase._remove(world, session.person_id)
        await asyncio.gather(*beside)

    with Slow(world):
        await none_of(world, one, rounds=6)


async def until_gone(work: Callable[[], Awaitable[None]]) -> None:
    with suppress(ConsentNotFound):
        while True:
            await work()
            await asyncio.sleep(0.05)  # shared locks without a gap would keep the erasure out for ever


async def test_each_side_takes_the_tables_in_the_documented_order(called: Called) -> None:
    """The order itself: what a transaction locks of the tables of watching stands in ``locks.ORDER``."""
    rank = {table.name: place for place, table in enumerate(locks.ORDER)}
    world, taken = called.world, dict[int, list[str]]()
    wrong: list[list[str]] = []

    def seen(connection: sa.Connection, cursor: object, statement: str, *rest: object) -> None:
        table = _taken(statement)
        if table in rank and rank[table] >= rank["watches"] and rank[table] <= rank["looks"]:
            order = taken.setdefault(id(connection), [])
            if table not in order:
                order.append(table)

    def over(connection: sa.Connection) -> None:
        order = taken.pop(id(connection), [])
        if [rank[one] for one in order] != sorted(rank[one] for one in order):
            wrong.append(order)

    engine = world.store.engine.sync_engine
    listening = {"before_cursor_execute": seen, "commit": over, "rollback": over}
    for name, listener in listening.items():
        event.listen(engine, name, listener)
    session, consent_id, documents = await called.say_yes("anna")
    other, _, _ = await called.say_yes("ben")
    await called.work()
    await called.change(documents[0], 1)
    await called.work()
    await look_asked(world, [consent_id])
    await look.sweep(world)
    await subscribe.see_to(world)
    await called.work()
    await withdraw.withdraw(world, session, consent_id)
    await called.work()
    await erase.erase(world, other)
    assert not wrong, wrong


def _taken(statement: str) -> str:
    """The table of which a statement takes rows; none for one that only reads."""
    words = statement.split()
    if words[0] in ("INSERT", "DELETE"):
        return words[2]
    if words[0] == "UPDATE":
        return words[1]
    if "FOR UPDATE" in statement or "FOR SHARE" in statement:
        return words[words.index("FROM") + 1] if "FROM" in words else ""
    return ""


def test_the_order_names_what_a_person_has_of_what_is_taken_together() -> None:
    named = {one.name for one in locks.ORDER}
    # Written by whoever holds the consent, or row by row.
    appended = {"receipts", "consent_events", "door_events", "login_events", "notices", "steps", "audit"}
    free = appended | {"pulls", "sessions", "logins"}
    assert {table.name for table in OF_PERSON} - named == free
