"""What operators and machines ask: alive, ready, counted, which version. No WebID is ever a label."""

from __future__ import annotations

import asyncio
import os
import platform
from datetime import timedelta
from typing import Any

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from solidgate import __version__
from solidgate.errors import SolidgateError, StoreUnavailable
from solidgate.flow.world import World
from solidgate.web.keys import WORLD
from solidgate.web.lifecycle import LIFECYCLE

REQUESTS = Histogram(
    "solidgate_request_seconds",
    "Requests by route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 30),
)
REFUSALS = Counter("solidgate_refusals", "Refusals and faults by their code.", ["code"])

CHECK_SECONDS = 3.0


async def healthz(_request: web.Request) -> web.Response:
    """``GET /healthz``: this process answers; says nothing about the database."""
    return web.json_response({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz[?worker]``: 200 when requests can be served, else 503 with the check that failed."""
    world = request.app[WORLD]
    checks = {"stopping": "no", "database": await _database(world)}
    if request.app[LIFECYCLE].draining:
        checks["stopping"] = "yes"
    if "worker" in request.query:
        checks["worker"] = await _worker(world)
    ready = checks["stopping"] == "no" and all(
        value == "ok" for name, value in checks.items() if name != "stopping"
    )
    return web.json_response(
        {"status": "ready" if ready else "not ready", "checks": checks}, status=200 if ready else 503
    )


async def metrics(_request: web.Request) -> web.Response:
    """``GET /metrics``: of all gate processes, when several share the port."""
    registry: Any = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    text = await asyncio.to_thread(generate_latest, registry)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def version(_request: web.Request) -> web.Response:
    """``GET /version``: solidgate's and Python's."""
    return web.json_response({"solidgate": __version__, "python": platform.python_version()})


async def _database(world: World) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await world.store.ping()
    except TimeoutError:
        return "no answer"
    except SolidgateError as error:
        return error.code
    return "ok"


async def _worker(world: World) -> str:
    """Whether any worker gave a sign of life within ``worker.stalled_seconds``."""
    since = world.clock.now() - timedelta(seconds=world.settings.worker.stalled_seconds)
    try:
        async with asyncio.timeout(CHECK_SECONDS), world.store.transaction() as tx:
            found = await tx.runs.live_workers(since)
    except (TimeoutError, StoreUnavailable):
        return "unknown"
    return "ok" if found else "no worker"
