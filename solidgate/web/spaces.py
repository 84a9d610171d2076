"""``/spaces``: what a space is, its agreement, its program and its approvals; invitations to it."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from aiohttp import web

from solidgate.errors import BodyInvalid, BodyTooLarge
from solidgate.flow import invite as invite_flow
from solidgate.flow import space as space_flow
from solidgate.flow.space import SpaceView
from solidgate.space.agreement import to_json
from solidgate.web.accept import HTML, JSON, JSONLD, TURTLE, chosen
from solidgate.web.callers import body_of, posting_caller
from solidgate.web.keys import WORLD
from solidgate.web.label import label_rows
from solidgate.web.language import language_of, mark
from solidgate.web.pages import render
from solidgate.web.represent import json_response, plain, rdf_response, space_plain, space_triples

_FORMS = [HTML, JSON, TURTLE, JSONLD]
_DAYS = 14


async def spaces(request: web.Request) -> web.Response:
    """``GET /spaces``: the open spaces."""
    media_type = chosen(request, _FORMS)
    found = await space_flow.all_open(request.app[WORLD])
    if media_type == JSON:
        return json_response({"spaces": [space_plain(space) for space in found]})
    if media_type != HTML:
        return rdf_response([triple for space in found for triple in space_triples(space)], media_type)
    return render(request, "spaces.html", spaces=found)


async def space(request: web.Request) -> web.Response:
    """``GET /spaces/{id}``: one space."""
    media_type = chosen(request, _FORMS)
    found = await _space(request)
    if media_type == JSON:
        return json_response(space_plain(found))
    if media_type != HTML:
        return rdf_response(space_triples(found), media_type)
    public_url = request.app[WORLD].public_url
    rows = label_rows(found.agreement, found.approvals, language_of(request), public_url)
    return render(request, "space.html", space=found, rows=rows)


async def agreement(request: web.Request) -> web.Response:
    """``GET /spaces/{id}/agreement``: the terms that hold now, in the very bytes that are hashed."""
    media_type = chosen(request, [HTML, JSON])
    found = await _space(request)
    content = to_json(found.agreement)
    if media_type == HTML:
        return _facts(request, mark("The agreement"), "agreement", orjson.loads(content))
    headers = {"Vary": "Accept", "ETag": f'"{found.agreement_digest}"', "Cache-Control": "no-cache"}
    return web.Response(body=content, content_type=JSON, charset="utf-8", headers=headers)


async def algorithm(request: web.Request) -> web.Response:
    """``GET /spaces/{id}/algorithm``: digest, manifest and files of the program, each with its own digest."""
    media_type = chosen(request, [HTML, JSON])
    program = await space_flow.algorithm(request.app[WORLD], request.match_info["space_id"])
    files = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(program.files.items())}
    facts = {"digest": program.digest, "manifest": plain(program.manifest), "files": files}
    if media_type == JSON:
        return json_response(facts)
    return _facts(request, mark("The program"), "algorithm", facts)


async def submit_algorithm(request: web.Request) -> web.Response:
    """``POST /spaces/{id}/algorithm``: the code provider's package, as packed by the CLI."""
    world, space_id = request.app[WORLD], request.match_info["space_id"]
    caller = await posting_caller(request)
    package = await _package(request, world.settings.server.max_package_bytes)
    digest = await space_flow.submit_algorithm(world, caller, space_id, package)
    headers = {"Location": f"/spaces/{space_id}/algorithm"}
    return json_response({"digest": digest}, status=201, headers=headers)


async def approvals(request: web.Request) -> web.Response:
    """``GET /spaces/{id}/approvals``: which party approved what, and what is still missing."""
    media_type = chosen(request, [HTML, JSON])
    found = await _space(request)
    facts = {"approvals": plain(found.approvals), "missing": list(found.missing)}
    if media_type == JSON:
        return json_response(facts)
    return _facts(request, mark("Approvals"), "approvals", facts)


async def approve(request: web.Request) -> web.Response:
    """``POST /spaces/{id}/approvals``: a party's yes or no to exactly these terms and this program."""
    caller = await posting_caller(request)
    sent = await body_of(request, "agreement_digest", "algorithm_digest", "decision")
    if sent["decision"] not in ("approve", "reject"):
        raise BodyInvalid("decision must be approve or reject")
    approval = await space_flow.approve(
        request.app[WORLD], caller, request.match_info["space_id"], **{name: str(sent[name]) for name in sent}
    )
    return json_response(approval, status=201)


async def invite(request: web.Request) -> web.Response:
    """``POST /spaces/{id}/invitations``: a new link. It is shown once; only its hash is kept."""
    world, space_id = request.app[WORLD], request.match_info["space_id"]
    caller = await posting_caller(request)
    sent = await body_of(request, uses=1, days=_DAYS)
    token = await invite_flow.invite(
        world, caller, space_id, uses=_whole(sent, "uses"), days=_whole(sent, "days")
    )
    link = f"{world.public_url}join/{token}"
    return json_response({"token": token, "link": link}, status=201, headers={"Location": link})


async def _space(request: web.Request) -> SpaceView:
    return await space_flow.show(request.app[WORLD], request.match_info["space_id"])


def _facts(request: web.Request, heading: str, name: str, facts: Any) -> web.Response:
    back = f"/spaces/{request.match_info['space_id']}"
    return render(
        request,
        "facts.html",
        heading=language_of(request).text(heading),
        facts=facts,
        own=f"{back}/{name}",
        back=back,
        forms=[(".json", "JSON")],
    )


def _whole(sent: dict[str, Any], name: str) -> int:
    try:
        return int(str(sent[name]))
    except ValueError:
        raise BodyInvalid(f"{name} must be a whole number") from None


async def _package(request: web.Request, limit: int) -> bytes:
    """The body, which may be larger than other bodies: read in pieces up to its own limit."""
    content = bytearray()
    async for piece in request.content.iter_chunked(64 * 1024):
        content += piece
        if len(content) > limit:
            raise BodyTooLarge(f"server.max_package_bytes = {limit}")
    if not content:
        raise BodyInvalid("the package is empty")
    return bytes(content)
