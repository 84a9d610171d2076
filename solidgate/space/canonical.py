"""One value, one sequence of bytes: RFC 8785 canonical JSON, and the digests that are taken over it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import rfc8785
from pydantic_core import to_json

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def sha256_digest(content: bytes) -> str:
    """``sha256:<hex>`` of the bytes."""
    return "sha256:" + sha256(content).hexdigest()


def is_digest(text: str) -> bool:
    """Whether the text is ``sha256:`` and 64 lower-case hexadecimal digits."""
    return _DIGEST.fullmatch(text) is not None


def canonical_json(tree: Mapping[str, Any]) -> bytes:
    """The RFC 8785 form. Raises ``ValueError`` for what JSON cannot carry exactly (NaN, huge integers)."""
    plain = dict(tree)
    if _is_plain(plain):
        return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    try:
        return rfc8785.dumps(plain)
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error)) from error


def _is_plain(value: object) -> bool:
    """Whether the standard library's form is that of RFC 8785, which it is many times faster at.

    No numbers, whose form differs; names in ASCII, which sort the same by code points and by UTF-16 units.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))  # type: ignore[call-overload]
    return kind is dict and all(
        type(name) is str and name.isascii() and _is_plain(one)
        for name, one in value.items()  # type: ignore[attr-defined]
    )


def tagged_digest(tag: str, tree: Mapping[str, Any]) -> str:
    """The digest of a tree under a version tag, so that no two kinds of document share a digest."""
    return sha256_digest(canonical_json({"solidgate": tag, "of": dict(tree)}))


def canonical_text(tree: Mapping[str, Any]) -> bytes:
    """The same bytes as ``canonical_json``, thirty times as quick, for a tree of two promises.

    Nothing in it is a number, and the names of each object stand in the order of RFC 8785 section 3.2.3.
    What is left of that form, its strings and its white space, is what this writer writes.
    """
    return to_json(tree)


def text_digest(tag: str, tree: Mapping[str, Any]) -> str:
    """``tagged_digest`` of a tree that keeps the promises of ``canonical_text``."""
    return sha256_digest(canonical_text({"of": tree, "solidgate": tag}))
