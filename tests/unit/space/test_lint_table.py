"""Each rule of the lint: one way to keep it, the ways to break it, and the field that is named."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from solidgate.errors import SpaceInvalid
from solidgate.space import lint
from solidgate.space.agreement import Agreement
from solidgate.space.participant import Party, Role
from solidgate.space.policy import SpacePolicy


def test_a_good_agreement_has_no_finding(agreement: Agreement, policy: SpacePolicy) -> None:
    assert lint.lint(agreement, policy) == ()
    lint.check(agreement, policy)


def _without(role: Role) -> Callable[[Agreement], dict[str, Any]]:
    return lambda a: {"parties": tuple(replace(party, roles=party.roles - {role}) for party in a.parties)}


def _party(**changes: Any) -> Callable[[Agreement], dict[str, Any]]:
    return lambda a: {"parties": (replace(a.parties[0], **changes), *a.parties[1:])}


def _purpose(**changes: Any) -> Callable[[Agreement], dict[str, Any]]:
    return lambda a: {"purposes": (replace(a.purposes[0], **changes),)}


def _need(**changes: Any) -> Callable[[Agreement], dict[str, Any]]:
    return lambda a: _purpose(needs=(replace(a.purposes[0].needs[0], **changes),))(a)


def _set(**changes: Any) -> Callable[[Agreement], dict[str, Any]]:
    return lambda a: changes


BROKEN = [
    (_set(space="Home Energy"), "id", "slug"),
    (_set(space="a" * 64), "id", "slug"),
    (_set(version=0), "version", "positive"),
    (_set(jurisdiction="Belgium"), "jurisdiction", "place"),
    (_set(storage_location=""), "storage_location", "place"),
    (_set(result_container="solidgate"), "result_container", "path"),
    (_set(result_container="/solidgate/"), "result_container", "path"),
    (_set(result_container="../solidgate/"), "result_container", "path"),
    (_set(result_container="/"), "result_container", "path"),
    (_set(result_container="https://x.example/a/"), "result_container", "path"),
    (_without(Role.OWNER), "parties", "has-space_owner"),
    (_without(Role.CODE_PROVIDER), "parties", "has-code_provider"),
    (_without(Role.DATA_CONSUMER), "parties", "has-data_consumer"),
    (_without(Role.CONTROLLER), "parties", "has-data_controller"),
    (_party(webid="owner"), "parties[0].webid", "webid"),
    (_party(webid="http://owner.example/#it"), "parties[0].webid", "webid"),
    (_party(webid="https://a:b@owner.example/"), "parties[0].webid", "webid"),
    (_party(webid="https://owner.example/ x"), "parties[0].webid", "webid"),
    (_party(webid="https://[::1/"), "parties[0].webid", "webid"),
    (_party(name=" "), "parties[0].name", "text"),
    (_party(contact=""), "parties[0].contact", "contact"),
    (_set(purposes=()), "purposes", "count"),
    (_purpose(id="Ad vice"), "purposes[0].id", "slug"),
    (_purpose(broader="https://w3id.org/dpv#WorldPeace"), "purposes[0].broader", "known-purpose"),
    (_purpose(needs=()), "purposes[0].needs", "has-need"),
    (_purpose(title={"en": "Advice"}), "purposes[0].title", "every-language"),
    (_purpose(description={"en": "x", "fr": " "}), "purposes[0].description", "every-language"),
    (_need(path="energy/"), "purposes[0].needs <energy/>", "path"),
    (_need(path="../a.ttl"), "purposes[0].needs <../a.ttl>", "path"),
    (_need(path="a/../b.ttl"), "purposes[0].needs <a/../b.ttl>", "path"),
    (_need(path="/a.ttl"), "purposes[0].needs </a.ttl>", "path"),
    (_need(path="a//b.ttl"), "purposes[0].needs <a//b.ttl>", "path"),
    (_need(path="a/%2e%2e/b.ttl"), "purposes[0].needs <a/%2e%2e/b.ttl>", "path"),
    (_need(path="a%2Fb.ttl"), "purposes[0].needs <a%2Fb.ttl>", "path"),
    (_need(path="a.ttl?x"), "purposes[0].needs <a.ttl?x>", "path"),
    (_need(path="a.ttl#x"), "purposes[0].needs <a.ttl#x>", "path"),
    (_need(path="a.ttl.acl"), "purposes[0].needs <a.ttl.acl>", "path"),
    (_need(path="a/.META"), "purposes[0].needs <a/.META>", "path"),
    (_need(path="a\\b.ttl"), "purposes[0].needs <a\\b.ttl>", "path"),
    (_need(path=""), "purposes[0].needs <>", "path"),
    (_need(personal_data=()), "purposes[0].needs <energy/01.ttl>", "personal-data"),
    (_need(personal_data=("household",)), "purposes[0].needs <energy/01.ttl>", "personal-data"),
    (
        _need(personal_data=("https://w3id.org/dpv/pd#Health",)),
        "purposes[0].needs <energy/01.ttl>",
        "special-category",
    ),
    (_need(title={"en": "January"}), "purposes[0].needs <energy/01.ttl>.title", "every-language"),
    (_set(validity="P3Y"), "validity", "policy"),
    (_set(validity="six months"), "validity", "duration"),
    (_set(validity="-P1M"), "validity", "duration"),
    (_set(validity="P0D"), "validity", "duration"),
    (_set(validity="P"), "validity", "duration"),
    (_set(retention="P6Y"), "retention", "policy"),
    (_set(retention="PT"), "retention", "duration"),
    (_set(min_group_size=4), "min_group_size", "floor"),
    (_set(minimum_level=0), "minimum_level", "level"),
    (_set(minimum_level=4), "minimum_level", "level"),
    (_set(rerun="weekly"), "rerun", "rerun"),
    (_set(rerun="* * * * *"), "rerun", "rerun"),
    (_set(languages=()), "languages", "has-language"),
    (_set(languages=("en", "en")), "languages", "has-language"),
    (_set(languages=("en", "fr", "EN")), "languages", "tag"),
    (_set(languages=("en", "fr", "nl")), "terms", "every-language"),
    (_set(terms={"en": "x", "fr": "y", "de": "z"}), "terms", "every-language"),
    (_set(terms={"en": "x" * 50_001, "fr": "y"}), "terms", "length"),
    (_set(title={}), "title", "every-language"),
    (_set(output_text={"en": ""}), "output", "every-language"),
    (_set(algorithm_text={}), "algorithm_text", "every-language"),
    (_party(name="\u202eevil Grid"), "parties[0].name", "characters"),
    (_party(name="Grid\nEnergy"), "parties[0].name", "characters"),
    (_party(name="Grid\u2028Energy"), "parties[0].name", "characters"),
    (_party(name="\u0301Grid"), "parties[0].name", "characters"),
    (_party(name="Z" * 201), "parties[0].name", "length"),
    (_set(terms={"en": "x", "fr": "a\u2029b"}), "terms", "characters"),
    (_set(title={"en": "Z" * 201, "fr": "y"}), "title", "length"),
    (_purpose(title={"en": "Z" * 201, "fr": "y"}), "purposes[0].title", "length"),
    (_party(contact="\u2067me@grid.example"), "parties[0].contact", "characters"),
    (_party(webid="https://owner.example/\u200f#it"), "parties[0].webid", "characters"),
    (_set(title={"en": "Home", "fr": "Chez\u200e moi"}), "title", "characters"),
    (_set(terms={"en": "x", "fr": "y\x07"}), "terms", "characters"),
    (_set(output_text={"en": "x\u061c", "fr": "y"}), "output", "characters"),
    (_set(algorithm_text={"en": "x\u200ey", "fr": "y"}), "algorithm_text", "characters"),
    (_set(algorithm_source="https://code.example/\u2066"), "algorithm_source", "characters"),
    (_purpose(title={"en": "Advice\u2069", "fr": "Conseil"}), "purposes[0].title", "characters"),
    (_purpose(description={"en": "x\x85", "fr": "y"}), "purposes[0].description", "characters"),
    (
        _need(title={"en": "\u202aJanuary", "fr": "Janvier"}),
        "purposes[0].needs <energy/01.ttl>.title",
        "characters",
    ),
    (_set(algorithm="sha256:abc"), "algorithm", "digest"),
    (_set(output_shape="a" * 64), "output_shape", "digest"),
    (_set(aggregate_shape="md5:" + "a" * 64), "aggregate_shape", "digest"),
]


@pytest.mark.parametrize(("change", "field", "rule"), BROKEN)
def test_a_broken_rule_is_named_with_its_field(
    agreement: Agreement,
    policy: SpacePolicy,
    change: Callable[[Agreement], dict[str, Any]],
    field: str,
    rule: str,
) -> None:
    broken = replace(agreement, **change(agreement))
    assert (field, rule) in {(one.field, one.rule) for one in lint.lint(broken, policy)}
    with pytest.raises(SpaceInvalid, match="\\[" + rule + "\\]"):
        lint.check(broken, policy)


def test_every_control_of_direction_is_refused_and_every_script_is_not(
    agreement: Agreement, policy: SpacePolicy
) -> None:
    """The whole of Unicode's Bidi_Control; a name in Arabic or Hebrew needs none of it."""
    controls = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    for number in controls:
        named = replace(agreement, **_party(name=f"Grid {chr(number)}Lab")(agreement))
        assert f"U+{number:04X}" in str(lint.lint(named, policy)), hex(number)
    for name in ("شركة الطاقة", "חברת האנרגיה", "Énergie – “Réseau” 電力"):
        assert lint.lint(replace(agreement, **_party(name=name)(agreement)), policy) == ()


UNSEEN = (0xAD, 0x34F, 0x115F, 0x180E, 0x200B, 0x2028, 0x2029, 0x2060, 0x2063, 0x206A, 0x2800, 0x3164)
NO_LETTERS = (0xE000, 0xFEFF, 0xFFF9, 0xFFFC, 0xFFFF, 0xE0041, 0xF0000, 0x200C, 0x200D, 0xFE0F, 0xE0100)


@pytest.mark.parametrize("number", [*UNSEEN, *NO_LETTERS])
def test_what_is_not_seen_is_refused(agreement: Agreement, policy: SpacePolicy, number: int) -> None:
    """Within a Latin word, at its end and at its beginning: two names that look alike are one name."""
    for name in ("Gr{}id", "Grid{}", "{}Grid", "Grid {}Lab"):
        named = replace(agreement, **_party(name=name.format(chr(number)))(agreement))
        assert f"U+{number:04X}" in str(lint.lint(named, policy)), name


WRITTEN = (
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u0915\u094d\u200d\u0937",
    "\u2764\ufe0f Energie",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 Gezin",
    "1\ufe0f\u20e3 Stap",
    "Grid\u00ae\ufe0f",
    "Vi\u1ec7t Nam",
    "\u05e9\u05c1\u05b8\u05a8",
)


@pytest.mark.parametrize("name", WRITTEN)
def test_joiners_and_marks_that_a_script_writes_are_kept(
    agreement: Agreement, policy: SpacePolicy, name: str
) -> None:
    for text in (name, unicodedata.normalize("NFD", name)):
        assert lint.lint(replace(agreement, **_party(name=text)(agreement)), policy) == ()


def test_marks_do_not_run_over_other_lines(agreement: Agreement, policy: SpacePolicy) -> None:
    for count, found in ((5, []), (6, ["characters"])):
        named = replace(agreement, **_party(name="Z" + "\u0301" * count + "orro")(agreement))
        assert [one.rule for one in lint.lint(named, policy)] == found


def test_a_text_may_have_lines(agreement: Agreement, policy: SpacePolicy) -> None:
    assert lint.lint(replace(agreement, terms={"en": "1.\r\n\tA.\n", "fr": "1.\n"}), policy) == ()


def test_all_findings_come_at_once(altered: Callable[..., Agreement], policy: SpacePolicy) -> None:
    found = lint.lint(altered(space="A B", validity="x", min_group_size=1), policy)
    assert [one.field for one in found] == ["id", "min_group_size", "validity"]


def test_one_party_twice_is_refused(agreement: Agreement, policy: SpacePolicy) -> None:
    twin = Party(agreement.parties[0].webid, "Twin", frozenset({Role.OWNER}))
    found = lint.lint(replace(agreement, parties=(*agreement.parties, twin)), policy)
    assert [(one.field, one.rule) for one in found] == [("parties[3].webid", "unique")]


def test_plain_http_is_for_this_machine_or_development(agreement: Agreement, policy: SpacePolicy) -> None:
    def rules(webid: str, policy: SpacePolicy) -> list[str]:
        parties = (replace(agreement.parties[0], webid=webid), *agreement.parties[1:])
        return [one.rule for one in lint.lint(replace(agreement, parties=parties), policy)]

    assert rules("http://localhost:3000/me#it", policy) == []
    assert rules("http://localhost.evil.example/me", policy) == ["webid"]
    assert rules("http://pods.lan/me", policy) == ["webid"]
    assert rules("http://pods.lan/me", replace(policy, plain_http=True)) == []
