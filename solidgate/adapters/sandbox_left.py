"""What a job of the sandbox left behind, and what that means to whoever asked for it."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from solidgate.adapters.sandbox_zygote import Ended
from solidgate.errors import (
    PodUnreadable,
    QueryFormatUnsupported,
    QueryInvalid,
    QueryLimit,
    SandboxFailed,
    SandboxLimit,
)
from solidgate.query.results import Answer, ResultFormat
from solidgate.sandbox import wire
from solidgate.sandbox.limits import Limits
from solidgate.sandbox.table import Bounds, MalformedTable, Table, unpacked
from solidgate.sandbox.wire import Ending, Outcome

_TOLD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}( at [\w./-]{1,200}:\d{1,7})?")
_PLACE = re.compile(r"\d{1,6}:\d{1,6}")


@dataclass(frozen=True, slots=True)
class Left:
    """What a fork left behind, and how it ended when it left nothing."""

    outcome: Outcome
    content: bytes = b""
    rows: int = 0
    limit: str = ""


def left_by(ended: Ended, result: int, limits: Limits) -> Left:
    """How a job ended, as one value. A fork that did not end by itself has said nothing that counts."""
    if ended.ending == Ending.WALL:
        return Left(Outcome.FAILED, limit=f"wall_seconds={limits.wall_seconds:g}")
    if ended.ending == Ending.SIGNAL and ended.status in (signal.SIGXCPU, signal.SIGKILL):
        return Left(Outcome.FAILED, limit=f"cpu_seconds={limits.cpu_seconds:g}")
    if ended.ending == Ending.SIGNAL and ended.status == signal.SIGXFSZ:
        return Left(Outcome.OUTPUT, limit=f"output_bytes={limits.output_bytes}")
    if ended.ending != Ending.EXIT or ended.status != 0:
        return Left(Outcome.FAILED)
    try:
        outcome, content, rows = wire.read_result(result, limits.output_bytes + 1)
    except wire.Malformed:
        return Left(Outcome.FAILED)
    named = {
        Outcome.MEMORY: f"memory_bytes={limits.memory_bytes}",
        Outcome.OUTPUT: f"output_bytes={limits.output_bytes}",
        Outcome.ROWS: "max_rows",
    }
    return Left(outcome, content, rows, named.get(outcome, ""))


def result_of(left: Left, samples: bool) -> bytes:
    """What a program made; a fault of ``samples`` is named.

    Raises ``PodUnreadable SandboxLimit SandboxFailed``.
    """
    if left.outcome == Outcome.OK:
        return left.content
    if left.outcome == Outcome.UNREADABLE:
        raise PodUnreadable
    if left.limit:
        raise SandboxLimit(left.limit)
    detail = left.content[:300].decode("ascii", "replace") if samples else ""
    raise SandboxFailed(detail if _TOLD.fullmatch(detail) else "")


def table_of(left: Left, bounds: Bounds) -> Table:
    """What a preview shows. Raises ``PodUnreadable SandboxLimit``."""
    if left.limit:
        raise SandboxLimit(left.limit)
    if left.outcome != Outcome.OK:
        raise PodUnreadable
    try:
        return unpacked(left.content, bounds)
    except MalformedTable:
        raise PodUnreadable from None


def statements_of(left: Left) -> bytes:
    """A document's statements; more than fit are as good as none.

    Raises ``PodUnreadable SandboxLimit``.
    """
    if left.limit and left.outcome != Outcome.OUTPUT:
        raise SandboxLimit(left.limit)
    if left.outcome != Outcome.OK:
        raise PodUnreadable
    return left.content


def answer_of(left: Left, formats: Sequence[ResultFormat]) -> Answer:
    """What a query found, in the form that it chose.

    Raises ``QueryInvalid QueryFormatUnsupported QueryLimit``.
    """
    if left.outcome == Outcome.OK and left.content and left.content[0] < len(formats):
        return Answer(left.content[1:], formats[left.content[0]], left.rows)
    if left.outcome == Outcome.INVALID:
        place = left.content[:16].decode("ascii", "replace")
        raise QueryInvalid(f"at {place}" if _PLACE.fullmatch(place) else "")
    if left.outcome == Outcome.FORMAT:
        raise QueryFormatUnsupported("tables: JSON, XML, CSV, TSV; ASK: JSON, XML; graphs: Turtle, N-Triples")
    raise QueryLimit(left.limit)  # a query that crashes its child has used up what a query may
