"""The parent of forks: libraries warm, data none. It lives inside the jail, for one program or view.

It reads no job and no result: descriptors go from the host straight to the fork. It watches two things, the
control socket and the fork's pidfd, so that a ``kill`` ends the fork at once and a deadline is a deadline.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

if __name__ == "__main__":  # started as a file, isolated: the search path is an argument
    sys.path.extend(json.loads(sys.argv[1])["path"])

from solidgate.sandbox import jail, tasks, wire
from solidgate.sandbox.libraries import preload
from solidgate.sandbox.wire import Ending, Kind

_MOST_COMPILED = 64 * 1024 * 1024


def prepare(header: dict[str, Any], blobs: list[bytes]) -> tasks.Preloaded:
    """What the first frame brings: the program's files (kept as bytes), or a view (loaded into a store)."""
    if header["holds"] == "files":
        return tasks.Preloaded(files=dict(zip(header["names"], blobs, strict=True)))
    if header["holds"] == "view":
        from solidgate.sandbox.querying import load

        return tasks.Preloaded(view=load(blobs[0]))
    return tasks.Preloaded()


class Zygote:
    """Serves one job at a time from the control socket until the host closes it."""

    def __init__(self, control: socket.socket, bars: jail.Bars, preloaded: tasks.Preloaded) -> None:
        self._control = control
        self._bars = bars
        self._preloaded = preloaded

    def serve(self) -> None:
        while True:
            content, descriptors = self._receive()
            if not content:
                return
            order = wire.parse_message(content)
            if order["do"] == "run":
                self._run(order, *descriptors)

    def _receive(self) -> tuple[bytes, list[int]]:
        content, descriptors, _, _ = socket.recv_fds(self._control, wire.MESSAGE_BYTES, 2)
        return content, descriptors

    def _run(self, order: dict[str, Any], job: int, result: int) -> None:
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            self._be_fork(order, parent, job, result)
        os.close(job)
        os.close(result)
        ending, status = self._watch(child, order["wall_seconds"])
        self._control.send(wire.message(ending=ending, status=status))

    def _watch(self, child: int, wall_seconds: float) -> tuple[Ending, int]:
        """Wait for the fork's end, a kill, the deadline, or the host's; the fork is dead on return."""
        deadline = time.monotonic() + wall_seconds
        handle = os.pidfd_open(child)
        try:
            cause = self._first_cause(handle, deadline)
            if cause is not None:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            _, status, _ = os.wait4(child, 0)
        finally:
            os.close(handle)
        if cause is not None:
            return cause, signal.SIGKILL
        if os.WIFSIGNALED(status):
            return Ending.SIGNAL, os.WTERMSIG(status)
        return Ending.EXIT, os.WEXITSTATUS(status)

    def _first_cause(self, handle: int, deadline: float) -> Ending | None:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
        if handle in ready:
            return None
        if not ready:
            return Ending.WALL
        if not self._control.recv(wire.MESSAGE_BYTES):
            return Ending.KILLED  # the host is gone: the fork ends first, then serve() does
        return Ending.KILLED

    def _be_fork(self, order: dict[str, Any], parent: int, job: int, result: int) -> NoReturn:
        try:
            jail.detach(parent, (job, result, *self._bars.kept))
            allowance = jail.Allowance(
                order["cpu_seconds"], order["memory_bytes"], order["output_bytes"] + wire.RESULT_HEAD_BYTES
            )
            jail.confine(self._bars, allowance)
            tasks.run(job, result, self._preloaded, order["output_bytes"])
            os._exit(0)
        except BaseException:  # noqa: BLE001 (a fork never returns)
            os._exit(1)


def proven(policy: jail.Policy) -> tuple[jail.Policy, jail.Bars]:
    """The policy, if a fork under it is refused what it must be; else one that claims nothing."""
    with contextlib.suppress(OSError):
        bars = jail.bars(policy)
        if _holds(policy, bars):
            return policy, bars
    nothing = jail.Policy(policy.roots, 0, "")
    return nothing, jail.bars(nothing)


def _holds(policy: jail.Policy, bars: jail.Bars) -> bool:
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            jail.detach(parent, bars.kept)
            jail.confine(bars, jail.Allowance(5, 1 << 32, 1 << 16))
            os._exit(0 if jail.holds(policy) else 1)
        except BaseException:  # noqa: BLE001 (a fork never returns)
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def compiled(bars: jail.Bars, files: Mapping[str, bytes]) -> bytes:
    """The program's modules, compiled once for all forks, or nothing if that took too much.

    Its source is a stranger's, so a confined fork does it, before there is anybody's data. What it leaves is
    as trustworthy as the source, and is only ever read by a fork that would run the source.
    """
    parent, room = os.getpid(), wire.room(_MOST_COMPILED)
    child = os.fork()
    if child == 0:
        try:
            from solidgate.sandbox import program

            jail.detach(parent, (room, *bars.kept))
            jail.confine(bars, jail.Allowance(5, 1 << 30, _MOST_COMPILED + wire.RESULT_HEAD_BYTES))
            wire.write_result(room, wire.Outcome.OK, program.compiled(files))
            os._exit(0)
        except BaseException:  # noqa: BLE001 (a fork never returns)
            os._exit(1)
    os.waitpid(child, 0)
    try:
        return wire.read_result(room, _MOST_COMPILED)[1]
    except wire.Malformed:
        return b""
    finally:
        os.close(room)


def main() -> None:
    """Announce the policy, take the first frame, warm up, serve."""
    settings = json.loads(sys.argv[1])
    os.environ.clear()
    control = socket.socket(fileno=0)
    control.settimeout(None)
    policy = jail.available(settings["roots"])
    content, descriptors, _, _ = socket.recv_fds(control, wire.MESSAGE_BYTES, 1)
    if not content:
        return
    header, blobs = wire.unpack(descriptors[0])
    os.close(descriptors[0])
    preloaded = prepare(header, blobs)
    del header, blobs
    preload(Kind(settings["kind"]), named_in=preloaded.files or None)
    policy, bars = proven(policy)
    if preloaded.files:
        preloaded = dataclasses.replace(preloaded, modules=compiled(bars, preloaded.files))
    gc.collect()
    gc.freeze()
    control.send(wire.message(landlock=policy.landlock, seccomp=policy.seccomp))
    Zygote(control, bars, preloaded).serve()


if __name__ == "__main__":
    main()
