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
    PodNotFound,
    PodUnreadable,
    ResourceNotCovered,
)
from solidgate.flow.pull import PulledDocuments, Unchanged, pull, pull_changed
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
    await visit.pods.close_door(visit.owner, Door(door.agent, door.owner, urls, None))
    mark = visit.server.mark()
    with pytest.raises(DoorNotOpen):
        await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)
    assert {seen.status for seen in visit.server.requests_since(mark) if seen.agent} == {403}


async def test_nothing_is_handed_on_through_half_a_door(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    await visit.pods.close_door(visit.owner, Door(door.agent, door.owner, urls[:1], None))
    with pytest.raises(DoorNotOpen):
        await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)


async def test_one_document_costs_one_request(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl", "c.ttl")
    mark = visit.server.mark()
    pulled = await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)
    assert len([seen for seen in visit.server.requests_since(mark) if seen.agent]) == len(urls)
    assert pulled.wide == ()


async def test_a_door_wider_than_agreed_is_noticed(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    modes = "acl:Read, acl:Write"
    names = f"acl:accessTo <{urls[1]}>; acl:mode {modes}"
    owner = f"<#o> a acl:Authorization; acl:agent <{visit.owner.webid}>; {names}, acl:Control."
    agent = f"<#s> a acl:Authorization; acl:agent <{visit.agent.webid}>; {names}."
    visit.server.put_acl(urls[1], f"@prefix acl: <http://www.w3.org/ns/auth/acl#>. {owner} {agent}")
    pulled = await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)
    assert (len(pulled.documents), pulled.wide) == (2, (urls[1],))


async def tags_of(visit: Visit, urls: tuple[str, ...], door: Door) -> dict[str, str | None]:
    pulled = await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)
    return {one.url: one.etag for one in pulled.documents}


async def again(
    visit: Visit,
    urls: tuple[str, ...],
    door: Door,
    known: dict[str, str | None],
    optional: tuple[str, ...] = (),
) -> PulledDocuments | Unchanged:
    active = visit.active(*urls)
    return await pull_changed(visit.world(), active, visit.agent, urls, door, known, optional=optional)


async def test_what_has_not_changed_is_not_read_again(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    known = await tags_of(visit, urls, door)
    mark = visit.server.mark()
    found = await again(visit, urls, door, known)
    assert found == Unchanged("c1", 3, 2)
    assert [seen.status for seen in visit.server.requests_since(mark) if seen.agent] == [304, 304]


async def test_one_change_has_everything_read(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl", "c.ttl")
    known = await tags_of(visit, urls, door)
    visit.server.put(urls[1], b"<> <x:p> 22 .")
    found = await again(visit, urls, door, known)
    assert isinstance(found, PulledDocuments)
    assert tuple(one.url for one in found.documents) == urls
    assert found.documents[1].content == b"<> <x:p> 22 ."


@pytest.mark.parametrize("tag", ["", "unquoted", '"with \n line"', "*"])
async def test_a_tag_that_cannot_be_asked_with_has_the_document_read(visit: Visit, tag: str) -> None:
    urls, door = await opened(visit, "a.ttl")
    found = await again(visit, urls, door, {urls[0]: tag})
    assert isinstance(found, PulledDocuments)


async def test_weak_tags_are_compared_weakly(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl")
    known = await tags_of(visit, urls, door)
    found = await again(visit, urls, door, {url: f"W/{tag}" for url, tag in known.items()})
    assert isinstance(found, Unchanged)


async def test_other_documents_than_before_are_all_read(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    known = await tags_of(visit, urls, door)
    mark = visit.server.mark()
    assert isinstance(await again(visit, urls, door, {urls[0]: known[urls[0]]}), PulledDocuments)
    assert {seen.status for seen in visit.server.requests_since(mark) if seen.agent} == {200}


async def test_an_optional_document_that_comes_or_goes_is_a_change(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    known = await tags_of(visit, urls, door)
    visit.server.misbehave("/alice/energy/b.ttl", Awkward.VANISHED)
    without = {**known, urls[1]: None}
    assert isinstance(await again(visit, urls, door, without, urls[1:]), Unchanged)
    gone = await again(visit, urls, door, known, urls[1:])
    assert isinstance(gone, PulledDocuments)
    assert gone.skipped == (urls[1],)
    visit.server.behave()
    there = await again(visit, urls, door, without, urls[1:])
    assert isinstance(there, PulledDocuments)
    assert len(there.documents) == 2


async def test_a_closed_door_is_noticed_though_nothing_changed(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl")
    known = await tags_of(visit, urls, door)
    await visit.pods.close_door(visit.owner, Door(door.agent, door.owner, urls, None))
    with pytest.raises(DoorNotOpen):
        await again(visit, urls, door, known)


async def test_who_reads_the_same_at_once_shares_one_request(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl")
    active = visit.active(*urls)
    visit.server.misbehave("/alice/energy/a.ttl", Awkward.SLOW, amount=0.3)
    mark = visit.server.mark()
    pulls = [asyncio.create_task(pull(visit.world(), active, visit.agent, urls, door)) for _ in range(5)]
    await asyncio.sleep(0.1)
    pulls[0].cancel()  # whoever asked first may go: the others still want it
    ended = await asyncio.gather(*pulls, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError)
    assert all(isinstance(one, PulledDocuments) for one in ended[1:])
    assert len([seen for seen in visit.server.requests_since(mark) if seen.path.endswith("a.ttl")]) == 1


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
    visit.server.misbehave("/alice/energy/c.ttl", Awkward.ACCESS_ENDS)
    with pytest.raises(DoorNotOpen):
        await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)


async def test_one_unreadable_document_ends_the_others(visit: Visit) -> None:
    urls, door = await opened(visit, "a.ttl", "b.ttl")
    visit.server.misbehave("/alice/energy/a.ttl", Awkward.DRIP)
    visit.server.misbehave("/alice/energy/b.ttl", Awkward.LOGIN_PAGE)
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
    visit.server.misbehave("*", Awkward.SLOW, amount=30)
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
