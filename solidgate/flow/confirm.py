"""Confirm: whether one document holds something of a kind; the sandbox tells it with a number alone."""

from __future__ import annotations

from solidgate.flow.preview import parse_limits
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.sandbox.table import Asked, Bounds

_NO_VALUES = Bounds(rows=0, characters=256)


async def holds(world: World, session: Session, url: str, asked: Asked) -> bool:
    """Whether the document has statements of what is asked; no value of it leaves the sandbox.

    Raises pod faults, fetch errors, ``PodUnreadable SandboxLimit SandboxUnavailable``.
    """
    limit = world.settings.pull.max_resource_bytes
    document = await world.pods.read(session.access, url, max_bytes=limit)
    table = await world.sandbox.preview(document, asked, _NO_VALUES, parse_limits(world))
    return table.total > 0
