"""One value, one sequence of bytes: what is written quickly is what RFC 8785 says."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from solidgate.space import canonical
from solidgate.space.canonical import canonical_json

TEXT = st.text(st.characters(codec="utf-8"))
LEAVES = st.none() | st.booleans() | TEXT | st.integers(-(2**54), 2**54) | st.floats(allow_nan=False)
NAMES = TEXT | st.sampled_from(["\ue000", "\U00010000", "z", "Z", "é", ""])
TREES = st.dictionaries(
    NAMES, st.recursive(LEAVES, lambda some: st.lists(some) | st.dictionaries(NAMES, some), max_leaves=20)
)


class Word(StrEnum):
    ONE = 'é\u2028\x7f\x00"\\/'


class Number(IntEnum):
    ONE = 1


def by_the_standard(tree: dict[str, Any]) -> bytes | None:
    try:
        return rfc8785.dumps(tree)
    except rfc8785.CanonicalizationError:
        return None


@given(TREES)
def test_it_is_the_form_of_the_standard(tree: dict[str, Any]) -> None:
    expected = by_the_standard(tree)
    if expected is None:
        with pytest.raises(ValueError):
            canonical_json(tree)
    else:
        assert canonical_json(tree) == expected


@pytest.mark.parametrize(
    ("tree", "quick"),
    [
        ({"b": ["x", True, None, 2**53 - 1], "a": ("é",)}, True),
        ({"a": 2**53}, False),
        ({"a": 1.0}, False),
        ({"a": [{"\U00010000": 1, "\ue000": 2}]}, False),
        ({"a": Word.ONE}, True),
    ],
)
def test_only_what_both_write_alike_is_written_quickly(tree: dict[str, Any], quick: bool) -> None:
    assert canonical._is_easy(tree) is quick
    expected = by_the_standard(tree)
    if expected is not None:
        assert canonical_json(tree) == expected


@pytest.mark.parametrize(
    "wrong", [float("nan"), float("inf"), 2**53, "\ud800", object(), b"x", {1}, {"a": {1: 2}}]
)
def test_what_cannot_be_carried_exactly_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        canonical_json({"value": wrong})
