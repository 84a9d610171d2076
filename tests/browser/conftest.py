"""A real Chromium, a real Community Solid Server and a real gate.

Chromium is started once, so all tests of this folder share an event loop; each has contexts of its own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, async_playwright
from pytest_asyncio import fixture as on_the_loop
from pytest_asyncio import is_async_test

from solidgate.compose import open_world
from solidgate.errors import ToolMissing
from solidgate.flow import invite, space
from solidgate.flow.world import World
from solidgate.settings import Http, Sandbox, Server, Settings
from solidgate.testing.css import CommunityServer
from solidgate.testing.people import Person, client_credentials_access, create_person
from solidgate.testing.terms import ADVICE, STUDY, sample_agreement
from solidgate.testing.tools import chromium as find_chromium
from solidgate.web.app import make_app, make_runner
from tests.browser.pages import Stage, open_stage

READINGS = ("energy/2025.ttl", "energy/2024.ttl")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every test of this folder run where Chromium was started."""
    for item in items:
        if item.path.is_relative_to(HERE) and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass(frozen=True, slots=True)
class Doorway:
    """A gate with two spaces: one that asks one thing, one that asks two. ``url`` has no trailing slash."""

    world: World
    url: str
    one: str
    two: str


@pytest.fixture(scope="session")
def community() -> Iterator[CommunityServer]:
    """One server for all browser tests."""
    try:
        server = CommunityServer()
        asyncio.run(server.start())
    except ToolMissing as missing:
        pytest.skip(str(missing))
    yield server
    asyncio.run(server.stop())


@on_the_loop(loop_scope="session")
async def person(community: CommunityServer, request: pytest.FixtureRequest) -> Person:
    """Somebody new with a pod that holds what is asked."""
    name = "p" + "".join(letter for letter in request.node.name.lower() if letter.isalnum())[-40:]
    made = await create_person(community.base_url, name)
    access = await client_credentials_access(made)
    async with aiohttp.ClientSession() as client:
        for path in READINGS:
            headers = {**await _signed(access, made.pod + path), "Content-Type": "text/turtle"}
            async with client.put(made.pod + path, data=b"<#a> <#b> 1 .", headers=headers) as reply:
                assert reply.status == 201
    return made


async def _signed(access: object, url: str) -> dict[str, str]:
    return dict(access.headers("PUT", url, datetime.now(UTC)))  # type: ignore[attr-defined]


@on_the_loop(loop_scope="session")
async def doorway(database_url: str, tmp_path: Path) -> AsyncIterator[Doorway]:
    """The product's own composition, without a worker: nothing is run here."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        server=Server(public_url=f"http://localhost:{port}/", data_folder=tmp_path, port=port),
        http=Http(allow_private_addresses=True),
        sandbox=Sandbox(minimum_level=0),
    )
    async with open_world(settings, database_url) as world:
        runner = make_runner(make_app(world))
        await runner.setup()
        await web.TCPSite(runner, "localhost", port).start()
        await space.create(world, sample_agreement())
        await space.create(world, sample_agreement("two-choices", (ADVICE, STUDY)))
        tokens = [
            await invite.invite(world, None, name, uses=0, days=1) for name in ("home-energy", "two-choices")
        ]
        yield Doorway(world, f"http://localhost:{port}", *tokens)
        await runner.cleanup()


@on_the_loop(scope="session", loop_scope="session")
async def started_chromium() -> AsyncIterator[Browser]:
    """Headless Chromium, as ``make tools`` installed it."""
    try:
        found = find_chromium()
    except ToolMissing as missing:
        pytest.skip(str(missing))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(found.executable), args=list(found.args), env=dict(found.environment)
        )
        yield browser
        await browser.close()


@on_the_loop(loop_scope="session")
async def chromium(started_chromium: Browser) -> AsyncIterator[Browser]:
    """The browser, without anything of the test before."""
    assert started_chromium.is_connected(), "a test before broke it"
    yield started_chromium
    for context in started_chromium.contexts:
        await context.close()


@on_the_loop(loop_scope="session")
async def stage(chromium: Browser, database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A gate of this test's own, whose pages Chromium shows."""
    async with open_stage(chromium, database_url, tmp_path) as stage:
        yield stage
