"""What we ask one person, before any answer: the offer bound to concrete resources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from solidgate.space.canonical import text_digest


@dataclass(frozen=True, slots=True)
class AskedResource:
    """One document that would be read, where it is, and whether it was found there.

    ``need`` names the need that it was found for; empty where the need is the path. A need for which nothing
    was found stands here once, with an empty ``url`` and ``path``.
    """

    url: str
    path: str
    required: bool
    found: bool
    need: str = ""

    @property
    def key(self) -> str:
        """The key of the need that this answers."""
        return self.need or self.path


class Look(StrEnum):
    """What came of looking at one place: read; nothing there; not to be read; or not read to its end."""

    READ = "read"
    ABSENT = "absent"
    CLOSED = "closed"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Looked:
    """One place where the documents of a need were looked for; ``place`` is an address in the pod."""

    need: str
    place: str
    look: Look


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A request to one person under one agreement version. ``answers_by`` is when it closes.

    ``receipt_container`` is where the person wants receipts; empty is the default below their storage.
    ``storages`` are all pods of the person; while ``storage`` is empty they have not chosen one yet, and
    nothing is asked. ``looked`` tells where documents were looked for.
    """

    request_id: str
    space_id: str
    data_subject: str
    agreement_digest: str
    storage: str
    resources: tuple[tuple[str, tuple[AskedResource, ...]], ...]
    result_container: str
    created: datetime
    answers_by: datetime
    receipt_container: str = ""
    storages: tuple[str, ...] = ()
    looked: tuple[Looked, ...] = ()

    def resources_for(self, purpose_id: str) -> tuple[AskedResource, ...]:
        """The resources asked for one purpose; raises KeyError for a foreign one."""
        return dict(self.resources)[purpose_id]


def resources_digest(resources: Iterable[str]) -> str:
    """``sha256:<hex>`` over a set of resource IRIs (RFC 8785, under the tag ``resources/1``)."""
    return text_digest("resources/1", {"resources": sorted(set(resources))})


def asked_digest(request: ConsentRequest) -> str:
    """``sha256:<hex>`` over what a request asks to read, for each purpose, and where results would go."""
    asked = {
        purpose: sorted(
            ({"found": one.found, "required": one.required, "url": one.url} for one in resources),
            key=lambda one: str(one["url"]),
        )
        for purpose, resources in sorted(request.resources, key=_in_order)
    }
    return text_digest("asked/1", {"purposes": asked, "results": request.result_container})


def _in_order(asked: tuple[str, tuple[AskedResource, ...]]) -> bytes:
    """By UTF-16 code units, as RFC 8785 sorts."""
    return asked[0].encode("utf-16-be")
