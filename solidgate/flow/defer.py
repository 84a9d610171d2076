"""Decide later: remembered once, with more time to answer and at most one reminder.

No record exists before an answer, since there is nothing yet that it could bind; the deferral becomes an
event of the record when the answer comes, and stands beside the request until then.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.stored import WaitingRequest
from solidgate.errors import RequestAnswered, RequestClosed
from solidgate.flow import space
from solidgate.flow.space import SpaceView
from solidgate.flow.world import World
from solidgate.identity.login import Session


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for this person; ``remind`` is true once, long after a deferral."""

    request: WaitingRequest
    space: SpaceView
    remind: bool


async def defer(world: World, session: Session, request_id: str, *, shown: str, language: str) -> None:
    """Record that the person decides later, and give as many days more. Asking again changes nothing.

    Raises ``RequestNotFound RequestAnswered RequestClosed``, and ``TermsChanged`` when no such notice was
    displayed for the request.
    """
    now, days = world.clock.now(), timedelta(days=world.settings.consent.reminder_days)
    async with world.store.transaction() as tx:
        request, answered = await tx.requests.one(request_id, session.person_id, lock=True)
        if answered:
            raise RequestAnswered()
        if now > request.answers_by:
            raise RequestClosed()
        notice, _ = await tx.requests.shown(session.person_id, request_id, shown)
        longer = dataclasses.replace(request, answers_by=request.answers_by + days)
        if await tx.requests.defer(longer, session.person_id, now):
            objects = (request_id, notice.digest, language)
            entry = AuditEntry(Action.CONSENT_DEFERRED, now, "data_subject", objects, Outcome.DONE)
            await tx.trail.append(entry)


async def waiting(world: World, session: Session, *, shown: str = "") -> tuple[Waiting, ...]:
    """What waits for this person's answer; showing a reminder uses it up.

    ``shown`` is the one space whose requests are shown, empty for all: the reminders of others stay.
    """
    now, days = world.clock.now(), timedelta(days=world.settings.consent.reminder_days)
    found = []
    async with world.store.transaction() as tx:
        for one in await tx.requests.waiting(session.person_id, now):
            due = one.deferred is not None and one.reminded is None and now >= one.deferred + days
            remind = due and shown in ("", one.space_id) and await tx.requests.reminded(one.request_id, now)
            found.append(Waiting(one, await space.view(world, tx, one.space_id), remind))
    return tuple(found)
