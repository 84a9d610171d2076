"""A server that does not look at conditions: nothing of anybody's is overwritten; it is named a conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from solidgate.errors import PodConflict
from solidgate.testing.pod import Awkward

if TYPE_CHECKING:
    from conftest import Visit

OURS, THEIRS = b"<> <x:ours> 1 .", b"<> <x:theirs> 1 ."
TURTLE = "text/turtle"


def asked(visit: Visit, mark: int) -> list[tuple[str, int]]:
    found = visit.server.requests_since(mark)
    return [(one.method, one.status) for one in found if one.path.startswith("/alice/energy/")]


@pytest.fixture(params=["the first write at the server", "a later one"])
async def ignoring(request: pytest.FixtureRequest, visit: Visit) -> Visit:
    """A pod that ignores conditions, not known yet or found out already."""
    visit.server.misbehave("*", Awkward.IGNORES_CONDITIONS)
    if request.param == "a later one":
        made = await visit.pods.create(visit.owner, f"{visit.alice.pod}energy/own.ttl", OURS, TURTLE)
        await visit.pods.replace(visit.owner, made.url, OURS, TURTLE, made.etag or await tag(visit, made.url))
    return visit


async def tag(visit: Visit, url: str) -> str | None:
    return (await visit.pods.state(visit.owner, url)).etag


async def test_what_is_there_is_not_created_over(ignoring: Visit) -> None:
    url = f"{ignoring.alice.pod}energy/b.ttl"
    ignoring.server.put(url, THEIRS)
    with pytest.raises(PodConflict):
        await ignoring.pods.create(ignoring.owner, url, OURS, TURTLE)
    assert ignoring.server.content(url) == THEIRS
    new = f"{ignoring.alice.pod}energy/c.ttl"
    await ignoring.pods.create(ignoring.owner, new, OURS, TURTLE)
    assert ignoring.server.content(new) == OURS


@pytest.mark.parametrize("by_get", [False, True])
async def test_another_version_is_not_replaced(ignoring: Visit, by_get: bool) -> None:
    visit, url = ignoring, f"{ignoring.alice.pod}energy/b.ttl"
    visit.server.put(url, OURS)
    stale = await tag(visit, url)
    visit.server.put(url, THEIRS)
    fresh = await tag(visit, url)
    if by_get:
        visit.server.misbehave("/alice/energy/b.ttl", Awkward.TAG_BY_METHOD)
    with pytest.raises(PodConflict):
        await visit.pods.replace(visit.owner, url, OURS, TURTLE, stale)
    assert visit.server.content(url) == THEIRS
    await visit.pods.replace(visit.owner, url, OURS, TURTLE, fresh)
    assert visit.server.content(url) == OURS
    visit.server._shelves.delete(url)
    with pytest.raises(PodConflict):
        await visit.pods.replace(visit.owner, url, OURS, TURTLE, fresh)
    assert visit.server.content(url) is None


async def test_where_conditions_are_honoured_a_write_is_one_request(visit: Visit) -> None:
    made = []
    for number in range(3):
        mark = visit.server.mark()
        url = f"{visit.alice.pod}energy/{number}.ttl"
        await visit.pods.create(visit.owner, url, OURS, TURTLE)
        made.append(asked(visit, mark))
    assert made == [[("HEAD", 404), ("PUT", 201), ("PUT", 412)], [("PUT", 201)], [("PUT", 201)]]
    replaced = []
    for number in range(2):
        url = f"{visit.alice.pod}energy/{number}.ttl"
        etag, mark = await tag(visit, url), visit.server.mark()
        await visit.pods.replace(visit.owner, url, THEIRS, TURTLE, etag)
        replaced.append(asked(visit, mark))
    assert replaced == [[("HEAD", 200), ("PUT", 412), ("PUT", 205)], [("PUT", 205)]]


async def test_what_is_gone_is_not_made_anew_by_a_replacement(visit: Visit) -> None:
    visit.server.misbehave("*", Awkward.MAKES_ANEW)
    for name in ("a", "b"):  # not known yet, then known
        url = f"{visit.alice.pod}energy/{name}.ttl"
        visit.server.put(url, OURS)
        etag = await tag(visit, url)
        await visit.pods.replace(visit.owner, url, THEIRS, TURTLE, etag)
        etag = await tag(visit, url)
        visit.server._shelves.delete(url)
        with pytest.raises(PodConflict):
            await visit.pods.replace(visit.owner, url, OURS, TURTLE, etag)
        assert visit.server.content(url) is None
