"""``python -m benchmarks.pipeline``: people through pull, sandbox, validation and write-back, as in a run.

A pod server of its own process, a real PostgreSQL with fsync on, the real worker. Processor time is that of
the worker, its sandboxes and their forks; PostgreSQL's is told apart. Beside it, in the same run, the
straightforward stack on some of the same people. The result goes into its section of RESULTS.md; exit code 1
when a promise is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import aiohttp

from benchmarks import pipe_ground as ground
from benchmarks import pipe_pods
from benchmarks.process_tree import Watch, peak_bytes, processor_seconds
from benchmarks.sandbox import write
from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now
from solidgate.compose import open_world
from solidgate.flow.world import World
from solidgate.run.state import RunState
from solidgate.settings import Server, Settings

MARK = "pipeline"
MOST_MILLISECONDS = 15.0
LEAST_RATIO = 10.0
MOST_GROWTH = 1.1
PLAIN_PEOPLE = 50
LONGEST_SECONDS = 3600
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: seconds, processor seconds of the worker's tree and of PostgreSQL, bytes at their peak."""

    people: int
    seconds: float
    worker: float
    database: float
    tree_bytes: int
    worker_bytes: int

    @property
    def milliseconds(self) -> float:
        """Processor time of worker and sandboxes for one person."""
        return self.worker * 1000 / self.people


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share."""

    world: World
    folder: Path
    postgres: EmbeddedPostgres
    pods: str

    async def run(self, space_id: str, people: int) -> Measured:
        """A run of ``people`` in a space of its own, by a worker of its own."""
        await ground.open_space(self.world, space_id)
        await ground.say_yes(self.world, space_id, self.pods, people)
        with worker(self.folder, self.postgres.url) as process:
            await self._ready()
            root, database = process.pid, self.postgres.postmaster()
            before = processor_seconds(root), processor_seconds(database)
            begun = time.perf_counter()
            with Watch(root) as watch:
                run_id = await ground.begin(self.world, space_id)
                await self._finished(run_id)
            took = time.perf_counter() - begun
            after = processor_seconds(root), processor_seconds(database)
            held = peak_bytes(root)
        await self._check(run_id, people)
        used = [late - early for late, early in zip(after, before, strict=True)]
        return Measured(people, took, used[0], used[1], watch.most, held)

    async def _ready(self) -> None:
        since = self.world.clock.now()
        await self._until(lambda: self._alive(since), 60)

    async def _alive(self, since: datetime) -> bool:
        async with self.world.store.transaction() as tx:
            return await tx.runs.live_workers(since) > 0

    async def _finished(self, run_id: str) -> None:
        async def done() -> bool:
            async with self.world.store.transaction() as tx:
                return (await tx.runs.one(run_id)).state is RunState.FINISHED

        await self._until(done, LONGEST_SECONDS)

    async def _until(self, holds: Callable[[], Awaitable[bool]], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not await holds():
            if time.monotonic() > end:
                raise TimeoutError("the worker did not come to an end")
            await asyncio.sleep(0.1)

    async def _check(self, run_id: str, people: int) -> None:
        """Everybody's result was written, and one of them says what it must."""
        async with self.world.store.transaction() as tx:
            states, outcomes = await tx.runs.counts(run_id)
        if states != {"written": people}:
            raise AssertionError(f"{states} {outcomes}")
        async with aiohttp.ClientSession() as http, http.get(f"{self.pods}-/last") as reply:
            last = await reply.text()
        right = {str(pipe_pods.total(home)) for home in range(pipe_pods.HOMES)}
        if not right & set(re.findall(r"wattHours>? (\d+)", last)):
            raise AssertionError("a result is not the sum of its documents")


@contextmanager
def worker(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The worker as it is installed, with the settings of a machine that may call its own addresses."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SOLIDGATE_")},
        "SOLIDGATE_SERVER__DATA_FOLDER": str(folder),
        "SOLIDGATE_DATABASE__URL": url,
        "SOLIDGATE_HTTP__ALLOW_PRIVATE_ADDRESSES": "true",
        "SOLIDGATE_HTTP__PER_ORIGIN": "32",  # everybody's pod is at one server
        "SOLIDGATE_LOG__LEVEL": "warning",
    }
    command = [sys.executable, "-m", "solidgate", "worker"]
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def pod_server() -> Iterator[str]:
    """The pods' address, with a trailing slash."""
    command = [sys.executable, "-m", "benchmarks.pipe_pods"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        process.stdin.close()


def plain(pods: str, people: int) -> dict[str, float]:
    """The straightforward stack on ``people`` of the same pods."""
    command = [sys.executable, "-m", "benchmarks.pipe_plain", pods, "0", str(people)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


async def measure(people: int, many: int) -> tuple[list[Measured], dict[str, float]]:
    """The run, the straightforward stack beside it, and the larger run for memory."""
    with (
        tempfile.TemporaryDirectory(prefix="solidgate-", ignore_cleanup_errors=True) as name,
        pod_server() as pods,
    ):
        folder = Path(name) / "data"
        server = EmbeddedPostgres(folder / "postgres")
        server.start()
        try:
            migrate_now(server.url)
            settings = Settings(server=Server(data_folder=folder))
            async with open_world(settings, server.url) as world:
                bench = Bench(world, folder, server, pods)
                runs = [await bench.run("first", people)]
                beside = await asyncio.to_thread(plain, pods, min(people, PLAIN_PEOPLE))
                runs += [await bench.run("many", many)] if many else []
        finally:
            server.stop()
    return runs, beside


def section(runs: list[Measured], beside: dict[str, float], sample: int) -> str:
    """The measured part of RESULTS.md."""
    first = runs[0]
    slow = beside["processor"] * 1000 / sample
    rows = [
        f"| {one.people:,} people | {one.seconds:.1f} | {one.people / one.seconds:.0f}"
        f" | {one.milliseconds:.1f} | {one.database * 1000 / one.people:.1f}"
        f" | {one.worker_bytes / MIB:.0f} | {one.tree_bytes / MIB:.0f} |"
        for one in runs
    ]
    rows.append(
        f"| straightforward, {sample} people | {beside['seconds']:.1f} | {sample / beside['seconds']:.1f}"
        f" | {slow:.1f} | | | |"
    )
    promises = [
        f"| CPU of worker and sandboxes, one person | {first.milliseconds:.1f} ms"
        f" | at most {MOST_MILLISECONDS:.0f} ms |",
        f"| straightforward stack, of that | {slow / first.milliseconds:.1f} | at least {LEAST_RATIO:.0f} |",
    ]
    if len(runs) > 1:
        promises.append(
            f"| memory at {runs[1].people:,} people, of that at {first.people:,}"
            f" | {runs[1].tree_bytes / first.tree_bytes:.2f} | at most {MOST_GROWTH} |"
        )
    versions = ", ".join(
        f"{name} {version(name)}"
        for name in ("aiohttp", "pyoxigraph", "shacl", "rdflib", "pyshacl", "psycopg")
    )
    statements = pipe_pods.READINGS * pipe_pods.STATEMENTS
    return "\n".join(
        [
            "## A run, from the pod and back",
            "",
            f"{pipe_pods.DOCUMENTS} documents of {statements} statements each, through pull, sandbox,"
            " validation and write-back; one worker, PostgreSQL embedded with fsync on, pods in memory."
            " Memory: the worker alone at its peak, and the worker with its sandboxes (proportional shares,"
            " looked at once a second).",
            "",
            "| what | seconds | people a second | CPU ms a person | PostgreSQL ms a person | worker MiB"
            " | with sandboxes MiB |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            "| promise | measured | |",
            "| --- | ---: | ---: |",
            *promises,
            "",
            f"{datetime.now(UTC):%Y-%m-%d}; Python {platform.python_version()}, Linux {platform.release()},"
            f" {os.cpu_count()} cores; {versions}.",
        ]
    )


def kept(runs: list[Measured], beside: dict[str, float], sample: int) -> bool:
    """Whether every promise is."""
    first = runs[0]
    ratio = beside["processor"] * 1000 / sample / first.milliseconds
    grown = runs[-1].tree_bytes / first.tree_bytes
    return first.milliseconds <= MOST_MILLISECONDS and ratio >= LEAST_RATIO and grown <= MOST_GROWTH


def main() -> int:
    """Measure, print, keep; exit code 1 when a promise is not kept."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    options.add_argument("--people", type=int, default=1000, help="people of the measured run")
    options.add_argument("--many", type=int, default=10_000, help="people of the run for memory; 0 for none")
    options.add_argument("--dry", action="store_true", help="print only")
    chosen = options.parse_args()
    runs, beside = asyncio.run(measure(chosen.people, chosen.many))
    sample = min(chosen.people, PLAIN_PEOPLE)
    text = section(runs, beside, sample)
    print(text)
    if not chosen.dry:
        write(text, MARK)
    return 0 if kept(runs, beside, sample) else 1


if __name__ == "__main__":
    sys.exit(main())
