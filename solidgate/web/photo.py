"""``/me/photo``: the photo in the person's profile, from us, so that their browser asks nobody else."""

from __future__ import annotations

from aiohttp import web

from solidgate.errors import PageNotFound
from solidgate.flow import who as who_flow
from solidgate.web.doors import person
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import PREVIEW
from solidgate.web.session import session_of

# What is no picture after all runs nothing and loads nothing, also when it is opened by itself.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@person
async def photo(request: web.Request) -> web.Response:
    """``GET /me/photo``: a picture of a safe type, read now and kept nowhere. Raises ``PageNotFound``."""
    session = await session_of(request)
    request.app[PACES].take(PREVIEW, session.session_id, request.app[WORLD].clock.monotonic())
    found = await who_flow.photo(request.app[WORLD], session)
    if found is None:
        raise PageNotFound
    return web.Response(body=found.content, content_type=found.media_type, headers=_HEADERS)
