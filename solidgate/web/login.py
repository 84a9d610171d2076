"""``/login``, ``/callback``, ``/me/confirm`` and ``/logout``: in and out, with the person's own provider."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote, urlsplit

from aiohttp import web

from solidgate.errors import SessionExpired
from solidgate.flow import login as login_flow
from solidgate.flow import who as who_flow
from solidgate.flow.settle import settle
from solidgate.web.doors import person
from solidgate.web.forms import read_form, same_site_path
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import LOGIN
from solidgate.web.pages import render, render_before_login, see_other
from solidgate.web.remembered import forget_providers, remember_provider, remembered
from solidgate.web.session import (
    browser_of,
    forget_session,
    session_cookie,
    session_of,
    set_session,
)


async def login_page(request: web.Request) -> web.Response:
    """``GET /login``: the providers this browser knows, the operator's, and one field."""
    return _login(request, same_site_path(request.query.get("return_to", "/me")))


async def login(request: web.Request) -> web.Response:
    """``POST /login``: look the provider up, then name the host before leaving for it."""
    world, browser = request.app[WORLD], browser_of(request)
    form = await read_form(request, browser)
    request.app[PACES].take(LOGIN, request.remote or "", world.clock.monotonic())
    chosen = form.get("provider", "") or form.get("identifier", "")
    identifier, return_to = chosen.strip(), same_site_path(form.get("return_to", ""))
    begun = await login_flow.begin(
        world, identifier, return_to=return_to, issuer=form.get("issuer") or None, browser=browser
    )
    if isinstance(begun, login_flow.IssuerChoice):
        return _login(request, return_to, identifier=identifier, issuers=begun.issuers)
    host = urlsplit(begun.redirect_to).netloc
    return render(request, "leaving.html", address=begun.redirect_to, host=host, return_to=return_to)


async def forget(request: web.Request) -> web.StreamResponse:
    """``POST /login/forget``: forget the providers that this browser remembers."""
    form = await read_form(request, browser_of(request))
    response = see_other(f"/login?return_to={_quoted(form.get('return_to', ''))}")
    forget_providers(request, response)
    return response


async def callback(request: web.Request) -> web.StreamResponse:
    """``GET /callback``: the provider's answer, once; then the page that says who is logged in."""
    answer = {name: request.query.getall(name) for name in set(request.query)}
    session, return_to = await login_flow.finish(request.app[WORLD], answer, browser_of(request))
    await settle(request.app[WORLD], session)
    response = see_other(f"/me/confirm?return_to={_quoted(return_to)}")
    set_session(request, response, session)
    remember_provider(request, response, session.issuer)
    return response


@person
async def confirm(request: web.Request) -> web.Response:
    """``GET /me/confirm``: who is logged in, before anything is asked in that name."""
    session = await session_of(request)
    who = await who_flow.who(request.app[WORLD], session)
    return_to = same_site_path(request.query.get("return_to", "/me"))
    return render(request, "who.html", session=session, who=who, return_to=return_to)


async def logout(request: web.Request) -> web.StreamResponse:
    """``POST /logout``: end the session here; the provider's own session is not ours to end."""
    form = await read_form(request, session_cookie(request))
    with suppress(SessionExpired):
        await login_flow.end(request.app[WORLD], await session_of(request))
    return_to = form.get("return_to", "")
    response = see_other(f"/login?return_to={_quoted(return_to)}" if return_to else "/")
    forget_session(request, response)
    return response


def _quoted(path: str) -> str:
    return quote(same_site_path(path), safe="")


def _login(
    request: web.Request, return_to: str, *, identifier: str = "", issuers: tuple[str, ...] = ()
) -> web.Response:
    known = remembered(request)
    suggested = tuple(one for one in request.app[WORLD].settings.login.suggested_issuers if one not in known)
    return render_before_login(
        request,
        "login.html",
        return_to=return_to,
        identifier=identifier,
        issuers=issuers,
        known=known,
        suggested=suggested,
    )
