"""The notice as shown: one plain structure that the page renders, and that is hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """Exactly what a person is shown, in one language, for all purposes of a request.

    ``rows`` is the fixed eight-row label in its fixed order (key, title, lines). ``statements`` holds the
    consent sentence for each purpose. ``digest`` is over all of it, so what is shown is what is stored.
    """

    language: str
    title: str
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    statements: Mapping[str, str]
    agreement_digest: str
    resources_digest: str
    digest: str
