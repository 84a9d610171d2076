"""Signposts: two documents of ours beside the results in a pod, that lead people and programs to them.

``LATEST`` points to the newest result of each purpose; ``INDEX`` lists all results for people. They are the
only documents in a pod that solidgate changes, so what may stand there is kept by digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from solidgate.consent.record import ConsentRecord

MOST_OURS = 12
"""So many earlier versions are recognised as ours; an attempt that was cut off is among the last ones."""


class Kind(StrEnum):
    """Which of the two."""

    INDEX = "index"
    LATEST = "latest"


class SignState(StrEnum):
    """``PLANNED`` is the durable intent; the others are what the pod was seen to hold."""

    PLANNED = "planned"
    WRITTEN = "written"
    DISPUTED = "disputed"
    GONE = "gone"
    REMOVED = "removed"

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing is ever written here again: others' content, or what the person took away."""
        return self in (SignState.DISPUTED, SignState.GONE)


@dataclass(frozen=True, slots=True)
class Listed:
    """One result as the signposts tell of it; times are aware, texts are in the person's language."""

    url: str
    purpose: str
    title: str
    at: datetime
    consent: str
    invalid: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signpost:
    """One signpost as planned. Empty ``content``: it is to be taken away.

    ``stood`` says that it was seen in the pod since it was first written: if it is not there any more, the
    person took it away. ``ours`` are SHA-256 of what was planned here lately: only such bytes are replaced.
    ``etag`` is the pod's tag for our bytes that stand there, where it is known.
    """

    kind: Kind
    target: str
    content: bytes
    sha256: str
    ours: tuple[str, ...]
    state: SignState
    stood: bool = False
    etag: str | None = None

    @property
    def is_certain(self) -> bool:
        """Whether one conditional request can bring it, without a look at what stands there."""
        is_new = len(self.ours) == 1
        return self.state is SignState.PLANNED and bool(self.content) and (is_new or self.etag is not None)

    def __repr__(self) -> str:
        return f"Signpost({self.kind}, {len(self.content)} bytes, {self.state})"


@dataclass(frozen=True, slots=True)
class Kept:
    """A signpost at rest: ``sealed`` are its bytes there, by which any change since then is noticed."""

    sign: Signpost
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """The next intent for a signpost, to stand in place of exactly what was kept before."""

    sign: Signpost
    before: Kept | None


@dataclass(frozen=True, slots=True)
class Lead:
    """The intents that are to stand together with a new result; ``place`` names the container.

    Housekeeping looks at them at ``next_look``, if nobody has brought them by then.
    """

    place: str
    changes: tuple[Change, ...]
    next_look: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """An earlier result that the pod was seen to hold, with the consent behind it."""

    record: ConsentRecord
    run_id: str
    at: datetime
    invalid: datetime | None


@dataclass(frozen=True, slots=True)
class Around:
    """What a new result comes beside: the signposts of its container, and every earlier result there."""

    place: str
    kept: Mapping[Kind, Kept]
    earlier: tuple[Standing, ...]

    @property
    def is_settled(self) -> bool:
        """Whether nobody can change what is listed here without changing a signpost, too."""
        return len(self.kept) == len(Kind) or not (self.kept or self.earlier)


@dataclass(frozen=True, slots=True)
class Due:
    """A signpost to look at: for whom it was planned last, and where."""

    person_id: str
    space_id: str
    place: str
    consent_id: str
    run_id: str

    @property
    def key(self) -> str:
        """Its name in the log."""
        return f"{self.run_id}:{self.consent_id}"


def planned(before: Signpost | None, kind: Kind, target: str, content: bytes, sha256: str) -> Signpost:
    """The next intent; what was planned before stays recognised as ours, and a dispute stays one."""
    if before is None or before.state is SignState.REMOVED:
        return Signpost(kind, target, content, sha256, (sha256,), SignState.PLANNED)
    if before.sha256 == sha256 or before.state.is_left_alone:
        return before
    ours = (*(one for one in before.ours if one != sha256), sha256)[-MOST_OURS:]
    stood = before.stood or before.state is SignState.WRITTEN
    return replace(before, content=content, sha256=sha256, ours=ours, state=SignState.PLANNED, stood=stood)
