"""Why data are asked: one purpose is one choice on the consent page and one consent record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

LATER = "later"
"""Marks a field that was added after the first agreements: it is written only where it says something."""
LATER_FIELD: Mapping[str, bool] = MappingProxyType({LATER: True})


@dataclass(frozen=True, slots=True)
class ResourceNeed:
    """What is asked for, and what it is to people: one document by its path below the person's storage, or
    the documents of a kind, wherever the person keeps them.

    Exactly one of ``path``, ``kind`` (a class IRI) and ``shape`` (a shapes file of the program, whose target
    classes are the kind) is not empty. ``within`` are containers below the storage to look in, beside what
    the person's type indexes name. ``personal_data`` are DPV ``pd:`` or ``dpv:`` class IRIs.
    """

    path: str
    title: Mapping[str, str]
    personal_data: tuple[str, ...]
    required: bool = True
    kind: str = field(default="", metadata=LATER_FIELD)
    shape: str = field(default="", metadata=LATER_FIELD)
    within: tuple[str, ...] = field(default=(), metadata=LATER_FIELD)

    @property
    def key(self) -> str:
        """What names this need within its purpose."""
        return self.path or " ".join((self.kind or self.shape, *self.within))

    @property
    def is_found(self) -> bool:
        """Whether its documents have to be found first: it names no path."""
        return not self.path


@dataclass(frozen=True, slots=True)
class Purpose:
    """``id`` is a slug within the space; ``broader`` a DPV purpose IRI; texts by language tag."""

    id: str
    title: Mapping[str, str]
    description: Mapping[str, str]
    broader: str
    needs: tuple[ResourceNeed, ...]
    required: bool = False
    special_category: bool = False
