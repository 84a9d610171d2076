"""The embedded PostgreSQL among several processes, and after each kind of violence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.errors import StoreUnavailable

USE = """
import sys
from pathlib import Path
from solidgate.adapters.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.postmaster(), flush=True)
sys.stdin.readline()
print(server.stop(), flush=True)
"""


class OtherProcess:
    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.postmaster = int(self.process.stdout.readline())

    def stop(self) -> bool:
        answer = self.process.communicate("\n", timeout=30)[0].strip()
        return answer == "True"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=30)


@pytest.fixture
def folder(data_folder: Path) -> Iterator[Path]:
    yield data_folder
    last = EmbeddedPostgres(data_folder)
    last.start()
    assert last.stop()


def answers(server: EmbeddedPostgres) -> bool:
    with psycopg.connect(server.url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_the_one_that_started_it_does_not_stop_it_under_another(folder: Path) -> None:
    first, second = OtherProcess(folder), EmbeddedPostgres(folder)
    second.start()
    assert second.postmaster() == first.postmaster
    assert first.stop() is False
    assert answers(second)
    assert second.stop() is True
    with pytest.raises(StoreUnavailable):
        second.postmaster()


def test_a_killed_user_does_not_count(folder: Path) -> None:
    OtherProcess(folder).kill()
    server = EmbeddedPostgres(folder)
    server.start()
    assert server.stop() is True


def test_everything_killed_and_started_again_keeps_what_was_committed(folder: Path) -> None:
    user, server = OtherProcess(folder), EmbeddedPostgres(folder)
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    user.kill()
    os.kill(user.postmaster, signal.SIGKILL)
    again = EmbeddedPostgres(folder)
    again.start()
    assert again.postmaster() != user.postmaster
    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    assert server.stop() is False
    assert again.stop() is True


def test_ensure_starts_a_killed_server_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    assert server.ensure() is False
    os.kill(server.postmaster(), signal.SIGKILL)
    assert server.ensure() is True
    assert answers(server)
    server.stop()


def test_the_number_of_another_program_in_the_pid_file_is_not_believed(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    pid_file = folder / "postgres" / "postmaster.pid"
    rest = pid_file.read_text().split("\n", 1)[1]
    os.kill(server.postmaster(), signal.SIGKILL)
    pid_file.write_text(f"{os.getpid()}\n{rest}")
    server.ensure()
    assert answers(server)
    server.stop()


def test_a_long_path_gets_a_short_private_socket_folder(data_folder: Path) -> None:
    server = EmbeddedPostgres(data_folder / ("long" * 30))
    server.start()
    assert answers(server)
    assert server.stop() is True


def test_a_folder_of_another_major_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(StoreUnavailable, match="made by PostgreSQL 9"):
        EmbeddedPostgres(tmp_path).start()
