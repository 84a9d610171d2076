"""The texts that signed objects are made of: canonical base64url, and JSON with one reading only."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from solidgate.errors import SignatureInvalid
from solidgate.pod.nesting import depth

MAX_JSON_DEPTH = 16
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def decode_base64url(text: str) -> bytes:
    """Canonical base64url without padding (RFC 7515 section 2); one text for each value, no other."""
    try:
        decoded = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, UnicodeEncodeError) as broken:
        raise SignatureInvalid("not base64url") from broken
    if encode_base64url(decoded) != text:
        raise SignatureInvalid("not canonical base64url")
    return decoded


def encode_base64url(content: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64url(content).decode("ascii")


def base64url(content: bytes) -> bytes:
    """The same as bytes."""
    return binascii.b2a_base64(content, newline=False).translate(_URL_SAFE, b"=")


def compact_json(members: Mapping[str, Any]) -> bytes:
    """JSON without white space, in UTF-8."""
    return _COMPACT.encode(members).encode()


def read(content: bytes) -> Mapping[str, Any]:
    """One JSON object of something signed, nesting at most 16 (RFC 7515 section 4).

    Raises ``SignatureInvalid``.
    """
    try:
        if depth(content) > MAX_JSON_DEPTH:
            raise ValueError("nested too deeply")
        return one_object(content)
    except ValueError as broken:
        raise SignatureInvalid("not one plain JSON object") from broken


def one_object(content: bytes) -> dict[str, Any]:
    """One JSON object in UTF-8, no repeated member, no NaN. Raises ``ValueError``."""
    try:
        value = json.loads(
            content.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constant
        )
    except RecursionError as deep:
        raise ValueError("nested too deeply") from deep
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
