"""One person is one: in the requests, in the consents that hold, in the group and in the queries."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pyoxigraph as ox
import pytest

from solidgate.consent.record import Reason
from solidgate.consent.status import ConsentStatus as S
from solidgate.errors import GroupTooSmall, InvitationInvalid, RequestAnswered
from solidgate.flow import ask, consent, invite, record, revoke, run, withdraw
from solidgate.flow import space as spaces
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE, answer, join, new_terms
from solidgate.vocab import SG


async def second_request(play: Play, session: Session) -> str:
    """Another open request beside those that there are, as an earlier version of the gate left them."""
    view = await spaces.show(play.world, SPACE)
    request = await ask.make_request(play.world, session, view, "another-request")
    async with play.world.store.transaction() as tx:
        await tx.requests.put(session.person_id, request)
    return request.request_id


async def visible(play: Play) -> int:
    async with play.world.store.transaction() as tx:
        return len(await tx.results.visible(SPACE, play.world.clock.now()))


async def test_asked_in_parallel_is_asked_once(play: Play) -> None:
    session = await play.arrive("anna")
    asked = await asyncio.gather(*(ask.ask(play.world, session, play.token) for _ in range(4)))
    assert len(set(asked)) == 1
    (no,) = await answer(play.world, session, asked[0], ())
    again = await asyncio.gather(*(ask.ask_again(play.world, session, SPACE) for _ in range(4)))
    assert len(set(again)) == 1
    assert no.record.request_id != again[0]


async def test_a_second_yes_to_the_same_is_refused_and_one_result_is_written(play: Play) -> None:
    session = await play.arrive("anna")
    first = await ask.ask(play.world, session, play.token)
    second = await second_request(play, session)
    shown = [await consent.review(play.world, session, one, "en") for one in (first, second)]
    both = await asyncio.gather(
        *(
            consent.answer(
                play.world,
                session,
                one.request.request_id,
                shown=one.notice.digest,
                language="en",
                answers={"advice": True},
            )
            for one in shown
        ),
        return_exceptions=True,
    )
    assert sorted(type(one) for one in both if isinstance(one, Exception)) == [RequestAnswered]
    run_id = await play.run()
    found = await run.show(play.world, CONSUMER, SPACE, run_id)
    assert (found.counts["written"], found.aggregate, await visible(play)) == ("<2", False, 1)
    with pytest.raises(RequestAnswered):
        await ask.ask_again(play.world, session, SPACE)


async def test_a_no_in_another_window_ends_the_yes(play: Play) -> None:
    session = await play.arrive("anna")
    first = await ask.ask(play.world, session, play.token)
    second = await second_request(play, session)
    shown = await consent.review(play.world, session, second, "en")
    (yes,) = await answer(play.world, session, first)
    await play.run()
    digest = shown.notice.digest
    await consent.answer(play.world, session, second, shown=digest, language="en", answers={"advice": False})
    ended = await record.view(play.world, session, yes.record.consent_id)
    assert (ended.status, ended.door, await visible(play)) == (S.WITHDRAWN, DoorState.CLOSED, 0)
    assert (await withdraw.status(play.world, session, yes.record.consent_id)).quiescent


@pytest.mark.parametrize("yes", [True, False])
async def test_an_answer_to_new_terms_leaves_nothing_of_the_old(
    play: Play, monkeypatch: pytest.MonkeyPatch, yes: bool
) -> None:
    """Even where the revocation by the change itself is still under way."""
    old = await play.person("anna")
    await play.run()

    async def later(*_: object, **__: object) -> int:
        return 0

    with monkeypatch.context() as crashed:
        crashed.setattr(revoke, "_batch", later)
        await new_terms(play.world)
    session = await play.arrive("anna")
    new = await play.say(session, yes=yes)
    ended = (await record.view(play.world, session, old.record.consent_id)).record.latest
    assert (ended.status, ended.reason) == (S.REVOKED, Reason.TERMS_CHANGED)
    assert new.status is (S.RENEWED if yes else S.REFUSED)
    assert await visible(play) == 0
    await play.run()
    assert await visible(play) == int(yes)


async def test_accounts_and_purposes_of_one_person_count_once_in_the_group(play: Play) -> None:
    """The same WebID from a second provider is another account, and still one person of the group."""
    await two_purposes(play)
    session = await play.arrive("anna")
    assert len(await join(play.world, session, play.token)) == 2
    async with play.world.store.transaction() as tx:
        other = await tx.people.ensure(session.webid, "https://other.example/", "anna", session.created)
    elsewhere = dataclasses.replace(session, person_id=other)
    await join(play.world, elsewhere, play.token)
    run_id = await play.run()
    assert await visible(play) == 4
    assert (await run.show(play.world, CONSUMER, SPACE, run_id)).counts["written"] == "<2"
    with pytest.raises(GroupTooSmall):
        await run.aggregate(play.world, CONSUMER, SPACE)
    ben = await play.arrive("ben")
    await join(play.world, ben, play.token)
    await play.run()
    counts = cells(await run.aggregate(play.world, CONSUMER, SPACE))
    assert max(counts) <= 2
    async with play.world.store.transaction() as tx:
        query = "SELECT contributors FROM aggregates"
        assert (await tx.connection.exec_driver_sql(query)).scalar_one() == 2


async def two_purposes(play: Play) -> None:
    agreement = (await spaces.show(play.world, SPACE)).agreement
    (advice,) = agreement.purposes
    await new_terms(play.world, purposes=(advice, dataclasses.replace(advice, id="study")))


def cells(content: bytes) -> list[int]:
    triples = [one.triple for one in ox.parse(content, format=ox.RdfFormat.N_TRIPLES)]
    return [int(one.object.value) for one in triples if one.predicate == SG.contributors]


async def test_an_invitation_that_is_used_up_still_leads_its_guest_back(play: Play) -> None:
    token = await invite.invite(play.world, None, SPACE, uses=1, days=1)
    anna, ben = await play.arrive("anna"), await play.arrive("ben")
    asked = await asyncio.gather(*(ask.ask(play.world, anna, token) for _ in range(3)))
    assert set(asked) == {await ask.ask(play.world, anna, token)}
    assert (await invite.landing(play.world, token)).space.space_id == SPACE
    with pytest.raises(InvitationInvalid):
        await ask.ask(play.world, ben, token)
    play.gate.clock.ahead = timedelta(days=2)
    for late in (ask.ask(play.world, anna, token), invite.landing(play.world, token)):
        with pytest.raises(InvitationInvalid):
            await late


async def test_withdrawn_twice_at_once_is_withdrawn_once(play: Play) -> None:
    view = await play.person("anna")
    session = await play.arrive("anna")
    ended = await asyncio.gather(
        *(withdraw.withdraw(play.world, session, view.record.consent_id) for _ in range(3))
    )
    assert len({one.at for one in ended}) == 1
    seen = await record.view(play.world, session, view.record.consent_id)
    assert [event.status for event in seen.record.events] == [S.REQUESTED, S.GIVEN, S.WITHDRAWN]
