"""Reading only what has changed: the double and the real server answer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Scene

MOST = 50_000


def says_modes(request: pytest.FixtureRequest) -> bool:
    """Only Web Access Control has a header for it; a server with policies does not say."""
    return "acp" not in request.node.name


async def test_only_what_has_changed_is_read(scene: Scene, request: pytest.FixtureRequest) -> None:
    url = await scene.put("a.ttl")
    await scene.pods.open_door(scene.owner, scene.door("a.ttl", write=None))
    first = await scene.pods.read(scene.agent, url, max_bytes=MOST)
    assert first.etag
    assert first.allowed == ({"read"} if says_modes(request) else None)
    for tag in (first.etag, first.etag):
        assert await scene.pods.read_changed(scene.agent, url, tag, max_bytes=MOST) is None
    await scene.pods.remove(scene.owner, url)
    await scene.put("a.ttl", b"<> a <x:Z> .")
    await scene.pods.open_door(scene.owner, scene.door("a.ttl", write=None))
    again = await scene.pods.read_changed(scene.agent, url, first.etag, max_bytes=MOST)
    assert again is not None
    assert again.content == b"<> a <x:Z> ."


@pytest.mark.parametrize("tag", [None, "", "unquoted", '"another"', "*"])
async def test_any_other_tag_has_the_document_read(scene: Scene, tag: str | None) -> None:
    url = await scene.put("a.ttl")
    found = await scene.pods.read_changed(scene.owner, url, tag, max_bytes=MOST)
    assert found is not None
    assert found.content


async def test_a_reader_who_may_do_more_is_told_so(scene: Scene, request: pytest.FixtureRequest) -> None:
    url = await scene.put("a.ttl")
    found = await scene.pods.read(scene.owner, url, max_bytes=MOST)
    assert (found.allowed is not None) is says_modes(request)
    assert found.allowed is None or found.allowed >= {"read", "write"}
