"""Owner: the person themselves at their own pod, and whether anything of theirs may still land there."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from solidgate.errors import SolidgateError
from solidgate.flow.fenced import UNANSWERED
from solidgate.flow.world import World

T = TypeVar("T")


class Sender:
    """Whoever writes to a pod; ``unanswered`` once a write is in doubt."""

    unanswered: bool

    async def answered(self, effect: Awaitable[T]) -> T:
        """Carry a write to its answer; without one it is in doubt, and an answer to another tells nothing."""
        try:
            return await self.whole(effect)
        except UNANSWERED:
            self.unanswered = True
            raise

    async def whole(self, work: Awaitable[T]) -> T:
        """The same of work that looks itself at what became of its writes: in doubt only if it is cut off."""
        try:
            return await work
        except SolidgateError:
            raise
        except BaseException:
            self.unanswered = True  # cut off, or broken: nobody knows what the pod got
            raise


@dataclass(slots=True)
class Owner(Sender):
    """Sends with a session that nobody ends for its person."""

    unanswered: bool = False

    async def still(self) -> None:
        """Nothing ends it."""


def landing(world: World) -> timedelta:
    """How long a request without an answer may still land, counted from when it was sent."""
    return timedelta(seconds=2 * world.settings.worker.lease_seconds)
