"""One address, several forms: which one a caller gets, by suffix or by ``Accept`` (RFC 9110 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from solidgate.errors import FormatUnsupported

HTML = "text/html"
JSON = "application/json"
JSONLD = "application/ld+json"
TURTLE = "text/turtle"
NTRIPLES = "application/n-triples"
JWT = "application/vc+jwt"
CSV = "text/csv"

SUFFIXES = {
    ".html": HTML,
    ".json": JSON,
    ".jsonld": JSONLD,
    ".ttl": TURTLE,
    ".nt": NTRIPLES,
    ".jwt": JWT,
    ".csv": CSV,
}
_MOST_RANGES = 50


def chosen(request: web.Request, offers: Sequence[str]) -> str:
    """The media type to answer with. Raises ``FormatUnsupported``; its detail lists the offers."""
    suffix = request.match_info.get("suffix", "")
    if suffix:
        return _checked(SUFFIXES.get(suffix, ""), offers)
    return _checked(best(request.headers.getall("Accept", ["*/*"]), offers), offers)


def wants_html(request: web.Request) -> bool:
    """Whether a person's browser asks: errors and redirects are then made for people."""
    if request.match_info.get("suffix", "") not in ("", ".html"):
        return False
    return best(request.headers.getall("Accept", ["*/*"]), [JSON, HTML]) == HTML


def best(accept: Sequence[str], offers: Sequence[str]) -> str:
    """The offer with the highest quality, the first of equals; empty when none is acceptable."""
    ranges = [_parsed(part) for part in ",".join(accept).split(",")[:_MOST_RANGES] if part.strip()]
    weighed = [(_quality(offer, ranges), -place, offer) for place, offer in enumerate(offers)]
    quality, _, offer = max(weighed, default=(0.0, 0, ""))
    return offer if quality > 0 else ""


def _parsed(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.lower().startswith("q="):
            return media.lower(), _number(parameter[2:])
    return media.lower(), 1.0


def _number(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality that the most specific matching range gives."""
    for pattern in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        found = [quality for media, quality in ranges if media == pattern]
        if found:
            return max(found)
    return 0.0


def _checked(media: str, offers: Sequence[str]) -> str:
    if media not in offers:
        raise FormatUnsupported("available: " + ", ".join(offers))
    return media
