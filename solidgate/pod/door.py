"""The door: which agent may do what at a pod, as agreed, and in which state it was seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from solidgate.vocab import ACL


class Mode(Enum):
    """An access mode (WAC section 4.3.3); Access Control Policy uses the same terms."""

    READ = ACL.Read
    WRITE = ACL.Write
    APPEND = ACL.Append
    CONTROL = ACL.Control


READ_ONLY = frozenset({Mode.READ})
READ_AND_WRITE = frozenset({Mode.READ, Mode.WRITE})


@dataclass(frozen=True, slots=True)
class Door:
    """Least privilege for one agent: Read on exactly ``read``; Read and Write on the container ``write``.

    ``owner`` is the person's WebID and stays in every access control list that is written.
    """

    agent: str
    owner: str
    read: tuple[str, ...]
    write: str | None


class DoorState(StrEnum):
    """As read back from the pod, never as assumed.

    ``REQUESTED`` and ``DENIED`` are of pods whose owner answers on a page there: asked, and said no.
    """

    OPEN = "open"
    PARTIAL = "partial"
    CLOSED = "closed"
    REQUESTED = "requested"
    DENIED = "denied"
