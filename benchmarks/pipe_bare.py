"""The bare work beside the pipeline: a person's documents fetched by the client and parsed, and nothing else.

No pipeline of these libraries can cost less than this. It leaves out who asks, what they may, the program,
the sandbox, the check, the write and every record of it.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import uvloop
from pyoxigraph import RdfFormat, parse

from benchmarks.pipe_beside import told
from benchmarks.pipe_pods import DOCUMENTS, READINGS, STATEMENTS, path_of

AT_ONCE = 2
"""People at the same time: the processor never waits for the pods."""


async def document(http: aiohttp.ClientSession, url: str) -> int:
    """How many statements one document has, each a Python value once."""
    async with http.get(url) as reply:
        content = await reply.read()
    return sum(1 for _ in parse(content, RdfFormat.TURTLE, base_iri=url))


async def people(pods: str, numbers: range) -> None:
    """``AT_ONCE`` people at a time, each with all their documents at once."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def person(number: int) -> None:
        async with turns:
            urls = [f"{pods}p{number}/{path_of(place)}" for place in range(DOCUMENTS)]
            found = await asyncio.gather(*(document(http, url) for url in urls))
        if sum(found) != DOCUMENTS * READINGS * STATEMENTS:
            raise ValueError("a document has other statements than were written")

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*map(person, numbers))


if __name__ == "__main__":
    sys.exit(told(lambda pods, numbers: uvloop.run(people(pods, numbers))))
