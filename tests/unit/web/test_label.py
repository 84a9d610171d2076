"""Before login the label says what the notice will say, word for word where nobody's pod is in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from solidgate.consent.notice import make_notice
from solidgate.consent.words import LANGUAGES, ROWS
from solidgate.space.agreement import Agreement
from solidgate.web.label import label_rows
from solidgate.web.language import Language
from tests.unit.consent.conftest import build_agreement, build_approvals, build_request

URL = "https://gate.example/"
OF_THE_POD = {"what", "result"}
"""Rows with addresses: they are whole only when it is known whose pod is read."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_the_notice_but_for_the_pod(language: str) -> None:
    agreement = build_agreement()
    approvals = build_approvals(agreement)
    notice = make_notice(agreement, build_request(agreement), language, approvals=approvals, public_url=URL)
    before = label_rows(agreement, approvals, Language(language), URL)
    assert tuple(key for key, _, _ in before) == ROWS
    for told, shown in zip(before, notice.rows, strict=True):
        assert told[:2] == shown[:2]
        assert told[0] in OF_THE_POD or told[2] == shown[2]


def test_it_falls_back_to_a_language_of_the_terms() -> None:
    """Somebody who reads French learns what is asked before they are told that there is no French notice."""
    agreement: Agreement = replace(build_agreement(), languages=("en",))
    rows = {key: lines for key, _, lines in label_rows(agreement, (), Language("fr"), URL)}
    assert agreement.output_text["fr"] == rows["result"][0]
    english = replace(agreement, output_text={"en": agreement.output_text["en"]})
    rows = {key: lines for key, _, lines in label_rows(english, (), Language("fr"), URL)}
    assert agreement.output_text["en"] == rows["result"][0]
