"""What a person is told of who approved: held against the answer, and no reason to ask anybody again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from solidgate.algorithm.approval import Approval
from solidgate.consent.status import ConsentStatus
from solidgate.errors import RequestAnswered, TermsChanged
from solidgate.flow import ask, consent, invite, reask, record
from solidgate.flow import space as spaces
from solidgate.identity.login import Session
from solidgate.space.participant import Role
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.space import answer
from solidgate.testing.terms import CONSUMER, OWNER, sample_agreement

SPACE = "home-energy"
ANNA = "https://anna.example/me"
ROLES = {OWNER: (Role.OWNER, Role.CODE_PROVIDER), CONSUMER: (Role.DATA_CONSUMER,)}


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as opened:
        await spaces.create(opened.world, sample_agreement(SPACE))
        opened.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b"<a:a> <b:b> <c:c> ."})
        yield opened


async def say(gate: TestGate, webid: str, decision: str = "approve", *, days: int = 0) -> None:
    """One party's word about the terms of now, today or some days from now."""
    found = await spaces.show(gate.world, SPACE)
    at = gate.clock.now() + timedelta(days=days)
    async with gate.world.store.transaction() as tx:
        for role in ROLES[webid]:
            about = (SPACE, found.agreement_digest, found.agreement.algorithm, role, webid)
            await tx.spaces.approve(Approval(*about, decision, at))


async def asked(gate: TestGate) -> tuple[Session, str]:
    token = await invite.invite(gate.world, None, SPACE, uses=0, days=1)
    session = await gate.log_in(ANNA)
    return session, await ask.ask(gate.world, session, token)


async def shown(gate: TestGate, session: Session, request: str) -> str:
    return (await consent.review(gate.world, session, request, "en")).notice.digest


async def say_yes(gate: TestGate, session: Session, request: str, digest: str) -> None:
    await consent.answer(gate.world, session, request, shown=digest, language="en", answers={"advice": True})


async def test_the_page_tells_who_approved_and_who_did_not(gate: TestGate) -> None:
    session, request = await asked(gate)
    await say(gate, OWNER)
    rows = {
        key: lines for key, _, lines in (await consent.review(gate.world, session, request, "en")).notice.rows
    }
    assert any(line.startswith("Verified by its WebID: Energy Cooperative approved") for line in rows["who"])
    assert f"WebID of Energy Cooperative: {OWNER}" in rows["who"]
    assert "Not approved by Grid Company; it cannot run without that." in rows["program"]


@pytest.mark.parametrize(("webid", "decision"), [(OWNER, "reject"), (CONSUMER, "approve")])
async def test_a_word_between_page_and_answer_is_a_change_that_is_shown(
    gate: TestGate, webid: str, decision: str
) -> None:
    session, request = await asked(gate)
    await say(gate, OWNER)
    before = await shown(gate, session, request)
    await say(gate, webid, decision)
    with pytest.raises(TermsChanged):
        await say_yes(gate, session, request, before)
    told = {change.key for change in await reask.difference(gate.world, session, request, before)}
    assert told and told <= {"who", "program"}
    await say_yes(gate, session, request, await shown(gate, session, request))


async def test_a_yes_repeated_between_page_and_answer_changes_nothing(gate: TestGate) -> None:
    session, request = await asked(gate)
    await say(gate, OWNER)
    await say(gate, CONSUMER)
    before = await shown(gate, session, request)
    await say(gate, OWNER, days=2)
    await say_yes(gate, session, request, before)


async def test_a_signature_added_later_asks_nobody_again(gate: TestGate) -> None:
    """A record is held against terms, program, form of results, documents and recipients, and against no name
    beside them: a yes stands, and there is nothing to ask."""
    session, request = await asked(gate)
    await say(gate, OWNER)
    (given,) = await answer(gate.world, session, request)
    await say(gate, CONSUMER)
    assert (await record.view(gate.world, session, given.record.consent_id)).status is ConsentStatus.GIVEN
    with pytest.raises(RequestAnswered):
        await ask.ask_again(gate.world, session, SPACE)


async def test_the_page_of_another_language_tells_the_approvals_of_its_time(gate: TestGate) -> None:
    session, request = await asked(gate)
    await say(gate, OWNER)
    await answer(gate.world, session, request, ())
    again = await ask.ask_again(gate.world, session, SPACE)
    found = await consent.review(gate.world, session, again, "fr")
    since = await reask.since_last_answer(gate.world, session, found)
    assert since is not None
    assert since.changes == ()
    gate.clock.ahead = timedelta(minutes=5)
    await say(gate, CONSUMER)
    found = await consent.review(gate.world, session, again, "fr")
    since = await reask.since_last_answer(gate.world, session, found)
    assert since is not None
    assert [change.key for change in since.told] == ["program"]


async def test_what_an_answer_is_held_against_are_the_approvals_of_the_terms(gate: TestGate) -> None:
    session, request = await asked(gate)
    await say(gate, OWNER)
    await say(gate, CONSUMER, "reject")
    async with gate.world.store.transaction() as tx:
        found = await tx.answers.under_lock(session.person_id, request, "sha256:none")
        assert found.approvals == await tx.spaces.approvals(SPACE)
        assert len(found.approvals) == 3
