"""A pod that does not believe who asks: it is told apart from a closed door, and from what is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.refused_credentials import credentials_refused
from solidgate.adapters.solid_pod import SolidPod
from solidgate.errors import CredentialsRefused, DoorNotOpen, PodForbidden
from solidgate.flow.pull import pull
from solidgate.pod.door import Door, DoorState
from solidgate.ports import Access
from solidgate.testing.gate import MovableClock
from tests.refusals.pod.conftest import LIMITS, POLICY
from tests.refusals.pod.grant_scene import Scene

if TYPE_CHECKING:
    from conftest import Visit


@dataclass(frozen=True)
class Unsigned:
    """An access whose proof is for another address, which no pod believes."""

    access: Access

    @property
    def webid(self) -> str:
        return self.access.webid

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        return self.access.headers(method, url + "other", now, nonce)


@asynccontextmanager
async def as_of(visit: Visit, ahead: timedelta) -> AsyncIterator[Visit]:
    """The same pod, seen from a machine whose clock is off."""
    clock = MovableClock(ahead)
    fetcher = GuardedFetcher(POLICY, clock)
    try:
        yield replace(visit, fetcher=fetcher, pods=SolidPod(fetcher, clock, LIMITS))
    finally:
        await fetcher.aclose()


async def opened(visit: Visit) -> tuple[tuple[str, ...], Door]:
    urls = (visit.document, visit.document.replace("a.ttl", "b.ttl"))
    visit.server.put(urls[1], b"<> <x:p> 2 .")
    door = Door(visit.agent.webid, visit.owner.webid, urls, f"{visit.alice.pod}results/")
    await visit.pods.open_door(visit.owner, door)
    return urls, door


@pytest.mark.parametrize(("seconds", "says"), [(300, "behind ours"), (-300, "ahead of ours")])
async def test_clocks_that_differ_are_named_with_how_much(visit: Visit, seconds: int, says: str) -> None:
    urls, door = await opened(visit)
    async with as_of(visit, timedelta(seconds=seconds)) as late:
        with pytest.raises(CredentialsRefused, match=rf"the pod's clock is (29\d|30\d|310) s {says}"):
            await pull(late.world(), late.active(*urls), late.agent, urls, door)


@pytest.mark.parametrize("optional", [False, True])
async def test_credentials_that_are_not_believed_close_no_door_and_hide_no_document(
    visit: Visit, optional: bool
) -> None:
    urls, door = await opened(visit)
    left_out = urls if optional else ()
    stranger = Unsigned(visit.agent)
    with pytest.raises(CredentialsRefused) as refusal:
        await pull(visit.world(), visit.active(*urls), stranger, urls, door, optional=left_out)
    assert refusal.value.detail == "status 401"
    assert refusal.value.code == "pod.credentials-refused"


async def test_a_door_that_nobody_believed_may_look_at_is_not_told_as_closed(visit: Visit) -> None:
    _, door = await opened(visit)
    assert await visit.pods.door_state(visit.agent, door) is DoorState.OPEN
    with pytest.raises(CredentialsRefused):
        await visit.pods.door_state(Unsigned(visit.agent), door)


async def test_a_closed_door_is_still_one(visit: Visit) -> None:
    urls, door = await opened(visit)
    await visit.pods.close_door(visit.owner, replace(door, write=None))
    with pytest.raises(DoorNotOpen):
        await pull(visit.world(), visit.active(*urls), visit.agent, urls, door)
    pulled = await pull(visit.world(), visit.active(*urls), visit.agent, urls, door, optional=urls)
    assert pulled.skipped == urls


async def test_where_a_grant_opens_401_is_a_closed_door(uma: Scene) -> None:
    url = uma.door.read[0]
    with pytest.raises(PodForbidden) as refusal:  # no grant yet: this server answers 401 for that
        await uma.pods.read_changed(uma.access(uma.agent), url, None, max_bytes=1000)
    assert type(refusal.value) is PodForbidden


@dataclass(frozen=True)
class Answer:
    """A 401 with this ``Date``."""

    date: str
    status: int = 401
    url: str = "https://pod.example/a.ttl"
    content: bytes = b""

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Date": self.date} if self.date else {}

    def header_values(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers.items() if key == name)


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "detail"),
    [
        ("", "status 401"),
        ("yesterday", "status 401"),
        ("Fri, 99 Nov 2026 12:00:00 GMT", "status 401"),
        (format_datetime(NOW + timedelta(seconds=60)), "status 401"),
        (format_datetime(NOW - timedelta(seconds=60)), "status 401"),
        (format_datetime(NOW + timedelta(seconds=61)), "status 401; the pod's clock is 61 s ahead of ours"),
        (format_datetime(NOW - timedelta(seconds=90)), "status 401; the pod's clock is 90 s behind ours"),
        ("Fri, 27 Nov 2026 12:01:30", "status 401; the pod's clock is 90 s ahead of ours"),
    ],
)
def test_the_date_of_the_answer_tells(date: str, detail: str) -> None:
    assert credentials_refused(Answer(date), NOW).detail == detail
