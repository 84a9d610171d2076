"""Walks to the pages that no address alone leads to: answers to forms, and states that acts leave behind."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from solidgate.flow import invite, space
from solidgate.space.agreement import Agreement
from solidgate.testing.issuer import AwkwardIssuer
from solidgate.testing.terms import ADVICE, OWNER, STUDY, sample_agreement
from tests.browser.kept import Kept, Walk
from tests.browser.pages import ANNA, READINGS, Stage, addresses

# One point, in colour.
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
YES, NO = "main button[value=yes]", "main button[value=no]"
AGAIN = "form[action$='/again'] button"
WITHDRAW = "main form[action$='/withdraw'] button"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Walks on a stage, in one language; ``kept`` is every page that anybody came to."""

    stage: Stage
    tag: str
    made_of: set[str]
    kept: list[Kept] = field(default_factory=list)

    @asynccontextmanager
    async def walk(self, webid: str | None) -> AsyncIterator[Walk]:
        """One person, or nobody in particular, in a browser without scripts that asks for the language."""
        async with self.stage.browsing(webid, locale=self.tag, java_script_enabled=False) as page:
            yield Walk(page, self.made_of, self.kept)

    @asynccontextmanager
    async def arrive(self, name: str) -> AsyncIterator[Walk]:
        """Somebody new with a pod."""
        webid = f"https://{name}.example/profile#me"
        self.stage.gate.pods.give(webid, f"https://{name}.example/", READINGS)
        async with self.walk(webid) as walk:
            yield walk

    def url(self, path: str) -> str:
        """The whole address of a page."""
        return self.stage.url + path

    def asking(self, which: str) -> str:
        """Where an invitation's request is made."""
        return self.url(f"/join/{self.stage.tokens[which]}/request")


async def everything(matrix: Matrix) -> None:
    """All walks, one after the other."""
    await every_address(matrix)
    for walk in (
        no_thanks,
        no_with_a_folder_that_is_none,
        logging_in,
        nobody_asked_yet,
        two_windows,
        errors,
        the_word,
        changing_the_language,
        no_pod_chosen,
    ):
        await walk(matrix)
    for walk in (by_hand, withdrawing_one, withdrawing_all, new_terms, leaving_for_good):
        await walk(matrix)


async def every_address(matrix: Matrix) -> None:
    """What has an address of its own, after a yes, a no, a withdrawal and a deferral."""
    async with matrix.stage.browsing() as page:
        found = await addresses(matrix.stage, page)
    for webid in (ANNA, OWNER):
        async with matrix.walk(webid) as walk:
            for path in (path for who, path in found if who == webid):
                await walk.open(matrix.url(path), None)


async def no_thanks(matrix: Matrix) -> None:
    """Who says no thanks on the landing page, comes back, and looks again."""
    join = matrix.url(f"/join/{matrix.stage.tokens['one']}")
    async with matrix.walk(None) as walk:
        await walk.page.goto(join)
        await walk.press(NO)
        await walk.open(join)
        await walk.press("main a[href*=again]")


async def no_with_a_folder_that_is_none(matrix: Matrix) -> None:
    """A no is taken as it is; the page tells that the folder was left out."""
    async with matrix.arrive("folder") as walk:
        await walk.page.goto(matrix.asking("one"))
        await walk.page.click("details:has(#receipt_container) > summary")
        await walk.page.fill("#receipt_container", "../up")
        await walk.press(NO)


async def logging_in(matrix: Matrix) -> None:
    """A wrong address, a choice of two providers, the note before leaving, coming back, and next time."""
    async with AwkwardIssuer() as issuer, matrix.walk(None) as walk:
        await walk.page.goto(matrix.url("/login"))
        await walk.page.fill("#identifier", "not an address")
        await walk.press("main form >> button[type=submit]", 400)
        issuer.also_named.append("https://second.example/")
        issuer.photo = PNG
        await walk.page.goto(matrix.url("/login"))
        await walk.page.fill("#identifier", issuer.webid())
        await walk.press("main form >> button[type=submit]")
        await walk.press(f"button[value='{issuer.issuer}']")
        await walk.press("#continue")
        await walk.press("main form button.quiet")
        await walk.open(matrix.url("/callback?state=unknown&code=x"), 400)


async def nobody_asked_yet(matrix: Matrix) -> None:
    """The pages of somebody who has answered nothing."""
    async with matrix.arrive("new") as walk:
        for path in ("/me", "/me/results", "/me/activity", "/me/withdraw", "/me/erase"):
            await walk.open(matrix.url(path))


async def two_windows(matrix: Matrix) -> None:
    """The same question in two windows: the second answer shows the first. Later, nothing new is found."""
    async with matrix.arrive("bea") as walk:
        other = Walk(await walk.page.context.new_page(), walk.made_of, walk.kept)
        await other.open(matrix.asking("one"))
        await walk.page.goto(matrix.asking("one"))
        await walk.press(NO)
        await other.press(YES, 409)
        await walk.open(matrix.asking("one"))  # a no rests: the invitation does not ask again
        await walk.press(AGAIN)


async def errors(matrix: Matrix) -> None:
    """What a form or an address answers that cannot be followed."""
    async with matrix.arrive("cora") as walk:
        await walk.open(matrix.url("/consents/unknown"), 404)
        await walk.open(matrix.url("/spaces/space-one/runs"), 403)
        await walk.page.goto(matrix.url("/me/erase"))
        await walk.forget_what_is_required()
        await walk.press("main form button", 400)
        await walk.page.goto(matrix.asking("two"))
        await walk.press("form[action$='/later'] button")
        await walk.page.goto(matrix.asking("one"))
        await walk.page.evaluate("document.querySelectorAll('[name=form_token]').forEach(x => x.value = '')")
        await walk.press(YES, 403)
        other = Walk(await walk.page.context.new_page(), walk.made_of, walk.kept)
        for window in (walk, other):
            await window.page.goto(matrix.asking("one"))
        await walk.page.context.clear_cookies()
        await walk.press("form[action$='/later'] button", 401)
        await other.press(YES)  # a login first, which leads back to the choice


async def the_word(matrix: Matrix) -> None:
    """The second step for sensitive data: its page, another word, and the word."""
    async with matrix.arrive("dina") as walk:
        await walk.page.goto(matrix.asking("special"))
        await walk.press(YES)
        await walk.page.fill("#word-health", "something")
        await walk.press("main button[form=agree]", 400)
        await walk.press("main button[form=refuse]")


async def changing_the_language(matrix: Matrix) -> None:
    """On each step, from another language to this one: the page shows what is asked anew, in this one."""
    other, here = ("fr" if matrix.tag != "fr" else "en"), f"header [hreflang={matrix.tag}]"
    button = f"header button[value={matrix.tag}]"
    async with matrix.arrive("lia") as walk:
        await walk.page.goto(matrix.asking("one"))
        await walk.press(button)
        for step in ("choices", "check"):
            await walk.page.goto(matrix.asking("two"))
            await walk.page.goto(f"{walk.page.url.partition('?')[0]}?lang={other}")
            await walk.page.click("main form[method=get] button")
            if step == "choices":
                await walk.press(button)
                continue
            await walk.page.check("#advice-yes")
            await walk.page.check("#study-no")
            await walk.page.click("main button[type=submit]")
            await walk.press(here)
        await walk.page.goto(matrix.asking("special"))
        await walk.page.goto(f"{walk.page.url.partition('?')[0]}?lang={other}")
        await walk.page.click(YES)
        await walk.press(here)


async def no_pod_chosen(matrix: Matrix) -> None:
    """Two pods, and none of them chosen."""
    matrix.stage.gate.pods.more_storages["https://eva.example/profile#me"] = ("https://eva-two.example/",)
    async with matrix.arrive("eva") as walk:
        await walk.open(matrix.asking("one"))
        await walk.press("main form button", 422)


async def by_hand(matrix: Matrix) -> None:
    """A pod that lets nobody change its access control, nor put a receipt into it."""
    pods = matrix.stage.gate.pods
    async with matrix.arrive("fay") as walk:
        await walk.page.goto(matrix.asking("one"))
        pods.refuses |= {"access_control", "create"}
        await walk.press(YES)
        await walk.page.click("form[action$='/door/check'] button")
        pods.refuses.clear()


async def withdrawing_one(matrix: Matrix) -> None:
    """Done, and not done at the pod: the door stays open there, and can be closed later."""
    for name, refused, status in (("gina", "", 200), ("hugo", "close_door", 202)):
        async with matrix.arrive(name) as walk:
            await walk.page.goto(matrix.asking("one"))
            await walk.page.click(YES)
            consent = walk.page.url
            matrix.stage.gate.pods.refuses.add(refused)
            await walk.press(WITHDRAW, status)
            await walk.open(consent)
            matrix.stage.gate.pods.refuses.clear()
            if not refused:
                await walk.press(AGAIN)


async def withdrawing_all(matrix: Matrix) -> None:
    """Two consents that end at once; and two whose doors the pod does not close."""
    for name, refused, status in (("ida", "", 200), ("jan", "close_door", 202)):
        async with matrix.arrive(name) as walk:
            await walk.page.goto(matrix.asking("two"))
            await walk.press("main form[method=get] button")
            await walk.forget_what_is_required()
            await walk.press("main button[type=submit]", 400)
            for purpose in ("advice", "study"):
                await walk.page.check(f"#{purpose}-yes")
            await walk.press("main button[type=submit]")
            await walk.page.click("main form[method=post] button")
            if not refused:
                await walk.open(matrix.url("/me"))
                await walk.press("main .card a.button.quiet")
                await walk.press("main a[href*='?space=']")
            matrix.stage.gate.pods.refuses.add(refused)
            await walk.page.goto(matrix.url("/me/withdraw"))
            await walk.press("main button[value=remove]", status)
            matrix.stage.gate.pods.refuses.clear()


def _terms(version: int, **changes: Any) -> Agreement:
    return replace(sample_agreement("space-new", (ADVICE,), version), **changes)


async def new_terms(matrix: Matrix) -> None:
    """The terms change while somebody reads, and after somebody said no."""
    world = matrix.stage.gate.world
    await space.create(world, _terms(1))
    matrix.stage.tokens["new"] = await invite.invite(world, None, "space-new", uses=0, days=1)
    async with matrix.arrive("kim") as reading, matrix.arrive("lea") as refusing:
        await refusing.page.goto(matrix.asking("new"))
        await refusing.press(NO)
        await reading.page.goto(matrix.asking("new"))
        await space.publish(world, "space-new", _terms(2, validity="P2M", purposes=(ADVICE, STUDY)))
        await reading.press(YES, 409)
        await reading.press("main a.button")
        await reading.page.evaluate("document.querySelectorAll('[name=shown]').forEach(x => x.value += '0')")
        await reading.press(
            "main form button[value=no], main form:not([method=get]) > button[type=submit]", 409
        )
        await refusing.press(AGAIN)
        await refusing.page.goto(matrix.asking("new"))
        await space.publish(world, "space-new", _terms(3, validity="P2M", terms={"en": "Other words."}))
        await refusing.press("main form button", 409)


async def leaving_for_good(matrix: Matrix) -> None:
    """A yes, the log into the pod, the copy of everything, and the erasure of it."""
    async with matrix.arrive("max") as walk:
        await walk.page.goto(matrix.asking("one"))
        await walk.press(YES)
        await walk.open(matrix.url("/me/activity"))
        await walk.press("main form[method=post] button")
        walk.made_of.clear()
        asked = {"Accept-Language": matrix.tag}
        copy = await walk.page.context.request.get(matrix.url("/me/export"), headers=asked)
        await _keep_the_copy(walk, matrix.url("/copy/index.html"), await copy.body())
        await walk.open(matrix.url("/me/erase"))
        await walk.page.check("[value=erase]")
        await walk.press("main form button")


async def _keep_the_copy(walk: Walk, url: str, archive: bytes) -> None:
    """The page inside the archive, with its style beside it, as somebody unpacks it."""
    with ZipFile(BytesIO(archive)) as opened:
        html, style = opened.read("index.html").decode(), opened.read("style.css")
    headers, made_of = {"content-type": "text/html"}, frozenset(walk.made_of)
    walk.kept.append(Kept("the copy", url, 200, headers, html, made_of, {"style.css": style}))
