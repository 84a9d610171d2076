"""What a door means in one resource of Access Control Policy: implements ``door_kind.Kind``."""

from __future__ import annotations

from solidgate.adapters.access_documents import AccessDocuments
from solidgate.pod import acp
from solidgate.pod.access_control import AccessDocument
from solidgate.pod.container import is_container
from solidgate.pod.door import READ_ONLY, Door, Mode
from solidgate.pod.policy import Policy, modes_of, policies, reach_of
from solidgate.vocab import ACP


class AcpDoor:
    """A resource's own policies hold beside the member policies of every container above it."""

    def __init__(self, documents: AccessDocuments, door: Door) -> None:
        self._documents, self._door = documents, door

    async def known(self, own: AccessDocument | None, target: str) -> str | None:
        """The nearest resource that names what it is of must name it as we do."""
        seen = [(target, own)] if own is not None else []
        for place, document in (*seen, *await self._documents.above(target)):
            said = document.speaks_of(ACP.resource, place)
            if said is not None:
                return place if said else None
        return ""

    async def opened(
        self, own: AccessDocument | None, url: str, target: str, modes: frozenset[Mode]
    ) -> AccessDocument:
        """The resource with exactly these modes for the agent, and the owner safe."""
        base, below = own or AccessDocument(url, ()), is_container(target)
        given = acp.opened(base, target, self._door.agent, modes, below=below)
        return acp.with_owner(given, target, self._door.owner, await self._above(target))

    async def keeps(self, kept: AccessDocument, target: str, modes: frozenset[Mode]) -> bool:
        """Whether its own policies give the agent these modes; a policy that also denies may give it more."""
        return modes <= modes_of(policies(kept, target), self._door.agent)

    async def keeps_owner(self, kept: AccessDocument, target: str) -> bool:
        """Whether the owner still has Control."""
        return acp.owner_safe(kept, target, self._door.owner, await self._above(target))

    def closed(self, own: AccessDocument) -> AccessDocument:
        """The resource without what lets the agent in by name, as far as nobody else is touched."""
        return acp.closed(own, self._door.agent)

    async def may_be_removed(self, left: AccessDocument, target: str) -> bool:
        """Whether nothing of anybody's is left in it."""
        return acp.may_be_removed(left, target, self._door.owner, await self._above(target))

    async def given(
        self, own: AccessDocument | None, target: str, need: frozenset[Mode]
    ) -> tuple[frozenset[Mode], frozenset[Mode]]:
        """The agent's modes by name: what it surely has, and what some policy could still give it."""
        above, agent = await self._above(target), self._door.agent
        here = (*policies(own, target), *above) if own else above
        below = (*policies(own, target, members=True), *above) if own else above
        have, may = modes_of(here, agent), reach_of((*here, *below), agent)
        if Mode.WRITE in need:
            have = have & modes_of(below, agent) or have & READ_ONLY
        return have, have | may

    async def _above(self, target: str) -> tuple[Policy, ...]:
        found = await self._documents.above(target)
        return tuple(policy for place, one in found for policy in policies(one, place, members=True))
