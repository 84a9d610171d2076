"""Sessions that this process saw in use, sealed as the store keeps them: only their cookies open them.

They stand in for the store where a person withdraws while it is away, and for nothing else.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime

MOST = 10_000
"""So many sessions, some kilobytes each; beyond that those that were not used for longest are forgotten."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One session, sealed under a key that only its cookie makes."""

    person_id: str
    sealed: bytes = field(repr=False)
    expires: datetime
    seen: datetime


@dataclass(slots=True)
class RecentSessions:
    """The sessions, by the hash of their cookie; the one that was used last is the last."""

    most: int = MOST
    _kept: OrderedDict[bytes, Kept] = field(default_factory=OrderedDict, repr=False)
    _noting: dict[bytes, asyncio.Task[None]] = field(default_factory=dict, repr=False)

    def keep(self, key: bytes, kept: Kept) -> None:
        """As it was seen now."""
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)

    def find(self, key: bytes) -> Kept | None:
        """What was kept, whether or not it still lives."""
        return self._kept.get(key)

    def seen(self, key: bytes, otherwise: datetime) -> datetime:
        """When it was used last, as far as this process knows."""
        kept = self._kept.get(key)
        return kept.seen if kept is not None else otherwise

    def forget(self, key: bytes) -> None:
        """It has ended."""
        self._kept.pop(key, None)

    def forget_person(self, person_id: str) -> None:
        """All of one person's."""
        for key in [key for key, kept in self._kept.items() if kept.person_id == person_id]:
            del self._kept[key]

    def later(self, key: bytes, work: Coroutine[object, object, None]) -> None:
        """Note its use beside the request, one note at a time; whether that succeeds is no matter."""
        if key in self._noting:
            work.close()
            return
        self._noting[key] = task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda done: self._noting.pop(key, None))
