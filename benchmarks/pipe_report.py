"""What the pipeline's benchmark found, against what is promised, as its section of RESULTS.md."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks import pipe_pods
from benchmarks.pipe_beside import Beside

MARK = "pipeline"
MOST_MILLISECONDS = 15.0
LEAST_RATIO = 10.0
MOST_GROWTH = 1.1
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
class Compared:
    """A run, a larger one for memory or none, and what stands beside them."""

    run: Measured
    more: Measured | None
    plain: Beside
    bare: Beside

    @property
    def ratio(self) -> float:
        """What the straightforward stack takes, of what we take."""
        return self.plain.milliseconds / self.run.milliseconds

    @property
    def over_bare(self) -> float:
        """What we take, of the bare work."""
        return self.run.milliseconds / self.bare.milliseconds

    @property
    def growth(self) -> float:
        """Memory of the larger run, of that of the first."""
        return self.more.tree_bytes / self.run.tree_bytes if self.more else 1.0

    @property
    def kept(self) -> bool:
        """Whether every promise is."""
        least = self.run.milliseconds <= MOST_MILLISECONDS and self.ratio >= LEAST_RATIO
        return least and self.growth <= MOST_GROWTH


def section(found: Compared) -> str:
    """The measured part of RESULTS.md."""
    statements = pipe_pods.READINGS * pipe_pods.STATEMENTS
    return "\n".join(
        [
            "## A run, from the pod and back",
            "",
            f"{pipe_pods.DOCUMENTS} documents of {statements} statements each, through pull, sandbox,"
            " validation and write-back; one worker, PostgreSQL embedded with fsync on, pods in memory."
            " Memory: the worker alone at its peak, and the worker with its sandboxes (proportional shares,"
            " looked at once a second). The two below it run in a process for each core, half before the run"
            " and half after it; the bare work is the same documents fetched by aiohttp and parsed by"
            " pyoxigraph, and nothing else.",
            "",
            "| what | seconds | people a second | CPU ms a person | PostgreSQL ms a person | worker MiB"
            " | with sandboxes MiB |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *(_row(one) for one in (found.run, found.more) if one),
            _row_beside("straightforward", found.plain),
            _row_beside("the bare work", found.bare),
            "",
            "| promise | measured | |",
            "| --- | ---: | ---: |",
            *_promises(found),
            "",
            f"{datetime.now(UTC):%Y-%m-%d}; Python {platform.python_version()}, Linux {platform.release()},"
            f" {os.cpu_count()} cores; {_versions()}.",
        ]
    )


def _row(one: Measured) -> str:
    return (
        f"| {one.people:,} people | {one.seconds:.1f} | {one.people / one.seconds:.0f}"
        f" | {one.milliseconds:.1f} | {one.database * 1000 / one.people:.1f}"
        f" | {one.worker_bytes / MIB:.0f} | {one.tree_bytes / MIB:.0f} |"
    )


def _row_beside(name: str, one: Beside) -> str:
    pace = f"{one.seconds:.1f} | {one.people / one.seconds:.1f}"
    return f"| {name}, {one.people} people | {pace} | {one.milliseconds:.1f} | | | |"


def _promises(found: Compared) -> list[str]:
    first = found.run
    lines = [
        f"| CPU of worker and sandboxes, one person | {first.milliseconds:.1f} ms"
        f" | at most {MOST_MILLISECONDS:.0f} ms |",
        f"| the same, of the bare work | {found.over_bare:.1f} | |",
        f"| straightforward stack, of that | {found.ratio:.1f} | at least {LEAST_RATIO:.0f} |",
    ]
    if found.more:
        lines.append(
            f"| memory at {found.more.people:,} people, of that at {first.people:,}"
            f" | {found.growth:.2f} | at most {MOST_GROWTH} |"
        )
    return lines


def _versions() -> str:
    names = ("aiohttp", "pyoxigraph", "shacl", "rdflib", "pyshacl", "psycopg")
    return ", ".join(f"{name} {version(name)}" for name in names)
