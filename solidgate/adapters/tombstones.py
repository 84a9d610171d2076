"""Who was erased, as keyed digests in a file beside the database: a restored backup brings nobody back."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from solidgate.adapters import sealing
from solidgate.errors import BadFile

NAME = "tombstones"
_LINE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Tombstones:
    """One line for each erased person. Keep the file out of the database's backup, and never shorten it."""

    path: Path
    key: bytes

    def of(self, person_id: str) -> bytes:
        """The person's digest: under our key, so that the file tells nobody who it was."""
        return sealing.digest(self.key, "erased", person_id)

    def add(self, tombstone: bytes) -> None:
        """Durable when this returns; adding again changes nothing."""
        if tombstone in self.all():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, self._begin() + tombstone.hex().encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(self.path.parent)

    def _begin(self) -> bytes:
        # A kill in the middle of a line leaves it without its end; the next one then begins anew.
        content = self.path.read_bytes()
        return b"\n" if content and not content.endswith(b"\n") else b""

    def all(self) -> frozenset[bytes]:
        """Everybody's; a line that a kill cut short was not acknowledged. Raises ``BadFile``."""
        try:
            lines = self.path.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return frozenset()
        except (OSError, UnicodeDecodeError) as fault:
            raise BadFile(f"{self.path} cannot be read") from fault
        return frozenset(bytes.fromhex(line) for line in lines if _LINE.fullmatch(line))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
