"""The life cycle as stored: real records on a real PostgreSQL, whoever ends or renews them."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from solidgate.consent.record import Reason, check_record
from solidgate.consent.status import ConsentStatus
from solidgate.errors import (
    ConsentNotGiven,
    ReceiptPlaceInvalid,
    RequestAnswered,
    StatementMissing,
    TransitionRefused,
)
from solidgate.flow import ask, consent, defer, expire, invalidate, invite, record, revoke, settle, withdraw
from solidgate.flow import space as spaces
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Caller, Session
from solidgate.pod.door import DoorState
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.space import answer
from solidgate.testing.terms import ADVICE, CONSUMER, OWNER, STUDY, sample_agreement

SPACE = "home-energy"
S = ConsentStatus


@dataclass
class Person:
    """Somebody with a pod and a live session."""

    gate: TestGate
    session: Session
    token: str

    async def request(self) -> str:
        return await ask.ask(self.gate.world, self.session, self.token)

    async def answer(self, request_id: str, yes: bool = True, **more: object) -> ConsentView:
        yes_to = None if yes else ()
        made = await answer(self.gate.world, self.session, request_id, yes_to, **more)
        return made[0]

    async def again(self) -> str:
        return await ask.ask_again(self.gate.world, self.session, SPACE)

    async def view(self, one: ConsentView) -> ConsentView:
        return await record.view(self.gate.world, self.session, one.record.consent_id)


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as opened:
        await spaces.create(opened.world, sample_agreement(SPACE))
        yield opened


@pytest.fixture
async def anna(gate: TestGate) -> Person:
    token = await invite.invite(gate.world, None, SPACE, uses=0, days=300)
    storage = "https://anna.example/"
    documents = {"energy/2025.ttl": b"<a:a> <b:b> <c:c> .", "energy/2024.ttl": b"<a:a> <b:b> <c:c> ."}
    gate.pods.give(f"{storage}me", storage, documents)
    return Person(gate, await gate.log_in(f"{storage}me"), token)


async def publish(gate: TestGate, **changes: object) -> None:
    current = (await spaces.show(gate.world, SPACE)).agreement
    newer = dataclasses.replace(current, version=current.version + 1, **changes)  # type: ignore[arg-type]
    await spaces.publish(gate.world, SPACE, newer)


def statuses(view: ConsentView) -> list[S]:
    check_record(view.record)
    return [event.status for event in view.record.events]


async def test_a_deferral_is_an_event_of_the_record_that_follows(anna: Person) -> None:
    world, request_id = anna.gate.world, await anna.request()
    shown = (await consent.review(world, anna.session, request_id, "en")).notice.digest
    for _ in range(3):
        await defer.defer(world, anna.session, request_id, shown=shown, language="en")
    (waiting,) = await defer.waiting(world, anna.session)
    assert (waiting.request.request_id, waiting.remind) == (request_id, False)
    view = await anna.answer(request_id)
    assert statuses(view) == [S.REQUESTED, S.DEFERRED, S.GIVEN]
    assert await defer.waiting(world, anna.session) == ()
    with pytest.raises(RequestAnswered):
        await defer.defer(world, anna.session, request_id, shown=shown, language="en")


async def test_a_deferral_gives_time_and_one_reminder(anna: Person) -> None:
    world, request_id = anna.gate.world, await anna.request()
    shown = (await consent.review(world, anna.session, request_id, "en")).notice.digest
    before = (await consent.review(world, anna.session, request_id, "en")).request.answers_by
    await defer.defer(world, anna.session, request_id, shown=shown, language="en")
    after = (await consent.review(world, anna.session, request_id, "en")).request.answers_by
    assert after - before == timedelta(days=world.settings.consent.reminder_days)
    anna.gate.clock.ahead = timedelta(days=world.settings.consent.reminder_days, minutes=1)
    reminders = [(await defer.waiting(world, anna.session))[0].remind for _ in range(3)]
    assert reminders == [True, False, False]


async def test_a_refusal_is_not_asked_again_under_the_same_terms(anna: Person) -> None:
    first = await anna.request()
    no = await anna.answer(first, yes=False)
    assert statuses(no) == [S.REQUESTED, S.REFUSED]
    assert await anna.request() == first
    shown = await consent.review(anna.gate.world, anna.session, first, "en")
    assert [view.record.consent_id for view in shown.answered] == [no.record.consent_id]
    changed = await anna.answer(await anna.again())
    assert statuses(changed) == [S.REQUESTED, S.GIVEN]
    assert changed.record.replaces == no.record.iri


async def test_what_has_a_yes_is_not_asked_twice(anna: Person) -> None:
    await anna.answer(await anna.request())
    with pytest.raises(RequestAnswered):
        await anna.again()


async def test_only_the_purposes_without_a_yes_are_asked_again(anna: Person) -> None:
    await publish(anna.gate, purposes=(ADVICE, STUDY))
    world, request_id = anna.gate.world, await anna.request()
    found = await consent.review(world, anna.session, request_id, "en")
    await consent.answer(
        world,
        anna.session,
        request_id,
        shown=found.notice.digest,
        language="en",
        answers={"advice": True, "study": False},
    )
    again = await consent.review(world, anna.session, await anna.again(), "en")
    assert [purpose.id for purpose in again.purposes] == ["study"]


@pytest.mark.parametrize("change", ["terms", "code", "shape", "resources", "recipient"])
async def test_every_change_of_terms_revokes_and_a_yes_renews(anna: Person, change: str) -> None:
    old = await anna.answer(await anna.request())
    digest = "sha256:" + "d" * 64
    agreement = old.agreement
    changes = {
        "terms": {"terms": dict.fromkeys(agreement.languages, "Other.")},
        "code": {"algorithm": digest},
        "shape": {"output_shape": digest},
        "resources": {"purposes": (dataclasses.replace(STUDY, id="advice"),)},
        "recipient": {"parties": (agreement.parties[0], dataclasses.replace(agreement.parties[1], webid="https://new.example/#org"))},
    }[change]  # fmt: skip
    await publish(anna.gate, **changes)  # type: ignore[arg-type]
    ended = await anna.view(old)
    assert statuses(ended) == [S.REQUESTED, S.GIVEN, S.REVOKED]
    assert (ended.record.latest.reason, ended.record.latest.by) == (Reason.TERMS_CHANGED, OWNER)
    assert ended.record.epoch == old.record.epoch + 1
    assert ended.receipt != old.receipt
    new = await anna.answer(await anna.again())
    assert statuses(new) == [S.REQUESTED, S.RENEWED]
    assert new.record.replaces == old.record.iri
    assert new.status.valid_for_processing


async def test_a_closed_space_revokes(anna: Person) -> None:
    old = await anna.answer(await anna.request())
    await spaces.close(anna.gate.world, SPACE)
    assert (await anna.view(old)).record.latest.reason is Reason.SPACE_CLOSED


async def test_a_recalled_program_revokes(anna: Person, gate: TestGate) -> None:
    old = await anna.answer(await anna.request())
    view = await spaces.show(gate.world, SPACE)
    digests = (view.agreement_digest, view.agreement.algorithm)
    async with gate.world.store.transaction() as tx:
        await tx.spaces.submit(SPACE, digests[1], b"a package", OWNER, gate.clock.now())
    for caller in (OWNER, CONSUMER):
        await spaces.approve(gate.world, Caller(caller), SPACE, *digests, "approve")
    assert (await anna.view(old)).status is S.GIVEN
    await spaces.approve(gate.world, Caller(CONSUMER), SPACE, *digests, "reject")
    assert (await anna.view(old)).record.latest.reason is Reason.CODE_RECALLED


async def test_a_late_job_of_an_earlier_recall_spares_a_newer_yes(anna: Person, gate: TestGate) -> None:
    before = gate.clock.now()
    yes = await anna.answer(await anna.request())
    digest = yes.record.agreement_digest
    revoked = await revoke.revoke(gate.world, SPACE, Reason.CODE_RECALLED, digest=digest, before=before)
    assert (revoked, (await anna.view(yes)).status) == (0, S.GIVEN)


async def test_the_change_itself_defers_the_job(anna: Person, gate: TestGate) -> None:
    await anna.answer(await anna.request())
    await publish(gate)
    async with gate.world.store.transaction() as tx:
        query = "SELECT args FROM procrastinate_jobs WHERE task_name = 'solidgate.revoke'"
        (args,) = (await tx.connection.exec_driver_sql(query)).scalars()
    assert (args["space_id"], args["reason"]) == (SPACE, "TermsChanged")
    assert datetime.fromisoformat(args["before"]) <= gate.clock.now()


async def test_a_door_left_open_is_closed_at_the_next_login(anna: Person, gate: TestGate) -> None:
    old = await anna.answer(await anna.request())
    assert old.door is DoorState.OPEN
    await publish(gate)
    assert (await anna.view(old)).door is DoorState.OPEN
    assert await settle.settle(gate.world, anna.session) == 1
    settled = await anna.view(old)
    assert settled.door is DoorState.CLOSED
    assert settled.receipt_url is not None
    assert gate.pods.doors == {}
    assert await settle.settle(gate.world, anna.session) == 0


async def test_a_pod_that_fails_is_no_reason_for_a_login_to_fail(anna: Person, gate: TestGate) -> None:
    old = await anna.answer(await anna.request())
    await publish(gate)
    gate.pods.refuses = {"close_door", "door_state", "ensure_container"}
    assert await settle.settle(gate.world, anna.session) == 1
    assert (await anna.view(old)).door_problem == "pod.forbidden"
    gate.pods.refuses = set()
    await settle.settle(gate.world, anna.session)
    assert (await anna.view(old)).door is DoorState.CLOSED


async def test_the_clock_ends_it_and_a_yes_renews(anna: Person, gate: TestGate) -> None:
    old = await anna.answer(await anna.request())
    gate.clock.ahead = timedelta(days=190)
    assert (await anna.view(old)).status is S.EXPIRED
    assert statuses(await anna.view(old)) == [S.REQUESTED, S.GIVEN]
    anna.session = await gate.log_in(anna.session.webid)
    new = await anna.answer(await anna.again())
    assert statuses(new) == [S.REQUESTED, S.RENEWED]
    assert statuses(await anna.view(old)) == [S.REQUESTED, S.GIVEN, S.EXPIRED]
    assert await expire.expire(gate.world) == 0
    assert (await anna.view(new)).status is S.RENEWED


async def test_after_a_withdrawal_a_yes_is_a_new_one(anna: Person, gate: TestGate) -> None:
    old = await anna.answer(await anna.request())
    await withdraw.withdraw(gate.world, anna.session, old.record.consent_id)
    await publish(gate)
    assert statuses(await anna.view(old)) == [S.REQUESTED, S.GIVEN, S.WITHDRAWN]
    new = await anna.answer(await anna.again())
    assert statuses(new) == [S.REQUESTED, S.GIVEN]
    assert new.record.replaces == old.record.iri


async def test_a_void_consent_says_why(anna: Person, gate: TestGate) -> None:
    old = await anna.answer(await anna.request())
    with pytest.raises(TransitionRefused, match=r"^16:"):
        await invalidate.invalidate(gate.world, old.record.consent_id, Reason.TERMS_CHANGED)
    await invalidate.invalidate(gate.world, old.record.consent_id, Reason.UNDER_AGE)
    ended = await anna.view(old)
    assert statuses(ended) == [S.REQUESTED, S.GIVEN, S.INVALIDATED]
    assert ended.record.latest.reason is Reason.UNDER_AGE
    with pytest.raises(ConsentNotGiven):
        await invalidate.invalidate(gate.world, old.record.consent_id, Reason.UNDER_AGE)


async def test_special_categories_take_two_acts(anna: Person, gate: TestGate) -> None:
    await publish(gate, purposes=(dataclasses.replace(ADVICE, special_category=True),))
    request_id = await anna.request()
    assert (await consent.review(gate.world, anna.session, request_id, "en")).words == {"advice": "agree"}
    for wrong in ({}, {"advice": "yes"}, {"study": "agree"}):
        with pytest.raises(StatementMissing):
            await anna.answer(request_id, statements=wrong)
    view = await anna.answer(request_id, statements={"advice": " Agree "})
    assert b"A9-2-a" in await record.turtle(gate.world, anna.session, view.record.consent_id)
    assert "Typed the word" in view.record.latest.method


async def test_a_no_to_special_categories_needs_no_word(anna: Person, gate: TestGate) -> None:
    await publish(gate, purposes=(dataclasses.replace(ADVICE, special_category=True),))
    assert statuses(await anna.answer(await anna.request(), yes=False))[-1] is S.REFUSED


async def test_the_person_names_the_place_of_receipts(anna: Person, gate: TestGate) -> None:
    view = await anna.answer(await anna.request(), receipt_container="my/papers")
    base = f"https://anna.example/my/papers/{view.record.consent_id}-2"
    assert view.receipt_url == f"{base}.jwt"
    assert {f"{base}{suffix}" for suffix in (".jwt", ".ttl", ".jsonld")} <= set(gate.pods.held)


@pytest.mark.parametrize(
    "place", ["https://mallory.example/r/", "../r/", "/r/", "a/../b/", "r/.acl/", "r/?q", "https://anna.example.evil/"]
)  # fmt: skip
async def test_no_other_place_is_taken(anna: Person, place: str) -> None:
    request_id = await anna.request()
    with pytest.raises(ReceiptPlaceInvalid):
        await anna.answer(request_id, receipt_container=place)
    assert (await anna.answer(request_id)).status is S.GIVEN


async def test_a_failed_copy_never_undoes_a_yes_and_is_retried(anna: Person, gate: TestGate) -> None:
    gate.pods.refuses = {"create"}
    view = await anna.answer(await anna.request())
    assert (view.status, view.receipt_url, view.receipt_problem) == (S.GIVEN, None, "pod.forbidden")
    gate.pods.refuses = set()
    await settle.settle(gate.world, anna.session)
    assert (await anna.view(view)).receipt_url is not None


@pytest.mark.parametrize("marked", [True, False])
async def test_the_door_of_an_expired_consent_is_closed_by_the_button(
    anna: Person, gate: TestGate, marked: bool
) -> None:
    """Whether or not the worker has marked the end already."""
    old = await anna.answer(await anna.request())
    gate.clock.ahead = timedelta(days=190)
    assert await expire.expire(gate.world) if marked else True
    own = f"/consents/{old.record.consent_id}"
    async with gate.browser(anna.session.webid) as browser:
        assert f'action="{own}/door/close"' in (await browser.get(own)).text
        assert (await browser.post(f"{own}/door/close", {})).place == own
        assert f"{own}/door/close" not in (await browser.get(own)).text
        assert (await anna.view(old)).door is DoorState.CLOSED
    assert gate.pods.doors == {}


async def test_the_door_of_an_expired_consent_is_closed_at_the_next_login(
    anna: Person, gate: TestGate
) -> None:
    old = await anna.answer(await anna.request())
    gate.clock.ahead = timedelta(days=190)
    assert await expire.expire(gate.world) == 1
    await settle.settle(gate.world, await gate.log_in(anna.session.webid))
    assert (await anna.view(old)).door is DoorState.CLOSED


async def test_the_door_of_a_consent_that_holds_is_closed_by_withdrawing_only(
    anna: Person, gate: TestGate
) -> None:
    held = await anna.answer(await anna.request())
    own = f"/consents/{held.record.consent_id}"
    async with gate.browser(anna.session.webid) as browser:
        assert f"{own}/door/close" not in (await browser.get(own)).text
        assert (await browser.post(f"{own}/door/close", {})).place == own
    assert (await anna.view(held)).door is DoorState.OPEN
