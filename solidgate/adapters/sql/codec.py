"""Between the rooms' values and bytes at rest: exact round trips, checked both ways."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def _plain(value: object) -> object:
    # Rooms hand out read-only views of mappings, which are not dicts; nothing else is taken.
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not kept")


def encode(value: object) -> bytes:
    """A dataclass as JSON bytes."""
    return _adapter(cast(Hashable, type(value))).dump_json(value, fallback=_plain, warnings=False)


def decode(kind: type[T], content: bytes) -> T:
    """The dataclass back; raises pydantic's ValidationError for bytes that are not one."""
    value: T = _adapter(cast(Hashable, kind)).validate_json(content)
    return value
