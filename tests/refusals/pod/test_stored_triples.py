"""A pod that keeps statements and not bytes: the same statements count as written, others never do."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.derived.signpost import content
from solidgate.errors import PodDisputed, PodUnavailable, SandboxUnavailable
from solidgate.flow.same import is_one_of, is_same
from solidgate.flow.world import World
from solidgate.flow.write_back import read_back, write_back
from solidgate.run.delivery import Delivery
from solidgate.run.signpost import Kind, Listed
from solidgate.sandbox.limits import IsolationLevel
from solidgate.testing.pod import Awkward
from solidgate.testing.pod_store import in_another_form
from tests.refusals.pod.conftest import Visit

SENT = b"@prefix e: <https://e.example/> .\ne:a e:b e:c , e:d .\n"
SHA256 = hashlib.sha256(SENT).hexdigest()


class Shut:
    """A sandbox that cannot be had."""

    async def statements(self, *_: Any) -> bytes:
        raise SandboxUnavailable


@pytest.fixture
async def world(visit: Visit) -> AsyncIterator[World]:
    sandbox = BwrapSandbox(zygotes=1, minimum_level=IsolationLevel.L0)
    yield dataclasses.replace(visit.world(), sandbox=sandbox)
    await sandbox.aclose()


def delivery(visit: Visit) -> Delivery:
    return Delivery(f"{visit.alice.pod}results/r.ttl", SENT, "text/turtle", "g", b"")


async def written(visit: Visit, world: World) -> str:
    async def carry(sent: Any) -> Any:
        return await sent

    found = await write_back(
        world, visit.owner, delivery(visit), SHA256, visit.active(visit.document), carry=carry
    )
    return found.sha256


@pytest.mark.parametrize("also", [None, Awkward.STORES_AND_FAILS])
async def test_the_same_statements_in_another_form_are_written(
    visit: Visit, world: World, also: Awkward | None
) -> None:
    visit.server.misbehave("/alice/results/r.ttl", Awkward.STORES_TRIPLES)
    if also is not None:
        visit.server.misbehave("/alice/results/r.ttl", also)
    assert await written(visit, world) == SHA256
    assert visit.server.content(delivery(visit).target) not in (None, SENT), "it keeps no bytes"


async def test_another_statement_is_disputed(visit: Visit, world: World) -> None:
    target = delivery(visit).target
    for other in (b"<urn:a> <urn:b> <urn:c> .", SENT + b"e:a e:b [] .", SENT + b"e:a e:b e:e .", b"<a> <b"):
        visit.server.put(target, other)
        with pytest.raises(PodDisputed):
            await read_back(world, visit.owner, delivery(visit), SHA256)


async def test_equal_bytes_need_no_sandbox(visit: Visit, world: World) -> None:
    visit.server.put(delivery(visit).target, SENT)
    shut = dataclasses.replace(world, sandbox=Shut())  # type: ignore[arg-type]
    assert await read_back(shut, visit.owner, delivery(visit), SHA256) is not None


async def test_without_a_sandbox_nothing_is_disputed(visit: Visit, world: World) -> None:
    visit.server.put(delivery(visit).target, in_another_form(SENT, "urn:x"))
    shut = dataclasses.replace(world, sandbox=Shut())  # type: ignore[arg-type]
    with pytest.raises(PodUnavailable):
        await read_back(shut, visit.owner, delivery(visit), SHA256)


async def test_an_earlier_signpost_in_another_form_is_ours(visit: Visit, world: World) -> None:
    listed = Listed(
        f"{visit.alice.pod}results/r.ttl", "p", "Ä “title”\n", world.clock.now(), "https://c.example/1"
    )
    earlier = content(Kind.INDEX, f"{visit.alice.pod}results/", "home", "Home", "nl", [listed])
    ours = (hashlib.sha256(b"another").hexdigest(), hashlib.sha256(earlier).hexdigest())
    visit.server.put(visit.document, in_another_form(earlier, visit.document))
    found = await visit.pods.read(visit.owner, visit.document, max_bytes=10_000)
    assert found.content != earlier
    assert await is_one_of(world, found, ours)
    assert await is_same(world, found, earlier)
    visit.server.put(visit.document, in_another_form(earlier + b"<urn:a> <urn:b> <urn:c> .", visit.document))
    found = await visit.pods.read(visit.owner, visit.document, max_bytes=10_000)
    assert not await is_one_of(world, found, ours)
    assert not await is_same(world, found, earlier)
