"""On a pod that ignores conditions, what the person wrote over a signpost stays, and the outcome is named."""

from __future__ import annotations

from pathlib import Path

from solidgate.derived import signpost as written
from solidgate.flow import run
from solidgate.run.signpost import Kind, SignState
from solidgate.testing.awkward import Awkward
from solidgate.testing.called import Called, open_called
from solidgate.testing.space import CONSUMER, SPACE

NOTE = b'<> <x:note> "mine" .'


async def ran(called: Called, consent_id: str) -> str:
    run_id = await run.start(called.world, CONSUMER, SPACE)
    await called.work()
    async with called.world.store.transaction() as tx:
        return (await tx.runs.part(run_id, consent_id)).state.value


async def test_a_note_over_latest_is_disputed_and_stays(database_url: str, tmp_path: Path) -> None:
    async with open_called(database_url, tmp_path, rerun="by-hand") as called:
        called.pod.misbehave("*", Awkward.IGNORES_CONDITIONS)
        _, consent_id, documents = await called.say_yes("anna")
        async with called.world.store.transaction() as tx:
            stored = await tx.consents.one(consent_id)
        latest = written.address(stored.record.result_container, SPACE, Kind.LATEST)
        assert await ran(called, consent_id) == "written"
        first = called.pod.content(latest)
        await called.change(documents[0], 1)
        assert await ran(called, consent_id) == "written"
        assert called.pod.content(latest) not in (None, first), "ours is replaced"
        called.pod.put(latest, NOTE)
        await called.change(documents[0], 2)
        assert await ran(called, consent_id) == "written"
        assert called.pod.content(latest) == NOTE
        async with called.world.store.transaction() as tx:
            place = await tx.signposts.place(stored.person_id, stored.record.result_container)
            sign = await tx.signposts.one(stored.person_id, SPACE, place, Kind.LATEST)
        assert sign is not None
        assert sign.state is SignState.DISPUTED
