"""Subscribe: a space whose program runs on change asks the pods of its people to tell of changes.

Desired is one live channel for each agreed document of each consent that holds; what stands in the way is
tried again, ever more seldom, and the sweep finds changes meanwhile. Only the worker does this, as the space.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from solidgate.errors import (
    AddressRefused,
    ConsentNotFound,
    ConsentNotGiven,
    EpochPassed,
    FetchTimedOut,
    NoChannel,
    PodFault,
    SolidgateError,
)
from solidgate.flow import watching
from solidgate.flow.each import each
from solidgate.flow.journey import Enclave
from solidgate.flow.look import ask, held, sure, tell_of_reading
from solidgate.flow.sight import Watched, seen
from solidgate.flow.unsubscribe import end, end_at_pod
from solidgate.flow.watching import send_to
from solidgate.flow.world import World
from solidgate.pod.notification import Channel, ChannelKind, Offer
from solidgate.ports import Access, PodChannels
from solidgate.run.sighting import meaning
from solidgate.run.watch import WHOLE_STORAGE, ChannelRow, next_pause, to_renew
from solidgate.space.rerun import ON_CHANGE

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

BATCH = 200
_REST = timedelta(days=1)
_CLAIM = timedelta(minutes=10)
_log = structlog.get_logger()


async def watch(enclave: Enclave, consent_id: str) -> None:
    """Bring the channels of one consent to what they should be. Repeating it repeats no effect."""
    world, problem = enclave.world, None
    watched: Watched | None = None
    async with world.store.transaction() as tx:
        had = await tx.watches.progress(consent_id)
    try:
        async with held(world, consent_id, "watch") as watched:
            if watched is not None:
                problem = await _see_to(enclave, watched)
    except ConsentNotFound:
        return
    except (ConsentNotGiven, EpochPassed):
        return  # it ended meanwhile, and whoever ended it promised that its channels are seen to
    except TimeoutError:
        problem = FetchTimedOut.code
    if watched is None:
        await end(enclave, consent_id)
        return
    await _plan_next(world, watched, problem, had)


async def _see_to(enclave: Enclave, watched: Watched) -> str | None:
    """The code of what went wrong; none when every document that may have a channel has one."""
    world, record = enclave.world, watched.stored.record
    access = await enclave.keys.access_for(watched.stored.space_id)
    await _first_sight(world, access, watched)
    if enclave.channels is None:
        return None
    async with world.store.transaction() as tx:
        rows = await tx.watches.channels(record.consent_id)
    before = timedelta(days=world.settings.notifications.renew_days)
    old = to_renew(rows, world.clock.now(), before)
    live = {row.number for row in rows if row not in old}
    asking = _Asking(world, enclave.channels, access, watched)
    try:
        await asking.missing(live)
    except PodFault as fault:
        _log.info("subscription.refused", consent=record.consent_id, code=fault.code)
        return fault.code
    # They were replaced: whether the pod ends them now or they lapse, nobody here knows their addresses.
    await end_at_pod(enclave, access, old)
    async with world.store.transaction() as tx:
        for row in old:
            await tx.watches.drop(row.channel_id)
    return None


async def _first_sight(world: World, access: Access, watched: Watched) -> None:
    """What stands there before anything changes; a document that was seen before is left as it was."""
    record, person = watched.stored.record, watched.stored.person_id
    async with world.store.transaction() as tx:
        known = await tx.sightings.locked(person, record.consent_id)
    new = {number: url for number, url in watched.topics.items() if number not in known}
    found = await seen(watched, access, new)
    async with world.store.transaction() as tx:
        if not await watching.is_due(world, tx, record.consent_id):
            raise ConsentNotGiven()
        known = await tx.sightings.locked(person, record.consent_id)
        first = {n: meaning(None, one) for n, one in found.found.items() if n not in known}
        await tx.sightings.keep(person, record.consent_id, sure(known, first))
        await tell_of_reading(world, tx, watched, found)


@dataclass(slots=True)
class _Asking:
    """Subscriptions of one consent: what its server offers is asked once."""

    world: World
    channels: PodChannels
    access: Access
    watched: Watched

    @property
    def fenced(self) -> Access:
        """For what may happen only while the consent holds: all but the end of a channel."""
        return self.watched.tenure.fenced(self.access)

    async def missing(self, live: set[int]) -> None:
        """Ask for the channels that are lacking. Raises ``NoChannel`` and pod faults."""
        topics = dict(list(self.watched.topics.items())[: self.world.settings.notifications.max_topics])
        lacking = {number: url for number, url in topics.items() if number not in live}
        if not lacking or WHOLE_STORAGE in live:
            return
        offers = await self.channels.offers(self.fenced, next(iter(lacking.values())))
        ways = ordered(offers, self.world.settings.notifications.channel, self._may_be_reached(lacking))
        if not ways:
            raise NoChannel()
        if ways[0].kind is ChannelKind.DELIVERY:
            lacking = {WHOLE_STORAGE: self._storage()}
        for number, url in lacking.items():
            await self._one(ways, number, url)

    def _storage(self) -> str:
        record = self.watched.stored.record
        return record.result_container.removesuffix(self.watched.agreement.result_container)

    def _may_be_reached(self, topics: Mapping[int, str]) -> bool:
        return reachable(self.world.public_url, next(iter(topics.values())))

    async def _one(self, ways: tuple[Offer, ...], number: int, url: str) -> None:
        """The first way that the pod agrees to; one that is refused leaves the others."""
        refusal: PodFault = NoChannel()
        for offer in ways:
            secret = secrets.token_urlsafe(32)
            await self.watched.tenure.still()
            asking = self.channels.subscribe(self.fenced, offer, url, send_to(self.world, secret))
            try:
                made = await self.watched.tenure.answered(asking)
            except AddressRefused:
                raise
            except PodFault as fault:
                refusal = fault
                continue
            await self._keep(number, made, secret)
            return
        raise refusal

    async def _keep(self, number: int, channel: Channel, secret: str) -> None:
        """Keep what the pod agreed to. Of a consent that ended meanwhile it is kept to be ended.

        Raises ``ConsentNotGiven`` then, and ``ConsentNotFound`` after an erasure, which ended it at the pod.
        """
        world, stored = self.world, self.watched.stored
        consent_id, burst = stored.record.consent_id, world.settings.notifications.burst
        row = ChannelRow(uuid.uuid4().hex, consent_id, stored.person_id, number, channel)
        try:
            async with world.store.transaction() as tx:
                still = await watching.is_due(world, tx, consent_id)
                if not still:
                    await watching.soon(world, tx, consent_id, stored.space_id)
                await tx.watches.keep(row, secret, burst, world.clock.now())
        except ConsentNotFound:
            await self.channels.unsubscribe(self.access, channel)
            raise
        if not still:
            raise ConsentNotGiven()


def ordered(offers: tuple[Offer, ...], first: str, reached: bool) -> tuple[Offer, ...]:
    """The ways to try, the best first; none that needs the pod to reach us where it can not."""
    usable = [one for one in offers if reached or one.kind is ChannelKind.WEBSOCKET]
    return tuple(sorted(usable, key=lambda one: one.kind.value != first))


def reachable(public_url: str, pod_url: str) -> bool:
    """Whether a pod may reach us at all: one that is elsewhere cannot call this machine by its own name."""
    return not _is_local(public_url) or _is_local(pod_url)


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _plan_next(world: World, watched: Watched, problem: str | None, had: int) -> None:
    """When to see to it again: at once if a slow pod only used up this turn, else ever more seldom."""
    now, consent_id = world.clock.now(), watched.stored.record.consent_id
    settings = world.settings.notifications
    async with world.store.transaction() as tx:
        row = await tx.watches.one(consent_id)
        if row is None:
            return
        rows = await tx.watches.channels(consent_id)
        if problem == FetchTimedOut.code and await tx.watches.progress(consent_id) > had:
            await tx.watches.tried(consent_id, now + _CLAIM, 0, None)
            await watching.promise(tx, consent_id)
            return
        tries = row.tries + 1 if problem else 0
        ends = [one.channel.ends for one in rows if one.channel.ends]
        at = (
            now + timedelta(seconds=next_pause(settings.retry_seconds, row.tries)) if problem else now + _REST
        )
        if ends and not problem:
            at = max(min(ends) - timedelta(days=settings.renew_days), now + timedelta(minutes=1))
        await tx.watches.tried(consent_id, at, tries, problem)


async def see_to(world: World) -> int:
    """What housekeeping does: consents not watched yet, what an ended watch left, and watches whose time has
    come; how many of these."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        behind = await tx.watches.left_behind(BATCH)
        new = await tx.watches.unwatched(await _on_change(tx), now, BATCH)
    # One consent a transaction: it waits for nobody while it holds another's row.
    await each(behind, lambda one: _soon(world, one, behind[one]), "watch.not-ended")
    await each(new, lambda one: _soon(world, one, new[one]), "watch.not-begun")
    async with world.store.transaction() as tx:
        due = await tx.watches.to_see_to(now, now + _CLAIM, BATCH)
        for consent_id in due:
            await watching.promise(tx, consent_id)
    async with world.store.transaction() as tx:
        await tx.watches.forget_hints(now)
    return len(due)


async def _soon(world: World, consent_id: str, space_id: str) -> None:
    async with world.store.transaction() as tx:
        await watching.soon(world, tx, consent_id, space_id)


async def _on_change(tx: Transaction) -> list[str]:
    spaces = [await tx.spaces.one(one) for one in await tx.spaces.ids("open")]
    return [row.agreement_digest for row in spaces if await _runs_on_change(tx, row.agreement_digest)]


async def _runs_on_change(tx: Transaction, digest: str) -> bool:
    try:
        return (await tx.spaces.agreement(digest)).rerun == ON_CHANGE
    except SolidgateError:
        return False  # one space that cannot be read holds up none of the others


async def look_at_all(world: World, tx: Transaction, consent_id: str, due: datetime) -> None:
    """Ask for a look at every watched place: for a channel that may have missed something."""
    stored = await tx.consents.one(consent_id)
    await ask(tx, consent_id, tuple(range(len(stored.record.resources))), due)
