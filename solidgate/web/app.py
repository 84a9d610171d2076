"""The gate's application, put together around a ``World``."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from solidgate.flow.world import World
from solidgate.web.connections import handler_arguments
from solidgate.web.erasing import Erasures
from solidgate.web.keys import ERASURES, STREAMS, WORLD
from solidgate.web.lifecycle import LIFECYCLE, Lifecycle
from solidgate.web.middlewares import edge, header_setter
from solidgate.web.pages import set_up_pages
from solidgate.web.routes import ROUTES, Route, add_routes


def make_app(world: World, *, routes: tuple[Route, ...] = ROUTES) -> web.Application:
    """The application for this world. It owns nothing of the world: who made it closes it."""
    settings = world.settings
    open_ended = frozenset(route.name for route in routes if route.open_ended)
    app = web.Application(
        middlewares=[edge(settings, open_ended)], client_max_size=settings.server.max_body_bytes
    )
    app[WORLD] = world
    app[LIFECYCLE] = Lifecycle()
    app[STREAMS] = Counter()
    app[ERASURES] = Erasures()
    set_up_pages(app)
    add_routes(app, routes)
    app.on_response_prepare.append(header_setter(settings))
    return app


def make_runner(app: web.Application) -> web.AppRunner:
    """A runner with the server's limits; no access log of aiohttp's, which doubles the cost of a request."""
    shutdown = app[WORLD].settings.server.shutdown_seconds
    return web.AppRunner(app, handle_signals=False, shutdown_timeout=shutdown, **handler_arguments(app))
