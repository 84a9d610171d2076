"""What a query text may not contain, decided by its tokens before any parser sees it.

A parser in the service's process is what a hostile query aims at: so this only steps over strings, comments
and IRIs, counts brackets and looks at words. The parse itself happens in a child that may die of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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

# Each alternative begins differently and repeats single characters only, so the scan is linear. A name with a
# colon, a variable or a language tag is stepped over whole: "ex:from", "?load" and "@add" are no keywords.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*\'\'\''
    r'|"(?:[^"\\\n\r]|\\.)*"|\'(?:[^\'\\\n\r]|\\.)*\''
    r'|<[^<>"{}|^`\\\x00-\x20]*>'
    r"|#[^\n\r]*"
    r"|[?$@]\w+"
    r"|_:[\w.-]+"
    r"|[\w.-]*:(?:[\w.:-]|%[0-9A-Fa-f]{2}|\\.)*"
    r"|(?P<word>[A-Za-z]\w*)"
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
    words = list(_words(_unescaped(text), max_depth))
    refused = REFUSED.intersection(words)
    if refused:
        raise QueryRefused(", ".join(sorted(refused)))
    if not FORMS.intersection(words):
        raise QueryInvalid("neither SELECT, ASK, CONSTRUCT nor DESCRIBE")


def _unescaped(text: str) -> str:
    """The text as a SPARQL parser reads it: code point escapes come before all else (section 19.2)."""
    try:
        return _ESCAPED.sub(lambda found: chr(int(found[0][2:], 16)), text)
    except (ValueError, OverflowError) as problem:
        raise QueryInvalid("an escape that is no character") from problem


def _words(text: str, max_depth: int) -> Iterator[str]:
    """The bare words in capitals. Raises ``QueryLimit`` when brackets nest deeper than ``max_depth``."""
    depth = 0
    for token in _TOKEN.finditer(text):
        if token["word"]:
            yield token["word"].upper()
        elif token["open"]:
            depth += 1
            if depth > max_depth:
                raise QueryLimit(f"max_depth={max_depth}")
        elif token["close"]:
            depth -= 1
