"""Before an erasure a person is told which doors it closes, and which are left to them; so it happens."""

from __future__ import annotations

from dataclasses import replace

from solidgate.errors import AccessControlRefused
from solidgate.flow import expire, rights
from solidgate.pod.door import DoorState
from solidgate.testing.play import Play
from solidgate.testing.space import SPACE


async def test_the_erasure_closes_what_it_said_and_leaves_nothing_to_do(play: Play) -> None:
    session = await play.arrive("anna")
    await play.say(session)
    agent = play.world.agent(SPACE)
    said = await rights.rehearse(play.world, session)
    assert (said.closes, said.reach.doors) == ((agent,), ())
    report = await rights.erase(play.world, session)
    assert (report.closes, report.reach.doors) == ((), ())
    assert (session.webid, agent) not in play.gate.pods.doors


async def test_a_door_that_a_pod_is_known_to_keep_is_left_to_the_person(play: Play) -> None:
    session = await play.arrive("anna")
    view = await play.say(session)
    agent = play.world.agent(SPACE)
    async with play.world.store.transaction() as tx:
        now = play.world.clock.now()
        await tx.doors.put(view.record.consent_id, DoorState.PARTIAL, AccessControlRefused.code, now)
    said = await rights.rehearse(play.world, session)
    assert (said.closes, said.reach.doors) == ((), (agent,))


async def test_the_door_of_a_consent_that_ran_out_is_closed_too(play: Play) -> None:
    session = await play.arrive("anna")
    view = await play.say(session)
    agent, until = play.world.agent(SPACE), view.record.latest.until
    assert until is not None
    play.gate.clock.ahead += until - play.gate.clock.now()
    assert await expire.expire(play.world) == 1
    session = replace(session, access=(await play.gate.log_in(session.webid)).access)
    assert (session.webid, agent) in play.gate.pods.doors
    assert (await rights.rehearse(play.world, session)).closes == (agent,)
    report = await rights.erase(play.world, session)
    assert report.reach.doors == ()
    assert (session.webid, agent) not in play.gate.pods.doors


async def test_an_operator_closes_none(play: Play) -> None:
    session = await play.arrive("anna")
    await play.say(session)
    said = await rights.rehearse(play.world, session.person_id)
    assert (said.closes, said.reach.doors) == ((), (play.world.agent(SPACE),))
    report = await rights.erase(play.world, session.person_id)
    assert report.reach.doors == said.reach.doors


async def test_the_report_lists_every_document_that_stays_in_the_pod(play: Play) -> None:
    """All forms of each receipt, the notes beside results, and what leads to them: whatever we wrote."""
    session = await play.arrive("anna")
    await play.say(session)
    await play.person("ben")
    before = set(play.gate.pods.held)
    await play.run()
    report = await rights.erase(play.world, session)
    own = {url for url in play.gate.pods.held if url.startswith("https://anna.example/")}
    ours = {url for url in own if url not in before or "/receipts/" in url}
    assert {url for url in ours if url.endswith(".withdrawn.ttl")}
    assert len({url for url in ours if "/receipts/" in url}) == 6
    assert set(report.reach.pods) == ours
