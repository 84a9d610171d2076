"""``python -m benchmarks.pipeline``: people through pull, sandbox, validation and write-back, as in a run.

A pod server of its own process, a real PostgreSQL with fsync on, the real worker. Processor time is that of
the worker, its sandboxes and their forks; PostgreSQL's is told apart. Beside it, in the same run, the
straightforward stack on some of the same people, and the bare work that nobody can leave out. The result goes
into its section of RESULTS.md; exit code 1 when a promise is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp

from benchmarks import pipe_ground as ground
from benchmarks import pipe_pods
from benchmarks.pipe_beside import Beside, beside, together
from benchmarks.pipe_report import MARK, Compared, Measured, section
from benchmarks.process_tree import Watch, peak_bytes, processor_seconds
from benchmarks.sandbox import write
from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now
from solidgate.compose import open_world
from solidgate.flow.world import World
from solidgate.run.state import RunState
from solidgate.settings import Server, Settings

PLAIN_PEOPLE = 50
BARE_PEOPLE = 400
"""Half of them before the run, half after it."""
LONGEST_SECONDS = 3600


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


async def measure(people: int, many: int) -> Compared:
    """The run between two halves of what stands beside it, and the larger run for memory."""
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
                early = await asyncio.to_thread(_beside, pods, 0)
                run = await bench.run("first", people)
                late = await asyncio.to_thread(_beside, pods, 1)
                more = await bench.run("many", many) if many else None
        finally:
            server.stop()
    plain, bare = (together(two) for two in zip(early, late, strict=True))
    return Compared(run, more, plain, bare)


def _beside(pods: str, half: int) -> tuple[Beside, Beside]:
    """One half of the straightforward stack's people, and of those with the bare work alone."""
    plain, bare = PLAIN_PEOPLE // 2, BARE_PEOPLE // 2
    return (
        beside("pipe_plain", pods, range(half * plain, (half + 1) * plain)),
        beside("pipe_bare", pods, range(half * bare, (half + 1) * bare)),
    )


def main() -> int:
    """Measure, print, keep; exit code 1 when a promise is not kept."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    options.add_argument("--people", type=int, default=1000, help="people of the measured run")
    options.add_argument("--many", type=int, default=10_000, help="people of the run for memory; 0 for none")
    options.add_argument("--dry", action="store_true", help="print only")
    chosen = options.parse_args()
    compared = asyncio.run(measure(chosen.people, chosen.many))
    text = section(compared)
    print(text)
    if not chosen.dry:
        write(text, MARK)
    return 0 if compared.kept else 1


if __name__ == "__main__":
    sys.exit(main())
