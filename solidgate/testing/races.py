"""Races: a withdrawal against every step of a run, and a change of terms against an answer.

The oracle is not ours: for withdrawals the pod's own log, for answers what was displayed to that person.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from dataclasses import dataclass, field

from solidgate.algorithm.manifest import Program
from solidgate.assets import asset
from solidgate.errors import AlgorithmNotApproved, ConsentNotGiven, RequestAnswered, SpaceClosed, TermsChanged
from solidgate.flow import ask, consent, run, withdraw
from solidgate.flow import space as spaces
from solidgate.identity.login import Session
from solidgate.sdk.folder import read_algorithm
from solidgate.testing.ground import Ground
from solidgate.testing.space import CONSUMER, SPACE, approve
from solidgate.testing.watched import SleepySandbox
from solidgate.worker.parts import run_batch

BATCH = 25
PATIENCE = 90.0


@dataclass
class Report:
    """How many races there were, and what was wrong with any. ``late`` answered 202 before their 200."""

    races: int = 0
    late: int = 0
    written: int = 0
    refused: int = 0
    violations: list[str] = field(default_factory=list)


async def withdrawals(ground: Ground, count: int, *, batch: int = BATCH) -> Report:
    """So many people withdraw while a run works for them, each at a moment of chance."""
    report = Report()
    while report.races < count:
        await _one_batch(ground, report, min(batch, count - report.races))
    return report


async def _one_batch(ground: Ground, report: Report, size: int) -> None:
    names = [f"p{report.races + place}" for place in range(size)]
    sessions = [await ground.arrive(name) for name in names]
    consents = [(await ground.say_yes(session))["advice"] for session in sessions]
    ground.pods.log.clear()
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    working = asyncio.create_task(run_batch(ground.parts, run_id, consents))
    span = ground.pods.pause * 8 * (1 + size / 8) * (1 if isinstance(ground.sandbox, SleepySandbox) else 24)
    await asyncio.gather(
        *(
            _withdraw(ground, report, session, one, ground.chance.random() * span)
            for session, one in zip(sessions, consents, strict=True)
        )
    )
    await asyncio.wait_for(working, PATIENCE)
    await _check_queries(ground, report)
    report.races += size


async def _withdraw(ground: Ground, report: Report, session: Session, consent_id: str, delay: float) -> None:
    await asyncio.sleep(delay)
    found = await withdraw.withdraw(ground.world, session, consent_id)
    report.late += not found.quiescent
    deadline = time.monotonic() + PATIENCE
    while not found.quiescent and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        found = await withdraw.status(ground.world, session, consent_id)
    after = len(ground.pods.log)
    if not found.quiescent:
        report.violations.append(f"{consent_id}: never quiescent")
    report.written += len(found.results_kept)
    # What happens from here on, until the batch is over, is judged by the pod's own log.
    await asyncio.sleep(ground.pods.pause * 6)
    storage, agent = ground.pods.storage_of[session.webid], ground.world.agent(SPACE)
    report.violations += [
        f"{consent_id}: {one.what} after the 200"
        for one in ground.pods.log[after:]
        if one.webid == agent and (one.url.startswith(storage) or one.url == session.webid)
    ]
    left = {url for url in ground.pods.held if url.startswith(f"{storage}solidgate/") and _is_result(url)}
    if lost := left - set(found.results_kept):
        report.violations.append(f"{consent_id}: {len(lost)} results that nobody told of")


def _is_result(url: str) -> bool:
    beside = (f"/index-{SPACE}.ttl", f"/latest-{SPACE}.ttl", ".withdrawn.ttl")
    return "/receipts/" not in url and not url.endswith(beside)


async def _check_queries(ground: Ground, report: Report) -> None:
    async with ground.world.store.transaction() as tx:
        seen = await tx.results.visible(SPACE, ground.world.clock.now())
    if seen:
        report.violations.append(f"{len(seen)} derived graphs are still visible")


async def terms(ground: Ground, count: int) -> Report:
    """So many answers, each beside a change of the terms at a moment of chance."""
    report, program = Report(), read_algorithm(asset("examples", "home-energy", "algorithm"))
    for number in range(count):
        session = await ground.arrive(f"t{number}")
        await _one_edit(ground, report, session, program)
        report.races += 1
    return report


async def _one_edit(ground: Ground, report: Report, session: Session, program: Program) -> None:
    world, chance = ground.world, ground.chance
    request = await ask.ask(world, session, ground.token)
    shown = await consent.review(world, session, request, "en")
    displayed = {shown.notice.digest: shown.notice.agreement_digest}
    current = (await spaces.show(world, SPACE)).agreement
    newer = dataclasses.replace(
        current, version=current.version + 1, terms={"en": f"Terms number {current.version + 1}."}
    )

    async def edit() -> None:
        await asyncio.sleep(chance.random() * 0.03)
        await spaces.publish(world, SPACE, newer)
        await approve(world, program.digest)

    async def accept() -> None:
        await asyncio.sleep(chance.random() * 0.03)
        try:
            await consent.answer(
                world,
                session,
                request,
                shown=shown.notice.digest,
                language="en",
                answers={one.id: True for one in shown.agreement.purposes},
            )
        except (TermsChanged, RequestAnswered, ConsentNotGiven, SpaceClosed, AlgorithmNotApproved):
            report.refused += 1

    await asyncio.gather(edit(), accept())
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_person(session.person_id)
    for one in stored:
        if displayed.get(one.record.notice_digest) != one.record.agreement_digest:
            report.violations.append(f"{one.record.consent_id}: agreed to what was not displayed")
    report.written += len(stored)
