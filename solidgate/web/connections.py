"""Connections before there is a request: how many, and how long one may stay silent.

aiohttp itself has neither limit.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import Protocol, Transport
from typing import cast

from aiohttp import web

from solidgate.web.keys import WORLD
from solidgate.web.lifecycle import LIFECYCLE, Lifecycle

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


async def listen(runner: web.AppRunner, bound: socket.socket) -> asyncio.Server:
    """Take connections for a runner that is set up. Close the server first, then clean the runner up."""
    assert runner.server is not None
    server, app = runner.server, runner.app
    limits, life, loop = _limits(app), app[LIFECYCLE], asyncio.get_running_loop()

    def connection() -> Protocol:
        if len(server.connections) >= limits[0]:
            return _SentAway()
        protocol = server()
        life.silent.add(protocol)
        loop.call_later(limits[1], _close_if_silent, protocol, life)
        return protocol

    return await loop.create_server(connection, sock=bound, backlog=128)


def _limits(app: web.Application) -> tuple[int, float]:
    server = app[WORLD].settings.server
    return server.max_connections, server.header_timeout


def _close_if_silent(protocol: web.RequestHandler, life: Lifecycle) -> None:
    """No whole request head came in its time: a connection that only holds a place."""
    if protocol in life.silent:
        life.silent.discard(protocol)
        protocol.force_close()


class _SentAway(Protocol):
    """One more connection than allowed: told so, and closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer without reading."""
        out = cast(Transport, transport)
        out.write(_FULL)
        out.close()
