"""``python -m benchmarks.request``: a document read by the whole way out, beside a bare GET by aiohttp.

The same pod server as of ``benchmarks.pipeline``, a process of its own; processor time of this process alone.
The bare client sends as many bytes, is guarded by nothing, and signs nothing. Rounds are interleaved, so that
a busy machine slows both. The result goes into its section of RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import aiohttp
import uvloop

from benchmarks.pipe_pods import DOCUMENTS, path_of
from benchmarks.pipeline import pod_server
from benchmarks.sandbox import write
from solidgate.adapters.clock import SystemClock
from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.pods import Pods
from solidgate.adapters.solid_requests import DOCUMENT_ACCEPT
from solidgate.ports import Access
from solidgate.testing.relying import MemorySpaces

MARK = "request"
AT_ONCE = 20
MOST_BYTES = 1 << 20
MOST_RATIO = 3.0

Read = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Bench:
    """The ways to read one document."""

    pods: Pods
    access: Access
    bare: aiohttp.ClientSession
    headers: dict[str, str]

    async def guarded(self, url: str) -> object:
        """As the worker reads, from the port to the bytes."""
        return await self.pods.read_changed(self.access, url, None, max_bytes=MOST_BYTES)

    async def signed(self, url: str) -> object:
        """The proof of one request alone."""
        return self.access.headers("GET", url, datetime.now(UTC))

    async def plain(self, url: str) -> object:
        """As little as aiohttp lets one do."""
        async with self.bare.get(url, headers=self.headers) as reply:
            return await reply.read()


async def microseconds(read: Read, urls: list[str]) -> float:
    """Processor time of one request, ``AT_ONCE`` under way."""
    left = iter(urls)

    async def some() -> None:
        for url in left:
            await read(url)

    gc.collect()
    begun = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())
    return (time.process_time() - begun) * 1e6 / len(urls)


async def measure(pods: str, rounds: int, people: int) -> dict[str, list[float]]:
    """Microseconds of each way, a number for each round."""
    clock = SystemClock()
    fetcher = GuardedFetcher(FetchPolicy(allow_private_addresses=True, per_origin=32), clock)
    access = await SealedEnclaveKeys(MemorySpaces(), b"k" * 32, clock, pods).access_for("bench")
    headers = {"Accept": DOCUMENT_ACCEPT, **access.headers("GET", f"{pods}{path_of(0)}", clock.now())}
    urls = [f"{pods}p{person}/{path_of(number)}" for person in range(people) for number in range(DOCUMENTS)]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as bare:
        bench = Bench(Pods(fetcher, clock), access, bare, headers)
        ways: dict[str, Read] = {"bare": bench.plain, "guarded": bench.guarded, "signed": bench.signed}
        found: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(rounds + 1):
            for name, way in ways.items():
                took = await microseconds(way, urls)
                if turn:  # the first round opens connections
                    found[name].append(took)
    await fetcher.aclose()
    return found


def ratio(found: dict[str, list[float]], name: str) -> float:
    """Of the bare request of the same round, the median."""
    return statistics.median(ours / bare for ours, bare in zip(found[name], found["bare"], strict=True))


def section(found: dict[str, list[float]]) -> str:
    """The measured part of RESULTS.md."""
    names = {
        "bare": "bare GET by aiohttp",
        "guarded": "the same document by the port of pods",
        "signed": "the signed proof, by itself",
    }
    rows = [
        f"| {names[name]} | {min(took):.0f} | {statistics.median(took):.0f} | {ratio(found, name):.2f} |"
        for name, took in found.items()
    ]
    return "\n".join(
        [
            "## One request to a pod",
            "",
            f"Processor time of the client, {AT_ONCE} requests under way at one server on the same machine."
            " The port of pods adds the address check, turns and window, deadline, a signed proof for each"
            " request, caps, and what the answer says."
            f" Promised: at most {MOST_RATIO:.0f} times the bare request.",
            "",
            "| what | least µs | median µs | of the bare request |",
            "| --- | ---: | ---: | ---: |",
            *rows,
            "",
            f"{datetime.now(UTC):%Y-%m-%d}; {len(found['bare'])} rounds; Python {platform.python_version()},"
            f" Linux {platform.release()}, {os.cpu_count()} cores; aiohttp {version('aiohttp')},"
            f" uvloop {version('uvloop')}.",
        ]
    )


def main() -> int:
    """Measure, print, keep; exit code 1 when the promise is not kept."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.request", description=__doc__)
    options.add_argument("--rounds", type=int, default=15, help="rounds of each way")
    options.add_argument("--people", type=int, default=20, help="people whose documents are read in a round")
    options.add_argument("--dry", action="store_true", help="print only")
    chosen = options.parse_args()
    gc.freeze()
    with pod_server() as pods:
        found = uvloop.run(measure(pods, chosen.rounds, chosen.people))
    text = section(found)
    print(text)
    if not chosen.dry:
        write(text, MARK)
    return 0 if ratio(found, "guarded") <= MOST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
