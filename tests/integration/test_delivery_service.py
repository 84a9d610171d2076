"""The delivery service of ESS, by its double: subscribed once for a storage, believed only when it signed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from solidgate.errors import ProofInvalid
from solidgate.flow import withdraw
from solidgate.pod.notification import ChannelKind
from solidgate.run.watch import WHOLE_STORAGE
from solidgate.testing.called import Called, open_called
from solidgate.testing.ess_notifications import ATTEMPTS, Delivery, EssNotifications, EssSubscription


@pytest.fixture
async def ess() -> AsyncIterator[EssNotifications]:
    async with EssNotifications() as service:
        yield service


@pytest.fixture
async def called(database_url: str, tmp_path: Path, ess: EssNotifications) -> AsyncIterator[Called]:
    async with open_called(database_url, tmp_path) as ground:
        ground.pod.notifications.gateway = ess
        yield ground


def only(ess: EssNotifications) -> EssSubscription:
    (found,) = ess.subscriptions.values()
    return found


async def changed(called: Called, ess: EssNotifications, url: str, value: int) -> None:
    await called.change(url, value)
    await ess.told()


async def test_one_subscription_for_a_storage_and_a_change_is_one_run(
    called: Called, ess: EssNotifications
) -> None:
    session, consent_id, documents = await called.say_yes("anna")
    await called.work()
    async with called.world.store.transaction() as tx:
        (row,) = await tx.watches.channels(consent_id)
    assert (row.number, row.channel.kind) == (WHOLE_STORAGE, ChannelKind.DELIVERY)
    assert row.channel.key_set == f"{ess.base_url}jwks"
    assert documents[0].startswith(only(ess).storage)
    await changed(called, ess, documents[0], 1)
    assert only(ess).answers == [202]
    await called.work()
    assert len(await called.runs()) == 1
    # What was written back lies in the same storage: the service tells of it, and it leads to nothing.
    await ess.told()
    assert set(only(ess).answers) == {202}
    await called.work()
    assert len(await called.runs()) == 1
    await withdraw.withdraw(called.world, session, consent_id)
    await called.work()
    assert ess.subscriptions == {}


async def test_access_that_was_taken_back_leads_to_a_look_at_everything(
    called: Called, ess: EssNotifications
) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    mark = called.pod.mark()
    ess.revoked(only(ess).storage)
    await ess.told()
    assert only(ess).answers == [202]
    await called.work()
    looked = {one.path for one in called.pod.requests_since(mark) if one.method == "HEAD"}
    assert looked == {"/" + url.removeprefix(called.pod.base_url) for url in documents}


REFUSED = (Delivery.UNSIGNED, Delivery.OTHER_KEY, Delivery.OLD, Delivery.OTHER_BODY, Delivery.UNCOVERED)


@pytest.mark.parametrize("how", REFUSED)
async def test_what_it_did_not_sign_is_refused(called: Called, ess: EssNotifications, how: Delivery) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    ess.mischief = {how}
    await changed(called, ess, documents[0], 1)
    assert only(ess).answers == [401]
    assert [one["status"] for one in only(ess).failures] == [401]
    await called.work()
    assert await called.runs() == ()


async def test_a_captured_delivery_cannot_be_sent_again_or_elsewhere(
    called: Called, ess: EssNotifications
) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    one = only(ess)
    content = json.dumps(ess.event(one, "ResourceUpdated", documents[0])).encode()
    headers = ess.headers(one.send_to, content)
    async with aiohttp.ClientSession() as http:
        found = []
        for address in (one.send_to, one.send_to, one.send_to[:-1] + "x"):
            async with http.post(address, data=content, headers=headers) as reply:
                text = await reply.text()
                found.append((reply.status, json.loads(text)["code"] if text else ""))
    unknown = (404, "notification.channel-unknown")
    assert found == [(202, ""), (401, ProofInvalid.code), unknown]


async def test_the_same_event_twice_is_one_run(called: Called, ess: EssNotifications) -> None:
    _, _, documents = await called.say_yes("anna")
    await called.work()
    ess.mischief = {Delivery.TWICE}
    await changed(called, ess, documents[0], 1)
    assert only(ess).answers == [202, 202]
    await called.work()
    assert len(await called.runs()) == 1


async def test_attempts_that_fail_are_repeated_and_listed(called: Called, ess: EssNotifications) -> None:
    await called.say_yes("anna")
    await called.work()
    one = only(ess)
    one.send_to = "http://localhost:9/"
    ess.revoked(one.storage)
    await ess.told()
    assert one.answers == [0] * ATTEMPTS
    assert [failure["status"] for failure in one.failures] == [0]
