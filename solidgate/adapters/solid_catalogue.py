"""What a person says of their pod: profile, further documents of the profile, preferences, type indexes.

All of it is read as the person. One document that does not open or parse never hides the others: it is told
as closed, so that nobody takes silence for emptiness.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pyoxigraph import Quad

from solidgate.adapters.solid_requests import CONTAINER_ACCEPT, GONE, SolidRequests, fault
from solidgate.errors import NoStorage, PodFault
from solidgate.pod.container import document
from solidgate.pod.listing import Listing, listing
from solidgate.pod.rdf import CONTROL_ACCEPT, control_document
from solidgate.pod.storage import is_too_many, stated_storages
from solidgate.pod.type_index import (
    Catalogue,
    Registration,
    extended,
    indexes,
    preferences,
    registrations,
)
from solidgate.ports import Access

MOST_DOCUMENTS = 4
"""Of each kind: what a profile names is the profile's word, and each one costs a request."""


@dataclass(slots=True)
class _Opened:
    """The statements of the documents that opened, those that did not, and the first of too many."""

    quads: list[Quad] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


class SolidCatalogue:
    """The documents through which things are found at pods of the Solid Protocol."""

    def __init__(self, requests: SolidRequests) -> None:
        self._requests = requests

    async def profile(self, webid: str) -> list[Quad]:
        """The public WebID document. Raises ``NoStorage`` when it does not answer, ``PodUnreadable``."""
        limits = self._requests.limits
        reply = await self._requests.get(
            None,
            document(webid),
            CONTROL_ACCEPT,
            limits.control_bytes,
            seconds=limits.control_seconds,
            redirects=limits.profile_redirects,
        )
        if reply.status != 200:
            raise NoStorage(f"the profile answered {reply.status}")
        return control_document(reply.content, reply.headers.get("Content-Type"), reply.url)

    async def extended(self, profile: list[Quad], webid: str, access: Access) -> list[Quad]:
        """The statements of the further documents that the profile names, where the person may read them."""
        return (await self._documents(extended(profile, webid), access)).quads

    async def catalogue(self, webid: str, access: Access, wanted: Collection[str]) -> Catalogue:
        """What the person's type indexes say of these classes, public and private; and what was not read."""
        profile = await self.profile(webid)
        more = await self._documents(extended(profile, webid), access)
        profile = profile + more.quads
        private = await self._documents(preferences(profile, webid), access)
        named = indexes(profile + private.quads, webid)
        found: list[Registration] = []
        read, closed = list[str](), private.closed
        cut = [*more.cut, *private.cut, *named[2 * MOST_DOCUMENTS :][:1]]
        cut += [document(webid)] if is_too_many(stated_storages(profile, webid)) else []
        for url in named[: 2 * MOST_DOCUMENTS]:
            opened = await self._documents((url,), access)
            said = registrations(opened.quads, wanted)
            found += said.found
            closed += opened.closed
            (cut if said.cut else read).extend(opened.read)
        return Catalogue(tuple(dict.fromkeys(found)), tuple(read), tuple(closed), tuple(cut))

    async def listing(self, access: Access, container: str) -> Listing | None:
        """What the container holds; none when it is not there. Raises pod faults and fetch errors."""
        limits = self._requests.limits
        reply = await self._requests.get(
            access, container, CONTAINER_ACCEPT, limits.listing_bytes, seconds=limits.document_seconds
        )
        if reply.status in GONE:
            return None
        if reply.status != 200:
            raise fault(reply)
        kind = reply.headers.get("Content-Type")
        quads = control_document(reply.content, kind, container, limits.listing_triples)
        return listing(quads, container, limits.listing_members)

    async def _documents(self, urls: Sequence[str], access: Access) -> _Opened:
        opened = _Opened(cut=list(urls[MOST_DOCUMENTS:][:1]))
        for url in urls[:MOST_DOCUMENTS]:
            try:
                opened.quads += await self._document(url, access)
            except PodFault:
                opened.closed.append(url)
            else:
                opened.read.append(url)
        return opened

    async def _document(self, url: str, access: Access) -> list[Quad]:
        limits = self._requests.limits
        reply = await self._requests.get(
            access, url, CONTROL_ACCEPT, limits.control_bytes, seconds=limits.control_seconds
        )
        if reply.status != 200:
            raise fault(reply)
        return control_document(reply.content, reply.headers.get("Content-Type"), reply.url)
