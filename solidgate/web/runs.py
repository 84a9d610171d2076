"""``/spaces/{id}/runs`` and ``/spaces/{id}/results``: counts and group results, never who."""

from __future__ import annotations

from aiohttp import web

from solidgate.flow import run as run_flow
from solidgate.flow.run import RunView
from solidgate.web.accept import HTML, JSON, JSONLD, NTRIPLES, TURTLE, chosen, wants_html
from solidgate.web.callers import page_session, posting_caller
from solidgate.web.doors import person
from solidgate.web.keys import WORLD
from solidgate.web.pages import render, see_other
from solidgate.web.represent import json_response, rdf_of
from solidgate.web.session import caller_of


@person
async def runs(request: web.Request) -> web.Response:
    """``GET /spaces/{id}/runs``: the newest runs, newest first."""
    media_type = chosen(request, [HTML, JSON])
    space_id, caller = request.match_info["space_id"], await caller_of(request)
    found = await run_flow.listing(request.app[WORLD], caller, space_id)
    if media_type == JSON:
        return json_response({"runs": found})
    return render(request, "runs.html", session=await page_session(request), runs=found, space_id=space_id)


@person
async def start_run(request: web.Request) -> web.StreamResponse:
    """``POST /spaces/{id}/runs``: begin a run over everybody whose consent holds now; 202."""
    world, space_id = request.app[WORLD], request.match_info["space_id"]
    caller = await posting_caller(request)
    run_id = await run_flow.start(world, caller, space_id)
    own = f"/spaces/{space_id}/runs/{run_id}"
    if wants_html(request):
        return see_other(own)
    return json_response({"run_id": run_id}, status=202, headers={"Location": own})


@person
async def run(request: web.Request) -> web.Response:
    """``GET /spaces/{id}/runs/{run}``: how far it is, in counts."""
    media_type = chosen(request, [HTML, JSON])
    caller = await caller_of(request)
    found = await run_flow.show(
        request.app[WORLD], caller, request.match_info["space_id"], request.match_info["run_id"]
    )
    return await _shown(request, found, media_type)


@person
async def cancel_run(request: web.Request) -> web.Response:
    """``POST /spaces/{id}/runs/{run}/cancel``: stop what is under way; what is written stays."""
    media_type = chosen(request, [HTML, JSON])
    caller = await posting_caller(request)
    found = await run_flow.cancel(
        request.app[WORLD], caller, request.match_info["space_id"], request.match_info["run_id"]
    )
    return await _shown(request, found, media_type)


@person
async def results(request: web.Request) -> web.Response:
    """``GET /spaces/{id}/results``: the newest result about the group, once enough people are in it."""
    media_type = chosen(request, [TURTLE, NTRIPLES, JSONLD])
    caller = await caller_of(request)
    content = await run_flow.aggregate(request.app[WORLD], caller, request.match_info["space_id"])
    return rdf_of(content, NTRIPLES, media_type)


async def _shown(request: web.Request, found: RunView, media_type: str) -> web.Response:
    if media_type == JSON:
        return json_response(found)
    return render(request, "run.html", session=await page_session(request), run=found)
