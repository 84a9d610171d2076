"""The filter of the activity log: what an address asks for, and what in it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from solidgate.audit.activity import Kind, Wanted
from solidgate.web.language import mark

KIND, FROM, TO = "type", "from", "to"
_TEXTS: Mapping[str, str] = {
    KIND: mark("Choose one of the kinds of this list."),
    FROM: mark("Enter a day that exists, such as 2026-11-22."),
    TO: mark("Enter a day that exists, such as 2026-11-22."),
}
_ORDER = mark("Enter a last day that is not before the first one.")


@dataclass(frozen=True, slots=True)
class FilterFault:
    """One field of the filter that cannot be taken; ``text`` as it is in the catalogues."""

    field: str
    text: str


def wanted_of(query: Mapping[str, str], zone: ZoneInfo) -> tuple[Wanted, tuple[FilterFault, ...]]:
    """What is wanted, and the faults; a field with a fault filters nothing."""
    faults = []
    wanted = Wanted(consent=query.get("consent", ""), zone=zone)
    try:
        wanted = replace(wanted, kind=Kind(query[KIND]) if query.get(KIND) else None)
    except ValueError:
        faults.append(FilterFault(KIND, _TEXTS[KIND]))
    days: dict[str, date | None] = {}
    for name in (FROM, TO):
        try:
            days[name] = date.fromisoformat(query[name]) if query.get(name) else None
        except ValueError:
            faults.append(FilterFault(name, _TEXTS[name]))
    wanted = replace(wanted, since=days.get(FROM), until=days.get(TO))
    if wanted.since and wanted.until and wanted.until < wanted.since:
        faults.append(FilterFault(TO, _ORDER))
    return wanted, tuple(faults)


def typed(query: Mapping[str, str]) -> dict[str, str]:
    """The fields as they were entered, to be shown again."""
    return {name: query.get(name, "") for name in (KIND, FROM, TO, "consent")}
