"""What a pull refuses, and that it reads nothing beyond what is agreed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from solidgate.errors import (
    DoorNotOpen,
    FetchTimedOut,
    FetchTooLarge,
    PodForbidden,
    PodNotFound,
    PodUnreadable,
    ResourceNotCovered,
)
from solidgate.flow.pull import pull
from solidgate.pod.door import Door
from solidgate.testing.pod import Awkward

if TYPE_CHECKING:
    from conftest import Visit


async def opened(visit: Visit, *names: str) -> tuple[tuple[str, ...], Door]:
    """Documents with an open door."""
    urls = tuple(f"{visit.alice.pod}energy/{name}" for name in names)
    for url in urls:
        visit.server.put(url, f"<{url}> <x:p> 1 .".encode())
    door = Door(visit.agent.webid, visit.owner.webid, urls, f"{visit.alice.pod}results/")
    await visit.pods.open_door(visit.owner, door)
    return urls, door


async def test_the_agreed_documents_come_in_their_order(visit: Visit) -> None:
    urls, door = await opened(visit, "b.ttl", "a.ttl", "c.ttl")
    pulled = await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)
    assert tuple(document.url for document in pulled.documents) == urls
    assert (pulled.consent_id, pulled.epoch, pulled.skipped) == ("c1", 3, ())
    assert pulled.total_bytes == sum(len(document.content) for document in pulled.documents)
    assert "energy" not in repr(pulled)


async def test_what_the_consent_does_not_list_is_not_asked_for(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    mark = visit.server.mark()
    with pytest.raises(ResourceNotCovered):
        await pull(visit.world(), visit.active(urls[0]), visit.agent, urls, door)
    assert visit.server.requests_since(mark) == []


async def test_nothing_is_read_through_a_closed_door(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    await visit.pods.close_door(visit.owner, Door(door.agent, door.owner, urls[:1], None))
    mark = visit.server.mark()
    with pytest.raises(DoorNotOpen):
        await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)
    assert [seen for seen in visit.server.requests_since(mark) if seen.method == "GET" and seen.agent] == []


async def test_a_required_document_must_be_there_and_an_optional_one_may_not(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    visit.server.misbehave("/alice/energy/b.ttl", Awkward.VANISHED)
    active = visit.active(*urls)
    with pytest.raises(PodNotFound):
        await pull(visit.world(), active, visit.agent, urls, door)
    pulled = await pull(visit.world(), active, visit.agent, urls, door, optional=urls[1:])
    assert [document.url for document in pulled.documents] == [urls[0]]
    assert pulled.skipped == (urls[1],)


async def test_access_that_ends_in_the_middle_ends_the_pull(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl", "c.ttl")
    visit.server.misbehave("/alice/energy/c.ttl", Awkward.ACCESS_ENDS, after=1)
    with pytest.raises(PodForbidden):
        await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)


async def test_one_unreadable_document_ends_the_others(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    visit.server.misbehave("/alice/energy/a.ttl", Awkward.DRIP, after=1)
    visit.server.misbehave("/alice/energy/b.ttl", Awkward.LOGIN_PAGE, after=1)
    begun = time.monotonic()
    with pytest.raises(PodUnreadable):
        await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)
    assert time.monotonic() - begun < 0.9


@pytest.mark.parametrize(("most", "fits"), [(59, False), (60, True), (61, True)])
async def test_the_documents_together_have_a_limit(visit: Visit, most: int, fits: bool) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    for url in urls:
        visit.server.put(url, b"#" * 30)
    pulling = pull(visit.world(max_pod_bytes=most), visit.active(*urls), visit.agent, urls, door)
    if fits:
        assert (await pulling).total_bytes == 60
    else:
        with pytest.raises(FetchTooLarge):
            await pulling


@pytest.mark.parametrize(("most", "fits"), [(29, False), (30, True), (31, True)])
async def test_each_document_has_a_limit(visit: Visit, most: int, fits: bool) -> None:
    urls, door = await opened(visit, "a.ttl")
    visit.server.put(urls[0], b"#" * 30)
    pulling = pull(visit.world(max_resource_bytes=most), visit.active(*urls), visit.agent, urls, door)
    if fits:
        assert (await pulling).total_bytes == 30
    else:
        with pytest.raises(FetchTooLarge):
            await pulling


async def test_the_number_of_documents_has_a_limit(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    with pytest.raises(FetchTooLarge):
        await pull(visit.world(max_resources=1), visit.active(*urls), visit.agent, urls, door)
    pulled = await pull(visit.world(max_resources=2), visit.active(*urls), visit.agent, urls, door)
    assert len(pulled.documents) == 2


async def test_the_whole_pod_has_a_time(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl")
    visit.server.misbehave("/alice/energy/a.ttl", Awkward.SLOW, amount=30)
    with pytest.raises(FetchTimedOut, match="pod_seconds"):
        await pull(visit.world(pod_seconds=0.2), visit.active(*urls), visit.agent, urls, door)


async def test_a_cancelled_pull_leaves_nothing_running(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl", "c.ttl")
    visit.server.misbehave("*", Awkward.SLOW, amount=30, after=4)
    before = len(asyncio.all_tasks())
    pulling = asyncio.create_task(pull(visit.world(), visit.active(*urls), visit.agent, urls, door))
    await asyncio.sleep(0.2)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    for _ in range(50):
        if len(asyncio.all_tasks()) <= before:
            break
        await asyncio.sleep(0.02)
    assert len(asyncio.all_tasks()) <= before
