"""Paths below a person's storage: one document each, written out, and never a way around a door."""

from __future__ import annotations

import re

_RANGE = re.compile(r"\{(\d{1,6})\.\.(\d{1,6})\}")
# Each character in one spelling, that of ``encodeURIComponent``: these stand for themselves, all others are
# escapes. ``@`` and ``%40`` are two addresses (RFC 3986 section 2.2), and a pod may answer at one only.
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!'()*-]|%[0-9A-F]{2})+")
_NEEDS_NONE = re.compile(r"%(?:2[1789AD]|3[0-9]|[46][1-9A-F]|[57][0-9A]|5F|7E)")
_CHARACTERS = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]+")
_HIDDEN = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:2[eEfF]|5[cC]|00)")
_CONTROL = (".acl", ".acr", ".meta", ".acp", ".shex", ".shacl")


def expand(pattern: str, limit: int) -> tuple[tuple[str, str], ...]:
    """Each path that the pattern stands for, with the number that stands in its place.

    ``energy/{01..12}.ttl`` gives twelve; the width of the first number is kept. A path without a range
    gives itself and an empty number. Raises ``ValueError`` beyond ``limit`` paths or two ranges.
    """
    ranges = _RANGE.findall(pattern)
    if not ranges:
        return ((pattern, ""),)
    if len(ranges) > 1:
        raise ValueError("a path has at most one range")
    first, last = ranges[0]
    if int(last) < int(first):
        raise ValueError(f"the range {first}..{last} runs backwards")
    if int(last) - int(first) >= limit:
        raise ValueError(f"the range stands for more than {limit} documents")
    numbers = [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]
    return tuple((_RANGE.sub(number, pattern), number) for number in numbers)


def path_fault(path: str, *, container: bool = False) -> str:
    """What is wrong with a relative path below a storage; an empty text when nothing is.

    Documents that steer access (``.acl``, ``.acr``, ``.meta``) can never be asked for, whatever the
    person would say: who can read them can see who else has access.
    """
    if path.endswith("/") != container:
        return "must end with / (a container)" if container else "must name one document, not a container"
    segments = (path[:-1] if container else path).split("/")
    if path.startswith("/") or "://" in path:
        return "must be relative to the person's storage"
    if any(segment in ("", ".", "..") for segment in segments):
        return "must not have empty, . or .. segments"
    if not all(_CHARACTERS.fullmatch(segment) for segment in segments) or _HIDDEN.search(path):
        return "must be written with the characters of a URL path, without ? # \\ or encoded / and dots"
    if not all(_SEGMENT.fullmatch(segment) for segment in segments) or _NEEDS_NONE.search(path):
        return (
            "must be spelled as encodeURIComponent does: $ & + , ; = : @ as escapes in capitals (%40 for @), "
            "and no escape of a letter, digit or - . _ ~ ! ' ( ) *"
        )
    if any(segment.lower().endswith(_CONTROL) for segment in segments):
        return "must not name a document that steers access"
    return ""
