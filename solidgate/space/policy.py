"""What the operator allows a space to ask for: the limits and vocabularies that the lint holds it against."""

from __future__ import annotations

from dataclasses import dataclass, field

from solidgate.errors import SpaceInvalid


@dataclass(frozen=True, slots=True)
class SpacePolicy:
    """Limits for every space of an installation.

    ``purposes`` are the DPV purposes that may stand in ``broader``; ``special`` the classes of special
    category data (GDPR Art. 9). ``plain_http`` lets WebIDs be http outside this machine: development only.
    """

    purposes: frozenset[str]
    special: frozenset[str] = field(default_factory=frozenset)
    longest_validity: str = "P2Y"
    longest_retention: str = "P5Y"
    smallest_group: int = 5
    highest_level: int = 3
    most_purposes: int = 20
    most_resources: int = 500
    longest_text: int = 50_000
    longest_name: int = 200
    shortest_rerun_minutes: float = 60
    plain_http: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One broken rule: the field as it is written in the file, the rule's name, and what to do."""

    field: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message} [{self.rule}]"


def refuse(findings: tuple[Finding, ...]) -> None:
    """Raise ``SpaceInvalid`` with every finding at once, so that a file is corrected in one go."""
    if findings:
        raise SpaceInvalid("; ".join(map(str, findings)))
