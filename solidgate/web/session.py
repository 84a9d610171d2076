"""Cookies: the logged-in session and the browser's secret before it. Nothing but random ids is in them.

With an https address the names carry ``__Host-``: such a cookie is Secure, has no Domain and the path ``/``,
so that no other host can set or read it. Plain http is for localhost only.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from aiohttp import web

from solidgate.errors import LoginNeeded, ProofNonceNeeded
from solidgate.flow import caller as caller_flow
from solidgate.flow import login as login_flow
from solidgate.identity.login import Caller, Session
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import TOKEN

_SESSION = "solidgate-session"
_BROWSER = "solidgate-browser"


def _secure(request: web.Request) -> bool:
    return request.app[WORLD].public_url.startswith("https://")


def _name(request: web.Request, base: str) -> str:
    return f"__Host-{base}" if _secure(request) else base


def _set(request: web.Request, response: web.StreamResponse, base: str, value: str) -> None:
    response.set_cookie(
        _name(request, base), value, path="/", httponly=True, samesite="Lax", secure=_secure(request)
    )


def _cookie(request: web.Request, base: str) -> str:
    """What the browser sent under this name, if it can be ours: an id of ours is plain ASCII."""
    value = request.cookies.get(_name(request, base), "")
    return value if value.isascii() and value.isprintable() else ""


def session_cookie(request: web.Request) -> str:
    """The session's id as the browser sent it. Raises ``LoginNeeded`` when there is none."""
    value = _cookie(request, _SESSION)
    if not value:
        raise LoginNeeded
    return value


def has_session(request: web.Request) -> bool:
    """Whether the browser sent a session at all; it may have ended."""
    return bool(_cookie(request, _SESSION))


async def session_of(request: web.Request) -> Session:
    """The person's session. Raises ``LoginNeeded SessionExpired``."""
    return await login_flow.resume(request.app[WORLD], session_cookie(request))


async def session_to_withdraw(request: web.Request) -> Session:
    """The same, from this process's memory while the store is away: for the routes that withdraw alone."""
    return await login_flow.resume_to_withdraw(request.app[WORLD], session_cookie(request))


def set_session(request: web.Request, response: web.StreamResponse, session: Session) -> None:
    """Begin the session in this browser: a new id, and the secret that was used before login is gone."""
    _set(request, response, _SESSION, session.session_id)
    forget_browser(request, response)


def forget_session(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session's cookie back."""
    response.del_cookie(
        _name(request, _SESSION), path="/", secure=_secure(request), httponly=True, samesite="Lax"
    )


def browser_of(request: web.Request) -> str:
    """The browser's secret before login; empty when there is none."""
    return _cookie(request, _BROWSER)


def new_browser() -> str:
    """A fresh secret for a browser that has none."""
    return secrets.token_urlsafe(32)


def set_browser(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Bind forms and logins before there is a session to this browser."""
    _set(request, response, _BROWSER, secret)


def forget_browser(request: web.Request, response: web.StreamResponse) -> None:
    """Take the secret back, after its use."""
    response.del_cookie(
        _name(request, _BROWSER), path="/", secure=_secure(request), httponly=True, samesite="Lax"
    )


async def caller_of(request: web.Request) -> Caller:
    """Who calls: by a DPoP-bound access token if one was sent, else by the person's session."""
    tokens: Sequence[str] = request.headers.getall("Authorization", [])
    if not tokens:
        session = await session_of(request)
        return Caller(session.webid)
    proofs: Sequence[str] = request.headers.getall("DPoP", [])
    world = request.app[WORLD]
    # Before the token is looked at: whoever makes up WebIDs and issuers would have us ask for each of them.
    request.app[PACES].take(TOKEN, request.remote or "", world.clock.monotonic())
    url = world.public_url.rstrip("/") + request.rel_url.raw_path
    try:
        return await caller_flow.authenticate(world, request.method, url, tokens, proofs)
    except ProofNonceNeeded as refusal:
        refusal.nonce = caller_flow.proof_nonce(world)
        raise
