"""Quiet: the wait, after an end, until nothing is under way for a consent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from solidgate.errors import StoreUnavailable
from solidgate.flow.finish import STOP_CHANNEL
from solidgate.flow.world import World

POLL_SECONDS = 0.05
_TELL_AGAIN = 20


async def quiet(world: World, consent_ids: Sequence[str]) -> None:
    """Wait for open leases, at most as long as the setting says; a worker may have missed the notice."""
    deadline = world.clock.monotonic() + world.settings.consent.withdraw_wait_seconds
    for look in range(1, 1_000_000):
        with suppress(StoreUnavailable):  # the end is stored; leases end by themselves
            async with world.store.transaction() as tx:
                if not await tx.leases.open(consent_ids):
                    return
                if look % _TELL_AGAIN == 0:
                    await tx.jobs.notify(STOP_CHANNEL, [f"*:{one}" for one in consent_ids])
        if world.clock.monotonic() >= deadline:
            return
        await asyncio.sleep(POLL_SECONDS)
