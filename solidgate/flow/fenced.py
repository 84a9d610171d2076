"""What all work under a lease shares: its clock, its end, and a last look before a request leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from solidgate.errors import (
    AuthorizationRefused,
    FetchTimedOut,
    FetchTooLarge,
    FetchUnexpected,
    FetchUnreachable,
    PodUnavailable,
)
from solidgate.ports import Access, IdentifiedAccess

OWN_SHARE = 0.9
"""The part of a lease after which its holder stops; the rest is for ending what it has begun."""
TAKE_OVER_SECONDS = 0.5
UNANSWERED = (FetchTimedOut, FetchTooLarge, FetchUnexpected, FetchUnreachable, PodUnavailable)


class Lasting(Protocol):
    """Work under a lease."""

    def check(self) -> None:
        """Raises ``EpochPassed``, or why it ended, once it has."""
        ...


@dataclass(frozen=True, slots=True)
class Fenced:
    """A space's access that signs a request only while the step lasts: the last look before it leaves."""

    access: Access
    step: Lasting

    @property
    def webid(self) -> str:
        """The space's WebID."""
        return self.access.webid

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        """The signed headers. Raises ``EpochPassed``."""
        self.step.check()
        return self.access.headers(method, url, now, nonce)

    def id_token(self, audience: str, now: datetime) -> str:
        """Who the space is. Raises ``EpochPassed AuthorizationRefused``."""
        self.step.check()
        if not isinstance(self.access, IdentifiedAccess):
            raise AuthorizationRefused("this access has no ID token")
        return self.access.id_token(audience, now)


def clock() -> float:
    """The monotonic clock that ends work."""
    return asyncio.get_running_loop().time()
