"""The host's end of one zygote: start it, hand it jobs, see them dead.

Nothing here parses what a fork wrote: a job ends with how the fork ended and the descriptor of what it left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from solidgate.adapters.sandbox_command import Command
from solidgate.sandbox import wire
from solidgate.sandbox.limits import Limits
from solidgate.sandbox.wire import Ending

_ANSWER_SECONDS = 5.0  # how long a zygote may take to say that its fork is dead


class ZygoteDied(Exception):
    """The zygote ended or fell silent; whatever ran in it is gone with it."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a zygote proved about its own jail: a Landlock version, the architecture of its seccomp filter."""

    landlock: int
    seccomp: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a fork ended: an exit status or a signal number."""

    ending: Ending
    status: int


async def _uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Finish ``work`` even if the caller is cancelled again meanwhile."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


class ZygoteProcess:
    """One zygote. Serves one job at a time; not for sharing between two."""

    def __init__(self, command: Command, frame: bytes) -> None:
        """Start the process and hand it its first frame. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        told, telling = os.pipe()
        self._control = ours
        self._root: int | None = None  # pidfd of the first process inside: its end is the end of all of them
        arguments = list(command.arguments)
        if command.namespaces:
            arguments[1:1] = ["--info-fd", str(telling)]
        try:
            self._process = subprocess.Popen(
                arguments,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(telling,),
                env=dict(command.environment),
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            ours.close()
            os.close(told)
            raise
        finally:
            theirs.close()
            os.close(telling)
        self._told = told if command.namespaces else -1
        if not command.namespaces:
            os.close(told)
        self._hand_over(frame)

    def _hand_over(self, frame: bytes) -> None:
        descriptor = wire.sealed(frame, "first")
        try:
            socket.send_fds(self._control, [wire.message(first=True)], [descriptor])
        except OSError:
            pass  # it died at once: the wait for its readiness says so
        finally:
            os.close(descriptor)

    def ready(self, seconds: float) -> Readiness:
        """Wait, blocking, until the zygote has said what it holds. Raises ``ZygoteDied``."""
        if not select.select([self._control], [], [], seconds)[0]:
            raise ZygoteDied
        return self._readiness(self._take())

    async def became_ready(self, seconds: float) -> Readiness:
        """The same without blocking."""
        return self._readiness(await self._receive(seconds))

    def _readiness(self, content: bytes) -> Readiness:
        fields = wire.parse_message(content)
        if self._told >= 0:
            self._root = _root_of(self._told)
            self._told = -1
        self._control.setblocking(False)
        return Readiness(int(fields["landlock"]), str(fields["seccomp"]))

    def _take(self, source: socket.socket | None = None) -> bytes:
        try:
            content = (source or self._control).recv(wire.MESSAGE_BYTES)
        except OSError as problem:
            raise ZygoteDied from problem
        if not content:
            raise ZygoteDied
        return content

    async def _receive(self, seconds: float, source: socket.socket | None = None) -> bytes:
        """The next message. Raises ``ZygoteDied`` on its end or when nothing comes in time."""
        loop, source = asyncio.get_running_loop(), source or self._control
        arrived: asyncio.Future[None] = loop.create_future()

        def note() -> None:
            if not arrived.done():
                arrived.set_result(None)

        loop.add_reader(source, note)
        try:
            async with asyncio.timeout(seconds):
                await arrived
        except TimeoutError as problem:
            raise ZygoteDied from problem
        finally:
            loop.remove_reader(source)
        return self._take(source)

    async def run(self, job: int, result: int, limits: Limits) -> Ended:
        """Let a fork do the job. When this returns or raises, also by cancellation, the fork is dead.

        Raises ``ZygoteDied``.
        """
        self._order(job, result, limits)
        try:
            return _ended(await self._receive(limits.wall_seconds + _ANSWER_SECONDS))
        except asyncio.CancelledError:
            await _uninterrupted(self._stop())
            raise

    def _order(self, job: int, result: int, limits: Limits) -> None:
        order = wire.message(
            do="run",
            cpu_seconds=limits.cpu_seconds,
            wall_seconds=limits.wall_seconds,
            memory_bytes=limits.memory_bytes,
            output_bytes=limits.output_bytes,
        )
        try:
            socket.send_fds(self._control, [order], [job, result])
        except OSError as problem:
            raise ZygoteDied from problem

    async def _stop(self) -> None:
        try:
            self._control.send(wire.message(do="kill"))
            await self._receive(_ANSWER_SECONDS)
        except (OSError, ZygoteDied):
            await self._end()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def aclose(self) -> None:
        """End the zygote and everything in it; on return it is dead."""
        await _uninterrupted(self._end())

    async def _end(self) -> None:
        self._kill()
        while self._process.poll() is None or not _has_ended(self._root):  # noqa: ASYNC110
            await asyncio.sleep(0.002)  # the end of a process sets no event
        self._forget()

    def close(self) -> None:
        """The same, blocking."""
        self._kill()
        self._process.wait()
        if self._root is not None:
            select.select([self._root], [], [])
        self._forget()

    def _kill(self) -> None:
        """Kill the first process inside: the kernel then ends the whole namespace before it is gone."""
        if self._root is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._root, signal.SIGKILL)
        else:
            self._process.kill()
        self._control.close()

    def _forget(self) -> None:
        for descriptor in (self._root, self._told if self._told >= 0 else None):
            if descriptor is not None:
                os.close(descriptor)
        self._root, self._told = None, -1


def _ended(content: bytes) -> Ended:
    fields = wire.parse_message(content)
    return Ended(Ending(fields["ending"]), int(fields["status"]))


def _root_of(told: int) -> int:
    """A pidfd of the process that bubblewrap names. Raises ``ZygoteDied`` when it is gone already."""
    try:
        parts = bytearray()
        while part := os.read(told, 4096):
            parts += part
            if b"}" in part:
                break
        return os.pidfd_open(int(json.loads(parts)["child-pid"]))
    except (OSError, ValueError, KeyError) as problem:
        raise ZygoteDied from problem
    finally:
        os.close(told)


def _has_ended(handle: int | None) -> bool:
    return handle is None or bool(select.select([handle], [], [], 0)[0])


Starter = Callable[[wire.Kind, bytes], ZygoteProcess]
