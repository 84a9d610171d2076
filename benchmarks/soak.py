"""``python -m benchmarks.soak --minutes 30``: the whole journey over and over, looking for what grows.

Exit 1 when a run fails, leaves a process behind, or the last third takes half as long again as the first.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from pathlib import Path

STORY = [sys.executable, "-m", "solidgate", "demo", "--once", "--json"]
RUN_SECONDS = 300
SLOWER = 1.5
MARK = secrets.token_hex(8)


def main() -> int:
    parser = argparse.ArgumentParser(description="the demo over and over")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--runs", type=int, default=0, help="stop after so many; 0: as the minutes say")
    wanted = parser.parse_args()
    end = time.monotonic() + wanted.minutes * 60
    seconds: list[float] = []
    while time.monotonic() < end and (not wanted.runs or len(seconds) < wanted.runs):
        took, problem = story()
        if problem:
            return fail(f"run {len(seconds) + 1}: {problem}")
        seconds.append(took)
        left = left_behind()
        print(f"run {len(seconds)}: {took:.1f} s, {len(left)} processes left", flush=True)
        if left:
            return fail(f"run {len(seconds)} left processes behind: {sorted(left)}")
    return verdict(seconds)


def story() -> tuple[float, str]:
    """Seconds that one journey took, and what was wrong with it, if anything."""
    begin = time.monotonic()
    try:
        done = subprocess.run(
            STORY,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
            env={**os.environ, "SOAK": MARK},
        )
    except subprocess.TimeoutExpired:
        return RUN_SECONDS, f"no end after {RUN_SECONDS} s"
    took = time.monotonic() - begin
    if done.returncode:
        return took, f"exit {done.returncode}: {done.stderr[-2000:]}"
    json.loads(done.stdout)
    return took, ""


def left_behind() -> set[int]:
    """Processes that a run started and did not end: they carry our mark in their environment."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # it ended while we looked, or it is not ours
        if f"SOAK={MARK}".encode() in environment.split(b"\0"):
            found.add(int(folder.name))
    return found


def verdict(seconds: list[float]) -> int:
    third = max(1, len(seconds) // 3)
    first, last = statistics.median(seconds[:third]), statistics.median(seconds[-third:])
    print(f"{len(seconds)} runs; first {first:.1f} s, last {last:.1f} s")
    return fail("it becomes slower") if last > first * SLOWER else 0


def fail(reason: str) -> int:
    print(f"soak: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
