"""Pages for people: one way to render a template, in the language of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from yarl import URL

from solidgate.identity.login import Session
from solidgate.settings import Consent
from solidgate.web import words, words_of_ends
from solidgate.web.forms import TOKEN_FIELD, form_token
from solidgate.web.keys import PACES, QUERIES, REQUEST_ID, WORLD
from solidgate.web.language import LANGUAGES, Language, language_of, remember
from solidgate.web.limits import Turns, paces_of
from solidgate.web.session import browser_of, has_session, new_browser, session_cookie, set_browser
from solidgate.web.statics import address

AUTHORITIES = "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en"
"""The European Data Protection Board's list of its members, with the address of each."""

_VARY = "Accept, Accept-Language, Cookie"
# Where a login leads, and the filters of pages.
_KEPT = ("return_to", "space", "show", "type", "from", "to", "consent", "all")


def set_up_pages(app: web.Application) -> None:
    """Give the application its templates and its counts; call once, after ``app[WORLD]`` is set."""
    loader = jinja2.PackageLoader("solidgate.web", "templates")
    environment = aiohttp_jinja2.setup(
        app, loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(fixed_words(app[WORLD].settings.consent))
    environment.globals["own_page"] = f"{app[WORLD].public_url}me"
    app[PACES] = paces_of(app[WORLD].settings)
    app[QUERIES] = Turns(app[WORLD].settings.query.per_caller)


def fixed_words(consent: Consent | None = None) -> dict[str, Any]:
    """What every template may use, whatever the request; without settings, any country's authority."""
    found = {
        "static": address,
        "languages": LANGUAGES,
        "words": words,
        "words_of_ends": words_of_ends,
        "token_field": TOKEN_FIELD,
    }
    return found | {"own_page": "", "authority": authority_of(consent or Consent())}


def authority_of(consent: Consent) -> tuple[str, str]:
    """(name, page) of whom people may complain to; without a name, the page lists those of all countries."""
    return consent.authority_name.strip(), consent.authority_url if consent.authority_name else AUTHORITIES


def page_words(language: Language) -> dict[str, Any]:
    """What every template may use, in one language."""
    return {"language": language, "_": language.text}


def render(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    session: Session | None = None,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> web.Response:
    """A page that no cache keeps. Forms on it carry the token of the session, or of ``before_login``."""
    context = page_words(language_of(request)) | {
        "request": request,
        "status": status,
        "session": session,
        "form_token": form_token(session.session_id) if session else "",
        "leave_token": form_token(session_cookie(request)) if has_session(request) else "",
        "switch": language_links(request),
        "request_number": request.get(REQUEST_ID, "") if status >= 400 else "",
    }
    response = aiohttp_jinja2.render_template(template, request, context | values, status=status)
    response.headers.update({"Vary": _VARY, "Cache-Control": "no-store", **(headers or {})})
    response.headers["Content-Language"] = language_of(request).tag
    remember(request, response)
    return response


def render_before_login(request: web.Request, template: str, **values: Any) -> web.Response:
    """A page whose forms are bound to the browser's secret; a browser without one gets one."""
    secret = browser_of(request) or new_browser()
    response = render(request, template, **({"form_token": form_token(secret)} | values))
    set_browser(request, response, secret)
    return response


def see_other(place: str) -> web.Response:
    """303: look there now, with GET (RFC 9110 section 15.4.4); kept by no cache."""
    return web.Response(status=303, headers={"Location": place, "Cache-Control": "no-store"})


def language_links(request: web.Request, place: str = "") -> dict[str, str]:
    """This page in each language; of the query only ``_KEPT`` is kept, so that no code is repeated.

    What answers a form may have no page to read again: then ``place`` is where the links lead.
    """
    if place:
        return {tag: str(URL(place).update_query(lang=tag)) for tag in LANGUAGES}
    kept = {name: request.query[name] for name in _KEPT if name in request.query}
    return {tag: str(request.rel_url.with_query({**kept, "lang": tag})) for tag in LANGUAGES}
