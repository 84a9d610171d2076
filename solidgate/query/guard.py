"""What a query text may not contain, decided by its tokens before any parser sees it.

A parser in the service's process is what a hostile query aims at: so this only steps over strings, comments
and IRIs, counts brackets and looks at words. The parse itself happens in a child that may die of it.
"""

from __future__ import annotations

import re

from solidgate.errors import QueryInvalid, QueryLimit, QueryRefused

MAX_BYTES = 32 * 1024
MAX_DEPTH = 64

FORMS = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})
_UPDATES = (
    "INSERT",
    "DELETE",
    "LOAD",
    "CLEAR",
    "CREATE",
    "DROP",
    "COPY",
    "MOVE",
    "ADD",
    "WITH",
    "USING",
    "INTO",
)
REFUSED = frozenset({*_UPDATES, "SERVICE", "FROM"})

# Parsers read a keyword where it is glued to what stands beside it ("1SERVICE<x>", "FROM:g"), so both words
# that lead outside are looked for at the end of every bare word, the name of a prefix included.
_GLUED = ("SERVICE", "FROM")

# Every string ends somewhere, so no step is taken back and the scan is linear. A round of a possessive group
# is sure from its first character on: Python before 3.11.5 loses its place in one that ends within a round.
# Variables, language tags and local names are stepped over whole: "?load" and "ex:from" are no keywords.
_TOKEN = re.compile(
    r'"""[^"\\]*+(?:\\.[^"\\]*+)*+(?:"(?!"")[^"\\]*+(?:\\.[^"\\]*+)*+)*(?:"""|(?P<open1>.?\Z))'
    r"|'''[^'\\]*+(?:\\.[^'\\]*+)*+(?:'(?!'')[^'\\]*+(?:\\.[^'\\]*+)*+)*(?:'''|(?P<open2>.?\Z))"
    r'|"[^"\\\n\r]*+(?:\\.[^"\\\n\r]*+)*+(?:"|(?P<open3>[\n\r\\]|\Z))'
    r"|'[^'\\\n\r]*+(?:\\.[^'\\\n\r]*+)*+(?:'|(?P<open4>[\n\r\\]|\Z))"
    r'|<[^<>"{}|^`\\\x00-\x20]*+>'
    r"|\#[^\n\r]*+"
    r"|[?$@]\w++"
    r"|(?P<prefix>[\w.-]*+):[\w.:-]*+(?:(?:%[0-9A-Fa-f]{2}|\\.)[\w.:-]*+)*"
    r"|(?P<bare>[\w.-]++)"
    r"|(?P<open>[{(\[])|(?P<close>[})\]])",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}")


def guard(text: str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> None:
    """Let a read-only query of the default dataset through.

    Raises ``QueryLimit`` for a text that is too long or too deep, ``QueryRefused`` for updates, SERVICE, LOAD
    and FROM, ``QueryInvalid`` when it is none of the four forms.
    """
    if len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise QueryLimit(f"max_query_bytes={max_bytes}")
    bare, prefixes = _words(_unescaped(text), max_depth)
    refused = REFUSED.intersection(bare)
    refused |= {word for word in _GLUED if any(each.endswith(word) for each in bare | prefixes)}
    if refused:
        raise QueryRefused(", ".join(sorted(refused)))
    if not FORMS.intersection(bare):
        raise QueryInvalid("neither SELECT, ASK, CONSTRUCT nor DESCRIBE")


def _unescaped(text: str) -> str:
    """The text as a SPARQL parser reads it: code point escapes come before all else (section 19.2)."""
    try:
        return _ESCAPED.sub(lambda found: chr(int(found[0][2:], 16)), text)
    except (ValueError, OverflowError) as problem:
        raise QueryInvalid("an escape that is no character") from problem


def _words(text: str, max_depth: int) -> tuple[set[str], set[str]]:
    """The bare words and the names of prefixes, in capitals.

    Raises ``QueryLimit`` when brackets nest too deep, ``QueryInvalid`` for a string without end.
    """
    bare: set[str] = set()
    prefixes: set[str] = set()
    depth = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or ""
        if kind == "bare":
            bare.update(re.split("[.-]", token[0].upper()))
        elif kind == "prefix":
            prefixes.update(re.split("[.-]", token["prefix"].upper()))
        elif kind == "open":
            depth += 1
            if depth > max_depth:
                raise QueryLimit(f"max_depth={max_depth}")
        elif kind == "close":
            depth -= 1
        elif kind:
            raise QueryInvalid("a string without end")
    return bare, prefixes
