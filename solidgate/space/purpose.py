"""Why data are asked: one purpose is one choice on the consent page and one consent record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResourceNeed:
    """One document that is asked for: its path below the person's storage, and what it is to people.

    ``personal_data`` are DPV ``pd:`` or ``dpv:`` class IRIs.
    """

    path: str
    title: Mapping[str, str]
    personal_data: tuple[str, ...]
    required: bool = True


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
