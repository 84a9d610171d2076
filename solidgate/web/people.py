"""``/``, ``/join/{token}`` and ``/me``: where people arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aiohttp import web

from solidgate.errors import BodyInvalid
from solidgate.flow import ask as ask_flow
from solidgate.flow import defer as defer_flow
from solidgate.flow import invite as invite_flow
from solidgate.flow import record as record_flow
from solidgate.flow import space as space_flow
from solidgate.flow.invite import Landing
from solidgate.flow.record import ConsentView
from solidgate.space.characters import isolated
from solidgate.web.accept import HTML, JSON, chosen
from solidgate.web.doors import person
from solidgate.web.forms import read_form
from solidgate.web.keys import WORLD
from solidgate.web.label import asker, label_rows
from solidgate.web.language import language_of
from solidgate.web.of_space import of_space
from solidgate.web.pages import render, render_before_login, see_other
from solidgate.web.represent import consents_plain, json_response
from solidgate.web.session import browser_of, session_of

_DECLINED = "solidgate-declined"
_SHOWN = {"valid": True, "ended": False}


async def start(request: web.Request) -> web.Response:
    """``GET /``: what this is, and the open spaces."""
    return render(request, "start.html", spaces=await space_flow.all_open(request.app[WORLD]))


async def join(request: web.Request) -> web.Response:
    """``GET /join/{token}``: who asks for what, before any login."""
    landing = await _landing(request)
    if landing.space.space_id in _declined(request) and "again" not in request.query:
        return render(request, "declined.html", token_of_invitation=landing.token)
    agreement, language = landing.space.agreement, language_of(request)
    return render_before_login(
        request,
        "join.html",
        space=landing.space,
        token_of_invitation=landing.token,
        asker=asker(agreement),
        purposes=", ".join(isolated(language.pick(purpose.title)) for purpose in agreement.purposes),
        rows=label_rows(agreement, landing.space.approvals, language, request.app[WORLD].public_url),
    )


async def join_choice(request: web.Request) -> web.StreamResponse:
    """``POST /join/{token}``: go on to log in, or no thanks, which only this browser remembers."""
    form = await read_form(request, browser_of(request))
    landing = await _landing(request)
    if form.get("choice") == "continue":
        return see_other(f"/join/{landing.token}/request")
    if form.get("choice") != "no":
        raise BodyInvalid("choice must be continue or no")
    response = render(request, "declined.html", token_of_invitation=landing.token)
    kept = sorted({*_declined(request), landing.space.space_id})[-20:]
    response.set_cookie(_DECLINED, ".".join(kept), max_age=2_592_000, httponly=True, samesite="Lax", path="/")
    return response


@person
async def join_request(request: web.Request) -> web.StreamResponse:
    """``GET /join/{token}/request``: make this person's request, or find it again, and show it."""
    session = await session_of(request)
    request_id = await ask_flow.ask(request.app[WORLD], session, request.match_info["token"])
    return see_other(f"/requests/{request_id}")


@person
async def me(request: web.Request) -> web.Response:
    """``GET /me``: my consents; ``?show=valid`` or ``ended`` and ``?space=`` leave out some, as JSON too."""
    media_type = chosen(request, [HTML, JSON])
    session, world = await session_of(request), request.app[WORLD]
    consents = await record_flow.mine(world, session)
    show, of = request.query.get("show", ""), of_space(request.query, _spaces_of(consents))
    kept = [one for one in consents if _is_shown(one, show) and of.holds(one.space_id)]
    if media_type == JSON:
        return json_response(consents_plain(kept))
    waiting = await defer_flow.waiting(world, session, shown=of.asked)
    spaces = [*_spaces_of(consents), *((one.space.space_id, one.space.title) for one in waiting)]
    shown: dict[str, Any] = {"consents": kept, "show": show, "of_space": of_space(request.query, spaces)}
    shown["waiting"] = [one for one in waiting if of.holds(one.space.space_id)]
    shown["count"] = sum(of.holds(one.space_id) for one in consents)
    left_out = request.query.get("receipts") == "default"
    return render(request, "me.html", session=session, left_out=left_out, **shown)


def _is_shown(view: ConsentView, show: str) -> bool:
    return show not in _SHOWN or view.status.valid_for_processing is _SHOWN[show]


def _spaces_of(consents: Iterable[ConsentView]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each space and its title, newest answer first."""
    return ((one.space_id, one.agreement.title) for one in consents)


@person
async def my_results(request: web.Request) -> web.Response:
    """``GET /me/results``: the results in my pod; ``?space=`` leaves out those of others."""
    session = await session_of(request)
    consents = await record_flow.mine(request.app[WORLD], session)
    of = of_space(request.query, _spaces_of(consents))
    kept = [one for one in consents if of.holds(one.space_id)]
    return render(request, "results.html", session=session, consents=kept, of_space=of)


@person
async def my_rights(request: web.Request) -> web.Response:
    """``GET /me/rights``: what the law gives me, and where each of it is done."""
    return render(request, "my_rights.html", session=await session_of(request))


async def _landing(request: web.Request) -> Landing:
    return await invite_flow.landing(request.app[WORLD], request.match_info["token"])


def _declined(request: web.Request) -> set[str]:
    return set(request.cookies.get(_DECLINED, "").split(".")) - {""}
