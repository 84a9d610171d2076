"""RDF as it is asked for, and as SPARQL Update changes it."""

from __future__ import annotations

from aiohttp import web
from pyoxigraph import DefaultGraph, RdfFormat, Store, parse, serialize

from solidgate.testing.ess.host import Problem

FORMATS = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD,
}


def updated(content: bytes, url: str, text: str) -> bytes:
    """The triples after a SPARQL Update, as N-Triples. A refusal when it does not parse."""
    store = Store()
    store.extend(parse(content, format=RdfFormat.TURTLE, base_iri=url))
    try:
        store.update(text, base_iri=url)
    except SyntaxError as broken:
        raise Problem(400, "The update does not parse.") from broken
    return store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()) or b""


def negotiated(content: bytes, kind: str, accept: str, url: str) -> tuple[bytes, str]:
    """The representation that was asked for; RDF is written anew, anything else is as it is."""
    wanted = [one.partition(";")[0].strip() for one in accept.split(",")]
    if kind in wanted or "*/*" in wanted or f"{kind.partition('/')[0]}/*" in wanted:
        return content, kind
    other = next((one for one in wanted if one in FORMATS), None)
    if kind not in FORMATS or other is None:
        raise Problem(406, "The resource has no such representation.")
    quads = parse(content, format=FORMATS[kind], base_iri=url)
    return serialize(quads, format=FORMATS[other]) or b"", other


async def body_of(request: web.Request) -> tuple[bytes, str]:
    """The body and its media type, which it must name."""
    if "Content-Type" not in request.headers and request.can_read_body:
        raise Problem(400, "A body needs a media type.")
    return await request.read(), request.content_type


async def update_text(request: web.Request) -> str:
    """A SPARQL Update. A refusal for every other form of change, N3 patches too."""
    if request.content_type != "application/sparql-update":
        accepted = [("Accept-Patch", "application/sparql-update")]
        raise Problem(415, "Changes are sent as SPARQL Update.", headers=accepted)
    return await request.text()
