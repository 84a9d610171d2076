"""axe on every page, in every language and look: a file of its own, so that another core may take it."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Page

from tests.browser.answers import Matrix, everything
from tests.browser.kept import Kept, all_templates, noting_templates
from tests.browser.pages import Stage
from tests.browser.ran import after_runs

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Only what is wrong crosses to this process: the whole report costs more to carry than to make. Style sheets
# are not fetched anew for a rule that is none of these: the media alone are, for the one that is.
AXE = """async tags => {
    const preload = {assets: ['media']};
    const options = {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'], preload};
    const report = await axe.run(options);
    if (!report.passes.length) throw new Error('axe looked at nothing');
    return report.violations;
}"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tag", ["en", "fr", "nl"])
async def test_axe_finds_nothing(stage: Stage, tag: str) -> None:
    """Each page, also those that answer a form, with and without our scripts, in every look."""
    with noting_templates() as made_of:
        matrix = Matrix(stage, tag, made_of)
        await everything(matrix)
        await after_runs(matrix)
    found: dict[str, object] = {}
    for script in (False, True):
        async with stage.browsing(None) as page:
            await page.add_init_script(path=AXE_FILE_PATH)
            for kept in matrix.kept:
                if script and not _has_script(kept):
                    continue  # the very same page: there is nothing on it that could run
                await kept.show(page)
                if not script:
                    # axe is a script itself and waits for ever where none may run: so only ours are kept out.
                    await page.route("**/*.js", lambda route: route.abort())
                assert await page.locator("html").get_attribute("lang") == tag, kept.what
                found |= await _axe_in_every_look(page, f"{kept.what} script={script}")
    assert not found
    assert all_templates() - frozenset().union(*(kept.made_of for kept in matrix.kept)) == set()


def _has_script(kept: Kept) -> bool:
    """Whether a page asks for a script. In its markup alone none may run: its policy says so."""
    return "<script" in kept.html


async def _axe_in_every_look(page: Page, path: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for width in (1280, 320):
        await page.set_viewport_size({"width": width, "height": 800})
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found[f"{path} {width}"] = "scrolls sideways"
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for one in await page.evaluate(AXE, WCAG):
                found[f"{path} {width} {scheme} {one['id']}"] = [node["html"] for node in one["nodes"]]
    return found
