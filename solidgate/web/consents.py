"""``/consents/{id}``: the receipt, the door, the activity, and the one click that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentNotGiven, PodConflict, RequestAnswered, StoreUnavailable
from solidgate.flow import ask as ask_flow
from solidgate.flow import door as door_flow
from solidgate.flow import receipt as receipt_flow
from solidgate.flow import record as record_flow
from solidgate.flow import settle as settle_flow
from solidgate.flow import withdraw as withdraw_flow
from solidgate.flow.consent import name_at_pod
from solidgate.flow.in_the_way import InTheWay, in_the_way
from solidgate.flow.in_time import in_time
from solidgate.flow.record import ConsentView
from solidgate.flow.withdraw import Withdrawal
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.pod.origin import origin
from solidgate.space.participant import Role
from solidgate.web import words_of_receipts
from solidgate.web.accept import HTML, JSON, JSONLD, JWT, TURTLE, chosen, wants_html
from solidgate.web.by_hand import pastes_for
from solidgate.web.doors import person
from solidgate.web.forms import Form, read_form
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import CONSENT
from solidgate.web.pages import render, see_other
from solidgate.web.qr import qr_of
from solidgate.web.represent import consent_plain, json_response, plain, rdf_of
from solidgate.web.session import session_of, session_to_withdraw

_ANSWERS = (ConsentStatus.GIVEN, ConsentStatus.RENEWED, ConsentStatus.REFUSED)


@person
async def consent(request: web.Request) -> web.Response:
    """``GET /consents/{id}``: what was agreed, as a page, JSON or RDF."""
    media_type = chosen(request, [HTML, JSON, TURTLE, JSONLD])
    session = await session_of(request)
    if media_type in (TURTLE, JSONLD):
        return await _record(request, session, media_type)
    view = await _view(request, session)
    if media_type == JSON:
        return json_response(consent_plain(view))
    shown = _words(view) | {"pastes": await pastes_for(request, session, view)}
    shown["nothing_new"] = request.query.get("new") == "none"
    shown["left_out"] = request.query.get("receipts") == "default"
    shown["in_the_way"] = await _in_the_way(request, session, view)
    going_on = request.app[WORLD].after.is_under_way(name_at_pod(view.record.request_id))
    shown["opening"] = going_on and view.status.valid_for_processing and view.door is not DoorState.OPEN
    shown["displayed"] = await record_flow.displayed(request.app[WORLD], session, view.record)
    return render(request, "consent.html", session=session, **shown)


@person
async def receipt(request: web.Request) -> web.Response:
    """``GET /consents/{id}/receipt``: the signed receipt, the record behind it, or a page to print."""
    media_type = chosen(request, [HTML, JWT, TURTLE, JSONLD])
    session = await session_of(request)
    if media_type in (TURTLE, JSONLD):
        world, consent_id = request.app[WORLD], request.match_info["consent_id"]
        turtle, jsonld = await receipt_flow.documents(world, session, consent_id)
        return rdf_of(turtle if media_type == TURTLE else jsonld, media_type, media_type)
    view = await _view(request, session)
    if media_type == HTML:
        shown = _words(view) | {"in_the_way": await _in_the_way(request, session, view)}
        return render(request, "receipt.html", session=session, qr=qr_of(view.record.iri), **shown)
    name = f'attachment; filename="receipt-{view.record.consent_id}.jwt"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store", "Vary": "Accept"}
    return web.Response(body=view.receipt.encode(), content_type=JWT, headers=headers)


@person
async def activity(request: web.Request) -> web.Response:
    """``GET /consents/{id}/activity``: what was done with it, step by step."""
    media_type = chosen(request, [HTML, JSON])
    session = await session_of(request)
    view = await _view(request, session)
    if media_type == JSON:
        return json_response({"activity": plain(view.activity)})
    return render(request, "activity.html", session=session, view=view)


@person
async def open_door(request: web.Request) -> web.StreamResponse:
    """``POST /consents/{id}/door``: open the door again, or close it once the consent has ended."""
    session = await _posted(request)
    world, consent_id = request.app[WORLD], request.match_info["consent_id"]
    if (await _view(request, session)).status.valid_for_processing:
        await door_flow.open_for(world, session, consent_id, again=True)
    else:
        await settle_flow.settle_one(world, session, consent_id)
    return await _shown(request, session)


@person
async def close_door(request: web.Request) -> web.StreamResponse:
    """``POST /consents/{id}/door/close``: close the door that an ended consent left open."""
    session = await _posted(request)
    await settle_flow.close_left(request.app[WORLD], session, request.match_info["consent_id"])
    return await _shown(request, session)


@person
async def resend_receipt(request: web.Request) -> web.StreamResponse:
    """``POST /consents/{id}/receipt``: write the copy into the pod."""
    session = await _posted(request)
    await settle_flow.resend(request.app[WORLD], session, request.match_info["consent_id"])
    return await _shown(request, session)


@person
async def ask_again(request: web.Request) -> web.StreamResponse:
    """``POST /consents/{id}/again``: a new request under the terms that hold now."""
    session = await _posted(request)
    space_id = (await _view(request, session)).space_id
    try:
        request_id = await ask_flow.ask_again(request.app[WORLD], session, space_id)
    except RequestAnswered:
        if not wants_html(request):
            raise
        return see_other(f"/consents/{request.match_info['consent_id']}?new=none")
    return see_other(f"/requests/{request_id}")


@person
async def withdraw(request: web.Request) -> web.Response:
    """``POST /consents/{id}/withdraw``: 200 when it has ended, 202 while an effect is in doubt.

    ``results=remove`` also takes the results out of the pod; without it they stay there.
    """
    session = await session_to_withdraw(request)
    form = await read_form(request, session.session_id)  # no pace: nothing stands in the way of withdrawing
    remove = form.get("results") == "remove"
    consent_id = request.match_info["consent_id"]
    try:
        found = await withdraw_flow.withdraw(request.app[WORLD], session, consent_id, remove_results=remove)
    except ConsentNotGiven:
        return _as_it_ended(request)
    return await _withdrawn(request, session, found)


@person
async def withdrawal(request: web.Request) -> web.Response:
    """``GET /consents/{id}/withdraw``: the choice of how to withdraw; afterwards, how far that is."""
    session = await session_of(request)
    view = await _view(request, session)
    if view.status.valid_for_processing and wants_html(request):
        others = await _others_of_the_space(request, session, view)
        return render(request, "withdraw.html", session=session, others=others, **_words(view))
    try:
        found = await withdraw_flow.status(request.app[WORLD], session, request.match_info["consent_id"])
    except ConsentNotGiven:
        return _as_it_ended(request)
    return await _withdrawn(request, session, found)


def _as_it_ended(request: web.Request) -> web.Response:
    """What ended otherwise meanwhile, or was a no, cannot be withdrawn: its page tells how it ended."""
    if not wants_html(request):
        raise ConsentNotGiven
    return see_other(f"/consents/{request.match_info['consent_id']}")


async def _others_of_the_space(request: web.Request, session: Session, view: ConsentView) -> bool:
    return bool(_others(await record_flow.mine(request.app[WORLD], session), view))


def _others(views: Sequence[ConsentView], view: ConsentView) -> Sequence[ConsentView]:
    """What else holds in the space of a consent: a withdrawal leaves it as it is."""
    held = [one for one in views if one.status.valid_for_processing and one.space_id == view.space_id]
    return [one for one in held if one.record.consent_id != view.record.consent_id]


def has_ended(found: Withdrawal) -> bool:
    """Whether nothing of a withdrawal is left to do, here or at the pod."""
    closed = found.door in (DoorState.CLOSED, None) and not found.door_problem
    return found.quiescent and closed and not found.results_to_remove


async def _withdrawn(request: web.Request, session: Session, found: Withdrawal) -> web.Response:
    status = 200 if has_ended(found) else 202
    if chosen(request, [HTML, JSON]) == JSON:
        return json_response(found, status=status)
    space_id = await _space_that_goes_on(request, session, found.consent_id)
    words: dict[str, Any] = {"withdrawal": found, "space_id": space_id}
    return render(request, "withdrawn.html", status=status, session=session, **words)


async def _space_that_goes_on(request: web.Request, session: Session, consent_id: str) -> str:
    """The space in which other consents still hold; nothing while the store is away."""
    world = request.app[WORLD]
    with suppress(StoreUnavailable, TimeoutError):
        views = await in_time(record_flow.mine(world, session), world.settings.consent.store_seconds)
        ended = next((one for one in views if one.record.consent_id == consent_id), None)
        return ended.space_id if ended and _others(views, ended) else ""
    return ""


async def _posted(request: web.Request) -> Session:
    """The session of one of our own forms, not too often."""
    session = await session_of(request)
    await _form(request, session)
    return session


async def _form(request: web.Request, session: Session) -> Form:
    form = await read_form(request, session.session_id)
    request.app[PACES].take(CONSENT, session.session_id, request.app[WORLD].clock.monotonic())
    return form


async def _shown(request: web.Request, session: Session) -> web.StreamResponse:
    view = await _view(request, session)
    if not wants_html(request):
        return json_response(consent_plain(view))
    return see_other(f"/consents/{view.record.consent_id}")


async def _view(request: web.Request, session: Session) -> ConsentView:
    return await record_flow.view(request.app[WORLD], session, request.match_info["consent_id"])


async def _in_the_way(request: web.Request, session: Session, view: ConsentView) -> tuple[InTheWay, ...]:
    """What the page shows where the copy of the receipt found its place taken; nothing for other faults."""
    if view.receipt_problem != PodConflict.code:
        return ()
    return await in_the_way(request.app[WORLD], session, view.record.consent_id)


async def _record(request: web.Request, session: Session, media_type: str) -> web.Response:
    world, consent_id = request.app[WORLD], request.match_info["consent_id"]
    turtle = await record_flow.turtle(world, session, consent_id)
    return rdf_of(turtle, TURTLE, media_type)


def _words(view: ConsentView) -> dict[str, Any]:
    events = view.record.events
    decided = next((event for event in events if event.status in _ANSWERS), view.record.latest)
    names = {party.webid: party.name for party in view.agreement.parties}
    return {
        "view": view,
        "decided": decided,
        "pastes": (),
        "in_the_way": (),
        "opening": False,
        "called": words_of_receipts.called(view.status),
        "refused": view.status is ConsentStatus.REFUSED,
        "page_host": origin(view.access.page)[1] if view.access else "",
        "controllers": view.agreement.with_role(Role.CONTROLLER),
        "recipients": [names.get(recipient, recipient) for recipient in view.record.recipients],
    }
