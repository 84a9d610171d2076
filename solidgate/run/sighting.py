"""What a watched document looked like when it was last seen, and what it means that it looks like this now.

A server may give a tag with GET only, another one with each method, or with HEAD the same for ever (that of
an empty body). So HEAD is believed once it gave the very tag that GET gave; until then, what is read decides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from solidgate.pod.etag import opaque
from solidgate.pod.resource import Document, ResourceState


@dataclass(frozen=True, slots=True)
class Mark:
    """What one answer says of the version: its tag, and the pod's own time in ISO 8601; empty if nothing."""

    etag: str = ""
    modified: str = ""

    def same(self, other: Mark) -> bool | None:
        """Whether both are of one version; none when they have nothing in common.

        Tags are compared weakly (RFC 9110 section 8.8.3.2). The size does not count: HEAD need not tell it,
        and what GET tells may be packed.
        """
        if self.etag and other.etag:
            return opaque(self.etag) == opaque(other.etag)
        if self.modified and other.modified:
            return self.modified == other.modified
        return None


NOTHING = Mark()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A document as last seen: what HEAD said since, what GET said, and the digest of what was read last.

    ``alike``: both gave the same tag once. ``read`` is when it was last read only to see whether it changed.
    """

    exists: bool
    head: Mark = NOTHING
    get: Mark = NOTHING
    digest: str = ""
    alike: bool = False
    read: datetime | None = None

    @property
    def is_silent(self) -> bool:
        """Whether it was read, and no method said anything of its version."""
        return self.exists and bool(self.digest) and self.head == NOTHING and self.get == NOTHING


@dataclass(frozen=True, slots=True)
class Reading:
    """What a GET said; after a 304 the ``digest`` is empty and ``get`` is what was asked about.

    Where ``get`` is empty too, the document could not be read: it is not tried again before its time.
    """

    get: Mark
    digest: str
    at: datetime

    @property
    def is_nothing(self) -> bool:
        """Whether it was in vain."""
        return not self.digest and self.get == NOTHING


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at a document: what HEAD told, and what was read where that is not enough."""

    state: ResourceState
    reading: Reading | None = None


class Meaning(Enum):
    """``UNSURE``: only reading can tell."""

    SAME = auto()
    CHANGED = auto()
    UNSURE = auto()


def meaning(known: Sighting | None, observed: Observed) -> tuple[Meaning, Sighting]:
    """Whether the document changed since it was ``known``, and what is known of it from now on.

    One that was never seen before has not changed: this is its first sight.
    """
    told, after = _told(known, observed.state)
    if told is not Meaning.UNSURE or observed.reading is None:
        return told, after
    if observed.reading.is_nothing:
        return told, replace(known or Sighting(exists=True), read=observed.reading.at)
    return _read(after, observed.reading)


def pulled(known: Sighting | None, document: Document) -> Sighting:
    """What is known of a document that a run has read. HEAD that told of a change where there was none is
    believed no longer."""
    before, get, digest = known or Sighting(exists=False), mark(document), digest_of(document)
    told = before.head.same(get)
    lied = told is False and digest == before.digest
    alike = (before.alike and not lied) or (told is True and bool(get.etag and before.head.etag))
    return Sighting(True, get=get, digest=digest, alike=alike, read=before.read)


def mark(said: Document | ResourceState) -> Mark:
    """What an answer says of the version. A byte that is no character is spelled out: this text is kept."""
    etag = (said.etag or "").encode(errors="backslashreplace").decode()
    return Mark(etag, said.modified.isoformat() if said.modified else "")


def digest_of(document: Document) -> str:
    """Of its bytes as the pod sent them."""
    return hashlib.sha256(document.content).hexdigest()


def _told(known: Sighting | None, state: ResourceState) -> tuple[Meaning, Sighting]:
    """By HEAD alone."""
    read, head = known.read if known else None, mark(state)
    if not state.exists:
        was = known is not None and known.exists
        return (Meaning.CHANGED if was else Meaning.SAME), Sighting(exists=False, read=read)
    if known is None or not known.exists:
        first = Meaning.UNSURE if head == NOTHING else Meaning.SAME
        return (first if known is None else Meaning.CHANGED), Sighting(True, head, read=read)
    after = replace(known, head=head)
    if head.same(known.get):
        return Meaning.SAME, replace(after, alike=known.alike or bool(head.etag and known.get.etag))
    if known.alike and head.etag:
        return (Meaning.SAME if head.same(known.head) else Meaning.CHANGED), after
    same = None if known.digest else head.same(known.head)
    return (Meaning.UNSURE if same is None else Meaning.SAME if same else Meaning.CHANGED), after


def _read(after: Sighting, reading: Reading) -> tuple[Meaning, Sighting]:
    """By what was read. That it is still what had a tag says nothing once another one is known."""
    if not reading.digest:
        same = reading.get.same(after.get)
        return (Meaning.SAME, replace(after, read=reading.at)) if same else (Meaning.UNSURE, after)
    changed = after.digest not in ("", reading.digest)
    seen = replace(after, get=reading.get, digest=reading.digest, read=reading.at)
    return (Meaning.CHANGED if changed else Meaning.SAME), seen
