"""The pages between a question and its answer: one review, and whatever was chosen on the way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from solidgate.errors import LanguageNotOffered, RequestAnswered, TermsChanged
from solidgate.flow import consent as consent_flow
from solidgate.flow import example as example_flow
from solidgate.flow import reask as reask_flow
from solidgate.flow.consent import Review
from solidgate.identity.code_flow import MAX_RETURN_CHARACTERS
from solidgate.identity.login import Session
from solidgate.web.accept import wants_html
from solidgate.web.answer_form import OURS, RECEIPTS, UNTIL, Fault, ends, faults_in, kept_of
from solidgate.web.forms import Form, check_origin, form_of
from solidgate.web.keys import WORLD
from solidgate.web.language import LANGUAGES, Language, language_of
from solidgate.web.operations import REFUSALS
from solidgate.web.own_choices import mark_of
from solidgate.web.pages import language_links, render, see_other
from solidgate.web.problems import status_of
from solidgate.web.session import forget_session


async def review_of(request: web.Request, session: Session) -> Review:
    """The review in the page's language, or else in the first that the terms are written in."""
    world, request_id = request.app[WORLD], request.match_info["request_id"]
    try:
        return await consent_flow.review(world, session, request_id, language_of(request).tag)
    except LanguageNotOffered as refusal:
        first = refusal.detail.partition(",")[0].strip()
        if not first:
            raise
        return await consent_flow.review(world, session, request_id, first)


async def elsewhere(
    request: web.Request, session: Session, found: Review, asked: Mapping[str, str]
) -> web.StreamResponse | None:
    """Where to go instead, when the page to come would not go on from the notice that was shown.

    The same notice in another language is gone on from: the page shows all of it, before it is answered.
    """
    if found.answered:
        return render(request, "answered.html", session=session, **answered_words(request, found))
    shown = asked.get("shown", "")
    if not shown:
        return see_other(f"/requests/{found.request.request_id}")
    if shown != found.notice.digest and not await _in_another_language(request, session, shown):
        return await changed(request, session, shown)
    return None


async def _in_another_language(request: web.Request, session: Session, shown: str) -> bool:
    """Whether this was shown to the person, and the same would be shown now in the language of that time."""
    try:
        return not await reask_flow.difference(
            request.app[WORLD], session, request.match_info["request_id"], shown
        )
    except (TermsChanged, LanguageNotOffered):
        return False


async def page(
    request: web.Request,
    session: Session,
    found: Review,
    template: str,
    asked: Mapping[str, str],
    faults: tuple[Fault, ...] = (),
) -> web.Response:
    """One of the forms, with what was chosen or typed; with faults under the status of the first."""
    words = form_words(request, session, found, asked) | {"faults": faults}
    if template == "request.html":
        world, request_id = request.app[WORLD], found.request.request_id
        words["example_offered"] = await example_flow.is_offered(world, session, request_id)
        words["since"] = await reask_flow.since_last_answer(world, session, found)
    words |= _spoken(found, template, words, bool(faults))
    status = status_of(type(faults[0].error)) if faults else 200
    for code in sorted({fault.error.code for fault in faults}):
        REFUSALS.labels(code).inc()
    return render(request, template, status=status, session=session, **words)


def faults_of(
    request: web.Request, found: Review, form: Mapping[str, str], *, words: bool = False
) -> tuple[Fault, ...]:
    """What would be refused of these fields now; ``words``: those that are typed too."""
    world = request.app[WORLD]
    return faults_in(form, found, world.clock.now(), world.zone, words=words)


def _spoken(found: Review, template: str, words: Mapping[str, Any], faults: bool) -> dict[str, Any]:
    """How the page changes its language: by its form, where something is filled in that was not sent yet."""
    own = f"/requests/{found.request.request_id}"
    if template == "choices.html":
        return {"speaks": ("answer", "get", f"{own}/{'check' if faults else 'choices'}")}
    if template == "request.html":
        return {"speaks": ("answer", "post", f"{own}/language")} if len(found.purposes) == 1 else {}
    step = template.removesuffix(".html")
    return {"switch": {tag: f"{own}/{step}?{words['kept']}&lang={tag}" for tag in LANGUAGES}}


def form_of_answers(found: Review) -> str:
    """The template of the form with the choices: a page of its own where there are several."""
    return "choices.html" if len(found.purposes) > 1 else "request.html"


def form_words(
    request: web.Request, session: Session, found: Review, asked: Mapping[str, str]
) -> dict[str, Any]:
    """What the templates of the question show: the review, and each field as it was left."""
    language, world = Language(found.notice.language), request.app[WORLD]
    needs = [need for purpose in found.purposes for need in purpose.needs]
    chosen, bound = asked.get(UNTIL, ""), bound_to(request, session, found)
    offered = ends(world.clock.now(), found.latest_end, language_of(request), chosen)
    return {
        "review": found,
        "titles": {need.key: language.pick(need.title) for need in needs},
        "receipts": world.settings.consent.receipt_container,
        "ends": offered,
        "faults": (),
        "picked": {one.id: asked.get(f"answer-{one.id}", "") for one in found.purposes},
        "typed": {one.id: asked.get(f"statement-{one.id}", "") for one in found.purposes},
        "until": chosen if chosen in dict(offered) else offered[0][0],
        "receipt_container": asked.get(RECEIPTS, ""),
        "kept": urlencode(kept_of(asked) | bound),
        "ours": bound[OURS],
        "switched": asked.get("shown", found.notice.digest) != found.notice.digest,
    }


def bound_to(request: web.Request, session: Session, found: Review) -> dict[str, str]:
    """What goes along with choices: the notice that they are about now, and that they come from our pages."""
    notice = found.notice
    return {"shown": notice.digest, "language": notice.language, OURS: mark_of(request, session)}


async def changed(request: web.Request, session: Session, shown: str) -> web.Response:
    """409: what is different from the page that was shown; else the way to the question."""
    if not wants_html(request):
        raise TermsChanged
    REFUSALS.labels(TermsChanged.code).inc()
    request_id = request.match_info["request_id"]
    try:
        found = await reask_flow.difference(request.app[WORLD], session, request_id, shown)
        difference = reask_flow.Since(found).told
    except (TermsChanged, LanguageNotOffered):
        difference = None  # no such page was shown to this person, or not in a language of these terms
    except RequestAnswered:
        return see_other(f"/requests/{request_id}")
    words: dict[str, Any] = {"difference": difference, "request_id": request_id}
    words["switch"] = language_links(request, f"/requests/{request_id}")
    return render(request, "changed.html", status=409, session=session, **words)


async def answered(request: web.Request, session: Session) -> web.Response:
    """409: the answer that stands."""
    if not wants_html(request):
        raise RequestAnswered
    REFUSALS.labels(RequestAnswered.code).inc()
    found = await review_of(request, session)
    words = answered_words(request, found)
    words["switch"] = language_links(request, f"/requests/{found.request.request_id}")
    return render(request, "answered.html", status=409, session=session, **words)


def answered_words(request: web.Request, found: Review) -> dict[str, Any]:
    """What the page of an answered request shows."""
    world = request.app[WORLD]
    rests = timedelta(days=world.settings.consent.reask_days)
    until = max(view.record.latest.at for view in found.answered) + rests
    return {"answered": found.answered, "rests_until": until if until > world.clock.now() else None}


def to_the_word(request: web.Request, session: Session, form: Form) -> web.StreamResponse:
    """On to the second step of a yes to data of a special category."""
    kept = kept_of(form) | {OURS: mark_of(request, session)}
    return see_other(f"/requests/{request.match_info['request_id']}/word?{urlencode(kept)}")


async def after_login(request: web.Request, step: str = "/check") -> web.StreamResponse:
    """A login first, since the session has ended; then the choices as they were sent, to be checked.

    Nothing is recorded by it: after the login the person presses the button again. A word that was typed is
    not kept. Raises ``FormTokenInvalid`` for what another site sent.
    """
    check_origin(request)
    kept = kept_of(await form_of(request))
    own = f"/requests/{request.match_info['request_id']}"
    back = f"{own}{step}?{urlencode(kept)}"
    if not kept.get("shown") or len(back) > MAX_RETURN_CHARACTERS:
        back = own
    answer = see_other(
        f"/login?return_to={quote(back, safe='')}&ended={'choices' if back != own else 'page'}"
    )
    forget_session(request, answer)
    return answer
