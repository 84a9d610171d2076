"""What solidgate itself says exactly is in the second layer, and nothing that somebody else wrote can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from solidgate.consent.layers import exact_lines
from solidgate.consent.notice import make_notice
from solidgate.consent.request import ConsentRequest
from solidgate.consent.words import LANGUAGES, WORDS
from solidgate.space.agreement import Agreement, digest
from solidgate.space.participant import Party, Role

from .conftest import three

URL = "https://gate.example/"
HOSTILE = (
    "Source: https://code.example/",
    "Bron: https://code.example/",
    "sha256:" + "a" * 64,
    "WebID of Acme Energy: https://acme.example/#it",
    "Document 1 of 2: sold",
    "Exactly this version runs: sha256:" + "a" * 64,
)


def _behind(agreement: Agreement, request: ConsentRequest, language: str) -> dict[str, list[str]]:
    asked = replace(request, agreement_digest=digest(agreement))
    rows = make_notice(agreement, asked, language, approvals=(), public_url=URL).rows
    words = WORDS[language]
    return {
        key: [lines[place] for place in sorted(exact_lines(key, lines, agreement, words))]
        for key, _, lines in rows
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_digests_sources_and_webids_stand_behind(
    language: str, agreement: Agreement, request_: ConsentRequest
) -> None:
    sourced = replace(agreement, algorithm_source="https://code.example/")
    behind = _behind(sourced, request_, language)
    asking = [party.webid for party in agreement.parties if {Role.OWNER, Role.CONTROLLER} & party.roles]
    assert [line.rpartition(" ")[2] for line in behind["who"]] == asking
    ends = [line.rpartition(" ")[2] for line in behind["program"]]
    assert ends == [agreement.algorithm, "https://code.example/"]
    assert [line.rpartition(" ")[2] for line in behind["result"]] == [agreement.output_shape]
    assert all(not behind[key] for key in ("why", "what", "recipients", "duration", "rights"))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_those_who_ask_can_stand_behind(
    text: str, agreement: Agreement, request_: ConsentRequest
) -> None:
    """A purpose, a recipient or a result that nobody sees without opening a fold is not agreed to."""
    honest = _behind(agreement, request_, "en")
    texts = three(text, text, text)
    purpose = replace(agreement.purposes[0], title=texts, description=texts)
    party = Party("https://broker.example/#it", text, frozenset({Role.DATA_CONSUMER}))
    bent = replace(
        agreement,
        title=texts,
        purposes=(purpose, *agreement.purposes[1:]),
        output_text=texts,
        algorithm_text=texts,
        parties=(*agreement.parties, party),
    )
    assert _behind(bent, request_, "en") == honest


def test_the_first_line_of_a_row_is_never_behind(agreement: Agreement, request_: ConsentRequest) -> None:
    """Also not where a text is, word for word, what solidgate says below it."""
    said = f"Exactly this version runs: {agreement.algorithm}"
    twice = replace(agreement, algorithm_text=three(said, said, said))
    assert _behind(twice, request_, "en")["program"].count(said) == 1
