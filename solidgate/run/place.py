"""Where a worker stands in one person's part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Whose part, of which run, at which epoch, under which lease, renewed for how many seconds."""

    run_id: str
    consent_id: str
    epoch: int
    fence: int
    seconds: float
