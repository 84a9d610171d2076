"""Listen: WebSocket channels, for pods that cannot reach us. The worker dials them, on the guarded way out.

A channel belongs to one worker for as long as it renews its claim. A connection that breaks is opened again
after a pause; each one begins with a look, because nobody tells what was said meanwhile.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from solidgate.errors import ConsentNotFound, InternalFault, SolidgateError, TooManyRequests
from solidgate.flow.journey import Enclave
from solidgate.flow.notified import heard
from solidgate.flow.subscribe import look_at_all
from solidgate.pod.notification import ChannelKind
from solidgate.run.watch import ChannelRow, next_pause

CLAIM_SECONDS = 30.0
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 300.0
_LASTING_SECONDS = 60.0
_log = structlog.get_logger()


@dataclass(slots=True)
class Listener:
    """The sockets of one worker. ``claim_seconds`` is how long a channel stays its own without renewal."""

    enclave: Enclave
    claim_seconds: float = CLAIM_SECONDS
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Listen for as long as the worker runs."""
        try:
            while True:
                try:
                    await self.turn()
                except SolidgateError as fault:
                    _log.warning("sockets.not-claimed", code=fault.code)
                await asyncio.sleep(self.claim_seconds / 3)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Leave every socket."""
        await self._end(list(self._tasks))

    async def turn(self) -> int:
        """Claim channels, open those that are new, and leave those that ended; how many are listened to."""
        world = self.enclave.world
        most = world.settings.notifications.sockets
        if self.enclave.channels is None or not most:
            return 0
        now = world.clock.now()
        async with world.store.transaction() as tx:
            rows = await tx.watches.claim_sockets(
                ChannelKind.WEBSOCKET,
                now,
                now + timedelta(seconds=self.claim_seconds),
                list(self._tasks),
                most,
            )
        await self._end([one for one in self._tasks if one not in {row.channel_id for row in rows}])
        for row in rows:
            if row.channel_id not in self._tasks:
                self._tasks[row.channel_id] = asyncio.create_task(self._keep_open(row))
        return len(rows)

    async def _end(self, ids: list[str]) -> None:
        ended = [self._tasks.pop(one) for one in ids]
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    async def _keep_open(self, row: ChannelRow) -> None:
        tries = 0
        while True:
            opened = asyncio.get_running_loop().time()
            try:
                await self._listen(row)
            except SolidgateError as fault:
                _log.info("socket.lost", channel=row.channel_id, code=fault.code)
            except Exception as fault:  # noqa: BLE001 - one channel's fault holds up none of the others
                _log.error("socket.lost", channel=row.channel_id, code=InternalFault.code, exc_info=fault)
            lasted = asyncio.get_running_loop().time() - opened
            tries = 0 if lasted > _LASTING_SECONDS else tries + 1
            pause = next_pause(_FIRST_PAUSE, tries, _LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _listen(self, row: ChannelRow) -> None:
        world, channels = self.enclave.world, self.enclave.channels
        assert channels is not None, "turn opens nothing without"
        async for frame in channels.frames(row.channel):
            if frame is None:
                await self._look(row)
                continue
            try:
                await heard(world, row, frame)
            except TooManyRequests as full:
                # Nothing is read meanwhile: what the pod sends too fast fills its own end, not our database.
                await asyncio.sleep(full.retry_after)
            except SolidgateError as fault:
                # A frame that is no notification is that frame's fault alone.
                _log.debug("socket.no-notification", channel=row.channel_id, code=fault.code)

    async def _look(self, row: ChannelRow) -> None:
        world = self.enclave.world
        due = world.clock.now() + timedelta(seconds=world.settings.notifications.settle_seconds)
        with suppress(ConsentNotFound):
            async with world.store.transaction() as tx:
                await look_at_all(world, tx, row.consent_id, due)
