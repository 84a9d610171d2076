"""Authorization servers that give no token, or to whom nothing may be shown; and which server a pod is on."""

from __future__ import annotations

import dataclasses

import pytest

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.pods import Pods
from solidgate.errors import (
    AccessControlUnsupported,
    AuthorizationRefused,
    AuthorizationServerUntrusted,
    FetchUnexpected,
    PodFault,
    PodForbidden,
    PodUnavailable,
)
from solidgate.pod.access_request import requested
from solidgate.pod.door import Door, DoorState
from solidgate.pod.platform import ServerKind
from solidgate.testing.ess import EssDouble, EssPerson, Odd
from solidgate.testing.ess.acp import owner_acr
from solidgate.testing.ess.storage_access import acr_of
from solidgate.testing.pod import AwkwardPod
from tests.refusals.pod.grant_scene import CONTENT, PURPOSE, QUICK, Scene, read, scene_on

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
        scene = await scene_on("3.x", fetcher, ess)
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
        scene = await scene_on("3.x", fetcher, ess)
        elsewhere = dataclasses.replace(scene.access(scene.owner), issuer="http://login.other.example/")
        with pytest.raises(AuthorizationServerUntrusted, match="issuer"):
            await scene.pods.storages(scene.owner.webid, elsewhere)
        assert [one for one in ess.requests if one.path == "/access/token"] == []
        listed = dataclasses.replace(elsewhere, exchanges=(ess.platform_url,))
        assert await scene.pods.storages(scene.owner.webid, listed) == (scene.owner.pod,)


async def test_a_token_of_a_few_seconds_is_exchanged_anew(fetcher: GuardedFetcher) -> None:
    async with EssDouble("3.x") as ess:
        ess.misbehave(Odd.OWN_LIFETIME, amount=5)
        scene = await scene_on("3.x", fetcher, ess)
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
        scene = await scene_on("2.x", fetcher, ess)
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
