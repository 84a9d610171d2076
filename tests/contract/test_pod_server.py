"""The contract of ``ports.PodServer``, held by the adapter against the double and the real server.

Every test runs with both access controls on both. Those that take ``anywhere`` also run on a server whose
pods have hosts of their own, and on one over https with a private authority: there only addresses and the way
to the server differ, not what a list means.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import NamedNode

from solidgate.errors import (
    AddressSpelledOtherwise,
    FetchTooLarge,
    NoStorage,
    PodConflict,
    PodForbidden,
    PodNotFound,
    PodUnreadable,
)
from solidgate.pod import acp, wac
from solidgate.pod.access_control import (
    AccessControl,
    AccessDocument,
    access_document,
    kind_of_content,
    to_turtle,
)
from solidgate.pod.door import READ_ONLY, Door, DoorState, Mode
from solidgate.pod.link import targets
from solidgate.pod.rdf import control_document
from solidgate.testing.pod import Awkward, AwkwardPod

if TYPE_CHECKING:
    from conftest import Scene

TURTLE = b"<> <x:p> 1 .\n"


async def raw(
    scene: Scene, url: str, *, method: str = "GET", content: bytes | None = None
) -> tuple[int, bytes]:
    """What the pod answers to the owner, without the adapter."""
    headers = {"Accept": "text/turtle", **({"Content-Type": "text/turtle"} if content is not None else {})}
    reply = await scene.fetcher.fetch(
        method, url, access=scene.owner, headers=headers, content=content, max_bytes=10**6
    )
    return reply.status, reply.content


async def access_address(scene: Scene, url: str) -> str:
    """Where the pod says the resource's access document is."""
    reply = await scene.fetcher.fetch(
        "HEAD", url, access=scene.owner, headers={"Accept": "text/turtle"}, max_bytes=10**6
    )
    (found,) = targets(reply.header_values("Link"), url, "acl")
    return found


async def access_of(scene: Scene, url: str) -> AccessDocument | None:
    """The access document of the resource's own, if it has one."""
    address = await access_address(scene, url)
    status, content = await raw(scene, address)
    if status == 404:
        return None
    return access_document(control_document(content, "text/turtle", address), address)


def friend_of(scene: Scene, document: AccessDocument, target: str) -> bytes:
    """What somebody adds to give the stranger Read, in the words of the pod's own access control."""
    if kind_of_content(document) is AccessControl.WAC:
        added = wac.opened(document, target, scene.stranger.webid, scene.owner.webid, READ_ONLY)
    else:
        added = acp.opened(document, target, scene.stranger.webid, READ_ONLY)
    named = next(t for t in added.triples if t.object == NamedNode(scene.stranger.webid))
    ours = re.search(r"#solidgate-agent-\w{16}", str(named.subject))
    assert ours
    return to_turtle(added).replace(ours[0].encode(), b"#friend")


# --- documents ----------------------------------------------------------------------------------------


async def test_storages_come_from_the_profile(anywhere: Scene) -> None:
    scene = anywhere
    assert await scene.pods.storages(scene.owner.webid) == (scene.pod,)


async def test_a_storage_is_ones_own_only_with_control_of_it(anywhere: Scene) -> None:
    scene = anywhere
    assert await scene.pods.storages(scene.owner.webid, scene.owner) == (scene.pod,)
    with pytest.raises(NoStorage):
        await scene.pods.storages(scene.owner.webid, scene.agent)


async def test_a_document_comes_back_byte_for_byte(anywhere: Scene) -> None:
    scene = anywhere
    url = await scene.put("a.ttl", TURTLE)
    document = await scene.pods.read(scene.owner, url, max_bytes=1000)
    assert (document.url, document.content, document.media_type) == (url, TURTLE, "text/turtle")
    assert document.etag


async def test_malformed_documents_are_handed_over_unparsed_and_unconverted(scene: Scene) -> None:
    for name, kind in (("a.ttl", "text/turtle"), ("a.jsonld", "application/ld+json")):
        url = await scene.put(name, b"<a> <b ;", kind)
        async with asyncio.timeout(5):
            document = await scene.pods.read(scene.owner, url, max_bytes=1000)
        assert (document.content, document.media_type) == (b"<a> <b ;", kind)


@pytest.mark.parametrize(
    "kind", ["text/html", "text/n3", "application/json", "application/rdf+xml", "text/plain"]
)
async def test_what_is_not_stored_as_rdf_is_unreadable(scene: Scene, kind: str) -> None:
    url = await scene.put("a.x", b"<html>", kind)
    async with asyncio.timeout(5):
        with pytest.raises(PodUnreadable):
            await scene.pods.read(scene.owner, url, max_bytes=1000)


async def test_a_document_of_another_kind_is_read_only_as_what_it_is(scene: Scene) -> None:
    url = await scene.put("a.jwt", b"a.b.c", "application/vc+jwt")
    read = scene.pods.read_as
    assert (await read(scene.owner, url, "application/vc+jwt", max_bytes=100)).content == b"a.b.c"
    other = await scene.put("b.jwt", b"x", "text/plain")
    with pytest.raises(PodUnreadable):
        await read(scene.owner, other, "application/vc+jwt", max_bytes=1000)
    with pytest.raises(FetchTooLarge):
        await read(scene.owner, url, "application/vc+jwt", max_bytes=2)
    with pytest.raises(PodForbidden):
        await read(scene.stranger, url, "application/vc+jwt", max_bytes=100)


async def test_missing_and_forbidden_have_their_own_names(scene: Scene) -> None:
    url = await scene.put("a.ttl")
    with pytest.raises(PodNotFound):
        await scene.pods.read(scene.owner, scene.folder + "none.ttl", max_bytes=1000)
    with pytest.raises(PodForbidden):
        await scene.pods.read(scene.stranger, url, max_bytes=1000)
    with pytest.raises(PodForbidden):
        await scene.pods.state(scene.stranger, url)


async def test_state_tells_without_reading(scene: Scene) -> None:
    url = await scene.put("a.ttl", TURTLE)
    state = await scene.pods.state(scene.owner, url)
    assert (state.exists, state.media_type, state.size) == (True, "text/turtle", len(TURTLE))
    assert not (await scene.pods.state(scene.owner, scene.folder + "none.ttl")).exists


async def test_create_never_overwrites(scene: Scene) -> None:
    url = await scene.put("a.ttl", TURTLE)
    with pytest.raises(PodConflict):
        await scene.pods.create(scene.owner, url, b"<> a <x:Other> .", "text/turtle")
    assert (await scene.pods.read(scene.owner, url, max_bytes=1000)).content == TURTLE


async def test_of_many_creators_one_wins(anywhere: Scene) -> None:
    scene = anywhere
    url = scene.folder + "race.ttl"
    bodies = [b"<> <x:n> %d ." % number for number in range(8)]
    made = await asyncio.gather(
        *(scene.pods.create(scene.owner, url, body, "text/turtle") for body in bodies), return_exceptions=True
    )
    winners = [
        body for body, outcome in zip(bodies, made, strict=True) if not isinstance(outcome, BaseException)
    ]
    assert len(winners) == 1
    assert all(isinstance(one, PodConflict) for one in made if isinstance(one, BaseException))
    assert (await scene.pods.read(scene.owner, url, max_bytes=1000)).content == winners[0]


async def test_a_container_is_made_once_and_with_those_above(anywhere: Scene) -> None:
    scene = anywhere
    url = scene.folder + "deep/er/"
    await asyncio.gather(*(scene.pods.ensure_container(scene.owner, url) for _ in range(3)))
    await scene.pods.ensure_container(scene.owner, url)
    assert (await scene.pods.state(scene.owner, url)).exists
    assert (await scene.pods.state(scene.owner, scene.folder + "deep/")).exists


async def test_remove_respects_the_tag_and_is_idempotent(scene: Scene) -> None:
    url = await scene.put("a.ttl")
    with pytest.raises(PodConflict):
        await scene.pods.remove(scene.owner, url, '"1-text/turtle"')
    state = await scene.pods.state(scene.owner, url)
    await scene.pods.remove(scene.owner, url, state.etag)
    await scene.pods.remove(scene.owner, url)
    assert not (await scene.pods.state(scene.owner, url)).exists


# --- the door -----------------------------------------------------------------------------------------


async def test_a_door_gives_exactly_what_it_lists(anywhere: Scene) -> None:
    scene = anywhere
    listed, other = await scene.put("a.ttl", TURTLE), await scene.put("b.ttl")
    door = scene.door("a.ttl")
    assert door.write is not None
    assert await scene.pods.door_state(scene.owner, door) is DoorState.CLOSED
    assert await scene.pods.open_door(scene.owner, door) is DoorState.OPEN
    assert await scene.pods.door_state(scene.agent, door) is DoorState.OPEN
    assert (await scene.pods.read(scene.agent, listed, max_bytes=1000)).content == TURTLE
    result = door.write + "result.ttl"
    await scene.pods.create(scene.agent, result, TURTLE, "text/turtle")
    assert (await scene.pods.read(scene.agent, result, max_bytes=1000)).content == TURTLE
    for refused in (
        scene.pods.read(scene.agent, other, max_bytes=1000),
        scene.pods.create(scene.agent, scene.folder + "new.ttl", b"", "text/turtle"),
        scene.pods.remove(scene.agent, listed),
        scene.pods.read(scene.agent, await access_address(scene, listed), max_bytes=1000),
        scene.pods.read(scene.agent, await access_address(scene, door.write), max_bytes=1000),
        scene.pods.read(scene.stranger, listed, max_bytes=1000),
        scene.pods.read(scene.stranger, result, max_bytes=1000),
    ):
        with pytest.raises(PodForbidden):
            await refused


async def test_opening_twice_changes_nothing(scene: Scene) -> None:
    url = await scene.put("a.ttl")
    await scene.pods.open_door(scene.owner, scene.door("a.ttl"))
    address = await access_address(scene, url)
    before = await raw(scene, address)
    assert await scene.pods.open_door(scene.owner, scene.door("a.ttl")) is DoorState.OPEN
    assert await raw(scene, address) == before


async def test_closing_leaves_no_trace(anywhere: Scene) -> None:
    scene = anywhere
    url = await scene.put("a.ttl", TURTLE)
    door = scene.door("a.ttl")
    await scene.pods.open_door(scene.owner, door)
    assert await scene.pods.close_door(scene.owner, door) is DoorState.CLOSED
    assert await scene.pods.close_door(scene.owner, door) is DoorState.CLOSED
    assert await scene.pods.door_state(scene.agent, door) is DoorState.CLOSED
    assert await access_of(scene, url) is None
    assert await access_of(scene, str(door.write)) is None
    with pytest.raises(PodForbidden):
        await scene.pods.read(scene.agent, url, max_bytes=1000)
    assert (await scene.pods.read(scene.owner, url, max_bytes=1000)).content == TURTLE


async def test_the_owner_keeps_everything_through_opening_and_closing(scene: Scene) -> None:
    url = await scene.put("a.ttl")
    door = scene.door("a.ttl")
    for step in (scene.pods.open_door, scene.pods.close_door, scene.pods.open_door):
        await step(scene.owner, door)
        for place in (url, str(door.write)):
            status, _ = await raw(scene, await access_address(scene, place))
            assert status in (200, 404)  # 403 would be an owner who is locked out
            assert (await scene.pods.state(scene.owner, place)).exists
    inside = str(door.write) + "by-owner.ttl"
    await scene.pods.create(scene.owner, inside, TURTLE, "text/turtle")
    await scene.pods.remove(scene.owner, inside)


async def test_others_keep_their_access(anywhere: Scene) -> None:
    scene = anywhere
    url = await scene.put("a.ttl", TURTLE)
    stranger = Door(scene.stranger.webid, scene.owner.webid, (url,), None)
    await scene.pods.open_door(scene.owner, stranger)
    await scene.pods.open_door(scene.owner, scene.door("a.ttl"))
    assert (await scene.pods.read(scene.stranger, url, max_bytes=1000)).content == TURTLE
    await scene.pods.close_door(scene.owner, scene.door("a.ttl"))
    assert await scene.pods.door_state(scene.owner, stranger) is DoorState.OPEN
    assert (await scene.pods.read(scene.stranger, url, max_bytes=1000)).content == TURTLE


async def test_what_was_changed_meanwhile_stays_when_the_door_closes(scene: Scene) -> None:
    url = await scene.put("a.ttl", TURTLE)
    await scene.pods.open_door(scene.owner, scene.door("a.ttl"))
    written = await access_of(scene, url)
    assert written is not None
    await raw(scene, written.url, method="PUT", content=friend_of(scene, written, url))
    assert await scene.pods.close_door(scene.owner, scene.door("a.ttl")) is DoorState.CLOSED
    left = await access_of(scene, url)
    assert left is not None
    assert scene.agent.webid not in to_turtle(left).decode()
    assert (await raw(scene, left.url))[0] == 200, "the owner still controls it"
    assert (await scene.pods.read(scene.stranger, url, max_bytes=1000)).content == TURTLE


async def test_doors_opened_at_once_are_all_open(scene: Scene) -> None:
    await scene.put("a.ttl")
    doors = [
        Door(agent, scene.owner.webid, (scene.folder + "a.ttl",), scene.folder + "results/")
        for agent in (scene.agent.webid, scene.stranger.webid, scene.pod + "someone#it")
    ]
    await asyncio.gather(*(scene.pods.open_door(scene.owner, door) for door in doors))
    assert [await scene.pods.door_state(scene.owner, door) for door in doors] == [DoorState.OPEN] * 3
    await asyncio.gather(*(scene.pods.close_door(scene.owner, door) for door in doors))
    assert [await scene.pods.door_state(scene.owner, door) for door in doors] == [DoorState.CLOSED] * 3
    assert (await scene.pods.state(scene.owner, scene.folder + "a.ttl")).exists


async def test_a_missing_document_is_passed_over(scene: Scene) -> None:
    await scene.put("a.ttl")
    assert await scene.pods.open_door(scene.owner, scene.door("a.ttl", "none.ttl")) is DoorState.OPEN
    assert await access_of(scene, scene.folder + "none.ttl") is None


async def test_half_a_door_is_partial(scene: Scene) -> None:
    await scene.put("a.ttl")
    await scene.put("b.ttl")
    await scene.pods.open_door(scene.owner, scene.door("a.ttl", write=None))
    both = scene.door("a.ttl", "b.ttl", write=None)
    assert await scene.pods.door_state(scene.owner, both) is DoorState.PARTIAL
    assert await scene.pods.door_state(scene.agent, both) is DoorState.PARTIAL


@pytest.mark.parametrize("more", [set(), {Mode.APPEND}, {Mode.WRITE}])
async def test_the_agent_is_told_whether_it_may_write_before_it_writes(scene: Scene, more: set[Mode]) -> None:
    """With Web Access Control by a header; else by a write that can do nothing."""
    door, container = scene.door(write="results/"), scene.folder + "results/"
    assert await scene.pods.open_door(scene.owner, door) is DoorState.OPEN
    assert await scene.pods.door_state(scene.agent, door) is DoorState.OPEN
    address = await access_address(scene, container)
    _, text = await raw(scene, address)
    document = access_document(control_document(text, "text/turtle", address), address)
    agent, modes = scene.agent.webid, {Mode.READ, *more}
    if kind_of_content(document) is AccessControl.WAC:
        changed = wac.opened(document, container, agent, scene.owner.webid, modes, below=True)
    else:
        changed = acp.opened(document, container, agent, modes, below=True)
    assert (await raw(scene, address, method="PUT", content=to_turtle(changed)))[0] in (200, 201, 204, 205)
    expected = DoorState.OPEN if Mode.WRITE in more else DoorState.PARTIAL
    assert await scene.pods.door_state(scene.agent, door) is expected
    listed = await scene.pods.listing(scene.owner, container)
    assert listed is not None
    assert (listed.documents, listed.containers) == ((), ()), "asking left nothing behind"


async def test_only_the_owner_opens_doors(scene: Scene) -> None:
    await scene.put("a.ttl")
    with pytest.raises(PodForbidden):
        await scene.pods.open_door(scene.stranger, scene.door("a.ttl", write=None))


def _capitals(url: str) -> str:
    return url.replace("localhost", "LOCALHOST")


@pytest.mark.parametrize(
    "otherwise",
    [
        _capitals,
        lambda url: url.replace("/a.ttl", "/x/../a.ttl"),
        lambda url: url.replace("/a.ttl", "/%61.ttl"),
    ],
)
async def test_a_door_that_is_spelled_otherwise_takes_nothing_from_its_owner(
    scene: Scene, otherwise: Callable[[str], str]
) -> None:
    """A list for another spelling would replace the one that lets the owner in, and let in nobody."""
    url = await scene.put("a.ttl", TURTLE)
    door = Door(scene.agent.webid, scene.owner.webid, (otherwise(url),), _capitals(scene.folder) + "results/")
    for attempt in (scene.pods.open_door, scene.pods.door_by_hand):
        with pytest.raises(AddressSpelledOtherwise):
            await attempt(scene.owner, door)
    assert await raw(scene, url) == (200, TURTLE)
    assert await access_of(scene, url) is None
    assert not (await scene.pods.state(scene.owner, scene.folder + "results/")).exists


@pytest.mark.parametrize("name", ["my%20%C3%A9(1).ttl", "a%40b%24c%26d.ttl", "a%2Cb%3Bc%3Dd%2Be.ttl"])
async def test_a_name_with_escapes_is_listed_opened_and_read(scene: Scene, name: str) -> None:
    """As the pod spells it: a server compares the proof's address with its own text."""
    url, door = await scene.put(name, TURTLE), scene.door(name)
    listed = await scene.pods.listing(scene.owner, scene.folder)
    assert listed is not None
    assert listed.documents == (url,)
    assert await scene.pods.open_door(scene.owner, door) is DoorState.OPEN
    assert (await scene.pods.read(scene.agent, url, max_bytes=1000)).content == TURTLE
    assert await scene.pods.close_door(scene.owner, door) is DoorState.CLOSED
    assert await raw(scene, url) == (200, TURTLE)


@pytest.mark.parametrize("name", ["a%3Ab.ttl", "at%3A1/a%7Cb.ttl"])
@pytest.mark.parametrize("as_listed", [False, True])
async def test_a_name_that_files_cannot_have_is_opened_at_either_address(
    scene: Scene, name: str, as_listed: bool
) -> None:
    """The server lists it otherwise than it was made, and answers at both: its owner keeps both."""
    if isinstance(scene.server, AwkwardPod):
        scene.server.misbehave("*", Awkward.TWO_ADDRESSES)
    made = await scene.put(name, TURTLE)
    listed = made.replace("%3A", "%253A").replace("%7C", "%257C")
    url = listed if as_listed else made
    assert (await raw(scene, made), await raw(scene, listed)) == ((200, TURTLE), (200, TURTLE))
    door = Door(scene.agent.webid, scene.owner.webid, (url,), None)
    assert await scene.pods.open_door(scene.owner, door) is DoorState.OPEN
    assert await scene.pods.open_door(scene.owner, door) is DoorState.OPEN
    assert (await scene.pods.read(scene.agent, url, max_bytes=1000)).content == TURTLE
    assert (await raw(scene, made), await raw(scene, listed)) == ((200, TURTLE), (200, TURTLE))
    assert await scene.pods.close_door(scene.owner, door) is DoorState.CLOSED
    assert (await raw(scene, made), await raw(scene, listed)) == ((200, TURTLE), (200, TURTLE))
    with pytest.raises(PodForbidden):
        await scene.pods.read(scene.agent, url, max_bytes=1000)


async def test_the_pods_own_log_shows_who_asked(anywhere: Scene) -> None:
    scene = anywhere
    url = await scene.put("a.ttl")
    mark = scene.server.mark()
    await scene.pods.read(scene.owner, url, max_bytes=1000)
    path = "/" + url.split("/", 3)[3]
    assert (("GET", path)) in [(one.method, one.path) for one in scene.server.requests_since(mark)]
    assert scene.server.webids_since(mark) == [scene.owner.webid]
