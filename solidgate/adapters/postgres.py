"""PostgreSQL without an installation: the wheel's server in the data folder, shared by all processes there.

Who uses the server holds a shared lock on ``postgres.users``; the kernel drops it however the process ends.
Starting and stopping is serialised by ``postgres.lock``. So the last user stops the server, a killed user
never counts, and a server that a killed process left behind is simply used again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from solidgate.adapters.postgres_programs import MAJOR, PostgresPrograms, command_of
from solidgate.errors import StoreUnavailable

DATABASE = "solidgate"
LONGEST_SOCKET_PATH = 100
START_ATTEMPTS = 10

# Log files rotate by weekday and are overwritten, so they stay small; terse, because details quote values.
_OPTIONS = {
    "listen_addresses": "",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    # A recycled segment keeps what it held, which would outlive an erasure.
    "wal_recycle": "off",
}


class EmbeddedPostgres:
    """The server in one data folder. ``start`` and ``stop`` may be called from any number of processes."""

    def __init__(
        self, folder: Path, *, start_seconds: float = 60.0, options: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder.expanduser().absolute()
        self._pgdata = self._folder / "postgres"
        self._start_seconds = start_seconds
        self._options = _OPTIONS | dict(options or {})
        self._programs = PostgresPrograms(self._pgdata)
        self._users: int | None = None

    @property
    def url(self) -> str:
        """The ``postgresql://`` URL of our database; the server must have been started."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The URL of another database of the same server."""
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self._socket_folder()), safe='')}"

    def start(self) -> str:
        """Make, start or join the server, and return ``url``. Raises ``StoreUnavailable``. Blocks."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._serialised():
            if self._users is None:
                self._users = self._locked("postgres.users", fcntl.LOCK_SH)
            try:
                self._bring_up()
            except BaseException:
                self._release()
                raise
        return self.url

    def ensure(self) -> bool:
        """Whether it had to be started again, after somebody killed it. Raises ``StoreUnavailable``."""
        if self._answers():
            return False
        with self._serialised():
            self._bring_up()
        return True

    def stop(self) -> bool:
        """Leave the server; the last one to leave stops it. True when it was stopped."""
        if self._users is None:
            return False
        with self._serialised():
            self._release()
            last = self._nobody_left()
            if last:
                self._programs.ctl("stop", "-m", "fast", "-w")
                self._drop_socket_folder()
        return last

    def postmaster(self) -> int:
        """The server's process id. Raises ``StoreUnavailable`` when it is not running."""
        pid = self._recorded_pid()
        if pid is None or not self._is_ours(pid):
            raise StoreUnavailable("the embedded PostgreSQL is not running")
        return pid

    # --- bringing it up

    def _bring_up(self) -> None:
        self._programs.choose_user()
        if not (self._pgdata / "PG_VERSION").exists():
            self._initialise()
        found = (self._pgdata / "PG_VERSION").read_text().strip()
        if found != str(MAJOR):
            raise StoreUnavailable(
                f"{self._pgdata} was made by PostgreSQL {found}; this version brings {MAJOR}"
            )
        if not self._answers():
            self._launch()
        self._ensure_database()

    def _initialise(self) -> None:
        # Made beside its place and then renamed: a kill in the middle leaves nothing that looks finished.
        fresh = self._folder / f"postgres.new-{os.getpid()}"
        fresh.mkdir(mode=0o700)
        self._programs.give(fresh)
        self._programs.run(
            "initdb", "-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale", "--no-instructions",
        )  # fmt: skip
        fresh.rename(self._pgdata)

    def _launch(self) -> None:
        for attempt in range(START_ATTEMPTS):
            self._drop_stale_pid_file()
            try:
                self._programs.ctl(
                    "start", "-w", "-t", str(int(self._start_seconds)), "-o", self._command_line()
                )
            except StoreUnavailable:
                # Backends of a killed server may hold its shared memory for a moment longer.
                if attempt == START_ATTEMPTS - 1:
                    raise
                time.sleep(0.3)
            else:
                return

    def _command_line(self) -> str:
        options = [f"-c {key}='{value}'" for key, value in self._options.items()]
        return " ".join([f"-k '{self._socket_folder()}'", *options])

    def _ensure_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    # --- what is there already

    def _answers(self) -> bool:
        """Whether our socket takes a connection and the server has finished its recovery."""
        deadline = time.monotonic() + self._start_seconds
        while self._socket_accepts():
            try:
                psycopg.connect(self.url_of("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise StoreUnavailable("the embedded PostgreSQL does not finish starting") from None
                time.sleep(0.1)
            else:
                return True
        return False

    def _socket_accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(self._socket_folder() / ".s.PGSQL.5432"))
            return True
        return False

    def _drop_stale_pid_file(self) -> None:
        # The number may belong to another program by now (a restarted container); the server would refuse.
        pid = self._recorded_pid()
        if pid is not None and not self._is_ours(pid):
            (self._pgdata / "postmaster.pid").unlink(missing_ok=True)

    def _recorded_pid(self) -> int | None:
        try:
            return int((self._pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        return str(self._pgdata) in command_of(pid)

    # --- locks

    @contextmanager
    def _serialised(self) -> Iterator[None]:
        descriptor = self._locked("postgres.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(descriptor)

    def _locked(self, name: str, mode: int) -> int:
        descriptor = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, mode)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _release(self) -> None:
        if self._users is not None:
            os.close(self._users)
            self._users = None

    def _nobody_left(self) -> bool:
        try:
            os.close(self._locked("postgres.users", fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    # --- the operating system

    def _socket_folder(self) -> Path:
        """The cluster's own folder (0700), or a short one of the same owner when that path is too long."""
        if len(str(self._pgdata)) + len("/.s.PGSQL.5432") <= LONGEST_SOCKET_PATH:
            return self._pgdata
        digest = hashlib.sha256(os.fsencode(self._pgdata)).hexdigest()[:12]
        return self._programs.private_folder(Path(tempfile.gettempdir()) / f"solidgate-{digest}")

    def _drop_socket_folder(self) -> None:
        if self._socket_folder() != self._pgdata:
            with suppress(OSError):
                self._socket_folder().rmdir()


@contextmanager
def shared_postgres(url: str, folder: Path) -> Iterator[str]:
    """The database to use: ``url`` when it is given, else the embedded server of the data folder, joined."""
    if url:
        yield url
        return
    server = EmbeddedPostgres(folder)
    try:
        yield server.start()
    finally:
        server.stop()
