"""Whether a door's addresses are spelled as their server spells them, before anything is written about them.

What is written names the resource by its address, and the server compares that as text. A list for another
spelling is a list for nothing: on a server with Web Access Control it takes the place of the one that let the
owner in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from solidgate.adapters.solid_catalogue import SolidCatalogue
from solidgate.adapters.solid_requests import SolidRequests
from solidgate.errors import AddressSpelledOtherwise, FetchTooLarge
from solidgate.pod.address import normal_form
from solidgate.pod.container import parent
from solidgate.ports import Access

# Of these characters there is one spelling (RFC 3986 section 2.3); of all others some servers have another.
_ONE_SPELLING = re.compile(r"[A-Za-z0-9._~-]+/?")


def check_form(targets: Iterable[str]) -> None:
    """Raises ``AddressSpelledOtherwise`` for an address that is not sent as it would be written."""
    if not all(_is_sent_as_written(url) for url in targets):
        raise AddressSpelledOtherwise("it is not in normal form")


async def check_names(requests: SolidRequests, access: Access, target: str, known: str) -> None:
    """Each name below ``known``, which the pod spells as we do, stands so in the listing of its container.

    Asked only for names that can be spelled in two ways. Raises ``AddressSpelledOtherwise``, and what reading
    a listing raises.
    """
    one, above = target, parent(target)
    while above is not None and len(one) > len(known):
        if not _ONE_SPELLING.fullmatch(one[len(above) :]) and not await _is_listed(
            requests, access, one, above
        ):
            raise AddressSpelledOtherwise("its container lists it otherwise")
        one, above = above, parent(above)


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
