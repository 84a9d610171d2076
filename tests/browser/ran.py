"""Walks to the pages of runs and of results, after a real program ran for people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from solidgate.flow.record import ConsentView
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement
from solidgate.testing.energy import energy_documents
from solidgate.testing.play import Play
from solidgate.testing.space import SPACE, agreement_of, enclave_of, open_space
from solidgate.testing.terms import ADVICE, CONSUMER, sample_agreement
from solidgate.worker.parts import Parts
from tests.browser.answers import WITHDRAW, Matrix

NAMES = ("nora", "otto", "pia")


def _agreed() -> Agreement:
    """The terms of the example's program, in all languages."""
    agreed = agreement_of("advice")
    needs = tuple(replace(need, title=ADVICE.needs[0].title) for need in agreed.purposes[0].needs)
    purpose = replace(agreed.purposes[0], title=ADVICE.title, description=ADVICE.description, needs=needs)
    return replace(agreed, purposes=(purpose,), languages=sample_agreement().languages)


async def after_runs(matrix: Matrix) -> None:
    """A space whose program runs: while it waits, once it has run, cancelled, and withdrawn from."""
    gate = matrix.stage.gate
    token = await open_space(gate.world, _agreed())
    enclave = enclave_of(gate.world)
    play = Play(gate, enclave, Parts(enclave), token)
    said = {name: await _yes(matrix, play, name) for name in NAMES}
    run_id = await _organisation(matrix, play)
    await _people(matrix, play, said, run_id)


async def _yes(matrix: Matrix, play: Play, name: str) -> tuple[Session, ConsentView]:
    """Somebody who said yes; the last one's documents are gone when the program runs."""
    session = await play.arrive(name)
    if name == NAMES[0]:
        await _before_a_yes(matrix, session, play.token)
    view = await play.say(session)
    if name == NAMES[-1]:
        pods = play.gate.pods
        pods.held.pop(pods.storage_of[session.webid] + next(iter(energy_documents(1))))
    return session, view


async def _before_a_yes(matrix: Matrix, session: Session, token: str) -> None:
    """What a yes would send, of a whole year, and the example that the approved program gives."""
    async with matrix.walk(session.webid) as walk:
        await walk.page.goto(matrix.url(f"/join/{token}/request"))
        await walk.press("main a[href$='/preview']")
        await walk.press("main a[href$='/example']")


async def _organisation(matrix: Matrix, play: Play) -> str:
    """What the organisation sees of a run that waits, of one that has ended, and of one it cancels."""
    runs = matrix.url(f"/spaces/{SPACE}/runs")
    async with matrix.walk(CONSUMER) as walk:
        await walk.page.goto(runs)
        await walk.press("main form button")
        run = walk.page.url
        run_id = run.rpartition("/")[2]
        await play.work(run_id)
        await walk.open(run)
        await walk.page.goto(runs)
        await walk.page.click("main form button")
        await walk.press("form[action$='/cancel'] button")
        await walk.open(runs)
        for name in ("", "/algorithm", "/approvals"):
            await walk.open(matrix.url(f"/spaces/{SPACE}{name}"))
    return run_id


async def _people(
    matrix: Matrix, play: Play, said: dict[str, tuple[Session, ConsentView]], run_id: str
) -> None:
    """Their results and what was done; then withdrawals that keep, remove, and do not know."""
    for name, results in zip(NAMES, ("keep", "remove", ""), strict=True):
        session, view = said[name]
        consent = matrix.url(f"/consents/{view.record.consent_id}")
        async with matrix.walk(session.webid) as walk:
            if name != NAMES[1]:  # hers look as those of the first one
                await walk.open(consent)
                await walk.open(f"{consent}/activity")
                await walk.open(matrix.url("/me/results"))
                await walk.open(matrix.url("/me/activity"))
            if results:
                await walk.page.goto(f"{consent}/withdraw")
                await walk.press(f"{WITHDRAW}[value={results}]")
            else:
                await play.leave_planned(run_id, view)
                matrix.stage.gate.pods.refuses |= {"state", "read", "remove"}
                await walk.page.goto(consent)
                await walk.press(WITHDRAW, 202)
    await _long_in_doubt(matrix, session, f"{consent}/withdraw")


async def _long_in_doubt(matrix: Matrix, session: Session, withdrawal: str) -> None:
    """Nobody could find out; the person is told to look. What was erased is shown as not known too."""
    gate = matrix.stage.gate
    gate.clock.ahead += timedelta(hours=gate.world.settings.consent.doubt_hours, minutes=1)
    async with matrix.walk(session.webid) as walk:
        await walk.open(withdrawal, 202)
        await walk.page.goto(matrix.url("/me/erase"))
        await walk.page.check("[value=erase]")
        await walk.press("main form button")
    gate.pods.refuses.clear()
