"""One door at a pod with Web Access Control: opened, closed and looked at, each time by reading back."""

from __future__ import annotations

import re
from contextlib import suppress

from solidgate.adapters.solid_requests import GONE, SolidRequests, fault
from solidgate.adapters.wac_lists import AccessControlLists
from solidgate.errors import AccessControlUnsupported, DoorNotOpen, PodConflict, PodForbidden
from solidgate.pod import wac
from solidgate.pod.container import is_container
from solidgate.pod.door import Door, DoorState
from solidgate.pod.etag import ABSENT, unchanged
from solidgate.pod.wac import Acl, Mode
from solidgate.ports import Access

READ_ONLY = frozenset({Mode.READ})
READ_AND_WRITE = frozenset({Mode.READ, Mode.WRITE})

_USER_MODES = re.compile(r'(?:^|[\s,])user\s*=\s*"([^"]*)"', re.IGNORECASE)


class WacDoor:
    """The access that ``door`` lists, handled as the agent of ``access``."""

    def __init__(self, requests: SolidRequests, access: Access, door: Door) -> None:
        self._requests, self._access, self._door = requests, access, door
        self._lists = AccessControlLists(requests, access)
        self._documents = tuple(url for url in dict.fromkeys(door.read) if url != door.write)

    async def open(self) -> None:
        """Documents first: should one lie below the container, its own list copies what was before."""
        await self._requests.each(self._documents, self._open_document)
        if self._door.write is not None:
            await self._open(self._door.write, READ_AND_WRITE)

    async def close(self) -> None:
        """The container first, so that documents below it inherit again what they inherited before."""
        if self._door.write is not None:
            await self._close(self._door.write)
            self._lists.forget()
        await self._requests.each(self._documents, self._close)

    async def state(self) -> DoorState:
        """For the owner by the lists themselves; for the agent, who cannot read them, by what HEAD allows."""
        wanted = [(url, READ_ONLY) for url in self._documents]
        if self._door.write is not None:
            wanted.append((self._door.write, READ_AND_WRITE))
        as_agent = self._access.webid == self._door.agent
        found = await self._requests.each(wanted, self._seen_by_agent if as_agent else self._seen_in_lists)
        counted = [(need, have) for (_, need), have in zip(wanted, found, strict=True) if have is not None]
        if counted and all(need <= have for need, have in counted):
            return DoorState.OPEN
        return DoorState.PARTIAL if any(have for _, have in counted) else DoorState.CLOSED

    # --- opening ----------------------------------------------------------------------------------------

    async def _open_document(self, target: str) -> None:
        await self._open(target, READ_ONLY)

    async def _open(self, target: str, modes: frozenset[Mode]) -> None:
        for _ in range(self._requests.limits.write_rounds):
            control = await self._lists.control(target)
            if not control.exists:
                return
            if control.acl_url is None:
                raise AccessControlUnsupported("the resource names no access control list")
            seen = await self._lists.read(control.acl_url)
            wanted = await self._wanted(seen.acl, target, control.acl_url, modes)
            if seen.acl is not None and set(seen.acl.triples) == set(wanted.triples):
                return
            if await self._lists.put(wanted, ABSENT if seen.acl is None else unchanged(seen.etag)):
                await self._check_kept(target, modes, control.acl_url)
                return
        raise PodConflict("the access control list changed at every attempt")

    async def _wanted(self, own: Acl | None, target: str, acl_url: str, modes: frozenset[Mode]) -> Acl:
        base = own or wac.copied(*(await self._lists.inherited(target)), target, acl_url)
        below = is_container(target)
        return wac.opened(base, target, self._door.agent, self._door.owner, modes, below=below)

    async def _check_kept(self, target: str, modes: frozenset[Mode], acl_url: str) -> None:
        kept = (await self._lists.read(acl_url)).acl
        if kept is None or wac.modes_of(wac.grants(kept, target), self._door.agent) != modes:
            raise DoorNotOpen("the pod took the access control list and gives back another")
        if not wac.owner_safe(kept, target, self._door.owner):
            raise DoorNotOpen("the pod's access control list no longer names its owner")

    # --- closing ----------------------------------------------------------------------------------------

    async def _close(self, target: str) -> None:
        """Each round reads the list again; the one that finds nothing of the agent's is the proof."""
        for _ in range(self._requests.limits.write_rounds):
            control = await self._lists.control(target)
            if control.acl_url is None:
                return
            seen = await self._lists.read(control.acl_url)
            if seen.acl is None or not wac.names(seen.acl, self._door.agent):
                return
            left = wac.closed(seen.acl, self._door.agent)
            if await self._is_only_a_copy(left, target):
                await self._lists.delete(control.acl_url, unchanged(seen.etag))
            else:
                await self._lists.put(left, unchanged(seen.etag))

    async def _is_only_a_copy(self, left: Acl, target: str) -> bool:
        try:
            inherited, container = await self._lists.inherited(target)
        except PodForbidden:
            return False
        return wac.may_be_removed(left, target, inherited, container)

    # --- looking ----------------------------------------------------------------------------------------

    async def _seen_in_lists(self, wanted: tuple[str, frozenset[Mode]]) -> frozenset[Mode] | None:
        """The agent's modes by name; ``None`` for a resource that is not there."""
        target, need = wanted
        control = await self._lists.control(target)
        if not control.exists:
            return None
        own = (await self._lists.read(control.acl_url)).acl if control.acl_url else None
        agent = self._door.agent
        if own is None:
            inherited, container = await self._lists.inherited(target)
            return wac.modes_of(wac.grants(inherited, container, inherited=True), agent)
        have = wac.modes_of(wac.grants(own, target), agent)
        if Mode.WRITE in need:
            # The container's door is for what is written below it: its own list must say so there too.
            return have & wac.modes_of(wac.grants(own, target, inherited=True), agent) or have & READ_ONLY
        return have

    async def _seen_by_agent(self, wanted: tuple[str, frozenset[Mode]]) -> frozenset[Mode] | None:
        target, need = wanted
        reply = await self._requests.head(self._access, target)
        if reply.status in (401, 403):
            return frozenset()
        if reply.status in GONE:
            return READ_ONLY
        if reply.status != 200:
            raise fault(reply)
        allowed = _USER_MODES.search(", ".join(reply.header_values("WAC-Allow")))
        if allowed is None:
            # The header is optional (WAC section 5.1): being let in is all that such a pod tells beforehand.
            return need
        named = allowed[1].lower().split()
        return frozenset(mode for mode in Mode if mode.name.lower() in named)


class WacControl:
    """Whether the agent of ``access`` may decide who else gets in."""

    def __init__(self, requests: SolidRequests, access: Access) -> None:
        self._requests, self._access = requests, access

    async def holds(self, url: str) -> bool:
        """By the pod's own word; a pod that says nothing lets only such an agent read the list itself."""
        reply = await self._requests.head(self._access, url)
        if reply.status in (401, 403, *GONE):
            return False
        if reply.status != 200:
            raise fault(reply)
        allowed = _USER_MODES.search(", ".join(reply.header_values("WAC-Allow")))
        if allowed is not None:
            return Mode.CONTROL.name.lower() in allowed[1].lower().split()
        with suppress(PodForbidden):
            return await AccessControlLists(self._requests, self._access).of(url) is not None
        return False
