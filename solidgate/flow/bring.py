"""Bring: one signpost in a pod to what is planned for it, and nothing of anybody else's.

Where one conditional request says it all, it is sent without a look: ``If-None-Match: *`` for one that is
new, ``If-Match`` with the tag that the pod last gave for ours. What the pod says then is believed until
housekeeping looks. Anything else begins with a look at what stands there: what was planned is done, in
whatever form the pod gives it back; what we planned earlier is replaced under ``If-Match``; anything else is
disputed and never touched again. A conflict means that somebody was faster: read again, decide again by the
newest intent, a few times.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from solidgate.errors import FetchTooLarge, PodConflict, PodFault, PodNotFound, PodUnreadable
from solidgate.flow.same import is_one_of, is_same
from solidgate.flow.world import World
from solidgate.pod.etag import strong
from solidgate.pod.resource import Document
from solidgate.ports import Access
from solidgate.run.signpost import Kind, Signpost, SignState
from solidgate.run.standing import pause

ROUNDS = 5
MEDIA_TYPE = "text/turtle"
PATIENCE = timedelta(minutes=1)
"""Until housekeeping looks at an intent that nobody has brought."""

T = TypeVar("T")


class Holder(Protocol):
    """Whoever may send now, and hears of each write whether it was answered."""

    unanswered: bool

    async def still(self) -> None:
        """Before each request. Raises when it is over."""
        ...

    async def answered(self, effect: Awaitable[T]) -> T:
        """Carry a write to its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Spot:
    """The signposts of one person in one container of one space, and who works on them."""

    world: World
    access: Access
    person_id: str
    space_id: str
    place: str
    holder: Holder

    def next_look(self, kind: Kind, now: datetime) -> datetime:
        """When housekeeping looks whether one that stands there is still there: at no fixed moment."""
        usual = timedelta(hours=self.world.settings.worker.reconcile_hours)
        return now + pause(usual, self.place, kind, now)


async def bring_all(spot: Spot) -> None:
    """Both signposts to what is planned; a pod's fault leaves one planned."""
    await each_kind(spot, Kind, lambda kind: bring(spot, kind))


async def each_kind(spot: Spot, things: Iterable[T], work: Callable[[T], Awaitable[object]]) -> bool:
    """Work for each, whatever the pod says about the other; whether every write was answered.

    What was seen to stand there is settled, whatever the pod answered; a write without an answer is in doubt.
    """
    holder, in_doubt = spot.holder, spot.holder.unanswered
    try:
        for thing in things:
            holder.unanswered = False
            try:
                await work(thing)
            except PodFault:
                in_doubt |= holder.unanswered
            else:
                holder.unanswered = False
    finally:
        holder.unanswered |= in_doubt
    return not holder.unanswered


async def bring(spot: Spot, kind: Kind, fault: PodFault | None = None) -> None:
    """One signpost to the newest intent. Raises pod faults, which leave it planned.

    ``fault`` is what came of sending it once already. Whatever the pod answered to a write that failed, what
    it holds is read back once: a 500 may have stored it.
    """
    rounds = ROUNDS + 1 if fault is None else ROUNDS
    look_first = fault is not None
    fault = None if isinstance(fault, PodConflict) else fault
    for left in reversed(range(rounds)):
        sign = await _newest(spot, kind)
        if sign is None or sign.state.is_left_alone:
            return
        look = _unseen(sign) if sign.is_certain and not look_first else await _look(spot, sign)
        if look.settled is not None:
            await _record(spot, sign, look.settled)
            return
        if fault is not None or not left:
            raise fault or PodConflict("it changed at every attempt")
        look_first = True
        try:
            if await _sent(spot, sign, look):
                return
        except PodConflict:
            continue
        except PodFault as refusal:
            fault = refusal


@dataclass(frozen=True, slots=True)
class _Look:
    """What stands in the pod: the signpost as it is then, if that settles it; else what is to be replaced."""

    settled: Signpost | None
    is_there: bool
    etag: str | None


async def _newest(spot: Spot, kind: Kind) -> Signpost | None:
    async with spot.world.store.transaction() as tx:
        return await tx.signposts.one(spot.person_id, spot.space_id, spot.place, kind)


def _unseen(sign: Signpost) -> _Look:
    """What stands there as the pod said last."""
    return _Look(None, sign.etag is not None, sign.etag)


async def _look(spot: Spot, sign: Signpost) -> _Look:
    try:
        limit = spot.world.settings.pull.max_resource_bytes
        await spot.holder.still()
        found = await spot.world.pods.read(spot.access, sign.target, max_bytes=limit)
    except PodNotFound:
        state = _missing(sign)
        return _Look(None if state is None else replace(sign, state=state, etag=None), False, None)
    except (PodUnreadable, FetchTooLarge):
        return _Look(replace(sign, state=SignState.DISPUTED, etag=None), True, None)
    state = await _standing(spot, sign, found)
    there = None if state is None else replace(sign, state=state, etag=strong(found.etag))
    return _Look(there, True, found.etag)


def _missing(sign: Signpost) -> SignState | None:
    """What it is settled as where nothing stands; none while there is something to send."""
    if not sign.content:
        return SignState.REMOVED
    return SignState.GONE if sign.stood or sign.state is SignState.WRITTEN else None


async def _standing(spot: Spot, sign: Signpost, found: Document) -> SignState | None:
    """The same for what stands there. Raises ``PodUnavailable``."""
    if sign.content and await is_same(spot.world, found, sign.content):
        return SignState.WRITTEN
    return None if await is_one_of(spot.world, found, sign.ours) else SignState.DISPUTED


async def _sent(spot: Spot, sign: Signpost, look: _Look) -> bool:
    """Whether that was all: what was taken away is looked for once more. Raises pod faults."""
    if not sign.content:
        await spot.holder.still()
        await spot.holder.answered(spot.world.pods.remove(spot.access, sign.target, look.etag))
        return False
    etag = await (replaced(spot, sign, look.etag) if look.is_there else created(spot, sign))
    await _record(spot, sign, replace(sign, state=SignState.WRITTEN, etag=etag))
    return True


async def certain(spot: Spot, sign: Signpost) -> str | None:
    """Send it without a look: the pod's tag for it, if it can be used. Raises pod faults."""
    return await (created(spot, sign) if sign.etag is None else replaced(spot, sign, sign.etag))


async def created(spot: Spot, sign: Signpost) -> str | None:
    """Where nothing stands; the pod's tag for it. Raises pod faults."""
    await spot.holder.still()
    sent = spot.world.pods.create(spot.access, sign.target, sign.content, MEDIA_TYPE)
    return strong((await spot.holder.answered(sent)).etag)


async def replaced(spot: Spot, sign: Signpost, etag: str | None) -> str | None:
    """In place of what has this tag; the pod's tag for it. Raises pod faults."""
    await spot.holder.still()
    sent = spot.world.pods.replace(spot.access, sign.target, sign.content, MEDIA_TYPE, etag)
    return strong((await spot.holder.answered(sent)).etag)


async def _record(spot: Spot, sent: Signpost, seen: Signpost) -> None:
    """Unless a newer intent was planned meanwhile: then whoever planned it goes on from there."""
    now = spot.world.clock.now()
    async with spot.world.store.transaction() as tx:
        current = await tx.signposts.one(spot.person_id, spot.space_id, spot.place, seen.kind)
        if current is None or current.sha256 != sent.sha256:
            return
        later = spot.next_look(seen.kind, now)
        await tx.signposts.resolve(spot.person_id, spot.space_id, spot.place, seen, now, later)
