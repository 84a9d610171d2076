"""A changed document in a real pod leads to a new validated result there, without anybody touching solidgate.

Everything is real: a Community Solid Server that signs and sends webhooks, the gate that takes them, the
worker that subscribed, looks, runs and writes. What is claimed is read in the pods and in the server's log.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pyshacl
import pytest
import rdflib

from solidgate.assets import asset
from solidgate.sdk.client import GateClient
from solidgate.testing.demo import outside
from solidgate.testing.demo.stage import SPACE_ID, Stage, set_up, space_file
from solidgate.testing.demo.story import Story, agree
from solidgate.testing.demo.visitor import Visitor
from solidgate.testing.energy import energy_documents
from solidgate.testing.people import Person

SETTLE = 2
MORE = f"[notifications]\nsettle_seconds = {SETTLE}\n"
MONTHS = 12
PATIENCE = 150.0
ENERGY = rdflib.Namespace("https://w3id.org/solidgate/examples/home-energy#")
HOOKS = "/.notifications/WebhookChannel2023/"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A stage of its own: the space runs on change."""
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory(prefix="solidgate-hooks-") as folder:
        standing = set_up(Path(folder), lambda line: None, pace=0, more=MORE)
        opened = loop.run_until_complete(standing.__aenter__())
        try:
            yield opened
        finally:
            loop.run_until_complete(standing.__aexit__(None, None, None))
            loop.close()


@dataclass(frozen=True, slots=True)
class Told:
    """One person's session at the gate, and the address of their consent there."""

    visitor: Visitor
    consent: str

    async def results(self) -> list[dict[str, str]]:
        shown = await self.visitor.get(self.consent, "application/json")
        found = json.loads(shown.text)["results"]
        return [one for one in found if one["state"] == "written"]


async def until(holds: Callable[[], Awaitable[Any]], what: str, seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := await holds():
            return found
        await asyncio.sleep(0.5)
    raise AssertionError(f"not within {seconds:g} s: {what}")


async def all_ended(consumer: GateClient) -> bool:
    return all(one["state"] == "finished" for one in await consumer.runs(SPACE_ID))


async def change(person: Person, *months: int, seed: int) -> None:
    """Write other readings over some of the person's documents, as the person."""
    credentials = outside.credentials_of(person)
    documents = list(energy_documents(seed).items())
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        for path, content in (documents[month - 1] for month in months):
            url = person.pod + path
            headers = {**await credentials.headers(http, "PUT", url), "Content-Type": "text/turtle"}
            async with http.put(url, data=content, headers=headers) as reply:
                assert reply.status == 205


async def say_yes(visitor: Visitor, invitation: str) -> Told:
    question = await visitor.open_request(invitation)
    assert "read again whenever they change" in question.text
    path = outside.path_of(question.url)
    button = next(name for name, value in question.form(path).buttons if value == "yes")
    answered = await visitor.submit(question, path, {button: "yes"})
    return Told(visitor, outside.path_of(answered.url))


@asynccontextmanager
async def two_people(stage: Stage) -> AsyncIterator[tuple[Told, Told]]:
    file = space_file(stage)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("algorithm = ", 'rerun = "on-change"\nalgorithm = ', 1), encoding="utf-8")
    invitation = await agree(Story(stage, lambda line: None))
    alice, bob, _ = stage.people
    async with Visitor(stage.gate, alice) as one, Visitor(stage.gate, bob) as other:
        yield await say_yes(one, invitation), await say_yes(other, invitation)


def posts(stage: Stage, mark: int, method: str = "POST") -> int:
    found = stage.pods.requests_since(mark)
    return len([one for one in found if one.method == method and one.path.startswith(HOOKS)])


async def conforms(url: str, person: Person) -> None:
    """The result in the pod, checked by an independent engine against the agreed shapes."""
    found = await outside.fetch(url, person)
    whole = rdflib.Graph().parse(data=found.content, format="turtle")
    # The document tells beside the result where it comes from; the shapes are of the result alone.
    (home,) = whole.subjects(rdflib.RDF.type, ENERGY.HomeProfile)
    graph = rdflib.Graph()
    for triple in whole.triples((home, None, None)):
        if triple[1] not in rdflib.PROV:
            graph.add(triple)
    shapes = rdflib.Graph().parse(
        asset("examples", "home-energy", "algorithm", "shapes", "output.ttl"), format="turtle"
    )
    holds, _, text = pyshacl.validate(graph, shacl_graph=shapes)
    assert holds, text


@pytest.mark.timeout(560)
async def test_a_change_in_a_pod_leads_to_one_new_result_there(stage: Stage) -> None:
    mark = stage.pods.mark()
    alice, bob = stage.people[:2]
    async with two_people(stage) as (hers, his), stage.client(stage.consumer) as consumer:

        async def subscribed() -> bool:
            return posts(stage, mark) >= 2 * MONTHS

        await until(subscribed, "the space subscribes to each agreed document")
        await consumer.start_run(SPACE_ID)

        async def both_written() -> bool:
            return bool(await hers.results()) and bool(await his.results()) and await all_ended(consumer)

        await until(both_written, "the run that was started by hand ends")
        await asyncio.sleep(2 * SETTLE)
        assert len(await consumer.runs(SPACE_ID)) == 1, "what we write ourselves starts nothing"

        # From here on nobody touches solidgate: only pages are read.
        await change(alice, 3, seed=77)

        async def again() -> bool:
            return len(await hers.results()) == 2 and await all_ended(consumer)

        await until(again, "a changed document leads to a new result")
        first, second = await hers.results()
        assert first["sha256"] != second["sha256"]
        for one in (first, second):
            assert (await outside.fetch(one["url"], alice)).sha256 == one["sha256"]
            await conforms(one["url"], alice)
        await asyncio.sleep(2 * SETTLE)
        assert len(await consumer.runs(SPACE_ID)) == 2, "one change is one run"
        assert len(await his.results()) == 1, "nobody else's part is done again"

        await change(alice, 4, 5, 6, 7, seed=78)

        async def third() -> bool:
            return len(await hers.results()) == 3 and await all_ended(consumer)

        await until(third, "several changes lead to a new result")
        await asyncio.sleep(2 * SETTLE)
        assert len(await consumer.runs(SPACE_ID)) == 3, (
            "several changes within the time to settle are one run"
        )

        mark = stage.pods.mark()
        page = await hers.visitor.get(hers.consent)
        form = f"{hers.consent}/withdraw"
        withdrawn = await hers.visitor.submit(page, form, {}, accept="application/json")
        assert withdrawn.status in (200, 202)

        async def ended() -> bool:
            return posts(stage, mark, "DELETE") >= MONTHS

        await until(ended, "a withdrawal ends the channels at the pod")
        await change(alice, 8, seed=79)
        await change(bob, 8, seed=80)

        async def his_second() -> bool:
            return len(await his.results()) == 2 and await all_ended(consumer)

        await until(his_second, "the other person's pod still calls")
        assert (len(await consumer.runs(SPACE_ID)), len(await hers.results())) == (4, 3)
