"""A pull where a grant opens: whether it holds is asked before anything is read, each time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from solidgate.adapters.clock import SystemClock
from solidgate.consent.decide import ActiveConsent
from solidgate.errors import AccessGrantEnded, DoorNotOpen
from solidgate.flow.granted import Granted
from solidgate.flow.pull import PulledDocuments, Unchanged, pull_changed
from solidgate.flow.world import World
from solidgate.pod.grant import renamed
from solidgate.settings import Settings
from tests.refusals.pod.grant_scene import Scene


async def pulled(
    scene: Scene,
    access: Granted,
    known: dict[str, str | None],
    optional: tuple[str, ...] = (),
) -> PulledDocuments | Unchanged:
    nothing = cast(Any, None)
    world = World(
        settings=Settings(),
        clock=SystemClock(),
        fetcher=nothing,
        pods=scene.pods,
        issuers=nothing,
        sandbox=nothing,
        store=nothing,
        logins=nothing,
        receipt_key={},
    )
    now = datetime.now(UTC)
    active = ActiveConsent(
        consent_id="c1",
        epoch=1,
        data_subject=scene.owner.webid,
        purpose="p",
        resources=scene.door.read,
        result_container=str(scene.door.write),
        until=now + timedelta(days=1),
        decided_at=now,
    )
    return await pull_changed(world, active, access, scene.door.read, scene.door, known, optional=optional)


async def tags_of(scene: Scene, access: Granted) -> dict[str, str | None]:
    found = await pulled(scene, access, {})
    assert isinstance(found, PulledDocuments)
    return {one.url: one.etag for one in found.documents}


def reads(scene: Scene) -> int:
    """How often a document gave its content, or said that it is still the same."""
    return len([one for one in scene.by_agent() if one[0] == "GET" and one[1] in (200, 304)])


async def test_the_same_documents_are_unchanged_while_the_grants_hold(scene: Scene) -> None:
    access = await scene.granted()
    known = await tags_of(scene, access)
    assert await pulled(scene, access, known) == Unchanged("c1", 1, len(scene.door.read))


@pytest.mark.parametrize("end", [Scene.revoke, Scene.let_it_end])
@pytest.mark.parametrize("with_tags", [True, False])
async def test_nothing_is_read_with_a_grant_that_has_ended(
    scene: Scene, end: Callable[[Scene, Granted], None], with_tags: bool
) -> None:
    access = await scene.granted(expires=datetime.now(UTC) + timedelta(minutes=2))
    known = await tags_of(scene, access)
    end(scene, access)
    before = reads(scene)
    with pytest.raises(AccessGrantEnded):
        await pulled(scene, access, known if with_tags else {})
    assert reads(scene) == before


async def test_a_grant_may_leave_out_what_is_optional_and_nothing_else(scene: Scene) -> None:
    wanted, ids = await scene.ask()
    left, kept = scene.door.read
    grants = []
    for part, request_id in zip(wanted.parts, ids, strict=True):
        names = [one for one in part.asked.resources if one != scene.names[left]]
        document = scene.ess.approve(request_id, resources=names)
        answer = await scene.pods.answer_of(
            scene.access(scene.owner), scene.owner.pod, str(document["id"]), part.asked, request_id
        )
        assert answer is not None
        grants.append(renamed(answer, scene.names))
    access = Granted(scene.access(scene.agent), grants)
    found = await pulled(scene, access, {}, (left,))
    assert isinstance(found, PulledDocuments)
    assert ([one.url for one in found.documents], found.skipped) == ([kept], (left,))
    everything = await pulled(scene, access, {}, scene.door.read)
    assert isinstance(everything, PulledDocuments)
    before = reads(scene)
    with pytest.raises(DoorNotOpen):
        await pulled(scene, access, {}, (kept,))
    assert reads(scene) == before
