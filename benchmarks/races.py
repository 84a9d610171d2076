"""``python -m benchmarks.races``: withdrawals against run steps, and edits of the terms against answers.

Exit 1 when a single one was lost. The whole takes about an hour on two idle cores; what was run
so far stands in RESULTS.md after each part of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.sandbox import write
from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now
from solidgate.testing import races
from solidgate.testing.ground import open_ground

MARK = "races"
BATCH = 250
WORDS = {
    "sandboxed": "withdrawal against a run step, real sandbox",
    "terms": "edit of the terms against an answer",
    "withdrawals": "withdrawal against a run step",
}


@dataclass
class Outcome:
    """One kind of race: how many were wanted, what came of those that were run, and how long that took."""

    wanted: int
    report: races.Report = field(default_factory=races.Report)
    seconds: float = 0.0


def main() -> int:
    """Run the races, print one line of JSON for each kind, and keep the outcome."""
    parser = argparse.ArgumentParser(description="races of withdrawals and of edits")
    parser.add_argument("--withdrawals", type=int, default=10_000)
    parser.add_argument("--terms", type=int, default=1_000)
    parser.add_argument("--sandboxed", type=int, default=50, help="withdrawals with the real sandbox")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, default=90, help="begin no further batch after so long")
    wanted = parser.parse_args()
    return asyncio.run(_races(wanted))


async def _races(wanted: argparse.Namespace) -> int:
    kinds = (("sandboxed", wanted.sandboxed), ("terms", wanted.terms), ("withdrawals", wanted.withdrawals))
    end, outcomes = time.monotonic() + wanted.minutes * 60, {kind: Outcome(count) for kind, count in kinds}
    for kind, outcome in outcomes.items():
        while outcome.report.races < outcome.wanted and time.monotonic() < end:
            done, begin = outcome.report.races, time.monotonic()
            report = await _fresh(kind, min(BATCH, outcome.wanted - done), wanted.seed + done)
            outcome.report = _sum(outcome.report, report)
            outcome.seconds += time.monotonic() - begin
            # After each part, so that a run that is cut off leaves what it has shown, and no more.
            write(section(outcomes, wanted.seed), MARK)
        line = {"kind": kind, "seconds": round(outcome.seconds, 1), **asdict(outcome.report)}
        print(json.dumps(line), flush=True)
    return 1 if any(outcome.report.violations for outcome in outcomes.values()) else 0


def section(outcomes: Mapping[str, Outcome], seed: int) -> str:
    """The measured part of RESULTS.md."""
    rows = [
        f"| {WORDS[kind]} | {one.wanted} | {one.report.races} | {len(one.report.violations)}"
        f" | {one.report.written} | {one.report.late} | {one.report.refused} | {one.seconds:.0f} |"
        for kind, one in outcomes.items()
    ]
    return "\n".join(
        [
            "## Races",
            "",
            "Each at a moment of chance; judged by the pod's own log and by what was displayed. A result that"
            " was written before its withdrawal, and an answer that was refused, show that a race was one.",
            "",
            "| race | wanted | run | violations | written | late | refused | seconds |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            f"{datetime.now(UTC):%Y-%m-%d}; seed {seed}; Python {platform.python_version()},"
            f" Linux {platform.release()}, {os.cpu_count()} cores.",
        ]
    )


async def _fresh(kind: str, count: int, seed: int) -> races.Report:
    """Some races on a database of their own, so that the thousandth is not slowed down by the first."""
    with tempfile.TemporaryDirectory(prefix="solidgate-races-") as name:
        server = EmbeddedPostgres(Path(name) / "pg", options={"fsync": "off"})
        await asyncio.to_thread(server.start)
        try:
            await asyncio.to_thread(migrate_now, server.url)
            return await _on(server.url, Path(name), kind, count, seed)
        finally:
            await asyncio.to_thread(server.stop)


async def _on(url: str, folder: Path, kind: str, count: int, seed: int) -> races.Report:
    pause = 0.0 if kind == "terms" else 0.02
    real = kind == "sandboxed"
    async with open_ground(url, folder, seed=seed, pause=pause, real_sandbox=real) as ground:
        if kind == "terms":
            return await races.terms(ground, count)
        return await races.withdrawals(ground, count)


def _sum(first: races.Report, second: races.Report) -> races.Report:
    return races.Report(
        first.races + second.races,
        first.late + second.late,
        first.written + second.written,
        first.refused + second.refused,
        [*first.violations, *second.violations],
    )


if __name__ == "__main__":
    raise SystemExit(main())
