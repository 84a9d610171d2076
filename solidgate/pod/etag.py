"""Entity tags: opaque, often missing, and never the truth about content (only a digest is)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


def strong(etag: str | None) -> str | None:
    """The tag if it can stand in ``If-Match``; a weak or malformed one can not (RFC 9110 section 13.1.1)."""
    return etag if etag is not None and _STRONG.fullmatch(etag) else None


def opaque(etag: str) -> str:
    """What two tags have in common that mean the same by weak comparison (RFC 9110 section 8.8.3.2)."""
    return etag.removeprefix("W/")


def unchanged(etag: str | None) -> Mapping[str, str]:
    """The precondition "still what I saw"; empty when the tag cannot carry one."""
    tag = strong(etag)
    return {"If-Match": tag} if tag else {}


def changed(etag: str | None) -> Mapping[str, str]:
    """The precondition "no longer what I read"; empty when the tag cannot carry one.

    Weak tags are compared weakly (RFC 9110 section 13.1.2): the pod says that both mean the same.
    """
    return {"If-None-Match": etag} if etag is not None and _TAG.fullmatch(etag) else {}


ABSENT: Mapping[str, str] = {"If-None-Match": "*"}
"""The precondition "nothing is there yet"."""
