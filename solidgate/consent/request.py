"""What we ask one person, before any answer: the offer bound to concrete resources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AskedResource:
    """One document that would be read, where it is, and whether it was found there."""

    url: str
    path: str
    required: bool
    found: bool


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A request to one person under one agreement version. ``answers_by`` is when it closes."""

    request_id: str
    space_id: str
    data_subject: str
    agreement_digest: str
    storage: str
    resources: tuple[tuple[str, tuple[AskedResource, ...]], ...]
    result_container: str
    created: datetime
    answers_by: datetime

    def resources_for(self, purpose_id: str) -> tuple[AskedResource, ...]:
        """The resources asked for one purpose; raises KeyError for a foreign one."""
        return dict(self.resources)[purpose_id]
