"""What stands beside the pipeline, in as many processes as there are cores.

The pipeline keeps every core busy, and a busy machine takes more processor time for the same work: so what it
is compared with meets the machine as busy, once before the pipeline's run and once after it.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beside:
    """Seconds by the clock, processor seconds of all processes, and how many people they had."""

    people: int
    seconds: float
    processor: float

    @property
    def milliseconds(self) -> float:
        """Processor time for one person."""
        return self.processor * 1000 / self.people


def beside(module: str, pods: str, numbers: range) -> Beside:
    """``python -m benchmarks.<module> PODS FIRST COUNT`` once for each core, a share of the people each."""
    share = math.ceil(len(numbers) / (os.cpu_count() or 1))
    commands = [
        [
            sys.executable,
            "-m",
            f"benchmarks.{module}",
            pods,
            str(first),
            str(min(share, numbers.stop - first)),
        ]
        for first in numbers[::share]
    ]
    begun = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
    said = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError(f"{module} ended with a fault")
    return Beside(len(numbers), time.perf_counter() - begun, sum(map(_processor, said)))


def _processor(said: bytes) -> float:
    used: float = json.loads(said)["processor"]
    return used


def together(two: Iterable[Beside]) -> Beside:
    """Several measurements as one."""
    parts = list(two)
    return Beside(
        sum(one.people for one in parts),
        sum(one.seconds for one in parts),
        sum(one.processor for one in parts),
    )


def told(work: Callable[[str, range], None]) -> int:
    """Do ``work`` on the people that the command line names, and say what processor time it took."""
    pods, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    used = time.process_time()
    work(pods, range(first, first + count))
    print(json.dumps({"processor": time.process_time() - used}))
    return 0
