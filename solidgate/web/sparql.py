"""``/spaces/{id}/sparql``: the SPARQL 1.1 Protocol, its query half, over the space's derived data."""

from __future__ import annotations

from aiohttp import web
from multidict import MultiMapping

from solidgate.errors import BodyInvalid, BodyTooLarge, QueryRefused
from solidgate.flow import query as query_flow
from solidgate.identity.login import Caller
from solidgate.query.negotiate import negotiate
from solidgate.query.results import ResultFormat
from solidgate.web.accept import HTML, TURTLE, best
from solidgate.web.callers import page_session, posting_caller
from solidgate.web.doors import person
from solidgate.web.forms import FORM, form_of, require_plain
from solidgate.web.keys import QUERIES, WORLD
from solidgate.web.pages import render
from solidgate.web.session import caller_of

_QUERY = "application/sparql-query"
_UPDATE = "application/sparql-update"
_DATASET = ("default-graph-uri", "named-graph-uri", "using-graph-uri", "using-named-graph-uri")
_DESCRIPTION = """@prefix sd: <http://www.w3.org/ns/sparql-service-description#> .
@prefix formats: <http://www.w3.org/ns/formats/> .
[] a sd:Service ;
    sd:endpoint <{endpoint}> ;
    sd:supportedLanguage sd:SPARQL11Query ;
    sd:resultFormat formats:SPARQL_Results_JSON, formats:SPARQL_Results_XML, formats:SPARQL_Results_CSV,
        formats:SPARQL_Results_TSV, formats:Turtle, formats:N-Triples ;
    sd:defaultDataset [ a sd:Dataset ; sd:defaultGraph [ a sd:Graph ] ] .
"""


@person
async def sparql_get(request: web.Request) -> web.Response:
    """``GET /spaces/{id}/sparql?query=``: a query; without one, a form or a description."""
    if "query" not in request.query and "update" not in request.query:
        return await _without_query(request)
    caller = await caller_of(request)
    return await _answer(request, caller, text_of(request.query), _accept(request))


@person
async def sparql_post(request: web.Request) -> web.Response:
    """``POST /spaces/{id}/sparql``: a query as a form field, or as the whole body."""
    caller = await posting_caller(request)
    if request.content_type == FORM:
        fields = await form_of(request)
        wanted = fields.get("format", "")
        accept = wanted or _accept(request)
        return await _answer(request, caller, text_of(fields), accept)
    if request.content_type == _UPDATE:
        raise QueryRefused("updates are not accepted")
    if request.content_type != _QUERY:
        raise BodyInvalid(f"the body must be {_QUERY} or {FORM}")
    refuse_dataset(request.query)
    try:
        text = (await request.read()).decode("utf-8")
    except UnicodeDecodeError as fault:
        raise BodyInvalid("the query is not UTF-8") from fault
    require_plain([text])
    return await _answer(request, caller, text, _accept(request))


def text_of(fields: MultiMapping[object]) -> str:
    """The one query of a request. Raises ``QueryRefused`` for an update or a dataset, ``BodyInvalid``."""
    refuse_dataset(fields)
    if "update" in fields:
        raise QueryRefused("updates are not accepted")
    queries = fields.getall("query", [])
    if len(queries) != 1:
        raise BodyInvalid("exactly one query is needed")
    return str(queries[0])


def refuse_dataset(fields: MultiMapping[object]) -> None:
    """Raises ``QueryRefused`` when the request names its own dataset (SPARQL 1.1 Protocol section 2.1.4)."""
    named = [name for name in _DATASET if name in fields]
    if named:
        raise QueryRefused(f"{', '.join(named)}: the dataset of this endpoint is fixed")


async def _answer(request: web.Request, caller: Caller, text: str, accept: str) -> web.Response:
    world = request.app[WORLD]
    limit = world.settings.query.max_query_bytes
    if len(text.encode()) > limit:
        raise BodyTooLarge(f"query.max_query_bytes = {limit}")
    space_id = request.match_info["space_id"]
    with request.app[QUERIES].turn(caller.webid):
        answer = await query_flow.query(world, caller, space_id, text, negotiate(accept))
    headers = {"Vary": "Accept", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(
        body=answer.content, content_type=answer.media_type.value, charset="utf-8", headers=headers
    )


async def _without_query(request: web.Request) -> web.Response:
    refuse_dataset(request.query)
    space_id = request.match_info["space_id"]
    endpoint = f"{request.app[WORLD].space_iri(space_id)}/sparql"
    wanted = best([_accept(request)], [TURTLE, HTML])
    if wanted == TURTLE:
        text = _DESCRIPTION.replace("{endpoint}", endpoint)
        return web.Response(text=text, content_type=TURTLE, headers={"Vary": "Accept"})
    if wanted != HTML:
        raise BodyInvalid("the parameter query is missing")
    session = await page_session(request)
    return render(
        request,
        "sparql.html",
        session=session,
        space_id=space_id,
        endpoint=endpoint,
        formats=[name.value for name in ResultFormat],
    )


def _accept(request: web.Request) -> str:
    return ",".join(request.headers.getall("Accept", ["*/*"]))
