"""Canonical JSON is RFC 8785's, whichever way it is written."""

from __future__ import annotations

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from solidgate.space.canonical import canonical_json

_TEXT = st.text(st.characters(exclude_categories=[]), max_size=12)  # lone surrogates, too
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_TEXT, _VALUES, max_size=5))
def test_it_is_the_form_of_rfc_8785_or_refused(tree: dict[str, object]) -> None:
    try:
        wanted = rfc8785.dumps(tree)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        wanted = None
    try:
        found = canonical_json(tree)
    except ValueError:
        found = None
    assert found == wanted
