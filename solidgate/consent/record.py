"""The consent record: digests of what was shown, append-only events, a status computed from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from solidgate.consent.status import ConsentStatus


class Reason(StrEnum):
    """Why somebody other than the person ended a consent."""

    TERMS_CHANGED = "TermsChanged"
    SPACE_CLOSED = "SpaceClosed"
    CODE_RECALLED = "CodeRecalled"


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One event: who (an agent's IRI), when (aware, UTC), what, and by which act.

    ``until`` is the absolute end, present exactly for GIVEN and RENEWED.
    """

    sequence: int
    status: ConsentStatus
    at: datetime
    by: str
    method: str = ""
    until: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One record for one purpose of one person (dpv:ConsentRecord, ISO/IEC TS 27560).

    Digests are ``sha256:<hex>``. ``iri`` is the public address of the consent; ``resources`` are absolute
    IRIs in the person's pod; ``result_container`` the one place where results are written.
    """

    consent_id: str
    iri: str
    request_id: str
    data_subject: str
    space: str
    purpose: str
    agreement_digest: str
    notice_digest: str
    notice_language: str
    notice_date: datetime
    algorithm_digest: str
    shape_digest: str
    resources_digest: str
    resources: tuple[str, ...]
    recipients: tuple[str, ...]
    result_container: str
    epoch: int
    events: tuple[ConsentEvent, ...] = field(default_factory=tuple)
    replaces: str | None = None

    @property
    def latest(self) -> ConsentEvent:
        """The event with the highest sequence."""
        return max(self.events, key=lambda event: event.sequence)
