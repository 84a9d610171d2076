"""Addresses that need no parser to be compared: most of those that are called, many times a second."""

from __future__ import annotations

import re

# Small letters, no default port, no escape, no dot segment, no query, no fragment: every parser gives it back
# as it is. The steps are possessive, so that a long address that is none is refused in one pass.
_NORMAL = re.compile(
    r"https?://[a-z0-9]++(?:[.-][a-z0-9]++)*+"
    r"(?::(?!80/|443/)(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
    r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*+/)*+(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*+)?"
)


def is_normal(url: str) -> bool:
    """Whether ``url`` is certainly in normal form (RFC 3986 section 6.2); another one may be too."""
    return _NORMAL.fullmatch(url) is not None
