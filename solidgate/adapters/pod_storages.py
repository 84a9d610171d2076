"""A person's storages, whatever their servers are: only those that the person controls count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from solidgate.adapters.pod_signing import PodSigning
from solidgate.adapters.solid_pod import SolidPod
from solidgate.adapters.solid_requests import CONTAINER_ACCEPT, SolidRequests
from solidgate.errors import FetchTimedOut, FetchUnreachable, NoStorage, PodFault
from solidgate.pod.credential import AccessMode
from solidgate.pod.link import targets
from solidgate.pod.origin import same_origin
from solidgate.pod.platform import Platform
from solidgate.pod.storage import MOST_STORAGES
from solidgate.ports import Access

_SILENT = (FetchTimedOut, FetchUnreachable)

Found = TypeVar("Found")


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
        kinds = dict(zip(found, await self._each(found, self._granting), strict=True))
        granting = {url: kind for url, kind in kinds.items() if isinstance(kind, Platform)}
        silent = {url: kind for url, kind in kinds.items() if isinstance(kind, PodFault)}
        if not granting:
            return await self._solid.storages(webid, access, silent)
        ours, faults = await self._controlled(access, granting)
        if len(granting) < len(found):
            try:
                ours.update(await self._solid.storages(webid, access, silent))
            except PodFault as fault:
                faults.append(fault)
        if not ours:
            raise min(faults, key=lambda one: isinstance(one, NoStorage), default=NoStorage())
        return tuple(url for url in found if url in ours)

    async def _each(self, urls: Sequence[str], job: Callable[[str], Awaitable[Found]]) -> list[Found]:
        """At the same time: a server that hangs shall not use up the time of the others."""
        return await self._requests.each(urls, job, at_once=MOST_STORAGES)

    async def _granting(self, url: str) -> Platform | PodFault | None:
        """The deployment of a storage that is opened by grants; the fault of one that gives no answer.

        Any other fault of its server counts as a no.
        """
        try:
            platform = await self._signing.discovery.platform(url)
        except _SILENT as fault:
            return fault
        except PodFault:
            return None
        return platform if platform.kind.by_grant else None

    async def _controlled(
        self, access: Access, granting: Mapping[str, Platform]
    ) -> tuple[set[str], list[PodFault]]:
        """Those that the person controls, and why others were left out: no fault of one is another's."""

        async def asked(url: str) -> bool | PodFault:
            try:
                return await self._controls(access, granting[url], url)
            except PodFault as fault:
                return fault

        told = dict(zip(granting, await self._each(tuple(granting), asked), strict=True))
        ours = {url for url, one in told.items() if one is True}
        return ours, [one for one in told.values() if isinstance(one, PodFault)]

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
