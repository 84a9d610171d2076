"""A change is noticed where a pod says nothing of versions, or says it with one method only: one change, one
run, by as little reading as tells."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.tables import topics
from solidgate.audit.activity import activities
from solidgate.flow import look, run, subscribe, withdraw
from solidgate.flow.happened import reached_by
from solidgate.flow.look import held
from solidgate.flow.sight import seen
from solidgate.testing.awkward import Awkward
from solidgate.testing.called import Called, open_called
from solidgate.testing.pod_notifications import Call
from solidgate.testing.space import CONSUMER, SPACE

Open = Callable[..., AbstractAsyncContextManager[Called]]
SILENT = (Awkward.ODD_ETAG, "")
BY_GET = (Awkward.TAG_BY_METHOD, "")
OTHER = (Awkward.TAG_BY_METHOD, '"of-head-="')
SAME_FOR_EVER = (Awkward.TAG_BY_METHOD, '"of-an-empty-body"')
EVER_OTHER = (Awkward.TAG_BY_METHOD, 'W/"*"')
ODDITIES = [SILENT, BY_GET, OTHER, EVER_OTHER, SAME_FOR_EVER]


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Open:
    def anew(**settings: Any) -> AbstractAsyncContextManager[Called]:
        # Of a notification nothing comes: it is all left to the sweep.
        return open_called(database_url, tmp_path, **{"read_seconds": 1, **settings})

    return anew


async def later(called: Called, hours: int) -> None:
    """Let what was read to see be long ago, in the rows themselves."""
    async with called.world.store.transaction() as tx:
        for consent_id in (await tx.connection.execute(sa.select(topics.c.consent_id).distinct())).scalars():
            person = (await tx.consents.one(consent_id)).person_id
            known = await tx.sightings.locked(person, consent_id)
            read = {n: one for n, one in known.items() if one.read is not None}
            past = timedelta(hours=hours)
            moved = {n: replace(one, read=one.read - past) for n, one in read.items() if one.read}
            await tx.sightings.keep(person, consent_id, moved)


async def swept(called: Called, consent_id: str, hours: int = 1) -> int:
    """How many documents changed, by a sweep whose time has come."""
    await later(called, hours)
    now = called.world.clock.now()
    async with called.world.store.transaction() as tx:
        await tx.watches.look_next(consent_id, now)
    assert await look.sweep(called.world) == 1
    changed = await look.look(called.world, called.enclave.keys, consent_id)
    await called.work()
    return changed


def gets(called: Called, mark: int) -> list[int]:
    """The statuses of the space's reads of documents since ``mark``."""
    found = called.pod.requests_since(mark)
    return [
        one.status
        for one in found
        if one.method == "GET" and one.path.endswith(".ttl") and "agent" in (one.agent or "")
    ]


async def scene(called: Called, oddity: tuple[Awkward, str]) -> tuple[str, tuple[str, ...]]:
    """Somebody whose pod is odd from the beginning, and loses what it would tell; a first run has read."""
    kind, text = oddity
    called.pod.misbehave("*", kind, text=text)
    _, consent_id, documents = await called.say_yes("anna")
    await called.work()
    called.pod.notifications.misbehave(Call.LOSES)
    await run.start(called.world, CONSUMER, SPACE)
    await called.work()
    return consent_id, documents


@pytest.mark.parametrize("oddity", ODDITIES)
async def test_one_change_is_one_run_and_no_change_is_none(opened: Open, oddity: tuple[Awkward, str]) -> None:
    async with opened() as called:
        consent_id, documents = await scene(called, oddity)
        for number in range(1, 4):
            assert await swept(called, consent_id) == 0, "nothing changed"
            assert len(await called.runs()) == number
            await called.change(documents[number % 2], number)
            assert await swept(called, consent_id) == 1
            assert len(await called.runs()) == number + 1
        assert await swept(called, consent_id) == 0, "what the run read is seen"
        assert len(await called.runs()) == 4


async def test_what_a_tag_answers_is_not_read(opened: Open) -> None:
    """The tag that GET gave is asked about with GET: 304, and no content goes over the wire."""
    async with opened() as called:
        consent_id, documents = await scene(called, BY_GET)
        await called.change(documents[0], 1)
        await swept(called, consent_id)
        mark = called.pod.mark()
        await swept(called, consent_id)
        assert gets(called, mark) == [304, 304]


async def test_where_both_methods_give_one_tag_nothing_is_read_to_see(opened: Open) -> None:
    async with opened() as called:
        _, consent_id, documents = await called.say_yes("anna")
        await called.work()
        called.pod.notifications.misbehave(Call.LOSES)
        await called.change(documents[0], 1)
        await swept(called, consent_id)
        await called.change(documents[0], 2)
        mark = called.pod.mark()
        now = called.world.clock.now()
        async with called.world.store.transaction() as tx:
            await look.ask(tx, consent_id, (0, 1), now)
        assert await look.look(called.world, called.enclave.keys, consent_id) == 1
        assert gets(called, mark) == []


async def test_it_is_read_seldom_and_few_at_once_the_longest_unread_first(opened: Open) -> None:
    async with opened(read_documents=1, read_seconds=3600) as called:
        consent_id, documents = await scene(called, SILENT)
        paths = ["/" + url.removeprefix(called.pod.base_url) for url in documents]
        for place in (0, 1, 0):
            mark = called.pod.mark()
            await swept(called, consent_id, hours=2 if place == 0 else 0)
            read = [one.path for one in called.pod.requests_since(mark) if one.method == "GET"]
            assert [path for path in read if path in paths] in ([paths[0]], [paths[1]])
        mark = called.pod.mark()
        await swept(called, consent_id, hours=0)
        await swept(called, consent_id, hours=0)
        assert len(gets(called, mark)) <= 1, "neither before its time"


async def test_what_cannot_be_read_is_not_tried_again_before_its_time(opened: Open) -> None:
    async with opened(read_seconds=3600) as called:
        consent_id, documents = await scene(called, SILENT)
        for url in documents:
            path = "/" + url.removeprefix(called.pod.base_url)
            called.pod.misbehave(path, Awkward.LYING_TYPE, text="text/plain")
        mark = called.pod.mark()
        await swept(called, consent_id, hours=2)
        assert len(gets(called, mark)) == 2
        await swept(called, consent_id, hours=0)
        assert len(gets(called, mark)) == 2
        called.pod.behave()
        called.pod.misbehave("*", SILENT[0], text="")
        await called.change(documents[0], 5)
        assert await swept(called, consent_id, hours=2) == 1, "and what was read last is still known"


async def test_where_reading_is_switched_off_only_head_tells(opened: Open) -> None:
    async with opened(read_documents=0) as called:
        consent_id, documents = await scene(called, SILENT)
        mark = called.pod.mark()
        await called.change(documents[0], 1)
        assert await swept(called, consent_id) == 0
        assert gets(called, mark) == []


async def test_what_is_kept_is_sealed_and_has_nothing_of_the_content(opened: Open) -> None:
    async with opened() as called:
        consent_id, documents = await scene(called, SILENT)
        await called.change(documents[0], 987_654)
        await swept(called, consent_id)
        content = called.pod.content(documents[0]) or b""
        digest = hashlib.sha256(content).hexdigest()
        async with called.world.store.transaction() as tx:
            rows = (await tx.connection.execute(sa.select(topics.c.seen_sealed))).scalars().all()
            person = (await tx.consents.one(consent_id)).person_id
            known = await tx.sightings.unlocked(person, consent_id)
        assert known[0].digest == digest
        assert all(digest.encode() not in row and b"987654" not in row for row in rows)


async def test_the_person_is_told_of_a_reading_and_of_nothing_that_a_tag_answered(opened: Open) -> None:
    async with opened() as called:
        consent_id, documents = await scene(called, BY_GET)

        async def told() -> int:
            async with called.world.store.transaction() as tx:
                person = (await tx.consents.one(consent_id)).person_id
                held = await tx.persons.held(person)
                found = activities(held, reached_by(held))
            return [(one.what, one.consent) for one in found].count(("resources.compared", consent_id))

        before = await told()
        await swept(called, consent_id)
        assert await told() == before, "304"
        await called.change(documents[0], 1)
        await swept(called, consent_id)
        assert await told() == before + 1


async def test_nothing_is_read_through_a_door_that_is_not_open_or_without_a_yes(opened: Open) -> None:
    async with opened() as called:
        called.pod.misbehave("*", SILENT[0], text="")
        session, consent_id, documents = await called.say_yes("anna")
        await called.work()
        async with held(called.world, consent_id, "look") as watched:
            assert watched is not None
            access = await called.enclave.keys.access_for(watched.stored.space_id)
            agreed = (await seen(watched, access, watched.topics)).found
            assert [bool(one.reading) for one in agreed.values()] == [False, False], "read a moment ago"
            await later(called, 1)
            for path in ("/" + url.removeprefix(called.pod.base_url) for url in documents):
                called.pod.misbehave(path, Awkward.ACCESS_ENDS)
            shut = (await seen(watched, access, watched.topics)).found.values()
            assert not [one for one in shut if one.reading and one.reading.digest]
        called.pod.behave()
        called.pod.misbehave("*", SILENT[0], text="")
        async with called.world.store.transaction() as tx:
            await subscribe.look_at_all(called.world, tx, consent_id, called.world.clock.now())
        await withdraw.withdraw(called.world, session, consent_id)
        mark = called.pod.mark()
        assert await look.look(called.world, called.enclave.keys, consent_id) == 0
        assert gets(called, mark) == []


async def test_a_program_that_is_not_approved_any_more_reads_nothing(opened: Open) -> None:
    async with opened() as called:
        consent_id, documents = await scene(called, SILENT)
        async with called.world.store.transaction() as tx:
            await tx.connection.execute(sa.text("DELETE FROM approvals"))
        mark = called.pod.mark()
        await called.change(documents[0], 1)
        await later(called, 1)
        async with called.world.store.transaction() as tx:
            await subscribe.look_at_all(called.world, tx, consent_id, called.world.clock.now())
        assert await look.look(called.world, called.enclave.keys, consent_id) == 0
        assert gets(called, mark) == []
