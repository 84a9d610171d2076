"""A result on its way: the intent, what the pod was seen to hold, and the graph that queries see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from solidgate.run.signpost import Kept as Sign


class DeliveryState(StrEnum):
    """``PLANNED`` is the durable intent; the others are what the pod was seen to hold.

    ``REMOVED`` was taken back by us as the person wished; ``GONE`` was not there any more.
    """

    PLANNED = "planned"
    WRITTEN = "written"
    DISPUTED = "disputed"
    ABANDONED = "abandoned"
    REMOVED = "removed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One result on its way to one pod: the bytes and where they go, decided before anything is sent.

    ``derived`` is the conformant graph alone (N-Triples), for queries, under the graph IRI ``graph``.
    """

    target: str
    content: bytes
    media_type: str
    graph: str
    derived: bytes

    def __repr__(self) -> str:
        return f"Delivery({len(self.content)} bytes)"


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as stored; ``sha256`` is of the delivered bytes.

    ``invalidated`` is when its consent was withdrawn, ``noted`` when the pod was seen to say so too;
    ``seen`` when the result was last found in the pod unchanged.
    """

    run_id: str
    consent_id: str
    epoch: int
    delivery: Delivery
    sha256: str
    state: DeliveryState
    planned: datetime
    resolved: datetime | None
    invalidated: datetime | None = None
    noted: datetime | None = None
    seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intended:
    """The intent that stands, and whether the pod's owner opens by grants now."""

    row: DeliveryRow
    asks: bool


@dataclass(frozen=True, slots=True)
class Published:
    """A result that queries see, and the intents that lead to it; none when others came between."""

    signed: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A planned delivery whose part has ended: nobody recorded what the pod holds."""

    run_id: str
    consent_id: str
    space_id: str

    @property
    def key(self) -> str:
        """Its name in the log."""
        return f"{self.run_id}:{self.consent_id}"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the result of ``run_id`` was made from: the pod's tag of each document (none: it was not there),
    and a ``fingerprint`` of everything else that decides a result."""

    run_id: str
    fingerprint: str
    tags: Mapping[str, str | None]

    def __repr__(self) -> str:
        return f"Earlier({self.run_id}, {len(self.tags)} documents)"


@dataclass(frozen=True, slots=True)
class DerivedRow:
    """One person's graph: its IRI and its N-Triples; ``person`` is the same for every account of a WebID.

    ``consent_id`` is the consent behind it.
    """

    graph: str
    content: bytes
    person: bytes = b""
    consent_id: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that is kept since ``since``; ``consent_id`` is empty for a result about a group."""

    run_id: str
    consent_id: str
    since: datetime
