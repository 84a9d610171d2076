"""What became of a door, as it is told to its person: one word for each thing that changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from solidgate.errors import AccessGrantNarrowed
from solidgate.pod.door import DoorState


class DoorEvent(StrEnum):
    """The words are stored for ever: add, never change."""

    OPEN_ASKED = "open-asked"
    REQUESTED = "requested"
    OPENED = "opened"
    OPENED_IN_PART = "opened-in-part"
    NOT_OPENED = "not-opened"
    DENIED = "denied"
    TOO_WIDE = "too-wide"
    WIDE_NO_MORE = "wide-no-more"
    FOUND_CLOSED = "found-closed"
    FOUND_SHUT = "found-shut"
    FOUND_OPEN = "found-open"
    CLOSE_ASKED = "close-asked"
    CLOSED = "closed"
    NOT_CLOSED = "not-closed"


ENDS = frozenset(
    {
        DoorEvent.DENIED,
        DoorEvent.WIDE_NO_MORE,
        DoorEvent.FOUND_CLOSED,
        DoorEvent.FOUND_SHUT,
        DoorEvent.CLOSE_ASKED,
        DoorEvent.CLOSED,
        DoorEvent.NOT_CLOSED,
    }
)
"""Those after which a space may do less, or was to."""

BY_PERSON = frozenset(
    {DoorEvent.OPEN_ASKED, DoorEvent.OPENED, DoorEvent.DENIED, DoorEvent.CLOSE_ASKED, DoorEvent.CLOSED}
)
"""What a person did, or a gate with their session; the others are a pod's doing."""


@dataclass(frozen=True, slots=True)
class DoorLine:
    """One event of a consent's door; ``problem`` is an error code. Larger sequences are later."""

    sequence: int
    consent_id: str
    event: DoorEvent
    problem: str | None
    at: datetime


_OPENED = {
    DoorState.OPEN: DoorEvent.OPENED,
    DoorState.PARTIAL: DoorEvent.OPENED_IN_PART,
    DoorState.REQUESTED: DoorEvent.REQUESTED,
    DoorState.DENIED: DoorEvent.DENIED,
}


def opening(state: DoorState, problem: str | None) -> DoorEvent:
    """What an attempt to open came to, by the state read back and the fault that the pod told."""
    is_known = problem in (None, AccessGrantNarrowed.code) or state in (DoorState.OPEN, DoorState.DENIED)
    return _OPENED.get(state, DoorEvent.NOT_OPENED) if is_known else DoorEvent.NOT_OPENED


def closing(state: DoorState) -> DoorEvent:
    """What an attempt to close came to, by the state read back."""
    return DoorEvent.CLOSED if state is DoorState.CLOSED else DoorEvent.NOT_CLOSED


def seen(state: DoorState) -> DoorEvent:
    """What somebody found who only looked."""
    return _OPENED.get(state, DoorEvent.FOUND_CLOSED)
