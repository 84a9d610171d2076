"""Consents: requests, notices as displayed, records with append-only events, receipts and doors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import (
    consent_events,
    consents,
    deliveries,
    doors,
    notices,
    receipts,
    requests,
)
from solidgate.consent.notice import Notice
from solidgate.consent.record import ConsentEvent, ConsentRecord
from solidgate.consent.request import ConsentRequest
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import PurposeState, StoredConsent, StoredDoor, StoredReceipt, WaitingRequest
from solidgate.errors import ConsentNotFound, RequestNotFound, TermsChanged
from solidgate.pod.door import DoorState
from solidgate.run.delivery import DeliveryState

_DEFERRED = sa.select(requests.c.deferred).where(requests.c.request_id == sa.bindparam("request_id"))


@dataclass(frozen=True, slots=True)
class Consents:
    """The consents of one transaction."""

    connection: AsyncConnection
    people: People

    async def alone(self, person_id: str, space_id: str) -> None:
        """Until the transaction ends, nobody else asks this person or records their answer in this space."""
        key = sa.func.hashtextextended(f"consents:{person_id}:{space_id}", 0)
        await self.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

    async def put_request(self, person_id: str, request: ConsentRequest) -> None:
        """Keep a request to one person."""
        values = {
            "request_id": request.request_id,
            "space_id": request.space_id,
            "person_id": person_id,
            "agreement_digest": request.agreement_digest,
            "request_sealed": await self.people.seal(
                person_id, encode(request), f"request:{request.request_id}"
            ),
            "created": request.created,
            "answers_by": request.answers_by,
        }
        await self.connection.execute(sa.insert(requests).values(values))

    async def request(
        self, request_id: str, person_id: str, *, lock: bool = False
    ) -> tuple[ConsentRequest, bool]:
        """The request and whether it was answered. Raises ``RequestNotFound`` also for another person's."""
        query = sa.select(requests).where(
            requests.c.request_id == request_id, requests.c.person_id == person_id
        )
        if lock:
            query = query.with_for_update()
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise RequestNotFound()
        content = await self.people.unseal(person_id, row.request_sealed, f"request:{request_id}")
        return decode(ConsentRequest, content), row.answered is not None

    async def open_request(
        self,
        person_id: str,
        space_id: str,
        agreement_digest: str,
        now: datetime,
        *,
        unanswered: bool = False,
    ) -> str | None:
        """The person's newest request under these terms: unanswered and in time, or answered."""
        waits = sa.and_(requests.c.answered.is_(None), requests.c.answers_by > now)
        query = (
            sa.select(requests.c.request_id)
            .where(
                requests.c.person_id == person_id,
                requests.c.space_id == space_id,
                requests.c.agreement_digest == agreement_digest,
                waits if unanswered else sa.or_(requests.c.answered.is_not(None), waits),
            )
            .order_by(requests.c.created.desc())
            .limit(1)
        )
        found: str | None = (await self.connection.execute(query)).scalar_one_or_none()
        return found

    async def answered_before(self, person_id: str, space_id: str) -> None:
        """Raises ``RequestNotFound`` unless the person answered a request of this space before."""
        query = sa.select(sa.func.count()).where(
            requests.c.person_id == person_id,
            requests.c.space_id == space_id,
            requests.c.answered.is_not(None),
        )
        if not (await self.connection.execute(query)).scalar_one():
            raise RequestNotFound()

    async def update_request(self, person_id: str, request: ConsentRequest) -> None:
        """Replace what was found in the pod; only an unanswered request changes."""
        sealed = await self.people.seal(person_id, encode(request), f"request:{request.request_id}")
        await self.connection.execute(
            sa.update(requests)
            .where(requests.c.request_id == request.request_id, requests.c.answered.is_(None))
            .values(
                request_sealed=sealed,
                agreement_digest=request.agreement_digest,
                answers_by=request.answers_by,
            )
        )

    async def defer(self, request: ConsentRequest, person_id: str, now: datetime) -> bool:
        """Record "decide later", once: the first time stands; whether this was it."""
        statement = (
            sa.update(requests)
            .where(
                requests.c.request_id == request.request_id,
                requests.c.answered.is_(None),
                requests.c.deferred.is_(None),
            )
            .values(deferred=now)
        )
        if not (await self.connection.execute(statement)).rowcount:
            return False
        await self.update_request(person_id, request)
        return True

    async def deferred(self, request_id: str) -> datetime | None:
        """When the person chose to decide later, if they did."""
        found: datetime | None = (
            await self.connection.execute(_DEFERRED, {"request_id": request_id})
        ).scalar_one()
        return found

    async def waiting(self, person_id: str, now: datetime) -> tuple[WaitingRequest, ...]:
        """The person's requests that wait for an answer and can still have one, oldest first."""
        query = (
            sa.select(requests)
            .where(
                requests.c.person_id == person_id,
                requests.c.answered.is_(None),
                requests.c.answers_by > now,
            )
            .order_by(requests.c.created)
        )
        return tuple(
            WaitingRequest(
                row.request_id, row.space_id, row.created, row.answers_by, row.deferred, row.reminded
            )
            for row in await self.connection.execute(query)
        )

    async def reminded(self, request_id: str, now: datetime) -> bool:
        """Use up the one reminder of a request; whether it was still there."""
        statement = (
            sa.update(requests)
            .where(requests.c.request_id == request_id, requests.c.reminded.is_(None))
            .values(reminded=now)
        )
        return (await self.connection.execute(statement)).rowcount == 1

    async def answered(self, person_id: str, request: ConsentRequest, now: datetime) -> None:
        """Mark a request as answered, with the place for receipts that the person chose."""
        sealed = await self.people.seal(person_id, encode(request), f"request:{request.request_id}")
        await self.connection.execute(
            sa.update(requests)
            .where(requests.c.request_id == request.request_id)
            .values(answered=now, request_sealed=sealed)
        )

    async def displayed(self, person_id: str, request_id: str, notice: Notice, now: datetime) -> None:
        """Remember that exactly this notice was shown for the request."""
        sealed = await self.people.seal(person_id, encode(notice), f"notice:{notice.digest}")
        statement = insert(notices).values(
            request_id=request_id, digest=notice.digest, notice_sealed=sealed, displayed=now
        )
        await self.connection.execute(statement.on_conflict_do_nothing())

    async def shown(self, person_id: str, request_id: str, digest: str) -> tuple[Notice, datetime]:
        """The notice that was displayed under this digest. Raises ``TermsChanged`` when none was."""
        query = sa.select(notices.c.notice_sealed, notices.c.displayed).where(
            notices.c.request_id == request_id, notices.c.digest == digest
        )
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise TermsChanged()
        content = await self.people.unseal(person_id, row.notice_sealed, f"notice:{digest}")
        return decode(Notice, content), row.displayed

    async def put(self, person_id: str, space_id: str, *records: ConsentRecord) -> None:
        """Keep new records with their events: two statements, however many there are."""
        rows = [await self._row(person_id, space_id, record) for record in records]
        await self.connection.execute(sa.insert(consents), rows)
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
        await self.connection.execute(sa.insert(consent_events), rows)

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
        content = await self.people.unseal(row.person_id, row.record_sealed, f"consent:{row.consent_id}")
        record = dataclasses.replace(
            decode(ConsentRecord, content),
            epoch=row.epoch,
            events=await self._events(row.person_id, row.consent_id),
        )
        return StoredConsent(record, row.person_id, row.space_id)

    async def _events(self, person_id: str, consent_id: str) -> tuple[ConsentEvent, ...]:
        query = (
            sa.select(consent_events)
            .where(consent_events.c.consent_id == consent_id)
            .order_by(consent_events.c.sequence)
        )
        events = []
        for row in await self.connection.execute(query):
            context = f"event:{consent_id}:{row.sequence}"
            events.append(
                decode(ConsentEvent, await self.people.unseal(person_id, row.event_sealed, context))
            )
        return tuple(events)

    async def of_person(self, person_id: str) -> tuple[StoredConsent, ...]:
        """All records of a person, newest first."""
        query = (
            sa.select(consents).where(consents.c.person_id == person_id).order_by(consents.c.created.desc())
        )
        return tuple([await self._stored(row) for row in (await self.connection.execute(query)).all()])

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
                consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
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
                consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
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
                consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
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
        return {
            row.purpose: PurposeState(
                row.consent_id, row.agreement_digest, ConsentStatus(row.status), row.until
            )
            for row in await self.connection.execute(query)
        }

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
            .where(receipts.c.pod_url_sealed.is_(None))
        )
        ended = sa.or_(
            consents.c.status.not_in([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
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
        query = (
            sa.select(consents.c.consent_id)
            .where(
                consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
                consents.c.until <= now,
            )
            .limit(limit)
        )
        return tuple((await self.connection.execute(query)).scalars())

    async def put_receipts(self, person_id: str, tokens: Sequence[tuple[str, int, str]]) -> None:
        """Keep the signed receipts of events: (consent, sequence, token)."""
        rows = [
            {
                "consent_id": consent_id,
                "sequence": sequence,
                "receipt_sealed": await self.people.seal(
                    person_id, token.encode(), f"receipt:{consent_id}:{sequence}"
                ),
            }
            for consent_id, sequence, token in tokens
        ]
        await self.connection.execute(sa.insert(receipts), rows)

    async def receipt_pushed(
        self, person_id: str, consent_id: str, sequence: int, pod_url: str | None, problem: str | None
    ) -> None:
        """Remember where the copy stands in the pod, or why it does not."""
        context = f"receipt-url:{consent_id}:{sequence}"
        sealed = None if pod_url is None else await self.people.seal(person_id, pod_url.encode(), context)
        await self.connection.execute(
            sa.update(receipts)
            .where(receipts.c.consent_id == consent_id, receipts.c.sequence == sequence)
            .values(pod_url_sealed=sealed, problem=problem)
        )

    async def receipt(self, person_id: str, consent_id: str) -> StoredReceipt:
        """The newest receipt. Raises ``ConsentNotFound`` when there is none."""
        query = (
            sa.select(receipts)
            .where(receipts.c.consent_id == consent_id)
            .order_by(receipts.c.sequence.desc())
            .limit(1)
        )
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise ConsentNotFound()
        key = f"{consent_id}:{row.sequence}"
        token = (await self.people.unseal(person_id, row.receipt_sealed, f"receipt:{key}")).decode()
        url = None
        if row.pod_url_sealed is not None:
            url = (await self.people.unseal(person_id, row.pod_url_sealed, f"receipt-url:{key}")).decode()
        return StoredReceipt(row.sequence, token, url, row.problem)

    async def put_door(self, consent_id: str, state: DoorState, problem: str | None, now: datetime) -> None:
        """Remember the door as read back."""
        values = {"state": state.value, "problem": problem, "checked": now}
        statement = insert(doors).values(consent_id=consent_id, **values)
        await self.connection.execute(
            statement.on_conflict_do_update(index_elements=["consent_id"], set_=values)
        )

    async def door(self, consent_id: str) -> StoredDoor | None:
        """The door as last read back; none when no door belongs to the record."""
        row = (
            await self.connection.execute(sa.select(doors).where(doors.c.consent_id == consent_id))
        ).one_or_none()
        return None if row is None else StoredDoor(DoorState(row.state), row.problem)
