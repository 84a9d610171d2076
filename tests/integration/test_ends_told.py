"""A real worker brings parts to every kind of end, and its person reads what happened, in their language."""

from __future__ import annotations

import asyncio
import dataclasses
import html
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from solidgate.adapters.sql.engine import plain_url
from solidgate.algorithm.digest import digest
from solidgate.algorithm.manifest import MANIFEST, Program
from solidgate.flow import run, withdraw
from solidgate.flow.fair import FairPlaces
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Session
from solidgate.settings import Consent, Pull, Sandbox
from solidgate.testing.gate import Browser, open_gate
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE, agreement_of, enclave_of, open_space, program_of
from solidgate.web import words
from solidgate.web.language import LANGUAGES, Language
from solidgate.web.words_of_ends import of
from solidgate.worker.parts import Parts, listen

MODULE = "home_energy/__init__.py"
AS_TOLD = b'''

_derive = derive


def derive(person):
    """As before, unless a document says how else."""
    how = {row["how"].value for row in person.select("SELECT ?how WHERE { ?x <urn:ex:how> ?how }")}
    if "breaks" in how:
        raise KeyError("of the test")
    while "spins" in how:
        pass
    if "waits" in how:
        __import__("time").sleep(60)
    made = _derive(person)
    if "shapeless" in how:
        return made[:-1]
    said = "CutStandby" if "foreign" in how else "KeepGoing"
    return [*made[:-1], triple(person.subject, HOME + "advice", NamedNode(HOME + said))]
'''
# The agreed words, one by one: the shapes know another piece of advice, which these leave out.
WHOLE = "https://w3id.org/solidgate/examples/home-energy#"
AGREED = (
    "HomeProfile",
    "year",
    "yearlyUse",
    "baseLoad",
    "band",
    "advice",
    "KeepGoing",
    *map("Band".__add__, "ABCDE"),
)
MOST_BYTES = 200_000
MINE = b"<urn:mine> <urn:was> <urn:here> ."

# Whose part it is: its state, its outcome, and how far it came.
ENDS = {
    "breaks": ("refused", "sandbox.failed", "running"),
    "spins": ("failed", "sandbox.limit", "running"),
    "waits": ("stopped", "consent.withdrawn", "running"),
    "shapeless": ("refused", "result.shape-violated", "validating"),
    "foreign": ("refused", "result.foreign-terms", "validating"),
    "gone": ("failed", "pod.not-found", "pulling"),
    "shut": ("failed", "pod.door-not-open", "pulling"),
    "large": ("failed", "fetch.too-large", "pulling"),
    "taken": ("failed", "pod.disputed", "writing"),
    "good": ("written", None, ""),
}


@dataclass
class Ended:
    """The play after its run, and who was in it."""

    play: Play
    run_id: str
    people: dict[str, tuple[Session, ConsentView]]


def _program() -> Program:
    """The example's program, which does otherwise where a document tells it to."""
    made = program_of()
    agreed = tuple(WHOLE + word for word in AGREED)
    listed = made.files[MANIFEST].replace(f'"{WHOLE}"'.encode(), json.dumps(agreed)[1:-1].encode())
    files = {**made.files, MODULE: made.files[MODULE] + AS_TOLD, MANIFEST: listed}
    words_of = tuple(word for word in made.manifest.output_vocabulary if word != WHOLE)
    manifest = dataclasses.replace(made.manifest, output_vocabulary=(*agreed, *words_of))
    return dataclasses.replace(made, digest=digest(manifest, files), manifest=manifest, files=files)


@pytest.fixture
async def ended(database_url: str, tmp_path: Path) -> AsyncIterator[Ended]:
    settings = {
        "consent": Consent(withdraw_wait_seconds=5),
        "sandbox": Sandbox(minimum_level=0, cpu_seconds=2, wall_seconds=30),
        "pull": Pull(max_resource_bytes=MOST_BYTES),
    }
    async with open_gate(database_url, tmp_path, **settings) as gate:
        program = _program()
        token = await open_space(gate.world, agreement_of("advice", program=program), program)
        enclave = enclave_of(gate.world)
        play = Play(gate, enclave, Parts(enclave, limit=FairPlaces(len(ENDS))), token)
        people = {name: await _person(play, name) for name in ENDS}
        _refuse(play, people)
        hearing = asyncio.create_task(listen(plain_url(database_url), play.parts))
        run_id = await run.start(play.world, CONSUMER, SPACE)
        working = asyncio.create_task(play.work(run_id))
        session, view = people["waits"]
        await _is_at_work(play, view)
        await withdraw.withdraw(play.world, session, view.record.consent_id)
        await working
        hearing.cancel()
        yield Ended(play, run_id, people)


async def _person(play: Play, name: str) -> tuple[Session, ConsentView]:
    session = await play.arrive(name)
    view = await play.say(session)
    held, url = play.gate.pods.held, view.record.resources[0]
    told = held[url].content + f'\n<urn:ex:this> <urn:ex:how> "{name}" .\n'.encode()
    if name == "large":
        told += b"#" * MOST_BYTES
    held[url] = dataclasses.replace(held[url], content=told)
    if name == "gone":
        del held[url]
    return session, view


def _refuse(play: Play, people: dict[str, tuple[Session, ConsentView]]) -> None:
    """One person's pod does not let the space in; another one's has something where the result goes."""
    pods = play.gate.pods
    del pods.doors[people["shut"][0].webid, play.world.agent(SPACE)]
    create, taken = pods.create, people["taken"][1].record.result_container

    async def create_where_it_is_taken(access, url, content, media_type):  # type: ignore[no-untyped-def]
        if url.startswith(taken):
            await create(access, url, MINE, media_type)
        return await create(access, url, content, media_type)

    pods.create = create_where_it_is_taken  # type: ignore[method-assign]


async def _is_at_work(play: Play, view: ConsentView) -> None:
    async with asyncio.timeout(60):
        while True:
            async with play.world.store.transaction() as tx:
                steps = await tx.runs.steps_of(view.record.consent_id)
            if "running" in {step.state.value for step in steps}:
                return
            await asyncio.sleep(0.1)


def _text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def _pages(browser: Browser, consent: str, tag: str) -> dict[str, str]:
    paths = {"consent": f"{consent}/activity", "log": "/me/activity", "mine": "/me"}
    return {key: _text((await browser.get(f"{path}?lang={tag}")).text) for key, path in paths.items()}


async def test_every_end_is_told_to_its_person_in_plain_words(ended: Ended) -> None:
    for name, (state, code, reached) in ENDS.items():
        session, view = ended.people[name]
        assert await ended.play.outcome(ended.run_id, view) == (state, code), name
        assert _has_result(ended.play, view) is (state == "written"), name
        consent = f"/consents/{view.record.consent_id}"
        async with ended.play.gate.browser(session.webid) as browser:
            for tag in LANGUAGES:
                pages = await _pages(browser, consent, tag)
                language = Language(tag)
                assert _flat(language.text(words.ACTIVITY[f"run.{state}"])) in pages["consent"]
                if code is None:
                    continue
                end = of(code, reached, language)
                for key in ("consent", "log"):
                    for said in (end.happened, end.left, end.to_do):
                        assert _flat(said) in pages[key], (name, key, tag)
                    assert code in pages[key]
                assert _flat(end.happened) in pages["mine"]


def _has_result(play: Play, view: ConsentView) -> bool:
    held, container = play.gate.pods.held, view.record.result_container
    return any(url.startswith(container) and one.content != MINE for url, one in held.items())


def _flat(text: str) -> str:
    return " ".join(html.unescape(str(text)).split())
