"""Access control lists on the wire: found by link, read whole, written only under a condition."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from solidgate.adapters.solid_requests import CONTAINER_ACCEPT, GONE, SolidRequests, fault
from solidgate.errors import AccessControlUnsupported, PodForbidden
from solidgate.pod import wac
from solidgate.pod.container import ancestors
from solidgate.pod.link import targets
from solidgate.pod.rdf import control_document
from solidgate.pod.wac import Acl
from solidgate.ports import Access
from solidgate.vocab import ACP, RDF


@dataclass(frozen=True, slots=True)
class Control:
    """Where a resource's access control list is, by its own ``Link rel=acl``; ``None`` when it names none."""

    exists: bool
    acl_url: str | None


@dataclass(frozen=True, slots=True)
class SeenList:
    """A list as read, with its tag; ``acl`` is ``None`` when there is no list at this address."""

    acl: Acl | None
    etag: str | None


class AccessControlLists:
    """The lists of one server as one agent sees them, while one door is opened, closed or looked at.

    What resources inherit is looked up once for each container and kept until ``forget``.
    """

    def __init__(self, requests: SolidRequests, access: Access) -> None:
        self._requests, self._access = requests, access
        self._above: dict[str, Acl | None] = {}
        self._turn = asyncio.Lock()

    async def control(self, url: str) -> Control:
        """Raises ``AccessControlUnsupported`` for a list on another server: no token is sent there."""
        reply = await self._requests.head(self._access, url)
        if reply.status not in (200, *GONE):
            raise fault(reply)
        found = targets(reply.header_values("Link"), url, "acl")
        if found and _origin(found[0]) != _origin(url):
            raise AccessControlUnsupported("the access control list is on another server")
        return Control(reply.status == 200, found[0] if found else None)

    async def read(self, acl_url: str) -> SeenList:
        """Raises ``AccessControlUnsupported`` for Access Control Policy, ``PodUnreadable`` for no RDF."""
        limits = self._requests.limits
        reply = await self._requests.get(
            self._access, acl_url, CONTAINER_ACCEPT, limits.control_bytes, seconds=limits.control_seconds
        )
        if ACP.AccessControlResource.value in targets(reply.header_values("Link"), acl_url, "type"):
            raise AccessControlUnsupported("the pod uses Access Control Policy")
        if reply.status in GONE:
            return SeenList(None, None)
        if reply.status != 200:
            raise fault(reply)
        quads = control_document(reply.content, reply.headers.get("Content-Type"), acl_url)
        if any(quad.predicate == RDF.type and quad.object == ACP.AccessControlResource for quad in quads):
            raise AccessControlUnsupported("the pod uses Access Control Policy")
        return SeenList(wac.acl_of(quads, acl_url), reply.headers.get("ETag"))

    async def of(self, url: str) -> Acl | None:
        """The list of the resource's own; none is an answer: it inherits."""
        control = await self.control(url)
        return (await self.read(control.acl_url)).acl if control.acl_url else None

    async def inherited(self, target: str) -> tuple[Acl, str]:
        """The nearest list above, and the container it belongs to. Raises ``PodForbidden`` without one."""
        async with self._turn:
            for container in ancestors(target, self._requests.limits.climb):
                if container not in self._above:
                    self._above[container] = await self.of(container)
                if found := self._above[container]:
                    return found, container
        raise PodForbidden("no access control list is in force above this resource")

    def forget(self) -> None:
        """Look up anew what resources inherit: a list above was changed."""
        self._above.clear()

    async def put(self, acl: Acl, condition: Mapping[str, str]) -> bool:
        """Whether the pod took it; if not, somebody else was faster or it is not known: read again."""
        headers = {"Content-Type": "text/turtle", **condition}
        return await self._requests.changed("PUT", self._access, acl.url, headers, wac.to_turtle(acl))

    async def delete(self, acl_url: str, condition: Mapping[str, str]) -> bool:
        """The same for taking a list away, after which its resource inherits again."""
        return await self._requests.changed("DELETE", self._access, acl_url, condition)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()
