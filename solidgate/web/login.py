"""``/login``, ``/callback``, ``/me/confirm`` and ``/logout``: in and out, with the person's own provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from urllib.parse import quote, urlsplit

from aiohttp import web

from solidgate.errors import (
    LoginAnswered,
    LoginExpired,
    LoginNeeded,
    LoginRefused,
    LoginStateUnknown,
    SessionExpired,
    SolidgateError,
)
from solidgate.flow import login as login_flow
from solidgate.flow import who as who_flow
from solidgate.flow.settle import settle
from solidgate.identity.login import AuthorizationRequest
from solidgate.web.doors import person
from solidgate.web.forms import form_of, read_form, same_site_path
from solidgate.web.keys import PACES, REQUEST_ID, WORLD
from solidgate.web.language import language_of
from solidgate.web.limits import LOGIN, LOGIN_FROM
from solidgate.web.pages import language_links, render, render_before_login, see_other
from solidgate.web.problems import OWN_PAGE, RETURN_TO, OwnPage, status_of
from solidgate.web.remembered import forget_providers, remember_provider, remembered
from solidgate.web.session import (
    browser_of,
    forget_session,
    session_cookie,
    session_of,
    set_session,
)
from solidgate.web.words_of_faults import at_login


async def login_page(request: web.Request) -> web.Response:
    """``GET /login``: the providers this browser knows, the operator's, and one field."""
    return _login(
        request, same_site_path(request.query.get("return_to", "/me")), ended=request.query.get("ended", "")
    )


async def login(request: web.Request) -> web.Response:
    """``POST /login``: look the provider up, then name the host before leaving for it.

    Whatever goes wrong is told on the same page, which keeps what was entered.
    """
    world, browser = request.app[WORLD], browser_of(request)
    return_to = same_site_path((await form_of(request)).get("return_to", ""))
    request[RETURN_TO] = return_to
    form = await read_form(request, browser)
    identifier = (form.get("provider", "") or form.get("identifier", "")).strip()
    page: OwnPage = partial(_login_again, request, identifier)
    request[OWN_PAGE] = page
    login_flow.check(world, identifier, browser=browser)
    _take_turn(request, browser)
    begun = await login_flow.begin(
        world, identifier, return_to=return_to, issuer=form.get("issuer") or None, browser=browser
    )
    if isinstance(begun, login_flow.IssuerChoice):
        return _login(request, return_to, identifier=identifier, issuers=begun.issuers)
    host = urlsplit(begun.redirect_to).netloc
    switch = language_links(request, f"/login?return_to={_quoted(return_to)}")
    address = begun.redirect_to
    return render(request, "leaving.html", address=address, host=host, return_to=return_to, switch=switch)


def _take_turn(request: web.Request, browser: str) -> None:
    """Count what has the form of an address, also one that the guard will refuse. Raises ``TooManyRequests``.

    Whether a name leads into a network shows only when it is resolved, and who tries many is to be slowed.

    By browser, so that a school behind one address is not shut out by one of its own; a program can drop
    its cookie each time, so that the address is counted too.
    """
    now = request.app[WORLD].clock.monotonic()
    request.app[PACES].take(LOGIN, browser, now)
    request.app[PACES].take(LOGIN_FROM, request.remote or "", now)


async def forget(request: web.Request) -> web.StreamResponse:
    """``POST /login/forget``: forget the providers that this browser remembers."""
    form = await read_form(request, browser_of(request))
    response = see_other(f"/login?return_to={_quoted(form.get('return_to', ''))}")
    forget_providers(request, response)
    return response


async def callback(request: web.Request) -> web.StreamResponse:
    """``GET /callback``: the provider's answer, once; then the page that says who is logged in."""
    answer = {name: request.query.getall(name) for name in set(request.query)}
    begun = await _begun(request, answer)
    request[RETURN_TO] = begun.return_to
    session = await login_flow.complete(request.app[WORLD], answer, begun)
    await settle(request.app[WORLD], session)
    response = see_other(f"/me/confirm?return_to={_quoted(begun.return_to)}")
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


async def _begun(request: web.Request, answer: Mapping[str, Sequence[str]]) -> AuthorizationRequest:
    """The login that the callback answers; if there is none, the way to begin it again is kept."""
    world, browser = request.app[WORLD], browser_of(request)
    try:
        return await login_flow.begun(world, answer, browser)
    except LoginExpired as late:
        request[RETURN_TO] = late.return_to
        raise
    except (LoginStateUnknown, LoginRefused) as fault:
        if isinstance(fault, LoginStateUnknown) and await _is_logged_in(request):
            raise LoginAnswered from fault
        request[RETURN_TO] = await login_flow.place_before(world, browser)
        raise


async def _is_logged_in(request: web.Request) -> bool:
    try:
        await session_of(request)
    except (LoginNeeded, SessionExpired):
        return False
    return True


def _quoted(path: str) -> str:
    return quote(same_site_path(path), safe="")


def _login_again(request: web.Request, identifier: str, fault: SolidgateError) -> web.Response:
    wrong, what_next = at_login(type(fault), language_of(request))
    said = {"wrong": wrong, "what_next": what_next, "code": fault.code, "detail": fault.detail}
    status, return_to = status_of(type(fault)), request[RETURN_TO]
    return _login(request, return_to, identifier=identifier, fault=said, status=status)


def _login(
    request: web.Request,
    return_to: str,
    *,
    identifier: str = "",
    issuers: tuple[str, ...] = (),
    fault: Mapping[str, str] | None = None,
    status: int = 200,
    ended: str = "",
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
        fault=fault,
        ended=ended,
        request_id=request.get(REQUEST_ID, ""),
        status=status,
        switch=language_links(request, f"/login?return_to={_quoted(return_to)}"),
    )
