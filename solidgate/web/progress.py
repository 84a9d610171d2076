"""``/consents/{id}/events`` and ``/spaces/{id}/runs/{run}/events``: progress as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from solidgate.flow import progress
from solidgate.flow.happened import ActivityLine
from solidgate.web import words, words_of_ends
from solidgate.web.doors import person
from solidgate.web.keys import WORLD
from solidgate.web.language import Language, language_of
from solidgate.web.session import caller_of, session_of
from solidgate.web.streams import Message, last_event_id, send


@person
async def consent_events(request: web.Request) -> web.StreamResponse:
    """``GET /consents/{id}/events``: each thing that is done with it, as it is done."""
    session = await session_of(request)
    found = progress.events(
        request.app[WORLD], session, request.match_info["consent_id"], last_event_id(request)
    )
    return await send(request, session.session_id, _lines(found, language_of(request)))


@person
async def run_events(request: web.Request) -> web.StreamResponse:
    """``GET /spaces/{id}/runs/{run}/events``: the counts, whenever they change; never who."""
    caller = await caller_of(request)
    found = progress.run_events(
        request.app[WORLD],
        caller,
        request.match_info["space_id"],
        request.match_info["run_id"],
        last_event_id(request),
    )
    return await send(request, caller.webid, _counts(found))


async def _lines(
    found: AsyncIterator[progress.ProgressEvent | None], language: Language
) -> AsyncIterator[Message | None]:
    async for one in found:
        if one is None:
            yield None
            continue
        text = words.activity(ActivityLine(one.at, one.action, one.run, one.outcome), language)
        data = {"at": one.at, "action": one.action, "text": text, "run": one.run, "outcome": one.outcome}
        data["told"] = words_of_ends.told(one.outcome, one.reached, language)
        yield Message(one.id, "activity", data)


async def _counts(found: AsyncIterator[progress.RunProgress | None]) -> AsyncIterator[Message | None]:
    async for one in found:
        yield None if one is None else Message(one.id, "run", {"run": one.run})
