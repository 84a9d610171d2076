"""``/me/withdraw``: end everything at once, or everything in one space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from aiohttp import web

from solidgate.errors import ConsentNotGiven, StoreUnavailable
from solidgate.flow import record as record_flow
from solidgate.flow import withdraw as withdraw_flow
from solidgate.flow.in_time import in_time
from solidgate.flow.record import ConsentView
from solidgate.flow.withdraw import Withdrawal
from solidgate.identity.login import Session
from solidgate.web.accept import HTML, JSON, chosen, wants_html
from solidgate.web.consents import has_ended
from solidgate.web.doors import person
from solidgate.web.forms import read_form
from solidgate.web.keys import WORLD
from solidgate.web.pages import render
from solidgate.web.represent import json_response, plain
from solidgate.web.session import session_of, session_to_withdraw


@person
async def page(request: web.Request) -> web.Response:
    """``GET /me/withdraw``: what would end; ``?space=`` narrows it to one space."""
    session, space_id = await session_of(request), request.query.get("space", "")
    found = await holding(request, session, space_id)
    return render(request, "withdraw_all.html", session=session, consents=found, space_id=space_id)


@person
async def withdraw_all(request: web.Request) -> web.Response:
    """``POST /me/withdraw``: all of them or none; 202 while an effect of one is in doubt.

    Whoever presses twice is told that nothing is left to withdraw: that is no error of theirs.
    ``space`` narrows it to one space, ``results=remove`` also takes the results out of the pod.
    """
    session = await session_to_withdraw(request)
    form = await read_form(request, session.session_id)  # no pace: nothing stands in the way of withdrawing
    space_id = form.get("space", "")
    try:
        ended = await withdraw_flow.withdraw_all(
            request.app[WORLD],
            session,
            space_id=space_id or None,
            remove_results=form.get("results") == "remove",
        )
    except ConsentNotGiven:
        if not wants_html(request):
            raise
        return render(request, "withdraw_all.html", session=session, consents=(), space_id=space_id)
    return await _ended(request, session, ended)


async def holding(request: web.Request, session: Session, space_id: str = "") -> Sequence[ConsentView]:
    """The person's consents that hold now, of one space if it is named."""
    views = await record_flow.mine(request.app[WORLD], session)
    held = [view for view in views if view.status.valid_for_processing]
    return [view for view in held if space_id in ("", view.space_id)]


async def _ended(request: web.Request, session: Session, ended: Sequence[Withdrawal]) -> web.Response:
    status = 200 if all(has_ended(one) for one in ended) else 202
    if chosen(request, [HTML, JSON]) == JSON:
        return json_response({"withdrawals": plain(ended)}, status=status)
    titles = await _titles(request, session)
    return render(
        request, "withdrawn_all.html", status=status, session=session, withdrawals=ended, titles=titles
    )


async def _titles(request: web.Request, session: Session) -> Mapping[str, Mapping[str, str]]:
    """What they are called; nothing while the store is away, since they are withdrawn all the same."""
    world = request.app[WORLD]
    with suppress(StoreUnavailable, TimeoutError):
        views = await in_time(record_flow.mine(world, session), world.settings.consent.store_seconds)
        return {view.record.consent_id: view.agreement.purpose(view.record.purpose).title for view in views}
    return {}
