"""Every address of the gate, in one table. A line here is all that a new handler needs to be reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from solidgate.web import operations, statics

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address. ``name`` is unique and stands in logs and metrics instead of the path.

    ``open_ended`` marks an answer that may last (server-sent events, uploads): it has no time limit.
    """

    method: str
    path: str
    name: str
    handler: Handler
    summary: str
    open_ended: bool = False


OPERATIONS = (
    Route("GET", "/healthz", "healthz", operations.healthz, "Whether this process is alive."),
    Route("GET", "/readyz", "readyz", operations.readyz, "Whether requests can be served now."),
    Route("GET", "/metrics", "metrics", operations.metrics, "Counters for Prometheus."),
    Route("GET", "/version", "version", operations.version, "The version that runs."),
    Route("GET", "/static/{name}", "static", statics.static_file, "Styles and images of the pages."),
)

ROUTES: tuple[Route, ...] = (*OPERATIONS,)


def add_routes(app: web.Application, routes: tuple[Route, ...] = ROUTES) -> None:
    """Register the table; GET also answers HEAD."""
    for route in routes:
        if route.method == "GET":
            app.router.add_get(route.path, route.handler, name=route.name, allow_head=True)
        else:
            app.router.add_route(route.method, route.path, route.handler, name=_unique(app, route))


def _unique(app: web.Application, route: Route) -> str | None:
    # Two methods of one address share the resource that the first one named.
    return None if any(route.path == known.canonical for known in app.router.resources()) else route.name
