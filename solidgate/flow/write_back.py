"""Write back: the intent first, then the one address that follows from it, then read back by content.

1. The intent (bytes, hash, address, consent and epoch) is committed before anything is sent.
2. The address follows from run and consent, so that a second attempt meets the first one's result.
3. ``If-None-Match: *`` creates and never overwrites.
4. Whatever the pod answered, what it holds is read back: the same bytes, or the same statements in another
   form, are done, nothing there is tried again, anything else is disputed and left as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from solidgate.consent.decide import ActiveConsent
from solidgate.derived.conform import ConformantGraph
from solidgate.derived.writable import require_writable
from solidgate.errors import (
    FetchTimedOut,
    FetchTooLarge,
    FetchUnexpected,
    FetchUnreachable,
    PodConflict,
    PodDisputed,
    PodFault,
    PodNotFound,
    PodUnavailable,
    PodUnreadable,
)
from solidgate.flow.same import is_same
from solidgate.flow.world import World
from solidgate.pod.resource import ResourceState
from solidgate.ports import Access
from solidgate.run.delivery import Delivery

MEDIA_TYPE = "text/turtle"
PASSING = (FetchTimedOut, FetchUnexpected, FetchUnreachable, PodConflict, PodUnavailable)
"""What a second attempt may mend, when nothing is there after the first."""


@dataclass(frozen=True, slots=True)
class WrittenResource:
    """A result that the pod was seen to hold. ``sha256`` is of the bytes that we sent."""

    url: str
    sha256: str
    etag: str | None


def plan(
    graph: ConformantGraph, fresh: ActiveConsent, run_id: str, run: str, name: str, document: bytes
) -> tuple[Delivery, str]:
    """Where a conformant graph goes and with which bytes, and their SHA-256.

    ``document`` is the graph with its provenance as Turtle, held once more against what may be written at
    all; ``run`` is the run's IRI, which provenance speaks about. Raises ``ResultForeign``. The container is
    the one consented to, and the name is hexadecimal of ours: nothing from a program can choose an address.
    """
    require_writable(document, (target_of(fresh, run_id), graph.subject, run, *fresh.resources))
    delivery = Delivery(target_of(fresh, run_id), document, MEDIA_TYPE, name, graph.content)
    return delivery, hashlib.sha256(document).hexdigest()


def target_of(fresh: ActiveConsent, run_id: str) -> str:
    """The one address of a run's result for a consent."""
    return target_in(fresh.result_container, run_id, fresh.consent_id)


def target_in(container: str, run_id: str, consent_id: str) -> str:
    """The same address, of any result in a container."""
    part = hashlib.sha256(f"{run_id}/{consent_id}".encode()).hexdigest()[:32]
    return f"{container}{part}.ttl"


async def write_back(
    world: World,
    access: Access,
    delivery: Delivery,
    sha256: str,
    fresh: ActiveConsent,
    *,
    carry: Callable[[Awaitable[ResourceState]], Awaitable[ResourceState]],
) -> WrittenResource:
    """Create the planned resource and read it back, whatever the pod answered. Raises ``PodDisputed`` and
    pod faults.

    ``fresh`` was decided in the transaction that recorded the intent; the container is taken from it again.
    ``carry`` sees the request through to its answer.
    """
    if not delivery.target.startswith(fresh.result_container):
        raise PodDisputed("the plan is for another container")
    target, content, media_type = delivery.target, delivery.content, delivery.media_type
    for last in (False, True):
        fault = await _refusal(carry(world.pods.create(access, target, content, media_type)))
        if (found := await read_back(world, access, delivery, sha256)) is not None:
            return found
        if last or not isinstance(fault, PASSING):
            break
    raise fault or PodDisputed("the pod said that it created the result, and has nothing there")


async def _refusal(created: Awaitable[ResourceState]) -> PodFault | None:
    """The pod's word, which decides nothing: a conflict may be our own success, a 500 may have stored it."""
    try:
        await created
    except PodFault as fault:
        return fault
    return None


async def read_back(world: World, access: Access, delivery: Delivery, sha256: str) -> WrittenResource | None:
    """What the pod holds at the planned address, if it says exactly what was planned; none if nothing is.

    Raises ``PodDisputed`` for anything else, and pod faults.
    """
    limit = max(len(delivery.content) * 2, world.settings.pull.max_resource_bytes)
    try:
        found = await world.pods.read(access, delivery.target, max_bytes=limit)
    except PodNotFound:
        return None
    except (PodUnreadable, FetchTooLarge) as other:
        raise PodDisputed() from other
    if not await is_same(world, found, delivery.content, sha256):
        raise PodDisputed()
    return WrittenResource(delivery.target, sha256, found.etag)
