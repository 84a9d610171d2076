"""A run and its parts: one part for each consent, from queued to a final outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RunState(StrEnum):
    """``QUEUED -> RUNNING -> FINISHED``, or ``CANCELLED`` from the first two."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class PartState(StrEnum):
    """Where one person's part stands; the last five are final.

    ``UNCHANGED``: nothing has changed in the pod, and the earlier result stands.
    """

    QUEUED = "queued"
    PULLING = "pulling"
    RUNNING = "running"
    VALIDATING = "validating"
    WRITING = "writing"
    WRITTEN = "written"
    UNCHANGED = "unchanged"
    STOPPED = "stopped"
    REFUSED = "refused"
    FAILED = "failed"


FINAL = (
    PartState.WRITTEN,
    PartState.UNCHANGED,
    PartState.STOPPED,
    PartState.REFUSED,
    PartState.FAILED,
)


WITHOUT_RESULT = (PartState.STOPPED, PartState.REFUSED, PartState.FAILED)
"""The ends that have an error code."""

_ON_THE_WAY = tuple(state for state in PartState if state not in FINAL)


def furthest(states: Iterable[PartState]) -> PartState:
    """How far a part came before its end, in whichever of its attempts: what had happened stays so."""
    passed = [_ON_THE_WAY.index(state) for state in states if state in _ON_THE_WAY]
    return _ON_THE_WAY[max(passed, default=0)]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as stored."""

    run_id: str
    space_id: str
    agreement_digest: str
    algorithm_digest: str
    state: RunState
    created: datetime
    started: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class PartRow:
    """One person's part; ``outcome`` is an error code when it did not end with a result."""

    run_id: str
    consent_id: str
    person_id: str
    state: PartState
    outcome: str | None
    updated: datetime


@dataclass(frozen=True, slots=True)
class StepRow:
    """One move of one part, in the order of ``sequence``; never changed afterwards."""

    sequence: int
    run_id: str
    consent_id: str
    state: PartState
    outcome: str | None
    at: datetime
