"""Where a person's pods begin: stated in the profile, or found by climbing (Solid Protocol section 4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from pyoxigraph import Quad

from solidgate.pod.link import targets
from solidgate.pod.rdf import objects
from solidgate.vocab import PIM

MOST_STORAGES = 10
"""So many of those that a profile names are asked whose they are: each one costs requests."""


def is_storage(link_values: Iterable[str], url: str) -> bool:
    """Whether the ``Link`` headers of ``url`` say that it is the root of a pod."""
    return PIM.Storage.value in targets(link_values, url, "type")


def stated_storages(profile: list[Quad], webid: str) -> tuple[str, ...]:
    """The ``pim:storage`` values of the profile that are web addresses, each with a trailing slash."""
    found = objects(profile, webid, PIM.storage)
    return tuple(dict.fromkeys(_with_slash(url) for url in found if _is_web_address(url)))


def is_too_many(stated: tuple[str, ...]) -> bool:
    """Whether some of them are not looked at."""
    return len(stated) > MOST_STORAGES


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        return False
    return plain and parts.scheme in ("http", "https")


def _with_slash(url: str) -> str:
    return url if url.endswith("/") else f"{url}/"
