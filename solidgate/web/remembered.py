"""The providers that this browser logged in with: a signed cookie, so that nothing need be typed twice.

It names providers, never a person, and is only ever read to fill a form: a choice still goes through every
check of a login. The signature keeps a cookie that somebody else planted out of our pages.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import orjson
from aiohttp import web

from solidgate.web.keys import WORLD

_COOKIE = "solidgate-providers"
_MOST = 3
_YEAR = 31_536_000


def remembered(request: web.Request) -> tuple[str, ...]:
    """The providers, last used first; empty for a cookie that is absent, old or not ours."""
    sent, _, signature = request.cookies.get(_COOKIE, "").partition(".")
    if not sent or not (sent + signature).isascii():
        return ()
    if not hmac.compare_digest(_signature(request, sent), signature.encode()):
        return ()
    try:
        return tuple(str(one) for one in orjson.loads(base64.urlsafe_b64decode(sent)))
    except (binascii.Error, ValueError, TypeError):
        return ()


def remember_provider(request: web.Request, response: web.StreamResponse, issuer: str) -> None:
    """Keep a provider that a login succeeded with, for a year."""
    kept = [issuer, *(one for one in remembered(request) if one != issuer)][:_MOST]
    sent = base64.urlsafe_b64encode(orjson.dumps(kept)).decode()
    response.set_cookie(
        _COOKIE,
        f"{sent}.{_signature(request, sent).decode()}",
        max_age=_YEAR,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=_secure(request),
    )


def forget_providers(request: web.Request, response: web.StreamResponse) -> None:
    """Take the cookie back."""
    response.del_cookie(_COOKIE, path="/", httponly=True, samesite="Lax", secure=_secure(request))


def _secure(request: web.Request) -> bool:
    return request.app[WORLD].public_url.startswith("https://")


def _signature(request: web.Request, sent: str) -> bytes:
    # A key of its own, derived from the gate's private key: the tag keeps it apart from every other use.
    secret = request.app[WORLD].receipt_key["d"].encode()
    key = hmac.digest(secret, b"solidgate remembered providers/1", "sha256")
    return hmac.new(key, sent.encode(), hashlib.sha256).hexdigest().encode()
