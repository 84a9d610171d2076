"""The double's access management page, as a browser uses it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

if TYPE_CHECKING:
    from conftest import Scene


class Form(HTMLParser):
    """The fields of a page, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag == "input" and found.get("name"):
            self.fields.append((str(found["name"]), str(found.get("value") or "")))


@pytest.mark.parametrize(("answer", "kind"), [("approve", "SolidAccessGrant"), ("deny", "SolidAccessDenial")])
async def test_the_page_shows_what_is_asked_and_goes_back_with_the_answer(
    scene: Scene, answer: str, kind: str
) -> None:
    request = (await scene.asker.ask(scene.alice.webid, scene.url, mode=["Read", "Write"])).json()
    query = urlencode({"requestVcUrl": request["id"], "redirectUrl": "https://app.example/back?run=1"})
    page = await scene.nobody.call("GET", f"{scene.ess.access_ui_url}?{query}")
    assert scene.hub.webid in page.body.decode() and scene.url in page.body.decode()
    fields = [field for field in Form(page.body.decode()).fields if field != ("mode", "Write")]
    decided = await scene.nobody.call("POST", scene.ess.access_ui_url, data=[*fields, ("answer", answer)])
    where = urlsplit(decided.headers["Location"])
    assert decided.status == 303 and where.netloc == "app.example"
    found = parse_qs(where.query)
    assert found["run"] == ["1"]
    credential = (await scene.asker.call("GET", found["accessGrantUrl"][0])).json()
    assert kind in credential["type"]
    modes = credential["credentialSubject"]["providedConsent"]["mode"]
    assert modes == (["Read"] if answer == "approve" else ["Read", "Write"])


async def test_the_page_refuses_what_it_does_not_know(scene: Scene) -> None:
    page, request = scene.ess.access_ui_url, await scene.asked()
    assert (await scene.nobody.call("GET", f"{page}?requestVcUrl=https://x.example/")).status == 404
    odd = urlencode({"requestVcUrl": request["id"], "redirectUrl": "javascript:alert(1)"})
    assert (await scene.nobody.call("GET", f"{page}?{odd}")).status == 400
    empty = {"requestVcUrl": request["id"], "answer": "approve"}
    assert (await scene.nobody.call("POST", page, data=empty)).status == 400
