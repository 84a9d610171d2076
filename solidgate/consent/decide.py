"""May this be done now? The one question that is asked again before every effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is about to be done, to be held against the record."""

    purpose: str
    agreement_digest: str
    algorithm_digest: str
    shape_digest: str
    resources: tuple[str, ...]
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActiveConsent:
    """A decision that holds at ``decided_at`` for exactly this epoch. Built only by ``decide``."""

    consent_id: str
    epoch: int
    data_subject: str
    purpose: str
    resources: tuple[str, ...]
    result_container: str
    until: datetime
    decided_at: datetime
