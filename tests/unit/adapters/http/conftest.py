"""A small HTTP server on loopback and a fetcher that may call it."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy


class WallClock:
    """Implements ``ports.Clock`` on the machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class RecordingSockets:
    """Counts every socket that the fetcher opens, by address."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    def __call__(self, address: aiohttp.AddrInfoType) -> socket.socket:
        self.dialled.append(str(address[4][0]))
        return socket.socket(family=address[0], type=address[1], proto=address[2])


@pytest.fixture
def wall_clock() -> WallClock:
    return WallClock()


@pytest.fixture
def sockets() -> RecordingSockets:
    return RecordingSockets()


FetcherFactory = Callable[..., GuardedFetcher]


@pytest.fixture
async def make_fetcher(sockets: RecordingSockets) -> AsyncIterator[FetcherFactory]:
    made: list[GuardedFetcher] = []

    def make(*, resolver: aiohttp.abc.AbstractResolver | None = None, **policy: object) -> GuardedFetcher:
        settings = FetchPolicy(**{"allow_private_addresses": True, **policy})  # type: ignore[arg-type]
        made.append(GuardedFetcher(settings, WallClock(), resolver=resolver, open_socket=sockets))
        return made[-1]

    yield make
    for fetcher in made:
        await fetcher.aclose()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server that answers everything with one handler; gives its root address."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield start
    for runner in runners:
        await runner.cleanup()
