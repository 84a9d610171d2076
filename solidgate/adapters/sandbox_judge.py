"""The host's end of a zygote that validates: a fork for one result, or one that judges small ones in a row.

A row is broken off by whatever is unusual. What comes out of it is one byte for each result, and only a yes
counts: everything else is looked at again in a fork that has seen nobody else's result.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket

from solidgate.adapters.sandbox_command import Command
from solidgate.adapters.sandbox_zygote import Ended, ZygoteDied, ZygoteProcess
from solidgate.derived import ntriples
from solidgate.sandbox import wire
from solidgate.sandbox.judging import MOST_BYTES, YES
from solidgate.sandbox.limits import Limits

ROW_SECONDS = 60.0
"""How long a row's process lives at most."""
SOON_SECONDS = 1.0
"""A verdict that takes longer is not of the usual ones."""
_ENDING_SECONDS = 5.0


def may_be_judged_in_a_row(content: bytes) -> bool:
    """Small, not empty, and plain N-Triples: nothing nested or unknown reaches that process' parser."""
    return 0 < len(content) <= MOST_BYTES and ntriples.is_plain(content)


class ValidatorProcess(ZygoteProcess):
    """One zygote for validation. Serves one job at a time."""

    def __init__(self, command: Command, frame: bytes) -> None:
        super().__init__(command, frame)
        self._row: socket.socket | None = None
        self._shapes = b""
        self._judged = 0
        self._row_ends = 0.0

    async def conforms(self, shapes: bytes, content: bytes, limits: Limits, in_a_row: int) -> bool:
        """Whether the row's process said yes, which judges at most ``in_a_row``. Raises ``ZygoteDied``.

        ``limits`` bound the process for as long as it lives. When this raises, also by cancellation, the
        process is dead.
        """
        try:
            if self._judged >= in_a_row:
                await self._end_row()
            row = await self._row_for(shapes, limits)
            self._judged += 1
            return await self._asked(row, content, min(SOON_SECONDS, limits.wall_seconds)) == YES
        except OSError as problem:
            await self.aclose()
            raise ZygoteDied from problem
        except BaseException:
            await self.aclose()
            raise

    async def run(self, job: int, result: int, limits: Limits) -> Ended:
        """A fork for one result, after the row's end."""
        await self._end_row()
        return await super().run(job, result, limits)

    async def _row_for(self, shapes: bytes, limits: Limits) -> socket.socket:
        now = asyncio.get_running_loop().time()
        if now >= self._row_ends or shapes != self._shapes:
            await self._end_row()
        if self._row is None:
            self._row = self._begun_row(shapes, limits)
            self._shapes, self._judged, self._row_ends = shapes, 0, now + ROW_SECONDS / 2
        return self._row

    def _begun_row(self, shapes: bytes, limits: Limits) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        job = wire.sealed(wire.pack({"task": "judge"}, [shapes]))
        try:
            self._order(job, theirs.fileno(), dataclasses.replace(limits, wall_seconds=ROW_SECONDS))
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(job)
        return ours

    async def _asked(self, row: socket.socket, content: bytes, seconds: float) -> bytes:
        row.send(content)
        return await self._receive(seconds, row)

    async def _end_row(self) -> None:
        """The process reads the end of its channel and ends; the zygote says when it has."""
        if self._row is None:
            return
        self._row.close()
        self._row = None
        try:
            await self._receive(_ENDING_SECONDS)
        except BaseException:
            await self.aclose()  # else its word would be taken for the end of the next job
            raise

    def _kill(self) -> None:
        super()._kill()
        if self._row is not None:
            self._row.close()
            self._row = None
