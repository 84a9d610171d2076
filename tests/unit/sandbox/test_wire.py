"""The bytes between host and jail, from an honest and from a lying fork."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidgate.sandbox import wire
from solidgate.sandbox.wire import Malformed, Outcome


@pytest.fixture
def room() -> Iterator[int]:
    descriptor = wire.room(100)
    yield descriptor
    os.close(descriptor)


@contextmanager
def held(content: bytes) -> Iterator[int]:
    """A memory file with this content."""
    descriptor = wire.sealed(content)
    yield descriptor
    os.close(descriptor)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_wire_frame_comes_back(blobs: list[bytes]) -> None:
    with held(wire.pack({"task": "x", "é": 1}, blobs)) as descriptor:
        assert wire.unpack(descriptor) == ({"task": "x", "é": 1}, blobs)


@given(st.binary(max_size=300))
def test_wire_frame_of_noise_is_malformed(noise: bytes) -> None:
    with held(noise + b"x") as descriptor, pytest.raises(Malformed):
        wire.unpack(descriptor)


@pytest.mark.parametrize("sizes", [[5], [3, 3], [-1, 4], [2], [1 << 40]])
def test_wire_frame_that_lies_about_its_length_is_malformed(sizes: list[int]) -> None:
    head = json.dumps({"task": "x", "sizes": sizes}).encode()
    with held(struct.pack("<I", len(head)) + head + b"abc") as descriptor, pytest.raises(Malformed):
        wire.unpack(descriptor)


def test_wire_job_cannot_be_changed() -> None:
    descriptor = wire.sealed(b"job")
    for change in (lambda: os.pwrite(descriptor, b"x", 0), lambda: os.ftruncate(descriptor, 1)):
        with pytest.raises(PermissionError):
            change()
    assert os.pread(descriptor, 9, 0) == b"job"
    os.close(descriptor)


def test_wire_result_fits_exactly(room: int) -> None:
    wire.write_result(room, Outcome.OK, b"x" * 100, rows=7)
    assert wire.read_result(room, 100) == (Outcome.OK, b"x" * 100, 7)
    with pytest.raises(PermissionError):
        wire.write_result(room, Outcome.OK, b"x" * 101)


def test_wire_silence_is_an_outcome(room: int) -> None:
    assert wire.read_result(room, 100)[0] == Outcome.SILENT


@pytest.mark.parametrize(
    "head",
    [
        struct.pack("<4sBxxxQQ", b"SGr1", 1, 0, 101),
        struct.pack("<4sBxxxQQ", b"SGr1", 200, 0, 1),
        struct.pack("<4sBxxxQQ", b"XXXX", 1, 0, 1),
        struct.pack("<4sBxxxQQ", b"SGr1", 1, 0, 2**63),
        b"\xff" * 24,
    ],
)
def test_wire_lies_are_malformed(room: int, head: bytes) -> None:
    os.pwrite(room, head, 0)
    with pytest.raises(Malformed):
        wire.read_result(room, 100)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"1"])
def test_wire_message_of_noise_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        wire.parse_message(content)
