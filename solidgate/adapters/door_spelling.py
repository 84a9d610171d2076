"""Whether a door's addresses are spelled as their server spells them, before anything is written about them.

What is written names the resource by its address, and the server compares that as text. A list for another
spelling is a list for nothing: on a server with Web Access Control it takes the place of the one that let the
owner in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from solidgate.adapters.solid_catalogue import SolidCatalogue
from solidgate.adapters.solid_requests import GONE, SolidRequests
from solidgate.errors import AddressSpelledOtherwise, FetchTooLarge
from solidgate.pod.address import normal_form
from solidgate.pod.alias import other_addresses
from solidgate.pod.container import parent
from solidgate.pod.etag import opaque
from solidgate.ports import Access

# Of these characters there is one spelling (RFC 3986 section 2.3); of all others some servers have another.
_ONE_SPELLING = re.compile(r"[A-Za-z0-9._~-]+/?")


def check_form(targets: Iterable[str]) -> None:
    """Raises ``AddressSpelledOtherwise`` for an address that is not sent as it would be written."""
    if not all(_is_sent_as_written(url) for url in targets):
        raise AddressSpelledOtherwise("it is not in normal form")


async def same_as(requests: SolidRequests, access: Access, target: str) -> tuple[str, ...]:
    """The other addresses of the very same document, where a server has them: they give the same tag.

    Raises ``AddressSpelledOtherwise`` where it cannot be told, because a list would shut the owner out there.
    """
    others = other_addresses(target)
    if not others:
        return ()
    tag = (await requests.head(access, target)).headers.get("ETag")
    found = []
    for other in others:
        reply = await requests.head(access, other)
        if reply.status in GONE:
            continue
        if reply.status != 200 or not tag or not reply.headers.get("ETag"):
            raise AddressSpelledOtherwise("it may be the same document as at another address")
        if opaque(reply.headers["ETag"]) == opaque(tag):
            found.append(other)
    return tuple(found)


async def check_names(
    requests: SolidRequests, access: Access, target: str, known: str, same: tuple[str, ...] = ()
) -> None:
    """Each name below ``known``, which the pod spells as we do, stands so in the listing of its container.

    Asked only for names that can be spelled in two ways; ``same`` are other addresses of the same document,
    one of which may be listed in its place. Raises ``AddressSpelledOtherwise``, and what reading a listing
    raises.
    """
    faults = [await _unlisted(requests, access, one, known) for one in (target, *same)]
    if all(faults):
        raise AddressSpelledOtherwise("its container lists it otherwise")


async def _unlisted(requests: SolidRequests, access: Access, target: str, known: str) -> bool:
    one, above = target, parent(target)
    while above is not None and _depth(one) > _depth(known):
        if not _ONE_SPELLING.fullmatch(one[len(above) :]) and not await _is_listed(
            requests, access, one, above
        ):
            return True
        one, above = above, parent(above)
    return False


def _depth(url: str) -> int:
    return url.removesuffix("/").count("/")


async def _is_listed(requests: SolidRequests, access: Access, url: str, container: str) -> bool:
    """A listing that is too long to be read whole says nothing against it."""
    try:
        seen = await SolidCatalogue(requests).listing(access, container)
    except FetchTooLarge:
        return True
    return seen is not None and (url in seen.documents or url in seen.containers or seen.cut)


def _is_sent_as_written(url: str) -> bool:
    try:
        return normal_form(url) == url
    except ValueError:
        return False
