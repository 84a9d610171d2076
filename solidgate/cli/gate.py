"""``solidgate gate``: one gate process; ``serve`` starts as many as the settings say."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import Annotated

import uvloop
from cyclopts import Parameter

from solidgate.adapters.postgres import shared_postgres
from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.parent import follow_parent, leave_no_core
from solidgate.compose import open_world
from solidgate.flow.erase import finish_erasures
from solidgate.logs import logger
from solidgate.settings import Settings
from solidgate.web.app import make_app, make_runner
from solidgate.web.connections import listen
from solidgate.web.lifecycle import LIFECYCLE

_log = logger("gate")


def gate(
    *,
    host: str,
    port: int,
    with_parent: Annotated[bool, Parameter(show=False)] = False,
    common: Common = DEFAULTS,
) -> None:
    """Answer requests on one address until SIGTERM; the database must have been migrated."""
    leave_no_core()
    settings = common.settings()
    if with_parent:
        follow_parent()
    with shared_postgres(settings.database.url.get_secret_value(), settings.server.data_folder) as url:
        uvloop.run(_answer(settings, url, host, port))


async def _answer(settings: Settings, url: str, host: str, port: int) -> None:
    stopping = _stop_signal()
    async with open_world(settings, url) as world:
        await finish_erasures(world)
        app = make_app(world)
        runner = make_runner(app)
        await runner.setup()
        try:
            listener = await listen(runner, listening_socket(host, port))
            _log.info("gate.listening", host=host, port=port, pid=os.getpid())
            await stopping.wait()
            app[LIFECYCLE].draining = True
            listener.close()
            _log.info("gate.draining", count=app[LIFECYCLE].under_way, pid=os.getpid())
        finally:
            # Closes idle connections, then waits up to server.shutdown_seconds for what is under way.
            await runner.cleanup()
    _log.info("gate.stopped", pid=os.getpid())


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that shares its port with the other gate processes."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((host, port))
    bound.setblocking(False)
    return bound


def _stop_signal() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; the second ends the process at once."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def ask() -> None:
        if asked.is_set():
            os._exit(1)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    return asked
