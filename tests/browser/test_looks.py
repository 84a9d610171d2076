"""What the matrix of pages would find: each fault planted once, and found where it is."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page

from tests.browser.kept import Kept
from tests.browser.looks import faults_of, in_every_look, ready_for_axe

GOOD = "<!doctype html><html lang=en><title>A page</title><body><main><h1>A page</h1>{}</main></body></html>"
ALL = {f"{width} {scheme}" for width in (1280, 320) for scheme in ("light", "dark")}
NARROW = {look for look in ALL if look.startswith("320")}
JUDGED = {"1280 light", "320 dark"}
GREY = "<style>@media {} {{ p {{ color: #bbb; background: #fff; }} }}</style><p>Hardly seen</p>"
DARK = "(prefers-color-scheme: dark)"
SMALL = "<style>button {width: 9px; height: 9px; padding: 0; display: block}</style>"
HIDDEN = "<style>div {display: none} @media (max-width: 40rem) {div {display: block}}</style>"


@pytest.mark.parametrize(
    ("planted", "rule", "where"),
    [
        ("<input type=text>", "label", {"1280 light"}),
        ("<img src=data:,>", "image-alt", {"1280 light"}),
        (f"{HIDDEN}<div><input type=text></div>", "label", NARROW),
        (GREY.format("all"), "color-contrast", JUDGED),
        (GREY.format("(max-width: 40rem)"), "color-contrast", NARROW),
        (GREY.format(DARK), "color-contrast", {"320 dark"}),
        (GREY.format(f"{DARK} and (min-width: 40rem)"), "color-contrast", {"1280 dark"}),
        (f"{SMALL}<button>a</button><button>b</button>", "target-size", JUDGED),
        ("<div style='width: 400px'>.</div>", "sideways", NARROW),
        ("<div style='width: 1400px'>.</div>", "sideways", ALL),
    ],
)
async def test_a_planted_fault_is_found(chromium: Browser, planted: str, rule: str, where: set[str]) -> None:
    """By its own rule and by no other, in each look that has it and does not follow from another."""
    page = await _shown(chromium, _kept(planted))
    assert set(await in_every_look(page, "it")) == {f"it {look} {rule}" for look in where}


async def test_a_page_without_a_fault_has_none(chromium: Browser) -> None:
    kept = _kept("<p>All is well</p>")
    assert await faults_of(await _shown(chromium, kept), kept) == {}


async def test_what_a_script_adds_is_judged_too(chromium: Browser) -> None:
    """A page that is in order without its script, and not with it."""
    script = b"document.querySelector('main').append(document.createElement('input'))"
    kept = _kept("<script src=/add.js></script>", {"add.js": script})
    assert set(await faults_of(await _shown(chromium, kept), kept)) == {"it with scripts 1280 light label"}


def _kept(planted: str, beside: dict[str, bytes] | None = None) -> Kept:
    headers, html = {"content-type": "text/html"}, GOOD.format(planted)
    return Kept("it", "http://localhost/it", 200, headers, html, frozenset(), beside or {})


async def _shown(chromium: Browser, kept: Kept) -> Page:
    page = await chromium.new_page()
    await ready_for_axe(page)
    await kept.show(page)
    return page
