"""``solidgate serve`` as real processes: up, kept up, drained, killed, up again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

SECONDS = 40


class Served:
    """One ``solidgate serve`` on a free port, with its log."""

    def __init__(self, folder: Path, *, worker: bool) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = folder.with_suffix(".log")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SOLIDGATE_")}
        environment |= {
            "SOLIDGATE_SERVER__DATA_FOLDER": str(folder),
            "SOLIDGATE_SERVER__WITH_WORKER": str(worker).lower(),
            "SOLIDGATE_SERVER__SHUTDOWN_SECONDS": "5",
            "SOLIDGATE_SANDBOX__MINIMUM_LEVEL": "0",
        }
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "solidgate", "serve", "--port", str(self.port)]
            self.process = subprocess.Popen(command, env=environment, stderr=log)

    def get(self, path: str) -> int:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except URLError as fault:
            return int(getattr(fault, "code", 0))
        except OSError:
            return 0

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if found := holds():
                return found
            time.sleep(0.1)
        pytest.fail(f"not within {SECONDS} s: {what}\n{self.log.read_text()[-3000:]}")

    def ready(self, path: str = "/readyz") -> None:
        self.until(lambda: self.get(path) == 200, path)

    def pids(self, name: str) -> list[int]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        events = [line for line in lines if line["event"] == "serve.child-started"]
        return [line["pid"] for line in events if line["process"] == name]

    def postmaster(self) -> int:
        return int((self.folder / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


@pytest.fixture
def start(data_folder: Path) -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def begin(*, worker: bool = False) -> Served:
        running.append(Served(data_folder, worker=worker))
        return running[-1]

    yield begin
    for served in running:
        if served.process.poll() is None:
            served.process.terminate()
        served.process.wait(timeout=SECONDS)
    if running:
        running[0].until(
            lambda: not (data_folder / "postgres" / "postmaster.pid").exists(), "PostgreSQL ends"
        )


def test_sigterm_drains_and_ends_with_0_and_nothing_is_left(start: Callable[..., Served]) -> None:
    served = start()
    served.ready()
    postmaster, (gate,) = served.postmaster(), served.pids("gate-0")
    served.process.terminate()
    assert served.process.wait(timeout=SECONDS) == 0
    assert not is_alive(gate)
    assert not is_alive(postmaster)
    assert "gate.draining" in served.log.read_text()


def test_what_dies_is_started_again(start: Callable[..., Served]) -> None:
    served = start(worker=True)
    served.ready("/readyz?worker")
    for name in ("worker", "gate-0"):
        os.kill(served.pids(name)[-1], signal.SIGKILL)
    os.kill(served.postmaster(), signal.SIGKILL)
    served.until(lambda: len(served.pids("worker")) > 1 and len(served.pids("gate-0")) > 1, "new children")
    served.ready("/readyz?worker")


def test_children_end_with_a_killed_serve_and_a_new_one_starts(start: Callable[..., Served]) -> None:
    served = start()
    served.ready()
    (gate,) = served.pids("gate-0")
    served.process.kill()
    served.process.wait(timeout=SECONDS)
    served.until(lambda: not is_alive(gate), "the gate ends with its parent")
    again = start()
    again.ready()


def test_a_port_in_use_is_named(data_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = os.environ | {"SOLIDGATE_SERVER__DATA_FOLDER": str(data_folder)}
        command = [sys.executable, "-m", "solidgate", "serve", "--port", port]
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    assert ended.returncode == 2
    assert "config.bad-setting" in ended.stderr
    assert port in ended.stderr
