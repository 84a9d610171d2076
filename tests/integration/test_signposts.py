"""Beside the results: an index for people, a pointer for programs; replaced only where the bytes are ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyoxigraph as ox
import pytest

from solidgate.adapters.sql.tables import deliveries, leases, signposts
from solidgate.errors import PodConflict, PodUnavailable
from solidgate.flow import aggregate, ask, reconcile, record, run, withdraw
from solidgate.flow import erase as erasing
from solidgate.flow import lead as leading
from solidgate.identity.login import Session
from solidgate.pod.resource import Document, ResourceState
from solidgate.run.signpost import Change, Lead, planned
from solidgate.settings import Worker
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE, answer, is_signpost
from solidgate.vocab import DCT, PROV, SG
from solidgate.worker.house import keep_house
from solidgate.worker.parts import run_batch

FOREIGN = b"<#mine> <#is> <#this> ."


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path, purposes=("advice", "study")) as opened:
        yield opened


async def one_run(ground: Ground, *consents: str) -> str:
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    await run_batch(ground.parts, run_id, consents)
    await aggregate.aggregate(ground.enclave, run_id)
    return run_id


async def begun(ground: Ground) -> tuple[Session, dict[str, str], str]:
    """Anna with her consents, and the container of her results."""
    session = await ground.arrive("anna")
    consents = await ground.say_yes(session)
    view = await record.view(ground.world, session, consents["advice"])
    return session, consents, view.record.result_container


def held(ground: Ground, url: str) -> list[ox.Triple]:
    quads = ox.parse(ground.pods.held[url].content, format=ox.RdfFormat.TURTLE)
    return [quad.triple for quad in quads]


def pointed(ground: Ground, container: str) -> dict[str, str]:
    """Purpose to the newest result, as the pointer says."""
    triples = held(ground, f"{container}latest-{SPACE}.ttl")
    return {
        t.subject.value.partition("#")[2]: t.object.value for t in triples if t.predicate == SG.latestResult
    }


def listed(ground: Ground, container: str) -> set[str]:
    return {
        t.object.value for t in held(ground, f"{container}index-{SPACE}.ttl") if t.predicate == DCT.references
    }


async def results(ground: Ground, session: Session, consent_id: str) -> tuple[record.ResultView, ...]:
    return (await record.view(ground.world, session, consent_id)).results


async def states(ground: Ground) -> dict[str, str]:
    async with ground.world.store.transaction() as tx:
        rows = (await tx.connection.execute(signposts.select())).all()
    return {row.kind: row.state for row in rows}


async def test_they_lead_to_every_result_and_to_the_newest(ground: Ground) -> None:
    session, consents, container = await begun(ground)
    await one_run(ground, *consents.values())
    await one_run(ground, *consents.values())
    advice, study = [await results(ground, session, consents[one]) for one in ("advice", "study")]
    assert listed(ground, container) == {one.url for one in (*advice, *study)}
    assert len(listed(ground, container)) == 4
    newest = {name: rows[-1].url for name, rows in (("advice", advice), ("study", study))}
    assert pointed(ground, container) == newest
    assert await states(ground) == {"latest": "written", "index": "written"}
    index = held(ground, f"{container}index-{SPACE}.ttl")
    agreed = {t.object.value for t in index if t.predicate == SG.underConsent}
    assert agreed == {ground.world.consent_iri(one) for one in consents.values()}


async def test_they_are_plain_turtle_that_any_client_reads(ground: Ground) -> None:
    """Absolute addresses, no blank nodes, no base: the same to every parser, wherever it stands."""
    _, consents, container = await begun(ground)
    await one_run(ground, *consents.values())
    for kind in ("latest", "index"):
        url = f"{container}{kind}-{SPACE}.ttl"
        content = ground.pods.held[url].content
        assert b"@base" not in content
        assert b"_:" not in content
        elsewhere = ox.parse(content, format=ox.RdfFormat.TURTLE, base_iri="https://elsewhere.example/")
        assert [quad.triple for quad in elsewhere] == held(ground, url)
        assert all(t.subject.value.partition("#")[0] == url for t in held(ground, url))


async def test_what_is_not_ours_is_never_overwritten_and_the_run_succeeds(ground: Ground) -> None:
    session, consents, container = await begun(ground)
    for kind in ("latest", "index"):
        ground.pods.give(session.webid, ground.pods.storage_of[session.webid], {})
        ground.pods._put(f"{container}{kind}-{SPACE}.ttl", FOREIGN, "text/turtle")
    run_id = await one_run(ground, *consents.values())
    async with ground.world.store.transaction() as tx:
        found = [(await tx.runs.part(run_id, one)).state.value for one in consents.values()]
    assert found == ["written", "written"]
    assert await states(ground) == {"latest": "disputed", "index": "disputed"}
    await one_run(ground, *consents.values())
    await withdraw.withdraw(ground.world, session, consents["advice"], remove_results=True)
    for kind in ("latest", "index"):
        assert ground.pods.held[f"{container}{kind}-{SPACE}.ttl"].content == FOREIGN


async def test_a_later_change_by_somebody_else_is_disputed_too(ground: Ground) -> None:
    _, consents, container = await begun(ground)
    await one_run(ground, *consents.values())
    ground.pods._put(f"{container}index-{SPACE}.ttl", FOREIGN, "text/turtle")
    await one_run(ground, *consents.values())
    assert await states(ground) == {"latest": "written", "index": "disputed"}
    assert ground.pods.held[f"{container}index-{SPACE}.ttl"].content == FOREIGN


async def test_what_the_person_deleted_is_not_written_again(ground: Ground) -> None:
    _, consents, container = await begun(ground)
    await one_run(ground, *consents.values())
    del ground.pods.held[f"{container}index-{SPACE}.ttl"]
    await one_run(ground, *consents.values())
    assert await states(ground) == {"latest": "written", "index": "gone"}
    assert f"{container}index-{SPACE}.ttl" not in ground.pods.held


@pytest.mark.parametrize(("rounds", "state"), [(1, "written"), (4, "written"), (20, "planned")])
async def test_a_conflict_is_read_again_a_few_times(ground: Ground, rounds: int, state: str) -> None:
    _, consents, _ = await begun(ground)
    await one_run(ground, *consents.values())
    really, left = ground.pods.replace, {"latest": rounds, "index": rounds}

    async def contested(access, url, *rest):  # type: ignore[no-untyped-def]
        kind = "latest" if "latest-" in url else "index"
        left[kind] -= 1
        if left[kind] >= 0:
            raise PodConflict(url)
        return await really(access, url, *rest)

    ground.pods.replace = contested  # type: ignore[method-assign]
    await one_run(ground, consents["advice"])
    assert set((await states(ground)).values()) == {state}
    if state == "planned":
        assert left == {"latest": rounds - 5, "index": rounds - 5}, "five times, and no more"


async def test_what_a_pod_only_said_that_it_took_is_found_out_by_housekeeping(ground: Ground) -> None:
    """Its word is believed for a day; a result is read back at once, and is not touched by this."""
    session, consents, container = await begun(ground)
    really = ground.pods.create

    async def lying(access, url, *rest) -> ResourceState:  # type: ignore[no-untyped-def]
        return ResourceState(url, True, '"1"') if is_signpost(url) else await really(access, url, *rest)

    ground.pods.create = lying  # type: ignore[method-assign]
    await one_run(ground, consents["advice"])
    assert await states(ground) == {"latest": "written", "index": "written"}
    ground.pods.create = really  # type: ignore[method-assign]
    await a_day(ground)
    assert await states(ground) == {"latest": "gone", "index": "gone"}
    (result,) = await results(ground, session, consents["advice"])
    assert (result.state, result.url in ground.pods.held) == ("written", True)
    assert f"{container}index-{SPACE}.ttl" not in ground.pods.held


@pytest.mark.parametrize("tag", [None, 'W/"1"'], ids=["no tag", "a weak tag"])
async def test_without_a_usable_tag_what_stands_there_is_looked_at_first(
    ground: Ground, tag: str | None
) -> None:
    _, consents, container = await begun(ground)
    creates, replaces = ground.pods.create, ground.pods.replace

    async def created(*asked) -> ResourceState:  # type: ignore[no-untyped-def]
        return replace(await creates(*asked), etag=tag)

    async def changed(*asked) -> ResourceState:  # type: ignore[no-untyped-def]
        return replace(await replaces(*asked), etag=tag)

    ground.pods.create, ground.pods.replace = created, changed  # type: ignore[method-assign]
    await one_run(ground, *consents.values())
    ground.pods.log.clear()
    await one_run(ground, *consents.values())
    told = [(one.what, one.url) for one in ground.pods.log if is_signpost(one.url)]
    replaced = [url for what, url in told if what == "replace"]
    assert len(set(replaced)) == 2
    for url in replaced:
        assert told.index(("read", url)) < told.index(("replace", url))
    assert len(listed(ground, container)) == 4
    assert await states(ground) == {"latest": "written", "index": "written"}


async def test_when_others_come_between_it_goes_the_long_way(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before the publication is not what is there at it: planned anew, and nothing is lost."""
    session, consents, container = await begun(ground)
    await one_run(ground, *consents.values())
    late = await lead_of(ground, consents["advice"])
    await one_run(ground, *consents.values())

    async def overtaken(*_: object) -> Lead:
        return late

    monkeypatch.setattr(leading, "lead_to", overtaken)
    await one_run(ground, *consents.values())
    advice, study = [await results(ground, session, consents[one]) for one in ("advice", "study")]
    assert len(advice) == 3
    assert listed(ground, container) == {one.url for one in (*advice, *study)}
    assert pointed(ground, container) == {"advice": advice[-1].url, "study": study[-1].url}
    assert await states(ground) == {"latest": "written", "index": "written"}


async def lead_of(ground: Ground, consent_id: str) -> Lead:
    """Intents made of what is kept now, as if somebody stopped just before publishing."""
    async with ground.world.store.at_once() as steps:
        around = await steps.around(await steps.one(consent_id))
    changes = tuple(
        Change(planned(kept.sign, kind, kept.sign.target, b"", "0" * 64), kept)
        for kind, kept in around.kept.items()
    )
    return Lead(around.place, changes, ground.world.clock.now())


async def test_an_attempt_that_was_cut_off_is_ended_by_housekeeping(ground: Ground) -> None:
    """The pod stored it and says nothing any more: later the bytes are recognised as ours."""
    _, consents, container = await begun(ground)
    really, reads = ground.pods.create, ground.pods.read

    async def cut_off(access, url, *rest) -> ResourceState:  # type: ignore[no-untyped-def]
        made = await really(access, url, *rest)
        if f"-{SPACE}.ttl" in url:
            raise PodUnavailable(url)
        return made

    async def silent(access, url, **limits) -> Document:  # type: ignore[no-untyped-def]
        if is_signpost(url):
            raise PodUnavailable(url)
        return await reads(access, url, **limits)

    ground.pods.create, ground.pods.read = cut_off, silent  # type: ignore[method-assign]
    await one_run(ground, consents["advice"])
    assert set((await states(ground)).values()) == {"planned"}
    ground.pods.create, ground.pods.read = really, reads  # type: ignore[method-assign]
    ground.gate.clock.ahead += timedelta(minutes=3)
    async with ground.world.store.transaction() as tx:
        await tx.connection.execute(leases.delete())  # in doubt, it was left to lapse by itself
    await keep_house(ground.enclave)
    assert await states(ground) == {"latest": "written", "index": "written"}
    assert len(listed(ground, container)) == 1


async def test_after_a_withdrawal_they_say_so(ground: Ground) -> None:
    session, consents, container = await begun(ground)
    await one_run(ground, *consents.values())
    await withdraw.withdraw(ground.world, session, consents["advice"])
    index = held(ground, f"{container}index-{SPACE}.ttl")
    invalid = {t.subject for t in index if t.predicate == PROV.invalidatedAtTime}
    assert len(invalid) == 1
    assert set(pointed(ground, container)) == {"study"}


async def test_with_the_last_result_they_go(ground: Ground) -> None:
    session, consents, container = await begun(ground)
    await one_run(ground, *consents.values())
    found = await withdraw.withdraw_all(ground.world, session, remove_results=True)
    assert all(one.quiescent for one in found)
    assert not [url for url in ground.pods.held if url.startswith(container)]
    assert await states(ground) == {"latest": "removed", "index": "removed"}
    request = await ask.ask_again(ground.world, session, SPACE)
    views = await answer(ground.world, session, request, {"advice"})
    new = next(one for one in views if one.record.purpose == "advice").record.consent_id
    await one_run(ground, new)
    (result,) = await results(ground, session, new)
    assert listed(ground, container) == {result.url}, "a new yes is led to again"


async def test_they_are_in_the_copy_and_gone_with_the_person(ground: Ground) -> None:
    session, consents, container = await begun(ground)
    await one_run(ground, *consents.values())
    async with ground.world.store.transaction() as tx:
        rows = (await tx.persons.held(session.person_id))["signposts"]
    assert {row["signpost"]["target"] for row in rows} == {  # type: ignore[index]
        f"{container}{kind}-{SPACE}.ttl" for kind in ("latest", "index")
    }
    report = await erasing.erase(ground.world, session)
    assert f"{container}index-{SPACE}.ttl" in report.reach.pods
    async with ground.world.store.transaction() as tx:
        assert not (await tx.connection.execute(signposts.select())).all()


async def test_they_can_be_switched_off(database_url: str, tmp_path: Path) -> None:
    async with open_ground(database_url, tmp_path, worker=Worker(signposts=False)) as ground:
        _, consents, container = await begun(ground)
        await one_run(ground, *consents.values())
        assert await states(ground) == {}
        assert len([url for url in ground.pods.held if url.startswith(container)]) == 1


# --- reconciliation -----------------------------------------------------------------------------------


async def a_day(ground: Ground) -> None:
    ground.gate.clock.ahead += timedelta(hours=31)
    await keep_house(ground.enclave)


async def test_once_a_day_results_are_looked_at(ground: Ground) -> None:
    session, consents, container = await begun(ground)
    run_id = await one_run(ground, *consents.values())
    (kept,) = await results(ground, session, consents["advice"])
    (other,) = await results(ground, session, consents["study"])
    ground.pods.log.clear()
    await keep_house(ground.enclave)
    assert not [one for one in ground.pods.log if one.url == kept.url], "not before its time"
    ground.pods._put(other.url, FOREIGN, "text/turtle")
    await a_day(ground)
    (seen,) = await results(ground, session, consents["advice"])
    assert (seen.state, seen.seen is not None) == ("written", True)
    (altered,) = await results(ground, session, consents["study"])
    assert altered.state == "disputed"
    assert ground.pods.held[other.url].content == FOREIGN
    assert listed(ground, container) == {kept.url}, "the index no longer leads to it"
    del ground.pods.held[kept.url]
    await a_day(ground)
    (gone,) = await results(ground, session, consents["advice"])
    assert gone.state == "gone"
    assert kept.url not in ground.pods.held, "not written again"
    ground.pods.log.clear()
    await a_day(ground)
    assert not [one for one in ground.pods.log if one.url == kept.url], "and not looked at again"
    view = await run.show(ground.world, CONSUMER, SPACE, run_id)
    assert view.pods == {"gone": "<2", "disputed": "<2"}, "a count, and a small one is withheld"
    async with ground.gate.browser(session.webid) as anna:
        page = (await anna.get("/me/results")).text
        assert "It is not in your pod any more" in page
        assert "gives back something else" in page


async def test_a_withdrawn_consent_is_not_looked_at(ground: Ground) -> None:
    session, consents, _ = await begun(ground)
    await one_run(ground, *consents.values())
    await withdraw.withdraw_all(ground.world, session)
    ground.pods.log.clear()
    await a_day(ground)
    agent = ground.world.agent(SPACE)
    assert not [one for one in ground.pods.log if one.webid == agent]


async def test_a_pod_that_does_not_answer_is_asked_at_the_next_turn(ground: Ground) -> None:
    session, consents, _ = await begun(ground)
    await one_run(ground, *consents.values())
    ground.pods.refuses.add("read")
    await a_day(ground)
    (kept,) = await results(ground, session, consents["advice"])
    assert (kept.state, kept.seen) == ("written", None)
    ground.pods.refuses.clear()
    await a_day(ground)
    (kept,) = await results(ground, session, consents["advice"])
    assert kept.seen is not None


async def test_looks_come_in_batches_and_not_all_at_one_moment(database_url: str, tmp_path: Path) -> None:
    async with open_ground(database_url, tmp_path, worker=Worker(reconcile_batch=2)) as ground:
        for name in ("anna", "ben", "cleo"):
            await ground.say_yes(await ground.arrive(name))
        async with ground.world.store.transaction() as tx:
            people = await tx.consents.holding(SPACE, ground.world.clock.now())
        await one_run(ground, *(consent_id for consent_id, _ in people))
        ground.gate.clock.ahead += timedelta(hours=31)
        assert len(await reconcile.results_due(ground.world)) == 2
        await keep_house(ground.enclave)
        assert len(await reconcile.results_due(ground.world)) == 1
        await keep_house(ground.enclave)
        async with ground.world.store.transaction() as tx:
            rows = (await tx.connection.execute(deliveries.select())).all()
        assert len({row.next_look for row in rows}) == 3
        now = ground.world.clock.now()
        assert all(timedelta(hours=17) < row.next_look - now < timedelta(hours=31) for row in rows)
