"""The double's own honesty: whom it lets in, what it keeps in its log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from solidgate.testing.pod import Awkward, AwkwardPod, Resident


@pytest.fixture
async def server() -> AsyncIterator[AwkwardPod]:
    async with AwkwardPod() as found:
        yield found


@pytest.fixture
def alice(server: AwkwardPod) -> Resident:
    person = server.add_person("alice")
    server.put(person.pod + "a.ttl", b"<> <x:p> 1 .")
    return person


async def status(url: str, headers: dict[str, str], method: str = "GET") -> int:
    async with aiohttp.ClientSession() as http, http.request(method, url, headers=headers) as reply:
        return reply.status


async def test_who_is_let_in(server: AwkwardPod, alice: Resident) -> None:
    url, now = alice.pod + "a.ttl", datetime.now(UTC)
    access, other = server.access(alice.webid), server.access(server.add_agent("it").webid)
    good = dict(access.headers("GET", url, now))
    assert await status(url, {}) == 401
    assert await status(url, good) == 200
    assert await status(url, good) == 401, "a proof is good once"
    assert await status(url, dict(other.headers("GET", url, now))) == 403
    assert await status(url, dict(access.headers("PUT", url, now))) == 401
    assert await status(url, dict(access.headers("GET", url + "x", now))) == 401
    assert await status(url, dict(access.headers("GET", url, now - timedelta(minutes=9)))) == 401
    swapped = {**access.headers("GET", url, now), "DPoP": other.headers("GET", url, now)["DPoP"]}
    assert await status(url, swapped) == 401
    assert await status(url, {"Authorization": f"Bearer {access.token}"}) == 401


async def test_a_token_needs_a_profile_that_names_its_issuer(server: AwkwardPod, alice: Resident) -> None:
    stranger = server.access(f"{server.base_url}nobody#me")
    assert (
        await status(
            alice.pod + "a.ttl", dict(stranger.headers("GET", alice.pod + "a.ttl", datetime.now(UTC)))
        )
        == 401
    )
    expired = server.access(alice.webid, lifetime=timedelta(minutes=-5))
    assert (
        await status(
            alice.pod + "a.ttl", dict(expired.headers("GET", alice.pod + "a.ttl", datetime.now(UTC)))
        )
        == 401
    )


async def test_the_log_is_in_order_and_names_the_agent(server: AwkwardPod, alice: Resident) -> None:
    access, url = server.access(alice.webid), alice.pod + "a.ttl"
    await status(url, dict(access.headers("GET", url, datetime.now(UTC))))
    mark = server.mark()
    await status(url, {})
    await status(url, dict(access.headers("HEAD", url, datetime.now(UTC))), "HEAD")
    seen = server.requests_since(mark)
    assert [(one.method, one.agent, one.status) for one in seen] == [
        ("GET", None, 401),
        ("HEAD", alice.webid, 200),
    ]
    assert [one.order for one in seen] == sorted(one.order for one in server.requests)[-2:]


async def test_awkwardness_begins_and_ends_when_told(server: AwkwardPod, alice: Resident) -> None:
    access, url = server.access(alice.webid), alice.pod + "a.ttl"

    async def ask() -> int:
        return await status(url, dict(access.headers("GET", url, datetime.now(UTC))))

    server.misbehave("/alice/a.ttl", Awkward.BROKEN, amount=503, after=1, times=2)
    assert [await ask() for _ in range(4)] == [200, 503, 503, 200]
    server.misbehave("/alice/a.ttl", Awkward.VANISHED)
    assert await ask() == 404
    server.behave()
    assert await ask() == 200


def test_every_behaviour_has_its_heading() -> None:
    page = Path(__file__).parents[3].joinpath("docs/reference/awkward-pod.md").read_text()
    for kind in Awkward:
        assert f"### {kind.value} " in page, kind.name
