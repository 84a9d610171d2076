"""The agreement of a space: everything the parties approve and the person is shown, under one digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from solidgate.errors import SpaceInvalid
from solidgate.identity.strict_json import one_object
from solidgate.space.canonical import canonical_json, tagged_digest
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import LATER, Purpose
from solidgate.space.rerun import BY_HAND


@dataclass(frozen=True, slots=True)
class Agreement:
    """One immutable version of a space's terms.

    ``validity`` and ``retention`` are xsd:durations (``P6M``); ``algorithm`` and ``output_shape`` are
    ``sha256:`` digests; ``result_container`` a path below the person's storage; ``minimum_level`` the
    isolation that a run must reach; ``languages`` those in which every text is present; ``rerun`` when the
    program runs again: ``by-hand``, ``on-change``, an xsd:duration, or a cron expression in UTC.
    """

    space: str
    version: int
    title: Mapping[str, str]
    terms: Mapping[str, str]
    parties: tuple[Party, ...]
    purposes: tuple[Purpose, ...]
    algorithm: str
    output_shape: str
    output_text: Mapping[str, str]
    validity: str
    retention: str
    jurisdiction: str
    storage_location: str
    result_container: str
    languages: tuple[str, ...]
    algorithm_text: Mapping[str, str] = field(default_factory=dict)
    algorithm_source: str = ""
    min_group_size: int = 10
    minimum_level: int = 1
    aggregate_shape: str = ""
    rerun: str = BY_HAND
    parameters: Mapping[str, object] = field(default_factory=dict)

    def with_role(self, role: Role) -> tuple[Party, ...]:
        """The parties that have ``role``, in the order of the file."""
        return tuple(party for party in self.parties if role in party.roles)

    def purpose(self, purpose_id: str) -> Purpose:
        """The purpose with this id; raises KeyError for a foreign one."""
        for purpose in self.purposes:
            if purpose.id == purpose_id:
                return purpose
        raise KeyError(purpose_id)


def controller(agreement: Agreement) -> Party:
    """Who answers for the processing: the first controller, or the owner where none is named."""
    return (agreement.with_role(Role.CONTROLLER) or agreement.with_role(Role.OWNER))[0]


_REMEMBERED = 256
# An agreement never changes, and one that stands here is alive: so its identity stands for its content.
_digests: dict[int, tuple[Agreement, str]] = {}
_TAG = "agreement/1"
_ADAPTER = TypeAdapter(Agreement)


def digest(agreement: Agreement) -> str:
    """``sha256:<hex>`` over the RFC 8785 form of every field, under the tag ``agreement/1``.

    Raises ``SpaceInvalid`` for a parameter that JSON cannot carry exactly.
    """
    known = _digests.get(id(agreement))
    if known is not None:
        return known[1]
    found = _digest(agreement)
    if len(_digests) >= _REMEMBERED:
        _digests.clear()
    _digests[id(agreement)] = (agreement, found)
    return found


def _digest(agreement: Agreement) -> str:
    try:
        return tagged_digest(_TAG, _plain(agreement))
    except ValueError as error:
        raise SpaceInvalid(f"parameters: {error}") from error


def to_json(agreement: Agreement) -> bytes:
    """The agreement as canonical JSON; ``from_json`` gives back an equal value."""
    try:
        return canonical_json(_plain(agreement))
    except ValueError as error:
        raise SpaceInvalid(f"parameters: {error}") from error


@lru_cache(maxsize=_REMEMBERED)
def from_json(content: bytes) -> Agreement:
    """The agreement of ``to_json``. Raises ``SpaceInvalid`` for anything that would be lost or guessed.

    Reading is checked by writing: a document with an unknown, repeated or converted field does not come
    back as itself, so it is refused rather than read in part.
    """
    try:
        tree = one_object(content)
        agreement = _ADAPTER.validate_json(content, strict=True)
    except ValidationError as error:
        raise SpaceInvalid(f"agreement: {_places(error)}") from error
    except (ValueError, RecursionError) as error:
        raise SpaceInvalid(f"agreement: {error}") from error
    if _plain(agreement) != tree:
        raise SpaceInvalid("agreement: the document has a field that is unknown, missing or out of order")
    return agreement


def _places(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:10])


def _plain(value: Any) -> Any:
    """The value as JSON knows it: sets sorted, tuples as lists, enumerations as their text.

    A field that was added later is left out while it says nothing: agreements from before keep their digest.
    """
    if is_dataclass(value):
        told = [one for one in fields(value) if getattr(value, one.name) or LATER not in one.metadata]
        return {one.name: _plain(getattr(value, one.name)) for one in told}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value
