"""``/requests/{id}/preview`` and ``/example``: what would be sent, and what would come of it."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from solidgate.flow import example as example_flow
from solidgate.flow import preview as preview_flow
from solidgate.identity.login import Session
from solidgate.web import terms
from solidgate.web.accept import HTML, JSON, chosen
from solidgate.web.doors import person, with_storage
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import PREVIEW
from solidgate.web.pages import render
from solidgate.web.represent import json_response
from solidgate.web.session import session_of

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@person
@with_storage
async def preview(request: web.Request) -> web.Response:
    """``GET /requests/{id}/preview``: the exact values that are asked for, as they are now."""
    media_type = chosen(request, [HTML, JSON])
    session = await _paced(request)
    found = await preview_flow.preview(
        request.app[WORLD], session, request.match_info["request_id"], first=_first(request)
    )
    if media_type == JSON:
        return json_response(found)
    each = request.app[WORLD].settings.preview.resources
    shown: dict[str, Any] = {"preview": found, "terms": terms, "each": each}
    offered = await example_flow.is_offered(request.app[WORLD], session, found.request_id)
    return render(request, "preview.html", session=session, example_offered=offered, **shown)


@person
@with_storage
async def document(request: web.Request) -> web.Response:
    """``GET /requests/{id}/preview/{n}``: one document whole, as a file, byte for byte."""
    session = await _paced(request)
    number = int(request.match_info["number"])
    found = await preview_flow.document(request.app[WORLD], session, request.match_info["request_id"], number)
    name = _NOT_IN_A_NAME.sub("-", found.url.rstrip("/").rpartition("/")[2])[-80:] or "document"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=found.content, content_type=found.media_type, headers=headers)


@person
@with_storage
async def example(request: web.Request) -> web.Response:
    """``GET /requests/{id}/example``: what the program makes of an invented person."""
    media_type = chosen(request, [HTML, JSON])
    session = await _paced(request)
    request_id = request.match_info["request_id"]
    found = await example_flow.example(request.app[WORLD], session, request_id)
    if media_type == JSON:
        return json_response(found)
    return render(request, "example.html", session=session, example=found, terms=terms, request_id=request_id)


async def _paced(request: web.Request) -> Session:
    """The session; each view costs the pod and the sandbox something, so there are only so many a minute."""
    session = await session_of(request)
    request.app[PACES].take(PREVIEW, session.session_id, request.app[WORLD].clock.monotonic())
    return session


def _first(request: web.Request) -> int:
    text = request.query.get("from", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) <= 6 else 1
