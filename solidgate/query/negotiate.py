"""Content negotiation of the SPARQL 1.1 Protocol: an Accept header to formats, best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from solidgate.errors import QueryFormatUnsupported
from solidgate.query.results import ResultFormat

_SYNONYMS: Mapping[str, tuple[ResultFormat, ...]] = {
    "application/json": (ResultFormat.JSON,),
    "application/xml": (ResultFormat.XML,),
    "text/xml": (ResultFormat.XML,),
    "text/plain": (ResultFormat.NTRIPLES,),
    "application/*": (ResultFormat.JSON, ResultFormat.NTRIPLES, ResultFormat.XML),
    "text/*": (ResultFormat.CSV, ResultFormat.TSV, ResultFormat.TURTLE),
    "*/*": (
        ResultFormat.JSON, ResultFormat.TURTLE, ResultFormat.XML,
        ResultFormat.CSV, ResultFormat.TSV, ResultFormat.NTRIPLES,
    ),
}  # fmt: skip


def negotiate(accept: str | None) -> Sequence[ResultFormat]:
    """The formats that the client takes, best first; the query's form then picks the first that fits.

    Raises ``QueryFormatUnsupported`` when there is none (RFC 9110 section 12.5.1).
    """
    found: dict[ResultFormat, None] = {}
    refused = {kind for quality, kind in _ranges(accept) if quality == 0.0}
    for quality, kind in sorted(_ranges(accept), key=_preference, reverse=True):
        if quality > 0.0:
            found |= dict.fromkeys(one for one in _formats(kind) if one not in refused)
    if not found:
        raise QueryFormatUnsupported(", ".join(ResultFormat))
    return list(found)


def _ranges(accept: str | None) -> list[tuple[float, str]]:
    """Quality and media range of each member; a quality that is no number counts as 0."""
    ranges = []
    for member in (accept or "*/*").split(","):
        kind, *parameters = (part.strip().lower() for part in member.split(";"))
        if kind:
            ranges.append((_quality(parameters), kind))
    return ranges or [(1.0, "*/*")]


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def _preference(member: tuple[float, str]) -> tuple[float, int]:
    """By quality; at the same quality a whole type comes before a range."""
    quality, kind = member
    return quality, -kind.count("*")


def _formats(kind: str) -> Sequence[ResultFormat]:
    if kind in set(ResultFormat):
        return (ResultFormat(kind),)
    return _SYNONYMS.get(kind, ())
