"""Values of the flow as JSON and RDF, for callers that are programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

import orjson
from aiohttp import web
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse, serialize

from solidgate.flow.record import ConsentView
from solidgate.flow.space import SpaceView
from solidgate.vocab import DCT, PREFIXES, RDF, SG
from solidgate.web.accept import JSON, JSONLD, NTRIPLES, TURTLE

RDF_FORMATS: Mapping[str, RdfFormat] = {
    TURTLE: RdfFormat.TURTLE,
    NTRIPLES: RdfFormat.N_TRIPLES,
    JSONLD: RdfFormat.JSON_LD,
}
_HEADERS = {"Vary": "Accept", "Cache-Control": "no-store"}


def plain(value: Any) -> Any:
    """Dataclasses, enumerations, sets and times as JSON knows them."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, (datetime, date)) else value


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """One JSON document."""
    body = orjson.dumps(plain(value), option=orjson.OPT_APPEND_NEWLINE)
    return web.Response(
        body=body, status=status, content_type=JSON, charset="utf-8", headers={**_HEADERS, **(headers or {})}
    )


def rdf_response(triples: Iterable[Triple], media_type: str) -> web.Response:
    """A graph in one of ``RDF_FORMATS``."""
    content = serialize(triples, format=RDF_FORMATS[media_type], prefixes=dict(PREFIXES))
    assert content is not None, "serialize returns bytes when it is given no output"
    return web.Response(body=content, content_type=media_type, charset="utf-8", headers=_HEADERS)


def rdf_of(content: bytes, source: str, media_type: str) -> web.Response:
    """A document of ours, turned from ``source`` into ``media_type``; byte for byte when they are equal."""
    if source == media_type:
        return web.Response(body=content, content_type=media_type, charset="utf-8", headers=_HEADERS)
    triples = [quad.triple for quad in parse(content, format=RDF_FORMATS[source])]
    return rdf_response(triples, media_type)


def space_triples(space: SpaceView) -> list[Triple]:
    """What everybody may know of a space. ``dct:identifier dct:title sg:currentTerms sg:termsDigest``."""
    subject, agreement = NamedNode(space.iri), NamedNode(f"{space.iri}/agreement")
    found = [
        Triple(subject, RDF.type, SG.CollaborationSpace),
        Triple(subject, DCT.identifier, Literal(space.space_id)),
        Triple(subject, SG.participant, NamedNode(space.agent)),
        Triple(subject, SG.currentTerms, agreement),
        Triple(agreement, RDF.type, SG.Terms),
        Triple(agreement, SG.termsDigest, Literal(space.agreement_digest)),
    ]
    found += [Triple(subject, DCT.title, Literal(text, language=tag)) for tag, text in space.title.items()]
    return found


def space_plain(space: SpaceView) -> dict[str, Any]:
    """A space for JSON: everything but the texts of the agreement, which has its own address."""
    return {
        "id": space.space_id,
        "iri": space.iri,
        "title": dict(space.title),
        "state": space.state,
        "agent": space.agent,
        "agreement": f"{space.iri}/agreement",
        "agreement_digest": space.agreement_digest,
        "algorithm_digest": space.agreement.algorithm,
        "missing_approvals": list(space.missing),
        "endpoint": f"{space.iri}/sparql",
    }


def consent_plain(view: ConsentView) -> dict[str, Any]:
    """A consent for its own person's programs; ``last_read`` and ``last_run`` are null until there is one."""
    purpose, last = view.agreement.purpose(view.record.purpose), view.last_run
    return {
        "id": view.record.consent_id,
        "status": view.status.value,
        "who": [
            {"name": party.name, "webid": party.webid, "roles": plain(party.roles)}
            for party in view.agreement.parties
        ],
        "purpose": {"id": purpose.id, "title": dict(purpose.title)},
        "until": plain(view.record.latest.until),
        "last_read": plain(view.last_read),
        "last_run": last
        and {"id": last.run, "at": plain(last.at), "state": last.action, "outcome": last.outcome},
        "door": view.door.value if view.door else None,
        "door_problem": view.door_problem,
        "access": plain(view.access),
        "record": plain(view.record),
        "receipt": view.receipt,
        "receipt_url": view.receipt_url,
        "receipt_problem": view.receipt_problem,
        "results": plain(view.results),
    }


def consents_plain(views: Sequence[ConsentView]) -> dict[str, Any]:
    """All consents of one person."""
    return {"consents": [consent_plain(view) for view in views]}
