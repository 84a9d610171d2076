"""The one transaction of an answer: locked before it is read, and kept whole or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psycopg
import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.engine import plain_url
from solidgate.adapters.sql.store import SqlStore
from solidgate.adapters.sql.tables import audit, consents, requests
from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentRecord
from solidgate.consent.stored import ToAnswer
from solidgate.errors import BodyInvalid, InternalFault, RequestNotFound, StoreUnavailable

from .conftest import DIGEST, NOW, record

OTHER = "7b8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b22"


def other_record(purpose: str = "research") -> ConsentRecord:
    return replace(record(), consent_id=OTHER, iri=f"https://gate.example/consents/{OTHER}", purpose=purpose)


def entry() -> AuditEntry:
    return AuditEntry(Action.CONSENT_GIVEN, NOW, "data_subject", (OTHER,), Outcome.DONE)


async def rows(store: SqlStore) -> tuple[int, int, int, int, bool]:
    """How many consents, events, receipts and audit entries, and whether the request is answered."""
    async with store.transaction() as tx:
        counts = [
            (await tx.connection.execute(sa.text(f"SELECT count(*) FROM {name}"))).scalar_one()
            for name in ("consents", "consent_events", "receipts", "audit")
        ]
        _, answered = await tx.requests.one("request-1", await _person(store))
    return (*counts, answered)  # type: ignore[return-value]


async def _person(store: SqlStore) -> str:
    async with store.transaction() as tx:
        return str((await tx.connection.execute(sa.select(requests.c.person_id))).scalar_one())


async def keep(store: SqlStore, person: str, purpose: str = "research") -> None:
    async with store.transaction() as tx:
        await tx.last.consents.put(person, "home", other_record(purpose))
        await tx.last.receipts.put(person, [(OTHER, 2, "a.b.c")])
        await tx.last.trail.append(entry())
        await tx.last.requests.answered(person, "request-1", NOW)
        seen = (await tx.connection.execute(sa.select(sa.func.count()).select_from(consents))).scalar_one()
        assert seen == 1  # what waits for the end is not there yet


async def test_the_last_writes_are_there_after_the_commit(store: SqlStore, person: str) -> None:
    assert await rows(store) == (1, 2, 0, 0, False)
    await keep(store, person)
    assert await rows(store) == (2, 4, 1, 1, True)
    async with store.transaction() as tx:
        assert (await tx.consents.one(OTHER)).record == other_record()
        assert (await tx.receipts.newest(person, OTHER)).token == "a.b.c"


async def keep_ahead(store: SqlStore, person: str, purpose: str = "research", receipt: int = 2) -> None:
    """As an answer does: the receipt follows what went ahead."""
    async with store.transaction() as tx:
        await tx.answers.under_lock(person, "request-1", DIGEST)
        await tx.last.consents.put(person, "home", other_record(purpose))
        await tx.last.trail.append(entry())
        tx.last.ahead()
        tokens = [(OTHER, sequence, "a.b.c") for sequence in (receipt, 2)]
        await tx.last.receipts.put(person, list(dict.fromkeys(tokens)))
        await tx.last.requests.answered(person, "request-1", NOW)


async def test_what_went_ahead_is_there_with_the_rest(store: SqlStore, person: str) -> None:
    await keep_ahead(store, person)
    assert await rows(store) == (2, 4, 1, 1, True)
    async with store.transaction() as tx:
        assert (await tx.receipts.newest(person, OTHER)).token == "a.b.c"


async def test_what_went_ahead_begins_a_transaction_where_there_is_none(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        await tx.last.trail.append(entry())
        tx.last.ahead()
    assert await rows(store) == (1, 2, 0, 1, False)
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as tx:
            await tx.last.trail.append(entry())
            tx.last.ahead()
            raise ZeroDivisionError
    assert await rows(store) == (1, 2, 0, 1, False)


async def test_a_fault_in_what_went_ahead_or_after_it_leaves_none(store: SqlStore, person: str) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        await keep_ahead(store, person, "advice")
    assert await rows(store) == (1, 2, 0, 0, False)
    with pytest.raises(psycopg.errors.NotNullViolation):
        await keep_ahead(store, person, receipt=None)  # type: ignore[arg-type]
    assert await rows(store) == (1, 2, 0, 0, False)
    await keep_ahead(store, person)
    assert await rows(store) == (2, 4, 1, 1, True)


@pytest.mark.parametrize("fails_itself", [True, False])
async def test_an_error_after_some_went_ahead_leaves_none_and_the_pool_whole(
    store: SqlStore, person: str, fails_itself: bool
) -> None:
    for _ in range(12):  # more than the pool has
        with pytest.raises(ZeroDivisionError):
            async with store.transaction() as tx:
                await tx.answers.under_lock(person, "request-1", DIGEST)
                await tx.last.consents.put(
                    person, "home", other_record("advice" if fails_itself else "research")
                )
                tx.last.ahead()
                raise ZeroDivisionError
    assert await rows(store) == (1, 2, 0, 0, False)
    await keep_ahead(store, person)
    assert await rows(store) == (2, 4, 1, 1, True)


async def test_whoever_is_cancelled_while_it_waits_for_the_end_leaves_none(
    store: SqlStore, person: str
) -> None:
    """What went ahead waits for a lock that somebody else holds."""
    async with store.transaction() as holder:
        await holder.connection.execute(sa.text("LOCK TABLE audit IN SHARE MODE"))
        waiting = asyncio.create_task(keep_ahead(store, person))
        for _ in range(1000):
            asked = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if (await holder.connection.execute(asked)).scalar_one():
                break
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await rows(store) == (1, 2, 0, 0, False)
    await keep_ahead(store, person)
    assert await rows(store) == (2, 4, 1, 1, True)


async def test_a_value_that_cannot_be_sent_after_some_went_ahead_is_told_as_that(
    store: SqlStore, person: str
) -> None:
    for _ in range(12):  # more than the pool has
        with pytest.raises(BodyInvalid):
            async with store.transaction() as tx:
                await tx.connection.execute(sa.text("SELECT 1"))
                await tx.last.trail.append(entry())
                tx.last.ahead()
                await tx.last.receipts.connection.execute(
                    sa.insert(audit), {"entry": "no\0text", "salt": b"", "leaf": b"", "at": NOW}
                )
    assert await rows(store) == (1, 2, 0, 0, False)
    await keep_ahead(store, person)
    assert await rows(store) == (2, 4, 1, 1, True)


async def test_nobody_speaks_between_what_went_ahead_and_the_commit(store: SqlStore, person: str) -> None:
    with pytest.raises(InternalFault):
        async with store.transaction() as tx:
            await tx.last.trail.append(entry())
            tx.last.ahead()
            await tx.answers.under_lock(person, "request-1", DIGEST)
    assert await rows(store) == (1, 2, 0, 0, False)


async def test_what_went_ahead_by_a_name_that_is_gone_is_prepared_anew_the_next_time(
    store: SqlStore, person: str
) -> None:
    async def go_ahead() -> None:
        async with store.transaction() as tx:
            await tx.last.trail.append(entry())
            tx.last.ahead()

    await go_ahead()
    async with store.transaction() as tx:
        await tx.connection.execute(sa.text("DEALLOCATE ALL"))
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        await go_ahead()
    await go_ahead()
    assert await rows(store) == (1, 2, 0, 2, False)


async def test_they_go_ahead_once(store: SqlStore, person: str) -> None:
    with pytest.raises(InternalFault):
        async with store.transaction() as tx:
            await tx.last.trail.append(entry())
            tx.last.ahead()
            tx.last.ahead()
    assert await rows(store) == (1, 2, 0, 0, False)


async def test_one_write_that_fails_leaves_none(store: SqlStore, person: str) -> None:
    """The same person would hold two consents for one purpose."""
    with pytest.raises(psycopg.errors.UniqueViolation):
        await keep(store, person, "advice")
    assert await rows(store) == (1, 2, 0, 0, False)


async def test_an_error_before_the_end_leaves_none(store: SqlStore, person: str) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as tx:
            await tx.last.trail.append(entry())
            raise ZeroDivisionError
    assert await rows(store) == (1, 2, 0, 0, False)


async def test_a_database_that_goes_away_is_a_store_that_is_away(
    store: SqlStore, person: str, database_url: str
) -> None:
    with pytest.raises(StoreUnavailable):
        async with store.transaction() as tx:
            pid = (await tx.connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one()
            async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as other:
                await other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            await tx.last.trail.append(entry())
    assert await rows(store) == (1, 2, 0, 0, False)


async def test_a_database_that_goes_away_after_some_went_ahead_is_a_store_that_is_away(
    store: SqlStore, person: str, database_url: str
) -> None:
    for raises in (False, True):
        # A fault of our own that came first is the one that is told.
        with pytest.raises(ZeroDivisionError if raises else StoreUnavailable):
            async with store.transaction() as tx:
                pid = (await tx.connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one()
                await tx.last.trail.append(entry())
                tx.last.ahead()
                async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as other:
                    await other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
                if raises:
                    raise ZeroDivisionError
        assert await rows(store) == (1, 2, 0, 0, False)


async def test_nothing_is_read_through_the_last_writes(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        with pytest.raises(InternalFault):
            await tx.last.consents.one(OTHER)


async def test_what_an_answer_depends_on_comes_back_whole(store: SqlStore, person: str) -> None:
    async with store.transaction() as tx:
        found = await tx.answers.under_lock(person, "request-1", DIGEST)
        one_by_one, answered = await tx.requests.one("request-1", person)
        assert found == ToAnswer(
            request=one_by_one,
            answered=answered,
            deferred=None,
            space_state="open",
            agreement_digest=DIGEST,
            approvals=(),
            notice=None,
            displayed=None,
            earlier=await tx.consents.newest_of_purposes(person, "home"),
            held=frozenset({"advice"}),
        )
        with pytest.raises(RequestNotFound):
            await tx.answers.under_lock("somebody", "request-1", DIGEST)


async def test_it_is_read_after_whoever_was_alone_before(store: SqlStore, person: str) -> None:
    """What is read was committed by the one we waited for: a lock whose reads are older guards nothing."""
    async with store.transaction() as first:
        await first.requests.alone(person, "home")
        waiting = asyncio.create_task(_under_lock(store, person))
        await _waits_for_a_lock(store)
        await first.consents.put(person, "home", other_record())
        await first.requests.answered(person, "request-1", NOW)
    found = await waiting
    assert found.answered
    assert found.held == {"advice", "research"}


async def test_an_erasure_under_way_comes_wholly_before_an_answer(store: SqlStore, person: str) -> None:
    """Else the answer would leave a consent of nobody, over which all later work in the space stumbles."""
    async with store.transaction() as erasing:
        assert await erasing.persons.lock(person)
        waiting = asyncio.create_task(_under_lock(store, person))
        await _waits_for_a_lock(store, "transactionid")
        await erasing.persons.remove(person)
    with pytest.raises(RequestNotFound):
        await waiting


async def test_the_person_is_locked_before_the_request(store: SqlStore, person: str) -> None:
    """The order of ``locks.ORDER``, in one statement: who waits for the person holds nothing yet."""
    at_once = sa.text("SELECT 1 FROM requests WHERE request_id = 'request-1' FOR UPDATE NOWAIT")
    async with store.transaction() as erasing:
        assert await erasing.persons.lock(person)
        waiting = asyncio.create_task(_under_lock(store, person))
        await _waits_for_a_lock(store, "transactionid")
        assert (await erasing.connection.execute(at_once)).scalar_one() == 1
    assert not (await waiting).answered


async def _under_lock(store: SqlStore, person: str) -> ToAnswer:
    async with store.transaction() as tx:
        return await tx.answers.under_lock(person, "request-1", DIGEST)


async def _waits_for_a_lock(store: SqlStore, kind: str = "advisory") -> None:
    query = sa.text(f"SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = '{kind}'")
    for _ in range(1000):
        async with store.transaction() as tx:
            if (await tx.connection.execute(query)).scalar_one():
                return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")
