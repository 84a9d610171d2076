"""Unsubscribe: the channels of a consent that ended are ended at its pod, and then forgotten here."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from solidgate.flow.each import each
from solidgate.flow.journey import Enclave
from solidgate.ports import Access
from solidgate.run.watch import ChannelRow, next_pause

ATTEMPTS = 5


async def end(enclave: Enclave, consent_id: str) -> None:
    """End the watch of a consent that does not hold any more; one that holds, nobody touches here.

    Waits for whoever still works for the consent: a channel may be on its way to them.
    """
    world, now = enclave.world, enclave.world.clock.now()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id)
        row = await tx.watches.one(consent_id)
        if row is None or stored.record.latest.status.valid_for_processing:
            return  # somebody else sees to it at this moment
        if await tx.leases.open([consent_id]):
            later = now + timedelta(seconds=world.settings.notifications.look_seconds)
            await tx.watches.tried(consent_id, later, row.tries, None)
            return
        rows = await tx.watches.channels(consent_id)
    left = await end_at_pod(enclave, await enclave.keys.access_for(stored.space_id), rows)
    async with world.store.transaction() as tx:
        again = row.tries + 1 if left else 0
        if left and again < ATTEMPTS:
            pause = next_pause(world.settings.notifications.retry_seconds, row.tries)
            await tx.watches.tried(
                consent_id, world.clock.now() + timedelta(seconds=pause), again, "pod.unavailable"
            )
            return
        # After so many tries the channel lapses by itself; its address here is unknown from now on.
        await tx.watches.end(consent_id)
        await tx.reruns.drop_look(consent_id)


async def end_at_pod(enclave: Enclave, access: Access, rows: tuple[ChannelRow, ...]) -> int:
    """End channels, and forget each that the pod has ended; how many are left."""
    if enclave.channels is None:
        return 0
    known = {row.channel_id: row for row in rows}
    ended = await each(known, lambda one: _drop(enclave, access, known[one]), "subscription.not-ended")
    return len(rows) - ended


async def _drop(enclave: Enclave, access: Access, row: ChannelRow) -> None:
    world = enclave.world
    if enclave.channels is not None:
        async with asyncio.timeout(world.settings.notifications.look_seconds):
            await enclave.channels.unsubscribe(access, row.channel)
    async with world.store.transaction() as tx:
        await tx.watches.drop(row.channel_id)
