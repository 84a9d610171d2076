"""The gate's pages in a real browser: a stage to walk on, and the address of every page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from solidgate.flow import invite, space
from solidgate.settings import Consent, Http, Preview
from solidgate.space.purpose import ResourceNeed
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.terms import ADVICE, OWNER, STUDY, sample_agreement
from solidgate.vocab import PD

ANNA = "https://anna.example/profile/card#me"
POD = "https://anna.example/"
CANARY = "canary-7f3a91"
READINGS = {
    "energy/2025.ttl": f'<#a> <https://schema.org/value> "{CANARY}" .'.encode(),
    "energy/2024.ttl": b"<#a> <#b> 2 .",
}
HEALTH = replace(STUDY, id="health", special_category=True)


@dataclass(frozen=True, slots=True)
class Stage:
    """A gate with spaces that ask one thing, two things, and one of a special category."""

    gate: TestGate
    chromium: Browser
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        return self.gate.url.rstrip("/")

    @asynccontextmanager
    async def browsing(self, webid: str | None = ANNA, **options: Any) -> AsyncIterator[Page]:
        context = await self.chromium.new_context(**{"locale": "en", **options})
        if webid:
            session = await self.gate.log_in(webid)
            await context.add_cookies(
                [{"name": "solidgate-session", "value": session.session_id, "url": self.url}]
            )
        yield await context.new_page()
        await context.close()

    async def ask(self, page: Page, which: str) -> str:
        """Open the request of a space; its address."""
        await page.goto(f"{self.url}/join/{self.tokens[which]}/request")
        return page.url.partition("?")[0]


@asynccontextmanager
async def open_stage(chromium: Browser, database_url: str, folder: Path) -> AsyncIterator[Stage]:
    """A stage on a migrated database."""
    quick = Consent(posts_per_minute=10_000, withdraw_wait_seconds=1)
    async with open_gate(
        database_url,
        folder,
        consent=quick,
        preview=Preview(views_per_minute=10_000, rows=5, whole_rows=8, raw_bytes=2048),
        http=Http(allow_private_addresses=True),
    ) as gate:
        gate.pods.give(ANNA, POD, READINGS)
        asked = {"one": (ADVICE,), "two": (ADVICE, STUDY), "special": (HEALTH,)}
        tokens = {}
        for name, purposes in asked.items():
            await space.create(gate.world, sample_agreement(f"space-{name}", purposes))
            tokens[name] = await invite.invite(gate.world, None, f"space-{name}", uses=0, days=1)
        yield Stage(gate, chromium, tokens)


async def say(page: Page, answer: str) -> str:
    """Press one of the two buttons; the address of the consent."""
    await page.click(f"main button[value={answer}]")
    return page.url


async def not_found(stage: Stage, page: Page) -> str:
    """A request for something that is in none of the person's two pods: its path, after a pod was chosen."""
    if "lost" not in stage.tokens:
        title = {"en": "Diaries", "fr": "Journaux", "nl": "Dagboeken"}
        need = ResourceNeed(
            "", title, (PD.Household.value,), kind="https://example.org/Diary", within=("diary/",)
        )
        await space.create(
            stage.gate.world, sample_agreement("space-lost", (replace(ADVICE, needs=(need,)),))
        )
        stage.tokens["lost"] = await invite.invite(stage.gate.world, None, "space-lost", uses=0, days=1)
    stage.gate.pods.more_storages[ANNA] = ("https://second.example/",)
    address = await stage.ask(page, "lost")
    assert await page.locator("main input:checked").count() == 0
    await page.check("#storage-1")
    await page.click("text=Look in this pod")
    assert await page.locator("h1").inner_text() == "What is needed was not found"
    assert await page.locator("main [name^=answer-]").count() == 0
    await page.click("text=Look again")
    assert await page.locator("h1").inner_text() == "What is needed was not found"
    await page.goto(f"{address.removesuffix('/storage')}/storage")  # the choice can still be changed
    await page.check("#storage-2")
    await page.click("text=Look in this pod")
    stage.gate.pods.more_storages.clear()
    return address.removeprefix(stage.url).removesuffix("/storage")


async def _bound(page: Page) -> str:
    """The query that every step after this question carries."""
    names = ("shown", "language", "ours")
    found = [await page.locator(f"input[name={name}]").first.input_value() for name in names]
    return "?" + "&".join(f"{name}={value}" for name, value in zip(names, found, strict=True))


async def addresses(stage: Stage, page: Page) -> list[tuple[str, str]]:
    """(who, path) of every page, after a yes, a no, a withdrawal and a deferral."""
    given = (await stage.ask(page, "one"), await say(page, "yes"))
    open_one = await stage.ask(page, "two")
    step = await _bound(page)
    special = await stage.ask(page, "special")
    word = await _bound(page)
    lost = await not_found(stage, page)
    own, two = (address.removeprefix(stage.url) for address in (given[1], open_one))
    people = [
        "/",
        f"/join/{stage.tokens['one']}",
        "/login",
        "/me/confirm?return_to=/me",
        "/me",
        "/me?show=ended",
        "/me?space=space-one&show=valid",
        "/me/results",
        "/me/results?space=nowhere",
        "/me/activity",
        "/me/activity?space=space-one",
        "/me/rights",
        "/me/erase",
        "/me/withdraw",
        given[0].removeprefix(stage.url),
        two,
        f"{two}/preview",
        f"{two}/example",
        f"{two}/choices{step}",
        f"{two}/check{step}",
        f"{two}/check{step}&answer-advice=yes&answer-study=no",
        f"{special.removeprefix(stage.url)}/word{word}&answer-health=yes",
        f"{lost}/storage",
        lost,
        f"{lost}?all=1",
        own,
        f"{own}/receipt",
        f"{own}/activity",
        f"{own}/withdraw",
        "/nowhere",
        "/join/unknown",
        "/errors",
        "/ns",
        "/spaces",
        "/spaces/space-one",
        "/spaces/space-one/agreement",
        "/spaces/space-one/approvals",
        "/spaces/space-one/agent",
    ]
    organisations = [
        "/spaces/space-one/algorithm",
        "/spaces/space-one/runs",
        "/spaces/space-one/results",
        "/spaces/space-one/sparql",
    ]
    return [(ANNA, path) for path in people] + [(OWNER, path) for path in organisations]
