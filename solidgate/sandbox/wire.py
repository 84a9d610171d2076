"""The bytes between the host and a jail: jobs and results in sealed memory files, signals in small messages.

A job is one memory file, sealed against writing. A result is another one, of fixed size and sealed against
growing, so that a program cannot give back more than its limit. Neither passes through the zygote's memory:
it only hands the descriptors to the fork. Everything in a result is untrusted until the host has checked it.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Any

MESSAGE_BYTES = 16 * 1024

_SEALED_INPUT = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_SEALED_OUTPUT = fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_HEAD = struct.Struct("<I")
_RESULT = struct.Struct("<4sBxxxQQ")
_MAGIC = b"SGr1"

RESULT_HEAD_BYTES = _RESULT.size


class Kind(StrEnum):
    """What a zygote is for; it decides which libraries are preloaded."""

    PROGRAM = "program"
    VALIDATE = "validate"
    QUERY = "query"
    PREVIEW = "preview"


class Outcome(IntEnum):
    """What a fork says of its own job. A fork that says nothing has failed."""

    SILENT = 0
    OK = 1
    FAILED = 2
    MEMORY = 3
    OUTPUT = 4
    UNREADABLE = 5
    INVALID = 6
    FORMAT = 7
    ROWS = 8
    UNDECIDED = 9


class Ending(StrEnum):
    """How the zygote saw the fork end."""

    EXIT = "exit"
    SIGNAL = "signal"
    WALL = "wall"
    KILLED = "killed"


class Malformed(ValueError):
    """Bytes that are not of this wire format."""


def pack(header: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """One frame: a JSON header, then the blobs one after another."""
    head = json.dumps({**header, "sizes": [len(blob) for blob in blobs]}).encode()
    return b"".join((_HEAD.pack(len(head)), head, *blobs))


def unpack(descriptor: int) -> tuple[dict[str, Any], list[bytes]]:
    """The header and the blobs of a frame in a memory file, each blob read into its own place at once.

    Raises ``Malformed``.
    """
    end = os.fstat(descriptor).st_size
    try:
        (length,) = _HEAD.unpack(os.pread(descriptor, _HEAD.size, 0))
        header = json.loads(_part(descriptor, length, _HEAD.size, end))
        sizes = header.pop("sizes")
    except (struct.error, ValueError, KeyError, AttributeError) as problem:
        raise Malformed("not a frame") from problem
    blobs, place = [], _HEAD.size + length
    for size in sizes:
        blobs.append(_part(descriptor, size, place, end))
        place += size
    if place != end:
        raise Malformed("a frame of another length than it says")
    return header, blobs


def _part(descriptor: int, size: int, place: int, end: int) -> bytes:
    if not 0 <= size <= end - place:
        raise Malformed("a frame of another length than it says")
    content = os.pread(descriptor, size, place)
    if len(content) != size:
        raise Malformed("a memory file ended early")
    return content


def sealed(content: bytes, name: str = "job") -> int:
    """A descriptor of a memory file that holds ``content`` and can never change again."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALED_INPUT)
    return descriptor


def room(content_bytes: int) -> int:
    """A descriptor of an empty memory file with space for a result of ``content_bytes`` and not one more."""
    descriptor = os.memfd_create("result", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, RESULT_HEAD_BYTES + content_bytes)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALED_OUTPUT)
    return descriptor


def write_result(descriptor: int, outcome: Outcome, content: bytes = b"", rows: int = 0) -> None:
    """The content first and the head last, so that a fork that dies half-way has said nothing."""
    place, view = RESULT_HEAD_BYTES, memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, place)
        view, place = view[written:], place + written
    os.pwrite(descriptor, _RESULT.pack(_MAGIC, outcome, rows, len(content)), 0)


def read_result(descriptor: int, content_bytes: int) -> tuple[Outcome, bytes, int]:
    """What a fork left: outcome, at most ``content_bytes`` of content, rows. Raises ``Malformed``."""
    magic, code, rows, length = _RESULT.unpack(os.pread(descriptor, RESULT_HEAD_BYTES, 0))
    if magic == bytes(4) and code == 0:
        return Outcome.SILENT, b"", 0
    if magic != _MAGIC or length > content_bytes or code not in set(Outcome):
        raise Malformed("not a result")
    content = os.pread(descriptor, length, RESULT_HEAD_BYTES)
    if len(content) != length:
        raise Malformed("a result that ends early")
    return Outcome(code), content, rows


def message(**fields: Any) -> bytes:
    """One control message, as sent over the sequenced-packet socket."""
    return json.dumps(fields).encode()


def parse_message(content: bytes) -> dict[str, Any]:
    """A control message. Raises ``Malformed``."""
    try:
        fields = json.loads(content)
    except ValueError as problem:
        raise Malformed("not a message") from problem
    if not isinstance(fields, dict):
        raise Malformed("not a message")
    return fields
