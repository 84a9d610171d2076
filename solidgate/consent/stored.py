"""What the store gives back about a consent: the record and whose it is, its receipt, its door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from solidgate.consent.record import ConsentRecord
from solidgate.consent.status import ConsentStatus
from solidgate.pod.door import DoorState


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """A record and whose it is."""

    record: ConsentRecord
    person_id: str
    space_id: str


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """A receipt and where it stands in the pod, or why it does not."""

    sequence: int
    token: str
    pod_url: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class StoredDoor:
    """The door as last read back, with the error code of the last attempt."""

    state: DoorState
    problem: str | None


@dataclass(frozen=True, slots=True)
class PurposeState:
    """Where the newest record of one purpose stands, and to which terms it was an answer."""

    consent_id: str
    agreement_digest: str
    status: ConsentStatus
    until: datetime | None

    def at(self, now: datetime) -> ConsentStatus:
        """The status by the clock: a yes past its end is EXPIRED."""
        ended = self.status.valid_for_processing and self.until is not None and now >= self.until
        return ConsentStatus.EXPIRED if ended else self.status


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A request without an answer; ``reminded`` is when its one reminder was shown."""

    request_id: str
    space_id: str
    created: datetime
    answers_by: datetime
    deferred: datetime | None
    reminded: datetime | None
