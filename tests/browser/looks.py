"""What is wrong with a page in every look: wide and narrow, light and dark, with and without our scripts."""

from __future__ import annotations

from itertools import product
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Page

from tests.browser.kept import Kept

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS, SCHEMES = (1280, 320), ("light", "dark")

# Only what is wrong crosses to this process: the whole report costs more to carry than to make. Style sheets
# are not fetched anew for a rule that is none of these: the media alone are, for the one that is.
_RUN = """async (type, values) => {
    const preload = {assets: ['media']};
    const options = {runOnly: {type, values}, resultTypes: ['violations'], preload};
    const report = await axe.run(options);
    if (!report.passes.length && !report.inapplicable.length) throw new Error('axe looked at nothing');
    return report.violations;
}"""
AXE = f"tags => ({_RUN})('tag', tags)"
_SOME = f"rules => ({_RUN})('rule', rules)"

# The rules whose verdict colours or boxes can change. All others judge the document and what of it is shown.
_OF_LOOKS = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
# What of a look the rules judge: which elements are shown, their boxes, their colours, and whether text may
# lie on more than its ancestors (something is placed, floated or moved over it, and is not off the page).
_LOOK = """() => {
    const wide = document.documentElement.scrollWidth;
    const look = {sideways: wide > innerWidth ? wide : 0, layered: false};
    const shown = [], boxes = [], colours = [];
    for (const one of document.body.querySelectorAll("*")) {
        const style = getComputedStyle(one), box = one.getBoundingClientRect();
        shown.push(Number(one.checkVisibility({visibilityProperty: true})));
        boxes.push(box.x, box.y, box.width, box.height);
        colours.push(style.color, style.backgroundColor, style.backgroundImage, style.opacity);
        const placed = style.position !== "static" || style.float !== "none" || style.transform !== "none";
        look.layered ||= placed && box.x + box.width > 0 && box.width > 0;
    }
    return {...look, shown: shown.join(), boxes: boxes.join(), colours: colours.join()};
}"""
_DOCUMENT = "() => document.documentElement.outerHTML"


async def faults_of(page: Page, kept: Kept) -> dict[str, object]:
    """What axe and the width of the screen say of a kept page in every look; ``page`` is ready for axe.

    Scripts: the page is looked at without ours, and again with them if they made another document of it. If
    they did not, it has the same elements under the same styles: there is nothing else that could be seen.
    """
    await kept.show(page)
    if "<script" not in kept.html:
        # In its markup alone no script may run: its policy says so.
        return await in_every_look(page, kept.what)
    # axe is a script itself and waits for ever where none may run: so only ours are kept out.
    await page.route("**/*.js", lambda route: route.abort())
    await page.reload()
    before = await page.evaluate(_DOCUMENT)
    found = await in_every_look(page, f"{kept.what} without scripts")
    await kept.show(page)
    if await page.evaluate(_DOCUMENT) != before:
        found |= await in_every_look(page, f"{kept.what} with scripts")
    return found


async def in_every_look(page: Page, what: str) -> dict[str, object]:
    """What is wrong with the page as it stands, by what it is, the look and the rule; empty if nothing.

    Two looks are judged: wide and light by every rule, narrow and dark by those of looks. The two others have
    the boxes of the one and the colours of the other. Where that is not so, or where one thing may lie upon
    another and so change its contrast, they are judged too.
    """
    looks = list(product(WIDTHS, SCHEMES))
    wide_light, wide_dark, narrow_light, narrow_dark = looks
    seen: dict[tuple[int, str], dict[str, Any]] = {}
    found: dict[str, object] = {}
    for look in (wide_light, narrow_dark, narrow_light, wide_dark):
        name = f"{what} {look[0]} {look[1]}"
        now = seen[look] = await _seen(page, *look)
        if now["sideways"]:
            found[f"{name} sideways"] = now["sideways"]
        if look == narrow_dark and now["shown"] == seen[wide_light]["shown"]:
            found |= await _judged(page, name, _SOME, _OF_LOOKS)
        elif look in (wide_light, narrow_dark) or not _follows(now, look, seen):
            found |= await _judged(page, name, AXE, WCAG)
    return found


def _follows(now: dict[str, Any], look: tuple[int, str], seen: dict[tuple[int, str], dict[str, Any]]) -> bool:
    """Whether a look is the boxes of one that was judged and the colours of the other, and nothing more."""
    first, last = seen[WIDTHS[0], SCHEMES[0]], seen[WIDTHS[1], SCHEMES[1]]
    boxes, colours = (first, last) if look[0] == WIDTHS[0] else (last, first)
    same = now["boxes"] == boxes["boxes"] and now["colours"] == colours["colours"]
    return same and now["shown"] == first["shown"] and not now["layered"]


async def _seen(page: Page, width: int, scheme: Any) -> dict[str, Any]:
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme=scheme)
    seen: dict[str, Any] = await page.evaluate(_LOOK)
    return seen


async def _judged(page: Page, look: str, axe: str, rules: list[str]) -> dict[str, object]:
    wrong = await page.evaluate(axe, rules)
    return {f"{look} {one['id']}": [node["html"] for node in one["nodes"]] for one in wrong}


async def ready_for_axe(page: Page) -> None:
    """Every document that this page opens from now on has axe in it."""
    await page.add_init_script(path=AXE_FILE_PATH)
