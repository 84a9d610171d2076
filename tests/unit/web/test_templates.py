"""Every template in every language, and the rules of a fair question that a machine can check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from io import BytesIO
from string import Formatter
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from solidgate.consent.notice import RowChange
from solidgate.consent.status import ConsentStatus
from solidgate.errors import every_error
from solidgate.flow.reask import Since
from solidgate.flow.record import AccessView
from solidgate.pod.door import DoorState
from solidgate.testing.terms import sample_agreement
from solidgate.web import pages, problems, words
from solidgate.web.consents import _words as consent_words
from solidgate.web.language import LANGUAGES, Language
from tests.unit.web.page_values import ANNA, consent_of, values

PARTS = {
    "base.html",
    "parts.html",
    "fields.html",
    "withdrawal.html",
    "erasure_counts.html",
    "erasure_reach.html",
    "authority.html",
    "copy.html",
}
WEB = resources.files("solidgate.web")
TEMPLATES = sorted(entry.name for entry in (WEB / "templates").iterdir() if entry.name not in PARTS)


@cache
def _environment() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("solidgate.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(pages.fixed_words())
    return found


def render(template: str, tag: str, purposes: int = 1, given: Mapping[str, Any] | None = None) -> str:
    language = Language(tag)
    common = {
        **pages.page_words(language),
        "request": SimpleNamespace(path="/x"),
        "session": SimpleNamespace(webid=ANNA),
        "form_token": "t0ken",
        "leave_token": "t0ken",
        "switch": dict.fromkeys(LANGUAGES, "?lang=x"),
    }
    found = _environment().get_template(template)
    return found.render({**common, **(values(template, language, purposes) if given is None else given)})


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_renders_in_every_language(template: str) -> None:
    for tag in LANGUAGES:
        page = render(template, tag)
        assert f'<html lang="{tag}" dir="ltr"' in page
        assert page.count("<h1") == 1
        shown = re.sub(r"<textarea.*?</textarea>|<meta name=.htmx-config[^>]*>", "", page, flags=re.DOTALL)
        assert "{" not in shown


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_page_has_no_script_no_style_and_nothing_from_elsewhere(template: str) -> None:
    page = render(template, "en")
    for script in re.findall(r"<script.*?</script>", page, re.DOTALL):
        assert re.fullmatch(r'<script src="/static/htmx\.[0-9a-f]{12}\.js" defer></script>', script)
    assert not re.search(r"\son\w+=|\sstyle=|javascript:", page)
    assert not re.search(r'(?:src|action)="(?:https?:)?//', page)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_form_that_changes_something_carries_the_token(template: str) -> None:
    for form in re.findall(r'<form[^>]*method="post".*?</form>', render(template, "en"), re.DOTALL):
        assert 'name="form_token" value="t0ken"' in form


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_form_stands_in_a_paragraph(template: str) -> None:
    """A browser would end the paragraph before the form, and what stands side by side would not."""
    for paragraph in re.findall(r"<p[ >].*?</p>", render(template, "en"), re.DOTALL):
        assert not re.search(r"<(?:form|div|ul|ol|dl|table|section|p)\b", paragraph[2:])


@pytest.mark.parametrize("template", TEMPLATES)
def test_nothing_is_chosen_beforehand(template: str) -> None:
    for purposes in (1, 2):
        page = render(template, "en", purposes)
        assert not re.search(r"<[^>]*\s(?:checked|selected)\b[^>]*>", page)
        assert 'type="checkbox"' not in page


@pytest.mark.parametrize("tag", LANGUAGES)
def test_yes_and_no_are_the_same_markup(tag: str) -> None:
    text = Language(tag).text
    for purposes, pattern in (
        (1, r"<button[^>]*answer-[^>]*>[^<]*</button>"),
        (2, r"<label class=\"choice\">.*?</label>"),
    ):
        found = re.findall(
            pattern, render("choices.html" if purposes == 2 else "request.html", tag, purposes)
        )
        assert len(found) == 2 * purposes
        for yes, no in zip(found[::2], found[1::2], strict=True):
            as_no = yes.replace('value="yes"', 'value="no"').replace('-yes"', '-no"')
            for said, refused in (("Yes, I consent", "No, I do not consent"), ("Yes", "No")):
                as_no = as_no.replace(f">{text(said)}<", f">{text(refused)}<")
            assert as_no == no


def test_the_question_comes_alone() -> None:
    page = render("request.html", "en")
    main = page[page.index("<main") : page.index("</main>")]
    forms = re.findall(r"<form.*?</form>", main, re.DOTALL)
    assert [form.count('type="submit"') for form in forms] == [2, 1], "yes and no; decide later"
    assert "/later" in forms[1]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_asked_again_the_page_says_what_changed_and_folds_the_label_only_then(tag: str) -> None:
    language = Language(tag)
    row, bound = RowChange("why", "Why", ("a",), ("b",)), RowChange("agreement", "", ("a",), ("b",))
    unchanged, words_changed = (
        str(language.text(text))
        for text in (
            "Nothing has changed since you answered.",
            "The words of the page changed, not one of its eight rows. Please read it again.",
        )
    )
    for since, is_open, said in (
        (Since(()), True, {unchanged}),
        (Since((bound,)), True, {words_changed}),
        (Since(None), True, set()),
        (Since((row, bound)), False, set()),
    ):
        page = render("request.html", tag, given=values("request.html", language) | {"since": since})
        before = page[: page.index('<dl class="label">')]
        assert (before.count("<details") == before.count("</details")) is is_open
        assert {text for text in (unchanged, words_changed) if text in page} == said
        assert str(language.text("Nothing is read for this request until you say yes.")) in page
        assert str(language.text("The organisation has read nothing.")) not in page
        assert page.count("<ins>") == (0 if is_open else 1)


def test_without_a_needed_document_only_no_is_offered() -> None:
    lacking = values("request.html", Language("en"))
    lacking["review"] = replace(lacking["review"], missing=("energy/2025.ttl",))
    lacking["titles"] = {"energy/2025.ttl": "Meter readings"}
    page = render("request.html", "en", given=lacking)
    assert page.index("only No can be recorded") < page.index('<dl class="label">')
    assert 'value="yes"' not in page
    assert 'value="no"' in page


def test_withdrawing_takes_no_more_clicks_than_agreeing() -> None:
    agree = render("request.html", "en").count('value="yes"')
    assert agree == 1
    for page in (render("me.html", "en"), render("consent.html", "en")):
        assert page.count('action="/consents/c1/withdraw"') == 1


@pytest.mark.parametrize(
    ("status", "door"),
    [(ConsentStatus.GIVEN, DoorState.REQUESTED), (ConsentStatus.WITHDRAWN, DoorState.PARTIAL)],
)
def test_the_way_to_the_access_page_says_where_it_leads(status: ConsentStatus, door: DoorState) -> None:
    page = "https://pod.example@access.hostile.example/r/"
    access = AccessView(1, 2, True, page + "?requestVcUrl=x", page, (), ())
    shown = replace(consent_of(sample_agreement(), status), door=door, access=access)
    given = consent_words(shown) | {"nothing_new": False, "left_out": False, "displayed": None}
    assert f'href="{page}' in render("consent.html", "en", given=given)
    for tag in LANGUAGES:
        text = render("consent.html", tag, given=given)
        assert re.search(r"\saccess\.hostile\.example\.</span>", text), (
            "the host, not what stands before an @"
        )


@pytest.mark.parametrize("template", TEMPLATES + sorted(PARTS))
def test_no_template_joins_with_a_colon_of_its_own(template: str) -> None:
    """French wants a space before it, so the colon is a text of the catalogue."""
    source = (WEB / "templates" / template).read_text()
    assert not re.search(r"(?:[%}]}|</\w+>|<span[^>]*>)\s*:", source)


def test_a_title_and_its_text_are_joined_as_the_language_does() -> None:
    for tag, colon in (("en", ": "), ("fr", "\u00a0: "), ("nl", ": ")):
        given = sample_agreement()
        why = given.purposes[0]
        assert f"{why.title[tag]}{colon}{why.description[tag]}</dd>" in render("receipt.html", tag)


def test_text_from_outside_is_escaped() -> None:
    language = Language("en")
    assert language.text("Continue to {host}", host="<b>&") == "Continue to &lt;b&gt;&amp;"
    nasty = values("leaving.html", language) | {"address": 'https://x/"><script>', "host": "<script>"}
    context = {
        **pages.page_words(language),
        "session": None,
        "form_token": "",
        "leave_token": "",
        "switch": dict.fromkeys(LANGUAGES, ""),
    }
    assert "<script" not in _environment().get_template("leaving.html").render({**context, **nasty})


# --- catalogues ---------------------------------------------------------------------------------------


@cache
def messages() -> set[str]:
    """Every text that a page can show."""
    found: set[str] = set()
    for entry in (WEB / "templates").iterdir():
        lines = babel_extract(BytesIO(entry.read_bytes()), ["_"], [], {"trimmed": "true"})
        found |= {text[0] if isinstance(text, tuple) else text for _, _, text, _ in lines if text}
    for entry in WEB.iterdir():
        if entry.name.endswith(".py"):
            lines = extract("python", BytesIO(entry.read_bytes()), {"mark": None})
            found |= {str(text) for _, text, _, _ in lines}
    met = [kind for code, kind in every_error().items() if code.startswith(words.MET_BY_PEOPLE)]
    found |= {text for kind in met for text in (kind.sentence, kind.remedy)}
    found |= {title for _, title in problems.FAMILIES.values()} | {problems.UNKNOWN[1], "Log in"}
    return found


def catalogue(tag: str) -> dict[str, str]:
    with (WEB / f"locale/{tag}/LC_MESSAGES/solidgate.po").open("rb") as source:
        return {str(one.id): str(one.string) for one in read_po(source, locale=tag) if one.id}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_catalogue_has_every_text_and_no_other(tag: str) -> None:
    found = catalogue(tag)
    assert sorted(messages() - set(found)) == [], "missing"
    assert sorted(set(found) - messages()) == [], "left over"
    assert [text for text, said in found.items() if not said] == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_translation_keeps_the_places(tag: str) -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert [text for text, said in catalogue(tag).items() if places(text) != places(said)] == []


def test_every_state_has_words() -> None:
    assert set(words.STATUS) == set(ConsentStatus)
    assert set(words.DOOR) == set(DoorState)
