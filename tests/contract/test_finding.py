"""Finding on a real Community Solid Server and on the double: the same index, the same containers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from solidgate.errors import PodConflict, PodForbidden
from solidgate.pod.rdf import control_document
from solidgate.pod.type_index import Registration

if TYPE_CHECKING:
    from conftest import Scene

SOLID = "http://www.w3.org/ns/solid/terms#"
PIM = "http://www.w3.org/ns/pim/space#"
KIND = "http://www.w3.org/ns/sosa/Observation"


async def replaced(scene: Scene, url: str, content: str) -> None:
    """Any document, written by its owner, over what was there."""
    reply = await scene.fetcher.fetch(
        "PUT",
        url,
        access=scene.owner,
        headers={"Content-Type": "text/turtle"},
        content=content.encode(),
        max_bytes=10**6,
    )
    assert reply.status in (200, 201, 205), reply.status


async def with_profile(scene: Scene, *statements: str) -> None:
    """The owner's profile, with more of it."""
    url = scene.owner.webid.partition("#")[0]
    reply = await scene.fetcher.fetch("GET", url, headers={"Accept": "text/turtle"}, max_bytes=10**6)
    kept = [
        q for q in control_document(reply.content, "text/turtle", url) if "Index" not in q.predicate.value
    ]
    lines = [f"{q.triple} ." for q in kept if not q.predicate.value.startswith(PIM + "pref")]
    await replaced(scene, url, "\n".join((*lines, *statements)))


async def test_both_indexes_are_read_as_the_person(scene: Scene) -> None:
    me, folder = scene.owner.webid, scene.folder
    public, private, prefs = (f"{folder}settings/{name}.ttl" for name in ("public", "private", "prefs"))
    registered = f"<#r> a <{SOLID}TypeRegistration> ; <{SOLID}forClass> <{KIND}> ; <{SOLID}%s> <%s> ."
    await replaced(scene, public, registered % ("instance", f"{folder}a.ttl#it"))
    await replaced(scene, private, registered % ("instanceContainer", f"{folder}energy/"))
    await replaced(scene, prefs, f"<{me}> <{SOLID}privateTypeIndex> <{private}> .")
    await with_profile(
        scene, f"<{me}> <{SOLID}publicTypeIndex> <{public}> .", f"<{me}> <{PIM}preferencesFile> <{prefs}> ."
    )
    found = await scene.pods.catalogue(scene.owner, {KIND})
    assert found.read == (public, private)
    assert set(found.registrations) == {
        Registration(KIND, f"{folder}a.ttl", False),
        Registration(KIND, f"{folder}energy/", True),
    }
    assert found.closed == ()


async def test_an_index_that_does_not_open_is_told(scene: Scene) -> None:
    me, gone = scene.owner.webid, f"{scene.folder}gone.ttl"
    broken = await scene.put("broken.ttl", b"<a> <b ;")
    await with_profile(
        scene, f"<{me}> <{SOLID}publicTypeIndex> <{gone}> ; <{SOLID}privateTypeIndex> <{broken}> ."
    )
    found = await scene.pods.catalogue(scene.owner, {KIND})
    assert (found.registrations, found.read, set(found.closed)) == ((), (), {gone, broken})


async def test_a_profile_without_an_index_is_an_answer(scene: Scene) -> None:
    await with_profile(scene)
    found = await scene.pods.catalogue(scene.owner, {KIND})
    assert (found.registrations, found.read, found.closed) == ((), (), ())


async def test_a_container_lists_its_children_and_no_list_of_access(scene: Scene) -> None:
    inside = await scene.put("energy/a.ttl")
    await scene.put("energy/deep/b.ttl")
    await scene.pods.open_door(scene.owner, scene.door("energy/a.ttl"))  # writes a.ttl.acl
    seen = await scene.pods.listing(scene.owner, f"{scene.folder}energy/")
    assert seen is not None
    assert (seen.documents, seen.containers) == ((inside,), (f"{scene.folder}energy/deep/",))
    assert not seen.cut


async def test_a_large_container_comes_whole_up_to_the_bound(scene: Scene) -> None:
    for number in range(30):
        await scene.put(f"many/{number:03}.ttl")
    seen = await scene.pods.listing(scene.owner, f"{scene.folder}many/")
    assert seen is not None
    assert len(seen.documents) == 30
    assert list(seen.documents) == sorted(seen.documents)


async def test_missing_and_closed_containers_are_told_apart(scene: Scene) -> None:
    assert await scene.pods.listing(scene.owner, f"{scene.folder}none/") is None
    await scene.put("energy/a.ttl")
    with pytest.raises(PodForbidden):
        await scene.pods.listing(scene.stranger, f"{scene.folder}energy/")


async def test_further_documents_of_a_profile_name_the_storage(scene: Scene) -> None:
    """As servers do that keep the WebID document short and public."""
    me, more = scene.owner.webid, f"{scene.folder}more.ttl"
    await replaced(scene, more, f"<{me}> <{PIM}storage> <{scene.pod}> .")
    url = me.partition("#")[0]
    reply = await scene.fetcher.fetch("GET", url, headers={"Accept": "text/turtle"}, max_bytes=10**6)
    kept = [
        f"{q.triple} ."
        for q in control_document(reply.content, "text/turtle", url)
        if q.predicate.value != f"{PIM}storage"
    ]
    see = f"<{me}> <http://www.w3.org/2000/01/rdf-schema#seeAlso> <{more}> ."
    await replaced(scene, url, "\n".join((*kept, see)))
    try:
        mark = scene.server.mark()
        assert await scene.pods.storages(me, scene.owner) == (scene.pod,)
        asked = {one.path for one in scene.server.requests_since(mark)}
        assert "/" + more.split("/", 3)[3] in asked
    finally:
        await replaced(scene, url, reply.content.decode())


async def test_replacing_takes_the_version_that_was_seen(scene: Scene) -> None:
    url = await scene.put("latest.ttl", b"<a> <b> 1 .")
    seen = await scene.pods.read(scene.owner, url, max_bytes=1000)
    await scene.pods.replace(scene.owner, url, b"<a> <b> 2 .", "text/turtle", seen.etag)
    assert (await scene.pods.read(scene.owner, url, max_bytes=1000)).content == b"<a> <b> 2 ."
    for stale in (seen.etag, 'W/"1"', None):
        with pytest.raises(PodConflict):
            await scene.pods.replace(scene.owner, url, b"<a> <b> 3 .", "text/turtle", stale)
    assert (await scene.pods.read(scene.owner, url, max_bytes=1000)).content == b"<a> <b> 2 ."


async def test_of_many_who_replace_one_wins(scene: Scene) -> None:
    url = await scene.put("latest.ttl", b"<a> <b> 1 .")
    seen = await scene.pods.read(scene.owner, url, max_bytes=1000)
    bodies = [b"<> <x:n> %d ." % number for number in range(6)]
    made = await asyncio.gather(
        *(scene.pods.replace(scene.owner, url, body, "text/turtle", seen.etag) for body in bodies),
        return_exceptions=True,
    )
    winners = [
        body for body, outcome in zip(bodies, made, strict=True) if not isinstance(outcome, BaseException)
    ]
    assert len(winners) == 1
    assert (await scene.pods.read(scene.owner, url, max_bytes=1000)).content == winners[0]


async def test_what_is_gone_is_not_made_anew_by_a_replacement(scene: Scene) -> None:
    """The real server makes it, tag or no tag: it is taken away again."""
    for _ in range(2):
        url = await scene.put("gone.ttl", b"<a> <b> 1 .")
        tag = (await scene.pods.state(scene.owner, url)).etag
        await scene.pods.replace(scene.owner, url, b"<a> <b> 2 .", "text/turtle", tag)
        tag = (await scene.pods.state(scene.owner, url)).etag
        await scene.pods.remove(scene.owner, url)
        with pytest.raises(PodConflict):
            await scene.pods.replace(scene.owner, url, b"<a> <b> 3 .", "text/turtle", tag)
        assert not (await scene.pods.state(scene.owner, url)).exists
