"""What a page holds by chance: it differs from one run to the next, and means nothing to who reads."""

from __future__ import annotations

import re

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_BY_CHANCE = (
    (r"(localhost|127\.0\.0\.1)(:|%3A)\d+", r"\1\2PORT"),
    (r"sha256(:|%3A|%253A)[0-9a-f]{64}", r"sha256\1DIGEST"),
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,64}", "ID"),
    (r'"?\b[0-9a-f]{16}\b"?', "ID"),  # quoted in YAML if chance made a number of it
    (r"(?<=/join/)[\w-]{16,}", "TOKEN"),
    (r"(?<=[=,.])[\w-]{40,}", "TOKEN"),
    (rf"\d\d? (?:{_MONTHS}) \d{{4}}", "DAY"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\d\d:\d\d(:\d\d)? UTC([+−]\d+(:\d\d)?)?", "TIME UTC"),
)


def masked(text: str) -> str:
    """The text with a fixed word in place of each number, digest, address and time that chance made."""
    for pattern, word in _BY_CHANCE:
        text = re.sub(pattern, word, text)
    return text
