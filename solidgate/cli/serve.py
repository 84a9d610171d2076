"""``solidgate serve``: starts the database, the gate processes and a worker, and keeps them up."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now
from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.gate import listening_socket
from solidgate.errors import BadSetting, SolidgateError
from solidgate.logs import logger
from solidgate.settings import Settings

_log = logger("serve")

STEADY_SECONDS = 60.0
LONGEST_PAUSE = 30.0
GRACE_SECONDS = 3.0


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    common: Common = DEFAULTS,
) -> int:
    """Start all that this machine needs: database, gate and worker. SIGTERM drains; a second ends at once.

    Parameters
    ----------
    host
        Address to listen on, instead of server.host.
    port
        Port to listen on, instead of server.port; 0 takes a free one.
    """
    given = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    settings = common.settings({"server": given} if given else None)
    settings.server.data_folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        reserved = stack.enter_context(reserve(settings.server.host, settings.server.port))
        database = _database(settings, stack)
        counters = stack.enter_context(counter_folder(settings.server.data_folder))
        children = _children(settings, common, reserved.getsockname()[1], str(counters))
        return asyncio.run(Supervisor(children, database, settings.server.shutdown_seconds).run())


def reserve(host: str, port: int) -> socket.socket:
    """Hold the port without listening, for our processes and nobody else's. Raises ``BadSetting``."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            free = probe.getsockname()[1]
        return listening_socket(host, free)
    except OSError as fault:
        raise BadSetting(
            f"server.host and server.port: cannot listen on {host}:{port} ({fault.strerror})"
        ) from None


@contextmanager
def counter_folder(data_folder: Path) -> Iterator[Path]:
    """Where our processes add up their metrics; what a killed serve left behind is removed."""
    root = data_folder / "metrics"
    for left in root.glob("[0-9]*"):
        if not _is_running(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
    own = root / str(os.getpid())
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _database(settings: Settings, stack: ExitStack) -> EmbeddedPostgres | None:
    """Start and migrate the database; the embedded server, when it is ours to keep up."""
    url, server = settings.database.url.get_secret_value(), None
    if not url:
        server = EmbeddedPostgres(settings.server.data_folder)
        url = server.start()
        stack.callback(server.stop)
    revision = migrate_now(url)
    _log.info("serve.database-ready", revision=revision)
    return server


def _children(settings: Settings, common: Common, port: int, counters: str) -> list[Child]:
    config = ["--config", str(common.config)] if common.config else []
    place = ["--host", settings.server.host, "--port", str(port)]
    environment = {"PROMETHEUS_MULTIPROC_DIR": counters}
    found = [
        Child(f"gate-{number}", ["gate", *place, "--with-parent", *config], environment)
        for number in range(settings.server.processes)
    ]
    if settings.server.with_worker:
        found.append(Child("worker", ["worker", "--with-parent", *config], environment))
    return found


@dataclass(slots=True)
class Child:
    """One process that is started again when it dies, later each time it dies young."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str]
    process: asyncio.subprocess.Process | None = None
    pause: float = 0.5
    _began: float = field(default=0.0)

    async def keep_up(self, stopping: asyncio.Event) -> None:
        """Start it, wait for its end, start it again; until ``stopping``."""
        while not stopping.is_set():
            await self._start()
            assert self.process is not None
            status = await self.process.wait()
            if stopping.is_set():
                return
            _log.error("serve.child-died", process=self.name, exit=status)
            self.pause = 0.5 if time.monotonic() - self._began > STEADY_SECONDS else self.pause * 2
            await _or_stop(stopping, min(self.pause, LONGEST_PAUSE))

    async def _start(self) -> None:
        self._began = time.monotonic()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "solidgate.cli.main",
            *self.arguments,
            stdin=asyncio.subprocess.PIPE,
            env=os.environ | self.environment,
            start_new_session=True,
        )
        _log.info("serve.child-started", process=self.name, pid=self.process.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it is running."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)


class Supervisor:
    """Keeps children and embedded database up, and brings them down in order."""

    def __init__(
        self, children: Sequence[Child], database: EmbeddedPostgres | None, shutdown_seconds: float
    ) -> None:
        self._children = children
        self._database = database
        self._shutdown_seconds = shutdown_seconds
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()

    async def run(self) -> int:
        """Until SIGTERM or SIGINT; 0 after a whole drain, 1 when something had to be killed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._asked)
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(child.keep_up(self._stopping))
            if self._database is not None:
                group.create_task(self._keep_database(self._database))
            await self._stopping.wait()
            _log.info("serve.stopping", seconds=self._shutdown_seconds)
            return await self._bring_down()

    def _asked(self) -> None:
        (self._at_once if self._stopping.is_set() else self._stopping).set()

    async def _keep_database(self, server: EmbeddedPostgres) -> None:
        while not self._stopping.is_set():
            try:
                if await asyncio.to_thread(server.ensure):
                    _log.error("serve.database-restarted")
            except SolidgateError as error:
                _log.error("serve.database-down", code=error.code, detail=error.detail)
            await _or_stop(self._stopping, 1.0)

    async def _bring_down(self) -> int:
        running = [child.process for child in self._children if child.process is not None]
        for child in self._children:
            child.send(signal.SIGTERM)
        ended = asyncio.ensure_future(_all_ended(running))
        hurried = asyncio.ensure_future(self._at_once.wait())
        await asyncio.wait(
            [ended, hurried],
            timeout=self._shutdown_seconds + GRACE_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurried.cancel()
        if ended.done():
            return 0
        for child in self._children:
            child.send(signal.SIGKILL)
        await ended
        return 1


async def _all_ended(running: Sequence[asyncio.subprocess.Process]) -> bool:
    return all([await process.wait() >= 0 for process in running])


async def _or_stop(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
