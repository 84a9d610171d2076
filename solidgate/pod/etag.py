"""Entity tags: opaque, often missing, and never the truth about content (only a digest is)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


def strong(etag: str | None) -> str | None:
    """The tag if it can stand in ``If-Match``; a weak or malformed one can not (RFC 9110 section 13.1.1)."""
    return etag if etag is not None and _STRONG.fullmatch(etag) else None


def unchanged(etag: str | None) -> Mapping[str, str]:
    """The precondition "still what I saw"; empty when the tag cannot carry one."""
    tag = strong(etag)
    return {"If-Match": tag} if tag else {}


ABSENT: Mapping[str, str] = {"If-None-Match": "*"}
"""The precondition "nothing is there yet"."""
