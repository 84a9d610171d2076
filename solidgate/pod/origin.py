"""Which servers belong to one another: who may be shown a token or a grant on a storage's word.

A storage names its authorization server, and that one its grant service. Were any server accepted, a hostile
storage could name an honest one's authorization server, hand us a ticket for somebody else's resource, and
be sent the token that we got for it (the mix-up attack, RFC 9700 section 4.4). So a service must have the
storage's own host, or stand beside it under one parent domain, as ``storage.`` and ``uma.`` do: whoever
controls names there controls both. What stands above both must be one organisation's, which the Public Suffix
List tells (publicsuffix.org). The token then goes to the storage's origin and nowhere else.
"""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454); the port of the scheme when none is named."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", None
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").rstrip("."), port or usual


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have one origin; an address without a host has none."""
    return bool(origin(one)[1]) and origin(one) == origin(other)


def belongs_to(service: str, storage: str) -> bool:
    """Whether ``service`` may act for ``storage``: the same scheme, and the same host or parent domain."""
    scheme, host, _ = origin(service)
    other_scheme, other_host, _ = origin(storage)
    if not host or scheme != other_scheme:
        return False
    if host == other_host:
        return True
    parent = _parent(host)
    return parent is not None and parent == _parent(other_host)


def _parent(host: str) -> str | None:
    """The domain above a host; none for addresses in digits and for what is no organisation's own.

    Below a public suffix (``co.uk``, ``github.io``) anybody can have a name, so it says nothing about who
    runs a server there. Of a domain that the list does not know, the last label counts as public.
    """
    parent = host.partition(".")[2]
    if ":" in host or not parent or parent.rpartition(".")[2].isdigit() or _suffixes().is_public(parent):
        return None
    return parent


@cache
def _suffixes() -> PublicSuffixList:
    """The Public Suffix List as the package carries it: read at the first question, as it takes a moment."""
    return PublicSuffixList()
