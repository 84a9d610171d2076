"""Where a pod cannot reach us the worker listens at it: sockets that break off, or say too much."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from solidgate.adapters.sql.watches import Watches
from solidgate.flow.listen import Listener
from solidgate.pod.notification import ChannelKind
from solidgate.testing.called import open_called
from solidgate.testing.pod_notifications import FLOOD, Call


async def test_where_a_pod_cannot_reach_us_the_worker_listens(database_url: str, tmp_path: Path) -> None:
    async with open_called(database_url, tmp_path, channel="websocket") as called:
        _, consent_id, documents = await called.say_yes("anna")
        await called.work()
        found = await called.channels(consent_id)
        assert {row.channel.kind for row in found} == {ChannelKind.WEBSOCKET}
        listener = Listener(called.enclave)
        assert await listener.turn() == 2
        other = Listener(called.enclave)
        assert await other.turn() == 0, "another worker leaves them alone"
        try:
            await _until(lambda: all(one.sockets for one in called.pod.notifications.channels.values()))
            await called.work()
            assert await called.runs() == (), "the look at the beginning finds nothing new"
            await called.change(documents[0], 1)
            await asyncio.sleep(0.2)
            await called.work()
            assert len(await called.runs()) == 1
        finally:
            await listener.aclose()


async def test_a_socket_that_breaks_off_is_opened_again(database_url: str, tmp_path: Path) -> None:
    async with open_called(database_url, tmp_path, channel="websocket") as called:
        _, _, documents = await called.say_yes("anna")
        await called.work()
        called.pod.notifications.misbehave(Call.BREAKS_OFF)
        listener = Listener(called.enclave)
        await listener.turn()
        try:
            mark = called.pod.mark()
            await _until(lambda: [one for one in called.pod.requests_since(mark) if one.method == "GET"])
            called.pod.notifications.misbehave()
            await _until(lambda: all(one.sockets for one in called.pod.notifications.channels.values()))
            await called.change(documents[1], 1)
            await asyncio.sleep(0.2)
            await called.work()
            assert len(await called.runs()) == 1
        finally:
            await listener.aclose()


async def test_a_socket_that_says_too_much_is_not_read_for_a_while(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty frames too: none of them is the opening, which looks at everything without being counted."""
    taken: Counter[str] = Counter()
    honest = Watches.take

    async def counted(self: Watches, channel_id: str, *rest: Any) -> float:
        taken[channel_id] += 1
        return await honest(self, channel_id, *rest)

    monkeypatch.setattr(Watches, "take", counted)
    async with open_called(database_url, tmp_path, channel="websocket", per_minute=1, burst=2) as called:
        await called.say_yes("anna")
        await called.work()
        listener = Listener(called.enclave)
        await listener.turn()
        try:
            channels = called.pod.notifications.channels.values()
            await _until(lambda: all(one.sockets for one in channels))
            await asyncio.sleep(0.2)
            await called.work()
            mark = called.pod.mark()
            for one in channels:
                for _ in range(FLOOD):
                    await one.sockets[0].send_str("")
            await _until(lambda: len(taken) == 2 and min(taken.values()) >= 3)
            await asyncio.sleep(0.5)
            assert set(taken.values()) == {3}, "the burst, the one too many, and then a pause"
            await called.work()
            assert called.looks(mark) == 0
        finally:
            await listener.aclose()


async def _until(holds: object) -> None:
    for _ in range(100):
        if holds():  # type: ignore[operator]
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not within five seconds")
