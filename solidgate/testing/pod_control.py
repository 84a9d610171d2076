"""What the awkward pod asks of its access control: where its documents are, and what they let somebody do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from solidgate.identity.access_token import VerifiedAccessToken

Lookup = Callable[[str], bytes | None]
"""The Turtle that is stored at an address; none when nothing is."""


class ControlOfPod(Protocol):
    """Web Access Control or Access Control Policy.

    ``suffix`` makes the address of an access document, ``links`` go out with it, and ``tells_modes`` says
    whether answers carry ``WAC-Allow``.
    """

    suffix: str
    links: tuple[str, ...]
    tells_modes: bool

    def modes(self, lookup: Lookup, url: str, caller: VerifiedAccessToken | None) -> frozenset[str]:
        """The modes in force for whoever asks (none: the public), as short names."""
        ...

    def document(self, target: str, owner: str, *, public: bool) -> str:
        """A first access document: everything for the owner, Read for everybody when ``public``."""
        ...
