"""One value, one sequence of bytes: what is written quickly is what RFC 8785 says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidgate.space.canonical import canonical_json, canonical_text, tagged_digest, text_digest

TEXT = st.text(st.characters(codec="utf-8"))
NAMES = TEXT | st.sampled_from(["\ue000", "\U00010000", "z", "Z", "é", ""])


def in_order(tree: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(tree.items(), key=lambda one: one[0].encode("utf-16-be")))


LEAVES = st.none() | st.booleans() | TEXT
INNER = st.recursive(
    LEAVES, lambda some: st.lists(some) | st.dictionaries(NAMES, some).map(in_order), max_leaves=20
)
TREES = st.dictionaries(NAMES, INNER).map(in_order)


@given(TREES, TEXT)
def test_without_numbers_and_in_order_it_is_the_form_of_the_standard(tree: dict[str, Any], tag: str) -> None:
    """And so is its digest. Drawing a tree costs more than looking at it."""
    assert canonical_text(tree) == canonical_json(tree)
    assert text_digest(tag, tree) == tagged_digest(tag, tree)


@pytest.mark.parametrize("wrong", [object(), "\ud800"])
def test_what_cannot_be_carried_exactly_is_refused(wrong: object) -> None:
    for write in (canonical_json, canonical_text):
        with pytest.raises(ValueError):
            write({"value": wrong})
