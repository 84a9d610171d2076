"""kill -9 of the worker, the gate and PostgreSQL: nothing acknowledged is lost, no result is there twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pyoxigraph as ox
import pytest

from solidgate.errors import RunOpen, SolidgateError
from solidgate.testing.demo import outside
from solidgate.testing.demo.stage import SPACE_ID, Stage, set_up
from solidgate.testing.demo.story import Story, agree
from solidgate.testing.demo.visitor import Visitor
from solidgate.testing.people import create_person
from solidgate.testing.space import is_signpost

QUICK = "[worker]\nheartbeat_seconds = 1\nstalled_seconds = 3\nlease_seconds = 6\n"
PATIENCE = 60.0
SETTLED = 180.0
"""What is in doubt is looked at again after a minute, then after two."""


@dataclass
class Site:
    """A stage of its own, with everybody's acknowledged answers as the oracle."""

    stage: Stage
    invitation: str
    stack: AsyncExitStack
    visitors: dict[str, Visitor] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)

    async def arrive(self, name: str) -> Visitor:
        person = next((one for one in self.stage.people if one.name == name), None)
        person = person or await create_person(self.stage.pods.base_url, name)
        visitor = await self.stack.enter_async_context(Visitor(self.stage.gate, person))
        self.visitors[name] = visitor
        return visitor

    async def say_yes(self, name: str) -> str:
        """The consent's path, once the answer was acknowledged."""
        visitor = await self.arrive(name)
        question = await visitor.open_request(self.invitation)
        path = outside.path_of(question.url)
        answered = await visitor.submit(question, path, {"answer-advice": "yes"})
        assert "/consents/" in answered.url
        self.consents[name] = outside.path_of(answered.url)
        return self.consents[name]

    async def kill(self, word: str) -> None:
        """SIGKILL every process of this stage whose command line has the word, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE
        while not self._kill(word):
            assert time.monotonic() < deadline, f"there is a {word} to kill"
            await asyncio.sleep(0.1)

    def _kill(self, word: str) -> int:
        mine = [
            process
            for process in psutil.process_iter(["cmdline"])
            if str(self.stage.folder) in " ".join(process.info["cmdline"] or [])
            or str(self.stage.settings_file) in _environment(process)
        ]
        chosen = [one for one in mine if _is(word, one.info["cmdline"] or [])]
        for process in chosen:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        return len(chosen)

    async def ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        async with aiohttp.ClientSession() as http:
            while time.monotonic() < deadline:
                try:
                    async with http.get(f"{self.stage.gate}readyz?worker=1") as reply:
                        if reply.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
        pytest.fail("the service did not come back")

    async def view(self, name: str) -> dict[str, list[dict[str, str]]]:
        page = await self.visitors[name].get(self.consents[name], "application/json")
        assert page.status == 200, page.text[:300]
        found: dict[str, list[dict[str, str]]] = json.loads(page.text)
        return found

    async def written(self, name: str, least: int) -> list[dict[str, str]]:
        """The person's results, once there are so many: what a kill left in doubt is settled later."""
        deadline = time.monotonic() + SETTLED
        while True:
            found = [one for one in (await self.view(name))["results"] if one["state"] == "written"]
            if len(found) >= least or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.2)

    async def start_run(self) -> str:
        """Another run, as soon as the one before it is over."""
        deadline = time.monotonic() + PATIENCE
        async with self.stage.client(self.stage.consumer) as consumer:
            while time.monotonic() < deadline:
                try:
                    return await consumer.start_run(SPACE_ID)
                except RunOpen:
                    await asyncio.sleep(0.2)
        pytest.fail("the run before did not end")

    async def finished(self, run_id: str) -> dict[str, object]:
        deadline = time.monotonic() + PATIENCE
        async with self.stage.client(self.stage.consumer) as consumer:
            while time.monotonic() < deadline:
                # The service may just be down: that is what is tried here.
                with suppress(SolidgateError):
                    shown: dict[str, object] = await consumer.run(SPACE_ID, run_id)
                    if shown["state"] == "finished":
                        return shown
                await asyncio.sleep(0.2)
        pytest.fail("the run did not finish")


def _is(word: str, arguments: list[str]) -> bool:
    return word in arguments or Path(arguments[0]).name == word


def _environment(process: psutil.Process) -> str:
    try:
        return process.environ().get("SOLIDGATE_CONFIG", "")
    except psutil.Error:
        return ""


@pytest.fixture
async def site(data_folder: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(set_up(data_folder, lambda line: None, more=QUICK))
        invitation = await agree(Story(stage, lambda line: None))
        yield Site(stage, invitation, stack)


@pytest.mark.timeout(420)
async def test_nothing_is_lost_and_nothing_is_written_twice(site: Site) -> None:
    """Kills while runs and answers are under way; then the pods are counted."""
    chance = random.Random(20261122)
    await site.say_yes("alice")
    runs = []
    for word in ("worker", "worker", "postgres", "gate", "worker"):
        runs.append(await site.start_run())
        await asyncio.sleep(chance.random() * 1.2)
        await site.kill(word)
        await site.ready()
    await site.say_yes("bob")
    runs.append(await site.start_run())
    for run_id in runs:
        await site.finished(run_id)
    for name, least in (("alice", len(runs)), ("bob", 1)):
        written = await site.written(name, least)
        assert len(written) == least, json.dumps(await site.view(name))
        assert len({one["url"] for one in written}) == least
        person = site.visitors[name].person
        folder = written[0]["url"].rsplit("/", 1)[0] + "/"
        listing = (await outside.fetch(folder, person)).content.decode()
        for one in written:
            assert (await outside.fetch(one["url"], person)).sha256 == one["sha256"]
            assert one["url"].rsplit("/", 1)[1] in listing
        assert _entries(listing) == least
    await _an_acknowledged_answer_survives(site)


def _entries(listing: str) -> int:
    store = ox.Store()
    store.load(listing.encode(), format=ox.RdfFormat.TURTLE, base_iri="http://pod.example/")
    contains = ox.NamedNode("http://www.w3.org/ns/ldp#contains")
    named = [str(quad.object.value) for quad in store.quads_for_pattern(None, contains, None)]
    return len([url for url in named if not is_signpost(url)])


async def _an_acknowledged_answer_survives(site: Site) -> None:
    """PostgreSQL and the gate are killed at once, right after the answer came back."""
    path = await site.say_yes("carol")
    await site.kill("postgres")
    await site.kill("gate")
    await site.ready()
    page = await site.visitors["carol"].get(path, "application/json")
    assert page.status == 200
    assert json.loads(page.text)["status"] == "given"
