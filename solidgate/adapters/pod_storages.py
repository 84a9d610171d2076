"""A person's storages, whatever their servers are: only those that the person controls count."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from solidgate.adapters.pod_signing import PodSigning
from solidgate.adapters.solid_pod import SolidPod
from solidgate.adapters.solid_requests import CONTAINER_ACCEPT, SolidRequests
from solidgate.errors import AuthorizationServerUntrusted, NoStorage, PodFault
from solidgate.pod.credential import AccessMode
from solidgate.pod.link import targets
from solidgate.pod.origin import same_origin
from solidgate.pod.platform import Platform
from solidgate.pod.storage import MOST_STORAGES
from solidgate.ports import Access


class PodStorages:
    """``SolidPod`` knows lists; on Enterprise Solid Server control shows in being let in to the ACR."""

    def __init__(self, solid: SolidPod, requests: SolidRequests, signing: PodSigning) -> None:
        self._solid = solid
        self._requests = requests
        self._signing = signing

    async def of(self, webid: str, access: Access | None) -> tuple[str, ...]:
        """The roots, in the order of the profile. Raises ``NoStorage`` and pod faults."""
        if access is None:
            return await self._solid.storages(webid)
        try:
            found = (await self._solid.storages(webid))[:MOST_STORAGES]
        except NoStorage:
            return await self._solid.storages(webid, access)  # what is found by climbing needs the person
        granting = {url: platform for url in found if (platform := await self._granting(url)) is not None}
        if not granting:
            return await self._solid.storages(webid, access)
        ours, foreign = await self._controlled(access, granting)
        if len(granting) < len(found):
            with suppress(PodFault):
                ours.update(await self._solid.storages(webid, access))
        if not ours:
            raise foreign or NoStorage()
        return tuple(url for url in found if url in ours)

    async def _granting(self, url: str) -> Platform | None:
        """The deployment of a storage that is opened by grants; a fault of its server counts as a no."""
        with suppress(PodFault):
            platform = await self._signing.discovery.platform(url)
            return platform if platform.kind.by_grant else None
        return None

    async def _controlled(
        self, access: Access, granting: Mapping[str, Platform]
    ) -> tuple[set[str], AuthorizationServerUntrusted | None]:
        """Those that the person controls, and why one was left out: it may not be shown who they are."""
        ours: set[str] = set()
        foreign: AuthorizationServerUntrusted | None = None
        for url, platform in granting.items():
            try:
                ours.update({url} if await self._controls(access, platform, url) else ())
            except AuthorizationServerUntrusted as untrusted:
                foreign = untrusted
        return ours, foreign

    async def _controls(self, access: Access, platform: Platform, url: str) -> bool:
        """By the server's own word: whoever may read the access control resource may decide who gets in."""
        by = await self._signing.signed(access, platform, url, (AccessMode.READ,))
        reply = await self._requests.head(by, url)
        if reply.status != 200:
            return False
        limits = self._requests.limits
        for control in targets(reply.header_values("Link"), reply.url, "acl"):
            if same_origin(control, url):
                seen = await self._requests.get(by, control, CONTAINER_ACCEPT, limits.control_bytes)
                return seen.status == 200
        return False
