"""A run over people with all kinds of pods: each part ends in its named outcome, the others unaffected."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.adapters.sql.engine import plain_url
from solidgate.algorithm.pack import pack
from solidgate.assets import asset
from solidgate.errors import (
    ConsentNotFound,
    ConsentNotGiven,
    GroupChanged,
    GroupTooSmall,
    RequestClosed,
    RequiredMissing,
    RoleMissing,
    RunNotFound,
    SolidgateError,
)
from solidgate.flow import aggregate, ask, consent, invite, query, record, run, withdraw
from solidgate.flow import space as spaces
from solidgate.flow.aggregate import ATTEMPTS
from solidgate.flow.door import door_of
from solidgate.flow.fair import FairPlaces
from solidgate.flow.journey import Enclave
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Caller, Session
from solidgate.pod.door import DoorState
from solidgate.query.results import ResultFormat
from solidgate.run.delivery import Delivery
from solidgate.sandbox.limits import IsolationLevel
from solidgate.sdk.folder import read_algorithm
from solidgate.settings import Consent, Sandbox
from solidgate.space.canonical import sha256_digest
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.testing.energy import energy_documents
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.terms import OWNER, sample_agreement
from solidgate.worker.parts import Parts, listen, run_batch

CONSUMER = Caller("https://grid.example/profile#org")
SPACE = "home-energy"
ALL = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"


@dataclass
class Play:
    """A gate with an approved space, and a worker beside it."""

    gate: TestGate
    enclave: Enclave
    parts: Parts
    token: str

    @property
    def world(self):  # type: ignore[no-untyped-def]
        return self.gate.world

    async def person(self, name: str, *, yes: bool = True, documents: bool = True) -> ConsentView:
        """Somebody with a pod, who answered."""
        session = await self.arrive(name, documents=documents)
        request = await ask.ask(self.world, session, self.token)
        shown = await consent.review(self.world, session, request, "en")
        (view,) = await consent.answer(
            self.world,
            session,
            request,
            shown=shown.notice.digest,
            language="en",
            answers={"advice": yes},
        )
        return view

    async def arrive(self, name: str, *, documents: bool = True) -> Session:
        webid = f"https://{name}.example/profile#me"
        held = energy_documents(sum(name.encode())) if documents else {}
        self.gate.pods.give(webid, f"https://{name}.example/", held)
        return await self.gate.log_in(webid)

    async def run(self) -> str:
        """A whole run, as the worker's jobs would carry it."""
        run_id = await run.start(self.world, CONSUMER, SPACE)
        await self.work(run_id)
        await aggregate.aggregate(self.enclave, run_id, self.parts.groups)
        return run_id

    async def work(self, run_id: str) -> None:
        now = self.world.clock.now()
        async with self.world.store.transaction() as tx:
            people = await tx.consents.holding(SPACE, now)
        await run_batch(self.parts, run_id, [consent_id for consent_id, _ in people])

    async def outcome(self, run_id: str, view: ConsentView) -> tuple[str, str | None]:
        async with self.world.store.transaction() as tx:
            part = await tx.runs.part(run_id, view.record.consent_id)
        return part.state.value, part.outcome

    async def rows(self) -> int:
        return (await query.query(self.world, CONSUMER, SPACE, ALL, [ResultFormat.JSON])).rows


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    changes = {
        "sandbox": Sandbox(minimum_level=0),
        "consent": Consent(withdraw_wait_seconds=5),
    }
    async with open_gate(database_url, tmp_path, **changes) as gate:
        program = read_algorithm(asset("examples", "home-energy", "algorithm"))
        needs = tuple(
            ResourceNeed(path, {"en": path}, ("https://w3id.org/dpv/pd#Household",))
            for path in energy_documents(1)
        )
        advice = Purpose(
            "advice",
            {"en": "Advice"},
            {"en": "to compare"},
            "https://w3id.org/dpv#ServicePersonalisation",
            needs,
        )
        manifest = program.manifest
        agreement = dataclasses.replace(
            sample_agreement(SPACE),
            purposes=(advice,),
            languages=("en",),
            algorithm=program.digest,
            output_shape=sha256_digest(program.files[manifest.output_shapes]),
            aggregate_shape=sha256_digest(program.files[manifest.aggregate_shapes]),
            parameters=dict(manifest.parameters),
            min_group_size=2,
            parties=(
                Party(OWNER, "Owner", frozenset({Role.OWNER, Role.CODE_PROVIDER, Role.CONTROLLER})),
                Party(CONSUMER.webid, "Consumer", frozenset({Role.DATA_CONSUMER})),
            ),
        )
        await spaces.create(gate.world, agreement)
        owner = Caller(OWNER)
        digest = await spaces.submit_algorithm(
            gate.world, owner, SPACE, pack(program.files, program.executables)
        )
        view = await spaces.show(gate.world, SPACE)
        for caller in (owner, CONSUMER):
            await spaces.approve(gate.world, caller, SPACE, view.agreement_digest, digest, "approve")
        keys = SealedEnclaveKeys(gate.world.store, b"k" * 32, gate.world.clock, gate.world.public_url)
        enclave = Enclave(gate.world, keys)
        token = await invite.invite(gate.world, None, SPACE, uses=0, days=1)
        yield Play(gate, enclave, Parts(enclave), token)


async def test_each_pod_has_its_own_outcome(play: Play) -> None:
    """One good, one without its documents any more, one malformed, one closed: the good ones are written."""
    good, other = await play.person("good"), await play.person("other")
    gone, broken, closed = [await play.person(name) for name in ("gone", "broken", "closed")]
    pods = play.gate.pods
    del pods.held[gone.record.resources[0]]
    url = broken.record.resources[0]
    pods.held[url] = dataclasses.replace(pods.held[url], content=b"<a> <b")
    pods.doors.clear()
    agent = play.world.agent(SPACE)
    for view in (good, other, gone, broken):
        door = door_of(play.world, view.record, SPACE)
        pods.doors[door.owner, agent] = door
    run_id = await play.run()
    assert await play.outcome(run_id, good) == ("written", None)
    assert await play.outcome(run_id, other) == ("written", None)
    assert await play.outcome(run_id, gone) == ("failed", "pod.not-found")
    assert await play.outcome(run_id, broken) == ("failed", "pod.unreadable")
    assert await play.outcome(run_id, closed) == ("failed", "pod.door-not-open")
    shown = await run.show(play.world, CONSUMER, SPACE, run_id)
    assert (shown.state, shown.aggregate) == ("finished", True)
    assert shown.counts["written"] == 2
    assert await play.rows() > 0


async def test_a_result_is_in_the_pod_and_is_not_written_twice(play: Play) -> None:
    view = await play.person("anna")
    await play.person("ben")
    run_id = await play.run()
    session = await play.arrive("anna")
    (result,) = (await record.view(play.world, session, view.record.consent_id)).results
    held = play.gate.pods.held[result.url]
    assert hashlib.sha256(held.content).hexdigest() == result.sha256
    assert held.url.startswith(view.record.result_container)
    before = dict(play.gate.pods.held)
    await play.work(run_id)
    assert play.gate.pods.held == before


async def test_a_no_is_recorded_and_nothing_is_read(play: Play) -> None:
    await play.person("yes-one")
    await play.person("yes-two")
    view = await play.person("carol", yes=False)
    assert view.door is None
    run_id = await play.run()
    with pytest.raises(SolidgateError):
        await play.outcome(run_id, view)
    assert (view.record.data_subject, play.world.agent(SPACE)) not in play.gate.pods.doors


async def test_a_withdrawal_takes_the_row_out_and_closes_the_door(play: Play) -> None:
    view = await play.person("anna")
    await play.person("ben")
    await play.run()
    rows = await play.rows()
    session = await play.arrive("anna")
    ended = await withdraw.withdraw(play.world, session, view.record.consent_id)
    assert (ended.quiescent, ended.door, ended.results_removed) == (True, DoorState.CLOSED, 1)
    assert await play.rows() < rows
    again = await withdraw.withdraw(play.world, session, view.record.consent_id)
    assert (again.quiescent, again.at, again.receipt) == (True, ended.at, ended.receipt)
    run_id = await run.start(play.world, CONSUMER, SPACE)
    with pytest.raises(SolidgateError):
        await play.outcome(run_id, view)


async def test_a_withdrawal_stops_work_under_way(play: Play) -> None:
    """The part is held in the pod's hands; the withdrawal ends it, and nothing is written."""
    view = await play.person("anna")
    session = await play.arrive("anna")
    reading, release = asyncio.Event(), asyncio.Event()
    pods = play.gate.pods
    read = pods.read

    async def slow(access, url, *, max_bytes):  # type: ignore[no-untyped-def]
        reading.set()
        await release.wait()
        return await read(access, url, max_bytes=max_bytes)

    pods.read = slow  # type: ignore[method-assign]
    run_id = await run.start(play.world, CONSUMER, SPACE)
    working = asyncio.create_task(play.work(run_id))
    await asyncio.wait_for(reading.wait(), 10)
    held = set(pods.held)
    withdrawing = asyncio.create_task(withdraw.withdraw(play.world, session, view.record.consent_id))
    await asyncio.sleep(0.3)
    play.parts.stop("*", view.record.consent_id)
    ended = await withdrawing
    assert (ended.quiescent, ended.stopped) == (True, 1)
    release.set()
    await working
    assert await play.outcome(run_id, view) == ("stopped", "consent.withdrawn")
    new = {url for url in pods.held if url not in held}
    assert not {url for url in new if url.startswith(view.record.result_container)}


async def test_nobody_withdraws_or_sees_for_another(play: Play) -> None:
    view = await play.person("anna")
    stranger = await play.arrive("ben")
    for ask_for in (withdraw.withdraw, withdraw.status, record.view):
        with pytest.raises(ConsentNotFound):
            await ask_for(play.world, stranger, view.record.consent_id)
    session = await play.arrive("anna")
    with pytest.raises(ConsentNotGiven):
        await withdraw.status(play.world, session, view.record.consent_id)


async def test_a_withdrawal_with_a_dead_worker_lists_what_is_in_doubt(play: Play) -> None:
    """The worker died after its request went out: 202, then the person's own session settles it."""
    view = await play.person("anna")
    session = await play.arrive("anna")
    pods = play.gate.pods
    run_id = await run.start(play.world, CONSUMER, SPACE)
    lease = await _lease_of_a_dead_worker(play, run_id, view)
    await _plan(play, run_id, view)
    object.__setattr__(play.world.settings.consent, "withdraw_wait_seconds", 0.1)
    ended = await withdraw.withdraw(play.world, session, view.record.consent_id)
    assert not ended.quiescent
    assert len(ended.in_doubt) == 1
    async with play.world.store.transaction() as tx:
        await tx.leases.release(lease)
    settled = await withdraw.status(play.world, session, view.record.consent_id)
    assert settled.quiescent
    assert ended.in_doubt[0] not in pods.held


async def _lease_of_a_dead_worker(play: Play, run_id: str, view: ConsentView) -> int:
    async with play.world.store.transaction() as tx:
        fence = await tx.leases.take(view.record.consent_id, view.record.epoch, run_id, 60)
    assert fence is not None
    return fence


async def _plan(play: Play, run_id: str, view: ConsentView) -> None:
    """An intent whose request reached the pod, and whose outcome nobody recorded."""
    target, content = f"{view.record.result_container}x.ttl", b"<a:a> <b:b> <c:c> .\n"
    delivery = Delivery(target, content, "text/turtle", "https://gate.example/g", content)
    async with play.world.store.transaction() as tx:
        stored = await tx.consents.one(view.record.consent_id)
        await tx.results.plan(
            stored.person_id,
            run_id,
            view.record.consent_id,
            view.record.epoch,
            delivery,
            hashlib.sha256(content).hexdigest(),
            play.world.clock.now(),
        )
    session = await play.arrive("anna")
    await play.gate.pods.create(session.access, target, content, "text/turtle")


async def test_a_changed_program_is_not_run(play: Play) -> None:
    """A new version of the terms needs new approvals; it revokes earlier consents and stops their runs."""
    view = await play.person("anna")
    agreement = (await spaces.show(play.world, SPACE)).agreement
    run_id = await run.start(play.world, CONSUMER, SPACE)
    newer = dataclasses.replace(agreement, version=2, terms={"en": "Other terms."})
    await spaces.publish(play.world, SPACE, newer)
    with pytest.raises(SolidgateError) as refused:
        await run.start(play.world, CONSUMER, SPACE)
    assert refused.value.code == "algorithm.not-approved"
    await play.work(run_id)
    assert await play.outcome(run_id, view) == ("stopped", "consent.revoked")
    digest = (await spaces.show(play.world, SPACE)).agreement_digest
    for caller in (Caller(OWNER), CONSUMER):
        await spaces.approve(play.world, caller, SPACE, digest, agreement.algorithm, "approve")
    second = await run.start(play.world, CONSUMER, SPACE)
    await play.work(second)
    with pytest.raises(SolidgateError):
        await play.outcome(second, view)


async def test_only_parties_start_runs_and_ask(play: Play) -> None:
    stranger = Caller("https://stranger.example/#org")
    with pytest.raises(RoleMissing):
        await run.start(play.world, stranger, SPACE)
    with pytest.raises(RoleMissing):
        await query.query(play.world, stranger, SPACE, ALL, [ResultFormat.JSON])
    with pytest.raises(RoleMissing):
        await query.query(play.world, Caller(OWNER), SPACE, ALL, [ResultFormat.JSON])


async def test_a_small_group_has_no_result(play: Play) -> None:
    await play.person("anna")
    run_id = await play.run()
    shown = await run.show(play.world, CONSUMER, SPACE, run_id)
    assert (shown.aggregate, shown.counts["written"]) == (False, "<2")
    with pytest.raises(GroupTooSmall):
        await run.aggregate(play.world, CONSUMER, SPACE)


@dataclass
class Leavers:
    """A sandbox in whose way people leave: each attempt ends by the withdrawal of the next of ``leavers``."""

    play: Play
    leavers: list[tuple[Session, ConsentView]]
    sizes: list[int] = field(default_factory=list)
    killed: int = 0
    leaving: list[asyncio.Task[withdraw.Withdrawal]] = field(default_factory=list)

    def stand_in_the_way(self) -> None:
        sandbox = self.play.world.sandbox
        made = sandbox.aggregate

        async def aggregate(program, graphs, context, limits):  # type: ignore[no-untyped-def]
            self.sizes.append(len(graphs))
            if len(self.sizes) <= len(self.leavers):
                session, view = self.leavers[len(self.sizes) - 1]
                ending = withdraw.withdraw(self.play.world, session, view.record.consent_id)
                self.leaving.append(asyncio.create_task(ending))
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    self.killed += 1
                    raise
            return await made(program, graphs, context, limits)

        sandbox.aggregate = aggregate


@pytest.fixture
async def heard(play: Play, database_url: str) -> AsyncIterator[None]:
    """The worker hears of withdrawals."""
    listening = asyncio.create_task(listen(plain_url(database_url), play.parts))
    yield
    listening.cancel()


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    ("people", "leaving", "sizes", "released"),
    [(3, 1, [3, 2], True), (2, 1, [2], False), (5, 3, [5, 4, 3], False)],
)
async def test_who_leaves_while_the_group_s_result_is_made_is_not_in_it(
    play: Play, people: int, leaving: int, sizes: list[int], released: bool
) -> None:
    """The computation is killed, the withdrawal waits for that, and what is released is made anew."""
    names = ("anna", "ben", "cara", "dirk", "eva")[:people]
    views = [await play.person(name) for name in names]
    leavers = Leavers(play, [(await play.arrive(names[one]), views[one]) for one in range(leaving)])
    leavers.stand_in_the_way()
    run_id = await play.run()
    ended = await asyncio.gather(*leavers.leaving)
    assert (leavers.sizes, leavers.killed) == (sizes, leaving)
    assert all(one.quiescent for one in ended)
    assert (await run.show(play.world, CONSUMER, SPACE, run_id)).aggregate is released
    async with play.world.store.transaction() as tx:
        assert await tx.leases.open([view.record.consent_id for view in views]) == 0
        refused = await tx.connection.execute(
            sa.text("SELECT count(*) FROM audit WHERE entry LIKE '%' || :code || '%'"),
            {"code": GroupChanged.code},
        )
    assert refused.scalar_one() == (1 if leaving == ATTEMPTS else 0)


async def test_two_workers_never_make_one_group_s_result(play: Play) -> None:
    """The second waits for the leases of the first, and then finds it released."""
    for name in ("anna", "ben", "cara"):
        await play.person(name)
    run_id = await run.start(play.world, CONSUMER, SPACE)
    await play.work(run_id)
    sandbox, made = play.world.sandbox, []
    real = sandbox.aggregate

    async def counted(*arguments):  # type: ignore[no-untyped-def]
        made.append(1)
        return await real(*arguments)

    sandbox.aggregate = counted
    await asyncio.gather(*(aggregate.aggregate(play.enclave, run_id) for _ in range(2)))
    assert made == [1]
    assert (await run.show(play.world, CONSUMER, SPACE, run_id)).aggregate is True


async def test_the_sandbox_is_what_the_machine_can_give(play: Play) -> None:
    await play.person("anna")
    await play.run()
    assert play.world.sandbox.level >= IsolationLevel.L1


async def test_a_yes_needs_the_documents_that_are_needed(play: Play) -> None:
    """Without them only a no is possible; once they are there, opening the request again finds them."""
    session = await play.arrive("anna", documents=False)
    request = await ask.ask(play.world, session, play.token)
    shown = await consent.review(play.world, session, request, "en")
    assert len(shown.missing) == 12
    answers = {"advice": True}
    with pytest.raises(RequiredMissing):
        await consent.answer(
            play.world, session, request, shown=shown.notice.digest, language="en", answers=answers
        )
    play.gate.pods.give(session.webid, "https://anna.example/", energy_documents(1))
    again = await consent.review(play.world, session, request, "en")
    assert again.missing == ()
    (view,) = await consent.answer(
        play.world, session, request, shown=again.notice.digest, language="en", answers=answers
    )
    assert view.door is DoorState.OPEN


async def test_a_request_is_closed_after_its_time(play: Play) -> None:
    session = await play.arrive("anna")
    request = await ask.ask(play.world, session, play.token)
    shown = await consent.review(play.world, session, request, "en")
    play.gate.clock.ahead = timedelta(days=31)
    with pytest.raises(RequestClosed):
        await consent.answer(
            play.world,
            session,
            request,
            shown=shown.notice.digest,
            language="en",
            answers={"advice": True},
        )


async def test_a_pod_that_stores_something_else_is_disputed_and_left_alone(play: Play) -> None:
    view = await play.person("anna")
    pods = play.gate.pods
    create = pods.create

    async def lies(access, url, content, media_type):  # type: ignore[no-untyped-def]
        return await create(access, url, content + b"# and more\n", media_type)

    pods.create = lies  # type: ignore[method-assign]
    run_id = await play.run()
    assert await play.outcome(run_id, view) == ("failed", "pod.disputed")
    session = await play.arrive("anna")
    (result,) = (await record.view(play.world, session, view.record.consent_id)).results
    assert result.state == "disputed"
    assert pods.held[result.url].content.endswith(b"# and more\n")
    assert await play.rows() == 0


async def test_a_cancelled_run_stops_its_parts_and_writes_nothing_more(play: Play) -> None:
    view = await play.person("anna")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    cancelled = await run.cancel(play.world, CONSUMER, SPACE, run_id)
    assert cancelled.state == "cancelled"
    await play.work(run_id)
    assert await play.outcome(run_id, view) == ("stopped", "run.cancelled")
    assert await play.rows() == 0


async def test_the_twelfth_run_begins_like_the_first(play: Play) -> None:
    """Statements that are used often are prepared by the driver, and must mean the same then."""
    await play.person("anna")
    for _ in range(12):
        run_id = await run.start(play.world, CONSUMER, SPACE)
        await run.cancel(play.world, CONSUMER, SPACE, run_id)


async def test_a_run_of_another_space_is_not_there(play: Play) -> None:
    await play.person("anna")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    agreement = (await spaces.show(play.world, SPACE)).agreement
    await spaces.create(play.world, dataclasses.replace(agreement, space="other"))
    for ask_for in (run.show, run.cancel):
        with pytest.raises(RunNotFound):
            await ask_for(play.world, CONSUMER, "other", run_id)


async def test_a_pod_that_takes_longer_than_the_lease_ends_that_part_only(play: Play) -> None:
    slow_one, good = await play.person("anna"), await play.person("ben")
    pods = play.gate.pods
    read = pods.read

    async def slow(access, url, *, max_bytes):  # type: ignore[no-untyped-def]
        if url.startswith("https://anna.example/"):
            await asyncio.sleep(120)
        return await read(access, url, max_bytes=max_bytes)

    pods.read = slow  # type: ignore[method-assign]
    play.parts.limit = FairPlaces(2)
    object.__setattr__(play.world.settings.worker, "lease_seconds", 8)
    run_id = await play.run()
    assert await play.outcome(run_id, slow_one) == ("failed", "run.timed-out")
    assert await play.outcome(run_id, good) == ("written", None)
