"""What pods that call back lead to, and what they do not: one change, one run; many hints, few looks."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.tables import watches
from solidgate.errors import NoChannel
from solidgate.flow import erase, look, rerun, run, subscribe, withdraw
from solidgate.run.state import RunState
from solidgate.testing.awkward import Awkward
from solidgate.testing.called import Called, open_called
from solidgate.testing.pod import AwkwardPod
from solidgate.testing.pod_notifications import FLOOD, Call, PodNotifications, Subscription, activity_of
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker.house import keep_house


@pytest.fixture
async def called(database_url: str, tmp_path: Path) -> AsyncIterator[Called]:
    async with open_called(database_url, tmp_path) as ground:
        yield ground


def of(called: Called, url: str) -> Subscription:
    return next(one for one in called.pod.notifications.channels.values() if one.topic == url)


async def people(called: Called, run_id: str) -> int:
    async with called.world.store.transaction() as tx:
        states, _ = await tx.runs.counts(run_id)
    return sum(states.values())


async def test_a_change_leads_to_one_run_for_that_person_only(called: Called) -> None:
    _, hers, documents = await called.say_yes("anna")
    await called.say_yes("ben")
    await called.work()
    assert await called.runs() == (), "subscribing starts nothing"
    assert len(called.pod.notifications.channels) == 4
    channel = of(called, documents[0])
    assert channel.send_to.startswith(f"{called.world.public_url}notifications/")
    assert all(channel.send_to.rpartition("/")[2] not in repr(row) for row in await called.channels(hers))

    await called.change(documents[0], 1)
    assert channel.answers == [202]
    await called.work()
    (only,) = await called.runs()
    assert (only.state, await people(called, only.run_id)) == (RunState.FINISHED, 1)
    # Its own result was written; nobody is told of it, and a look finds nothing new.
    async with called.world.store.transaction() as tx:
        await subscribe.look_at_all(called.world, tx, hers, called.world.clock.now())
    await called.work()
    assert len(await called.runs()) == 1


async def test_changes_within_the_time_to_settle_are_one_run(called: Called) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    for number in range(6):
        await called.change(documents[number % 2], number)
    await called.work()
    assert len(await called.runs()) == 1


async def test_while_a_run_is_open_what_changes_waits_for_one_run_after_it(called: Called) -> None:
    _, _, documents = await called.say_yes("anna")
    _, _, others = await called.say_yes("ben")
    await called.work()
    open_run = await run.start(called.world, CONSUMER, SPACE)
    # The run does not go on yet: only looks are done.
    for number in range(3):
        await called.change(documents[0], number)
        await called.change(others[1], number)
        await asyncio.sleep(0.1)
        await called.jobs.run_worker_async(
            queues=["looks"], wait=False, install_signal_handlers=False, listen_notify=False
        )
    assert [one.run_id for one in await called.runs()] == [open_run]
    assert await rerun.again(called.world, SPACE) is None
    await called.work()
    after, first = await called.runs()
    assert (first.run_id, await people(called, after.run_id)) == (open_run, 2)


@pytest.mark.parametrize("how", [Call.TWICE, Call.REPLAYS])
async def test_the_same_news_again_is_no_news(called: Called, how: Call) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    called.pod.notifications.misbehave(how)
    await called.change(documents[0], 1)
    wanted = {Call.TWICE: [202, 202], Call.REPLAYS: [202, 401]}[how]
    assert of(called, documents[0]).answers == wanted
    await called.work()
    assert len(await called.runs()) == 1


REFUSED = {
    Call.OTHER_KEY: 401,
    Call.OTHER_POD: 403,
    Call.OTHER_ADDRESS: 401,
    Call.EXPIRED: 401,
    Call.MILLISECONDS: 401,
    Call.NONSENSE: 400,
}


@pytest.mark.parametrize("how", REFUSED)
async def test_what_is_not_from_the_recorded_sender_leads_to_nothing(called: Called, how: Call) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    called.pod.notifications.misbehave(how)
    mark = called.pod.mark()
    await called.change(documents[0], 1)
    assert of(called, documents[0]).answers == [REFUSED[how]]
    await called.work()
    assert (called.looks(mark), await called.runs()) == (0, ())


async def test_what_is_too_long_is_not_read(called: Called) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    notifications, channel = called.pod.notifications, of(called, documents[0])
    for size in (called.settings.notifications.max_body_bytes + 1, called.settings.server.max_body_bytes + 1):
        assert await notifications.post(channel, notifications.headers(channel), b" " * size) == 413


async def test_times_in_milliseconds_pass_only_by_the_setting(database_url: str, tmp_path: Path) -> None:
    async with open_called(database_url, tmp_path, accept_millisecond_times=True) as called:
        _, _, documents = await called.say_yes("anna")
        await called.work()
        called.pod.notifications.misbehave(Call.MILLISECONDS)
        await called.change(documents[0], 1)
        assert of(called, documents[0]).answers == [202]


async def test_a_lie_about_a_change_leads_to_a_look_and_to_no_run(called: Called) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    channel, mark = of(called, documents[0]), called.pod.mark()
    lie = json.dumps(activity_of(documents[0], "Update", '"1-text/turtle"')).encode()
    notifications = called.pod.notifications
    assert await notifications.post(channel, notifications.headers(channel), lie) == 202
    await called.work()
    assert (called.looks(mark), await called.runs()) == (1, ())


async def test_news_about_our_own_results_leads_to_nothing(called: Called) -> None:
    _, consent_id, documents = await called.say_yes("anna")
    await called.work()
    async with called.world.store.transaction() as tx:
        container = (await tx.consents.one(consent_id)).record.result_container
    notifications, channel, mark = called.pod.notifications, of(called, documents[0]), called.pod.mark()
    for thing, target in ((container + "r.ttl", container), (container, ""), (documents[0] + ".acl", "")):
        body = json.dumps({**activity_of(thing, "Add", ""), "target": target}).encode()
        assert await notifications.post(channel, notifications.headers(channel), body) == 202
    await called.work()
    assert (called.looks(mark), await called.runs()) == (0, ())


async def test_a_flood_is_answered_with_429_and_costs_no_more_looks_than_the_bucket(
    database_url: str, tmp_path: Path
) -> None:
    async with open_called(database_url, tmp_path, burst=20, per_minute=6) as called:
        _, _, documents = await called.say_yes("anna")
        await called.work()
        notifications, channel, mark = called.pod.notifications, of(called, documents[0]), called.pod.mark()

        async def hint(number: int) -> int:
            body = json.dumps(activity_of(documents[0], "Update", f'"{number}"')).encode()
            return await notifications.post(channel, notifications.headers(channel), body)

        for start in range(0, FLOOD, 20):
            await asyncio.gather(*(hint(number) for number in range(start, start + 20)))
        # A minute gives six more at most.
        assert 20 <= channel.answers.count(202) <= 26
        assert set(channel.answers) == {202, 429}
        async with aiohttp.ClientSession() as http, http.post(channel.send_to, data=b"{}") as reply:
            assert (reply.status, int(reply.headers["Retry-After"]) >= 1) == (429, True)
        await called.work()
        assert called.looks(mark) <= 26
        assert await called.runs() == ()


@pytest.mark.timeout(300)
async def test_ten_thousand_hints_are_counted_in_by_the_bucket_alone(called: Called) -> None:
    """The count itself, without the cost of 10,000 signatures: whatever comes, the bucket lets so many in."""
    _, consent_id, _ = await called.say_yes("anna")
    await called.work()
    (row, _), now = await called.channels(consent_id), called.world.clock.now()
    settings = called.settings.notifications
    pace = (settings.per_minute, settings.burst)
    passed = 0
    for _ in range(10):
        async with called.world.store.transaction() as tx:
            for _ in range(1000):
                passed += not await tx.watches.take(row.channel_id, now, *pace)
    assert passed == settings.burst
    async with called.world.store.transaction() as tx:
        later = now + timedelta(seconds=60)
        found = [await tx.watches.take(row.channel_id, later, *pace) for _ in range(100)]
    assert found.count(0.0) == settings.per_minute


async def test_a_lost_notification_is_made_up_for_by_the_sweep(called: Called) -> None:
    _, consent_id, documents = await called.say_yes("anna")
    await called.work()
    called.pod.notifications.misbehave(Call.LOSES)
    await called.change(documents[1], 1)
    await called.work()
    assert await called.runs() == ()
    async with called.world.store.transaction() as tx:
        await tx.watches.look_next(consent_id, called.world.clock.now())
    assert await look.sweep(called.world) == 1
    async with called.world.store.transaction() as tx:
        await tx.reruns.look_due(consent_id, called.world.clock.now())
    assert await look.look(called.world, called.enclave.keys, consent_id) == 1
    await called.work()
    assert len(await called.runs()) == 1
    assert await look.sweep(called.world) == 0, "the next one comes in its time"


async def test_a_channel_is_renewed_before_its_end_and_a_lost_one_asked_for_anew(called: Called) -> None:
    _, consent_id, documents = await called.say_yes("anna")
    await called.work()
    old = await called.channels(consent_id)
    called.pod.notifications.forget()
    async with called.world.store.transaction() as tx:
        for row in old:
            ends = called.world.clock.now() + timedelta(hours=1)
            await tx.watches.drop(row.channel_id)
            channel = dataclasses.replace(row.channel, ends=ends)
            await tx.watches.keep(dataclasses.replace(row, channel=channel), f"old-{row.number}" * 8, 1, ends)
    await subscribe.watch(called.enclave, consent_id)
    new = await called.channels(consent_id)
    assert len(new) == len(documents)
    assert {row.channel_id for row in new}.isdisjoint({row.channel_id for row in old})
    await called.change(documents[0], 1)
    await called.work()
    assert len(await called.runs()) == 1


async def test_a_pod_that_refuses_is_asked_again_later_and_swept_meanwhile(called: Called) -> None:
    _, consent_id, _ = await called.say_yes("anna")
    # Nobody but the person may read any more: the space's own subscription is refused.
    for url in list(called.pod.notifications.channels):
        del called.pod.notifications.channels[url]
    acl = [path for path in called.pod._shelves._stored if path.endswith(".ttl.acl")]
    for path in acl:
        called.pod._shelves._stored.pop(path)
    await called.work()
    assert await called.channels(consent_id) == ()
    async with called.world.store.transaction() as tx:
        watch = await tx.watches.one(consent_id)
    assert watch is not None
    assert watch.tries == 1


async def test_a_document_that_does_not_answer_holds_up_none_of_the_others(
    database_url: str, tmp_path: Path
) -> None:
    async with open_called(database_url, tmp_path, look_seconds=2) as called:
        _, consent_id, documents = await called.say_yes("anna")
        await called.work()
        called.pod.notifications.misbehave(Call.LOSES)
        await called.change(documents[1], 1)
        called.pod.misbehave("/" + documents[0].removeprefix(called.pod.base_url), Awkward.SLOW, amount=30)
        async with called.world.store.transaction() as tx:
            await subscribe.look_at_all(called.world, tx, consent_id, called.world.clock.now())
        assert await look.look(called.world, called.enclave.keys, consent_id) == 1
        async with called.world.store.transaction() as tx:
            left = await tx.reruns.look(consent_id)
            assert left is not None
            assert left.numbers == (0,), "it goes on where it ended"
        assert await look.look(called.world, called.enclave.keys, consent_id) == 0
        async with called.world.store.transaction() as tx:
            assert await tx.reruns.look(consent_id) is None, "and ends where nothing moves"


async def test_a_pod_that_offers_nothing_is_swept(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(called.pod.notifications, "_description", lambda: "<> a <urn:nothing> .")
    _, consent_id, documents = await called.say_yes("anna")
    await called.work()
    async with called.world.store.transaction() as tx:
        found = await tx.connection.execute(sa.select(watches.c.problem))
        assert found.scalars().all() == [NoChannel.code]
        await tx.watches.look_next(consent_id, called.world.clock.now())
    await called.change(documents[0], 1)
    await look.sweep(called.world)
    assert await look.look(called.world, called.enclave.keys, consent_id) == 1


async def test_a_withdrawal_ends_the_channels_and_an_erasure_forgets_them(called: Called) -> None:
    session, consent_id, documents = await called.say_yes("anna")
    other, _, _ = await called.say_yes("ben")
    await called.work()
    address = of(called, documents[0]).send_to
    await withdraw.withdraw(called.world, session, consent_id)
    async with aiohttp.ClientSession() as http, http.post(address, data=b"{}") as reply:
        assert (reply.status, (await reply.json(content_type=None))["code"]) == (
            404,
            "notification.channel-unknown",
        )
    await called.work()
    assert len(called.pod.notifications.channels) == 2
    assert await called.channels(consent_id) == ()
    await called.change(documents[0], 1)
    await called.work()
    assert await called.runs() == ()
    await erase.erase(called.world, other)
    assert called.pod.notifications.channels == {}


async def test_housekeeping_begins_watches_that_nothing_began(called: Called) -> None:
    _, consent_id, _ = await called.say_yes("anna")
    async with called.world.store.transaction() as tx:
        await tx.watches.end(consent_id)
    called.pod.notifications.forget()
    await keep_house(called.enclave)
    await called.work()
    assert len(called.pod.notifications.channels) == 2


async def test_an_issuer_that_the_sender_does_not_name_is_not_asked(
    called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may write an address into a token: it must not send us there."""
    _, _, documents = await called.say_yes("anna")
    await called.work()
    pod, channel = called.pod.notifications, of(called, documents[0])
    async with AwkwardPod() as other:
        with monkeypatch.context() as lying:
            lying.setattr(PodNotifications, "_issuer", other.base_url.rstrip("/"))
            headers = pod.headers(channel)
        content = json.dumps(activity_of(documents[0], "Update", '"1"')).encode()
        assert await pod.post(channel, headers, content) == 403
        assert other.requests == []


async def test_a_schedule_is_one_run_over_everybody_however_many_times_were_missed(
    database_url: str, tmp_path: Path
) -> None:
    async with open_called(database_url, tmp_path, rerun="P1D") as called:
        await called.say_yes("anna")
        await called.say_yes("ben")
        await called.work()
        assert called.pod.notifications.channels == {}, "nobody subscribes for a schedule"
        assert await rerun.see_to(called.world) == 1
        assert await called.runs() == (), "the time has not come"
        ahead = _Later(called.world.clock, timedelta(days=3))
        later = dataclasses.replace(called.world, clock=ahead)
        await rerun.see_to(later)
        (only,) = await called.runs()
        assert await people(called, only.run_id) == 2
        await rerun.see_to(later)
        assert len(await called.runs()) == 1


class _Later:
    def __init__(self, clock: object, ahead: timedelta) -> None:
        self._clock, self._ahead = clock, ahead

    def now(self) -> object:
        return self._clock.now() + self._ahead  # type: ignore[attr-defined]

    def monotonic(self) -> float:
        return float(self._clock.monotonic())  # type: ignore[attr-defined]
