"""How deep JSON is nested: told before any parser sees it, as there are parsers that depth ends."""

from __future__ import annotations

import re

MAX_NESTING = 64
"""Levels of JSON-LD that our own process parses; the parser itself stands a few thousand."""

# In UTF-8 these bytes are nothing else. A text is stepped over whole: one that is full of closing brackets
# would else hide what comes after it. A text without end reaches to the end; the parser says what was wrong.
# A round of the possessive group is sure from its first character on: Python before 3.11.5 loses its place in
# one that ends within a round.
_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|.?\Z)|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL)


def depth(content: bytes) -> int:
    """The deepest nesting of brackets, before any parser sees it; a bracket within a text is none.

    The jail has the same of its own, since nothing of ours is imported there.
    """
    deepest = now = 0
    for found in _BRACKETS.finditer(content):
        if found["open"]:
            now += 1
            deepest = max(deepest, now)
        elif found["close"]:
            now -= 1
    return deepest
