"""``/requests/{id}``: what is asked of one person, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from aiohttp import web

from solidgate.errors import (
    AnswerMissing,
    LoginNeeded,
    ReceiptPlaceInvalid,
    RequestAnswered,
    RequiredMissing,
    RequiredRefused,
    SessionExpired,
    SolidgateError,
    StatementMissing,
    TermsChanged,
    ValidityTooLong,
)
from solidgate.flow import consent as consent_flow
from solidgate.flow import defer as defer_flow
from solidgate.flow import receipt as receipt_flow
from solidgate.flow.consent import Review
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Session
from solidgate.web import steps
from solidgate.web.accept import HTML, JSON, chosen, wants_html
from solidgate.web.answer_form import (
    ANSWER,
    RECEIPTS,
    STATEMENT,
    UNTIL,
    answers_of,
    kept_of,
    statements_of,
    until_of,
)
from solidgate.web.doors import person, with_storage
from solidgate.web.forms import Form, read_form
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import CONSENT
from solidgate.web.own_choices import own_choices
from solidgate.web.pages import render, see_other
from solidgate.web.represent import consents_plain, json_response, plain
from solidgate.web.session import session_of

_OF_A_FIELD = (
    AnswerMissing,
    ReceiptPlaceInvalid,
    RequiredMissing,
    RequiredRefused,
    StatementMissing,
    ValidityTooLong,
)


@person
@with_storage
async def review(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}``: the notice; for one purpose, also the form that answers exactly this notice."""
    media_type = chosen(request, [HTML, JSON])
    session = await session_of(request)
    found = await steps.review_of(request, session)
    if media_type == JSON:
        return json_response(_plain(found))
    if found.answered:
        return render(request, "answered.html", session=session, **steps.answered_words(request, found))
    if not found.may_agree and "all" not in request.query:
        words = steps.form_words(request, session, found, {})
        return render(request, "missing.html", session=session, **words)
    asked = own_choices(request, session)
    faults = steps.faults_of(request, found, asked) if asked else ()
    told = tuple(one for one in faults if not one.field.startswith(ANSWER))  # no answer is here to be wrong
    return await steps.page(request, session, found, "request.html", asked, told)


@person
@with_storage
async def choices(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}/choices``: one fieldset for each purpose, nothing chosen beforehand."""
    session = await session_of(request)
    asked = own_choices(request, session)
    found = await steps.review_of(request, session)
    instead = await steps.elsewhere(request, session, found, asked)
    if instead is not None:
        return instead
    return await steps.page(request, session, found, "choices.html", asked)


@person
@with_storage
async def check(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}/check``: the choices and their sentences in full, before anything is recorded.

    Choices travel in the address, never in the session: an ended session loses none of them. What cannot be
    recorded is told here already, on the form that it was chosen in.
    """
    session = await session_of(request)
    asked = own_choices(request, session)
    found = await steps.review_of(request, session)
    instead = await steps.elsewhere(request, session, found, asked)
    if instead is not None:
        return instead
    faults = steps.faults_of(request, found, asked)
    template = "choices.html" if faults else "check.html"
    return await steps.page(request, session, found, template, asked, faults)


@person
@with_storage
async def word(request: web.Request) -> web.StreamResponse:
    """``GET /requests/{id}/word``: the second step of a yes to data of a special category, of no other."""
    session = await session_of(request)
    asked = own_choices(request, session)
    found = await steps.review_of(request, session)
    instead = await steps.elsewhere(request, session, found, asked)
    if instead is not None:
        return instead
    if not any(asked.get(f"answer-{one}") == "yes" for one in found.words):
        return see_other(f"/requests/{found.request.request_id}/check?{urlencode(kept_of(asked))}")
    if faults := steps.faults_of(request, found, asked):
        return await steps.page(request, session, found, steps.form_of_answers(found), asked, faults)
    return await steps.page(request, session, found, "word.html", asked)


@person
async def answer(request: web.Request) -> web.StreamResponse:
    """``POST /requests/{id}``: record yes or no to what was shown, or show what stands in its way."""
    try:
        session = await session_of(request)
    except (LoginNeeded, SessionExpired):
        if not wants_html(request):
            raise
        return await steps.after_login(request)
    form = await read_form(request, session.session_id)
    request.app[PACES].take(CONSENT, session.session_id, request.app[WORLD].clock.monotonic())
    try:
        made = await _recorded(request, session, form)
    except TermsChanged:
        return await steps.changed(request, session, form.get("shown", ""))
    except RequestAnswered:
        return await steps.answered(request, session)
    except _OF_A_FIELD as error:
        if not wants_html(request):
            raise
        return await _once_more(request, session, form, error)
    left_out = await receipt_flow.left_out(request.app[WORLD], session, made[0], form.get(RECEIPTS, ""))
    place = f"{_next(made)}?receipts=default" if left_out else _next(made)
    if not wants_html(request):
        told = consents_plain(made) | ({"left_out": [RECEIPTS]} if left_out else {})
        return json_response(told, status=201, headers={"Location": place})
    return see_other(place)


async def _recorded(request: web.Request, session: Session, form: Form) -> tuple[ConsentView, ...]:
    answers = answers_of(form)
    return await consent_flow.answer(
        request.app[WORLD],
        session,
        request.match_info["request_id"],
        shown=form.get("shown", ""),
        language=form.get("language", ""),
        answers=answers,
        until=until_of(form.get(UNTIL, "")) if any(answers.values()) else None,  # a no ends never
        statements=statements_of(form),
        receipt_container=form.get(RECEIPTS) or None,
    )


async def _once_more(
    request: web.Request, session: Session, form: Form, error: SolidgateError
) -> web.StreamResponse:
    """The form that has the field, as it was filled in; a first yes without its word leads to that word.

    Only once nothing else is wrong: nobody types a word to hear of an end date after it.
    """
    typed = any(name.startswith(STATEMENT) for name in form)
    found = await steps.review_of(request, session)
    instead = await steps.elsewhere(request, session, found, form)
    if instead is not None:
        return instead
    faults = steps.faults_of(request, found, form)
    at_the_word = isinstance(error, StatementMissing) and not faults
    if at_the_word and not typed:
        return steps.to_the_word(request, session, form)
    if at_the_word:
        faults = steps.faults_of(request, found, form, words=True)
    if not faults:
        raise error  # about no field that the form has, such as a purpose that is not asked
    template = "word.html" if at_the_word else steps.form_of_answers(found)
    return await steps.page(request, session, found, template, form, faults)


@person
async def later(request: web.Request) -> web.StreamResponse:
    """``POST /requests/{id}/later``: decide later; nothing is read until then."""
    session = await session_of(request)
    form = await read_form(request, session.session_id)
    request_id, shown = request.match_info["request_id"], form.get("shown", "")
    language = form.get("language", "")
    try:
        await defer_flow.defer(request.app[WORLD], session, request_id, shown=shown, language=language)
    except TermsChanged:
        return await steps.changed(request, session, shown)
    except RequestAnswered:
        return await steps.answered(request, session)
    return see_other("/me")


def _next(made: Sequence[ConsentView]) -> str:
    return f"/consents/{made[0].record.consent_id}" if len(made) == 1 else "/me"


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
