"""``/requests/{id}/language``: the question in another language, with what was chosen on it so far.

The languages of a page with a form are buttons of that form, so that they bring along what is filled in and
not yet sent. Where a form is sent with GET, they lead to the page itself; this is where the others lead.
"""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from solidgate.errors import LoginNeeded, SessionExpired
from solidgate.web import steps
from solidgate.web.accept import wants_html
from solidgate.web.answer_form import ANSWER, OURS, STORAGE, kept_of
from solidgate.web.doors import person
from solidgate.web.forms import read_form
from solidgate.web.own_choices import mark_of
from solidgate.web.pages import see_other
from solidgate.web.session import session_of


@person
async def speak(request: web.Request) -> web.StreamResponse:
    """``POST /requests/{id}/language``: the same question; nothing is recorded, and no answer goes along.

    With ``?step=storage`` the choice of a pod, with the one that is picked.
    """
    step = "/storage" if request.query.get("step") == "storage" else ""
    try:
        session = await session_of(request)
    except (LoginNeeded, SessionExpired):
        if not wants_html(request):
            raise
        return await steps.after_login(request, step)
    form = await read_form(request, session.session_id)
    picked = {STORAGE: form[STORAGE]} if STORAGE in form else {}
    kept = picked | {name: text for name, text in kept_of(form).items() if not name.startswith(ANSWER)}
    asked = kept | {OURS: mark_of(request, session), "lang": form.get("lang", "")}
    return see_other(f"/requests/{request.match_info['request_id']}{step}?{urlencode(asked)}")
