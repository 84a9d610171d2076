"""Every template in every language, and the rules of a fair question that a machine can check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from io import BytesIO
from string import Formatter
from types import SimpleNamespace
from typing import Any, get_args

import jinja2
import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from solidgate.algorithm.approval import Approval
from solidgate.audit.activity import Activity, Wanted
from solidgate.audit.activity import Kind as ActivityKind
from solidgate.consent.archive import Held
from solidgate.consent.erasure import ErasureReport, Reach
from solidgate.consent.notice import RowChange, make_notice
from solidgate.consent.record import ConsentEvent, ConsentRecord
from solidgate.consent.request import AskedResource, ConsentRequest, Look, Looked
from solidgate.consent.status import ConsentStatus
from solidgate.errors import every_error
from solidgate.flow.consent import Review
from solidgate.flow.example import Example
from solidgate.flow.preview import Preview, PreviewedResource, State
from solidgate.flow.record import AccessView, ActivityLine, ConsentView, ResultView
from solidgate.flow.run import RunView
from solidgate.flow.space import SpaceView
from solidgate.flow.who import Who
from solidgate.flow.withdraw import LeftOpen, Withdrawal
from solidgate.pod.access_control import AccessControl
from solidgate.pod.by_hand import paste
from solidgate.pod.door import READ_ONLY, Door, DoorState
from solidgate.sandbox.table import Kind, Value
from solidgate.space.agreement import Agreement, digest
from solidgate.testing.terms import ADVICE, CONSUMER, STUDY, sample_agreement
from solidgate.vocab import XSD
from solidgate.web import pages, problems, words, words_of_rights
from solidgate.web import terms as web_terms
from solidgate.web.consents import _words as consent_words
from solidgate.web.label import label_rows
from solidgate.web.language import LANGUAGES, Language
from solidgate.web.qr import qr_of
from solidgate.web.requests import ends
from solidgate.web.rights import _words as rights_words
from solidgate.web.vocabulary import terms

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANNA = "https://anna.example/profile/card#me"
URL = "https://gate.example/"
PARTS = {"base.html", "parts.html", "withdrawal.html", "erasure_counts.html", "erasure_reach.html"}
WEB = resources.files("solidgate.web")
DOOR = Door("https://gate.example/spaces/s/agent#it", ANNA, ("https://anna.example/a.ttl",), None)
PASTES = (
    paste(DOOR, DOOR.read[0], READ_ONLY, AccessControl.WAC, None),
    paste(DOOR, DOOR.read[0], READ_ONLY, AccessControl.ACP, "https://anna.example/a.ttl.acr"),
)
TEMPLATES = sorted(entry.name for entry in (WEB / "templates").iterdir() if entry.name not in PARTS)


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


def request_of(agreement: Agreement) -> ConsentRequest:
    pod = "https://anna.example/"
    resources_of = tuple(
        (one.id, tuple(AskedResource(pod + need.path, need.path, True, True) for need in one.needs))
        for one in agreement.purposes
    )
    return ConsentRequest(
        "r1", "home-energy", ANNA, digest(agreement), pod, resources_of, pod + "results/", NOON, NOON
    )


def space_of(agreement: Agreement) -> SpaceView:
    approval = Approval(
        "home-energy",
        digest(agreement),
        agreement.algorithm,
        next(iter(agreement.parties[1].roles)),
        CONSUMER,
        "approve",
        NOON,
    )
    return SpaceView(
        "home-energy",
        URL + "spaces/home-energy",
        agreement.title,
        "open",
        agreement,
        digest(agreement),
        URL + "spaces/home-energy/agent#it",
        (approval,),
        ("space_owner",),
    )


def preview_of() -> Preview:
    """One document in each state, of more than fit on a page."""
    rows = (
        Value("http://www.w3.org/ns/sosa/hasSimpleResult", "06.50", Kind.LITERAL, XSD.decimal.value, False),
        Value("urn:ex:long", "x" * 20, Kind.LITERAL, "@nl", True),
        Value("urn:ex:where", "https://x.example/", Kind.IRI, "", False),
        Value("urn:ex:node", "", Kind.NODE, "", False),
    )
    url, title = "https://anna.example/energy/2025.ttl", {"en": "Readings"}
    read = PreviewedResource(
        1, url, title, True, "read", "text/turtle", 7, '"e"', NOON, rows, 60, 3, "<#a> <#b> 1 ."
    )
    others = [
        PreviewedResource(number, url, title, False, state, problem="pod.unreadable")
        for number, state in enumerate(get_args(State)[1:], start=2)
    ]
    return Preview("r1", (read, *others), 1, 60, True)


def consent_of(agreement: Agreement, status: ConsentStatus) -> ConsentView:
    shown = "sha256:" + "b" * 64
    until = NOON + timedelta(days=30) if status is ConsentStatus.GIVEN else None
    record = ConsentRecord(
        "c1",
        URL + "consents/c1",
        "r1",
        ANNA,
        URL + "spaces/home-energy",
        "advice",
        shown,
        shown,
        "en",
        NOON,
        shown,
        shown,
        shown,
        ("https://anna.example/energy/2025.ttl",),
        (CONSUMER,),
        "https://anna.example/results/",
        0,
        (
            ConsentEvent(1, ConsentStatus.REQUESTED, NOON, CONSUMER),
            ConsentEvent(2, status, NOON, ANNA, until=until),
        ),
    )
    results = (ResultView("https://anna.example/results/1.ttl", "00", NOON, "written"),)
    activity = tuple(ActivityLine(NOON, action, "run-1", "pod.not-found") for action in words.ACTIVITY)
    return ConsentView(
        record,
        "home-energy",
        agreement,
        status,
        DoorState.PARTIAL,
        "pod.forbidden",
        "a.b.c",
        None,
        "pod.forbidden",
        results,
        activity,
    )


def activities_of() -> tuple[Activity, ...]:
    what = sorted(words_of_rights.ACTIVITY)
    return tuple(
        Activity(NOON, ActivityKind.ADD_CONSENT, one, "c1", "r1", ANNA, "pod.not-found") for one in what
    )


def held_of(agreement: Agreement, view: ConsentView) -> Held:
    return Held(ANNA, NOON, {}, ((view.record, agreement, None),), activities_of())


def report_of() -> ErasureReport:
    reach = Reach((ANNA,), (ANNA,), (ANNA,), (ANNA,), ("run-1",))
    removed = dict.fromkeys(words_of_rights.REMOVED, 1)
    return ErasureReport("e1", NOON, removed, 3, reach, ("tables",), "a.b.c")


def withdrawal_of() -> Withdrawal:
    return Withdrawal(
        consent_id="c1",
        at=NOON,
        quiescent=False,
        in_doubt=("https://x/",),
        unresolved=("https://y/",),
        door=DoorState.PARTIAL,
        door_problem="pod.forbidden",
        to_close=(LeftOpen("https://x/a", None),),
        results_removed=1,
        results_kept=("https://x/k",),
        results_removed_from_pod=("https://x/r",),
        results_disputed=("https://x/d",),
        stopped=2,
        receipt="a.b.c",
    )


def values(template: str, language: Language, purposes: int = 1) -> dict[str, Any]:
    agreement = sample_agreement(purposes=(ADVICE, STUDY)[:purposes])
    request, space = request_of(agreement), space_of(agreement)
    view = consent_of(agreement, ConsentStatus.GIVEN)
    found_by = (("https://anna.example/energy/2025.ttl", "urn:kind"),)
    found_view = replace(view, record=replace(view.record, found_by=found_by))
    notice = make_notice(agreement, request, language.tag, public_url=URL)
    run = RunView(
        "run-1",
        "home-energy",
        "running",
        NOON,
        NOON,
        None,
        {"written": "<10"},
        {"pod.not-found": "<10"},
        True,
        pods={"gone": "<10", "disputed": 0},
    )
    rows = label_rows(agreement, language, URL)
    review = Review(request, space, notice, agreement, (), (), NOON + timedelta(days=180))
    looked = tuple(Looked("k", f"https://anna.example/{look}", look) for look in Look)
    pods = ("https://anna.example/", "https://b.example/")
    lacking = replace(request, looked=looked, storages=pods)
    paths = [need.key for one in agreement.purposes for need in one.needs]
    stepping = {
        "review": review,
        "titles": {},
        "ends": ends(NOON, NOON + timedelta(days=180), language),
        "picked": dict.fromkeys([one.id for one in agreement.purposes], ""),
        "until": "",
        "receipt_container": "papers/",
        "receipts": "solidgate/receipts/",
        "kept": "a=b",
        "open_ones": ("advice",),
        "wrong": True,
        "needed": "agree",
    }
    return {
        "start.html": {"spaces": (space,)},
        "join.html": {
            "space": space,
            "token_of_invitation": "t",
            "asker": "A",
            "purposes": "B",
            "rows": rows,
        },
        "declined.html": {"token_of_invitation": "t"},
        "login.html": {
            "return_to": "/me",
            "identifier": "x",
            "issuers": ("https://a/",),
            "suggested": ("https://b/",),
            "known": ("https://c/",),
        },
        "leaving.html": {"host": "id.example", "address": "https://id.example/auth", "return_to": "/me"},
        "request.html": {
            "since": None,
            "review": Review(request, space, notice, agreement, (), (), NOON + timedelta(days=180)),
            "titles": {
                need.path: language.pick(need.title) for one in agreement.purposes for need in one.needs
            },
            "ends": ends(NOON, NOON + timedelta(days=180), language),
            "receipts": "solidgate/receipts/",
        },
        "missing.html": {
            "review": Review(lacking, space, notice, agreement, (), ("k", *paths), NOON),
            "titles": {"k": "Readings"} | dict.fromkeys(paths, "Readings"),
        },
        "storage.html": {
            "storages": ("https://anna.example/", "https://b.example/"),
            "current": "https://b.example/",
            "nothing": True,
            "request_id": "r1",
        },
        "choices.html": stepping,
        "check.html": stepping | {"picked": {one.id: "yes" for one in agreement.purposes}},
        "word.html": stepping,
        "who.html": {"who": Who("Anna", ANNA, "https://a/"), "return_to": "/me"},
        "withdraw.html": consent_words(view) | {"others": True},
        "withdraw_all.html": {"consents": (view,), "space_id": "home-energy"},
        "withdrawn_all.html": {"withdrawals": (withdrawal_of(),), "titles": {"c1": ADVICE.title}},
        "results.html": {"consents": (view,)},
        "my_rights.html": {},
        "export.html": {"held": held_of(agreement, view), "files": ["tables/people.csv"], **rights_words()},
        "erase.html": {"report": report_of(), **rights_words()},
        "erased.html": {"report": report_of(), "download": "data:,", **rights_words()},
        "activity_log.html": {
            "found": activities_of(),
            "wanted": Wanted(consent="c1"),
            "written": "https://anna.example/log/1.ttl",
            **rights_words(),
        },
        "answered.html": {"answered": (view,)},
        "changed.html": {"difference": (RowChange("why", "", ("a",), ("b",)),), "request_id": "r1"},
        "consent.html": consent_words(found_view) | {"nothing_new": True, "pastes": PASTES},
        "receipt.html": consent_words(view) | {"qr": qr_of(view.record.iri)},
        "activity.html": {"view": view},
        "preview.html": {"preview": preview_of(), "terms": web_terms, "each": 24},
        "example.html": {
            "example": Example((("https://x.example/ns#yearlyUse", "12.5"),)),
            "terms": web_terms,
            "request_id": "r1",
        },
        "withdrawn.html": {"withdrawal": withdrawal_of()},
        "me.html": {
            "consents": (view, consent_of(agreement, ConsentStatus.REFUSED)),
            "count": 2,
            "show": "",
            "waiting": (),
        },
        "spaces.html": {"spaces": (space,)},
        "space.html": {"space": space, "rows": rows},
        "facts.html": {
            "heading": "The agreement",
            "facts": {"a": [{"b": True}, None], "c": {"en": "d"}},
            "own": "/x",
            "back": "/y",
            "forms": [(".json", "JSON")],
        },
        "runs.html": {"runs": (run,), "space_id": "home-energy"},
        "run.html": {"run": run},
        "sparql.html": {"space_id": "home-energy", "endpoint": URL, "formats": ["text/csv"]},
        "vocabulary.html": {"namespace": "https://x#", "terms": terms(language)},
        "errors.html": {"entries": list(every_error().values())},
        "agent.html": {
            "webid": URL + "spaces/home-energy/agent#it",
            "issuer": URL,
            "space": URL + "spaces/home-energy",
        },
        "error.html": {
            "title": "T",
            "sentence": "S",
            "remedy": "R",
            "detail": "D",
            "code": "a.b",
            "request_id": "1",
            "saved": "K",
            "status": 404,
            "way_on": ("/login", "Log in"),
        },
    }[template]


def render(template: str, tag: str, purposes: int = 1, given: Mapping[str, Any] | None = None) -> str:
    language = Language(tag)
    common = {
        **pages.page_words(language),
        "request": SimpleNamespace(path="/x"),
        "session": SimpleNamespace(webid=ANNA),
        "form_token": "t0ken",
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
    given = consent_words(shown) | {"nothing_new": False}
    assert f'href="{page}' in render("consent.html", "en", given=given)
    for tag in LANGUAGES:
        text = render("consent.html", tag, given=given)
        assert re.search(r"\saccess\.hostile\.example\.</span>", text), (
            "the host, not what stands before an @"
        )


def test_text_from_outside_is_escaped() -> None:
    language = Language("en")
    assert language.text("Continue to {host}", host="<b>&") == "Continue to &lt;b&gt;&amp;"
    nasty = values("leaving.html", language) | {"address": 'https://x/"><script>', "host": "<script>"}
    context = {
        **pages.page_words(language),
        "session": None,
        "form_token": "",
        "switch": dict.fromkeys(LANGUAGES, ""),
    }
    assert "<script" not in _environment().get_template("leaving.html").render({**context, **nasty})


# --- catalogues ---------------------------------------------------------------------------------------


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
