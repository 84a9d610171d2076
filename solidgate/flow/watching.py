"""Watching: when the watch over a consent's documents begins and ends. What it does is in subscribe and look.

Here are the parts that happen in the transactions of others: of a door that opened, of a consent that ended.
"""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from solidgate.consent.record import status_at
from solidgate.errors import SolidgateError
from solidgate.flow.world import World
from solidgate.space.rerun import ON_CHANGE

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

WATCH_TASK = "solidgate.watch"
_JITTER = (0.75, 1.25)
_ENDED = (200, 202, 204, 205, 404, 410)
_log = structlog.get_logger()


async def begin(world: World, tx: Transaction, consent_id: str) -> None:
    """Watch the documents of a consent, if its terms say that changes lead to runs; in this transaction."""
    stored = await tx.consents.one(consent_id)
    agreement = await tx.spaces.agreement(stored.record.agreement_digest)
    if agreement.rerun != ON_CHANGE:
        return
    await soon(world, tx, consent_id, stored.space_id)


async def is_due(world: World, tx: Transaction, consent_id: str) -> bool:
    """Whether a consent holds and is watched, which its shared lock keeps so until the transaction ends.

    Raises ``ConsentNotFound``.
    """
    stored = await tx.consents.one(consent_id, lock="share")
    holds = status_at(stored.record, world.clock.now()).valid_for_processing
    return holds and await tx.watches.is_watched(consent_id)


async def soon(world: World, tx: Transaction, consent_id: str, space_id: str) -> None:
    """See to a consent, whose record is not read here: to its channels while it holds, else to their end."""
    now = world.clock.now()
    await tx.watches.begin(consent_id, space_id, now, next_sweep(world, now))
    await promise(tx, consent_id)


async def promise(tx: Transaction, consent_id: str) -> None:
    """See to the channels of a consent as soon as this transaction is committed."""
    await tx.jobs.defer(WATCH_TASK, {"consents": [consent_id]}, queue="looks")


async def leave(tx: Transaction, consent_id: str) -> None:
    """A consent ended: end its channels too, if it has any; in the transaction that ends it."""
    # Not locked: the sweep holds watches while it waits for consents, and here it is the other way round.
    if await tx.watches.is_watched(consent_id):
        await promise(tx, consent_id)


def send_to(world: World, secret: str) -> str:
    """The address that a pod is given, and that nobody can guess."""
    return f"{world.public_url}notifications/{secret}"


def next_sweep(world: World, now: datetime) -> datetime:
    """When to look although nothing was told: about once in ``notifications.sweep_seconds``."""
    seconds = world.settings.notifications.sweep_seconds * random.uniform(*_JITTER)
    return now + timedelta(seconds=seconds)


async def forget(world: World, person_id: str) -> tuple[str, ...]:
    """Before an erasure: end the person's channels at their pods as well as anybody can, in bounded time.

    A Community Solid Server lets whoever knows a channel end it. What is left is returned, by the channels'
    addresses: it lapses by itself, and its address here is unknown from the erasure on.
    """
    async with world.store.transaction() as tx:
        left = {row.channel.id: row for row in await tx.watches.of_person(person_id)}

    async def one(address: str) -> None:
        limit = world.settings.http.max_acl_bytes
        try:
            reply = await world.fetcher.fetch("DELETE", address, max_bytes=limit)
        except SolidgateError as fault:
            _log.info("subscription.not-ended", code=fault.code)
            return
        if reply.status in _ENDED:
            del left[address]
        else:
            _log.info("subscription.not-ended", status=reply.status)

    try:
        async with asyncio.timeout(world.settings.consent.withdraw_wait_seconds):
            await asyncio.gather(*(one(address) for address in list(left)))
    except TimeoutError:
        _log.info("subscription.not-ended", code="fetch.timed-out")
    return tuple(left)
