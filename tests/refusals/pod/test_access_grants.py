"""Grants and tokens on Enterprise Solid Server that are not what they should be: each has its named end."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import FetchPolicy, GuardedFetcher
from solidgate.adapters.pods import Pods
from solidgate.adapters.solid_pod import PodLimits
from solidgate.errors import (
    AccessControlUnsupported,
    AccessGrantEnded,
    AccessGrantInvalid,
    AuthorizationRefused,
    AuthorizationServerUntrusted,
    FetchUnexpected,
    PodConflict,
    PodFault,
    PodForbidden,
    PodUnavailable,
)
from solidgate.flow.granted import Granted
from solidgate.pod.access_request import RequestedAccess, requested
from solidgate.pod.door import Door, DoorState
from solidgate.pod.grant import Grant, renamed
from solidgate.pod.platform import ServerKind
from solidgate.ports import Access
from solidgate.testing.ess import EssDouble, EssPerson, Odd
from solidgate.testing.ess.acp import owner_acr
from solidgate.testing.ess.credentials import Vault
from solidgate.testing.ess.storage_access import acr_of
from solidgate.testing.pod import AwkwardPod

QUICK = PodLimits(first_pause=0.01, longest_pause=0.5, attempts=2)
PURPOSE = "https://w3id.org/dpv#ServicePersonalisation"
CONTENT = b"<> a <https://example.org/ns#Reading> ."


@dataclass
class Scene:
    """A pod on the double, its owner, and an agent that asks; nothing between them but the adapter."""

    ess: EssDouble
    pods: Pods
    owner: EssPerson
    agent: EssPerson
    door: Door
    names: dict[str, str] = field(default_factory=dict)

    def access(self, person: EssPerson) -> Access:
        """What one of the people asks with; their login's ID token is with it."""
        access = self.ess.access(person.webid)
        return dataclasses.replace(access, identity=_id_token(self.ess, person), issuer=self.ess.openid_url)

    async def ask(self) -> tuple[RequestedAccess, list[str]]:
        """All requests of the door, issued."""
        urls = [*self.door.read, self.door.write or ""]
        self.names = {url: await self.pods.canonical(self.access(self.owner), url) for url in urls}
        until = datetime.now(UTC) + timedelta(days=30)
        wanted = requested(self.door, self.owner.pod, self.names, PURPOSE, until)
        by = self.access(self.agent)
        ids = [await self.pods.request_access(by, self.owner.pod, one.asked) for one in wanted.parts]
        return wanted, ids

    async def answer(self, document: dict[str, Any], wanted: RequestedAccess, ids: list[str]) -> Grant | None:
        """The first part's answer, as the gate takes it: with the owner's own session."""
        part = wanted.parts[0]
        return await self.pods.answer_of(
            self.access(self.owner), self.owner.pod, str(document["id"]), part.asked, ids[0]
        )

    async def granted(self, **narrowed: Any) -> Granted:
        """The agent's access once all was approved."""
        wanted, ids = await self.ask()
        grants = []
        for part, request_id in zip(wanted.parts, ids, strict=True):
            document = self.ess.approve(request_id, **narrowed)
            grant = await self.pods.answer_of(
                self.access(self.owner), self.owner.pod, str(document["id"]), part.asked, request_id
            )
            assert grant is not None
            grants.append(renamed(grant, self.names))
        return Granted(self.access(self.agent), grants)

    def by_agent(self) -> list[tuple[str, int]]:
        """What the agent was answered at the storage."""
        return [
            (seen.method, seen.status)
            for seen in self.ess.requests
            if seen.host == "storage" and seen.agent == self.agent.webid
        ]


def _id_token(ess: EssDouble, person: EssPerson) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": ess.openid_url, "sub": person.webid, "webid": person.webid, "azp": "c", "aud": "c"}
    key = ess.ground.door.key
    return key.sign({"typ": "JWT", "kid": key.kid}, {**claims, "iat": now, "exp": now + 300})


async def _scene(generation: Literal["2.x", "3.x"], fetcher: GuardedFetcher, ess: EssDouble) -> Scene:
    pods = Pods(fetcher, SystemClock(), QUICK)
    owner, agent = ess.add_person("anna"), ess.add_person("space")
    ess.put(owner.pod + "results/", b"")
    for name in ("a.ttl", "b.ttl"):
        ess.put(owner.pod + name, CONTENT)
    read = (owner.pod + "a.ttl", owner.pod + "b.ttl")
    return Scene(ess, pods, owner, agent, Door(agent.webid, owner.webid, read, owner.pod + "results/"))


@pytest.fixture
async def fetcher() -> AsyncIterator[GuardedFetcher]:
    """The product's own way out."""
    guarded = GuardedFetcher(FetchPolicy(allow_private_addresses=True), SystemClock())
    yield guarded
    await guarded.aclose()


@pytest.fixture(params=["2.x", "3.x"])
async def scene(request: pytest.FixtureRequest, fetcher: GuardedFetcher) -> AsyncIterator[Scene]:
    """Once on each generation."""
    async with EssDouble(request.param) as ess:
        yield await _scene(request.param, fetcher, ess)


@pytest.fixture
async def uma(fetcher: GuardedFetcher) -> AsyncIterator[Scene]:
    """Where tokens come by tickets."""
    async with EssDouble("2.x") as ess:
        yield await _scene("2.x", fetcher, ess)


async def read(scene: Scene, access: Access, name: str = "a.ttl") -> bytes:
    return (await scene.pods.read(access, scene.owner.pod + name, max_bytes=1000)).content


# --- what should work ---------------------------------------------------------------------------------


async def test_a_granted_door_opens_reads_and_writes(scene: Scene) -> None:
    access = await scene.granted()
    assert await scene.pods.door_state(access, scene.door) is DoorState.OPEN
    assert await read(scene, access) == CONTENT
    target = scene.owner.pod + "results/x.ttl"
    await scene.pods.create(access, target, CONTENT, "text/turtle")
    assert (await scene.pods.read(access, target, max_bytes=1000)).content == CONTENT
    with pytest.raises(PodConflict):
        await scene.pods.create(access, target, b"", "text/turtle")


@pytest.mark.parametrize(
    "kind",
    [
        Odd.SCALARS,
        Odd.INHERIT_AS_TEXT,
        Odd.SHORT_NAMES,
        Odd.PREFIXED_NAMES,
        Odd.PROVIDED_TO_PERSON,
        Odd.PROVIDED_TO_CONTROLLER,
        Odd.VERIFIED_REQUEST,
        Odd.OLD_CONTEXT,
        Odd.SELF_HOSTED_CONTEXT,
        Odd.BARE_PROOF_VALUE,
        Odd.LONG_PROOF_VALUE,
        Odd.EXPIRES_AS_TEXT,
        Odd.UMA_FIRST,
        Odd.SPLIT_CHALLENGE,
        Odd.WEAK_ETAG,
        Odd.MISSING_ETAG,
    ],
)
async def test_every_spelling_reads_the_same(uma: Scene, kind: Odd) -> None:
    uma.ess.misbehave(kind)
    access = await uma.granted()
    assert await uma.pods.door_state(access, uma.door) is DoorState.OPEN
    assert await read(uma, access) == CONTENT


async def test_a_few_rounds_of_claims_are_gone_through(uma: Scene) -> None:
    access = await uma.granted()
    uma.ess.misbehave(Odd.NEED_INFO_LOOP, amount=3)
    assert await read(uma, access) == CONTENT


async def test_a_token_serves_again_until_it_is_refused_once(uma: Scene) -> None:
    access = await uma.granted()
    await read(uma, access)
    tokens = len([one for one in uma.ess.requests if one.host == "uma" and one.method == "POST"])
    await read(uma, access)
    again = len([one for one in uma.ess.requests if one.host == "uma" and one.method == "POST"])
    assert again == tokens
    uma.ess.misbehave(Odd.TOKEN_REFUSED, times=1)
    assert await read(uma, access) == CONTENT


# --- answers that are not one -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        (Odd.OTHER_REQUESTOR, AccessGrantInvalid),
        (Odd.OTHER_OWNER, AccessGrantInvalid),
        (Odd.OTHER_ISSUER, AccessGrantInvalid),
        (Odd.OTHER_REQUEST, AccessGrantInvalid),
        (Odd.WIDENED, AccessGrantInvalid),
        (Odd.FORGED_PROOF, AccessGrantInvalid),
        (Odd.OTHER_CREDENTIAL, AccessGrantInvalid),
        (Odd.VERIFY_ERRORS, AccessGrantInvalid),
        (Odd.VERIFY_BROKEN, PodFault),
        (Odd.EXPIRED, AccessGrantEnded),
        (Odd.NOT_YET, AccessGrantInvalid),
        (Odd.VC_STORM, PodUnavailable),
    ],
)
async def test_an_answer_that_is_none_is_refused(scene: Scene, kind: Odd, refusal: type[PodFault]) -> None:
    wanted, ids = await scene.ask()
    scene.ess.misbehave(kind, amount=1)
    document = scene.ess.approve(ids[0])
    with pytest.raises(refusal):
        await scene.answer(document, wanted, ids)


async def test_an_answer_to_another_request_of_ours_is_refused(scene: Scene) -> None:
    wanted, ids = await scene.ask()
    with pytest.raises(AccessGrantInvalid, match="another request"):
        await scene.answer(scene.ess.approve(ids[1]), wanted, ids)


async def test_a_grant_that_is_wider_than_asked_is_refused(scene: Scene) -> None:
    wanted, ids = await scene.ask()
    document = scene.ess.approve(ids[0], modes=["Read", "Write"])
    with pytest.raises(AccessGrantInvalid, match="modes"):
        await scene.answer(document, wanted, ids)


async def test_an_answer_from_elsewhere_is_not_even_fetched(scene: Scene) -> None:
    wanted, ids = await scene.ask()
    part, mark = wanted.parts[0], len(scene.ess.requests)
    for url in ("https://vc.stranger.example/vc/1", scene.owner.pod + "a.ttl"):
        with pytest.raises(AccessGrantInvalid, match="issuer"):
            await scene.pods.answer_of(scene.access(scene.owner), scene.owner.pod, url, part.asked, ids[0])
    assert all(one.host != "storage" for one in scene.ess.requests[mark:])


@pytest.mark.parametrize("kind", [None, Odd.REFUSED_STATUS, Odd.PREFIXED_DENIAL])
async def test_a_denial_is_an_answer(scene: Scene, kind: Odd | None) -> None:
    wanted, ids = await scene.ask()
    if kind is not None:
        scene.ess.misbehave(kind)
    assert await scene.answer(scene.ess.deny(ids[0]), wanted, ids) is None


async def test_a_forged_denial_is_none(scene: Scene) -> None:
    wanted, ids = await scene.ask()
    scene.ess.misbehave(Odd.FORGED_PROOF)
    with pytest.raises(AccessGrantInvalid):
        await scene.answer(scene.ess.deny(ids[0]), wanted, ids)


async def test_a_request_that_is_not_let_in_is_named(scene: Scene) -> None:
    scene.ess.misbehave(Odd.ISSUE_REFUSED)
    with pytest.raises(PodFault):
        await scene.ask()


# --- grants that end ----------------------------------------------------------------------------------


async def test_a_revoked_grant_has_ended_before_the_next_pull(scene: Scene) -> None:
    access = await scene.granted()
    assert await read(scene, access) == CONTENT
    await scene.pods.revoke_grant(scene.access(scene.owner), scene.owner.pod, access.grants[0])
    await scene.pods.revoke_grant(scene.access(scene.owner), scene.owner.pod, access.grants[0])
    with pytest.raises(AccessGrantEnded):
        await scene.pods.door_state(access, scene.door)


async def test_only_its_owner_revokes_a_grant(scene: Scene) -> None:
    access = await scene.granted()
    with pytest.raises(PodForbidden):
        await scene.pods.revoke_grant(access, scene.owner.pod, access.grants[0])
    assert await scene.pods.door_state(access, scene.door) is DoorState.OPEN


async def test_who_asked_cancels_a_request_and_nobody_else(scene: Scene) -> None:
    _, ids = await scene.ask()
    owner, hub = scene.access(scene.owner), scene.access(scene.agent)
    with pytest.raises(PodForbidden):
        await scene.pods.cancel_request(owner, scene.owner.pod, ids[0])
    assert not scene.ess.vault.is_revoked(ids[0])
    for _ in range(2):  # repeating it changes nothing
        await scene.pods.cancel_request(hub, scene.owner.pod, ids[0])
    assert [scene.ess.vault.is_revoked(one) for one in ids] == [True, *[False] * (len(ids) - 1)]
    await scene.pods.cancel_request(hub, scene.owner.pod, f"{scene.ess.vc_url}/vc/unknown")


async def test_a_cancellation_that_is_refused_or_not_seen_is_none(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ids = await scene.ask()
    hub = scene.access(scene.agent)
    scene.ess.misbehave(Odd.CANCEL_REFUSED, times=1)
    with pytest.raises(PodForbidden):
        await scene.pods.cancel_request(hub, scene.owner.pod, ids[0])
    with pytest.raises(AccessGrantInvalid):
        await scene.pods.cancel_request(hub, scene.owner.pod, "https://vc.stranger.example/vc/1")
    monkeypatch.setattr(Vault, "revoke", lambda self, held: None)
    with pytest.raises(AccessGrantInvalid):
        await scene.pods.cancel_request(hub, scene.owner.pod, ids[0])


async def test_a_grant_that_is_revoked_between_two_reads_is_named(scene: Scene) -> None:
    access = await scene.granted()
    await read(scene, access)
    scene.ess.revoke(access.grants[0].id)
    with pytest.raises(AccessGrantEnded):
        await read(scene, access, "b.ttl")


async def test_a_grant_ends_with_its_time(scene: Scene) -> None:
    access = await scene.granted(expires=datetime.now(UTC) + timedelta(minutes=2))
    assert await scene.pods.door_state(access, scene.door) is DoorState.OPEN
    scene.ess.advance(timedelta(minutes=3))
    with pytest.raises(AccessGrantEnded):
        await scene.pods.door_state(access, scene.door)


@pytest.mark.parametrize(("kind", "refusal"), [(Odd.LIST_BROKEN, PodFault), (Odd.LIST_LIES, PodFault)])
async def test_a_list_that_does_not_agree_opens_nothing(
    scene: Scene, kind: Odd, refusal: type[PodFault]
) -> None:
    access = await scene.granted()
    scene.ess.misbehave(kind)
    with pytest.raises(refusal):
        await scene.pods.door_state(access, scene.door)


async def test_a_narrowed_grant_opens_what_is_left(scene: Scene) -> None:
    wanted, ids = await scene.ask()
    only = scene.names[scene.door.read[1]]
    grant = await scene.answer(scene.ess.approve(ids[0], resources=[only]), wanted, ids)
    assert grant is not None
    access = Granted(scene.access(scene.agent), [renamed(grant, scene.names)])
    assert await scene.pods.door_state(access, scene.door) is DoorState.PARTIAL
    assert await read(scene, access, "b.ttl") == CONTENT
    with pytest.raises(PodForbidden, match="no grant"):
        await read(scene, access, "a.ttl")


# --- authorization servers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        (Odd.NEED_INFO_LOOP, AuthorizationRefused),
        (Odd.TICKET_REFUSED, AuthorizationRefused),
        (Odd.REQUEST_DENIED, AuthorizationRefused),
        (Odd.UMA_BROKEN, PodUnavailable),
        (Odd.UMA_STORM, PodUnavailable),
        (Odd.WITHOUT_CHALLENGE, AuthorizationRefused),
        (Odd.FOREIGN_AS_URI, AuthorizationServerUntrusted),
        (Odd.TOKEN_REFUSED, PodForbidden),
        (Odd.STORAGE_STORM, PodUnavailable),
        (Odd.STORAGE_BROKEN, PodUnavailable),
    ],
)
async def test_a_server_that_gives_no_token_is_named(uma: Scene, kind: Odd, refusal: type[PodFault]) -> None:
    access = await uma.granted()
    uma.ess.misbehave(kind)
    with pytest.raises(refusal):
        await read(uma, access)


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        (Odd.FOREIGN_AS_URI, AuthorizationServerUntrusted),
        (Odd.FOREIGN_TOKEN_ENDPOINT, FetchUnexpected),
        (Odd.OTHER_UMA_ISSUER, FetchUnexpected),
    ],
)
async def test_a_foreign_service_is_not_shown_anything(
    uma: Scene, kind: Odd, refusal: type[PodFault]
) -> None:
    uma.ess.misbehave(kind)
    with pytest.raises(refusal):
        await uma.pods.kind_of(uma.owner.pod)
    with pytest.raises(refusal):
        await read(uma, uma.access(uma.owner))
    assert uma.by_agent() == []


async def test_an_exchange_that_is_refused_is_named(fetcher: GuardedFetcher) -> None:
    async with EssDouble("3.x") as ess:
        scene = await _scene("3.x", fetcher, ess)
        access = await scene.granted()
        fresh = dataclasses.replace(scene, pods=Pods(fetcher, SystemClock(), QUICK))
        ess.misbehave(Odd.EXCHANGE_REFUSED)
        with pytest.raises(AuthorizationRefused, match="issuer"):
            await read(fresh, access)
        ess.behave()
        with pytest.raises(AuthorizationRefused, match="ID token"):
            await fresh.pods.state(ess.access(scene.owner.webid), scene.owner.pod)


async def test_a_storage_apart_from_the_issuer_never_sees_the_logins_id_token(
    fetcher: GuardedFetcher,
) -> None:
    async with EssDouble("3.x") as ess:
        scene = await _scene("3.x", fetcher, ess)
        elsewhere = dataclasses.replace(scene.access(scene.owner), issuer="http://login.other.example/")
        with pytest.raises(AuthorizationServerUntrusted, match="issuer"):
            await scene.pods.storages(scene.owner.webid, elsewhere)
        assert [one for one in ess.requests if one.path == "/access/token"] == []
        listed = dataclasses.replace(elsewhere, exchanges=(ess.platform_url,))
        assert await scene.pods.storages(scene.owner.webid, listed) == (scene.owner.pod,)


async def test_a_token_of_a_few_seconds_is_exchanged_anew(fetcher: GuardedFetcher) -> None:
    async with EssDouble("3.x") as ess:
        ess.misbehave(Odd.OWN_LIFETIME, amount=5)
        scene = await _scene("3.x", fetcher, ess)
        access = await scene.granted()
        exchanged = [one for one in ess.requests if one.path == "/access/token"]
        assert await read(scene, access) == CONTENT
        assert len([one for one in ess.requests if one.path == "/access/token"]) > len(exchanged)


# --- which server it is -------------------------------------------------------------------------------


async def test_the_kind_is_found_out_once(scene: Scene) -> None:
    kind = ServerKind.ESS_2 if scene.ess.ground.uma else ServerKind.ESS_3
    assert await scene.pods.kind_of(scene.owner.pod) is kind
    mark = len(scene.ess.requests)
    assert await scene.pods.kind_of(scene.owner.pod + "a.ttl") is kind
    assert scene.ess.requests[mark:] == []
    with pytest.raises(AccessControlUnsupported):
        await scene.pods.open_door(scene.access(scene.owner), scene.door)
    assert await scene.pods.storages(scene.owner.webid, scene.access(scene.owner)) == (scene.owner.pod,)


def open_to_all(scene: Scene, person: EssPerson) -> None:
    """Anybody may read what is asked about the kind of the server."""
    root = "/".join(person.pod.split("/")[:4]) + "/"
    public = owner_acr(acr_of(root), root, "http://www.w3.org/ns/solid/acp#PublicAgent")
    scene.ess.storage.access.acrs[root] = public


async def test_a_public_pod_makes_no_other_pod_of_its_server_a_plain_one(scene: Scene) -> None:
    public, kind = (
        scene.ess.add_person("paula"),
        ServerKind.ESS_2 if scene.ess.ground.uma else ServerKind.ESS_3,
    )
    open_to_all(scene, public)
    assert await scene.pods.kind_of(public.pod) is ServerKind.SOLID, "nothing told yet"
    assert await scene.pods.kind_of(scene.owner.pod) is kind
    assert await scene.pods.kind_of(public.pod) is kind, "what a neighbour told counts"


async def test_a_grant_stays_revocable_when_its_pods_root_becomes_public(fetcher: GuardedFetcher) -> None:
    async with EssDouble("2.x") as ess:
        scene = await _scene("2.x", fetcher, ess)
        scene.pods = Pods(fetcher, SystemClock(), QUICK, seconds=0)
        access = await scene.granted()
        open_to_all(scene, scene.owner)
        await scene.pods.revoke_grant(scene.access(scene.owner), scene.owner.pod, access.grants[0])
        assert ess.vault.is_revoked(access.grants[0].id)


async def test_a_server_that_changed_its_kind_is_known_by_its_next_refusal(uma: Scene) -> None:
    public, other = uma.ess.add_person("paula"), uma.ess.add_person("otto")
    open_to_all(uma, public)
    assert await uma.pods.kind_of(uma.owner.pod) is ServerKind.ESS_2
    uma.ess.misbehave(Odd.WITHOUT_CHALLENGE)
    assert await uma.pods.kind_of(public.pod) is ServerKind.ESS_2
    assert await uma.pods.kind_of(other.pod) is ServerKind.SOLID
    assert await uma.pods.kind_of(public.pod) is ServerKind.SOLID


async def test_an_access_page_that_is_no_address_is_passed_over(scene: Scene) -> None:
    odd = scene.ess.add_person("odile", access_page="https://\u2100.example/")
    page = await scene.pods.access_page(odd.webid, odd.pod)
    assert page == await scene.pods.access_page(scene.owner.webid, scene.owner.pod)
    assert page is not None


async def test_a_plain_server_is_one(fetcher: GuardedFetcher) -> None:
    async with AwkwardPod() as server:
        owner, pods = server.add_person("anna"), Pods(fetcher, SystemClock(), QUICK)
        access = server.access(owner.webid)
        assert await pods.kind_of(owner.pod) is ServerKind.SOLID
        assert await pods.storages(owner.webid, access) == (owner.pod,)
        await pods.create(access, owner.pod + "x.ttl", CONTENT, "text/turtle")
        assert (await pods.read(access, owner.pod + "x.ttl", max_bytes=100)).content == CONTENT
        door = Door(server.add_agent("space").webid, owner.webid, (owner.pod + "x.ttl",), owner.pod + "r/")
        asked = requested(door, owner.pod, {}, PURPOSE, None).parts[0].asked
        with pytest.raises(AccessControlUnsupported):
            await pods.request_access(access, owner.pod, asked)
        assert await pods.open_door(access, door) is DoorState.OPEN
        assert await pods.close_door(access, door) is DoorState.CLOSED
