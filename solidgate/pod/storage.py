"""Where a person's pods begin: stated in the profile, or found by climbing (Solid Protocol section 4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from pyoxigraph import Quad

from solidgate.pod.address import normal_form
from solidgate.pod.link import targets
from solidgate.pod.rdf import objects
from solidgate.vocab import PIM

MOST_STORAGES = 10
"""So many of those that a profile names are asked whose they are: each one costs requests."""


def is_storage(link_values: Iterable[str], url: str) -> bool:
    """Whether the ``Link`` headers of ``url`` say that it is the root of a pod."""
    return PIM.Storage.value in targets(link_values, url, "type")


def stated_storages(profile: list[Quad], webid: str) -> tuple[str, ...]:
    """The ``pim:storage`` values of the profile that are web addresses, each with a trailing slash.

    What is written into access control begins with one of these, so it must be spelled as the server spells
    it. Scheme, host and port have one spelling (RFC 3986 section 6.2); an address whose path has another one
    than its own is left out, because the server's cannot be known from it.
    """
    found = (_root(url) for url in objects(profile, webid, PIM.storage))
    return tuple(dict.fromkeys(root for root in found if root is not None))


def is_too_many(stated: tuple[str, ...]) -> bool:
    """Whether some of them are not looked at."""
    return len(stated) > MOST_STORAGES


def _root(url: str) -> str | None:
    try:
        parts, normal = urlsplit(url), normal_form(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        return None
    if urlsplit(normal).path != (parts.path or "/"):
        return None
    return normal if normal.endswith("/") else f"{normal}/"
