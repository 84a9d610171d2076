"""solidgate as the issuer of its spaces' WebIDs, and as a client: documents that pods and issuers call back.

They are public, small and cacheable: a pod reads them while it checks a token, and an issuer reads the
Client ID Document at nearly every step of a login.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from aiohttp import web
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from solidgate.errors import SpaceNotFound
from solidgate.identity import client_document, jose
from solidgate.vocab import FOAF, PREFIXES, RDF, SOLID
from solidgate.web.accept import HTML, JSONLD, TURTLE, chosen
from solidgate.web.keys import WORLD
from solidgate.web.pages import render
from solidgate.web.represent import json_response

KEYS_SECONDS = 60
DOCUMENT_SECONDS = 300
# The documents hold nothing of a person's, so pages of any origin may read them.
_OPEN = {"Access-Control-Allow-Origin": "*"}


class PublicSpaces(Protocol):
    """What these documents need of the store."""

    async def public_keys(self) -> Sequence[Mapping[str, object]]: ...

    async def space_exists(self, space_id: str) -> bool: ...


async def openid_configuration(request: web.Request) -> web.Response:
    """``GET /.well-known/openid-configuration``: issuer and keys (OIDC Discovery section 3).

    There is no login here, so there is no authorization endpoint: tokens are minted by the worker alone.
    """
    public_url = request.app[WORLD].public_url
    document = {
        "issuer": public_url,
        "jwks_uri": f"{public_url}jwks",
        "response_types_supported": [],
        "grant_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["webid"],
        "claims_supported": ["webid", "sub", "iss", "aud", "iat", "exp", "jti", "cnf", "client_id"],
    }
    return json_response(document, headers=_cacheable(DOCUMENT_SECONDS))


async def jwks(request: web.Request) -> web.Response:
    """``GET /jwks``: the public keys of the spaces, and the key that signs receipts (RFC 7517 section 5)."""
    world = request.app[WORLD]
    spaces: PublicSpaces = world.store
    receipts = jose.signing_key(world.receipt_key).public_jwk
    keys = [*(dict(key) for key in await spaces.public_keys()), dict(receipts)]
    return json_response({"keys": keys}, headers=_cacheable(KEYS_SECONDS))


async def client(request: web.Request) -> web.Response:
    """``GET /client``: our Client ID Document (Solid-OIDC section 5.1), JSON-LD that is plain JSON too."""
    world = request.app[WORLD]
    document = client_document.client_id_document(world.public_url, world.settings.login.client_name)
    response = json_response(document, headers=_cacheable(DOCUMENT_SECONDS))
    response.content_type = JSONLD
    return response


async def agent(request: web.Request) -> web.Response:
    """``GET /spaces/{id}/agent``: the WebID document of a space. Raises ``SpaceNotFound``.

    Programs that ask for nothing in particular get Turtle: pods send ``*/*`` or long lists of RDF types.
    """
    world, space_id = request.app[WORLD], request.match_info["space_id"]
    spaces: PublicSpaces = world.store
    if not await spaces.space_exists(space_id):
        raise SpaceNotFound
    media_type = chosen(request, [TURTLE, JSONLD, HTML])
    webid = world.agent(space_id)
    if media_type == HTML:
        space = world.space_iri(space_id)
        return render(request, "agent.html", webid=webid, issuer=world.public_url, space=space)
    form = RdfFormat.TURTLE if media_type == TURTLE else RdfFormat.JSON_LD
    content = serialize(agent_triples(webid, world.public_url), format=form, prefixes=dict(PREFIXES))
    assert content is not None, "serialize returns bytes when it is given no output"
    headers = _cacheable(DOCUMENT_SECONDS) | {"Vary": "Accept"}
    return web.Response(body=content, content_type=media_type, charset="utf-8", headers=headers)


def agent_triples(webid: str, issuer: str) -> list[Triple]:
    """What a pod must find: who the agent is, and which issuer speaks for it, exactly as tokens spell it."""
    subject = NamedNode(webid)
    return [
        Triple(subject, RDF.type, FOAF.Agent),
        Triple(subject, FOAF.name, Literal("solidgate", language="en")),
        Triple(subject, SOLID.oidcIssuer, NamedNode(issuer)),
    ]


def _cacheable(seconds: int) -> dict[str, str]:
    return {"Cache-Control": f"public, max-age={seconds}", **_OPEN}
