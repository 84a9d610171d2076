"""``/requests/{id}``: what is asked of one person, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from solidgate.consent.duration import after
from solidgate.consent.words import SPECIAL_WORDS
from solidgate.errors import (
    AnswerMissing,
    LanguageNotOffered,
    RequestAnswered,
    StatementMissing,
    TermsChanged,
)
from solidgate.flow import consent as consent_flow
from solidgate.flow import defer as defer_flow
from solidgate.flow import reask as reask_flow
from solidgate.flow.consent import Review
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Session
from solidgate.web.accept import HTML, JSON, chosen, wants_html
from solidgate.web.doors import person, with_storage
from solidgate.web.forms import Form, read_form
from solidgate.web.keys import PACES, WORLD
from solidgate.web.language import Language, language_of
from solidgate.web.limits import CONSENT
from solidgate.web.pages import render, see_other
from solidgate.web.represent import consents_plain, json_response, plain
from solidgate.web.session import session_of

_MONTHS = (1, 3, 6, 12)
_ANSWERS = {"yes": True, "no": False}
_KEPT = ("shown", "language", "until", "receipt_container")


@person
@with_storage
async def review(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}``: the notice; for one purpose, also the form that answers exactly this notice."""
    media_type = chosen(request, [HTML, JSON])
    session = await session_of(request)
    found = await _review(request, session)
    if media_type == JSON:
        return json_response(_plain(found))
    if found.answered:
        return render(request, "answered.html", session=session, answered=found.answered)
    if not found.may_agree and "all" not in request.query:
        return render(request, "missing.html", session=session, **_words(request, found))
    since = await reask_flow.since_last_answer(request.app[WORLD], session, found)
    return render(request, "request.html", session=session, since=since, **_words(request, found))


@person
@with_storage
async def choices(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}/choices``: one fieldset for each purpose, nothing chosen beforehand."""
    return await _step(request, "choices.html")


@person
@with_storage
async def check(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}/check``: the choices and their sentences in full, before anything is recorded.

    Choices travel in the address, never in the session: an ended session loses none of them.
    """
    asked = request.query
    session = await session_of(request)
    found = await _review(request, session)
    open_ones = [one.id for one in found.purposes if asked.get(f"answer-{one.id}") not in _ANSWERS]
    if open_ones and not found.answered and asked.get("shown") == found.notice.digest:
        return await _step(request, "choices.html", status=422, open_ones=open_ones)
    return await _step(request, "check.html")


@person
@with_storage
async def word(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}/word``: the second step of a yes to data of a special category."""
    tag = request.query.get("language", "")
    return await _step(
        request, "word.html", wrong="wrong" in request.query, needed=SPECIAL_WORDS.get(tag, "")
    )


async def _step(
    request: web.Request, template: str, *, status: int = 200, open_ones: Sequence[str] = (), **values: Any
) -> web.StreamResponse:
    """A page after the review; it goes on from the notice that the review showed, and from no other."""
    session = await session_of(request)
    found = await _review(request, session)
    if found.answered:
        return render(request, "answered.html", session=session, answered=found.answered)
    shown, language = request.query.get("shown", ""), request.query.get("language", "")
    if not shown:
        return see_other(f"/requests/{found.request.request_id}")
    if shown != found.notice.digest:
        return await _changed(request, session, shown, language)
    picked = {one.id: request.query.get(f"answer-{one.id}", "") for one in found.purposes}
    until = request.query.get("until", "")
    words: dict[str, Any] = {
        "picked": picked,
        "until": until,
        "receipt_container": request.query.get("receipt_container", ""),
        "kept": urlencode(request.query),
        "open_ones": open_ones,
    }
    words |= _words(request, found) | values
    return render(request, template, status=status, session=session, **words)


@person
async def answer(request: web.Request) -> web.StreamResponse:
    """``POST /requests/{id}``: record yes or no to what was shown, or show what changed meanwhile."""
    world, session = request.app[WORLD], await session_of(request)
    form = await read_form(request, session.session_id)
    request.app[PACES].take(CONSENT, session.session_id, world.clock.monotonic())
    shown, language = form.get("shown", ""), form.get("language", "")
    try:
        made = await consent_flow.answer(
            world,
            session,
            request.match_info["request_id"],
            shown=shown,
            language=language,
            answers=answers_of(form),
            until=until_of(form.get("until", "")),
            statements=statements_of(form),
            receipt_container=form.get("receipt_container") or None,
        )
    except TermsChanged:
        return await _changed(request, session, shown, language)
    except RequestAnswered:
        return await _answered(request, session)
    except StatementMissing:
        return _to_the_word(request, form)
    if not wants_html(request):
        return json_response(consents_plain(made), status=201, headers={"Location": _next(made)})
    return see_other(_next(made))


@person
async def later(request: web.Request) -> web.StreamResponse:
    """``POST /requests/{id}/later``: decide later; nothing is read until then."""
    session = await session_of(request)
    form = await read_form(request, session.session_id)
    request_id = request.match_info["request_id"]
    shown, language = form.get("shown", ""), form.get("language", "")
    await defer_flow.defer(request.app[WORLD], session, request_id, shown=shown, language=language)
    return see_other("/me")


def _to_the_word(request: web.Request, form: Form) -> web.StreamResponse:
    """On to the second step, or back to it with the remark that the word was another one."""
    if not wants_html(request):
        raise StatementMissing
    kept = {name: text for name, text in form.items() if name in _KEPT or name.startswith("answer-")}
    if any(statements_of(form).values()):
        kept["wrong"] = "1"
    return see_other(f"/requests/{request.match_info['request_id']}/word?{urlencode(kept)}")


def statements_of(form: Form) -> Mapping[str, str]:
    """The words that were typed for special categories, by purpose."""
    return {
        name.removeprefix("statement-"): text.strip()
        for name, text in form.items()
        if name.startswith("statement-")
    }


def answers_of(form: Form) -> Mapping[str, bool]:
    """The answers by purpose. Raises ``AnswerMissing`` for a field that is neither yes nor no, or twice."""
    fields = [
        (name.removeprefix("answer-"), text) for name, text in form.items() if name.startswith("answer-")
    ]
    answers = {purpose: _ANSWERS[text] for purpose, text in fields if text in _ANSWERS}
    if not answers or len(answers) != len(fields):
        raise AnswerMissing
    return answers


def until_of(text: str) -> date | None:
    """The chosen end; empty means the end that the notice names. Raises ``AnswerMissing``."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise AnswerMissing("until must be a date such as 2027-01-31") from None


def ends(now: datetime, latest: datetime, language: Language) -> Sequence[tuple[str, str]]:
    """The offered end first, then shorter ones of 1, 3, 6 and 12 months."""
    shorter = [after(now, f"P{months}M") for months in _MONTHS]
    return [
        ("", language.day(latest)),
        *((day.date().isoformat(), language.day(day)) for day in shorter if day.date() < latest.date()),
    ]


async def _review(request: web.Request, session: Session) -> Review:
    """The review in the page's language, or else in the first that the terms are written in."""
    world, request_id = request.app[WORLD], request.match_info["request_id"]
    try:
        return await consent_flow.review(world, session, request_id, language_of(request).tag)
    except LanguageNotOffered as refusal:
        first = refusal.detail.partition(",")[0].strip()
        if not first:
            raise
        return await consent_flow.review(world, session, request_id, first)


async def _changed(request: web.Request, session: Session, shown: str, language: str) -> web.Response:
    request_id = request.match_info["request_id"]
    if not wants_html(request):
        raise TermsChanged
    found = await consent_flow.difference(request.app[WORLD], session, request_id, shown, language)
    told = reask_flow.Since(found).told
    return render(
        request, "changed.html", status=409, session=session, difference=told, request_id=request_id
    )


async def _answered(request: web.Request, session: Session) -> web.Response:
    if not wants_html(request):
        raise RequestAnswered
    found = await _review(request, session)
    return render(request, "answered.html", status=409, session=session, answered=found.answered)


def _next(made: Sequence[ConsentView]) -> str:
    return f"/consents/{made[0].record.consent_id}" if len(made) == 1 else "/me"


def _words(request: web.Request, found: Review) -> dict[str, Any]:
    language = Language(found.notice.language)
    needs = [need for purpose in found.purposes for need in purpose.needs]
    return {
        "review": found,
        "titles": {need.key: language.pick(need.title) for need in needs},
        "receipts": request.app[WORLD].settings.consent.receipt_container,
        "ends": ends(request.app[WORLD].clock.now(), found.latest_end, language_of(request)),
    }


def _plain(found: Review) -> dict[str, object]:
    return {
        "id": found.request.request_id,
        "space": found.request.space_id,
        "notice": plain(found.notice),
        "resources": plain(found.request.resources),
        "missing": found.missing,
        "looked": plain(found.request.looked),
        "storage": found.request.storage,
        "storages": plain(found.request.storages),
        "result_container": found.request.result_container,
        "latest_end": found.latest_end.isoformat(),
        "answered": [view.record.iri for view in found.answered],
    }
