"""What a person says of their pod: profile, further documents of the profile, preferences, type indexes.

All of it is read as the person. One document that does not open or parse never hides the others: it is told
as closed, so that nobody takes silence for emptiness.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyoxigraph import Quad

from solidgate.adapters.solid_requests import CONTAINER_ACCEPT, GONE, SolidRequests, fault
from solidgate.errors import NoStorage, PodFault
from solidgate.pod.container import document
from solidgate.pod.listing import Listing, listing
from solidgate.pod.rdf import CONTROL_ACCEPT, control_document
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
        found, _ = await self._documents(extended(profile, webid), access)
        return found

    async def catalogue(self, webid: str, access: Access) -> Catalogue:
        """What the person's type indexes say, public and private."""
        profile = await self.profile(webid)
        profile = profile + await self.extended(profile, webid, access)
        private, closed = await self._documents(preferences(profile, webid), access)
        named = indexes(profile + private, webid)[: 2 * MOST_DOCUMENTS]
        found: list[Registration] = []
        read: list[str] = []
        for url in named:
            quads, shut = await self._documents((url,), access)
            found += registrations(quads)
            closed += shut
            read += [] if shut else [url]
        return Catalogue(tuple(dict.fromkeys(found)), tuple(read), tuple(closed))

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

    async def _documents(self, urls: Sequence[str], access: Access) -> tuple[list[Quad], list[str]]:
        """The statements of those that open, and the addresses of those that do not."""
        found: list[Quad] = []
        closed: list[str] = []
        for url in urls[:MOST_DOCUMENTS]:
            try:
                found += await self._document(url, access)
            except PodFault:
                closed.append(url)
        return found, closed

    async def _document(self, url: str, access: Access) -> list[Quad]:
        limits = self._requests.limits
        reply = await self._requests.get(
            access, url, CONTROL_ACCEPT, limits.control_bytes, seconds=limits.control_seconds
        )
        if reply.status != 200:
            raise fault(reply)
        return control_document(reply.content, reply.headers.get("Content-Type"), reply.url)
