"""Inrupt's own JavaScript clients against the double of their server: an outside proof that it speaks as ESS.

They run over https with an authority of the double's own, as against a real deployment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyoxigraph
import pytest

from solidgate.testing.css import CommunityServer
from solidgate.testing.ess import EssDouble, EssPerson, Odd, jsonld
from solidgate.testing.ess.visitor import Visitor
from solidgate.testing.inrupt import ClientRefused, InruptClient

PURPOSE = "https://purpose.example/energy-advice"
CALLBACK = "https://app.example/callback?run=1"


@dataclass
class Scene:
    """Alice owns a document; the hub's client asks for it. ``left`` is what the test leaves behind."""

    ess: EssDouble
    alice: EssPerson
    hub: EssPerson
    url: str
    left: AsyncExitStack
    client: InruptClient = field(init=False)

    async def client_of(self, person: EssPerson) -> InruptClient:
        client = await self.left.enter_async_context(InruptClient(self.ess.ca_file))
        webid = await client.login(self.ess.openid_url, person.client_id, person.client_secret)
        assert webid == person.webid
        return client

    async def request(self, **wanted: Any) -> dict[str, Any]:
        wish = {
            "access": {"read": True},
            "resourceOwner": self.alice.webid,
            "resources": [self.url],
            "purpose": [PURPOSE],
            "expires": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
            "endpoint": self.ess.vc_url,
            **wanted,
        }
        return await self.client.do("request", **wish)

    async def granted(self, **wanted: Any) -> str:
        request = await self.request(**wanted)
        return self.ess.approve(request["id"])["id"]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with AsyncExitStack() as left:
        ess = await left.enter_async_context(EssDouble(tls=True))
        alice, hub = ess.add_person("alice"), ess.add_person("hub")
        url = f"{alice.pod}energy/a.ttl"
        ess.put(url, b"<#r> <https://schema.org/value> 42 .")
        made = Scene(ess, alice, hub, url, left)
        made.client = await made.client_of(hub)
        yield made


class Fields(HTMLParser):
    """The inputs of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "input" and named.get("name"):
            self.found.append((str(named["name"]), str(named.get("value") or "")))


async def test_from_the_request_to_the_file_and_the_revocation(scene: Scene) -> None:
    request = await scene.request()
    assert await scene.client.do("page", owner=scene.alice.webid) == scene.ess.access_ui_url
    page = await scene.client.do(
        "redirect", request=request["id"], owner=scene.alice.webid, callback=CALLBACK
    )
    async with Visitor(scene.ess) as browser:
        shown = (await browser.call("GET", page)).body.decode()
        form = [*Fields(shown).found, ("answer", "approve")]
        back = (await browser.call("POST", scene.ess.access_ui_url, data=form)).headers["Location"]
    assert parse_qs(urlsplit(back).query)["run"] == ["1"]
    grant = await scene.client.do("callback", url=back)
    said = await scene.client.do("grant", id=grant["id"])
    assert (said["owner"], said["requestor"]) == (scene.alice.webid, scene.hub.webid)
    assert (said["resources"], said["purposes"]) == ([scene.url], [PURPOSE])
    assert said["modes"] == {"read": True, "write": False, "append": False}
    assert (await scene.client.do("valid", id=grant["id"]))["errors"] == []
    file = await scene.client.do("file", url=scene.url, grant=grant["id"])
    assert file == {"type": "text/turtle", "text": "<#r> <https://schema.org/value> 42 ."}
    things = await scene.client.do("dataset", url=scene.url, grant=grant["id"])
    assert things[f"{scene.url}#r"]["https://schema.org/value"][0]["value"] == "42"
    owner = await scene.client_of(scene.alice)
    await owner.do("revoke", id=grant["id"])
    assert "revoked" in (await scene.client.do("valid", id=grant["id"]))["errors"][0]
    with pytest.raises(ClientRefused, match="No access token"):
        await scene.client.do("file", url=scene.url, grant=grant["id"])


async def test_the_owner_approves_narrows_and_denies_with_their_client_too(scene: Scene) -> None:
    owner, request = (
        await scene.client_of(scene.alice),
        await scene.request(access={"read": True, "write": True}),
    )
    override = {"access": {"read": True}}
    grant = await owner.do(
        "approve", request=request["id"], override=override, accessEndpoint=scene.ess.vc_url
    )
    assert grant["credentialSubject"]["providedConsent"]["mode"] == ["Read"]
    assert b"solid/vc#SolidAccessGrant" in (scene.ess.acr(scene.url) or b"")
    file = await scene.client.do("file", url=scene.url, grant=grant["id"])
    assert "42" in file["text"]
    with pytest.raises(ClientRefused):
        await scene.client.do("overwrite", url=scene.url, grant=grant["id"], text="x", type="text/plain")
    refused = await scene.request()
    denial = await owner.do("deny", request=refused["id"], accessEndpoint=scene.ess.vc_url)
    said = await scene.client.do("grant", id=denial["id"])
    assert "SolidAccessDenial" in said["types"]
    with pytest.raises(ClientRefused, match="No access token"):
        await scene.client.do("file", url=scene.url, grant=denial["id"])
    cancelled = await scene.request()
    await scene.client.do("cancel", id=cancelled["id"])
    assert scene.ess.vault.is_revoked(cancelled["id"])


async def test_writing_with_a_grant(scene: Scene) -> None:
    folder = f"{scene.alice.pod}results/"
    scene.ess.put(f"{folder}old.txt", b"old", "text/plain")
    grant = await scene.granted(access={"read": True, "write": True, "append": True}, resources=[folder])
    saved = await scene.client.do(
        "save", container=folder, grant=grant, text="<#n> a <#N> .", type="text/turtle", slug="n.ttl"
    )
    assert saved == f"{folder}n.ttl" and scene.ess.get(saved) == b"<#n> a <#N> ."
    await scene.client.do("overwrite", url=f"{folder}old.txt", grant=grant, text="new", type="text/plain")
    assert scene.ess.get(f"{folder}old.txt") == b"new"
    assert f"{saved}#n" in await (await scene.client_of(scene.alice)).read(saved)


async def test_queries_and_pages(scene: Scene) -> None:
    requests = [(await scene.request())["id"] for _ in range(3)]
    grants = [scene.ess.approve(request)["id"] for request in requests[:2]]
    endpoint = f"{scene.ess.vc_url}/query"
    asked = {"type": "SolidAccessRequest", "pageSize": 2}
    assert await scene.client.do("query", filter=asked, endpoint=endpoint) == [requests[:2], requests[2:]]
    active = {"type": "SolidAccessGrant", "status": "Active", "fromAgent": scene.alice.webid}
    assert await scene.client.do("query", filter=active, endpoint=endpoint) == [grants]
    scene.ess.revoke(grants[0])
    assert await scene.client.do("query", filter=active, endpoint=endpoint) == [grants[1:]]
    derived = await scene.client.do("derive", shape={"resource": scene.url}, endpoint=scene.ess.vc_url)
    assert set(grants) <= set(derived)


SHAPES = [
    Odd.SCALARS,
    Odd.INHERIT_AS_TEXT,
    Odd.SHORT_NAMES,
    Odd.LONG_NAMES,
    Odd.PREFIXED_NAMES,
    Odd.OLD_CONTEXT,
    Odd.EXPIRES_AS_TEXT,
    Odd.UMA_FIRST,
    Odd.SPLIT_CHALLENGE,
    Odd.MISSING_ETAG,
    Odd.WEAK_ETAG,
    Odd.BARE_PROOF_VALUE,
]


async def test_the_triples_are_those_that_their_client_reads(scene: Scene) -> None:
    """Each known shape means the same, to their client with the published contexts and to our copies."""
    for kind in (None, *SHAPES):
        scene.ess.behave()
        if kind is not None:
            scene.ess.misbehave(kind)
        grant = scene.ess.approve((await scene.request(inherit=False))["id"])
        said = await scene.client.do("grant", id=grant["id"])
        meant = (said["requestor"], said["modes"]["read"], said["inherit"])
        assert meant == (scene.hub.webid, True, False), kind
        file = await scene.client.do("file", url=scene.url, grant=grant["id"])
        assert "42" in file["text"], kind
        theirs = await scene.client.do("quads", document=grant)
        assert canonical(theirs) == jsonld.canonical(grant), kind


async def test_what_their_released_client_does_not_take(scene: Scene) -> None:
    """Java's client writes older names of the requestor; ``verifiedRequest`` is newer than their context."""
    for kind in (Odd.PROVIDED_TO_PERSON, Odd.PROVIDED_TO_CONTROLLER):
        scene.ess.behave()
        scene.ess.misbehave(kind)
        grant = scene.ess.approve((await scene.request())["id"])
        with pytest.raises(ClientRefused, match="not an Access Grant"):
            await scene.client.do("grant", id=grant["id"])
        assert canonical(await scene.client.do("quads", document=grant)) == jsonld.canonical(grant)
    scene.ess.behave()
    scene.ess.misbehave(Odd.VERIFIED_REQUEST)
    grant = scene.ess.approve((await scene.request())["id"])
    ours = jsonld.canonical(grant).splitlines()
    theirs = canonical(await scene.client.do("quads", document=grant)).splitlines()
    assert (len(ours) - len(theirs), sum(b"vc#verifiedRequest" in line for line in ours)) == (1, 1)
    assert (await scene.client.do("valid", id=grant["id"]))["errors"] == []


async def test_their_triples_of_the_revocation_list_and_of_a_presentation(scene: Scene) -> None:
    presentation = {
        "@context": [jsonld.CREDENTIALS],
        "type": ["VerifiablePresentation"],
        "holder": scene.ess.vc_url,
    }
    for document in (scene.ess.vault.revocation_list(), presentation):
        theirs = await scene.client.do("quads", document=document)
        assert canonical(theirs) == jsonld.canonical(document)


def canonical(quads: list[list[dict[str, Any]]]) -> bytes:
    """Quads of the client, canonical."""
    dataset = pyoxigraph.Dataset(pyoxigraph.Quad(*(term(one) for one in quad)) for quad in quads)  # type: ignore[arg-type]
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    lines = pyoxigraph.serialize(dataset, format=pyoxigraph.RdfFormat.N_QUADS).splitlines(keepends=True)
    return b"".join(sorted(lines))


def term(found: dict[str, Any]) -> object:
    if found["termType"] == "NamedNode":
        return pyoxigraph.NamedNode(found["value"])
    if found["termType"] == "BlankNode":
        return pyoxigraph.BlankNode(found["value"].replace("-", "x"))
    if found["termType"] == "DefaultGraph":
        return pyoxigraph.DefaultGraph()
    return pyoxigraph.Literal(found["value"], datatype=pyoxigraph.NamedNode(found["datatype"]))


async def test_their_discovery_reads_only_the_first_scheme(scene: Scene) -> None:
    """Why a client of ours must parse every challenge: theirs gives up on the order that ESS uses."""
    with pytest.raises(ClientRefused, match="Invalid scheme Bearer"):
        await scene.client.do("endpoint", resource=scene.url)
    scene.ess.misbehave(Odd.UMA_FIRST)
    assert await scene.client.do("endpoint", resource=scene.url) == scene.ess.vc_url


async def test_their_reader_on_a_community_server(community: Any) -> None:
    """The same reader against the real thing: any pod's Turtle, as its owner."""
    server, person = community.server, community.people[0]
    assert isinstance(server, CommunityServer)
    async with InruptClient() as client:
        credentials = person.credentials
        webid = await client.login(person.issuer, credentials.client_id, credentials.secret)
        assert webid == person.webid
        found = await client.read(person.webid)
    issuers = found[person.webid]["http://www.w3.org/ns/solid/terms#oidcIssuer"]
    assert [one["value"] for one in issuers] == [person.issuer]
