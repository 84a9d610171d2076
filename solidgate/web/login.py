"""``/login``, ``/callback`` and ``/logout``: in and out, with the person's own provider."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import web

from solidgate.errors import SessionExpired
from solidgate.flow import login as login_flow
from solidgate.web.forms import read_form, same_site_path
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import LOGIN
from solidgate.web.pages import render, render_before_login, see_other
from solidgate.web.session import (
    browser_of,
    forget_session,
    session_cookie,
    session_of,
    set_session,
)


async def login_page(request: web.Request) -> web.Response:
    """``GET /login``: one field."""
    return _login(request, same_site_path(request.query.get("return_to", "/me")))


async def login(request: web.Request) -> web.Response:
    """``POST /login``: look the provider up, then name the host before leaving for it."""
    world, browser = request.app[WORLD], browser_of(request)
    form = await read_form(request, browser)
    request.app[PACES].take(LOGIN, request.remote or "", world.clock.monotonic())
    identifier, return_to = form.get("identifier", "").strip(), same_site_path(form.get("return_to", ""))
    begun = await login_flow.begin(
        world, identifier, return_to=return_to, issuer=form.get("issuer") or None, browser=browser
    )
    if isinstance(begun, login_flow.IssuerChoice):
        return _login(request, return_to, identifier=identifier, issuers=begun.issuers)
    host = urlsplit(begun.redirect_to).netloc
    return render(request, "leaving.html", address=begun.redirect_to, host=host, return_to=return_to)


async def callback(request: web.Request) -> web.StreamResponse:
    """``GET /callback``: the provider's answer, once; then back to where the person came from."""
    answer = {name: request.query.getall(name) for name in set(request.query)}
    session, return_to = await login_flow.finish(request.app[WORLD], answer, browser_of(request))
    response = see_other(same_site_path(return_to))
    response.headers["Cache-Control"] = "no-store"
    set_session(request, response, session)
    return response


async def logout(request: web.Request) -> web.StreamResponse:
    """``POST /logout``: end the session here; the provider's own session is not ours to end."""
    await read_form(request, session_cookie(request))
    with suppress(SessionExpired):
        await login_flow.end(request.app[WORLD], await session_of(request))
    response = see_other("/")
    forget_session(request, response)
    return response


def _login(
    request: web.Request, return_to: str, *, identifier: str = "", issuers: tuple[str, ...] = ()
) -> web.Response:
    return render_before_login(
        request,
        "login.html",
        return_to=return_to,
        identifier=identifier,
        issuers=issuers,
        suggested=request.app[WORLD].settings.login.suggested_issuers,
    )
