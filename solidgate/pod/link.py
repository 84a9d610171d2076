"""``Link`` headers (RFC 8288), as pods send them: several headers, several links in one, quoted commas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

_TARGET = re.compile(r"[\s,;]*<([^>]*)>")
_PARAMETER = re.compile(r"""(?:\s*;)+\s*([!#$&+\-.^_`|~\w*]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?""")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Link:
    """One link: its relation types in lower case unless they are addresses, and its absolute target."""

    rels: tuple[str, ...]
    target: str


def parse_links(values: Iterable[str], base: str) -> tuple[Link, ...]:
    """All links of all ``Link`` header values about ``base`` itself, in their order.

    A link with an ``anchor`` speaks about something else and is left out (RFC 8288 section 3.2); what is not
    a link ends the value it stands in.
    """
    return tuple(link for value in values for link in _links(value, base))


def targets(values: Iterable[str], base: str, rel: str) -> tuple[str, ...]:
    """The targets of the links with this relation type."""
    return tuple(link.target for link in parse_links(values, base) if rel in link.rels)


def _links(value: str, base: str) -> Iterator[Link]:
    place = 0
    while found := _TARGET.match(value, place):
        place = found.end()
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(value, place)) and parameter.end() > place:
            parameters.setdefault(parameter[1].lower(), _unquoted(parameter[2] or ""))
            place = parameter.end()
        rels = tuple(name if ":" in name else name.lower() for name in parameters.get("rel", "").split())
        target = _joined(base, found[1].strip())
        if rels and target and _joined(base, parameters.get("anchor", "")) == base:
            yield Link(rels, target)


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text


def _joined(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError:
        return ""
