"""Grants on Enterprise Solid Server that are not what they should be: each has its named end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from solidgate.errors import (
    AccessGrantEnded,
    AccessGrantInvalid,
    PodConflict,
    PodFault,
    PodForbidden,
    PodUnavailable,
)
from solidgate.flow.granted import Granted
from solidgate.pod.door import DoorState
from solidgate.pod.grant import renamed
from solidgate.testing.ess import Odd
from solidgate.testing.ess.credentials import Vault
from tests.refusals.pod.grant_scene import CONTENT, Scene, read

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
        (Odd.OTHER_PURPOSE, AccessGrantInvalid),
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
