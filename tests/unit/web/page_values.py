"""What each page is given to show: one value of every kind, for the templates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from solidgate.algorithm.approval import Approval
from solidgate.audit.activity import Activity
from solidgate.audit.activity import Kind as ActivityKind
from solidgate.consent.archive import Held
from solidgate.consent.erasure import ErasureReport, Reach
from solidgate.consent.notice import RowChange, make_notice
from solidgate.consent.record import ConsentEvent, ConsentRecord
from solidgate.consent.request import AskedResource, ConsentRequest, Look, Looked
from solidgate.consent.status import ConsentStatus
from solidgate.errors import (
    AnswerMissing,
    ReceiptPlaceInvalid,
    StatementMissing,
    ValidityTooLong,
    every_error,
)
from solidgate.flow.consent import Review
from solidgate.flow.example import Example
from solidgate.flow.happened import ActivityLine
from solidgate.flow.preview import Preview, PreviewedResource, State
from solidgate.flow.record import ConsentView, Displayed, ResultView
from solidgate.flow.rights import About, Log
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
from solidgate.web import terms as web_terms
from solidgate.web import words, words_of_rights
from solidgate.web.answer_form import Fault, ends
from solidgate.web.consents import _words as consent_words
from solidgate.web.label import label_rows
from solidgate.web.language import Language
from solidgate.web.log_filter import FilterFault
from solidgate.web.of_space import OfSpace
from solidgate.web.qr import qr_of
from solidgate.web.rights import _words as rights_words
from solidgate.web.vocabulary import terms

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANNA = "https://anna.example/profile/card#me"
URL = "https://gate.example/"
DOOR = Door("https://gate.example/spaces/s/agent#it", ANNA, ("https://anna.example/a.ttl",), None)
PASTES = (
    paste(DOOR, DOOR.read[0], READ_ONLY, AccessControl.WAC, None),
    paste(DOOR, DOOR.read[0], READ_ONLY, AccessControl.ACP, "https://anna.example/a.ttl.acr"),
)


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
        1, url, title, True, "read", "text/turtle", 7, '"e"', NOON, rows, 60, 3, "<#a> <#b> 1 .",
        names={"urn:ex:where": {"en": "a place"}},
    )  # fmt: skip
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
    return ErasureReport("e1", NOON, removed, 3, reach, ("tables",), "a.b.c", (URL + "spaces/s/agent#it",))


def withdrawal_of() -> Withdrawal:
    return Withdrawal(
        consent_id="c1",
        at=NOON,
        quiescent=False,
        in_doubt=("https://x/",),
        unresolved=("https://y/",),
        doubt_hours=24,
        door=DoorState.PARTIAL,
        door_problem="pod.forbidden",
        to_close=(LeftOpen("https://x/a", None),),
        results_removed=1,
        results_kept=("https://x/k",),
        results_removed_from_pod=("https://x/r",),
        results_disputed=("https://x/d",),
        stopped=2,
        receipt="a.b.c",
        results_in_doubt=("https://x/",),
        results_to_remove=("https://x/t",),
    )


OF_SPACE = OfSpace("gone", {"home-energy": {"en": "Home energy"}, "other": {"en": "Other"}})


def values(template: str, language: Language, purposes: int = 1) -> dict[str, Any]:
    agreement = sample_agreement(purposes=(ADVICE, STUDY)[:purposes])
    request, space = request_of(agreement), space_of(agreement)
    view = consent_of(agreement, ConsentStatus.GIVEN)
    found_by = (("https://anna.example/energy/2025.ttl", "urn:kind"),)
    found_view = replace(view, record=replace(view.record, found_by=found_by))
    notice = make_notice(agreement, request, language.tag, approvals=space.approvals, public_url=URL)
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
    rows = label_rows(agreement, space.approvals, language, URL)
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
        "ours": "0" * 32,
        "switched": True,
        "typed": dict.fromkeys([one.id for one in agreement.purposes], "agre"),
        "until": "2026-12-22",
        "receipt_container": "papers/",
        "receipts": "solidgate/receipts/",
        "kept": "a=b",
        "faults": (
            Fault("answer-advice", AnswerMissing()),
            Fault("until", ValidityTooLong()),
            Fault("receipt_container", ReceiptPlaceInvalid()),
            Fault("statement-advice", StatementMissing()),
        ),
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
            "ended": "choices",
            "return_to": "/me",
            "identifier": "x",
            "issuers": ("https://a/",),
            "suggested": ("https://b/",),
            "known": ("https://c/",),
            "fault": {"wrong": "w", "what_next": "n", "code": "login.no-issuer", "detail": "d"},
            "request_id": "0" * 16,
        },
        "leaving.html": {"host": "id.example", "address": "https://id.example/auth", "return_to": "/me"},
        "request.html": {
            "since": None,
            "example_offered": True,
            "review": Review(request, space, notice, agreement, (), (), NOON + timedelta(days=180)),
            "titles": {
                need.path: language.pick(need.title) for one in agreement.purposes for need in one.needs
            },
            "ends": ends(NOON, NOON + timedelta(days=180), language),
            "receipts": "solidgate/receipts/",
            "until": "2026-12-22",
            "receipt_container": "",
            "faults": (),
            "ours": "0" * 32,
            "speaks": ("answer", "post", "/requests/r1/language"),
        },
        "missing.html": {
            "ours": "0" * 32,
            "review": Review(lacking, space, notice, agreement, (), ("k", *paths), NOON),
            "titles": {"k": "Readings"} | dict.fromkeys(paths, "Readings"),
        },
        "storage.html": {
            "storages": ("https://anna.example/", "https://b.example/"),
            "current": "https://b.example/",
            "most": 10,
            "nothing": True,
            "request_id": "r1",
            "picked": "",
            "speaks": ("answer", "post", "/requests/r1/language?step=storage"),
        },
        "choices.html": stepping,
        "check.html": stepping | {"picked": {one.id: "yes" for one in agreement.purposes}},
        "word.html": stepping,
        "who.html": {"who": Who("Anna", ANNA, "https://a/", has_photo=True), "return_to": "/me"},
        "withdraw.html": consent_words(view) | {"others": True},
        "withdraw_all.html": {"consents": (view,), "space_id": "home-energy"},
        "withdrawn_all.html": {"withdrawals": (withdrawal_of(),), "titles": {"c1": ADVICE.title}},
        "results.html": {"consents": (view,), "of_space": OF_SPACE},
        "my_rights.html": {},
        "export.html": {
            "held": held_of(agreement, view),
            "files": ["tables/people.csv"],
            "about": {"c1": About(agreement, "advice")},
            **rights_words(),
        },
        "erase.html": {"report": report_of(), **rights_words()},
        "erased.html": {"report": report_of(), "download": "data:,", **rights_words()},
        "activity_log.html": {
            "log": Log(activities_of(), {"c1": About(agreement, "advice")}),
            "asked": {"type": "", "from": "9999-99-99", "to": "", "consent": "c1"},
            "faults": (FilterFault("from", "Enter a day that exists, such as 2026-11-22."),),
            "written": "https://anna.example/log/1.ttl",
            "place": "solidgate/log/",
            "of_space": OF_SPACE,
            **rights_words(),
        },
        "answered.html": {"answered": (consent_of(agreement, ConsentStatus.REFUSED),), "rests_until": NOON},
        "changed.html": {"difference": (RowChange("why", "", ("a",), ("b",)),), "request_id": "r1"},
        "consent.html": consent_words(found_view)
        | {
            "nothing_new": True,
            "left_out": True,
            "pastes": PASTES,
            "displayed": Displayed(notice, False),
        },
        "receipt.html": consent_words(view) | {"qr": qr_of(view.record.iri)},
        "activity.html": {"view": view},
        "preview.html": {"preview": preview_of(), "terms": web_terms, "each": 24, "example_offered": True},
        "example.html": {
            "example": Example((("https://x.example/ns#yearlyUse", "12.5"),)),
            "terms": web_terms,
            "request_id": "r1",
        },
        "withdrawn.html": {"withdrawal": withdrawal_of(), "space_id": "home-energy"},
        "me.html": {
            "consents": (view, consent_of(agreement, ConsentStatus.REFUSED)),
            "count": 2,
            "show": "",
            "left_out": True,
            "waiting": (),
            "of_space": OF_SPACE,
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
