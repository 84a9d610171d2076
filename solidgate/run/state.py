"""A run and its parts: one part for each consent, from queued to a final outcome."""

from __future__ import annotations

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
