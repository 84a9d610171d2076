"""JSON-LD of credentials, read by name: a property under any spelling of its term, a value in any wrapping.

Safe only for documents whose contexts were checked before: there each name has one meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from solidgate.errors import AccessGrantInvalid

_NAMESPACES = (
    "https://www.w3.org/2018/credentials#",
    "https://w3id.org/GConsent#",
    "http://www.w3.org/ns/solid/vc#",
    "http://www.w3.org/ns/auth/acl#",
    "http://www.w3.org/ns/solid/terms#",
    "https://w3id.org/vc-revocation-list-2020#",
)
_PREFIXES = ("vc:", "gc:", "acl:", "cred:", "solid:")
_MOST_VALUES = 4096
_ADDRESS = re.compile(r"https?://[^\s<>\"{}|\\^`]{1,2000}")


def short_name(name: str) -> str:
    """The local name of a term, whichever way it is spelled; any other name is left as it is."""
    for start in (*_NAMESPACES, *_PREFIXES):
        if name.startswith(start):
            return name[len(start) :]
    return name


def values_of(node: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """All values of a property, under each of its spellings."""
    aliases = {"id": ("id", "@id"), "type": ("type", "@type")}.get(name)
    found: list[Any] = []
    for key, value in node.items():
        if key in aliases if aliases else short_name(key) == name:
            found += value if isinstance(value, list) else [value]
    if len(found) > _MOST_VALUES:
        raise AccessGrantInvalid(f"more than {_MOST_VALUES} values of {name}")
    return tuple(found)


def one_of(node: Mapping[str, Any], name: str) -> Any:
    """The one value of a property. Raises ``AccessGrantInvalid``, as all of these do."""
    found = values_of(node, name)
    if len(found) != 1:
        raise AccessGrantInvalid(f"not exactly one {name}")
    return found[0]


def node(value: Any, what: str) -> Mapping[str, Any]:
    """The object that a value is; ``what`` names it in the refusal."""
    if not isinstance(value, dict):
        raise AccessGrantInvalid(f"{what} is not an object")
    return value


def plain_value(value: Any) -> Any:
    """The value of a node or of a literal that is written out."""
    if isinstance(value, dict):
        return next((value[key] for key in ("@value", "@id", "id") if key in value), None)
    return value


def text_of(value: Any, what: str) -> str:
    """The text that a value is."""
    found = plain_value(value)
    if not isinstance(found, str):
        raise AccessGrantInvalid(f"{what} is not text")
    return found


def address_of(value: Any, what: str) -> str:
    """The web address that a value is, or names."""
    found = text_of(value, what)
    if not _ADDRESS.fullmatch(found):
        raise AccessGrantInvalid(f"{what} is not a web address")
    return found


def time_of(value: Any, what: str) -> datetime:
    """The moment that a value is; without a zone it is in UTC."""
    try:
        found = datetime.fromisoformat(text_of(value, what))
    except ValueError as broken:
        raise AccessGrantInvalid(f"{what} is not a time") from broken
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def optional_time(document: Mapping[str, Any], name: str) -> datetime | None:
    """The moment that a property holds; none when there is no such property."""
    return time_of(one_of(document, name), name) if values_of(document, name) else None
