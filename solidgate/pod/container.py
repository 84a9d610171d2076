"""Containers by address: the slash hierarchy of the Solid Protocol (section 3.1)."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def is_container(url: str) -> bool:
    """Whether the address is a container's: its path ends with a slash."""
    if _is_plain(url):  # most are, and are asked about at each request
        return url.endswith("/") and url.count("/") > 2
    return urlsplit(url).path.endswith("/")


def _is_plain(url: str) -> bool:
    """Whether the address certainly ends with its path: nothing follows it, and no parser drops a part."""
    return (
        url.startswith(("https://", "http://"))
        and url.isascii()
        and url.isprintable()
        and "?" not in url
        and "#" not in url
    )


def parent(url: str) -> str | None:
    """The container that holds this resource; none above the root of a server."""
    scheme, host, path, _, _ = urlsplit(url)
    path = path.rstrip("/")
    if not path:
        return None
    return urlunsplit((scheme, host, path[: path.rindex("/") + 1], "", ""))


def ancestors(url: str, most: int) -> tuple[str, ...]:
    """The containers above this resource, the nearest first, at most ``most``."""
    found: list[str] = []
    above = parent(url)
    while above is not None and len(found) < most:
        found.append(above)
        above = parent(above)
    return tuple(found)


def document(iri: str) -> str:
    """The address without its fragment: what is fetched for a WebID."""
    return iri.partition("#")[0]
