"""Who takes part in a space, in the platform's sense of a role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Roles of organisations in a space; a party may have several.

    The first four are the platform's sense; ``CONTROLLER`` is the law's (GDPR Art. 4(7)): who answers to
    the people for the processing. It needs no approval of its own, since a controller is named, not asked.
    """

    OWNER = "space_owner"
    CODE_PROVIDER = "code_provider"
    DATA_CONSUMER = "data_consumer"
    DATA_PROVIDER = "data_provider"
    CONTROLLER = "data_controller"


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation: its WebID, its name for people, its roles and a contact address."""

    webid: str
    name: str
    roles: frozenset[Role]
    contact: str = ""
