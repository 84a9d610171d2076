"""Every pod by one port: implements ``ports.PodServer`` and hands on to what the server turns out to be.

Servers of the Solid Protocol go to ``SolidPod``. On Enterprise Solid Server the same requests are signed
with a token that the grant, or the exchange, gave for exactly that storage; the door is a grant.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from solidgate.adapters.access_grants import AccessGrants
from solidgate.adapters.ess_calls import EssCalls
from solidgate.adapters.pod_signing import Modes, PodSigning, check_covered, takes_tokens
from solidgate.adapters.pod_storages import PodStorages
from solidgate.adapters.solid_pod import PodLimits, SolidPod
from solidgate.adapters.solid_requests import SolidRequests
from solidgate.errors import AccessControlUnsupported, AccessGrantEnded, CredentialsRefused, PodForbidden
from solidgate.pod.by_hand import Paste
from solidgate.pod.credential import AccessMode
from solidgate.pod.door import Door, DoorState
from solidgate.pod.grant import AskedAccess, Grant
from solidgate.pod.link import targets
from solidgate.pod.listing import Listing
from solidgate.pod.origin import same_origin
from solidgate.pod.platform import Platform, ServerKind
from solidgate.pod.resource import Document, ResourceState
from solidgate.pod.type_index import Catalogue
from solidgate.ports import Access, Clock, Fetcher, GrantedAccess

Result = TypeVar("Result")
_READ = (AccessMode.READ,)
_CREATE = (AccessMode.APPEND, AccessMode.WRITE)
_WRITE = (AccessMode.WRITE,)


class Pods:
    """See the module. ``seconds`` is how long the kind of a server is kept."""

    def __init__(
        self,
        fetcher: Fetcher,
        clock: Clock,
        limits: PodLimits | None = None,
        chance: Callable[[], float] = random.random,
        *,
        seconds: float = 600,
    ) -> None:
        bounds = limits or PodLimits()
        self._solid = SolidPod(fetcher, clock, bounds, chance)
        self._requests = SolidRequests(fetcher, clock, bounds, chance)
        calls = EssCalls(self._requests)
        self._signing = PodSigning(calls, clock, seconds)
        self._grants = AccessGrants(calls, clock, seconds)
        self._storages = PodStorages(self._solid, self._requests, self._signing)

    # --- documents ---------------------------------------------------------------------------------------

    async def storages(self, webid: str, access: Access | None = None) -> tuple[str, ...]:
        """The roots of the person's pods; with ``access`` only those that it controls."""
        return await self._storages.of(webid, access)

    async def state(self, access: Access, url: str) -> ResourceState:
        """What HEAD tells."""
        return await self._with(access, url, _READ, lambda by: self._solid.state(by, url))

    async def read(self, access: Access, url: str, *, max_bytes: int) -> Document:
        """The bytes of one RDF document."""
        return await self._with(access, url, _READ, lambda by: self._solid.read(by, url, max_bytes=max_bytes))

    async def read_as(self, access: Access, url: str, media_type: str, *, max_bytes: int) -> Document:
        """The bytes of one document of this type."""
        return await self._with(
            access, url, _READ, lambda by: self._solid.read_as(by, url, media_type, max_bytes=max_bytes)
        )

    async def read_changed(
        self, access: Access, url: str, etag: str | None, *, max_bytes: int
    ) -> Document | None:
        """As ``read``; none when it is still what ``etag`` names."""
        return await self._with(
            access, url, _READ, lambda by: self._solid.read_changed(by, url, etag, max_bytes=max_bytes)
        )

    async def create(self, access: Access, url: str, content: bytes, media_type: str) -> ResourceState:
        """Create, never overwrite."""
        return await self._with(
            access, url, _CREATE, lambda by: self._solid.create(by, url, content, media_type)
        )

    async def ensure_container(self, access: Access, url: str) -> None:
        """Make the container unless it is there."""
        await self._with(access, url, _CREATE, lambda by: self._solid.ensure_container(by, url))

    async def remove(self, access: Access, url: str, etag: str | None = None) -> None:
        """Remove, if it is still what ``etag`` names."""
        await self._with(access, url, _WRITE, lambda by: self._solid.remove(by, url, etag))

    async def replace(
        self, access: Access, url: str, content: bytes, media_type: str, etag: str | None
    ) -> ResourceState:
        """Replace what ``etag`` names and nothing else."""
        return await self._with(
            access, url, _WRITE, lambda by: self._solid.replace(by, url, content, media_type, etag)
        )

    async def listing(self, access: Access, container: str) -> Listing | None:
        """The children of a container that can be believed."""
        return await self._with(access, container, _READ, lambda by: self._solid.listing(by, container))

    async def catalogue(self, access: Access, wanted: Collection[str]) -> Catalogue:
        """What the person's own indexes say of these classes; they may lie anywhere, so the person asks."""
        return await self._solid.catalogue(access, wanted)

    # --- the door ----------------------------------------------------------------------------------------

    async def open_door(self, access: Access, door: Door) -> DoorState:
        """As the owner, where lists decide; on ESS the owner approves on a page of their own."""
        await self._refuse_by_grant(door)
        return await self._solid.open_door(access, door)

    async def close_door(self, access: Access, door: Door) -> DoorState:
        """The same, closing; a grant is revoked instead."""
        await self._refuse_by_grant(door)
        return await self._solid.close_door(access, door)

    async def door_state(self, access: Access, door: Door) -> DoorState:
        """By the lists, or by the grants that ``access`` carries: verified now, then held against the door.

        Raises ``AccessGrantEnded`` when one of them is over.
        """
        if not isinstance(access, GrantedAccess):
            return await self._solid.door_state(access, door)
        for grant in access.grants:
            platform, by = await self._signing.service(access, _place_of(door))
            await self._grants.check(by, platform.credentials, grant)
        wanted: list[tuple[str, Modes]] = [(url, _READ) for url in door.read]
        wanted += [(door.write, _CREATE), (door.write, _READ)] if door.write is not None else []
        held = [any(one.covers(url, *modes) for one in access.grants) for url, modes in wanted]
        if held and all(held):
            return DoorState.OPEN
        return DoorState.PARTIAL if any(held) else DoorState.CLOSED

    # --- grants ------------------------------------------------------------------------------------------

    async def kind_of(self, storage: str) -> ServerKind:
        """Which access protocol the storage's server speaks."""
        return (await self._signing.discovery.platform(storage)).kind

    async def canonical(self, access: Access, url: str) -> str:
        """The address that a grant has to name: on ESS 3.x the one that the storage calls canonical."""
        platform = await self._signing.discovery.platform(url)
        if platform.kind is not ServerKind.ESS_3:
            return url
        reply = await self._requests.head(await self._signing.signed(access, platform, url, _READ), url)
        if reply.status == 200:
            for found in targets(reply.header_values("Link"), url, "canonical"):
                if same_origin(found, url):
                    return found
        return url

    async def request_access(self, access: Access, storage: str, asked: AskedAccess) -> str:
        """Ask the owner by way of the storage's grant service; the id of the request."""
        platform, by = await self._signing.service(access, storage)
        return await self._grants.ask(by, platform.credentials, asked)

    async def cancel_request(self, access: Access, storage: str, request_id: str) -> None:
        """Cancel an access request, as who asked; one that is gone is done."""
        platform, by = await self._signing.service(access, storage)
        await self._grants.cancel(by, platform.credentials, request_id)

    async def access_page(self, webid: str, storage: str) -> str | None:
        """Where this owner approves requests; none is an answer."""
        return await self._signing.discovery.access_page(webid, storage)

    async def answer_of(
        self, access: Access, storage: str, url: str, asked: AskedAccess, request_id: str
    ) -> Grant | None:
        """The owner's answer at ``url``, fetched, checked and verified; none for a denial."""
        platform, by = await self._signing.service(access, storage)
        return await self._grants.answer(by, platform.credentials, url, asked, request_id)

    async def revoke_grant(self, access: Access, storage: str, grant: Grant) -> None:
        """End a grant, as its owner; one that has ended already is done."""
        platform, by = await self._signing.service(access, storage)
        try:
            await self._grants.check(by, platform.credentials, grant)
        except AccessGrantEnded:
            return
        await self._grants.revoke(by, platform.credentials, grant)

    # --- who signs ---------------------------------------------------------------------------------------

    async def _with(
        self,
        access: Access,
        url: str,
        modes: Modes,
        job: Callable[[Access], Awaitable[Result]],
    ) -> Result:
        """The job with the credentials that this server takes; once more with new ones after a refusal."""
        discovery = self._signing.discovery
        platform = discovery.known(url) or await discovery.platform(url)
        if platform.kind is ServerKind.SOLID:  # no token and no grant
            return await job(access)
        try:
            return await self._by_token(access, platform, url, modes, job)
        except CredentialsRefused as refused:
            # These answer 401 to those whom they know as well: it is what 403 is elsewhere.
            raise PodForbidden(refused.detail) from refused

    async def _by_token(
        self,
        access: Access,
        platform: Platform,
        url: str,
        modes: Modes,
        job: Callable[[Access], Awaitable[Result]],
    ) -> Result:
        check_covered(access, platform, url, modes)
        try:
            return await job(await self._signing.signed(access, platform, url, modes))
        except PodForbidden:
            if not takes_tokens(access, platform):
                raise
        try:
            return await job(await self._signing.signed(access, platform, url, modes, renew=True))
        except PodForbidden:
            await self._name_the_end(access, platform, url)
            raise

    async def _name_the_end(self, access: Access, platform: Platform, url: str) -> None:
        """A refusal in spite of a grant may be its end: then that is what is raised."""
        if isinstance(access, GrantedAccess):
            for grant in access.grants:
                _, by = await self._signing.service(access, url)
                await self._grants.check(by, platform.credentials, grant)

    async def door_by_hand(self, access: Access, door: Door) -> tuple[Paste, ...]:
        """The texts to paste where lists decide; none where the owner answers on a page."""
        if (await self.kind_of(_place_of(door))).by_grant:
            return ()
        return await self._solid.door_by_hand(access, door)

    async def _refuse_by_grant(self, door: Door) -> None:
        if (await self.kind_of(_place_of(door))).by_grant:
            raise AccessControlUnsupported("the owner opens this door by a grant")


def _place_of(door: Door) -> str:
    return door.write or next(iter(door.read), door.owner)
