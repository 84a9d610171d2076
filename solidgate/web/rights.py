"""``/me/export``, ``/me/erase``, ``/me/activity``: the person's rights, each one page and one click."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import resources
from typing import Any

import jinja2
from aiohttp import web

from solidgate.audit.activity import Kind
from solidgate.consent.archive import Held, csv_of
from solidgate.errors import ErasureNotConfirmed, LogFilterInvalid
from solidgate.flow import rights as rights_flow
from solidgate.flow.rights import About, Log
from solidgate.identity.login import Session
from solidgate.web.accept import CSV, HTML, JSON, chosen
from solidgate.web.doors import person
from solidgate.web.forms import read_form
from solidgate.web.keys import ERASURES, PACES, WORLD
from solidgate.web.language import Language, language_of
from solidgate.web.limits import CONSENT
from solidgate.web.log_filter import FilterFault, typed, wanted_of
from solidgate.web.of_space import SPACE, of_space
from solidgate.web.operations import REFUSALS
from solidgate.web.pages import fixed_words, page_words, render, see_other
from solidgate.web.problems import status_of
from solidgate.web.represent import json_response, plain
from solidgate.web.session import forget_session, session_of
from solidgate.web.words_of_rights import ACTIVITY, KIND, REMOVED

_NO_STORE = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language, Cookie"}


@person
async def export(request: web.Request) -> web.Response:
    """``GET /me/export``: one ZIP, whose links stay inside it."""
    session, language = await session_of(request), language_of(request)
    request.app[PACES].take(CONSENT, session.session_id, request.app[WORLD].clock.monotonic())

    def page(held: Held, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return page_of(held, files, language)

    content = await rights_flow.export(request.app[WORLD], session, page)
    headers = {"Content-Disposition": 'attachment; filename="solidgate-export.zip"', **_NO_STORE}
    return web.Response(body=content, content_type="application/zip", headers=headers)


def page_of(held: Held, files: Mapping[str, bytes], language: Language) -> dict[str, bytes]:
    """The archive's one page for reading, with its style: no script, no address but those of its files."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("solidgate.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    about = {record.consent_id: About(terms, record.purpose) for record, terms, _ in held.records}
    values = fixed_words() | page_words(language) | {"held": held, "files": sorted(files), "about": about}
    page = environment.get_template("export.html").render(**values, **_words()).encode()
    style = (resources.files("solidgate.web") / "static" / "solidgate.css").read_bytes()
    return {"index.html": page, "style.css": style}


def _words() -> dict[str, Any]:
    return {"activity_words": ACTIVITY, "kind_words": KIND, "removed_words": REMOVED, "kinds": list(Kind)}


@person
async def erase_page(request: web.Request) -> web.Response:
    """``GET /me/erase``: what would be removed and what cannot be recalled; nothing happens yet."""
    session = await session_of(request)
    report = await rights_flow.rehearse(request.app[WORLD], session)
    if chosen(request, [HTML, JSON]) == JSON:
        return json_response(report)
    return render(request, "erase.html", session=session, report=report, **_words())


@person
async def erase(request: web.Request) -> web.Response:
    """``POST /me/erase``: done when this answers; the report is shown now and never again."""
    session = await session_of(request)
    request.app[PACES].take(CONSENT, session.session_id, request.app[WORLD].clock.monotonic())
    form = await read_form(request, session.session_id)
    if form.get("choice") == "keep":
        return see_other("/me")
    if form.get("choice") != "erase":
        raise ErasureNotConfirmed
    erasing = partial(rights_flow.erase, request.app[WORLD], session)
    report = await request.app[ERASURES].of(session.person_id, erasing)
    if chosen(request, [HTML, JSON]) == JSON:
        response = json_response(report)
    else:
        download = "data:application/vc+jwt;base64," + base64.b64encode(report.token.encode()).decode()
        response = render(
            request, "erased.html", report=report, download=download, leave_token="", **_words()
        )
    forget_session(request, response)
    return response


@person
async def activity(request: web.Request) -> web.Response:
    """``GET /me/activity``: what happened, filtered by ``consent``, ``space``, ``type``, ``from``, ``to``."""
    media_type = chosen(request, [HTML, JSON, CSV])
    session, world = await session_of(request), request.app[WORLD]
    wanted, faults = wanted_of(request.query, language_of(request).zone)
    space = request.query.get(SPACE, "")
    if media_type == HTML:
        log = await rights_flow.log(world, session, wanted, space=space)
        log = replace(log, found=()) if faults else log
        return await _log_page(request, session, typed(request.query), log, faults=faults)
    if faults:
        raise LogFilterInvalid(", ".join(one.field for one in faults))
    found = await rights_flow.activity(world, session, wanted, space=space)
    if media_type == JSON:
        return json_response({"activity": plain(found)})
    return web.Response(
        body=csv_of([plain(one) for one in found]), content_type=CSV, charset="utf-8", headers=_NO_STORE
    )


@person
async def push_activity(request: web.Request) -> web.Response:
    """``POST /me/activity``: write the log into a container of the person's own pod."""
    session = await session_of(request)
    request.app[PACES].take(CONSENT, session.session_id, request.app[WORLD].clock.monotonic())
    form = await read_form(request, session.session_id)
    url = await rights_flow.push_activity(request.app[WORLD], session, form.get("container", ""))
    if chosen(request, [HTML, JSON]) == JSON:
        return json_response({"url": url}, status=201)
    return await _log_page(
        request, session, typed({}), await rights_flow.log(request.app[WORLD], session), url=url
    )


async def _log_page(
    request: web.Request,
    session: Session,
    asked: Mapping[str, str],
    log: Log,
    *,
    faults: Sequence[FilterFault] = (),
    url: str = "",
) -> web.Response:
    """The log under its filter as it was entered; with faults nothing is filtered, and nothing shown."""
    if faults:
        REFUSALS.labels(LogFilterInvalid.code).inc()
    values: dict[str, Any] = {"log": log, "asked": asked, "faults": faults, "written": url}
    spaces = ((one.space, one.agreement.title) for one in log.about.values())
    values["of_space"] = of_space(request.query, spaces)
    values["place"] = await rights_flow.log_place(request.app[WORLD], session)
    status = status_of(LogFilterInvalid) if faults else 200
    return render(request, "activity_log.html", session=session, status=status, **values, **_words())
