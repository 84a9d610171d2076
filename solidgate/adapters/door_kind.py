"""What differs between the two kinds of access control when a door is opened, closed and looked at."""

from __future__ import annotations

from typing import Protocol

from solidgate.pod.access_control import AccessDocument
from solidgate.pod.door import Mode


class Kind(Protocol):
    """What a door means in an access document of one kind."""

    async def known(self, own: AccessDocument | None, target: str) -> str | None:
        """``target`` or the container above it that the pod's own documents spell as we do.

        Empty when they name nothing; ``None`` when they spell it in another way.
        """
        ...

    async def opened(
        self, own: AccessDocument | None, url: str, target: str, modes: frozenset[Mode]
    ) -> AccessDocument:
        """What must stand at ``url`` so that the agent has exactly ``modes`` on ``target``."""
        ...

    async def keeps(self, kept: AccessDocument, target: str, modes: frozenset[Mode]) -> bool: ...

    async def keeps_owner(self, kept: AccessDocument, target: str) -> bool: ...

    def closed(self, own: AccessDocument) -> AccessDocument: ...

    async def may_be_removed(self, left: AccessDocument, target: str) -> bool:
        """Whether the document may go: without it all is in force that was before it was made."""
        ...

    async def given(
        self, own: AccessDocument | None, target: str, need: frozenset[Mode]
    ) -> tuple[frozenset[Mode], frozenset[Mode]]:
        """The agent's modes by name: those it surely has, and those it may have."""
        ...
