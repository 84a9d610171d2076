"""Same: whether what a pod gives back is what we wrote, by its bytes or else by its statements.

Equal bytes are enough, and cost a digest. A server that keeps statements gives them back in its own form:
then the sandbox reads them, and the statements decide. Bytes of a stranger are never parsed here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace

from solidgate.derived import form
from solidgate.errors import PodUnavailable, PodUnreadable, SandboxLimit, SandboxUnavailable
from solidgate.flow.preview import parse_limits
from solidgate.flow.world import World
from solidgate.pod.resource import Document


def sha256_of(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


async def is_same(world: World, found: Document, written: bytes, sha256: str = "") -> bool:
    """Whether the document says exactly what ``written``, Turtle of ours, says.

    ``sha256`` outlives what was written: of a result whose content is kept no more, the bytes decide.
    Raises ``PodUnavailable`` when that cannot be told now: nothing is disputed because a machine is busy.
    """
    if sha256_of(found.content) == sha256 if sha256 else found.content == written:
        return True
    if not written:
        return False
    ours = form.statements(written)
    return await _statements(world, found, len(ours)) == ours


async def is_one_of(world: World, found: Document, ours: Collection[str]) -> bool:
    """Whether it says what a signpost said whose bytes had one of these SHA-256. Raises ``PodUnavailable``.

    We write the same statements with the same bytes, so the digest of those is the one we kept.
    """
    if sha256_of(found.content) in ours:
        return True
    lines = await _statements(world, found, world.settings.pull.max_resource_bytes)
    return bool(lines) and sha256_of(form.as_we_write(lines)) in ours


async def _statements(world: World, found: Document, most: int) -> bytes:
    """Sorted N-Triples, at most so many bytes; empty where it has more, or cannot be read."""
    limits = replace(parse_limits(world), output_bytes=max(most, 1))
    try:
        return await world.sandbox.statements(found, limits)
    except PodUnreadable:
        return b""
    except (SandboxLimit, SandboxUnavailable) as busy:
        raise PodUnavailable("what it holds could not be read here now") from busy
