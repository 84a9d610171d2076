"""The ground of the journeys on Enterprise Solid Server: the double, a real gate by HTTP, a real worker."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Literal

from aiohttp import web

from solidgate.compose import open_world
from solidgate.flow import run
from solidgate.flow.world import World
from solidgate.settings import Consent, Http, Notifications, Sandbox, Server, Settings, Worker
from solidgate.testing.demo.visitor import Page, Visitor
from solidgate.testing.energy import energy_documents
from solidgate.testing.ess import EssDouble, EssPerson
from solidgate.testing.people import ClientCredentials, Person
from solidgate.testing.space import CONSUMER, SPACE, agreement_of, open_space
from solidgate.web.app import make_app, make_runner
from solidgate.worker.serve import serve

SECONDS = 60.0


class EssVisitor(Visitor):
    """A person with a browser: their issuer knows them already, and their pod has an access page."""

    async def log_in(self, page: Page) -> Page:
        """From the login page through the issuer and back; the page that comes then."""
        leaving = await self.submit(page, "/login", {"identifier": self.person.webid})
        away = next(link for link in leaving.links if link.startswith(self.person.issuer))
        return await self._confirm(await self.get(away))

    async def decide(self, link: str, **chosen: Sequence[str]) -> Page:
        """Answer on the access page, with less than was asked when ``chosen`` says so, and come back."""
        page = await self.get(link)
        fields = re.findall(r'<input type="(hidden|checkbox)" name="(\w+)" value="([^"]*)"', page.text)
        answer = chosen.pop("answer", ("approve",))[0]
        pairs = [
            (name, unescape(value))
            for _, name, value in fields
            if name not in chosen or unescape(value) in chosen[name]
        ]
        assert self._http is not None
        async with self._http.post(page.url, data=[*pairs, ("answer", answer)]) as reply:
            return Page(str(reply.url), reply.status, await reply.text())


@dataclass
class EssGround:
    """Everything of one journey. ``mark`` and ``agent_paths`` read the double's own log."""

    ess: EssDouble
    gate: str
    world: World
    token: str
    stack: AsyncExitStack = field(repr=False)

    async def visitor(self, name: str = "alice", documents: int | None = None) -> EssVisitor:
        """Somebody with an account, a pod and a year of readings; the issuer has them logged in."""
        known = next((one for one in self.ess.ground.people.values() if one.name == name), None)
        person = known or self.ess.add_person(name)
        self.ess.openid.login = name
        for path, content in energy_documents(len(name)).items():
            self.ess.put(person.pod + path, content)
        return await self.stack.enter_async_context(EssVisitor(self.gate, _person(self.ess, person)))

    async def say_yes(self, visitor: EssVisitor) -> str:
        """The path of the consent of somebody who says yes."""
        question = await visitor.open_request(f"{self.gate}join/{self.token}")
        path = "/requests/" + question.url.rsplit("/requests/", 1)[1]
        form = question.form(path)
        name = next(name for name, value in form.buttons if value == "yes")
        answered = await visitor.submit(question, path, {name: "yes"})
        assert "/consents/" in answered.url, (answered.status, answered.text[:2000])
        return "/consents/" + answered.url.rsplit("/consents/", 1)[1]

    async def asked(self, visitor: EssVisitor, consent: str) -> str:
        """The link to the access page, once the worker has asked."""
        async with asyncio.timeout(SECONDS):
            while True:
                page = await visitor.get(consent)
                links = [unescape(one) for one in page.links if "requestVcUrl=" in one]
                if links:
                    return links[0]
                assert "pod.grant" not in page.text, page.text
                await asyncio.sleep(0.1)

    async def open(self, visitor: EssVisitor, consent: str) -> Page:
        """Approve all that is asked."""
        page = await visitor.decide(await self.asked(visitor, consent))
        return await visitor.decide(await self.asked(visitor, consent)) if page.status == 200 else page

    async def run(self) -> run.RunView:
        """One run, to its end."""
        run_id = await run.start(self.world, CONSUMER, SPACE)
        async with asyncio.timeout(SECONDS):
            while True:
                shown = await run.show(self.world, CONSUMER, SPACE, run_id)
                if shown.state != "running" and shown.state != "queued":
                    return shown
                await asyncio.sleep(0.1)

    async def outcomes(self) -> list[tuple[str, str | None]]:
        """How the parts of the newest run ended, one by one."""
        async with self.world.store.transaction() as tx:
            newest = (await tx.runs.of_space(SPACE, 1))[0]
            people = await tx.consents.holding(SPACE, self.world.clock.now())
            parts = [await tx.runs.part(newest.run_id, one) for one, _ in people]
        return [(part.state.value, part.outcome) for part in parts]

    def mark(self) -> int:
        """A place in the double's log."""
        return len(self.ess.requests)

    def by_agent(self, mark: int = 0) -> list[tuple[str, str, int]]:
        """What the space did at the storage since then, by the double's own log."""
        agent = self.world.agent(SPACE)
        return [
            (seen.method, seen.path, seen.status)
            for seen in self.ess.requests[mark:]
            if seen.host == "storage" and seen.agent == agent
        ]


def _person(ess: EssDouble, person: EssPerson) -> Person:
    keys = ClientCredentials(person.client_id, person.client_secret)
    return Person(person.name, "", person.password, person.webid, person.pod, keys, ess.openid_url)


@asynccontextmanager
async def open_ess_ground(
    url: str, folder: Path, generation: Literal["2.x", "3.x"] = "2.x", rerun: str = "by-hand"
) -> AsyncIterator[EssGround]:
    """A double, a gate on a free port with an approved space, and a worker beside it."""
    async with AsyncExitStack() as stack:
        ess = await stack.enter_async_context(EssDouble(generation))
        settings = _settings(folder)
        world = await stack.enter_async_context(open_world(settings, url))
        runner = make_runner(make_app(world))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "localhost", settings.server.port).start()
        token = await open_space(world, replace(agreement_of("advice"), rerun=rerun))
        stopping = asyncio.Event()
        working = asyncio.create_task(serve(settings, url, stopping))
        stack.push_async_callback(_stopped, working, stopping)
        yield EssGround(ess, settings.server.public_url, world, token, stack)


async def _stopped(working: asyncio.Task[None], stopping: asyncio.Event) -> None:
    stopping.set()
    await working


def _settings(folder: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = int(probe.getsockname()[1])
    return Settings(
        server=Server(
            public_url=f"http://localhost:{port}/", data_folder=folder, port=port, shutdown_seconds=2
        ),
        http=Http(allow_private_addresses=True),
        consent=Consent(posts_per_minute=100_000, pod_wait_seconds=60),
        sandbox=Sandbox(minimum_level=0, zygotes=1),
        worker=Worker(),
        notifications=Notifications(sweep_seconds=20),
    )
