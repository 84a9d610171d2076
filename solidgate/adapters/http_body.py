"""Reading an answer's body within its caps: bytes on the wire, bytes decoded, their ratio, and the rate."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from solidgate.errors import FetchTimedOut, FetchTooLarge, FetchUnexpected

ACCEPTED_ENCODINGS = "gzip, deflate"
_STEP = 64 * 1024


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """``max_bytes`` holds for the wire and for the decoded form; times in seconds, rate in bytes a second.

    ``max_ratio`` (decoded to wire) is enforced once more than ``ratio_from`` bytes were decoded.
    """

    max_bytes: int
    max_ratio: float
    ratio_from: int
    min_rate: float
    rate_grace: float


class Body(Protocol):
    """What arrives, as ``aiohttp.StreamReader`` gives it."""

    def is_eof(self) -> bool:
        """Whether the last byte has arrived, though perhaps not been read."""
        ...

    def read_nowait(self) -> bytes:
        """What has arrived; empty at the end."""
        ...

    async def readany(self) -> bytes:
        """The same, as soon as there is something."""
        ...


def arrived(body: Body, encoding: str, max_bytes: int) -> bytes | None:
    """The whole body when it came with its head and needs no decoding, as most do; else none, and unread.

    Raises ``FetchTooLarge``.
    """
    if encoding or not body.is_eof():
        return None
    content = body.read_nowait()
    if len(content) > max_bytes:
        raise FetchTooLarge(f"more than {max_bytes} bytes")
    return content


async def read_body(body: Body, encoding: str, limits: BodyLimits) -> bytes:
    """The whole decoded body. Raises ``FetchTooLarge FetchTimedOut FetchUnexpected``."""
    decoder = _decoder(encoding)
    content = bytearray()
    wire, start = 0, asyncio.get_running_loop().time()
    while chunk := await _next(body, start, wire, limits):
        wire += len(chunk)
        if wire > limits.max_bytes:
            raise FetchTooLarge(f"more than {limits.max_bytes} bytes")
        for part in decoder.feed(chunk):
            content += part
            _check_size(len(content), wire, limits)
    decoder.finish(wire)
    return bytes(content)


async def _next(body: Body, start: float, received: int, limits: BodyLimits) -> bytes:
    """The next bytes, if they keep up: by each time t past the grace, t * min_rate bytes have come."""
    if body.is_eof():  # nothing is waited for
        return body.read_nowait()
    due = start + max(limits.rate_grace, received / limits.min_rate)
    try:
        async with asyncio.timeout_at(due):
            return await body.readany()
    except TimeoutError as slow:
        raise FetchTimedOut(f"slower than {limits.min_rate:.0f} bytes a second") from slow


def _check_size(decoded: int, wire: int, limits: BodyLimits) -> None:
    if decoded > limits.max_bytes:
        raise FetchTooLarge(f"more than {limits.max_bytes} bytes when decoded")
    if decoded > limits.ratio_from and decoded > limits.max_ratio * wire:
        raise FetchTooLarge(f"more than {limits.max_ratio:.0f} times its size when decoded")


class _Plain:
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self, wire: int) -> None:
        return


class _Zlib:
    """gzip or deflate in steps of at most 64 KiB, so that a bomb is met one step past its cap."""

    def __init__(self, gzip: bool) -> None:
        self._inflate = zlib.decompressobj(wbits=31) if gzip else None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if self._inflate is None:
            self._inflate = zlib.decompressobj(wbits=15 if _has_zlib_header(chunk) else -15)
        inflate, left, part = self._inflate, chunk, b""
        while left or len(part) == _STEP:
            if inflate.eof:
                raise FetchUnexpected("more bytes after the end of the encoded body")
            try:
                part = inflate.decompress(left, _STEP)
            except zlib.error as broken:
                raise FetchUnexpected("the body is not encoded as it says") from broken
            left = inflate.unconsumed_tail or inflate.unused_data
            yield part
            if inflate.eof and not left:
                return

    def finish(self, wire: int) -> None:
        if wire and (self._inflate is None or not self._inflate.eof):
            raise FetchUnexpected("the encoded body ends too early")


def _has_zlib_header(chunk: bytes) -> bool:
    """RFC 1950 section 2.2; some servers send raw RFC 1951 under the name deflate."""
    return len(chunk) >= 2 and chunk[0] & 0x0F == 8 and int.from_bytes(chunk[:2], "big") % 31 == 0


def _decoder(encoding: str) -> _Plain | _Zlib:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _Plain()
    if name in ("gzip", "x-gzip"):
        return _Zlib(gzip=True)
    if name == "deflate":
        return _Zlib(gzip=False)
    raise FetchUnexpected("an encoding of the body that was not asked for")
