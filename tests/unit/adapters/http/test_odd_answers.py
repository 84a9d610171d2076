"""Answers that are not HTTP as it should be, byte for byte: each ends at once, in a named fault or whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.errors import FetchUnexpected, PodUnavailable

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/turtle\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
MOST = 10_000

REFUSED = {
    "cut off": OK + b"Content-Length: 1000\r\n\r\nabc",
    "more than it says": OK + b"Content-Length: 3\r\n\r\nabcEVIL\r\n\r\n",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
    "a length and chunks": OK
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "less than nothing": OK + b"Content-Length: -3\r\n\r\nhello",
    "beyond all numbers": OK + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    "chunks without a size": CHUNKED + b"\r\nZZ\r\nhello\r\n",
    "an encoding that nobody asked for": OK + b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",
    "two encodings": OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: 5\r\n\r\nhello",
    "not encoded as it says": OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "a megabyte of one link": OK + b"Link: <" + b"a" * 1_000_000 + b">; rel=acl\r\nContent-Length: 0\r\n\r\n",
    "links without end": OK + b"Link: <a>; rel=acl\r\n" * 50_000 + b"Content-Length: 0\r\n\r\n",
    "trailers without end": OK
    + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
    + b"X: y\r\n" * 50_000,
    "a reason without end": b"HTTP/1.1 200 " + b"O" * 1_000_000,
    "no head at all": b"hello",
    "a zero byte": OK + b"X-A: a\x00b\r\nContent-Length: 5\r\n\r\nhello",
    "a body after 304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
}
WHOLE = {
    "HTTP/1.0 without a length": (b"HTTP/1.0 200 OK\r\n\r\nhello", 200, b"hello"),
    "304 that nobody asked for": (b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, b""),
    "206 that nobody asked for": (
        b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello",
        206,
        b"hello",
    ),
    "hints before it": (
        b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 50 + OK + b"Content-Length: 5\r\n\r\nhello",
        200,
        b"hello",
    ),
}


@asynccontextmanager
async def served(content: bytes) -> AsyncIterator[str]:
    """These bytes for every connection, which then ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(content)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.ttl"
    finally:
        server.close()


@asynccontextmanager
async def way_out() -> AsyncIterator[GuardedFetcher]:
    fetcher = GuardedFetcher(FetchPolicy(allow_private_addresses=True, total_timeout=10), SystemClock())
    yield fetcher
    await fetcher.aclose()


@pytest.mark.parametrize("how", REFUSED)
async def test_what_is_not_well_formed_is_refused_at_once(how: str) -> None:
    async with served(REFUSED[how]) as url, way_out() as fetcher:
        with pytest.raises(FetchUnexpected):
            await fetcher.fetch("GET", url, max_bytes=MOST)


@pytest.mark.parametrize("how", WHOLE)
async def test_what_is_odd_and_whole_is_given_as_it_is(how: str) -> None:
    content, status, body = WHOLE[how]
    async with served(content) as url, way_out() as fetcher:
        reply = await fetcher.fetch("GET", url, max_bytes=MOST)
    assert (reply.status, reply.content) == (status, body)


async def test_an_answer_that_holds_another_one_gives_it_to_nobody() -> None:
    """What comes after the body would be the answer to the next request, were the connection kept."""
    evil = OK + b"Content-Length: 3\r\n\r\nabc" + OK + b"Content-Length: 4\r\n\r\nEVIL"
    async with served(evil) as url, way_out() as fetcher:
        found = [(await fetcher.fetch("GET", url, max_bytes=MOST)).content for _ in range(2)]
    assert found == [b"abc", b"abc"]


@pytest.mark.parametrize(
    ("asked", "is_left_alone"),
    [("999999999999", True), ("-5", False), ("Sat, 01 Jan 2000 00:00:00 GMT", False), ("soon", False)],
)
async def test_a_pause_of_years_is_bounded_and_one_in_the_past_is_none(
    asked: str, is_left_alone: bool
) -> None:
    content = f"HTTP/1.1 503 x\r\nRetry-After: {asked}\r\nContent-Length: 0\r\n\r\n".encode()
    async with served(content) as url, way_out() as fetcher:
        assert (await fetcher.fetch("GET", url, max_bytes=MOST)).status == 503
        if is_left_alone:
            with pytest.raises(PodUnavailable):
                await fetcher.fetch("GET", url, max_bytes=MOST)
        else:
            assert (await fetcher.fetch("GET", url, max_bytes=MOST)).status == 503
