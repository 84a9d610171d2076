"""Whether this gate process takes new requests, and how many it is answering."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web


@dataclass(slots=True)
class Lifecycle:
    """``draining`` is set once, when the process was asked to stop; ``under_way`` counts requests.

    ``silent`` holds the new connections that have not yet sent a whole request head.
    """

    draining: bool = False
    under_way: int = 0
    silent: set[web.RequestHandler] = field(default_factory=set)


LIFECYCLE: web.AppKey[Lifecycle] = web.AppKey("lifecycle", Lifecycle)
