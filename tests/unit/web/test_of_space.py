"""Somebody with several spaces looks at one: on each tab, with the other filters, and how to leave it."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from solidgate.flow import defer, invite, space
from solidgate.testing.gate import Browser, TestGate
from solidgate.testing.terms import ADVICE, sample_agreement
from solidgate.web.of_space import OfSpace, of_space
from tests.unit.web.asked import hidden

TABS = ("/me", "/me/results", "/me/activity")
TITLE = {"en": "Garden water", "fr": "Eau du jardin", "nl": "Tuinwater"}


async def opened(gate: TestGate, anna: Browser, space_id: str, *answers: str) -> str:
    """Anna's request in a space of its own, answered or not."""
    terms = sample_agreement(space_id, (ADVICE,))
    await space.create(gate.world, replace(terms, title=TITLE) if space_id == "garden" else terms)
    token = await invite.invite(gate.world, None, space_id, uses=0, days=300)
    path = (await anna.get(f"/join/{token}/request")).place
    page = (await anna.get(path)).text
    bound = {name: hidden(page, name) for name in ("shown", "language")}
    for answer in answers:
        step = {"answer-advice": answer} if answer in ("yes", "no") else {}
        assert (await anna.post(path + ("" if step else "/later"), bound | step)).status == 303
    return path


@pytest.fixture
async def two(gate: TestGate, anna: Browser) -> str:
    """A yes in one space and a no in another: the second one's request."""
    await opened(gate, anna, "home-energy", "yes")
    return await opened(gate, anna, "garden", "no")


def shown(page: str) -> set[str]:
    """The consents that a page leads to."""
    return set(re.findall(r'href="(/consents/[\w-]+)"', page))


def addresses(page: str, beginning: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(rf'href="({beginning}[^"]*)"', page)]


async def test_one_space_is_the_only_one_shown_on_each_tab(anna: Browser, two: str) -> None:
    everything = shown((await anna.get("/me")).text)
    assert len(everything) == 2
    for tab in TABS:
        page = (await anna.get(tab)).text
        assert page.count('<select id="space"') == 1
        assert "You see one space only" not in page
        narrowed = (await anna.get(f"{tab}?space=garden")).text
        assert f'action="{tab}"' in narrowed, "the tab stays"
        assert '<option value="garden" selected>Garden water</option>' in narrowed
        assert '<strong dir="auto">Garden water</strong>' in narrowed
        assert addresses(narrowed, f"{tab}") and tab in addresses(narrowed, tab), "how to leave it"
        assert [f"{one}?space=garden" for one in TABS if f'href="{one}?space=garden"' not in narrowed] == []
        assert 'href="/me/rights"' in narrowed
        assert f'href="{tab}?space=garden&amp;lang=fr"' in narrowed, "another language keeps it"
    one = shown((await anna.get("/me?space=garden")).text)
    assert len(one) == 1
    assert shown((await anna.get("/me/activity?space=garden")).text) == one
    assert shown((await anna.get("/me/activity?space=home-energy")).text) == everything - one


async def test_it_works_with_the_other_filters_and_as_data(anna: Browser, two: str) -> None:
    page = (await anna.get("/me?space=garden&show=valid")).text
    assert "None of your consents is of this kind." in page
    assert "/me?space=garden&show=ended" in addresses(page, "/me")
    assert "/me?show=valid" in addresses(page, "/me"), "leaving the space keeps the other filter"
    assert '<input type="hidden" name="show" value="valid">' in page
    (data,) = addresses(page, r"/me\.json")
    assert json.loads((await anna.get(data, "application/json")).content) == {"consents": []}
    garden = json.loads((await anna.get("/me.json?space=garden", "application/json")).content)["consents"]
    assert [one["status"] for one in garden] == ["refused"]
    log = (await anna.get("/me/activity?space=garden&type=ADD_CONSENT&from=2026-01-01")).text
    assert "/me/activity?type=ADD_CONSENT&from=2026-01-01" in addresses(log, "/me/activity")
    for suffix in ("json", "csv"):
        (data,) = addresses(log, rf"/me/activity\.{suffix}")
        assert data == f"/me/activity.{suffix}?space=garden&type=ADD_CONSENT&from=2026-01-01"
        told = (await anna.get(data, "application/json" if suffix == "json" else "text/csv")).text
        assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", told)) == {garden[0]["id"]}
    every = json.loads((await anna.get("/me/activity.json", "application/json")).content)["activity"]
    assert {one["consent"] for one in every} > {garden[0]["id"]}
    wrong = (await anna.get("/me/activity?space=garden&from=soon")).text
    assert '<option value="garden" selected>' in wrong, "the filter stays as it was entered"


async def test_a_space_in_which_there_is_nothing_of_theirs_is_not_told_of(
    gate: TestGate, anna: Browser, two: str
) -> None:
    """The same for one that others are in and one that is not there."""
    await space.create(gate.world, sample_agreement("secret"))
    for tab in TABS:
        pages = [(await anna.get(f"{tab}?space={one}")).text for one in ("secret", "nowhere", "a%22b")]
        for page in pages:
            assert "You have nothing in this space." in page
            assert f'href="{tab}">Show all spaces' in page
            assert shown(page) == set()
        assert "no result yet" not in pages[0]
    assert "selected" not in (await anna.get("/me?space=secret")).text


async def test_who_has_one_space_has_nothing_to_choose(gate: TestGate, anna: Browser) -> None:
    await opened(gate, anna, "home-energy", "yes")
    for tab in TABS:
        assert 'name="space"' not in (await anna.get(tab)).text


async def test_a_reminder_that_is_not_shown_is_not_used_up(gate: TestGate, anna: Browser, two: str) -> None:
    await opened(gate, anna, "third", "later")
    gate.clock.ahead = timedelta(days=gate.world.settings.consent.reminder_days + 1)
    assert anna.session
    again = await gate.log_in(anna.session.webid)
    (hid,) = await defer.waiting(gate.world, again, shown="garden")
    assert not hid.remind
    (told,) = await defer.waiting(gate.world, again, shown="third")
    assert told.remind


def test_the_newest_title_of_a_space_is_told_and_queries_hold_what_is_set() -> None:
    of = of_space({"space": "a b"}, [("a b", {"en": "New"}), ("a b", {"en": "Old"}), ("c", {"en": "C"})])
    assert dict(of.title) == {"en": "New"}
    assert (of.query(show="", to="x&y"), of.left(show="")) == ("?space=a+b&to=x%26y", "")
    assert not OfSpace("", {"c": {}}).offered
