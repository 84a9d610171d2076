"""The door of one consent where the owner opens it by grants: what was asked in parts, and what came of each.

A request has one set of modes for all its resources, so there are two: Read on the documents, and Read,
Write and Append on the container of results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from solidgate.pod.credential import AccessMode
from solidgate.pod.door import Door, DoorState
from solidgate.pod.grant import AskedAccess, Grant

_RESULT_MODES = frozenset({AccessMode.READ, AccessMode.WRITE, AccessMode.APPEND})


class Part(StrEnum):
    """What a request is for: documents to read, or results to write."""

    DOCUMENTS = "documents"
    RESULTS = "results"


@dataclass(frozen=True, slots=True)
class RequestedPart:
    """One request: asked, then issued under ``request_id``, then granted or denied, or cancelled before."""

    part: Part
    asked: AskedAccess
    request_id: str = ""
    grant: Grant | None = None
    denied: bool = False
    cancelled: bool = False

    @property
    def answered(self) -> bool:
        """Whether the owner has decided."""
        return self.denied or self.grant is not None

    def __repr__(self) -> str:
        return f"RequestedPart({self.part})"


@dataclass(frozen=True, slots=True)
class RequestedAccess:
    """All parts of one door; ``names`` has the server's address for each of ours.

    ``page`` is the owner's access page, as found when the requests were issued; empty when there is none.
    ``former`` are grants that others took the place of, ``replaced`` requests: they too end with the consent.
    """

    storage: str
    parts: tuple[RequestedPart, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    page: str = ""
    former: tuple[Grant, ...] = ()
    replaced: tuple[str, ...] = ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """The ids of requests that their owner could still answer."""
        open_ones = (one.request_id for one in self.parts if not one.answered and not one.cancelled)
        return tuple(one for one in (*open_ones, *self.replaced) if one)

    def cancelled(self, request_id: str) -> RequestedAccess:
        """The same after a request was cancelled."""
        parts = tuple(
            replace(one, cancelled=True) if one.request_id == request_id else one for one in self.parts
        )
        left = tuple(one for one in self.replaced if one != request_id)
        return replace(self, parts=parts, replaced=left)

    @property
    def next(self) -> RequestedPart | None:
        """The first part that waits for its owner; none when all are answered."""
        return next((one for one in self.parts if not one.answered), None)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """What was granted, in our addresses."""
        return tuple(one.grant for one in self.parts if one.grant is not None)

    @property
    def denied(self) -> bool:
        """Whether the owner said no to any part."""
        return any(one.denied for one in self.parts)

    def changed(self, part: RequestedPart) -> RequestedAccess:
        """The same with this part in place of the one before it."""
        parts = tuple(part if one.part is part.part else one for one in self.parts)
        return replace(self, parts=parts)

    def with_answer(self, asked: RequestedPart, given: Grant | None) -> RequestedAccess:
        """The same with what the owner answered to ``asked``; none is a no.

        Whatever is not the part's grant afterwards is kept as a former one, so that no grant outlives the
        consent: the one that a second answer takes the place of, and one to a request asked anew meanwhile.
        """
        now = next(one for one in self.parts if one.part is asked.part)
        if now.request_id != asked.request_id:
            return self._ending(given, but=now.grant)
        return self.changed(replace(now, grant=given, denied=given is None))._ending(now.grant, but=given)

    def _ending(self, grant: Grant | None, *, but: Grant | None) -> RequestedAccess:
        known = {one.id for one in (*self.former, but) if one is not None}
        return self if grant is None or grant.id in known else replace(self, former=(*self.former, grant))

    def left_out(self, read: Iterable[str]) -> tuple[str, ...]:
        """Those of these documents that no grant covers."""
        return tuple(url for url in read if not any(one.covers(url, AccessMode.READ) for one in self.grants))

    def state(self, door: Door, required: Iterable[str]) -> DoorState:
        """How the door stands by the answers, as far as they are known."""
        if self.denied:
            return DoorState.DENIED
        if self.next is not None:
            return DoorState.REQUESTED
        lacking = self.left_out(required)
        writes = door.write is None or any(
            one.covers(door.write, AccessMode.WRITE, AccessMode.APPEND) and AccessMode.READ in one.modes
            for one in self.grants
        )
        return DoorState.OPEN if writes and not lacking else DoorState.PARTIAL

    def asked_again(self, before: RequestedAccess, *, ended: bool) -> RequestedAccess:
        """This request, keeping of an earlier one what still waits or holds; ``ended`` when nothing does."""
        kept, former, replaced = self, before.former, before.replaced
        for old in before.parts:
            new = next((one for one in self.parts if one.part is old.part), None)
            holds = old.grant is None or set(old.grant.resources) >= set(self.ours(old.asked.resources))
            is_over = ended or old.denied or old.cancelled
            if new is not None and not is_over and holds and _same(old.asked, new.asked):
                kept = kept.changed(old)
            elif old.grant is not None:
                former = (*former, old.grant)
            elif old.request_id and not old.denied and not old.cancelled:
                replaced = (*replaced, old.request_id)
        return replace(kept, page=before.page, former=former, replaced=replaced)

    def ours(self, resources: Iterable[str]) -> tuple[str, ...]:
        """Our addresses for the server's."""
        known = {theirs: url for url, theirs in self.names.items()}
        return tuple(known.get(one, one) for one in resources)

    def __repr__(self) -> str:
        return f"RequestedAccess({len(self.parts)} parts)"


def _same(one: AskedAccess, other: AskedAccess) -> bool:
    return replace(one, until=other.until) == other


def requested(
    door: Door, storage: str, names: Mapping[str, str], purpose: str, until: datetime | None
) -> RequestedAccess:
    """What has to be asked for a door; each part with the least that it needs."""
    parts = []
    if door.read:
        read = tuple(names.get(url, url) for url in door.read)
        modes = frozenset({AccessMode.READ})
        asked = AskedAccess(door.agent, door.owner, modes, read, (purpose,), False, until)
        parts.append(RequestedPart(Part.DOCUMENTS, asked))
    if door.write is not None:
        place = (names.get(door.write, door.write),)
        asked = AskedAccess(door.agent, door.owner, _RESULT_MODES, place, (purpose,), True, until)
        parts.append(RequestedPart(Part.RESULTS, asked))
    return RequestedAccess(storage, tuple(parts), dict(names))
