"""A move is one statement: under the epoch, under the lease, on an open part; all of it or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.runs import _UNDER_WAY
from solidgate.adapters.sql.steps import Steps
from solidgate.adapters.sql.store import SqlStore
from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.errors import ConsentNotFound
from solidgate.pod.access_request import RequestedAccess
from solidgate.pod.door import DoorState
from solidgate.run.delivery import Delivery, DeliveryState, DerivedRow, Earlier, Published
from solidgate.run.held import Held
from solidgate.run.place import Place
from solidgate.run.signpost import Change, Kept, Kind, Lead, Signpost, SignState
from solidgate.run.state import PartState, RunRow, RunState

from .conftest import DIGEST, NOW, record, withdrawal

CONSENT, RUN, SECONDS = record().consent_id, "run-1", 60.0
DELIVERY = Delivery("https://alice.pod.example/results/1.ttl", b"<a:a> <b:b> 1 .", "text/turtle", "g:g", b"1")
ENTRY = AuditEntry(Action.RESULT_WRITTEN, NOW, "enclave", (RUN, CONSENT), Outcome.DONE)
ROW = DerivedRow("https://gate.example/results/1", b"<a:a> <b:b> <c:c> .\n")

INDEX = Signpost(Kind.INDEX, "https://alice.pod.example/results/i.ttl", b"1", "c", ("c",), SignState.PLANNED)
LATEST = replace(INDEX, kind=Kind.LATEST, target="https://alice.pod.example/results/l.ttl")


def lead(*befores: Kept | None) -> Lead:
    """Intents for both signposts of a container, in place of these."""
    pairs = zip((INDEX, LATEST), befores or (None, None), strict=True)
    return Lead("place", tuple(Change(sign, before) for sign, before in pairs), NOW)


Move = Callable[[Steps, Place, Held], Awaitable[object]]
MOVES: dict[str, Move] = {
    "move": lambda steps, place, held: steps.move(place, PartState.VALIDATING, NOW),
    "move audited": lambda steps, place, held: steps.move_audited(place, PartState.RUNNING, ENTRY),
    "plan": lambda steps, place, held: steps.plan(place, held, DELIVERY, "a" * 64, NOW),
    "publish": lambda steps, place, held: steps.publish(place, held, ROW, ENTRY),
    "publish and hold": lambda steps, place, held: steps.publish(place, held, ROW, ENTRY, keep=True),
    "publish and lead": lambda steps, place, held: steps.publish(place, held, ROW, ENTRY, lead(), keep=True),
}


@pytest.fixture
async def held(store: SqlStore, person: str) -> Held:
    async with store.transaction() as tx:
        row = RunRow(RUN, "home", DIGEST, DIGEST, RunState.RUNNING, NOW, NOW, None)
        assert await tx.runs.create(row) == 1
    async with store.at_once() as steps:
        return await steps.one(CONSENT)


async def entered(store: SqlStore, held: Held, seconds: float = SECONDS) -> Place:
    async with store.at_once() as steps:
        found = await steps.enter(RUN, held, seconds, NOW)
    assert found.held
    assert found.moved
    assert found.fence is not None
    return Place(RUN, CONSENT, held.stored.record.epoch, found.fence, SECONDS)


async def told(store: SqlStore) -> tuple[list[str], int, int, int]:
    """The part's steps, the entries of the trail, the graphs that queries see, the signposts."""
    async with store.transaction() as tx:
        steps = [one.state.value for one in await tx.runs.steps_of(CONSENT)]
        audit = (await tx.connection.exec_driver_sql("SELECT count(*) FROM audit")).scalar_one()
        derived = (await tx.connection.exec_driver_sql("SELECT count(*) FROM derived")).scalar_one()
        signs = (await tx.connection.exec_driver_sql("SELECT count(*) FROM signposts")).scalar_one()
    return steps, audit, derived, signs


async def withdraw(store: SqlStore) -> None:
    async with store.transaction() as tx:
        stored = await tx.consents.one(CONSENT, lock="update")
        await tx.consents.end(stored, withdrawal(stored.record))


async def test_a_part_goes_its_way_and_gives_its_lease_back(store: SqlStore, person: str, held: Held) -> None:
    place = await entered(store, held)
    for name in ("move audited", "move", "plan", "publish"):
        async with store.at_once() as steps:
            assert await MOVES[name](steps, place, held), name
    assert await told(store) == (
        ["queued", "pulling", "running", "validating", "writing", "written"],
        2,
        1,
        0,
    )
    async with store.transaction() as tx:
        assert await tx.leases.open([CONSENT]) == 0
        planned = await tx.results.planned(person, RUN, CONSENT)
        (row,) = await tx.results.visible("home", NOW)
    assert planned is not None
    assert (planned.state, planned.delivery) == (DeliveryState.WRITTEN, DELIVERY)
    assert row.content == ROW.content


@pytest.mark.parametrize("name", MOVES)
async def test_after_a_withdrawal_nothing_moves(store: SqlStore, held: Held, name: str) -> None:
    place = await entered(store, held)
    before = await told(store)
    await withdraw(store)
    async with store.at_once() as steps:
        assert not await MOVES[name](steps, place, held)
    assert await told(store) == before


@pytest.mark.parametrize("name", MOVES)
async def test_a_move_that_waits_for_a_withdrawal_sees_it(store: SqlStore, held: Held, name: str) -> None:
    """The statement began before the withdrawal was committed: what it read then does not count."""
    place = await entered(store, held)
    before = await told(store)

    async def move() -> object:
        async with store.at_once() as steps:
            return await MOVES[name](steps, place, held)

    async with store.transaction() as tx:
        stored = await tx.consents.one(CONSENT, lock="update")
        await tx.consents.end(stored, withdrawal(stored.record))
        moving = asyncio.create_task(move())
        assert await asyncio.wait([moving], timeout=0.3) == (set(), {moving})
    assert not await moving
    assert await told(store) == before


@pytest.mark.parametrize("name", MOVES)
async def test_without_its_lease_nobody_moves(store: SqlStore, held: Held, name: str) -> None:
    place = await entered(store, held, seconds=-1)
    second = await entered(store, held)
    assert second.fence > place.fence
    before = await told(store)
    async with store.at_once() as steps:
        assert not await MOVES[name](steps, place, held)
        assert await told(store) == before
        assert await MOVES[name](steps, second, held)


@pytest.mark.parametrize("name", MOVES)
async def test_a_part_that_has_ended_stays_where_it_is(store: SqlStore, held: Held, name: str) -> None:
    place = await entered(store, held)
    async with store.transaction() as tx:
        assert await tx.runs.advance(RUN, CONSENT, PartState.STOPPED, NOW, "run.cancelled")
    before = await told(store)
    async with store.at_once() as steps:
        assert not await MOVES[name](steps, place, held)
        again = await steps.enter(RUN, held, SECONDS, NOW)
    assert (again.fence, again.still_open) == (None, False)
    assert await told(store) == before


async def test_a_part_has_one_holder(store: SqlStore, held: Held) -> None:
    await entered(store, held)
    async with store.at_once() as steps:
        again = await steps.enter(RUN, held, SECONDS, NOW)
    assert (again.held, again.fence, again.moved, again.still_open) == (True, None, False, True)


async def test_a_consent_of_another_epoch_is_not_entered(store: SqlStore, held: Held) -> None:
    await withdraw(store)
    async with store.at_once() as steps:
        found = await steps.enter(RUN, held, SECONDS, NOW)
    async with store.transaction() as tx:
        assert await tx.leases.open([CONSENT]) == 0
    assert (found.held, found.fence, found.moved) == (False, None, False)


async def test_what_was_planned_is_gone_on_with(store: SqlStore, held: Held) -> None:
    """The next holder finds the plan, and another plan changes nothing of it."""
    async with store.at_once() as steps:
        first = await steps.enter(RUN, held, SECONDS, NOW)
        place = Place(RUN, CONSENT, held.stored.record.epoch, first.fence or 0, SECONDS)
        assert first.planned is None
        assert await steps.plan(place, held, DELIVERY, "a" * 64, NOW)
        await steps.give_back(place.fence)
        second = await steps.enter(RUN, held, SECONDS, NOW)
        assert second.planned is not None
        assert second.planned.delivery == DELIVERY
        place = Place(RUN, CONSENT, held.stored.record.epoch, second.fence or 0, SECONDS)
        other = Delivery(DELIVERY.target, b"other", DELIVERY.media_type, DELIVERY.graph, b"2")
        kept = await steps.plan(place, held, other, "b" * 64, NOW)
    assert kept is not None
    assert (kept.row.delivery, kept.row.sha256) == (DELIVERY, "a" * 64)
    assert (await told(store))[0] == ["queued", "pulling", "writing", "writing", "writing"]


async def test_a_plan_keeps_what_it_was_made_from_or_forgets_it(store: SqlStore, held: Held) -> None:
    place = await entered(store, held)
    async with store.at_once() as steps:
        assert await steps.plan(place, held, DELIVERY, "a" * 64, NOW, Earlier(RUN, "print", {"u": '"1"'}))
        assert await steps.publish(place, held, ROW, ENTRY)
    async with store.transaction() as tx:
        kept = await tx.pulls.earlier(held.stored.person_id, CONSENT, "print")
        assert await tx.pulls.earlier(held.stored.person_id, CONSENT, "another") is None
    assert kept == Earlier(RUN, "print", {"u": '"1"'})
    async with store.transaction() as tx:
        await tx.connection.exec_driver_sql("UPDATE parts SET state = 'queued'")
    place = await entered(store, held)
    async with store.at_once() as steps:
        assert await steps.plan(place, held, DELIVERY, "a" * 64, NOW)
    async with store.transaction() as tx:
        assert await tx.pulls.earlier(held.stored.person_id, CONSENT, "print") is None


async def test_moves_tell_whether_the_owner_opens_by_grants(store: SqlStore, person: str, held: Held) -> None:
    async with store.transaction() as tx:
        await tx.doors.put(CONSENT, DoorState.OPEN, "pod.door-too-wide", NOW)
    async with store.at_once() as steps:
        found = await steps.enter(RUN, held, SECONDS, NOW)
        assert (found.asks, found.door_problem) == (False, "pod.door-too-wide")
        place = Place(RUN, CONSENT, held.stored.record.epoch, found.fence or 0, SECONDS)
        intended = await steps.plan(place, held, DELIVERY, "a" * 64, NOW)
        assert intended is not None
        assert not intended.asks
        await steps.give_back(place.fence)
    async with store.transaction() as tx:
        await tx.access_requests.put(
            person, CONSENT, RequestedAccess("https://alice.pod.example/", ()), DoorState.OPEN, None, NOW
        )
    async with store.at_once() as steps:
        found = await steps.enter(RUN, held, SECONDS, NOW)
        assert found.asks
        place = Place(RUN, CONSENT, held.stored.record.epoch, found.fence or 0, SECONDS)
        intended = await steps.plan(place, held, DELIVERY, "a" * 64, NOW)
        assert intended is not None
        assert intended.asks


async def published(store: SqlStore, held: Held, intents: Lead) -> tuple[Place, Published]:
    """A result, and what leads to it; the lease is still held."""
    place = await entered(store, held)
    async with store.at_once() as steps:
        assert await steps.plan(place, held, DELIVERY, "a" * 64, NOW)
        found = await steps.publish(place, held, ROW, ENTRY, intents, keep=True)
    assert found is not None
    async with store.transaction() as tx:
        assert await tx.leases.open([CONSENT]) == 1
        await tx.connection.exec_driver_sql("UPDATE parts SET state = 'queued'")
    return place, found


async def signs(store: SqlStore, held: Held) -> dict[Kind, Signpost]:
    async with store.transaction() as tx:
        found = [await tx.signposts.one(held.stored.person_id, "home", "place", kind) for kind in Kind]
    return {one.kind: one for one in found if one is not None}


async def test_what_leads_to_a_result_stands_together_with_it(store: SqlStore, held: Held) -> None:
    place, first = await published(store, held, lead())
    assert [one.sign for one in first.signed] == [INDEX, LATEST]
    assert await signs(store, held) == {Kind.INDEX: INDEX, Kind.LATEST: LATEST}
    taken = [(first.signed[0], '"1"', NOW), (first.signed[1], None, NOW)]
    async with store.at_once() as steps:
        await steps.led(held, "place", taken, NOW, place.fence)
    async with store.transaction() as tx:
        assert await tx.leases.open([CONSENT]) == 0
    stood = replace(INDEX, state=SignState.WRITTEN, etag='"1"')
    assert await signs(store, held) == {
        Kind.INDEX: stood,
        Kind.LATEST: replace(LATEST, state=SignState.WRITTEN),
    }


async def test_an_intent_stands_in_place_of_the_one_that_it_was_made_from_only(
    store: SqlStore, held: Held
) -> None:
    place, first = await published(store, held, lead())
    async with store.at_once() as steps:
        await steps.led(held, "place", [(one, '"1"', NOW) for one in first.signed], NOW, place.fence)
        before = await signs(store, held)
    _, overtaken = await published(store, held, lead(*first.signed))
    assert overtaken.signed == (), "what was seen in the pod since then would be forgotten"
    assert await signs(store, held) == before
    async with store.transaction() as tx:
        await tx.connection.exec_driver_sql("DELETE FROM leases")
    _, again = await published(store, held, lead())
    assert again.signed == ()
    assert await signs(store, held) == before


async def test_a_state_that_changed_alone_is_noticed_too(store: SqlStore, held: Held) -> None:
    place, first = await published(store, held, lead())
    async with store.at_once() as steps:
        await steps.led(held, "place", [], NOW, place.fence)
    async with store.transaction() as tx:
        await tx.connection.exec_driver_sql("UPDATE signposts SET state = 'disputed'")
    _, overtaken = await published(store, held, lead(*first.signed))
    assert overtaken.signed == ()
    assert {one.state for one in (await signs(store, held)).values()} == {SignState.DISPUTED}


async def test_who_plans_the_long_way_is_not_waited_for(store: SqlStore, held: Held) -> None:
    async with store.transaction() as tx:
        await tx.signposts.alone(held.stored.person_id, "home")
        _, found = await published(store, held, lead())
    assert found.signed == ()
    assert await signs(store, held) == {}


async def test_what_was_seen_counts_for_no_later_intent(store: SqlStore, held: Held) -> None:
    place, first = await published(store, held, lead())
    async with store.transaction() as tx:
        later = replace(INDEX, content=b"2", sha256="d", ours=("c", "d"))
        names = {"consent_id": CONSENT, "run_id": "run-2", "now": NOW}
        await tx.signposts.put(held.stored.person_id, "home", "place", later, **names)
    async with store.at_once() as steps:
        await steps.led(held, "place", [(one, '"1"', NOW) for one in first.signed], NOW, None)
    found = await signs(store, held)
    assert (found[Kind.INDEX], found[Kind.LATEST].state) == (later, SignState.WRITTEN)
    async with store.transaction() as tx:
        assert await tx.leases.open([CONSENT]) == 1, "without a fence the lease is held"
    assert place.fence


async def test_results_are_listed_with_the_signposts_beside_them(store: SqlStore, held: Held) -> None:
    container = held.stored.record.result_container
    async with store.at_once() as steps:
        assert (await steps.around(held)).is_settled, "nothing at all"
        there = (await steps.around(held)).place
    intents = replace(lead(), place=there)
    await published(store, held, intents)
    async with store.at_once() as steps:
        found = await steps.around(held)
        elsewhere = replace(held.stored.record, result_container=f"{container}other/")
        other = await steps.around(replace(held, stored=replace(held.stored, record=elsewhere)))
    assert {kind: one.sign for kind, one in found.kept.items()} == {Kind.INDEX: INDEX, Kind.LATEST: LATEST}
    assert [(one.run_id, one.record.consent_id, one.invalid) for one in found.earlier] == [
        (RUN, CONSENT, None)
    ]
    assert found.is_settled
    assert (other.place != there, dict(other.kept)) == (True, {})
    assert not other.is_settled, "results without signposts: only the long way can tell"


async def test_a_record_that_cannot_be_read_is_left_out_and_told_alone(store: SqlStore, held: Held) -> None:
    async with store.at_once() as steps:
        assert dict(await steps.found([CONSENT, "nobody"])) == {CONSENT: held}
        with pytest.raises(ConsentNotFound):
            await steps.one("nobody")
        await steps.connection.execute("UPDATE consents SET record_sealed = 'x'")
        assert await steps.found([CONSENT]) == {}


async def test_whether_a_run_is_over_is_asked_of_its_open_parts_alone(store: SqlStore, held: Held) -> None:
    """However many parts have ended: the question reads the index of those that have not."""
    async with store.transaction() as tx:
        run = tx.connection.exec_driver_sql
        await run(
            "INSERT INTO parts (run_id, consent_id, person_id, state, updated)"
            " SELECT 'run-1', 'c' || n, 'p', 'written', now() FROM generate_series(1, 5000) n"
        )
        await run("ANALYZE parts")
        plan = await tx.connection.execute(sa.text(f"EXPLAIN {_UNDER_WAY.text}"), {"run_id": RUN})
        assert "open_parts_of_run" in "\n".join(plan.scalars())
        assert not await tx.runs.finish_if_done(RUN, NOW)
        await tx.runs.advance(RUN, CONSENT, PartState.WRITTEN, NOW)
        assert await tx.runs.finish_if_done(RUN, NOW)
