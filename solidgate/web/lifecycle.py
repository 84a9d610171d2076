"""Whether this gate process takes new requests, and how many it is answering."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from aiohttp import web


@dataclass(slots=True)
class Lifecycle:
    """``draining`` is set once, when the process was asked to stop; ``under_way`` counts requests.

    ``heard`` holds the connections that have sent at least one whole request head.
    """

    draining: bool = False
    under_way: int = 0
    heard: WeakSet[Any] = field(default_factory=WeakSet)


LIFECYCLE: web.AppKey[Lifecycle] = web.AppKey("lifecycle", Lifecycle)
