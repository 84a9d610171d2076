"""``python -m benchmarks.races``: withdrawals against run steps, and edits of the terms against answers.

Exit 1 when a single one was lost. The whole takes about an hour on two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now
from solidgate.testing import races
from solidgate.testing.ground import open_ground


def main() -> int:
    """Run the races and print one line of JSON for each kind."""
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
    end, lost = time.monotonic() + wanted.minutes * 60, 0
    for kind, count in kinds:
        done, total = 0, races.Report()
        begin = time.monotonic()
        while done < count and time.monotonic() < end:
            size = min(500, count - done)
            report = await _fresh(kind, size, wanted.seed + done)
            done += size
            total = _sum(total, report)
        seconds = round(time.monotonic() - begin, 1)
        line = {"kind": kind, "seed": wanted.seed, "seconds": seconds, **asdict(total)}
        print(json.dumps(line), flush=True)
        lost += len(total.violations)
    return 1 if lost else 0


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
