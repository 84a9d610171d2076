"""A fast pod server for the pipeline's benchmark: its own process, everything in memory, nobody verified.

It answers as a pod with Web Access Control does (``WAC-Allow``, entity tags, ``If-None-Match: *`` creates and
never overwrites, what was written is read back), so that the worker does all of its work, and as little as
possible besides, so that the machine is left to the worker.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from dataclasses import dataclass, field

import uvloop
from aiohttp import web

from solidgate.vocab import QUDT, SAREF, SOSA, UNIT, XSD

DOCUMENTS = 20
READINGS = 45
STATEMENTS = 6
"""Of one reading; a document has ``READINGS`` of them."""
HOMES = 25
"""How many different people there are; the others hold the same documents at other addresses."""

_PREFIXES = "".join(
    f"@prefix {prefix}: <{iri}> .\n"
    for prefix, iri in ((one.prefix, one.iri) for one in (SOSA, SAREF, QUDT, UNIT, XSD))
)


def path_of(number: int) -> str:
    """One document of a person, below the storage."""
    return f"readings/{number:02}.ttl"


def watt_hours(home: int, document: int, reading: int) -> int:
    """An invented reading: the same on every machine."""
    return 200 + (home * 7919 + document * 104_729 + reading * 1_299_709) % 9_000


def document(home: int, number: int) -> bytes:
    """Turtle with ``READINGS * STATEMENTS`` statements."""
    readings = [
        f"<#r{place:02}> a sosa:Observation ; sosa:observedProperty saref:Energy ;\n"
        "  sosa:hasFeatureOfInterest <#home> ;\n"
        f'  sosa:resultTime "2025-{number % 12 + 1:02}-{place % 28 + 1:02}T23:59:59Z"^^xsd:dateTime ;\n'
        f"  sosa:hasSimpleResult {watt_hours(home, number, place) / 1000:.3f} ;\n"
        "  qudt:hasUnit unit:KiloW-HR .\n"
        for place in range(READINGS)
    ]
    return (_PREFIXES + "\n".join(readings)).encode()


def total(home: int) -> int:
    """What a person's result must say, in watt hours."""
    return sum(watt_hours(home, d, r) for d in range(DOCUMENTS) for r in range(READINGS))


@dataclass(slots=True)
class Pods:
    """All pods of the server: ``/p<number>/readings/<document>.ttl``, and what was written."""

    contents: dict[tuple[int, str], tuple[bytes, str]] = field(default_factory=dict)
    written: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for home in range(HOMES):
            for number in range(DOCUMENTS):
                content = document(home, number)
                self.contents[home, path_of(number)] = (content, _tag(content))

    async def read(self, request: web.Request) -> web.Response:
        """GET and HEAD of a document, of a result, or of a container (HEAD only matters there)."""
        path = request.path
        if (content := self.written.get(path)) is not None:
            return _found(content, _tag(content), "read write")
        if path.endswith("/"):
            return _found(b"", '"container"', "read write")
        person, _, rest = path[2:].partition("/")
        found = self.contents.get((int(person) % HOMES, rest))
        return web.Response(status=404) if found is None else _found(*found, "read")

    async def write(self, request: web.Request) -> web.Response:
        """PUT: creates, or replaces exactly the version that ``If-Match`` names."""
        held = self.written.get(request.path)
        if held is not None and request.headers.get("If-Match") != _tag(held):
            return web.Response(status=412)
        self.written[request.path] = await request.read()
        return web.Response(status=201)

    async def last(self, request: web.Request) -> web.Response:
        """The newest result, for whoever measures; what only leads to it is not one."""
        results = (self.written[path] for path in reversed(self.written) if not _leads(path))
        return web.Response(body=next(results, b""))


def _leads(path: str) -> bool:
    return path.rpartition("/")[2].startswith(("index-", "latest-"))


def _found(content: bytes, tag: str, modes: str) -> web.Response:
    headers = {"ETag": tag, "WAC-Allow": f'user="{modes}",public=""', "Content-Type": "text/turtle"}
    return web.Response(body=content, headers=headers)


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


async def serve() -> None:
    """Listen on a free port, print it, and stay until the input ends."""
    pods = Pods()
    app = web.Application(client_max_size=1 << 20)
    app.router.add_get("/-/last", pods.last)
    app.router.add_get("/{path:.*}", pods.read)
    app.router.add_put("/{path:.*}", pods.write)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve())
