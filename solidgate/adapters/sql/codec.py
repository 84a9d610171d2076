"""Between the rooms' values and bytes at rest: exact round trips, checked on the way in and on the way out."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def encode(value: object) -> bytes:
    """A dataclass as JSON bytes."""
    return _adapter(type(value)).dump_json(value)


def decode(kind: type[T], content: bytes) -> T:
    """The dataclass back; raises pydantic's ValidationError for bytes that are not one."""
    value: T = _adapter(kind).validate_json(content)
    return value
