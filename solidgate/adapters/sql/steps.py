"""The moves of one person's part, each one statement: decided again, fenced, moved and noted, or nothing.

A move holds the consent's shared lock, so that it comes wholly before a withdrawal or not at all; it renews
its lease, and holds that too, so that no second worker comes in before the move stands. Each clause takes its
rows from the one before, so that locks are taken in everybody's order: consent, lease, part. Whoever waited
for one of them sees what the other left: each condition is looked at again on the newest row.
"""

# ruff: noqa: S608 - only constants of this file are put together; every value is bound

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.results import delivery_row
from solidgate.adapters.sql.trail import row_of
from solidgate.audit.entry import AuditEntry
from solidgate.consent.record import ConsentEvent, ConsentRecord
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotFound, SealBroken
from solidgate.run.delivery import Delivery, DeliveryRow, DerivedRow
from solidgate.run.held import Held
from solidgate.run.place import Place
from solidgate.run.state import FINAL, PartState

_FINAL = ", ".join(f"'{state.value}'" for state in FINAL)

_FOUND = sa.text(
    """
    SELECT c.consent_id, c.person_id, c.space_id, c.epoch, c.record_sealed, p.key_sealed,
        ARRAY(SELECT e.event_sealed FROM consent_events e
              WHERE e.consent_id = c.consent_id ORDER BY e.sequence) AS events,
        ARRAY(SELECT e.sequence FROM consent_events e
              WHERE e.consent_id = c.consent_id ORDER BY e.sequence) AS sequences
    FROM consents c JOIN people p ON p.person_id = c.person_id
    WHERE c.consent_id = ANY(:consents)
    """
)

_HELD = """
    held AS (
        SELECT consent_id FROM consents
        WHERE consent_id = :consent AND epoch = :epoch AND status IN ('given', 'renewed')
        FOR SHARE
    )"""
_RENEWED = f"""
    {_HELD}, fenced AS (
        UPDATE leases SET deadline = clock_timestamp() + make_interval(secs => :seconds)
        FROM held
        WHERE leases.consent_id = held.consent_id AND fence = :fence AND deadline > clock_timestamp()
        RETURNING leases.consent_id
    )"""
_GIVEN_BACK = f"""
    {_HELD}, fenced AS (
        DELETE FROM leases USING held
        WHERE leases.consent_id = held.consent_id AND fence = :fence AND deadline > clock_timestamp()
        RETURNING leases.consent_id
    )"""
_MOVED = f"""
    moved AS (
        UPDATE parts SET state = :state, outcome = NULL, updated = :now
        FROM fenced
        WHERE parts.run_id = :run AND parts.consent_id = fenced.consent_id AND parts.state NOT IN ({_FINAL})
        RETURNING parts.run_id, parts.consent_id, parts.person_id, parts.state, parts.updated
    ), noted AS (
        INSERT INTO steps (run_id, consent_id, state, at)
        SELECT run_id, consent_id, state, updated FROM moved
    )"""
_AUDITED = """
    audited AS (
        INSERT INTO audit (entry, salt, leaf, at) SELECT :entry, :salt, :leaf, :now FROM moved
    )"""

_ENTER = sa.text(
    f"""
    WITH {_HELD}, taken AS (
        INSERT INTO leases (run_id, consent_id, epoch, deadline)
        SELECT p.run_id, p.consent_id, :epoch, clock_timestamp() + make_interval(secs => :seconds)
        FROM parts p, held
        WHERE p.run_id = :run AND p.consent_id = held.consent_id AND p.state NOT IN ({_FINAL})
        ON CONFLICT (run_id, consent_id) DO UPDATE
        SET epoch = excluded.epoch, deadline = excluded.deadline, fence = nextval('lease_fence')
        WHERE leases.deadline <= clock_timestamp()
        RETURNING consent_id, fence
    ), planned AS (
        SELECT d.* FROM deliveries d WHERE d.run_id = :run AND d.consent_id = :consent
    ), moved AS (
        UPDATE parts SET outcome = NULL, updated = :now,
            state = CASE WHEN EXISTS (SELECT 1 FROM planned) THEN 'writing' ELSE 'pulling' END
        FROM taken
        WHERE parts.run_id = :run AND parts.consent_id = taken.consent_id AND parts.state NOT IN ({_FINAL})
        RETURNING parts.run_id, parts.consent_id, parts.state, parts.updated
    ), noted AS (
        INSERT INTO steps (run_id, consent_id, state, at)
        SELECT run_id, consent_id, state, updated FROM moved
    )
    SELECT (SELECT count(*) FROM held) AS held, (SELECT fence FROM taken) AS fence,
        (SELECT count(*) FROM moved) AS moved,
        (SELECT count(*) FROM parts WHERE run_id = :run AND consent_id = :consent
            AND state NOT IN ({_FINAL})) AS still_open,
        (SELECT problem FROM doors WHERE consent_id = :consent) AS door_problem,
        planned.*
    FROM (SELECT 1) AS one LEFT JOIN planned ON true
    """
)
_MOVE = sa.text(f"WITH {_RENEWED}, {_MOVED} SELECT count(*) FROM moved")
_MOVE_AUDITED = sa.text(f"WITH {_RENEWED}, {_MOVED}, {_AUDITED} SELECT count(*) FROM moved")
_PLAN = sa.text(
    f"""
    WITH {_RENEWED}, {_MOVED}, intended AS (
        INSERT INTO deliveries (run_id, consent_id, epoch, delivery_sealed, sha256, state, planned)
        SELECT run_id, consent_id, :epoch, :sealed, :sha256, 'planned', :now FROM moved
        ON CONFLICT (run_id, consent_id) DO NOTHING
        RETURNING run_id
    ), forgotten AS (
        DELETE FROM pulls USING moved WHERE pulls.consent_id = moved.consent_id
    )
    SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(*) FROM intended) AS intended
    """
)
_PUBLISH = sa.text(
    f"""
    WITH {_GIVEN_BACK}, {_MOVED}, {_AUDITED}, resolved AS (
        UPDATE deliveries SET state = 'written', resolved = :now FROM moved
        WHERE deliveries.run_id = moved.run_id AND deliveries.consent_id = moved.consent_id
    ), published AS (
        INSERT INTO derived (consent_id, run_id, person_id, space_id, graph, content_sealed, published)
        SELECT consent_id, run_id, person_id, :space, :graph, :sealed, :now FROM moved
        ON CONFLICT (consent_id) DO UPDATE
        SET run_id = excluded.run_id, person_id = excluded.person_id, space_id = excluded.space_id,
            graph = excluded.graph, content_sealed = excluded.content_sealed, published = excluded.published
    )
    SELECT count(*) FROM moved
    """
)
_PLANNED = sa.text("SELECT * FROM deliveries WHERE run_id = :run AND consent_id = :consent")


def _values(place: Place, state: PartState, now: datetime) -> dict[str, object]:
    """What every move is bound to."""
    return {
        "run": place.run_id,
        "consent": place.consent_id,
        "epoch": place.epoch,
        "fence": place.fence,
        "seconds": float(place.seconds),
        "state": state.value,
        "now": now,
    }


@dataclass(frozen=True, slots=True)
class Entered:
    """What entering a part found.

    ``held``: the consent is at the epoch and allows processing. ``fence``: of the lease taken, none when
    somebody else holds it or the part has ended. ``moved``: the part is under way, in our hands.
    """

    held: bool
    fence: int | None
    moved: bool
    still_open: bool
    planned: DeliveryRow | None
    door_problem: str | None


@dataclass(frozen=True, slots=True)
class Steps:
    """The moves, on a connection where each statement is its own transaction, or within a longer one."""

    connection: AsyncConnection
    people: People

    async def found(self, consent_ids: Sequence[str]) -> Mapping[str, Held]:
        """The consents that are there and can be read, by id, unlocked.

        For decisions that a move then holds to their epoch. One that cannot be read is left for ``one`` to
        say so: it is no fault of the others.
        """
        found = {}
        for row in await self.connection.execute(_FOUND, {"consents": list(consent_ids)}):
            with suppress(SealBroken, ValueError):
                found[row.consent_id] = await self._held(row)
        return found

    async def one(self, consent_id: str) -> Held:
        """One of them. Raises ``ConsentNotFound SealBroken``."""
        row = (await self.connection.execute(_FOUND, {"consents": [consent_id]})).one_or_none()
        if row is None:
            raise ConsentNotFound()
        return await self._held(row)

    async def _held(self, row: sa.Row[tuple[object, ...]]) -> Held:
        person, consent = row.person_id, row.consent_id
        self.people.opened(person, row.key_sealed)
        unseal = self.people.unseal
        record = decode(ConsentRecord, await unseal(person, row.record_sealed, f"consent:{consent}"))
        events = [
            decode(ConsentEvent, await unseal(person, sealed, f"event:{consent}:{sequence}"))
            for sequence, sealed in zip(row.sequences, row.events, strict=True)
        ]
        whole = dataclasses.replace(record, epoch=row.epoch, events=tuple(events))
        return Held(StoredConsent(whole, person, row.space_id), bytes(row.key_sealed))

    async def enter(self, run_id: str, held: Held, seconds: float, now: datetime) -> Entered:
        """Take the lease of a part and begin it, or go on with it where a result is planned already."""
        record = held.stored.record
        values = {
            "run": run_id,
            "consent": record.consent_id,
            "epoch": record.epoch,
            "seconds": float(seconds),
            "now": now,
        }
        row = (await self.connection.execute(_ENTER, values)).one()
        planned = None
        if row.run_id is not None:
            self.people.opened(held.stored.person_id, held.key_sealed)
            planned = await delivery_row(self.people, held.stored.person_id, row)
        return Entered(
            bool(row.held), row.fence, bool(row.moved), bool(row.still_open), planned, row.door_problem
        )

    async def move(self, place: Place, state: PartState, now: datetime) -> bool:
        """The next state; false when the consent, the lease or the part no longer allows it."""
        return bool((await self.connection.execute(_MOVE, _values(place, state, now))).scalar_one())

    async def move_audited(self, place: Place, state: PartState, entry: AuditEntry) -> bool:
        """The same with an entry of the audit trail."""
        values = _values(place, state, entry.at) | row_of(entry)
        return bool((await self.connection.execute(_MOVE_AUDITED, values)).scalar_one())

    async def plan(
        self, place: Place, held: Held, delivery: Delivery, sha256: str, now: datetime
    ) -> DeliveryRow | None:
        """Record the intent to write; what is planned then. A plan of an earlier attempt stays."""
        person, context = held.stored.person_id, f"delivery:{place.run_id}:{place.consent_id}"
        self.people.opened(person, held.key_sealed)
        sealed = await self.people.seal(person, encode(delivery), context)
        values = _values(place, PartState.WRITING, now) | {"sealed": sealed, "sha256": sha256}
        row = (await self.connection.execute(_PLAN, values)).one()
        if not row.moved:
            return None
        there = {"run": place.run_id, "consent": place.consent_id}
        return await delivery_row(self.people, person, (await self.connection.execute(_PLANNED, there)).one())

    async def publish(
        self, place: Place, held: Held, space_id: str, row: DerivedRow, entry: AuditEntry
    ) -> bool:
        """The end of a part: its result is written, queries see it, and the lease is given back."""
        person = held.stored.person_id
        self.people.opened(person, held.key_sealed)
        sealed = await self.people.seal(person, row.content, f"derived:{place.consent_id}")
        values = _values(place, PartState.WRITTEN, entry.at) | row_of(entry)
        del values["seconds"]
        values |= {"space": space_id, "graph": row.graph, "sealed": sealed}
        return bool((await self.connection.execute(_PUBLISH, values)).scalar_one())
