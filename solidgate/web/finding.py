"""``/requests/{id}/storage`` and ``/look``: which pod is meant, and looking again for what was not there."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from solidgate.consent.request import ConsentRequest
from solidgate.flow import choose as choose_flow
from solidgate.identity.login import Session
from solidgate.pod.storage import MOST_STORAGES
from solidgate.web.accept import HTML, JSON, chosen, wants_html
from solidgate.web.answer_form import STORAGE
from solidgate.web.doors import person
from solidgate.web.forms import read_form
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import PREVIEW
from solidgate.web.own_choices import own_choices
from solidgate.web.pages import render, see_other
from solidgate.web.represent import json_response
from solidgate.web.session import session_of


@person
async def storage(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}/storage``: the person's pods, none chosen but by them in another language."""
    media_type = chosen(request, [HTML, JSON])
    session, request_id = await session_of(request), request.match_info["request_id"]
    found, current = await choose_flow.storages(request.app[WORLD], session, request_id)
    if media_type == JSON:
        return json_response({"storages": found, "chosen": current})
    picked = own_choices(request, session).get(STORAGE, "")
    return _page(request, session, found, current, picked=picked)


@person
async def choose_storage(request: web.Request) -> web.StreamResponse:
    """``POST /requests/{id}/storage``: remember the pod for this request, and look there."""
    world, session = request.app[WORLD], await session_of(request)
    request_id = request.match_info["request_id"]
    form = await read_form(request, session.session_id)
    request.app[PACES].take(PREVIEW, session.session_id, world.clock.monotonic())
    named = form.get(STORAGE, "")
    if not named and wants_html(request):
        found, current = await choose_flow.storages(world, session, request_id)
        return _page(request, session, found, current, status=422)
    return _looked(request, await choose_flow.choose(world, session, request_id, named))


@person
async def look(request: web.Request) -> web.StreamResponse:
    """``POST /requests/{id}/look``: look again for the documents, as the pod is now."""
    world, session = request.app[WORLD], await session_of(request)
    await read_form(request, session.session_id)
    request.app[PACES].take(PREVIEW, session.session_id, world.clock.monotonic())
    return _looked(request, await choose_flow.look(world, session, request.match_info["request_id"]))


def _page(
    request: web.Request,
    session: Session,
    found: tuple[str, ...],
    current: str,
    status: int = 200,
    picked: str = "",
) -> web.Response:
    words: dict[str, Any] = {"storages": found, "current": current, "nothing": status != 200}
    request_id = request.match_info["request_id"]
    words |= {"request_id": request_id, "picked": picked}
    words["speaks"] = ("answer", "post", f"/requests/{request_id}/language?step=storage")
    return render(request, "storage.html", status=status, session=session, most=MOST_STORAGES, **words)


def _looked(request: web.Request, made: ConsentRequest) -> web.StreamResponse:
    address = f"/requests/{made.request_id}"
    if wants_html(request):
        return see_other(address)
    return json_response({"id": made.request_id, "storage": made.storage}, headers={"Location": address})
