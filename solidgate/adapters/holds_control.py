"""What a pod tells whoever asks about their own access, and whether they may decide about others'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from solidgate.adapters.access_documents import AccessDocuments
from solidgate.adapters.solid_requests import GONE, SolidRequests, fault
from solidgate.errors import AccessControlRefused, PodFault
from solidgate.pod.allowed import user_modes
from solidgate.pod.door import Mode
from solidgate.ports import Access, Reply


def told_modes(reply: Reply) -> frozenset[Mode] | None:
    """The asker's own modes (``WAC-Allow``, WAC section 5.1); none where the pod does not tell."""
    named = user_modes(reply.header_values("WAC-Allow"))
    return None if named is None else frozenset(mode for mode in Mode if mode.name.lower() in named)


class HoldsControl:
    """Whether the agent of ``access`` may decide who else gets in."""

    def __init__(self, requests: SolidRequests, access: Access) -> None:
        self._requests, self._access = requests, access

    async def among(self, found: Sequence[str], failed: Mapping[str, PodFault]) -> tuple[str, ...]:
        """Those of ``found`` that it does, asked at the same time, in their order.

        ``failed`` are those that gave no answer just now, which are not waited for again. A pod that is out
        of order stands in the way only if there is no other.
        """

        async def asked(url: str) -> bool | PodFault:
            try:
                return failed[url] if url in failed else await self.holds(url)
            except PodFault as fault:
                return fault

        told = await self._requests.each(found, asked, at_once=len(found))
        ours = tuple(url for url, one in zip(found, told, strict=True) if one is True)
        faults = [one for one in told if isinstance(one, PodFault)]
        if faults and not ours:
            raise faults[0]
        return ours

    async def holds(self, url: str) -> bool:
        """By the pod's own word; a pod that says nothing lets only such an agent read the document itself."""
        reply = await self._requests.head(self._access, url)
        if reply.status in (401, 403, *GONE):
            return False
        if reply.status != 200:
            raise fault(reply)
        told = told_modes(reply)
        if told is not None:
            return Mode.CONTROL in told
        with suppress(AccessControlRefused):
            return await AccessDocuments(self._requests, self._access).of(url) is not None
        return False
