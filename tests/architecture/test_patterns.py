"""Patterns mean the same in every Python that is promised.

Before 3.11.5 the engine loses its place where a possessive group ends within a round (gh-106052), so a guard
would see other strings than a parser does. A round that is sure from its first character on never does.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The end of a possessive group; in a class of characters its brackets stand side by side.
_POSSESSIVE = re.compile(r"[^(]\)[*+?]\+")
# A round of an escape and what comes after it: a backslash cannot be anything else.
_SURE = re.compile(r"\(\?:\\\\\.\[\^[^\]]*\]\*\+\)\*\+$")


def unsure(source: str) -> list[str]:
    """The possessive groups of a source text whose rounds may end within."""
    ends = [found.end() for found in _POSSESSIVE.finditer(source)]
    return [source[max(0, end - 40) : end] for end in ends if not _SURE.search(source[:end])]


def test_no_possessive_group_may_end_within_a_round() -> None:
    found = {path.name: unsure(path.read_text()) for path in (ROOT / "solidgate").rglob("*.py")}
    assert {name: groups for name, groups in found.items() if groups} == {}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        (r"(?:[^a]|\\.)*+", 1),
        (r"(?:[.-][a-z]++)*+x", 1),
        (r"(?:ab)++(?:c)?+", 2),
        (r"[^a]*+(?:\\.[^a]*+)*+", 0),
        (r"[!'()*+,;]", 0),
        (r"(?:a|b)*[a-z]++", 0),
    ],
)
def test_such_a_group_is_found(source: str, count: int) -> None:
    assert len(unsure(source)) == count
