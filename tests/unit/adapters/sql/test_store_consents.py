"""What the store promises about consents: sealed, append-only, fenced by epoch and lease."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from solidgate.adapters.sql.store import SqlStore
from solidgate.consent.decide import Proposal, decide
from solidgate.errors import ConsentNotFound, ConsentWithdrawn, EpochPassed, RequestNotFound, TermsChanged
from solidgate.run.delivery import DerivedRow

from .conftest import DIGEST, NOW, URL, record, request, withdrawal

CONSENT = record().consent_id
PROPOSAL = Proposal("advice", DIGEST, DIGEST, DIGEST, (URL,), ("https://org.example/#it",))


async def test_a_record_comes_back_as_it_was(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        stored = await tx.consents.one(CONSENT, person_id=person)
    assert stored.record == record()
    assert (stored.person_id, stored.space_id) == (person, "home")


async def test_nothing_personal_stands_in_clear(store: SqlStore, person: str) -> None:
    """The tables hold no WebID and no address of the pod: a copy of the database names nobody."""
    async with store.transaction() as tx:
        for table in ("people", "requests", "consents", "consent_events"):
            rows = (await tx.connection.exec_driver_sql(f"SELECT t::text FROM {table} t")).scalars().all()
            assert rows, table
            for row in rows:
                assert "alice" not in row
                assert b"alice".hex() not in row


async def test_another_person_is_told_nothing(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        with pytest.raises(ConsentNotFound):
            await tx.consents.one(CONSENT, person_id="somebody")
        with pytest.raises(RequestNotFound):
            await tx.requests.one("request-1", "somebody")


@pytest.mark.parametrize("statement", ["UPDATE consent_events SET at = now()", "DELETE FROM consent_events"])
async def test_events_cannot_be_edited(store: SqlStore, person: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        async with store.transaction() as tx:
            await tx.connection.exec_driver_sql(statement)


async def test_a_withdrawal_ends_every_later_decision(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        stored = await tx.consents.one(CONSENT, lock="update")
        epoch = await tx.consents.end(stored, withdrawal(stored.record))
    assert epoch == record().epoch + 1
    async with store.transaction() as tx:
        with pytest.raises(ConsentWithdrawn):
            decide((await tx.consents.one(CONSENT)).record, NOW, PROPOSAL)
        assert await tx.consents.holding("home", NOW) == ()


async def test_a_notice_counts_only_when_it_was_displayed(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        with pytest.raises(TermsChanged):
            await tx.requests.shown(person, "request-1", DIGEST)


async def test_a_lease_that_was_given_back_cannot_be_renewed(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        fence = await tx.leases.take(CONSENT, 2, "run-1", 60)
        assert fence is not None
        assert await tx.leases.open([CONSENT]) == 1
        await tx.leases.release(fence)
        with pytest.raises(EpochPassed):
            await tx.leases.renew(fence, 60)


async def test_a_lease_past_its_deadline_holds_nobody_up(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        fence = await tx.leases.take(CONSENT, 2, "run-1", 0)
        assert await tx.leases.open([CONSENT]) == 0
        with pytest.raises(EpochPassed):
            await tx.leases.renew(fence or 0, 60)


async def test_a_part_has_one_holder_and_a_takeover_a_higher_fence(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        first = await tx.leases.take(CONSENT, 2, "run-1", 60)
        assert await tx.leases.take(CONSENT, 2, "run-1", 60) is None
        await tx.leases.renew(first or 0, -1)
        second = await tx.leases.take(CONSENT, 2, "run-1", 60)
        assert first is not None
        assert second is not None
        assert second > first
        with pytest.raises(EpochPassed):
            await tx.leases.renew(first, 60)


async def _publish(store: SqlStore, person: str) -> bool:
    """What a worker does last: decide under the shared lock, then make the result visible."""
    try:
        async with store.transaction() as tx:
            stored = await tx.consents.one(CONSENT, lock="share")
            decide(stored.record, NOW, PROPOSAL)
            await asyncio.sleep(0)
            row = DerivedRow("https://gate.example/results/1", b"<a:a> <b:b> <c:c> .\n")
            await tx.results.publish(person, "home", "run-1", CONSENT, row, NOW)
    except ConsentWithdrawn:
        return False
    return True


async def _withdraw(store: SqlStore) -> None:
    async with store.transaction() as tx:
        stored = await tx.consents.one(CONSENT, lock="update")
        await tx.consents.end(stored, withdrawal(stored.record))
        await tx.results.unpublish(CONSENT)


async def test_no_result_is_published_after_a_withdrawal(store: SqlStore, person: str) -> None:
    """Twenty publishers race one withdrawal: whoever comes after it is refused, and nothing stays visible."""
    publishers = [_publish(store, person) for _ in range(20)]
    await asyncio.gather(*publishers[:10], _withdraw(store), *publishers[10:])
    async with store.transaction() as tx:
        rows = await tx.connection.exec_driver_sql("SELECT count(*) FROM derived")
        assert rows.scalar_one() == 0
    assert await _publish(store, person) is False


async def test_a_graph_is_visible_until_the_consent_ends_by_the_clock(store: SqlStore, person: str) -> None:
    assert await _publish(store, person)
    async with store.transaction() as tx:
        end = record().latest.until
        assert end is not None
        assert len(await tx.results.visible("home", NOW)) == 1
        assert await tx.results.visible("home", end) == ()
        assert await tx.consents.past_end(end, 10) == (CONSENT,)


async def test_pseudonyms_differ_from_space_to_space(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        here, there = tx.people.pseudonym(person, "home"), tx.people.pseudonym(person, "work")
    assert here != there
    assert len(here) == 32


async def test_a_request_is_found_again(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        found, answered = await tx.requests.one("request-1", person)
        assert (found, answered) == (request(), False)
        assert await tx.requests.open_one(person, "home", DIGEST, NOW) == "request-1"
        assert await tx.requests.open_one(person, "home", DIGEST, NOW + timedelta(days=31)) is None
        await tx.requests.answered(person, "request-1", NOW)
        late = NOW + timedelta(days=31)
        assert await tx.requests.open_one(person, "home", DIGEST, late) == "request-1"
