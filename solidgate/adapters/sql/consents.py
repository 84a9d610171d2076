"""Consents: records with their append-only events."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import consent_events, consents, deliveries, doors, receipts
from solidgate.adapters.sql.together import Executes
from solidgate.consent.record import ConsentEvent, ConsentRecord
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import PurposeState, StoredConsent
from solidgate.errors import ConsentNotFound
from solidgate.pod.door import DoorState
from solidgate.run.delivery import DeliveryState

_HOLDS = consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value])
_PUT, _APPEND = sa.insert(consents), sa.insert(consent_events)


def purpose_states(rows: Iterable[Any]) -> Mapping[str, PurposeState]:
    """Rows of consents, oldest first, as the newest of each purpose."""
    return {
        row.purpose: PurposeState(row.consent_id, row.agreement_digest, ConsentStatus(row.status), row.until)
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Consents:
    """The consents of one transaction."""

    connection: Executes
    people: People

    async def put(self, person_id: str, space_id: str, *records: ConsentRecord) -> None:
        """Keep new records with their events: two statements, however many there are."""
        rows = [await self._row(person_id, space_id, record) for record in records]
        await self.connection.execute(_PUT, rows)
        events = [(record.consent_id, event) for record in records for event in record.events]
        await self._append(person_id, *events)

    async def _row(self, person_id: str, space_id: str, record: ConsentRecord) -> dict[str, object]:
        bare = dataclasses.replace(record, events=(), epoch=0)
        return {
            "consent_id": record.consent_id,
            "request_id": record.request_id,
            "person_id": person_id,
            "space_id": space_id,
            "purpose": record.purpose,
            "agreement_digest": record.agreement_digest,
            "epoch": record.epoch,
            "status": record.latest.status.value,
            "until": record.latest.until,
            "record_sealed": await self.people.seal(person_id, encode(bare), f"consent:{record.consent_id}"),
            "created": record.latest.at,
        }

    async def _append(self, person_id: str, *events: tuple[str, ConsentEvent]) -> None:
        rows = [
            {
                "consent_id": consent_id,
                "sequence": event.sequence,
                "event_sealed": await self.people.seal(
                    person_id, encode(event), f"event:{consent_id}:{event.sequence}"
                ),
                "at": event.at,
            }
            for consent_id, event in events
        ]
        await self.connection.execute(_APPEND, rows)

    async def end(self, stored: StoredConsent, event: ConsentEvent) -> int:
        """Append an ending event and raise the epoch: every lease of an earlier epoch is void."""
        consent_id = stored.record.consent_id
        await self._append(stored.person_id, (consent_id, event))
        statement = (
            sa.update(consents)
            .where(consents.c.consent_id == consent_id)
            .values(status=event.status.value, epoch=consents.c.epoch + 1)
            .returning(consents.c.epoch)
        )
        return int((await self.connection.execute(statement)).scalar_one())

    async def one(
        self, consent_id: str, *, person_id: str | None = None, lock: str | None = None
    ) -> StoredConsent:
        """The record with its events. ``lock`` is ``share`` (steps) or ``update`` (withdrawal).

        A step's shared lock and a withdrawal's exclusive one cannot be held together, so that an effect is
        made visible either before the withdrawal commits or not at all. Raises ``ConsentNotFound``.
        """
        query = sa.select(consents).where(consents.c.consent_id == consent_id)
        if person_id is not None:
            query = query.where(consents.c.person_id == person_id)
        if lock is not None:
            query = query.with_for_update(read=lock == "share")
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise ConsentNotFound()
        return await self._stored(row)

    async def _stored(self, row: sa.Row[tuple[object, ...]]) -> StoredConsent:
        events = await self._events(row.person_id, [row.consent_id])
        return await self._with_events(row, events[row.consent_id])

    async def _with_events(
        self, row: sa.Row[tuple[object, ...]], events: Sequence[ConsentEvent]
    ) -> StoredConsent:
        content = await self.people.unseal(row.person_id, row.record_sealed, f"consent:{row.consent_id}")
        record = dataclasses.replace(decode(ConsentRecord, content), epoch=row.epoch, events=tuple(events))
        return StoredConsent(record, row.person_id, row.space_id)

    async def _events(
        self, person_id: str, consent_ids: Sequence[str]
    ) -> Mapping[str, Sequence[ConsentEvent]]:
        """The events of each in their order, by one statement."""
        query = (
            sa.select(consent_events)
            .where(consent_events.c.consent_id.in_(consent_ids))
            .order_by(consent_events.c.sequence)
        )
        events: dict[str, list[ConsentEvent]] = {one: [] for one in consent_ids}
        for row in await self.connection.execute(query):
            context = f"event:{row.consent_id}:{row.sequence}"
            opened = await self.people.unseal(person_id, row.event_sealed, context)
            events[row.consent_id].append(decode(ConsentEvent, opened))
        return events

    async def of_person(self, person_id: str) -> tuple[StoredConsent, ...]:
        """All records of a person, newest first."""
        query = (
            sa.select(consents).where(consents.c.person_id == person_id).order_by(consents.c.created.desc())
        )
        rows = (await self.connection.execute(query)).all()
        events = await self._events(person_id, [row.consent_id for row in rows])
        return tuple([await self._with_events(row, events[row.consent_id]) for row in rows])

    async def of_request(self, request_id: str) -> tuple[StoredConsent, ...]:
        """The records that answer a request."""
        query = sa.select(consents).where(consents.c.request_id == request_id).order_by(consents.c.purpose)
        return tuple([await self._stored(row) for row in (await self.connection.execute(query)).all()])

    async def holding(self, space_id: str, now: datetime) -> tuple[tuple[str, str], ...]:
        """(consent, person) of every consent in a space that allows processing now."""
        query = (
            sa.select(consents.c.consent_id, consents.c.person_id)
            .where(
                consents.c.space_id == space_id,
                _HOLDS,
                consents.c.until > now,
            )
            .order_by(consents.c.consent_id)
        )
        return tuple((row.consent_id, row.person_id) for row in await self.connection.execute(query))

    async def held(self, person_id: str, space_id: str, purposes: Sequence[str]) -> tuple[StoredConsent, ...]:
        """The person's consents for these purposes that no event has ended yet, locked, in order."""
        query = (
            sa.select(consents)
            .where(
                consents.c.person_id == person_id,
                consents.c.space_id == space_id,
                consents.c.purpose.in_(purposes),
                _HOLDS,
            )
            .order_by(consents.c.consent_id)
            .with_for_update()
        )
        return tuple([await self._stored(row) for row in (await self.connection.execute(query)).all()])

    async def revocable(
        self,
        space_id: str,
        before: datetime,
        limit: int,
        *,
        digest: str | None = None,
        keep: str | None = None,
    ) -> tuple[str, ...]:
        """Consents of a space that allow processing and were answered before, by id.

        ``digest`` narrows them to one agreement, ``keep`` spares one.
        """
        query = (
            sa.select(consents.c.consent_id)
            .where(
                consents.c.space_id == space_id,
                _HOLDS,
                consents.c.created <= before,
            )
            .order_by(consents.c.consent_id)
            .limit(limit)
        )
        if digest is not None:
            query = query.where(consents.c.agreement_digest == digest)
        if keep is not None:
            query = query.where(consents.c.agreement_digest != keep)
        return tuple((await self.connection.execute(query)).scalars())

    async def newest_of_purposes(self, person_id: str, space_id: str) -> Mapping[str, PurposeState]:
        """The newest record of each purpose that this person answered in a space: what a new one follows."""
        query = (
            sa.select(consents)
            .where(consents.c.person_id == person_id, consents.c.space_id == space_id)
            .order_by(consents.c.created)
        )
        return purpose_states(await self.connection.execute(query))

    async def unsettled(self, person_id: str, now: datetime) -> tuple[str, ...]:
        """Consents of a person with something left at the pod: a door, a receipt, a write in doubt."""
        newest = (
            sa.select(receipts.c.consent_id, sa.func.max(receipts.c.sequence).label("sequence"))
            .join(consents, consents.c.consent_id == receipts.c.consent_id)
            .where(consents.c.person_id == person_id)
            .group_by(receipts.c.consent_id)
            .subquery()
        )
        unsent = (
            sa.select(receipts.c.consent_id)
            .join(
                newest,
                sa.and_(
                    receipts.c.consent_id == newest.c.consent_id, receipts.c.sequence == newest.c.sequence
                ),
            )
            .join(consents, consents.c.consent_id == receipts.c.consent_id)
            .where(
                receipts.c.pod_url_sealed.is_(None),
                # Of a no, only a copy that its person asked for, and that failed, is owed.
                sa.or_(consents.c.status != ConsentStatus.REFUSED.value, receipts.c.problem.is_not(None)),
            )
        )
        ended = sa.or_(
            sa.not_(_HOLDS),
            consents.c.until <= now,
        )
        left_open = (
            sa.select(doors.c.consent_id)
            .join(consents, consents.c.consent_id == doors.c.consent_id)
            .where(consents.c.person_id == person_id, doors.c.state != DoorState.CLOSED.value, ended)
        )
        in_doubt = (
            sa.select(deliveries.c.consent_id)
            .join(consents, consents.c.consent_id == deliveries.c.consent_id)
            .where(
                consents.c.person_id == person_id, deliveries.c.state == DeliveryState.PLANNED.value, ended
            )
        )
        found = await self.connection.execute(sa.union(unsent, left_open, in_doubt))
        return tuple(sorted(found.scalars()))

    async def past_end(self, now: datetime, limit: int) -> tuple[str, ...]:
        """Consents whose end has passed and whose record does not say so yet."""
        query = sa.select(consents.c.consent_id).where(_HOLDS, consents.c.until <= now).limit(limit)
        return tuple((await self.connection.execute(query)).scalars())
