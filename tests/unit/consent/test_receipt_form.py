"""A receipt by its form is byte for byte the one made without; nothing of anybody stays in the form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given as given_values
from hypothesis import settings
from hypothesis import strategies as st
from pyld import jsonld

from solidgate.consent import receipt_form
from solidgate.consent.notice import Notice, make_notice, notice_digest
from solidgate.consent.open_text import OpenText, in_fixed_order
from solidgate.consent.rdf import record_triples
from solidgate.consent.receipt_claims import CONTEXT, plain_json
from solidgate.consent.receipt_form import credential_json
from solidgate.consent.receipt_nodes import read_record
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.request import resources_digest
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentUnverifiable
from solidgate.space.agreement import Agreement, digest
from solidgate.space.rdf import ntriples
from solidgate.vocab import DPV, SG

from .conftest import NOON, build_agreement, build_record, build_request, give, refuse, withdraw

ISSUER = "https://gate.example/"
TERMS = build_agreement()
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789éß漢-._~", min_size=1, max_size=20)
MOMENT = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@pytest.fixture(autouse=True)
def _no_forms() -> Iterator[None]:
    receipt_form._forms.clear()
    yield
    receipt_form._forms.clear()


def asked_of(agreement: Agreement, language: str = "en") -> tuple[ConsentRecord, Notice]:
    request = build_request(agreement)
    notice = make_notice(agreement, request, language, approvals=(), public_url=ISSUER)
    return build_record(agreement, request, notice), notice


def same(record: ConsentRecord, agreement: Agreement, notice: Notice | None, now: datetime = NOON) -> bytes:
    """The receipt, once its form was made and once it was there already, as it is without a form."""
    made = [credential_json(record, agreement, ISSUER, now, notice) for _ in range(2)]
    assert made == [plain_json(record, agreement, ISSUER, now, notice)] * 2
    return made[0]


@st.composite
def answers(draw: st.DrawFn) -> tuple[ConsentRecord, Notice | None]:
    """A record of anybody, anywhere, at any time, with whatever was shown."""
    blank, notice = asked_of(TERMS)
    storage, consent_id = f"https://{draw(WORD)}.example/", str(draw(st.uuids(version=4)))
    person, urls = storage + draw(WORD), tuple(storage + need.path for need in TERMS.purposes[0].needs)
    urls = urls[: draw(st.integers(1, 2))]
    shown = replace(
        notice,
        title=draw(TEXT),
        rows=(("who", draw(TEXT), (draw(TEXT),)),),
        statements={"advice": draw(TEXT)},
    )
    shown = replace(shown, digest=notice_digest(shown))
    record = replace(
        blank,
        consent_id=consent_id,
        iri=f"{ISSUER}consents/{consent_id}",
        request_id=draw(TEXT),
        data_subject=person,
        notice_digest=shown.digest,
        notice_date=draw(MOMENT),
        resources=urls,
        resources_digest=resources_digest(urls),
        result_container=storage + draw(WORD),
        replaces=draw(st.none() | WORD.map(lambda word: f"{ISSUER}consents/{word}")),
    )
    at = NOON + draw(st.timedeltas(timedelta(0), timedelta(days=99)))
    yes = ConsentEvent(
        2, ConsentStatus.GIVEN, at, person, "button", at + timedelta(days=draw(st.integers(1, 99)))
    )
    no = ConsentEvent(2, ConsentStatus.REFUSED, at, person, "button")
    return with_event(record, draw(st.sampled_from((yes, no)))), draw(st.sampled_from((shown, None)))


@settings(max_examples=200, deadline=None)
@given_values(answers(), MOMENT)
def test_it_is_byte_for_byte_the_receipt_without_a_form(
    answer: tuple[ConsentRecord, Notice | None], now: datetime
) -> None:
    """All of them through the forms that the ones before have left."""
    record, notice = answer
    assert credential_json(record, TERMS, ISSUER, now, notice) == plain_json(
        record, TERMS, ISSUER, now, notice
    )


def test_the_same_terms_in_three_languages_and_every_state_do_not_mix() -> None:
    for language in ("en", "fr", "nl", "en"):
        asked, notice = asked_of(TERMS, language)
        for record in (asked, give(asked), refuse(asked), withdraw(give(asked))):
            for shown in (notice, None):
                text = same(record, TERMS, shown)
                assert (notice.title.encode() in text) is (shown is not None)
    assert len(receipt_form._forms) == 3 * 4 * 2


def test_other_terms_have_another_form_although_all_else_is_equal() -> None:
    other = replace(TERMS, version=2, output_text={**TERMS.output_text, "en": "Another figure."})
    texts = []
    for agreement in (TERMS, other, TERMS):
        record, notice = asked_of(agreement)
        texts.append(same(give(record), agreement, notice))
    assert texts[0] == texts[2]
    assert b"Another figure." in texts[1]
    assert b"Another figure." not in texts[0]


def test_another_server_and_another_space_have_their_own_forms() -> None:
    record, notice = asked_of(TERMS)
    elsewhere = "https://other.example/"
    moved = replace(
        give(record), iri=f"{elsewhere}consents/{record.consent_id}", space=f"{elsewhere}spaces/home-energy"
    )
    same(give(record), TERMS, notice)
    made = credential_json(moved, TERMS, elsewhere, NOON, notice)
    assert made == plain_json(moved, TERMS, elsewhere, NOON, notice)


def test_a_form_holds_nothing_of_the_person_that_it_was_made_for() -> None:
    record, notice = asked_of(TERMS)
    text = same(give(record), TERMS, notice)
    (form,) = receipt_form._forms.values()
    held = b"".join((*form.lines.between, *form.claims.between)) + repr(list(receipt_form._forms)).encode()
    own = (b"alice", record.consent_id.encode(), b"req-1", record.notice_digest.encode(), b"2026-11-20")
    for value in own:
        assert value not in held
        assert value in text
    assert all(line.encode() not in held for _, _, lines in notice.rows for line in lines if "alice" in line)


def test_terms_that_name_the_values_of_a_blank_are_not_filled_in() -> None:
    """Somebody who writes terms may write anything, also what a blank or an open place looks like."""
    words = '0001-01-01T00:00:00.000002Z urn:1 :1: %s {0} \\ " <urn:1> {"@id":"urn:1"} \n '
    tricky = replace(TERMS, output_text=dict.fromkeys(("en", "fr", "nl"), words))
    record, notice = asked_of(tricky)
    claims = json.loads(same(give(record), tricky, notice))
    texts = {quad.object.value for quad in read_record(claims["dpv:hasRecordOfActivity"])}
    assert words in texts


def test_a_form_that_would_change_a_receipt_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_form, "_own", lambda said: [receipt_form._literal("x")] * 20)
    record, notice = asked_of(TERMS)
    same(give(record), TERMS, notice)
    assert not receipt_form._forms


def test_no_more_forms_are_kept_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_form, "MOST_FORMS", 2)
    for language in ("en", "fr", "nl"):
        asked, notice = asked_of(TERMS, language)
        same(give(asked), TERMS, notice)
    assert len(receipt_form._forms) == 1


def test_terms_and_a_notice_that_are_not_the_records_are_refused_with_a_form_at_hand() -> None:
    record, notice = asked_of(TERMS)
    same(give(record), TERMS, notice)
    other = replace(TERMS, version=2)
    with pytest.raises(ConsentUnverifiable):
        credential_json(give(record), other, ISSUER, NOON, notice)
    with pytest.raises(ConsentUnverifiable):
        credential_json(give(record), TERMS, ISSUER, NOON, replace(notice, digest="sha256:" + "0" * 64))
    with pytest.raises(ConsentUnverifiable):
        credential_json(replace(give(record), purpose="other"), TERMS, ISSUER, NOON, notice)


@pytest.mark.parametrize(
    "broken",
    ['https://a.example/"', "https://a.example/>", "https://a.example/ b", "a\\b", "x", "dpv:Purpose"],
)
def test_what_is_no_iri_never_gets_into_a_receipt(broken: str) -> None:
    record, notice = asked_of(TERMS)
    same(give(record), TERMS, notice)
    with pytest.raises(ValueError):
        credential_json(replace(give(record), data_subject=broken), TERMS, ISSUER, NOON, notice)


def test_an_address_that_is_a_term_of_ours_is_written_the_same_by_a_form() -> None:
    record, notice = asked_of(TERMS)
    same(give(record), TERMS, notice)
    for address in (DPV.Purpose.value, record.iri, f"{record.iri}#process", f"{record.iri}x#y"):
        placed = replace(give(record), result_container=address)
        said = json.loads(same(placed, TERMS, notice))["dpv:hasRecordOfActivity"]
        (kept,) = {quad.object.value for quad in read_record(said) if quad.predicate == SG.resultContainer}
        assert kept == address
    assert len(receipt_form._forms) == 1


def test_an_independent_processor_expands_it_to_the_graph_of_the_record() -> None:
    """pyld, with the W3C context left out, since the embedded record needs none of it."""
    asked, notice = asked_of(TERMS)
    record = give(asked)
    claims = json.loads(same(record, TERMS, notice))
    assert claims["@context"][0] == CONTEXT
    embedded = {"@context": claims["@context"][1], "@graph": [claims["dpv:hasRecordOfActivity"]]}
    nquads = jsonld.to_rdf(embedded, {"format": "application/n-quads"})
    lines = "".join(sorted(set(str(nquads).splitlines(keepends=True)))).encode()
    expected = ntriples(record_triples(record, TERMS, notice))
    assert lines == expected
    assert claims["sg:recordDigest"] == "sha256:" + sha256(expected).hexdigest()
    assert digest(TERMS) == record.agreement_digest


@pytest.mark.parametrize("text", [*map(chr, range(0x21)), *'"\\\x7f\x80\x85\u2028\ufffe\uffff'])
@pytest.mark.parametrize("around", ["", "\\", "\\u"])
def test_every_character_is_written_as_by_the_plain_writers(text: str, around: str) -> None:
    record, notice = asked_of(TERMS)
    same(give(record), TERMS, notice)
    shown = replace(notice, title=f"{around}{text}{around}")
    credential = credential_json(give(record), TERMS, ISSUER, NOON, shown)
    assert len(receipt_form._forms) == 1
    assert credential == plain_json(give(record), TERMS, ISSUER, NOON, shown)


@pytest.mark.parametrize(
    ("lines", "fixed"),
    [
        ([b"<m#a> 1", b"<m#b> 2"], True),
        ([b"<m#a> m:1:", b"<m#b> m:1:"], True),
        ([b"<m#a> m:1:", b"<m#a> m:2:"], False),  # which comes first depends on what is filled in
        ([b"<m#a> m:1:", b"<m#a> z"], False),
        ([b"<m#a>", b"<m#a> m:1:"], False),
        ([b"<m#b> 1", b"<m#a> 2"], False),
        ([b"<m#a> 1", b"<m#a> 1"], False),
        ([b"<https://party/> 1", b"<m#a> 2"], False),
    ],
)
def test_an_order_is_fixed_only_where_nothing_that_is_filled_in_can_change_it(
    lines: list[bytes], fixed: bool
) -> None:
    assert in_fixed_order(lines, b"m", []) is fixed


def test_lines_whose_order_depends_on_the_values_are_sorted_each_time() -> None:
    """A party whose WebID begins as the consents of this server do."""
    party = TERMS.parties[1]
    near = replace(party, webid=f"{ISSUER}consents/8")
    agreement = replace(TERMS, parties=(TERMS.parties[0], near))
    asked, notice = asked_of(agreement)
    for consent_id in ("6a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11", "9a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11"):
        iri = f"{ISSUER}consents/{consent_id}"
        record = replace(give(asked), consent_id=consent_id, iri=iri, recipients=(near.webid,))
        same(record, agreement, notice)
    assert [form.ordered for form in receipt_form._forms.values()] == [False]


def test_places_are_filled_with_whatever_is_given() -> None:
    text = OpenText.of(b"a m b <1> c <1> d <2>", b"m", [b"<1>", b"<2>"])
    assert text.filled([b"m", b"m:2:", b"<1>"]) == b"a m b m:2: c m:2: d <1>"
