"""What a person puts into their pod themselves, where solidgate may not write who may do what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from solidgate.errors import AccessControlRefused, AccessControlUnsupported
from solidgate.pod import acp, wac
from solidgate.pod.access_control import AccessControl, AccessDocument, to_turtle
from solidgate.pod.container import is_container
from solidgate.pod.door import Door, Mode

BY_HAND = frozenset({AccessControlRefused.code, AccessControlUnsupported.code})
"""The problems of a door that its person can solve with a text of ours."""

NOWHERE = "urn:solidgate:access-document"
"""Stands for the address of an access document that the pod does not name."""


@dataclass(frozen=True, slots=True)
class Paste:
    """One text for one resource. ``whole``: it takes the place of what is there; else it is added to it.

    ``address`` is where the pod keeps who may do what for this resource; ``None`` when it does not say.
    """

    resource: str
    kind: AccessControl
    address: str | None
    whole: bool
    document: AccessDocument

    @property
    def text(self) -> str:
        """Turtle for the place that ``address`` names: nodes of the document itself are relative to it."""
        written = to_turtle(self.document).decode()
        return written.replace(f"<{self.document.url}#", "<#")

    def __repr__(self) -> str:
        return f"Paste({self.kind.value}, whole={self.whole})"


def paste(
    door: Door,
    resource: str,
    modes: Iterable[Mode],
    kind: AccessControl,
    address: str | None,
    whole: AccessDocument | None = None,
) -> Paste:
    """The text for one resource: ``whole`` when all that must stand there is known, else only what is new.

    A list of Web Access Control names the owner too, because a first list replaces everything inherited.
    """
    if whole is not None:
        return Paste(resource, kind, address, True, whole)
    empty, below = AccessDocument(address or NOWHERE, ()), is_container(resource)
    if kind is AccessControl.WAC:
        new = wac.opened(empty, resource, door.agent, door.owner, modes, below=below)
    else:
        new = acp.opened(empty, resource, door.agent, modes, below=below)
    return Paste(resource, kind, address, False, new)
