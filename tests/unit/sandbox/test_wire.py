"""The bytes between host and jail, from an honest and from a lying fork."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

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


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_wire_frame_comes_back(blobs: list[bytes]) -> None:
    assert wire.unpack(wire.pack({"task": "x", "é": 1}, blobs)) == ({"task": "x", "é": 1}, blobs)


@given(st.binary(max_size=300))
def test_wire_frame_of_noise_is_malformed(noise: bytes) -> None:
    with pytest.raises(Malformed):
        wire.unpack(noise + b"x")


def test_wire_job_cannot_be_changed() -> None:
    descriptor = wire.sealed(b"job")
    for change in (lambda: os.pwrite(descriptor, b"x", 0), lambda: os.ftruncate(descriptor, 1)):
        with pytest.raises(PermissionError):
            change()
    assert wire.read_all(descriptor) == b"job"
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
