"""What an awkward pod can do to whoever reads it: numbered, so that a test or a report can name it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from aiohttp import web

TURTLE = "text/turtle"
JSON_LD = "application/ld+json"
MANY = 10_000_000
BEYOND_CALENDARS = "Mon, 1 Jan 99999999999 00:00:00 GMT"
LOGIN_PAGE = b"<!DOCTYPE html><title>Log in</title><form method=post><input name=password></form>"


class Awkward(IntEnum):
    """The behaviours; ``docs/reference/awkward-pod.md`` has a heading for each."""

    SLOW = 1
    ENDLESS = 2
    DRIP = 3
    MALFORMED = 4
    LOGIN_PAGE = 5
    LYING_TYPE = 6
    STORM = 7
    RESET = 8
    REDIRECT_AWAY = 9
    REDIRECT_INSIDE = 10
    STORES_OTHER = 11
    ODD_ETAG = 12
    BOMB = 13
    FORGETS_ACL = 14
    ACCESS_ENDS = 15
    VANISHED = 16
    HUGE_CONTAINER = 17
    NONCE = 18
    BROKEN = 19
    FOREIGN_ACL = 20
    ODD_DATE = 21
    STORES_AND_FAILS = 22
    REFUSES_ACCESS = 23
    NO_ACL = 24
    REFUSES_DELETE = 25
    HIDES_ACCESS = 26
    WILD_LISTING = 27
    STORES_TRIPLES = 28
    NESTED = 29
    TAG_BY_METHOD = 30
    TWO_ADDRESSES = 31
    IGNORES_CONDITIONS = 32
    MAKES_ANEW = 33


Kind = TypeVar("Kind", bound=IntEnum)


@dataclass(slots=True)
class Mischief(Generic[Kind]):
    """One behaviour at one path. ``after`` requests are served well first, then ``times`` are not.

    ``amount`` is seconds, bytes, members or a status, as the behaviour has it; ``text`` an address or a tag.
    """

    kind: Kind
    amount: float = 0
    text: str = ""
    times: int | None = None
    after: int = 0

    def strikes(self) -> bool:
        """Whether it happens this time; counts."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


async def endless(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """2: Turtle without end."""
    response = await _begun(request)
    line = b"<a> <b> <c> .\n" * 512
    while True:
        await response.write(line)


async def drip(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """3: a byte now and then, ``amount`` seconds apart."""
    response = await _begun(request)
    while True:
        await response.write(b"#")
        await asyncio.sleep(mischief.amount or 0.2)


async def malformed(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """4: text/turtle that is none."""
    return web.Response(body=b"<a> <b ; @prefix", content_type=TURTLE)


async def login_page(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """5: 200 and a page that asks for a password."""
    return web.Response(body=LOGIN_PAGE, content_type="text/html")


async def lying_type(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """6: Turtle under another name (``text``), or with a character set that it is not in."""
    kind = mischief.text or "application/octet-stream"
    return web.Response(body=b"<a> <b> <c> .", headers={"Content-Type": kind})


async def storm(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """7: 429 with ``Retry-After: amount`` (``text``: any other form of it)."""
    return web.Response(status=429, headers={"Retry-After": mischief.text or str(int(mischief.amount))})


async def reset(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """8: the connection ends in the middle of the body."""
    response = web.StreamResponse(headers={"Content-Type": TURTLE, "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"<a> <b> <c> .\n")
    if request.transport is not None:
        request.transport.abort()
    return response


async def redirect(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """9 and 10: to ``text``: another server, or an address inside."""
    inside = "http://169.254.169.254/latest/meta-data/"
    return web.Response(status=307, headers={"Location": mischief.text or inside})


async def bomb(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """13: a few kilobytes that unpack to ``amount`` bytes."""
    body = gzip.compress(b"#" * int(mischief.amount or MANY), compresslevel=9)
    return web.Response(body=body, headers={"Content-Type": TURTLE, "Content-Encoding": "gzip"})


async def vanished(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """16: 404 for what a listing names."""
    return web.Response(status=404)


async def huge_container(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """17: a listing of ``amount`` members."""
    number = int(mischief.amount or 1_000_000)
    response = await _begun(request)
    for start in range(0, number, 1000):
        last = min(start + 1000, number)
        lines = "".join(f"<> <http://www.w3.org/ns/ldp#contains> <{n}.ttl> .\n" for n in range(start, last))
        await response.write(lines.encode())
    await response.write_eof()
    return response


async def wild_listing(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """27: a listing that names itself, what is above it, other pods, lists of access, and ``text``."""
    names = [
        "",
        "../",
        "../../bob/private.ttl",
        "https://elsewhere.example/a.ttl",
        "a%2f..%2f..%2fb.ttl",
        "deep/er/c.ttl",
    ]
    names += ["a.ttl.acl", "a.ttl?x=1", "a.ttl#it", *mischief.text.split()]
    lines = [f"<> <http://www.w3.org/ns/ldp#contains> <{name}> ." for name in names]
    return web.Response(body="\n".join(lines).encode(), content_type=TURTLE)


async def broken(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """19: ``amount`` (500) without a reason."""
    return web.Response(status=int(mischief.amount or 500))


def nested_json_ld(levels: int) -> bytes:
    """JSON-LD that ends the process of a parser that recurses, behind a text that hides it from who counts.

    The text has as many closing brackets as there are opening ones: counted too, the depth stays below zero.
    """
    return b'{"urn:text":"%b","urn:deep":%b1%b}' % (b"]" * levels, b'{"urn:a":' * levels, b"}" * levels)


async def nested(request: web.Request, mischief: Mischief) -> web.StreamResponse:
    """29: JSON-LD of ``amount`` (5,000) levels."""
    return web.Response(body=nested_json_ld(int(mischief.amount or 5_000)), content_type=JSON_LD)


async def _begun(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": TURTLE})
    await response.prepare(request)
    return response


INSTEAD: dict[Awkward, Callable[[web.Request, Mischief], Awaitable[web.StreamResponse]]] = {
    Awkward.ENDLESS: endless,
    Awkward.DRIP: drip,
    Awkward.MALFORMED: malformed,
    Awkward.LOGIN_PAGE: login_page,
    Awkward.LYING_TYPE: lying_type,
    Awkward.STORM: storm,
    Awkward.RESET: reset,
    Awkward.REDIRECT_AWAY: redirect,
    Awkward.REDIRECT_INSIDE: redirect,
    Awkward.BOMB: bomb,
    Awkward.VANISHED: vanished,
    Awkward.HUGE_CONTAINER: huge_container,
    Awkward.BROKEN: broken,
    Awkward.WILD_LISTING: wild_listing,
    Awkward.NESTED: nested,
}
"""The behaviours that answer instead of the pod; the others bend its own answer."""
