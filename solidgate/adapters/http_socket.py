"""WebSockets on the one guarded way out: the same check of the address that is dialled, the same TLS.

A socket lasts, so it has connections of its own: listening never takes a place from a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

from solidgate.adapters.http import REDIRECTS, GuardedFetcher
from solidgate.adapters.http_dial import translated
from solidgate.errors import FetchTimedOut, FetchUnexpected

_PING_SECONDS = 30.0
_HTTP_SCHEME = {"ws": "http", "wss": "https"}


async def _stay(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp follows the redirects of a socket by itself, and cannot be told not to."""
    response = await handler(request)
    if response.status in REDIRECTS:
        response.close()
        raise FetchUnexpected(f"the socket answered {response.status}")
    return response


class GuardedSockets(GuardedFetcher):
    """A guarded fetcher that also listens; close it with ``aclose``."""

    _middlewares = (_stay,)

    async def frames(self, url: str, max_bytes: int) -> AsyncIterator[bytes | None]:
        """None once the socket is open, then each text frame, empty ones too; ends when the server closes it.

        A redirect is refused, because its target would pass by the checks of the address. A server that does
        not answer pings is gone. Raises ``AddressRefused FetchTimedOut FetchUnreachable FetchUnexpected``.
        """
        scheme, _, rest = url.partition(":")
        address = self._addresses.checked(f"{_HTTP_SCHEME.get(scheme, '')}:{rest}")
        socket = await self._open(address.url, max_bytes)
        try:
            yield None
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    yield message.data.encode()
                elif message.type is aiohttp.WSMsgType.ERROR:
                    raise FetchUnexpected("the socket broke off, or sent too long a frame")
        finally:
            await socket.close()

    async def _open(self, address: URL, max_bytes: int) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(self._policy.total_timeout):
                return await self._opened().ws_connect(
                    address, heartbeat=_PING_SECONDS, max_msg_size=max_bytes, compress=0
                )
        except TimeoutError as late:
            raise FetchTimedOut("the socket did not open") from late
        except aiohttp.WSServerHandshakeError as refused:
            raise FetchUnexpected(f"the socket answered {refused.status}") from refused
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise translated(fault) from fault
