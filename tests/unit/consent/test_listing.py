"""Many documents of one kind are one line, and each of them stands behind it; nothing else can hide there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from solidgate.consent.listing import Listed, document_lines, is_listed
from solidgate.consent.notice import make_notice
from solidgate.consent.places import place_name
from solidgate.consent.request import AskedResource, ConsentRequest
from solidgate.consent.words import LANGUAGES, WORDS
from solidgate.errors import SpaceInvalid
from solidgate.space.agreement import Agreement, digest
from solidgate.space.characters import isolated
from solidgate.space.purpose import ResourceNeed

from .conftest import three

URL = "https://gate.example/"


def _monthly(title: str, count: int, required: bool = True) -> list[Listed]:
    months = range(1, count + 1)
    return [Listed("resource", title.format(month), f"energy/{month:02}.ttl", required) for month in months]


def _asking(agreement: Agreement, request: ConsentRequest, count: int) -> tuple[Agreement, ConsentRequest]:
    needs = tuple(
        ResourceNeed(f"energy/{month:02}.ttl", three(*[f"Meter {month}"] * 3), ("https://x.example/k",))
        for month in range(1, count + 1)
    )
    wide = replace(agreement, purposes=(replace(agreement.purposes[0], needs=needs),))
    asked = tuple(AskedResource(request.storage + need.path, need.path, True, True) for need in needs)
    return wide, replace(request, agreement_digest=digest(wide), resources=(("advice", asked),))


@pytest.mark.parametrize("language", LANGUAGES)
def test_twelve_months_are_one_line_and_each_document_behind_it(
    language: str, agreement: Agreement, request_: ConsentRequest
) -> None:
    wide, asked = _asking(agreement, request_, 12)
    notice = make_notice(wide, asked, language, approvals=(), public_url=URL)
    lines = {key: lines for key, _, lines in notice.rows}["what"]
    first = [line for line in lines if not is_listed(line)]
    assert len(first) == 2
    assert "12" in first[0]
    assert "Meter 1" in first[0]
    assert "Meter 12" in first[0]
    behind = [line for line in lines if is_listed(line)]
    assert [path in line for line, (path, _) in zip(behind, _paths(asked), strict=True)] == [True] * 12
    fewer = make_notice(*_asking(agreement, request_, 11), language, approvals=(), public_url=URL)
    assert fewer.digest != notice.digest


def _paths(asked: ConsentRequest) -> list[tuple[str, bool]]:
    return [(one.path, one.required) for one in asked.resources_for("advice")]


@pytest.mark.parametrize(
    ("documents", "alone"),
    [
        (_monthly("Meter {}", 3), 3),
        (_monthly("Meter {}", 4), 1),
        (_monthly("Meter {}", 3) + _monthly("Meter {}", 3, required=False), 6),
        (_monthly("Meter {}", 4) + _monthly("Meter {}", 4, required=False), 2),
        (_monthly("Meter {}", 3) + _monthly("Diagnoses {}", 3), 6),
        ([replace(one, key="missing") for one in _monthly("Meter {}", 5)], 5),
        ([Listed("resource", f"{m} 2025", m, True) for m in WORDS["en"]["months_of_year"].split()], 1),
        ([replace(one, title="A diary") for one in _monthly("{}", 5)], 1),
    ],
)
def test_only_documents_of_one_kind_and_one_need_stand_together(documents: list[Listed], alone: int) -> None:
    lines = list(document_lines(documents, WORDS["en"]))
    assert len([line for line in lines if not is_listed(line)]) == alone
    assert all(any(one.path in line for line in lines) for one in documents)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_title_cannot_put_its_document_behind_another_line(language: str) -> None:
    """Of whatever language: pages know a line of the list by how it begins."""
    opening = WORDS[language]["listed"].format(number=1, count=2, title="Diagnoses", path="", need="")
    with pytest.raises(SpaceInvalid, match="reads as a line of a list"):
        list(document_lines([Listed("resource", opening, "a.ttl", True)], WORDS["en"]))


@pytest.mark.parametrize(
    ("code", "language", "name"),
    [
        ("EU", "en", "European Union"),
        ("EU", "fr", "Union européenne"),
        ("BE", "nl", "België"),
        ("BE", "fr", "Belgique"),
        ("BE-VLG", "nl", "BE-VLG"),
        ("QQ", "en", "QQ"),
    ],
)
def test_a_place_has_its_name(code: str, language: str, name: str) -> None:
    assert place_name(code, language) == name


ARABIC = "شركة الطاقة"


def test_a_name_from_right_to_left_turns_nothing_but_itself(
    agreement: Agreement, request_: ConsentRequest
) -> None:
    party = replace(agreement.parties[0], name=ARABIC)
    other = replace(agreement, parties=(party, *agreement.parties[1:]))
    asked = replace(request_, agreement_digest=digest(other))
    notice = make_notice(other, asked, "en", approvals=(), public_url=URL)
    told = [*notice.statements.values(), *(line for _, _, lines in notice.rows for line in lines)]
    named = [line for line in told if ARABIC in line]
    assert len(named) >= 6
    for line in named:
        assert line.count("\u2068") == line.count("\u2069") == line.count(ARABIC), line
        assert f"\u2068{ARABIC}\u2069" in line, line
    assert isolated("Acme Énergie 電力") == "Acme Énergie 電力"


def test_a_notice_never_shows_a_control_of_direction(agreement: Agreement, request_: ConsentRequest) -> None:
    """Whatever way the agreement came in: here past the lint."""
    for name in ("\u202eevil Grid", "Grid\u2069", "a\x07"):
        party = replace(agreement.parties[1], name=name)
        bent = replace(agreement, parties=(agreement.parties[0], party))
        asked = replace(request_, agreement_digest=digest(bent))
        with pytest.raises(SpaceInvalid, match=r"U\+"):
            make_notice(bent, asked, "en", approvals=(), public_url=URL)
