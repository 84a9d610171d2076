"""Connections before there is a request: how many, and how long one may stay silent.

aiohttp itself has neither limit.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from asyncio import Protocol, Transport
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web

from solidgate.errors import RequestMalformed
from solidgate.web.keys import WORLD
from solidgate.web.lifecycle import LIFECYCLE, Lifecycle
from solidgate.web.middlewares import security_headers
from solidgate.web.operations import REFUSALS
from solidgate.web.problems import problem_response

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
        protocol = _Connection(server, app, loop)
        life.silent.add(protocol)
        loop.call_later(limits[1], _close_if_silent, protocol, life)
        return protocol

    return await loop.create_server(connection, sock=bound, backlog=128)


def handler_arguments(app: web.Application) -> dict[str, Any]:
    """What the runner and each connection need alike."""
    server = app[WORLD].settings.server
    return {
        "access_log": None,
        "keepalive_timeout": server.keepalive_timeout,
        "max_line_size": server.max_header_bytes,
        "max_field_size": server.max_header_bytes,
    }


def _limits(app: web.Application) -> tuple[int, float]:
    server = app[WORLD].settings.server
    return server.max_connections, server.header_timeout


def _close_if_silent(protocol: web.RequestHandler, life: Lifecycle) -> None:
    """No whole request head came in its time: a connection that only holds a place."""
    if protocol in life.silent:
        life.silent.discard(protocol)
        protocol.force_close()


class _Connection(web.RequestHandler):
    """One connection; what comes over it and is no request is refused as everything else is."""

    __slots__ = ("app",)

    def __init__(self, server: web.Server, app: web.Application, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, loop=loop, **handler_arguments(app))
        self.app = app

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A problem document where aiohttp has a line of text, and where it logs a page of lines, one."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or request.writer.output_size:
            return super().handle_error(request, status, exc, message)
        settings = self.app[WORLD].settings
        refusal = RequestMalformed(f"server.max_header_bytes = {settings.server.max_header_bytes}")
        REFUSALS.labels(refusal.code).inc()
        response = problem_response(refusal, settings.server.public_url, secrets.token_hex(8))
        response.headers.update(security_headers(settings))
        response.force_close()
        return response


class _SentAway(Protocol):
    """One more connection than allowed: told so, and closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer without reading."""
        out = cast(Transport, transport)
        out.write(_FULL)
        out.close()
