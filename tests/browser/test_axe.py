"""Every page, in every language and look: a file of its own, so that another core may take it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.async_api import Browser
from pytest_asyncio import fixture as on_the_loop

from tests.browser import aria
from tests.browser.answers import Matrix, everything
from tests.browser.chance import masked
from tests.browser.kept import all_templates, noting_templates
from tests.browser.looks import faults_of, ready_for_axe
from tests.browser.pages import open_stage
from tests.browser.ran import after_runs
from tests.browser.seldom import seldom


@on_the_loop(scope="module", loop_scope="session", params=["en", "fr", "nl"])
async def matrix(
    request: pytest.FixtureRequest, started_chromium: Browser, make_database: Callable[[], str]
) -> AsyncIterator[Matrix]:
    """Every page in one language, walked to once; the gate still stands, and serves what the pages load."""
    with TemporaryDirectory() as folder, noting_templates() as made_of:
        async with open_stage(started_chromium, make_database(), Path(folder)) as stage:
            matrix = Matrix(stage, request.param, made_of)
            await everything(matrix)
            await seldom(matrix)
            await after_runs(matrix)
            yield matrix


@pytest.mark.timeout(600)
async def test_axe_finds_nothing(chromium: Browser, matrix: Matrix) -> None:
    """Each page, also those that answer a form, with and without our scripts, in every look."""
    # Two answers that differ by numbers of the same length alone are one page, whoever looks at it.
    each = {masked(kept.html): kept for kept in matrix.kept}.values()
    found: dict[str, object] = {}
    async with matrix.stage.browsing(None) as page:
        await ready_for_axe(page)
        for kept in each:
            found |= await faults_of(page, kept)
            assert await page.locator("html").get_attribute("lang") == matrix.tag, kept.what
    assert not found


@pytest.mark.timeout(600)
async def test_every_template_is_seen(matrix: Matrix) -> None:
    """And every macro: one that no page is made of would be judged by nobody."""
    assert all_templates() - frozenset().union(*(kept.made_of for kept in matrix.kept)) == set()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("matrix", ["en"], indirect=True)
async def test_what_is_told_is_as_agreed(chromium: Browser, matrix: Matrix) -> None:
    """Golden: what a screen reader says of every page on the way. ``aria.py`` tells how to write it anew."""
    pages = aria.found(matrix.kept)
    assert set(pages) == set(aria.WAY), "a kind of page that nobody came to"
    async with matrix.stage.browsing(None) as page:
        told = {name: await aria.told(page, kept) for name, kept in pages.items()}
    if os.environ.get("ARIA") == "write":
        aria.write(told)
    agreed = aria.golden()
    assert set(agreed) == set(told)
    for name, text in told.items():
        assert text == agreed[name], name
