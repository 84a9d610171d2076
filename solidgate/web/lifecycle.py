"""Whether this gate process takes new requests, and how many it is answering."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web


@dataclass(slots=True)
class Lifecycle:
    """``draining`` is set once, when the process was asked to stop; ``under_way`` counts requests."""

    draining: bool = False
    under_way: int = 0


LIFECYCLE: web.AppKey[Lifecycle] = web.AppKey("lifecycle", Lifecycle)
