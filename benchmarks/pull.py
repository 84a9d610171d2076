"""``python -m benchmarks.pull``: one private document of each of many pods, on a real Solid server.

Four ways, interleaved in each round, so that a busy machine slows all of them: the pull of the product with
its door check, the same when nothing has changed, the bare ceiling (authenticated GET with a cached token),
and a fixed window of 64. ``--most N`` stops at fewer pods. The result goes into its section of RESULTS.md;
exit code 1 when a pod was not read, or the pull reaches less than nine tenths of the ceiling.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.pull_ground import Ground, Pod, open_ground
from benchmarks.pull_ways import AT_ONCE, Ours, Way, bare, fixed_window
from benchmarks.sandbox import write
from solidgate.settings import Worker

SIZES = (64, 128, 256, 512, 1024)
ROUNDS = 5
FEW = 256
"""Pods up to which there are all rounds: of more, half of them tell enough."""
SLICE = 128
WARM_UP = 3
MARK = "pull"
LEAST_OF_CEILING = 0.9
WAYS = {
    "ours": "pull",
    "again": "pull, nothing changed",
    "bare": "bare client, cached token",
    "fixed": "fixed window of 64",
}
Rounds = Mapping[str, list[Way]]


async def measure(sizes: Sequence[int], rounds: int) -> dict[int, Rounds]:
    """All rounds of each way, by number of pods."""
    async with open_ground(max(sizes)) as ground:
        ours = Ours(ground)
        for _ in range(WARM_UP):  # the server learns who issues the tokens, and compiles what it runs
            await ours.first(ground.pods[:64])
            await bare(ground, ground.pods[:64])
        return {size: await _rounds(ground, ours, size, rounds_of(size, rounds)) for size in sizes}


def rounds_of(size: int, rounds: int) -> int:
    """How many rounds so many pods get."""
    return rounds if size <= FEW else (rounds + 1) // 2


async def _rounds(ground: Ground, ours: Ours, size: int, rounds: int) -> Rounds:
    """The ways take turns, slice by slice; only the fixed window has all pods at once, as it would suffer."""
    found: dict[str, list[Way]] = {name: [] for name in WAYS}
    for number in range(rounds):
        # The ceiling stands before and after ours in turn, so that neither has the warmer server.
        first, second = ("ours", "bare") if number % 2 else ("bare", "ours")
        told = {name: Way() for name in WAYS}
        for start in range(0, size, SLICE):
            pods = ground.pods[start : min(size, start + SLICE)]
            for name in (first, second, "again"):
                told[name] += await _one(name, ground, ours, pods)
        told["fixed"] = await _one("fixed", ground, ours, ground.pods[:size])
        for name, way in told.items():
            found[name].append(way)
            print(f"{size:5} {WAYS[name]:28} {way.rate:6.1f}/s {way.failures} failures", file=sys.stderr)
    return found


async def _one(name: str, ground: Ground, ours: Ours, pods: Sequence[Pod]) -> Way:
    match name:
        case "ours":
            return await ours.first(pods)
        case "again":
            return await ours.again(pods)
        case "bare":
            return await bare(ground, pods)
        case _:
            return await fixed_window(ground, pods)


def ratio(rounds: Rounds) -> float:
    """Ours of the ceiling: the median of the ratios within each round."""
    return statistics.median(
        mine.rate / ceiling.rate for mine, ceiling in zip(rounds["ours"], rounds["bare"], strict=True)
    )


def broken(found: Mapping[int, Rounds]) -> list[str]:
    """The promises that were not kept."""
    said = []
    for size, rounds in found.items():
        failures = sum(way.failures for name in ("ours", "again") for way in rounds[name])
        if failures:
            said.append(f"{size} pods: {failures} were not read")
        if ratio(rounds) < LEAST_OF_CEILING:
            said.append(f"{size} pods: {ratio(rounds):.2f} of the ceiling, not {LEAST_OF_CEILING}")
    return said


def section(found: Mapping[int, Rounds]) -> str:
    """The measured part of RESULTS.md."""
    heads = "".join(f" {name} |" for name in WAYS.values())
    return "\n".join(
        [
            "## Pulling from many pods",
            "",
            "One Community Solid Server, one private document of ten variables in each pod. Pods a second,"
            f" the median of the rounds, which are interleaved in slices of {SLICE} pods. The pull of the"
            f" product includes its door check and its guard, with {Worker().concurrency} people at once, as"
            f" a worker has them. The bare client has a cached token, {AT_ONCE} requests at once, and checks"
            " nothing. The fixed window is our own reading of a published one: it waits for the oldest, and"
            " logs in again after a failure.",
            "",
            f"| pods | rounds |{heads} of the ceiling | failures |",
            f"| ---: |{' ---: |' * (len(WAYS) + 3)}",
            *(_row(size, rounds) for size, rounds in found.items()),
            "",
            "Failures are pods that were not read in any round: pull / unchanged / bare / fixed window."
            f" Promised: none of ours, and at least {LEAST_OF_CEILING} of the ceiling.",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}; Python {platform.python_version()}, Linux {platform.release()},"
            f" {os.cpu_count()} cores with a load of {os.getloadavg()[1]:.0f} at the end; Community Solid"
            f" Server 7.2.0, aiohttp {version('aiohttp')}.",
        ]
    )


def _row(size: int, rounds: Rounds) -> str:
    rates = "".join(f" {statistics.median(way.rate for way in rounds[name]):.0f} |" for name in WAYS)
    failures = " / ".join(str(sum(way.failures for way in rounds[name])) for name in WAYS)
    return f"| {size} | {len(rounds['ours'])} |{rates} {ratio(rounds):.2f} | {failures} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, keep; exit code 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(description="one document of each of many pods")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="no more pods than these")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds; half of them above 256 pods")
    wanted = parser.parse_args(arguments)
    sizes = [size for size in SIZES if size <= wanted.most] or [wanted.most]
    found = asyncio.run(measure(sizes, wanted.rounds))
    text = section(found)
    print(text)
    if sizes == list(SIZES):
        write(text, MARK)
    for line in broken(found):
        print(f"pull: {line}", file=sys.stderr)
    return 1 if broken(found) else 0


if __name__ == "__main__":
    sys.exit(main())
