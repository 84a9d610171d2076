"""Requests to one pod: bounded, patient with passing faults, and each status turned into our own error."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from solidgate.adapters.http_retry_after import seconds_asked
from solidgate.adapters.refused_credentials import credentials_refused
from solidgate.errors import (
    CredentialsRefused,
    FetchUnexpected,
    FetchUnreachable,
    PodConflict,
    PodFault,
    PodForbidden,
    PodNotFound,
    PodUnavailable,
    PodUnreadable,
)
from solidgate.pod.container import is_container
from solidgate.ports import Access, Clock, Fetcher, Reply

DOCUMENT_TYPES = ("text/turtle", "application/ld+json", "application/n-triples")
# Equal weights, and anything at all: so the pod sends what it stored, whatever that is, and converts nothing.
DOCUMENT_ACCEPT = ", ".join((*DOCUMENT_TYPES, "*/*"))
# A container has no stored form: it is always asked for as RDF, because anything else may be a page.
CONTAINER_ACCEPT = "text/turtle"
WRITTEN = (200, 201, 202, 204, 205)
GONE = (404, 410)

_PASSING = (429, 500, 502, 503, 504)

Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class PodLimits:
    """Every bound of the talk with one pod. Sizes in bytes, times in seconds.

    ``attempts`` counts all tries of one read; ``longest_pause`` also bounds what ``Retry-After`` may ask.
    ``write_rounds`` bounds re-reading after somebody else changed the same list.
    """

    control_bytes: int = 256 * 1024
    control_seconds: float = 10.0
    listing_bytes: int = 1024 * 1024
    listing_triples: int = 20_000
    listing_members: int = 2000
    document_seconds: float | None = None
    attempts: int = 4
    first_pause: float = 0.25
    longest_pause: float = 15.0
    write_rounds: int = 5
    climb: int = 32
    at_once: int = 4
    profile_redirects: int = 3
    document_types: tuple[str, ...] = DOCUMENT_TYPES


class SolidRequests:
    """The talk with one pod, on the one guarded way out. ``chance`` gives numbers in [0, 1) for jitter."""

    def __init__(
        self, fetcher: Fetcher, clock: Clock, limits: PodLimits, chance: Callable[[], float] = random.random
    ) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self.limits = limits
        self._chance = chance

    async def get(
        self,
        access: Access | None,
        url: str,
        accepted: str,
        max_bytes: int,
        *,
        method: str = "GET",
        condition: Mapping[str, str] | None = None,
        seconds: float | None = None,
        redirects: int = 0,
    ) -> Reply:
        """A read (GET or HEAD), tried again after a passing fault; the last answer as it is."""
        for attempt in range(1, self.limits.attempts + 1):
            last = attempt == self.limits.attempts
            try:
                reply = await self._fetcher.fetch(
                    method,
                    url,
                    access=access,
                    headers={"Accept": accepted, **(condition or {})},
                    max_bytes=max_bytes,
                    timeout=seconds,
                    redirects=redirects,
                )
            except (FetchUnreachable, FetchUnexpected):
                # The second is an answer that was cut off: a pod under load does that (its lock expired).
                if last:
                    raise
                pause = self._pause(attempt)
            else:
                if last or reply.status not in _PASSING:
                    return reply
                pause = self._asked_pause(reply, attempt)
                if pause > self.limits.longest_pause:
                    return reply
            await asyncio.sleep(pause)
        raise PodUnavailable("no attempt was allowed")

    async def head(self, access: Access | None, url: str) -> Reply:
        """What there is to know without the content."""
        limits = self.limits
        return await self.get(
            access, url, accept(url), limits.control_bytes, method="HEAD", seconds=limits.control_seconds
        )

    def not_believed(self, reply: Reply) -> CredentialsRefused:
        """The error for a 401 to a request that was signed."""
        return credentials_refused(reply, self._clock.now())

    async def write(
        self, method: str, access: Access, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> Reply:
        """One write, never repeated here: whether it happened is for the caller to read."""
        return await self._fetcher.fetch(
            method,
            url,
            access=access,
            headers={"Accept": "application/json, */*;q=0.1", **headers},
            content=content,
            max_bytes=self.limits.control_bytes,
            timeout=self.limits.document_seconds,
        )

    async def changed(
        self, method: str, access: Access, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> bool:
        """A conditional write: whether it happened for sure; if not, read again before the next one."""
        try:
            reply = await self.write(method, access, url, headers, content)
        except (FetchUnreachable, FetchUnexpected):
            await asyncio.sleep(self._pause(1))
            return False
        if reply.status in _PASSING:
            pause = self._asked_pause(reply, 1)
            if pause > self.limits.longest_pause:
                raise fault(reply)
            await asyncio.sleep(pause)
            return False
        if reply.status not in (*WRITTEN, *GONE, 409, 412):
            raise fault(reply)
        return reply.status in WRITTEN

    def _pause(self, attempt: int) -> float:
        """Full jitter over a doubling span, never above the longest pause."""
        span = self.limits.first_pause * 2.0 ** (attempt - 1)
        return min(span, self.limits.longest_pause) * self._chance()

    def _asked_pause(self, reply: Reply, attempt: int) -> float:
        """What ``Retry-After`` asks (seconds or date, RFC 9110 section 10.2.3), else our own pause."""
        asked = seconds_asked(reply.headers.get("Retry-After", ""), self._clock.now())
        return max(asked, self._pause(attempt))

    async def each(
        self, items: Sequence[Item], job: Callable[[Item], Awaitable[Found]], *, at_once: int | None = None
    ) -> list[Found]:
        """The job for every item, a few at once; the first fault ends the others.

        ``at_once`` is for few items on many servers, where one that hangs shall not hold up the next.
        """
        gate = asyncio.Semaphore(at_once or self.limits.at_once)

        async def one(item: Item) -> Found:
            async with gate:
                return await job(item)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(item)) for item in items]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [task.result() for task in tasks]


def accept(url: str) -> str:
    """What to ask for at this address."""
    return CONTAINER_ACCEPT if is_container(url) else DOCUMENT_ACCEPT


def fault(reply: Reply) -> PodFault:
    """The error that a status stands for; the detail is the status and nothing of the pod's."""
    detail = f"status {reply.status}"
    match reply.status:
        case 401 | 403:
            return PodForbidden(detail)
        case 404 | 410:
            return PodNotFound(detail)
        case 409 | 412:
            return PodConflict(detail)
        case 406 | 415 | 501:
            return PodUnreadable(detail)
        case 413 | 423 | 429 | 500 | 502 | 503 | 504 | 507:
            return PodUnavailable(detail)
        case _:
            return FetchUnexpected(detail)
