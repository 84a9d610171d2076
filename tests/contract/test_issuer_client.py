"""``ports.IssuerClient`` and the login flow: against the awkward issuer, and against the real server."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from yarl import URL

from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.errors import IssuerNotFound, LoginCancelled, LoginRefused, SolidgateError
from solidgate.flow import caller, login
from solidgate.flow.world import World
from solidgate.identity import client_document, jose
from solidgate.identity.login import AuthorizationRequest
from solidgate.testing.css import CommunityServer
from solidgate.testing.issuer import AwkwardIssuer
from solidgate.testing.people import walk_cancel, walk_login
from solidgate.testing.relying import finish, relying_party

Callback = dict[str, list[str]]


@dataclass(frozen=True)
class Partner:
    """One issuer with one person, who agrees or cancels; and we, who are its client."""

    world: World
    issuer: str
    webid: str
    agree: Callable[[str], Awaitable[Callback]]
    cancel: Callable[[str], Awaitable[Callback]]

    async def begin(self, identifier: str, browser: str = "browser") -> str:
        begun = await login.begin(self.world, identifier, return_to="/me", browser=browser)
        assert isinstance(begun, login.Began)
        return begun.redirect_to


def query_of(url: str) -> Callback:
    found = URL(url).query
    return {name: found.getall(name) for name in set(found)}


@pytest.fixture
async def our_side() -> AsyncIterator[World]:
    async with relying_party() as world:
        yield world


@pytest.fixture
async def awkward_partner(our_side: World) -> AsyncIterator[Partner]:
    async with AwkwardIssuer() as issuer:

        async def cancel(url: str) -> Callback:
            answer = await issuer.agree(url)
            del answer["code"]
            return answer | {"error": ["access_denied"]}

        yield Partner(our_side, issuer.issuer, issuer.webid(), issuer.agree, cancel)


@pytest.fixture
async def css_partner(our_side: World, community: Any) -> Partner:
    person = community.people[0]
    redirect_uri = client_document.redirect_uri_of(our_side.public_url)

    async def agree(url: str) -> Callback:
        return query_of(await walk_login(url, person, redirect_uri))

    async def cancel(url: str) -> Callback:
        return query_of(await walk_cancel(url, person, redirect_uri))

    return Partner(our_side, person.issuer, person.webid, agree, cancel)


@pytest.fixture(params=["awkward", "css"])
def partner(request: pytest.FixtureRequest) -> Partner:
    found: Partner = request.getfixturevalue(f"{request.param}_partner")
    return found


async def test_metadata(partner: Partner) -> None:
    found = await partner.world.issuers.metadata(partner.issuer)
    assert found.issuer == partner.issuer
    assert found.iss_parameter_supported
    assert found.webid_scope
    assert found == await partner.world.issuers.metadata(partner.issuer.removesuffix("/"))


async def test_an_address_that_is_no_issuer(partner: Partner) -> None:
    with pytest.raises(IssuerNotFound):
        await partner.world.issuers.metadata(f"{partner.issuer}nowhere/")


async def test_issuers_of_a_profile(partner: Partner) -> None:
    assert await partner.world.issuers.issuers_of(partner.webid) == (partner.issuer,)
    assert await partner.world.issuers.issuers_of(partner.webid + "else") == ()


async def test_our_client_document_is_our_client_id(partner: Partner) -> None:
    metadata = await partner.world.issuers.metadata(partner.issuer)
    assert await partner.world.issuers.client_id(metadata) == f"{partner.world.public_url}client"


async def test_signing_keys_are_public(partner: Partner) -> None:
    keys = await partner.world.issuers.signing_keys(partner.issuer)
    assert keys
    assert all(jose.PRIVATE_MEMBERS.isdisjoint(key) for key in keys)
    assert await partner.world.issuers.signing_keys(partner.issuer, "unknown") == keys


@pytest.mark.parametrize("by", ["webid", "issuer"])
async def test_login(partner: Partner, by: str) -> None:
    callback = await partner.agree(await partner.begin(getattr(partner, by)))
    session, return_to = await finish(partner.world, callback, "browser")
    assert (session.webid, session.issuer, return_to) == (partner.webid, partner.issuer, "/me")


async def test_a_cancelled_login_changes_nothing(partner: Partner) -> None:
    callback = await partner.cancel(await partner.begin(partner.webid))
    with pytest.raises(LoginCancelled):
        await finish(partner.world, callback, "browser")


async def test_a_double_callback_makes_one_session(partner: Partner) -> None:
    callback = await partner.agree(await partner.begin(partner.webid))
    both = [finish(partner.world, callback, "browser") for _ in range(2)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(one, SolidgateError) for one in outcomes) == [False, True]


async def test_a_registered_client_logs_in_too(partner: Partner) -> None:
    """The fallback for issuers without Client ID Documents (RFC 7591), driven by hand here."""
    issuers: Any = partner.world.issuers
    metadata = await issuers.metadata(partner.issuer)
    registration = await issuers._register(metadata)
    kept = await partner.world.logins.registration(partner.issuer)
    assert kept == registration
    assert not await issuers._is_forgotten(metadata, registration)
    issuers._probed.clear()
    assert not await issuers._is_forgotten(metadata, registration)
    issuers._probed.clear()
    stranger = type(registration)(partner.issuer, "never-registered")
    assert await issuers._is_forgotten(metadata, stranger)


async def test_a_code_of_another_verifier_is_refused(partner: Partner) -> None:
    url = await partner.begin(partner.webid)
    callback = await partner.agree(url)
    request = await partner.world.logins.take_login(callback["state"][0], "browser")
    metadata = await partner.world.issuers.metadata(partner.issuer)
    fields = {name: getattr(request, name) for name in AuthorizationRequest.__slots__}
    other = AuthorizationRequest(**fields | {"code_verifier": secrets.token_urlsafe(48)})
    with pytest.raises(LoginRefused, match="invalid_grant"):
        await partner.world.issuers.exchange(metadata, other, callback["code"][0])


async def test_the_persons_token_calls_our_api(partner: Partner) -> None:
    """The token of this login, verified by our own resource server."""
    callback = await partner.agree(await partner.begin(partner.webid))
    session, _ = await finish(partner.world, callback, "browser")
    url = f"{partner.world.public_url}spaces/s/sparql"
    signed = session.access.headers("GET", url, partner.world.clock.now())
    found = await caller.authenticate(partner.world, "GET", url, [signed["Authorization"]], [signed["DPoP"]])
    assert found.webid == partner.webid


async def test_the_persons_token_opens_their_own_pod(css_partner: Partner, community: Any) -> None:
    callback = await css_partner.agree(await css_partner.begin(css_partner.webid))
    session, _ = await finish(css_partner.world, callback, "browser")
    private = f"{community.people[0].pod}.acl"
    fetch = css_partner.world.fetcher.fetch
    assert (await fetch("GET", private, access=session.access, max_bytes=65536)).status == 200
    assert (await fetch("GET", private, max_bytes=65536)).status == 401


async def test_a_real_server_believes_a_spaces_own_token(css_partner: Partner, community: Any) -> None:
    """It calls back our WebID document, our discovery and our keys; then it knows the space by its WebID."""
    world, server = css_partner.world, community.server
    assert isinstance(server, CommunityServer)
    keys = SealedEnclaveKeys(world.store, secrets.token_bytes(32), world.clock, world.public_url)
    await keys.ensure("energy")
    access = await keys.access_for("energy")
    mark = server.mark()
    private = f"{community.people[0].pod}.acl"
    reply = await world.fetcher.fetch("GET", private, access=access, max_bytes=65536)
    assert reply.status == 403
    assert server.webids_since(mark) == [world.agent("energy")]
