"""Who may pass a handler: decorators that turn "not logged in" into the way to the login page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import quote

from aiohttp import web

from solidgate.errors import LoginNeeded, SessionExpired, StorageNotChosen
from solidgate.web.accept import wants_html
from solidgate.web.language import remember
from solidgate.web.pages import see_other
from solidgate.web.session import forget_session

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def person(handler: Handler) -> Handler:
    """A page of one person: a browser without a session is sent to log in, and comes back.

    Programs get the 401. A POST is never repeated after a login: its person lands on the page it came from.
    """

    @wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except (LoginNeeded, SessionExpired):
            if request.method not in ("GET", "HEAD") or not wants_html(request) or _is_fragment(request):
                raise
            back = quote(request.rel_url.raw_path_qs, safe="")
            answer = see_other(f"/login?return_to={back}")
            forget_session(request, answer)
        remember(request, answer)
        return answer

    return guarded


def with_storage(handler: Handler) -> Handler:
    """On to the choice of a pod while none is chosen: before it nothing is asked. A program is told so."""

    @wraps(handler)
    async def inner(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except StorageNotChosen:
            if not wants_html(request):
                raise
            return see_other(f"/requests/{request.match_info['request_id']}/storage")

    return inner


def _is_fragment(request: web.Request) -> bool:
    """Whether a page keeps itself up to date: the login page must not be put into the middle of it."""
    return request.headers.get("HX-Request") == "true"
