"""Requests to people, and the notices as they were displayed for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.locks import alone
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import consents, notices, requests
from solidgate.adapters.sql.together import Executes
from solidgate.consent.notice import Notice
from solidgate.consent.request import ConsentRequest
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import WaitingRequest
from solidgate.errors import RequestNotFound, TermsChanged

_ANSWERED = sa.update(requests).where(requests.c.request_id == sa.bindparam("answering"))


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of one transaction."""

    connection: Executes
    people: People

    async def alone(self, person_id: str, space_id: str) -> None:
        """Until the transaction ends, nobody else asks this person or records their answer in this space."""
        await alone(self.connection, f"consents:{person_id}:{space_id}")

    async def put(self, person_id: str, request: ConsentRequest) -> None:
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

    async def one(
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

    async def open_one(
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

    async def refused_since(self, person_id: str, space_id: str, moment: datetime) -> str | None:
        """The person's newest answered request of a space, if it was a no to everything after this moment."""
        newest = (
            sa.select(requests.c.request_id, requests.c.answered)
            .where(
                requests.c.person_id == person_id,
                requests.c.space_id == space_id,
                requests.c.answered.is_not(None),
            )
            .order_by(requests.c.answered.desc())
            .limit(1)
            .subquery()
        )
        other = sa.exists().where(
            consents.c.request_id == newest.c.request_id, consents.c.status != ConsentStatus.REFUSED.value
        )
        query = sa.select(newest.c.request_id).where(newest.c.answered > moment, ~other)
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

    async def update(self, person_id: str, request: ConsentRequest) -> None:
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
        await self.update(person_id, request)
        return True

    async def deferred(self, request_id: str) -> datetime | None:
        """When the person chose to decide later, if they did."""
        query = sa.select(requests.c.deferred).where(requests.c.request_id == request_id)
        found: datetime | None = (await self.connection.execute(query)).scalar_one()
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
        return bool((await self.connection.execute(statement)).rowcount)

    async def answered(
        self, person_id: str, request_id: str, now: datetime, changed: ConsentRequest | None = None
    ) -> None:
        """Mark a request as answered; ``changed`` when the person chose another place for receipts."""
        answer: dict[str, object] = {"answering": request_id, "answered": now}
        if changed is not None:
            sealed = await self.people.seal(person_id, encode(changed), f"request:{request_id}")
            answer["request_sealed"] = sealed
        await self.connection.execute(_ANSWERED, answer)

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
