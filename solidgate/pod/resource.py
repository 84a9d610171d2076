"""What a pod holds: documents and their state, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

_PAGES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class ResourceState:
    """What HEAD tells: no content. ``etag`` is opaque and only a hint; ``size`` in bytes when known."""

    url: str
    exists: bool
    etag: str | None = None
    media_type: str | None = None
    size: int | None = None
    modified: datetime | None = None
    access_control: str | None = None

    @property
    def is_document(self) -> bool:
        """There, and no page for a person: where RDF is asked for, a page is a login or an error."""
        return self.exists and self.media_type not in _PAGES


@dataclass(frozen=True, slots=True)
class Document:
    """One document's bytes as the pod sent them, unparsed: only the sandbox parses pod documents.

    ``allowed`` are the modes of access that the pod says its reader has; none when it does not say.
    """

    url: str
    media_type: str
    content: bytes
    etag: str | None = None
    modified: datetime | None = None
    allowed: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"Document({len(self.content)} bytes of {self.media_type})"
