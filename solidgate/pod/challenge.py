"""``WWW-Authenticate`` (RFC 9110 section 11.6.1): every challenge, in one header or in several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

MOST_CHALLENGES = 32
MOST_CHARACTERS = 16 * 1024

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# An address without its quotes is no token, but servers send it; it ends where the next parameter may begin.
_BARE = r"[!#$%&'*+\-.^_`|~0-9A-Za-z][!#-+\--\[\]-~]*"
_PARAMETER = re.compile(rf'({_NAME})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_BARE}))')
_SCHEME = re.compile(rf"({_NAME})(?:[ \t]+|(?=[,\s]|$))")
_TOKEN_68 = re.compile(r"([A-Za-z0-9\-._~+/]+=*)(?=[ \t]*(?:,|$))")
_SPACE = re.compile(r"[ \t,]*")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: its scheme and the names of its parameters in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    token68: str = ""


@dataclass(frozen=True, slots=True)
class UmaTicket:
    """A permission ticket and the authorization server that takes it (UMA 2.0 grant, section 3.2)."""

    ticket: str
    as_uri: str

    def __repr__(self) -> str:
        return "UmaTicket()"


def challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of all values of the header, in their order; what is none ends the value it is in."""
    found: list[Challenge] = []
    for value in values:
        for challenge in _challenges(value[:MOST_CHARACTERS]):
            if len(found) == MOST_CHALLENGES:
                return tuple(found)
            found.append(challenge)
    return tuple(found)


def uma_ticket(values: Iterable[str]) -> UmaTicket | None:
    """The first UMA challenge that has both a ticket and an address; none when there is no such."""
    for one in challenges(values):
        ticket, as_uri = one.parameters.get("ticket", ""), one.parameters.get("as_uri", "")
        if one.scheme == "uma" and ticket and as_uri:
            return UmaTicket(ticket, as_uri)
    return None


def _challenges(value: str) -> Iterator[Challenge]:
    place = _after_commas(value, 0)
    while scheme := _SCHEME.match(value, place):
        place = scheme.end()
        parameters, place = _parameters(value, place)
        token68 = ""
        if not parameters and (bare := _TOKEN_68.match(value, place)) and scheme[0] != scheme[1]:
            token68, place = bare[1], bare.end()
        yield Challenge(scheme[1].lower(), parameters, token68)
        place = _after_commas(value, place)


def _parameters(value: str, place: int) -> tuple[dict[str, str], int]:
    """The parameters up to the next scheme; of a repeated one the first counts (RFC 9110: never twice)."""
    found: dict[str, str] = {}
    while parameter := _PARAMETER.match(value, _after_commas(value, place) if found else place):
        quoted = parameter[2]
        text = parameter[3] if quoted is None else _ESCAPED.sub(r"\1", quoted)
        found.setdefault(parameter[1].lower(), text)
        place = parameter.end()
    return found, place


def _after_commas(value: str, place: int) -> int:
    skipped = _SPACE.match(value, place)
    return skipped.end() if skipped else place
