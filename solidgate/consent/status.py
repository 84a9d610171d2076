"""The states of a consent and the moves between them: facts, not flags.

::

    REQUESTED --> DEFERRED, REFUSED, GIVEN, RENEWED, REVOKED, EXPIRED
    DEFERRED  --> REFUSED, GIVEN, RENEWED, REVOKED, EXPIRED
    GIVEN     --> WITHDRAWN, EXPIRED, REVOKED, INVALIDATED
    RENEWED   --> WITHDRAWN, EXPIRED, REVOKED, INVALIDATED
    REFUSED, WITHDRAWN, EXPIRED, REVOKED, INVALIDATED: final for their record

``UNKNOWN`` is computed when a record cannot be verified; it is never stored as an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from solidgate.errors import TransitionRefused


class ConsentStatus(StrEnum):
    """DPV's consent statuses; ``valid_for_processing`` only for two."""

    REQUESTED = "requested"
    DEFERRED = "deferred"
    GIVEN = "given"
    RENEWED = "renewed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    UNKNOWN = "unknown"

    @property
    def valid_for_processing(self) -> bool:
        """dpv:ConsentStatusValidForProcessing."""
        return self in (ConsentStatus.GIVEN, ConsentStatus.RENEWED)


_S = ConsentStatus
_ENDS = frozenset({_S.WITHDRAWN, _S.EXPIRED, _S.REVOKED, _S.INVALIDATED})
_ANSWERS = frozenset({_S.REFUSED, _S.GIVEN, _S.RENEWED, _S.REVOKED, _S.EXPIRED})
_NONE: frozenset[ConsentStatus] = frozenset()

TRANSITIONS: Mapping[ConsentStatus, frozenset[ConsentStatus]] = MappingProxyType(
    {
        _S.REQUESTED: _ANSWERS | {_S.DEFERRED},
        _S.DEFERRED: _ANSWERS,
        _S.GIVEN: _ENDS,
        _S.RENEWED: _ENDS,
        _S.REFUSED: _NONE,
        _S.WITHDRAWN: _NONE,
        _S.REVOKED: _NONE,
        _S.EXPIRED: _NONE,
        _S.INVALIDATED: _NONE,
        _S.UNKNOWN: _NONE,
    }
)
"""The 19 moves that are allowed, of the 100 ordered pairs of states; every other one is refused."""


def next_status(status: ConsentStatus) -> frozenset[ConsentStatus]:
    """The states that a record in ``status`` can go to; empty for a final one."""
    return TRANSITIONS[status]


def check_transition(status: ConsentStatus, to: ConsentStatus) -> None:
    """Raise ``TransitionRefused`` unless a record may go from ``status`` to ``to``."""
    if to not in TRANSITIONS[status]:
        raise TransitionRefused(f"17: from {status} to {to}")
