"""``/consents/{id}/door``: what a person puts into their pod where we may not, and a second look."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from solidgate.errors import ConsentNotGiven, SolidgateError
from solidgate.flow import door as door_flow
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Session
from solidgate.pod.access_control import to_turtle
from solidgate.pod.by_hand import BY_HAND, Paste
from solidgate.pod.door import DoorState
from solidgate.web.accept import JSON, TURTLE, chosen, wants_html
from solidgate.web.doors import person
from solidgate.web.forms import read_form
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import CONSENT
from solidgate.web.pages import see_other
from solidgate.web.represent import json_response
from solidgate.web.session import session_of


@person
async def by_hand(request: web.Request) -> web.Response:
    """``GET /consents/{id}/door``: the texts as JSON, or all of them as one Turtle document."""
    media_type = chosen(request, [JSON, TURTLE])
    session = await session_of(request)
    found = await door_flow.by_hand(request.app[WORLD], session, request.match_info["consent_id"])
    if media_type == JSON:
        return json_response({"pastes": [_plain(one) for one in found]})
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    text = "\n".join(_commented(one) for one in found)
    return web.Response(text=text, content_type=TURTLE, charset="utf-8", headers=headers)


@person
async def check(request: web.Request) -> web.StreamResponse:
    """``POST /consents/{id}/door/check``: read the door anew; the person may have opened it by hand."""
    session = await session_of(request)
    await read_form(request, session.session_id)
    request.app[PACES].take(CONSENT, session.session_id, request.app[WORLD].clock.monotonic())
    consent_id = request.match_info["consent_id"]
    try:
        state, problem = await door_flow.look_again(request.app[WORLD], session, consent_id)
    except ConsentNotGiven:  # it ended meanwhile; its page tells how
        if not wants_html(request):
            raise
        return see_other(f"/consents/{consent_id}")
    if wants_html(request):
        return see_other(f"/consents/{consent_id}")
    return json_response({"door": state.value, "door_problem": problem})


async def pastes_for(request: web.Request, session: Session, view: ConsentView) -> tuple[Paste, ...]:
    """What the consent's page shows under the door's problem; nothing if the pod does not answer in time."""
    world = request.app[WORLD]
    holds = view.status.valid_for_processing and view.door is not DoorState.OPEN
    if not holds or view.door_problem not in BY_HAND:
        return ()
    try:
        async with asyncio.timeout(world.settings.consent.settle_seconds):
            return await door_flow.by_hand(world, session, view.record.consent_id)
    except (SolidgateError, TimeoutError):
        return ()


def _plain(one: Paste) -> dict[str, Any]:
    return {
        "resource": one.resource,
        "access_control": one.kind.value,
        "address": one.address,
        "whole": one.whole,
        "turtle": one.text,
    }


def _commented(one: Paste) -> str:
    place = f"at {one.address}" if one.address else "where the pod keeps it"
    what = "the whole content" if one.whole else "to be added"
    return (
        f"# {one.resource}\n# {one.kind.value.upper()}, {what}, {place}\n{to_turtle(one.document).decode()}"
    )
