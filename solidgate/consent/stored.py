"""What the store gives back about a consent: the record and whose it is, its receipt, its door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from solidgate.algorithm.approval import Approval
from solidgate.consent.notice import Notice
from solidgate.consent.record import ConsentRecord
from solidgate.consent.request import ConsentRequest
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


@dataclass(frozen=True, slots=True)
class ToAnswer:
    """A request, and all that an answer to it depends on; ``notice`` is none when it was never displayed.

    ``agreement_digest`` names the space's terms of now, ``approvals`` what its parties said of them,
    ``earlier`` the newest record of each purpose, and ``held`` the purposes with a yes that no event has
    ended, whatever the clock says.
    """

    request: ConsentRequest
    answered: bool
    deferred: datetime | None
    space_state: str
    agreement_digest: str
    approvals: tuple[Approval, ...]
    notice: Notice | None
    displayed: datetime | None
    earlier: Mapping[str, PurposeState]
    held: frozenset[str]
