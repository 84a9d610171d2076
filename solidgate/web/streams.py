"""Server-sent events (HTML living standard, section 9.2): one way to send a stream, and how many at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import orjson
from aiohttp import web

from solidgate.errors import SolidgateError, TooManyRequests
from solidgate.settings import Progress
from solidgate.web.keys import STREAMS, WORLD
from solidgate.web.lifecycle import LIFECYCLE
from solidgate.web.represent import plain

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second is for nginx
_RETRY_MILLISECONDS = 2000
_ID = 64


@dataclass(frozen=True, slots=True)
class Message:
    """One event: where a browser goes on after it, its kind, and its data."""

    id: str
    kind: str
    data: Mapping[str, object]

    def frame(self) -> bytes:
        """The event on the wire; JSON has no line break, so its data is one line."""
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (
            self.id.encode(),
            self.kind.encode(),
            orjson.dumps(plain(self.data)),
        )


def last_event_id(request: web.Request) -> str:
    """Where the browser stopped; empty at the first time."""
    return request.headers.get("Last-Event-ID", "")[:_ID]


async def send(request: web.Request, who: str, source: AsyncIterator[Message | None]) -> web.StreamResponse:
    """The source's messages as they come; 204, which ends a browser's retries, when there will be none.

    ``None`` from the source is a look without news: after ``progress.heartbeat_seconds`` of them a remark is
    sent. Raises ``TooManyRequests`` beyond ``progress.streams`` of one session or caller, and what the source
    raises before its first message.
    """
    limits = request.app[WORLD].settings.progress
    open_streams = request.app[STREAMS]
    if open_streams[who] >= limits.streams:
        raise TooManyRequests(f"at most {limits.streams} streams at once (progress.streams)")
    open_streams[who] += 1
    try:
        async with aclosing(source):  # type: ignore[type-var]
            return await _sent(request, source, limits)
    finally:
        open_streams[who] -= 1
        if not open_streams[who]:
            del open_streams[who]


async def _sent(
    request: web.Request, source: AsyncIterator[Message | None], limits: Progress
) -> web.StreamResponse:
    try:
        first = await anext(source)
    except StopAsyncIteration:
        return web.Response(status=204, headers=_HEADERS)
    response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        await response.write(b"retry: %d\n\n" % _RETRY_MILLISECONDS)
        await _pump(request, response, first, source, limits)
        await response.write_eof()
    except ConnectionError:
        pass  # the browser went away: nothing is left to be told
    return response


async def _pump(
    request: web.Request,
    response: web.StreamResponse,
    first: Message | None,
    source: AsyncIterator[Message | None],
    limits: Progress,
) -> None:
    """Send until the source ends, the stream has had its time, or the gate is to stop."""
    clock, life = request.app[WORLD].clock, request.app[LIFECYCLE]
    began = spoke = clock.monotonic()
    message: Message | None = first
    while True:
        now = clock.monotonic()
        if message is not None or now - spoke >= limits.heartbeat_seconds:
            await response.write(message.frame() if message else b": still here\n\n")
            spoke = now
        if _gone(request) or life.draining or now - began >= limits.stream_seconds:
            return
        try:
            message = await anext(source)
        except StopAsyncIteration:
            return
        except SolidgateError:
            return  # erased, or no longer allowed: the page that the browser then asks for says so


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
