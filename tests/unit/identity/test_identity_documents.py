"""What pods and issuers read from us, over HTTP; and the keys of spaces, sealed at rest."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pyoxigraph import NamedNode, RdfFormat, parse

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.errors import AuthorizationServerUntrusted, SealBroken
from solidgate.flow.world import World
from solidgate.identity import access_token, dpop, jose
from solidgate.testing.relying import MemorySpaces, relying_party
from solidgate.vocab import SOLID

SEAL = bytes(range(32))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with relying_party() as made:
        yield made


async def test_discovery_and_keys_fit_together(world: World) -> None:
    keys = SealedEnclaveKeys(world.store, SEAL, world.clock, world.public_url)
    public = await keys.ensure("s1")
    published = await world.issuers.signing_keys(world.public_url)
    receipt = jose.signing_key(world.receipt_key)
    assert {key["kid"] for key in published} == {public["kid"], receipt.kid}
    assert all(jose.PRIVATE_MEMBERS.isdisjoint(key) for key in published)
    assert {key["alg"] for key in published} == {"ES256", "EdDSA"}


@pytest.mark.parametrize(
    ("accept", "form"), [("*/*", RdfFormat.TURTLE), ("text/turtle", RdfFormat.TURTLE),
                         ("application/ld+json", RdfFormat.JSON_LD)]
)  # fmt: skip
async def test_the_webid_document_of_a_space(world: World, accept: str, form: RdfFormat) -> None:
    await SealedEnclaveKeys(world.store, SEAL, world.clock, world.public_url).ensure("s1")
    url = world.agent("s1").partition("#")[0]
    reply = await world.fetcher.fetch("GET", url, headers={"Accept": accept}, max_bytes=65536)
    triples = [quad.triple for quad in parse(reply.content, form)]
    issuers = [t.object.value for t in triples if t.predicate == SOLID.oidcIssuer]
    assert issuers == [world.public_url]
    assert {t.subject for t in triples} == {NamedNode(world.agent("s1"))}
    assert "public" in reply.headers["Cache-Control"]


async def test_our_client_document(world: World) -> None:
    reply = await world.fetcher.fetch("GET", f"{world.public_url}client", max_bytes=16384)
    document = json.loads(reply.content)
    assert document["client_id"] == f"{world.public_url}client"
    assert document["redirect_uris"] == [f"{world.public_url}callback"]
    assert "offline_access" not in document["scope"]
    assert document["token_endpoint_auth_method"] == "none"


async def test_a_spaces_access_renews_itself() -> None:
    keys = SealedEnclaveKeys(MemorySpaces(), SEAL, SystemClock(), "https://gate.example/")
    access = await keys.access_for("s1")
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def token(seconds: int) -> str:
        moment = start + timedelta(seconds=seconds)
        return access.headers("GET", "https://pod.example/x", moment)["Authorization"]

    assert token(0) == token(239) != token(240)
    claims = jose.parse(token(240).removeprefix("DPoP ")).claims
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iss"] == "https://gate.example/"
    assert claims["webid"] == access.webid == "https://gate.example/spaces/s1/agent#it"
    assert claims["aud"] == "solid"


async def test_keys_survive_a_restart_and_differ_by_space() -> None:
    store = MemorySpaces()
    first = SealedEnclaveKeys(store, SEAL, SystemClock(), "https://gate.example/")
    public = await first.ensure("s1")
    again = SealedEnclaveKeys(store, SEAL, SystemClock(), "https://gate.example/")
    assert await again.ensure("s1") == public
    assert (await again.ensure("s2"))["kid"] != public["kid"]


async def test_a_sealed_key_opens_for_its_space_and_seal_only() -> None:
    store = MemorySpaces()
    await SealedEnclaveKeys(store, SEAL, SystemClock(), "https://gate.example/").ensure("s1")
    with pytest.raises(SealBroken):
        await SealedEnclaveKeys(store, bytes(32), SystemClock(), "https://gate.example/").ensure("s1")
    store.kept["s2"] = store.kept["s1"]
    with pytest.raises(SealBroken):
        await SealedEnclaveKeys(store, SEAL, SystemClock(), "https://gate.example/").ensure("s2")


async def test_the_private_key_is_nowhere_in_the_store() -> None:
    store = MemorySpaces()
    keys = SealedEnclaveKeys(store, SEAL, SystemClock(), "https://gate.example/")
    await keys.ensure("s1")
    public, sealed = store.kept["s1"]
    private = (await keys._key("s1")).private_jwk["d"]
    assert private not in json.dumps(dict(public))
    assert private.encode() not in sealed


def test_a_stored_access_comes_back_whole() -> None:
    key = jose.generate_key("ES256")
    kept = dpop.DpopAccess(
        "https://p.example/#me", "token", key, datetime.now(UTC), lambda: "jti",
        "id", "https://i.example/", ("https://x.example/token",),
    )  # fmt: skip
    again = dpop.DpopAccess.from_record(json.loads(json.dumps(kept.to_record())), kept.fresh)
    assert again.to_record() == kept.to_record()
    assert "token" not in repr(again)


@pytest.mark.parametrize(
    ("audience", "shown"),
    [
        ("https://platform.ess.example/access/token", True),
        ("https://login.ess.example:8443/token", True),
        ("https://listed.bank.example/other", True),
        ("https://beside.bank.example/token", False),
        ("https://platform.hostile.example/access/token", False),
        ("http://platform.ess.example/access/token", False),
        ("no address", False),
    ],
)
def test_a_logins_id_token_is_shown_to_its_issuers_servers_and_listed_ones_only(
    audience: str, shown: bool
) -> None:
    now, key = datetime.now(UTC), jose.generate_key("ES256")
    access = dpop.DpopAccess(
        "https://p.example/#me", "token", key, now, lambda: "jti",
        "id", "https://login.ess.example/", ("https://listed.bank.example/token",),
    )  # fmt: skip
    if shown:
        assert access.id_token(audience, now) == "id"
    else:
        with pytest.raises(AuthorizationServerUntrusted, match="issuer"):
            access.id_token(audience, now)


def test_an_access_of_an_unknown_issuer_shows_its_id_token_to_nobody() -> None:
    access = dpop.DpopAccess("", "t", jose.generate_key("ES256"), datetime.now(UTC), lambda: "jti", "id")
    with pytest.raises(AuthorizationServerUntrusted):
        access.id_token("https://platform.ess.example/access/token", datetime.now(UTC))


def test_a_minted_token_names_its_claims_as_the_wire_expects() -> None:
    key, bound = jose.generate_key("ES256"), jose.generate_key("ES256")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    token = access_token.mint(
        key, issuer="https://g.example/", webid="https://g.example/spaces/s/agent#it",
        client_id="https://g.example/client", cnf_jkt=bound.kid, now=now, jti="j",
    )  # fmt: skip
    parsed = jose.parse(token)
    assert dict(parsed.header) == {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}
    assert set(parsed.claims) == {"iss", "aud", "webid", "sub", "client_id", "iat", "exp", "jti", "cnf"}
