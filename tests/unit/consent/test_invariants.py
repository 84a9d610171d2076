"""Invariants 1 to 10 in code: each broken record is named by its number before it is kept or signed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from solidgate.consent.invariants import BOUND, EXPLICIT, check_bound, legal_basis
from solidgate.consent.record import ConsentRecord
from solidgate.errors import ConsentUnverifiable
from solidgate.space.agreement import Agreement

NUMBER = "6a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11"
BROKEN: dict[str, tuple[int, dict[str, object], dict[str, object]]] = {
    "a number that is not random": (1, {"consent_id": NUMBER.replace("4b6e", "1b6e")}, {}),
    "a person without an address": (1, {"data_subject": "alice"}, {}),
    "a digest of another kind": (1, {"agreement_digest": "md5:1"}, {}),
    "no language": (2, {"notice_language": ""}, {}),
    "no digest of the notice": (2, {"notice_digest": ""}, {}),
    "a foreign purpose": (3, {"purpose": "other"}, {}),
    "a container": (4, {"resources": ("https://alice.pod.example/energy/",)}, {}),
    "a document nobody needs": (4, {"resources": ("https://alice.pod.example/diary.ttl",)}, {}),
    "no recipient": (5, {"recipients": ()}, {}),
    "no jurisdiction": (5, {}, {"jurisdiction": ""}),
    "kept for no time": (7, {}, {"retention": "for ever"}),
    "kept nowhere": (7, {}, {"storage_location": ""}),
    "no address to withdraw at": (8, {"iri": f"urn:uuid:{NUMBER}", "consent_id": NUMBER}, {}),
    "another program": (9, {"algorithm_digest": "sha256:" + "e" * 64}, {}),
    "no form of results": (9, {"shape_digest": ""}, {}),
}


def test_a_good_record_passes(given: ConsentRecord, agreement: Agreement) -> None:
    check_bound(given, agreement)


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_a_broken_record_is_named(case: str, given: ConsentRecord, agreement: Agreement) -> None:
    number, record, terms = BROKEN[case]
    with pytest.raises(ConsentUnverifiable, match=f"^{number}:"):
        check_bound(replace(given, **record), replace(agreement, **terms))  # type: ignore[arg-type]


def test_the_basis_follows_from_the_category(
    agreement: Agreement, special: Agreement, given: ConsentRecord
) -> None:
    assert legal_basis(agreement.purposes[0]) == EXPLICIT[0]
    assert legal_basis(special.purposes[0]) == EXPLICIT[1]
    check_bound(given, special)


def test_the_table_has_the_first_ten() -> None:
    assert list(BOUND) == list(range(1, 11))
