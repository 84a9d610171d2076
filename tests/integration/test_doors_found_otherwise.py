"""A door that somebody changed at the pod: shut, it is shown before the next run reads; wider, it is narrowed
by its person's own session."""

from __future__ import annotations

from pathlib import Path

import pytest

from solidgate.errors import DoorNotOpen, DoorTooWide
from solidgate.flow import door, record, run, withdraw
from solidgate.flow import shut as shut_door
from solidgate.identity.login import Session
from solidgate.pod import acp, wac
from solidgate.pod.access_control import access_document, to_turtle
from solidgate.pod.door import READ_ONLY, DoorState
from solidgate.pod.rdf import control_document
from solidgate.testing.called import Called, open_called
from solidgate.testing.space import CONSUMER, SPACE


async def outcome(called: Called, consent_id: str) -> tuple[str, str | None]:
    run_id = await run.start(called.world, CONSUMER, SPACE)
    await called.work()
    async with called.world.store.transaction() as tx:
        part = await tx.runs.part(run_id, consent_id)
    return part.state.value, part.outcome


async def shown(called: Called, session: Session, consent_id: str) -> tuple[str | None, str | None]:
    view = await record.view(called.world, session, consent_id)
    return view.door, view.door_problem


def shut(called: Called, session: Session, container: str, control: str) -> None:
    """The person lets the space only read where its results go."""
    address = container + (".acl" if control == "wac" else ".acr")
    content, agent = called.pod.content(address) or b"", called.world.agent(SPACE)
    document = access_document(control_document(content, "text/turtle", address), address)
    if control == "wac":
        left = wac.opened(document, container, agent, session.webid, READ_ONLY, below=True)
    else:
        left = acp.opened(document, container, agent, READ_ONLY, below=True)
    called.pod.put(address, to_turtle(left))


@pytest.mark.parametrize("control", ["wac", "acp"])
async def test_a_container_that_is_shut_is_told_before_the_next_run_reads(
    database_url: str, tmp_path: Path, control: str
) -> None:
    async with open_called(database_url, tmp_path, rerun="by-hand", control=control) as called:
        session, consent_id, documents = await called.say_yes("anna")
        async with called.world.store.transaction() as tx:
            container = (await tx.consents.one(consent_id)).record.result_container
        shut(called, session, container, control)
        assert await outcome(called, consent_id) == ("failed", DoorNotOpen.code)
        assert await shown(called, session, consent_id) == ("partial", DoorNotOpen.code)
        mark = called.pod.mark()
        assert await outcome(called, consent_id) == ("failed", DoorNotOpen.code)
        paths = {"/" + url.removeprefix(called.pod.base_url) for url in documents}
        assert not [one for one in called.pod.requests_since(mark) if one.path in paths], "nothing is read"

        assert await door.open_for(called.world, session, consent_id) == (DoorState.OPEN, None)
        assert await outcome(called, consent_id) == ("written", None)
        assert await shown(called, session, consent_id) == ("open", None)
        at_door = ["door.opened", "door.found-shut", "door.opened"]
        view = await record.view(called.world, session, consent_id)
        assert [line.action for line in view.activity if line.action.startswith("door.")] == at_door


async def test_a_container_that_the_person_opened_by_hand_is_seen_open_by_the_run(
    database_url: str, tmp_path: Path
) -> None:
    async with open_called(database_url, tmp_path, rerun="by-hand") as called:
        session, consent_id, _ = await called.say_yes("anna")
        async with called.world.store.transaction() as tx:
            await tx.doors.put(consent_id, DoorState.PARTIAL, DoorNotOpen.code, called.world.clock.now())
        assert await outcome(called, consent_id) == ("written", None)
        assert await shown(called, session, consent_id) == ("open", None)
        view = await record.view(called.world, session, consent_id)
        assert "door.found-open" in [line.action for line in view.activity]


async def test_of_a_consent_that_ended_no_door_is_called_shut(database_url: str, tmp_path: Path) -> None:
    async with open_called(database_url, tmp_path, rerun="by-hand") as called:
        session, consent_id, _ = await called.say_yes("anna")
        await withdraw.withdraw(called.world, session, consent_id)
        before = await shown(called, session, consent_id)
        await shut_door.noticed(called.world, consent_id, DoorNotOpen())
        assert await shown(called, session, consent_id) == before
        await shut_door.noticed(called.world, "0" * 32, DoorNotOpen())


async def test_a_door_that_is_too_wide_is_narrowed_by_the_persons_own_session(
    database_url: str, tmp_path: Path
) -> None:
    async with open_called(database_url, tmp_path, rerun="by-hand") as called:
        session, consent_id, documents = await called.say_yes("anna")
        address, agent = documents[0] + ".acl", called.world.agent(SPACE)
        wide = f"<#wide> a acl:Authorization; acl:agent <{agent}>; acl:accessTo <{documents[0]}>;"
        content = (called.pod.content(address) or b"").decode()
        called.pod.put(address, f"{content}\n{wide} acl:mode acl:Write, acl:Control.".encode())
        assert await outcome(called, consent_id) == ("written", None)
        assert await shown(called, session, consent_id) == ("open", DoorTooWide.code)
        assert await door.open_for(called.world, session, consent_id) == (DoorState.OPEN, None)
        assert b"#wide" not in (called.pod.content(address) or b"")
        assert await outcome(called, consent_id) == ("written", None)
        assert await shown(called, session, consent_id) == ("open", None)
