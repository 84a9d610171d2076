"""Progress as it happens: what was done with one consent, and how far one run is, in counts.

Both look at the database every ``progress.poll_seconds``; a look is one short transaction. They yield
``None`` when a look found nothing new, so that whoever listens can be told that somebody is still there.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from solidgate.consent.record import status_at
from solidgate.flow import run as running
from solidgate.flow.happened import reached
from solidgate.flow.run import RunView
from solidgate.flow.world import World
from solidgate.identity.login import Caller, Session
from solidgate.run.state import FINAL, PartState, RunState

_CURSOR = re.compile(r"(\d{1,9})-(\d{1,18})-(\d{1,18})")
Cursor = tuple[int, int, int]
_ENDED = (RunState.FINISHED.value, RunState.CANCELLED.value)


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One thing that happened; ``id`` is where to go on after it, ``action`` a key of ``ActivityLine``."""

    id: str
    at: datetime
    action: str
    outcome: str
    run: str
    reached: str = ""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is; ``id`` differs whenever anything in it does."""

    id: str
    run: RunView


async def events(
    world: World, session: Session, consent_id: str, after: str = ""
) -> AsyncIterator[ProgressEvent | None]:
    """What happened to one consent of this person after the event ``after``, until nothing more can.

    An ``after`` that is no id of ours begins at the beginning. Raises ``ConsentNotFound``, also for another
    person's.
    """
    cursor = _cursor(after)
    while True:
        found, more = await _since(world, session, consent_id, cursor)
        for event in found:
            yield event
            cursor = _cursor(event.id)
        if not more:
            return
        if not found:
            yield None
        await asyncio.sleep(world.settings.progress.poll_seconds)


async def _since(
    world: World, session: Session, consent_id: str, cursor: Cursor
) -> tuple[list[ProgressEvent], bool]:
    """What is new, and whether there can be more."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        # Asked first: once nothing goes on at the pod, what was done there is seen below.
        closing = await tx.leases.announced(consent_id)
        steps = await tx.runs.steps_of(consent_id)
        at_door = (await tx.door_events.of([consent_id])).get(consent_id, ())
    holds = status_at(stored.record, world.clock.now()).valid_for_processing
    last: dict[str, PartState] = {step.run_id: step.state for step in steps}
    lines = [
        (event.at, (event.sequence, 0, 0), f"consent.{event.status.value}", "", "", "")
        for event in stored.record.events
    ]
    lines += [
        (
            step.at,
            (0, step.sequence, 0),
            f"run.{step.state.value}",
            step.outcome or "",
            step.run_id,
            reached(step, steps),
        )
        for step in steps
    ]
    lines += [
        (one.at, (0, 0, one.sequence), f"door.{one.event}", one.problem or "", "", "") for one in at_door
    ]
    found = []
    for at, place, action, outcome, run_id, far in sorted(lines, key=lambda line: (line[0], line[1])):
        if any(new > old for new, old in zip(place, cursor, strict=True)):
            cursor = (max(cursor[0], place[0]), max(cursor[1], place[1]), max(cursor[2], place[2]))
            found.append(ProgressEvent("-".join(map(str, cursor)), at, action, outcome, run_id, far))
    return found, holds or closing or any(state not in FINAL for state in last.values())


def _cursor(text: str) -> Cursor:
    """How many consent events, which step and which event of the door were seen already."""
    found = _CURSOR.fullmatch(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


async def run_events(
    world: World, caller: Caller, space_id: str, run_id: str, after: str = ""
) -> AsyncIterator[RunProgress | None]:
    """The counts of a run whenever they change, until it has ended. Small counts are withheld as ever.

    Who may look is decided anew at every look. Raises ``RunNotFound RoleMissing``.
    """
    seen = after
    while True:
        view = await running.show(world, caller, space_id, run_id)
        progress = RunProgress(_digest(view), view)
        if progress.id != seen:
            yield progress
            seen = progress.id
        elif view.state not in _ENDED:
            yield None
        if view.state in _ENDED:
            return
        await asyncio.sleep(world.settings.progress.poll_seconds)


def _digest(view: RunView) -> str:
    counted = (view.state, view.aggregate, sorted(view.counts.items()), sorted(view.outcomes.items()))
    return hashlib.sha256(repr(counted).encode()).hexdigest()[:16]
