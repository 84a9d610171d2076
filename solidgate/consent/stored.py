"""What the store gives back about a consent: the record and whose it is, its receipt, its door."""

from __future__ import annotations

from dataclasses import dataclass

from solidgate.consent.record import ConsentRecord
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
