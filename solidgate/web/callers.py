"""Calls that change something for an organisation: who sends them, and what they carry."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from solidgate.errors import BodyInvalid
from solidgate.identity.login import Caller, Session
from solidgate.web.forms import (
    FORM,
    TOKEN_FIELD,
    TOKEN_HEADER,
    check_origin,
    check_token,
    form_of,
    require_plain,
)
from solidgate.web.session import caller_of, session_of

_JSON = "application/json"


async def posting_caller(request: web.Request) -> Caller:
    """The caller of an unsafe method.

    A token speaks for itself; a session is a cookie that a browser sends unasked, so it must come with the
    page's form token, in the form or in ``X-Form-Token``, from our own origin. Raises ``FormTokenInvalid``.
    """
    if request.headers.getall("Authorization", []):
        return await caller_of(request)
    session = await session_of(request)
    check_origin(request)
    token = request.headers.get(TOKEN_HEADER, "")
    if not token and request.content_type == FORM:
        token = (await form_of(request)).get(TOKEN_FIELD, "")
    check_token(session.session_id, token)
    return Caller(session.webid)


async def page_session(request: web.Request) -> Session | None:
    """The session for the forms of a page that a token may ask for too; none when a token called."""
    return None if request.headers.getall("Authorization", []) else await session_of(request)


async def body_of(request: web.Request, *needed: str, **defaults: object) -> dict[str, Any]:
    """The fields of a JSON object or of a form. Raises ``BodyInvalid`` for missing and unknown fields."""
    sent = await _sent(request)
    known = {*needed, *defaults}
    if missing := sorted(set(needed) - set(sent)):
        raise BodyInvalid(f"missing: {', '.join(missing)}")
    if set(sent) - known:
        raise BodyInvalid(f"unknown fields; known are: {', '.join(sorted(known))}")
    return {**defaults, **sent}


async def _sent(request: web.Request) -> dict[str, Any]:
    if request.content_type == FORM:
        return {name: text for name, text in (await form_of(request)).items() if name != TOKEN_FIELD}
    content = await request.read()
    if not content:
        return {}
    if request.content_type != _JSON:
        raise BodyInvalid(f"the body must be {_JSON} or {FORM}")
    try:
        sent = orjson.loads(content)
    except orjson.JSONDecodeError as fault:
        raise BodyInvalid("the body is not JSON") from fault
    if not isinstance(sent, dict):
        raise BodyInvalid("the body must be a JSON object")
    require_plain(text for text in sent.values() if isinstance(text, str))
    return sent
