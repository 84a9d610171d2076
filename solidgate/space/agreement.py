"""The agreement of a space: everything the parties approve and the person is shown, under one digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose


@dataclass(frozen=True, slots=True)
class Agreement:
    """One immutable version of a space's terms.

    ``validity`` and ``retention`` are xsd:durations (``P6M``); ``algorithm`` and ``output_shape`` are
    ``sha256:`` digests; ``result_container`` a path below the person's storage; ``minimum_level`` the
    isolation that a run must reach; ``languages`` those in which every text is present.
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
