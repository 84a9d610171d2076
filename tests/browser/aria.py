"""What a screen reader is told of each page on a person's way, as it is kept in ``aria/``.

After a page was changed on purpose, ``ARIA=write make test ARGS="tests/browser/test_axe.py -k told"`` writes
all of them anew; the difference is then read by a person, as every golden file is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.async_api import Page

from tests.browser.chance import masked
from tests.browser.kept import Kept

GOLDEN = Path(__file__).parent / "aria"
# The template that a page is made of, the status, and words that only this state of it has.
WAY: Mapping[str, tuple[str, int, str]] = {
    "landing": ("join", 200, ""),
    "declined": ("declined", 200, ""),
    "login": ("login", 200, ""),
    "login_failed": ("login", 400, ""),
    "leaving": ("leaving", 200, ""),
    "who": ("who", 200, ""),
    "request": ("request", 200, "Yes, I consent"),
    "request_of_two": ("request", 200, "Make my choices"),
    "request_anew": ("request", 200, "You answered this before"),
    "missing": ("missing", 200, ""),
    "preview": ("preview", 200, ""),
    "choices": ("choices", 200, ""),
    "choices_open": ("choices", 400, ""),
    "check": ("check", 200, ""),
    "word": ("word", 200, ""),
    "word_wrong": ("word", 400, ""),
    "answered": ("answered", 200, ""),
    "changed": ("changed", 409, "Here is the difference"),
    "changed_unknown": ("changed", 409, "is not one that we showed you"),
    "consent": ("consent", 200, "You said yes"),
    "consent_refused": ("consent", 200, "You said no"),
    "receipt": ("receipt", 200, ""),
    "activity_of_one": ("activity", 200, ""),
    "me": ("me", 200, "You said yes"),
    "me_empty": ("me", 200, "You have not answered any request yet"),
    "results": ("results", 200, "They are in your own pod"),
    "activity": ("activity_log", 200, ""),
    "rights": ("my_rights", 200, ""),
    "withdraw": ("withdraw", 200, ""),
    "withdrawn": ("withdrawn", 200, ""),
    "withdraw_all": ("withdraw_all", 200, "All of these end at once"),
    "withdrawn_all": ("withdrawn_all", 200, ""),
    "erase": ("erase", 200, ""),
    "erased": ("erased", 200, ""),
    "consent_asking": ("consent", 200, "The space is asking your pod now"),
    "consent_asked": ("consent", 200, "Approve at your pod"),
    "consent_nothing_new": ("consent", 200, "There is nothing new."),
    "error": ("error", 404, ""),
    "error_too_many": ("error", 429, ""),
    "error_pod": ("error", 502, ""),
    "error_store": ("error", 503, ""),
}


def found(kept: Sequence[Kept]) -> Mapping[str, Kept]:
    """The first page of each kind that was kept; a kind that nobody came to is missing."""
    return {name: page for name, kind in WAY.items() for page in reversed(kept) if _is(page, *kind)}


def _is(page: Kept, template: str, status: int, words: str) -> bool:
    return f"{template}.html" in page.made_of and page.status == status and words in page.html


async def told(page: Page, kept: Kept) -> str:
    """Roles, names, states and texts of a page from top to bottom, without what is there by chance."""
    await kept.show(page)
    return masked(await page.locator("body").aria_snapshot()) + "\n"


def golden() -> Mapping[str, str]:
    """What is agreed, by the name of the page."""
    return {path.stem: path.read_text(encoding="utf-8") for path in GOLDEN.glob("*.yml")}


def write(pages: Mapping[str, str]) -> None:
    """Agree anew: these pages and no others."""
    GOLDEN.mkdir(exist_ok=True)
    for path in GOLDEN.glob("*.yml"):
        path.unlink()
    for name, text in pages.items():
        (GOLDEN / f"{name}.yml").write_text(text, encoding="utf-8")
