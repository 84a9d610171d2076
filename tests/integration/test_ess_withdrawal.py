"""A withdrawal while the owner of the pod has not answered, or while they are only being asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from solidgate.adapters.access_grants import AccessGrants
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentNotGiven
from solidgate.flow import cancel_access, erase
from solidgate.flow.withdraw import METHOD
from solidgate.testing.ess import Odd
from tests.integration.ess_ground import SECONDS, EssGround, EssVisitor, open_ess_ground


@pytest.fixture
async def ground(database_url: str, data_folder: Path) -> AsyncIterator[EssGround]:
    async with open_ess_ground(database_url, data_folder) as found:
        yield found


def requests(ground: EssGround) -> dict[str, bool]:
    """The requests that the service holds: whether each is cancelled."""
    found = [one.id for one in ground.ess.vault.all() if one.kind == "request"]
    return {one: ground.ess.vault.is_revoked(one) for one in found}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await holds():  # noqa: ASYNC110 - another process's work is what is waited for
            await asyncio.sleep(0.05)


async def all_cancelled(ground: EssGround) -> bool:
    found = requests(ground)
    return bool(found) and all(found.values())


async def withdraw(anna: EssVisitor, consent: str) -> int:
    return (await anna.submit(await anna.get(consent), "/withdraw", {})).status


async def tries(ground: EssGround) -> list[int]:
    query = "SELECT args FROM procrastinate_jobs WHERE task_name = :name AND status = 'todo'"
    async with ground.world.store.transaction() as tx:
        found = await tx.connection.execute(sa.text(query), {"name": cancel_access.CANCEL_TASK})
    return [row.args["tries"] for row in found]


async def test_a_request_that_waits_is_cancelled_and_cannot_be_answered(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    link = await ground.asked(anna, consent)
    assert len(requests(ground)) == 2
    assert await withdraw(anna, consent) == 200
    await until(lambda: all_cancelled(ground))
    assert (await anna.get(link)).status == 410


async def test_an_approval_that_a_service_takes_all_the_same_is_revoked(ground: EssGround) -> None:
    ground.ess.misbehave(Odd.CANCELLED_ANSWERED)
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    link = await ground.asked(anna, consent)
    await withdraw(anna, consent)
    await until(lambda: all_cancelled(ground))
    page = await anna.decide(link)
    assert ConsentNotGiven.code in page.text
    (grant,) = [one for one in ground.ess.vault.all() if one.kind == "grant"]
    assert ground.ess.vault.is_revoked(grant.id)


async def test_an_approval_of_one_part_is_revoked_and_the_other_part_cancelled(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    await anna.decide(await ground.asked(anna, consent))
    assert await withdraw(anna, consent) == 200
    grants = [one.id for one in ground.ess.vault.all() if one.kind == "grant"]
    assert [ground.ess.vault.is_revoked(one) for one in grants] == [True]

    async def one_cancelled() -> bool:
        return sum(requests(ground).values()) == 1

    await until(one_cancelled)


async def test_a_service_that_refuses_is_asked_again_and_holds_nothing_up(ground: EssGround) -> None:
    ground.ess.misbehave(Odd.CANCEL_REFUSED, amount=503, times=1)
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    await ground.asked(anna, consent)
    assert await withdraw(anna, consent) == 200

    async def again() -> bool:
        return await tries(ground) == [1]

    await until(again)
    assert sorted(requests(ground).values()) == [False, True], "one was taken, the other is owed"
    async with ground.world.store.transaction() as tx:
        await tx.connection.execute(
            sa.text("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
        )
    await until(lambda: all_cancelled(ground))


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
async def test_what_is_asked_while_the_consent_ends_is_cancelled(
    ground: EssGround, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The service has made the request, and nobody here knows its id when the consent ends."""
    really, asked, go = AccessGrants.ask, asyncio.Event(), asyncio.Event()
    made: list[str] = []

    async def slow(self: AccessGrants, *arguments: Any) -> str:
        made.append(await really(self, *arguments))
        asked.set()
        await go.wait()
        return made[-1]

    monkeypatch.setattr(AccessGrants, "ask", slow)
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    await asked.wait()
    consent_id = consent.rpartition("/")[2]
    async with ground.world.store.transaction() as tx:
        person_id = (await tx.consents.one(consent_id)).person_id
    leaving = asyncio.create_task(
        withdraw(anna, consent) if how == "withdrawn" else erase.erase(ground.world, person_id)
    )
    if how == "withdrawn":

        async def stored() -> bool:
            async with ground.world.store.transaction() as tx:
                latest = (await tx.consents.one(consent_id)).record.latest
            return latest.status is ConsentStatus.WITHDRAWN and latest.method == METHOD

        await until(stored)
        await asyncio.sleep(0.2)
        assert not leaving.done(), "it waits for the lease of whoever asks"
    else:
        await leaving
    go.set()
    await leaving
    await until(lambda: all_cancelled(ground))
    assert len(made) == 1, "and the other part is not asked any more"
    assert list(requests(ground)) == made


async def test_an_erasure_cancels_what_waits_before_it_forgets_it(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    await ground.asked(anna, consent)
    async with ground.world.store.transaction() as tx:
        person_id = (await tx.consents.one(consent.rpartition("/")[2])).person_id
    report = await erase.erase(ground.world, person_id)
    assert await all_cancelled(ground)
    assert report.reach.requests == ()


async def test_an_erasure_names_what_a_service_did_not_let_us_cancel(ground: EssGround) -> None:
    ground.ess.misbehave(Odd.CANCEL_REFUSED)
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    await ground.asked(anna, consent)
    async with ground.world.store.transaction() as tx:
        person_id = (await tx.consents.one(consent.rpartition("/")[2])).person_id
    report = await erase.erase(ground.world, person_id)
    assert set(report.reach.requests) == set(requests(ground))


async def test_an_answer_that_crosses_the_withdrawal_leaves_no_grant(
    ground: EssGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked while the consent held, kept after it ended: it is revoked, not left for the next login."""
    really, held = AccessGrants.answer, asyncio.Event()

    async def crossed(self: AccessGrants, *arguments: Any) -> Any:
        found = await really(self, *arguments)
        await held.wait()
        return found

    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    link = await ground.asked(anna, consent)
    monkeypatch.setattr(AccessGrants, "answer", crossed)
    answering = asyncio.create_task(anna.decide(link))

    async def granted() -> bool:
        return any(one.kind == "grant" for one in ground.ess.vault.all())

    await until(granted)
    await erase._end(ground.world, consent.rpartition("/")[2])
    held.set()
    page = await answering
    assert ConsentNotGiven.code in page.text
    (grant,) = [one for one in ground.ess.vault.all() if one.kind == "grant"]
    assert ground.ess.vault.is_revoked(grant.id)
