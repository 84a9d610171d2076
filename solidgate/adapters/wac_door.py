"""What a door means in one list of Web Access Control: implements ``door_kind.Kind``."""

from __future__ import annotations

from solidgate.adapters.access_documents import AccessDocuments
from solidgate.errors import AccessControlRefused, PodForbidden
from solidgate.pod import wac
from solidgate.pod.access_control import AccessDocument
from solidgate.pod.container import is_container
from solidgate.pod.door import READ_ONLY, Door, Mode
from solidgate.vocab import ACL


class WacDoor:
    """A list of the resource's own replaces what is inherited, so the first one begins as a copy of that."""

    def __init__(self, documents: AccessDocuments, door: Door) -> None:
        self._documents, self._door = documents, door

    async def known(self, own: AccessDocument | None, target: str) -> str | None:
        """The first own list replaces what is inherited: so that must name the container as we do."""
        if own is not None:
            return None if own.speaks_of(ACL.accessTo, target) is False else target
        inherited, container = await self._documents.nearest(target)
        return None if inherited.speaks_of(ACL.default, container) is False else container

    async def opened(
        self, own: AccessDocument | None, url: str, target: str, modes: frozenset[Mode]
    ) -> AccessDocument:
        """The list with exactly these modes for the agent, and the owner safe."""
        base = own or wac.copied(*(await self._documents.nearest(target)), target, url)
        below = is_container(target)
        return wac.opened(base, target, self._door.agent, self._door.owner, modes, below=below)

    async def keeps(self, kept: AccessDocument, target: str, modes: frozenset[Mode]) -> bool:
        """Whether the agent has exactly these modes."""
        return wac.modes_of(wac.grants(kept, target), self._door.agent) == modes

    async def keeps_owner(self, kept: AccessDocument, target: str) -> bool:
        """Whether the owner still has Control."""
        return wac.owner_safe(kept, target, self._door.owner)

    def closed(self, own: AccessDocument) -> AccessDocument:
        """The list without the agent."""
        return wac.closed(own, self._door.agent)

    async def may_be_removed(self, left: AccessDocument, target: str) -> bool:
        """Whether the same would be in force without the list."""
        try:
            inherited, container = await self._documents.nearest(target)
        except (PodForbidden, AccessControlRefused):
            return False
        return wac.may_be_removed(left, target, inherited, container)

    async def given(
        self, own: AccessDocument | None, target: str, need: frozenset[Mode]
    ) -> tuple[frozenset[Mode], frozenset[Mode]]:
        """The agent's modes by name; what it surely has and what it may have are one here."""
        agent = self._door.agent
        if own is None:
            inherited, container = await self._documents.nearest(target)
            have = wac.modes_of(wac.grants(inherited, container, inherited=True), agent)
            return have, have
        have = wac.modes_of(wac.grants(own, target), agent)
        if Mode.WRITE in need:
            # The container's door is for what is written below it: its own list must say so there too.
            have = have & wac.modes_of(wac.grants(own, target, inherited=True), agent) or have & READ_ONLY
        return have, have
