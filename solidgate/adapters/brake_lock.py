"""The brake of all processes on one data folder: a lock on a file, which needs no database and no disk space.

Whoever could not store a withdrawal holds the lock, several at once if need be; everybody else only looks.
The file is made when a process starts. A lock of an open file description (``F_OFD_SETLK``) ends with its
process, whatever ends that.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

from solidgate.errors import BadFile

NAME = "brake"
# struct flock of Linux: type, whence, start, length, process; from the first byte to the end.
_FLOCK = "hhqqi0q"


class BrakeLock:
    """One process's hand on the brake. Raises ``BadFile`` where the file cannot be made."""

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as fault:
            raise BadFile(f"{path} cannot be opened") from fault

    def hold(self) -> None:
        """Stop everybody; holding it already is no harm."""
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _lock(fcntl.F_RDLCK))

    def let_go(self) -> None:
        """Nothing of ours stops anybody."""
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _lock(fcntl.F_UNLCK))

    def is_held(self) -> bool:
        """Whether somebody else holds it. Asks the kernel, and takes no lock."""
        found = fcntl.fcntl(self._file, fcntl.F_OFD_GETLK, _QUESTION)
        return int(struct.unpack_from("h", found)[0]) != fcntl.F_UNLCK

    def close(self) -> None:
        """Let go of the file too."""
        os.close(self._file)


def _lock(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


_QUESTION = _lock(fcntl.F_WRLCK)
