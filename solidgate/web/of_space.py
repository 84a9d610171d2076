"""``?space=`` on one's own pages: one space is looked at, whichever tab is open and filters are set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

SPACE = "space"


@dataclass(frozen=True, slots=True)
class OfSpace:
    """The space that is asked for, empty for all, and those to choose from with their titles by language.

    One that the person has nothing in holds nothing; whether there is such a space is not told.
    """

    asked: str
    spaces: Mapping[str, Mapping[str, str]]

    @property
    def offered(self) -> bool:
        """Whether there is something to choose, or to leave."""
        return bool(self.asked) or len(self.spaces) > 1

    @property
    def title(self) -> Mapping[str, str]:
        """The title of the one that is looked at; empty when nothing of this person's is in it."""
        return self.spaces.get(self.asked, {})

    def holds(self, space_id: str) -> bool:
        """Whether something of this space is shown."""
        return self.asked in ("", space_id)

    def query(self, **others: str) -> str:
        """The query of an address that keeps this filter and those others that are set."""
        return _query({SPACE: self.asked, **others})

    def left(self, **others: str) -> str:
        """The same without this filter."""
        return _query(others)


def _query(wanted: Mapping[str, str]) -> str:
    kept = {name: text for name, text in wanted.items() if text}
    return f"?{urlencode(kept)}" if kept else ""


def of_space(query: Mapping[str, str], found: Iterable[tuple[str, Mapping[str, str]]]) -> OfSpace:
    """The filter of an address; ``found`` are the person's spaces, the newest terms of each first."""
    spaces: dict[str, Mapping[str, str]] = {}
    for space_id, title in found:
        spaces.setdefault(space_id, title)
    return OfSpace(query.get(SPACE, ""), spaces)
