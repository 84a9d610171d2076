"""Forms that only our own pages can send, and where they may lead.

Two independent checks for every unsafe method that a cookie authenticates (OWASP CSRF, synchroniser token and
Fetch Metadata): the browser's own word on where the request comes from, and a token that only a page made
for this session (or, before login, this browser) carries.
"""

from __future__ import annotations

import codecs
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import cast
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDictProxy

from solidgate.errors import BodyInvalid, FormTokenInvalid
from solidgate.identity.code_flow import check_return_to
from solidgate.web.keys import WORLD

TOKEN_FIELD = "form_token"  # noqa: S105 - the name of a field
_HALVES = re.compile("[\ud800-\udfff]")
TOKEN_HEADER = "X-Form-Token"  # noqa: S105 - the name of a header
FORM = "application/x-www-form-urlencoded"

Form = MultiDictProxy[str]


def form_token(secret: str) -> str:
    """The token for pages of one session or browser; it tells nothing about the secret."""
    return hmac.new(secret.encode(), b"solidgate form", hashlib.sha256).hexdigest()


def check_origin(request: web.Request) -> None:
    """Refuse what another site sent: by ``Sec-Fetch-Site`` and by ``Origin``, where they are set."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    own = urlsplit(request.app[WORLD].public_url)
    if site not in ("same-origin", "none"):
        raise FormTokenInvalid("the request came from another site")
    if origin is not None and origin != f"{own.scheme}://{own.netloc}":
        raise FormTokenInvalid("the Origin header names another site")


def check_token(secret: str, token: str) -> None:
    """Raises ``FormTokenInvalid`` unless the token was made for this secret."""
    if not secret or not hmac.compare_digest(form_token(secret).encode(), token.encode(errors="replace")):
        raise FormTokenInvalid


async def read_form(request: web.Request, secret: str) -> Form:
    """The fields of one of our forms. Raises ``FormTokenInvalid BodyInvalid``."""
    check_origin(request)
    fields = await form_of(request)
    check_token(secret, fields.get(TOKEN_FIELD, "") or request.headers.get(TOKEN_HEADER, ""))
    return fields


async def form_of(request: web.Request) -> Form:
    """The fields of a URL-encoded UTF-8 body. Raises ``BodyInvalid`` for any other."""
    if request.content_type != FORM:
        raise BodyInvalid(f"the body must be {FORM}")
    if not _is_utf_8(request.charset or "utf-8"):
        raise BodyInvalid("the form must be UTF-8")
    try:
        sent = await request.post()
    except ValueError as fault:
        raise BodyInvalid("the form is not UTF-8") from fault
    fields = cast(Form, sent)  # a url-encoded body holds text only
    require_plain(part for field in fields.items() for part in field)
    return fields


def require_plain(texts: Iterable[str]) -> None:
    """Raises ``BodyInvalid`` for what is no text anywhere further in: NUL, and halves of characters."""
    for text in texts:
        if "\0" in text or (not text.isascii() and _HALVES.search(text)):
            raise BodyInvalid("a text has a NUL or half a character in it")


def _is_utf_8(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name in ("utf-8", "ascii")
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return False


def same_site_path(path: str) -> str:
    """The path if it stays here, else ``/me``: an open redirect is never followed and never an error page."""
    try:
        return check_return_to(path)
    except BodyInvalid:
        return "/me"
